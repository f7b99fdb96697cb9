"""What one agent could state at best, knowing everything, as a mixed-integer program: F6.

In Sections 4, 6 and 7 the regrets follow from the groups' decisions alone, so that what is stated counts only through
the decisions it brings about. The program holds both: the statements m_t(a), and a path through the states of the
books, which a decision of each group leads from one period to the next. A binary says that group G decides a, and then

    m_t(a) + sum of the others in G  >=  m_t(b) + sum of the others in G   for every b.

A tie goes to the agent, so that the optimum is a supremum. States are worked out in fractions by the plain protocol and
merged where they are equal; the optimum is the expected payoff over the draws. Extend it: statements that may not
change, that stay near the truth, that are the same for two decisions.

Source: chassang2021, epsilon-Nash equilibrium of Propositions 2, 4 and 5, for an agent with foresight.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.limited_liability import Online, best_deviation
from mechopt.mechanisms.limited_liability.arithmetic import Fractions
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.program import to_float

FORESEEABLE = ("baseline", "consistent", "discounted")
MOST_STEPS = 6_000  # one column each


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One period from a state of the books, under a decision of every group.

    Attributes:
        period: from 0.
        origin, end: numbers of states; state 0 is the beginning.
        decisions: a*(G) by group.
        payoff: expected output less expected payment, discounted where the variant is.
    """

    period: int
    origin: int
    end: int
    decisions: tuple[int, ...]
    payoff: Fraction


def horizon(environment: Environment, agent: int, periods: int) -> Environment:
    """The first periods of an environment.

    Raises:
        InstanceError: no such agent or horizon, or a variant whose regrets depend on the draw.
    """
    count, agents, _ = environment.values.shape
    if environment.rules.variant not in FORESEEABLE or environment.rules.limits is not None:
        raise InstanceError(f"a best deviation is searched for {', '.join(FORESEEABLE)} without limits", key="variant")
    if environment.program is not None:
        raise InstanceError("a misreport would change every optimum of the [program]", key="program")
    if not 1 <= agent <= agents:
        raise InstanceError(f"must be from 1 to {agents}, not {agent}", key="agent")
    if not 1 <= periods <= count:
        raise InstanceError(f"must be from 1 to {count}, not {periods}", key="periods")
    kept = {name: getattr(environment, name)[:periods] for name in ("values", "outputs", "draws")}
    names = replace(environment.names, periods=environment.names.periods[:periods])
    return replace(environment, **kept, true_values=None, true_outputs=None, names=names)


def steps(environment: Environment, agent: int) -> tuple[list[Step], int]:
    """Every period from every state that decisions can lead to, and how many states there are.

    Raises:
        InstanceError: there are more than 6,000.
    """
    count, agents, decisions = environment.values.shape
    numbers, delta = Fractions(), environment.rules.discount if environment.rules.variant == "discounted" else None
    outputs = [[[Fraction(exact.parse(v)) for v in row] for row in period] for period in environment.outputs.tolist()]
    choices = [range(decisions)] * (agents + 1)
    found: list[Step] = []
    frontier: dict[Any, int] = {_key(Online(environment.rules, numbers)): 0}
    books = {0: Online(environment.rules, numbers)}
    total = 1
    for period in range(count):
        alone = int(np.argmax(_others(environment, period, agent, agent + 1)))
        choices[agent + 1] = range(alone, alone + 1)  # without the agent: the first best, whatever it states
        after: dict[Any, int] = {}
        reached: dict[int, Online] = {}
        for origin in frontier.values():
            for chosen in itertools.product(*choices):
                if len(found) >= MOST_STEPS:
                    raise InstanceError(f"more than {MOST_STEPS} steps; take fewer periods or decisions", key="periods")
                state = Online.restore(environment.rules, books[origin].snapshot(), numbers)
                proposal = state.propose_decisions(list(chosen))
                rows = [[outputs[period][j][a] for j in range(agents)] for a in chosen]
                settled = state.settle(proposal, 0, rows)
                mine = sum((s * row[agent] for s, row in zip(proposal.shares, rows, strict=True)), Fraction(0))
                end = after.setdefault(_key(state), total)
                total += end == total
                reached[end] = state
                payoff = (mine - settled.expected[agent]) * (delta**period if delta is not None else 1)
                found.append(Step(period=period, origin=origin, end=end, decisions=chosen, payoff=payoff))
        frontier, books = after, reached
    return found, total


