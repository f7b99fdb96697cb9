"""Expected welfare given one agent's type, as a piecewise polynomial of that agent's time, and its second moment."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
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
    agents = expectations.environment.agents
    others = dict(agents[1 - axis].beliefs)
    for name, probability in agents[axis].beliefs:
        found = [
            (others[pair[1 - axis].name], part)
            for _, *pair, parts in expectations.pairs
            for part in parts
            if pair[axis].name == name
        ]
        if probability and found:
            total += probability * _second_moment(found, axis, expectations)
    return total


def _second_moment(found: Sequence[tuple[Fraction, Part]], axis: int, expectations: Expectations) -> Fraction:
    atoms: dict[Fraction, Fraction] = {}
    spread: list[tuple[Fraction, Fraction, Any]] = []
    for weight, part in found:
        if part.low[axis] == part.high[axis]:
            own = dict(expectations.times[axis].atoms)[part.low[axis]]
            atoms[part.low[axis]] = atoms.get(part.low[axis], Fraction(0)) + weight * part.integrate(part.best) / own
        else:
            spread += [(low, high, rational(weight) * polynomial) for low, high, polynomial in _marginal(part, axis)]
    total = sum((mass * atoms[time] ** 2 for time, mass in expectations.times[axis].atoms), Fraction(0))
    ends = sorted({end for low, high, _ in spread for end in (low, high)})
    for low, high in itertools.pairwise(ends):
        mean = sum((p for start, end, p in spread if start <= low and high <= end), fmpq_poly([0]))
        density = _density(expectations, axis, low, high)
        inner = (mean * mean * density).integral()
        total += fraction(inner(rational(high)) - inner(rational(low)))
    return total


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
    return Estimate(value=found[1], error=abs(found[1] - found[0]) + 1e-14)


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
    result = np.repeat(cuts[:, :1], (cuts.shape[1] - 1) * degree, axis=1)
    changing = np.argwhere((fit != 0).sum(axis=2) > 1)
    for row, place in changing.tolist():
        roots = np.polynomial.chebyshev.chebroots(np.trim_zeros(fit[row, place], "b"))
        real = roots.real[(np.abs(roots.imag) <= 1e-9) & (np.abs(roots.real) <= 1)]
        start, end = cuts[row, place], cuts[row, place + 1]
        result[row, place * degree : place * degree + real.size] = start + (end - start) * (real + 1) / 2
    return result
