"""Section 1: what a forward market does to market power, measured by the values of the outside options."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

forward = catalog.beside(__file__, "_pair")
market = catalog.beside(__file__, "_market")


def endowed(instance: Instance) -> bool:
    """Endowments are nonnegative and sum to 1."""
    return len(instance["endowment"]) == 2 and sum(instance["endowment"]) == 1 and min(instance["endowment"]) >= 0


def surplus(instance: Instance) -> Fraction:
    """Pi at the endowments, in the exact brute force."""
    low, high = market.Spot.of({**instance, "power": [1, 1]}).surplus(instance["endowment"])
    if low != high:
        raise ValueError(f"the surplus is only known between {low} and {high}")
    return Fraction(low)


def fails(instance: Instance) -> bool:
    """The spot market does not operate at the endowments: Pi_e < 0."""
    return surplus(instance) < 0


def outside(instance: Instance) -> Fraction:
    """The sum of min(e_i, k_i) hat_i(e_i)."""
    spot = market.Spot.of({**instance, "power": [1, 1]})
    values = (
        min(Fraction(e), spot.demand[i]) * (spot.low + spot.worst(i, e)[0]) for i, e in enumerate(instance["endowment"])
    )
    return sum(values, Fraction(0))


def replay(instance: Instance) -> str | None:
    """By hand: hats from q_i = 1 - k_j + b u, E W from the mean of the larger type, W at each hat by integrals."""
    k, e = list(map(Fraction, instance["demand"])), list(map(Fraction, instance["endowment"]))
    low = Fraction(instance["low"])
    b, mean = k[0] + k[1] - 1, low + Fraction(1, 2)
    welfare = (2 - k[0] - k[1]) * mean + b * (low + Fraction(2, 3))
    total, money = Fraction(0), -welfare
    for i in (0, 1):
        held = min(e[i], k[i])
        u = max(Fraction(0), (held - 1 + k[1 - i]) / b)
        larger = low + Fraction(1, 2) + u * u / 2  # E max(low + u, theta_j)
        money += (1 - k[1 - i]) * (low + u) + (1 - k[i]) * mean + b * larger - held * (low + u)
        total += held * (low + u)
    if money >= 0 or total >= low + Fraction(1, 2):
        return None
    return (
        f"endowments {e[0]}, {e[1]}: the spot market would lose {-money}, so it fails; its outside options sum to "
        f"{total}\n"
        f"at r* the sum is hat = {low + Fraction(1, 2)}: the forward market raises it"
    )


GRID = [
    {"demand": k, "low": low, "endowment": [e, 1 - e]}
    for k in forward.DEMANDS
    for low in (0, 1)
    for e in (Fraction(j, 20) for j in range(21))
]
RANGE = "two agents, uniform types, three pairs of demands, low in {0, 1}, endowments in twentieths"


@claim(
    paper="liu2020",
    label="Section 1",
    part="market power",
    statement="""If the sum of the values of the outside options is too large, efficient reallocation runs a deficit.
        Forward markets reduce overall market power because they reduce the sum of the values of these outside
        options.""",
    reading="""For every market and endowments at which the spot market fails: sum min(e_i, k_i) hat_i(e_i), the outside
        options of Section 4.1, is at least that at r*, where it is hat. Here two agents with uniform types.""",
    hypotheses=[forward.pair, endowed, fails],
    replay=replay,
    document=forward.document,
    expected="refuted",
    repaired_by="forward_market.section_1_outside_options_and_information_rents",
)
def market_power(run: Run) -> Evidence:
    """Endowments on a grid."""
    return exhaustive.check(
        lambda i: outside(i) >= i["low"] + forward.HALF,
        grid=GRID,
        control=("by more than 1/2", lambda i: outside(i) > i["low"] + 1),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


@claim(
    paper="liu2020",
    label="Section 1",
    part="outside options and information rents",
    statement="""Wherever the spot market fails at e, the forward market reduces the sum of the outside options plus the
        expected information rents: it is E W - Pi, above E W at e and at most E W at r*.""",
    reading="For every n, all markets and endowments with Pi_e < 0; information rents E[W - W(hat_i, .)] as in "
    "Section 4.1.",
    hypotheses=[forward.pair, endowed, fails],
    proof="(2) says that outside options and information rents sum to W - Pi. Pi is negative at e and not at r*.",
    rests_on=["forward_market.equation_2", "forward_market.proposition_1"],
    expected="proved",
)
def with_rents(run: Run) -> Iterator[Evidence]:
    """The sums over agents by Z3; endowments on a grid."""
    import z3

    agents, welfare, hats, options, hats_star, options_star = z3.Reals(
        "agents welfare hats options hats_star options_star"
    )
    at_e, at_star = options + agents * welfare - hats, options_star + agents * welfare - hats_star
    yield smt.prove(
        z3.And(at_e > welfare, at_star <= welfare, at_star < at_e),
        given=[
            agents >= 2,
            hats - (agents - 1) * welfare - options < 0,
            hats_star - (agents - 1) * welfare - options_star >= 0,
        ],
        control=("the outside options alone", options_star < options),
        range="every number of agents, all markets and endowments: sums over agents",
        complete=True,
        nontrivial=[welfare > 0, options > 0, options_star > 0],
        lift=lambda value: {"demand": [1, 1], "low": 1, "endowment": [Fraction(9, 10), Fraction(1, 10)]},
    )

    def falls(instance: Instance, less: Fraction = Fraction(0)) -> bool:
        spot = market.Spot.of({**instance, "power": [1, 1]})
        rents = Fraction(0)
        for i, e in enumerate(instance["endowment"]):
            u = spot.worst(i, e)[0]
            rents += spot.rent(i) - market.at(market.integral(market.interim(spot, i)), u)
        star = sum(spot.rent(i) - market.at(market.integral(market.interim(spot, i)), forward.HALF) for i in (0, 1))
        return bool(outside(instance) + rents > instance["low"] + forward.HALF + star + less)

    yield exhaustive.check(
        falls,
        grid=GRID,
        control=("by more than 1/4", lambda i: falls(i, Fraction(1, 4))),
        hypotheses=run.hypotheses,
        range=RANGE,
    )
