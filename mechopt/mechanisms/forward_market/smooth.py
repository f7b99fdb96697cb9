"""The smoothest forward price for a limited subsidy: a quadratic program over the tariffs of `schedule`.

    min  sum over knots of (s_g+1 - s_g)^2 / (y_g+2 - y_g)
    over convex C above every A_i with sum of C(e_i - r_i*) <= subsidy,

with s_g the price between two knots. The solver's point is polished by least squares on the constraints that it keeps
with equality. What it is worth is proven by multipliers: the objective is convex, so that no C' has one smaller by more
than gradient . (C - C'), which rows of the constraints with weights >= 0 bound. Source: not in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market.schedule import Design, Programs
from mechopt.program import LinearProgram
from mechopt.solver import solve_quadratic

Floats = NDArray[np.float64]
REACH = 30.0  # prices up to so many times the high end
TIGHT = 1e-7  # slack, in units of the high end, at which a constraint may be one kept with equality


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Smooth:
    """The smoothest schedule.

    Attributes:
        cost: C at the knots, in units of the high end, shape (knots,).
        rises: the objective at it, in units of the high end, squared.
        bound: no tariff has a smaller one, proven.
        solved: the objective as the float solver's point has it.
    """

    cost: Floats
    rises: float
    bound: float
    solved: float


def design(programs: Programs, subsidy: float) -> Design:
    """The tariff of the smoothest schedule, for a subsidy of that size, money.

    Raises:
        InstanceError: the least subsidy is larger.
    """
    programs.cheapest(subsidy)
    found = smoothest(programs, subsidy)
    tariff = programs.tariff(found.cost)
    return Design(
        tariff=tariff,
        subsidy=float(tariff.cost(programs.position).sum()),
        optimum=found.rises,
        solved=found.solved,
        gap=found.rises - found.bound,
        level=found.rises,
        certificate=None,
        binding=programs.touching(found.cost),
    )


def smoothest(programs: Programs, subsidy: float) -> Smooth:
    """The schedule whose price rises most smoothly, for a subsidy of that size (money).

    Raises:
        InfeasibleError: no tariff is that cheap.
        SolveError: the solver failed.
    """
    program, rises = _polytope(programs, subsidy), _rises(programs)  # over mean prices, as `Programs` has them
    point = solve_quadratic(*_with_rises(program, rises))[: program.columns]
    solved = float(((rises @ point) ** 2).sum())
    found = [_valued(program, rises, candidate, solved) for candidate in (point, _polished(program, rises, point))]
    feasible = [one for one in found if _violation(program, one.cost) <= TIGHT]
    best = min(feasible or found, key=lambda one: one.rises - one.bound)
    return replace(best, cost=best.cost * programs.away)


def _polytope(programs: Programs, subsidy: float) -> LinearProgram:
    """All convex C within the subsidy, with prices from 0 to far beyond the high end."""
    program = programs.program("cost", np.zeros(programs.knots.size), subsidy)
    lower, upper = np.where(programs.knots < 0, -REACH, 0.0), np.where(programs.knots > 0, REACH, 0.0)
    return replace(program, lower=lower, upper=upper)


def _rises(programs: Programs) -> Floats:
    """Rise of the price at every inner knot, over the root of the distance of its neighbours, as rows."""
    slope = np.diff(np.eye(programs.knots.size), axis=0) / programs.width[:, None]
    return np.asarray(
        np.diff(slope, axis=0) / np.sqrt(programs.knots[2:] - programs.knots[:-2])[:, None] * programs.away
    )


def _with_rises(program: LinearProgram, rises: Floats) -> tuple[LinearProgram, Floats]:
    """The rises as variables of their own, whose squares are the objective; that is well scaled, C'(D'D)C is not."""
    rows, columns = rises.shape
    dense = np.block([[_dense(program), np.zeros((program.rows, rows))], [rises, -np.eye(rows)]])
    free, zero = np.full(rows, np.inf), np.zeros(rows)
    whole = LinearProgram.from_dense(
        dense, sense="min", cost=np.zeros(columns + rows),
        lower=np.append(program.lower, -free), upper=np.append(program.upper, free),
        row_lower=np.append(program.row_lower, zero), row_upper=np.append(program.row_upper, zero),
    )  # fmt: skip
    return whole, np.append(np.zeros(columns), np.ones(rows))


def _dense(program: LinearProgram) -> Floats:
    matrix = np.zeros((program.rows, program.columns))
    matrix[program.index, np.repeat(np.arange(program.columns), np.diff(program.start))] = program.value
    return matrix


def _polished(program: LinearProgram, rises: Floats, point: Floats) -> Floats:
    """The exact optimum on the constraints that the point keeps with equality, to rounding."""
    matrix = np.vstack([_dense(program), np.eye(program.columns)])
    low, high = np.append(program.row_lower, program.lower), np.append(program.row_upper, program.upper)
    value = matrix @ point
    to_low, to_high = value - low <= TIGHT, high - value <= TIGHT
    tight = to_low | to_high
    kept, wanted = matrix[tight], np.where(to_low, low, high)[tight]
    size = np.linalg.norm(kept, axis=1)
    kept, wanted = kept / size[:, None], wanted / size
    _, singular, right = np.linalg.svd(kept)
    free = right[int((singular > 1e-10 * singular[0]).sum()) :].T
    start = point + np.linalg.lstsq(kept, wanted - kept @ point, rcond=1e-10)[0]
    if not free.size:
        return np.asarray(start)
    return np.asarray(start + free @ np.linalg.lstsq(rises @ free, -rises @ start, rcond=None)[0])


def _violation(program: LinearProgram, point: Floats) -> float:
    value = _dense(program) @ point
    return float(max((program.row_lower - value).max(), (value - program.row_upper).max(), 0.0))


def _valued(program: LinearProgram, rises: Floats, point: Floats, solved: float) -> Smooth:
    """A point with its proven bound: multipliers >= 0 whose rows make up the gradient, all but a rest."""
    from scipy.optimize import nnls

    rise = rises @ point
    value, gradient = float(rise @ rise), 2.0 * (rises.T @ rise)
    matrix, width = _dense(program), program.upper - program.lower
    low, high = program.row_lower, program.row_upper
    activity = matrix @ point
    rows = np.vstack([matrix[low > -np.inf], -matrix[high < np.inf]])
    slack = np.maximum(np.append((activity - low)[low > -np.inf], (high - activity)[high < np.inf]), 0.0)
    near = slack <= TIGHT
    moving = width > 0
    scale = np.linalg.norm(rows[near][:, moving], axis=1)
    weight, _ = nnls((rows[near][:, moving] / scale[:, None]).T, gradient[moving], maxiter=100 * rows.size)
    rest = gradient - rows[near].T @ (weight / scale)
    # Another C' keeps all rows: gradient . (C - C') <= weight . slack + |rest| . width of its bounds.
    gap = float((weight / scale) @ slack[near]) + float(np.abs(rest[moving]) @ width[moving])
    return Smooth(cost=point, rises=value, bound=value - gap, solved=solved)
