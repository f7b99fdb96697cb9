"""Constants and variances of many pairs of value functions at once, times uniform on [0, 1].

Affine pairs in closed form; piecewise linear pairs with common knots by triangles on which everything is linear. Both
give what `Expectations` gives, in floats, for arrays of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import planes

Floats = NDArray[np.float64]
BLOCK = 16_384  # pairs whose arrays fit into a cache together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Of each pair.

    Attributes:
        constant: h = -E[W*] / 2.
        variance: of T_1 + T_2 in the two-stage mechanism.
    """

    constant: Floats
    variance: Floats


def affine(
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    *,
    compiled: bool = False,
    out: tuple[Floats, Floats] | None = None,
) -> Moments:
    """Pairs a - b t against c - d t.

    With B the larger and S the smaller slope, both at least 0, and K = S^2 / B: E min(L1, L2) = S/2 - K/6 and
    Var W* = ((B + S)^2 + 2 K (S - 2 K / 3)) / 12.

    Args:
        first: (a, b) of agent 1, arrays of one shape.
        second: (c, d) of agent 2, arrays of that shape.
        compiled: use the numba kernel (equal to the last digit or two) where no slope is below 0.
        out: arrays of floats for h and the variance, shape (pairs,); new ones where None.
    """
    (a, b), (c, d) = (
        tuple(np.ascontiguousarray(x, dtype=np.float64).ravel() for x in pair) for pair in (first, second)
    )
    constant, variance = (np.empty(a.shape), np.empty(a.shape)) if out is None else out
    if compiled:
        from mechopt.mechanisms.borrowing.compiled import affine_pairs

        if affine_pairs(a, b, c, d, constant, variance):
            return Moments(constant=constant, variance=variance)
    work = np.empty((3, min(BLOCK, a.size)))
    for start in range(0, a.size, BLOCK):
        at = slice(start, start + BLOCK)
        _affine(a[at], b[at], c[at], d[at], constant[at], variance[at], work)
    return Moments(constant=constant, variance=variance)


def _affine(
    a: Floats, b: Floats, c: Floats, d: Floats, constant: Floats, variance: Floats, work: NDArray[np.float64]
) -> None:
    """A block of pairs, in place: every pass over it stays in the cache."""
    both, small, bend = (row[: a.size] for row in work)
    np.minimum(b, d, out=small)
    least = small.min()
    if least < 0:
        _mixed(a, b, c, d, constant, variance)
        return
    np.maximum(b, d, out=variance)
    np.multiply(small, small, out=bend)
    if least > 0:
        bend /= variance
    else:  # nobody minds waiting where both slopes are 0
        np.divide(bend, variance, out=bend, where=variance > 0)
    np.add(b, d, out=both)
    # -4 h = 2 (a + c) - (B + S) - S + K / 3, with E[W*] = a + c - (B + S) / 2 - E min(L1, L2).
    bend *= 1 / 3
    np.add(a, c, out=constant)
    constant *= -2.0
    constant += both
    constant += small
    constant -= bend
    constant *= 0.25
    small *= 0.5
    small -= bend
    small *= bend
    np.multiply(both, both, out=variance)
    variance *= 1 / 12
    variance += small


def _mixed(a: Floats, b: Floats, c: Floats, d: Floats, constant: Floats, variance: Floats) -> None:
    """A block in which some values rise with time."""
    rising = np.minimum(b, d) < 0
    _rising(a, b, c, d, rising, constant, variance)
    keep = ~rising
    if keep.any():
        count = int(keep.sum())
        inner = np.empty(count), np.empty(count)
        _affine(a[keep], b[keep], c[keep], d[keep], *inner, np.empty((3, count)))
        constant[keep], variance[keep] = inner


def _rising(
    a: Floats, b: Floats, c: Floats, d: Floats, which: NDArray[np.bool_], constant: Floats, variance: Floats
) -> None:
    """Pairs in which a value rises with time: the loss from being second is then negative for that agent."""
    a, b, c, d = a[which], b[which], c[which], d[which]
    both = (b < 0) & (d < 0)
    large, small = np.maximum(-b, -d), np.minimum(-b, -d)
    r = np.where(both, small, 0.0) / np.where(both, large, 1.0)
    total = -(b + d)
    # Both rise: W* = a + c + (|b| + |d|)(t1 + t2) - B min(V, r U).
    mean_both = a + c + total - large * (r / 2 - r * r / 6)
    spread = r * r / 12 - r**4 / 36
    with_first, with_second = r / 12 - r * r / 24, r / 4 - r**3 / 24 - (r / 4 - r * r / 12)
    variance_both = total**2 / 6 + large**2 * spread - 2 * total * large * (with_first + with_second)
    # One rises: it goes second for sure, and min(L1, L2) is its own loss.
    lone, other = np.minimum(b, d), np.maximum(b, d)
    mean_one = a + c - lone - other / 2
    variance_one = (lone**2 + (lone + other) ** 2) / 12
    constant[which] = -0.5 * np.where(both, mean_both, mean_one)
    variance[which] = np.where(both, variance_both, variance_one)


