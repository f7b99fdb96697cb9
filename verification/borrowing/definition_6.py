"""Definition 6: the second stage after a lottery is left open; one's own second-stage report does not matter."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
STATEMENT = """u_1(t_1, t_2, v_1, v_2) = v_1(t_1) if q(t_1, t_2, v_1, v_2) = (1, 0), v_1(t_1 + t_2) if q(t_1, t_2, v_1,
    v_2) = (0, 1); and [u_2 likewise]."""


def defined(instance: Instance) -> bool:
    """One of the two cases of the definition applies."""
    return pair.chance(*pair.payoffs(instance)) in (0, 1)


def replay(instance: Instance) -> str | None:
    """The two welfares written out."""
    (one, two), (late_one, late_two) = pair.places_by_hats(instance)
    if one - late_one != two - late_two:
        return None
    return f"W1 = {one} + {late_two}, W2 = {two} + {late_one}: q = (1/2, 1/2), no report is defined"


@claim(
    paper="zheng2023",
    label="Definition 6",
    part="truthful second-stage reports",
    statement=STATEMENT,
    reading="For all v and t this defines a truthful agent's second-stage report. (Definition 4 has q = (0.5, 0.5).)",
    hypotheses=[pair.functions],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.definition_6_reports_follow_the_order_carried_out",
)
def printed(run: Run) -> Evidence:
    """A grid of functions and times."""
    return exhaustive.check(
        defined,
        grid=pair.grid(),
        control=("agent 1 is always first", lambda i: pair.chance(*pair.payoffs(i)) == 1),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )


@claim(
    paper="zheng2023",
    label="Definition 6",
    part="reports follow the order carried out",
    statement=STATEMENT + " (Ours: with the order that is carried out, a lottery drawn, in place of q.)",
    reading="""For all v and t: the reports u_j of the order carried out are defined whatever q is, their sum is W* at
        a tie for both orders, and so the transfers' sum and the expected utilities at a tie do not depend on the
        draw; each single transfer does. (An agent's own second-stage report is not in his own transfer (7.2), so it
        does not matter that Definition 6 leaves it out of T_1 and puts it into T_2.)""",
    hypotheses=[pair.functions],
    proof="At a tie W1 = W2 = u_1 + u_2 for both orders; T_i = u_j + h.",
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """Four reals by Z3; a grid."""
    import z3

    first, second, given = pair.terms()
    h = z3.Real("constant")
    one, two = pair.welfare(first, second)

    def transfer(share: Fraction) -> Any:
        """T_1 of (7.2): what agent 2 reports of his place, and h."""
        return pair.worth(share, first, second)[1] + h

    def totals(share: Fraction) -> Any:
        return sum(pair.worth(share, first, second)) + 2 * h

    tie = z3.Implies(one == two, pair.every(lambda share: totals(share) == one + 2 * h))
    single = transfer(Fraction(1)) == transfer(Fraction(0))
    yield smt.prove(
        tie,
        given=given,
        control=("each transfer by itself", z3.Implies(one == two, single)),
        range="all value functions, times and draws",
        complete=True,
        nontrivial=[one == two],
        lift=pair.lift,
    )

    def drawn(instance: Instance, each: bool = False) -> bool:
        first, second = pair.payoffs(instance)
        ends = [pair.worth(share, first, second) for share in pair.ORDERS]
        return len(set(ends if each else map(sum, ends))) == 1

    yield exhaustive.check(
        drawn,
        grid=[i for i in pair.grid() if pair.chance(*pair.payoffs(i)) == pair.HALF],
        control=("each transfer by itself", lambda i: drawn(i, True)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}; ties",
    )
