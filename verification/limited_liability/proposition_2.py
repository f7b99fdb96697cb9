"""Proposition 2: truth is an epsilon-Nash equilibrium of the mechanism of Section 4, with an explicit epsilon."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")


def long_horizon(instance: Instance) -> bool:
    """n >= 1 agents, epsilon > 0, and N periods with epsilon sqrt(N) >= 2 sqrt(n^3 + 1) + n (y_max = 1)."""
    whole = all(instance[name] == int(instance[name]) >= 1 for name in ("agents", "periods"))
    return whole and instance["epsilon"] > 0 and bool(books.long_enough(instance, 2, instance["agents"]))


def identity(path: Any, *, keep: bool = True) -> bool:
    """Whether sum pi_i = sum [Y(mu) - Y_-i(I\\i)] + R_i for every agent, period by period."""
    efficiency, own = Fraction(0), [Fraction(0)] * len(path[0][0])
    right, profit = list(own), list(own)
    for outputs in path:
        known = {"efficiency": efficiency, "regrets": own, "outputs": outputs}
        shares = books.lottery(efficiency, own)
        paid = books.payments(own, shares, outputs)
        average = books.mixed(shares, [sum(row) for row in outputs])
        for i, column in enumerate(zip(*outputs, strict=True)):
            profit[i] += books.mixed(shares, column) - paid[i]
            right[i] += average - (sum(outputs[i + 1]) - outputs[i + 1][i])
        extra, more = books.step(known)
        efficiency, own = efficiency + extra, [r + d for r, d in zip(own, more, strict=True)]
    return all(p == r + (regret if keep else 0) for p, r, regret in zip(profit, right, own, strict=True))


@claim(
    paper="chassang2021",
    label="Proposition 2",
    part="payoffs and regrets",
    statement="The step of its proof that turns (5) into a bound on payoffs: sum y_i(mu) - tau_i(mu) = sum [Y(mu) - "
    "Y_-i(I\\i)] + R_i,N.",
    reading="For every n and N and on every path.",
    hypotheses=[books.path_given],
    proof="Period by period, by the definition of R_i.",
    expected="proved",
)
def payoffs(run: Run) -> Iterator[Evidence]:
    """One period by Z3; paths of a grid."""
    import z3

    own, paid, total, rest, without, regret = z3.Reals("own paid total rest without regret")
    yield smt.prove(
        own - paid == (total - without) + regret,
        given=[total == own + rest, regret == without - rest - paid],
        control=("without the regret", own - paid == total - without),
        range="every number of agents, period by period",
        complete=True,
        lift=lambda value: books.PATH,
    )
    yield exhaustive.check(
        lambda instance: identity(instance["path"]),
        grid=books.Paths(2, 3, every=1499),
        control=("without the regret", lambda instance: identity(instance["path"], keep=False)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Proposition 2",
    statement="""For all epsilon > 0 there exists N_0 such that for all N > N_0 truthful revelation is an epsilon-Nash
        equilibrium. Under truthful reporting the allocation approaches efficiency as N gets large.""",
    reading="""For every n, epsilon > 0 and N >= ((2 sqrt(n^3 + 1) + n) y_max / epsilon)^2: no strategy of one
        agent gains more than epsilon a period over the truth, and under truth the loss of output is at most
        epsilon a period. (With the paper's constants 2 (n + 1)^1.5 in place of 2 sqrt(n^3 + 1).)""",
    hypotheses=[long_horizon],
    proof="""A deviation's payoff is the expected sum of Y(mu) - Y_-i(I\\i), at most that of Y(I) - Y_-i(I\\i)
        under truth (values are exogenous, the second term does not depend on i's reports), plus R_i <=
        sqrt(C N). The truth loses R^I <= sqrt(C N) of it and R_i >= -n sqrt(N) in expectation.""",
    rests_on=[
        "limited_liability.proposition_2_payoffs_and_regrets",
        "limited_liability.equation_4",
        "limited_liability.equation_5",
        "limited_liability.equation_10",
    ],
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """Both sides added up by Z3, with square roots as variables; the horizon on a grid."""
    import z3

    names = "pivot deviation truth moved owed lost credit n c root epsilon"
    pivot, deviation, truth, moved, owed, lost, credit, n, c, root, epsilon = z3.Reals(names)
    yield smt.prove(
        z3.And(deviation - truth <= epsilon * root * root, lost <= epsilon * root * root),
        given=[
            n >= 1, c >= 0, c * c == n * n * n + 1, root > 0, epsilon > 0, epsilon * root >= 2 * c + n,
            deviation == moved + owed, moved <= pivot, owed <= c * root,
            truth == pivot - lost + credit, lost <= c * root, credit >= -n * root,
        ],
        control=("a third of it", deviation - truth <= epsilon * root * root / 3),
        range="every n, N and epsilon (N = root^2)",
        complete=True,
        lift=lambda value: {"agents": 3, "periods": 73_800, "epsilon": Fraction(1, 20)},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: not long_horizon({**instance, "periods": instance["periods"] - 1}),
        grid=[{"agents": n, "periods": least(n), "epsilon": Fraction(1, 20)} for n in (1, 2, 3, 5, 10)],
        control=("one period more", lambda instance: not long_horizon(instance)),
        hypotheses=run.hypotheses,
        range="the least horizons for epsilon = 1/20 and n = 1, 2, 3, 5, 10, by whole-number square roots",
    )


def least(agents: int) -> int:
    """The least N for epsilon = 1/20 by whole-number square roots: 400 (4 C + n^2) + ceil(1600 n sqrt(C))."""
    constant = agents**3 + 1
    inside = (1600 * agents) ** 2 * constant
    root = math.isqrt(inside)
    return 400 * (4 * constant + agents**2) + root + (root * root < inside)
