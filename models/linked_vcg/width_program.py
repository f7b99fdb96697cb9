"""The cheapest bounds of a given confidence, written as a program in CVXPY.

    minimise    sum_j weight_j d_j
    subject to  sum_j tail_j <= delta,   tail_j >= exp(-2 T d_j^2 / range_j^2),   d_j >= range_j / (2 sqrt(T))

over the widths d_j of the bounds of all pairs j of agent and type. Hoeffding's tail is convex from where it is
exp(-1/2), which is what the last constraint says, but it is not among CVXPY's atoms. So it stands as the maximum of
its tangents: some to begin with, then where the optimum of the program so far cuts below the curve, until it does not
by more than one part in 10^8 (Kelley's method). The last program is the one returned: add side constraints of your own
to it.

Independent of the engine (`mechopt.mechanisms.linked_vcg.widths`), which finds the same optimum by one multiplier.
Source: zhu2021, Section 5, takes the bounds as given; the program is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError, SolveError
from mechopt.formulation import Formulation
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.laws import from_reports
from mechopt.mechanisms.linked_vcg.planning import Scenario, worth
from mechopt.mechanisms.linked_vcg.widths import Tails, cheapest_widths

Array = NDArray[np.float64]
CUT = 1e-8  # relative to delta: how far the tangents may lie below the tails
PARTS = 1000
MOST_ROUNDS = 40
FIRST, LEAST = 24, 1e-3  # tangents to begin with, down to this share of what a pair would get of delta


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """The pairs whose endowments vary and whose projects are worth something.

    Attributes:
        weight: cost of a unit of width, shape (pairs,).
        spread: range of one date's endowment, shape (pairs,).
        dates: T; with means estimated on H dates 1 / (1/T + 1/H).
    """

    weight: Array
    spread: Array
    dates: float


def pairs(environment: Environment) -> Pairs:
    """What the document's reports say: ranges, and what a project is worth at the document's prices."""
    laws, dates = from_reports(environment.endowments), environment.endowments.shape[1]
    weight = dates * worth(Scenario.of(environment), dates)
    spread = laws.high - laws.low
    here = (weight > 0) & (spread > 0)
    if not here.any():
        raise InstanceError("no endowment varies and is worth something, so there is nothing to choose",
                            key="endowments")  # fmt: skip
    return Pairs(weight=weight[here], spread=spread[here], dates=1 / (1 / dates + 1 / laws.observed))


def problem(given: Pairs, delta: float) -> Any:
    """The program with the tangents that its optimum needs.

    Raises:
        SolveError: no proven optimum.
    """
    rate = 2 * given.dates / given.spread**2
    least = given.spread / (2 * given.dates**0.5)  # where the tail is exp(-1/2)
    width = cp.Variable(given.weight.size, name="width")  # d_j
    tail = cp.Variable(
        given.weight.size, name="tail", nonneg=True
    )  # in units of delta / PARTS: solvers have tolerances
    constraints = [cp.sum(tail) <= PARTS, width >= least]  # sum_j tail_j <= delta
    objective = cp.Minimize(given.weight @ width)
    levels = np.geomspace(np.exp(-0.5), delta * LEAST / given.weight.size, FIRST)
    at = np.sqrt(np.log(1 / levels)[:, None] / rate)  # where the tails have these heights, shape (cuts, pairs)
    for _ in range(MOST_ROUNDS):
        height = np.exp(-rate * at**2) * PARTS / delta
        slope = -2 * rate * at * height
        tails, widths = (cp.vstack([variable] * len(at)) for variable in (tail, width))
        constraints.append(tails >= height + cp.multiply(slope, widths - at))  # tail_j above its tangent at d_j
        program = cp.Problem(objective, constraints)
        program.solve(solver=cp.SCIPY)  # HiGHS without its banner
        if program.status != cp.OPTIMAL:
            raise SolveError(f"CVXPY ended the width program with {program.status}")
        at = np.maximum(np.asarray(width.value), least)[None]
        if np.exp(-rate * at**2).sum() <= delta * (1 + CUT):
            return program
    raise SolveError(f"after {MOST_ROUNDS} rounds the tangents still lie below the tails")


def build(environment: Environment, delta: float) -> Any:
    """The program for a document's reports."""
    if not 0 < delta <= 0.5:
        raise InstanceError(f"must be above 0 and at most 0.5, not {delta:g}", key="delta")
    return problem(pairs(environment), delta)


def engine(environment: Environment, delta: float) -> float:
    """The engine's optimum of the same program: the supports have no end here."""
    given = pairs(environment)
    return optimum(given, delta)


def optimum(given: Pairs, delta: float) -> float:
    """The engine's optimum for given pairs."""
    tails = Tails(
        bound="hoeffding", spread=given.spread, reach=np.full(given.spread.size, np.inf), dates=given.dates,
        sides=np.ones(given.spread.size),
    )  # fmt: skip
    return cheapest_widths(given.weight, tails, budget=delta).cost


FORMULATIONS = (
    Formulation(
        name="widths",
        title="the cheapest bounds that all averages keep with probability 1 - delta",
        build=build,
        engine=engine,
        options={"delta": 0.05},
    ),
)
