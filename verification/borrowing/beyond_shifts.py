"""Beyond the paper: second-stage reports that are shifted, or that extract the most, are equilibria too."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


@claim(
    paper="zheng2023",
    label="Beyond the paper: shift equilibria",
    statement="""The truth in the first stage, and in the second each j's true payoff shifted by c_j, is an ex-post
        Nash equilibrium, for every c_j that depends neither on the place got nor on the other's reports.""",
    reading="""For all v, t, h and c (functions of v and t): no deviation of one agent gains, where reports follow the
        place really got. Each agent i gets exactly c_j more than at the truth. Proposition 4 is c_j = -(v_j(t_j) +
        v_j(t1 + t2)), Corollary 3 is c_j = 1 - v_j.""",
    hypotheses=[pair.functions],
    proof="u_i = q . (W1, W2) + c_j + h, and no report of agent i changes c_j.",
    expected="proved",
)
def shifts(run: Run) -> Iterator[Evidence]:
    """Four reals and two shifts by Z3; a grid with two shifts."""
    import z3

    first, second, given = pair.terms()
    shift = smt.vector("shift", 2)

    def utility(agent: int, share: Fraction, scale: Any = 1) -> Any:
        mine, others = pair.worth(share, first, second)
        return scale * (mine + others) + shift[1 - agent]

    def no_gain(agent: int) -> Any:
        truth = pair.chosen(first, second, lambda q: utility(agent, q))
        return z3.And(
            pair.every(lambda share: truth >= utility(agent, share)),
            truth - pair.chosen(first, second, lambda q: pair.total(q, first, second)) == shift[1 - agent],
        )

    def swap(share: Fraction) -> Any:  # Proposition 4 is the shift by minus both values
        told, true = -pair.worth(1 - share, first, second)[0], pair.worth(share, first, second)[0]
        return told == true - (first[0] + second[0])

    yield smt.prove(
        z3.And(no_gain(0), no_gain(1), pair.every(swap)),
        given=given,
        control=(
            "a shift for being first only",
            pair.every(
                lambda s: (
                    pair.chosen(first, second, lambda q: pair.total(q, first, second) + q * shift[1])
                    >= pair.total(s, first, second) + s * shift[1]
                )
            ),
        ),
        range="all value functions, times, shifts, constants and deviations",
        complete=True,
        lift=pair.lift,
    )

    def best(instance: Instance, by_place: int = 0) -> bool:
        first, second = pair.payoffs(instance)
        truth = pair.chance(first, second)
        move = [Fraction(1, 3), -Fraction(1, 2)]

        def utility(agent: int, share: Fraction) -> Fraction:
            return Fraction(pair.total(share, first, second) + move[1 - agent] * (share if by_place else 1))

        lies = {agent: set(pair.reported(instance, agent, list(pair.SHAPES.values()))) for agent in (0, 1)}
        return all(utility(agent, share) <= utility(agent, truth) for agent in lies for share in lies[agent])

    yield exhaustive.check(
        best,
        grid=pair.grid(),
        control=("a shift for being first only", lambda instance: best(instance, 1)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, shifts 1/3 and -1/2",
    )


@claim(
    paper="zheng2023",
    label="Beyond the paper: shifts from own information",
    statement="""Where values do not rise with time, each agent can report 1 - v_j(t_j) more than his payoff, which he
        knows without seeing the other's time; then both gain c >= 0, and the manager loses their sum.""",
    reading="""For all nonincreasing v, all t: the reports v_j + 1 - v_j(t_j) are in [-1, 1] at both places, the shift
        is nonnegative, and it is positive unless v_j(t_j) = 1. (It is an equilibrium: shift equilibria.)""",
    hypotheses=[pair.functions, pair.nonincreasing],
    rests_on=["borrowing.beyond_the_paper_shift_equilibria"],
    proof="v_j(t1 + t2) + 1 - v_j(t_j) is at most 1 and, values being in [-1, 1], at least -1.",
    expected="proved",
)
def own_information(run: Run) -> Iterator[Evidence]:
    """By Z3 for one agent; a grid."""
    import z3

    first, second, given = pair.terms()
    told = [(1, y + 1 - x) for x, y in zip(first, second, strict=True)]
    yield smt.prove(
        z3.And(
            *(z3.And(z3.BoolVal(a <= 1), b >= -1, b <= 1, 1 - x >= 0) for (a, b), x in zip(told, first, strict=True))
        ),
        given=[*given, *(y <= x for x, y in zip(first, second, strict=True))],
        control=("for rising values", z3.And(*(1 + x - y <= 1 for x, y in zip(first, second, strict=True)))),
        range="all nonincreasing value functions and times",
        complete=True,
        nontrivial=[second[0] < first[0], first[0] < 1],
        lift=lambda value: {
            "values": [[value[f"first[{i}]"]] * (i + 2) + [value[f"second[{i}]"]] * (3 - i) for i in (0, 1)],
            "time": [pair.HALF, 1],
        },
    )

    def inside(instance: Instance, most: Any = 1) -> bool:
        first, second = pair.payoffs(instance)
        return all(-1 <= y + 1 - x <= most and x <= 1 for x, y in zip(first, second, strict=True))

    yield exhaustive.check(
        inside,
        grid=pair.grid(),
        control=("reports below 1/2", lambda i: inside(i, pair.HALF)),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )


@claim(
    paper="zheng2023",
    label="Beyond the paper: full extraction",
    statement="""The truth in the first stage, and u_j = 1 on the efficient order, -1 on any other, is an ex-post Nash
        equilibrium for every V; each agent is then paid the most that (7.2) can pay, 1 + h, where the order is
        unique.""",
    reading="""For all v, t, h with W1 != W2: no deviation of one agent gains. (At a tie both orders are efficient:
        each reports his payoff, shifted so that the larger of the two is 1.)""",
    hypotheses=[pair.functions],
    proof="""Leaving the efficient order costs 2 of the transfer, and a lottery 1; values are in [-1, 1], so it gains
        at most 2, or 1. At a tie it is a shift.""",
    rests_on=["borrowing.beyond_the_paper_shift_equilibria"],
    expected="proved",
)
def extraction(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; a grid."""
    import z3

    first, second, given = pair.terms()
    one, two = pair.welfare(first, second)

    def utility(agent: int, share: Fraction, at: Fraction, fine: Any = 2) -> Any:
        return pair.worth(share, first, second)[agent] + 1 - fine * abs(share - at)

    def stays(fine: Any) -> Any:
        return z3.And(
            *(
                z3.Implies(order, pair.every(lambda q, i=i, at=at: utility(i, at, at, fine) >= utility(i, q, at, fine)))
                for order, at in ((one > two, Fraction(1)), (one < two, Fraction(0)))
                for i in (0, 1)
            )
        )

    yield smt.prove(
        stays(2),
        given=given,
        control=("0 on the other order", stays(1)),
        range="all value functions and times without a tie, all deviations",
        complete=True,
        nontrivial=[one != two],
        lift=pair.lift,
    )

    def best(instance: Instance, fine: Any = 2) -> bool:
        first, second = pair.payoffs(instance)
        at = pair.chance(first, second)
        lies = {agent: set(pair.reported(instance, agent, list(pair.SHAPES.values()))) for agent in (0, 1)}
        worth = {q: pair.worth(q, first, second) for q in pair.ORDERS}
        return all(worth[q][i] - fine * abs(q - at) <= worth[at][i] for i in lies for q in lies[i])

    yield exhaustive.check(
        best,
        grid=[i for i in pair.grid() if pair.chance(*pair.payoffs(i)) != pair.HALF],
        control=("no difference", lambda i: best(i, 0)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}; no tie",
    )
