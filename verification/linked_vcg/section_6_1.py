"""Section 6.1: who takes prices as given, and what Property II says where nobody is served."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def one_date(instance: Instance) -> bool:
    """R = T = 1, lower = 0: q > 0, different needs > 0, endowments of each agent; the bound of agent n."""
    needs, rows, most = instance["needs"], instance["reports"], instance["upper"]
    fine = min(needs) > 0 and len(set(needs)) == len(needs) == len(most) > 1 and instance["stock"] > 0
    if not (fine and 1 <= instance["agent"] <= len(rows) and all(len(r) == len(needs) and min(r) >= 0 for r in rows)):
        return False
    return all(x <= high for x, high in zip(rows[instance["agent"] - 1], most, strict=True))


def steady(instance: Instance) -> bool:
    """Properties I and II as meant: at no report does a price change, or a type become served or not."""
    market, n = market_of(instance), instance["agent"] - 1
    return bool(market.price_invariant(n) and market.served_invariant(n))


def market_of(instance: Instance) -> Any:
    """The instance as a market."""
    rows, n = instance["reports"], instance["agent"] - 1
    zero = [[0] * len(instance["needs"]) for _ in rows]
    upper = [instance["upper"] if m == n else row for m, row in enumerate(rows)]
    reports = [[row] for row in rows]
    return shared.Market.of(
        {"stock": instance["stock"], "types": instance["needs"], "reports": reports, "lower": zero, "upper": upper}
    )


def index(amounts: list[Any], alpha: Any) -> int:
    """N(mu_t, i) as printed, for i > R: agents are numbered from 1."""
    if alpha == 0:
        return len(amounts)
    return next(n for n in range(len(amounts), 0, -1) if sum(amounts[n:]) < alpha <= sum(amounts[n - 1 :]))


def replay(instance: Instance) -> str | None:
    """By hand at the agent's report and at his upper bound."""
    n, needs = instance["agent"], instance["needs"]
    for report in (instance["reports"][n - 1], instance["upper"]):
        rows = [report if m == n - 1 else row for m, row in enumerate(instance["reports"])]
        served, _ = shared.fill(instance["stock"], needs, rows)
        for i in range(1, len(needs)):
            amounts, alpha = [row[i] for row in rows], sum(row[i] for row in served)
            got, ahead = served[n - 1][i], sum(amounts[n:])
            # The interval of n is (ahead, ahead + own]; where alpha is 0 no interval fits and N is N.
            if (ahead < alpha <= ahead + report[i] if alpha else n == len(rows)) and got in (0, report[i]):
                how = "none is" if alpha == 0 else "all are, he being the last who has any,"
                return (
                    f"agent {n} of {len(rows)} reports {', '.join(map(str, report))}; alpha_{i + 1} = {alpha}\n"
                    f"N(mu, {i + 1}) = {n} as printed, neither above nor below n = {n}: Property II fails\n"
                    f"yet of his projects of type {i + 1} {how} served here, and no report of his changes that"
                )
    return None


@claim(
    paper="zhu2021",
    label="Property II",
    statement="""For all t and i, N(mu_t^-n, mu^_t^n, i) > n for all mu^^n in Omega^n(T, mu-lower, mu-upper), or
        N(mu_t^-n, mu^_t^n, i) < n for all of them. (An agent who satisfies it takes prices, and service, as given.)""",
    reading="""An agent with Property I of whom each type is served entirely at every report, or not at all at every
        report, satisfies it as printed, with N = N where alpha_i = 0. Here R = T = 1, types i > R, lower = 0.""",
    hypotheses=[one_date, steady],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.beyond_the_paper_what_property_ii_says",
)
def printed(run: Run) -> Evidence:
    """The index at corner reports."""

    def apart(instance: Instance) -> bool:
        market, n = market_of(instance), instance["agent"]
        for i in range(1, len(instance["needs"])):
            found = set()
            for report in market.corners(n - 1):
                alpha = market.at(n - 1, 0, report)[0][i]
                amounts = [report[i] if m == n - 1 else row[i] for m, row in enumerate(instance["reports"])]
                found.add(index(amounts, alpha) - n)
            if not (all(x > 0 for x in found) or all(x < 0 for x in found)):
                return False
        return True

    return exhaustive.check(
        apart,
        grid=[
            {"stock": 10, "needs": needs, "reports": rows[:size], "upper": [0, 1, 1], "agent": agent}
            for needs in ([1, Fraction(1, 2), 3], [2, 1, 4])
            for rows in ([[0, 1, 1]] * 3, [[0, 1, 0], [0, 0, 1], [0, 1, 1]])
            for size in (3, 2, 1)
            for agent in range(1, size + 1)
        ],
        control=("never", lambda instance: not apart(instance)),
        hypotheses=run.hypotheses,
        range="q = 10, up to 3 agents with up to one project of types 2 and 3",
    )


