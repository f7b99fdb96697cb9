"""The best order where jobs are released over time or need separations: dynamic programming over (set, last, time).

With inserted idle times are steps of a common grid; for piecewise linear values a best schedule lies on it.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.borrowing.orders import Order, Problem
from mechopt.mechanisms.borrowing.values import show
from mechopt.outcome import Guarantee

LARGEST = 12  # jobs; sets times labels grow beyond what Python walks through
LARGEST_IDLE = 14
LARGEST_GRID = 20_000  # steps

Label = tuple[Fraction, int, int, Fraction]  # welfare, last job, the set before, the time before


def solve(problem: Problem) -> Order:
    """The best order in which nothing waits but for releases and separations.

    Labels (time, welfare) of a set and its last job: where no value ever rises, a label that is later and worth less
    is dropped; else all times are kept.

    Raises:
        SolveError: too many jobs, or idle time may be inserted.
    """
    count = len(problem)
    if problem.queue.inserted_idle:
        raise SolveError("labels are for queues in which nothing waits without need; idle_grid inserts idle time")
    if count > LARGEST:
        raise SolveError(f"{count} jobs with releases or separations are too many for exact labels (at most {LARGEST})")
    falling = _falling(problem)
    gaps = problem.queue.separation
    layers: list[dict[tuple[int, int], dict[Fraction, tuple[Fraction, Any]]]] = [
        {(0, -1): {problem.begin: (Fraction(0), None)}}
    ]
    for _ in range(count):
        following: dict[tuple[int, int], dict[Fraction, tuple[Fraction, Any]]] = {}
        for (mask, last), labels in layers[-1].items():
            for time, (welfare, _) in labels.items():
                for job in range(count):
                    if mask >> job & 1:
                        continue
                    gap = gaps[last][job] if gaps and last >= 0 else 0
                    end = max(time + gap, problem.jobs[job].release) + problem.jobs[job].duration
                    worth = welfare + problem.worth(job, end)
                    state = (mask | 1 << job, job if gaps else -1)
                    kept = following.setdefault(state, {})
                    if end not in kept or worth > kept[end][0]:
                        kept[end] = (worth, ((mask, last), time, job))
        layers.append({state: _undominated(kept) if falling else kept for state, kept in following.items()})
    return _back(problem, layers)


def _falling(problem: Problem) -> bool:
    end = max(_horizon(problem), problem.queue.horizon or Fraction(0))
    return all(function.nonincreasing(Fraction(0), end) is True for function in problem.functions)


def _horizon(problem: Problem) -> Fraction:
    from mechopt.mechanisms.borrowing.environment import Environment

    return Environment.horizon(problem.queue)


def _undominated(kept: dict[Fraction, tuple[Fraction, Any]]) -> dict[Fraction, tuple[Fraction, Any]]:
    result: dict[Fraction, tuple[Fraction, Any]] = {}
    best: Fraction | None = None
    for time in sorted(kept):
        if best is None or kept[time][0] > best:
            best = kept[time][0]
            result[time] = kept[time]
    return result


def _back(problem: Problem, layers: list[dict[tuple[int, int], dict[Fraction, tuple[Fraction, Any]]]]) -> Order:
    state, time = max(
        ((state, time) for state, labels in layers[-1].items() for time in labels),
        key=lambda end: (layers[-1][end[0]][end[1]][0], -end[1]),
    )
    sequence: list[int] = []
    for layer in reversed(layers[1:]):
        state, time, job = layer[state][time][1]
        sequence.append(job)
    labels = sum(len(kept) for layer in layers for kept in layer.values())
    guarantee = Guarantee(
        kind="exact", detail=f"dynamic programming over {labels} labels of set and time, in fractions"
    )
    return problem.order(
        sequence[::-1], "labels", guarantee, tie_rule="of equally good orders, the one that labels reach first"
    )


def solve_idle(problem: Problem) -> Order:
    """The best schedule where the resource may wait although a job is ready, on the grid of all times that matter.

    Raises:
        SolveError: too many jobs, too fine a grid, separations, or a queue that may not be idle.
        InstanceError: nothing ends by the horizon.
    """
    count = len(problem)
    if not problem.queue.inserted_idle:
        raise SolveError("idle_grid lets the resource wait; set inserted_idle = true")
    if count > LARGEST_IDLE or problem.queue.separation:
        raise SolveError(f"inserted idle is solved for at most {LARGEST_IDLE} jobs, without separations")
    step, end = _grid(problem)
    if end < problem.begin:
        raise InstanceError(f"{show(end)} is before the first release", key="sequence.horizon")
    steps = int((end - problem.begin) / step)
    if steps > LARGEST_GRID:
        raise SolveError(f"the times need {steps} steps of {step}; at most {LARGEST_GRID} are tried")
    table, allowed, _scale = _table(problem, step, steps)
    lengths = [int(job.duration / step) for job in problem.jobs]
    best = _fill(lengths, table, allowed, steps)
    sequence, starts = _schedule(best, lengths, table, allowed, steps, problem.begin, step)
    guarantee = Guarantee(kind="exact", detail=f"every start on the grid of {step}; best schedules of piecewise "
                          "linear values lie on it")  # fmt: skip
    if not _falling(problem) and (_drops(problem) or not all(f.piecewise_linear for f in problem.functions)):
        guarantee = Guarantee(kind="approximate", detail=f"best of all starts on the grid of {step}; curved or "
                              "dropping values may gain between its points",
                              error=_slack(problem, step, end))  # fmt: skip
    return problem.order(sequence, "idle_grid", guarantee, starts=starts)


def _grid(problem: Problem) -> tuple[Fraction, Fraction]:
    tops = [function.high for function in problem.functions]
    end = _horizon(problem)
    if problem.queue.horizon is not None:
        end = problem.queue.horizon
    elif all(top is not None for top in tops) and not problem.queue.since_release:
        end = min(top for top in tops if top is not None)
    shifts = {job.release for job in problem.jobs}
    points = {job.duration for job in problem.jobs} | shifts | {end}
    points |= {b for function in problem.functions for b in function.breaks}
    return Fraction(1, lcm(*(point.denominator for point in points))), end


def _table(problem: Problem, step: Fraction, steps: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
    """(values by completion step as whole numbers, whether a completion is possible, their denominator)."""
    count = len(problem)
    allowed = np.zeros((count, steps + 1), dtype=bool)
    exactly = [[Fraction(0)] * (steps + 1) for _ in range(count)]
    for j, job in enumerate(problem.jobs):
        for t in range(int((job.release + job.duration - problem.begin) / step), steps + 1):
            allowed[j, t] = True
            exactly[j][t] = problem.worth(j, problem.begin + t * step)
    scale = lcm(*(value.denominator for row in exactly for value in row))
    if max((abs(value) for row in exactly for value in row), default=Fraction(0)) * scale * max(count, 1) >= 2**61:
        raise SolveError("the values have too many digits for whole numbers of 64 bits; round them to fewer decimals")
    return np.array([[int(v * scale) for v in row] for row in exactly], dtype=np.int64), allowed, scale


NEVER = np.int64(-(2**62))


def _fill(lengths: list[int], table: NDArray[np.int64], allowed: NDArray[np.bool_], steps: int) -> NDArray[np.int64]:
    """G[S, t]: the best welfare of a set whose jobs are all done by step t."""
    count = len(lengths)
    best = np.full((1 << count, steps + 1), NEVER, dtype=np.int64)
    best[0] = 0
    for mask in range(1, 1 << count):
        row = best[mask]
        for job in range(count):
            if mask >> job & 1:
                p = lengths[job]
                before = best[mask ^ (1 << job)][: steps + 1 - p]
                done = np.where(allowed[job, p:] & (before > NEVER), before + table[job, p:], NEVER)
                np.maximum(row[p:], done, out=row[p:])
        np.maximum.accumulate(row, out=row)
    return best


def _schedule(
    best: NDArray[np.int64], lengths: list[int], table: NDArray[np.int64], allowed: NDArray[np.bool_], steps: int,
    begin: Fraction, step: Fraction,
) -> tuple[list[int], list[Fraction]]:  # fmt: skip
    """The schedule behind G: each job as early as its value allows, of equals the job given later comes later."""
    mask, t = len(best) - 1, steps
    if best[mask, t] <= NEVER:
        end = show(begin + steps * step)
        raise InstanceError(f"no schedule ends by {end}; give a later horizon", key="sequence.horizon")
    backwards: list[int] = []
    starts: list[Fraction] = []
    while mask:
        t = int(np.searchsorted(best[mask], best[mask, t]))  # the first step at which it is reached
        for job in reversed(range(len(lengths))):
            rest = mask ^ (1 << job)
            if mask >> job & 1 and t >= lengths[job] and allowed[job, t]:
                before = best[rest, t - lengths[job]]
                if before > NEVER and before + table[job, t] == best[mask, t]:
                    backwards.append(job)
                    t -= lengths[job]
                    starts.append(begin + t * step)
                    mask = rest
                    break
    return backwards[::-1], starts[::-1]


def _drops(problem: Problem) -> bool:
    """Whether a value falls at a break: it is left-closed, so a best schedule may lie just before, off the grid."""
    from mechopt.mechanisms.borrowing.values import evaluate

    return any(
        evaluate(f.polynomials[k + 1], b) < evaluate(f.polynomials[k], b)
        for f in problem.functions for k, b in enumerate(f.breaks)
    )  # fmt: skip


def _slack(problem: Problem, step: Fraction, end: Fraction) -> float:
    """What moving every completion up to the next grid point can cost: slopes times the step, and the drops."""
    from mechopt.mechanisms.borrowing.values import bernstein, derivative, evaluate

    total = Fraction(0)
    for function in problem.functions:
        slopes = [abs(s) for a, b, p in function.pieces(Fraction(0), end) for s in bernstein(derivative(p), a, b)]
        drops = [evaluate(function.polynomials[k], b) - evaluate(function.polynomials[k + 1], b)
                 for k, b in enumerate(function.breaks)]  # fmt: skip
        total += max(slopes, default=Fraction(0)) * step + max([Fraction(0), *drops])
    return float(total)
