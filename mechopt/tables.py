"""Tables of records in a model document: inline, or from CSV, Parquet, JSON or Arrow files, or any Arrow frame.

Every number keeps the value that was written: text and decimals are read exactly, and a bad cell is named by file,
column and row. Rows count from 1; a header line is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mechopt import exact, table_files
from mechopt.catalog import nearest
from mechopt.errors import InstanceError
from mechopt.numerals import Numerals

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

Arithmetic = Literal["float", "exact"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Columns as they were read, with what an error message needs.

    Attributes:
        columns: a Polars Series (files) or a list (inline records) by column name.
        row: number of each record in its source, from 1; None where the records are all there.
        key: the document's key of the table.
        file: where the records come from, for messages.
        numerals: how the source writes numbers; None where it is not a text file of its own.
    """

    columns: Mapping[str, Any]
    row: Sequence[int] | None
    key: str
    file: object | None
    numerals: Numerals | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def error(self, problem: str, column: str, index: int) -> InstanceError:
        """The error that names file, column and row of one cell."""
        row = index + 1 if self.row is None else int(self.row[index])
        return InstanceError(problem, file=self.file, key=f"{self.key}.{column}", row=row)

    def names(self, column: str) -> list[str]:
        """A column of distinct names, as text.

        Raises:
            InstanceError: an empty name, or one that occurs twice.
        """
        series = self.columns[column]
        if not isinstance(series, list) and (quick := _distinct(series)) is not None:
            return quick
        values = _listed(series)
        names: list[str] = []
        seen: dict[str, int] = {}
        for index, value in enumerate(values):
            name = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
            if not name:
                raise self.error(f"a name is needed (text or a whole number), not {exact.show(value)}", column, index)
            if name in seen:
                other = seen[name] + 1 if self.row is None else int(self.row[seen[name]])
                raise self.error(
                    f"{exact.show(name)} occurs twice (also in row {other}); names must differ", column, index
                )
            seen[name] = index
            names.append(name)
        return names

    def numbers(self, column: str, *, minimum: int | None = None) -> NDArray[Any]:
        """A column of finite numbers, with the values that were written.

        Args:
            column: its name.
            minimum: the least value allowed.

        Returns:
            int64 where every value is whole and fits; float64 for a column that holds floats; else objects (int and
            Fraction). Shape (rows,).

        Raises:
            InstanceError: a cell is empty, not a number, not finite or below the minimum.
        """
        values = self.columns[column]
        array = self._parse(column, values) if isinstance(values, list) else self._series(column, values)
        if minimum is not None and array.size:
            below = array < minimum
            if below.any():
                index = int(below.argmax())
                raise self.error(
                    f"must be at least {minimum}, not {exact.show(exact.parse(array[index]))}", column, index
                )
        return array

    def _series(self, column: str, series: pl.Series) -> NDArray[Any]:
        import numpy as np
        import polars as pl

        if series.null_count():
            index, others = int(series.is_null().arg_max() or 0), series.null_count() - 1
            more = f" ({others:,} more below)" if others else ""
            raise self.error(f"is empty; a number is needed{more}", column, index)
        if series.dtype.is_float():
            array = series.cast(pl.Float64).to_numpy()
            finite = np.isfinite(array)
            if not finite.all():
                index = int((~finite).argmax())
                raise self.error(f"must be finite, not {array[index]}", column, index)
            return array
        if series.dtype.is_integer():
            fits = series.cast(pl.Int64, strict=False)
            return self._parse(column, series.to_list()) if fits.null_count() else fits.to_numpy()
        if series.dtype == pl.String and (self.numerals is None or not self.numerals.stated):
            whole = series.str.strip_chars().cast(pl.Int64, strict=False)
            if not whole.null_count():
                return whole.to_numpy()
        return self._parse(column, series.to_list())

    def _parse(self, column: str, values: list[Any]) -> NDArray[Any]:
        numbers: list[int | Fraction] = []
        floats = False
        read = exact.parse if self.numerals is None else self.numerals.parse
        for index, value in enumerate(values):
            try:
                numbers.append(read(value.strip() if isinstance(value, str) else value))
            except ValueError as error:
                problem = "is empty; a number is needed" if value is None or value == "" else str(error)
                raise self.error(problem, column, index) from None
            floats = floats or isinstance(value, float)
        if self.numerals is not None and (doubtful := self.numerals.doubtful(values)) is not None:
            raise self.error(self.numerals.doubt(values[doubtful]), column, doubtful)
        # Beside floats a number that a float cannot hold, such as 2**60 + 1 or "1/3", keeps its value as an object.
        return pack(numbers, floats=floats and all(_fits(number) for number in numbers))


def _distinct(series: pl.Series) -> list[str] | None:
    """A text column of distinct names without a loop over its cells; None where a cell must be named in an error."""
    import polars as pl

    if series.dtype != pl.String or series.null_count():
        return None
    names = series.str.strip_chars()
    # What Python counts as white space and Polars does not is left to the loop.
    if not names.len() or (names == "").any() or names.n_unique() < names.len() or names.str.contains(r"^\s|\s$").any():
        return None
    return names.to_list()


def _fits(number: int | Fraction) -> bool:
    """Whether a float stands for exactly this number."""
    nearest_float = exact.as_float(number)
    return abs(nearest_float) < float("inf") and exact.parse(nearest_float) == number


def pack(numbers: Sequence[int | Fraction], *, floats: bool = False) -> NDArray[Any]:
    """Exact numbers as int64 where all are whole and fit, as float64 where they came as floats, else as objects."""
    import numpy as np

    if all(isinstance(number, int) and -(2**63) <= number < 2**63 for number in numbers):
        return np.array(numbers, dtype=np.int64)
    if floats:
        return np.array([exact.as_float(number) for number in numbers], dtype=np.float64)
    array = np.empty(len(numbers), dtype=object)
    array[:] = numbers
    return array


