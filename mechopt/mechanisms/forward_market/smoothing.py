"""Continuous type distributions from samples, by Bernstein polynomials.

The empirical cdf at k/m, k = 1..m, smoothed by a Bernstein polynomial of degree m, is a mixture of beta laws with whole
parameters: a cdf on the whole support, with a density above 0 inside, and exact where the samples are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.distributions import Beta, Distribution, Empirical, Mixture
from mechopt.errors import InstanceError

LARGEST_DEGREE = 200
KEYS = ("family", "samples", "degree")


def smooth(table: Mapping[str, Any], support: tuple[int | Fraction, int | Fraction]) -> Distribution:
    """The smoothed distribution that a table `{ family = "empirical", samples = [...], degree = m }` describes.

    Args:
        table: `degree` may be left out: the number of samples to the power 2/3.
        support: [low, high]; no sample may lie outside.

    Raises:
        InstanceError: names the key and what is allowed.
    """
    for name in table:
        if name not in KEYS:
            raise InstanceError(f"unknown key {exact.show(name)}{nearest(str(name), KEYS)}")
    if "samples" not in table:
        raise InstanceError("is missing", key="samples")
    samples = Empirical(samples=table["samples"]).samples
    degree = table.get("degree")
    if degree is None:
        degree = default_degree(len(samples))
    if not isinstance(degree, int) or isinstance(degree, bool) or not 1 <= degree <= LARGEST_DEGREE:
        raise InstanceError(f"must be a whole number from 1 to {LARGEST_DEGREE}, not {exact.show(degree)}",
                            key="degree")  # fmt: skip
    return bernstein(samples, degree, support)


def default_degree(count: int) -> int:
    """The degree for a number of samples: their 2/3 power, the rate at which smoothing and noise balance in a cdf."""
    return max(1, min(LARGEST_DEGREE, round(count ** (2 / 3))))


def bernstein(samples: Sequence[Fraction], degree: int, support: tuple[int | Fraction, int | Fraction]) -> Distribution:
    """The Bernstein polynomial of that degree through the empirical cdf.

    Raises:
        InstanceError: a sample lies outside the support.
    """
    low, high = (Fraction(end) for end in support)
    ordered = sorted(samples)
    for value in (ordered[0], ordered[-1]):
        if not low <= value <= high:
            raise InstanceError(
                f"{exact.show(value)} is outside the support [{exact.show(low)}, {exact.show(high)}]", key="samples"
            )
    count, before = len(ordered), 0
    parts, weights = [], []
    for step in range(1, degree + 1):
        upto = bisect_right(ordered, low + (high - low) * Fraction(step, degree))
        if upto > before:
            parts.append(Beta(a=step, b=degree - step + 1, low=low, high=high))
            weights.append(Fraction(upto - before, count))
        before = upto
    return Mixture(components=tuple(parts), weights=tuple(weights))
