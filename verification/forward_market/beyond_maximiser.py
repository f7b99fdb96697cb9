"""Beyond the paper: r* is the only maximiser of the expected surplus."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


@claim(
    paper="liu2020",
    label="Beyond the paper: r* is the only maximiser",
    statement="Among holdings up to the maximum demands, every r other than r* has Pi_r < Pi_{r*}.",
    reading="For every n, all demands with scarcity and distributions with positive densities, low >= 0.",
    hypotheses=[market.scarce, market.laws, market.holdings, market.usable],
    proof="""In the bound of Proposition 9 an agent's term is below its value at hat unless hat minimises it, that is
        unless q_i(hat) = r_i, as q_i is strictly increasing around hat.""",
    rests_on=["forward_market.proposition_9", "forward_market.equation_8"],
    expected="proved",
)
def only_maximiser(run: Run) -> Iterator[Evidence]:
    """The term of an agent whose holding is not r_i* by Z3; holdings of the exact market."""
    import z3

    own, rest, area, area_near, hat, near, held = z3.Reals("own rest area area_near hat near held")
    q_hat, area_rest, held_rest, star, star_rest = z3.Reals("q_hat area_rest held_rest star star_rest")
    yield smt.prove(
        own + rest < star + star_rest,
        given=[
            # Q is convex with slope q(hat) at hat; at some point near hat it is still close to that slope.
            z3.And(own <= area_near - near * held, rest <= area_rest - hat * held_rest),
            area_near < area + (near - hat) * held,  # which a held != q(hat) allows on one side
            z3.And(star == area - hat * q_hat, star_rest == area_rest - hat * (1 - q_hat), held + held_rest == 1),
        ],
        control=("even at r*", own + rest < star),
        range="every number of agents, all demands and distributions: an agent with r_i != r_i* and the others' sum",
        complete=True,
        nontrivial=[held != q_hat, hat > 0],
        lift=market.example(),
    )

    def below(instance: Instance, by: Fraction = Fraction(1, 2**24)) -> bool:
        spot = market.Spot.of(instance)
        star = spot.star()
        same = all(a - by <= r <= b + by for r, (a, b) in zip(instance["holding"], star, strict=True))
        top = spot.surplus([low for low, _ in star])[0]
        return same or bool(spot.surplus(instance["holding"])[1] < top)

    yield exhaustive.check(
        below,
        grid=market.markets(),
        control=("r* itself included", lambda i: below(i, Fraction(-1))),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
