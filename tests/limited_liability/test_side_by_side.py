"""What many paths do in one numpy operation is what one number after the other comes to, to the last bit."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.limited_liability import groups, lockstep

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
    """Few agents and many, against `groups`; values of which none, some and most paths have ties."""
    rng = np.random.default_rng(paths)
    workspace, erring = lockstep.Workspace(), 0
    for agents, count in itertools.product((5, lockstep.MANY + 1), (1, 2, 6, 255, 256, 300)):
        shape = (agents, count, paths)
        some = rng.random(shape)
        some[:, :, ::9] = rng.integers(0, 3, some[:, :, ::9].shape) / 10
        inputs: tuple[Any, ...] = (
            rng.random(shape), some, rng.integers(0, 3, shape) / 10, np.zeros(shape), rng.random(shape) ** 40,
            1.0 + rng.integers(0, 2, shape) * 2.0**-52,
        )  # fmt: skip
        for values in inputs:
            expected = groups.decisions(np.moveaxis(values, -1, 0)).T
            assert np.array_equal(lockstep.decide(values, workspace), expected)
            less = values.sum(axis=0) - values
            erring += int((less.argmax(axis=1) != expected[1:]).sum())
    assert erring > 0  # else totals less one's own would do
