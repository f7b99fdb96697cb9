"""Does a larger claim ever pay less? The drop at X = I in closed form, with two claims that show it.

Source: lengyel2025, Appendix A.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import CLAIMS_RULES, Tie, clear, total
from mechopt.mechanisms.overage.period import FLOAT_TOLERANCE, Period, worst_row

LARGEST_EXACT_ALPHA = 8  # powers of whole numbers stay small enough for every account
LARGEST_EXACT_GRID = 50  # accounts up to which the capped rule is tried out in fractions
GRID_ACCOUNTS = 3
WITNESS_GRIDS = (1, 10, 100, 1000, 10**6, 10**9)  # how finely a claim just above the boundary is looked for


def own_claim_monotonicity(period: Period) -> Finding:
    """The payoff in the own claim, for each account with the others' claims as they are."""
    rule = period.environment.rule
    if rule in CLAIMS_RULES or (rule == "capped_power" and period.alpha != 1):
        return _monotone_on_a_grid(period)
    return _monotone_in_closed_form(period)


def _monotone_in_closed_form(period: Period) -> Finding:
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
    worst = worst_row(drop)
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


def _drops(period: Period, rows: NDArray[np.intp], boundary: NDArray[Any]) -> NDArray[Any]:
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


def _drops_in_floats(period: Period, rows: NDArray[np.intp], boundary: NDArray[Any]) -> NDArray[np.float64]:
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


def _two_claims(period: Period, j: int, boundary: Any) -> dict[str, Any]:
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


def _payoff_at(period: Period, j: int, claim: Any, *, tie: Tie | None = None, floats: bool = False) -> Any:
    """The payoff of one account had it claimed something else: in fractions, in floats where those are irrational."""
    environment, claims = period.environment, period.claim.copy()
    claims[j] = claim
    options = environment.sharing | {"tie": tie or environment.tie}
    if not floats and period.alpha <= LARGEST_EXACT_ALPHA:
        try:
            return clear(period.entitlement, claims, **options).payoff[j]
        except InstanceError:
            return _payoff_at(period, j, claim, tie=tie, floats=True)  # the exact payoff is irrational
    return float(clear(period.entitlement.astype(np.float64), claims.astype(np.float64), **options).payoff[j])


def _monotone_on_a_grid(period: Period) -> Finding:
    """The capped and the claims rules are monotone by proof; here it is tried out, for a few accounts on a grid."""
    boundary = np.maximum(period.slack_total - period.slack - period.overage_total + period.overage, 0)
    chosen = {worst_row(period.overage), worst_row(boundary), int(np.argsort(period.overage, kind="stable")[-2:][0])}
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
