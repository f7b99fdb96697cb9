"""What is checked of one spot market at given holdings: ex-post and expected surplus, interim rationality.

Source: liu2020, Sections 3 and 4.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from mechopt.finding import Finding
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.spot import Spot

Floats = NDArray[np.float64]
VERTICES = 7  # agents up to which every extreme profile is tried
DRAWS, LEAST_DRAWS = 20_000, 200
WORK = 2_000_000  # draws times the square of the agents


def supply(holding: Floats) -> Finding:
    """The holdings sum to 1."""
    return Finding(
        property="holdings_exhaust_supply",
        margin=-abs(float(holding.sum()) - 1.0),
        tolerance=1e-12 * holding.size,
        evidence="the holdings sum to the supply, 1",
        witness={"sum": float(holding.sum())},
    )


def ex_post_surplus(market: Market, holding: Floats) -> Finding:
    """Proposition 1, ex post: Pi(theta, r*) takes its least value at a profile of low, hat and high."""
    environment = market.environment
    spot = Spot(market=market, holding=holding)
    ends = (market.low, market.common.type, market.high)
    if environment.agents <= VERTICES:
        profiles = np.array(list(product(ends, repeat=environment.agents)))
        how = f"the least over all {len(profiles)} profiles of low, hat and high"
    else:
        profiles = np.random.default_rng(0).choice(ends, (DRAWS // environment.agents + 1, environment.agents))
        how = f"the least over {len(profiles)} drawn profiles of low, hat and high"
    surplus = spot.surplus(profiles)
    place = int(np.argmin(surplus))
    return Finding(
        property="spot_surplus_ex_post",
        margin=float(surplus[place]),
        tolerance=1e-11 * environment.high * environment.agents,
        evidence=f"Pi(theta, r*) >= 0 (Proposition 1): {how}",
        witness={"values": profiles[place].tolist(), "surplus": float(surplus[place])},
    )


def expected_surplus(market: Market, holding: Floats, claimed: float) -> Finding:
    """Equation (2) averaged over draws against the formula behind a claimed surplus."""
    environment = market.environment
    generator = np.random.default_rng(0)
    rounds = max(LEAST_DRAWS, min(DRAWS, WORK // environment.agents**2))
    draws = np.stack([law.sample(generator, rounds) for law in environment.distribution], axis=-1)
    sampled = Spot(market=market, holding=holding).surplus(draws)
    mean, error = float(sampled.mean()), float(sampled.std()) / rounds**0.5
    return Finding(
        property="expected_surplus",
        margin=-abs(mean - claimed),
        tolerance=5 * error + 1e-9 * environment.high,
        evidence=f"sampled: equation (2) over {rounds} draws, within five standard errors",
        witness={"sampled": mean, "claimed": claimed},
    )


def interim_rationality(market: Market, holding: Floats) -> Finding:
    """Every type of every agent at least keeps its outside option in the spot market, before any rebate."""
    types = np.linspace(market.low, market.high, 257)
    spot = Spot(market=market, holding=holding)
    worst, witness = np.inf, {}
    for agent, kind in enumerate(market.interim.class_of.tolist()):
        if agent not in market.interim.first:
            continue
        hat, usable = spot.hat[agent], spot.usable[agent]
        area = market.curves.integral(kind, types) - market.curves.integral(kind, np.array(hat))
        net = area - (types - hat) * usable
        place = int(np.argmin(net))
        if net[place] < worst:
            worst = float(net[place])
            witness = {"agent": market.environment.name[agent], "type": float(types[place]), "net_payoff": worst}
    return Finding(
        property="interim_individual_rationality",
        margin=worst,
        tolerance=1e-11 * market.high,
        evidence="interim payoff less outside option, at 257 types of every agent",
        witness=witness,
    )


def below_demand(share: Floats, demand: Floats) -> Floats:
    """Shares of the supply cut to the demands; what is cut goes to those with room, in proportion to it."""
    held = np.minimum(share, demand)
    room = demand - held
    return np.minimum(held + room * ((1.0 - held.sum()) / room.sum() if room.sum() > 0 else 0.0), demand)
