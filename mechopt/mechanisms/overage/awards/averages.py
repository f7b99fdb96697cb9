"""Rules that average: random arrival over all orders, average of awards over all divisions. In whole numbers, exactly.

Both need sums over all subsets of claimants. Subsets with the same total of claims are counted together, in a
polynomial whose exponents are totals; a claimant is taken out again by dividing by its factor. So the work is that of
2**n subsets, or of the totals below the estate where these are fewer (claims that are whole numbers of units).
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError

LARGEST = 2**20  # different totals of subsets; beyond it the rule is refused. About a second per 10**5 and claimant


def random_arrival(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """The average over all orders in which claimants may come, each taking the claim or what is left.

    It is the Shapley value of the game max(E - claims of the others, 0). Computed in rationals in any arithmetic.

    Args:
        estate: E, 0 <= E <= sum of claims, units.
        claim: d_i >= 0, units, shape (claimants,).

    Returns:
        The awards, units, shape (claimants,).

    Raises:
        InstanceError: too many claimants, and too many different totals.

    Source: O'Neill (1982), "A problem of rights arbitration from the Talmud".
    """
    whole, claims, unit = _in_units(estate, claim)
    people, width = len(claims), len(claims) + 1
    # Subsets by total and, in blocks of `width` bits, by how many they are: at most 2**people of each.
    counts = {0: 1}
    for size in claims:
        counts = _times(counts, size, lambda old: old << width, whole - 1)
    orders = [factorial(k) * factorial(people - 1 - k) for k in range(people)]  # with the k of a subset before him
    block = (1 << width) - 1
    found = {0: Fraction(0)}
    for size in set(claims) - {0}:
        award = 0
        for before, packed in _without(counts, size, lambda old: old << width, sign=-1).items():
            number, k = 0, 0
            while packed:
                number += orders[k] * (packed & block)
                packed, k = packed >> width, k + 1
            award += min(size, whole - before) * number
        found[size] = Fraction(award, factorial(people)) * unit
    return _like(claim, [found[size] for size in claims])


def average_of_awards(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """The centre of gravity of all divisions between 0 and the claims. Computed in rationals in any arithmetic.

    Arguments and errors as in `random_arrival`.

    Source: Miras Calvo, Quinteiro Sandomingo and Sanchez Rodriguez (2022), "The average-of-awards rule for claims
    problems"; computed as the mean of uniform awards given their total.
    """
    whole, claims, unit = _in_units(estate, claim)
    positive = [size for size in claims if size]
    if whole == sum(claims) or not whole or len(positive) == 1:
        return _like(claim, [Fraction(size if whole == sum(claims) else min(size, whole)) * unit for size in claims])
    people = len(positive)
    # Volume of the divisions of t among all but one: sum over S of (-1)**|S| (t - d(S))**(n-2), up to a factor.
    signs = {0: 1}
    for size in positive:
        signs = _times(signs, size, lambda old: -old, whole)
    found = {0: Fraction(0)}
    for size in set(positive):
        others = _without(signs, size, lambda old: old, sign=1)
        moment = volume = 0
        for before, sign in others.items():
            room = whole - before
            past = max(room - size, 0)
            # n(n-1) times the integral of x (room - x)**(n-2) over 0 <= x <= min(size, room), and of the same without x
            moment += sign * (room**people - past**people - people * size * past ** (people - 1))
            volume += sign * (room ** (people - 1) - past ** (people - 1))
        found[size] = Fraction(moment, people * volume) * unit
    return _like(claim, [found[size] for size in claims])


def _in_units(estate: Any, claim: NDArray[Any]) -> tuple[int, list[int], Fraction]:
    """Estate and claims as whole numbers of the largest unit that measures them all.

    A float estate may be a rounding error above the total of float claims; it counts as the total then.
    """
    numbers = [Fraction(exact.parse(value)) for value in [estate, *claim.tolist()]]
    scale = lcm(*(number.denominator for number in numbers))
    whole = [int(number * scale) for number in numbers]
    return min(whole[0], sum(whole[1:])), whole[1:], Fraction(1, scale)


def _times(counts: dict[int, int], size: int, mark: Any, largest: int) -> dict[int, int]:
    """The polynomial times (1 + mark z**size), totals above the largest dropped."""
    result = dict(counts)
    for total, old in counts.items():
        if total + size <= largest:
            result[total + size] = result.get(total + size, 0) + mark(old)
    if len(result) > LARGEST:
        raise InstanceError(
            f"the claims have more than {LARGEST:,} different totals; this rule needs fewer claimants (about 20), "
            "or claims and an estate in larger units",
            key="rule",
        )
    return result


def _without(counts: dict[int, int], size: int, mark: Any, sign: int) -> dict[int, int]:
    """The polynomial divided by one factor: each total takes away what the claimant had added to it."""
    result: dict[int, int] = {}
    for total in sorted(counts):
        result[total] = counts[total] + sign * mark(result.get(total - size, 0))
    return result


def _like(claim: NDArray[Any], awards: list[Fraction]) -> NDArray[Any]:
    if claim.dtype == object:
        result = np.empty(len(awards), dtype=object)
        result[...] = awards
        return result
    return np.array([exact.as_float(award) for award in awards])
