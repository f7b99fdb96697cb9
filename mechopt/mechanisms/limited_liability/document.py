"""A limited liability model document as an environment: nested lists, or long tables of records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.arrays import axis_names, cells, is_table, nested
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
    names = axis_names(schema.names, ("agents", "decisions", "periods"), document)
    arrays: dict[str, NDArray[Any]] = {}
    program = None
    if schema.program is not None:
        arrays, program = _programmed(schema, names, document)
    for key in CELL if program is None else ():
        spec = getattr(schema, key)
        if spec is None and key == "values":
            raise document.error("is missing", key)
        if spec is None and key == "outputs":
            if not is_table(schema.values):
                raise document.error("is missing", "outputs")
            spec = schema.values
        if spec is not None:
            arrays[key] = _array(spec, key, names, document, schema.arithmetic)
    try:
        return Environment(
            rules=_rules(schema, arrays["values"], names, document),
            **arrays,
            draws=None if schema.draws is None else _draws(schema, document),
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
        spec = schema.values if spec is None and key == "outputs" and is_table(schema.values) else spec
        if spec is None:
            raise document.error("is missing", key)
        if is_table(spec):
            array = network.by_column(_own_columns(spec, CELL[key]), key, CELL[key], columns, document)
            try:
                read[key] = network.filled(array, allotment, key)
            except InstanceError as error:
                raise error.at(file=document.path) from None
        else:
            read[key] = nested(spec, key, document, exactly=False)
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
        bound=found.bound, solved=found.solved, skipped=found.skipped,
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


def _draws(schema: Schema, document: Document) -> NDArray[Any]:
    return nested(schema.draws, "draws", document, exactly=schema.arithmetic == "exact")


def _array(
    spec: Any, key: str, names: dict[str, list[str]], document: Document, arithmetic: Literal["float", "exact"]
) -> NDArray[Any]:
    if is_table(spec):
        return _long(spec, key, names, document)
    return nested(spec, key, document, exactly=arithmetic == "exact")


def _long(spec: Any, key: str, names: dict[str, list[str]], document: Document) -> NDArray[Any]:
    """A table with one record for every period, agent and decision; which ones there are, the first table says."""
    column = CELL[key]
    table = document.table(_own_columns(spec, column), key, [*AXES, column])
    found = table.numbers(column, minimum=0)
    flat, shape = cells(table, AXES, names)
    if flat.size < np.prod(shape):
        gap = np.setdiff1d(np.arange(int(np.prod(shape))), flat)[0]
        missing = [names[f"{axis}s"][int(i)] for axis, i in zip(AXES, np.unravel_index(gap, shape), strict=True)]
        at = ", ".join(f"{axis} {name}" for axis, name in zip(AXES, missing, strict=True))
        raise InstanceError(f"no record for {at}; write 0 where there is nothing", file=table.file, key=key)
    result = np.empty(flat.size, dtype=found.dtype)
    result[flat] = found
    return result.reshape(shape)


def _own_columns(spec: Any, column: str) -> Any:
    """Records that hold several quantities at once, reduced to the one that is read."""
    others = set(CELL.values()) - {column}

    def own(record: Any) -> Any:
        return {k: v for k, v in record.items() if k not in others} if isinstance(record, Mapping) else record

    if isinstance(spec, Mapping) and "file" not in spec:
        return own(spec)
    return [own(record) for record in spec] if isinstance(spec, list | tuple) else spec
