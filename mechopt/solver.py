"""The one door to HiGHS: cold solves, hot sequences, mixed-integer programs, files for other solvers.

HiGHS raises nothing by itself, and a refused change leaves the previous optimum to be read; here every status is
checked, and anything but an optimum raises SolveError. `highs` has what touches HiGHS itself.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import LimitError, SolveError
from mechopt.highs import (
    InfeasibleError,
    Options,
    failure,
    fine,
    open_solver,
    pass_program,
    pass_squares,
    read_basis,
    read_status,
)
from mechopt.program import LinearProgram, MixedIntegerProgram, Solution, to_float

__all__ = ["InfeasibleError", "Options", "Sequence", "export", "solve"]

SMALL = 100_000  # entries; below, presolve costs more than it saves


def solve(program: LinearProgram, *, options: Options | None = None, accept_bound: bool = False) -> Solution:
    """An optimum of a linear or mixed-integer program, from a cold start.

    Args:
        program: exact rationals are rounded to floats; `certify` makes up for it.
        options: tolerances and limits.
        accept_bound: for a mixed-integer program that meets the time limit, return the best point found with its
            proven bound instead of raising; where none was found, raise LimitError with the bound.

    Returns:
        The solution. For a mixed-integer program the whole numbers are rounded, the rest is solved again with them
        fixed, and the objective is evaluated at that point.

    Raises:
        InfeasibleError: no point is feasible; says which constraints conflict.
        SolveError: unbounded, a limit was met, or HiGHS failed.
    """
    options = options or Options()
    if isinstance(program, MixedIntegerProgram) and program.integer.any():
        return _solve_integer(program, options, accept_bound)
    return Sequence(program, options=options).solve(basis=True)


def solve_quadratic(
    program: LinearProgram, squares: ArrayLike, *, options: Options | None = None
) -> NDArray[np.float64]:
    """The point that minimises cost . x + sum of squares_j x_j^2 over a linear program's constraints.

    Quadratic terms of several variables become squares of one by a column and a row of their own. HiGHS's method for
    these keeps to its tolerances only: what its point is worth has to be proven by other means.

    Args:
        program: a minimisation without whole numbers.
        squares: weight of each variable's square, >= 0, shape (columns,).
        options: tolerances and limits.

    Raises:
        InfeasibleError: no point is feasible.
        SolveError: anything else but an optimum.
        ValueError: a weight below 0, or a maximisation.
    """
    weight = np.asarray(squares, dtype=np.float64)
    if weight.shape != (program.columns,) or not np.all(weight >= 0) or program.sense != "min":
        raise ValueError("squares needs a weight >= 0 for each column of a minimisation")
    *damped, last = (0.0, 1e-9, 1e-7)  # HiGHS's own is 1e-7, at which its method for squares may lose its way
    for damping in damped:
        try:
            return _squares(program, weight, damping, options)
        except InfeasibleError:
            raise
        except SolveError:
            continue
    return _squares(program, weight, last, options)


def _squares(
    program: LinearProgram, weight: NDArray[np.float64], damping: float, options: Options | None
) -> NDArray[np.float64]:
    model = Sequence(program, options=options)
    model._build()
    pass_squares(model._highs, weight, damping)
    model._run()
    return model._read(basis=False).point


class Sequence:
    """A live model for linear programs that differ in bounds, right-hand sides and costs, solved from a hot start.

    Args:
        program: the first program; names, matrix and sense stay.
        options: tolerances and limits.
    """

    def __init__(self, program: LinearProgram, *, options: Options | None = None) -> None:
        self.program = program
        self._options = options or Options()
        self._cost = to_float(program.cost).copy()
        self._limits = {
            "column": [to_float(program.lower).copy(), to_float(program.upper).copy()],
            "row": [to_float(program.row_lower).copy(), to_float(program.row_upper).copy()],
        }
        self._all = {kind: np.arange(low.size, dtype=np.int32) for kind, (low, _) in self._limits.items()}
        self._offset = exact.as_float(exact.parse(program.offset))
        self._highs: Any = None  # None: (re)built from the arrays above at the next solve

    def solve(
        self,
        *,
        columns: ArrayLike | None = None,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
        rows: ArrayLike | None = None,
        row_lower: ArrayLike | None = None,
        row_upper: ArrayLike | None = None,
        cost: ArrayLike | None = None,
        basis: bool = False,
    ) -> Solution:
        """The optimum after the changes given; what is not given stays as it was.

        Args:
            columns: which variables `lower` and `upper` are for; None for all.
            lower: new lower bounds.
            upper: new upper bounds.
            rows: which constraints `row_lower` and `row_upper` are for; None for all.
            row_lower: new left-hand sides.
            row_upper: new right-hand sides.
            cost: new objective, shape (columns,).
            basis: also read the optimal basis.

        Raises:
            InfeasibleError: no point is feasible.
            SolveError: anything else but an optimum. The sequence stays usable.
            ValueError: NaN or a wrong shape; nothing was changed.
        """
        self._change("column", columns, lower, upper)
        self._change("row", rows, row_lower, row_upper)
        if cost is not None:
            self._change_cost(cost)
        try:
            if self._highs is None:
                self._build()
            self._run()
        except SolveError:
            self._highs = None
            raise
        return self._read(basis)

    def _change(self, kind: str, which: ArrayLike | None, low: ArrayLike | None, high: ArrayLike | None) -> None:
        if low is None and high is None:
            return
        limits = self._limits[kind]
        size = limits[0].size
        index = self._all[kind]
        place: Any = slice(None)
        if which is not None:
            index = place = np.asarray(which, dtype=np.int32).ravel()
            if index.size and (index.min() < 0 or index.max() >= size):
                raise ValueError(
                    f"{kind} {index.max() if index.max() >= size else index.min()} is not in 0..{size - 1}"
                )
        changes = []
        for side, given in zip(limits, (low, high), strict=True):
            if given is not None:
                new = np.asarray(given, dtype=np.float64)
                if new.ndim and new.shape != index.shape:
                    raise ValueError(f"{kind} limits have shape {new.shape}, not {index.shape}")
                if new.size and math.isnan(np.minimum.reduce(new, axis=None)):  # NaN goes through a minimum
                    raise ValueError(f"a {kind} limit is NaN")
                # What stays as it was would cost HiGHS as much as what changes; comparing bytes costs nothing.
                if which is not None or new.tobytes() != side.tobytes():
                    changes.append((side, new))
        for side, new in changes:
            side[place] = new
        if changes and self._highs is not None:
            change = self._highs.changeColsBounds if kind == "column" else self._highs.changeRowsBounds
            if not fine(change(index.size, index, limits[0][place], limits[1][place])):
                self._highs = None

    def _change_cost(self, cost: ArrayLike) -> None:
        new = np.broadcast_to(np.asarray(cost, dtype=np.float64), self._cost.shape).copy()
        if not np.isfinite(new).all():
            raise ValueError("cost must be finite")
        self._cost = new
        if self._highs is not None and not fine(self._highs.changeColsCost(new.size, self._all["column"], new)):
            self._highs = None

    def _build(self) -> None:
        small = self.program.value.size < SMALL
        presolve = not small if self._options.presolve is None else self._options.presolve
        self._highs = open_solver(self._options, presolve)
        pass_program(self._highs, self.program, self._cost, self._limits)

    def _run(self) -> None:
        if not self.program.columns:
            self._check_rows_alone()
        highs = self._highs
        ran = fine(highs.run())
        status = read_status(highs)
        if ran and status in ("Optimal", "ModelEmpty"):
            return
        if status not in ("Infeasible", "Unbounded", "TimeLimit"):
            # A cold start without presolve decides what a hot start or presolve could not.
            highs.clearSolver()
            highs.setOptionValue("presolve", "off")
            ran = fine(highs.run())
            status = read_status(highs)
            if ran and status == "Optimal":
                return
        raise failure(highs, status, self.program, self._limits, self._options)

    def _check_rows_alone(self) -> None:
        """Without a variable every row is worth 0, which HiGHS does not hold against its limits."""
        low, high = self._limits["row"]
        conflict = tuple(
            f"{self.program.row_name(row)} {'>=' if low[row] > 0 else '<='} {(low if low[row] > 0 else high)[row]:.12g}"
            for row in np.flatnonzero((low > self._options.tolerance) | (high < -self._options.tolerance)).tolist()
        )[:1]
        if conflict:
            raise InfeasibleError(f"infeasible: these cannot hold together: {conflict[0]}", conflict)

    def _read(self, basis: bool) -> Solution:
        found = self._highs.getSolution()
        columns, rows = self.program.columns, self.program.rows
        point = np.fromiter(found.col_value, np.float64, columns)
        objective = float(self._cost @ point) + self._offset
        return Solution(
            objective=objective,
            bound=objective,
            point=point,
            dual=np.fromiter(found.row_dual, np.float64, rows),
            reduced=np.fromiter(found.col_dual, np.float64, columns),
            basis=read_basis(self._highs.getBasis()) if basis else None,
        )


def _solve_integer(program: MixedIntegerProgram, options: Options, accept_bound: bool) -> Solution:
    limits: dict[str, list[Any]] = {
        "column": [to_float(program.lower), to_float(program.upper)],
        "row": [to_float(program.row_lower), to_float(program.row_upper)],
    }
    problem = SolveError("HiGHS did not run")
    for presolve in [False] if options.presolve is False else [True, False]:
        highs = open_solver(options, presolve)
        pass_program(highs, program, to_float(program.cost), limits)
        ran = fine(highs.run())
        status = read_status(highs)
        known, bound = highs.getInfoValue("mip_dual_bound")
        limited = status == "TimeLimit"
        if ran and fine(known) and (status == "Optimal" or (limited and accept_bound)):
            point = np.array(highs.getSolution().col_value, dtype=np.float64)
            try:
                return _fixed(program, point, float(bound), options)
            except SolveError as error:
                problem = error
        else:
            problem = failure(highs, status, program, limits, options)
        if limited and accept_bound and fine(known):
            raise LimitError(str(problem), float(bound) + exact.as_float(exact.parse(program.offset)))
        if limited or status == "Unbounded":
            break
    raise problem


def _fixed(program: MixedIntegerProgram, point: NDArray[np.float64], bound: float, options: Options) -> Solution:
    """The best point with the whole numbers of `point`: what HiGHS returns may use its tolerances."""
    if point.size != program.columns or program.violation(point) > 1e-5:
        raise SolveError("no feasible point was found within the time limit")
    whole = np.rint(point)
    lower, upper = to_float(program.lower).copy(), to_float(program.upper).copy()
    lower[program.integer] = upper[program.integer] = whole[program.integer]
    try:
        found = Sequence(program, options=options).solve(lower=lower, upper=upper)
    except InfeasibleError as error:
        raise SolveError(
            f"the whole numbers found are feasible only within tolerances ({error}); rescale the program"
        ) from None
    offset = exact.as_float(exact.parse(program.offset))
    no_dual, no_reduced = np.full(program.rows, np.nan), np.full(program.columns, np.nan)
    # A point may beat the bound by rounding only; the bracket must contain it.
    best = min if program.sense == "min" else max
    return replace(found, bound=best(bound + offset, found.objective), dual=no_dual, reduced=no_reduced)


def export(program: LinearProgram, path: str | Path) -> None:
    """Write a program as an LP or MPS file, names made safe for those formats.

    Args:
        program: what to write.
        path: ends in .lp or .mps.

    Raises:
        ValueError: another ending.
        SolveError: the file cannot be written.
    """
    target = Path(path)
    if target.suffix not in (".lp", ".mps"):
        raise ValueError(f"{target.name} must end in .lp or .mps")
    highs = open_solver(Options(), False)
    sequence = Sequence(program)
    pass_program(highs, program, sequence._cost, sequence._limits)
    statuses = [highs.changeObjectiveOffset(sequence._offset)]
    taken: set[str] = set()
    statuses += [highs.passColName(j, _safe(program.column_name(j), "x", taken)) for j in range(program.columns)]
    statuses += [highs.passRowName(i, _safe(program.row_name(i), "c", taken)) for i in range(program.rows)]
    if not all(map(fine, [*statuses, highs.writeModel(str(target))])) or not target.is_file():
        raise SolveError(f"{target} cannot be written; is its folder there?")


def _safe(name: str, prefix: str, taken: set[str]) -> str:
    """Letters, digits and underscores, starting with a prefix (a name such as e1 reads as a number), and not taken."""
    word = prefix + "_" + "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    word, count = word[:200], 1
    while (found := word if count == 1 else f"{word}_{count}") in taken:
        count += 1
    taken.add(found)
    return found
