"""Exact numbers: parsing, the exact value of a float, and the exact sign of a difference of totals.

A float stands for the shortest decimal that gives it: 0.1 means one tenth, which is what whoever wrote it meant.
That reading is used wherever a decision depends on a float, so that the decision does not depend on rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_EXPONENT = 400  # beyond every float; keeps "1e999999999" from filling memory
LARGEST_DIGITS = 400  # of an integer as well: products of such numbers stay printable (Python's limit is 4300 digits)
LARGEST_BITS = int(LARGEST_DIGITS * 3.33)


def parse(value: object) -> int | Fraction:
    """The exact value of a number or of text such as "1/3", "0.25" or "1e-3".

    Args:
        value: int, float, Decimal, Fraction or text. A float stands for its shortest decimal.

    Returns:
        An int where the value is whole, else a Fraction.

    Raises:
        ValueError: not a finite number; the message says what was found.
    """
    if not isinstance(value, int | float | Decimal | Fraction | str) and hasattr(value, "item"):
        value = value.item()  # a numpy scalar
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction | str):
        raise ValueError(f"{show(value)} is not a number")
    if isinstance(value, int):
        if value.bit_length() > LARGEST_BITS:
            raise ValueError(f"a whole number of more than {LARGEST_DIGITS} digits is out of range")
        return int(value)
    if isinstance(value, Fraction):
        return _whole(value)
    if isinstance(value, str) and "/" in value:
        parts = [part.strip() for part in value.split("/")]
        if len(parts) != 2 or not all(_is_integer(part) for part in parts):
            raise ValueError(f'{show(value)} is not a number; a fraction is written "1/3"')
        if int(parts[1]) == 0:
            raise ValueError(f"{show(value)} divides by zero")
        return _whole(Fraction(int(parts[0]), int(parts[1])))
    return _whole(_decimal(value))


def _decimal(value: float | Decimal | str) -> Fraction:
    if isinstance(value, str) and (len(value) > LARGEST_DIGITS or "_" in value):
        if len(value) > LARGEST_DIGITS:
            raise ValueError(f"{show(value)} has more than {LARGEST_DIGITS} digits and is out of range")
        raise ValueError(f"{show(value)} is not a number")
    try:
        decimal = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{show(value)} is not a number") from None
    if not decimal.is_finite():
        raise ValueError(f"{show(value)} is not finite")
    if decimal and abs(decimal.adjusted()) > LARGEST_EXPONENT:
        raise ValueError(f"{show(value)} is out of range (the exponent must be within {LARGEST_EXPONENT})")
    if isinstance(value, Decimal) and len(decimal.as_tuple().digits) > LARGEST_DIGITS:
        raise ValueError(f"{show(value)} has more than {LARGEST_DIGITS} digits and is out of range")
    return Fraction(decimal)


def _is_integer(text: str) -> bool:
    digits = text[1:] if text[:1] in "+-" else text
    return digits.isascii() and digits.isdigit() and len(digits) <= LARGEST_DIGITS


def _whole(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value


def show(value: object, width: int = 40) -> str:
    """A value for a message: short, and never itself an error (huge integers, deep nesting)."""
    try:
        if isinstance(value, Fraction):
            decimal = Decimal(value.numerator) / value.denominator
            text = str(decimal if Fraction(decimal) == value else value)
        else:
            text = str(value) if isinstance(value, Decimal) else repr(value)
    except (ValueError, RecursionError):
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= width else text[: width - 3] + "..."


def total(values: Iterable[Any]) -> int | Fraction:
    """The exact sum of numbers of any kind, floats read as their shortest decimals."""
    whole, rest = 0, Fraction(0)
    for value in values:
        number = parse(value)
        if isinstance(number, int):
            whole += number
        else:
            rest += number
    return _whole(rest + whole)


def root(value: Fraction, degree: int) -> Fraction | None:
    """The exact `degree`-th root of a fraction >= 0, or None where it is irrational."""
    from flint import fmpz

    parts = []
    for part in (value.numerator, value.denominator):
        if part < 2 or degree == 1:
            parts.append(part)
            continue
        if degree >= part.bit_length():  # the root lies strictly between 1 and 2
            return None
        candidate = int(fmpz(part).root(degree))
        if candidate**degree != part:
            return None
        parts.append(candidate)
    return Fraction(parts[0], parts[1])


def power(value: int | Fraction, exponent: int | Fraction) -> Fraction | None:
    """value ** exponent for value >= 0 and a rational exponent > 0, or None where it is irrational."""
    exponent = Fraction(exponent)
    base = root(Fraction(value), exponent.denominator)
    return None if base is None else base**exponent.numerator


def integers(values: NDArray[Any]) -> NDArray[np.int64] | None:
    """The same values as int64 where every one is whole and below 2**53 in size, else None."""
    import numpy as np

    if values.dtype.kind in "iu":
        fits = values.dtype != np.uint64 or not values.size or int(values.max()) < 2**63
        return values.astype(np.int64, copy=False) if fits else None
    if values.dtype.kind != "f" or not np.all(np.isfinite(values)):
        return None
    if values.size and float(np.abs(values).max()) >= 2.0**53:
        return None
    whole = values.astype(np.int64)
    return whole if np.array_equal(whole, values) else None


def integer_sum(values: NDArray[np.int64]) -> int:
    """The exact sum of an int64 array as a Python int, also where it exceeds 64 bits."""
    if not values.size:
        return 0
    largest = max(int(values.max()), -int(values.min()))
    if values.size * largest < 2**62:
        return int(values.sum())
    # Two halves that cannot wrap: the high one is signed, the low one is not.
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def sign_of_difference(left: NDArray[Any], right: NDArray[Any], *, estimate: float | None = None) -> int:
    """The exact sign of sum(left) - sum(right).

    Args:
        left: numbers >= 0, shape (n,): float64, int64 or objects (int, Fraction).
        right: numbers >= 0, shape (n,).
        estimate: the difference as a compensated sum, where the caller has it: spares a pass.

    Returns:
        -1, 0 or 1. Floats count as their shortest decimals.
    """
    import numpy as np

    if "f" in (left.dtype.kind, right.dtype.kind) and "O" not in (left.dtype.kind, right.dtype.kind):
        scale = float(np.abs(left).sum(dtype=np.float64) + np.abs(right).sum(dtype=np.float64))
        if estimate is None:
            estimate = float(np.subtract(left, right, dtype=np.float64).sum())
        # What reading each float as a decimal (half an ulp each) and summing pairwise can move, with room to spare.
        if abs(estimate) > 64 * np.finfo(np.float64).eps * scale + left.size * 5e-324:
            return 1 if estimate > 0 else -1
    difference = exact_sum(left) - exact_sum(right)
    return (difference > 0) - (difference < 0)


def exact_sum(values: NDArray[Any]) -> int | Fraction:
    """The exact sum of an array; floats count as their shortest decimals.

    Whole floats and floats with few decimals are summed as scaled integers; the rest one by one.
    """
    import numpy as np

    whole = integers(values)
    if whole is not None:
        return integer_sum(whole)
    if values.dtype.kind == "f":
        largest = float(np.abs(values).max())
        for decimals in range(1, 16):
            if largest * 10.0**decimals >= 1e15:
                break
            # m / 10**d rounds to the float exactly when the float's shortest decimal is m / 10**d (m < 1e15).
            scaled = np.rint(values * 10.0**decimals)
            if np.array_equal(scaled / 10.0**decimals, values):
                return _whole(Fraction(integer_sum(scaled.astype(np.int64)), 10**decimals))
    return total(values.tolist())


def as_float(value: int | float | Fraction) -> float:
    """The nearest float; infinite where it is too large, as IEEE arithmetic has it."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def lcm_of_denominators(values: Sequence[int | Fraction]) -> int:
    """The least common denominator of rationals."""
    return math.lcm(1, *(Fraction(value).denominator for value in values))
