"""`mechopt design`: transfers on a grid of types by linear programming, with an exact certificate where it fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Literal

import msgspec

from mechopt import certify, exact, solver
from mechopt.instance import Document
from mechopt.mechanisms.borrowing import grid_programs
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import game, named
from mechopt.mechanisms.borrowing.grid_programs import Grid
from mechopt.outcome import Guarantee, Outcome
from mechopt.program import LinearProgram

LARGEST = 40  # types an agent
USED = {  # which programs use a key that not all of them use
    "objective": ("groves",),
    "tail": ("groves",),
    "outside": ("detection", "second_best"),
    "balance": ("second_best",),
}


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [design].

    Attributes:
        rule: as the key `design` of a document without this table.
        program: "groves" (constants that depend on the other's report), "detection" (payoff reports give lies away,
            which are fined) or "second_best" (most welfare that nobody refuses, without a deficit).
        objective: of "groves": "deficit" (least largest |T1 + T2|), "variance" or "cvar".
        tail: of "cvar", the probability of the tail.
        grid: times a density piece, 4 where neither is given; atoms are kept.
        times: times for both agents, equally likely, in place of the grid.
        outside: the least utility that keeps an agent in, at every pair of types: 0 for "second_best", none for
            "detection" where it is left out.
        balance: of "second_best": no deficit on average, or at every pair of types.

    A key that the program has no use for is refused.
    """

    rule: str = "two_stage"
    program: Literal["groves", "detection", "second_best"] = "groves"
    objective: Literal["deficit", "variance", "cvar"] = "deficit"
    tail: Any = "1/20"
    grid: int = 4
    times: list[Any] | None = None
    outside: Any = None
    balance: Literal["ex_ante", "ex_post"] = "ex_ante"


