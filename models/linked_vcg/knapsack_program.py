"""The knapsack problem of one date and its pricing dual, written equation by equation in Pyomo.

Primal: max sum_i alpha_i, sum_i alpha_i theta_i <= q, 0 <= alpha <= mu. Dual: prices of the resources and rents of the
projects. Both are independent of the engine (`mechopt.mechanisms.linked_vcg`) and are what it is held against. Extend
them with side constraints of your own.

Source: zhu2021, Section 3, eq. (1) and Lemma 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import SolutionStatus

from mechopt.errors import InstanceError, SolveError
from mechopt.formulation import Formulation
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import knapsack


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """An optimum.

    Attributes:
        value: v(q, mu).
        investment: alpha, shape (types,); of the dual: the multipliers of its rows, which are the same.
        price: p, shape (resources,); of the primal: the shadow prices of the stock.
    """

    value: float
    investment: NDArray[np.float64]
    price: NDArray[np.float64]


def supply(environment: Environment, date: int) -> NDArray[np.float64]:
    """mu_t: all agents' projects and the principal's, who has plenty of the first R types; shape (types,)."""
    total = np.asarray(environment.endowments[:, date].sum(axis=0), dtype=np.float64)
    total[: environment.stock.size] = np.inf
    return total


def _model(environment: Environment, date: int, name: str) -> Any:
    types, stock = np.asarray(environment.types, dtype=float), np.asarray(environment.stock, dtype=float)
    m = pyo.ConcreteModel(name=f"{name}, date {environment.date_names[date]}")
    m.kinds = pyo.RangeSet(0, len(types) - 1)
    m.resources = pyo.RangeSet(0, stock.size - 1)
    m.need = pyo.Param(m.kinds, m.resources, initialize=lambda m, i, r: types[i, r])  # theta_i(r)
    m.stock = pyo.Param(m.resources, initialize=lambda m, r: stock[r])  # q(r)
    m.finite = pyo.Set(initialize=[int(i) for i in np.flatnonzero(np.isfinite(supply(environment, date)))])
    m.supply = pyo.Param(m.finite, initialize=lambda m, i: supply(environment, date)[i])  # mu_ti
    return m


def build_primal(environment: Environment, date: int) -> Any:
    """Eq. (1) for the retracted or any other reports of one date, as a Pyomo model."""
    m = _model(environment, date, "knapsack")
    m.investment = pyo.Var(m.kinds, within=pyo.NonNegativeReals)  # alpha_i >= 0
    m.use = pyo.Constraint(  # sum_i alpha_i theta_i(r) <= q(r)
        m.resources, rule=lambda m, r: pyo.quicksum(m.investment[i] * m.need[i, r] for i in m.kinds) <= m.stock[r]
    )
    m.endowment = pyo.Constraint(m.finite, rule=lambda m, i: m.investment[i] <= m.supply[i])  # alpha_i <= mu_i
    m.value = pyo.Objective(expr=pyo.quicksum(m.investment[i] for i in m.kinds), sense=pyo.maximize)
    return m


def build_dual(environment: Environment, date: int) -> Any:
    """The pricing problem: the cheapest prices at which stock and projects are worth no less than the payoff."""
    m = _model(environment, date, "pricing")
    m.price = pyo.Var(m.resources, within=pyo.NonNegativeReals)  # p(r)
    m.rent = pyo.Var(m.finite, within=pyo.NonNegativeReals)  # (1 - p . theta_i)+, what a project earns beyond its cost
    m.worth = pyo.Constraint(  # p . theta_i + rent_i >= 1; the plentiful types earn no rent
        m.kinds,
        rule=lambda m, i: (
            pyo.quicksum(m.price[r] * m.need[i, r] for r in m.resources) + (m.rent[i] if i in m.finite else 0) >= 1
        ),
    )
    m.cost = pyo.Objective(  # min p . q + sum_i rent_i mu_i
        expr=pyo.quicksum(m.price[r] * m.stock[r] for r in m.resources)
        + pyo.quicksum(m.rent[i] * m.supply[i] for i in m.finite),
        sense=pyo.minimize,
    )
    return m


def _optimise(m: Any) -> Any:
    results = SolverFactory("highs").solve(m, load_solutions=False, raise_exception_on_nonoptimal_result=False)
    if results.solution_status != SolutionStatus.optimal:
        raise SolveError(f"HiGHS ended {m.name} with {results.termination_condition}; check the constraints added")
    results.solution_loader.load_vars()
    return results.solution_loader.get_duals()


def solve_primal(environment: Environment, date: int) -> Solution:
    """Eq. (1) solved by HiGHS.

    Raises:
        SolveError: no proven optimum.
    """
    m = build_primal(environment, date)
    duals = _optimise(m)
    return Solution(
        value=float(pyo.value(m.value)),
        investment=np.array([pyo.value(m.investment[i]) for i in m.kinds]),
        price=np.array([duals[m.use[r]] for r in m.resources]),  # Pyomo reports shadow prices
    )


def solve_dual(environment: Environment, date: int) -> Solution:
    """The pricing problem solved by HiGHS.

    Raises:
        SolveError: no proven optimum.
    """
    m = build_dual(environment, date)
    duals = _optimise(m)
    return Solution(
        value=float(pyo.value(m.cost)),
        investment=np.array([duals[m.worth[i]] for i in m.kinds]),
        price=np.array([pyo.value(m.price[r]) for r in m.resources]),
    )


def _position(environment: Environment, date: int) -> int:
    if not 1 <= date <= environment.endowments.shape[1]:
        raise InstanceError(f"there is no date {date}; dates are 1 to {environment.endowments.shape[1]}", key="date")
    return date - 1


def _primal(environment: Environment, date: int) -> Any:
    return build_primal(environment, _position(environment, date))


def _dual(environment: Environment, date: int) -> Any:
    return build_dual(environment, _position(environment, date))


def _value(environment: Environment, date: int) -> float:
    """The engine's v(q, mu_t) for the reports as they stand."""
    total = environment.endowments[:, _position(environment, date)].sum(axis=0)
    return float(knapsack(environment).invest(total).value)


FORMULATIONS = (
    Formulation(
        name="knapsack",
        title="eq. (1): the most valuable investment of one date",
        build=_primal,
        engine=_value,
        options={"date": 1},
    ),
    Formulation(
        name="pricing",
        title="the dual of eq. (1): prices of one date",
        build=_dual,
        engine=_value,
        options={"date": 1},
    ),
)
