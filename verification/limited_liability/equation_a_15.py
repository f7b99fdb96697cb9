"""Equation (A.15) and the estimated outputs of Appendix A.2: their means, and how long a step can be."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
explore = catalog.beside(__file__, "_explore")
HALF = Fraction(1, 2)


def lottery_given(instance: Instance) -> bool:
    """An agent's output in [0, 1] under each group, and a lottery over the groups with full support."""
    outputs, shares = instance["output"], instance["share"]
    return (
        len(outputs) == len(shares) >= 2
        and 0 <= min(outputs) <= max(outputs) <= 1
        and min(shares) > 0 == 1 - sum(shares)
    )


def changes_given(instance: Instance) -> bool:
    """Regrets and their changes, at least one."""
    return len(instance["regrets"]) == len(instance["changes"]) >= 1


@claim(
    paper="chassang2021",
    label="Appendix A",
    part="estimated outputs",
    statement="""y^_i(G) = 1_{I_t = G} y_i(I_t) / mu(G) is an unbiased estimator of y_i(G) such that |y^_i(G) -
        y_i(I\\i)| <= y_max / mu(G).""",
    reading="""For every lottery with full support and all outputs: the mean over draws is y_i(G), and the distance
        to any group's output is at most y_max / mu(G) for every draw (I\\i on the left is a misprint for G,
        but true as it stands).""",
    hypotheses=[lottery_given],
    proof="mu(G) y(G) / mu(G) = y(G). Estimate and output are both in [0, y_max / mu(G)].",
    expected="proved",
)
def estimator(run: Run) -> Iterator[Evidence]:
    """By Z3; lotteries of a grid."""
    import z3

    output, share, other = z3.Reals("output share other")
    guess = output / share
    yield smt.prove(
        z3.And(
            share * guess + (1 - share) * 0 == output,
            guess - other <= 1 / share, other - guess <= 1 / share, other - 0 <= 1 / share,
        ),
        given=[share > 0, share <= 1, output >= 0, output <= 1, other >= 0, other <= 1],
        control=("at most 1", guess - other <= 1),
        range="every number of agents, lottery and output",
        complete=True,
        lift=lambda value: {"output": [value["output"], value["other"]], "share": [HALF, HALF]},
    )  # fmt: skip

    def unbiased(instance: Instance, divide: bool = True) -> bool:
        shares, outputs = instance["share"], instance["output"]
        for group, (share, output) in enumerate(zip(shares, outputs, strict=True)):
            draws = [output / share if divide and g == group else output * (g == group) for g in range(len(shares))]
            if books.mixed(shares, draws) != output or any(abs(d - y) > 1 / share for d in draws for y in outputs):
                return False
        return True

    thirds = [[Fraction(1, 3)] * 3, [HALF, Fraction(1, 3), Fraction(1, 6)]]
    yield exhaustive.check(
        unbiased,
        grid=exhaustive.Grid(scalars={"output": [[1, HALF, 0], [HALF, 1, 1], [0, 0, 1]], "share": thirds}),
        control=("without dividing", lambda instance: unbiased(instance, False)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (A.15)",
    statement="E ||R+_{T+1}||^2 <= E ||R+_T||^2 + 2 E <R+_T, R_{T+1} - R_T> + E ||R_{T+1} - R_T||^2.",
    reading="For every n, all regrets and changes, on every path and so in expectation.",
    hypotheses=[changes_given],
    proof="Coordinate by coordinate.",
    expected="proved",
)
def recursion(run: Run) -> Iterator[Evidence]:
    """One coordinate by Z3; a grid."""
    import z3

    regret, change = z3.Reals("regret change")
    plus, after = smt.positive_part(regret), smt.positive_part(regret + change)
    yield smt.prove(
        after * after <= plus * plus + 2 * plus * change + change * change,
        control=("without the square of the change", after * after <= plus * plus + 2 * plus * change),
        range="every number of agents, coordinate by coordinate",
        complete=True,
        lift=lambda value: {"regrets": [value["regret"]], "changes": [value["change"]]},
    )

    def holds(instance: Instance, square: int = 1) -> bool:
        pairs = list(zip(instance["regrets"], instance["changes"], strict=True))
        after = sum(max(r + d, 0) ** 2 for r, d in pairs)
        return bool(after <= sum(max(r, 0) ** 2 + 2 * max(r, 0) * d + square * d**2 for r, d in pairs))

    yield exhaustive.check(
        holds,
        grid=exhaustive.Grid(agents=(1, 2), each={"regrets": [-1, 0, 2], "changes": [-1, HALF, 3]}),
        control=("without the square of the change", lambda instance: holds(instance, 0)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Beyond the paper: a step of the estimated regrets",
    statement="Given history E ||R^_{T+1} - R^_T||^2 <= n^2 (n + 1)^2 y_max^2 / nu.",
    reading="""For every n, all outputs in [0, 1], payments and lotteries mu >= nu / (n + 1): each of the n + 1
        coordinates has second moment at most n^2 / mu(G), with G the group that it compares with.""",
    hypotheses=[explore.explored],
    proof="""With p = mu(G): where G is drawn the change is (1/p - 1) Y - tau, else -Y - tau, with Y <= n - 1 for
        R_i (and Y <= n, tau = 0 for R^I).""",
    expected="proved",
)
def moment(run: Run) -> Iterator[Evidence]:
    """One coordinate by Z3, times p; all histories of few periods."""
    import z3

    share, n, rest, paid, other = z3.Reals("share n rest paid other")
    drawn = (1 - share) * rest - share * paid  # p times the change where G is drawn
    most = n * n * (1 - share) * share  # p (1 - p) times the square of the change where it is not
    yield smt.prove(
        z3.And(
            drawn * drawn + most <= n * n,
            (1 - share) * n * (1 - share) * n + most <= n * n,
            z3.Implies(z3.And(other >= -n, other <= 0), other * other <= n * n),
        ),
        given=[share > 0, share <= 1, n >= 1, rest >= 0, rest <= n - 1, paid >= 0, paid <= 1],
        control=("half of it", (1 - share) * n * (1 - share) * n + most <= n * n / 2),
        range="every n, lottery, output and payment, coordinate by coordinate",
        complete=True,
        lift=lambda value: explore.EXAMPLE,
    )

    def short(instance: Instance, factor: Fraction = Fraction(1)) -> bool:
        outputs, rate = instance["path"][0], instance["rates"][0]
        n = len(outputs[0])
        for debts in ([0] * n, [1] * n, [1] + [0] * (n - 1)):
            shares = explore.mixture(1, debts, rate)
            steps = [explore.estimated(shares, outputs, drawn, debts) for drawn in range(n + 1)]
            mean = books.mixed(shares, [books.squares(extra, own) for extra, own in steps])
            if mean * rate > factor * n**2 * (n + 1) ** 2:
                return False
        return True

    yield exhaustive.check(
        short,
        grid=[
            {"path": [outputs], "rates": [rate]}
            for agents in (1, 2)
            for outputs in books.rows(agents)
            for rate in (1, HALF, Fraction(1, 10))
        ],
        control=("a tenth of it", lambda instance: short(instance, Fraction(1, 10))),
        hypotheses=run.hypotheses,
        range="one and two agents, outputs 0 or 1, rates 1, 1/2, 1/10, three states",
    )
