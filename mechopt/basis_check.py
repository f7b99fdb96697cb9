"""The steps of an exact certificate: from a basis its point, its prices, and every sign that optimality needs.

Each sign is decided exactly: by a float value where a rigorous error bound settles it, by rational arithmetic where it
does not. `certify` takes the steps; imports no solver.
"""

from __future__ import annotations

from fractions import Fraction
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import CertificateError
from mechopt.program import AT_LOWER, AT_UPPER, AT_ZERO, BASIC, Basis, LinearProgram, to_float
from mechopt.rational import EPSILON, decimals, fraction, integers, rational, solve_square, sums_with_bound

LARGEST_BASIS = 500  # basic variables; beyond, rational elimination takes longer than anybody waits


class BasisCheck:
    """The steps of one certificate; numbers are Decimal (or Fraction) as read, flint's fmpq once solved."""

    def __init__(self, program: LinearProgram, basis: Basis) -> None:
        self.program, self.basis = program, basis
        if basis.columns.size != program.columns or basis.rows.size != program.rows:
            raise CertificateError("the basis belongs to another program")
        self.basic = np.flatnonzero(basis.columns == BASIC)
        self.tight = np.flatnonzero(basis.rows != BASIC)
        if self.basic.size != self.tight.size:
            raise CertificateError(f"not a basis: {self.basic.size} basic variables for {self.tight.size} tight rows")
        if self.basic.size > LARGEST_BASIS:
            raise CertificateError(f"{self.basic.size} basic variables are too many for rational elimination")
        self.column = np.repeat(np.arange(program.columns), np.diff(program.start))
        self.row_lower, self.row_upper = to_float(program.row_lower), to_float(program.row_upper)
        # On the numbers as given: two rationals may round to the same float.
        self.fixed = np.asarray(program.lower == program.upper, dtype=bool)
        self.row_fixed = np.asarray(program.row_lower == program.row_upper, dtype=bool)
        arrays = (program.cost, program.value, program.lower, program.upper, program.row_lower, program.row_upper)
        self.mixed = any(array.dtype == object for array in arrays)
        self.sign = 1 if program.sense == "min" else -1

    def _read(self, values: NDArray[Any]) -> list[Any]:
        """Numbers exactly, all of one kind: Decimal, or Fraction where the program has any exact rationals."""
        return list(map(Fraction, decimals(values))) if self.mixed else decimals(values)

    def solve(self) -> None:
        """Values of the basic variables and prices of the tight rows, exactly."""
        program, place = self.program, np.full(self.program.rows, -1)
        place[self.tight] = np.arange(self.tight.size)
        self.rest = self._resting(program.lower, program.upper, self.basis.columns, program.column_name)
        side = self._resting(program.row_lower, program.row_upper, self.basis.rows, program.row_name)
        if np.any(self.basis.rows == AT_ZERO):
            raise CertificateError("a free row is tight")
        right = self._read(side[self.tight])
        moved = (self.basis.columns != BASIC) & (self.rest != 0)
        entries = np.flatnonzero(moved[self.column] & (place[program.index] >= 0))
        values = np.zeros(program.columns, dtype=object)
        self.moved = np.flatnonzero(moved)
        self.moved_value = self._read(self.rest[self.moved])
        values[self.moved] = self.moved_value
        for row, value, at in zip(
            place[program.index[entries]].tolist(),
            self._read(program.value[entries]),
            values[self.column[entries]].tolist(),
            strict=True,
        ):
            right[row] -= value * at
        self.right = [rational(value) for value in right]
        self._solve_kernel(place)

    def _resting(self, low: NDArray[Any], high: NDArray[Any], status: NDArray[np.int8], name: Any) -> NDArray[Any]:
        """The limit at which each nonbasic variable or row is; 0 for the others."""
        nonbasic = (status == AT_LOWER) | (status == AT_UPPER)
        limit = np.where(status == AT_UPPER, high, low)
        wrong = nonbasic & ~np.isfinite(to_float(limit))
        if wrong.any():
            raise CertificateError(f"{name(int(np.argmax(wrong)))} is said to be at an infinite limit")
        return np.where(nonbasic, limit, 0 if limit.dtype == object else 0.0)

    def _solve_kernel(self, place: NDArray[np.intp]) -> None:
        program, size = self.program, self.basic.size
        position = np.full(program.columns, -1)
        position[self.basic] = np.arange(size)
        entries = np.flatnonzero((position[self.column] >= 0) & (place[program.index] >= 0))
        numbers, scale = integers(self._read(program.value[entries]))
        flat, turned = [0] * (size * size), [0] * (size * size)
        rows, columns = place[program.index[entries]].tolist(), position[self.column[entries]].tolist()
        for row, column, number in zip(rows, columns, numbers, strict=True):
            flat[row * size + column] = turned[column * size + row] = number
        self.cost = [rational(value) for value in self._read(program.cost[self.basic])]
        self.value: list[Any] = []
        self.price: list[Any] = []
        if not size:
            return
        try:
            self.value = solve_square(flat, self.right, scale)
            self.price = solve_square(turned, self.cost, scale)
        except ZeroDivisionError:
            raise CertificateError("not a basis: its columns depend on each other") from None

    def primal(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Where every variable and every row is; raises where one is outside its limits."""
        program = self.program
        column_side = np.zeros(program.columns, dtype=np.int8)
        column_side[self.basis.columns == AT_LOWER] = -1
        column_side[self.basis.columns == AT_UPPER] = 1
        column_side[self.fixed] = 2
        for column, value in zip(self.basic.tolist(), self.value, strict=True):
            low = self._compare(value, program.lower, column)
            high = self._compare(value, program.upper, column)
            if low < 0 or high > 0:
                raise CertificateError(f"not optimal: {program.column_name(column)} is outside its bounds")
            column_side[column] = 2 if low == high == 0 else (-1 if low == 0 else (1 if high == 0 else 0))
        return column_side, self._row_sides()

    def _compare(self, value: Any, limits: NDArray[Any], place: int) -> int:
        """The exact sign of value - limit."""
        limit = limits[place : place + 1]
        number = float(to_float(limit)[0])
        if not np.isfinite(number):
            return -1 if number > 0 else 1
        difference = value - rational(self._read(limit)[0])
        return int(difference > 0) - int(difference < 0)

    def _row_sides(self) -> NDArray[np.int8]:
        program = self.program
        side = np.zeros(program.rows, dtype=np.int8)
        side[self.basis.rows == AT_LOWER] = -1
        side[self.basis.rows == AT_UPPER] = 1
        side[self.row_fixed & (self.basis.rows != BASIC)] = 2
        loose = self.basis.rows == BASIC
        if not loose.any():
            return side
        point = to_float(self.rest).copy()
        point[self.basic] = [float(fraction(value)) for value in self.value]
        activity, slack = sums_with_bound(program.index, to_float(program.value) * point[self.column], program.rows)
        with np.errstate(invalid="ignore"):
            over = activity - self.row_lower > slack + EPSILON * np.abs(self.row_lower)
            under = self.row_upper - activity > slack + EPSILON * np.abs(self.row_upper)
        settled = (over | (self.row_lower == -np.inf)) & (under | (self.row_upper == np.inf))
        for row in np.flatnonzero(loose & ~settled).tolist():
            value = self._activity(row)
            low, high = self._compare(value, program.row_lower, row), self._compare(value, program.row_upper, row)
            if low < 0 or high > 0:
                raise CertificateError(f"not optimal: {program.row_name(row)} is violated")
            side[row] = 2 if low == high == 0 else (-1 if low == 0 else (1 if high == 0 else 0))
        return side

    def _activity(self, row: int) -> Any:
        entries = np.flatnonzero(self.program.index == row)
        known = dict(zip(self.basic.tolist(), self.value, strict=True))
        known.update(zip(self.moved.tolist(), map(rational, self.moved_value), strict=True))
        numbers = self._read(self.program.value[entries])
        terms = zip(self.column[entries].tolist(), numbers, strict=True)
        return sum((rational(number) * known[column] for column, number in terms if column in known), rational(0))

    def dual(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Exact signs of reduced costs and duals; raises where one has the wrong sign for its limit."""
        program = self.program
        dual_sign = np.zeros(program.rows, dtype=np.int8)
        dual_sign[self.tight] = [int(value > 0) - int(value < 0) for value in self.price]
        price = np.zeros(program.rows)
        price[self.tight] = [float(fraction(value)) for value in self.price]
        used, slack = sums_with_bound(self.column, to_float(program.value) * price[program.index], program.columns)
        cost = to_float(program.cost)
        reduced = cost - used
        slack += 2 * EPSILON * (np.abs(cost) + np.abs(used))
        sign = np.where(np.abs(reduced) > slack, np.sign(reduced), 0).astype(np.int8)
        nonbasic = self.basis.columns != BASIC
        for column in np.flatnonzero(nonbasic & (sign == 0)).tolist():
            sign[column] = self._reduced_sign(column)
        sign[~nonbasic] = 0
        self._check_signs(sign, self.basis.columns, self.fixed, program.column_name)
        self._check_signs(dual_sign, self.basis.rows, self.row_fixed, program.row_name)
        return sign, dual_sign

    def _reduced_sign(self, column: int) -> int:
        part = slice(self.program.start[column], self.program.start[column + 1])
        price = dict(zip(self.tight.tolist(), self.price, strict=True))
        value = rational(self._read(self.program.cost[column : column + 1])[0])
        for row, number in zip(self.program.index[part].tolist(), self._read(self.program.value[part]), strict=True):
            if row in price:
                value -= rational(number) * price[row]
        return int(value > 0) - int(value < 0)

    def _check_signs(self, sign: NDArray[np.int8], status: NDArray[np.int8], fixed: Any, name: Any) -> None:
        wrong = ((status == AT_LOWER) & (self.sign * sign < 0)) | ((status == AT_UPPER) & (self.sign * sign > 0))
        wrong = (wrong & ~fixed) | ((status == AT_ZERO) & (sign != 0))
        if wrong.any():
            raise CertificateError(f"not optimal: the shadow price of {name(int(np.argmax(wrong)))} has the wrong sign")

    def strong_duality(self) -> Fraction:
        """The exact optimum, from the primal and from the dual side."""
        cost = self._read(self.program.cost[self.moved])
        rest = rational(sum(map(mul, cost, self.moved_value)))
        primal = sum(map(mul, self.cost, self.value), rational(0))
        dual = sum(map(mul, self.price, self.right), rational(0))
        if primal != dual:
            raise CertificateError("not optimal: primal and dual objective differ")
        return fraction(primal + rest + rational(Fraction(exact.parse(self.program.offset))))
