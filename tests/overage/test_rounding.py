"""Rounding against the definition that deals out unit by unit, and against the identities of the paper."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechopt.mechanisms.overage import rounding

METHODS = ["largest_remainder", "cumulative", "jefferson", "webster", "adams"]
weights = st.lists(st.integers(0, 30), min_size=1, max_size=6)


def unit_by_unit(weight: list[int], house: int, method: str) -> list[int]:
    """The unit goes to the largest weight / divisor; divisor 0 comes before all; a tie to the earlier account."""
    awards = [0] * len(weight)
    for _ in range(house):
        best, rank = -1, (0, Fraction(0))
        for j, v in enumerate(weight):
            divisor = {"jefferson": awards[j] + 1, "webster": 2 * awards[j] + 1, "adams": awards[j]}[method]
            key = (1, Fraction(0)) if v and divisor == 0 else (0, Fraction(v, divisor) if divisor else Fraction(0))
            if key > rank:
                best, rank = j, key
        awards[best] += 1
    return awards


@pytest.mark.parametrize("method", ["jefferson", "webster", "adams"])
@settings(max_examples=400, deadline=None)
@given(weight=weights, data=st.data())
def test_divisor_methods_deal_unit_by_unit(method: str, weight: list[int], data: st.DataObject) -> None:
    total = sum(weight)
    house = data.draw(st.integers(0, max(total - 1, 0)))
    if total:
        assert rounding.divisor(weight, house, method) == unit_by_unit(weight, house, method)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=300, deadline=None)
@given(weight=st.lists(st.integers(0, 10**30), min_size=1, max_size=8), data=st.data())
def test_units_are_conserved_and_within_the_claims(method: str, weight: list[int], data: st.DataObject) -> None:
    house = data.draw(st.integers(0, sum(weight)))
    awards = rounding.apportion(weight, house, method)
    assert sum(awards) == house
    assert all(0 <= a <= v for a, v in zip(awards, weight, strict=True))
    if method in ("largest_remainder", "cumulative") and sum(weight):
        quotas = [Fraction(v * house, sum(weight)) for v in weight]
        assert all(abs(a - q) < 1 for a, q in zip(awards, quotas, strict=True))


def test_ties_go_to_the_earlier_account() -> None:
    assert rounding.apportion([1, 1, 1], 1, "largest_remainder") == [1, 0, 0]
    assert rounding.apportion([1, 1, 1], 2, "jefferson") == [1, 1, 0]
    assert rounding.apportion([1, 2], 1, "adams") == [1, 0]


def test_largest_remainder_is_not_monotone_in_slack() -> None:
    """The notes' example: with one unit more of slack the first account loses its unit."""
    assert rounding.apportion([1, 3, 3], 3, "largest_remainder") == [1, 1, 1]
    assert rounding.apportion([1, 3, 3], 4, "largest_remainder") == [0, 2, 2]


@given(weight=st.lists(st.integers(0, 50), min_size=2, max_size=6), data=st.data())
def test_cumulative_is_neutral_to_merging_neighbours(weight: list[int], data: st.DataObject) -> None:
    house = data.draw(st.integers(0, sum(weight)))
    merged = [weight[0] + weight[1], *weight[2:]]
    awards = rounding.apportion(weight, house, "cumulative")
    assert rounding.apportion(merged, house, "cumulative") == [awards[0] + awards[1], *awards[2:]]
