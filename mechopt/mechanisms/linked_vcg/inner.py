"""The least an agent's report can leave to the others, exactly or within a proven bracket.

Dates at which he takes prices as given only matter through one number a type, `charge`: what a project is worth there
at its best date. The other dates are few; their pieces are searched, and where one budget binds several of them a
multiple-choice mixed-integer program picks the pieces. Source: zhu2021, Section 4; NP-hard in general.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import CertificateError, SolveError
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.pieces import Date, Floats, Piece, TooManyPieces, find_pieces, least_on_piece
from mechopt.program import LinearProgram, MixedIntegerProgram, Solution
from mechopt.solver import Options, solve

Method = Literal["pieces", "milp"]
AGREE = 1e-6  # relative, between the pieces' value and the knapsack solved again at the same report


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to try before a bracket is given.

    Attributes:
        pieces: linear programs an agent and date.
        seconds: an agent.
    """

    pieces: int = 2000
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Minimum:
    """The least of sum_f weight_f * w_f(x_f) + charge . x_f over the dates searched.

    Attributes:
        low: proven lower bound.
        high: value at `reports`, with the knapsack solved again there.
        reports: the witness, shape (dates searched, types).
        method: "pieces" where linear programs on single pieces were enough, else "milp".
    """

    low: float
    high: float
    reports: Floats
    method: Method


def least_left_to_others(
    knapsack: Knapsack,
    dates: Sequence[Date],
    charge: Floats,
    budget: tuple[Floats, Floats],
    *,
    limits: Limits | None = None,
) -> Minimum:
    """Minimise what the others get over an agent's reports at some dates.

    Args:
        knapsack: stock and types.
        dates: his view of each date.
        charge: cost of a project reported at any of these dates, payoff, shape (types,).
        budget: least and largest sum of the reports over these dates, shape (types,) each.
        limits: when to stop.

    Returns:
        A bracket whose ends are equal up to rounding where the search was not cut off.

    Raises:
        InstanceError: the types are not generic.
    """
    limits = limits or Limits()
    truth = np.array([date.report for date in dates])
    try:
        pieces = [find_pieces(knapsack, date, charge, largest=limits.pieces) for date in dates]
    except TooManyPieces:
        high = _value(knapsack, dates, truth, charge)
        return Minimum(low=0.0, high=high, reports=truth, method="pieces")
    if not all(pieces):
        raise CertificateError("no piece of the displacement contains the agent's own report")
    best = [min(options, key=lambda piece: piece.least) for options in pieces]
    apart = np.array([piece.point for piece in best])
    bound = float(sum(piece.least for piece in best))
    total = apart.sum(axis=0)
    slack = 1e-12 * (1 + np.abs(budget[1]))
    if np.all(total <= budget[1] + slack) and np.all(total >= budget[0] - slack):
        return _bracket(knapsack, dates, pieces, apart, charge, bound, "pieces")
    return _multiple_choice(knapsack, dates, pieces, charge, budget, limits, truth, bound)


def displacement(knapsack: Knapsack, date: Date, report: Floats) -> float:
    """w(x): what everybody else gets where the agent reports x, from one knapsack solved at that report."""
    others = date.others.copy()
    others[: knapsack.resources] = 0.0
    amount, value = knapsack.float_amounts(others + report)
    own = np.minimum(report, np.maximum(amount - date.before, 0.0))
    return value - float(own.sum())


def _value(knapsack: Knapsack, dates: Sequence[Date], reports: Floats, charge: Floats) -> float:
    left = sum(date.weight * displacement(knapsack, date, report) for date, report in zip(dates, reports, strict=True))
    return float(left + charge @ reports.sum(axis=0))


def _by_pieces(dates: Sequence[Date], pieces: Sequence[Sequence[Piece]], reports: Floats, charge: Floats) -> float:
    """The same value from the pieces that contain the reports."""
    total = float(charge @ reports.sum(axis=0))
    for date, options, report in zip(dates, pieces, reports, strict=True):
        outside = [float(np.max(piece.rows @ report - piece.limits, initial=-np.inf)) for piece in options]
        piece = options[int(np.argmin(outside))]
        total += date.weight * (piece.constant + float(piece.gradient @ report))
    return total


def _bracket(
    knapsack: Knapsack,
    dates: Sequence[Date],
    pieces: Sequence[Sequence[Piece]],
    reports: Floats,
    charge: Floats,
    bound: float,
    method: Method,
) -> Minimum:
    high = _value(knapsack, dates, reports, charge)
    check = _by_pieces(dates, pieces, reports, charge)
    if not abs(high - check) <= AGREE * (1 + abs(high)):
        raise CertificateError(f"pieces and knapsack disagree: {check} and {high}; the types are nearly not generic")
    return Minimum(low=min(bound, high), high=high, reports=reports, method=method)


