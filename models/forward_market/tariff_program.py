"""Forward tariffs under which r* is an equilibrium: a linear program in Pyomo, and quadratic programs in CVXPY.

A block tariff has a price s_g on each interval between knots, and C(y) is what the position y costs. r* is a Nash
equilibrium exactly where C(y) >= A_i(y) = pi_i(r_i* + y) - pi_i(r_i*) for every agent i and all y in [-r_i*, 1 - r_i*];
A_i is convex on each side of k_i - r_i*, so that with those points among the knots it is enough to say so at the knots.

    tariff_lp    min sum_i C(e_i - r_i*)                          what the forward market pays out on balance
    tariff_qp    min sum_g (s_g+1 - s_g)^2 / (y_g+2 - y_g)        the smoothest price for a limited subsidy
    family_qp    min sum_g (P(y_g) - hat)^2                       the flattest price of the paper's pointwise family

each over prices that never fall. A_i and r* are the engine's. The programs are over prices, where the engine has the
costs C at the knots as its variables. The linear program has only the knots that are needed (any C can be replaced by
the straight lines between those); the quadratic ones have the engine's, which are finer. Add what a market operator
has: price steps, ceilings, round numbers.

# Paper: Proposition 4 asks for sum_i C(e_i - r_i*) = 0 too. With that constraint the programs are infeasible unless
# r* = e: C is convex with slope hat at 0, and the positions sum to 0.

Source: liu2020, Section 4.2 (the family); the programs are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from mechopt.errors import InstanceError, SolveError
from mechopt.formulation import Formulation
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.schedule import FEW, Programs
from mechopt.mechanisms.forward_market.smooth import smoothest

Array = NDArray[np.float64]
EDGE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """What a tariff has to satisfy.

    Attributes:
        knot: y_g, ascending, with 0 among them, shape (knots,).
        zero: index of 0.
        least: the largest A_i(y_g) of the agents who can reach y_g; -inf where nobody can, shape (knots,).
        position: e_i - r_i*, shape (agents,).
        place: index of the knot at each position.
    """

    knot: Array
    zero: int
    least: Array
    position: Array
    place: NDArray[np.intp]

    @property
    def blocks(self) -> Array:
        """C(y_g) = sum over blocks of (this matrix) times s, shape (knots, blocks)."""
        start, end = self.knot[:-1], self.knot[1:]
        up = np.clip(self.knot[:, None], np.maximum(start, 0.0), np.maximum(end, 0.0)) - np.maximum(start, 0.0)
        down = np.clip(self.knot[:, None], np.minimum(start, 0.0), np.minimum(end, 0.0)) - np.minimum(end, 0.0)
        return up + down


def needed(market: Market) -> Array:
    """0, all positions, and where the agents' gains bend or end."""
    held = market.common.holding
    bends = [-held, market.demand - held, 1.0 - held, market.environment.endowments - held, np.zeros(1)]
    kept: list[float] = []
    for value in np.unique(np.concatenate(bends)).tolist():
        if not kept or value - kept[-1] > EDGE:
            kept.append(value)
    return np.array(kept)


def data_of(market: Market, *, fine: bool = True) -> Data:
    """Knots and gains of a market.

    Raises:
        InstanceError: too many different agents for their kinks to be knots.
    """
    if market.interim.first.size > FEW:
        raise InstanceError(f"the tariff programs are for up to {FEW} different agents", key="agents")
    knot, held = Programs(market).knots if fine else needed(market), market.common.holding
    knot[np.abs(knot).argmin()] = 0.0
    least = np.full(knot.size, -np.inf)
    for agent, own in enumerate(held.tolist()):
        inside = (knot >= -own - EDGE) & (knot <= 1 - own + EDGE)
        here = float(market.payoff(agent, np.array([own]))[0])
        gain = market.payoff(agent, np.clip(own + knot[inside], 0.0, 1.0)) - here  # A_i(y_g)
        least[inside] = np.maximum(least[inside], gain)
    position = market.environment.endowments - held
    place = np.abs(knot[:, None] - position).argmin(axis=0)
    return Data(knot=knot, zero=int(np.abs(knot).argmin()), least=least, position=position, place=place)


def build_least(environment: Environment) -> Any:
    """The tariff that pays out least, as a Pyomo model."""
    data = data_of(Market(environment), fine=False)
    matrix = data.blocks
    m = pyo.ConcreteModel(name="forward tariff")
    m.blocks = pyo.RangeSet(0, data.knot.size - 2)
    m.knots = pyo.Set(initialize=[g for g in range(data.knot.size) if g != data.zero and np.isfinite(data.least[g])])
    m.price = pyo.Var(m.blocks, bounds=(0.0, environment.high))  # s_g; a unit is never worth more than the high end
    m.rising = pyo.Constraint(  # s_g <= s_g+1
        m.blocks, rule=lambda m, g: m.price[g] <= m.price[g + 1] if g + 1 in m.blocks else pyo.Constraint.Skip
    )

    def cost(m: Any, g: int) -> Any:
        return pyo.quicksum(float(matrix[g, b]) * m.price[b] for b in m.blocks if matrix[g, b])

    m.no_gain = pyo.Constraint(m.knots, rule=lambda m, g: cost(m, g) >= float(data.least[g]))  # C(y_g) >= A_i(y_g)
    hit = [int(g) for g in data.place if g != data.zero]
    m.subsidy = pyo.Objective(expr=pyo.quicksum(cost(m, g) for g in hit), sense=pyo.minimize)  # sum_i C(e_i - r_i*)
    return m


