"""Lemma A.3 and equations (A.13), (A.14): exploration. A better rate than the paper's, by the estimated regrets."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
explore = catalog.beside(__file__, "_explore")
HALF = Fraction(1, 2)


def exponent_given(instance: Instance) -> bool:
    """An exponent a in (0, 1/2), as in the paper."""
    return bool(0 < instance["exponent"] < HALF)


def replay(instance: Instance) -> str | None:
    """The expected change of each estimated regret under mu*, agent by agent."""
    efficiency, regrets, outputs = instance["efficiency"], instance["regrets"], instance["outputs"]
    debts = [max(Fraction(value), Fraction(0)) for value in (efficiency, *regrets)]
    if not sum(debts):
        return None
    chance = [debt / sum(debts) for debt in debts]
    totals = [sum(row) for row in outputs]
    average = sum(p * total for p, total in zip(chance, totals, strict=True))
    value = debts[0] * (totals[0] - average)
    for i, debt in enumerate(debts[1:]):
        kept = sum(p * row[i] for p, row in zip(chance, outputs, strict=True))
        paid = kept if debt > 0 else 0
        value += debt * (totals[i + 1] - outputs[i + 1][i] - (average - kept) - paid)
    if value == 0:
        return None
    lottery = ", ".join(map(str, chance))
    return f"mu* = {lottery}\nestimates are unbiased, so the expected inner product is that of outputs: {value}"


@claim(
    paper="chassang2021",
    label="Lemma A.3",
    part="a step of its proof",
    statement="We used the fact that E_{mu*} <R^+_T, R^_{T+1} - R^_T> = 0 (estimated regrets).",
    reading="For every n, all estimated regrets and outputs: it is 0.",
    hypotheses=[books.outputs_given],
    replay=replay,
    expected="refuted",
    repaired_by="limited_liability.equation_6",
)
def zero(run: Run) -> Evidence:
    """States of a grid."""
    return exhaustive.check(
        lambda instance: books.inner(instance) == 0,
        grid=books.Steps(levels=(0, 1)),
        control=("below -9", lambda instance: books.inner(instance) < -9),
        hypotheses=run.hypotheses,
    )


def moments(instance: Instance, factor: Any = 1) -> bool:
    """E R = E R^, and the recursion's constants, over all histories of draws."""
    agents, count = len(instance["path"][0][0]), len(instance["path"])
    short = {"path": instance["path"][:-1], "rates": instance["rates"][:-1]}
    limit = agents**2 * (agents + 1) ** 2
    total: Any = Fraction(0)
    for chance, true_i, true_own, guess_i, guess_own in explore.histories(instance):
        total += chance * (true_i - guess_i) + chance * sum(a - b for a, b in zip(true_own, guess_own, strict=True))
    if total != 0:
        return False
    rate, outputs = instance["rates"][-1], instance["path"][-1]
    for _, _, _, guess_i, guess_own in (
        explore.histories(short) if count > 1 else [(1, 0, [0] * agents, 0, [0] * agents)]
    ):
        shares = explore.mixture(guess_i, guess_own, rate)
        second, drift = Fraction(0), Fraction(0)
        for drawn, share in enumerate(shares):
            extra, changes = explore.estimated(shares, outputs, drawn, guess_own)
            second += share * books.squares(extra, changes)
            drift += share * (
                books.positive(guess_i) * extra
                + sum(books.positive(r) * d for r, d in zip(guess_own, changes, strict=True))
            )
        length = books.squares(books.positive(guess_i), [books.positive(r) for r in guess_own])
        if second * rate > factor * limit or (drift > 0 and drift**2 > factor * rate**2 * length * (agents**3 + 1)):
            return False
    return True


