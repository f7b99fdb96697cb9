"""A forward market's model document as an environment."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from mechopt import exact
from mechopt.distributions import Distribution, from_table
from mechopt.errors import InstanceError
from mechopt.instance import Common, Document
from mechopt.mechanisms.forward_market.environment import Environment, State
from mechopt.mechanisms.forward_market.smoothing import smooth
from mechopt.mechanisms.forward_market.tariff import Tariff

Support = tuple[int | Fraction, int | Fraction]


class Schema(Common):
    """The keys of a forward market document."""

    agents: Any
    support: Any = (0, 1)
    distributions: Any = None
    states: Any = None
    anticipated: bool = False
    tariff: Any = None
    values: Any = None
    design: Any = None
    simulate: Any = None


def from_document(document: Document) -> Environment:
    """The environment that a model document describes.

    Raises:
        InstanceError: names the file, the key and the row at fault.
    """
    schema = document.convert(Schema)
    support = _support(schema.support, document)
    table = document.table(schema.agents, "agents", ["name", "demand", "endowment", "distribution"])
    name = table.names("name")
    demand, endowment = table.numbers("demand"), table.numbers("endowment")
    column = table.columns["distribution"]
    laws = _laws(column if isinstance(column, list) else column.to_list(), schema.distributions, support, document)
    try:
        return Environment(
            name=name,
            demand=demand.tolist(),
            endowment=endowment.tolist(),
            distribution=laws,
            support=(Fraction(support[0]), Fraction(support[1])),
            states=_states(schema.states, document),
            anticipated=schema.anticipated,
            tariff=_tariff(schema.tariff, document),
            values=_values(schema.values, name, document),
            arithmetic=schema.arithmetic,
            units=schema.units,
        )
    except InstanceError as error:
        if error.row is not None and str(error.key).startswith("agents."):
            raise table.error(error.problem, str(error.key).removeprefix("agents."), error.row - 1) from None
        raise error.at(file=document.path) from None


def _support(given: Any, document: Document) -> Support:
    if hasattr(given, "tolist"):
        given = given.tolist()
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise document.error("must be [low, high]", "support")
    low, high = (document.number(value, "support") for value in given)
    if low < 0:
        raise document.error(f"must start at 0 or above, not at {exact.show(low)}", "support")
    if not low < high or not exact.as_float(low) < exact.as_float(high) < 1e100:
        raise document.error(f"needs low below high, not [{exact.show(low)}, {exact.show(high)}]", "support")
    return low, high


def _laws(column: list[Any], named: Any, support: Support, document: Document) -> list[Distribution]:
    """A distribution an agent: a table, or the name of one in `distributions`."""
    if named is not None and not isinstance(named, Mapping):
        raise document.error("must be a table of distributions by name", "distributions")
    known: dict[str, Distribution] = {}
    for name, table in (named or {}).items():
        known[str(name)] = _law(table, f"distributions.{name}", None, support, document)
    laws = []
    for row, value in enumerate(column, 1):
        if isinstance(value, str):
            if value.strip() not in known:
                choice = ", ".join(known) or "none"
                raise document.error(f"{exact.show(value)} is not in distributions ({choice})",
                                     f"agents.distribution (row {row})")  # fmt: skip
            laws.append(known[value.strip()])
        else:
            laws.append(_law(value, "agents.distribution", row, support, document))
    return laws


def _law(table: Any, key: str, row: int | None, support: Support, document: Document) -> Distribution:
    if isinstance(table, Distribution):
        return table
    if isinstance(table, Mapping) and table.get("family") == "empirical":
        try:
            return smooth(table, support)
        except InstanceError as error:
            place = f"{key}.{error.key}" if error.key else key
            raise InstanceError(error.problem, file=document.path, key=place, row=row) from None
    return from_table(table, key, file=document.path, row=row, support=support)


def _states(given: Any, document: Document) -> list[State]:
    if given is None:
        return []
    table = document.table(given, "states", ["state", "probability", "demand_factor"])
    names = table.names("state")
    probability, factor = table.numbers("probability"), table.numbers("demand_factor")
    return [
        State(name=name, probability=Fraction(exact.parse(chance)), demand_factor=Fraction(exact.parse(times)))
        for name, chance, times in zip(names, probability.tolist(), factor.tolist(), strict=True)
    ]


class _TariffTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    y: Any
    p: Any
    kind: Any = "linear"


def _tariff(given: Any, document: Document) -> Tariff | None:
    if given is None:
        return None
    table = document.section("tariff", _TariffTable)
    if table.kind not in ("linear", "block"):
        raise document.error(f'must be "linear" or "block", not {exact.show(table.kind)}', "tariff.kind")
    try:
        return Tariff(
            knots=_row(table.y, "tariff.y", document), prices=_row(table.p, "tariff.p", document), kind=table.kind
        )
    except InstanceError as error:
        raise error.at(file=document.path) from None


def _row(values: Any, key: str, document: Document) -> list[float]:
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, list | tuple):
        raise document.error("must be a list of numbers", key)
    return [exact.as_float(document.number(value, key)) for value in values]


def _values(given: Any, names: list[str], document: Document) -> list[Any] | None:
    if given is None:
        return None
    if hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, Mapping):
        missing = [name for name in names if name not in given]
        extra = [name for name in given if name not in names]
        if missing or extra:
            word = f"{missing[0]!r} is missing" if missing else f"{extra[0]!r} is not an agent"
            raise document.error(f"needs one value an agent; {word}", "values")
        given = [given[name] for name in names]
    if not isinstance(given, list | tuple):
        raise document.error("must be a list of numbers, or a table of numbers by agent", "values")
    return [document.number(value, "values") for value in given]
