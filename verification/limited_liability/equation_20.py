"""Equations (20) to (22): the approachability condition of the dynamically consistent mechanism."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

books = catalog.beside(__file__, "_books")
HALF = Fraction(1, 2)
STEP = {**books.EXAMPLE, "smoothing": [HALF, Fraction(1, 3)]}


def exact(instance: Instance) -> Any:
    """-sum [lambda R+ y_i(I\\i) + (1 - lambda) R+ y_i(mu)]."""
    regrets, outputs, smoothing = instance["regrets"], instance["outputs"], instance["smoothing"]
    debts = [books.positive(regret) for regret in regrets]
    shares = books.lottery(instance["efficiency"], [w * r for w, r in zip(smoothing, debts, strict=True)])
    return -sum(
        w * r * column[i + 1] + (1 - w) * r * books.mixed(shares, column)
        for i, (w, r, column) in enumerate(zip(smoothing, debts, zip(*outputs, strict=True), strict=True))
    )


@claim(
    paper="chassang2021",
    label="Equation (21)",
    statement="mu(I\\i) = [lambda_i R_i]+ / ([R^I]+ + sum [lambda_j R_j]+) and mu(I) = 1 - sum mu(I\\i).",
    reading="""For every n, all regrets, weights in [0, 1] and outputs: mu is a distribution, [lambda R]+ = lambda
        R+, and R^I+ (Y(I) - Y(mu)) + sum [lambda_i R_i]+ (Y(I\\i) - Y(mu)) = 0.""",
    hypotheses=[books.smoothed],
    proof="As for (8), with weights lambda_i R_i+.",
    expected="proved",
)
def lottery(run: Run) -> Iterator[Evidence]:
    """The weighted sum of outputs as one number, by Z3; states of a grid."""
    import z3

    efficiency, debts, weighted, average, regret, lam = z3.Reals("efficiency debts weighted average regret lambda")
    yield smt.prove(
        z3.And(
            weighted - (efficiency + debts) * average == 0,
            smt.positive_part(lam * regret) == lam * smt.positive_part(regret),
        ),
        given=[
            efficiency >= 0,
            debts >= 0,
            efficiency + debts > 0,
            average * (efficiency + debts) == weighted,
            lam >= 0,
        ],
        control=("[lambda R]+ = R+", smt.positive_part(lam * regret) == smt.positive_part(regret)),
        range="every number of agents (sums of weights and of weighted outputs)",
        complete=True,
        lift=lambda value: STEP,
    )

    def vanishes(instance: Instance, plain: bool = False) -> bool:
        debts = [books.positive(regret) for regret in instance["regrets"]]
        parts = [w * r for w, r in zip(instance["smoothing"], debts, strict=True)]
        shares = books.lottery(instance["efficiency"], debts if plain else parts)
        totals = [sum(row) for row in instance["outputs"]]
        weights = [books.positive(instance["efficiency"]), *parts]
        average = books.mixed(shares, totals)
        gap = sum(w * (total - average) for w, total in zip(weights, totals, strict=True))
        return bool(gap == 0 and min(shares) >= 0 and sum(shares) == 1)

    yield exhaustive.check(
        vanishes,
        grid=books.Steps(agents=(1, 2), levels=(-1, 2), smoothing=(0, HALF)),
        control=("with R_i+ in place of lambda_i R_i+", lambda instance: vanishes(instance, True)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (22)",
    statement="tau_{i,T+1}(a) = y_{i,T+1}(a) if R_i,T > 0 and 0 otherwise.",
    reading="""For every n, all regrets, weights in [0, 1] and outputs >= 0: lambda R+ (y_i(mu) - y_i(I\\i)) - R+
        tau(mu) <= 0; exactly -[lambda R+ y_i(I\\i) + (1 - lambda) R+ y_i(mu)].""",
    hypotheses=[books.smoothed],
    proof="tau(mu) = y_i(mu) wherever R+ is not 0.",
    expected="proved",
)
def transfers(run: Run) -> Iterator[Evidence]:
    """One agent's term by Z3; one agent's term as symbols."""
    import z3

    regret, lam, mixed, own, paid = z3.Reals("regret lambda mixed own paid")
    debt = smt.positive_part(regret)
    term = lam * debt * (mixed - own) - debt * paid
    yield smt.prove(
        z3.And(term == -(lam * debt * own + (1 - lam) * debt * mixed), term <= 0),
        given=[lam >= 0, lam <= 1, mixed >= 0, own >= 0, paid == z3.If(regret > 0, mixed, 0)],
        control=("below 0 where R_i > 0", z3.Implies(regret > 0, term < 0)),
        range="every number of agents, term by term",
        complete=True,
        lift=lambda value: STEP,
    )
    r, weight, y, at = symbolic.positive("r w y at")
    yield symbolic.identity(
        lambda case: (weight * r * (y - at) - r * y, -(weight * r * at + (1 - weight) * r * y)),
        cases=["one agent in debt"],
        control=("without 1 - lambda", lambda case: (weight * r * (y - at) - r * y, -(weight * r * at + r * y))),
        range="one agent's term",
        complete=False,
        lift=lambda case, value: {**STEP, "regrets": [value["r"], 1]},
    )


@claim(
    paper="chassang2021",
    label="Equation (20)",
    statement="The approachability condition <R+_T, R_{T+1} - R_T> <= 0 is satisfied by (21) and (22).",
    reading="""For every n, all regrets, weights in [0, 1] and outputs: the inner product is -sum [lambda_i R_i+
        y_i(I\\i) + (1 - lambda_i) R_i+ y_i(mu)] <= 0. R^I is a running maximum; R+ (R+ + D - R) = R+ D
        makes it a case of this.""",
    hypotheses=[books.smoothed],
    proof="The display before (20) with (21) and (22).",
    rests_on=["limited_liability.equation_21", "limited_liability.equation_22"],
    expected="proved",
)
def approach(run: Run) -> Iterator[Evidence]:
    """The display's second equality and the running maximum by Z3; states of a grid."""
    import z3

    debt, lam, total, own, mixed, own_mixed, paid = z3.Reals("debt lambda total own mixed own_mixed paid")
    regret, change = z3.Reals("regret change")
    left = debt * (lam * ((total - own) - (mixed - own_mixed)) - paid)
    right = lam * debt * (own_mixed - own) - debt * paid + lam * debt * (total - mixed)
    plus = smt.positive_part(regret)
    yield smt.prove(
        z3.And(left == right, plus * (plus + change - regret) == plus * change),
        control=(
            "without lambda in the second term",
            left == right - lam * debt * (total - mixed) + debt * (total - mixed),
        ),
        range="every number of agents, term by term; every running maximum",
        complete=True,
        lift=lambda value: STEP,
    )
    yield exhaustive.check(
        lambda instance: books.inner(instance) == exact(instance) <= 0,
        grid=books.Steps(agents=(1, 2), levels=(-1, 2), smoothing=(0, HALF)),
        control=("below 0", lambda instance: books.inner(instance) < 0),
        hypotheses=run.hypotheses,
    )
