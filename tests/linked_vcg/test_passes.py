"""The passes over all agents, all dates at once, against the plain allocation agent by agent and date by date."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg import sums as passes
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.market import Market
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.ordered import behind, retract, serve
from mechopt.mechanisms.linked_vcg.price_taking import examine
from mechopt.mechanisms.linked_vcg.room import Room
from mechopt.mechanisms.linked_vcg.sums import Step, Sums, weighted

Draw = Callable[..., Environment]
whole = st.integers(0, 4)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few agents, so that every test crosses several."""
    monkeypatch.setattr(passes, "BLOCK", 8 * 3 * 7)


def table(rows: list[list[int]], exact: bool) -> Any:
    array = np.array(rows, dtype=object if exact else float).reshape(len(rows), 3)
    return array * Fraction(1, 3) if exact else array / 4  # quarters: sums of floats are exact


@pytest.mark.parametrize("exact", [False, True])
@settings(max_examples=60)
@given(rows=st.lists(st.lists(whole, min_size=3, max_size=3), min_size=1, max_size=40), limit=st.integers(-1, 90))
def test_the_crossing_is_where_the_plain_sums_cross(exact: bool, rows: list[list[int]], limit: int) -> None:
    reports = table(rows, exact)
    sums, edge = Sums(reports), Fraction(limit, 3) if exact else limit / 4
    assert sums.total.tolist() == reports.sum(axis=0).tolist()
    own, before = behind(reports, np.arange(3))
    assert own.tolist() == reports.T.tolist()
    some = np.arange(len(rows))[:: 1 + limit % 5]
    assert sums.behind(some, np.array([2, 0])).tolist() == before[[2, 0]].T[some].tolist()
    assert sums.part(slice(1, 3)).behind(some, slice(None)).tolist() == before[1:].T[some].tolist()
    for column in range(3):
        agent, found = sums.crossing(column, edge)
        below = [place for place, value in enumerate(before[column].tolist()) if value < edge]
        assert agent == (below[0] if below else len(rows))
        assert found == (before[column][agent] if below else 0)
        assert below == list(range(agent, len(rows)))


@pytest.mark.parametrize("exact", [False, True])
@settings(max_examples=40)
@given(
    rows=st.lists(st.lists(whole, min_size=3, max_size=3), min_size=1, max_size=30),
    steps=st.lists(st.tuples(st.integers(0, 31), st.integers(0, 1), st.integers(0, 2), whole), max_size=8),
)
def test_weights_change_where_the_steps_say(exact: bool, rows: list[list[int]], steps: Any) -> None:
    reports = table(rows, exact)
    weights = np.array([[1, 0, 2], [0, 3, 1]], dtype=reports.dtype)
    found = weighted(reports, weights, [Step(*step) for step in steps])
    for agent, report in enumerate(reports):
        mine = weights.copy()
        for start, row, column, value in sorted(steps, key=lambda step: step[0]):
            if start <= agent:
                mine[row, column] = value
        assert found[:, agent].tolist() == [report @ mine[0], report @ mine[1]]


def plain(environment: Environment, reports: Any) -> dict[str, Any]:
    """Everything date by date and agent by agent: contributions, tests, and the closed form of Lemma 6."""
    agents, dates, kinds = reports.shape
    beta, solver = environment.discount, knapsack(environment)
    market = Market(solver, environment.lower, environment.upper, dates=dates, discount=beta)
    own, price, served, linear = 0 * reports[:, 0, 0], *(np.ones(agents, dtype=bool) for _ in range(3))
    spent, best = 0 * own, 0 * environment.upper
    for date in range(dates):
        total = reports[:, date].sum(axis=0)
        found = Knapsack(environment.stock, environment.types, possible=solver.possible).invest(total)
        tested = examine(Sums(reports[:, date]), np.arange(agents), found, market.bounds, resources=solver.resources,
                         tolerance=0.0 if reports.dtype == object else 1e-11)  # fmt: skip
        own = own + beta**date * serve(reports[:, date], found).own
        price, served, linear = price & tested.price_invariant, served & tested.served_invariant, linear & tested.linear
        always = np.zeros((agents, kinds), dtype=bool)
        always[:, found.geometry.full] = True
        always[:, found.geometry.partial] = tested.served.T
        worth = np.minimum(environment.types @ found.geometry.price, 1) * beta ** (date + 1 - dates)
        reward = np.where(always, worth, 0 * worth)
        best, spent = np.maximum(best, reward), spent + (reward * reports[:, date]).sum(axis=1)
    return {"contribution": own, "price_invariant": price, "served_invariant": served, "linear": linear,
            "closed": np.maximum((best * environment.upper).sum(axis=1) * dates - spent, 0 * own)}  # fmt: skip


