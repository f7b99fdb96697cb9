"""The LP core against modelling layers and solvers' own interfaces, on one program with many right-hand sides.

2,000 columns, 20 rows, 51 right-hand sides. Every candidate builds the program once, where its interface lets it, and
solves it again for each right-hand side. Every optimum of every candidate is compared with hand-written highspy's.
CPU time, candidates in shuffled order, the least of the rounds; only ratios of one run mean anything. What is not
installed is named. OR-Tools ships its own HiGHS and cannot share a process with highspy: it has one to itself.

    python benchmarks/peers/linear_programs.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import importlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Candidate = Callable[[], Floats]
ROWS, COLUMNS, SOLVES, ROUNDS = 20, 2000, 51, 5


def peer(name: str) -> Any:
    """A module that a clean clone need not have."""
    return importlib.import_module(name)


def instance() -> tuple[Floats, Floats, Floats, Floats]:
    """matrix, cost, upper bounds and right-hand sides: max cost . x, matrix x <= right, 0 <= x <= upper."""
    rng = np.random.default_rng(0)
    matrix, upper = rng.uniform(0.1, 1.0, (ROWS, COLUMNS)), rng.uniform(0.0, 1.0, COLUMNS)
    right = matrix @ upper * 0.4 * rng.uniform(0.9, 1.1, (SOLVES, ROWS))
    return matrix, rng.uniform(0.5, 1.0, COLUMNS), upper, right


MATRIX, COST, UPPER, RIGHT = instance()


def hand_written() -> Floats:
    """Raw highspy: arrays in, one live model, row bounds changed, the point read."""
    import highspy

    highs = highspy.Highs.__mro__[1]()
    highs.setOptionValue("output_flag", False)
    start = np.arange(0, ROWS * COLUMNS + 1, ROWS, dtype=np.int32)
    index = np.tile(np.arange(ROWS, dtype=np.int32), COLUMNS)
    none, rows = np.full(ROWS, -np.inf), np.arange(ROWS, dtype=np.int32)
    highs.passModel(COLUMNS, ROWS, index.size, 1, -1, 0.0, COST, np.zeros(COLUMNS), UPPER, none, RIGHT[0], start,
                    index, MATRIX.T.ravel(), np.zeros(COLUMNS, np.int32))  # fmt: skip
    found = []
    for right in RIGHT:
        highs.changeRowsBounds(ROWS, rows, none, right)
        highs.run()
        found.append(COST @ np.array(highs.getSolution().col_value))
    return np.array(found)


def mechopt_core() -> Floats:
    from mechopt.program import LinearProgram
    from mechopt.solver import Sequence

    program = LinearProgram.from_dense(MATRIX, sense="max", cost=COST, lower=0.0, upper=UPPER,
                                       row_lower=np.full(ROWS, -np.inf), row_upper=RIGHT[0])  # fmt: skip
    sequence = Sequence(program)
    return np.array([sequence.solve(row_upper=right).objective for right in RIGHT])


def _pyomo() -> Any:
    import pyomo.environ as pyo

    m = pyo.ConcreteModel()
    m.right = pyo.Param(range(ROWS), mutable=True, initialize=dict(enumerate(RIGHT[0].tolist())))
    m.x = pyo.Var(range(COLUMNS), bounds=lambda _, j: (0, UPPER[j]))
    m.rows = pyo.ConstraintList()
    for row in range(ROWS):
        m.rows.add(sum(MATRIX[row, j] * m.x[j] for j in range(COLUMNS)) <= m.right[row])
    m.value = pyo.Objective(expr=sum(COST[j] * m.x[j] for j in range(COLUMNS)), sense=pyo.maximize)
    return m


def _pyomo_each(solver: Any, m: Any) -> Floats:
    import pyomo.environ as pyo

    found = []
    for right in RIGHT:
        for row, value in enumerate(right.tolist()):
            m.right[row] = value
        solver.solve(m)
        found.append(pyo.value(m.value))
    return np.array(found)


def pyomo_contrib() -> Floats:
    m = _pyomo()  # first: it registers the solvers
    from pyomo.contrib.solver.common.factory import SolverFactory

    return _pyomo_each(SolverFactory("highs"), m)


def pyomo_appsi() -> Floats:
    from pyomo.contrib.appsi.solvers import Highs

    return _pyomo_each(Highs(), _pyomo())


def cvxpy_dpp() -> Floats:
    import cvxpy as cp

    x, right = cp.Variable(COLUMNS), cp.Parameter(ROWS)
    problem = cp.Problem(cp.Maximize(COST @ x), [MATRIX @ x <= right, x >= 0, x <= UPPER])
    found = []
    for values in RIGHT:
        right.value = values
        problem.solve(solver=cp.HIGHS)
        found.append(problem.value)
    return np.array(found)


def linopy_model() -> Floats:
    linopy, xr = peer("linopy"), peer("xarray")

    model = linopy.Model()
    places = {"column": range(COLUMNS)}
    x = model.add_variables(lower=0, upper=xr.DataArray(UPPER, places, ["column"]), name="x")
    matrix = xr.DataArray(MATRIX, {"row": range(ROWS), **places}, ["row", "column"])
    rows = model.add_constraints((matrix * x).sum("column") <= xr.DataArray(RIGHT[0], {"row": range(ROWS)}, ["row"]))
    model.add_objective((xr.DataArray(COST, places, ["column"]) * x).sum(), sense="max")
    found = []
    for right in RIGHT:
        rows.update(rhs=xr.DataArray(right, {"row": range(ROWS)}, ["row"]))
        model.solve("highs", io_api="direct", output_flag=False)
        found.append(model.objective.value)
    return np.array(found)


def pyoptinterface_highs() -> Floats:
    poi, highs = peer("pyoptinterface"), peer("pyoptinterface.highs")

    model = highs.Model()
    model.set_model_attribute(poi.ModelAttribute.Silent, True)
    x = [model.add_variable(lb=0.0, ub=float(high)) for high in UPPER]

    def total(factors: Floats) -> Any:
        result = poi.ExprBuilder()
        for variable, factor in zip(x, factors.tolist(), strict=True):
            result.add_affine_term(variable, factor)
        return result

    # Its set_normalized_rhs led to other optima; so right-hand sides are bounds of what is used.
    used = [model.add_variable(ub=right) for right in RIGHT[0].tolist()]
    for row, variable in zip(MATRIX, used, strict=True):
        balance = total(row)
        balance.add_affine_term(variable, -1.0)
        model.add_linear_constraint(balance, poi.ConstraintSense.Equal, 0.0)
    model.set_objective(total(COST), poi.ObjectiveSense.Maximize)
    found = []
    for right in RIGHT:
        for variable, value in zip(used, right.tolist(), strict=True):
            model.set_variable_attribute(variable, poi.VariableAttribute.UpperBound, value)
        model.optimize()
        found.append(model.get_model_attribute(poi.ModelAttribute.ObjectiveValue))
    return np.array(found)


def scipy_linprog() -> Floats:
    from scipy.optimize import linprog

    bounds = np.column_stack([np.zeros(COLUMNS), UPPER])
    return np.array([-linprog(-COST, A_ub=MATRIX, b_ub=right, bounds=bounds, method="highs").fun for right in RIGHT])


def ortools_glop() -> Floats:
    pywraplp = peer("ortools.linear_solver.pywraplp")

    solver = pywraplp.Solver.CreateSolver("GLOP")
    x = [solver.NumVar(0.0, float(high), "") for high in UPPER]
    rows = []
    for row in range(ROWS):
        rows.append(solver.Constraint(-solver.infinity(), float(RIGHT[0, row])))
        for column, value in enumerate(MATRIX[row].tolist()):
            rows[-1].SetCoefficient(x[column], value)
    for column, value in enumerate(COST.tolist()):
        solver.Objective().SetCoefficient(x[column], value)
    solver.Objective().SetMaximization()
    found = []
    for right in RIGHT:
        for row, value in zip(rows, right.tolist(), strict=True):
            row.SetUb(value)
        solver.Solve()
        found.append(solver.Objective().Value())
    return np.array(found)


LAYERS: dict[str, Candidate] = {
    "Pyomo contrib.solver": pyomo_contrib, "Pyomo appsi": pyomo_appsi, "CVXPY, parametrised": cvxpy_dpp,
    "linopy, direct": linopy_model, "PyOptInterface": pyoptinterface_highs, "scipy linprog": scipy_linprog,
}  # fmt: skip


def cpu(candidate: Candidate) -> tuple[float, Floats]:
    start = time.process_time()
    found = candidate()
    return time.process_time() - start, found


def apart() -> None:
    """OR-Tools by itself: its least time, and its optima."""
    found = [cpu(ortools_glop) for _ in range(ROUNDS)]
    print(min(taken for taken, _ in found), *found[0][1].tolist())


def main() -> None:
    candidates: dict[str, Candidate] = {"hand-written highspy": hand_written, "mechopt": mechopt_core}
    for name, candidate in LAYERS.items():
        try:
            candidate()
            candidates[name] = candidate
        except (ImportError, RuntimeError) as error:  # PyOptInterface: its HiGHS library is a package of its own
            print(f"{name}: skipped, {error}")
    times: dict[str, list[float]] = {name: [] for name in candidates}
    expected = hand_written()
    for _ in range(ROUNDS):
        for name in random.sample(list(candidates), len(candidates)):
            taken, found = cpu(candidates[name])
            if not np.allclose(found, expected, rtol=1e-7):
                raise SystemExit(f"{name}: another optimum than hand-written highspy's")
            times[name].append(taken)
    least = {name: min(taken) for name, taken in times.items()}
    other = subprocess.run([sys.executable, __file__, "--apart"], capture_output=True, text=True, check=False)
    if other.returncode:
        reason = other.stderr.strip().splitlines()[-1:] or ["no reason given"]
        print(f"OR-Tools GLOP: skipped, {reason[0]}")
    else:
        taken, *values = map(float, other.stdout.split())
        if not np.allclose(values, expected, rtol=1e-7):
            raise SystemExit("OR-Tools GLOP: another optimum than hand-written highspy's")
        least["OR-Tools GLOP (own process)"] = taken
    print(f"{COLUMNS:,} x {ROWS}, {SOLVES} right-hand sides; all optima equal; CPU time of hand-written highspy = 1")
    for name, taken in sorted(least.items(), key=lambda item: item[1]):
        print(f"  {name:28} {taken / least['hand-written highspy']:8.2f}")
    layers = [least[name] for name in LAYERS if name in least]
    print(f"  the best modelling layer is {min(layers) / least['mechopt']:.1f} times mechopt")


if __name__ == "__main__":
    apart() if sys.argv[1:] == ["--apart"] else main()
