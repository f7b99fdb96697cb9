"""Theorem 1: the linked VCG mechanism is efficient and ex-post; it is not the cheapest such mechanism."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
ONE = {
    **{"stock": [3], "types": [[2], [1]], "discount": 1, "agent": 1},
    **{"reports": [[[0, 1]]], "lower": [[0, 0]], "upper": [[0, 2]]},
}


def single(instance: Instance) -> bool:
    """R = N = T = 1: q > 0, different needs > 0, 0 <= endowment <= upper."""
    needs, own, most = instance["needs"], instance["endowment"], instance["upper"]
    sizes = len(needs) == len(own) == len(most) > 1
    fine = sizes and min(needs) > 0 and len(set(needs)) == len(needs) and instance["stock"] > 0
    return fine and all(0 <= x <= high for x, high in zip(own, most, strict=True))


def unlinked(instance: Instance, report: Any) -> Fraction:
    """uW at a report: what the principal gets, by hand."""
    return Fraction(shared.fill(instance["stock"], instance["needs"], [report])[1])


def always_run(instance: Instance) -> bool:
    """Whether the stock serves all of the agent's projects at every report, so that he never needs to be paid."""
    needed = sum(x * n for x, n in zip(instance["upper"], instance["needs"], strict=True))
    return bool(needed <= instance["stock"])


