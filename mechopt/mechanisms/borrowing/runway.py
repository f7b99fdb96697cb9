"""Aircraft landing at the least cost, exactly: dynamic programming over sets that keep orders no optimum must break.

Three facts make it small, each checked on the instance. Windows: with a schedule of cost U in hand, no plane lands
further from its target than U pays for. Precedence: of two planes that all others see alike, with equal costs per unit
and windows and targets in the same order, the one with the earlier target goes first (swapping them costs nothing,
because costs are convex). Triangles: where s_ik <= s_ij + s_jk, separation from the plane just before is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from math import lcm

import numpy as np
from numpy.typing import NDArray

from mechopt import solver
from mechopt.errors import SolveError
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.outcome import Guarantee
from mechopt.program import LinearProgram, MixedIntegerProgram

LARGEST_TABLE = 100_000_000  # numbers in all tables of sets and times
NEVER = np.int64(2**61)

Layer = dict[int, dict[int, NDArray[np.int64]]]  # set, last plane, costs by time


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Landing times of all planes, with their proof.

    Attributes:
        sequence: numbers of the planes as given, in the order of landing.
        time: of each plane in that order.
        cost: of each plane in that order.
        method: how it was found.
        guarantee: what the total cost is worth.
    """

    sequence: tuple[int, ...]
    time: tuple[Fraction, ...]
    cost: tuple[Fraction, ...]
    method: str
    guarantee: Guarantee

    @property
    def total(self) -> Fraction:
        """The sum of costs, exactly."""
        return sum(self.cost, Fraction(0))

    def by_plane(self) -> list[Fraction]:
        """Costs by the number of the plane as given."""
        found = [Fraction(0)] * len(self.sequence)
        for plane, cost in zip(self.sequence, self.cost, strict=True):
            found[plane] = cost
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grid:
    """The instance in whole numbers: times in steps, costs per step in units.

    Attributes:
        earliest: shape (planes,).
        target: shape (planes,).
        latest: shape (planes,).
        early: cost a step, shape (planes,).
        late: cost a step, shape (planes,).
        gap: separations in steps, shape (planes, planes).
        step: length of a step in time.
        unit: what a cost of 1 stands for.
    """

    earliest: NDArray[np.int64]
    target: NDArray[np.int64]
    latest: NDArray[np.int64]
    early: NDArray[np.int64]
    late: NDArray[np.int64]
    gap: NDArray[np.int64]
    step: Fraction
    unit: Fraction


def solve(landing: Landing) -> Schedule:
    """The landing times of least total cost.

    Sets are tried first; where they are too many, or a triangle fails, HiGHS solves the big-M program.

    Raises:
        InfeasibleError: no schedule keeps every window and separation.
        SolveError: the solver gave up.
    """
    grid = _grid(landing)
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
    return _schedule(landing, sequence, [t * grid.step for t in times], "landing_sets", guarantee)


def _schedule(
    landing: Landing, sequence: list[int], times: list[Fraction], method: str, guarantee: Guarantee
) -> Schedule:
    """The schedule with costs and feasibility recomputed exactly, every pair of planes included."""
    for place, (i, t) in enumerate(zip(sequence, times, strict=True)):
        plane = landing.planes[i]
        if not plane.earliest <= t <= plane.latest:
            raise SolveError(f"{method}: plane {i + 1} leaves its window")
        for j, later in zip(sequence[place + 1 :], times[place + 1 :], strict=True):
            if later - t < landing.separation[i][j]:
                raise SolveError(f"{method}: planes {i + 1} and {j + 1} are too close")
    return Schedule(
        sequence=tuple(sequence), time=tuple(times),
        cost=tuple(landing.planes[i].cost(t) for i, t in zip(sequence, times, strict=True)),
        method=method, guarantee=guarantee,
    )  # fmt: skip


