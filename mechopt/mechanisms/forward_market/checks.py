"""The properties of a solved forward market, each a Finding with its margin and what shows it.

Holdings, payments and gains are read from the outcome; what they are held against is computed afresh. Source: liu2020.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.finding import Finding
from mechopt.mechanisms.forward_market import subsets
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.schedule import Programs
from mechopt.mechanisms.forward_market.settlement import no_free_lunch
from mechopt.mechanisms.forward_market.spot import Spot
from mechopt.mechanisms.forward_market.spot_checks import column, spot_checks
from mechopt.outcome import Outcome

Floats = NDArray[np.float64]
ENUMERATED = 12  # agents up to which allocations are taken again as sums over all sets
VERTICES = 7  # agents up to which every extreme profile is tried
DRAWS, LEAST_DRAWS, RIVALS = 20_000, 200, 200
WORK = 2_000_000  # draws times the square of the agents


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`, or from elsewhere; `summary`, `tables.agents` and `tables.spot` are read.
    """
    market = Market(environment)
    holding = column(outcome, "agents", "holding")
    tariff = environment.tariff or Programs(market).least_subsidy().tariff
    forward = Forward(market, tariff)
    tolerance = 1e-9 * environment.high
    nash = _nash(environment, forward, tolerance)
    found = [
        _common_type(environment, market, outcome, holding),
        _supply(holding),
        _ex_post_surplus(environment, market, holding),
        _surplus(environment, market, outcome, holding),
        _interim_rationality(market, holding),
        _largest_surplus(market, outcome, tolerance),
        nash,
        _forward_budget(outcome, tolerance),
        # Its proof needs that r* is an equilibrium.
        *([_no_free_lunch(environment, forward, tolerance)] if nash.holds else []),
        _budgets(outcome, tolerance),
        _gains(environment, market, outcome, tolerance),
        *_strength(environment, market, holding),
    ]
    return found + (spot_checks(market, outcome, tolerance) if "spot" in outcome.tables else [])


def _common_type(environment: Environment, market: Market, outcome: Outcome, holding: Floats) -> Finding:
    hat = float(outcome.summary["worst_off_type"])
    if environment.agents <= ENUMERATED:
        below = np.array([float(law.cdf(hat)) for law in environment.distribution])
        again, how = subsets.allocations(below, environment.demands), "the sum over all sets of the others"
    else:
        again, how = market.interim.spread(market.interim.at(hat).value[0]), "the allocations taken again"
    gap = np.abs(again - holding)
    agent = int(np.argmax(gap))
    return Finding(
        property="common_worst_off_type",
        margin=-float(gap[agent]),
        tolerance=1e-11,
        evidence=f"r_i* = q_i(hat) for every agent (Proposition 2), by {how}",
        witness={"agent": environment.name[agent], "holding": float(holding[agent]), "q": float(again[agent])},
    )


def _supply(holding: Floats) -> Finding:
    return Finding(
        property="holdings_exhaust_supply",
        margin=-abs(float(holding.sum()) - 1.0),
        tolerance=1e-12 * holding.size,
        evidence="the holdings sum to the supply, 1",
        witness={"sum": float(holding.sum())},
    )


def _ex_post_surplus(environment: Environment, market: Market, holding: Floats) -> Finding:
    """Proposition 1, ex post: Pi(theta, r*) takes its least value at a profile of low, hat and high."""
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


