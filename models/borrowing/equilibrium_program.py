"""The worst equilibrium of the one-stage mechanism on a grid of times, as a mixed-integer program.

Values are known and fixed; both agents choose a report for each of their times. Agent 1 is indifferent (Definition 2
pays agent 2 the welfare), so a pair of strategies is an ex-post Nash equilibrium where agent 2's report is best at
every pair of true times. The program looks for the equilibrium that loses most welfare; above 0, it refutes that every
equilibrium is efficient. Fix or forbid reports by side constraints of your own.

Source: zheng2023, Section 5, Proposition 2; the program is ours.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import game
from mechopt.mechanisms.borrowing.values import ValueFunction
from mechopt.mechanisms.borrowing.worst_equilibrium import LARGEST_ENUMERATION, by_program, enumerate_all

LARGEST = 9  # times
Pair = tuple[Fraction, Fraction]


def known_values(environment: Environment, value_1: str, value_2: str) -> tuple[ValueFunction, ValueFunction]:
    """The value function of each agent: as named, else the first that the manager believes in.

    Raises:
        InstanceError: no two agents, or a name that is not in values.
    """
    if not environment.agents:
        raise InstanceError("two agents with beliefs are needed", key="agents")
    found = []
    for key, name, agent in zip(("value_1", "value_2"), (value_1, value_2), environment.agents, strict=True):
        chosen = name or next(believed for believed, probability in agent.beliefs if probability)
        if chosen not in environment.values:
            raise InstanceError(f"{chosen!r} is not in values: {', '.join(environment.values)}", key=key)
        environment.values[chosen].need(0, 2)
        found.append(environment.values[chosen])
    return found[0], found[1]


def times_of(points: int) -> list[Fraction]:
    """Times from 0 to 1 in equal steps.

    Raises:
        InstanceError: too few or too many.
    """
    if not 2 <= points <= LARGEST:
        raise InstanceError(f"must be from 2 to {LARGEST}, not {points}", key="points")
    return [Fraction(k, points - 1) for k in range(points)]


def build(environment: Environment, points: int, value_1: str, value_2: str) -> pyo.ConcreteModel:
    """max sum of losses over the true times, each pair of times equally likely, as a Pyomo model."""
    one, two = known_values(environment, value_1, value_2)
    times = times_of(points)
    grid = range(points)

    def orders(s: int, t: int) -> Pair:
        """(W1, W2): the welfare with agent 1 and with agent 2 first, at times s and t."""
        total = times[s] + times[t]
        return one.at(times[s]) + two.at(total), two.at(times[t]) + one.at(total)

    worth = {(s, t): orders(s, t) for s, t in product(grid, grid)}

    def reached(s: int, t: int, r: int, q: int) -> Fraction:
        """The welfare at true times s, t of the order that reports r, q lead to; a tie is a fair lottery."""
        first, second = worth[r, q]
        true = worth[s, t]
        return true[0] if first > second else true[1] if first < second else (true[0] + true[1]) / 2

    best = {(s, t, r): max(reached(s, t, r, q) for q in grid) for s, t, r in product(grid, grid, grid)}
    losses = {
        (s, t, r, q): exact.as_float(max(worth[s, t]) - reached(s, t, r, q)) / points**2
        for s, t, r, q in product(grid, grid, grid, grid)
        if reached(s, t, r, q) == best[s, t, r] and reached(s, t, r, q) < max(worth[s, t])
    }
    m = pyo.ConcreteModel(name="worst equilibrium")
    m.times = pyo.RangeSet(0, points - 1)
    m.report_1 = pyo.Var(m.times, m.times, within=pyo.Binary)  # x_sr: agent 1 of time s reports r
    m.report_2 = pyo.Var(m.times, m.times, within=pyo.Binary)  # y_tq
    m.lossy = pyo.Set(initialize=list(losses), dimen=4)
    m.loses = pyo.Var(m.lossy, bounds=(0, 1))  # z_strq = x_sr y_tq
    m.one_report_1 = pyo.Constraint(m.times, rule=lambda m, s: pyo.quicksum(m.report_1[s, r] for r in m.times) == 1)
    m.one_report_2 = pyo.Constraint(m.times, rule=lambda m, t: pyo.quicksum(m.report_2[t, q] for q in m.times) == 1)

    def answers(m: pyo.ConcreteModel, s: int, t: int, r: int) -> object:
        """x_sr + sum of y_tq over the reports q that are not best <= 1."""
        wrong = [q for q in m.times if reached(s, t, r, q) < best[s, t, r]]
        if not wrong:
            return pyo.Constraint.Skip
        return m.report_1[s, r] + pyo.quicksum(m.report_2[t, q] for q in wrong) <= 1

    m.best_answers = pyo.Constraint(m.times, m.times, m.times, rule=answers)
    m.if_reported_1 = pyo.Constraint(m.lossy, rule=lambda m, s, t, r, q: m.loses[s, t, r, q] <= m.report_1[s, r])
    m.if_reported_2 = pyo.Constraint(m.lossy, rule=lambda m, s, t, r, q: m.loses[s, t, r, q] <= m.report_2[t, q])
    m.loss = pyo.Objective(
        expr=pyo.quicksum(loss * m.loses[at] for at, loss in losses.items()), sense=pyo.maximize
    )  # fmt: skip
    return m


def _worst(environment: Environment, points: int, value_1: str, value_2: str) -> float:
    """The engine's loss: every equilibrium of a small grid, else its own program."""
    functions = known_values(environment, value_1, value_2)
    agents = [
        replace(agent, beliefs=((function.name, Fraction(1)),))
        for agent, function in zip(environment.agents, functions, strict=True)
    ]
    found = game(replace(environment, agents=agents, rounds=None), times=times_of(points))
    small = points < LARGEST_ENUMERATION
    return exact.as_float((enumerate_all(found) if small else by_program(found)).loss)


FORMULATIONS = (
    Formulation(
        name="worst_equilibrium", title="the equilibrium for fixed values that loses most welfare", build=build,
        engine=_worst, options={"points": 4, "value_1": "", "value_2": ""},
    ),
)  # fmt: skip
