"""The picture of a design: how long each variant must run until it certifies the wanted epsilon."""

from __future__ import annotations

import numpy as np

from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.outcome import Outcome
from mechopt.picture import COLOURS, Picture, canvas


def design_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plot of a design: horizons by variant, with our constants and with the paper's."""
    table = outcome.tables["variants"]
    missing = [None] * len(table["variant"])
    found = {
        name: [None if value is None else float(value) for value in table.get(name, missing)]
        for name in ("horizon", "horizon_paper", "patience")
    }
    # A discount has no horizon; 1 / (1 - discount) periods weigh as much as all of them together.
    found["weight"] = [None if not value else 1 / value for value in found.pop("patience")]
    rows = [k for k in range(len(missing)) if any(column[k] is not None for column in found.values())]
    if not rows:
        return []
    names = [str(table["variant"][k]) for k in rows]
    figure, axes = canvas()
    places = np.arange(len(rows))
    labels = {"horizon": "periods", "horizon_paper": "periods, the paper's constants", "weight": "1 / (1 - discount)"}
    for place, (name, label) in enumerate(labels.items()):
        values = [found[name][k] for k in rows]
        if any(value is not None for value in values):
            axes.plot([value or np.nan for value in values], places, "osD"[place], color=COLOURS[place], label=label,
                      markersize=8)  # fmt: skip
    axes.set_xscale("log")
    axes.set_yticks(places, [name.replace("_", " ") for name in names])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("periods until the wanted epsilon is certified (logarithmic)")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return [
        Picture(
            title="How long until the guarantee",
            caption="Shorter is better. With the paper's constants it takes longer; 1 / (1 - discount) is how many "
            "periods count where later ones count less.",
            alt=f"Points for {len(names)} variants; the numbers are in the table.",
            figure=figure,
            numbers={"variant": names} | {name: [found[name][k] for k in rows] for name in labels},
        )
    ]
