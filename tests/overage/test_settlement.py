"""The fast path against the plain definition, written out here in Python ints and Fractions."""

from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import dealing, totals
from mechopt.mechanisms.overage.dealing import Deal, find_cut
from mechopt.mechanisms.overage.settlement import aggregate, settle

ENGINES = [
    "numpy",
    pytest.param(
        "compiled",
        marks=pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed"),
    ),
]
METHODS = ["cumulative", "largest_remainder"]
# Small for ties; around 2**52 and 2**61, where 64-bit arithmetic ends; up to the largest int64.
TOPS = [1, 3, 50, 10**6, 2**45, 2**52 - 1, 2**52 + 1, 2**58, 2**61, 2**63 - 1]


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    n = draw(st.integers(0, 12))
    tops = st.sampled_from(TOPS)
    held, asked = st.integers(0, draw(tops)), st.integers(0, draw(tops))
    return draw(st.lists(held, min_size=n, max_size=n)), draw(st.lists(asked, min_size=n, max_size=n))


def int64(values: list[int]) -> Any:
    return np.array(values, dtype=np.int64)


def sides(entitlement: list[Any], claim: list[Any]) -> tuple[list[Any], Any, Any]:
    """Overages, X and I."""
    pairs = list(zip(entitlement, claim, strict=True))
    overage = [max(c - e, 0) for e, c in pairs]
    return overage, sum(overage), sum(max(e - c, 0) for e, c in pairs)


