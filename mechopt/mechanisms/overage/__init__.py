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
    from mechopt.mechanisms.overage.environment import Environment, from_document
    from mechopt.mechanisms.overage.mechanism import run
    from mechopt.mechanisms.overage.plots import pictures
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
    "settle": "settlement",
    "settle_parquet": "stream",
}
__all__ = [
    "PAPER",
    "Environment",
    "check",
    "clear",
    "from_document",
    "pictures",
    "run",
    "scarcity",
    "settle",
    "settle_parquet",
]


def __getattr__(name: str) -> Any:
    """Import a verb's module when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
