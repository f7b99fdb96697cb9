"""Explanations say what the tables say, for every kind of account and rule."""

from __future__ import annotations

from typing import Any

import pytest

import mechopt
from mechopt.cli import main
from mechopt.errors import InstanceError

ACCOUNTS: list[dict[str, Any]] = [
    {"account": "a", "entitlement": 10, "claim": 14},
    {"account": "b", "entitlement": 10, "claim": 7},
    {"account": "c", "entitlement": 10, "claim": 12},
    {"account": "d", "entitlement": 10, "claim": 10},
]


def words(account: str, **more: Any) -> str:
    return mechopt.explain({"mechanism": "overage", "arithmetic": "exact", "accounts": ACCOUNTS} | more, account)


def test_an_account_that_is_over() -> None:
    text = words("a", penalty=3)
    assert "over by 4; 2 of it are covered, so it gets 12" in text
    assert "over by 6 and leave 3 of slack" in text
    assert "2 stay uncovered, at a penalty of 6" in text
    # With one more, v = 5 of X = 7: 15/7 instead of 2. With one less, 3 of 5: 9/5.
    assert "Claiming one unit less would cost it 1/5, one more would bring 1/7" in text


def test_accounts_that_are_not_over() -> None:
    assert "leaves 3 of slack" in words("b")
    assert "gets its claim, 10, whatever others do" in words("d")
    enough = [{**row, "claim": 11 if row["account"] == "a" else min(row["claim"], 10)} for row in ACCOUNTS]
    assert "there is enough for all" in words("a", accounts=enough)
    assert "come back to it" in words("b", accounts=enough, rule="rebate")


@pytest.mark.parametrize(
    ("rule", "phrase"),
    [
        ({"rule": "talmud"}, "by the talmud rule"),
        ({"rule": "capped_power", "alpha": 2}, "to the power 2, nobody above the overage"),
        ({"rounding": "largest_remainder"}, "largest remainder; ties go to the earlier account"),
        ({"rule": "power", "alpha": "1/2"}, "cannot be written as a fraction"),
    ],
)
def test_other_rules_are_named(rule: dict[str, Any], phrase: str) -> None:
    if rule.get("alpha") == "1/2":
        rule = rule | {"arithmetic": "float"}
    assert phrase in words("a", **rule)


def test_on_a_network_the_pools_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "overage/vintages_network", "--explain", "port"]) == 0
    shown = capsys.readouterr().out
    assert "from 2025" in shown
    assert "settled in round" in shown


def test_an_unknown_account_is_named() -> None:
    with pytest.raises(InstanceError, match="no account 'z'"):
        words("z")
