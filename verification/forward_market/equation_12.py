"""Equation (12): an agent is served in full only at the highest type."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Equation (12)",
    statement="q_i(mu - lambda_i) = k_i with lambda_i > 0 implies mu > high.",
    reading="For every n and all k with positive densities: q_i < k_i below the highest type.",
    hypotheses=[market.scarce, market.laws],
    proof="Below the highest type all others are above with positive probability, and then less than k_i is left.",
    rests_on=["forward_market.equation_15"],
    expected="proved",
)
def full_only_at_the_top(run: Run) -> Iterator[Evidence]:
    """The worst set against the rest by Z3; the exact market."""
    import z3

    chance, worst, rest, own, price, slack, high = z3.Reals("chance worst rest own price slack high")
    q = chance * worst + (1 - chance) * rest
    yield smt.prove(
        z3.And(q < own, z3.Implies(z3.And(price - slack >= high, slack > 0), price > high)),
        given=[chance > 0, chance <= 1, worst >= 0, worst < own, rest <= own],
        control=("even if the others are never all above", chance * rest + (1 - chance) * rest < own),
        range="every number of agents, all demands and distributions: all others above, against every other set",
        complete=True,
        nontrivial=[price - slack >= high, slack > 0],
        lift=market.example(),
    )

    def below(instance: Instance, last: int = 7) -> bool:
        spot = market.Spot.of(instance)
        points = [Fraction(k, 8) for k in range(last + 1)]
        return all(market.at(market.interim(spot, i), u) < spot.demand[i] for i in spot.agents for u in points)

    yield exhaustive.check(
        below,
        grid=market.markets(held=False),
        control=("at the highest type too", lambda i: below(i, 8)),
        hypotheses=run.hypotheses,
        range=f"types in eighths: {market.VALUES}",
    )
