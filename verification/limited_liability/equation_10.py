"""Equations (10) and (11): under truth the expected incentive regret is not far below 0."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
HALF = Fraction(1, 2)


def values_given(instance: Instance) -> bool:
    """Values in [0, 1] of at least one agent for at least one decision; all are truthful."""
    values = instance["values"]
    return len(values) >= 1 and len({len(row) for row in values}) == 1 <= len(values[0]) and min(map(min, values)) >= 0


def several(instance: Instance) -> bool:
    """Two or more agents, all values positive."""
    return len(instance["values"]) >= 2 and min(map(min, instance["values"])) > 0


def outputs_and_regret(instance: Instance) -> bool:
    """A regret of at least one agent, and a change of it."""
    return len(instance["regrets"]) >= 1 and len(instance["regrets"]) == len(instance["changes"])


def expected(values: list[Any]) -> list[Any]:
    """E[Y_-i(I\\i) - Y_-i(I)] of every agent."""
    totals = [sum(column) for column in zip(*values, strict=True)]
    taken = totals.index(max(totals))
    found = []
    for row in values:
        others = [total - own for total, own in zip(totals, row, strict=True)]
        found.append(max(others) - others[taken])
    return found


@claim(
    paper="chassang2021",
    label="Equation (11)",
    statement="E (R-_{T+1})^2 <= E (R-_T)^2 - 2 E <R-_T, R_{T+1} - R_T> + E (R_{T+1} - R_T)^2, with R- = max(0, -R).",
    reading="For all reals R and all changes of it, so that it holds in expectation.",
    hypotheses=[outputs_and_regret],
    proof="max(0, x)^2 <= x^2 with x = R- - dR, and R- - dR >= (R + dR)- where the latter is positive.",
    expected="proved",
)
def minus(run: Run) -> Iterator[Evidence]:
    """By Z3; a grid."""
    import z3

    regret, change = z3.Reals("regret change")
    before, after = smt.positive_part(-regret), smt.positive_part(-regret - change)
    yield smt.prove(
        after * after <= before * before - 2 * before * change + change * change,
        control=("with + in place of -", after * after <= before * before + 2 * before * change + change * change),
        range="all reals",
        complete=True,
        lift=lambda value: {"regrets": [value["regret"]], "changes": [value["change"]]},
    )

    def holds(instance: Instance, sign: int = -1) -> bool:
        pairs = list(zip(instance["regrets"], instance["changes"], strict=True))
        return all(max(0, -r - d) ** 2 <= max(0, -r) ** 2 + sign * 2 * max(0, -r) * d + d**2 for r, d in pairs)

    yield exhaustive.check(
        holds,
        grid=exhaustive.Grid(each={"regrets": [-2, -1, 0, HALF, 1], "changes": [-2, -1, 0, HALF, 1, 2]}),
        control=("with + in place of -", lambda instance: holds(instance, 1)),
        hypotheses=run.hypotheses,
    )


def replay_strict(instance: Instance) -> str | None:
    """Agent by agent, with the others' best decision and the one taken."""
    values = instance["values"]
    best = max(range(len(values[0])), key=lambda a: sum(row[a] for row in values))
    for agent in range(len(values)):
        others = [sum(row[a] for j, row in enumerate(values) if j != agent) for a in range(len(values[0]))]
        if max(others) == others[best]:
            return (
                f"decision {best + 1} is taken; the others of agent {agent + 1} expect {others[best]} from it, and "
                f"at most {max(others)} from any\nE[Y_-i(I\\i) - Y_-i(mu)] = 0 with mu(I) = 1, which is not > 0"
            )
    return None


