"""The length of the vector of positive regrets: what (4), (5), (12) and (13) have in common."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")


def bounded(instance: Instance, constant: Any = None) -> bool:
    """Whether the squared length of the positive regrets is at most C t after each period t."""
    agents = len(instance["path"][0][0])
    limit = agents**3 + 1 if constant is None else constant
    return all(
        books.squares(books.positive(efficiency), [books.positive(r) for r in own]) <= limit * (t + 1)
        for t, (efficiency, own) in enumerate(books.play(instance["path"]))
    )


def length(run: Run) -> Iterator[Evidence]:
    """The step of one coordinate and the induction by Z3; paths of a grid."""
    import z3

    regret, change = z3.Reals("regret change")
    plus, after = smt.positive_part(regret), smt.positive_part(regret + change)
    yield smt.prove(
        after * after <= plus * plus + 2 * plus * change + change * change,
        control=("without the square of the change", after * after <= plus * plus + 2 * plus * change),
        range="one coordinate of ||R+_{T+1}||^2 <= ||R+_T||^2 + 2 <R+, dR> + ||dR||^2",
        complete=False,
        lift=lambda value: books.PATH,
    )
    before, squared, product, moved, limit, time, part, loose = z3.Reals("before squared product moved C T part loose")
    yield smt.prove(
        z3.And(squared <= (time + 1) * limit, part * part <= (time + 1) * limit, squared <= (time + 1) * loose),
        given=[
            before <= time * limit, time >= 0, limit >= 0, loose >= limit,
            squared <= before + 2 * product + moved, product <= 0, moved <= limit, part * part <= squared,
        ],
        control=("the bound of the period before", squared <= time * limit),
        range="every number of agents, induction over T: each positive regret is at most sqrt(C T)",
        complete=True,
        lift=lambda value: books.PATH,
    )  # fmt: skip
    yield exhaustive.check(
        bounded,
        grid=[*books.Paths(1, 4), *books.Paths(2, 3, every=997)],
        control=("at most t/2", lambda instance: bounded(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range=f"{books.Paths(1, 4)}; {books.Paths(2, 3, every=997)}",
    )
