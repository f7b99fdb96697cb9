"""The best order as a longest path through the sets of jobs done: a linear program whose vertices are orders.

    max sum_{S, j not in S} v_j(p(S + j)) y_Sj,   out of S less into S = 1 at {}, -1 at the set of all jobs, else 0

Its matrix is a network's: vertices are whole, and where values are whole so are the prices of a basis. Rounded prices
prove the order: they bound every path from above, which is checked arc by arc in whole numbers.
Source: Lasserre and Queyranne 1992, for the polyhedra behind it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mechopt import solver
from mechopt.errors import CertificateError, SolveError
from mechopt.mechanisms.borrowing import subset_dp
from mechopt.mechanisms.borrowing.orders import FOUND_BY_HIGHS, Order, Problem
from mechopt.outcome import Guarantee
from mechopt.program import LinearProgram

LARGEST = 13  # jobs: 2^13 nodes
PRECISE = 2**40  # largest whole welfare whose prices floats hold to a fraction


def program(problem: Problem) -> tuple[LinearProgram, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """(the program, the set before each arc, the job of each arc, its whole value, the values' denominator).

    Raises:
        SolveError: too many jobs, too many digits, or jobs that wait for something.
    """
    count = len(problem)
    if not problem.plain:
        raise SolveError("the longest path is for jobs that are ready together, without separations or idle time")
    if count > LARGEST:
        raise SolveError(f"{count} jobs have 2^{count} sets; the longest path takes at most {LARGEST} jobs")
    distinct, place = subset_dp.lengths(problem)
    table, scale = subset_dp.whole_values(problem, distinct)
    nodes = 1 << count
    before, job = (axis.ravel() for axis in np.meshgrid(np.arange(nodes), np.arange(count), indexing="ij"))
    free = (before >> job) & 1 == 0
    before, job = before[free], job[free]
    after = before | 1 << job
    worth = table[job, place[after]]
    supply = np.zeros(nodes)
    supply[0], supply[-1] = 1.0, -1.0
    built = LinearProgram.from_triplets(
        np.concatenate([before, after]), np.tile(np.arange(before.size), 2),
        np.concatenate([np.ones(before.size), -np.ones(before.size)]), sense="max", cost=worth.astype(float),
        lower=np.zeros(before.size), upper=np.full(before.size, np.inf), row_lower=supply, row_upper=supply,
    )  # fmt: skip
    return built, before, job, worth, scale


def solve(problem: Problem) -> Order:
    """The best order, with prices of sets that prove it in whole numbers.

    Raises:
        SolveError: see `program`; or the values are too large for floats to price.
        CertificateError: the rounded prices do not prove the order.
    """
    if not len(problem):
        raise SolveError("there are no jobs")
    built, before, job, worth, scale = program(problem)
    if np.abs(worth).max() * len(problem) > PRECISE:
        raise SolveError("the values have too many digits for the longest path; dynamic programming takes more")
    found = solver.solve(built)
    sequence: list[int] = []
    mask = 0
    used = {int(s): int(j) for s, j, flow in zip(before, job, found.point.tolist(), strict=True) if flow > 0.5}
    while len(sequence) < len(problem) and mask in used:
        sequence.append(used[mask])
        mask |= 1 << used[mask]
    bound = _bound(found.dual, before, job, worth)
    guarantee = Guarantee(kind="certified", detail=f"longest path through {1 << len(problem)} sets; prices of the sets "
                          "bound every order, checked in whole numbers")  # fmt: skip
    order = problem.order(sequence, "longest_path", guarantee, tie_rule=FOUND_BY_HIGHS)
    if order.welfare != Fraction(bound, scale):
        raise CertificateError(f"the order is worth {order.welfare}, its prices prove {Fraction(bound, scale)} at most")
    return order


def _bound(
    dual: NDArray[np.float64], before: NDArray[np.int64], job: NDArray[np.int64], worth: NDArray[np.int64]
) -> int:
    """What no path is worth more than: the price of the empty set less that of the full one.

    Raises:
        CertificateError: an arc is worth more than its two prices allow.
    """
    price = np.rint(dual - dual[-1]).astype(np.int64)
    if (price[before] - price[before | 1 << job] < worth).any():
        raise CertificateError("the rounded prices of the longest path do not bound every arc")
    return int(price[0] - price[-1])
