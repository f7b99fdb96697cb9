"""The spot market at a realised type profile: the efficient allocation, VCG and AGV transfers, ex-post surplus.

Transfers are what the agent RECEIVES. # Paper: T_i are payments to the mechanism (eq. (2), Proposition 11); here -T_i.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt.mechanisms.forward_market.market import SNAP, Market

Floats = NDArray[np.float64]
FEW = 20  # agents up to which one sort an agent, over all profiles at once, is faster


def allocate(values: Any, demand: Any) -> Any:
    """The efficient allocation: the highest values first; agents of one value share what is left pro rata to demand.

    Args:
        values: theta_i, money per unit, shape (agents,); floats, or objects (Fraction).
        demand: k_i, units of supply, shape (agents,), of the same kind.

    Returns:
        Q_i, units of supply, shape (agents,).
    """
    value, most = np.asarray(values), np.asarray(demand)
    allocation = most * 0
    left = most.sum() * 0 + 1
    for price in sorted(set(value.tolist()), reverse=True):
        tied = value == price
        wanted = most[tied].sum()
        allocation[tied] = most[tied] if wanted <= left else most[tied] * (left / wanted)
        left -= min(wanted, left)
    return allocation


def allocate_each(values: Floats, demand: Floats) -> Floats:
    """The efficient allocation at profiles of shape (..., agents); of equal values the first agent comes first."""
    order = np.argsort(-values, axis=-1, kind="stable")
    sorted_demand = demand[order]
    before = np.cumsum(sorted_demand, axis=-1) - sorted_demand
    allocation = np.empty_like(values)
    np.put_along_axis(allocation, order, np.clip(1.0 - before, 0.0, sorted_demand), axis=-1)
    return allocation


def welfare(values: Floats, demand: Floats) -> Floats:
    """W(theta), money, at profiles of shape (..., agents)."""
    return np.asarray((values * allocate_each(values, demand)).sum(axis=-1))


def welfare_with(values: Floats, replaced: Floats, demand: Floats) -> Floats:
    """W with agent i's value replaced, at one profile and for every i: one sort, not one an agent.

    Args:
        values: theta, shape (agents,).
        replaced: what takes the place of theta_i, shape (agents,).
        demand: k_i, shape (agents,).

    Returns:
        W(x_i, theta_-i), money, shape (agents,).
    """
    order = np.argsort(-values, kind="stable")
    own, most = values[order], demand[order]
    upto = np.concatenate([[0.0], np.cumsum(most)])  # demand of the first j agents
    worth = np.concatenate([[0.0], np.cumsum(own * most)])  # welfare of serving them in full
    place = np.empty(order.size, dtype=np.intp)
    place[order] = np.arange(order.size)

    def served(capacity: Floats) -> Floats:
        """Welfare of a capacity, agents in order."""
        full = np.clip(np.searchsorted(upto, capacity, side="right") - 1, 0, own.size - 1)
        rest = np.clip(capacity - upto[full], 0.0, most[full])
        return worth[full] + rest * own[full]

    above = upto[np.searchsorted(-own, -replaced, side="left")] - np.where(values > replaced, demand, 0.0)
    taken = np.clip(1.0 - above, 0.0, demand)
    left = 1.0 - taken
    # Without i: up to his place nothing changes; beyond, he is skipped.
    skipped = served(left + demand) - demand * values
    return np.asarray(replaced * taken + np.where(left <= upto[place], served(left), skipped))


@dataclass(frozen=True, kw_only=True, eq=False)
class Spot:
    """The spot market after agents hold r.

    Attributes:
        market: demands and distributions.
        holding: r_i >= 0, units of supply, shape (agents,).
    """

    market: Market
    holding: Floats

    @cached_property
    def hat(self) -> Floats:
        """Worst-off types.

        # Paper: the least type with q_i >= min(r_i, k_i). Where a distribution has a gap, every type of an interval is
        # worst off; here the common one is taken where it is among them, or Pi(theta, r*) >= 0 would fail.
        """
        found = self.market.worst_off_types(self.holding)
        if not self.market.scarce:
            return found
        common = self.market.common
        return np.where(np.abs(self.usable - common.holding) <= SNAP, common.type, found)

    @cached_property
    def usable(self) -> Floats:
        """min(r_i, k_i)."""
        return np.minimum(self.holding, self.market.demand)

    def vcg(self, values: ArrayLike) -> Floats:
        """VCG transfers at a type profile, money, shape (agents,).

        Source: liu2020, Section 3, the display after eq. (2), with the sign turned.
        """
        types = np.asarray(values, dtype=np.float64)
        demand = self.market.demand
        total = float(welfare(types, demand))
        own = allocate(types, demand) * types
        return total - own - welfare_with(types, self.hat, demand) + self.usable * self.hat

    def surplus(self, values: ArrayLike) -> Floats:
        """Pi(theta, r), the VCG budget surplus at profiles of shape (..., agents), money. Source: liu2020, eq. (2)."""
        types = np.asarray(values, dtype=np.float64)
        demand = self.market.demand
        total = welfare(types, demand)
        result = -(types.shape[-1] - 1) * total - float(self.usable @ self.hat)
        if types.shape[-1] > FEW:
            rows = types.reshape(-1, types.shape[-1])
            return result + np.array([welfare_with(row, self.hat, demand).sum() for row in rows]).reshape(total.shape)
        for agent in range(types.shape[-1]):
            changed = types.copy()
            changed[..., agent] = self.hat[agent]
            result = result + welfare(changed, demand)
        return np.asarray(result)

    @cached_property
    def externality_means(self) -> Floats:
        """E v_i, money, shape (agents,)."""
        market, curves = self.market, self.market.curves
        # E theta q = high q(high) - integral of F d(theta q): parts, so that no density is needed.
        value, slope, types = curves.node_values, curves.node_slopes, curves.types[..., None]
        own = market.high * curves.at_edge[-1] - curves.integrate(curves.below * (value + types * slope))
        return market.welfare - market.interim.spread(own) + self.usable * self.hat

    def externality(self, agent: int, types: ArrayLike) -> Floats:
        """v_i(theta_i): what the others expect, plus the outside option of i's worst-off type, money.

        Source: liu2020, Appendix B.
        """
        points = np.asarray(types, dtype=np.float64)
        market, kind = self.market, int(self.market.interim.class_of[agent])
        lowest = market.welfare - market.rents[agent]  # E W(low, theta_-i)
        others = lowest + market.curves.integral(kind, points) - points * market.curves.value(kind, points)
        return np.asarray(others + self.usable[agent] * self.hat[agent])

    def agv(self, values: ArrayLike) -> Floats:
        """AGV transfers at a type profile, money, shape (agents,); they sum to zero.

        # Paper: agent 1 receives the whole expected surplus; here all share it equally.

        Source: liu2020, Proposition 11, with the sign turned.
        """
        return self.agv_each(np.asarray(values, dtype=np.float64)[None])[0]

    def agv_each(self, values: Floats) -> Floats:
        """AGV transfers at profiles, money, shape (profiles, agents)."""
        agents, market = values.shape[1], self.market
        value = np.stack([self.externality(agent, values[:, agent]) for agent in range(agents)], axis=-1)
        mean = self.externality_means
        # E W(hat_i, theta_-i) = E W(low, theta_-i) + the integral of q_i up to hat_i.
        at_hat = market.welfare - market.rents + market.curves.integral(market.interim.class_of, self.hat)
        others = (value.sum(axis=1, keepdims=True) - value) / (agents - 1)
        constant = (mean.sum() - mean) / (agents - 1) - at_hat
        payment = others - value - constant + constant.mean()
        return np.asarray(-payment)

    def vcg_each(self, values: Floats) -> Floats:
        """VCG transfers at profiles without ties, money, shape (profiles, agents)."""
        demand = self.market.demand
        received = welfare(values, demand)[:, None] - allocate_each(values, demand) * values + self.usable * self.hat
        for agent in range(values.shape[1]):
            changed = values.copy()
            changed[:, agent] = self.hat[agent]
            received[:, agent] -= welfare(changed, demand)
        return np.asarray(received)
