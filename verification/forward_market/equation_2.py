"""Equation (2): the budget surplus of the VCG mechanism."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
profiles = catalog.beside(__file__, "_profiles")
TYPES, GRID, RANGE, profile, instead = profiles.TYPES, profiles.GRID, profiles.RANGE, profiles.profile, profiles.instead


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
