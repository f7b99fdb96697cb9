"""Random instances, seeded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.linked_vcg.environment import Environment

Draw = Callable[..., Environment]


def draw_environment(
    seed: int,
    *,
    agents: int = 4,
    dates: int = 3,
    types: int = 5,
    resources: int = 2,
    digits: int | None = None,
    lower: float = 0.7,
    **options: Any,
) -> Environment:
    """Agents with gaps in their endowments, bounds around their averages, a stock that is short.

    Few digits make prices and service fall on their limits.
    """
    rng = np.random.default_rng(seed)

    def number(low: float, high: float, shape: Any = ()) -> Any:
        drawn = rng.uniform(low, high, shape)
        return drawn if digits is None else np.round(drawn, digits)

    needs = np.maximum(number(0.2, 1.0, (types, resources)), 0.1)
    needs[:resources] = np.diag(number(1.5, 3.0, resources))
    endowments = number(0.0, 1.0, (agents, dates, types)) * (rng.random((agents, dates, types)) < 0.7)
    average = endowments.mean(axis=1)
    stock = np.maximum((endowments.sum(axis=(0, 1)) / dates @ needs) * number(0.2, 0.7, resources), 0.1)
    return Environment(
        stock=stock if digits is None else np.round(stock, digits + 1),
        types=needs,
        endowments=endowments,
        lower=average * lower,
        upper=average * float(number(1.0, 2.0)) + 0.001,
        **options,
    )


@pytest.fixture(scope="session")
def draw() -> Draw:
    return draw_environment
