"""Certificates: exact optimality recomputed by hand, wrong bases refused, degenerate prices as intervals."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import exact, prices
from mechopt.certify import Certificate, certify, certify_basis
from mechopt.errors import CertificateError, SolveError
from mechopt.prices import Interval, point_intervals, price_intervals
from mechopt.program import AT_LOWER, AT_UPPER, BASIC, Basis, LinearProgram, Solution
from mechopt.rational import decimals
from mechopt.residuals import Residuals, residuals
from mechopt.solver import solve

INF = np.inf


def fractions(values: np.ndarray) -> list[Any]:
    return [value if abs(value) == INF else Fraction(exact.parse(value)) for value in values.tolist()]


def prove(program: LinearProgram, found: Certificate) -> None:
    """Optimality from its definition, in Fractions: feasible point, right signs, equal objectives."""
    point, dual = found.point.tolist(), found.dual.tolist()
    cost, value = fractions(program.cost), fractions(program.value)
    reduced, activity = list(cost), [Fraction(0)] * program.rows
    for column in range(program.columns):
        for entry in range(program.start[column], program.start[column + 1]):
            row = program.index[entry]
            activity[row] += value[entry] * point[column]
            reduced[column] -= value[entry] * dual[row]
    total = Fraction(exact.parse(program.offset))
    sign = 1 if program.sense == "max" else -1
    for at, price, low, high in (
        (point, reduced, fractions(program.lower), fractions(program.upper)),
        (activity, dual, fractions(program.row_lower), fractions(program.row_upper)),
    ):
        for here, slope, bottom, top in zip(at, price, low, high, strict=True):
            assert bottom <= here <= top
            if slope:
                total += slope * (top if sign * slope > 0 else bottom)
    assert total == found.objective
    assert found.objective == sum(
        (c * x for c, x in zip(cost, point, strict=True)), Fraction(exact.parse(program.offset))
    )


def random_program(seed: int, *, digits: int | None = None, rows: int = 3, columns: int = 6) -> LinearProgram:
    """Random limits on both sides; few digits make ties."""
    rng = np.random.default_rng(seed)

    def number(low: float, high: float, shape: Any) -> np.ndarray:
        drawn = rng.uniform(low, high, shape)
        return drawn if digits is None else np.round(drawn, digits)

    return LinearProgram.from_dense(
        number(-1.0, 1.0, (rows, columns)),
        sense="max" if seed % 2 else "min",
        cost=number(-1.0, 1.0, columns),
        lower=np.where(rng.random(columns) < 0.7, 0.0, -number(0.0, 1.0, columns)),
        upper=number(0.0, 2.0, columns),
        row_lower=np.where(rng.random(rows) < 0.5, -INF, -number(0.0, 1.0, rows)),
        row_upper=np.where(rng.random(rows) < 0.2, INF, number(0.0, 1.0, rows)),
        offset=0.25,
    )


@pytest.mark.parametrize("digits", [None, 1, 0])
@pytest.mark.parametrize("seed", range(60))
def test_certificate_proves_optimality_from_its_definition(seed: int, digits: int | None) -> None:
    program = random_program(seed, digits=digits)
    solution = solve(program)
    found = certify(program, solution)
    assert isinstance(found, Certificate), found
    prove(program, found)
    assert float(found.objective) == pytest.approx(solution.objective, abs=1e-8)


@pytest.mark.parametrize("shape", [(2, 60), (60, 2)])
def test_certificate_holds_for_wide_and_for_tall_programs(shape: tuple[int, int]) -> None:
    program = random_program(3, rows=shape[0], columns=shape[1])
    found = certify(program, solve(program))
    assert isinstance(found, Certificate)
    prove(program, found)


def test_every_basis_of_a_small_program_is_accepted_exactly_when_it_is_optimal() -> None:
    """All 2-row bases by brute force: the accepted ones share the best objective, and no other basis reaches it."""
    program = LinearProgram.from_dense(
        [[1.0, 2.0, 3.0], [2.0, 1.0, 1.0]],
        sense="max",
        cost=[3.0, 4.0, 5.0],
        lower=0.0,
        upper=[2.0, 3.0, 1.0],
        row_lower=[-INF, -INF],
        row_upper=[7.0, 5.0],
    )
    best = certify(program, solve(program)).objective
    accepted = 0
    for choice in itertools.product([AT_LOWER, BASIC, AT_UPPER], repeat=5):
        if sum(status == BASIC for status in choice) != 2 or AT_LOWER in choice[3:]:
            continue
        basis = Basis(columns=np.array(choice[:3], np.int8), rows=np.array(choice[3:], np.int8))
        try:
            found = certify_basis(program, basis)
        except CertificateError:
            continue
        accepted += 1
        assert found.objective == best
        prove(program, found)
    assert accepted >= 1


def test_numbers_count_as_their_shortest_decimals() -> None:
    """0.1 + 0.2 of the stock 0.3 fits exactly, though its float sum is above 0.3."""
    program = LinearProgram.from_dense(
        [[1.0, 1.0], [1.0, 0.0]],
        sense="max",
        cost=[1.0, 1.0],
        lower=0.0,
        upper=[0.1, 0.2],
        row_lower=[-INF, -INF],
        row_upper=[0.3, INF],
    )
    basis = Basis(columns=np.array([AT_UPPER, AT_UPPER], np.int8), rows=np.array([BASIC, BASIC], np.int8))
    found = certify_basis(program, basis)
    assert found.objective == Fraction(3, 10)
    assert found.row_side.tolist() == [1, 0]  # exactly tight, decided in rationals
    with pytest.raises(CertificateError, match="row 0 is violated"):
        certify_basis(replace(program, row_upper=np.array([0.3 - 1e-16, INF])), basis)


def test_exact_data_give_exact_results() -> None:
    third = Fraction(1, 3)
    program = LinearProgram.from_dense(
        np.array([[third, 1]], dtype=object),
        sense="max",
        cost=[1.0, 1.0],
        lower=0.0,
        upper=np.array([Fraction(1, 7), INF], dtype=object),
        row_lower=[-INF],
        row_upper=np.array([Fraction(2, 5)], dtype=object),
    )
    found = certify(program, solve(program))
    assert isinstance(found, Certificate)
    assert found.point.tolist() == [Fraction(1, 7), Fraction(2, 5) - third * Fraction(1, 7)]
    assert found.dual.tolist() == [1]
    prove(program, found)


def test_wrong_bases_are_refused_in_words() -> None:
    program = random_program(1)
    basis = solve(program).basis
    assert basis is not None
    short = Basis(columns=basis.columns[:-1], rows=basis.rows)
    with pytest.raises(CertificateError, match="another program"):
        certify_basis(program, short)
    all_basic = Basis(columns=np.full(6, BASIC, np.int8), rows=basis.rows)
    with pytest.raises(CertificateError, match="not a basis"):
        certify_basis(program, all_basic)
    twins = LinearProgram.from_dense([[1.0, 1.0], [1.0, 1.0]], sense="max", cost=[1.0, 1.0], lower=0.0, upper=INF,
                                     row_lower=[-INF, -INF], row_upper=[1.0, 2.0])  # fmt: skip
    singular = Basis(columns=np.full(2, BASIC, np.int8), rows=np.full(2, AT_UPPER, np.int8))
    with pytest.raises(CertificateError, match="depend"):
        certify_basis(twins, singular)
    infinite = Basis(columns=np.full(2, AT_UPPER, np.int8), rows=np.full(2, BASIC, np.int8))
    with pytest.raises(CertificateError, match="infinite"):
        certify_basis(twins, infinite)


def test_the_json_writer_reads_floats_as_exact_parse_does() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**63, 5000).view(np.float64)
    values = values[np.isfinite(values)]
    extra = np.array([0.0, -0.0, 5e-324, 1e22, 1e23, 2.0**53, 0.1, 1.7976931348623157e308])
    for array in (values, extra):
        assert [Fraction(value) for value in decimals(array)] == [Fraction(exact.parse(v)) for v in array.tolist()]


def knapsack(stock: list[float], supply: list[float]) -> LinearProgram:
    """Two resources; types (2, 0), (0, 2), (1, 1)."""
    return LinearProgram.from_dense(
        [[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]],
        sense="max",
        cost=np.ones(3),
        lower=0.0,
        upper=supply,
        row_lower=[-INF, -INF],
        row_upper=stock,
    )


def test_prices_that_are_not_unique_are_intervals() -> None:
    """One resource, types of use 1 and 4, one unit of the first, stock 1: every price in [1/4, 1] supports it."""
    program = LinearProgram.from_dense([[4.0, 1.0]], sense="max", cost=[1.0, 1.0], lower=0.0, upper=[INF, 1.0],
                                       row_lower=[-INF], row_upper=[1.0])  # fmt: skip
    found = certify(program, solve(program))
    assert isinstance(found, Certificate)
    assert found.dual_unique is False
    assert price_intervals(found) == [Interval(low=Fraction(1, 4), high=Fraction(1), exact=True)]
    assert found.primal_unique is True
    assert [interval.low for interval in point_intervals(found)] == [0, 1]


def test_points_that_are_not_unique_are_intervals() -> None:
    """Type (1, 1) does what half of each single-resource type does: the paper's broken condition 2 (Figure 1b)."""
    found = certify(knapsack([1.0, 1.0], [INF, INF, 1.0]), solve(knapsack([1.0, 1.0], [INF, INF, 1.0])))
    assert isinstance(found, Certificate)
    assert found.objective == 1
    assert price_intervals(found) == [Interval(low=Fraction(1, 2), high=Fraction(1, 2), exact=True)] * 2
    intervals = [(interval.low, interval.high) for interval in point_intervals(found)]
    assert intervals == [(0, Fraction(1, 2)), (0, Fraction(1, 2)), (0, 1)]
    assert not all(interval.unique for interval in point_intervals(found))


