"""Claims rules in closed form: an estate, claims that exceed it, and what each claimant is awarded.

Every rule works on float64 arrays and, with the same lines, on object arrays of exact rationals. All of them are
continuous in estate and claims, so a branch that float rounding takes differently moves an award by rounding only.
One sort at most; nothing here loops over claimants.

Notation of the literature: E the estate, d the claims, D their total. Source of the definitions: Thomson (2019), How to
Divide When There Isn't Enough, chapters 2 and 3; the rules after 2003 are cited where they stand.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.overage.clearing import divide, total

ROUNDS = 40  # of filling without a sort; caps in geometric progression would need one a claimant


def proportional(estate: Any, claim: NDArray[Any], weight: NDArray[Any] | None = None) -> NDArray[Any]:
    """In proportion to the claims; with weights in proportion to weight times claim, nobody above the claim.

    Args:
        estate: E, 0 <= E <= sum of claims, units.
        claim: d_i >= 0, units, shape (claimants,).
        weight: w_i > 0, shape (claimants,); None for equal ones.

    Returns:
        The awards, units, shape (claimants,): between 0 and the claims, adding up to the estate.
    """
    if weight is not None:
        return fill(estate, claim, weight * claim)
    whole = total(claim)
    return claim * min(divide(estate, whole), 1) if whole > 0 else claim.copy()


def adjusted_proportional(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """Minimal rights first, then in proportion to what is left of the claims, cut at what is left of the estate."""
    right = np.maximum(estate - (total(claim) - claim), 0)
    rest = max(estate - total(right), 0 * estate)
    awards: NDArray[Any] = right + proportional(rest, np.minimum(claim - right, rest))
    return np.minimum(awards, claim)  # a sum of two rounded parts may pass the claim by an ulp


def constrained_equal_awards(estate: Any, claim: NDArray[Any], weight: NDArray[Any] | None = None) -> NDArray[Any]:
    """As equal awards as the claims allow: min(d, lambda); with weights min(d, lambda w)."""
    return fill(estate, claim, np.ones_like(claim) if weight is None else weight)


def constrained_equal_losses(estate: Any, claim: NDArray[Any], weight: NDArray[Any] | None = None) -> NDArray[Any]:
    """As equal losses as the claims allow: max(d - lambda, 0); with weights max(d - lambda w, 0)."""
    loss = max(total(claim) - estate, 0 * estate)
    return claim - constrained_equal_awards(loss, claim, weight)


def talmud(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """Equal awards up to half the claims, equal losses above."""
    return _by_halves(estate, claim, constrained_equal_awards, constrained_equal_losses)


def reverse_talmud(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """Equal losses up to half the claims, equal awards above."""
    return _by_halves(estate, claim, constrained_equal_losses, constrained_equal_awards)


def piniles(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """Equal awards up to half the claims, and equal awards again above."""
    return _by_halves(estate, claim, constrained_equal_awards, constrained_equal_awards)


def constrained_egalitarian(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """Half-claims as in the Talmud rule; above them the lowest awards rise first: max(d/2, min(d, lambda))."""
    half = claim / 2
    if estate <= total(half):
        return constrained_equal_awards(estate, half)
    level = _level_of_lowest(estate, np.sort(claim))
    return np.minimum(claim, np.maximum(half, level))


def _level_of_lowest(estate: Any, ordered: NDArray[Any]) -> Any:
    """lambda with sum max(d/2, min(d, lambda)) = E, for an E between the totals of half-claims and of claims.

    The sum is linear between the claims and the half-claims: the last of either kind at which it is at most E is found
    by bisection, and between the two nobody else is met.
    """
    sums = np.concatenate([ordered[:1] * 0, np.cumsum(ordered)])

    def shared(level: Any) -> tuple[Any, int]:
        """What is given out at a level, and to how many claimants between half-claim and claim more would be given."""
        full, rising = np.searchsorted(ordered, [level, 2 * level], side="right")
        out = sums[full] + level * int(rising - full) + (sums[-1] - sums[rising]) / 2
        return out, int(rising - full)

    places = range(len(ordered))
    claims_met = bisect_right(places, estate, key=lambda k: shared(ordered[k])[0])
    halves_met = bisect_right(places, estate, key=lambda k: shared(ordered[k] / 2)[0])
    start = max([ordered[k - 1] / part for k, part in ((claims_met, 1), (halves_met, 2)) if k], default=0 * estate)
    out, rising = shared(start)
    return start + divide(max(estate - out, 0 * estate), max(rising, 1))


def minimal_overlap(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """O'Neill's rule: units of the estate are claimed so that overlaps are smallest, each shared by its claimants."""
    order = np.argsort(claim, kind="stable")
    ordered = claim[order]
    if estate <= ordered[-1]:
        cut, own = np.minimum(ordered, estate), ordered * 0
    else:
        common = _claimed_by_several(estate, ordered)
        cut, own = np.minimum(ordered, common), np.maximum(ordered - common, 0)
    steps = np.concatenate([cut[:1], cut[1:] - cut[:-1]])
    people = np.arange(len(ordered), 0, -1)
    result = np.empty_like(claim)
    result[order] = np.cumsum(steps / _as_type(people, claim)) + own
    return result


def _claimed_by_several(estate: Any, ordered: NDArray[Any]) -> Any:
    """s with sum max(d - s, 0) = E - s, for an estate above the largest claim: beyond s each unit has one claimant."""
    tail = np.cumsum(ordered[::-1])[::-1]  # sum of this claim and the larger ones
    people = np.arange(len(ordered), 0, -1)
    excess = tail - people * ordered + ordered - estate  # the left side minus the right, at s = each claim
    k = min(int(np.count_nonzero(excess > 0)), len(ordered) - 2)
    return max(divide(tail[k] - estate, int(people[k]) - 1), 0 * estate)


def alpha_min(estate: Any, claim: NDArray[Any]) -> NDArray[Any]:
    """The smallest claim for everybody, as far as the estate goes; the rest in proportion to what is left of claims.

    Source: Gimenez-Gomez and Peris (2014), "A proportional approach to claims problems with a guaranteed minimum".
    """
    least = claim.min()
    equal = divide(estate, len(claim))
    if equal <= least:
        return np.full_like(claim, equal)
    return least + proportional(estate - least * len(claim), claim - least)


def fill(estate: Any, cap: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """min(cap, lambda * weight) with the lambda that shares the estate out: water in vessels of different widths.

    Without a sort: whoever is full at a level that is too low is full at the level, so those are taken out and the
    level is raised, a few times as a rule. No claimant can be taken out wrongly, so the result is not approximate.

    Args:
        estate: 0 <= E <= sum of caps.
        cap: >= 0, shape (claimants,).
        weight: > 0 wherever the cap is, >= 0 elsewhere, shape (claimants,).
    """
    active, width, left, level = cap, weight, estate, 0 * estate
    for _ in range(ROUNDS):
        whole = total(width)
        if not whole > 0:
            return cap.copy()
        # The level never sinks; a rounded rest may say so, and whoever is full would be taken out of the vessel again.
        level = max(level, divide(left, whole))
        full = active <= level * width
        if not full.any():  # nobody else meets the cap: this is the level
            return np.minimum(cap, weight * level)
        left = left - total(active[full])
        active, width = active[~full], width[~full]
    return _fill_by_sorting(estate, cap, weight)


def _fill_by_sorting(estate: Any, cap: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """The same by one sort: for caps that are reached one after another, and as the reference of the tests."""
    result = np.zeros_like(cap)
    some = np.flatnonzero(cap > 0)
    if not some.size:
        return result
    ratio = cap[some] / weight[some]
    order = np.argsort(ratio, kind="stable")
    ordered, width = cap[some][order], weight[some][order]
    full_before = np.concatenate([ordered[:1] * 0, np.cumsum(ordered)[:-1]])
    level = (estate - full_before) / np.cumsum(width[::-1])[::-1]
    free = np.flatnonzero(level < ratio[order])
    first = int(free[0]) if free.size else len(order)
    part = ordered.copy()
    if first < len(order):
        part[first:] = np.minimum(width[first:] * max(level[first], 0 * estate), ordered[first:])
    result[some[order]] = part
    return result


def _by_halves(estate: Any, claim: NDArray[Any], below: Any, above: Any) -> NDArray[Any]:
    """One rule up to half the total of claims, on half-claims; another one for the rest."""
    half = claim / 2
    middle = total(half)
    result: NDArray[Any] = below(estate, half) if estate <= middle else half + above(estate - middle, half)
    return result


def _as_type(whole: NDArray[np.int64], like: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as the type of another array; numpy's own ints do not divide fractions."""
    return np.array([Fraction(int(w)) for w in whole], dtype=object) if like.dtype == object else whole
