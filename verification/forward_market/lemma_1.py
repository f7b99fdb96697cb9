"""Lemma 1: the worst-off type is the least type that expects at least its holding."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")

POINTS = [Fraction(k, 8) for k in range(9)]


def minimal(instance: Instance, share: Fraction = Fraction(1)) -> bool:
    """The payoff net of the outside option is least at the claimed type, and larger below it."""
    spot = market.Spot.of(instance)
    for agent in spot.agents:
        amount = min(Fraction(instance["holding"][agent]), spot.demand[agent])
        q = market.interim(spot, agent)
        area = market.integral(q)
        low, high = market.root(q, share * amount)
        net = {u: market.at(area, u) - amount * u for u in (*POINTS, low, high)}
        slack = (high - low) * amount  # what the unknown place between low and high can hide
        if any(net[u] < net[high] - slack or (u < low and net[u] <= net[high] - slack) for u in POINTS):
            return False
    return True


@claim(
    paper="liu2020",
    label="Lemma 1",
    statement="Given r_i, hat theta_i(r_i) = min{theta | q_i(theta) >= min{r_i, k_i}}.",
    reading="""For every incentive compatible mechanism with the efficient interim allocation q_i (continuous and
        nondecreasing), the interim payoff net of min(r_i, k_i) theta is least at that type, and strictly larger at
        every smaller type. The least of several minimisers is meant where q_i is flat at the holding.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""Incentive compatibility gives U(theta) >= U(hat) + (theta - hat) q(hat). So the net payoff differs by at
        least (theta - hat)(q(hat) - r), which is 0 where q(hat) = r and nonnegative where hat is the lowest type. Below
        hat there is a type m with q(m) < r; the same with m in place of hat is strict.""",
    expected="proved",
)
def worst_off_type(run: Run) -> Iterator[Evidence]:
    """Two instances of incentive compatibility by Z3; the exact market at nine types."""
    import z3

    theta, middle, hat, low, q_hat, q_middle, held = z3.Reals("theta middle hat low q_hat q_middle held")
    payoff, payoff_middle, payoff_hat = z3.Reals("payoff payoff_middle payoff_hat")
    given = [
        z3.And(theta >= low, hat >= low, low >= 0, q_middle >= 0, held >= 0),
        payoff >= payoff_hat + (theta - hat) * q_hat,
        q_hat >= held,
        z3.Or(q_hat == held, hat == low),
    ]
    smaller = [
        payoff >= payoff_middle + (theta - middle) * q_middle,
        payoff_middle >= payoff_hat + (middle - hat) * q_hat,
        z3.And(middle >= low, q_middle < held),
    ]
    below = z3.And(theta < middle, middle < hat, *smaller)
    net, net_hat = payoff - held * theta, payoff_hat - held * hat
    yield smt.prove(
        z3.And(net >= net_hat, z3.Implies(below, net > net_hat)),
        given=given,
        control=("strictly larger everywhere else", z3.Implies(theta != hat, net > net_hat)),
        range="every number of agents, all distributions and demands: the payoffs of one agent's types",
        complete=True,
        nontrivial=[theta != hat, held > 0],
        lift=market.example(),
    )
    yield exhaustive.check(
        minimal,
        grid=market.markets(),
        control=("the least type that expects half its holding", lambda i: minimal(i, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range=f"{market.VALUES}; types in eighths",
    )
