"""Decisions from an optimisation model: what each agent gets, within capacities, budgets and networks.

Every period the n + 1 groups' problems share one feasible set and differ in the objective only: a*(m|G) maximises the
stated value of the members of G. Linear programs are solved from a hot start; what is chosen for I\\i may then depend
on what i states, which costs 3 gaps in epsilon. Mixed-integer programs start afresh, so that it cannot: 2 gaps. The
proof of (6) never uses that a decision is optimal, so the gap enters nowhere else.

Source: chassang2021, Section 4.1, a*(m_t|G); the gap in the proof of Proposition 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import solver
from mechopt.errors import SolveError
from mechopt.program import LinearProgram, MixedIntegerProgram, Solution, to_float

Array = NDArray[np.float64]
ROUNDING = 2.0**-52  # twice the unit roundoff
SAME = 1e-9  # relative; two groups whose points differ by less take the same decision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allotment:
    """Who can get what.

    Attributes:
        program: the feasible set, sense "max"; its cost is not used. Mixed-integer where things are indivisible.
        owner: position of the agent that a column benefits, -1 for nobody's (a flow), shape (columns,).
    """

    program: LinearProgram
    owner: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.program.sense != "max":
            raise ValueError('the feasible set of an allotment has sense "max"')
        owner = np.asarray(self.owner, dtype=np.int64).copy()
        if owner.shape != (self.program.columns,):
            raise ValueError(f"{owner.size} owners for {self.program.columns} columns")
        owner.flags.writeable = False
        object.__setattr__(self, "owner", owner)

    @property
    def agents(self) -> int:
        """How many agents own a column."""
        return int(self.owner.max(initial=-1)) + 1

    def by_agent(self, rates: Array, point: Array) -> Array:
        """Each agent's total of rates times amounts, shape (agents,)."""
        owned = self.owner >= 0
        found = np.bincount(self.owner[owned], weights=(rates * point)[owned], minlength=self.agents)
        return found.astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decisions:
    """One period's decisions of the groups I, I\\1, ..., I\\n.

    Attributes:
        points: amounts, shape (groups, columns); those of the same decision are the same to the last digit.
        number: of the decision: the position of the first group that takes it, shape (groups,).
        stated: value of each agent under each group's decision, shape (groups, agents).
        bound: proven: no decision is worth more to the group, shape (groups,).
        gap: largest difference of bound and value.
        solved: how many programs were solved; the rest followed from the skip rule.
    """

    points: Array
    number: NDArray[np.int64]
    stated: Array
    bound: Array
    gap: float
    solved: int


class GroupProblems:
    """The groups' problems over one feasible set, period after period.

    Args:
        allotment: the feasible set.
        options: of the solver; `absolute_gap` is the gap of mixed-integer programs.
        hot: start linear programs from the last optimum.
    """

    def __init__(self, allotment: Allotment, *, options: solver.Options | None = None, hot: bool = True) -> None:
        self.allotment, self.options = allotment, options or solver.Options()
        self.integer = isinstance(allotment.program, MixedIntegerProgram) and bool(allotment.program.integer.any())
        self._dual = DualBound(allotment.program)
        self._sequence = solver.Sequence(allotment.program, options=self.options) if hot and not self.integer else None

    @property
    def gap_factor(self) -> int:
        """What a gap costs in epsilon: 3 where a hot start lets what i states influence the choice for I\\i, else 2."""
        return 3 if self._sequence is not None else 2

    def decide(self, values: Array, weights: Sequence[float] | None = None) -> Decisions:
        """Decisions for stated values per unit of each column, shape (columns,).

        Args:
            values: per unit; those of nobody's columns are not used.
            weights: a factor an agent (lambda of Appendix A.1), 1 by default.

        Raises:
            SolveError: a group's problem has no proven optimum.
        """
        allotment = self.allotment
        owned = allotment.owner >= 0
        factor = np.ones(allotment.agents) if weights is None else np.asarray(weights, dtype=np.float64)
        own = np.where(owned, values, 0.0)
        cost = np.where(owned, own * factor[allotment.owner], 0.0)
        first = self._solve(cost)
        worth = allotment.by_agent(cost, first.point)
        costs, solutions, place = [cost], [first], [0]  # place: which of them is each group's
        for agent in range(allotment.agents):
            if self._follows(agent, cost, worth):
                place.append(0)
                continue
            place.append(len(costs))
            costs.append(np.where(allotment.owner == agent, 0.0, cost))
            solutions.append(self._solve(costs[-1]))
        bound = self._bounds(np.array(costs), solutions)[place]
        points = np.array([solutions[k].point for k in place])
        number = same(points)
        points = points[number]
        gap = bound - (np.array(costs)[place] * points).sum(axis=1)
        gap += ROUNDING * cost.size * (1.0 + np.abs(bound))  # of the sums themselves
        stated = np.array([allotment.by_agent(own, point) for point in points])
        return Decisions(
            points=points, number=number, stated=stated, bound=bound, gap=float(max(0.0, gap.max())), solved=len(costs)
        )

    def _follows(self, agent: int, cost: Array, worth: Array) -> bool:
        """The skip rule: where everybody's values are >= 0 and the agent gets nothing of worth, a*(I) is best for I\\i.

        Whatever is feasible is worth at most as much to I\\i as to I, hence at most v(a*(I)), all of which I\\i gets.
        """
        mine = self.allotment.owner == agent
        lower = np.asarray(self.allotment.program.lower, dtype=np.float64)
        return bool(worth[agent] == 0 and (cost[mine] >= 0).all() and (lower[mine] >= 0).all())

    def _solve(self, cost: Array) -> Solution:
        if self._sequence is not None:
            return self._sequence.solve(cost=cost)
        return solver.solve(replace(self.allotment.program, cost=cost), options=self.options)

    def _bounds(self, costs: Array, solutions: Sequence[Solution]) -> Array:
        """For each cost a proven bound on the value of any feasible decision, shape (costs,)."""
        if self.integer:
            return np.array([solution.bound for solution in solutions])
        bound = self._dual(costs, np.array([solution.dual for solution in solutions]))
        if not np.isfinite(bound).all():
            raise SolveError("no bound on a group's value: give every column an upper limit, or a row that limits it")
        return bound


