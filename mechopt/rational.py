"""Exact numbers in bulk: reading floats as decimals, square systems by python-flint, float sums with a proven bound."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import CertificateError

EPSILON = float(np.finfo(np.float64).eps)
TINY = 1e-300  # covers what underflow can lose per term
# More digits than products of doubles can need; a step that is not exact raises.
EXACT = decimal.Context(prec=20_000, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
_DECIMALS = msgspec.json.Decoder(list[Decimal])


def decimals(values: NDArray[Any]) -> list[Any]:
    """Each number exactly: finite floats as their shortest decimals (Decimal), objects as Fractions."""
    if values.dtype == object:
        return [Fraction(exact.parse(value)) for value in values.tolist()]
    # The JSON writer prints the shortest decimal, and ten times as fast as repr.
    return _DECIMALS.decode(msgspec.json.encode(values.tolist()))


def rational(value: Any) -> Any:
    """A number (int, Fraction, Decimal) as flint's fmpq."""
    import flint

    return value if isinstance(value, flint.fmpq) else flint.fmpq(*value.as_integer_ratio())


def fraction(value: Any) -> Fraction:
    """flint's fmpq as a Fraction."""
    return Fraction(int(value.p), int(value.q))


def integers(numbers: list[Any]) -> tuple[list[int], int]:
    """Numbers as integers over one common denominator, which comes second; Decimals within the EXACT context."""
    if not numbers or not isinstance(numbers[0], Decimal):
        scale = exact.lcm_of_denominators(numbers)
        return [int(number * scale) for number in numbers], scale
    shift = max(0, *(-int(number.as_tuple().exponent) for number in numbers))
    return [int(number.scaleb(shift)) for number in numbers], 10**shift


def solve_square(matrix: list[int], right: list[Any], scale: int) -> list[Any]:
    """x with (matrix / scale) x = right, exactly, and multiplied back as a check.

    Args:
        matrix: row by row, length k * k.
        right: fmpq, length k.
        scale: of the matrix.

    Raises:
        ZeroDivisionError: the matrix is singular.
        CertificateError: the solution does not check.
    """
    import flint

    size = len(right)
    common = exact.lcm_of_denominators([fraction(value) for value in right])
    side = flint.fmpz_mat(size, 1, [int((value * common).p) for value in right])
    square = flint.fmpz_mat(size, size, matrix)
    found = square.solve(side)
    if square * found != flint.fmpq_mat(side):
        raise CertificateError("the rational solution does not check")
    return [value * scale / common for value in found.entries()]


def sums_with_bound(
    group: NDArray[Any], terms: NDArray[np.float64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of products by group, and how far each can be from the exact one.

    Args:
        group: of each term, 0..size - 1.
        terms: each the rounded product of two numbers that were rounded themselves.
        size: number of groups.

    Returns:
        The sums, and a bound on the error of each: reading, multiplying and adding in floats.
    """
    count = np.bincount(group, minlength=size)
    total = np.bincount(group, weights=np.abs(terms), minlength=size)
    slack = np.asarray(total * (count + 8) * EPSILON + (count + 1) * TINY, dtype=np.float64)
    return np.bincount(group, weights=terms, minlength=size).astype(np.float64), slack