def growth(run: Run) -> Iterator[Evidence]:
    """The recursion by Z3; all histories of draws for few periods."""
    import z3

    x, after, rate, c, moment, drift, star, uniform, total, root, root_after = z3.Reals(
        "x after nu c B drift star uniform U root root_after"
    )
    yield smt.prove(
        after <= total + rate * c + root_after,
        given=[
            x >= 0, after >= 0, rate > 0, rate <= 1, c >= 0, moment >= 0, total >= 0, root >= 0, root_after >= 0,
            drift == (1 - rate) * star + rate * uniform, star <= 0, uniform <= c * x,  # (6); Cauchy-Schwarz
            after * after <= x * x + 2 * drift + moment, x <= total + root,
            root_after * root_after == root * root + moment,
        ],
        control=("without exploring", after <= total + root_after),
        range="every n and rates: E|R+_T| <= sqrt(C) sum nu_t + sqrt(sum B_t), induction (x^2 = E|R+_T|^2)",
        complete=True,
        lift=lambda value: explore.EXAMPLE,
    )  # fmt: skip
    third, before = z3.Reals("third before")
    yield smt.prove(
        1 / third <= z3.Q(3, 2) * (third * third - before * before),
        given=[before >= 0, third > before, third * third * third == before * before * before + 1],
        control=("with the factor 1", 1 / third <= third * third - before * before),
        range="a = 1/3: sum t^(-1/3) <= 3/2 T^(2/3), induction",
        complete=False,
        lift=lambda value: explore.EXAMPLE,
    )
    yield exhaustive.check(
        moments,
        grid=[
            {**instance, "rates": explore.RATES}
            for instance in [*books.Paths(1, 3), *books.Paths(2, 3, every=64**3 // 8)]
        ],
        control=("a ninth of the constants", lambda instance: moments(instance, Fraction(1, 9))),
        hypotheses=run.hypotheses,
        range="all histories of draws on all paths of 3 periods with one agent, 9 with two; rates 1, 2/3, 1/2",
    )


TARGETS = [
    claim(
        paper="chassang2021",
        label=label,
        statement=statement,
        reading="""For every n, all rates nu_t in (0, 1] and messages (y_max = 1): E R = E R^ <= E|R^+| <= sqrt(C) sum
        nu_t + sqrt(sum B_t), B_t = n^2 (n + 1)^2 / nu_t, C = n^3 + 1. With nu_t = t^-a: sqrt(C) T^(1-a) /
        (1 - a) + n (n + 1) T^((1+a)/2), which is at most eta T for T large, for every a in (0, 1).""",
        hypotheses=[explore.explored],
        proof="""Approachability on the estimated regrets: given history <R^+, E dR^> <= nu |R^+| sqrt(C) by (6) for
        mu* and Cauchy-Schwarz for mu_0; a step has second moment at most B_t. Both terms are o(T): sum t^-a
        <= T^(1-a) / (1 - a) by the integral (Z3 here at a = 1/3), and B_t <= B_T.""",
        rests_on=[
            "limited_liability.equation_6",
            "limited_liability.equation_a_15",
            "limited_liability.appendix_a_estimated_outputs",
            "limited_liability.beyond_the_paper_the_longest_step",
            "limited_liability.beyond_the_paper_a_step_of_the_estimated_regrets",
        ],
        expected="proved",
    )(growth)
    for label, statement in (
        (
            "Lemma A.3",
            "For all eta > 0, there exists N_0 such that for all T > N_0 and all messaging strategies (A.13), (A.14).",
        ),
        ("Equation (A.13)", "E R^tau_i,T <= eta T."),
        ("Equation (A.14)", "E R^I_T <= eta T."),
    )
]


@claim(
    paper="chassang2021",
    label="Beyond the paper: the rate of exploration",
    statement="""Expected regrets are of order T^max(1 - a, (1 + a)/2), T^(2/3) at a = 1/3, where the paper has
        T^max(1 - a/2, 3/4 + a/2), at best T^(7/8) at a = 1/4.""",
    reading="""For every a in (0, 1/2): max(1 - a, (1 + a)/2) < max(1 - a/2, 3/4 + a/2); the former is at least
        2/3, with equality only at a = 1/3, the latter at least 7/8, with equality only at a = 1/4.""",
    hypotheses=[exponent_given],
    proof="Lemma A.3 as proved here; linear inequalities in a.",
    rests_on=["limited_liability.lemma_a_3"],
    expected="proved",
)
def rate(run: Run) -> Iterator[Evidence]:
    """By Z3; exponents of a grid."""
    import z3

    a = z3.Real("exponent")
    ours, printed = smt.maximum(1 - a, (1 + a) / 2), smt.maximum(1 - a / 2, z3.Q(3, 4) + a / 2)
    yield smt.prove(
        z3.And(
            ours < printed, ours >= z3.Q(2, 3), (ours == z3.Q(2, 3)) == (a == z3.Q(1, 3)),
            printed >= z3.Q(7, 8), (printed == z3.Q(7, 8)) == (a == z3.Q(1, 4)),
        ),
        given=[a > 0, a < z3.Q(1, 2)],
        control=("at least 3/4", ours >= z3.Q(3, 4)),
        range="every exponent in (0, 1/2)",
        complete=True,
        lift=lambda value: {"exponent": value["exponent"]},
    )  # fmt: skip

    def better(instance: Instance, spare: Any = 0) -> bool:
        a = Fraction(instance["exponent"])
        return bool(max(1 - a, (1 + a) / 2) + spare < max(1 - a / 2, Fraction(3, 4) + a / 2))

    yield exhaustive.check(
        better,
        grid=exhaustive.Grid(scalars={"exponent": [Fraction(k, 24) for k in range(1, 12)]}),
        control=("by a tenth", lambda instance: better(instance, Fraction(1, 10))),
        hypotheses=run.hypotheses,
    )
