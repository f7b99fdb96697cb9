"""The pictures of a settled horizon: prices over the dates, and what linking saves. Source: zhu2021, Section 4."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.geometry import linked_by_geometry
from mechopt.mechanisms.linked_vcg.geometry_plot import COLOURS, picture
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas
from mechopt.program import to_float

MOST_LINES = len(COLOURS)
MOST_POINTS = 400
LEGEND_WIDTH = 66  # characters side by side below a picture, with 6 for each mark


def pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a report.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`; its tables are read.

    Returns:
        Prices over the dates, linked against unlinked transfers and, for two resources, the geometric algorithm for
        the agent with the largest transfer of those who take prices as given.
    """
    return [_prices(environment, outcome), _transfers(environment, outcome), *_geometry(environment, outcome)]


def _geometry(environment: Environment, outcome: Outcome) -> list[Picture]:
    table = outcome.tables["agents"]
    if environment.stock.size != 2 or "method" not in table:
        return []
    small = [place for place, method in enumerate(table["method"]) if method == "price_taking"]
    if not small:
        return []
    agent = max(small, key=lambda place: (table["linked_transfer"][place], -place))
    return [picture(environment, linked_by_geometry(environment, agent))]


def _prices(environment: Environment, outcome: Outcome) -> Picture:
    """A line a resource; where prices are not unique, the interval is shaded."""
    from matplotlib.ticker import MaxNLocator

    low, high = _intervals(environment, outcome)
    names = environment.resource_names
    shown = min(len(names), MOST_LINES)
    # Each resource relative to its mean: units differ.
    mean = (low + high).mean(axis=0) / 2
    figure, axes = canvas()
    dates = np.arange(1, len(low) + 1)
    for place in range(shown):
        colour, scale = COLOURS[place], mean[place] or 1.0
        axes.plot(dates, (low + high)[:, place] / 2 / scale, "o-", color=colour, linewidth=1.6, markersize=3.5,
                  label=names[place])  # fmt: skip
        axes.fill_between(dates, low[:, place] / scale, high[:, place] / scale, color=colour, alpha=0.25, linewidth=0)
    axes.set_xlabel("date")
    axes.set_ylabel("price, relative to its mean")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    longest = max(len(name) for name in names[:shown])
    figure.legend(loc="outside lower center", ncols=max(1, min(3, LEGEND_WIDTH // (longest + 6))), frameon=False)
    return Picture(
        title="Prices of the resources",
        caption="The price that supports the efficient investment of each date, relative to its mean over the dates; "
        "shaded where it is not unique.",
        alt=f"Lines of the prices of {shown} resources over {len(low)} dates; the numbers are in the table.",
        figure=figure,
        numbers={"date": environment.date_names}
        | {f"{name}, low": low[:, place].tolist() for place, name in enumerate(names[:shown])}
        | {f"{name}, high": high[:, place].tolist() for place, name in enumerate(names[:shown])},
    )


def _intervals(environment: Environment, outcome: Outcome) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = outcome.tables["dates"]
    if "price_low" in table:
        return _floats(table["price_low"]), _floats(table["price_high"])
    price = _floats(table["price"])
    return price, price


def _floats(rows: Any) -> NDArray[np.float64]:
    return to_float(np.array([list(row) for row in rows], dtype=object))


def _transfers(environment: Environment, outcome: Outcome) -> Picture:
    """Transfers relative to the agent's own contribution, largest contribution first."""
    from matplotlib.ticker import MaxNLocator

    table = outcome.tables["agents"]
    own, unlinked, linked = (
        to_float(np.asarray(table[name], dtype=object))
        for name in ("contribution", "unlinked_transfer", "linked_transfer")
    )
    order = np.argsort(-own, kind="stable")
    picked = order[np.unique(np.linspace(0, own.size - 1, min(own.size, MOST_POINTS)).round().astype(int))]
    figure, axes = canvas()
    ranks = np.arange(1, picked.size + 1)
    for values, colour, mark, name in (
        (unlinked, COLOURS[1], "s", "unlinked"),
        (linked, COLOURS[0], "o", "linked"),
        (own, COLOURS[2], "_", "own contribution"),
    ):
        axes.plot(ranks, np.maximum(values[picked], 0.0), mark, color=colour, markersize=5, label=name)
    axes.set_yscale("symlog", linthresh=max(1e-9, float(np.median(own)) or 1.0))
    axes.set_xlabel("agents, largest contribution first")
    axes.set_ylabel(f"payoff{f' ({environment.units})' if environment.units else ''}")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    saved = 1 - float(linked.sum()) / float(unlinked.sum()) if unlinked.sum() > 0 else 0.0
    return Picture(
        title="What linking saves",
        caption="Transfers of both mechanisms beside each agent's own contribution; the axis is linear near 0.",
        alt=f"Linked transfers are {saved:.1%} below the unlinked ones in total; the numbers are in the table.",
        figure=figure,
        numbers={
            "agent": [environment.agent_names[place] for place in picked],
            "contribution": own[picked].tolist(),
            "unlinked_transfer": unlinked[picked].tolist(),
            "linked_transfer": linked[picked].tolist(),
        },
    )
