"""Corollary 1: prices do not change when stock and projects grow in proportion."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def scaled(instance: Instance) -> bool:
    """q > 0, mu >= 0, lambda > 0, conditions 1 and 2."""
    types = instance["types"]
    positive = min(instance["stock"]) > 0 and min(instance["supply"]) >= 0 and instance["scale"] > 0
    return bool(positive and shared.condition_1(types) and shared.generic(types))


@claim(
    paper="zhu2021",
    label="Corollary 1",
    statement="p(., .) is a homogenous correspondence of degree 0.",
    reading="""For all R, I, theta, q > 0, mu and lambda > 0: p is a price associated with alpha(q, mu) if and only
        if it is one associated with alpha(lambda q, lambda mu), which is lambda alpha(q, mu).""",
    hypotheses=[scaled],
    rests_on=["linked_vcg.lemma_1"],
    proof="""lambda alpha lies in [0, lambda mu], uses lambda q, and is at its bounds where alpha is; Lemma 1 does
        the rest.""",
    expected="proved",
)
def homogeneous(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; price vertices on a grid; the engine."""
    import z3

    cost, amount, most, scale, need = z3.Reals("cost alpha supply scale need")

    def linear(a: Any, m: Any) -> Any:
        return z3.And(a >= 0, a <= m, z3.Implies(cost < 1, a == m), z3.Implies(cost > 1, a == 0))

    yield smt.prove(
        z3.And(
            linear(amount, most) == linear(scale * amount, scale * most),
            scale * (amount * need) == (scale * amount) * need,
        ),
        given=[cost > 0, scale > 0, most >= 0, need >= 0],
        control=("also where only the supply grows", linear(amount, most) == linear(amount, scale * most)),
        range="every number of resources and types (type by type), all q, mu, theta, p and lambda",
        complete=True,
        nontrivial=[linear(amount, most), amount > 0, most > amount, scale != 1],
        lift=lambda value: {
            **{"stock": [4, 6], "types": [[3, 0], [0, 4], [1, 1]]},
            **{"supply": [value["supply"]], "scale": value["scale"]},
        },
    )

    def same(instance: Instance, shift: int = 0) -> bool:
        stock, more, scale = instance["stock"], instance["supply"], instance["scale"]
        plenty: list[Any] = [None, None]
        one = shared.invest(stock, instance["types"], [*plenty, *more])
        two = shared.invest(
            [scale * q + shift for q in stock], instance["types"], [*plenty, *(scale * m for m in more)]
        )
        return bool(one[1] == two[1] and [scale * a for a in one[0]] == two[0])

    yield exhaustive.check(
        same,
        grid=exhaustive.Grid(
            agents=(2,),
            each={"supply": [0, 1, 2]},
            scalars={
                "stock": [[4, 6], [5, 3]],
                "types": [[[3, 0], [0, 4], [1, 1], [1, 3]], [[3, 0], [0, 4], [2, 1], [0, 1]]],
                "scale": [Fraction(1, 3), 2, 5],
            },
        ),
        control=("with one more unit of stock", lambda instance: same(instance, 1)),
        hypotheses=run.hypotheses,
    )
