"""Tariffs designed by linear programs: the least subsidy, or the widest margin for a given one.

A block tariff is a convex piecewise linear C with C(0) = 0. Every A_i is convex on each side of k_i - r_i*, so C >= A_i
at the knots means C >= A_i everywhere, as long as 0, -r_i*, k_i - r_i* (in each anticipated state) and 1 - r_i* are
knots. And nothing is lost by
blocks: the values at the knots of any convex C make a block tariff that costs the same, because e_i - r_i* are knots
too. So the least subsidy is the least of all tariffs that never fall.

Source: not in the paper, whose family of tariffs (Section 4.2) neither reaches all deviations nor balances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import certify
from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.forward_market.anticipated import Prospect
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.rows import Rows
from mechopt.mechanisms.forward_market.tariff import Tariff
from mechopt.mechanisms.forward_market.vertex import vertex_of
from mechopt.program import LinearProgram, Solution
from mechopt.residuals import Residuals
from mechopt.solver import solve

Floats = NDArray[np.float64]
ROOM = 1e-12  # of the high end: by how much the second program may pay out more than the least
FEW = 60  # classes of agents, times anticipated states, up to which every kink of theirs is a knot
GRID = 64
APART = 1e-9  # knots closer than this are one
SLACK = 1e-13  # of the high end: C keeps this much above A_i, so that rounding leaves r* an equilibrium


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """A designed tariff.

    Attributes:
        tariff: blocks of one price each.
        subsidy: sum of C(e_i - r_i*), what the forward market pays out on balance, money; at least 0.
        optimum: the subsidy, margin or steepness that is best, from the exact basis where there is one, money.
        solved: the same as the float solver reported it: what polishing moved is the difference.
        level: where that was the goal, the margin mu or the steepness (money per unit squared), or the sum of squared
            rises (`smooth`, in units of the high end); else 0.
        gap: what is left between it and a proven bound, money; 0 where the basis is proven in rational arithmetic.
        certificate: that the subsidy, margin or steepness is the best, in units of the high end; None where the program
            is no linear one (`smooth`).
        binding: knots at which the tariff touches an agent's gain.
    """

    tariff: Tariff
    subsidy: float
    optimum: float
    solved: float
    gap: float
    level: float
    certificate: certify.Certificate | Residuals | None
    binding: Floats


class Programs:
    """The linear programs of a market's tariffs, over C at the knots.

    Variables of the one for the cost are the mean prices C(y) / |y|, in units of the high end: beside 0 a tolerance of
    the solver's in C would let the price be anything. Those of margin and steepness are C.

    Args:
        market: the spot market, or the states of it that are anticipated; r* is its target.

    Attributes:
        away: |y| of each knot, which makes C of a mean price, and 1 at 0.
    """

    def __init__(self, market: Prospect) -> None:
        self.market = market
        self.holding = market.target
        self.first = np.array(market.representatives, dtype=np.intp)
        self.few = self.all_knots(market)
        self.position = market.environment.endowments - self.holding
        self.knots = self._knots()
        self.zero = int(np.argmin(np.abs(self.knots)))
        self.floor = self._floor()
        self.width = np.diff(self.knots)
        self.away = np.abs(self.knots)
        self.away[self.zero] = 1.0
        self.below, self.above = self._around_zero()
        # Sum over agents of C at e_i - r_i*: how often each knot is hit.
        place = np.array([int(np.argmin(np.abs(self.knots - value))) for value in self.position])
        self.weight = np.bincount(place, minlength=self.knots.size).astype(np.float64)

    @staticmethod
    def all_knots(market: Prospect) -> bool:
        """Whether the kinks of everybody's gain are few enough to be knots, so that no tariff is left out."""
        return sum(len(market.limits(agent)) for agent in market.representatives) <= FEW

    def _knots(self) -> Floats:
        held = self.holding[self.first]
        needed = [np.zeros(1), self.position]
        if self.few:
            kinks = [most - self.holding[agent] for agent in self.first.tolist()
                     for most, _ in self.market.limits(agent)]  # fmt: skip
            needed += [-held, np.array(kinks), 1.0 - held]
        else:
            needed.append(np.array([-held.max(), (1.0 - held).max()]))
        kept: list[float] = []
        for value in np.unique(np.concatenate(needed)).tolist():
            if not kept or value - kept[-1] > APART:
                kept.append(value)
            elif value == 0.0:
                kept[-1] = 0.0
        grid = np.linspace(kept[0], kept[-1], GRID)
        far = grid[np.abs(grid[:, None] - np.array(kept)).min(axis=1) > 1e-4]
        return np.sort(np.concatenate([kept, far]))

    def _around_zero(self) -> tuple[float, float]:
        """Most and least price just below and just above 0, for gains that bend too close to 0 to have a knot there.

        C >= A_i at a bend y is a price of A_i(y) / y, the mean of the marginal values up to it, because C(0) = 0.
        Everywhere else a bend left out moves C by less than APART times the high end.
        """
        place, weight = np.polynomial.legendre.leggauss(32)
        below, above = np.inf, -np.inf
        for agent in self.first.tolist():
            held = float(self.holding[agent])
            for bend in (-held, *(most - held for most, _ in self.market.limits(agent))):
                if 0.0 < abs(bend) <= APART:
                    demands = held + bend * (place + 1.0) / 2
                    price = float(self.market.marginal_value(agent, demands, side="left") @ weight) / 2
                    below, above = (below, max(above, price)) if bend > 0 else (min(below, price), above)
        return below, above

    def _floor(self) -> Floats:
        """The largest A_i at each knot, over the agents who can reach it."""
        forward = Forward(self.market, Tariff(knots=(-1.0, 1.0), prices=(0.0, 0.0)))
        floor = np.full(self.knots.size, -np.inf)
        for agent in self.first.tolist():
            held = float(self.holding[agent])
            inside = (self.knots >= -held - APART) & (self.knots <= 1 - held + APART)
            gain = forward.gain(agent, self.knots)
            if not self.few:  # kinks are no knots then: bounds that are convex everywhere
                inside[:] = True
                gain = gain + np.minimum(self.knots + held, 0.0) * self.market.low
                for most, chance in self.market.limits(agent):
                    gain = gain + np.maximum(self.knots - (most - held), 0.0) * (chance * self.market.high)
            floor = np.where(inside, np.maximum(floor, gain), floor)
        return floor

    def program(
        self,
        goal: Literal["cost", "margin", "steepness"],
        objective: Floats | None = None,
        subsidy: float | None = None,
        most: float = np.inf,
    ) -> LinearProgram:
        """A program over convex C above every A_i, with the margin or the steepness as a last variable.

        Money is in units of the support's high end, so that the solver's tolerance means the same in every currency.

        Args:
            goal: "cost" minimises objective . C; "margin" maximises mu with C >= A_i + mu y^2; "steepness" minimises
                the largest rise of the price per unit of position.
            objective: weight of C at each knot.
            subsidy: upper limit of sum C(e_i - r_i*), or None for none.
            most: a bound on the last variable that costs nothing; what floats can prove of the optimum rests on it.
        """
        count = self.knots.size
        columns = count + (goal != "cost")
        scale = self.away if goal == "cost" else np.ones(count)
        rows = Rows(columns)
        self._add_convexity(rows, goal)
        self._add_equilibrium(rows, goal, scale)
        if goal != "margin":  # the price starts at 0 or above
            rows.add({0: -1.0, 1: 1.0}, 0.0, np.inf, "first price")
        if subsidy is not None:
            hit = np.flatnonzero(self.weight).tolist()
            rows.add(
                {place: float(self.weight[place]) for place in hit}, -np.inf, subsidy / self.market.high, "subsidy"
            )
        # Prices outside [0, high] can be cut to it without an agent gaining, so that C lies between 0 and y; a margin
        # may need more.
        reach = self.knots * (1.0 if goal == "cost" else 1000.0)
        lower, upper = np.zeros(columns), np.full(columns, most)
        lower[:count] = np.minimum(reach, 0.0 if goal == "cost" else -reach)
        upper[:count] = np.maximum(reach, 0.0 if goal == "cost" else -reach)
        lower[self.zero] = upper[self.zero] = 0.0
        cost = np.zeros(columns)
        cost[:count] = 0.0 if objective is None else objective
        cost[count:] = 1.0
        scale = np.append(scale, np.ones(columns - count))
        return LinearProgram.from_dense(
            np.array(rows.lines) * scale, sense="max" if goal == "margin" else "min", cost=cost * scale,
            lower=lower / scale, upper=upper / scale,
            row_lower=np.array(rows.low), row_upper=np.array(rows.high), row_names=rows.names,
            column_names=[f"cost of {knot:.6g}" for knot in self.knots] + ([] if goal == "cost" else [goal]),
        )  # fmt: skip

    def _add_convexity(self, rows: Rows, goal: str) -> None:
        """The price never falls, and where that is the goal it rises no more than so steeply."""
        for place in range(1, self.knots.size - 1):
            left, right = self.width[place - 1], self.width[place]
            rise = {place - 1: 1 / left, place: -(1 / left + 1 / right), place + 1: 1 / right}
            rows.add(rise, 0.0, np.inf, f"price rises at {self.knots[place]:.6g}")
            if goal == "steepness":
                steep = {**rise, self.knots.size: -(left + right) / 2}
                rows.add(steep, -np.inf, 0.0, f"not steeply at {self.knots[place]:.6g}")

    def _add_equilibrium(self, rows: Rows, goal: str, scale: Floats) -> None:
        """No agent gains at a knot, each row divided by the scale of its variable."""
        margin = self.knots**2 if goal == "margin" else np.zeros(self.knots.size)
        for place in range(self.knots.size):
            if place == self.zero or not np.isfinite(self.floor[place]):
                continue
            least = float(self.floor[place]) / self.market.high + SLACK * min(1.0, abs(float(self.knots[place])))
            entries = {place: 1.0 / scale[place]}
            if margin[place]:
                entries[self.knots.size] = -float(margin[place]) / scale[place]
            rows.add(entries, least / scale[place], np.inf, f"no gain at {self.knots[place]:.6g}")
        for end, price in ((self.zero - 1, self.below), (self.zero + 1, self.above)):
            if np.isfinite(price) and 0 <= end < self.knots.size:
                least = float(self.knots[end]) * price / self.market.high / scale[end]
                rows.add({end: 1.0 / scale[end]}, least, np.inf, "bends at 0")

    def least_subsidy(self) -> Design:
        """The tariff whose forward market pays out least, of all that never fall; among those the lowest cost.

        Of more than 60 classes of agents (times states) the kinks are no knots, and the bounds are convex ones: an
        upper bound then.
        """
        first = self.program("cost", self.weight)
        found = solve(first)
        certificate = certify.certify(first, found)
        return self._read(self._lowest(first, found, certificate), 0.0, certificate, float(found.objective))

    def _lowest(self, first: LinearProgram, found: Solution, certificate: certify.Certificate | Residuals) -> Floats:
        """Of the tariffs that pay out least the one of lowest cost, or any where floats cannot tell these apart."""
        point, least = self.away * vertex_of(certificate, found, first), max(0.0, float(certificate.objective))
        second = self.program(
            "cost", np.full(self.knots.size, 1.0 / self.knots.size), (least + ROOM) * self.market.high
        )
        try:
            answer = solve(second)
        except SolveError:
            return point
        lowest = self.away * vertex_of(certify.certify(second, answer), answer, second)
        return lowest if abs(float(self.weight @ lowest) - float(self.weight @ point)) <= 10 * ROOM else point

    def widest_margin(self, subsidy: float) -> Design:
        """The tariff that makes deviations most costly for a subsidy of that size, money.

        Where units sold are worth nothing to their seller only a price below 0 keeps a margin.

        Raises:
            InstanceError: the least subsidy is larger.
        """
        return self._within("margin", subsidy)

    def smoothest(self, subsidy: float) -> Design:
        """The tariff whose price rises most gently, for a subsidy of that size, money.

        Raises:
            InstanceError: the least subsidy is larger.
        """
        return self._within("steepness", subsidy)

    def cheapest(self, subsidy: float) -> Solution:
        """The cheapest tariff, in units of the high end.

        Raises:
            InstanceError: it costs more than a subsidy of that size, money.
        """
        found = solve(self.program("cost", self.weight))
        least = float(found.objective) * self.market.high
        if not subsidy >= least:
            raise InstanceError(
                f"no tariff keeps the holdings in equilibrium for a subsidy of {subsidy:g}; the least is {least:.6g}",
                key="design.subsidy",
            )
        return found

    def _within(self, goal: Literal["margin", "steepness"], subsidy: float) -> Design:
        cheapest = self.cheapest(subsidy)
        if goal == "margin":  # mu y^2 <= C - A_i, where C <= 1000 |y| and A_i >= -1
            far = float(np.abs(self.knots).max())
            most = (1000.0 * far + 1.0) / far**2
        else:  # the cheapest tariff is one of those to choose from
            slopes = np.diff(self.away * cheapest.point) / self.width
            most = 1e-6 + 1.001 * float((np.diff(slopes) / ((self.width[1:] + self.width[:-1]) / 2)).max())
        program = self.program(goal, subsidy=subsidy, most=most)
        found = solve(program)
        certificate = certify.certify(program, found)
        point = vertex_of(certificate, found, program)
        return self._read(point[:-1], float(point[-1]) * self.market.high, certificate, float(found.objective))

    def _read(self, cost: Floats, level: float, certificate: certify.Certificate | Residuals, solved: float) -> Design:
        high = self.market.high
        tariff = self.tariff(cost)
        paid = float(tariff.cost(self.position).sum())
        return Design(
            tariff=tariff,
            subsidy=paid,
            optimum=float(certificate.objective) * high,
            solved=solved * high,
            gap=float(certificate.error) * high,
            level=level,
            certificate=certificate,
            binding=self.touching(cost),
        )

    def tariff(self, cost: Floats) -> Tariff:
        """The block tariff of C at the knots (in units of the high end), turned up where it is below a gain."""
        from scipy.optimize import isotonic_regression

        high = self.market.high
        # The greatest convex C below: between close knots rounding makes slopes fall, and a running maximum of them
        # would carry that on to all later blocks.
        slopes = np.diff(self._lifted(cost)) / self.width
        prices = np.asarray(isotonic_regression(slopes, weights=self.width).x) * high
        prices = np.where((prices < 0) & (prices > -1e-7 * high), 0.0, prices)
        return Tariff(knots=self.knots.tolist(), prices=prices.tolist(), kind="block")

    def touching(self, cost: Floats) -> Floats:
        """The knots at which C touches an agent's gain."""
        return np.asarray(self.knots[np.abs(cost - self.floor / self.market.high) <= 1e-8])

    def _lifted(self, cost: Floats) -> Floats:
        """C turned up on both sides of 0 by as much as the solver's tolerance left it below an agent's gain."""
        away = np.abs(self.knots)
        # Close to 0 the rounding of a gain is no slope; that much may be gained.
        lack = np.where(np.isfinite(self.floor) & (away > 0), self.floor / self.market.high - cost - SLACK, 0.0)
        steeper = float((lack / np.where(away > 0, away, 1.0)).max(initial=0.0))
        return cost + steeper * away if steeper > 0 else cost
