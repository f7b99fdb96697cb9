"""The properties of a settled period, each a Finding with its margin and what shows it.

Totals are taken afresh from entitlements and claims, so a settlement that was tampered with fails.
Source: lengyel2025, Section 2 and Appendices A and B.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import Tie, as_exact, clear, cover, total
from mechopt.mechanisms.overage.environment import Environment
from mechopt.outcome import Outcome

FLOAT_TOLERANCE = 1e-12  # relative, where a check itself must calculate in floats
LARGEST_EXACT_ALPHA = 8  # powers of whole numbers stay small enough for every account
LARGEST_EXACT_GRID = 50  # accounts up to which the capped rule is tried out in fractions
GRID_ACCOUNTS = 3
WITNESS_GRIDS = (1, 10, 100, 1000, 10**6, 10**9)  # how finely a claim just above the boundary is looked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Period:
    """What the checks share: exact inputs, the settled columns, and the error of one payoff."""

    environment: Environment
    entitlement: NDArray[Any]
    claim: NDArray[Any]
    overage: NDArray[Any]
    slack: NDArray[Any]
    overage_total: Any
    slack_total: Any
    column: dict[str, NDArray[Any]]
    rebate: NDArray[Any]
    error: float

    @property
    def alpha(self) -> int | Fraction:
        """The exponent that counts: 1 for the rules without one."""
        return self.environment.alpha if self.environment.rule in ("power", "capped_power") else 1

    @property
    def exact(self) -> bool:
        """True where the settlement is in whole units or fractions, so that nothing is rounded."""
        return self.column["payoff"].dtype.kind != "f"

    @property
    def shares(self) -> str:
        """A note that what is checked are the shares, where whole units are dealt out."""
        return "" if self.environment.rounding == "none" else "; of the shares, before they are rounded to whole units"

    def number(self, value: Any) -> Any:
        """A number in the arithmetic of the settlement."""
        return value if self.exact else float(value)

    def account(self, j: int, **numbers: Any) -> dict[str, Any]:
        """A witness: one account, by name and row, and numbers."""
        plain = {name: _item(value) for name, value in numbers.items()}
        return {"account": self.environment.account[j], "row": int(j) + 1, **plain}


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply to a settled period.

    Args:
        environment: the period.
        outcome: its settlement, from `mechanism.run` or from elsewhere; `tables.accounts` and `guarantee` are read.

    Returns:
        budget_identity, no_sucker_loss, scarcity_budget_balance, residual_balance, claims_boundedness,
        continuity_at_boundary and own_claim_monotonicity. The last two are of the rule at this period.
    """
    period = _period(environment, outcome)
    return [
        _budget_identity(period),
        _no_sucker_loss(period),
        _scarcity_budget_balance(period),
        _residual_balance(period),
        _claims_boundedness(period),
        _continuity_at_boundary(period),
        _own_claim_monotonicity(period),
    ]


def _period(environment: Environment, outcome: Outcome) -> _Period:
    accounts = outcome.tables["accounts"]
    column = {name: np.asarray(accounts[name]) for name in ("coverage", "payoff", "residual")}
    entitlement, claim = as_exact(environment.entitlement), as_exact(environment.claim)
    difference = claim - entitlement
    overage, slack = np.maximum(difference, 0), np.maximum(-difference, 0)
    payoff = column["payoff"]
    return _Period(
        environment=environment,
        entitlement=entitlement,
        claim=claim,
        overage=overage,
        slack=slack,
        overage_total=total(overage),
        slack_total=total(slack),
        column=column,
        rebate=np.asarray(accounts["rebate"]) if "rebate" in accounts else np.zeros_like(payoff),
        error=outcome.guarantee.error if payoff.dtype.kind == "f" else 0.0,
    )


def _item(value: Any) -> Any:
    """A numpy scalar as a Python number."""
    return value.item() if hasattr(value, "item") else value


def _sum(values: NDArray[Any]) -> Any:
    return exact.integer_sum(values) if values.dtype.kind in "iu" else total(values)


def _tolerance(period: _Period) -> float:
    """Of a sum over all accounts."""
    return period.error * len(period.entitlement)


def _expected_payoff(period: _Period) -> Any:
    """What eq. (2) gives: sum L + min(X, I) - I, and sum L under the rebate rule."""
    unused = max(period.slack_total - period.overage_total, 0)
    return total(period.entitlement) - (0 if period.environment.rule == "rebate" else unused)


