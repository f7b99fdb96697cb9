"""The holdings at which the spot market earns most: a concave program in CVXPY, and with corners a MILP in Pyomo.

    max  E W - sum_i rent_i + sum_i s_i   subject to   s_i <= Q_i(t) - t u_i for all t,  sum_i r_i = 1,  r_i <= cap,

where Q_i(t) is the integral of q_i from the low end to t, so that s_i is the outside option phi_i(u_i), the concave
conjugate of Q_i. In the concave program r_i = u_i <= k_i. In the MILP r_i = u_i + v_i, and only who holds k_i may hold
more: k_i z_i <= u_i <= k_i, 0 <= v_i <= (1 - k_i) z_i, z_i binary.

"For all t" are tangents: some to begin with, then those that the optimum so far violates, until none is violated by
more than one part in 10^9 (Kelley's method), and in the concave program last those at the scalar root that is dual to
it. The last program is the one returned: add policies of your own to it.

Independent of the engine: q_i is summed over all sets of agents (hence at most 12), integrals are Gauss-Legendre's.
Source: liu2020, Propositions 9 and 10 and eq. (11); conjugate and programs are ours.
"""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import SolutionStatus

from mechopt.errors import InstanceError, SolveError
from mechopt.formulation import Formulation
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.holdings import Limits, best, interior
from mechopt.mechanisms.forward_market.market import Market, breaks

Array = NDArray[np.float64]
MOST_AGENTS, PANELS, NODES = 12, 64, 12
CLOSE = 1e-9  # of the high end: how far a tangent may be violated
PARTS = 1000  # outside options are in units of high / PARTS, because HiGHS violates rows by up to 1e-7
MOST_ROUNDS, HALVINGS = 60, 14  # a tangent is off by the square of the error of its type


class Outside:
    """Q_i, and what of the surplus does not depend on the holdings.

    Args:
        environment: at most 12 agents.

    Attributes:
        edge: panel ends, ascending, shape (panels + 1,).
        at_edge: q_i there, shape (agents, panels + 1).
        area: Q_i there, shape (agents, panels + 1).
        constant: E W - sum_i rent_i, money.
    """

    def __init__(self, environment: Environment) -> None:
        if environment.agents > MOST_AGENTS:
            raise InstanceError(f"sums over all sets of agents: at most {MOST_AGENTS}, not {environment.agents}",
                                key="agents")  # fmt: skip
        self.environment = environment
        low, high = environment.low, environment.high
        inside = [point for point in breaks(environment.distribution) if low < point < high]
        self.edge = np.unique([*np.linspace(low, high, PANELS + 1), *inside])
        self.nodes, self.weights = np.polynomial.legendre.leggauss(NODES)
        half = np.diff(self.edge) / 2
        types = ((self.edge[1:] + self.edge[:-1]) / 2)[:, None] + half[:, None] * self.nodes
        weight = (half[:, None] * self.weights).ravel()
        q, idle = self.interim(types.ravel())
        pieces = (q * weight).reshape(environment.agents, *types.shape).sum(axis=2)
        self.area = np.concatenate([np.zeros((environment.agents, 1)), np.cumsum(pieces, axis=1)], axis=1)
        self.at_edge = self.interim(self.edge)[0]
        welfare = low + (1.0 - idle) @ weight  # E W = low + integral of E min(1, D_t)
        self.constant = float(welfare - ((1.0 - self.below(types.ravel())) * q @ weight).sum())

    def below(self, types: Array) -> Array:
        """F_i(t), shape (agents, types)."""
        return np.stack([np.clip(law.cdf(types), 0.0, 1.0) for law in self.environment.distribution])

    def interim(self, types: Array) -> tuple[Array, Array]:
        """q_i(t), shape (agents, types), and E(1 - D_t)^+, shape (types,): sums over all sets of agents."""
        below, demand = self.below(types), self.environment.demands
        value = np.empty_like(below)

        def sets(members: list[int]) -> tuple[Array, Array]:
            """What each set of members leaves of the supply, and its probability to be those above t."""
            room, chance = np.ones(1), np.ones((1, types.size))
            for other in members:
                room = np.concatenate([room, room - demand[other]])
                chance = np.concatenate([chance * below[other], chance * (1.0 - below[other])])
            return room, chance

        for agent in range(demand.size):
            room, chance = sets([other for other in range(demand.size) if other != agent])
            value[agent] = np.clip(room, 0.0, demand[agent]) @ chance
        last_room, last_chance = np.maximum(room, 0.0), chance  # without the last agent; he is added here
        both = (np.maximum(room - demand[-1], 0.0) @ last_chance) * (1.0 - below[-1])
        return value, (last_room @ last_chance) * below[-1] + both

    def integral(self, types: Array) -> Array:
        """Q_i at a type of each agent's own, shape (agents,)."""
        panel = np.clip(np.searchsorted(self.edge, types, side="right") - 1, 0, self.edge.size - 2)
        half = (types - self.edge[panel]) / 2
        points = (self.edge[panel] + half)[:, None] + half[:, None] * self.nodes
        q = self.interim(points.ravel())[0].reshape(len(types), *points.shape)
        own = np.arange(len(types))
        return self.area[own, panel] + half * (q[own, own] @ self.weights)

    def worst_off(self, usable: Array) -> Array:
        """A type of each agent's with q_i = u_i all but: any type gives a tangent."""
        own = np.arange(usable.size)
        panel = np.clip((self.at_edge < usable[:, None]).sum(axis=1) - 1, 0, self.edge.size - 2)
        low, high = self.edge[panel], self.edge[panel + 1]
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            reached = self.interim(middle)[0][own, own] >= usable
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return np.where(usable <= self.at_edge[:, 0], self.environment.low, high)

    def common(self, most: Array) -> Array:
        """The types whose tangents touch at the optimum of holdings up to `most`: all but the last digits of an answer.

        One type t for all whose q_i(t) is below their limit, the root of sum_i min(q_i(t), most_i) = 1, and the others'
        own at their limits. The tangents at it add up to the dual bound sum_i Q_i(t) - t (Proposition 9).
        """
        from scipy.optimize import brentq

        def over(point: float) -> float:
            return float(np.minimum(self.interim(np.array([point]))[0][:, 0], most).sum()) - 1.0

        low, high = self.environment.low, self.environment.high
        point = (
            low if over(low) >= 0 else high if over(high) <= 0 else float(brentq(over, low, high, xtol=1e-14 * high))
        )
        free = self.interim(np.array([point]))[0][:, 0] <= most
        return np.where(free, point, self.worst_off(most))

    def violation(self, usable: Array, claimed: Array) -> tuple[Array, Array, float]:
        """The tangents that touch phi_i at u_i (types and Q_i there), and how far claims of s_i are above them."""
        types = self.worst_off(usable)
        area = self.integral(types)
        return types, area, float((claimed - (area - types * usable)).max())


