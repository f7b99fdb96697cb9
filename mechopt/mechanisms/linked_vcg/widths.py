"""The cheapest bounds of a given confidence: a separable convex program for their widths, solved by its multiplier.

    minimise  sum_j weight_j d_j   subject to   sum_j risk_j tail_j(d_j) <= budget,   0 <= d_j <= reach_j,

where tail_j(d) bounds the probability that pair j of agent and type averages more than d above its mean, and is 0 at
reach_j, the end of its support. Away from that end each tail is convex wherever it is at most exp(-1/2) (1/2 for the
normal), so with a small budget a multiplier that balances all pairs proves the optimum; the jump at the end of the
support leaves a gap that the dual bound measures. Source: zhu2021, Section 5, which takes the bounds as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError

Bound = Literal["hoeffding", "bernstein", "normal"]
BOUNDS: tuple[str, ...] = get_args(Bound)
PROVEN = ("hoeffding", "bernstein")

Array = NDArray[np.float64]
HALVINGS = 200
LEAST_EXPONENT, LARGEST_EXPONENT = 0.5, 745.0  # of exp(-y): where tails turn convex, and where floats end


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tails:
    """What bounds the probability that an average leaves its mean by more than d, for each of J pairs.

    Attributes:
        bound: hoeffding, exp(-2 T d^2 / range^2); bernstein, exp(-T d^2 / (2 (sigma^2 + reach d / 3))), for a known
            sigma; normal, the tail of the central limit theorem, an approximation.
        spread: the range of one date's endowment (hoeffding), or its standard deviation; 0 where it never varies.
        reach: how far above its mean one date's endowment can be.
        dates: T, how many dates the average has; with a mean estimated on H dates 1 / (1/T + 1/H), because then the
            difference of two averages is bounded.
        sides: 1 for an upper bound, 2 for a lower one as well.
    """

    bound: Bound
    spread: Array
    reach: Array
    dates: float
    sides: Array

    def of(self, width: Array) -> Array:
        """The probabilities; 0 from the end of the support on."""
        return np.where(width >= self.reach, 0.0, self.inside(width))

    def inside(self, width: Array) -> Array:
        """The probabilities as if the supports had no end."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.bound == "normal":
                from scipy.special import ndtr

                found = ndtr(-width * self.dates**0.5 / self.spread)
            elif self.bound == "hoeffding":
                found = np.exp(-2 * self.dates * (width / self.spread) ** 2)
            else:
                found = np.exp(-self.dates * width**2 / (2 * (self.spread**2 + self.reach * width / 3)))
        return np.where(self.spread > 0, self.sides * np.nan_to_num(found), 0.0)

    def slope(self, width: Array) -> Array:
        """By how much the probability falls per unit of width, as if the supports had no end."""
        if self.bound == "normal":
            x = width * self.dates**0.5 / self.spread
            return np.asarray(self.sides * np.exp(-(x**2) / 2) / (2 * np.pi) ** 0.5 * self.dates**0.5 / self.spread)
        if self.bound == "hoeffding":
            return np.asarray(self.inside(width) * 4 * self.dates * width / self.spread**2)
        lift = self.reach / 3
        variance = self.spread**2 + lift * width
        return np.asarray(
            self.inside(width) * self.dates * width * (2 * self.spread**2 + lift * width) / (2 * variance**2)
        )

    def least(self) -> Array:
        """Where the probability turns convex in the width."""
        return np.zeros_like(self.spread) if self.bound == "normal" else self._at_exponent(LEAST_EXPONENT)

    def _at_exponent(self, exponent: float | Array) -> Array:
        """The width at which a bound of the form exp(-y) has that y."""
        if self.bound == "hoeffding":
            return np.asarray(self.spread * np.sqrt(exponent / (2 * self.dates)))
        lift = self.reach / 3 * exponent
        return np.asarray((lift + np.sqrt(lift**2 + 2 * self.dates * self.spread**2 * exponent)) / self.dates)

    def at_slope(self, slope: Array) -> Array:
        """The width, in the convex part, at which the probability falls that fast; the start where it never does."""
        if self.bound == "normal":
            height = slope * self.spread * (2 * np.pi) ** 0.5 / (self.sides * self.dates**0.5)
            with np.errstate(divide="ignore"):
                return np.asarray(self.spread / self.dates**0.5 * np.sqrt(-2 * np.log(np.minimum(height, 1.0))))
        if self.bound == "hoeffding":
            # sqrt(y) exp(-y/2) = height with y = 4 T (d / range)^2 >= 1.
            height = slope * self.spread / (2 * self.sides * self.dates**0.5)
            y = _larger_root(-2 * np.log(np.clip(height, 1e-150, np.exp(-0.5))))
            return np.asarray(self.spread * np.sqrt(y / (4 * self.dates)))
        low = np.full_like(self.spread, LEAST_EXPONENT)
        high = np.full_like(self.spread, LARGEST_EXPONENT)
        for _ in range(60):
            middle = (low + high) / 2
            steep = self.slope(self._at_exponent(middle)) > slope
            low, high = np.where(steep, middle, low), np.where(steep, high, middle)
        return self._at_exponent(low)

    def pick(self, where: NDArray[np.bool_]) -> Tails:
        """Those of some pairs."""
        return Tails(bound=self.bound, spread=self.spread[where], reach=self.reach[where], dates=self.dates,
                     sides=self.sides[where])  # fmt: skip


