"""Exact rational certificates of an optimal basis, by python-flint; residuals with a bound where there is none.

Data are read as exact: a float counts as its shortest decimal. A basis makes a small square system (basic variables
against tight rows), solved exactly; every sign that optimality needs is decided exactly too: by a float value where a
rigorous error bound settles it, by rational arithmetic where it does not. Imports no solver.
"""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.basis_check import BasisCheck
from mechopt.errors import CertificateError
from mechopt.outcome import Guarantee
from mechopt.program import AT_UPPER, AT_ZERO, BASIC, Basis, LinearProgram, Solution
from mechopt.rational import EXACT, fraction
from mechopt.residuals import Residuals, residuals


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """Proof in rational numbers that a basis is optimal.

    Attributes:
        program: what was solved.
        basis: the optimal basis.
        objective: the exact optimum.
        dual: exact shadow prices of the rows, shape (rows,), Fractions.
        basic_value: exact values of the basic variables, in order.
        column_side: where each variable is: -1 at its lower bound, 1 at its upper, 0 inside, 2 at both (fixed).
        row_side: the same for the rows' activities.
        reduced_sign: exact sign of each reduced cost.
        dual_sign: exact sign of each dual.
    """

    program: LinearProgram
    basis: Basis
    objective: Fraction
    dual: NDArray[Any]
    basic_value: Sequence[Fraction]
    column_side: NDArray[np.int8]
    row_side: NDArray[np.int8]
    reduced_sign: NDArray[np.int8]
    dual_sign: NDArray[np.int8]

    @property
    def error(self) -> float:
        """Zero: the arithmetic was exact."""
        return 0.0

    @property
    def point(self) -> NDArray[Any]:
        """The exact optimal point, shape (columns,), Fractions."""
        result = np.full(self.program.columns, Fraction(0), dtype=object)
        basic = iter(self.basic_value)
        for column, status in enumerate(self.basis.columns.tolist()):
            if status == BASIC:
                result[column] = next(basic)
            elif status != AT_ZERO:
                bound = self.program.upper if status == AT_UPPER else self.program.lower
                result[column] = Fraction(exact.parse(bound[column : column + 1].tolist()[0]))
        return result

    @property
    def primal_unique(self) -> bool | None:
        """Whether this is the only optimal point; None where it takes a further linear program to say."""
        if not self._indifferent:
            return True
        return None if self._degenerate else False

    @property
    def dual_unique(self) -> bool | None:
        """Whether these are the only optimal shadow prices; None where it takes a further linear program to say."""
        if not self._degenerate:
            return True
        return None if self._indifferent else False

    @property
    def _degenerate(self) -> bool:
        """A basic variable, or the activity of a basic row, is at a limit."""
        columns, rows = self.basis.columns == BASIC, self.basis.rows == BASIC
        return bool(self.column_side[columns].any() or self.row_side[rows].any())

    @property
    def _indifferent(self) -> bool:
        """A nonbasic variable or row could leave its limit at no cost."""
        columns = (self.basis.columns != BASIC) & (self.column_side != 2)
        rows = (self.basis.rows != BASIC) & (self.row_side != 2)
        return not (self.reduced_sign[columns].all() and self.dual_sign[rows].all())

    def guarantee(self, of: str) -> Guarantee:
        """What a result that rests on this certificate is worth."""
        return Guarantee(kind="certified", detail=f"{of}: optimal basis checked in rational arithmetic")


def certify(program: LinearProgram, solution: Solution) -> Certificate | Residuals:
    """An exact certificate of a solution, or its residuals where its basis proves nothing."""
    if solution.basis is None:
        return residuals(program, solution, reason="no basis")
    try:
        return certify_basis(program, solution.basis)
    except CertificateError as error:
        return residuals(program, solution, reason=str(error))


def certify_basis(program: LinearProgram, basis: Basis) -> Certificate:
    """Prove in rational arithmetic that a basis is optimal.

    Args:
        program: floats count as their shortest decimals.
        basis: square and not singular.

    Returns:
        The exact optimum, point, shadow prices, and where they are at their limits.

    Raises:
        CertificateError: the basis is not optimal, or not a basis; says which variable or row shows it.
    """
    with decimal.localcontext(EXACT), np.errstate(all="ignore"):
        check = BasisCheck(program, basis)
        check.solve()
        column_side, row_side = check.primal()
        reduced_sign, dual_sign = check.dual()
        objective = check.strong_duality()
    dual = np.full(program.rows, Fraction(0), dtype=object)
    dual[check.tight] = [fraction(value) for value in check.price]
    return Certificate(
        program=program,
        basis=basis,
        objective=objective,
        dual=dual,
        basic_value=tuple(fraction(value) for value in check.value),
        column_side=column_side,
        row_side=row_side,
        reduced_sign=reduced_sign,
        dual_sign=dual_sign,
    )
