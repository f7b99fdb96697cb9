"""Exact certificates of one basis for one program after another that differ in their variables' bounds only.

What the basis alone decides (prices, the signs of reduced costs, the inverse) is proven once, by `certify`. What is
left for new bounds is whether the basic variables keep theirs: one exact product each. Imports no solver.
"""

from __future__ import annotations

import decimal
from fractions import Fraction
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.certify import Certificate
from mechopt.errors import CertificateError
from mechopt.program import AT_LOWER, AT_UPPER, AT_ZERO, BASIC, Basis, LinearProgram, to_float
from mechopt.rational import EXACT, decimals, fraction, rational


class Recertifier:
    """One optimal basis, ready for other bounds.

    Args:
        certificate: of the basis; every row is tight.

    Raises:
        CertificateError: a row is not tight, or a free variable rests at 0.
    """

    def __init__(self, certificate: Certificate) -> None:
        import flint

        program, status = certificate.program, certificate.basis.columns.copy()
        sign = certificate.reduced_sign * (1 if program.sense == "min" else -1)
        # A fixed variable rests at both of its bounds; named is the one that stays right when they part.
        status[(status == AT_LOWER) & (sign < 0)] = AT_UPPER
        status[(status == AT_UPPER) & (sign > 0)] = AT_LOWER
        self.basis = Basis(columns=status, rows=certificate.basis.rows)
        if np.any(self.basis.rows == BASIC) or np.any(status == AT_ZERO):
            raise CertificateError("a row is not tight, or a free variable rests at 0")
        self._certificate = certificate
        self._basic = np.flatnonzero(status == BASIC)
        self._upper = status == AT_UPPER
        arrays = (program.cost, program.value, program.lower, program.upper, program.row_lower, program.row_upper)
        self._mixed = any(array.dtype == object for array in arrays)
        side = np.where(self.basis.rows == AT_UPPER, program.row_upper, program.row_lower)
        dense: list[list[Any]] = [[0] * program.columns for _ in range(program.rows)]
        column = np.repeat(np.arange(program.columns), np.diff(program.start))
        with decimal.localcontext(EXACT):
            for row, place, value in zip(
                program.index.tolist(), column.tolist(), self._read(program.value), strict=True
            ):
                dense[row][place] = value
            self._right = self._read(side)
            self._cost = self._read(program.cost)
        self._matrix = dense
        square = [rational(row[place]) for row in dense for place in self._basic.tolist()]
        self._inverse = flint.fmpq_mat(program.rows, program.rows, square).inv()
        self._price = [rational(value) for value in certificate.dual.tolist()]
        self._basic_cost = [rational(self._cost[place]) for place in self._basic.tolist()]
        self._offset = Fraction(exact.parse(program.offset))
        self._rows: dict[bytes, tuple[list[list[Any]], list[Any]]] = {}

    def _read(self, values: NDArray[Any]) -> list[Any]:
        """Numbers exactly, all of one kind, as `certify` reads them."""
        return list(map(Fraction, decimals(values))) if self._mixed else decimals(values)

    def certify(self, program: LinearProgram) -> Certificate:
        """A certificate for the certificate's own program with other bounds (`LinearProgram.bounded`).

        Raises:
            CertificateError: with these bounds the basis is not optimal, or it is another program.
        """
        import flint

        of = self._certificate.program
        for name in ("cost", "value", "index", "start", "row_lower", "row_upper"):
            if getattr(program, name) is not getattr(of, name):
                raise CertificateError(f"the program has another {name}")
        with decimal.localcontext(EXACT):
            moved, values = self._moved(program)
            rows, cost = self._nonzero(moved)
            right = [rational(side - sum(map(mul, row, values))) for side, row in zip(self._right, rows, strict=True)]
            rest = rational(sum(map(mul, cost, values)))
            basic = (self._inverse * flint.fmpq_mat(len(right), 1, right)).entries()
            column_side = self._sides(program, basic)
        primal = sum(map(mul, self._basic_cost, basic), rational(0))
        if primal != sum(map(mul, self._price, right), rational(0)):
            raise CertificateError("not optimal: primal and dual objective differ")
        known = self._certificate
        row_fixed = np.asarray(program.row_lower == program.row_upper, dtype=bool)
        row_side = np.where(row_fixed, 2, np.where(self.basis.rows == AT_UPPER, 1, -1)).astype(np.int8)
        return Certificate(
            program=program, basis=self.basis, objective=fraction(primal + rest) + self._offset, dual=known.dual,
            basic_value=tuple(map(fraction, basic)), column_side=column_side, row_side=row_side,
            reduced_sign=known.reduced_sign, dual_sign=known.dual_sign,
        )  # fmt: skip

    def _moved(self, program: LinearProgram) -> tuple[NDArray[np.bool_], list[Any]]:
        """Nonbasic variables that rest at a limit other than 0, and where."""
        rest = np.where(self._upper, program.upper, program.lower)
        rest[self._basic] = 0
        if not np.isfinite(to_float(rest)).all():
            raise CertificateError("a variable is said to be at an infinite limit")
        moved = np.asarray(rest != 0, dtype=bool)
        return moved, self._read(rest[moved])

    def _nonzero(self, moved: NDArray[np.bool_]) -> tuple[list[list[Any]], list[Any]]:
        """Entries and costs of some variables, exactly."""
        key = moved.tobytes()
        if key not in self._rows:
            places = np.flatnonzero(moved).tolist()
            self._rows = {key: ([[row[j] for j in places] for row in self._matrix], [self._cost[j] for j in places])}
        return self._rows[key]

    def _sides(self, program: LinearProgram, basic: list[Any]) -> NDArray[np.int8]:
        """Where every variable is; raises where a basic one leaves its bounds."""
        side = np.where(self._upper, 1, -1).astype(np.int8)
        side[np.asarray(program.lower == program.upper, dtype=bool)] = 2
        for place, value in zip(self._basic.tolist(), basic, strict=True):
            low, high = self._limit(program.lower, place), self._limit(program.upper, place)
            if (low is not None and value < low) or (high is not None and value > high):
                raise CertificateError(f"not optimal: {program.column_name(place)} is outside its bounds")
            at_low, at_high = value == low, value == high
            side[place] = 2 if at_low and at_high else (-1 if at_low else (1 if at_high else 0))
        return side

    def _limit(self, limits: NDArray[Any], place: int) -> Any:
        limit = limits[place : place + 1]
        return rational(self._read(limit)[0]) if np.isfinite(to_float(limit)[0]) else None