def crowd(seed: int, arithmetic: str = "float", agents: int = 120) -> Environment:
    """Agents small enough that many are settled by position, many are not, and one may be a giant."""
    rng = np.random.default_rng(seed)
    types = np.array([[3.0, 0.0], [0.0, 2.5], [1.2, 0.7], [0.4, 1.1], [0.8, 0.95], [1.0, 0.3]])
    endowments = np.round(rng.uniform(0.5, 1.5, (agents, 3, 6)), 2) * (rng.random((agents, 3, 6)) < 0.9)
    if seed % 3 == 0:
        endowments[rng.integers(agents)] *= 20
    average = np.round(endowments.mean(axis=1), 2)
    share = np.round(rng.uniform(0.15, 0.8, 2), 2)
    return Environment(
        stock=np.round(endowments.sum(axis=(0, 1)) / 3 @ types * share, 2), types=types, endowments=endowments,
        lower=0 * average, upper=average + 0.02, discount=[1.0, 0.9][seed % 2], arithmetic=arithmetic,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("arithmetic", ["float", "exact"])
def test_all_dates_in_two_passes_give_what_the_plain_allocation_gives(arithmetic: str) -> None:
    by_position = one_by_one = 0
    for seed in range(14 if arithmetic == "float" else 5):
        environment = crowd(seed, arithmetic, agents=120 if arithmetic == "float" else 60)
        reports = retract(environment.endowments, environment.lower, environment.upper)[0]
        expected = plain(environment, reports)
        market = Market(knapsack(environment), environment.lower, environment.upper, dates=3,
                        discount=environment.discount)  # fmt: skip
        market.allocate_all(reports)
        searched = {int(agent) for kept in market._kept for agent in kept.searched}
        examined = {int(agent) for kept in market._kept for agent in kept.test.examined}
        by_position, one_by_one = by_position + len(reports) - len(examined), one_by_one + len(examined)
        assert searched == set(np.flatnonzero(~expected["linear"]).tolist())
        for kept in market._kept:
            kept.searched = kept.searched[:0]  # only the closed form
        settled = market.settle()
        for name in ("price_invariant", "served_invariant"):
            assert getattr(settled, name).tolist() == expected[name].tolist()
        closed = expected["linear"]
        for found, wanted in ((settled.contribution, expected["contribution"]),
                              (settled.linked_high[closed], expected["closed"][closed])):  # fmt: skip
            if arithmetic == "exact":
                assert found.tolist() == wanted.tolist()
            else:
                assert np.allclose(found, wanted, rtol=1e-12, atol=1e-11)
    assert by_position > 50
    assert one_by_one > 50


@settings(max_examples=60)
@given(
    rows=st.lists(st.lists(st.lists(whole, min_size=3, max_size=3), min_size=3, max_size=3), min_size=1, max_size=12),
    upper=st.lists(whole, min_size=3, max_size=3), lower=st.lists(st.integers(0, 3), min_size=3, max_size=3),
)  # fmt: skip
def test_the_room_left_date_by_date_is_the_retraction(rows: Any, upper: list[int], lower: list[int]) -> None:
    """Exact numbers, over and under their bounds: the same reports as `retract`, which sees all dates at once."""
    endowments = np.array(rows, dtype=object).reshape(len(rows), 3, 3) * Fraction(1, 3)
    most = np.array([upper] * len(rows), dtype=object) * Fraction(1, 3)
    least = np.minimum(np.array([lower] * len(rows), dtype=object) * Fraction(1, 3), most)
    room, expected = Room(least, most, 3), retract(endowments, least, most)[0]
    for date in range(3):
        room.take(endowments[:, date] * 7, last=date == 2)  # taken, not kept: without a trace
        reports, parts = room.take(endowments[:, date], last=date == 2)
        room.keep()
        assert reports.tolist() == expected[:, date].tolist()
        assert parts.sum(axis=0).tolist() == reports.sum(axis=0).tolist()


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_a_report_that_is_no_quantity_takes_nothing(value: float) -> None:
    lower, upper = np.zeros((20, 3)), np.ones((20, 3))
    room, reports = Room(lower, upper, 2), np.full((20, 3), 0.5)
    bad = reports.copy()
    bad[13, 1] = value
    with pytest.raises(InstanceError, match=r"finite and at least 0.*agent 14, type 2"):
        room.take(bad, last=False)
    assert room.take(reports * 4, last=False)[0].tolist() == (reports * 4).tolist()
    room.keep()
    assert room.take(reports, last=True)[0].tolist() == (0 * reports).tolist()


def test_a_price_vertex_seen_before_needs_no_solver(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same investment as a fresh solve, proven as exactly; where the vertex changes, the solver is asked again."""
    asked = again = 0
    for seed in range(20):
        environment = draw(seed, dates=1, agents=5, types=6, **({"arithmetic": "exact", "digits": 2} if seed % 4 == 0
                                                               else {}))  # fmt: skip
        total = environment.endowments[:, 0].sum(axis=0)
        remembering = knapsack(environment)
        remembering.invest(total)
        original, calls = remembering._hot.solve, [0]

        def counted(calls: list[int] = calls, original: Any = original, **options: Any) -> Any:
            calls[0] += 1
            return original(**options)

        monkeypatch.setattr(remembering._hot, "solve", counted)
        rng = np.random.default_rng(seed)
        for _ in range(6):
            scale = rng.integers(80, 120, total.size)
            moved = total * scale * Fraction(1, 100) if total.dtype == object else total * scale / 100
            before = calls[0]
            found, fresh = remembering.invest(moved), knapsack(environment).invest(moved)
            again, asked = again + (calls[0] == before), asked + (calls[0] > before)
            assert found.amount.tolist() == fresh.amount.tolist()
            assert found.value == fresh.value
            assert found.certificate.objective == fresh.certificate.objective
            assert found.unique_price == fresh.unique_price
            assert list(found.price_range) == list(fresh.price_range)
            assert found.geometry.partial.tolist() == fresh.geometry.partial.tolist()
    assert again > 40
    assert asked > 5
