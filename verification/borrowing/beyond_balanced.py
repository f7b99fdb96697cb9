"""Beyond the paper: with three or more agents and affine values a rule is efficient, truthful and balanced."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations, product
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

SLOPES = (0, Fraction(1, 4), Fraction(1, 2))


def many(instance: Instance) -> bool:
    """At least three agents with values 1 - slope t, slopes and times nonnegative."""
    sizes = len(instance["slope"]) == len(instance["time"]) >= 3
    return sizes and min(*instance["slope"], *instance["time"]) >= 0


def welfare(slopes: list[Any], times: list[Any], order: tuple[int, ...], without: int | None = None) -> Fraction:
    """The sum of values in an order, of all but one agent where that is asked for."""
    clock, total = Fraction(0), Fraction(0)
    for agent in order:
        clock += times[agent]
        total += 0 if agent == without else 1 - Fraction(slopes[agent]) * clock
    return total


def best(slopes: list[Any], times: list[Any]) -> tuple[int, ...]:
    """An efficient order, by brute force."""
    return max(permutations(range(len(slopes))), key=lambda order: welfare(slopes, times, order))


def apart(slopes: list[Any], times: list[Any], without: int) -> Fraction:
    """What the agent's transfer subtracts: of the others' reports only."""
    others = [i for i in range(len(slopes)) if i != without]
    alone = sum((1 - Fraction(slopes[i]) * times[i] for i in others), Fraction(0))
    lost = sum((min(Fraction(slopes[i]) * times[j], Fraction(slopes[j]) * times[i])
                for i, j in combinations(others, 2)), Fraction(0))  # fmt: skip
    return alone - Fraction(len(slopes) - 1, len(slopes) - 2) * lost


@claim(
    paper="zheng2023",
    label="Beyond the paper: a balanced rule for three or more agents",
    statement="""For n >= 3 agents with v_i = value_i - slope_i t, slope_i >= 0, the two-stage rule T_k = sum_(j != k)
        u_j - sum_(i != k) v_i(t_i) + (n - 1)/(n - 2) sum_(i < j, i, j != k) min(slope_i t_j, slope_j t_i) is ex-post
        incentive compatible, efficient, and balanced in every round.""",
    reading="""For all nonnegative slopes and times: the efficient order (by slope/time) has W* = sum v_i(t_i) -
        sum_(i < j) min(slope_i t_j, slope_j t_i), so the transfers add up to 0 at the truth; what T_k subtracts does
        not depend on k's reports, so that u_k is the welfare of the order less a constant. (With two agents there is
        no such rule: the residual of minimum variance is not 0.)""",
    hypotheses=[many],
    rests_on=["borrowing.beyond_the_paper_minimum_variance"],
    proof="""Whoever of a pair is second loses slope times the other's time; the order by slope/time gives every pair
        its minimum at once. Every pair is in n - 2 of the n sums, so (n - 1)/(n - 2) times n - 2 of them cancel (n -
        1) W*.""",
    expected="proved",
)
def balanced(run: Run) -> Iterator[Evidence]:
    """Neighbours by Z3, the sum for every n by SymPy; brute force for three agents and four."""
    import z3

    b, t = smt.vector("slope", 3), smt.vector("time", 3)
    ahead = [b[0] * t[1] >= b[1] * t[0], b[1] * t[2] >= b[2] * t[1]]
    yield smt.prove(
        b[0] * t[2] >= b[2] * t[0],
        given=[*ahead, *(x >= 0 for x in (*b, *t)), z3.Or(b[1] > 0, t[1] > 0)],
        control=("strictly", b[0] * t[2] > b[2] * t[0]),
        range="every number of agents: an order by slope/time is one for every pair (who has neither is aside)",
        complete=False,
        nontrivial=[b[1] > 0, t[1] > 0],
        lift=smt.gather,
    )
    n, alone, lost = symbolic.positive("n alone lost")  # sums of v_i(t_i) and of the pairs' minima

    def sides(factor: Any) -> tuple[Any, Any]:
        # sum over k: (n - 1) W*, less every v_i(t_i) n - 1 times, and every pair n - 2 times
        return (n + 1) * (alone - lost) - (n + 1) * alone + factor * n * lost, 0 * n

    yield symbolic.identity(
        lambda case: sides((n + 1) / n),
        cases=["n + 2 agents"],
        control=("the pairs once", lambda case: sides(1)),
        range="every number of agents, n + 2 with n >= 1, and all times: the sum of the transfers",
        complete=True,
        lift=lambda case, value: {"slope": [1, Fraction(1, 2), 1], "time": [1, Fraction(1, 2), 0]},
    )

    def right(instance: Instance, extra: int = 0) -> bool:
        slopes, times = instance["slope"], instance["time"]
        order = best(slopes, times)
        agents = range(len(slopes))
        total = sum(welfare(slopes, times, order, k) - apart(slopes, times, k) for k in agents)
        return total == extra and all(
            welfare(slopes, times, best(*lie), None) <= welfare(slopes, times, order)
            for lie in (
                ([s if i == 0 else x for i, x in enumerate(slopes)], [r if i == 0 else x for i, x in enumerate(times)])
                for s, r in product((0, Fraction(1, 2)), (0, 1))
            )
        )

    yield exhaustive.check(
        right,
        grid=exhaustive.Grid(agents=(3,), each={"slope": SLOPES, "time": [0, Fraction(1, 2), 1]}),
        control=("1 is left", lambda i: right(i, 1)),
        hypotheses=run.hypotheses,
    )
    yield exhaustive.check(
        right,
        grid=exhaustive.Grid(agents=(4,), each={"slope": SLOPES[1:], "time": [Fraction(1, 2), 1]}),
        control=("1 is left", lambda i: right(i, 1)),
        hypotheses=run.hypotheses,
    )
