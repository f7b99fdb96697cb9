"""What agents may report instead of the truth; vectorised over paths, and open to adaptive strategies of your own.

A strategy is any object with `values` and, where it misreports outputs, `outputs`. It sees the public history in the
`View`: regrets, probabilities, what was drawn. Others tell the truth unless the strategy speaks for them too.
Source: chassang2021, Sections 3 to 6; `DrawDependent` is the attack of `attack.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.limited_liability.paths import Array, Open, Paths, Step


@dataclass(slots=True, kw_only=True, eq=False)
class View:
    """What is known when values are stated.

    Attributes:
        paths: the mechanism's state on every path: `transfer` is each agent's debt, `allocation` is R^I, `period` the
            number of periods settled.
        last: the period before, or None in the first.
        agent: position of the agent that deviates.
        periods: N.
        bound: y_max.
        random: a stream for strategies that mix.
        memory: whatever an adaptive strategy wants to keep; empty at the start.
    """

    paths: Paths
    last: Step | None
    agent: int
    periods: int
    bound: float
    random: np.random.Generator
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def period(self) -> int:
        """t of the coming period, from 1."""
        return self.paths.period + 1

    @property
    def debt(self) -> Array:
        """The agent's own R_i (R_i^v in Appendix A.1), shape (paths,)."""
        bounded = self.paths.rules.variant == "bounded_values"
        return (self.paths.value if bounded else self.paths.transfer)[:, self.agent]


class Strategy:
    """Truth; the base of the others.

    Attributes:
        name: in tables.
        misreports_outputs: whether `outputs` does anything: such a strategy supposes that outputs are only reported.
        coalition: whether other agents take part.
    """

    name = "truth"
    misreports_outputs = False
    coalition = False

    def values(self, view: View, values: Array) -> Array:
        """Stated values of all agents, given the true ones, shape (paths, agents, decisions)."""
        return values

    def produce(self, view: View, outputs: Array) -> Array:
        """What is truly produced, given what effort would produce, shape (paths, agents, decisions)."""
        return outputs

    def outputs(self, view: View, proposal: Open, group: NDArray[np.intp], outputs: Array) -> Array:
        """Reported outputs of all agents under each group's decision, given the true ones, (paths, groups, agents)."""
        return outputs


def claim(view: View, values: Array, stated: Array) -> Array:
    """The true values with the agent's replaced, shape of `stated` (paths, decisions)."""
    changed = values.copy(order="K")
    changed[:, view.agent] = stated
    return changed


def most(view: View, values: Array) -> Array:
    """y_max wherever the agent's true value is above 0."""
    return np.where(values[:, view.agent] > 0, view.bound, 0.0)


@dataclass(frozen=True, slots=True)
class Overclaim(Strategy):
    """States y_max wherever it wants anything at all."""

    name = "overclaim"

    def values(self, view: View, values: Array) -> Array:
        """The most."""
        return claim(view, values, most(view, values))


@dataclass(frozen=True, slots=True)
class OverclaimThenDefault(Strategy):
    """States y_max while it owes nothing, and nothing while it does, so that there is nothing to collect."""

    name = "overclaim_then_default"

    def values(self, view: View, values: Array) -> Array:
        """By the debt."""
        return claim(view, values, np.where(view.debt[:, None] > 0, 0.0, most(view, values)))


@dataclass(frozen=True, slots=True)
class Shade(Strategy):
    """States a share of the truth."""

    share: float = 0.5
    name = "shade"

    def values(self, view: View, values: Array) -> Array:
        """Less."""
        return claim(view, values, values[:, view.agent] * self.share)


@dataclass(frozen=True, slots=True)
class Random(Strategy):
    """States anything."""

    name = "random"

    def values(self, view: View, values: Array) -> Array:
        """Uniform in [0, y_max]."""
        return claim(view, values, view.random.random(values[:, view.agent].shape) * view.bound)


@dataclass(frozen=True, slots=True)
class BidRotation(Strategy):
    """A ring of all agents: in turns one states the truth and the others nothing. Not covered by any theorem here.

    Source: chassang2021, Section 3, equilibrium multiplicity.
    """

    name = "bid_rotation"
    coalition = True

    def values(self, view: View, values: Array) -> Array:
        """Only whose turn it is."""
        stated = np.zeros_like(values)
        turn = view.period % values.shape[1]
        stated[:, turn] = values[:, turn]
        return stated


@dataclass(frozen=True, slots=True)
class StrategicDefault(Strategy):
    """The truth until shortly before the horizon, then the most: the debt of the end is never collected."""

    share: float = 0.1
    name = "strategic_default"

    def values(self, view: View, values: Array) -> Array:
        """By the period."""
        if view.period <= view.periods * (1 - self.share):
            return values
        return claim(view, values, most(view, values))


@dataclass(frozen=True, slots=True)
class ErrorThenTruth(Strategy):
    """An error for some periods, the truth after: what is forgiven?

    The error: it states y_max wherever it wants anything, and all its works fail, so that it neither produces nor pays.

    Source: chassang2021, Section 6, cautiousness and forgiveness.
    """

    periods: int
    name = "error_then_truth"

    def values(self, view: View, values: Array) -> Array:
        """By the period."""
        return values if view.period > self.periods else claim(view, values, most(view, values))

    def produce(self, view: View, outputs: Array) -> Array:
        """Nothing during the error."""
        if view.period > self.periods:
            return outputs
        changed = outputs.copy(order="K")
        changed[:, view.agent] = 0.0
        return changed


@dataclass(frozen=True, slots=True)
class DrawDependent(Strategy):
    """The attack on Proposition 3: states the most, reports nothing where it would have to pay, the most elsewhere."""

    name = "draw_dependent"
    misreports_outputs = True

    def values(self, view: View, values: Array) -> Array:
        """The most."""
        view.memory["wanted"] = values[:, view.agent] > 0
        return claim(view, values, most(view, values))

    def outputs(self, view: View, proposal: Open, group: NDArray[np.intp], outputs: Array) -> Array:
        """0 for the decision taken, y_max for every other that it might have produced something under."""
        taken = np.take_along_axis(proposal.decisions, group[:, None], axis=1)
        wanted = np.take_along_axis(view.memory["wanted"], proposal.decisions, axis=1)
        reported = outputs.copy(order="K")
        reported[:, :, view.agent] = np.where((proposal.decisions != taken) & wanted, view.bound, 0.0)
        return reported


@dataclass(frozen=True, slots=True)
class Hide(Strategy):
    """Reports half of its outputs, whatever was drawn; values are true."""

    share: float = 0.5
    name = "hide_output"
    misreports_outputs = True

    def outputs(self, view: View, proposal: Open, group: NDArray[np.intp], outputs: Array) -> Array:
        """Less."""
        reported = outputs.copy(order="K")
        reported[:, :, view.agent] *= self.share
        return reported


def shipped(error_periods: int) -> dict[str, Strategy]:
    """The strategies by name."""
    known: list[Strategy] = [
        Strategy(), Overclaim(), OverclaimThenDefault(), Shade(), Random(), BidRotation(), StrategicDefault(),
        ErrorThenTruth(error_periods), DrawDependent(), Hide(),
    ]  # fmt: skip
    return {strategy.name: strategy for strategy in known}
