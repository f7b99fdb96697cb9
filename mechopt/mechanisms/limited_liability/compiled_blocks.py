"""What a block of periods needs before its regrets are known, for numba: decisions, and outputs under them.

Neither depends on the regrets (but in Appendix A.1), so that the periods of a block lie side by side in memory and one
instruction serves several. Numbers are those of `online.py` to the last bit: sums that are kept run in agent order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba as nb
import numpy as np

from mechopt.mechanisms.limited_liability.lockstep import CLOSE

LARGEST = 16  # periods of a block
FEW = 8  # decisions that are all compared: leaving some out costs more than it saves
CACHE = 2_000  # numbers of a block's tables, each, that are to stay close to the processor

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compiled on its first call, and kept for later processes; numbers as in numpy, without fast-math."""
    compiled: Function = nb.njit(cache=True, error_model="numpy")(function)
    return compiled


def inlined(function: Function) -> Function:
    """The same for small functions on the way: passing arrays on takes time of its own."""
    compiled: Function = nb.njit(cache=True, error_model="numpy", forceinline=True)(function)
    return compiled


@jit
def length(agents: int) -> int:
    """How many periods make a block."""
    return int(max(1, min(LARGEST, CACHE // (agents * (agents + 1)))))


@jit
def _in_order(values: Any, period: int, left_out: int) -> int:
    """a*(I\\i) by sums in agent order."""
    best, most = 0, -np.inf
    for decision in range(values.shape[2]):
        worth = 0.0
        for agent in range(values.shape[1]):
            if agent != left_out:
                worth += values[period, agent, decision]
        if worth > most:
            best, most = decision, worth
    return best


@jit
def _rivals(values: Any, period: int, totals: Any, rivals: Any) -> int:
    """Y of each decision into `totals`, and into `rivals` those that could be best without somebody; returns how many.

    The best of all loses at most the largest of its values: who is further behind stays behind.
    """
    _, agents, count = values.shape
    if count <= FEW:
        for decision in range(count):
            total = 0.0
            for agent in range(agents):
                total += values[period, agent, decision]
            totals[decision] = total
            rivals[decision] = decision
        return count
    totals[:] = 0.0
    for agent in range(agents):
        for decision in range(count):
            totals[decision] += values[period, agent, decision]
    most = totals[0]
    for decision in range(1, count):
        most = max(totals[decision], most)
    best = 0
    for decision in range(count):  # sought on its own: a comparison that looks up the best so far waits for the last
        best = decision if totals[decision] == most else best
    largest = 0.0
    for agent in range(agents):
        largest = max(largest, values[period, agent, best])
    limit = most - largest - CLOSE * agents * most
    found = 0
    for decision in range(count):
        rivals[found] = decision
        found += 1 if totals[decision] >= limit else 0
    return found


@jit
def decide(values: Any, start: int, size: int, totals: Any, rivals: Any, chosen: Any) -> None:
    """a*(G), the first of the best by sums in agent order, period by period into `chosen`.

    Totals less the agent's own differ from such sums by rounding, far less than `CLOSE` of the largest total; they
    decide where the best is ahead by more, and only close calls are summed again.
    """
    agents = values.shape[1]
    for now in range(size):
        period, at = start + now, now * (agents + 1)
        found = _rivals(values, period, totals, rivals)
        first, most = np.uintp(0), -np.inf
        for position in range(found):
            ahead = totals[rivals[position]] > most
            first = rivals[position] if ahead else first
            most = totals[rivals[position]] if ahead else most
        chosen[at] = first
        near = CLOSE * agents * most
        for agent in range(agents):
            place, best, second = np.uintp(0), -np.inf, -np.inf
            for position in range(found):
                decision = rivals[position]
                worth = totals[decision] - values[period, agent, decision]
                ahead = worth > best
                place = decision if ahead else place
                lower = best if ahead else worth
                best = worth if ahead else best
                second = lower if lower > second else second
            chosen[at + 1 + agent] = place
            if best - second <= near:
                chosen[at + 1 + agent] = _in_order(values, period, agent)


@jit
def tabulate(outputs: Any, start: int, size: int, chosen: Any, produced: Any, total: Any, without: Any) -> None:
    """Outputs under the groups' decisions, and their sums in agent order.

    Args:
        outputs: shape (periods, agents, decisions).
        start: first period; size: how many.
        chosen: a*(G), period by period, group by group.
        produced: y_i(G), to be filled, [agent][group * size + period].
        total: Y(G), likewise, [group * size + period].
        without: Y_{-i}(G), likewise, [agent][group * size + period].
    """
    agents = outputs.shape[1]
    columns = (agents + 1) * size
    for period in range(size):
        for agent in range(agents):
            for group in range(agents + 1):
                decision = np.uintp(chosen[period * (agents + 1) + group])
                produced[agent, group * size + period] = outputs[start + period, agent, decision]
    for column in range(columns):
        total[column] = 0.0
    for agent in range(agents):  # sums over those before an agent go on without it
        for column in range(columns):
            without[agent, column] = total[column]
            total[column] += produced[agent, column]
        for before in range(agent):
            for column in range(columns):
                without[before, column] += produced[agent, column]
