"""The linked transfer of one agent alone, with the report that sets it.

`run` settles everybody at once; this takes one agent afresh, from his positions: the closed form where he takes prices
as given, the search where he does not. Source: zhu2021, Section 4, definition of the linked VCG mechanism, and Lemma 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.inner import Limits, displacement, least_left_to_others
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.market import CLOSED
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.pieces import Date
from mechopt.mechanisms.linked_vcg.position import Position, find_agent, positions
from mechopt.program import to_float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linked:
    """The linked transfer of one agent, in floats.

    Attributes:
        agent: his place.
        unlinked: uW^n at his (retracted) reports, money at the end.
        low: proven to be at most the linked transfer.
        high: proven to be at least the linked transfer where `reports` attains it; this is paid.
        method: "price_taking", "pieces" or "milp".
        reports: the witness: reports within his bounds that leave the least known to the others, shape (dates, types).
        left: what they leave, uW^n at the witness, each date's knapsack solved again.
    """

    agent: int
    unlinked: float
    low: float
    high: float
    method: str
    reports: NDArray[np.float64]
    left: float


def linked_transfer(environment: Environment, agent: int | str, *, limits: Limits | None = None) -> Linked:
    """The linked transfer of one agent and the report that sets it.

    Args:
        environment: the instance.
        agent: name, or place from 0.
        limits: when to stop searching.

    Returns:
        The transfer as a bracket; its ends are equal where the search was not cut off.

    Raises:
        InstanceError: no such agent, or the types are not generic where it matters.
    """
    place = find_agent(environment, agent)
    return linked_at(environment, place, positions(environment, place), limits=limits)


def linked_at(
    environment: Environment, place: int, found: Sequence[Position], *, limits: Limits | None = None
) -> Linked:
    """The same, from positions already known."""
    solver = knapsack(environment)
    views = [view(solver, position) for position in found]
    dates = len(found)
    least, most = (dates * to_float(bound[place]) for bound in (environment.lower, environment.upper))
    reward = np.array([_reward(environment, position) for position in found])
    fixed = [date for date, position in enumerate(found) if position.linear]
    searched = [date for date in range(dates) if date not in fixed]
    charge = reward[fixed].max(axis=0) if fixed else np.zeros_like(most)
    reports, width, method = np.zeros((dates, most.size)), 0.0, "price_taking"
    if searched:
        floor = np.zeros_like(most) if fixed else least  # a date outside the search takes up the slack
        minimum = least_left_to_others(
            solver, [views[date] for date in searched], charge, (floor, most), limits=limits
        )  # fmt: skip
        reports[searched], method, width = minimum.reports, minimum.method, minimum.high - minimum.low
    if fixed:  # what is left of the budget, where one more project displaces most
        best = np.array(fixed)[reward[fixed].argmax(axis=0)]
        reports[best, np.arange(most.size)] += np.maximum(most - reports.sum(axis=0), 0.0)
    unlinked = sum(float(position.weight) * float(position.investment.value - position.own) for position in found)
    left = left_to_others(solver, views, reports)
    if width <= CLOSED * (solver.unit + unlinked + left):
        width = 0.0
    low, high = max(0.0, unlinked - left), max(0.0, unlinked - left + width)
    return Linked(agent=place, unlinked=unlinked, low=low, high=high, method=method, reports=reports, left=left)


def view(solver: Knapsack, position: Position) -> Date:
    """A position as the search for pieces sees it."""
    others = to_float(position.others).copy()
    others[: solver.resources] = np.inf
    report = to_float(position.report)
    return Date(
        others=others, before=np.minimum(to_float(position.before), others), low=to_float(position.low),
        high=np.maximum(to_float(position.high), report), report=report, weight=float(position.weight),
        start=position.investment.geometry,
    )  # fmt: skip


def left_to_others(solver: Knapsack, dates: Sequence[Date], reports: NDArray[np.float64]) -> float:
    """uW^n at any reports of his: what all others get, each date's knapsack solved again."""
    return float(sum(date.weight * displacement(solver, date, x) for date, x in zip(dates, reports, strict=True)))


def _reward(environment: Environment, position: Position) -> NDArray[np.float64]:
    """c_t: money at the end that one more project of each type displaces, where he is always served."""
    cost = to_float(environment.types) @ to_float(position.investment.geometry.price)
    return np.asarray(np.where(position.enclosing, float(position.weight) * cost, 0.0))
