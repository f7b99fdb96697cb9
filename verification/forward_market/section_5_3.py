"""Section 5.3: r* is a local maximum, and who corners where all types have the same distribution."""

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Section 5.3",
    part="r* is a local maximum",
    statement="The interior solution r* continues to characterize a local maximum where holdings may exceed k_i.",
    reading="For every n and all markets: r_i* < k_i for every agent, so holdings near r* are within the demands.",
    hypotheses=[market.scarce, market.laws],
    proof="r_i* = q_i(hat) and q_i < k_i below the highest type.",
    rests_on=["forward_market.proposition_9", "forward_market.equation_12"],
    expected="proved",
)
def local(run: Run) -> Iterator[Evidence]:
    """One agent by Z3; r* of the exact market."""
    import z3

    star, demand, held, near = z3.Reals("star demand held near")
    yield smt.prove(
        z3.Implies(z3.And(near < demand - star, held - star <= near), held <= demand),
        given=[star >= 0, star < demand, demand <= 1],
        control=("at any distance", held <= demand),
        range="every number of agents, all markets: one agent",
        complete=True,
        nontrivial=[near > 0, near < demand - star],
        lift=market.example(),
    )

    def inside(instance: Instance, factor: int = 1) -> bool:
        spot = market.Spot.of(instance)
        return all(factor * high < spot.demand[i] for i, (_, high) in enumerate(spot.star()))

    yield exhaustive.check(
        inside,
        grid=market.markets(held=False),
        control=("twice r*", lambda i: inside(i, 2)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )


def same_law(instance: Instance) -> bool:
    """All types have the same distribution."""
    return len(set(instance["power"])) == 1


@claim(
    paper="liu2020",
    label="Section 5.3",
    part="identical distributions: the smallest demand corners",
    statement="Agent i*'s outside option depends on the smallest maximum demand in the case of identical "
    "distributions.",
    reading="""For every n and F_i = F, low >= 0: an agent with the smallest k_i has the least criterion (the printed
        and the corrected one). With two agents they tie in the printed one.""",
    hypotheses=[market.scarce, market.laws, same_law],
    proof="""For a pair and a set of the others that leaves s: (k_i - share) - (k_j - share) = k_i - k_j + (s - k_i)^+ -
        (s - k_j)^+, at most 0 for k_i <= k_j.""",
    rests_on=["forward_market.proposition_10_corrected"],
    expected="proved",
)
def smallest_demand(run: Run) -> Iterator[Evidence]:
    """A pair and any set of the others by Z3; the criteria of the exact market."""
    import z3

    small, large, left, below, low = z3.Reals("small large left below low")

    def unserved(own: Any, other: Any) -> Any:
        first = smt.minimum(own, smt.positive_part(left))
        second = smt.minimum(own, smt.positive_part(left - other))
        return own - (below * first + (1 - below) * second)

    yield smt.prove(
        z3.And(unserved(small, large) <= unserved(large, small), low * small <= low * large),
        given=[small > 0, large >= small, large <= 1, left <= 1, below >= 0, below <= 1, low >= 0],
        control=("strictly", unserved(small, large) < unserved(large, small)),
        range="every number of agents, all demands and one distribution: a pair and any set of the others",
        complete=True,
        nontrivial=[left > 0, large > small],
        lift=market.example(power=[2, 2, 2]),
    )

    def smallest(instance: Instance, place: int = 0) -> bool:
        demand = instance["demand"]
        agent = sorted(range(len(demand)), key=lambda i: demand[i])[place]
        return all(agent in market.least(instance, corrected) for corrected in (False, True))

    yield exhaustive.check(
        smallest,
        grid=market.markets(held=False),
        control=("the largest", lambda i: smallest(i, -1)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
