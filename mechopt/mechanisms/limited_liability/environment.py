"""Stated values and observed outputs over a horizon as data. Source: chassang2021, Section 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.arrays import numbers
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.arithmetic import GRID
from mechopt.mechanisms.limited_liability.rules import Rules

if TYPE_CHECKING:
    from mechopt.mechanisms.limited_liability.allotment import Program

AXES = ("period", "agent", "decision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What agents, decisions and periods are called; () numbers agents and periods from 1, decisions from 0."""

    agents: Sequence[str] = ()
    decisions: Sequence[str] = ()
    periods: Sequence[str] = ()

    def __post_init__(self) -> None:
        for kind in ("agents", "decisions", "periods"):
            names = tuple(str(name) for name in getattr(self, kind))
            if len(set(names)) < len(names):
                repeated = next(name for name in names if names.count(name) > 1)
                raise InstanceError(f"{repeated!r} occurs twice; names must differ", key=f"names.{kind}")
            object.__setattr__(self, kind, names)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Environment:
    """What agents state and produce, period by period, and the rules that allocate.

    Arrays are float64, or objects (Fraction) where arithmetic is "exact"; read-only.

    Attributes:
        rules: the variant and its parameters.
        values: stated v, in [0, output_bound], shape (periods, agents, decisions).
        outputs: y, what the mechanism observes or is told, in [0, output_bound], the same shape.
        true_values: or None where the stated ones are taken to be true; used for payoffs only.
        true_outputs: or None where `outputs` are true; used for payoffs only: the mechanism sees `outputs`, but what is
            paid is at most what is there. A report above it that falls due is not honoured, which checks point out.
        draws: one number in [0, 1) a period, shape (periods,); None: from the seed.
        output_bound: y_max > 0.
        value_floor: v > 0 of Assumption A.1, or None: the least stated value is used.
        ledger: "float", or "integer": probabilities on a grid of 2^-32, whole outputs.
        output_unit: what one unit of the integer ledger is worth in units of output.
        seed: of the draws.
        names: of agents, decisions and periods.
        arithmetic: "float" or "exact".
        units: of output.
        program: the optimisation model behind the decisions, or None. Each period's decisions are then the optima of
            the groups, in group order.
    """

    rules: Rules
    values: NDArray[Any]
    outputs: NDArray[Any]
    true_values: NDArray[Any] | None = None
    true_outputs: NDArray[Any] | None = None
    draws: NDArray[Any] | None = None
    output_bound: Any = 1
    value_floor: Any = None
    ledger: Literal["float", "integer"] = "float"
    output_unit: Any = 1
    seed: int = 0
    names: Names = field(default_factory=Names)
    arithmetic: Literal["float", "exact"] = "float"
    units: str = ""
    program: Program | None = None

    def __post_init__(self) -> None:
        exactly = self.arithmetic == "exact"
        for name in ("output_bound", "output_unit", "value_floor"):
            self._set_positive(name)
        for name in ("values", "outputs", "true_values", "true_outputs"):
            if getattr(self, name) is not None:
                array = numbers(getattr(self, name), name, axes=3, exactly=exactly)
                self._check_range(array, name)
                object.__setattr__(self, name, array)
        self._check_shapes()
        draws = drawn(self.seed, len(self.values)) if self.draws is None else self.draws
        array = numbers(draws, "draws", axes=1, exactly=exactly)
        if array.size != len(self.values):
            raise InstanceError(f"{array.size} draws for {len(self.values)} periods", key="draws")
        outside = np.asarray((array < 0) | (array >= 1), dtype=bool)
        if outside.any():
            place = int(outside.argmax())
            shown = exact.show(array.tolist()[place])
            raise InstanceError(
                f"must be at least 0 and below 1, not {shown} (period {self.period_names[place]})", key="draws"
            )
        object.__setattr__(self, "draws", array)
        self._check_floor()
        if self.rules.limits is not None and (exactly or self.ledger == "integer"):
            raise InstanceError('limits are solved in floats: arithmetic and ledger must be "float"', key="response")

    def _set_positive(self, name: str) -> None:
        value = getattr(self, name)
        if value is None and name == "value_floor":
            return
        try:
            number = Fraction(exact.parse(value))
        except ValueError as error:
            raise InstanceError(str(error), key=name) from None
        if number <= 0:
            raise InstanceError(f"must be above 0, not {exact.show(value)}", key=name)
        object.__setattr__(self, name, number)

    def _check_range(self, array: NDArray[Any], name: str) -> None:
        bound = self.output_bound if self.arithmetic == "exact" else exact.as_float(self.output_bound)
        outside = np.asarray((array < 0) | (array > bound), dtype=bool)
        if outside.any():
            place = tuple(int(index) for index in np.argwhere(outside)[0])
            at = ", ".join(f"{axis} {index + 1}" for axis, index in zip(AXES, place, strict=True))
            shown = exact.show(array[place].item() if array.dtype != object else array[place])
            raise InstanceError(
                f"must lie between 0 and output_bound = {exact.show(self.output_bound)}, not {shown} (at {at})",
                key=name,
            )

    def _check_shapes(self) -> None:
        shape = self.values.shape
        for axis, size in zip(AXES, shape, strict=True):
            if size == 0:
                raise InstanceError(f"at least one {axis} is needed", key="values")
        for name in ("outputs", "true_values", "true_outputs"):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise InstanceError(
                    f"has shape {array.shape}, not that of values, {shape} [period][agent][decision]", key=name
                )
        if self.rules.agents != shape[1]:
            raise InstanceError(f"the rules are for {self.rules.agents} agents, not {shape[1]}", key="values")
        for kind, size in (("periods", shape[0]), ("agents", shape[1]), ("decisions", shape[2])):
            given = len(getattr(self.names, kind))
            if given not in (0, size):
                raise InstanceError(f"{given} names for {size}", key=f"names.{kind}")

    def _check_floor(self) -> None:
        if self.value_floor is None or self.rules.variant != "bounded_values":
            return
        low = exact.parse(self.values.min())
        if low < self.value_floor:
            raise InstanceError(
                f"is {exact.show(self.value_floor)}, but a stated value is {exact.show(low)} (Assumption A.1)",
                key="value_floor",
            )

    @property
    def agent_names(self) -> list[str]:
        """A name an agent."""
        return list(self.names.agents) or [str(number + 1) for number in range(self.values.shape[1])]

    @property
    def decision_names(self) -> list[str]:
        """A name a decision."""
        return list(self.names.decisions) or [str(number) for number in range(self.values.shape[2])]

    @property
    def period_names(self) -> list[Any]:
        """A name or a number a period; numbers where all names are whole numbers."""
        names = self.names.periods
        if names and all(name.isdecimal() for name in names):
            return [int(name) for name in names]
        return list(names) or list(range(1, len(self.values) + 1))


def drawn(seed: int, periods: int) -> NDArray[np.float64]:
    """Draws from a seed: multiples of 2^-32, so that floats, fractions and the integer ledger see the same numbers."""
    return np.random.default_rng(seed).integers(0, GRID, size=periods) / GRID