def design(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """Design transfers on a grid.

    Args:
        environment: two agents.
        document: its [design] table, see `Table`; defaults where `design` is a name.
        seed: not used; nothing is drawn.
        workers: not used.
        progress: called as progress(done, total).

    Returns:
        `tables.design`: the order and both transfers at every pair of types; `summary.objective` is the program's
        optimum. Constants add to the payoff that the other reports: T_i = u_j + h_i.

    Raises:
        InstanceError: the table is wrong, or there are no two agents.
        InfeasibleError: no transfers satisfy the constraints.
    """
    table = _read(environment, document)
    report = progress or (lambda _done, _total: None)
    report(0, 1)
    times = None if table.times is None else [document.number(t, "design.times") for t in table.times]
    grid = Grid(game(environment, grid=table.grid, times=times))
    summary, rows, guarantee = _solve(grid, table, document)
    report(1, 1)
    shown = rows if environment.arithmetic == "exact" and guarantee.kind in ("certified", "exact") else {
        name: [exact.as_float(v) if isinstance(v, Fraction) else v for v in column] for name, column in rows.items()
    }  # fmt: skip
    numbers = summary if environment.arithmetic == "exact" else {
        name: exact.as_float(v) if isinstance(v, Fraction) else v for name, v in summary.items()
    }  # fmt: skip
    return Outcome(
        mechanism="borrowing", title="", status="optimal", guarantee=guarantee, summary=numbers,
        tables={"design": shown}, provenance={"program": table.program, "objective": table.objective},
    )  # fmt: skip


def _read(environment: Environment, document: Document) -> Table:
    given = document.data.get("design")
    table = Table() if given is None or isinstance(given, str) else document.section("design", Table)
    if not environment.agents:
        raise document.error("two agents with beliefs are needed to design transfers", "agents")
    if isinstance(given, Mapping):
        _check_used(given, table, document)
    if not 1 <= table.grid <= LARGEST:
        raise document.error(f"must be between 1 and {LARGEST}, not {table.grid}", "design.grid")
    if table.times is not None:
        if not 1 <= len(table.times) <= LARGEST:
            raise document.error(f"1 to {LARGEST} times are needed", "design.times")
        for time in table.times:
            if not 0 <= document.number(time, "design.times") <= 1:
                raise document.error(f"times lie in [0, 1]; {exact.show(time)} does not", "design.times")
    if not 0 < document.number(table.tail, "design.tail") < 1:
        raise document.error(f"must lie between 0 and 1, not {exact.show(table.tail)}", "design.tail")
    return table


def _check_used(given: Mapping[str, Any], table: Table, document: Document) -> None:
    """Refuse a key that would change nothing."""
    for name, programs in USED.items():
        if name in given and table.program not in programs:
            raise document.error(f"is for {' and '.join(programs)}, not for {table.program}", f"design.{name}")
    if "tail" in given and table.objective != "cvar":
        raise document.error(f'is for objective = "cvar", not for {table.objective}', "design.tail")
    if "grid" in given and "times" in given:
        raise document.error("give either grid or times", "design.grid")


def _solve(grid: Grid, table: Table, document: Document) -> tuple[dict[str, Any], dict[str, list[Any]], Guarantee]:
    if max(grid.shape) > 2 * LARGEST:
        raise document.error(f"{max(grid.shape)} types are too many; at most {2 * LARGEST}", "design.grid")
    summary: dict[str, Any] = {"program": table.program, "types_1": grid.shape[0], "types_2": grid.shape[1]}
    summary["largest_deficit_of_two_stage"] = paper_deficit(grid)
    if table.program == "groves" and table.objective == "variance":
        variance, of_one, of_two = grid_programs.least_variance(grid)
        summary["objective"] = variance
        guarantee = Guarantee(kind="exact", detail="projection on functions of one type each, in fractions")
        return summary, _groves_table(grid, of_one, of_two), guarantee
    outside = None if table.outside is None else Fraction(document.number(table.outside, "design.outside"))
    tail = Fraction(document.number(table.tail, "design.tail"))
    if table.program == "groves":
        program = grid_programs.groves(grid, tail=tail if table.objective == "cvar" else None)
    elif table.program == "detection":
        program = grid_programs.detection(grid, outside=outside)
    else:
        program = grid_programs.second_best(grid, outside=outside or Fraction(0), ex_post=table.balance == "ex_post")
    try:
        objective, point, guarantee = optimum(program, f"{table.program} on a grid of types")
    except solver.InfeasibleError as error:
        raise solver.InfeasibleError(
            f"no transfers on this grid keep every agent at {exact.show(outside or Fraction(0))} or more with a "
            "balanced budget and no lie that pays; lower `outside`", error.conflict,
        ) from None  # fmt: skip
    summary["objective"] = objective
    ones, twos = grid.shape
    count = ones * twos
    if table.program == "groves":
        return summary, _groves_table(grid, point[:ones], point[ones : ones + twos]), guarantee
    if table.program == "second_best":
        constant = sum((grid.weight(i, j) * sum((grid.payoff(a, -1, i, j) for a in (0, 1)), Fraction(0))
                        for i, j in grid.profiles), Fraction(0))  # fmt: skip
        summary["objective"] = objective + constant
        best = sum((grid.weight(i, j) * grid.best(i, j) for i, j in grid.profiles), Fraction(0))
        summary["welfare_first_best"] = best
        rows = _rows(grid, point[count : 2 * count], point[2 * count :], list(point[:count]))
        return summary, rows, guarantee
    return summary, _rows(grid, point[:count], point[count : 2 * count], None), guarantee


def optimum(program: LinearProgram, of: str) -> tuple[Any, list[Any], Guarantee]:
    """(objective, point, guarantee): fractions where the basis can be proven optimal, floats with residuals else."""
    found = solver.solve(program)
    proof = certify.certify(program, found)
    if isinstance(proof, certify.Certificate):
        return proof.objective, proof.point.tolist(), proof.guarantee(of)
    return found.objective, found.point.tolist(), proof.guarantee(of)


def paper_deficit(grid: Grid) -> Fraction:
    """The largest |T_1 + T_2| of the paper's rule on the grid, its constant balancing the grid's own mean."""
    mean = sum((grid.weight(i, j) * grid.best(i, j) for i, j in grid.profiles), Fraction(0))
    return max(abs(grid.best(i, j) - mean) for i, j in grid.profiles)


def _groves_table(grid: Grid, of_one: list[Any], of_two: list[Any]) -> dict[str, list[Any]]:
    """Transfers T_1 = u_2 + h_1(type of 2), T_2 = u_1 + h_2(type of 1)."""
    first = [grid.payoff(1, int(grid.sign[i, j]), i, j) + of_two[j] for i, j in grid.profiles]
    second = [grid.payoff(0, int(grid.sign[i, j]), i, j) + of_one[i] for i, j in grid.profiles]
    return _rows(grid, first, second, None)


def _rows(grid: Grid, first: list[Any], second: list[Any], share: list[Any] | None) -> dict[str, list[Any]]:
    types = grid.game.types
    table: dict[str, list[Any]] = {
        "value_1": [types[0][i][0] for i, _ in grid.profiles],
        "time_1": [types[0][i][1] for i, _ in grid.profiles],
        "value_2": [types[1][j][0] for _, j in grid.profiles],
        "time_2": [types[1][j][1] for _, j in grid.profiles],
    }
    if share is None:
        table["first"] = [named(int(grid.sign[i, j])) for i, j in grid.profiles]
    else:
        table["probability_first"] = share
    table["transfer_1"], table["transfer_2"] = list(first), list(second)
    table["deficit"] = [a + b for a, b in zip(first, second, strict=True)]
    return table
