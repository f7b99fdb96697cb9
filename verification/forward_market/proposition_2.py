"""Proposition 2: one common worst-off type, and the holdings that make it common."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


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
