"""Equations (12) and (13): the target regrets on reported outputs."""

from collections.abc import Iterator

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Run

books = catalog.beside(__file__, "_books")
shared = catalog.beside(__file__, "_length")


def bounded(run: Run) -> Iterator[Evidence]:
    """The length of the vector of positive regrets, for any outputs: those reported are some."""
    return shared.length(run)


TARGETS = [
    claim(
        paper="chassang2021",
        label=f"Equation ({number})",
        statement=statement,
        reading="""For every n and T, on every path of reported outputs in [0, y_max], whatever they depend on (the
        draws too): the regret is at most sqrt(C T) y_max, C = n^3 + 1.""",
        hypotheses=[books.path_given],
        proof="As for (4) and (5): nothing is assumed of the outputs.",
        rests_on=["limited_liability.equation_6", "limited_liability.beyond_the_paper_the_longest_step"],
        expected="proved",
    )(bounded)
    for number, statement in (
        (12, "(incentive alignment) for all i, T, sum reported Y_-i,t(I\\i) - Y_-i,t(mu_t) - tau_i,t(mu_t) <= o(T)."),
        (13, "(efficient allocation) for all T, sum reported Y_t(I) - Y_t(mu_t) <= o(T)."),
    )
]
