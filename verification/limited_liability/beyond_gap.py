"""Beyond the paper: decisions that are optimal only up to a gap, as a solver leaves them."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")


def horizon_and_gap(instance: Instance) -> bool:
    """n >= 1, a gap >= 0, epsilon > 2 gap, and N with (epsilon - 2 gap) sqrt(N) >= 2 sqrt(n^3 + 1) + n (y_max = 1)."""
    whole = all(instance[name] == int(instance[name]) >= 1 for name in ("agents", "periods"))
    left = instance["epsilon"] - 2 * instance["gap"]
    return (
        whole
        and instance["gap"] >= 0 < left
        and bool(books.long_enough({**instance, "epsilon": left}, 2, instance["agents"]))
    )


EXAMPLE = {"agents": 2, "periods": 25_600, "epsilon": Fraction(1, 10), "gap": Fraction(1, 50)}
VALUES = [[0, 1], [1, 0], [2, 1], [1, 3]]


def externality(values: list[Any], agent: int, gap: Any) -> Any:
    """The least E[Y_-i(I without i) - Y_-i(G)] over decisions within the gap for I without i, and any for G."""
    others = [sum(row[a] for j, row in enumerate(values) if j != agent) for a in range(len(values[0]))]
    return min(total for total in others if total >= max(others) - gap) - max(others)


@claim(
    paper="chassang2021",
    label="Beyond the paper: decisions within a gap",
    statement="""Where each group's decision is only within a gap of the optimum, Proposition 2 holds with 2 gap
        added to epsilon, and with 3 gap where the decision for I\\i may depend on what i states.""",
    reading="""For every n, gap and N in units of y_max: the regrets keep their bounds from above, since (6) holds
        for any decisions; E R_i,N >= -gap N - n sqrt(N); a deviation gains at most (2 sqrt(C) + n)/sqrt(N)
        + 2 gap a period, or + 3 gap.""",
    hypotheses=[horizon_and_gap],
    proof="""E[Y_-i(I\\i) - Y_-i(mu)] >= -gap, so that (11) gives E (R-)^2 a drift of 2 gap E R-. The truth's
        decision for I is gap short of the best that a deviation can do. If i moves the decision for I\\i,
        that costs another gap.""",
    rests_on=[f"limited_liability.equation_{number}" for number in (4, 5, 11)]
    + ["limited_liability.proposition_2_payoffs_and_regrets"],
    expected="proved",
)
def within_a_gap(run: Run) -> Iterator[Evidence]:
    """The drift and both sides by Z3; decisions on a grid."""
    import z3

    n, gap = z3.Reals("n gap")
    x, after, total, root, root_after, moment = z3.Reals("x after total root root_after moment")
    yield smt.prove(
        after <= total + gap + root_after,
        given=[
            x >= 0, after >= 0, gap >= 0, total >= 0, root >= 0, root_after >= 0, moment >= 0, x <= total + root,
            root_after * root_after == root * root + moment, after * after <= x * x + 2 * gap * x + moment,
        ],
        control=("without the gap", after <= root_after),
        range="E R- <= gap T + n sqrt(T), induction (x^2 = E (R-)^2, total = gap T, root = n sqrt(T), moment = n^2)",
        complete=False,
        lift=lambda value: EXAMPLE,
    )  # fmt: skip
    names = "best rest_there rest moved owed truth lost credit above below short"
    best, rest_there, rest, moved, owed, truth, lost, credit, above, below, short = z3.Reals(names)
    gain, bound = moved - rest_there + owed - truth, 2 * above + below
    yield smt.prove(
        z3.And(z3.Implies(rest == rest_there, gain <= bound + 2 * short), gain <= bound + 3 * short),
        given=[
            above >= 0, below >= 0, short >= 0,  # sqrt(C N), n sqrt(N) and gap N
            moved <= best, owed <= above,  # best: most that any decisions give in all
            rest - rest_there <= short,  # I without i, under the truth and under the deviation
            truth == best - short - lost - rest + credit, lost <= above, credit >= -short - below,
        ],
        control=("once the gap", z3.Implies(rest == rest_there, gain <= bound + short)),
        range="every n, gap and N",
        complete=True,
        lift=lambda value: EXAMPLE,
    )  # fmt: skip
    c, k, epsilon = z3.Reals("c k epsilon")
    yield smt.prove(
        (2 * c + n) * k + 2 * gap * k * k <= epsilon * k * k,
        given=[n >= 1, c >= 0, k > 0, gap >= 0, (epsilon - 2 * gap) * k >= 2 * c + n],
        control=("3 gap", (2 * c + n) * k + 3 * gap * k * k <= epsilon * k * k),
        range="the horizon for epsilon (N = k^2)",
        complete=False,
        lift=lambda value: EXAMPLE,
    )
    profiles = [[a, b] for a in VALUES for b in VALUES] + [[a, b, b] for a in VALUES for b in VALUES]
    yield exhaustive.check(
        lambda i: all(externality(v, j, 50 * i["gap"]) >= -50 * i["gap"] for v in profiles for j in range(len(v))),
        grid=[EXAMPLE],
        control=("at least 0", lambda i: all(externality(v, 0, 50 * i["gap"]) >= 0 for v in profiles)),
        hypotheses=run.hypotheses,
        range="32 profiles of whole values with a gap of 1, two and three agents",
    )
