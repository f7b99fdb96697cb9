"""The passes of `settlement.py` and `dealing.py` for numba: an optional extra, imported where it pays.

Integers are those of numpy bit for bit; float totals may differ in the last digit.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

LANE = 1024  # elements summed without compensation, between two compensated additions
LARGEST_OVERAGE = 2**52  # as in `dealing.py`


# Sums may be reordered, so that they run in vector registers; NaN and infinity must survive them.
@nb.njit(cache=True, fastmath={"reassoc", "nsz", "contract"})  # type: ignore[untyped-decorator]  # numba publishes no types
def _lane(entitlement: Any, claim: Any, start: int, stop: int) -> Any:
    over = under = held = asked = low = 0.0
    for i in range(start, stop):
        d = claim[i] - entitlement[i]
        over += d if d > 0.0 else 0.0
        under += -d if d < 0.0 else 0.0
        held += entitlement[i]
        asked += claim[i]
        least = entitlement[i] if entitlement[i] < claim[i] else claim[i]
        low = least if least < low else low
    return over, under, held, asked, low


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _add(total: float, lost: float, term: float) -> Any:
    """One step of Neumaier's compensated sum."""
    both = total + term
    lost += (total - both) + term if abs(total) >= abs(term) else (term - both) + total
    return both, lost


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def sums(entitlement: Any, claim: Any) -> Any:
    """X, I, sum of L and sum of C, compensated; and the least value, or 0."""
    over = under = held = asked = low = 0.0
    over_lost = under_lost = held_lost = asked_lost = 0.0
    for start in range(0, len(claim), LANE):
        a, b, c, d, least = _lane(entitlement, claim, start, min(start + LANE, len(claim)))
        over, over_lost = _add(over, over_lost, a)
        under, under_lost = _add(under, under_lost, b)
        held, held_lost = _add(held, held_lost, c)
        asked, asked_lost = _add(asked, asked_lost, d)
        low = min(low, least)
    return over + over_lost, under + under_lost, held + held_lost, asked + asked_lost, low


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def integer_sums(entitlement: Any, claim: Any) -> Any:
    """X, I and the sum of L, each as a sum of high and of low halves that cannot wrap; and the least value, or 0."""
    over_high = over_low = under_high = under_low = held_high = held_low = low = 0
    for i in range(len(claim)):
        d = claim[i] - entitlement[i]
        over, under = max(d, 0), max(-d, 0)
        over_high += over >> 32
        over_low += over & 0xFFFFFFFF
        under_high += under >> 32
        under_low += under & 0xFFFFFFFF
        held_high += entitlement[i] >> 32
        held_low += entitlement[i] & 0xFFFFFFFF
        low = min(low, entitlement[i], claim[i])
    return over_high, over_low, under_high, under_low, held_high, held_low, low


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def payoffs(entitlement: Any, claim: Any, ratio: float, payoff: Any) -> None:
    """min(C, L + (C - L) * ratio)."""
    for i in range(len(claim)):
        payoff[i] = min(claim[i], entitlement[i] + (claim[i] - entitlement[i]) * ratio)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _quota(overage: int, over: int, under: int, ratio: float) -> Any:
    """Floor and remainder of v * I / X; products wrap modulo 2**64, the remainder does not."""
    floor = np.int64(overage * ratio)
    rest = overage * under - floor * over
    while rest < 0:
        rest += over
        floor -= 1
    while rest >= over:
        rest -= over
        floor += 1
    return floor, rest


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def cumulative(entitlement: Any, claim: Any, over: int, under: int, carry: int, payoff: Any) -> int:
    """Payoffs under prefix floors; returns the carry, or -1 where an overage is too large for 64 bits."""
    ratio = under / over
    for i in range(len(claim)):
        overage = claim[i] - entitlement[i]
        if overage <= 0:
            payoff[i] = claim[i]
            continue
        if overage >= LARGEST_OVERAGE:
            return -1
        floor, rest = _quota(overage, over, under, ratio)
        carry += rest
        if carry >= over:
            carry -= over
            floor += 1
        payoff[i] = entitlement[i] + floor
    return carry


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def floors(entitlement: Any, claim: Any, over: int, under: int, shift: int, payoff: Any, rest: Any, counts: Any) -> int:
    """Payoffs with floored quotas, remainders and their histogram; returns the units dealt, or -1 as above."""
    ratio, dealt = under / over, 0
    for i in range(len(claim)):
        overage = claim[i] - entitlement[i]
        if overage <= 0:
            payoff[i], rest[i] = claim[i], 0
            counts[0] += 1
            continue
        if overage >= LARGEST_OVERAGE:
            return -1
        floor, left = _quota(overage, over, under, ratio)
        payoff[i], rest[i] = entitlement[i] + floor, left
        counts[left >> shift] += 1
        dealt += floor
    return dealt