class DualBound:
    """Weak duality for many objectives over one feasible set, safe against rounding: `residuals` side by side.

    Args:
        program: the feasible set, sense "max".
    """

    def __init__(self, program: LinearProgram) -> None:
        from scipy.sparse import csc_matrix

        shape = (program.rows, program.columns)
        value = to_float(program.value)
        self._matrix = csc_matrix((value, program.index, program.start), shape=shape)
        self._size = csc_matrix((np.abs(value), program.index, program.start), shape=shape)
        self._terms = int(np.diff(program.start).max(initial=0)) + 2
        self._column = to_float(program.lower), to_float(program.upper)
        self._row = to_float(program.row_lower), to_float(program.row_upper)

    def __call__(self, costs: Array, duals: Array) -> Array:
        """A bound for each row of costs from the shadow prices beside it, shape (costs,)."""
        low, high = self._row
        price = np.where(((duals > 0) & ~np.isfinite(high)) | ((duals < 0) & ~np.isfinite(low)), 0.0, duals)
        used = price @ self._matrix
        slack = ROUNDING * (self._terms * (np.abs(price) @ self._size) + np.abs(costs) + np.abs(used))
        reduced = costs - used
        worst = np.fmax(_extreme(reduced + slack, *self._column), _extreme(reduced - slack, *self._column))
        terms = np.concatenate([worst, _extreme(price, low, high)], axis=1)
        rounding = ROUNDING * (terms.shape[1] + 8) * np.abs(terms).sum(axis=1)
        bound: Array = terms.sum(axis=1) + np.where(np.isfinite(rounding), rounding, 0.0)
        return bound


def _extreme(slope: Array, low: Array, high: Array) -> Array:
    """The largest slope * x for low <= x <= high."""
    at = np.where(slope > 0, high, np.where(slope < 0, low, 0.0))
    with np.errstate(invalid="ignore"):
        return np.where(slope == 0, 0.0, slope * at)


def same(points: Array) -> NDArray[np.int64]:
    """For each point the position of the first that equals it within `SAME`."""
    scale = SAME * np.maximum(1.0, np.abs(points).max())
    number = np.arange(len(points), dtype=np.int64)
    for group in range(1, len(points)):
        near = np.abs(points[:group] - points[group]).max(axis=1, initial=0.0) <= scale
        if near.any():
            number[group] = number[int(near.argmax())]
    return number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Periods:
    """A horizon of decisions as a finite environment: the groups' points are each period's set of decisions.

    Attributes:
        values: stated value of each agent, shape (periods, agents, groups).
        outputs: the same in outputs.
        points: amounts, shape (periods, groups, columns).
        gap: largest gap of any group's decision.
        bound: proven: no decision is worth more to the group, shape (periods, groups).
        solved: programs solved; `skipped` followed from the skip rule.
        skipped: see there.
    """

    values: Array
    outputs: Array
    points: Array
    gap: float
    bound: Array
    solved: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """The optimisation model behind an environment's decisions.

    Attributes:
        allotment: the feasible set.
        values: stated, per unit of each column, shape (periods, columns).
        yields: outputs per unit, the same shape.
        points: the groups' optima, shape (periods, groups, columns).
        gap: largest gap of any of them. It costs 3 gaps in epsilon: each group takes the best of all groups' points,
            so that its choice may depend on what an agent outside it states.
        bound: proven: no decision is worth more to the group, shape (periods, groups).
        solved: programs solved.
        skipped: group problems that followed from the skip rule.
    """

    allotment: Allotment
    values: Array
    yields: Array
    points: Array
    gap: float
    bound: Array
    solved: int
    skipped: int

    GAP_FACTOR = 3


def periods(allotment: Allotment, values: Array, yields: Array, *, options: Any = None) -> Periods:
    """Solve every period's group problems.

    A group's decision stands at its own position; groups with the same decision share the first one's column, and
    their own columns repeat it, so that a tie goes to the first.

    Args:
        allotment: the feasible set.
        values: stated, per unit of each column, shape (periods, columns).
        yields: outputs per unit, the same shape.
        options: of the solver.
    """
    problems = GroupProblems(allotment, options=options)
    groups = allotment.agents + 1
    stated, outputs, points, bound = [], [], [], []
    gap, solved = 0.0, 0
    for worth, rate in zip(values, yields, strict=True):
        found = problems.decide(worth)
        stated.append(found.stated.T)
        outputs.append(np.array([allotment.by_agent(rate, point) for point in found.points]).T)
        points.append(found.points)
        bound.append(found.bound)
        gap, solved = max(gap, found.gap), solved + found.solved
    return Periods(
        values=np.array(stated), outputs=np.array(outputs), points=np.array(points), gap=gap, bound=np.array(bound),
        solved=solved, skipped=len(values) * groups - solved,
    )  # fmt: skip
