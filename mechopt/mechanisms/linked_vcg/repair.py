"""An optimal basis that rounding left just outside its limits, put right by dual pivots in rational numbers.

Where projects end exactly at a kink, a solver's tolerance accepts a partly invested amount of -1e-17, which is not
optimal in rational arithmetic. The price is still right or nearly so; one or two exact pivots are all it takes. Where
types are so nearly alike that the tolerance takes one for the other, the price itself may be wrong; the pivots then
start from the principal's own types, where every price is right.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.certify import Certificate, certify_basis
from mechopt.errors import CertificateError
from mechopt.mechanisms.linked_vcg.vertices import as_fractions, invert
from mechopt.program import AT_LOWER, AT_UPPER, BASIC, Basis, LinearProgram, Solution
from mechopt.residuals import Residuals

if TYPE_CHECKING:
    from mechopt.mechanisms.linked_vcg.knapsack import Knapsack

PIVOTS = 500


def repaired(
    knapsack: Knapsack, program: LinearProgram, solution: Solution, found: Residuals
) -> tuple[Solution, Certificate | Residuals]:
    """The solution at the basis that is optimal exactly, with its certificate; as given where none was found.

    Args:
        knapsack: whose program it is.
        program: with the supply of this date as upper bounds.
        solution: of the solver.
        found: why its basis is no proof.

    Raises:
        InstanceError: the types are not generic at a price met on the way.
    """
    basis = solution.basis
    if basis is None or np.any(basis.rows == BASIC):
        return solution, found
    try:
        partial = _pivot(knapsack, program, np.flatnonzero(basis.columns == BASIC))
        geometry = knapsack.vertex(partial)
        columns = np.where(geometry.full, AT_UPPER, AT_LOWER).astype(np.int8)
        columns[partial] = BASIC
        better = Basis(columns=columns, rows=np.full_like(basis.rows, AT_UPPER))
        return replace(solution, basis=better), certify_basis(program, better)
    except CertificateError:
        return solution, found


def _pivot(knapsack: Knapsack, program: LinearProgram, partial: NDArray[np.intp]) -> NDArray[np.intp]:
    """Dual simplex: the partly invested types of the efficient investment, all amounts within their limits."""
    types, stock = as_fractions(knapsack.types), as_fractions(knapsack.stock)
    supply: list[Any] = [
        None if value == np.inf else Fraction(exact.parse(value)) for value in program.upper.tolist()
    ]  # fmt: skip
    if knapsack.vertex(partial).full[: knapsack.resources].any():  # plentiful, and worth more than their cost
        partial = np.arange(knapsack.resources)
    for _ in range(PIVOTS):
        full = knapsack.vertex(partial).full
        inverse = invert(types[partial])
        left = stock - sum((supply[kind] * types[kind] for kind in np.flatnonzero(full)), 0 * stock)
        amount = left @ inverse
        place, up = _outside(amount, [supply[kind] for kind in partial])
        if place is None:
            return partial
        price = inverse @ np.full(partial.size, Fraction(1))
        partial = partial.copy()
        partial[place] = _entering(types, price, inverse[:, place] * (-1 if up else 1), full, partial, supply)
        partial = np.sort(partial)
    raise CertificateError("dual pivots in rational numbers did not end")


def _outside(amount: NDArray[Any], supply: list[Any]) -> tuple[int | None, bool]:
    """The amount that is outside its limits by most, and whether it is above; None where all are inside."""
    worst, place, up = Fraction(0), None, False
    for number, (value, most) in enumerate(zip(amount.tolist(), supply, strict=True)):
        for beyond, above in ((-value, False), (worst if most is None else value - most, True)):
            if beyond > worst:
                worst, place, up = beyond, number, above
    return place, up


def _entering(
    types: NDArray[Any],
    price: NDArray[Any],
    direction: NDArray[Any],
    full: NDArray[np.bool_],
    partial: NDArray[np.intp],
    supply: list[Any],
) -> int:
    """The first type to meet the price plane as the price moves along a direction, away from the leaving type."""
    best, chosen = None, None
    for kind in range(len(types)):
        if kind in partial or supply[kind] == 0:
            continue
        slope, excess = types[kind] @ direction, types[kind] @ price - 1
        if slope > 0 if full[kind] else slope < 0:
            step = abs(excess / slope)
            if best is None or step < best:
                best, chosen = step, kind
    if chosen is None:
        raise CertificateError("no type can take the place of the one that leaves")
    return chosen
