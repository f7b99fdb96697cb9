"""One linear program, alive in each library: built once, then solved again after small changes.

    max cost . x,   sum over terms of factor * x[column] <= right in every row,   0 <= x <= upper

Every class does the three things in its library's own quickest way; `solve` returns the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.room import peer

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """The data; every row has as many terms as the others.

    Attributes:
        cost: shape (columns,).
        upper: shape (columns,).
        column: of each term, shape (rows, terms), no column twice in a row.
        factor: of each term, shape (rows, terms).
        right: shape (rows,).
    """

    cost: Floats
    upper: Floats
    column: NDArray[np.int32]
    factor: Floats
    right: Floats

    @property
    def row(self) -> NDArray[np.int32]:
        """The row of each term, in the order of `column.ravel()`."""
        return np.repeat(np.arange(len(self.column), dtype=np.int32), self.column.shape[1])


class HandWritten:
    """Raw highspy: arrays in, one live model, bounds changed, the point read."""

    def __init__(self, program: Program) -> None:
        import highspy
        from scipy.sparse import csc_array

        self.program, rows, columns = program, len(program.right), len(program.cost)
        matrix = csc_array((program.factor.ravel(), (program.row, program.column.ravel())), (rows, columns))
        self.highs = highspy.Highs.__mro__[1]()
        self.highs.setOptionValue("output_flag", False)
        self.none, self.rows = np.full(rows, -np.inf), np.arange(rows, dtype=np.int32)
        self.highs.passModel(
            columns, rows, matrix.nnz, 1, -1, 0.0, program.cost, np.zeros(columns), program.upper, self.none,
            program.right, matrix.indptr, matrix.indices, matrix.data, np.zeros(columns, np.int32),
        )  # fmt: skip

    def right(self, values: Floats) -> None:
        self.highs.changeRowsBounds(len(values), self.rows, self.none, values)

    def upper(self, column: int, value: float) -> None:
        self.highs.changeColBounds(column, 0.0, value)

    def solve(self) -> float:
        self.highs.run()
        return float(self.program.cost @ np.array(self.highs.getSolution().col_value))


def program_of(program: Program) -> Any:
    """The same as mechopt's own data."""
    from mechopt.program import LinearProgram

    rows, columns = len(program.right), len(program.cost)
    return LinearProgram.from_triplets(
        program.row, program.column.ravel(), program.factor.ravel(), sense="max", cost=program.cost,
        lower=np.zeros(columns), upper=program.upper, row_lower=np.full(rows, -np.inf), row_upper=program.right,
    )  # fmt: skip


class Mechopt:
    """`mechopt.solver.Sequence`."""

    def __init__(self, program: Program) -> None:
        from mechopt.solver import Sequence

        self.sequence, self.changes = Sequence(program_of(program)), dict[str, Any]()
        self.column, self.high = list[int](), list[float]()

    def right(self, values: Floats) -> None:
        self.changes["row_upper"] = values

    def upper(self, column: int, value: float) -> None:
        self.column.append(column)
        self.high.append(value)
        self.changes |= {"columns": self.column, "upper": self.high}

    def solve(self) -> float:
        found = self.sequence.solve(**self.changes).objective
        self.changes, self.column, self.high = {}, [], []
        return float(found)


class _Pyomo:
    solver: Any

    def __init__(self, program: Program) -> None:
        import pyomo.environ as pyo

        self.pyo, self.m = pyo, pyo.ConcreteModel()
        m, right, upper = self.m, dict(enumerate(program.right.tolist())), program.upper.tolist()
        m.right = pyo.Param(range(len(right)), mutable=True, initialize=right)
        m.x = pyo.Var(range(len(upper)), bounds=lambda _, j: (0, upper[j]))
        m.rows = pyo.ConstraintList()
        for row, (columns, factors) in enumerate(zip(program.column.tolist(), program.factor.tolist(), strict=True)):
            total = pyo.quicksum(f * m.x[j] for j, f in zip(columns, factors, strict=True))
            m.rows.add(total <= m.right[row])
        m.value = pyo.Objective(
            expr=pyo.quicksum(c * m.x[j] for j, c in enumerate(program.cost.tolist())), sense=pyo.maximize
        )

    def right(self, values: Floats) -> None:
        for row, value in enumerate(values.tolist()):
            self.m.right[row] = value

    def upper(self, column: int, value: float) -> None:
        self.m.x[column].setub(value)

    def solve(self) -> float:
        self.solver.solve(self.m)
        return float(self.pyo.value(self.m.value))


