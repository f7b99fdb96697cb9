"""Section 4.2: a positive surplus at r*, and uniform pricing."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Section 4.2",
    part="uniform pricing",
    statement="Uniform pricing does not support r* as equilibrium holdings.",
    reading="""For every n, all demands with scarcity, distributions with positive densities and every price p: some
        agent gains against r*, by demanding slightly more if p <= hat, or less if p > hat. Near r* the spot market
        still operates, as Pi is positive there and continuous.""",
    hypotheses=[forward.pair],
    proof="""pi_i' is the worst-off type, strictly increasing around r_i*: for x > z > r_i*, pi_i(x) - pi_i(r_i*) is at
        least hat (z - r_i*) + hat_i(z) (x - z) > hat (x - r_i*); likewise to the left.""",
    rests_on=["forward_market.equation_8", "forward_market.proposition_3"],
    expected="proved",
)
def uniform_price(run: Run) -> Iterator[Evidence]:
    """A step to either side by Z3; two agents and prices on a grid."""
    import z3

    first, second, inner, hat, price, gained = z3.Reals("first second inner hat price gained")
    yield smt.prove(
        z3.And(
            z3.Implies(
                z3.And(price <= hat, inner > hat, gained >= hat * first + inner * second),
                gained - price * (first + second) > 0,
            ),
            z3.Implies(
                z3.And(price > hat, inner < hat, gained >= -hat * first - inner * second),
                gained + price * (first + second) > 0,
            ),
        ),
        given=[first > 0, second > 0],
        control=("a step up at every price", z3.Implies(inner > hat, hat * first + inner * second > price)),
        range="every number of agents, all demands and distributions: one agent, a step in two pieces",
        complete=True,
        nontrivial=[inner > hat, hat > price, price > 0],
        lift=lambda value: forward.EXAMPLE,
    )

    def improved(instance: Instance, share: int = 1) -> bool:
        held = forward.star(instance, 0)
        for price in (instance["low"] + Fraction(k, 8) for k in range(9)):
            gains = [
                share * (forward.worth(instance, 0, held + y) - forward.worth(instance, 0, held)) - price * y
                for y in (Fraction(1, 50), Fraction(-1, 50))
            ]
            if max(gains) <= 0:
                return False
        return True

    yield exhaustive.check(
        improved,
        grid=[{"demand": k, "low": low} for k in forward.DEMANDS for low in (0, 1)],
        control=("where holdings are worth nothing", lambda i: improved(i, 0)),
        hypotheses=run.hypotheses,
        range="two agents, uniform types, three pairs of demands, low in {0, 1}; prices in eighths of the support",
    )


@claim(
    paper="liu2020",
    label="Section 4.2",
    part="a positive surplus at r*",
    statement="The proofs of Propositions 1 and 2 reveal that Pi_{r*} > 0.",
    reading="""For every n, all k with scarcity and all distributions: with positive probability all types are below
        some level below hat, and there (2) gains sum k_i - 1 > 0 (demands are at most 1); nothing else is negative.""",
    hypotheses=[market.scarce, market.laws],
    proof="""Take the empty set in Proposition 1: everybody would add k_i, and the holdings cost 1. Densities are
        positive and hat exceeds the lowest type, so this happens.""",
    rests_on=["forward_market.proposition_1", "forward_market.proposition_2"],
    expected="proved",
)
def positive(run: Run) -> Iterator[Evidence]:
    """The empty level by Z3; the exact surplus at r* on a grid."""
    import z3

    total, rest, chance = z3.Reals("total rest chance")
    yield smt.prove(
        chance * (total - 1) + rest > 0,
        given=[total > 1, chance > 0, rest >= 0],
        control=("more than the rest by 1/100", chance * (total - 1) + rest > rest + Fraction(1, 100)),
        range="every number of agents, all distributions: the empty level against all others",
        complete=True,
        lift=market.example(),
    )

    def surplus(instance: Instance) -> Fraction:
        spot = market.Spot.of(instance)
        fixed = spot.welfare() - sum(map(spot.rent, spot.agents))
        low, high = spot.common()
        area = [market.integral(market.interim(spot, i)) for i in spot.agents]
        # The least of a convex function, between its values at the ends and its slope: a lower bound on Pi.
        least = sum(market.at(a, low) for a in area) - spot.low - low
        slope = sum(market.at(market.interim(spot, i), low) for i in spot.agents) - 1
        return Fraction(fixed + least + slope * (high - low))

    yield exhaustive.check(
        lambda i: surplus(i) > 0,
        grid=market.markets(held=False),
        control=("above 1/10", lambda i: surplus(i) > Fraction(1, 10)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
