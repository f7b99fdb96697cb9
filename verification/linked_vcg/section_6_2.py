"""Section 6.2: the geometric algorithm for the transfer to an agent who takes prices as given."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def budget(instance: Instance) -> bool:
    """One type: costs beta^(t-T) p_t . theta_i > 0 by date, the dates at which it is served; 0 <= lower <= upper."""
    costs, served = instance["cost"], instance["served"]
    marks = len(costs) == len(served) and all(mark in (0, 1) for mark in served)
    return marks and min(costs) > 0 and 0 <= instance["lower"] <= instance["upper"]


def placed(instance: Instance) -> list[Fraction]:
    """mu~: the whole budget at the first best date among those that serve it."""
    costs = [c if mark else 0 for c, mark in zip(instance["cost"], instance["served"], strict=True)]
    best = costs.index(max(costs))
    return [Fraction(len(costs) * instance["upper"] if t == best else 0) for t in range(len(costs))]


def gain(instance: Instance, report: Any) -> Any:
    """What the report displaces."""
    rows = zip(instance["cost"], instance["served"], report, strict=True)
    return sum(cost * x for cost, mark, x in rows if mark)


@claim(
    paper="zhu2021",
    label="Section 6.2",
    part="the whole budget at the best date",
    statement="""It is evident that mu~^n is in the argmax over mu^^n in Omega^n(T, mu-lower, mu-upper) of
        sum_t beta^(t-T) p_t(mu) . [sum_i (mu^^_ti - mu_ti) theta_i 1(n > N(mu_t, i))].""",
    reading="""For all T, costs, dates of service and 0 <= lower <= upper, type by type: T upper at one of the best
        dates among those that serve the type (at any date where none does) keeps the bounds, and no report that
        keeps them displaces more.""",
    hypotheses=[budget],
    proof="Each project displaces at most the largest cost, and there are at most T upper of them.",
    expected="proved",
)
def best_date(run: Run) -> Iterator[Evidence]:
    """One date against the rest by Z3; all reports in halves on a grid."""
    import z3

    best, cost, x, rest, moved, most = z3.Reals("best cost x rest moved most")
    yield smt.prove(
        cost * x + moved <= best * most,
        given=[cost >= 0, cost <= best, x >= 0, rest >= 0, moved <= best * rest, x + rest <= most],
        control=("even at half the budget", 2 * (cost * x + moved) <= best * most),
        range="every number of dates and types (one date against the rest, by induction)",
        complete=True,
        nontrivial=[cost > 0, x > 0, rest > 0, cost < best],
        lift=lambda value: {
            **{"cost": [value["cost"] + 1, value["best"] + 1], "served": [1, 1]},
            **{"lower": 0, "upper": value["most"] / 2},
        },
    )

    def largest(instance: Instance, factor: Any = 1) -> bool:
        dates, total = len(instance["cost"]), len(instance["cost"]) * Fraction(instance["upper"])
        grid = product([total * Fraction(part, 2) for part in range(3)], repeat=dates)
        inside = [x for x in grid if dates * instance["lower"] <= sum(x) <= total]
        report = placed(instance)
        return dates * instance["lower"] <= sum(report) <= total and all(
            gain(instance, x) <= factor * gain(instance, report) for x in inside
        )

    yield exhaustive.check(
        largest,
        grid=exhaustive.Grid(
            agents=(1, 2, 3), each={"cost": [1, 2, 3], "served": [0, 1]}, scalars={"lower": [0, 1], "upper": [1, 2]}
        ),
        control=("half of it", lambda instance: largest(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
    )


def rays(instance: Instance) -> bool:
    """R = 2: prices p_t > 0 by date, a type theta != 0, 0 < discount <= 1, the dates that enclose it (at least one)."""
    positive = all(min(p) > 0 for p in instance["price"]) and min(instance["type"]) >= 0 < max(instance["type"])
    marks = len(instance["price"]) == len(instance["encloses"]) and any(instance["encloses"])
    return positive and marks and 0 < instance["discount"] <= 1


def touched_first(instance: Instance) -> list[int]:
    """Where the ray {s theta} meets {x | beta^(t-1) p_t . x = 1}, walked: the enclosing dates with the smallest s."""
    beta, distances = Fraction(instance["discount"]), {}
    for t, price in enumerate(instance["price"]):
        if instance["encloses"][t]:
            scaled = [beta**t * p for p in price]
            distances[t] = 1 / sum(p * x for p, x in zip(scaled, instance["type"], strict=True))
    return [t for t, s in distances.items() if s == min(distances.values())]


def costliest(instance: Instance) -> list[int]:
    """tau: argmax of beta^(t-T) p_t . theta among the enclosing dates."""
    beta, last = Fraction(instance["discount"]), len(instance["price"]) - 1
    costs = {
        t: beta ** (t - last) * sum(p * x for p, x in zip(price, instance["type"], strict=True))
        for t, price in enumerate(instance["price"])
        if instance["encloses"][t]
    }
    return [t for t, c in costs.items() if c == max(costs.values())]


@claim(
    paper="zhu2021",
    label="Section 6.2",
    part="the algorithm",
    statement="""For each theta_i, consider the ray going through theta_i. Let {H_t} be the set of enclosing
        hyperplanes that the ray touches first: these are tau(theta_i). If beta < 1, redo it with {x | beta^(t-1)
        p_t(mu) . x = 1}.""",
    reading="""For all R, T, beta in (0, 1], prices p_t > 0 and types, and every set of enclosing dates that is not
        empty: the dates whose (scaled) hyperplanes the ray meets at the smallest multiple of theta_i are the argmax
        of beta^(t-T) p_t.theta_i. beta^(t-1) instead of beta^(t-T) changes all by the same factor.""",
    hypotheses=[rays],
    proof="""The ray s theta meets {beta^(t-1) p_t.x = 1} at s = 1 / (beta^(t-1) p_t.theta): smallest where the cost
        is largest.""",
    expected="proved",
)
def algorithm(run: Run) -> Iterator[Evidence]:
    """Two dates by Z3; rays walked on a grid; the engine's algorithm on small agents."""
    import z3

    one, two, early, late, s, r, factor = z3.Reals("cost_1 cost_2 weight_1 weight_2 s_1 s_2 factor")
    yield smt.prove(
        z3.And(
            (s < r) == (factor * early * one > factor * late * two),
            (s == r) == (factor * early * one == factor * late * two),
        ),
        given=[
            one > 0, two > 0, early > 0, late > 0, factor > 0,  # weights beta^(t-1), factor beta^(1-T)
            early * one * s == 1, late * two * r == 1,
        ],
        control=("without the discount", (s < r) == (one > two)),
        range="every number of resources, dates and types (two dates at a time), every beta",
        complete=True,
        nontrivial=[early > late, one < two],
        lift=lambda value: {
            **{"price": [[1, 1], [2, 1]], "type": [1, 1], "encloses": [1, 1]},
            "discount": Fraction(1, 2),
        },
    )  # fmt: skip
    prices = [[Fraction(1, 4), Fraction(1, 3)], [Fraction(1, 2), Fraction(1, 6)], [Fraction(1, 3), Fraction(1, 4)]]
    yield exhaustive.check(
        lambda instance: touched_first(instance) == costliest(instance),
        grid=[
            {"price": list(chosen), "type": list(needs), "encloses": list(marks), "discount": beta}
            for chosen in product(prices, repeat=3)
            for needs in ((1, 1), (0, 2), (2, 1), (1, 2))
            for marks in ((1, 1, 1), (0, 1, 1), (1, 0, 1))
            for beta in (1, Fraction(1, 2), Fraction(2, 3))
        ],
        control=("the last touched", lambda instance: touched_first(instance)[::-1] == costliest(instance)[:1]),
        hypotheses=run.hypotheses,
        range="R = 2, T = 3, prices with ties, three discounts",
    )
    lemma = catalog.beside(__file__, "lemma_6")

    def engine(instance: Instance, factor: Any = 1) -> bool:
        import numpy as np

        from mechopt.mechanisms.linked_vcg import Environment
        from mechopt.mechanisms.linked_vcg.geometry import linked_by_geometry

        market, n = shared.Market.of(instance["market"]), instance["market"]["agent"] - 1
        data = (market.stock, market.types, market.reports, market.lower, market.upper)
        stock, types, reports, low, high = (np.array(value, dtype=object) for value in data)
        world = Environment(
            stock=stock,
            types=types,
            endowments=reports,
            lower=low,
            upper=high,
            discount=market.beta,
            arithmetic="exact",
        )
        return bool(linked_by_geometry(world, n).transfer == factor * lemma.displaced(instance["market"]))

    yield exhaustive.check(
        engine,
        grid=[
            {"price": [[1, 1]], "type": [1, 1], "encloses": [1], "discount": 1, "market": market}
            for market in lemma.small_agents(run.full)
            if shared.takes_prices(market) and shared.takes_service(market)
        ],
        control=("half of it", lambda instance: engine(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range="small agents: the transfer by the engine's algorithm against the formula of Lemma 6",
    )


def linear_type(instance: Instance) -> bool:
    """One type at a linear investment: cost p . theta_i > 0, alpha_i within the supply; what is ahead of agent n."""
    cost, alpha, most = instance["cost"], instance["alpha"], instance["supply"]
    return cost > 0 and 0 <= alpha <= most and (cost >= 1 or alpha == most) and (cost <= 1 or alpha == 0)


@claim(
    paper="zhu2021",
    label="Section 6.2",
    part="enclosed types lie on or below",
    statement="""H_t encloses theta_i if n > N(mu_t, i). Geometrically, if H_t encloses theta_i, then theta_i must
        lie on or below H_t.""",
    reading="""For all markets, n, t and i: n > N(mu_t, i) implies p_t.theta_i <= 1. (Not the other way round: a
        type on the plane need not be enclosed.)""",
    hypotheses=[linear_type],
    rests_on=["linked_vcg.lemma_1", "linked_vcg.section_4_the_index_n"],
    proof="n > N means alpha_i > 0, by the definition of N, and linear investments have alpha_i = 0 above the plane.",
    expected="proved",
)
def enclosed(run: Run) -> Iterator[Evidence]:
    """By Z3; on a grid."""
    import z3

    cost, alpha, most, above, n, at = z3.Reals("cost alpha supply above n N")
    yield smt.prove(
        z3.Implies(n > at, cost <= 1),
        given=[
            cost > 0, alpha >= 0, alpha <= most, z3.Implies(cost < 1, alpha == most), z3.Implies(cost > 1, alpha == 0),
            above >= 0, z3.Implies(n > at, alpha > above),  # alpha = 0 sets N to the largest index
        ],
        control=("and below", z3.Implies(n > at, cost < 1)),
        range="every market (type by type)",
        complete=True,
        nontrivial=[n > at, alpha > 0],
        lift=lambda value: {"cost": value["cost"], "alpha": value["alpha"], "supply": value["supply"]},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: instance["alpha"] == 0 or instance["cost"] <= 1,
        grid=exhaustive.Grid(
            scalars={"cost": [Fraction(1, 2), 1, 2], "alpha": [0, 1, 2], "supply": [1, 2]},
        ),
        control=("below", lambda instance: instance["alpha"] == 0 or instance["cost"] < 1),
        hypotheses=run.hypotheses,
    )
