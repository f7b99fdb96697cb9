"""Proven bounds of expectations on parts that a curve cuts, by rigorous integration in ball arithmetic (Arb).

Between the times at which a root of the difference of both orders enters, leaves, meets another or turns (isolated
exactly), each root is an analytic function of agent 1's time, and so is the integral along agent 2's: Arb encloses its
integral, whatever the degrees. What is left around the isolated points is bounded by its width.
Source: Johansson, Numerical integration in arbitrary-precision ball arithmetic, 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import comb
from typing import Any

from flint import acb, acb_poly, arb, ctx, fmpq

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.branches import Branches, balls, branches, coefficients
from mechopt.mechanisms.borrowing.planes import FIRST, PLANE, SECOND, fraction, rational
from mechopt.mechanisms.borrowing.quadrature import Line, strips
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part, rational_roots
from mechopt.mechanisms.borrowing.times import Piece

BITS = 96
TOLERANCE = 56  # bits that an integral is computed to
EVALUATIONS = 20_000  # of a strip; what has not settled by then is left to quadrature
LOOSE = 1e-8  # an enclosure wider than this share of what the integrand can be is none
WIDTHS = (Fraction(1, 2**54), Fraction(1, 2**32))  # cut away around an isolated point; more than what isolates it

Integrand = Callable[[Any, bool], Any]  # of a ball, and whether it must be analytic there


def enclose(part: Part, polynomial: Callable[[Part], Any]) -> tuple[float, float] | None:
    """(value, error) of the expectation on one part, proven; None where it stays too wide.

    Args:
        part: cut by a curve, or with a density that is no polynomial.
        polynomial: of a part with a sign, as in `Expectations.of`.
    """
    from mechopt.mechanisms.borrowing import enclosed_laws

    rough = any(isinstance(density, Piece) for density in part.density)
    segment, area = (enclosed_laws.segment, enclosed_laws.area) if rough else (_segment, _area)
    signs = (1, -1) if part.sign == UNSETTLED else (part.sign,)
    polynomials = {sign: polynomial(replace(part, sign=sign)) for sign in signs}
    size = largest(polynomials.values())
    before = ctx.prec
    ctx.prec = BITS
    try:
        if not part.polygon:
            ball = segment(part, polynomials)
        else:  # where roots that meet take too many steps to follow, a little more is cut away
            tries = (area(part, polynomials, width) for width in WIDTHS)
            ball = next((found for found in tries if found is not None and found.is_finite()), None)
    finally:
        ctx.prec = before
    if ball is None or not ball.is_finite() or not float(ball.rad()) <= LOOSE * float(size):
        return None
    value = float(ball.mid())
    return value, float(ball.rad()) * (1 + 1e-12) + 2.0**-52 * abs(value)


def _weighted(part: Part, polynomials: dict[int, Any]) -> dict[int, Any]:
    """What is integrated where each agent goes first: the polynomial times both densities."""
    found = {}
    for sign, weighted in polynomials.items():
        for axis, density in enumerate(part.density):
            weighted = weighted * (rational(density) if isinstance(density, Fraction) else planes.substitute(
                [fraction(c) for c in density.coeffs()], (FIRST, SECOND)[axis]))  # fmt: skip
        found[sign] = weighted
    return found


def largest(polynomials: Iterable[Any]) -> Fraction:
    """A bound of polynomials' sizes on [0, 1]^2: the largest of their Bernstein coefficients."""
    return max((bernstein({key: fraction(c) for key, c in p.to_dict().items()}) for p in polynomials),
               default=Fraction(0))  # fmt: skip


def bernstein(terms: dict[tuple[int, ...], Fraction]) -> Fraction:
    """The largest size of a polynomial's Bernstein coefficients on the unit cube, which bounds it there.

    Args:
        terms: coefficients by exponents. Their sizes added up are a bound too, but a far wider one where they cancel.
    """
    for axis in range(len(next(iter(terms), ()))):
        degree = max(key[axis] for key in terms)
        moved: dict[tuple[int, ...], Fraction] = {}
        for key, value in terms.items():
            share = value / comb(degree, key[axis])
            for place in range(key[axis], degree + 1):
                found = (*key[:axis], place, *key[axis + 1 :])
                moved[found] = moved.get(found, Fraction(0)) + comb(place, key[axis]) * share
        terms = moved
    return max(map(abs, terms.values()), default=Fraction(0))


