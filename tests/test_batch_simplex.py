"""The batch against one program after another, and against exact rationals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mechopt import batch_simplex, lockstep
from mechopt.batch_simplex import BY_BATCH, BY_SOLVER, INFEASIBLE, solve_batch
from mechopt.certify import Certificate, certify, certify_basis
from mechopt.errors import CertificateError
from mechopt.program import LinearProgram
from mechopt.solver import InfeasibleError, Options, Sequence, solve

PROGRAMS = 25


def family(seed: int) -> tuple[LinearProgram, dict[str, Any]]:
    """A program and its changes: all senses and kinds of rows; small whole numbers, so that ties and limits meet."""
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(1, 6)), int(rng.integers(2, 15))
    coarse = seed % 2 == 0

    def number(low: float, high: float, shape: Any) -> Any:
        return rng.integers(int(low), int(high) + 1, shape).astype(float) if coarse else rng.uniform(low, high, shape)

    matrix = number(-1 if seed % 3 == 0 else 0, 3, (rows, columns))
    lower = number(-1, 1, columns) if seed % 5 == 0 else np.zeros(columns)
    upper = (
        lower + number(0, 3, (PROGRAMS, columns)) if seed % 7 else np.tile(lower + number(0, 3, columns), (PROGRAMS, 1))
    )
    if seed % 4 == 1:
        upper[:, 0] = np.inf
        matrix[:, 0] = np.abs(matrix[:, 0]) + 1
    inside = lower + rng.uniform(0.2, 0.8, columns) * np.where(np.isfinite(upper[0]), upper[0] - lower, 1.0)
    activity = matrix @ inside
    if coarse:
        activity = np.floor(activity)
    row_upper = activity + number(0, 2, (PROGRAMS, rows))
    row_lower = np.full((PROGRAMS, rows), -np.inf)
    kind = rng.integers(4, size=rows) if seed % 6 == 2 else np.zeros(rows, dtype=int)
    row_lower[:, kind == 1] = row_upper[:, kind == 1]  # equal
    row_lower[:, kind == 2] = row_upper[:, kind == 2] - 2  # between
    row_lower[:, kind == 3], row_upper[:, kind == 3] = row_upper[:, kind == 3] - 2, np.inf  # at least
    sense: Any = "max" if seed % 3 else "min"
    cost = number(1, 4, columns) if seed % 8 else np.ones(columns)
    program = LinearProgram.from_dense(
        matrix, sense=sense, cost=cost if sense == "max" else -cost, lower=lower, upper=upper[0],
        row_lower=row_lower[0], row_upper=row_upper[0], offset=seed % 2,
    )  # fmt: skip
    return program, {"upper": upper, "row_lower": row_lower, "row_upper": row_upper}


@pytest.mark.parametrize("block", range(10))
def test_a_thousand_and_a_half_programs_agree_with_highs_and_with_exact_rationals(block: int) -> None:
    """Ties, degenerate limits, fixed and unbounded variables, every kind of row; nothing is left unsaid."""
    counts = {"batch": 0, "solver": 0, "infeasible": 0, "exact": 0, "pivoted": 0}
    for seed in range(6 * block, 6 * block + 6):
        program, changes = family(seed)
        found = solve_batch(program, **changes)
        one_by_one = Sequence(program, options=Options(explain=False))
        for number in range(PROGRAMS):
            limits = {name: array[number] for name, array in changes.items()}
            try:
                expected = one_by_one.solve(**limits, basis=True)
            except InfeasibleError:
                assert found.solved[number] == INFEASIBLE, (seed, number)
                assert np.isnan(found.objective[number])
                counts["infeasible"] += 1
                continue
            assert found.solved[number] != INFEASIBLE, (seed, number)
            assert found.objective[number] == pytest.approx(expected.objective, abs=1e-7), (seed, number)
            whole = LinearProgram(**{**_fields(program), **limits})
            assert whole.violation(found.point[number]) <= 1e-8
            basis = found.basis(number)
            counts["batch" if basis is not None else "solver"] += 1
            counts["pivoted"] += int(found.steps[number] > 0 and basis is not None)
            if basis is None:
                continue
            try:
                certificate = certify_basis(whole, basis)
            except CertificateError:  # a limit met but for rounding: the optimum itself must still be exact
                other = certify(whole, expected)
                assert isinstance(other, Certificate)
                assert float(other.objective) == pytest.approx(found.objective[number], abs=1e-8)
                continue
            counts["exact"] += 1
            assert float(certificate.objective) == pytest.approx(found.objective[number], abs=1e-9)
            assert np.allclose(certificate.dual.astype(float), found.dual[number], atol=1e-8)
            assert np.allclose(certificate.point.astype(float), found.point[number], atol=1e-8)
    assert counts["exact"] >= 0.8 * counts["batch"] > 0
    assert counts["batch"] > 3 * counts["solver"]
    assert counts["pivoted"] > 10


def _fields(program: LinearProgram) -> dict[str, Any]:
    names = ("sense", "cost", "start", "index", "value", "lower", "upper", "row_lower", "row_upper", "offset")
    return {name: getattr(program, name) for name in names}


def knapsacks(programs: int = 40, seed: int = 0) -> tuple[LinearProgram, Any, Any]:
    rng = np.random.default_rng(seed)
    matrix, upper = rng.uniform(0.1, 1.0, (3, 20)), rng.uniform(0.0, 1.0, 20)
    program = LinearProgram.from_dense(matrix, sense="max", cost=np.ones(20), lower=0.0, upper=upper,
                                       row_lower=np.full(3, -np.inf), row_upper=matrix @ upper * 0.4)  # fmt: skip
    return (program, upper * rng.uniform(0.5, 1.5, (programs, 20)),
            program.row_upper * rng.uniform(0.8, 1.2, (programs, 3)))  # fmt: skip


def test_what_is_given_up_goes_to_the_solver_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    program, upper, row_upper = knapsacks()
    full = solve_batch(program, upper=upper, row_upper=row_upper)
    assert (full.solved == BY_BATCH).all()
    monkeypatch.setattr(lockstep, "STEPS_PER_ROW", 1)
    cut = solve_batch(program, upper=upper, row_upper=row_upper)
    assert 0 < (cut.solved == BY_SOLVER).sum() < 40
    assert np.array_equal(cut.solved == BY_SOLVER, full.steps > 3)
    assert np.allclose(cut.objective, full.objective)
    assert all((cut.basis(number) is None) == bool(cut.solved[number]) for number in range(40))


@pytest.mark.parametrize("what", ["point", "price", "one_column"])
def test_a_wrong_end_does_not_pass_the_check(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The check starts from the program, not from what the pivots say."""
    program, upper, row_upper = knapsacks()
    expected = solve_batch(program, upper=upper, row_upper=row_upper)
    original = lockstep.solve

    def wrong(*given: Any) -> Any:
        ends = original(*given)
        if what == "price":
            ends.price[::2] *= 1.001
        elif what == "point":
            ends.point[::2, :20] *= 0.999
        else:
            ends.point[::2, 5] = 0.5 * ends.point[::2, 5] + 0.1
        return ends

    monkeypatch.setattr(lockstep, "solve", wrong)
    found = solve_batch(program, upper=upper, row_upper=row_upper)
    assert (found.solved[::2] == BY_SOLVER).all()
    assert (found.solved[1::2] == BY_BATCH).all()
    assert np.allclose(found.objective, expected.objective)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    program, upper, row_upper = knapsacks()
    whole = solve_batch(program, upper=upper, row_upper=row_upper)
    monkeypatch.setattr(batch_simplex, "CHUNK", 8 * 23 * 7)
    parts = solve_batch(program, upper=upper, row_upper=row_upper)
    assert np.array_equal(parts.basic, whole.basic)
    assert np.allclose(parts.objective, whole.objective, rtol=1e-13)
    assert np.array_equal(parts.steps, whole.steps)


