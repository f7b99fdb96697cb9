"""The picture of simulated spot markets: what each agent gains on average, beside what theory expects."""

from __future__ import annotations

import numpy as np

from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.outcome import Outcome
from mechopt.picture import COLOURS, Picture, canvas

SHOWN = 20  # agents in the picture; the table has them all


def simulate_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plot of `simulate`: mean gains over the outside option under VCG and AGV transfers, with expectations."""
    table = outcome.tables["agents"]
    names = [str(name) for name in table["agent"]][:SHOWN]
    columns = {
        name: np.asarray(table[name], dtype=np.float64)[:SHOWN]
        for name in ("vcg_gain", "vcg_gain_expected", "agv_gain", "agv_gain_expected", "gain_error")
    }
    unit = f" ({environment.units})" if environment.units else ""
    figure, axes = canvas()
    rows = np.arange(len(names))
    for place, (kind, mark) in enumerate((("vcg", "o"), ("agv", "s"))):
        height = rows - 0.15 + 0.3 * place
        axes.errorbar(columns[f"{kind}_gain"], height, xerr=2 * columns["gain_error"], fmt=mark, color=COLOURS[place],
                      markersize=5, capsize=3, label=f"{kind.upper()} (two standard errors)")  # fmt: skip
        axes.plot(columns[f"{kind}_gain_expected"], height, "|", color="#000000", markersize=12,
                  label="expected" if place == 0 else None)  # fmt: skip
    axes.axvline(0.0, color="#444444", linewidth=0.8)
    axes.set_yticks(rows, [name if len(name) <= 18 else name[:17] + "…" for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(f"mean gain over the outside option{unit}")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=7)
    return [
        Picture(
            title="Gains over many rounds",
            caption="What taking part in the spot market adds to keeping the holding, on average over the simulated "
            "rounds. The upright bar is the expectation that the theory gives.",
            alt=f"Points with error bars for {len(names)} agents; the numbers are in the table.",
            figure=figure,
            numbers={"agent": names} | {name: values.tolist() for name, values in columns.items()},
        )
    ]
