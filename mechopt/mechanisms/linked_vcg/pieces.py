"""What an agent's report leaves to the others at one date: a continuous piecewise linear function, piece by piece.

With M the others' projects, B those of agents served before him and alpha(x) the efficient investment in M + x,

    y_i(x) = min(x_i, (alpha_i(x) - B_i)+),    w(x) = v(q, M + x) - sum_i y_i(x).

A piece is a price vertex and, for each partly invested type, whether the agent is reached at all. On a piece w is
linear but for kinks where he becomes served entirely; those bend upwards, so that a linear program can minimise over
them. Pieces side by side differ by one pivot or one such state, so a search from any piece finds all of them.
Source: zhu2021, Section 4 (the minimum in the linked transfer); the pieces are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.vertices import Geometry, as_fractions, invert
from mechopt.program import LinearProgram, to_float
from mechopt.solver import InfeasibleError, Options, solve

CLOSE = 1e-9
RIVALS = 1e-7  # how near two types are when rational numbers decide which one the price meets first
QUIET = Options(explain=False)  # a piece that no report reaches is no news
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

    def in_units(self, unit: float) -> Date:
        """The same with projects counted in another unit."""
        others, before, low, high, report = (
            of / unit for of in (self.others, self.before, self.low, self.high, self.report)
        )
        return replace(self, others=others, before=before, low=low, high=high, report=report)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """w(x) = constant + gradient . x + sum_k max(0, kink_k + bend_k . x) wherever rows . x <= limits.

    Attributes:
        constant: payoff.
        gradient: payoff per project, shape (types,).
        kinks: payoff, shape (kinks,).
        bends: payoff per project, shape (kinks, types).
        rows: shape (rows, types).
        limits: shape (rows,).
    """

    constant: float
    gradient: Floats
    kinks: Floats
    bends: Floats
    rows: Floats
    limits: Floats

    def value(self, report: Floats) -> float:
        """w at a report of this piece."""
        bent = np.maximum(self.kinks + self.bends @ report, 0.0).sum()
        return self.constant + float(self.gradient @ report) + float(bent)

    def active(self, date: Date, charge: Floats) -> NDArray[np.bool_]:
        """The types whose report can matter: the others are best left at their least."""
        matter = (self.rows != 0).any(axis=0) | (self.bends != 0).any(axis=0)
        return np.asarray(matter | (date.weight * self.gradient + charge < 0), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reached:
    """A piece that some report reaches, with the least of weight * w(x) + charge . x on it, and where."""

    piece: Piece
    least: float
    point: Floats


class TooManyPieces(Exception):
    """The search was cut off; a bracket is what is left."""


def find_pieces(knapsack: Knapsack, date: Date, charge: Floats, *, largest: int) -> list[Reached]:
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
    queue, seen, tried = [date.start.partial], {tuple(date.start.partial.tolist())}, 0
    found: list[Reached] = []
    while queue:
        geometry = knapsack.vertex(queue.pop())
        region = _Region(knapsack, geometry, date)
        before = len(found)
        for piece in region.pieces():
            tried += 1
            if tried > largest:
                raise TooManyPieces
            best = least_on_piece(date, piece, charge)
            if best is not None:
                found.append(Reached(piece=piece, least=best[0], point=best[1]))
        if len(found) == before:
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

    def pieces(self) -> Iterator[Piece]:
        """Every combination of reached or not that interval arithmetic cannot rule out."""
        if np.any(self.most < -self.slack) or np.any(self.least > self.supply + self.high + self.slack):
            return
        kinds = self.date.high.size
        for states in product(*(self._possible(place) for place in range(self.partial.size))):
            constant, gradient = float(self.date.others[self.full].sum()), np.zeros(kinds)
            kinks: list[float] = []
            limits: list[float] = []
            bends: list[Floats] = []
            rows: list[Floats] = []
            for place, reached in enumerate(states):
                own = np.zeros(kinds)
                own[self.partial[place]] = 1.0
                start, used = float(self.start[place]), self.matrix[place]
                self._feasible(place, own, rows, limits)
                if not reached:  # others get alpha
                    constant, gradient = constant + start, gradient - used
                    if self.high[place] > 0 and self.most[place] > self.before[place]:  # alpha <= B
                        rows.append(-used)
                        limits.append(float(self.before[place]) - start)
                    continue
                if self.least[place] < self.before[place]:  # alpha >= B
                    rows.append(used)
                    limits.append(start - float(self.before[place]))
                # Others get alpha - min(x, alpha - B): B, and what is left once he has been served entirely.
                left = start - float(self.before[place])
                if self.least[place] >= self.before[place] + self.high[place]:
                    constant, gradient = constant + start, gradient - used - own
                else:
                    constant += float(self.before[place])
                    if self.most[place] > self.before[place] + self.low[place]:
                        kinks.append(left)
                        bends.append(-used - own)
            yield Piece(
                constant=constant, gradient=gradient, kinks=np.array(kinks, dtype=np.float64),
                bends=np.array(bends, dtype=np.float64).reshape(len(bends), kinds),
                rows=np.array(rows, dtype=np.float64).reshape(len(rows), kinds),
                limits=np.array(limits, dtype=np.float64),
            )  # fmt: skip

    def _possible(self, place: int) -> list[bool]:
        """Whether he can be reached, and whether he need not be."""
        before = self.before[place]
        if self.high[place] <= 0:
            return [False]  # he has none of it: it is all the same
        states = []
        if self.least[place] <= before + self.slack:
            states.append(False)
        if self.most[place] >= before - self.slack:
            states.append(True)
        return states

    def _feasible(self, place: int, own: Floats, rows: list[Floats], limits: list[float]) -> None:
        """0 <= alpha <= M + x; what holds all over the box is left out."""
        start, used = float(self.start[place]), self.matrix[place]
        if self.least[place] < 0:
            rows.append(used)
            limits.append(start)
        if self.most[place] > self.supply[place] + self.low[place]:
            rows.append(-used - own)
            limits.append(float(self.supply[place]) - start)

    def exits(self) -> Iterator[tuple[int, bool]]:
        """Which partly invested type can leave the basis: (place, whether to be invested in entirely)."""
        for place in range(self.partial.size):
            if self.least[place] <= self.slack:
                yield place, False
            if self.most[place] >= self.supply[place] + self.low[place] - self.slack:
                yield place, True


def least_on_piece(date: Date, piece: Piece, charge: Floats) -> tuple[float, Floats] | None:
    """The least of weight * w(x) + charge . x on a piece, and where; None where no report reaches the piece."""
    rows, limits, kinks = piece.rows, piece.limits, piece.kinks.size
    cost = date.weight * piece.gradient + charge
    corner = np.where(cost < 0, date.high, date.low)
    if not kinks and np.all(rows @ corner <= limits):
        return date.weight * piece.constant + float(cost @ corner), corner
    least = np.where(rows > 0, rows * date.low, rows * date.high).sum(axis=1)
    if np.any(least > limits + CLOSE * (1 + np.abs(limits))):
        return None
    active = piece.active(date, charge)
    point = date.low.copy()
    fixed = float(cost[~active] @ point[~active])
    # Columns: the reports that matter, then one variable a kink, at least its bent part.
    matrix = np.block([[rows[:, active], np.zeros((len(rows), kinks))], [piece.bends[:, active], -np.eye(kinks)]])
    program = LinearProgram.from_dense(
        matrix,
        sense="min",
        cost=np.concatenate([cost[active], np.full(kinks, date.weight)]),
        lower=np.concatenate([date.low[active], np.zeros(kinks)]),
        upper=np.concatenate([date.high[active], np.full(kinks, np.inf)]),
        row_lower=np.full(len(matrix), -np.inf),
        row_upper=np.concatenate([limits, -piece.kinks]),
        offset=date.weight * piece.constant + fixed,
    )
    try:
        found = solve(program, options=QUIET)
    except InfeasibleError:
        return None
    point[active] = np.clip(found.point[: int(active.sum())], date.low[active], date.high[active])
    return found.objective, point


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
    rivals = np.flatnonzero(step <= step.min() + RIVALS * (1 + step.min()))
    return int(rivals[0]) if rivals.size == 1 else _first_exactly(knapsack, geometry, leaving, rivals, up=up)


def _first_exactly(
    knapsack: Knapsack, geometry: Geometry, leaving: int, rivals: NDArray[np.intp], *, up: bool
) -> int | None:
    """Which of some types, too near each other for floats to tell, the price plane meets first."""
    inverse = invert(as_fractions(knapsack.types[geometry.partial]))
    price, direction = inverse.sum(axis=1), inverse[:, leaving] * (-1 if up else 1)
    steps = []
    for kind, needs in zip(rivals.tolist(), as_fractions(knapsack.types[rivals]), strict=True):
        slope = needs @ direction
        if slope > 0 if geometry.full[kind] else slope < 0:
            steps.append((abs((needs @ price - 1) / slope), kind))
    return min(steps)[1] if steps else None
