"""Equations (6) to (9) and footnotes 8 and 9: the approachability condition of Section 4."""

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

books = catalog.beside(__file__, "_books")


def regrets_given(instance: Instance) -> bool:
    """Regrets of at least one agent and of efficiency."""
    return len(instance["regrets"]) >= 1 and instance["efficiency"] == instance["efficiency"]


def none_positive(instance: Instance) -> bool:
    """Regrets of at least one agent and of efficiency, none of them positive."""
    return regrets_given(instance) and max(instance["efficiency"], *instance["regrets"]) <= 0


@claim(
    paper="chassang2021",
    label="Equation (7)",
    statement="""<R+, dR> = sum R_i+ (pi_i(mu) - y_i(I\\i)) + R^I+ (Y(I) - Y(mu)) + sum R_i+ (Y(I\\i) - Y(mu)), terms
        A and B.""",
    reading="""For every n, all regrets, outputs, lotteries over all groups and transfers; with mu_{T+1} where the
        first line prints mu_t. Nothing is said about the decisions: any map from groups to decisions will
        do.""",
    hypotheses=[books.outputs_given],
    proof="""Agent by agent: Y_-i = Y - y_i on both sides, so that the externality is Y(I\\i) - Y(mu) + y_i(mu) -
        y_i(I\\i).""",
    expected="proved",
)
def terms(run: Run) -> Iterator[Evidence]:
    """One agent's term, as symbols, which is every n; all states of a grid."""
    import sympy

    debt, total, mixed, own, own_mixed, paid = sympy.symbols("debt total mixed own own_mixed paid", real=True)
    left = debt * ((total - own) - (mixed - own_mixed) - paid)
    yield symbolic.identity(
        lambda case: (left, debt * (own_mixed - paid - own) + debt * (total - mixed)),
        cases=["one agent's term"],
        control=("without y_i(I\\i)", lambda case: (left, debt * (own_mixed - paid) + debt * (total - mixed))),
        range="every number of agents, term by term",
        complete=True,
        lift=lambda case, value: {**books.EXAMPLE, "regrets": [value["debt"], 1]},
    )
    yield exhaustive.check(
        lambda instance: books.inner(instance) == printed(instance),
        grid=books.Steps(levels=(-1, 2)),
        control=("without A", lambda instance: books.inner(instance) == term_b(instance)),
        hypotheses=run.hypotheses,
    )


def known(instance: Instance) -> tuple[Any, list[Any], Any]:
    """mu, the transfers and Y(mu)."""
    shares = books.lottery(instance["efficiency"], instance["regrets"])
    outputs = instance["outputs"]
    return (
        shares,
        books.payments(instance["regrets"], shares, outputs),
        books.mixed(shares, [sum(row) for row in outputs]),
    )


def term_a(instance: Instance) -> Any:
    """Term A of (7)."""
    shares, paid, _ = known(instance)
    own = list(zip(*instance["outputs"], strict=True))
    return sum(
        max(regret, 0) * (books.mixed(shares, column) - paid[i] - column[i + 1])
        for i, (regret, column) in enumerate(zip(instance["regrets"], own, strict=True))
    )


def term_b(instance: Instance) -> Any:
    """Term B of (7)."""
    totals, average = [sum(row) for row in instance["outputs"]], known(instance)[2]
    weights = [max(instance["efficiency"], 0), *(max(regret, 0) for regret in instance["regrets"])]
    return sum(weight * (total - average) for weight, total in zip(weights, totals, strict=True))


def printed(instance: Instance) -> Any:
    """A + B."""
    return term_a(instance) + term_b(instance)


