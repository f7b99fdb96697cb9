"""The verb simulate: against the engine on the same draws, promises kept in draws, repeatable, never lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mechopt
from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.instance import read_document
from mechopt.mechanisms import linked_vcg
from mechopt.mechanisms.linked_vcg import growth, rounds
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.tasks import Interrupted

LAWS = [
    {"family": "beta", "a": 2, "b": 4, "high": 2.4, "agent": "1", "type": ["3", "4"]},
    {"family": "uniform", "high": 2, "agent": "2", "type": ["3", "4"]},
]


def document(**simulate: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    endowments = np.zeros((2, 5, 4))
    endowments[:, :, 2:] = np.round(rng.uniform(0, 2, (2, 5, 2)), 2)
    return {
        "mechanism": "linked_vcg", "stock": [4.2, 2.0], "types": [[3, 0], [0, 3], [0.6, 0.9], [1.1, 0.5]],
        "endowments": endowments.tolist(), "upper": [[0, 0, 2, 2]] * 2,
        "simulate": {"agents": [20, 40, 80], "replications": 3, "distributions": LAWS, **simulate},
    }  # fmt: skip


def base_of(given: dict[str, Any]) -> growth.Base:
    model = mechopt.load(given)
    return rounds._base(model.environment, model.document, model.document.section("simulate", rounds.Table))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("laws", [LAWS, None])
def test_a_replication_brackets_what_the_engine_pays_on_the_same_draw(seed: int, laws: Any) -> None:
    given = document(distributions=laws) if laws else document()
    if laws is None:
        del given["simulate"]["distributions"]
    base = base_of(given)
    size = growth.size_of(base, 12, 3, bound="normal", delta=0.3, target=0.0, tolerance=None)
    found = growth.replicate(base, size, np.random.default_rng(seed))
    upper = size.upper[base.profiles(12)]
    drawn = growth.draw(base, size, np.random.default_rng(seed))
    reports, changed = retract(drawn, np.zeros_like(upper), upper)
    assert found.left == changed.any(axis=1).mean()
    outcome = linked_vcg.run(
        Environment(stock=base.stock * 6, types=base.types, endowments=reports, lower=np.zeros_like(upper), upper=upper)
    )
    paid = float(np.sum(np.asarray(outcome.tables["agents"]["linked_high"], dtype=float)))
    assert found.low <= paid + 1e-6
    assert paid <= found.high + 1e-6
    assert found.surplus == pytest.approx(float(outcome.summary["surplus"]))
    assert found.unlinked == pytest.approx(float(outcome.summary["cost_unlinked"]))
    assert found.low - 1e-9 <= found.estimate <= found.high + 1e-9


def test_draws_have_the_laws_of_their_profiles() -> None:
    base = base_of(document())
    size = growth.size_of(base, 400, 20, bound="hoeffding", delta=0.1, target=0.0, tolerance=None)
    drawn = growth.draw(base, size, np.random.default_rng(0))
    for profile in (0, 1):
        sample = drawn[profile::2]
        np.testing.assert_allclose(sample.mean(axis=(0, 1)), base.laws.mean[profile], atol=0.04)
        np.testing.assert_allclose(sample.std(axis=(0, 1)), base.laws.deviation[profile], atol=0.04)
    given = document()
    del given["simulate"]["distributions"]
    resampled = growth.draw(base_of(given), size, np.random.default_rng(0))
    rows = {tuple(row) for row in np.asarray(given["endowments"])[0]}
    assert {tuple(row) for row in resampled[0::2].reshape(-1, 4).tolist()} <= rows


def test_nobody_leaves_proven_bounds_more_often_than_promised() -> None:
    base = base_of(document())
    for bound in ("hoeffding", "bernstein"):
        size = growth.size_of(base, 30, 12, bound=bound, delta=0.3, target=0.0, tolerance=None)
        assert 0.29 < size.delta <= 0.3
        rng = np.random.default_rng(5)
        upper = size.upper[base.profiles(30)]
        left = [bool((growth.draw(base, size, rng).mean(axis=1) > upper).any()) for _ in range(400)]
        assert np.mean(left) <= 0.3


def test_the_market_scales() -> None:
    """Corollary 1: k times the stock and the projects, k times the value."""
    base = base_of(document())
    mean = base.laws.mean.sum(axis=0)
    one = base.knapsack(2).invest(mean)
    many = base.knapsack(14).invest(7 * mean)
    assert float(many.value) == pytest.approx(7 * float(one.value))
    np.testing.assert_allclose(many.geometry.price, one.geometry.price)


def test_the_linked_ratio_falls_and_the_unlinked_one_is_nearly_k() -> None:
    outcome = mechopt.simulate(document(bound="bernstein", agents=[50, 200, 800], dates_factor=4, replications=2))
    table: Any = outcome.tables["growth"]
    ratio = np.asarray(table["ratio"])
    assert np.all(np.diff(ratio) < 0)
    for agents, unlinked in zip(table["agents"], table["ratio_unlinked"], strict=True):
        assert agents - 1 <= unlinked <= agents
    assert np.all(np.asarray(table["ratio_low"]) <= ratio + 1e-12)
    assert np.all(ratio <= np.asarray(table["ratio_high"]) + 1e-12)
    assert np.all(np.diff(table["delta"]) < 0)
    assert np.all(np.diff(np.asarray(table["delta"]) * table["agents"]) < 0)  # k delta[k] goes to 0, as Theorem 2 needs
    assert outcome.summary["slope"] < 0
    assert outcome.guarantee.kind == "approximate"
    assert outcome.guarantee.error > 0


def test_conjectures_are_believable_and_fall() -> None:
    outcome = mechopt.simulate(document(conjecture=0.05, tolerance=60, dates_factor=2, bound="bernstein"))
    table: Any = outcome.tables["growth"]
    target = 0.05 * (20 / np.asarray(table["agents"])) ** 1.25
    assert np.all(np.asarray(table["conjecture"]) <= target * (1 + 1e-9))
    assert table["conjecture"][0] > 0
    assert np.all(np.diff(table["conjecture"]) <= 0)


def test_the_same_seed_gives_the_same_numbers_whoever_draws_them() -> None:
    first, second = mechopt.simulate(document(), seed=4), mechopt.simulate(document(), seed=4, workers=2)
    assert first.to_dict()["tables"] == second.to_dict()["tables"]
    assert first.to_dict()["tables"] != mechopt.simulate(document(), seed=5).to_dict()["tables"]


def test_an_interrupted_run_keeps_what_is_finished() -> None:
    def stop(done: int, total: int) -> None:
        assert total == 9
        if done == 5:
            raise KeyboardInterrupt

    outcome = mechopt.simulate(document(), progress=stop)
    assert outcome.status == "interrupted"
    assert outcome.tables["replications"]["agents"] == [20, 40, 80, 20, 40]
    assert outcome.tables["growth"]["agents"] == [20, 40, 80]
    whole = mechopt.simulate(document())
    assert outcome.tables["replications"]["estimate"] == whole.tables["replications"]["estimate"][:5]
    environment = mechopt.load(document()).environment
    assert len(linked_vcg.simulate_pictures(environment, outcome)) == 1


def test_interrupted_before_anything_there_is_no_outcome() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="0 of 9 tasks"):
        mechopt.simulate(document(), progress=stop)


def test_the_command_writes_tables_and_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document()))
    assert main(["simulate", str(path), "--out", str(tmp_path / "out"), "--quiet", "--seed", "3"]) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["status"] == "simulated"
    assert len(result["tables"]["replications"]["agents"]) == 9
    assert "Cost to surplus as the market grows" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ({"agents": []}, "simulate.agents", "list of numbers"),
        ({"agents": [0]}, "simulate.agents", "1"),
        ({"agents": [10**9]}, "simulate.agents", "memory"),
        ({"replications": 0}, "simulate.replications", "1"),
        ({"exponent": 1}, "simulate.exponent", "below 1"),
        ({"exponent": "x"}, "simulate.exponent", "not a number"),
        ({"decay": 1}, "simulate.decay", "above 1"),
        ({"delta": 0.9}, "simulate.delta", "at most 0.5"),
        ({"delta": 0.1, "conjecture": 0.1}, "simulate", "not both"),
        ({"conjecture": 0.1}, "simulate.tolerance", "missing"),
        ({"conjecture": 0.1, "tolerance": 0.001}, "simulate.tolerance", "too small"),
        ({"bound": "x"}, "simulate.bound", "x"),
        ({"agent": 3}, "simulate", "did you mean agents"),
        ({"distributions": [{"family": "uniform", "low": -1}]}, "simulate.distributions (row 1)", "from -1"),
    ],
)
def test_bad_tables_are_refused_by_name(table: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(InstanceError) as caught:
        mechopt.simulate(document(**table))
    assert key in str(caught.value)
    assert words in str(caught.value)


def test_the_shipped_market_is_simulated() -> None:
    """Its own sizes, two of them and one replication each."""
    from mechopt import catalog

    given = read_document(catalog.models()["linked_vcg/growing_market"])
    data = {**given.data, "simulate": {**given.data["simulate"], "agents": [100, 400], "replications": 2}}
    outcome = mechopt.simulate(data)
    assert outcome.summary["ratio"] < 0.6
    assert outcome.summary["ratio_high"] < 1
    assert outcome.summary["price_takers"] > 0.3
