"""Nodes and weights on a part of the square whose order changes along a curve, or whose density is no polynomial.

The welfare is continuous but kinked on the curve, so the integral is split there: the outer variable is cut where a
root of the difference enters, leaves or turns, the inner one at the roots themselves. What is left is analytic.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.conditional import settle
from mechopt.mechanisms.borrowing.planes import ALONG, LINE, fraction, rational
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part, rational_roots
from mechopt.mechanisms.borrowing.times import Piece

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nodes:
    """Where to evaluate, and with what weight (the density included).

    Attributes:
        first: t1, shape (nodes,).
        second: t2, shape (nodes,).
        weight: shape (nodes,).
        sign: who goes first there, as in Part.sign, shape (nodes,).
    """

    first: Floats
    second: Floats
    weight: Floats
    sign: NDArray[np.int8]


def nodes(part: Part, order: int) -> Nodes:
    """Nodes of one part, `order` of them across each strip."""
    x, y, weight = _place(part, order)
    for axis, at in ((0, x), (1, y)):
        weight = weight * _density(part.density[axis], at)
    sign = np.full(x.shape, part.sign, dtype=np.int8)
    if part.sign == UNSETTLED:
        sign = np.where(floats(part.first - part.second, x, y) >= 0, 1, -1).astype(np.int8)
    return Nodes(first=x, second=y, weight=weight, sign=sign)


def floats(polynomial: Any, x: Floats, y: Floats) -> Floats:
    """A polynomial of the plane at many points, in floats."""
    result = np.zeros(np.broadcast(x, y).shape)
    for (p, q), c in polynomial.to_dict().items():
        result = result + float(fraction(c)) * x ** int(p) * y ** int(q)
    return result


def _density(density: Any, at: Floats) -> Floats:
    if isinstance(density, Fraction):
        return np.full(at.shape, float(density))
    if isinstance(density, Piece):
        return density.floats(at)
    result = np.zeros(at.shape)
    for c in reversed(density.coeffs()):
        result = result * at + float(fraction(c))
    return result


def _place(part: Part, order: int) -> tuple[Floats, Floats, Floats]:
    """Points and weights without the density."""
    if part.polygon:
        found = [_strip(part, *strip, order) for strip in strips(part)]
        return tuple(np.concatenate([strip[k] for strip in found]) for k in range(3))  # type: ignore[return-value]
    moving = [axis for axis in (0, 1) if part.low[axis] != part.high[axis]]
    if not moving:
        return np.array([float(part.low[0])]), np.array([float(part.low[1])]), np.ones(1)
    axis = moving[0]
    fixed = part.low[1 - axis]
    name = planes.PLANE.names()[1 - axis]
    difference = planes.univariate((part.first - part.second).subs({name: rational(fixed)}), axis)
    _, irrational = rational_roots(difference, part.low[axis], part.high[axis])
    cuts = [part.low[axis], *irrational, part.high[axis]]
    at, weight = (found.ravel() for found in _across(part.density[axis], np.array([[float(c) for c in cuts]]), order))
    still = np.full(at.shape, float(fixed))
    return (at, still, weight) if axis == 0 else (still, at, weight)


def _smooth(low: float, high: float, order: int) -> tuple[Floats, Floats]:
    """Gauss nodes after s^2 (3 - 2 s): a square-root end becomes analytic."""
    s, w = np.polynomial.legendre.leggauss(order)
    s, w = (s + 1) / 2, w / 2
    return low + (high - low) * s * s * (3 - 2 * s), (high - low) * 6 * s * (1 - s) * w


def _across(density: Any, cuts: Floats, order: int) -> tuple[Floats, Floats]:
    """Nodes and weights between neighbouring cuts, shape (rows, cuts - 1, nodes).

    Where the density is no polynomial, in the angle that tames its ends.
    """
    piece = density if isinstance(density, Piece) else None
    if piece is not None:
        share = (cuts - float(piece.low)) / float(piece.high - piece.low)
        cuts = 2 / np.pi * np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0)))
    s, w = _smooth(0.0, 1.0, order)
    widths = np.diff(cuts, axis=1)[:, :, None]
    at, weight = cuts[:, :-1, None] + widths * s, widths * w
    if piece is not None:
        at, slope = settle(piece, at)
        weight = weight * slope
    return at, weight


Line = tuple[Fraction, Fraction]  # y = a + b x


def strips(part: Part) -> Iterator[tuple[Fraction, Fraction, Line, Line]]:
    """(left, right, lower edge, upper edge): the polygon between neighbouring corners, cut where roots come and go."""
    xs = sorted({x for x, _ in part.polygon})
    difference = part.first - part.second
    turning = _turning(difference) if part.sign == UNSETTLED else None
    for left, right in itertools.pairwise(xs):
        lower, upper = _edges(part.polygon, (left + right) / 2)
        cuts: set[Fraction] = set()
        if turning is not None:
            edges = [
                planes.univariate_line(difference.compose(ALONG, rational(a) + rational(b) * ALONG, ctx=LINE))
                for a, b in (lower, upper)
            ]
            for polynomial in (*edges, turning):
                exactly, near = rational_roots(polynomial, left, right)
                cuts |= {*exactly, *near}
        points = [left, *sorted(cuts), right]
        for a, b in itertools.pairwise(points):
            yield a, b, lower, upper


def _turning(difference: Any) -> Any:
    """Where a root of the difference in the second time is double, as a polynomial of the first time."""
    if int(difference.degrees()[1]) < 2:
        return planes.univariate(planes.PLANE.constant(1), 0)
    free = planes.PLANE.constant(1)
    for factor, _ in difference.factor_squarefree()[1]:
        free = free * factor
    if int(free.degrees()[1]) < 1:
        return planes.univariate(planes.PLANE.constant(1), 0)
    return planes.univariate(free.resultant(free.derivative(1), "second"), 0)


def _edges(polygon: Any, x: Fraction) -> tuple[Line, Line]:
    """The lines of the lower and the upper edge above x, for a convex polygon with corners anticlockwise."""
    found: list[tuple[Fraction, Line]] = []
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if min(x0, x1) < x < max(x0, x1):
            slope = (y1 - y0) / (x1 - x0)
            found.append((y0 + slope * (x - x0), (y0 - slope * x0, slope)))
    found.sort()
    return found[0][1], found[-1][1]


def _strip(
    part: Part, left: Fraction, right: Fraction, lower: Line, upper: Line, order: int
) -> tuple[Floats, Floats, Floats]:
    x, wx = _across(part.density[0], np.array([[float(left), float(right)]]), order)
    x, wx = x.ravel(), wx.ravel()
    low, high = (float(line[0]) + float(line[1]) * x for line in (lower, upper))
    cuts = np.stack([low, high], axis=1)
    if part.sign == UNSETTLED:
        cuts = np.sort(np.concatenate([cuts, _roots(part.first - part.second, x, low, high)], axis=1), axis=1)
    y, wy = _across(part.density[1], cuts, order)
    weight = wx[:, None, None] * wy
    return np.broadcast_to(x[:, None, None], y.shape).ravel(), y.ravel(), weight.ravel()


def _roots(difference: Any, x: Floats, low: Floats, high: Floats) -> Floats:
    """Roots of the difference in the second time, clipped to [low, high], shape (x, degree)."""
    degree = int(difference.degrees()[1])
    rows: list[Any] = [planes.PLANE.constant(0)] * (degree + 1)
    for (p, q), c in difference.to_dict().items():
        rows[int(q)] = rows[int(q)] + planes.PLANE.from_dict({(p, 0): c})
    table = np.stack([floats(row, x, np.zeros_like(x)) for row in rows], axis=1)
    result = np.repeat(low[:, None], max(degree, 1), axis=1)
    for place, coefficients in enumerate(table):
        roots = np.roots(coefficients[::-1])
        real = roots.real[np.abs(roots.imag) <= 1e-7 * (1 + np.abs(roots.real))]
        result[place, : real.size] = np.clip(real, low[place], high[place])
    return result