def build_smooth(environment: Environment, generous: float) -> cp.Problem:
    """The price that rises most smoothly, for `generous` times the least subsidy.

    Raises:
        InstanceError: less than the least subsidy.
    """
    if not generous >= 1:
        raise InstanceError(f"a subsidy below the least one keeps nothing in equilibrium: at least 1, not {generous:g}",
                            key="generous")  # fmt: skip
    market = Market(environment)
    data, high = data_of(market), environment.high
    matrix = data.blocks
    price = cp.Variable(data.knot.size - 1, name="price")  # s_g, in units of the high end
    reached = np.isfinite(data.least) & (np.arange(data.knot.size) != data.zero)
    subsidy = cp.sum(matrix[data.place] @ price)
    limit = generous * (_least(environment) / high) + 1e-8
    constraints = [cp.diff(price) >= 0, price[0] >= 0, matrix[reached] @ price >= data.least[reached] / high]
    apart = np.sqrt(data.knot[2:] - data.knot[:-2])
    rises = cp.sum_squares(cp.multiply(1 / apart, cp.diff(price)))
    return cp.Problem(cp.Minimize(rises), [*constraints, subsidy <= limit])


def _least(environment: Environment) -> float:
    """The engine's least subsidy."""
    return Programs(Market(environment)).least_subsidy().subsidy


def _smooth(environment: Environment, generous: float) -> float:
    """The engine's optimum for the same subsidy."""
    programs, room = Programs(Market(environment)), 1e-8 * environment.high
    return smoothest(programs, generous * _least(environment) + room).rises


def envelopes(market: Market, knot: Array) -> tuple[Array, Array]:
    """Bounds on P(y): below by what a unit more is worth to any agent (y > 0), above by any unit sold (y < 0)."""
    lower, upper = np.zeros(knot.size), np.full(knot.size, np.inf)
    for agent, held in enumerate(market.common.holding.tolist()):
        worth = market.worst_off_type(agent, np.clip(held + knot, 0.0, 1.0))
        buys = (knot > 0) & (knot <= market.demand[agent] - held + EDGE)  # beyond k_i a unit is worth 0
        sells = (knot < 0) & (knot >= -held - EDGE)
        lower = np.where(buys, np.maximum(lower, worth), lower)
        upper = np.where(sells, np.minimum(upper, worth), upper)
    return lower, upper


def build_family(environment: Environment) -> cp.Problem:
    """The price of the paper's family that is closest to the common worst-off type.

    # Paper: the family is printed for y between e_n - r_n* and e_1 - r_1*; here for every position that can be reached.
    """
    market = Market(environment)
    knot = Programs(market).knots
    lower, upper = envelopes(market, knot)
    price = cp.Variable(knot.size, name="price")  # P(y_g), in units of the high end
    high, sold = environment.high, np.isfinite(upper)
    constraints = [cp.diff(price) >= 0, price >= lower / high]
    if sold.any():
        constraints.append(price[sold] <= upper[sold] / high)
    apart = price - market.common.type / high
    return cp.Problem(cp.Minimize(cp.sum_squares(apart)), constraints)


def _family(environment: Environment) -> float:
    """In closed form: the price follows the envelopes where they are beyond what it had already reached."""
    market = Market(environment)
    knot, hat = Programs(market).knots, market.common.type
    lower, upper = envelopes(market, knot)
    price = np.full(knot.size, hat)
    price[knot > 0] = np.maximum.accumulate(np.maximum(lower, hat)[knot > 0])
    price[knot < 0] = np.minimum.accumulate(np.minimum(upper, hat)[knot < 0][::-1])[::-1]
    if np.any(price < lower) or np.any(price > upper):
        raise SolveError("the envelopes cross the common worst-off type")
    return float((((price - hat) / environment.high) ** 2).sum())


FORMULATIONS = (
    Formulation(
        name="tariff_lp", title="the forward tariff that pays out least and keeps r* in equilibrium",
        build=build_least, engine=_least, tolerance=1e-9,
    ),
    Formulation(
        name="tariff_qp", title="the forward tariff whose price rises most smoothly, for a limited subsidy",
        build=build_smooth, engine=_smooth, options={"generous": 1.25},
    ),
    Formulation(
        name="family_qp", title="the flattest price of the paper's family (Section 4.2)",
        build=build_family, engine=_family, tolerance=1e-8,
    ),
)  # fmt: skip
