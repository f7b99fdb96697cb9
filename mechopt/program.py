"""Linear and mixed-integer programs as plain arrays, and THE sign convention of duals.

    optimise  cost . x + offset   subject to   row_lower <= A x <= row_upper,   lower <= x <= upper

Duals are shadow prices, in both senses: a row's dual is the change of the optimum per unit of its right-hand side
(whichever side is tight), a column's reduced cost is the change of the optimum per unit of its bound. Hence always

    cost = A' dual + reduced,   optimum = offset + sum(dual * tight side) + sum(reduced * tight bound).

HiGHS and Pyomo report this; CVXPY reports the nonnegative multiplier in both senses: convert at the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact

Sense = Literal["min", "max"]

AT_LOWER, BASIC, AT_UPPER, AT_ZERO = 0, 1, 2, 3


def _array(values: ArrayLike, shape: tuple[int, ...] | None, name: str) -> NDArray[Any]:
    """A read-only float64 array, or one of objects where the values are exact rationals."""
    array = np.asarray(values)
    array = array.copy() if array.dtype == object else array.astype(np.float64)
    if shape is not None:
        try:
            array = np.broadcast_to(array, shape).copy()
        except ValueError:
            raise ValueError(f"{name} has shape {array.shape}, not {shape}") from None
    array.flags.writeable = False
    return array


def to_float(values: NDArray[Any]) -> NDArray[np.float64]:
    """The same numbers as float64; exact rationals are rounded to the nearest."""
    if values.dtype != object:
        return values.astype(np.float64, copy=False)
    return np.array([exact.as_float(value) for value in values.ravel().tolist()], dtype=np.float64).reshape(
        values.shape
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProgram:
    """A linear program; columns are the variables, rows the constraints.

    Numbers are float64, or objects (int, Fraction, float) where the data are exact rationals.

    Attributes:
        sense: "min" or "max".
        cost: objective per unit, shape (columns,).
        start: where each column starts in `index`, shape (columns + 1,).
        index: row of each entry, increasing inside a column, shape (entries,).
        value: of each entry, shape (entries,).
        lower: of the variables, -inf allowed, shape (columns,).
        upper: of the variables, inf allowed, shape (columns,).
        row_lower: -inf allowed, shape (rows,).
        row_upper: inf allowed, shape (rows,).
        offset: constant of the objective.
        column_names: one a column, or () for "column 0", ...
        row_names: one a row, or () for "row 0", ...
    """

    sense: Sense
    cost: NDArray[Any]
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: NDArray[Any]
    lower: NDArray[Any]
    upper: NDArray[Any]
    row_lower: NDArray[Any]
    row_upper: NDArray[Any]
    offset: Any = 0
    column_names: Sequence[str] = ()
    row_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.sense not in get_args(Sense):
            raise ValueError(f'sense {self.sense!r} is neither "min" nor "max"')
        columns, rows = np.size(self.cost), np.size(self.row_lower)
        for name, size in (("cost", columns), ("lower", columns), ("upper", columns), ("value", None)):
            self._freeze(name, None if size is None else (size,))
        for name in ("row_lower", "row_upper"):
            self._freeze(name, (rows,))
        for name in ("start", "index"):
            whole = np.asarray(getattr(self, name)).astype(np.int32)
            whole.flags.writeable = False
            object.__setattr__(self, name, whole)
        self._check_matrix(columns, rows)
        self._check_numbers()
        for name, size in (("column_names", columns), ("row_names", rows)):
            if len(getattr(self, name)) not in (0, size):
                raise ValueError(f"{name}: {len(getattr(self, name))} names for {size}")

    def _freeze(self, name: str, shape: tuple[int, ...] | None) -> None:
        object.__setattr__(self, name, _array(getattr(self, name), shape, name))

    def _check_matrix(self, columns: int, rows: int) -> None:
        entries = self.index.size
        if self.start.shape != (columns + 1,) or self.value.shape != (entries,):
            raise ValueError(f"start {self.start.shape} and value {self.value.shape} do not fit {columns} columns")
        if self.start[0] != 0 or self.start[-1] != entries or np.any(np.diff(self.start) < 0):
            raise ValueError("start must rise from 0 to the number of entries")
        if entries and (self.index.min() < 0 or self.index.max() >= rows):
            raise ValueError(f"index must be a row in 0..{rows - 1}")
        inside = np.ones(entries, dtype=bool)
        inside[self.start[:-1][self.start[:-1] < entries]] = False
        if np.any(np.diff(self.index)[inside[1:]] <= 0):
            raise ValueError("index must increase inside each column (an entry occurs twice?)")

    def _check_numbers(self) -> None:
        for name in ("cost", "value"):
            if not np.all(np.isfinite(to_float(getattr(self, name)))):
                raise ValueError(f"{name} must be finite")
        exact.parse(self.offset)
        self._check_limits()

    def _check_limits(self) -> None:
        for low, high, names in (
            (self.lower, self.upper, "lower, upper"),
            (self.row_lower, self.row_upper, "row_lower, row_upper"),
        ):
            low_float, high_float = to_float(low), to_float(high)
            if np.any(np.isnan(low_float)) or np.any(np.isnan(high_float)):
                raise ValueError(f"{names} must not be NaN")
            if np.any(low_float == np.inf) or np.any(high_float == -np.inf):
                raise ValueError(f"{names} must not be +inf below or -inf above")

    def bounded(self, *, lower: ArrayLike | None = None, upper: ArrayLike | None = None) -> Self:
        """The same program with other bounds of the variables; shares all other arrays, which are not checked again.

        Args:
            lower: new lower bounds, shape (columns,); None keeps them.
            upper: new upper bounds, shape (columns,); None keeps them.

        Raises:
            ValueError: NaN, +inf below, -inf above, or a wrong shape.
        """
        result = object.__new__(type(self))
        for field in fields(self):
            object.__setattr__(result, field.name, getattr(self, field.name))
        for name, values in (("lower", lower), ("upper", upper)):
            if values is not None:
                object.__setattr__(result, name, _array(values, (self.columns,), name))
        result._check_limits()
        return result

    @property
    def columns(self) -> int:
        """Number of variables."""
        return int(self.cost.size)

    @property
    def rows(self) -> int:
        """Number of constraints."""
        return int(self.row_lower.size)

    def column_name(self, column: int) -> str:
        """What the model calls this variable."""
        return str(self.column_names[column]) if len(self.column_names) else f"column {column}"

    def row_name(self, row: int) -> str:
        """What the model calls this constraint."""
        return str(self.row_names[row]) if len(self.row_names) else f"row {row}"

    def activity(self, point: NDArray[Any]) -> NDArray[Any]:
        """A x at a point, shape (rows,); exact where data and point are."""
        terms = self.value * np.repeat(point, np.diff(self.start))
        if terms.dtype != object:
            return np.bincount(self.index, weights=terms, minlength=self.rows).astype(np.float64)
        result = np.full(self.rows, Fraction(0), dtype=object)
        np.add.at(result, self.index, terms)
        return result

    def objective(self, point: NDArray[Any]) -> Any:
        """cost . x + offset at a point."""
        return self.cost @ point + self.offset if self.columns else self.offset

    def violation(self, point: NDArray[np.float64]) -> float:
        """The largest violation of a bound or row at a point, each relative to max(1, |limit|); NaN where x is NaN."""
        activity = self.activity_float(point)
        worst = 0.0
        for low, high, at in (
            (to_float(self.lower), to_float(self.upper), point),
            (to_float(self.row_lower), to_float(self.row_upper), activity),
        ):
            if at.size:
                with np.errstate(invalid="ignore"):
                    below = np.where(np.isfinite(low), (low - at) / np.maximum(1.0, np.abs(low)), 0.0 * at)
                    above = np.where(np.isfinite(high), (at - high) / np.maximum(1.0, np.abs(high)), 0.0 * at)
                worst = float(np.maximum(np.max(below), np.maximum(np.max(above), worst)))
        return worst

    def activity_float(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """A x in floats, shape (rows,)."""
        terms = to_float(self.value) * np.repeat(point, np.diff(self.start))
        return np.bincount(self.index, weights=terms, minlength=self.rows).astype(np.float64)

    @classmethod
    def from_dense(cls, matrix: ArrayLike, **rest: Any) -> Self:
        """A program from a dense matrix, shape (rows, columns); zeros are not stored."""
        dense = np.asarray(matrix)
        if dense.ndim != 2:
            raise ValueError(f"matrix has {dense.ndim} dimensions, not 2")
        column, row = np.nonzero(dense.T)
        start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=dense.shape[1]))])
        return cls(start=start, index=row.astype(np.int32), value=dense[row, column], **rest)

    @classmethod
    def from_triplets(cls, row: ArrayLike, column: ArrayLike, value: ArrayLike, **rest: Any) -> Self:
        """A program from entries in any order; each (row, column) at most once."""
        rows, columns, values = np.asarray(row, int), np.asarray(column, int), np.asarray(value)
        order = np.argsort(columns * (rows.max(initial=0) + 1) + rows)  # one key sorts several times faster than two
        counts = np.bincount(columns, minlength=np.size(rest["cost"]))
        start = np.concatenate([[0], np.cumsum(counts)])
        return cls(start=start, index=rows[order].astype(np.int32), value=values[order], **rest)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixedIntegerProgram(LinearProgram):
    """A linear program in which some variables are whole numbers.

    Attributes:
        integer: which variables are whole, shape (columns,).
    """

    integer: NDArray[np.bool_]

    def __post_init__(self) -> None:
        # Zero-argument super() does not find its class cell in a slotted dataclass on Python 3.11.
        LinearProgram.__post_init__(self)
        whole = np.broadcast_to(np.asarray(self.integer, dtype=bool), (self.columns,)).copy()
        whole.flags.writeable = False
        object.__setattr__(self, "integer", whole)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Which variables and rows are basic, and at which bound the others are.

    Attributes:
        columns: AT_LOWER, BASIC, AT_UPPER or AT_ZERO, shape (columns,).
        rows: the same for the rows' activities, shape (rows,).
    """

    columns: NDArray[np.int8]
    rows: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """A float solution; what it is worth is for `certify` to say.

    Attributes:
        objective: re-evaluated at the point, offset included.
        bound: proven by the solver: no point is better (equal to the objective for a linear program).
        point: x, shape (columns,).
        dual: shadow prices of the rows, shape (rows,); NaN for a mixed-integer program.
        reduced: shadow prices of the bounds, shape (columns,); NaN for a mixed-integer program.
        basis: None where there is none or it was not asked for.
    """

    objective: float
    bound: float
    point: NDArray[np.float64]
    dual: NDArray[np.float64]
    reduced: NDArray[np.float64]
    basis: Basis | None
