"""Where each agent goes first: the unit square cut into parts on which the order and the welfare are one polynomial.

Two identities carry everything: with L_i = v_i(t_i) - v_i(t1 + t2), the loss from being second, agent 1 is first where
L1 > L2, and the welfare is W* = v1(t1) + v2(t2) - min(L1, L2). Source: zheng2023, eq. (7.1), (7.4), (7.5).
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_poly

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.planes import FIRST, PLANE, SECOND, Polygon, fraction, rational, substitute
from mechopt.mechanisms.borrowing.times import Piece, Times
from mechopt.mechanisms.borrowing.values import ValueFunction

UNSETTLED = 2  # the order changes along an irrational curve inside this part


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the square of times with one order, its welfare, and the belief's measure on it.

    Attributes:
        sign: 1 where agent 1 is first, -1 where agent 2 is, 0 on a tie, UNSETTLED where a curve cuts the part.
        first: W1, welfare with agent 1 first, a polynomial of (t1, t2).
        second: W2, with agent 2 first.
        apart: v1(t1) + v2(t2), as if each were alone.
        sums: v_i(t_i) + v_i(t1 + t2) of each agent.
        polygon: corners anticlockwise, or () for a segment or a point.
        low: the lower ends of both times.
        high: the upper ends.
        density: of each time on this part: coefficients as flint has them, a probability (an atom), or a Piece.
    """

    sign: int
    first: Any
    second: Any
    apart: Any
    sums: tuple[Any, Any]
    low: tuple[Fraction, Fraction]
    high: tuple[Fraction, Fraction]
    density: tuple[Any, Any]
    polygon: Polygon = ()

    @property
    def best(self) -> Any:
        """W*, the welfare of the efficient order."""
        return self.first if self.sign >= 0 else self.second

    def where(self, sign: int) -> Any:
        """1 where agent 1 (sign 1), agent 2 (-1) or nobody for sure (0) goes first, else 0."""
        return PLANE.constant(int(self.sign == sign))

    def integrate(self, polynomial: Any) -> Fraction:
        """The exact expectation of a polynomial of (t1, t2) on this part."""
        weighted = polynomial
        for axis, density in enumerate(self.density):
            weighted = weighted * (
                rational(density) if isinstance(density, Fraction) else _lift(density, (FIRST, SECOND)[axis])
            )
        if self.polygon:
            return planes.integrate(weighted, self.polygon)
        at = [axis for axis in (0, 1) if self.low[axis] == self.high[axis]]
        for axis in at:
            weighted = weighted.subs({PLANE.names()[axis]: rational(self.low[axis])})
        if len(at) == 2:
            return planes.value(weighted, self.low)
        axis = 1 - at[0]
        inner = planes.univariate(weighted, axis).integral()
        return fraction(inner(rational(self.high[axis])) - inner(rational(self.low[axis])))


def _lift(density: Any, variable: Any) -> Any:
    result = PLANE.constant(0)
    for c in reversed(density.coeffs()):
        result = result * variable + c
    return result


def parts(one: ValueFunction, two: ValueFunction, times: tuple[Times, Times]) -> Iterator[Part]:
    """The parts of the square for one pair of value functions; together they carry all the probability."""
    for low, high, density in _measures(times[0]):
        for low_, high_, density_ in _measures(times[1]):
            yield from _rectangle(one, two, (low, low_), (high, high_), (density, density_))


def _measures(times: Times) -> Iterator[tuple[Fraction, Fraction, Any]]:
    for time, mass in times.atoms:
        yield time, time, mass
    for piece in times.pieces:
        yield piece.low, piece.high, piece if piece.density is None else _flint(piece)


def _flint(piece: Piece) -> Any:
    return fmpq_poly([rational(c) for c in piece.density or ()])


def _rectangle(
    one: ValueFunction,
    two: ValueFunction,
    low: tuple[Fraction, Fraction],
    high: tuple[Fraction, Fraction],
    density: tuple[Any, Any],
) -> Iterator[Part]:
    flat = [axis for axis in (0, 1) if low[axis] == high[axis]]
    common = {"density": density}
    if len(flat) == 2:
        welfare = _welfare(one, two, low)
        sign = _sign(planes.value(welfare["first"] - welfare["second"], low))
        yield Part(sign=sign, **welfare, low=low, high=high, **common)
    elif flat:
        yield from _segment(one, two, low, high, 1 - flat[0], common)
    else:
        corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
        for cell in _cells(one, two, corners):
            yield from _split(_welfare(one, two, planes.centre(cell)), cell, common)


def _welfare(one: ValueFunction, two: ValueFunction, at: tuple[Fraction, Fraction]) -> dict[str, Any]:
    """W1, W2, v1(t1) + v2(t2) and v_i(t_i) + v_i(t1 + t2) as polynomials that hold around a point."""
    both, total = FIRST + SECOND, at[0] + at[1]

    def piece(function: ValueFunction, time: Fraction, variable: Any) -> Any:
        return substitute(function.polynomials[bisect_right(function.breaks, time)], variable)

    alone = piece(one, at[0], FIRST), piece(two, at[1], SECOND)
    later = piece(one, total, both), piece(two, total, both)
    return {
        "first": alone[0] + later[1],
        "second": alone[1] + later[0],
        "apart": alone[0] + alone[1],
        "sums": (alone[0] + later[0], alone[1] + later[1]),
    }


def _cells(one: ValueFunction, two: ValueFunction, corners: Polygon) -> list[Polygon]:
    """The rectangle cut where a value function passes from piece to piece."""
    lines = [(Fraction(1), Fraction(0), b) for b in one.breaks] + [(Fraction(0), Fraction(1), b) for b in two.breaks]
    lines += [(Fraction(1), Fraction(1), b) for b in sorted({*one.breaks, *two.breaks})]
    cells = [corners]
    for line in lines:
        cells = [part for cell in cells for part in planes.cut(cell, *line)]
    return cells


