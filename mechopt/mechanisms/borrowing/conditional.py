"""Expected welfare given one agent's type, as a piecewise polynomial of that agent's time, and its second moment."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq_poly
from numpy.typing import NDArray

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.planes import ALONG, LINE, fraction, rational
from mechopt.mechanisms.borrowing.regions import Part
from mechopt.mechanisms.borrowing.times import Piece, Times
from mechopt.mechanisms.borrowing.values import ValueFunction

if TYPE_CHECKING:
    from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations

PANELS, NODES = (16, 32), 12
INNER = 20  # Gauss nodes between two cuts

Floats = NDArray[np.float64]


def second_moment(expectations: Expectations, axis: int) -> Fraction:
    """E[E[W* | type of one agent]^2], exactly; axis 0 is agent 1.

    Needs every part settled and every density a polynomial.
    """
    total = Fraction(0)
    for name, probability in expectations.environment.agents[axis].beliefs:
        if not probability:
            continue
        atoms, pieces = mean_polynomials(expectations, axis, name)
        found = sum((mass * atoms[time] ** 2 for time, mass in expectations.times[axis].atoms), Fraction(0))
        for low, high, mean in pieces:
            inner = (mean * mean * _density(expectations, axis, low, high)).integral()
            found += fraction(inner(rational(high)) - inner(rational(low)))
        total += probability * found
    return total


Pieces = list[tuple[Fraction, Fraction, Any]]


def mean_polynomials(expectations: Expectations, axis: int, name: str) -> tuple[dict[Fraction, Fraction], Pieces]:
    """E[W* | one agent's value function and time], exactly: at the atoms, and as (low, high, polynomial) between.

    Needs every part settled and every density a polynomial.
    """
    others = dict(expectations.environment.agents[1 - axis].beliefs)
    masses = dict(expectations.times[axis].atoms)
    atoms: dict[Fraction, Fraction] = {}
    spread: Pieces = []
    for _, *pair, parts in expectations.pairs:
        if pair[axis].name != name:
            continue
        weight = others[pair[1 - axis].name]
        for part in parts:
            low = part.low[axis]
            if low == part.high[axis]:
                atoms[low] = atoms.get(low, Fraction(0)) + weight * part.integrate(part.best) / masses[low]
            else:
                spread += [(a, b, rational(weight) * polynomial) for a, b, polynomial in _marginal(part, axis)]
    ends = sorted({end for a, b, _ in spread for end in (a, b)})
    merged = [
        (low, high, sum((p for a, b, p in spread if a <= low and high <= b), fmpq_poly([0])))
        for low, high in itertools.pairwise(ends)
    ]
    return atoms, merged


def means_in_floats(expectations: Expectations, axis: int, name: str, own: Floats) -> Floats:
    """E[W* | one agent's value function and time] at many times, from the exact polynomials where there are any."""
    if not expectations.exact:
        return welfare_given(expectations, axis, expectations.environment.values[name], own)
    atoms, pieces = mean_polynomials(expectations, axis, name)
    result = np.zeros(own.shape)
    for low, high, polynomial in pieces:
        inside = (own >= float(low)) & (own <= float(high))
        at = own[inside]
        value = np.zeros(at.shape)
        for c in reversed(polynomial.coeffs()):
            value = value * at + float(fraction(c))
        result[inside] = value
    for time, value_at in atoms.items():
        result[own == float(time)] = float(value_at)
    return result


def _density(expectations: Expectations, axis: int, low: Fraction, high: Fraction) -> Any:
    for piece in expectations.times[axis].pieces:
        if piece.low <= low and high <= piece.high:
            return fmpq_poly([rational(c) for c in piece.density or ()])
    return fmpq_poly([0])


def _marginal(part: Part, axis: int) -> Iterator[tuple[Fraction, Fraction, Any]]:
    """The part's welfare with the other agent's time integrated out: (low, high, polynomial of the own time)."""
    other = 1 - axis
    density = part.density[other]

    def along(polynomial: Any, constant: Fraction, slope: Fraction) -> Any:
        line = rational(constant) + rational(slope) * ALONG
        arguments = (ALONG, line) if axis == 0 else (line, ALONG)
        return planes.univariate_line(polynomial.compose(*arguments, ctx=LINE))

    if not part.polygon:  # the other agent's time is an atom
        yield part.low[axis], part.high[axis], rational(density) * along(part.best, part.low[other], Fraction(0))
        return
    weight = planes.substitute([fraction(c) for c in density.coeffs()], (planes.FIRST, planes.SECOND)[other])
    inner = (part.best * weight).integral(other)
    corners = sorted({corner[axis] for corner in part.polygon})
    for low, high in itertools.pairwise(corners):
        near, far = _edges(part.polygon, axis, (low + high) / 2)
        yield low, high, along(inner, *far) - along(inner, *near)


def _edges(polygon: planes.Polygon, axis: int, at: Fraction) -> tuple[tuple[Fraction, Fraction], ...]:
    """The near and the far edge across the other variable, as (constant, slope) in the own one."""
    found = []
    for start, end in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if min(start[axis], end[axis]) < at < max(start[axis], end[axis]):
            slope = (end[1 - axis] - start[1 - axis]) / (end[axis] - start[axis])
            constant = start[1 - axis] - slope * start[axis]
            found.append((constant + slope * at, (constant, slope)))
    found.sort()
    return found[0][1], found[-1][1]


def second_moment_in_floats(expectations: Expectations, axis: int) -> Estimate:
    """The same by Gauss panels over the own time, with the difference of two refinements as its error."""
    from mechopt.mechanisms.borrowing.expectations import Estimate

    found = [_panels(expectations, axis, panels) for panels in PANELS]
    return Estimate(value=found[1], error=abs(found[1] - found[0]) + 1e-14, proven=False)


def _panels(expectations: Expectations, axis: int, panels: int) -> float:
    agent = expectations.environment.agents[axis]
    at, weight = outer_nodes(agent.times, panels)
    total = 0.0
    for name, probability in agent.beliefs:
        means = welfare_given(expectations, axis, expectations.environment.values[name], at)
        total += float(probability) * float(np.sum(weight * means**2))
    return total


def outer_nodes(times: Times, panels: int) -> tuple[Floats, Floats]:
    """Nodes and weights of a belief about one time: its atoms, and Gauss panels on its densities."""
    found = [(np.array([float(t) for t, _ in times.atoms]), np.array([float(mass) for _, mass in times.atoms]))]
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(0, 1, panels + 1)
    for piece in times.pieces:
        at, slope = settle(piece, (edges[:-1, None] + (nodes + 1) / 2 / panels).ravel())
        found.append((at, np.tile(weights / 2 / panels, panels) * slope * piece.floats(at)))
    return np.concatenate([at for at, _ in found]), np.concatenate([weight for _, weight in found])


def settle(piece: Piece, theta: Floats) -> tuple[Floats, Floats]:
    """Times low + width sin^2(pi theta / 2) and their slope: a density that is singular at its ends becomes tame."""
    low, width = float(piece.low), float(piece.high - piece.low)
    half = np.pi / 2
    return low + width * np.sin(half * theta) ** 2, width * half * np.sin(np.pi * theta)


def welfare_given(expectations: Expectations, axis: int, function: ValueFunction, own: Floats) -> Floats:
    """E[W* | own value function and time] in floats at many own times; the integral is split at breaks and roots."""
    result = np.zeros(own.shape)
    times = expectations.times[1 - axis]
    for name, probability in expectations.environment.agents[1 - axis].beliefs:
        other = expectations.environment.values[name]
        for time, mass in times.atoms:
            result += float(probability * mass) * _best(function, other, own, np.full(own.shape, float(time)))
        for piece in times.pieces:
            result += float(probability) * _line(function, other, own, piece)
    return result


def _difference(function: ValueFunction, other: ValueFunction, own: Floats, its: Floats) -> Floats:
    """Loss of the own agent from being second less the other's."""
    total = own + its
    return function.floats(own) - function.floats(total) - other.floats(its) + other.floats(total)


def _best(function: ValueFunction, other: ValueFunction, own: Floats, its: Floats) -> Floats:
    total = own + its
    return np.maximum(function.floats(own) + other.floats(total), other.floats(its) + function.floats(total))


def _line(function: ValueFunction, other: ValueFunction, own: Floats, piece: Piece) -> Floats:
    at, weight = line_nodes(function, other, own, piece)
    values = _best(function, other, np.broadcast_to(own[:, None], at.shape), at)
    return np.asarray((weight * values).sum(axis=1))


def line_nodes(function: ValueFunction, other: ValueFunction, own: Floats, piece: Piece) -> tuple[Floats, Floats]:
    """Nodes of the other's time and weights, density included, for each own time, shape (own, nodes)."""
    low, high = float(piece.low), float(piece.high)
    fixed = [float(b) for b in other.breaks]
    moving = [float(b) for b in (*function.breaks, *other.breaks)]
    cuts = np.stack([np.full(own.shape, low), np.full(own.shape, high), *(np.full(own.shape, b) for b in fixed),
                     *(b - own for b in moving)], axis=1)  # fmt: skip
    cuts = np.sort(np.clip(cuts, low, high), axis=1)
    cuts = np.sort(np.concatenate([cuts, _crossings(function, other, own, cuts)], axis=1), axis=1)
    if piece.density is None:
        cuts = 2 / np.pi * np.arcsin(np.sqrt(np.clip((cuts - low) / (high - low), 0.0, 1.0)))
    s, w = np.polynomial.legendre.leggauss(INNER)
    widths = np.diff(cuts, axis=1)[:, :, None]
    at = cuts[:, :-1, None] + widths * (s + 1) / 2
    slope: Any = 1.0
    if piece.density is None:
        at, slope = settle(piece, at)
    weight = widths * w / 2 * slope * piece.floats(at)
    return at.reshape(own.size, -1), weight.reshape(own.size, -1)


def _crossings(function: ValueFunction, other: ValueFunction, own: Floats, cuts: Floats) -> Floats:
    """Where both orders are worth the same between neighbouring cuts, from a Chebyshev fit of the right degree."""
    degree = max(len(p) for f in (function, other) for p in f.polynomials) - 1
    if degree < 1:
        return np.empty((own.size, 0))
    points = np.polynomial.chebyshev.chebpts1(degree + 1)
    low, high = cuts[:, :-1, None], cuts[:, 1:, None]
    at = low + (high - low) * (points + 1) / 2
    values = _difference(function, other, np.broadcast_to(own[:, None, None], at.shape), at)
    fit = np.linalg.solve(np.polynomial.chebyshev.chebvander(points, degree), values[..., None])[..., 0]
    if degree <= 2:
        return _quadratic_roots(np.asarray(fit, dtype=np.float64), cuts)
    result = np.repeat(cuts[:, :1], (cuts.shape[1] - 1) * degree, axis=1)
    changing = np.argwhere((fit != 0).sum(axis=2) > 1)
    for row, place in changing.tolist():
        roots = np.polynomial.chebyshev.chebroots(np.trim_zeros(fit[row, place], "b"))
        real = roots.real[(np.abs(roots.imag) <= 1e-9) & (np.abs(roots.real) <= 1)]
        start, end = cuts[row, place], cuts[row, place + 1]
        result[row, place * degree : place * degree + real.size] = start + (end - start) * (real + 1) / 2
    return result


def _quadratic_roots(fit: Floats, cuts: Floats) -> Floats:
    """The same for values of degree two at most, in closed form."""
    c0, c1 = fit[..., 0], fit[..., 1]
    c2 = fit[..., 2] if fit.shape[-1] > 2 else np.zeros_like(c0)
    # c0 + c1 x + c2 (2 x^2 - 1), by the formula that does not cancel.
    a, b, c = 2 * c2, c1, c0 - c2
    with np.errstate(all="ignore"):
        q = -0.5 * (b + np.where(b >= 0, 1.0, -1.0) * np.sqrt(b * b - 4 * a * c))
        roots = np.stack([q / a, c / q], axis=-1)
    inside = np.isfinite(roots) & (np.abs(roots) <= 1)
    low, high = cuts[:, :-1, None], cuts[:, 1:, None]
    at = np.where(inside, low + (high - low) * (np.where(inside, roots, 0.0) + 1) / 2, low)
    return at.reshape(len(cuts), -1)
