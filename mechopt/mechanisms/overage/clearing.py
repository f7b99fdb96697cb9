"""The clearing rules: how slack covers overage. Source: lengyel2025, Section 2, Section 4 and Appendix A.

Everything here works on float64 arrays and on object arrays of exact rationals with the same lines; which region an
instance is in is decided exactly in both. `settlement.py` holds the fast path of the linear rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError

Rule = Literal[
    "linear",
    "power",
    "capped_power",
    "rebate",
    "proportional",
    "adjusted_proportional",
    "constrained_equal_awards",
    "constrained_equal_losses",
    "constrained_egalitarian",
    "talmud",
    "reverse_talmud",
    "piniles",
    "minimal_overlap",
    "random_arrival",
    "dominguez_thomson",
    "average_of_awards",
    "alpha_min",
]
Tie = Literal["max", "left", "right"]
RULES: tuple[str, ...] = get_args(Rule)
WEIGHTED_RULES = ("proportional", "constrained_equal_awards", "constrained_equal_losses")
CLAIMS_RULES = RULES[4:]  # rules of the literature on claims problems: coverage = R(overages), estate min(X, I)
TIES: tuple[str, ...] = get_args(Tie)
WEIGHT_SPREAD = 10**100  # products of claims, weights and levels stay in range
REGIONS = {-1: "X<I", 0: "X=I", 1: "X>I"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clearing:
    """One cleared period.

    Attributes:
        overage: v_j = (C_j - L_j)+, units, shape (accounts,).
        slack: s_j = (L_j - C_j)+, units, shape (accounts,).
        coverage: the part of the overage that slack covers, units, shape (accounts,).
        rebate: unused slack handed back (rule "rebate" only), units, shape (accounts,).
        payoff: pi_j, units, shape (accounts,).
        overage_total: X.
        slack_total: I.
        sign: the exact sign of X - I.
    """

    overage: NDArray[Any]
    slack: NDArray[Any]
    coverage: NDArray[Any]
    rebate: NDArray[Any]
    payoff: NDArray[Any]
    overage_total: Any
    slack_total: Any
    sign: int

    @property
    def region(self) -> str:
        """ "X<I", "X=I" or "X>I"."""
        return REGIONS[self.sign]

    @property
    def residual(self) -> NDArray[Any]:
        """r_j = (v_j - coverage_j)+, units, shape (accounts,). Source: Appendix D."""
        uncovered: NDArray[Any] = np.maximum(self.overage - self.coverage, 0)
        return uncovered


def as_exact(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as an object array of int and Fraction; floats count as their shortest decimals."""
    result = np.empty(values.shape, dtype=object)
    result[...] = [exact.parse(value) for value in values.tolist()]
    return result


def as_float(values: NDArray[Any]) -> NDArray[np.float64]:
    """The same numbers as float64."""
    if values.dtype == object:
        return np.array([exact.as_float(value) for value in values.tolist()], dtype=np.float64)
    return values.astype(np.float64)


def float_difference(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64] | None:
    """left - right, taken before floats round the two; None for columns of floats, which round nothing more."""
    kinds = left.dtype.kind + right.dtype.kind
    if "f" in kinds and "O" not in kinds:
        return None
    first, second = exact.integers(left), exact.integers(right)
    if first is None or second is None:
        return as_float(as_exact(left) - as_exact(right))
    return np.subtract(first, second).astype(np.float64)


def total(values: NDArray[Any]) -> Any:
    """Sum: exact for objects; for floats blocks of pairwise sums, added up without further rounding."""
    import math

    if values.dtype == object:
        return sum(values.tolist())
    return math.fsum(values[start : start + 32768].sum() for start in range(0, values.size, 32768))


def scarcity(overage_total: Any, slack_total: Any, sign: int) -> Any:
    """Share of the overage left uncovered, (X - I)+ / X, in [0, 1]; 0 where nothing is left uncovered.

    Args:
        overage_total: X >= 0, units.
        slack_total: I >= 0, units.
        sign: the exact sign of X - I.

    Source: lengyel2025, Section 4 (Lambda).
    """
    if sign <= 0:
        return overage_total * 0
    return max(divide(overage_total - slack_total, overage_total), 0)  # rounded totals may come out the other way round


