"""Beyond the paper, answering Section 12: other balanced one-stage mechanisms, and one where the truth is dominant."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


@claim(
    paper="zheng2023",
    label="Section 12",
    part="other balanced mechanisms exist",
    statement="""While I only focus on analyzing one such mechanism, other ex-post incentive compatible and ex-post
        budget balanced mechanisms exist.""",
    reading="""In the model of Section 3: T_i = s_i q . (W1, W2) - v_i (of the place got, in expectation at a tie) +
        k_i with s_1 + s_2 = 1, s_i >= 0, k_1 + k_2 = 0 is both, for all v, t and every such s and k; (4.2) is s = (0,
        1). With s_i > 0 an agent is no longer indifferent.""",
    hypotheses=[pair.functions],
    proof="u_i = s_i q . (W1, W2) + k_i is maximal at the truth; the transfers add up to W - v_1 - v_2 = 0.",
    expected="proved",
)
def family(run: Run) -> Iterator[Evidence]:
    """By Z3; a grid with four sharing rules."""
    import z3

    first, second, given = pair.terms()
    share, fixed = z3.Reals("share fixed")
    part, add = (share, 1 - share), (fixed, -fixed)

    def transfer(agent: int, q: Fraction) -> Any:
        return part[agent] * pair.total(q, first, second) - pair.worth(q, first, second)[agent] + add[agent]

    def stays(agent: int, weight: Any) -> Any:
        best = pair.chosen(first, second, lambda q: pair.total(q, first, second))
        return pair.every(lambda q: weight * (best - pair.total(q, first, second)) >= 0)

    balanced = pair.every(lambda q: transfer(0, q) + transfer(1, q) == 0)
    utilities = pair.every(
        lambda q: z3.And(
            *(
                transfer(i, q) + pair.worth(q, first, second)[i] == part[i] * pair.total(q, first, second) + add[i]
                for i in (0, 1)
            )
        )
    )
    yield smt.prove(
        z3.And(balanced, utilities, stays(0, share), stays(1, 1 - share)),
        given=[*given, share >= 0, share <= 1],
        control=("a share above 1", z3.And(stays(0, share), stays(1, -share))),
        range="all value functions, times, shares, constants and deviations",
        complete=True,
        lift=pair.lift,
    )

    def good(instance: Instance, shares: tuple[Any, ...]) -> bool:
        first, second = pair.payoffs(instance)
        for s in shares:
            for agent, weight in ((0, s), (1, 1 - s)):
                truth = weight * pair.total(pair.chance(first, second), first, second)
                if any(weight * pair.total(q, first, second) > truth for q in pair.reported(instance, agent)):
                    return False
        return True

    yield exhaustive.check(
        lambda i: good(i, (0, pair.HALF, Fraction(1, 3), 1)),
        grid=pair.grid(),
        control=("a share of 2", lambda i: good(i, (2,))),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, s_1 in {{0, 1/2, 1/3, 1}}",
    )


@claim(
    paper="zheng2023",
    label="Beyond the paper: fines that make the truth unique",
    statement="""In the model of Section 3, where times are observed afterwards, T_1 = F (1[m_2 != t_2] - 1[m_1 !=
        t_1]) = -T_2 with F > 2 makes the truth strictly dominant, balances ex post, and pays nothing at the truth.
        (Section 12 asks whether there are mechanisms with the truth as the unique equilibrium.)""",
    reading="""For all v, t and all reports of the other, true or not: every lie costs F and changes the place, worth
        at most 2. (It rests on times that are observed exactly.)""",
    hypotheses=[pair.functions],
    proof="v_i is in [-1, 1], so a place gains at most 2 < F; the other's fine does not depend on one's own report.",
    expected="proved",
)
def fines(run: Run) -> Iterator[Evidence]:
    """By Z3 for every pair of orders; a grid."""
    import z3

    first, second, given = pair.terms()
    fine, other = z3.Reals("fine other_lies")

    def strict(agent: int, cost: Any) -> Any:
        def utility(q: Fraction, lies: int) -> Any:
            return pair.worth(q, first, second)[agent] + fine * other - cost * lies

        return pair.every(lambda q: pair.every(lambda r: utility(q, 0) > utility(r, 1)))

    yield smt.prove(
        z3.And(strict(0, fine), strict(1, fine)),
        given=[*given, fine > 2, z3.Or(other == 0, other == 1)],
        control=("half the fine", strict(0, fine / 2)),
        range="all value functions, times, reports of both and F > 2",
        complete=True,
        lift=pair.lift,
    )

    def dominant(instance: Instance, fine: Any = Fraction(5, 2)) -> bool:
        values, (t1, t2) = instance["values"], instance["time"]
        first, second = pair.payoffs(instance)
        for hers in pair.GRID_TIMES:
            got = {
                own: pair.worth(pair.chance(*pair.places(values, own, hers)), first, second)[0] - fine * (own != t1)
                for own in pair.GRID_TIMES
            }
            if any(got[own] >= got[t1] for own in got if own != t1):
                return False
        return bool(t2 in pair.GRID_TIMES)

    yield exhaustive.check(
        dominant,
        grid=pair.grid(),
        control=("no fine", lambda i: dominant(i, 0)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, F = 5/2, reports of both in {{0, 1/2, 1}}",
    )
