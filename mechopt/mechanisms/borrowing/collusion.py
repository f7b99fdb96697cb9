"""How exposed the two-stage mechanism is to agents who agree on their second-stage reports.

S_j = v_j(t_j) + v_j(t1 + t2). Where S_2 < 0 agent 1 prefers the equilibrium of Proposition 4 to the truth, and
where S_1 < 0 agent 2 does, whatever the order. Source: zheng2023, Propositions 4 and 5, Corollary 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.comparison import shift_drift
from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations, expectation
from mechopt.mechanisms.borrowing.paths import deficits, draw, payoffs
from mechopt.mechanisms.borrowing.planes import rational
from mechopt.mechanisms.borrowing.regions import Part, beyond, rational_roots
from mechopt.mechanisms.borrowing.times import Piece
from mechopt.mechanisms.borrowing.values import NEAR

SAMPLE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What agents could gain, and where.

    Attributes:
        both_prefer_swap: probability that both prefer the equilibrium of Proposition 4.
        both_prefer_truth: probability that both prefer the truth.
        split: the rest: they disagree, or one is indifferent.
        exactly: whether the probabilities are exact; else they are frequencies of a sample.
        error: standard error of the probabilities, 0 where exact.
        shift_drift: taken a round by both, beyond the truth, where each adds 1 - v_j(t_j).
        extraction_drift: see `extraction_drift`.
        constant: value functions that do not fall at all: Corollary 3 applies to them.
        negative: value functions that are negative somewhere.
    """

    both_prefer_swap: Any
    both_prefer_truth: Any
    split: Any
    exactly: bool
    error: float
    shift_drift: Estimate
    extraction_drift: Estimate
    constant: tuple[str, ...]
    negative: tuple[str, ...]


def risk(expectations: Expectations, *, seed: int = 0) -> Risk:
    """The collusion-risk report; probabilities are exact where straight lines part the preferences."""
    environment = expectations.environment
    names = sorted({name for agent in environment.agents for name, p in agent.beliefs if p})
    swap, truth, error = _probabilities(expectations) or _sampled(expectations, seed)
    bounds = {name: environment.values[name].bounds(Fraction(0), Fraction(2)) for name in names}
    return Risk(
        both_prefer_swap=swap, both_prefer_truth=truth, split=1 - swap - truth, exactly=error == 0, error=error,
        shift_drift=shift_drift(expectations), extraction_drift=extraction_drift(expectations, seed=seed),
        constant=tuple(name for name in names if bounds[name][0] == bounds[name][1]),
        negative=tuple(name for name in names if beyond(environment.values[name], Fraction(0), Fraction(2), 0, -1)),
    )  # fmt: skip


def _probabilities(expectations: Expectations) -> tuple[Fraction, Fraction, float] | None:
    """Exactly; None where a sum changes its sign along a curve, or a density is no polynomial."""
    if expectations.function_error:
        return None
    swap, truth = Fraction(0), Fraction(0)
    for weight, _, _, found in expectations.pairs:
        for part in found:
            if any(isinstance(density, Piece) for density in part.density):
                return None
            for piece, point in _pieces(part, part.sums):
                if piece is None:
                    return None
                mass = weight * piece.integrate(planes.PLANE.constant(1))
                signs = [planes.value(s, point) for s in piece.sums]
                swap += mass * (signs[0] < 0 and signs[1] < 0)
                truth += mass * (signs[0] > 0 and signs[1] > 0)
    return swap, truth, 0.0


def _pieces(part: Part, polynomials: Iterable[Any]) -> Iterator[tuple[Part | None, planes.Point]]:
    """(piece, a point inside) of the part, cut where a polynomial changes its sign; None for one that a curve cuts."""
    if not part.polygon:
        yield from _along(part, polynomials)
        return
    cells = [part.polygon]
    bent: list[Any] = []
    for polynomial in polynomials:
        if polynomial.is_constant():
            continue
        for factor, _ in polynomial.factor()[1]:
            if int(factor.total_degree()) > 1:
                bent.append(factor)
                continue
            cells = [cell for polygon in cells for cell in planes.cut(polygon, *planes.line(factor))]
    for cell in cells:
        settled = all(planes.definite(factor, cell) for factor in bent)
        yield replace(part, polygon=cell) if settled else None, planes.centre(cell)