def _room(environment: Environment, cap: float) -> Array:
    """What each agent may hold.

    Raises:
        InstanceError: nobody may hold all of the supply.
    """
    if not cap > 0:
        raise InstanceError(f"must be above 0, not {cap:g}", key="cap")
    return np.full(environment.agents, min(cap, 1.0))


def build_concave(environment: Environment, cap: float) -> cp.Problem:
    """Holdings up to the demands, nobody above the cap.

    Raises:
        InstanceError: the caps leave supply with nobody to hold it.
        SolveError: no proven optimum.
    """
    outside = Outside(environment)
    most = np.minimum(_room(environment, cap), environment.demands)
    if most.sum() < 1:
        raise InstanceError(f"the caps leave {1 - most.sum():g} of the supply with nobody to hold it", key="cap")
    holding = cp.Variable(environment.agents, name="holding")  # r_i
    option = cp.Variable(environment.agents, name="outside_option")  # s_i, in units of `unit`
    unit = environment.high / PARTS
    constraints = [cp.sum(holding) == 1, holding >= 0, holding <= most]
    options, holdings = (cp.vstack([variable] * outside.edge.size) for variable in (option, holding))
    point = outside.edge[:, None] / unit
    constraints.append(options <= outside.area.T / unit - cp.multiply(point, holdings))  # s_i <= Q_i(t) - t r_i
    for _ in range(MOST_ROUNDS):
        program = cp.Problem(cp.Maximize(outside.constant + unit * cp.sum(option)), constraints)
        program.solve(solver=cp.SCIPY)  # HiGHS without its banner
        if program.status != cp.OPTIMAL:
            raise SolveError(f"CVXPY ended the holdings program with {program.status}")
        types, area, gap = outside.violation(np.asarray(holding.value), unit * np.asarray(option.value))
        if gap <= CLOSE * environment.high:
            types = outside.common(most)
            area = outside.integral(types)
            constraints.append(option <= area / unit - cp.multiply(types / unit, holding))
            return cp.Problem(program.objective, constraints)
        constraints.append(option <= area / unit - cp.multiply(types / unit, holding))
    raise SolveError(f"after {MOST_ROUNDS} rounds the tangents still lie above the outside options")