def _split(welfare: dict[str, Any], cell: Polygon, common: dict[str, Any]) -> Iterator[Part]:
    """A cell cut along the lines where both orders are worth the same; curves stay inside a part."""
    difference = welfare["first"] - welfare["second"]
    straight: list[Any] = []
    bent: list[Any] = []
    if not difference.is_zero():
        for factor, _ in difference.factor()[1]:
            (straight if int(factor.total_degree()) == 1 else bent).append(factor)
    found = [cell]
    for factor in straight:
        found = [part for polygon in found for part in planes.cut(polygon, *planes.line(factor))]
    for polygon in found:
        sign = 0
        if not difference.is_zero():
            settled = all(planes.definite(factor, polygon) for factor in bent)
            sign = _sign(planes.value(difference, planes.centre(polygon))) if settled else UNSETTLED
        xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
        yield Part(sign=sign, **welfare, polygon=polygon,
                   low=(min(xs), min(ys)), high=(max(xs), max(ys)), **common)  # fmt: skip


def _segment(
    one: ValueFunction,
    two: ValueFunction,
    low: tuple[Fraction, Fraction],
    high: tuple[Fraction, Fraction],
    axis: int,
    common: dict[str, Any],
) -> Iterator[Part]:
    """One time is known (an atom), the other varies: the interval cut at breaks and at rational roots."""
    known = low[1 - axis]
    mine = (one, two)[axis]
    cuts = {*mine.breaks, *(b - known for b in (*one.breaks, *two.breaks))}
    ends = [low[axis], *sorted(c for c in cuts if low[axis] < c < high[axis]), high[axis]]

    def at(time: Fraction) -> tuple[Fraction, Fraction]:
        return (time, known) if axis == 0 else (known, time)

    for start, end in itertools.pairwise(ends):
        welfare = _welfare(one, two, at((start + end) / 2))
        name = PLANE.names()[1 - axis]
        difference = planes.univariate((welfare["first"] - welfare["second"]).subs({name: rational(known)}), axis)
        inner, irrational = rational_roots(difference, start, end)
        points = [start, *inner, end]
        for a, b in itertools.pairwise(points):
            cut = any(a < root < b for root in irrational)
            sign = UNSETTLED if cut else _sign(fraction(difference(rational((a + b) / 2))))
            yield Part(sign=sign, **welfare, low=at(a), high=at(b),
                       **common)  # fmt: skip


def rational_roots(polynomial: Any, low: Fraction, high: Fraction) -> tuple[list[Fraction], list[Fraction]]:
    """Roots strictly inside (low, high): the rational ones exactly, a point near each of the others."""
    exactly: set[Fraction] = set()
    near: list[Fraction] = []
    if int(polynomial.degree()) < 1:
        return [], []
    for factor, _ in polynomial.factor()[1]:
        if int(factor.degree()) == 1:
            root = fraction(-factor[0] / factor[1])
            if low < root < high:
                exactly.add(root)
        elif _roots_between(factor, low, high):
            near += _locate(factor, low, high)
    return sorted(exactly), sorted(near)


def _roots_between(factor: Any, low: Fraction, high: Fraction) -> int:
    """How many different roots lie in (low, high], by Sturm's theorem; the factor has none at a rational point."""
    chain = [factor, factor.derivative()]
    while int(chain[-1].degree()) > 0:
        remainder = -(chain[-2] % chain[-1])
        if remainder.is_zero():
            break
        chain.append(remainder)

    def changes(at: Fraction) -> int:
        signs = [s for s in (_sign(fraction(fmpq(p(rational(at))))) for p in chain) if s]
        return sum(a != b for a, b in itertools.pairwise(signs))

    return changes(low) - changes(high)


def _locate(factor: Any, low: Fraction, high: Fraction) -> list[Fraction]:
    """A rational point within 2**-60 of each root in (low, high)."""
    waiting, found = [(low, high)], []
    while waiting:
        a, b = waiting.pop()
        count = _roots_between(factor, a, b)
        if not count:
            continue
        if count == 1 and b - a < Fraction(1, 2**60):
            found.append((a + b) / 2)
            continue
        middle = (a + b) / 2
        waiting += [(a, middle), (middle, b)]
    return found


def beyond(function: ValueFunction, low: Fraction, high: Fraction, limit: Fraction | int, side: int) -> bool:
    """Whether some value on [low, high] is above a limit (side 1) or below it (side -1), exactly.

    For a callable: whether it is so at one of a thousand times, by more than its error.
    """
    if function.error:
        over = side * (function.floats(np.linspace(float(low), float(high), 1000)) - float(limit))
        return bool((over > function.error).any())
    if side * (function.at(high) - limit) > 0:
        return True
    for start, end, coefficients in function.pieces(low, high):
        gap = side * (fmpq_poly([rational(c) for c in coefficients]) - rational(limit))
        inner, near = rational_roots(gap, start, end)
        cuts = [start, *sorted([*inner, *near]), end]
        if any(fraction(gap(rational(at))) > 0 for at in (start, *((a + b) / 2 for a, b in itertools.pairwise(cuts)))):
            return True
    return False


def _sign(number: Fraction) -> int:
    return (number > 0) - (number < 0)


def every(
    pairs: Sequence[tuple[ValueFunction, ValueFunction, Fraction]], times: tuple[Times, Times]
) -> list[tuple[Fraction, ValueFunction, ValueFunction, list[Part]]]:
    """The parts of every pair of value functions that the manager thinks possible, with the pair's probability."""
    return [(weight, one, two, list(parts(one, two, times))) for one, two, weight in pairs]
