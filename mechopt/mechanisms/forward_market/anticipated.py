"""States of the world that agents anticipate: what holdings are worth on average, and which ones to bring about.

Before the state w is known, an agent who buys x expects the mean over the states of pi_i(x; w). That mean is convex
between the demands k_i(w), and its slope falls at each of them by the chance of the state times hat_i(k_i; w):

    mean marginal value   M_i(x) = sum over w with k_i(w) > x of alpha(w) hat_i(x; w).

The holdings with one common M_i are those that maximise the mean surplus below every state's demands, because
Pi_r(w) is a sum of concave functions with slopes -hat_i. Of identical agents they are equal shares, as in the paper.
Source: liu2020, Section 5.1; for agents who differ, ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market

Floats = NDArray[np.float64]
Side = Literal["left", "right"]
CELLS = 32  # into which each agent's holdings are cut in a round of the search
ROUNDS = 40
FINEST = 4e-16  # units of supply: intervals that rounding does not let become narrower
NEXT = 1e-11  # units of supply: a little less or more than a holding
AT_LIMIT = 1e-12  # units of supply: a holding this close to its limit is at it


class Prospect(Protocol):
    """What the spot market promises to holders before it opens: one `Market`, or the mean over `Anticipated` states."""

    @property
    def environment(self) -> Environment:
        """Who takes part."""

    @property
    def high(self) -> float:
        """The high end of the types."""

    @property
    def low(self) -> float:
        """The low end of the types."""

    @property
    def representatives(self) -> Sequence[int]:
        """One agent of each class of identical ones."""

    @property
    def target(self) -> Floats:
        """The holdings that the forward market is to bring about, units of supply, shape (agents,)."""

    @property
    def price(self) -> float:
        """The marginal value of the target, the same for all agents below their limits, money per unit."""

    @property
    def welfare(self) -> float:
        """E W, money."""

    @property
    def error(self) -> float:
        """Estimate of the absolute error of a surplus, money."""

    @property
    def cornered(self) -> Floats:
        """Pi where an agent holds everything, money, shape (agents,)."""

    @property
    def surplus_at_target(self) -> float:
        """Pi at the target, money."""

    @property
    def outside_payoffs(self) -> Floats:
        """E min(e_i, k_i) theta_i, money, shape (agents,)."""

    def limits(self, agent: int) -> Sequence[tuple[float, float]]:
        """The demands k_i beyond which a unit more is worth nothing, each with the chance of its state."""

    def payoff(self, agent: int, holdings: Floats) -> Floats:
        """pi_i of one agent at holdings of any shape, money."""

    def marginal_value(self, agent: int, holdings: Floats, *, side: Side) -> Floats:
        """What the next ("right") or the last ("left") unit held adds to pi_i, money per unit."""

    def payoffs(self, holding: Floats) -> Floats:
        """pi_i of every agent, money, shape (agents,)."""

    def worst_off_types(self, holding: Floats) -> Floats:
        """hat_i of every agent (mean over the states), shape (agents,)."""

    def surplus(self, holding: Floats) -> float:
        """Pi at holdings, money."""


def prospect_of(environment: Environment) -> Anticipated | Market:
    """What the document's agents look forward to: its anticipated states, or the spot market at its demands."""
    return Anticipated(environment) if environment.anticipated else Market(environment)


def state_markets(environment: Environment) -> list[Market]:
    """The spot market of every state."""
    return [Market(environment, demand=environment.in_state(state)) for state in environment.states]


def room(markets: Sequence[Market]) -> Floats:
    """The most that agents can hold before a unit more is worth less in some state; shape (agents,).

    Where everybody is served and types start at 0 a unit is worth 0 below and above the demand alike.
    """
    binding = [market.demand for market in markets if market.scarce or market.low > 0]
    return np.asarray(np.min([np.ones(markets[0].demand.size), *binding], axis=0))


