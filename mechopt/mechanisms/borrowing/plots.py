"""The pictures of an outcome: where each agent goes first. Source: zheng2023, eq. (7.4), (7.5)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.order_plots import gantt
from mechopt.mechanisms.borrowing.transfers import worth
from mechopt.mechanisms.borrowing.values import ValueFunction
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas

# Okabe and Ito's colours, told apart with every kind of colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"
CELLS = 240  # of the picture, each way
LISTED = 12  # of the numbers, each way


def pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a report: where each of two agents goes first, for up to four pairs of values; the order."""
    found: list[Picture] = []
    if environment.agents:
        pairs = sorted(environment.pairs, key=lambda pair: -pair[2])[:4]
        found += [_region(one, two) for one, two, _ in pairs]
    if environment.sequence is not None:
        found.append(gantt(environment, outcome))
    return found


def gain(one: ValueFunction, two: ValueFunction, first: Any, second: Any) -> Any:
    """W1 - W2 = L1 - L2 in floats: above 0 where agent 1 goes first."""
    total = first + second
    return one.floats(first) + two.floats(total) - two.floats(second) - one.floats(total)


def _exact_gain(one: ValueFunction, two: ValueFunction, first: Fraction, second: Fraction) -> Fraction:
    own, late = worth(one, two, first, second)
    return Fraction(own[0] + late[1] - own[1] - late[0])


def _region(one: ValueFunction, two: ValueFunction) -> Picture:
    middles = (np.arange(CELLS) + 0.5) / CELLS
    first, second = np.meshgrid(middles, middles)
    sign = np.sign(np.where(np.abs(difference := gain(one, two, first, second)) < 1e-12, 0.0, difference))
    figure, axes = canvas()
    levels = [(1, BLUE, "agent 1 first"), (-1, ORANGE, "agent 2 first"), (0, GREY, "tie: lottery")]
    picture = np.ones((CELLS, CELLS, 3))
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    for value, colour, _ in levels:
        picture[sign == value] = np.array(to_rgb(colour)) * 0.75 + 0.25
    axes.imshow(picture, origin="lower", extent=(0, 1, 0, 1), interpolation="nearest")
    axes.grid(False)
    axes.set_xlabel("time of agent 1")
    axes.set_ylabel("time of agent 2")
    shown = [Patch(color=colour, label=label) for value, colour, label in levels if (sign == value).mean() > 0.01]
    axes.legend(handles=shown, frameon=True, loc="upper right")
    coarse = [Fraction(2 * k + 1, 2 * LISTED) for k in range(LISTED)]
    listed = [(t1, t2, _exact_gain(one, two, t1, t2)) for t2 in coarse for t1 in coarse]
    share = float((sign > 0).mean())
    return Picture(
        title=f"Who goes first: {one.name} against {two.name}",
        caption=f"Agent 1 values by {one.name}, agent 2 by {two.name}. The one who loses more by being second goes "
        "first.",
        alt=f"Map of both times: agent 1 goes first on {share:.0%} of the square; the numbers are in the table.",
        figure=figure,
        numbers={
            name: [exact.as_float(row[k]) for row in listed] for k, name in enumerate(("time_1", "time_2", "gain"))
        },
    )
