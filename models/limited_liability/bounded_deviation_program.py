"""What one agent could state at best under Appendix A.1, knowing everything, as a mixed-integer program: F7.

There a_t = a*_t(I) is taken for sure, values count with weights lambda in {0, 1}, and what is stated enters the agent's
own regrets R^v, R^A and R^B. Everything the rules decide is a binary: which decision each group takes, who pays
(R^v > 0), whose values count (R^A >= 0 or R^B >= 0). A product of a binary and a bounded amount is exact in four
inequalities (McCormick), so that the optimum is the agent's largest total of output less payment.

Strict inequalities leave a GAP: statements after which a regret lies within (0, GAP), or which win an earlier decision
by less, are not looked at. Others tell the truth. Extend it: statements that stay near the truth, or never change.

Source: chassang2021, Appendix A.1, (A.1) to (A.5), and Proposition A.1 for an agent with foresight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.limited_liability.bounded_deviation import bounded, grid_deviation
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.program import to_float

GAP = 1e-4
LARGEST = 200  # periods times agents times decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The first periods and one agent."""

    part: Environment
    agent: int
    bound: float
    regret: float  # no regret is further from 0


def case(environment: Environment, agent: int, periods: int) -> Case:
    """The first periods of an environment, under the rules of Appendix A.1.

    Raises:
        InstanceError: no such agent or horizon, more than a solver should be asked for, or decisions by a program.
    """
    count, agents, decisions = environment.values.shape
    if environment.program is not None:
        raise InstanceError("a misreport would change every optimum of the [program]", key="program")
    if not 1 <= agent <= agents:
        raise InstanceError(f"must be from 1 to {agents}, not {agent}", key="agent")
    if not 1 <= periods <= count:
        raise InstanceError(f"must be from 1 to {count}, not {periods}", key="periods")
    if periods * agents * decisions > LARGEST:
        raise InstanceError(f"periods times agents times decisions must be at most {LARGEST}", key="periods")
    kept = {name: getattr(environment, name)[:periods] for name in ("values", "outputs", "draws")}
    names = replace(environment.names, periods=environment.names.periods[:periods])
    part = replace(environment, **kept, rules=bounded(environment), true_values=None, true_outputs=None, names=names)
    bound = exact.as_float(environment.output_bound)
    return Case(part=part, agent=agent - 1, bound=bound, regret=(agents + 1) * periods * bound)


def build(environment: Environment, agent: int, periods: int, steps: int) -> pyo.ConcreteModel:
    """F7 for one agent and the first periods; statements are multiples of y_max / steps, or any where steps is 0."""
    of = case(environment, agent, periods)
    if steps < 0:
        raise InstanceError(f"must be 0 (no grid) or more, not {steps}", key="steps")
    _, agents, decisions = of.part.values.shape
    m = pyo.ConcreteModel(name="best deviation under Appendix A.1, F7")
    m.periods, m.agents = pyo.RangeSet(0, periods - 1), pyo.RangeSet(0, agents - 1)
    m.decisions, m.groups = pyo.RangeSet(0, decisions - 1), pyo.RangeSet(0, agents)
    m.stated = pyo.Var(m.periods, m.decisions, bounds=(0, of.bound))  # m_t(a)
    if steps:
        m.grid = pyo.Var(m.periods, m.decisions, within=pyo.Integers, bounds=(0, steps))
        m.on_grid = pyo.Constraint(
            m.periods, m.decisions, rule=lambda m, t, a: m.stated[t, a] == of.bound / steps * m.grid[t, a]
        )
    m.pays, m.held_ok, m.idle_ok, m.counts = (pyo.Var(m.periods, m.agents, within=pyo.Binary) for _ in range(4))
    m.decides = pyo.Var(m.periods, m.groups, m.decisions, within=pyo.Binary)  # a*_t(G) = a
    m.products = pyo.ConstraintList()
    _values(m, of)
    _decide(m)
    _settle(m, of)
    _weigh(m, of)
    produced = to_float(of.part.outputs)
    m.payoff = pyo.Objective(
        expr=pyo.quicksum(
            float(produced[t, of.agent, a]) * m.decides[t, 0, a] for t in m.periods for a in m.decisions
        ) - pyo.quicksum(m.paid[t, of.agent] for t in m.periods),
        sense=pyo.maximize,
    )  # fmt: skip
    return m


def _times(m: Any, product: Any, binary: Any, amount: Any, low: float, high: float) -> None:
    """product = binary * amount for low <= amount <= high."""
    m.products.add(product >= low * binary)
    m.products.add(product <= high * binary)
    m.products.add(product >= amount - high * (1 - binary))
    m.products.add(product <= amount - low * (1 - binary))


