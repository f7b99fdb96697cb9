"""Lemma 6: the transfer to an agent who takes prices as given."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
ONE = {
    **{"stock": [10], "types": [[2], [1]], "discount": 1, "agent": 1},
    **{"reports": [[[0, 1], [0, 2]]], "lower": [[0, 0]], "upper": [[0, 2]]},
}


def small_agents(full: bool) -> list[dict[str, Any]]:
    """Markets in which agents are small: large stocks, one and two resources, two agents, two dates, both discounts."""
    found: list[dict[str, Any]] = []
    shapes: list[tuple[list[Any], list[list[Any]]]] = [
        ([20], [[2], [1]]),
        ([9], [[3], [1], [Fraction(7, 2)]]),
        ([40, 60], [[3, 0], [0, 4], [1, 1]]),
    ]
    for stock, types in shapes:
        own = len(types) - len(stock)
        for first, second, more in product((0, 1), (0, 2), (0, 1) if full else (1,)):
            for agent in (1, 2):
                a = [[0] * len(stock) + [first] * own, [0] * len(stock) + [second] * own]
                b = [[more] + [0] * (len(stock) - 1) + [second] * own, [0] * len(stock) + [first] * own]
                mean = [[Fraction(x + y, 2) for x, y in zip(*rows, strict=True)] for rows in (a, b)]
                upper = [[m + Fraction(1, 2) for m in row] for row in mean]
                found.append(
                    {
                        **{"stock": stock, "types": types, "reports": [a, b], "lower": [[0] * len(types)] * 2},
                        **{"upper": upper, "discount": Fraction(1, 1 + len(found) % 2), "agent": agent},
                    }
                )
    return found


def displaced(instance: Instance) -> Fraction:
    """The formula: the largest sum of beta^(t-T) p_t . (mu^^n - mu^n) theta 1(served) over reports in the bounds."""
    market, n = shared.Market.of(instance), instance["agent"] - 1
    total = Fraction(0)
    for i in market.kinds:
        costs = []
        for t in range(market.dates):
            price = market.at(n, t, market.reports[n][t])[2].price
            served = market.always_served(n, t, i) and market.box(n)[1][i] > 0
            costs.append(market.weight(t) * shared.dot(price, market.types[i]) if served else Fraction(0))
        spent = sum(c * row[i] for c, row in zip(costs, market.reports[n], strict=True))
        total += market.dates * market.upper[n][i] * max(costs) - spent
    return total


def single(instance: Instance) -> bool:
    """R = N = 1, lower = 0: reports by date within T upper, q > 0, different needs > 0, 0 < discount <= 1."""
    needs, most, rows = instance["needs"], instance["upper"], instance["reports"]
    fine = min(needs) > 0 and len(set(needs)) == len(needs) == len(most) > 1 and instance["stock"] > 0
    if not (fine and 0 < instance["discount"] <= 1 and all(len(row) == len(needs) and min(row) >= 0 for row in rows)):
        return False
    return all(sum(row[i] for row in rows) <= len(rows) * high for i, high in enumerate(most))


def as_market(instance: Instance) -> dict[str, Any]:
    """The instance with one agent as a market."""
    return {
        **{"stock": instance["stock"], "types": instance["needs"], "reports": [instance["reports"]], "agent": 1},
        **{"lower": [[0] * len(instance["needs"])], "upper": [instance["upper"]], "discount": instance["discount"]},
    }


def price_taker(instance: Instance) -> bool:
    """Property I."""
    return bool(shared.takes_prices(as_market(instance)))


def replay(instance: Instance) -> str | None:
    """Both sides by hand: all of the budget at date 1."""
    beta, rows, needs = Fraction(instance["discount"]), instance["reports"], instance["needs"]
    early = [[len(rows) * high for high in instance["upper"]], *[[0] * len(needs)] * (len(rows) - 1)]

    def unlinked(reports: Any) -> Fraction:
        plain = [shared.fill(instance["stock"], needs, [row])[1] for row in reports]
        return Fraction(sum(beta ** (t + 1 - len(rows)) * left for t, left in enumerate(plain)))

    paid, most = unlinked(rows) - unlinked(early), len(rows) * sum(instance["upper"])
    if paid <= most:
        return None
    return (
        f"uW at the reports: {unlinked(rows)}; with the whole budget at date 1: {unlinked(early)} (money at date "
        f"{len(rows)}: date 1 counts {beta ** (1 - len(rows))} times)\nso lW is at least {paid}\n"
        f"S^n is in date-1 value: at most one for each of his T upper = {most} projects, {most} in all: less"
    )


@claim(
    paper="zhu2021",
    label="Lemma 6",
    part="bound",
    statement="""If Property I. is satisfied, then lW^n(mu) <= max over mu^^n in Omega^n(T, mu-lower, mu-upper) of
        S^n(mu^-n, mu^^n).""",
    reading="""For all markets, n and mu where n has Property I; here R = N = 1, lower = 0, with sum_i T upper_i for
        max S^n, which it cannot exceed.""",
    hypotheses=[single, price_taker],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.lemma_6_bound_in_the_same_money",
)
def bound(run: Run) -> Evidence:
    """Corner reports of small agents."""

    def small(instance: Instance, share: Any = 1) -> bool:
        market = shared.Market.of(as_market(instance))
        least = min(market.unlinked(0, report) for report in market.concentrated(0))
        return bool(market.unlinked(0) - least <= share * market.dates * sum(instance["upper"]))

    half = Fraction(1, 2)
    return exhaustive.check(
        small,
        grid=exhaustive.Grid(
            scalars={
                "stock": [10],
                "needs": [[1, Fraction(9, 10)], [2, 1]],
                "reports": [[[0, 0], [0, 0]], [[0, 1], [0, 0]]],
                "upper": [[0, 1], [0, 2], [1, 1]],
                "discount": [1, half, Fraction(1, 3)],
            }
        ),
        control=("half of it", lambda instance: small(instance, half)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Lemma 6",
    part="bound in the same money",
    statement="""beta^(T-1) lW^n(mu) <= max S^n(mu^-n, mu^^n) over the reports in the bounds, for every agent: with
        no Property I. For beta = 1 that is the printed bound.""",
    reading="""For all N, T, R, I, q, theta, beta in (0, 1], bounds, mu in Omega(T, lower, upper) and n; no
        assumption on prices. Both sides are date-1 value then. (The printed proof ends with "= S(mu^^)", which has
        to be beta^(1-T) S^n(mu^^n).)""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.figure_3"],
    proof="""At each date w(mu_t) - w(mu^^_t) <= S of that date at mu^^ (Figure 3's bound, true for every R).
        Weighted with beta^(t-1) and summed: beta^(T-1) (uW(mu) - uW(mu^^)) <= S^n(mu^^).""",
    expected="proved",
)
def same_money(run: Run) -> Iterator[Evidence]:
    """One date against the rest by Z3; exact transfers of small markets."""
    import z3

    beta, here, there, mine, rest, others, more = z3.Reals("beta here there mine rest_here rest_there rest_mine")
    yield smt.prove(
        here - there + beta * (rest - others) <= mine + beta * more,
        given=[here - there <= mine, rest - others <= more, beta > 0, beta <= 1],
        control=("half of it", 2 * (here - there) + 2 * beta * (rest - others) <= mine + beta * more),
        range="every number of agents, dates, resources and types (the first date against the rest; by induction)",
        complete=True,
        nontrivial=[mine > 0, more > 0, here > there, beta < 1],
        lift=lambda value: ONE,
    )

    def exactly(instance: Instance, share: Any = 1) -> bool:
        market, n = shared.Market.of(instance), instance["agent"] - 1
        least, report = market.least(n)
        paid = market.beta ** (market.dates - 1) * (market.unlinked(n) - least)
        return bool(paid <= share * market.contribution(n, report))

    yield exhaustive.check(
        exactly,
        grid=shared.markets(False)[6 :: 1 if run.full else 5],
        control=("half of it", lambda instance: exactly(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range="small markets, exact least uW, S^n at the report that attains it",
    )


@claim(
    paper="zhu2021",
    label="Lemma 6",
    part="formula",
    statement="""If, in addition, Property II. is also satisfied, then lW^n(mu) = max over mu^^n of
        sum_t beta^(t-T) p_t(mu) . [sum_i (mu^^_ti^n - mu_ti^n) theta_i 1(n > N(mu_t, i))].""",
    reading="""For all N, T, R, I, q, theta, beta, bounds, mu and n with Property I, and II as meant: each type is
        served entirely at every report or not at all, which the indicator says. By type the maximum puts T upper_i
        at the date with the largest beta^(t-T) p_t.theta_i among those served.""",
    hypotheses=[shared.in_bounds, shared.is_generic, shared.takes_prices, shared.takes_service],
    rests_on=["linked_vcg.lemma_1", "linked_vcg.beyond_the_paper_what_property_ii_says"],
    proof="""By duality v(q, M + x) = p.q + sum over types below the plane of (1 - p.theta_i) (M_i + x_i) at every
        report, as p is the same. Take off what he is served, x_i for types served, and w(x) = const - sum of
        p.theta_i x_i over types served: below the plane (1 - p.theta_i) x_i - x_i, on it 0 - x_i with p.theta_i =
        1, above it nothing is served.""",
    expected="proved",
)
def formula(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; the exact minimum and the engine on small agents."""
    import z3

    cost, x, y, others, served, alpha = z3.Reals("cost x y others served alpha")
    surplus = smt.positive_part(1 - cost)

    def left(report: Any) -> Any:
        """What the type adds to w at a report, by duality."""
        return surplus * (others + report) - z3.If(served == 1, report, 0)

    yield smt.prove(
        z3.And(
            alpha == surplus * (others + x) + cost * alpha,  # sums to v = sum (1 - p.theta_i)^+ (M_i + x_i) + p.q
            left(x) - left(y) == cost * (y - x) * served,
        ),
        given=[
            cost > 0, x >= 0, y >= 0, others >= 0, z3.Or(served == 0, served == 1),
            z3.Implies(cost < 1, served == 1), z3.Implies(cost > 1, served == 0),
            z3.Implies(cost < 1, alpha == others + x), z3.Implies(cost > 1, alpha == 0),  # linear at p
        ],
        control=("all types count", left(x) - left(y) == cost * (y - x)),
        range="every number of agents, dates, resources and types (type by type): duality, and what a type displaces",
        complete=True,
        nontrivial=[served == 1, x != y, others > 0, cost < 1],
        lift=lambda value: ONE,
    )  # fmt: skip
    best, at, most, report = z3.Reals("best cost_at most report")
    yield smt.prove(
        z3.And(at * report <= best * report, best * report <= best * most),
        given=[at >= 0, at <= best, report >= 0, report <= most],
        control=("at any date", best * report <= at * most),
        range="every number of dates and types (date by date): the maximum is T upper_i times the largest cost",
        complete=False,
        nontrivial=[at > 0, report > 0, report < most],
        lift=lambda value: ONE,
    )

    def equal(instance: Instance, factor: Any = 1) -> bool:
        market, n = shared.Market.of(instance), instance["agent"] - 1
        return bool(factor * displaced(instance) == market.linked(n))

    yield exhaustive.check(
        equal,
        grid=small_agents(run.full),
        control=("half of it", lambda instance: equal(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range="small agents: the formula against the exact minimum over all pieces",
    )
    yield exhaustive.check(
        engine,
        grid=small_agents(run.full),
        control=("half of it", lambda instance: engine(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range="small agents: the engine's exact closed form, and its tests of Properties I and II",
    )


def engine(instance: Instance, factor: Any = 1) -> bool:
    """Whether the engine finds Properties I and II and pays what the formula says."""
    import numpy as np

    from mechopt.mechanisms.linked_vcg import Environment, run

    market, n = shared.Market.of(instance), instance["agent"] - 1
    data = (market.stock, market.types, market.reports, market.lower, market.upper)
    stock, types, reports, low, high = (np.array(value, dtype=object) for value in data)
    world = Environment(
        stock=stock, types=types, endowments=reports, lower=low, upper=high, discount=market.beta, arithmetic="exact"
    )
    table = run(world).tables["agents"]
    return bool(
        table["price_invariant"][n]
        and table["served_invariant"][n]
        and table["method"][n] == "price_taking"
        and table["linked_transfer"][n] == factor * displaced(instance)
    )
