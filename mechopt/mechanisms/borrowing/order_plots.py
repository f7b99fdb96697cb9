"""The Gantt chart of an order."""

from __future__ import annotations

from typing import Any

from mechopt import exact
from mechopt.mechanisms.borrowing.environment import Environment, Queue
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#bbbbbb"
MOST = 40  # rows that stay readable


def gantt(environment: Environment, outcome: Outcome) -> Picture:
    """Who has the resource when: a bar a job from start to completion, or a landing in its window."""
    table = outcome.tables["order"]
    if isinstance(environment.sequence, Landing):
        return _landings(environment.sequence, table)
    return _bars(environment, table)


def _floats(column: Any) -> list[float]:
    return [exact.as_float(exact.parse(item)) for item in column]


def _bars(environment: Environment, table: Any) -> Picture:
    names, starts, ends = list(table["name"]), _floats(table["start"]), _floats(table["completion"])
    queue = environment.sequence
    release = {job.name: float(job.release) for job in queue.jobs} if isinstance(queue, Queue) else {}
    figure, axes = canvas()
    shown = min(len(names), MOST)
    for row in range(shown):
        ready = release.get(names[row], starts[row])
        if ready < starts[row]:
            axes.plot([ready, starts[row]], [row, row], color=GREY, linewidth=2.5, solid_capstyle="butt")
        axes.barh(row, max(ends[row] - starts[row], 1e-9), left=starts[row], height=0.62, color=BLUE)
    axes.set_yticks(range(shown), [str(name)[:18] for name in names[:shown]])
    axes.set_ylim(shown - 0.4, -0.6)
    axes.set_xlabel("time")
    axes.set_ylabel("job, in the order of use")
    return Picture(
        title="The order",
        caption="A bar from start to completion of each job; a grey line where a job waits from its release.",
        alt=f"Gantt chart of {len(names)} jobs, from time {min(starts):g} to {max(ends):g}; numbers in the table.",
        figure=figure,
        numbers={"name": names, "start": starts, "completion": ends, "value": _floats(table["value"])},
    )


def _landings(landing: Landing, table: Any) -> Picture:
    places = [int(name) - 1 for name in table["name"]]
    times = _floats(table["start"])
    figure, axes = canvas()
    shown = min(len(places), MOST)
    latest = max(times[:shown])
    for row, i in enumerate(places[:shown]):
        plane = landing.planes[i]
        axes.plot([float(plane.earliest), min(float(plane.latest), latest * 1.05)], [row, row], color=GREY,
                  linewidth=2.5, solid_capstyle="butt", label="window" if row == 0 else None)  # fmt: skip
        axes.plot(float(plane.target), row, "|", color=ORANGE, markersize=11, markeredgewidth=2,
                  label="target" if row == 0 else None)  # fmt: skip
        axes.plot(times[row], row, "o", color=BLUE, markersize=5, label="landing" if row == 0 else None)
    axes.set_yticks(range(shown), [str(i + 1) for i in places[:shown]])
    axes.set_ylim(shown - 0.4, -0.6)
    axes.set_xlim(right=latest * 1.05)
    axes.set_xlabel("time")
    axes.set_ylabel("plane, in the order of landing")
    axes.legend(frameon=True, framealpha=0.95, loc="lower left")
    costs = [abs(v) for v in _floats(table["value"])]  # minus its value; and no -0
    return Picture(
        title="The landings",
        caption="Each plane's window (grey, cut at the right), its target and its landing.",
        alt=f"Landings of {len(places)} planes from {min(times):g} to {latest:g}; the numbers are in the table.",
        figure=figure,
        numbers={"plane": [i + 1 for i in places], "time": times,
                 "target": [float(landing.planes[i].target) for i in places], "cost": costs},
    )  # fmt: skip
