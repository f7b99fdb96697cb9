"""The spot market in exact rationals, by brute force, independent of the engine: what the claims of this folder share.

Agent i's type is low + u with u in [0, 1] and F_i = u^p for a whole p >= 1. Sets of agents "above" are enumerated. The
only irrational numbers, worst-off types, are kept between two fractions that are 2^-40 apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from mechopt.evidence import Instance

Poly = tuple[Fraction, ...]  # coefficients of 1, u, u^2, ...
Between = tuple[Fraction, Fraction]
HALVINGS = 40
ZERO, ONE = Fraction(0), Fraction(1)


def scarce(instance: Instance) -> bool:
    """At least two agents, every maximum demand is in (0, 1], and together they exceed the supply of 1."""
    demand = instance["demand"]
    return len(demand) >= 2 and all(0 < k <= 1 for k in demand) and sum(demand) > 1


def laws(instance: Instance) -> bool:
    """Types have support [low, low + 1] with low >= 0 and F_i = u^p, p a whole number >= 1 for every agent."""
    power = instance["power"]
    whole = all(Fraction(p).denominator == 1 and p >= 1 for p in power)
    return instance["low"] >= 0 and whole and len(power) == len(instance["demand"])


def holdings(instance: Instance) -> bool:
    """Holdings are nonnegative, one for each agent, and sum to the supply of 1."""
    held = instance["holding"]
    return len(held) == len(instance["demand"]) and all(r >= 0 for r in held) and sum(held) == 1


def usable(instance: Instance) -> bool:
    """Nobody holds more than his maximum demand."""
    return all(r <= k for r, k in zip(instance["holding"], instance["demand"], strict=True))


def efficient(demand: Sequence[Any], types: Sequence[Any]) -> tuple[Fraction, list[Fraction]]:
    """W and an efficient allocation for types >= 0: the highest types first, ties to the earlier agent."""
    left, given = ONE, [ZERO] * len(demand)
    for i in sorted(range(len(demand)), key=lambda i: (-types[i], i)):
        given[i] = min(Fraction(demand[i]), left)
        left -= given[i]
    return sum((t * x for t, x in zip(types, given, strict=True)), ZERO), given


def served(demand: Sequence[Any], above: Sequence[Any]) -> Any:
    """M: what a set of agents, given by 0 and 1, can use of the supply."""
    return min(ONE, sum((k for k, inside in zip(demand, above, strict=True) if inside), ZERO))


def splits(members: Sequence[int]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Every way to put agents into those above and those below."""
    for size in range(len(members) + 1):
        for above in itertools.combinations(members, size):
            yield above, tuple(i for i in members if i not in above)


def add(*terms: Poly) -> Poly:
    """The sum of polynomials."""
    return tuple(sum(column, ZERO) for column in itertools.zip_longest(*terms, fillvalue=ZERO))


def times(left: Poly, right: Poly) -> Poly:
    """The product of two polynomials."""
    result = [ZERO] * (len(left) + len(right) - 1)
    for a, x in enumerate(left):
        for b, y in enumerate(right):
            result[a + b] += x * y
    return tuple(result)


def integral(poly: Poly) -> Poly:
    """The integral from 0."""
    return (ZERO, *(x / (a + 1) for a, x in enumerate(poly)))


def at(poly: Poly, u: Fraction) -> Fraction:
    """The value at u."""
    total = ZERO
    for x in reversed(poly):
        total = total * u + x
    return total


@cache
def root(rising: Poly, level: Fraction) -> Between:
    """Where a polynomial that rises on [0, 1] first reaches a level; a fraction twice where it is found exactly."""
    if level <= at(rising, ZERO):
        return ZERO, ZERO
    low, high = ZERO, ONE
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if at(rising, middle) < level else (low, middle)
    simple = high.limit_denominator(10**6)
    return (simple, simple) if low <= simple <= high and at(rising, simple) == level else (low, high)


