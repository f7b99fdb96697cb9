"""The numba kernels are the plain protocol to the last bit, also chunk by chunk and over chaotic horizons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import groups, lockstep, single
from mechopt.mechanisms.limited_liability.arithmetic import GRID, Floats, Ledger
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.record import Record, kept, trace, walk
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


@pytest.mark.parametrize("decisions", [8, 9, 20, 300])
def test_many_decisions_are_the_same_whoever_chooses(module: Any, decisions: int) -> None:
    """Compiled, in lockstep and plainly; where there are many, those far behind are not compared by the kernel."""
    rng = np.random.default_rng(decisions)
    for values in (rng.random((60, 4, decisions)), rng.integers(0, 4, (60, 4, decisions)) / 10,
                   rng.random((60, 4, decisions)) ** 30):  # fmt: skip
        environment = Environment(rules=Rules(variant="baseline", agents=4), values=values, outputs=values, seed=1)
        draws: Any = environment.draws
        fast = single.Single(environment.rules, module).run(values, values, draws, record=True)
        assert_same(plain(environment), fast)
        side_by_side = lockstep.decide(np.moveaxis(values, 0, -1), lockstep.Workspace())
        assert np.array_equal(side_by_side.T, fast.decisions)


# -- the integer ledger ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ledger() -> Any:
    pytest.importorskip("numba")
    return single.kernels("compiled", 1, "compiled_ledger")


def whole_numbers(seed: int, options: dict[str, Any]) -> tuple[Rules, Any, Any, list[int]]:
    rng = np.random.default_rng(seed)
    largest = int(rng.choice([1, 3, 1000, 50_000]))
    shape = (40, int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    values, outputs = (rng.integers(0, largest + 1, shape) for _ in range(2))
    return Rules(agents=shape[1], **options), values, outputs, rng.integers(0, GRID, 40).tolist()


def in_python(rules: Rules, values: Any, outputs: Any, points: list[int]) -> Record:
    return walk(rules, Ledger(), values.astype(object), outputs.astype(object), points, groups.decisions(values))


def test_the_integer_ledger_in_words_is_that_of_python(options: dict[str, Any], ledger: Any) -> None:
    for seed in range(SEEDS):
        rules, values, outputs, points = whole_numbers(2000 + seed, options)
        fast = single.SingleLedger(rules, ledger).run(values, outputs, points, record=True)
        assert fast is not None
        assert fast.grid
        assert_same(in_python(rules, values, outputs, points), fast)
        assert {type(share) for share in fast.shares.ravel().tolist()} == {int}


def test_numbers_that_do_not_fit_into_words_are_left_to_python(ledger: Any) -> None:
    rules = Rules(variant="baseline", agents=2)
    rng = np.random.default_rng(1)
    values, points = rng.integers(0, 100, (2000, 2, 2)), rng.integers(0, GRID, 2000).tolist()
    kernel = single.SingleLedger(rules, ledger)
    assert kernel.run(values, values << 24, points) is None  # one output is too large
    lying = np.zeros_like(values)  # outputs are stated and never come: R^I falls without end
    lying[:, 0, 0] = ledger.LARGEST // 2
    states_all = np.zeros_like(values)
    states_all[:, 1, 1] = 1
    assert kernel.run(states_all, lying, points) is None
    plain_record = in_python(rules, states_all, lying, points)
    assert max(abs(plain_record.allocation).max(), abs(plain_record.vectors["transfer"]).max()) > ledger.LIMIT // 3


def test_long_integer_paths_are_compiled_and_the_same(draw: Draw, ledger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = draw(6, periods=300, coarse=True, ledger="integer", options={"variant": "consistent"})
    plain_record = trace(environment)
    monkeypatch.setattr(single, "WORTH_COMPILED", 100)
    called: list[int] = []
    monkeypatch.setattr(single.SingleLedger, "run", _counted(single.SingleLedger.run, called))
    assert_same(plain_record, trace(environment))
    assert called == [300]


def _counted(run: Callable[..., Any], called: list[int]) -> Callable[..., Any]:
    def counted(kernel: Any, values: Any, *rest: Any, **more: Any) -> Any:
        called.append(len(values))
        return run(kernel, values, *rest, **more)

    return counted
