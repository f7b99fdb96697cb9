"""Polynomials of both times and convex polygons with rational corners: what exact expectations are made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flint import fmpq, fmpq_mpoly_ctx, fmpq_poly

Point = tuple[Fraction, Fraction]
Polygon = Sequence[Point]

PLANE = fmpq_mpoly_ctx.get(("first", "second"), "lex")  # t1 and t2
FIRST, SECOND = PLANE.gens()
LINE = fmpq_mpoly_ctx.get(("along",), "lex")
(ALONG,) = LINE.gens()


def rational(value: Fraction | int) -> Any:
    """A Fraction as flint has it."""
    value = Fraction(value)
    return fmpq(value.numerator, value.denominator)


def fraction(value: Any) -> Fraction:
    """A flint rational as a Fraction."""
    return Fraction(int(value.p), int(value.q))


def substitute(coefficients: Sequence[Fraction], variable: Any) -> Any:
    """A polynomial of one variable, at a polynomial of the plane (t1, t2 or t1 + t2)."""
    result = PLANE.constant(0)
    for c in reversed(coefficients):
        result = result * variable + rational(c)
    return result


def univariate(polynomial: Any, axis: int) -> Any:
    """A polynomial of the plane that has one variable only, as a flint polynomial of it."""
    terms = {int(powers[axis]): c for powers, c in polynomial.to_dict().items()}
    if not terms:
        return fmpq_poly([0])
    return fmpq_poly([terms.get(k, fmpq(0)) for k in range(max(terms) + 1)])


def univariate_line(polynomial: Any) -> Any:
    """A polynomial along a line, as a flint polynomial."""
    terms = {int(powers[0]): c for powers, c in polynomial.to_dict().items()}
    return fmpq_poly([terms.get(k, fmpq(0)) for k in range(max(terms, default=0) + 1)])


def area_twice(polygon: Polygon) -> Fraction:
    """Twice the signed area: above 0 where corners run anticlockwise."""
    return sum(
        (x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True)),
        Fraction(0),
    )


def cut(polygon: Polygon, a: Fraction, b: Fraction, c: Fraction) -> list[Polygon]:
    """The parts of a convex polygon on both sides of the line a x + b y = c, each with an inside."""
    side = [a * x + b * y - c for x, y in polygon]
    if all(s >= 0 for s in side) or all(s <= 0 for s in side):
        return [polygon]
    parts: list[list[Point]] = [[], []]
    for place, (point, s) in enumerate(zip(polygon, side, strict=True)):
        follower, t = polygon[(place + 1) % len(polygon)], side[(place + 1) % len(polygon)]
        if s <= 0:
            parts[0].append(point)
        if s >= 0:
            parts[1].append(point)
        if s * t < 0:
            share = s / (s - t)
            crossing = (point[0] + share * (follower[0] - point[0]), point[1] + share * (follower[1] - point[1]))
            parts[0].append(crossing)
            parts[1].append(crossing)
    return [part for part in parts if len(part) > 2 and area_twice(part) != 0]


def line(factor: Any) -> tuple[Fraction, Fraction, Fraction]:
    """(a, b, c) of the line a x + b y = c on which a polynomial of degree one is zero."""
    terms = {(int(p), int(q)): fraction(c) for (p, q), c in factor.to_dict().items()}
    zero = Fraction(0)
    return terms.get((1, 0), zero), terms.get((0, 1), zero), -terms.get((0, 0), zero)


def centre(polygon: Polygon) -> Point:
    """The mean of the corners: inside a convex polygon."""
    count = len(polygon)
    return sum((x for x, _ in polygon), Fraction(0)) / count, sum((y for _, y in polygon), Fraction(0)) / count


def integrate(polynomial: Any, polygon: Polygon) -> Fraction:
    """The exact integral over a polygon with corners anticlockwise, by Green's theorem."""
    inner = polynomial.integral(0)
    total = fmpq(0)
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if y0 == y1:
            continue
        along = inner.compose(rational(x0) + rational(x1 - x0) * ALONG, rational(y0) + rational(y1 - y0) * ALONG,
                              ctx=LINE)  # fmt: skip
        total += along.integral(0)(fmpq(1)) * rational(y1 - y0)
    return fraction(total)


def value(polynomial: Any, point: Point) -> Fraction:
    """The exact value at a point."""
    return fraction(polynomial(rational(point[0]), rational(point[1])))


def definite(polynomial: Any, polygon: Polygon, *, depth: int = 7) -> int:
    """The sign of a polynomial inside a convex polygon: -1 or 1 where proven, 0 where it changes or is not settled.

    Bernstein coefficients on triangles enclose the values; triangles whose coefficients differ in sign are halved.
    """
    corner = polygon[0]
    waiting = [(corner, b, c, 0) for b, c in itertools.pairwise(polygon)]
    found = 0
    while waiting:
        a, b, c, level = waiting.pop()
        coefficients = triangle_coefficients(polynomial, a, b, c)
        low, high = min(coefficients), max(coefficients)
        sign = 1 if low >= 0 else -1 if high <= 0 else 0
        if sign and found not in (0, sign):
            return 0
        found = found or sign
        if not sign:
            corners = [value(polynomial, p) for p in (a, b, c)]
            if level == depth or (min(corners) < 0 < max(corners)):
                return 0
            # Halve the longest side.
            a, b, c = max(((a, b, c), (b, c, a), (c, a, b)), key=lambda t: _squared(t[0], t[1]))
            middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
            waiting += [(a, middle, c, level + 1), (middle, b, c, level + 1)]
    return found


def _squared(p: Point, q: Point) -> Fraction:
    return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2


def triangle_coefficients(polynomial: Any, a: Point, b: Point, c: Point) -> list[Fraction]:
    """Bernstein coefficients on the triangle a, b, c: the polynomial lies between their extremes."""
    from math import factorial

    local = polynomial.compose(
        *(rational(a[k]) + rational(b[k] - a[k]) * FIRST + rational(c[k] - a[k]) * SECOND for k in (0, 1)), ctx=PLANE
    )
    degree = max(0, int(local.total_degree()))
    terms = {(int(p), int(q)): fraction(coefficient) for (p, q), coefficient in local.to_dict().items()}
    result = []
    for i in range(degree + 1):
        for j in range(degree + 1 - i):
            total = Fraction(0)
            for (p, q), coefficient in terms.items():
                if p <= i and q <= j:
                    top = factorial(i) * factorial(j) * factorial(degree - p - q)
                    bottom = factorial(i - p) * factorial(j - q) * factorial(degree)
                    total += coefficient * Fraction(top, bottom)
            result.append(total)
    return result
