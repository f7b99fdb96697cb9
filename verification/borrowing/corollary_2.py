"""Corollary 2: lies together never give an agent more than the truth; the step by which it is proved is false."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


@claim(
    paper="zheng2023",
    label="Corollary 2",
    statement="""For all untruthful ex-post Nash equilibria and all agents i in I, the utility agent i gains from the
        truthful ex-post Nash equilibrium is no less than the utility gained from the untruthful ex-post Nash
        equilibrium.""",
    reading="""More than that: for all v, times and reports of both, equilibrium or not, u1 = 0 and u2 <= W* = max(W1,
        W2), which are the utilities at the truth.""",
    hypotheses=[pair.functions],
    proof="u1 is v1 less v1, and u2 = q . (W1, W2) <= max(W1, W2). (Not the printed proof: see the step of it.)",
    expected="proved",
)
def corollary(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; every pair of reports on a grid."""
    first, second, given = pair.terms()
    best = pair.chosen(first, second, lambda share: pair.total(share, first, second))
    yield smt.prove(
        pair.every(lambda share: best >= pair.total(share, first, second)),
        given=given,
        control=("agent 1 first is best", pair.every(lambda s: first[0] + second[1] >= pair.total(s, first, second))),
        range="all value functions, times and pairs of reports",
        complete=True,
        lift=pair.lift,
    )

    def below(instance: Instance, loss: int = 0) -> bool:
        first, second = pair.payoffs(instance)
        most = max(pair.welfare(first, second)) - loss
        told = (
            pair.chance(*pair.places(instance["values"], one, two))
            for one in pair.GRID_TIMES
            for two in pair.GRID_TIMES
        )
        return all(pair.total(share, first, second) <= most for share in told)

    yield exhaustive.check(
        below,
        grid=pair.grid(),
        control=("lies cost 1", lambda instance: below(instance, 1)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, reports of both in {{0, 1/2, 1}}",
    )


def both_decreasing(instance: Instance) -> bool:
    """v1 = v2 = 1 - t; two times, and agent 1's report with agent 2's other report, in [0, 1]."""
    numbers = [*instance["time"], instance["lie"], instance["other"]]
    return len(instance["time"]) == 2 and all(0 <= x <= 1 for x in numbers)


def utility(instance: Instance, report: Any) -> Fraction:
    """Agent 2's utility when agent 1 reports the lie and he reports this."""
    values = [pair.SHAPES["1 - t"]] * 2
    share = pair.chance(*pair.places(values, instance["lie"], report))
    return Fraction(pair.total(share, *pair.places(values, *instance["time"])))


def replay(instance: Instance) -> str | None:
    """With formulas instead of tables: 1 - t, and agent 1 is first iff his report is below."""
    one, two, lie = (Fraction(x) for x in (*instance["time"], instance["lie"]))
    lines, gained = [f"the welfare is {2 - 2 * one - two} with agent 1 first and {2 - 2 * two - one} with agent 2"], []
    for name, report in (("the truth", two), ("the other report", Fraction(instance["other"]))):
        share = Fraction(lie < report) + Fraction(lie == report) / 2
        paid = share * (1 - one) + (1 - share) * (1 - one - two)
        own = share * (1 - one - two) + (1 - share) * (1 - two)
        gained.append(paid + own)
        lines.append(f"agent 1 reports {lie}, agent 2 {name} ({report}): agent 2 gets {own} and is paid {paid}")
    return (
        "\n".join([*lines, f"so the truth gives {gained[0]} and the lie {gained[1]}"])
        if gained[1] > gained[0]
        else None
    )


@claim(
    paper="zheng2023",
    label="Corollary 2",
    part="a step of its proof",
    statement="""For each agent, instead of considering when the other agent reports truthfully, consider when they do
        not report truthfully. The utility gained from misreporting will always be equal or less than the utility
        gained from truthfully reporting.""",
    reading="""For all v, times and any report of the other agent, the truth gives at least as much as any other
        report (a dominant strategy). Here v1 = v2 = 1 - t.""",
    hypotheses=[both_decreasing],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.corollary_2",
)
def step(run: Run) -> Evidence:
    """A grid of fifths."""
    fifths = exhaustive.steps(0, 1, 5)
    return exhaustive.check(
        lambda i: utility(i, i["other"]) <= utility(i, i["time"][1]),
        grid=exhaustive.Grid(agents=(2,), each={"time": fifths}, scalars={"lie": fifths, "other": fifths}),
        control=("strictly less", lambda i: utility(i, i["other"]) < utility(i, i["time"][1])),
        hypotheses=run.hypotheses,
    )
