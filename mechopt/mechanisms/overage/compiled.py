"""The passes of `settlement.py` for numba: an optional extra, imported where it pays. Same integers, bit for bit."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

LANE = 1024  # elements summed without compensation, between two compensated additions


@nb.njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]  # numba publishes no types
def _lane(entitlement: Any, claim: Any, start: int, stop: int) -> Any:
    over = under = held = 0.0
    for i in range(start, stop):
        d = claim[i] - entitlement[i]
        over += max(d, 0.0)
        under += max(-d, 0.0)
        held += entitlement[i]
    return over, under, held


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # as above
def _add(total: float, lost: float, term: float) -> Any:
    """One step of Neumaier's compensated sum."""
    both = total + term
    lost += (total - both) + term if abs(total) >= abs(term) else (term - both) + total
    return both, lost


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # as above
def sums(entitlement: Any, claim: Any) -> Any:
    """X, I and the sum of L, compensated."""
    over = under = held = 0.0
    over_lost = under_lost = held_lost = 0.0
    for start in range(0, len(claim), LANE):
        a, b, c = _lane(entitlement, claim, start, min(start + LANE, len(claim)))
        over, over_lost = _add(over, over_lost, a)
        under, under_lost = _add(under, under_lost, b)
        held, held_lost = _add(held, held_lost, c)
    return over + over_lost, under + under_lost, held + held_lost


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # as above
def payoffs(entitlement: Any, claim: Any, ratio: float, payoff: Any) -> None:
    """min(C, L + (C - L) * ratio)."""
    for i in range(len(claim)):
        payoff[i] = min(claim[i], entitlement[i] + (claim[i] - entitlement[i]) * ratio)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # as above
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


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # as above
def cumulative(entitlement: Any, claim: Any, over: int, under: int, carry: int, payoff: Any) -> int:
    """Payoffs under prefix floors; returns the carry."""
    ratio = under / over
    for i in range(len(claim)):
        overage = claim[i] - entitlement[i]
        if overage <= 0:
            payoff[i] = claim[i]
            continue
        floor, rest = _quota(overage, over, under, ratio)
        carry += rest
        if carry >= over:
            carry -= over
            floor += 1
        payoff[i] = entitlement[i] + floor
    return carry


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # as above
def floors(entitlement: Any, claim: Any, over: int, under: int, payoff: Any, rest: Any, counts: Any) -> int:
    """Payoffs with floored quotas, the remainders and their histogram; returns the units dealt."""
    ratio, scale, dealt, last = under / over, len(counts) / over, 0, len(counts) - 1
    for i in range(len(claim)):
        overage = claim[i] - entitlement[i]
        if overage <= 0:
            payoff[i], rest[i] = claim[i], 0
            counts[0] += 1
            continue
        floor, left = _quota(overage, over, under, ratio)
        payoff[i], rest[i] = entitlement[i] + floor, left
        counts[min(np.int64(left * scale), last)] += 1
        dealt += floor
    return dealt
