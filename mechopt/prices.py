"""Optimal faces: every optimal shadow price, and every optimal value of a variable, as an interval.

Where an optimum is degenerate its prices are not unique, and any one vertex would be arbitrary. The face of all of
them is a linear program in the prices, written from an exact certificate; its extremes are certified in turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.certify import Certificate, certify
from mechopt.errors import SolveError
from mechopt.program import LinearProgram, to_float
from mechopt.solver import solve

Number = Fraction | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """All optimal values of one price or variable.

    Attributes:
        low: the smallest; -inf where there is none.
        high: the largest; inf where there is none.
        exact: whether both ends are rational and proven; else they are floats, good to the solver's tolerance.
    """

    low: Number
    high: Number
    exact: bool

    @property
    def unique(self) -> bool:
        """Whether there is only one."""
        return self.low == self.high


def price_intervals(certificate: Certificate, rows: Iterable[int] | None = None) -> list[Interval]:
    """All optimal shadow prices of some rows.

    Args:
        certificate: of an optimal basis.
        rows: which; None for all.

    Returns:
        An interval a row, in order. Corners of their product need not be optimal together.
    """
    chosen = range(certificate.program.rows) if rows is None else rows
    if certificate.dual_unique:
        return [_single(certificate.dual[row]) for row in chosen]
    face = _dual_face(certificate)
    return [_extremes(face, row) for row in chosen]


def point_intervals(certificate: Certificate, columns: Iterable[int] | None = None) -> list[Interval]:
    """All optimal values of some variables: the same for the optimal points.

    Args:
        certificate: of an optimal basis.
        columns: which; None for all.
    """
    chosen = range(certificate.program.columns) if columns is None else columns
    if certificate.primal_unique:
        point = certificate.point
        return [_single(point[column]) for column in chosen]
    face = _primal_face(certificate)
    return [_extremes(face, column) for column in chosen]


def _single(value: Fraction) -> Interval:
    return Interval(low=value, high=value, exact=True)


def _extremes(face: LinearProgram, column: int) -> Interval:
    ends: list[Number] = []
    proven = True
    measure = _measure(face)
    for sense, infinity in (("min", -np.inf), ("max", np.inf)):
        cost = np.zeros(face.columns)
        cost[column] = 1.0
        program = replace(face, sense=sense, cost=cost)  # type: ignore[arg-type]  # one of the two literals
        try:
            solution = solve(_balanced(program, measure))
        except SolveError as error:
            if not str(error).startswith("unbounded"):
                raise
            ends.append(infinity)
            proven &= _recedes(program, column, measure)
            continue
        found = certify(program, solution)  # of its basis, which is the same in any units
        proven &= isinstance(found, Certificate)
        ends.append(
            found.objective if isinstance(found, Certificate) else solution.objective / float(measure[0][column])
        )
    return Interval(low=ends[0], high=ends[1], exact=proven)


def _measure(program: LinearProgram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Powers of two by which columns, then rows, are divided so that the largest entry of each is around 1."""
    column, entry = np.repeat(np.arange(program.columns), np.diff(program.start)), np.abs(to_float(program.value))
    found = []
    for place, size in ((column, program.columns), (program.index, program.rows)):
        largest = np.zeros(size)
        np.maximum.at(largest, place, entry)
        power = np.asarray(np.exp2(np.rint(np.log2(np.where(largest > 0, largest, 1.0)))))
        entry = entry / power[place]
        found.append(power)
    return found[0], found[1]


def _balanced(program: LinearProgram, measure: tuple[NDArray[np.float64], NDArray[np.float64]]) -> LinearProgram:
    """The program in floats and other units: a solver drops entries that are small in the given ones."""
    columns, rows = measure
    return replace(
        program, value=to_float(program.value) / np.repeat(columns, np.diff(program.start)) / rows[program.index],
        lower=to_float(program.lower) * columns, upper=to_float(program.upper) * columns,
        row_lower=to_float(program.row_lower) / rows, row_upper=to_float(program.row_upper) / rows,
    )  # fmt: skip


def _recedes(program: LinearProgram, column: int, measure: tuple[NDArray[np.float64], NDArray[np.float64]]) -> bool:
    """Whether a variable that is to be small, or large, can go that way for ever, proven: some ray does.

    The program has a feasible point: the face of a certificate holds what the certificate has.
    """
    lower, upper, row_lower, row_upper = (
        np.where(np.isinf(to_float(limit)), to_float(limit), 0.0)
        for limit in (program.lower, program.upper, program.row_lower, program.row_upper)
    )
    length = 1 / measure[0][column]
    lower[column], upper[column] = max(lower[column], -length), min(upper[column], length)
    rays = replace(program, lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper, offset=0)
    found = certify(rays, solve(_balanced(rays, measure)))
    return isinstance(found, Certificate) and found.objective != 0


def _dual_face(certificate: Certificate) -> LinearProgram:
    """Complementary slackness with one exact optimal point: a variable a row, a constraint a column."""
    program = certificate.program
    sign = 1 if program.sense == "max" else -1
    # A limit that holds back a maximum has a price >= 0 above and <= 0 below; nothing inside has one.
    low, high = _signs(sign * certificate.row_side)
    reduced_low, reduced_high = _signs(sign * certificate.column_side)
    low[certificate.row_side == 2], high[certificate.row_side == 2] = -np.inf, np.inf
    reduced_low[certificate.column_side == 2], reduced_high[certificate.column_side == 2] = -np.inf, np.inf
    column = np.repeat(np.arange(program.columns), np.diff(program.start))
    return LinearProgram.from_triplets(
        column,
        program.index,
        program.value,
        sense="min",
        cost=np.zeros(program.rows),
        lower=low,
        upper=high,
        # reduced = cost - A' price in [reduced_low, reduced_high]
        row_lower=_shift(program.cost, reduced_high),
        row_upper=_shift(program.cost, reduced_low),
        column_names=[program.row_name(row) for row in range(program.rows)],
        row_names=[program.column_name(column) for column in range(program.columns)],
    )


def _signs(side: NDArray[np.int8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.where(side < 0, -np.inf, 0.0), np.where(side > 0, np.inf, 0.0)


def _shift(cost: NDArray[Any], limit: NDArray[np.float64]) -> NDArray[Any]:
    """cost - limit where the limits are 0 or infinite: no rounding."""
    result = cost.copy()
    infinite = np.isinf(limit)
    result[infinite] = -limit[infinite]
    return result


def _primal_face(certificate: Certificate) -> LinearProgram:
    """Complementary slackness with one exact optimal price: what has a price stays at its limit."""
    program = certificate.program
    lower, upper = _held(program.lower, program.upper, certificate.reduced_sign, certificate.column_side)
    row_lower, row_upper = _held(program.row_lower, program.row_upper, certificate.dual_sign, certificate.row_side)
    return replace(program, lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper, offset=0)


def _held(
    low: NDArray[Any], high: NDArray[Any], price: NDArray[np.int8], side: NDArray[np.int8]
) -> tuple[NDArray[Any], NDArray[Any]]:
    low, high = low.copy(), high.copy()
    below, above = (price != 0) & (side == -1), (price != 0) & (side == 1)
    high[below] = low[below]
    low[above] = high[above]
    return low, high
