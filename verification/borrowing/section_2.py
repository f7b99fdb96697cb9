"""Section 2: a second stage is needed where values are private; for known affine values one stage is enough."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

play = catalog.beside(__file__, "_strategies")


def crossed(instance: Instance) -> bool:
    """Two types of agent 1 (value - slope t, time): efficiently first and second, but the second loses more by that."""
    losses, firsts = [], []
    for a, b, t in zip(instance["value"], instance["slope"], instance["time"], strict=True):
        inside = abs(a) <= 1 and abs(a - 2 * b) <= 1 and 0 <= t <= 1
        losses.append(b * instance["other_time"])
        firsts.append(b * instance["other_time"] - instance["other_slope"] * t)
        if not inside:
            return False
    fits = 0 <= instance["other_time"] <= 1 and -1 <= 1 - 2 * instance["other_slope"] <= 1
    return len(losses) == 2 and fits and firsts[0] > 0 > firsts[1] and losses[0] < losses[1]


HALF = Fraction(1, 2)
EXAMPLE: dict[str, Any] = {
    **{"value": [HALF, 1], "slope": [HALF, 1], "time": [0, 1]},
    **{"other_slope": 1, "other_time": Fraction(1, 4)},
}


def prices(instance: Instance, second_constraint: bool = True) -> list[Fraction]:
    """Prices of being first, in 48ths from -2 to 2, with which neither type gains by the other's report."""
    worths = []
    for a, b, t in zip(instance["value"], instance["slope"], instance["time"], strict=True):
        alone, total = Fraction(t), Fraction(t) + instance["other_time"]
        worths.append((a - b * alone, a - b * total))
    found = []
    for price in exhaustive.steps(-2, 2, 48):
        one = worths[0][0] - price >= worths[0][1]
        two = worths[1][1] >= worths[1][0] - price or not second_constraint
        if one and two:
            found.append(Fraction(price))
    return found


@claim(
    paper="zheng2023",
    label="Section 2",
    part="a second stage is needed",
    statement="""If agents' valuations are interdependent and their values and types are stochastically independent,
        two-stage mechanisms should be implemented to achieve ex-post incentive compatibility and ex-ante budget
        balanced when the goal is to maximize social welfare. (Ausubel, Dasgupta and Maskin: the VCG mechanism
        fails.)""",
    reading="""Where V has 1 - t and (1 - t)/2 (Section 9), no one-stage mechanism with the efficient order is ex-post
        incentive compatible, whatever its transfers from the first-stage reports: at t2 = 1/4 and v2 = 1 - t, agent 1
        is first as (t = 0, (1 - t)/2), where it is worth 1/8, and second as (t = 1, 1 - t), where being first is
        worth 1/4. So for all v, t where two of his types cross in this way.""",
    hypotheses=[crossed],
    proof="The incentive constraints ask for a price of being first of at most one L_1 and at least the other.",
    expected="proved",
)
def needed(run: Run) -> Iterator[Evidence]:
    """By Z3 for all transfers; types of a grid."""
    import z3

    early, late = smt.vector("first", 2), smt.vector("second", 2)  # of the type that is first, and of the other
    paid_first, paid_second = z3.Reals("paid_first paid_second")
    honest = [early[0] + paid_first >= late[0] + paid_second, late[1] + paid_second >= early[1] + paid_first]
    yield smt.prove(
        z3.Not(z3.And(*honest)),
        given=[early[0] - late[0] < early[1] - late[1]],
        control=("the first constraint by itself", z3.Not(honest[0])),
        range="all transfers, all pairs of types that cross",
        complete=True,
        lift=lambda value: EXAMPLE,
    )
    yield exhaustive.check(
        lambda i: not prices(i),
        grid=exhaustive.Grid(
            agents=(2,),
            each={"value": [HALF, 1], "slope": [HALF, 1], "time": [0, 1]},
            scalars={"other_slope": [HALF, 1], "other_time": [Fraction(1, 4), Fraction(1, 3)]},
        ),
        control=("the first constraint by itself", lambda i: not prices(i, False)),
        hypotheses=run.hypotheses,
    )


def affine_pair(instance: Instance) -> bool:
    """v_i = value_i - slope_i t in [-1, 1] on [0, 2]; two times in [0, 1]."""
    reports = {"at_0": [0, 0], "at_1": [1, 1]}
    return bool(play.affine({**instance, **reports}) and all(0 <= t <= 1 for t in instance["time"]))


@claim(
    paper="zheng2023",
    label="Beyond the paper: one stage for known affine values",
    statement="""For known affine value functions, the efficient order with the price slope_i t_j for being first is
        ex-post incentive compatible in one stage: no times are observed, no payoffs reported.""",
    reading="""For all known v_i = value_i - slope_i t and all times: with T_i = -slope_i m_j if i is reported first,
        half of it at a tie, no report of agent i gains when j reports truly. The price is what being second costs
        him, which his own time does not change.""",
    hypotheses=[affine_pair],
    proof="v_i(t_i) - slope_i t_j = v_i(t_i + t_j): he is indifferent between the places.",
    expected="proved",
)
def one_stage(run: Run) -> Iterator[Evidence]:
    """By Z3; a grid with all three orders."""
    import z3

    a, b, t, other = z3.Reals("value slope time other")

    def utility(share: Any, price: Any) -> Any:
        return share * (a - b * t - price) + (1 - share) * (a - b * (t + other))

    orders = (Fraction(1), HALF, Fraction(0))
    yield smt.prove(
        z3.And(*(utility(q, b * other) >= utility(r, b * other) for q in orders for r in orders)),
        given=[t >= 0, t <= 1, other >= 0, other <= 1, a >= -1, a <= 1, a - 2 * b >= -1, a - 2 * b <= 1],
        control=("half the price", z3.And(*(utility(q, b * other / 2) >= utility(r, b * other / 2)
                                            for q in orders for r in orders))),
        range="all affine value functions, times and reports",
        complete=True,
        nontrivial=[b > 0, other > 0],
        lift=lambda value: {"value": [1, 1], "slope": [1, HALF], "time": [value["time"], value["other"]]},
    )  # fmt: skip

    def honest(instance: Instance, share_of_price: Any = 1) -> bool:
        one, two = map(Fraction, instance["time"])
        level, fall = instance["value"][0], instance["slope"][0]
        got = {
            order: Fraction(order + 1, 2) * (level - fall * one - share_of_price * fall * two)
            + Fraction(1 - order, 2) * (level - fall * (one + two))
            for order in (1, 0, -1)
        }
        told = {play.sign(play.difference(instance, report, two)) for report in (0, Fraction(1, 3), 1)}
        return all(got[order] <= got[play.sign(play.difference(instance, one, two))] for order in told)

    yield exhaustive.check(
        honest,
        grid=exhaustive.Grid(
            agents=(2,), each={"value": [HALF], "slope": [HALF, 0, -Fraction(1, 4)], "time": [0, Fraction(1, 3), 1]}
        ),
        control=("half the price", lambda i: honest(i, HALF)),
        hypotheses=run.hypotheses,
    )
