"""Equation (B.21): the recursion in the proof of Lemma B.4, and the bound on its first term."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_present")
HALF = Fraction(1, 2)


def even(instance: Instance) -> bool:
    """An even number M >= 0 and a discount in (0, 1)."""
    return instance["length"] == int(instance["length"]) >= 0 == instance["length"] % 2 and 0 < instance["discount"] < 1


def recursion(instance: Instance, factor: int = 2) -> bool:
    """(B.21) at every T and M, with the largest |S| in place of K / sqrt(1 - delta)."""
    delta, terms = instance["discount"], instance["sequence"]
    values, size = books.present(instance), max(map(abs, books.sums(instance)))
    count = len(terms)
    for first in range(count):
        for length in range(count - first):
            first_term = sum((delta**s - delta ** (length - s)) * terms[first + s] for s in range(length + 1))
            rest = values[first + length + 1] if first + length + 1 < count else 0
            if values[first] > first_term + delta ** (length + 1) * rest + factor * size:
                return False
    return True


@claim(
    paper="chassang2021",
    label="Equation (B.21)",
    statement="""sum_{t >= T} delta^(t - T) D_t <= A + delta^(M+1) sum_{t > T+M} delta^(t-T-M-1) D_t + 2K / sqrt(1 -
        delta).""",
    reading="For every sequence, delta, T and M, where |S_T| <= K / sqrt(1 - delta) for this sequence.",
    hypotheses=[books.sequence_given],
    proof="sum_{t=T}^{T+M} delta^(T+M-t) D_t = S_{T+M} - delta^(M+1) S_{T-1}.",
    expected="proved",
)
def bound(run: Run) -> Iterator[Evidence]:
    """By Z3; sequences of a grid."""
    import z3

    value, first, rest, backward, last, before, power, size = z3.Reals("value A rest backward last before power size")
    yield smt.prove(
        value <= first + power * rest + 2 * size,
        given=[
            value == first + backward + power * rest, backward == last - power * before, power > 0, power < 1,
            last <= size, before >= -size, before <= size, last >= -size,
        ],
        control=("with K once", value <= first + power * rest + size),
        range="every sequence, delta, T and M (power = delta^(M+1))",
        complete=True,
        lift=lambda value: {"sequence": [1, -1, HALF], "discount": HALF},
    )  # fmt: skip
    yield exhaustive.check(
        recursion,
        grid=exhaustive.Grid(
            agents=(1, 2, 3, 4), each={"sequence": [-1, HALF, 1]}, scalars={"discount": [HALF, Fraction(4, 5)]}
        ),
        control=("without K", lambda instance: recursion(instance, 0)),
        hypotheses=run.hypotheses,
    )


def weight(instance: Instance) -> Any:
    """The largest |A| / Delta: the sum of |delta^s - delta^(M - s)|."""
    delta, length = instance["discount"], instance["length"]
    return sum(abs(delta**s - delta ** (length - s)) for s in range(length + 1))


@claim(
    paper="chassang2021",
    label="Lemma B.4",
    part="a step of its proof: the first term",
    statement="For any M even, |A| / Delta <= 2 (1 - delta^(M/2+1))^2 / (1 - delta).",
    reading="""For every even M and delta in (0, 1): the sum of |delta^s - delta^(M-s)| over s = 0 to M is exactly
        2 (1 - delta^(M/2)) (1 - delta^(M/2+1)) / (1 - delta), which is less.""",
    hypotheses=[even],
    proof="Two geometric sums; the middle term is 0.",
    expected="proved",
)
def first_term(run: Run) -> Iterator[Evidence]:
    """With p = delta^(M/2), by Z3; small M term by term."""
    import z3

    delta, power, near, far = z3.Reals("delta power near far")
    yield smt.prove(
        z3.And(
            2 * (near - far) * (1 - delta) == 2 * (1 - power) * (1 - power * delta),
            2 * (near - far) * (1 - delta) <= 2 * (1 - power * delta) * (1 - power * delta),
        ),
        given=[
            delta > 0, delta < 1, power > 0, power <= 1,
            near * (1 - delta) == 1 - power,  # delta^0 to delta^(M/2 - 1)
            far * (1 - delta) == delta * power * (1 - power),  # delta^(M/2 + 1) to delta^M
        ],
        control=("without delta", 2 * (near - far) * (1 - delta) <= 2 * (1 - power) * (1 - power)),
        range="every even M and delta",
        complete=True,
        lift=lambda value: {"length": 4, "discount": value["delta"]},
    )  # fmt: skip

    def exact(instance: Instance, up: int = 1) -> bool:
        delta, half = Fraction(instance["discount"]), instance["length"] // 2
        return bool(weight(instance) == 2 * (1 - delta**half) * (1 - delta ** (half + up)) / (1 - delta))

    yield exhaustive.check(
        exact,
        grid=exhaustive.Grid(scalars={"length": [2, 0, 4, 6, 10], "discount": [HALF, Fraction(1, 3), Fraction(4, 5)]}),
        control=("the same power twice", lambda instance: exact(instance, 0)),
        hypotheses=run.hypotheses,
    )
