"""Decisions of the groups I, I\\1, ..., I\\n over whole arrays, and what they yield. Source: chassang2021, (2)-(3).

Sums run in agent order, number by number as in `online.py`, so that both agree to the last bit: the sum without agent
i continues the sum over the agents before i.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLOSE = 1e-12  # gap below which float rounding may have chosen: of the two best decisions (relative), of a draw


def without_each(rows: NDArray[Any], axis: int) -> Iterator[NDArray[Any]]:
    """The total over all agents, then over all but agent 1, ..., n, each summed in agent order.

    Args:
        rows: any array.
        axis: of the agents.
    """
    agents = rows.shape[axis]
    parts = [np.take(rows, agent, axis=axis) for agent in range(agents)]
    prefix = np.zeros_like(parts[0])
    prefixes = []
    for part in parts:
        prefixes.append(prefix)
        prefix = prefix + part
    yield prefix
    for left_out in range(agents):
        value = prefixes[left_out]
        for part in parts[left_out + 1 :]:
            value = value + part
        yield value


def decisions(values: NDArray[Any]) -> NDArray[np.int64]:
    """a*(G): the first decision with the largest total stated value, for each group.

    Args:
        values: stated, shape (..., agents, decisions).

    Returns:
        Shape (..., agents + 1).
    """
    return np.stack([np.argmax(totals, axis=-1) for totals in without_each(values, values.ndim - 2)], axis=-1)


def close_calls(values: NDArray[np.float64]) -> tuple[int, int]:
    """How many group decisions were ties, and how many were so close that rounding may have decided.

    Args:
        values: stated, shape (periods, agents, decisions).
    """
    if values.shape[-1] < 2:
        return 0, 0
    ties = close = 0
    for totals in without_each(values, values.ndim - 2):
        top = np.partition(totals, -2, axis=-1)[..., -2:]
        gap = top[..., 1] - top[..., 0]
        ties += int(np.count_nonzero(gap == 0))
        close += int(np.count_nonzero((gap > 0) & (gap <= CLOSE * np.abs(top[..., 1]))))
    return ties, close


def close_draws(shares: NDArray[np.float64], draws: NDArray[np.float64]) -> int:
    """How many draws lie on the border between two groups, or so close that rounding may have decided.

    Args:
        shares: mu, shape (periods, groups).
        draws: numbers in [0, 1), shape (periods,).
    """
    borders = np.cumsum(shares[:, :-1], axis=1)
    near = (borders > 0) & (borders < 1) & (np.abs(borders - draws[:, None]) <= CLOSE)
    return int(near.any(axis=1).sum())


def taken(numbers: NDArray[Any], chosen: NDArray[np.int64]) -> NDArray[Any]:
    """Each agent's number under each group's decision.

    Args:
        numbers: shape (..., agents, decisions).
        chosen: shape (..., groups).

    Returns:
        Shape (..., groups, agents).
    """
    found = np.take_along_axis(numbers, chosen[..., None, :], axis=-1)
    return np.ascontiguousarray(np.swapaxes(found, -1, -2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gaps:
    """Differences of outputs between groups, taken before mixing.

    Attributes:
        allocation: Y(I) - Y(G), shape (..., groups).
        externality: Y_{-i}(I\\i) - Y_{-i}(G), shape (..., groups, agents).
    """

    allocation: NDArray[Any]
    externality: NDArray[Any]


def gaps(outputs: NDArray[Any]) -> Gaps:
    """The differences for outputs under each group's decision, shape (..., groups, agents)."""
    everybody, *others = without_each(outputs, outputs.ndim - 1)
    without = np.stack(others, axis=-1)
    own = np.stack([other[..., agent + 1] for agent, other in enumerate(others)], axis=-1)
    return Gaps(allocation=everybody[..., :1] - everybody, externality=own[..., None, :] - without)
