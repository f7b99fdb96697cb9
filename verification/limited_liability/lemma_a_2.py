"""Lemma A.2 with equations (A.11) and (A.12): what the weighted allocation loses."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_bounded")
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


def group(instance: Instance) -> bool:
    """Values in [0, 1] of the members of a group by decision, and a weight of 0 or 1 for each."""
    values, weights = instance["values"], instance["weights"]
    square = len(values) == len(weights) >= 1 and len({len(row) for row in values}) == 1 <= len(values[0])
    return square and all(0 <= value <= 1 for row in values for value in row) and set(weights) <= {0, 1}


def loss(instance: Instance) -> Any:
    """Sum of v_i at the best decision less that at the best weighted decision."""
    values = instance["values"]
    plain, weighted = books.best(values, [1] * len(values)), books.best(values, instance["weights"])
    return sum(row[plain] - row[weighted] for row in values)


GRID = exhaustive.Grid(
    agents=(1, 2, 3), each={"values": [[QUARTER, HALF], [1, 0], [0, 1], [1, HALF]], "weights": [1, 0]}
)
EXAMPLE = {"values": [[HALF, QUARTER], [QUARTER, 1]], "weights": [1, 1]}


@claim(
    paper="chassang2021",
    label="Equation (A.12)",
    statement="""With E_t the event that some lambda_i,t of G is 0, sum_t P(E_t) <= sum_t E sum_{i in G} (1 -
        lambda_i,t) <= o(T).""",
    reading="""For every group and weights 0 or 1 the indicator of E_t is at most the sum of 1 - lambda_i; with
        (A.9) the sum over T periods is at most 2 |G| y_max sqrt(T) / v.""",
    hypotheses=[group],
    proof="If the product is 0 some term of the sum is 1.",
    rests_on=["limited_liability.equation_a_9"],
    expected="proved",
)
def event(run: Run) -> Iterator[Evidence]:
    """One member and the others together by Z3; a grid."""
    import z3

    product, out, weight, rest = z3.Reals("product out weight rest")
    yield smt.prove(
        # out: the others' sum of 1 - lambda, rest: the product of their weights
        1 - product <= out + 1 - weight,
        given=[
            z3.Or(weight == 0, weight == 1),
            product == weight * rest,
            rest <= 1,
            1 - rest <= out,
            out >= 0,
            rest >= 0,
        ],
        control=("half of it", 1 - product <= (out + 1 - weight) / 2),
        range="every size of group, induction over members",
        complete=True,
        lift=lambda value: EXAMPLE,
    )
    yield exhaustive.check(
        lambda instance: int(min(instance["weights"]) == 0) <= sum(1 - w for w in instance["weights"]),
        grid=GRID,
        control=("equality", lambda i: int(min(i["weights"]) == 0) == sum(1 - w for w in i["weights"])),
        hypotheses=run.hypotheses,
    )


def weighted(run: Run) -> Iterator[Evidence]:
    """Weighted and unweighted parts of the two sums by Z3; a grid."""
    import z3

    best, rest, taken, rest_taken, out = z3.Reals("best rest taken rest_taken out")
    yield smt.prove(
        z3.And(best + rest - taken - rest_taken >= 0, best + rest - taken - rest_taken <= out),
        given=[
            # sums of lambda v and of (1 - lambda) v at the best decision and at the weighted best
            best >= 0, rest >= 0, taken >= 0, rest_taken >= 0, taken >= best,
            best + rest >= taken + rest_taken, rest <= out,
        ],
        control=("half of it", best + rest - taken - rest_taken <= out / 2),
        range="every size of group and number of decisions",
        complete=True,
        lift=lambda value: EXAMPLE,
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: 0 <= loss(instance) <= sum(1 - w for w in instance["weights"]),
        grid=GRID,
        control=("nothing is lost", lambda instance: loss(instance) == 0),
        hypotheses=run.hypotheses,
    )


CLAIMS = [
    claim(
        paper="chassang2021",
        label=label,
        statement="""For any strategy profile m such that agents i in G report truthfully, sum_t E sum_{i in G}
            v_i,t(a-bar*(G)) - v_i,t(a*(G)) = o(T).""",
        reading="""For every group and weights 0 or 1: the loss of a period is at least 0 and at most y_max sum_G (1 -
        lambda_i), so that over T periods it is at most 2 |G| y_max^2 sqrt(T) / v by (A.9): it depends on
        the floor v too.""",
        hypotheses=[group],
        proof="sum v(best) - v(taken) = [sum lambda v(best) - lambda v(taken)] + ... <= sum (1 - lambda) v(best).",
        rests_on=["limited_liability.equation_a_9"],
        expected="proved",
    )(weighted)
    for label in ("Lemma A.2", "Equation (A.11)")
]
