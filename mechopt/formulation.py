"""A paper's program for one instance: built in Pyomo or CVXPY by the files of models/, exported, solved and compared.

The programs are content (`models/<mechanism>/*_program.py`), independent of the engine. Each file lists what it offers
in `FORMULATIONS`; this module finds them, writes them to files, and holds their optimum against the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from mechopt import catalog
from mechopt.errors import InstanceError, SolveError

if TYPE_CHECKING:
    from mechopt.finding import Finding

Target = Literal["lp", "mps", "pyomo", "cvxpy"]
TARGETS: tuple[str, ...] = get_args(Target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formulation:
    """One program of a paper.

    Attributes:
        name: what `--program` calls it.
        title: what it maximises or minimises, with its equation.
        build: called as build(environment, **options); gives a Pyomo ConcreteModel or a CVXPY Problem.
        engine: called likewise; gives the engine's own optimum of the same program. None where the engine has none.
        options: what build takes beside the environment, with defaults, such as {"date": 1}.
        tolerance: largest difference of the two optima that the programs' float solvers explain, relative to
            1 + the engine's optimum.
    """

    name: str
    title: str
    build: Callable[..., Any]
    engine: Callable[..., Any] | None = None
    options: Mapping[str, int | float | str] = field(default_factory=lambda: MappingProxyType({}))
    tolerance: float = 1e-6


def formulations(mechanism: str) -> dict[str, tuple[Formulation, Path]]:
    """The programs of a mechanism by name, each with the file that spells it out."""
    found: dict[str, tuple[Formulation, Path]] = {}
    for name, path in catalog.programs().items():
        if name.split("/")[0] != mechanism:
            continue
        for formulation in getattr(catalog.load(path), "FORMULATIONS", ()):
            found[formulation.name] = (formulation, path)
    return found


def choose(mechanism: str, name: str | None) -> tuple[Formulation, Path]:
    """The program of that name; the first one where no name is given.

    Raises:
        InstanceError: the mechanism has no such program.
    """
    known = formulations(mechanism)
    if not known:
        raise InstanceError(f"{mechanism} has no programs yet; `mechopt list` shows those that there are")
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise InstanceError(f"{mechanism} has no program {name!r}{catalog.nearest(name, known)}", key="--program")
    return known[name]


def settings(formulation: Formulation, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a program: its defaults, and what was given, read as the default's type.

    Raises:
        InstanceError: an option that the program does not have, or a value of another type.
    """
    chosen: dict[str, Any] = dict(formulation.options)
    for name, value in given.items():
        if name not in chosen:
            raise InstanceError(f"program {formulation.name} has no option {name!r}{_have(chosen)}", key="--set")
        kind = type(chosen[name])
        try:
            chosen[name] = kind(value)
            if kind is int and not isinstance(value, str) and chosen[name] != value:
                raise ValueError(f"{value} is not whole")
        except (TypeError, ValueError):
            raise InstanceError(f"{name} = {value!r} is not of type {kind.__name__}", key="--set") from None
    return chosen


def _have(options: Mapping[str, Any]) -> str:
    return f"; it has {', '.join(options)}" if options else "; it has none"


def language(program: Any) -> str:
    """The layer that a built program is written in: "pyomo" or "cvxpy"."""
    layer = type(program).__module__.split(".")[0]
    if layer not in ("pyomo", "cvxpy"):
        raise TypeError(f"a program is a Pyomo ConcreteModel or a CVXPY Problem, not {type(program).__name__}")
    return layer


def text(program: Any, to: Literal["lp", "mps"]) -> str:
    """A built program as the text of an LP or MPS file.

    Raises:
        SolveError: the program has no such form (it is conic).
    """
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"program.{to}"
        if language(program) == "pyomo":
            program.write(str(path), io_options={"symbolic_solver_labels": True})
        else:
            _write_cvxpy(program, path)
        return path.read_text(encoding="utf-8")


