"""A limited liability model document as an environment: nested lists, or long tables of records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.instance import Common, Document
from mechopt.mechanisms.limited_liability import network
from mechopt.mechanisms.limited_liability.allotment import Program
from mechopt.mechanisms.limited_liability.environment import AXES, Environment, Names
from mechopt.mechanisms.limited_liability.response import Limits
from mechopt.mechanisms.limited_liability.rules import (
    DEFAULT_EXPONENT,
    Counterfactuals,
    Payment,
    Propensity,
    Rules,
    Variant,
)

CELL = {"values": "value", "outputs": "output", "true_values": "true_value", "true_outputs": "true_output"}


class Schema(Common):
    """The keys of a limited liability document."""

    variant: Variant
    values: Any
    outputs: Any = None
    true_values: Any = None
    true_outputs: Any = None
    draws: Any = None
    output_bound: Any = 1
    discount: Any = None
    exploration_exponent: Any = None
    payment: Payment = "output"
    use_regret_b: bool = True
    propensity: Propensity = "action"
    counterfactuals: Counterfactuals = "reported"
    value_floor: Any = None
    ledger: Literal["float", "integer"] = "float"
    output_unit: Any = 1
    names: Any = None
    response: Any = None
    program: Any = None
    design: Any = None
    simulate: Any = None


def from_document(document: Document) -> Environment:
    """The environment that a model document describes.

    `values` and `outputs` are nested lists [period][agent][decision], or long tables with columns period, agent,
    decision and value or output. One table with both columns may be given as `values` alone. With a [program] they are
    per unit of its columns: [period][column], or tables with columns period, column and value or output.

    Raises:
        InstanceError: names the file, the key and the row at fault.
    """
    schema = document.convert(Schema)
    names = _names(schema.names, document)
    arrays: dict[str, NDArray[Any]] = {}
    program = None
    if schema.program is not None:
        arrays, program = _programmed(schema, names, document)
    for key in CELL if program is None else ():
        spec = getattr(schema, key)
        if spec is None and key == "values":
            raise document.error("is missing", key)
        if spec is None and key == "outputs":
            if not _is_table(schema.values):
                raise document.error("is missing", "outputs")
            spec = schema.values
        if spec is not None:
            arrays[key] = _array(spec, key, names, document, schema.arithmetic)
    try:
        return Environment(
            rules=_rules(schema, arrays["values"], names, document),
            **arrays,
            draws=None if schema.draws is None else _nested(schema.draws, "draws", document, schema.arithmetic),
            output_bound=schema.output_bound,
            value_floor=schema.value_floor,
            ledger=schema.ledger,
            output_unit=schema.output_unit,
            seed=schema.seed or 0,
            names=Names(**names),
            arithmetic=schema.arithmetic,
            units=schema.units,
            program=program,
        )
    except InstanceError as error:
        raise error.at(file=document.path) from None


def _programmed(
    schema: Schema, names: dict[str, list[str]], document: Document
) -> tuple[dict[str, NDArray[Any]], Program]:
    """Values and outputs of the groups' optima where decisions come from an optimisation model."""
    for key in ("true_values", "true_outputs"):
        if getattr(schema, key) is not None:
            raise document.error("is not for documents with a [program]", key)
    if schema.variant == "bounded_values":
        raise document.error(
            "bounded_values needs a finite set of decisions: its weights change the programs", "variant"
        )
    if "decisions" in names or schema.arithmetic == "exact":
        key = "names.decisions" if "decisions" in names else "arithmetic"
        raise document.error("with a [program], decisions are named by their groups and found in floats", key)
    allotment, options = network.read(document, names)
    columns = [allotment.program.column_name(place) for place in range(allotment.program.columns)]
    read = {}
    for key in ("values", "outputs"):
        spec = getattr(schema, key)
        spec = schema.values if spec is None and key == "outputs" and _is_table(schema.values) else spec
        if spec is None:
            raise document.error("is missing", key)
        if _is_table(spec):
            array = network.by_column(_own_columns(spec, CELL[key]), key, CELL[key], columns, document)
            try:
                read[key] = network.filled(array, allotment, key)
            except InstanceError as error:
                raise error.at(file=document.path) from None
        else:
            read[key] = _nested(spec, key, document, "float")
    found = network.solve(document, allotment, options, read["values"], read["outputs"])
    outputs = found.outputs
    if schema.ledger == "integer":  # meters count whole units
        unit = document.number(schema.output_unit, "output_unit", positive=True)
        outputs = np.floor(outputs / exact.as_float(unit) + 1e-9) * exact.as_float(unit)
        decimals = max(0, math.ceil(-math.log10(exact.as_float(unit))) + 2)
        outputs = np.round(outputs, decimals)
    names["decisions"] = ["everybody", *(f"without {name}" for name in names["agents"])]
    program = Program(
        allotment=allotment, values=read["values"], yields=read["outputs"], points=found.points, gap=found.gap,
        solved=found.solved, skipped=found.skipped,
    )  # fmt: skip
    return {"values": found.values, "outputs": outputs}, program


class ResponseTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of a [response] table: least probability that all are heard, largest of leaving one out, and for whom 0.

    Attributes:
        participation_floor: least mu(I).
        exclusion_cap: largest mu(I\\i) of every agent.
        protected: agents that are never left out.
    """

    participation_floor: Any = 0
    exclusion_cap: Any = 1
    protected: list[str | int] = []


def _limits(schema: Schema, agents: int, names: dict[str, list[str]], document: Document) -> Limits | None:
    if schema.response is None:
        return None
    table = document.section("response", ResponseTable)
    floor, cap = (
        exact.as_float(document.number(getattr(table, key), f"response.{key}", minimum=0))
        for key in ("participation_floor", "exclusion_cap")
    )
    known = names.get("agents") or [str(number + 1) for number in range(agents)]
    caps = [cap] * agents
    for name in table.protected:
        if str(name) not in known:
            raise document.error(f"{name!r} is none of {', '.join(known)}", "response.protected")
        caps[known.index(str(name))] = 0.0
    return Limits(participation_floor=floor, exclusion_caps=caps)


def _rules(schema: Schema, values: NDArray[Any], names: dict[str, list[str]], document: Document) -> Rules:
    if values.ndim != 3:
        raise InstanceError(f"needs 3 nested levels [period][agent][decision], not {values.ndim}", key="values")
    exponent = DEFAULT_EXPONENT if schema.exploration_exponent is None else schema.exploration_exponent
    return Rules(
        variant=schema.variant,
        agents=values.shape[1],
        discount=schema.discount,
        exploration_exponent=exponent,
        payment=schema.payment,
        use_regret_b=schema.use_regret_b,
        propensity=schema.propensity,
        counterfactuals=schema.counterfactuals,
        limits=_limits(schema, values.shape[1], names, document),
    )


def _names(given: Any, document: Document) -> dict[str, list[str]]:
    if given is None:
        return {}
    kinds = ("agents", "decisions", "periods")
    if not isinstance(given, Mapping) or not set(given) <= set(kinds):
        raise document.error(f"must be a table with lists {', '.join(kinds)}", "names")
    for kind, names in given.items():
        if not isinstance(names, list) or not all(
            isinstance(name, str | int) and not isinstance(name, bool) for name in names
        ):
            raise document.error("must be a list of names", f"names.{kind}")
    return {kind: [str(name) for name in names] for kind, names in given.items()}


def _is_table(spec: Any) -> bool:
    """Whether a value is a long table rather than nested lists."""
    if isinstance(spec, list | tuple):
        return any(isinstance(row, Mapping) for row in spec)
    return isinstance(spec, str | Mapping) or hasattr(spec, "__arrow_c_stream__")


def _array(
    spec: Any, key: str, names: dict[str, list[str]], document: Document, arithmetic: Literal["float", "exact"]
) -> NDArray[Any]:
    return _long(spec, key, names, document) if _is_table(spec) else _nested(spec, key, document, arithmetic)


def _nested(values: Any, key: str, document: Document, arithmetic: Literal["float", "exact"]) -> NDArray[Any]:
    """Nested lists of numbers of any spelling as an array."""
    if hasattr(values, "dtype"):
        return np.asarray(values)
    exactly = arithmetic == "exact"

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
        raise document.error("must be nested lists of numbers, or a table", key)
    try:
        array = np.array(parsed, dtype=object if exactly else np.float64)
    except ValueError:
        raise document.error("lists on one level must have equal lengths", key) from None
    if exactly and any(isinstance(item, list) for item in array.ravel().tolist()):
        raise document.error("lists on one level must have equal lengths", key)
    return array


def _long(spec: Any, key: str, names: dict[str, list[str]], document: Document) -> NDArray[Any]:
    """A table with one record for every period, agent and decision; which ones there are, the first table says."""
    column = CELL[key]
    table = document.table(_own_columns(spec, column), key, [*AXES, column])
    cells = table.numbers(column, minimum=0)
    places = []
    for axis in AXES:
        found = table.columns[axis]
        labels = [str(label).strip() for label in (found if isinstance(found, list) else found.to_list())]
        known = names.setdefault(f"{axis}s", _ordered(labels))
        position = {name: number for number, name in enumerate(known)}
        for row, label in enumerate(labels):
            if label not in position:
                raise table.error(f"{label!r} is not one of the {len(known)} {axis}s", axis, row)
        places.append(np.array([position[label] for label in labels], dtype=np.intp))
    shape = tuple(len(names[f"{axis}s"]) for axis in AXES)
    flat = np.ravel_multi_index(places, shape)
    order = np.argsort(flat, kind="stable")
    twice = np.flatnonzero(np.diff(flat[order]) == 0)
    if twice.size:
        raise table.error(f"this {', '.join(AXES)} occurs twice", "period", int(order[twice[0] + 1]))
    if flat.size < np.prod(shape):
        gap = np.setdiff1d(np.arange(int(np.prod(shape))), flat)[0]
        missing = [names[f"{axis}s"][int(i)] for axis, i in zip(AXES, np.unravel_index(gap, shape), strict=True)]
        at = ", ".join(f"{axis} {name}" for axis, name in zip(AXES, missing, strict=True))
        raise InstanceError(f"no record for {at}; write 0 where there is nothing", file=table.file, key=key)
    result = np.empty(flat.size, dtype=cells.dtype)
    result[flat] = cells
    return result.reshape(shape)


def _own_columns(spec: Any, column: str) -> Any:
    """Records that hold several quantities at once, reduced to the one that is read."""
    others = set(CELL.values()) - {column}

    def own(record: Any) -> Any:
        return {k: v for k, v in record.items() if k not in others} if isinstance(record, Mapping) else record

    if isinstance(spec, Mapping) and "file" not in spec:
        return own(spec)
    return [own(record) for record in spec] if isinstance(spec, list | tuple) else spec


def _ordered(labels: Sequence[str]) -> list[str]:
    """Whole numbers in their order, other names as they first occur."""
    seen = list(dict.fromkeys(labels))
    return sorted(seen, key=int) if all(name.isdecimal() for name in seen) else seen
