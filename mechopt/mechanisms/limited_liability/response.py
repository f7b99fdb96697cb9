"""The response to regrets as a projection, and under limits: a floor on participation, caps on exclusion.

Blackwell's rule projects R on the negative orthant: z* = argmin |R - z|^2 over z <= 0 is -R^-, and mu is proportional
to R - z* = R^+, eq. (8). An operator may not be free to follow it: everybody must be heard with some probability, no
agent left out too often, some never. The response that costs least solves a linear program in which only the
probabilities P_a of decisions count,

    min sum_a s_a,   s_a >= w_a - S P_a,   P_a = sum over groups with a*(G) = a of mu(G),   s >= 0, limits on mu,

with w = R^+ by decision and S its sum. <R+, dR> is then at most n y_max sum_a s_a, and |R+|^2 grows by at most twice
that beyond its usual bound. Among equally good responses the one with the largest mu(I) is taken.

Source: chassang2021, eqs. (7)-(8) and (20)-(21): B = sum_a (w_a - S P_a) Y(a), with Y(a) in [0, n y_max].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.program import LinearProgram

Array = NDArray[np.float64]
ALLOWED = 1e-12  # a limit that rounding misses by this much is kept
SLACK = 1e-9  # of the sum of weights, above the least cost, while mu(I) is made largest


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator must respect.

    Attributes:
        participation_floor: least mu(I), the probability that everybody is heard.
        exclusion_caps: largest mu(I\\i), by agent; () for none.
    """

    participation_floor: float = 0.0
    exclusion_caps: Sequence[float] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclusion_caps", tuple(self.exclusion_caps))
        for name, values in (("participation_floor", (self.participation_floor,)),
                             ("exclusion_caps", self.exclusion_caps)):  # fmt: skip
            for value in values:
                if not 0 <= value <= 1:
                    raise InstanceError(f"must be a probability, not {value}", key=f"response.{name}")

    def caps(self, agents: int) -> Array:
        """A cap an agent; 1 where there is none."""
        return np.array(self.exclusion_caps) if self.exclusion_caps else np.ones(agents)

    def kept(self, shares: Sequence[float]) -> bool:
        """Whether probabilities respect the limits."""
        caps = self.caps(len(shares) - 1)
        return bool(shares[0] >= self.participation_floor - ALLOWED) and bool(
            (np.asarray(shares[1:]) <= caps + ALLOWED).all()
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """Probabilities under limits.

    Attributes:
        shares: mu, shape (groups,).
        shortfall: sum_a s_a, in units of regret; 0 where the limits do not bind.
    """

    shares: Array
    shortfall: float


def project(regret: Array) -> Array:
    """The nearest point of the negative orthant: argmin |R - z|^2 over z <= 0."""
    return np.minimum(regret, 0.0)


def respond(weights: Sequence[float], decisions: Sequence[int], limits: Limits) -> Response:
    """The least costly probabilities that respect the limits.

    Args:
        weights: R^+ (lambda R^+ where externalities are smoothed) by group, the grand group first.
        decisions: a*(G) by group; equal numbers mean the same decision.
        limits: of the operator.
    """
    from mechopt import solver

    weight = np.asarray(weights, dtype=np.float64)
    # In shares of their sum: regrets may be in any unit, the tolerances of a solver are not.
    program = response_program(weight / (float(weight.sum()) or 1.0), decisions, limits)
    groups = weight.size
    sequence = solver.Sequence(program)
    least = sequence.solve()
    cost = np.zeros(program.columns)
    cost[0] = -1.0  # then the largest mu(I) at that cost
    last = program.rows - 1
    found = sequence.solve(cost=cost, rows=[last], row_lower=[-np.inf], row_upper=[least.objective + SLACK])
    shares = np.clip(found.point[:groups], 0.0, 1.0)
    shares /= shares.sum()
    return Response(shares=shares, shortfall=shortfall(weight, decisions, shares))


def response_program(weights: Array, decisions: Sequence[int], limits: Limits) -> LinearProgram:
    """The linear program: columns mu by group, then s by decision; its last row is the cost, without a limit."""
    groups = weights.size
    kinds = sorted(set(decisions))
    total = float(weights.sum())
    columns = groups + len(kinds)
    rows = np.zeros((len(kinds) + 2, columns))
    lower = np.zeros(len(kinds) + 2)
    for place, kind in enumerate(kinds):
        same = np.array([decision == kind for decision in decisions])
        rows[place, :groups][same] = total
        rows[place, groups + place] = 1.0
        lower[place] = float(weights[same].sum())
    rows[-2, :groups] = 1.0
    rows[-1, groups:] = 1.0
    lower[-2] = 1.0
    lower[-1] = -np.inf
    high = np.full(len(kinds) + 2, np.inf)
    high[-2] = 1.0
    upper = np.concatenate([[1.0], limits.caps(groups - 1), np.full(len(kinds), np.inf)])
    least = np.zeros(columns)
    least[0] = limits.participation_floor
    cost = np.concatenate([np.zeros(groups), np.ones(len(kinds))])
    return LinearProgram.from_dense(
        rows, sense="min", cost=cost, lower=least, upper=upper, row_lower=lower, row_upper=high
    )


def shortfall(weights: Array, decisions: Sequence[int], shares: Array) -> float:
    """sum_a (w_a - S P_a)^+ of given probabilities."""
    total = float(weights.sum())
    cost = 0.0
    for kind in set(decisions):
        same = np.array([decision == kind for decision in decisions])
        cost += max(0.0, float(weights[same].sum()) - total * float(shares[same].sum()))
    return cost
