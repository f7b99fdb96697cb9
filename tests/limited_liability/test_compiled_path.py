"""The numba kernels are the plain protocol to the last bit, also chunk by chunk and over chaotic horizons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import groups, single
from mechopt.mechanisms.limited_liability.arithmetic import Floats
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.record import Record, kept, walk
from mechopt.mechanisms.limited_liability.rules import Rules

Draw = Callable[..., Environment]
SEEDS = 26  # times twelve variants: 312 trajectories


@pytest.fixture(scope="module")
def module() -> Any:
    pytest.importorskip("numba")
    return single.kernels("compiled", 1)


def plain(environment: Environment) -> Record:
    draws: Any = environment.draws
    chosen = groups.decisions(environment.values)
    return walk(environment.rules, Floats(), environment.values, environment.outputs, draws.tolist(), chosen)


def assert_same(one: Record, other: Record) -> None:
    for name in ("decisions", "group", "shares", "weights", "expected", "paid", "allocation"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for name in one.vectors:
        assert np.array_equal(one.vectors[name], other.vectors[name]), name


def test_trajectories(draw: Draw, options: dict[str, Any], module: Any) -> None:
    for seed in range(SEEDS):
        rng = np.random.default_rng(1000 + seed)
        environment = draw(
            seed, periods=40, agents=int(rng.integers(1, 6)), decisions=int(rng.integers(1, 6)),
            coarse=bool(seed % 2), options=options,
        )  # fmt: skip
        fast = single.Single(environment.rules, module)
        draws: Any = environment.draws
        assert_same(plain(environment), fast.run(environment.values, environment.outputs, draws, record=True))


def test_a_chaotic_horizon_and_chunks(module: Any) -> None:
    """One resource, outputs as stated: 2,500 periods amplify a last digit to everything."""
    rng = np.random.default_rng(3)
    values = rng.random((2500, 3, 3)) * np.eye(3)
    variants: list[Any] = ["baseline", "consistent", "exploration"]
    for variant in variants:
        environment = Environment(rules=Rules(variant=variant, agents=3), values=values, outputs=values, seed=1)
        draws: Any = environment.draws
        slow = plain(environment)
        fast = single.Single(environment.rules, module)
        for start in range(0, 2500, 700):
            chunk = slice(start, start + 700)
            last = fast.run(environment.values[chunk], environment.outputs[chunk], draws[chunk])
        assert fast.period == 2500
        assert last.allocation.tolist() == [slow.allocation[-1]] == fast.allocation.tolist()
        for name in kept(environment.rules):
            assert np.array_equal(last.vectors[name][0], slow.vectors[name][-1])


def test_the_engine_is_chosen_by_length_and_refused_by_name() -> None:
    assert single.kernels("auto", 10) is None
    assert single.kernels("python", 10**9) is None
    with pytest.raises(InstanceError, match="engine: 'fast' is none of auto, python and compiled"):
        single.kernels("fast", 1)  # type: ignore[arg-type]  # what a user may write


def test_close_calls_are_decided_by_sums_in_agent_order(module: Any) -> None:
    """Tenths tie in decimals and not in doubles, where the order of a sum decides: totals less one's own would err."""
    rng = np.random.default_rng(8)
    values = rng.integers(0, 4, (400, 5, 6)) / 10
    environment = Environment(rules=Rules(variant="baseline", agents=5), values=values, outputs=values, seed=1)
    total = values.sum(axis=1)[:, None] - values
    assert (np.argmax(total, axis=2) != groups.decisions(values)[:, 1:]).any()  # else the test tests nothing
    draws: Any = environment.draws
    fast = single.Single(environment.rules, module).run(values, values, draws, record=True)
    assert np.array_equal(fast.decisions, groups.decisions(values))
    assert_same(plain(environment), fast)
