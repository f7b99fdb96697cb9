"""Footnote 8: in a two-sided problem no fixed payment adds to what VCG earns."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")

POINTS = [Fraction(k, 8) for k in range(9)]


def two_sided(instance: Instance) -> bool:
    """The sellers' demands sum to exactly 1, which they hold, and there is a buyer, who holds nothing."""
    sells, demand = instance["sells"], instance["demand"]
    known = len(sells) == len(demand) and all(x in (0, 1) for x in sells)
    return known and sum(k for k, sell in zip(demand, sells, strict=True) if sell) == 1 and 0 in sells


def binds(instance: Instance, seller_at: int = 1) -> bool:
    """The worst-off types are the ends, and the payoff net of the outside option is least there, where it is 0."""
    spot = market.Spot.of(instance)
    for agent, sell in enumerate(instance["sells"]):
        held = sell * spot.demand[agent]
        end = Fraction(seller_at if sell else 0)
        area = market.integral(market.interim(spot, agent))
        net = [market.at(area, u) - held * u for u in (*POINTS, end)]
        if spot.worst(agent, held) != (end, end) or min(net) < net[-1]:
            return False
    return True


GRID = [
    {**point, "sells": list(sells)}
    for point in market.markets(held=False)
    for sells in itertools.product((0, 1), repeat=len(point["demand"]))
]
EXAMPLE: dict[str, Any] = {"demand": [Fraction(1, 2), Fraction(1, 2), 1], "power": [1, 2, 2], "low": 1}


@claim(
    paper="liu2020",
    label="Footnote 8",
    statement="""Under the VCG mechanism, the interim individual-rationality constraints are binding for the highest
        possible types of the sellers (agents in S) and for the lowest possible types of the buyers. Hence, there are
        no fixed payments that increase revenue without violating the interim individual-rationality constraints.""",
    reading="""For every n, all k, distributions with low >= 0 and sellers whose k_i sum to 1: every type of a seller
        and of a buyer has at least his outside option, k_i theta and 0; the highest seller and the lowest buyer have
        just that; so payments c_i besides that keep individual rationality have c_i <= 0 for everybody, and
        sum c_i <= 0.""",
    hypotheses=[market.scarce, market.laws, two_sided],
    proof="""q_i reaches k_i at the highest type only (12), and 0 at the lowest type already: these are the worst-off
        types of Lemma 1, where VCG pays the outside option (footnote 7, corrected). Incentive compatibility, against
        the report of that type, does the rest.""",
    rests_on=["forward_market.lemma_1", "forward_market.equation_12", "forward_market.footnote_7_corrected"],
    expected="proved",
)
def footnote(run: Run) -> Iterator[Evidence]:
    """One agent and the sum of the others by Z3; the exact market at nine types."""
    import z3

    theta, low, high, k, least, charge, rest = z3.Reals("theta low high k q_low charge rest")
    seller, at_high, buyer, at_low = z3.Reals("seller at_high buyer at_low")
    kept = z3.Or(at_high - charge >= k * high, at_low - charge >= 0)
    yield smt.prove(
        z3.And(seller >= k * theta, buyer >= 0, z3.Implies(kept, charge + rest <= 0)),
        given=[
            z3.And(low >= 0, theta >= low, theta <= high, k > 0, k <= 1, least >= 0, rest <= 0),
            seller >= at_high + (theta - high) * k,  # what the highest type reports
            buyer >= at_low + (theta - low) * least,  # and the lowest one
            z3.And(at_high == k * high, at_low == 0),
        ],
        control=("also above a quarter", z3.Implies(kept, charge + rest <= -Fraction(1, 4))),
        range="every number of agents, all demands and distributions: a type of one agent, the others' payments",
        complete=True,
        nontrivial=[theta > low, theta < high, seller > k * theta, charge < 0],
        lift=lambda value: {**EXAMPLE, "sells": [1, 1, 0]},
    )
    yield exhaustive.check(
        binds,
        grid=GRID,
        control=("sellers at the lowest type", lambda i: binds(i, 0)),
        hypotheses=run.hypotheses,
        range="demand in {1/2, 1}, low in {0, 1}, powers 1 and 2, two or three agents; types in eighths",
    )
