"""Section 11: finite types, value functions that are not constant, and tasks of equal known length."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
belief = catalog.beside(__file__, "_belief")
interest = catalog.beside(__file__, "section_8")
FINITE = """Agents' times may be drawn from some finite set. [...] If all other aspects of the models described by
    sections 3 and 6 are true, then the properties of their respective mechanisms are the same with slight changes to
    the payment constant (i.e., the manager must know the probability distribution over some discrete sample space)."""


def several(instance: Instance) -> bool:
    """At least two times, and values that fall with time."""
    return len(instance["time"]) >= 2 and all(b > 0 for b in instance["slope"])


def replay_balance(instance: Instance) -> str | None:
    """By enumeration of all realisations."""
    lines = belief.drift(instance)
    return "\n".join(lines) if lines else None


@claim(
    paper="zheng2023",
    label="Section 11",
    part="finite types: the constant",
    statement=FINITE,
    reading="""For all finite sets of times: h by (7.3), with sums in place of integrals, balances in expectation.
        Here for V of falling functions, with which (7.3) balances where times are uniform. (Two agents with the same
        time and function tie.)""",
    hypotheses=[belief.beliefs, several],
    replay=replay_balance,
    expected="refuted",
    repaired_by="borrowing.proposition_3_ex_ante_budget_balanced_with_the_ties",
)
def constant(run: Run) -> Evidence:
    """Discrete times."""
    return exhaustive.check(
        lambda i: belief.mean(i, belief.welfare) + 2 * belief.printed(i) == 0,
        grid=belief.discrete(),
        control=("with h = 0", lambda i: belief.mean(i, belief.welfare) == 0),
        hypotheses=run.hypotheses,
        range=belief.RANGE,
    )


def finite(instance: Instance) -> bool:
    """v1 = v2 = 1 - t, times in {0, 1/2, 1}: reports at these times, in [0, 1]; nobody gains by others."""
    one, two = instance["report_1"], instance["report_2"]
    shape = len(one) == len(two) == len(pair.GRID_TIMES) and all(0 <= r <= 1 for r in (*one, *two))
    return shape and all(best(r, t, s, u) for r, t in zip(one, pair.GRID_TIMES, strict=True)
                         for s, u in zip(two, pair.GRID_TIMES, strict=True))  # fmt: skip


def sign(value: Any) -> int:
    """1, 0 or -1; the shorter report of 1 - t is first: W1 - W2 = m2 - m1."""
    return (value > 0) - (value < 0)


def best(one: Any, t1: Any, two: Any, t2: Any) -> bool:
    """No report in [0, 1] of agent 2 leads to an order of more welfare."""
    within = {sign(-one), sign(1 - one), *([0] if 0 <= one <= 1 else [])}
    return all(order * (t2 - t1) <= sign(two - one) * (t2 - t1) for order in within)


def replay_finite(instance: Instance) -> str | None:
    """From the printed utilities, for all reports in eighths."""
    lines: list[str] = []
    for (t1, r), (t2, s) in product(
        zip(pair.GRID_TIMES, instance["report_1"], strict=True), zip(pair.GRID_TIMES, instance["report_2"], strict=True)
    ):
        early, late = (1 - Fraction(t) for t in (t1, t2))
        both = 1 - Fraction(t1) - Fraction(t2)

        def utility(report: Any, r: Any = r, early: Any = early, late: Any = late, both: Any = both) -> Fraction:
            share = Fraction(r < report) + Fraction(r == report) / 2
            return share * (both + early) + (1 - share) * (late + both)

        if any(utility(Fraction(k, 8)) > utility(s) for k in range(9)):
            return None
        if utility(s) < max(early, late) + both and not lines:
            lines = [f"t = ({t1}, {t2}), reports ({r}, {s}): agent 2 gets {utility(s)}, W* = {max(early, late) + both}"]
            lines += ["no report in eighths gives him more, here or at the other times: an inefficient equilibrium"]
    return "\n".join(lines) if lines else None


@claim(
    paper="zheng2023",
    label="Section 11",
    part="finite types: Proposition 2",
    statement=FINITE,
    reading="""For times in {0, 1/2, 1}, reports in [0, 1] and v1 = v2 = 1 - t (known, equal, strictly falling): every
        ex-post Nash equilibrium of the one-stage mechanism is efficient wherever the order matters (items 1 and 2 of
        Proposition 2).""",
    hypotheses=[finite],
    replay=replay_finite,
    expected="refuted",
    repaired_by="borrowing.proposition_2_repaired_the_best_attainable_order",
)
def equilibria(run: Run) -> Evidence:
    """All strategies with reports in halves."""

    def efficient(instance: Instance) -> bool:
        reports = [list(zip(pair.GRID_TIMES, instance[name], strict=True)) for name in ("report_1", "report_2")]
        return all(sign(s - r) == sign(t2 - t1) for (t1, r), (t2, s) in product(*reports) if t1 != t2)

    strategies = [list(reports) for reports in product(pair.GRID_TIMES, repeat=3)]
    return exhaustive.check(
        efficient,
        grid=[{"report_1": one, "report_2": two} for one in strategies for two in strategies],
        control=("only the truth", lambda i: i["report_1"] == i["report_2"] == list(pair.GRID_TIMES)),
        hypotheses=run.hypotheses,
        range="reports in {0, 1/2, 1} at each of the times 0, 1/2, 1",
    )


def falling(instance: Instance) -> bool:
    """Both value functions fall strictly with time, and neither value is 1 at the true times."""
    steep = all(a > b for v in instance["values"] for a, b in pairwise(v))
    return steep and bool(interest.not_at_the_limit(instance))


@claim(
    paper="zheng2023",
    label="Section 11",
    part="functions that are not constant",
    statement="""To avoid agents from explicitly colluding with the goal of extracting as much money from the manager
        as possible, agents' value functions must not be constant. [...] If agents' value functions satisfy these
        desirable properties, the manager must also consider the change in his budget.""",
    reading="""That values are not constant avoids it: where they are not, no equilibrium with a truthful first stage
        gives both agents more than the truth. Here for strictly falling v; each shifts his report by as much as the
        limit 1 allows. (That constants do not avoid it is Corollary 3; the sentence means that others do.)""",
    hypotheses=[pair.functions, falling],
    replay=interest.replay,
    expected="refuted",
    repaired_by="borrowing.beyond_the_paper_shifts_from_own_information",
)
def collusion(run: Run) -> Evidence:
    """1 - t, (1 - t)/2 and a grid of times."""
    return exhaustive.check(
        lambda i: not all(other > truth for truth, other in interest.shifted(i)),
        grid=pair.grid(),
        control=("the truth gives nothing", lambda i: all(truth <= 0 for truth, _ in interest.shifted(i))),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )


def equal_times(instance: Instance) -> bool:
    """Both tasks take the same time."""
    return bool(instance["time"][0] == instance["time"][1])


@claim(
    paper="zheng2023",
    label="Section 11",
    part="tasks of equal known length",
    statement="""Suppose that only the manager knows that the time it takes for each task to complete is the same, say
        t_0. [...] The manager may ask agents to report their values for completing their tasks at t_0 and 2t_0 times
        in the first stage, and he may still use the two-stage mechanism.""",
    reading="""For all values v_i(t0), v_i(2 t0): the two-stage mechanism is ex-post incentive compatible with these
        reports. Yet values do not depend on what the other knows then, and one stage does more: paid the other's
        first-stage value of his place, and h, the truth is a dominant strategy (for all reports of the other).""",
    hypotheses=[pair.functions, equal_times],
    proof="u_i = q . (v_i + the other's reported values) + h: maximal for the order that his true values lead to.",
    expected="proved",
)
def cluster(run: Run) -> Iterator[Evidence]:
    """Four reals and the other's reports by Z3; a grid."""
    import z3

    first, second, given = pair.terms()
    early, late = z3.Reals("other_early other_late")  # the other's first-stage reports
    told = [[first[0], early], [second[0], late]]
    truth = pair.chosen(*told, lambda q: pair.total(q, *told))
    two_stage = pair.chosen(first, second, lambda q: pair.total(q, first, second))
    yield smt.prove(
        z3.And(
            pair.every(lambda share: truth >= pair.total(share, *told)),
            pair.every(lambda share: two_stage >= pair.total(share, first, second)),
        ),
        given=[*given, early >= -1, early <= 1, late >= -1, late <= 1],
        control=(
            "paid what the other really gets, whatever he reported",
            pair.every(
                lambda share: (
                    pair.chosen(*told, lambda q: pair.total(q, first, second)) >= pair.total(share, first, second)
                )
            ),
        ),
        range="all values and reports of both",
        complete=True,
        lift=lambda value: {
            "values": [[0, value[f"first[{i}]"], value[f"second[{i}]"], 0, 0] for i in (0, 1)],
            "time": [pair.HALF, pair.HALF],
        },
    )

    def dominant(instance: Instance, paid: bool = True) -> bool:
        first, second = pair.payoffs(instance)
        for early, late in product((-1, 0, 1), repeat=2):
            told = [first[0], Fraction(early)], [second[0], Fraction(late)]
            worth = {q: sum(pair.worth(q, *told)[: 2 if paid else 1]) for q in pair.ORDERS}
            if max(worth.values()) > worth[pair.chance(*told)]:
                return False
        return True

    yield exhaustive.check(
        dominant,
        grid=pair.grid(),
        control=("paid nothing", lambda i: dominant(i, False)),
        hypotheses=run.hypotheses,
        range=f"{pair.RANGE}, the other's reports in {{-1, 0, 1}}",
    )
