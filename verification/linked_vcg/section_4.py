"""Section 4: the ordered efficient allocation and the retraction of reports."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
ONE = {
    **{"stock": [3], "types": [[2], [1]], "discount": 1, "agent": 1},
    **{"reports": [[[0, 1]]], "lower": [[0, 0]], "upper": [[0, 2]]},
}


def queue(instance: Instance) -> bool:
    """Amounts of one type, agent by agent, nonnegative; 0 < alpha <= their sum and what the principal has."""
    return min(instance["amount"]) >= 0 and instance["served"] > 0


def bounds(instance: Instance) -> bool:
    """One agent's reports of one type, nonnegative; 0 <= lower <= upper."""
    return min(instance["report"]) >= 0 and 0 <= instance["lower"] <= instance["upper"]


def index(amount: list[Any], served: Any) -> list[int]:
    """Every N in {0, ..., N} that fits the definition; agent 0 is the principal, who has plenty."""
    found = []
    for n in range(len(amount) + 1):
        above = sum(amount[n:])  # of agents n + 1, ..., as agent n has index n - 1 in the list
        upto = None if n == 0 else above + amount[n - 1]
        if served > above and (upto is None or served <= upto):
            found.append(n)
    return found


@claim(
    paper="zhu2021",
    label="Section 4",
    part="the index N",
    statement="""Define N(mu_t, i) in {0, ..., N} to be the index satisfying alpha_i in (sum_{m > N(mu_t, i)} mu_ti^m,
        sum_{m >= N(mu_t, i)} mu_ti^m].""",
    reading="""For i <= R (of which the principal has plenty) and every alpha_i > 0 there is exactly one such index;
        for i > R and every alpha_i in (0, sum_m mu_ti^m] too. For alpha_i = 0 no index fits; the paper then sets N
        = N.""",
    hypotheses=[queue],
    proof="""The intervals of n = N, ..., 0 lie side by side, half-open, and cover (0, all]; those of agents without
        such projects are empty.""",
    expected="proved",
)
def unique_index(run: Run) -> Iterator[Evidence]:
    """One interval against everything above it, by Z3; queues on a grid."""
    import z3

    above, own, rest, served = z3.Reals("above own rest alpha")
    inside = z3.And(served > above, served <= above + own)
    later = z3.And(served > above + own, served <= above + own + rest)
    earlier = z3.And(served > 0, served <= above)
    yield smt.prove(
        z3.And(
            z3.Or(inside, later, earlier),
            z3.Not(z3.And(inside, later)), z3.Not(z3.And(inside, earlier)), z3.Not(z3.And(later, earlier)),
        ),
        given=[above >= 0, own >= 0, rest >= 0, served > 0, served <= above + own + rest],
        control=("with closed intervals", z3.Not(z3.And(inside, served >= above + own))),
        range="every number of agents (one against those before and those after him; by induction)",
        complete=True,
        nontrivial=[above > 0, own > 0, rest > 0],
        lift=lambda value: {"amount": [value["rest"], value["own"], value["above"]], "served": value["alpha"]},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: len(index(instance["amount"], instance["served"])) == 1,
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"amount": [0, 1, 2]}, scalars={"served": [0, 1, 2, 3, 7]}),
        control=("it is the principal", lambda instance: index(instance["amount"], instance["served"]) == [0]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Section 4",
    part="ord-A",
    statement="""ord-A is the efficient allocation that serves everyone in order according to their index, with agent N
        being served first and the principal being served last.""",
    reading="""For all N, T, R, I, q, theta, mu: what the formula gives agent n of type i is min(mu_i^n, (alpha_i -
        sum_{m > n} mu_i^m)^+); these add up to alpha_i over all players, so the resources add up to q-bar; and
        sum_n v(A^n, mu^n) = v(q-bar, 1 mu + mu^0), with v(A^n, mu^n) the number of projects so served.""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.lemma_1", "linked_vcg.section_4_the_index_n"],
    proof="""Served of those up to n: min(alpha_i, sum_{m >= n} mu_i^m); differences telescope. v(A^n, mu^n) is at
        least the projects the resources are meant for, and all players' values together are at most v of
        everything.""",
    expected="proved",
)
def ordered(run: Run) -> Iterator[Evidence]:
    """The formula and the telescoping by Z3; values by programs; the engine."""
    import z3

    alpha, above, own, n, at = z3.Reals("alpha above own n N")
    by_order = smt.minimum(own, smt.positive_part(alpha - above))
    printed = z3.If(n > at, own, 0) + z3.If(n == at, alpha - above, 0)
    fits = [
        z3.Implies(n > at, alpha > above + own),
        z3.Implies(n == at, z3.Or(z3.And(above < alpha, alpha <= above + own), z3.And(alpha == 0, above == 0))),
        z3.Implies(n < at, alpha <= above),
    ]
    mine, rest, value, others = z3.Reals("served_own served_rest value_own value_rest")
    yield smt.prove(
        z3.And(
            printed == by_order,
            by_order == smt.minimum(alpha, above + own) - smt.minimum(alpha, above),
            z3.Implies(
                z3.And(value >= mine, others >= rest, value + others <= mine + rest),
                z3.And(value == mine, others == rest),
            ),
        ),
        given=[alpha >= 0, above >= 0, own >= 0, *fits],
        control=("the first agents first", printed == smt.minimum(own, smt.positive_part(alpha - own))),
        range="every number of agents, dates, resources and types (agent by agent and type by type)",
        complete=True,
        nontrivial=[alpha > 0, own > 0, above > 0, n == at],
        lift=lambda value: ONE,
    )

    def efficient(instance: Instance, shift: int = 0) -> bool:
        market = shared.Market.of(instance)
        for date in range(market.dates):
            reports = [rows[date] for rows in market.reports]
            total: list[Any] = [sum(column) for column in zip(*reports, strict=True)]
            total[: len(market.stock)] = [None] * len(market.stock)
            alpha, _ = shared.invest(market.stock, market.types, total)
            left = list(market.stock)
            value = Fraction(shift)
            for agent, report in enumerate(reports):
                own = market.at(agent, date, report)[1]
                needs = [sum(x * n[r] for x, n in zip(own, market.types, strict=True)) for r in range(len(left))]
                worth = shared.worth(needs, market.types, report)
                if worth != sum(own):
                    return False
                left = [a - b for a, b in zip(left, needs, strict=True)]
                value += worth
            plain = sum(q / market.types[r][r] for r, q in enumerate(left))  # the principal has only the first R types
            if min(left) < 0 or value + plain != sum(alpha):
                return False
        return True

    yield exhaustive.check(
        efficient,
        grid=shared.markets(run.full),
        control=("one unit is lost", lambda instance: efficient(instance, 1)),
        hypotheses=run.hypotheses,
        range="one and two resources, up to 3 agents, 2 dates and 4 types; values by certified programs",
    )
    yield exhaustive.check(
        same_as_engine,
        grid=shared.markets(run.full),
        control=("the agents in the other order", lambda instance: same_as_engine(instance, -1)),
        hypotheses=run.hypotheses,
        range="the same markets, the engine's served projects",
    )


def same_as_engine(instance: Instance, step: int = 1) -> bool:
    """Whether the engine serves as the price vertices say, every agent and date."""
    import numpy as np

    from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
    from mechopt.mechanisms.linked_vcg.ordered import allocate

    market = shared.Market.of(instance)
    solver = Knapsack(np.array(market.stock, dtype=object), np.array(market.types, dtype=object))
    for date in range(market.dates):
        reports = np.array([rows[date] for rows in market.reports], dtype=object)
        served = allocate(reports, solver.invest(reports.sum(axis=0))).tolist()
        own = [market.at(agent, date, row)[1] for agent, row in enumerate(reports.tolist())]
        if served[::step] != own:
            return False
    return True


def retract(instance: Instance) -> list[Fraction]:
    """[mu] as printed, case by case."""
    dates, done = len(instance["report"]), Fraction(0)
    most, least = dates * Fraction(instance["upper"]), dates * Fraction(instance["lower"])
    result = []
    for t, own in enumerate(instance["report"], 1):
        if done + own <= most:
            result.append(Fraction(own) if t < dates else max(Fraction(own), least - done))
        elif done <= most:
            result.append(most - done)
        else:
            result.append(Fraction(0))
        done += own
    return result


@claim(
    paper="zhu2021",
    label="Section 4",
    part="the retraction",
    statement="[.] is an F_t-measurable retraction from Omega to Omega(T, mu-lower, mu-upper).",
    reading="""For every T, all bounds 0 <= lower <= upper and all reports, type by type: [mu]_t depends on mu_1,
        ..., mu_t only; [mu] >= 0 has its average in [lower, upper]; and [mu] = mu where the average of mu is.""",
    hypotheses=[bounds],
    proof="""By induction the sum of [mu] up to t < T is min(sum of mu, T upper). At T it is that too, or raised to
        T lower, which is at most T upper. The cases only look at sums up to t.""",
    expected="proved",
)
def retraction(run: Run) -> Iterator[Evidence]:
    """One date of the induction by Z3; every short report on a grid; the engine's retraction."""
    import z3

    done, own, most, least = z3.Reals("done own most least")
    cut = z3.If(done + own <= most, own, z3.If(done <= most, most - done, 0))
    last = z3.If(done + own <= most, smt.maximum(own, least - done), z3.If(done <= most, most - done, 0))
    so_far = smt.minimum(done, most)
    yield smt.prove(
        z3.And(
            cut >= 0, so_far + cut == smt.minimum(done + own, most),
            last >= 0, so_far + last <= most, so_far + last >= least,
            z3.Implies(done + own <= most, cut == own),
            z3.Implies(z3.And(done + own <= most, done + own >= least), last == own),
        ),
        given=[done >= 0, own >= 0, least >= 0, least <= most],
        control=("without the last date", so_far + cut >= least),
        range="every number of dates (by induction), all bounds and reports of a type",
        complete=True,
        nontrivial=[done > 0, own > 0, least > 0, done + own > most],
        lift=lambda value: {
            "report": [value["done"], value["own"]], "lower": value["least"] / 2, "upper": value["most"] / 2,
        },
    )  # fmt: skip

    def adapted(instance: Instance, slack: int = 0) -> bool:
        result, dates = retract(instance), len(instance["report"])
        low, high = dates * instance["lower"], dates * instance["upper"]
        inside = low <= sum(instance["report"]) <= high
        changed = {**instance, "report": [*instance["report"][:-1], instance["report"][-1] + 1]}
        return (
            low + slack <= sum(result) <= high
            and (not inside or result == instance["report"])
            and result[:-1] == retract(changed)[:-1]
            and retract({**instance, "report": result}) == result
            and result == by_engine(instance)
        )

    def by_engine(instance: Instance) -> list[Any]:
        import numpy as np

        from mechopt.mechanisms.linked_vcg.ordered import retract

        report = np.array([[[Fraction(value)] for value in instance["report"]]], dtype=object)
        low, high = (np.array([[Fraction(instance[name])]], dtype=object) for name in ("lower", "upper"))
        found: list[Any] = retract(report, low, high)[0][0, :, 0].tolist()
        return found

    pairs = [(Fraction(low, 2), high) for low, high in product((0, 1, 2), (0, 1, 2)) if low <= 2 * high]
    sizes = (1, 2, 3, 4) if run.full else (1, 2, 3)
    yield exhaustive.check(
        adapted,
        grid=[
            {"report": list(report), "lower": low, "upper": high}
            for size in sizes
            for report in product((0, 1, 3), repeat=size)
            for low, high in pairs
        ],
        control=("the lower bound plus one", lambda instance: adapted(instance, 1)),
        hypotheses=run.hypotheses,
        range=f"T up to {sizes[-1]}, reports 0, 1, 3, several bounds; the engine gives the same",
    )
