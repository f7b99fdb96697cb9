"""Linked VCG: repeated allocation of durable resources, paid by linked VCG transfers. Source: zhu2021."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mechopt.paper import PAPERS

if TYPE_CHECKING:
    from mechopt.mechanisms.linked_vcg.checks import check
    from mechopt.mechanisms.linked_vcg.design_plots import design_pictures
    from mechopt.mechanisms.linked_vcg.designing import design
    from mechopt.mechanisms.linked_vcg.deviations import Deviation, best_deviation
    from mechopt.mechanisms.linked_vcg.document import from_document
    from mechopt.mechanisms.linked_vcg.environment import Environment
    from mechopt.mechanisms.linked_vcg.geometry import Rays, linked_by_geometry
    from mechopt.mechanisms.linked_vcg.growth_plots import simulate_pictures
    from mechopt.mechanisms.linked_vcg.inner import Limits
    from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
    from mechopt.mechanisms.linked_vcg.linked import Linked, linked_transfer
    from mechopt.mechanisms.linked_vcg.market import Market
    from mechopt.mechanisms.linked_vcg.mechanism import run, run_tasks, run_unlinked
    from mechopt.mechanisms.linked_vcg.partitions import run_parquet
    from mechopt.mechanisms.linked_vcg.plots import pictures
    from mechopt.mechanisms.linked_vcg.position import Position, positions
    from mechopt.mechanisms.linked_vcg.potential import Cheapest, cheapest_transfer
    from mechopt.mechanisms.linked_vcg.rounds import simulate
    from mechopt.mechanisms.linked_vcg.statements import Statement, explain, statement

PAPER = PAPERS["linked_vcg"]

_HOMES = {
    "Environment": "environment",
    "from_document": "document",
    "run": "mechanism",
    "run_tasks": "mechanism",
    "run_parquet": "partitions",
    "run_unlinked": "mechanism",
    "check": "checks",
    "pictures": "plots",
    "Knapsack": "knapsack",
    "Market": "market",
    "Rays": "geometry",
    "linked_by_geometry": "geometry",
    "Linked": "linked",
    "linked_transfer": "linked",
    "Limits": "inner",
    "Position": "position",
    "positions": "position",
    "Statement": "statements",
    "statement": "statements",
    "explain": "statements",
    "Cheapest": "potential",
    "cheapest_transfer": "potential",
    "Deviation": "deviations",
    "best_deviation": "deviations",
    "design": "designing",
    "design_pictures": "design_plots",
    "simulate": "rounds",
    "simulate_pictures": "growth_plots",
}
__all__ = [
    "PAPER",
    "Cheapest",
    "Deviation",
    "Environment",
    "Knapsack",
    "Limits",
    "Linked",
    "Market",
    "Position",
    "Rays",
    "Statement",
    "best_deviation",
    "cheapest_transfer",
    "check",
    "design",
    "design_pictures",
    "explain",
    "from_document",
    "linked_by_geometry",
    "linked_transfer",
    "pictures",
    "positions",
    "run",
    "run_parquet",
    "run_tasks",
    "run_unlinked",
    "simulate",
    "simulate_pictures",
    "statement",
]


def __getattr__(name: str) -> Any:
    """Import a verb's module when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
