"""The time-indexed mixed-integer program of a queue, for more jobs than tables of sets can hold.

    max sum_js v_j(s + p_j) x_js,   sum_s x_js = 1,   sum_j sum_{s in (t - p_j, t]} x_js <= 1 for every step,   x whole

Its linear relaxation is tight; where it is whole already, an exact certificate of its basis proves the order.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np

from mechopt import certify, solver
from mechopt.errors import CertificateError, SolveError
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.orders import FOUND_BY_HIGHS, Order, Problem
from mechopt.mechanisms.borrowing.values import show
from mechopt.outcome import Guarantee
from mechopt.program import LinearProgram, MixedIntegerProgram

LARGEST = 400_000  # columns
WHOLE = 1e-6


def program(problem: Problem) -> tuple[MixedIntegerProgram, list[tuple[int, int]], Fraction]:
    """The program, what each column stands for (job, start step), and the length of a step.

    Steps count from the earliest release. Starts run to the latest completion of an order without idling, which loses
    nothing unless idling is asked for.

    Raises:
        SolveError: too many steps.
    """
    points = {job.duration for job in problem.jobs} | {job.release for job in problem.jobs}
    step = Fraction(1, lcm(*(point.denominator for point in points)))
    steps = int((Environment.horizon(problem.queue) - problem.begin) / step)
    lengths = [int(job.duration / step) for job in problem.jobs]
    if steps * len(problem) > LARGEST:
        raise SolveError(f"{steps} steps of {step} for {len(problem)} jobs are too many for the time-indexed program")
    columns = [
        (j, s)
        for j, job in enumerate(problem.jobs)
        for s in range(int((job.release - problem.begin) / step), steps - lengths[j] + 1)
    ]
    cost = [problem.worth(j, problem.begin + (s + lengths[j]) * step) for j, s in columns]
    rows, places = [], []
    for place, (j, s) in enumerate(columns):
        rows += [j, *range(len(problem) + s, len(problem) + s + lengths[j])]
        places += [place] * (1 + lengths[j])
    count = len(problem)
    extra = _instants(columns, lengths, count + steps, rows, places)
    built = MixedIntegerProgram.from_triplets(
        rows, places, np.ones(len(rows)), sense="max", cost=np.array(cost, dtype=object),
        lower=np.zeros(len(columns)), upper=np.ones(len(columns)),
        row_lower=np.concatenate([np.ones(count), np.full(steps + extra, -np.inf)]),
        row_upper=np.ones(count + steps + extra),
        integer=np.ones(len(columns), dtype=bool),
    )  # fmt: skip
    return built, columns, step


def _instants(
    columns: list[tuple[int, int]], lengths: list[int], first: int, rows: list[int], places: list[int]
) -> int:
    """Adds a row for each start of a job that takes no time: nobody else is in the middle of the resource then."""
    row = first
    for place, (j, s) in enumerate(columns):
        if lengths[j] == 0:
            inside = [k for k, (other, t) in enumerate(columns) if t < s < t + lengths[other]]
            rows += [row] * (1 + len(inside))
            places += [place, *inside]
            row += 1
    return row - first


def solve(problem: Problem) -> Order:
    """The best order by the time-indexed program.

    Idle steps are allowed in it, so without releases and with values that may rise a schedule could wait where the
    queue does not; such an answer is refused.

    Raises:
        SolveError: too large, or the answer waits where nothing may.
        CertificateError: the schedule read from the program is not worth what its basis proves.
    """
    if problem.queue.separation or problem.queue.inserted_idle:
        raise SolveError("the time-indexed program is for queues without separations and without inserted idle")
    built, columns, step = program(problem)
    relaxed = LinearProgram(**{name: getattr(built, name) for name in LinearProgram.__dataclass_fields__})
    found = solver.solve(relaxed)
    guarantee: Guarantee | None = None
    proven: Fraction | None = None
    if np.abs(found.point - np.rint(found.point)).max() <= WHOLE:
        proof = certify.certify(relaxed, found)
        guarantee = proof.guarantee("time-indexed program, whole at the optimum of its linear relaxation")
        proven = Fraction(proof.objective) if isinstance(proof, certify.Certificate) else None
    else:
        found = solver.solve(built)
    starts = sorted((s, problem.jobs[j].duration, j) for (j, s), x in zip(columns, found.point.tolist(), strict=True)
                    if x > 0.5)  # fmt: skip
    sequence = [j for _, _, j in starts]
    welfare = sum(
        (problem.worth(j, end) for j, end in zip(sequence, problem.timed(sequence)[1], strict=True)), Fraction(0)
    )
    if guarantee is None:
        guarantee = _bounded(problem, columns, step, max(float(welfare), found.objective, found.bound), welfare)
    order = problem.order(sequence, "time_indexed", guarantee, tie_rule=FOUND_BY_HIGHS)
    exactly = sum((problem.worth(j, problem.begin + s * step + p) for s, p, j in starts), Fraction(0))
    if proven is not None and exactly != proven:
        raise CertificateError(f"the schedule is worth {show(exactly)}, its program proves {show(proven)} at most")
    if order.welfare < exactly:
        raise SolveError("a value rises with time, and the time-indexed program would let the resource wait; "
                         "set inserted_idle = true, or have at most 12 jobs")  # fmt: skip
    return order


def _bounded(
    problem: Problem, columns: list[tuple[int, int]], step: Fraction, bound: float, welfare: Fraction
) -> Guarantee:
    """What branch and bound proves: no gap where the bound is nearer than the next welfare that there can be."""
    gap = max(bound - float(welfare), 1e-9 * (1 + abs(bound)))
    worth = (problem.worth(j, problem.begin + s * step + problem.jobs[j].duration) for j, s in columns)
    unit = Fraction(1, lcm(*{value.denominator for value in worth}))
    detail = "time-indexed program, the bound of HiGHS's branch and bound"
    if gap < unit / 2:
        detail += f"; welfare comes in multiples of {show(unit)}, and the next one is beyond the bound"
        return Guarantee(kind="bounded", detail=detail, error=0.0)
    return Guarantee(kind="bounded", detail=detail, error=gap)
