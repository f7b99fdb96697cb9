"""The least an agent's report can leave to the others, exactly or within a proven bracket.

Dates at which he takes prices as given only matter through one number a type, `charge`: what a project is worth there
at its best date. The other dates are few; their pieces are searched, and where one budget binds several of them a
multiple-choice mixed-integer program picks the pieces. Source: zhu2021, Section 4; NP-hard in general.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mechopt.errors import CertificateError
from mechopt.mechanisms.linked_vcg.choosing import choose
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.pieces import Date, Floats, Piece, TooManyPieces, find_pieces

Method = Literal["pieces", "milp"]
AGREE = 1e-6  # relative, between the pieces' value and the knapsack solved again at the same report


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to try before a bracket is given.

    Attributes:
        pieces: linear programs an agent and date.
        seconds: an agent; six dates of 50 pieces each take about 5, and seldom more than 20.
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
    unit = knapsack.unit  # of payoffs and projects: tolerances in the search are for numbers around 1
    scaled = [date.in_units(unit) for date in dates]
    least, most = budget
    found = _searched(knapsack.in_units(unit), scaled, charge, (least / unit, most / unit), limits or Limits())
    return Minimum(
        low=found.low * unit, high=found.high * unit, reports=found.reports * unit, method=found.method
    )  # fmt: skip


def _searched(
    knapsack: Knapsack, dates: Sequence[Date], charge: Floats, budget: tuple[Floats, Floats], limits: Limits
) -> Minimum:
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
    """One piece a date within the budget."""
    known = _value(knapsack, dates, truth, charge)
    found = choose(dates, pieces, charge, budget, known=known, seconds=limits.seconds)
    low = max(bound, found.low)
    if found.reports is None:
        return Minimum(low=min(low, known), high=known, reports=truth, method="milp")
    return _bracket(knapsack, dates, pieces, _within(found.reports, dates, budget), charge, low, "milp")


def _within(reports: Floats, dates: Sequence[Date], budget: tuple[Floats, Floats]) -> Floats:
    """Reports scaled back where a solver's tolerance took their sum above the budget."""
    total = reports.sum(axis=0)
    over = total > budget[1]
    result = reports.copy()
    result[:, over] *= budget[1][over] / total[over]
    return np.clip(result, [date.low for date in dates], [date.high for date in dates])
