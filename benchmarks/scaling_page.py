"""The tables of docs/scaling.md, from the numbers in docs/scaling.json, which `benchmarks/scaling.py` measures."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"(<!-- (\w+): written by benchmarks/scaling\.py -->\n).*?(<!-- end -->)", re.DOTALL)
MACHINES, CORES = 50, 4  # of the cluster that is planned with
TITLES = {
    "overage": "Overage",
    "linked_vcg": "Linked VCG",
    "borrowing": "Borrowing",
    "forward_market": "Forward markets",
    "limited_liability": "Limited liability",
}
Row = Mapping[str, float]


def write(page: Path, found: Mapping[str, Any]) -> None:
    """Put the tables into their places on the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(filled(text, found), encoding="utf-8")


def filled(text: str, found: Mapping[str, Any]) -> str:
    """The page with its tables as the numbers have them."""
    tables = {"sizes": sizes(found), "engine": engine(found), "plan": plan(found)}
    return BLOCK.sub(lambda block: f"{block[1]}\n{tables[block[2]]}\n\n{block[3]}", text)


def sizes(found: Mapping[str, Any]) -> str:
    """Cost against size, and what the next factor of ten costs where the last growth goes on."""
    lines = [
        f"mechopt {found['mechopt']}, {found['cores']} cores, load {found['load']:.1f} at the start.",
        "",
        "| | size | CPU time | peak memory | CPU time of the next factor 10 | its memory |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for series in found["series"].values():
        rows, mechanism = series["rows"], TITLES[series["mechanism"]]
        for place, row in enumerate(rows):
            last = place == len(rows) - 1
            head = f"**{mechanism}**: {series['what']}" if not place else ""
            more = forecast(series) if last else ("", "")
            lines.append(f"| {head} | {number(row['size'])} {series['unit']} | {seconds(row['cpu_seconds'])} | "
                         f"{memory(row['peak_mib'])} | {more[0]} | {more[1]} |")  # fmt: skip
    return "\n".join(lines)


def growth(rows: Sequence[Row]) -> float:
    """The exponent of cost in size between the last two sizes."""
    one, two = rows[-2], rows[-1]
    return math.log(two["cpu_seconds"] / one["cpu_seconds"]) / math.log(two["size"] / one["size"])


def ten_times(rows: Sequence[Row]) -> tuple[float, float]:
    """Seconds and MiB of ten times the largest size: along a line, or as a power where cost grew faster than size."""
    one, two = rows[-2], rows[-1]
    further = 9 * two["size"] / (two["size"] - one["size"])
    line = two["cpu_seconds"] + further * (two["cpu_seconds"] - one["cpu_seconds"])
    power = two["cpu_seconds"] * 10 ** growth(rows) if growth(rows) > 1 else 0.0
    return max(line, power), two["peak_mib"] + further * max(two["peak_mib"] - one["peak_mib"], 0.0)


def forecast(series: Mapping[str, Any]) -> tuple[str, str]:
    """The next factor of ten, in words."""
    if series["forecast"]:
        return series["forecast"], ""
    cost, room = ten_times(series["rows"])
    more = cost / series["rows"][-1]["cpu_seconds"]
    return f"{seconds(cost)} (×{more:.1f})", "the same" if series["flat"] else memory(room)


def engine(found: Mapping[str, Any]) -> str:
    """What Dask costs."""
    costs = found["engine"]
    lines = [
        "| on a local Dask cluster of two workers | CPU time of the engine |",
        "|---|---:|",
        f"| idle | {costs['idle']:.1%} of one core |",
        f"| a message (one task that does nothing) | {costs['seconds_a_message'] * 1000:.1f} ms |",
    ]
    lines += [
        f"| tasks of {milliseconds} ms, in chunks as they are by default | "
        f"{costs[f'share_{milliseconds}_ms']:.1%} of the tasks' time |"
        for milliseconds in (1, 10, 100)
    ]
    return "\n".join(lines)


def plan(found: Mapping[str, Any]) -> str:
    """Large sizes on a cluster, simulated task by task from the measured costs."""
    workers, message = MACHINES * CORES, found["engine"]["seconds_a_message"]

    def last(name: str) -> Row:
        row: Row = found["series"][name]["rows"][-1]
        return row

    shards, paths = last("overage_shards"), last("liability_replications")
    a_file = shards["cpu_seconds"] / (shards["size"] / 10**6)
    a_path = paths["cpu_seconds"] / (2 * paths["size"] / 256)
    cases = [
        ("10^9 accounts, whole units: 1,000 files, two passes", [[a_file / 2] * 1000] * 2, shards),
        ("10^7 replications of limited liability: 78,126 blocks", [[a_path] * 78_126], paths),
    ]
    lines = [
        f"{workers} workers on {MACHINES} machines of {CORES} cores; one Dask scheduler, busy with each message for "
        f"{message * 1000:.1f} ms.",
        "",
        "| | CPU time in all | simulated wall time | above a division by the workers | memory a worker |",
        "|---|---:|---:|---:|---:|",
    ]
    for what, phases, row in cases:
        phases = [chunked(tasks, workers) for tasks in phases]
        ideal = sum(map(sum, phases)) / workers
        wall = sum(makespan(tasks, workers, message) for tasks in phases)
        lines.append(f"| {what} | {seconds(ideal * workers)} | {seconds(wall)} | {wall / ideal - 1:.0%} | "
                     f"{memory(row['peak_mib'])} |")  # fmt: skip
    cost, room = ten_times(found["series"]["linked_stream"]["rows"])
    lines.append(f"| 10^7 agents of linked VCG, 4 dates, 10 types: by date, on one of the machines | {seconds(cost)} | "
                 f"{seconds(cost)} | | {memory(room)} |")  # fmt: skip
    return "\n".join(lines)


def chunked(tasks: Sequence[float], workers: int) -> list[float]:
    """Tasks as `mechopt.tasks` sends them by default: together, up to 10 ms a worker of the cluster."""
    each = tasks[0]
    size = max(1, min(round(max(0.5, 0.01 * workers) / each), len(tasks) // (2 * workers)))
    return [each * size] * (len(tasks) // size) + ([each * (len(tasks) % size)] if len(tasks) % size else [])


def makespan(tasks: Sequence[float], workers: int, message: float) -> float:
    """Seconds until all are done, where one scheduler hands out one task after the other to whoever is free."""
    free = [0.0] * workers
    heapq.heapify(free)
    scheduler = end = 0.0
    for task in tasks:
        scheduler += message
        done = max(heapq.heappop(free), scheduler) + task
        heapq.heappush(free, done)
        end = max(end, done)
    return end


def number(value: float) -> str:
    """A size."""
    return f"{int(value):,}"


def seconds(value: float) -> str:
    """A duration, two digits."""
    for limit, divisor, unit in ((1, 1e-3, "ms"), (120, 1, "s"), (7200, 60, "min"), (math.inf, 3600, "h")):
        if value < limit:
            return f"{float(f'{value / divisor:.2g}'):,g} {unit}"
    raise ValueError(value)


def memory(mib: float) -> str:
    """Memory, two digits."""
    return f"{float(f'{mib:.2g}'):,g} MiB" if mib < 1000 else f"{float(f'{mib / 1024:.2g}'):,g} GiB"