def test_prices_without_a_limit_are_infinite() -> None:
    """An equality that holds a fixed variable in place can have any price."""
    program = LinearProgram.from_dense([[1.0]], sense="max", cost=[1.0], lower=2.0, upper=2.0,
                                       row_lower=[2.0], row_upper=[2.0])  # fmt: skip
    found = certify(program, solve(program))
    assert isinstance(found, Certificate)
    assert price_intervals(found) == [Interval(low=-INF, high=INF, exact=True)]


@pytest.mark.parametrize("need", [1e-9, 1e-12, 1e-13, 1e-16])
def test_a_very_high_price_is_not_taken_for_an_infinite_one(need: float) -> None:
    """Types of use 4 and `need`, one unit of the second, stock `need`: every price in [1/4, 1 / need] supports it.

    HiGHS drops entries of 1e-12 and less, and would say that the price can grow for ever.
    """
    program = LinearProgram.from_dense([[4.0, need]], sense="max", cost=[1.0, 1.0], lower=0.0, upper=[INF, 1.0],
                                       row_lower=[-INF], row_upper=[need])  # fmt: skip
    basis = Basis(columns=np.array([BASIC, AT_UPPER], np.int8), rows=np.array([AT_UPPER], np.int8))
    high = 1 / Fraction(str(need))
    assert price_intervals(certify_basis(program, basis)) == [Interval(low=Fraction(1, 4), high=high, exact=True)]


