"""What an agent can produce with resources allocated to one report when another is true, and what the others get.

Everything is solved afresh from the reports: nothing of prices, pieces or transfers is used. Source: zhu2021,
Section 2, the payoff v(A^n_t(report), mu^n_t) of agent n at date t, and Section 4, the unlinked transfer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.program import LinearProgram, to_float
from mechopt.solver import Sequence as Hot

Floats = NDArray[np.float64]


class Production:
    """Own production and what is left to the others, for any reports of one agent; the others report as they do.

    Args:
        environment: the instance.
        place: of the agent.
        reports: of everybody after the retraction, where the caller has them, shape (agents, dates, types).

    Attributes:
        truth: his own retracted reports, shape (dates, types).
        weight: d_t = beta ** (t - T), shape (dates,).
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
        self._alone = Hot(
            LinearProgram.from_dense(
                self._types.T, sense="max", cost=np.ones(len(self._types)), lower=0.0, upper=0.0,
                row_lower=np.full(environment.stock.size, -np.inf), row_upper=to_float(environment.stock),
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
        plan = np.clip(self._alone.solve(upper=projects, row_upper=resources).point, 0.0, projects)
        used = plan @ self._types
        over = used > resources
        share = float((resources[over] / used[over]).min()) if over.any() else 1.0
        return share * float(plan.sum())

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
            served = [self.served(date, report) for report in different]
            own = np.array([float(projects.sum()) for projects, _ in served])
            table = np.zeros((len(different), len(different)))
            for column, (projects, _) in enumerate(served):
                resources = projects @ self._types
                for row, true in enumerate(different):
                    table[row, column] = own[row] if row == column else self.best(resources, true)
            gain += weight * (table - own[:, None])[np.ix_(which, which)]
            unlinked += weight * np.array([left for _, left in served])[which]
        return gain, unlinked
