"""Proposition 1: the unlinked VCG mechanism is efficient and ex-post incentive compatible."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

shared = catalog.beside(__file__)
ONE = {
    **{"stock": [3], "types": [[2], [1]], "discount": 1, "agent": 1},
    **{"reports": [[[0, 1]]], "lower": [[0, 0]], "upper": [[0, 2]]},
}


def payoff(market: Any, agent: int, reports: Any) -> Fraction:
    """uU^n if he reports this and the others the truth: his own projects on what he is allocated, plus the transfer."""
    total = Fraction(0)
    for date, report in enumerate(reports):
        own = market.at(agent, date, report)[1]
        given = [sum(x * n[r] for x, n in zip(own, market.types, strict=True)) for r in range(len(market.stock))]
        mine = shared.worth(given, market.types, market.reports[agent][date])
        total += market.beta**date * (mine + market.left(agent, date, report))
    return total


def deviations(market: Any, agent: int) -> list[Any]:
    """All at one date, nothing, twice the truth, the truth in reverse."""
    truth = market.reports[agent]
    return [*list(market.concentrated(agent))[:6], [[0] * len(row) for row in truth],
            [[2 * x for x in row] for row in truth], list(reversed(truth))]  # fmt: skip


def gains(instance: Instance) -> list[Fraction]:
    """What the deviations of the instance's agent gain."""
    market, agent = shared.Market.of(instance), instance["agent"] - 1
    truth = payoff(market, agent, market.reports[agent])
    return [payoff(market, agent, reports) - truth for reports in deviations(market, agent)]


@claim(
    paper="zhu2021",
    label="Proposition 1",
    statement="(uA, uW) is an efficient ex-post mechanism.",
    reading="""For all N, T, R, I, q-bar, theta under conditions 1 and 2, beta in (0, 1], all mu, n and every
        sequence of reports of n (which is what a strategy comes to where the others tell the truth): n's payoff is
        largest where he tells the truth; then it is sum_t beta^(t-1) v(q-bar, 1 mu_t + mu_t^0).""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.section_4_ord_a"],
    proof="""With report r he gets v(A^n(r), mu^n) + w(r) at a date. His projects on A^n(r) and the others' on the
        rest are together an investment for the true projects, so this is at most v(q-bar, all); at the truth it is
        equal.""",
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """The joint investment type by type and resource by resource by Z3; deviations by certified programs."""
    import z3

    a, b, mine, others, used, also, given, stock = z3.Reals("a b mine others used also given stock")
    yield smt.prove(
        z3.And(a + b >= 0, a + b <= mine + others, used + also <= stock),
        given=[a >= 0, a <= mine, b >= 0, b <= others, used <= given, also <= stock - given],
        control=("with his projects alone", a + b <= mine),
        range="every number of agents, dates, resources and types (type by type and resource by resource), all reports",
        complete=True,
        nontrivial=[a > 0, b > 0, used > 0, also > 0, given > 0],
        lift=lambda value: ONE,
    )
    yield exhaustive.check(
        lambda instance: max(gains(instance)) <= 0,
        grid=shared.markets(run.full),
        control=("every deviation loses", lambda instance: max(gains(instance)) < 0),
        hypotheses=run.hypotheses,
        range="one and two resources, up to 3 agents and 2 dates; reports at corners, nothing, double, reversed",
    )


@claim(
    paper="zhu2021",
    label="Section 4",
    part="any efficient allocation",
    statement="Proposition 1 and Theorem 1 are in fact true no matter what efficient allocation uA is set to be.",
    reading="""Proposition 1 and the first part of Theorem 1 (the second is false for ord-A already): for every
        efficient allocation A, not only ord-A, payment of the others' values minus something that does not depend
        on n's report makes telling the truth optimal.""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.lemma_1"],
    proof="The proof of Proposition 1 uses of A only that it is feasible, and efficient at the truth.",
    expected="proved",
)
def any_allocation(run: Run) -> Iterator[Evidence]:
    """As in Proposition 1, by Z3; the principal first, by hand."""
    import z3

    own, left, best, fixed = z3.Reals("own left best fixed")
    honest, rest = z3.Reals("own_truth left_truth")
    yield smt.prove(
        own + left + fixed <= honest + rest + fixed,
        given=[own >= 0, left >= 0, own + left <= best, honest + rest == best],
        control=("also for allocations that are not efficient", own + left <= honest + rest - 1),
        range="every efficient allocation (values of one date: the joint investment is worth at most v(q-bar, all))",
        complete=True,
        nontrivial=[own > 0, left > 0, fixed < 0],
        lift=lambda value: ONE,
    )

    def principal_first(instance: Instance, factor: int = 1) -> bool:
        market = shared.Market.of(instance)
        needs = [row[0] for row in market.types]
        truth = market.reports[0][0]

        def paid(report: Any) -> Fraction:
            served, plain = shared.fill(market.stock[0], needs, [[Fraction(0), *report[1:]]])  # nobody else has type 1
            given = sum(x * n for x, n in zip(served[0], needs, strict=True))
            return Fraction(shared.worth([given], market.types, truth)) + factor * plain

        return all(paid(report) <= paid(truth) for report in [*market.corners(0), [2 * x for x in truth]])

    yield exhaustive.check(
        principal_first,
        grid=[
            {**ONE, "reports": [[[a, b]]], "upper": [[a, b + 1]], "stock": [q]}
            for a in (0, 1) for b in (0, 1, 2) for q in (2, 3)
        ],
        control=("her projects count twice", lambda instance: principal_first(instance, 3)),
        hypotheses=run.hypotheses,
        range="R = N = T = 1, two types, the principal served before the agent",
    )  # fmt: skip