class Anticipated:
    """The mean over the states of the world, as a `Prospect`.

    Args:
        environment: with states.

    Raises:
        InstanceError: there are no states.
    """

    def __init__(self, environment: Environment) -> None:
        if not environment.states:
            raise InstanceError("is missing; uncertainty needs states of the world", key="states")
        self.environment = environment
        self.low, self.high = environment.low, environment.high
        self.markets = state_markets(environment)
        self.weight = np.array([float(state.probability) for state in environment.states])

    @property
    def representatives(self) -> Sequence[int]:
        """One agent of each class of identical ones."""
        return self.markets[0].representatives

    @cached_property
    def _common(self) -> tuple[Floats, float]:
        agents, most = self.environment.agents, room(self.markets)
        if most.sum() >= 1.0:
            return common_value(self.markets, self.weight, np.zeros(agents), most)
        if len(self.representatives) == 1:  # the paper's equal shares, above the demand in some state
            held = np.full(agents, 1.0 / agents)
            return held, float(self.marginal_value(0, held[:1], side="right")[0])
        raise InstanceError(
            f"holdings below every state's demands sum to {float(most.sum()):g} at most, so that there are none with "
            "one marginal value; the supply is 1 (no state may leave supply over where values start above 0, unless "
            "all agents are alike)",
            key="states",
        )

    @property
    def target(self) -> Floats:
        """The holdings with one common mean marginal value, units of supply, shape (agents,).

        Raises:
            InstanceError: in some state supply is left over although every unit is worth something.
        """
        return self._common[0]

    @property
    def price(self) -> float:
        """The common mean marginal value, money per unit: P(0). Source: liu2020, Section 5.1."""
        return self._common[1]

    @property
    def at_limit(self) -> NDArray[np.bool_]:
        """Who holds all that is of use in some state, and is worth less to him than the common value."""
        return np.asarray(self.target >= room(self.markets) - AT_LIMIT)

    @cached_property
    def welfare(self) -> float:
        """Mean of E W, money."""
        return float(self.weight @ [market.welfare for market in self.markets])

    @cached_property
    def error(self) -> float:
        """Estimate of the absolute error of a mean surplus, money."""
        return float(self.weight @ [market.error for market in self.markets])

    @cached_property
    def cornered(self) -> Floats:
        """Mean of Pi where an agent holds everything, money, shape (agents,)."""
        return np.asarray(self.weight @ np.array([market.cornered for market in self.markets]))

    @cached_property
    def surplus_at_target(self) -> float:
        """Mean of Pi at the target, money."""
        return self.surplus(self.target)

    @cached_property
    def outside_payoffs(self) -> Floats:
        """Mean of min(e_i, k_i) E theta_i, money, shape (agents,)."""
        return np.asarray(self.weight @ np.array([market.outside_payoffs for market in self.markets]))

    def limits(self, agent: int) -> Sequence[tuple[float, float]]:
        """The demand in each state, with the state's chance."""
        return [(float(market.demand[agent]), chance) for market, chance in self.weighted]

    def payoff(self, agent: int, holdings: Floats) -> Floats:
        """Mean of pi_i of one agent at holdings of any shape, money. Source: liu2020, eq. (4), first term."""
        return np.asarray(sum(chance * market.payoff(agent, holdings) for market, chance in self.weighted))

    def marginal_value(self, agent: int, holdings: Floats, *, side: Side) -> Floats:
        """M_i: what the next or the last unit held is worth on average, money per unit.

        # Paper: the mean of hat_i(x; w) over all states; here a unit beyond k_i(w) is worth 0 in that state.

        Source: liu2020, Section 5.1.
        """
        return np.asarray(
            sum(chance * market.marginal_value(agent, holdings, side=side) for market, chance in self.weighted)
        )

    def worst_off_types(self, holding: Floats) -> Floats:
        """Mean of hat_i of every agent, shape (agents,): the paper's marginal value of a holding."""
        return np.asarray(sum(chance * market.worst_off_types(holding) for market, chance in self.weighted))

    def payoffs(self, holding: Floats) -> Floats:
        """Mean of pi_i of every agent, money, shape (agents,)."""
        return np.asarray(sum(chance * market.payoffs(holding) for market, chance in self.weighted))

    def surpluses(self, holding: Floats) -> Floats:
        """Pi in each state, money, shape (states,)."""
        return np.array([market.surplus(holding) for market in self.markets])

    def surplus(self, holding: Floats) -> float:
        """Mean of Pi, money."""
        return float(self.weight @ self.surpluses(holding))

    @property
    def weighted(self) -> list[tuple[Market, float]]:
        """The spot market of each state, with the state's chance."""
        return list(zip(self.markets, self.weight.tolist(), strict=True))


