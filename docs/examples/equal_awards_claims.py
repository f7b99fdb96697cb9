"""Two properties of a rule of one's own, constrained equal awards: one holds, one fails.

Run: mechopt verify docs/examples/equal_awards_claims.py --explain
"""

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, sampled, smt


def equal_awards(estate: Any, claims: list[Any]) -> list[Fraction]:
    """The rule: everybody gets the same, but nobody more than he claims."""
    awards = [Fraction(0)] * len(claims)
    left, open_claims = Fraction(estate), sorted(range(len(claims)), key=lambda agent: claims[agent])
    while open_claims:
        agent = open_claims[0]  # the smallest claim that is still open
        awards[agent] = min(Fraction(claims[agent]), left / len(open_claims))
        left -= awards[agent]
        open_claims.pop(0)
    return awards


def scarce(instance: Instance) -> bool:
    """Claims and estate are nonnegative, and the estate does not suffice for all claims."""
    return min(instance["claims"]) >= 0 and 0 <= instance["estate"] <= sum(instance["claims"])


def draw(generator: random.Random) -> Instance:
    """A random instance: two to four claims up to 6, an estate, and the part that agent 1 splits off."""
    claims = [sampled.rational(generator, 0, 6) for _ in range(generator.randint(2, 4))]
    return {"claims": claims, "estate": sampled.rational(generator, 0, 12), "part": sampled.rational(generator, 0, 6)}


# 1. A property that holds: proved for two agents by Z3, for up to three agents on a grid by the code itself.


@claim(
    label="Balance",
    statement="All of a scarce estate is given away.",
    reading="For all claims >= 0 and 0 <= estate <= their sum: the awards add up to the estate.",
    hypotheses=[scarce],
    expected="proved_in_range",
)
def balance(run: Run) -> Iterator[Evidence]:
    """Z3 for two agents, the code itself on a grid."""
    import z3

    estate, small, large = z3.Reals("estate small large")
    first = smt.minimum(small, estate / 2)
    second = smt.minimum(large, estate - first)
    yield smt.prove(
        first + second == estate,
        given=[small >= 0, small <= large, estate >= 0, estate <= small + large],
        control=("each gets half at most", first + smt.minimum(large, estate / 2) == estate),
        range="2 agents, all reals",
        complete=False,
        lift=lambda value: {"estate": value["estate"], "claims": [value["small"], value["large"]]},
    )
    yield exhaustive.check(
        lambda instance: sum(equal_awards(instance["estate"], instance["claims"])) == instance["estate"],
        grid=exhaustive.Grid(
            agents=(1, 2, 3), each={"claims": exhaustive.steps(0, 3)}, scalars={"estate": exhaustive.steps(0, 6, 2)}
        ),
        control=(
            "one unit less",
            lambda instance: sum(equal_awards(instance["estate"], instance["claims"])) == instance["estate"] - 1,
        ),
        hypotheses=run.hypotheses,
    )


# 2. A property that one may hope for and that fails: the ledger finds, shrinks and replays a counterexample.


def gain_from_splitting(instance: Instance) -> Fraction:
    """What agent 1 gets with two accounts less what he gets with one; by the rule's own code."""
    whole, *others = instance["claims"]
    together = equal_awards(instance["estate"], [whole, *others])[0]
    apart = equal_awards(instance["estate"], [instance["part"], whole - instance["part"], *others])
    return apart[0] + apart[1] - together


def splittable(instance: Instance) -> bool:
    """The part is at least 0 and at most agent 1's claim."""
    return bool(0 <= instance["part"] <= instance["claims"][0])


def replay(instance: Instance) -> str | None:
    """The independent checker: it finds the common award by trying where the claims break, not by the rule's code."""

    def level(claims: list[Fraction]) -> Fraction:
        for full in range(len(claims)):  # the smallest `full` claims are met in full, the others get the same
            ordered = sorted(claims)
            common = (Fraction(instance["estate"]) - sum(ordered[:full])) / (len(claims) - full)
            if common <= ordered[full]:
                return common
        return max(claims)

    whole, *others = map(Fraction, instance["claims"])
    parts = [Fraction(instance["part"]), whole - Fraction(instance["part"])]
    one, two = level([whole, *others]), level([*parts, *others])
    together, apart = min(whole, one), sum(min(part, two) for part in parts)
    if apart <= together:
        return None
    return (
        f"one account: everybody gets up to {one}, agent 1 gets {together}\n"
        f"accounts of {parts[0]} and {parts[1]}: everybody gets up to {two}, agent 1 gets {apart}"
    )


@claim(
    label="Splitting",
    statement="Nobody gains by splitting his account in two.",
    reading="For all claims, estates and parts: agent 1's awards for part and rest add up to no more than his award.",
    hypotheses=[scarce, splittable],
    replay=replay,
    expected="refuted",
)
def splitting(run: Run) -> Evidence:
    """A random search; it can refute, it could not prove."""
    return sampled.search(
        lambda instance: gain_from_splitting(instance) <= 0,
        draw,
        control=("he always loses", lambda instance: gain_from_splitting(instance) < 0),
        range="2-4 agents, claims up to 6",
        hypotheses=run.hypotheses,
        seed=run.seed,
    )