def divide(numerator: Any, denominator: Any) -> Any:
    """Quotient that stays exact for ints."""
    if isinstance(numerator, int) and isinstance(denominator, int):
        return Fraction(numerator, denominator)
    return numerator / denominator


def clear(
    entitlement: NDArray[Any],
    claim: NDArray[Any],
    *,
    rule: Rule = "linear",
    alpha: int | float | Fraction = 1,
    tie: Tie = "max",
    weight: NDArray[Any] | None = None,
    sign: int | None = None,
    difference: NDArray[Any] | None = None,
) -> Clearing:
    """Settle claims against entitlements: slack covers overage.

    Args:
        entitlement: L_j >= 0, units, shape (accounts,). float64, or objects (int, Fraction) for exact results.
        claim: C_j >= 0, units, shape (accounts,).
        rule: "linear", eq. (1); "power", the paper's family, eq. (3); "capped_power", min(v, lambda v**alpha);
            "rebate", linear with unused slack handed back to those who supplied it; or one of CLAIMS_RULES.
        alpha: the exponent of the power rules, > 0.
        tie: which branch of eq. (3) holds at X = I where alpha is not 1: the larger ("max", as printed), the one
            from X < I ("left") or from X > I ("right").
        weight: w_j > 0 for WEIGHTED_RULES, shape (accounts,); None for equal ones.
        sign: the exact sign of X - I, where the caller has it (from numbers that the arrays had to round).
        difference: C - L, likewise.

    Returns:
        The clearing, in the arithmetic of the arrays.

    Raises:
        InstanceError: exact arithmetic is asked for and a share is irrational.

    Source: lengyel2025, eqs. (1) and (3).
    """
    # Objects: np.maximum and the sign comparison work elementwise on exact rationals.
    difference = claim - entitlement if difference is None else difference
    overage, slack = np.maximum(difference, 0), np.maximum(-difference, 0)
    sign = exact.sign_of_difference(claim, entitlement) if sign is None else sign
    over, under = total(overage), total(slack)
    coverage = cover(overage, over, under, sign, rule=rule, alpha=alpha, tie=tie, weight=weight)
    rebate = np.zeros_like(coverage)
    if rule == "rebate" and sign < 0 and under > 0:
        rebate = slack * max(divide(under - over, under), 0)  # X < I, but rounded totals may disagree
    covered = coverage == overage
    # Fully covered: the claim itself, not entitlement + (claim - entitlement), which rounds.
    partly = entitlement + coverage
    if rule != "power":
        partly = np.minimum(partly, claim)  # the coverage is at most the overage; an ulp of rounding must not pass it
    payoff = np.where(covered, np.where(slack > 0, claim + rebate, claim), partly)
    return Clearing(
        overage=overage,
        slack=slack,
        coverage=coverage,
        rebate=rebate,
        payoff=payoff,
        overage_total=over,
        slack_total=under,
        sign=sign,
    )