def common_value(markets: Sequence[Market], weight: Floats, low: Floats, high: Floats) -> tuple[Floats, float]:
    """Holdings within limits that sum to 1 and have one common marginal value, and that value.

    Each agent's M_i never falls on [low, high]. Every round cuts all intervals into cells and keeps the one in which
    the common value must lie: a root, exact to rounding, with no programme to solve.

    Args:
        markets: of the states.
        weight: of each state, shape (states,); they need not sum to 1.
        low: least holdings, units of supply, shape (agents,); their sum is at most 1.
        high: most, at most `room`; their sum is at least 1.

    Returns:
        Holdings, and the value (an agent at `high` may have a lower, one at `low` a higher one).
    """
    first, last = low.astype(np.float64), high.astype(np.float64)
    steps = np.linspace(0.0, 1.0, CELLS + 1)
    least, most = markets[0].low, markets[0].high * float(weight.sum())
    for _ in range(ROUNDS):
        cells = first[:, None] + (last - first)[:, None] * steps
        cells[:, -1] = last
        value = np.maximum.accumulate(mean_types(markets, weight, cells), axis=1)
        levels = np.unique(value)
        # Holdings at a value lie between two cell ends: the value is too low where all upper ends leave supply over,
        # too high where all lower ends need more than there is.
        fitting = _largest(levels, lambda level: float(_upper(cells, value, level).sum()) <= 1.0)  # noqa: B023
        short = _largest(levels, lambda level: float(_lower(cells, value, level).sum()) < 1.0)  # noqa: B023
        if fitting >= 0:
            least = float(levels[fitting])
            first = _lower(cells, value, least)
        if short + 1 < levels.size:
            most = float(levels[short + 1])
            last = _upper(cells, value, most)
        if float((last - first).max()) <= FINEST:
            break
    rest, space = 1.0 - float(first.sum()), last - first
    total = float(space.sum())
    holding = np.clip(first + space * (rest / total) if total > 0 else first, low, high)
    free = (holding > low + AT_LIMIT) & (holding < high - AT_LIMIT)
    if not free.any():
        return holding, (least + most) / 2
    # Where no type is likely M_i jumps at the holding; the common value is between the ends of every jump.
    beside = np.clip(holding[:, None] + np.array([-NEXT, 0.0, NEXT]), 0.0, 1.0)
    last, here, following = mean_types(markets, weight, beside)[free].T
    middle, ends = float(np.median(here)), (float(last.max()), float(following.min()))
    return holding, middle if ends[0] <= middle <= ends[1] else sum(ends) / 2


def _largest(levels: Floats, fits: Callable[[float], bool]) -> int:
    """The place of the largest level that fits, where smaller ones do too; -1 where none does."""
    found, failing = -1, levels.size
    while failing - found > 1:
        middle = (found + failing) // 2
        found, failing = (middle, failing) if fits(float(levels[middle])) else (found, middle)
    return found


def _lower(cells: Floats, value: Floats, level: float) -> Floats:
    """Each agent's largest cell end worth no more than a level, or his first."""
    place = np.maximum((value <= level).sum(axis=1) - 1, 0)
    return np.take_along_axis(cells, place[:, None], axis=1)[:, 0]


def _upper(cells: Floats, value: Floats, level: float) -> Floats:
    """Each agent's least cell end worth more than a level, or his last."""
    place = np.minimum((value <= level).sum(axis=1), cells.shape[1] - 1)
    return np.take_along_axis(cells, place[:, None], axis=1)[:, 0]


def mean_types(markets: Sequence[Market], weight: Floats, holdings: Floats) -> Floats:
    """Weighted sum over the states of hat_i at holdings of shape (agents, points)."""
    total = np.zeros(holdings.shape)
    for market, chance in zip(markets, weight.tolist(), strict=True):
        if chance:
            total += chance * market.worst_off_types(holdings)
    return total
