"""Designed transfers: every constraint from the definitions, the optima by another solver and by projection."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from mechopt import api
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import grid_programs
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import game
from mechopt.mechanisms.borrowing.grid_design import optimum
from mechopt.mechanisms.borrowing.grid_programs import Grid
from mechopt.mechanisms.borrowing.transfers import allocate, payoffs, worth
from mechopt.program import LinearProgram, to_float
from mechopt.solver import InfeasibleError

Read = Callable[..., Environment]
Paper = Callable[..., dict[str, Any]]
F = Fraction


def by_scipy(program: LinearProgram) -> float:
    """The optimum by scipy's interior-point method, from the same rows."""
    from scipy.optimize import linprog
    from scipy.sparse import csc_matrix

    matrix = csc_matrix((to_float(program.value), program.index, program.start), shape=(program.rows, program.columns))
    low, high = to_float(program.row_lower), to_float(program.row_upper)
    sign = 1 if program.sense == "min" else -1
    upper, lower = np.isfinite(high), np.isfinite(low)
    from scipy.sparse import vstack

    found = linprog(
        sign * to_float(program.cost), A_ub=vstack([matrix[upper], -matrix[lower]]),
        b_ub=np.concatenate([high[upper], -low[lower]]),
        bounds=list(zip(to_float(program.lower), to_float(program.upper), strict=True)), method="highs-ipm",
    )  # fmt: skip
    return float(sign * found.fun)


def truths(table: Any) -> dict[tuple[Any, ...], tuple[Any, Fraction, Fraction]]:
    """(order, T_1, T_2) by profile."""
    columns = [table[name] for name in ("value_1", "time_1", "value_2", "time_2", "first", "transfer_1", "transfer_2")]
    return {row[:4]: row[4:] for row in zip(*columns, strict=True)}


def test_detection_balances_where_unexposed_lies_do_not_pay(paper: Paper, read: Read) -> None:
    """From the definitions: an unexposed lie leaves the other's payoff what the lie said it would be."""
    outcome = api.design(paper(design={"program": "detection", "grid": 3}))
    found = truths(outcome.tables["design"])
    values = read().values
    assert outcome.guarantee.kind == "certified"
    assert max(abs(row[1] + row[2]) for row in found.values()) == outcome.summary["objective"]
    assert sum(row[1] + row[2] for row in found.values()) == 0  # all profiles are equally likely
    types = sorted({key[:2] for key in found})
    for one, two in product(types, repeat=2):
        for agent, lie in product((0, 1), types):
            truth, said = (one, two), ((lie, two) if agent == 0 else (one, lie))
            reported = worth(values[said[0][0]], values[said[1][0]], said[0][1], said[1][1])
            true = worth(values[one[0]], values[two[0]], one[1], two[1])
            real, told = payoffs(allocate(*reported), *true), payoffs(allocate(*reported), *reported)
            if real[1 - agent] != told[1 - agent]:
                continue  # the other's report gives it away
            kept = payoffs(allocate(*true), *true)
            assert (
                kept[agent] + found[(*truth[0], *truth[1])][1 + agent]
                >= real[agent] + found[(*said[0], *said[1])][1 + agent]
            )


def test_three_times_balance_exactly(paper: Paper) -> None:
    """On {1/5, 1/2, 9/10} payoff reports pay for everything: |T_1 + T_2| = 0, where the paper's rule is off by 1.14."""
    outcome = api.design(paper(design={"program": "detection", "times": ["1/5", "1/2", "9/10"]}))
    assert outcome.summary["objective"] == 0
    assert outcome.summary["largest_deficit_of_two_stage"] > 1


def test_every_program_by_another_solver(read: Read) -> None:
    grid = Grid(game(read(), grid=3))
    for program in (
        grid_programs.groves(grid), grid_programs.groves(grid, tail=F(1, 10)), grid_programs.detection(grid),
        grid_programs.detection(grid, outside=F(-1, 2)), grid_programs.second_best(grid, outside=F(-1, 2)),
    ):  # fmt: skip
        value, _, guarantee = optimum(program, "test")
        assert guarantee.kind == "certified"
        assert float(value) == pytest.approx(by_scipy(program), abs=1e-7)


def test_the_least_variance_is_the_projection(read: Read, paper: Paper) -> None:
    """Weighted least squares of W* on indicator columns of both agents' types."""
    environment = read(agents=[{"beliefs": {"f": "1/3", "g": "2/3"}, "time": {"family": "beta", "a": 2, "b": 1}}] * 2)
    grid = Grid(game(environment, grid=3))
    variance, _, _ = grid_programs.least_variance(grid)
    ones, twos = grid.shape
    design = np.zeros((ones * twos, ones + twos))
    best, root = np.empty(ones * twos), np.empty(ones * twos)
    for row, (i, j) in enumerate(grid.profiles):
        root[row] = float(grid.weight(i, j)) ** 0.5
        design[row, [i, ones + j]] = root[row]
        best[row] = float(grid.best(i, j)) * root[row]
    residual = best - design @ np.linalg.lstsq(design, best, rcond=None)[0]
    assert float(variance) == pytest.approx(float(residual @ residual), abs=1e-12)
    outcome = api.design(paper(design={"objective": "variance", "grid": 3}))
    deficit = outcome.tables["design"]["deficit"]
    assert sum(deficit) == 0
    assert sum(d * d for d in deficit) / len(deficit) == outcome.summary["objective"]


def test_each_step_of_the_worst_deficit(paper: Paper) -> None:
    """Detection does at least as well as Groves constants, which do better than one constant."""
    groves = api.design(paper(design={"program": "groves", "grid": 3}))
    detected = api.design(paper(design={"program": "detection", "grid": 3}))
    assert detected.summary["objective"] <= groves.summary["objective"]
    assert groves.summary["objective"] < groves.summary["largest_deficit_of_two_stage"]
    assert max(abs(d) for d in groves.tables["design"]["deficit"]) == groves.summary["objective"]


def test_second_best_gives_up_welfare_for_participation(paper: Paper) -> None:
    table = {"program": "second_best", "grid": 3}
    outcome = api.design(paper(design={**table, "outside": "-1/2"}))
    assert outcome.summary["objective"] < outcome.summary["welfare_first_best"]
    assert all(0 <= p <= 1 for p in outcome.tables["design"]["probability_first"])
    with pytest.raises(InfeasibleError, match="lower `outside`"):
        api.design(paper(design=table))


@pytest.mark.parametrize(
    ("design", "word"),
    [
        ({"program": "magic"}, "design.program"),
        ({"grid": 0}, "design.grid: must be between 1 and 40"),
        ({"times": ["3/2"]}, r"times lie in \[0, 1\]"),
        ({"tail": 1, "objective": "cvar"}, "design.tail"),
        ({"rule": "best"}, "design.rule"),
        ({"gird": 3}, "unknown key 'gird'"),
        ({"program": "detection", "objective": "variance"}, "design.objective: is for groves, not for detection"),
        ({"tail": "1/3"}, 'design.tail: is for objective = "cvar", not for deficit'),
        ({"outside": 0}, "design.outside: is for detection and second_best, not for groves"),
        ({"program": "detection", "balance": "ex_post"}, "design.balance: is for second_best, not for detection"),
        ({"grid": 3, "times": ["1/2"]}, "design.grid: give either grid or times"),
    ],
)
def test_a_wrong_table_is_refused(paper: Paper, design: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        api.design(paper(design=design))
