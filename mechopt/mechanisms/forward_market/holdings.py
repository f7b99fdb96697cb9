"""Holdings that maximise the spot market's surplus, under caps, floors and quotas.

phi_i is concave below k_i with slope -hat_i(r_i), and flat above. So below the demands the best holdings are
r_i = q_i(t), clipped to what i may hold, for the one t at which they sum to 1: a scalar root, exact to rounding.
Holdings above k_i cost nothing more than k_i; which agents hold that much is a finite choice.
Source: liu2020, Propositions 9 and 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.roots import rising_root

Floats = NDArray[np.float64]
ALL_SETS = 12  # agents up to which every set of corners is tried; beyond, sets of at most two
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quota:
    """What a group of agents may hold together.

    Attributes:
        members: indices; no agent is in two groups.
        floor: at least this, units of supply.
        cap: at most this.
    """

    members: NDArray[np.intp]
    floor: float = 0.0
    cap: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """What agents may hold.

    Attributes:
        floor: at least this, units of supply, shape (agents,).
        cap: at most this, shape (agents,).
        quotas: of disjoint groups.
    """

    floor: Floats
    cap: Floats
    quotas: Sequence[Quota] = ()

    def __post_init__(self) -> None:
        if np.any(self.floor > self.cap + ROUNDING):
            raise InstanceError("a floor is above its cap", key="design.floors")
        taken: set[int] = set()
        for quota in self.quotas:
            members = set(quota.members.tolist())
            if taken & members:
                raise InstanceError("an agent is in two groups", key="design.groups")
            taken |= members


def unlimited(market: Market) -> Limits:
    """No limits but the supply."""
    return Limits(floor=np.zeros(market.demand.size), cap=np.ones(market.demand.size))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Best:
    """The best holdings.

    Attributes:
        holding: r_i, units of supply, shape (agents,).
        surplus: Pi_r, money.
        price: t, the common marginal value of a holding that is at no limit, money per unit; NaN where all are.
        corners: agents who hold k_i or more.
        complete: every set of corners was tried.
    """

    holding: Floats
    surplus: float
    price: float
    corners: tuple[int, ...]
    complete: bool


def interior(market: Market, limits: Limits | None = None) -> Best:
    """The best holdings r <= k: r* where no limit binds.

    Raises:
        InstanceError: no holdings keep the limits.

    Source: liu2020, Proposition 9; with limits not in the paper.
    """
    limits = limits or unlimited(market)
    cap = np.minimum(limits.cap, market.demand)
    holding, price = _shared(market, limits, cap, np.zeros(market.demand.size, dtype=bool), 1.0)
    return Best(holding=holding, surplus=market.surplus(holding), price=price, corners=(), complete=True)


def best(market: Market, limits: Limits | None = None) -> Best:
    """The best holdings, above the demands too.

    Raises:
        InstanceError: no holdings keep the limits, or they have quotas of groups.

    Source: liu2020, Proposition 10, corrected (see `Market.cornered`) and with limits.
    """
    limits = limits or unlimited(market)
    if limits.quotas:
        raise InstanceError("corners and group quotas cannot be combined", key="design.groups")
    agents = market.demand.size
    able = [agent for agent in range(agents) if limits.cap[agent] > market.demand[agent]]
    most = len(able) if agents <= ALL_SETS else min(2, len(able))
    found: Best | None = None
    refusal: InstanceError | None = None
    for size in range(most + 1):
        for chosen in combinations(able, size):
            try:
                candidate = interior(market, limits) if not size else _cornered(market, limits, chosen)
            except InstanceError as error:
                refusal = error
                continue
            if found is None or candidate.surplus > found.surplus + ROUNDING * market.high:
                found = candidate
    if found is None:
        raise refusal or InstanceError("no holdings keep the limits", key="design")
    return Best(holding=found.holding, surplus=found.surplus, price=found.price, corners=found.corners,
                complete=most == len(able))  # fmt: skip


def _cornered(market: Market, limits: Limits, chosen: tuple[int, ...]) -> Best:
    """The best holdings at which these agents hold at least k_i: the others hold as little as they may."""
    corner = np.zeros(market.demand.size, dtype=bool)
    corner[list(chosen)] = True
    least = np.where(corner, np.maximum(market.demand, limits.floor), 0.0)
    room = float(limits.cap[corner].sum())
    floors = float(limits.floor[~corner].sum())
    others = max(1.0 - room, floors)
    if float(least.sum()) + others > 1.0 + ROUNDING:
        raise InstanceError("the corners' demands leave too little for the floors", key="design.floors")
    cap = np.minimum(limits.cap, market.demand)
    holding, price = _shared(market, limits, cap, corner, others)
    spare = 1.0 - others - float(least.sum())
    for agent in chosen:
        more = min(spare, float(limits.cap[agent] - least[agent]))
        holding[agent] = least[agent] + more
        spare -= more
    return Best(holding=holding, surplus=market.surplus(holding), price=price, corners=chosen, complete=True)


def _shared(
    market: Market, limits: Limits, cap: Floats, left_out: NDArray[np.bool_], amount: float
) -> tuple[Floats, float]:
    """r_i = q_i(t), clipped, of those not left out, for the t at which they sum to an amount; and t."""
    low = np.where(left_out, 0.0, limits.floor)
    high = np.where(left_out, 0.0, cap)
    _check(limits, low, high, amount, left_out)

    def held(price: float) -> Floats:
        return _in_groups(market, limits.quotas, low, high, price)

    price = rising_root(lambda t: float(held(t).sum()) - amount, market.low, market.high)
    holding = _level(held(price), low, high, amount)
    free = (holding > low + ROUNDING) & (holding < high - ROUNDING)
    return holding, price if free.any() else float("nan")


def _check(limits: Limits, low: Floats, high: Floats, amount: float, left_out: NDArray[np.bool_]) -> None:
    if float(low.sum()) > amount + ROUNDING:
        raise InstanceError(f"the floors sum to more than the supply: {float(low.sum()):g}", key="design.floors")
    least = float(low.sum()) + sum(max(0.0, quota.floor - float(low[quota.members].sum())) for quota in limits.quotas)
    if least > amount + ROUNDING:
        raise InstanceError(f"the floors of groups and of others sum to more than the supply: {least:g}",
                            key="design.groups")  # fmt: skip
    reach = high.copy()
    for quota in limits.quotas:
        inside = float(high[quota.members].sum())
        if quota.floor > inside + ROUNDING or quota.cap < float(low[quota.members].sum()) - ROUNDING:
            raise InstanceError("a group's limits contradict those of its members", key="design.groups")
        if inside > quota.cap:
            reach[quota.members] *= quota.cap / inside
    if not left_out.all() and float(reach.sum()) < amount - ROUNDING:
        raise InstanceError(
            f"the caps leave {amount - float(reach.sum()):g} of the supply with nobody to hold it", key="design.caps"
        )


def _in_groups(market: Market, quotas: Sequence[Quota], low: Floats, high: Floats, price: float) -> Floats:
    """Holdings at a price; a group whose quota binds has a price of its own."""
    agents = market.demand.size
    prices = np.full(agents, price)

    def held(at: Floats) -> Floats:
        return np.clip(market.curves.value(market.interim.class_of, at), low, high)

    holding = held(prices)
    for quota in quotas:
        members = quota.members
        total = float(holding[members].sum())
        target = min(max(total, quota.floor), quota.cap)
        if target != total:

            def gap(t: float, members: NDArray[np.intp] = members, target: float = target) -> float:
                return float(held(np.full(agents, t))[members].sum()) - target

            prices[members] = rising_root(gap, market.low, market.high)
            holding[members] = _level(held(prices)[members], low[members], high[members], target)
    return holding


def _level(holding: Floats, low: Floats, high: Floats, amount: float) -> Floats:
    """The holdings moved to sum to an amount: by rounding, or where all prices are at the low end.

    There every holding up to q_i(low) has the one slope, so that it does not matter who holds less.
    """
    rest = amount - float(holding.sum())
    room = (high - holding) if rest > 0 else (holding - low)
    total = float(room.sum())
    return holding + rest * room / total if total > 0 else holding


def radius(market: Market) -> float:
    """How much of the supply may change hands at r*, in any way, while the spot market still operates.

    No more than the demands leave room for: below them the holdings at which it operates form a convex set, so that a
    ball in it is known by its corners, where one agent gives to one other. Of identical agents one pair stands for
    all. Units of supply.

    Source: not in the paper.
    """
    first, kind = market.interim.first, market.interim.class_of
    smallest = 1.0
    for giver in first.tolist():
        for taker in first.tolist():
            if giver == taker:
                same = np.flatnonzero(kind == kind[giver])
                if same.size < 2:
                    continue
                other = int(same[1])
            else:
                other = taker
            most = min(float(market.common.holding[giver]), float((market.demand - market.common.holding)[other]))
            move = np.zeros(market.demand.size)
            move[giver], move[other] = -1.0, 1.0

            def lost(step: float, move: Floats = move) -> float:
                return -market.surplus(market.common.holding + step * move)

            smallest = min(smallest, rising_root(lost, 0.0, most) if lost(most) > 0 else most)
    return smallest
