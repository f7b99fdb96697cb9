"""How exposed the two-stage mechanism is to agents who agree on their second-stage reports.

S_j = v_j(t_j) + v_j(t1 + t2). Where S_2 < 0 agent 1 prefers the equilibrium of Proposition 4 to the truth, and
where S_1 < 0 agent 2 does, whatever the order. Source: zheng2023, Propositions 4 and 5, Corollary 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.comparison import extraction_drift, shift_drift
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.paths import draw, payoffs
from mechopt.mechanisms.borrowing.regions import Part

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
        extraction_drift: taken a round by both where each reports 1 on the efficient order and -1 on any other.
        constant: value functions that do not fall at all: Corollary 3 applies to them.
        negative: value functions that are negative somewhere.
    """

    both_prefer_swap: Any
    both_prefer_truth: Any
    split: Any
    exactly: bool
    error: float
    shift_drift: Any
    extraction_drift: Any
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
        shift_drift=shift_drift(expectations), extraction_drift=extraction_drift(expectations),
        constant=tuple(name for name in names if bounds[name][0] == bounds[name][1]),
        negative=tuple(name for name in names if bounds[name][0] < 0),
    )  # fmt: skip


def _probabilities(expectations: Expectations) -> tuple[Fraction, Fraction, float] | None:
    if expectations.function_error:
        return None
    swap, truth = Fraction(0), Fraction(0)
    for weight, _, _, found in expectations.pairs:
        for part in found:
            if not part.polygon or not all(hasattr(density, "coeffs") for density in part.density):
                return None
            for piece in _pieces(part):
                if piece is None:
                    return None
                mass = weight * piece.integrate(planes.PLANE.constant(1))
                signs = [planes.value(s, planes.centre(piece.polygon)) for s in piece.sums]
                swap += mass * (signs[0] < 0 and signs[1] < 0)
                truth += mass * (signs[0] > 0 and signs[1] > 0)
    return swap, truth, 0.0


def _pieces(part: Part) -> Iterator[Part | None]:
    """The part cut where a sum changes its sign; None where it does so along a curve."""
    cells = [part.polygon]
    bent: list[Any] = []
    for polynomial in part.sums:
        if polynomial.is_constant():
            continue
        for factor, _ in polynomial.factor()[1]:
            if int(factor.total_degree()) > 1:
                bent.append(factor)
                continue
            cells = [cell for polygon in cells for cell in planes.cut(polygon, *planes.line(factor))]
    for cell in cells:
        settled = all(planes.definite(factor, cell) for factor in bent)
        yield replace(part, polygon=cell) if settled else None


def _sampled(expectations: Expectations, seed: int) -> tuple[float, float, float]:
    environment = expectations.environment
    which, times = draw(environment, np.random.default_rng(seed), SAMPLE)
    own, late = payoffs(environment, which, times)
    sums = [own[a] + late[a] for a in (0, 1)]
    swap = float(((sums[0] < 0) & (sums[1] < 0)).mean())
    truth = float(((sums[0] > 0) & (sums[1] > 0)).mean())
    return swap, truth, float(np.sqrt(0.25 / SAMPLE))


def as_rows(found: Risk, *, exactly: bool) -> dict[str, list[Any]]:
    """`tables.collusion`: one row a figure."""
    rows = {
        "both prefer Proposition 4": found.both_prefer_swap,
        "both prefer the truth": found.both_prefer_truth,
        "they disagree": found.split,
        "shift, a round": found.shift_drift,
        "extraction, a round": found.extraction_drift,
    }
    return {
        "figure": list(rows),
        "value": [value if exactly else exact.as_float(value) for value in rows.values()],
        "error": [0.0 if found.exactly or place > 2 else found.error for place in range(len(rows))],
    }
