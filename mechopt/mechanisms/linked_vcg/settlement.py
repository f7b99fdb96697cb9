"""What settling needs of each date, what it gives, and what a budget is worth. Source: zhu2021, Section 6.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.inner import Minimum
from mechopt.mechanisms.linked_vcg.knapsack import Investment
from mechopt.mechanisms.linked_vcg.price_taking import DateTest


@dataclass(slots=True, kw_only=True, eq=False)
class Kept:
    """What settling needs of one date; rows of `searched` are agents who do not take prices as given."""

    investment: Investment
    weight: Any
    reward: NDArray[Any]  # c_t = d_t p . theta of the types always served, shape (types,)
    test: DateTest
    searched: NDArray[np.intp]
    spent: NDArray[Any]  # c_t . x_t, shape (searched,)
    left: NDArray[Any]  # d_t w_t at the report, shape (searched,)
    reports: NDArray[Any]  # shape (searched, types)
    before: NDArray[Any]  # B, shape (searched, types)
    total: NDArray[Any]  # everybody's, shape (types,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settlement:
    """What every agent receives, and why; arrays of shape (agents,).

    Attributes:
        contribution: S^n, date-1 value.
        unlinked: uW^n, money at the end.
        linked_low: proven to be at most the linked transfer.
        linked_high: proven to be at least the linked transfer; this is paid.
        method: "price_taking", "pieces" or "milp".
        price_invariant: Property I.
        served_invariant: Property II; False where it is not shown, because a report can change the price.
        minima: the search behind each transfer that is not a closed form, by agent.
        interrupted: True where Ctrl-C ended the search before every agent had his turn.
    """

    contribution: NDArray[Any]
    unlinked: NDArray[Any]
    linked_low: NDArray[Any]
    linked_high: NDArray[Any]
    method: Sequence[str]
    price_invariant: NDArray[np.bool_]
    served_invariant: NDArray[np.bool_]
    minima: dict[int, Minimum] = field(default_factory=dict)
    interrupted: bool = False


def budget_worth(dates: Sequence[Kept], upper: NDArray[Any]) -> NDArray[Any]:
    """What each agent's budget is worth, each type where it is worth most, shape (agents,).

    Args:
        dates: all of them.
        upper: largest averages, shape (agents, types).

    Source: zhu2021, Lemma 6, its first sum.
    """
    best = np.max([kept.reward for kept in dates], axis=0)
    single: dict[int, NDArray[Any]] = {}  # types whose worth differs between agents
    for kept in dates:
        test = kept.test
        for row, kind in enumerate(kept.investment.geometry.partial.tolist()):
            if kind not in single:
                single[kind] = np.full(len(upper), best[kind])
            worth, always = single[kind], slice(int(test.always_from[row]), None)
            worth[always] = np.maximum(worth[always], kept.weight)
            agents = test.examined[test.singly[row]]
            worth[agents] = np.maximum(worth[agents], kept.weight)
    best[list(single)] = 0 * best[0]
    result = upper @ best
    for kind, worth in single.items():
        result += upper[:, kind] * worth
    return np.asarray(result * len(dates))


def best_reward(dates: Sequence[Kept], agent: int, kinds: int, zero: Any) -> NDArray[Any]:
    """max over some dates of c_ti, per type: what one more project of an agent is worth where it is worth most."""
    best = np.full(kinds, zero)
    for kept in dates:
        best = np.maximum(best, kept.reward)
        partial = kept.investment.geometry.partial
        served = partial[kept.test.always(np.array([agent]))[:, 0]]
        best[served] = np.maximum(best[served], kept.weight)
    return best
