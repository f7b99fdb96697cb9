"""A claims problem in rationals, a rule with a memory, and a property with its violations: what axioms are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np

from mechopt.mechanisms.overage.awards.rules import Award

Vector = tuple[Fraction, ...]
Violation = dict[str, Any]


def total_of(values: Vector) -> Fraction:
    """The exact sum."""
    return sum(values, Fraction(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An estate and claims on it, 0 <= estate <= sum of claims.

    Attributes:
        estate: E, units.
        claims: d, units.
    """

    estate: Fraction
    claims: Vector

    @property
    def total(self) -> Fraction:
        """D, the sum of claims."""
        return total_of(self.claims)

    def with_claim(self, position: int, claim: Fraction) -> Problem:
        """The same problem with one claim changed."""
        return Problem(estate=self.estate, claims=(*self.claims[:position], claim, *self.claims[position + 1 :]))


class Remembered:
    """A rule in exact arithmetic that computes each problem once.

    Args:
        award: called as award(estate, claim) with a Fraction and an array of Fractions.
    """

    def __init__(self, award: Award) -> None:
        self._award = award
        self._known: dict[tuple[Fraction, Vector], Vector] = {}

    def __call__(self, estate: Fraction, claims: Vector) -> Vector:
        """The awards."""
        key = (estate, claims)
        if key not in self._known:
            column = np.empty(len(claims), dtype=object)
            column[...] = claims
            self._known[key] = tuple(Fraction(value) for value in self._award(estate, column).tolist())
        return self._known[key]


Violations = Callable[[Remembered, Problem], Iterator[Violation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A property of claims rules.

    Attributes:
        name: what tables call it.
        statement: what it asks, in a line.
        violations: called as violations(rule, problem); yields what violates it at this problem, and near it.
        ordered: True where problems with sorted claims do not cover all, because names matter.
    """

    name: str
    statement: str
    violations: Violations
    ordered: bool = False


def problems(people: int, largest: int, *, ordered: bool = False, parts: int = 2) -> Iterator[Problem]:
    """All problems with whole claims and an estate in parts of a unit, the smallest ones first.

    Args:
        people: at most how many claimants.
        largest: claim.
        ordered: every order of the claims; else only ascending ones.
        parts: of a unit in which the estate is counted.
    """
    for count in range(1, people + 1):
        found = [
            claims
            for claims in product(range(largest + 1), repeat=count)
            if any(claims) and (ordered or all(a <= b for a, b in pairwise(claims)))
        ]
        for claims in sorted(found, key=lambda claims: (sum(claims), max(claims), claims)):
            vector = tuple(map(Fraction, claims))
            for step in range(parts * sum(claims) + 1):
                yield Problem(estate=Fraction(step, parts), claims=vector)