class PiecewiseLinear:
    """A family of pairs of piecewise linear functions with common knots.

    Args:
        knots: times from 0 to 2, increasing.

    Raises:
        InstanceError: the knots do not increase, or do not reach from 0 to 2.
    """

    def __init__(self, knots: Sequence[object]) -> None:
        times = [Fraction(exact.parse(t)) for t in knots]
        if len(times) < 2 or any(b <= a for a, b in pairwise(times)) or times[0] != 0 or times[-1] != 2:
            raise InstanceError("must increase from 0 to 2", key="knots")
        one = Fraction(1)
        cells: list[planes.Polygon] = [[(Fraction(0), Fraction(0)), (one, Fraction(0)), (one, one), (Fraction(0), one)]]
        lines = [line for t in times for line in ((one, Fraction(0), t), (Fraction(0), one, t), (one, one, t))]
        for line in lines:
            cells = [part for cell in cells for part in planes.cut(cell, *line)]
        triangles = [(cell[0], b, c) for cell in cells for b, c in pairwise(cell[1:])]
        corners = sorted({corner for triangle in triangles for corner in triangle})
        number = {corner: place for place, corner in enumerate(corners)}
        self.corner = np.array([[number[c] for c in triangle] for triangle in triangles])
        self.area = np.array([float(planes.area_twice(triangle)) / 2 for triangle in triangles])

        def weights(at: Sequence[Fraction]) -> Floats:
            """Interpolation of heights at times, shape (corners, knots)."""
            table = np.zeros((len(at), len(times)))
            for row, t in enumerate(at):
                place = max(k for k in range(len(times) - 1) if times[k] <= t)
                share = float((t - times[place]) / (times[place + 1] - times[place]))
                table[row, place : place + 2] = 1 - share, share
            return table

        self._own = weights([x for x, _ in corners]), weights([y for _, y in corners])
        self._late = weights([x + y for x, y in corners])

    def moments(self, first: ArrayLike, second: ArrayLike) -> Moments:
        """h and the variance of every pair.

        Args:
            first: heights of agent 1's functions at the knots, shape (pairs, knots).
            second: heights of agent 2's, likewise.
        """
        one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        blocks = [self._block(one[start : start + 256], two[start : start + 256]) for start in range(0, len(one), 256)]
        mean, square = (np.concatenate([block[k] for block in blocks]) for k in (0, 1))
        return Moments(constant=-mean / 2, variance=square - mean**2)

    def _block(self, one: Floats, two: Floats) -> tuple[Floats, Floats]:
        """(E[W*], E[W*^2]) of a few pairs: W* = W2 + max(D, 0), where W2 and D are linear on each triangle."""
        late_one, late_two = one @ self._late.T, two @ self._late.T
        gain = (one @ self._own[0].T - late_one) - (two @ self._own[1].T - late_two)
        second = two @ self._own[1].T + late_one
        d, w = gain[:, self.corner], second[:, self.corner]
        plain = w.mean(axis=2) @ self.area
        square = ((w * w).sum(axis=2) + w.sum(axis=2) ** 2) @ self.area / 12
        linear, weighted = _positive_part(d, 2 * w + d)
        return plain + linear @ self.area, square + weighted @ self.area


def _positive_part(d: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Means over a triangle of max(d, 0) and of g max(d, 0), for d and g linear with given values at its corners."""
    order = np.argsort(-d, axis=2, kind="stable")
    d, g = np.take_along_axis(d, order, axis=2), np.take_along_axis(g, order, axis=2)
    whole = d.sum(axis=2) / 3, ((g * d).sum(axis=2) + g.sum(axis=2) * d.sum(axis=2)) / 12
    top, low = _corner(d, g, 0), _corner(d, g, 2)
    none, one, two = d[:, :, 0] <= 0, d[:, :, 1] <= 0, d[:, :, 2] < 0
    result = []
    for part in (0, 1):
        result.append(
            np.where(none, 0.0, np.where(one, top[part], np.where(two, whole[part] - low[part], whole[part])))
        )
    return result[0], result[1]


def _corner(d: Floats, g: Floats, corner: int) -> tuple[Floats, Floats]:
    """Means over the triangle of d and g d on the part around a corner that d's zero line cuts off."""
    others = [k for k in range(3) if k != corner]
    peak, height = d[:, :, corner], g[:, :, corner]
    share, edge = np.ones_like(peak), 2 * height
    for k in others:
        gap = peak - d[:, :, k]
        reach = np.divide(peak, gap, out=np.zeros_like(peak), where=gap != 0)
        share = share * reach
        edge = edge + height + (g[:, :, k] - height) * reach
    return share * peak / 3, share * peak * edge / 12
