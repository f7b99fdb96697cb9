"""What an agent can produce with resources allocated to one report when another is true, and what the others get.

Everything is solved afresh from the reports: nothing of prices, pieces or transfers is used. Source: zhu2021,
Section 2, the payoff v(A^n_t(report), mu^n_t) of agent n at date t, and Section 4, the unlinked transfer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mechopt.batch_simplex import solve_batch
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.program import LinearProgram, to_float
from mechopt.solver import Sequence as Hot

Floats = NDArray[np.float64]

PAIRS = 20_000  # solved together, so that their arrays stay small


class Production:
    """Own production and what is left to the others, for any reports of one agent; the others report as they do.

    Args:
        environment: the instance.
        place: of the agent.
        reports: of everybody after the retraction, where the caller has them, shape (agents, dates, types).

    Attributes:
        truth: his own retracted reports, shape (dates, types).
        weight: d_t = beta ** (t - T), shape (dates,).
        unit: of payoffs; below, rounding of programs is all there is.
    """

    def __init__(self, environment: Environment, place: int, reports: Floats | None = None) -> None:
        if reports is None:
            reports = to_float(retract(environment.endowments, environment.lower, environment.upper)[0])
        self.truth = reports[place]
        self._others = reports.sum(axis=0) - self.truth
        self._before = reports[place + 1 :].sum(axis=0)
        dates = len(self.truth)
        self.weight = float(environment.discount) ** (np.arange(1, dates + 1) - dates)
        self._bounds = to_float(environment.lower[[place]]), to_float(environment.upper[[place]])
        self._solver, self._types = knapsack(environment), to_float(environment.types)
        self.unit, self._measure = self._solver.unit, self._solver.measure  # of payoffs, and of resources
        self._alone = Hot(
            LinearProgram.from_dense(
                (self._types / self._measure).T, sense="max", cost=np.ones(len(self._types)), lower=0.0, upper=0.0,
                row_lower=np.full(environment.stock.size, -np.inf), row_upper=0.0,
            )
        )  # fmt: skip

    def served(self, date: int, report: Floats) -> tuple[Floats, float]:
        """Projects of the agent that the ordered allocation serves, and what everybody else gets."""
        amount, value = self._solver.float_amounts(self._others[date] + report)
        own = np.minimum(report, np.maximum(amount - self._before[date], 0.0))
        return own, value - float(own.sum())

    def best(self, resources: Floats, projects: Floats) -> float:
        """v(resources, projects) from below: the payoff of a plan that fits both."""
        if not resources.any() or not projects.any():
            return 0.0
        upper, row_upper = projects / self.unit, resources / self._measure / self.unit
        plan = np.clip(self._alone.solve(upper=upper, row_upper=row_upper).point * self.unit, 0.0, projects)
        return float(self._fitted(plan[None], resources[None])[0])

    def _fitted(self, plan: Floats, resources: Floats) -> Floats:
        """Payoffs of plans that rounding may have left above the resources, cut to what fits, shape (plans,)."""
        used = plan @ self._types
        share = np.divide(resources, used, out=np.ones_like(used), where=used > resources)
        # Type by type: dust of a type that needs what there is none of must not cost the others anything.
        part = np.ones_like(plan)
        for resource in range(self._types.shape[1]):
            needs = self._types[:, resource] > 0
            part[:, needs] = np.minimum(part[:, needs], share[:, resource : resource + 1])
        return np.asarray((part * plan).sum(axis=1))

    def payoff(self, told: Floats) -> tuple[float, float]:
        """What he produces and what the others get where he tells `told` and his retracted reports are true.

        Args:
            told: any reports, shape (dates, types); they are retracted as the mechanism does.

        Returns:
            Both as money at the end of the last date.
        """
        used = retract(told[None], *self._bounds)[0][0]
        own, left = 0.0, 0.0
        for date, weight in enumerate(self.weight.tolist()):
            projects, others = self.served(date, used[date])
            own += weight * self.best(projects @ self._types, self.truth[date])
            left += weight * others
        return own, left

    def payoffs(self, told: Floats) -> tuple[Floats, Floats]:
        """`payoff` of many reports at once, all their programs in two batches.

        Args:
            told: shape (many, dates, types).

        Returns:
            What he produces and what the others get, shape (many,) each.
        """
        many, dates, kinds = told.shape
        low, high = (np.repeat(bound, many, axis=0) for bound in self._bounds)
        used = retract(told, low, high)[0]
        projects, left = self._served_all(used.reshape(-1, kinds), np.tile(np.arange(dates), many))
        own = self._best_all(projects @ self._types, np.tile(self.truth, (many, 1)))
        return own.reshape(many, dates) @ self.weight, left.reshape(many, dates) @ self.weight

    def _served_all(self, reports: Floats, date: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """`served` of many reports, each at its date."""
        amount, value = self._solver.float_amounts_of_many(self._others[date] + reports)
        own = np.minimum(reports, np.maximum(amount - self._before[date], 0.0))
        return own, value - own.sum(axis=1)

    def _best_all(self, resources: Floats, projects: Floats) -> Floats:
        """`best` of many, row by row."""
        upper, row_upper = projects / self.unit, resources / self._measure / self.unit
        found = solve_batch(self._alone.program, upper=upper, row_upper=row_upper)
        plan = np.clip(found.point * self.unit, 0.0, projects)
        return self._fitted(plan, resources)

    def compare(self, reports: Floats) -> tuple[Floats, Floats]:
        """What own production gains by each report where each other one is true, and the unlinked transfers.

        Args:
            reports: within his bounds, shape (reports, dates, types).

        Returns:
            gain[k, l], money at the end, shape (reports, reports), from below; and uW at each report, shape (reports,).
        """
        size = len(reports)
        gain, unlinked = np.zeros((size, size)), np.zeros(size)
        for date, weight in enumerate(self.weight.tolist()):
            # Many reports agree at many dates: each pair of different ones is solved once.
            different, which = np.unique(reports[:, date], axis=0, return_inverse=True)
            which = which.ravel()
            many = len(different)
            projects, left = self._served_all(different, np.full(many, date))
            own = projects.sum(axis=1)
            # What the reports of a column are served, used for what is true in a row; some rows at a time.
            table, some = np.empty((many, many)), max(1, PAIRS // many)
            for first in range(0, many, some):
                true = different[first : first + some]
                resources = np.tile(projects @ self._types, (len(true), 1))
                best = self._best_all(resources, np.repeat(true, many, axis=0))
                table[first : first + some] = best.reshape(len(true), many)
            np.fill_diagonal(table, own)
            gain += weight * (table - own[:, None])[np.ix_(which, which)]
            unlinked += weight * left[which]
        return gain, unlinked
