"""Transfers designed on a grid of types, as programs written from their definitions.

Constants that may depend on the other's report keep every truth an equilibrium (Groves): with the least largest deficit
or conditional value at risk (linear), or the least variance (a projection). Detection lets transfers depend on both
reports and fines lies that the other's payoff report gives away. Second best gives up welfare so that nobody refuses.

Sums of transfers above 0 are the manager's deficit. Independent of the engine's own programs. Source: zheng2023,
Sections 7, 10 and 12; the programs are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import cvxpy as cp
import numpy as np
import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.borrowing import grid_programs
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import game
from mechopt.mechanisms.borrowing.grid_design import optimum
from mechopt.mechanisms.borrowing.transfers import allocate, payoffs, worth

LARGEST = 24  # types an agent
Profile = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Types:
    """The grid: middles of equal parts of each density piece, atoms as they are, for each value function.

    Attributes:
        chance: probabilities of the types, by agent.
        order: (q_1, q_2), who goes first at a profile.
        gets: [truth][reported]: what each agent gets at the true types from the order that reports lead to.
    """

    chance: tuple[list[Fraction], list[Fraction]]
    order: dict[Profile, tuple[Fraction, Fraction]]
    gets: dict[tuple[Profile, tuple[Fraction, Fraction]], tuple[Fraction, Fraction]]

    @property
    def profiles(self) -> list[Profile]:
        """All pairs of types."""
        return list(self.order)

    def weight(self, profile: Profile) -> Fraction:
        """Its probability."""
        return self.chance[0][profile[0]] * self.chance[1][profile[1]]

    def welfare(self, profile: Profile) -> Fraction:
        """W* at a profile."""
        return sum(self.gets[profile, self.order[profile]], Fraction(0))

    def lies(self, agent: int, truth: Profile) -> list[Profile]:
        """The profiles of reports when one agent lies."""
        return [
            said for said in ((k, truth[1]) if agent == 0 else (truth[0], k) for k in range(len(self.chance[agent])))
            if said != truth
        ]  # fmt: skip


def types_of(environment: Environment, grid: int) -> Types:
    """The types of both agents on a grid.

    Raises:
        InstanceError: no two agents, or too many types.
    """
    if not environment.agents:
        raise InstanceError("two agents with beliefs are needed to design transfers", key="agents")
    if grid < 1:
        raise InstanceError(f"must be at least 1, not {grid}", key="grid")
    types, chance = [], []
    for agent in environment.agents:
        belief = [(name, p) for name, p in agent.beliefs if p]
        times = agent.times.grid(grid)
        types.append([(environment.values[name], time) for name, _ in belief for time, _ in times])
        chance.append([p * q for _, p in belief for _, q in times])
        if len(types[-1]) > LARGEST:
            raise InstanceError(f"{len(types[-1])} types are too many, at most {LARGEST} an agent", key="grid")
    order, gets = {}, {}
    for i, j in product(range(len(types[0])), range(len(types[1]))):
        own, late = worth(types[0][i][0], types[1][j][0], types[0][i][1], types[1][j][1])
        order[i, j] = allocate(own, late)
        for share in ((Fraction(1), Fraction(0)), (Fraction(0), Fraction(1)), (Fraction(1, 2), Fraction(1, 2))):
            gets[(i, j), share] = payoffs(share, own, late)
    return Types(chance=(chance[0], chance[1]), order=order, gets=gets)


def build_groves(environment: Environment, grid: int, objective: str, tail: float) -> pyo.ConcreteModel:
    """min z with |W* + h_1 + h_2| <= z and E[W* + h_1 + h_2] = 0; or the conditional value at risk of the deficit.

    Agent i receives what the other reports as his payoff, plus h_i of the other's first report.
    """
    if objective not in ("deficit", "cvar"):
        raise InstanceError(f"{objective!r} is neither 'deficit' nor 'cvar'", key="objective")
    if not 0 < tail < 1:
        raise InstanceError(f"must be between 0 and 1, not {tail:g}", key="tail")
    types = types_of(environment, grid)
    m = pyo.ConcreteModel(name="Groves constants")
    m.profiles = pyo.Set(initialize=types.profiles, dimen=2)
    m.constant_1 = pyo.Var(range(len(types.chance[1])))  # h_1, of agent 2's report
    m.constant_2 = pyo.Var(range(len(types.chance[0])))  # h_2, of agent 1's report
    m.deficit = pyo.Expression(  # T_1 + T_2 at the truth
        m.profiles, rule=lambda m, i, j: exact.as_float(types.welfare((i, j))) + m.constant_1[j] + m.constant_2[i]
    )
    m.balance = pyo.Constraint(expr=_mean(types, m.deficit) == 0)  # E[T_1 + T_2] = 0
    if objective == "deficit":
        m.largest = pyo.Var(within=pyo.NonNegativeReals)
        m.above = pyo.Constraint(m.profiles, rule=lambda m, i, j: m.deficit[i, j] <= m.largest)
        m.below = pyo.Constraint(m.profiles, rule=lambda m, i, j: m.deficit[i, j] >= -m.largest)
        m.risk = pyo.Objective(expr=m.largest, sense=pyo.minimize)
        return m
    m.threshold, m.excess = pyo.Var(), pyo.Var(m.profiles, within=pyo.NonNegativeReals)
    m.over = pyo.Constraint(m.profiles, rule=lambda m, i, j: m.excess[i, j] >= m.deficit[i, j] - m.threshold)
    m.risk = pyo.Objective(expr=m.threshold + _mean(types, m.excess) / tail, sense=pyo.minimize)
    return m


def _mean(types: Types, of: Any) -> Any:
    return pyo.quicksum(exact.as_float(types.weight(profile)) * of[profile] for profile in types.profiles)


def build_detection(environment: Environment, grid: int) -> pyo.ConcreteModel:
    """min z with |T_1 + T_2| <= z, E[T_1 + T_2] = 0 and no gain from a lie that the other's payoff does not expose."""
    types = types_of(environment, grid)
    m = pyo.ConcreteModel(name="detection")
    m.profiles = pyo.Set(initialize=types.profiles, dimen=2)
    m.transfer = pyo.Var((1, 2), m.profiles)
    m.largest = pyo.Var(within=pyo.NonNegativeReals)
    m.deficit = pyo.Expression(m.profiles, rule=lambda m, i, j: m.transfer[1, i, j] + m.transfer[2, i, j])
    m.balance = pyo.Constraint(expr=_mean(types, m.deficit) == 0)
    m.above = pyo.Constraint(m.profiles, rule=lambda m, i, j: m.deficit[i, j] <= m.largest)
    m.below = pyo.Constraint(m.profiles, rule=lambda m, i, j: m.deficit[i, j] >= -m.largest)
    m.incentives = pyo.ConstraintList()  # v_i(a(truth)) + T_i(truth) >= v_i(a(lie)) + T_i(lie)
    for agent, truth in product((0, 1), types.profiles):
        for said in types.lies(agent, truth):
            share = types.order[said]
            if types.gets[truth, share][1 - agent] != types.gets[said, share][1 - agent]:
                continue  # the other's true payoff is not what the lie said it would be: fined
            gain = types.gets[truth, share][agent] - types.gets[truth, types.order[truth]][agent]
            m.incentives.add(m.transfer[agent + 1, truth] - m.transfer[agent + 1, said] >= exact.as_float(gain))
    m.worst = pyo.Objective(expr=m.largest, sense=pyo.minimize)
    return m


