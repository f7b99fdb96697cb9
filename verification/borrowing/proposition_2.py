"""Proposition 2: which profiles are equilibria of the one-stage mechanism, for known values and for all values."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
play = catalog.beside(__file__, "_strategies")


def equilibrium(instance: Instance) -> bool:
    """The strategies are an ex-post Nash equilibrium for these values: no report of agent 2 gains at any times."""
    return bool(play.equilibrium(instance))


def efficient_off_ties(instance: Instance) -> bool:
    """Items 1 and 2: the reported order is the efficient one wherever that is unique."""
    return bool(play.told(instance, (-1, 1)))


@claim(
    paper="zheng2023",
    label="Proposition 2",
    part="if",
    statement="""The strategy profile (m_1, m_2) is an ex-post Nash equilibrium if for all v_1, v_2 and t_1, t_2:
        q(m_1(t_1), m_2(t_2)) = (1, 0) whenever W1 > W2, (0, 1) whenever W1 < W2, and (0.5, 0.5) whenever W1 = W2.""",
    reading="""For known v (so for all v, too) and all strategies: items 1 and 2 at (t1, t2) suffice there; item 3 is
        not needed.""",
    hypotheses=[play.affine, efficient_off_ties],
    proof="u1 = 0 whatever is reported, and u2 = q . (W1, W2) is at its maximum.",
    expected="proved",
)
def sufficient(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3 for any reported order; affine strategies at all times."""
    import z3

    first, second, given = pair.terms()
    one, two = pair.welfare(first, second)

    def stays(share: Fraction, extra: Any = 0) -> Any:
        fits = z3.And(z3.Implies(one > two, share == 1), z3.Implies(one < two, share == 0))
        here = pair.total(share, first, second)
        return z3.Implies(fits, pair.every(lambda other: here >= pair.total(other, first, second) + extra))

    yield smt.prove(
        pair.every(stays),
        given=given,
        control=("strictly", pair.every(lambda share: stays(share, Fraction(1, 100)))),
        range="all value functions, times, strategies and deviations",
        complete=True,
        lift=lambda value: play.EXAMPLE,
    )
    yield exhaustive.check(
        equilibrium,
        grid=play.grid() if run.full else play.grid()[::5],
        control=("the reported order is efficient on ties too", lambda i: play.told(i, (-1, 0, 1))),
        hypotheses=run.hypotheses,
        range=play.RANGE + ("" if run.full else ", every fifth"),
    )


def replay(instance: Instance, wanted: tuple[int, ...]) -> str | None:
    """From the printed utilities, on a grid of twelfths."""
    lines = play.mismatch(instance, wanted)
    return "\n".join(lines) if lines else None


@claim(
    paper="zheng2023",
    label="Proposition 2",
    part="only if: items 1 and 2, for known values",
    statement="""If (m_1, m_2) is an ex-post Nash equilibrium, then q(m_1(t_1), m_2(t_2)) = (1, 0) whenever W1 > W2
        and (0, 1) whenever W1 < W2.""",
    reading="""For the values v1, v2 that the manager knows (Section 3), and all t1, t2. The printed proof deviates to
        "the other outcome": agent 2 need not have a report that leads to it.""",
    hypotheses=[play.affine, equilibrium],
    replay=lambda instance: replay(instance, (-1, 1)),
    expected="refuted",
    repaired_by="borrowing.proposition_2_repaired_the_best_attainable_order",
)
def items_1_2(run: Run) -> Evidence:
    """Affine values and strategies."""
    return exhaustive.check(
        efficient_off_ties,
        grid=play.grid(),
        control=("everybody is truthful", lambda i: i["at_0"] == [0, 0] and i["at_1"] == [1, 1]),
        hypotheses=run.hypotheses,
        range=play.RANGE,
    )