@claim(
    paper="chassang2021",
    label="Equation (8)",
    statement="Set mu(I\\i) = R_i+ / (R^I+ + sum R_j+) and mu(I) = 1 - sum mu(I\\i). This ensures that term B is 0.",
    reading="""For every n and all regrets, one of them positive, and all outputs: mu is a distribution (mu(I) =
        R^I+ / (R^I+ + sum R_j+) >= 0) and B = 0. Where none is positive, B = 0 for every mu.""",
    hypotheses=[books.outputs_given],
    proof="With weights w and their sum S, S Y(mu) = sum_G w_G Y(G), which is what B takes from the same sum.",
    expected="proved",
)
def lottery(run: Run) -> Iterator[Evidence]:
    """The weighted sum of outputs as one number, by Z3; all states of a grid."""
    import z3

    efficiency, debts, weighted, average, share = z3.Reals("efficiency debts weighted average share")
    total = efficiency + debts
    yield smt.prove(
        z3.And(weighted - total * average == 0, share >= 0, share == 1 - debts / total),
        given=[efficiency >= 0, debts >= 0, total > 0, average == weighted / total, share == efficiency / total],
        control=("mu(I) is positive", share > 0),
        range="every number of agents (the sums of the weights and of the weighted outputs)",
        complete=True,
        lift=lambda value: {**books.EXAMPLE, "efficiency": value["efficiency"], "regrets": [value["debts"], 0]},
    )
    yield exhaustive.check(
        lambda instance: term_b(instance) == 0 and min(known(instance)[0]) >= 0 and sum(known(instance)[0]) == 1,
        grid=books.Steps(),
        control=("I is never left out", lambda instance: known(instance)[0][0] > 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (9)",
    statement="Set tau_i(a) = y_i(a) if R_i > 0 and 0 otherwise. This ensures that the term A of (7) is at most 0.",
    reading="For every n and all regrets, outputs >= 0 and lotteries: A = -sum R_i+ y_i(I\\i) <= 0.",
    hypotheses=[books.outputs_given],
    proof="Where R_i > 0 the agent keeps nothing; where it is not, its term is 0.",
    expected="proved",
)
def transfers(run: Run) -> Iterator[Evidence]:
    """One agent's term by Z3; all states of a grid."""
    import z3

    regret, own_mixed, own, paid = z3.Reals("regret own_mixed own paid")
    term = smt.positive_part(regret) * (own_mixed - paid - own)
    yield smt.prove(
        z3.And(term == -smt.positive_part(regret) * own, term <= 0),
        given=[own_mixed >= 0, own >= 0, own <= 1, own_mixed <= 1, paid == z3.If(regret > 0, own_mixed, 0)],
        control=("it is below 0 wherever R_i > 0", z3.Implies(regret > 0, term < 0)),
        range="every number of agents, term by term",
        complete=True,
        lift=lambda value: {**books.EXAMPLE, "regrets": [value["regret"], 1]},
    )
    yield exhaustive.check(
        lambda instance: term_a(instance) <= 0,
        grid=books.Steps(),
        control=("below 0", lambda instance: term_a(instance) < 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (6)",
    statement="""The approachability condition <R+_T, R_{T+1} - R_T> <= 0 is satisfied for all realized values of
        outputs.""",
    reading="""For every n, all regrets and outputs in [0, y_max]: with (8), footnote 8 and (9), <R+, dR> = -sum R_i+
        y_i(I\\i) <= 0, whatever the groups' decisions are (optimality of a*(m|G) is not used).""",
    hypotheses=[books.outputs_given],
    proof="(7), (8) and (9).",
    rests_on=[f"limited_liability.equation_{number}" for number in (7, 8, 9)],
    expected="proved",
)
def approach(run: Run) -> Iterator[Evidence]:
    """A + B by Z3; one agent in full by Z3; all states of a grid."""
    import z3

    total, term, other = z3.Reals("total A B")
    yield smt.prove(
        total <= 0,
        given=[total == term + other, other == 0, term <= 0],
        control=("below 0", total < 0),
        range="every number of agents, from (7), (8) and (9)",
        complete=True,
        lift=lambda value: books.EXAMPLE,
    )
    yield in_full(1)
    yield exhaustive.check(
        lambda instance: (
            books.inner(instance)
            == -sum(
                max(r, 0) * row[i]
                for i, (r, row) in enumerate(zip(instance["regrets"], instance["outputs"][1:], strict=True))
            )
        ),
        grid=books.Steps(),
        control=("0 everywhere", lambda instance: books.inner(instance) == 0),
        hypotheses=run.hypotheses,
    )


def in_full(agents: int) -> Evidence:
    """All reals for a given number of agents."""
    import z3

    efficiency = z3.Real("efficiency")
    regrets, flat = smt.vector("regrets", agents), smt.vector("flat", agents * (agents + 1))
    outputs = [flat[k * agents : (k + 1) * agents] for k in range(agents + 1)]
    weights = [smt.positive_part(value) for value in (efficiency, *regrets)]
    shares = smt.vector("share", agents + 1)
    totals = [z3.Sum(row) for row in outputs]
    average = z3.Sum([s * t for s, t in zip(shares, totals, strict=True)])
    value = weights[0] * (totals[0] - average)
    for i in range(agents):
        mine = z3.Sum([s * row[i] for s, row in zip(shares, outputs, strict=True)])
        paid = z3.If(regrets[i] > 0, mine, 0)
        value = value + weights[i + 1] * ((totals[i + 1] - outputs[i + 1][i]) - (average - mine) - paid)
    rule = [share * z3.Sum(weights) == weight for share, weight in zip(shares, weights, strict=True)]
    return smt.prove(
        value <= 0,
        given=[*(y >= 0 for y in flat), *(y <= 1 for y in flat), z3.Sum(shares) == 1, *(s >= 0 for s in shares), *rule],
        control=("below 0", value < 0),
        range=f"n = {agents} in full, all reals",
        complete=False,
        lift=lambda value: {
            "efficiency": value["efficiency"],
            "regrets": [value[f"regrets[{i}]"] for i in range(agents)],
            "outputs": [[value[f"flat[{k * agents + i}]"] for i in range(agents)] for k in range(agents + 1)],
        },
    )


def replay_footnote_8(instance: Instance) -> str | None:
    """Which rule applies, by its words."""
    numbers = [instance["efficiency"], *instance["regrets"]]
    if any(number > 0 for number in numbers) or all(number < 0 for number in numbers):
        return None
    return (
        f"regrets {', '.join(map(str, numbers))}: the denominator of (8) is 0, so (8) gives 0/0\n"
        "footnote 8 speaks of negative regrets, and not all of these are negative: mu is not defined"
        + ("\nthis is every game's first period" if not any(numbers) else "")
    )


@claim(
    paper="chassang2021",
    label="Footnote 8",
    part="every history",
    statement="If all regrets are negative, then mu_{T+1}(I) = 1. (With (8): this defines mu after every history.)",
    reading="For all regrets: some regret is positive, so that (8) applies, or all are negative.",
    hypotheses=[regrets_given],
    replay=replay_footnote_8,
    expected="refuted",
    repaired_by="limited_liability.footnote_8_no_regret_positive",
)
def footnote_8(run: Run) -> Evidence:
    """Signs of few regrets."""

    def decided(instance: Instance) -> bool:
        numbers = [instance["efficiency"], *instance["regrets"]]
        return max(numbers) > 0 or max(numbers) < 0

    return exhaustive.check(
        decided,
        grid=exhaustive.Grid(agents=(2, 1), each={"regrets": [-1, 0, 1]}, scalars={"efficiency": [1, -1, 0]}),
        control=("never", lambda instance: not decided(instance)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Footnote 8",
    part="no regret positive",
    statement="""If no regret is positive, then mu_{T+1}(I) = 1: with (8) this defines mu after every history, and
        (6) holds.""",
    reading="For every n and all regrets: one is positive, or none is, and then <R+, dR> = 0 for every lottery.",
    hypotheses=[books.outputs_given, none_positive],
    proof="R+ = 0.",
    expected="proved",
)
def footnote_8_repaired(run: Run) -> Iterator[Evidence]:
    """One term by Z3; a grid."""
    import z3

    regret, change = z3.Reals("regret change")
    yield smt.prove(
        z3.And(smt.positive_part(regret) * change == 0, z3.Not(regret > 0)),
        given=[regret <= 0],
        control=("the regret is negative", regret < 0),
        range="every number of agents, term by term",
        complete=True,
        lift=lambda value: {**books.EXAMPLE, "efficiency": value["regret"], "regrets": [value["regret"], -1]},
    )
    yield exhaustive.check(
        lambda i: books.inner(i) == 0 and books.lottery(i["efficiency"], i["regrets"])[0] == 1,
        grid=books.Steps(levels=(-1, 0)),
        control=("some regret is negative", lambda instance: min(instance["efficiency"], *instance["regrets"]) < 0),
        hypotheses=run.hypotheses,
    )
