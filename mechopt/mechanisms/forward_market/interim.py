"""Interim efficient allocations q_i(t) of all agents, by whichever exact method suits the demands.

Source: liu2020, Section 3.
"""

from __future__ import annotations

import importlib.util
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.distributions import Distribution
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market import bracket, halves, leave_one_out, sums

Floats = NDArray[np.float64]
Method = Literal["sums", "halves", "bracket"]
Engine = Literal["auto", "numpy", "compiled", "extended"]
LARGEST_SUMS = 20_000
PAYS = 100_000  # agents times lattice steps from which compiling saves time
STEPS, MOST_STEPS, NARROW = 1024, 16_384, 1e-7  # of the bracket: first and last lattice, width to stop at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allocation:
    """Interim allocations at a grid of types, a column a class of identical agents.

    Attributes:
        value: q, units of supply, shape (types, classes).
        error: bound on the absolute error, given the values of the distributions, shape (types, classes).
        idle: E(1 - D)^+, what nobody above the type takes, units of supply, shape (types,).
    """

    value: Floats
    error: Floats
    idle: Floats


class Interim:
    """Interim efficient allocations of a set of agents. Identical agents (demand and distribution) form a class.

    Args:
        demand: k_i, exactly, shape (agents,).
        distribution: F_i.
        method: None chooses: the attainable sums of demands where they are few (a lattice, or groups of equal
            demands), else two halves of at most 20 agents, else a proven bracket.
        engine: "numpy", "compiled" (numba, lattices only), "extended" (lattices, in the longest floats there are: for a
            bound of some 1e-16 whatever the number of agents), or "auto": compiled where it is installed and pays.

    Raises:
        InstanceError: the compiled engine is asked for and not installed, or the extended one where it does not apply.
    """

    def __init__(
        self,
        demand: Sequence[Fraction],
        distribution: Sequence[Distribution],
        *,
        method: Method | None = None,
        engine: Engine = "auto",
    ) -> None:
        self.agents = len(demand)
        kinds: dict[tuple[Fraction, Distribution], int] = {}
        pairs = list(zip(demand, distribution, strict=True))
        self.class_of = np.array([kinds.setdefault(pair, len(kinds)) for pair in pairs], dtype=np.intp)
        self.count = np.bincount(self.class_of)
        self.first = np.array([int(np.argmax(self.class_of == kind)) for kind in range(len(kinds))], dtype=np.intp)
        self.demand = np.array([float(value) for value, _ in kinds])
        self.law = [law for _, law in kinds]
        self._exact_demand = [value for value, _ in kinds]
        self.evaluations = 0
        self._demands = np.array([float(value) for value in demand])
        self._sums = None if method in ("halves", "bracket") else sums.attainable(demand, largest=LARGEST_SUMS)
        self.method: Method = method or self._choose()
        if self.method == "halves":
            self._halves = halves.prepare(self._demands)
        if self.method == "bracket":
            self._lattice = self._refine()
        self.compiled = self._compiles(engine)
        self.extended = self._extends(engine)

    def _extends(self, engine: Engine) -> bool:
        """Whether the passes are done in the platform's longest floats."""
        if engine == "extended" and (self._sums is None or self.method != "sums" or not self._sums.lattice):
            raise InstanceError('"extended" is for demands on a lattice', key="engine")
        return engine == "extended"

    def _compiles(self, engine: Engine) -> bool:
        """Whether numba does the passes."""
        if engine in ("numpy", "extended") or self.method != "sums" or self._sums is None or not self._sums.lattice:
            return False
        if importlib.util.find_spec("numba") is None:
            if engine == "compiled":
                raise InstanceError("numba is not installed; pip install 'mechopt[compiled]' brings it", key="engine")
            return False
        return engine == "compiled" or self.agents * self._sums.size >= PAYS

    def _choose(self) -> Method:
        size = np.inf if self._sums is None else self._sums.size
        if self.agents <= halves.LARGEST and 2.0 ** ((self.agents + 1) // 2) < size:
            return "halves"
        return "bracket" if self._sums is None else "sums"

    def below(self, types: ArrayLike) -> Floats:
        """F at the types, shape (types, classes)."""
        points = np.asarray(types, dtype=np.float64)
        known: dict[Distribution, Floats] = {}
        for law in self.law:
            if law not in known:
                known[law] = np.clip(law.cdf(points), 0.0, 1.0)
        return np.stack([known[law] for law in self.law], axis=-1)

    def at(self, types: ArrayLike) -> Allocation:
        """q at the types, with its error bound."""
        points = np.atleast_1d(np.asarray(types, dtype=np.float64))
        self.evaluations += points.size
        return self.of(self.below(points))

    def of(self, below: Floats) -> Allocation:
        """q where each class's cdf takes given values, shape (types, classes): of other distributions than its own."""
        value, error, idle = self._by_method(below[:, self.class_of])
        return Allocation(value=np.clip(value, 0.0, self.demand), error=error, idle=np.clip(idle, 0.0, 1.0))

    def _by_method(self, below: Floats) -> tuple[Floats, Floats, Floats]:
        if self.method == "halves":
            value, error, idle = halves.allocations(self._halves, below)
            return value[:, self.first], error[:, self.first], idle
        if self.method == "bracket":
            return bracket.allocations(self._lattice, below, self.first)
        if self._sums is None:
            raise ValueError("the demands have too many sums; choose another method")
        return leave_one_out.allocations(self._sums, below, self.first, compiled=self.compiled, extended=self.extended)

    def _refine(self) -> bracket.Lattice:
        """The coarsest lattice whose bracket is narrow at five types spread over the quantiles, or the finest."""
        points = np.array([np.mean([law.quantile(level) for law in self.law]) for level in (0.1, 0.3, 0.5, 0.7, 0.9)])
        below = self.below(points)[:, self.class_of]
        steps = STEPS
        while True:
            lattice = bracket.prepare(self._demands, steps)
            if steps >= MOST_STEPS or bracket.allocations(lattice, below, self.first)[1].max() < NARROW:
                return lattice
            steps *= 2

    def served(self) -> Floats:
        """The least type at which each class is sure of its whole demand, shape (classes,).

        There the demands of those whose values may still be higher leave enough: decided exactly.
        """
        ends = [law.ends[1] for law in self.law]
        after: dict[Any, Fraction] = {}  # demand of the classes whose values end just here
        for end, demand, count in zip(ends, self._exact_demand, self.count.tolist(), strict=True):
            after[end] = after.get(end, Fraction(0)) + demand * count
        places = sorted(after)
        above, room = Fraction(0), []  # what those with a later end leave of the supply, ascending
        for end in reversed(places):
            room.append(1 - above)
            above += after[end]
        room.reverse()
        enough = bisect_left(room, 0)  # from here on there is room for all with a later end
        found = []
        for end, demand in zip(ends, self._exact_demand, strict=True):
            own = bisect_left(places, end)
            found.append(places[enough if enough < own else max(own, bisect_left(room, demand))])
        return np.array([exact.as_float(place) for place in found])

    def total(self, value: Floats) -> Floats:
        """The sum over all agents of a number a class (last axis)."""
        return value @ self.count

    def spread(self, value: Floats) -> Floats:
        """A number an agent from a number a class (last axis)."""
        return value[..., self.class_of]
