"""The rules against the paper's identities, the notes' exact counterexamples and independent recomputation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import mechopt
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.clearing import Tie, clear

amount = st.fractions(min_value=0, max_value=20, max_denominator=12)
profiles = st.lists(st.tuples(amount, amount), min_size=1, max_size=7)


def exactly(values: Any) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = [Fraction(value) for value in values]
    return array


def settle(profile: list[tuple[Fraction, Fraction]], **options: Any) -> Any:
    return clear(exactly([row[0] for row in profile]), exactly([row[1] for row in profile]), **options)


@pytest.mark.parametrize("rule", ["linear", "rebate"])
@settings(max_examples=200, deadline=None)
@given(profile=profiles)
def test_equation_1_and_2(rule: str, profile: list[tuple[Fraction, Fraction]]) -> None:
    """The definition, line by line, in Fractions; the rebate hands the rest back."""
    result = settle(profile, rule=rule)
    over = sum((max(c - e, Fraction(0)) for e, c in profile), Fraction(0))
    under = sum((max(e - c, Fraction(0)) for e, c in profile), Fraction(0))
    unused = max(under - over, Fraction(0))
    back = unused / under if rule == "rebate" and under else Fraction(0)
    share = Fraction(1) if over <= under else under / over
    for (e, c), paid in zip(profile, result.payoff, strict=True):
        assert paid == (c + (e - c) * back if c <= e else e + (c - e) * share)
    kept = unused if rule == "linear" else 0
    assert sum(result.payoff) == sum(e for e, _ in profile) - kept
    assert result.sign == (over > under) - (over < under)
    assert sum(result.residual) == max(over - under, Fraction(0))


@settings(max_examples=200, deadline=None)
@given(profile=profiles, alpha=st.sampled_from([1, 2, 3]))
def test_the_capped_family_is_bounded_and_balanced(profile: list[tuple[Fraction, Fraction]], alpha: int) -> None:
    """min(v, level * v**alpha) for one level, adding up to min(X, I)."""
    result = settle(profile, rule="capped_power", alpha=alpha)
    assert sum(result.coverage) == min(result.overage_total, result.slack_total)
    below = [(v, x) for v, x in zip(result.overage, result.coverage, strict=True) if x < v]
    levels = {x / v**alpha for v, x in below}
    assert len(levels) <= 1
    for v, x in zip(result.overage, result.coverage, strict=True):
        assert x <= v
        if x == v and levels and v:
            assert min(levels) * v**alpha >= v


@settings(max_examples=150, deadline=None)
@given(profile=profiles, rule=st.sampled_from(["linear", "rebate", "power", "capped_power"]))
def test_floats_stay_within_their_guarantee(profile: list[tuple[Fraction, Fraction]], rule: str) -> None:
    columns = {
        "account": [str(j) for j in range(len(profile))],
        "entitlement": [float(round(e, 3)) for e, _ in profile],
        "claim": [float(round(c, 3)) for _, c in profile],
    }
    document: dict[str, Any] = {"mechanism": "overage", "rule": rule, "accounts": columns}
    if rule in ("power", "capped_power"):
        document["alpha"] = 2
    rough, sharp = mechopt.solve(document), mechopt.solve(document | {"arithmetic": "exact"})
    assert rough.summary["region"] == sharp.summary["region"]
    for a, b in zip(rough.tables["accounts"]["payoff"], sharp.tables["accounts"]["payoff"], strict=True):
        assert abs(Fraction(float(a)) - Fraction(b)) <= Fraction(rough.guarantee.error)


@pytest.mark.parametrize(
    ("alpha", "claim", "payoff"),
    [
        (2, [11, 12, 7], ["11", "62/5", "7"]),
        (Fraction(1, 2), [11, 14, 5], ["35/3", "14", "5"]),
    ],
)
def test_equation_4_fails_at_the_boundary(alpha: Any, claim: list[int], payoff: list[str]) -> None:
    """The printed tie-break takes the larger branch for each account, so the sum exceeds the entitlements."""
    result = clear(exactly([10, 10, 10]), exactly(claim), rule="power", alpha=alpha)
    assert result.sign == 0
    assert list(result.payoff) == [Fraction(value) for value in payoff]
    assert sum(result.payoff) > 30
    ties: tuple[Tie, ...] = ("left", "right")
    for tie in ties:
        assert sum(clear(exactly([10, 10, 10]), exactly(claim), rule="power", alpha=alpha, tie=tie).payoff) == 30


def test_the_power_rule_can_pay_more_than_the_claim() -> None:
    """alpha = 2, v = (1, 3), I = 7/2: the larger overage gets 63/20 > 3."""
    result = clear(exactly([0, 0, 5]), exactly([1, 3, "3/2"]), rule="power", alpha=2)
    assert list(result.coverage[:2]) == [Fraction(7, 20), Fraction(63, 20)]


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_the_region_does_not_depend_on_the_order_of_floats(order: slice) -> None:
    """These decimals add up to 14 on both sides; binary sums reach all three regions."""
    overage = [1.7, 1.8, 1.2, 1.9, 1.2, 1, 1.4, 2, 1.8]
    entitlement, claim = np.array([0.0] * 9 + [14.0])[order], np.array([*overage, 0.0])[order]
    assert clear(entitlement, claim, rule="power", alpha=2).sign == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(1, 8))
def test_irrational_shares_are_refused_in_exact_arithmetic(overage: list[int], slack: int) -> None:
    """alpha = 1/2 is exact where all ratios are squares, and refused, never rounded, elsewhere."""
    assume(slack < sum(overage))
    entitlement, claim = exactly([0] * len(overage) + [slack]), exactly([*overage, 0])
    squares = all(
        Fraction(v, max(overage)) in {Fraction(a * a, b * b) for a in range(1, 4) for b in range(1, 4)} for v in overage
    )
    if squares:
        result = clear(entitlement, claim, rule="power", alpha=Fraction(1, 2))
        assert sum(result.coverage) == slack
    else:
        with pytest.raises(InstanceError, match="irrational"):
            clear(entitlement, claim, rule="power", alpha=Fraction(1, 2))


def test_totals_beyond_64_bits_are_conserved() -> None:
    big = 2**62
    outcome = mechopt.solve(
        {
            "mechanism": "overage",
            "rounding": "largest_remainder",
            "accounts": {"account": list("abcde"), "entitlement": [0] * 4 + [big + 1], "claim": [big] * 4 + [0]},
        }
    )
    assert outcome.summary["claim_total"] == 4 * big
    assert sum(map(int, outcome.tables["accounts"]["payoff"])) == big + 1 == outcome.summary["payoff_total"]
    assert outcome.guarantee.kind == "exact"
