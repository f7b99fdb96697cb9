"""Beyond the paper: with two resources a larger report can leave more to the others, and lower bounds can matter."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, certified, exhaustive, smt

shared = catalog.beside(__file__)


def two_reports(instance: Instance) -> bool:
    """T = 1, one agent served before the rest: q > 0, conditions 1 and 2, reports x <= y, the others' projects >= 0."""
    types, x, y = instance["types"], instance["report"], instance["larger"]
    if not len(x) == len(y) == len(types) == len(instance["others"]) or min(instance["stock"]) <= 0:
        return False
    ordered = all(0 <= a <= b for a, b in zip(x, y, strict=True)) and min(instance["others"]) >= 0
    return ordered and bool(shared.condition_1(types) and shared.generic(types))


def left(instance: Instance, report: Any) -> Fraction:
    """w at a report, by price vertices."""
    plenty = len(instance["stock"])
    supply = [None if i < plenty else x + m for i, (x, m) in enumerate(zip(report, instance["others"], strict=True))]
    alpha, _ = shared.invest(instance["stock"], instance["types"], supply)
    return Fraction(sum(a - min(a, x) for a, x in zip(alpha, report, strict=True)))


def by_program(instance: Instance, report: Any) -> tuple[Fraction, list[Fraction]]:
    """w and alpha by a linear program with a certificate; the optimum is unique (Lemma 1)."""
    types, stock = instance["types"], instance["stock"]
    rows = [(f"stock {r}", {str(i): n[r] for i, n in enumerate(types)}, "<=", q) for r, q in enumerate(stock)]
    bounds: dict[str, tuple[Any, Any]] = {
        str(i): (0, None if i < len(stock) else x + m)
        for i, (x, m) in enumerate(zip(report, instance["others"], strict=True))
    }
    found = certified.maximise(certified.program({str(i): 1 for i in range(len(types))}, rows, bounds=bounds))
    if found is None:
        raise ValueError("doing nothing is an investment")
    alpha = [found[1][str(i)] for i in range(len(types))]
    return sum((a - min(a, Fraction(x)) for a, x in zip(alpha, report, strict=True)), Fraction(0)), alpha


def replay(instance: Instance) -> str | None:
    """Both investments by programs."""
    rows = [by_program(instance, instance[name]) for name in ("report", "larger")]
    if rows[1][0] <= rows[0][0]:
        return None
    return "\n".join(
        f"report {', '.join(map(str, instance[name]))}: alpha = {', '.join(map(str, alpha))}, the agent first; "
        f"the others get {value}"
        for name, (value, alpha) in zip(("report", "larger"), rows, strict=True)
    )


@claim(
    paper="zhu2021",
    label="Beyond the paper: a larger report never helps the others",
    statement="""A larger endowment pushes the others out (as in Figure 3), for any number of resources: w(y) <=
        w(x) for all reports x <= y.""",
    reading="For all R, I, q, theta under conditions 1 and 2, here T = 1 and the agent served first.",
    hypotheses=[two_reports],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.figure_3_the_threshold_moves_to_the_left",
)
def monotone(run: Run) -> Evidence:
    """Two resources, price vertices."""
    return exhaustive.check(
        lambda instance: left(instance, instance["larger"]) <= left(instance, instance["report"]),
        grid=exhaustive.Grid(
            scalars={
                "stock": [[4, 4], [4, 1]],
                "types": [[[8, 0], [0, 12], [0, 2], [4, 2]], [[9, 0], [0, 12], [3, 2], [3, 0]]],
                "others": [[0, 0, 0, 0], [0, 0, 0, 4]],
                "report": [[0, 0, 0, 1], [0, 0, 2, 0]],
                "larger": [[0, 0, 2, 1], [0, 0, 2, 2]],
            }
        ),
        control=("never", lambda instance: left(instance, instance["larger"]) > left(instance, instance["report"])),
        hypotheses=run.hypotheses,
    )  # fmt: skip


def bounds(instance: Instance) -> bool:
    """R = 1: q > 0, different needs > 0, upper bounds >= 0 of one agent at one date, the others' projects >= 0."""
    needs = instance["needs"]
    rows = [instance["upper"], instance["ahead"], instance["behind"]]
    fine = min(needs) > 0 and len(set(needs)) == len(needs) > 1 and instance["stock"] > 0
    return fine and all(len(row) == len(needs) and min(row) >= 0 for row in rows)


@claim(
    paper="zhu2021",
    label="Beyond the paper: for one resource lower bounds do not matter",
    statement="""For R = 1 the least of uW^n is attained at a report whose average is the upper bound in every type:
        lower bounds never change a transfer, and can be 0.""",
    reading="""For R = 1, all N, T, I, q, theta, beta and bounds: raising a report of any type at any date does not
        raise w at that date.""",
    hypotheses=[bounds],
    rests_on=["linked_vcg.figure_3_the_threshold_moves_to_the_left"],
    proof="""By Figure 3's monotonicity a report below T upper can be raised at any date without leaving more to the
        others.""",
    expected="proved",
)
def lower_bounds(run: Run) -> Iterator[Evidence]:
    """By Z3 for two dates; by hand on a grid."""
    import z3

    weight, here, there, other = z3.Reals("weight here there other")
    yield smt.prove(
        weight * there + other <= weight * here + other,
        given=[weight > 0, there <= here, there >= 0, other >= 0],
        control=("strictly", weight * there + other < weight * here + other),
        range="every market with one resource (one date raised, the others kept)",
        complete=True,
        nontrivial=[here > there, there > 0],
        lift=lambda value: {"stock": 3, "needs": [3, 1], "upper": [0, 2], "ahead": [0, 1], "behind": [0, 1]},
    )

    def largest(instance: Instance, shift: int = 0) -> bool:
        needs, most = instance["needs"], instance["upper"]

        def others(report: Any) -> Fraction:
            served, plain = shared.fill(instance["stock"], needs, [instance["behind"], report, instance["ahead"]])
            return Fraction(sum(served[0]) + sum(served[2]) + plain)

        points = [[a, most[1] * Fraction(part, 4)] for part in range(5) for a in (0, most[0])]
        return all(others(most) + shift <= others(point) for point in points)

    yield exhaustive.check(
        largest,
        grid=exhaustive.Grid(
            scalars={
                "stock": [2, 3],
                "needs": [[3, 1], [1, 2]],
                "upper": [[0, 2], [1, 4]],
                "ahead": [[0, 0], [0, 1]],
                "behind": [[0, 1], [0, 3]],
            }
        ),
        control=("by one", lambda instance: largest(instance, 1)),
        hypotheses=run.hypotheses,
    )
