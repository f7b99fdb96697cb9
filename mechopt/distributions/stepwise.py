"""Distributions given by points: discrete, empirical samples, and a piecewise linear cdf."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mechopt import exact
from mechopt.distributions.base import Distribution, increasing, numbers, probabilities, store
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Atomic(Distribution, frozen=True, kw_only=True):
    """All probability on finitely many points."""

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        return self.atoms[0][0], self.atoms[-1][0]

    def cdf(self, values: ArrayLike) -> NDArray[np.float64]:
        points, below, _ = _steps(self)
        array = np.asarray(values, dtype=np.float64)
        return np.where(np.isnan(array), np.nan, below[np.searchsorted(points, array, side="right")])

    def sf(self, values: ArrayLike) -> NDArray[np.float64]:
        points, _, above = _steps(self)
        array = np.asarray(values, dtype=np.float64)
        return np.where(np.isnan(array), np.nan, above[np.searchsorted(points, array, side="right")])

    def pdf(self, values: ArrayLike) -> NDArray[np.float64]:
        del values
        raise InstanceError(f"a {self.__struct_config__.tag} distribution has no density; use its atoms")

    def quantile(self, levels: ArrayLike) -> NDArray[np.float64]:
        points, below, _ = _steps(self)
        array = np.asarray(levels, dtype=np.float64)
        valid = (array >= 0) & (array <= 1)
        place = np.searchsorted(below[1:], np.where(valid, array, 0.0), side="left")
        return np.where(valid, points[place], np.nan)

    @property
    def mean(self) -> float:
        return exact.as_float(self.exact_moment(1))

    @property
    def variance(self) -> float:
        return exact.as_float(self.exact_moment(2) - self.exact_moment(1) ** 2)

    def exact_cdf(self, value: int | Fraction) -> Fraction:
        return exact_steps(self.atoms, value)

    def exact_quantile(self, level: int | Fraction) -> Fraction | None:
        if not 0 <= level <= 1:
            return None
        points, cumulated = _exact_steps(self)
        return points[bisect_left(cumulated, level)]

    def exact_moment(self, degree: int) -> Fraction:
        return Fraction(exact.total(chance * point**degree for point, chance in self.atoms))


def exact_steps(atoms: tuple[tuple[Fraction, Fraction], ...], value: int | Fraction) -> Fraction:
    """The probability of the atoms at or below a value."""
    return Fraction(exact.total(chance for point, chance in atoms if point <= value))


@lru_cache(maxsize=256)
def _exact_steps(distribution: Distribution) -> tuple[list[Fraction], list[Fraction]]:
    """Points, and the probability up to each of them."""
    points, cumulated, so_far = [], [], Fraction(0)
    for point, chance in distribution.atoms:
        so_far += chance
        points.append(point)
        cumulated.append(so_far)
    return points, cumulated


@lru_cache(maxsize=256)
def _steps(distribution: Distribution) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points [n], the probability of the first k of them [n + 1], and of all but the first k [n + 1]."""
    points, cumulated = _exact_steps(distribution)
    below = np.array([0.0, *map(exact.as_float, cumulated)])
    above = np.array([1.0, *(exact.as_float(1 - value) for value in cumulated)])
    return np.array([exact.as_float(point) for point in points]), below, above


class Discrete(Atomic, frozen=True, kw_only=True, tag="discrete"):
    """Given points with given probabilities.

    Attributes:
        points: strictly increasing.
        probs: of each, summing to 1.
    """

    points: Any
    probs: Any

    def __post_init__(self) -> None:
        points = numbers(self.points, "points")
        increasing(points, "points")
        store(self, points=points, probs=probabilities(self.probs, "probs", len(points)))

    @property
    def atoms(self) -> tuple[tuple[Fraction, Fraction], ...]:
        return tuple(pair for pair in zip(self.points, self.probs, strict=True) if pair[1] > 0)


class Empirical(Atomic, frozen=True, kw_only=True, tag="empirical"):
    """Observed values, each as likely as any other.

    Attributes:
        samples: at least one number, in any order.
    """

    samples: Any

    def __post_init__(self) -> None:
        store(self, samples=tuple(sorted(numbers(self.samples, "samples"))))

    @property
    def atoms(self) -> tuple[tuple[Fraction, Fraction], ...]:
        return _counted(self)


@lru_cache(maxsize=256)
def _counted(distribution: Empirical) -> tuple[tuple[Fraction, Fraction], ...]:
    counts = Counter(distribution.samples)
    return tuple((point, Fraction(counts[point], len(distribution.samples))) for point in sorted(counts))


