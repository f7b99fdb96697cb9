"""Draws the tables of the models in this folder, seeded: run it to write them again, or change it and make your own.

All numbers are made up, and follow the paper's assumptions: what an agent states before a period is the expectation of
what it will produce (Assumption 1), and a project that fails produces nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def write(path: Path, agents: Sequence[str], decisions: Sequence[str], values: Array, outputs: Array) -> None:
    """A long table period, agent, decision, value, output; arrays have shape (periods, agents, decisions)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["period", "agent", "decision", "value", "output"])
        for (period, agent, decision), value in np.ndenumerate(values):
            output = outputs[period, agent, decision]
            rows.writerow([period + 1, agents[agent], decisions[decision], f"{value:g}", f"{output:g}"])


def succeed(rng: np.random.Generator, values: Array, chance: Array, bound: float) -> Array:
    """Outputs with the stated expectation: value / chance with that chance, else nothing; never above the bound."""
    chance = np.broadcast_to(np.maximum(chance, values / bound), values.shape)
    hit = rng.random(values.shape) < chance
    return np.where(hit & (values > 0), values / np.where(chance > 0, chance, 1.0), 0.0)


def smooth(rng: np.random.Generator, periods: int, series: int, memory: float) -> Array:
    """Stationary series with memory, mean 0 and standard deviation 1, shape (periods, series)."""
    noise = rng.normal(size=(periods, series))
    result = noise.copy()
    for period in range(1, periods):
        result[period] = memory * result[period - 1] + np.sqrt(1 - memory**2) * noise[period]
    return result


def development_fund(folder: Path) -> None:
    """Three districts, 300 fortnights: one grant, or two half grants, from a fund for small works; million a year."""
    rng = np.random.default_rng(20210719)
    agents = ("coast", "river", "hills")
    decisions = ("coast", "river", "hills", "coast and river", "coast and hills", "river and hills")
    share = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.6, 0], [0.6, 0, 0.6], [0, 0.6, 0.6]]).T
    need = np.clip(0.45 + 0.22 * smooth(rng, 300, 3, 0.7), 0.05, 0.95)
    values = np.round(need[:, :, None] * share[None], 2)
    outputs = np.round(succeed(rng, values, np.array([0.8, 0.7, 0.75])[None, :, None], 1.0), 2)
    write(folder / "development_fund.csv", agents, decisions, values, outputs)


def credit_lines(folder: Path) -> None:
    """Three cities, 240 months, lines of credit whose returns fail together in waves; returns in 0.01."""
    rng = np.random.default_rng(20210720)
    agents = ("Arden", "Bray", "Calder")
    decisions = ("A", "B", "C", "A+B", "B+C", "A+C", "all")
    share = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.7, 0.7, 0], [0, 0.7, 0.7], [0.7, 0, 0.7], [0.5] * 3]).T
    level = np.clip(0.4 + 0.2 * smooth(rng, 240, 3, 0.9), 0.05, 0.8)
    values = np.round(level[:, :, None] * share[None], 2)
    wave = smooth(rng, 240, 1, 0.95)[:, 0] > 1.2
    chance = np.where(wave, 0.25, 0.9)[:, None, None]
    hit = rng.random((240, 3, 1)) < chance  # a city fails on all its lines at once
    mean = np.where(wave, 0.25, 0.9)[:, None, None]
    outputs = np.round(np.where(hit, np.minimum(values / mean, 1.0), 0.0), 2)
    values = np.round(np.minimum(values / mean, 1.0) * mean, 4)
    write(folder / "credit_lines.csv", agents, decisions, values, outputs)


def cluster_quotas(folder: Path) -> None:
    """Four teams, 250 quarters of an hour: who gets the spare accelerators; only the jobs that ran are measured."""
    rng = np.random.default_rng(20210721)
    agents = ("search", "speech", "vision", "batch")
    decisions = ("search", "speech", "vision", "batch", "halves 1", "halves 2")
    share = np.zeros((4, 6))
    share[np.arange(4), np.arange(4)] = 1.0
    share[[0, 1], 4] = share[[2, 3], 5] = 0.6
    level = np.clip(np.array([0.5, 0.4, 0.45, 0.35]) + 0.2 * smooth(rng, 250, 4, 0.5), 0.0, 1.0)
    values = np.round(level[:, :, None] * share[None], 2)
    outputs = np.round(succeed(rng, values, np.full((1, 4, 1), 0.9), 1.0), 2)
    write(folder / "cluster_quotas.csv", agents, decisions, values, outputs)


def canal_network(folder: Path) -> None:
    """Four water users' associations on a forked canal, 104 weeks: marginal value of water falls; k$ per 1,000 m3."""
    rng = np.random.default_rng(20210722)
    agents = ("head", "middle", "tail", "town")
    week = np.arange(104)
    season = 0.55 + 0.45 * np.sin(2 * np.pi * (week[:, None] - np.array([10, 14, 18, 0])) / 52) ** 2
    level = np.clip(season + 0.1 * smooth(rng, 104, 4, 0.6), 0.05, 1.2)
    steps = np.array([1.0, 0.6, 0.3])  # the first thousand cubic metres are worth most
    with (folder / "canal_network.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["period", "column", "value", "output"])
        for period in week:
            for agent, name in enumerate(agents):
                crop = rng.choice([0.0, 0.5, 1.0, 1.5, 2.0])  # the harvest that the water makes possible; mean 1
                for step, factor in enumerate(steps):
                    value = round(float(level[period, agent] * factor), 3)
                    rows.writerow([period + 1, f"{name} {step + 1}", f"{value:g}", f"{round(value * crop, 3):g}"])


if __name__ == "__main__":
    for make in (development_fund, credit_lines, cluster_quotas, canal_network):
        make(Path(__file__).parent)
