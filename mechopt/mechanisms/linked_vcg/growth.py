"""One market scaled up: bounds and reports for any number of agents. Source: zhu2021, Section 6.3.

The document's agents are profiles: agent n of the k-model is like agent n mod N of the document, and the stock grows in
proportion. Dates are independent draws from the profile's own dates, or from given distributions, so Assumption 1 holds
with Hoeffding's bound, which is what sets the widths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.brackets import Bracket, bracket, date_rewards
from mechopt.mechanisms.linked_vcg.confidence import Payoffs, believable_by_agents, risk_of_agents
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.laws import Laws
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.mechanisms.linked_vcg.widths import Bound, cheapest_widths

Array = NDArray[np.float64]
ROUNDS = 100
SETTLED = 1e-6  # relative: how much more payoff than needed to count with


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Base:
    """The market that is scaled.

    Attributes:
        stock: of all profiles together, shape (resources,).
        types: theta, shape (types, resources).
        reports: dates to draw from, shape (profiles, dates, types).
        laws: of one date's endowments; with families they are drawn from these.
        discount: beta.
        payoffs: of the stock of all profiles.
    """

    stock: Array
    types: Array
    reports: Array
    laws: Laws
    discount: float
    payoffs: Payoffs

    def knapsack(self, agents: int) -> Knapsack:
        """The knapsack of the k-model."""
        return Knapsack(self.stock * (agents / len(self.reports)), self.types)

    def profiles(self, agents: int) -> NDArray[np.intp]:
        """Which profile each agent has."""
        return np.arange(agents) % len(self.reports)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Size:
    """The mechanism of one k-model.

    Attributes:
        agents: k.
        dates: T[k].
        upper: bounds of each profile, shape (profiles, types).
        delta: the probability that any agent leaves his bounds, at most.
        conjecture: believable; None without a tolerance.
        width_ratio: expected cost of the widths relative to the surplus at mean endowments.
    """

    agents: int
    dates: int
    upper: Array
    delta: float
    conjecture: float | None
    width_ratio: float


def size_of(
    base: Base, agents: int, dates: int, *, bound: Bound, delta: float | None, target: float, tolerance: float | None
) -> Size:
    """The cheapest bounds of the k-model for its confidence.

    Args:
        base: the market.
        agents: k.
        dates: T[k].
        bound: on the tails.
        delta: for all agents together; None where the conjecture decides.
        target: the conjecture to be believable, where delta is None.
        tolerance: epsilon.
    """
    laws, shape = base.laws, base.laws.mean.shape
    many = np.bincount(base.profiles(agents), minlength=len(base.reports)).astype(np.float64)
    here = many > 0
    value, worth = _at_the_mean(base, agents, many)
    scale = base.discount ** np.arange(dates)
    weight = (many[:, None] * dates * worth).ravel()
    tails = laws.tails(bound, dates=dates, sides=np.ones(len(many), dtype=np.intp))
    # A larger market has more stock, so what an agent can gain from it is bounded by his own budget in the end.
    payoffs = replace(base.payoffs, stock=base.payoffs.stock * agents / len(many))
    limit = payoffs.bounds(laws.mean, dates=dates, discount=base.discount) * (1 + SETTLED)
    for _ in range(ROUNDS):
        if delta is None:
            if tolerance is None:
                raise ValueError("a conjecture needs a tolerance")
            risk = many * risk_of_agents(target, tolerance=tolerance, payoff_bound=limit)
        else:
            risk = many
        found = cheapest_widths(
            weight, tails, budget=target if delta is None else delta,
            risk=np.repeat(np.where(here, risk, 1.0), shape[1]),
        )  # fmt: skip
        upper = np.minimum(laws.mean + found.width.reshape(shape), laws.high)
        needed = payoffs.bounds(upper, dates=dates, discount=base.discount)
        if delta is not None or np.all(needed <= limit):
            break
        limit = np.maximum(limit, needed * (1 + SETTLED))
    else:
        raise InstanceError(f"no bounds for {agents} agents allow as little payoff as their conjecture needs",
                            key="simulate.conjecture")  # fmt: skip
    chance = np.minimum(found.tail.reshape(shape).sum(axis=1), 1.0)
    profile = base.profiles(agents)
    return Size(
        agents=agents, dates=dates, upper=upper, delta=float(chance @ many),
        conjecture=None if tolerance is None else believable_by_agents(
            chance[profile], tolerance=tolerance, payoff_bound=needed[profile]),
        width_ratio=float(weight @ (upper - laws.mean).ravel()) / (value * float(scale.sum())),
    )  # fmt: skip


def _at_the_mean(base: Base, agents: int, many: Array) -> tuple[float, Array]:
    """The surplus of a date with mean endowments, and what a project is worth there, shape (profiles, types)."""
    total = many @ base.laws.mean
    investment = base.knapsack(agents).invest(total)
    geometry = investment.geometry
    worth = np.where(geometry.full, base.types @ np.asarray(geometry.price, dtype=np.float64), 0.0)
    # Of a partly invested type, the share of agents who are served.
    amount, there = np.asarray(investment.amount, dtype=np.float64)[geometry.partial], total[geometry.partial]
    worth[geometry.partial] = np.minimum(1.0, np.divide(amount, there, out=np.ones_like(there), where=there > 0))
    return float(investment.value), np.broadcast_to(worth, base.laws.mean.shape)


def draw(base: Base, size: Size, generator: Generator) -> Array:
    """Endowments of a k-model, shape (agents, dates, types)."""
    profile = base.profiles(size.agents)
    if not base.laws.families:
        dates = generator.integers(base.reports.shape[1], size=(size.agents, size.dates))
        return np.asarray(base.reports[profile[:, None], dates])
    drawn = np.zeros((size.agents, size.dates, base.types.shape[0]))
    for (row, kind), family in sorted(base.laws.families.items(), key=lambda item: item[0]):
        here = np.flatnonzero(profile == row)
        drawn[here, :, kind] = family.sample(generator, (here.size, size.dates))
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """One drawn horizon of a k-model, date-1 value.

    Attributes:
        surplus: of everybody.
        unlinked: cost of the unlinked mechanism.
        low: cost of the linked one, at least.
        estimate: of it.
        high: at most.
        timing: the part of the estimate for prices that differ between dates.
        takers: share of agents who take prices as given.
        left: share of agents whose reports had to be cut.
    """

    surplus: float
    unlinked: float
    low: float
    estimate: float
    high: float
    timing: float
    takers: float
    left: float


def replicate(base: Base, size: Size, generator: Generator) -> Replication:
    """Draw a horizon and settle it; what leaves its bounds is cut, as the mechanism does."""
    upper = size.upper[base.profiles(size.agents)]
    reports, changed = retract(draw(base, size, generator), np.zeros_like(upper), upper)
    solver, budget = base.knapsack(size.agents), size.dates * upper
    found: Bracket = bracket(
        (
            date_rewards(reports[:, date], budget, solver.invest(reports[:, date].sum(axis=0), date=str(date + 1)),
                         base.types)
            for date in range(size.dates)
        ),
        budget, reports.sum(axis=1), discount=base.discount,
    )  # fmt: skip
    return Replication(
        surplus=found.surplus, unlinked=float(found.unlinked.sum()), low=float(found.linked_low.sum()),
        estimate=float(found.estimate.sum()), high=float(found.linked_high.sum()), timing=float(found.timing.sum()),
        takers=float(found.takers.mean()), left=float(changed.any(axis=1).mean()),
    )  # fmt: skip
