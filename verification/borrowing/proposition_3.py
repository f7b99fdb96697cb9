"""Proposition 3: truth is an equilibrium of the two-stage mechanism, if second-stage reports follow what happens."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
belief = catalog.beside(__file__, "_belief")


@claim(
    paper="zheng2023",
    label="Proposition 3",
    part="ex-post incentive compatible",
    statement="The direct mechanism defined by eqs. (7.1) and (7.2) is [...] ex-post incentive compatible.",
    reading="""For all v1, v2, t1, t2, every h, and every deviation of one agent in his time, his value function and
        his second-stage report: no gain, where the other reports truly, in the second stage the value of the place he
        really got (also after a lottery). V is any set; a deviation matters through the place only.""",
    hypotheses=[pair.functions],
    proof="""T_i = u_j + h with u_j what the other really got: u_i = q . (W1, W2) + h, and the truth leads to the
        maximum. His own second-stage report is in the other's transfer only.""",
    expected="proved",
)
def compatible(run: Run) -> Iterator[Evidence]:
    """Four reals and h by Z3; every deviation on a grid, value functions included."""
    import z3

    first, second, given = pair.terms()
    constant = z3.Real("constant")
    truth = pair.chosen(first, second, lambda share: pair.total(share, first, second)) + constant
    yield smt.prove(
        pair.every(lambda share: truth >= pair.total(share, first, second) + constant),
        given=given,
        control=(
            "agent 1 is paid nothing",
            pair.every(
                lambda share: (
                    pair.chosen(first, second, lambda q: pair.worth(q, first, second)[0])
                    >= pair.worth(share, first, second)[0]
                )
            ),
        ),
        range="all value functions, times, constants and deviations: the four true values, and any allocation",
        complete=True,
        lift=pair.lift,
    )

    def best(instance: Instance, paid: bool = True) -> bool:
        first, second = pair.payoffs(instance)

        def utility(agent: int, share: Fraction) -> Fraction:
            worths = pair.worth(share, first, second)
            return Fraction(sum(worths) if paid else worths[agent])

        truth = pair.chance(first, second)
        lies = {agent: set(pair.reported(instance, agent, list(pair.SHAPES.values()))) for agent in (0, 1)}
        return all(utility(agent, share) <= utility(agent, truth) for agent in lies for share in lies[agent])

    yield exhaustive.check(
        best,
        grid=pair.grid(),
        control=("without transfers", lambda instance: best(instance, False)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, every other report of a time in {{0, 1/2, 1}} and of one of these functions",
    )


def frozen(instance: Instance) -> bool:
    """v1 = v2 = 1 - t; two times and a report of agent 1 in [0, 1]; no tie at the truth."""
    time = instance["time"]
    return len(time) == 2 and all(0 <= x <= 1 for x in (*time, instance["lie"])) and time[0] != time[1]


def literal(instance: Instance, report: Any) -> Fraction:
    """Agent 1's utility (h = 0) with u2 the number that it is at the truth."""
    values = [pair.SHAPES["1 - t"]] * 2
    first, second = pair.places(values, *instance["time"])
    held = pair.worth(pair.chance(first, second), first, second)[1]
    return Fraction(pair.worth(pair.chance(*pair.places(values, report, instance["time"][1])), first, second)[0] + held)


def replay(instance: Instance) -> str | None:
    """By formulas: with 1 - t the shorter report is first."""
    one, two, lie = (Fraction(x) for x in (*instance["time"], instance["lie"]))
    other = 1 - two if two < one else 1 - one - two
    places = {True: 1 - one, False: 1 - one - two}
    truth = places[one < two] + other
    told = ((places[True] + places[False]) / 2 if lie == two else places[lie < two]) + other
    if told <= truth:
        return None
    return (
        f"at the truth agent 1 is {'first' if one < two else 'second'} and u2 = {other}, held fixed by Definition 6\n"
        f"reporting {lie} he has his place's value, and the same {other}: {told} instead of {truth} (and h)"
    )


@claim(
    paper="zheng2023",
    label="Proposition 3",
    part="ex-post incentive compatible, by the letter of Definition 6",
    statement="""The direct mechanism defined by eqs. (7.1) and (7.2) is [...] ex-post incentive compatible.
        (Definition 6: T_1(m_1'(t_1), m_2^r(t_2), v_1', v_2^r, u_1, u_2), with u_2 in [-1, 1].)""",
    reading="""By the letter of Definition 6, u_2 is a number in [-1, 1] that stays the same when agent 1 deviates:
        the value of agent 2's place at the truth. Here v1 = v2 = 1 - t.""",
    hypotheses=[frozen],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.proposition_3_ex_post_incentive_compatible",
)
def by_the_letter(run: Run) -> Evidence:
    """A grid of fifths."""
    fifths = exhaustive.steps(0, 1, 5)
    return exhaustive.check(
        lambda i: literal(i, i["lie"]) <= literal(i, i["time"][0]),
        grid=exhaustive.Grid(agents=(2,), each={"time": fifths}, scalars={"lie": fifths}),
        control=("strictly less", lambda i: literal(i, i["lie"]) < literal(i, i["time"][0])),
        hypotheses=run.hypotheses,
    )


def replay_balance(instance: Instance) -> str | None:
    """By enumeration of all realisations, one by one."""
    lines = belief.drift(instance)
    return "\n".join(lines) if lines else None


@claim(
    paper="zheng2023",
    label="Proposition 3",
    part="ex-ante budget balanced",
    statement="The direct mechanism defined by eqs. (7.1) and (7.2) is ex-ante budget balanced. (With h as in (7.3).)",
    reading="""For all finite V, beliefs and distributions of times on [0, 1] (any probability measures), h by (7.3):
        E[T1 + T2] = 0 at the truth. (7.3) integrates over A and B only and loses what happens on a tie.""",
    hypotheses=[belief.beliefs],
    replay=replay_balance,
    expected="refuted",
    repaired_by="borrowing.proposition_3_ex_ante_budget_balanced_with_the_ties",
)
def balanced(run: Run) -> Evidence:
    """Discrete times."""
    return exhaustive.check(
        lambda i: belief.mean(i, belief.welfare) + 2 * belief.printed(i) == 0,
        grid=belief.discrete(),
        control=("with h = 0", lambda i: belief.mean(i, belief.welfare) == 0),
        hypotheses=run.hypotheses,
        range=belief.RANGE,
    )


@claim(
    paper="zheng2023",
    label="Proposition 3",
    part="ex-ante budget balanced, with the ties",
    statement="""The direct mechanism defined by eqs. (7.1) and (7.2) is ex-ante budget balanced. (Repaired: h =
        -E[W*]/2, the ties counted.)""",
    reading="""For all beliefs: with h = -(E[W*; A] + E[W*; B] + E[W*; tie])/2 the sum of the transfers has
        expectation 0 at the truth, and with (7.3) it has expectation E[W*; tie]. So (7.3) balances iff E[W*; tie] =
        0, as where ties have probability 0.""",
    hypotheses=[belief.beliefs],
    rests_on=["borrowing.equation_9_1"],
    proof="T1 + T2 = W* + 2h, on a tie too; take expectations over A, B and the rest.",
    expected="proved",
)
def with_ties(run: Run) -> Iterator[Evidence]:
    """By Z3 for the three expectations, whatever the measures; exact sums for discrete times."""
    import z3

    on_a, on_b, tied, h = z3.Reals("on_a on_b on_ties constant")
    everything, printed = on_a + on_b + tied, -(on_a + on_b) / 2
    yield smt.prove(
        z3.And(
            (everything + 2 * h == 0) == (h == -everything / 2),
            everything + 2 * printed == tied,
        ),
        given=[on_a >= -2, on_a <= 2, on_b >= -2, on_b <= 2, tied >= -2, tied <= 2],
        control=("(7.3)", everything + 2 * printed == 0),
        range="all beliefs over values and times, discrete or not: expectations over A, B and the ties",
        complete=True,
        lift=lambda value: belief.EXAMPLE,
    )

    def exact(instance: Instance, ties: bool = True) -> bool:
        drift = belief.mean(instance, belief.welfare) + 2 * belief.printed(instance)
        return bool(drift == (belief.mean(instance, belief.welfare_on_ties) if ties else 0))

    yield exhaustive.check(
        exact,
        grid=belief.discrete(),
        control=("(7.3)", lambda i: exact(i, False)),
        hypotheses=run.hypotheses,
        range=belief.RANGE,
    )