def build_second_best(environment: Environment, grid: int, outside: str) -> pyo.ConcreteModel:
    """max expected welfare with p, who goes first, free: truth best ex post, utility >= outside, E[T_1 + T_2] <= 0."""
    types, least = types_of(environment, grid), exact.as_float(_number(outside))
    m = pyo.ConcreteModel(name="second best")
    m.profiles = pyo.Set(initialize=types.profiles, dimen=2)
    m.first = pyo.Var(m.profiles, bounds=(0, 1))  # p: the probability that agent 1 goes first
    m.transfer = pyo.Var((1, 2), m.profiles)
    one, two = (Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))

    def utility(agent: int, truth: Profile, said: Profile) -> Any:
        """p v_i(1 first) + (1 - p) v_i(2 first) + T_i, at the true types under what is reported."""
        ahead, behind = (exact.as_float(types.gets[truth, share][agent]) for share in (one, two))
        return m.first[said] * (ahead - behind) + behind + m.transfer[agent + 1, said]

    m.participation, m.incentives = pyo.ConstraintList(), pyo.ConstraintList()
    for agent, truth in product((0, 1), types.profiles):
        m.participation.add(utility(agent, truth, truth) >= least)
        for said in types.lies(agent, truth):
            m.incentives.add(utility(agent, truth, truth) >= utility(agent, truth, said))
    m.no_deficit = pyo.Constraint(
        expr=pyo.quicksum(
            exact.as_float(types.weight(profile)) * m.transfer[a, profile] for a in (1, 2) for profile in types.profiles
        )
        <= 0
    )
    m.welfare = pyo.Objective(
        expr=pyo.quicksum(
            exact.as_float(types.weight(profile))
            * (m.first[profile] * exact.as_float(sum(types.gets[profile, one]) - sum(types.gets[profile, two]))
               + exact.as_float(sum(types.gets[profile, two], Fraction(0))))
            for profile in types.profiles
        ),
        sense=pyo.maximize,
    )  # fmt: skip
    return m


