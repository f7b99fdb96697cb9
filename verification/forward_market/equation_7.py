"""Equation (7): the sum of (6) over agents."""

from collections.abc import Iterator

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
profiles = catalog.beside(__file__, "_profiles")
GRID, RANGE, profile, instead = profiles.GRID, profiles.RANGE, profiles.profile, profiles.instead


def common(instance: Instance) -> bool:
    """All agents have the same worst-off type."""
    return len(set(instance["worst"])) == 1


def summed(instance: Instance, less: int = 0) -> bool:
    """(7)."""
    demand, types, hat = instance["demand"], instance["types"], instance["worst"][0]
    welfare = market.efficient(demand, types)[0]
    left = sum(welfare - market.efficient(demand, instead(types, i, hat))[0] for i in range(len(demand)))
    return bool(left <= welfare - hat - less)


@claim(
    paper="liu2020",
    label="Equation (7)",
    statement="sum_i (W(theta) - W(hat, theta_-i)) <= W(theta) - hat",
    reading="For every n, all k with scarcity, all types >= 0 and one hat for all agents.",
    hypotheses=[market.scarce, profile, common],
    proof="Sum (6); with scarcity the efficient shares can be taken to sum to 1.",
    rests_on=["forward_market.equation_6"],
    expected="proved",
)
def sum_of_bounds(run: Run) -> Iterator[Evidence]:
    """The sum by Z3, with two agents' shares or one and the sum of the others; a grid."""
    import z3

    left, values, shares, hat, welfare = z3.Reals("left values shares hat welfare")
    yield smt.prove(
        left <= welfare - hat,
        given=[left <= values - hat * shares, values == welfare, shares == 1],
        control=("when not all is given out", left < welfare - hat),
        range="every number of agents, all demands and types: the sums over agents of both sides of (6)",
        complete=True,
        nontrivial=[hat > 0, welfare > 0],
        lift=lambda value: GRID[-1],
    )
    yield exhaustive.check(
        summed,
        grid=GRID,
        control=("by more than 1/2 less", lambda i: summed(i, 1)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )
