"""The clearing of the linear rule as two programs, written equation by equation.

F1, a linear program: the largest common ratio of coverage that the slack allows.
F2, a quadratic program: the covered parts closest to the overages, and its multiplier is the scarcity factor.

Both are independent of the engine (`mechopt.mechanisms.overage`) and are what its closed form is held against. Extend
them with side constraints of your own. Whole units are relaxed to fractions.

Source: lengyel2025, eq. (1) and Section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import SolutionStatus

from mechopt import exact
from mechopt.errors import SolveError
from mechopt.formulation import Formulation
from mechopt.mechanisms.overage import run
from mechopt.mechanisms.overage.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """An optimal clearing.

    Attributes:
        coverage: the covered part of each overage, units, shape (accounts,).
        objective: the optimum.
        slack_price: shadow price of slack: change of the optimum per unit of slack. In F1 it is 1/X where slack is
            short; in F2 it is minus the scarcity factor.
    """

    coverage: NDArray[np.float64]
    objective: float
    slack_price: float

    @property
    def scarcity(self) -> float:
        """Lambda, read from F2: the multiplier of the slack constraint."""
        return -self.slack_price


def overage_and_slack(environment: Environment) -> tuple[NDArray[np.float64], float]:
    """v_j = (C_j - L_j)+, units, shape (accounts,), and the total slack I = sum_j (L_j - C_j)+.

    Subtracted exactly, then rounded once: floats count as their shortest decimals.

    Raises:
        InstanceError: another rule, or a network; these programs are of the linear rule with one pool.
    """
    environment.need_linear("this program")
    pairs = zip(environment.entitlement.tolist(), environment.claim.tolist(), strict=True)
    difference = [exact.parse(claim) - exact.parse(entitlement) for entitlement, claim in pairs]
    overage = np.array([exact.as_float(max(d, 0)) for d in difference], dtype=np.float64)
    return overage, exact.as_float(sum(max(-d, 0) for d in difference))


def build_lp(environment: Environment) -> pyo.ConcreteModel:
    """F1: max l subject to x = l v, sum x <= I, 0 <= l <= 1, as a Pyomo model."""
    overage, slack = overage_and_slack(environment)
    m = pyo.ConcreteModel(name="overage clearing, F1")
    m.accounts = pyo.RangeSet(0, len(overage) - 1)
    m.overage = pyo.Param(m.accounts, initialize=dict(enumerate(overage.tolist())))  # v_j
    m.ratio = pyo.Var(bounds=(0, 1))  # l: 0 <= l <= 1, nobody gets more than the overage
    m.coverage = pyo.Var(m.accounts)  # x_j
    m.common_ratio = pyo.Constraint(  # x_j = l v_j: everybody's overage is covered in the same proportion
        m.accounts, rule=lambda m, j: m.coverage[j] == m.ratio * m.overage[j]
    )
    m.slack = pyo.Constraint(  # sum_j x_j <= I: only slack covers overage
        expr=pyo.quicksum(m.coverage[j] for j in m.accounts) <= slack
    )
    m.largest_ratio = pyo.Objective(expr=m.ratio, sense=pyo.maximize)  # max l
    return m


def solve_lp(environment: Environment) -> Solution:
    """F1 solved by HiGHS.

    Raises:
        SolveError: no proven optimum.
    """
    m = build_lp(environment)
    solver = SolverFactory("highs")
    results = solver.solve(m, load_solutions=False, raise_exception_on_nonoptimal_result=False)
    if results.solution_status != SolutionStatus.optimal:
        raise SolveError(f"HiGHS ended F1 with {results.termination_condition}; check the constraints added to it")
    results.solution_loader.load_vars()
    duals: Any = results.solution_loader.get_duals([m.slack])
    return Solution(
        coverage=np.array([pyo.value(m.coverage[j]) for j in m.accounts], dtype=np.float64),
        objective=float(pyo.value(m.largest_ratio)),
        slack_price=float(duals[m.slack]),  # Pyomo reports shadow prices
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuadraticProgram:
    """F2 and its parts, by name.

    Attributes:
        problem: the CVXPY problem.
        coverage: x, its variable.
        slack: the constraint whose multiplier is the scarcity factor.
    """

    problem: cp.Problem
    coverage: cp.Variable
    slack: cp.Constraint


def build_qp(environment: Environment) -> QuadraticProgram:
    """F2: min sum (x - v)**2 / (2 v) subject to sum x <= I, over the accounts with v > 0, as a CVXPY problem.

    Its optimality conditions are x = v (1 - mu), so mu = Lambda and the residual is Lambda v. x >= 0 and x <= v then
    hold by themselves; stated, they would leave mu undetermined at I = 0.
    """
    overage, slack = overage_and_slack(environment)
    claimants, idle = np.flatnonzero(overage > 0), np.flatnonzero(overage <= 0)
    x = cp.Variable(len(overage), name="coverage")
    v = overage[claimants]
    # min sum_j (x_j - v_j)**2 / (2 v_j): residuals, weighted so that equal ratios are best
    distance = cp.sum(cp.multiply(1 / (2 * v), cp.square(x[claimants] - v))) if claimants.size else cp.Constant(0)
    slack_constraint = cp.sum(x) <= slack  # sum_j x_j <= I  [mu]
    constraints = [slack_constraint]
    if idle.size:
        constraints.append(x[idle] == 0)  # x_j = 0 where v_j = 0: nothing to cover
    return QuadraticProgram(problem=cp.Problem(cp.Minimize(distance), constraints), coverage=x, slack=slack_constraint)


def solve_qp(environment: Environment) -> Solution:
    """F2 solved by Clarabel, an interior-point method: good to about 1e-8, to 1e-6 where X = I; never what is paid out.

    Raises:
        SolveError: no proven optimum.
    """
    program = build_qp(environment)
    if not overage_and_slack(environment)[0].any():  # nothing to cover, and any multiplier would do
        nothing = np.zeros(len(environment.account))
        return Solution(coverage=nothing, objective=0.0, slack_price=0.0)
    try:
        program.problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    except cp.SolverError as error:
        raise SolveError(f"Clarabel failed on F2: {error}; rescale the units") from None
    if program.problem.status != cp.OPTIMAL:
        raise SolveError(f"Clarabel ended F2 with {program.problem.status}; check the constraints added to it")
    return Solution(
        coverage=np.array(program.coverage.value, dtype=np.float64),
        objective=float(program.problem.value),
        # CVXPY reports the nonnegative multiplier; more slack lowers this minimum, so the shadow price is its negative.
        slack_price=-float(program.slack.dual_value),
    )


def _ratio(environment: Environment) -> float:
    """The engine's optimum of F1: the share of overage that is covered; 1 where there is none."""
    return 1 - float(run(environment).summary["scarcity"])


def _distance(environment: Environment) -> float:
    """The engine's optimum of F2: residuals Lambda v give Lambda**2 sum v / 2."""
    summary = run(environment).summary
    return float(summary["scarcity"]) ** 2 * float(summary["overage_total"]) / 2


def _quadratic(environment: Environment) -> cp.Problem:
    return build_qp(environment).problem


FORMULATIONS = (
    Formulation(name="clearing_lp", title="F1: the largest common ratio of coverage", build=build_lp, engine=_ratio),
    Formulation(
        name="clearing_qp",
        title="F2: the covered parts closest to the overages",
        build=_quadratic,
        engine=_distance,
        tolerance=1e-5,
    ),
)
