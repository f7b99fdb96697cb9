"""Random forward markets, seeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.distributions import Beta, Distribution, Power, TruncatedNormal, Uniform
from mechopt.mechanisms.forward_market.environment import Environment

Build = Callable[..., Environment]


def build_environment(
    demand: Sequence[Any],
    endowment: Sequence[Any],
    distribution: Sequence[Distribution] | None = None,
    support: tuple[Any, Any] = (0, 1),
    **options: Any,
) -> Environment:
    """An environment from bare lists; uniform values where no distributions are given."""
    low, high = support
    return Environment(
        name=[f"agent {number}" for number in range(1, len(demand) + 1)],
        demand=demand,
        endowment=endowment,
        distribution=distribution or [Uniform(low=low, high=high)] * len(demand),
        support=(Fraction(low), Fraction(high)),
        **options,
    )


def draw_environment(seed: int, *, agents: int | None = None, lattice: int = 12, exact: bool = False) -> Environment:
    """Demands on a lattice, endowments of all shapes, values of several families; `exact`: polynomial cdfs only."""
    rng = np.random.default_rng(seed)
    count = agents or int(rng.integers(2, 6))
    low = Fraction(int(rng.integers(0, 3)), 2)
    high = low + Fraction(int(rng.integers(1, 5)))
    while True:
        demand = [Fraction(int(part), lattice) for part in rng.integers(1, lattice + 1, count)]
        if sum(demand) > 1:
            break
    parts = rng.integers(0, 6, count) * (rng.random(count) < 0.7)
    if not parts.any():
        parts[0] = 1
    endowment = [Fraction(int(part), int(parts.sum())) for part in parts]

    def law() -> Distribution:
        kind = rng.integers(0, 3 if exact else 5)
        if kind == 0:
            return Uniform(low=low, high=high)
        if kind == 1:
            return Power(p=int(rng.integers(1, 4)), low=low, high=high)
        if kind == 2:
            return Beta(a=int(rng.integers(1, 4)), b=int(rng.integers(1, 4)), low=low, high=high)
        if kind == 3:
            return Power(p=Fraction(int(rng.integers(3, 9)), 4), low=low, high=high)
        middle = float(low) + float(high - low) * float(rng.uniform(0.2, 0.8))
        return TruncatedNormal(mu=round(middle, 3), sigma=0.3, low=low, high=high)

    return build_environment(demand, endowment, [law() for _ in range(count)], (low, high))


@pytest.fixture(scope="session")
def draw() -> Build:
    return draw_environment


@pytest.fixture(scope="session")
def build() -> Build:
    return build_environment
