"""The door to HiGHS: optima against other solvers, the sign of duals, and no silent failure."""

from __future__ import annotations

import itertools
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from mechopt.certify import certify
from mechopt.errors import LimitError, SolveError
from mechopt.program import BASIC, LinearProgram, MixedIntegerProgram, Solution
from mechopt.residuals import Residuals
from mechopt.solver import InfeasibleError, Options, Sequence, export, solve

INF = np.inf


def random_program(seed: int, rows: int = 3, columns: int = 7, **changes: Any) -> LinearProgram:
    rng = np.random.default_rng(seed)
    matrix = rng.uniform(0.1, 1.0, (rows, columns)) * (rng.random((rows, columns)) < 0.8)
    given: dict[str, Any] = {
        "sense": "max",
        "cost": rng.uniform(0.1, 1.0, columns),
        "lower": np.zeros(columns),
        "upper": rng.uniform(0.0, 2.0, columns),
        "row_lower": np.full(rows, -INF),
        "row_upper": rng.uniform(0.5, 2.0, rows),
    }
    given.update(changes)
    return LinearProgram.from_dense(matrix, **given)


def dense(program: LinearProgram) -> np.ndarray:
    matrix = np.zeros((program.rows, program.columns))
    for column in range(program.columns):
        part = slice(program.start[column], program.start[column + 1])
        matrix[program.index[part], column] = program.value[part]
    return matrix


def check_optimal(program: LinearProgram, found: Solution) -> None:
    """Weak duality, from the sign convention alone: the solution proves itself."""
    assert program.violation(found.point) < 1e-8
    assert np.allclose(program.cost, dense(program).T @ found.dual + found.reduced, atol=1e-9)
    sign = 1.0 if program.sense == "max" else -1.0
    total = program.offset
    for price, low, high in (
        (found.dual, program.row_lower, program.row_upper),
        (found.reduced, program.lower, program.upper),
    ):
        side = np.where(sign * price > 0, high, low)
        total += sum(p * s for p, s in zip(price, side, strict=True) if abs(p) > 1e-12)
    assert total == pytest.approx(found.objective, abs=1e-7)


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize("seed", range(10))
def test_optimum_agrees_with_scipy_and_with_its_own_duals(seed: int, sense: str) -> None:
    rng = np.random.default_rng(100 + seed)
    limits: dict[str, Any] = {"row_lower": rng.uniform(0.1, 0.3, 3), "row_upper": rng.uniform(0.5, 2.0, 3)}
    program = random_program(seed, sense=sense, offset=5.0, **limits)
    found = solve(program)
    sign = -1.0 if sense == "max" else 1.0
    matrix = dense(program)
    other = linprog(
        sign * program.cost,
        A_ub=np.vstack([matrix, -matrix]),
        b_ub=np.concatenate([program.row_upper, -program.row_lower]),
        bounds=list(zip(program.lower, program.upper, strict=True)),
        method="highs-ipm",
    )
    assert found.objective == pytest.approx(sign * other.fun + 5.0, abs=1e-7)
    check_optimal(program, found)
    assert found.basis is not None
    assert np.sum(found.basis.columns == BASIC) + np.sum(found.basis.rows == BASIC) == program.rows


@pytest.mark.parametrize("sense", ["max", "min"])
def test_a_dual_is_the_change_of_the_optimum_per_unit_of_right_hand_side(sense: str) -> None:
    # max: x <= stock earns 2 a unit. min: the demand of 3 costs 2 a unit.
    def program(limit: float) -> LinearProgram:
        sides = {"row_lower": [-INF], "row_upper": [limit]} if sense == "max" else {"row_lower": [limit],
                                                                                   "row_upper": [INF]}  # fmt: skip
        return LinearProgram.from_dense([[1.0]], sense=sense, cost=[2.0], lower=0.0, upper=INF, **sides)

    found, more = solve(program(3.0)), solve(program(3.5))
    assert found.dual[0] == pytest.approx((more.objective - found.objective) / 0.5) == 2.0


def test_a_sequence_gives_the_optimum_of_each_program() -> None:
    program = random_program(1)
    sequence = Sequence(program)
    rng = np.random.default_rng(5)
    for _ in range(40):
        upper, stock = rng.uniform(0.0, 2.0, program.columns), rng.uniform(0.2, 2.0, program.rows)
        hot = sequence.solve(upper=upper, row_upper=stock)
        changed = random_program(1, upper=upper, row_upper=stock)
        assert hot.objective == pytest.approx(solve(changed).objective, abs=1e-9)
        check_optimal(changed, hot)


