"""How wrong distributions and demands may be before the spot market at r* could lose money.

Let hat and r* be computed for F and k, and let F' and k' be true. Of the surplus at r* with the true worst-off types,

    Pi' = E' Pi(theta, r*; hat) - sum of gap_i,   gap_i = Q_i'(hat) - hat r_i - min over t of [Q_i'(t) - t r_i] >= 0,

the first part is what VCG transfers with the old hat earn, which is never negative (Proposition 1 holds for every type
profile), and gap_i is what agent i's new worst-off type would lack. With S the agents whose hat is above t, the
integrand of the first part, c_S(F(t)), is linear in every F_j, and its slope is the sum over i of
b_ij (F_i - 1[i not in S]) with b_ij >= 0: below hat it rises in every F_j, above hat it falls. So over all F' within a
distance it is least at the lower end of the band below hat and at its upper end above: for types concentrated at hat.
And q_i rises in every F_j, so that the ends of the band bound the gaps. All integrands are monotone in t, and sums over
cells are on the safe side.

For demands k' the sets of agents above t are gone through one by one: c_S is concave in k'(T), and least at an end.
Source: not in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.market import Market

Floats = NDArray[np.float64]
CELLS = 8_192  # on each side of hat, of few agents on a lattice
WORK = 4_000_000  # cells times sums or sets
ENUMERATED = 12  # agents up to which all sets are gone through
HALVINGS = 26


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Radius:
    """How far from the data r* is safe.

    Attributes:
        safe: within this distance the spot market at r* earns at least 0, proven.
        failing: at this distance an example fails; infinite where none was found.
        example: who is moved which way in it: +1 towards low values, -1 towards high ones, shape (agents,).
    """

    safe: float
    failing: float
    example: Floats


class Bands:
    """Bounds over all distributions within a distance of a market's.

    Args:
        market: hat and r* are its own.
        cells: on each side of hat; None chooses.
    """

    def __init__(self, market: Market, cells: int | None = None) -> None:
        self.market, self.hat = market, market.common.type
        self.held = market.common.holding[market.interim.first]
        self.count = market.interim.count
        if cells is None:
            agents = market.interim.agents
            cells = max(128, min(CELLS if market.interim.method == "sums" else 1_024, WORK // (agents * agents)))
        self.types = [np.linspace(market.low, self.hat, cells + 1), np.linspace(self.hat, market.high, cells + 1)]
        self.below = [market.interim.below(types) for types in self.types]

    def moved(self, side: int, shift: Floats) -> tuple[Floats, Floats, Floats]:
        """F, q and E(1 - D)^+ on one side of hat, all distributions moved up by `shift`, shape (classes,)."""
        below = np.clip(self.below[side] + shift, 0.0, 1.0)
        found = self.market.interim.of(below)
        return below, found.value, found.idle

    def surplus(self, shift: Floats) -> tuple[float, float]:
        """What is left with the old hat, and the sum of the gaps: a lower and an upper bound.

        Args:
            shift: largest distance of each class's F, shape (classes,).
        """
        market = self.market
        down, up = self.moved(0, -shift), self.moved(1, shift)
        low = 1.0 - down[2] + (down[0] * down[1]) @ self.count  # rises in t
        high = 1.0 - up[2] - ((1.0 - up[0]) * up[1]) @ self.count  # falls in t
        left = market.low + _sum(self.types[0], low[:-1]) + _sum(self.types[1], high[1:])
        first, second = self.moved(0, shift)[1], self.moved(1, -shift)[1]
        below = _sum(self.types[0], np.maximum(first[1:] - self.held, 0.0))
        above = _sum(self.types[1], np.maximum(self.held - second[:-1], 0.0))
        return float(left - self.hat), float(np.maximum(below, above) @ self.count)

    def least(self, shift: Floats) -> float:
        """No distributions within these distances make the spot market at r* earn less; shape (classes,)."""
        left, gaps = self.surplus(shift)
        return left - gaps

    def example(self, shift: Floats) -> float:
        """The surplus at r* for F + shift (a trapezoid rule), r* being that of F."""
        parts = [self.moved(side, shift) for side in (0, 1)]
        types = np.concatenate([self.types[0], self.types[1][1:]])
        below, value, idle = (np.concatenate([one, two[1:]]) for one, two in zip(*parts, strict=True))
        fixed = self.market.low + np.trapezoid(1.0 - idle - ((1.0 - below) * value) @ self.count, types)
        step = np.diff(types)[:, None]
        area = np.concatenate([np.zeros((1, self.held.size)), np.cumsum((value[1:] + value[:-1]) / 2 * step, axis=0)])
        outside = (area - types[:, None] * self.held).min(axis=0)
        return float(fixed + outside @ self.count)


def _sum(edges: Floats, values: Floats) -> Floats:
    """Widths of equal cells times values, summed over the cells."""
    return np.asarray((edges[1] - edges[0]) * values.sum(axis=0))


def distribution_radius(market: Market, moved: NDArray[np.bool_] | None = None) -> Radius:
    """How far, in sup-distance, the distributions may be off.

    Args:
        market: of the distributions as they are held to be.
        moved: classes whose distribution is uncertain; None for all.
    """
    bands = Bands(market)
    unit = np.ones(bands.held.size) if moved is None else moved.astype(np.float64)
    safe = _largest(lambda distance: bands.least(distance * unit) >= 0, 1.0)
    failing, example = np.inf, np.zeros(unit.size)
    for one in np.flatnonzero(unit).tolist():
        for sign in (1.0, -1.0):
            way = -sign * unit
            way[one] = sign
            end = min(1.0, failing)
            if bands.example(end * way) < 0:
                failing, example = _failing(bands, way, end), way
    return Radius(safe=safe, failing=failing, example=market.interim.spread(example))


def _failing(bands: Bands, way: Floats, end: float) -> float:
    """A distance at which the example fails, as small as halving finds it."""
    low, high = 0.0, end
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if bands.example(middle * way) < 0 else (middle, high)
    return high


def _largest(holds: Callable[[float], bool], end: float) -> float:
    """The largest distance up to `end` found to hold, where smaller ones do too."""
    if holds(end):
        return end
    low, high = 0.0, end
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


class Sets:
    """Bounds over all demands near a market's, through the sets of agents above a type.

    Args:
        market: at most 12 agents.

    Raises:
        InstanceError: more agents.
    """

    def __init__(self, market: Market) -> None:
        agents = market.demand.size
        if agents > ENUMERATED:
            raise InstanceError(
                f"all sets of agents are gone through: at most {ENUMERATED}, not {agents}", key="agents"
            )
        self.market, self.hat, self.held = market, market.common.type, market.common.holding
        cells = max(512, min(2 * CELLS, WORK // 2 >> agents))
        self.member = (np.arange(2**agents)[:, None] >> np.arange(agents)) & 1 == 1  # shape (sets, agents)
        self.types = [np.linspace(market.low, self.hat, cells + 1), np.linspace(self.hat, market.high, cells + 1)]
        self.below = [market.interim.spread(market.interim.below(types)).T for types in self.types]
        self.chance = [self._chances(below) for below in self.below]

    def _chances(self, below: Floats) -> Floats:
        """The probability that just these agents are above, shape (sets, types)."""
        chance = np.ones((1, below.shape[1]))
        for row in below:
            chance = np.concatenate([chance * row, chance * (1.0 - row)])
        return chance

    def least(self, share: float) -> float:
        """No demands within this share of theirs make the spot market at r* earn less.

        -inf where some of them leave no scarcity, or agents with more than they can use.
        """
        low, high = self.market.demand * (1.0 - share), np.minimum(self.market.demand * (1.0 + share), 1.0)
        if not float(low.sum()) >= 1.0 or np.any(low < self.held - 1e-15):
            return -np.inf
        first, last = self._below(low, high), self._above(low)
        left = self.market.low + self._integral(0, first) + self._integral(1, last) - self.hat
        return float(left - self._gaps(low, high).sum())

    def _below(self, low: Floats, high: Floats) -> Floats:
        """The least of k(T) + sum over i not in T of min(k_i, 1 - k(T)), for every set T (below hat)."""
        found = np.full(len(self.member), np.inf)
        for end in (low, high):
            taken = np.minimum(self.member @ end, 1.0)
            rest = np.minimum(low, (1.0 - taken)[:, None])
            found = np.minimum(found, taken + np.where(self.member, 0.0, rest).sum(axis=1))
        return found

    def _above(self, low: Floats) -> Floats:
        """Sum over i in T of M(T without i) - (|T| - 1) M(T), which rises in all demands (above hat)."""
        total = self.member @ low
        without = np.where(self.member, np.minimum(total[:, None] - low, 1.0), 0.0).sum(axis=1)
        size = self.member.sum(axis=1)
        return np.where(size > 0, without - (size - 1) * np.minimum(total, 1.0), 0.0)

    def _integral(self, side: int, value: Floats) -> float:
        """A lower bound on the integral of the mean of a number a set: by how much a cell can differ from its start."""
        width = float(self.types[side][1] - self.types[side][0])
        ends = value @ self.chance[side]
        change = 0.0
        for agent, row in enumerate(self.below[side]):
            pair = value.reshape(-1, 2, 2**agent)
            change += float(np.abs(pair[:, 1] - pair[:, 0]).max()) * float(row[-1] - row[0])
        return width * (float(ends[:-1].sum()) - change)

    def _gaps(self, low: Floats, high: Floats) -> Floats:
        found = np.empty(self.held.size)
        for agent, held in enumerate(self.held.tolist()):
            others = self.member.copy()
            others[:, agent] = False
            most = np.clip(1.0 - others @ low, 0.0, high[agent]) @ self.chance[0]
            least = np.clip(1.0 - others @ high, 0.0, low[agent]) @ self.chance[1]
            below = _sum(self.types[0], np.maximum(most[1:] - held, 0.0))
            above = _sum(self.types[1], np.maximum(held - least[:-1], 0.0))
            found[agent] = max(float(below), float(above))
        return found


def demand_radius(market: Market) -> float:
    """By which share of themselves all demands may be off, proven; for at most 12 agents."""
    sets = Sets(market)
    return _largest(lambda share: sets.least(share) >= 0, 1.0)


def sampling_distance(observed: int, lists: int, confidence: float, smoothing: float) -> float:
    """How far a smoothed sample's cdf may be from the true one, with a confidence for all lists together.

    Args:
        observed: values in the list.
        lists: of samples, all of which are to be within their distances.
        confidence: that they are.
        smoothing: sup-distance of the smoothed cdf from that of the sample.

    Source: Dvoretzky, Kiefer and Wolfowitz 1956, with Massart's constant 1990: P(sup|F_m - F| > d) <= 2 exp(-2 m d^2).
    """
    return smoothing + float(np.sqrt(np.log(2.0 * lists / (1.0 - confidence)) / (2.0 * observed)))


def smoothing_distance(market: Market, agent: int, observed: Sequence[Fraction]) -> float:
    """The sup-distance between an agent's cdf and that of his samples."""
    values, count = np.unique([exact.as_float(value) for value in observed], return_counts=True)
    upto = np.cumsum(count) / len(observed)
    cdf = market.environment.distribution[agent].cdf(values)
    return float(max(np.abs(cdf - upto).max(), np.abs(cdf - np.concatenate([[0.0], upto[:-1]])).max()))
