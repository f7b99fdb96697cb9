"""Decimals and fractions as whole numbers of a unit: what the integer ledger and exact decisions calculate with."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.environment import Environment

DECIMALS = 15


def scaled(array: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Integers and a denominator with array = integers / denominator exactly; floats count as shortest decimals.

    Returns:
        int64 where sums over a few thousand agents fit, else objects; and the denominator.
    """
    if array.dtype.kind == "f":
        largest = float(np.abs(array).max(initial=0.0))
        for decimals in range(DECIMALS + 1):
            power = 10.0**decimals
            if largest * power >= 1e15:
                break
            integers = np.rint(array * power)
            if np.array_equal(integers / power, array):
                return integers.astype(np.int64), 10**decimals
    parsed = [Fraction(exact.parse(value)) for value in array.ravel().tolist()]
    denominator = exact.lcm_of_denominators(parsed)
    result = np.empty(len(parsed), dtype=object)
    result[:] = [int(value * denominator) for value in parsed]
    return result.reshape(array.shape), denominator


def in_units(array: NDArray[Any], unit: Fraction, key: str) -> NDArray[Any]:
    """An array as whole multiples of a unit, as Python integers.

    Raises:
        InstanceError: an entry is none.
    """
    integers, denominator = scaled(array)
    factor = Fraction(1, denominator) / unit
    flat = [int(value) * factor.numerator for value in integers.ravel().tolist()]
    for place, value in enumerate(flat):
        if value % factor.denominator:
            period, agent, decision = (int(i) + 1 for i in np.unravel_index(place, array.shape))
            shown = exact.show(exact.parse(array.ravel()[place]))
            raise InstanceError(
                f"{shown} is not a whole multiple of output_unit = {exact.show(unit)}, which "
                f"the integer ledger needs (at period {period}, agent {agent}, decision {decision})",
                key=key,
            )
    result = np.empty(len(flat), dtype=object)
    result[:] = [value // factor.denominator for value in flat]
    return result.reshape(array.shape)


def comparable(environment: Environment) -> NDArray[Any]:
    """Stated values as integers whose sums compare as the values do."""
    return scaled(environment.values)[0]
