"""Value functions: what using the resource at a time is worth, as exact piecewise polynomials.

Source: zheng2023, Section 3 (v_i maps [0, 2] to [-1, 1]; with n agents the domain reaches to the last completion).
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import InstanceError

Coefficients = tuple[Fraction, ...]
NEAR = 1e-12  # relative: sums of floats this near to a break, a tie or zero are taken to be there
CHEBYSHEV = 24  # degree of a callable's pieces: an analytic function on one piece is met to rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFunction:
    """v_i: willingness to pay for having the resource at a time, a polynomial on each piece.

    Attributes:
        name: in documents and reports.
        breaks: where pieces meet, increasing; the piece to the right holds AT a break (pieces are left-closed).
        polynomials: coefficients of each piece in the time itself, constant first; one more than breaks.
        low: the domain begins here; None where it has no beginning.
        high: the domain ends here; None where it has no end.
        error: largest difference from a callable that this stands for; 0 where it is exact.
    """

    name: str
    breaks: tuple[Fraction, ...]
    polynomials: tuple[Coefficients, ...]
    low: Fraction | None = None
    high: Fraction | None = None
    error: float = 0.0

    def at(self, time: int | Fraction) -> Fraction:
        """The exact value at a time.

        Raises:
            InstanceError: the time is outside the domain.
        """
        self.need(time, time)
        return evaluate(self.polynomials[bisect_right(self.breaks, time)], time)

    def need(self, low: int | Fraction, high: int | Fraction) -> None:
        """Refuse a function whose domain does not cover [low, high].

        Raises:
            InstanceError: names the function, its domain and the time needed.
        """
        for time, outside in (
            (low, self.low is not None and low < self.low),
            (high, self.high is not None and high > self.high),
        ):
            if outside:
                known = f"[{show(self.low)}, {show(self.high)}]"
                raise InstanceError(
                    f"is known on {known} only; its value at time {show(time)} is needed", key=f"values.{self.name}"
                )

    def floats(self, times: ArrayLike) -> NDArray[np.float64]:
        """Values at many times in floats; at a break, or short of it by rounding, the piece to its right.

        0.1 + 0.7 is a little less than 0.8 in floats, and has still reached a deadline there.
        """
        at = np.asarray(times, dtype=np.float64)
        starts = np.array([float(b) for b in self.breaks])
        piece = np.searchsorted(starts - NEAR * np.maximum(1.0, np.abs(starts)), at, side="right")
        longest = max(len(polynomial) for polynomial in self.polynomials)
        table = np.zeros((len(self.polynomials), longest))
        for row, polynomial in enumerate(self.polynomials):
            table[row, : len(polynomial)] = [float(c) for c in polynomial]
        result = np.zeros(at.shape)
        for power in range(longest - 1, -1, -1):
            result = result * at + table[piece, power]
        return result

    @property
    def affine(self) -> tuple[Fraction, Fraction] | None:
        """(a, b) where the value is a - b t throughout, else None."""
        if len(self.polynomials) != 1 or len(self.polynomials[0]) > 2:
            return None
        constant, slope = (*self.polynomials[0], Fraction(0), Fraction(0))[:2]
        return constant, -slope

    @property
    def piecewise_linear(self) -> bool:
        """Whether no piece bends."""
        return all(len(polynomial) <= 2 for polynomial in self.polynomials)

    def nonincreasing(self, low: Fraction, high: Fraction) -> bool | None:
        """Whether later is never better on [low, high]; None where that takes more than a look at each piece."""
        answer: bool | None = True
        for start, end, polynomial in self.pieces(low, high):
            slopes = bernstein(derivative(polynomial), start, end)
            if all(slope <= 0 for slope in slopes):
                continue
            if evaluate(polynomial, end) > evaluate(polynomial, start) or all(slope > 0 for slope in slopes):
                return False
            answer = None
        for place, point in enumerate(self.breaks):
            inside = low < point <= high
            if inside and evaluate(self.polynomials[place + 1], point) > evaluate(self.polynomials[place], point):
                return False
        return answer

    def pieces(self, low: Fraction, high: Fraction) -> list[tuple[Fraction, Fraction, Coefficients]]:
        """(start, end, polynomial) of the pieces that meet [low, high], cut to it."""
        ends = [low, *(point for point in self.breaks if low < point < high), high]
        return [
            (start, end, self.polynomials[bisect_right(self.breaks, start)]) for start, end in itertools.pairwise(ends)
        ]

    def bounds(self, low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
        """Proven lower and upper bounds of the values on [low, high] (attained for piecewise linear functions)."""
        found = [value for start, end, p in self.pieces(low, high) for value in bernstein(p, start, end)]
        found.append(self.at(high))
        return min(found), max(found)


def polynomial(name: str, coefficients: Sequence[Any]) -> ValueFunction:
    """The value function of one polynomial, constant first."""
    if not coefficients:
        raise InstanceError("at least one coefficient is needed", key=f"values.{name}.coefficients")
    return ValueFunction(name=name, breaks=(), polynomials=(trim(coefficients),))


def points(name: str, pairs: Sequence[tuple[Fraction, Fraction]]) -> ValueFunction:
    """The piecewise linear value function through (time, value) pairs.

    Raises:
        InstanceError: fewer than two points, or their times do not increase.
    """
    key = f"values.{name}.points"
    if len(pairs) < 2:
        raise InstanceError("at least two points are needed", key=key)
    lines = []
    for place, ((t0, v0), (t1, v1)) in enumerate(itertools.pairwise(pairs), 1):
        if t1 <= t0:
            raise InstanceError(f"times must increase; {show(t1)} follows {show(t0)} (point {place + 1})", key=key)
        slope = Fraction(v1 - v0) / Fraction(t1 - t0)
        lines.append(trim((v0 - slope * t0, slope)))
    return ValueFunction(
        name=name, breaks=tuple(Fraction(t) for t, _ in pairs[1:-1]), polynomials=tuple(lines),
        low=Fraction(pairs[0][0]), high=Fraction(pairs[-1][0]),
    )  # fmt: skip


def pieces(name: str, breaks: Sequence[Fraction], polynomials: Sequence[Sequence[Any]]) -> ValueFunction:
    """Left-closed pieces: k polynomials with k + 1 ends, k left ends, or the k - 1 places where they meet.

    Raises:
        InstanceError: the pieces overlap (breaks do not increase) or their number does not fit.
    """
    key = f"values.{name}"
    count = len(polynomials)
    if count == 0 or any(not p for p in polynomials):
        raise InstanceError("each piece needs at least one coefficient", key=f"{key}.polynomials")
    if len(breaks) not in (count - 1, count, count + 1):
        raise InstanceError(
            f"{len(breaks)} breaks for {count} pieces; give all {count + 1} ends, the {count} left ends, or the "
            f"{count - 1} places where pieces meet", key=f"{key}.breaks",
        )  # fmt: skip
    for before, after in itertools.pairwise(breaks):
        if after <= before:
            raise InstanceError(
                f"pieces overlap: {show(after)} follows {show(before)}; breaks must increase", key=f"{key}.breaks"
            )
    low = Fraction(breaks[0]) if len(breaks) >= count else None
    high = Fraction(breaks[-1]) if len(breaks) == count + 1 else None
    inner = breaks[(low is not None) : len(breaks) - (high is not None)]
    return ValueFunction(
        name=name, breaks=tuple(Fraction(b) for b in inner), polynomials=tuple(trim(p) for p in polynomials),
        low=low, high=high,
    )  # fmt: skip


def from_callable(
    name: str, function: Callable[[NDArray[np.float64]], ArrayLike], *, breaks: Sequence[Any] = (), high: Any = 2
) -> ValueFunction:
    """A callable as Chebyshev pieces on [0, high], with the largest difference seen as its error.

    Args:
        name: in reports.
        function: of an array of times; smooth between the breaks.
        breaks: inside (0, high), where it jumps or has a kink.
        high: the end of the domain.

    Raises:
        InstanceError: a value is not finite.
    """
    ends = [Fraction(0), *(Fraction(exact.parse(b)) for b in breaks), Fraction(exact.parse(high))]
    fitted, inside = [], []
    for start, end in itertools.pairwise(ends):
        # Inside the piece only: at its ends the neighbour's value may hold.
        cheb = np.polynomial.Chebyshev.interpolate(
            lambda t: np.asarray(function(t), dtype=np.float64), CHEBYSHEV, domain=[float(start), float(end)]
        )
        if not np.isfinite(cheb.coef).all():
            raise InstanceError(f"is not finite everywhere on [{show(start)}, {show(end)}]", key=f"values.{name}")
        fitted.append(_recentred(np.asarray(cheb.coef, dtype=np.float64), start, end))
        inside.append(float(start) + float(end - start) * (np.arange(301) + 0.5) / 301)
    found = ValueFunction(
        name=name, breaks=tuple(ends[1:-1]), polynomials=tuple(fitted), low=ends[0], high=ends[-1]
    )  # fmt: skip
    # In floats, as expectations use it: powers of the time cancel, and that is part of the error.
    at = np.concatenate(inside)
    worst = float(np.abs(np.asarray(function(at), dtype=np.float64) - found.floats(at)).max())
    return replace(found, error=2 * worst + 1e-15)


def _recentred(coefficients: NDArray[np.float64], start: Fraction, end: Fraction) -> Coefficients:
    """A Chebyshev series on [start, end] as powers of the time, converted exactly."""
    largest = float(np.abs(coefficients).max()) or 1.0
    while len(coefficients) > 1 and abs(coefficients[-1]) < 1e-16 * largest:
        coefficients = coefficients[:-1]
    scale = 2 / (end - start)
    line = (-(start + end) / (end - start), scale)
    before: Sequence[Fraction] = (Fraction(1),)
    current: Sequence[Fraction] = line
    series = [Fraction(float(c)) for c in coefficients]
    result: Sequence[Fraction] = [series[0]]
    for place, c in enumerate(series[1:], 1):
        result = add(result, [c * term for term in current])
        if place < len(series) - 1:
            doubled = [2 * term for term in multiply(line, current)]
            before, current = current, add(doubled, [-term for term in before])
    return trim(result)


def trim(coefficients: Sequence[Any]) -> Coefficients:
    """Coefficients as Fractions, without zeros at the end (one is kept)."""
    kept = [Fraction(c) for c in coefficients]
    while len(kept) > 1 and kept[-1] == 0:
        kept.pop()
    return tuple(kept)


def evaluate(coefficients: Sequence[Fraction], at: int | Fraction) -> Fraction:
    """A polynomial's value, by Horner's rule."""
    result = Fraction(0)
    for c in reversed(coefficients):
        result = result * at + c
    return result


def derivative(coefficients: Sequence[Fraction]) -> Coefficients:
    """Coefficients of the derivative."""
    return trim([power * c for power, c in enumerate(coefficients)][1:] or [0])


def add(left: Sequence[Fraction], right: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the sum."""
    size = max(len(left), len(right))
    return [
        (left[k] if k < len(left) else Fraction(0)) + (right[k] if k < len(right) else Fraction(0)) for k in range(size)
    ]


def multiply(left: Sequence[Fraction], right: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the product."""
    result = [Fraction(0)] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            result[i + j] += a * b
    return result


def bernstein(coefficients: Sequence[Fraction], low: Fraction, high: Fraction) -> list[Fraction]:
    """Bernstein coefficients on [low, high]: they enclose the polynomial's values there."""
    from math import comb

    degree = len(coefficients) - 1
    width = high - low
    shifted = list(coefficients)  # Taylor shift to low, by repeated synthetic division
    for done in range(degree):
        for k in range(degree - 1, done - 1, -1):
            shifted[k] += low * shifted[k + 1]
    scaled = [c * width**k for k, c in enumerate(shifted)]
    return [
        sum((Fraction(comb(i, k), comb(degree, k)) * scaled[k] for k in range(i + 1)), Fraction(0))
        for i in range(degree + 1)
    ]


def show(value: Fraction | int | None) -> str:
    """A number for a message; None has no end."""
    return "..." if value is None else exact.show(Fraction(value))
