"""Equation (2): the budget surplus of the VCG mechanism, and equations (6) and (7), the steps of Proposition 1."""

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")

TYPES = [Fraction(0), Fraction(1, 2), Fraction(1)]


def profile(instance: Instance) -> bool:
    """Each agent has a type, a worst-off type and a holding, all nonnegative; the holdings sum to 1."""
    rows = [instance[name] for name in ("types", "worst", "holding")]
    whole = all(len(row) == len(instance["demand"]) and min(row) >= 0 for row in rows)
    return whole and sum(instance["holding"]) == 1


GRID = [
    {"demand": list(k), "types": list(t), "worst": list(w), "holding": [Fraction(1, 4), Fraction(3, 4)]}
    for k in itertools.product([Fraction(1, 2), Fraction(3, 4), 1], repeat=2)
    for t in itertools.product(TYPES, repeat=2)
    for w in itertools.product(TYPES, repeat=2)
]
RANGE = "2 agents, demand in {1/2, 3/4, 1}, types and worst-off types in {0, 1/2, 1}, holdings (1/4, 3/4)"


def instead(types: Sequence[Any], agent: int, value: Any) -> list[Any]:
    """The profile with one agent's type replaced."""
    return [value if i == agent else t for i, t in enumerate(types)]


def transfer(instance: Instance, agent: int, report: Any, extra: int = 0) -> Fraction:
    """T_i at a report, the others telling the truth."""
    demand, types = instance["demand"], instance["types"]
    worst = instance["worst"][agent]
    welfare, given = market.efficient(demand, instead(types, agent, report))
    at_worst = market.efficient(demand, instead(types, agent, worst))[0]
    outside = min(Fraction(instance["holding"][agent]), Fraction(demand[agent])) * worst
    return Fraction(given[agent] * report - welfare + at_worst - outside + extra * report)


def dominant(instance: Instance, extra: int = 0) -> bool:
    """Nobody gains from another report, and the transfers sum to (2)."""
    demand, types, worst = instance["demand"], instance["types"], instance["worst"]
    agents = range(len(demand))
    for i in agents:
        utility = {}
        for report in [types[i], *TYPES]:
            share = market.efficient(demand, instead(types, i, report))[1][i]
            utility[report] = types[i] * share - transfer(instance, i, report, extra)
        if max(utility.values()) > utility[types[i]]:
            return False
    welfare = market.efficient(demand, types)[0]
    printed = (
        sum(market.efficient(demand, instead(types, i, worst[i]))[0] for i in agents)
        - (len(demand) - 1) * welfare
        - sum(min(instance["holding"][i], demand[i]) * worst[i] for i in agents)
    )
    return bool(printed == sum(transfer(instance, i, types[i], extra) for i in agents) - extra * sum(types))