def _values(m: Any, of: Case) -> None:
    """w_tj(a) = lambda_tj v_tj(a), and what it comes to under each group's decision."""
    values = to_float(of.part.values)
    m.worth = pyo.Var(m.periods, m.agents, m.decisions, bounds=(0, of.bound))
    m.under = pyo.Var(m.periods, m.groups, m.agents, m.decisions, bounds=(0, of.bound))
    for t, j, a in m.worth:
        if j == of.agent:
            _times(m, m.worth[t, j, a], m.counts[t, j], m.stated[t, a], 0.0, of.bound)
        else:
            m.products.add(m.worth[t, j, a] == float(values[t, j, a]) * m.counts[t, j])
    for t, g, j, a in m.under:
        _times(m, m.under[t, g, j, a], m.decides[t, g, a], m.worth[t, j, a], 0.0, of.bound)


def _decide(m: Any) -> None:
    """a*_t(G): the first of the best."""
    m.one_decision = pyo.Constraint(
        m.periods, m.groups, rule=lambda m, t, g: pyo.quicksum(m.decides[t, g, a] for a in m.decisions) == 1
    )

    def no_other_is_better(m: Any, t: int, g: int, a: int, b: int) -> Any:
        if a == b:
            return pyo.Constraint.Skip
        members = [j for j in m.agents if j != g - 1]
        ahead = pyo.quicksum(m.worth[t, j, a] - m.worth[t, j, b] for j in members)
        most = sum(m.worth[t, j, a].ub for j in members) + GAP
        return ahead >= (GAP if b < a else 0.0) - most * (1 - m.decides[t, g, a])

    m.best = pyo.Constraint(m.periods, m.groups, m.decisions, m.decisions, rule=no_other_is_better)


def _settle(m: Any, of: Case) -> None:
    """Payments and the regrets of (A.1) to (A.5), from 0."""
    produced, bound, last = to_float(of.part.outputs), of.bound, len(of.part.values)
    m.dates = pyo.RangeSet(0, last)
    m.value, m.held, m.idle = (pyo.Var(m.dates, m.agents, bounds=(-of.regret, of.regret)) for _ in range(3))
    m.paid, m.own_paying = (pyo.Var(m.periods, m.agents, bounds=(0, bound)) for _ in range(2))
    for j in m.agents:
        for regret in (m.value, m.held, m.idle):
            regret[0, j].fix(0.0)
    for t in m.periods:
        for j in m.agents:
            own = pyo.quicksum(m.under[t, 0, j, a] for a in m.decisions)
            output = pyo.quicksum(float(produced[t, j, a]) * m.decides[t, 0, a] for a in m.decisions)
            external = pyo.quicksum(
                m.under[t, j + 1, k, a] - m.under[t, 0, k, a] for k in m.agents if k != j for a in m.decisions
            )
            _times(m, m.paid[t, j], m.pays[t, j], output, 0.0, bound)
            _times(m, m.own_paying[t, j], m.pays[t, j], own, 0.0, bound)
            m.products.add(m.value[t + 1, j] == m.value[t, j] + external - m.own_paying[t, j])
            m.products.add(m.held[t + 1, j] == m.held[t, j] + m.paid[t, j] - m.own_paying[t, j])
            m.products.add(m.idle[t + 1, j] == m.idle[t, j] + output - own - m.paid[t, j] + m.own_paying[t, j])


def _weigh(m: Any, of: Case) -> None:
    """Who pays, and whose values count: lambda = 1 where R^A >= 0 in debt, where R^B >= 0 (or always) otherwise."""
    most = of.regret + GAP
    for t in m.periods:
        for j in m.agents:
            m.products.add(m.value[t, j] >= GAP - most * (1 - m.pays[t, j]))
            m.products.add(m.value[t, j] <= most * m.pays[t, j])
            for regret, fine in ((m.held, m.held_ok), (m.idle, m.idle_ok)):
                m.products.add(regret[t, j] >= -most * (1 - fine[t, j]))
                m.products.add(regret[t, j] <= -GAP + most * fine[t, j])
            free = m.idle_ok[t, j] if of.part.rules.use_regret_b else 1
            m.products.add(m.counts[t, j] <= m.held_ok[t, j] + (1 - m.pays[t, j]))
            m.products.add(m.counts[t, j] >= m.held_ok[t, j] - (1 - m.pays[t, j]))
            m.products.add(m.counts[t, j] <= free + m.pays[t, j])
            m.products.add(m.counts[t, j] >= free - m.pays[t, j])


def _engine(environment: Environment, agent: int, periods: int, steps: int) -> float:
    """Exact search over the same grid."""
    of = case(environment, agent, periods)
    return float(grid_deviation(of.part, of.agent, steps).payoff)


FORMULATIONS = (
    Formulation(
        name="bounded_deviation_milp", title="F7: the largest total payoff of one agent under Appendix A.1",
        build=build, engine=_engine, options={"agent": 1, "periods": 2, "steps": 2},
    ),
)  # fmt: skip
