"""The linked VCG mechanism date by date: `allocate` only looks back, `settle` pays at the end.

Memory is one date of reports, one set of bounds, and a few numbers an agent and date, whatever the horizon; reports
are kept only of agents and dates where prices are not taken as given. Source: zhu2021, Sections 4 and 6.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.inner import Limits, Minimum, least_left_to_others
from mechopt.mechanisms.linked_vcg.knapsack import Investment, Knapsack
from mechopt.mechanisms.linked_vcg.ordered import CLOSE, Served, allocate, serve
from mechopt.mechanisms.linked_vcg.pieces import Date
from mechopt.mechanisms.linked_vcg.price_taking import Box, Tested, price_takers
from mechopt.program import to_float

TOLERANCE = 1e-11  # relative: how near to a kink counts as on it
CLOSED = 1e-8  # relative: a bracket this narrow is an optimum, its width is rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allocated:
    """One date, allocated.

    Attributes:
        reports: after the retraction, shape (agents, types).
        investment: of all reports together, with its certificate.
        served: the ordered allocation, in payoff.
        tested: Properties I and II.
    """

    reports: NDArray[Any]
    investment: Investment
    served: Served
    tested: Tested

    def projects(self) -> NDArray[Any]:
        """Served projects of every agent and type, shape (agents, types)."""
        return allocate(self.reports, self.investment)


@dataclass(slots=True, kw_only=True, eq=False)
class _Kept:
    """What settling needs of one date."""

    investment: Investment
    weight: Any
    reward: NDArray[Any]  # c_t = d_t p . theta of the types always served, shape (types,)
    served: NDArray[np.bool_]  # partly invested types served entirely, shape (R, agents)
    spent: NDArray[Any]  # c_t . x_t, shape (agents,)
    left: NDArray[Any]  # d_t w_t at the report, shape (agents,)
    searched: NDArray[np.intp]  # agents who do not take prices as given
    reports: NDArray[Any]  # theirs, shape (searched, types)
    before: NDArray[Any]  # B of theirs
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
        served_invariant: Property II.
        minima: the search behind each transfer that is not a closed form, by agent.
    """

    contribution: NDArray[Any]
    unlinked: NDArray[Any]
    linked_low: NDArray[Any]
    linked_high: NDArray[Any]
    method: Sequence[str]
    price_invariant: NDArray[np.bool_]
    served_invariant: NDArray[np.bool_]
    minima: dict[int, Minimum] = field(default_factory=dict)


