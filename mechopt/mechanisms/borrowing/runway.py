"""Aircraft landing at the least cost, exactly: dynamic programming over sets that keep orders no optimum must break.

Three facts make it small, each checked on the instance. Windows: with a schedule of cost U in hand, no plane lands
further from its target than U pays for. Precedence: of two planes that all others see alike, with equal costs per unit
and windows and targets in the same order, the one with the earlier target goes first (swapping them costs nothing,
because costs are convex). Triangles: where s_ik <= s_ij + s_jk, separation from the plane just before is enough.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.mechanisms.borrowing.landing_grid import Grid, Schedule, schedule, whole_grid
from mechopt.mechanisms.borrowing.landing_program import solve_big_m
from mechopt.outcome import Guarantee

LARGEST_TABLE = 100_000_000  # numbers in all tables of sets and times
NEVER = np.int64(2**61)

Layer = dict[int, dict[int, NDArray[np.int64]]]  # set, last plane, costs by time


def solve(landing: Landing) -> Schedule:
    """The landing times of least total cost.

    Sets are tried first; where they are too many, or a triangle fails, HiGHS solves the big-M program.

    Raises:
        InfeasibleError: no schedule keeps every window and separation.
        SolveError: the solver gave up.
    """
    grid = whole_grid(landing)
    if not _triangles(grid) or _large(grid):
        return solve_big_m(landing)
    start = _first_schedule(grid)
    if start is None:
        return solve_big_m(landing)
    grid = _tighten(grid, start)
    before = _precedence(grid)
    found = _sets(grid, before)
    if found is None:
        return solve_big_m(landing)
    sequence, times, sets = found
    guarantee = Guarantee(
        kind="exact", detail=f"dynamic programming over {sets} (set, last plane) tables of times, in whole numbers; "
        "windows, precedences and triangles checked on the instance",
    )  # fmt: skip
    return schedule(landing, sequence, [t * grid.step for t in times], "landing_sets", guarantee)


def _triangles(grid: Grid) -> bool:
    gap, planes = grid.gap, range(len(grid.target))
    return all(gap[i, k] <= gap[i, j] + gap[j, k] for i, j, k in permutations(planes, 3))


def _large(grid: Grid) -> bool:
    """Whether costs or times leave what whole numbers of 64 bits and the tables hold."""
    width = int(grid.latest.max()) - int(grid.earliest.min()) + 1
    dearest = max(int(grid.early.max()), int(grid.late.max()))
    return dearest * width * len(grid.target) >= 2**60 or width > LARGEST_TABLE


def _first_schedule(grid: Grid) -> int | None:
    """The cost of the best schedule in the order of the targets; None where that order is infeasible."""
    order = np.lexsort((grid.earliest, grid.target))
    before = np.zeros((len(order), len(order)), dtype=bool)
    for place, i in enumerate(order):
        before[i, order[place + 1 :]] = True
    found = _sets(grid, before)
    if found is None:
        return None
    return int(sum(_cost(grid, i, np.array([t]))[0] for i, t in zip(found[0], found[1], strict=True)))


def _tighten(grid: Grid, cost: int) -> Grid:
    """Windows cut to what a total cost pays for."""
    earliest, latest = grid.earliest.copy(), grid.latest.copy()
    for i, (early, late) in enumerate(zip(grid.early.tolist(), grid.late.tolist(), strict=True)):
        if early > 0:
            earliest[i] = max(earliest[i], grid.target[i] - cost // early)
        if late > 0:
            latest[i] = min(latest[i], grid.target[i] + cost // late)
    return Grid(earliest=earliest, latest=latest, target=grid.target, early=grid.early, late=grid.late, gap=grid.gap,
                 step=grid.step, unit=grid.unit)  # fmt: skip


def _precedence(grid: Grid) -> NDArray[np.bool_]:
    """before[i, j]: i may be taken to land before j, because j first is impossible or never better."""
    count = len(grid.target)
    before = np.zeros((count, count), dtype=bool)
    key = [(grid.target[i], grid.earliest[i], grid.latest[i], i) for i in range(count)]
    for i in range(count):
        for j in range(count):
            if i == j:
                continue
            if grid.earliest[j] + grid.gap[j, i] > grid.latest[i]:
                before[i, j] = True
            elif _alike(grid, i, j) and key[i] < key[j]:
                before[i, j] = bool(grid.earliest[i] <= grid.earliest[j] and grid.latest[i] <= grid.latest[j])
    return before


def _alike(grid: Grid, i: int, j: int) -> bool:
    """Whether all others keep the same distance to both, both ways, and a unit of time costs both the same."""
    others = [k for k in range(len(grid.target)) if k not in (i, j)]
    return bool(
        grid.early[i] == grid.early[j] and grid.late[i] == grid.late[j] and grid.gap[i, j] == grid.gap[j, i]
        and (grid.gap[i, others] == grid.gap[j, others]).all() and (grid.gap[others, i] == grid.gap[others, j]).all()
    )  # fmt: skip


def _cost(grid: Grid, plane: int, times: NDArray[np.int64]) -> NDArray[np.int64]:
    late = times - grid.target[plane]
    return np.where(late > 0, grid.late[plane] * late, -grid.early[plane] * late)


def _sets(grid: Grid, before: NDArray[np.bool_]) -> tuple[list[int], list[int], int] | None:
    """(order, times, number of tables), or None where the tables are too many or no schedule is feasible.

    best[set, last][t] is the least cost with `last` landing at step t, after all others of the set.
    """
    count = len(grid.target)
    base = int(grid.earliest.min())
    width = int(grid.latest.max()) - base + 1
    needs = [int(sum(1 << int(i) for i in np.flatnonzero(before[:, j]))) for j in range(count)]
    clock = np.arange(base, base + width, dtype=np.int64)
    costs = [np.where((clock >= grid.earliest[j]) & (clock <= grid.latest[j]), _cost(grid, j, clock), NEVER)
             for j in range(count)]  # fmt: skip
    layer: Layer = {0: {}}
    layers = [layer]
    tables = 0
    for _ in range(count):
        following: Layer = {}
        for mask, lasts in layer.items():
            for j in range(count):
                if mask >> j & 1 or needs[j] & ~mask:
                    continue
                ready = np.zeros(width, dtype=np.int64) if not mask else _ready(lasts, grid.gap[:, j], width)
                table = np.minimum(costs[j] + ready, NEVER)
                if table.min() < NEVER:
                    following.setdefault(mask | 1 << j, {})[j] = table
                    tables += 1
        if tables * width > LARGEST_TABLE or not following:
            return None
        layer = following
        layers.append(layer)
    sequence, times = _trace(layers, grid, base)
    return sequence, times, tables


def _ready(lasts: dict[int, NDArray[np.int64]], gap: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """The least cost of what has landed early enough for the next plane to land at each step."""
    result = np.full(width, NEVER, dtype=np.int64)
    for last, table in lasts.items():
        wait = int(gap[last])
        if wait < width:
            soonest = np.minimum.accumulate(table)
            np.minimum(result[wait:], soonest[: width - wait], out=result[wait:])
    return result


def _trace(layers: list[Layer], grid: Grid, base: int) -> tuple[list[int], list[int]]:
    """The schedule behind the tables, from the last landing to the first; of equals the plane given earlier."""
    mask = next(iter(layers[-1]))
    limit = None
    sequence: list[int] = []
    times: list[int] = []
    for place in range(len(layers) - 1, 0, -1):
        options = []
        for last, table in sorted(layers[place][mask].items()):
            end = len(table) if limit is None else max(0, limit - int(grid.gap[last, sequence[-1]]) + 1)
            if end > 0 and table[:end].min() < NEVER:
                step = int(np.argmin(table[:end]))
                options.append((int(table[step]), last, step))
        _, last, step = min(options)
        sequence.append(last)
        times.append(base + step)
        mask, limit = mask ^ (1 << last), step
    return sequence[::-1], times[::-1]
