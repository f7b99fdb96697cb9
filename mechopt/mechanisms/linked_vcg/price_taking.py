"""Who takes prices as given: Properties I and II in closed form.

With the aggregate basis, the amounts of the partly invested types move linearly with an agent's report; the tests ask
whether they stay inside their limits for every report the agent could make. `price_takers` asks it agent by agent;
`test_date` first settles all who are far from every limit by their position alone.
Source: zhu2021, Section 6.1, Lemma 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.knapsack import Investment
from mechopt.mechanisms.linked_vcg.ordered import Served
from mechopt.mechanisms.linked_vcg.sums import Sums

TOLERANCE = 1e-11  # relative: how near to a kink counts as on it, in floats
WIDER = 1 + 1e-9  # the swing of a float report, rounded up: an agent at the edge is examined, not settled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tested:
    """The tests of some agents at one date.

    Attributes:
        linear: whether the agent's displacement of others is linear in his report over the whole box, shape (agents,).
        price_invariant: Property I: no report changes the price, shape (agents,).
        served: partly invested types of which the agent is always served entirely, shape (R, agents).
    """

    linear: NDArray[np.bool_]
    price_invariant: NDArray[np.bool_]
    served: NDArray[np.bool_]

    @property
    def served_invariant(self) -> NDArray[np.bool_]:
        """Property II: no report changes whether a type is served; not shown where one can change the price."""
        return self.linear


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DateTest:
    """One date's tests of all agents: most by position, the others one by one.

    Attributes:
        always_from: the first agent from whom on everybody is always served entirely, a partly invested type each.
        examined: agents tested one by one, increasing; all others pass every test.
        tested: their tests.
    """

    always_from: NDArray[np.intp]
    examined: NDArray[np.intp]
    tested: Tested

    @property
    def singly(self) -> NDArray[np.bool_]:
        """Examined agents always served entirely though they stand before `always_from`, shape (R, examined)."""
        return self.tested.served & (self.examined < self.always_from[:, None])

    def always(self, agents: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Partly invested types of which some agents are always served entirely, shape (R, len(agents))."""
        result = np.asarray(agents >= self.always_from[:, None])
        if self.examined.size:
            place = np.minimum(np.searchsorted(self.examined, agents), self.examined.size - 1)
            here = self.examined[place] == agents
            result[:, here] = self.tested.served[:, place[here]]
        return result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """The reports that some agents could make at one date.

    Attributes:
        low: least, shape (agents, types); None for 0.
        high: largest, shape (agents, types).
    """

    low: NDArray[Any] | None
    high: NDArray[Any]


class Bounds:
    """The reports that all agents could make at one date.

    Args:
        lower: least averages, shape (agents, types).
        upper: largest averages, shape (agents, types).
        dates: T. With more than one, the other dates take up the slack, and the least report is 0.
    """

    def __init__(self, lower: NDArray[Any], upper: NDArray[Any], dates: int) -> None:
        self._lower, self._upper, self._dates = lower, upper, dates
        self.highest: NDArray[Any] = upper.max(axis=0) * dates

    def of(self, agents: NDArray[np.intp]) -> Box:
        """The box of some agents."""
        low = self._lower[agents] if self._dates == 1 else None
        return Box(low=low, high=self._upper[agents] * self._dates)


