"""Remark 7: with side payments a deviation is worth it for all exactly where the coalition's total rises."""

from collections.abc import Iterator
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def payoffs_given(instance: Instance) -> bool:
    """Payoffs of the coalition's members before and after the deviation, at least one member."""
    return len(instance["before"]) == len(instance["after"]) >= 1


@claim(
    paper="lengyel2025",
    label="Remark 7",
    statement="""For K a deviation from C to C' is feasible under TU iff there exist transfers t_i with sum t_i = 0
        such that pi_i(C') + t_i >= pi_i(C) for all i in K, with strict inequality for at least one member: so a
        deviation is evaluated by the coalition's total payoff.""",
    reading="""For every coalition of k >= 1 members and all payoffs before and after: such transfers exist iff the
        total after exceeds the total before. (Theorem 5 uses: only if the total strictly increases.)""",
    hypotheses=[payoffs_given],
    proof="""Adding up the inequalities gives the total. Conversely t_i = pi_i(C) - pi_i(C') + G / k, with G the
        gain of the total, adds up to 0 and leaves everybody G / k better off.""",
    expected="proved",
)
def transfers(run: Run) -> Iterator[Evidence]:
    """Every size of coalition by Z3; explicit sizes; the engine's side payments."""
    import z3

    before, after, size, single, moved, pay, slack = z3.Reals("before after size single moved pay rest")
    gain = after - before
    share = gain / size
    constructed = single - moved + share  # the transfer of a member with `single` before and `moved` after
    yield smt.prove(
        z3.And(
            (before - after) + size * share == 0,  # the k transfers add up to 0
            z3.Implies(gain > 0, moved + constructed > single),  # and everybody is better off
            # a member strictly better off, the others' surpluses at least 0, transfers adding up to 0
            z3.Implies(z3.And(pay > 0, slack >= 0, pay + slack == gain), gain > 0),
        ),
        given=[size >= 1],
        control=("also where the total stays", z3.Implies(gain >= 0, moved + constructed > single)),
        range="every size of coalition (totals, and one member)",
        complete=True,
        nontrivial=[gain > 0, size > 1],
        lift=lambda value: {"before": [value["before"], 0], "after": [value["after"], 0]},
    )
    for members in (1, 2, 3):
        yield explicit(members)
    yield engine(run)


def explicit(members: int) -> Evidence:
    """The direction that Theorem 5 uses, member by member."""
    import z3

    before, after = smt.vector("before", members), smt.vector("after", members)
    paid = smt.vector("transfer", members)
    surplus = [a + t - b for a, t, b in zip(after, paid, before, strict=True)]
    return smt.prove(
        z3.Sum(after) > z3.Sum(before),
        given=[z3.Sum(paid) == 0, *(s >= 0 for s in surplus), z3.Or(*(s > 0 for s in surplus))],
        control=("every member's own payoff rises", z3.And(*(a > b for a, b in zip(after, before, strict=True))))
        if members > 1
        else ("by more than 1", after[0] > before[0] + 1),
        range=f"{members} explicit member{'s' * (members > 1)}, all reals",
        complete=False,
        lift=lambda value: {name: smt.gather(value)[name] for name in ("before", "after")},
    )


def engine(run: Run) -> Evidence:
    """The side payments that the engine proposes."""

    def settled(instance: Instance, before: list[Any]) -> list[Any]:
        import numpy as np

        from mechopt.mechanisms.overage.coalitions import Deviation

        columns = [np.array(column, dtype=object) for column in (before, instance["after"])]
        found = Deviation(members=tuple(range(len(before))), claim=columns[0], before=columns[0], after=columns[1])
        payments = found.side_payments.tolist()
        return [sum(payments), *(a + t - b for a, t, b in zip(instance["after"], payments, before, strict=True))]

    def better(instance: Instance) -> bool:
        left, *surplus = settled(instance, instance["before"])
        rises = sum(instance["after"]) > sum(instance["before"])
        return left == 0 and len(set(surplus)) == 1 and (min(surplus) > 0) == rises

    return exhaustive.check(
        better,
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"before": [0, 1, 3], "after": [0, 1, 2]}),
        control=("everybody always gains", lambda i: min(settled(i, i["before"])[1:]) > 0),
        hypotheses=run.hypotheses,
    )
