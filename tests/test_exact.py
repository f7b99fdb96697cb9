"""Exact numbers: parsing, sums and signs against Fractions of the decimals that were written."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import exact

FLOATS = st.floats(min_value=0, max_value=1e15, allow_subnormal=False)
DECIMALS = st.decimals(min_value=0, max_value=1000, places=2).map(float)


def by_decimals(values: list[float]) -> Fraction:
    return sum((Fraction(repr(value)) for value in values), Fraction(0))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, Fraction(1, 10)),
        ("0.1", Fraction(1, 10)),
        (Decimal("0.1"), Fraction(1, 10)),
        (np.float64(0.1), Fraction(1, 10)),
        ("1/3", Fraction(1, 3)),
        (" -4 / 2 ", -2),
        ("1e3", 1000),
        (3.0, 3),
        (np.int64(7), 7),
        (Fraction(4, 2), 2),
        (2**100, 2**100),
        ("-0", 0),
    ],
)
def test_parse(value: object, expected: int | Fraction) -> None:
    number = exact.parse(value)
    assert number == expected
    assert isinstance(number, int) == (Fraction(expected).denominator == 1)


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        [],
        "",
        "x",
        "nan",
        "inf",
        "1e401",
        "1_000",
        "1/0",
        "1//2",
        "1/2/3",
        float("nan"),
        float("-inf"),
        Decimal("sNaN"),
        Decimal("1e-401"),
        "9" * 5000,
        10**500,
        "1/" + "9" * 5000,
        1j,
        np.bool_(True),
        "0x1",
    ],
)
def test_parse_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"number|finite|range|zero"):
        exact.parse(value)


@given(st.lists(DECIMALS, max_size=30), st.lists(DECIMALS, max_size=30))
def test_sign_of_difference_is_that_of_the_decimals(left: list[float], right: list[float]) -> None:
    expected = by_decimals(left) - by_decimals(right)
    size = max(len(left), len(right))
    a, b = (np.array(values + [0.0] * (size - len(values))) for values in (left, right))
    assert exact.sign_of_difference(a, b) == (expected > 0) - (expected < 0)
    assert exact.sign_of_difference(b, a) == (expected < 0) - (expected > 0)


@given(st.lists(FLOATS, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_near_ties_are_decided_exactly(values: list[float], random: Any) -> None:
    other = list(values)
    random.shuffle(other)
    index = random.randrange(len(other))
    for nudged in (other[index], np.nextafter(other[index], np.inf), np.nextafter(other[index], -np.inf)):
        if nudged < 0:
            continue
        other[index] = float(nudged)
        expected = by_decimals(values) - by_decimals(other)
        sign = exact.sign_of_difference(np.array(values), np.array(other))
        assert sign == (expected > 0) - (expected < 0)


def test_decimals_that_tie_are_a_tie() -> None:
    # 0.1 + 0.2 and ten tenths are not what binary sums give.
    assert 0.1 + 0.2 != 0.3
    assert exact.sign_of_difference(np.array([0.1, 0.2]), np.array([0.3, 0.0])) == 0
    assert exact.sign_of_difference(np.array([0.1] * 10), np.array([1.0] + [0.0] * 9)) == 0
    assert exact.sign_of_difference(np.array([0.1] * 8 + [0.2]), np.array([1.0] + [0.0] * 8)) == 0


@pytest.mark.parametrize("kinds", [("f", "O"), ("O", "f"), ("i", "O"), ("i", "f"), ("O", "O")])
def test_sign_of_mixed_types(kinds: tuple[str, str]) -> None:
    kind = {"f": np.float64, "i": np.int64, "O": object}
    left, right = np.array([3, 4], dtype=kind[kinds[0]]), np.array([5, 2], dtype=kind[kinds[1]])
    assert exact.sign_of_difference(left, right) == 0
    right[0] += 1
    assert exact.sign_of_difference(left, right) == -1


@given(st.lists(st.one_of(FLOATS, DECIMALS, st.floats(min_value=0, max_value=1e-300)), max_size=20))
def test_exact_sum(values: list[float]) -> None:
    assert exact.exact_sum(np.array(values, dtype=np.float64)) == by_decimals(values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_integer_sum_beyond_64_bits(values: list[int]) -> None:
    assert exact.integer_sum(np.array(values, dtype=np.int64)) == sum(values)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 7), st.integers(1, 5))
def test_power_is_exact_or_irrational(numerator: int, denominator: int, up: int, down: int) -> None:
    value = Fraction(numerator, denominator)
    assert exact.power(value**down, Fraction(up, down)) == value**up
    found = exact.power(value, Fraction(up, down))
    if found is not None:
        assert found**down == value**up


def test_root_of_a_huge_degree() -> None:
    assert exact.root(Fraction(1), 10**30) == 1
    assert exact.root(Fraction(0), 10**30) == 0
    assert exact.root(Fraction(1, 2), 10**30) is None
    assert exact.root(Fraction(8, 27), 3) == Fraction(2, 3)
    assert exact.root(Fraction(2), 2) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.0, 2.0]), [1, 2]),
        (np.array([1.5]), None),
        (np.array([2.0**53]), None),
        (np.array([np.nan]), None),
        (np.array([2**63], dtype=np.uint64), None),
        (np.array([2**62], dtype=np.uint64), [2**62]),
        (np.array([], dtype=np.float64), []),
        (np.array([True]), None),
    ],
)
def test_integers(values: Any, expected: list[int] | None) -> None:
    found = exact.integers(values)
    assert (None if found is None else found.tolist()) == expected


def test_as_float_has_infinities() -> None:
    assert exact.as_float(10**400) == float("inf")
    assert exact.as_float(-(10**400)) == float("-inf")
    assert exact.as_float(Fraction(1, 10)) == 0.1


def test_show_never_fails_and_is_short() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert "list" in exact.show(deep)
    while deep:  # taken apart here: not every Python frees such a value in one go
        deep = deep.pop()
    assert "int" in exact.show(10**5000)
    assert exact.show(Fraction(5, 2)) == "2.5"
    assert exact.show(Fraction(1, 3)) == "1/3"
    assert len(exact.show("x" * 1000)) == 40