@claim(
    paper="zheng2023",
    label="Proposition 2",
    part="only if: item 3, for known values",
    statement="If (m_1, m_2) is an ex-post Nash equilibrium, then q(m_1(t_1), m_2(t_2)) = (0.5, 0.5) whenever W1 = W2.",
    reading="""For the values that the manager knows and all t1, t2. The printed proof shows for W1 = W2 only that
        every q is a best response. Here for profiles that meet items 1 and 2.""",
    hypotheses=[play.affine, equilibrium, efficient_off_ties],
    replay=lambda instance: replay(instance, (0,)),
    expected="refuted",
    repaired_by="borrowing.proposition_2_repaired_the_best_attainable_order",
)
def item_3(run: Run) -> Evidence:
    """Affine values and strategies."""
    return exhaustive.check(
        lambda i: play.told(i, (0,)),
        grid=play.grid(),
        control=("everybody is truthful", lambda i: i["at_0"] == [0, 0] and i["at_1"] == [1, 1]),
        hypotheses=run.hypotheses,
        range=play.RANGE,
    )


@claim(
    paper="zheng2023",
    label="Proposition 2",
    part="repaired: the best attainable order",
    statement="""(m_1, m_2) is an ex-post Nash equilibrium if and only if the reported order is efficient among those
        that agent 2 can bring about. (Ours.)""",
    reading="""For known v and all strategies: (m1, m2) is an equilibrium iff for all t, q(m1(t1), m2(t2)) . W(t) is
        the maximum of w . W(t) over w in Q(m1(t1)) = {q(m1(t1), b): b in [0, 1]}. If (1, 0) and (0, 1) are in
        Q(m1(t1)) for all t1, this is items 1 and 2; item 3 never follows.""",
    hypotheses=[play.affine],
    proof="u1 = 0, and u2 = q . W at the allocation that his report brings about: the definition of a best response.",
    expected="proved",
)
def attainable(run: Run) -> Iterator[Evidence]:
    """Any set of attainable orders by Z3; affine strategies at all times."""
    import z3

    first, second, given = pair.terms()
    one, two = pair.welfare(first, second)
    can = {share: z3.Real(f"reports_for_{share}") > 0 for share in pair.ORDERS}  # which orders can be brought about
    both = z3.And(can[pair.ORDERS[0]], can[pair.ORDERS[2]])

    def agrees(share: Fraction, item_3: bool = False) -> Any:
        def utility(q: Fraction) -> Any:  # of agent 2: his place and what agent 1 pays, (4.2)
            own, paid = pair.worth(q, first, second)[1], pair.worth(q, first, second)[0]
            return own + paid

        deviation = z3.Or(*(z3.And(can[q], utility(q) > utility(share)) for q in pair.ORDERS))
        most = z3.And(*(z3.Implies(can[q], pair.total(share, first, second) >= pair.total(q, first, second))
                        for q in pair.ORDERS))  # fmt: skip
        items = z3.And(z3.Implies(one > two, share == 1), z3.Implies(one < two, share == 0))
        items = z3.And(items, z3.Implies(one == two, share == pair.HALF)) if item_3 else items
        return z3.Implies(can[share], z3.And(z3.Not(deviation) == most, z3.Implies(both, most == items)))

    yield smt.prove(
        pair.every(agrees),
        given=given,
        control=("with item 3", pair.every(lambda share: agrees(share, True))),
        range="all value functions, times and strategies: any set of orders that agent 2 can bring about",
        complete=True,
        lift=lambda value: play.EXAMPLE,
    )

    def same(instance: Instance, sets: bool = True) -> bool:
        return all(
            play.by_utilities(instance, one, two)[0] != 2
            for one in pair.GRID_TIMES
            for two in pair.GRID_TIMES
            if play.best(instance, one, two) or not sets
        )

    yield exhaustive.check(
        same,
        grid=play.grid() if run.full else play.grid()[::9],
        control=("every profile is an equilibrium", lambda i: same(i, False)),
        hypotheses=run.hypotheses,
        range=play.RANGE + ", times in {0, 1/2, 1}" + ("" if run.full else ", every ninth"),
    )