def build_corners(environment: Environment, cap: float) -> Any:
    """Holdings of any size up to the cap, as a Pyomo model.

    Raises:
        InstanceError: the cap leaves supply with nobody to hold it.
        SolveError: no proven optimum.
    """
    outside, most, unit = Outside(environment), _room(environment, cap), environment.high / PARTS
    if most.sum() < 1:
        raise InstanceError(f"the caps leave {1 - most.sum():g} of the supply with nobody to hold it", key="cap")
    m = pyo.ConcreteModel(name="holdings with corners")
    m.agents = pyo.RangeSet(0, environment.agents - 1)
    demand = [float(value) for value in environment.demand]
    m.usable = pyo.Var(m.agents, bounds=lambda m, i: (0.0, min(demand[i], most[i])))  # u_i = min(r_i, k_i)
    m.beyond = pyo.Var(m.agents, bounds=lambda m, i: (0.0, max(0.0, most[i] - demand[i])))  # v_i = (r_i - k_i)^+
    m.corner = pyo.Var(m.agents, within=pyo.Binary)  # z_i
    m.outside_option = pyo.Var(m.agents)  # s_i, in units of `unit`
    m.supply = pyo.Constraint(expr=pyo.quicksum(m.usable[i] + m.beyond[i] for i in m.agents) == 1.0)  # sum_i r_i = 1
    m.full = pyo.Constraint(m.agents, rule=lambda m, i: m.usable[i] >= demand[i] * m.corner[i])  # u_i >= k_i z_i
    m.only_full = pyo.Constraint(  # v_i <= (1 - k_i) z_i
        m.agents, rule=lambda m, i: m.beyond[i] <= (1.0 - demand[i]) * m.corner[i]
    )
    m.tangents = pyo.ConstraintList()  # s_i <= Q_i(t) - t u_i
    for place, point in enumerate(outside.edge.tolist()):
        for i in m.agents:
            m.tangents.add(m.outside_option[i] <= float(outside.area[i, place]) / unit - point / unit * m.usable[i])
    m.surplus = pyo.Objective(
        expr=outside.constant + unit * pyo.quicksum(m.outside_option[i] for i in m.agents), sense=pyo.maximize
    )
    solver: Any = SolverFactory("highs")
    solver.config.rel_gap = 0.0
    solver.config.solver_options = {"mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
    for _ in range(MOST_ROUNDS):
        results = solver.solve(m, load_solutions=False, raise_exception_on_nonoptimal_result=False)
        if results.solution_status != SolutionStatus.optimal:
            raise SolveError(f"HiGHS ended {m.name} with {results.termination_condition}")
        results.solution_loader.load_vars()
        usable, claimed = (
            np.array([pyo.value(variable[i]) for i in m.agents]) for variable in (m.usable, m.outside_option)
        )
        types, area, gap = outside.violation(np.clip(usable, 0.0, environment.demands), unit * claimed)
        if gap <= CLOSE * environment.high:
            return m
        for i in m.agents:
            m.tangents.add(m.outside_option[i] <= float(area[i]) / unit - float(types[i]) / unit * m.usable[i])
    raise SolveError(f"after {MOST_ROUNDS} rounds the tangents still lie above the outside options")


def _limits(environment: Environment, cap: float) -> Limits:
    return Limits(floor=np.zeros(environment.agents), cap=_room(environment, cap))


def _concave(environment: Environment, cap: float) -> float:
    """The engine's optimum: one scalar root."""
    return interior(Market(environment), _limits(environment, cap)).surplus


def _corners(environment: Environment, cap: float) -> float:
    """The engine's optimum: one scalar root for every set of corners."""
    return best(Market(environment), _limits(environment, cap)).surplus


FORMULATIONS = (
    Formulation(
        name="holdings", title="the holdings with most surplus, up to the demands (Proposition 9)",
        build=build_concave, engine=_concave, options={"cap": 1.0}, tolerance=1e-8,
    ),
    Formulation(
        name="corners_milp", title="the holdings with most surplus, above the demands too (Proposition 10, corrected)",
        build=build_corners, engine=_corners, options={"cap": 1.0}, tolerance=1e-8,
    ),
)  # fmt: skip