def test_a_sequence_changes_single_bounds_and_costs() -> None:
    sequence = Sequence(random_program(2))
    base = random_program(2)
    upper, cost = base.upper.copy(), base.cost.copy()
    upper[[1, 4]], cost[2] = [0.25, 3.0], 9.0
    found = sequence.solve(columns=[1, 4], upper=[0.25, 3.0], cost=cost)
    assert found.objective == pytest.approx(solve(random_program(2, upper=upper, cost=cost)).objective)


def test_a_refused_change_leaves_no_stale_optimum() -> None:
    """NaN is refused, and the next answer is that of the old program, solved, not read from before."""
    sequence = Sequence(random_program(3))
    before = sequence.solve()
    with pytest.raises(ValueError, match="NaN"):
        sequence.solve(columns=[0], upper=[np.nan])
    with pytest.raises(ValueError, match=r"column 99 is not in 0\.\.6"):
        sequence.solve(columns=[99], upper=[1.0])
    with pytest.raises(ValueError, match="finite"):
        sequence.solve(cost=np.full(7, INF))
    assert sequence.solve().objective == before.objective


def test_a_sequence_recovers_from_an_infeasible_program() -> None:
    program = random_program(4)
    sequence = Sequence(program)
    before = sequence.solve()
    with pytest.raises(InfeasibleError):
        sequence.solve(row_lower=np.full(3, 1e6), row_upper=np.full(3, INF))
    again = sequence.solve(row_lower=program.row_lower, row_upper=program.row_upper)
    assert again.objective == pytest.approx(before.objective, abs=1e-12)


def test_infeasibility_is_explained_in_the_models_own_names() -> None:
    program = LinearProgram.from_dense(
        [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]],
        sense="min",
        cost=[1.0, 1.0],
        lower=0.0,
        upper=[INF, 1.0],
        row_lower=[4.0, -INF, -INF],
        row_upper=[INF, 2.0, 7.0],
        column_names=["hours of ana", "hours of ben"],
        row_names=["demand at date 3", "stock of resource gpu at date 3", "never binding"],
    )
    with pytest.raises(InfeasibleError, match="stock of resource gpu at date 3 <= 2") as caught:
        solve(program)
    conflict = caught.value.conflict
    assert "demand at date 3 >= 4" in conflict
    assert "hours of ben <= 1" in conflict
    assert not any("never binding" in line for line in conflict)


def test_bounds_in_conflict_are_named() -> None:
    program = random_program(6, lower=np.full(7, 3.0), column_names=[f"type {i}" for i in range(7)])
    with pytest.raises(InfeasibleError, match="type"):
        solve(program)


def test_an_unbounded_program_names_what_can_grow() -> None:
    program = LinearProgram.from_dense(
        [[1.0, -1.0]],
        sense="max",
        cost=[1.0, 1.0],
        lower=0.0,
        upper=INF,
        row_lower=[-INF],
        row_upper=[1.0],
        column_names=["sold", "bought"],
    )
    with pytest.raises(SolveError, match="sold, bought can grow"):
        solve(program)


def test_programs_without_rows_or_columns() -> None:
    free = LinearProgram.from_dense(np.zeros((0, 2)), sense="max", cost=[1.0, -1.0], lower=0.0, upper=3.0,
                                    row_lower=[], row_upper=[], offset=1.0)  # fmt: skip
    assert solve(free).objective == 4.0
    empty = LinearProgram.from_dense(np.zeros((0, 0)), sense="max", cost=[], lower=0.0, upper=3.0,
                                     row_lower=[], row_upper=[], offset=1.0)  # fmt: skip
    assert solve(empty).objective == 1.0


@pytest.mark.parametrize(("low", "high", "words"), [(1.0, np.inf, "row 1 >= 1"), (-np.inf, -2.0, "row 1 <= -2")])
def test_without_variables_a_row_that_excludes_0_is_a_conflict(low: float, high: float, words: str) -> None:
    program = LinearProgram.from_dense(np.zeros((2, 0)), sense="min", cost=[], lower=0.0, upper=1.0,
                                       row_lower=[-1.0, low], row_upper=[0.0, high])  # fmt: skip
    with pytest.raises(InfeasibleError, match=words) as caught:
        solve(program)
    assert caught.value.conflict == (words,)
    sequence = Sequence(program)
    assert sequence.solve(row_lower=[-1.0, -1.0], row_upper=[1.0, 1.0]).objective == 0.0
    with pytest.raises(InfeasibleError):
        sequence.solve(row_lower=[0.5, -1.0])


