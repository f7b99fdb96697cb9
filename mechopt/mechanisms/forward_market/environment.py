"""A forward and spot market as data: who can use how much, who owns how much, and how values are distributed.

Source: liu2020, Section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.distributions import Distribution
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.tariff import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state of the world: what becomes of the maximum demands when it is known.

    Attributes:
        name: of the state.
        probability: alpha > 0; all of them sum to 1.
        demand_factor: each maximum demand is multiplied by it; > 0.
    """

    name: str
    probability: Fraction
    demand_factor: Fraction


@dataclass(frozen=True, kw_only=True, eq=False)
class Environment:
    """One forward market with the spot market that follows it. The supply is 1.

    Attributes:
        name: a distinct name an agent.
        demand: k_i in (0, 1], units of supply; their sum is above 1.
        endowment: e_i >= 0, units of supply; they sum to 1.
        distribution: F_i of the marginal value, without atoms, inside the support.
        support: [low, high] of the values, 0 <= low < high.
        states: aggregate uncertainty, or () for none.
        anticipated: whether agents know the states' probabilities when they trade forward; else a state is a surprise.
        tariff: the forward market's price schedule, or None to have one designed.
        values: a realised type profile, or None.
        arithmetic: "float" or "exact".
        units: of the value of a unit of supply.
    """

    name: Sequence[str]
    demand: Sequence[Fraction]
    endowment: Sequence[Fraction]
    distribution: Sequence[Distribution]
    support: tuple[Fraction, Fraction] = (Fraction(0), Fraction(1))
    states: Sequence[State] = ()
    anticipated: bool = False
    tariff: Tariff | None = None
    values: Sequence[Fraction] | None = None
    arithmetic: Literal["float", "exact"] = "float"
    units: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "distribution", "states"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("demand", "endowment", "support", "values"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _numbers(getattr(self, name), name))
        self._check_support()
        self._check_agents()
        self._check_distributions()
        self._check_states()

    def _check_support(self) -> None:
        if len(self.support) != 2:
            raise InstanceError(f"needs two numbers, [low, high], not {len(self.support)}", key="support")
        low, high = self.support
        if low < 0:
            raise InstanceError(f"must start at 0 or above, not at {exact.show(low)}", key="support")
        if not exact.as_float(low) < exact.as_float(high) < 1e100:
            raise InstanceError("needs low below high (and high below 1e100)", key="support")

    def _check_agents(self) -> None:
        agents = len(self.name)
        for name in ("demand", "endowment", "distribution"):
            if len(getattr(self, name)) != agents:
                raise InstanceError(f"has {len(getattr(self, name))} entries for {agents} agents", key=f"agents.{name}")
        if agents < 2:
            raise InstanceError(f"at least two agents are needed, not {agents}", key="agents")
        if len(set(self.name)) < agents:
            repeated = next(name for name in self.name if list(self.name).count(name) > 1)
            raise InstanceError(f"{repeated!r} occurs twice; names must differ", key="agents.name")
        for row, value in enumerate(self.demand, 1):
            if not 0 < value <= 1 or exact.as_float(value) < 1e-12:
                raise InstanceError(f"must be above 0 and at most 1, the supply, not {exact.show(value)}",
                                    key="agents.demand", row=row)  # fmt: skip
        if not sum(self.demand) > 1:
            raise InstanceError(
                f"no scarcity: the demands sum to {exact.show(Fraction(sum(self.demand)))}, "
                "which must be above 1, the supply",
                key="agents.demand",
            )
        for row, value in enumerate(self.endowment, 1):
            if value < 0:
                raise InstanceError(f"must be at least 0, not {exact.show(value)}", key="agents.endowment", row=row)
        if sum(self.endowment) != 1:
            raise InstanceError(
                f"the endowments must sum to 1, the supply, not to {exact.show(Fraction(sum(self.endowment)))} "
                '(write thirds as "1/3")',
                key="agents.endowment",
            )
        if self.values is not None:
            if len(self.values) != agents:
                raise InstanceError(f"has {len(self.values)} values for {agents} agents", key="values")
            for row, value in enumerate(self.values, 1):
                if not self.support[0] <= value <= self.support[1]:
                    raise InstanceError(f"{exact.show(value)} is outside the support", key="values", row=row)

    def _check_distributions(self) -> None:
        low, high = self.support
        for row, found in enumerate(self.distribution, 1):
            if found.atoms:
                raise InstanceError(
                    f"has points of positive probability, such as {exact.show(found.atoms[0][0])}; values need a "
                    "continuous distribution (smooth samples first)",
                    key="agents.distribution",
                    row=row,
                )
            start, end = found.ends
            if start is None or end is None or start < low or end > high:
                raise InstanceError("reaches outside the support", key="agents.distribution", row=row)

    def _check_states(self) -> None:
        if self.anticipated and not self.states:
            raise InstanceError("needs states of the world to anticipate", key="anticipated")
        if self.states and sum(state.probability for state in self.states) != 1:
            total = Fraction(sum(state.probability for state in self.states))
            raise InstanceError(f"the probabilities must sum to 1, not to {exact.show(total)}", key="states")
        for row, state in enumerate(self.states, 1):
            if state.probability <= 0:
                raise InstanceError("the probability must be above 0", key="states.probability", row=row)
            largest = max(self.demand) * state.demand_factor
            if not 0 < largest <= 1:
                raise InstanceError(
                    f"demands must stay in (0, 1]; the largest becomes {exact.show(Fraction(largest))}",
                    key="states.demand_factor",
                    row=row,
                )

    @property
    def agents(self) -> int:
        """Number of agents."""
        return len(self.name)

    @cached_property
    def demands(self) -> NDArray[np.float64]:
        """k_i as floats."""
        return _floats(self.demand)

    @cached_property
    def endowments(self) -> NDArray[np.float64]:
        """e_i as floats."""
        return _floats(self.endowment)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """E theta_i."""
        return _read_only(np.array([found.mean for found in self.distribution]))

    @property
    def low(self) -> float:
        """The low end of the support."""
        return exact.as_float(self.support[0])

    @property
    def high(self) -> float:
        """The high end of the support."""
        return exact.as_float(self.support[1])

    def in_state(self, state: State) -> Sequence[Fraction]:
        """The maximum demands in a state."""
        return tuple(value * state.demand_factor for value in self.demand)


def _numbers(values: Any, key: str) -> tuple[Fraction, ...]:
    found = []
    for row, value in enumerate(values, 1):
        try:
            found.append(Fraction(exact.parse(value)))
        except ValueError as error:
            raise InstanceError(str(error), key=key, row=row) from None
    return tuple(found)


def _floats(values: Sequence[Fraction]) -> NDArray[np.float64]:
    return _read_only(np.array([exact.as_float(value) for value in values]))


def _read_only(array: NDArray[np.float64]) -> NDArray[np.float64]:
    array.flags.writeable = False
    return array
