"""One finding for margins at every period: the worst of them, where it is, and what rounding explains."""

from __future__ import annotations

from typing import Any

import numpy as np

from mechopt.finding import Finding
from mechopt.mechanisms.limited_liability.audit import Array, Books
from mechopt.mechanisms.limited_liability.environment import Environment

RELATIVE = 1e-9
GRID_ERROR = 2.0**-31  # of a probability, integer ledger


def tolerance(environment: Environment, books: Books) -> float:
    """What rounding explains: floats over the horizon, or the grid of the ledger and its floor divisions."""
    scale = books.bound * environment.rules.agents * len(books.group)
    if environment.ledger == "integer":
        return scale * (RELATIVE + GRID_ERROR * (environment.rules.agents + 1))
    return scale * RELATIVE


def worst(name: str, margins: Array, allowed: float, evidence: str, environment: Environment, **more: Array) -> Finding:
    """A finding for margins by period, or by period and agent."""
    place = np.unravel_index(int(np.argmin(margins)), margins.shape)
    witness: dict[str, Any] = {"period": environment.period_names[int(place[0])]}
    if margins.ndim == 2 and margins.shape[1] == environment.rules.agents:
        witness["agent"] = environment.agent_names[int(place[1])]
    witness |= {key: float(rows[place]) for key, rows in more.items()}
    return Finding(property=name, margin=float(margins[place]), tolerance=allowed, evidence=evidence, witness=witness)
