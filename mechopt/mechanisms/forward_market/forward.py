"""The forward market under a tariff: payments, the best deviation of every agent, single crossing, and the money.

r* are the holdings to be brought about: of one market those with a common worst-off type, of anticipated states those
with a common mean marginal value. All others demand r*; an agent who takes up the aggregate position y = x - r_i* pays
C(y) - C(e_i - r_i*) and gains A_i(y) = pi_i(r_i* + y) - pi_i(r_i*) in the spot market. So r* is a Nash equilibrium
exactly where C(y) >= A_i(y) for every i and every y in [-r_i*, 1 - r_i*].
Source: liu2020, Sections 4.2 and 5.1, with the action set [0, 1] in full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market.anticipated import Prospect, Side
from mechopt.mechanisms.forward_market.tariff import Tariff

Floats = NDArray[np.float64]
GRID = 96  # cells of an action set to start from
ROUNDS = 40
CLOSE = 1e-10  # of the support's high end: bounds this close to the best deviation found need no further halving


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The best an agent can do against r*.

    Attributes:
        agent: index.
        demand: x, units of supply.
        gain: over demanding r_i*, money: what was found.
        bound: no deviation of this agent gains more.
    """

    agent: int
    demand: float
    gain: float
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossing:
    """Where a tariff comes closest to breaking single crossing.

    Attributes:
        margin: least of (P(y) - marginal value) * sign(y), money per unit; negative where the tariff fails.
        agent: index.
        demand: x, units of supply.
    """

    margin: float
    agent: int
    demand: float


class Forward:
    """A forward market at the holdings r*.

    Args:
        market: the spot market, or the states of it that are anticipated.
        tariff: P.
    """

    def __init__(self, market: Prospect, tariff: Tariff) -> None:
        self.market, self.tariff = market, tariff
        self.holding = market.target
        self.position = market.environment.endowments - self.holding  # e_i - r_i*

    def payments(self) -> Floats:
        """What each agent RECEIVES in the forward market at r*, money, shape (agents,).

        # Paper: an agent pays the integral of P over [e_i - r_i*, 0]; here received, which is C(e_i - r_i*).

        Source: liu2020, Section 4.2 and Appendix A.4.
        """
        return self.tariff.cost(self.position)

    def budget(self) -> float:
        """What the forward market keeps, money: never above 0, because C is convex and P(0) = hat supports it."""
        return 0.0 - float(self.payments().sum())  # no -0

    def gain(self, agent: int, positions: Floats) -> Floats:
        """A_i(y) of one agent."""
        holding = np.clip(self.holding[agent] + positions, 0.0, 1.0)
        here = self.market.payoff(agent, np.array([self.holding[agent]]))
        return self.market.payoff(agent, holding) - here

    def best_deviations(self) -> list[Deviation]:
        """The best deviation of one agent of each class, with a proven bound.

        Between two positions A_i lies below its chord (it is convex between demands k_i) and C is a quadratic: the
        largest distance of the two is known, and cells where it is too large are halved.
        """
        return [self._best(agent) for agent in self.market.representatives]

    def nash_gap(self) -> Deviation:
        """The deviation that gains most."""
        return max(self.best_deviations(), key=lambda found: found.gain)

    def _positions(self, agent: int) -> Floats:
        """Cell edges of an action set: everything that bends, and a grid."""
        held = float(self.holding[agent])
        bends = [*self.tariff.bends.tolist(), *(most - held for most, _ in self.market.limits(agent))]
        inside = [bend for bend in bends if -held < bend < 1 - held]
        return np.unique([*np.linspace(-held, 1 - held, GRID), *inside, 0.0])

    def _best(self, agent: int) -> Deviation:
        edges = self._positions(agent)
        gain = self.gain(agent, edges)
        low, high, left, right = edges[:-1], edges[1:], gain[:-1], gain[1:]
        net = gain - self.tariff.cost(edges)
        best, at = float(net.max()), float(edges[np.argmax(net)])
        settled = best
        for _ in range(ROUNDS):
            bound = self._most(low, high, left, right)
            open_ = bound > best + CLOSE * self.market.high
            settled = max(settled, float(bound[~open_].max(initial=-np.inf)))
            if not open_.any():
                break
            low, high, left, right = low[open_], high[open_], left[open_], right[open_]
            middle = (low + high) / 2
            inner = self.gain(agent, middle)
            net = inner - self.tariff.cost(middle)
            if float(net.max()) > best:
                best, at = float(net.max()), float(middle[np.argmax(net)])
            low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
            left, right = np.concatenate([left, inner]), np.concatenate([inner, right])
        else:
            settled = max(settled, float(self._most(low, high, left, right).max()))
        return Deviation(agent=agent, demand=at + float(self.holding[agent]), gain=best, bound=max(settled, best))

    def _most(self, low: Floats, high: Floats, left: Floats, right: Floats) -> Floats:
        """An upper bound on A_i - C over each cell; the tariff does not bend inside one."""
        width = high - low
        slope = (right - left) / width
        first, last = self.tariff.price(low), self.tariff.price(high, side="left")
        start = left - self.tariff.cost(low)
        curve = (last - first) / width
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(curve > 0, np.clip((slope - first) / curve, 0.0, width), 0.0)
        inside = start + (slope - first) * step - curve * step**2 / 2
        return np.maximum(np.maximum(start, right - self.tariff.cost(high)), inside)

    def single_crossing(self) -> Crossing:
        """How far P keeps on the right side of every marginal value.

        # Paper: hat_i(x) >= P(x - r_i*) exactly where x <= r_i*, for prices inside the support, which no tariff can
        # satisfy at x = k_i. Here the weak form, and beyond k_i a unit is worth 0.

        Source: liu2020, Section 4.2, single crossing, repaired.
        """
        worst = Crossing(margin=np.inf, agent=0, demand=0.0)
        for agent in self.market.representatives:
            held = float(self.holding[agent])
            # Neighbours of every bend, from both sides: P and the marginal value rise in between.
            edges = self._positions(agent)
            sides: tuple[tuple[Side, Floats], ...] = (("left", edges[1:]), ("right", edges[:-1]))
            for side, points in sides:
                demanded = np.clip(held + points, 0.0, 1.0)
                worth = self.market.marginal_value(agent, demanded, side=side)
                price = self.tariff.price(points, side=side)
                sign = np.where(points == 0, -1.0 if side == "left" else 1.0, np.sign(points))
                margin = (price - worth) * sign
                place = int(np.argmin(margin))
                if margin[place] < worst.margin:
                    worst = Crossing(margin=float(margin[place]), agent=agent, demand=float(demanded[place]))
        return worst
