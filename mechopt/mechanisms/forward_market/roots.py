"""Where a rising function crosses 0, to the last digits of its argument."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NEXT = 4 * float(np.finfo(np.float64).eps)  # relative: how far from the crossing a root may be


def rising_root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function crosses 0, within 4 units in the last place; the nearer end where it does not."""
    from scipy.optimize import brentq

    if rising(low) >= 0:
        return low
    if rising(high) <= 0:
        return high
    # No absolute tolerance: money may be counted in units of any size.
    return float(brentq(rising, low, high, xtol=np.finfo(np.float64).tiny, rtol=NEXT, maxiter=10_000))
