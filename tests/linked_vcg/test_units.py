"""Units are a matter of taste: bytes or terabytes, payoffs in cents or in millions, the mechanism is the same.

Source: zhu2021, Corollary 1: scaling stock and projects scales the investment, and prices do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.linked_vcg.brackets import date_rewards
from mechopt.mechanisms.linked_vcg.checks import check
from mechopt.mechanisms.linked_vcg.confidence import Payoffs, most_from
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.linked import linked_transfer
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, run
from mechopt.mechanisms.linked_vcg.potential import cheapest_transfer
from mechopt.mechanisms.linked_vcg.production import Production

Draw = Callable[..., Environment]
MONEY = ("contribution", "unlinked_transfer", "linked_low", "linked_high")


def in_other_units(environment: Environment, payoff: float, resources: Any) -> Environment:
    """Payoffs and projects times `payoff`, and each resource in units of its own."""
    return Environment(
        stock=environment.stock * payoff * resources, types=environment.types * resources,
        endowments=environment.endowments * payoff, lower=environment.lower * payoff, upper=environment.upper * payoff,
        discount=environment.discount,
    )  # fmt: skip


def cases(draw: Draw) -> Any:
    for seed in range(6):
        environment = draw(seed, agents=3, dates=1 + seed % 3, types=5, discount=[1.0, 0.9][seed % 2])
        rng = np.random.default_rng(seed)
        for size in (1e-9, 1e-4, 1e9):
            yield environment, in_other_units(environment, size, 10.0 ** rng.integers(-9, 10, 2)), size


def test_everything_scales_with_the_units(draw: Draw) -> None:
    for plain, scaled, size in cases(draw):
        expected, found = run(plain).tables["agents"], run(scaled).tables["agents"]
        most = float(np.max(expected["unlinked_transfer"]))
        for name in MONEY:
            assert np.asarray(found[name]) / size == pytest.approx(np.asarray(expected[name]), abs=2e-7 * most), name
        for name in ("method", "price_invariant", "served_invariant"):
            assert list(found[name]) == list(expected[name])


def test_a_bracket_is_a_bracket_in_any_units(draw: Draw) -> None:
    """A search cut off at once: the two ends are as far apart as before, and neither is paid as if it were proven."""
    plain = draw(1, agents=3, dates=2, types=5)
    scaled = in_other_units(plain, 1e-10, np.array([1.0, 1e6]))
    expected, found = (run(one, limits=Limits(pieces=0)) for one in (plain, scaled))
    assert expected.guarantee.kind == found.guarantee.kind == "bounded"
    for name in ("linked_low", "linked_high"):
        assert np.asarray(found.tables["agents"][name]) / 1e-10 == pytest.approx(expected.tables["agents"][name])


def test_the_checks_hold_in_any_units_and_can_fail_in_any(draw: Draw) -> None:
    for number, (_, scaled, _) in enumerate(cases(draw)):
        if number % 3:
            continue
        outcome = run(scaled)
        assert all(
            finding.holds for finding in check(scaled, outcome) if finding.property != "linked_at_least_cheapest"
        )
        agents: dict[str, Any] = dict(outcome.tables["agents"])
        dates: dict[str, Any] = dict(outcome.tables["dates"])
        agents["linked_transfer"] = -0.01 * np.asarray(agents["unlinked_transfer"])
        used = np.array(dates["investment"])
        small = int(np.argmin(scaled.stock))  # one per cent of a resource whose numbers are small beside another's
        used[:, small] += 0.01 * scaled.stock[small] / scaled.types[small, small]
        dates["investment"] = used.tolist()
        wrong = type(outcome)(
            mechanism=outcome.mechanism, title="", status=outcome.status, guarantee=outcome.guarantee,
            summary=outcome.summary, tables={"agents": agents, "dates": dates},
        )  # fmt: skip
        failed = {finding.property for finding in check(scaled, wrong) if not finding.holds}
        assert {"limited_liability", "exhaustiveness", "taken_off_is_least"} <= failed


def test_one_agent_alone_in_any_units(draw: Draw) -> None:
    for plain, scaled, size in cases(draw):
        expected, found = linked_transfer(plain, 1), linked_transfer(scaled, 1)
        assert found.high / size == pytest.approx(expected.high, abs=2e-7 * expected.unlinked)
        assert found.low == found.high  # nothing was cut off, so that rounding must not look like a bracket
        assert found.method == expected.method
        given, other = Production(scaled, 1), Production(plain, 1)
        assert sum(given.payoff(given.truth)) / size == pytest.approx(sum(other.payoff(other.truth)))
        told, again = np.stack([given.truth * 0.5, given.truth]), np.stack([other.truth * 0.5, other.truth])
        assert np.array(given.payoffs(told)) / size == pytest.approx(np.array(other.payoffs(again)), rel=1e-7)


def test_potentials_and_brackets_in_any_units(draw: Draw) -> None:
    for number, (plain, scaled, size) in enumerate(cases(draw)):
        today, usual = scaled.endowments[:, 0], plain.endowments[:, 0]
        most = (scaled.upper * scaled.endowments.shape[1], plain.upper * plain.endowments.shape[1])
        found = date_rewards(today, most[0], knapsack(scaled).invest(today.sum(axis=0)), scaled.types)
        expected = date_rewards(usual, most[1], knapsack(plain).invest(usual.sum(axis=0)), plain.types)
        assert found.constant.tolist() == expected.constant.tolist()
        assert found.settled.tolist() == expected.settled.tolist()
        assert found.low == pytest.approx(expected.low)
        assert found.own / size == pytest.approx(expected.own)
        if number % 4 == 0:
            least, usually = (cheapest_transfer(one, 1, count=9).cheapest[0] for one in (scaled, plain))
            assert least / size == pytest.approx(usually, abs=1e-6)


def test_the_most_payoff_of_a_stock_in_any_units(draw: Draw) -> None:
    for plain, scaled, size in cases(draw):
        assert most_from(scaled.stock, scaled.types) / size == pytest.approx(
            most_from(plain.stock, plain.types), rel=1e-9
        )
        whole = Payoffs.of(scaled.stock, scaled.types).project
        assert whole == pytest.approx(Payoffs.of(plain.stock, plain.types).project, rel=1e-9)