def plainly(entitlement: list[int], claim: list[int], method: str) -> list[int]:
    """Whole units by definition."""
    overage, over, under = sides(entitlement, claim)
    if over <= under:
        return claim
    if method == "cumulative":
        prefix = [sum(overage[: j + 1]) * under // over for j in range(len(overage))]
        awards = [upto - before for upto, before in zip(prefix, [0, *prefix], strict=False)]
    else:
        awards = [v * under // over for v in overage]
        order = sorted(range(len(overage)), key=lambda j: (-(overage[j] * under % over), j))
        for j in order[: under - sum(awards)]:
            awards[j] += 1
    return [min(e, c) + a for e, c, a in zip(entitlement, claim, awards, strict=True)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=250, deadline=None)
@given(data=columns(), block=st.integers(1, 20))
def test_whole_units_equal_the_definition(
    engine: Any, method: str, data: tuple[list[int], list[int]], block: int
) -> None:
    """In blocks of any size, near 2**52, and where totals exceed 64 bits."""
    entitlement, claim = data
    payoff, found = settle(int64(entitlement), int64(claim), rounding=method, engine=engine, block=block)
    assert payoff.tolist() == plainly(entitlement, claim, method)
    overage, over, under = sides(entitlement, claim)
    assert (found.accounts, found.overage_total, found.slack_total) == (len(overage), over, under)
    assert (found.entitlement_total, found.claim_total) == (sum(entitlement), sum(claim))
    assert found.sign == (over > under) - (over < under)
    assert sum(payoff.tolist()) == sum(entitlement) - max(under - over, 0)


def test_an_example_that_exceeds_64_bits() -> None:
    """Products of 2**124 and totals of 2**64: nothing wraps. X = 2 I, so everybody is covered by half."""
    large = 2**62
    entitlement, claim = int64([large] * 2 + [0] * 4), int64([0] * 2 + [large] * 4)
    payoff, found = settle(entitlement, claim, rounding="cumulative")
    assert found.overage_total == 2**64
    assert payoff.tolist() == [0, 0] + [large // 2] * 4


def test_only_the_block_with_a_huge_overage_leaves_64_bits() -> None:
    """An overage of 2**52 + 1 among small ones."""
    claim = [3, 5, 2**52 + 1, 7, 9, 11]
    entitlement = [0, 0, 0, 0, 2**40, 0]
    for method in METHODS:
        payoff, _ = settle(int64(entitlement), int64(claim), rounding=method, block=2)
        assert payoff.tolist() == plainly(entitlement, claim, method)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("top", [2, 10, 10**9, 2**46])
def test_many_blocks_equal_the_definition(engine: Any, method: str, top: int) -> None:
    """Full blocks, carries and massive ties (top = 2: all remainders equal)."""
    rng = np.random.default_rng(7)
    n = dealing.BLOCK + 5
    entitlement, claim = rng.integers(0, top, n), rng.integers(0, 2 * top, n)
    payoff, found = settle(entitlement, claim, rounding=method, engine=engine)
    overage = np.maximum(claim - entitlement, 0)
    if method == "cumulative":
        upto = np.cumsum(overage).astype(object) * found.slack_total // found.overage_total
        awards = np.diff(np.concatenate([[0], upto]))
    else:
        product = overage.astype(object) * found.slack_total
        awards, rest = product // found.overage_total, product % found.overage_total
        order = np.lexsort([np.arange(n), -rest.astype(np.int64)])
        awards[order[: found.slack_total - int(awards.sum())]] += 1
    assert np.array_equal(payoff, np.minimum(claim, entitlement) + awards.astype(np.int64))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), top=st.sampled_from([1, 5, 2**14, 2**30, 2**61 - 1, 2**70]), room=st.integers(0, 8))
def test_the_cut_is_the_one_of_a_sort(data: st.DataObject, top: int, room: int) -> None:
    """With no room at all the histograms go down to the last bit."""
    shift = max((top + 1).bit_length() - dealing.BITS, 0)
    edge = st.integers(0, min(3, top >> shift)).map(lambda bucket: bucket << shift)  # of a bucket
    rest = data.draw(st.lists(st.integers(0, top) | edge, min_size=2, max_size=40))
    left = data.draw(st.integers(0, len(rest) - 1))
    values = np.array(rest, dtype=object if top >= 2**63 else np.int64)
    counts = dealing.histogram()
    for value in rest:
        counts[value >> shift] += 1
    cut = find_cut(lambda: [values[:3], values[3:]], counts, shift, left, room=room)
    got = np.zeros(len(rest), dtype=np.int64)
    cut.add(values[:3], got[:3])
    cut.add(values[3:], got[3:])
    chosen = sorted(range(len(rest)), key=lambda j: (-rest[j], j))[:left]
    assert np.flatnonzero(got).tolist() == sorted(chosen)


def test_remainders_that_share_their_high_bits() -> None:
    """X just above I: every quota is just below a whole unit, and the first histogram tells little apart."""
    rng = np.random.default_rng(5)
    overage = rng.integers(0, 2**40, 3000)
    entitlement, claim = np.append(np.zeros_like(overage), 0), np.append(overage, 0)
    entitlement[-1] = overage.sum() - 2000
    payoff, _ = settle(entitlement, claim, rounding="largest_remainder", block=64)
    assert payoff.tolist() == plainly(entitlement.tolist(), claim.tolist(), "largest_remainder")


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=150, deadline=None)
@given(data=columns(), block=st.integers(1, 20))
def test_float_payoffs_are_the_exact_ones_rounded(engine: Any, data: tuple[list[int], list[int]], block: int) -> None:
    entitlement, claim = (np.array(column, dtype=np.float64) / 8 for column in data)
    payoff, found = settle(entitlement, claim, engine=engine, block=block)
    held, asked = ([Fraction(exact.parse(x)) for x in column.tolist()] for column in (entitlement, claim))
    _, over, under = sides(held, asked)
    assert found.sign == (over > under) - (over < under)
    for got, want in (
        (found.overage_total, over),
        (found.slack_total, under),
        (found.claim_total, sum(asked)),
        (found.entitlement_total, sum(held)),
    ):
        assert abs(Fraction(got) - want) <= Fraction(2) ** -50 * (sum(held) + sum(asked))
    share = min(Fraction(1), under / over) if over else Fraction(1)
    for e, c, c_float, got in zip(held, asked, claim.tolist(), payoff.tolist(), strict=True):
        assert got <= c_float
        if c <= e:
            assert got == c_float  # no-sucker-loss to the last bit
        else:
            assert abs(Fraction(got) - (e + (c - e) * share)) <= Fraction(2) ** -48 * (over + under + c)


@settings(max_examples=100, deadline=None)
@given(data=columns())
def test_integers_settled_in_floats(data: tuple[list[int], list[int]]) -> None:
    entitlement, claim = data
    payoff, _ = settle(int64(entitlement), int64(claim))
    _, over, under = sides(entitlement, claim)
    share = min(Fraction(1), Fraction(under, over)) if over else Fraction(1)
    for e, c, got in zip(entitlement, claim, payoff.tolist(), strict=True):
        want = c if c <= e else e + (c - e) * share
        assert abs(Fraction(got) - want) <= Fraction(2) ** -50 * max(c, e)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=150, deadline=None)
