"""Where one agent stands at each date: what he is served, what his reports could move, and which test that fails.

The market keeps only what settling needs; this takes one agent afresh from the environment, with everything that a
statement, the geometric algorithm or an audit has to show. Source: zhu2021, Sections 4 and 6.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.catalog import nearest
from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.knapsack import Investment
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.ordered import Served, retract, serve
from mechopt.mechanisms.linked_vcg.price_taking import TOLERANCE, Box, Tested, price_takers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Position:
    """One agent at one date.

    Attributes:
        name: of the date.
        investment: of all reports together.
        weight: d_t = beta ** (t - T), money at the end per unit of payoff at this date.
        report: after the retraction, projects, shape (types,).
        served: of it, projects, shape (types,).
        others: M, projects of everybody else but the principal, shape (types,).
        before: B, projects of the agents served before him, shape (types,).
        supply: what there is of the partly invested types besides his own, infinite for the principal's, shape (R,).
        least: the smallest amounts invested in these that a report of his could lead to, shape (R,).
        most: the largest, shape (R,).
        low: the least report possible at this date, shape (types,).
        high: the largest, shape (types,).
        tested: Properties I and II, arrays of one agent.
    """

    name: str
    investment: Investment
    weight: Any
    report: NDArray[Any]
    served: NDArray[Any]
    others: NDArray[Any]
    before: NDArray[Any]
    supply: NDArray[Any]
    least: NDArray[Any]
    most: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    tested: Tested

    @property
    def linear(self) -> bool:
        """Whether what the others get is linear in his report, so that the closed form holds."""
        return bool(self.tested.linear[0])

    @property
    def enclosing(self) -> NDArray[np.bool_]:
        """Types of which he is served entirely whatever he reports: n > N(mu_t, i), shape (types,)."""
        result = self.investment.geometry.full.copy()
        result[self.investment.geometry.partial] = self.tested.served[:, 0]
        return result

    @property
    def own(self) -> Any:
        """Payoff of his served projects: v(A^n_t, mu^n_t)."""
        return self.served.sum()


def find_agent(environment: Environment, agent: int | str) -> int:
    """The place of an agent given by name, or by place from 0.

    Raises:
        InstanceError: there is no such agent; says which are near.
    """
    names = environment.agent_names
    if isinstance(agent, str):
        if agent not in names:
            raise InstanceError(f"there is no agent {agent!r}{nearest(agent, names)}", key="agent")
        return names.index(agent)
    if not 0 <= agent < len(names):
        raise InstanceError(f"there is no agent at place {agent}; places are 0 to {len(names) - 1}", key="agent")
    return int(agent)


def positions(environment: Environment, agent: int | str) -> list[Position]:
    """One agent at every date, after the retraction.

    Args:
        environment: the instance.
        agent: name, or place from 0.

    Raises:
        InstanceError: no such agent, or the types are not generic where it matters.
    """
    place = find_agent(environment, agent)
    reports = retract(environment.endowments, environment.lower, environment.upper)[0]
    solver, dates = knapsack(environment), reports.shape[1]
    low = environment.lower[[place]] if dates == 1 else None
    box = Box(low=low, high=environment.upper[[place]] * dates)
    result = []
    for date, name in enumerate(environment.date_names):
        today = reports[:, date]
        investment = solver.invest_reports(today, today.sum(axis=0), date=name)
        served = serve(today, investment)
        result.append(
            _position(
                name, investment, environment.discount ** (date + 1 - dates), today[place], _only(served, place),
                (today[:place].sum(axis=0), today[place + 1 :].sum(axis=0)), box,
            )
        )  # fmt: skip
    return result


def _only(served: Served, place: int) -> Served:
    one = [place]
    return Served(
        own=served.own[one], partial=served.partial[:, one], before=served.before[:, one],
        reports=served.reports[:, one],
    )  # fmt: skip


def _position(
    name: str,
    investment: Investment,
    weight: Any,
    report: NDArray[Any],
    served: Served,
    around: tuple[NDArray[Any], NDArray[Any]],
    box: Box,
) -> Position:
    """One agent at one date; `around` is what those served after him have, and those served before him."""
    geometry, others = investment.geometry, around[0] + around[1]
    partial, resources = geometry.partial, geometry.partial.size
    displaced = (geometry.displaced @ report)[:, None]
    tested = price_takers(
        displaced, box, investment, served, resources=resources, total=(others + report)[partial],
        tolerance=0.0 if report.dtype == object else TOLERANCE,
    )  # fmt: skip
    alone = investment.amount[partial] + displaced[:, 0]
    matrix, high = geometry.displaced, box.high[0]
    low = high * 0 if box.low is None else box.low[0]
    gains, losses = np.maximum(-matrix, matrix * 0), np.maximum(matrix, matrix * 0)
    supply = others[partial]
    supply[partial < resources] = np.inf
    projects = np.where(geometry.full, report, report * 0)
    projects[partial] = served.partial[:, 0]
    return Position(
        name=name, investment=investment, weight=weight, report=report, served=projects, others=others,
        before=around[1], supply=supply, least=alone - losses @ high + gains @ low,
        most=alone + gains @ high - losses @ low, low=low, high=high, tested=tested,
    )  # fmt: skip
