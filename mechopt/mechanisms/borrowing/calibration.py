"""What a manager settles before she begins: the constant from data or beliefs, and whether one stage is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.borrowing.equilibrium import Game
from mechopt.mechanisms.borrowing.expectations import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A constant estimated from past rounds.

    Attributes:
        constant: h = -mean welfare / 2.
        low: end of its confidence interval.
        high: other end.
        rounds: how many rounds it rests on.
    """

    constant: float
    low: float
    high: float
    rounds: int


def from_rounds(welfare: ArrayLike, *, level: float = 0.05) -> Calibrated:
    """The constant that balances past rounds, with a Student confidence interval.

    Args:
        welfare: sum of both reported payoffs of each round, at least two.
        level: probability that the interval misses.

    Raises:
        InstanceError: fewer than two rounds, or a number that is not finite.
    """
    from scipy.stats import t

    seen = np.asarray(welfare, dtype=np.float64).ravel()
    if seen.size < 2 or not np.isfinite(seen).all():
        raise InstanceError("at least two rounds with finite payoffs are needed", key="welfare")
    half = float(t.ppf(1 - level / 2, seen.size - 1)) * float(seen.std(ddof=1)) / sqrt(seen.size) / 2
    middle = -float(seen.mean()) / 2
    return Calibrated(constant=middle, low=middle - half, high=middle + half, rounds=int(seen.size))


def robust_constant(means: Sequence[Estimate]) -> tuple[Any, Any]:
    """(h, largest drift a round) for beliefs of which any may be right: the middle of their balancing constants.

    Args:
        means: E[W*] under each belief.

    Raises:
        InstanceError: there is no belief.
    """
    if not means:
        raise InstanceError("at least one belief is needed", key="beliefs")
    low, high = min(m.value for m in means), max(m.value for m in means)
    return (low + high) * Fraction(-1, 4), (high - low) / 2


def one_stage_enough(found: Game) -> Finding:
    """Whether transfers from first-stage reports alone can make the efficient order ex-post incentive compatible.

    They can exactly where, for every type of the other, an agent loses more from being second at each of his types that
    go first than at each that does not. The margin is the least such difference on the grid; below 0 payoff reports
    are needed, and the witness names the types.
    """
    worst, witness = None, None
    sign = found.sign.astype(int)
    for agent in (0, 1):
        # Twice v_i(t_i) - v_i(t1 + t2), the other's types along the rows.
        loss = found.payoff(agent, 1) - found.payoff(agent, -1)
        loss = loss.T if agent == 0 else -loss
        ahead = sign.T if agent == 0 else -sign
        for other in range(loss.shape[0]):
            first, second = np.flatnonzero(ahead[other] > 0), np.flatnonzero(ahead[other] < 0)
            if not first.size or not second.size:
                continue
            least = int(first[np.argmin(loss[other, first])])
            most = int(second[np.argmax(loss[other, second])])
            gap = loss[other, least] - loss[other, most]
            if worst is None or gap < worst:
                worst, witness = gap, (agent, other, least, most)
    evidence = "losses from being second, for every type of the other on the grid, compared exactly"
    if worst is None or witness is None:
        return Finding(property="one_stage_enough", margin=0, tolerance=0, evidence=evidence)
    agent, other, least, most = witness
    named = [found.types[agent][least], found.types[agent][most], found.types[1 - agent][other]]
    shown = [f"{name} at {time}" for name, time in named]
    return Finding(
        property="one_stage_enough", margin=Fraction(int(worst), 2) * found.unit, tolerance=0, evidence=evidence,
        witness={"agent": agent + 1, "first": shown[0], "second": shown[1], "other": shown[2]},
    )  # fmt: skip
