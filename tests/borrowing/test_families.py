"""Many pairs at once give what one pair gives exactly."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.budget import moments
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.families import PiecewiseLinear, affine
from mechopt.mechanisms.borrowing.paths import deficits, draw, payoffs

Read = Callable[..., Environment]
F = Fraction


def exactly(read: Read, first: dict[str, Any], second: dict[str, Any]) -> tuple[float, float]:
    agents = [{"beliefs": {name: 1}, "time": {"family": "uniform"}} for name in "fg"]
    found = Expectations(read(values={"f": first, "g": second}, agents=agents))
    assert found.exact
    return float(found.balancing_constant.value), float(moments(found, "two_stage")[0].value)


def test_affine_pairs_of_every_sign(read: Read) -> None:
    generator = np.random.default_rng(8)
    a, b, c, d = generator.integers(-4, 5, (4, 60)).astype(float)
    found = affine((a, b), (c, d))
    for k in range(60):
        one, two = ({"kind": "polynomial", "coefficients": [int(x[k]), -int(y[k])]} for x, y in ((a, b), (c, d)))
        constant, variance = exactly(read, one, two)
        assert found.constant[k] == pytest.approx(constant, abs=1e-13)
        assert found.variance[k] == pytest.approx(variance, abs=1e-12)


def test_the_compiled_kernel_agrees() -> None:
    pytest.importorskip("numba")
    generator = np.random.default_rng(10)
    a, b, c, d = generator.random((4, 5000))
    b[:10] = d[:10] = 0.0  # nobody minds waiting
    for slopes in (b, b - 0.5):
        plain, quick = (affine((a, slopes), (c, d), compiled=compiled) for compiled in (False, True))
        assert np.allclose(plain.constant, quick.constant, rtol=1e-14, atol=1e-15)
        assert np.allclose(plain.variance, quick.variance, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("compiled", [False, True])
def test_affine_pairs_into_arrays_that_are_there(compiled: bool) -> None:
    """More pairs than a block, some of them rising, some with no slope: the same numbers pair by pair."""
    if compiled:
        pytest.importorskip("numba")
    generator = np.random.default_rng(12)
    a, b, c, d = generator.integers(0, 5, (4, 40_000)).astype(float)
    b[20_000:20_040] -= 3.0
    out = np.full(b.size, np.nan), np.full(b.size, np.nan)
    found = affine((a, b), (c, d), out=out, compiled=compiled)
    assert found.constant is out[0]
    one_by_one = [
        affine(([p], [q]), ([r], [s])) for p, q, r, s in zip(*(x[19_900:20_100] for x in (a, b, c, d)), strict=True)
    ]
    assert np.allclose(out[0][19_900:20_100], [m.constant[0] for m in one_by_one], rtol=1e-14, atol=1e-15)
    assert np.allclose(out[1][19_900:20_100], [m.variance[0] for m in one_by_one], rtol=1e-13, atol=1e-15)
    assert np.isfinite(out).all()


def test_piecewise_linear_pairs_to_twelve_digits(read: Read) -> None:
    generator = np.random.default_rng(9)
    knots = ["0", "1/2", "3/4", "5/4", "2"]
    heights = generator.integers(-8, 9, (2, 40, 5))
    heights[:, 0] = 3  # one pair ties everywhere
    found = PiecewiseLinear(knots).moments(heights[0] / 8, heights[1] / 8)
    for k in range(40):
        one, two = (
            {"kind": "points", "points": [[t, str(F(int(v), 8))] for t, v in zip(knots, heights[side, k], strict=True)]}
            for side in (0, 1)
        )
        constant, variance = exactly(read, one, two)
        assert found.constant[k] == pytest.approx(constant, abs=1e-12)
        assert found.variance[k] == pytest.approx(variance, abs=1e-12)


def test_knots_reach_from_0_to_2() -> None:
    for knots in (["0", "1"], ["0", "1", "1", "2"], ["2", "0"]):
        with pytest.raises(InstanceError, match="increase from 0 to 2"):
            PiecewiseLinear(knots)


@pytest.mark.parametrize("design", ["two_stage", "pivot"])
def test_the_quick_path_of_affine_rounds_is_the_general_one(read: Read, design: str) -> None:
    environment = read(design=design)
    which, times = draw(environment, np.random.default_rng(1), 20_000)
    own, late = payoffs(environment, which, times)
    best = np.maximum(own[0] + late[1], own[1] + late[0])
    expected = best if design == "two_stage" else best - own[0] - own[1]
    found = deficits(environment, Expectations(environment), which, times)
    assert np.allclose(found, expected, rtol=0, atol=1e-14)
    assert {int(w) for w in which[0]} == {0, 1}
    assert abs(float(which[0].mean()) - 0.5) < 0.02