class PyomoContrib(_Pyomo):
    """pyomo.contrib.solver, its persistent HiGHS."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)  # first: it registers the solvers
        from pyomo.contrib.solver.common.factory import SolverFactory

        self.solver = SolverFactory("highs")


class PyomoAppsi(_Pyomo):
    """pyomo.contrib.appsi."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        from pyomo.contrib.appsi.solvers import Highs

        self.solver = Highs()


class Cvxpy:
    """CVXPY with parameters, which it compiles once (DPP)."""

    def __init__(self, program: Program) -> None:
        import cvxpy as cp
        from scipy.sparse import csr_array

        rows, columns = len(program.right), len(program.cost)
        matrix = csr_array((program.factor.ravel(), (program.row, program.column.ravel())), (rows, columns))
        self.cp, x = cp, cp.Variable(columns)
        self.limit, self.high = cp.Parameter(rows, value=program.right), cp.Parameter(columns, value=program.upper)
        self.problem = cp.Problem(cp.Maximize(program.cost @ x), [matrix @ x <= self.limit, x >= 0, x <= self.high])

    def right(self, values: Floats) -> None:
        self.limit.value = values

    def upper(self, column: int, value: float) -> None:
        changed = self.high.value.copy()
        changed[column] = value
        self.high.value = changed

    def solve(self) -> float:
        self.problem.solve(solver=self.cp.HIGHS)
        return float(self.problem.value)


class Linopy:
    """linopy, passed to HiGHS directly and kept there (`track_updates`)."""

    def __init__(self, program: Program) -> None:
        linopy, xr = peer("linopy"), peer("xarray")

        self.xr, self.high = xr, program.upper.copy()
        self.model = linopy.Model()
        self.x = self.model.add_variables(lower=0, upper=xr.DataArray(self.high, dims=["j"]), name="x")
        terms = self.x.isel(j=xr.DataArray(program.column, dims=["row", "term"]))
        left = (xr.DataArray(program.factor, dims=["row", "term"]) * terms).sum("term")
        self.rows = self.model.add_constraints(left <= xr.DataArray(program.right, dims=["row"]), name="rows")
        self.model.add_objective((xr.DataArray(program.cost, dims=["j"]) * self.x).sum(), sense="max")
        self.solver: Any = None

    def right(self, values: Floats) -> None:
        self.rows.update(rhs=self.xr.DataArray(values, dims=["row"]))

    def upper(self, column: int, value: float) -> None:
        self.high[column] = value
        self.x.update(upper=self.xr.DataArray(self.high, dims=["j"]))

    def solve(self) -> float:
        if self.solver is None:
            self.solver = peer("linopy.solvers").Solver.from_name(
                "highs", self.model, io_api="direct", options={"output_flag": False}, track_updates=True
            )
            return float(self.solver.solve().solution.objective)
        return float(self.solver.solve(self.model).solution.objective)


