"""The rules against the paper's identities, the notes' exact counterexamples and independent recomputation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
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


@st.composite
def near_ties(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    """Claims that are the entitlements in another order, one of them perhaps moved by an ulp."""
    decimals = st.integers(0, 30).map(lambda tenths: tenths / 10)
    entitlement = draw(st.lists(decimals, min_size=1, max_size=9))
    claim = list(draw(st.permutations(entitlement)))
    j = draw(st.integers(0, len(claim) - 1))
    claim[j] = max(0.0, float(np.nextafter(claim[j], draw(st.sampled_from([-1.0, claim[j], 9.0])))))
    scale = draw(st.sampled_from([1.0, 1e-300, 1e290]))
    return [value * scale for value in entitlement], [value * scale for value in claim]


@settings(max_examples=150, deadline=None)
@given(
    profile=near_ties(),
    rule=st.sampled_from(["linear", "rebate", "power", "capped_power"]),
    alpha=st.sampled_from([1, 2, 20, "1/10"]),
    tie=st.sampled_from(["max", "left", "right"]),
)
def test_near_ties_keep_region_guarantee_and_the_promise_to_cooperators(
    profile: tuple[list[float], list[float]], rule: str, alpha: Any, tie: str
) -> None:
    """Totals round the other way than the decimals: ratios, rebates and levels must not follow them out of range."""
    entitlement, claim = profile
    names = [str(j) for j in range(len(claim))]
    document: dict[str, Any] = {"mechanism": "overage", "rule": rule, "tie": tie}
    document["accounts"] = {"account": names, "entitlement": entitlement, "claim": claim}
    if "power" in rule:
        document["alpha"] = alpha
    outcome = mechopt.solve(document)
    difference = sum(Fraction(repr(value)) for value in claim) - sum(Fraction(repr(value)) for value in entitlement)
    assert outcome.summary["region"] == ("X<I" if difference < 0 else "X>I" if difference > 0 else "X=I")
    assert 0 <= outcome.summary["scarcity"] <= 1
    table: Any = outcome.tables["accounts"]
    assert (table["payoff"] >= np.minimum(entitlement, claim)).all()
    if rule in ("linear", "capped_power"):
        assert (table["payoff"] <= np.array(claim)).all()
        assert (table["coverage"] <= table["overage"]).all()
    if alpha in (1, 2) or rule in ("linear", "rebate"):
        sharp = mechopt.solve(document | {"arithmetic": "exact"}).tables["accounts"]["payoff"]
        for rough, exactly_paid in zip(table["payoff"].tolist(), sharp, strict=True):
            assert abs(Fraction(rough) - Fraction(exactly_paid)) <= Fraction(outcome.guarantee.error)


def test_the_region_is_that_of_the_numbers_given_not_of_their_floats() -> None:
    big = 2**53
    for more, region in ((-1, "X<I"), (0, "X=I"), (1, "X>I")):
        accounts = {"account": ["a", "b"], "entitlement": [0, big], "claim": [big + more, 0]}
        assert mechopt.solve({"mechanism": "overage", "accounts": accounts}).summary["region"] == region


@settings(max_examples=100, deadline=None)
@given(
    parts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4),
    base=st.sampled_from(["10000000000000000", "123456789012345678", "0"]),
    decimal=st.sampled_from(["", ".1", ".000000001"]),
    rule=st.sampled_from(["linear", "rebate", "capped_power", "talmud", "proportional", "average_of_awards"]),
)
def test_an_overage_that_floats_would_swallow_is_settled(
    parts: list[tuple[int, int]], base: str, decimal: str, rule: str
) -> None:
    """Claims and entitlements are subtracted as they were given: floats round what is near 10**16 to even numbers."""
    document: dict[str, Any] = {"mechanism": "overage", "rule": rule, "penalty": 2}
    document["accounts"] = [
        {"account": str(j), "entitlement": f"{int(base) + held}{decimal}", "claim": f"{int(base) + asked}{decimal}"}
        for j, (held, asked) in enumerate(parts)
    ]
    rough, sharp = mechopt.solve(document), mechopt.solve(document | {"arithmetic": "exact"})
    for name in ("overage_total", "slack_total", "scarcity", "residual_total", "penalty_total", "unused"):
        assert rough.summary[name] == pytest.approx(float(sharp.summary[name]), rel=1e-12, abs=1e-12), name
    assert rough.summary["region"] == sharp.summary["region"]
    for name in ("overage", "coverage", "residual"):
        found, exactly = (outcome.tables["accounts"][name] for outcome in (rough, sharp))
        assert np.allclose(found, [float(value) for value in exactly], rtol=1e-12, atol=1e-12), name
    assert all(finding.holds for finding in mechopt.check(document).checks)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=8),
    st.floats(0, 0.999),
    st.sampled_from([0.1, 0.5, 1.5, 2.0, 7.0]),
)
def test_the_capped_rule_against_bisection(overage: list[float], share: float, alpha: float) -> None:
    v = np.array(overage)
    slack = float(v.sum() * share)
    low, high = -700.0, 700.0  # the level's logarithm
    for _ in range(200):
        middle = (low + high) / 2
        dealt = np.minimum(v, np.exp(np.minimum(middle + alpha * np.log(v), 50))).sum()
        low, high = (middle, high) if dealt < slack else (low, middle)
    expected = np.minimum(v, np.exp(np.minimum(low + alpha * np.log(v), 50)))
    found = clear(np.array([0.0] * len(v) + [slack]), np.array([*overage, 0.0]), rule="capped_power", alpha=alpha)
    np.testing.assert_allclose(found.coverage[:-1], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("claims", "options"),
    [
        ([f"2/{10**390 + k}" for k in range(1, 40, 2)], {}),
        (["123456789/1000000007", "2"], {"rule": "power", "alpha": 1000}),
    ],
)
def test_exact_results_that_nobody_can_print_are_refused(claims: list[str], options: dict[str, Any]) -> None:
    accounts = [{"account": j, "entitlement": 0, "claim": claim} for j, claim in enumerate(claims)]
    document: dict[str, Any] = {"mechanism": "overage", "arithmetic": "exact", **options}
    document["accounts"] = [*accounts, {"account": "c", "entitlement": f"1/{10**395}", "claim": 0}]
    with pytest.raises(InstanceError, match=r"arithmetic: .*digits"):
        mechopt.solve(document)
