"""Section 5: reporting 0 in a VCG mechanism, and untruthful equilibria where everything is known."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
VCG = """Unlike the dominant strategy of reporting 0 that arises from a VCG mechanism under the interdependent values
    model, reporting 0 [...] is not an ex-post Nash equilibrium in the direct mechanism."""


def utility(instance: Instance, report: Any) -> Fraction:
    """Agent 1 under VCG: his place at the true times, and agent 2's value of hers as reported (a pivot aside).

    Agent 2's report is her time; the order is (4.1) at the reports.
    """
    values, (t1, t2) = instance["values"], instance["time"]
    first, second = pair.places(values, report, t2)
    share = pair.chance(first, second)
    true_first, true_second = pair.places(values, t1, t2)
    return Fraction(share * (true_first[0] + second[1]) + (1 - share) * (true_second[0] + first[1]))


def strictly_falling(instance: Instance) -> bool:
    """Both value functions fall strictly with time."""
    return all(a > b for v in instance["values"] for a, b in pairwise(v))


def with_report(instance: Instance) -> bool:
    """Agent 1's other report is in [0, 1]."""
    return bool(0 <= instance["other"] <= 1)


def replay(instance: Instance) -> str | None:
    """Both orders and both reports written out."""
    values, (t1, t2) = instance["values"], (Fraction(t) for t in instance["time"])
    lines, got = [], []
    for report in (Fraction(0), Fraction(instance["other"])):
        one = pair.by_hats(values[0], report) + pair.by_hats(values[1], report + t2)
        two = pair.by_hats(values[1], t2) + pair.by_hats(values[0], report + t2)
        ahead = pair.by_hats(values[0], t1) + pair.by_hats(values[1], report + t2)
        behind = pair.by_hats(values[0], t1 + t2) + pair.by_hats(values[1], t2)
        got.append(ahead if one > two else behind if one < two else (ahead + behind) / 2)
        lines.append(
            f"reports {report}: W1 = {one}, W2 = {two}; he gets {ahead} if first, {behind} if second: {got[-1]}"
        )
    return "\n".join(lines) if got[1] > got[0] else None


def others() -> list[dict[str, Any]]:
    """The shared grid with another report of agent 1."""
    return [{**i, "other": other} for i in pair.grid() for other in (pair.HALF, 1)]


@claim(
    paper="zheng2023",
    label="Section 5",
    part="reporting 0 under VCG",
    statement=VCG,
    reading="""Known v: [0, 2] -> [-1, 1], any of them (Section 3), VCG on reported times: agent i gets his place, and
        is paid j's value at the reported times (less a pivot that does not depend on him). For all true times and
        reports of j, report 0 is at least as good as any other.""",
    hypotheses=[pair.functions, with_report],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.section_5_reporting_0_under_vcg_falling_values",
)
def dominant(run: Run) -> Evidence:
    """A grid of functions, times and reports."""
    return exhaustive.check(
        lambda i: utility(i, 0) >= utility(i, i["other"]),
        grid=others(),
        control=("strictly", lambda i: utility(i, 0) > utility(i, i["other"])),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, other reports 1/2 and 1",
    )


