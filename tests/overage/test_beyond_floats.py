"""Numbers that no float holds are said in one line by whatever calculates in floats, and settled by what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import mechopt
from mechopt.errors import InstanceError

HUGE = "1" + "0" * 330
ACCOUNTS = [{"account": "a", "entitlement": 10, "claim": 13}, {"account": "b", "entitlement": 10, "claim": 9}]
DOCUMENT: dict[str, Any] = {"mechanism": "overage", "accounts": ACCOUNTS}
RICH = [{"account": "a", "entitlement": HUGE, "claim": 13}, *ACCOUNTS[1:]]
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


def test_fractions_settle_and_charge_what_floats_cannot() -> None:
    outcome = mechopt.solve(DOCUMENT | {"arithmetic": "exact", "accounts": RICH, "penalty": HUGE})
    assert outcome.summary["region"] == "X<I"
    outcome = mechopt.solve(DOCUMENT | {"arithmetic": "exact", "penalty": HUGE})
    assert outcome.summary["penalty_total"] == 2 * int(HUGE)
