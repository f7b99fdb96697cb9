"""An exact optimum by certificate of a float basis, against SymPy's rational simplex and the float solve alone.

python benchmarks/peers/certificates.py
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers.room import Table, peer, ratio, side_by_side
from benchmarks.timing import Candidate
from mechopt import certify, solver
from mechopt.program import LinearProgram

SIZES = ((5, 4), (10, 6), (20, 8), (200, 20), (2_000, 20), (5_000, 60))
LARGEST_SYMPY = 160  # entries; the next size takes minutes
FLOAT, EXACT, SYMPY, LINPROG = "solved in floats", "solved and certified", "SymPy lpmax", "scipy linprog"


def drawn(columns: int, rows: int) -> LinearProgram:
    """max cost . x, matrix x <= right, 0 <= x <= upper, every number of two decimals."""
    rng = np.random.default_rng(columns)

    def decimals(low: float, high: float, shape: Any) -> Any:
        return rng.uniform(low, high, shape).round(2)

    matrix, upper = decimals(0.1, 1.0, (rows, columns)), decimals(0.1, 1.0, columns)
    right = (matrix @ upper * 0.4).round(2)
    return LinearProgram.from_dense(matrix, sense="max", cost=decimals(0.5, 1.0, columns), lower=np.zeros(columns),
                                    upper=upper, row_lower=np.full(rows, -np.inf), row_upper=right)  # fmt: skip


def in_floats(program: LinearProgram) -> float:
    return float(solver.solve(program).objective)


def certified(program: LinearProgram) -> Fraction:
    found = certify.certify(program, solver.solve(program))
    if not isinstance(found, certify.Certificate):
        raise SystemExit("a basis could not be certified")
    return found.objective


def linprog(program: LinearProgram) -> float:
    from scipy.optimize import linprog as run
    from scipy.sparse import csc_array

    matrix = csc_array((program.value, program.index, program.start), (program.rows, program.columns))
    bounds = np.column_stack([program.lower, program.upper])
    return float(-run(-program.cost, A_ub=matrix, b_ub=program.row_upper, bounds=bounds, method="highs").fun)


def lpmax(program: LinearProgram) -> Fraction:
    """SymPy's simplex on the same decimals as rationals."""
    sympy, simplex = peer("sympy"), peer("sympy.solvers.simplex")

    def exact(value: float) -> Any:
        return sympy.Rational(repr(float(value)))

    x = sympy.symbols(f"x:{program.columns}")
    left: list[Any] = [0] * program.rows
    for column in range(program.columns):
        for place in range(program.start[column], program.start[column + 1]):
            left[program.index[place]] += exact(program.value[place]) * x[column]
    limits = [total <= exact(high) for total, high in zip(left, program.row_upper.tolist(), strict=True)]
    for variable, high in zip(x, program.upper.tolist(), strict=True):
        limits += [variable >= 0, variable <= exact(high)]
    value = simplex.lpmax(sum(exact(c) * v for c, v in zip(program.cost.tolist(), x, strict=True)), limits)[0]
    return Fraction(int(value.p), int(value.q))


def tables() -> list[Table]:
    table = Table(
        title="Exact optima of linear programs",
        about="CPU time, mechopt's float solve = 1. The certified optimum is a fraction, proven by exact primal and "
        "dual feasibility; SymPy's equals it in every digit.",
        head=["columns × rows", EXACT, LINPROG, SYMPY],
    )
    for columns, rows in SIZES:
        program = drawn(columns, rows)
        optimum = certified(program)

        def same(name: str, found: Any, optimum: Fraction = optimum) -> None:
            exact = name in (EXACT, SYMPY)
            if found != optimum if exact else abs(found - float(optimum)) > 1e-7 * float(optimum):
                raise SystemExit(f"{name}: {found}, not {optimum}")

        candidates: dict[str, Candidate] = {
            FLOAT: partial(in_floats, program), EXACT: partial(certified, program), LINPROG: partial(linprog, program)
        }  # fmt: skip
        if columns * rows <= LARGEST_SYMPY:
            candidates[SYMPY] = partial(lpmax, program)
        taken, skipped = side_by_side(candidates, rounds=5, check=same)
        table.skipped = sorted({*table.skipped, *skipped})
        cells = [ratio(taken[name] / taken[FLOAT]) if name in taken else "-" for name in (EXACT, LINPROG, SYMPY)]
        table.rows.append([f"{columns:,} × {rows}", *cells])
        if SYMPY in taken and columns * rows == LARGEST_SYMPY:
            quotient = ratio(taken[SYMPY] / taken[EXACT])
            table.headlines.append([f"Exact optimum, {columns} × {rows}", SYMPY, quotient])
        if (columns, rows) == SIZES[-1]:
            task = f"Exact optimum, {columns:,} × {rows}"
            table.headlines.append([task, "mechopt's float solve alone", ratio(taken[FLOAT] / taken[EXACT])])
    return [table]
