"""The spot market of most welfare that runs no deficit, as a linear program in Pyomo over finitely many types.

    max E sum_i theta_i Q_i   subject to   sum_i Q_i(theta) <= 1,  0 <= Q_i <= k_i,  incentive compatibility,
    theta_i q_i + t_i >= min(r_i, k_i) theta_i,  E sum_i t_i <= 0,

with q_i the interim allocation and t_i the interim payment RECEIVED. Types are the midpoints of equally likely cells.
Only neighbouring types are kept from telling each other's, which with one-dimensional values keeps all of them from it;
the engine writes out every pair. Extend it with side constraints of your own, such as ex-post budgets.

Source: liu2020, Section 6, which leaves the second best open; the program is ours.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pyomo.environ as pyo

from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.second_best import second_best


def _holding(environment: Environment, holdings: str) -> Any:
    if holdings not in ("endowment", "common"):
        raise InstanceError(f'must be "endowment" or "common", not {holdings!r}', key="holdings")
    return environment.endowments if holdings == "endowment" else Market(environment).common.holding


def build(environment: Environment, types: int, holdings: str) -> Any:
    """The program for agents who enter the spot market with their endowments, or with r*."""
    if types < 2:
        raise InstanceError(f"at least 2 types are needed, not {types}", key="types")
    if environment.agents * types**environment.agents > 40_000:
        raise InstanceError(f"{types} types of {environment.agents} agents make too many profiles", key="types")
    held = _holding(environment, holdings)
    demand = [float(value) for value in environment.demand]
    value = [[float(law.quantile((j + 0.5) / types)) for j in range(types)] for law in environment.distribution]
    m = pyo.ConcreteModel(name="second best")
    m.agents, m.types = pyo.RangeSet(0, environment.agents - 1), pyo.RangeSet(0, types - 1)
    m.profiles = pyo.Set(initialize=list(product(range(types), repeat=environment.agents)), dimen=environment.agents)
    m.allocation = pyo.Var(m.agents, m.profiles, bounds=lambda m, i, *_: (0.0, demand[i]))  # Q_i(theta)
    m.interim = pyo.Var(m.agents, m.types)  # q_i(theta_i)
    m.payment = pyo.Var(m.agents, m.types)  # t_i(theta_i), received
    m.supply = pyo.Constraint(m.profiles, rule=lambda m, *p: pyo.quicksum(m.allocation[i, p] for i in m.agents) <= 1.0)
    m.mean = pyo.Constraint(  # q_i(theta_i) = E Q_i(theta_i, theta_-i)
        m.agents, m.types,
        rule=lambda m, i, j: m.interim[i, j] * types ** (environment.agents - 1)
        == pyo.quicksum(m.allocation[i, p] for p in m.profiles if p[i] == j),
    )  # fmt: skip

    def no_gain(m: Any, i: int, own: int, step: int) -> Any:
        told = own + step
        if not 0 <= told < types:
            return pyo.Constraint.Skip
        worth = value[i][own]  # theta q(theta) + t(theta) >= theta q(told) + t(told)
        return worth * (m.interim[i, own] - m.interim[i, told]) + m.payment[i, own] - m.payment[i, told] >= 0.0

    m.truth = pyo.Constraint(m.agents, m.types, [-1, 1], rule=no_gain)
    m.stay = pyo.Constraint(  # theta q + t >= theta min(r, k)
        m.agents, m.types,
        rule=lambda m, i, j: value[i][j] * m.interim[i, j] + m.payment[i, j] >= value[i][j] * min(held[i], demand[i]),
    )  # fmt: skip
    m.budget = pyo.Constraint(expr=pyo.quicksum(m.payment[i, j] for i in m.agents for j in m.types) <= 0.0)
    m.welfare = pyo.Objective(
        expr=pyo.quicksum(value[i][p[i]] * m.allocation[i, p] for i in m.agents for p in m.profiles)
        / types**environment.agents,
        sense=pyo.maximize,
    )
    return m


def engine(environment: Environment, types: int, holdings: str) -> float:
    """The engine's optimum, with its certificate."""
    return second_best(environment, _holding(environment, holdings), types=types).welfare


FORMULATIONS = (
    Formulation(
        name="second_best_lp",
        title="the spot market of most welfare without a deficit",
        build=build,
        engine=engine,
        options={"types": 5, "holdings": "endowment"},
        tolerance=1e-9,
    ),
)