def exact_optimum(program: LinearProgram) -> Fraction | str:
    """The optimum by Z3's exact simplex, or "infeasible" or "unbounded"."""
    import z3

    optimizer, point = z3.Optimize(), [z3.Real(f"x{column}") for column in range(program.columns)]
    dense = np.zeros((program.rows, program.columns))
    dense[program.index, np.repeat(np.arange(program.columns), np.diff(program.start))] = program.value
    sums = [z3.Sum([z3.RealVal(0), *(int(a) * x for a, x in zip(row, point, strict=True))]) for row in dense]
    for value, low, high in [
        *zip(point, program.lower, program.upper, strict=True),
        *zip(sums, program.row_lower, program.row_upper, strict=True),
    ]:
        optimizer.add(*([value >= int(low)] if np.isfinite(low) else []))
        optimizer.add(*([value <= int(high)] if np.isfinite(high) else []))
    objective = z3.Sum([z3.RealVal(0), *(int(c) * x for c, x in zip(program.cost, point, strict=True))])
    handle = optimizer.minimize(objective) if program.sense == "min" else optimizer.maximize(objective)
    if optimizer.check() != z3.sat:
        return "infeasible"
    best = str(optimizer.lower(handle) if program.sense == "min" else optimizer.upper(handle))
    return "unbounded" if "oo" in best else Fraction(best)


def test_degenerate_infeasible_and_unbounded_programs_agree_with_an_exact_solver() -> None:
    """Small whole numbers, so that ties, empty rows and columns, free and fixed variables are common."""
    rng, seen = np.random.default_rng(0), {"infeasible": 0, "unbounded": 0, "optimal": 0}
    for _ in range(300):
        columns, rows = rng.integers(0, 6, 2)
        matrix = rng.integers(-2, 3, (rows, columns)) * (rng.random((rows, columns)) < 0.7)
        lower = np.where(rng.random(columns) < 0.75, rng.integers(-2, 2, columns), -np.inf)
        upper = np.where(rng.random(columns) < 0.6, np.maximum(lower, -2) + rng.integers(0, 4, columns), np.inf)
        row_lower = np.where(rng.random(rows) < 0.5, rng.integers(-4, 3, rows), -np.inf)
        row_upper = np.where(rng.random(rows) < 0.6, np.maximum(row_lower, -4) + rng.integers(0, 4, rows), np.inf)
        program = LinearProgram.from_dense(matrix, sense="min" if rng.random() < 0.5 else "max",
                                           cost=rng.integers(-2, 3, columns), lower=lower, upper=upper,
                                           row_lower=row_lower, row_upper=row_upper)  # fmt: skip
        truth = exact_optimum(program)
        if isinstance(truth, Fraction):
            found = certify(program, solve(program))
            seen["optimal"] += 1
            assert float(found.objective) == pytest.approx(float(truth), abs=1e-7)
            assert isinstance(found, Residuals) or found.objective == truth
            continue
        seen[truth] += 1
        with pytest.raises(InfeasibleError if truth == "infeasible" else SolveError, match=truth):
            solve(program)
    assert min(seen.values()) > 40


def knapsack(seed: int, items: int = 9) -> MixedIntegerProgram:
    rng = np.random.default_rng(seed)
    return MixedIntegerProgram.from_dense(
        rng.uniform(0.1, 1.0, (2, items)),
        sense="max",
        cost=rng.uniform(0.1, 1.0, items),
        lower=0.0,
        upper=1.0,
        row_lower=np.full(2, -INF),
        row_upper=[2.0, 2.0],
        integer=True,
        offset=1e6,
    )


@pytest.mark.parametrize("seed", range(5))
def test_whole_numbers_agree_with_enumeration_whatever_the_constant(seed: int) -> None:
    program = knapsack(seed)
    matrix = dense(program)
    best = max(
        float(program.cost @ choice)
        for choice in map(np.array, itertools.product([0.0, 1.0], repeat=program.columns))
        if np.all(matrix @ choice <= program.row_upper)
    )
    found = solve(program)
    assert found.objective - 1e6 == pytest.approx(best, abs=1e-8)
    assert found.bound >= found.objective
    assert found.bound - found.objective <= 1e-8
    assert set(found.point.tolist()) <= {0.0, 1.0}
    assert np.isnan(found.dual).all()


