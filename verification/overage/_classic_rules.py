"""What the parts of Remark 1 share: classic rules on claims, and who cooperates."""

from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance


def level(estate: Any, claims: list[Any], weights: list[Any]) -> Fraction:
    """The lambda with sum_j min(C_j, lambda w_j) = estate, or the smallest that meets all claims."""
    left, rest = Fraction(estate), sorted(range(len(claims)), key=lambda j: Fraction(claims[j]) / weights[j])
    found = Fraction(0)
    while rest:
        found = left / sum(weights[j] for j in rest)
        first = rest.pop(0)
        if Fraction(claims[first]) / weights[first] > found:
            return found
        left -= claims[first]
        found = Fraction(claims[first]) / weights[first]
    return found


def awards(estate: Any, claims: list[Any], weights: list[Any] | None = None) -> list[Fraction]:
    """Constrained equal awards, or with weights their weighted version (proportional fairness on one link)."""
    weights = weights or [1] * len(claims)
    common = level(estate, claims, weights)
    return [min(Fraction(c), common * w) for c, w in zip(claims, weights, strict=True)]


def entitlements(instance: Instance) -> bool:
    """Positive entitlements."""
    return min(instance["entitlement"]) > 0


def several(instance: Instance) -> bool:
    """At least two agents."""
    return len(instance["entitlement"]) >= 2


def cooperates(instance: Instance) -> bool:
    """Positive entitlements, claims >= 0, agent 1 claims at most its entitlement."""
    return entitlements(instance) and min(instance["claim"]) >= 0 and instance["claim"][0] <= instance["entitlement"][0]


def worst(instance: Instance, weights: list[Any] | None = None) -> list[Fraction]:
    """What each agent gets when it claims its entitlement and all others claim the whole estate, sum L."""
    held = [Fraction(value) for value in instance["entitlement"]]
    estate = sum(held)
    return [awards(estate, [e if j == i else estate for j, e in enumerate(held)], weights)[i] for i in range(len(held))]


def keeps(instance: Instance, weights: list[Any] | None = None) -> bool:
    """No agent with C_j <= L_j loses at the others' worst claims (awards fall as others claim more)."""
    return all(paid == held for paid, held in zip(worst(instance, weights), instance["entitlement"], strict=True))
