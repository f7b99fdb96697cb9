"""The claims rules by name, behind one checked door, and a side-by-side table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.awards import averages, division, recursive, schedules
from mechopt.mechanisms.overage.awards.schedules import Schedule
from mechopt.mechanisms.overage.clearing import scaled_weights, total

Award = Callable[..., NDArray[Any]]
Numbers = ArrayLike | Sequence[Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardRule:
    """A rule that divides an estate among claims.

    Attributes:
        name: what documents and tables call it.
        title: in words.
        award: called as award(estate, claim), with 0 <= estate <= sum of claims; arrays of float64 or of Fraction.
        weighted: whether award takes weights too.
        schedule: its parametric representation, where it has one: what proofs of its properties start from.
    """

    name: str
    title: str
    award: Award
    weighted: bool = False
    schedule: Schedule | None = None


def _rule(
    name: str, award: Award, *, title: str = "", weighted: bool = False, schedule: Schedule | None = None
) -> AwardRule:
    return AwardRule(
        name=name, title=title or name.replace("_", " "), award=award, weighted=weighted, schedule=schedule
    )


AWARD_RULES = {
    rule.name: rule
    for rule in (
        _rule("proportional", division.proportional, weighted=True, schedule=schedules.PROPORTIONAL),
        _rule("adjusted_proportional", division.adjusted_proportional),
        _rule(
            "constrained_equal_awards",
            division.constrained_equal_awards,
            weighted=True,
            schedule=schedules.CONSTRAINED_EQUAL_AWARDS,
        ),
        _rule(
            "constrained_equal_losses",
            division.constrained_equal_losses,
            weighted=True,
            schedule=schedules.CONSTRAINED_EQUAL_LOSSES,
        ),
        _rule("constrained_egalitarian", division.constrained_egalitarian, schedule=schedules.CONSTRAINED_EGALITARIAN),
        _rule("talmud", division.talmud, title="Talmud", schedule=schedules.TALMUD),
        _rule("reverse_talmud", division.reverse_talmud, title="reverse Talmud", schedule=schedules.REVERSE_TALMUD),
        _rule("piniles", division.piniles, title="Piniles", schedule=schedules.PINILES),
        _rule("minimal_overlap", division.minimal_overlap),
        _rule("random_arrival", averages.random_arrival),
        _rule("dominguez_thomson", recursive.dominguez_thomson, title="Domínguez-Thomson"),
        _rule("average_of_awards", averages.average_of_awards),
        _rule("alpha_min", division.alpha_min, title="alpha-min"),
    )
}


def choose(name: str) -> AwardRule:
    """The rule of that name.

    Raises:
        InstanceError: there is none; names the nearest.
    """
    if name not in AWARD_RULES:
        raise InstanceError(f"there is no claims rule {name!r}{nearest(name, AWARD_RULES)}", key="rule")
    return AWARD_RULES[name]


def award(
    rule: str | AwardRule,
    estate: Any,
    claim: Numbers,
    *,
    weight: Numbers | None = None,
    arithmetic: Literal["float", "exact"] = "float",
) -> NDArray[Any]:
    """Divide an estate by a claims rule.

    Args:
        rule: a name of `AWARD_RULES`, or a rule of your own.
        estate: 0 <= E <= sum of claims, units; a number, or text such as "1/3".
        claim: d_i >= 0, units, shape (claimants,).
        weight: w_i > 0, shape (claimants,), for the rules that take weights.
        arithmetic: "float" for doubles, correct to rounding; "exact" for fractions.

    Returns:
        The awards, units, shape (claimants,): float64, or objects of Fraction.

    Raises:
        InstanceError: the problem or the weights are out of range, or the rule cannot take that many claimants.
    """
    chosen = choose(rule) if isinstance(rule, str) else rule
    if weight is None and arithmetic == "float" and _plain(estate, claim):
        return chosen.award(float(estate), np.asarray(claim, dtype=np.float64))
    claims = _numbers(claim, "claim")
    if not claims:
        raise InstanceError("at least one claim is needed", key="claim")
    amount = _number(estate, "estate", None)
    if not 0 <= amount <= sum(claims):
        raise InstanceError(
            f"must be between 0 and the total of claims, {exact.show(sum(claims))}, not {exact.show(amount)}",
            key="estate",
        )
    arguments = [] if weight is None else [_weights(chosen, weight, len(claims))]
    if arithmetic == "exact":
        return chosen.award(Fraction(amount), *map(_column, (claims, *arguments)))
    weights = [scaled_weights(_column(values)) for values in arguments]
    return chosen.award(exact.as_float(amount), np.array([exact.as_float(value) for value in claims]), *weights)


def all_awards(
    estate: Any,
    claim: Numbers,
    *,
    rules: Iterable[str] | None = None,
    arithmetic: Literal["float", "exact"] = "float",
) -> dict[str, NDArray[Any]]:
    """The awards of several rules, all by default, side by side. Arguments and errors as in `award`."""
    return {
        name: award(name, estate, claim, arithmetic=arithmetic) for name in (AWARD_RULES if rules is None else rules)
    }


def _plain(estate: Any, claim: Numbers) -> bool:
    """An array of floats that is clearly in range: what needs no look at single numbers. The rest is read exactly."""
    if not isinstance(claim, np.ndarray) or claim.dtype != np.float64 or not isinstance(estate, float):
        return False
    if claim.ndim != 1 or not claim.size or not (claim >= 0).all():
        return False
    whole = total(claim)
    return bool(np.isfinite(whole)) and 0 <= estate <= whole * (1 - 1e-9)


def _weights(rule: AwardRule, weight: Numbers, people: int) -> list[int | Fraction]:
    if not rule.weighted:
        having = ", ".join(name for name, other in AWARD_RULES.items() if other.weighted)
        raise InstanceError(f"{rule.name} takes no weights; {having} do", key="weight")
    weights = _numbers(weight, "weight")
    if len(weights) != people:
        raise InstanceError(f"{len(weights)} weights for {people} claims", key="weight")
    for row, value in enumerate(weights, 1):
        if value <= 0:
            raise InstanceError(f"must be above 0, not {exact.show(value)}", key="weight", row=row)
    return weights


def _numbers(values: Numbers, key: str) -> list[int | Fraction]:
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, list | tuple):
        raise InstanceError("must be a list of numbers", key=key)
    return [_number(value, key, row) for row, value in enumerate(listed, 1)]


def _number(value: Any, key: str, row: int | None) -> int | Fraction:
    try:
        number = exact.parse(value)
    except ValueError as error:
        raise InstanceError(str(error), key=key, row=row) from None
    if number < 0:
        raise InstanceError(f"must be at least 0, not {exact.show(number)}", key=key, row=row)
    return number


def _column(values: list[int | Fraction]) -> NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[...] = [Fraction(value) for value in values]
    return column
