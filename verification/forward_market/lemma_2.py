"""Lemma 2: the spot market operates where its expected surplus is not negative."""

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, smt

market = catalog.beside(__file__, "_market")


@claim(
    paper="liu2020",
    label="Lemma 2",
    statement="Given holdings r, the spot market operates if and only if Pi_r >= 0.",
    reading="""For every n and all holdings: some incentive compatible, interim individually rational mechanism with the
        efficient allocation has nonnegative expected revenue iff the expectation of (2) is nonnegative.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""Two incentive compatible mechanisms with the same q_i differ by a constant c_i per agent in what he gets.
        Individual rationality at the worst-off type says c_i >= 0 relative to VCG, so no revenue exceeds Pi_r, and VCG
        attains it.""",
    rests_on=["forward_market.lemma_1", "forward_market.equation_10", "forward_market.equation_11"],
    expected="proved",
)
def operates() -> Evidence:
    """Revenue of any mechanism against VCG by Z3: one agent against the others' sum, which is an induction on n."""
    import z3

    surplus, own, others, revenue = z3.Reals("surplus own others revenue")
    some = z3.Exists([own, others], z3.And(own >= 0, others >= 0, surplus - own - others >= 0))
    return smt.prove(
        z3.And(
            z3.Implies(z3.And(revenue >= 0, own >= 0, others >= 0, revenue == surplus - own - others), surplus >= 0),
            z3.Implies(surplus >= 0, some),
        ),
        control=("the converse with a strict inequality", z3.Implies(some, surplus > 0)),
        range="every number of agents: what one agent, and the others together, get above VCG",
        complete=True,
        nontrivial=[surplus > 0, own > 0],
        lift=market.example(),
    )
