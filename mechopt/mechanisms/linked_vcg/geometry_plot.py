"""The picture of the geometric algorithm for two resources: hyperplanes, rays and what they meet first.

Source: zhu2021, Section 6.2 and Figure 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.geometry import Rays
from mechopt.picture import Picture, canvas
from mechopt.program import to_float

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#666666")
OTHER = "#999999"  # hyperplanes that no ray meets first, and those beyond the colours that can be told apart
GRID = 400


def picture(environment: Environment, rays: Rays) -> Picture:
    """Hyperplanes of all dates, the regions in which each is met first, and the ray through each type.

    Args:
        environment: with two resources.
        rays: of `linked_by_geometry`.

    Raises:
        ValueError: there are not two resources.
    """
    if environment.stock.size != 2:
        raise ValueError(f"the picture needs two resources, not {environment.stock.size}")
    beta = float(environment.discount)
    types = to_float(environment.types)
    scaled = to_float(rays.price) * beta ** np.arange(len(rays.price))[:, None]
    groups = _groups(rays, apart=beta < 1)
    used = sorted({_group_of(dates[0], groups) for dates, mine in _enclosed(rays) if mine})
    colour = {group: COLOURS[rank] if rank < len(COLOURS) else OTHER for rank, group in enumerate(used)}
    limit = 1.12 / np.minimum(scaled, to_float(rays.price)).min(axis=0)
    figure, axes = canvas()
    _regions(axes, to_float(rays.price), scaled, groups, colour, limit)
    for number, together in enumerate(groups):
        price = scaled[together[0]]
        axes.plot([1 / price[0], 0], [0, 1 / price[1]], color=colour.get(number, OTHER), linewidth=1.6,
                  label=_named(environment, together) if number in colour else None)  # fmt: skip
    for kind, (dates, mine) in enumerate(_enclosed(rays)):
        paint = colour[_group_of(dates[0], groups)] if mine else OTHER
        if mine:
            meets = float(rays.distance[dates[0], kind]) * types[kind]
            axes.plot([0, meets[0]], [0, meets[1]], ":", color=paint, linewidth=1.1)
        if np.all(types[kind] <= limit):
            axes.plot(*types[kind], "o" if mine else "x", color=paint, markersize=6, clip_on=False)
            axes.annotate(environment.type_names[kind], types[kind], xytext=(5, 3), textcoords="offset points",
                          fontsize=8)  # fmt: skip
    axes.set_xlim(0, limit[0])
    axes.set_ylim(0, limit[1])
    across, up = (f"resource {name}" if name.isdecimal() else name for name in environment.resource_names)
    axes.set_xlabel(f"{across} per unit of payoff")
    axes.set_ylabel(f"{up} per unit of payoff")
    if colour:
        axes.legend(frameon=False, title="met first", fontsize=8, title_fontsize=8)
    return Picture(
        title=f"Where a project of agent {rays.agent} displaces most",
        caption="Each line is a date's price, p . x = 1" + (", scaled by beta^(t-1)" if beta < 1 else "")
        + "; lines of dates with the same price fall together. The ray through a type (dotted) meets first, of the "
        "lines that enclose the type, the one of the date at which one more such project would displace most; the "
        "shade says which that is. A cross is a type of which the agent is not surely served at any date.",
        alt=f"{len(groups)} price lines and the rays through {len(types)} project types; the numbers are in the table.",
        figure=figure,
        numbers=_numbers(environment, rays),
    )  # fmt: skip


def _enclosed(rays: Rays) -> list[tuple[tuple[int, ...], bool]]:
    """The dates met first of every type, and whether any date encloses it."""
    return [(dates, bool(rays.encloses[:, kind].any())) for kind, dates in enumerate(rays.best)]


def _groups(rays: Rays, *, apart: bool) -> list[list[int]]:
    """Dates whose prices are the same, exactly, in order of the first; with a discount each date is on its own."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for date, price in enumerate(rays.price):
        groups.setdefault((date if apart else 0, *price.tolist()), []).append(date)
    return list(groups.values())


def _group_of(date: int, groups: Sequence[Sequence[int]]) -> int:
    return next(number for number, dates in enumerate(groups) if date in dates)


def _named(environment: Environment, dates: Sequence[int]) -> str:
    names = [environment.date_names[date] for date in dates]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"date {shown}"


def _regions(
    axes: Axes,
    price: NDArray[np.float64],
    scaled: NDArray[np.float64],
    groups: Sequence[Sequence[int]],
    colour: dict[int, str],
    limit: NDArray[np.float64],
) -> None:
    """Shade every point below a line by the date met first, as the paper's Figure 4b does."""
    from matplotlib.colors import ListedColormap

    across, up = (np.linspace(0, top, GRID) for top in limit)
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    cost = points @ scaled.T
    cost[points @ price.T >= 1] = -1.0  # not enclosed
    first = cost.argmax(axis=1)
    group = np.array([_group_of(date, groups) for date in range(len(price))])[first]
    ranks = {number: rank for rank, number in enumerate(colour)}
    shade = np.array([ranks.get(int(number), np.nan) for number in group], dtype=float)
    shade[cost.max(axis=1) < 0] = np.nan
    if colour:
        axes.imshow(
            shade.reshape(GRID, GRID), origin="lower", extent=(0, float(limit[0]), 0, float(limit[1])), aspect="auto",
            cmap=ListedColormap(list(colour.values())), vmin=-0.5, vmax=len(colour) - 0.5, alpha=0.16,
            interpolation="nearest",
        )  # fmt: skip


def _numbers(environment: Environment, rays: Rays) -> dict[str, list[Any]]:
    """A row a type: where it lies, and what its ray meets first."""
    names = environment.resource_names
    table: dict[str, list[Any]] = {"type": environment.type_names}
    for place, name in enumerate(names):
        table[f"{name} per unit of payoff"] = to_float(environment.types[:, place]).tolist()
    table["met first at date"] = [
        ", ".join(environment.date_names[date] for date in dates) if mine else ""
        for dates, mine in _enclosed(rays)
    ]  # fmt: skip
    table["distance, in multiples of the type"] = [
        float(rays.distance[dates[0], kind]) if mine else None for kind, (dates, mine) in enumerate(_enclosed(rays))
    ]
    return table
