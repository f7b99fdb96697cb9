"""The properties of a solved forward market, each a Finding with its margin and what shows it.

Holdings, payments and gains are read from the outcome; what they are held against is computed afresh. Source: liu2020.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.certify import Certificate
from mechopt.finding import Finding
from mechopt.mechanisms.forward_market import subsets
from mechopt.mechanisms.forward_market.anticipated import Anticipated, Prospect, prospect_of
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.market_checks import (
    below_demand,
    ex_post_surplus,
    expected_surplus,
    interim_rationality,
    supply,
)
from mechopt.mechanisms.forward_market.schedule import Design, Programs
from mechopt.mechanisms.forward_market.settlement import no_free_lunch
from mechopt.mechanisms.forward_market.spot_checks import column, spot_checks
from mechopt.mechanisms.forward_market.state_checks import state_checks
from mechopt.outcome import Outcome

Floats = NDArray[np.float64]
ENUMERATED = 12  # agents up to which allocations are taken again as sums over all sets
RIVALS = 200


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`, or from elsewhere; `summary`, `tables.agents` and `tables.spot` are read.
    """
    prospect = prospect_of(environment)
    tolerance = 1e-9 * environment.high
    if isinstance(prospect, Anticipated):
        found = state_checks(prospect, outcome, tolerance)
    else:
        found = _of_one_market(prospect, outcome, tolerance)
    found += _of_the_forward_market(prospect, outcome, tolerance)
    if "spot" in outcome.tables:
        found += spot_checks(Market(environment), outcome, tolerance)
    return found


def _of_one_market(market: Market, outcome: Outcome, tolerance: float) -> list[Finding]:
    """What makes r* special: the common worst-off type, and a spot market that never loses money."""
    environment, holding = market.environment, column(outcome, "agents", "holding")
    claimed = float(outcome.summary["surplus_at_holding"])
    return [
        _common_type(environment, market, outcome, holding),
        supply(holding),
        ex_post_surplus(market, holding),
        expected_surplus(market, holding, claimed),
        interim_rationality(market, holding),
        _largest_surplus(market, outcome, tolerance),
        *_strength(environment, market, holding),
    ]


def _of_the_forward_market(market: Prospect, outcome: Outcome, tolerance: float) -> list[Finding]:
    """Equilibrium under the tariff, and the money."""
    environment = market.environment
    found: list[Finding] = []
    tariff = environment.tariff
    if tariff is None:
        design = Programs(market).least_subsidy()
        tariff = design.tariff
        found.append(_least_subsidy(design, outcome, tolerance))
    forward = Forward(market, tariff)
    nash = _nash(environment, forward, tolerance)
    return [
        *found,
        nash,
        _forward_budget(outcome, tolerance),
        # Its proof needs that r* is an equilibrium.
        *([_no_free_lunch(environment, forward, tolerance)] if nash.holds else []),
        _budgets(outcome, tolerance),
        _gains(environment, market, outcome, tolerance),
    ]


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


def _largest_surplus(market: Market, outcome: Outcome, tolerance: float) -> Finding:
    """Proposition 9: no holdings below the demands earn more."""
    generator = np.random.default_rng(0)
    best, rival = -np.inf, np.zeros(market.demand.size)
    for _ in range(RIVALS if market.interim.agents <= 50 else 10):
        share = generator.dirichlet(np.full(market.demand.size, generator.choice([0.3, 1.0, 5.0])))
        rival_holding = below_demand(share, market.demand)
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


def _least_subsidy(design: Design, outcome: Outcome, tolerance: float) -> Finding:
    """What the forward market pays out against the exact optimum of the tariff's linear program."""
    paid, gap = -float(outcome.summary["forward_budget"]), design.gap
    proven = isinstance(design.certificate, Certificate)  # else many close knots: floats lose digits between them
    return Finding(
        property="least_subsidy",
        margin=-max(abs(paid - design.optimum), gap),
        tolerance=tolerance if proven else 1000 * tolerance,
        evidence="the tariff pays out what the linear program's optimal basis gives in rational arithmetic"
        if proven
        else "the tariff pays out what the linear program's optimum is, in floats: its basis is no rational proof",
        witness={"paid": paid, "optimum": design.optimum, "float_solver": design.solved, "gap": gap},
    )


def _no_free_lunch(environment: Environment, forward: Forward, tolerance: float) -> Finding:
    return Finding(
        property="no_free_lunch",
        margin=no_free_lunch(forward.market, forward),
        tolerance=tolerance,
        evidence="forward budget plus spot surplus at r* is at most the spot surplus at the endowments",
        witness={"forward_budget": forward.budget(), "surplus_at_holding": forward.market.surplus_at_target,
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


def _gains(environment: Environment, market: Prospect, outcome: Outcome, tolerance: float) -> Finding:
    """Each gain recomputed from its parts, and not below 0."""
    paid, fee, rebate, gain = (column(outcome, "agents", name) for name in ("forward_payment", "fee", "rebate", "gain"))
    outside = market.outside_payoffs
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
