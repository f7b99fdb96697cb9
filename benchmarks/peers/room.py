"""What the benchmarks against peers share: CPU time side by side, peers that may be missing, and tables.

A candidate is a function without arguments. Candidates run in one process, in a fresh order each round, and the least
CPU time counts; what cannot share the process (OR-Tools ships its own HiGHS) is marked `Apart` and takes its turn in a
process of its own. A candidate whose package is missing is left out by name.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from benchmarks.timing import Candidate, cpu, repeats

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # before numpy is imported

LONG = 5.0  # seconds in all, after which a slow candidate sits out the other rounds


@dataclass(frozen=True, slots=True)
class Apart:
    """A candidate for a process of its own; a function of a module, so that the process can import it.

    Attributes:
        once: where its first run, with the loading of its library, takes very long, that is the measurement.
    """

    candidate: Candidate
    once: bool = False


@dataclass(slots=True, kw_only=True)
class Table:
    """What one comparison found.

    Attributes:
        title: what was compared.
        about: how to read it, in sentences.
        head: of the columns, the first for the name.
        rows: a cell a column.
        headlines: (task, peer, CPU time of the peer over mechopt's), for the short table.
        skipped: what could not run, each with the reason.
    """

    title: str
    about: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)
    headlines: list[list[str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def peer(name: str) -> Any:
    """A module that a clean clone need not have."""
    return importlib.import_module(name)


def side_by_side(
    candidates: Mapping[str, Candidate | Apart], *, rounds: int = 5, check: Callable[[str, Any], object] | None = None
) -> tuple[dict[str, float], list[str]]:
    """Least CPU seconds of each candidate, and which were skipped and why.

    Args:
        candidates: by name.
        rounds: each candidate runs once a round, after one run that warms up and tells how long it takes.
        check: called with a name and what that candidate returned, every time; raises where that is wrong.
    """
    times: dict[str, list[float]] = {}
    repeat: dict[str, int] = {}
    skipped: list[str] = []
    with ExitStack() as stack:
        homes: dict[str, Executor] = {}

        def turn(name: str) -> float:
            candidate = candidates[name]
            if isinstance(candidate, Apart):
                if name not in homes:
                    homes[name] = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
                taken, found = homes[name].submit(cpu, candidate.candidate, repeat[name]).result()
            else:
                taken, found = cpu(candidate, repeat[name])
            if check is not None:
                check(name, found)
            return taken

        for name in candidates:
            repeat[name] = 1
            try:
                taken = turn(name)
            except (ImportError, RuntimeError) as error:  # RuntimeError: a library of the package is missing
                skipped.append(f"{name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
                continue
            candidate = candidates[name]
            once = isinstance(candidate, Apart) and candidate.once and taken > LONG
            repeat[name], times[name] = repeats(taken), [taken] if once else []
        for _ in range(rounds):
            for name in random.sample(list(times), len(times)):
                if sum(times[name]) < LONG:
                    times[name].append(turn(name))
    return {name: min(taken) for name, taken in times.items()}, skipped


def ratio(number: float) -> str:
    """A ratio as text: three digits, no more than it is worth."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def show(tables: list[Table]) -> None:
    """Print tables for a terminal."""
    for table in tables:
        print(f"\n{table.title}\n{table.about}")
        widths = [max(len(cell) for cell in column) for column in zip(table.head, *table.rows, strict=True)]
        for row in (table.head, *table.rows):
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            print("  " + row[0].ljust(widths[0]), *cells[1:], sep="  ")
        for reason in table.skipped:
            print(f"  skipped: {reason}")
    sys.stdout.flush()  # a long run is watched through a pipe