def _surplus(environment: Environment, market: Market, outcome: Outcome, holding: Floats) -> Finding:
    """Equation (2) averaged over draws against the formula behind the summary."""
    generator = np.random.default_rng(0)
    rounds = max(LEAST_DRAWS, min(DRAWS, WORK // environment.agents**2))
    draws = np.stack([law.sample(generator, rounds) for law in environment.distribution], axis=-1)
    sampled = Spot(market=market, holding=holding).surplus(draws)
    mean, error = float(sampled.mean()), float(sampled.std()) / rounds**0.5
    claimed = float(outcome.summary["surplus_at_holding"])
    return Finding(
        property="expected_surplus",
        margin=-abs(mean - claimed),
        tolerance=5 * error + 1e-9 * environment.high,
        evidence=f"sampled: equation (2) over {rounds} draws, within five standard errors",
        witness={"sampled": mean, "claimed": claimed},
    )


def _interim_rationality(market: Market, holding: Floats) -> Finding:
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


def _largest_surplus(market: Market, outcome: Outcome, tolerance: float) -> Finding:
    """Proposition 9: no holdings below the demands earn more."""
    generator = np.random.default_rng(0)
    best, rival = -np.inf, np.zeros(market.demand.size)
    for _ in range(RIVALS if market.interim.agents <= 50 else 10):
        share = generator.dirichlet(np.full(market.demand.size, generator.choice([0.3, 1.0, 5.0])))
        rival_holding = _below_demand(share, market.demand)
        earned = market.surplus(rival_holding)
        if earned > best:
            best, rival = earned, rival_holding
    claimed = float(outcome.summary["surplus_at_holding"])
    return Finding(
        property="largest_surplus",
        margin=claimed - best,
        tolerance=tolerance,
        evidence=f"sampled: {RIVALS} holdings r <= k earn no more than r* (Proposition 9)",
        witness={"holdings": rival.tolist(), "surplus": best},
    )


def _below_demand(share: Floats, demand: Floats) -> Floats:
    """Shares of the supply cut to the demands; what is cut goes to those with room, in proportion to it."""
    held = np.minimum(share, demand)
    room = demand - held
    return np.minimum(held + room * ((1.0 - held.sum()) / room.sum() if room.sum() > 0 else 0.0), demand)


def _nash(environment: Environment, forward: Forward, tolerance: float) -> Finding:
    found = max(forward.best_deviations(), key=lambda one: one.bound)
    return Finding(
        property="forward_nash_equilibrium",
        margin=-found.bound,
        tolerance=tolerance,
        evidence="no demand in [0, 1] gains an agent more than this while the others demand r*: proven cell by cell",
        witness={"agent": environment.name[found.agent], "demand": found.demand, "gain": found.gain},
    )


def _forward_budget(outcome: Outcome, tolerance: float) -> Finding:
    budget = float(outcome.summary["forward_budget"])
    return Finding(
        property="forward_budget_never_positive",
        margin=-budget,
        tolerance=tolerance,
        evidence="an increasing tariff with r* in equilibrium pays out at least as much as it takes in",
        witness={"forward_budget": budget},
    )


def _no_free_lunch(environment: Environment, forward: Forward, tolerance: float) -> Finding:
    return Finding(
        property="no_free_lunch",
        margin=no_free_lunch(forward.market, forward),
        tolerance=tolerance,
        evidence="forward budget plus spot surplus at r* is at most the spot surplus at the endowments",
        witness={"forward_budget": forward.budget(), "surplus_at_holding": forward.market.surplus_at_common,
                 "surplus_at_endowment": forward.market.surplus(environment.endowments)},
    )  # fmt: skip


def _budgets(outcome: Outcome, tolerance: float) -> Finding:
    paid, fee, rebate, gain = (column(outcome, "agents", name) for name in ("forward_payment", "fee", "rebate", "gain"))
    outside = column(outcome, "agents", "outside_payoff").sum()
    gaps = {
        "forward": float(paid.sum() + fee.sum()),
        "rebates": float(rebate.sum()) - float(outcome.summary["surplus_at_holding"]),
        "gains": float(gain.sum() + outside) - float(outcome.summary["expected_welfare"]),
    }
    worst = max(gaps, key=lambda name: abs(gaps[name]))
    return Finding(
        property="budgets_add_up",
        margin=-abs(gaps[worst]),
        tolerance=tolerance,
        evidence="payments and fees sum to 0, rebates to the spot surplus, gains to welfare less outside options",
        witness=gaps,
    )


def _gains(environment: Environment, market: Market, outcome: Outcome, tolerance: float) -> Finding:
    """Each gain recomputed from its parts, and not below 0."""
    paid, fee, rebate, gain = (column(outcome, "agents", name) for name in ("forward_payment", "fee", "rebate", "gain"))
    outside = np.minimum(environment.endowments, market.demand) * environment.means
    again = market.payoffs(column(outcome, "agents", "holding")) + rebate + paid + fee - outside
    agent = int(np.argmin(np.minimum(gain, tolerance * 0 - np.abs(again - gain))))
    return Finding(
        property="ex_ante_individual_rationality",
        margin=min(float(gain.min()), -float(np.abs(again - gain).max())),
        tolerance=tolerance,
        evidence="no agent loses by the whole scheme; gains recomputed from their parts",
        witness={"agent": environment.name[agent], "gain": float(gain[agent]), "again": float(again[agent])},
    )


def _strength(environment: Environment, market: Market, holding: Floats) -> list[Finding]:
    """Proposition 7, pair by pair: who has the larger demand and the higher values holds no less."""
    types = np.linspace(market.low, market.high, 257)
    first = market.interim.first
    below = market.interim.below(types)
    worst: tuple[float, dict[str, Any]] | None = None
    pairs = 0
    for strong, one in enumerate(first.tolist()):
        larger = np.array([environment.demand[one] >= environment.demand[other] for other in first.tolist()])
        for weak in np.flatnonzero(larger & np.all(below[:, [strong]] <= below, axis=0)).tolist():
            other = int(first[weak])
            if weak == strong:
                continue
            pairs += 1
            gap = float(holding[one] - holding[other])
            if worst is None or gap < worst[0]:
                worst = gap, {"strong": environment.name[one], "weak": environment.name[other], "difference": gap}
    if worst is None:
        return []
    return [
        Finding(
            property="stronger_agents_hold_more",
            margin=worst[0],
            tolerance=1e-11,
            evidence=f"{pairs} pairs with a larger demand, and values that are higher at 257 types (Proposition 7)",
            witness=worst[1],
        )
    ]
