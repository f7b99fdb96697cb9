"""Equation (11): the expected surplus of the spot market by payoff equivalence."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, symbolic

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


def by_welfare(instance: Instance) -> tuple[Fraction, Fraction]:
    """E of (2): expected welfare with one agent at his worst-off type at a time, from the layers of the supply."""
    spot = market.Spot.of(instance)
    low = high = -(len(spot.demand) - 1) * spot.welfare()
    for agent, held in enumerate(instance["holding"]):
        amount = min(Fraction(held), spot.demand[agent])
        values = []
        for u in spot.worst(agent, amount):
            welfare = spot.low
            for above, beneath in market.splits([j for j in spot.agents if j != agent]):
                used = sum((spot.demand[j] for j in above), Fraction(0))
                chance = market.integral(spot.chance(above, beneath))
                below, total = market.at(chance, u), market.at(chance, Fraction(1))
                welfare += min(Fraction(1), used + spot.demand[agent]) * below + min(Fraction(1), used) * (
                    total - below
                )
            values.append(welfare - amount * (spot.low + u))
        low, high = low + min(values), high + max(values)
    return low, high


def agree(instance: Instance, shift: int = 0) -> bool:
    """The two formulas, each between two fractions that are all but equal."""
    first, second = by_welfare(instance), market.Spot.of(instance).surplus(instance["holding"])
    return bool(first[0] + shift <= second[1] + TINY and second[0] <= first[1] + shift + TINY)


TINY = Fraction(1, 2**36)


@claim(
    paper="liu2020",
    label="Equation (11)",
    statement="""The expected budget surplus is E[sum_i (q_i theta_i - integral of q_i from low to theta_i)] +
        sum_i (integral of q_i from low to hat_i - hat_i r_i).""",
    reading="""For every n, all distributions, demands and holdings, with min(r_i, k_i) for r_i: it is the expectation
        of (2). E sum_i q_i theta_i is E W.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""By the envelope E W(hat_i, theta_-i) - E W(theta) is minus the mean of the integral of q_i from hat_i to
        theta_i. Split each integral at low and collect terms.""",
    expected="proved",
)
def expected_surplus(run: Run) -> Iterator[Evidence]:
    """The algebra for one agent's terms by SymPy; both formulas in full on a grid."""
    import sympy

    welfare, area_mean, area_hat, held, hat, count = sympy.symbols("welfare area_mean area_hat held hat count")

    def sides(case: str) -> tuple[object, object]:
        # Agent i's part of E (2): E W(hat, .) - E W - min(r, k) hat, and E W once in all.
        envelope = -(area_mean - area_hat)
        if case == "one agent":
            return envelope - held * hat, -area_mean + (area_hat - held * hat)
        left = count * (welfare + envelope) - (count - 1) * welfare - count * held * hat
        return left, welfare - count * area_mean + count * (area_hat - held * hat)

    yield symbolic.identity(
        sides,
        cases=["one agent", "the sum"],
        control=("without the outside options", lambda case: (sides(case)[0], -area_mean + area_hat)),
        range="every number of agents, all distributions, demands and holdings: means of sums over agents",
        complete=True,
        lift=lambda case, value: market.EXAMPLE,
    )
    yield exhaustive.check(
        agree,
        grid=market.markets(),
        control=("one unit of money more", lambda i: agree(i, 1)),
        hypotheses=run.hypotheses,
        range=f"{market.VALUES}; numbers between two fractions 2^-36 apart",
    )
