"""Proposition 6: the budget is asymptotically normal, with mean zero only for the constant of the repaired Lemma 1."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

moments = catalog.beside(__file__, "_moments")
first = catalog.beside(__file__, "lemma_1")
STATEMENT = (
    """As n goes to infinity, B_n has an asymptotically normal distribution with mean zero and variance 545/2304 n."""
)


def some_rounds(instance: Instance) -> bool:
    """n >= 1 rounds, a whole number."""
    return bool(instance["rounds"] >= 1 and Fraction(instance["rounds"]).denominator == 1)


def replay(instance: Instance) -> str | None:
    """The mean of a round by quadrature rules, added up round by round."""
    lines, total = first.lines(instance), Fraction(0)
    a_round = moments.by_rules(lines, lambda a, b: a + b) + 2 * Fraction(instance["h"])
    for _ in range(int(instance["rounds"])):
        total += a_round
    n = instance["rounds"]
    return f"E[T1 + T2] = {a_round} a round, so E[B_{n}] = {total}: the drift is 53 n/432, not 0" if total else None


@claim(
    paper="zheng2023",
    label="Proposition 6",
    part="with h = -43/216",
    statement=STATEMENT,
    reading="""In the model of Section 9 with h = -43/216 ("for the remaining of the section let h = -43/216"): E[B_n]
        = 0 for every n. As the variance is of the order of n, a drift d n != 0 rules out a limit of B_n/sqrt(n).""",
    hypotheses=[first.model_of_section_9, first.printed_constant, some_rounds],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.proposition_6_with_h_25_96",
)
def printed(run: Run) -> Evidence:
    """Exact means."""
    return exhaustive.check(
        lambda i: i["rounds"] * moments.budget(first.lines(i), 1, Fraction(i["h"])) == 0,
        grid=[{**first.example(moments.PRINTED), "rounds": n} for n in (1, 2, 100)],
        control=("a surplus", lambda i: i["rounds"] * moments.budget(first.lines(i), 1, Fraction(i["h"])) < 0),
        hypotheses=run.hypotheses,
        range="n in {1, 2, 100}",
    )


@claim(
    paper="zheng2023",
    label="Proposition 6",
    part="with h = -25/96",
    statement=STATEMENT + " (Ours: with h = -25/96; B_n divided by sqrt(545 n/2304) has the standard normal limit.)",
    reading="""In the model of Section 9 with h = -25/96: for every n, E[B_n] = 0, Var B_n = 545 n/2304; the rounds
        are independent and equal in law, with a positive finite variance, so the central limit theorem (Lindeberg and
        Levy) gives the limit; |T1 + T2| <= 73/48 and Berry and Esseen give an error of at most 3/2 n^(-1/2). The
        printed "B_n converges to N(0, 545 n/2304)" has n in the limit: the normalised form is meant.""",
    hypotheses=[first.model_of_section_9, some_rounds],
    rests_on=["borrowing.lemma_1_h_25_96", "borrowing.lemma_2"],
    proof="""Means and variances of independent rounds add up. E|X|^3 <= (73/48) E X^2, so 0.4748 E|X|^3/sigma^3 <=
        0.4748 (73/48)/sigma < 3/2, as sigma^2 = 545/2304.""",
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """Mean and variance for every n with symbols; the error's constant by Z3; the bound of a round."""
    import sympy
    import z3

    n, h = sympy.symbols("n h", positive=True)
    one, two = (sympy.Rational(m.numerator, m.denominator) for m in (moments.budget(moments.PAPER, k) for k in (1, 2)))
    mean, square = one - 2 * h, two - 4 * h * one + 4 * h**2  # h is what each agent pays

    def sides(case: str, pays: Any) -> tuple[Any, Any]:
        if case == "mean":
            return (n * mean).subs(h, pays), n * 0
        # E B_n^2 = n E X^2 + n (n - 1) (E X)^2, less the mean's square
        spread = n * square + n * (n - 1) * mean**2 - n**2 * mean**2
        return spread.subs(h, pays), n * sympy.Rational(545, 2304)

    yield symbolic.identity(
        lambda case: sides(case, sympy.Rational(25, 96)),
        cases=["mean", "variance"],
        control=("h = -43/216", lambda case: sides(case, sympy.Rational(43, 216))),
        range="every n",
        complete=True,
        lift=lambda case, value: {**first.example(moments.EXACT), "rounds": 2},
    )
    sigma, third, square_of = z3.Reals("sigma third square")
    yield smt.prove(
        Fraction(4748, 10000) * third <= Fraction(3, 2) * sigma * sigma * sigma,
        given=[
            sigma > 0,
            sigma * sigma == square_of,
            square_of == moments.VARIANCE,
            third <= Fraction(73, 48) * square_of,
            third >= 0,
        ],
        control=("4/3", Fraction(4748, 10000) * third <= Fraction(4, 3) * sigma * sigma * sigma),
        range="the constant of Berry and Esseen (0.4748)",
        complete=False,
        lift=lambda value: {**first.example(moments.EXACT), "rounds": 1},
    )

    def bounded(instance: Instance, most: Fraction = Fraction(73, 48)) -> bool:
        lines = first.lines(instance)
        corners = (Fraction(0), Fraction(1, 2), Fraction(1))
        sums = [
            max(a + c - b * s - d * (s + t), a + c - b * (s + t) - d * t) + 2 * moments.EXACT
            for a, b in lines
            for c, d in lines
            for s in corners
            for t in corners
        ]
        return max(map(abs, sums)) <= most

    yield exhaustive.check(
        bounded,
        grid=[{**first.example(moments.EXACT), "rounds": 1}],
        control=("at most 1", lambda i: bounded(i, Fraction(1))),
        hypotheses=run.hypotheses,
        range="corners and middles of the sides: the line of ties meets the border there, W* is linear in between",
    )
