"""Random instances, seeded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.rules import Rules

Draw = Callable[..., Environment]

# Every variant with its options.
VARIANTS: list[dict[str, Any]] = [
    {"variant": "pivot"},
    {"variant": "baseline"},
    {"variant": "baseline", "payment": "debt"},
    {"variant": "strategic"},
    {"variant": "consistent"},
    {"variant": "consistent", "payment": "debt"},
    {"variant": "discounted", "discount": "0.9"},
    {"variant": "discounted", "discount": "0.99", "payment": "debt"},
    {"variant": "bounded_values"},
    {"variant": "bounded_values", "use_regret_b": False},
    {"variant": "exploration"},
    {"variant": "exploration", "propensity": "group", "payment": "debt", "exploration_exponent": "1/4"},
]


def draw_environment(
    seed: int,
    *,
    periods: int = 40,
    agents: int = 3,
    decisions: int = 4,
    coarse: bool = False,
    options: dict[str, Any] | None = None,
    **rest: Any,
) -> Environment:
    """Values and independent outputs in [0, 1]; coarse ones make ties, exact zeros and 0/0 common."""
    rng = np.random.default_rng(seed)
    shape = (periods, agents, decisions)
    values, outputs = rng.random(shape), rng.random(shape)
    if coarse:
        values, outputs = np.round(values * 2) / 2, np.round(outputs)
    return Environment(
        rules=Rules(agents=agents, **(options or {"variant": "baseline"})),
        values=values,
        outputs=outputs,
        seed=seed,
        **rest,
    )


@pytest.fixture(scope="session")
def draw() -> Draw:
    return draw_environment


@pytest.fixture(params=VARIANTS, ids=lambda options: "-".join(str(value) for value in options.values()))
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    chosen: dict[str, Any] = request.param
    return chosen
