"""Mixtures: one of several distributions, drawn first."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mechopt import exact
from mechopt.distributions.base import Distribution, Size, probabilities, store
from mechopt.distributions.stepwise import exact_steps
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

HALVINGS = 1100  # more than it takes to come down from the largest float to the least one


class Mixture(Distribution, frozen=True, kw_only=True, tag="mixture"):
    """Component k with probability weights[k].

    Attributes:
        components: distributions, of any families.
        weights: of each, summing to 1.
    """

    components: Any
    weights: Any

    def __post_init__(self) -> None:
        parts = self.components
        if not isinstance(parts, list | tuple) or not parts or not all(isinstance(p, Distribution) for p in parts):
            raise InstanceError("must be a list of distributions, at least one", key="components")
        weights = probabilities(self.weights, "weights", len(self.components))
        for place, weight in enumerate(weights, 1):
            if weight == 0:
                raise InstanceError("must be above 0; leave the component out", key=f"weights[{place}]")
        store(self, weights=weights, components=tuple(self.components))

    @property
    def ends(self) -> tuple[Fraction | None, Fraction | None]:
        lows = [part.ends[0] for part in self.components]
        highs = [part.ends[1] for part in self.components]
        return (
            None if None in lows else min(low for low in lows if low is not None),
            None if None in highs else max(high for high in highs if high is not None),
        )

    @property
    def atoms(self) -> tuple[tuple[Fraction, Fraction], ...]:
        found: dict[Fraction, Fraction] = {}
        for part, weight in zip(self.components, self.weights, strict=True):
            for point, chance in part.atoms:
                found[point] = found.get(point, Fraction(0)) + weight * chance
        return tuple(sorted(found.items()))

    def _mix(self, part: Callable[[Any], Any]) -> Any:
        return sum(
            float(weight) * part(component) for component, weight in zip(self.components, self.weights, strict=True)
        )

    def _mix_exactly(self, part: Callable[[Any], Fraction | None]) -> Fraction | None:
        parts = [part(component) for component in self.components]
        if any(value is None for value in parts):
            return None
        return Fraction(exact.total(w * value for w, value in zip(self.weights, parts, strict=True)))

    def cdf(self, values: ArrayLike) -> NDArray[np.float64]:
        found = np.clip(self._mix(lambda part: part.cdf(values)), 0.0, 1.0)
        return np.where(np.asarray(values) >= self.support[1], 1.0, found)  # weights as floats may sum to less

    def sf(self, values: ArrayLike) -> NDArray[np.float64]:
        found = np.clip(self._mix(lambda part: part.sf(values)), 0.0, 1.0)
        return np.where(np.asarray(values) < self.support[0], 1.0, found)

    def pdf(self, values: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(self._mix(lambda part: part.pdf(values)))

    def quantile(self, levels: ArrayLike) -> NDArray[np.float64]:
        # Between the components' quantiles, halved until neighbouring floats enclose the answer.
        array = np.asarray(levels, dtype=np.float64)
        all_of = [part.quantile(array) for part in self.components]
        low, high = np.minimum.reduce(all_of), np.maximum.reduce(all_of)
        valid = ~np.isnan(low)
        low = np.where(valid & ~self._reaches(low, array), low, np.nextafter(low, -np.inf))
        for _ in range(HALVINGS):
            middle = low + (high - low) / 2
            inside = (middle > low) & (middle < high)
            if not inside.any():
                break
            enough = self._reaches(middle, array)
            high, low = np.where(inside & enough, middle, high), np.where(inside & ~enough, middle, low)
        return np.where(valid & (array == 0), self.support[0], high)

    def _reaches(self, values: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether cdf(x) >= level; in the upper half by the other tail, where 1 - level has no rounding."""
        return np.where(levels > 0.5, self.sf(values) <= 1 - levels, self.cdf(values) >= levels)

    @property
    def mean(self) -> float:
        return float(self._mix(lambda part: part.mean))

    @property
    def variance(self) -> float:
        mean = self.mean
        return float(self._mix(lambda part: part.variance + (part.mean - mean) ** 2))

    def sample(self, generator: Generator, size: Size) -> NDArray[np.float64]:
        shape = (size,) if isinstance(size, int) else size
        bounds = np.cumsum([float(weight) for weight in self.weights])[:-1]
        chosen = np.searchsorted(bounds, generator.random(shape), side="right")
        result = np.empty(shape)
        for place, part in enumerate(self.components):
            here = chosen == place
            result[here] = part.sample(generator, int(here.sum()))
        return result

    def exact_cdf(self, value: int | Fraction) -> Fraction | None:
        return self._mix_exactly(lambda part: part.exact_cdf(value))

    def exact_quantile(self, level: int | Fraction) -> Fraction | None:
        if level in (0, 1):
            return self.ends[int(level)]
        if sum(chance for _, chance in self.atoms) < 1 or not 0 < level < 1:
            return None
        return next(point for point, _ in self.atoms if exact_steps(self.atoms, point) >= level)

    def exact_moment(self, degree: int) -> Fraction | None:
        return self._mix_exactly(lambda part: part.exact_moment(degree))