def _grid(landing: Landing) -> _Grid:
    """Times on their common grid: for a given order the best times lie on it, since all limits do."""
    planes = landing.planes
    count = len(planes)
    gaps = [[Fraction(0) if i == j else gap for j, gap in enumerate(row)] for i, row in enumerate(landing.separation)]
    points = [t for p in planes for t in (p.earliest, p.target, p.latest)] + [gap for row in gaps for gap in row]
    step = Fraction(1, lcm(*(Fraction(t).denominator for t in points)))
    costs = [c * step for p in planes for c in (p.early_cost, p.late_cost)]
    unit = Fraction(1, lcm(*(Fraction(c).denominator for c in costs)))

    def whole(values: list[Fraction], of: Fraction) -> NDArray[np.int64]:
        return np.array([int(value / of) for value in values], dtype=np.int64)

    return _Grid(
        earliest=whole([p.earliest for p in planes], step), target=whole([p.target for p in planes], step),
        latest=whole([p.latest for p in planes], step), early=whole([p.early_cost * step for p in planes], unit),
        late=whole([p.late_cost * step for p in planes], unit),
        gap=whole([gap for row in gaps for gap in row], step).reshape(count, count), step=step, unit=unit,
    )  # fmt: skip


def _triangles(grid: _Grid) -> bool:
    gap, planes = grid.gap, range(len(grid.target))
    return all(gap[i, k] <= gap[i, j] + gap[j, k] for i, j, k in permutations(planes, 3))


def _large(grid: _Grid) -> bool:
    """Whether costs or times leave what whole numbers of 64 bits and the tables hold."""
    width = int(grid.latest.max()) - int(grid.earliest.min()) + 1
    dearest = max(int(grid.early.max()), int(grid.late.max()))
    return dearest * width * len(grid.target) >= 2**60 or width > LARGEST_TABLE


def _first_schedule(grid: _Grid) -> int | None:
    """The cost of the best schedule in the order of the targets; None where that order is infeasible."""
    order = np.lexsort((grid.earliest, grid.target))
    before = np.zeros((len(order), len(order)), dtype=bool)
    for place, i in enumerate(order):
        before[i, order[place + 1 :]] = True
    found = _sets(grid, before)
    if found is None:
        return None
    return int(sum(_cost(grid, i, np.array([t]))[0] for i, t in zip(found[0], found[1], strict=True)))


