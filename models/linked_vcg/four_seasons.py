"""Draws the tables of `four_seasons.toml`, seeded: run it to write them again, or change it and make your own.

A hundred and twenty studios book two halls over four seasons. Each season favours other kinds of productions, so the
price line of each season lies elsewhere, and the picture of the paper's Figure 4 appears in the report. All numbers are
made up.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

SEED = 4
SEASONS = ("spring", "summer", "autumn", "winter")
STUDIOS = 120
KINDS = ("stage hire", "workshop hire", "play", "opera", "concert", "exhibition", "rehearsal", "set building")
PLENTIFUL = 2  # the house's own hire business comes first
# What studios want in each season, against their average over the year.
DEMAND = np.array([
    [0.7, 0.5, 1.4, 1.5, 0.8, 0.6],
    [0.6, 0.4, 1.9, 0.7, 0.5, 0.5],
    [1.5, 1.6, 0.4, 0.8, 1.3, 1.1],
    [1.2, 1.5, 0.3, 1.0, 1.4, 1.8],
])  # fmt: skip
WIDTH = 0.08  # upper bounds above the profile


def main(folder: Path) -> None:
    """Write `four_seasons_productions.csv` and `four_seasons_bounds.csv`."""
    rng = np.random.default_rng(SEED)
    kinds = len(KINDS) - PLENTIFUL
    profile = 6 * rng.lognormal(0.0, 0.3, (STUDIOS, 1)) * rng.dirichlet(np.full(kinds, 3.0), STUDIOS)
    wanted = profile[:, None, :] * (DEMAND / DEMAND.mean(axis=0))[None]
    productions = np.round(wanted * rng.uniform(0.9, 1.1, wanted.shape), 2)
    bounds = np.round(np.maximum(profile * (1 + WIDTH), productions.mean(axis=1)) + 0.01, 2)
    names = [f"studio {studio + 1:03d}" for studio in range(STUDIOS)]
    with (folder / "four_seasons_productions.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(["studio", "season", "kind", "units"])
        for (studio, date, kind), units in np.ndenumerate(productions):
            write.writerow([names[studio], SEASONS[date], KINDS[PLENTIFUL + kind], units])
    with (folder / "four_seasons_bounds.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(["studio", "kind", "units"])
        for (studio, kind), most in np.ndenumerate(bounds):
            write.writerow([names[studio], KINDS[PLENTIFUL + kind], most])


if __name__ == "__main__":
    main(Path(__file__).parent)
