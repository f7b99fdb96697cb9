"""Holdings bought before the state of the world is known: the best on average, and the best in the worst state.

Pi_r(w) is a sum of concave functions of each r_i in every state w, so that cutting planes an agent and state
(Kelley's method) end with holdings and a bound that no holdings beat. Source: liu2020, Section 5.1, beyond symmetry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.anticipated import common_value, mean_types, room, state_markets
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.holdings import Limits
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.roots import rising_root
from mechopt.program import LinearProgram
from mechopt.solver import solve

Floats = NDArray[np.float64]
ROUNDS = 80
REACH = 4.0  # times the high end: more than any surplus or outside option
CLOSE = 3e-10  # of the support's high end: the gap at which the cuts stop


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Robust:
    """Holdings for an uncertain state.

    Attributes:
        holding: r_i, units of supply, shape (agents,).
        value: mean or least surplus over the states, money.
        bound: no holdings within the limits reach more.
        surplus: of each state, money.
        marginal: mean of hat_i(r_i; w) over the states, money per unit, shape (agents,): the price P(0) that supports
            the holdings under anticipated uncertainty is their common value.
        programme: the value that the linear programme of the cutting planes ended with, money.
    """

    holding: Floats
    value: float
    bound: float
    surplus: Sequence[float]
    marginal: Floats
    programme: float


def best_holdings(environment: Environment, goal: Literal["mean", "worst"], limits: Limits | None = None) -> Robust:
    """The holdings with the largest mean surplus, or the largest least surplus, over the states.

    Args:
        environment: with states.
        goal: "mean" or "worst".
        limits: caps and floors of agents; holdings stay below every state's demands in any case.

    Raises:
        InstanceError: there are no states, or the limits and demands leave supply with nobody.
    """
    if not environment.states:
        raise InstanceError("is missing; uncertainty needs states of the world", key="states")
    markets = state_markets(environment)
    weight = np.array([float(state.probability) for state in environment.states])
    cap = room(markets)  # above k_i(w) a holding is worth nothing more, which is not concave
    floor = np.zeros(environment.agents)
    if limits is not None:
        cap, floor = np.minimum(cap, limits.cap), np.maximum(floor, limits.floor)
    if np.any(floor > cap):
        agent = int(np.argmax(floor - cap))
        raise InstanceError(
            f"the floor of {environment.name[agent]}, {floor[agent]:g}, is above its cap and its demand in some state, "
            f"{cap[agent]:g}",
            key="design.floors",
        )
    if floor.sum() > 1 + 1e-12:
        raise InstanceError(f"the floors sum to more than the supply: {float(floor.sum()):g}", key="design.floors")
    if cap.sum() < 1 - 1e-12:
        raise InstanceError(
            f"holdings below every state's demands and caps sum to {float(cap.sum()):g} at most; the supply is 1",
            key="states",
        )
    cuts = _Cuts(markets, weight, floor, cap, goal)
    rough = cuts.run()
    return _polished(cuts, rough)


def _polished(cuts: _Cuts, rough: Robust) -> Robust:
    """The programme's answer made exact to rounding, with a bound of its own.

    Weights on the states turn the least surplus into a mean, whose best holdings are one scalar root. The weights are
    the programme's multipliers; where two states share the least surplus they are a second scalar root, of the
    difference of the two. Whatever the weights, the tangents at the root bound what any holdings earn. What is not
    better than the programme's answer is not taken.
    """
    found = rough
    for weight in cuts.weights():
        holding, price = common_value(cuts.markets, weight, cuts.floor, cuts.cap)
        value, surplus, marginal = cuts.worth(holding)
        bound = cuts.ceiling(weight, holding, price)
        if bound - value <= found.bound - found.value:
            found = Robust(holding=holding, value=value, bound=max(bound, value), surplus=surplus, marginal=marginal,
                           programme=rough.value)  # fmt: skip
    return found


class _Cuts:
    """Kelley's method over variables r, one s for each agent and state, and t for the worst state.

    In the linear program money is in units of the support's high end, as the solver's tolerance is the same for all.
    """

    def __init__(
        self, markets: list[Market], weight: Floats, floor: Floats, cap: Floats, goal: Literal["mean", "worst"]
    ) -> None:
        self.markets, self.weight, self.floor, self.cap, self.goal = markets, weight, floor, cap, goal
        self.agents, self.states, self.unit = floor.size, len(markets), markets[0].high
        self.fixed = np.array([market.welfare - float(market.rents.sum()) for market in markets])
        self.columns = self.agents * (1 + self.states) + 1
        self.dual = np.zeros(self.states)
        self.lines: list[Floats] = []
        self.high: list[float] = []
        for state in range(self.states):
            if goal == "worst":  # t <= fixed + sum of s
                line = np.zeros(self.columns)
                line[-1] = 1.0
                line[self._place(state)] = -1.0
                self.lines.append(line)
                self.high.append(float(self.fixed[state]) / self.unit)

    def _place(self, state: int) -> slice:
        start = self.agents * (1 + state)
        return slice(start, start + self.agents)

    def run(self) -> Robust:
        """Cuts at the best point so far, until value and bound meet."""
        found: Robust | None = None
        room = self.cap - self.floor
        share = (1.0 - float(self.floor.sum())) / float(room.sum()) if room.any() else 0.0
        holding = self.floor + share * room
        for _ in range(ROUNDS):
            value, surplus, marginal = self._cut(holding)
            if found is None or value > found.value:
                found = Robust(holding=holding, value=value, bound=np.inf, surplus=surplus, marginal=marginal,
                               programme=value)  # fmt: skip
            solution = solve(self._program())
            self.dual = np.maximum(solution.dual[1 : 1 + self.states], 0.0)
            bound, holding = (
                float(solution.objective) * self.unit,
                np.clip(solution.point[: self.agents], self.floor, self.cap),
            )
            holding = holding + (1.0 - holding.sum()) / self.agents
            found = Robust(holding=found.holding, value=found.value, bound=max(bound, found.value),
                           surplus=found.surplus, marginal=found.marginal, programme=found.programme)  # fmt: skip
            if found.bound - found.value <= CLOSE * self.unit:
                break
        if found is None:
            raise InstanceError("no holdings keep the limits", key="design")
        return found

    def _cut(self, holding: Floats) -> tuple[float, list[float], Floats]:
        for state, market in enumerate(self.markets):
            phi, hat = market.outside(holding), market.worst_off_types(holding)
            for agent in range(self.agents):  # s <= phi - hat (r - holding)
                line = np.zeros(self.columns)
                line[self.agents * (1 + state) + agent] = 1.0
                line[agent] = hat[agent] / self.unit
                self.lines.append(line)
                self.high.append(float(phi[agent] + hat[agent] * holding[agent]) / self.unit)
        return self.worth(holding)

    def worth(self, holding: Floats) -> tuple[float, list[float], Floats]:
        """The goal's value at holdings, the surplus of each state, and the mean marginal values."""
        surplus = [
            float(self.fixed[state] + self.markets[state].outside(holding).sum()) for state in range(self.states)
        ]
        marginal = self.weight @ np.array([market.worst_off_types(holding) for market in self.markets])
        value = min(surplus) if self.goal == "worst" else float(self.weight @ surplus)
        return value, surplus, marginal

    def weights(self) -> Iterator[Floats]:
        """Weights on the states under which the best mean may be what is sought."""
        if self.goal == "mean":
            yield self.weight
            return
        total = float(self.dual.sum())
        if total > 0:
            yield self.dual / total
        ahead = np.argsort(-self.dual, kind="stable")
        alone = np.zeros(self.states)
        alone[ahead[0]] = 1.0
        yield alone
        if self.states > 1:
            yield self._balanced(int(ahead[0]), int(ahead[1]))

    def _balanced(self, one: int, other: int) -> Floats:
        """The weights on two states at which the best mean leaves both with the same surplus, or an end."""

        def mix(share: float) -> Floats:
            weight = np.zeros(self.states)
            weight[one], weight[other] = 1.0 - share, share
            return weight

        def ahead(share: float) -> float:
            _, surplus, _ = self.worth(common_value(self.markets, mix(share), self.floor, self.cap)[0])
            return surplus[other] - surplus[one]  # never falls: more weight on `other` earns more there

        return mix(rising_root(ahead, 0.0, 1.0))

    def ceiling(self, weight: Floats, holding: Floats, price: float) -> float:
        """No holdings within the limits have a larger weighted surplus, by the tangents at these."""
        value = float(sum(
            share * (self.fixed[state] + self.markets[state].outside(holding).sum())
            for state, share in enumerate(weight.tolist())
        ))  # fmt: skip
        over = price - mean_types(self.markets, weight, holding[:, None])[:, 0]
        return value + float(np.maximum(over * (self.cap - holding), over * (self.floor - holding)).sum())

    def _program(self) -> LinearProgram:
        cost = np.zeros(self.columns)
        lower, upper = np.full(self.columns, -REACH), np.full(self.columns, REACH)
        lower[: self.agents], upper[: self.agents] = self.floor, self.cap
        if self.goal == "worst":
            cost[-1] = 1.0
        else:
            for state in range(self.states):
                cost[self._place(state)] = self.weight[state]
        whole = np.zeros(self.columns)
        whole[: self.agents] = 1.0
        return LinearProgram.from_dense(
            np.array([whole, *self.lines]), sense="max", cost=cost, lower=lower, upper=upper,
            row_lower=np.array([1.0] + [-np.inf] * len(self.high)), row_upper=np.array([1.0, *self.high]),
            offset=float(self.weight @ self.fixed) / self.unit if self.goal == "mean" else 0.0,
        )  # fmt: skip
