"""Overage-proportional rationing: period-end settlement where slack covers overage in proportion.

Source: lengyel2025.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mechopt.paper import PAPERS

if TYPE_CHECKING:
    from mechopt.mechanisms.overage.awards.comparison import (
        compare_rules,
        deviation_index,
        gini_index,
        lorenz_curve,
        lorenz_dominates,
        path_of_awards,
        schedule_of_awards,
    )
    from mechopt.mechanisms.overage.awards.matrix import axiom_matrix
    from mechopt.mechanisms.overage.awards.plots import lorenz_picture, path_picture, schedule_picture
    from mechopt.mechanisms.overage.awards.rules import AWARD_RULES, AwardRule, all_awards, award
    from mechopt.mechanisms.overage.calibration import design, design_pictures
    from mechopt.mechanisms.overage.checks import check
    from mechopt.mechanisms.overage.clearing import clear, scarcity
    from mechopt.mechanisms.overage.coalitions import (
        best_deviation,
        best_deviation_without_payments,
        coalition_payoff,
        strong_equilibrium,
    )
    from mechopt.mechanisms.overage.engine_tables import settle_table
    from mechopt.mechanisms.overage.environment import Environment, from_document
    from mechopt.mechanisms.overage.explanation import explain
    from mechopt.mechanisms.overage.games import Equilibrium, equilibrium, excess_over_cap, game_payoffs, net_reply
    from mechopt.mechanisms.overage.incentives import (
        best_replies,
        facing,
        nash_equilibrium,
        nash_set,
        own_payoff,
        payoffs,
    )
    from mechopt.mechanisms.overage.mechanism import run
    from mechopt.mechanisms.overage.noise import jump_risk, netting_gain, payoff_intervals, review, splitting_gain
    from mechopt.mechanisms.overage.penalty import (
        Scenario,
        collar_as_printed,
        collar_condition,
        cost_of_waiting,
        marginal_residual,
        net_equilibrium,
        waiting_equilibrium,
    )
    from mechopt.mechanisms.overage.plots import pictures
    from mechopt.mechanisms.overage.replication import simulate, simulate_pictures
    from mechopt.mechanisms.overage.rounding_table import rounding_properties
    from mechopt.mechanisms.overage.settlement import settle
    from mechopt.mechanisms.overage.shards import settle_shards
    from mechopt.mechanisms.overage.stream import settle_parquet

PAPER = PAPERS["overage"]

_HOMES = {
    "Environment": "environment",
    "from_document": "environment",
    "run": "mechanism",
    "check": "checks",
    "pictures": "plots",
    "AWARD_RULES": "awards.rules",
    "AwardRule": "awards.rules",
    "all_awards": "awards.rules",
    "award": "awards.rules",
    "axiom_matrix": "awards.matrix",
    "compare_rules": "awards.comparison",
    "deviation_index": "awards.comparison",
    "gini_index": "awards.comparison",
    "lorenz_curve": "awards.comparison",
    "lorenz_dominates": "awards.comparison",
    "lorenz_picture": "awards.plots",
    "path_of_awards": "awards.comparison",
    "path_picture": "awards.plots",
    "schedule_of_awards": "awards.comparison",
    "schedule_picture": "awards.plots",
    "design": "calibration",
    "design_pictures": "calibration",
    "simulate": "replication",
    "simulate_pictures": "replication",
    "jump_risk": "noise",
    "netting_gain": "noise",
    "payoff_intervals": "noise",
    "review": "noise",
    "splitting_gain": "noise",
    "Equilibrium": "games",
    "equilibrium": "games",
    "excess_over_cap": "games",
    "game_payoffs": "games",
    "net_reply": "games",
    "explain": "explanation",
    "clear": "clearing",
    "scarcity": "clearing",
    "rounding_properties": "rounding_table",
    "settle": "settlement",
    "settle_parquet": "stream",
    "settle_shards": "shards",
    "settle_table": "engine_tables",
    "best_deviation": "coalitions",
    "best_deviation_without_payments": "coalitions",
    "coalition_payoff": "coalitions",
    "strong_equilibrium": "coalitions",
    "best_replies": "incentives",
    "facing": "incentives",
    "nash_equilibrium": "incentives",
    "nash_set": "incentives",
    "own_payoff": "incentives",
    "payoffs": "incentives",
    "Scenario": "penalty",
    "collar_as_printed": "penalty",
    "collar_condition": "penalty",
    "cost_of_waiting": "penalty",
    "marginal_residual": "penalty",
    "net_equilibrium": "penalty",
    "waiting_equilibrium": "penalty",
}
__all__ = [
    "AWARD_RULES",
    "PAPER",
    "AwardRule",
    "Environment",
    "Equilibrium",
    "Scenario",
    "all_awards",
    "award",
    "axiom_matrix",
    "best_deviation",
    "best_deviation_without_payments",
    "best_replies",
    "check",
    "clear",
    "coalition_payoff",
    "collar_as_printed",
    "collar_condition",
    "compare_rules",
    "cost_of_waiting",
    "design",
    "design_pictures",
    "deviation_index",
    "equilibrium",
    "excess_over_cap",
    "explain",
    "facing",
    "from_document",
    "game_payoffs",
    "gini_index",
    "jump_risk",
    "lorenz_curve",
    "lorenz_dominates",
    "lorenz_picture",
    "marginal_residual",
    "nash_equilibrium",
    "nash_set",
    "net_equilibrium",
    "net_reply",
    "netting_gain",
    "own_payoff",
    "path_of_awards",
    "path_picture",
    "payoff_intervals",
    "payoffs",
    "pictures",
    "review",
    "rounding_properties",
    "run",
    "scarcity",
    "schedule_of_awards",
    "schedule_picture",
    "settle",
    "settle_parquet",
    "settle_shards",
    "settle_table",
    "simulate",
    "simulate_pictures",
    "splitting_gain",
    "strong_equilibrium",
    "waiting_equilibrium",
]


def __getattr__(name: str) -> Any:
    """Import a verb's module when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
