"""mechopt's LP core against modelling layers and solvers' own interfaces: two sequences, and a large build.

Every candidate builds the program once, where its interface lets it, and solves it again after every change; every
optimum of every candidate is compared with hand-written highspy's.

    python benchmarks/peers/run.py --only linear_programs
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.peers import layers
from benchmarks.peers.layers import Floats, Program
from benchmarks.peers.room import Apart, Table, ratio, side_by_side
from benchmarks.timing import Candidate

ROWS, COLUMNS, SOLVES = 20, 2000, 51
LARGE_ROWS, LARGE_COLUMNS, LARGE_TERMS = 5_000, 25_000, 20
RAW, CORE, BATCH = "hand-written highspy", "mechopt", "mechopt, solve_batch"
LAYERS: dict[str, Callable[[Program], Any]] = {
    RAW: layers.HandWritten, CORE: layers.Mechopt, "PyOptInterface": layers.PyOptInterface,
    "Pyomo contrib.solver": layers.PyomoContrib, "Pyomo appsi": layers.PyomoAppsi, "linopy": layers.Linopy,
    "CVXPY, parametrised": layers.Cvxpy, "scipy linprog": layers.Linprog, "OR-Tools GLOP": layers.OrTools,
}  # fmt: skip


@cache
def dense() -> tuple[Program, Floats]:
    """A program of 2,000 columns and 20 full rows, and 51 right-hand sides."""
    rng = np.random.default_rng(0)
    factor, upper = rng.uniform(0.1, 1.0, (ROWS, COLUMNS)), rng.uniform(0.0, 1.0, COLUMNS)
    right = factor @ upper * 0.4
    column = np.tile(np.arange(COLUMNS, dtype=np.int32), (ROWS, 1))
    program = Program(cost=rng.uniform(0.5, 1.0, COLUMNS), upper=upper, column=column, factor=factor, right=right)
    return program, right * rng.uniform(0.9, 1.1, (SOLVES, ROWS))


@cache
def large() -> Program:
    """5,000 rows of 20 terms, of which none binds: solving costs next to nothing, building is what is left."""
    rng = np.random.default_rng(1)
    start = rng.integers(0, LARGE_COLUMNS, LARGE_ROWS)
    column = ((start[:, None] + np.arange(LARGE_TERMS) * 997) % LARGE_COLUMNS).astype(np.int32)
    factor, upper = rng.uniform(0.1, 1.0, column.shape), rng.uniform(0.0, 1.0, LARGE_COLUMNS)
    right = (factor * upper[column]).sum(axis=1) + 1.0
    cost = rng.uniform(0.5, 1.0, LARGE_COLUMNS)
    return Program(cost=cost, upper=upper, column=column, factor=factor, right=right)


LEFT_OUT = range(0, COLUMNS, COLUMNS // (SOLVES - 1))


def leave_one_out(layer: Callable[[Program], Any]) -> Floats:
    """The optimum with everybody, and without each of 50 agents, as VCG transfers need them."""
    program, _ = dense()
    live = layer(program)
    found = [live.solve()]
    for column in LEFT_OUT:
        live.upper(column, 0.0)
        found.append(live.solve())
        live.upper(column, float(program.upper[column]))
    return np.array(found)


def right_hand_sides(layer: Callable[[Program], Any]) -> Floats:
    """The optimum for each of 51 right-hand sides, all moved by up to 10 %."""
    program, rights = dense()
    live = layer(program)
    found = []
    for right in rights:
        live.right(right)
        found.append(live.solve())
    return np.array(found)


def build(layer: Callable[[Program], Any]) -> Floats:
    """Built and solved once; no row binds, so that solving costs little and the build is measured."""
    return np.array([layer(large()).solve()])


def batch_without_each() -> Floats:
    from mechopt.batch_simplex import solve_batch

    program, _ = dense()
    upper = np.tile(program.upper, (SOLVES, 1))
    upper[np.arange(1, SOLVES), LEFT_OUT] = 0.0
    return solve_batch(layers.program_of(program), upper=upper).objective


def batch_right_hand_sides() -> Floats:
    from mechopt.batch_simplex import solve_batch

    program, rights = dense()
    return solve_batch(layers.program_of(program), row_upper=rights).objective


def compare(title: str, task: Callable[[Any], Floats], batch: Candidate | None = None) -> Table:
    """One task by every layer, and by mechopt's batch where it has one."""
    expected = task(layers.HandWritten)

    def same(name: str, found: Floats) -> None:
        if not np.allclose(found, expected, rtol=1e-7):
            raise SystemExit(f"{name}: another optimum than hand-written highspy's")

    candidates: dict[str, Candidate | Apart] = {} if batch is None else {BATCH: batch}
    for name, layer in LAYERS.items():
        limits = task is right_hand_sides and layer is layers.PyOptInterface
        run = partial(task, layers.PyOptInterfaceLimits if limits else layer)
        candidates[name] = Apart(run) if layer is layers.OrTools else run
    taken, skipped = side_by_side(candidates, check=same)
    table = Table(
        title=title, about=f"CPU time of hand-written hot highspy = 1, build included; all optima equal to 1e-7. "
        f"{task.__doc__}", head=["program", "CPU time"], skipped=skipped,
        rows=[[name, ratio(t / taken[RAW])] for name, t in sorted(taken.items(), key=lambda item: item[1])],
    )  # fmt: skip
    best = min(taken[name] for name in (CORE, BATCH) if name in taken)
    shown = [name for name in LAYERS if name in taken and name not in (CORE, "Pyomo appsi")]
    table.headlines = [[title, name, ratio(taken[name] / best)] for name in shown]
    return table


def tables() -> list[Table]:
    size = f"{COLUMNS:,} × {ROWS}, {SOLVES} solves"
    entries = f"{LARGE_COLUMNS:,} × {LARGE_ROWS:,}, {LARGE_ROWS * LARGE_TERMS:,} entries"
    return [
        compare(f"Leave-one-out: {size}", leave_one_out, batch_without_each),
        compare(f"Right-hand sides: {size}", right_hand_sides, batch_right_hand_sides),
        compare(f"A large build: {entries}", build),
    ]
