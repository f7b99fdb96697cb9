"""The retraction date by date: what each agent may still report of each type, in one pass over the reports.

`ordered.retract` is the plain version for all dates at once. Source: zhu2021, Section 4, the retraction [.].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
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
        self._left: NDArray[Any] | None = None  # negative where more was reported than the budget

    def take(self, reports: NDArray[Any], *, last: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Reports cut to what is left, raised at the last date to what is missing; and their sums by block.

        Args:
            reports: mu_t >= 0, shape (agents, types); returned as they are where nothing changes.
            last: whether this is the last date.

        Raises:
            InstanceError: a negative or infinite report; nothing was taken.
        """
        edges = [*blocks(*reports.shape)]
        if not all(reports[start:end].min() >= 0 for start, end in edges if end > start) or (
            reports.dtype != object and not np.isfinite(reports.sum())
        ):
            raise InstanceError("reports must be finite and at least 0", key="endowments")
        if self._left is None:
            self._left = self._upper * self._dates
        parts, result = [], reports
        for start, end in edges:
            left, block = self._left[start:end], reports[start:end]
            np.subtract(left, block, out=left)
            changed = self._change(left, block, slice(start, end), last=last)
            if changed is not None:
                result = reports.copy() if result is reports else result
                block = result[start:end] = changed
            parts.append(block.sum(axis=0))
        return result, np.array(parts)

    def _change(self, left: NDArray[Any], block: NDArray[Any], part: slice, *, last: bool) -> NDArray[Any] | None:
        """The block as the retraction leaves it, or None where it changes nothing; `left` is after the reports."""
        changed = None
        if left.min() < 0:
            # Not where only rounding says so: sums of floats are near their bound, not on it.
            over = np.nonzero(left < -self._close * self._dates * self._upper[part])
            if over[0].size:
                changed = block.copy()
                changed[over] = np.minimum(block[over], np.maximum(left[over] + block[over], 0 * left[over]))
        if last:
            most = self._upper[part] * self._dates
            least = self._lower[part] * self._dates
            under = np.nonzero(most - left < least * (1 - self._close))
            if under[0].size:
                changed = block.copy() if changed is None else changed
                changed[under] += least[under] - (most[under] - left[under])
        return changed
