"""Corollary 2: with constant prices an agent is paid at most what his contributions can vary; a step of its proof."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def constant_prices(instance: Instance) -> bool:
    """beta = 1, and the price is the same at every date."""
    market, n = shared.Market.of(instance), instance["agent"] - 1
    prices = {market.at(n, t, market.reports[n][t])[2].price for t in range(market.dates)}
    return bool(market.beta == 1 and len(prices) == 1)


def queues(full: bool) -> list[dict[str, Any]]:
    """R = 1, agent 1 behind agent 2 who may block him at some dates; plenty of stock, so that the price is constant."""
    found: list[dict[str, Any]] = []
    lowest = (Fraction(0), Fraction(1, 2), Fraction(1))
    for first, second, ahead, lower in product((0, 1, 2), (0, 2), (0, 40), lowest):
        for kind in (0, 1) if full else (0,):
            rows = [[first, 0], [second, 0]] if kind == 0 else [[0, first], [0, second]]
            mean = Fraction(first + second, 2)
            low, high = ([value, 0] if kind == 0 else [0, value] for value in (min(lower, mean), mean + lower))
            block = [[0, 0], [ahead, 0]]
            found.append(
                {
                    **{"stock": [20], "types": [[1], [Fraction(1, 2)]], "reports": [rows, block], "agent": 1},
                    **{"lower": [low, [0, 0]], "upper": [high, [ahead, 0]], "discount": 1},
                }
            )
    return found


def range_of_contributions(instance: Instance) -> tuple[Fraction, Fraction]:
    """max S^n and min S^n over reports in the bounds, given Properties I and II and beta = 1: type by type."""
    market, n = shared.Market.of(instance), instance["agent"] - 1
    most = least = Fraction(0)
    for i in market.kinds:
        served = [market.always_served(n, t, i) for t in range(market.dates)]
        most += market.dates * market.upper[n][i] if any(served) else 0
        least += market.dates * market.lower[n][i] if all(served) else 0
    return most, least


@claim(
    paper="zhu2021",
    label="Corollary 2",
    statement="""Suppose beta = 1 and p(mu) = p 1 for some p. If Properties I. and II. are satisfied, then lW^n(mu)
        <= max S^n(mu^-n, mu^^n) - min S^n(mu^-n, mu^^n), both over mu^^n in Omega^n(T, mu-lower, mu-upper).""",
    reading="""For all N, T, R, I, q, theta, bounds, mu and n with beta = 1, constant price, Property I, and II as
        meant (so that each type is served at fixed dates).""",
    hypotheses=[shared.in_bounds, shared.is_generic, constant_prices, shared.takes_prices, shared.takes_service],
    rests_on=["linked_vcg.lemma_6_formula"],
    proof="""By type, with c = p.theta_i <= 1 where served: lW has c (T upper - served reports) if some date serves
        it, else 0; max S has T upper if some date does, min S has T lower if all do, else 0, as the rest can move
        to a date that does not. If all do, the served reports are at least T lower.""",
    expected="proved",
)
def corollary(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; exact transfers on small markets."""
    import z3

    cost, low, high, spent, some, every = z3.Reals("cost low high spent some every")
    paid = z3.If(some == 1, cost * (high - spent), 0)
    spread = z3.If(some == 1, high, 0) - z3.If(every == 1, low, 0)
    yield smt.prove(
        paid <= spread,
        given=[
            cost > 0, z3.Implies(some == 1, cost <= 1), low >= 0, low <= high, spent >= 0, spent <= high,
            z3.Or(some == 0, some == 1), z3.Or(every == 0, every == 1), every <= some,
            z3.Implies(every == 1, spent >= low), z3.Implies(some == 0, spent == 0),
        ],
        control=("as in the printed proof", paid <= z3.If(some == 1, high - low, 0)),
        range="every number of agents, dates, resources and types (type by type; sums over dates)",
        complete=True,
        nontrivial=[low > 0, high > low, spent > low, every == 1, cost < 1],
        lift=lambda value: {
            **{"stock": [10], "types": [[2], [1]], "reports": [[[0, 1], [0, 2]]], "agent": 1, "discount": 1},
            **{"lower": [[0, 1]], "upper": [[0, 2]]},
        },
    )  # fmt: skip

    def within(instance: Instance, share: Any = 1) -> bool:
        market, n = shared.Market.of(instance), instance["agent"] - 1
        most, least = range_of_contributions(instance)
        found = [market.contribution(n, report) for report in market.concentrated(n)]
        return bool(market.linked(n) <= share * (most - least)) and max(found) == most and min(found) == least

    yield exhaustive.check(
        within,
        grid=queues(run.full),
        control=("half of it", lambda instance: within(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range="R = 1, two agents, T = 2, blocked at a date and not; max and min S^n also over the corner reports",
    )


def blocked(instance: Instance) -> bool:
    """R = 1, N = T = 2, theta = (1, 1/2), beta = 1: type-1 reports of agent 1, and of agent 2, who is served first."""
    rows, ahead, stock = instance["reports"], instance["ahead"], instance["stock"]
    if not (len(rows) == len(ahead) == 2 and min(*rows, *ahead) >= 0 and 0 <= instance["lower"] <= instance["upper"]):
        return False
    total = sum(rows)
    inside = 2 * instance["lower"] <= total <= 2 * instance["upper"]
    free = [x + 2 * instance["upper"] < stock or x >= stock for x in ahead]  # never partly blocked: Property II
    return inside and stock > 0 and all(free)


def by_hand(instance: Instance) -> tuple[Fraction, Fraction]:
    """What is paid at least (all of the budget where he is served), and the printed proof's middle bound."""
    most, ahead = 2 * Fraction(instance["upper"]), instance["ahead"]
    served = [x < instance["stock"] for x in ahead]
    spent = sum((Fraction(x) for x, free in zip(instance["reports"], served, strict=True) if free), Fraction(0))
    paid = most - spent if any(served) else Fraction(0)
    return paid, 2 * Fraction(instance["upper"] - instance["lower"])


def replay(instance: Instance) -> str | None:
    """By hand, the stock filled at each date."""
    paid, middle = by_hand(instance)
    if paid <= middle:
        return None
    stock, lines = instance["stock"], []
    needs = [1, Fraction(1, 2)]
    before = Fraction(0)
    for t, (own, block) in enumerate(zip(instance["reports"], instance["ahead"], strict=True), 1):
        served, plain = shared.fill(stock, needs, [[own, 0], [block, 0]])
        before += sum(served[1]) + plain
        lines.append(f"date {t}: agent 2 is served {served[1][0]}, agent 1 {served[0][0]}, the principal {plain}")
    free = next(t for t, block in enumerate(instance["ahead"]) if block < stock)
    moved = [2 * instance["upper"] if t == free else 0 for t in range(2)]
    after = Fraction(0)
    for own, block in zip(moved, instance["ahead"], strict=True):
        served, plain = shared.fill(stock, needs, [[own, 0], [block, 0]])
        after += sum(served[1]) + plain
    return "\n".join(
        [
            *lines,
            f"the others get {before}; with agent 1's whole budget reported at date {free + 1} they get {after}",
            f"so lW is at least {before - after} (p = 1 throughout), but sum T (upper - lower) = {middle}",
        ]
    )


@claim(
    paper="zhu2021",
    label="Corollary 2",
    part="a step of its proof",
    statement="""lW^n(mu) = p . [sum_i (T upper_i - sum_t mu_ti) theta_i 1(N > n)] <= sum_i (T upper_i - T lower_i)
        1(N > n) = max S^n - min S^n.""",
    reading="""For all markets as in Corollary 2, with 1 for "served at some date": lW^n <= sum_i T (upper_i -
        lower_i). (The printed indicator, N > n, has to be n > N, and it depends on the date.) Here R = 1, N = T =
        2, theta = (1, 1/2).""",
    hypotheses=[blocked],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.corollary_2",
)
def middle(run: Run) -> Evidence:
    """Exact transfers where agent 2 blocks agent 1 at a date."""

    def below(instance: Instance, share: int = 1) -> bool:
        market = shared.Market.of(
            {
                **{"stock": [instance["stock"]], "types": [[1], [Fraction(1, 2)]], "discount": 1},
                "reports": [[[x, 0] for x in instance["reports"]], [[x, 0] for x in instance["ahead"]]],
                "lower": [[instance["lower"], 0], [0, 0]],
                "upper": [[instance["upper"], 0], [max(instance["ahead"]), 0]],
            }
        )
        least = min(market.unlinked(0, report) for report in market.concentrated(0))
        return bool(market.unlinked(0) - least <= share * 2 * (instance["upper"] - instance["lower"]))

    return exhaustive.check(
        below,
        grid=exhaustive.Grid(
            agents=(2,),
            each={"reports": [0, 1, 2], "ahead": [0, 20]},
            scalars={"stock": [10], "lower": [0, 1], "upper": [1, 2]},
        ),
        control=("nothing is paid", lambda instance: below(instance, 0)),
        hypotheses=run.hypotheses,
    )
