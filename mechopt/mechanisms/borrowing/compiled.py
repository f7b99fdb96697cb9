"""The kernel of `subset_dp.py` for numba: an optional extra, imported where it pays."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # numba publishes no types
def _fill(place: Any, table: Any, best: Any, ways: Any) -> None:
    count = table.shape[0]
    ways[0] = 1
    for mask in range(1, best.size):
        found = np.int64(-(2**63))
        number = np.int64(0)
        at = place[mask]
        for job in range(count):
            if mask >> job & 1:
                rest = mask ^ (1 << job)
                value = best[rest] + table[job, at]
                if value > found:
                    found, number = value, ways[rest]
                elif value == found:
                    number += ways[rest]
        best[mask] = found
        ways[mask] = number


def best_sets(place: Any, table: Any) -> Any:
    """As `subset_dp.best_sets_numpy`: F of every set, and how many orders attain it."""
    best, ways = np.zeros(place.size, dtype=np.int64), np.zeros(place.size, dtype=np.int64)
    _fill(place, table, best, ways)
    return best, ways
