"""Beyond the paper: for which value functions -43/216 would be right, and how often each equilibrium is preferred."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive

moments = catalog.beside(__file__, "_moments")
first = catalog.beside(__file__, "lemma_1")
HALF = Fraction(1, 2)


def nearby(instance: Instance) -> bool:
    """V = {1 - t, c - b t} with (c, b) = (1/2, 2/3) or (1/4, 1/3)."""
    lines = first.lines(instance)
    return lines[0] == (1, 1) and lines[1] in ((HALF, Fraction(2, 3)), (Fraction(1, 4), Fraction(1, 3)))


@claim(
    paper="zheng2023",
    label="Beyond the paper: where -43/216 is right",
    statement="-43/216 balances the budget for V = {1 - t, 1/2 - 2t/3} and for V = {1 - t, 1/4 - t/3}.",
    reading="""With equally likely functions and uniform times: -E[W*]/2 = -43/216 exactly, and the variance is not
        545/2304 for either. (A lead to where the printed number comes from, no more.)""",
    hypotheses=[nearby],
    proof="Exact integrals.",
    expected="proved",
)
def stale(run: Run) -> Iterator[Evidence]:
    """Over polygons and by quadrature rules."""

    def right(instance: Instance, constant: Any = moments.PRINTED) -> bool:
        lines = first.lines(instance)
        one, two = (moments.budget(lines, k) for k in (1, 2))
        rules = moments.by_rules(lines, lambda a, b: a + b)
        return bool(one == rules == -2 * constant and two - one**2 != moments.VARIANCE)

    yield exhaustive.check(
        right,
        grid=[
            {"value": [1, c], "slope": [1, b]} for c, b in ((HALF, Fraction(2, 3)), (Fraction(1, 4), Fraction(1, 3)))
        ],
        control=("-25/96", lambda i: right(i, moments.EXACT)),
        hypotheses=run.hypotheses,
        range="both sets",
        complete=True,
    )


@claim(
    paper="zheng2023",
    label="Beyond the paper: how often each equilibrium is preferred",
    statement="""In the model of Section 9 both agents gain by the equilibrium of Proposition 4 with probability 1/6,
        both lose with probability 2/3, and with probability 1/6 one gains and one loses.""",
    reading="""For V = {1 - t, (1 - t)/2} and uniform times: agent i gains iff v_j(t_j) + v_j(t1 + t2) < 0, that is 2
        t_j + t_i > 2, whichever function it is.""",
    hypotheses=[first.model_of_section_9],
    rests_on=["borrowing.proposition_5_repaired_profile_by_profile"],
    proof="Areas of two polygons.",
    expected="proved",
)
def areas(run: Run) -> Evidence:
    """Exact areas."""

    def right(instance: Instance, wanted: tuple[Fraction, Fraction]) -> bool:
        one: Any = {(0, 0): Fraction(1)}
        found = []
        for sign in (1, -1):  # both gain, both lose
            for (a, b), (c, d) in ((x, y) for x in first.lines(instance) for y in first.lines(instance)):
                both = moments.clip(moments.SQUARE, sign * 2 * b, sign * b, -sign * 2 * a)
                both = moments.clip(both, sign * d, sign * 2 * d, -sign * 2 * c)
                found.append(moments.integrate(one, both))
        return set(found[:4]) == {wanted[0]} and set(found[4:]) == {wanted[1]}

    return exhaustive.check(
        lambda i: right(i, (Fraction(1, 6), Fraction(2, 3))),
        grid=[first.example(0)],
        control=("as often", lambda i: right(i, (HALF, HALF))),
        hypotheses=run.hypotheses,
        range="the one model of Section 9, all four pairs of functions",
        complete=True,
    )
