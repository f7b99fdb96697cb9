"""Proven bounds of expectations where a density is no polynomial: power, truncated normal and exponential times.

Along agent 2's time the integral of a polynomial times such a density is a sum of incomplete moments, analytic inside
the support; along agent 1's Arb integrates. What is cut away at the ends counts with its exact probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import acb, arb

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.branches import Branches, balls, branches, coefficients
from mechopt.mechanisms.borrowing.enclosure import Edge, Integrand, integral, largest, order_at
from mechopt.mechanisms.borrowing.planes import PLANE, fraction, rational
from mechopt.mechanisms.borrowing.quadrature import strips
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part, rational_roots
from mechopt.mechanisms.borrowing.weights import Weight, weight


def area(part: Part, polynomial: Callable[[Part], Any], width: Fraction) -> Any:
    """A ball of the expectation on a polygon; None where a density has no ball arithmetic here."""
    across, along = (weight(density) for density in part.density)
    if across is None or along is None:
        return None
    polynomials = _polynomials(part, polynomial)
    rows = {sign: balls(coefficients(p)) for sign, p in polynomials.items()}
    difference = part.first - part.second
    known = branches(difference)
    total, missed = arb(0), arb(0)
    for left, right, lower, upper in strips(part):
        a, b = left + width, right - width
        kept = b > a
        gaps = [(left, a), (b, right)] if kept else [(left, right)]
        missed += sum((abs(_mass(across, *gap)) for gap in gaps), arb(0))
        if not kept:
            continue
        pieces: Any = [(("line", lower), ("line", upper), part.sign)]
        if part.sign == UNSETTLED:
            pieces = order_at(difference, known, (a + b) / 2, lower, upper)
        if pieces is None:
            return None
        total += integral(_integrand(rows, known, pieces, across, along), a, b)
    bound = missed.abs_upper() * arb(rational(largest(polynomials.values()) * along.mass))
    return total + arb(0, 2) * bound  # both orders may be wrong there


def _polynomials(part: Part, polynomial: Callable[[Part], Any]) -> dict[int, Any]:
    signs = (1, -1) if part.sign == UNSETTLED else (part.sign,)
    return {sign: polynomial(replace(part, sign=sign)) for sign in signs}


def _mass(law: Weight, low: Fraction, high: Fraction) -> Any:
    """The probability between two times, as a real ball."""
    ends = [law.moments(acb(rational(end)), 1)[0] for end in (low, high)]
    return (ends[1] - ends[0]).real


def _integrand(rows: dict[int, list[Any]], known: Branches, pieces: Any, across: Weight, along: Weight) -> Integrand:
    used: dict[Edge, list[tuple[int, int]]] = {}
    for below, above, sign in pieces:
        used.setdefault(above, []).append((1, sign))
        used.setdefault(below, []).append((-1, sign))
    count = max(len(found) for found in rows.values())
    level = {edge: along.moments(acb(rational(edge[1][0])), count)
             for edge in used if edge[0] == "line" and edge[1][1] == 0}  # fmt: skip

    def integrand(x: Any, analytic: bool) -> Any:
        total = acb(0)
        at = {sign: [row(x) for row in found] for sign, found in rows.items()}
        for edge, uses in used.items():
            kind, given = edge
            if edge in level:
                moments = level[edge]
            else:
                y = known.root(given, x, analytic=analytic) if kind == "root" else (
                    acb(rational(given[0])) + acb(rational(given[1])) * x)  # fmt: skip
                moments = along.moments(y, count) if y.is_finite() else [y] * count
            for factor, sign in uses:
                total += factor * sum((c * m for c, m in zip(at[sign], moments, strict=False)), acb(0))
        return total * across.density(x)

    return integrand


def segment(part: Part, polynomial: Callable[[Part], Any]) -> Any:
    """A ball of the expectation where one time is an atom: incomplete moments between the roots."""
    axis = 0 if part.low[0] != part.high[0] else 1
    law = weight(part.density[axis])
    if law is None:
        return None
    fixed = {PLANE.names()[1 - axis]: rational(part.low[1 - axis])}
    difference = planes.univariate((part.first - part.second).subs(fixed), axis)
    near: list[Fraction] = []
    if part.sign == UNSETTLED:
        _, near = rational_roots(difference, part.low[axis], part.high[axis])
    polynomials = _polynomials(part, polynomial)
    total = acb(0)
    for a, b in pairwise([part.low[axis], *near, part.high[axis]]):
        sign = part.sign
        if sign == UNSETTLED:
            sign = 1 if fraction(difference(rational((a + b) / 2))) > 0 else -1
        terms = planes.univariate(polynomials[sign].subs(fixed), axis).coeffs()
        ends = [law.moments(acb(rational(end)), max(1, len(terms))) for end in (a, b)]
        total += sum((acb(c) * (high - low) for c, low, high in zip(terms, *ends, strict=False)), acb(0))
    isolated = Fraction(1, 2**59)
    missed = sum((abs(_mass(law, max(part.low[axis], root - isolated), min(part.high[axis], root + isolated)))
                  for root in near), arb(0))  # fmt: skip
    bound = missed.abs_upper() * arb(rational(largest(polynomials.values())))
    return (total.real + arb(0, 2) * bound) * rational(part.density[1 - axis])
