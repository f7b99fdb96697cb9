"""Corollary 1: common constant reports are no equilibrium - for all values at once; for known ones they can be."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
play = catalog.beside(__file__, "_strategies")
STATEMENT = """Both agents reporting a constant k in [0, 1] is not an ex-post Nash equilibrium in the direct mechanism
    defined by eqs. (4.1) and (4.2)."""


def constant(instance: Instance) -> bool:
    """v_i = value_i - slope_i t in [-1, 1] on [0, 2]; both report k in [0, 1] whatever their times."""
    return bool(play.affine({**instance, "at_0": [instance["k"]] * 2, "at_1": [instance["k"]] * 2}))


def matters(instance: Instance) -> bool:
    """At some times one order is strictly efficient."""
    return bool(any(instance["slope"]))


def movable(instance: Instance) -> bool:
    """Both orders are strictly efficient at some times, and against k agent 2 has two reports with different orders."""
    moves = instance["slope"][0] * instance["slope"][1] > 0
    return bool(moves and len(play.attainable(instance, instance["k"])) > 1)


def full(instance: Instance) -> Instance:
    """The same with both strategies written out."""
    return {**instance, "at_0": [instance["k"]] * 2, "at_1": [instance["k"]] * 2}


def replay(instance: Instance) -> str | None:
    """From the printed utilities, on a grid of twelfths: nobody gains anywhere."""
    same = [instance["k"]] * 2
    checked = [
        play.by_utilities({**instance, "at_0": same, "at_1": same}, Fraction(one, 12), Fraction(two, 12))
        for one in range(13)
        for two in range(13)
    ]
    if any(verdict == 2 for verdict, _, _ in checked):
        return None
    lines = checked[12 * 13 + 6][2]
    return "\n".join([*lines, "agent 1 always gets 0; for times and reports in twelfths agent 2 never gains either"])


CONSTANTS = exhaustive.Grid(
    agents=(2,),
    each={"value": [0, 1, -1], "slope": [0, 1, -1]},
    scalars={"k": [0, Fraction(1, 3), Fraction(1, 2), 1]},
)


@claim(
    paper="zheng2023",
    label="Corollary 1",
    part="for known values",
    statement=STATEMENT,
    reading="For the values v1, v2 that the manager knows (Section 3) and every k: some report gains at some times.",
    hypotheses=[constant, matters],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.corollary_1_repaired",
)
def known(run: Run) -> Evidence:
    """Affine values."""
    return exhaustive.check(
        lambda i: not play.equilibrium(full(i)),
        grid=CONSTANTS,
        control=("agent 1's value is constant", lambda i: i["slope"][0] == 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zheng2023",
    label="Corollary 1",
    part="repaired",
    statement=STATEMENT + " (Ours: where both orders can be strictly efficient, and agent 2 can change the order.)",
    reading="""For all known v and k: if W1 > W2 at some times, W1 < W2 at others, and the orders q(k, b), b in [0,
        1], are not all the same, then both reporting k is no equilibrium. (For affine v of one direction: k with
        another order in reach.)""",
    hypotheses=[constant, movable],
    rests_on=["borrowing.proposition_2_repaired_the_best_attainable_order"],
    proof="""Agent 2 can move from q(k, k) towards agent 1 first or towards agent 2 first. In the first case he gains
        at times where W1 > W2, in the second where W1 < W2.""",
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """Z3 for any differences; affine values at all times."""
    import z3

    ahead, behind = z3.Reals("ahead behind")  # W1 - W2 at two pairs of times
    moves = [(q, r) for q in pair.ORDERS for r in pair.ORDERS if q != r]
    yield smt.prove(
        z3.And(*(z3.Or((r - q) * ahead > 0, (r - q) * behind > 0) for q, r in moves)),
        given=[ahead > 0, behind < 0],
        control=("agent 1 first is always efficient", z3.And(*((r - q) * ahead > 0 for q, r in moves))),
        range="all known values, constants and reports: agent 2's gain from q to r is (r - q)(W1 - W2)",
        complete=True,
        lift=lambda value: {"value": [1, 1], "slope": [1, 1], "k": Fraction(1, 2)},
    )
    yield exhaustive.check(
        lambda i: not play.equilibrium(full(i)),
        grid=CONSTANTS,
        control=("k = 1/2 is an equilibrium", lambda i: i["k"] != Fraction(1, 2)),
        hypotheses=run.hypotheses,
    )


def any_constant(instance: Instance) -> bool:
    """k and a time in [0, 1], not the same."""
    return 0 <= instance["k"] <= 1 and 0 <= instance["t"] <= 1 and instance["k"] != instance["t"]


@claim(
    paper="zheng2023",
    label="Corollary 1",
    part="for all value functions",
    statement=STATEMENT,
    reading="""By the letter of Definition 2, with V the set of all functions [0, 2] -> [-1, 1]: a constant k differs
        from the truth at some time, and nothing but the truth is an equilibrium for all v.""",
    hypotheses=[any_constant],
    rests_on=["borrowing.proposition_2_for_all_value_functions"],
    proof="At t = 0 or at t = 1 the report k is no truth.",
    expected="proved",
)
def all_values(run: Run) -> Evidence:
    """By Z3: a constant is not the identity."""
    import z3

    k, t = z3.Reals("k t")
    return smt.prove(
        z3.Or(k != 0, k != 1),
        given=[k >= 0, k <= 1, t >= 0, t <= 1, k != t],
        control=("k differs from 0", k != 0),
        range="every k in [0, 1]",
        complete=True,
        lift=lambda value: {"k": value.get("k", Fraction(0)), "t": value.get("t", Fraction(1))},
    )