def copied(instance: Instance) -> bool:
    """One resource, N = 2; agent n's endowments by date, the other's date-1 report; beta = 1, T >= 2."""
    needs, own, other = instance["needs"], instance["own"], instance["other"]
    fine = min(needs) > 0 and len(set(needs)) == len(needs) == len(other) > 1 and instance["stock"] > 0
    rows = [*own, other]
    return (
        fine
        and len(own) >= 2
        and instance["agent"] in (1, 2)
        and all(len(r) == len(needs) and min(r) >= 0 for r in rows)
    )


def total(instance: Instance, first: list[Any]) -> Fraction:
    """n's payoff if he reports `first` at date 1 and the truth later; the other copies that from date 2 on."""
    needs, n = instance["needs"], instance["agent"] - 1
    result = Fraction(0)
    for date, truth in enumerate(instance["own"]):
        rows = [first if date == 0 else truth, instance["other"] if date == 0 else first]
        served, plain = shared.fill(instance["stock"], needs, rows if n == 0 else rows[::-1])
        left = sum(x * k for x, k in zip(served[n], needs, strict=True))
        for i in sorted(range(len(needs)), key=lambda i: needs[i]):  # his own projects on what he is allocated
            done = min(Fraction(truth[i]), left / needs[i])
            left, result = left - done * needs[i], result + done
        result += sum(served[1 - n]) + plain
    return result


def huge(instance: Instance, times: int = 1) -> list[Any]:
    """More of every type than the stock can serve; of more nothing changes."""
    return [times * (1 + Fraction(instance["stock"]) / min(instance["needs"]))] * len(instance["needs"])


EXAMPLE = {"stock": 1, "needs": [1, Fraction(1, 2)], "own": [[1, 0], [1, 0]], "other": [0, 0], "agent": 2}


