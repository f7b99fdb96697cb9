"""Choosing a linked VCG mechanism: how many dates to link, and how far the bounds lie from the means.

The expected cost of a choice is what agents who take prices as given receive (Lemma 6) where each date's prices and
reports are drawn from the document's dates. For agents who are not small it is an estimate. Source: zhu2021,
Sections 5 and 6, which take dates and bounds as given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.brackets import DateRewards, date_rewards
from mechopt.mechanisms.linked_vcg.confidence import Payoffs, believable_by_agents, risk_of_agents
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.knapsack import Investment
from mechopt.mechanisms.linked_vcg.laws import Laws
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.widths import Bound, Widths, cheapest_widths
from mechopt.program import to_float

Array = NDArray[np.float64]
ROUNDS = 200  # of bounds and the payoffs that they allow
LEAST_WORTH = 1e-3  # relative to the worthiest project
SETTLED = 1e-6  # relative: how much more payoff than needed to count with


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """The document's dates as what a date can be like.

    Attributes:
        environment: stock, types, reports.
        reports: shape (agents, dates, types).
        investments: of each date.
        types: theta in floats.
        discount: beta.
        taken: what a project is worth to report at prices as they are, shape (dates, agents, types).
        spent: what the reports are worth likewise, shape (dates, agents).
        value: of each date, shape (dates,).
        payoffs: what resources can give at most.
    """

    environment: Environment
    reports: Array
    investments: list[Investment]
    types: Array
    discount: float
    taken: Array
    spent: Array
    value: Array
    payoffs: Payoffs

    @classmethod
    def of(cls, environment: Environment) -> Scenario:
        """The reports as they are, without any retraction: the bounds are what is to be chosen."""
        solver = knapsack(environment)
        solver.possible[:] = True
        totals = environment.endowments.sum(axis=0)
        reports, types = to_float(environment.endowments), to_float(environment.types)
        investments = [
            solver.invest(total, date=name) for total, name in zip(totals, environment.date_names, strict=True)
        ]
        found = [
            date_rewards(reports[:, place], reports[:, place], investment, types)
            for place, investment in enumerate(investments)
        ]
        return cls(
            environment=environment, reports=reports, types=types, investments=investments,
            discount=float(environment.discount), taken=np.stack([date.taken for date in found]),
            spent=np.stack([date.spent_taken for date in found]), value=np.array([date.value for date in found]),
            payoffs=Payoffs.of(environment.stock, environment.types),
        )  # fmt: skip

    def takers(self, most: Array) -> NDArray[np.bool_]:
        """Who takes prices as given at every date where reports reach up to `most`, shape (agents,)."""
        takers = np.ones(len(most), dtype=bool)
        for date in self.rewards(most):
            takers &= date.takers
        return takers

    def rewards(self, most: Array) -> Iterator[DateRewards]:
        """What reporting is worth at each date, where a date's report reaches up to `most`."""
        for place, investment in enumerate(self.investments):
            yield date_rewards(self.reports[:, place], most, investment, self.types)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """What a choice costs, in date-1 value, expected over the document's dates.

    Attributes:
        best: what one more project in an agent's budget is worth, shape (agents, types).
        width: the part of the cost for the distance of the bounds from the means.
        timing: the part for prices that differ between dates.
        surplus: of everybody.
    """

    best: Array
    width: float
    timing: float
    surplus: float

    @property
    def cost(self) -> float:
        """What the principal pays."""
        return self.width + self.timing

    @property
    def ratio(self) -> float:
        """The cost-to-surplus ratio."""
        return self.cost / self.surplus


def expected(scenario: Scenario, laws: Laws, upper: Array, dates: int, best: Array) -> Expected:
    """The expected cost of bounds that link so many dates.

    Args:
        scenario: what a date can be like.
        laws: for the means.
        upper: bounds on the averages, shape (agents, types).
        dates: T.
        best: from `worth`.
    """
    total = float((scenario.discount ** np.arange(dates)).sum())
    used = dates * float((laws.mean * best).sum())
    return Expected(
        best=best, width=dates * float((upper * best).sum()) - used,
        timing=used - total * float(scenario.spent.mean(axis=0).sum()), surplus=total * float(scenario.value.mean()),
    )  # fmt: skip


def worth(scenario: Scenario, dates: int) -> Array:
    """What one more project in an agent's budget for so many dates is worth, date-1 value, shape (agents, types)."""
    return expected_best(scenario.taken, np.asarray(scenario.discount ** np.arange(dates), dtype=np.float64))