class PiecewiseLinear(Distribution, frozen=True, kw_only=True, tag="piecewise_linear"):
    """A cdf that is linear between given points: a histogram.

    Attributes:
        points: strictly increasing, at least two.
        levels: the cdf at each, from 0 to 1, not decreasing; the first and the last piece rise.
    """

    points: Any
    levels: Any

    def __post_init__(self) -> None:
        points, levels = numbers(self.points, "points"), numbers(self.levels, "levels")
        increasing(points, "points")
        if len(points) < 2 or len(levels) != len(points):
            raise InstanceError(f"needs at least 2 numbers, one a point; there are {len(levels)} for {len(points)}",
                                key="levels")  # fmt: skip
        if levels[0] != 0 or levels[-1] != 1:
            raise InstanceError("must begin with 0 and end with 1", key="levels")
        for place in range(1, len(levels)):
            if levels[place] < levels[place - 1]:
                raise InstanceError("a cdf never falls", key=f"levels[{place + 1}]")
        if levels[1] == 0 or levels[-2] == 1:
            raise InstanceError("the first and the last piece must rise; leave out points beyond the support",
                                key="levels")  # fmt: skip
        store(self, points=points, levels=levels)

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        return self.points[0], self.points[-1]

    def cdf(self, values: ArrayLike) -> NDArray[np.float64]:
        points, levels, _ = _pieces(self)
        return np.asarray(np.interp(np.asarray(values, dtype=np.float64), points, levels))

    def sf(self, values: ArrayLike) -> NDArray[np.float64]:
        points, _, above = _pieces(self)
        return np.asarray(np.interp(np.asarray(values, dtype=np.float64), points, above))

    def pdf(self, values: ArrayLike) -> NDArray[np.float64]:
        points, levels, _ = _pieces(self)
        array = np.asarray(values, dtype=np.float64)
        slope = np.concatenate([[0.0], np.diff(levels) / np.diff(points), [0.0]])
        place = np.searchsorted(points, array, side="right")
        return np.where(array == points[-1], slope[-2], slope[place])

    def quantile(self, levels: ArrayLike) -> NDArray[np.float64]:
        points, heights, _ = _pieces(self)
        array = np.asarray(levels, dtype=np.float64)
        valid = (array >= 0) & (array <= 1)
        level = np.where(valid, array, 0.0)
        end = np.maximum(np.searchsorted(heights, level, side="left"), 1)
        rise = heights[end] - heights[end - 1]
        share = (level - heights[end - 1]) / rise
        inside = points[end - 1] + share * (points[end] - points[end - 1])
        return np.where(valid, np.minimum(inside, points[end]), np.nan)

    @property
    def mean(self) -> float:
        return exact.as_float(self.exact_moment(1))

    @property
    def variance(self) -> float:
        return exact.as_float(self.exact_moment(2) - self.exact_moment(1) ** 2)

    def exact_cdf(self, value: int | Fraction) -> Fraction:
        if value <= self.points[0]:
            return Fraction(0)
        if value >= self.points[-1]:
            return Fraction(1)
        end = bisect_right(self.points, value)
        return _between(value, self.points[end - 1 : end + 1], self.levels[end - 1 : end + 1])

    def exact_quantile(self, level: int | Fraction) -> Fraction | None:
        if not 0 <= level <= 1:
            return None
        end = max(bisect_left(self.levels, level), 1)
        return _between(level, self.levels[end - 1 : end + 1], self.points[end - 1 : end + 1])

    def exact_moment(self, degree: int) -> Fraction:
        parts = (
            (self.levels[end] - self.levels[end - 1])
            * (self.points[end] ** (degree + 1) - self.points[end - 1] ** (degree + 1))
            / ((degree + 1) * (self.points[end] - self.points[end - 1]))
            for end in range(1, len(self.points))
        )
        return Fraction(exact.total(parts))


def _between(value: int | Fraction, old: tuple[Fraction, ...], new: tuple[Fraction, ...]) -> Fraction:
    return new[0] + (value - old[0]) * (new[1] - new[0]) / (old[1] - old[0])


@lru_cache(maxsize=256)
def _pieces(
    distribution: PiecewiseLinear,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points, the cdf at them, and 1 minus it."""
    return (
        np.array([exact.as_float(point) for point in distribution.points]),
        np.array([exact.as_float(level) for level in distribution.levels]),
        np.array([exact.as_float(1 - level) for level in distribution.levels]),
    )
