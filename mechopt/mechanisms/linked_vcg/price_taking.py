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
        served: partly invested types of which the agent is always served entirely, shape (R, agents).
    """

    linear: NDArray[np.bool_]
    price_invariant: NDArray[np.bool_]
    served_invariant: NDArray[np.bool_]
    served: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """The reports that agents could make at one date.

    Attributes:
        low: least, shape (agents, types); None for 0.
        high: largest, shape (agents, types).
        highest: the largest of all agents, shape (types,).
    """

    low: NDArray[Any] | None
    high: NDArray[Any]
    highest: NDArray[Any]

    @classmethod
    def of(cls, low: NDArray[Any] | None, high: NDArray[Any]) -> Box:
        """The box with its largest corner."""
        return cls(low=low, high=high, highest=high.max(axis=0))


def price_takers(
    displaced: NDArray[Any],
    box: Box,
    investment: Investment,
    served: Served,
    *,
    resources: int,
    tolerance: float,
    total: NDArray[Any] | None = None,
) -> Tested:
    """Properties I and II of every agent at one date.

    Args:
        displaced: K x, what each agent's full types take from the partly invested ones, shape (R, agents).
        box: the reports possible.
        investment: of all reports together.
        served: the ordered allocation.
        resources: R; the first R types are plentiful.
        tolerance: relative to the largest amount; by continuity a report this near to a kink moves the transfer by
            no more than the same share. 0 in exact arithmetic.
        total: everybody's projects of the partly invested types, shape (R,); None where `served` holds everybody.

    Returns:
        The tests. `linear` allows equality, which by continuity is enough for Lemma 6; Property I itself does not.

    Source: zhu2021, Section 6.1. Paper: N(mu, i) > n or < n; here: served entirely or not at all at every report,
    because the paper's N has no value where nobody is served.
    """
    geometry = investment.geometry
    amount = investment.amount[geometry.partial]
    slack = tolerance * max(1.0, float(np.abs(amount).max())) if tolerance else 0
    finite = geometry.partial >= resources
    alone = amount[:, None] + displaced  # without the agent's own full types
    total = served.before[:, :1] + served.reports[:, :1] if total is None else total[:, None]
    matrix = geometry.displaced
    gains, losses = np.maximum(-matrix, matrix * 0), np.maximum(matrix, matrix * 0)
    # With the largest box of all, most agents are settled at once; the rest get their own.
    tested = _test(
        alone - (losses @ box.highest)[:, None], alone + (gains @ box.highest)[:, None], total - served.reports,
        served.before, np.broadcast_to(box.highest[geometry.partial][:, None], alone.shape), finite, slack,
    )  # fmt: skip
    linear, invariant, settled, always = tested
    rest = np.flatnonzero(~(linear & invariant & settled))
    if rest.size:
        high = box.high[rest].T
        least, most = alone[:, rest] - losses @ high, alone[:, rest] + gains @ high
        room = (total - served.reports)[:, rest]
        if box.low is not None:
            low = box.low[rest].T
            least, most, room = least + gains @ low, most - losses @ low, room + low[geometry.partial]
        again = _test(least, most, room, served.before[:, rest], high[geometry.partial], finite, slack)
        linear[rest], invariant[rest], settled[rest], always[:, rest] = again
    return Tested(
        linear=linear,
        price_invariant=invariant & investment.unique_price,
        served_invariant=settled,
        served=always,
    )


def _test(
    least: NDArray[Any],
    most: NDArray[Any],
    supply: NDArray[Any],
    before: NDArray[Any],
    high: NDArray[Any],
    finite: NDArray[np.bool_],
    slack: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Linear, price invariant, served invariant, always served entirely; arrays of shape (R, agents) in."""
    room = supply[finite] - most[finite]
    never = most <= before + slack
    always = least >= before + high - slack
    settled = (never | always | (high <= 0)).all(axis=0)
    invariant = (least > slack).all(axis=0) & (room > slack).all(axis=0)
    stays = (least >= -slack).all(axis=0) & (room >= -slack).all(axis=0)
    return tuple(np.asarray(part, dtype=bool) for part in (stays & settled, invariant, settled, always & ~never))  # type: ignore[return-value]  # four parts
