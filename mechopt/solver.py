"""The one door to HiGHS: cold solves, hot sequences, mixed-integer programs, files for other solvers.

HiGHS raises nothing by itself, and a refused change leaves the previous optimum to be read; here every status is
checked, and anything but an optimum raises SolveError. HiGHS is imported when the first program is solved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import LimitError, SolveError
from mechopt.program import Basis, LinearProgram, MixedIntegerProgram, Solution, to_float

SMALL = 100_000  # entries; below, presolve costs more than it saves
NAMED = 12  # conflicting constraints named in a message; `conflict` has all


class InfeasibleError(SolveError):
    """No point satisfies every constraint; `conflict` names constraints that cannot hold together.

    Args:
        message: one line.
        conflict: rows and variables in the model's own names, each with its limit; empty where integrality is to blame.
    """

    def __init__(self, message: str, conflict: tuple[str, ...]) -> None:
        super().__init__(message)
        self.conflict = conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to solve.

    Attributes:
        tolerance: feasibility of primal, dual and whole numbers, 1e-10 at least.
        time_limit: seconds.
        threads: 0 leaves it to HiGHS; another number holds for the whole process, so the first one wins.
        absolute_gap: at which a mixed-integer optimum counts as proven (the relative gap is 0: a small difference
            of large numbers must not hide in it).
        presolve: None decides by size.
        explain: look for the conflict behind an infeasible program; not worth it where many are expected.
    """

    tolerance: float = 1e-9
    time_limit: float = math.inf
    threads: int = 0
    absolute_gap: float = 1e-9
    presolve: bool | None = None
    explain: bool = True


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
            if not _fine(change(index.size, index, limits[0][place], limits[1][place])):
                self._highs = None

    def _change_cost(self, cost: ArrayLike) -> None:
        new = np.broadcast_to(np.asarray(cost, dtype=np.float64), self._cost.shape).copy()
        if not np.isfinite(new).all():
            raise ValueError("cost must be finite")
        self._cost = new
        if self._highs is not None and not _fine(self._highs.changeColsCost(new.size, self._all["column"], new)):
            self._highs = None

    def _build(self) -> None:
        small = self.program.value.size < SMALL
        presolve = not small if self._options.presolve is None else self._options.presolve
        self._highs = _open(self._options, presolve)
        _pass(self._highs, self.program, self._cost, self._limits)

    def _run(self) -> None:
        from highspy import HighsModelStatus as Status

        highs = self._highs
        ran = _fine(highs.run())
        status = highs.getModelStatus()
        if ran and (status == Status.kOptimal or status == Status.kModelEmpty):
            return
        if status not in (Status.kInfeasible, Status.kUnbounded, Status.kTimeLimit):
            # A cold start without presolve decides what a hot start or presolve could not.
            highs.clearSolver()
            highs.setOptionValue("presolve", "off")
            ran = _fine(highs.run())
            status = highs.getModelStatus()
            if ran and status in (Status.kOptimal, Status.kModelEmpty):
                return
        raise _failure(highs, status, self.program, self._limits, self._options)

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
            basis=_basis(self._highs.getBasis()) if basis else None,
        )


def _fine(status: Any) -> bool:
    return int(status) != -1  # kError; a warning (a limit, a tiny coefficient dropped) shows in the model status


def _open(options: Options, presolve: bool) -> Any:
    import highspy

    # The public class prints a banner on standard output before it can be told not to; its base does not.
    highs = highspy.Highs.__mro__[1]()
    values: dict[str, Any] = {
        "output_flag": False,
        "presolve": "on" if presolve else "off",
        "primal_feasibility_tolerance": options.tolerance,
        "dual_feasibility_tolerance": options.tolerance,
        "mip_feasibility_tolerance": options.tolerance,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": options.absolute_gap,
        "time_limit": options.time_limit,
        "threads": options.threads,
        "small_matrix_value": 1e-12,
    }
    for name, value in values.items():
        if not _fine(highs.setOptionValue(name, value)):
            raise SolveError(f"HiGHS refuses {name} = {value}")
    return highs


def _pass(highs: Any, program: LinearProgram, cost: NDArray[np.float64], limits: dict[str, list[Any]]) -> None:
    """The whole model by arrays, without its constant: a gap must not be relative to it."""
    whole = program.integer if isinstance(program, MixedIntegerProgram) else np.zeros(program.columns)
    status = highs.passModel(
        program.columns, program.rows, program.value.size, 1, 1 if program.sense == "min" else -1, 0.0, cost,
        *limits["column"], *limits["row"], program.start, program.index, to_float(program.value),
        whole.astype(np.int32),
    )  # fmt: skip
    if not _fine(status):
        raise SolveError("HiGHS refuses the program: a number is too large, or an index is wrong")
    if highs.getNumCol() != program.columns or highs.getNumRow() != program.rows:
        raise SolveError("HiGHS read another program than the one given")


