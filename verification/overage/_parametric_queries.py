"""Properties of parametric rules, proved for every number of claimants from pairs of them.

A rule gives everybody f(claim, level), with one level for all. Nearly every property compares awards in two problems
whose totals are known, and comes down to one fact: numbers that add up to nothing, no two of them of opposite sign,
are all nothing; and if they add up to something >= 0, none is below 0. That no two are of opposite sign is a statement
on two claimants at any levels: Z3 decides it for all real numbers, and it covers any number of claimants.

What Z3 cannot show here is left open: two claimants at arbitrary levels are more than can happen in a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from mechopt.evidence import smt
from mechopt.evidence.smt import Query
from mechopt.mechanisms.overage.awards.schedules import Schedule, Stage, dual


@dataclass(slots=True)
class Scene:
    """Claims and levels of a schedule as Z3 terms, with what is known of them.

    Attributes:
        schedule: f.
        given: what is known so far.
    """

    schedule: Schedule
    given: list[Any] = field(default_factory=list)
    largest: Any = None

    def __post_init__(self) -> None:
        import z3

        self.largest = z3.Real("largest")
        self.given.append(self.largest > 0)

    def claims(self, names: str) -> list[Any]:
        """New claims, nonnegative and bounded."""
        import z3

        return [self.bounded(claim) for claim in z3.Reals(names)]

    def bounded(self, claim: Any) -> Any:
        """The claim, known to be between 0 and the bound."""
        self.given += [claim >= 0, claim <= self.largest]
        return claim

    def levels(self, names: str) -> list[tuple[Any, Any]]:
        """New levels: which stage, and how high in it."""
        import z3

        found = []
        for name in names.split():
            height, number = z3.Reals(f"{name} {name}_stage")
            self.given += [number >= 0, number <= len(self.schedule.stages) - 1]
            for position, stage in enumerate(self.schedule.stages):
                inside = z3.And(stage.lowest(self.largest) <= height, height <= stage.highest(self.largest))
                self.given.append(z3.Implies(number == position, inside))
            self.given.append(z3.Or(*(number == position for position in range(len(self.schedule.stages)))))
            found.append((number, height))
        return found

    def award(self, claim: Any, level: tuple[Any, Any]) -> Any:
        """f at a level."""
        import z3

        number, height = level
        *earlier, last = (part(stage, claim, height) for stage in self.schedule.stages)
        term = last
        for position, other in reversed(list(enumerate(earlier))):
            term = z3.If(number == position, other, term)
        return term

    def rising(self, low: tuple[Any, Any], high: tuple[Any, Any]) -> None:
        """From here on the second level is known to be at least the first."""
        import z3

        self.given.append(z3.Or(low[0] < high[0], z3.And(low[0] == high[0], low[1] <= high[1])))

    def never(self, first: Any, second: Any) -> Query:
        """Both conditions at once are impossible; the first alone is not."""
        import z3

        return Query(given=self.given, never=z3.And(first, second), control=("nor is the first alone", first))


def part(stage: Stage, claim: Any, height: Any) -> Any:
    """f inside one stage."""
    return stage.award(claim, height, smt.minimum, smt.maximum)


Queries = Iterator[Query]


def well_posed(schedule: Schedule) -> Queries:
    """The level exists and the awards are unique: stages rise without a jump, from nothing to the claims."""
    import z3

    scene = Scene(schedule)
    (claim,) = scene.claims("claim")
    low, high = z3.Reals("low high")
    first, last = schedule.stages[0], schedule.stages[-1]
    bound = scene.largest
    nothing, all_of_it = part(first, claim, first.lowest(bound)), part(last, claim, last.highest(bound))
    yield Query(
        given=scene.given,
        never=z3.Or(nothing != 0, all_of_it != claim),
        control=("the highest level gives nothing", all_of_it != 0),
    )
    for before, after in pairwise(schedule.stages):
        end, start = part(before, claim, before.highest(bound)), part(after, claim, after.lowest(bound))
        yield Query(given=scene.given, never=end != start, control=("stages join at nothing", start != 0))
    for stage in schedule.stages:
        grown = part(stage, claim, high) - part(stage, claim, low)
        between = [stage.lowest(bound) <= low, low <= high, high <= stage.highest(bound)]
        yield Query(
            given=[*scene.given, *between],
            never=z3.Or(grown < 0, grown > (1 + bound) * (high - low)),
            control=("awards never rise", grown > 0),
        )


def bounded(schedule: Schedule) -> Queries:
    """0 <= f(d, level) <= d."""
    import z3

    scene = Scene(schedule)
    (claim,), (level,) = scene.claims("claim"), scene.levels("level")
    award = scene.award(claim, level)
    yield Query(
        given=scene.given, never=z3.Or(award < 0, award > claim), control=("all are paid in full", award < claim)
    )


def steady(schedule: Schedule) -> Queries:
    """Between two levels no award falls while another rises."""
    scene = Scene(schedule)
    (one, two), (before, after) = scene.claims("one two"), scene.levels("before after")
    yield scene.never(
        scene.award(one, after) > scene.award(one, before), scene.award(two, after) < scene.award(two, before)
    )


def ordered(schedule: Schedule, compare: Callable[[Any, Any, Any, Any], tuple[Any, Any]]) -> Queries:
    """For two claims, the smaller first, and their awards: (violation, what must be possible)."""
    scene = Scene(schedule)
    (small, large), (level,) = scene.claims("small large"), scene.levels("level")
    never, possible = compare(small, large, scene.award(small, level), scene.award(large, level))
    yield Query(given=[*scene.given, small <= large], never=never, control=("all get the same", possible))


def together(schedule: Schedule, conditions: Callable[[Any, Any, Any, Any], tuple[Any, Any]]) -> Queries:
    """Two conditions on claimants `one` and `two` that never meet at the same level."""
    scene = Scene(schedule)
    (one, two), (level,) = scene.claims("one two"), scene.levels("level")
    yield scene.never(*conditions(one, two, scene.award(one, level), scene.award(two, level)))


def same_sign(schedule: Schedule, levels: str, change: Callable[..., Any], rising: tuple[int, int] | None) -> Queries:
    """A change of awards, as a function of the scene, a claim and levels, that has one sign for all.

    Args:
        levels: names of the levels.
        change: called as change(scene, claim, *levels).
        rising: positions of two levels of which the second is not the lower one.
    """
    scene = Scene(schedule)
    (one, two), found = scene.claims("one two"), scene.levels(levels)
    if rising is not None:
        scene.rising(found[rising[0]], found[rising[1]])
    yield scene.never(change(scene, one, *found) > 0, change(scene, two, *found) < 0)


def own_claim_grows(schedule: Schedule, conditions: Callable[..., tuple[Any, Any]]) -> Queries:
    """One claim grows by h: conditions(own change, h, another's change) that never meet."""
    import z3

    scene = Scene(schedule)
    (own, other), (before, after), grown = scene.claims("own other"), scene.levels("before after"), z3.Real("grown")
    scene.given.append(grown > 0)
    changes = (
        scene.award(scene.bounded(own + grown), after) - scene.award(own, before),
        scene.award(other, after) - scene.award(other, before),
    )
    yield scene.never(*conditions(changes[0], grown, changes[1]))


def supermodular(schedule: Schedule) -> Queries:
    """Between two levels larger claims rise by no less."""
    scene = Scene(schedule)
    (small, large), (low, high) = scene.claims("small large"), scene.levels("low high")
    scene.rising(low, high)
    scene.given.append(small <= large)
    added = [scene.award(claim, high) - scene.award(claim, low) for claim in (small, large)]
    yield Query(given=scene.given, never=added[0] > added[1], control=("the other way round", added[0] < added[1]))


def homogeneous(schedule: Schedule) -> Queries:
    """Claims times c: no award above c times the old one while another is below."""
    import z3

    scene = Scene(schedule)
    (one, two), (before, after), scale = scene.claims("one two"), scene.levels("before after"), z3.Real("scale")
    scene.given.append(scale > 0)
    change = [scene.award(scene.bounded(scale * d), after) - scale * scene.award(d, before) for d in (one, two)]
    yield scene.never(change[0] > 0, change[1] < 0)


def truncation(schedule: Schedule) -> Queries:
    """Claims cut at an estate that two awards do not exceed: no award rises while another falls."""
    import z3

    scene = Scene(schedule)
    (one, two), (before, after), estate = scene.claims("one two"), scene.levels("before after"), z3.Real("estate")
    scene.given.append(estate >= 0)
    old = [scene.award(claim, before) for claim in (one, two)]
    new = [scene.award(smt.minimum(claim, estate), after) for claim in (one, two)]
    scene.given += [old[0] + old[1] <= estate, new[0] + new[1] <= estate]
    yield scene.never(new[0] > old[0], new[1] < old[1])


def minimal_rights(schedule: Schedule) -> Queries:
    """The dual rule does not look at claims above the estate; a claim less its minimal right is the claim so cut."""
    import z3

    yield from truncation(dual(schedule))
    estate, claim, others = z3.Reals("estate claim others")
    right = smt.maximum(estate - others, 0)
    cut = smt.minimum(claim, claim + others - estate)
    yield Query(
        given=[claim >= 0, others >= 0, estate >= 0, estate <= claim + others],
        never=claim - right != cut,
        control=("minimal rights are nothing", cut < claim),
    )


def regrouped(schedule: Schedule, group: Callable[..., Any], signs: tuple[int, ...]) -> Queries:
    """Two claims are changed among themselves: their joint gain against the change of a third.

    Args:
        group: called as group(scene, one, two, level): the awards together afterwards.
        signs: of the joint gain that are put to the test: 1 never gain, -1 never lose.
    """
    scene = Scene(schedule)
    (one, two, third), (before, after) = scene.claims("one two third"), scene.levels("before after")
    gain = group(scene, one, two, after) - scene.award(one, before) - scene.award(two, before)
    change = scene.award(third, after) - scene.award(third, before)
    for sign in signs:
        yield scene.never(sign * gain > 0, sign * change < 0)


def merged(scene: Scene, one: Any, two: Any, level: Any) -> Any:
    """The award of the sum of two claims."""
    return scene.award(scene.bounded(one + two), level)


def moved(scene: Scene, one: Any, two: Any, level: Any) -> Any:
    """The awards after some claim has moved from the one to the other."""
    import z3

    shift = z3.Real("shift")
    return scene.award(scene.bounded(one - shift), level) + scene.award(scene.bounded(two + shift), level)
