"""Exact numbers: what is written is what is read, and signs do not depend on rounding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechopt import exact


@pytest.mark.parametrize(
    ("text", "value"),
    [("1/3", Fraction(1, 3)), ("0.1", Fraction(1, 10)), (0.1, Fraction(1, 10)), ("1e-3", Fraction(1, 1000)), ("7", 7)],
)
def test_text_and_floats_are_read_as_written(text: object, value: object) -> None:
    assert exact.parse(text) == value


@pytest.mark.parametrize("text", ["", "x", "1/0", "1/2/3", "nan", "inf", "1_000", "1e999", None, True, [1], "0x10"])
def test_what_is_no_number_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact.parse(text)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 6)), min_size=1, max_size=40))
def test_sums_of_decimals_are_exact(parts: list[tuple[int, int]]) -> None:
    texts = [f"{digits}e-{places}" for digits, places in parts]
    expected = sum((Fraction(text) for text in texts), Fraction(0))
    assert exact.exact_sum(np.array([float(text) for text in texts])) == expected


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=20))
def test_sums_of_any_floats_are_those_of_their_decimals(values: list[float]) -> None:
    assert exact.exact_sum(np.array(values)) == sum((Fraction(repr(v)) for v in values), Fraction(0))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_a_reordered_sum_is_a_tie(values: list[float], random: object) -> None:
    """Sums in another order differ in the last bits; the sign says 0."""
    other = list(values)
    random.shuffle(other)  # type: ignore[attr-defined]  # Hypothesis' Random
    left, right = np.array(values), np.array(other)
    assert exact.sign_of_difference(left, right) == 0
    assert exact.sign_of_difference(left + np.eye(1, len(left))[0], right) == 1


@given(st.lists(st.integers(-(2**62), 2**62), max_size=30))
def test_integer_sums_do_not_wrap(values: list[int]) -> None:
    assert exact.integer_sum(np.array(values, dtype=np.int64)) == sum(values)


@given(st.fractions(0, 1000, max_denominator=50), st.sampled_from([Fraction(1, 2), Fraction(3, 2), Fraction(1, 3), 2]))
def test_powers_are_exact_or_none(base: Fraction, exponent: Fraction) -> None:
    found = exact.power(base, exponent)
    exponent = Fraction(exponent)
    if found is None:
        assert exact.root(base, exponent.denominator) is None
    else:
        assert found**exponent.denominator == base**exponent.numerator
    assert exact.power(base**exponent.denominator, exponent) == base**exponent.numerator
