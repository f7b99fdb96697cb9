"""Squares in the objective of a linear program, by the one door to HiGHS."""

from __future__ import annotations

import numpy as np
import pytest

from mechopt.program import LinearProgram, to_float
from mechopt.solver import solve, solve_quadratic


@pytest.mark.parametrize("seed", range(10))
def test_squares_in_the_objective_are_minimised(seed: int) -> None:
    """A nearest point of a polytope: no direction to a random point of it goes down."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(8, 4))
    inside = rng.normal(size=4)
    program = LinearProgram.from_dense(
        normals, sense="min", cost=rng.normal(size=4), lower=np.full(4, -10.0), upper=np.full(4, 10.0),
        row_lower=normals @ inside - rng.random(8), row_upper=np.full(8, np.inf),
    )  # fmt: skip
    weight = np.array([1.0, 0.5, 0.0, 2.0])
    point = solve_quadratic(program, weight)
    assert np.all(normals @ point >= program.row_lower - 1e-7)
    gradient = to_float(program.cost) + 2 * weight * point
    tangent = LinearProgram.from_dense(
        normals, sense="min", cost=gradient, lower=program.lower, upper=program.upper,
        row_lower=program.row_lower, row_upper=program.row_upper,
    )  # fmt: skip
    assert float(gradient @ point) - solve(tangent).objective <= 1e-6
    with pytest.raises(ValueError, match="weight >= 0"):
        solve_quadratic(program, -weight)
