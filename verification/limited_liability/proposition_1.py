"""Proposition 1: the pivot mechanism, and what Section 3 says about it."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic


def values_given(instance: Instance) -> bool:
    """Values v_i(a) >= 0 of at least one agent for at least one decision; agent 1 may state others."""
    values = instance["values"]
    rows = [*values, instance["stated"]]
    return len(values) >= 1 and len({len(row) for row in rows}) == 1 <= len(rows[0]) and min(map(min, rows)) >= 0


def best(rows: list[Any]) -> int:
    """The first of the decisions that are best for some agents; of none, the first decision."""
    totals = [sum(column) for column in zip(*rows, strict=True)] if rows else [0]
    return totals.index(max(totals))


def pivot(values: list[Any], agent: int, stated: Any) -> tuple[int, Any]:
    """The decision and an agent's transfer where it states something and the others their values."""
    others = [row for place, row in enumerate(values) if place != agent]
    taken, without = best([*others, stated]), best(others)
    return taken, sum(row[without] - row[taken] for row in others)


def grid(decisions: int = 2) -> Iterator[dict[str, Any]]:
    """Values 0, 1 or 2 of one to three agents (two decisions), or two agents (three decisions)."""
    vectors = [list(vector) for vector in product((0, 1, 2), repeat=decisions)]
    for agents in (1, 2, 3) if decisions == 2 else (2,):
        for values in product(vectors, repeat=agents):
            for stated in vectors:
                yield {"values": [list(row) for row in values], "stated": stated}


def truthful(instance: Instance, *, charge: int = 1) -> bool:
    """Whether transfers are nonnegative, truth is a best reply, and the truth's decision efficient."""
    values = instance["values"]
    honest, due = pivot(values, 0, values[0])
    other, owed = pivot(values, 0, instance["stated"])
    totals = [sum(column) for column in zip(*values, strict=True)]
    better = values[0][honest] - charge * due >= values[0][other] - charge * owed
    return min(due, owed) >= 0 and better and totals[honest] == max(totals)