@claim(
    paper="chassang2021",
    label="Equation (10)",
    part="a step of its proof",
    statement="The assumption of private values implies that E[Y_-i(I\\i) - Y_-i(mu) | m_-i = v_-i] > 0.",
    reading="For all n, decisions and values, with mu(I) = 1: it is > 0 for every agent.",
    hypotheses=[values_given, several],
    replay=replay_strict,
    expected="refuted",
    repaired_by="limited_liability.equation_10_private_values",
)
def strict(run: Run) -> Evidence:
    """Values of a grid."""
    return exhaustive.check(
        lambda instance: min(expected(instance["values"])) > 0,
        grid=exhaustive.Grid(agents=(2, 3), each={"values": [[HALF, 1], [1, HALF], [1, 1]]}),
        control=("> 1", lambda instance: min(expected(instance["values"])) > 1),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (10)",
    part="private values",
    statement="The assumption of private values implies that E[Y_-i(I\\i) - Y_-i(mu) | m_-i = v_-i] >= 0.",
    reading="For all n, decisions, values and lotteries over all groups, where the agents but i are truthful: >= 0.",
    hypotheses=[values_given],
    proof="a*(m|I\\i) maximises what the others expect, and mu picks among decisions.",
    expected="proved",
)
def weak(run: Run) -> Iterator[Evidence]:
    """One decision against the best by Z3, which is every lottery; values of a grid."""
    import z3

    most, first, second, chance = z3.Reals("most first second chance")
    yield smt.prove(
        most - (chance * first + (1 - chance) * second) >= 0,
        given=[most >= first, most >= second, chance >= 0, chance <= 1, first >= 0, second >= 0],
        control=("> 0", most - (chance * first + (1 - chance) * second) > 0),
        range="every number of agents and decisions; lotteries by repeated mixing of two",
        complete=True,
        lift=lambda value: {"values": [[0, 0], [value["first"], value["most"]]]},
    )
    yield exhaustive.check(
        lambda instance: min(expected(instance["values"])) >= 0,
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"values": [[a, b] for a in (0, 1, 2) for b in (0, 1, 2)]}),
        control=("> 0", lambda instance: min(expected(instance["values"])) > 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (10)",
    statement="Under truthful reporting by all agents, the assumption of private values implies that for all i, "
    "E R_i,N >= -o(N).",
    reading="""For every n and N, where the agents but i are truthful: E (R-_i,N)^2 <= N n^2 y_max^2, hence E R_i,N
        >= -n y_max sqrt(N). Other agents' truth is needed, i's is not.""",
    hypotheses=[books.path_given],
    proof="""(11) with tau_i = 0 where R-_i > 0, an externality of expectation >= 0 and |dR_i| <= n y_max; then E
        R >= -E R- >= -sqrt(E (R-)^2).""",
    rests_on=["limited_liability.equation_11", "limited_liability.equation_10_private_values"],
    expected="proved",
)
def regret(run: Run) -> Iterator[Evidence]:
    """The induction over periods by Z3; changes on all paths of a grid."""
    import z3

    before, after, product, squared, time, n, mean, root = z3.Reals("before after product squared T n mean root")
    yield smt.prove(
        z3.And(after <= (time + 1) * n * n, mean >= -n * root),
        given=[
            n >= 1, time >= 0, before <= time * n * n, after <= before - 2 * product + squared, product >= 0,
            squared <= n * n, after >= 0, root >= 0, root * root == time + 1, mean <= 0, mean * mean <= after,
        ],
        control=("without the change of the last period", after <= time * n * n),
        range="every number of agents and periods",
        complete=True,
        lift=lambda value: books.PATH,
    )  # fmt: skip

    def small(instance: Instance, most: int = 0) -> bool:
        limit = most or len(instance["regrets"])
        return all(
            abs(change) <= limit and (known >= 0 or change >= -(limit - 1) or most)
            for known, change in zip(instance["regrets"], books.step(instance)[1], strict=True)
        )

    yield exhaustive.check(
        lambda instance: all(small({**EMPTY, "outputs": outputs}) for outputs in instance["path"]),
        grid=books.Paths(2, 2, every=7),
        control=(
            "at most 0 in size",
            lambda i: all(abs(d) <= 0 for o in i["path"] for d in books.step({**EMPTY, "outputs": o})[1]),
        ),
        hypotheses=run.hypotheses,
    )


EMPTY = {"efficiency": 1, "regrets": [1, -1]}


def unlucky(instance: Instance) -> bool:
    """Two truthful agents with values in (0, 1) but v_1(a) >= 0; agent 1 moves the decision from a to b."""
    (first_a, first_b), (second_a, second_b) = instance["values"]
    inside = 0 <= first_a < 1 and all(0 < value < 1 for value in (first_b, second_a, second_b))
    moves = second_a > second_b and first_b > first_a and first_a + second_a < first_b + second_b
    return inside and moves and instance["periods"] == int(instance["periods"]) >= 1


@claim(
    paper="chassang2021",
    label="Section 6",
    part="large positive externality",
    statement="It is unlikely but possible that sum Y_-i,t(mu_t) - Y_-i,t(I\\i) >> 0 (in the mechanism of Section 4).",
    reading="""n = 2, every T >= 1 and values with which agent 1's truth moves the decision: with outputs 0 or 1
        there is a path of positive probability under truth with R_1,T = -T, the least value that two agents
        can reach without payments. So (10) holds in expectation and on no path for sure.""",
    hypotheses=[unlucky],
    proof="""Agent 2 produces 1 from b and 0 from a, agent 1 nothing. Then R^I, R_2 stay 0, R_1 <= 0, hence mu(I) = 1,
        nobody pays, and R_1 falls by 1 a period.""",
    expected="proved",
)
def rare(run: Run) -> Iterator[Evidence]:
    """The invariant by Z3; the path itself."""
    import z3

    time, regret, change, share = z3.Reals("T regret change share")
    values = {"values": [[0, HALF], [HALF, Fraction(1, 4)]]}
    yield smt.prove(
        regret + change == -(time + 1),
        given=[time >= 0, regret == -time, share == z3.If(regret > 0, 0, 1), change == 0 - share * 1],
        control=("half as fast", regret + change == -(time + 1) / 2),
        range="every T, induction",
        complete=True,
        lift=lambda value: {**values, "periods": 5},
    )

    def falls(instance: Instance) -> bool:
        outputs = [[0, 1], [0, 0], [0, 1]]  # b is taken for I and for agent 1 alone, a for agent 2 alone
        *_, (efficiency, own) = books.play([outputs] * instance["periods"])
        return bool(efficiency == 0 and own == [-instance["periods"], 0])

    yield exhaustive.check(
        falls,
        grid=exhaustive.Grid(scalars={**{k: [v] for k, v in values.items()}, "periods": [1, 2, 5, 20, 60]}),
        control=("never", lambda instance: not falls(instance)),
        hypotheses=run.hypotheses,
    )
