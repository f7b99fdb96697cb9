"""The paper's condition 2: no types on one price plane that depend on each other. Source: zhu2021, Section 2."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.certify import Certificate, certify
from mechopt.mechanisms.linked_vcg.vertices import as_fractions
from mechopt.program import LinearProgram
from mechopt.rational import rational
from mechopt.solver import InfeasibleError, solve


def dependent_types(types: NDArray[Any], *, largest: int = 20_000) -> tuple[tuple[int, ...] | None, bool]:
    """The paper's condition 2 by enumeration: types on one plane p . x = 1, p > 0, that depend on each other.

    Args:
        types: theta, shape (types, resources).
        largest: subsets to try at most.

    Returns:
        A subset that breaks the condition, or None; and whether every subset was tried.

    Source: zhu2021, Section 2, condition 2. A dependent set on a plane contains at most R + 1 types that show it.
    """
    count, resources = types.shape
    total = sum(comb(count, size) for size in range(2, resources + 2))
    if total > largest:
        return None, False
    needs = as_fractions(types)
    for size in range(2, resources + 2):
        for subset in combinations(range(count), size):
            if _breaks(needs[list(subset)]):
                return subset, True
    return None, True


def _breaks(needs: NDArray[Any]) -> bool:
    """Whether dependent rows lie on a plane p . x = 1 with p > 0, exactly."""
    import flint

    size, resources = needs.shape
    rows = [rational(value) for value in needs.ravel().tolist()]
    if flint.fmpq_mat(size, resources, rows).rank() == size:
        return False
    if flint.fmpq_mat(size, resources + 1, [v for row in needs.tolist() for v in (*map(rational, row), 1)]).rank() \
            == size:  # fmt: skip
        return False  # dependent as vectors, but no affine dependence: no plane through all of them at height 1
    # max of the least price; positive exactly where a plane with p > 0 exists.
    program = LinearProgram.from_dense(
        np.vstack([np.hstack([needs, np.zeros((size, 1))]),
                   np.hstack([np.eye(resources), -np.ones((resources, 1))])]),
        sense="max",
        cost=np.concatenate([np.zeros(resources), [1.0]]),
        lower=0.0,
        upper=np.concatenate([np.full(resources, np.inf), [1.0]]),
        row_lower=np.concatenate([np.ones(size), np.zeros(resources)]),
        row_upper=np.concatenate([np.ones(size), np.full(resources, np.inf)]),
    )  # fmt: skip
    try:
        found = certify(program, solve(program))
    except InfeasibleError:
        return False
    return float(found.objective) > (0 if isinstance(found, Certificate) else 1e-9)
