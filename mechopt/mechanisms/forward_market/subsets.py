"""Interim allocations by the sum over all sets of the others: the definition, for small n and for tests.

Source: liu2020, Appendix A.6 (the printed sum for r_i*).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray


def allocation(agent: int, below: Sequence[Any], demand: Sequence[Any]) -> Any:
    """q_i at one type, in the arithmetic of the numbers given (Fractions stay exact).

    Args:
        agent: i.
        below: F_j(t) of every agent.
        demand: k_j of every agent.
    """
    others = [other for other in range(len(demand)) if other != agent]
    total = demand[agent] * 0
    for present in product((False, True), repeat=len(others)):
        chance, room = total * 0 + 1, total * 0 + 1
        for other, above in zip(others, present, strict=True):
            chance = chance * (1 - below[other] if above else below[other])
            room -= demand[other] if above else 0
        total += chance * min(demand[agent], max(total * 0, room))
    return total


def allocations(below: NDArray[np.float64], demand: NDArray[np.float64]) -> NDArray[np.float64]:
    """q_i of all agents at one type in floats, by doubling the list of sets; shape (agents,)."""
    value = np.empty(demand.size)
    for agent in range(demand.size):
        room, chance = np.ones(1), np.ones(1)
        for other in range(demand.size):
            if other != agent:
                room = np.concatenate([room, room - demand[other]])
                chance = np.concatenate([chance * below[other], chance * (1.0 - below[other])])
        value[agent] = np.clip(room, 0.0, demand[agent]) @ chance
    return value