def _segment(part: Part, polynomials: dict[int, Any]) -> Any:
    """One time is an atom: exact integrals between points within 2^-60 of the irrational roots."""
    axis = 0 if part.low[0] != part.high[0] else 1
    name = PLANE.names()[1 - axis]
    fixed = {name: rational(part.low[1 - axis])}
    difference = planes.univariate((part.first - part.second).subs(fixed), axis)
    _, near = rational_roots(difference, part.low[axis], part.high[axis])
    weighted = _weighted(part, polynomials)
    total = fmpq(0)
    for a, b in pairwise([part.low[axis], *near, part.high[axis]]):
        sign = 1 if fraction(difference(rational((a + b) / 2))) > 0 else -1
        inner = planes.univariate(weighted[sign].subs(fixed), axis).integral()
        total += inner(rational(b)) - inner(rational(a))
    slack = 2 * len(near) * WIDTHS[0] * largest(weighted.values())
    return arb(total) + arb(0, float(slack))


def _area(part: Part, polynomials: dict[int, Any], width: Fraction) -> Any:
    difference = part.first - part.second
    known = branches(difference)
    weighted = _weighted(part, polynomials)
    inner = {sign: balls(coefficients(p.integral(1))) for sign, p in weighted.items()}
    total = arb(0)
    slack = Fraction(0)
    for left, right, lower, upper in strips(part):
        a, b = left + width, right - width
        slack += 2 * width
        if b <= a:
            slack += right - left
            continue
        pieces = order_at(difference, known, (a + b) / 2, lower, upper)
        if pieces is None:
            return None
        total += integral(across(inner, known, pieces), a, b)
    return total + arb(0, float(slack * largest(weighted.values())) * (1 + 1e-12))


Edge = tuple[str, Any]  # ("line", (a, b)) or ("root", number)


def order_at(difference: Any, known: Branches, middle: Fraction, lower: Line, upper: Line) -> Any:
    """[(edge below, edge above, sign)] of a strip, decided at its middle; None where balls cannot tell."""
    low, high = (line[0] + line[1] * middle for line in (lower, upper))
    edges: list[Edge] = [("line", lower)]
    heights = [low]
    for number, ball in enumerate(known.roots(rational(middle))):
        if ball > arb(rational(low)) and ball < arb(rational(high)):
            edges.append(("root", number))
            heights.append(fraction(ball.mid().fmpq()))
        elif ball.overlaps(arb(rational(low))) or ball.overlaps(arb(rational(high))):
            return None
    edges.append(("line", upper))
    heights.append(high)
    found = []
    for (below, above), (bottom, top) in zip(pairwise(edges), pairwise(heights), strict=True):
        value = planes.value(difference, (middle, (bottom + top) / 2))
        if value == 0:
            return None
        found.append((below, above, 1 if value > 0 else -1))
    return found


def across(inner: dict[int, Any], known: Branches, pieces: Any) -> Integrand:
    """The integral along the second time, as a function of a ball of the first: differences of antiderivatives.

    Args:
        inner: the antiderivative in the second time where each agent goes first, as `balls` gives it.
        known: the roots of the difference of both orders.
        pieces: as `order_at` gives them.
    """
    # Neighbouring pieces share an edge: collect what is evaluated at each.
    used: dict[Edge, list[tuple[int, int]]] = {}
    for below, above, sign in pieces:
        used.setdefault(above, []).append((1, sign))
        used.setdefault(below, []).append((-1, sign))

    def integrand(x: Any, analytic: bool) -> Any:
        total = acb(0)
        lines = {sign: acb_poly([row(x) for row in rows]) for sign, rows in inner.items()}
        for (kind, given), uses in used.items():
            y = (
                known.root(given, x, analytic=analytic)
                if kind == "root"
                else acb(rational(given[0])) + acb(rational(given[1])) * x
            )
            for factor, sign in uses:
                total += factor * lines[sign](y)
        return total

    return integrand


def integral(integrand: Integrand, a: Fraction, b: Fraction) -> Any:
    """Arb's enclosure of an integral; not finite where it has not settled."""
    tiny = arb(2) ** -TOLERANCE
    return acb.integral(
        integrand, acb(rational(a)), acb(rational(b)), rel_tol=tiny, abs_tol=tiny, eval_limit=EVALUATIONS
    ).real
