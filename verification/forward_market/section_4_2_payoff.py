"""Section 4.2: the expected payoff pi_i of a holding, and its slope."""

import itertools
from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")

EIGHTHS = [Fraction(k, 8) for k in range(9)]


def payoff(instance: Instance, agent: int, held: Fraction) -> tuple[Fraction, Fraction]:
    """pi_i as printed, with hat between two fractions: r hat - int_low^hat F q + int_hat^high (1 - F) q."""
    spot = market.Spot.of(instance)
    q = market.interim(spot, agent)
    below = market.integral(market.times(spot.below(agent), q))
    above = market.integral(market.times(spot.chance([agent], []), q))
    values = []
    for u in spot.worst(agent, held):
        kept = held * (spot.low + u)
        values.append(kept - market.at(below, u) + market.at(above, Fraction(1)) - market.at(above, u))
    return min(values), max(values)


def between(instance: Instance, factor: int = 1) -> bool:
    """A step from r to r' is worth between hat(r) and hat(r') a unit, and pi is the rent less phi."""
    spot = market.Spot.of(instance)
    for agent in spot.agents:
        grid = [r for r in EIGHTHS if r <= spot.demand[agent]]
        for r, after in itertools.pairwise(grid):
            rise = (payoff(instance, agent, after)[1] - payoff(instance, agent, r)[0], after - r)
            low, high = (spot.low + spot.worst(agent, x)[side] for x, side in ((r, 0), (after, 1)))
            if not factor * low * rise[1] - TINY <= rise[0] <= high * rise[1] + TINY:
                return False
        for r in grid:
            phi = spot.phi(agent, r)
            if (
                not spot.rent(agent) - phi[1] - TINY
                <= payoff(instance, agent, r)[0]
                <= spot.rent(agent) - phi[0] + TINY
            ):
                return False
    return True


TINY = Fraction(1, 2**30)


@claim(
    paper="liu2020",
    label="Section 4.2",
    part="the payoff and its slope",
    statement="""pi_i(r_i) = r_i hat_i(r_i) - integral of F_i q_i from low to hat_i + integral of (1 - F_i) q_i from
        hat_i to high, and pi_i'(x_i) = hat_i(x_i).""",
    reading="""For every n, all markets and r_i <= k_i: pi_i is the mean of min(r_i, k_i) hat_i plus the integral of q_i
        from hat_i to theta_i; it is convex and hat_i is its slope (between any two holdings). Beyond k_i it is
        constant.""",
    hypotheses=[market.scarce, market.laws],
    proof="""By Lemma 1 pi_i(r) is a constant plus the largest over t of t r - (integral of q_i up to t), attained at
        hat_i(r). Putting hat_i(r) into the maximum at r', and the other way round, bounds the difference on both
        sides.""",
    rests_on=["forward_market.lemma_1", "forward_market.equation_10"],
    expected="proved",
)
def slope(run: Run) -> Iterator[Evidence]:
    """Two holdings by Z3; the printed integrals of the exact market."""
    import z3

    held, after, hat, hat_after, area, area_after = z3.Reals("held after hat hat_after area area_after")
    value, value_after, mean_below, mean_above, area_mean = z3.Reals(
        "value value_after mean_below mean_above area_mean"
    )
    rise = value_after - value
    printed = held * hat - mean_below + mean_above
    yield smt.prove(
        z3.And(
            hat * (after - held) <= rise,
            rise <= hat_after * (after - held),
            # int F q below hat and int (1 - F) q above it, by parts: E of the integral of q from hat to theta.
            printed == held * hat + area_mean - area,
        ),
        given=[
            z3.And(value == hat * held - area, value_after == hat_after * after - area_after),
            z3.And(value_after >= hat * after - area, value >= hat_after * held - area_after),  # maxima over t
            mean_above - mean_below == area_mean - area,
        ],
        control=("the slope is constant", rise == hat * (after - held)),
        range="every number of agents, all demands and distributions: two holdings of one agent",
        complete=True,
        nontrivial=[after > held, hat_after > hat],
        lift=market.example(),
    )
    yield exhaustive.check(
        between,
        grid=market.markets(held=False),
        control=("twice the worst-off type", lambda i: between(i, 2)),
        hypotheses=run.hypotheses,
        range=f"holdings in eighths: {market.VALUES}",
    )
