"""Orders that a theorem gives: Smith's rule, shortest first, and the assignment of positions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from mechopt import certify, solver
from mechopt.errors import CertificateError
from mechopt.mechanisms.borrowing.orders import FOUND_BY_HIGHS, Order, Problem
from mechopt.outcome import Guarantee
from mechopt.program import LinearProgram

LARGEST_ASSIGNMENT = 200  # jobs: the exact certificate of a larger basis takes too long
WHOLE = 1e-6


def smith(problem: Problem) -> Order | None:
    """Affine values a - b t: the order of b/p, largest first (Smith 1956); None where a value is not affine.

    Neighbours i before j lose b_j p_i where j before i loses b_i p_j; so any order with an inversion can be improved.
    """
    if not problem.plain or any(function.affine is None for function in problem.functions):
        return None
    slopes = [function.affine[1] for function in problem.functions if function.affine is not None]

    def key(job: int) -> tuple[int, Fraction]:
        duration = problem.jobs[job].duration
        if duration == 0:  # delays nobody: first if waiting hurts it or does not matter, last if it gains by waiting
            return (0 if slopes[job] >= 0 else 2, Fraction(0))
        return (1, -slopes[job] / duration)

    sequence = sorted(range(len(problem)), key=key)
    time = [job.duration for job in problem.jobs]
    unique = all(slopes[i] * time[j] != slopes[j] * time[i] for i, j in pairwise(sequence))
    guarantee = Guarantee(kind="exact", detail="Smith's rule for affine values: decreasing b/p, compared exactly")
    return problem.order(sequence, "smith", guarantee, 1 if unique else None)


def shortest_first(problem: Problem) -> Order | None:
    """One common value function that never rises: shortest job first; None where that is not so.

    The k-th completion is then as early as in any order, for every k.
    """
    if not problem.plain or len({id(function) for function in problem.functions}) > 1 or not len(problem):
        return None
    shifted = problem.queue.since_release
    begin = problem.begin
    end = begin + sum((job.duration for job in problem.jobs), Fraction(0)) - (begin if shifted else 0)
    if problem.functions[0].nonincreasing(Fraction(0) if shifted else begin, end) is not True:
        return None
    sequence = sorted(range(len(problem)), key=lambda job: problem.jobs[job].duration)
    guarantee = Guarantee(kind="exact", detail="one common value function that never rises: shortest job first")
    return problem.order(sequence, "shortest_first", guarantee)


def assignment(problem: Problem) -> Order | None:
    """Equal durations: jobs are assigned to positions by a linear program with an exact certificate, else None."""
    count = len(problem)
    durations = {job.duration for job in problem.jobs}
    if not problem.plain or len(durations) != 1 or not 1 <= count <= LARGEST_ASSIGNMENT:
        return None
    ends = [problem.begin + durations.copy().pop() * (k + 1) for k in range(count)]
    worth = np.array([[problem.worth(job, end) for end in ends] for job in range(count)], dtype=object)
    job, position = (axis.ravel() for axis in np.indices((count, count)))
    program = LinearProgram.from_triplets(
        np.concatenate([job, count + position]), np.tile(np.arange(count * count), 2), np.ones(2 * count * count),
        sense="max", cost=worth.ravel(), lower=np.zeros(count * count), upper=np.ones(count * count),
        row_lower=np.ones(2 * count), row_upper=np.ones(2 * count),
    )  # fmt: skip
    found = solver.solve(program)
    proof = certify.certify(program, found)
    chosen = found.point.reshape(count, count)
    sequence = [int(place) for place in chosen.argmax(axis=0)]
    if np.abs(chosen.max(axis=0) - 1).max() > WHOLE:
        raise CertificateError("the assignment's linear program has no whole optimum")
    total = sum((worth[j, k] for k, j in enumerate(sequence)), Fraction(0))
    if not isinstance(proof, certify.Certificate) or proof.objective != total:
        raise CertificateError("the assignment could not be proven optimal in rational arithmetic")
    return problem.order(sequence, "assignment", proof.guarantee("assignment of positions"),
                         1 if proof.primal_unique else None, tie_rule=FOUND_BY_HIGHS)  # fmt: skip
