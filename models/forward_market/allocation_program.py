"""The efficient allocation of the spot market as a linear program in Pyomo: who uses the supply, once values are known.

    max sum_i theta_i Q_i   subject to   sum_i Q_i <= 1,  0 <= Q_i <= k_i.

Its multipliers are the spot price of supply and what a unit of demand more would be worth to each agent. Independent of
the engine, which sorts. Extend it with side constraints of your own: networks, reserves, shares of groups.

Source: liu2020, Section 2 (efficient allocation).
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.spot import welfare


def build(environment: Environment) -> Any:
    """The program at the document's values.

    Raises:
        InstanceError: the document has no values.
    """
    value = _values(environment)
    m = pyo.ConcreteModel(name="efficient allocation")
    m.agents = pyo.RangeSet(0, environment.agents - 1)
    m.allocation = pyo.Var(m.agents, bounds=lambda m, i: (0.0, float(environment.demand[i])))  # 0 <= Q_i <= k_i
    m.supply = pyo.Constraint(expr=pyo.quicksum(m.allocation[i] for i in m.agents) <= 1.0)  # sum_i Q_i <= 1
    m.welfare = pyo.Objective(  # W(theta)
        expr=pyo.quicksum(value[i] * m.allocation[i] for i in m.agents), sense=pyo.maximize
    )
    return m


def engine(environment: Environment) -> float:
    """W(theta) by one sort."""
    import numpy as np

    return float(welfare(np.array(_values(environment)), environment.demands))


def _values(environment: Environment) -> list[float]:
    if environment.values is None:
        raise InstanceError("the program allocates at realised values; the document has none", key="values")
    return [float(value) for value in environment.values]


FORMULATIONS = (
    Formulation(
        name="allocation_lp",
        title="the efficient allocation at the realised values",
        build=build,
        engine=engine,
        tolerance=1e-9,
    ),
)