@claim(
    paper="zhu2021",
    label="Proposition 1",
    part="not strategy-proof",
    statement="For T > 1, (uA, uW) need not be strategy-proof.",
    reading="""For every T >= 2 there are a market and strategies of the others against which the truth is not
        optimal: q-bar = 1, theta = (1, 1/2), agent 2 has one type-1 project each date, agent 1 has none at date 1
        and copies agent 2's date-1 report at all later dates; reporting more than 2 type-2 projects at date 1 gives
        1 + 2 (T - 1) > T.""",
    hypotheses=[copied],
    proof="With the truth every date has value 1. With the huge report later dates have value 2, the first still 1.",
    expected="proved",
)
def not_strategy_proof(run: Run) -> Iterator[Evidence]:
    """For every T by SymPy, by hand for small T."""
    horizon = symbolic.positive("more_dates")  # T = 1 + more_dates
    yield symbolic.nonnegative(
        lambda case: 1 + 2 * horizon - (1 + horizon),
        cases=["every T"],
        control=("more than double", lambda case: 1 + 2 * horizon - 2 * (1 + horizon)),
        range="every T >= 2: the gain is T - 1",
        complete=True,
        lift=lambda case, value: EXAMPLE,
    )

    def gain(instance: Instance, more: int = 0) -> bool:
        dates = len(instance["own"])
        difference = total(instance, huge(instance)) - total(instance, instance["own"][0])
        return difference == dates - 1 + more

    yield exhaustive.check(
        gain,
        grid=[{**EXAMPLE, "own": [[1, 0]] * dates} for dates in range(2, 8)],
        control=("one more", lambda instance: gain(instance, 1)),
        hypotheses=run.hypotheses,
        range="T from 2 to 7, the market played by hand",
    )


def played(instance: Instance, first: list[Any]) -> Fraction:
    """n's payoff by queues: everybody's projects in the order of need, and the resources that n's places in it get."""
    needs, n, money = [Fraction(need) for need in instance["needs"]], instance["agent"], Fraction(0)
    for date, truth in enumerate(instance["own"]):
        reports = {n: first if date == 0 else truth, 3 - n: instance["other"] if date == 0 else first}
        queue = sorted((need, -who, row[i]) for who, row in reports.items() for i, need in enumerate(needs))
        left, allotted = Fraction(instance["stock"]), Fraction(0)
        for need, who, amount in queue:
            if (need, who) > (needs[0], 0):
                break
            done = min(amount * need, left)
            left, allotted = left - done, allotted + (done if -who == n else 0)
            money += done / need if -who != n else 0
            if (need, who) == (needs[0], -1):
                money, left = money + left / needs[0], Fraction(0)  # the principal comes last and has plenty of type 1
        prices = [Fraction(0), *(1 / need for need in needs)]  # v(A^n, mu^n), by duality
        money += min(
            p * allotted + sum(max(1 - p * k, 0) * x for k, x in zip(needs, truth, strict=True)) for p in prices
        )
    return money


def replay(instance: Instance) -> str | None:
    """Both reports played by hand."""
    honest, lines = played(instance, instance["own"][0]), []
    enough = 1 + Fraction(instance["stock"]) / min(instance["needs"])
    for amount in (enough, 1000 * enough):
        found = played(instance, [amount] * len(instance["needs"]))
        if found >= honest:
            return None
        lines.append(f"reporting {amount} of each type at date 1: {found} in all")
    return "\n".join(
        [
            f"telling the truth: {honest} over {len(instance['own'])} dates",
            *lines,
            "worse, however huge: of more than the stock can serve nothing changes",
        ]
    )


@claim(
    paper="zhu2021",
    label="Proposition 1",
    part="huge reports",
    statement="""Fix an n, and consider the sigma^-n where at all dates t > 1, all agents m != n copy agent n's date
        1 report. At date 1, agent n is better off reporting a sufficiently huge endowment rather than the truth.""",
    reading="""For all T > 1, endowments of n and date-1 reports of the others (here R = 1, N = 2, beta = 1): some
        huge report at date 1, followed by the truth, gives n at least what the truth throughout gives (the paper
        says more).""",
    hypotheses=[copied],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.proposition_1_not_strategy_proof",
)
def always_better(run: Run) -> Evidence:
    """Small markets by hand."""

    def better(instance: Instance) -> bool:
        honest = total(instance, instance["own"][0])
        return any(total(instance, huge(instance, times)) >= honest for times in (1, 1000))

    return exhaustive.check(
        better,
        grid=[
            {**EXAMPLE, "own": [[0, a], [0, b]], "other": [0, c], "agent": agent}
            for a in (0, 1) for b in (0, 1) for c in (2, 0, 1) for agent in (1, 2)
        ],
        control=("never", lambda instance: not better(instance)),
        hypotheses=run.hypotheses,
        range="q = 1, theta = (1, 1/2), T = 2, endowments 0, 1, 2 of type 2",
    )  # fmt: skip
