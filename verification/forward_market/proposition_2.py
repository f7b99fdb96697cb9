"""Proposition 2: one common worst-off type, and the holdings that make it common; equations (8), (12) and (15)."""

import itertools
from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


@claim(
    paper="liu2020",
    label="Equation (15)",
    statement="q_i(low) = max{0, 1 - sum_{j != i} k_j} < k_i",
    reading="For every n and all k in (0, 1] with scarcity; types have no atoms, so the lowest type is served last.",
    hypotheses=[market.scarce, market.laws],
    proof="All others are above with probability 1. The strict inequality is scarcity, or k_i > 0.",
    expected="proved",
)
def lowest(run: Run) -> Iterator[Evidence]:
    """The others as a sum by Z3; the exact market."""
    import z3

    own, others = z3.Reals("own others")
    left = smt.positive_part(1 - others)
    yield smt.prove(
        z3.And(smt.minimum(own, left) == left, left < own),
        given=[own > 0, own <= 1, others > 0, own + others > 1],
        control=("by more than 1/10", left < own - Fraction(1, 10)),
        range="every number of agents, all demands: the others as a sum",
        complete=True,
        lift=market.example(),
    )

    def printed(instance: Instance, others: int = 1) -> bool:
        spot = market.Spot.of(instance)
        for i in spot.agents:
            rest = sum(spot.demand) - spot.demand[i]
            share = market.at(market.interim(spot, i), Fraction(0))
            if share != max(0, 1 - others * rest) or share >= spot.demand[i]:
                return False
        return True

    yield exhaustive.check(
        printed,
        grid=market.markets(held=False),
        control=("the others counted twice", lambda i: printed(i, 2)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )


@claim(
    paper="liu2020",
    label="Equation (12)",
    statement="q_i(mu - lambda_i) = k_i with lambda_i > 0 implies mu > high.",
    reading="For every n and all k with positive densities: q_i < k_i below the highest type.",
    hypotheses=[market.scarce, market.laws],
    proof="Below the highest type all others are above with positive probability, and then less than k_i is left.",
    rests_on=["forward_market.equation_15"],
    expected="proved",
)
def full_only_at_the_top(run: Run) -> Iterator[Evidence]:
    """The worst set against the rest by Z3; the exact market."""
    import z3

    chance, worst, rest, own, price, slack, high = z3.Reals("chance worst rest own price slack high")
    q = chance * worst + (1 - chance) * rest
    yield smt.prove(
        z3.And(q < own, z3.Implies(z3.And(price - slack >= high, slack > 0), price > high)),
        given=[chance > 0, chance <= 1, worst >= 0, worst < own, rest <= own],
        control=("even if the others are never all above", chance * rest + (1 - chance) * rest < own),
        range="every number of agents, all demands and distributions: all others above, against every other set",
        complete=True,
        nontrivial=[price - slack >= high, slack > 0],
        lift=market.example(),
    )

    def below(instance: Instance, last: int = 7) -> bool:
        spot = market.Spot.of(instance)
        points = [Fraction(k, 8) for k in range(last + 1)]
        return all(market.at(market.interim(spot, i), u) < spot.demand[i] for i in spot.agents for u in points)

    yield exhaustive.check(
        below,
        grid=market.markets(held=False),
        control=("at the highest type too", lambda i: below(i, 8)),
        hypotheses=run.hypotheses,
        range=f"types in eighths: {market.VALUES}",
    )


def replay(instance: Instance) -> str | None:
    """Two agents who want everything, types uniform on [low, low + width], low < 0 < high; the rule by hand."""
    low, width = Fraction(instance["low"]), Fraction(instance["width"])
    idle = -low / width  # the chance of a type below 0, who gets nothing
    lines = []
    for name in ("holding", "other"):
        if not all(0 < r <= idle for r in instance[name]):
            return None
        lines.append(
            f"holdings {', '.join(map(str, instance[name]))}: a type below 0 gets 0, the type 0 gets the supply with "
            f"probability {idle} >= either holding, so both worst-off types are 0"
        )
    return "\n".join(lines)


def crossing(instance: Instance) -> bool:
    """Two agents with demand 1 and types uniform on [low, low + width], where low < 0 < low + width."""
    return list(instance["demand"]) == [1, 1] and instance["low"] < 0 < instance["low"] + instance["width"]


def different(instance: Instance) -> bool:
    """Two different vectors of holdings."""
    return list(instance["holding"]) != list(instance["other"])


def both(instance: Instance) -> bool:
    """The other holdings are nonnegative and sum to 1 too."""
    return len(instance["other"]) == 2 and sum(instance["other"]) == 1 and min(instance["other"]) >= 0


def equal_types(instance: Instance, name: str) -> bool:
    """The least type with q >= holding is the same for both: q is 0 below type 0 and F from there on."""
    low, width = Fraction(instance["low"]), Fraction(instance["width"])
    hats = {low if r <= 0 else max(Fraction(0), low + width * r) for r in instance[name]}
    return len(hats) == 1


@claim(
    paper="liu2020",
    label="Proposition 2",
    part="types below 0",
    statement="There exist a unique hat theta and unique holdings r* such that all agents have the same worst-off "
    "type.",
    reading="""The setup puts no bound on the support: for two agents with demand 1 and uniform types on an interval
        around 0, no two different vectors of holdings give each a common worst-off type. The efficient allocation
        leaves negative types without the good (sum of Q at most 1).""",
    hypotheses=[market.scarce, crossing, market.holdings, both, different],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.proposition_2",
)
def below_zero(run: Run) -> Evidence:
    """Both holdings on a grid."""

    def unique(instance: Instance) -> bool:
        return not (equal_types(instance, "holding") and equal_types(instance, "other"))

    return exhaustive.check(
        unique,
        grid=[
            {"demand": [1, 1], "low": low, "width": 4, "holding": first, "other": second}
            for low in (-1, -2, -3)
            for first in market.simplex(2, 4)
            for second in market.simplex(2, 4)
        ],
        control=("neither is common", lambda i: not equal_types(i, "holding")),
        hypotheses=run.hypotheses,
        range="low in {-1, -2, -3}, high = low + 4, holdings in quarters",
    )


@claim(
    paper="liu2020",
    label="Equation (8)",
    statement="There exists a unique hat theta in (low, high) such that sum_i q_i(hat theta) = 1.",
    reading="""For every n, all k with scarcity, low >= 0 and distributions with positive densities on the open
        interval: the sum is below 1 at the lowest type, above 1 at the highest, continuous, and every q_i is strictly
        increasing in between.""",
    hypotheses=[market.scarce, market.laws],
    proof="""At the lowest type some q_j is 1 - k(others of j) and every other q_l is below k_l, or all are 0. For agent
        i let A be a smallest set without him whose demand with his exceeds 1, j in A and S = A without j: raising t
        past j's type raises what i gets there by min(k_i, k(A) + k_i - 1) > 0, and never lowers it elsewhere.""",
    rests_on=["forward_market.equation_15"],
    expected="proved",
)
def sum_is_one(run: Run) -> Iterator[Evidence]:
    """Both ends and the crossing set by Z3; strict growth and both ends of the exact market on a grid."""
    import z3

    total, own, shares, others = z3.Reals("total own shares others")
    base, first, second, whole = z3.Reals("base first second whole")
    gain = (
        smt.minimum(base + first, 1) + smt.minimum(base + second, 1) - smt.minimum(base, 1)
        - smt.minimum(base + first + second, 1)
    )  # fmt: skip
    yield smt.prove(
        z3.And(
            z3.Implies(own > 0, own + shares < 1),
            z3.Implies(z3.And(base + first <= 1, base + first + second > 1), gain > 0),
            gain >= 0,
        ),
        given=[
            z3.And(total > 1, others > 0, shares >= 0, shares < others, own == 1 - others, total == whole + others),
            z3.And(base >= 0, first > 0, first <= 1, second > 0, second <= 1, whole > 0),
        ],
        control=("every set adds something", gain > 0),
        range="every number of agents, all demands: sums over sets of agents",
        complete=True,
        nontrivial=[own > 0, base + first <= 1, base + first + second > 1],
        lift=market.example(),
    )

    def grows(instance: Instance, first: int = 0) -> bool:
        spot = market.Spot.of(instance)
        values = [[market.at(market.interim(spot, i), Fraction(k, 8)) for i in spot.agents] for k in range(9)]
        rising = all(a < b for low, high in itertools.pairwise(values) for a, b in zip(low, high, strict=True))
        return bool(rising and sum(values[first]) < 1 < sum(values[-1]))

    yield exhaustive.check(
        grows,
        grid=market.markets(held=False),
        control=("below 1 at the highest type", lambda i: grows(i, 8)),
        hypotheses=run.hypotheses,
        range=f"types in eighths: {market.VALUES}",
    )


@claim(
    paper="liu2020",
    label="Proposition 2",
    statement="""There exist a unique hat theta in (low, high) and unique holdings r* = (q_1(hat), ..., q_n(hat)), such
        that when the holdings are r*, all agents have the same worst-off type, and it is hat theta.""",
    reading="""For every n, all k with scarcity, low >= 0 and positive densities on the open interval. No other holdings
        make worst-off types equal, not even with r_i > k_i or r_i < q_i(low).""",
    hypotheses=[market.scarce, market.laws],
    proof="""By (8) q_i is strictly increasing, so q_i(hat) = r_i* makes hat the worst-off type. Other holdings with a
        common worst-off type: inside the interval they are q_i of it and sum to 1 only at hat; at the lowest type they
        are at most q_i(low), in all less than 1; at the highest at least k_i, in all more than 1.""",
    rests_on=["forward_market.equation_8", "forward_market.lemma_1"],
    expected="proved",
)
def unique(run: Run) -> Iterator[Evidence]:
    """The three places of a common type by Z3; every vector of holdings on a grid of the exact market."""
    import z3

    held, lowest, demand, inside = z3.Reals("held lowest demand inside")  # sums over agents
    common, star = z3.Reals("common star")
    yield smt.prove(
        z3.And(common == star),
        given=[
            z3.And(held == 1, lowest < 1, demand > 1, lowest >= 0, lowest < inside, inside < demand),
            z3.Or(held <= lowest, held >= demand, held == inside),
            z3.Implies(inside == 1, common == star),  # (8)
        ],
        control=("whatever the holdings sum to", z3.And(common == star, held <= lowest)),
        range="every number of agents, all demands and distributions: sums over agents",
        complete=True,
        lift=market.example(),
    )

    def only(instance: Instance, blur: Fraction = Fraction(0)) -> bool:
        spot = market.Spot.of(instance)
        star = spot.star()
        places = [spot.worst(i, r) for i, r in enumerate(instance["holding"])]
        meet = max(low for low, _ in places) <= min(high for _, high in places) + blur
        return not meet or all(low <= r <= high for r, (low, high) in zip(instance["holding"], star, strict=True))

    yield exhaustive.check(
        only,
        grid=market.markets(),
        control=("types up to 1 apart count as one", lambda i: only(i, Fraction(1))),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
