"""Equation (9): forward and spot market are at least as good as the endowment."""

from collections.abc import Iterator

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Equation (9)",
    statement="pi_i(r_i*) less the payment is at least min{k_i, e_i} E theta_i.",
    reading="""For every n, all markets and endowments, and every P for which r* is a Nash equilibrium. Demanding e_i
        costs nothing when the others demand r*.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""Equilibrium says that r_i* is at least as good as e_i, and individual rationality of the spot market that
        pi_i(e_i) is at least the mean of the outside option.""",
    rests_on=["forward_market.lemma_1"],
    expected="proved",
)
def participation(run: Run) -> Iterator[Evidence]:
    """The chain by Z3; pi_i(e_i) of the exact market, with the holdings of the grid as endowments."""
    import z3

    star, paid, own, free, outside = z3.Reals("star paid own free outside")
    yield smt.prove(
        star - paid >= outside,
        given=[star - paid >= own - free, free == 0, own >= outside],
        control=("strictly", star - paid > outside),
        range="every number of agents, all demands, distributions, endowments: one agent",
        complete=True,
        lift=market.example(),
    )

    def rational(instance: Instance, units: int = 1) -> bool:
        spot = market.Spot.of(instance)
        return all(
            spot.rent(i) - spot.phi(i, e)[1] >= units * min(e, spot.demand[i]) * spot.mean(i)
            for i, e in enumerate(instance["holding"])
        )

    yield exhaustive.check(
        rational,
        grid=market.markets(),
        control=("twice the outside option", lambda i: rational(i, 2)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
