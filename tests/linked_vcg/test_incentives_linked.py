"""Ex-post deviations: nobody gains, the reports tried are what they are called, and a wrong mechanism is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.finding import Finding
from mechopt.mechanisms.linked_vcg.checks import check
from mechopt.mechanisms.linked_vcg.deviations import best_deviation, deviations
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import run
from mechopt.mechanisms.linked_vcg.production import Production
from mechopt.outcome import Outcome

Draw = Callable[..., Environment]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    dates=st.integers(1, 3),
    resources=st.integers(1, 3),
    discount=st.sampled_from([1.0, 0.6]),
)
def test_nobody_gains_by_any_report(draw: Draw, seed: int, dates: int, resources: int, discount: float) -> None:
    """Proposition 1, and the half of Theorem 1 that holds."""
    environment = draw(seed, dates=dates, types=resources + 3, resources=resources, discount=discount)
    agent = seed % 4
    found = best_deviation(environment, agent, count=24, seed=seed)
    assert found.gain <= 1e-9
    assert sum(found.tried.values()) >= 24
    table = run(environment).tables["agents"]
    taken_off = table["unlinked_transfer"][agent] - table["linked_transfer"][agent]
    assert found.least_left >= taken_off - 1e-7


@pytest.mark.parametrize("seed", range(6))
def test_reports_are_of_the_kind_they_are_called(draw: Draw, seed: int) -> None:
    environment = draw(seed, dates=1 + seed % 3)
    dates = environment.endowments.shape[1]
    low, high = dates * environment.lower[0], dates * environment.upper[0]
    truth = Production(environment, 0).truth
    kinds: dict[str, int] = {}
    left = 0
    for kind, report in deviations(environment, 0, truth, count=30, seed=seed):
        kinds[kind] = kinds.get(kind, 0) + 1
        total = report.sum(axis=0)
        inside = bool(np.all(total <= high + 1e-12) and np.all(total >= low - 1e-12))
        assert np.all(report >= 0)
        if kind == "corner":
            assert inside
            assert np.all((report > 0).sum(axis=0) <= 1)
            assert all(value in (low[place], high[place]) for place, value in enumerate(total))
        if kind == "inside":
            assert inside
        left += kind == "outside" and not inside
    assert set(kinds) == {"corner", "inside", "outside"}
    assert left >= 3


def test_every_corner_is_tried_where_there_are_few() -> None:
    """Two dates, one type of two totals: four corners; the other type has no budget."""
    environment = Environment(
        stock=np.array([1.0]), types=np.array([[1.0], [0.5]]), endowments=np.array([[[0.0, 0.5], [0.0, 0.5]]]),
        lower=np.array([[0.0, 0.25]]), upper=np.array([[0.0, 0.75]]),
    )  # fmt: skip
    truth = Production(environment, 0).truth
    corners = [report[:, 1].tolist() for kind, report in deviations(environment, 0, truth, count=12, seed=0)
               if kind == "corner"]  # fmt: skip
    assert sorted(corners) == [[0.0, 0.5], [0.0, 1.5], [0.5, 0.0], [1.5, 0.0]]


def test_without_transfers_somebody_gains(draw: Draw) -> None:
    """The same reports find the gain where it is there: only own production counts, and over-reporting gets more."""
    gains = 0
    for seed in range(6):
        environment = draw(seed)
        production = Production(environment, 0)
        truth = production.payoff(production.truth)[0]
        tried = deviations(environment, 0, production.truth, count=30, seed=0)
        gains += max(production.payoff(report)[0] for _, report in tried) > truth + 1e-6
    assert gains >= 3


def test_own_and_others_production_add_up(draw: Draw) -> None:
    environment = draw(3, discount=0.8)
    table = run(environment).tables["agents"]
    for agent in range(4):
        production = Production(environment, agent)
        own, left = production.payoff(production.truth)
        assert own * 0.8**2 == pytest.approx(table["contribution"][agent])
        assert left == pytest.approx(table["unlinked_transfer"][agent])


def one_agent(own: float) -> Environment:
    """Idle projects of the marginal type wait, so that the whole linked transfer is needed (see test_potential)."""
    return Environment(
        stock=np.array([1.0]), types=np.array([[4.0], [0.5], [1.0]]),
        endowments=np.array([[[0.0, own, 10.0]], [[0.0, 0.0, 10.0]]]),
        lower=np.array([[0.0, 0.0, 10.0], [0.0, 0.0, 10.0]]), upper=np.array([[0.0, 1.0, 10.0], [0.0, 0.0, 10.0]]),
    )  # fmt: skip


def changed(outcome: Outcome, name: str, by: float) -> Outcome:
    agents: dict[str, Any] = dict(outcome.tables["agents"])
    agents[name] = np.asarray(agents[name]) + by
    return replace(outcome, tables={**outcome.tables, "agents": agents})


def of(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.property == name)


def test_the_checks_notice_a_transfer_that_is_too_low() -> None:
    environment = one_agent(0.25)
    right = run(environment)
    assert all(finding.holds for finding in check(environment, right))
    wrong = check(environment, changed(right, "linked_transfer", -0.01))
    assert not of(wrong, "taken_off_is_least").holds
    assert of(wrong, "taken_off_is_least").margin == pytest.approx(-0.01)
    assert not of(wrong, "linked_at_least_cheapest").holds
    low = check(environment, changed(right, "unlinked_transfer", -0.01))
    assert not of(low, "incentive_compatibility").holds
    witness = of(low, "incentive_compatibility").witness
    assert witness is not None
    assert witness["kind"] in ("corner", "inside", "outside")


def test_the_audit_is_left_out_where_it_would_take_too_long(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = draw(0)
    names = {finding.property for finding in check(environment, run(environment))}
    assert "linked_at_least_cheapest" in names
    monkeypatch.setattr("mechopt.mechanisms.linked_vcg.checks.PROGRAMS", 10)
    names = {finding.property for finding in check(environment, run(environment))}
    assert "linked_at_least_cheapest" not in names
    assert "incentive_compatibility" in names
