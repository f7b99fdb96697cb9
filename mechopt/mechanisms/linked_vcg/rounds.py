"""The verb `simulate`: the cost-to-surplus ratio as the market grows. Source: zhu2021, Section 6.3, Theorem 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.random import Generator

from mechopt import tasks
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.linked_vcg.confidence import Payoffs
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.growth import Base, Replication, Size, replicate, size_of
from mechopt.mechanisms.linked_vcg.laws import from_records, from_reports
from mechopt.mechanisms.linked_vcg.widths import Bound
from mechopt.outcome import Guarantee, Outcome
from mechopt.program import to_float

LARGEST = 2 * 10**8  # reports of one replication held at once: 1.6 GB
Count = Annotated[int, msgspec.Meta(ge=1)]


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [simulate].

    Attributes:
        agents: numbers of agents, k; the stock grows in proportion.
        replications: horizons drawn for each.
        exponent: kappa: k agents are linked over ceil(k^kappa) dates, times `dates_factor`.
        dates_factor: of the number of dates.
        bound: on the tails of averages.
        delta: the probability that anybody leaves his bounds, at most, at the smallest k.
        conjecture: in its place, with a tolerance: to be believable at the smallest k.
        tolerance: epsilon, the payoff that nobody bothers about.
        decay: delta, or the conjecture, falls as k to the power of minus this; above 1, as Theorem 2 needs.
        distributions: of one date's endowments, in place of drawing from the document's dates.
    """

    agents: list[Count] = msgspec.field(default_factory=lambda: [50, 100, 200, 400, 800])
    replications: Count = 20
    exponent: Any = 0.5
    dates_factor: Any = 1
    bound: Literal["hoeffding", "bernstein", "normal"] = "hoeffding"
    delta: Any = None
    conjecture: Any = None
    tolerance: Any = None
    decay: Any = 1.25
    distributions: Any = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """A table, read."""

    agents: list[int]
    replications: int
    exponent: float
    factor: float
    bound: Bound
    delta: float | None
    conjecture: float
    tolerance: float | None
    decay: float


def _read(document: Document) -> tuple[_Asked, Table]:
    table = document.section("simulate", Table)

    def number(name: str, most: float = np.inf) -> float:
        key = f"simulate.{name}"
        found = float(document.number(getattr(table, name), key, positive=True))
        if not found <= most:
            raise document.error(f"must be at most {most:g}, not {found:g}", key)
        return found

    if not table.agents:
        raise document.error("must be a list of numbers of agents", "simulate.agents")
    if table.delta is not None and table.conjecture is not None:
        raise document.error("give delta or conjecture, not both: one follows from the other", "simulate")
    if table.conjecture is not None and table.tolerance is None:
        raise document.error("is missing; a conjecture is believable only for a tolerance", "simulate.tolerance")
    if (exponent := number("exponent")) >= 1:
        raise document.error(f"must be below 1, not {exponent:g}", "simulate.exponent")
    if (decay := number("decay")) <= 1:
        raise document.error(f"must be above 1, not {decay:g}", "simulate.decay")
    delta = None if table.delta is None else number("delta", 0.5)
    asked = _Asked(
        agents=sorted(set(table.agents)), replications=table.replications, exponent=exponent,
        factor=number("dates_factor"), bound=table.bound,
        delta=0.05 if delta is None and table.conjecture is None else delta,
        conjecture=0.0 if table.conjecture is None else number("conjecture", 1.0),
        tolerance=None if table.tolerance is None else number("tolerance"), decay=decay,
    )  # fmt: skip
    return asked, table


def _base(environment: Environment, document: Document, table: Table) -> Base:
    laws = (
        replace(from_reports(environment.endowments), observed=0)  # what is drawn from is the law
        if table.distributions is None
        else from_records(table.distributions, environment, document, "simulate.distributions")
    )
    if table.distributions is None:
        laws = replace(laws, deviation=to_float(environment.endowments).std(axis=1))
    return Base(
        stock=to_float(environment.stock), types=to_float(environment.types),
        reports=to_float(environment.endowments), laws=laws, discount=float(environment.discount),
        payoffs=Payoffs.of(environment.stock, environment.types),
    )  # fmt: skip


def simulate(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: tasks.Progress | None = None,
) -> Outcome:
    """The cost-to-surplus ratio of the linked and the unlinked mechanism against the number of agents.

    Args:
        environment: stock, types, and reports to draw from.
        document: with the table [simulate], see `Table`.
        seed: root of the random streams, one a replication.
        workers: processes.
        progress: called as progress(done, total) replications.

    Returns:
        `tables.growth` (a row a number of agents) and `tables.replications`. The status is "interrupted" after
        Ctrl-C and "incomplete" where workers died, and what was finished is there.

    Raises:
        InstanceError: names the key at fault.
    """
    asked, table = _read(document)
    try:
        base = _base(environment, document, table)
        sizes = [_size(base, asked, agents) for agents in asked.agents]
    except InstanceError as error:
        key = (error.key or "simulate").replace("design.", "simulate.")  # rooms shared with `design` name its keys
        raise InstanceError(error.problem, file=document.path, key=key, row=error.row) from None
    # One replication of every size after the other: an interrupted run has something of all of them.
    items = [(place, number) for number in range(asked.replications) for place in range(len(sizes))]
    finished: dict[int, Replication] = {}
    task = partial(_task, base, sizes)
    with tasks.keeping(finished) as ending, tasks.pool(min(workers, len(items))) as executor:
        tasks.run(task, items, executor=executor, seed=seed, progress=progress, finished=finished)
    done = [(*items[place], finished[place]) for place in sorted(finished)]
    return _outcome(asked, sizes, done, ending)