def _along(part: Part, polynomials: Iterable[Any]) -> Iterator[tuple[Part | None, planes.Point]]:
    """The same for a part on which one time is an atom, or both are."""
    if part.low == part.high:
        yield part, part.low
        return
    axis = 0 if part.low[0] != part.high[0] else 1
    known = part.low[1 - axis]

    def at(time: Fraction) -> planes.Point:
        return (time, known) if axis == 0 else (known, time)

    cuts = {part.low[axis], part.high[axis]}
    for polynomial in polynomials:
        line = planes.univariate(polynomial.subs({planes.PLANE.names()[1 - axis]: rational(known)}), axis)
        exactly, near = rational_roots(line, part.low[axis], part.high[axis])
        if near:
            yield None, part.low
        cuts |= set(exactly)
    for low, high in pairwise(sorted(cuts)):
        yield replace(part, low=at(low), high=at(high)), at((low + high) / 2)


def extraction_drift(expectations: Expectations, *, seed: int = 0) -> Estimate:
    """What both take a round, beyond the truth, where each reports 1 on the efficient order and -1 on any other.

    On a tie each moves his payoff up until the better of both orders reports 1, so that neither would rather turn it;
    there they take |L| less than 2 - W*, L being what either loses by being second.
    """
    drift = Estimate(value=Fraction(2)) - expectations.welfare
    if expectations.function_error:
        return drift - expectations.of(lambda part: abs(part.apart - part.best) * part.where(0))
    for weight, _, _, found in expectations.pairs:
        for part in found:
            if part.sign != 0:
                continue
            for piece, point in _pieces(part, [part.apart - part.best]):
                if piece is None:
                    return _sampled_extraction(expectations, seed)
                lost = expectation([piece], lambda at: at.apart - at.best)
                drift = drift - lost.times(weight if planes.value(piece.apart - piece.best, point) > 0 else -weight)
    return drift


def _sampled_extraction(expectations: Expectations, seed: int) -> Estimate:
    environment = replace(expectations.environment, design="two_stage", constant=None)
    which, times = draw(environment, np.random.default_rng(seed), SAMPLE)
    taken, honest = (deficits(environment, None, which, times, play) for play in ("extraction", "truth"))
    more = taken - honest
    return Estimate(value=float(more.mean()), error=float(more.std(ddof=1) / np.sqrt(SAMPLE)), proven=False)


def _sampled(expectations: Expectations, seed: int) -> tuple[float, float, float]:
    environment = expectations.environment
    which, times = draw(environment, np.random.default_rng(seed), SAMPLE)
    own, late = payoffs(environment, which, times)
    sums = [own[a] + late[a] for a in (0, 1)]
    near = [NEAR * (np.abs(own[a]) + np.abs(late[a])) for a in (0, 1)]  # a sum this small is one of zero
    swap = float(((sums[0] < -near[0]) & (sums[1] < -near[1])).mean())
    truth = float(((sums[0] > near[0]) & (sums[1] > near[1])).mean())
    return swap, truth, float(np.sqrt(0.25 / SAMPLE))


def as_rows(found: Risk, *, exactly: bool) -> dict[str, list[Any]]:
    """`tables.collusion`: one row a figure."""
    rows = {
        "both prefer Proposition 4": (found.both_prefer_swap, found.error),
        "both prefer the truth": (found.both_prefer_truth, found.error),
        "they disagree": (found.split, found.error),
        "shift, a round": (found.shift_drift.value, found.shift_drift.error),
        "extraction, a round": (found.extraction_drift.value, found.extraction_drift.error),
    }
    return {
        "figure": list(rows),
        "value": [value if exactly else exact.as_float(value) for value, _ in rows.values()],
        "error": [error for _, error in rows.values()],
    }
