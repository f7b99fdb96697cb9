"""Exact spot markets: where every F_i is a polynomial, so is every q_i, and all money is rational or enclosed.

Uniform, power and beta types with whole parameters on the whole support, and mixtures of them, for up to 8 agents.
A worst-off type is a root of a polynomial: a Fraction where it is rational, else an interval narrower than 2^-99 of the
support. phi_i is then enclosed by its value and its slope, which is all but 0 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import comb
from typing import Any

from mechopt.distributions import Beta, Distribution, Mixture, Power, Uniform
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.rational import fraction, rational

MOST_AGENTS = 8
MOST_DEGREE = 60  # of the product of all cdfs
HALVINGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A number between two rationals; exact where they are equal."""

    low: Fraction
    high: Fraction

    @property
    def value(self) -> Fraction | float:
        """The number: a Fraction where it is known exactly, else the float in the middle."""
        return self.low if self.low == self.high else float((self.low + self.high) / 2)

    def __add__(self, other: Enclosure) -> Enclosure:
        return Enclosure(low=self.low + other.low, high=self.high + other.high)


def exactly(value: Fraction) -> Enclosure:
    """The enclosure of a rational number."""
    return Enclosure(low=value, high=value)


def cdf(law: Distribution, support: tuple[Fraction, Fraction]) -> Any:
    """The cdf as a polynomial (flint fmpq_poly) in u in [0, 1], or None where it is none on the whole support."""
    from flint import fmpq_poly

    if law.ends != support:
        return None
    match law:
        case Uniform():
            return fmpq_poly([0, 1])
        case Power() if law.p.denominator == 1 and law.p <= MOST_DEGREE:
            return fmpq_poly([0] * int(law.p) + [1])
        case Beta() if law.a.denominator == law.b.denominator == 1 and law.a + law.b - 1 <= MOST_DEGREE:
            first, count = int(law.a), int(law.a + law.b) - 1
            rise, fall = fmpq_poly([0, 1]), fmpq_poly([1, -1])
            return sum(
                (comb(count, k) * rise**k * fall ** (count - k) for k in range(first, count + 1)), fmpq_poly([0])
            )
        case Mixture():
            parts = [cdf(part, support) for part in law.components]
            if any(part is None for part in parts):
                return None
            return sum(
                (rational(weight) * part for weight, part in zip(law.weights, parts, strict=True)), fmpq_poly([0])
            )
    return None


