"""Section 8: who gains by untruthful second-stage reports, what they cost, and whether the truth can be alone."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
swap = catalog.beside(__file__, "proposition_4")


def positive(instance: Instance) -> bool:
    """All values are positive."""
    return all(x > 0 for v in instance["values"] for x in v)


def negative(instance: Instance) -> bool:
    """All values are negative."""
    return all(x < 0 for v in instance["values"] for x in v)


def not_at_the_limit(instance: Instance) -> bool:
    """At the true times no agent's value is 1, first or second."""
    return all(x < 1 for place in pair.payoffs(instance) for x in place)


HEIGHTS = [
    {"values": [list(one), list(two)], "time": list(time)}
    for sign in (1, -1)
    for one in ([sign] * 5, [sign * Fraction(k, 8) for k in (5, 4, 3, 2, 1)])
    for two in ([sign * pair.HALF] * 5, [sign * Fraction(k, 8) for k in (1, 8, 1, 8, 1)])
    for time in ((0, 1), (pair.HALF, pair.HALF), (1, pair.HALF))
]
HEIGHTS_RANGE = "constant, falling and zigzag functions of one sign"


@claim(
    paper="zheng2023",
    label="Section 8",
    part="positive values: the truth or the swap",
    statement="""If agents themselves are willing to pay to use the resource at any time and know that the other agent
        is [...] (both agents' value functions are positive), then it is in the best interest of both agents to report
        truthfully in the second stage.""",
    reading="""Of the two equilibria compared there, for all v > 0 and all t: the truth gives both agents more than
        the swapped reports of Proposition 4.""",
    hypotheses=[pair.functions, positive],
    rests_on=["borrowing.proposition_5_repaired_profile_by_profile"],
    proof="Agent i gets v_j(t_j) + v_j(t1 + t2) > 0 less by the swap.",
    expected="proved",
)
def truth_or_swap(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; a grid."""
    yield one_sign(1)
    yield on_grid(run, 1)


@claim(
    paper="zheng2023",
    label="Section 8",
    part="negative values",
    statement="""Suppose both agents are only willing to receive money, and each agent knows that the other agent is
        also only willing to receive money. In that case, agents may implicitly collude with one another to increase
        individual utilities.""",
    reading="""For all v < 0 and all t: the swapped equilibrium of Proposition 4 gives both agents more than the
        truth, so in the sense of Definition 7, too.""",
    hypotheses=[pair.functions, negative],
    rests_on=["borrowing.proposition_5_repaired_profile_by_profile", "borrowing.proposition_4"],
    proof="Agent i gets -(v_j(t_j) + v_j(t1 + t2)) > 0 more by the swap.",
    expected="proved",
)
def collude(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; a grid."""
    yield one_sign(-1)
    yield on_grid(run, -1)


def one_sign(sign: int) -> Evidence:
    """The truth gives more (sign 1), or less (-1), where all values have that sign."""
    import z3

    first, second, given = pair.terms()

    def less(share: Fraction, agent: int, margin: Any = 0) -> Any:
        truth, told = pair.total(share, first, second), swap.swapped(share, first, second)[agent]
        return sign * (truth - told) > margin

    def example(value: dict[str, Any]) -> Instance:
        found = pair.lift(value)
        return {**found, "values": [[x if x else sign * pair.HALF for x in v] for v in found["values"]]}

    return smt.prove(
        pair.every(lambda share: z3.And(less(share, 0), less(share, 1))),
        given=[*given, *(sign * x > 0 for x in (*first, *second))],
        control=("by more than 1/2", pair.every(lambda share: less(share, 0, pair.HALF))),
        range="all value functions of this sign, all times",
        complete=True,
        lift=example,
    )


def on_grid(run: Run, sign: int) -> Evidence:
    """The same for functions of a grid."""

    def right(instance: Instance, margin: Any = 0) -> bool:
        first, second = pair.payoffs(instance)
        share = pair.chance(first, second)
        truth = pair.total(share, first, second)
        return all(sign * (truth - told) > margin for told in swap.swapped(share, first, second))

    return exhaustive.check(
        right,
        grid=HEIGHTS,
        control=("by more than 1", lambda i: right(i, 1)),
        hypotheses=run.hypotheses,
        range=HEIGHTS_RANGE,
    )


def shifted(instance: Instance) -> list[tuple[Fraction, Fraction]]:
    """Per agent: his utility at the truth, and where both report as much more as 1 allows (h = 0)."""
    first, second = pair.payoffs(instance)
    truth = pair.total(pair.chance(first, second), first, second)
    room = [1 - max(x, y) for x, y in zip(first, second, strict=True)]
    return [(truth, truth + room[1 - agent]) for agent in (0, 1)]


def replay(instance: Instance) -> str | None:
    """Every place and lottery with its transfers, one by one."""
    (one, two), (late_one, late_two) = pair.places_by_hats(instance)
    room = [1 - max(one, late_one), 1 - max(two, late_two)]
    if not all(r > 0 for r in room):
        return None
    orders = {"agent 1 first": (one, late_two), "agent 2 first": (late_one, two)}
    lines, reports, utilities = [], [], {}
    for name, (mine, others) in orders.items():
        told = [mine + room[0], others + room[1]]
        reports += told
        utilities[name] = (mine + told[1], others + told[0])
        lines.append(f"{name}: values {mine}, {others}; reports {told[0]}, {told[1]}; utilities "
                     f"{', '.join(map(str, utilities[name]))} and h")  # fmt: skip
    taken = max(orders, key=lambda name: sum(orders[name]))  # what a truthful first stage leads to
    truth = sum(orders[taken])
    stay = all(got[agent] <= utilities[taken][agent] for got in utilities.values() for agent in (0, 1))
    more = [utilities[taken][agent] - truth for agent in (0, 1)]
    if max(map(abs, reports)) > 1 or not stay or min(more) <= 0:
        return None
    lines.append(
        f"{taken} is best for both, so neither deviates; the truth gives each {truth}: less by {more[0]}, {more[1]}"
    )
    return "\n".join(lines)


@claim(
    paper="zheng2023",
    label="Section 8",
    part="positive values: the best interest",
    statement="""If both agents' value functions are positive, then it is in the best interest of both agents to
        report truthfully in the second stage.""",
    reading="""For all v > 0 and t: in no equilibrium with a truthful first stage do both agents get more than at the
        truth. The candidates here: each reports his payoff, shifted by as much as the limit 1 allows.""",
    hypotheses=[pair.functions, positive, not_at_the_limit],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.section_8_positive_values_the_truth_or_the_swap",
)
def best_interest(run: Run) -> Evidence:
    """Functions of a grid."""
    return exhaustive.check(
        lambda i: not all(other > truth for truth, other in shifted(i)),
        grid=HEIGHTS,
        control=("the truth gives nothing", lambda i: all(truth <= 0 for truth, _ in shifted(i))),
        hypotheses=run.hypotheses,
        range=HEIGHTS_RANGE,
    )


@claim(
    paper="zheng2023",
    label="Section 8",
    part="the deficit with constant values",
    statement="""Untruthful reporting in the second stage, such as in corollary 3, may result in the manager
        accumulating a severe budget deficit.""",
    reading="""For all beliefs over constants with means c_1, c_2 <= 1 of the two agents: reports of 1 cost 2 + 2h a
        round. With h = -(c_1 + c_2)/2 that is 2 - c_1 - c_2 > 0, unless the values are 1 for sure; with (7.3), where
        everything is a tie and h = 0, it is 2, and even the truth costs c_1 + c_2.""",
    hypotheses=[pair.functions],
    rests_on=["borrowing.corollary_3_where_1_is_in_v", "borrowing.proposition_3_ex_ante_budget_balanced_with_the_ties"],
    proof="Each is paid 1 + h.",
    expected="proved",
)
def deficit(run: Run) -> Iterator[Evidence]:
    """The means by Z3; constants on a grid."""
    import z3

    one, two = z3.Reals("mean_1 mean_2")
    constant = -(one + two) / 2
    yield smt.prove(
        z3.And(
            2 + 2 * constant == 2 - one - two,
            2 + 2 * constant >= 0,
            (2 + 2 * constant == 0) == z3.And(one == 1, two == 1),
        ),
        given=[one >= -1, one <= 1, two >= -1, two <= 1],
        control=("at least 1", 2 + 2 * constant >= 1),
        range="all beliefs over constants: their means",
        complete=True,
        lift=lambda value: {"values": [[value["mean_1"]] * 5, [value["mean_2"]] * 5], "time": [1, pair.HALF]},
    )

    def costs(instance: Instance, extra: int = 0) -> bool:
        first, second = pair.payoffs(instance)
        truth = sum(pair.worth(pair.chance(first, second), first, second))
        return bool(pair.chance(first, second) == pair.HALF and truth == first[0] + first[1] and 2 - truth >= extra)

    yield exhaustive.check(
        costs,
        grid=[i for i in pair.grid() if all(len(set(v)) == 1 for v in i["values"])],
        control=("at least 1", lambda i: costs(i, 1)),
        hypotheses=run.hypotheses,
        range="v1, v2 in {0, 1}, times in {0, 1/2, 1}",
    )
