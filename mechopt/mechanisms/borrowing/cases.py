"""Many cases of one queue at once: the best welfare of all jobs, and of all but one, for every draw of their types.

Where nothing waits, the dynamic program over sets runs over all cases together; with affine values the welfare has a
closed form, W* = sum_i v_i(r + t_i) - sum_{i<j} min(b_i t_j, b_j t_i). Other queues are solved case by case.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import SolveError
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.sequencing import best_order
from mechopt.mechanisms.borrowing.values import ValueFunction, evaluate

LARGEST_SETS = 14  # jobs whose sets are walked through for many cases
BLOCK = 1 << 22  # numbers of one table of sets and cases
EVALUATIONS = 1_000_000  # exact values computed one by one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cases:
    """Types of every job in every case.

    Attributes:
        problem: the queue; its releases, separations and flags hold in every case.
        functions: the value functions that occur.
        which: number of the value function, shape (jobs, cases).
        duration: p_i, whole steps or floats, shape (jobs, cases).
        step: length of a step; None where durations are floats.
    """

    problem: Problem
    functions: tuple[ValueFunction, ...]
    which: NDArray[np.int64]
    duration: NDArray[Any]
    step: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Welfares:
    """The best welfare in every case; whole numbers over a denominator, or floats over 1.

    Attributes:
        all_jobs: W*, shape (cases,).
        without: W*_{-i}, the best of the other jobs, shape (jobs, cases).
        scale: the denominator.
        exact: whether the numbers are whole.
    """

    all_jobs: NDArray[Any]
    without: NDArray[Any]
    scale: int
    exact: bool


def welfares(cases: Cases) -> Welfares:
    """W* and every W*_{-i} of every case.

    Raises:
        SolveError: the numbers have too many digits, or a case has no order with a proof.
    """
    plain = cases.problem.plain
    if plain and cases.step is None and all(function.affine is not None for function in cases.functions):
        return by_pairs(cases)
    if plain and len(cases.problem) <= LARGEST_SETS:
        return by_sets(cases)
    return one_by_one(cases)


def by_pairs(cases: Cases) -> Welfares:
    """Affine values, in floats: from what neighbours cost each other."""
    lines = [function.affine or (Fraction(0), Fraction(0)) for function in cases.functions]
    constant, slope = (np.array([float(line[k]) for line in lines])[cases.which] for k in (0, 1))
    time = cases.duration
    alone = constant - slope * (_since(cases.problem) + time)
    count = len(cases.problem)
    lost = np.zeros((count, count, time.shape[1]))
    for i in range(count):
        for j in range(i):
            lost[i, j] = lost[j, i] = np.minimum(slope[i] * time[j], slope[j] * time[i])
    best = alone.sum(axis=0) - lost.sum(axis=(0, 1)) / 2
    return Welfares(all_jobs=best, without=best - alone + lost.sum(axis=1), scale=1, exact=False)


def _since(problem: Problem) -> float:
    """The time that a value counts when the resource begins to be used."""
    return 0.0 if problem.queue.since_release else float(problem.begin)


def by_sets(cases: Cases) -> Welfares:
    """F(S) = max_j F(S - j) + v_j(p(S)) for all cases together; W*_{-i} are the sets that lack one job."""
    size = max(1, BLOCK >> len(cases.problem))
    count = cases.which.shape[1]
    blocks = [
        replace(cases, which=cases.which[:, k : k + size], duration=cases.duration[:, k : k + size])
        for k in range(0, count, size)
    ]
    if cases.step is None:
        found = [_best(block, partial(_floats, block)) for block in blocks]
        scale = 1
    else:
        distinct = np.unique(np.concatenate([np.unique(_lengths(block)) for block in blocks]))
        table, scale = _table(cases, distinct)
        found = [_best(block, partial(_whole, block, distinct, table)) for block in blocks]
    whole, without = (np.concatenate([block[k] for block in found], axis=k) for k in (0, 1))
    return Welfares(all_jobs=whole, without=without, scale=scale, exact=cases.step is not None)


def _lengths(cases: Cases) -> NDArray[Any]:
    """p(S) of every set (bit i stands for job i), shape (sets, cases)."""
    found = np.zeros((1, cases.duration.shape[1]), dtype=cases.duration.dtype)
    for row in cases.duration:
        found = np.concatenate([found, found + row])
    return found


Worth = Callable[[NDArray[Any]], Sequence[NDArray[Any]]]  # values of every function at the lengths of one set


def _best(cases: Cases, worth: Worth) -> tuple[NDArray[Any], NDArray[Any]]:
    count = len(cases.problem)
    lengths = _lengths(cases)
    number = np.arange(lengths.shape[1])
    best: list[Any] = [np.zeros(lengths.shape[1], dtype=np.int64 if cases.step is not None else np.float64)]
    for mask in range(1, 1 << count):
        values = np.stack(worth(lengths[mask]))
        found: Any = None
        for job in range(count):
            if mask >> job & 1:
                candidate = best[mask ^ (1 << job)] + values[cases.which[job], number]
                found = candidate if found is None else np.maximum(found, candidate, out=found)
        best.append(found)
    full = (1 << count) - 1
    return best[full], np.stack([best[full ^ (1 << job)] for job in range(count)])


def _floats(cases: Cases, lengths: NDArray[Any]) -> list[NDArray[Any]]:
    return [function.floats(_since(cases.problem) + lengths) for function in cases.functions]


def _whole(cases: Cases, distinct: Any, table: Any, lengths: NDArray[Any]) -> list[NDArray[Any]]:
    at = np.searchsorted(distinct, lengths)
    return [row[at] for row in table]


def _table(cases: Cases, distinct: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """(values of each function at each length as whole numbers, their denominator)."""
    if distinct.size * len(cases.functions) > EVALUATIONS:
        raise SolveError(f"{distinct.size} different completion times are too many; durations on a common grid help")
    begin = Fraction(0) if cases.problem.queue.since_release else cases.problem.begin
    times = [begin + (cases.step or 1) * int(k) for k in distinct]
    # Without a look at domains: lengths of sets that lack the job are in the table too, and not used.
    exactly = [[evaluate(f.polynomials[bisect_right(f.breaks, time)], time) for time in times] for f in cases.functions]
    scale = lcm(*(value.denominator for row in exactly for value in row))
    if max(abs(value) for row in exactly for value in row) * scale * len(cases.problem) ** 2 >= 2**62:
        raise SolveError("the values have too many digits for whole numbers of 64 bits; round them to fewer decimals")
    return np.array([[int(value * scale) for value in row] for row in exactly], dtype=np.int64), scale


def one_by_one(cases: Cases) -> Welfares:
    """Every case as a queue of its own, with the proof of its order."""
    count, many = cases.which.shape
    whole: list[Fraction] = []
    without: list[list[Fraction]] = []
    for case in range(many):
        problem = _case(cases, case)
        whole.append(best_order(problem).welfare)
        rest = [best_order(problem.without(job)).welfare if count > 1 else Fraction(0) for job in range(count)]
        without.append(rest)
    exactly = cases.step is not None
    scale = lcm(*(value.denominator for row in [whole, *without] for value in row)) if exactly else 1
    kind: Any = (lambda value: int(value * scale)) if exactly else float
    table = np.array([[kind(value) for value in (best, *row)] for best, row in zip(whole, without, strict=True)],
                     dtype=object if exactly else np.float64)  # fmt: skip
    return Welfares(all_jobs=table[:, 0], without=table[:, 1:].T, scale=scale, exact=exactly)


def _case(cases: Cases, case: int) -> Problem:
    """The queue of one case, exactly (floats are binary fractions)."""
    step = cases.step or 1
    jobs, values = [], {}
    for number, job in enumerate(cases.problem.jobs):
        function = cases.functions[int(cases.which[number, case])]
        duration = cases.duration[number, case]
        length = Fraction(int(duration)) if cases.step is not None else Fraction(float(duration))
        jobs.append(replace(job, value=function.name, duration=length * step))
        values[function.name] = function
    return Problem(replace(cases.problem.queue, jobs=tuple(jobs)), values)
