"""The Dominguez-Thomson rule: the limit of handing out secured shares again and again.

Source: Dominguez and Thomson (2006), "A new solution to the problem of adjudicating conflicting claims".
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.overage.clearing import divide, total


def dominguez_thomson(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """In every round each claimant gets min(d, E) / n of what is left of estate and claim; without end.

    A claim that has caught up with the estate stays above it, so there is one phase per claimant at most, and inside a
    phase k rounds have a closed form: finitely many phases, and the limit is exact. About a microsecond a phase.

    Args:
        estate: E, 0 <= E <= sum of claims, units.
        claim: d_i >= 0, units, shape (claimants,).

    Returns:
        The awards, units, shape (claimants,).
    """
    people = len(claim)
    whole = total(claim)
    result = claim.copy()
    if not estate < whole:
        return result
    order = np.argsort(-claim, kind="stable")
    order = order[claim[order] > 0]
    ordered = claim[order].tolist()
    tail = [*np.cumsum(claim[order][::-1])[::-1].tolist()[1:], estate * 0]
    joined, secured = _phases(estate, ordered, [whole, *tail], people)
    last = secured[-1]
    for position, (kept, before) in enumerate(zip(joined, secured, strict=False)):
        ordered[position] = ordered[position] * (1 - kept) + (last - before)
    result[order] = ordered
    return result


def _phases(estate: Any, ordered: list[Any], tail: list[Any], people: int) -> tuple[list[Any], list[Any]]:
    """Walk through the phases.

    Args:
        estate: E.
        ordered: the positive claims, largest first.
        tail: tail[t] is the sum of ordered[t:].
        people: n, those with a claim of 0 included.

    Returns:
        For each claimant what share of the claim was left when it caught up with the estate, and what each of those
        who had caught up before had got per head by then; one more entry at the end: what they get in all.
    """
    keep = divide(people - 1, people) if not isinstance(estate, float) else (people - 1) / people
    # rho**k, and the estate in units of it: in these units the other claims stand still.
    left, size = keep * 0 + 1, estate
    per_head = estate * 0
    joined: list[Any] = []
    secured: list[Any] = []
    while True:
        # Largest claims first: the next ones to catch up are found by bisection, however many they are.
        caught = bisect_right(ordered, -size, lo=len(joined), key=lambda claim: -claim)
        secured += [per_head] * (caught - len(joined))
        joined += [left] * (caught - len(joined))
        if caught == len(ordered):
            secured.append(per_head + divide(size * left, caught))
            return joined, secured
        target, rest = ordered[caught], tail[caught]
        rounds = _rounds(size, target, rest, caught, people)
        later, after = left * keep**rounds, _advance(size, rest, caught, people, rounds)
        if caught:
            per_head += divide(left * size - later * after - rest * (left - later), caught)
        left, size = later, after


def _advance(size: Any, rest: Any, caught: int, people: int, rounds: int) -> Any:
    """The estate after some rounds, in units of rho**k; `rest` is the sum of the claims below it."""
    exactly = not isinstance(size, float)
    if caught == 1:
        return size - rest * (divide(rounds, people - 1) if exactly else rounds / (people - 1))
    ratio = divide(people - caught, people - 1) if exactly else (people - caught) / (people - 1)
    standing = -divide(rest, caught - 1)
    return (size - standing) * ratio**rounds + standing


def _rounds(size: Any, target: Any, rest: Any, caught: int, people: int) -> int:
    """After how many rounds the estate is at most the next claim: the formula in floats, mended by trying."""

    def reached(rounds: int) -> bool:
        return bool(_advance(size, rest, caught, people, rounds) <= target)

    if caught == 1:
        guess = float((size - target) / rest) * (people - 1)
    else:
        standing = -float(rest) / (caught - 1)
        share = (float(target) - standing) / (float(size) - standing) if size != standing else 0.0
        guess = math.log(share) / math.log((people - caught) / (people - 1)) if share > 0 else 1.0
    rounds = max(1, math.ceil(guess))
    while rounds > 1 and reached(rounds - 1):
        rounds -= 1
    while not reached(rounds):
        rounds += 1
    return rounds
