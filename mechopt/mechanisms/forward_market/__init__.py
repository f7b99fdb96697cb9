"""Forward markets: holdings bought before values are known, so that an efficient spot market pays. Source: liu2020."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mechopt.paper import PAPERS

if TYPE_CHECKING:
    from mechopt.mechanisms.forward_market.calibration import design
    from mechopt.mechanisms.forward_market.checks import check
    from mechopt.mechanisms.forward_market.document import from_document
    from mechopt.mechanisms.forward_market.environment import Environment
    from mechopt.mechanisms.forward_market.explanation import explain
    from mechopt.mechanisms.forward_market.market import Market
    from mechopt.mechanisms.forward_market.mechanism import run
    from mechopt.mechanisms.forward_market.plots import design_pictures, pictures
    from mechopt.mechanisms.forward_market.rounds import simulate
    from mechopt.mechanisms.forward_market.rounds_plots import simulate_pictures

PAPER = PAPERS["forward_market"]

_HOMES = {
    "Environment": "environment",
    "from_document": "document",
    "Market": "market",
    "run": "mechanism",
    "check": "checks",
    "explain": "explanation",
    "design": "calibration",
    "design_pictures": "plots",
    "simulate_pictures": "rounds_plots",
    "simulate": "rounds",
    "pictures": "plots",
}
__all__ = [
    "PAPER",
    "Environment",
    "Market",
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
