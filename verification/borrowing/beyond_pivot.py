"""Beyond the paper: a two-stage pivot that never runs a deficit, for values that do not rise."""

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


@claim(
    paper="zheng2023",
    label="Beyond the paper: the pivot",
    statement="""T_i = u_j - v_j^r(m_j), the other's reported payoff less his first-stage value of being first, is
        ex-post incentive compatible in two stages; where values do not rise with time, no transfer is positive, the
        manager never pays, and no agent gets less than his value of being second.""",
    reading="""For all nonincreasing v, all t and all deviations of one agent (the subtracted term is the other's
        report); the sum of the transfers is -min(L1, L2), with L_i = v_i(t_i) - v_i(t1 + t2).""",
    hypotheses=[pair.functions, pair.nonincreasing],
    rests_on=["borrowing.proposition_3_ex_post_incentive_compatible"],
    proof="u_i = q . W - v_j(t_j) is maximal at the truth, where T_i = -L_j if j is second, else 0.",
    expected="proved",
)
def pivot(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; a grid."""
    import z3

    first, second, given = pair.terms()
    lost = [x - y for x, y in zip(first, second, strict=True)]

    def transfers(share: Any) -> list[Any]:
        mine, others = pair.worth(share, first, second)
        return [others - first[1], mine - first[0]]

    def at_truth(term: Any) -> Any:
        return pair.chosen(first, second, term)

    def utility(agent: int, share: Any) -> Any:
        return pair.worth(share, first, second)[agent] + transfers(share)[agent]

    fair = z3.And(
        *(at_truth(lambda q, i=i: transfers(q)[i]) <= 0 for i in (0, 1)),
        *(at_truth(lambda q, i=i: utility(i, q)) >= second[i] for i in (0, 1)),
        at_truth(lambda q: sum(transfers(q))) == -smt.minimum(*lost),
    )
    stays = z3.And(
        *(pair.every(lambda s, i=i: at_truth(lambda q, i=i: utility(i, q)) >= utility(i, s)) for i in (0, 1))
    )
    yield smt.prove(
        z3.And(fair, stays),
        given=[*given, *(loss >= 0 for loss in lost)],
        control=("somebody is paid", z3.And(stays, at_truth(lambda q: transfers(q)[0]) == 0)),
        range="all nonincreasing value functions, times and deviations",
        complete=True,
        nontrivial=[loss > 0 for loss in lost],
        lift=lambda value: {
            "values": [[value[f"first[{i}]"]] * (i + 2) + [value[f"second[{i}]"]] * (3 - i) for i in (0, 1)],
            "time": [pair.HALF, 1],
        },
    )

    def good(instance: Instance, least: int = -2) -> bool:
        first, second = pair.payoffs(instance)
        mine, others = pair.worth(pair.chance(first, second), first, second)
        paid = [others - first[1], mine - first[0]]
        losses = [x - y for x, y in zip(first, second, strict=True)]
        enough = mine + paid[0] >= second[0] and others + paid[1] >= second[1]
        return bool(max(paid) <= 0 and sum(paid) == -min(losses) and enough and sum(paid) >= least)

    yield exhaustive.check(
        good,
        grid=pair.grid(),
        control=("nothing is collected", lambda i: good(i, 0)),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )
