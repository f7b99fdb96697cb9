"""The kernels of `subset_dp.py` and `families.py` for numba: an optional extra, imported where it pays."""

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


@nb.njit(cache=True, fastmath={"reassoc", "contract", "nsz"})  # type: ignore[untyped-decorator]
def _affine(a: Any, b: Any, c: Any, d: Any, constant: Any, variance: Any) -> Any:
    least = 0.0
    for k in range(a.size):
        large = b[k] if b[k] > d[k] else d[k]
        small = b[k] if b[k] < d[k] else d[k]
        least = small if small < least else least
        r = small / large if large > 0.0 else 0.0
        constant[k] = 0.5 * (large * (0.5 + r * (1.0 - r / 6.0)) - a[k] - c[k])
        spread = 1.0 / 12.0 + r * (1.0 / 6.0 + r * (1.0 / 12.0 + r * (1.0 / 6.0 - r / 9.0)))
        variance[k] = large * large * spread
    return least


def affine_pairs(a: Any, b: Any, c: Any, d: Any, constant: Any, variance: Any) -> bool:
    """As `families.affine` into given arrays; whether every slope is at least 0, so that they hold the answer."""
    return bool(_affine(a, b, c, d, constant, variance) >= 0)
