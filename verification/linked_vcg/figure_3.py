"""Figure 3: with one resource and date, a transfer is at most the agent's own largest contribution."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def one_date(instance: Instance) -> bool:
    """R = T = 1: q > 0, different needs > 0, two endowments of the agent, those of others before and after him."""
    needs = instance["needs"]
    rows = [instance[name] for name in ("endowment", "larger", "ahead", "behind")]
    fine = min(needs) > 0 and len(set(needs)) == len(needs) > 1 and instance["stock"] > 0
    return fine and all(len(row) == len(needs) and min(row) >= 0 for row in rows)


def larger(instance: Instance) -> bool:
    """The second endowment is at least the first, type by type."""
    return all(x <= y for x, y in zip(instance["endowment"], instance["larger"], strict=True))


def values(instance: Instance, report: Any) -> tuple[Fraction, Fraction, Fraction]:
    """His own, the others', and the resources he uses, by hand."""
    served, plain = shared.fill(instance["stock"], instance["needs"], [instance["behind"], report, instance["ahead"]])
    used = sum(x * n for x, n in zip(served[1], instance["needs"], strict=True))
    return Fraction(sum(served[1])), Fraction(sum(served[0]) + sum(served[2]) + plain), Fraction(used)


def grid(full: bool) -> exhaustive.Grid:
    """Small endowments of three types."""
    rows = [[0, a, b] for a in (0, 1) for b in (0, 2)]
    return exhaustive.Grid(
        scalars={
            "stock": [2, 3] if full else [3],
            "needs": [[3, 1, 2], [2, 1, Fraction(1, 2)]],
            "endowment": rows,
            "larger": [*rows, [1, 2, 3]],
            "ahead": rows,
            "behind": rows if full else rows[:2],
        }
    )


@claim(
    paper="zhu2021",
    label="Figure 3",
    statement="""The difference uW^n(mu) - uW^n(mu^-n, mu^^n) is less than agent n's contribution to surplus given
        mu^^n. Since lW(mu) is the supremum of this difference, agent n's transfer under the linked VCG mechanism is
        bounded above by his own maximum contribution to surplus (R = T = 1).""",
    reading="""For all N, I (finitely many types), q, theta, R and mu^-n, T = 1: w(mu^n) - w(mu^^n) <= S^n(mu^-n,
        mu^^n) for every two endowments, not only a larger one, with <= for the paper's "less"; so lW^n <= max S^n.""",
    hypotheses=[one_date],
    proof="""w(mu^n) <= v(q, M), as the others' projects on the rest are an investment for M alone; v(q, M) <= v(q,
        M + mu^^n), which is S^n(mu^^n) + w(mu^^n).""",
    expected="proved",
)
def bound(run: Run) -> Iterator[Evidence]:
    """The chain by Z3 with both investments; the ordered allocation by hand on a grid."""
    import z3

    b, others, more, used, given, stock = z3.Reals("b others more used given stock")
    yield smt.prove(
        z3.And(b <= others + more, used <= stock),
        given=[b >= 0, b <= others, more >= 0, used <= stock - given, given >= 0],
        control=("also on what the agent leaves", used <= stock - 2 * given),
        range="every number of agents, resources and types (type by type and resource by resource): the others' "
        "investment is one for M on all of q, and one for M + mu^^n",
        complete=True,
        nontrivial=[b > 0, more > 0, given > 0],
        lift=lambda value: {
            **{"stock": 3, "needs": [3, 1, 2], "endowment": [0, 1, 0], "larger": [0, 1, 2]},
            **{"ahead": [0, 0, 1], "behind": [0, 1, 0]},
        },
    )
    here, alone, together, mine, there = z3.Reals("w_here v_alone v_together S_there w_there")
    yield smt.prove(
        here - there <= mine,
        given=[here <= alone, alone <= together, together == mine + there],
        control=("half of it", here - there <= mine / 2),
        range="the chain of values",
        complete=False,
        nontrivial=[mine > 0, there > 0, here > there],
        lift=lambda value: {
            **{"stock": 3, "needs": [3, 1, 2], "endowment": [0, 1, 0], "larger": [0, 1, 2]},
            **{"ahead": [0, 0, 1], "behind": [0, 1, 0]},
        },
    )

    def by_hand(instance: Instance, share: Any = 1) -> bool:
        own, left, _ = values(instance, instance["larger"])
        return values(instance, instance["endowment"])[1] - left <= share * own

    yield exhaustive.check(
        by_hand,
        grid=grid(run.full),
        control=("half of it", lambda instance: by_hand(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Figure 3",
    part="the threshold moves to the left",
    statement="""mu^^n is a larger endowment than mu^n, pushing the threshold theta-bar to the left. Since projects
        further to the left use fewer resources, A_1 has greater area than B_1 and B_2.""",
    reading="""R = T = 1, finitely many types, every larger endowment: the others get no more than before (w does
        not increase), and the agent uses no less; the neediest type that is invested in does not become needier.""",
    hypotheses=[one_date, larger],
    proof="""Type by type in the order of need: what is left for a type only depends on what better types take, of
        which there is more; what others get of it cannot grow.""",
    expected="proved",
)
def threshold(run: Run) -> Iterator[Evidence]:
    """One type by Z3, as an induction over types in the order of need; by hand on a grid."""
    import z3

    room, less, need, ahead, own, more, behind = z3.Reals("room room_later need ahead own more behind")

    def others(left: Any, x: Any) -> Any:
        """What the others get of this type in resources, and what is left for needier types."""
        first = smt.minimum(need * ahead, left)
        mine = smt.minimum(need * x, left - first)
        last = smt.minimum(need * behind, left - first - mine)
        return first + last, left - first - mine - last

    (before, after), (now, then) = others(room, own), others(less, more)
    yield smt.prove(
        z3.And(now <= before, then <= after),
        given=[room >= 0, less >= 0, less <= room, need > 0, ahead >= 0, behind >= 0, own >= 0, more >= own],
        control=("he takes it all from the last", now <= before - (more - own) * need),
        range="every number of agents and types, R = T = 1 (type by type in the order of need)",
        complete=True,
        nontrivial=[ahead > 0, own > 0, behind > 0, more > own, less > 0],
        lift=lambda value: {
            **{"stock": 3, "needs": [3, 1, 2], "endowment": [0, 1, 0], "larger": [0, 1, 2]},
            **{"ahead": [0, 0, 1], "behind": [0, 1, 0]},
        },
    )

    def by_hand(instance: Instance, more: int = 0) -> bool:
        _, left, used = values(instance, instance["endowment"])
        _, now, uses = values(instance, instance["larger"])
        return now + more <= left and uses >= used

    yield exhaustive.check(
        by_hand,
        grid=grid(run.full),
        control=("by one project", lambda instance: by_hand(instance, 1)),
        hypotheses=run.hypotheses,
    )
