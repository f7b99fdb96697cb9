"""Families on an interval: uniform, power and beta, each a law of u in [0, 1] stretched over [low, high]."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from mechopt import exact
from mechopt.distributions.base import Distribution, Size, number, positive, shifted_moment, store
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray


class Ranged(Distribution, frozen=True, kw_only=True):
    """A law of u in [0, 1], scaled to [low, high].

    Attributes:
        low: end of the support.
        high: other end, above it.
    """

    low: Any = 0
    high: Any = 1

    def __post_init__(self) -> None:
        low, high = number(self.low, "low"), number(self.high, "high")
        if not low < high or not exact.as_float(low) < exact.as_float(high):
            raise InstanceError(f"must be above low = {exact.show(self.low)}, not {exact.show(self.high)}", key="high")
        store(self, low=low, high=high)

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """The exact ends of the support."""
        return self.low, self.high

    @property
    def width(self) -> float:
        """high - low."""
        return exact.as_float(self.high - self.low)

    def unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values stand in the support: 0 at its low end and below, 1 at its high end and above."""
        low, high = self.support
        array = np.asarray(values, dtype=np.float64)
        return np.where(array >= high, 1.0, np.clip((array - low) / self.width, 0.0, 1.0))

    def cdf(self, values: ArrayLike) -> NDArray[np.float64]:
        return self.unit_cdf(self.unit(values))

    def sf(self, values: ArrayLike) -> NDArray[np.float64]:
        low, high = self.support
        array = np.asarray(values, dtype=np.float64)
        rest = np.where(array <= low, 1.0, np.clip((high - array) / self.width, 0.0, 1.0))
        return self.unit_sf(rest)

    def pdf(self, values: ArrayLike) -> NDArray[np.float64]:
        low, high = self.support
        array = np.asarray(values, dtype=np.float64)
        outside = (array < low) | (array > high)
        return np.where(outside, 0.0, self.unit_pdf(self.unit(values)) / self.width)

    def quantile(self, levels: ArrayLike) -> NDArray[np.float64]:
        low, high = self.support
        array = np.asarray(levels, dtype=np.float64)
        valid = (array >= 0) & (array <= 1)
        unit = self.unit_quantile(np.where(valid, array, 0.0))
        return np.where(valid, np.clip(low + unit * self.width, low, high), np.nan)

    @property
    def mean(self) -> float:
        return exact.as_float(self.low + (self.high - self.low) * self.unit_moment(1))

    @property
    def variance(self) -> float:
        return exact.as_float((self.high - self.low) ** 2 * (self.unit_moment(2) - self.unit_moment(1) ** 2))

    def exact_cdf(self, value: int | Fraction) -> Fraction | None:
        unit = (Fraction(value) - self.low) / (self.high - self.low)
        return Fraction(0) if unit <= 0 else Fraction(1) if unit >= 1 else self.exact_unit_cdf(unit)

    def exact_quantile(self, level: int | Fraction) -> Fraction | None:
        if level in (0, 1):
            return self.ends[int(level)]
        if not 0 < level < 1:
            return None
        unit = self.exact_unit_quantile(Fraction(level))
        return None if unit is None else self.low + (self.high - self.low) * unit

    def exact_moment(self, degree: int) -> Fraction | None:
        return shifted_moment(degree, self.low, self.high - self.low, self.unit_moment)

    # What a family gives, all on [0, 1].
    def unit_cdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(U <= u)."""
        raise NotImplementedError

    def unit_sf(self, rest: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(U > 1 - rest)."""
        raise NotImplementedError

    def unit_pdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """The density of U."""
        raise NotImplementedError

    def unit_quantile(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of the cdf of U."""
        raise NotImplementedError

    def unit_moment(self, degree: int) -> Fraction:
        """E U^degree: rational in all these families, whatever their parameters."""
        raise NotImplementedError

    def exact_unit_cdf(self, unit: Fraction) -> Fraction | None:
        """P(U <= u), exact, for u in (0, 1)."""
        raise NotImplementedError

    def exact_unit_quantile(self, level: Fraction) -> Fraction | None:
        """The inverse of the cdf of U, exact, for levels in (0, 1)."""
        raise NotImplementedError


class Uniform(Ranged, frozen=True, kw_only=True, tag="uniform"):
    """Equally likely everywhere in [low, high]."""

    def unit_cdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        return unit

    def unit_sf(self, rest: NDArray[np.float64]) -> NDArray[np.float64]:
        return rest

    def unit_pdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones_like(unit)

    def unit_quantile(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        return levels

    def unit_moment(self, degree: int) -> Fraction:
        return Fraction(1, degree + 1)

    def exact_unit_cdf(self, unit: Fraction) -> Fraction:
        return unit

    def exact_unit_quantile(self, level: Fraction) -> Fraction:
        return level


class Power(Ranged, frozen=True, kw_only=True, tag="power"):
    """F(u) = u^exponent on the unit interval; `p` is the exponent, above 0."""

    p: Any

    def __post_init__(self) -> None:
        store(self, p=positive(self.p, "p"))
        Ranged.__post_init__(self)

    def unit_cdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.power(unit, float(self.p))

    def unit_sf(self, rest: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return -np.expm1(float(self.p) * np.log1p(-rest))

    def unit_pdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return float(self.p) * np.power(unit, float(self.p - 1))

    def unit_quantile(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.power(levels, float(1 / self.p))

    def unit_moment(self, degree: int) -> Fraction:
        return Fraction(self.p, self.p + degree)

    def exact_unit_cdf(self, unit: Fraction) -> Fraction | None:
        return exact.power(unit, self.p)

    def exact_unit_quantile(self, level: Fraction) -> Fraction | None:
        return exact.power(level, 1 / self.p)


class Beta(Ranged, frozen=True, kw_only=True, tag="beta"):
    """Density proportional to u^(a-1) (1-u)^(b-1) on the unit interval; a and b are above 0."""

    a: Any
    b: Any

    def __post_init__(self) -> None:
        store(self, a=positive(self.a, "a"), b=positive(self.b, "b"))
        Ranged.__post_init__(self)

    def unit_cdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import betainc

        return np.asarray(betainc(float(self.a), float(self.b), unit))

    def unit_sf(self, rest: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import betainc

        return np.asarray(betainc(float(self.b), float(self.a), rest))

    def unit_pdf(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.stats import beta

        return np.asarray(beta.pdf(unit, float(self.a), float(self.b)))

    def unit_quantile(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import betaincinv

        return np.asarray(betaincinv(float(self.a), float(self.b), levels))

    def sample(self, generator: Generator, size: Size) -> NDArray[np.float64]:
        return float(self.low) + self.width * generator.beta(float(self.a), float(self.b), size)

    def unit_moment(self, degree: int) -> Fraction:
        result = Fraction(1)
        for k in range(degree):
            result *= Fraction(self.a + k, self.a + self.b + k)
        return result

    def exact_unit_cdf(self, unit: Fraction) -> Fraction | None:
        if self.a.denominator > 1 or self.b.denominator > 1:
            return None
        # A beta variable with whole a, b is the a-th smallest of a + b - 1 uniform ones.
        a, count = int(self.a), int(self.a + self.b) - 1
        return sum((comb(count, k) * unit**k * (1 - unit) ** (count - k) for k in range(a, count + 1)), Fraction(0))

    def exact_unit_quantile(self, level: Fraction) -> Fraction | None:
        if self.b == 1:
            return exact.power(level, 1 / self.a)
        if self.a == 1:
            rest = exact.power(1 - level, 1 / self.b)
            return None if rest is None else 1 - rest
        return None
