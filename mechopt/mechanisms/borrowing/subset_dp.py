"""The best order by dynamic programming over sets: what a set is worth does not depend on the order of the sets before.

F(S) = max_j F(S - j) + v_j(p(S)), over 2^n sets; every number is whole over one denominator, so that ties are exact.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import SolveError
from mechopt.mechanisms.borrowing.orders import Order, Problem
from mechopt.outcome import Guarantee

LARGEST = 22  # jobs: 2^22 sets and their tables fit into memory
LARGEST_COUNT = 20  # jobs: 20! orders can be counted in 64 bits
EVALUATIONS = 2_000_000  # exact values computed one by one


def solve(problem: Problem, *, compiled: bool | None = None) -> tuple[Order, NDArray[Any], int]:
    """The best order of a queue in which nothing waits, with the table of sets.

    Args:
        problem: without releases, separations or inserted idle.
        compiled: use the numba kernel; None: where numba is there and the queue is long.

    Returns:
        The order, F of every set (bit j stands for job j) as whole numbers, and their denominator.

    Raises:
        SolveError: too many jobs, values of too many digits, or jobs that wait for something.
    """
    count = len(problem)
    if not problem.plain:
        raise SolveError("sets are for jobs that are ready together, without separations or idle time")
    if count > LARGEST:
        raise SolveError(f"{count} jobs are too many for dynamic programming over sets (at most {LARGEST})")
    distinct, place = lengths(problem)
    table, scale = whole_values(problem, distinct)
    if compiled is None:
        compiled = count >= 17 and _numba()
    if compiled:
        from mechopt.mechanisms.borrowing.compiled import best_sets

        best, ways = best_sets(place, table)
    else:
        best, ways = best_sets_numpy(place, table)
    sequence = _back(place, table, best)
    guarantee = Guarantee(kind="exact", detail=f"dynamic programming over {1 << count} sets in whole numbers")
    counted = int(ways[-1]) if count <= LARGEST_COUNT else None
    return problem.order(sequence, "subset_dp", guarantee, counted), best, scale


def _numba() -> bool:
    from importlib.util import find_spec

    return find_spec("numba") is not None


def lengths(problem: Problem) -> tuple[list[Fraction], NDArray[np.int64]]:
    """(the different completion times of sets, which of them each set has, in the order of the sets' bits)."""
    step = lcm(*(job.duration.denominator for job in problem.jobs), problem.begin.denominator)
    if sum(job.duration for job in problem.jobs) * step >= 2**62:
        raise SolveError("the durations have too many digits for whole numbers of 64 bits")
    whole = np.zeros(1, dtype=np.int64)
    for job in problem.jobs:
        whole = np.concatenate([whole, whole + int(job.duration * step)])
    if whole[-1] <= whole.size:  # a table of lengths is quicker than sorting them
        there = np.zeros(int(whole[-1]) + 1, dtype=np.bool_)
        there[whole] = True
        distinct, place = np.flatnonzero(there), (np.cumsum(there) - 1)[whole]
    else:
        distinct, place = np.unique(whole, return_inverse=True)
    return [problem.begin + Fraction(int(length), step) for length in distinct], place.astype(np.int64, copy=False)


def whole_values(problem: Problem, distinct: list[Fraction]) -> tuple[NDArray[np.int64], int]:
    """(values of each job at each completion time as whole numbers, their denominator)."""
    count = len(problem)
    if len(distinct) * count > EVALUATIONS:
        raise SolveError(f"{len(distinct)} different completion times are too many; durations on a common grid help")
    exactly = [[problem.worth(job, time) for time in distinct] for job in range(count)]
    scale = lcm(*(value.denominator for row in exactly for value in row))
    largest = max(abs(value) for row in exactly for value in row) * scale * max(1, count)
    if largest >= 2**62:
        raise SolveError("the values have too many digits for whole numbers of 64 bits; round them to fewer decimals")
    table = np.array([[int(value * scale) for value in row] for row in exactly], dtype=np.int64)
    return table, scale


def best_sets_numpy(place: NDArray[np.int64], table: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """F of every set and the number of best orders of it, layer by layer: the reference.

    Args:
        place: which column of the table each set's completion has, shape (2^n,).
        table: values, shape (n, columns).
    """
    count = table.shape[0]
    masks = np.arange(1 << count, dtype=np.int64)
    size = np.zeros(1 << count, dtype=np.int8)
    for job in range(count):
        size += ((masks >> job) & 1).astype(np.int8)
    best = np.zeros(1 << count, dtype=np.int64)
    ways = np.zeros(1 << count, dtype=np.int64)
    ways[0] = 1
    for layer in range(1, count + 1):
        these = np.flatnonzero(size == layer)
        at = place[these]
        found = np.full(these.size, np.iinfo(np.int64).min)
        number = np.zeros(these.size, dtype=np.int64)
        for job in range(count):
            inside = np.flatnonzero((these >> job) & 1)
            rest = these[inside] ^ (1 << job)
            value = best[rest] + table[job, at[inside]]
            more = value > found[inside]
            same = value == found[inside]
            number[inside] = np.where(more, ways[rest], number[inside] + np.where(same, ways[rest], 0))
            found[inside] = np.maximum(found[inside], value)
        best[these], ways[these] = found, number
    return best, ways


def _back(place: NDArray[np.int64], table: NDArray[np.int64], best: NDArray[Any]) -> list[int]:
    """The order behind F: from the last position to the first; of equals, the job given later comes later."""
    count = table.shape[0]
    mask, backwards = (1 << count) - 1, []
    while mask:
        for job in reversed(range(count)):
            if mask >> job & 1 and best[mask ^ (1 << job)] + table[job, place[mask]] == best[mask]:
                backwards.append(job)
                mask ^= 1 << job
                break
    return backwards[::-1]
