"""The vertex behind a float solver's answer, which is only within the solver's tolerance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mechopt import certify
from mechopt.program import AT_UPPER, BASIC, LinearProgram, Solution, to_float
from mechopt.residuals import Residuals

Floats = NDArray[np.float64]


def vertex_of(certificate: certify.Certificate | Residuals, solution: Solution, program: LinearProgram) -> Floats:
    """The vertex of the last basis: in rational arithmetic where that proves it, else in floats; within rounding."""
    if isinstance(certificate, certify.Certificate):
        return to_float(certificate.point)
    basis = solution.basis
    if basis is None:
        return solution.point
    matrix = np.zeros((program.rows, program.columns))
    matrix[program.index, np.repeat(np.arange(program.columns), np.diff(program.start))] = program.value
    tight, free = basis.rows != BASIC, basis.columns == BASIC
    point = np.where(basis.columns == AT_UPPER, program.upper, np.where(free, 0.0, program.lower))
    side = np.where(basis.rows == AT_UPPER, program.row_upper, program.row_lower)[tight]
    try:
        point[free] = np.linalg.solve(matrix[tight][:, free], side - matrix[tight] @ point)
    except np.linalg.LinAlgError:
        return solution.point
    close = np.isfinite(point).all() and float(np.abs(point - solution.point).max()) <= 1e-6
    return np.asarray(point if close else solution.point)
