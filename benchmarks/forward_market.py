"""Forward markets at scale: interim allocations against the sum over sets and the one distribution they need.

CPU time (user + system of this process), candidates in shuffled order, the least of many rounds: other processes add
to a time and never take from it. Only ratios of one run mean anything. Every candidate's numbers are compared before
they are timed; errors are against extended precision (80 bits).

    python benchmarks/forward_market.py             what the scale lines ask for
    python benchmarks/forward_market.py --growth    also cost against agents and lattice, drawn to docs/pictures/
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import time
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.timing import least
from mechopt.distributions import Beta
from mechopt.mechanisms.forward_market import compiled, halves, leave_one_out, subsets, sums
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
GRID = 512  # types at once


class Instance:
    """Demands on a lattice, up to a quarter of the supply, and types at which about the whole supply is wanted."""

    def __init__(self, agents: int, lattice: int, types: int = 1, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        units = rng.integers(1, lattice // 4 + 1, agents)
        units[0] = 1  # so that the lattice is no coarser
        found = sums.attainable([Fraction(int(unit), lattice) for unit in units], largest=20_000)
        if found is None or found.lattice != lattice:
            raise SystemExit(f"{agents} agents: not on a lattice of {lattice}")
        self.sums, self.units, self.demand = found, units.astype(np.int64), units / lattice
        above = rng.uniform(0.0, 1.0, (types, agents))
        self.below = 1.0 - above * np.minimum(1.0, 1.0 / (above @ self.demand))[:, None]
        self.everybody = np.arange(agents)

    def ours(self, *, compiled: bool) -> Any:
        return leave_one_out.allocations(self.sums, self.below, self.everybody, compiled=compiled)

    def shared(self) -> Any:
        """The one distribution of total demand, numpy."""
        return leave_one_out.distribution(
            self.sums, np.ascontiguousarray(self.below.T), range(self.below.shape[1])
        )  # fmt: skip

    def shared_compiled(self) -> Any:
        return compiled.distributions(self.below, self.units, self.sums.lattice)

    def error(self, sample: int) -> float:
        """Largest error of q at the first type for some agents, against leaving each out in extended precision."""
        agents = random.Random(0).sample(range(self.demand.size), min(sample, self.demand.size))
        value = [self.ours(compiled=way)[0][0] for way in (False, True)]
        worst = 0.0
        for agent in agents:
            chance = np.zeros(self.sums.lattice, dtype=np.longdouble)
            chance[0] = 1
            for other, out in enumerate(self.below[0].astype(np.longdouble)):
                if other != agent:
                    moved = chance[: -self.units[other]] * (1 - out)
                    chance *= out
                    chance[self.units[other] :] += moved
            room = self.sums.lattice - np.arange(self.sums.lattice)
            exact = (chance * np.minimum(room, self.units[agent])).sum() / self.sums.lattice
            worst = max(worst, *(abs(float(found[agent] - exact)) for found in value))
        return worst


def verdict(reached: float, bar: float, *, at_least: bool) -> str:
    met = reached >= bar if at_least else reached <= bar
    return f"bar {'>=' if at_least else '<='} {bar:g}: {'met' if met else 'MISSED'}"


def few_agents() -> None:
    one, many = Instance(16, 48), Instance(16, 48, GRID)
    reference = subsets.allocations(one.below[0], one.demand)
    below, demand = one.below[0].tolist(), one.demand.tolist()
    for way in (False, True):
        np.testing.assert_allclose(one.ours(compiled=way)[0][0], reference, atol=1e-13)
    taken = least({
        "sets": partial(subsets.allocations, one.below[0], one.demand),
        "numpy": partial(one.ours, compiled=False), "compiled": partial(one.ours, compiled=True),
        "numpy, grid": partial(many.ours, compiled=False), "compiled, grid": partial(many.ours, compiled=True),
    }, 15)  # fmt: skip
    start = time.process_time()
    printed = subsets.allocation(0, below, demand)
    as_printed = (time.process_time() - start) * len(demand)
    np.testing.assert_allclose(printed, reference[0], atol=1e-13)
    print("16 agents, lattice 48: all q_i at one type")
    for name in ("numpy", "compiled"):
        alone, grid = taken[name], taken[f"{name}, grid"] / GRID
        print(f"  {name}, called for one type: the sum over sets as printed {as_printed / alone:,.0f} x "
              f"({verdict(as_printed / alone, 500, at_least=True)}), vectorised "
              f"{taken['sets'] / alone:.0f} x")  # fmt: skip
        ratio = taken["sets"] / grid
        print(f"  {name}, per type of {GRID} at once: the vectorised sum over sets {ratio:,.0f} x "
              f"({verdict(ratio, 500, at_least=True)})")  # fmt: skip


def many_agents() -> None:
    for agents, lattice, rounds, sample in ((1_000, 200, 25, 40), (10_000, 1_000, 9, 6)):
        instance = Instance(agents, lattice)
        taken = least({
            "numpy": partial(instance.ours, compiled=False), "compiled": partial(instance.ours, compiled=True),
            "shared": instance.shared, "shared, compiled": instance.shared_compiled,
        }, rounds)  # fmt: skip
        print(f"{agents:,} agents, lattice {lattice:,}: all q_i at one type, over the one distribution they need")
        for name, base, bar in (("numpy", "shared", 13.0), ("compiled", "shared, compiled", 5.0)):
            ratio = taken[name] / taken[base]
            print(f"  {name} {ratio:.2f} x ({verdict(ratio, bar, at_least=False)})")
        error, bound = instance.error(sample), max(instance.ours(compiled=way)[1].max() for way in (False, True))
        extended = leave_one_out.allocations(instance.sums, instance.below, instance.everybody, extended=True)[1].max()
        print(f"  error of {sample} agents {error:.1e} ({verdict(error, 1e-13, at_least=False)}); bound that the "
              f"engine reports for all of them {bound:.1e}, in the longest floats {extended:.1e} "
              f"({verdict(min(bound, extended), 1e-13, at_least=False)})")  # fmt: skip


def off_the_lattice() -> None:
    rng = np.random.default_rng(3)
    demand, below = rng.uniform(0.05, 0.3, 20), rng.uniform(0.3, 1.0, (1, 20))
    prepared = halves.prepare(demand)
    start = time.process_time()
    reference = subsets.allocations(below[0], demand)
    enumeration = time.process_time() - start
    found = halves.allocations(prepared, below)
    error = float(np.abs(found[0][0] - reference).max())
    taken = least({"ours": lambda: halves.allocations(halves.prepare(demand), below),
                   "prepared": partial(halves.allocations, prepared, below)}, 15)  # fmt: skip
    ratio = enumeration / taken["ours"]
    print(f"20 agents off any lattice: the vectorised sum over sets {ratio:,.0f} x ours "
          f"({verdict(ratio, 150, at_least=True)}); {enumeration / taken['prepared']:,.0f} x at a second type; "
          f"error {error:.1e} ({verdict(error, 1e-13, at_least=False)})")  # fmt: skip


def environment(agents: int, lattice: int) -> Environment:
    """A market of that size: values of twenty kinds."""
    rng = np.random.default_rng(5)
    laws = [Beta(a=1 + kind % 5, b=1 + kind // 5) for kind in range(20)]
    units = rng.integers(1, lattice // 4 + 1, agents)
    return Environment(
        name=[str(agent) for agent in range(agents)], demand=[Fraction(int(unit), lattice) for unit in units],
        endowment=[Fraction(1, agents)] * agents, distribution=[laws[agent % 20] for agent in range(agents)],
    )  # fmt: skip


def holdings() -> None:
    given = environment(1_000, 200)
    start = time.process_time()
    market = Market(given)
    common = market.common
    root = time.process_time() - start
    surplus = market.surplus_at_common
    print(f"1,000 agents, lattice 200: hat = {common.type:.12f} and r* by {common.evaluations} evaluations of q "
          f"({verdict(common.evaluations, 30, at_least=False)}), holdings sum to 1 within "
          f"{abs(common.holding.sum() - 1):.0e}")  # fmt: skip
    print(f"  surplus at r* {surplus:.12f}, error estimate {market.error:.0e}: {market.interim.evaluations:,} "
          f"evaluations, {(time.process_time() - start) / root:.1f} x the time of r*")  # fmt: skip


SWEEPS = {"agents": ((100, 300, 1_000, 3_000, 10_000), 200), "lattice": ((50, 100, 200, 500, 1_000, 2_000), 1_000)}
SERIES = {"numpy": "all q, numpy", "compiled": "all q, compiled",
          "shared": "one distribution, numpy", "shared_compiled": "one distribution, compiled"}  # fmt: skip


def growth() -> None:
    """Cost against agents and lattice, as a picture with its numbers."""
    rows: list[dict[str, Any]] = []
    for vary, (sizes, other) in SWEEPS.items():
        for size in sizes:
            agents, lattice = (size, other) if vary == "agents" else (other, size)
            one = Instance(agents, lattice)
            taken = least({"numpy": partial(one.ours, compiled=False), "compiled": partial(one.ours, compiled=True),
                           "shared": one.shared, "shared_compiled": one.shared_compiled}, 9)  # fmt: skip
            rows.append({"varies": vary, "agents": agents, "lattice": lattice,
                         **{f"{name}_ms": taken[name] * 1e3 for name in SERIES}})  # fmt: skip
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / "forward_market_growth.svg").write_text(draw(rows), encoding="utf-8")
    with (PICTURES / "forward_market_growth.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()})


def draw(rows: list[dict[str, Any]]) -> str:
    from matplotlib.figure import Figure

    from mechopt.picture import COLOURS, SIZE, svg

    figure = Figure(figsize=(2 * SIZE[0], SIZE[1]), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (vary, (sizes, other)) in zip(panels, SWEEPS.items(), strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#dddddd", linewidth=0.6)
        mine = [row for row in rows if row["varies"] == vary]
        for (name, label), colour, marker in zip(SERIES.items(), COLOURS, "osv^", strict=False):
            times = [row[f"{name}_ms"] for row in mine]
            power = float(np.polyfit(np.log(sizes[-4:]), np.log(times[-4:]), 1)[0])
            axes.loglog(sizes, times, color=colour, linewidth=1.6, marker=marker, label=f"{label} (power {power:.2f})")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set_title(f"lattice of {other:,} steps" if vary == "agents" else f"{other:,} agents", fontsize=10)
        axes.set_xlabel("agents" if vary == "agents" else "lattice steps to the supply")
        axes.set_ylabel("CPU time at one type, ms")
        axes.legend(fontsize=8, frameon=False, loc="upper left")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high * 8)  # room for the legends
    return svg(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--growth", action="store_true", help="also how cost grows, drawn to docs/pictures/")
    options = parser.parse_args()
    few_agents()
    many_agents()
    off_the_lattice()
    holdings()
    if options.growth:
        growth()


if __name__ == "__main__":
    main()
