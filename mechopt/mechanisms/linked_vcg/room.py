"""The retraction date by date: what each agent may still report of each type, in one pass over the reports.

`ordered.retract` is the plain version for all dates at once. Source: zhu2021, Section 4, the retraction [.].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.accept import refuse
from mechopt.mechanisms.linked_vcg.ordered import CLOSE
from mechopt.mechanisms.linked_vcg.sums import blocks


class Room:
    """What is left of everybody's budget.

    Args:
        lower: least averages, shape (agents, types).
        upper: largest averages, shape (agents, types).
        dates: T.
    """

    def __init__(self, lower: NDArray[Any], upper: NDArray[Any], dates: int) -> None:
        self._lower, self._upper, self._dates = lower, upper, dates
        self._close: Any = 0 if upper.dtype == object else CLOSE
        self._left = upper * dates
        self._next = np.empty_like(self._left)  # after the date being taken, until `keep`
        self._short = self._next_short = False  # whether anybody's budget ran out: then reports are cut as they come

    def take(self, reports: NDArray[Any], *, last: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Reports cut to what is left, raised at the last date to what is missing; and their sums by block.

        Nothing is final before `keep`: the same date can be taken again.

        Args:
            reports: mu_t >= 0, shape (agents, types); returned as they are where nothing changes.
            last: whether this is the last date.

        Raises:
            InstanceError: a negative or infinite report.
        """
        edges, result, short = [*blocks(*reports.shape)], reports, self._short
        parts = self._checked(reports, edges)
        for number, (start, end) in enumerate(edges):
            left, after, block = self._left[start:end], self._next[start:end], reports[start:end]
            if not short:
                np.subtract(left, block, out=after)
                if after.min() >= 0:
                    continue
                short = True
            if result is reports:
                result = np.empty_like(reports)
                result[:start] = reports[:start]
            into = result[start:end]
            np.minimum(block, left, out=into)
            np.subtract(left, into, out=after)
            parts[number] = into.sum(axis=0)
        self._next_short = short
        if last:
            result = self._raise(result, parts)
        return result, parts

    def keep(self) -> None:
        """The date taken last is allocated: what it used is gone."""
        self._left, self._next, self._short = self._next, self._left, self._next_short

    def _checked(self, reports: NDArray[Any], edges: list[tuple[int, int]]) -> NDArray[Any]:
        """Sums by block, where they will be needed; refused where one is no quantity."""
        parts = np.empty((len(edges), reports.shape[1]), dtype=reports.dtype)
        fit = True
        for number, (start, end) in enumerate(edges):
            block = reports[start:end]
            fit &= bool(block.min() >= 0)
            parts[number] = block.max() if self._short else block.sum(axis=0)
        if not fit or (reports.dtype != object and not np.isfinite(parts).all()):
            refuse(reports, "endowments")
        return parts

    def _raise(self, reports: NDArray[Any], parts: NDArray[Any]) -> NDArray[Any]:
        """Reports of the last date with what is missing to the lower bounds added; `parts` follows."""
        result = reports
        for number, (start, end) in enumerate(blocks(*reports.shape)):
            part = slice(start, end)
            if not self._lower[part].max() > 0:
                continue
            used = self._upper[part] * self._dates - self._next[part]
            least = self._lower[part] * self._dates
            # Not where only rounding says so: sums of floats are near their bound, not on it.
            under = np.nonzero(used < least * (1 - self._close))
            if under[0].size:
                result = reports.copy() if result is reports else result
                result[part][under] += least[under] - used[under]
                parts[number] = result[part].sum(axis=0)
        return result