def _larger_root(level: Array) -> Array:
    """The root y >= 1 of y - log y = level, for levels >= 1.

    It is minus SciPy's lambertw(-exp(-level), -1), which works in complex numbers and is twenty times slower.
    """
    rest = np.maximum(level - 1, 0.0)
    y = 1 + np.sqrt(2 * rest) + rest  # above the root, from where Newton's method comes down to it
    for _ in range(8):
        y = np.maximum(y - (y - np.log(y) - level) / np.maximum(1 - 1 / y, 1e-9), 1.0)
    return np.asarray(y)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Widths:
    """The cheapest widths, with the proof.

    Attributes:
        width: d_j, shape (pairs,).
        tail: what is left of each pair's probability, shape (pairs,).
        saturated: pairs whose bound is the end of their support: they can never leave it, shape (pairs,).
        multiplier: what one more unit of budget would save.
        cost: sum_j weight_j d_j.
        bound: no widths of this confidence cost less.
    """

    width: Array
    tail: Array
    saturated: NDArray[np.bool_]
    multiplier: float
    cost: float
    bound: float

    @property
    def gap(self) -> float:
        """How far the cost may be from the least one."""
        return max(0.0, self.cost - self.bound)


def cheapest_widths(weight: Array, tails: Tails, *, budget: float, risk: Array | float = 1.0) -> Widths:
    """The widths that cost least at a given confidence.

    Args:
        weight: cost of a unit of width, >= 0, shape (pairs,).
        tails: their probabilities.
        budget: of probability, weighed by the risks.
        risk: what a unit of the pair's probability takes of the budget, > 0.

    Returns:
        Widths whose probabilities keep the budget as evaluated in floats, and a dual bound on the least cost. Each is
        at least `tails.least()`: with a budget below half of the least risk this excludes nothing.

    Raises:
        InstanceError: the budget is not above 0.
    """
    if not budget > 0:
        raise InstanceError(f"must be above 0, not {budget:g}", key="design.delta")
    weight = np.asarray(weight, dtype=np.float64)
    risk = np.broadcast_to(np.asarray(risk, dtype=np.float64), weight.shape)
    width = np.where(tails.spread > 0, tails.reach, 0.0)
    open_ = (tails.spread > 0) & (weight > 0) & (tails.reach > 0)  # the rest is free, or cannot vary
    open_ &= ~((tails.least() >= tails.reach) & np.isfinite(tails.reach))
    fixed = float(weight @ np.where(open_ | (width == 0), 0.0, np.nan_to_num(width, posinf=0.0)))
    multiplier, saturated, bound = 0.0, np.ones(weight.size, dtype=bool), fixed
    if open_.any():
        part = _Part(weight[open_], risk[open_], tails.pick(open_), budget)
        width[open_], saturated[open_], multiplier, lower = part.solve()
        bound += lower
    tail = np.where(saturated, 0.0, tails.inside(width))
    costing = weight > 0
    return Widths(
        width=width, tail=tail, saturated=saturated, multiplier=multiplier,
        cost=float(weight[costing] @ width[costing]), bound=bound,
    )  # fmt: skip


class _Part:
    """The pairs that have a choice."""

    def __init__(self, weight: Array, risk: Array, tails: Tails, budget: float) -> None:
        self.weight, self.risk, self.tails, self.budget = weight, risk, tails, budget
        self.end = weight * tails.reach  # what it costs never to leave the support; infinite where that has no end

    def at(self, multiplier: float) -> tuple[Array, NDArray[np.bool_], float]:
        """Widths that minimise the Lagrangian, who is at the end of his support, and the dual bound."""
        width = self.tails.at_slope(self.weight / (multiplier * self.risk))
        lagrangian = self.weight * width + multiplier * self.risk * self.tails.inside(width)
        ends = lagrangian >= self.end
        dual = float(np.where(ends, self.end, lagrangian).sum()) - multiplier * self.budget
        return np.where(ends, self.tails.reach, width), ends, dual

    def spent(self, width: Array, ends: NDArray[np.bool_]) -> float:
        """The budget that widths use."""
        return float((self.risk * np.where(ends, 0.0, self.tails.inside(width))).sum())

    def solve(self) -> tuple[Array, NDArray[np.bool_], float, float]:
        """Widths, who is at the end of his support, the multiplier and the dual bound."""
        from scipy.optimize import brentq

        best = -np.inf

        def excess(logarithm: float) -> float:
            nonlocal best
            width, ends, dual = self.at(np.exp(logarithm))
            best = max(best, dual)
            return float(np.log(max(self.spent(width, ends), 1e-300) / self.budget))

        low, high = (np.log(end) for end in self._bracket())
        if excess(high) < 0 < excess(low):
            high = float(brentq(excess, low, high, xtol=1e-14, rtol=1e-14))
        step = 1e-15
        while excess(high) > 0:  # to the side that keeps the budget
            high, step = high + step, 2 * step
        multiplier = float(np.exp(high))
        width, ends, _ = self.at(multiplier)
        if not ends.all() and ends.any():
            # What the last pair to reach its end has freed goes to those inside.
            rest = _Part(self.weight[~ends], self.risk[~ends], self.tails.pick(~ends), self.budget)
            rest.end = np.full(int((~ends).sum()), np.inf)
            width[~ends], _, _, _ = rest.solve()
            beyond = width >= self.tails.reach
            width, ends = np.where(beyond, self.tails.reach, width), ends | beyond
        return width, ends, multiplier, best

    def _bracket(self) -> tuple[float, float]:
        """Multipliers on either side of the budget."""
        start = float(np.median(self.weight / self.risk / np.maximum(self.tails.slope(self.tails.least() + 1e-300),
                                                                     1e-300)))  # fmt: skip
        low = high = start if 0 < start < np.inf else 1.0
        for _ in range(HALVINGS):
            if self.spent(*self.at(high)[:2]) <= self.budget:
                break
            high *= 16
        for _ in range(HALVINGS):
            if self.spent(*self.at(low)[:2]) > self.budget or low < 1e-250:
                break
            low /= 16
        return low, high
