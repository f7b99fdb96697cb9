"""Exact moments of a round with affine values and uniform times, over polygons, independent of the engine.

Pairs are (value, slope), (value, slope) of v_i = value - slope t; polynomials of (t1, t2) are coefficients by
exponents.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

Line = tuple[Any, Any]
Point = tuple[Fraction, Fraction]
Poly = dict[tuple[int, int], Fraction]
ZERO, ONE, HALF = Fraction(0), Fraction(1), Fraction(1, 2)
SQUARE: list[Point] = [(ZERO, ZERO), (ONE, ZERO), (ONE, ONE), (ZERO, ONE)]
PAPER: tuple[Line, Line] = ((ONE, ONE), (HALF, HALF))  # Section 9: 1 - t and (1 - t)/2
PRINTED, EXACT, VARIANCE = Fraction(-43, 216), Fraction(-25, 96), Fraction(545, 2304)


def clip(polygon: Sequence[Point], of_one: Any, of_two: Any, constant: Any = 0) -> list[Point]:
    """The part of a convex polygon where of_one t1 + of_two t2 + constant >= 0."""
    found: list[Point] = []
    for (x, y), (u, w) in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        here, there = of_one * x + of_two * y + constant, of_one * u + of_two * w + constant
        if here >= 0:
            found.append((x, y))
        if here * there < 0:
            share = here / (here - there)
            found.append((x + share * (u - x), y + share * (w - y)))
    return found


def times(left: Poly, right: Poly) -> Poly:
    """The product of two polynomials."""
    result: Poly = {}
    for ((a, b), x), ((c, d), y) in itertools.product(left.items(), right.items()):
        result[a + c, b + d] = result.get((a + c, b + d), ZERO) + x * y
    return result


def line(constant: Any, of_one: Any, of_two: Any) -> Poly:
    """constant + of_one t1 + of_two t2."""
    return {(0, 0): Fraction(constant), (1, 0): Fraction(of_one), (0, 1): Fraction(of_two)}


def integrate(poly: Poly, polygon: Sequence[Point]) -> Fraction:
    """The integral over a convex polygon: triangles from its first corner, each mapped to the unit simplex."""
    result = ZERO
    for (x, y), (u, w) in itertools.pairwise(polygon[1:]):
        start = polygon[0]
        one, two = (x - start[0], y - start[1]), (u - start[0], w - start[1])
        area = one[0] * two[1] - one[1] * two[0]
        for (a, b), coefficient in poly.items():
            term: Poly = {(0, 0): ONE}
            for axis, power in ((0, a), (1, b)):
                for _ in range(power):
                    term = times(term, line(start[axis], one[axis], two[axis]))
            inner = (
                x * Fraction(math.factorial(i) * math.factorial(j), math.factorial(i + j + 2))
                for (i, j), x in term.items()
            )
            result += coefficient * area * sum(inner, ZERO)
    return result


def regions(one: Line, two: Line) -> list[tuple[bool, list[Point]]]:
    """(agent 1 is first, polygon) for the two parts of the square; ties are a line, or everything."""
    if one[1] == two[1] == 0:
        return [(True, SQUARE)]
    parts = [(True, clip(SQUARE, -two[1], one[1])), (False, clip(SQUARE, two[1], -one[1]))]
    return [(first, polygon) for first, polygon in parts if len(polygon) > 2]


def values(one: Line, two: Line, first: bool) -> tuple[Poly, Poly]:
    """What the order is worth to each agent."""
    (a, b), (c, d) = one, two
    return (line(a, -b, 0), line(c, -d, -d)) if first else (line(a, -b, -b), line(c, 0, -d))


def expectation(one: Line, two: Line, term: Callable[[Poly, Poly], Poly]) -> Fraction:
    """The mean of a polynomial of the agents' values over uniform times, at the efficient order."""
    return sum((integrate(term(*values(one, two, first)), polygon) for first, polygon in regions(one, two)), start=ZERO)


def add(left: Poly, right: Poly) -> Poly:
    """The sum of two polynomials."""
    return {key: left.get(key, ZERO) + right.get(key, ZERO) for key in left.keys() | right.keys()}


@cache
def moment(one: Line, two: Line, power: int, h: Fraction = ZERO) -> Fraction:
    """E (W* + 2h)^power of a pair."""

    def term(left: Poly, right: Poly) -> Poly:
        base, result = add(add(left, right), {(0, 0): 2 * h}), {(0, 0): ONE}
        for _ in range(power):
            result = times(result, base)
        return result

    return expectation(one, two, term)


def over(lines: Sequence[Line], term: Callable[[Line, Line], Fraction]) -> Fraction:
    """The mean over two independent uniform draws of value functions."""
    return sum((term(one, two) for one in lines for two in lines), ZERO) / len(lines) ** 2


def budget(lines: Sequence[Line], power: int, h: Fraction = ZERO) -> Fraction:
    """E (T1 + T2)^power."""
    return over(lines, lambda one, two: moment(one, two, power, h))


def received(lines: Sequence[Line], agent: int) -> Fraction:
    """E of the other's value: what agent 0 or 1 receives besides h."""
    return over(lines, lambda one, two: expectation(one, two, lambda left, right: right if agent == 0 else left))


def by_rules(lines: Sequence[Line], term: Callable[[Fraction, Fraction], Fraction]) -> Fraction:
    """Independently, for positive slopes: the mean of term(v1, v2), of degree at most 3, at the order carried out.

    Simpson's rule over t2 on either side of the line where the order changes, Boole's over t1: both are exact here.
    """
    simpson = [(ZERO, Fraction(1, 6)), (HALF, Fraction(4, 6)), (ONE, Fraction(1, 6))]
    boole = [(Fraction(k, 4), Fraction(w, 90)) for k, w in enumerate((7, 32, 12, 32, 7))]
    total = ZERO
    for (a, b), (c, d) in itertools.product(lines, repeat=2):
        bend = min(ONE, Fraction(b) / d)  # where the line meets the top: t1 = b/d, if d > b
        for low, high in ((ZERO, bend), (bend, ONE)):
            for node, weight in boole:
                t1 = low + (high - low) * node
                edge = min(ONE, Fraction(d) / b * t1)  # agent 1 is first above it: b t2 > d t1
                for first, start, end in ((False, ZERO, edge), (True, edge, ONE)):
                    for at, share in simpson:
                        t2 = start + (end - start) * at
                        place = (a - b * t1, c - d * (t1 + t2)) if first else (a - b * (t1 + t2), c - d * t2)
                        total += (high - low) * weight * (end - start) * share * term(*map(Fraction, place))
    return total / len(lines) ** 2
