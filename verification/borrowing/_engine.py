"""What the engine computes from beliefs over affine value functions: only to be held against exact recomputations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def expectations(lines: Sequence[tuple[Any, Any]], chances: Sequence[Any], time: dict[str, Any]) -> Any:
    """The engine's `Expectations` where both draw value - slope t and a time from the same laws."""
    from mechopt import instance
    from mechopt.mechanisms.borrowing.document import from_document
    from mechopt.mechanisms.borrowing.expectations import Expectations

    kinds = {f"v{i}": {"kind": "polynomial", "coefficients": [str(a), str(-b)]} for i, (a, b) in enumerate(lines)}
    agent = {"beliefs": {f"v{i}": str(p) for i, p in enumerate(chances)}, "time": time}
    document = {"mechanism": "borrowing", "arithmetic": "exact", "values": kinds, "agents": [agent, agent]}
    return Expectations(from_document(instance.read_document(document)))


def uniform(lines: Sequence[tuple[Any, Any]]) -> Any:
    """The same with equally likely functions and uniform times."""
    return expectations(lines, [f"1/{len(lines)}"] * len(lines), {"family": "uniform"})


def discrete(instance: dict[str, Any]) -> Any:
    """The same for an instance with value, slope, chance, time and weight."""
    lines = list(zip(instance["value"], instance["slope"], strict=True))
    times = {"points": list(map(str, instance["time"])), "probs": list(map(str, instance["weight"]))}
    return expectations(lines, instance["chance"], {"family": "discrete", **times})
