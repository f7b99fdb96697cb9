"""Numbers that no float or 64-bit integer holds: said in one line by what calculates in floats, settled by the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import mechopt
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import settle
from mechopt.mechanisms.overage.rounding import apportion

HUGE = "1" + "0" * 330
ACCOUNTS = [{"account": "a", "entitlement": 10, "claim": 13}, {"account": "b", "entitlement": 10, "claim": 9}]
DOCUMENT: dict[str, Any] = {"mechanism": "overage", "accounts": ACCOUNTS}
RICH = [{"account": "a", "entitlement": HUGE, "claim": 13}, *ACCOUNTS[1:]]
NETWORK: dict[str, Any] = {
    "arithmetic": "exact",
    "pools": [{"account": "a", "pool": "p"}, {"account": "b", "pool": "p"}],
    "edges": [{"pool": "p", "account": "a", "most": HUGE}],
}
SCENARIO = {"probability": 1, "overage": 5, "slack": 2}
HIGH = {"family": "lognormal", "mu": 6, "sigma": 1}
NEAR = [{"account": "a", "entitlement": 10, "claim": 1e306}, *ACCOUNTS[1:]]


@pytest.mark.parametrize(
    ("verb", "change", "words"),
    [
        (mechopt.solve, {"penalty": HUGE}, ["penalty", "too large"]),
        (mechopt.solve, {"penalty": "1e308"}, ["penalty", "too large"]),
        (mechopt.design, {"design": {"price": HUGE, "collar": [1, 2], "scenarios": [SCENARIO]}}, ["price", "floats"]),
        (mechopt.design, {"design": {"price": 1, "collar": [1, HUGE], "scenarios": [SCENARIO]}}, ["collar", "floats"]),
        (
            mechopt.design,
            {"design": {"price": 1, "collar": [1, 2], "scenarios": [SCENARIO | {"slack": HUGE}]}},
            ["slack", "row 1", "floats"],
        ),
        (
            mechopt.design,
            {"accounts": NEAR, "design": {"price": 1, "collar": [1, 2], "claims": HIGH}},
            ["design", "draws claims"],
        ),
        (
            mechopt.design,
            {"arithmetic": "exact", "accounts": RICH, "design": {"price": 1, "collar": [1, 2], "claims": HIGH}},
            ["accounts.entitlement", "floats"],
        ),
        (mechopt.solve, NETWORK | {"accounts": RICH}, ["accounts.entitlement", "floats"]),
        (
            mechopt.solve,
            NETWORK | {"edges": [{"pool": "p", "account": "a", "least": HUGE, "most": HUGE}]},
            ["edges.least (row 1)", "floats"],
        ),
        (mechopt.simulate, {"accounts": NEAR, "simulate": {"claims": HIGH}}, ["simulate", "floats"]),
        (mechopt.simulate, {"simulate": {"claims": HIGH | {"mu": HUGE}}}, ["mu", "floats"]),
        (
            mechopt.simulate,
            {"arithmetic": "exact", "accounts": RICH, "simulate": {"periods": 2}},
            ["accounts.entitlement", "floats"],
        ),
        (
            mechopt.simulate,
            {"arithmetic": "exact", "penalty": HUGE, "simulate": {"periods": 2}},
            ["penalties", "floats"],
        ),
    ],
)
def test_what_needs_floats_says_that_they_do_not_reach(
    verb: Callable[[dict[str, Any]], Any], change: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(InstanceError) as caught:
        verb(DOCUMENT | change)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_limit_beyond_floats_is_no_limit() -> None:
    assert mechopt.solve(DOCUMENT | NETWORK).tables["accounts"]["coverage"] == [1, 0]


def test_fractions_settle_and_charge_what_floats_cannot() -> None:
    outcome = mechopt.solve(DOCUMENT | {"arithmetic": "exact", "accounts": RICH, "penalty": HUGE})
    assert outcome.summary["region"] == "X<I"
    outcome = mechopt.solve(DOCUMENT | {"arithmetic": "exact", "penalty": HUGE})
    assert outcome.summary["penalty_total"] == 2 * int(HUGE)


@given(
    overage=st.lists(st.integers(2**62, 2**63 - 1), min_size=3, max_size=9),
    slack=st.lists(st.integers(2**61, 2**63 - 1), min_size=2, max_size=9),
    method=st.sampled_from(["largest_remainder", "cumulative"]),
    block=st.sampled_from([None, 2]),
)
@settings(max_examples=80, deadline=None)
def test_awards_of_one_block_may_exceed_64_bits(
    overage: list[int], slack: list[int], method: str, block: int | None
) -> None:
    slack = slack[: len(overage) - 1]  # so that it is short, mostly
    held = np.array([0] * len(overage) + slack, dtype=np.int64)
    asked = np.array(overage + [0] * len(slack), dtype=np.int64)
    payoff, totals = settle(held, asked, rounding=method, block=block)
    if totals.sign > 0:
        assert payoff.tolist() == apportion(overage, sum(slack), method) + [0] * len(slack)
    else:
        assert payoff.tolist() == asked.tolist()
