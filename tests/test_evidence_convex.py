"""Convex programs as evidence: the bound is exact, it rests on nothing that a solver says, and it can fail."""

from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st

pytest.importorskip("cvxpy")

from mechopt.evidence import Evidence, certified, convex

HILL = [(1, {"x": 1}, -1)]  # less (x - 1)**2


def hill(height: int | Fraction = 0, peak: int | Fraction = 1) -> convex.Concave:
    """Height less (x - peak)**2, for x in [0, 5]."""
    return convex.concave({}, squares=[(1, {"x": 1}, -peak)], constant=height, bounds={"x": (0, 5)})


def bound(program: convex.Concave, limit: int | Fraction = 0) -> Evidence:
    return certified.bound(program, limit=limit, control=("one higher", hill(Fraction(limit) + 1)), range="x in [0, 5]")


def test_the_bound_is_the_optimum() -> None:
    evidence = bound(hill(peak=Fraction(22, 7)))
    assert evidence.holds
    assert evidence.fault is None
    assert evidence.instance == {"x": Fraction(22, 7)}
    assert "1 convex program" in evidence.detail


def test_a_point_above_the_limit_refutes() -> None:
    evidence = bound(hill(Fraction(1, 1000)))
    assert evidence.holds is False
    assert evidence.witness == {"x": 1}
    corner = convex.concave({"x": 2}, [("cap", {"x": 3}, "<=", 1)], squares=[(1, {"x": 1}, 0)])
    assert bound(corner, Fraction(5, 9)).holds
    assert bound(corner, Fraction(5, 9) - Fraction(1, 10**12)).witness == {"x": Fraction(1, 3)}


def test_what_the_solver_says_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong point gives a weak bound: undecided, never a wrong verdict."""
    monkeypatch.setattr(convex, "_solve", lambda program: [4.0])
    assert bound(hill()).holds is None
    assert "above the limit" in bound(hill()).detail
    assert bound(hill(-20)).holds  # the weak bound will do here
    assert bound(hill(Fraction(1, 2))).holds is None  # false, but no point above the limit is seen


def test_an_optimum_at_no_simple_fraction_is_undecided() -> None:
    """The bound stays above the optimum by what the rounding costs; the check says so."""
    peak = Fraction(1, 3) + Fraction(1, 10**15 + 37)
    assert bound(hill(peak=peak)).holds is None
    assert bound(hill(peak=peak), Fraction(1, 10**9)).holds


def test_a_control_that_holds_is_a_fault() -> None:
    evidence = certified.bound(hill(), control=("nothing broken", hill(-1)), range="r")
    assert "control" in (evidence.fault or "")


def test_infeasible_is_vacuous_and_unbounded_is_undecided() -> None:
    empty = convex.concave({}, [("far", {"x": 1}, ">=", 9)], squares=HILL, bounds={"x": (0, 5)})
    assert "vacuous" in (bound(empty).fault or "")
    free = convex.concave({"y": 1}, squares=HILL)
    assert bound(free).holds is None


def test_a_square_that_is_added_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        convex.concave({}, squares=[(-1, {"x": 1}, 0)])


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 3), st.integers(-3, 3), st.integers(-4, 4)), min_size=2),
    st.integers(1, 6),
    st.integers(-3, 3),
)
def test_no_grid_point_is_above_the_certified_bound(
    squares: list[tuple[int, int, int, int]], room: int, slope: int
) -> None:
    """Against plain enumeration, with the bound just above and just below the best grid point."""
    program = convex.concave(
        {"x": slope},
        [("room", {"x": 1, "y": 2}, "<=", room)],
        squares=[(w, {"x": a, "y": b}, c) for w, a, b, c in squares],
        bounds={"x": (0, 6), "y": (0, 6)},
    )
    steps = [Fraction(k, 2) for k in range(13)]
    best = max(
        slope * x - sum(w * (a * x + b * y + c) ** 2 for w, a, b, c in squares)
        for x in steps
        for y in steps
        if x + 2 * y <= room
    )
    assert bound(program, best - Fraction(1, 10**6)).holds is False
    evidence = bound(program, best)
    if evidence.holds is False:  # better off the grid: the witness says where
        assert evidence.witness is not None
        x, y = (Fraction(evidence.witness[name]) for name in ("x", "y"))
        assert x + 2 * y <= room
        assert slope * x - sum(w * (a * x + b * y + c) ** 2 for w, a, b, c in squares) > best