def expected_best(rewards: Array, weights: Array) -> Array:
    """E max_t weight_t c_t where each c_t is drawn from the same rewards.

    Args:
        rewards: >= 0, shape (draws, agents, types).
        weights: > 0, not increasing, shape (dates,).
    """
    draws = len(rewards)
    columns, place = np.unique(rewards.reshape(draws, -1), axis=1, return_inverse=True)  # most agents share theirs
    ranked = np.sort(columns, axis=0)
    if np.all(weights == weights[0]):
        steps = (np.arange(draws + 1) / draws) ** weights.size
        best = weights[0] * (np.diff(steps) @ ranked)
    else:
        # E max = the integral of P(max > x) = 1 - prod_t F(x / weight_t), constant between the points drawn.
        points = np.sort((ranked[:, None] * weights[:, None]).reshape(-1, ranked.shape[1]), axis=0)
        below = np.vstack([np.zeros((1, ranked.shape[1])), points[:-1]])
        product = np.ones_like(points)
        for weight in weights:
            product *= sum((weight * row <= below).astype(np.float64) for row in ranked) / draws
        best = ((points - below) * (1 - product)).sum(axis=0)
    return np.asarray(best[place.ravel()].reshape(rewards.shape[1:]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Bounds for one number of dates and one confidence.

    Attributes:
        dates: T.
        lower: shape (agents, types).
        upper: shape (agents, types).
        widths: how they were chosen, over the pairs of agent and type.
        delta: the probability that somebody leaves his bounds, at most, per agent, shape (agents,).
        payoff_bound: D_n, shape (agents,).
        conjecture: the smallest that is believable; None where there is no tolerance, or none.
        expected: cost.
        takers: who takes prices as given at all of the document's dates, shape (agents,).
    """

    dates: int
    lower: Array
    upper: Array
    widths: Widths
    delta: Array
    payoff_bound: Array
    conjecture: float | None
    expected: Expected
    takers: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aim:
    """What a plan must reach.

    Attributes:
        bound: on the tails.
        delta: the largest probability that somebody leaves his bounds; None where the conjecture decides.
        conjecture: to be believable, where delta is None.
        tolerance: epsilon, payoff; None where there is none.
        sides: 1 for upper bounds, 2 for lower ones as well, shape (agents,).
    """

    bound: Bound
    delta: float | None
    conjecture: float | None
    tolerance: float | None
    sides: NDArray[np.intp]


def plan(scenario: Scenario, laws: Laws, dates: int, aim: Aim) -> Plan:
    """The cheapest bounds that reach an aim with so many dates.

    Raises:
        InstanceError: the aim cannot be reached.
    """
    tails = laws.tails(aim.bound, dates=dates, sides=aim.sides)
    best = worth(scenario, dates)
    # What is worth nothing at the document's prices may be worth something at others: it counts a little.
    weight = dates * np.maximum(best, LEAST_WORTH * best.max(initial=0.0)).ravel()
    # Wider bounds allow more payoff, and more payoff asks for wider bounds: from below until the two agree.
    limit = _payoff_bounds(scenario, np.minimum(laws.mean, laws.high), dates) * (1 + SETTLED)
    for _ in range(ROUNDS):
        budget, risk = _budget(aim, limit, laws.mean.shape)
        found = cheapest_widths(weight, tails, budget=budget, risk=risk)
        upper = np.minimum(laws.mean + found.width.reshape(laws.mean.shape), laws.high)
        needed = _payoff_bounds(scenario, upper, dates)
        if aim.conjecture is None or np.all(needed <= limit):
            break
        limit = np.maximum(limit, needed * (1 + SETTLED))
    else:
        raise InstanceError("no bounds were found that allow as little payoff as their conjecture needs",
                            key="design.conjecture")  # fmt: skip
    delta = np.minimum(found.tail.reshape(laws.mean.shape).sum(axis=1), 1.0)
    below = np.maximum(laws.mean - found.width.reshape(laws.mean.shape), laws.low)
    return Plan(
        dates=dates, widths=found, delta=delta, payoff_bound=needed, upper=upper,
        lower=np.where((aim.sides == 2)[:, None], np.maximum(below, 0.0), 0.0),
        conjecture=None if aim.tolerance is None else believable_by_agents(
            delta, tolerance=aim.tolerance, payoff_bound=needed),
        expected=expected(scenario, laws, upper, dates, best), takers=scenario.takers(dates * upper),
    )  # fmt: skip


def _payoff_bounds(scenario: Scenario, upper: Array, dates: int) -> Array:
    return scenario.payoffs.bounds(upper, dates=dates, discount=scenario.discount)


def _budget(aim: Aim, limit: Array, shape: tuple[int, ...]) -> tuple[float, Any]:
    """The budget of probability, and what a unit of each pair's takes of it."""
    if aim.delta is not None:
        return aim.delta, 1.0
    if aim.conjecture is None or aim.tolerance is None:
        raise ValueError("an aim is a delta, or a conjecture with a tolerance")
    if len(limit) == 1:  # nobody to conjecture about: the only agent stops with probability delta D / epsilon
        return aim.conjecture, np.repeat(limit / aim.tolerance, shape[1])
    risk = risk_of_agents(aim.conjecture, tolerance=aim.tolerance, payoff_bound=limit)
    return aim.conjecture, np.repeat(risk, shape[1])