class Market:
    """One horizon of the linked VCG mechanism.

    Args:
        knapsack: stock and types.
        lower: least averages, shape (agents, types).
        upper: largest averages, shape (agents, types).
        dates: T >= 1.
        discount: beta in (0, 1].
        limits: when to stop searching for the transfer of an agent who is not small.
    """

    def __init__(
        self,
        knapsack: Knapsack,
        lower: NDArray[Any],
        upper: NDArray[Any],
        *,
        dates: int,
        discount: Any = 1,
        limits: Limits | None = None,
    ) -> None:
        self.knapsack, self.dates, self.discount, self.limits = knapsack, dates, discount, limits
        self.least, self.most = lower * dates, upper * dates
        # The projection of the agent's reports on one date: the other dates take up the slack.
        self.box = Box.of(self.least if dates == 1 else None, self.most)
        agents = len(upper)
        self.exact = upper.dtype == object
        self.zero: Any = Fraction(0) if self.exact else 0.0
        self._used: NDArray[Any] | None = None
        self._ceiling = self.most
        self._kept: list[_Kept] = []
        self.contribution = np.full(agents, self.zero)
        self.unlinked = np.full(agents, self.zero)
        self.price_invariant = np.ones(agents, dtype=bool)
        self.served_invariant = np.ones(agents, dtype=bool)

    @property
    def date(self) -> int:
        """How many dates are allocated."""
        return len(self._kept)

    def allocate(
        self, reports: NDArray[Any], *, retracted: bool = False, total: NDArray[Any] | None = None, name: str = ""
    ) -> Allocated:
        """Allocate the next date.

        Args:
            reports: mu_t >= 0, projects, shape (agents, types).
            retracted: the reports are known to keep the bounds, so nothing is to be cut.
            total: of all agents, where the caller has it, shape (types,).
            name: of the date, for messages.

        Raises:
            InstanceError: wrong shape, a negative or infinite report, or a date too many.
        """
        if self.date == self.dates:
            raise InstanceError(
                f"all {self.dates} dates are allocated; settle, or start a new market", key="endowments"
            )
        if reports.shape != self.most.shape:
            raise InstanceError(f"has shape {reports.shape}, not {self.most.shape} [agent][type]", key="endowments")
        if not retracted:
            reports = self._retract(reports)
        if total is None:
            total = reports.sum(axis=0) if self.exact else np.ones(len(reports)) @ reports
        investment = self.knapsack.invest(total, date=name or str(self.date + 1))
        geometry = investment.geometry
        weight = self.discount ** (self.date + 1 - self.dates)
        reward = np.where(geometry.full, weight * (self.knapsack.types @ geometry.price), self.zero)
        # All that is linear in the reports, in one pass over them.
        columns = np.vstack([geometry.displaced, geometry.full.astype(reports.dtype), reward])
        *displaced, full, spent = columns @ reports.T
        served = serve(reports, investment, full=full)
        tested = price_takers(
            np.array(displaced), self.box, investment, served, resources=self.knapsack.resources,
            tolerance=0.0 if self.exact else TOLERANCE,
        )  # fmt: skip
        spent = spent + weight * np.where(tested.served, served.reports, self.zero).sum(axis=0)
        self._keep(reports, total, investment, served, tested, (weight, reward, spent))
        return Allocated(reports=reports, investment=investment, served=served, tested=tested)

    def _retract(self, reports: NDArray[Any]) -> NDArray[Any]:
        """Cut what would take a sum above its bound; at the last date make up for what is missing."""
        if not (reports.min() >= 0 and reports.max() < np.inf):
            raise InstanceError("reports must be finite and at least 0", key="endowments")
        if self._used is None:
            self._used = np.full(self.most.shape, self.zero)
            # Not where only rounding says so: sums of floats are near their bound, not on it.
            self._ceiling = self.most if self.exact else self.most * (1 + CLOSE)
        self._used += reports
        over = np.nonzero(self._used > self._ceiling)
        if over[0].size:
            reports = reports.copy()
            room = self.most[over] - (self._used[over] - reports[over])
            reports[over] = np.minimum(reports[over], np.maximum(room, self.zero))
        if self.date == self.dates - 1:
            floor = self.least if self.exact else self.least * (1 - CLOSE)
            under = np.nonzero(self._used < floor)
            if under[0].size:
                reports = reports.copy()
                reports[under] += (self.least - self._used)[under]
        return reports

    def _keep(
        self,
        reports: NDArray[Any],
        total: NDArray[Any],
        investment: Investment,
        served: Served,
        tested: Tested,
        rewards: tuple[Any, NDArray[Any], NDArray[Any]],
    ) -> None:
        weight, reward, spent = rewards
        left = weight * (investment.value - served.own)
        searched = np.flatnonzero(~tested.linear)
        self.contribution = self.contribution + self.discount**self.date * served.own
        self.unlinked = self.unlinked + left
        self.price_invariant &= tested.price_invariant
        self.served_invariant &= tested.served_invariant
        self._kept.append(
            _Kept(
                investment=investment, weight=weight, reward=reward, served=tested.served, spent=spent, left=left,
                searched=searched, reports=reports[searched], before=_before(reports, searched), total=total,
            )
        )  # fmt: skip

    def settle(self) -> Settlement:
        """The transfers, at the end of the last date.

        Raises:
            InstanceError: dates are missing.

        Source: zhu2021, Section 4, and Lemma 6 for agents who take prices as given.
        """
        if self.date < self.dates:
            raise InstanceError(f"{self.date} of {self.dates} dates are allocated", key="endowments")
        charge = self._best_reward(np.arange(len(self.most)), list(range(self.dates)))
        # Agent by agent in one pass: what the budget is worth at each type's best date, less what was spent.
        low = (self.most * charge).sum(axis=1) - sum(kept.spent for kept in self._kept)
        low = np.maximum(low, self.zero)
        high, method, minima = low.copy(), ["price_taking"] * len(low), {}
        searched: dict[int, list[int]] = {}
        for date, kept in enumerate(self._kept):
            for agent in kept.searched.tolist():
                searched.setdefault(agent, []).append(date)
        for agent, dates in sorted(searched.items()):
            minimum, low[agent], high[agent] = self._search(agent, dates)
            method[agent], minima[agent] = minimum.method, minimum
        return Settlement(
            contribution=self.contribution, unlinked=self.unlinked, linked_low=low, linked_high=high, method=method,
            price_invariant=self.price_invariant, served_invariant=self.served_invariant, minima=minima,
        )  # fmt: skip

    def _best_reward(self, agents: NDArray[np.intp], dates: Sequence[int]) -> NDArray[Any]:
        """max over dates of c_ti, per agent and type: what one more project is worth where it is worth most."""
        kinds = self.most.shape[1]
        best = np.full(kinds, self.zero)
        for date in dates:
            best = np.maximum(best, self._kept[date].reward)
        result = np.repeat(best[None, :], len(agents), axis=0)
        for date in dates:
            kept = self._kept[date]
            partial = kept.investment.geometry.partial
            earned = np.where(kept.served[:, agents].T, kept.weight, self.zero)
            result[:, partial] = np.maximum(result[:, partial], earned)
        return result

    def _search(self, agent: int, dates: Sequence[int]) -> tuple[Minimum, Any, Any]:
        """The linked transfer of one agent who does not take prices as given: (search, low, high)."""
        others = [date for date in range(self.dates) if date not in dates]
        exact_charge = self._best_reward(np.array([agent]), others)[0]
        charge, most = to_float(exact_charge), to_float(self.most[agent])
        # With a date outside the search, that date takes up the slack and the lower bound cannot bind.
        least = np.zeros_like(most) if others else to_float(self.least[agent])
        views = [self._view(agent, date) for date in dates]
        minimum = least_left_to_others(self.knapsack, views, charge, (least, most), limits=self.limits)
        now = float(sum(self._kept[date].left[agent] for date in dates))
        fixed = float(charge @ most) - float(sum(self._kept[date].spent[agent] for date in others))
        low, high = fixed + now - minimum.high, fixed + now - minimum.low
        scale = 1.0 + abs(fixed) + abs(now)
        if high - low <= CLOSED * scale:
            high = low
        return minimum, max(0.0, low), max(0.0, high)

    def _view(self, agent: int, date: int) -> Date:
        kept = self._kept[date]
        row = int(np.searchsorted(kept.searched, agent))
        report = to_float(kept.reports[row])
        others = to_float(kept.total - kept.reports[row])
        others = np.maximum(others, 0.0)
        others[: self.knapsack.resources] = np.inf
        high = to_float(self.most[agent])
        return Date(
            others=others, before=np.minimum(to_float(kept.before[row]), others),
            low=to_float(self.least[agent]) if self.dates == 1 else np.zeros_like(high), high=np.maximum(high, report),
            report=report, weight=float(kept.weight), start=kept.investment.geometry,
        )  # fmt: skip


def _before(reports: NDArray[Any], agents: NDArray[np.intp]) -> NDArray[Any]:
    """What those after each of some agents have together (they are served first), shape (len(agents), types)."""
    if not agents.size:
        return reports[:0].copy()  # a view would keep all the reports of the date
    if agents.size * 8 > len(reports):
        after = np.cumsum(reports[::-1], axis=0)[::-1] - reports
        after[-1] = after[-1] * 0
        return after[agents]
    ends = np.append(agents[1:] + 1, len(reports))
    between = [reports[start + 1 : end].sum(axis=0) for start, end in zip(agents, ends, strict=True)]
    return np.cumsum(np.array(between)[::-1], axis=0)[::-1]
