"""The mechanism: an environment in, a settled period out. Source: lengyel2025, Sections 2 and 4."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import rounding
from mechopt.mechanisms.overage.clearing import (
    CLAIMS_RULES,
    Clearing,
    as_exact,
    as_float,
    clear,
    divide,
    float_difference,
    power_weights,
    scarcity,
    total,
)
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.worth import guarantee, warnings
from mechopt.outcome import Outcome

LARGEST_SHORT = 100  # rows of the table of accounts that stay short
LARGEST_BITS = 11_600  # 3500 digits; Python prints 4300 at most, and a penalty may come on top


def run(environment: Environment) -> Outcome:
    """Settle one period.

    Args:
        environment: the accounts and the rule.

    Returns:
        Summary, `tables.accounts` in input order and `tables.short`, the accounts with the largest residuals.

    Raises:
        InstanceError: exact shares are irrational, or whole units cannot add up under this rule at X = I.

    Source: lengyel2025, eqs. (1) to (3); Section 4 for scarcity and penalty.
    """
    if environment.network is not None:
        from mechopt.mechanisms.overage.network_outcome import run_network

        return run_network(environment)
    clearing = settle_environment(environment)
    summary = _summary(environment, clearing)
    _refuse_endless(summary, clearing)
    return Outcome(
        mechanism="overage",
        title="",
        status="settled",
        guarantee=guarantee(environment, clearing),
        summary=summary,
        tables={"accounts": _accounts(environment, clearing), "short": _short(environment, clearing)},
        warnings=warnings(environment, clearing),
        provenance={
            "rule": environment.rule,
            "alpha": environment.alpha,
            "rounding": environment.rounding,
            "arithmetic": arithmetic(environment),
            "tie_rule": f"at X = I: {environment.tie}; equal remainders: the earlier account",
            "solver": {"name": "closed form"},
        },
    )


def _refuse_endless(summary: dict[str, Any], clearing: Clearing) -> None:
    """Exact results that nobody can print, from many different denominators or a large alpha, are refused."""
    payoffs = clearing.payoff.tolist() if clearing.payoff.dtype == object else []
    for value in [*summary.values(), *payoffs]:
        if (
            isinstance(value, int | Fraction)
            and max(abs(value.numerator), value.denominator).bit_length() > LARGEST_BITS
        ):
            raise InstanceError(
                "the exact result has more than 3500 digits (many different denominators, or a large alpha); "
                'use arithmetic = "float"',
                key="arithmetic",
            )


def arithmetic(environment: Environment) -> str:
    """ "exact" where the result is: rational arithmetic, or whole units."""
    return "exact" if environment.arithmetic == "exact" or environment.rounding != "none" else "float"


def settle_environment(environment: Environment) -> Clearing:
    """The clearing of an environment, in its arithmetic and rounding."""
    if environment.rounding != "none":
        return _whole_units(environment)
    exactly = environment.arithmetic == "exact"
    convert = as_exact if exactly else as_float
    return clear(
        convert(environment.entitlement),
        convert(environment.claim),
        **environment.sharing,
        # Of the numbers as they were given: floats cannot hold every whole number or decimal.
        sign=exact.sign_of_difference(environment.claim, environment.entitlement),
        difference=None if exactly else float_difference(environment.claim, environment.entitlement),
    )


def _whole_units(environment: Environment) -> Clearing:
    """Integer settlement: int64 on the fast path, Python ints where that is too narrow or the rule needs more."""
    from mechopt.mechanisms.overage.settlement import settle

    entitlement, claim = (exact.integers(v) for v in (environment.entitlement, environment.claim))
    fast = environment.rule == "linear" and environment.rounding in ("largest_remainder", "cumulative")
    if fast and entitlement is not None and claim is not None:
        payoff, totals = settle(entitlement, claim, rounding=environment.rounding)
        overage, slack = np.maximum(claim - entitlement, 0), np.maximum(entitlement - claim, 0)
        return Clearing(
            overage=overage,
            slack=slack,
            coverage=np.where(overage > 0, payoff - entitlement, 0),
            rebate=np.zeros_like(overage),
            payoff=payoff,
            overage_total=totals.overage_total,
            slack_total=totals.slack_total,
            sign=totals.sign,
        )
    return _whole_units_plain(environment)


def _whole_units_plain(environment: Environment) -> Clearing:
    """Integer settlement on Python ints, for every rule and method."""
    entitlement, claim = as_exact(environment.entitlement), as_exact(environment.claim)
    difference = claim - entitlement
    overage, slack = np.maximum(difference, 0), np.maximum(-difference, 0)
    over, under = total(overage), total(slack)
    sign = (over > under) - (over < under)
    coverage, rebate = overage.copy(), np.zeros_like(overage)
    if environment.rule in CLAIMS_RULES or (environment.rule in ("power", "capped_power") and environment.alpha != 1):
        coverage[:] = _whole_quotas(environment, overage, over, under, sign)
    elif sign > 0:
        coverage[:] = rounding.apportion(overage.tolist(), under, environment.rounding)
    if environment.rule == "rebate" and sign < 0:
        rebate[:] = rounding.apportion(slack.tolist(), under - over, environment.rounding)
    payoff = np.minimum(claim, entitlement) + coverage + rebate
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


def _whole_quotas(environment: Environment, overage: NDArray[Any], over: int, under: int, sign: int) -> list[int]:
    """Whole units of the power rules and the claims rules: the exact quotas, rounded."""
    from mechopt.mechanisms.overage.clearing import cover

    if sign == 0 and over > 0 and environment.rule == "power" and environment.tie == "max":
        weight = power_weights(overage, environment.alpha)
        if any(w * Fraction(under) / total(weight) != v for w, v in zip(weight, overage, strict=True)):
            raise InstanceError(
                'at X = I the tie-break "max" hands out more than the slack, so whole units cannot add up; '
                'use tie = "left" or "right", or rule = "capped_power"',
                key="tie",
            )
    quotas = cover(overage, over, under, sign, **environment.sharing).tolist()
    deal = rounding.largest_remainder if environment.rounding == "largest_remainder" else rounding.cumulative
    return deal([Fraction(quota) for quota in quotas])


def _totals(environment: Environment, clearing: Clearing) -> tuple[Any, Any, Any, Any]:
    """Entitlement, claim, overage and slack totals: exact, but for columns of floats that are not whole."""
    columns = environment.entitlement, environment.claim
    entitlement, claim = map(exact.integers, columns)
    if clearing.payoff.dtype == object or any(column.dtype == object for column in columns):
        held, asked = map(as_exact, columns)
        difference = asked - held
        parts = held, asked, np.maximum(difference, 0), np.maximum(-difference, 0)
        return total(parts[0]), total(parts[1]), total(parts[2]), total(parts[3])
    if entitlement is None or claim is None:
        held, asked = map(as_float, columns)
        return total(held), total(asked), clearing.overage_total, clearing.slack_total
    difference = claim - entitlement
    return (
        exact.integer_sum(entitlement),
        exact.integer_sum(claim),
        exact.integer_sum(np.maximum(difference, 0)),
        exact.integer_sum(np.maximum(-difference, 0)),
    )


def _summary(environment: Environment, clearing: Clearing) -> dict[str, Any]:
    entitlements, claims, over, under = _totals(environment, clearing)
    whole = clearing.payoff.dtype == np.int64
    paid = exact.integer_sum(clearing.payoff) if whole else total(clearing.payoff)
    rebated = exact.integer_sum(clearing.rebate) if whole else total(clearing.rebate)
    unused = (under - over if clearing.sign < 0 else over * 0) - rebated
    residual = clearing.residual
    left = exact.integer_sum(residual) if whole else total(residual)
    share = scarcity(over, under, clearing.sign)
    summary = {
        "accounts": len(environment.account),
        "entitlement_total": entitlements,
        "claim_total": claims,
        "overage_total": over,
        "slack_total": under,
        "scarcity": share if arithmetic(environment) == "exact" else float(share),
        "unused": unused,
        "payoff_total": paid,
        "identity_gap": paid - entitlements + unused,
        "region": clearing.region,
        "accounts_short": int((residual > 0).sum()),
        "residual_total": left,
    }
    if environment.penalty is not None:
        summary["penalty_total"] = left * _rate(environment)
    if arithmetic(environment) == "exact":
        return summary
    return {name: exact.as_float(value) if isinstance(value, Fraction) else value for name, value in summary.items()}


def _rate(environment: Environment) -> Any:
    """Penalty per unit, in the arithmetic of the result."""
    rate = environment.penalty or 0
    return rate if arithmetic(environment) == "exact" else float(rate)


def _accounts(environment: Environment, clearing: Clearing) -> dict[str, Any]:
    residual = clearing.residual
    rate = _rate(environment)
    wide = residual.dtype == object or (residual.dtype == np.int64 and int(residual.max()) * rate >= 2**63)
    # Fractions, and products beyond 64 bits, need objects.
    penalty = (residual.astype(object) if wide or isinstance(rate, Fraction) else residual) * rate
    columns = {
        "account": environment.account,
        "entitlement": environment.entitlement,
        "claim": environment.claim,
        "overage": clearing.overage,
        "slack": clearing.slack,
        "coverage": clearing.coverage,
        "payoff": clearing.payoff,
        "residual": residual,
        "penalty": penalty,
    }
    if environment.weight is not None:
        columns["weight"] = environment.weight
    return columns | ({"rebate": clearing.rebate} if environment.rule == "rebate" else {})


def _short(environment: Environment, clearing: Clearing) -> dict[str, Any]:
    """The accounts that stay short, largest residual first: by how much, and why."""
    residual = clearing.residual
    positive = np.flatnonzero(residual > 0)
    order = positive[np.argsort(-residual[positive], kind="stable")][:LARGEST_SHORT]
    chosen = [int(j) for j in order]
    share = float(divide(clearing.slack_total, clearing.overage_total)) if chosen else 1.0
    reason = f"claims exceed entitlements: slack covers {share:.4%} of all overage"
    return {
        "account": [environment.account[j] for j in chosen],
        "overage": [clearing.overage[j] for j in chosen],
        "coverage": [clearing.coverage[j] for j in chosen],
        "residual": [residual[j] for j in chosen],
        "reason": [reason for _ in chosen],
    }
