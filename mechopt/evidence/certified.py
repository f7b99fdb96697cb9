"""Bounds by optimisation: the largest violation is at most so much, with an exact rational certificate.

The linear program is solved in floats, its optimal basis is then checked in rational arithmetic; whole variables are
enumerated, so that every branch has a certificate of its own. Programs with a concave objective are those of `convex`.
The statement has to be about rational data.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from mechopt.errors import CertificateError, SolveError
from mechopt.evidence import Control, Evidence, Instance

if TYPE_CHECKING:
    from mechopt.evidence.convex import Concave
    from mechopt.program import LinearProgram

    Program: TypeAlias = LinearProgram | Concave

Row = tuple[str, Mapping[str, Any], str, Any]
Point = dict[str, Fraction]
Case = tuple[bool | None, Fraction | None, Point | None, str]
BRANCHES = 4096


def program(
    objective: Mapping[str, Any],
    rows: Sequence[Row] = (),
    *,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    whole: Sequence[str] = (),
) -> LinearProgram:
    """A program that maximises, in names.

    Args:
        objective: coefficient per variable; what the statement says is never above a limit.
        rows: (name, coefficients, "<=" or ">=" or "==", right-hand side) each.
        bounds: (lower, upper) per variable, None for none; by default (0, None).
        whole: variables that are whole numbers; they need finite bounds.
    """
    import numpy as np

    from mechopt.program import LinearProgram, MixedIntegerProgram

    bounds = bounds or {}
    names = list(dict.fromkeys([*objective, *(name for row in rows for name in row[1]), *bounds, *whole]))
    place = {name: column for column, name in enumerate(names)}
    entries = [(r, place[name], value) for r, row in enumerate(rows) for name, value in row[1].items() if value]
    limits = [bounds.get(name, (0, None)) for name in names]
    parts: dict[str, Any] = {
        "row": [entry[0] for entry in entries],
        "column": [entry[1] for entry in entries],
        "value": objects([entry[2] for entry in entries]),
        "sense": "max",
        "cost": objects([objective.get(name, 0) for name in names]),
        "lower": objects([-math.inf if low is None else low for low, _ in limits]),
        "upper": objects([math.inf if high is None else high for _, high in limits]),
        "row_lower": objects([row[3] if row[2] in (">=", "==") else -math.inf for row in rows]),
        "row_upper": objects([row[3] if row[2] in ("<=", "==") else math.inf for row in rows]),
        "column_names": names,
        "row_names": [row[0] for row in rows],
    }
    if whole:
        return MixedIntegerProgram.from_triplets(**parts, integer=np.array([name in whole for name in names]))
    return LinearProgram.from_triplets(**parts)


def bound(
    programs: Program | Sequence[Program],
    *,
    limit: int | Fraction = 0,
    control: tuple[str, Program | Sequence[Program]],
    range: str,
    complete: bool = False,
    lift: Callable[[Point], Instance] | None = None,
) -> Evidence:
    """Show that no feasible point of the programs has an objective above the limit.

    Args:
        programs: to be maximised; one, or one per case; from `program` or `convex.concave`.
        limit: what the objective never exceeds.
        control: what was broken, and the broken programs: the same code must find a point above the limit.
        range: what the programs cover.
        complete: True where that is the whole statement as read.
        lift: turns a point into an instance in the claim's own terms; by default variable by name.

    Returns:
        Evidence that holds (with the largest value reached), does not hold (with an exact point), or is undecided
        (the program is unbounded, or a certificate failed).
    """
    lift = lift or (lambda point: {name: _plain(value) for name, value in point.items()})
    control_limit = Fraction(limit)
    holds, best, point, detail = _decide(programs, control_limit)
    refuted, _, counter, _ = _decide(control[1], control_limit)
    shown = None if point is None else lift(point)
    return Evidence(
        kind="certified",
        holds=holds,
        range=range,
        complete=complete,
        control=Control(
            text=control[0],
            refuted=refuted is False,
            witness=lift(counter) if refuted is False and counter is not None else None,
        ),
        instance=shown,
        witness=shown if holds is False else None,
        detail=detail if best is None else f"largest value {best}, limit {limit}; {detail}",
    )


def _decide(programs: Program | Sequence[Program], limit: Fraction) -> Case:
    """Whether all programs stay at or below the limit, the largest value, where, and how that is known."""
    best: Fraction | None = None
    where: Point | None = None
    solved: list[str] = []
    for single in programs if isinstance(programs, Sequence) else [programs]:
        for holds, value, point, kind in _cases(single, limit):
            if holds is None:
                return None, None, None, kind
            solved.append(kind)
            if value is not None and (best is None or value > best):
                best, where = value, point
            if not holds:
                return False, best, where, "a feasible point in exact arithmetic"
    if best is None:
        return True, None, None, "no program has a feasible point"
    counted = [f"{solved.count(kind)} {kind}{'s' * (solved.count(kind) != 1)}" for kind in dict.fromkeys(solved)]
    return True, best, where, f"{', '.join(counted)}, each with an exact certificate"


def _cases(single: Program, limit: Fraction) -> Iterator[Case]:
    """For each case that a program stands for: does it hold, its largest value, where, and what was solved."""
    from mechopt.evidence import convex

    def decide(case: Program) -> Case:
        try:
            if isinstance(case, convex.Concave):
                return convex.decide(case, limit)
            value, point = maximise(case) or (None, None)
        except (SolveError, CertificateError) as error:
            return None, None, None, " ".join(str(error).split())
        return value is None or value <= limit, value, point, "linear program"

    yield from map(decide, [single] if isinstance(single, convex.Concave) else _branches(single))


def maximise(branch: LinearProgram) -> tuple[Fraction, Point] | None:
    """The exact maximum and a point that attains it; None where the program is proved infeasible.

    Raises:
        SolveError: unbounded, or the solver gave up.
        CertificateError: the basis proves nothing.
    """
    from mechopt.certify import certify_basis
    from mechopt.solver import InfeasibleError, solve

    try:
        solution = solve(branch)
    except InfeasibleError:
        # The solver's word in floats is no proof: the least total violation has a certificate of its own.
        elastic = _elastic(branch)
        shortage = solve(elastic)
        if shortage.basis is None or certify_basis(elastic, shortage.basis).objective <= 0:
            raise CertificateError(
                "the solver finds no feasible point, and exact arithmetic does not confirm it"
            ) from None
        return None
    if solution.basis is None:
        raise CertificateError("the solver gave no basis")
    certificate = certify_basis(branch, solution.basis)
    values = (Fraction(value) for value in certificate.point.tolist())
    return certificate.objective, dict(zip(map(str, branch.column_names), values, strict=True))


def _elastic(branch: LinearProgram) -> LinearProgram:
    """Minimise how much the rows have to give way in total."""
    import numpy as np

    from mechopt.program import LinearProgram

    rows, columns = branch.rows, branch.columns
    column = np.repeat(np.arange(columns), np.diff(branch.start))
    extra = np.arange(rows)
    return LinearProgram.from_triplets(
        row=np.concatenate([branch.index, extra, extra]),
        column=np.concatenate([column, columns + extra, columns + rows + extra]),
        value=objects([*branch.value.tolist(), *[1] * rows, *[-1] * rows]),
        sense="min",
        cost=objects([0] * columns + [1] * (2 * rows)),
        lower=objects([*branch.lower.tolist(), *[0] * (2 * rows)]),
        upper=objects([*branch.upper.tolist(), *[math.inf] * (2 * rows)]),
        row_lower=branch.row_lower,
        row_upper=branch.row_upper,
    )


def _branches(whole: LinearProgram) -> Iterator[LinearProgram]:
    """One linear program per value of the whole variables.

    Raises:
        SolveError: there are too many, or they are not bounded.
    """
    import numpy as np

    from mechopt.program import LinearProgram, MixedIntegerProgram

    fields = {name: getattr(whole, name) for name in LinearProgram.__dataclass_fields__}
    relaxed = LinearProgram(**fields)
    if not isinstance(whole, MixedIntegerProgram):
        yield relaxed
        return
    columns = np.flatnonzero(whole.integer).tolist()
    low, high = whole.lower.tolist(), whole.upper.tolist()
    if any(math.isinf(limit[column]) for column in columns for limit in (low, high)):
        raise SolveError("whole variables need finite bounds to be enumerated")
    choices = [_between(low[column], high[column]) for column in columns]
    if math.prod(map(len, choices)) > BRANCHES:
        raise SolveError(f"{math.prod(map(len, choices))} values of the whole variables are too many ({BRANCHES})")
    for values in itertools.product(*choices):
        lower, upper = list(low), list(high)
        for column, value in zip(columns, values, strict=True):
            lower[column] = upper[column] = value
        yield replace(relaxed, lower=objects(lower), upper=objects(upper))


def _between(low: Any, high: Any) -> Sequence[int]:
    return range(math.ceil(low), math.floor(high) + 1)


def objects(values: Sequence[Any]) -> Any:
    """The numbers of a program as an array that keeps them exact."""
    import numpy as np

    array = np.empty(len(values), dtype=object)
    array[:] = [_plain(value) for value in values]
    return array


def _plain(value: Any) -> Any:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value