def _tighten(grid: _Grid, cost: int) -> _Grid:
    """Windows cut to what a total cost pays for."""
    earliest, latest = grid.earliest.copy(), grid.latest.copy()
    for i, (early, late) in enumerate(zip(grid.early.tolist(), grid.late.tolist(), strict=True)):
        if early > 0:
            earliest[i] = max(earliest[i], grid.target[i] - cost // early)
        if late > 0:
            latest[i] = min(latest[i], grid.target[i] + cost // late)
    return _Grid(earliest=earliest, latest=latest, target=grid.target, early=grid.early, late=grid.late, gap=grid.gap,
                 step=grid.step, unit=grid.unit)  # fmt: skip


def _precedence(grid: _Grid) -> NDArray[np.bool_]:
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


def _alike(grid: _Grid, i: int, j: int) -> bool:
    """Whether all others keep the same distance to both, both ways, and a unit of time costs both the same."""
    others = [k for k in range(len(grid.target)) if k not in (i, j)]
    return bool(
        grid.early[i] == grid.early[j] and grid.late[i] == grid.late[j] and grid.gap[i, j] == grid.gap[j, i]
        and (grid.gap[i, others] == grid.gap[j, others]).all() and (grid.gap[others, i] == grid.gap[others, j]).all()
    )  # fmt: skip


def _cost(grid: _Grid, plane: int, times: NDArray[np.int64]) -> NDArray[np.int64]:
    late = times - grid.target[plane]
    return np.where(late > 0, grid.late[plane] * late, -grid.early[plane] * late)


def _sets(grid: _Grid, before: NDArray[np.bool_]) -> tuple[list[int], list[int], int] | None:
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


def _trace(layers: list[Layer], grid: _Grid, base: int) -> tuple[list[int], list[int]]:
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


def solve_big_m(landing: Landing, *, options: solver.Options | None = None) -> Schedule:
    """The textbook program: landing times, deviations, and a binary for each pair that says who lands first.

    t_j >= t_i + s_ij - M_ij (1 - d_ij), d_ij + d_ji = 1, t_i = T_i - early_i + late_i. The bound is HiGHS's.

    Raises:
        InfeasibleError: no schedule keeps every window and separation.
        SolveError: HiGHS gave up.
    """
    count = len(landing.planes)
    found = solver.solve(big_m(landing), options=options)
    rough = found.point[:count]
    sequence = sorted(range(count), key=lambda i: float(rough[i]))
    grid = _grid(landing)
    times = _best_times(grid, sequence)
    if times is None:
        raise SolveError("the order that HiGHS found is not feasible in whole numbers")
    gap = max(abs(found.objective - found.bound), 1e-9 * (1 + abs(found.objective)))
    guarantee = Guarantee(kind="bounded", detail="big-M program, the bound of HiGHS's branch and bound", error=gap)
    return _schedule(landing, sequence, [t * grid.step for t in times], "big_m", guarantee)


def big_m(landing: Landing) -> MixedIntegerProgram:
    """The textbook big-M program of an instance: columns are times, earliness, lateness, then the pairs' binaries."""
    planes, count = landing.planes, len(landing.planes)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    rows: list[int] = []
    columns: list[int] = []
    values: list[Fraction] = []
    low: list[float] = []
    high: list[float] = []

    def row(terms: list[tuple[int, Fraction]], least: float, most: float) -> None:
        for column, value in terms:
            rows.append(len(low))
            columns.append(column)
            values.append(value)
        low.append(least)
        high.append(most)

    one = Fraction(1)
    for i, plane in enumerate(planes):
        row([(i, one), (count + i, one), (2 * count + i, -one)], float(plane.target), float(plane.target))
    for place, (i, j) in enumerate(pairs):
        binary = 3 * count + place  # 1: i lands before j
        for first, second, sign in ((i, j, 1), (j, i, -1)):
            gap = landing.separation[first][second]
            big = max(Fraction(0), planes[first].latest + gap - planes[second].earliest)
            # t_second - t_first >= gap - big (1 - d), where d is the binary or one less it
            constant = gap - big if sign > 0 else gap
            row([(second, one), (first, -one), (binary, -big if sign > 0 else big)], float(constant), np.inf)
    size = 3 * count + len(pairs)
    cost = [Fraction(0)] * count + [p.early_cost for p in planes] + [p.late_cost for p in planes]
    return MixedIntegerProgram.from_triplets(
        rows, columns, np.array(values, dtype=object), sense="min",
        cost=np.array(cost + [Fraction(0)] * len(pairs), dtype=object),
        lower=np.array([float(p.earliest) for p in planes] + [0.0] * (2 * count + len(pairs))),
        upper=np.array([float(p.latest) for p in planes] + [np.inf] * (2 * count) + [1.0] * len(pairs)),
        row_lower=np.array(low), row_upper=np.array(high),
        integer=np.array([False] * (3 * count) + [True] * (size - 3 * count)),
    )  # fmt: skip


def _best_times(grid: _Grid, sequence: list[int]) -> list[int] | None:
    """The best whole times of one order, separations from all planes before kept; None where there are none.

    A linear program with difference constraints: its optimum is whole.
    """
    count = len(sequence)
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    low: list[float] = []
    row = 0
    for place, i in enumerate(sequence):
        for j in sequence[place + 1 :]:
            rows += [row, row]
            columns += [j, i]
            values += [1.0, -1.0]
            low.append(float(grid.gap[i, j]))
            row += 1
    high = [np.inf] * row
    for i in range(count):
        rows += [row] * 3
        columns += [i, count + i, 2 * count + i]
        values += [1.0, 1.0, -1.0]
        low.append(float(grid.target[i]))
        high.append(float(grid.target[i]))
        row += 1
    program = LinearProgram.from_triplets(
        rows, columns, np.array(values), sense="min",
        cost=np.concatenate([np.zeros(count), grid.early, grid.late]).astype(float),
        lower=np.concatenate([grid.earliest, np.zeros(2 * count)]).astype(float),
        upper=np.concatenate([grid.latest.astype(float), np.full(2 * count, np.inf)]),
        row_lower=np.array(low), row_upper=np.array(high),
    )  # fmt: skip
    try:
        found = solver.solve(program)
    except solver.InfeasibleError:
        return None
    times = np.rint(found.point[:count]).astype(int)
    return [int(times[i]) for i in sequence]