@claim(
    paper="zhu2021",
    label="Beyond the paper: what Property II says",
    statement="""Property II as printed implies that each type of the agent's is served entirely at every report, or
        not at all at every report: alpha_i >= B_i + x_i throughout or alpha_i <= B_i throughout, where B_i is what
        agents with a higher index have. That is all that Lemma 6 uses, and it says so of agents for whom the
        printed index does not.""",
    reading="For all N, types, n and reports, with N(mu_t, i) as printed, alpha_i = 0 included.",
    hypotheses=[one_date],
    rests_on=["linked_vcg.section_4_the_index_n"],
    proof="""n > N: those with an index of at least n are at most those above N, who are all served. n < N: those
        from N on, all ahead of n, already have at least alpha_i; or alpha_i = 0.""",
    expected="proved",
)
def implied(run: Run) -> Iterator[Evidence]:
    """By Z3 with the sums of the definition; the index by hand on a grid."""
    import z3

    alpha, own, before, above, upto, n, at = z3.Reals("alpha own before above upto n N")
    defined = z3.And(above < alpha, alpha <= upto)  # sums over m > N and m >= N
    yield smt.prove(
        z3.And(z3.Implies(n > at, alpha >= before + own), z3.Implies(n < at, alpha <= before)),
        given=[
            alpha >= 0, own >= 0, before >= 0, z3.Or(defined, alpha == 0), z3.Implies(alpha == 0, at >= n),
            z3.Implies(n > at, above >= before + own), z3.Implies(n < at, upto <= before),
        ],
        control=("also n = N", z3.Implies(n == at, alpha <= before)),
        range="every number of agents and types; sums over m > N, m >= N, m > n and m >= n are nested",
        complete=True,
        nontrivial=[alpha > 0, own > 0, before > 0, n != at],
        lift=lambda value: {
            "stock": 10, "needs": [1, Fraction(1, 2)], "reports": [[0, 1], [0, 2]], "upper": [0, 1], "agent": 1,
        },
    )  # fmt: skip

    def by_hand(instance: Instance, shift: int = 0) -> bool:
        n, rows = instance["agent"], instance["reports"]
        served, _ = shared.fill(instance["stock"], instance["needs"], rows)
        for i in range(1, len(instance["needs"])):
            at = index([row[i] for row in rows], sum(row[i] for row in served)) + shift
            own, got = rows[n - 1][i], served[n - 1][i]
            if (n > at and got != own) or (n < at and got != 0):
                return False
        return True

    yield exhaustive.check(
        by_hand,
        grid=[
            {"stock": q, "needs": [2, 1, Fraction(1, 2)], "reports": [[0, *a], [0, *b], [0, *c]], "upper": [0, 2, 2],
             "agent": agent}
            for q in (1, 2, 3) for a in ([1, 0], [1, 1]) for b in ([0, 1], [2, 1]) for c in ([1, 1], [0, 2])
            for agent in (1, 2, 3)
        ],
        control=("one agent further", lambda instance: by_hand(instance, 1)),
        hypotheses=run.hypotheses,
        range="R = T = 1, three agents, types 2 and 3, the stock filled by hand",
    )  # fmt: skip


def margins(instance: Instance) -> bool:
    """Reports in their bounds, generic types, and an agent whose dates all have a unique price."""
    if not (shared.in_bounds(instance) and shared.is_generic(instance)):
        return False
    market, n = shared.Market.of(instance), instance["agent"] - 1
    return all(margin(market, n, date) > 0 for date in range(market.dates))


