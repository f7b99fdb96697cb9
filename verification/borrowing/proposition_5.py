"""Proposition 5: who prefers the swapped equilibrium - profile by profile it is right, as printed it is not."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
swap = catalog.beside(__file__, "proposition_4")
ITEMS = (
    """-v_2(t_2) > v_2(t_1 + t_2) and -v_1(t_1) > v_1(t_1 + t_2) if and only if the ex-post Nash equilibrium defined by
    proposition 4 is strictly preferred to the truthful ex-post Nash equilibrium.""",
    """-v_2(t_2) < v_2(t_1 + t_2) and -v_1(t_1) < v_1(t_1 + t_2) if and only if the truthful ex-post Nash equilibrium is
    strictly preferred to the ex-post Nash equilibrium defined by proposition 4.""",
)


@claim(
    paper="zheng2023",
    label="Proposition 5",
    part="repaired: profile by profile",
    statement="For all v, t: " + ITEMS[0] + " Likewise with < and the truth. (Ours: preferred at that v and t.)",
    reading="""For all v, t and every order that is carried out, ties included, the swapped equilibrium gives agent i
        exactly -(v_j(t_j) + v_j(t1 + t2)) more than the truth. So both have more there iff both sums are negative,
        and less iff both are positive.""",
    hypotheses=[pair.functions],
    proof="The difference is what j reports swapped less what he reports truly: the sum of his two values, negated.",
    expected="proved",
)
def pointwise(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; profiles of a grid."""
    import z3

    first, second, given = pair.terms()

    def gap(share: Fraction, agent: int) -> Any:
        return swap.swapped(share, first, second)[agent] - pair.total(share, first, second)

    sums = [-(first[1] + second[1]), -(first[0] + second[0])]
    goal = pair.every(lambda share: z3.And(gap(share, 0) == sums[0], gap(share, 1) == sums[1]))
    both = pair.every(
        lambda share: z3.And(
            z3.And(gap(share, 0) > 0, gap(share, 1) > 0) == z3.And(-first[1] > second[1], -first[0] > second[0]),
            z3.And(gap(share, 0) < 0, gap(share, 1) < 0) == z3.And(-first[1] < second[1], -first[0] < second[0]),
        )
    )
    yield smt.prove(
        z3.And(goal, both),
        given=given,
        control=("his own sum", pair.every(lambda share: gap(share, 0) == sums[1])),
        range="all value functions, times and orders",
        complete=True,
        lift=pair.lift,
    )

    def right(instance: Instance, own: bool = False) -> bool:
        first, second = pair.payoffs(instance)
        share = pair.chance(first, second)
        truth, told = pair.total(share, first, second), swap.swapped(share, first, second)
        return all(told[i] - truth == -(first[j] + second[j]) for i, j in ((0, 0 if own else 1), (1, 0)))

    yield exhaustive.check(
        right,
        grid=pair.grid(),
        control=("his own sum", lambda instance: right(instance, True)),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )


def of_the_paper(instance: Instance) -> bool:
    """V is one function value - slope t in [-1, 1] on [0, 2]; two times in [0, 1]."""
    a, b = instance["value"], instance["slope"]
    return (
        abs(a) <= 1
        and abs(a - 2 * b) <= 1
        and len(instance["time"]) == 2
        and all(0 <= t <= 1 for t in instance["time"])
    )


def gains(instance: Instance, one: Any, two: Any) -> tuple[Fraction, Fraction]:
    """What the swapped equilibrium gives each agent more than the truth, at these times."""
    a, b = (Fraction(instance[name]) for name in ("value", "slope"))
    first, second = [a - b * Fraction(one), a - b * Fraction(two)], [a - b * (Fraction(one) + Fraction(two))] * 2
    share = pair.chance(first, second)
    truth = pair.total(share, first, second)
    mine, others = swap.swapped(share, first, second)
    return mine - truth, others - truth


def preferred(instance: Instance, direction: int) -> bool:
    """Definition 7: both gain at all times. The gains are affine in the times, so corners decide."""
    return all(direction * gain > 0 for corner in product((0, 1), repeat=2) for gain in gains(instance, *corner))


def condition(instance: Instance, direction: int) -> bool:
    """The inequalities of the item at the instance's times."""
    a, b = instance["value"], instance["slope"]
    total = sum(instance["time"])
    return all(direction * -(a - b * t) > direction * (a - b * total) for t in instance["time"])


def replay(direction: int) -> Callable[[Instance], str | None]:
    """Utilities of both equilibria worked out at the instance's times and at a time where it is the other way."""

    def check(instance: Instance) -> str | None:
        a, b = Fraction(instance["value"]), Fraction(instance["slope"])
        lines, met, against = [], False, False
        for name, (one, two) in (("here", instance["time"]), *((f"at {c}", c) for c in product((0, 1), repeat=2))):
            w = [a - b * t for t in (one, two)]  # first
            z = a - b * (one + two)  # second
            lead = 0 if w[0] > w[1] else 1
            truth = w[lead] + z  # what both get, h aside
            other = [w[lead] - w[1 - lead], z - z]  # swapped: of the one who is first, and of the other
            more = [direction * (x - truth) for x in other]
            lines.append(f"{name}: truth {truth} each; swapped {other[0]} for the first, {other[1]} for the second")
            met |= name == "here" and direction * -(w[0] + z) > 0 and direction * -(w[1] + z) > 0
            against |= name != "here" and min(more) <= 0
        return (
            "\n".join([*lines, "the condition holds here, yet Definition 7 asks for all times"])
            if met and against
            else None
        )

    return check


def literal(direction: int) -> Any:
    """The claim of an item as printed, with Definition 7."""
    number = 1 if direction > 0 else 2

    @claim(
        paper="zheng2023",
        label="Proposition 5",
        part=f"item {number} as printed",
        statement="For all v_1, v_2 in V, t_1, t_2 in [0, 1]: " + ITEMS[number - 1],
        reading="""By the letter: for all t the two inequalities at t hold iff one equilibrium is strictly preferred
            to the other in the sense of Definition 7, which is for all v and t. V has one function here.""",
        hypotheses=[of_the_paper],
        replay=replay(direction),
        expected="refuted",
        repaired_by="borrowing.proposition_5_repaired_profile_by_profile",
    )
    def item(run: Run) -> Evidence:
        """Affine functions of the paper's kind."""
        return exhaustive.check(
            lambda i: condition(i, direction) == preferred(i, direction),
            grid=exhaustive.Grid(
                agents=(2,), each={"time": [0, 1]}, scalars={"value": [Fraction(1, 2), 1], "slope": [1, Fraction(1, 2)]}
            ),
            control=("the condition never holds", lambda i: not condition(i, direction)),
            hypotheses=run.hypotheses,
        )

    return item


item_1, item_2 = literal(1), literal(-1)
