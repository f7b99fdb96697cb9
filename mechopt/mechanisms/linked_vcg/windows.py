"""Budgets that expire, and caps on single dates: other sets of reports on which a linked VCG mechanism works.

A mechanism that starts afresh every few dates is a linked VCG mechanism each time. A cap on what may be reported at
one date leaves the set of reports a polytope with a retraction that looks back only, which is all that Proposition 1
needs. Both take from an agent the chance to report everything at the date where it pays most, which is what he is paid
for when prices differ between dates; shorter windows need wider bounds in return. Source: zhu2021, Section 4; the
extension is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.laws import Laws
from mechopt.mechanisms.linked_vcg.planning import Aim, Scenario, plan

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windowed:
    """What budgets for parts of the horizon cost at the document's prices, to price takers, in date-1 value.

    Attributes:
        windows: how many.
        cost: of all agents.
        capped: likewise with a cap on each date at the end of the support, which nobody ever exceeds.
        takers: share of agents who take prices as given.
        takers_capped: likewise with caps.
    """

    windows: int
    cost: float
    capped: float
    takers: float
    takers_capped: float


def windowed(scenario: Scenario, laws: Laws, aim: Aim, delta: float, windows: int) -> Windowed:
    """The cost of so many budgets that together keep the confidence.

    Args:
        scenario: the document's dates, in order.
        laws: of endowments.
        aim: bound and sides.
        delta: for all windows together; each gets its share.
        windows: a divisor of the number of dates.
    """
    each = scenario.reports.shape[1] // windows
    upper = plan(scenario, laws, each, replace(aim, delta=delta / windows, conjecture=None)).upper
    budget = each * upper
    cap = np.minimum(budget, np.maximum(laws.high, upper))
    return Windowed(
        windows=windows, cost=_cost(scenario, budget, each, budget), capped=_cost(scenario, budget, each, cap),
        takers=float(scenario.takers(budget).mean()), takers_capped=float(scenario.takers(cap).mean()),
    )  # fmt: skip


def _cost(scenario: Scenario, budget: Array, each: int, most: Array) -> float:
    """What agents who take prices as given receive where a date's report is at most `most`."""
    weights = scenario.discount ** np.arange(len(scenario.taken))
    cost = 0.0
    for start in range(0, weights.size, each):
        part = slice(start, start + each)
        earned = fill(weights[part, None, None] * scenario.taken[part], budget, most).sum(axis=1)
        cost += float(np.maximum(earned - weights[part] @ scenario.spent[part], 0.0).sum())
    return cost


def fill(rewards: Array, budget: Array, most: Array) -> Array:
    """The most a budget earns where a date takes only so much: the best dates first.

    Args:
        rewards: per project, shape (dates, ...).
        budget: shape (...).
        most: at one date, shape (...).
    """
    ranked = np.sort(rewards, axis=0)[::-1]
    places = np.arange(len(rewards)).reshape(-1, *(1,) * budget.ndim)
    amount = np.clip(budget - places * most, 0.0, most)
    return np.asarray((ranked * amount).sum(axis=0))