def _worst(values: NDArray[Any]) -> int:
    """Row of the largest value, the first of equals."""
    return int(np.argmax(values))


def _balance(period: _Period, name: str, evidence: str, paid: Any, expected: Any) -> Finding:
    """A sum against what it must be; the account whose coverage is furthest above its overage is shown."""
    gap = paid - period.number(expected)
    excess = (period.column["coverage"] - _in(period, period.overage)) * (1 if gap >= 0 else -1)
    j = _worst(excess)
    overage, coverage = period.number(period.overage[j]), period.column["coverage"][j]
    return Finding(
        property=name,
        margin=0 - _item(abs(gap)),
        tolerance=_tolerance(period),
        evidence=evidence,
        witness=period.account(
            j, overage=overage, coverage=coverage, total=paid, required=period.number(expected), gap=gap
        ),
    )


def _in(period: _Period, values: NDArray[Any]) -> NDArray[Any]:
    """Exact values in the arithmetic of the settlement."""
    return values if period.exact else values.astype(np.float64)


def _budget_identity(period: _Period) -> Finding:
    evidence = "sum of payoffs against sum L + min(X, I) - I, eq. (2)"
    if period.environment.rule == "rebate":
        evidence = "sum of payoffs against sum L: unused slack is handed back"
    elif period.alpha != 1:
        evidence = "sum of payoffs against sum L + min(X, I) - I, eq. (4)"
    return _balance(period, "budget_identity", evidence, _sum(period.column["payoff"]), _expected_payoff(period))


def _scarcity_budget_balance(period: _Period) -> Finding:
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
        _sum(period.column["payoff"]),
        total(period.entitlement),
    )


def _residual_balance(period: _Period) -> Finding:
    return _balance(
        period,
        "residual_balance",
        "sum of residuals, on which penalties are charged, against (X - I)+",
        _sum(period.column["residual"]),
        max(period.overage_total - period.slack_total, 0),
    )


def _no_sucker_loss(period: _Period) -> Finding:
    payoff, claim = period.column["payoff"], _in(period, period.claim)
    cooperates = np.flatnonzero(period.claim <= period.entitlement)
    if not cooperates.size:
        return Finding(
            property="no_sucker_loss", margin=0, tolerance=0, evidence="nobody claims at most the entitlement"
        )
    loss = (claim - payoff)[cooperates]
    rebate = period.environment.rule == "rebate"
    j = int(cooperates[_worst(loss if rebate else np.abs(loss))])
    gain = payoff[j] - claim[j]
    return Finding(
        property="no_sucker_loss",
        margin=_item(gain if rebate else 0 - abs(gain)),
        tolerance=period.error,
        evidence=f"payoff {'at least' if rebate else 'equal to'} the claim for each of the {cooperates.size} accounts "
        "that claim at most their entitlement",
        witness=period.account(j, entitlement=period.number(period.entitlement[j]), claim=claim[j], payoff=payoff[j]),
    )


