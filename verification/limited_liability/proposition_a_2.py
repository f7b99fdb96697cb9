"""Proposition A.2: exploration. Its proof is not identical to that of Proposition 2, but nearly."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
explore = catalog.beside(__file__, "_explore")
HALF = Fraction(1, 2)


def long_horizon(instance: Instance) -> bool:
    """n >= 1, epsilon > 0, a = 1/3 and N = k^3 periods with epsilon k >= 3 sqrt(n^3 + 1) + 3 n (n + 1) (y_max = 1)."""
    n, root = instance["agents"], instance["cube_root"]
    whole = n == int(n) >= 1 <= root == int(root) and instance["epsilon"] > 0
    return whole and bool(books.long_enough({**instance, "periods": root**2}, 3, 3 * n * (n + 1)))


def first_period(instance: Instance) -> bool:
    """Outputs in [0, 1] of two agents or more under each group; a group that is drawn (0 is I, k is I without k)."""
    outputs = instance["outputs"]
    given = len(outputs) >= 3 and books.outputs_given({"regrets": [0] * (len(outputs) - 1), "outputs": outputs})
    return given and instance["drawn"] == int(instance["drawn"]) and 0 <= instance["drawn"] < len(outputs)


def after_one(instance: Instance) -> tuple[list[Any], list[Any]]:
    """True and estimated incentive regrets after a first period, in which nobody pays and mu is uniform (nu_1 = 1)."""
    outputs = instance["outputs"]
    shares = explore.mixture(0, [0] * (len(outputs) - 1), 1)
    guess = explore.estimated(shares, outputs, instance["drawn"], [0] * (len(outputs) - 1))[1]
    return books.externalities(shares, outputs), guess


def replay(instance: Instance) -> str | None:
    """Sums by hand: the probability of each group is 1/(n + 1)."""
    outputs, drawn = instance["outputs"], int(instance["drawn"])
    groups = len(outputs)
    for agent in range(groups - 1):
        rest = [sum(row) - row[agent] for row in outputs]
        true = rest[agent + 1] - Fraction(sum(rest), groups)
        seen = rest[drawn] * (groups if drawn == agent + 1 else 0) - rest[drawn]
        if true < 0 < seen:
            group = "I" if drawn == 0 else f"I without {drawn}"
            return (
                f"period 1: each of {groups} groups with probability 1/{groups}; drawn: {group}\n"
                f"true regret of agent {agent + 1}: {true} < 0; estimated: {seen} > 0\n"
                "so in period 2 it pays all its output, although its true regret is negative"
            )
    return None


@claim(
    paper="chassang2021",
    label="Proposition A.2",
    part="a step of its proof",
    statement="The proof is identical to that of Proposition 2 (where tau_{i,T+1} = 0 whenever R^-_{i,T} > 0).",
    reading="""For every n >= 2, all outputs and draws of the first period: nobody with a negative true regret pays
        in the second.""",
    hypotheses=[first_period],
    replay=replay,
    expected="refuted",
    repaired_by="limited_liability.proposition_a_2",
)
def identical(run: Run) -> Evidence:
    """Outputs of a grid."""

    def free(instance: Instance) -> bool:
        true, guess = after_one(instance)
        return not any(t < 0 < g for t, g in zip(true, guess, strict=True))

    grid = [{"outputs": outputs, "drawn": drawn} for outputs in books.rows(2, (1, HALF)) for drawn in range(3)]
    return exhaustive.check(
        free,
        grid=grid,
        control=("never", lambda instance: not free(instance)),
        hypotheses=run.hypotheses,
        range="two agents, outputs 1/2 or 1",
    )


def minus(instance: Instance, factor: Any = 1) -> bool:
    """Whether the mean of the estimated incentive regrets over draws is that often the true one."""
    true, _ = after_one({**instance, "drawn": 0})
    groups = len(instance["outputs"])
    means = [Fraction(0)] * (groups - 1)
    for drawn in range(groups):
        guess = after_one({**instance, "drawn": drawn})[1]
        means = [m + Fraction(1, groups) * g for m, g in zip(means, guess, strict=True)]
    return means == [factor * value for value in true]


@claim(
    paper="chassang2021",
    label="Proposition A.2",
    statement="""For all epsilon > 0, there exists N_0 such that for all N > N_0, truthful revelation is an
        epsilon-Nash equilibrium of Gamma.""",
    reading="""For every n, epsilon > 0, exponent a in (0, 1) and N with 2 sqrt(C) sum nu_t + 3 sqrt(sum B_t) <=
        epsilon N, B_t = n^2 (n + 1)^2 / nu_t, in units of y_max; at a = 1/3 for N^(1/3) >= (3 sqrt(n^3 + 1)
        + 3 n (n + 1)) / epsilon: no strategy of one agent gains more than epsilon a period over the truth.""",
    hypotheses=[long_horizon],
    proof="""As for Proposition 2 with E R = E R^ for both regrets (Lemma A.3 above). Below: (11) on the
        estimated regret, whose sign decides payments: nothing is paid below 0, E dR^ >= 0 there by private
        values, a step has second moment at most B_t; so E R = E R^ >= -sqrt(sum B_t).""",
    rests_on=[
        "limited_liability.lemma_a_3",
        "limited_liability.equation_11",
        "limited_liability.equation_10_private_values",
        "limited_liability.proposition_2_payoffs_and_regrets",
    ],
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """Both sides added up by Z3; the estimates' means; a = 1/3."""
    import z3

    names = "pivot moved owed truth lost credit U r N epsilon c n k"
    pivot, moved, owed, truth, lost, credit, rates, spread, periods, epsilon, c, n, k = z3.Reals(names)
    third = z3.And(
        periods == k * k * k, 2 * rates <= 3 * k * k, spread <= n * (n + 1) * k * k,
        epsilon * k >= 3 * c + 3 * n * (n + 1), k >= 1, n >= 1,
    )  # fmt: skip
    enough = 2 * c * rates + 3 * spread <= epsilon * periods
    example = {"agents": 2, "cube_root": 600, "epsilon": Fraction(1, 20)}
    yield smt.prove(
        z3.Implies(enough, moved + owed - truth <= epsilon * periods),
        given=[
            c >= 0, rates >= 0, spread >= 0, epsilon > 0, periods >= 1,
            moved <= pivot, owed <= c * rates + spread,
            truth == pivot - lost + credit, lost <= c * rates + spread, credit >= -spread,
        ],
        control=("a third of it", z3.Implies(enough, moved + owed - truth <= epsilon * periods / 3)),
        range="every n, epsilon, N and rates",
        complete=True,
        lift=lambda value: example,
    )  # fmt: skip
    yield smt.prove(
        enough,
        given=[c >= 0, rates >= 0, spread >= 0, epsilon > 0, third],
        control=("half of epsilon", 2 * c * rates + 3 * spread <= epsilon * periods / 2),
        range="a = 1/3: sum nu <= 3/2 N^(2/3), sum B <= n^2 (n + 1)^2 N^(4/3)",
        complete=False,
        lift=lambda value: example,
    )
    sample = [{"outputs": outputs, "drawn": 0} for outputs in books.rows(2)]
    yield exhaustive.check(
        lambda instance: all(map(minus, sample)),
        grid=[example],
        control=("twice the mean", lambda instance: all(minus(one, 2) for one in sample)),
        hypotheses=run.hypotheses,
        range="the mean of the estimated regrets after one period, two agents, outputs 0 or 1",
    )
