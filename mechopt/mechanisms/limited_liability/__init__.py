"""Allocation under limited liability: an online mechanism paid out of realised output only. Source: chassang2021."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mechopt.paper import PAPERS

if TYPE_CHECKING:
    from mechopt.mechanisms.limited_liability.allotment import Allotment, GroupProblems
    from mechopt.mechanisms.limited_liability.bounds import Bound, certified
    from mechopt.mechanisms.limited_liability.checks import check
    from mechopt.mechanisms.limited_liability.curves import simulate_pictures
    from mechopt.mechanisms.limited_liability.deviation import best_deviation
    from mechopt.mechanisms.limited_liability.document import from_document
    from mechopt.mechanisms.limited_liability.environment import Environment
    from mechopt.mechanisms.limited_liability.horizon_plots import design_pictures
    from mechopt.mechanisms.limited_liability.horizons import design
    from mechopt.mechanisms.limited_liability.mechanism import run
    from mechopt.mechanisms.limited_liability.online import Online
    from mechopt.mechanisms.limited_liability.paths import Paths
    from mechopt.mechanisms.limited_liability.plots import pictures
    from mechopt.mechanisms.limited_liability.response import Limits
    from mechopt.mechanisms.limited_liability.rounds import compare, simulate
    from mechopt.mechanisms.limited_liability.rules import Rules
    from mechopt.mechanisms.limited_liability.signs import alarms
    from mechopt.mechanisms.limited_liability.single import Single
    from mechopt.mechanisms.limited_liability.statements import explain, statement
    from mechopt.mechanisms.limited_liability.strategies import Strategy, View

PAPER = PAPERS["limited_liability"]

_HOMES = {
    "Environment": "environment",
    "from_document": "document",
    "run": "mechanism",
    "check": "checks",
    "pictures": "plots",
    "Bound": "bounds",
    "certified": "bounds",
    "Online": "online",
    "Paths": "paths",
    "Rules": "rules",
    "Single": "single",
    "Limits": "response",
    "Allotment": "allotment",
    "GroupProblems": "allotment",
    "alarms": "signs",
    "statement": "statements",
    "best_deviation": "deviation",
    "explain": "statements",
    "simulate": "rounds",
    "compare": "rounds",
    "design": "horizons",
    "simulate_pictures": "curves",
    "design_pictures": "horizon_plots",
    "Strategy": "strategies",
    "View": "strategies",
}
__all__ = [
    "PAPER",
    "Allotment",
    "Bound",
    "Environment",
    "GroupProblems",
    "Limits",
    "Online",
    "Paths",
    "Rules",
    "Single",
    "Strategy",
    "View",
    "alarms",
    "best_deviation",
    "certified",
    "check",
    "compare",
    "design",
    "design_pictures",
    "explain",
    "from_document",
    "pictures",
    "run",
    "simulate",
    "simulate_pictures",
    "statement",
]


def __getattr__(name: str) -> Any:
    """Import a verb's module when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
