"""Decisions from an optimisation model: against other solvers and enumeration, the skip rule, documents."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from mechopt import api, catalog
from mechopt.errors import InstanceError
from mechopt.mechanisms import limited_liability as package
from mechopt.mechanisms.limited_liability.allotment import Allotment, DualBound, GroupProblems, periods, same
from mechopt.mechanisms.limited_liability.mechanism import epsilon
from mechopt.program import LinearProgram, MixedIntegerProgram
from mechopt.residuals import residuals
from mechopt.solver import Options, solve


def budget(seed: int, *, agents: int = 4, each: int = 3, rows: int = 2, whole: bool = False) -> Allotment:
    """Agents' items within budgets."""
    rng = np.random.default_rng(seed)
    columns = agents * each
    use = np.round(rng.uniform(0.2, 2.0, (rows, columns)), 2)
    shared: dict[str, Any] = {
        "sense": "max", "cost": np.zeros(columns), "lower": np.zeros(columns),
        "upper": np.ones(columns) if whole else np.round(rng.uniform(0.5, 2, columns), 2),
        "row_lower": np.full(rows, -np.inf), "row_upper": np.round(use.sum(axis=1) * 0.3, 2),
    }  # fmt: skip
    program = MixedIntegerProgram.from_dense(use, integer=True, **shared) if whole else LinearProgram.from_dense(
        use, **shared)  # fmt: skip
    return Allotment(program=program, owner=np.repeat(np.arange(agents), each))


def dense(program: LinearProgram) -> np.ndarray[Any, Any]:
    matrix = np.zeros((program.rows, program.columns))
    for column in range(program.columns):
        part = slice(program.start[column], program.start[column + 1])
        matrix[program.index[part], column] = program.value[part]
    return matrix


@pytest.mark.parametrize("hot", [True, False])
def test_linear_decisions_are_those_of_another_solver(hot: bool) -> None:
    allotment = budget(1)
    problems = GroupProblems(allotment, hot=hot)
    rng = np.random.default_rng(2)
    program = allotment.program
    for _ in range(12):
        values = np.round(rng.uniform(0, 3, program.columns), 2)
        found = problems.decide(values)
        for group in range(5):
            cost = np.where(allotment.owner == group - 1, 0.0, values)
            other = linprog(-cost, A_ub=dense(program), b_ub=program.row_upper,
                            bounds=list(zip(program.lower, program.upper, strict=True)))  # fmt: skip
            worth = float(cost @ found.points[group])
            assert worth == pytest.approx(-other.fun, abs=1e-7)
            assert worth <= found.bound[group] <= worth + found.gap
            assert program.violation(found.points[group]) < 1e-8
        assert found.gap < 1e-8
        for agent in range(4):
            assert found.stated[0, agent] == pytest.approx(values[allotment.owner == agent] @ found.points[0][
                allotment.owner == agent])  # fmt: skip


def test_the_bound_is_that_of_the_house_for_any_shadow_prices() -> None:
    allotment = budget(11, rows=3)
    rng = np.random.default_rng(0)
    costs = rng.uniform(0, 3, (6, 12))
    duals = rng.normal(size=(6, 3))
    bounds = DualBound(allotment.program)(costs, duals)
    for cost, dual, bound in zip(costs, duals, bounds, strict=True):
        program = replace(allotment.program, cost=cost)
        solution = replace(solve(program), dual=dual)
        assert bound == pytest.approx(residuals(program, solution, reason="").bound, rel=1e-12)
        assert bound >= solution.objective


def test_indivisible_decisions_by_enumeration() -> None:
    allotment = budget(3, agents=3, each=3, whole=True)
    program = allotment.program
    rng = np.random.default_rng(4)
    every = np.array(list(itertools.product((0.0, 1.0), repeat=program.columns)))
    feasible = every[(every @ dense(program).T <= program.row_upper + 1e-9).all(axis=1)]
    problems = GroupProblems(allotment)
    for _ in range(5):
        values = np.round(rng.uniform(0, 3, program.columns), 2)
        found = problems.decide(values)
        for group in range(4):
            cost = np.where(allotment.owner == group - 1, 0.0, values)
            assert float(cost @ found.points[group]) == pytest.approx(float((feasible @ cost).max()), abs=1e-7)


