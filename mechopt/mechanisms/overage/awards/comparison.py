"""Claims rules compared: schedules and paths of awards, Lorenz curves, Gini and deviation indices.

Source of the definitions: Thomson (2019), chapter 2; Lorenz dominance as in Bosmans and Lauwers (2011).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt.mechanisms.overage.awards.rules import all_awards, award
from mechopt.mechanisms.overage.clearing import total

Arithmetic = Literal["float", "exact"]
NEAR = 1e-14  # of the total: sums of the same floats, rounded differently


def path_of_awards(
    rule: str, claim: ArrayLike, *, points: int = 101, weight: ArrayLike | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The awards as the estate grows from nothing to the total of claims.

    Args:
        rule: its name.
        claim: d_i >= 0, units, shape (claimants,).
        points: how many estates, evenly spaced.
        weight: w_i > 0, shape (claimants,), for the rules that take weights.

    Returns:
        Estates, units, shape (points,), and awards, units, shape (points, claimants).
    """
    claims = np.asarray(claim, dtype=np.float64)
    estates = np.linspace(0.0, float(total(claims)), points)
    return estates, np.array([_awards(rule, float(estate), claims, weight) for estate in estates])


def _awards(rule: str, estate: float, claims: NDArray[np.float64], weight: ArrayLike | None) -> NDArray[Any]:
    """Awards in floats; the claims themselves where the estate is their total, whichever way that was rounded."""
    if estate >= float(total(claims)) * (1 - NEAR):
        return claims.copy()
    return award(rule, estate, claims, weight=weight)


def schedule_of_awards(
    rule: str,
    estate: float,
    claim: ArrayLike,
    claimant: int,
    own_claims: ArrayLike,
    *,
    weight: ArrayLike | None = None,
) -> NDArray[Any]:
    """One claimant's award as the own claim moves, all else equal.

    Args:
        rule: its name.
        estate: E >= 0, units; cut to the total of claims where the own claim is small.
        claim: d_i >= 0, units, shape (claimants,).
        claimant: position, from 0.
        own_claims: the claims to try, units, shape (points,).
        weight: w_i > 0, shape (claimants,), for the rules that take weights.

    Returns:
        Awards, units, shape (points,).
    """
    claims = np.array(claim, dtype=np.float64)
    found = []
    for own in np.asarray(own_claims, dtype=np.float64):
        claims[claimant] = own
        found.append(_awards(rule, float(estate), claims, weight)[claimant])
    return np.array(found)


def lorenz_curve(awards: NDArray[Any]) -> NDArray[Any]:
    """Shares of the total that the poorest k claimants hold, k = 0 ... n, shape (claimants + 1,)."""
    ordered = np.sort(awards)
    whole = total(ordered)
    zero = ordered[:1] * 0
    sums = np.concatenate([zero, np.cumsum(ordered)])
    return sums / whole if whole else sums


def gini_index(awards: NDArray[Any]) -> Any:
    """Twice the area between the Lorenz curve and equality: 0 where all awards are equal."""
    curve, people = lorenz_curve(awards), len(awards)
    if not curve[-1]:
        return curve[-1]
    middle = curve[1:] + curve[:-1]
    return 1 - total(middle) / people


def deviation_index(awards: NDArray[Any], claim: NDArray[Any]) -> Any:
    """As the Gini index, of awards in the order of claims against proportional awards; 0 for the proportional rule.

    Positive where smaller claims are treated worse than in proportion, negative where better.
    """
    order = np.argsort(claim, kind="stable")
    given, asked = np.cumsum(awards[order]), np.cumsum(claim[order])
    if not given[-1] or not asked[-1]:
        return given[-1] * 0
    zero = given[:1] * 0
    gap = np.concatenate([zero, asked / asked[-1] - given / given[-1]])
    width = np.concatenate([zero, claim[order]])[1:] / asked[-1]
    return total((gap[1:] + gap[:-1]) * width)


def lorenz_dominates(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """True where the first awards are at least as equal: every poorest group holds no less. Give exact awards."""
    return bool(np.all(np.cumsum(np.sort(first)) >= np.cumsum(np.sort(second))))


def compare_rules(
    estate: Any, claim: ArrayLike, *, rules: Iterable[str] | None = None, arithmetic: Arithmetic = "exact"
) -> dict[str, list[Any]]:
    """A side-by-side table of rules on one problem.

    Args:
        estate: 0 <= E <= sum of claims, units.
        claim: d_i >= 0, units, shape (claimants,).
        rules: names; all by default.
        arithmetic: "exact" for fractions, "float" for doubles.

    Returns:
        Columns: rule, one column of awards per claimant ("1", "2", ...), gini, deviation, and `dominates`: the rules
        whose awards this one Lorenz-dominates (exact arithmetic only).
    """
    found = all_awards(estate, claim, rules=rules, arithmetic=arithmetic)
    claims = award("constrained_equal_losses", _all(claim), claim, arithmetic=arithmetic)
    table: dict[str, list[Any]] = {"rule": list(found)}
    for position in range(len(claims)):
        table[str(position + 1)] = [awards[position] for awards in found.values()]
    table["gini"] = [gini_index(awards) for awards in found.values()]
    table["deviation"] = [deviation_index(awards, claims) for awards in found.values()]
    if arithmetic == "exact":
        table["dominates"] = [
            ", ".join(other for other, theirs in found.items() if other != name and lorenz_dominates(awards, theirs))
            for name, awards in found.items()
        ]
    return table


def _all(claim: ArrayLike) -> Fraction:
    """The total of claims, as an estate that pays everybody."""
    from mechopt import exact

    return Fraction(exact.total(claim.tolist() if isinstance(claim, np.ndarray) else claim))  # type: ignore[arg-type]
