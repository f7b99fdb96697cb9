"""Proposition 10: who corners the market, where the lowest type matters."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


def cornered(instance: Instance, agent: int) -> Fraction:
    """Pi where one agent holds everything: his worst-off type is the highest, the others' the lowest."""
    return Fraction(market.Spot.of(instance).surplus([int(i == agent) for i in range(len(instance["demand"]))])[0])


def boundary_is_optimal(instance: Instance) -> bool:
    """Some agent holding everything gives a larger surplus than r*."""
    spot = market.Spot.of(instance)
    star = spot.surplus([low for low, _ in spot.star()])[1]
    return max(cornered(instance, i) for i in spot.agents) > star + Fraction(1, 2**20)


def replay(instance: Instance) -> str | None:
    """Two agents: E W by hand from the means of the types and of the larger one, one owner at a time."""
    if len(instance["demand"]) != 2:
        return None
    k, p, low = (
        list(map(Fraction, instance["demand"])),
        list(map(Fraction, instance["power"])),
        Fraction(instance["low"]),
    )
    b, mean, largest = sum(k) - 1, [low + x / (x + 1) for x in p], low + sum(p) / (sum(p) + 1)
    high, money, distance = low + 1, [], []
    for i in (0, 1):
        j = 1 - i
        served_first = k[i] * high + (1 - k[i]) * mean[j]  # E W(high, theta_j)
        served_last = k[i] * mean[i] + (1 - k[i]) * low  # E W(theta_i, low)
        welfare = (1 - k[1]) * mean[0] + (1 - k[0]) * mean[1] + b * largest
        money.append(served_first + served_last - welfare - k[i] * high)
        distance.append(b - b / (p[j] + 1))  # the integral of k_i - q_i, q_i = 1 - k_j + b u^p_j
    chosen = 0 if distance[0] < distance[1] else 1
    if distance[0] == distance[1] or money[chosen] >= money[1 - chosen]:
        return None
    return (
        f"distances {distance[0]} and {distance[1]}: i* is agent {chosen + 1}; "
        f"if he holds everything the spot market earns {money[chosen]}\n"
        f"if agent {2 - chosen} holds everything it earns {money[1 - chosen]}: more"
    )


