"""Proposition 6: anticipated uncertainty. Equal holdings need scarcity in every state and the whole action set."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

forward = catalog.beside(__file__, "_pair")

HALF = Fraction(1, 2)


def states(instance: Instance) -> bool:
    """Two identical agents, types uniform on [low, low + 1], low >= 0; equally likely k in (0, 1], one scarce."""
    demands = instance["k"]
    return bool(instance["low"] >= 0 and all(0 < k <= 1 for k in demands) and any(2 * k > 1 for k in demands))


def trades(instance: Instance) -> bool:
    """Agent 1 owns e_1 in (1/2, 1] and demands something in [0, 1]; P is linear with the slope given."""
    return bool(HALF < instance["owned"] <= 1 and 0 <= instance["demanded"] <= 1 and instance["slope"] > 0)


def hat(instance: Instance, k: Any, held: Fraction) -> Fraction:
    """The worst-off type at a holding in the state k: least u with q(u) >= min(held, k), q = min(k, 1 - k) + b u."""
    b, least = max(Fraction(0), 2 * Fraction(k) - 1), min(Fraction(k), 1 - Fraction(k))
    amount = min(held, Fraction(k))
    return instance["low"] + (max(Fraction(0), (amount - least) / b) if b else 0)


def supports(instance: Instance) -> bool:
    """P is in the family: beyond the mean of the worst-off types on either side of 0, up to e_1 - 1/2 away."""
    start, reach = mean_hat(instance, HALF), instance["owned"] - HALF
    kinks = {abs(k - HALF) for k in map(Fraction, instance["k"])}  # broken lines: the kinks and the ends decide
    for y in [reach, *(kink for kink in kinks if 0 < kink < reach)]:
        if start + instance["slope"] * y <= mean_hat(instance, HALF + y):
            return False
        if start - instance["slope"] * y >= mean_hat(instance, HALF - y):
            return False
    return True


def mean_hat(instance: Instance, held: Fraction) -> Fraction:
    """The paper's marginal value: the mean over the states of the worst-off type."""
    return Fraction(sum(hat(instance, k, held) for k in instance["k"]) / len(instance["k"]))


def gain(instance: Instance) -> Fraction:
    """What agent 1 gains by his demand: pi in each state in closed form, less the payment."""
    x, start = Fraction(instance["demanded"]), mean_hat(instance, HALF)
    y = x - HALF
    worth = Fraction(0)
    for k in map(Fraction, instance["k"]):
        b, least = max(Fraction(0), 2 * k - 1), min(k, 1 - k)
        values = []
        for held in (min(x, k), min(HALF, k)):
            rest = max(Fraction(0), held - least)
            values.append(instance["low"] * held + (rest * rest / (2 * b) if b else 0))
        worth += values[0] - values[1]
    return Fraction(worth / len(instance["k"]) - start * y - instance["slope"] * y * y / 2)


def replay(instance: Instance) -> str | None:
    """State by state, areas under the worst-off type by trapezoids between the holdings, zero beyond the demand."""
    x, low = Fraction(instance["demanded"]), Fraction(instance["low"])
    lines, total = [], Fraction(0)
    starts = []
    for k in map(Fraction, instance["k"]):
        least, most = min(k, 1 - k), k

        def worst(z: Fraction, least: Fraction = least, most: Fraction = most) -> Fraction:
            if z <= least or most == least:
                return low
            return low + min(Fraction(1), (z - least) / (most - least))

        kinks = [least, most]
        area = forward.trapezoids(worst, kinks, min(HALF, k), min(x, k))
        starts.append(worst(min(HALF, k)))
        total += area / len(instance["k"])
        lines.append(f"k = {k}: holding {x} instead of 1/2 changes the spot payoff by {area}")
    start = sum(starts, Fraction(0)) / len(starts)
    paid = forward.trapezoids(lambda z: start + instance["slope"] * (z - HALF), [], HALF, x)
    if total <= paid:
        return None
    lines.append(f"P(0) = {start}: the forward payment changes by {paid}; on average agent 1 gains {total - paid}")
    return "\n".join(lines)


GRID = [
    {"k": list(k), "low": low, "owned": owned, "slope": slope, "demanded": x}
    for k in ((1,), (Fraction(2, 3), 1), (Fraction(2, 5), 1), (Fraction(3, 4), Fraction(2, 3)))
    for low in (0, 1)
    for owned in (Fraction(3, 5), Fraction(9, 10))
    for slope in (1, 2, 4)
    for x in forward.TENTHS
]
RANGE = "two agents, uniform types, four lists of states, low in {0, 1}, two endowments, linear P with slope 1, 2 or 4"


