"""The linked VCG mechanism date by date: `allocate` only looks back, `settle` pays at the end.

Memory is one date of reports, one set of bounds, and a few numbers an agent and date, whatever the horizon; reports
are kept only of agents and dates where prices are not taken as given. Where all reports are there from the start,
`allocate_all` does the same in two passes over them. Source: zhu2021, Sections 4 and 6.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.accept import accept, accept_bounds
from mechopt.mechanisms.linked_vcg.inner import Limits, Minimum
from mechopt.mechanisms.linked_vcg.knapsack import Investment, Knapsack
from mechopt.mechanisms.linked_vcg.ordered import Served, allocate, serve
from mechopt.mechanisms.linked_vcg.pieces import Date
from mechopt.mechanisms.linked_vcg.price_taking import TOLERANCE, Bounds, Tested, examine, test_date
from mechopt.mechanisms.linked_vcg.room import Room
from mechopt.mechanisms.linked_vcg.searching import Search, search_all
from mechopt.mechanisms.linked_vcg.settlement import Kept, Settlement, best_reward, budget_worth
from mechopt.mechanisms.linked_vcg.sums import Step, Sums, weighted
from mechopt.program import to_float
from mechopt.tasks import Progress

CLOSED = 1e-8  # relative: a bracket this narrow is an optimum, its width is rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allocated:
    """One date, allocated.

    Attributes:
        reports: after the retraction, shape (agents, types).
        total: of all agents together, shape (types,).
        investment: of all reports together, with its certificate.
        bounds: of the reports that were possible.
    """

    reports: NDArray[Any]
    total: NDArray[Any]
    investment: Investment
    bounds: Bounds

    @property
    def served(self) -> Served:
        """The ordered allocation, in payoff."""
        return serve(self.reports, self.investment)

    @property
    def tested(self) -> Tested:
        """Properties I and II of every agent."""
        return examine(
            Sums(self.reports), np.arange(len(self.reports)), self.investment, self.bounds,
            resources=len(self.investment.geometry.price), tolerance=_tolerance(self.reports),
        )  # fmt: skip

    def projects(self) -> NDArray[Any]:
        """Served projects of every agent and type, shape (agents, types)."""
        return allocate(self.reports, self.investment)


class Market:
    """One horizon of the linked VCG mechanism.

    Args:
        knapsack: stock and types.
        lower: least averages, shape (agents, types).
        upper: largest averages, shape (agents, types).
        dates: T >= 1.
        discount: beta in (0, 1].
        limits: when to stop searching for the transfer of an agent who is not small.

    Raises:
        InstanceError: a bound, the discount or the number of dates is wrong; names the agent and type.
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
        lower, upper, discount = accept_bounds(knapsack, lower, upper, dates, discount)
        self.knapsack, self.dates, self.discount, self.limits = knapsack, dates, discount, limits
        self.lower, self.upper = lower, upper = lower.copy(), upper.copy()  # the caller's arrays stay the caller's
        self.bounds = Bounds(lower, upper, dates)
        agents = len(upper)
        self.exact = upper.dtype == object
        self.zero: Any = Fraction(0) if self.exact else 0.0
        self._room = Room(lower, upper, dates)
        self._kept: list[Kept] = []
        self._spent = np.full(agents, self.zero)
        self.contribution = np.full(agents, self.zero)
        self.price_invariant = np.ones(agents, dtype=bool)
        self.served_invariant = np.ones(agents, dtype=bool)

    @property
    def date(self) -> int:
        """How many dates are allocated."""
        return len(self._kept)

    @property
    def unlinked(self) -> NDArray[Any]:
        """uW^n so far, money at the end: what all have together at each date, less what the agent has."""
        value = sum((kept.weight * kept.investment.value for kept in self._kept), self.zero)
        return np.asarray(value - self.discount ** (1 - self.dates) * self.contribution)

    def allocate(self, reports: NDArray[Any], *, name: str = "") -> Allocated:
        """Allocate the next date, or leave everything as it was: a call that raises can be made again.

        Args:
            reports: mu_t >= 0, projects, shape (agents, types). Where nothing of it is cut, the result holds this very
                array: do not write to it while the result is in use.
            name: of the date, for messages.

        Raises:
            InstanceError: wrong shape, a negative or infinite report (names the agent and type), a date too many, or
                types that are not generic at this date's price.
            CertificateError: no proof of optimality was found.
        """
        if self.date == self.dates:
            raise InstanceError(
                f"all {self.dates} dates are allocated; settle, or start a new market", key="endowments"
            )
        reports = accept(reports, self.upper.shape, "endowments", exactly=self.exact, later=True)
        reports, parts = self._room.take(reports, last=self.date == self.dates - 1)
        sums = Sums(reports, parts)
        investment = self.knapsack.invest_reports(reports, sums.total, date=name or str(self.date + 1))
        self._add(sums, [investment])
        self._room.keep()
        return Allocated(reports=reports, total=sums.total, investment=investment, bounds=self.bounds)

    def allocate_all(self, reports: NDArray[Any], *, names: Sequence[str] = ()) -> list[Investment]:
        """Allocate every date at once, for reports that are known to keep the bounds.

        Args:
            reports: mu >= 0, projects, shape (agents, dates, types).
            names: of the dates, for messages.

        Raises:
            InstanceError: wrong shape, or a date is allocated already.
        """
        agents, kinds = self.upper.shape
        if self.date or reports.shape != (agents, self.dates, kinds):
            raise InstanceError(
                f"has shape {reports.shape}, not {(agents, self.dates, kinds)} [agent][date][type]"
                if not self.date else f"{self.date} dates are allocated already; start a new market",
                key="endowments",
            )  # fmt: skip
        flat = reports.reshape(agents, self.dates * kinds)
        sums = Sums(flat)
        names = names or [str(date + 1) for date in range(self.dates)]
        investments = [
            self.knapsack.invest_reports(reports[:, date], total, date=name)
            for date, (total, name) in enumerate(zip(sums.total.reshape(self.dates, kinds), names, strict=True))
        ]
        self._add(sums, investments)
        return investments

    def _add(self, sums: Sums, investments: Sequence[Investment]) -> None:
        """Some dates' contributions, tests, and what settling needs; `sums` has all their types side by side."""
        kinds = self.upper.shape[1]
        weights = np.full((2, sums.total.size), self.zero)
        steps: list[Step] = []
        marginal: list[tuple[int, Any]] = []  # who is served in part, and what that adds
        for place, investment in enumerate(investments):
            column, present = place * kinds, self.discount**self.date
            part = slice(column, column + kinds)
            today, geometry = sums.part(part), investment.geometry
            kept = self._keep(today, investment)
            weights[0, part] = np.where(geometry.full, present, self.zero)
            weights[1, part] = kept.reward
            for row, kind in enumerate(geometry.partial.tolist()):
                amount = investment.amount[kind]
                if today.total[kind] <= amount:
                    steps.append(Step(0, 0, column + kind, present))
                else:
                    agent, before = today.crossing(kind, amount)
                    steps.append(Step(agent + 1, 0, column + kind, present))
                    if agent < len(self.upper):
                        marginal.append((agent, present * min(today.reports[agent, kind], amount - before)))
                steps.append(Step(int(kept.test.always_from[row]), 1, column + kind, kept.weight))
            singly, examined = kept.test.singly, kept.test.examined
            if singly.any():
                own = today.reports[np.ix_(examined, geometry.partial)].T
                self._spent[examined] += kept.weight * np.where(singly, own, self.zero).sum(axis=0)
        contribution, spent = weighted(sums.reports, weights, steps)
        self.contribution += contribution
        self._spent += spent
        for agent, gained in marginal:
            self.contribution[agent] += gained

    def _keep(self, sums: Sums, investment: Investment) -> Kept:
        geometry = investment.geometry
        weight = self.discount ** (self.date + 1 - self.dates)
        test = test_date(
            sums, investment, self.bounds, resources=self.knapsack.resources, tolerance=_tolerance(sums.reports)
        )  # fmt: skip
        self.price_invariant[test.examined] &= test.tested.price_invariant
        self.price_invariant &= investment.unique_price
        self.served_invariant[test.examined] &= test.tested.served_invariant
        searched = test.examined[~test.tested.linear]
        mine, before = sums.reports[searched], sums.behind(searched, slice(None))
        reward = np.where(geometry.full, weight * (self.knapsack.types @ geometry.price), self.zero)
        partly = mine[:, geometry.partial]
        left = np.maximum(investment.amount[geometry.partial] - before[:, geometry.partial], 0)
        own = mine @ geometry.full.astype(mine.dtype) + np.minimum(partly, left).sum(axis=1)
        always = np.where(test.always(searched).T, partly, self.zero).sum(axis=1)
        kept = Kept(
            investment=investment, weight=weight, reward=reward, test=test, searched=searched,
            spent=mine @ reward + weight * always, left=weight * (investment.value - own), reports=mine,
            before=before, total=sums.total.copy(),
        )  # fmt: skip
        self._kept.append(kept)
        return kept

    def settle(self, *, workers: int = 1, progress: Progress | None = None) -> Settlement:
        """The transfers, at the end of the last date.

        Args:
            workers: processes to search in, for agents who do not take prices as given.
            progress: called as progress(done, total) with the agents searched. Ctrl-C ends the search: those not
                searched by then get their bracket without a search.

        Raises:
            InstanceError: dates are missing.

        Source: zhu2021, Section 4, and Lemma 6 for agents who take prices as given.
        """
        if self.date < self.dates:
            raise InstanceError(f"{self.date} of {self.dates} dates are allocated", key="endowments")
        low = np.maximum(budget_worth(self._kept, self.upper) - self._spent, self.zero)
        high, method = low.copy(), ["price_taking"] * len(low)
        dates: dict[int, list[int]] = {}
        for date, kept in enumerate(self._kept):
            for agent in kept.searched.tolist():
                dates.setdefault(agent, []).append(date)
        agents = sorted(dates)
        searches = [self._search(agent, dates[agent]) for agent in agents]
        found, interrupted = search_all(
            self.knapsack, searches, limits=self.limits, workers=workers, progress=progress
        )  # fmt: skip
        minima = dict(zip(agents, found, strict=True))
        for search, (agent, minimum) in zip(searches, minima.items(), strict=True):
            low[agent], high[agent] = self._transfer(agent, dates[agent], search, minimum)
            method[agent] = minimum.method
        return Settlement(
            contribution=self.contribution, unlinked=self.unlinked, linked_low=low, linked_high=high, method=method,
            price_invariant=self.price_invariant, served_invariant=self.served_invariant, minima=minima,
            interrupted=interrupted,
        )  # fmt: skip

    def _search(self, agent: int, dates: Sequence[int]) -> Search:
        """What is to be searched for an agent who does not take prices as given at these dates."""
        others = [kept for date, kept in enumerate(self._kept) if date not in dates]
        most = to_float(self.upper[agent] * self.dates)
        # With a date outside the search, that date takes up the slack and the lower bound cannot bind.
        least = np.zeros_like(most) if others else to_float(self.lower[agent] * self.dates)
        charge = to_float(best_reward(others, agent, self.upper.shape[1], self.zero))
        return Search(dates=[self._view(agent, date) for date in dates], charge=charge, budget=(least, most))

    def _transfer(self, agent: int, dates: Sequence[int], search: Search, minimum: Minimum) -> tuple[float, float]:
        """The linked transfer from what the search has found: (low, high)."""
        rows = [(self._kept[date], int(np.searchsorted(self._kept[date].searched, agent))) for date in dates]
        now = float(sum(kept.left[row] for kept, row in rows))
        spent = float(self._spent[agent] - sum(kept.spent[row] for kept, row in rows))
        fixed = float(search.charge @ search.budget[1]) - spent
        low, high = fixed + now - minimum.high, fixed + now - minimum.low
        if high - low <= CLOSED * (self.knapsack.unit + abs(fixed) + abs(now)):
            high = low
        return max(0.0, low), max(0.0, high)

    def _view(self, agent: int, date: int) -> Date:
        kept = self._kept[date]
        row = int(np.searchsorted(kept.searched, agent))
        report = to_float(kept.reports[row])
        others = to_float(kept.total - kept.reports[row])
        others = np.maximum(others, 0.0)
        others[: self.knapsack.resources] = np.inf
        box = self.bounds.of(np.array([agent]))
        most = to_float(box.high[0])
        return Date(
            others=others, before=np.minimum(to_float(kept.before[row]), others),
            low=np.zeros_like(most) if box.low is None else to_float(box.low[0]), high=np.maximum(most, report),
            report=report, weight=float(kept.weight), start=kept.investment.geometry,
        )  # fmt: skip


def _tolerance(reports: NDArray[Any]) -> float:
    return 0.0 if reports.dtype == object else TOLERANCE