def _multiple_choice(
    knapsack: Knapsack,
    dates: Sequence[Date],
    pieces: Sequence[Sequence[Piece]],
    charge: Floats,
    budget: tuple[Floats, Floats],
    limits: Limits,
    truth: Floats,
    bound: float,
) -> Minimum:
    """One piece a date within the budget.

    Relax, solve with the pieces that the relaxation uses, drop what cannot be better, solve with the rest.
    """

    def choose(options: Sequence[Sequence[Piece]]) -> Minimum | None:
        """The best with some of the pieces; None where they allow nothing, or the search was cut off."""
        try:
            found = solve(_program(dates, options, charge, budget), options=Options(time_limit=limits.seconds),
                          accept_bound=True)  # fmt: skip
        except SolveError:
            return None
        reports = _within(_reports(options, found.point), dates, budget)
        return _bracket(knapsack, dates, pieces, reports, charge, found.bound, "milp")

    relaxed = solve(_relaxed(_program(dates, pieces, charge, budget)))
    low = max(bound, relaxed.bound - 1e-9 * (1 + abs(relaxed.bound)))
    best = Minimum(low=low, high=_value(knapsack, dates, truth, charge), reports=truth, method="milp")
    used = _split(relaxed.point[:: charge.size + 1] > 1e-7, pieces)
    in_use = [[piece for piece, on in zip(options, marks, strict=True) if on]
              for options, marks in zip(pieces, used, strict=True)]  # fmt: skip
    few = choose(in_use)
    if few is not None and few.high < best.high:
        best = few
    kept = _worth_keeping(dates, pieces, charge, relaxed, best.high)
    names = {id(piece) for options in in_use for piece in options}
    every = few if all(id(piece) in names for options in kept for piece in options) else choose(kept)
    if every is None:
        return replace(best, low=min(low, best.high))
    best = min(best, every, key=lambda minimum: minimum.high)
    return replace(best, low=min(max(low, every.low), best.high))


def _worth_keeping(
    dates: Sequence[Date], pieces: Sequence[Sequence[Piece]], charge: Floats, relaxed: Solution, incumbent: float
) -> list[list[Piece]]:
    """The pieces that can be part of something better than the incumbent, by the Lagrangian of the budget.

    With the budget priced at its shadow prices, each date's best piece adds up to the relaxed optimum; a piece that is
    worse than its date's best by more than incumbent minus that optimum cannot be in a better choice.
    """
    priced = charge - relaxed.dual[-charge.size :]
    kept = []
    for date, options in zip(dates, pieces, strict=True):
        found = [
            least_on_piece(date, piece.constant, piece.gradient, piece.rows, piece.limits, priced) for piece in options
        ]
        values = np.array([np.inf if one is None else one[0] for one in found])
        spare = incumbent - relaxed.objective + 1e-7 * (1 + abs(incumbent))
        kept.append([piece for piece, value in zip(options, values - values.min(), strict=True) if value <= spare])
    return kept


def _within(reports: Floats, dates: Sequence[Date], budget: tuple[Floats, Floats]) -> Floats:
    """Reports scaled back where a solver's tolerance took their sum above the budget."""
    total = reports.sum(axis=0)
    over = total > budget[1]
    result = reports.copy()
    result[:, over] *= budget[1][over] / total[over]
    return np.clip(result, [date.low for date in dates], [date.high for date in dates])


def _program(
    dates: Sequence[Date], pieces: Sequence[Sequence[Piece]], charge: Floats, budget: tuple[Floats, Floats]
) -> MixedIntegerProgram:
    """Pick one piece a date: a binary z and a copy of x a piece, with rows . x <= limits z and low z <= x <= high z.

    The hull of each date is exact; only the budget couples dates. Columns: z then x, piece by piece.
    """
    kinds = charge.size
    flat = [(date, piece) for date, options in zip(dates, pieces, strict=True) for piece in options]
    block = kinds + 1
    row: list[NDArray[np.intp]] = []
    column: list[NDArray[np.intp]] = []
    value: list[Floats] = []
    upper: list[Floats] = []
    lower: list[Floats] = []
    size = 0

    def add(matrix: Floats, offset: int, low: Floats, high: Floats) -> None:
        nonlocal size
        places = np.nonzero(matrix)
        row.append(places[0] + size)
        column.append(places[1] + offset)
        value.append(matrix[places])
        lower.append(low)
        upper.append(high)
        size += len(matrix)

    for number, (date, piece) in enumerate(flat):
        sides = np.vstack([
            np.hstack([-piece.limits[:, None], piece.rows]),
            np.hstack([-date.high[:, None], np.eye(kinds)]),
            np.hstack([date.low[:, None], -np.eye(kinds)])[date.low > 0],
        ])  # fmt: skip
        add(sides, number * block, np.full(len(sides), -np.inf), np.zeros(len(sides)))
    start = 0
    for options in pieces:
        choice = np.zeros((1, len(options) * block))
        choice[0, ::block] = 1.0
        add(choice, start * block, np.ones(1), np.ones(1))
        start += len(options)
    coupling = np.tile(np.hstack([np.zeros((kinds, 1)), np.eye(kinds)]), len(flat))
    add(coupling, 0, np.where(budget[0] > 0, budget[0], -np.inf), budget[1])
    cost = [np.concatenate([[date.weight * piece.constant], date.weight * piece.gradient + charge])
            for date, piece in flat]  # fmt: skip
    return MixedIntegerProgram.from_triplets(
        np.concatenate(row), np.concatenate(column), np.concatenate(value),
        sense="min", cost=np.concatenate(cost), lower=0.0,
        upper=np.concatenate([np.concatenate([[1.0], date.high]) for date, _ in flat]),
        row_lower=np.concatenate(lower), row_upper=np.concatenate(upper),
        integer=np.tile(np.arange(block) == 0, len(flat)),
    )  # fmt: skip


def _relaxed(program: MixedIntegerProgram) -> LinearProgram:
    """The same program without whole numbers."""
    return LinearProgram(**{name: getattr(program, name) for name in LinearProgram.__dataclass_fields__})


def _reports(pieces: Sequence[Sequence[Piece]], point: Floats) -> Floats:
    """The reports, date by date, in a point of the program."""
    blocks = point.reshape(sum(map(len, pieces)), -1)[:, 1:]
    return np.array([part.sum(axis=0) for part in _split(blocks, pieces)])


def _split(blocks: NDArray[Any], pieces: Sequence[Sequence[Piece]]) -> list[NDArray[Any]]:
    """What belongs to each date's pieces."""
    return np.split(blocks, np.cumsum([len(options) for options in pieces])[:-1])
