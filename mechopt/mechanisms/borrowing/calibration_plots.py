"""The picture of designed transfers: what the manager pays out or takes in, case by case."""

from __future__ import annotations

import numpy as np

from mechopt import exact
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.outcome import Outcome
from mechopt.picture import COLOURS, Picture, canvas

LISTED = 200  # cases in the numbers; the design's table has them all


def design_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plot of a design: the deficit of every case, largest first."""
    table = outcome.tables["design"]
    deficit = np.array([exact.as_float(value) for value in table["deficit"]])
    order = np.argsort(-deficit, kind="stable")
    sorted_deficit = deficit[order]
    unit = f" ({environment.units})" if environment.units else ""
    figure, axes = canvas()
    rank = np.arange(1, len(order) + 1)
    axes.fill_between(rank, sorted_deficit, 0, where=sorted_deficit >= 0, step="mid", color=COLOURS[5], alpha=0.7,
                      label="paid out")  # fmt: skip
    axes.fill_between(rank, sorted_deficit, 0, where=sorted_deficit <= 0, step="mid", color=COLOURS[0], alpha=0.7,
                      label="taken in")  # fmt: skip
    axes.axhline(0.0, color="#444444", linewidth=0.8)
    axes.set_xlabel("case (values and times of both agents), largest deficit first")
    axes.set_ylabel(f"manager's deficit{unit}")
    axes.legend(frameon=False)
    names = ("value_1", "time_1", "value_2", "time_2", "first")
    shown = order[:LISTED].tolist()
    return [
        Picture(
            title="The deficit of every case",
            caption="The sum of both designed transfers. Cases are not equally likely: the table of the design has "
            "them in order, and the summary what they come to in expectation.",
            alt=f"Deficits of {len(order)} cases from {sorted_deficit[0]:.3g} down to {sorted_deficit[-1]:.3g}; the "
            "numbers are in the table.",
            figure=figure,
            numbers={name: [str(table[name][place]) for place in shown] for name in names}
            | {"deficit": deficit[shown].tolist()},
        )
    ]
