"""The fast path against the plain definition, in Python ints and Fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import dealing, rounding
from mechopt.mechanisms.overage.dealing import Deal
from mechopt.mechanisms.overage.settlement import aggregate, settle

ENGINES = ["numpy", "compiled"]
sizes = st.sampled_from([3, 50, 10**6, 2**45, 2**51, 2**55, 2**62])


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    n, top = draw(st.integers(1, 12)), draw(sizes)
    number = st.integers(0, top)
    return draw(st.lists(number, min_size=n, max_size=n)), draw(st.lists(number, min_size=n, max_size=n))


def plainly(entitlement: list[int], claim: list[int], method: str) -> list[int]:
    overage = [max(c - e, 0) for e, c in zip(entitlement, claim, strict=True)]
    slack = sum(max(e - c, 0) for e, c in zip(entitlement, claim, strict=True))
    awards = overage if sum(overage) <= slack else rounding.apportion(overage, slack, method)
    return [min(e, c) + a for e, c, a in zip(entitlement, claim, awards, strict=True)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", ["cumulative", "largest_remainder"])
@settings(max_examples=150, deadline=None)
@given(data=columns())
def test_whole_units_equal_the_definition(engine: str, method: str, data: tuple[list[int], list[int]]) -> None:
    """Also near 2**52 and where totals exceed 64 bits."""
    if engine == "compiled":
        pytest.importorskip("numba")
    entitlement, claim = data
    payoff, totals = settle(
        np.array(entitlement, dtype=np.int64),
        np.array(claim, dtype=np.int64),
        rounding=method,
        engine=engine,  # type: ignore[arg-type]  # a parameter
    )
    assert payoff.tolist() == plainly(entitlement, claim, method)
    assert exact.integer_sum(payoff) == sum(entitlement) - max(totals.slack_total - totals.overage_total, 0)
    assert totals.claim_total == sum(claim)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", ["cumulative", "largest_remainder"])
@pytest.mark.parametrize("top", [2, 10, 10**9])
def test_many_blocks_equal_the_definition(engine: str, method: str, top: int) -> None:
    """Blocks, carries and massive ties (top = 2: all remainders equal)."""
    if engine == "compiled":
        pytest.importorskip("numba")
    rng = np.random.default_rng(7)
    n = 3 * dealing.BLOCK + 5
    entitlement, claim = rng.integers(0, top, n), rng.integers(0, 2 * top, n)
    payoff, _ = settle(entitlement, claim, rounding=method, engine=engine)  # type: ignore[arg-type]
    assert payoff.tolist() == plainly(entitlement.tolist(), claim.tolist(), method)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=150, deadline=None)
@given(data=columns())
def test_float_payoffs_are_the_exact_ones_rounded(engine: str, data: tuple[list[int], list[int]]) -> None:
    if engine == "compiled":
        pytest.importorskip("numba")
    entitlement, claim = (np.array(column, dtype=np.float64) / 8 for column in data)
    payoff, totals = settle(entitlement, claim, engine=engine)  # type: ignore[arg-type]
    held, asked = ([Fraction(x) for x in column.tolist()] for column in (entitlement, claim))
    zero = Fraction(0)
    over = sum((max(c - e, zero) for e, c in zip(held, asked, strict=True)), zero)
    under = sum((max(e - c, zero) for e, c in zip(held, asked, strict=True)), zero)
    assert totals.sign == (over > under) - (over < under)
    share = min(Fraction(1), under / over) if over else Fraction(1)
    for e, c, got in zip(held, asked, payoff.tolist(), strict=True):
        if c <= e:
            assert Fraction(got) == c  # no-sucker-loss to the last bit
        else:
            assert Fraction(got) <= c
            assert abs(Fraction(got) - (e + (c - e) * share)) <= Fraction(2) ** -48 * (over + under + c)


def test_decimals_that_tie_are_a_tie() -> None:
    """0.1 eight times and 0.2 against a slack of 1: binary sums disagree by order, the decimals tie."""
    entitlement, claim = np.array([0.0] * 9 + [1.0]), np.array([0.1] * 8 + [0.2, 0.0])
    for order in (slice(None), slice(None, None, -1)):
        assert aggregate(entitlement[order].copy(), claim[order].copy()).sign == 0
    above = np.array([0.1] * 8 + [0.2000000001, 0.0])
    assert aggregate(entitlement, above).sign == 1


def test_shards_with_a_carry_equal_one_pass() -> None:
    rng = np.random.default_rng(3)
    entitlement, claim = rng.integers(0, 1000, 5000), rng.integers(0, 1500, 5000)
    whole, totals = settle(entitlement, claim, rounding="cumulative")
    deal = Deal(over=totals.overage_total, under=totals.slack_total)
    shards = np.empty_like(whole)
    for part in (slice(0, 17), slice(17, 2000), slice(2000, 5000)):
        deal.cumulative(entitlement[part], claim[part], shards[part])
    assert np.array_equal(whole, shards)


def test_nobody_and_nothing() -> None:
    nobody = np.array([], dtype=np.int64)
    assert settle(nobody, nobody, rounding="cumulative")[0].tolist() == []
    nothing = np.zeros(3)
    assert settle(nothing, nothing)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("entitlement", "claim", "rounding", "word"),
    [
        (np.zeros(2), np.zeros(3), "none", "equal length"),
        (np.zeros(2), np.zeros(2, dtype=np.int64), "none", "both"),
        (np.zeros(2), np.ones(2), "cumulative", "int64"),
        (np.zeros(2), np.ones(2), "webster", "fast path"),
        (np.array([0.0, np.nan]), np.ones(2), "none", "finite"),
        (np.zeros(2), np.array([1.0, np.inf]), "none", "finite"),
        (np.zeros(2), np.array([1e308, 1e308]), "none", "finite"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_settled_says_why(entitlement: object, claim: object, rounding: str, word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        settle(entitlement, claim, rounding=rounding)  # type: ignore[arg-type]
