"""The manager's budget for a queue of n jobs whose types she does not know: its mean and variance under every design.

With u the payoffs of the efficient order, transfers sum to (n - 1) W* (two_stage), (n - 1) W* - sum_i W*_{-i} (pivot)
and, at the least variance that constants of the others' reports allow, (n - 1) times what all n types move together in
W*. Exact where every combination of types can be looked at; else simulated, with a standard error and a proven bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.borrowing.cases import LARGEST_SETS, Welfares, welfares
from mechopt.mechanisms.borrowing.environment import Environment, Queue
from mechopt.mechanisms.borrowing.expectations import Estimate
from mechopt.mechanisms.borrowing.order_types import Types, index, mean, probabilities
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.outcome import Guarantee

DRAWS = 20_000  # of all types, where they are not enumerated
SLOW_ORDERS = 1_000  # where each order is found by itself
MIXED = 200_000  # orders in all that the least variance is simulated from
LEAST_DRAWS = 30  # fewer say nothing about a variance
LARGEST_MIXED = 8  # jobs
NEEDS = {
    "balanced": "the balanced rule is for three or more jobs with affine values that are ready together",
    "minimum_variance": "its interaction of all types takes too many orders to simulate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The sum of transfers under one design, constants left out.

    Attributes:
        design: its name.
        mean: expected sum; above 0 is a deficit.
        variance: of the sum. Its error is a standard error where it was simulated.
        bound: proven upper bound of the variance.
    """

    design: str
    mean: Estimate
    variance: Estimate
    bound: Fraction

    def constant(self, jobs: int) -> Estimate:
        """What everybody's transfer needs added for an expected sum of zero."""
        return self.mean.times(Fraction(-1, jobs))


