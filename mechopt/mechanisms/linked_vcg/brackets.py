"""Linked transfers of everybody between two closed forms, without a search: what a design or a simulation needs.

For an agent who takes prices as given the two agree with Lemma 6. For the others they enclose the transfer, and an
estimate stands between them: Lemma 6 as if the agent took prices, and his place in the queue, as they are.

- where only who is served depends on his report (Property II fails), reporting a project of a partly invested type
  is worth between nothing and one payoff;
- where the price does (Property I fails), w(truth) - w(x) is at most what is served of x, because
  w(x) + own(x) = v(q, M + x) >= v(q, M) >= w(truth): at most one payoff a project; and nothing reported takes back at
  most what is served of the truth, because w(0) = v(q, M) <= w(truth) + own(truth).

Source: zhu2021, Section 6.1, Lemma 6, and its proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.knapsack import Investment
from mechopt.mechanisms.linked_vcg.ordered import serve
from mechopt.mechanisms.linked_vcg.price_taking import TOLERANCE, kink
from mechopt.program import to_float

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DateRewards:
    """What reporting is worth at one date, in payoff of that date.

    Attributes:
        low: per project, at least, shape (agents, types).
        high: per project, at most, shape (agents, types).
        taken: per project, to an agent who takes prices and his place in the queue as they are, shape (agents, types).
        spent_low: what the agent's own report is worth where `low` is used, shape (agents,).
        spent_high: likewise where `high` is.
        spent_taken: likewise where `taken` is.
        own: the payoff of his served projects, shape (agents,).
        value: of everybody's.
        constant: whether no report of his changes the price, shape (agents,).
        settled: whether none changes who is served, shape (agents,).
    """

    low: Array
    high: Array
    taken: Array
    spent_low: Array
    spent_high: Array
    spent_taken: Array
    own: Array
    value: float
    constant: NDArray[np.bool_]
    settled: NDArray[np.bool_]

    @property
    def takers(self) -> NDArray[np.bool_]:
        """Who takes prices as given."""
        return self.constant & self.settled


def date_rewards(
    reports: Array, most: Array, investment: Investment, types: Array, *, least: Array | None = None
) -> DateRewards:
    """The rewards of one date.

    Args:
        reports: mu_t, shape (agents, types).
        most: the largest report of each, T times the bound, shape (agents, types).
        investment: of all reports together.
        types: theta, shape (types, resources).
        least: the smallest report of each where there is one date only, shape (agents, types); None for 0.
    """
    geometry = investment.geometry
    partial, resources = geometry.partial, types.shape[1]
    amount, matrix = to_float(investment.amount), to_float(geometry.displaced)
    served = serve(reports, replace(investment, amount=amount))
    alone = amount[partial][:, None] + matrix @ reports.T
    slack = kink(amount[partial], TOLERANCE)
    gains, losses = np.maximum(-matrix, 0), np.maximum(matrix, 0)
    smallest, largest = alone - losses @ most.T, alone + gains @ most.T
    supply = served.before[:, :1] + served.reports[:, :1] - served.reports
    if least is not None:
        smallest, largest = smallest + gains @ least.T, largest - losses @ least.T
        supply = supply + least[:, partial].T
    finite = partial >= resources
    constant = (smallest >= -slack).all(axis=0) & (supply[finite] - largest[finite] >= -slack).all(axis=0)
    box = most[:, partial].T
    never = (largest <= served.before + slack) | (box <= 0)
    always = (smallest >= served.before + box - slack) & ~never
    reward = np.where(geometry.full, types @ to_float(geometry.price), 0.0)
    low = np.broadcast_to(reward, reports.shape).copy()
    high = low.copy()
    taken = low.copy()
    low[:, partial], high[:, partial] = always.T, ~never.T
    taken[:, partial] = (amount[partial][:, None] > served.before).T
    spent = reports @ reward + served.partial.sum(axis=0)
    low[~constant], high[~constant] = 0.0, 1.0
    return DateRewards(
        low=low, high=high, taken=taken, spent_taken=spent, own=served.own, value=float(investment.value),
        constant=constant,
        spent_low=np.where(constant, spent, served.own), spent_high=np.where(constant, spent, 0.0),
        settled=np.asarray((never | always).all(axis=0), dtype=bool),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bracket:
    """Both transfers of a horizon, in date-1 value, arrays of shape (agents,).

    Attributes:
        linked_low: proven to be at most the linked transfer.
        linked_high: proven to be at least it.
        estimate: of it; equal to both for those who take prices as given.
        unlinked: the unlinked transfer.
        own: contributions.
        width: the part of the estimate for the distance of the bounds from what was reported.
        timing: the part for prices that differ between dates: it stays when the bounds are tight.
        surplus: of everybody.
        takers: who takes prices as given at every date.
    """

    linked_low: Array
    linked_high: Array
    estimate: Array
    unlinked: Array
    own: Array
    width: Array
    timing: Array
    surplus: float
    takers: NDArray[np.bool_]


def bracket(dates: Iterable[DateRewards], budget: Array, used: Array, *, discount: float) -> Bracket:
    """The transfers of a horizon.

    Args:
        dates: the rewards of each, in order.
        budget: T times the bounds, shape (agents, types).
        used: the sum of the reports, shape (agents, types).
        discount: beta.
    """
    agents = len(budget)
    low, high, taken = (np.zeros_like(budget) for _ in range(3))
    spent_low, spent_high, spent_taken, own, unlinked = (np.zeros(agents) for _ in range(5))
    takers, somewhere = np.ones(agents, dtype=bool), np.zeros(agents, dtype=bool)
    surplus, weight = 0.0, 1.0
    for date in dates:
        np.maximum(low, weight * date.low, out=low)
        np.maximum(high, weight * date.high, out=high)
        np.maximum(taken, weight * date.taken, out=taken)
        spent_low += weight * date.spent_low
        spent_high += weight * date.spent_high
        spent_taken += weight * date.spent_taken
        own += weight * date.own
        unlinked += weight * (date.value - date.own)
        surplus += weight * date.value
        takers &= date.takers
        somewhere |= date.constant
        weight *= discount
    # A report of nothing on dates with a constant price is never worth less than 0, so what a lower bound demands
    # can be put there; without such a date only the truth, worth 0, is sure to be allowed.
    best_low = np.where(somewhere, (budget * low).sum(axis=1) - spent_low, 0.0)
    linked_high = np.maximum((budget * high).sum(axis=1) - spent_high, 0.0)
    linked_low = np.clip(best_low, 0.0, linked_high)
    width, timing = ((budget - used) * taken).sum(axis=1), (used * taken).sum(axis=1) - spent_taken
    return Bracket(
        linked_low=linked_low, linked_high=linked_high, estimate=np.clip(width + timing, linked_low, linked_high),
        unlinked=unlinked, own=own, width=width, timing=timing, surplus=surplus, takers=takers,
    )  # fmt: skip
