"""Equation (8): at one type the interim allocations add up to the supply."""

import itertools
from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Equation (8)",
    statement="There exists a unique hat theta in (low, high) such that sum_i q_i(hat theta) = 1.",
    reading="""For every n, all k with scarcity, low >= 0 and distributions with positive densities on the open
        interval: the sum is below 1 at the lowest type, above 1 at the highest, continuous, and every q_i is strictly
        increasing in between.""",
    hypotheses=[market.scarce, market.laws],
    proof="""At the lowest type some q_j is 1 - k(others of j) and every other q_l is below k_l, or all are 0. For agent
        i let A be a smallest set without him whose demand with his exceeds 1, j in A and S = A without j: raising t
        past j's type raises what i gets there by min(k_i, k(A) + k_i - 1) > 0, and never lowers it elsewhere.""",
    rests_on=["forward_market.equation_15"],
    expected="proved",
)
def sum_is_one(run: Run) -> Iterator[Evidence]:
    """Both ends and the crossing set by Z3; strict growth and both ends of the exact market on a grid."""
    import z3

    total, own, shares, others = z3.Reals("total own shares others")
    base, first, second, whole = z3.Reals("base first second whole")
    gain = (
        smt.minimum(base + first, 1) + smt.minimum(base + second, 1) - smt.minimum(base, 1)
        - smt.minimum(base + first + second, 1)
    )  # fmt: skip
    yield smt.prove(
        z3.And(
            z3.Implies(own > 0, own + shares < 1),
            z3.Implies(z3.And(base + first <= 1, base + first + second > 1), gain > 0),
            gain >= 0,
        ),
        given=[
            z3.And(total > 1, others > 0, shares >= 0, shares < others, own == 1 - others, total == whole + others),
            z3.And(base >= 0, first > 0, first <= 1, second > 0, second <= 1, whole > 0),
        ],
        control=("every set adds something", gain > 0),
        range="every number of agents, all demands: sums over sets of agents",
        complete=True,
        nontrivial=[own > 0, base + first <= 1, base + first + second > 1],
        lift=market.example(),
    )

    def grows(instance: Instance, first: int = 0) -> bool:
        spot = market.Spot.of(instance)
        values = [[market.at(market.interim(spot, i), Fraction(k, 8)) for i in spot.agents] for k in range(9)]
        rising = all(a < b for low, high in itertools.pairwise(values) for a, b in zip(low, high, strict=True))
        return bool(rising and sum(values[first]) < 1 < sum(values[-1]))

    yield exhaustive.check(
        grows,
        grid=market.markets(held=False),
        control=("below 1 at the highest type", lambda i: grows(i, 8)),
        hypotheses=run.hypotheses,
        range=f"types in eighths: {market.VALUES}",
    )