@claim(
    paper="liu2020",
    label="Equation (2)",
    statement="Pi(theta, r) = sum_i W(hat_i, theta_-i) - (n - 1) W(theta) - sum_i min{r_i, k_i} hat_i",
    reading="""For every n, all k, types, holdings and any types hat_i: the transfers T_i = Q_i theta_i - W + h_i with
        h_i = W(hat_i, theta_-i) - min(r_i, k_i) hat_i sum to that, and telling the truth is a dominant strategy.""",
    hypotheses=[market.scarce, profile],
    proof="""The values Q_i theta_i add up to W. With a report z agent i gets the value at the true types of the
        allocation that is efficient for z, less h_i: at most W(theta) - h_i, which the truth gives.""",
    expected="proved",
)
def surplus(run: Run) -> Iterator[Evidence]:
    """Sums over any number of agents by Z3; two agents in full on a grid."""
    import z3

    agents, welfare, shares, at_worst, outside = z3.Reals("agents welfare shares at_worst outside")
    lied, report, share_lied, truth, others, own = z3.Reals("lied report share_lied truth others own")
    total = shares - agents * welfare + at_worst - outside  # the sum of the T_i
    lie = truth * share_lied - (share_lied * report - lied - own)  # utility with h_i = -own
    honest = welfare + own
    yield smt.prove(
        z3.And(total == at_worst - (agents - 1) * welfare - outside, lie <= honest),
        given=[
            z3.And(agents >= 2, shares == welfare),
            lied == report * share_lied + others,
            welfare >= truth * share_lied + others,
        ],
        control=("with n W in place of (n - 1) W", total == at_worst - agents * welfare - outside),
        range="every number of agents, all demands, types and holdings: sums over agents; any report of one agent",
        complete=True,
        nontrivial=[welfare > 0, truth != report],
        lift=lambda value: {"demand": [Fraction(1, 2), 1], "types": [3, 2], "worst": [2, 4],
                            "holding": [Fraction(1, 4), Fraction(3, 4)]},
    )  # fmt: skip
    yield exhaustive.check(
        dominant,
        grid=GRID,
        control=("who reports more pays more besides", lambda i: dominant(i, 1)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


def loss(instance: Instance, factor: int = 1) -> bool:
    """(6) for every agent, with factor 1."""
    demand, types = instance["demand"], instance["types"]
    welfare, given = market.efficient(demand, types)
    return all(
        factor * (welfare - market.efficient(demand, instead(types, i, hat))[0]) <= (types[i] - hat) * given[i]
        for i, hat in enumerate(instance["worst"])
    )


@claim(
    paper="liu2020",
    label="Equation (6)",
    statement="W(theta) - W(hat, theta_-i) <= (theta_i - hat) Q_i(theta)",
    reading="For every n, all k, all types and every hat.",
    hypotheses=[market.scarce, profile],
    proof="The allocation Q(theta) is feasible at (hat, theta_-i) and is worth W(theta) + (hat - theta_i) Q_i there.",
    expected="proved",
)
def bound(run: Run) -> Iterator[Evidence]:
    """One agent against the sum of the others by Z3; two agents on a grid."""
    import z3

    welfare, instead_of, theta, hat, share, rest = z3.Reals("welfare instead_of theta hat share rest")
    yield smt.prove(
        welfare - instead_of <= (theta - hat) * share,
        given=[welfare == theta * share + rest, instead_of >= hat * share + rest, share >= 0, share <= 1],
        control=("with equality", welfare - instead_of == (theta - hat) * share),
        range="every number of agents, all demands and types: one agent, the others as a sum",
        complete=True,
        nontrivial=[share > 0],
        lift=lambda value: GRID[-1],
    )
    yield exhaustive.check(
        loss,
        grid=GRID,
        control=("twice the loss", lambda i: loss(i, 2)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


def common(instance: Instance) -> bool:
    """All agents have the same worst-off type."""
    return len(set(instance["worst"])) == 1


def summed(instance: Instance, less: int = 0) -> bool:
    """(7)."""
    demand, types, hat = instance["demand"], instance["types"], instance["worst"][0]
    welfare = market.efficient(demand, types)[0]
    left = sum(welfare - market.efficient(demand, instead(types, i, hat))[0] for i in range(len(demand)))
    return bool(left <= welfare - hat - less)


@claim(
    paper="liu2020",
    label="Equation (7)",
    statement="sum_i (W(theta) - W(hat, theta_-i)) <= W(theta) - hat",
    reading="For every n, all k with scarcity, all types >= 0 and one hat for all agents.",
    hypotheses=[market.scarce, profile, common],
    proof="Sum (6); with scarcity the efficient shares can be taken to sum to 1.",
    rests_on=["forward_market.equation_6"],
    expected="proved",
)
def sum_of_bounds(run: Run) -> Iterator[Evidence]:
    """The sum by Z3, with two agents' shares or one and the sum of the others; a grid."""
    import z3

    left, values, shares, hat, welfare = z3.Reals("left values shares hat welfare")
    yield smt.prove(
        left <= welfare - hat,
        given=[left <= values - hat * shares, values == welfare, shares == 1],
        control=("when not all is given out", left < welfare - hat),
        range="every number of agents, all demands and types: the sums over agents of both sides of (6)",
        complete=True,
        nontrivial=[hat > 0, welfare > 0],
        lift=lambda value: GRID[-1],
    )
    yield exhaustive.check(
        summed,
        grid=GRID,
        control=("by more than 1/2 less", lambda i: summed(i, 1)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )
