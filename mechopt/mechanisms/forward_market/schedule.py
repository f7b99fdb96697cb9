"""Tariffs designed by linear programs: the least subsidy, or the widest margin for a given one.

A block tariff is a convex piecewise linear C with C(0) = 0. Every A_i is convex on each side of k_i - r_i*, so C >= A_i
at the knots means C >= A_i everywhere, as long as 0, -r_i*, k_i - r_i* and 1 - r_i* are knots: nothing is lost between
them. Source: not in the paper, whose family of tariffs (Section 4.2) neither reaches all deviations nor balances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import certify
from mechopt.errors import SolveError
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.tariff import Tariff
from mechopt.program import LinearProgram
from mechopt.residuals import Residuals
from mechopt.solver import solve

Floats = NDArray[np.float64]
Objective = Literal["least_subsidy", "margin", "smooth"]
FEW = 60  # classes of agents up to which every kink of theirs is a knot
GRID = 64
APART = 1e-9  # knots closer than this are one
SLACK = 1e-10  # of the high end: C keeps this much above A_i, so that rounding leaves r* an equilibrium


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """A designed tariff.

    Attributes:
        tariff: blocks of one price each.
        subsidy: sum of C(e_i - r_i*), what the forward market pays out on balance, money; at least 0.
        margin: mu, where C >= A_i + mu y^2 for every agent.
        certificate: of the last program solved.
        binding: knots at which the tariff touches an agent's gain.
    """

    tariff: Tariff
    subsidy: float
    margin: float
    certificate: certify.Certificate | Residuals
    binding: Floats


class Programs:
    """The linear programs of a market's tariffs, over C at the knots.

    Args:
        market: the spot market; r* is its common holding.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.holding = market.common.holding
        self.position = market.environment.endowments - self.holding
        self.knots = self._knots()
        self.zero = int(np.argmin(np.abs(self.knots)))
        self.floor = self._floor()
        self.width = np.diff(self.knots)
        # Sum over agents of C at e_i - r_i*: how often each knot is hit.
        place = np.array([int(np.argmin(np.abs(self.knots - value))) for value in self.position])
        self.weight = np.bincount(place, minlength=self.knots.size).astype(np.float64)

    def _knots(self) -> Floats:
        first = self.market.interim.first
        held, most = self.holding[first], np.minimum(self.market.demand[first], 1.0)
        needed = [np.zeros(1), self.position]
        if first.size <= FEW:
            needed += [-held, most - held, 1.0 - held]
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

    def _floor(self) -> Floats:
        """The largest A_i at each knot, over the agents who can reach it."""
        forward = Forward(self.market, Tariff(knots=(-1.0, 1.0), prices=(0.0, 0.0)))
        first = self.market.interim.first
        floor = np.full(self.knots.size, -np.inf)
        for agent in first.tolist():
            held, most = float(self.holding[agent]), float(self.market.demand[agent])
            inside = (self.knots >= -held - APART) & (self.knots <= 1 - held + APART)
            if first.size > FEW:  # kinks are no knots then: bounds that are convex everywhere
                inside[:] = True
            gain = forward.gain(agent, self.knots)
            if first.size > FEW:
                gain = gain + np.minimum(self.knots + held, 0.0) * self.market.low
                gain = gain + np.maximum(self.knots - (most - held), 0.0) * self.market.high
            floor = np.where(inside, np.maximum(floor, gain), floor)
        return floor

    def program(self, objective: Floats, *, margin: float | None = 0.0, subsidy: float | None = None) -> LinearProgram:
        """Minimise objective . C (or, with `margin` None, maximise the margin) over convex C above every A_i.

        Args:
            objective: weight of C at each knot.
            margin: mu; None makes it the last variable, which is maximised.
            subsidy: upper limit of sum C(e_i - r_i*), or None for none.
        """
        count = self.knots.size
        free = margin is None
        columns = count + free
        rows, lower, upper, names = [], [], [], []

        def row(entries: dict[int, float], low: float, high: float, name: str) -> None:
            line = np.zeros(columns)
            line[list(entries)] = list(entries.values())
            rows.append(line)
            lower.append(low)
            upper.append(high)
            names.append(name)

        for place in range(1, count - 1):
            left, right = self.width[place - 1], self.width[place]
            # Scaled by both widths: C(y-) right - C(y) (left + right) + C(y+) left >= 0.
            row({place - 1: right, place: -(left + right), place + 1: left}, 0.0, np.inf,
                f"price rises at {self.knots[place]:.6g}")  # fmt: skip
        high = self.market.high
        for place in range(count):
            if place == self.zero or not np.isfinite(self.floor[place]):
                continue
            least = float(self.floor[place]) + SLACK * high * min(1.0, abs(float(self.knots[place])))
            bend = float(self.knots[place] ** 2)
            entries = {place: 1.0, count: -bend} if free else {place: 1.0}
            row(entries, least + (0.0 if margin is None else margin * bend), np.inf,
                f"no gain at {self.knots[place]:.6g}")  # fmt: skip
        if subsidy is not None:
            row({place: float(self.weight[place]) for place in np.flatnonzero(self.weight).tolist()}, -np.inf, subsidy,
                "subsidy")  # fmt: skip
        # Prices outside [0, high] can be cut to it without an agent gaining, so that C lies between 0 and high * y; a
        # margin may need more.
        reach = self.knots * self.market.high * (1000.0 if free else 1.0)
        column_lower, column_upper = np.zeros(columns), np.full(columns, np.inf)
        column_lower[:count] = np.minimum(reach, -reach if free else 0.0)
        column_upper[:count] = np.maximum(reach, -reach if free else 0.0)
        column_lower[self.zero] = column_upper[self.zero] = 0.0
        cost = np.concatenate([objective, [1.0] if free else []])
        return LinearProgram.from_dense(
            np.array(rows), sense="max" if free else "min", cost=cost, lower=column_lower, upper=column_upper,
            row_lower=np.array(lower), row_upper=np.array(upper), row_names=names,
            column_names=[f"cost of {knot:.6g}" for knot in self.knots] + (["margin"] if free else []),
        )  # fmt: skip

    def least_subsidy(self) -> Design:
        """The tariff whose forward market pays out least; among those the lowest prices at large positions."""
        first = self.program(self.weight)
        found = solve(first)
        certificate = certify.certify(first, found)
        subsidy = max(0.0, float(found.objective))
        room = 1e-9 * self.market.high
        second = solve(self.program(np.full(self.knots.size, 1.0 / self.knots.size), subsidy=subsidy + room))
        return self._read(second.point, 0.0, certificate)

    def widest_margin(self, subsidy: float) -> Design:
        """The tariff that makes deviations most costly for a subsidy of that size, money.

        Raises:
            SolveError: the least subsidy is larger.
        """
        least = self.least_subsidy()
        if subsidy < least.subsidy:
            raise SolveError(
                f"no tariff keeps the holdings in equilibrium for a subsidy of {subsidy:g}; the least is "
                f"{least.subsidy:.6g}"
            )
        program = self.program(np.zeros(self.knots.size), margin=None, subsidy=subsidy)
        found = solve(program)
        return self._read(found.point[:-1], float(found.point[-1]), certify.certify(program, found))

    def _read(self, cost: Floats, margin: float, certificate: certify.Certificate | Residuals) -> Design:
        prices = np.maximum.accumulate(np.diff(cost) / self.width)
        prices = np.where(np.abs(prices) <= 1e-6 * self.market.high, 0.0, prices)
        tariff = Tariff(knots=self.knots.tolist(), prices=prices.tolist(), kind="block")
        paid = float(tariff.cost(self.position).sum())
        near = np.abs(cost - self.floor) <= 1e-8 * self.market.high
        return Design(tariff=tariff, subsidy=paid, margin=margin, certificate=certificate, binding=self.knots[near])
