"""Bounds by convex optimisation: a concave violation is at most so much, with an exact rational certificate.

Clarabel finds the optimum in floats; nothing rests on it. Its point z, rounded to fractions, gives a bound by weak
duality: a concave function lies below its tangent at z, and the largest value of the tangent is a linear program whose
dual is certified in rational arithmetic. At the exact optimum that bound is the optimum itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mechopt.errors import CertificateError, MechoptError, SolveError
from mechopt.evidence.certified import Case, Point, Row, maximise, objects, program
from mechopt.program import LinearProgram

if TYPE_CHECKING:
    from numpy.typing import NDArray

Square = tuple[Any, Mapping[str, Any], Any]
DENOMINATORS = (1, 10, 100, 1000, 10**4, 10**6, 10**9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Concave:
    """Maximise a linear function less squares, on linear constraints: concave as it is written.

    Attributes:
        linear: the constraints, and the linear part as its objective.
        constant: added to the objective.
        squares: (weight, coefficients per column, constant) of each square that is subtracted; weights are >= 0.
    """

    linear: LinearProgram
    constant: Fraction
    squares: tuple[tuple[Fraction, tuple[Fraction, ...], Fraction], ...]

    def value(self, point: Sequence[Fraction]) -> Fraction:
        """The objective at a point."""
        flat = self.constant + _dot(self._cost, point)
        return flat - sum((w * (_dot(a, point) + b) ** 2 for w, a, b in self.squares), Fraction(0))

    def gradient(self, point: Sequence[Fraction]) -> list[Fraction]:
        """The slope of the objective at a point."""
        slope = list(self._cost)
        for weight, row, shift in self.squares:
            steep = 2 * weight * (_dot(row, point) + shift)
            slope = [own - steep * entry for own, entry in zip(slope, row, strict=True)]
        return slope

    def feasible(self, point: Sequence[Fraction]) -> bool:
        """True where the point meets every constraint, exactly."""
        columns = np.repeat(np.arange(self.linear.columns), np.diff(self.linear.start)).tolist()
        activity = [Fraction(0)] * self.linear.rows
        for row, column, entry in zip(self.linear.index.tolist(), columns, self.linear.value.tolist(), strict=True):
            activity[row] += Fraction(entry) * point[column]
        limits = self.linear
        return all(
            low <= value <= high
            for values, lower, upper in (
                (point, limits.lower, limits.upper),
                (activity, limits.row_lower, limits.row_upper),
            )
            for value, low, high in zip(values, lower.tolist(), upper.tolist(), strict=True)
        )

    @property
    def _cost(self) -> list[Fraction]:
        return [Fraction(entry) for entry in self.linear.cost.tolist()]


def concave(
    objective: Mapping[str, Any],
    rows: Sequence[Row] = (),
    *,
    squares: Sequence[Square],
    constant: Any = 0,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
) -> Concave:
    """A program that maximises `objective + constant - sum of weight * (coefficients + shift)**2`, in names.

    Args:
        objective: coefficient per variable.
        rows: (name, coefficients, "<=" or ">=" or "==", right-hand side) each.
        squares: (weight, coefficients, shift) each; weights are >= 0.
        constant: added to the objective.
        bounds: (lower, upper) per variable, None for none; by default (0, None).

    Raises:
        ValueError: a weight is negative: the program would not be convex.
    """
    negative = [weight for weight, _, _ in squares if weight < 0]
    if negative:
        raise ValueError(f"a square is subtracted with weight {negative[0]}: weights are at least 0")
    named = {**objective, **{name: objective.get(name, 0) for _, terms, _ in squares for name in terms}}
    linear = program(named, rows, bounds=bounds)
    names = [str(name) for name in linear.column_names]
    terms = tuple(
        (Fraction(weight), tuple(Fraction(row.get(name, 0)) for name in names), Fraction(shift))
        for weight, row, shift in squares
    )
    return Concave(linear=linear, constant=Fraction(constant), squares=terms)


def decide(concave: Concave, limit: Fraction) -> Case:
    """Whether the program stays at or below a limit, its largest known value, where, and how that is known.

    Raises:
        SolveError: the program, or each tangent, is unbounded, or a solver gave up.
        CertificateError: a basis proves nothing.
    """
    if maximise(replace(concave.linear, cost=objects([0] * concave.linear.columns))) is None:
        return True, None, None, "convex program"
    start = _solve(concave)
    best: tuple[Fraction, list[Fraction]] | None = None
    least: Fraction | None = None
    trouble: MechoptError = SolveError("no point was tried")
    for denominator in DENOMINATORS:
        point = [Fraction(value).limit_denominator(denominator) for value in start]
        near = point if concave.feasible(point) else _nearest(concave, point)
        if best is None or concave.value(near) > best[0]:
            best = concave.value(near), near
        if best[0] > limit:
            return False, best[0], _named(concave, best[1]), "convex program"
        try:
            bound = _tangent(concave, point)
        except (SolveError, CertificateError) as error:  # rounded coarsely, a tangent can be unbounded
            trouble = error
            continue
        least = bound if least is None else min(least, bound)
        if least <= limit:
            return True, best[0], _named(concave, best[1]), "convex program"
    if least is None:
        raise trouble
    return None, None, None, f"the tangent bounds the convex program by {float(least):.12g}, above the limit"


def _tangent(concave: Concave, point: Sequence[Fraction]) -> Fraction:
    """The largest value of the tangent at a point over the constraints.

    Raises:
        SolveError: there is none: it is unbounded, or no point is feasible.
    """
    slope = concave.gradient(point)
    steepest = max((abs(entry) for entry in slope), default=Fraction(0)) or Fraction(1)
    # Scaled: near the optimum the slopes are what a solver in floats takes for 0.
    found = maximise(replace(concave.linear, cost=objects([entry / steepest for entry in slope])))
    if found is None:
        raise SolveError("no feasible point")
    return concave.value(point) - _dot(slope, point) + steepest * found[0]


def _nearest(concave: Concave, point: Sequence[Fraction]) -> list[Fraction]:
    """A feasible point in fractions, nearest to a point: least sum of absolute differences."""
    linear = concave.linear
    columns = np.repeat(np.arange(linear.columns), np.diff(linear.start))
    n, m = linear.columns, linear.rows
    own = np.arange(n)
    one = np.ones(n, dtype=int)
    beside = LinearProgram.from_triplets(
        row=np.concatenate([linear.index, m + own, m + own, m + n + own, m + n + own]),
        column=np.concatenate([columns, own, n + own, own, n + own]),
        value=objects([*linear.value.tolist(), *one.tolist(), *(-one).tolist(), *one.tolist(), *one.tolist()]),
        sense="max",
        cost=objects([0] * n + [-1] * n),
        lower=objects([*linear.lower.tolist(), *[0] * n]),
        upper=objects([*linear.upper.tolist(), *[np.inf] * n]),
        row_lower=objects([*linear.row_lower.tolist(), *[-np.inf] * n, *point]),
        row_upper=objects([*linear.row_upper.tolist(), *point, *[np.inf] * n]),
        column_names=[f"{part} {column}" for part in ("value", "distance") for column in range(n)],
    )
    found = maximise(beside)
    if found is None:
        raise SolveError("no feasible point")
    return list(found[1].values())[:n]


def _solve(concave: Concave) -> list[float]:
    """The optimum in floats, by Clarabel through CVXPY.

    Raises:
        SolveError: it ends with anything but an optimum.
    """
    import cvxpy as cp
    import scipy.sparse as sparse

    from mechopt.program import to_float

    linear = concave.linear
    x = cp.Variable(linear.columns)
    matrix = sparse.csc_array((to_float(linear.value), linear.index, linear.start), shape=(linear.rows, linear.columns))
    constraints = []
    for shape, low, high in (
        (x, linear.lower, linear.upper),
        (matrix @ x if linear.rows else None, linear.row_lower, linear.row_upper),
    ):
        if shape is not None:
            below, above = to_float(low), to_float(high)
            constraints += [shape[k] >= below[k] for k in np.flatnonzero(np.isfinite(below)).tolist()]
            constraints += [shape[k] <= above[k] for k in np.flatnonzero(np.isfinite(above)).tolist()]
    squares = [float(w) * cp.square(_floats(row) @ x + float(shift)) for w, row, shift in concave.squares]
    problem = cp.Problem(cp.Maximize(to_float(linear.cost) @ x - cp.sum(cp.hstack(squares))), constraints)
    try:
        problem.solve(solver="CLARABEL")
    except cp.SolverError as error:
        raise SolveError(f"Clarabel gave up: {error}") from None
    if problem.status not in ("optimal", "optimal_inaccurate") or x.value is None:
        raise SolveError(f"Clarabel ended the convex program with {problem.status}")
    return [float(value) for value in x.value]


def _floats(row: Sequence[Fraction]) -> NDArray[np.float64]:
    return np.array([float(entry) for entry in row])


def _dot(row: Sequence[Fraction], point: Sequence[Fraction]) -> Fraction:
    return sum((entry * value for entry, value in zip(row, point, strict=True) if entry), Fraction(0))


def _named(concave: Concave, point: Sequence[Fraction]) -> Point:
    return dict(zip(map(str, concave.linear.column_names), point, strict=True))
