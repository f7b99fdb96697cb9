"""A linked VCG model document as an environment: nested lists, or long tables of records."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.instance import Common, Document
from mechopt.mechanisms.linked_vcg.environment import Environment, Names


class Schema(Common):
    """The keys of a linked VCG document."""

    stock: Any
    types: Any
    endowments: Any
    upper: Any
    lower: Any = None
    discount: Any = 1
    names: Any = None
    design: Any = None
    simulate: Any = None


def from_document(document: Document) -> Environment:
    """The environment that a model document describes.

    Endowments are nested lists [agent][date][type], or a table of agent, date, type, quantity where what is not
    there is 0; `lower` (default 0) and `upper` are [agent][type], or a table of agent, type, quantity.

    Raises:
        InstanceError: names the file, the key and the row at fault.
    """
    schema = document.convert(Schema)
    names = _names(schema.names, document)
    exactly = schema.arithmetic == "exact"
    types = _nested(schema.types, "types", document, exactly)
    if types.ndim == 2:
        names.setdefault("types", [str(number) for number in range(1, types.shape[0] + 1)])
    endowments = _array(schema.endowments, "endowments", ["agent", "date", "type"], names, document, exactly)
    upper = _array(schema.upper, "upper", ["agent", "type"], names, document, exactly)
    lower = (
        np.zeros(upper.shape)
        if schema.lower is None
        else _array(schema.lower, "lower", ["agent", "type"], names, document, exactly)
    )
    try:
        return Environment(
            stock=_nested(schema.stock, "stock", document, exactly),
            types=types,
            endowments=endowments,
            lower=lower,
            upper=upper,
            discount=schema.discount,
            names=Names(**names),
            arithmetic=schema.arithmetic,
            units=schema.units,
        )
    except InstanceError as error:
        raise error.at(file=document.path) from None


def _names(given: Any, document: Document) -> dict[str, list[str]]:
    if given is None:
        return {}
    if isinstance(given, list):
        given = {"agents": given}
    kinds = ("agents", "dates", "types", "resources")
    if not isinstance(given, Mapping) or not set(given) <= set(kinds):
        raise document.error(f"must be a table with lists {', '.join(kinds)}", "names")
    for kind, names in given.items():
        if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
            raise document.error("must be a list of names", f"names.{kind}")
    return {kind: [str(name) for name in names] for kind, names in given.items()}


def _nested(values: Any, key: str, document: Document, exactly: bool) -> NDArray[Any]:
    """Nested lists of numbers of any spelling as an array."""
    if hasattr(values, "dtype"):
        return np.asarray(values)

    def parse(value: Any, place: str) -> Any:
        if isinstance(value, list | tuple):
            return [parse(item, f"{place}[{number}]") for number, item in enumerate(value, 1)]
        try:
            number = exact.parse(value)
        except ValueError as error:
            raise document.error(f"{error} (at {place or 'top'})", key) from None
        return Fraction(number) if exactly else exact.as_float(number)

    parsed = parse(values, "")
    if not isinstance(parsed, list):
        raise document.error("must be nested lists of numbers", key)
    try:
        array = np.array(parsed, dtype=object if exactly else np.float64)
    except ValueError:
        raise document.error("lists on one level must have equal lengths", key) from None
    if exactly and any(isinstance(item, list) for item in array.ravel().tolist()):
        raise document.error("lists on one level must have equal lengths", key)
    return array


def _array(
    values: Any, key: str, axes: list[str], names: dict[str, list[str]], document: Document, exactly: bool
) -> NDArray[Any]:
    """Nested lists, or a long table of records whose missing entries are 0."""
    if hasattr(values, "dtype") or (isinstance(values, list) and not any(isinstance(row, Mapping) for row in values)):
        return _nested(values, key, document, exactly)
    table = document.table(values, key, [*axes, "quantity"])
    quantity = table.numbers("quantity", minimum=0)
    index = []
    for axis in axes:
        found = table.columns[axis]
        column = [str(value).strip() for value in (found if isinstance(found, list) else found.to_list())]
        known = names.setdefault(f"{axis}s", _ordered(column))
        position = {name: number for number, name in enumerate(known)}
        for row, name in enumerate(column):
            if name not in position:
                raise table.error(f"{name!r} is not one of the {len(known)} {axis}s", axis, row)
        index.append(np.array([position[name] for name in column], dtype=np.intp))
    shape = tuple(len(names[f"{axis}s"]) for axis in axes)
    flat = np.ravel_multi_index(index, shape)
    order = np.argsort(flat, kind="stable")
    twice = np.flatnonzero(np.diff(flat[order]) == 0)
    if twice.size:
        row = int(order[twice[0] + 1])
        raise table.error(f"this {', '.join(axes)} occurs twice", axes[0], row)
    result = np.full(int(np.prod(shape)), Fraction(0), dtype=object) if exactly else np.zeros(int(np.prod(shape)))
    result[flat] = (
        [Fraction(exact.parse(value)) for value in quantity.tolist()]
        if exactly
        else [exact.as_float(value) for value in quantity.tolist()]
    )
    return result.reshape(shape)


def _ordered(column: list[str]) -> list[str]:
    """Whole numbers in their order, other names as they first occur."""
    seen = list(dict.fromkeys(column))
    return sorted(seen, key=int) if all(name.isdecimal() for name in seen) else seen
