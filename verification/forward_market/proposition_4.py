"""Proposition 4, equilibrium: the family of tariffs is bounded on too short a range, and leaves the support."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

forward = catalog.beside(__file__, "_pair")

SLOPES = [Fraction(1, 100), Fraction(1, 2), 2, 5]


GRID = [
    {"demand": k, "low": low, "endowment": [e, 1 - e], "slope": slope, "beyond": beyond, "demanded": x}
    for k in forward.DEMANDS
    for low in (0, 1)
    for e in (Fraction(4, 5), Fraction(9, 10))
    for slope in SLOPES
    for beyond in SLOPES
    for x in forward.TENTHS[::2]
]
RANGE = "two agents, uniform types, three pairs of demands, two endowments, four slopes near and beyond, x in fifths"


@claim(
    paper="liu2020",
    label="Proposition 4",
    part="equilibrium",
    statement="For any P in the family, r* is a Nash equilibrium of the centralized forward market.",
    reading="""For every market, e != r* and increasing P with P(0) = hat that is above the upper hull of the worst-off
        types on (0, e_1 - r_1*] and below the lower hull on [e_n - r_n*, 0): no demand in [0, 1] gains. Here two agents
        with uniform types, where the worst-off types are their own hulls, and P is a broken line.""",
    hypotheses=[forward.pair, forward.sells, forward.short_family, forward.deviation],
    replay=forward.deviates,
    document=forward.document,
    expected="refuted",
    repaired_by="forward_market.proposition_4_on_all_demands",
)
def short_range(run: Run) -> Evidence:
    """Slopes and demands on a grid."""
    return exhaustive.check(
        lambda i: forward.gain(i) <= 0,
        grid=GRID,
        control=("every other demand loses", lambda i: forward.gain(i) < 0),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


def everywhere(instance: Instance) -> bool:
    """P is on the right side of every worst-off type in the whole action set: both slopes are at least 1/b."""
    return bool(min(instance["slope"], instance["beyond"]) * forward.excess(instance) >= 1)


@claim(
    paper="liu2020",
    label="Proposition 4",
    part="on all demands",
    statement="""If an increasing P with P(0) = hat is at least every agent's worst-off type (0 beyond k_i) on
        (0, max(1 - r_i*)] and at most every one on [-max r_i*, 0), then r* is a Nash equilibrium. No hulls are needed,
        and prices may leave the support; such P always exist.""",
    reading="For every n, all demands, distributions, endowments. P = high + 1 right of 0 and 0 left of it is one.",
    hypotheses=[forward.pair, forward.sells],
    proof="The envelopes give the repaired single crossing of every agent at every demand.",
    rests_on=["forward_market.proposition_3"],
    expected="proved",
)
def on_all_demands(run: Run) -> Iterator[Evidence]:
    """One agent under the envelope by Z3; broken lines for two agents."""
    import z3

    price, envelope, value, side, high = z3.Reals("price envelope value side high")
    yield smt.prove(
        z3.And(
            z3.Implies(z3.And(side > 0, envelope >= value, price >= envelope), side * (price - value) >= 0),
            z3.Implies(z3.And(side < 0, envelope <= value, price <= envelope), side * (price - value) >= 0),
            z3.Implies(z3.And(value >= 0, value <= high), z3.And(high + 1 >= value, value >= 0)),
        ),
        control=("whatever the envelope", side * (price - value) >= 0),
        range="every number of agents, all demands and distributions: one agent at one demand",
        complete=True,
        nontrivial=[side > 0, envelope > value, price > envelope],
        lift=lambda value: forward.EXAMPLE,
    )
    yield exhaustive.check(
        lambda i: not everywhere(i) or forward.gain(i) <= 0,
        grid=GRID,
        control=("the slope only near 0", lambda i: not forward.short_family(i) or forward.gain(i) <= 0),
        hypotheses=run.hypotheses,
        range=f"{RANGE}; asked where P is beyond the worst-off types at all demands",
    )


def empty_replay(instance: Instance) -> str | None:
    """The worst-off type of agent 1 at the position of his endowment."""
    k1, k2 = map(Fraction, instance["demand"])
    held = (1 + k1 - k2) / 2
    at_full = k1 - held  # the position at which he demands k_1
    reach = instance["endowment"][0] - held
    if reach < at_full:
        return None
    high = instance["low"] + 1
    return (
        f"r_1* = {held}, e_1 - r_1* = {reach}; at the position {at_full} agent 1 demands k_1 = {k1} and his worst-off "
        f"type is the highest, {high}\nP has to exceed it, so no P with values up to {high} is in the family"
    )


@claim(
    paper="liu2020",
    label="Proposition 4",
    part="prices in the support",
    statement="The family consists of functions P with values in [low, high].",
    reading="""For every market and e != r* the family has a member with values in [low, high]: the upper hull is below
        high on (0, e_1 - r_1*]. Here two agents with uniform types.""",
    hypotheses=[forward.pair, forward.sells],
    replay=empty_replay,
    document=forward.document,
    expected="refuted",
    repaired_by="forward_market.proposition_4_on_all_demands",
)
def not_empty(run: Run) -> Evidence:
    """The upper envelope at the largest position."""

    def below(instance: Instance, share: Fraction = Fraction(1)) -> bool:
        return bool(forward.marginal(instance, share * forward.position(instance)) < instance["low"] + 1)

    return exhaustive.check(
        below,
        grid=[
            {"demand": k, "low": low, "endowment": [e, 1 - e]}
            for k in forward.DEMANDS
            for low in (0, 1)
            for e in forward.TENTHS
        ],
        control=("positions twice as large", lambda i: below(i, Fraction(2))),
        hypotheses=run.hypotheses,
        range="two agents, uniform types, three pairs of demands, low in {0, 1}, endowments in tenths",
    )
