"""The constant from data, for several beliefs, and whether payoff reports are needed at all."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.calibration import from_rounds, one_stage_enough, robust_constant
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import game
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.paths import deficits, draw

Read = Callable[..., Environment]
F = Fraction


def test_the_interval_covers_the_true_constant(read: Read) -> None:
    environment = read()
    found = Expectations(environment)
    covered = 0
    for seed in range(100):
        which, times = draw(environment, np.random.default_rng(seed), 200)
        estimate = from_rounds(deficits(environment, found, which, times), level=0.1)
        covered += estimate.low <= -25 / 96 <= estimate.high
    assert 80 <= covered <= 98
    with pytest.raises(InstanceError, match="at least two"):
        from_rounds([1.0])


def test_the_robust_constant_is_off_by_the_same_at_both_ends(read: Read) -> None:
    beliefs = [{"f": str(F(k, 4)), "g": str(1 - F(k, 4))} for k in range(5)]
    means = [Expectations(read(agents=[{"beliefs": b, "time": {"family": "uniform"}}] * 2)).welfare for b in beliefs]
    constant, drift = robust_constant(means)
    gaps = [mean.value + 2 * constant for mean in means]
    assert max(gaps) == -min(gaps) == drift > 0
    with pytest.raises(InstanceError, match="at least one"):
        robust_constant([])


def known(read: Read, coefficients: list[Any]) -> Environment:
    values = {"f": {"kind": "polynomial", "coefficients": coefficients}}
    return read(values=values, agents=[{"beliefs": {"f": 1}, "time": {"family": "uniform"}}] * 2)


def test_known_affine_and_convex_values_need_one_stage_and_concave_ones_two(read: Read) -> None:
    for enough in ([1, -1], [1, -1, "1/8"]):
        assert one_stage_enough(game(known(read, enough), grid=8)).holds
    assert not one_stage_enough(game(known(read, [1, 0, "-1/4"]), grid=8)).holds


def test_private_values_need_the_second_stage(read: Read) -> None:
    """The paper's V: against f at 1/4, a g with time 0 goes first and loses 1/8; an f with time 1 does not, and 1/4."""
    finding = one_stage_enough(game(read(), times=[0, "1/4", 1]))
    assert not finding.holds
    assert finding.witness is not None
    assert finding.margin <= F(1, 8) - F(1, 4)
