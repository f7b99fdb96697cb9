"""Section 9: the example's value functions are in the model's range, and ties have probability 0 in it."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

moments = catalog.beside(__file__, "_moments")
first = catalog.beside(__file__, "lemma_1")


def in_domain(instance: Instance) -> bool:
    """V = {1 - t, (1 - t)/2}, and a time in [0, 2]."""
    return bool(first.model_of_section_9(instance) and 0 <= instance["t"] <= 2)


@claim(
    paper="zheng2023",
    label="Section 9",
    part="the example is in the model",
    statement="""Let V := {-t + 1, -t/2 + 1/2}, and let agents' valuation functions be v^r in V^2. [...] Let the
        additional charge h be defined by eq. (7.3).""",
    reading="""Both functions map [0, 2] into [-1, 1]; for every pair of them the sets A and B have probabilities that
        add up to 1, so that (7.3) loses nothing on ties and (9.1) is defined almost surely.""",
    hypotheses=[in_domain],
    proof="The functions are monotone, with values 1, -1 and 1/2, -1/2 at the ends; the ties are a line.",
    expected="proved",
)
def example(run: Run) -> Iterator[Evidence]:
    """By Z3 for all times; exact areas."""
    import z3

    t = z3.Real("t")
    yield smt.prove(
        z3.And(1 - t >= -1, 1 - t <= 1, (1 - t) / 2 >= -Fraction(1, 2), (1 - t) / 2 <= Fraction(1, 2)),
        given=[t >= 0, t <= 2],
        control=("nonnegative", 1 - t >= 0),
        range="all t in [0, 2]",
        complete=True,
        lift=lambda value: {**first.example(0), "t": value["t"]},
    )

    def covered(instance: Instance, area: int = 1) -> bool:
        one = {(0, 0): Fraction(1)}
        lines = first.lines(instance)
        parts = [sum(moments.integrate(one, p) for _, p in moments.regions(v, w)) for v in lines for w in lines]
        return set(parts) == {area}

    yield exhaustive.check(
        covered,
        grid=[{**first.example(0), "t": 1}],
        control=("2", lambda i: covered(i, 2)),
        hypotheses=run.hypotheses,
        range="areas of A and B, all four pairs",
    )
