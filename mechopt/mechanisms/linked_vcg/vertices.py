"""Price vertices: the R types that just earn their cost at a price, and who is served at it.

Source: zhu2021, Section 3, Lemma 2 and condition 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import CertificateError, InstanceError
from mechopt.rational import rational

CLOSE = 1e-9  # payoff less cost of a project within which floats do not say on which side of the price its type is


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """A price vertex: the types it makes just worth their cost, below it and above it.

    Attributes:
        partial: the R types with price . theta = 1, the only ones that can be invested in partly, sorted.
        full: whether price . theta < 1: always invested in entirely, shape (types,).
        price: p >= 0, payoff per resource unit, shape (resources,).
        displaced: what one unit of each full type takes from each partial type, shape (R, types); 0 for the others.
        inverse: of the partial types' needs: amounts of the partial types per resource unit, shape (R, resources).
    """

    partial: NDArray[np.intp]
    full: NDArray[np.bool_]
    price: NDArray[Any]
    displaced: NDArray[Any]
    inverse: NDArray[Any]


class Vertices:
    """The price vertices of one set of types, each worked out once.

    Args:
        types: theta, shape (types, resources).
        possible: types that anybody can ever have, shape (types,).
        names: of the types, for messages.
        in_rationals: whether the types, or a stock to go with them, are exact.
    """

    def __init__(
        self, types: NDArray[Any], *, possible: NDArray[np.bool_], names: Sequence[str], in_rationals: bool
    ) -> None:
        self.types, self.possible, self.names, self.in_rationals = types, possible, names, in_rationals
        self._found: dict[tuple[int, ...], Geometry] = {}

    def at(self, partial: NDArray[np.intp], *, date: str = "") -> Geometry:
        """The price vertex at which the given R types just earn their cost.

        Raises:
            InstanceError: a further type lies on the same plane, so the types are not generic (condition 2).
            CertificateError: the given types depend on each other.
        """
        key = tuple(int(kind) for kind in np.sort(partial))
        if key not in self._found:
            self._found[key] = self._work_out(np.array(key, dtype=np.intp), date)
        return self._found[key]

    def _work_out(self, partial: NDArray[np.intp], date: str) -> Geometry:
        needs = self.types[partial]
        inverse = invert(needs)
        one = Fraction(1) if needs.dtype == object else 1.0
        price = inverse @ np.full(partial.size, one)
        excess = self.types @ price - one
        excess[partial] = 0 * one
        # In floats a type on the plane shows as a rounding error; which side it is on is then decided exactly.
        close = np.abs(excess) <= (0 if self.in_rationals else CLOSE)
        close[partial] = False
        for kind in np.flatnonzero(close & self.possible).tolist():
            excess[kind] = self._exact_excess(partial, kind, date)
        full = np.asarray(excess < 0, dtype=bool) & self.possible
        displaced = np.zeros((partial.size, len(self.types)), dtype=self.types.dtype) * one
        displaced[:, full] = inverse.T @ self.types[full].T
        return Geometry(partial=partial, full=full, price=price, displaced=displaced, inverse=inverse.T)

    def _exact_excess(self, partial: NDArray[np.intp], kind: int, date: str) -> float:
        price = invert(as_fractions(self.types[partial])) @ np.full(partial.size, Fraction(1))
        excess = as_fractions(self.types[kind]) @ price - 1
        if excess == 0:
            names = ", ".join(self.names[place] for place in [*partial.tolist(), kind])
            occurs = f"occurs at date {date}" if date else "occurs"
            raise InstanceError(
                f"types {names} lie on one plane at a price that {occurs} (the paper's condition 2 fails), so "
                "efficient use is not unique; merge equal types, or change a requirement slightly",
                key="types",
            )
        return float(excess)


def as_fractions(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as Fractions; floats count as their shortest decimals."""
    result = np.empty(values.size, dtype=object)
    result[:] = [Fraction(exact.parse(value)) for value in values.ravel().tolist()]
    return result.reshape(values.shape)


def invert(matrix: NDArray[Any]) -> NDArray[Any]:
    """The inverse of a square matrix, exact where it holds exact rationals.

    Raises:
        CertificateError: it has none.
    """
    try:
        if matrix.dtype != object:
            return np.asarray(np.linalg.inv(matrix))
        import flint

        size = len(matrix)
        found = flint.fmpq_mat(size, size, [rational(value) for value in matrix.ravel().tolist()]).inv()
        result = np.empty(size * size, dtype=object)
        result[:] = [Fraction(int(value.p), int(value.q)) for value in found.entries()]
        return result.reshape(size, size)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        raise CertificateError("the types in use depend on each other") from None
