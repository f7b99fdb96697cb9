"""Corollary 2: identical agents hold the same."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


def grouped(instance: Instance) -> bool:
    """Some two agents have the same demand and the same law."""
    kinds = list(zip(instance["demand"], instance["power"], strict=True))
    return len(set(kinds)) < len(kinds)


def same(instance: Instance, demand_only: bool = False) -> bool:
    """Agents of the same kind have the same r*."""
    spot = market.Spot.of(instance)
    star = spot.star()
    kinds = [(k, 0 if demand_only else p) for k, p in zip(spot.demand, spot.power, strict=True)]
    return all(star[i] == star[j] for i, j in itertools.combinations(spot.agents, 2) if kinds[i] == kinds[j])


@claim(
    paper="liu2020",
    label="Corollary 2",
    statement="Ex ante identical agents have the same interior solution forward market holdings.",
    reading="For every n, all markets and every pair with the same k and F: q_i = q_j at every type, so r_i* = r_j*.",
    hypotheses=[market.scarce, market.laws, grouped],
    proof="For any set of the others, the two shares have the same two values with the same probabilities.",
    rests_on=["forward_market.proposition_2"],
    expected="proved",
)
def equals(run: Run) -> Iterator[Evidence]:
    """A pair and a set of the others by Z3; r* of the exact market."""
    import z3

    own, other, left, below_own, below_other = z3.Reals("own other left below_own below_other")

    def share(mine: Any, theirs: Any, chance: Any) -> Any:
        first = smt.minimum(mine, smt.positive_part(left))
        second = smt.minimum(mine, smt.positive_part(left - theirs))
        return chance * first + (1 - chance) * second

    alike = [own == other, below_own == below_other]
    yield smt.prove(
        share(own, other, below_other) == share(other, own, below_own),
        given=[*alike, own > 0, own <= 1, left <= 1, below_own >= 0, below_own <= 1],
        control=("it is the whole demand", share(own, other, below_other) == own),
        range="every number of agents, all demands and distributions: a pair and any set of the others",
        complete=True,
        nontrivial=[left > 0, below_own > 0],
        lift=market.example(demand=[Fraction(1, 2), Fraction(1, 2), 1], power=[2, 2, 1]),
    )
    yield exhaustive.check(
        same,
        grid=market.markets(held=False),
        control=("agents with the same demand alone", lambda i: same(i, True)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
