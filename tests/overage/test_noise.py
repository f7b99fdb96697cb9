"""Intervals against many draws, audits against settling the other structure, and their limits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import mechopt
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import jump_risk, netting_gain, payoff_intervals, review, splitting_gain
from mechopt.mechanisms.overage.environment import Environment

PAIRS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=5)


def period(pairs: Any, **more: Any) -> Environment:
    accounts = [{"account": f"a{k}", "entitlement": h, "claim": c} for k, (h, c) in enumerate(pairs)]
    environment: Environment = mechopt.load({"mechanism": "overage", "accounts": accounts} | more).environment
    return environment


def paid(pairs: Any) -> list[Fraction]:
    outcome = mechopt.solve(
        {
            "mechanism": "overage",
            "arithmetic": "exact",
            "accounts": [{"account": str(k), "entitlement": h, "claim": c} for k, (h, c) in enumerate(pairs)],
        }
    )
    return list(outcome.tables["accounts"]["payoff"])


@given(pairs=PAIRS, error=st.integers(0, 3), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_true_payoffs_lie_in_the_intervals_and_reach_their_ends(pairs: Any, error: int, seed: int) -> None:
    found = payoff_intervals(period(pairs), error)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        true = [(h, max(0, c + int(rng.integers(-error, error + 1)))) for h, c in pairs]
        for k, payoff in enumerate(paid(true)):
            assert found["payoff_low"][k] <= payoff <= found["payoff_high"][k]
    for k in range(len(pairs)):
        for own, others, end in ((-1, 1, "payoff_low"), (1, -1, "payoff_high")):
            corner = [(h, max(0, c + error * (own if j == k else others))) for j, (h, c) in enumerate(pairs)]
            assert paid(corner)[k] == found[end][k]


def test_no_error_is_the_settlement() -> None:
    found = payoff_intervals(period([(10, 14), (10, 8), (10, 13)]), 0)
    assert found["payoff_low"] == found["payoff_high"] == paid([(10, 14), (10, 8), (10, 13)])


def test_netting_pays_who_holds_slack_and_overage() -> None:
    """The notes' example: L = 10 + 10, claims 9 and 13, a rival short by 1: separate 79/4, merged 20."""
    environment = period([(10, 9), (10, 13), (10, 11)])
    assert netting_gain(environment, ["a0", "a1"]) == 20 - Fraction(79, 4)


@given(pairs=PAIRS, parts=st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_the_linear_rule_is_neutral_to_splitting(pairs: Any, parts: int) -> None:
    assert splitting_gain(period(pairs), "a0", parts) == 0


def test_other_powers_are_not() -> None:
    pairs = [(0, 4), (0, 4), (6, 0)]
    assert splitting_gain(period(pairs, rule="capped_power", alpha=2), "a0", 2) < 0
    assert splitting_gain(period(pairs, rule="constrained_equal_awards"), "a0", 2) > 0


def test_a_jump_needs_the_boundary_within_the_error() -> None:
    pairs = [(10, 11), (10, 12), (10, 6)]  # X = 3, I = 4
    jumping = period(pairs, rule="power", alpha=2)
    assert jump_risk(jumping, Fraction(1, 2)).holds
    at_risk = jump_risk(jumping, 1)
    assert not at_risk.holds
    # Shares (1, 4)/5 of X = 3 are 3/5 and 12/5 instead of 1 and 2: a jump of 2/5.
    assert at_risk.margin == pytest.approx(-0.4)
    assert jump_risk(period(pairs), 1).holds


def test_an_error_is_read_as_a_decimal() -> None:
    """|X - I| = 3/10 is within an error of 0.3, whose float is a little less."""
    tight = period([(1, 2), (1, 3), ("1.7", 0), (1, 0)], rule="power", alpha=2)
    assert not jump_risk(tight, 0.3).holds
    assert jump_risk(tight, 0.29).holds


def test_reviews_are_due_where_limits_are_passed() -> None:
    environment = period([(10, 14), (10, 9)])  # X = 4, I = 1, scarcity 3/4
    found = {
        f.property: f for f in review(environment, {"overage": (0, 4), "scarcity": (None, "1/2"), "slack": (2, None)})
    }
    assert found["overage_within_limits"].margin == 0
    assert found["scarcity_within_limits"].margin == Fraction(-1, 4)
    assert found["slack_within_limits"].margin == -1
    assert review(environment, {"shortage": (None, None)})[0].holds


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda e: payoff_intervals(e, -1), "at least 0"),
        (lambda e: jump_risk(e, -1), "at least 0"),
        (lambda e: payoff_intervals(period([(1, 2), (2, 1)], rule="talmud"), 1), "linear"),
        (lambda e: netting_gain(e, ["z"]), "no account 'z'"),
        (lambda e: netting_gain(e, []), "one or more"),
        (lambda e: splitting_gain(e, "a0", 1), "at least 2"),
        (lambda e: review(e, {"price": (0, 1)}), "there is no 'price'"),
        (lambda e: review(e, {"slack": (2, 1)}), "above the upper"),
    ],
)
def test_bad_questions_are_named(call: Any, word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        call(period([(10, 14), (10, 9)]))
