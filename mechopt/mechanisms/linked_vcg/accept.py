"""What a market is given, checked before anything is allocated: one clear line for what is wrong.

`Environment` checks a whole horizon; a market that runs date by date gets its bounds and each date's reports apart.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import check_types
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.vertices import as_fractions


def accept_bounds(
    knapsack: Knapsack, lower: ArrayLike, upper: ArrayLike, dates: int, discount: Any
) -> tuple[NDArray[Any], NDArray[Any], Any]:
    """Bounds on the averages and the discount of a market.

    Args:
        knapsack: stock and types; where these are exact rationals, so is everything.
        lower: least averages >= 0, shape (agents, types).
        upper: largest averages, shape (agents, types).
        dates: T >= 1.
        discount: beta in (0, 1].

    Returns:
        Lower, upper and discount in the knapsack's arithmetic.

    Raises:
        InstanceError: names the bound, agent and type at fault.
    """
    check_types(knapsack.types, knapsack.stock, knapsack.type_names)
    if not isinstance(dates, int | np.integer) or dates < 1:
        raise InstanceError(f"must be a whole number of dates, at least 1, not {dates}", key="dates")
    try:
        beta = exact.parse(discount)
    except ValueError as error:
        raise InstanceError(str(error), key="discount") from None
    if not 0 < beta <= 1:
        raise InstanceError(f"must be above 0 and at most 1, not {discount}", key="discount")
    kinds = len(knapsack.types)
    low = accept(lower, (None, kinds), "lower", exactly=knapsack.exact)
    high = accept(upper, (None, kinds), "upper", exactly=knapsack.exact)
    if low.shape != high.shape:
        raise InstanceError(f"has shape {low.shape}, upper has {high.shape}", key="lower")
    crossed = np.argwhere(np.asarray(low > high, dtype=bool))
    if crossed.size:
        agent, kind = crossed[0].tolist()
        raise InstanceError(
            f"{low[agent, kind]} is above upper = {high[agent, kind]} (agent {agent + 1}, "
            f"type {knapsack.type_names[kind]})",
            key="lower",
        )
    # Fraction: a whole number to a negative power would be a float.
    return low, high, Fraction(beta) if knapsack.exact else float(beta)


def accept(
    values: ArrayLike, shape: tuple[int | None, int], name: str, *, exactly: bool, later: bool = False
) -> NDArray[Any]:
    """Finite numbers >= 0 of one arithmetic, shape (agents, types).

    Args:
        values: numbers; anything numpy makes an array of.
        shape: required; None for any number of agents, at least 1.
        name: for messages.
        exactly: as Fractions, else as float64.
        later: floats are not looked at here; who reads them anyway calls `refuse` where one is no quantity.

    Raises:
        InstanceError: names the entry at fault, counted from 1.
    """
    array = np.asarray(values)
    agents, kinds = shape
    if array.ndim != 2 or array.shape[1] != kinds or agents not in (None, array.shape[0]) or array.shape[0] == 0:
        wanted = f"({'at least 1' if agents is None else agents}, {kinds})"
        raise InstanceError(f"has shape {array.shape}, not {wanted} [agent][type]", key=name)
    if array.dtype.kind not in "iufO":
        raise InstanceError("must be numbers", key=name)
    if exactly or array.dtype == object:
        try:
            array = as_fractions(array)
        except ValueError as error:
            raise InstanceError(str(error), key=name) from None
        if not exactly:
            array = np.array([exact.as_float(value) for value in array.ravel().tolist()]).reshape(array.shape)
    else:
        array = array.astype(np.float64, copy=False)
        if not later and not (array.min() >= 0 and array.max() < np.inf):
            refuse(array, name)
        return array
    below = np.argwhere(np.asarray(array < 0, dtype=bool))
    if below.size:
        agent, kind = below[0].tolist()
        raise InstanceError(
            f"must be at least 0, not {array[agent, kind]} (agent {agent + 1}, type {kind + 1})", key=name
        )
    return array


def refuse(array: NDArray[np.float64], name: str) -> NoReturn:
    """Say which entry is negative or not finite."""
    agent, kind = np.argwhere(~((array >= 0) & (array < np.inf)))[0].tolist()
    raise InstanceError(
        f"must be finite and at least 0, not {array[agent, kind]} (agent {agent + 1}, type {kind + 1})", key=name
    )
