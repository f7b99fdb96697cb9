"""CPU time side by side, for every benchmark here.

Other processes add to a time and never take from it: so the least of several rounds counts, candidates take their turns
in a fresh order each round, and only ratios of one run mean anything. What takes less than a few milliseconds is
repeated inside a round.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

Candidate = Callable[[], Any]
SHORT = 2e-3  # seconds


def cpu(candidate: Candidate, repeat: int = 1) -> tuple[float, Any]:
    """CPU seconds (user + system of this process) of one call, and what it returned."""
    found = None
    start = time.process_time()
    for _ in range(repeat):
        found = candidate()
    return (time.process_time() - start) / repeat, found


def repeats(seconds: float) -> int:
    """How often to call what takes so long in one measurement."""
    return max(1, int(SHORT / max(seconds, 1e-7)))


def least(candidates: Mapping[str, Candidate], rounds: int = 9) -> dict[str, float]:
    """Least CPU seconds of each candidate, after one run that warms up."""
    repeat = {name: repeats(cpu(candidate)[0]) for name, candidate in candidates.items()}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name in random.sample(list(candidates), len(candidates)):
            times[name].append(cpu(candidates[name], repeat[name])[0])
    return {name: min(taken) for name, taken in times.items()}
