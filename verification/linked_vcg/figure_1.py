"""Figure 1: which projects to invest in, with two resources and three types."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def figure_1a(instance: Instance) -> bool:
    """q > 0 and some projects of type 3."""
    return min(instance["stock"]) > 0 and bool(instance["supply"] >= 0)


def figure_1b(instance: Instance) -> bool:
    """Amounts of the three types."""
    return len(instance["first"]) == len(instance["second"]) == 3


@claim(
    paper="zhu2021",
    label="Figure 1",
    part="1a",
    statement="""Suppose there is an infinite supply of theta_1 = (12, 0) and theta_2 = (0, 10) projects and 1 unit of
        theta_3 = (2, 1) projects. To maximize payoff, one will invest in theta_3 projects until all such projects are
        exhausted or one of the resources is exhausted. At that point, any left over resources are then invested in
        theta_1 or theta_2 projects.""",
    reading="""For all q > 0 and every supply m >= 0 of type 3 (1 in the figure): alpha_3 = min(m, q_1 / 2, q_2),
        alpha_1 and alpha_2 use what is left, and every other investment has a smaller payoff.""",
    hypotheses=[figure_1a],
    proof="A unit of type 3 displaces 2/12 + 1/10 < 1 units of the others.",
    expected="proved",
)
def figure_a() -> Evidence:
    """Against every other investment, by Z3."""
    import z3

    stock, mu = smt.vector("stock", 2), z3.Real("supply")
    a, b, c = z3.Reals("a b c")
    third = smt.minimum(mu, smt.minimum(stock[0] / 2, stock[1]))
    first, second = (stock[0] - 2 * third) / 12, (stock[1] - third) / 10

    def investment(one: Any, two: Any, three: Any) -> Any:
        within = z3.And(12 * one + 2 * three <= stock[0], 10 * two + three <= stock[1])
        return z3.And(one >= 0, two >= 0, three >= 0, three <= mu, within)

    same = z3.And(a == first, b == second, c == third)
    return smt.prove(
        z3.And(investment(first, second, third), z3.Or(same, a + b + c < first + second + third)),
        given=[*(q > 0 for q in stock), mu >= 0, investment(a, b, c)],
        control=("only type 3 pays", a + b + c <= third),
        range="every stock and every supply of type 3",
        complete=True,
        nontrivial=[mu == 1, a > 0, b > 0, c > 0],
        lift=lambda value: {"stock": [value["stock[0]"], value["stock[1]"]], "supply": value["supply"]},
    )


@claim(
    paper="zhu2021",
    label="Figure 1",
    part="1b",
    statement="""In 1b (theta_3 = (6, 5)), condition 2 is violated. There are multiple ways to maximize payoff. One
        could invest in 0.5 units of theta_3 projects, or invest in 0.25 units each of theta_1 and theta_2 projects.""",
    reading="""With theta_1 = (12, 0), theta_2 = (0, 10), theta_3 = (6, 5): all three lie on the plane x_1/12 +
        x_2/10 = 1 and theta_3 = (theta_1 + theta_2) / 2; the two investments use the same resources, (3, 5/2), for
        the same payoff 1/2, which nothing exceeds with that stock.""",
    hypotheses=[figure_1b],
    proof="At prices (1/12, 1/10) each type costs exactly 1, so any investment is worth what it uses.",
    expected="proved",
)
def two_ways(run: Run) -> Iterator[Evidence]:
    """The two investments, and every other by Z3."""
    import z3

    needs = [[12, 0], [0, 10], [6, 5]]

    def same(instance: Instance, factor: int = 1) -> bool:
        used = [[sum(a * n[r] for a, n in zip(instance[name], needs, strict=True)) for r in range(2)]
                for name in ("first", "second")]  # fmt: skip
        payoff = [sum(instance[name]) for name in ("first", "second")]
        on_plane = all(Fraction(n[0], 12) + Fraction(n[1], 10) == 1 for n in needs)
        return used[0] == used[1] == [3, Fraction(5, 2)] and payoff[0] == factor * payoff[1] and on_plane

    half, quarter = Fraction(1, 2), Fraction(1, 4)
    yield exhaustive.check(
        same,
        grid=[{"first": [0, 0, half], "second": [quarter, quarter, 0]}],
        control=("one is twice as good", lambda instance: same(instance, 2)),
        hypotheses=run.hypotheses,
        range="the two investments of the figure",
        complete=True,
    )
    a, b, c = z3.Reals("a b c")
    yield smt.prove(
        a + b + c <= z3.RealVal("1/2"),
        given=[a >= 0, b >= 0, c >= 0, 12 * a + 6 * c <= 3, 10 * b + 5 * c <= z3.RealVal("5/2")],
        control=("less than that", a + b + c < z3.RealVal("1/2")),
        range="every investment with the stock (3, 5/2)",
        complete=True,
        lift=lambda value: {"first": [0, 0, half], "second": [value["a"], value["b"], value["c"]]},
    )
