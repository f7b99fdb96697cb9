"""From ex-post to almost ex-post: how sure the bounds must be for truth to be reasonable, and what may be conjectured.

The bounds hold with probability at least 1 - delta. An agent whose payoff can never exceed D, and who does not bother
with gains below the tolerance, tells the truth while he finds leaving the bounds unlikely enough; a conjecture c on
what the others do is believable where it proves itself right. Everything here is Lemma 5 (a nonnegative martingale that
starts at delta_n reaches x with probability at most delta_n / x) and a union bound. Source: zhu2021, Section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.certify import Certificate, certify
from mechopt.errors import CertificateError, InstanceError
from mechopt.mechanisms.linked_vcg.knapsack import sizes
from mechopt.program import LinearProgram, to_float
from mechopt.solver import solve


def delta_of(z: ArrayLike, *, tolerance: float, payoff_bound: float, agents: int) -> NDArray[np.float64]:
    """delta(z): with bounds this sure, the conjecture c(z) is believable.

    Args:
        z: in (0, 1).
        tolerance: epsilon > 0, payoff.
        payoff_bound: beta^(1-T) T v-bar, payoff.
        agents: N >= 2.

    Source: zhu2021, the definition before Proposition 2.
    """
    share = np.asarray(z, dtype=np.float64)
    return np.minimum(share * (1 - share) * (tolerance / payoff_bound) ** 2 / agents, 1.0)


def conjecture_of(z: ArrayLike, *, tolerance: float, payoff_bound: float) -> NDArray[np.float64]:
    """c(z), the conjecture that delta(z) makes believable. Arguments and source as in `delta_of`."""
    return np.minimum(np.asarray(z, dtype=np.float64) * tolerance / payoff_bound, 1.0)


def largest_delta(*, tolerance: float, payoff_bound: float, agents: int) -> float:
    """The least sure bounds for which Proposition 2 gives a conjecture below 1: delta(1/2)."""
    return float(delta_of(0.5, tolerance=tolerance, payoff_bound=payoff_bound, agents=agents))


def believable(delta: float, *, tolerance: float, payoff_bound: float, agents: int) -> float | None:
    """The smallest conjecture that Proposition 2 makes believable for bounds with probability 1 - delta.

    Returns:
        c: each agent may believe that the others all tell the truth with probability at least 1 - c. None where
        delta is too large and only c = 1 is believable.

    Source: zhu2021, Proposition 2. Paper: any z with delta(z) < delta-bar gives a small c(z); here: the smaller root
    of delta(z) = delta, because z near 1 has a small delta(z) and a c(z) near its maximum. With one agent there is
    nobody to conjecture about and c is the probability that he stops telling the truth (end of Section 5).
    """
    ratio = tolerance / payoff_bound
    if agents == 1:
        return delta / ratio if delta <= ratio else None
    inside = 1 - 4 * delta * agents / ratio**2
    if not inside >= 0:
        return None
    # The smaller root of c (ratio - c) = delta N, written without a difference of near numbers.
    return min(1.0, 2 * delta * agents / ratio / (1 + inside**0.5))


def believable_by_agents(delta: ArrayLike, *, tolerance: float, payoff_bound: ArrayLike) -> float | None:
    """The smallest believable conjecture where each agent has his own probability and his own payoff bound.

    Args:
        delta: the probability that the agent leaves his bounds, at most, shape (agents,).
        tolerance: epsilon > 0, payoff.
        payoff_bound: D_n, at the end of the horizon, payoff, shape (agents,).

    Returns:
        The least c with sum_n delta_n / (epsilon / D_n - c) <= c, rounded up; None where there is none.

    Source: zhu2021, the proof of Proposition 2. Paper: delta_n <= delta and one D for all, hence a factor N; here:
    the agents' own numbers, whose sum appears in place of N delta.
    """
    chance, limit = np.broadcast_arrays(
        np.asarray(delta, dtype=np.float64), tolerance / np.asarray(payoff_bound, dtype=np.float64)
    )
    if chance.size == 1:
        return believable(float(chance.ravel()[0]), tolerance=float(limit.ravel()[0]), payoff_bound=1.0, agents=1)
    if not chance.any():
        return 0.0
    from scipy.optimize import brentq

    top = float(min(limit.min(), 1.0))

    def excess(c: float) -> float:
        return float((chance / (limit - c)).sum() - c)

    # Convex below the least limit: least where its slope is 0, and the smaller root lies left of that.
    def slope(c: float) -> float:
        return float((chance / (limit - c) ** 2).sum() - 1)

    end = top * (1 - 1e-12)
    least = 0.0 if slope(0.0) >= 0 else end if slope(end) <= 0 else brentq(slope, 0.0, end)
    if not excess(least) <= 0:
        return None
    root = float(brentq(excess, 0.0, least, xtol=1e-300, rtol=1e-14))
    while excess(root) > 0:  # a believable conjecture must satisfy its inequality, not nearly so
        root = min(least, root * (1 + 1e-14) + 5e-324)
    return root


def risk_of_agents(conjecture: float, *, tolerance: float, payoff_bound: ArrayLike) -> NDArray[np.float64]:
    """What a unit of the agents' delta_n weighs in what makes a conjecture believable: sum_n risk_n delta_n <= c.

    Raises:
        InstanceError: an agent's payoff bound is so large that no delta makes this conjecture believable.
    """
    limit = tolerance / np.asarray(payoff_bound, dtype=np.float64)
    if not np.all(limit > conjecture):
        needed = conjecture * float(np.max(payoff_bound))
        raise InstanceError(
            f"{tolerance:g} is too small for a conjecture of {conjecture:g}: an agent's payoff can reach "
            f"{np.max(payoff_bound):g}, so it must be above {needed:g}; or ask for a smaller conjecture",
            key="design.tolerance",
        )
    return np.asarray(1 / (limit - conjecture))


def most_from(resources: NDArray[Any], types: NDArray[Any]) -> float:
    """v(resources, infinity): the most payoff that resources give with projects of every type without end.

    Args:
        resources: shape (resources,), >= 0.
        types: theta, shape (types, resources).

    Raises:
        CertificateError: the optimum has no exact certificate.

    Source: zhu2021, Section 5, v-bar; with the needs of one type in the place of the stock, what that type displaces.
    """
    measure, unit = sizes(resources, types)
    # The second is solved, and its basis proven to be optimal for the first.
    program, scaled = (
        LinearProgram.from_dense(
            needs, sense="max", cost=np.ones(len(types)), lower=0.0, upper=np.inf,
            row_lower=np.full(len(resources), -np.inf), row_upper=most,
        )
        for needs, most in (
            (types.T, resources), ((to_float(types) / measure).T, to_float(resources) / measure / unit)
        )
    )  # fmt: skip
    found = certify(program, solve(scaled))
    if not isinstance(found, Certificate):
        raise CertificateError(f"no proof of the most payoff that the stock gives: {found.reason}")
    return float(np.nextafter(exact.as_float(found.objective), np.inf))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Payoffs:
    """The most payoff that resources can ever give.

    Attributes:
        stock: v-bar, from the whole stock at one date.
        project: kappa_i, from what one project of each type uses, shape (types,).
    """

    stock: float
    project: NDArray[np.float64]

    @classmethod
    def of(cls, stock: NDArray[Any], types: NDArray[Any]) -> Payoffs:
        """For one stock and one set of types."""
        return cls(stock=most_from(stock, types), project=np.array([most_from(needs, types) for needs in types]))

    def bounds(self, upper: NDArray[np.float64], *, dates: int, discount: float) -> NDArray[np.float64]:
        """D_n: what an agent can ever gain, whatever he has and reports, in money of the last date.

        Args:
            upper: bounds on the averages, shape (agents, types).
            dates: T.
            discount: beta.

        Returns:
            beta^(1-T) T min(v-bar, sum_i upper_i (1 + kappa_i)), shape (agents,). What he is allotted covers at most
            his budget of reports, and kappa_i is the most that a reported project's resources give to other projects;
            his transfer is at most his largest contribution, T sum_i upper_i.

        Source: zhu2021, Section 5. Paper: beta^(1-T) T v-bar for everybody; here: his own bound where it is smaller,
        by Lemma 6 (1) in its corrected form, beta^(T-1) W^n <= max S^n.
        """
        most = np.minimum(self.stock, upper @ (1 + self.project))
        return np.asarray(self.horizon(dates, discount) / self.stock * most)

    def horizon(self, dates: int, discount: float) -> float:
        """beta^(1-T) T v-bar, the paper's bound for everybody."""
        return float(dates * discount ** (1 - dates)) * self.stock
