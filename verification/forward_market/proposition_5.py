"""Proposition 5: unanticipated uncertainty, with the domain and the budget of Proposition 4."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

forward = catalog.beside(__file__, "_pair")

PAIRS = [
    {"demand": [k, k], "low": low, "endowment": [e, 1 - e]}
    for k in (Fraction(3, 4), 1)
    for low in (0, 1)
    for e in (Fraction(3, 5), 1)
]
GRID = [
    {**point, "after": after, "slope": slope}
    for point in PAIRS
    for after in (Fraction(2, 5), Fraction(2, 3), 1)
    for slope in (1, 2, 4)
]
RANGE = "two identical agents, uniform types, expected k in {3/4, 1}, k after the shock in {2/5, 2/3, 1}, low in {0, 1}"


def shocked(instance: Instance) -> bool:
    """Identical agents; after the shock the demand is another number in (0, 1]."""
    return instance["demand"][0] == instance["demand"][1] and 0 < instance["after"] <= 1


def in_the_large(instance: Instance) -> bool:
    """P is linear with a slope of at least 1/b, above the worst-off types on the whole action set."""
    return bool(instance["slope"] * forward.excess(instance) >= 1)


def after_shock(instance: Instance, held: Fraction) -> Fraction:
    """Pi in the state after the shock at holdings (held, 1 - held): closed form for two identical uniform agents."""
    k, low = Fraction(instance["after"]), Fraction(instance["low"])
    b = max(Fraction(0), 2 * k - 1)  # q(u) = q(0) + b u
    least = min(k, 1 - k)
    mean = low + Fraction(1, 2)
    welfare = 2 * k * mean if b == 0 else 2 * least * mean + b * (low + Fraction(2, 3))  # the higher type gets b more
    total = welfare - 2 * (least / 2 + b / 6)
    for r in (held, 1 - held):
        amount = min(r, k)
        u = min(Fraction(1), max(Fraction(0), (amount - least) / b)) if b else Fraction(0)
        total += least * u + b * u * u / 2 - (low + u) * amount
    return Fraction(total)


def identical(instance: Instance) -> bool:
    """Identical agents."""
    return bool(instance["demand"][0] == instance["demand"][1])


@claim(
    paper="liu2020",
    label="Proposition 5",
    part="all states, as printed",
    statement="""If aggregate uncertainty is not anticipated, then the resulting forward market holdings for all P in
        the family result in an efficient spot market for all states.""",
    reading="""The resulting holdings are the equal ones: in the words of the printed proof, for any P in the family
        these are a Nash equilibrium by Proposition 4. For all identical agents, e != r* and P of the family as printed,
        with bounds between the endowments' positions only: no demand in [0, 1] gains. Here two agents with uniform
        types and P a broken line.""",
    hypotheses=[forward.pair, forward.sells, identical, forward.short_family, forward.deviation],
    replay=forward.deviates,
    document=forward.document,
    expected="refuted",
    repaired_by="forward_market.proposition_5_all_states",
)
def short_range(run: Run) -> Evidence:
    """Slopes and demands on a grid."""
    return exhaustive.check(
        lambda i: forward.gain(i) <= 0,
        grid=[
            {**point, "slope": slope, "beyond": beyond, "demanded": x}
            for point in PAIRS
            for slope in (Fraction(3, 2), 5)
            for beyond in (Fraction(1, 100), 5)
            for x in forward.TENTHS[::5]
        ],
        control=("every other demand loses", lambda i: forward.gain(i) < 0),
        hypotheses=run.hypotheses,
        range="two identical agents, uniform types, k in {3/4, 1}, two endowments, two slopes each, x in {0, 1/2, 1}",
    )


@claim(
    paper="liu2020",
    label="Proposition 5",
    part="all states",
    statement="""If aggregate uncertainty is not anticipated, then the resulting forward market holdings for all P in
        the family result in an efficient spot market for all states. (Ours: with P beyond the worst-off types at all
        demands, as in Proposition 4 on all demands.)""",
    reading="""Identical agents; the family bounded on the whole action set, so that r* = (1/n, ..., 1/n) is an
        equilibrium for the expected k. For every n, F and every k(w) in (0, 1] afterwards.""",
    hypotheses=[forward.pair, forward.sells, shocked],
    proof="Equal holdings are an equilibrium, and by Corollary 1 let the spot market operate whatever the state.",
    rests_on=["forward_market.proposition_4_on_all_demands", "forward_market.corollary_1"],
    expected="proved",
)
def all_states(run: Run) -> Iterator[Evidence]:
    """Deviations and equal holdings by Z3; both for two agents in closed form."""
    import z3

    price, value, width, before, agents, k = z3.Reals("price value width before agents k")
    kept = smt.minimum(1 / agents, k)  # what an equal holding is worth a unit of type in the state
    yield smt.prove(
        z3.And(
            width * (value - price) + before <= 0,
            z3.Implies(agents * k > 1, agents * kept == 1),  # r* of the state: Proposition 1
            z3.Implies(agents * k <= 1, kept == k),  # nobody goes without: no trade is needed
        ),
        given=[
            z3.And(agents >= 2, k > 0, k <= 1, before <= 0),
            z3.Or(z3.And(width >= 0, price >= value), z3.And(width <= 0, price <= value)),
        ],
        control=("all supply is of use in every state", agents * kept == 1),
        range="every number of agents, all F and k: a piece of a deviation and the rest; equal holdings in any state",
        complete=True,
        nontrivial=[width > 0, price > value],
        lift=lambda value: GRID[-1],
    )

    def good(instance: Instance, held: Fraction | None = None) -> bool:
        star = forward.star(instance, 0)
        for x in forward.TENTHS:
            y = x - star
            charge = (instance["low"] + forward.HALF) * y + instance["slope"] * y * y / 2
            if forward.worth(instance, 0, x) - forward.worth(instance, 0, star) > charge:
                return False
        return after_shock(instance, star if held is None else held) >= 0

    yield exhaustive.check(
        good,
        grid=[point for point in GRID if in_the_large(point)],
        control=("at holdings (1, 0)", lambda i: good(i, Fraction(1))),
        hypotheses=run.hypotheses,
        range=f"{RANGE}; P beyond the worst-off types at all demands",
    )


@claim(
    paper="liu2020",
    label="Proposition 5",
    part="budget balance",
    statement="There exists a P' in the family that balances the budget in the forward market.",
    reading="""As in Proposition 4, for identical agents: the supremum of the budget over the family is at least 0. Here
        two agents with uniform types.""",
    hypotheses=[forward.pair, forward.sells, shocked],
    replay=forward.rectangles,
    document=forward.document,
    expected="refuted",
    repaired_by="forward_market.proposition_4_the_forward_market_pays_out",
)
def balanced(run: Run) -> Evidence:
    """The supremum of the budget."""
    return exhaustive.check(
        lambda i: forward.ceiling(i) >= 0,
        grid=GRID,
        control=("a positive budget", lambda i: forward.ceiling(i) > 0),
        hypotheses=run.hypotheses,
        range=RANGE,
    )
