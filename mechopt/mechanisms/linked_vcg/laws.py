"""What is known of one date's endowments, per agent and type: from the document's reports, or from distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import distributions, exact
from mechopt.distributions import Distribution
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.linked_vcg.environment import LARGEST, Environment
from mechopt.mechanisms.linked_vcg.widths import Bound, Tails
from mechopt.program import to_float

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laws:
    """One date's endowment of each agent and type; arrays of shape (agents, types).

    Attributes:
        mean: known, or the average of what was observed.
        deviation: the standard deviation.
        low: end of the support.
        high: other end.
        observed: on how many dates the mean was estimated; 0 where it is known.
        families: the distributions, where given, by (agent, type).
    """

    mean: Array
    deviation: Array
    low: Array
    high: Array
    observed: int
    families: Mapping[tuple[int, int], Distribution]

    def tails(self, bound: Bound, *, dates: int, sides: NDArray[np.intp]) -> Tails:
        """Bounds on the probability that an average over so many dates leaves its mean.

        Args:
            bound: which.
            dates: T.
            sides: 1 or 2, shape (agents,).

        Raises:
            InstanceError: the bound needs a variance that is known, or more data.
        """
        if bound == "bernstein" and self.observed:
            raise InstanceError(
                "bernstein needs known variances; give design.distributions, or use hoeffding or normal",
                key="design.bound",
            )
        if bound == "normal" and self.observed == 1:
            raise InstanceError("normal needs at least two dates of reports", key="design.bound")
        both = np.repeat(sides[:, None], self.mean.shape[1], axis=1)
        reach = np.where(both == 2, np.maximum(self.high - self.mean, self.mean - self.low), self.high - self.mean)
        return Tails(
            bound=bound,
            spread=(self.high - self.low if bound == "hoeffding" else self.deviation).ravel(),
            reach=np.maximum(reach, 0.0).ravel(),
            dates=1 / (1 / dates + (1 / self.observed if self.observed else 0.0)),
            sides=both.ravel().astype(np.float64),
        )


def from_reports(endowments: NDArray[Any], *, headroom: float = 1.0) -> Laws:
    """What reports of several dates show.

    Args:
        endowments: shape (agents, dates, types).
        headroom: the support ends this many times beyond the largest report, and as far below the least.
    """
    reports = to_float(endowments)
    dates = reports.shape[1]
    deviation = reports.std(axis=1, ddof=1) if dates > 1 else np.zeros(reports[:, 0].shape)
    return Laws(
        mean=reports.mean(axis=1), deviation=deviation, low=reports.min(axis=1) / headroom,
        high=reports.max(axis=1) * headroom, observed=dates, families={},
    )  # fmt: skip


def from_records(records: object, environment: Environment, document: Document, key: str) -> Laws:
    """What a list of distributions says: each record has a `family` with its keys, and `agent` and `type`, or all.

    Args:
        records: tables; a later one overrides an earlier one. What none of them names never has projects.
        environment: for the names.
        document: for messages.
        key: where the list stands.

    Raises:
        InstanceError: an unknown name, a wrong table, or a support that is unbounded or goes below 0.
    """
    if not isinstance(records, list | tuple) or not records:
        raise document.error('must be a list of tables such as { type = "1", family = "uniform", high = 3 }', key)
    shape = environment.upper.shape
    families: dict[tuple[int, int], Distribution] = {}
    for row, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise InstanceError("must be a table", file=document.path, key=key, row=row)
        table = dict(record)
        agents = _chosen(table.pop("agent", None), environment.agent_names, "agent", document, key, row)
        kinds = _chosen(table.pop("type", None), environment.type_names, "type", document, key, row)
        found = distributions.from_table(table, key, file=document.path, row=row)
        low, high = found.support
        if low < 0 or not high <= LARGEST:
            raise InstanceError(
                f"endowments lie between 0 and a largest one, of at most {LARGEST:g}; this family reaches from {low:g} "
                f"to {high:g} (set its low and high)", file=document.path, key=key, row=row,
            )  # fmt: skip
        families |= {(agent, kind): found for agent in agents for kind in kinds}
    arrays = {name: np.zeros(shape) for name in ("mean", "deviation", "low", "high")}
    moments: dict[Distribution, tuple[float, float]] = {}
    for place, family in families.items():
        if family not in moments:
            moments[family] = family.mean, family.variance**0.5
        arrays["mean"][place], arrays["deviation"][place] = moments[family]
        arrays["low"][place], arrays["high"][place] = family.support
    return Laws(observed=0, families=families, **arrays)


def _chosen(value: object, names: list[str], axis: str, document: Document, key: str, row: int) -> list[int]:
    """Places of a name, of several, or of all."""
    if value is None:
        return list(range(len(names)))
    wanted = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    for name in wanted:
        if name not in names:
            from mechopt.catalog import nearest

            raise InstanceError(f"there is no {axis} {exact.show(name)}{nearest(name, names)}", file=document.path,
                                key=f"{key}.{axis}", row=row)  # fmt: skip
    return [names.index(name) for name in wanted]
