"""The penalty on residual overage: marginals, the game with a levy, and what the collar does to waiting.

One account's own overage v, the others' total overage V and the slack I decide everything here; all functions take
numbers of any kind and stay exact on exact ones. Money is per unit of residual overage.
Source: lengyel2025, Section 4 and Appendix D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import divide, scarcity

Number = Any  # int, Fraction or float
FLOAT_TOLERANCE = 1e-12  # relative to the largest price or penalty, where numbers are floats


def residual(own: Number, others: Number, slack: Number) -> Number:
    """Overage of one account that slack does not cover, units.

    Args:
        own: v >= 0, units.
        others: V >= 0, total overage of the others, units.
        slack: I >= 0, units.

    Source: lengyel2025, Appendix D: r = v - min(1, I / X) v.
    """
    return own * total_scarcity(own + others, slack)


def total_scarcity(overage: Number, slack: Number) -> Number:
    """Lambda = (X - I)+ / X, and 0 at X = 0. Source: lengyel2025, Section 4."""
    return scarcity(overage, slack, (overage > slack) - (overage < slack))


def marginal_residual(own: Number, others: Number, slack: Number) -> Number:
    """What one more unit of own overage adds to the residual: the right derivative.

    It is 0 below the boundary X = I, 1 - I V / X**2 from there on, and 1 where nobody has slack or overage.

    Args as in `residual`. Source: lengyel2025, Lemma 10; the value at X = I is not in the paper.
    """
    total = own + others
    if total < slack:
        return total * 0
    if total == 0:
        return total + 1
    # Two quotients, not I V / X**2: a square may overflow.
    return 1 - divide(slack, total) * divide(others, total)


def scarcity_without(others: Number, slack: Number) -> Number:
    """Scarcity as it would be without the account: what its first unit of overage leaves uncovered.

    It is (V - I)+ / V, and 1 where the others have neither overage nor slack.

    Args:
        others: V >= 0, total overage of the others, units.
        slack: I >= 0, units.

    Source: not in the paper, which uses Lambda of all accounts; the two differ by I v / (V X) where V >= I > 0.
    """
    return marginal_residual(others * 0, others, slack)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way the period may end, seen from one account.

    Attributes:
        probability: > 0.
        others: V, total overage of the others, units.
        slack: I, units.
        penalty: kappa, money per unit of residual overage.
    """

    probability: Number
    others: Number
    slack: Number
    penalty: Number

    def cost(self, waiting: Number) -> Number:
        """Penalty if `waiting` units are left to the clearing, money."""
        return self.penalty * residual(waiting, self.others, self.slack)


def expected(values: Sequence[Number], scenarios: Sequence[Scenario]) -> Number:
    """Expectation of one value per scenario.

    Raises:
        InstanceError: the probabilities are not positive, or do not add up to 1.
    """
    weights = [scenario.probability for scenario in scenarios]
    if not weights or min(weights) <= 0 or exact.total(weights) != 1:
        raise InstanceError("must be positive and add up to 1", key="probability")
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def cost_of_waiting(need: Number, waiting: Number, price: Number, scenarios: Sequence[Scenario]) -> Number:
    """Expected cost of covering a need: part bought forward, the rest left to the clearing. Money.

    Args:
        need: units to be covered, > 0.
        waiting: units of it that are not bought forward, 0 <= waiting <= need.
        price: p, forward price per unit.
        scenarios: how the period may end.

    Source: lengyel2025, Corollary 11.
    """
    if not 0 <= waiting <= need:
        raise InstanceError(f"must be from 0 to the need of {need}, not {waiting}", key="waiting")
    return (need - waiting) * price + expected([scenario.cost(waiting) for scenario in scenarios], scenarios)


def collar_as_printed(
    price: Number, price_bound: Number, least_scarcity: Number, own: Number, scenarios: Sequence[Scenario]
) -> Finding:
    """Corollary 11's condition: kappa >= p_bar in every scenario, E[Lambda] >= lambda > 0 and p_bar lambda >= p.

    It makes waiting with the whole overage, or with one unit more, no cheaper than buying forward. It does not do so
    for a part of the overage: use `collar_condition`.

    Args:
        price: p, forward price.
        price_bound: p_bar >= p, the announced bound on the spot price.
        least_scarcity: lambda, the published bound on expected scarcity, in (0, 1].
        own: v, the overage of the account as it enters Lambda, units.
        scenarios: how the period may end.

    Returns:
        The finding; its margin is the least of the three slacks.
    """
    mean = expected([total_scarcity(own + s.others, s.slack) for s in scenarios], scenarios)
    slacks = {
        "penalty - price_bound": min(scenario.penalty for scenario in scenarios) - price_bound,
        "expected scarcity - least_scarcity": mean - least_scarcity,
        "price_bound * least_scarcity - price": price_bound * least_scarcity - price,
    }
    worst = min(slacks, key=lambda name: slacks[name])
    return Finding(
        property="collar_as_printed",
        margin=slacks[worst] if least_scarcity > 0 else -math.inf,
        tolerance=_tolerance(slacks.values(), scenarios),
        evidence="the hypotheses of Corollary 11",
        witness={"binding": worst, "expected_scarcity": mean},
    )


