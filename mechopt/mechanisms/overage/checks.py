"""The properties of a settled period, each a Finding with its margin and what shows it.

Totals are taken afresh from entitlements and claims, so a settlement that was tampered with fails.
Source: lengyel2025, Section 2 and Appendices A and B.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import cover, total
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.monotonicity import own_claim_monotonicity
from mechopt.mechanisms.overage.period import FLOAT_TOLERANCE, Period, item, period_of, sum_of, worst_row
from mechopt.outcome import Outcome


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply to a settled period.

    Args:
        environment: the period.
        outcome: its settlement, from `mechanism.run` or from elsewhere; `tables.accounts` and `guarantee` are read.

    Returns:
        budget_identity, no_sucker_loss, scarcity_budget_balance, residual_balance, claims_boundedness,
        continuity_at_boundary and own_claim_monotonicity. The last two are of the rule at this period.
    """
    if environment.network is not None:
        from mechopt.mechanisms.overage.network_outcome import check_network

        return check_network(environment, outcome)
    period = period_of(environment, outcome)
    return [
        _budget_identity(period),
        _no_sucker_loss(period),
        _scarcity_budget_balance(period),
        _residual_balance(period),
        _claims_boundedness(period),
        _continuity_at_boundary(period),
        own_claim_monotonicity(period),
    ]


def _tolerance(period: Period) -> float:
    """Of a sum over all accounts."""
    return period.error * len(period.entitlement)


def _expected_payoff(period: Period) -> Any:
    """What eq. (2) gives: sum L + min(X, I) - I, and sum L under the rebate rule."""
    unused = max(period.slack_total - period.overage_total, 0)
    return total(period.entitlement) - (0 if period.environment.rule == "rebate" else unused)


def _balance(period: Period, name: str, evidence: str, paid: Any, expected: Any) -> Finding:
    """A sum against what it must be; the account whose coverage is furthest above its overage is shown."""
    gap = paid - period.number(expected)
    excess = (period.column["coverage"] - _in(period, period.overage)) * (1 if gap >= 0 else -1)
    j = worst_row(excess)
    overage, coverage = period.number(period.overage[j]), period.column["coverage"][j]
    return Finding(
        property=name,
        margin=0 - item(abs(gap)),
        tolerance=_tolerance(period),
        evidence=evidence,
        witness=period.account(
            j, overage=overage, coverage=coverage, total=paid, required=period.number(expected), gap=gap
        ),
    )


def _in(period: Period, values: NDArray[Any]) -> NDArray[Any]:
    """Exact values in the arithmetic of the settlement."""
    return values if period.exact else values.astype(np.float64)


def _budget_identity(period: Period) -> Finding:
    evidence = "sum of payoffs against sum L + min(X, I) - I, eq. (2)"
    if period.environment.rule == "rebate":
        evidence = "sum of payoffs against sum L: unused slack is handed back"
    elif period.alpha != 1:
        evidence = "sum of payoffs against sum L + min(X, I) - I, eq. (4)"
    return _balance(period, "budget_identity", evidence, sum_of(period.column["payoff"]), _expected_payoff(period))


def _scarcity_budget_balance(period: Period) -> Finding:
    if period.overage_total < period.slack_total:
        return Finding(
            property="scarcity_budget_balance",
            margin=0,
            tolerance=0,
            evidence="X < I: slack is not scarce here and nothing is required",
            witness=None,
        )
    return _balance(
        period,
        "scarcity_budget_balance",
        "X >= I: sum of payoffs against sum L",
        sum_of(period.column["payoff"]),
        total(period.entitlement),
    )


def _residual_balance(period: Period) -> Finding:
    return _balance(
        period,
        "residual_balance",
        "sum of residuals, on which penalties are charged, against (X - I)+",
        sum_of(period.column["residual"]),
        max(period.overage_total - period.slack_total, 0),
    )


def _no_sucker_loss(period: Period) -> Finding:
    payoff, claim = period.column["payoff"], _in(period, period.claim)
    cooperates = np.flatnonzero(period.claim <= period.entitlement)
    if not cooperates.size:
        return Finding(
            property="no_sucker_loss", margin=0, tolerance=0, evidence="nobody claims at most the entitlement"
        )
    loss = (claim - payoff)[cooperates]
    rebate = period.environment.rule == "rebate"
    j = int(cooperates[worst_row(loss if rebate else np.abs(loss))])
    gain = payoff[j] - claim[j]
    return Finding(
        property="no_sucker_loss",
        margin=item(gain if rebate else 0 - abs(gain)),
        tolerance=period.error,
        evidence=f"payoff {'at least' if rebate else 'equal to'} the claim for each of the {cooperates.size} accounts "
        "that claim at most their entitlement",
        witness=period.account(j, entitlement=period.number(period.entitlement[j]), claim=claim[j], payoff=payoff[j]),
    )


def _claims_boundedness(period: Period) -> Finding:
    payoff, claim = period.column["payoff"], _in(period, period.claim)
    excess = payoff - period.rebate - claim
    # The coverage column is held to the overage too: payoff and coverage must tell the same story.
    excess = np.maximum(excess, period.column["coverage"] - _in(period, period.overage))
    j = worst_row(excess)
    return Finding(
        property="claims_boundedness",
        margin=0 - item(excess[j]),
        tolerance=period.error,
        evidence="nobody is paid more than the claim, nobody's coverage exceeds the overage",
        witness=period.account(
            j,
            claim=claim[j],
            payoff=payoff[j],
            overage=period.number(period.overage[j]),
            coverage=period.column["coverage"][j],
        ),
    )


def _continuity_at_boundary(period: Period) -> Finding:
    """The largest jump of a coverage as slack passes through X, the overages staying what they are."""
    environment, over = period.environment, period.overage_total
    name = "continuity_at_boundary"
    if over == 0:
        return Finding(property=name, margin=0, tolerance=0, evidence="X = 0: nothing to cover")
    overage, in_floats = period.overage if period.exact else period.overage.astype(np.float64), not period.exact
    try:
        scarce = cover(overage, total(overage), total(overage), 1, **environment.sharing)
    except InstanceError:  # irrational shares; this period is settled without them
        overage, in_floats = period.overage.astype(np.float64), True
        scarce = cover(overage, total(overage), total(overage), 1, **environment.sharing)
    jump = np.abs(scarce - overage)
    j = worst_row(jump)
    return Finding(
        property=name,
        margin=0 - item(jump[j]),
        tolerance=FLOAT_TOLERANCE * float(over) if in_floats else 0,
        evidence="slack moved to I = X at these overages: limits of the coverage from both sides" + period.shares,
        witness=period.account(
            j, slack_total=period.number(over), coverage_above=overage[j], coverage_below=scarce[j], jump=jump[j]
        ),
    )
