"""Proven bounds of expectations on parts that a curve cuts, by rigorous integration in ball arithmetic (Arb).

Where the difference of both orders has degree two at most in one time, its roots are explicit: between the times at
which a root enters, leaves or turns (isolated exactly), the integral along that time is an analytic function of the
other, and Arb encloses its integral. What is left around the isolated points is bounded by its width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import acb, arb, ctx, fmpq

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.planes import FIRST, PLANE, SECOND, fraction, rational
from mechopt.mechanisms.borrowing.quadrature import Line, strips
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part, rational_roots

BITS = 96
TOLERANCE = 56  # bits that an integral is computed to
EVALUATIONS = 3000  # of a strip; what has not settled by then is left to quadrature
LOOSE = 1e-8  # an enclosure wider than this is none
WIDTH = Fraction(1, 2**58)  # of what is cut away around an isolated point; twice what isolates it


def enclose(part: Part, polynomial: Callable[[Part], Any]) -> tuple[float, float] | None:
    """(value, error) of the expectation on one unsettled part; None where roots are not explicit, or it stays too wide.

    Args:
        part: cut by a curve, with polynomial densities.
        polynomial: of a part with a sign, as in `Expectations.of`.
    """
    if part.sign != UNSETTLED or any(not (isinstance(d, Fraction) or hasattr(d, "coeffs")) for d in part.density):
        return None
    before = ctx.prec
    ctx.prec = BITS
    try:
        ball = _area(part, polynomial) if part.polygon else _segment(part, polynomial)
    finally:
        ctx.prec = before
    if ball is None or not ball.is_finite() or not float(ball.rad()) <= LOOSE:
        return None
    value = float(ball.mid())
    return value, float(ball.rad()) * (1 + 1e-12) + 2.0**-52 * abs(value)


def _weighted(part: Part, polynomial: Callable[[Part], Any]) -> dict[int, Any]:
    """What is integrated where each agent goes first: the polynomial times both densities."""
    found = {}
    for sign in (1, -1):
        weighted = polynomial(replace(part, sign=sign))
        for axis, density in enumerate(part.density):
            weighted = weighted * (rational(density) if isinstance(density, Fraction) else planes.substitute(
                [fraction(c) for c in density.coeffs()], (FIRST, SECOND)[axis]))  # fmt: skip
        found[sign] = weighted
    return found


def _largest(polynomials: dict[int, Any], part: Part) -> Any:
    """A bound of the integrands' size on the part's square [0, 1]^2: the sum of their coefficients' sizes."""
    return max(sum((abs(fraction(c)) for c in p.coeffs()), Fraction(0)) for p in polynomials.values())


def _segment(part: Part, polynomial: Callable[[Part], Any]) -> Any:
    """One time is an atom: exact integrals between points within 2^-60 of the irrational roots."""
    axis = 0 if part.low[0] != part.high[0] else 1
    name = PLANE.names()[1 - axis]
    fixed = {name: rational(part.low[1 - axis])}
    difference = planes.univariate((part.first - part.second).subs(fixed), axis)
    _, near = rational_roots(difference, part.low[axis], part.high[axis])
    weighted = _weighted(part, polynomial)
    total = fmpq(0)
    for a, b in pairwise([part.low[axis], *near, part.high[axis]]):
        sign = 1 if fraction(difference(rational((a + b) / 2))) > 0 else -1
        inner = planes.univariate(weighted[sign].subs(fixed), axis).integral()
        total += inner(rational(b)) - inner(rational(a))
    slack = 2 * len(near) * WIDTH * _largest(weighted, part)
    return arb(total) + arb(0, float(slack))


def _area(part: Part, polynomial: Callable[[Part], Any]) -> Any:
    difference = part.first - part.second
    degree = int(difference.degrees()[1])
    if not 1 <= degree <= 2:
        return None
    weighted = _weighted(part, polynomial)
    inner = {sign: p.integral(1) for sign, p in weighted.items()}
    rows = [_coefficient(difference, power) for power in range(3)]
    total = arb(0)
    slack = Fraction(0)
    for left, right, lower, upper in strips(part):
        a, b = left + WIDTH, right - WIDTH
        slack += 2 * WIDTH
        if b <= a:
            slack += right - left
            continue
        pieces = _pieces(difference, rows, (a + b) / 2, lower, upper)
        if pieces is None:
            return None
        total += _integral(inner, rows, pieces, a, b)
    return total + arb(0, float(slack * _largest(weighted, part)) * (1 + 1e-12))


