"""Families cut to an interval: normal, lognormal and exponential; either end may be left open."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mechopt import exact
from mechopt.distributions.base import Distribution, number, positive, store
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Truncated(Distribution, frozen=True, kw_only=True):
    """A law of the real line, given that it lies in [low, high].

    Attributes:
        low: end of the support; None leaves it where the law ends.
        high: other end, above it; None for none.
    """

    low: Any = None
    high: Any = None

    def __post_init__(self) -> None:
        low = None if self.low is None else number(self.low, "low")
        high = None if self.high is None else number(self.high, "high")
        store(self, low=low, high=high)
        start, end = self.ends
        if start is not None and end is not None and not exact.as_float(start) < exact.as_float(end):
            raise InstanceError(f"must be above low = {exact.show(start)}, not {exact.show(high)}", key="high")
        with np.errstate(all="ignore"):
            moments = self.mean, self.variance
        if not np.isfinite(moments).all():
            raise InstanceError("floats cannot tell the probability inside from 0, or its moments are too large; "
                                "choose another interval or other parameters", key="low")  # fmt: skip

    @property
    def ends(self) -> tuple[Fraction | None, Fraction | None]:
        """The exact ends of the support."""
        return self.low, self.high

    def law(self) -> Any:
        """The frozen scipy distribution behind it."""
        return _law(self)

    def frozen(self) -> Any:
        """Builds it."""
        raise NotImplementedError

    def inward(self, values: ArrayLike) -> NDArray[np.float64]:
        """Values in the scale of the scipy distribution."""
        return np.asarray(values, dtype=np.float64)

    def cdf(self, values: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(self.law().cdf(self.inward(values)))

    def sf(self, values: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(self.law().sf(self.inward(values)))

    def pdf(self, values: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(self.law().pdf(self.inward(values)))

    def quantile(self, levels: ArrayLike) -> NDArray[np.float64]:
        array = np.asarray(levels, dtype=np.float64)
        return np.clip(self.law().ppf(array), *self.support)

    @property
    def mean(self) -> float:
        return float(self.law().mean())

    @property
    def variance(self) -> float:
        return float(self.law().var())

    def exact_cdf(self, value: int | Fraction) -> Fraction | None:
        low, high = self.ends
        if low is not None and value <= low:
            return Fraction(0)
        return Fraction(1) if high is not None and value >= high else None

    def exact_quantile(self, level: int | Fraction) -> Fraction | None:
        return self.ends[int(level)] if level in (0, 1) else None


@lru_cache(maxsize=512)
def _law(distribution: Truncated) -> Any:
    return distribution.frozen()


class TruncatedNormal(Truncated, frozen=True, kw_only=True, tag="truncated_normal"):
    """A normal variable of mean `mu` and standard deviation `sigma` (before the cut), given that it lies inside."""

    mu: Any
    sigma: Any

    def __post_init__(self) -> None:
        store(self, mu=number(self.mu, "mu"), sigma=positive(self.sigma, "sigma"))
        Truncated.__post_init__(self)

    def frozen(self) -> Any:
        from scipy.stats import truncnorm

        low, high = self.support
        mu, sigma = float(self.mu), float(self.sigma)
        return truncnorm((low - mu) / sigma, (high - mu) / sigma, loc=mu, scale=sigma)


class Exponential(Truncated, frozen=True, kw_only=True, tag="exponential"):
    """low (default 0) plus an exponential variable of mean `scale` (before the cut), given that it is below high."""

    scale: Any

    def __post_init__(self) -> None:
        store(self, scale=positive(self.scale, "scale"))
        Truncated.__post_init__(self)

    @property
    def ends(self) -> tuple[Fraction | None, Fraction | None]:
        return Fraction(0) if self.low is None else self.low, self.high

    def frozen(self) -> Any:
        from scipy.stats import expon, truncexpon

        low, high = self.support
        scale = float(self.scale)
        return expon(loc=low, scale=scale) if np.isinf(high) else truncexpon((high - low) / scale, loc=low, scale=scale)


class Lognormal(Truncated, frozen=True, kw_only=True, tag="lognormal"):
    """A variable whose logarithm is normal with mean `mu` and standard deviation `sigma`, given that it lies inside."""

    mu: Any
    sigma: Any

    def __post_init__(self) -> None:
        store(self, mu=number(self.mu, "mu"), sigma=positive(self.sigma, "sigma"))
        if self.low is not None and number(self.low, "low") < 0:
            raise InstanceError(f"must be at least 0, not {exact.show(self.low)}", key="low")
        Truncated.__post_init__(self)

    @property
    def ends(self) -> tuple[Fraction | None, Fraction | None]:
        return Fraction(0) if self.low is None else self.low, self.high

    def limits(self) -> tuple[float, float]:
        """The ends of the support as standardised logarithms."""
        with np.errstate(divide="ignore"):
            low, high = (np.log(self.support) - float(self.mu)) / float(self.sigma)
        return float(low), float(high)

    def frozen(self) -> Any:
        from scipy.stats import truncnorm

        return truncnorm(*self.limits(), loc=float(self.mu), scale=float(self.sigma))

    def inward(self, values: ArrayLike) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(np.asarray(values, dtype=np.float64), 0.0))

    def pdf(self, values: ArrayLike) -> NDArray[np.float64]:
        array = np.asarray(values, dtype=np.float64)
        return np.where(array > 0, Truncated.pdf(self, array) / np.where(array > 0, array, 1.0), 0.0)

    def quantile(self, levels: ArrayLike) -> NDArray[np.float64]:
        array = np.asarray(levels, dtype=np.float64)
        inside = np.clip(np.exp(self.law().ppf(array)), *self.support)
        return np.where(array == 1, self.support[1], inside)

    def log_moment(self, degree: int) -> float:
        """log E X^degree: the normal law moved by degree * sigma has the mass between the limits."""
        low, high = self.limits()
        move = degree * float(self.sigma)
        mass = _log_mass(low - move, high - move) - _log_mass(low, high)
        return degree * float(self.mu) + move**2 / 2 + mass

    @property
    def mean(self) -> float:
        return float(np.exp(self.log_moment(1)))

    @property
    def variance(self) -> float:
        return float(self.mean**2 * max(0.0, np.expm1(self.log_moment(2) - 2 * self.log_moment(1))))


def _log_mass(low: float, high: float) -> float:
    """log of the standard normal probability of (low, high), accurate in both tails."""
    from scipy.special import log_ndtr, ndtr

    if low > 0:
        low, high = -high, -low
    if high > 0:
        return float(np.log1p(-ndtr(low) - ndtr(-high)))
    with np.errstate(divide="ignore"):
        return float(log_ndtr(high) + np.log1p(-np.exp(log_ndtr(low) - log_ndtr(high))))
