"""Whole units: how quotas become integers without losing or making a unit.

A tie goes to the earlier account in every method. `settlement.py` holds the fast path for int64 columns; here are the
plain versions on Python ints, which have no size limit and which tests hold the fast path against.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from fractions import Fraction

Quota = int | Fraction

# The divisor after a units: an account with weight v gets its next unit in the order of v / divisor(a).
DIVISORS: dict[str, Callable[[int], Fraction]] = {
    "jefferson": lambda units: Fraction(units + 1),
    "webster": lambda units: Fraction(2 * units + 1, 2),
    "adams": lambda units: Fraction(units),
}


def apportion(weights: Sequence[int], house: int, method: str) -> list[int]:
    """Whole units in proportion to weights.

    Args:
        weights: v_j >= 0, shape (accounts,).
        house: units to deal out, 0 <= house <= sum of weights.
        method: "largest_remainder", "cumulative", "jefferson", "webster" or "adams".

    Returns:
        Units per account; they add up to `house` exactly.
    """
    total = sum(weights)
    if total == 0 or house == total:
        return list(weights)
    if method in DIVISORS:
        return divisor(weights, house, method)
    quotas = [Fraction(weight * house, total) for weight in weights]
    return largest_remainder(quotas) if method == "largest_remainder" else cumulative(quotas)


def largest_remainder(quotas: Sequence[Quota]) -> list[int]:
    """Each quota's floor, and the units left over to the largest remainders.

    Args:
        quotas: >= 0, with a whole sum, shape (accounts,).
    """
    floors = [quota.numerator // quota.denominator for quota in quotas]
    left = int(sum(quotas)) - sum(floors)
    order = sorted(range(len(quotas)), key=lambda j: (floors[j] - quotas[j], j))
    for j in order[:left]:
        floors[j] += 1
    return floors


def cumulative(quotas: Sequence[Quota]) -> list[int]:
    """Differences of the floors of the running sum: neighbours can split or merge without effect.

    Args:
        quotas: >= 0, with a whole sum, in the published order, shape (accounts,).
    """
    awards, dealt, running = [], 0, Fraction(0)
    for quota in quotas:
        running += quota
        upto = running.numerator // running.denominator
        awards.append(upto - dealt)
        dealt = upto
    return awards


def divisor(weights: Sequence[int], house: int, method: str) -> list[int]:
    """A divisor method: unit by unit to the largest weight / divisor(units so far).

    It starts at the multiplier house / total, where the award is at most one unit per account away, and adds or takes
    back the rest in order.

    Args:
        weights: v_j >= 0, at least one positive, shape (accounts,).
        house: units to deal out.
        method: a name in DIVISORS.
    """
    total, after = sum(weights), DIVISORS[method]
    claimants = [j for j, weight in enumerate(weights) if weight > 0]
    awards = [0] * len(weights)
    if method == "adams" and house <= len(claimants):
        for j in claimants[:house]:  # the first unit has divisor 0: all are tied, the earlier account comes first
            awards[j] = 1
        return awards
    for j in claimants:
        quota = Fraction(weights[j] * house, total)
        awards[j] = {
            "jefferson": quota.__floor__(),
            "webster": (quota + Fraction(1, 2)).__floor__(),
            "adams": max(1, quota.__ceil__()),
        }[method]
    short = house - sum(awards)
    if short > 0:
        heap = [(-Fraction(weights[j]) / after(awards[j]), j) for j in claimants]
        heapq.heapify(heap)
        for _ in range(short):
            _, j = heap[0]
            awards[j] += 1
            heapq.heapreplace(heap, (-Fraction(weights[j]) / after(awards[j]), j))
    elif short < 0:
        least = 1 if method == "adams" else 0
        heap = [(Fraction(weights[j]) / after(awards[j] - 1), -j) for j in claimants if awards[j] > least]
        heapq.heapify(heap)
        for _ in range(-short):
            _, j = heapq.heappop(heap)
            awards[-j] -= 1
            if awards[-j] > least:
                heapq.heappush(heap, (Fraction(weights[-j]) / after(awards[-j] - 1), j))
    return awards