def margin(market: Any, n: int, date: int) -> Fraction:
    """How far the partly invested types are from their limits at the agent's report: 0 if the price is not unique."""
    report = market.reports[n][date]
    alpha, _, vertex = market.at(n, date, report)
    others = market.others(n, date)
    rooms = [alpha[i] if others[i] is None else min(alpha[i], others[i] + report[i] - alpha[i]) for i in vertex.partial]
    return min(rooms, default=Fraction(0))


def norm(market: Any, n: int, date: int) -> Fraction:
    """How much a partly invested type can move per unit that every type of the report moves by."""
    _, _, vertex = market.at(n, date, market.reports[n][date])
    moves = [sum(abs(shared.dot(row, market.types[k])) for k in vertex.full) for row in vertex.inverse]
    return max((Fraction(move) for move in moves), default=Fraction(0))


@claim(
    paper="zhu2021",
    label="Section 6.1",
    part="a small effect leaves prices alone",
    statement="""By Lemma 2, an agent who has a sufficiently small effect on the efficient allocation will satisfy
        Property I.""",
    reading="""For all markets, mu with unique prices and agents n: if at every date (C + 1) T max_i upper_i is
        below min(alpha_S, (M + x - alpha)_S), with S the partly invested types and C the norm of the map from
        projects to alpha_S, no report of n in his bounds changes a price.""",
    hypotheses=[margins],
    rests_on=["linked_vcg.lemma_2_locally_constant"],
    proof="No report of one date is further from his own than T max_i upper_i; Lemma 2's d is that margin over C + 1.",
    expected="proved",
)
def small_effect(run: Run) -> Iterator[Evidence]:
    """By Z3; corner reports of small markets; the engine's closed form against the corners, both ways."""
    import z3

    alpha, room, bound, most, moved, grown = z3.Reals("alpha room norm most moved grown")
    yield smt.prove(
        z3.And(alpha + moved > 0, room + grown - moved > 0),
        given=[
            alpha > 0, room > 0, bound >= 0, most >= 0, (bound + 1) * most < alpha, (bound + 1) * most < room,
            moved <= bound * most, -moved <= bound * most, grown <= most, -grown <= most,
        ],
        control=("for twice the bound", alpha + 2 * moved > 0),
        range="every market (type by type), every norm C",
        complete=True,
        nontrivial=[most > 0, moved > 0],
        lift=lambda value: shared.markets(False)[0],
    )  # fmt: skip

    def kept(instance: Instance, factor: Any = 1) -> bool:
        market, n = shared.Market.of(instance), instance["agent"] - 1
        most = factor * max(market.box(n)[1])
        small = all((norm(market, n, t) + 1) * most < margin(market, n, t) for t in range(market.dates))
        return not small or bool(market.price_invariant(n))

    yield exhaustive.check(
        kept,
        grid=shared.markets(run.full),
        control=("for a tenth of the bound", lambda instance: kept(instance, Fraction(1, 10))),
        hypotheses=run.hypotheses,
        range="one and two resources, up to 3 agents, 2 dates and 4 types; Property I at all corners",
    )
    yield exhaustive.check(
        engine_agrees,
        grid=shared.markets(run.full),
        control=("it never holds", lambda instance: engine_agrees(instance, False)),
        hypotheses=run.hypotheses,
        range="the engine's closed-form tests of Properties I and II against all corner reports, held or not",
    )


def engine_agrees(instance: Instance, honest: bool = True) -> bool:
    """Whether the engine's tests say what the corners say, for every agent."""
    import numpy as np

    from mechopt.mechanisms.linked_vcg import Environment, run

    market = shared.Market.of(instance)
    data = (market.stock, market.types, market.reports, market.lower, market.upper)
    stock, types, reports, low, high = (np.array(value, dtype=object) for value in data)
    world = Environment(
        stock=stock, types=types, endowments=reports, lower=low, upper=high, discount=market.beta, arithmetic="exact"
    )
    table = run(world).tables["agents"]
    for n in range(len(market.reports)):
        found = market.price_invariant(n) and honest
        if bool(table["price_invariant"][n]) != found:
            return False
        if found and bool(table["served_invariant"][n]) != market.served_invariant(n):
            return False
    return True
