"""Whole units: every method against the plainest possible reading of its definition, unit by unit."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from mechopt.mechanisms.overage import rounding

METHODS = ["largest_remainder", "cumulative", "jefferson", "webster", "adams"]


def naive(weights: list[int], house: int, method: str) -> list[int]:
    """The definition, one unit at a time; max() keeps the earlier account in a tie."""
    awards = [0] * len(weights)
    total = sum(weights)
    if method == "cumulative":
        upto = [sum(weights[:k]) * house // total if total else 0 for k in range(len(weights) + 1)]
        return [upto[k + 1] - upto[k] for k in range(len(weights))]
    if method == "largest_remainder":
        awards = [weight * house // total if total else 0 for weight in weights]
        for _ in range(house - sum(awards)):
            # A unit already added makes the rest negative: nobody gets a second one.
            j = max(range(len(weights)), key=lambda j: Fraction(weights[j] * house, total) - awards[j])
            awards[j] += 1
        return awards
    offset = {"jefferson": Fraction(1), "webster": Fraction(1, 2), "adams": Fraction(0)}[method]
    for _ in range(house):

        def priority(j: int) -> tuple[int, Fraction]:
            divisor = awards[j] + offset
            if weights[j] == 0:
                return (-1, Fraction(0))
            return (1, Fraction(0)) if divisor == 0 else (0, weights[j] / divisor)

        awards[max(range(len(weights)), key=priority)] += 1
    return awards


@st.composite
def problems(draw: st.DrawFn, largest: int = 12) -> tuple[list[int], int]:
    weights = draw(st.lists(st.integers(0, largest), min_size=1, max_size=7))
    return weights, draw(st.integers(0, sum(weights)))


@pytest.mark.parametrize("method", METHODS)
@given(problem=problems())
def test_every_method_is_its_definition(method: str, problem: tuple[list[int], int]) -> None:
    weights, house = problem
    assert rounding.apportion(weights, house, method) == naive(weights, house, method)


@pytest.mark.parametrize("method", METHODS)
@given(problem=problems(largest=2**80))
def test_conservation_beyond_64_bits(method: str, problem: tuple[list[int], int]) -> None:
    weights, house = problem
    awards = rounding.apportion(weights, house, method)
    assert sum(awards) == house
    assert all(0 <= award <= weight for award, weight in zip(awards, weights, strict=True))
    assert all(award == int(award) for award in awards)
    if method in ("largest_remainder", "cumulative"):  # the two that stay within the quota
        for award, weight in zip(awards, weights, strict=True):
            quota = Fraction(weight * house, sum(weights)) if sum(weights) else Fraction(0)
            assert math.floor(quota) <= award <= math.ceil(quota)


@pytest.mark.parametrize("method", METHODS)
@given(problem=problems())
def test_scale_beyond_64_bits_changes_nothing_but_scale_for_whole_quotas(
    method: str, problem: tuple[list[int], int]
) -> None:
    weights, house = problem
    total, factor = sum(weights), 2**70
    awards = rounding.apportion([weight * factor * total for weight in weights], house * factor * total, method)
    assert awards == [weight * house * factor for weight in weights]


@pytest.mark.parametrize(
    ("method", "weights", "house", "expected"),
    [
        # Ties go to the earlier account.
        ("largest_remainder", [1, 1, 1, 1], 2, [1, 1, 0, 0]),
        ("cumulative", [1, 1, 1, 1], 2, [0, 1, 0, 1]),
        ("jefferson", [1, 1, 1, 1], 2, [1, 1, 0, 0]),
        ("webster", [1, 1, 1, 1], 2, [1, 1, 0, 0]),
        ("adams", [1, 9, 1, 1], 2, [1, 1, 0, 0]),
        # The notes: largest remainder is not monotone in the house.
        ("largest_remainder", [1, 3, 3], 3, [1, 1, 1]),
        ("largest_remainder", [1, 3, 3], 4, [0, 2, 2]),
        ("adams", [0, 1, 100], 1, [0, 1, 0]),
        ("jefferson", [1, 1, 100], 3, [0, 0, 3]),
        ("webster", [0, 0], 0, [0, 0]),
    ],
)
def test_known_answers(method: str, weights: list[int], house: int, expected: list[int]) -> None:
    assert rounding.apportion(weights, house, method) == expected


@given(st.lists(st.fractions(0, 50, max_denominator=9), min_size=1, max_size=8))
def test_rational_quotas(quotas: list[Fraction]) -> None:
    quotas = [*quotas, Fraction(math.ceil(sum(quotas))) - sum(quotas)]  # a whole sum
    for awards in (rounding.largest_remainder(quotas), rounding.cumulative(quotas)):
        assert sum(awards) == sum(quotas)
        assert all(abs(award - quota) < 1 for award, quota in zip(awards, quotas, strict=True))


@given(weights=st.lists(st.integers(0, 50), min_size=2, max_size=6), data=st.data())
def test_cumulative_is_neutral_to_merging_neighbours(weights: list[int], data: st.DataObject) -> None:
    house = data.draw(st.integers(0, sum(weights)))
    awards = rounding.apportion(weights, house, "cumulative")
    merged = rounding.apportion([weights[0] + weights[1], *weights[2:]], house, "cumulative")
    assert merged == [awards[0] + awards[1], *awards[2:]]
