"""Proposition 4: reporting the negative of the swapped value is an equilibrium of the two-stage mechanism."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


def swapped(share: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Utilities (h = 0) when each reports the negative of what the other place is worth to him."""
    one, two = pair.worth(share, first, second)
    told_one, told_two = pair.worth(1 - share, first, second)
    return one - told_two, two - told_one


@claim(
    paper="zheng2023",
    label="Proposition 4",
    statement="""Agents reporting truthfully in the first stage and reporting (u_1, u_2) in the second stage such that
        u_2 = -v_2(t_2) if q = (1, 0), -v_2(t_1 + t_2) if q = (0, 1), and u_1 = -v_1(t_1 + t_2) if q = (1, 0),
        -v_1(t_1) if q = (0, 1), is an ex-post Nash equilibrium.""",
    reading="""For all v, t, h and all deviations of one agent (time, value function, second-stage report): no gain,
        where reports follow the place really got, after a lottery too, and deviating does not change the formula.
        Agents then have to see the other's time. The reports are in [-1, 1].""",
    hypotheses=[pair.functions],
    proof="u_1 = q . (W1, W2) - v_2(t_2) - v_2(t_1 + t_2) + h: the truth's utility less what no report changes.",
    expected="proved",
)
def equilibrium(run: Run) -> Iterator[Evidence]:
    """Four reals and h by Z3; every deviation on a grid."""
    import z3

    first, second, given = pair.terms()
    h = z3.Real("constant")

    def no_gain(agent: int, extra: Any = 0) -> Any:
        truth = pair.chosen(first, second, lambda share: swapped(share, first, second)[agent]) + h
        return pair.every(lambda share: truth >= swapped(share, first, second)[agent] + h + extra)

    yield smt.prove(
        z3.And(no_gain(0), no_gain(1), *(z3.And(-x >= -1, -x <= 1) for x in (*first, *second))),
        given=given,
        control=("a lie costs something", no_gain(0, Fraction(1, 100))),
        range="all value functions, times, constants and deviations",
        complete=True,
        lift=pair.lift,
    )

    def best(instance: Instance, loss: int = 0) -> bool:
        first, second = pair.payoffs(instance)
        truth = swapped(pair.chance(first, second), first, second)
        lies = {agent: set(pair.reported(instance, agent, list(pair.SHAPES.values()))) for agent in (0, 1)}
        return all(swapped(q, first, second)[i] <= truth[i] - loss for i in lies for q in lies[i])

    yield exhaustive.check(
        best,
        grid=pair.grid(),
        control=("a lie costs 1", lambda instance: best(instance, 1)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, every other report of a time in {{0, 1/2, 1}} and of one of these functions",
    )
