"""Draws the tables of `gpu_cluster.toml`, seeded: run it to write them again, or change it and make your own.

Ninety research groups share a cluster for the seven days of a week: cores, memory, training accelerators and inference
accelerators. Each group runs two to four kinds of jobs; sizes are lognormal, so a few groups are large; weekends are
quiet for people and busy for long training runs. The bounds are what the operator would set from a group's quota
history. All numbers are made up; needs per job are of the order that public cluster traces show (a few cores and some
tens of gigabytes per accelerator).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

SEED = 20240617
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
GROUPS = 90
PLENTIFUL = 4  # the operator's own backlog comes first
JOBS = ("batch backlog", "cache backlog", "training backlog", "inference backlog",
        "training run", "fine-tuning", "inference service", "simulation", "analytics", "notebooks")  # fmt: skip
SHARE = np.array([0.10, 0.24, 0.22, 0.16, 0.18, 0.10])  # of each kind of job in what groups want, on average
WEEKEND = np.array([1.25, 1.0, 0.85, 1.2, 0.5, 0.35])  # against a working day
WIDTH = 0.12  # upper bounds above the profile


def main(folder: Path) -> None:
    """Write `gpu_cluster_jobs.csv` and `gpu_cluster_quotas.csv`."""
    rng = np.random.default_rng(SEED)
    size = np.minimum(rng.lognormal(0.0, 0.45, GROUPS), 2.2)
    kinds = len(JOBS) - PLENTIFUL
    wanted = np.zeros((GROUPS, kinds))
    for group in range(GROUPS):
        runs = rng.choice(kinds, size=rng.integers(2, 5), replace=False, p=SHARE)
        wanted[group, runs] = rng.dirichlet(2 + 10 * SHARE[runs])
    profile = 20 * size[:, None] * wanted
    day = np.ones((len(DAYS), kinds))
    day[5:] = WEEKEND
    day /= day.mean(axis=0)
    jobs = np.round(rng.gamma(16.0, profile[:, None, :] * day[None] / 16.0 + 1e-12), 1)
    quotas = np.round(profile * (1 + WIDTH) + 0.1 * (profile > 0), 1)
    names = [f"group {group + 1:02d}" for group in range(GROUPS)]
    with (folder / "gpu_cluster_jobs.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(["group", "day", "job", "units"])
        for (group, date, kind), units in np.ndenumerate(jobs):
            if units > 0:
                write.writerow([names[group], DAYS[date], JOBS[PLENTIFUL + kind], units])
    with (folder / "gpu_cluster_quotas.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(["group", "job", "units"])
        for (group, kind), most in np.ndenumerate(quotas):
            if most > 0:
                write.writerow([names[group], JOBS[PLENTIFUL + kind], most])


if __name__ == "__main__":
    main(Path(__file__).parent)
