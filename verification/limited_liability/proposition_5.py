"""Proposition 5: with discounting truth is a contemporaneous perfect epsilon-equilibrium, with an explicit epsilon."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")


def patient(instance: Instance) -> bool:
    """n >= 1, epsilon > 0, and delta with (5 sqrt(n^3 + 1) + 5 n - 2) sqrt(1 - delta) <= epsilon (y_max = 1)."""
    agents, patience = instance["agents"], instance["patience"]
    whole = agents == int(agents) >= 1 and 0 < patience < 1 and instance["epsilon"] > 0
    return whole and bool(books.long_enough({**instance, "periods": 1 / Fraction(patience)}, 5, 5 * agents - 2))


@claim(
    paper="chassang2021",
    label="Proposition 5",
    statement="""For all epsilon > 0, there exists delta_ such that for all delta in (delta_, 1), truthful revelation
        is a contemporaneous perfect epsilon-equilibrium, and contemporaneous epsilon-renegotiation proof.""",
    reading="""For every n, epsilon > 0 and delta (1 - delta is the patience here): it holds where epsilon >= (1 -
        delta) [(2 + 3 delta) (sqrt(n^3 + 1) + n - 1) / sqrt(1 - delta^2) + 1 + 2 delta] in units of y_max,
        and so where epsilon >= (5 sqrt(n^3 + 1) + 5 n - 2) sqrt(1 - delta). The paper's Lemma B.4 gives the
        power 1/6 in place of 1/2.""",
    hypotheses=[patient],
    proof="""A deviation keeps the discounted Y(mu) - Y_-i(I\\i), at most the pivot payoff, plus P_2 and P^tau;
        the truth at least the pivot payoff less P^I and plus P^tau. P^tau <= (1 + delta) a + delta b and >=
        -(1 + delta) b - delta a, with R^tau in [-b, a].""",
    rests_on=[f"limited_liability.equation_b_{number}" for number in (16, 17, 19)]
    + [
        "limited_liability.lemma_b_4_for_a_given_family",
        "limited_liability.lemma_b_5_for_a_given_family",
        "limited_liability.lemma_b_6",
        "limited_liability.equation_10_private_values",
    ],
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """Both sides added up by Z3, with square roots as variables; a grid of discounts."""
    import z3

    names = "pivot moved weights paid truth lost paid_truth kept n c s root delta epsilon"
    pivot, moved, weights, paid, truth, lost, paid_truth, kept, n, c, s, root, delta, epsilon = z3.Reals(names)
    above, below, running = c * s, 1 + (n - 1) * s, (n - 1) * s
    cost = (2 + 3 * delta) * (c + n - 1) * s + 1 + 2 * delta
    gain = moved + weights + paid - truth
    sides = [
        delta > 0, delta < 1, n >= 1, c >= 0, s > 0,
        moved <= pivot, weights <= (1 + delta) * running, paid <= (1 + delta) * above + delta * below,
        truth == pivot - lost + kept + paid_truth, kept >= 0, lost <= (1 + delta) * above,
        paid_truth >= -(1 + delta) * below - delta * above,
    ]  # fmt: skip
    example = {"agents": 2, "patience": Fraction(1, 3_000_000), "epsilon": Fraction(1, 20)}
    yield smt.prove(
        z3.And(gain <= cost, lost <= cost),
        given=sides,
        control=("without 1 + 2 delta", gain <= cost - 1 - 2 * delta),
        range="every n, delta and history",
        complete=True,
        lift=lambda value: example,
    )
    total = c + n - 1
    yield smt.prove(
        (1 - delta) * ((2 + 3 * delta) * total * s + 1 + 2 * delta) <= epsilon,
        given=[
            root > 0, root < 1, delta == 1 - root * root, delta > 0, n >= 1, c >= 0, s > 0, s * root <= 1,
            (5 * total + 3) * root <= epsilon,
        ],
        control=("(4 (sqrt(C) + n - 1)) sqrt(1 - delta)", (1 - delta) * ((2 + 3 * delta) * total * s + 1 + 2 * delta)
                 <= 4 * epsilon * total / (5 * total + 3)),
        range="the simple form: every n and delta (s <= 1 / sqrt(1 - delta))",
        complete=False,
        lift=lambda value: example,
    )  # fmt: skip

    def enough(instance: Instance) -> bool:
        """Whether epsilon is at least the cost a period, by squaring twice."""
        agents, patience = instance["agents"], Fraction(instance["patience"])
        delta = 1 - patience
        share = (2 + 3 * delta) ** 2 * patience / (1 + delta)  # ((1 - delta)(2 + 3 delta))^2 / (1 - delta^2)
        rest = Fraction(instance["epsilon"]) - patience * (1 + 2 * delta)
        # rest >= sqrt(share) (sqrt(C) + n - 1)
        left = rest**2 - share * (agents**3 + 1) - share * (agents - 1) ** 2
        return bool(rest >= 0 and left >= 0 and left**2 >= 4 * share**2 * (agents**3 + 1) * (agents - 1) ** 2)

    yield exhaustive.check(
        enough,
        grid=exhaustive.Grid(
            scalars={"agents": [2, 1, 3, 5], "patience": [Fraction(1, 10**k) for k in (6, 4, 5, 7)],
                     "epsilon": [Fraction(1, 20), Fraction(1, 4)]}
        ),
        control=("never", lambda instance: not enough(instance)),
        hypotheses=run.hypotheses,
    )  # fmt: skip
