"""Which piece at which date: a multiple-choice mixed-integer program, ours, for the minimum of zhu2021, Section 4."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.linked_vcg.pieces import Date, Floats, Piece
from mechopt.program import LinearProgram, MixedIntegerProgram


class Choice:
    """Pick one piece a date within a budget over the dates.

    A binary z and a copy of x a piece, rows . x <= limits z and low z <= x <= high z: the hull of each date is exact,
    only the budget couples dates. Columns, piece by piece: z, the reports that matter, a variable a kink.

    Args:
        dates: the agent's views.
        pieces: the pieces to choose from at each date.
        charge: cost of a project reported at any date, shape (types,).
        budget: least and largest sum of the reports, shape (types,) each.
    """

    def __init__(
        self,
        dates: Sequence[Date],
        pieces: Sequence[Sequence[Piece]],
        charge: Floats,
        budget: tuple[Floats, Floats],
    ) -> None:
        self.dates, self.pieces, self.charge, self.budget = dates, pieces, charge, budget
        self.flat = [(place, piece) for place, options in enumerate(pieces) for piece in options]
        self.slope = [dates[place].weight * piece.gradient + charge for place, piece in self.flat]
        self.active = [
            np.ones(charge.size, dtype=bool)
            if np.any(dates[place].low > 0)
            else piece.active(dates[place], charge) | ((budget[0] > 0) & (slope > 0))
            for slope, (place, piece) in zip(self.slope, self.flat, strict=True)
        ]
        sizes = [
            1 + int(active.sum()) + piece.kinks.size for active, (_, piece) in zip(self.active, self.flat, strict=True)
        ]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        self.idle = self._idle()
        self.program = self._build()

    def _idle(self) -> list[tuple[int, int, NDArray[np.intp]]]:
        """Reports that cost nothing and change nothing, which a least budget can need: (date, type, pieces)."""
        place = np.array([place for place, _ in self.flat])
        idle = ~np.array(self.active) & (self.budget[0] > 0)
        found = ((date, kind, np.flatnonzero(idle[:, kind] & (place == date)))
                 for date in range(len(self.dates)) for kind in range(self.charge.size))  # fmt: skip
        return [one for one in found if one[2].size]

    def _build(self) -> MixedIntegerProgram:
        blocks = [self._block(number) for number in range(len(self.flat))]
        row, column, value, upper = [], [], [], []
        size = 0
        for start, (matrix, limits) in zip(self.starts, blocks, strict=False):
            places = np.nonzero(matrix)
            row.append(places[0] + size)
            column.append(places[1] + start)
            value.append(matrix[places])
            upper.append(limits)
            size += len(matrix)
        for number, (place, kind, pieces) in enumerate(self.idle):  # at most what the piece taken leaves idle
            row.append(np.full(pieces.size + 1, size))
            column.append(np.concatenate([[self.starts[-1] + number], self.starts[pieces]]))
            value.append(np.concatenate([[1.0], np.full(pieces.size, -self.dates[place].high[kind])]))
            upper.append(np.zeros(1))
            size += 1
        cost, most = self._columns()
        low = [np.full(size, -np.inf), np.ones(len(self.dates)), np.where(self.budget[0] > 0, self.budget[0], -np.inf)]
        upper += [np.ones(len(self.dates)), self.budget[1]]
        for start, active, (place, _) in zip(self.starts, self.active, self.flat, strict=False):
            kinds = np.flatnonzero(active)
            # One piece a date; and the reports of all dates within the budget.
            row.append(np.concatenate([[size + place], size + len(self.dates) + kinds]))
            column.append(start + np.arange(kinds.size + 1))
            value.append(np.ones(kinds.size + 1))
        for number, (_, kind, _) in enumerate(self.idle):
            row.append(np.array([size + len(self.dates) + kind]))
            column.append(self.starts[-1:] + number)
            value.append(np.ones(1))
        whole = np.zeros(cost.size, dtype=bool)
        whole[self.starts[:-1]] = True
        return MixedIntegerProgram.from_triplets(
            np.concatenate(row), np.concatenate(column), np.concatenate(value), sense="min", cost=cost, lower=0.0,
            upper=most, row_lower=np.concatenate(low), row_upper=np.concatenate(upper), integer=whole,
        )  # fmt: skip

    def _block(self, number: int) -> tuple[Floats, Floats]:
        """The rows of one piece, all of the form matrix . (z, x, u) <= limits."""
        place, piece = self.flat[number]
        date, active = self.dates[place], self.active[number]
        count, kinks, eye = int(active.sum()), piece.kinks.size, np.eye(int(active.sum()))
        matrix = np.block([
            [-piece.limits[:, None], piece.rows[:, active], np.zeros((len(piece.rows), kinks))],
            [piece.kinks[:, None], piece.bends[:, active], -np.eye(kinks)],
            [-date.high[active][:, None], eye, np.zeros((count, kinks))],
            [date.low[active][:, None], -eye, np.zeros((count, kinks))],
        ])  # fmt: skip
        keep = np.ones(len(matrix), dtype=bool)
        keep[len(matrix) - count :] = date.low[active] > 0
        return matrix[keep], np.zeros(int(keep.sum()))

    def _columns(self) -> tuple[Floats, Floats]:
        """Cost and upper bound of every column."""
        cost: list[NDArray[np.float64]] = []
        upper: list[NDArray[np.float64]] = []
        for slope, active, (place, piece) in zip(self.slope, self.active, self.flat, strict=True):
            date, kinks = self.dates[place], piece.kinks.size
            cost += [np.array([date.weight * piece.constant]), slope[active], np.full(kinks, date.weight)]
            upper += [np.ones(1), date.high[active], np.full(kinks, np.inf)]
        cost.append(np.zeros(len(self.idle)))
        upper.append(np.array([self.dates[place].high[kind] for place, kind, _ in self.idle]))
        return np.concatenate(cost), np.concatenate(upper)

    def relaxed(self) -> LinearProgram:
        """The same program without whole numbers; its last rows are the budget, a row a type."""
        return LinearProgram(**{name: getattr(self.program, name) for name in LinearProgram.__dataclass_fields__})

    def reports(self, point: Floats) -> NDArray[np.float64]:
        """The reports, shape (dates, types)."""
        result = np.zeros((len(self.dates), self.charge.size))
        for start, active, (place, _) in zip(self.starts, self.active, self.flat, strict=False):
            result[place, active] += point[start + 1 : start + 1 + int(active.sum())]
        for (place, kind, _), idle in zip(self.idle, point[self.starts[-1] :], strict=True):
            result[place, kind] += idle
        return result
