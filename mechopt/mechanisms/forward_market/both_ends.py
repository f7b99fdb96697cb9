"""Interim allocations of few agents on a small lattice, each left out between those before and those after him.

With D' the total demand of the agents before i above t, and D'' that of those after him,

    q_i = sum over s of P(D' = s) E min(k_i, (1 - s - D'')^+):

two running distributions for all agents and one small matrix product each. All terms are positive, so that nothing
cancels and no agent has to be done again. Source: liu2020, Section 3 (q_i); ours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market.sums import Sums

Floats = NDArray[Any]
AGENTS, STEPS = 32, 128  # up to which it is faster than the series
CELLS = 200_000  # numbers in all distributions of one pass: what stays in a processor's cache


def suits(sums: Sums, agents: int) -> bool:
    """Whether the lattice and the agents are few enough."""
    return agents <= AGENTS and 0 < sums.lattice <= STEPS


@lru_cache(maxsize=256)
def _taken(steps: int, units: int) -> Floats:
    """min(k, (1 - s - s')^+) in steps, for totals s and s' of the lattice, shape (steps, steps)."""
    place = np.arange(steps)
    found = np.clip(steps - place[:, None] - place, 0, units).astype(np.float64)
    found.flags.writeable = False
    return found


def allocations(sums: Sums, below: Floats, wanted: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """q, shape (wanted, types), and E(1 - D)^+, shape (types,).

    Args:
        sums: a lattice's.
        below: F_j(t), shape (agents, types).
        wanted: agents.
    """
    agents, types = below.shape
    units = np.rint(sums.demand * sums.lattice).astype(np.intp)[sums.class_of].tolist()
    above, steps = 1.0 - below, sums.lattice
    before = np.zeros((agents + 1, steps, types), dtype=below.dtype)
    before[0, 0] = 1.0
    reach = 1
    for agent, step in enumerate(units):
        reach = _add(before[agent], before[agent + 1], step, below[agent], above[agent], reach)
    idle = (steps - np.arange(steps)).astype(np.float64) @ before[agents] / steps
    value = np.empty((wanted.size, types), dtype=below.dtype)
    place = {agent: row for row, agent in enumerate(wanted.tolist())}
    after, spare = np.zeros((steps, types), dtype=below.dtype), np.zeros((steps, types), dtype=below.dtype)
    after[0] = 1.0
    reach = 1
    for agent in range(agents - 1, -1, -1):
        if agent in place:
            taken = _taken(steps, units[agent])[:, :reach] @ after[:reach]
            np.einsum("st,st->t", before[agent], taken, out=value[place[agent]])
        reach = _add(after, spare, units[agent], below[agent], above[agent], reach)
        after, spare = spare, after
    return value / steps, idle


def _add(old: Floats, new: Floats, step: int, out: Floats, in_: Floats, reach: int) -> int:
    """The distribution with one agent more, written to `new`; gives how many totals it reaches."""
    steps = old.shape[0]
    further = min(reach + step, steps)
    np.multiply(old[:reach], out, out=new[:reach])
    new[reach:further] = 0.0
    if step < steps:
        new[step:further] += old[: further - step] * in_
    return further
