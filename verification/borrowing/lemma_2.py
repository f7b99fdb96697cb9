"""Lemma 2: the variance of a round's budget is 545/2304; the moment that its proof equates with it is another."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, symbolic

moments = catalog.beside(__file__, "_moments")
first = catalog.beside(__file__, "lemma_1")


@claim(
    paper="zheng2023",
    label="Lemma 2",
    statement="For each round r, Var(T_1^r + T_2^r) = 545/2304.",
    reading=f"""In the model of Section 9 ({first.MODEL}), for every constant h, the printed one as well: a constant
        does not change a variance.""",
    hypotheses=[first.model_of_section_9],
    proof="E[W*] = 25/48 and E[W*^2] = 65/128; 65/128 - (25/48)^2 = 545/2304.",
    expected="proved",
)
def variance(run: Run) -> Iterator[Evidence]:
    """Exact moments with h a symbol; by quadrature rules that are exact; the engine's second moment."""
    import sympy

    h = sympy.Symbol("h", real=True)
    one, two = (sympy.Rational(m.numerator, m.denominator) for m in (moments.budget(moments.PAPER, k) for k in (1, 2)))

    def sides(number: Fraction) -> tuple[object, object]:
        spread = (two + 4 * h * one + 4 * h**2) - (one + 2 * h) ** 2
        return spread, sympy.Rational(number.numerator, number.denominator)

    yield symbolic.identity(
        lambda case: sides(moments.VARIANCE),
        cases=["every h"],
        control=("the moment of the printed proof", lambda case: sides(Fraction(23477, 93312))),
        range="every h; moments of W* over polygons",
        complete=True,
        lift=lambda case, value: first.example(value.get("h", Fraction(0))),
    )

    def right(instance: Instance, shift: int = 0) -> bool:
        lines, constant = first.lines(instance), Fraction(instance["h"])
        means = [moments.by_rules(lines, lambda a, b, k=k: (a + b + 2 * constant) ** k) for k in (1, 2)]
        exact = [moments.budget(lines, k, constant) for k in (1, 2)]
        return means == exact and means[1] - means[0] ** 2 == moments.VARIANCE + shift

    yield exhaustive.check(
        right,
        grid=[first.example(h) for h in (moments.PRINTED, moments.EXACT, 0)],
        control=("1 more", lambda i: right(i, 1)),
        hypotheses=run.hypotheses,
        range="polygons and quadrature rules; h in {-43/216, -25/96, 0}",
    )
    yield exhaustive.check(
        lambda i: engine(i) == moments.VARIANCE,
        grid=[first.example(moments.EXACT)],
        control=("the moment of the printed proof", lambda i: engine(i) == Fraction(23477, 93312)),
        hypotheses=run.hypotheses,
        range="the engine",
    )


def engine(instance: Instance) -> Fraction:
    """The engine's variance of the budget."""
    found = first.computed.uniform(first.lines(instance))
    return Fraction(found.power(2).value - found.power(1).value ** 2)


def replay(instance: Instance) -> str | None:
    """By Simpson's and Boole's rules in place of polygons."""
    lines, h = first.lines(instance), Fraction(instance["h"])
    one, two = (moments.by_rules(lines, lambda a, b, k=k: (a + b + 2 * h) ** k) for k in (1, 2))
    if two == moments.VARIANCE:
        return None
    return f"E[T1 + T2] = {one}, E[(T1 + T2)^2] = {two}: the variance is {two - one**2}, the moment is not"


@claim(
    paper="zheng2023",
    label="Lemma 2",
    part="a step of its proof",
    statement="Var(T_1 + T_2) = E[(T_1 + T_2 - E[T_1 + T_2])^2] = E[(T_1 + T_2)^2] = ... = 545/2304, with h = -43/216.",
    reading="In the model of Section 9 with h = -43/216: E[(T1 + T2)^2] = 545/2304.",
    hypotheses=[first.model_of_section_9, first.printed_constant],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.lemma_2",
)
def step(run: Run) -> Evidence:
    """The exact second moment over polygons."""
    return exhaustive.check(
        lambda i: moments.budget(first.lines(i), 2, Fraction(i["h"])) == moments.VARIANCE,
        grid=[first.example(moments.PRINTED)],
        control=("it is 0", lambda i: moments.budget(first.lines(i), 2, Fraction(i["h"])) == 0),
        hypotheses=run.hypotheses,
        range="the one model of Section 9",
        complete=True,
    )