def fresh(instance: Instance) -> bool:
    """Times and reports in [0, 1]; agent 1's report differs from his time, or else agent 2's from his."""
    numbers = [*instance["time"], *instance["report"], *instance["other"]]
    return all(0 <= x <= 1 for x in numbers) and instance["time"] != instance["report"]


@claim(
    paper="zheng2023",
    label="Proposition 2",
    part="for all value functions",
    statement="""The strategy profile (m_1, m_2) is an ex-post Nash equilibrium if and only if for all v_1, v_2 in V
        and t_1, t_2 the three items hold.""",
    reading="""By the letter: V is the set of all functions [0, 2] -> [-1, 1] and strategies do not depend on v. Then
        it is true, and empty: the truth is the only equilibrium (no profile with m_1(t_1) != t_1 or m_2(t_2) != t_2
        somewhere is one), and for it the items are (4.1).""",
    hypotheses=[fresh],
    proof="""Let a = m1(t1) != t1. Take any t2 > 0, b = m2(t2), v2 = 0, and v1 = 1 at t1, 0 at t1 + t2, -1/2 at a, 0
        at a + b if that is none of these, -1 at a + c for a fresh c: efficient is (1, 0), reported is another, c
        leads to (1, 0). So m1 is the identity. Let b = m2(t2) != t2: take t1 > 0 other than |b - t2|, v1 = 0, v2 = 0
        at t2 and at t1 + b, 1 at t1 + t2 and at b: efficient is (1, 0), reported is (0, 1), and the truth leads to
        (1, 0).""",
    expected="proved",
)
def only_truth(run: Run) -> Evidence:
    """The two constructions by Z3, for all times and reports."""
    import z3

    t1, t2, a, b, c = z3.Reals("t1 t2 a b c")

    def steps(points: list[tuple[Any, Any]]) -> Any:
        def value(at: Any) -> Any:
            result: Any = z3.RealVal(0)
            for point, height in reversed(points):
                result = z3.If(at == point, height, result)
            return result

        return value

    def order(one: Any, two: Any, m1: Any, m2: Any) -> Any:  # W1 - W2 of the values at these reports
        return one(m1) + two(m1 + m2) - two(m2) - one(m1 + m2)

    def gains(one: Any, two: Any, reports: tuple[Any, Any], other: Any) -> Any:
        true, told = order(one, two, t1, t2), order(one, two, *reports)
        return z3.And(true > 0, told <= 0, order(one, two, reports[0], other) > 0)

    zero = steps([])
    v1 = steps([(t1, 1), (t1 + t2, 0), (a, -Fraction(1, 2)), (a + b, 0), (a + c, -1)])
    v2 = steps([(t2, 0), (t1 + t2, 1), (b, 1), (t1 + b, 0)])
    inside = [z3.And(x >= 0, x <= 1) for x in (t1, t2, a, b, c)]
    one = z3.Implies(
        z3.And(a != t1, t2 > 0, *(a + c != x for x in (t1, t1 + t2, a, a + b))),
        gains(v1, zero, (a, b), c),
    )
    two = z3.Implies(z3.And(b != t2, t1 > 0, t1 != b - t2, t1 != t2 - b), gains(zero, v2, (t1, b), t2))
    return smt.prove(
        z3.And(one, two),
        given=[*inside, z3.Or(a != t1, b != t2)],
        control=(
            "also where t2 = 0",
            z3.Implies(z3.And(a != t1, *(a + c != x for x in (t1, t1 + t2, a, a + b))), gains(v1, zero, (a, b), c)),
        ),
        range="all strategies: a time where one of them lies, and reports of both",
        complete=True,
        nontrivial=[a != t1, b != t2],
        lift=lambda value: {
            **{"time": [value["t1"], value["t2"]], "report": [value["a"], value["b"]], "other": [value["c"]]}
        },
    )
