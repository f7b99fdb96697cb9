"""Many linear programs with few rows that differ in bounds and right-hand sides, solved together in numpy.

One program is solved by HiGHS; from its basis all others take their dual pivots in step (`lockstep`). Every optimum is
checked by its primal and dual residuals, as HiGHS checks its own; what does not pass goes to HiGHS, and the result
says which. `solver.Sequence` is the plain version: the same programs one after another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact, lockstep
from mechopt.errors import SolveError
from mechopt.program import AT_LOWER, AT_UPPER, BASIC, Basis, LinearProgram, MixedIntegerProgram, to_float
from mechopt.solver import InfeasibleError, Options, Sequence

Floats = NDArray[np.float64]

TOLERANCE = 1e-9  # of the residuals, relative to the largest number of the kind
CHUNK = 2**18  # bytes of one array of a chunk: all that a step touches stays in the cache
BY_BATCH, BY_SOLVER, INFEASIBLE = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Optima of many programs, shape (programs, ...); NaN where there is none.

    Attributes:
        objective: at the point.
        point: x.
        dual: shadow prices of the rows.
        error: how far the objective can be from the optimum by the residuals: violations at their prices, and the gap.
        solved: BY_BATCH, BY_SOLVER where the check was not passed and HiGHS solved it again, or INFEASIBLE, which
            HiGHS says.
        steps: pivots taken in the batch.
        basic: columns, and rows counted on from there, in the final basis of those solved by the batch; -1 elsewhere.
        upper: columns and rows that rest at their upper limit.
    """

    objective: Floats
    point: Floats
    dual: Floats
    error: Floats
    solved: NDArray[np.int8]
    steps: NDArray[np.intp]
    basic: NDArray[np.intp]
    upper: NDArray[np.bool_]

    def basis(self, number: int) -> Basis | None:
        """The optimal basis of one program, for an exact certificate; None where the batch did not solve it."""
        if self.solved[number] != BY_BATCH:
            return None
        status = np.where(self.upper[number], AT_UPPER, AT_LOWER).astype(np.int8)
        status[self.basic[number]] = BASIC
        columns = self.point.shape[1]
        return Basis(columns=status[:columns], rows=status[columns:])


