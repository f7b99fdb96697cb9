"""Files of records: CSV, Parquet, JSON and Arrow, as columns. Whatever is wrong with a file is a line that names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt import exact
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = ".csv, .tsv, .csv.gz, .parquet, .json, .arrow, .feather"
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")


def read(path: Path, *, key: str) -> tuple[Any, str]:
    """The records of a file, and what separates the cells of a text file ("" in others).

    Returns:
        A Polars frame, or columns as lists from JSON.

    Raises:
        InstanceError: the file is not there or cannot be read.
    """
    import polars as pl

    suffix = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    try:
        folder, there = path.is_dir(), path.is_file()
    except OSError as error:
        raise InstanceError(f"cannot be opened: {error.strerror}", file=exact.show(str(path), 80), key=key) from None
    if folder:
        raise InstanceError(f"is a folder; a table file is needed ({SUFFIXES})", file=path, key=key)
    if not there:
        problem = "is a pipe or a device, not a file" if path.exists() else "there is no such file"
        raise InstanceError(problem, file=path, key=key)
    try:
        if suffix in (".csv", ".tsv", ".csv.gz"):
            return _read_csv(path, key=key)
        if suffix == ".parquet":
            return pl.read_parquet(path, glob=False, hive_partitioning=False), ""
        if suffix in (".arrow", ".feather", ".ipc"):
            with path.open("rb") as source:
                stream = source.read(6) != b"ARROW1"
            return (pl.read_ipc_stream(path) if stream else pl.read_ipc(path)), ""
        if suffix == ".json":
            return _read_json(path, key=key), ""
    except InstanceError:
        raise
    except UnicodeDecodeError:
        problem = "is not text in UTF-8; in a spreadsheet program, save it as CSV UTF-8"
        raise InstanceError(problem, file=path, key=key) from None
    except Exception as error:  # whatever a reader says of a malformed file: EOFError, zlib.error, ArithmeticError, ...
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InstanceError(f"cannot be read as {suffix.lstrip('.')}: {reason}", file=path, key=key) from None
    except pl.exceptions.PanicException as error:  # a malformed binary file that the reader did not expect
        raise InstanceError(f"is not a readable {suffix.lstrip('.')} file: {error}"[:200], file=path, key=key) from None
    advice = "; in the spreadsheet program, save the sheet as CSV UTF-8" if suffix in SPREADSHEETS else ""
    raise InstanceError(f"unknown kind of table {suffix!r}; allowed are {SUFFIXES}{advice}", file=path, key=key)


def _read_csv(path: Path, *, key: str) -> tuple[pl.DataFrame, str]:
    """A frame of text columns, and the separator; rows that are blank at the end of the file are dropped."""
    import csv
    import gzip

    import polars as pl

    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
        first, second = lines.readline(), lines.readline()
    if not first.strip():
        raise ValueError("the file is empty, or its first line is: a header that names the columns is needed")
    separator = _separator(first, second)
    header = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    repeated = {name for name in header if name and header.count(name) > 1}
    if repeated:
        raise ValueError(f"the header names {sorted(repeated)[0]!r} twice")
    try:
        frame = pl.read_csv(path, separator=separator, infer_schema=False, glob=False)
    except pl.exceptions.ComputeError:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
            for row, cells in enumerate(csv.reader(lines, delimiter=separator)):
                if len(cells) > len(header):
                    problem = f"has {len(cells)} cells where the header names {len(header)} columns"
                    raise InstanceError(problem, file=path, key=key, row=row) from None
        raise
    if len(frame.columns) != len(header):
        raise ValueError("the header must be one line that names the columns")
    # Spreadsheets leave columns without a name behind; nothing can ask for them.
    frame = pl.DataFrame([cells.alias(name) for cells, name in zip(frame.get_columns(), header, strict=True) if name])
    if frame.height and all(value is None for value in frame.row(-1)):
        filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
        frame = frame.head(int(filled[-1]) + 1 if len(filled) else 0)
    return frame, separator


def _separator(header: str, record: str) -> str:
    """The mark that splits a header and the line below it alike; of several, the one that splits most, comma first."""
    import csv

    def cells(line: str, mark: str) -> int:
        return len(next(csv.reader([line], delimiter=mark), []))

    return max((",", ";", "\t"), key=lambda mark: (cells(header, mark) == cells(record, mark) > 1, cells(header, mark)))


def _read_json(path: Path, *, key: str) -> dict[str, list[Any]]:
    from mechopt.instance import parse_json

    data = parse_json(path.read_bytes().decode("utf-8-sig"))
    if isinstance(data, list) and data and all(isinstance(record, dict) for record in data):
        names = list(dict.fromkeys(name for record in data for name in record))
        return {name: [record.get(name) for record in data] for name in names}
    if isinstance(data, dict) and data and all(isinstance(values, list) for values in data.values()):
        return equally_long(data, key=key, file=path)
    raise InstanceError("must hold a list of records or columns of equal length", file=path, key=key)


def equally_long(columns: Mapping[str, object], *, key: str, file: object) -> dict[str, list[Any]]:
    """Columns as lists of one length.

    Raises:
        InstanceError: a column is not a list, or lengths differ.
    """
    lists: dict[str, list[Any]] = {}
    for name, values in columns.items():
        found = values
        for way in ("tolist", "to_list"):  # numpy and pandas; Polars
            found = getattr(found, way)() if hasattr(found, way) else found
        if not isinstance(found, list | tuple):
            raise InstanceError(f"must be a list, not {exact.show(found)}", file=file, key=f"{key}.{name}")
        lists[name] = list(found)
    if len({len(values) for values in lists.values()}) > 1:
        sizes = ", ".join(f"{name} has {len(values)}" for name, values in lists.items())
        raise InstanceError(f"columns must have equal lengths; {sizes}", file=file, key=key)
    return lists