def collar_condition(price: Number, scenarios: Sequence[Scenario]) -> Finding:
    """The condition under which buying everything forward is cheapest whatever the need: E[kappa Lambda_out] >= p.

    Lambda_out is the scarcity without the account (`scarcity_without`). The cost of waiting is convex with that slope
    at 0, so the condition is necessary as well.

    Args:
        price: p, forward price.
        scenarios: how the period may end.

    Returns:
        The finding; its margin is what the first unit left to the clearing costs more than a unit bought forward.

    Source: not in the paper: what Corollary 11 needs for the sentence about forward purchase.
    """
    first = expected([s.penalty * scarcity_without(s.others, s.slack) for s in scenarios], scenarios)
    return Finding(
        property="collar_condition",
        margin=first - price,
        tolerance=_tolerance([first], scenarios),
        evidence="E[kappa * scarcity without the account] against the forward price",
        witness={"first_unit": first, "price": price},
    )


def waiting_equilibrium(price: Number, penalty: Number, slack: Number, fixed: Number = 0) -> Number:
    """Units left to the clearing when many small accounts are indifferent between buying and waiting.

    More waiting makes slack scarcer, until kappa Lambda = p: (w + xi) (1 - p / kappa) = I.

    Args:
        price: p, forward price, 0 <= p < kappa.
        penalty: kappa, money per unit of residual overage.
        slack: I > 0 expected, units.
        fixed: xi, overage that is there anyway, units.

    Returns:
        w >= 0; positive whenever the slack exceeds what `fixed` uses of it: no collar drives waiting to zero then.

    Raises:
        InstanceError: the price is not below the penalty: waiting has no limit.

    Source: not in the paper, which takes E[Lambda] as given.
    """
    if not price < penalty:
        raise InstanceError(f"must be below the penalty of {penalty}, not {price}", key="price")
    return max(divide(slack * penalty, penalty - price) - fixed, 0)


def net_payoff(entitlement: Number, claim: Number, others: Number, slack: Number, penalty: Number) -> Number:
    """Payoff less penalty of one account: pi - kappa r, in units of the good.

    Args:
        entitlement: L, units.
        claim: C, units.
        others, slack: of the other accounts, V and I, units.
        penalty: kappa >= 0, units of payoff per unit of residual overage.

    Source: lengyel2025, eq. (1) with the penalty of Section 4; the paper analyses the two apart.
    """
    own = max(claim - entitlement, 0)
    left = residual(own, others, slack)
    return claim - left - penalty * left


def net_marginals(
    entitlement: Number, claim: Number, others: Number, slack: Number, penalty: Number
) -> tuple[Number, Number]:
    """Left and right derivative of the net payoff in the own claim; it is concave, so these decide best replies.

    Args as in `net_payoff`.
    """
    own = claim - entitlement

    def slope(uncovered: Number) -> Number:
        return 1 - (1 + penalty) * uncovered

    if own < 0:
        return slope(0), slope(0)
    after = slope(marginal_residual(own, others, slack))
    if own == 0 or own + others <= slack:
        return slope(0), after
    return after, after


def net_equilibrium(entitlement: Sequence[Number], claim: Sequence[Number], bound: Number, penalty: Number) -> Finding:
    """Whether no account gains by a claim of its own in [0, bound] when residual overage is penalised.

    With any penalty above 0 and a bound of at least every entitlement, C = L is the only equilibrium: the maximal
    claims of Proposition 3 are one only where there is no penalty.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C, 0 <= C <= bound, units, shape (accounts,).
        bound: M, units.
        penalty: kappa >= 0, units of payoff per unit of residual overage.

    Returns:
        The finding; its margin is minus the steepest slope towards a better claim, its witness the account.

    Source: not in the paper.
    """
    pairs = list(zip(map(exact.parse, entitlement), map(exact.parse, claim), strict=True))
    over, under = sum(max(c - e, 0) for e, c in pairs), sum(max(e - c, 0) for e, c in pairs)
    steepest, witness = Fraction(0), {}
    for j, (held, asked) in enumerate(pairs):
        left, right = net_marginals(
            held, asked, over - max(asked - held, 0), under - max(held - asked, 0), exact.parse(penalty)
        )
        for slope, way, open_ in ((-left, "lower", asked > 0), (right, "raise", asked < exact.parse(bound))):
            if open_ and slope > steepest:
                steepest, witness = slope, {"row": j + 1, "claim": asked, "better": way, "slope": slope}
    return Finding(
        property="net_equilibrium",
        margin=0 - steepest,
        tolerance=0,
        evidence="one-sided slopes of the concave net payoff, account by account",
        witness=witness or None,
    )


def _tolerance(values: Any, scenarios: Sequence[Scenario]) -> float:
    """0 for exact numbers; for floats a few roundings of the largest penalty."""
    if not any(isinstance(value, float) for value in values):
        return 0
    return FLOAT_TOLERANCE * max(1.0, *(float(scenario.penalty) for scenario in scenarios))