def read(spec: object, *, key: str, folder: Path, file: object | None, columns: Sequence[str]) -> Table:
    """The table that a document's value stands for.

    Args:
        spec: a list of records, a table of columns, a file name, `{ file, columns, where, decimal, thousands }`, or an
            Arrow frame.
        key: the document's key, for messages.
        folder: where relative file names start.
        file: the document, for messages about inline tables.
        columns: the names the mechanism needs.

    Raises:
        InstanceError: the file cannot be read, a column is missing or unknown, or no row is left.
    """
    where: Mapping[str, Any] = {}
    renamed: Mapping[str, Any] = {}
    numerals: Numerals | None = None
    frame: Any
    if isinstance(spec, str):
        spec = {"file": spec}
    if isinstance(spec, Mapping) and "file" in spec:
        _known(spec, ("file", "columns", "where", "decimal", "thousands"), key=key, file=file)
        renamed = _mapping(spec, "columns", key=key, file=file)
        where = _mapping(spec, "where", key=key, file=file)
        _known(renamed, columns, key=f"{key}.columns", file=file)
        if not isinstance(spec["file"], str) or not spec["file"] or "\0" in spec["file"]:
            raise InstanceError("a file name is needed", file=file, key=f"{key}.file")
        path = folder / spec["file"]
        frame, separator = table_files.read(path, key=key)
        numerals = Numerals.of(spec, separator=separator, key=key, file=file)
        file = path
    elif hasattr(spec, "__arrow_c_stream__"):
        import polars as pl

        try:
            frame, file = pl.DataFrame(spec), file or "frame"
        except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
            raise InstanceError(f"is not a table: {error}", file=file, key=key) from None
    else:
        frame = _inline(spec, key=key, file=file, columns=columns)
    table = _select(frame, where, renamed, columns, key=key, file=file)
    return table if numerals is None else replace(table, numerals=numerals)


def _select(
    frame: Any, where: Mapping[str, Any], renamed: Mapping[str, Any], columns: Sequence[str], *, key: str, file: object
) -> Table:
    """The needed columns of the rows that pass the filter, with their row numbers."""
    import numpy as np

    available = list(frame) if isinstance(frame, dict) else frame.columns
    for name in [*where, *(renamed.get(column, column) for column in columns)]:
        if not isinstance(name, str) or name not in available:
            hint = nearest(name, available) if isinstance(name, str) else "; a column is named by text"
            raise InstanceError(f"column {exact.show(name)} is missing{hint}", file=file, key=key)
    chosen = {column: frame[renamed.get(column, column)] for column in columns}
    rows = None
    if where:
        keep = np.ones(len(frame[available[0]]), dtype=bool)
        for name, wanted in where.items():
            allowed = wanted if isinstance(wanted, list) else [wanted]
            texts = {_text(value) for value in allowed}
            keep &= np.array([_text(value) in texts for value in _listed(frame[name])], dtype=bool)
        index = np.flatnonzero(keep)
        rows = (index + 1).tolist()
        chosen = {
            column: [values[i] for i in index] if isinstance(values, list) else values[index]
            for column, values in chosen.items()
        }
    if not len(next(iter(chosen.values()))):
        filtered = " passes the filter where = {" + ", ".join(f"{k} = {exact.show(v)}" for k, v in where.items()) + "}"
        raise InstanceError(f"no row{filtered if where else ': at least one is needed'}", file=file, key=key)
    return Table(columns=chosen, row=rows, key=key, file=file)


def _text(value: object) -> str:
    """One spelling for a value in a filter: 2019, 2019.0 and "2019" are the same; so are true and "true"."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return str(exact.parse(value.strip() if isinstance(value, str) else value))
    except ValueError:
        return value.strip() if isinstance(value, str) else exact.show(value)


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else list(values.to_list())


def _mapping(spec: Mapping[str, Any], name: str, *, key: str, file: object) -> Mapping[str, Any]:
    value = spec.get(name, {})
    if not isinstance(value, Mapping):
        raise InstanceError(
            f"must be a table such as {{ a = b }}, not {exact.show(value)}", file=file, key=f"{key}.{name}"
        )
    return value


def _known(found: Mapping[str, Any], allowed: Sequence[str], *, key: str, file: object, row: int | None = None) -> None:
    for name in found:
        if name not in allowed:
            hint = nearest(str(name), allowed)
            raise InstanceError(f"unknown key {exact.show(name)}{hint}", file=file, key=key, row=row)


def _inline(spec: object, *, key: str, file: object, columns: Sequence[str]) -> dict[str, list[Any]]:
    """Records (or columns) written in the document, or read from a JSON file, as columns."""
    if isinstance(spec, Mapping):
        _known(spec, columns, key=key, file=file)
        return table_files.equally_long(spec, key=key, file=file)
    if not isinstance(spec, list | tuple):
        raise InstanceError(
            f"must be a list of records, a file name or {{ file = ... }}, not {exact.show(spec)}", file=file, key=key
        )
    if not spec:
        raise InstanceError("no row: at least one is needed", file=file, key=key)
    for row, record in enumerate(spec, 1):
        if not isinstance(record, Mapping):
            raise InstanceError(f"a record with {', '.join(columns)} is needed", file=file, key=key, row=row)
        _known(record, columns, key=key, file=file, row=row)
        for column in columns:
            if column not in record:
                raise InstanceError(f"{column} is missing", file=file, key=key, row=row)
    return {column: [record[column] for record in spec] for column in columns}
