"""How far one period can push the regrets: the one-step adversary as a mixed-integer program. F5.

|dR|**2 is convex in the outputs, the probabilities and the payments, so that some corner is worst: outputs 0 or y_max,
one group for sure, each agent paying all or nothing. With the corner's choices as binaries, dR counts whole units of
y_max,

    dR^I = Y(I) - Y(G),   dR_i = Y_{-i}(I\\i) - Y_{-i}(G) - p_i y_i(G),

and its square is a choice of its value. The worst is n**3 + 1, the constant of every bound of Sections 4 to 7.
Extend it: outputs that cannot all be high, a fixed price, agents that never owe at once.

Source: chassang2021, the norm step in the proof of Proposition 2, where (n + 1)**3 bounds it.
"""

from __future__ import annotations

import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.limited_liability import bounds
from mechopt.mechanisms.limited_liability.environment import Environment

MOST_AGENTS = 5


def build(environment: Environment) -> pyo.ConcreteModel:
    """F5: max |dR|**2 of one period, as a Pyomo model.

    Raises:
        InstanceError: more than 5 agents, or a payment rule without these corners (footnote 9).
    """
    n = _agents(environment)
    m = pyo.ConcreteModel(name="one-step adversary, F5")
    m.agents, m.groups = pyo.RangeSet(1, n), pyo.RangeSet(0, n)  # group 0 is everybody, i all but i
    m.sizes = pyo.RangeSet(-n, n)  # what a component of dR can be, in units of y_max
    m.output = pyo.Var(m.groups, m.agents, within=pyo.Binary)  # y_i(a*(G)) / y_max
    m.drawn = pyo.Var(m.groups, within=pyo.Binary)  # mu(G)
    m.taken = pyo.Var(m.agents, bounds=(0, 1))  # y_i(mu)
    m.pays = pyo.Var(m.agents, within=pyo.Binary)  # p_i y_i(mu): whoever owes gives all
    m.change = pyo.Var(m.groups, bounds=(-n, n))  # dR^I, dR_i
    m.equals = pyo.Var(m.groups, m.sizes, within=pyo.Binary)  # which value it has

    m.one_group = pyo.Constraint(expr=pyo.quicksum(m.drawn[g] for g in m.groups) == 1)
    m.at_least = pyo.Constraint(
        m.groups, m.agents, rule=lambda m, g, i: m.taken[i] >= m.output[g, i] - (1 - m.drawn[g])
    )
    m.at_most = pyo.Constraint(m.groups, m.agents, rule=lambda m, g, i: m.taken[i] <= m.output[g, i] + (1 - m.drawn[g]))
    m.out_of_output = pyo.Constraint(m.agents, rule=lambda m, i: m.pays[i] <= m.taken[i])  # limited liability
    m.allocation = pyo.Constraint(expr=m.change[0] == sum(m.output[0, i] - m.taken[i] for i in m.agents))
    m.externality = pyo.Constraint(
        m.agents,
        rule=lambda m, i: m.change[i] == sum(m.output[i, j] - m.taken[j] for j in m.agents if j != i) - m.pays[i],
    )
    m.one_value = pyo.Constraint(m.groups, rule=lambda m, g: pyo.quicksum(m.equals[g, v] for v in m.sizes) == 1)
    m.is_value = pyo.Constraint(
        m.groups, rule=lambda m, g: m.change[g] == pyo.quicksum(v * m.equals[g, v] for v in m.sizes)
    )
    scale = exact.as_float(environment.output_bound) ** 2
    m.size = pyo.Objective(  # |dR|**2
        expr=scale * pyo.quicksum(v * v * m.equals[g, v] for g in m.groups for v in m.sizes), sense=pyo.maximize
    )
    return m


def _agents(environment: Environment) -> int:
    agents = environment.rules.agents
    if agents > MOST_AGENTS:
        raise InstanceError(f"{agents} agents; the program is for at most {MOST_AGENTS}", key="values")
    if environment.rules.variant not in ("baseline", "strategic", "consistent", "discounted"):
        raise InstanceError("the step is that of Sections 4 to 7", key="variant")
    if environment.rules.payment == "debt":
        raise InstanceError("the step is that of whole outputs paid, not of footnote 9", key="payment")
    return agents


def _engine(environment: Environment) -> float:
    """The sharp constant that the engine's bounds use."""
    _agents(environment)
    return bounds.step_constant(environment.rules) * exact.as_float(environment.output_bound) ** 2


FORMULATIONS = (
    Formulation(
        name="adversary_milp", title="F5: how far one period can push the regrets, |dR|**2", build=build,
        engine=_engine,
    ),
)  # fmt: skip
