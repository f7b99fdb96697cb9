"""How far the holdings can be trusted where values come from samples: bootstrap bands.

Every agent's samples are drawn again with replacement, smoothed as the document says, and the market is solved again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mechopt import tasks
from mechopt.instance import Document
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.smoothing import Samples, read

Floats = NDArray[np.float64]


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


def samples_of(document: Document) -> dict[int, Samples]:
    """The samples in a document's agents, by agent; empty where nobody has any."""
    data = document.data
    table = document.table(data["agents"], "agents", ["name", "demand", "endowment", "distribution"])
    column = table.columns["distribution"]
    named = data.get("distributions") or {}
    found: dict[int, Samples] = {}
    for place, law in enumerate(column if isinstance(column, list) else column.to_list()):
        given = named.get(law.strip()) if isinstance(law, str) else law
        if isinstance(given, Mapping) and given.get("family") == "empirical":
            found[place] = read(given)
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
                drawn[observed] = observed.law(again, self.environment.support)
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
