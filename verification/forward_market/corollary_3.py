"""Corollary 3: agents of a stronger group hold at least as much."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


def strength_groups(instance: Instance) -> bool:
    """Groups of identical agents; between groups the one with the larger demand has the larger power (dominates)."""
    kinds = sorted(set(zip(instance["demand"], instance["power"], strict=True)))
    return len(kinds) >= 2 and all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(kinds))


@claim(
    paper="liu2020",
    label="Corollary 3",
    statement="With strength-ordered groups, r_i* >= r_j* for i in a stronger group than j.",
    reading="""For every n and groups with F strictly ordered on the open interval and k strictly ordered. The text
        cites Proposition 9 for it; Proposition 7 is what it needs.""",
    hypotheses=[market.scarce, market.laws, strength_groups],
    proof="Agents of a stronger group have F_i <= F_j and k_i >= k_j: Proposition 7 for the pair.",
    rests_on=["forward_market.proposition_7"],
    expected="proved",
)
def groups(run: Run) -> Iterator[Evidence]:
    """That the groups' order is the pair's by Z3, with the pair's shares; r* of the exact market."""
    import z3

    strong, weak, left, below_strong, below_weak = z3.Reals("strong weak left below_strong below_weak")

    def clip(demand: Any, rest: Any) -> Any:
        return smt.minimum(demand, smt.positive_part(rest))

    first = below_weak * clip(strong, left) + (1 - below_weak) * clip(strong, left - weak)
    second = below_strong * clip(weak, left) + (1 - below_strong) * clip(weak, left - strong)
    yield smt.prove(
        first >= second,
        given=[
            z3.And(weak > 0, strong > weak, strong <= 1, left <= 1),
            z3.And(below_strong > 0, below_weak > below_strong, below_weak < 1),
        ],
        control=("strictly", first > second),
        range="every number of agents, all groups: a pair of two groups and any set of the others",
        complete=True,
        nontrivial=[left > 0],
        lift=market.example(demand=[1, Fraction(1, 2), Fraction(1, 2)], power=[2, 1, 1]),
    )

    def more(instance: Instance, times: int = 1) -> bool:
        spot = market.Spot.of(instance)
        star = spot.star()
        pairs = itertools.permutations(spot.agents, 2)
        return all(star[i][1] >= times * star[j][0] for i, j in pairs if spot.demand[i] > spot.demand[j])

    yield exhaustive.check(
        more,
        grid=market.markets(held=False),
        control=("ten times as much", lambda i: more(i, 10)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
