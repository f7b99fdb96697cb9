"""Linear programs that design transfers on a grid of types: Groves constants, detection by payoff reports, second best.

Types are the rows and columns of a `Game`; everything is in fractions, so that an optimal basis can be proven.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mechopt.mechanisms.borrowing.equilibrium import Game
from mechopt.program import LinearProgram

INF = float("inf")


@dataclass(slots=True)
class Rows:
    """Rows of a program as they are written down."""

    row: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    value: list[Fraction] = field(default_factory=list)
    low: list[Any] = field(default_factory=list)
    high: list[Any] = field(default_factory=list)

    def add(self, terms: dict[int, Fraction], low: Any, high: Any) -> None:
        """One row: low <= sum of terms <= high; terms of the same column must have been added up."""
        number = len(self.low)
        for column, value in terms.items():
            if value:
                self.row.append(number)
                self.column.append(column)
                self.value.append(value)
        self.low.append(low)
        self.high.append(high)

    def program(self, sense: Any, cost: dict[int, Fraction], columns: int, lower: Any, upper: Any) -> LinearProgram:
        """The program of these rows."""
        full = [cost.get(k, Fraction(0)) for k in range(columns)]
        return LinearProgram.from_triplets(
            self.row, self.column, np.array(self.value, dtype=object), sense=sense, cost=np.array(full, dtype=object),
            lower=np.array(lower, dtype=object), upper=np.array(upper, dtype=object),
            row_lower=np.array(self.low, dtype=object), row_upper=np.array(self.high, dtype=object),
        )  # fmt: skip


class Grid:
    """A game's welfare and payoffs as fractions, and its types' probabilities.

    Args:
        game: of two agents.
    """

    def __init__(self, game: Game) -> None:
        self.game = game
        self.shape = game.first.shape
        self.sign = game.sign
        self.probability = game.probability

    def weight(self, i: int, j: int) -> Fraction:
        """The probability of a profile."""
        return self.probability[0][i] * self.probability[1][j]

    def payoff(self, agent: int, sign: int, i: int, j: int) -> Fraction:
        """What an order is worth to an agent at true types i, j; sign 1, 0, -1 as in `Game.sign`."""
        return Fraction(int(self.game.payoff(agent, sign)[i, j]), 2) * self.game.unit

    def best(self, i: int, j: int) -> Fraction:
        """W* at a profile."""
        return Fraction(int(max(self.game.first[i, j], self.game.second[i, j]))) * self.game.unit

    def late(self, agent: int, i: int, j: int) -> Fraction:
        """v_agent(t1 + t2)."""
        return Fraction(int(self.game.late[agent][i, j])) * self.game.unit

    @property
    def profiles(self) -> list[tuple[int, int]]:
        """All pairs of types."""
        return [(i, j) for i in range(self.shape[0]) for j in range(self.shape[1])]


def groves(grid: Grid, *, tail: Fraction | None = None) -> LinearProgram:
    """Constants h_1(type of 2) and h_2(type of 1) for which W* + h_1 + h_2, zero on average, is least at its worst.

    Columns: h_1, h_2, then z with |W* + h_1 + h_2| <= z; or, with a tail probability, the threshold and excesses of the
    conditional value at risk of the deficit at that tail.
    """
    ones, twos = grid.shape
    h1, h2 = ones + 0, 0  # h_2 of agent 1's types first, then h_1 of agent 2's
    rows, base = Rows(), ones + twos
    rows.add(
        {**{h2 + i: p for i, p in enumerate(grid.probability[0])}, **{h1 + j: p for j, p in
         enumerate(grid.probability[1])}},
        *[-sum((grid.weight(i, j) * grid.best(i, j) for i, j in grid.profiles), Fraction(0))] * 2,
    )  # fmt: skip
    lower: list[Any] = [-INF] * base
    if tail is None:
        for i, j in grid.profiles:
            rows.add({h2 + i: Fraction(1), h1 + j: Fraction(1), base: Fraction(-1)}, -INF, -grid.best(i, j))
            rows.add({h2 + i: Fraction(1), h1 + j: Fraction(1), base: Fraction(1)}, -grid.best(i, j), INF)
        return rows.program("min", {base: Fraction(1)}, base + 1, [*lower, 0], [INF] * (base + 1))
    cost = {base: Fraction(1)}
    for place, (i, j) in enumerate(grid.profiles):
        excess = base + 1 + place
        cost[excess] = grid.weight(i, j) / tail
        rows.add({h2 + i: Fraction(1), h1 + j: Fraction(1), base: Fraction(-1), excess: Fraction(-1)}, -INF,
                 -grid.best(i, j))  # fmt: skip
    size = base + 1 + len(grid.profiles)
    return rows.program("min", cost, size, [*lower, -INF, *([0] * len(grid.profiles))], [INF] * size)


def exposed(grid: Grid, agent: int, truth: tuple[int, int], lie: int) -> bool:
    """Whether the other's truthful payoff report gives a lie away: he goes second, and not when the lie said.

    Args:
        grid: types.
        agent: who lies.
        truth: both true types.
        lie: the type reported.
    """
    said = (lie, truth[1]) if agent == 0 else (truth[0], lie)
    sign = int(grid.sign[said]) * (1 if agent == 0 else -1)
    return sign >= 0 and grid.late(1 - agent, *truth) != grid.late(1 - agent, *said)


def detection(grid: Grid, *, outside: Fraction | None = None) -> LinearProgram:
    """Transfers T_1, T_2 at every profile with the least largest |T_1 + T_2|, where exposed lies are fined.

    An unexposed lie must not pay: v_i(a(truth)) + T_i(truth) >= v_i(a(lie)) + T_i(lie). Columns: T_1, T_2, z.
    With `outside`, no utility is below it.
    """
    ones, twos = grid.shape
    count = ones * twos
    rows = Rows()
    for agent in (0, 1):
        for i, j in grid.profiles:
            honest = agent * count + i * twos + j
            worth = grid.payoff(agent, int(grid.sign[i, j]), i, j)
            if outside is not None:
                rows.add({honest: Fraction(1)}, outside - worth, INF)
            for lie in range(grid.shape[agent]):
                said = (lie, j) if agent == 0 else (i, lie)
                if said == (i, j) or exposed(grid, agent, (i, j), lie):
                    continue
                other = agent * count + said[0] * twos + said[1]
                rows.add({honest: Fraction(1), other: Fraction(-1)},
                         grid.payoff(agent, int(grid.sign[said]), i, j) - worth, INF)  # fmt: skip
    for i, j in grid.profiles:
        both = {i * twos + j: Fraction(1), count + i * twos + j: Fraction(1)}
        rows.add({**both, 2 * count: Fraction(-1)}, -INF, 0)
        rows.add({**both, 2 * count: Fraction(1)}, 0, INF)
    rows.add(
        {a * count + i * twos + j: grid.weight(i, j) for a in (0, 1) for i, j in grid.profiles},
        Fraction(0),
        Fraction(0),
    )
    size = 2 * count + 1
    return rows.program("min", {2 * count: Fraction(1)}, size, [-INF] * (2 * count) + [0], [INF] * size)


def second_best(grid: Grid, *, outside: Fraction = Fraction(0), ex_post: bool = False) -> LinearProgram:
    """The order with the most expected welfare that nobody refuses, nobody lies about and the manager need not pay for.

    Columns: p (agent 1 first) at every profile, T_1, T_2. One-shot incentives against every lie.

    Args:
        grid: types.
        outside: the least utility at every profile.
        ex_post: T_1 + T_2 <= 0 at every profile, not only on average.
    """
    ones, twos = grid.shape
    count = ones * twos
    rows, cost = Rows(), {}
    for i, j in grid.profiles:
        place = i * twos + j
        first, second = (sum((grid.payoff(a, s, i, j) for a in (0, 1)), Fraction(0)) for s in (1, -1))
        cost[place] = grid.weight(i, j) * (first - second)
        if ex_post:
            rows.add({(1 + a) * count + place: Fraction(1) for a in (0, 1)}, -INF, 0)
        for agent in (0, 1):
            mine = (1 + agent) * count
            one, two = grid.payoff(agent, 1, i, j), grid.payoff(agent, -1, i, j)
            rows.add({place: one - two, mine + place: Fraction(1)}, outside - two, INF)
            for lie in range(grid.shape[agent]):
                said = lie * twos + j if agent == 0 else i * twos + lie
                if said != place:
                    rows.add({place: one - two, said: two - one, mine + place: Fraction(1), mine + said: Fraction(-1)},
                             0, INF)  # fmt: skip
    if not ex_post:
        rows.add({(1 + a) * count + i * twos + j: grid.weight(i, j) for a in (0, 1) for i, j in grid.profiles}, -INF, 0)
    lower = [0] * count + [-INF] * (2 * count)
    return rows.program("max", cost, 3 * count, lower, [1] * count + [INF] * (2 * count))


def least_variance(grid: Grid) -> tuple[Fraction, list[Fraction], list[Fraction]]:
    """(variance, h_2 by agent 1's type, h_1 by agent 2's type): the projection of W* on sums of one-type functions.

    The additive part of an analysis of variance, exact for independent types.
    """
    ones, twos = grid.shape
    p, q = grid.probability
    rows = [sum((q[j] * grid.best(i, j) for j in range(twos)), Fraction(0)) for i in range(ones)]
    columns = [sum((p[i] * grid.best(i, j) for i in range(ones)), Fraction(0)) for j in range(twos)]
    mean = sum((p[i] * rows[i] for i in range(ones)), Fraction(0))
    variance = sum(
        (grid.weight(i, j) * (grid.best(i, j) - rows[i] - columns[j] + mean) ** 2 for i, j in grid.profiles),
        Fraction(0),
    )
    return variance, [mean / 2 - row for row in rows], [mean / 2 - column for column in columns]
