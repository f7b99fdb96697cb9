"""How far the holdings can be trusted where values come from samples: bootstrap bands.

Every agent's samples are drawn again with replacement, smoothed as the document says, and the market is solved again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mechopt import tasks
from mechopt.distributions import Empirical
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.smoothing import bernstein, default_degree

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Observed values of one agent.

    Attributes:
        values: in any order.
        degree: of the smoothing polynomial.
    """

    values: tuple[Fraction, ...]
    degree: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bands:
    """What resampling moves; a row a resample.

    Attributes:
        type: common worst-off type, shape (resamples,).
        holding: r*, units of supply, shape (resamples, agents).
        surplus: Pi at the holdings of the original samples, money, shape (resamples,).
    """

    type: Floats
    holding: Floats
    surplus: Floats


def samples_of(agents: object, named: object) -> dict[int, Samples]:
    """The samples in a document's agents, by agent.

    Args:
        agents: the document's records.
        named: its distributions by name, or None.

    Raises:
        InstanceError: no agent has samples.
    """
    found: dict[int, Samples] = {}
    for place, record in enumerate(agents if isinstance(agents, list | tuple) else ()):
        table = record.get("distribution") if isinstance(record, Mapping) else None
        if isinstance(table, str) and isinstance(named, Mapping):
            table = named.get(table)
        if isinstance(table, Mapping) and table.get("family") == "empirical":
            values = Empirical(samples=table["samples"]).samples
            found[place] = Samples(values=values, degree=int(table.get("degree") or default_degree(len(values))))
    if not found:
        raise InstanceError(
            'needs at least one agent in the document whose distribution is { family = "empirical", samples = [...] }',
            key="agents.distribution",
        )
    return found


class _Task:
    """One resample; agents of one list of samples share its resample."""

    def __init__(self, environment: Environment, samples: dict[int, Samples], holding: Floats) -> None:
        self.environment, self.samples, self.holding = environment, samples, holding

    def __call__(self, _number: int, generator: Generator) -> tuple[float, Floats, float]:
        laws: list[Any] = list(self.environment.distribution)
        drawn: dict[Samples, Any] = {}
        for place, observed in self.samples.items():
            if observed not in drawn:
                chosen = generator.integers(0, len(observed.values), len(observed.values))
                again = [observed.values[index] for index in chosen.tolist()]
                drawn[observed] = bernstein(again, observed.degree, self.environment.support)
            laws[place] = drawn[observed]
        market = Market(replace(self.environment, distribution=laws))
        return market.common.type, market.common.holding, market.surplus(self.holding)


def bootstrap(
    environment: Environment,
    samples: dict[int, Samples],
    *,
    resamples: int = 200,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Bands:
    """The market solved again for resampled observations.

    Args:
        environment: the market of the original samples.
        samples: by agent, as `samples_of` gives them.
        resamples: how many.
        seed: root of the random streams, one a resample.
        workers: processes.
        progress: called as progress(done, total).
    """
    task = _Task(environment, samples, Market(environment).common.holding)
    with tasks.pool(workers) as executor:
        rows: Sequence[tuple[float, Floats, float]] = tasks.run(
            task, range(resamples), seed=seed, progress=progress, executor=executor
        )
    return Bands(
        type=np.array([row[0] for row in rows]),
        holding=np.array([row[1] for row in rows]),
        surplus=np.array([row[2] for row in rows]),
    )
