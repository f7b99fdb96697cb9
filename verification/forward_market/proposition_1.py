"""Proposition 1: with one worst-off type for all the spot market operates, even ex post.

The surplus (2) is a sum over levels t of what the types above t can use: M(T) = min(1, k(T)) for the set T above. With
a common worst-off type the statement says that M is submodular.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


def sided(instance: Instance) -> bool:
    """Above says by 0 and 1 whose types exceed a level; the level is below or above the common worst-off type."""
    above = instance["above"]
    return (
        instance["level"] in ("below", "above")
        and len(above) == len(instance["demand"])
        and all(inside in (0, 1) for inside in above)
    )


def layer(instance: Instance) -> Fraction:
    """What one level of types adds to (2) at r*: below hat all hats are above it, and all holdings are paid for."""
    demand, above = instance["demand"], instance["above"]
    inside = 1 if instance["level"] == "below" else 0
    total = -(len(demand) - 1) * market.served(demand, above) - inside
    for i in range(len(demand)):
        total += market.served(demand, [inside if j == i else other for j, other in enumerate(above)])
    return Fraction(total)


GRID, LARGE = (
    exhaustive.Grid(
        agents=agents,
        each={"demand": [Fraction(1, 4), Fraction(1, 2), Fraction(2, 3), 1], "above": [0, 1]},
        scalars={"level": ["below", "above"]},
    )
    for agents in ((2, 3), (2, 3, 4))
)


def aggregate() -> tuple[Any, list[Any], dict[str, Any]]:
    """The goal for all n, what is given, and the variables."""
    import z3

    demand, gained, rest, big, many = z3.Reals("demand gained rest big many")
    lost, whole = z3.Reals("lost whole")
    used = smt.minimum(demand, 1)
    given = [
        z3.And(demand >= 0, gained >= 0, rest >= 0, whole > 1, whole == demand + rest),
        # Those below the level would add min(k_i, 1 - k(T)) each: either all of it, or somebody fills the rest.
        z3.Implies(demand < 1, z3.Or(gained >= 1 - demand, gained == rest)),
        # Those above it give back k_i if k(T) <= 1, else (k_i - excess)^+: something for those that are big.
        z3.Implies(demand <= 1, lost == demand),
        z3.Implies(demand > 1, lost == smt.maximum(big - many * (demand - 1), 0)),
        z3.And(big >= 0, big <= demand, z3.Or(many == 0, many >= 1), z3.Implies(many == 0, big == 0)),
    ]
    variables = {"demand": demand, "gained": gained, "lost": lost, "used": used}
    return z3.And(gained + used - 1 >= 0, used - lost >= 0), given, variables


@claim(
    paper="liu2020",
    label="Proposition 1",
    statement="The spot market operates if hat theta_i = hat theta for all i.",
    reading="""For every n, all k with scarcity, low >= 0, all distributions and holdings with a common worst-off type:
        Pi(theta, r) >= 0 for every theta, so also on average. Nobody holds more than k_i then: all would have to. Every
        level t adds at least 0 to (2).""",
    hypotheses=[market.scarce, sided],
    proof="""At a level below hat each agent below it would add min(k_i, 1 - k(T)); either one of them fills the supply
        or all add k_i, and scarcity makes that at least 1 - k(T). At a level above hat each agent above it gives back
        k_i if k(T) <= 1, else (k_i - excess)^+, in all at most k(T) - excess = 1.""",
    expected="proved",
)
def operates(run: Run) -> Iterator[Evidence]:
    """Sums over agents by Z3; three explicit agents; every set of up to three agents on a grid."""
    import z3

    goal, given, terms = aggregate()
    yield smt.prove(
        goal,
        given=given,
        control=("with something left in every level", z3.And(goal, terms["used"] - terms["lost"] > 0)),
        range="every number of agents, all demands, all sets above a level: sums over those above and those below",
        complete=True,
        nontrivial=[terms["demand"] > 0, terms["gained"] > 0],
        lift=lambda value: {"demand": [Fraction(2, 3), Fraction(1, 2)], "above": [1, 0], "level": "below"},
    )
    demand = smt.vector("demand", 3)
    above = smt.vector("above", 3)
    bounds = [z3.And(k > 0, k <= 1, z3.Or(inside == 0, inside == 1)) for k, inside in zip(demand, above, strict=True)]

    def used(inside: list[Any]) -> Any:
        return smt.minimum(sum(k * x for k, x in zip(demand, inside, strict=True)), 1)

    def total(side: int) -> Any:
        changed = [used([side if j == i else x for j, x in enumerate(above)]) for i in range(3)]
        return sum(changed) - 2 * used(above) - side

    yield smt.prove(
        z3.And(total(1) >= 0, total(0) >= 0),
        given=[*bounds, sum(demand) > 1],
        control=("without scarcity in the holdings paid for", total(1) >= Fraction(1, 10)),
        range="3 explicit agents, all demands, all sets",
        complete=False,
        lift=lambda value: {**smt.gather(value), "level": "below"},
    )
    yield exhaustive.check(
        lambda i: layer(i) >= 0,
        grid=LARGE if run.full else GRID,
        control=("with something left in every level", lambda i: layer(i) > 0),
        hypotheses=run.hypotheses,
    )
