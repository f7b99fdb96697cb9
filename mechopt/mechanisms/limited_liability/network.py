"""The [program] table of a document: a feasible set with names, and values and outputs per unit of its columns."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.errors import InstanceError, SolveError
from mechopt.instance import Document
from mechopt.mechanisms.limited_liability.allotment import Allotment, Periods, periods
from mechopt.program import LinearProgram, MixedIntegerProgram
from mechopt.solver import Options
from mechopt.tables import Table

SENSES = ("<=", "=", ">=")


class ProgramTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of a [program] table.

    Attributes:
        columns: table of column, agent (empty for a flow that is nobody's), upper; amounts are at least 0.
        rows: table of row, sense ("<=", "=", ">="), limit.
        entries: table of row, column, coefficient.
        integer: names of columns that are whole numbers.
        gap: absolute gap of mixed-integer optima, in units of output.
    """

    columns: Any
    rows: Any
    entries: Any
    integer: list[str] = []
    gap: Any = "1e-9"


def read(document: Document, names: dict[str, list[str]]) -> tuple[Allotment, Options]:
    """The feasible set that a [program] table describes; adds the agents it finds to `names`.

    Raises:
        InstanceError: names the table, the column and the row at fault.
    """
    given = document.section("program", ProgramTable)
    columns = document.table(given.columns, "program.columns", ["column", "agent", "upper"])
    rows = document.table(given.rows, "program.rows", ["row", "sense", "limit"])
    entries = document.table(given.entries, "program.entries", ["row", "column", "coefficient"])
    column_names, row_names = columns.names("column"), rows.names("row")
    owner = _owners(columns, names)
    low, high = _limits(rows)
    places = [_places(entries, axis, known) for axis, known in (("row", row_names), ("column", column_names))]
    flat = places[0] * len(column_names) + places[1]
    order = np.argsort(flat, kind="stable")
    twice = np.flatnonzero(np.diff(flat[order]) == 0)
    if twice.size:
        raise entries.error("this row and column occur twice", "row", int(order[twice[0] + 1]))
    whole = np.zeros(len(column_names), dtype=bool)
    for name in given.integer:
        if name not in column_names:
            raise document.error(f"there is no column {name!r}{nearest(name, column_names)}", "program.integer")
        whole[column_names.index(name)] = True
    shared: dict[str, Any] = {
        "sense": "max", "cost": np.zeros(len(column_names)), "lower": np.zeros(len(column_names)),
        "upper": _floats(columns.numbers("upper", minimum=0)), "row_lower": low, "row_upper": high,
        "column_names": tuple(column_names), "row_names": tuple(row_names),
    }  # fmt: skip
    values = _floats(entries.numbers("coefficient"))
    program: LinearProgram = (
        MixedIntegerProgram.from_triplets(places[0], places[1], values, integer=whole, **shared)
        if whole.any()
        else LinearProgram.from_triplets(places[0], places[1], values, **shared)
    )
    gap = exact.as_float(document.number(given.gap, "program.gap", minimum=0))
    return Allotment(program=program, owner=owner), Options(absolute_gap=max(gap, 1e-9))


def solve(document: Document, allotment: Allotment, options: Options, values: Any, yields: Any) -> Periods:
    """Every period's decisions.

    Raises:
        InstanceError: the feasible set is empty, or values have another shape than [period][column].
    """
    wanted = allotment.program.columns
    for key, array in (("values", values), ("outputs", yields)):
        if array.ndim != 2 or array.shape[1] != wanted or array.shape != values.shape:
            raise document.error(f"has shape {array.shape}; with a [program] it is [period][column], {wanted} columns",
                                 key)  # fmt: skip
        if not np.isfinite(array).all() or (array < 0).any():
            raise document.error("must be finite and at least 0", key)
    try:
        return periods(allotment, values, yields, options=options)
    except SolveError as error:
        raise document.error(str(error), "program") from None


def _owners(columns: Table, names: dict[str, list[str]]) -> NDArray[np.int64]:
    labels = ["" if value is None else str(value).strip() for value in _listed(columns, "agent")]
    known = names.setdefault("agents", list(dict.fromkeys(label for label in labels if label)))
    if not known:
        raise columns.error("no column belongs to an agent", "agent", 0)
    for row, label in enumerate(labels):
        if label and label not in known:
            raise columns.error(f"{label!r} is not one of the {len(known)} agents", "agent", row)
    for name in known:
        if name not in labels:
            raise columns.error(f"agent {name!r} has no column", "agent", 0)
    return np.array([known.index(label) if label else -1 for label in labels], dtype=np.int64)


def _limits(rows: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    limit = _floats(rows.numbers("limit"))
    senses = [str(value).strip() for value in _listed(rows, "sense")]
    for row, sense in enumerate(senses):
        if sense not in SENSES:
            raise rows.error(f"{exact.show(sense)} is not a sense; use <=, = or >=", "sense", row)
    low = np.array([-np.inf if sense == "<=" else value for sense, value in zip(senses, limit, strict=True)])
    high = np.array([np.inf if sense == ">=" else value for sense, value in zip(senses, limit, strict=True)])
    return low, high


def _places(entries: Table, axis: str, known: list[str]) -> NDArray[np.int64]:
    position = {name: place for place, name in enumerate(known)}
    found = []
    for row, value in enumerate(_listed(entries, axis)):
        label = str(value).strip()
        if label not in position:
            raise entries.error(f"there is no {axis} {label!r}{nearest(label, known)}", axis, row)
        found.append(position[label])
    return np.array(found, dtype=np.int64)


def _listed(table: Table, column: str) -> list[Any]:
    values = table.columns[column]
    return values if isinstance(values, list) else list(values.to_list())


def _floats(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.array([exact.as_float(value) for value in values.tolist()], dtype=np.float64)


def by_column(spec: Any, key: str, cell: str, columns: list[str], document: Document) -> NDArray[np.float64]:
    """A long table period, column, value or output as [period][column]; columns that are nobody's may be left out."""
    table = document.table(spec, key, ["period", "column", cell])
    cells = _floats(table.numbers(cell, minimum=0))
    labels = [str(value).strip() for value in _listed(table, "period")]
    dates = list(dict.fromkeys(labels))
    if all(label.isdecimal() for label in dates):
        dates.sort(key=int)
    place = {label: number for number, label in enumerate(dates)}
    column = _places(table, "column", columns)
    result = np.full((len(dates), len(columns)), np.nan)
    for row, (label, at, value) in enumerate(zip(labels, column.tolist(), cells.tolist(), strict=True)):
        if not np.isnan(result[place[label], at]):
            raise table.error("this period and column occur twice", "period", row)
        result[place[label], at] = value
    return result


def filled(array: NDArray[np.float64], allotment: Allotment, key: str) -> NDArray[np.float64]:
    """The same with 0 for columns that are nobody's.

    Raises:
        InstanceError: an owned column is missing in some period.
    """
    missing = np.isnan(array) & (allotment.owner >= 0)[None, :]
    if missing.any():
        period, column = np.argwhere(missing)[0]
        name = allotment.program.column_name(int(column))
        raise InstanceError(
            f"no record for period {period + 1}, column {name}; write 0 where there is nothing", key=key
        )
    return np.where(np.isnan(array), 0.0, array)
