"""Equation (15): the interim allocation of the lowest type."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Equation (15)",
    statement="q_i(low) = max{0, 1 - sum_{j != i} k_j} < k_i",
    reading="For every n and all k in (0, 1] with scarcity; types have no atoms, so the lowest type is served last.",
    hypotheses=[market.scarce, market.laws],
    proof="All others are above with probability 1. The strict inequality is scarcity, or k_i > 0.",
    expected="proved",
)
def lowest(run: Run) -> Iterator[Evidence]:
    """The others as a sum by Z3; the exact market."""
    import z3

    own, others = z3.Reals("own others")
    left = smt.positive_part(1 - others)
    yield smt.prove(
        z3.And(smt.minimum(own, left) == left, left < own),
        given=[own > 0, own <= 1, others > 0, own + others > 1],
        control=("by more than 1/10", left < own - Fraction(1, 10)),
        range="every number of agents, all demands: the others as a sum",
        complete=True,
        lift=market.example(),
    )

    def printed(instance: Instance, others: int = 1) -> bool:
        spot = market.Spot.of(instance)
        for i in spot.agents:
            rest = sum(spot.demand) - spot.demand[i]
            share = market.at(market.interim(spot, i), Fraction(0))
            if share != max(0, 1 - others * rest) or share >= spot.demand[i]:
                return False
        return True

    yield exhaustive.check(
        printed,
        grid=market.markets(held=False),
        control=("the others counted twice", lambda i: printed(i, 2)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