def _write_cvxpy(problem: Any, path: Path) -> None:
    """CVXPY has no writer; its interface to HiGHS writes the model that it passes on."""
    import warnings

    import cvxpy as cp

    try:
        with _silent(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a solution cut off at once, which is what is wanted
            problem.solve(solver=cp.HIGHS, write_model_file=str(path), time_limit=0.0)
    except (cp.SolverError, ValueError) as error:
        if not path.is_file():
            reason = " ".join(str(error).split())
            raise SolveError(f"it is not a linear or quadratic program ({reason}); use --to cvxpy") from None
    if not path.is_file():
        raise SolveError("CVXPY wrote no file; use --to cvxpy")


@contextmanager
def _silent() -> Iterator[None]:
    """Keep standard output to ourselves: highspy greets there whenever CVXPY makes one, whatever its options say."""
    import os
    import sys

    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def script(file: Path, formulation: Formulation, model: str, options: Mapping[str, Any], layer: str) -> str:
    """The program's source with an ending that builds it for one model: to be read, extended and run.

    Args:
        file: where the program is spelled out.
        formulation: which of its programs.
        model: what `mechopt.load` takes.
        options: of the program.
        layer: "pyomo" or "cvxpy".
    """
    arguments = "".join(f", {name}={value!r}" for name, value in options.items())
    return (
        file.read_text(encoding="utf-8").rstrip()
        + '\n\n\nif __name__ == "__main__":\n    import mechopt\n\n'
        + f"    environment = mechopt.load({model!r}).environment\n"
        + f"    program = {formulation.build.__name__}(environment{arguments})\n"
        + ENDINGS[layer]
    )


ENDINGS = {
    "pyomo": (
        "    # add a side constraint here: program.mine = pyo.Constraint(expr=...)\n"
        '    SolverFactory("highs").solve(program)\n'
        "    program.display()\n"
    ),
    "cvxpy": (
        "    # add a side constraint here: program = cp.Problem(program.objective, [*program.constraints, ...])\n"
        "    print(program.solve())\n"
        "    for variable in program.variables():\n"
        "        print(variable.name(), variable.value)\n"
    ),
}


def optimum(program: Any) -> float:
    """The optimum of a built program by its own layer and solver; it is solved in place.

    Raises:
        SolveError: no proven optimum.
    """
    return _solve_pyomo(program) if language(program) == "pyomo" else _solve_cvxpy(program)


def _solve_pyomo(program: Any) -> float:
    import pyomo.environ as pyo
    from pyomo.contrib.solver.common.factory import SolverFactory
    from pyomo.contrib.solver.common.results import SolutionStatus

    solver: Any = SolverFactory("highs")
    solver.config.rel_gap = 0.0
    solver.config.solver_options = {"mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
    results = solver.solve(program, load_solutions=False, raise_exception_on_nonoptimal_result=False)
    if results.solution_status != SolutionStatus.optimal:
        raise SolveError(f"HiGHS ended {program.name} with {results.termination_condition}")
    results.solution_loader.load_vars()
    (objective,) = program.component_data_objects(pyo.Objective, active=True)
    return float(pyo.value(objective))


def _solve_cvxpy(problem: Any) -> float:
    import cvxpy as cp

    # OSQP, CVXPY's choice for quadratic programs, stops at 1e-5; Clarabel, which comes with CVXPY too, at 1e-8.
    # For a linear program a vertex, which an interior point only comes near: HiGHS as SciPy has it, without a banner.
    quadratic = problem.is_qp() and not problem.is_lp() and not problem.is_mixed_integer()
    linear = problem.is_lp() and not problem.is_mixed_integer()
    chosen = {"solver": cp.CLARABEL} if quadratic else {"solver": cp.SCIPY} if linear else {}
    try:
        value = problem.solve(gp=not problem.is_dcp() and problem.is_dgp(), **chosen)  # geometric ones are told apart
    except cp.SolverError as error:
        raise SolveError(f"CVXPY could not solve the program: {' '.join(str(error).split())}") from None
    if problem.status != cp.OPTIMAL:
        raise SolveError(f"CVXPY ended the program with {problem.status}")
    return float(value)


def compare(formulation: Formulation, environment: Any, options: Mapping[str, Any], found: float) -> Finding | None:
    """The program's optimum against the engine's; None where the engine has none to compare."""
    from mechopt.finding import Finding

    if formulation.engine is None:
        return None
    expected = float(formulation.engine(environment, **options))
    return Finding(
        property="program_agrees_with_engine",
        margin=-abs(found - expected),
        tolerance=formulation.tolerance * (1 + abs(expected)),
        evidence=f"{formulation.name}: optimum of the program against the engine's own",
        witness={"program": found, "engine": expected},
    )
