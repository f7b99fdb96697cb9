"""Parametric representations: rules that give everybody f(claim, level), with one level for all.

The level is raised until the estate is shared out. Some rules go through two stages: the second starts where the
first ends. The same lines work on numbers and on a solver's terms: proofs and tests read the schedules from here.

Source: Young (1987), "On dividing an amount according to individual claims or liabilities"; Thomson (2019), chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Choice = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a schedule, for levels between two ends.

    Attributes:
        award: called as award(claim, level, smaller, larger), the last two being the functions min and max to use.
        lowest, highest: called with a bound on the claims: the ends of the levels.
    """

    award: Callable[[Any, Any, Choice, Choice], Any]
    lowest: Callable[[Any], Any]
    highest: Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """f(claim, level): nothing at the lowest level of the first stage, the claim at the highest of the last.

    Attributes:
        stages: in the order in which an estate that grows goes through them.
    """

    stages: tuple[Stage, ...]


def dual(schedule: Schedule) -> Schedule:
    """The schedule of the rule that shares losses as this one shares awards: R*(E, d) = d - R(D - E, d)."""

    def mirrored(stage: Stage) -> Stage:
        return Stage(
            award=lambda claim, level, smaller, larger: claim - stage.award(claim, -level, smaller, larger),
            lowest=lambda bound: -stage.highest(bound),
            highest=lambda bound: -stage.lowest(bound),
        )

    return Schedule(stages=tuple(mirrored(stage) for stage in reversed(schedule.stages)))


_SHARES = Stage(
    award=lambda claim, level, smaller, larger: claim * level, lowest=lambda bound: 0, highest=lambda bound: 1
)
_AWARDS = Stage(
    award=lambda claim, level, smaller, larger: smaller(claim, level),
    lowest=lambda bound: 0,
    highest=lambda bound: bound,
)
_LOW_AWARDS = Stage(
    award=lambda claim, level, smaller, larger: smaller(claim / 2, level),
    lowest=lambda bound: 0,
    highest=lambda bound: bound / 2,
)
_HIGH_AWARDS = Stage(
    award=lambda claim, level, smaller, larger: claim / 2 + smaller(claim / 2, level),
    lowest=lambda bound: 0,
    highest=lambda bound: bound / 2,
)
_LOWEST_RISE = Stage(
    award=lambda claim, level, smaller, larger: larger(claim / 2, smaller(claim, level)),
    lowest=lambda bound: 0,
    highest=lambda bound: bound,
)

PROPORTIONAL = Schedule(stages=(_SHARES,))
CONSTRAINED_EQUAL_AWARDS = Schedule(stages=(_AWARDS,))
CONSTRAINED_EQUAL_LOSSES = dual(CONSTRAINED_EQUAL_AWARDS)
CONSTRAINED_EGALITARIAN = Schedule(stages=(_LOW_AWARDS, _LOWEST_RISE))
PINILES = Schedule(stages=(_LOW_AWARDS, _HIGH_AWARDS))
TALMUD = Schedule(stages=(_LOW_AWARDS, dual(Schedule(stages=(_LOW_AWARDS,))).stages[0]))
REVERSE_TALMUD = Schedule(stages=(dual(Schedule(stages=(_HIGH_AWARDS,))).stages[0], _HIGH_AWARDS))
