"""Overage-proportional rationing: period-end settlement where slack covers overage in proportion.

Source: lengyel2025.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mechopt.paper import PAPERS

if TYPE_CHECKING:
    from mechopt.mechanisms.overage.checks import check
    from mechopt.mechanisms.overage.clearing import clear, scarcity
    from mechopt.mechanisms.overage.coalitions import (
        best_deviation,
        best_deviation_without_payments,
        coalition_payoff,
        strong_equilibrium,
    )
    from mechopt.mechanisms.overage.environment import Environment, from_document
    from mechopt.mechanisms.overage.incentives import (
        best_replies,
        facing,
        nash_equilibrium,
        nash_set,
        own_payoff,
        payoffs,
    )
    from mechopt.mechanisms.overage.mechanism import run
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
    from mechopt.mechanisms.overage.rounding_table import rounding_properties
    from mechopt.mechanisms.overage.settlement import settle
    from mechopt.mechanisms.overage.stream import settle_parquet

PAPER = PAPERS["overage"]

_HOMES = {
    "Environment": "environment",
    "from_document": "environment",
    "run": "mechanism",
    "check": "checks",
    "pictures": "plots",
    "clear": "clearing",
    "scarcity": "clearing",
    "rounding_properties": "rounding_table",
    "settle": "settlement",
    "settle_parquet": "stream",
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
    "PAPER",
    "Environment",
    "Scenario",
    "best_deviation",
    "best_deviation_without_payments",
    "best_replies",
    "check",
    "clear",
    "coalition_payoff",
    "collar_as_printed",
    "collar_condition",
    "cost_of_waiting",
    "facing",
    "from_document",
    "marginal_residual",
    "nash_equilibrium",
    "nash_set",
    "net_equilibrium",
    "own_payoff",
    "payoffs",
    "pictures",
    "rounding_properties",
    "run",
    "scarcity",
    "settle",
    "settle_parquet",
    "strong_equilibrium",
    "waiting_equilibrium",
]


def __getattr__(name: str) -> Any:
    """Import a verb's module when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
