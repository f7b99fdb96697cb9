"""A linked VCG model document as an environment: nested lists, or long tables of records."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.arrays import axis_names, cells, is_table, nested
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
    given = {"agents": schema.names} if isinstance(schema.names, list) else schema.names
    names = axis_names(given, ("agents", "dates", "types", "resources"), document)
    exactly = schema.arithmetic == "exact"
    types = nested(schema.types, "types", document, exactly=exactly)
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
            stock=nested(schema.stock, "stock", document, exactly=exactly),
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


def _array(
    values: Any, key: str, axes: list[str], names: dict[str, list[str]], document: Document, exactly: bool
) -> NDArray[Any]:
    """Nested lists, or a long table of records whose missing entries are 0."""
    if not is_table(values):
        return nested(values, key, document, exactly=exactly)
    table = document.table(values, key, [*axes, "quantity"])
    quantity = table.numbers("quantity", minimum=0)
    flat, shape = cells(table, axes, names)
    result = np.full(int(np.prod(shape)), Fraction(0), dtype=object) if exactly else np.zeros(int(np.prod(shape)))
    result[flat] = (
        [Fraction(exact.parse(value)) for value in quantity.tolist()]
        if exactly
        else [exact.as_float(value) for value in quantity.tolist()]
    )
    return result.reshape(shape)
