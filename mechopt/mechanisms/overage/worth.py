"""What a settlement is worth: exact, or a bound on its rounding; and what the rule loses, in words."""

from __future__ import annotations

import numpy as np

from mechopt.mechanisms.overage.clearing import CLAIMS_RULES, Clearing, as_float, total
from mechopt.mechanisms.overage.environment import Environment
from mechopt.outcome import Guarantee

UNIT_ROUNDOFF = 2.0**-53


def guarantee(environment: Environment, clearing: Clearing) -> Guarantee:
    """What the payoffs are worth: exact, or a bound on their rounding error per account."""
    if environment.rounding != "none":
        return Guarantee(kind="exact", detail="whole units; the payoffs add up to the unit")
    if environment.arithmetic == "exact":
        return Guarantee(kind="exact", detail="rational arithmetic")
    where = f"region {clearing.region} decided exactly"
    entitlement, claim = as_float(environment.entitlement), as_float(environment.claim)
    # Reading a decimal and subtracting: half an ulp each of L, C and v.
    per_account = 3 * UNIT_ROUNDOFF * np.maximum(entitlement, claim)
    largest = float(per_account.max())
    if clearing.sign <= 0 and (environment.rule != "rebate" or clearing.sign == 0) and environment.alpha == 1:
        return Guarantee(kind="bounded", detail=f"payoffs are the claims; {where}", error=largest)
    # v * (I / X): the totals err by the sum of the accounts' errors and by pairwise summation of at most 32,768 terms.
    over, under = float(clearing.overage_total), float(clearing.slack_total)
    of_totals = float(per_account.sum()) + 24 * UNIT_ROUNDOFF * (over + under)
    base = over if clearing.sign > 0 else under
    share = float((clearing.overage if clearing.sign > 0 else clearing.slack).max()) / base if base else 0.0
    error = 2 * (2 * largest + share * of_totals + 4 * UNIT_ROUNDOFF * share * base)
    if environment.rule in CLAIMS_RULES:
        # The rules are monotone in the estate and in the own claim; running sums of n terms err by n roundings.
        rounded = error + 2 * len(claim) * UNIT_ROUNDOFF * (over + under)
        return Guarantee(kind="approximate", detail=f"claims rule in floats, first order; {where}", error=rounded)
    if environment.alpha == 1:
        return Guarantee(kind="bounded", detail=f"payoff per account within the error; {where}", error=error)
    estimate = error * (1 + float(environment.alpha)) * 4
    return Guarantee(kind="approximate", detail=f"power of floats, first-order estimate; {where}", error=estimate)


def warnings(environment: Environment, clearing: Clearing) -> list[str]:
    """What the rule loses on this instance or in general, in plain words."""
    found = []
    if environment.penalty:
        found.append(
            "with a penalty the claims of Proposition 3 (all at the bound) are no equilibrium: claims equal to "
            "entitlements are the only one where the bound is at least every entitlement"
        )
    if environment.rule == "power" and environment.alpha != 1:
        found.append(
            f"rule power with alpha = {environment.alpha}: payoffs jump at X = I and need not increase in the own "
            'claim; coverage can exceed the overage. rule = "capped_power" keeps all three properties'
        )
        above = clearing.coverage > clearing.overage
        if above.any():
            j = int(above.argmax())
            found.append(
                f"{int(above.sum())} accounts are paid more than they claim, the first is "
                f"{environment.account[j]}: overage {clearing.overage[j]}, coverage {clearing.coverage[j]}"
            )
        if clearing.sign == 0 and environment.tie == "max" and total(clearing.coverage) > clearing.slack_total:
            found.append(
                'at X = I the tie-break "max" pays out more than the entitlements: the budget does not balance'
            )
    return found
