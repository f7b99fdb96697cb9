"""The schedule of a rule: how much of an account's overage is covered as slack moves, all else equal. For pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.overage.clearing import cover, total

Side = Literal[-1, 0, 1]


def schedule(
    overage: NDArray[np.float64],
    sharing: dict[str, Any],
    slack_grid: NDArray[np.float64],
    accounts: Sequence[int],
) -> NDArray[np.float64]:
    """Share of their overage that is covered, at each total slack.

    Args:
        overage: v_j >= 0, units, shape (accounts,), at least one positive.
        sharing: rule, alpha, tie and weights, keywords of `clearing.clear`.
        slack_grid: totals I >= 0, units, shape (points,).
        accounts: positions with positive overage, at most a few.

    Returns:
        Covered over overage, shape (points, accounts); above 1 where the rule pays more than is claimed.

    Source: lengyel2025, eqs. (1) and (3).
    """
    over = float(total(overage))
    rows = [
        _share(overage, over, slack, (over > slack) - (over < slack), sharing, accounts)
        for slack in slack_grid.tolist()
    ]
    return np.array(rows, dtype=np.float64).reshape(len(slack_grid), len(accounts))


def limit(
    overage: NDArray[np.float64],
    sharing: dict[str, Any],
    side: Side,
    accounts: Sequence[int],
) -> NDArray[np.float64]:
    """Share covered at the boundary X = I: the value, or the limit from one side.

    Args:
        overage, sharing, accounts: as in `schedule`.
        side: the sign of X - I on that side: 1 where slack is too small, -1 where it is ample, 0 for the value itself.

    Returns:
        Covered over overage, shape (accounts,).
    """
    if sharing["rule"] == "capped_power":  # continuous; its water level is not defined at the boundary itself
        return np.ones(len(accounts))
    over = float(total(overage))
    return _share(overage, over, over, side, sharing, accounts)


def _share(
    overage: NDArray[np.float64],
    over: float,
    slack: float,
    sign: int,
    sharing: dict[str, Any],
    accounts: Sequence[int],
) -> NDArray[np.float64]:
    chosen = list(accounts)
    covered = cover(overage, over, slack, sign, **sharing)[chosen]
    share: NDArray[np.float64] = covered / overage[chosen]
    return share
