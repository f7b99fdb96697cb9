"""Interim allocations of many agents with demands off any lattice: a proven bracket from two lattices of distributions.

G(x) = E(x - D)^+ lies between two numbers that a lattice of step h gives, both off by the order of h^2:

* above: each demand is split onto its two lattice neighbours with the same mean (a mean-preserving spread of D);
* below: demands are rounded down, the mean of what rounding dropped is carried along with each lattice total, and the
  rest is set to that mean (a conditional expectation of D).

So q_i = G_-i(1) - G_-i(1 - k_i) is bracketed. Source: liu2020, Section 3 (q_i); the bracket is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
UNIT = float(np.finfo(np.float64).eps) / 2
CELLS = 500_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """A lattice under demands that are not on it.

    Attributes:
        steps: to the supply.
        demand: k_i, units of supply, shape (agents,).
        floor: of k_i in steps, shape (agents,).
        rest: what rounding down drops, units of supply, shape (agents,).
    """

    steps: int
    demand: Floats
    floor: NDArray[np.intp]
    rest: Floats


def prepare(demand: Floats, steps: int) -> Lattice:
    """The lattice with that many steps."""
    floor = np.minimum(np.floor(demand * steps).astype(np.intp), steps)
    return Lattice(steps=steps, demand=demand, floor=floor, rest=np.maximum(demand - floor / steps, 0.0))


def allocations(lattice: Lattice, below: Floats, wanted: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """q_i at every type for the agents wanted: middle and half width of the bracket, and E(1 - D)^+.

    Args:
        lattice: under the demands.
        below: F_j(t), shape (types, agents).
        wanted: agents.
    """
    types = len(below)
    low, high = np.empty((types, wanted.size)), np.empty((types, wanted.size))
    idle = np.empty(types)
    step = max(1, CELLS // lattice.steps)
    for start in range(0, types, step):
        part = slice(start, start + step)
        columns = np.ascontiguousarray(below[part].T)
        low[part], high[part], idle[part] = _LeaveOut(lattice, columns, wanted).run()
    rounding = (6 * len(lattice.demand) + 2 * lattice.steps) * UNIT
    return (low + high) / 2, (high - low) / 2 + rounding, idle


class _LeaveOut:
    """Divide and conquer over three distributions at once: split, rounded down, and what rounding dropped."""

    def __init__(self, lattice: Lattice, below: Floats, wanted: NDArray[np.intp]) -> None:
        self.lattice, self.below, self.wanted = lattice, below, wanted
        self.low = np.empty((wanted.size, below.shape[1]))
        self.high = np.empty_like(self.low)

    def run(self) -> tuple[Floats, Floats, Floats]:
        place = {int(agent): index for index, agent in enumerate(self.wanted)}
        state = np.zeros((3, self.lattice.steps, self.below.shape[1]))
        state[:2, 0] = 1.0
        for agent in range(len(self.below)):
            if agent not in place:
                self.add(state, agent)
        everybody = state.copy()
        for agent in place:
            self.add(everybody, agent)
        idle = (self.above(everybody, 1.0) + self.under(everybody, 1.0)) / 2
        self.leave_out(state, list(place), place)
        return self.low.T, self.high.T, idle

    def add(self, state: Floats, agent: int) -> None:
        """Convolve one agent into the three distributions, in place."""
        steps, floor = self.lattice.steps, int(self.lattice.floor[agent])
        out, rest = self.below[agent], float(self.lattice.rest[agent])
        above, share = 1.0 - out, rest * steps
        up = state[0] * (above * share)
        down = state[0] * (above * (1.0 - share))
        carried = (state[2] + rest * state[1]) * above
        rounded = state[1] * above
        state *= out
        for target, source, move in ((0, down, floor), (0, up, floor + 1), (1, rounded, floor), (2, carried, floor)):
            if move < steps:
                state[target, move:] += source[: steps - move]

    def above(self, state: Floats, point: float) -> Floats:
        """An upper bound on E(point - D)^+, shape (types,)."""
        return np.maximum(point - np.arange(self.lattice.steps) / self.lattice.steps, 0.0) @ state[0]

    def under(self, state: Floats, point: float) -> Floats:
        """A lower bound on E(point - D)^+, shape (types,)."""
        room = point - np.arange(self.lattice.steps)[:, None] / self.lattice.steps
        return np.maximum(room * state[1] - state[2], 0.0).sum(axis=0)

    def leave_out(self, state: Floats, members: list[int], place: dict[int, int]) -> None:
        """Bounds for each member, everybody else being in the state."""
        if len(members) == 1:
            demand, index = float(self.lattice.demand[members[0]]), place[members[0]]
            self.low[index] = np.maximum(self.under(state, 1.0) - self.above(state, 1.0 - demand), 0.0)
            self.high[index] = np.minimum(self.above(state, 1.0) - self.under(state, 1.0 - demand), demand)
            return
        middle = len(members) // 2
        for kept, added in ((members[:middle], members[middle:]), (members[middle:], members[:middle])):
            part = state.copy()
            for agent in added:
                self.add(part, agent)
            self.leave_out(part, kept, place)
