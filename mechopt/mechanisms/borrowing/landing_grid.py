"""A landing instance in whole numbers, and a schedule of it with its proof."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.outcome import Guarantee

LARGEST_WHOLE = 2**60


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Landing times of all planes, with their proof.

    Attributes:
        sequence: numbers of the planes as given, in the order of landing.
        time: of each plane in that order.
        cost: of each plane in that order.
        method: how it was found.
        guarantee: what the total cost is worth.
    """

    sequence: tuple[int, ...]
    time: tuple[Fraction, ...]
    cost: tuple[Fraction, ...]
    method: str
    guarantee: Guarantee

    @property
    def total(self) -> Fraction:
        """The sum of costs, exactly."""
        return sum(self.cost, Fraction(0))

    def by_plane(self) -> list[Fraction]:
        """Costs by the number of the plane as given."""
        found = [Fraction(0)] * len(self.sequence)
        for plane, cost in zip(self.sequence, self.cost, strict=True):
            found[plane] = cost
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """The instance in whole numbers: times in steps, costs per step in units.

    Attributes:
        earliest: shape (planes,).
        target: shape (planes,).
        latest: shape (planes,).
        early: cost a step, shape (planes,).
        late: cost a step, shape (planes,).
        gap: separations in steps, shape (planes, planes).
        step: length of a step in time.
        unit: what a cost of 1 stands for.
    """

    earliest: NDArray[np.int64]
    target: NDArray[np.int64]
    latest: NDArray[np.int64]
    early: NDArray[np.int64]
    late: NDArray[np.int64]
    gap: NDArray[np.int64]
    step: Fraction
    unit: Fraction


def schedule(
    landing: Landing, sequence: list[int], times: list[Fraction], method: str, guarantee: Guarantee
) -> Schedule:
    """The schedule with costs and feasibility recomputed exactly, every pair of planes included."""
    for place, (i, t) in enumerate(zip(sequence, times, strict=True)):
        plane = landing.planes[i]
        if not plane.earliest <= t <= plane.latest:
            raise SolveError(f"{method}: plane {i + 1} leaves its window")
        for j, later in zip(sequence[place + 1 :], times[place + 1 :], strict=True):
            if later - t < landing.separation[i][j]:
                raise SolveError(f"{method}: planes {i + 1} and {j + 1} are too close")
    return Schedule(
        sequence=tuple(sequence), time=tuple(times),
        cost=tuple(landing.planes[i].cost(t) for i, t in zip(sequence, times, strict=True)),
        method=method, guarantee=guarantee,
    )  # fmt: skip


def whole_grid(landing: Landing) -> Grid:
    """Times on their common grid: for a given order the best times lie on it, since all limits do.

    Raises:
        InstanceError: the numbers do not fit into whole numbers of 64 bits.
    """
    planes = landing.planes
    count = len(planes)
    gaps = [[Fraction(0) if i == j else gap for j, gap in enumerate(row)] for i, row in enumerate(landing.separation)]
    points = [t for p in planes for t in (p.earliest, p.target, p.latest)] + [gap for row in gaps for gap in row]
    step = Fraction(1, lcm(*(Fraction(t).denominator for t in points)))
    costs = [c * step for p in planes for c in (p.early_cost, p.late_cost)]
    unit = Fraction(1, lcm(*(Fraction(c).denominator for c in costs)))

    def whole(values: list[Fraction], of: Fraction) -> NDArray[np.int64]:
        found = [int(value / of) for value in values]
        if max(found) - min(found) >= LARGEST_WHOLE or max(map(abs, found)) >= LARGEST_WHOLE:
            raise InstanceError("times or costs have too many digits for whole numbers of 64 bits; round them",
                                key="sequence.aircraft_landing")  # fmt: skip
        return np.array(found, dtype=np.int64)

    return Grid(
        earliest=whole([p.earliest for p in planes], step), target=whole([p.target for p in planes], step),
        latest=whole([p.latest for p in planes], step), early=whole([p.early_cost * step for p in planes], unit),
        late=whole([p.late_cost * step for p in planes], unit),
        gap=whole([gap for row in gaps for gap in row], step).reshape(count, count), step=step, unit=unit,
    )  # fmt: skip