def test_an_infinite_price_is_proven_by_a_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that says "unbounded" where the price ends at 1 is not believed."""
    program = LinearProgram.from_dense([[4.0, 1.0]], sense="max", cost=[1.0, 1.0], lower=0.0, upper=[INF, 1.0],
                                       row_lower=[-INF], row_upper=[1.0])  # fmt: skip
    found = certify(program, solve(program))
    assert isinstance(found, Certificate)

    def mistaken(given: LinearProgram) -> Solution:
        if given.sense == "max" and np.isinf(given.upper).all():
            raise SolveError("unbounded: row 0 can grow for ever")
        return solve(given)

    monkeypatch.setattr(prices, "solve", mistaken)
    assert price_intervals(found) == [Interval(low=Fraction(1, 4), high=INF, exact=False)]


@pytest.mark.parametrize("seed", range(80))
def test_uniqueness_flags_agree_with_the_intervals(seed: int) -> None:
    program = random_program(seed, digits=0)
    found = certify(program, solve(program))
    assert isinstance(found, Certificate)
    # By linear programs on the faces, even where the flags say that one solution is all.
    if found.dual_unique is not None:
        face = prices._dual_face(found)
        assert all(prices._extremes(face, row).unique for row in range(program.rows)) is found.dual_unique
    if found.primal_unique is not None:
        face = prices._primal_face(found)
        assert all(prices._extremes(face, column).unique for column in range(program.columns)) is found.primal_unique
    for interval, value in zip(price_intervals(found), found.dual, strict=True):
        assert interval.low <= value <= interval.high
    for interval, value in zip(point_intervals(found), found.point, strict=True):
        assert interval.low <= value <= interval.high


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), noise=st.floats(0.0, 1.0))
def test_the_residual_bound_holds_for_any_shadow_prices(seed: int, noise: float) -> None:
    program = random_program(seed)
    solution = solve(program)
    optimum = certify(program, solution)
    assert isinstance(optimum, Certificate)
    rng = np.random.default_rng(seed)
    shaken = replace(solution, dual=solution.dual + noise * rng.normal(size=program.rows), basis=None)
    found = certify(program, shaken)
    assert isinstance(found, Residuals)
    sign = 1 if program.sense == "max" else -1
    assert sign * Fraction(found.bound) >= sign * optimum.objective
    if noise == 0.0:
        assert found.error < 1e-7


def test_guarantees_say_what_was_checked() -> None:
    program = random_program(2)
    solution = solve(program)
    assert certify(program, solution).guarantee("prices").kind == "certified"
    bounded = residuals(program, solution, reason="a test").guarantee("prices")
    assert bounded.kind == "bounded"
    assert "a test" in bounded.detail
    free = LinearProgram.from_dense([[1.0]], sense="max", cost=[1.0], lower=0.0, upper=INF, row_lower=[-INF],
                                    row_upper=[1.0])  # fmt: skip
    nothing = Solution(objective=1.0, bound=1.0, point=np.ones(1), dual=np.zeros(1), reduced=np.ones(1), basis=None)
    assert residuals(free, nothing, reason="no dual").guarantee("prices").kind == "approximate"
