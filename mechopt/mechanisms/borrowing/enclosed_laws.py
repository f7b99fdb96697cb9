"""Proven bounds of expectations where a density is no polynomial: power, truncated normal and exponential times.

Along agent 2's time the integral of a polynomial times such a density is a sum of incomplete moments, analytic inside
the support; along agent 1's Arb integrates. What is cut away at the ends counts with its exact probability.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import acb, arb

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.branches import Branches, balls, branches, coefficients
from mechopt.mechanisms.borrowing.enclosure import Edge, Integrand, integral, largest, order_at
from mechopt.mechanisms.borrowing.planes import PLANE, fraction, rational
from mechopt.mechanisms.borrowing.quadrature import Line, strips
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part, rational_roots
from mechopt.mechanisms.borrowing.weights import NOWHERE, Weight, weight


def area(part: Part, polynomials: dict[int, Any], width: Fraction) -> Any:
    """A ball of the expectation on a polygon; None where a density has no ball arithmetic here."""
    across, along = (weight(density) for density in part.density)
    if across is None or along is None:
        return None
    rows = {sign: balls(coefficients(p)) for sign, p in polynomials.items()}
    difference = part.first - part.second
    known = branches(difference)
    corners = {x for x, _ in part.polygon}
    total, missed = arb(0), arb(0)
    for left, right, lower, upper in strips(part):
        a, b = left + width, right - width
        if b <= a:
            missed += abs(_mass(across, left, right))
            continue
        pieces: Any = [(("line", lower), ("line", upper), part.sign)]
        if part.sign == UNSETTLED:
            pieces = order_at(difference, known, (a + b) / 2, lower, upper)
        if pieces is None:
            return None
        inner = _inner(rows, known, pieces, along)
        total += integral(_times(inner, across), a, b)
        for end, low, high in ((left, left, a), (right, b, right)):
            # A density may hold much close to its end; next to a corner, whose place is exact, no root comes or goes.
            mean = inner(_over(low, high), False) if end in corners else NOWHERE
            mass = abs(_mass(across, low, high))
            if mean.is_finite():
                total += mass * mean.real
            else:
                missed += mass
    bound = missed.abs_upper() * arb(rational(largest(polynomials.values()) * along.mass))
    return total + arb(0, 2) * bound  # both orders may be wrong there


def _over(low: Fraction, high: Fraction) -> Any:
    """A ball that holds every time between two."""
    middle, reach = arb(rational((low + high) / 2)), arb(rational((high - low) / 2))
    return acb(middle + arb(0, 1) * reach)


def _mass(law: Weight, low: Fraction, high: Fraction) -> Any:
    """The probability between two times, as a real ball."""
    ends = [law.moments(acb(rational(end)), 1)[0] for end in (low, high)]
    return (ends[1] - ends[0]).real


def _times(inner: Integrand, law: Weight) -> Integrand:
    return lambda x, analytic: inner(x, analytic) * law.density(x)


def _inner(rows: dict[int, list[Any]], known: Branches, pieces: Any, along: Weight) -> Integrand:
    """The integral along the second time, as a function of a ball of the first."""
    used: dict[Edge, list[tuple[int, int]]] = {}
    for below, above, sign in pieces:
        used.setdefault(above, []).append((1, sign))
        used.setdefault(below, []).append((-1, sign))
    count = max(len(found) for found in rows.values())
    level = {edge: along.moments(acb(rational(edge[1][0])), count)
             for edge in used if edge[0] == "line" and edge[1][1] == 0}  # fmt: skip

    def height(edge: Edge, x: Any, real: bool) -> Any:
        kind, given = edge
        if kind == "line":
            return _line(given, x)
        found = known.root(given, x, analytic=not real)
        if real and not found.is_finite():  # all that is needed of it: it lies between the strip's two edges
            low, high = (_line(line, x).real for (_, line) in (pieces[0][0], pieces[-1][1]))
            return acb(low.union(high))
        return found

    def integrand(x: Any, analytic: bool) -> Any:
        total = acb(0)
        real = not analytic and x.imag.is_zero()
        at = {sign: [row(x) for row in found] for sign, found in rows.items()}
        for edge, uses in used.items():
            moments = level.get(edge)
            if moments is None:
                y = height(edge, x, real)
                moments = along.moments(y, count, real=real) if y.is_finite() else [y] * count
            for factor, sign in uses:
                total += factor * sum((c * m for c, m in zip(at[sign], moments, strict=False)), acb(0))
        return total

    return integrand


def _line(line: Line, x: Any) -> Any:
    return acb(rational(line[0])) + acb(rational(line[1])) * x


def segment(part: Part, polynomials: dict[int, Any]) -> Any:
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