def cover(
    overage: NDArray[Any],
    overage_total: Any,
    slack_total: Any,
    sign: int,
    *,
    rule: Rule = "linear",
    alpha: int | float | Fraction = 1,
    tie: Tie = "max",
    weight: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The covered part of each overage, given the totals and the exact sign of X - I.

    Args as in `clear`. Source: lengyel2025, eqs. (1) and (3); the capped family is not in the paper.
    """
    if sign < 0 or not np.any(overage > 0):
        return overage.copy()
    if rule in ("linear", "rebate") or (alpha == 1 and rule not in CLAIMS_RULES):
        if sign == 0:
            return overage.copy()
        # X > I exactly, but rounded totals may come out the other way round.
        ratio = min(divide(slack_total, overage_total), 1)
        # v * (I / X), not (v * I) / X: the ratio is at most 1, so the coverage never exceeds the overage.
        return overage * ratio
    if rule in CLAIMS_RULES:
        return overage.copy() if sign == 0 else _by_claims_rule(rule, overage, slack_total, weight)
    if rule == "capped_power":
        return overage.copy() if sign == 0 else _capped(overage, slack_total, alpha)
    if sign == 0 and tie == "left":
        return overage.copy()
    parts = power_weights(overage, alpha)
    shared = parts * divide(slack_total, total(parts))
    if sign == 0 and tie == "max":
        if overage.dtype != object:
            # A share that differs from the overage by rounding only is the overage: equal overages are no jump.
            shared = np.where(np.isclose(shared, overage, rtol=1e-13, atol=0.0), overage, shared)
        return np.maximum(overage, shared)
    return shared


def _by_claims_rule(rule: str, overage: NDArray[Any], slack_total: Any, weight: NDArray[Any] | None) -> NDArray[Any]:
    """The slack as an estate that the accounts with overage claim, X > I."""
    from mechopt.mechanisms.overage.awards.rules import AWARD_RULES

    over = np.flatnonzero(overage > 0)
    result, claim = np.zeros_like(overage), overage[over]
    if overage.dtype == object:
        weights = [] if weight is None else [_fractions(weight[over])]
        result[over] = AWARD_RULES[rule].award(Fraction(slack_total), _fractions(claim), *weights)
    else:
        weights = [] if weight is None else [scaled_weights(weight[over])]
        slack_total = min(slack_total, total(claim))  # X > I exactly, but rounded totals may come out the other way
        result[over] = AWARD_RULES[rule].award(slack_total, claim, *weights)
    return result


def _fractions(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as Fractions, as ints would divide to floats."""
    return np.array([Fraction(exact.parse(value)) for value in values.tolist()], dtype=object)


def scaled_weights(weight: NDArray[Any]) -> NDArray[np.float64]:
    """Weights in floats, the largest 1: only their ratios matter, which floats hold where the weights may not fit.

    Args:
        weight: > 0, shape (accounts,).

    Raises:
        InstanceError: the ratios are beyond what floats can calculate with.
    """
    numbers = weight if weight.dtype.kind == "f" else _fractions(weight)
    largest = numbers.max()
    if largest / WEIGHT_SPREAD > numbers.min():
        raise InstanceError(
            'in floats the largest weight can be 10^100 times the smallest; use arithmetic = "exact"', key="weights"
        )
    return as_float(numbers / largest)


def power_weights(overage: NDArray[Any], alpha: int | float | Fraction) -> NDArray[Any]:
    """(v / max v)**alpha: the weights of eq. (3) up to a common factor, free of overflow.

    Args:
        overage: v_j >= 0, at least one positive, shape (accounts,).
        alpha: > 0; rational for exact arithmetic.

    Raises:
        InstanceError: a weight is irrational in exact arithmetic.
    """
    largest = overage.max()
    if overage.dtype != object:
        return np.power(overage / largest, float(alpha))
    weights = np.empty_like(overage)
    for j, value in enumerate(overage.tolist()):
        weight = exact.power(Fraction(value) / Fraction(largest), exact.parse(alpha)) if value else Fraction(0)
        if weight is None:
            raise InstanceError(
                f"alpha = {alpha} makes the share of the overage {value} irrational; "
                'exact arithmetic needs a whole alpha, or arithmetic = "float"',
                key="alpha",
            )
        weights[j] = weight
    return weights


def _capped(overage: NDArray[Any], slack_total: Any, alpha: int | float | Fraction) -> NDArray[Any]:
    """min(v, lambda v**alpha) with sum I < X, by sorting the accounts by the lambda at which they reach their cap."""
    weight = power_weights(overage, alpha)
    positive = np.flatnonzero(weight > 0)  # a weight that underflows gets nothing while anybody is short
    v, w = overage[positive], weight[positive]
    # An account reaches its cap at lambda = v**(1 - alpha): the large ones first where alpha > 1, else the small.
    order = np.argsort(-v if alpha > 1 else v, kind="stable")
    v, w = v[order], w[order]
    # With the first k accounts at their caps, lambda = (I - their overage) / (the others' weight).
    capped_before = np.concatenate([[v[0] * 0], np.cumsum(v)[:-1]])
    weight_after = np.cumsum(w[::-1])[::-1]
    with np.errstate(over="ignore"):  # a lambda beyond floats caps everybody
        level = (slack_total - capped_before) / weight_after
        free = np.flatnonzero(level * w < v)
    result = np.zeros_like(overage)
    result[positive] = overage[positive]
    if free.size:  # X > I, so somebody stays below his cap, unless rounding hides it
        below = positive[order[free[0] :]]
        result[below] = np.minimum(overage[below], weight[below] * max(level[free[0]], 0))
    return result
