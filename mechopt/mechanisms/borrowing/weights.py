"""Beliefs about one time in ball arithmetic: densities, and antiderivatives of powers of the time times the density."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Any, Protocol

from flint import acb, acb_poly, arb

from mechopt.distributions import Power, TruncatedNormal
from mechopt.distributions.truncated import Exponential
from mechopt.mechanisms.borrowing.planes import rational
from mechopt.mechanisms.borrowing.times import Piece

NOWHERE = acb(arb("nan"), arb("nan"))


class Weight(Protocol):
    """A belief's density part; `mass` bounds its integral."""

    mass: Fraction

    def density(self, time: Any) -> Any:
        """The density at a ball; not finite where it is not analytic there."""

    def moments(self, time: Any, count: int, *, real: bool = False) -> list[Any]:
        """For k below the count, an antiderivative of s^k times the density at a ball; all from one lower end.

        Args:
            time: a ball.
            count: of powers, from 0.
            real: whether the ball stands for real times of the support only, so that nothing need be analytic on it.
        """


class PolynomialWeight:
    """A density that is a polynomial.

    Args:
        coefficients: constant first.
        mass: of the piece.
    """

    def __init__(self, coefficients: Sequence[Any], mass: Fraction) -> None:
        self.mass = mass
        self._coefficients = list(coefficients)
        self._density = acb_poly([acb(c) for c in coefficients])

    def density(self, time: Any) -> Any:
        """See `Weight`."""
        return self._density(time)

    def moments(self, time: Any, count: int, *, real: bool = False) -> list[Any]:
        """See `Weight`."""
        powers = [acb(1)]
        for _ in range(count + len(self._coefficients)):
            powers.append(powers[-1] * time)
        return [
            sum((acb(c) * powers[k + j + 1] / (k + j + 1) for j, c in enumerate(self._coefficients)), acb(0))
            for k in range(count)
        ]


class PowerWeight:
    """A density proportional to a power of the way from the low end, such as that of a maximum of several times.

    Args:
        piece: where it stands, and its mass.
        power: p of F(u) = u^p.
    """

    def __init__(self, piece: Piece, power: Fraction) -> None:
        self.mass = piece.mass
        self._low, self._width, self._power = piece.low, piece.high - piece.low, power

    def density(self, time: Any) -> Any:
        """See `Weight`."""
        unit = (time - rational(self._low)) / rational(self._width)
        if not unit.real > 0:
            return NOWHERE
        return unit ** acb(rational(self._power - 1)) * rational(self._power * self.mass / self._width)

    def moments(self, time: Any, count: int, *, real: bool = False) -> list[Any]:
        """See `Weight`."""
        low, width, p = self._low, self._width, self._power
        unit = (time - rational(low)) / rational(width)
        if unit.is_zero():
            return [acb(0)] * count
        if unit.real > 0:
            share = unit ** acb(rational(p))
        elif real and unit.real.upper() > 0:  # between nothing and what there is at its far end
            share = acb(arb(0).union(unit.real.upper() ** arb(rational(p))))
        else:
            return [NOWHERE] * count
        found = [share * rational(self.mass)]
        for _ in range(count - 1):
            found.append(found[-1] * unit)
        return [
            sum((found[j] * rational(p / (p + j) * comb(k, j) * low ** (k - j) * width**j) for j in range(k + 1)),
                acb(0))
            for k in range(count)
        ]  # fmt: skip


class NormalWeight:
    """A truncated normal density, by the error function and integration by parts.

    Args:
        piece: where it stands, and its mass.
        mu: mean before the cut.
        sigma: standard deviation before the cut.
    """

    def __init__(self, piece: Piece, mu: Fraction, sigma: Fraction) -> None:
        self.mass = piece.mass
        self._mu, self._sigma = acb(rational(mu)), acb(rational(sigma))
        half = [self._share(acb(rational(end))) for end in (piece.low, piece.high)]
        self._scale = acb(rational(piece.mass)) / (half[1] - half[0])

    def _share(self, time: Any) -> Any:
        return ((time - self._mu) / (self._sigma * acb(2).sqrt())).erf() / 2

    def density(self, time: Any) -> Any:
        """See `Weight`."""
        z = (time - self._mu) / self._sigma
        return self._scale * (-z * z / 2).exp() / (self._sigma * (2 * acb.pi()).sqrt())

    def moments(self, time: Any, count: int, *, real: bool = False) -> list[Any]:
        """See `Weight`."""
        peak, square = self.density(time), self._sigma**2
        found = [self._scale * self._share(time)]
        power = acb(1)
        for k in range(count - 1):
            before = k * found[k - 1] if k else acb(0)
            found.append(self._mu * found[k] - square * power * peak + square * before)
            power = power * time
        return found[:count]


class ExponentialWeight:
    """A truncated exponential density, by integration by parts.

    Args:
        piece: where it stands, and its mass.
        scale: mean before the cut.
    """

    def __init__(self, piece: Piece, scale: Fraction) -> None:
        self.mass = piece.mass
        self._low, self._scale = acb(rational(piece.low)), acb(rational(scale))
        inside = 1 - (-acb(rational(piece.high - piece.low)) / self._scale).exp()
        self._height = acb(rational(piece.mass)) / (self._scale * inside)

    def density(self, time: Any) -> Any:
        """See `Weight`."""
        return self._height * (-(time - self._low) / self._scale).exp()

    def moments(self, time: Any, count: int, *, real: bool = False) -> list[Any]:
        """See `Weight`."""
        height = self.density(time)
        found: list[Any] = []
        power = acb(1)
        for k in range(count):
            before = k * found[k - 1] if k else acb(0)
            found.append(self._scale * (before - power * height))
            power = power * time
        return found


def weight(density: Any) -> Weight | None:
    """A part's density (a polynomial of flint, or a `Piece`) in ball arithmetic; None for a law that has none here."""
    if not isinstance(density, Piece):
        coefficients = density.coeffs()
        return PolynomialWeight(
            coefficients, sum((abs(Fraction(int(c.p), int(c.q))) for c in coefficients), Fraction(0))
        )
    law = density.law
    if isinstance(law, Power):
        return PowerWeight(density, Fraction(law.p))
    if isinstance(law, TruncatedNormal):
        return NormalWeight(density, Fraction(law.mu), Fraction(law.sigma))
    if isinstance(law, Exponential):
        return ExponentialWeight(density, Fraction(law.scale))
    return None
