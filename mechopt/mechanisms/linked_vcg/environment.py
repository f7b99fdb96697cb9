"""Endowment reports over the horizon as data: who needs what, when, and within which average.

Source: zhu2021, Section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.arrays import numbers, position
from mechopt.errors import InstanceError
from mechopt.program import to_float

LARGEST = 1e100  # beyond, sums and products of floats overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What agents, dates, types and resources are called; () numbers them from 1."""

    agents: Sequence[str] = ()
    dates: Sequence[str] = ()
    types: Sequence[str] = ()
    resources: Sequence[str] = ()

    def __post_init__(self) -> None:
        for kind in ("agents", "dates", "types", "resources"):
            names = tuple(str(name) for name in getattr(self, kind))
            repeated = [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
            if repeated:
                raise InstanceError(f"{repeated[0]!r} occurs twice; names must differ", key=f"names.{kind}")
            object.__setattr__(self, kind, names)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Environment:
    """Reports of all agents over all dates, and the bounds their averages must keep.

    Agents stand in the paper's order: the last is served first, the principal last. Arrays are float64, or objects
    (int, Fraction) where arithmetic is "exact".

    Attributes:
        stock: q-bar > 0, resource units, shape (resources,).
        types: theta >= 0, resource units per unit of payoff, shape (types, resources); type r < resources uses
            resource r only.
        endowments: mu >= 0, projects, shape (agents, dates, types).
        lower: least average over the dates, projects, shape (agents, types).
        upper: largest average over the dates, projects, shape (agents, types).
        discount: beta in (0, 1], per date.
        names: of everything.
        arithmetic: "float" or "exact".
        units: of the payoff.
    """

    stock: NDArray[Any]
    types: NDArray[Any]
    endowments: NDArray[Any]
    lower: NDArray[Any]
    upper: NDArray[Any]
    discount: Any = 1
    names: Names = field(default_factory=Names)
    arithmetic: Literal["float", "exact"] = "float"
    units: str = ""

    def __post_init__(self) -> None:
        for name, axes in (("stock", 1), ("types", 2), ("endowments", 3), ("lower", 2), ("upper", 2)):
            array = _numbers(getattr(self, name), name, exactly=self.arithmetic == "exact")
            if array.ndim != axes:
                raise InstanceError(f"needs {axes} nested levels, not {array.ndim}", key=name)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "discount", self._discount())
        self._check_shapes()
        check_types(self.types, self.stock, self.type_names)
        for name in ("endowments", "lower", "upper"):
            _at_least_zero(getattr(self, name), name)
        crossed = np.asarray(self.lower > self.upper, dtype=bool)
        if crossed.any():
            agent, kind = np.argwhere(crossed)[0]
            raise InstanceError(
                f"{self.lower[agent, kind]} is above upper = {self.upper[agent, kind]} "
                f"(agent {self.agent_names[agent]}, type {self.type_names[kind]})",
                key="lower",
            )

    def _discount(self) -> Any:
        try:
            value = exact.parse(self.discount)
        except ValueError as error:
            raise InstanceError(str(error), key="discount") from None
        if not 0 < value <= 1:
            raise InstanceError(f"must be above 0 and at most 1, not {self.discount}", key="discount")
        return Fraction(value) if self.arithmetic == "exact" else float(value)

    def _check_shapes(self) -> None:
        agents, dates, types = self.endowments.shape
        resources = self.stock.size
        for name, count in (("agent", agents), ("date", dates), ("type", types)):
            if count == 0:
                raise InstanceError(f"at least one {name} is needed", key="endowments")
        if resources == 0:
            raise InstanceError("at least one resource is needed", key="stock")
        for name, shape, of in (
            ("types", (types, resources), "[type][resource]"),
            ("lower", (agents, types), "[agent][type]"),
            ("upper", (agents, types), "[agent][type]"),
        ):
            if getattr(self, name).shape != shape:
                raise InstanceError(f"has shape {getattr(self, name).shape}, not {shape} {of}", key=name)
        for kind, count in (("agents", agents), ("dates", dates), ("types", types), ("resources", resources)):
            given = len(getattr(self.names, kind))
            if given not in (0, count):
                raise InstanceError(f"{given} names for {count}", key=f"names.{kind}")

    @property
    def agent_names(self) -> list[str]:
        """A name an agent."""
        return _or_numbers(self.names.agents, self.endowments.shape[0])

    @property
    def date_names(self) -> list[str]:
        """A name a date."""
        return _or_numbers(self.names.dates, self.endowments.shape[1])

    @property
    def type_names(self) -> list[str]:
        """A name a type."""
        return _or_numbers(self.names.types, self.endowments.shape[2])

    @property
    def resource_names(self) -> list[str]:
        """A name a resource."""
        return _or_numbers(self.names.resources, self.stock.size)


def _or_numbers(names: Sequence[str], count: int) -> list[str]:
    return list(names) or [str(number) for number in range(1, count + 1)]


def _numbers(values: Any, name: str, *, exactly: bool) -> NDArray[Any]:
    """A read-only array of finite numbers of one arithmetic, none too large or small for floats, which searches use."""
    result = numbers(values, name, exactly=exactly)
    if not result.size:
        return result
    if max(result.max(), -result.min()) > LARGEST:
        raise InstanceError(f"must be at most {LARGEST:g}", key=name)
    if exactly and np.any((result != 0) & (to_float(result) == 0)):
        raise InstanceError("has a number so near to 0 that a float cannot hold it", key=name)
    return result


def _at_least_zero(array: NDArray[Any], name: str) -> None:
    below = np.asarray(array < 0, dtype=bool)
    if below.any():
        place = np.argwhere(below)[0]
        raise InstanceError(f"must be at least 0, not {array[tuple(place)]} (at {position(place)})", key=name)


def check_types(types: NDArray[Any], stock: NDArray[Any], names: Sequence[str]) -> None:
    """Stocks above zero, types that use something, and the paper's condition 1.

    Raises:
        InstanceError: names the resource or type at fault.

    Source: zhu2021, Section 2, condition 1. The count I > R is not needed here: I = R works.
    """
    if np.any(stock <= 0):
        place = int(np.argmax(np.asarray(stock <= 0, dtype=bool)))
        raise InstanceError(f"must be above 0, not {stock[place]} (at [{place + 1}])", key="stock")
    _at_least_zero(types, "types")
    used = np.asarray(types > 0, dtype=bool)
    if not used.any(axis=1).all():
        name = names[int(np.argmin(used.any(axis=1)))]
        raise InstanceError(f"type {name} uses nothing; every type needs some resource", key="types")
    resources = stock.size
    if types.shape[0] < resources:
        raise InstanceError(
            f"{types.shape[0]} types for {resources} resources: each resource needs its own", key="types"
        )
    for resource in range(resources):
        if used[resource].sum() != 1 or not used[resource, resource]:
            raise InstanceError(
                f"type {names[resource]} (number {resource + 1}) must use resource {resource + 1} and no other: "
                f"the first {resources} types are the principal's own (condition 1)",
                key="types",
            )
