"""Beliefs about how long an agent needs the resource: atoms and densities on [0, 1]. Source: zheng2023, Section 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.distributions import Beta, Distribution, Mixture, PiecewiseLinear, Power, Uniform
from mechopt.distributions.stepwise import Atomic
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.values import Coefficients, add, evaluate, multiply, trim

LARGEST_DEGREE = 60  # of a density as a polynomial; beyond, nobody wants the exact numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A density between two ends.

    Attributes:
        low: left end.
        high: right end.
        density: coefficients in the time, constant first, its mass included; None where it is no polynomial.
        mass: the probability of this piece.
        law: the distribution whose density, times the mass, this is where `density` is None.
    """

    low: Fraction
    high: Fraction
    density: Coefficients | None
    mass: Fraction
    law: Distribution | None = None

    def floats(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The density at times inside the piece."""
        if self.law is not None:
            low, high = float(self.low), float(self.high)
            # A density may be infinite at an end; its nodes there carry next to no weight.
            inside = np.clip(times, np.nextafter(low, high), np.nextafter(high, low))
            return float(self.mass) * self.law.pdf(inside)
        result = np.zeros(times.shape)
        for c in reversed(self.density or ()):
            result = result * times + float(c)
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """mu_i: the belief about one agent's time.

    Attributes:
        atoms: (time, probability), times increasing.
        pieces: densities, polynomials on pieces that do not overlap wherever all are polynomials.
        law: what times are drawn from; None for a belief that is only integrated.
    """

    atoms: tuple[tuple[Fraction, Fraction], ...] = ()
    pieces: tuple[Piece, ...] = ()
    law: Distribution | None = None

    @property
    def low(self) -> Fraction:
        """The least time that is thought possible."""
        return min([*(time for time, _ in self.atoms), *(piece.low for piece in self.pieces)])

    @property
    def high(self) -> Fraction:
        """The greatest time that is thought possible."""
        return max([*(time for time, _ in self.atoms), *(piece.high for piece in self.pieces)])

    def draw(self, generator: np.random.Generator, size: int) -> NDArray[np.float64]:
        """Independent times, shape (size,)."""
        if self.law is None:
            raise InstanceError("this belief has no distribution to draw from", key="time")
        if isinstance(self.law, Uniform):
            result = generator.random(size)
            if (self.law.low, self.law.high) != (0, 1):
                result *= self.law.width
                result += float(self.law.low)
            return result
        return np.asarray(self.law.sample(generator, size), dtype=np.float64)

    def grid(self, size: int) -> list[tuple[Fraction, Fraction]]:
        """(time, probability) on a grid: the atoms, and the middles of equal parts of each density piece.

        The probability of a middle is that of its part, by the midpoint of the density, rescaled to the piece's mass.
        """
        found: dict[Fraction, Fraction] = dict(self.atoms)
        for piece in self.pieces:
            middles = [piece.low + (piece.high - piece.low) * Fraction(2 * k + 1, 2 * size) for k in range(size)]
            if piece.density is not None:
                weights = [evaluate(piece.density, t) for t in middles]
            else:
                rough = piece.floats(np.array([float(t) for t in middles]))
                weights = [Fraction(w).limit_denominator(10**9) for w in rough.tolist()]
            total = sum(weights, Fraction(0))
            for t, weight in zip(middles, weights, strict=True):
                found[t] = found.get(t, Fraction(0)) + piece.mass * weight / total
        return sorted(found.items())


def sure(time: Fraction) -> Times:
    """A time that is known."""
    return Times(atoms=((time, Fraction(1)),))


def from_distribution(law: Distribution) -> Times:
    """A distribution's atoms and densities; densities are exact polynomials where the family allows it."""
    pieces = _pieces(law, Fraction(1))
    if all(piece.density is not None for piece in pieces):
        pieces = _apart(pieces)
    return Times(atoms=law.atoms, pieces=tuple(pieces), law=law)


def _pieces(law: Distribution, mass: Fraction) -> list[Piece]:
    if isinstance(law, Mixture):
        return [piece for part, w in zip(law.components, law.weights, strict=True) for piece in _pieces(part, mass * w)]
    if isinstance(law, Atomic):
        return []
    if isinstance(law, PiecewiseLinear):
        steps = zip(pairwise(law.points), pairwise(law.levels), strict=True)
        return [_flat(low, high, mass * (end - start)) for (low, high), (start, end) in steps if end > start]
    low, high = law.ends
    if low is None or high is None:
        raise InstanceError("times need a least and a greatest value; the distribution has none", key="low")
    if isinstance(law, Uniform):
        return [_flat(low, high, mass)]
    if isinstance(law, Power | Beta):
        a, b = (law.p, Fraction(1)) if isinstance(law, Power) else (law.a, law.b)
        if a.denominator == b.denominator == 1 and a + b <= LARGEST_DEGREE:
            return [Piece(low=low, high=high, density=_beta(int(a), int(b), low, high, mass), mass=mass)]
    return [Piece(low=low, high=high, density=None, mass=mass, law=law)]


def _flat(low: Fraction, high: Fraction, mass: Fraction) -> Piece:
    return Piece(low=low, high=high, density=(mass / (high - low),), mass=mass)


def _beta(a: int, b: int, low: Fraction, high: Fraction, mass: Fraction) -> Coefficients:
    """The beta density over [low, high] as a polynomial: 1 / B(a, b) = a C(a + b - 1, a)."""
    width = high - low
    x, rest = (-low / width, 1 / width), (high / width, -1 / width)
    result: Sequence[Fraction] = [mass * a * comb(a + b - 1, a) / width]
    for factor in [x] * (a - 1) + [rest] * (b - 1):
        result = multiply(result, factor)
    return trim(result)


def _apart(pieces: Sequence[Piece]) -> list[Piece]:
    """The same density as polynomials on pieces that do not overlap."""
    ends = sorted({end for piece in pieces for end in (piece.low, piece.high)})
    found = []
    for low, high in pairwise(ends):
        total: Sequence[Any] = [Fraction(0)]
        for piece in pieces:
            if piece.low <= low and high <= piece.high:
                total = add(total, piece.density or ())
        density = trim(total)
        if any(density):
            mass = sum((c * (high ** (k + 1) - low ** (k + 1)) / (k + 1) for k, c in enumerate(density)), Fraction(0))
            found.append(Piece(low=low, high=high, density=density, mass=mass))
    return found