@claim(
    paper="zheng2023",
    label="Section 5",
    part="reporting 0 under VCG, falling values",
    statement=VCG + " (Ours: for values that fall strictly with time.)",
    reading="""As there, for all strictly decreasing v: report 0 is a dominant strategy for agent i. (So VCG is not
        incentive compatible: Section 2. For values that only do not rise it fails at a lottery.)""",
    hypotheses=[pair.functions, strictly_falling, with_report],
    proof="""With 0 agent i is first if j's report is positive, and j is paid for as if he took no time: v_i(t_i) +
        v_j(m_j), the most that any order can give. If j reports 0, any positive report makes i second; 0 leaves him a
        lottery.""",
    expected="proved",
)
def falling(run: Run) -> Iterator[Evidence]:
    """By Z3, in the values at the true and the reported times; a grid."""
    import z3

    # Agent 1's values at t1, t1 + t2, 0, his report m, her report r, m + r; agent 2's at r and m + r.
    early, late, zero, told, wait, both = z3.Reals("early late zero told wait both")
    hers, delayed, t1, t2, m, r = z3.Reals("hers delayed t1 t2 m r")
    points = [(t1, early), (t1 + t2, late), (z3.RealVal(0), zero), (m, told), (r, wait), (m + r, both)]
    order = [z3.Implies(s < t, x > y) for s, x in points for t, y in points]
    level = [z3.Implies(s == t, x == y) for s, x in points for t, y in points]
    hers_order = [z3.Implies(m > 0, hers > delayed), z3.Implies(m == 0, hers == delayed)]

    def got(one: Any, two: Any, ahead: Any, behind: Any) -> Any:
        return z3.If(one > two, ahead, z3.If(one < two, behind, (ahead + behind) / 2))

    at_zero = got(zero + hers, hers + wait, early + hers, late + hers)
    at_m = got(told + delayed, hers + both, early + delayed, late + hers)
    inside = [z3.And(x >= 0, x <= 1) for x in (t1, t2, m, r)]
    inside += [z3.And(x >= -1, x <= 1) for x in (early, late, zero, told, wait, both, hers, delayed)]

    def example(value: dict[str, Any]) -> Instance:
        shapes = [pair.SHAPES["1 - t"], pair.SHAPES["(1 - t)/2"]]
        return {"values": shapes, "time": [value["t1"], value["t2"]], "other": value["m"]}

    yield smt.prove(
        at_zero >= at_m,
        given=[*inside, *order, *level, *hers_order],
        control=("better by 1/10", at_zero >= at_m + Fraction(1, 10)),
        range="all strictly decreasing value functions, times and reports",
        complete=True,
        nontrivial=[t2 > 0, m > 0, r > 0],
        lift=example,
    )
    yield exhaustive.check(
        lambda i: utility(i, 0) >= utility(i, i["other"]),
        grid=others(),
        control=("better by 1", lambda i: utility(i, 0) >= utility(i, i["other"]) + 1),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, other reports 1/2 and 1",
    )


@claim(
    paper="zheng2023",
    label="Section 5",
    part="equilibria where everything is known",
    statement="""Suppose in the model described in section 3, types and value functions are not private information.
        When this is the case, it can be shown that many untruthful asymmetric strategy profiles exist that are an
        ex-post Nash equilibrium.""",
    reading="""For all v, t and every report of agent 1, true or not: agent 2 has a best response, one of at most
        three orders, and with it nobody gains by another report. As agent 1's report is free, there is an equilibrium
        for each of them.""",
    hypotheses=[pair.functions],
    proof="Agent 1 always gets 0; agent 2 chooses among at most three orders.",
    expected="proved",
)
def many(run: Run) -> Iterator[Evidence]:
    """By Z3 for any set of orders in reach; a grid."""
    import z3

    first, second, given = pair.terms()
    can = {share: z3.Real(f"reports_for_{share}") > 0 for share in pair.ORDERS}

    def stays(share: Fraction) -> Any:
        here = pair.total(share, first, second)
        better = [z3.And(can[q], pair.total(q, first, second) > here) for q in pair.ORDERS]
        return z3.And(can[share], z3.Not(z3.Or(*better)))

    yield smt.prove(
        z3.Or(*map(stays, pair.ORDERS)),
        given=[*given, z3.Or(*can.values())],
        control=("agent 1 first is always one", stays(pair.ORDERS[0])),
        range="all value functions, times and reports of agent 1",
        complete=True,
        lift=pair.lift,
    )

    def stable(instance: Instance, report: Any = None) -> bool:
        first, second = pair.payoffs(instance)
        for one in pair.GRID_TIMES:
            told = {two: pair.chance(*pair.places(instance["values"], one, two)) for two in pair.GRID_TIMES}
            worth = {two: pair.total(share, first, second) for two, share in told.items()}
            if not any(worth[two] == max(worth.values()) for two in (pair.GRID_TIMES if report is None else [report])):
                return False
        return True

    yield exhaustive.check(
        stable,
        grid=pair.grid(),
        control=("reporting 0 is always one", lambda i: stable(i, 0)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, reports in {{0, 1/2, 1}}",
    )
