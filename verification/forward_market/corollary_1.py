"""Corollary 1: identical agents with equal holdings under aggregate uncertainty."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Run, exhaustive, smt

states = catalog.beside(__file__, "_states")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Corollary 1",
    statement="If F_i = F and k_i = k(w), the holdings r* = (1/n, ..., 1/n) permit the spot market to operate in "
    "state w.",
    reading="For every n, k in (0, 1], F and low >= 0, with or without scarcity in the state.",
    hypotheses=[states.symmetric],
    proof="""By symmetry q_i(hat) = 1/n, so these holdings have a common worst-off type and Proposition 1 applies.
        Without scarcity everybody gets k; then 1/n >= k, every term of (2) cancels and the surplus is 0.""",
    rests_on=["forward_market.equation_2", "forward_market.proposition_1", "forward_market.proposition_2"],
    expected="proved",
)
def equal_holdings(run: Run) -> Iterator[Evidence]:
    """The share, and (2) without scarcity, by Z3; the surplus of the exact market."""
    import z3

    agents, k, share, types, hats = z3.Reals("agents k share types hats")
    without = (agents - 1) * k * types + k * hats - (agents - 1) * k * types - k * hats  # each W is k times the types
    yield smt.prove(
        z3.And(
            z3.Implies(agents * share == 1, share == 1 / agents),
            z3.Implies(agents * k <= 1, 1 / agents >= k),
            without == 0,
        ),
        given=[agents >= 2, k > 0, k <= 1],
        control=("with scarcity too", 1 / agents >= k),
        range="every number of agents, all k and F: symmetric shares, sums of types",
        complete=True,
        nontrivial=[types > 0, hats > 0, agents == 3, k == Fraction(1, 2)],
        lift=lambda value: {"agents": 3, "k": Fraction(1, 2), "power": 2, "low": 1},
    )
    yield exhaustive.check(
        lambda i: states.surplus(i)[0] >= -states.TINY,
        grid=states.STATES,
        control=("above 1/50", lambda i: states.surplus(i)[0] >= Fraction(1, 50)),
        hypotheses=run.hypotheses,
        range=states.RANGE,
    )
