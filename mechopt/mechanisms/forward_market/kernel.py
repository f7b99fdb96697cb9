"""Kernel smoothing of a sample: a normal density around each value, cut to the support so that none leaves it.

The mixture of truncated normals that it is, evaluated for all values at once. Source: Silverman 1986, Section 2.4.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.distributions import Distribution

Floats = NDArray[np.float64]
CELLS = 4_000_000  # points times centres in one pass
HALVINGS = 70


class Kernel(Distribution, frozen=True, kw_only=True, tag="kernel"):
    """Normal densities around centres, each cut to [low, high].

    Attributes:
        centre: different values inside the support, as Fractions.
        weight: of each, summing to 1.
        bandwidth: standard deviation before the cut, above 0.
        low: end of the support.
        high: other end.
    """

    centre: tuple[Fraction, ...]
    weight: tuple[Fraction, ...]
    bandwidth: Fraction
    low: Fraction
    high: Fraction

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """The exact ends of the support."""
        return self.low, self.high

    def _numbers(self) -> tuple[Floats, Floats, float, Floats]:
        """Centres, weights, bandwidth, and the mass of each density inside."""
        from scipy.special import ndtr

        centre = np.array([exact.as_float(value) for value in self.centre])
        weight = np.array([exact.as_float(value) for value in self.weight])
        width, (low, high) = exact.as_float(self.bandwidth), self.support
        return centre, weight, width, ndtr((high - centre) / width) - ndtr((low - centre) / width)

    def _mass(self, values: ArrayLike, sign: float, end: float) -> Floats:
        """P(X <= x) for sign 1 and the low end; P(X > x) for sign -1 and the high end."""
        from scipy.special import ndtr

        centre, weight, width, mass = self._numbers()
        points = np.clip(np.asarray(values, dtype=np.float64), *self.support)
        flat, found = points.ravel(), np.empty(points.size)
        start = ndtr(sign * (end - centre) / width)
        step = max(1, CELLS // centre.size)
        for first in range(0, flat.size, step):
            part = flat[first : first + step, None]
            found[first : first + step] = (ndtr(sign * (part - centre) / width) - start) / mass @ weight
        return np.clip(found, 0.0, 1.0).reshape(points.shape)

    def cdf(self, values: ArrayLike) -> Floats:
        """P(X <= x)."""
        found = self._mass(values, 1.0, self.support[0])
        return np.where(np.asarray(values) >= self.support[1], 1.0, found)  # weights as floats may sum to less

    def sf(self, values: ArrayLike) -> Floats:
        """P(X > x), accurate where it is small."""
        found = self._mass(values, -1.0, self.support[1])
        return np.where(np.asarray(values) < self.support[0], 1.0, found)

    def pdf(self, values: ArrayLike) -> Floats:
        """The density, 0 outside the support."""
        centre, weight, width, mass = self._numbers()
        points = np.asarray(values, dtype=np.float64)
        place = (points[..., None] - centre) / width
        found = np.exp(-(place**2) / 2) / (width * np.sqrt(2 * np.pi)) / mass @ weight
        return np.asarray(np.where((points >= self.support[0]) & (points <= self.support[1]), found, 0.0))

    def quantile(self, levels: ArrayLike) -> Floats:
        """The least x with cdf(x) >= level; NaN outside [0, 1]."""
        wanted = np.asarray(levels, dtype=np.float64)
        low, high = (np.full(wanted.shape, end) for end in self.support)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            reached = np.where(wanted > 0.5, self.sf(middle) <= 1 - wanted, self.cdf(middle) >= wanted)
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        found = np.where(wanted == 0, self.support[0], high)
        return np.where((wanted >= 0) & (wanted <= 1), found, np.nan)

    def _moments(self) -> tuple[float, float]:
        """Mean and variance: those of each cut density, mixed."""
        centre, weight, width, mass = self._numbers()
        ends = (np.array(self.support)[:, None] - centre) / width
        density = np.exp(-(ends**2) / 2) / np.sqrt(2 * np.pi)
        mean = centre + width * (density[0] - density[1]) / mass
        inner = 1.0 + (ends[0] * density[0] - ends[1] * density[1]) / mass - ((density[0] - density[1]) / mass) ** 2
        total = float(weight @ mean)
        return total, float(weight @ (width**2 * inner + (mean - total) ** 2))

    @property
    def mean(self) -> float:
        """E X."""
        return self._moments()[0]

    @property
    def variance(self) -> float:
        """E (X - E X)^2."""
        return self._moments()[1]

    def exact_quantile(self, level: Any) -> Fraction | None:
        """The ends at levels 0 and 1, exactly."""
        return self.ends[int(level)] if level in (0, 1) else None
