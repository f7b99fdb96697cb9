"""Ex-post deviations: what an agent would gain by other reports than the truth, the others telling it.

Corners of what he may report, reports inside, and reports outside, which the mechanism retracts. What the linked
mechanism takes off does not depend on his report, so a gain is one of production and unlinked transfer together.
Source: zhu2021, Sections 2 and 4, ex-post equilibrium, Proposition 1 and Theorem 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.position import find_agent
from mechopt.mechanisms.linked_vcg.production import Production
from mechopt.program import to_float

Floats = NDArray[np.float64]
KINDS = ("corner", "inside", "outside")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deviation:
    """The best of some reports.

    Attributes:
        agent: his name.
        gain: over the truth, money at the end; negative where he would lose.
        kind: "corner", "inside" or "outside" of his bounds.
        report: projects, shape (dates, types).
        least_left: the least that any of the reports left to the others, money at the end.
        tried: how many, by kind.
    """

    agent: str
    gain: float
    kind: str
    report: Floats
    least_left: float
    tried: dict[str, int]


def best_deviation(
    environment: Environment,
    agent: int | str,
    *,
    count: int = 60,
    seed: int = 0,
    production: Production | None = None,
    truth: float | None = None,
) -> Deviation:
    """The report, of some, by which an agent would gain most over the truth.

    Args:
        environment: the instance.
        agent: name, or place from 0.
        count: reports to try; corners come first, all of them where a third of `count` is enough.
        seed: of what is drawn.
        production: of this agent, where the caller has it.
        truth: what the truth earns him, production and unlinked transfer together, money at the end, where the
            caller has it; else it is computed.

    Raises:
        InstanceError: there is no such agent.
    """
    place = find_agent(environment, agent)
    production = production or Production(environment, place)
    if truth is None:
        truth = sum(production.payoff(production.truth))
    tries = list(deviations(environment, place, production.truth, count=count, seed=seed))
    own, left = production.payoffs(np.array([report for _, report in tries]))
    best = int(np.argmax(own + left))
    kinds = [kind for kind, _ in tries]
    return Deviation(
        agent=environment.agent_names[place], gain=float(own[best] + left[best] - truth), kind=kinds[best],
        report=tries[best][1], least_left=float(left.min()), tried={kind: kinds.count(kind) for kind in KINDS},
    )  # fmt: skip


def deviations(
    environment: Environment, place: int, truth: Floats, *, count: int, seed: int
) -> Iterator[tuple[str, Floats]]:
    """Reports to try, each with its kind: about a third corners, a third inside the bounds, a third outside."""
    rng = np.random.default_rng(seed)
    low, high = (len(truth) * to_float(bound[place]) for bound in (environment.lower, environment.upper))
    corners = list(_corners(truth.shape, low, high, rng, max(1, count // 3)))
    yield from (("corner", corner) for corner in corners)
    rest = max(2, count - len(corners))
    for number in range(rest - rest // 2):
        yield "inside", _inside(truth, corners, number, rng)
    for number in range(rest // 2):
        yield "outside", _outside(truth, high, number, rng)


def _corners(
    shape: tuple[int, ...], low: Floats, high: Floats, rng: np.random.Generator, count: int
) -> Iterator[Floats]:
    """Each type's whole budget, or least, at one date: every choice where there are few, else some, the two ends first.

    A corner of the bounds on a sum has all of it at one date; types are free of each other.
    """
    dates, kinds = shape
    choices = [
        [(date, total) for total in sorted({float(low[kind]), float(high[kind])}) for date in range(dates)]
        if high[kind] > 0 else [(0, 0.0)]
        for kind in range(kinds)
    ]  # fmt: skip
    sizes = [len(options) for options in choices]
    every = float(np.prod(np.array(sizes, dtype=float))) <= count
    if every:
        picks: Iterator[tuple[tuple[int, float], ...]] = product(*choices)
    else:
        ends = [tuple(options[0] for options in choices), tuple(options[-1] for options in choices)]
        drawn = (tuple(options[rng.integers(len(options))] for options in choices) for _ in range(count - 2))
        picks = iter([*ends[:count], *drawn])
    for pick in picks:
        corner = np.zeros(shape)
        for kind, (date, total) in enumerate(pick):
            corner[date, kind] = total
        yield corner


def _inside(truth: Floats, corners: list[Floats], number: int, rng: np.random.Generator) -> Floats:
    """The truth shuffled over the dates, a step towards a corner, or between corners: all keep the bounds."""
    if number % 3 == 0:
        return truth[rng.permutation(len(truth))]
    corner = corners[rng.integers(len(corners))]
    if number % 3 == 1:
        return truth + rng.choice([0.02, 0.2, 0.6]) * (corner - truth)
    other = corners[rng.integers(len(corners))]
    return corner + rng.random() * (other - corner)


def _outside(truth: Floats, high: Floats, number: int, rng: np.random.Generator) -> Floats:
    """Nothing at all, far too much everywhere, far too much at one date, or noise on the truth."""
    if number == 0:
        return np.zeros_like(truth)
    if number == 1:
        return truth * 3 + high
    if number % 2:
        result = truth.copy()
        result[rng.integers(len(truth))] += high * rng.uniform(0.5, 3.0, high.shape)
        return result
    return truth * rng.uniform(0.0, 2.0, truth.shape)
