"""Beyond the paper: with affine value functions only, the truth is not the only equilibrium for all values."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

play = catalog.beside(__file__, "_strategies")


def scaled(instance: Instance) -> bool:
    """Both report the same share c > 0 of their times; affine values."""
    same = instance["at_1"][0] == instance["at_1"][1] > 0
    return bool(play.affine(instance) and list(instance["at_0"]) == [0, 0] and same)


@claim(
    paper="zheng2023",
    label="Beyond the paper: scaled reports",
    statement="""If V has affine functions only, m_i(t) = c t for both, with any c in (0, 1], is an ex-post Nash
        equilibrium of the one-stage mechanism for all v in V at once, and it is efficient.""",
    reading="""For all affine v1, v2, all t and c in (0, 1]: the reported order is the true one, item 3 included. So
        that with V the set of all functions the truth is the only equilibrium (Proposition 2) rests on functions that
        are not affine.""",
    hypotheses=[scaled],
    rests_on=["borrowing.proposition_2_if"],
    proof="W1 - W2 = slope_1 t2 - slope_2 t1, which c scales.",
    expected="proved",
)
def shares(run: Run) -> Iterator[Evidence]:
    """By Z3; affine strategies at all times."""
    import z3

    a, b, one, two, s, t, c = z3.Reals("value_1 slope_1 value_2 slope_2 t1 t2 share")

    def gap(m1: Any, m2: Any) -> Any:  # W1 - W2 at these reports, as in (4.1)
        early, late = a - b * m1, a - b * (m1 + m2)
        hers, delayed = one - two * m2, one - two * (m1 + m2)
        return early + delayed - hers - late

    true, told = gap(s, t), gap(c * s, c * t)
    yield smt.prove(
        z3.And(told == c * true, z3.Implies(true > 0, c * true > 0), z3.Implies(true < 0, c * true < 0)),
        given=[c > 0, c <= 1, *(z3.And(x >= 0, x <= 1) for x in (s, t))],
        control=("only agent 1 scales", gap(c * s, t) == c * true),
        range="all affine value functions, times and shares",
        complete=True,
        nontrivial=[c < 1, s > 0, t > 0],
        lift=lambda value: {
            **{"value": [1, 1], "slope": [1, Fraction(1, 2)], "at_0": [0, 0]},
            "at_1": [value["share"], value["share"]],
        },
    )

    def stands(instance: Instance, ends: tuple[int, int] = (1, 1)) -> bool:
        moved = {**instance, "at_1": [x * end for x, end in zip(instance["at_1"], ends, strict=True)]}
        return bool(play.told(moved, (-1, 0, 1)) and play.equilibrium(moved))

    yield exhaustive.check(
        stands,
        grid=[i for i in play.grid() if i["at_0"] == [0, 0]],
        control=("agent 1 reports 0", lambda i: stands(i, (0, 1))),
        hypotheses=run.hypotheses,
        range=play.RANGE,
    )
