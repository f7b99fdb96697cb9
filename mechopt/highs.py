"""The border to HiGHS: options, a model passed by arrays, its status in words, and what is infeasible in its own names.

HiGHS raises nothing by itself; `fine` looks at what each call returns. HiGHS is imported when the first program is
solved. `solver` is the door for everybody else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import SolveError
from mechopt.program import Basis, LinearProgram, MixedIntegerProgram, to_float

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

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.conflict)  # it comes back whole from another process


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


def pass_squares(highs: Any, weight: NDArray[np.float64], damping: float) -> None:
    """Add a sum of weight_j x_j^2 to the objective of a model that was passed; `damping` is what HiGHS adds to each.

    Raises:
        SolveError: HiGHS refuses it.
    """
    from highspy import HighsHessian

    second, places = HighsHessian(), np.flatnonzero(weight)
    second.dim_ = weight.size
    second.start_ = np.append(0, np.cumsum(weight > 0)).astype(np.int32)
    second.index_, second.value_ = places.astype(np.int32), 2.0 * weight[places]  # of half the quadratic form
    if not (fine(highs.setOptionValue("qp_regularization_value", damping)) and fine(highs.passHessian(second))):
        raise SolveError("HiGHS refuses the quadratic part of the objective")


def open_solver(options: Options, presolve: bool) -> Any:
    """A silent HiGHS with these options, still without a model."""
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
        if not fine(highs.setOptionValue(name, value)):
            raise SolveError(f"HiGHS refuses {name} = {value}")
    return highs


def pass_program(highs: Any, program: LinearProgram, cost: NDArray[np.float64], limits: dict[str, list[Any]]) -> None:
    """The whole model by arrays, without its constant: a gap must not be relative to it."""
    whole = program.integer if isinstance(program, MixedIntegerProgram) else np.zeros(program.columns)
    status = highs.passModel(
        program.columns, program.rows, program.value.size, 1, 1 if program.sense == "min" else -1, 0.0, cost,
        *limits["column"], *limits["row"], program.start, program.index, to_float(program.value),
        whole.astype(np.int32),
    )  # fmt: skip
    if not fine(status):
        raise SolveError("HiGHS refuses the program: a number is too large, or an index is wrong")
    if highs.getNumCol() != program.columns or highs.getNumRow() != program.rows:
        raise SolveError("HiGHS read another program than the one given")


def fine(status: Any) -> bool:
    """Whether a call was carried out."""
    return int(status) != -1  # kError; a warning (a limit, a tiny coefficient dropped) shows in the model status


def read_status(highs: Any) -> str:
    """The model's status, such as "Optimal" or "Infeasible"."""
    return str(highs.getModelStatus().name).removeprefix("k")


def read_basis(basis: Any) -> Basis:
    """A basis of HiGHS as arrays."""
    columns, rows = basis.col_status, basis.row_status
    return Basis(
        columns=np.fromiter((status.value for status in columns), np.int8, len(columns)),
        rows=np.fromiter((status.value for status in rows), np.int8, len(rows)),
    )


def failure(
    highs: Any, status: str, program: LinearProgram, limits: dict[str, list[Any]], options: Options
) -> SolveError:
    """What went wrong, in the model's own names."""
    if status == "Infeasible":
        if not options.explain:
            return InfeasibleError("infeasible", ())
        conflict = tuple(_conflict(highs, program, limits))
        shown = "; ".join(conflict[:NAMED]) + (f"; and {len(conflict) - NAMED} more" if len(conflict) > NAMED else "")
        if not conflict:
            return InfeasibleError("infeasible: no choice of the whole numbers satisfies every constraint", ())
        return InfeasibleError(f"infeasible: these cannot hold together: {shown}", conflict)
    if status == "Unbounded":
        found = highs.getPrimalRay()
        ray = np.asarray(found[-1] if found[1] else [], dtype=np.float64)
        names = [program.column_name(int(column)) for column in np.flatnonzero(np.abs(ray) > 1e-9)[:NAMED]]
        grow = f": {', '.join(names)} can grow for ever" if names else ""
        return SolveError(f"unbounded{grow}; a bound or a constraint is missing")
    if status == "TimeLimit":
        return SolveError(f"no proven optimum within the time limit of {options.time_limit} s")
    if status == "Notset" and options.threads:
        return SolveError(
            f"HiGHS refuses threads = {options.threads}: another number is in use in this process; leave it at 0"
        )
    return SolveError(f"HiGHS stopped with {status}, which is not an optimum; rescale the data")


def _conflict(highs: Any, program: LinearProgram, limits: dict[str, list[Any]]) -> Iterable[str]:
    """An irreducible infeasible subset, by name, each with the limit that is in conflict."""
    highs.setOptionValue("iis_strategy", 6)  # from the LP, and irreducible
    status, found = highs.getIis()
    if not fine(status) or not found.valid_:
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
