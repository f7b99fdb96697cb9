"""How the cost of all linked transfers grows with agents, dates, types and resources, drawn with its numbers.

python benchmarks/linked_vcg_growth.py      writes docs/pictures/linked_vcg_growth.svg and .csv
"""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.linked_vcg import Instance
from benchmarks.timing import least
from mechopt.mechanisms.linked_vcg.settlement import budget_worth
from mechopt.picture import COLOURS, SIZE, svg

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
BASE = {"agents": 10_000, "dates": 20, "types": 50, "resources": 4}
SWEEPS = {
    "agents": (1_000, 3_000, 10_000, 30_000),
    "dates": (5, 10, 20, 40, 80),
    "types": (12, 25, 50, 100, 200),
    "resources": (1, 2, 4, 8, 16),
}
SERIES = {
    "transfers": "all closed-form transfers, certified",
    "pass": "one sum over the endowments",
    "programs": "the dates' programs alone, certified",
}


def measure() -> list[dict[str, Any]]:
    """CPU milliseconds at every size; one quantity varies at a time, the others stay at the base."""
    rows = []
    for vary, sizes in SWEEPS.items():
        for size in sizes:
            shape = {**BASE, vary: size}
            instance = Instance(shape["agents"], shape["dates"], shape["types"], shape["resources"])
            totals = instance.endowments.sum(axis=0)
            taken = least({
                "transfers": partial(closed_form, instance),
                "pass": partial(instance.endowments.sum, axis=0),
                "programs": partial(instance.invest, totals),
            }, 7)  # fmt: skip
            market = instance.settle(search=False)
            searched = {int(agent) for kept in market._kept for agent in kept.searched}
            rows.append({"varies": vary, **shape, **{f"{name}_ms": taken[name] * 1e3 for name in SERIES},
                         "closed_form_share": 1 - len(searched) / shape["agents"]})  # fmt: skip
    return rows


def closed_form(instance: Instance) -> Any:
    """Contributions, unlinked transfers and Lemma 6 for everybody; the search for those it is not for is left out."""
    market = instance.settle(search=False)
    return market.unlinked, budget_worth(market._kept, market.upper) - market._spent


def exponent(sizes: list[float], times: list[float]) -> float:
    """The slope of log time against log size: 1 is proportional."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def draw(rows: list[dict[str, Any]]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * SIZE[0], 2 * SIZE[1]), layout="constrained")
    panels = figure.subplots(2, 2, sharey=True).ravel()
    for axes, (vary, sizes) in zip(panels, SWEEPS.items(), strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#dddddd", linewidth=0.6)
        mine = [row for row in rows if row["varies"] == vary]
        for (name, label), colour, marker in zip(SERIES.items(), COLOURS, "osv", strict=False):
            times = [row[f"{name}_ms"] for row in mine]
            grows = exponent([float(size) for size in sizes], times)
            axes.loglog(sizes, times, color=colour, linewidth=1.6, marker=marker, label=f"{label} (power {grows:.2f})")
        for row in mine:
            if row["closed_form_share"] < 1:
                axes.annotate(f"{row['closed_form_share']:.0%}", (row[vary], row["transfers_ms"]), xytext=(0, 6),
                              textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        others = ", ".join(f"{size:,} {name}" for name, size in BASE.items() if name != vary)
        axes.set_title(f"{vary}, with {others}", fontsize=10)
        axes.set_xlabel(vary)
        axes.set_ylabel("CPU time, ms")
        axes.legend(fontsize=8, frameon=False, loc="upper left")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high * 6)  # room for the legends
    return svg(figure)


def growth() -> None:
    rows = measure()
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / "linked_vcg_growth.svg").write_text(draw(rows), encoding="utf-8")
    with (PICTURES / "linked_vcg_growth.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()})
    for vary, sizes in SWEEPS.items():
        mine = [row for row in rows if row["varies"] == vary]
        powers = {name: exponent([float(s) for s in sizes], [row[f"{name}_ms"] for row in mine]) for name in SERIES}
        print(f"{vary} {sizes[0]:,} to {sizes[-1]:,}: " + "; ".join(
            f"{SERIES[name]} {mine[0][f'{name}_ms']:.3g} to {mine[-1][f'{name}_ms']:.3g} ms (power {power:.2f})"
            for name, power in powers.items()))  # fmt: skip


if __name__ == "__main__":
    growth()
