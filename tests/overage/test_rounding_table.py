"""The table of roundings: every failure's witness is replayed, and known theorems come out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mechopt.mechanisms.overage.rounding_table import METHODS, PROPERTIES, award, rounding_properties

UNIT = {"largest_remainder", "cumulative", "jefferson", "webster", "adams"}


def table(largest: int, accounts: int) -> dict[tuple[Any, Any], tuple[Any, Any]]:
    columns = rounding_properties(largest=largest, accounts=accounts)
    keys = zip(columns["rounding"], columns["property"], strict=True)
    return dict(zip(keys, zip(columns["holds"], columns["witness"], strict=True), strict=True))


@pytest.fixture(scope="module")
def small() -> dict[tuple[Any, Any], tuple[Any, Any]]:
    return table(3, 3)


def kept(rows: dict[tuple[Any, Any], tuple[Any, Any]], name: str) -> set[str]:
    return {method for (method, key), (holds, _) in rows.items() if key == name and holds}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def test_every_pair_has_a_row_and_every_no_a_witness(small: dict[tuple[Any, Any], tuple[Any, Any]]) -> None:
    assert set(small) == {(method, name) for method in METHODS for name in PROPERTIES}
    assert all(holds == (witness is None) for holds, witness in small.values())


def test_witnesses_say_what_the_rounding_awards(small: dict[tuple[Any, Any], tuple[Any, Any]]) -> None:
    replayed = 0
    for (method, _), (_, witness) in small.items():
        for v, slack, awards in re.findall(r"v = \(([^)]*)\), I = (\d+): \(([^)]*)\)", witness or ""):
            assert award(numbers(v), int(slack), method) == numbers(awards)
            replayed += 1
    assert replayed >= sum(witness is not None for _, witness in small.values())


def test_what_each_rounding_keeps(small: dict[tuple[Any, Any], tuple[Any, Any]]) -> None:
    """Only separate roundings lose units; only divisor methods and separate roundings are monotone in slack."""
    everything, separate = set(METHODS), {"floor", "nearest"}
    divisors = {"jefferson", "webster", "adams"}
    assert kept(small, "budget") == UNIT
    assert kept(small, "claims_bounded") == everything
    assert kept(small, "own_claim_monotone") == everything
    assert kept(small, "monotone_in_slack") == separate | divisors
    assert kept(small, "rivals_never_gain") == separate | divisors
    assert kept(small, "quota") == everything - {"jefferson", "adams"}
    assert kept(small, "split_proof") == {"floor", "cumulative", "jefferson"}
    assert "cumulative" in kept(small, "merge_proof")
    assert "jefferson" not in kept(small, "merge_proof")


def test_the_alabama_paradox_of_the_largest_remainder_is_the_known_one(
    small: dict[tuple[Any, Any], tuple[Any, Any]],
) -> None:
    witness = small["largest_remainder", "monotone_in_slack"][1]
    assert witness == "v = (1, 3, 3), I = 3: (1, 1, 1); I = 4: (0, 2, 2)"


def test_ties_for_the_first_unit_can_cost_the_order_under_adams(
    small: dict[tuple[Any, Any], tuple[Any, Any]],
) -> None:
    """Everybody's first unit has divisor 0, so all tie and the earlier account comes first, however small."""
    assert small["adams", "order_preserving"][1] == "v = (1, 2), I = 1: (1, 0)"


def test_webster_leaves_the_quota_with_four_accounts(small: dict[tuple[Any, Any], tuple[Any, Any]]) -> None:
    """A theorem of Balinski and Young: with three it never does."""
    assert small["webster", "quota"][0]
    assert table(3, 4)["webster", "quota"] == (False, "v = (1, 1, 1, 3), I = 4: (1, 1, 1, 1)")