class ExactMarket:
    """The spot market in rational arithmetic; u is the type's place in the support, from 0 to 1.

    Args:
        environment: who takes part.
        below: the cdfs, as `cdf` gives them.
    """

    def __init__(self, environment: Environment, below: Sequence[Any]) -> None:
        self.environment = environment
        self.below = tuple(below)
        self.low, self.width = environment.support[0], environment.support[1] - environment.support[0]

    @cached_property
    def allocation(self) -> Sequence[Any]:
        """q_i as polynomials in u."""
        demand = self.environment.demand
        found = []
        for agent in range(len(demand)):
            chances = self._totals([other for other in range(len(demand)) if other != agent])
            found.append(
                sum(
                    (rational(min(demand[agent], 1 - total)) * part for total, part in chances.items()),
                    0 * self.below[0],
                )
            )
        return tuple(found)

    def _totals(self, members: list[int]) -> dict[Fraction, Any]:
        """The distribution of the demand of those above, below the supply, as polynomials."""
        from flint import fmpq_poly

        chances: dict[Fraction, Any] = {Fraction(0): fmpq_poly([1])}
        for agent in members:
            moved: dict[Fraction, Any] = {}
            for total, part in chances.items():
                moved[total] = moved.get(total, 0) + part * self.below[agent]
                further = total + self.environment.demand[agent]
                if further < 1:
                    moved[further] = moved.get(further, 0) + part * (1 - self.below[agent])
            chances = moved
        return chances

    @cached_property
    def welfare(self) -> Fraction:
        """E W."""
        chances = self._totals(list(range(self.environment.agents)))
        idle = sum((rational(1 - total) * part for total, part in chances.items()), 0 * self.below[0])
        return self.low + self.width * (1 - _at(idle.integral(), Fraction(1)))

    @cached_property
    def rents(self) -> Sequence[Fraction]:
        """The integral of (1 - F_i) q_i."""
        return tuple(
            self.width * _at(((1 - below) * q).integral(), Fraction(1))
            for below, q in zip(self.below, self.allocation, strict=True)
        )

    @cached_property
    def areas(self) -> Sequence[Any]:
        """The integrals of q_i from 0, as polynomials in u."""
        return tuple(q.integral() for q in self.allocation)

    def place(self, agent: int, amount: Fraction) -> Enclosure:
        """The least u with q_i(u) >= amount."""
        q = self.allocation[agent]
        if amount <= _at(q, Fraction(0)):
            return exactly(Fraction(0))
        return exactly(Fraction(1)) if amount >= _at(q, Fraction(1)) else _root(q, amount)

    @cached_property
    def common_place(self) -> Enclosure:
        """The u of the common worst-off type."""
        return _root(sum(self.allocation, 0 * self.below[0]), Fraction(1))

    @property
    def common(self) -> Enclosure:
        """The common worst-off type."""
        found = self.common_place
        return Enclosure(low=self.low + self.width * found.low, high=self.low + self.width * found.high)

    @property
    def holding(self) -> Sequence[Enclosure]:
        """r*."""
        found = self.common_place
        return tuple(Enclosure(low=_at(q, found.low), high=_at(q, found.high)) for q in self.allocation)

    def worst_off_type(self, agent: int, holding: Fraction) -> Enclosure:
        """hat_i(r_i)."""
        found = self.place(agent, min(holding, self.environment.demand[agent]))
        return Enclosure(low=self.low + self.width * found.low, high=self.low + self.width * found.high)

    def outside(self, agent: int, holding: Fraction) -> Enclosure:
        """phi_i(r_i)."""
        usable = min(holding, self.environment.demand[agent])
        return self._least(self.areas[agent], self.allocation[agent], usable, self.place(agent, usable))

    def _least(self, area: Any, q: Any, amount: Fraction, place: Enclosure) -> Enclosure:
        """The least of width Q(u) - (low + width u) amount, a convex function whose minimiser is enclosed."""
        at = [self.width * _at(area, u) - (self.low + self.width * u) * amount for u in (place.low, place.high)]
        if place.low == place.high:
            return exactly(at[0])
        slope = self.width * (_at(q, place.low) - amount)
        return Enclosure(low=at[0] + slope * (place.high - place.low), high=min(at))

    def surplus(self, holding: Sequence[Fraction]) -> Enclosure:
        """Pi_r."""
        total = exactly(self.welfare - sum(self.rents))
        for agent, held in enumerate(holding):
            total += self.outside(agent, held)
        return total

    @cached_property
    def surplus_at_common(self) -> Enclosure:
        """Pi at r*."""
        area, q = sum(self.areas, 0 * self.below[0]), sum(self.allocation, 0 * self.below[0])
        return exactly(self.welfare - sum(self.rents)) + self._least(area, q, Fraction(1), self.common_place)

    def cornered(self, agent: int) -> Fraction:
        """Pi where one agent holds everything."""
        outside = self.outside(agent, Fraction(1))
        return self.welfare - sum(self.rents) + outside.low


def exact_market(environment: Environment) -> ExactMarket | None:
    """The market in rational arithmetic, or None where it has none: too many agents, or another family."""
    if environment.agents > MOST_AGENTS:
        return None
    below = [cdf(law, environment.support) for law in environment.distribution]
    if any(part is None for part in below) or sum(part.degree() for part in below) > MOST_DEGREE:
        return None
    return ExactMarket(environment, below)


def _at(polynomial: Any, point: Fraction) -> Fraction:
    return fraction(polynomial(rational(point)))


def _root(rising: Any, level: Fraction) -> Enclosure:
    """Where a polynomial that rises on [0, 1] takes a level between its ends."""
    low, high = Fraction(0), Fraction(1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        value = _at(rising, middle)
        if value == level:
            return exactly(middle)
        low, high = (middle, high) if value < level else (low, middle)
    simple = ((low + high) / 2).limit_denominator(10**9)
    if low <= simple <= high and _at(rising, simple) == level:
        return exactly(simple)
    return Enclosure(low=low, high=high)