def test_a_gap_is_respected_and_known() -> None:
    allotment = budget(5, agents=6, each=4, rows=3, whole=True)
    values = np.random.default_rng(6).uniform(0, 3, 24)
    rough = GroupProblems(allotment, options=Options(absolute_gap=0.5)).decide(values)
    fine = GroupProblems(allotment).decide(values)
    assert rough.gap <= 0.5 + 1e-6
    for group in range(7):
        cost = np.where(allotment.owner == group - 1, 0.0, values)
        assert float(cost @ rough.points[group]) >= float(cost @ fine.points[group]) - rough.gap - 1e-7


def test_the_skip_rule_saves_problems_and_changes_no_value() -> None:
    allotment = budget(7, agents=6, each=2, rows=1)
    rng = np.random.default_rng(8)
    skipped = 0
    for _ in range(15):
        values = np.round(rng.uniform(0, 3, 12), 2) * np.repeat(rng.integers(0, 2, 6), 2)
        problems = GroupProblems(allotment)
        found = problems.decide(values)
        skipped += 7 - found.solved
        for group in range(1, 7):
            cost = np.where(allotment.owner == group - 1, 0.0, values)
            alone = GroupProblems(allotment).decide(cost)  # the grand group's problem without that agent's values
            assert float(cost @ found.points[group]) == pytest.approx(float(cost @ alone.points[0]), abs=1e-8)
    assert skipped > 15


@pytest.mark.parametrize("whole", [False, True])
def test_every_period_has_every_groups_best_behind_skipped_problems_too(whole: bool) -> None:
    """The position of a group is not that of its problem among those that were solved."""
    allotment = budget(7, agents=4, each=2, rows=1, whole=whole)
    rng = np.random.default_rng(8)
    values = np.round(rng.uniform(0, 3, (25, 8)), 2) * np.repeat(rng.integers(0, 2, (25, 4)), 2, axis=1)
    found = periods(allotment, values, values)
    assert found.skipped > 15
    for period, worth in enumerate(values):
        for group in range(5):
            cost = np.where(allotment.owner == group - 1, 0.0, worth)
            best = float(GroupProblems(allotment, hot=False).decide(cost).bound[0])
            assert float(cost @ found.points[period, group]) == pytest.approx(best, abs=1e-7)
            assert found.bound[period, group] == pytest.approx(best, abs=1e-7)


def test_decisions_that_are_not_the_groups_best_are_noticed() -> None:
    model = api.load("limited_liability/canal_network")
    environment = model.environment
    program = environment.program
    points = program.points.copy()
    points[40, 2] = points[40, 0]
    wrong = replace(environment, program=replace(program, points=points))
    failed = [finding for finding in package.check(wrong, package.run(wrong)) if not finding.holds]
    assert "program_optimal" in [finding.property for finding in failed]


def test_weights_of_appendix_a_count() -> None:
    allotment = budget(9)
    values = np.random.default_rng(1).uniform(1, 2, 12)
    found = GroupProblems(allotment).decide(values, weights=[0, 1, 1, 1])
    without = GroupProblems(allotment).decide(np.where(allotment.owner == 0, 0.0, values))
    assert float(np.where(allotment.owner == 0, 0, values) @ found.points[0]) == pytest.approx(without.bound[0])


def test_equal_points_are_one_decision() -> None:
    points = np.array([[1.0, 2.0], [1.0, 2.0 + 1e-12], [0.0, 2.0], [1.0, 2.0]])
    assert same(points).tolist() == [0, 0, 2, 0]