@claim(
    paper="liu2020",
    label="Proposition 10",
    statement="""If a boundary solution is optimal, agent i* in arg min of the integral of (k_i - q_i) corners the
        market, and r_j in [0, max{0, 1 - sum_{l != j} k_l}] for all others.""",
    reading="""For every market with low >= 0 in which some corner beats r*: the surplus where some agent i* of the arg
        min holds everything is at least that where any other agent does, and it is attained by all r_j in the given
        range.""",
    hypotheses=[market.scarce, market.laws, boundary_is_optimal],
    replay=replay,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.proposition_10_corrected",
)
def printed(run: Run) -> Evidence:
    """All corners of the exact market."""

    def best(instance: Instance, margin: int = 0) -> bool:
        values = [cornered(instance, i) for i in range(len(instance["demand"]))]
        return max(values[i] for i in market.least(instance, False)) >= max(values) + margin

    return exhaustive.check(
        best,
        grid=market.markets(held=False),
        control=("by 1 more", lambda i: best(i, 1)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )


def others_hold(instance: Instance) -> list[Fraction]:
    """Each other agent at the upper end of his range, the one with the least corrected criterion the rest."""
    demand = list(map(Fraction, instance["demand"]))
    owner = market.least(instance, True)[0]
    held = [max(Fraction(0), 1 - sum(demand) + k) for k in demand]
    held[owner] = 1 - sum((r for i, r in enumerate(held) if i != owner), Fraction(0))
    return held


def replay_others(instance: Instance) -> str | None:
    """Two agents: the criterion in closed form, and what the other one's lowest type is paid for nothing."""
    if len(instance["demand"]) != 2:
        return None
    k, p, low = list(map(Fraction, instance["demand"])), instance["power"], Fraction(instance["low"])
    b = sum(k) - 1  # q_i = 1 - k_j + b u^p_j
    distance = [b - b / (p[1 - i] + Fraction(1)) + low * k[i] for i in (0, 1)]
    owner = 0 if distance[0] <= distance[1] else 1
    held = 1 - k[owner]  # so the owner has k, which is as good as everything, and the other q(low)
    cost = held * low
    if cost <= 0:
        return None
    return (
        f"agent {owner + 1} corners and the others hold {held}, which is what they get with the lowest type\n"
        f"their worst-off type is still {low}, and it is owed {cost} in all: that much less than if they held nothing"
    )


def free_holdings(instance: Instance, extra: int = 0) -> bool:
    """The surplus with the others at the upper ends of their ranges is that where they hold nothing."""
    spot = market.Spot.of(instance)
    return bool(spot.surplus(others_hold(instance))[1] >= cornered(instance, market.least(instance, True)[0]) + extra)


@claim(
    paper="liu2020",
    label="Proposition 10",
    part="what the others may hold",
    statement="... and for all j other than i*, r_j in [0, max{0, 1 - sum_{l != j} k_l}].",
    reading="""For every market with low >= 0, with the agent of the corrected criterion as i*: the upper ends of these
        ranges lose nothing against r_j = 0.""",
    hypotheses=[market.scarce, market.laws],
    replay=replay_others,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.proposition_10_corrected",
)
def others_range(run: Run) -> Evidence:
    """The exact market."""
    return exhaustive.check(
        free_holdings,
        grid=market.markets(held=False),
        control=("by 1 more", lambda i: free_holdings(i, 1)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )


def cornering(instance: Instance) -> bool:
    """Some agent holds at least his maximum demand."""
    return any(r >= k for r, k in zip(instance["holding"], instance["demand"], strict=True))


@claim(
    paper="liu2020",
    label="Proposition 10",
    part="corrected",
    statement="""Among holdings with some r_i >= k_i the surplus is largest where the agent with the least integral of
        (k_i - q_i) + low k_i holds everything. If low > 0 the others hold nothing; if low = 0 they may hold up to
        q_j(low), and the criterion is the printed one.""",
    reading="For every n, all markets with low >= 0 and all holdings with some r_i >= k_i.",
    hypotheses=[market.scarce, market.laws, market.holdings, cornering],
    proof="""Agent i's term is the integral of q_i less high k_i if r_i >= k_i. Every other agent's is the least over t
        of the integral of q_j up to t less t min(r_j, k_j): at most -low min(r_j, k_j), by t = low. With r_j = 0 it is
        0.""",
    rests_on=["forward_market.equation_11"],
    expected="proved",
)
def corrected(run: Run) -> Iterator[Evidence]:
    """One agent with r_i >= k_i and the sum of the others by Z3; holdings of the exact market."""
    import z3

    own, rest, low, used, cost, least_cost = z3.Reals("own rest low used cost least_cost")
    yield smt.prove(
        z3.And(
            own + rest <= -least_cost,
            z3.Implies(z3.And(low > 0, own + rest == -least_cost), used == 0),
        ),
        given=[z3.And(own == -cost, cost >= least_cost, low >= 0, used >= 0, rest <= -low * used)],
        control=("with low = 0 the others hold nothing either", z3.Implies(own + rest == -least_cost, used == 0)),
        range="every number of agents, all markets: an agent who corners and the sum of the others",
        complete=True,
        nontrivial=[low > 0, used > 0],
        lift=market.example(holding=[Fraction(5, 6), Fraction(1, 6), 0]),
    )

    def best(instance: Instance, with_low: bool = True) -> bool:
        held = instance["holding"]
        low, _ = market.Spot.of(instance).surplus(held)
        top = cornered(instance, market.least(instance, with_low)[0])
        others = any(r > 0 and r < k for r, k in zip(held, instance["demand"], strict=True))
        return bool(low <= top and not (others and instance["low"] > 0 and low == top))

    yield exhaustive.check(
        best,
        grid=market.markets(),
        control=("the printed criterion", lambda i: best(i, False)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