def _number(outside: str) -> Fraction:
    try:
        return Fraction(exact.parse(outside))
    except ValueError as error:
        raise InstanceError(str(error), key="outside") from None


def build_least_variance(environment: Environment, grid: int) -> cp.Problem:
    """min E[(W* + h_1 + h_2)^2] subject to E[W* + h_1 + h_2] = 0: W* projected off functions of one type each."""
    types = types_of(environment, grid)
    shape = len(types.chance[0]), len(types.chance[1])
    best, weight = (
        np.array([[exact.as_float(of((i, j))) for j in range(shape[1])] for i in range(shape[0])])
        for of in (types.welfare, types.weight)
    )
    of_one, of_two = cp.Variable((shape[0], 1), name="constant_2"), cp.Variable((1, shape[1]), name="constant_1")
    deficit = best + of_one @ np.ones((1, shape[1])) + np.ones((shape[0], 1)) @ of_two
    balance = cp.sum(cp.multiply(weight, deficit)) == 0  # E[T_1 + T_2] = 0
    return cp.Problem(cp.Minimize(cp.sum(cp.multiply(weight, cp.square(deficit)))), [balance])


def _grid(environment: Environment, grid: int) -> grid_programs.Grid:
    types_of(environment, grid)  # says what is wrong with the grid
    return grid_programs.Grid(game(environment, grid=grid))


def _groves(environment: Environment, grid: int, objective: str, tail: float) -> float:
    share = Fraction(exact.parse(tail)) if objective == "cvar" else None
    program = grid_programs.groves(_grid(environment, grid), tail=share)
    return float(optimum(program, "Groves constants")[0])


def _detection(environment: Environment, grid: int) -> float:
    return float(optimum(grid_programs.detection(_grid(environment, grid)), "detection")[0])


def _second_best(environment: Environment, grid: int, outside: str) -> float:
    kept = _grid(environment, grid)
    found = optimum(grid_programs.second_best(kept, outside=_number(outside)), "second best")[0]
    behind = sum(
        (kept.weight(i, j) * (kept.payoff(0, -1, i, j) + kept.payoff(1, -1, i, j)) for i, j in kept.profiles),
        Fraction(0),
    )
    return float(found + behind)  # its objective leaves out the welfare with agent 2 always first


def _least_variance(environment: Environment, grid: int) -> float:
    return exact.as_float(grid_programs.least_variance(_grid(environment, grid))[0])


FORMULATIONS = (
    Formulation(
        name="groves_lp", title="constants of the other's report with the least deficit at its worst, or in its tail",
        build=build_groves, engine=_groves, options={"grid": 2, "objective": "deficit", "tail": 0.1},
    ),
    Formulation(
        name="detection_lp", title="the budget nearest to balance where payoff reports give lies away",
        build=build_detection, engine=_detection, options={"grid": 2},
    ),
    Formulation(
        name="second_best_lp", title="the most welfare that nobody refuses, without a deficit",
        build=build_second_best, engine=_second_best, options={"grid": 2, "outside": "-1/2"},
    ),
    Formulation(
        name="least_variance_qp", title="constants of the other's report with the least variance of the budget",
        build=build_least_variance, engine=_least_variance, options={"grid": 2}, tolerance=1e-5,
    ),
)  # fmt: skip