def test_the_canal_network_checks_and_its_amounts_are_feasible() -> None:
    model = api.load("limited_liability/canal_network")
    outcome = api.check(model)
    assert [finding.property for finding in outcome.checks if not finding.holds] == []
    amounts = outcome.tables["amounts"]
    main = np.asarray(amounts["main"])
    left = np.asarray(amounts["left branch"])
    right = np.asarray(amounts["right branch"])
    assert np.allclose(main, left + right, atol=1e-7)
    taken = sum(np.asarray(amounts[f"{name} {step}"]) for name in ("head", "middle") for step in (1, 2, 3))
    assert (taken <= 0.9 * left + 1e-7).all()
    assert outcome.provenance["solver"]["skipped"] + outcome.provenance["solver"]["solved"] == 104 * 5
    with pytest.raises(InstanceError, match="simulate: a simulation needs a finite set"):
        api.simulate(model)


def test_a_gap_of_the_program_is_in_the_certified_epsilon() -> None:
    environment = api.load("limited_liability/canal_network").environment
    rough = replace(environment, program=replace(environment.program, gap=0.25))
    assert epsilon(rough).epsilon == pytest.approx(epsilon(environment).epsilon + 0.75)


def document(**changes: Any) -> dict[str, Any]:
    program = {
        "columns": [{"column": "a", "agent": "x", "upper": 1}, {"column": "b", "agent": "y", "upper": 1}],
        "rows": [{"row": "one", "sense": "<=", "limit": 1}],
        "entries": [{"row": "one", "column": "a", "coefficient": 1}, {"row": "one", "column": "b", "coefficient": 1}],
    }
    program |= {key: value for key, value in changes.items() if key in ("columns", "rows", "entries", "integer", "gap")}
    rest = {key: value for key, value in changes.items() if key not in program}
    return {
        "mechanism": "limited_liability", "variant": "baseline", "program": program,
        "values": [[0.5, 0.75], [1, 0.25]], "outputs": [[1, 0.5], [0, 1]], **rest,
    }  # fmt: skip


def test_a_program_in_a_document_and_in_the_integer_ledger() -> None:
    outcome = api.check(document())
    assert np.asarray(outcome.tables["amounts"]["b"])[0] == 1.0  # y values the first period's unit more
    assert all(finding.holds for finding in outcome.checks)
    whole = api.check(document(ledger="integer", output_unit="0.01", integer=["a", "b"]))
    assert whole.guarantee.kind == "exact"
    assert all(finding.holds for finding in whole.checks)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"rows": [{"row": "one", "sense": "<", "limit": 1}]}, r"program.rows.sense \(row 1\): '<' is not a sense"),
        ({"entries": [{"row": "two", "column": "a", "coefficient": 1}]}, "there is no row 'two'"),
        ({"entries": [{"row": "one", "column": "a", "coefficient": 1}] * 2}, "occur twice"),
        ({"integer": ["c"]}, "program.integer: there is no column 'c'"),
        ({"columns": [{"column": "a", "agent": "", "upper": 1}]}, "no column belongs to an agent"),
        ({"rows": [{"row": "one", "sense": ">=", "limit": 5}]}, "program: infeasible"),
        ({"values": [[0.5]]}, "values: has shape"),
        ({"values": [[0.5, 3], [0, 0]], "output_bound": 1}, "values: must lie between 0 and output_bound"),
        ({"variant": "bounded_values"}, "variant: bounded_values needs a finite set"),
        ({"true_values": [[1, 1]]}, "true_values: is not for documents with a"),
        ({"arithmetic": "exact"}, "arithmetic"),
        ({"gap": -1}, "program.gap"),
        ({"values": [{"period": 1, "column": "a", "value": 1}]}, "no record for period 1, column b"),
    ],
)
def test_a_wrong_program_is_refused_by_place(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word) as caught:
        api.load(document(**changes))
    assert "\n" not in str(caught.value)


def test_it_is_shipped() -> None:
    assert "limited_liability/canal_network" in catalog.models()
