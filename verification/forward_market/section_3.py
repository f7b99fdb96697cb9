"""Section 3: a two-sided allocation problem never pays for its spot market."""

import itertools
from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


def two_sided(instance: Instance) -> bool:
    """The sellers' demands sum to exactly 1, and there is a buyer; above says whose types exceed the layer."""
    sells, demand = instance["sells"], instance["demand"]
    words = len(instance["above"]) == len(sells) == len(demand) and all(
        x in (0, 1) for x in (*sells, *instance["above"])
    )
    return words and sum(k for k, s in zip(demand, sells, strict=True) if s) == 1 and 0 in sells


def layer(instance: Instance) -> Fraction:
    """What a layer of types adds to (2) where sellers hold k_i (hat is the highest) and buyers 0 (the lowest)."""
    demand, above, sells = instance["demand"], instance["above"], instance["sells"]
    total = -(len(demand) - 1) * market.served(demand, above) - 1
    for i, sell in enumerate(sells):
        total += market.served(demand, [sell if j == i else inside for j, inside in enumerate(above)])
    return Fraction(total)


GRID, LARGE = (
    exhaustive.Grid(
        agents=agents,
        each={"demand": [Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), 1], "above": [0, 1], "sells": [0, 1]},
    )
    for agents in ((2, 3), (2, 3, 4))
)


@claim(
    paper="liu2020",
    label="Section 3",
    part="a two-sided problem runs a deficit",
    statement="""If the k_i of a set S sum to 1 and r_i = k_i in S, then Pi(theta, r) <= 0 for all theta, and < 0 for a
        set of theta with positive measure.""",
    reading="""For every n and all k: layer by layer (the types above a level t), what the layer adds to (2) is at most
        0, and it is negative for the set S less one seller plus one buyer, whatever they are.""",
    hypotheses=[market.scarce, two_sided],
    proof="""Let a be what sellers above demand and b what buyers above demand. If a + b >= 1, putting a seller above
        adds nothing and taking a buyer away can only lower. Otherwise buyers give back b in all, sellers add at most 1
        - a, and a + b - 1 is left over. Replace seller i by buyer j: if k_j >= k_i the buyer is worth k_i > 0;
        otherwise the seller adds k_i - k_j, less than k_i.""",
    expected="proved",
)
def deficit(run: Run) -> Iterator[Evidence]:
    """Sums over sellers below and buyers above by Z3; every set of up to three agents on a grid."""
    import z3

    sellers, buyers, gained, lost, seller, buyer = z3.Reals("sellers buyers gained lost seller buyer")
    used = smt.minimum(sellers + buyers, 1)
    given = [
        z3.And(sellers >= 0, sellers <= 1, buyers >= 0, gained >= 0, lost >= 0, gained <= 1 - sellers),
        z3.Implies(sellers + buyers >= 1, gained == 0),
        z3.Implies(sellers + buyers < 1, lost == buyers),
    ]
    swapped = 1 - seller + buyer  # the demand of S less one seller plus one buyer
    strict = z3.If(
        swapped >= 1,
        -(smt.minimum(swapped, 1) - (1 - seller)),  # the buyer's loss at least; the seller adds 0
        smt.minimum(seller, 1 - swapped) - buyer + swapped - 1,
    )
    yield smt.prove(
        z3.And(
            gained - lost + used - 1 <= 0,
            z3.Implies(z3.And(seller > 0, seller <= 1, buyer > 0, buyer <= 1), strict < 0),
        ),
        given=given,
        control=("negative in every layer", gained - lost + used - 1 < 0),
        range="every number of agents, all demands, all sets above a layer: sums over sellers and buyers",
        complete=True,
        nontrivial=[sellers > 0, buyers > 0],
        lift=lambda value: {"demand": [Fraction(1, 3), Fraction(2, 3), Fraction(1, 2)], "above": [1, 0, 1],
                            "sells": [1, 1, 0]},
    )  # fmt: skip
    yield exhaustive.check(
        lambda i: layer(i) <= 0,
        grid=LARGE if run.full else GRID,
        control=("negative in every layer", lambda i: layer(i) < 0),
        hypotheses=run.hypotheses,
    )

    def somewhere(instance: Instance) -> bool:
        sets = itertools.product([0, 1], repeat=len(instance["demand"]))
        return any(layer({**instance, "above": list(above)}) < 0 for above in sets)

    yield exhaustive.check(
        somewhere,
        grid=LARGE if run.full else GRID,
        control=("even where nobody is above", lambda i: layer({**i, "above": [0] * len(i["demand"])}) < 0),
        hypotheses=run.hypotheses,
    )
