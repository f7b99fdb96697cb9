"""The bounded dual simplex method on many programs at once, each step one numpy operation for all of them.

All programs are   max cost . x,  matrix x = right,  0 <= x <= width   with one matrix and one cost; they differ in
`right` and `width`, so that a basis whose prices suit one suits all, and only amounts have to be put right. Few rows
(up to ten or so) and many columns are what it is for. `solver.Sequence` is the plain version, one program at a time.
The ratio test takes the long step: variables with two bounds are flipped as long as that still pays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEASIBLE = 1e-10  # relative to the largest right-hand side: how far outside its bounds counts as inside
PIVOT = 1e-9  # smallest pivot considered
STEPS_PER_ROW = 40  # of a program, before it is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A basis with prices that are right for every program.

    Attributes:
        basic: columns of the basis, shape (rows,).
        inverse: of their matrix, shape (rows, rows).
        price: of the rows, shape (rows,).
        reduced: cost less the price of what a column uses; 0 for the basis, shape (columns,).
    """

    basic: NDArray[np.intp]
    inverse: Floats
    price: Floats
    reduced: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where the programs ended, shape (programs, ...).

    Attributes:
        point: x, shape (programs, columns).
        price: of the rows, shape (programs, rows).
        basic: columns of the basis, shape (programs, rows).
        upper: whether a nonbasic column rests at its width, shape (programs, columns).
        done: whether all amounts came within their bounds; the others were given up.
        steps: pivots.
    """

    point: Floats
    price: Floats
    basic: NDArray[np.intp]
    upper: NDArray[np.bool_]
    done: NDArray[np.bool_]
    steps: NDArray[np.intp]


def solve(matrix: Floats, right: Floats, width: Floats, start: Start) -> Ends:
    """Optimal points of many programs.

    Args:
        matrix: the same for all, shape (rows, columns).
        right: shape (programs, rows).
        width: upper bounds, inf allowed, shape (programs, columns).
        start: its reduced costs must not be above 0 where a width is infinite.
    """
    programs, columns = width.shape
    rows = len(matrix)
    ends = Ends(
        point=np.empty((programs, columns)), price=np.tile(start.price, (programs, 1)),
        basic=np.tile(start.basic, (programs, 1)), upper=np.empty((programs, columns), dtype=bool),
        done=np.zeros(programs, dtype=bool), steps=np.zeros(programs, dtype=np.intp),
    )  # fmt: skip
    scale = 1.0 + np.abs(right).max(axis=1)
    # Nothing to pivot for most programs that are near the one the basis is from.
    up = start.reduced > 0
    up[start.basic] = False
    np.multiply(width, up, out=ends.point, where=up)
    ends.point[:, ~up] = 0.0
    ends.upper[:] = up
    amount = (right - ends.point @ matrix.T) @ start.inverse.T
    outside = np.maximum(-amount, amount - width[:, start.basic]).max(axis=1)
    ends.done[:] = outside <= FEASIBLE * scale
    ends.point[:, start.basic] = amount
    left = np.flatnonzero(~ends.done)
    if left.size:
        state = _State(matrix, right[left], width[left], start, left, scale[left])
        for _ in range(STEPS_PER_ROW * rows):
            state.step()
            state.finish(ends)
            if not state.number.size:
                break
    return ends


class _State:
    """Programs that still pivot; all arrays have one row a program."""

    def __init__(
        self, matrix: Floats, right: Floats, width: Floats, start: Start, number: NDArray[np.intp], scale: Floats
    ) -> None:
        count = number.size
        self.matrix, self.number = matrix, number
        self.right, self.width, self.tolerance = right, width, FEASIBLE * scale
        self.basic = np.tile(start.basic, (count, 1))
        self.inverse = np.tile(start.inverse, (count, 1, 1))
        self.price = np.tile(start.price, (count, 1))
        self.reduced = np.tile(start.reduced, (count, 1))
        # 1 at its width, -1 at 0, and 0 for what cannot enter: basic or fixed columns.
        self.side = np.where(self.reduced > 0, 1.0, -1.0)
        self.side[width == 0] = 0.0
        self.side[:, start.basic] = 0.0
        self.stuck = np.zeros(count, dtype=bool)
        self.taken = 0
        self._amounts()

    def _amounts(self) -> None:
        """Amounts of the basic columns, and the one that is furthest outside its bounds."""
        self.rest = np.where(self.side > 0, self.width, 0.0)
        left = self.right - self.rest @ self.matrix.T
        self.amount = np.matmul(self.inverse, left[:, :, None])[:, :, 0]
        above = self.amount - np.take_along_axis(self.width, self.basic, axis=1)
        outside = np.maximum(above, -self.amount)
        self.row = outside.argmax(axis=1)
        every = np.arange(self.row.size)
        self.outside = outside[every, self.row]
        self.above = above[every, self.row] >= self.outside

    def step(self) -> None:
        """One pivot of every program."""
        every = np.arange(self.number.size)
        direction = self.inverse[every, self.row] * np.where(self.above, -1.0, 1.0)[:, None]
        slope = direction @ self.matrix
        blocking = self.side * slope
        can = blocking > PIVOT
        ratio = np.full(slope.shape, np.inf)
        np.divide(np.maximum(self.side * self.reduced, 0.0), blocking, out=ratio, where=can)
        entering = self._entering(ratio, blocking, can)
        length = ratio[every, entering]
        self.stuck |= ~np.isfinite(length)
        length = np.where(self.stuck, 0.0, length)
        np.negative(self.side, out=self.side, where=ratio < length[:, None])
        self.price += length[:, None] * direction
        slope *= length[:, None]
        self.reduced -= slope
        leaving = self.basic[every, self.row]
        self.side[every, leaving] = np.where(self.above, 1.0, -1.0) * (self.width[every, leaving] > 0)
        self.side[every, entering] = 0.0
        self.reduced[every, entering] = 0.0
        self.basic[every, self.row] = entering
        self._exchange(every, entering)
        self.taken += 1
        self._amounts()

    def _entering(self, ratio: Floats, blocking: Floats, can: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The column at which the step stops paying: what flips before it does not make up for what is outside."""
        order = ratio.argsort(axis=1)
        gain = np.zeros(ratio.shape)
        np.multiply(blocking, self.width, out=gain, where=can)
        total = np.take_along_axis(gain, order, axis=1).cumsum(axis=1)
        place = (total >= self.outside[:, None]).argmax(axis=1)
        every = np.arange(place.size)
        self.stuck |= total[every, place] < self.outside  # no step is enough: no feasible point
        return np.asarray(order[every, place])

    def _exchange(self, every: NDArray[np.intp], entering: NDArray[np.intp]) -> None:
        """The inverse after the exchange of one column each."""
        column = np.matmul(self.inverse, self.matrix.T[entering][:, :, None])[:, :, 0]
        pivot = column[every, self.row]
        self.stuck |= np.abs(pivot) <= PIVOT
        pivot = np.where(self.stuck, 1.0, pivot)
        row = self.inverse[every, self.row] / pivot[:, None]
        self.inverse -= column[:, :, None] * row[:, None, :]
        self.inverse[every, self.row] = row

    def finish(self, ends: Ends) -> None:
        """Hand over programs that are done or stuck, and keep the others."""
        done = (self.outside <= self.tolerance) & ~self.stuck
        if not (done | self.stuck).any():
            return
        place = self.number[done]
        point = self.rest[done]
        np.put_along_axis(point, self.basic[done], self.amount[done], axis=1)
        ends.point[place], ends.price[place], ends.basic[place] = point, self.price[done], self.basic[done]
        ends.upper[place], ends.done[place], ends.steps[place] = self.side[done] > 0, True, self.taken
        ends.steps[self.number[self.stuck]] = self.taken
        keep = ~(done | self.stuck)
        for name in ("number", "right", "width", "tolerance", "basic", "inverse", "price", "reduced", "side", "stuck",
                     "rest", "amount", "row", "outside", "above"):  # fmt: skip
            setattr(self, name, getattr(self, name)[keep])