@given(overage=st.lists(st.integers(2**57, 2**59 - 1), min_size=2, max_size=3), data=st.data())
def test_a_guess_in_floats_is_not_trusted_too_far(engine: Any, method: str, overage: list[int], data: Any) -> None:
    """X below 2**61 with overages above 2**52: a guess may be off by so much that its remainder would wrap."""
    slack = data.draw(st.integers(sum(overage) // 2, sum(overage) - 1))
    entitlement, claim = [slack] + [0] * len(overage), [0, *overage]
    payoff, _ = settle(int64(entitlement), int64(claim), rounding=method, engine=engine)
    assert payoff.tolist() == plainly(entitlement, claim, method)


def test_a_whole_quota_leaves_no_remainder() -> None:
    """49 * (1 / 49) is below 1 in floats."""
    floor, rest = Deal(over=49, under=1).quotas(int64([0, 0]), int64([49, 50]))
    assert (floor.tolist(), rest.tolist()) == ([1, 1], [0, 1])


def test_remainders_that_add_up_to_whole_units_exactly() -> None:
    """m accounts of 2**54 each, X too large to add remainders up in 64 bits: the last one completes a unit."""
    for m in range(2, 70):
        entitlement, claim = [7 * m + 1] + [0] * m, [0] + [2**54] * m
        payoff, _ = settle(int64(entitlement), int64(claim), rounding="cumulative")
        assert payoff.tolist() == plainly(entitlement, claim, "cumulative"), m


def test_a_ratio_that_rounds_to_one_costs_no_cooperator_an_ulp() -> None:
    """X = I + 1e-20. In floats 1.0 + (0.1 - 1.0) is below 0.1."""
    entitlement, claim = np.array([1.0] * 10 + [0.0, 0.0]), np.array([0.1] * 10 + [9.0, 1e-20])
    payoff, found = settle(entitlement, claim)
    assert found.sign == 1
    assert payoff[:10].tolist() == [0.1] * 10


def test_decimals_that_tie_are_a_tie() -> None:
    """0.1 eight times and 0.2 against a slack of 1: binary sums disagree by order, the decimals tie."""
    entitlement, claim = np.array([0.0] * 9 + [1.0]), np.array([0.1] * 8 + [0.2, 0.0])
    for order in (slice(None), slice(None, None, -1)):
        payoff, found = settle(entitlement[order].copy(), claim[order].copy())
        assert found.sign == 0
        assert payoff.tolist() == claim[order].tolist()
    above = np.array([0.1] * 8 + [0.2000000001, 0.0])
    assert aggregate(entitlement, above).sign == 1


@pytest.mark.parametrize("method", METHODS)
def test_at_equality_every_claim_is_paid(method: str) -> None:
    entitlement, claim = int64([10, 0, 5]), int64([3, 7, 5])
    payoff, found = settle(entitlement, claim, rounding=method)
    assert found.sign == 0
    assert payoff.tolist() == claim.tolist()


def test_shards_with_a_carry_equal_one_pass() -> None:
    rng = np.random.default_rng(3)
    entitlement, claim = rng.integers(0, 1000, 5000), rng.integers(0, 1500, 5000)
    whole, found = settle(entitlement, claim, rounding="cumulative")
    deal = Deal(over=found.overage_total, under=found.slack_total)
    shards = np.empty_like(whole)
    for part in (slice(0, 17), slice(17, 17), slice(17, 2000), slice(2000, 5000)):
        deal.cumulative(entitlement[part], claim[part], shards[part])
    assert np.array_equal(whole, shards)
    assert deal.carry == 0  # everything was dealt


@pytest.mark.parametrize("rounding", ["none", *METHODS])
@pytest.mark.parametrize("engine", ENGINES)
def test_nobody_nothing_and_one(rounding: str, engine: Any) -> None:
    for entitlement, claim, want in (([], [], []), ([0] * 3, [0] * 3, [0] * 3), ([4], [9], [4]), ([9], [4], [4])):
        payoff, _ = settle(int64(entitlement), int64(claim), rounding=rounding, engine=engine)
        assert payoff.tolist() == want
        floats = settle(int64(entitlement) * 1.0, int64(claim) * 1.0, engine=engine)[0]
        assert floats.tolist() == want


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("entitlement", "claim", "word"),
    [
        ([0.0, np.nan], [1.0, 1.0], r"entitlement \(row 2\).*finite"),
        ([0.0, 0.0], [np.nan, 1.0], r"claim \(row 1\).*finite"),
        ([0.0, 0.0], [1.0, np.inf], r"claim \(row 2\).*finite"),
        ([0.0, -0.5], [1.0, 1.0], r"entitlement \(row 2\).*at least 0"),
        ([0.0, 0.0], [1e308, 1e308], "totals"),
        ([0, 1], [1, -1], r"claim \(row 2\).*at least 0"),
        ([-1, 1], [2**63 - 1, 1], r"entitlement \(row 1\).*at least 0"),
    ],
)
def test_values_that_cannot_be_settled_are_named(engine: Any, entitlement: Any, claim: Any, word: str) -> None:
    """Also by the kernels, which reorder sums; without a warning of the arithmetic."""
    filler = np.ones(3000, dtype=np.asarray(claim).dtype)
    columns = (np.concatenate([np.asarray(column, dtype=filler.dtype), filler]) for column in (entitlement, claim))
    with pytest.raises(InstanceError, match=word):
        settle(*columns, engine=engine)


@pytest.mark.parametrize(
    ("entitlement", "claim", "options", "word"),
    [
        (np.zeros(2), np.zeros(3), {}, "equal length"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {}, "flat"),
        (np.zeros(2), np.zeros(2, dtype=np.int64), {}, "both"),
        (np.zeros(2, dtype=np.float32), np.zeros(2, dtype=np.float32), {}, "float64"),
        (np.zeros(2), np.ones(2), {"rounding": "cumulative"}, "int64"),
        (np.zeros(2), np.ones(2), {"rounding": "webster"}, "fast path"),
        (np.zeros(2), np.ones(2), {"engine": "gpu"}, "none of auto"),
        (np.zeros(2), np.ones(2), {"out": np.empty(2, dtype=np.int64)}, "out.*float64"),
        (np.zeros(2), np.ones(2), {"out": np.empty(3)}, "out.*shape"),
        (np.zeros(2), np.ones(2), {"totals": aggregate(np.zeros(1), np.ones(1))}, "do not fit"),
    ],
)
def test_what_cannot_be_settled_says_why(entitlement: Any, claim: Any, options: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        settle(entitlement, claim, **options)


def test_payoffs_go_where_they_are_asked_to_but_not_over_the_inputs() -> None:
    entitlement, claim = np.array([1.0, 1.0, 2.0]), np.array([3.0, 5.0, 0.0])
    out = np.empty(3)
    payoff, found = settle(entitlement, claim, out=out)
    assert payoff is out
    assert np.array_equal(settle(entitlement, claim, totals=found)[0], out)
    with pytest.raises(InstanceError, match="share memory"):
        settle(entitlement, claim, out=claim)


def test_without_numba_the_compiled_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "mechopt.mechanisms.overage.compiled", raising=False)
    monkeypatch.setitem(totals.WORTH_COMPILED, "whole", 0)
    entitlement, claim = int64([5, 0]), int64([1, 9])
    assert settle(entitlement, claim, rounding="cumulative")[0].tolist() == [1, 4]
    with pytest.raises(InstanceError, match=r"pip install 'mechopt\[compiled\]'"):
        settle(entitlement, claim, engine="compiled")


@pytest.mark.parametrize("error", [ImportError, RuntimeError])
def test_a_numba_that_does_not_work_is_not_needed(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail(name: str) -> None:
        raise error("no locator available")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib, "import_module", fail)
    monkeypatch.setitem(totals.WORTH_COMPILED, "float", 0)
    assert settle(np.array([5.0, 0.0]), np.array([1.0, 8.0]))[0].tolist() == [1, 4]
    with pytest.raises(InstanceError, match="cannot be used: no locator"):
        settle(np.zeros(1), np.zeros(1), engine="compiled")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", METHODS)
def test_views_that_are_not_contiguous_and_not_writeable(engine: Any, method: str) -> None:
    table = np.random.default_rng(2).integers(0, 50, (400, 2))
    table.flags.writeable = False
    entitlement, claim = table[:, 0], table[:, 1]
    payoff, _ = settle(entitlement, claim, rounding=method, engine=engine)
    assert payoff.tolist() == plainly(entitlement.tolist(), claim.tolist(), method)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_ten_million_accounts_conserve_every_unit(method: str) -> None:
    """Both engines, the same integers."""
    rng = np.random.default_rng(1)
    entitlement, claim = rng.integers(0, 10**6, 10**7), rng.integers(0, 2 * 10**6, 10**7)
    payoff, _ = settle(entitlement, claim, rounding=method, engine="numpy")
    assert int(payoff.sum()) == int(entitlement.sum())
    if importlib.util.find_spec("numba"):
        assert np.array_equal(payoff, settle(entitlement, claim, rounding=method, engine="compiled")[0])
