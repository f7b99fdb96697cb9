"""Interim efficient allocations of all agents from one shared distribution of total demand.

With D the total demand of those whose type is above t, and a = P(type of i above t),

    q_i(t) = E(1 - D_-i)^+ - E(1 - k_i - D_-i)^+ = [G(1) - G_-i(1 - k_i)] / (1 - a),   G(x) = E(x - D)^+,
    G_-i(1 - k_i) = sum over m >= 1 of (-1)^(m-1) a^(m-1) / (1 - a)^m G(1 - m k_i):

one distribution for all agents, and floor(1/k_i) terms each. The terms alternate; where their sizes say that rounding
could matter, the agent is left out by divide and conquer instead, which only adds positive numbers. Few agents on a
small lattice are done by `both_ends`, which does too.
Source: liu2020, Section 3 (q_i); the series is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market import both_ends
from mechopt.mechanisms.forward_market.sums import Sums

UNIT = float(np.finfo(np.float64).eps) / 2
EXTENDED = float(np.finfo(np.longdouble).eps) / 2  # 5e-20 where the platform has 80 bits, else that of a float
GOOD_ENOUGH = 1e-13  # absolute error of the series at which divide and conquer is not worth its time
TINY = 1e-300  # covers what underflow can take from a shortfall or an allocation
CELLS = 2_000_000  # numbers in one distribution; more types are done in chunks

Floats = NDArray[np.float64]


def allocations(
    sums: Sums, below: Floats, wanted: NDArray[np.intp], *, compiled: bool = False, extended: bool = False
) -> tuple[Floats, Floats, Floats]:
    """q_i at every type, for the agents wanted.

    Args:
        sums: of the demands of all agents.
        below: F_j(t), shape (types, agents).
        wanted: agents.
        compiled: by numba (an optional extra), where the sums are a lattice.
        extended: in the platform's longest floats, for a bound some thousand times smaller, several times slower; on a
            lattice.

    Returns:
        q, shape (types, wanted); a bound on the absolute error of each that rounding explains (given F); and
        E(1 - D)^+, the supply that nobody above t takes, shape (types,).
    """
    types, agents = below.shape
    if compiled and sums.lattice:
        from mechopt.mechanisms.forward_market import compiled as kernels

        relative = _relative(sums, agents)
        units = np.rint(sums.demand * sums.lattice).astype(np.int64)[sums.class_of]
        enough = max(GOOD_ENOUGH, 4 * relative)
        return kernels.allocations(np.ascontiguousarray(below), units, wanted, sums.lattice, relative, enough)
    value, error = np.empty((types, wanted.size)), np.empty((types, wanted.size))
    idle = np.empty(types)
    few = both_ends.suits(sums, agents)
    step = max(1, both_ends.CELLS // (sums.size * agents) if few else CELLS // sums.size)
    for start in range(0, types, step):
        part = slice(start, start + step)
        chunk = below[part].astype(np.longdouble) if extended else below[part]
        found, bound, left = _chunk(sums, chunk, wanted)
        value[part], idle[part] = found, left
        error[part] = bound + UNIT * np.abs(value[part]) if extended else bound
    return value, error, idle


def _chunk(sums: Sums, below: NDArray[Any], wanted: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    columns = np.ascontiguousarray(below.T)
    if both_ends.suits(sums, len(columns)):
        value, idle = both_ends.allocations(sums, columns, wanted)
        # One more rounding a total: sums over those before and over those after.
        relative = _relative(sums, len(columns), _unit(columns)) + (sums.size + 4) * _unit(columns)
        return value.T, relative * value.T + TINY, idle
    shortfall = sums.shortfall(distribution(sums, columns, range(len(columns))))
    value, error = series(sums, columns, shortfall, wanted)
    # Where no supply is left for i even without i in the set, q is 0: G_-i(1) <= G(1) / (1 - a); twice, for rounding.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        most = 2.0 * (shortfall[0] + TINY) / columns[wanted]
    nothing = most < UNIT * UNIT
    value[nothing], error[nothing] = 0.0, most[nothing]
    doubtful = ~(error <= max(GOOD_ENOUGH, 4 * _relative(sums, len(columns), _unit(columns))))
    if doubtful.any():
        at = np.flatnonzero(doubtful.any(axis=0))
        who = doubtful.any(axis=1)
        exact_value = divide_and_conquer(sums, columns[:, at], wanted[who])
        exact_error = _relative(sums, len(columns), _unit(columns)) * exact_value + TINY
        chosen = np.ix_(who, at)
        better = ~(error[chosen] <= exact_error)
        value[chosen] = np.where(better, exact_value, value[chosen])
        error[chosen] = np.where(better, exact_error, error[chosen])
    return value.T, error.T, shortfall[0]


def _relative(sums: Sums, agents: int, unit: float = UNIT) -> float:
    """Relative error of a sum of positive terms made of `agents` convolutions.

    A term is rounded twice for each agent outside the set, three times for each inside (1 - F is rounded too), and once
    for each sum that it is added to on its way into a shortfall. So many agents only fit into a set below the supply.
    """
    return (2 * agents + min(agents, sums.crowd) + sums.size + 8) * unit


def _unit(values: NDArray[Any]) -> float:
    """Rounding of one operation."""
    return EXTENDED if values.dtype == np.longdouble else UNIT


def distribution(sums: Sums, below: Floats, agents: range) -> Floats:
    """The distribution of the total demand of those above, shape (sums, types); `below` has shape (agents, types)."""
    chance = sums.start(below.shape[1], below.dtype)
    for agent in agents:
        sums.add(chance, agent, below[agent], 1.0 - below[agent])
    return chance


def series(sums: Sums, below: Floats, shortfall: Floats, wanted: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """q and the error bound by the alternating series, both (wanted, types); NaN or infinite where it fails."""
    out = below[wanted]
    unit = _unit(below)
    relative = _relative(sums, len(below), unit)
    value, size = np.empty_like(out), np.empty_like(out)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        ratio = -(1.0 - out) / out
        for kind in range(len(sums.rows)):
            members = np.flatnonzero(sums.class_of[wanted] == kind)
            if not members.size:
                continue
            factor = 1.0 / out[members]
            left, sizes = np.zeros_like(factor), np.zeros_like(factor)
            for row in sums.rows[kind]:
                gap = shortfall[row]
                term = np.where(gap > 0.0, factor * gap, 0.0)
                left += term
                sizes += np.abs(term) + np.abs(factor) * (TINY / relative)
                factor = factor * ratio[members]
            value[members] = (shortfall[0] - left) / out[members]
            length = 1 + 3 * sums.rows[kind].size * unit / relative  # powers of the ratio, three roundings each
            size[members] = (shortfall[0] + TINY / relative + sizes * length) / out[members]
        return value, size * relative


def divide_and_conquer(sums: Sums, below: Floats, wanted: NDArray[np.intp]) -> Floats:
    """q by leaving agents out half by half, shape (wanted, types); sums of positive terms only."""
    agents, types = below.shape
    value = np.empty((wanted.size, types), dtype=below.dtype)
    place = {int(agent): index for index, agent in enumerate(wanted)}
    # Those not wanted are in every distribution; the others are taken in an order of their own.
    chance = sums.start(types, below.dtype)
    for agent in range(agents):
        if agent not in place:
            sums.add(chance, agent, below[agent], 1.0 - below[agent])
    # On a lattice in steps, which are whole numbers and take no rounding.
    steps = sums.lattice or 1
    room = steps - np.arange(sums.size) if sums.lattice else sums.gap[0]
    most = np.rint(sums.demand * steps) if sums.lattice else sums.demand

    def leave_out(chance: Floats, members: list[int]) -> None:
        if len(members) == 1:
            taken = np.minimum(room, most[sums.class_of[members[0]]])
            value[place[members[0]]] = taken @ chance / steps
            return
        middle = len(members) // 2
        for kept, added in ((members[:middle], members[middle:]), (members[middle:], members[:middle])):
            part = chance.copy()
            for agent in added:
                sums.add(part, agent, below[agent], 1.0 - below[agent])
            leave_out(part, kept)

    leave_out(chance, [int(agent) for agent in wanted])
    return value
