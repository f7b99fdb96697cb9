"""Definition 7: it compares nothing in the paper's own example."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
swap = catalog.beside(__file__, "proposition_4")
EXAMPLE: dict[str, Any] = {
    "values": [pair.SHAPES["1 - t"], pair.SHAPES["(1 - t)/2"]],
    "time": [pair.HALF, pair.HALF],
}


def of_the_example(instance: Instance) -> bool:
    """Both value functions are in V = {1 - t, (1 - t)/2}; two times in [0, 1]."""
    possible = [pair.SHAPES["1 - t"], pair.SHAPES["(1 - t)/2"]]
    return bool(pair.functions(instance) and all(list(v) in possible for v in instance["values"]))


@claim(
    paper="zheng2023",
    label="Definition 7",
    statement="""e_1 is strictly preferred to e_2 if for all v_1, v_2 in V, t_1, t_2 in [0, 1], [both agents get more in
        e_1].""",
    reading="""A definition that is for all v and t at once. Checked: in the example of Section 9 neither the truth
        nor the equilibrium of Proposition 4 is strictly preferred to the other, for any pair of functions: at t = (0,
        0) both lose by the swap, at (1, 1) both gain. (So Proposition 5 can be about single profiles only.)""",
    hypotheses=[of_the_example],
    rests_on=["borrowing.proposition_5_repaired_profile_by_profile"],
    proof="With v = c (1 - t) the swap gives agent i -(v_j(t_j) + v_j(t1 + t2)) more: -2c at 0, and c at 1.",
    expected="proved",
)
def neither(run: Run) -> Iterator[Evidence]:
    """By Z3 for all multiples of 1 - t; the four pairs."""
    import z3

    one, two = z3.Reals("scale_1 scale_2")

    def gap(scale: Any, mine: int, others: int) -> Any:  # what the swap gives the other agent more
        return -(scale * (1 - mine) + scale * (1 - mine - others))

    yield smt.prove(
        z3.And(*(z3.And(gap(scale, 0, 0) < 0, gap(scale, 1, 1) > 0) for scale in (one, two))),
        given=[one > 0, two > 0, one <= 1, two <= 1],
        control=("both gain at (0, 0), too", gap(one, 0, 0) > 0),
        range="all positive multiples of 1 - t",
        complete=True,
        lift=lambda value: EXAMPLE,
    )

    def apart(instance: Instance, swapped_best: bool = False) -> bool:
        more = []
        for time in ((0, 0), (1, 1)):
            first, second = pair.places(instance["values"], *time)
            share = pair.chance(first, second)
            truth = pair.total(share, first, second)
            more.append([Fraction(told - truth) for told in swap.swapped(share, first, second)])
        return (swapped_best or max(more[0]) < 0) and min(more[1]) > 0 and not (swapped_best and max(more[0]) < 0)

    shapes = EXAMPLE["values"]
    yield exhaustive.check(
        apart,
        grid=[{"values": list(pairs), "time": [pair.HALF, pair.HALF]} for pairs in product(shapes, repeat=2)],
        control=("the swap is always better", lambda i: apart(i, True)),
        hypotheses=run.hypotheses,
        range="all four pairs of functions, at times (0, 0) and (1, 1)",
    )
