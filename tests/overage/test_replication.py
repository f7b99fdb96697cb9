"""`simulate`: held against settling each period by itself, and against what theorems say of the averages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mechopt
from mechopt import tasks
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import replication

ACCOUNTS = [
    {"account": "a", "entitlement": 10, "claim": 14},
    {"account": "b", "entitlement": 10, "claim": 7},
    {"account": "c", "entitlement": 10, "claim": 12},
]
NOISE = {"family": "lognormal", "mu": 0, "sigma": "1/5"}


def document(simulate: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"mechanism": "overage", "accounts": ACCOUNTS, "penalty": 2, "simulate": simulate} | more


@pytest.mark.parametrize("rule", ["linear", "talmud", "rebate", "constrained_equal_awards"])
def test_without_chance_every_period_is_the_settlement_itself(rule: str) -> None:
    outcome = mechopt.simulate(document({"periods": 3, "replications": 2}, rule=rule))
    settled = mechopt.solve(document({}, rule=rule)).summary
    for period in range(3):
        found = {name: column[period] for name, column in outcome.tables["periods"].items()}
        assert found["overage"] == pytest.approx(settled["overage_total"])
        assert found["slack"] == pytest.approx(settled["slack_total"])
        assert found["scarcity"] == pytest.approx(settled["scarcity"])
        assert found["penalty"] == pytest.approx(settled["penalty_total"])
        assert found["truthful_payoff"] * 30 == pytest.approx(settled["payoff_total"])
        assert found["penalty_low"] == pytest.approx(found["penalty_high"])


def test_a_tie_that_floats_would_miss_is_a_tie() -> None:
    """0.1 + 0.2 against 0.3: X = I, where the left branch covers all; X > I by rounding would share in proportion."""
    accounts = [
        {"account": "a", "entitlement": 0, "claim": 0.1},
        {"account": "b", "entitlement": 0, "claim": 0.2},
        {"account": "c", "entitlement": 0.3, "claim": 0},
    ]
    more = {"accounts": accounts, "rule": "power", "alpha": 2, "tie": "left"}
    table = mechopt.simulate(document({"periods": 1, "replications": 1}, **more)).tables["periods"]
    assert table["residual"] == [0]
    assert table["truthful_payoff"][0] * 0.3 == pytest.approx(0.3)


def test_banked_slack_comes_back_to_its_owner() -> None:
    """Needs 4 of 10: 6 are banked, then 12, so a later period has ever more slack and nothing is lost."""
    accounts = [{"account": "a", "entitlement": 10, "claim": 4}]
    banked = mechopt.simulate(document({"periods": 3, "replications": 1, "banking": True}, accounts=accounts)).tables[
        "periods"
    ]
    assert banked["slack"] == pytest.approx([6, 12, 18])
    fresh = mechopt.simulate(document({"periods": 3, "replications": 1}, accounts=accounts)).tables["periods"]
    assert fresh["slack"] == pytest.approx([6, 6, 6])


def test_only_slack_that_nobody_used_is_banked() -> None:
    """a lacks 4, c lacks 2, b has 3 to spare and lends it all: nothing is left to bank."""
    table = mechopt.simulate(document({"periods": 3, "replications": 1, "banking": True})).tables["periods"]
    assert table["slack"] == pytest.approx([3, 3, 3])


def test_when_all_claim_the_bound_everybody_gets_the_entitlement() -> None:
    """Proposition 2, whatever the needs."""
    outcome = mechopt.simulate(
        document({"periods": 2, "replications": 50, "claims": NOISE, "strategic": ["a", "b", "c"]}, claim_bound=20)
    )
    assert outcome.summary["strategic_payoff"] == pytest.approx(1.0)
    assert outcome.summary["truthful_payoff"] is None


def test_growth_raises_needs() -> None:
    table = mechopt.simulate(document({"periods": 4, "replications": 1, "growth": 0.1})).tables["periods"]
    assert np.all(np.diff(table["residual"]) > 0)


def test_the_result_depends_on_the_seed_and_not_on_the_workers() -> None:
    play = document({"periods": 2, "replications": 600, "claims": NOISE, "common": NOISE})
    one, two, other = mechopt.simulate(play), mechopt.simulate(play, workers=2), mechopt.simulate(play, seed=1)
    assert one.tables == two.tables
    assert one.summary == two.summary
    assert one.tables != other.tables


def test_the_standard_error_covers_the_difference_between_two_runs() -> None:
    play = document({"periods": 2, "replications": 2000, "claims": NOISE})
    first, second = mechopt.simulate(play, seed=1), mechopt.simulate(play, seed=2)
    gap = abs(first.summary["penalty_per_run"] - second.summary["penalty_per_run"])
    assert 0 < gap < 6 * first.guarantee.error


def test_ctrl_c_keeps_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = replication.play, []

    def impatient(task: Any, generator: Any) -> Any:
        calls.append(task)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(task, generator)

    monkeypatch.setattr(replication, "play", impatient)
    outcome = mechopt.simulate(document({"periods": 2, "replications": 2000, "claims": NOISE}))
    assert outcome.status == "interrupted"
    assert outcome.summary["replications"] == 2 * replication.BLOCK
    assert "only 512 of 2,000 replications" in outcome.warnings[0]


def test_ctrl_c_before_anything_is_finished_has_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(task: Any, generator: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(replication, "play", impatient)
    with pytest.raises(tasks.Interrupted):
        mechopt.simulate(document({"replications": 5}))


@pytest.mark.parametrize(
    ("table", "more", "words"),
    [
        ({"periods": 0}, {}, ["simulate.periods", "at least 1"]),
        ({"replications": 10**7, "periods": 2}, {}, ["simulate.replications"]),
        ({"level": 1.0}, {}, ["simulate.level"]),
        ({"growth": -1.0}, {}, ["simulate.growth"]),
        ({"strategic": ["z"]}, {"claim_bound": 20}, ["simulate.strategic", "'z'"]),
        ({"strategic": ["a"]}, {}, ["claim_bound"]),
        ({"claims": {"family": "uniform", "low": -1, "high": 1}}, {}, ["simulate.claims", "below 0"]),
        ({"banking": True}, {"rule": "rebate"}, ["rule", "bank"]),
        ({"period": 3}, {}, ["did you mean periods"]),
        (
            {},
            {
                "pools": [{"account": a["account"], "pool": "p"} for a in ACCOUNTS],
                "edges": [{"pool": "p", "account": "a"}],
            },
            ["simulation", "networks"],
        ),
    ],
)
def test_bad_tables_are_named(table: dict[str, Any], more: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InstanceError) as caught:
        mechopt.simulate(document(table, **more))
    assert all(word in str(caught.value) for word in words), caught.value


def test_whole_units_are_played_without_rounding_and_said_so() -> None:
    table = {"periods": 2, "replications": 50, "claims": NOISE}
    rounded, plain = (mechopt.simulate(document(table, rounding=how), seed=4) for how in ("jefferson", "none"))
    assert rounded.tables == plain.tables
    assert "without rounding (jefferson)" in rounded.warnings[0]
    assert not plain.warnings


@pytest.mark.slow
def test_a_hundred_thousand_replications() -> None:
    outcome = mechopt.simulate(document({"periods": 10, "replications": 100_000, "claims": NOISE}))
    assert outcome.summary["replications"] == 100_000