def test_date(sums: Sums, investment: Investment, bounds: Bounds, *, resources: int, tolerance: float) -> DateTest:
    """Properties I and II of every agent at one date.

    Args:
        sums: of the reports mu_t, a column a type.
        investment: of all reports together.
        bounds: of the reports possible.
        resources: R; the first R types are plentiful.
        tolerance: relative to the largest amount; by continuity a report this near to a kink moves the transfer by
            no more than the same share. 0 in exact arithmetic.
    """
    geometry = investment.geometry
    amount, partial = investment.amount[geometry.partial], geometry.partial
    # No report moves an amount by more than the whole box does, and the true report is one of them.
    swing = np.abs(geometry.displaced) @ bounds.highest * (WIDER if tolerance else 1)
    high, finite = bounds.highest[partial], partial >= resources
    slack, room = kink(amount, tolerance), sums.total[partial] - high - amount - swing
    if np.all(amount - swing > slack) and np.all(room[finite] > slack):
        edges = [
            (sums.crossing(kind, least)[0], sums.crossing(kind, most)[0])
            for kind, least, most in zip(partial.tolist(), amount - swing - high, amount + swing, strict=True)
        ]
        always_from = np.array([least for least, _ in edges], dtype=np.intp)
        near = [np.arange(first, last) for last, first in edges if first < last]
        examined = np.unique(np.concatenate(near)) if near else np.zeros(0, dtype=np.intp)
    else:
        agents = len(sums.reports)
        always_from, examined = np.full(partial.size, agents, dtype=np.intp), np.arange(agents)
    tested = examine(sums, examined, investment, bounds, resources=resources, tolerance=tolerance)
    return DateTest(always_from=always_from, examined=examined, tested=tested)


def examine(
    sums: Sums, agents: NDArray[np.intp], investment: Investment, bounds: Bounds, *, resources: int, tolerance: float
) -> Tested:
    """Properties I and II of some agents (increasing) at one date, one by one; arguments as in `test_date`."""
    geometry = investment.geometry
    mine, before = sums.reports[agents], sums.behind(agents, geometry.partial).T
    partly = mine[:, geometry.partial].T
    served = np.minimum(partly, np.maximum(investment.amount[geometry.partial][:, None] - before, 0))
    own = mine @ geometry.full.astype(mine.dtype) + served.sum(axis=0)
    return price_takers(
        geometry.displaced @ mine.T, bounds.of(agents), investment,
        Served(own=own, partial=served, before=before, reports=partly),
        resources=resources, tolerance=tolerance, total=sums.total[geometry.partial],
    )  # fmt: skip


def price_takers(
    displaced: NDArray[Any],
    box: Box,
    investment: Investment,
    served: Served,
    *,
    resources: int,
    tolerance: float,
    total: NDArray[Any],
) -> Tested:
    """Properties I and II of some agents at one date.

    Args:
        displaced: K x, what each agent's full types take from the partly invested ones, shape (R, agents).
        box: the reports possible.
        investment: of all reports together.
        served: their part of the ordered allocation.
        resources: R; the first R types are plentiful.
        tolerance: as in `test_date`.
        total: everybody's projects of the partly invested types, shape (R,).

    Returns:
        The tests. `linear` allows equality, which by continuity is enough for Lemma 6; Property I itself does not.

    Source: zhu2021, Section 6.1. Paper: N(mu, i) > n or < n; here: served entirely or not at all at every report,
    because the paper's N has no value where nobody is served.
    """
    geometry = investment.geometry
    amount = investment.amount[geometry.partial]
    slack = kink(amount, tolerance)
    low, high = None if box.low is None else box.low.T, box.high.T
    matrix = geometry.displaced
    gains, losses = np.maximum(-matrix, matrix * 0), np.maximum(matrix, matrix * 0)
    alone = amount[:, None] + displaced  # without the agent's own full types
    least, most = alone - losses @ high, alone + gains @ high
    supply = total[:, None] - served.reports
    if low is not None:
        least, most, supply = least + gains @ low, most - losses @ low, supply + low[geometry.partial]
    own = high[geometry.partial]
    finite = geometry.partial >= resources
    room = supply[finite] - most[finite]
    never = np.asarray(most <= served.before + slack, dtype=bool)
    always = np.asarray(least >= served.before + own - slack, dtype=bool)
    settled = _all(never | always | (own <= 0))
    invariant = _all(least > slack) & _all(room > slack)
    stays = _all(least >= -slack) & _all(room >= -slack)
    return Tested(
        linear=stays & settled,
        price_invariant=invariant & investment.unique_price,
        served=always & ~never,
    )


def _all(holds: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(np.asarray(holds, dtype=bool).all(axis=0), dtype=bool)


def kink(amount: NDArray[Any], tolerance: float) -> float:
    """How near to a kink counts as on it: a share of the largest amount partly invested in; 0 in exact arithmetic."""
    return tolerance * float(np.abs(amount).max()) if tolerance else 0