def _key(state: Online) -> tuple[Any, ...]:
    """What the coming periods depend on."""
    return state.allocation, tuple(state.transfer), tuple(state.first), tuple(state.second)


def _others(environment: Environment, period: int, agent: int, group: int) -> np.ndarray[Any, Any]:
    """Stated value of the members of a group but the agent, by decision."""
    stated = to_float(environment.values)[period]
    members = [j for j in range(len(stated)) if j not in (agent, group - 1)]
    return stated[members].sum(axis=0)


def build(environment: Environment, agent: int, periods: int) -> pyo.ConcreteModel:
    """F6 for one agent and the first periods, as a Pyomo model; its optimum is the agent's largest total payoff."""
    part, place = horizon(environment, agent, periods), agent - 1
    path, states = steps(part, place)
    _, agents, decisions = part.values.shape
    bound = exact.as_float(part.output_bound)
    m = pyo.ConcreteModel(name="best deviation, F6")
    m.periods, m.decisions = pyo.RangeSet(0, periods - 1), pyo.RangeSet(0, decisions - 1)
    m.groups = pyo.Set(initialize=[group for group in range(agents + 1) if group != agent])  # those the agent is in
    m.steps, m.states = pyo.RangeSet(0, len(path) - 1), pyo.RangeSet(0, states - 1)
    m.stated = pyo.Var(m.periods, m.decisions, bounds=(0, bound))  # m_t(a)
    m.decides = pyo.Var(m.periods, m.groups, m.decisions, within=pyo.Binary)  # a*_t(G) = a
    m.goes = pyo.Var(m.steps, within=pyo.NonNegativeReals)  # the path through the states

    m.one_decision = pyo.Constraint(
        m.periods, m.groups, rule=lambda m, t, g: pyo.quicksum(m.decides[t, g, a] for a in m.decisions) == 1
    )
    others = {(t, g): _others(part, t, place, g) for t in m.periods for g in m.groups}

    def no_other_is_better(m: Any, t: int, g: int, a: int, b: int) -> Any:  # m(a) + V(a) >= m(b) + V(b) if G decides a
        if a == b:
            return pyo.Constraint.Skip
        behind = float(others[t, g][b] - others[t, g][a])
        return m.stated[t, a] - m.stated[t, b] + (bound + abs(behind)) * (1 - m.decides[t, g, a]) >= behind

    m.best = pyo.Constraint(m.periods, m.groups, m.decisions, m.decisions, rule=no_other_is_better)
    _follow(m, path)
    m.payoff = pyo.Objective(
        expr=pyo.quicksum(exact.as_float(step.payoff) * m.goes[k] for k, step in enumerate(path)), sense=pyo.maximize
    )
    return m


def _follow(m: Any, path: Sequence[Step]) -> None:
    """One path from the beginning to the end of the horizon, along the groups' decisions."""
    leaving: dict[int, list[int]] = {}
    arriving: dict[int, list[int]] = {}
    taking: dict[tuple[int, int, int], list[int]] = {}
    for k, step in enumerate(path):
        leaving.setdefault(step.origin, []).append(k)
        arriving.setdefault(step.end, []).append(k)
        for group in m.groups:
            taking.setdefault((step.period, group, step.decisions[group]), []).append(k)
    m.begins = pyo.Constraint(expr=pyo.quicksum(m.goes[k] for k in leaving[0]) == 1)
    m.goes_on = pyo.Constraint(
        m.states,
        rule=lambda m, s: pyo.Constraint.Skip if s == 0 or s not in leaving else (
            pyo.quicksum(m.goes[k] for k in leaving[s]) == pyo.quicksum(m.goes[k] for k in arriving[s])
        ),
    )  # fmt: skip
    m.as_decided = pyo.Constraint(
        m.periods, m.groups, m.decisions,
        rule=lambda m, t, g, a: pyo.quicksum(m.goes[k] for k in taking[t, g, a]) == m.decides[t, g, a],
    )  # fmt: skip


def _engine(environment: Environment, agent: int, periods: int) -> float:
    """The engine's forward search."""
    return best_deviation(horizon(environment, agent, periods), agent - 1).payoff


FORMULATIONS = (
    Formulation(
        name="best_deviation_milp", title="F6: the largest total payoff of one agent over the first periods",
        build=build, engine=_engine, options={"agent": 1, "periods": 3},
    ),
)  # fmt: skip
