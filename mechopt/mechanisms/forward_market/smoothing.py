"""Continuous type distributions from samples, by Bernstein polynomials or by a kernel.

The empirical cdf at k/m, k = 1..m, smoothed by a Bernstein polynomial of degree m, is a mixture of beta laws with whole
parameters: a cdf on the whole support, with a density above 0 inside, and exact where the samples are. A kernel puts a
normal density, cut to the support, around each sample: local where a polynomial is global, but not exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.distributions import Beta, Distribution, Empirical, Mixture
from mechopt.distributions.base import positive
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.kernel import Kernel

LARGEST_DEGREE = 200
LARGEST_SAMPLE = 2_000  # different values of a kernel smoother: each is a density
KEYS = ("family", "samples", "smoothing", "degree", "bandwidth")
SMOOTHERS = {"bernstein": "degree", "kernel": "bandwidth"}
Support = tuple[int | Fraction, int | Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Observed values, and how they are to be smoothed: the same way for a resample of them.

    Attributes:
        values: in any order.
        smoothing: "bernstein" or "kernel".
        width: degree of the polynomial, or bandwidth of the kernel in units of the values.
    """

    values: tuple[Fraction, ...]
    smoothing: str
    width: int | Fraction

    def law(self, values: Sequence[Fraction], support: Support) -> Distribution:
        """The smoothed distribution of these values, or of a resample.

        Raises:
            InstanceError: a value lies outside the support, or too many are different.
        """
        if self.smoothing == "kernel":
            return kernel(values, Fraction(self.width), support)
        return bernstein(values, int(self.width), support)


def smooth(table: Mapping[str, Any], support: Support) -> Distribution:
    """The smoothed distribution that a table `{ family = "empirical", samples = [...] }` describes; see `read`."""
    found = read(table)
    return found.law(found.values, support)


def read(table: Mapping[str, Any]) -> Samples:
    """The samples of a table `{ family = "empirical", samples = [...], smoothing = "bernstein", degree = m }`.

    Args:
        table: `smoothing` may be left out: "bernstein"; so may `degree`: the number of samples to the power 2/3.
            With `smoothing = "kernel"` there is `bandwidth` instead, which is Silverman's where it is left out.

    Raises:
        InstanceError: names the key and what is allowed.
    """
    for name in table:
        if name not in KEYS:
            raise InstanceError(f"unknown key {exact.show(name)}{nearest(str(name), KEYS)}")
    if "samples" not in table:
        raise InstanceError("is missing", key="samples")
    samples = Empirical(samples=table["samples"]).samples
    how = table.get("smoothing", "bernstein")
    if not isinstance(how, str) or how not in SMOOTHERS:
        raise InstanceError(f'must be "bernstein" or "kernel", not {exact.show(how)}', key="smoothing")
    for other, key in SMOOTHERS.items():
        if other != how and key in table:
            raise InstanceError(f'belongs to smoothing = "{other}", not to "{how}"', key=key)
    width = _degree(table.get("degree"), samples) if how == "bernstein" else _bandwidth(table.get("bandwidth"), samples)
    return Samples(values=samples, smoothing=how, width=width)


def _degree(given: Any, samples: Sequence[Fraction]) -> int:
    degree = default_degree(len(samples)) if given is None else given
    if not isinstance(degree, int) or isinstance(degree, bool) or not 1 <= degree <= LARGEST_DEGREE:
        raise InstanceError(f"must be a whole number from 1 to {LARGEST_DEGREE}, not {exact.show(degree)}",
                            key="degree")  # fmt: skip
    return degree


def _bandwidth(given: Any, samples: Sequence[Fraction]) -> Fraction:
    if given is not None:
        return positive(given, "bandwidth")
    values = np.array([exact.as_float(value) for value in samples])
    quarter, three = np.quantile(values, [0.25, 0.75])
    none = 1e-12 * float(np.abs(values).max())  # what rounding leaves of no spread
    spread = min(part for part in (float(values.std()), float(three - quarter) / 1.34, np.inf) if part > none)
    if not np.isfinite(spread):
        raise InstanceError("is needed where all samples are the same", key="bandwidth")
    return Fraction(f"{0.9 * spread * len(samples) ** -0.2:.6g}")  # Silverman 1986, eq. (3.31)


def kernel(samples: Sequence[Fraction], bandwidth: Fraction, support: Support) -> Distribution:
    """A normal density of that width around each sample, cut to the support: each keeps its weight inside.

    Raises:
        InstanceError: a sample lies outside the support, or too many values are different.
    """
    low, high = (Fraction(end) for end in support)
    count = Counter(_inside(samples, low, high))
    if len(count) > LARGEST_SAMPLE:
        raise InstanceError(
            f"has {len(count)} different values; a kernel takes {LARGEST_SAMPLE} at most: round them, or use "
            'smoothing = "bernstein"',
            key="samples",
        )
    if bandwidth > high - low:
        raise InstanceError(f"must be at most the width of the support, not {exact.show(bandwidth)}", key="bandwidth")
    centres = tuple(sorted(count))
    weights = tuple(Fraction(count[value], len(samples)) for value in centres)
    return Kernel(centre=centres, weight=weights, bandwidth=bandwidth, low=low, high=high)


def _inside(samples: Sequence[Fraction], low: Fraction, high: Fraction) -> list[Fraction]:
    ordered = sorted(samples)
    for value in (ordered[0], ordered[-1]):
        if not low <= value <= high:
            raise InstanceError(
                f"{exact.show(value)} is outside the support [{exact.show(low)}, {exact.show(high)}]", key="samples"
            )
    return ordered


def default_degree(count: int) -> int:
    """The degree for a number of samples: their 2/3 power, the rate at which smoothing and noise balance in a cdf."""
    return max(1, min(LARGEST_DEGREE, round(count ** (2 / 3))))


def bernstein(samples: Sequence[Fraction], degree: int, support: Support) -> Distribution:
    """The Bernstein polynomial of that degree through the empirical cdf.

    Raises:
        InstanceError: a sample lies outside the support.
    """
    low, high = (Fraction(end) for end in support)
    ordered = _inside(samples, low, high)
    count, before = len(ordered), 0
    parts, weights = [], []
    for step in range(1, degree + 1):
        upto = bisect_right(ordered, low + (high - low) * Fraction(step, degree))
        if upto > before:
            parts.append(Beta(a=step, b=degree - step + 1, low=low, high=high))
            weights.append(Fraction(upto - before, count))
        before = upto
    return Mixture(components=tuple(parts), weights=tuple(weights))