def _coefficient(difference: Any, power: int) -> Any:
    """The coefficient of a power of the second time, a polynomial of the first."""
    return planes.univariate(
        PLANE.from_dict({(int(p), 0): c for (p, q), c in difference.to_dict().items() if int(q) == power}), 0
    )


Edge = tuple[str, Any]  # ("line", (a, b)) or ("root", +1 or -1)


def _pieces(difference: Any, rows: list[Any], middle: Fraction, lower: Line, upper: Line) -> Any:
    """[(edge below, edge above, sign)] of a strip, decided at its middle; None where balls cannot tell."""
    low, high = (line[0] + line[1] * middle for line in (lower, upper))
    inside: list[tuple[Any, Edge]] = []
    for branch in (1, -1):
        ball = _root(rows, acb(rational(middle)), branch, False)
        if ball is None:
            continue
        if not ball.is_finite():
            return None
        if not ball.imag.contains(0):
            continue
        if ball.real > arb(rational(low)) and ball.real < arb(rational(high)):
            inside.append((ball.real, ("root", branch)))
        elif ball.real.overlaps(arb(rational(low))) or ball.real.overlaps(arb(rational(high))):
            return None
    inside.sort(key=lambda found: float(found[0].mid()))
    edges: list[Edge] = [("line", lower), *(edge for _, edge in inside), ("line", upper)]
    heights = [low, *(Fraction(float(ball.mid())) for ball, _ in inside), high]
    found = []
    for (below, above), (bottom, top) in zip(pairwise(edges), pairwise(heights), strict=True):
        value = planes.value(difference, (middle, (bottom + top) / 2))
        if value == 0:
            return None
        found.append((below, above, 1 if value > 0 else -1))
    return found


def _root(rows: list[Any], x: Any, branch: int, analytic: bool) -> Any:
    """A root of the difference in the second time at a first time, by the form that does not divide by nothing."""
    c, b, a = (_at(row, x) for row in rows)
    if rows[2].is_zero():
        return -c / b if branch > 0 else None
    root = (b * b - 4 * a * c).sqrt(analytic=analytic)
    direct = (-b + branch * root) / (2 * a)
    other = 2 * c / (-b - branch * root)
    if not direct.is_finite() or (other.is_finite() and other.real.rad() < direct.real.rad()):
        return other
    return direct


def _at(polynomial: Any, x: Any) -> Any:
    result = acb(0)
    for c in reversed(polynomial.coeffs()):
        result = result * x + acb(c)
    return result


def _integral(inner: dict[int, Any], rows: list[Any], pieces: Any, a: Fraction, b: Fraction) -> Any:
    """Arb's enclosure of the integral over one strip of the antiderivative's differences."""
    terms = {sign: _by_power(p) for sign, p in inner.items()}
    # Neighbouring pieces share an edge: collect what is evaluated at each.
    at: dict[Edge, list[tuple[int, int]]] = {}
    for below, above, sign in pieces:
        at.setdefault(above, []).append((1, sign))
        at.setdefault(below, []).append((-1, sign))

    def integrand(x: Any, analytic: bool) -> Any:
        total = acb(0)
        coefficients = {sign: [_at(p, x) for p in powers] for sign, powers in terms.items()}
        for (kind, given), uses in at.items():
            y = (
                _root(rows, x, given, analytic)
                if kind == "root"
                else acb(rational(given[0])) + acb(rational(given[1])) * x
            )
            for factor, sign in uses:
                value = acb(0)
                for c in reversed(coefficients[sign]):
                    value = value * y + c
                total += factor * value
        return total

    tiny = arb(2) ** -TOLERANCE
    return acb.integral(
        integrand, acb(rational(a)), acb(rational(b)), rel_tol=tiny, abs_tol=tiny, eval_limit=EVALUATIONS
    ).real


def _by_power(polynomial: Any) -> list[Any]:
    """Coefficients of the powers of the second time, polynomials of the first."""
    top = max(0, int(polynomial.degrees()[1])) if not polynomial.is_zero() else 0
    return [_coefficient(polynomial, power) for power in range(top + 1)]
