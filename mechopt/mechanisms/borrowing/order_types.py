"""What the manager expects of each job of a queue: every combination of types where they are few, else draws."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.borrowing.cases import LARGEST_SETS, Cases
from mechopt.mechanisms.borrowing.environment import Agent
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.values import ValueFunction

LARGEST_WORK = 100_000_000  # sets times combinations that are enumerated
LARGEST_COMBINATIONS = 300_000
LARGEST_SLOW = 1_000  # orders found one by one, where jobs wait for releases or separations

Type = tuple[str, Fraction, Fraction]  # value function, duration, probability


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Types:
    """The types of every job.

    Attributes:
        problem: the queue.
        values: value functions by name.
        beliefs: one a job, in the jobs' order.
    """

    problem: Problem
    values: dict[str, ValueFunction]
    beliefs: tuple[Agent, ...]

    @property
    def finite(self) -> bool:
        """Whether every duration has finitely many values."""
        return all(not belief.times.pieces for belief in self.beliefs)

    @property
    def few(self) -> bool:
        """Whether every combination of types can be looked at."""
        if not self.finite:
            return False
        combinations = prod(len(found) for found in self.each)
        jobs = len(self.problem)
        if self.problem.plain and jobs <= LARGEST_SETS:
            return combinations <= LARGEST_COMBINATIONS and combinations << jobs <= LARGEST_WORK
        return combinations * (jobs + 1) <= LARGEST_SLOW

    @property
    def each(self) -> list[list[Type]]:
        """The types of each job that have a probability above 0, where durations have finitely many values."""
        return [
            [(name, time, p * mass) for name, p in belief.beliefs for time, mass in belief.times.atoms if p * mass]
            for belief in self.beliefs
        ]

    @property
    def functions(self) -> tuple[ValueFunction, ...]:
        """The value functions that occur, each once."""
        names = {name: None for belief in self.beliefs for name, p in belief.beliefs if p}
        return tuple(self.values[name] for name in names)

    def combinations(self) -> Cases:
        """Every combination of types, the last job's changing fastest."""
        types = self.each
        number = {function.name: place for place, function in enumerate(self.functions)}
        grid = np.indices([len(found) for found in types]).reshape(len(types), -1)
        denominators = {time.denominator for found in types for _, time, _ in found}
        step = Fraction(1, lcm(*denominators))
        which = [np.array([number[name] for name, _, _ in found])[at] for found, at in zip(types, grid, strict=True)]
        steps = [
            np.array([int(time / step) for _, time, _ in found])[at] for found, at in zip(types, grid, strict=True)
        ]
        return Cases(problem=self.problem, functions=self.functions, which=np.stack(which), duration=np.stack(steps),
                     step=step)  # fmt: skip

    def draw(self, generator: np.random.Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(number of the value function, duration) of every job, shapes (jobs, size)."""
        number = {function.name: place for place, function in enumerate(self.functions)}
        which, durations = [], []
        for belief in self.beliefs:
            known = [(number[name], float(p)) for name, p in belief.beliefs if p]
            chances = np.array([p for _, p in known])
            chosen = generator.choice(len(known), size=size, p=chances / chances.sum())
            which.append(np.array([place for place, _ in known])[chosen])
            sure = not belief.times.pieces and len(belief.times.atoms) == 1
            durations.append(
                np.full(size, float(belief.times.atoms[0][0])) if sure else belief.times.draw(generator, size)
            )
        return np.stack(which), np.stack(durations)

    def sampled(self, which: NDArray[np.int64], duration: NDArray[np.float64]) -> Cases:
        """Draws as cases, in floats."""
        return Cases(problem=self.problem, functions=self.functions, which=which, duration=duration, step=None)

    def bounds(self) -> list[tuple[Fraction, Fraction]]:
        """Proven bounds of each job's value at whatever completion it can have."""
        queue = self.problem.queue
        end = longest(self.problem, self.beliefs)
        found = []
        for job, belief in zip(self.problem.jobs, self.beliefs, strict=True):
            since = job.release if queue.since_release else Fraction(0)
            begin = max(job.release, Fraction(0)) - since + belief.times.low
            ends = [self.values[name].bounds(begin, max(begin, end - since)) for name, p in belief.beliefs if p]
            found.append((min(low for low, _ in ends), max(high for _, high in ends)))
        return found


def longest(problem: Problem, beliefs: tuple[Agent, ...]) -> Fraction:
    """The latest completion that an order without idling can have, whatever the durations; or the queue's horizon."""
    queue = problem.queue
    last = max((job.release for job in queue.jobs), default=Fraction(0))
    gaps = sum((max(row) for row in queue.separation), Fraction(0)) if queue.separation else Fraction(0)
    return max(last + sum((belief.times.high for belief in beliefs), Fraction(0)) + gaps, queue.horizon or Fraction(0))


def index(types: list[list[Type]], job: int, name: str, duration: Fraction) -> int | None:
    """Which of a job's types this is; None where it is none of them."""
    for place, (function, time, _) in enumerate(types[job]):
        if (function, time) == (name, duration):
            return place
    return None


def probabilities(types: list[list[Type]]) -> list[tuple[list[int], int]]:
    """Each job's probabilities as whole numbers over a denominator."""
    result: list[tuple[list[int], int]] = []
    for found in types:
        denominator = lcm(*(p.denominator for _, _, p in found))
        result.append(([int(p * denominator) for _, _, p in found], denominator))
    return result


def mean(values: NDArray[Any], weights: list[tuple[list[int], int]], axis: int) -> NDArray[Any]:
    """The sum over one axis with whole weights: the mean times the axis's denominator; the axis is kept."""
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = np.array(weights[axis][0], dtype=object).reshape(shape)
    return np.asarray((values * weight).sum(axis=axis, keepdims=True))
