"""Who produced, paid and kept what on a path, in units of output."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.mechanisms.limited_liability import bounds, groups, whole
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.record import Record, as_floats
from mechopt.program import to_float


def payments(environment: Environment, record: Record) -> NDArray[Any]:
    """What each agent paid in units of output, shape (periods, agents): never more than was produced."""
    paid = record.paid
    if record.grid:
        unit = environment.output_unit
        exactly = np.empty(paid.size, dtype=object)
        exactly[:] = [Fraction(value) * unit for value in paid.ravel().tolist()]
        paid = exactly.reshape(paid.shape)
        if environment.arithmetic == "float":
            paid = to_float(paid)
    if environment.true_outputs is None or environment.rules.variant == "pivot":
        return paid
    # Paper: reported outputs may exceed the true ones; here: the payment is what is there, and it is what is recorded.
    return np.minimum(paid, at_decision(environment.true_outputs, record.decision))


def at_decision(numbers: NDArray[Any], decision: NDArray[np.int64]) -> NDArray[Any]:
    """Each agent's number under the decision taken, shape (periods, agents)."""
    return np.take_along_axis(numbers, decision[:, None, None], axis=2)[:, :, 0]


class Accounts:
    """Totals of a path: outputs, payments, payoffs.

    Args:
        environment: the instance.
        record: its path.
        paid: shape (periods, agents).
    """

    def __init__(self, environment: Environment, record: Record, paid: NDArray[Any]) -> None:
        self.environment, self.record, self.paid = environment, record, paid
        produced = environment.outputs if environment.true_outputs is None else environment.true_outputs
        self.output = at_decision(produced, record.decision)
        believed = environment.values if environment.true_values is None else environment.true_values
        comparable = whole.scaled(believed)[0] if environment.arithmetic == "exact" else believed
        efficient = np.argmax(next(groups.without_each(comparable, 1)), axis=-1)
        self.efficient = at_decision(produced, efficient).sum()
        # Paper, Section 6: exclusion is mu(I\\i); here: a decision other than a*(I), the only kind that costs anything.
        self.changed = record.decision != record.decisions[:, 0]

    def summary(self, bound: bounds.Bound) -> dict[str, Any]:
        """The contract's summary."""
        periods, agents, decisions = self.environment.values.shape
        total = self.output.sum()
        return {
            "periods": periods,
            "agents": agents,
            "decisions": decisions,
            "output_total": total,
            "output_efficient": self.efficient,
            "loss_per_period": (self.efficient - total) / periods,
            "transfers_total": self.paid.sum(),
            "epsilon_certified": bound.epsilon,
            "max_regret": self.largest_regret(),
            "periods_excluding": int(self.changed.sum()),
        }

    def largest_regret(self) -> Any:
        """The largest of R^I and R_i^tau at the end of any period."""
        record = self.record
        largest = max(record.allocation.max(), record.vectors["transfer"].max())
        return in_units(np.array([largest], dtype=record.allocation.dtype), self.environment, record)[0]

    def table(self) -> dict[str, Any]:
        """Agent by agent, at the end of the last period."""
        record, environment = self.record, self.environment
        left_out = np.stack([record.group == agent + 1 for agent in range(environment.rules.agents)], axis=1)
        debt = in_units(record.vectors["transfer"][-1], environment, record)
        paid = self.paid.sum(axis=0)
        output = self.output.sum(axis=0)
        return {
            "agent": environment.agent_names,
            "output": output,
            "paid": paid,
            "transfer": -paid,
            "payoff": output - paid,
            "debt": np.maximum(debt, 0 * debt),
            "times_left_out": left_out.sum(axis=0),
            "times_left_out_with_effect": (left_out & self.changed[:, None]).sum(axis=0),
        }


def in_units(array: NDArray[Any], environment: Environment, record: Record) -> NDArray[Any]:
    """Regrets in units of output."""
    if not record.grid:
        return array
    return as_floats(array, grid=True) * exact.as_float(environment.output_unit)
