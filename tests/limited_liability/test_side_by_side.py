"""What many paths do in one numpy operation is what one number after the other comes to, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.limited_liability import lockstep

PATHS = (1, 2, 3, 9, 200)


@pytest.mark.parametrize("paths", PATHS)
@pytest.mark.parametrize("groups", [1, 2, 8, 40])
def test_a_mixture_adds_in_group_order(paths: int, groups: int) -> None:
    """numpy pairs terms where it can, which rounds otherwise; eight and more terms would show it."""
    rng = np.random.default_rng(paths + groups)
    terms = rng.random((3, groups, paths)) * 10.0 ** rng.integers(-8, 8, (3, groups, paths))
    found = lockstep.mixture(terms)
    for agent in range(3):
        for path in range(paths):
            total = 0.0
            for term in terms[agent, :, path].tolist():
                total += term
            assert found[agent, path] == total


@pytest.mark.parametrize("paths", PATHS)
def test_decisions_that_are_nearly_equal_are_told_apart_by_sums_in_agent_order(paths: int) -> None:
    rng = np.random.default_rng(paths)
    workspace, unclear = lockstep.Workspace(), 0
    for count in (1, 2, 6, 255, 256, 300):
        inputs: tuple[Any, ...] = (
            rng.random((5, count, paths)), rng.integers(0, 3, (5, count, paths)) / 10, np.zeros((5, count, paths)),
            rng.random((5, count, paths)) ** 40, 1.0 + rng.integers(0, 2, (5, count, paths)) * 2.0**-52,
        )  # fmt: skip
        for values in inputs:
            found = lockstep.decide(values, workspace)
            assert np.array_equal(found, lockstep.in_order(values))
            less = values.sum(axis=0) - values
            unclear += int((less.argmax(axis=1) != found[1:]).sum())
    assert unclear > 0  # else totals less one's own would do
