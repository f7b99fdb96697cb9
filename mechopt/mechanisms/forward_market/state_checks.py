"""What is checked of holdings that are bought before an anticipated state of the world is known.

Source: liu2020, Section 5.1; for agents who differ, ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mechopt.finding import Finding
from mechopt.mechanisms.forward_market import subsets
from mechopt.mechanisms.forward_market.anticipated import NEXT, Anticipated, room
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.market_checks import (
    below_demand,
    ex_post_surplus,
    expected_surplus,
    interim_rationality,
    supply,
)
from mechopt.mechanisms.forward_market.spot_checks import column
from mechopt.outcome import Outcome

Floats = NDArray[np.float64]
ENUMERATED = 12  # agents up to which allocations are taken again as sums over all sets
RIVALS = 100


def state_checks(prospect: Anticipated, outcome: Outcome, tolerance: float) -> list[Finding]:
    """What makes the holdings those with one mean marginal value, and the spot market of every state."""
    holding = column(outcome, "agents", "holding")
    claimed = column(outcome, "states", "surplus_at_holding")
    markets = prospect.markets
    sampled = [
        expected_surplus(market, holding, value) for market, value in zip(markets, claimed.tolist(), strict=True)
    ]
    found = [
        _common_value(prospect, outcome, holding),
        supply(holding),
        _worst(sampled),
        _worst([interim_rationality(market, holding) for market in markets]),
    ]
    if room(markets).sum() >= 1:
        found.append(_largest_mean(prospect, outcome, tolerance))
    # Corollary 1: of identical agents equal shares let every state's spot market run.
    if len(prospect.representatives) == 1 and any(market.scarce for market in markets):
        found += [_worst([ex_post_surplus(market, holding) for market in markets if market.scarce])]
    return found


def _worst(findings: list[Finding]) -> Finding:
    """The finding of the state in which the margin is smallest beside its tolerance."""
    return min(findings, key=lambda found: found.margin + found.tolerance)


def _common_value(prospect: Anticipated, outcome: Outcome, holding: Floats) -> Finding:
    """Every agent's mean marginal value, from worst-off types that are checked against the definition of q."""
    last, following, inside = np.zeros(holding.size), np.zeros(holding.size), 0.0
    for market, chance in prospect.weighted:
        hat = market.worst_off_types(holding)
        before = np.minimum(market.worst_off_types(np.maximum(holding - NEXT, 0.0)), hat)
        last += chance * np.where(holding > market.demand, 0.0, before)
        following += chance * market.worst_off_types(holding + NEXT)
        if holding.size <= ENUMERATED and market.scarce:
            inside = max(inside, _distance(market, holding, hat))
    price = float(outcome.summary["worst_off_type"])
    free = holding < room(prospect.markets) - 1e-9
    if len(prospect.representatives) == 1:
        free[:] = True
    # Where no type is likely the value jumps, and may pass the common one between the last unit and the next; at a
    # limit the last unit may be worth less.
    gap = np.maximum(last - price, np.where(free, price - following, 0.0)) / prospect.high
    agent = int(np.argmax(gap))
    return Finding(
        property="common_marginal_value",
        margin=-max(float(gap[agent]), 0.0, inside),
        tolerance=1e-9,
        evidence="the mean of hat_i over the states is the common one for all below their limits (Section 5.1); "
        "q_i(hat_i) is the holding by the sum over all sets",
        witness={"agent": prospect.environment.name[agent], "last_unit": float(last[agent]),
                 "next_unit": float(following[agent]), "common": price, "largest_gap_of_q": inside},
    )  # fmt: skip


def _distance(market: Market, holding: Floats, hat: Floats) -> float:
    """How far q_i(hat_i) by the definition is from min(r_i, k_i), where hat_i is inside the support."""
    worst = 0.0
    for agent in range(holding.size):
        if market.low < hat[agent] < market.high:
            below = np.array([float(law.cdf(hat[agent])) for law in market.environment.distribution])
            again = float(subsets.allocations(below, market.demand)[agent])
            worst = max(worst, abs(again - min(float(holding[agent]), float(market.demand[agent]))))
    return worst


def _largest_mean(prospect: Anticipated, outcome: Outcome, tolerance: float) -> Finding:
    """No holdings below every state's demands earn more on average."""
    generator, most = np.random.default_rng(0), room(prospect.markets)
    claimed = float(outcome.summary["surplus_at_holding"])
    best, rival = -np.inf, np.zeros(most.size)
    for _ in range(RIVALS if most.size <= 50 else 10):
        share = below_demand(generator.dirichlet(np.full(most.size, generator.choice([0.3, 1.0, 5.0]))), most)
        earned = prospect.surplus(share)
        if earned > best:
            best, rival = earned, share
    return Finding(
        property="largest_mean_surplus",
        margin=claimed - best,
        tolerance=tolerance,
        evidence=f"sampled: {RIVALS} holdings below every state's demands earn no more on average",
        witness={"holdings": rival.tolist(), "surplus": best},
    )