@dataclass(frozen=True)
class Spot:
    """A spot market; see the head of the file.

    Attributes:
        demand: k_i, units of supply.
        power: p_i of F_i = u^p_i.
        low: the least type.
    """

    demand: tuple[Fraction, ...]
    power: tuple[int, ...]
    low: Fraction

    @classmethod
    def of(cls, instance: Instance) -> Spot:
        """From an instance with demand, power and low."""
        demand, power = tuple(map(Fraction, instance["demand"])), tuple(map(int, instance["power"]))
        return spot(demand, power, Fraction(instance["low"]))

    @property
    def agents(self) -> range:
        """0, ..., n - 1."""
        return range(len(self.demand))

    def below(self, agent: int) -> Poly:
        """F_i as a polynomial in u."""
        return (*[ZERO] * self.power[agent], ONE)

    def chance(self, above: Sequence[int], beneath: Sequence[int]) -> Poly:
        """The probability that these are above u and those below."""
        result: Poly = (ONE,)
        for i in above:
            result = times(result, add((ONE,), tuple(-x for x in self.below(i))))
        for i in beneath:
            result = times(result, self.below(i))
        return result

    def q(self, agent: int) -> Poly:
        """q_i as a polynomial in u, over all sets of others above."""
        terms = []
        for above, beneath in splits([j for j in self.agents if j != agent]):
            left = ONE - sum((self.demand[j] for j in above), ZERO)
            share = min(self.demand[agent], max(ZERO, left))
            terms.append(tuple(share * x for x in self.chance(above, beneath)))
        return add(*terms)

    def worst(self, agent: int, holding: Any) -> Between:
        """u of the worst-off type: the least with q_i >= min(r_i, k_i)."""
        return root(interim(self, agent), min(Fraction(holding), self.demand[agent]))

    def common(self) -> Between:
        """u of the common worst-off type."""
        return root(add(*(interim(self, i) for i in self.agents)), ONE)

    def star(self) -> list[Between]:
        """r*, each between two fractions."""
        low, high = self.common()
        return [(at(interim(self, i), low), at(interim(self, i), high)) for i in self.agents]

    def welfare(self) -> Fraction:
        """E W: the layers of the supply that nobody above a type uses, taken away."""
        idle = ZERO
        for above, beneath in splits(self.agents):
            left = max(ZERO, ONE - sum((self.demand[j] for j in above), ZERO))
            idle += left * at(integral(self.chance(above, beneath)), ONE)
        return self.low + ONE - idle

    def rent(self, agent: int) -> Fraction:
        """The integral of (1 - F_i) q_i."""
        return at(integral(times(self.chance([agent], []), interim(self, agent))), ONE)

    def mean(self, agent: int) -> Fraction:
        """E theta_i."""
        return self.low + Fraction(self.power[agent], self.power[agent] + 1)

    def phi(self, agent: int, holding: Any) -> Between:
        """The integral of q_i up to the worst-off type, less that type times min(r_i, k_i)."""
        amount, area = min(Fraction(holding), self.demand[agent]), integral(interim(self, agent))
        low, high = self.worst(agent, amount)
        values = [at(area, u) - (self.low + u) * amount for u in (low, high)]
        slope = at(interim(self, agent), low) - amount  # of a convex function whose least value is in between
        return min(values[1], values[0] + slope * (high - low)), min(values)

    def surplus(self, holding: Sequence[Any]) -> Between:
        """Pi_r: equation (11)."""
        fixed = self.welfare() - sum(map(self.rent, self.agents), ZERO)
        parts = [self.phi(i, r) for i, r in enumerate(holding)]
        return fixed + sum(low for low, _ in parts), fixed + sum(high for _, high in parts)


@cache
def spot(demand: tuple[Fraction, ...], power: tuple[int, ...], low: Fraction) -> Spot:
    """One object per market, so that what is computed for it is kept."""
    return Spot(demand, power, low)


@cache
def interim(market: Spot, agent: int) -> Poly:
    """q_i of a market, computed once."""
    return market.q(agent)


EXAMPLE: dict[str, Any] = {
    **{"demand": [Fraction(2, 3), Fraction(1, 2), Fraction(3, 4)], "power": [1, 2, 3], "low": 1},
    "holding": [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)],
}
VALUES = (
    "demand in {1/2, 1}, low in {0, 1}; 2 agents with power in {1, 2} and holdings in quarters, or 3 agents with "
    "powers (1, 1, 1) or (1, 2, 2) and holdings in halves"
)


def example(**changes: Any) -> Any:
    """A lift for proofs in aggregate variables: a market that meets the hypotheses."""
    return lambda value: {**EXAMPLE, **changes}


def document(instance: Instance) -> dict[str, Any]:
    """The market as a model document, with the holdings (or equal shares) as endowments."""
    agents = len(instance["demand"])
    power, held = instance.get("power", [1] * agents), instance.get("holding", [Fraction(1, agents)] * agents)
    low = instance.get("low", 0)
    rows = [
        {"name": f"agent {i + 1}", "demand": k, "endowment": r, "distribution": {"family": "power", "p": p}}
        for i, (k, r, p) in enumerate(zip(instance["demand"], held, power, strict=True))
    ]
    return {"mechanism": "forward_market", "title": "A counterexample", "support": [low, low + 1], "agents": rows}


def simplex(agents: int, step: int) -> Iterator[list[Fraction]]:
    """All holdings in multiples of 1/step."""
    for parts in itertools.product(range(step + 1), repeat=agents - 1):
        if sum(parts) <= step:
            yield [*(Fraction(p, step) for p in parts), Fraction(step - sum(parts), step)]


def markets(*, held: bool = True, lows: Sequence[int] = (0, 1)) -> list[dict[str, Any]]:
    """The grid described by VALUES; without holdings where they do not matter."""
    found = []
    for agents, step in ((2, 4), (3, 2)):
        for demand in itertools.product([Fraction(1, 2), ONE], repeat=agents):
            for power in itertools.product([1, 2], repeat=2) if agents == 2 else ((1, 1, 1), (1, 2, 2)):
                for low in lows:
                    plain = {"demand": list(demand), "power": list(power), "low": low}
                    found += [{**plain, "holding": r} for r in simplex(agents, step)] if held else [plain]
    return found


def criterion(instance: Instance, agent: int, corrected: bool = False) -> Fraction:
    """The integral of k_i - q_i over the support; corrected, with low k_i besides."""
    spot = Spot.of(instance)
    area = at(integral(interim(spot, agent)), Fraction(1))
    return Fraction(spot.demand[agent] * (1 + (spot.low if corrected else 0)) - area)


def least(instance: Instance, corrected: bool) -> list[int]:
    """The agents with the least criterion."""
    values = [criterion(instance, i, corrected) for i in range(len(instance["demand"]))]
    return [i for i, value in enumerate(values) if value == min(values)]
