"""The best spot market where the efficient one would lose money: a linear program over finitely many types.

    max  E sum theta_i Q_i   over allocations Q_i(profile) and interim payments t_i(type), subject to
    supply and demands, Bayesian incentive compatibility, interim individual rationality, E sum t_i >= 0.

Types are the midpoints of equally likely quantile cells. The paper leaves the second best open (Section 6). For
bilateral trade with uniform values the gain tends to 9/64 (Myerson and Satterthwaite). Source: liu2020, Section 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mechopt.certify import Certificate, certify
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.spot import welfare
from mechopt.program import LinearProgram, to_float
from mechopt.residuals import Residuals
from mechopt.solver import solve

Floats = NDArray[np.float64]
MOST_PROFILES = 40_000  # profiles times agents


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SecondBest:
    """The second best on a grid of types.

    Attributes:
        types: of every agent, equally likely, shape (agents, types).
        allocation: interim, units of supply, shape (agents, types).
        payment: interim, RECEIVED, money, shape (agents, types).
        welfare: E of it, money.
        first_best: the same without the budget's constraint.
        solved: the welfare that the float solver reported.
        certificate: of the program.
    """

    types: Floats
    allocation: Floats
    payment: Floats
    welfare: float
    first_best: float
    solved: float
    certificate: Certificate | Residuals


class _Model:
    """Columns: Q of every profile and agent, q and t of every agent and type; money in units of the high end."""

    def __init__(self, environment: Environment, holding: Floats, count: int) -> None:
        self.agents, self.count = environment.agents, count
        self.demand = environment.demands
        self.usable = np.minimum(holding, self.demand)
        levels = (np.arange(count) + 0.5) / count
        self.types = np.array([law.quantile(levels) for law in environment.distribution]) / environment.high
        self.profiles = np.array(list(product(range(count), repeat=self.agents)))
        self.cells = len(self.profiles) * self.agents
        self.interim, self.payment = self.cells, self.cells + self.agents * count
        self.columns = self.cells + 2 * self.agents * count
        self.entries: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats]] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def row(self, column: NDArray[np.intp], value: Floats, low: float, high: float) -> None:
        """One row of the matrix."""
        self.entries.append((np.full(column.size, len(self.low)), column, value))
        self.low.append(low)
        self.high.append(high)

    def add_rows(self) -> None:
        """Supply, the interim allocations, incentives, rationality and the budget, in this order."""
        one = np.ones(self.agents)
        for place in range(len(self.profiles)):
            self.row(place * self.agents + np.arange(self.agents), one, -np.inf, 1.0)
        chance = 1.0 / self.count ** (self.agents - 1)
        for agent in range(self.agents):
            for kind in range(self.count):
                cells = np.flatnonzero(self.profiles[:, agent] == kind) * self.agents + agent
                column = np.append(cells, self.at(self.interim, agent, kind))
                self.row(column, np.append(np.full(cells.size, chance), -1.0), 0.0, 0.0)
        for agent in range(self.agents):
            self.add_incentives(agent)
        every = np.arange(self.agents * self.count)
        self.row(self.payment + every, np.full(every.size, 1.0 / self.count), -np.inf, 0.0)

    def at(self, block: int, agent: int, kind: int) -> int:
        """The column of an agent's type in a block."""
        return block + agent * self.count + kind

    def add_incentives(self, agent: int) -> None:
        """No type gains by telling another one, nor by staying away; payments are received."""
        for kind, value in enumerate(self.types[agent].tolist()):
            own = [self.at(self.interim, agent, kind), self.at(self.payment, agent, kind)]
            self.row(np.array(own), np.array([value, 1.0]), float(self.usable[agent] * value), np.inf)
            for told in range(self.count):
                if told != kind:
                    other = [self.at(self.interim, agent, told), self.at(self.payment, agent, told)]
                    self.row(np.array(own + other), np.array([value, 1.0, -value, -1.0]), 0.0, np.inf)

    def program(self) -> LinearProgram:
        """The linear program."""
        self.add_rows()
        row, column, value = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        values = np.take_along_axis(self.types, self.profiles.T, axis=1).T  # of every profile, shape (profiles, agents)
        cost = np.zeros(self.columns)
        cost[: self.cells] = values.ravel() / len(self.profiles)
        # No type can be paid more than all others pay, who pay at most what their allocation is worth.
        reach = float(self.agents * self.count)
        lower, upper = np.zeros(self.columns), np.ones(self.columns)
        upper[: self.cells] = np.tile(self.demand, len(self.profiles))
        lower[self.payment :], upper[self.payment :] = -reach, reach
        return LinearProgram.from_triplets(
            row, column, value, sense="max", cost=cost, lower=lower, upper=upper,
            row_lower=np.array(self.low), row_upper=np.array(self.high),
        )  # fmt: skip


def second_best(environment: Environment, holding: Floats, *, types: int = 8) -> SecondBest:
    """The spot market of most welfare that does not run a deficit, on a grid of types.

    Args:
        environment: who takes part.
        holding: r_i, units of supply, shape (agents,).
        types: of each agent.

    Raises:
        InstanceError: the program would have more than 40,000 allocations.
        SolveError: the solver failed.
    """
    if environment.agents * float(types) ** environment.agents > MOST_PROFILES:
        raise InstanceError(
            f"{types} types of {environment.agents} agents make too many profiles; agents * types^agents may be "
            f"{MOST_PROFILES} at most",
            key="design.types",
        )
    model = _Model(environment, holding, types)
    program = model.program()
    found = solve(program)
    certificate = certify(program, found)
    # The vertex itself where the basis proves it: the solver's point is only within its tolerance.
    point = to_float(certificate.point) if isinstance(certificate, Certificate) else found.point
    shape = (environment.agents, types)
    values = np.take_along_axis(model.types, model.profiles.T, axis=1).T
    high = environment.high
    return SecondBest(
        types=model.types * high,
        allocation=point[model.interim : model.payment].reshape(shape),
        payment=point[model.payment :].reshape(shape) * high,
        welfare=float(certificate.objective) * high,
        first_best=float(welfare(values, model.demand).mean()) * high,
        solved=float(found.objective) * high,
        certificate=certificate,
    )
