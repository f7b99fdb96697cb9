"""Proposition 1: paying agent 1's value to agent 2 makes truth an equilibrium and balances the budget."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


def utilities(share: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Utilities with the transfers of (4.2), whatever led to this allocation."""
    one, two = pair.worth(share, first, second)
    return one - one, two + one


@claim(
    paper="zheng2023",
    label="Proposition 1",
    part="ex-post incentive compatible",
    statement="The direct mechanism defined by eqs. (4.1) and (4.2) is ex-post incentive compatible.",
    reading="""For all v1, v2: [0, 2] -> [-1, 1], t1, t2 and reports: with the other's report true, no report gives
        more than the true one. Transfers at a tie are paid in expectation of the lottery, as printed.""",
    hypotheses=[pair.functions],
    proof="""Agent 1 always gets 0. Agent 2 gets q . (W1, W2), and the true report leads to max(W1, W2). A report
        matters through q only.""",
    expected="proved",
)
def compatible(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3, whatever the misreport leads to; every report on a grid."""
    import z3

    first, second, given = pair.terms()

    def no_gain(agent: int, limit: Any = 0) -> Any:
        truth = pair.chosen(first, second, lambda share: utilities(share, first, second)[agent])
        return pair.every(lambda share: truth >= utilities(share, first, second)[agent] + limit)

    yield smt.prove(
        z3.And(no_gain(0), no_gain(1)),
        given=given,
        control=("a lie costs agent 2 something", no_gain(1, Fraction(1, 100))),
        range="all value functions, times and reports: the four values at the true times, and any allocation",
        complete=True,
        lift=pair.lift,
    )

    def best(instance: Instance, loss: int = 0) -> bool:
        first, second = pair.payoffs(instance)
        truth = utilities(pair.chance(first, second), first, second)
        return all(
            utilities(share, first, second)[agent] <= truth[agent] - loss
            for agent in (0, 1)
            for share in pair.reported(instance, agent)
        )

    yield exhaustive.check(
        best,
        grid=pair.grid(),
        control=("a lie costs 1", lambda instance: best(instance, 1)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, reports in {{0, 1/2, 1}}",
    )


@claim(
    paper="zheng2023",
    label="Proposition 1",
    part="ex-post budget balanced",
    statement="The direct mechanism defined by eqs. (4.1) and (4.2) is ex-post budget balanced.",
    reading="""For all v, times and reports, true or not: T1 + T2 = 0. (A manager who pays after the lottery pays the
        realised values: balanced too.)""",
    hypotheses=[pair.functions],
    proof="T2 = -T1.",
    expected="proved",
)
def balanced(run: Run) -> Iterator[Evidence]:
    """By Z3 for every allocation; the engine's transfers on a grid."""
    first, second, given = pair.terms()

    def transfers(share: Fraction) -> Any:
        paid = [u - w for u, w in zip(utilities(share, first, second), pair.worth(share, first, second), strict=True)]
        return paid[0] + paid[1]

    yield smt.prove(
        pair.every(lambda share: transfers(share) == 0),
        given=given,
        control=(
            "agent 2 is paid his own value",
            pair.every(lambda s: -pair.worth(s, first, second)[0] + pair.worth(s, first, second)[1] == 0),
        ),
        range="all value functions, times and reports",
        complete=True,
        lift=pair.lift,
    )

    def engine(instance: Instance, extra: int = 0) -> bool:
        from mechopt.mechanisms.borrowing.transfers import one_stage

        paid = one_stage(pair.engine(instance)[1])
        first, second = pair.payoffs(instance)
        own = pair.worth(pair.chance(first, second), first, second)[0]
        return bool(paid[0] == -own and paid[1] == own + extra)

    yield exhaustive.check(
        engine,
        grid=pair.grid(),
        control=("1 more", lambda instance: engine(instance, 1)),
        hypotheses=run.hypotheses,
        range=f"the engine: {pair.RANGE}",
    )
