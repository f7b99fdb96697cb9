"""Equation (6): what an agent's worst-off type in his place costs in welfare, bounded."""

from collections.abc import Iterator

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
profiles = catalog.beside(__file__, "_profiles")
GRID, RANGE, profile, instead = profiles.GRID, profiles.RANGE, profiles.profile, profiles.instead


def loss(instance: Instance, factor: int = 1) -> bool:
    """(6) for every agent, with factor 1."""
    demand, types = instance["demand"], instance["types"]
    welfare, given = market.efficient(demand, types)
    return all(
        factor * (welfare - market.efficient(demand, instead(types, i, hat))[0]) <= (types[i] - hat) * given[i]
        for i, hat in enumerate(instance["worst"])
    )


@claim(
    paper="liu2020",
    label="Equation (6)",
    statement="W(theta) - W(hat, theta_-i) <= (theta_i - hat) Q_i(theta)",
    reading="For every n, all k, all types and every hat.",
    hypotheses=[market.scarce, profile],
    proof="The allocation Q(theta) is feasible at (hat, theta_-i) and is worth W(theta) + (hat - theta_i) Q_i there.",
    expected="proved",
)
def bound(run: Run) -> Iterator[Evidence]:
    """One agent against the sum of the others by Z3; two agents on a grid."""
    import z3

    welfare, instead_of, theta, hat, share, rest = z3.Reals("welfare instead_of theta hat share rest")
    yield smt.prove(
        welfare - instead_of <= (theta - hat) * share,
        given=[welfare == theta * share + rest, instead_of >= hat * share + rest, share >= 0, share <= 1],
        control=("with equality", welfare - instead_of == (theta - hat) * share),
        range="every number of agents, all demands and types: one agent, the others as a sum",
        complete=True,
        nontrivial=[share > 0],
        lift=lambda value: GRID[-1],
    )
    yield exhaustive.check(
        loss,
        grid=GRID,
        control=("twice the loss", lambda i: loss(i, 2)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )
