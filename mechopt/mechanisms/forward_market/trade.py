"""The least that must change hands before the spot market opens for it to earn so much.

phi_i is concave below k_i with slope -hat_i(r_i), and flat from k_i on. So who holds k_i or more ("full") is a finite
choice, and with it the best holdings are known for every price l of trade:

* nobody is full: the median of q_i(t - l/2), e_i and q_i(t + l/2), for the t at which they sum to 1;
* somebody is: to him one unit more is worth nothing, and takes nothing from the surplus. So all others sell to him
  until theirs is worth l: they hold min(e_i, q_i(l)).

Who owns more than he can use may stay full, in any combination; or else one agent is bought up to his demand.
Source: not in the paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.roots import NEXT, rising_root

Floats = NDArray[np.float64]
ALL_SETS = 8  # owners of more than they can use up to which every set of them is tried; beyond, all of them or none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trade:
    """Holdings that are reached with little trade.

    Attributes:
        holding: r_i, units of supply, shape (agents,).
        volume: half the sum of |r_i - e_i|.
        surplus: Pi_r, money.
        price: of trade, money of surplus per unit: what one more unit of trade would add.
        complete: every choice of who holds his demand or more was tried.
    """

    holding: Floats
    volume: float
    surplus: float
    price: float
    complete: bool


def least_trade(market: Market, surplus: float = 0.0, *, corners: bool = False) -> Trade:
    """The least forward trade after which the spot market's surplus is at least this.

    Args:
        market: the spot market.
        surplus: money.
        corners: whether agents may hold more than they can use after a trade; else all holdings end up to the demands.

    Raises:
        InstanceError: no trade brings it about.

    Source: not in the paper.
    """
    endowment = market.environment.endowments
    now = market.surplus(endowment)
    if now >= surplus:
        return Trade(holding=endowment, volume=0.0, surplus=now, price=0.0, complete=True)
    found: Trade | None = None
    most, complete = now, not corners or int((endowment > market.demand).sum()) <= ALL_SETS
    for full in _choices(market) if corners else [[]]:
        paths = _Paths(market, full, complete)
        if found is None or paths.forced < found.volume:
            reached, candidate = paths.least(surplus)
            most = max(most, reached)
            if candidate is not None and (found is None or candidate.volume < found.volume):
                found = candidate
    if found is None:
        where = "no holdings" if corners else "no holdings up to the demands"
        raise InstanceError(f"{where} earn {surplus:g}; the most is {most:.6g}", key="design.surplus")
    return found


def _choices(market: Market) -> Iterator[list[int]]:
    """Who may be full, corners allowed: nobody, some of those who own more than they can use, or one of the others."""
    own = np.flatnonzero(market.environment.endowments > market.demand).tolist()
    yield []
    sizes = range(1, len(own) + 1) if len(own) <= ALL_SETS else [len(own)]
    for size in sizes:
        yield from (list(chosen) for chosen in combinations(own, size))
    lack = market.demand - market.environment.endowments
    yield from ([agent] for agent in np.argsort(lack, kind="stable").tolist() if agent not in own)


class _Paths:
    """Holdings along a price of trade, for one choice of who is full.

    Attributes:
        forced: what must change hands in any case, units of supply.
        room: what the full leave at most to the others, units of supply.
    """

    def __init__(self, market: Market, full: list[int], complete: bool) -> None:
        self.market, self.full, self.complete = market, full, complete
        self.endowment = market.environment.endowments
        self.start = np.minimum(self.endowment, market.demand)
        self.rest = np.ones(self.start.size, dtype=bool)
        self.rest[full] = False
        bought = np.maximum(market.demand - self.endowment, 0.0)[full].sum()
        self.room = 1.0 - float(np.maximum(self.endowment, market.demand)[full].sum())
        self.forced = float(max(bought, (self.endowment - self.start)[self.rest].sum()))

    def wish(self, price: float) -> Floats:
        """What is worth no more than a price to each agent: q_i there, and nothing below the low end."""
        if price < self.market.low:
            return np.zeros(self.start.size)
        return self.market.curves.value(self.market.interim.class_of, np.full(self.start.size, price))

    def held(self, price: float) -> Floats:
        """The best holdings at a price of trade; they sum to 1."""
        if self.full:
            holding = np.where(self.rest, np.minimum(self.start, self.wish(price)), 0.0)
            if holding.sum() > self.room:  # where all hold the same at many prices, or at the low end none or more
                holding *= self.room / holding.sum()
            holding[self.full] = np.maximum(self.endowment, self.market.demand)[self.full]
            holding[self.full[0]] += 1.0 - holding.sum()
            return holding

        def at(t: float) -> Floats:
            return np.maximum(self.wish(t - price / 2), np.minimum(self.wish(t + price / 2), self.start))

        reach = 2 * self.market.high
        t = rising_root(lambda t: float(at(t).sum()) - 1.0, -reach, reach)
        near = NEXT * reach
        return _mixed(at(t - near), at(t + near))

    def least(self, surplus: float) -> tuple[float, Trade | None]:
        """The largest surplus on the way, and the least trade for the surplus asked, if it is among them."""
        market = self.market
        first, last = (-market.high, market.high) if self.full else (0.0, 2 * market.high)
        near = 2 * NEXT * market.high
        if self.full:  # the others must sell enough to make them full

            def over(price: float) -> float:
                return float(np.minimum(self.start, self.wish(price))[self.rest].sum()) - self.room

            if over(last) > 0:
                last = rising_root(over, first, last) + near
        most = market.surplus(self.held(first))
        if most < surplus - market.error:
            return most, None
        price = rising_root(lambda price: surplus - market.surplus(self.held(price)), first, last)
        inner, outer = self.held(max(first, price - near)), self.held(min(last, price + near))
        holding = _reaching(market, inner, outer, surplus)
        volume = float(np.abs(holding - self.endowment).sum()) / 2
        return most, Trade(holding=holding, volume=volume, surplus=market.surplus(holding), price=max(price, 0.0),
                           complete=self.complete)  # fmt: skip


def _mixed(low: Floats, high: Floats) -> Floats:
    """Between holdings that sum to at most and to at least 1: those that sum to 1."""
    gap = float(high.sum()) - float(low.sum())
    share = min(max((1.0 - float(low.sum())) / gap, 0.0), 1.0) if gap > 0 else 0.0
    return low + share * (high - low)


def _reaching(market: Market, inner: Floats, outer: Floats, surplus: float) -> Floats:
    """Between holdings of much and of little trade, equally good at one price: the last with that surplus."""

    def mixed(share: float) -> Floats:
        return outer + share * (inner - outer)

    share = rising_root(lambda share: market.surplus(mixed(share)) - surplus, 0.0, 1.0)
    for more in (0.0, 1e-15, 1e-12, 1e-9):
        if market.surplus(mixed(min(1.0, share + more))) >= surplus:
            return mixed(min(1.0, share + more))
    return inner