def test_a_family_without_a_middle_is_solved_one_by_one() -> None:
    """The mean of the limits has no feasible point, some of the programs have one: none is given up for it."""
    program = LinearProgram.from_dense([[1.0, 1.0]], sense="max", cost=[1.0, 2.0], lower=0.0, upper=1.0,
                                       row_lower=[-np.inf], row_upper=[1.0])  # fmt: skip
    found = solve_batch(program, row_upper=np.array([[1.0], [-9.0], [1.5]]))
    assert found.solved.tolist() == [BY_SOLVER, INFEASIBLE, BY_SOLVER]
    assert found.objective.tolist()[::2] == [2.0, 2.5]
    free = LinearProgram.from_dense([[1.0, 1.0]], sense="max", cost=[1.0, 2.0], lower=-np.inf, upper=1.0,
                                    row_lower=[-3.0], row_upper=[1.0])  # fmt: skip
    assert solve_batch(free, row_upper=np.ones((2, 1))).solved.tolist() == [BY_SOLVER] * 2
    assert solve_batch(free, row_upper=np.ones((2, 1))).objective.tolist() == [2.0, 2.0]
    assert solve_batch(program, row_upper=np.ones((0, 1))).objective.size == 0


def test_what_cannot_be_a_batch_is_refused() -> None:
    program, upper, _ = knapsacks()
    with pytest.raises(ValueError, match="one number is needed"):
        solve_batch(program, upper=upper[0])
    with pytest.raises(ValueError, match="one number is needed"):
        solve_batch(program, upper=upper, row_upper=np.ones((3, 3)))
    with pytest.raises(ValueError, match="upper has shape"):
        solve_batch(program, upper=upper[:, :5])
    with pytest.raises(ValueError, match="NaN"):
        solve_batch(program, upper=upper * np.nan)


def test_a_program_alone_is_the_same_as_a_batch_of_one() -> None:
    program, upper, row_upper = knapsacks(1)
    found = solve_batch(program, upper=upper, row_upper=row_upper)
    alone = solve(LinearProgram(**{**_fields(program), "upper": upper[0], "row_upper": row_upper[0]}))
    assert found.objective[0] == pytest.approx(alone.objective, abs=1e-12)
    assert found.steps.tolist() == [0]