def _claims_boundedness(period: _Period) -> Finding:
    payoff, claim = period.column["payoff"], _in(period, period.claim)
    excess = payoff - period.rebate - claim
    # The coverage column is held to the overage too: payoff and coverage must tell the same story.
    excess = np.maximum(excess, period.column["coverage"] - _in(period, period.overage))
    j = _worst(excess)
    return Finding(
        property="claims_boundedness",
        margin=0 - _item(excess[j]),
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


def _continuity_at_boundary(period: _Period) -> Finding:
    """The largest jump of a coverage as slack passes through X, the overages staying what they are."""
    environment, over = period.environment, period.overage_total
    name = "continuity_at_boundary"
    if over == 0:
        return Finding(property=name, margin=0, tolerance=0, evidence="X = 0: nothing to cover")
    if environment.rule != "power" or period.alpha == 1:
        # Below X the slack is shared out in full and never above the overage, so the limit from either side is v.
        return Finding(
            property=name,
            margin=0,
            tolerance=0,
            evidence="coverage at most the overage, summing to min(X, I): both limits at I = X are the overage"
            + period.shares,
        )
    overage, in_floats = period.overage if period.exact else period.overage.astype(np.float64), not period.exact
    try:
        scarce = cover(overage, total(overage), total(overage), 1, rule="power", alpha=period.alpha)
    except InstanceError:  # irrational shares; this period is settled without them
        overage, in_floats = period.overage.astype(np.float64), True
        scarce = cover(overage, total(overage), total(overage), 1, rule="power", alpha=period.alpha)
    jump = np.abs(scarce - overage)
    j = _worst(jump)
    return Finding(
        property=name,
        margin=0 - _item(jump[j]),
        tolerance=FLOAT_TOLERANCE * float(over) if in_floats else 0,
        evidence="slack moved to I = X at these overages: limits of the coverage from both sides" + period.shares,
        witness=period.account(
            j, slack_total=period.number(over), coverage_above=overage[j], coverage_below=scarce[j], jump=jump[j]
        ),
    )


def _own_claim_monotonicity(period: _Period) -> Finding:
    if period.environment.rule == "capped_power" and period.alpha != 1:
        return _monotone_on_a_grid(period)
    return _monotone_in_closed_form(period)


def _monotone_in_closed_form(period: _Period) -> Finding:
    """An account's payoff rises in its claim on both sides of the boundary, so the drop at the boundary decides.

    With rivals' overage V, their weights S = sum v**alpha and slack I, the boundary is at the own overage
    y = (I - V)+, where the payoff falls from y to I y**alpha / (S + y**alpha).
    """
    name, alpha = "own_claim_monotonicity", period.alpha
    rivals_overage = period.overage_total - period.overage
    rivals_slack = period.slack_total - period.slack
    boundary = np.maximum(rivals_slack - rivals_overage, 0)
    rows = np.flatnonzero(boundary > 0)
    evidence = f"closed form: the payoff on both sides of X = I, for each of {len(boundary)} accounts{period.shares}"
    if not rows.size:
        return Finding(property=name, margin=0, tolerance=0, evidence=evidence + "; no account can reach X = I")
    in_floats = not (isinstance(alpha, int) and alpha <= LARGEST_EXACT_ALPHA)
    drop = _drops_in_floats(period, rows, boundary) if in_floats else _drops(period, rows, boundary)
    worst = _worst(drop)
    j, fall = int(rows[worst]), drop[worst]
    tolerance: float = FLOAT_TOLERANCE * float(period.slack_total) if in_floats else 0
    if not period.exact:
        tolerance = max(tolerance, period.error)
    at = period.entitlement[j] + boundary[j]
    if fall <= tolerance:
        witness = period.account(j, claim_at_boundary=period.number(at), drop=period.number(fall))
        return Finding(
            property=name, margin=period.number(0 - fall), tolerance=tolerance, evidence=evidence, witness=witness
        )
    witness = _two_claims(period, j, boundary[j])
    margin = period.number(0 - fall)
    exact_pair = not any(isinstance(witness[side], float) for side in ("payoff", "larger_claim_payoff"))
    if in_floats and exact_pair and witness["larger_claim_payoff"] < witness["payoff"]:
        # The fall itself is irrational; the two claims show a part of it in fractions.
        margin, tolerance = witness["larger_claim_payoff"] - witness["payoff"], 0
        evidence += "; the margin is the fall between the two claims shown"
    return Finding(property=name, margin=margin, tolerance=tolerance, evidence=evidence, witness=witness)


def _drops(period: _Period, rows: NDArray[np.intp], boundary: NDArray[Any]) -> NDArray[Any]:
    """Exact falls of the payoff at the boundary, for a whole alpha, shape (rows,)."""
    weight = period.overage**period.alpha
    own = boundary[rows]
    rivals = total(weight) - weight[rows]
    own_weight = own**period.alpha
    slack = period.slack_total - period.slack[rows]
    fractions = np.empty(len(rows), dtype=object)
    # y - I w / (S + w) = (y S - V w) / (S + w), as I = V + y.
    fractions[:] = [
        Fraction(y * s - (i - y) * w) / (s + w) for y, s, i, w in zip(own, rivals, slack, own_weight, strict=True)
    ]
    return fractions


def _drops_in_floats(period: _Period, rows: NDArray[np.intp], boundary: NDArray[Any]) -> NDArray[np.float64]:
    """The same falls in floats, free of overflow and of cancellation, shape (rows,)."""
    alpha = float(period.alpha)
    overage, own = period.overage.astype(np.float64), boundary[rows].astype(np.float64)
    slack = (period.slack_total - period.slack[rows]).astype(np.float64)
    scale = max(float(overage.max()), float(own.max()))
    weight = np.power(overage / scale, alpha)
    # The rivals' weights as what comes before and what comes after: total minus own would cancel.
    rivals = (np.concatenate([[0.0], np.cumsum(weight)[:-1]]) + np.append(np.cumsum(weight[::-1])[::-1][1:], 0.0))[rows]
    own_weight = np.power(own / scale, alpha)
    everybody = rivals + own_weight
    share = np.divide(own_weight, everybody, out=np.ones_like(own), where=everybody > 0)
    return np.asarray(own - slack * share, dtype=np.float64)


def _two_claims(period: _Period, j: int, boundary: Any) -> dict[str, Any]:
    """A claim and a larger one that is paid less, cleared in fractions where the powers allow it."""
    alpha, tie = Fraction(period.alpha), period.environment.tie
    root = float(boundary) ** (1 / alpha.denominator)
    below = [boundary] if tie != "right" else [boundary * Fraction(k - 1, k) for k in WITNESS_GRIDS[1:]]
    last: dict[str, Any] = {}
    for first in below:
        for grid in WITNESS_GRIDS:
            # A power of the denominator of alpha, so that its own weight is rational.
            step = Fraction(int(root * grid) + 1, grid)
            second = step**alpha.denominator
            if not second > boundary:
                continue
            claims = [period.entitlement[j] + first, period.entitlement[j] + second]
            # The first is the limit from X < I, where the payoff is the claim whatever the tie.
            payoffs = [_payoff_at(period, j, claims[0], tie="left"), _payoff_at(period, j, claims[1])]
            last = period.account(
                j,
                claim=period.number(claims[0]),
                payoff=period.number(payoffs[0]),
                larger_claim=period.number(claims[1]),
                larger_claim_payoff=period.number(payoffs[1]),
            )
            if payoffs[1] < payoffs[0]:
                return last
    return last


def _payoff_at(period: _Period, j: int, claim: Any, *, tie: Tie | None = None, floats: bool = False) -> Any:
    """The payoff of one account had it claimed something else: in fractions, in floats where those are irrational."""
    environment, claims = period.environment, period.claim.copy()
    claims[j] = claim
    options: dict[str, Any] = {"rule": environment.rule, "alpha": environment.alpha, "tie": tie or environment.tie}
    if not floats and period.alpha <= LARGEST_EXACT_ALPHA:
        try:
            return clear(period.entitlement, claims, **options).payoff[j]
        except InstanceError:  # irrational
            pass
    return float(clear(period.entitlement.astype(np.float64), claims.astype(np.float64), **options).payoff[j])


def _monotone_on_a_grid(period: _Period) -> Finding:
    """The capped rule is monotone by proof; here it is tried out, for a few accounts on a grid of claims."""
    boundary = np.maximum(period.slack_total - period.slack - period.overage_total + period.overage, 0)
    chosen = {_worst(period.overage), _worst(boundary), int(np.argsort(period.overage, kind="stable")[-2:][0])}
    floats = len(period.claim) > LARGEST_EXACT_GRID or period.alpha > LARGEST_EXACT_ALPHA
    worst, witness, tried = None, None, 0
    for j in sorted(chosen)[:GRID_ACCOUNTS]:
        start, own = period.entitlement[j], boundary[j]
        reach = max(2 * own, 2 * period.overage[j], Fraction(period.slack_total), Fraction(1))
        steps = {own, period.overage[j], *(reach * Fraction(k, 8) for k in range(9)), own * Fraction(11, 10)}
        claims = sorted({start / 2 if isinstance(start, Fraction) else Fraction(start, 2), *(start + y for y in steps)})
        payoffs = [_payoff_at(period, j, claim, floats=floats) for claim in claims]
        tried += len(claims)
        for low, high, before, after in zip(claims, claims[1:], payoffs, payoffs[1:], strict=False):
            if worst is None or after - before < worst:
                worst = after - before
                witness = period.account(
                    j,
                    claim=period.number(low),
                    payoff=period.number(before),
                    larger_claim=period.number(high),
                    larger_claim_payoff=period.number(after),
                )
    in_floats = isinstance(worst, float)
    return Finding(
        property="own_claim_monotonicity",
        margin=0 if worst is None else period.number(worst),
        tolerance=FLOAT_TOLERANCE * float(total(period.claim) + period.slack_total) if in_floats else 0,
        evidence=f"sampled: {tried} claims of {len(chosen)} accounts, cleared anew{period.shares}",
        witness=witness,
    )
