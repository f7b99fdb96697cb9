"""Borrowing a reusable resource: who goes first, transfers that make truth an equilibrium, and a budget over rounds.

Source: zheng2023.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mechopt.paper import PAPERS

if TYPE_CHECKING:
    from mechopt.mechanisms.borrowing.budget_plots import simulate_pictures
    from mechopt.mechanisms.borrowing.calibration_plots import design_pictures
    from mechopt.mechanisms.borrowing.checks import check
    from mechopt.mechanisms.borrowing.document import from_document
    from mechopt.mechanisms.borrowing.environment import Environment
    from mechopt.mechanisms.borrowing.expectations import Expectations
    from mechopt.mechanisms.borrowing.explanation import explain
    from mechopt.mechanisms.borrowing.grid_design import design
    from mechopt.mechanisms.borrowing.many_rounds import simulate
    from mechopt.mechanisms.borrowing.mechanism import run
    from mechopt.mechanisms.borrowing.plots import pictures

PAPER = PAPERS["borrowing"]

_HOMES = {
    "Environment": "environment",
    "from_document": "document",
    "run": "mechanism",
    "design": "grid_design",
    "simulate": "many_rounds",
    "simulate_pictures": "budget_plots",
    "design_pictures": "calibration_plots",
    "check": "checks",
    "pictures": "plots",
    "explain": "explanation",
    "Expectations": "expectations",
}
__all__ = [
    "PAPER",
    "Environment",
    "Expectations",
    "check",
    "design",
    "design_pictures",
    "explain",
    "from_document",
    "pictures",
    "run",
    "simulate",
    "simulate_pictures",
]


def __getattr__(name: str) -> Any:
    """Import a verb's module when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
