"""Who takes prices as given: Properties I and II in closed form, for all agents of a date at once.

With the aggregate basis, the amounts of the partly invested types move linearly with an agent's report; the tests ask
whether they stay inside their limits for every report the agent could make. Source: zhu2021, Section 6.1, Lemma 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.knapsack import Investment
from mechopt.mechanisms.linked_vcg.ordered import Served


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tested:
    """One date's tests.

    Attributes:
        linear: whether the agent's displacement of others is linear in his report over the whole box, shape (agents,).
        price_invariant: Property I: no report changes the price, shape (agents,).
        served_invariant: Property II: no report changes whether a type is served, shape (agents,).
        served: partly invested types of which the agent is always served entirely, shape (agents, R).
    """

    linear: NDArray[np.bool_]
    price_invariant: NDArray[np.bool_]
    served_invariant: NDArray[np.bool_]
    served: NDArray[np.bool_]


def price_takers(
    reports: NDArray[Any],
    box: tuple[NDArray[Any] | None, NDArray[Any]],
    investment: Investment,
    served: Served,
    *,
    resources: int,
    tolerance: float = 1e-11,
) -> Tested:
    """Properties I and II of every agent at one date.

    Args:
        reports: mu_t, shape (agents, types).
        box: least (None for 0) and largest report of the date, shape (agents, types) each.
        investment: of all reports together.
        served: the ordered allocation.
        resources: R; the first R types are plentiful.
        tolerance: relative to the largest amount; by continuity a report this near to a kink moves the transfer by
            no more than the same share. 0 in exact arithmetic.

    Returns:
        The tests. `linear` allows equality, which by continuity is enough for Lemma 6; Property I itself does not.

    Source: zhu2021, Section 6.1. Paper: N(mu, i) > n or < n; here: served entirely or not at all at every report,
    because the paper's N has no value where nobody is served.
    """
    geometry, low, high = investment.geometry, *box
    partial, matrix = geometry.partial, geometry.displaced.T
    zero = matrix * 0
    gains, losses = np.maximum(-matrix, zero), np.maximum(matrix, zero)
    amount = investment.amount[partial]
    # Without the agent's own full types: alpha + K x; then the worst box corner each way.
    alone = amount + reports @ matrix
    least, most = alone - high @ losses, alone + high @ gains
    if low is not None:
        least, most = least + low @ gains, most - low @ losses
    slack = 0 if amount.dtype == object else tolerance * max(1.0, float(np.abs(amount).max()))
    finite = partial >= resources
    room = served.before[0] + served.reports[0] - served.reports - most
    if low is not None:
        room = room + low[:, partial]
    own_high = high[:, partial]
    never = most <= served.before + slack
    always = least >= served.before + own_high - slack
    stays = (least >= -slack).all(axis=1) & (room[:, finite] >= -slack).all(axis=1)
    invariant = (least > slack).all(axis=1) & (room[:, finite] > slack).all(axis=1)
    settled = (never | always | (own_high <= 0)).all(axis=1)
    return Tested(
        linear=np.asarray(stays & settled, dtype=bool),
        price_invariant=np.asarray(invariant & investment.unique_price, dtype=bool),
        served_invariant=np.asarray(settled, dtype=bool),
        served=np.asarray(always & ~never, dtype=bool),
    )
