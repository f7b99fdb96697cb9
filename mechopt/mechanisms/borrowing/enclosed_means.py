"""Proven bounds of E[E[W* | one agent's type]^2] where orders change along curves: what the least variance is made of.

The mean over the other's type is, between the times at which anything of it changes, an analytic function of the own
time; its square times the density is integrated in ball arithmetic. E[W* | type] is the same function for both agents
with their names exchanged, so the own time is always taken as the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from flint import acb, acb_poly, arb, ctx

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.branches import balls, branches, coefficients
from mechopt.mechanisms.borrowing.enclosure import (
    BITS,
    LOOSE,
    WIDTHS,
    Integrand,
    across,
    bernstein,
    integral,
    largest,
    order_at,
)
from mechopt.mechanisms.borrowing.planes import PLANE, SECOND, fraction, rational
from mechopt.mechanisms.borrowing.quadrature import strips
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part, parts, rational_roots
from mechopt.mechanisms.borrowing.times import Piece, Times

if TYPE_CHECKING:
    from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the mean E[W* | own time] between two own times.

    Attributes:
        left: own time at which it begins.
        right: own time at which it ends.
        mean: of a ball of own times.
        size: a bound of what it adds to the mean.
    """

    left: Fraction
    right: Fraction
    mean: Integrand
    size: Fraction


def second_moment(expectations: Expectations, axis: int) -> Estimate | None:
    """E[E[W* | that agent's type]^2] with a proven error; None where it stays too wide.

    Args:
        expectations: all densities polynomials.
        axis: 0 for agent 1.
    """
    from mechopt.mechanisms.borrowing.expectations import Estimate

    agent = expectations.environment.agents[axis]
    total = Estimate(value=Fraction(0))
    before = ctx.prec
    ctx.prec = BITS
    try:
        for name, probability in agent.beliefs:
            if not probability:
                continue
            function = expectations.environment.values[name]
            for time, mass in agent.times.atoms:
                mean = expectations.given(axis, function, time)
                total = total + (mean * mean).times(probability * mass)
            for piece in agent.times.pieces:
                ball = _piece(expectations, axis, name, piece)
                if ball is None:
                    return None
                value = float(ball.mid())
                error = float(ball.rad()) * (1 + 1e-12) + 2.0**-52 * abs(value)
                total = total + Estimate(value=value, error=error).times(probability)
    finally:
        ctx.prec = before
    return total


def _piece(expectations: Expectations, axis: int, name: str, piece: Piece) -> Any:
    """The integral of the squared mean over one density piece of the own time; None where it stays too wide."""
    density = acb_poly([acb(rational(c)) for c in piece.density or ()])
    highest = bernstein({(power,): Fraction(c) for power, c in enumerate(piece.density or ())})
    shares = list(_shares(expectations, axis, name, piece))
    for width in WIDTHS:
        size = sum((share.size for share in shares), Fraction(0))
        most = size**2 * highest
        cuts = sorted({piece.low, piece.high, *(end for share in shares for end in (share.left, share.right))})
        total, slack = arb(0), Fraction(0)
        for left, right in pairwise(cuts):
            a, b = left + width, right - width
            slack += min(right - left, 2 * width)
            if b > a:
                here = [share.mean for share in shares if share.left <= left and share.right >= right]
                total += integral(_squared(here, density), a, b)
        ball = total + arb(0, float(slack * most) * (1 + 1e-12))
        if ball.is_finite() and float(ball.rad()) <= LOOSE * float(size**2):
            return ball
    return None


def _squared(means: list[Integrand], density: Any) -> Integrand:
    def integrand(x: Any, analytic: bool) -> Any:
        mean = acb(0)
        for share in means:
            mean += share(x, analytic)
        return mean * mean * density(x)

    return integrand


def _shares(expectations: Expectations, axis: int, name: str, piece: Piece) -> Iterator[Share]:
    """The mean's parts: one for every value function of the other, and every part of its times."""
    values, other = expectations.environment.values, expectations.environment.agents[1 - axis]
    known = Times(pieces=(replace(piece, density=(Fraction(1),)),))
    for its, probability in other.beliefs:
        if not probability:
            continue
        for part in parts(values[name], values[its], (known, other.times)):
            yield from (_area(part, probability) if part.polygon else _line(part, probability))


def _best(part: Part) -> dict[int, Any]:
    signs = (1, -1) if part.sign == UNSETTLED else (part.sign,)
    return {sign: replace(part, sign=sign).best for sign in signs}


def _line(part: Part, probability: Fraction) -> Iterator[Share]:
    """The other's time is an atom."""
    at = {PLANE.names()[1]: rational(part.low[1])}
    difference = planes.univariate((part.first - part.second).subs(at), 0)
    _, near = rational_roots(difference, part.low[0], part.high[0]) if part.sign == UNSETTLED else ([], [])
    mass = probability * part.density[1]
    for left, right in pairwise([part.low[0], *near, part.high[0]]):
        sign = part.sign
        if sign == UNSETTLED:
            sign = 1 if fraction(difference(rational((left + right) / 2))) > 0 else -1
        line = rational(mass) * planes.univariate(replace(part, sign=sign).best.subs(at), 0)
        mean = acb_poly([acb(c) for c in line.coeffs()] or [acb(0)])
        size = bernstein({(power,): fraction(c) for power, c in enumerate(line.coeffs())})
        yield Share(left=left, right=right, mean=_plain(mean), size=size)


def _plain(polynomial: Any) -> Integrand:
    return lambda x, analytic: polynomial(x)


def _area(part: Part, probability: Fraction) -> Iterator[Share]:
    """The other's time has a density."""
    weight = planes.substitute([probability * fraction(c) for c in part.density[1].coeffs()], SECOND)
    weighted = {sign: best * weight for sign, best in _best(part).items()}
    inner = {sign: balls(coefficients(p.integral(1))) for sign, p in weighted.items()}
    difference = part.first - part.second
    known = branches(difference)
    size = largest(weighted.values())
    for left, right, lower, upper in strips(part):
        pieces: Any = [(("line", lower), ("line", upper), part.sign)]
        if part.sign == UNSETTLED:
            pieces = order_at(difference, known, (left + right) / 2, lower, upper)
        mean = _nowhere if pieces is None else across(inner, known, pieces)
        yield Share(left=left, right=right, mean=mean, size=size)


def _nowhere(x: Any, analytic: bool) -> Any:
    return acb(arb("nan"))