@claim(
    paper="zhu2021",
    label="Theorem 1",
    part="efficient ex-post",
    statement="(lA, lW) is an efficient ex-post mechanism.",
    reading="""For all N, T, R, I, q-bar, theta under conditions 1 and 2, beta in (0, 1], bounds, mu in Omega(T,
        lower, upper), n and every sequence of reports of n, inside the bounds or not: n's payoff is largest where
        he tells the truth; lA is efficient at the truth; and 0 <= lW <= uW.""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.proposition_1", "linked_vcg.section_4_the_retraction"],
    proof="""The report counts as its retraction, which is one of the reports of Proposition 1 and the truth itself
        at the truth. What is subtracted does not depend on it and is the least of uW over reports in the bounds.""",
    expected="proved",
)
def efficient(run: Run) -> Iterator[Evidence]:
    """By Z3 from Proposition 1; deviations, inside the bounds and not, by certified programs; the engine."""
    import z3

    own, left, honest, rest, least = z3.Reals("own left own_truth left_truth least")
    yield smt.prove(
        z3.And(own + (left - least) <= honest + (rest - least), rest - least >= 0, rest - least <= rest),
        given=[own + left <= honest + rest, least >= 0, least <= left, least <= rest],
        control=("paid without regard to the others' values", own <= honest),
        range="every market and every report (payoffs over all dates, with Proposition 1)",
        complete=True,
        nontrivial=[own > 0, left > least, least > 0],
        lift=lambda value: ONE,
    )

    def best(instance: Instance) -> Fraction:
        market, n = shared.Market.of(instance), instance["agent"] - 1

        def payoff(report: Any) -> Fraction:
            used, total = retracted(market, n, report), Fraction(0)
            for t, x in enumerate(used):
                own = market.at(n, t, x)[1]
                given = [
                    sum(a * k[r] for a, k in zip(own, market.types, strict=True)) for r in range(len(market.stock))
                ]
                worth = shared.worth(given, market.types, market.reports[n][t])
                total += market.beta**t * (worth + market.left(n, t, x))
            return total

        truth = market.reports[n]
        tries = [[[3 * x + 1 for x in row] for row in truth], [[0] * len(row) for row in truth], truth[::-1]]
        return max(payoff(report) for report in tries) - payoff(truth)

    yield exhaustive.check(
        lambda instance: best(instance) <= 0,
        grid=shared.markets(run.full),
        control=("every deviation loses", lambda instance: best(instance) < 0),
        hypotheses=run.hypotheses,
        range="small markets; three times the truth and more, nothing, and the truth in reverse, retracted",
    )
    yield exhaustive.check(
        close_to_engine,
        grid=shared.markets(False) if run.full else [*shared.markets(False)[:6], *shared.markets(False)[7::4]],
        control=("half of it", lambda instance: close_to_engine(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range="the engine: linked transfers against the exact minimum, to 1e-8; everybody's S and uW, exactly",
    )


def retracted(market: Any, n: int, report: Any) -> list[list[Fraction]]:
    """[mu^n], type by type."""
    columns = []
    for i in market.kinds:
        most, least, done, column = (
            market.dates * market.upper[n][i],
            market.dates * market.lower[n][i],
            Fraction(0),
            [],
        )
        for row in report:
            column.append(min(Fraction(row[i]), max(most - done, Fraction(0))))
            done += row[i]
        if done <= most:
            column[-1] = max(column[-1], least - (done - report[-1][i]))
        columns.append(column)
    return [[column[t] for column in columns] for t in range(market.dates)]


def close_to_engine(instance: Instance, factor: Any = 1) -> bool:
    """Whether the engine pays the instance's agent what the exact minimum says, and all agents' S and uW are exact."""
    import numpy as np

    from mechopt.mechanisms.linked_vcg import Environment, run

    market, n = shared.Market.of(instance), instance["agent"] - 1
    data = (market.stock, market.types, market.reports, market.lower, market.upper)
    stock, types, reports, low, high = (np.array(value, dtype=object) for value in data)
    world = Environment(
        stock=stock, types=types, endowments=reports, lower=low, upper=high, discount=market.beta, arithmetic="exact"
    )
    table, agents = run(world).tables["agents"], range(len(market.reports))
    paid = table["linked_transfer"][n]
    identities = all(
        table["contribution"][m] == market.contribution(m) and table["unlinked_transfer"][m] == market.unlinked(m)
        for m in agents
    )
    return identities and bool(abs(Fraction(paid) - factor * market.linked(n)) <= Fraction(1, 10**8))


def replay(instance: Instance) -> str | None:
    """Why W = 0 works, and what the linked mechanism pays, by hand."""
    own, most = instance["endowment"], instance["upper"]
    needed = sum(x * n for x, n in zip(most, instance["needs"], strict=True))
    paid = unlinked(instance, own) - unlinked(instance, most)
    if needed > instance["stock"] or paid <= 0:
        return None
    return (
        f"even at the upper bound his projects need {needed} <= q = {instance['stock']}: all are always run, so with "
        "the truth he has the payoff of all his projects,\nwhich no report can exceed: (uA, W = 0) is efficient and "
        f"ex-post\nuW at the truth {', '.join(map(str, own))}: {unlinked(instance, own)}; at the report "
        f"{', '.join(map(str, most))}: {unlinked(instance, most)}\nso the linked mechanism pays at least {paid} > 0"
    )


def document(instance: Instance) -> dict[str, Any]:
    """The counterexample as a model document."""
    return {
        **{"mechanism": "linked_vcg", "title": "W = 0 would do: Theorem 1 is not cheapest", "arithmetic": "exact"},
        **{"stock": [instance["stock"]], "types": [[need] for need in instance["needs"]]},
        **{"endowments": [[instance["endowment"]]], "lower": [[0] * len(instance["needs"])]},
        "upper": [instance["upper"]],
    }


@claim(
    paper="zhu2021",
    label="Theorem 1",
    part="cheapest",
    statement="""(lA, lW) is weakly cheaper than every efficient ex-post (A, W) satisfying A(mu) = uA(mu) for all mu in
        Omega(T, mu-lower, mu-upper).""",
    reading="""For all markets, here R = N = T = 1 with lower = 0: wherever W = 0 together with uA is efficient and
        ex-post, lW = 0.""",
    hypotheses=[single],
    replay=replay,
    document=document,
    expected="refuted",
    repaired_by="linked_vcg.theorem_1_cheapest_groves_transfer",
)
def cheapest(run: Run) -> Evidence:
    """Exact transfers against W = 0 where all his projects are always run."""

    def as_cheap(instance: Instance) -> bool:
        low = [0] * len(instance["needs"])
        market = shared.Market.of(
            {"stock": instance["stock"], "types": instance["needs"], "reports": [[instance["endowment"]]],
             "lower": [low], "upper": [instance["upper"]]}
        )  # fmt: skip
        return not always_run(instance) or bool(market.linked(0) <= 0)

    return exhaustive.check(
        as_cheap,
        grid=exhaustive.Grid(
            scalars={
                "stock": [1, 3],
                "needs": [[1, Fraction(1, 2)], [2, 1]],
                "endowment": [[0, 1], [0, 0], [1, 1]],
                "upper": [[0, 1], [0, 2], [1, 1]],
            }
        ),
        control=("never", lambda instance: not as_cheap(instance)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Theorem 1",
    part="cheapest Groves transfer",
    statement="""(lA, lW) is weakly cheaper than every (uA, W) with W^n = uW^n + h^n(mu^-n) and W^n >= 0 on
        Omega(T, mu-lower, mu-upper): every Groves mechanism on this domain.""",
    reading="""For all markets, n and mu^-n, and every h: if uW^n(mu^n) + h >= 0 for all mu^n in the bounds, then
        lW^n <= uW^n + h at all of them. (The paper's proof is right from its Lemma 4 on; it is Lemma 4 that fails.)""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    proof="uW is continuous and the reports are a compact set: at its least, h >= -min uW.",
    expected="proved",
)
def groves(run: Run) -> Iterator[Evidence]:
    """By Z3; the exact minimum on small markets."""
    import z3

    here, least, h = z3.Reals("here least h")
    yield smt.prove(
        here - least <= here + h,
        given=[least + h >= 0, here + h >= 0, least <= here],
        control=("by one unit", here - least <= here + h - 1),
        range="every market (values of uW at the truth and at its least)",
        complete=True,
        nontrivial=[least > 0, here > least],
        lift=lambda value: ONE,
    )

    def attained(instance: Instance, shift: int = 0) -> bool:
        market, n = shared.Market.of(instance), instance["agent"] - 1
        least, report = market.least(n)
        tries = [market.unlinked(n, other) for other in list(market.concentrated(n))[:8]]
        return bool(market.unlinked(n, report) == least and least + shift <= min(tries))

    yield exhaustive.check(
        attained,
        grid=shared.markets(False)[:: 2 if run.full else 6],
        control=("one more unit", lambda instance: attained(instance, 1)),
        hypotheses=run.hypotheses,
        range="small markets: the least uW is attained at a report in the bounds, and no corner is below it",
    )
