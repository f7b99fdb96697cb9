"""Footnote 2: social welfare is maximal exactly for the efficient allocations, if the manager's loss counts as one."""

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


@claim(
    paper="zheng2023",
    label="Footnote 2",
    statement="""It can be proven by induction on the number of agents that if the welfare function is linear, then
        social welfare is maximized if and only if allocative efficiency is achieved.""",
    reading="""For two agents, all v, t and transfers, welfare being the agents' utilities and the manager's, -(T1 +
        T2): it is the value of the allocation whatever is paid, and maximal over Omega and all transfers iff the
        allocation is efficient: (1, 0) if W1 > W2, (0, 1) if W1 < W2, any of the three at a tie. (4.1) is one of
        these.""",
    hypotheses=[pair.functions],
    proof="Transfers cancel; q . (W1, W2) is maximal iff q puts no weight on the smaller of the two.",
    expected="proved",
)
def welfare(run: Run) -> Iterator[Evidence]:
    """Four reals and transfers by Z3; a grid."""
    import z3

    first, second, given = pair.terms()
    paid = smt.vector("transfer", 2)
    one, two = pair.welfare(first, second)

    def social(share: Any, sign: int = -1) -> Any:
        worths = pair.worth(share, first, second)
        return worths[0] + paid[0] + worths[1] + paid[1] + sign * (paid[0] + paid[1])

    def right(share: Any, sign: int = -1) -> Any:
        most = z3.And(social(share, sign) >= one, social(share, sign) >= two)
        efficient = z3.And(z3.Implies(one > two, share == 1), z3.Implies(one < two, share == 0))
        return z3.And(social(share, sign) == pair.total(share, first, second), most == efficient)

    printed = pair.chosen(first, second, lambda share: pair.total(share, first, second))
    yield smt.prove(
        z3.And(pair.every(right), pair.every(lambda share: printed >= social(share))),
        given=given,
        control=("the manager's utility as printed in Section 3", pair.every(lambda share: right(share, 1))),
        range="all value functions, times, allocations and transfers",
        complete=True,
        lift=pair.lift,
    )

    def best(instance: Instance, first_wins: bool = False) -> bool:
        first, second = pair.payoffs(instance)
        share = 1 if first_wins else pair.chance(first, second)
        return all(pair.total(share, first, second) >= pair.total(q, first, second) for q in pair.ORDERS)

    yield exhaustive.check(
        best,
        grid=pair.grid(),
        control=("agent 1 first", lambda i: best(i, True)),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )
