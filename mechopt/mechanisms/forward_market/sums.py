"""The sums below the supply that sets of demands can have: on a lattice, or few because many demands are equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact

SURELY_DENSE = 2_000  # lattice points; below, a slice is faster than any list of sums
Place = slice | NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """Where the total demand D of a random set of agents can lie below the supply of 1, and how one agent moves it.

    Agents of equal demand form a class. A row of the shortfall table is E(x - D)^+ at one x = 1 - m k.

    Attributes:
        size: number of sums, in ascending order.
        class_of: each agent's class, shape (agents,).
        demand: of each class, shape (classes,).
        moves: of each class, where a sum comes from and where it goes when one more agent of the class is added.
        gap: (x - sum)^+ for each row of the shortfall table, units of supply, shape (rows, sums); row 0 is x = 1. Each
            is one rounding of the exact difference, however small that is. Empty on a lattice.
        rows: of each class, the rows of x = 1 - m k for m = 1, 2, ... while x > 0.
        lattice: number of lattice steps to the supply, or 0 where the sums are a list.
    """

    size: int
    class_of: NDArray[np.intp]
    demand: NDArray[np.float64]
    moves: Sequence[tuple[Place, Place]]
    gap: NDArray[np.float64]
    rows: Sequence[NDArray[np.intp]]
    lattice: int

    @property
    def crowd(self) -> int:
        """An upper bound on how many agents can be in a set whose sum is below the supply."""
        ascending = np.sort(self.demand[self.class_of])
        return int(np.searchsorted(np.cumsum(ascending), 1.0)) + 1

    def start(self, types: int, kind: Any = np.float64) -> NDArray[Any]:
        """The distribution of the empty set's sum, shape (sums, types), in floats of a kind."""
        chance = np.zeros((self.size, types), dtype=kind)
        chance[0] = 1.0
        return chance

    def add(
        self, chance: NDArray[np.float64], agent: int, below: NDArray[np.float64], above: NDArray[np.float64]
    ) -> None:
        """Convolve one agent into a distribution, in place: in the set with probability `above`, else not.

        Args:
            chance: of each sum, shape (sums, types).
            agent: whom.
            below: 1 - above, shape (types,).
            above: probability of being in the set, shape (types,).
        """
        source, target = self.moves[self.class_of[agent]]
        moved = chance[source] * above
        chance *= below
        chance[target] += moved

    def shortfall(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """E(x - D)^+ at every point, shape (rows, types). All terms are positive: no cancellation."""
        if self.lattice:
            table: NDArray[np.float64] = np.cumsum(np.cumsum(chance, axis=0), axis=0)
            return table[::-1] / self.lattice  # row m is x = 1 - m / lattice
        return self.gap @ chance


def attainable(demand: Sequence[Fraction], *, largest: int) -> Sums | None:
    """The sums of a list of demands, or None where there are more than `largest`.

    Args:
        demand: k_i in (0, 1], exactly, shape (agents,).
        largest: number of sums.

    Source: not in the paper, which sums over all 2^(n-1) sets (Appendix A.6).
    """
    distinct = sorted(set(demand))
    place = {value: index for index, value in enumerate(distinct)}
    class_of = np.array([place[value] for value in demand], dtype=np.intp)
    lattice = exact.lcm_of_denominators(distinct)
    units = [int(value * lattice) for value in distinct]
    if lattice <= min(SURELY_DENSE, largest):
        return _dense(class_of, distinct, units, lattice)
    count = np.bincount(class_of, minlength=len(distinct)).tolist()
    found = _collect(units, count, lattice, min(largest, lattice // 4))
    if found is not None:
        return _listed(class_of, distinct, units, lattice, found)
    return _dense(class_of, distinct, units, lattice) if lattice <= largest else None


def _dense(class_of: NDArray[np.intp], distinct: list[Fraction], units: list[int], lattice: int) -> Sums:
    return Sums(
        size=lattice,
        class_of=class_of,
        demand=np.array([float(value) for value in distinct]),
        moves=[(slice(0, lattice - step), slice(step, lattice)) for step in units],
        gap=np.empty((0, lattice)),
        rows=[np.arange(step, lattice, step) for step in units],
        lattice=lattice,
    )


def _collect(units: list[int], count: list[int], lattice: int, largest: int) -> NDArray[Any] | None:
    """Every sum below the lattice's end, ascending, or None where there are too many."""
    kind = np.int64 if lattice < 2**62 else object
    sums: NDArray[Any] = np.zeros(1, dtype=kind)
    for step, times in zip(units, count, strict=True):
        for _ in range(times):
            moved = sums + step
            joined = np.union1d(sums, moved[moved < lattice])
            if joined.size > largest:
                return None
            if joined.size == sums.size:
                break
            sums = joined
    return sums


def _listed(
    class_of: NDArray[np.intp], distinct: list[Fraction], units: list[int], lattice: int, sums: NDArray[Any]
) -> Sums:
    moves: list[tuple[Place, Place]] = []
    wanted, rows = {lattice: 0}, []
    for step in units:
        target = np.searchsorted(sums, sums + step)
        inside = target < sums.size
        inside[inside] = sums[target[inside]] == (sums + step)[inside]
        moves.append((np.flatnonzero(inside), target[inside]))
        rows.append(
            np.array([wanted.setdefault(point, len(wanted)) for point in range(lattice - step, 0, -step)], np.intp)
        )
    return Sums(
        size=int(sums.size),
        class_of=class_of,
        demand=np.array([float(value) for value in distinct]),
        moves=moves,
        gap=_gaps(np.array(list(wanted), dtype=sums.dtype), sums, lattice),
        rows=rows,
        lattice=0,
    )


def _gaps(points: NDArray[Any], sums: NDArray[Any], lattice: int) -> NDArray[np.float64]:
    """(x - sum)^+ in units of supply: differences of whole numbers, so that close ones do not cancel."""
    found = np.empty((points.size, sums.size))
    for row, point in enumerate(points):
        found[row] = np.maximum(point - sums, 0) / lattice
    return found
