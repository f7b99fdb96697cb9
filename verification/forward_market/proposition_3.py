"""Proposition 3: which tariffs make r* a Nash equilibrium of the forward market."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


def in_support(instance: Instance) -> bool:
    """The price at the position k_i - r_i* is in the support, as P: [0, 1] -> [low, high] says."""
    return bool(instance["low"] <= instance["price"] <= instance["low"] + 1)


def crosses(instance: Instance, strict: bool = False) -> bool:
    """hat_i(k_i) >= P(k_i - r_i*) exactly where k_i <= r_i*, for every agent."""
    spot = market.Spot.of(instance)
    for agent, (low, high) in enumerate(spot.star()):
        hat = spot.low + spot.worst(agent, spot.demand[agent])[0]
        above = hat > instance["price"] if strict else hat >= instance["price"]
        if above != (spot.demand[agent] <= (low + high) / 2):
            return False
    return True


def replay(instance: Instance) -> str | None:
    """The total of the demands against that of r*, by hand."""
    demand, price, high = instance["demand"], instance["price"], instance["low"] + 1
    if not (sum(demand) > 1 and price <= high):
        return None
    return (
        f"r* sums to 1 and the maximum demands to {sum(demand)}, so some agent has k_i > r_i*\n"
        f"q_i reaches k_i only at the highest type: hat_i(k_i) = {high} >= P(k_i - r_i*) = {price}, "
        f"although k_i > r_i*: single crossing fails for every P with values in the support"
    )


@claim(
    paper="liu2020",
    label="Proposition 3",
    part="a tariff with single crossing exists",
    statement="""P: [0, 1] -> [low, high] satisfies single crossing if for all i: hat_i(x) >= P(x - r_i*) iff x <= r_i*.
        If P does, r* is a Nash equilibrium.""",
    reading="""The proposition presupposes such a P. For every market some price in [low, high] at the position k_i -
        r_i* agrees with single crossing at x = k_i, where the worst-off type is the highest type. (P is also read at
        negative positions, which its domain [0, 1] leaves out.)""",
    hypotheses=[market.scarce, market.laws, in_support],
    replay=replay,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.proposition_3",
)
def exists(run: Run) -> Evidence:
    """Prices on a grid of the support, in the exact market."""
    return exhaustive.check(
        crosses,
        grid=[
            {**one, "price": one["low"] + u}
            for one in market.markets(held=False)
            for u in (Fraction(0), Fraction(1, 2), Fraction(1))
        ],
        control=("with a strict inequality, at prices below the highest type", lambda i: crosses(i, True)),
        hypotheses=run.hypotheses,
        range=f"three prices: {market.VALUES}",
    )


def blocks(instance: Instance, agent: int, demanded: Fraction, side: int = 1) -> Fraction:
    """What a block tariff charges: per tenth of the supply its worst marginal value; side -1 takes the best one."""
    here, total = forward.star(instance, agent), Fraction(0)
    low, high = sorted((here, demanded))
    steps = [here + sign * t for sign in (-1, 1) for t in forward.TENTHS]
    cells = sorted([low, *(step for step in steps if low < step < high), high])
    for a, b in itertools.pairwise(cells):
        outer, inner = (b, a) if a >= here else (a, b)
        edge = 10 * ((outer if side > 0 else inner) - here)  # in tenths; a block's price is that of its far end
        whole = (math.ceil(edge) if edge > 0 else math.floor(edge)) if side > 0 else int(edge)
        total += (b - a) * forward.marginal(instance, Fraction(whole, 10))
    return total if demanded >= here else -total


@claim(
    paper="liu2020",
    label="Proposition 3",
    statement="If P satisfies single-crossing, then the centralized forward market has the Nash equilibrium x* = r*.",
    reading="""Repaired: prices may leave the support. For every n, all demands and distributions, and every P with
        (x - r_i*)(P(x - r_i*) - hat_i(x)) >= 0 for x up to k_i and P >= 0 beyond, for every agent: no demand in [0, 1]
        gains against r*. As in the paper a deviating agent is paid pi_i(x), as if the spot market still operated.""",
    hypotheses=[forward.pair],
    proof="""A deviation gains the integral of hat_i(x) - P(x - r_i*) from r_i* to x, because pi_i' = hat_i up to k_i
        and 0 beyond. Its integrand is nowhere positive to the right and nowhere negative to the left.""",
    rests_on=["forward_market.section_4_2_the_payoff_and_its_slope"],
    expected="proved",
)
def equilibrium(run: Run) -> Iterator[Evidence]:
    """One piece of the deviation against the rest by Z3; block tariffs for two agents exactly."""
    import z3

    value, price, width, rest, capped = z3.Reals("value price width rest capped")
    gain = width * (value - price) + rest
    yield smt.prove(
        gain <= 0,
        given=[
            rest <= 0,
            z3.Or(
                z3.And(width >= 0, price >= value),  # a unit to the right, up to k_i
                z3.And(width >= 0, value == 0, price >= capped, capped >= 0),  # beyond k_i
                z3.And(width <= 0, price <= value),  # to the left
            ),
        ],
        control=("strictly", gain < 0),
        range="every number of agents, all demands and distributions: a piece of a deviation and the rest, by "
        "induction",
        complete=True,
        nontrivial=[width > 0, rest < 0],
        lift=lambda value: forward.EXAMPLE,
    )

    def best(instance: Instance, side: int = 1) -> bool:
        for agent in (0, 1):
            here = forward.worth(instance, agent, forward.star(instance, agent))
            for x in forward.TENTHS:
                if forward.worth(instance, agent, x) - here > blocks(instance, agent, x, side):
                    return False
        return True

    yield exhaustive.check(
        best,
        grid=[{"demand": k, "low": low} for k in forward.DEMANDS for low in (0, 1)],
        control=("blocks priced at the near end", lambda i: best(i, -1)),
        hypotheses=run.hypotheses,
        range="two agents, uniform types, three pairs of demands, low in {0, 1}: all demands in tenths, tariff "
        "in tenths",
    )
