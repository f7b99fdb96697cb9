"""The times of agent 2 at which both orders are worth the same, as analytic functions of agent 1's, in ball arithmetic.

Between the times at which roots meet, come or go the real roots of the difference keep their number and their order,
so that the k-th of them is one analytic function. A ball of it is proven by Newton's interval method: where the Newton
step maps a ball into its inside, there is one root in it for every time that the ball of agent 1's times holds.
Source: Krawczyk 1969; Moore, Kearfott and Cloud, Introduction to Interval Analysis, 2009, Chapter 8.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flint import acb, acb_poly, arb, fmpq, fmpq_poly

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.planes import PLANE

NOT_FINITE = acb(arb("nan"), arb("nan"))
STEPS = 3  # of Newton that tighten a proven ball
KEPT = 40_000  # balls and lists of roots that are remembered, of each difference


def coefficients(polynomial: Any) -> list[Any]:
    """The coefficients of the powers of the second time, as exact polynomials of the first."""
    top = max(0, int(polynomial.degrees()[1])) if not polynomial.is_zero() else 0
    rows: list[dict[tuple[int, int], Any]] = [{} for _ in range(top + 1)]
    for (p, q), c in polynomial.to_dict().items():
        rows[int(q)][int(p), 0] = c
    return [planes.univariate(PLANE.from_dict(row), 0) for row in rows]


def balls(rows: list[Any]) -> list[Any]:
    """The same as polynomials with balls for coefficients."""
    return [acb_poly([acb(c) for c in row.coeffs()]) for row in rows]


def value(rows: list[Any], x: Any, y: Any) -> Any:
    """A polynomial of both times, given by `balls`, at two balls."""
    return acb_poly([row(x) for row in rows])(y)


def branches(difference: Any) -> Branches:
    """The branches of a difference, kept for the next integral over the same part."""
    return _branches(tuple(sorted((*powers, int(c.p), int(c.q)) for powers, c in difference.to_dict().items())))


@lru_cache(maxsize=64)
def _branches(terms: tuple[tuple[int, ...], ...]) -> Branches:
    return Branches(PLANE.from_dict({(p, q): fmpq(top, bottom) for p, q, top, bottom in terms}))


class Branches:
    """The real roots in the second time of the difference of both orders, lowest first.

    Args:
        difference: a polynomial of both times.
    """

    def __init__(self, difference: Any) -> None:
        free = PLANE.constant(1)
        for factor, _ in difference.factor_squarefree()[1]:
            free = free * factor
        self.rows = coefficients(free)
        self._values = balls(self.rows)
        self._drifts = balls([row.derivative() for row in self.rows])
        self._slopes = balls([k * row for k, row in enumerate(self.rows)][1:])
        self.degree = len(self.rows) - 1
        self._kept: dict[Any, list[Any]] = {}
        self._balls: dict[Any, Any] = {}

    def roots(self, x: Any) -> list[Any]:
        """Balls of the real roots at a rational first time, lowest first; they do not overlap."""
        key = (int(x.p), int(x.q))
        if key not in self._kept:
            if len(self._kept) > KEPT:
                self._kept.clear()
            found = fmpq_poly([row(x) for row in self.rows])
            self._kept[key] = sorted(_real(found), key=lambda ball: ball.mid())
        return self._kept[key]

    def root(self, number: int, x: Any, *, analytic: bool = False) -> Any:
        """A proven ball of the root of a number for every first time in a ball; not finite where none is proven.

        Args:
            number: counted from the lowest.
            x: a complex ball whose real part lies between neighbouring critical times.
            analytic: whether the root must be analytic on the ball.
        """
        if self.degree <= 2:
            return self._explicit(number, x, analytic)
        # Integrals of other polynomials over the same part ask at the same balls again.
        key = (number, *(part.man_exp() for end in (x.real, x.imag) for part in (end.mid(), end.rad())))
        if key not in self._balls:
            if len(self._balls) > KEPT:
                self._balls.clear()
            self._balls[key] = self._newton(number, x)
        return self._balls[key]

    def _explicit(self, number: int, x: Any, analytic: bool) -> Any:
        """Of degree two at most: by the form that does not divide by nothing."""
        rows = [row(x) for row in self._values]
        if self.degree == 1:
            return -rows[0] / rows[1]
        c, b, a = rows
        rises = self.rows[2](x.real.mid().fmpq()) > 0  # then the lowest root takes the minus sign
        branch = 1 if (number == 1) == rises else -1
        root = (b * b - 4 * a * c).sqrt(analytic=analytic)
        direct = (-b + branch * root) / (2 * a)
        other = 2 * c / (-b - branch * root)
        if not direct.is_finite() or (other.is_finite() and other.real.rad() < direct.real.rad()):
            return other
        return direct

    def _newton(self, number: int, x: Any) -> Any:
        middle = x.real.mid()
        known = self.roots(middle.fmpq())
        if number >= len(known):
            return NOT_FINITE
        start = acb(known[number].mid())
        around = x if x.imag.contains(0) else x.union(acb(middle))
        # The value at the start by its mean value form: what it is in the middle, and how it moves from there.
        drift = value(self._drifts, around, start) * (around - acb(middle))
        height = value(self._values, acb(middle), start) + drift
        slopes = acb_poly([row(around) for row in self._slopes])
        slope = slopes(start)
        if not (height.is_finite() and slope.is_finite()) or slope.contains(0):
            return NOT_FINITE
        reach = (height / slope).abs_upper() * 2 + known[number].rad()
        ball = start + acb(arb(0, reach), arb(0, reach))
        for step in range(STEPS):
            narrower = start - height / slopes(ball)
            if not narrower.is_finite() or (step == 0 and not ball.contains_interior(narrower)):
                return NOT_FINITE
            if step and not narrower.rad() < ball.rad():
                break
            ball = narrower
        return ball


def _real(polynomial: Any) -> list[Any]:
    if int(polynomial.degree()) < 1:
        return []
    return [root.real for root, _ in polynomial.complex_roots() if root.imag.is_zero()]
