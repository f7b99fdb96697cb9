"""Section 10: after many rounds the budget is far from zero."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

moments = catalog.beside(__file__, "_moments")
first = catalog.beside(__file__, "lemma_1")


def balanced(instance: Instance) -> bool:
    """h = -25/96, n >= 1 rounds, K > 0."""
    return bool(instance["h"] == moments.EXACT and instance["rounds"] >= 1 and instance["near"] > 0)


@claim(
    paper="zheng2023",
    label="Section 10",
    part="a deficit or surplus is likely",
    statement="""The manager's budget will be approximately normally distributed with a variance proportional to the
        number of rounds. Hence, it is likely that the manager runs a deficit or surplus after many rounds.""",
    reading="""In the model of Section 9 with h = -25/96, for every K > 0 and n: P(|B_n| <= K) <= (5K/3 + 3)/sqrt(n),
        which vanishes; and Var B_n = 545 n/2304 for every n, exactly.""",
    hypotheses=[first.model_of_section_9, balanced],
    rests_on=["borrowing.proposition_6_with_h_25_96"],
    proof="""The normal law gives [-K, K] at most 2K/(sqrt(2 pi) sigma sqrt(n)), with 1/sqrt(2 pi) < 2/5 (as pi >
        3.14) and sigma > 12/25; Berry and Esseen add twice 3/2 n^(-1/2).""",
    expected="proved",
)
def likely(run: Run) -> Iterator[Evidence]:
    """The bound by Z3; exact variances of one and two rounds."""
    import z3

    near, sigma, density, pi = z3.Reals("near sigma density pi")
    yield smt.prove(
        2 * near * density <= Fraction(5, 3) * near * sigma,
        given=[
            near > 0,
            sigma > 0,
            sigma * sigma == moments.VARIANCE,
            density > 0,
            pi > Fraction(314, 100),
            2 * pi * density * density == 1,
        ],
        control=("4/3", 2 * near * density <= Fraction(4, 3) * near * sigma),
        range="every K: the normal law's part of the bound, times sqrt(n)",
        complete=True,
        lift=lambda value: {**first.example(moments.EXACT), "rounds": 2, "near": 1},
    )

    def grows(instance: Instance, shift: int = 0) -> bool:
        lines, n = first.lines(instance), instance["rounds"]
        one, two = (moments.budget(lines, k, moments.EXACT) for k in (1, 2))
        total = n * two + n * (n - 1) * one**2 - (n * one) ** 2
        return bool(one == 0 and total == n * moments.VARIANCE + shift)

    def example(n: int) -> dict[str, Any]:
        return {**first.example(moments.EXACT), "rounds": n, "near": 1}

    yield exhaustive.check(
        grows,
        grid=[example(n) for n in (1, 2, 100)],
        control=("1 more", lambda i: grows(i, 1)),
        hypotheses=run.hypotheses,
        range="the variance of n rounds, n in {1, 2, 100}",
    )
