"""Aircraft landing by the textbook's mixed-integer program, for what the tables of sets cannot hold."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mechopt import solver
from mechopt.errors import SolveError
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.mechanisms.borrowing.landing_grid import Grid, Schedule, schedule, whole_grid
from mechopt.outcome import Guarantee
from mechopt.program import LinearProgram, MixedIntegerProgram

TOGETHER = 1e-6  # relative: landing times of HiGHS that are one time


def solve_big_m(landing: Landing, *, options: solver.Options | None = None) -> Schedule:
    """The textbook program: landing times, deviations, and a binary for each pair that says who lands first.

    t_j >= t_i + s_ij - M_ij (1 - d_ij), d_ij + d_ji = 1, t_i = T_i - early_i + late_i. The bound is HiGHS's.

    Raises:
        InfeasibleError: no schedule keeps every window and separation.
        SolveError: HiGHS gave up.
    """
    count = len(landing.planes)
    found = solver.solve(big_m(landing), options=options)
    sequence = _sequence(landing, found.point[:count])
    grid = whole_grid(landing)
    times = _best_times(grid, sequence)
    if times is None:
        raise SolveError("the order that HiGHS found is not feasible in whole numbers")
    exactly = [t * grid.step for t in times]
    cost = float(sum((landing.planes[i].cost(t) for i, t in zip(sequence, exactly, strict=True)), Fraction(0)))
    gap = max(cost - found.bound, 1e-9 * (1 + abs(cost)))
    guarantee = Guarantee(kind="bounded", detail="big-M program, the bound of HiGHS's branch and bound", error=gap)
    return schedule(landing, sequence, exactly, "big_m", guarantee)


def _sequence(landing: Landing, times: NDArray[np.float64]) -> list[int]:
    """The order of landing times; of planes that land together, first one that needs no separation to the others."""
    left = sorted(range(len(times)), key=lambda i: float(times[i]))
    found = []
    while left:
        soonest = float(times[left[0]])
        together = [i for i in left if float(times[i]) - soonest <= TOGETHER * (1 + abs(soonest))]
        free = [i for i in together if not any(landing.separation[i][j] for j in together if j != i)]
        found.append(free[0] if free else left[0])
        left.remove(found[-1])
    return found


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


def cost_of_order(landing: Landing, sequence: list[int]) -> Fraction | None:
    """The least cost of landing in a given order, exactly; None where no times keep its windows and separations."""
    grid = whole_grid(landing)
    times = _best_times(grid, sequence)
    if times is None:
        return None
    return sum((landing.planes[i].cost(t * grid.step) for i, t in zip(sequence, times, strict=True)), Fraction(0))


def _best_times(grid: Grid, sequence: list[int]) -> list[int] | None:
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
        found = solver.solve(program, options=solver.Options(explain=False))
    except solver.InfeasibleError:
        return None
    times = np.rint(found.point[:count]).astype(int)
    return [int(times[i]) for i in sequence]
