"""Interim allocations for demands off any lattice, by meeting in the middle: 2^(n/2) sets a half instead of 2^(n-1).

With the agents in two halves, S a set of one half and D' the random total of the other,

    q_i = sum over S without i of P(S) / (1 - a_i) [H(S) - H(S with i)],   H(S) = E(1 - k(S) - D')^+,

and H is two running sums over the sorted totals of the other half. Source: liu2020, Section 3 (q_i); ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
UNIT = float(np.finfo(np.float64).eps) / 2
LARGEST = 40  # agents
CELLS = 2_000_000
NEVER = 1e-30  # stands for a probability of 0 as a divisor; moves no result by more than agents * 1e-30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halves:
    """Totals of all sets of each half, and where they meet; they do not depend on the types.

    Attributes:
        members: agents of the two halves.
        total: of every set of a half (bit j of the index: member j), units of supply.
        order: of the totals, ascending, those below the supply only.
        meeting: for each set of a half, how many totals of the OTHER half fit beside it.
    """

    members: tuple[NDArray[np.intp], NDArray[np.intp]]
    total: tuple[Floats, Floats]
    order: tuple[NDArray[np.intp], NDArray[np.intp]]
    meeting: tuple[NDArray[np.intp], NDArray[np.intp]]


def prepare(demand: Floats) -> Halves:
    """The totals of two halves of the agents, large and small demands dealt out evenly."""
    by_size = np.argsort(-demand, kind="stable")
    members = (np.sort(by_size[0::2]), np.sort(by_size[1::2]))
    total = (_totals(demand[members[0]]), _totals(demand[members[1]]))
    order, meeting = [], []
    for half in (0, 1):
        ascending = np.argsort(total[half], kind="stable")
        order.append(ascending[: int(np.searchsorted(total[half][ascending], 1.0))])
        other = total[1 - half]
        meeting.append(np.searchsorted(np.sort(other[other < 1.0]), 1.0 - total[half]))
    return Halves(members=members, total=total, order=(order[0], order[1]), meeting=(meeting[0], meeting[1]))


def _totals(demand: Floats) -> Floats:
    total = np.zeros(1)
    for value in demand.tolist():
        total = np.concatenate([total, total + value])
    return total


def allocations(halves: Halves, below: Floats) -> tuple[Floats, Floats, Floats]:
    """q_i of all agents at every type, as `leave_one_out.allocations` gives them.

    Args:
        halves: of the demands.
        below: F_j(t), shape (types, agents).

    Returns:
        q, shape (types, agents), its error bound, and E(1 - D)^+, shape (types,).
    """
    types, agents = below.shape
    value, idle = np.empty((types, agents)), np.empty(types)
    step = max(1, CELLS // max(total.size for total in halves.total))
    for start in range(0, types, step):
        part = slice(start, min(start + step, types))
        columns = np.ascontiguousarray(below[part].T)
        out = np.maximum(columns, NEVER)
        chance = [_chances(out[members], 1.0 - columns[members]) for members in halves.members]
        for half in (0, 1):
            left = _left(halves, half, chance[1 - half])
            if half == 0:
                idle[part] = (chance[0] * left).sum(axis=0)
            for bit, agent in enumerate(halves.members[half].tolist()):
                shape = (-1, 2, 2**bit, columns.shape[1])
                without = chance[half].reshape(shape)[:, 0] / out[agent]
                gain = left.reshape(shape)
                value[part, agent] = (without * (gain[:, 0] - gain[:, 1])).sum(axis=(0, 1))
    longest = sum(total.size for total in halves.total)
    return value, np.full_like(value, (2 * longest + 4 * agents) * UNIT), idle


def _chances(out: Floats, above: Floats) -> Floats:
    """The probability of every set of a half, shape (sets, types)."""
    chance = np.ones((1, out.shape[1]))
    for absent, present in zip(out, above, strict=True):
        chance = np.concatenate([chance * absent, chance * present])
    return chance


def _left(halves: Halves, half: int, other: Floats) -> Floats:
    """H(S) for every set of a half, shape (sets, types)."""
    order = halves.order[1 - half]
    totals = halves.total[1 - half][order]
    weight = np.zeros((order.size + 1, other.shape[1]))
    moment = np.zeros_like(weight)
    np.cumsum(other[order], axis=0, out=weight[1:])
    np.cumsum(other[order] * totals[:, None], axis=0, out=moment[1:])
    room, fits = 1.0 - halves.total[half], halves.meeting[half]
    return np.maximum(room[:, None] * weight[fits] - moment[fits], 0.0)
