"""Equations (A.7) to (A.10) and Lemma A.1: the regrets of Appendix A.1 of an agent that is truthful."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_bounded")
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


def truthful(instance: Instance) -> bool:
    """Values in (0, 1] by agent and decision, the same every period and stated truthfully; outputs are 0 or 1."""
    values = instance["values"]
    inside = all(0 < value <= 1 for row in values for value in row)
    return inside and len(values) >= 1 <= len(values[0]) and instance["periods"] == int(instance["periods"]) >= 1


GIVEN: dict[str, Any] = {"values": [[QUARTER, HALF], [1, QUARTER]], "periods": 3}
HISTORIES = [
    {"values": values, "periods": periods}
    for values in ([[HALF]], [[QUARTER, HALF], [1, QUARTER]], [[HALF, QUARTER], [QUARTER, HALF]])
    for periods in (1, 2, 3)
]


def upper(name: str) -> Callable[[Run], Iterator[Evidence]]:
    """Evidence for (A.7) and (A.8)."""

    def gather(run: Run) -> Iterator[Evidence]:
        import z3

        before, after, product, squared, time, mean, root = z3.Reals("before after product squared T mean root")
        regret, change = z3.Reals("regret change")
        plus, more = smt.positive_part(regret), smt.positive_part(regret + change)
        yield smt.prove(
            z3.And(
                more * more <= plus * plus + 2 * plus * change + change * change,
                after <= time + 1,
                z3.Implies(mean >= 0, mean <= root),
            ),
            given=[
                time >= 0, before <= time, after <= before + 2 * product + squared, product == 0, squared <= 1,
                mean * mean <= after, root >= 0, root * root == time + 1,
            ],
            control=("the bound of the period before", after <= time),
            range="every number of agents and periods, induction (E R+ = mean)",
            complete=True,
            lift=lambda value: GIVEN,
        )  # fmt: skip
        yield exhaustive.check(
            lambda i: (
                books.expected(i["values"], i["periods"], name) <= 0
                or books.expected(i["values"], i["periods"], name) ** 2 <= i["periods"]
            ),
            grid=HISTORIES,
            control=("below 0", lambda i: books.expected(i["values"], i["periods"], name) < 0),
            hypotheses=run.hypotheses,
            range="all histories of up to 3 periods at three profiles of values",
        )

    return gather


def mean_a(run: Run) -> Iterator[Evidence]:
    """The induction by Z3, and histories."""
    return upper("a")(run)


def mean_b(run: Run) -> Iterator[Evidence]:
    """The induction by Z3, and histories."""
    return upper("b")(run)


MEANS = [
    claim(
        paper="chassang2021",
        label=f"Equation (A.{number})",
        statement=f"For any strategy profile such that i reports truthfully, E R^{letter}_i,T <= o(T).",
        reading="For every n and T, whatever the others report: at most y_max sqrt(T).",
        hypotheses=[truthful],
        proof="""Where the regret is positive the weight is 1 and the surprise y - v has mean 0: E (R+)^2 grows by at
        most 1.""",
        expected="proved",
    )(gather)
    for number, letter, gather in ((7, "A", mean_a), (8, "B", mean_b))
]


@claim(
    paper="chassang2021",
    label="Equation (A.9)",
    statement="For any strategy profile such that i reports truthfully, E sum_t (1 - lambda_i,t) <= o(T).",
    reading="""For every n and T, whatever the others report, where i's values are at least v > 0: at most 2 y_max
        sqrt(T) / v.""",
    hypotheses=[truthful],
    proof="v E sum (1 - lambda) <= E sum (1 - lambda) v_i(a) = E sum (y - lambda v_i(a)) = E (R^A + R^B).",
    rests_on=["limited_liability.equation_a_7", "limited_liability.equation_a_8"],
    expected="proved",
)
def left_out(run: Run) -> Iterator[Evidence]:
    """By Z3; histories."""
    import z3

    floor, out, weighted, a, b, root = z3.Reals("floor out weighted A B root")
    yield smt.prove(
        out * floor <= 2 * root,
        given=[floor > 0, out >= 0, floor * out <= weighted, weighted == a + b, a <= root, b <= root],
        control=("half of it", out * floor <= root),
        range="every number of agents and periods",
        complete=True,
        lift=lambda value: GIVEN,
    )

    def small(instance: Instance, factor: int = 4) -> bool:
        values, periods = instance["values"], instance["periods"]
        out = books.expected(values, periods, "left_out")
        return bool((out * min(values[0])) ** 2 <= factor * periods)

    yield exhaustive.check(
        small,
        grid=HISTORIES,
        control=("never left out", lambda instance: small(instance, 0)),
        hypotheses=run.hypotheses,
        range="all histories of up to 3 periods at three profiles of values",
    )


def rare_success(instance: Instance) -> bool:
    """One agent with one decision of value v in (0, 1), outputs 0 or 1; T >= 4 periods."""
    return bool(0 < instance["value"] < 1 and instance["periods"] == int(instance["periods"]) >= 4)


def replay_floor(instance: Instance) -> str | None:
    """The chain by hand: after a failure the agent is left out until its first success."""
    value, periods = Fraction(instance["value"]), int(instance["periods"])
    # Failure in period 1 (R^v stays 0 with one agent): R^B = -v < 0, and lambda = 0 until an output of 1.
    out = sum(((1 - value) ** t for t in range(1, periods)), Fraction(0))  # P(no success in periods 1..t) at least
    if 2 * out <= periods:
        return None
    return (
        f"n = 1, v = {value}, outputs 0 or 1: R^v = 0, so lambda depends on R^B\n"
        "without a success in periods 1 to t (probability (1 - v)^t) R^B = -v and lambda_(t+1) = 0\n"
        f"E sum (1 - lambda) is at least {out} > T/2 = {Fraction(periods, 2)}\n"
        "at v = 1/(4 T) the same holds for every T >= 4: no bound that is o(T) is free of the floor"
    )


@claim(
    paper="chassang2021",
    label="Lemma A.1",
    part="what its bounds depend on",
    statement="... E sum_t (1 - lambda_i,t) <= o(T), where o(T) depends only on T, |I|, and y_max.",
    reading="""There is a function of T, n and y_max alone that is o(T) and bounds it whatever the floor on values
        is; so it is at most T/2 for some T >= 4, at every value. An instance counts as failed where its
        expectation exceeds T/2.""",
    hypotheses=[rare_success],
    replay=replay_floor,
    expected="refuted",
    repaired_by="limited_liability.equation_a_9",
)
def floor_free(run: Run) -> Evidence:
    """Values and horizons of a grid, by the mechanism."""
    return exhaustive.check(
        lambda i: 2 * books.expected([[i["value"]]], i["periods"], "left_out") <= i["periods"],
        grid=exhaustive.Grid(scalars={"value": [HALF, QUARTER, Fraction(1, 16)], "periods": [4, 5, 6]}),
        control=("never left out", lambda i: books.expected([[i["value"]]], i["periods"], "left_out") <= 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (A.10)",
    statement="For any strategy profile such that i reports truthfully, E R^tau_i,T >= o(T).",
    reading="With -o(T) meant: for every n and T, whatever the others report: at least -y_max - y_max sqrt(T).",
    hypotheses=[truthful],
    proof="R^tau = R^v - R^A with R^v >= -1 and E R^A <= sqrt(T).",
    rests_on=["limited_liability.equation_a_5", "limited_liability.equation_a_6", "limited_liability.equation_a_7"],
    expected="proved",
)
def incentive_mean(run: Run) -> Iterator[Evidence]:
    """By Z3; histories."""
    import z3

    value, a, root, regret = z3.Reals("value A root regret")
    yield smt.prove(
        regret >= -1 - root,
        given=[value >= -1, a <= root, root >= 0, regret == value - a],
        control=("without the 1", regret >= -root),
        range="every number of agents and periods",
        complete=True,
        lift=lambda value: GIVEN,
    )

    def high(instance: Instance) -> bool:
        regret = books.expected(instance["values"], instance["periods"], "incentive")
        return bool(regret >= -1 or (regret + 1) ** 2 <= instance["periods"])

    yield exhaustive.check(
        high,
        grid=HISTORIES,
        control=("at least 1", lambda i: books.expected(i["values"], i["periods"], "incentive") >= 1),
        hypotheses=run.hypotheses,
        range="all histories of up to 3 periods at three profiles of values",
    )


@claim(
    paper="chassang2021",
    label="Lemma A.1",
    statement="Bounds (A.3) to (A.6) for all strategies, (A.7) to (A.10) where i reports truthfully.",
    reading="""With explicit constants (y_max = 1): R^A, R^B >= -1, R^v in [-1, n - 1], R^tau <= n; E R^A, E R^B <=
        sqrt(T), E sum (1 - lambda) <= 2 sqrt(T) / v, E R^tau >= -1 - sqrt(T). All are at most eta T for T
        large.""",
    hypotheses=[truthful],
    proof="(A.3) to (A.10).",
    rests_on=[f"limited_liability.equation_a_{number}" for number in range(3, 11)],
    expected="proved",
)
def lemma(run: Run) -> Iterator[Evidence]:
    """That the bounds are o(T), by Z3; histories."""
    import z3

    root, eta, n, floor = z3.Reals("root eta n floor")
    yield smt.prove(
        z3.And(
            n <= eta * root * root, root <= eta * root * root, 1 + root <= eta * root * root,
            2 * root <= eta * floor * root * root,
        ),
        given=[root >= 1, n >= 1, floor > 0, floor <= 1, eta > 0, eta * root >= n + 2, eta * root * floor >= 2],
        control=("for every T", n <= eta * n),
        range="every n, floor, eta and T >= max((n + 2) / eta, 2 / (eta v))^2 (T = root^2)",
        complete=True,
        lift=lambda value: GIVEN,
    )  # fmt: skip

    def bounds(instance: Instance, spare: int = 1) -> bool:
        agents = len(instance["values"])
        return all(
            min(*state["a"], *state["b"], *state["value"]) >= -spare
            and max(state["value"]) <= agents - 1
            and max(state["incentive"]) <= agents
            for _, state in books.tree(instance["values"], instance["periods"])
        )

    yield exhaustive.check(
        bounds,
        grid=HISTORIES,
        control=("regrets at least 0", lambda instance: bounds(instance, 0)),
        hypotheses=run.hypotheses,
        range="all histories of up to 3 periods at three profiles of values",
    )
