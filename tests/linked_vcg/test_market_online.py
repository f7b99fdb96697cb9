"""A market run date by date: in order, looking back only, and clear about what it will not take."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg import Environment, Knapsack, Market

Draw = Callable[..., Environment]
TYPES = np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 1.25]])
STOCK = np.array([10.0, 8.0])
UPPER = np.array([[0.0, 0.5, 2.0], [0.5, 0.0, 2.0]])
REPORTS = np.array([[[0.0, 0.0, 1.0], [0.0, 1.0, 2.0]], [[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]])


def market(**changes: Any) -> Market:
    given: dict[str, Any] = {"lower": 0 * UPPER, "upper": UPPER, "dates": 2, "discount": 0.9, **changes}
    knapsack = Knapsack(given.pop("stock", STOCK), given.pop("types", TYPES))
    return Market(knapsack, given.pop("lower"), given.pop("upper"), **given)


@pytest.mark.parametrize("seed", range(6))
def test_a_date_does_not_depend_on_what_comes_later(draw: Draw, seed: int) -> None:
    """The same first dates with two different futures: allocation, prices and retraction so far are the same."""
    environment = draw(seed, dates=3)
    rng = np.random.default_rng(seed)
    seen = []
    for future in (environment.endowments, environment.endowments * rng.uniform(0, 2, (1, 1, 5))):
        run = Market(Knapsack(environment.stock, environment.types), environment.lower, environment.upper, dates=3)
        found = [run.allocate(environment.endowments[:, date] * 1.3) for date in range(2)]
        run.allocate(future[:, 2])
        seen.append(found)
    for one, other in zip(*seen, strict=True):
        assert np.array_equal(one.reports, other.reports)
        assert np.array_equal(one.projects(), other.projects())
        assert one.investment.geometry.partial.tolist() == other.investment.geometry.partial.tolist()


def test_dates_come_in_order_and_settling_comes_last() -> None:
    run = market()
    assert run.date == 0
    with pytest.raises(InstanceError, match="0 of 2 dates are allocated"):
        run.settle()
    run.allocate(REPORTS[:, 0])
    assert run.date == 1
    with pytest.raises(InstanceError, match="1 of 2 dates are allocated"):
        run.settle()
    run.allocate(REPORTS[:, 1])
    with pytest.raises(InstanceError, match="all 2 dates are allocated; settle, or start a new market"):
        run.allocate(REPORTS[:, 1])
    once, twice = run.settle(), run.settle()
    assert np.array_equal(once.linked_high, twice.linked_high)
    assert np.array_equal(once.contribution, twice.contribution)


@pytest.mark.parametrize(
    ("reports", "word"),
    [
        (np.zeros((3, 3)), r"has shape \(3, 3\), not \(2, 3\) \[agent\]\[type\]"),
        (np.zeros(3), r"has shape \(3,\)"),
        ([[0.0, 1.0, float("nan")], [0.0, 0.0, 0.0]], r"finite and at least 0, not nan \(agent 1, type 3\)"),
        ([[0.0, 1.0, 2.0], [float("inf"), 0.0, 0.0]], r"not inf \(agent 2, type 1\)"),
        ([[0.0, 1.0, -2.0], [0.0, 0.0, 0.0]], r"not -2.0 \(agent 1, type 3\)"),
        ([["a", "b", "c"], ["a", "b", "c"]], "must be numbers"),
        (np.array([[0, 0, "much"], [0, 0, 0]], dtype=object), "'much' is not a number"),
    ],
)
def test_a_bad_report_is_refused_and_can_be_made_good(reports: Any, word: str) -> None:
    run = market()
    with pytest.raises(InstanceError, match=word):
        run.allocate(reports)
    assert run.date == 0
    untouched = market()
    for date in range(2):
        mended, clean = run.allocate(REPORTS[:, date]), untouched.allocate(REPORTS[:, date])
        assert np.array_equal(mended.projects(), clean.projects())
    assert np.array_equal(run.settle().linked_high, untouched.settle().linked_high)


@pytest.mark.parametrize("exactly", [False, True])
def test_a_date_that_fails_leaves_no_trace(exactly: bool) -> None:
    """Types on one price plane: where that price occurs the date is refused, and what it reported is not used up."""
    from mechopt.mechanisms.linked_vcg.vertices import as_fractions

    types = np.array([[1.0], [0.5], [0.5]])  # types 2 and 3 tie wherever both are marginal
    stock, upper = np.array([2.0]), np.array([[1.0, 1.5, 1.5]])
    if exactly:
        types, stock, upper = as_fractions(types), as_fractions(stock), as_fractions(upper)
    run, clean = (Market(Knapsack(stock, types), 0 * upper, upper, dates=3) for _ in range(2))
    for date in ([[0, 2, 0]], [[0, 3, 0]], [[0, 0, 1]]):  # the second is cut to what the first left
        with pytest.raises(InstanceError, match="condition 2 fails"):
            run.allocate(np.array([[0.0, 5.0, 5.0]]))
        dates, unlinked = run.date, run.unlinked.tolist()
        one, other = run.allocate(np.array(date)), clean.allocate(np.array(date))
        assert (run.date, run.unlinked.tolist()) != (dates, unlinked)
        assert one.reports.tolist() == other.reports.tolist()
        assert one.projects().tolist() == other.projects().tolist()
    assert run.unlinked.tolist() == clean.unlinked.tolist()
    assert run.contribution.tolist() == clean.contribution.tolist()


def test_what_the_caller_changes_later_changes_nothing(draw: Draw) -> None:
    """Arrays given to an environment or a market are the caller's: he may reuse them."""
    from dataclasses import fields, replace

    from mechopt.mechanisms.linked_vcg import run

    drawn = draw(1)
    given = {name: getattr(drawn, name).copy() for name in ("stock", "types", "endowments", "lower", "upper")}
    environment, seen = Environment(**given), run(drawn).tables["agents"]["linked_transfer"]
    knapsack = Knapsack(given["stock"], given["types"])
    online = Market(knapsack, given["lower"], given["upper"], dates=drawn.endowments.shape[1])
    for array in given.values():
        array *= 3
    for date in range(drawn.endowments.shape[1]):
        online.allocate(drawn.endowments[:, date].copy())
    assert np.array_equal(run(environment).tables["agents"]["linked_transfer"], seen)
    assert online.settle().linked_high == pytest.approx(np.array(seen), abs=1e-9)
    for field in fields(environment):
        value = getattr(environment, field.name)
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable
            assert getattr(replace(environment), field.name) is value  # what is frozen is not copied again


