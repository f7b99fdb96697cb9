"""The least an agent's report can leave to the others, exactly or within a proven bracket.

Dates at which he takes prices as given only matter through one number a type, `charge`: what a project is worth there
at its best date. The other dates are few; their pieces are searched, and where one budget binds several of them a
multiple-choice mixed-integer program picks the pieces. Source: zhu2021, Section 4; NP-hard in general.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import CertificateError, LimitError, SolveError
from mechopt.mechanisms.linked_vcg.choice import Choice
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.pieces import Date, Floats, Piece, TooManyPieces, find_pieces, least_on_piece
from mechopt.program import Solution
from mechopt.solver import InfeasibleError, Options, solve

Method = Literal["pieces", "milp"]
SHARE = 0.3  # of the gap, which is what the pieces tried next may lose
AGREE = 1e-6  # relative, between the pieces' value and the knapsack solved again at the same report


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to try before a bracket is given.

    Attributes:
        pieces: linear programs an agent and date.
        seconds: an agent.
    """

    pieces: int = 2000
    seconds: float = 20.0


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
        found = [find_pieces(knapsack, date, charge, largest=limits.pieces) for date in dates]
    except TooManyPieces:
        return unsearched(knapsack, dates, charge)
    if not all(found):
        raise CertificateError("no piece of the displacement contains the agent's own report")
    best = [min(options, key=lambda one: one.least) for options in found]
    apart = np.array([one.point for one in best])
    bound = float(sum(one.least for one in best))
    pieces = [[one.piece for one in options] for options in found]
    total = apart.sum(axis=0)
    slack = 1e-12 * (1 + np.abs(budget[1]))
    if np.all(total <= budget[1] + slack) and np.all(total >= budget[0] - slack):
        return _bracket(knapsack, dates, pieces, apart, charge, bound, "pieces")
    return _multiple_choice(knapsack, dates, pieces, charge, budget, limits, truth, bound)


def unsearched(knapsack: Knapsack, dates: Sequence[Date], charge: Floats) -> Minimum:
    """What is known without a search: others get nothing negative, and at the truth what they get at the truth."""
    truth = np.array([date.report for date in dates])
    return Minimum(low=0.0, high=_value(knapsack, dates, truth, charge), reports=truth, method="pieces")


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
        total += date.weight * piece.value(report)
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

    Relax, price the budget at its shadow prices, and solve with the pieces that lose least at those prices: a piece
    that loses more than best known value minus relaxed optimum cannot be in a better choice. So either the pieces tried
    were enough, or choices with one of the others are tried, with a better value to beat.
    """
    end = time.monotonic() + limits.seconds
    relaxed = solve(Choice(dates, pieces, charge, budget).relaxed())
    losses = _losses(dates, pieces, charge, relaxed)
    low = max(bound, relaxed.bound - 1e-9 * (1 + abs(relaxed.bound)))
    best = Minimum(low=low, high=_value(knapsack, dates, truth, charge), reports=truth, method="milp")
    tried: list[list[Piece]] = [[] for _ in dates]
    # First the pieces that the relaxation uses, which lose nothing. proven: of all choices among the pieces tried.
    allowed, proven, safe = 1e-7 * (1 + abs(low)), np.inf, low
    while True:
        # The pieces that lose no more than allowed, and only choices that use one not tried before.
        margin = 1e-9 * (1 + abs(best.high))
        allowed = min(allowed, best.high - low) + margin
        kept = [[piece for piece, loss in zip(options, some, strict=True) if loss <= allowed]
                for options, some in zip(pieces, losses, strict=True)]  # fmt: skip
        choice = Choice(dates, kept, charge, budget, tried=tried, cutoff=best.high - margin)
        try:
            left = Options(time_limit=max(0.1, end - time.monotonic()), explain=False)
            found = solve(choice.program, options=left, accept_bound=True)
            reports = _within(choice.reports(found.point), dates, budget)
            candidate = _bracket(knapsack, dates, pieces, reports, charge, found.bound, "milp")
            proven, best = min(proven, found.bound), min(best, candidate, key=lambda minimum: minimum.high)
        except InfeasibleError:
            proven = min(proven, best.high - margin)  # nothing there is better by more than the margin
        except LimitError as error:
            proven = min(proven, error.bound, best.high - margin)  # cut off, but something is proven
        except SolveError:
            break  # nothing more is proven of these pieces
        complete = allowed >= best.high - low
        safe = proven if complete else min(proven, low + allowed - margin)  # what was left out loses more
        if complete or time.monotonic() > end:
            break
        tried, allowed = kept, max(2 * allowed, SHARE * (best.high - low))
    return replace(best, low=min(max(low, safe), best.high))


def _losses(
    dates: Sequence[Date], pieces: Sequence[Sequence[Piece]], charge: Floats, relaxed: Solution
) -> list[NDArray[np.float64]]:
    """How much each piece is worse than its date's best at the budget's shadow prices.

    With the budget so priced, the best pieces of all dates add up to the relaxed optimum, which no choice can beat.
    """
    priced = charge - relaxed.dual[-charge.size :]
    result = []
    for date, options in zip(dates, pieces, strict=True):
        found = [least_on_piece(date, piece, priced) for piece in options]
        values = np.array([np.inf if one is None else one[0] for one in found])
        result.append(values - values.min())
    return result


def _within(reports: Floats, dates: Sequence[Date], budget: tuple[Floats, Floats]) -> Floats:
    """Reports scaled back where a solver's tolerance took their sum above the budget."""
    total = reports.sum(axis=0)
    over = total > budget[1]
    result = reports.copy()
    result[:, over] *= budget[1][over] / total[over]
    return np.clip(result, [date.low for date in dates], [date.high for date in dates])
