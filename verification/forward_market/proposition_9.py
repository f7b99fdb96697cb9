"""Proposition 9: r* maximises the expected surplus of the spot market, by duality."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")

TINY = Fraction(1, 2**30)


def at_star(instance: Instance) -> Fraction:
    """A lower bound on Pi_{r*} that is all but exact: the least of a convex function from its value and slope."""
    spot = market.Spot.of(instance)
    fixed = spot.welfare() - sum(map(spot.rent, spot.agents))
    u = spot.common()[0]
    area = sum(market.at(market.integral(market.interim(spot, i)), u) for i in spot.agents)
    return Fraction(fixed + area - spot.low - u - TINY)


def largest(instance: Instance, least: Fraction = Fraction(0)) -> bool:
    """Pi_r <= Pi_{r*}."""
    return bool(market.Spot.of(instance).surplus(instance["holding"])[0] <= at_star(instance) + 2 * TINY - least)


@claim(
    paper="liu2020",
    label="Proposition 9",
    statement="""If holdings are restricted to be no more than the maximum demands, r* maximises the expected budget
        surplus in the spot market.""",
    reading="For every n, all demands with scarcity, distributions with low >= 0: Pi_r <= Pi_{r*}, globally.",
    hypotheses=[market.scarce, market.laws, market.holdings, market.usable],
    proof="""Agent i's term is the least over t of the integral of q_i up to t less t r_i, so at most its value at
        t = hat. These sum to a number that depends on sum r_i = 1 only, and at r* every term attains it.""",
    rests_on=["forward_market.equation_11", "forward_market.proposition_2"],
    expected="proved",
)
def maximum(run: Run) -> Iterator[Evidence]:
    """The bound of one agent and the rest by Z3; holdings of the exact market."""
    import z3

    own, rest, area, area_rest, hat, held, held_rest = z3.Reals("own rest area area_rest hat held held_rest")
    star, star_rest, star_held, star_held_rest = z3.Reals("star star_rest star_held star_held_rest")
    yield smt.prove(
        own + rest <= star + star_rest,
        given=[
            z3.And(own <= area - hat * held, rest <= area_rest - hat * held_rest),
            z3.And(star == area - hat * star_held, star_rest == area_rest - hat * star_held_rest),
            z3.And(held + held_rest == 1, star_held + star_held_rest == 1),
        ],
        control=("strictly", own + rest < star + star_rest),
        range="every number of agents, all demands and distributions: one agent and the sum of the others, by "
        "induction",
        complete=True,
        nontrivial=[held != star_held],
        lift=market.example(),
    )
    yield exhaustive.check(
        largest,
        grid=market.markets(),
        control=("by more than 1/100", lambda i: largest(i, Fraction(1, 100))),
        hypotheses=run.hypotheses,
        range=f"{market.VALUES}; at r* up to 2^-30",
    )


def signs(instance: Instance) -> bool:
    """Which multipliers of lower and upper bounds are positive, by 0 and 1 for each agent; not both of one agent."""
    pairs = list(zip(instance["lower"], instance["upper"], strict=True))
    return len(pairs) >= 2 and all(a in (0, 1) and b in (0, 1) and a + b <= 1 for a, b in pairs)


def listed(instance: Instance) -> bool:
    """One of the three cases of the printed proof."""
    lower, upper = any(instance["lower"]), any(instance["upper"])
    return (not lower and not upper) or (lower and not upper) or (lower and upper)


def replay(instance: Instance) -> str | None:
    """The cases as sets of agents."""
    low = {i + 1 for i, sign in enumerate(instance["lower"]) if sign}
    high = {i + 1 for i, sign in enumerate(instance["upper"]) if sign}
    if low or not high:
        return None
    return (
        f"lambda^N > 0 for agents {sorted(high)} and no lambda^o > 0: Case 1 wants all 0, Cases 2 and 3 want some "
        "lambda^o > 0"
    )


@claim(
    paper="liu2020",
    label="Proposition 9",
    part="a step of its proof: exhaustive cases",
    statement="We examine three exhaustive cases depending on the signs of lambda_i^o and lambda_i^N.",
    reading="Every pattern of signs of the multipliers belongs to Case 1, 2 or 3.",
    hypotheses=[signs],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.proposition_9_cases_that_are",
)
def exhaustive_cases(run: Run) -> Evidence:
    """All patterns of two and three agents."""
    return exhaustive.check(
        listed,
        grid=exhaustive.Grid(agents=(2, 3), each={"lower": [0, 1], "upper": [0, 1]}),
        control=("Case 1 alone", lambda i: not any((*i["lower"], *i["upper"]))),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="liu2020",
    label="Proposition 9",
    part="cases that are",
    statement="""An upper bound cannot bind with a positive multiplier, whatever the lower ones: then mu exceeds the
        highest type, and every agent's holding would be k_i. So the case that is left out is empty too.""",
    reading="For every n and all markets: with (12), stationarity gives every agent not at a lower bound the "
    "holding k_i.",
    hypotheses=[signs],
    proof="""mu > high by (12). An agent with no multiplier has worst-off type mu, beyond the support; one with only a
        lower multiplier mu + lambda, further still. So all agents are at k_i, which sums to more than 1.""",
    rests_on=["forward_market.equation_12"],
    expected="proved",
)
def cases() -> Evidence:
    """The multiplier of any agent, and the sum of holdings at the demands, by Z3."""
    import z3

    mu, lower, upper, hat, high = z3.Reals("mu lower upper hat high")
    held, demand, held_rest, demand_rest = z3.Reals("held demand held_rest demand_rest")
    return smt.prove(
        z3.Implies(mu > high, held + held_rest > 1),
        given=[
            z3.And(lower >= 0, upper >= 0, hat == mu + lower - upper, hat <= high),
            z3.Implies(upper > 0, held == demand),
            z3.And(demand + demand_rest > 1, z3.Implies(mu > high, held_rest == demand_rest)),  # the same of the others
        ],
        control=("at a price in the support", held + held_rest > 1),
        range="every number of agents: an agent and the sum of the others, once some upper multiplier is positive",
        complete=True,
        nontrivial=[mu > high],
        lift=lambda value: {"lower": [0, 0], "upper": [1, 1]},
    )