class PyOptInterface:
    """PyOptInterface, a thin layer over the HiGHS of the package highsbox."""

    def __init__(self, program: Program) -> None:
        poi, highs = peer("pyoptinterface"), peer("pyoptinterface.highs")

        self.poi, self.model = poi, highs.Model()
        self.model.set_model_attribute(poi.ModelAttribute.Silent, True)
        self.x = [self.model.add_variable(lb=0.0, ub=high) for high in program.upper.tolist()]
        self.limit = self._rows(program)
        total = poi.ScalarAffineFunction(program.cost.tolist(), list(range(len(self.x))))
        self.model.set_objective(total, poi.ObjectiveSense.Maximize)

    def _rows(self, program: Program) -> list[Any]:
        kind = self.poi.ConstraintSense.LessEqual
        terms = zip(program.factor.tolist(), program.column.tolist(), program.right.tolist(), strict=True)
        for factors, columns, right in terms:
            self.model.add_linear_constraint(self.poi.ScalarAffineFunction(factors, columns), kind, right)
        return []

    def upper(self, column: int, value: float) -> None:
        self.model.set_variable_attribute(self.x[column], self.poi.VariableAttribute.UpperBound, value)

    def solve(self) -> float:
        self.model.optimize()
        return float(self.model.get_model_attribute(self.poi.ModelAttribute.ObjectiveValue))


class PyOptInterfaceLimits(PyOptInterface):
    """The same with right-hand sides as bounds of what is used.

    Its `set_normalized_rhs` turns an inequality into an equality (metab0t/PyOptInterface, issue 104, in 0.6.1).
    """

    def _rows(self, program: Program) -> list[Any]:
        used, kind = [], self.poi.ConstraintSense.Equal
        terms = zip(program.factor.tolist(), program.column.tolist(), program.right.tolist(), strict=True)
        for factors, columns, right in terms:
            used.append(self.model.add_variable(ub=right))
            balance = self.poi.ScalarAffineFunction([*factors, -1.0], [*columns, used[-1].index])
            self.model.add_linear_constraint(balance, kind, 0.0)
        return used

    def right(self, values: Floats) -> None:
        for used, value in zip(self.limit, values.tolist(), strict=True):
            self.model.set_variable_attribute(used, self.poi.VariableAttribute.UpperBound, value)


class Linprog:
    """scipy.optimize.linprog, which starts anew each time."""

    def __init__(self, program: Program) -> None:
        from scipy.sparse import csr_array

        shape = len(program.right), len(program.cost)
        self.cost, self.limit, self.high = -program.cost, program.right, program.upper.copy()
        self.matrix = csr_array((program.factor.ravel(), (program.row, program.column.ravel())), shape)

    def right(self, values: Floats) -> None:
        self.limit = values

    def upper(self, column: int, value: float) -> None:
        self.high[column] = value

    def solve(self) -> float:
        from scipy.optimize import linprog

        bounds = np.column_stack([np.zeros(len(self.high)), self.high])
        return float(-linprog(self.cost, A_ub=self.matrix, b_ub=self.limit, bounds=bounds, method="highs").fun)


class OrTools:
    """OR-Tools' pywraplp with its own GLOP."""

    def __init__(self, program: Program) -> None:
        self.solver = peer("ortools.linear_solver.pywraplp").Solver.CreateSolver("GLOP")
        self.x = [self.solver.NumVar(0.0, high, "") for high in program.upper.tolist()]
        self.rows = []
        for columns, factors, right in zip(
            program.column.tolist(), program.factor.tolist(), program.right.tolist(), strict=True
        ):
            row = self.solver.Constraint(-self.solver.infinity(), right)
            for column, factor in zip(columns, factors, strict=True):
                row.SetCoefficient(self.x[column], factor)
            self.rows.append(row)
        for x, cost in zip(self.x, program.cost.tolist(), strict=True):
            self.solver.Objective().SetCoefficient(x, cost)
        self.solver.Objective().SetMaximization()

    def right(self, values: Floats) -> None:
        for row, value in zip(self.rows, values.tolist(), strict=True):
            row.SetUb(value)

    def upper(self, column: int, value: float) -> None:
        self.x[column].SetUb(value)

    def solve(self) -> float:
        self.solver.Solve()
        return float(self.solver.Objective().Value())
