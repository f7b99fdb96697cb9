"""The retraction date by date: what each agent may still report of each type, in one pass over the reports.

`ordered.retract` is the plain version for all dates at once. Source: zhu2021, Section 4, the retraction [.].
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.ordered import CLOSE
from mechopt.mechanisms.linked_vcg.sums import blocks

UNFIT = "reports must be finite and at least 0"


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
        self._nothing: Any = Fraction(0) if upper.dtype == object else 0.0
        self._left: NDArray[Any] | None = None

    def take(self, reports: NDArray[Any], *, last: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Reports cut to what is left, raised at the last date to what is missing; and their sums by block.

        Args:
            reports: mu_t >= 0, shape (agents, types); returned as they are where nothing changes.
            last: whether this is the last date.

        Raises:
            InstanceError: a negative or infinite report; nothing was taken.
        """
        parts = np.array([_part(reports[start:end]) for start, end in blocks(*reports.shape)])
        if reports.dtype != object and not np.isfinite(parts).all():
            raise InstanceError(UNFIT, key="endowments")
        if self._left is None:
            self._left = self._upper * self._dates
        result = reports
        for number, (start, end) in enumerate(blocks(*reports.shape)):
            left, block = self._left[start:end], reports[start:end]
            np.subtract(left, block, out=left)
            if result is reports and left.min() < 0:
                result = np.empty_like(reports)
                result[:start] = reports[:start]
            if result is not reports:
                parts[number] = self._cut(left, block, result[start:end])
        if last:
            result = self._raise(result, parts)
        return result, parts

    def _cut(self, left: NDArray[Any], block: NDArray[Any], into: NDArray[Any]) -> NDArray[Any]:
        """Reports cut to what was left before them, and their sums; `left` is after them, and is set right."""
        # left + block is what was left before; with floats never below the block where that was enough.
        np.add(left, block, out=into)
        np.minimum(into, block, out=into)
        np.maximum(left, self._nothing, out=left)
        return np.asarray(into.sum(axis=0))

    def _raise(self, reports: NDArray[Any], parts: NDArray[Any]) -> NDArray[Any]:
        """Reports of the last date with what is missing to the lower bounds added; `parts` follows."""
        result = reports
        for number, (start, end) in enumerate(blocks(*reports.shape)):
            part = slice(start, end)
            if not self._lower[part].max() > 0 or self._left is None:
                continue
            used = self._upper[part] * self._dates - self._left[part]
            least = self._lower[part] * self._dates
            # Not where only rounding says so: sums of floats are near their bound, not on it.
            under = np.nonzero(used < least * (1 - self._close))
            if under[0].size:
                result = reports.copy() if result is reports else result
                result[part][under] += least[under] - used[under]
                parts[number] = result[part].sum(axis=0)
        return result


def _part(block: NDArray[Any]) -> NDArray[Any]:
    """Sums of a block of reports, none of them negative or NaN."""
    if not block.min() >= 0:
        raise InstanceError(UNFIT, key="endowments")
    return np.asarray(block.sum(axis=0))
