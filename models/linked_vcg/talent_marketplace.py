"""Draws the tables of `talent_marketplace.toml`, seeded: run it to write them again, or change it and make your own.

Eighteen departments report tasks for twelve periods of four weeks, against the hours of three skills. Each
department's tasks come from gamma distributions around a stable profile, with a season of its own and one of the whole
company: prototypes before the spring releases, forecasts for the autumn budget, campaigns for the end of the year. So
programming is short in some periods and data work in others, and prices differ. The bounds are what the principal
would set from the profiles. All numbers are made up.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

SEED = 20210830
DATES = 12
DEPARTMENTS = (
    "legal", "finance", "people", "procurement", "facilities", "research", "support", "sales north", "sales south",
    "marketing", "product", "platform", "security", "analytics", "partners", "logistics", "quality", "strategy",
)  # fmt: skip
TYPES = (
    "own code", "own design", "own data", "prototype", "dashboard", "campaign", "forecast",
)  # fmt: skip
PLENTIFUL = 3  # the principal's own types come first
SWING = (0.0, 0.0, 0.0, 0.35, 0.15, 0.45, 0.4)  # of the whole company over the year, type by type
PEAK = (1, 1, 1, 4, 1, 11, 9)  # the period of most tasks
WIDTH = 0.15  # upper bounds above the profile


def main(folder: Path) -> None:
    """Write `talent_marketplace_tasks.csv` and `talent_marketplace_bounds.csv`."""
    rng = np.random.default_rng(SEED)
    size = rng.lognormal(0.0, 0.35, len(DEPARTMENTS))
    taste = rng.dirichlet(np.full(len(TYPES) - PLENTIFUL, 2.0), len(DEPARTMENTS))
    profile = np.hstack([np.zeros((len(DEPARTMENTS), PLENTIFUL)), 30 * size[:, None] * taste])
    profile[profile < 0.25] = 0.0
    season = 1 + 0.15 * np.sin(2 * np.pi * (np.arange(DATES)[None, :] / DATES + rng.random((len(DEPARTMENTS), 1))))
    away = np.arange(1, DATES + 1)[:, None] - np.array(PEAK)
    company = 1 + np.array(SWING) * np.cos(2 * np.pi * away / DATES)
    mean = profile[:, None, :] * season[:, :, None] * company
    tasks = np.round(rng.gamma(25.0, mean / 25.0 + 1e-12), 1)
    bounds = np.round(profile * (1 + WIDTH) + 0.05 * (profile > 0), 1)
    with (folder / "talent_marketplace_tasks.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(["department", "period", "task", "units"])
        for (agent, date, kind), units in np.ndenumerate(tasks):
            if units > 0:
                write.writerow([DEPARTMENTS[agent], date + 1, TYPES[kind], units])
    with (folder / "talent_marketplace_bounds.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(["department", "task", "units"])
        for (agent, kind), most in np.ndenumerate(bounds):
            if most > 0:
                write.writerow([DEPARTMENTS[agent], TYPES[kind], most])


if __name__ == "__main__":
    main(Path(__file__).parent)
