"""The Dominguez-Thomson rule: the limit of handing out secured shares again and again.

Source: Dominguez and Thomson (2006), "A new solution to the problem of adjudicating conflicting claims".
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.clearing import divide, total

LARGEST_BITS = 2**16  # of the exact powers; far beyond what can be printed
MANY_ROUNDS = 1e300  # in floats: nothing is left of a claim by then


def dominguez_thomson(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """In every round each claimant gets min(d, E) / n of what is left of estate and claim; without end.

    A claim that has caught up with the estate stays above it, so there is one phase per claimant at most (a few dozen
    for most claims), and inside a phase k rounds have a closed form: finitely many phases, and the limit is exact.

    Args:
        estate: E, 0 <= E <= sum of claims, units.
        claim: d_i >= 0, units, shape (claimants,).

    Returns:
        The awards, units, shape (claimants,).

    Raises:
        InstanceError: the exact awards have too many digits (one claim is a tiny part of another).
    """
    whole = total(claim)
    if not estate < whole:
        return claim.copy()
    ascending = np.sort(claim[claim > 0])
    sums = np.cumsum(ascending)
    sums[-1] = whole  # the very total that the estate is below
    starts, kept, before, last = _phases(estate, ascending, sums, len(claim))
    # Claims that caught up in the same phase: those between the smallest of this phase and that of the one before.
    phase = np.searchsorted(np.array(starts[::-1], dtype=claim.dtype), claim, side="right") - 1
    share, lead = (np.array(column[::-1], dtype=claim.dtype) for column in (kept, before))
    awards: NDArray[Any] = claim * (1 - share[phase]) + (last - lead[phase])
    return np.where(claim > 0, awards, claim)


def _phases(
    estate: Any, ascending: NDArray[Any], sums: NDArray[Any], people: int
) -> tuple[list[Any], list[Any], list[Any], Any]:
    """Walk through the phases.

    Args:
        estate: E, below the total of claims.
        ascending: the positive claims in order, shape (claimants,).
        sums: of each of these and the smaller ones, shape (claimants,).
        people: n, those with a claim of 0 included.

    Returns:
        For each phase in which claims catch up with the estate: the smallest of them, what share of a claim was left
        by then, and what each of those who had caught up before had got per head; and what these get per head in all.
    """
    keep = divide(people - 1, people) if not isinstance(estate, float) else (people - 1) / people
    # rho**k, and the estate in units of it: in these units the other claims stand still.
    left, size = keep * 0 + 1, estate
    per_head = estate * 0
    starts: list[Any] = []
    kept: list[Any] = []
    before: list[Any] = []
    while True:
        behind = int(np.searchsorted(ascending, size))  # claims below the estate
        caught = len(ascending) - behind
        if behind < len(ascending) and (not starts or ascending[behind] < starts[-1]):
            starts.append(ascending[behind])
            kept.append(left)
            before.append(per_head)
        if not behind:
            return starts, kept, before, per_head + divide(size * left, caught)
        target, rest = ascending[behind - 1], sums[behind - 1]
        rounds = _rounds(size, target, rest, caught, people)
        # The estate is at most the next claim now, whatever rounding says.
        later, after = left * keep**rounds, min(_advance(size, rest, caught, people, rounds), target)
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
    """After how many rounds the estate is at most the next claim.

    By a formula in floats. In fractions the number is mended by trying; in floats one round more or less moves an award
    by rounding only.
    """
    if caught == 1:
        guess = exact.as_float((size - target) / rest) * (people - 1)
    else:
        standing = -divide(rest, caught - 1)
        guess = _logarithm((target - standing) / (size - standing)) / math.log1p((1 - caught) / (people - 1))
    if isinstance(size, float):
        return max(1, math.ceil(min(guess, MANY_ROUNDS)))
    if guess * people.bit_length() > LARGEST_BITS:
        raise InstanceError(
            f"the exact awards of Dominguez-Thomson take about {guess:.1e} rounds and more digits than anybody can "
            'use; use arithmetic = "float"',
            key="arithmetic",
        )
    rounds = max(1, math.ceil(guess))
    while rounds > 1 and _advance(size, rest, caught, people, rounds - 1) <= target:
        rounds -= 1
    while _advance(size, rest, caught, people, rounds) > target:
        rounds += 1
    return rounds


def _logarithm(share: Any) -> float:
    """The natural logarithm, of a float or a Fraction of any size, without cancellation near 1."""
    if 0.5 < share < 2:
        return math.log1p(float(share - 1))
    return math.log(share.numerator) - math.log(share.denominator) if isinstance(share, Fraction) else math.log(share)