class OrderBudget:
    """The budgets of one queue, each computed when it is first asked for.

    Args:
        environment: with a queue that has beliefs.
        seed: of draws.

    Raises:
        InstanceError: the queue has no beliefs.
    """

    def __init__(self, environment: Environment, *, seed: int | None = None) -> None:
        queue = environment.sequence
        if not isinstance(queue, Queue) or not queue.beliefs:
            raise InstanceError("needs beliefs about the jobs ([[sequence.beliefs]])", key="sequence")
        problem = Problem(queue, dict(environment.values))
        self.queue = queue
        self.types = Types(problem=problem, values=dict(environment.values), beliefs=queue.beliefs)
        self.jobs = len(problem)
        self.seed = environment.seed if seed is None else seed

    @cached_property
    def exact(self) -> bool:
        """Whether every combination of types is looked at."""
        return self.types.few

    @cached_property
    def cases(self) -> int:
        """Combinations, or draws."""
        return int(self._welfares.all_jobs.size)

    @cached_property
    def _welfares(self) -> Welfares:
        if self.exact:
            return welfares(self.types.combinations())
        generator = np.random.default_rng(np.random.SeedSequence(self.seed))
        return welfares(self.types.sampled(*self.types.draw(generator, self._draws)))

    @property
    def _affine(self) -> bool:
        return self.types.problem.plain and all(function.affine is not None for function in self.types.functions)

    @property
    def _draws(self) -> int:
        quick = self.types.problem.plain and (self.jobs <= LARGEST_SETS or self._affine)
        return DRAWS if quick else SLOW_ORDERS // (self.jobs + 1)

    @cached_property
    def weights(self) -> list[tuple[list[int], int]]:
        """Each job's probabilities of its types as whole numbers over a denominator."""
        return probabilities(self.types.each)

    @cached_property
    def _tensor(self) -> NDArray[Any]:
        """W* of every combination as whole numbers of any size, one axis a job."""
        return self._welfares.all_jobs.astype(object).reshape([len(found) for found, _ in self.weights])

    @cached_property
    def all(self) -> list[Budget]:
        """Every design that the queue allows."""
        count = self.jobs
        whole, rest = self._welfares.all_jobs, self._welfares.without
        if self._welfares.exact:
            whole, rest = whole.astype(object), rest.astype(object)
        ranges = [high - low for low, high in self.types.bounds()]
        spread = (count - 1) * sum(ranges, Fraction(0))
        none = Estimate(value=Fraction(0))
        found = [
            Budget(design="one_stage", mean=none, variance=none, bound=Fraction(0)),
            self._budget("two_stage", (count - 1) * whole, spread**2 / 4),
            # Each W*_{-i} moves as far as the values of the others.
            self._budget("pivot", (count - 1) * whole - rest.sum(axis=0), (2 * spread) ** 2 / 4),
            *self._least(spread**2 / 4),
        ]
        if count > 2 and self._affine:
            found.append(Budget(design="balanced", mean=none, variance=none, bound=Fraction(0)))
        return found

    def of(self, design: str) -> Budget:
        """The budget of one design.

        Raises:
            InstanceError: the design does not fit the queue.
        """
        for budget in self.all:
            if budget.design == design:
                return budget
        raise InstanceError(f"{design} has no budget for this queue: {NEEDS[design]}", key="design")

    def _budget(self, design: str, sums: NDArray[Any], bound: Fraction) -> Budget:
        first, variance = self._moments(sums)
        return Budget(design=design, mean=first, variance=variance, bound=bound)

    def _moments(self, sums: NDArray[Any]) -> tuple[Estimate, Estimate]:
        """Mean and variance of what every combination or draw has."""
        if self.exact:
            weight = self._joint
            total, scale = self._denominator, self._welfares.scale
            first = Fraction(int((weight * sums).sum()), total * scale)
            second = Fraction(int((weight * sums * sums).sum()), total * scale**2)
            return Estimate(value=first), Estimate(value=second - first**2)
        size = sums.size
        centred = sums - sums.mean()
        with np.errstate(over="ignore", invalid="ignore"):
            variance = float((centred**2).sum() / (size - 1))
            kurtosis = float((centred**4).mean()) - variance**2 * (size - 3) / (size - 1)
        if not np.isfinite(kurtosis):
            raise SolveError("the values are too large to simulate their variance in floats")
        return (
            Estimate(value=float(sums.mean()), error=sqrt(variance / size), proven=False),
            Estimate(value=variance, error=sqrt(max(kurtosis, 0.0) / size), proven=False),
        )

    @cached_property
    def _joint(self) -> NDArray[Any]:
        """The probability of every combination, times the product of the denominators."""
        found = np.ones(1, dtype=object)
        for weight, _ in self.weights:
            found = np.multiply.outer(found, np.array(weight, dtype=object)).ravel()
        return found

    @property
    def _denominator(self) -> int:
        return prod(denominator for _, denominator in self.weights)

    def _least(self, bound: Fraction) -> list[Budget]:
        """The least variance of (n - 1) W* + sum_i h_i(types of the others): that of the n-way interaction of W*.

        Nothing where that takes too many orders.
        """
        variance = self._interaction() if self.exact else self._mixed()
        zero = Estimate(value=Fraction(0))
        return [] if variance is None else [
            Budget(design="minimum_variance", mean=zero, variance=variance, bound=bound)
        ]  # fmt: skip

    def _interaction(self) -> Estimate:
        left = self._tensor
        for axis in range(self.jobs):
            left = left * self.weights[axis][1] - mean(left, self.weights, axis)
        scale = self._welfares.scale * self._denominator
        second = Fraction(int((self._joint * left.ravel() ** 2).sum()), self._denominator * scale**2)
        return Estimate(value=(self.jobs - 1) ** 2 * second)

    def _mixed(self) -> Estimate | None:
        """The same from two independent draws of every type.

        Of all 2^n mixtures of both, with alternating signs, only the interaction is left, 2^n times its variance.
        """
        if self.jobs > 2 and self._affine:  # the welfare of affine values is a sum over pairs
            return Estimate(value=Fraction(0))
        corners = 1 << self.jobs
        size = (MIXED if self._draws == DRAWS else SLOW_ORDERS) // corners
        if size < LEAST_DRAWS or self.jobs > LARGEST_MIXED:
            return None
        generator = np.random.default_rng(np.random.SeedSequence(self.seed).spawn(1)[0])
        one, two = self.types.draw(generator, size), self.types.draw(generator, size)
        total = np.zeros(size)
        for mask in range(corners):
            take = np.array([mask >> job & 1 for job in range(self.jobs)], dtype=bool)[:, None]
            which, duration = (np.where(take, a, b) for a, b in zip(one, two, strict=True))
            best = welfares(self.types.sampled(which, duration)).all_jobs
            total += (-1) ** mask.bit_count() * best
        squares = (self.jobs - 1) ** 2 * total**2 / corners
        return Estimate(value=float(squares.mean()), error=float(squares.std(ddof=1) / sqrt(size)), proven=False)

    @property
    def guarantee(self) -> Guarantee:
        """What the budgets are worth."""
        if self.exact:
            return Guarantee(kind="exact", detail=f"budgets over {self.cases} combinations of types, in whole numbers")
        error = max(budget.variance.error for budget in self.all)
        detail = f"budgets estimated from {self.cases} draws (seed {self.seed}); the error is a standard error"
        return Guarantee(kind="approximate", detail=detail, error=error)

    def charges(self) -> list[Fraction]:
        """h_i of the minimum-variance design at the types that the jobs have, exactly.

        The part of W* that not all types move is sum_i E_i (I - E_1) ... (I - E_{i-1}) W*, where E_i is the mean over
        the type of job i: each term is free of its own job's report.

        Raises:
            InstanceError: types are too many to enumerate, or a job's type is none that was thought possible.
        """
        if not self.exact:
            raise InstanceError("minimum_variance needs few combinations of discrete types", key="design")
        types = self.types.each
        at = []
        for number, job in enumerate(self.queue.jobs):
            place = index(types, number, job.value, job.duration)
            if place is None:
                raise InstanceError(f"job {job.name} is none of the types that are thought possible",
                                    key="sequence.beliefs")  # fmt: skip
            at.append(place)
        left, scale, found = self._tensor, self._welfares.scale, []
        for axis in range(self.jobs):
            average = mean(left, self.weights, axis)
            denominator = self.weights[axis][1]
            here = tuple(0 if k == axis else place for k, place in enumerate(at))
            scale *= denominator
            found.append(Fraction(-(self.jobs - 1) * int(average[here]), scale))
            left = left * denominator - average
        return found


def balancing_constant(environment: Environment, known: OrderBudget | None) -> Any:
    """What everybody's transfer needs added for an expected sum of zero; None where there are no beliefs."""
    if known is None or environment.constant != "balanced":
        return None
    return known.of(environment.design).constant(known.jobs).value


def as_rows(known: OrderBudget, *, exactly: bool) -> dict[str, list[Any]]:
    """The budgets as a table: expected sum, balancing constant, variance, its standard error and a proven bound."""

    def shown(value: Any) -> Any:
        return value if exactly else exact.as_float(value) + 0.0  # no -0

    found = known.all
    how = f"{'every one of' if known.exact else 'estimated from'} {known.cases} {'cases' if known.exact else 'draws'}"
    return {
        "design": [budget.design for budget in found],
        "expected_deficit": [shown(budget.mean.value) for budget in found],
        "balancing_constant": [shown(budget.constant(known.jobs).value) for budget in found],
        "variance": [shown(budget.variance.value) for budget in found],
        "standard_error": [budget.variance.error for budget in found],
        "variance_at_most": [shown(budget.bound) for budget in found],
        "from": [how if budget.bound else "a theorem" for budget in found],
    }