@claim(
    paper="chassang2021",
    label="Proposition 1",
    statement="""For all i, t, transfers are positive: tau_it >= 0. Truthful revelation is a perfect Bayesian
        equilibrium which implements efficient allocation.""",
    reading="""For every number of agents and decisions and all reports: transfers are at least 0. For all reports of
        the others, an agent's expected payoff of a period is greatest under truth; the decision under truth maximises
        the sum of expected outputs. Values are exogenous and nobody reacts to a report, so that this holds period by
        period from every history on.""",
    hypotheses=[values_given],
    proof="""Payoff = own value plus the others' stated values at the decision, less a term that the agent does not
        affect; the truth makes the mechanism maximise just that. Under truth the decision is efficient by
        definition.""",
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """Own value and the others' total at the decisions concerned, by Z3; all profiles of a grid."""
    import z3

    own, others, moved, rest, alone, own_alone = z3.Reals("own others moved rest alone own_alone")
    yield smt.prove(
        z3.And(alone - others >= 0, own - (alone - others) >= moved - (alone - rest)),
        given=[
            own >= 0, moved >= 0, own_alone >= 0, others >= 0, rest >= 0,
            own + others >= moved + rest, own + others >= own_alone + alone,  # a*(I) under the truth
            alone >= others, alone >= rest,  # a*(I without i)
        ],
        control=("half of the externality", own - (alone - others) / 2 >= moved - (alone - rest) / 2),
        range="every number of agents and decisions (an agent, the others' total)",
        complete=True,
        lift=lambda value: {
            "values": [[value["own"], value["moved"], value["own_alone"]],
                       [value["others"], value["rest"], value["alone"]]],
            "stated": [value["moved"], value["own"], 0],
        },
    )  # fmt: skip
    yield exhaustive.check(
        truthful,
        grid=[*grid(), *grid(3)],
        control=("twice the externality", lambda instance: truthful(instance, charge=2)),
        hypotheses=run.hypotheses,
        range="values 0, 1 or 2: one to three agents with two decisions, two agents with three",
    )


@claim(
    paper="chassang2021",
    label="Section 3",
    part="positive surplus",
    statement="""Under the pivot mechanism, agents get positive surplus in expectation: E[y(a) - tau] >= 0. Without
        uncertainty about returns this would imply y(a) >= tau.""",
    reading="""For every number of agents and decisions, all reports of the others, under truth: v_i(a*) >= tau_i; and
        with y = v the transfer is at most the output.""",
    hypotheses=[values_given],
    proof="own + others at a* is at least the same at the decision that is best for the others, where own >= 0.",
    expected="proved",
)
def surplus(run: Run) -> Iterator[Evidence]:
    """By Z3; all profiles of a grid."""
    import z3

    own, others, alone, own_alone = z3.Reals("own others alone own_alone")
    yield smt.prove(
        own - (alone - others) >= 0,
        given=[own >= 0, own_alone >= 0, others >= 0, own + others >= own_alone + alone, alone >= others],
        control=("also after a charge of 1", own - (alone - others) >= 1),
        range="every number of agents and decisions",
        complete=True,
        lift=lambda value: {
            "values": [[value["own"], value["own_alone"]], [value["others"], value["alone"]]],
            "stated": [value["own"], value["own_alone"]],
        },
    )

    def rational(instance: Instance, spare: int = 0) -> bool:
        taken, due = pivot(instance["values"], 0, instance["values"][0])
        return bool(instance["values"][0][taken] - due >= spare)

    yield exhaustive.check(
        rational,
        grid=list(grid()),
        control=("and 1 is left", lambda instance: rational(instance, 1)),
        hypotheses=run.hypotheses,
        range="values 0, 1 or 2: one to three agents, two decisions",
    )


def levels(instance: Instance) -> bool:
    """Two agents want one resource; values are independent and uniform on 1, ..., m, m >= 2."""
    return instance["levels"] == int(instance["levels"]) >= 2


@claim(
    paper="chassang2021",
    label="Section 3",
    part="bid rotation",
    statement="""The dynamic nature of the game creates scope for collusive strategies among bidders, for instance bid
        rotation. This would result in inefficient allocation.""",
    reading="""Two agents, one resource, values uniform on {1, ..., m}, every m >= 2: taking turns pays each of them
        more than the pivot mechanism under truth, (m + 1)/4 against (m^2 - 1)/(6 m), and the surplus is lower.""",
    hypotheses=[levels],
    proof="""The difference of payoffs is (m + 1)(m + 2)/(12 m). For m large, in units of m: 1/4 against 1/6, surplus
        1/2 against 2/3.""",
    expected="proved",
)
def rotation(run: Run) -> Iterator[Evidence]:
    """Sums for a symbol m; the pivot mechanism for small m."""
    import sympy

    extra = symbolic.positive("extra")  # m = 2 + extra, an integer for the sums below
    m, j, k = sympy.symbols("m j k", integer=True, positive=True)
    truth = sympy.summation(sympy.summation(j - k, (k, 1, j)), (j, 1, m)) / m**2  # E (v1 - v2)+
    turns = sympy.summation(j, (j, 1, m)) / m / 2
    highest = sympy.summation(j * (2 * j - 1), (j, 1, m)) / m**2
    gains = {"payoff of turns less truth": turns - truth, "surplus of truth less turns": highest - 2 * turns}
    gains = {text: sympy.factor(sympy.simplify(gain)).subs(m, 2 + extra) for text, gain in gains.items()}
    yield symbolic.nonnegative(
        lambda case: gains[case],
        cases=list(gains),
        control=("the other way round", lambda case: -gains[case]),
        range="every m >= 2: payoffs and surplus",
        complete=True,
        lift=lambda case, value: {"levels": 3},
    )
    yield exhaustive.check(
        lambda instance: averages(instance["levels"]) == closed(instance["levels"]),
        grid=exhaustive.Grid(scalars={"levels": [2, 3, 4, 5, 6]}),
        control=("with m^2 in place of m^2 - 1", lambda i: averages(i["levels"])[0] == Fraction(i["levels"], 6)),
        hypotheses=run.hypotheses,
    )


def averages(size: int) -> tuple[Fraction, Fraction]:
    """Agent 1's payoff under truth by the pivot mechanism, and the surplus, over all pairs of values."""
    payoff = surplus_sum = Fraction(0)
    for first, second in product(range(1, size + 1), repeat=2):
        values = [[first, 0], [0, second]]
        taken, due = pivot(values, 0, values[0])
        payoff += values[0][taken] - due
        surplus_sum += values[0][taken] + values[1][taken]
    return payoff / size**2, surplus_sum / size**2


def closed(size: int) -> tuple[Fraction, Fraction]:
    """The closed forms."""
    return Fraction(size**2 - 1, 6 * size), Fraction((size + 1) * (4 * size - 1), 6 * size)


def losing(instance: Instance) -> bool:
    """One resource: values >= 0, a bidder whose value is below another's, and states something below that, too."""
    values, bidder = instance["bids"], instance["bidder"]
    if not 1 <= bidder <= len(values) or min(values) < 0:
        return False
    return instance["lie"] >= 0 and bool(max(values[bidder - 1], instance["lie"]) < max(values))


def all_stay(instance: Instance, lie: Any = None) -> bool:
    """Whether nobody gains by another bid where the bidder lies and all others are truthful, and who is best wins."""
    values, liar = instance["bids"], instance["bidder"] - 1
    bids = [(instance["lie"] if lie is None else lie) if i == liar else value for i, value in enumerate(values)]

    def bid(agent: int, amount: Any) -> list[Any]:
        return [amount if place == agent else 0 for place in range(len(values))]

    for agent, value in enumerate(values):
        rows = [bid(place, amount) for place, amount in enumerate(bids)]
        kept = [bid(agent, value)[taken] - due for taken, due in (pivot(rows, agent, rows[agent]),)]
        others = [pivot(rows, agent, bid(agent, amount)) for amount in (0, 1, 2, 3, Fraction(1, 2), value)]
        if kept[0] < max(bid(agent, value)[taken] - due for taken, due in others):
            return False
    return values[pivot(rows, len(values) - 1, rows[-1])[0]] == max(values)


@claim(
    paper="chassang2021",
    label="Footnote 6",
    statement="""There may exist other equilibria. For instance, in auctions, bidders who know they will be losing
        in equilibrium may misrepresent their values.""",
    reading="""For every number of bidders for one resource, all values and every bidder whose value is below the
        highest: if he states any other value below the highest and all others are truthful, nobody gains by another
        bid, and the allocation is efficient. (What the winner pays can change.)""",
    hypotheses=[losing],
    proof="""To win the liar has to pay the highest of the others' bids, which is more than his value. The winner pays
        the highest of the other bids, at most her own value; the other losers are as in truth.""",
    expected="proved",
)
def losers(run: Run) -> Iterator[Evidence]:
    """A loser and the winner against the highest other bid by Z3; every bid of a grid."""
    import z3

    value, lie, winner, rest, bid = z3.Reals("value lie winner rest bid")
    second = smt.maximum(lie, rest)
    yield smt.prove(
        z3.And(
            z3.If(bid > winner, value - winner, 0) <= 0,  # the liar, and so every other loser
            winner - second >= z3.If(bid > second, winner - second, 0),
        ),
        given=[value >= 0, lie >= 0, value < winner, lie < winner, rest >= 0, rest <= winner, bid >= 0],
        control=("without the winner", z3.If(bid > rest, value - rest, 0) <= 0),
        range="every number of bidders: a loser, the winner, the highest of the rest, any bid",
        complete=True,
        nontrivial=[lie != value, rest > 0, bid > winner],
        lift=lambda found: {
            "bids": [found["winner"], found["value"], found["rest"]], "bidder": 2, "lie": found["lie"],
        },
    )  # fmt: skip
    yield exhaustive.check(
        all_stay,
        grid=exhaustive.Grid(
            agents=(2, 3),
            each={"bids": [0, 1, 2, 3]},
            scalars={"bidder": [1, 2, 3], "lie": [0, Fraction(1, 2), 1, 2]},
        ),
        control=("also with a lie above the highest value", lambda i: all_stay(i, 4)),
        hypotheses=run.hypotheses,
    )
