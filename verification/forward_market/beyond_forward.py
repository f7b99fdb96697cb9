"""Beyond the paper: what a forward market can and cannot pay for."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


def adds_up(instance: Instance, twice: int = 1) -> bool:
    """Payoffs and surplus sum to E W."""
    spot = market.Spot.of(instance)
    held = instance["holding"]
    low, high = spot.surplus(held)
    paid = [(spot.rent(i) - b, spot.rent(i) - a) for i, (a, b) in enumerate(spot.phi(i, r) for i, r in enumerate(held))]
    total = (low + twice * sum(a for a, _ in paid), high + twice * sum(b for _, b in paid))
    return bool(total[0] <= spot.welfare() <= total[1])


@claim(
    paper="liu2020",
    label="Beyond the paper: payoffs and surplus are the gains of trade",
    statement="sum_i pi_i(r_i) + Pi_r = E W for all holdings, so r* gives the agents least among holdings up to k_i.",
    reading="For every n, all demands with scarcity, distributions with low >= 0 and holdings.",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""pi_i is the rent, the integral of (1 - F_i) q_i, less phi_i; Pi_r is E W less all rents, plus the phi_i. r*
        maximises Pi_r (Proposition 9).""",
    rests_on=["forward_market.equation_11", "forward_market.proposition_9"],
    expected="proved",
)
def gains_of_trade(run: Run) -> Iterator[Evidence]:
    """The sums by Z3; the exact market."""
    import z3

    welfare, rents, phi, payoffs, surplus, payoffs_star, surplus_star = z3.Reals(
        "welfare rents phi payoffs surplus payoffs_star surplus_star"
    )
    yield smt.prove(
        z3.And(payoffs + surplus == welfare, payoffs_star <= payoffs),
        given=[
            payoffs == rents - phi,
            surplus == welfare - rents + phi,
            payoffs_star + surplus_star == welfare,
            surplus_star >= surplus,
        ],
        control=("the rents counted twice", payoffs + surplus == welfare + rents),
        range="every number of agents, all markets: sums over agents",
        complete=True,
        lift=market.example(),
    )
    yield exhaustive.check(
        adds_up,
        grid=market.markets(),
        control=("payoffs counted twice", lambda i: adds_up(i, 2)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )


def surplus(instance: Instance, held: list[Fraction]) -> Fraction:
    """Pi_r of two uniform agents; exact, as their worst-off types are rational."""
    low, high = market.Spot.of({**instance, "power": [1, 1]}).surplus(held)
    if low != high:
        raise ValueError(f"the surplus is only known between {low} and {high}")
    return Fraction(low)


def no_lunch(instance: Instance, slope: Fraction = Fraction(1)) -> bool:
    """The budget of the cheapest tariff that supports r*, P at the worst-off types, and Pi at r* against Pi at e."""
    reach, half = forward.position(instance), forward.excess(instance) / 2

    def price(y: Fraction) -> Fraction:
        hat = instance["low"] + forward.HALF
        return Fraction(hat + slope * (forward.marginal(instance, y) - hat))

    budget = sum(forward.trapezoids(price, [-half, half], start, 0) for start in (reach, -reach))
    star = [forward.star(instance, agent) for agent in (0, 1)]
    return bool(budget + surplus(instance, star) <= surplus(instance, list(map(Fraction, instance["endowment"]))))


GRID = [
    {"demand": k, "low": low, "endowment": [e, 1 - e]}
    for k in forward.DEMANDS
    for low in (0, 1)
    for e in forward.TENTHS
]


@claim(
    paper="liu2020",
    label="Beyond the paper: no free lunch",
    statement="""However the forward market is priced, if demanding e_i is free and r* is an equilibrium, its budget and
        the surplus of the spot market at r* sum to at most the surplus of the spot market at e. Where the spot market
        fails at e, forward and spot market together lose at least as much as a subsidised spot market alone.""",
    reading="""For every n, all markets and endowments, personalised or not increasing prices included; a deviating
        agent is paid pi_i(e_i), as in the paper.""",
    hypotheses=[forward.pair, forward.sells],
    proof="""Each payment is at most pi_i(r_i*) - pi_i(e_i). Sum, and use that payoffs and surplus always sum to
        E W.""",
    rests_on=["forward_market.beyond_the_paper_payoffs_and_surplus_are_the_gains_of_trade"],
    expected="proved",
)
def no_free_lunch(run: Run) -> Iterator[Evidence]:
    """The sums by Z3; the cheapest tariff for two agents exactly."""
    import z3

    budget, at_star, at_e, star, endowed, welfare = z3.Reals("budget at_star at_e star endowed welfare")
    yield smt.prove(
        budget + star <= endowed,
        given=[budget <= at_star - at_e, at_star + star == welfare, at_e + endowed == welfare],
        control=("strictly", budget + star < endowed),
        range="every number of agents, all markets: sums over agents",
        complete=True,
        lift=lambda value: forward.EXAMPLE,
    )
    yield exhaustive.check(
        no_lunch,
        grid=GRID,
        control=("a uniform price, which supports nothing", lambda i: no_lunch(i, Fraction(0))),
        hypotheses=run.hypotheses,
        range="two agents, uniform types, three pairs of demands, low in {0, 1}, endowments in tenths",
    )


@claim(
    paper="liu2020",
    label="Beyond the paper: fees and a rebate",
    statement="""Flat participation fees that cover the deficit of the forward market, with the surplus of the spot
        market rebated, leave every agent at least as well off as his endowment, for suitable shares: the total gain is
        E W - sum min(e_i, k_i) E theta_i >= 0.""",
    reading="""For every n, all markets and endowments, every tariff for which r* is an equilibrium: payments and fees
        sum to 0, the rebates to Pi_r* >= 0. A fee does not depend on the demand, so it changes no best reply.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""pi_i(r_i*) sum to E W - Pi_r*; with rebates and balanced money the agents have E W. Holding min(e_i, k_i)
        is a feasible allocation, so E W is at least its value; fees divide the gain as one likes.""",
    rests_on=[
        "forward_market.beyond_the_paper_payoffs_and_surplus_are_the_gains_of_trade",
        "forward_market.proposition_1",
    ],
    expected="proved",
)
def fees(run: Run) -> Iterator[Evidence]:
    """The money by Z3; E W against the endowments of the exact market."""
    import z3

    payoffs, surplus_star, welfare, payments, charged, rebates, outside = z3.Reals(
        "payoffs surplus_star welfare payments charged rebates outside"
    )
    total = payoffs - payments - charged + rebates - outside
    yield smt.prove(
        z3.And(total >= 0, total == welfare - outside),
        given=[
            payoffs + surplus_star == welfare,
            payments + charged == 0,
            rebates == surplus_star,
            surplus_star >= 0,
            welfare >= outside,
        ],
        control=("without the rebate", total - rebates >= 0),
        range="every number of agents, all markets: sums over agents",
        complete=True,
        lift=market.example(),
    )

    def worth_it(instance: Instance, factor: int = 1) -> bool:
        spot = market.Spot.of(instance)
        kept = sum(min(e, spot.demand[i]) * spot.mean(i) for i, e in enumerate(instance["holding"]))
        return bool(spot.welfare() >= factor * kept)

    yield exhaustive.check(
        worth_it,
        grid=market.markets(),
        control=("twice the endowments", lambda i: worth_it(i, 2)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )
