"""Profiles of types with any worst-off types: what the claims about (2), (6) and (7) share."""

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance

TYPES = [Fraction(0), Fraction(1, 2), Fraction(1)]


def profile(instance: Instance) -> bool:
    """Each agent has a type, a worst-off type and a holding, all nonnegative; the holdings sum to 1."""
    rows = [instance[name] for name in ("types", "worst", "holding")]
    whole = all(len(row) == len(instance["demand"]) and min(row) >= 0 for row in rows)
    return whole and sum(instance["holding"]) == 1


GRID = [
    {"demand": list(k), "types": list(t), "worst": list(w), "holding": [Fraction(1, 4), Fraction(3, 4)]}
    for k in itertools.product([Fraction(1, 2), Fraction(3, 4), 1], repeat=2)
    for t in itertools.product(TYPES, repeat=2)
    for w in itertools.product(TYPES, repeat=2)
]
RANGE = "2 agents, demand in {1/2, 3/4, 1}, types and worst-off types in {0, 1/2, 1}, holdings (1/4, 3/4)"


def instead(types: Sequence[Any], agent: int, value: Any) -> list[Any]:
    """The profile with one agent's type replaced."""
    return [value if i == agent else t for i, t in enumerate(types)]
