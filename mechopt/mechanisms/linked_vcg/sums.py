"""Where sums over agents cross a limit, and all that is linear in the reports, in two passes over them.

Agents are served from the last to the first. So of a partly invested type everybody behind one agent is served
entirely, and everybody before him not at all: who gets what is a position, found from sums by blocks of agents, and
what agents earn is one matrix-vector product between any two positions. `ordered.serve` is the plain version.
Everything works on float64 arrays and on object arrays of Fractions with the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 2**20  # bytes of reports in a block, so that it stays in the cache while it is worked on


def blocks(agents: int, columns: int) -> Iterator[tuple[int, int]]:
    """Ranges of agents whose reports fit the cache together."""
    rows = max(1, BLOCK // (8 * max(1, columns)))
    for start in range(0, agents, rows):
        yield start, min(start + rows, agents)


class Sums:
    """Projects of all agents together, and of those behind any agent.

    Args:
        reports: mu >= 0, shape (agents, columns); a column is a type, or a type at a date.
        parts: the sums of each of `blocks`, where the caller has them, shape (blocks, columns).
    """

    def __init__(self, reports: NDArray[Any], parts: NDArray[Any] | None = None) -> None:
        self.reports = reports
        self.edge = [*blocks(*reports.shape)]
        parts = np.array([reports[start:end].sum(axis=0) for start, end in self.edge]) if parts is None else parts
        suffix = np.cumsum(parts[::-1], axis=0)[::-1]
        self.total: NDArray[Any] = suffix[0]
        self._behind = np.vstack([suffix[1:], suffix[:1] * 0])  # exactly nothing behind the last agent

    def part(self, columns: slice) -> Sums:
        """The same for some of the columns; nothing is summed again."""
        result = object.__new__(Sums)
        result.reports, result.edge = self.reports[:, columns], self.edge
        result.total, result._behind = self.total[columns], self._behind[:, columns]
        return result

    def behind(self, agents: NDArray[np.intp], columns: NDArray[np.intp] | slice) -> NDArray[Any]:
        """What those behind each of some agents (increasing) have together, shape (len(agents), columns)."""
        result = np.empty((agents.size, self.total[columns].size), dtype=self.total.dtype)
        if not agents.size:
            return result
        rows = self.edge[0][1]
        for block in range(int(agents[0]) // rows, int(agents[-1]) // rows + 1):
            start, end = self.edge[block]
            first, last = np.searchsorted(agents, (start, end))
            if first < last:
                here = agents[first:last] - start
                own = self.reports[start + here[0] : end, columns]
                behind = np.repeat(self._behind[block : block + 1, columns], len(own), axis=0)
                behind[:-1] += np.cumsum(own[:0:-1], axis=0)[::-1]
                result[first:last] = behind[here - here[0]]
        return result

    def crossing(self, column: int, limit: Any) -> tuple[int, Any]:
        """The first agent with less than `limit` behind him, and what that is; (agents, 0) where there is none.

        Everybody after him has less than `limit` behind him too, because reports are not negative.
        """
        few = self._behind[:, column] < limit
        if not few[-1]:
            return len(self.reports), self._behind[-1, column]
        block = int(np.argmax(few))
        start, end = self.edge[block]
        behind = np.repeat(self._behind[block : block + 1, column], end - start)
        behind[:-1] += np.cumsum(self.reports[start + 1 : end, column][::-1])[::-1]
        place = int(np.argmax(behind < limit))
        return start + place, behind[place]


@dataclass(frozen=True, slots=True)
class Step:
    """From agent `start` on, each project of `column` counts `value` in the sum number `row`."""

    start: int
    row: int
    column: int
    value: Any


def weighted(reports: NDArray[Any], weights: NDArray[Any], steps: list[Step]) -> NDArray[Any]:
    """Sums over the columns of each agent's reports, with weights that change at some agents.

    Args:
        reports: shape (agents, columns).
        weights: of the first agent, shape (sums, columns).
        steps: what changes at which agent, in any order.

    Returns:
        Shape (sums, agents).
    """
    agents, columns = reports.shape
    weights = weights.copy()
    result = np.empty((len(weights), agents), dtype=np.result_type(reports, weights))
    ordered = sorted((step for step in steps if step.start < agents), key=lambda step: step.start)
    edges = sorted({0, agents, *(step.start for step in ordered)})
    place = 0
    for first, last in pairwise(edges):
        while place < len(ordered) and ordered[place].start <= first:
            step = ordered[place]
            weights[step.row, step.column] = step.value
            place += 1
        for start, end in blocks(last - first, columns):
            part = slice(first + start, first + end)
            for row, weight in enumerate(weights):
                result[row, part] = reports[part] @ weight
    return result
