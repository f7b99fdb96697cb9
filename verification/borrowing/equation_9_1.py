"""Equation (9.1): the transfers of a round add up to the welfare and twice the constant."""

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


@claim(
    paper="zheng2023",
    label="Equation (9.1)",
    statement="""T_1 := h + {v_2(t_1 + t_2) if W1 > W2; v_2(t_2) if W1 < W2}, T_2 := h + {v_1(t_1) if W1 > W2; v_1(t_1
        + t_2) if W1 < W2}.""",
    reading="""A definition, silent on a tie. Checked: for all v and t, T1 + T2 = W* + 2h, where W* = max(W1, W2) =
        v1(t1) + v2(t2) - min(L1, L2) with L_i = v_i(t_i) - v_i(t1 + t2), and agent 1 is first iff L1 > L2; at a tie
        the same holds for both orders and for the lottery. T_i by itself depends on how the lottery ends.""",
    hypotheses=[pair.functions],
    proof="Each order pays v_j of the other's place to agent i; both together are the welfare of the order.",
    expected="proved",
)
def transfers(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; the engine on a grid."""
    import z3

    first, second, given = pair.terms()
    one, two = pair.welfare(first, second)
    lost = [x - y for x, y in zip(first, second, strict=True)]
    best = first[0] + first[1] - smt.minimum(*lost)

    def paid(share: Any) -> Any:
        mine, others = pair.worth(share, first, second)
        return mine + others

    goal = z3.And(
        pair.chosen(first, second, paid) == best,
        (one > two) == (lost[0] > lost[1]),
        (one == two) == (lost[0] == lost[1]),
        best == smt.maximum(one, two),
        z3.Implies(one == two, pair.every(lambda share: paid(share) == best)),
    )
    yield smt.prove(
        goal,
        given=given,
        control=("less the larger loss", pair.chosen(first, second, paid) == best + smt.minimum(*lost) - lost[0]),
        range="all value functions and times",
        complete=True,
        lift=pair.lift,
    )

    def engine(instance: Instance, extra: int = 0) -> bool:
        share, worths = pair.engine(instance)
        first, second = pair.payoffs(instance)
        chance = pair.chance(first, second)
        right = tuple(worths) == pair.worth(chance, first, second)
        return bool(right and tuple(share) == (chance, 1 - chance) and sum(worths) == max(
            pair.welfare(first, second)) + extra)  # fmt: skip

    yield exhaustive.check(
        engine,
        grid=pair.grid(),
        control=("1 more", lambda instance: engine(instance, 1)),
        hypotheses=run.hypotheses,
        range=f"the engine: {pair.RANGE}",
    )
