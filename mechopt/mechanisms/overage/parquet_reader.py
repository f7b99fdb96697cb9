"""Columns of Parquet files of any size: totals by SQL, row batches in order, errors that name file, column and row."""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.totals import FloatSums, Totals, float_sums

BATCH = 1 << 20  # rows read at a time
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")


class Reader:
    """The columns of the source: totals by SQL, batches in order."""

    def __init__(
        self,
        source: str,
        entitlement: str,
        claim: str,
        account: str | None,
        where: Mapping[str, Any],
        memory_limit: str,
    ) -> None:
        try:
            import duckdb
            import pyarrow.parquet as parquet
        except ImportError as error:
            raise InstanceError(
                f"{error.name} is not installed; pip install 'mechopt[big]' brings it", key="settle_parquet"
            ) from None
        self.duckdb, self.parquet = duckdb, parquet
        self.source, self.files, self.memory_limit = source, files_of(source), memory_limit
        schemas = [self._schema(file) for file in self.files]
        if account == "account" and account not in schemas[0].names:
            account = None
        self.columns = [entitlement, claim] + ([account] if account else [])
        repeated = [name for name in self.columns if self.columns.count(name) > 1 or name == "payoff"]
        if repeated:
            raise InstanceError(f"column {repeated[0]!r} cannot be used: names must differ, also from 'payoff'")
        for file, schema in zip(self.files, schemas, strict=True):
            self._check_columns(file, schema, [*self.columns, *where])
            if any(schema.field(name).type != schemas[0].field(name).type for name in [*self.columns, *where]):
                raise InstanceError(f"its columns are of other types than those of {self.files[0]}", file=file)
        self.entitlement, self.claim, self.account = entitlement, claim, account
        self.whole = str(schemas[0].field(claim).type) in INTEGERS
        self.where = {name: _allowed(name, wanted, schemas[0].field(name).type) for name, wanted in where.items()}

    def _schema(self, file: str) -> Any:
        try:
            return self.parquet.read_schema(file)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise _unreadable(file, error) from None

    def _check_columns(self, file: str, schema: Any, names: list[str]) -> None:
        for name in names:
            if schema.names.count(name) != 1:
                raise InstanceError(f"column {name!r} is missing; there are {', '.join(schema.names)}", file=file)
        kinds = [str(schema.field(name).type) for name in self.columns[:2]]
        if not (all(kind in INTEGERS for kind in kinds) or all(kind == "double" for kind in kinds)):
            raise InstanceError(
                f"{names[0]} and {names[1]} must both be integers (of at most 63 bits) or both be doubles, "
                f"not {kinds[0]} and {kinds[1]}",
                file=file,
            )

    def batches(self, *, account: bool = False) -> Iterator[tuple[Any, NDArray[Any], NDArray[Any]]]:
        """Record batch, entitlement and claim as arrays, in the order of the files.

        Raises:
            InstanceError: a value is missing.
        """
        names = self.columns if account else self.columns[:2]
        kind = np.int64 if self.whole else np.float64
        for _, _, raw in self._raw(names):
            batch = raw.filter(self._passing(raw)) if self.where else raw
            if not batch.num_rows:
                continue
            columns = [batch.column(name) for name in self.columns[:2]]
            if any(column.null_count for column in columns):
                self.refuse()
            entitlement, claim = (column.to_numpy(zero_copy_only=False).astype(kind, copy=False) for column in columns)
            yield batch, entitlement, claim

    def _raw(self, names: list[str]) -> Iterator[tuple[str, int, Any]]:
        """File, first row and record batch, unfiltered. A row group is decoded bit by bit, never whole."""
        names = list(dict.fromkeys([*names, *self.where]))
        for path in self.files:
            row = 0
            try:
                with self.parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
                    for batch in file.iter_batches(batch_size=BATCH, columns=names):
                        yield path, row, batch
                        row += batch.num_rows
            except (OSError, ValueError, NotImplementedError) as error:
                raise _unreadable(path, error) from None

    def _passing(self, batch: Any) -> Any:
        """Which rows pass the filter."""
        import pyarrow.compute as compute

        masks = [compute.is_in(batch.column(name), value_set=values) for name, values in self.where.items()]
        return functools.reduce(compute.and_, masks)

    def refuse(self) -> NoReturn:
        """Name the first value that cannot be settled."""
        import pyarrow.compute as compute

        for path, first, batch in self._raw(self.columns[:2]):
            for name in self.columns[:2]:
                column = batch.column(name)
                good = compute.and_(compute.greater_equal(column, 0), compute.is_finite(column)).fill_null(False)
                bad = compute.invert(good)
                row = compute.index(compute.and_(bad, self._passing(batch)) if self.where else bad, True).as_py()
                if row >= 0:
                    value = column[row].as_py()
                    what = "is empty; a number is needed" if value is None else f"must be finite and >= 0, not {value}"
                    raise InstanceError(what, file=path, key=name, row=first + row + 1)
        raise InstanceError("changed while it was read", file=self.source)

    def totals(self) -> Totals:
        """The first pass, with the values checked on the way."""
        if not self.whole:
            return self._float_totals()
        held, asked = _quoted(self.entitlement), _quoted(self.claim)
        places = [f"{_quoted(name)} IN ({', '.join('?' * len(values))})" for name, values in self.where.items()]
        allowed = [value for values in self.where.values() for value in values.to_pylist()]
        query = (
            f"SELECT count(*), count(*) FILTER ({held} >= 0 AND {asked} >= 0), sum({held}::HUGEINT), "
            f"sum(greatest({asked}::HUGEINT - {held}, 0)), sum(greatest({held}::HUGEINT - {asked}, 0)) "
            f"FROM read_parquet(?, hive_partitioning = false) WHERE {' AND '.join([*places, 'true'])}"
        )
        try:
            with self.duckdb.connect(config={"memory_limit": self.memory_limit, "threads": 2}) as connection:
                connection.execute("SET enable_progress_bar = false")  # a library prints nothing
                row = connection.execute(query, [self.files, *allowed]).fetchone()
        except self.duckdb.InterruptException:
            raise KeyboardInterrupt from None
        except self.duckdb.Error as error:
            raise _unreadable(self.source, error) from None
        count, good, *sums = row or (0, 0)
        if good < count:
            self.refuse()
        self._some(count)
        entitlements, over, under = map(int, sums)
        return Totals.of_integers(count, entitlement=entitlements, overage=over, slack=under)

    def _float_totals(self) -> Totals:
        """Compensated sums of the batches; the sign of X - I exactly."""
        sums, count = FloatSums(overage=[], slack=[], entitlement=[], claim=[]), 0
        for _, entitlement, claim in self.batches():
            try:
                sums.extend(float_sums(entitlement, claim))
            except InstanceError:
                self.refuse()
            count += len(claim)
        self._some(count)
        return sums.totals(count, self._difference)

    def _difference(self) -> int:
        difference: Any = 0
        for _, entitlement, claim in self.batches():
            difference += exact.exact_sum(claim) - exact.exact_sum(entitlement)
        return (difference > 0) - (difference < 0)

    def _some(self, count: int) -> None:
        if not count:
            raise InstanceError(
                "no row passes the filter" if self.where else "no row: at least one is needed", file=self.source
            )


def files_of(source: str) -> list[str]:
    """The files of a name, folder or pattern, in name order."""
    if os.path.isfile(source):
        return [source]
    pattern = os.path.join(glob.escape(source), "*.parquet") if os.path.isdir(source) else source
    files = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    if not files:
        raise InstanceError("has no file *.parquet" if os.path.isdir(source) else "there is no such file", file=source)
    return files


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unreadable(file: str, error: Exception) -> InstanceError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InstanceError(f"is not readable as Parquet: {reason}"[:240], file=file)


def _allowed(name: str, wanted: Any, kind: Any) -> Any:
    """The values of a filter, in the type of the column."""
    import pyarrow as pa

    try:
        values = pa.array(wanted if isinstance(wanted, list | tuple) else [wanted]).cast(kind)
    except (pa.ArrowException, TypeError) as error:
        raise InstanceError(f"{wanted!r} does not fit a column of {kind}: {error}"[:200], key=f"where.{name}") from None
    if not len(values) or values.null_count:
        raise InstanceError("at least one value is needed, and none of them empty", key=f"where.{name}")
    return values