def _basis(basis: Any) -> Basis:
    columns, rows = basis.col_status, basis.row_status
    return Basis(
        columns=np.fromiter((status.value for status in columns), np.int8, len(columns)),
        rows=np.fromiter((status.value for status in rows), np.int8, len(rows)),
    )


def _failure(
    highs: Any, status: Any, program: LinearProgram, limits: dict[str, list[Any]], options: Options
) -> SolveError:
    """What went wrong, in the model's own names."""
    from highspy import HighsModelStatus as Status

    if status == Status.kInfeasible:
        if not options.explain:
            return InfeasibleError("infeasible", ())
        conflict = tuple(_conflict(highs, program, limits))
        shown = "; ".join(conflict[:NAMED]) + (f"; and {len(conflict) - NAMED} more" if len(conflict) > NAMED else "")
        if not conflict:
            return InfeasibleError("infeasible: no choice of the whole numbers satisfies every constraint", ())
        return InfeasibleError(f"infeasible: these cannot hold together: {shown}", conflict)
    if status == Status.kUnbounded:
        found = highs.getPrimalRay()
        ray = np.asarray(found[-1] if found[1] else [], dtype=np.float64)
        names = [program.column_name(int(column)) for column in np.flatnonzero(np.abs(ray) > 1e-9)[:NAMED]]
        grow = f": {', '.join(names)} can grow for ever" if names else ""
        return SolveError(f"unbounded{grow}; a bound or a constraint is missing")
    if status == Status.kTimeLimit:
        return SolveError(f"no proven optimum within the time limit of {options.time_limit} s")
    if status == Status.kNotset and options.threads:
        return SolveError(
            f"HiGHS refuses threads = {options.threads}: another number is in use in this process; leave it at 0"
        )
    return SolveError(f"HiGHS stopped with {status.name[1:]}, which is not an optimum; rescale the data")


def _conflict(highs: Any, program: LinearProgram, limits: dict[str, list[Any]]) -> Iterable[str]:
    """An irreducible infeasible subset, by name, each with the limit that is in conflict."""
    highs.setOptionValue("iis_strategy", 6)  # from the LP, and irreducible
    status, found = highs.getIis()
    if not _fine(status) or not found.valid_:
        return
    for kind, indices, bounds, name in (
        ("row", found.row_index_, found.row_bound_, program.row_name),
        ("column", found.col_index_, found.col_bound_, program.column_name),
    ):
        low, high = limits[kind]
        for index, bound in zip(indices, bounds, strict=True):
            parts = []
            if bound in (2, 4):
                parts.append(f">= {low[index]:.12g}")
            if bound in (3, 4):
                parts.append(f"<= {high[index]:.12g}")
            if parts:  # a free variable in the subset limits nothing
                yield f"{name(index)} {' and '.join(parts)}"


def _solve_integer(program: MixedIntegerProgram, options: Options, accept_bound: bool) -> Solution:
    from highspy import HighsModelStatus as Status

    limits: dict[str, list[Any]] = {
        "column": [to_float(program.lower), to_float(program.upper)],
        "row": [to_float(program.row_lower), to_float(program.row_upper)],
    }
    problem = SolveError("HiGHS did not run")
    for presolve in [False] if options.presolve is False else [True, False]:
        highs = _open(options, presolve)
        _pass(highs, program, to_float(program.cost), limits)
        ran = _fine(highs.run())
        status = highs.getModelStatus()
        known, bound = highs.getInfoValue("mip_dual_bound")
        limited = status == Status.kTimeLimit
        if ran and _fine(known) and (status == Status.kOptimal or (limited and accept_bound)):
            point = np.array(highs.getSolution().col_value, dtype=np.float64)
            try:
                return _fixed(program, point, float(bound), options)
            except SolveError as error:
                problem = error
        else:
            problem = _failure(highs, status, program, limits, options)
        if limited and accept_bound and _fine(known):
            raise LimitError(str(problem), float(bound) + exact.as_float(exact.parse(program.offset)))
        if limited or status == Status.kUnbounded:
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
    highs = _open(Options(), False)
    sequence = Sequence(program)
    _pass(highs, program, sequence._cost, sequence._limits)
    statuses = [highs.changeObjectiveOffset(sequence._offset)]
    taken: set[str] = set()
    statuses += [highs.passColName(j, _safe(program.column_name(j), "x", taken)) for j in range(program.columns)]
    statuses += [highs.passRowName(i, _safe(program.row_name(i), "c", taken)) for i in range(program.rows)]
    if not all(map(_fine, [*statuses, highs.writeModel(str(target))])) or not target.is_file():
        raise SolveError(f"{target} cannot be written; is its folder there?")


def _safe(name: str, prefix: str, taken: set[str]) -> str:
    """Letters, digits and underscores, starting with a prefix (a name such as e1 reads as a number), and not taken."""
    word = prefix + "_" + "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    word, count = word[:200], 1
    while (found := word if count == 1 else f"{word}_{count}") in taken:
        count += 1
    taken.add(found)
    return found