def solve_batch(
    program: LinearProgram,
    *,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    row_lower: ArrayLike | None = None,
    row_upper: ArrayLike | None = None,
    options: Options | None = None,
) -> Batch:
    """Optima of one program with many bounds and right-hand sides.

    Args:
        program: matrix, cost and sense are shared.
        lower: of each program, shape (programs, columns), or (columns,) for all; None: the program's own.
        upper: as `lower`.
        row_lower: shape (programs, rows), or (rows,) for all; None: the program's own.
        row_upper: as `row_lower`.
        options: for HiGHS.

    Raises:
        ValueError: NaN, a wrong shape, or no array that says how many programs there are.
        SolveError: a program is unbounded, or HiGHS gave up.
    """
    if isinstance(program, MixedIntegerProgram) and program.integer.any():
        raise ValueError("whole numbers cannot be solved in a batch")
    limits = _limits(program, (lower, upper, row_lower, row_upper))
    options = replace(options or Options(), explain=False)
    programs, size = len(limits[0]), program.columns + program.rows
    batch = Batch(
        objective=np.full(programs, np.nan), point=np.full((programs, program.columns), np.nan),
        dual=np.full((programs, program.rows), np.nan), error=np.full(programs, np.inf),
        solved=np.full(programs, BY_SOLVER, dtype=np.int8), steps=np.zeros(programs, dtype=np.intp),
        basic=np.full((programs, program.rows), -1), upper=np.zeros((programs, size), dtype=bool),
    )  # fmt: skip
    sequence = Sequence(program, options=options)
    family = _Family.of(program, sequence, limits)
    if family is not None:
        chunk = max(1, CHUNK // (8 * size))
        for first in range(0, programs, chunk):
            family.solve(batch, slice(first, first + chunk), [limit[first : first + chunk] for limit in limits])
    _solve_rest(batch, sequence, limits)
    return batch


def _limits(program: LinearProgram, given: tuple[ArrayLike | None, ...]) -> list[Floats]:
    """The four limits as arrays of one row a program, without copies where they are the same for all."""
    names = ("lower", "upper", "row_lower", "row_upper")
    arrays = [
        to_float(getattr(program, name)) if value is None else np.asarray(value, dtype=np.float64)
        for name, value in zip(names, given, strict=True)
    ]
    counts = {len(array) for array in arrays if array.ndim == 2}
    if len(counts) != 1:
        raise ValueError(f"the arrays are for {sorted(counts)} programs; one number is needed")
    count = counts.pop()
    result = []
    for name, array in zip(names, arrays, strict=True):
        size = program.rows if name.startswith("row") else program.columns
        if array.shape not in ((size,), (count, size)):
            raise ValueError(f"{name} has shape {array.shape}, not {(count, size)}")
        if np.isnan(array).any():
            raise ValueError(f"{name} has NaN")
        result.append(np.broadcast_to(array, (count, size)))
    return result


class _Family:
    """Programs of one matrix, as  max cost . x,  matrix x + slack = right,  0 <= x <= width, all from one basis."""

    def __init__(self, program: LinearProgram, basis: Basis, flip: Floats) -> None:
        self.flip = flip  # -1 for rows without an upper limit, which are turned round
        self.sign = 1.0 if program.sense == "max" else -1.0
        self.offset = exact.as_float(exact.parse(program.offset))
        self.columns = program.columns
        dense = np.zeros((program.rows, program.columns))
        dense[program.index, np.repeat(np.arange(program.columns), np.diff(program.start))] = to_float(program.value)
        self.matrix = np.hstack([dense * flip[:, None], np.eye(program.rows)])
        self.cost = np.concatenate([self.sign * to_float(program.cost), np.zeros(program.rows)])
        self.basic = np.flatnonzero(np.concatenate([basis.columns, basis.rows]) == BASIC)
        inverse = np.linalg.inv(self.matrix[:, self.basic])
        price = self.cost[self.basic] @ inverse
        reduced = self.cost - price @ self.matrix
        reduced[np.abs(reduced) <= TOLERANCE * (1 + np.abs(self.cost).max())] = 0.0
        self.start = lockstep.Start(basic=self.basic, inverse=inverse, price=price, reduced=reduced)

    @classmethod
    def of(cls, program: LinearProgram, sequence: Sequence, limits: list[Floats]) -> _Family | None:
        """The family from the basis of its middle; None where one program at a time is the only way."""
        lower, _, row_lower, row_upper = limits
        flip = np.where(np.isfinite(row_upper).all(axis=0), 1.0, -1.0)
        right = np.where(flip > 0, row_upper, row_lower)
        if not len(lower) or not np.isfinite(lower).all() or not np.isfinite(right).all():
            return None
        with np.errstate(invalid="ignore"):
            middle = [np.asarray(limit.mean(axis=0)) for limit in limits]
        names = ("lower", "upper", "row_lower", "row_upper")
        try:
            found = sequence.solve(**dict(zip(names, middle, strict=True)), basis=True)
            basis = found.basis
            if basis is None or np.sum(basis.columns == BASIC) + np.sum(basis.rows == BASIC) != program.rows:
                return None
            return cls(program, basis, flip)
        except (SolveError, ValueError, np.linalg.LinAlgError):
            return None  # each program for itself then: some may have an optimum where their middle has none

    def solve(self, batch: Batch, part: slice, limits: list[Floats]) -> None:
        """Enter the optima of some programs that pass the check."""
        lower, upper, row_lower, row_upper = limits
        with np.errstate(invalid="ignore"):
            right = np.where(self.flip > 0, row_upper, -row_lower) - lower @ self.matrix[:, : self.columns].T
            width = np.hstack([upper - lower, row_upper - row_lower])
        fit = (width >= 0).all(axis=1) & ~(np.isinf(width) & (self.start.reduced > 0)).any(axis=1)
        if not fit.all():
            right, width, lower = right[fit], width[fit], lower[fit]
        number = np.flatnonzero(fit) + part.start
        ends = lockstep.solve(self.matrix, right, width, self.start)
        point, error, good = self._check(ends, right, width)
        if not good.all():
            number, point, error, lower = number[good], point[good], error[good], lower[good]
        place = np.flatnonzero(good)
        batch.point[number] = point[:, : self.columns] + lower
        batch.objective[number] = self.sign * (batch.point[number] @ self.cost[: self.columns]) + self.offset
        batch.dual[number] = ends.price[place] * (self.sign * self.flip)
        batch.error[number], batch.solved[number] = error, BY_BATCH
        batch.steps[number], batch.basic[number] = ends.steps[place], ends.basic[place]
        # The slack of a row at 0 is the row at its upper limit, unless it was turned round.
        turned = np.concatenate([np.zeros(self.columns, dtype=bool), self.flip > 0])
        batch.upper[number] = ends.upper[place] ^ turned

    def _check(self, ends: lockstep.Ends, right: Floats, width: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Points inside their bounds, how far from the optimum each can be, and whether it passes.

        From scratch: the rows at the point moved inside its bounds, the reduced costs at the prices, and the gap
        between the objective and the bound that those prices prove.
        """
        point = np.clip(ends.point, 0.0, width)
        scale = 1.0 + np.abs(right).max(axis=1)
        off = np.abs(right - point @ self.matrix.T)
        reduced = self.cost - ends.price @ self.matrix
        gain = np.maximum(reduced, 0.0)
        free = np.isinf(width)
        unpaid = np.where(free, gain, 0.0).max(axis=1)
        bound = (ends.price * right).sum(axis=1) + (gain * np.where(free, point, width)).sum(axis=1)
        gap = np.abs(bound - point @ self.cost)
        error = gap + (off * np.abs(ends.price)).sum(axis=1)
        value = 1.0 + np.abs(ends.price).max(axis=1) * scale
        good = ends.done & (off.max(axis=1) <= TOLERANCE * scale) & (error <= TOLERANCE * value)
        return point, error, good & (unpaid <= TOLERANCE * (1.0 + np.abs(self.cost).max()))


def _solve_rest(batch: Batch, sequence: Sequence, limits: list[Floats]) -> None:
    """What the batch did not settle, one hot start after another."""
    for number in np.flatnonzero(batch.solved == BY_SOLVER).tolist():
        lower, upper, row_lower, row_upper = (limit[number] for limit in limits)
        try:
            found = sequence.solve(lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper)
        except InfeasibleError:
            batch.solved[number] = INFEASIBLE
            continue
        batch.objective[number], batch.point[number], batch.dual[number] = found.objective, found.point, found.dual
        batch.error[number] = np.nan  # HiGHS's own tolerances