@claim(
    paper="liu2020",
    label="Proposition 6",
    part="equilibrium",
    statement="For any P in the family, equal forward market holdings are a Nash equilibrium.",
    reading="""For every n, F and distribution of k(w) in (0, 1], states without scarcity included, and increasing P
        with P(0) the mean of the worst-off types that is beyond their envelopes. Here two agents with uniform types,
        linear P.""",
    hypotheses=[states, trades, supports],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.proposition_6_scarcity_in_every_state",
)
def printed(run: Run) -> Evidence:
    """Demands in tenths."""
    return exhaustive.check(
        lambda i: gain(i) <= 0,
        grid=GRID,
        control=("every other demand loses", lambda i: gain(i) < 0),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


def scarce_states(instance: Instance) -> bool:
    """Every state is scarce: 2 k > 1."""
    return all(2 * k > 1 for k in instance["k"])


def steep(instance: Instance) -> bool:
    """P is beyond the mean of the worst-off types on the whole action set: each state's slope 1/b is at most P's."""
    return all(instance["slope"] * (2 * k - 1) >= 1 for k in instance["k"])


@claim(
    paper="liu2020",
    label="Proposition 6",
    part="scarcity in every state",
    statement="""If n k(w) > 1 in every state and P is beyond the mean of the worst-off types (0 beyond k(w)) for all
        demands in [0, 1], equal forward market holdings are a Nash equilibrium.""",
    reading="For every n, F and distribution over states; no hulls, prices may leave the support.",
    hypotheses=[states, scarce_states],
    proof="""Then 1/n < k(w), so the mean of pi_i(.; w) has the mean of the worst-off types as its slope at 1/n and the
        argument of Proposition 3 applies to it. Where 1/n > k(w) the true slope of that state is 0, not the type.""",
    rests_on=["forward_market.proposition_3", "forward_market.corollary_1"],
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """One state against the rest, one piece of a deviation, by Z3; linear tariffs."""
    import z3

    weight, value, value_rest, price, width, before = z3.Reals("weight value value_rest price width before")
    mean = weight * value + (1 - weight) * value_rest
    yield smt.prove(
        width * (mean - price) + before <= 0,
        given=[
            z3.And(weight > 0, weight <= 1, before <= 0),
            z3.Or(z3.And(width >= 0, price >= mean), z3.And(width <= 0, price <= mean)),
        ],
        control=("the highest of the states' values", width * (value - price) + before <= 0),
        range="every number of agents, all F and distributions of the state: one state and the rest, one piece "
        "and the rest",
        complete=True,
        nontrivial=[width > 0, weight < 1, value != value_rest],
        lift=lambda value: {"k": [Fraction(2, 3), 1], "low": 1, "owned": Fraction(3, 4), "slope": 4, "demanded": HALF},
    )
    yield exhaustive.check(
        lambda i: not steep(i) or gain(i) <= 0,
        grid=GRID,
        control=("tariffs with any slope", lambda i: gain(i) <= 0),
        hypotheses=run.hypotheses,
        range=f"{RANGE}; asked where P is beyond the mean of the worst-off types at all demands",
    )


@claim(
    paper="liu2020",
    label="Proposition 6",
    part="budget balance",
    statement="There exists P' in the family such that the forward market is budget balanced in this equilibrium.",
    reading="""As in Proposition 4, with states that are all alike in scarcity: a distribution of k(w) on one point is a
        special case. The supremum of the budget over the family is at least 0.""",
    hypotheses=[forward.pair, forward.sells],
    replay=forward.rectangles,
    document=forward.document,
    expected="refuted",
    repaired_by="forward_market.proposition_4_the_forward_market_pays_out",
)
def balanced(run: Run) -> Evidence:
    """The supremum of the budget for one state."""
    return exhaustive.check(
        lambda i: forward.ceiling(i) >= 0,
        grid=[
            {"demand": [k, k], "low": low, "endowment": [e, 1 - e]}
            for k in (Fraction(2, 3), Fraction(3, 4), 1)
            for low in (0, 1)
            for e in forward.TENTHS
        ],
        control=("a positive budget", lambda i: forward.ceiling(i) > 0),
        hypotheses=run.hypotheses,
        range="two identical agents, uniform types, one state with k in {2/3, 3/4, 1}, endowments in tenths",
    )
