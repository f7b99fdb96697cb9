"""Beyond the paper: computing a transfer is NP-hard for agents who are not small, even for one resource."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
NEEDS = [Fraction(4), Fraction(1), Fraction(1, 2), Fraction(2)]


def subset_sum(instance: Instance) -> bool:
    """Whole numbers s_t >= 1, a target Q >= 1 that is at least each of them."""
    sizes, target = instance["sizes"], instance["target"]
    return all(s == int(s) >= 1 for s in [*sizes, target]) and target >= max(sizes)


def date(target: Any, size: Any) -> list[list[Fraction]]:
    """Reports of the others: behind the agent, and ahead of him; types with needs 4, 1, 1/2, 2; stock Q."""
    behind = [Fraction(0), Fraction(size) / 2, Fraction(0), Fraction(size) / 4]
    ahead = [Fraction(0), Fraction(0), (Fraction(target) - size) / NEEDS[2], Fraction(0)]
    return [behind, ahead]


def left(target: Any, size: Any, report: Any) -> Fraction:
    """w at a report of type 2, the stock filled by hand."""
    behind, ahead = date(target, size)
    own = [Fraction(0), Fraction(report), Fraction(0), Fraction(0)]
    served, plain = shared.fill(target, NEEDS, [behind, own, ahead])
    return Fraction(sum(served[0]) + sum(served[2]) + plain)


def reward(size: Any, report: Any) -> Fraction:
    """What the report takes from the others: half up to s/2, then one for one up to s, then nothing more."""
    x = min(Fraction(report), Fraction(size))
    return x / 2 + max(x - Fraction(size) / 2, Fraction(0)) / 2


def attained(instance: Instance) -> bool:
    """Whether some subset of the sizes adds up to the target."""
    sizes = instance["sizes"]
    chosen = product((0, 1), repeat=len(sizes))
    return any(sum(s for s, mark in zip(sizes, marks, strict=True) if mark) == instance["target"] for marks in chosen)


@claim(
    paper="zhu2021",
    label="Beyond the paper: computing a transfer is NP-hard",
    statement="""Deciding whether lW^n is at least a given number is NP-hard, already for R = 1, beta = 1, N = 3,
        four types and an agent who only has one of them; so computing a transfer is straightforward (Section 1) for
        agents who are small, not in general.""",
    reading="""For all whole s_1, ..., s_T and Q >= s_t: in the market with stock Q, needs 4, 1, 1/2, 2, an agent
        with upper = Q/T of type 2 and report 0, (Q - s_t)/(1/2) of type 3 ahead of him and s_t/2 of type 2 and
        s_t/4 of type 4 behind him, w falls by x/2 for x up to s_t/2, by 1 for each further unit up to s_t, and no
        more; so lW = 3/4 Q if some of the s_t add up to Q, and less otherwise: subset sum.""",
    hypotheses=[subset_sum],
    proof="""The reward r_t(x) is at most 3/4 x, with equality only at 0 and s_t. Sum over dates with sum x_t <= Q:
        at most 3/4 Q, and equal only if the x_t are 0 or s_t and add up to Q.""",
    expected="proved",
)
def hard(run: Run) -> Iterator[Evidence]:
    """The reward by Z3 from the stock filled type by type; the market by hand; exact least transfers of small cases."""
    import z3

    size, x, target = z3.Reals("size x target")
    own = smt.minimum(x, size)  # after type 3, s of the stock is left; the agent is served before the others' type 2
    second = smt.minimum(size / 2, size - own)
    fourth = smt.minimum(size / 4, (size - own - second) / 2)
    plain = (size - own - second - 2 * fourth) / 4
    displaced = (size / 2 + size / 4) - (second + fourth + plain)
    gain = own / 2 + smt.positive_part(own - size / 2) / 2
    yield smt.prove(
        z3.And(
            displaced == gain,
            4 * gain <= 3 * x,
            z3.Implies(4 * gain == 3 * x, z3.Or(x == 0, x == size)),
        ),
        given=[size > 0, x >= 0, target >= size],
        control=("two thirds", 3 * gain <= 2 * x),
        range="every s_t, Q and report of a date; sums of these give lW",
        complete=True,
        nontrivial=[x > 0, x < size],
        lift=lambda value: {"sizes": [1, 2], "target": 3},
    )

    def as_said(instance: Instance, factor: Any = 1) -> bool:
        target = instance["target"]
        points = [Fraction(target * step, 8) for step in range(9)]
        return all(
            left(target, s, 0) - left(target, s, x) == factor * reward(s, x) for s in instance["sizes"] for x in points
        )

    yield exhaustive.check(
        as_said,
        grid=exhaustive.Grid(agents=(1, 2), each={"sizes": [1, 2, 3]}, scalars={"target": [3, 4, 5]}),
        control=("twice that", lambda instance: as_said(instance, 2)),
        hypotheses=run.hypotheses,
    )

    def decides(instance: Instance, factor: Any = Fraction(3, 4)) -> bool:
        sizes, target = instance["sizes"], instance["target"]
        rows = [date(target, s) for s in sizes]
        upper = [Fraction(0), Fraction(target, len(sizes)), Fraction(0), Fraction(0)]
        peak = [[max(row[m][i] for row in rows) for i in range(4)] for m in range(2)]
        market = shared.Market.of(
            {
                **{"stock": target, "types": NEEDS, "discount": 1, "lower": [[0] * 4] * 3},
                "reports": [[row[0] for row in rows], [[0] * 4 for _ in rows], [row[1] for row in rows]],
                "upper": [peak[0], upper, peak[1]],
            }
        )
        return bool((market.linked(1) == factor * target) == attained(instance))

    yield exhaustive.check(
        decides,
        grid=[
            {"sizes": [1, 2], "target": 3},
            {"sizes": [2, 3], "target": 4},
            {"sizes": [2, 2], "target": 3},
            *([{"sizes": [1, 2, 4], "target": 5}, {"sizes": [2, 2, 4], "target": 5}] if run.full else []),
        ],
        control=("seven eighths", lambda instance: decides(instance, Fraction(7, 8))),
        hypotheses=run.hypotheses,
        range="the exact transfer over all pieces, sums that exist and sums that do not",
    )
