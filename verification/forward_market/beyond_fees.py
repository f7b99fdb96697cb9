"""Beyond the paper: fees without the rebate of the spot market's surplus can leave the agents worse off."""

from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive

market = catalog.beside(__file__, "_market")


def total_gain(instance: Instance) -> tuple[Fraction, Fraction]:
    """What the agents gain in all over their endowments, without a rebate: E W - Pi_r* - sum min(e, k) E theta."""
    spot = market.Spot.of(instance)
    star = [low for low, _ in spot.star()]
    low, high = spot.surplus(star)
    kept = sum(min(Fraction(e), spot.demand[i]) * spot.mean(i) for i, e in enumerate(instance["holding"]))
    blur = Fraction(1, 2**30)
    return Fraction(spot.welfare() - high - kept - blur), Fraction(spot.welfare() - low - kept + blur)


def replay(instance: Instance) -> str | None:
    """Two agents with demand 1 on [0, 1]: pi_i from F = u^p by hand, bounded above at one rational point near hat."""
    if list(instance["demand"]) != [1, 1] or instance["low"] != 0:
        return None
    p, r = [int(x) for x in instance["power"]], [Fraction(x) for x in instance["holding"]]
    low, high = Fraction(0), Fraction(1)
    for _ in range(24):
        u = (low + high) / 2
        low, high = (u, high) if u ** p[0] + u ** p[1] < 1 else (low, u)
    # sum pi = sum of rents + hat - sum Q_i(hat), q_1 = u^p_2: the largest value of a concave function of hat, so at
    # most its value at u plus its slope there times the rest of the support.
    rents = sum(Fraction(1, b + 1) - Fraction(1, a + b + 1) for a, b in (p, p[::-1]))
    value = low - sum(low ** (b + 1) / (b + 1) for b in p)
    slope = 1 - low ** p[0] - low ** p[1]
    most, kept = rents + value + slope * (1 - low), sum(e * Fraction(a, a + 1) for e, a in zip(r, p, strict=True))
    if most >= kept:
        return None
    return (
        f"F = (u^{p[0]}, u^{p[1]}): hat is at least {float(low):.6f}; the spot market gives the agents at most "
        f"{float(most):.6f} in all, their endowments are worth {kept} = {float(kept):.6f}"
    )


GRID = [
    {"demand": [1, 1], "power": [a, b], "low": 0, "holding": e}
    for a in (1, 2, 5, 10, 12)
    for b in (1, 2)
    for e in ([1, 0], [Fraction(1, 2), Fraction(1, 2)])
]


@claim(
    paper="liu2020",
    label="Beyond the paper: fees without the rebate",
    statement="""Fees that balance the forward market suffice: even if the operator keeps the surplus of the spot
        market, the agents as a whole are at least as well off as with their endowments.""",
    reading="For every market and endowments: sum_i pi_i(r_i*) >= sum_i min(e_i, k_i) E theta_i.",
    hypotheses=[market.scarce, market.laws, market.holdings],
    replay=replay,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.beyond_the_paper_fees_and_a_rebate",
)
def without_rebate(run: Run) -> Evidence:
    """Two agents who want everything, one stronger by far."""
    return exhaustive.check(
        lambda i: total_gain(i)[1] >= 0,
        grid=GRID,
        control=("a gain of 1/2", lambda i: total_gain(i)[0] >= Fraction(1, 2)),
        hypotheses=run.hypotheses,
        range="two agents with demand 1, F = u^a and u^b, a in {1, 2, 5, 10, 12}, b in {1, 2}, endowments (1, 0) "
        "or halves",
    )