def test_whole_numbers_that_do_not_exist_are_infeasible() -> None:
    program = MixedIntegerProgram.from_dense(
        [[2.0]], sense="max", cost=[1.0], lower=0.0, upper=9.0, row_lower=[3.0], row_upper=[3.0], integer=True
    )
    with pytest.raises(InfeasibleError, match="whole numbers") as caught:
        solve(program)
    assert caught.value.conflict == ()


def test_a_time_limit_raises_or_gives_a_bracket() -> None:
    # Market split: half of each row's total, slack is the cost. Hard far beyond this size.
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 100, (6, 50)).astype(float)
    matrix = np.hstack([weight, np.eye(6), -np.eye(6)])
    half = np.floor(weight.sum(axis=1) / 2)
    program = MixedIntegerProgram.from_dense(
        matrix,
        sense="min",
        cost=np.concatenate([np.zeros(50), np.ones(12)]),
        lower=0.0,
        upper=np.concatenate([np.ones(50), np.full(12, INF)]),
        row_lower=half,
        row_upper=half,
        integer=np.arange(62) < 50,
    )
    options = Options(time_limit=0.3)
    with pytest.raises(SolveError, match="time limit"):
        solve(program, options=options)
    found = solve(program, options=options, accept_bound=True)
    assert program.violation(found.point) < 1e-9
    assert found.objective > found.bound


def test_options_that_highs_refuses_are_named() -> None:
    with pytest.raises(SolveError, match="tolerance"):
        solve(random_program(0), options=Options(tolerance=1e-14))


def test_a_second_number_of_threads_is_refused_in_words() -> None:
    code = (
        "from mechopt.program import LinearProgram\n"
        "from mechopt.solver import Options, solve\n"
        "lp = LinearProgram.from_dense([[1.0]], sense='max', cost=[1.0], lower=0.0, upper=1.0,"
        " row_lower=[0.0], row_upper=[2.0])\n"
        "solve(lp, options=Options(threads=1))\n"
        "solve(lp)\n"
        "try:\n    solve(lp, options=Options(threads=2))\n"
        "except Exception as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("HiGHS refuses threads = 2")  # and no banner
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("ending", [".lp", ".mps"])
@pytest.mark.parametrize("program", [random_program(7, offset=3.0), knapsack(1)])
def test_an_exported_program_has_the_same_optimum(program: LinearProgram, ending: str, tmp_path: Path) -> None:
    import highspy

    path = tmp_path / f"model{ending}"
    export(program, path)
    highs = highspy.Highs.__mro__[1]()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("mip_rel_gap", 0.0)
    assert highs.readModel(str(path)) != highspy.HighsStatus.kError
    highs.run()
    assert highs.getObjectiveValue() == pytest.approx(solve(program).objective, rel=1e-9)


def test_exported_names_are_safe_and_distinct(tmp_path: Path) -> None:
    program = random_program(8, row_names=["stock of gpu", "stock-of-gpu", "e1"])
    export(program, tmp_path / "model.lp")
    text = (tmp_path / "model.lp").read_text()
    for name in ("c_stock_of_gpu:", "c_stock_of_gpu_2:", "c_e1:"):
        assert name in text
    with pytest.raises(ValueError, match=r"\.lp or \.mps"):
        export(program, tmp_path / "model.txt")
    with pytest.raises(SolveError, match="cannot be written"):
        export(program, tmp_path / "nowhere" / "model.lp")


def test_a_search_cut_off_without_a_point_still_tells_its_bound() -> None:
    """Market split: equations in binaries that branch and bound does not settle in a moment; some bound it has."""
    rng = np.random.default_rng(0)
    matrix = rng.integers(1, 100, (4, 40)).astype(float)
    right = np.floor(matrix.sum(axis=1) / 2)
    whole = np.ones(40, dtype=bool)
    program = MixedIntegerProgram.from_dense(
        matrix, sense="min", cost=np.arange(1.0, 41.0), lower=0.0, upper=1.0, row_lower=right, row_upper=right,
        integer=whole, offset=5.0,
    )  # fmt: skip
    relaxed = solve(LinearProgram.from_dense(matrix, sense="min", cost=np.arange(1.0, 41.0), lower=0.0, upper=1.0,
                                             row_lower=right, row_upper=right, offset=5.0))  # fmt: skip
    with pytest.raises(LimitError, match="no feasible point") as caught:
        solve(program, options=Options(time_limit=0.5, explain=False), accept_bound=True)
    assert relaxed.objective - 1e-6 <= caught.value.bound <= 5 + 40 * 41 / 2
    with pytest.raises(SolveError, match="time limit"):
        solve(program, options=Options(time_limit=0.5, explain=False))
