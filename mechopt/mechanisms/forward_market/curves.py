"""The interim allocations as curves over the whole support: values, integrals and inverses at any type.

Polynomials on panels that are halved until they follow every q_i; the last coefficients say how well they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt.mechanisms.forward_market.interim import Interim

Floats = NDArray[np.float64]
Kinds = int | NDArray[np.intp]
DEGREE = 16  # coefficients a panel
FINE = 4e-14  # size of the last coefficients at which a panel is not halved any more
NEGLIGIBLE = 1e-17  # the same times the panel's share of the support: what it can move an integral by
MOST_PANELS = 3000
MET = 3e-16  # units of supply: rounding of an allocation
SETTLED = 2e-15  # of half a panel: a step this small ends a search


class _Panel(NamedTuple):
    """One panel of the curves, as `Curves` describes its parts."""

    coefficient: Floats
    below: Floats
    idle: Floats
    idle_error: float
    error: Floats


class Curves:
    """q of every class of agents between the ends of the support.

    Args:
        interim: of the allocations.
        low: end of the support.
        high: other end.
        breaks: where a distribution has a kink.

    Attributes:
        edges: of the panels, ascending, shape (panels + 1,).
        coefficient: Legendre coefficients of q, shape (panels, DEGREE, classes).
        below: F at the nodes, shape (panels, DEGREE, classes).
        idle: integral of E(1 - D)^+ over the support.
        at_edge: q at the edges, shape (panels + 1, classes).
        served: the least type at which q is the whole demand, shape (classes,).
        area: integral of q from the low end to each edge, shape (panels + 1, classes).
        error: estimate of the absolute error of q anywhere (truncation by the last coefficients, plus the bound on
            rounding), shape (classes,).
        area_error: the same for an integral of q over the support, shape (classes,).
        idle_error: the same for `idle`.
    """

    def __init__(self, interim: Interim, low: float, high: float, breaks: Sequence[float] = ()) -> None:
        self.interim, self.low, self.high = interim, low, high
        self.served = interim.served()
        nodes, weights = np.polynomial.legendre.leggauss(DEGREE)
        self._nodes, self._weights = nodes, weights
        vander = np.polynomial.legendre.legvander(nodes, DEGREE - 1)
        # Coefficients from values: discrete orthogonality of Legendre polynomials at Gauss nodes.
        self._analyse = (vander * weights[:, None]).T * (np.arange(DEGREE) + 0.5)[:, None]
        self._fit(sorted({low, high, *(point for point in breaks if low < point < high)}))

    def _fit(self, edges: list[float]) -> None:
        waiting = [(edges[place], edges[place + 1]) for place in range(len(edges) - 1)]
        done: dict[tuple[float, float], _Panel] = {}
        while waiting:
            spans = np.array(waiting)
            middle, half = spans.mean(axis=1), np.diff(spans, axis=1)[:, 0] / 2
            types = middle[:, None] + half[:, None] * self._nodes
            found = self.interim.at(types.ravel())
            value = found.value.reshape(len(waiting), DEGREE, -1)
            idle = found.idle.reshape(len(waiting), DEGREE)
            below = self.interim.below(types)
            noise = found.error.reshape(value.shape)
            coefficient = np.einsum("cn,pnk->pck", self._analyse, value)
            idle_tail = np.abs(idle @ self._analyse[-2:].T).max(axis=1)
            tails = np.abs(coefficient[:, -2:]).max(axis=1)
            tail = np.maximum(tails.max(axis=1), idle_tail)
            share = half * 2 / (self.high - self.low)
            room = MOST_PANELS - len(done) - len(waiting)
            again = []
            for place, span in enumerate(waiting):
                split = (span[0] + span[1]) / 2
                enough = tail[place] <= max(FINE, float(noise[place].max())) or tail[place] * share[place] <= NEGLIGIBLE
                if enough or room <= 0 or not span[0] < split < span[1]:
                    done[span] = _Panel(coefficient[place], below[place], idle[place], float(idle_tail[place]),
                                        tails[place] + noise[place].max(axis=0))  # fmt: skip
                else:
                    again += [(span[0], split), (split, span[1])]
            waiting = again
        self._gather(done)

    def _gather(self, done: dict[tuple[float, float], _Panel]) -> None:
        spans = sorted(done)
        panels = [done[span] for span in spans]
        self.edges = np.array([spans[0][0], *(span[1] for span in spans)])
        self.coefficient = np.stack([panel.coefficient for panel in panels])
        self.below = np.stack([panel.below for panel in panels])
        half = np.diff(self.edges) / 2
        self.idle = float((half[:, None] * self._weights * np.stack([panel.idle for panel in panels])).sum())
        ends = self.interim.at(self.edges)
        self.at_edge = np.maximum.accumulate(ends.value, axis=0)
        pieces = 2 * half[:, None] * self.coefficient[:, 0]
        self.area = np.concatenate([np.zeros((1, pieces.shape[1])), np.cumsum(pieces, axis=0)])
        errors = np.stack([panel.error for panel in panels])
        self.error = errors.max(axis=0)
        rounding = 4 * np.finfo(np.float64).eps * (self.high - self.low)
        self.area_error = 2 * half @ errors + rounding
        self.idle_error = float(2 * half @ np.array([panel.idle_error for panel in panels])) + rounding

    @property
    def types(self) -> Floats:
        """The nodes of all panels, shape (panels, DEGREE)."""
        middle, half = (self.edges[1:] + self.edges[:-1]) / 2, np.diff(self.edges) / 2
        return middle[:, None] + half[:, None] * self._nodes

    def integrate(self, values: Floats) -> Floats:
        """The integral over the support of values at the nodes, shape (panels, DEGREE, ...)."""
        weights = np.diff(self.edges)[:, None] / 2 * self._weights
        return np.tensordot(weights, values, axes=2)

    @property
    def node_values(self) -> Floats:
        """q at the nodes, shape (panels, DEGREE, classes)."""
        vander = np.polynomial.legendre.legvander(self._nodes, DEGREE - 1)
        return np.einsum("nc,pck->pnk", vander, self.coefficient)

    @property
    def node_slopes(self) -> Floats:
        """dq/dt at the nodes, shape (panels, DEGREE, classes); accurate in integrals, less so at a point."""
        matrix = np.polynomial.legendre.legder(np.eye(DEGREE), axis=0)
        vander = np.polynomial.legendre.legvander(self._nodes, DEGREE - 2) @ matrix
        return np.einsum("nc,pck->pnk", vander, self.coefficient) * (2 / np.diff(self.edges))[:, None, None]

    def _locate(self, types: ArrayLike) -> tuple[NDArray[np.intp], Floats, Floats]:
        points = np.clip(np.asarray(types, dtype=np.float64), self.low, self.high)
        panel = np.clip(np.searchsorted(self.edges, points, side="right") - 1, 0, self.edges.size - 2)
        half = (self.edges[panel + 1] - self.edges[panel]) / 2
        return panel, (points - self.edges[panel]) / half - 1.0, half

    def value(self, kind: Kinds, types: ArrayLike) -> Floats:
        """q of a class at types of any shape; or of one class a type."""
        panel, place, _ = self._locate(types)
        vander = _legendre(place, DEGREE - 1)
        found = (vander * self.coefficient[panel, :, kind]).sum(axis=-1)
        return np.clip(found, self.at_edge[panel, kind], self.at_edge[panel + 1, kind])

    def integral(self, kind: Kinds, types: ArrayLike) -> Floats:
        """The integral of q of one class from the low end to types of any shape."""
        panel, place, half = self._locate(types)
        coefficient = self.coefficient[panel, :, kind]
        vander = _legendre(place, DEGREE)
        # The integral of P_n from -1 is (P_n+1 - P_n-1) / (2 n + 1); of P_0 it is P_1 + P_0.
        order = np.arange(1, DEGREE)
        inner = coefficient[..., 0] * (place + 1.0)
        rest = coefficient[..., 1:] * (vander[..., 2:] - vander[..., :-2]) / (2 * order + 1)
        return self.area[panel, kind] + half * (inner + rest.sum(axis=-1))

    def inverse(self, kind: Kinds, amounts: ArrayLike) -> Floats:
        """min{t: q(t) >= amount} for one class; where its whole demand is served, of larger amounts too."""
        wanted = np.asarray(amounts, dtype=np.float64)
        below = (
            np.searchsorted(self.at_edge[:, kind], wanted)
            if isinstance(kind, int)
            else (self.at_edge[:, kind] < wanted).sum(axis=0)
        )
        panel = np.clip(below - 1, 0, self.edges.size - 2)
        first, last = wanted <= self.at_edge[0, kind], wanted >= self.at_edge[-1, kind]
        found = np.where(first, self.low, self._newton(panel, kind, wanted, first | last))
        return np.where(last & ~first, self.served[kind], found)

    def _newton(self, panel: NDArray[np.intp], kind: Kinds, wanted: Floats, known: NDArray[np.bool_]) -> Floats:
        """Where q takes the amounts wanted inside the panels given: Newton's method, kept inside a halved bracket.

        Those known are not waited for.
        """
        coefficient = self.coefficient[panel, :, kind]
        slope = coefficient @ np.polynomial.legendre.legder(np.eye(DEGREE), axis=0).T
        low, high = np.full(wanted.shape, -1.0), np.ones(wanted.shape)
        place = np.zeros(wanted.shape)
        for _ in range(60):
            vander = _legendre(place, DEGREE - 1)
            over = (vander * coefficient).sum(axis=-1) - wanted
            low, high = np.where(over < 0, place, low), np.where(over < 0, high, place)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = place - over / (vander[..., :-1] * slope).sum(axis=-1)
            inside = (step > low) & (step < high)
            moved = np.where(inside, step, (low + high) / 2)
            moved = np.where(known | (np.abs(over) <= MET), place, moved)
            settled = np.abs(moved - place) <= SETTLED
            place = moved
            if settled.all():
                break
        edge = self.edges[panel]
        return edge + (place + 1.0) * (self.edges[panel + 1] - edge) / 2


def _legendre(place: Floats, degree: int) -> Floats:
    """The Legendre polynomials at places in [-1, 1] of any shape, shape (..., degree + 1)."""
    return np.polynomial.legendre.legvander(place, degree).reshape((*place.shape, degree + 1))