def test_lists_whole_numbers_and_fractions_are_taken() -> None:
    run = market()
    run.allocate([[0, 0, 1], [1, 0, 2]])  # type: ignore[arg-type]  # lists are converted
    run.allocate(np.array([["0", "1", Fraction(2)], [0, 0, "1/1"]], dtype=object))
    expected = market()
    for date in range(2):
        expected.allocate(REPORTS[:, date])
    assert np.array_equal(run.settle().linked_high, expected.settle().linked_high)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"dates": 0}, "dates: must be a whole number of dates, at least 1, not 0"),
        ({"dates": 1.5}, "not 1.5"),
        ({"discount": 0}, "discount: must be above 0"),
        ({"discount": 1.1}, "discount: must be above 0 and at most 1, not 1.1"),
        ({"discount": float("nan")}, "discount"),
        ({"upper": UPPER[:, :2]}, r"upper: has shape \(2, 2\), not \(at least 1, 3\)"),
        ({"upper": np.zeros((0, 3)), "lower": np.zeros((0, 3))}, "lower: has shape"),
        ({"lower": np.zeros((3, 3))}, "lower: has shape"),
        ({"lower": UPPER + 1}, r"lower: 1.0 is above upper = 0.0 \(agent 1, type 1\)"),
        ({"upper": UPPER * np.nan}, "upper: must be finite"),
        ({"lower": UPPER - 9}, "lower: must be finite and at least 0"),
        ({"stock": np.array([1.0, 0.0])}, "stock: must be above 0"),
        ({"types": TYPES * [[1], [1], [0]]}, "type 3 uses nothing"),
        ({"types": TYPES[[2, 1, 0]]}, "condition 1"),
    ],
)
def test_a_market_that_cannot_be_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        market(**changes)


def test_reports_beyond_the_budget_are_cut_and_the_last_date_makes_up() -> None:
    """Agent 1 may average 2 of type 3 over two dates and must average 1: 5 becomes 4, then nothing is left; agent 2
    reports nothing and is raised to 2 at the last date."""
    least = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    run = market(lower=least)
    first = run.allocate(np.array([[0.0, 0.0, 5.0], [0.0, 0.0, 0.0]]))
    last = run.allocate(np.array([[0.0, 0.0, 5.0], [0.0, 0.0, 0.0]]))
    assert first.reports[:, 2].tolist() == [4.0, 0.0]
    assert last.reports[:, 2].tolist() == [0.0, 2.0]


def test_exact_markets_settle_in_fractions() -> None:
    from mechopt.mechanisms.linked_vcg.vertices import as_fractions

    run = market(stock=as_fractions(STOCK), types=as_fractions(TYPES), discount="9/10")
    for date in range(2):
        run.allocate(REPORTS[:, date])
    assert all(isinstance(value, Fraction) for value in run.settle().unlinked)
