"""The ordered efficient allocation and the retraction of reports. Source: zhu2021, Section 4.

Everything works on float64 arrays and on object arrays of Fractions with the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.knapsack import Investment

CLOSE = 1e-12  # relative; a sum of floats this near to its bound is on it: rounding must not cut a report


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """One date's ordered allocation, all agents at once; a row a partly invested type, so that rows are contiguous.

    Attributes:
        own: v(A^n_t, mu^n_t), payoff of each agent's served projects, shape (agents,).
        partial: served projects of the partly invested types, shape (R, agents).
        before: B: what agents with a higher index have of those types, shape (R, agents).
        reports: x: what each agent has of those types, shape (R, agents).
    """

    own: NDArray[Any]
    partial: NDArray[Any]
    before: NDArray[Any]
    reports: NDArray[Any]


def serve(reports: NDArray[Any], investment: Investment) -> Served:
    """Serve the agents of one date in order, the last one first, the principal last.

    Args:
        reports: mu_t >= 0, projects, shape (agents, types).
        investment: of all reports together.

    Source: zhu2021, Section 4, ord-A. Types below the price plane are served entirely, those above not at all.
    """
    geometry = investment.geometry
    full = reports @ geometry.full.astype(reports.dtype)
    partial, before = behind(reports, geometry.partial)
    left = np.maximum(investment.amount[geometry.partial][:, None] - before, 0)
    served = np.minimum(partial, left)
    return Served(own=full + served.sum(axis=0), partial=served, before=before, reports=partial)


def behind(reports: NDArray[Any], kinds: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
    """What each agent has of some types, and what those behind him have together, shape (len(kinds), agents)."""
    own = np.ascontiguousarray(reports[:, kinds].T)
    before = np.zeros_like(own)
    before[:, :-1] = np.cumsum(own[:, :0:-1], axis=1)[:, ::-1]
    return own, before


def allocate(reports: NDArray[Any], investment: Investment) -> NDArray[Any]:
    """Served projects of every agent and type, shape (agents, types)."""
    geometry = investment.geometry
    result = np.where(geometry.full, reports, reports * 0)
    result[:, geometry.partial] = serve(reports, investment).partial.T
    return result


def retract(
    endowments: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Reports cut, date by date, so that their average stays in its interval; the last date makes up for too little.

    Args:
        endowments: mu >= 0, shape (agents, dates, types).
        lower: least averages, shape (agents, types).
        upper: largest averages, shape (agents, types).

    Returns:
        The retracted reports (the same array where nothing changed), and which agent and type changed.

    Source: zhu2021, Section 4, the retraction [.]; it only looks back, and changes nothing inside the bounds.
    """
    dates = endowments.shape[1]
    total, most, least = endowments.sum(axis=1), dates * upper, dates * lower
    close = 0 if endowments.dtype == object else CLOSE * (total + most)
    changed = np.asarray((total > most + close) | (total < least - close), dtype=bool)
    if not changed.any():
        return endowments, changed
    result = endowments.copy()
    for agent, kind in np.argwhere(changed).tolist():
        result[agent, :, kind] = _cut(endowments[agent, :, kind], least[agent, kind], most[agent, kind])
    result.flags.writeable = False
    return result, changed


def _cut(reports: NDArray[Any], least: Any, most: Any) -> NDArray[Any]:
    """One agent's reports of one type, retracted."""
    used = np.cumsum(reports) - reports
    result: NDArray[Any] = np.minimum(reports, np.maximum(most - used, 0))
    if used[-1] + reports[-1] <= most:
        result[-1] = max(result[-1], least - used[-1])
    return result
