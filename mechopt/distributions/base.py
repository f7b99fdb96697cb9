"""What every type distribution answers. Parameters are exact; values in floats, and exact where a family allows it."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import force_setattr

from mechopt import exact
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

Size = int | tuple[int, ...]


class Distribution(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="family", cache_hash=True
):
    """A distribution of real types.

    Methods work elementwise on arrays and give float64 arrays of the same shape. The `exact_` methods give a Fraction,
    or None where the family has no exact value there (it is irrational, or has no closed form).
    """

    @property
    def ends(self) -> tuple[Fraction | None, Fraction | None]:
        """The exact ends of the support; None where it is unbounded."""
        raise NotImplementedError

    @property
    def support(self) -> tuple[float, float]:
        """The ends of the support; infinite where it is unbounded."""
        low, high = self.ends
        return (-np.inf if low is None else exact.as_float(low), np.inf if high is None else exact.as_float(high))

    @property
    def atoms(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Points with positive probability, in order, each with that probability."""
        return ()

    def cdf(self, values: ArrayLike) -> NDArray[np.float64]:
        """P(X <= x)."""
        raise NotImplementedError

    def sf(self, values: ArrayLike) -> NDArray[np.float64]:
        """P(X > x), accurate where it is small."""
        raise NotImplementedError

    def pdf(self, values: ArrayLike) -> NDArray[np.float64]:
        """The density, 0 outside the support.

        Raises:
            InstanceError: there is none, because points have positive probability.
        """
        raise NotImplementedError

    def quantile(self, levels: ArrayLike) -> NDArray[np.float64]:
        """The least x with cdf(x) >= level; the low end of the support at level 0. NaN outside [0, 1]."""
        raise NotImplementedError

    @property
    def mean(self) -> float:
        """E X."""
        raise NotImplementedError

    @property
    def variance(self) -> float:
        """E (X - E X)^2."""
        raise NotImplementedError

    def sample(self, generator: Generator, size: Size) -> NDArray[np.float64]:
        """Independent draws of that shape."""
        return self.quantile(generator.random(size))

    def exact_cdf(self, value: int | Fraction) -> Fraction | None:
        """P(X <= x), exact."""
        del value
        return None

    def exact_quantile(self, level: int | Fraction) -> Fraction | None:
        """The least x with cdf(x) >= level, exact."""
        return self.ends[0] if level == 0 else None

    def exact_moment(self, degree: int) -> Fraction | None:
        """E X^degree, exact."""
        del degree
        return None


def number(value: object, key: str) -> Fraction:
    """The exact value of a parameter.

    Raises:
        InstanceError: not a finite number, or one that floats do not reach.
    """
    try:
        found = Fraction(exact.parse(value))
    except ValueError as error:
        raise InstanceError(str(error), key=key) from None
    if not np.isfinite(exact.as_float(found)):
        raise InstanceError(f"must be within the range of floats, not {exact.show(value)}", key=key)
    return found


def positive(value: object, key: str) -> Fraction:
    """The exact value of a parameter above 0.

    Raises:
        InstanceError: not a finite number, or not above 0.
    """
    found = number(value, key)
    if not exact.as_float(found) > 0:
        raise InstanceError(f"must be above 0 and within the range of floats, not {exact.show(value)}", key=key)
    return found


def numbers(values: object, key: str) -> tuple[Fraction, ...]:
    """The exact values of a list of numbers.

    Raises:
        InstanceError: not a list, empty, or not all finite numbers.
    """
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, list | tuple) or not values:
        raise InstanceError("must be a list of numbers, at least one", key=key)
    return tuple(number(value, f"{key}[{place}]") for place, value in enumerate(values, 1))


def probabilities(values: object, key: str, count: int) -> tuple[Fraction, ...]:
    """The exact values of a list of probabilities that sum to 1.

    Raises:
        InstanceError: another number of them, one below 0, or another sum.
    """
    found = numbers(values, key)
    if len(found) != count:
        raise InstanceError(f"needs {count} numbers, not {len(found)}", key=key)
    for place, value in enumerate(found, 1):
        if value < 0:
            raise InstanceError(f"must be at least 0, not {exact.show(value)}", key=f"{key}[{place}]")
    total = exact.total(found)
    if total != 1:
        raise InstanceError(f'must sum to 1, not {exact.show(total)} (write thirds as "1/3")', key=key)
    return found


def store(target: Distribution, **values: Any) -> None:
    """Put parsed parameters in the place of the written ones."""
    for name, value in values.items():
        force_setattr(target, name, value)


def increasing(points: Iterable[Fraction], key: str) -> None:
    """Refuse points that do not strictly increase.

    Raises:
        InstanceError: names the first that does not.
    """
    row = list(points)
    for place in range(1, len(row)):
        if not row[place] > row[place - 1]:
            raise InstanceError(
                f"must increase: {exact.show(row[place])} follows {exact.show(row[place - 1])}",
                key=f"{key}[{place + 1}]",
            )


def shifted_moment(degree: int, low: Fraction, width: Fraction, unit: Any) -> Fraction | None:
    """E (low + width U)^degree from the moments `unit(k)` of U."""
    parts = [unit(k) for k in range(degree + 1)]
    if any(part is None for part in parts):
        return None
    return sum((comb(degree, k) * low ** (degree - k) * width**k * parts[k] for k in range(degree + 1)), Fraction(0))
