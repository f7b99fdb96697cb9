"""What an agent's report leaves to the others at one date: a continuous piecewise linear function, piece by piece.

With M the others' projects, B those of agents served before him and alpha(x) the efficient investment in M + x,

    y_i(x) = min(x_i, (alpha_i(x) - B_i)+),    w(x) = v(q, M + x) - sum_i y_i(x).

A piece is a price vertex and, for each partly invested type, whether the agent is served not at all, in part or
entirely. Pieces side by side differ by one pivot or one such state, so a search from any piece finds all of them.
Source: zhu2021, Section 4 (the minimum in the linked transfer); the pieces are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.knapsack import Geometry, Knapsack
from mechopt.program import LinearProgram, to_float
from mechopt.solver import InfeasibleError, solve

UNSERVED, PARTLY, FULLY = 0, 1, 2
CLOSE = 1e-9
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Date:
    """One agent's view of one date.

    Attributes:
        others: M, what everybody else has, infinite for the first R types, shape (types,).
        before: B, what agents served before him have, shape (types,).
        low: least report of this date, shape (types,).
        high: largest report of this date, shape (types,).
        report: his own, shape (types,).
        weight: d_t = beta ** (t - T).
        start: the price vertex at his own report.
    """

    others: Floats
    before: Floats
    low: Floats
    high: Floats
    report: Floats
    weight: float
    start: Geometry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """w(x) = constant + gradient . x wherever rows . x <= limits.

    Attributes:
        constant: payoff.
        gradient: payoff per project, shape (types,).
        rows: shape (rows, types).
        limits: shape (rows,).
        least: min of weight * w(x) + charge . x over the piece and the box.
        point: where, shape (types,).
    """

    constant: float
    gradient: Floats
    rows: Floats
    limits: Floats
    least: float
    point: Floats


class TooManyPieces(Exception):
    """The search was cut off; a bracket is what is left."""


def find_pieces(knapsack: Knapsack, date: Date, charge: Floats, *, largest: int) -> list[Piece]:
    """Every piece of w that some report in the box can reach.

    Args:
        knapsack: stock and types.
        date: the agent's view.
        charge: what a project reported at this date forgoes at others, payoff, shape (types,).
        largest: linear programs to try at most.

    Returns:
        The pieces, each with the least value of weight * w(x) + charge . x on it.

    Raises:
        TooManyPieces: the limit was met.
        InstanceError: the types are not generic.
    """
    alive = knapsack.possible & (date.others + date.high > 0)
    queue, seen, found, tried = [date.start.partial], {tuple(date.start.partial)}, [], 0
    while queue:
        geometry = knapsack.vertex(queue.pop())
        region = _Region(knapsack, geometry, date)
        reached = False
        for constant, gradient, rows, limits in region.states():
            tried += 1
            if tried > largest:
                raise TooManyPieces
            best = least_on_piece(date, constant, gradient, rows, limits, charge)
            if best is not None:
                reached = True
                found.append(Piece(constant=constant, gradient=gradient, rows=rows, limits=limits,
                                   least=best[0], point=best[1]))  # fmt: skip
        if not reached:
            continue
        for leaving, up in region.exits():
            entering = _entering(knapsack, geometry, leaving, up=up, alive=alive)
            if entering is not None:
                partial = geometry.partial.copy()
                partial[leaving] = entering
                key = tuple(sorted(partial.tolist()))
                if key not in seen:
                    seen.add(key)
                    queue.append(np.array(key, dtype=np.intp))
    return found


class _Region:
    """The reports at which one price vertex is efficient: alpha = start - K x within its limits."""

    def __init__(self, knapsack: Knapsack, geometry: Geometry, date: Date) -> None:
        self.date, self.partial, self.full = date, geometry.partial, geometry.full
        self.matrix = to_float(geometry.displaced)
        types, stock = to_float(knapsack.types), to_float(knapsack.stock)
        self.start = to_float(geometry.inverse) @ (stock - date.others[self.full] @ types[self.full])
        gains, losses = np.maximum(-self.matrix, 0), np.maximum(self.matrix, 0)
        self.least = self.start - losses @ date.high + gains @ date.low
        self.most = self.start - losses @ date.low + gains @ date.high
        self.supply, self.before = date.others[self.partial], date.before[self.partial]
        self.low, self.high = date.low[self.partial], date.high[self.partial]
        self.slack = CLOSE * max(1.0, float(np.abs(self.start).max()))

    def states(self) -> Iterator[tuple[float, Floats, Floats, Floats]]:
        """(constant, gradient, rows, limits) of every state that interval arithmetic cannot rule out."""
        if np.any(self.most < -self.slack) or np.any(self.least > self.supply + self.high + self.slack):
            return
        for states in product(*(self._possible(place) for place in range(self.partial.size))):
            constant, gradient = float(self.date.others[self.full].sum()), np.zeros(self.date.high.size)
            rows: list[Floats] = []
            limits: list[float] = []
            for place, state in enumerate(states):
                if state == PARTLY:
                    constant += float(self.before[place])
                else:
                    constant += float(self.start[place])
                    gradient -= self.matrix[place]
                    gradient[self.partial[place]] -= state == FULLY
                self._limit(place, state, rows, limits)
            shape = (len(rows), gradient.size)
            yield constant, gradient, np.array(rows).reshape(shape), np.array(limits, dtype=np.float64)

    def _possible(self, place: int) -> list[int]:
        least, most, before = self.least[place], self.most[place], self.before[place]
        if self.high[place] <= 0:
            return [UNSERVED]
        states = []
        if least <= before + self.slack:
            states.append(UNSERVED)
        if most >= before - self.slack and least <= before + self.high[place] + self.slack:
            states.append(PARTLY)
        if most >= before + self.low[place] - self.slack:
            states.append(FULLY)
        return states

    def _limit(self, place: int, state: int, rows: list[Floats], limits: list[float]) -> None:
        """Rows of one partly invested type; what holds all over the box is left out."""
        own = np.zeros(self.date.high.size)
        own[self.partial[place]] = 1.0
        start, used, high = self.start[place], self.matrix[place], self.high[place]
        if self.least[place] < 0:  # alpha >= 0
            rows.append(used)
            limits.append(start)
        if self.most[place] > self.supply[place] + self.low[place]:  # alpha <= M + x
            rows.append(-used - own)
            limits.append(self.supply[place] - start)
        if high <= 0:
            return  # he has none of it: served or not is all the same
        before = self.before[place]
        if state == UNSERVED and self.most[place] > before:  # alpha <= B
            rows.append(-used)
            limits.append(before - start)
        if state == PARTLY and self.least[place] < before:  # alpha >= B
            rows.append(used)
            limits.append(start - before)
        if state == PARTLY and self.most[place] > before + self.low[place]:  # alpha <= B + x
            rows.append(-used - own)
            limits.append(before - start)
        if state == FULLY and self.least[place] < before + high:  # alpha >= B + x
            rows.append(used + own)
            limits.append(start - before)

    def exits(self) -> Iterator[tuple[int, bool]]:
        """Which partly invested type can leave the basis: (place, whether to be invested in entirely)."""
        for place in range(self.partial.size):
            if self.least[place] <= self.slack:
                yield place, False
            if self.most[place] >= self.supply[place] + self.low[place] - self.slack:
                yield place, True


def least_on_piece(
    date: Date, constant: float, gradient: Floats, rows: Floats, limits: Floats, charge: Floats
) -> tuple[float, Floats] | None:
    """The least of weight * w(x) + charge . x on a piece, and where; None where no report reaches the piece."""
    cost = date.weight * gradient + charge
    corner = np.where(cost < 0, date.high, date.low)
    if np.all(rows @ corner <= limits):
        return date.weight * constant + float(cost @ corner), corner
    least = np.where(rows > 0, rows * date.low, rows * date.high).sum(axis=1)
    if np.any(least > limits + CLOSE * (1 + np.abs(limits))):
        return None
    program = LinearProgram.from_dense(
        rows, sense="min", cost=cost, lower=date.low, upper=date.high, row_lower=np.full(len(limits), -np.inf),
        row_upper=limits, offset=date.weight * constant,
    )  # fmt: skip
    try:
        found = solve(program)
    except InfeasibleError:
        return None
    return found.objective, np.clip(found.point, date.low, date.high)


def _entering(
    knapsack: Knapsack, geometry: Geometry, leaving: int, *, up: bool, alive: NDArray[np.bool_]
) -> int | None:
    """Dual ratio test: the type that takes the place of one that leaves upwards (all of it) or downwards (none)."""
    types = to_float(knapsack.types)
    direction = to_float(geometry.inverse)[leaving] * (-1.0 if up else 1.0)
    excess, slope = types @ to_float(geometry.price) - 1.0, types @ direction
    meets = alive & np.where(geometry.full, slope > 1e-12, slope < -1e-12)
    meets[geometry.partial] = False
    if not meets.any():
        return None
    step = np.full(len(types), np.inf)
    step[meets] = np.abs(excess[meets] / slope[meets])
    return int(np.argmin(step))