def _size(base: Base, asked: _Asked, agents: int) -> Size:
    dates = max(1, ceil(asked.factor * agents**asked.exponent - 1e-9))
    if agents * dates * len(base.types) > LARGEST:
        raise InstanceError(f"{agents} agents over {dates} dates are more than memory holds; choose a smaller exponent "
                            "or fewer agents", key="simulate.agents")  # fmt: skip
    share = (asked.agents[0] / agents) ** asked.decay
    return size_of(
        base, agents, dates, bound=asked.bound, delta=None if asked.delta is None else asked.delta * share,
        target=asked.conjecture * share, tolerance=asked.tolerance,
    )  # fmt: skip


def _task(base: Base, sizes: Sequence[Size], item: tuple[int, int], generator: Generator) -> Replication:
    return replicate(base, sizes[item[0]], generator)


def _outcome(
    asked: _Asked, sizes: list[Size], done: list[tuple[int, int, Replication]], ending: tasks.Ending
) -> Outcome:
    by_size = [[found for place, _, found in done if place == size] for size in range(len(sizes))]
    growth = _growth([(size, found) for size, found in zip(sizes, by_size, strict=True) if found])
    last = {name: column[-1] for name, column in growth.items()}
    slope = _slope(growth)
    summary: dict[str, Any] = {
        "replications": len(done),
        "exponent": asked.exponent,
        "slope": slope,
        "slope_of_widths": -asked.exponent / 2,
        **{name: last[name] for name in ("agents", "dates", "ratio", "ratio_low", "ratio_high", "ratio_unlinked",
                                         "price_takers")},
    }  # fmt: skip
    error = max((value for value in growth["standard_error"] if value is not None), default=0.0)
    names = ("surplus", "unlinked", "low", "estimate", "high", "timing", "takers", "left")
    return Outcome(
        mechanism="linked_vcg", title="", status=ending.status or "simulated",
        guarantee=Guarantee(
            kind="approximate", error=error,
            detail="means over replications, with their largest standard error; in each of them the linked cost is "
            "proven to lie between low and high",
        ),
        summary=summary,
        tables={
            "growth": growth,
            "replications": {
                "agents": [sizes[place].agents for place, _, _ in done],
                "replication": [number + 1 for _, number, _ in done],
                **{name: [getattr(found, name) for _, _, found in done] for name in names},
            },
        },
        warnings=[*ending.warnings, *_warnings(growth)],
        provenance={"random_streams": "one a replication, spawned from the seed"},
    )  # fmt: skip


def _growth(done: Sequence[tuple[Size, list[Replication]]]) -> dict[str, list[Any]]:
    """Ratios of mean costs to mean surplus; the band is that of the ratios of single replications."""
    rows = []
    for size, found in done:
        column = {name: np.array([getattr(one, name) for one in found]) for name in Replication.__dataclass_fields__}
        surplus = column["surplus"]
        ratio = column["estimate"] / surplus
        low, high = np.quantile(ratio, [0.1, 0.9])
        mean = {name: float(values.mean() / surplus.mean()) for name, values in column.items()}
        # The ratio of two means: its error is that of the mean of cost - ratio * surplus.
        rest = column["estimate"] - mean["estimate"] * surplus
        rows.append({
            "agents": size.agents, "dates": size.dates, "ratio": mean["estimate"], "ratio_low": mean["low"],
            "ratio_high": mean["high"], "band_low": float(low), "band_high": float(high),
            "standard_error": float(rest.std(ddof=1) / len(found) ** 0.5 / surplus.mean()) if len(found) > 1 else None,
            "ratio_unlinked": mean["unlinked"], "ratio_timing": mean["timing"], "ratio_widths": size.width_ratio,
            "price_takers": float(column["takers"].mean()), "left_bounds": float(column["left"].mean()),
            "delta": size.delta, "conjecture": size.conjecture,
        })  # fmt: skip
    return {name: [row[name] for row in rows] for name in rows[0]}


def _slope(growth: Mapping[str, Sequence[Any]]) -> float | None:
    """Of log ratio against log agents, by least squares; None with fewer than three sizes."""
    if len(growth["ratio"]) < 3 or min(growth["ratio"]) <= 0:
        return None
    return float(np.polyfit(np.log(growth["agents"]), np.log(growth["ratio"]), 1)[0])


def _warnings(growth: Mapping[str, Sequence[Any]]) -> list[str]:
    if min(growth["price_takers"]) < 1:
        return [
            "not all agents take prices as given; between ratio_low and ratio_high, `ratio` counts them as if they did"
        ]
    return []
