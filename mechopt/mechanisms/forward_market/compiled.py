"""The passes of `leave_one_out.py` on a lattice for numba: an optional extra, imported where it pays.

Same formulas, one type at a time; sums run in another order, so that the last digits may differ.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

TINY = 1e-300


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # numba publishes no types
def _add(chance: Any, reach: int, units: int, out: float) -> int:
    """Convolve one agent into a distribution in place; returns the largest total that can occur now."""
    above, steps = 1.0 - out, chance.size
    last = min(reach + units, steps - 1)
    for place in range(last, units - 1, -1):
        chance[place] = chance[place] * out + chance[place - units] * above
    for place in range(min(units, last + 1)):
        chance[place] *= out
    return last


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def distributions(below: Any, units: Any, steps: int) -> Any:
    """The distribution of the total of those above at every type, shape (types, steps)."""
    types, agents = below.shape
    chance = np.zeros((types, steps))
    for place in range(types):
        chance[place, 0] = 1.0
        reach = 0
        for agent in range(agents):
            reach = _add(chance[place], reach, units[agent], below[place, agent])
    return chance


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _shortfall(chance: Any, table: Any) -> None:
    """table[m] = E(m / steps - D)^+ for m = 0..steps."""
    weight = total = 0.0
    table[0] = 0.0
    for place in range(chance.size):
        weight += chance[place]
        total += weight
        table[place + 1] = total / chance.size


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def allocations(below: Any, units: Any, wanted: Any, steps: int, relative: float, enough: float) -> Any:
    """q, its error bound and E(1 - D)^+, as `leave_one_out.allocations` gives them, on a lattice.

    Args:
        below: F_j(t), shape (types, agents).
        units: demands in steps, shape (agents,).
        wanted: agents.
        steps: of the lattice to the supply.
        relative: relative error of a sum of positive terms.
        enough: error of the series at which it is left at that.
    """
    types, agents = below.shape
    value, error = np.empty((types, wanted.size)), np.empty((types, wanted.size))
    idle, table = np.empty(types), np.empty(steps + 1)
    flagged, chance = np.zeros(agents, dtype=np.int64), np.empty(steps)
    depth = 2
    while 2 ** (depth - 2) < agents + 1:
        depth += 1
    buffers, reaches = np.empty((depth, steps)), np.zeros(depth, dtype=np.int64)
    for place in range(types):
        chance[:] = 0.0
        chance[0] = 1.0
        reach = 0
        for agent in range(agents):
            reach = _add(chance, reach, units[agent], below[place, agent])
        _shortfall(chance, table)
        idle[place] = table[steps]
        flagged[:] = -1
        count = 0
        for index in range(wanted.size):
            agent = wanted[index]
            found, bound = _series(table, units[agent], below[place, agent], steps, relative)
            value[place, index], error[place, index] = found, bound
            if not bound <= enough:
                flagged[agent] = index
                count += 1
        if count:
            _divide(below[place], units, flagged, buffers, reaches, value[place], error[place], relative)
    return value, error, idle


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _series(table: Any, units: int, out: float, steps: int, relative: float) -> Any:
    """q and its error bound by the alternating series; an infinite bound where out is 0."""
    if out <= 0.0:
        return 0.0, np.inf
    most = 2.0 * (table[steps] + TINY) / out
    if most < 1e-32:
        return 0.0, most
    ratio, factor = -(1.0 - out) / out, 1.0 / out
    left = sizes = 0.0
    place = steps - units
    while place > 0:
        term = factor * table[place]
        left += term
        sizes += abs(term) + abs(factor) * (TINY / relative)
        factor *= ratio
        place -= units
    length = 1.0 + 3.0 * (steps // units) * 1.2e-16 / relative
    return (table[steps] - left) / out, (table[steps] + TINY / relative + sizes * length) / out * relative


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _divide(
    below: Any, units: Any, flagged: Any, buffers: Any, reaches: Any, value: Any, error: Any, relative: float
) -> None:
    """Leave the flagged agents out half by half; `buffers` holds one distribution a depth."""
    steps = buffers.shape[1]
    members = np.empty(flagged.size, dtype=np.int64)
    count = 0
    buffers[0, :] = 0.0
    buffers[0, 0] = 1.0
    reach = 0
    for agent in range(flagged.size):
        if flagged[agent] >= 0:
            members[count] = agent
            count += 1
        else:
            reach = _add(buffers[0], reach, units[agent], below[agent])
    reaches[0] = reach
    # A node: members [first, last) are left out at a depth; [start, stop) join those of the depth above.
    stack = np.empty((4 * buffers.shape[0] + 8, 5), dtype=np.int64)
    stack[0] = 0, count, 0, 0, 0
    top = 1
    while top:
        top -= 1
        first, last, depth, start, stop = stack[top]
        if depth:
            buffers[depth] = buffers[depth - 1]
            reach = reaches[depth - 1]
            for place in range(start, stop):
                reach = _add(buffers[depth], reach, units[members[place]], below[members[place]])
            reaches[depth] = reach
        if last - first == 1:
            agent, taken = members[first], 0.0
            for place in range(reaches[depth] + 1):
                taken += buffers[depth, place] * min(steps - place, units[agent])
            index = flagged[agent]
            value[index] = taken / steps
            error[index] = value[index] * relative + TINY
            continue
        middle = (first + last) // 2
        stack[top] = middle, last, depth + 1, first, middle
        stack[top + 1] = first, middle, depth + 1, middle, last
        top += 2
