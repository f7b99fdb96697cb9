"""Settlement of Parquet files that do not fit into memory: aggregate, then allocate batch by batch with a carry.

The first pass is the one an SQL engine runs best (DuckDB, sums as 128-bit integers); the second reads row batches in
order, allocates with the kernels of `settlement.py`, and writes. The integers are those of the in-memory path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import settlement
from mechopt.mechanisms.overage.settlement import BUCKETS, Deal, Totals, settle

Progress = Callable[[int, int], None]
BATCH = 1 << 20  # rows read, settled and written at a time


def settle_parquet(
    source: str | Path,
    target: str | Path,
    *,
    entitlement: str = "entitlement",
    claim: str = "claim",
    account: str | None = None,
    rounding: str = "none",
    progress: Progress | None = None,
    memory_limit: str = "1GB",
) -> Totals:
    """Settle a Parquet file of any size under the linear rule.

    Args:
        source: a Parquet file, or a pattern such as "year/*.parquet" (files in name order).
        target: the file to write: account (if named), entitlement, claim, payoff, in input order. It appears when it
            is complete, never half.
        entitlement: the column of L >= 0, units, integers or floats.
        claim: the column of C >= 0, units, of the same kind.
        account: a column to carry along.
        rounding: "none", "cumulative" or "largest_remainder".
        progress: called with (rows allocated, rows in all).
        memory_limit: for the engine of the first pass.

    Returns:
        The totals; with whole units the payoffs add up to sum L - max(I - X, 0) exactly.

    Raises:
        InstanceError: a file, column or value is wrong (file, column and row are named), or an extra is missing.
    """
    reader = _Reader(str(source), entitlement, claim, account, memory_limit)
    if rounding not in ("none", "cumulative", "largest_remainder"):
        raise InstanceError(
            f"{rounding!r} cannot be streamed; use none, cumulative or largest_remainder", key="rounding"
        )
    if rounding != "none" and not reader.whole:
        raise InstanceError("whole units need integer columns", file=source, key="rounding")
    totals = reader.totals()
    allocate = _allocator(reader, totals, rounding)
    part = Path(target).with_name(Path(target).name + ".part")
    try:
        _write(reader, part, allocate, totals.accounts, progress)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return totals


class _Reader:
    """The columns of the source: totals by SQL, batches in order."""

    def __init__(self, source: str, entitlement: str, claim: str, account: str | None, memory_limit: str) -> None:
        try:
            import duckdb
            import pyarrow.dataset as dataset
        except ImportError as error:
            raise InstanceError(
                f"{error.name} is not installed; pip install 'mechopt[big]' brings it", key="settle_parquet"
            ) from None
        paths = (
            sorted(Path().glob(source))
            if not Path(source).is_absolute()
            else sorted(Path(source).parent.glob(Path(source).name))
        )
        files = [str(path) for path in paths if path.is_file()]
        if not files:
            raise InstanceError("there is no such file", file=source)
        try:
            self.data = dataset.dataset(files, format="parquet")
        except (OSError, ValueError) as error:
            raise InstanceError(f"is not readable as Parquet: {error}"[:200], file=source) from None
        self.files, self.source = files, source
        self.entitlement, self.claim, self.account = entitlement, claim, account
        types = {field.name: str(field.type) for field in self.data.schema}
        for column in (entitlement, claim, *([account] if account else [])):
            if column not in types:
                raise InstanceError(f"column {column!r} is missing; there are {', '.join(types)}", file=source)
        kinds = {types[column].rstrip("0123456789") for column in (entitlement, claim)}
        if kinds not in ({"int"}, {"double"}):
            raise InstanceError(
                f"{entitlement} and {claim} must both be integers or both be doubles, "
                f"not {types[entitlement]} and {types[claim]}",
                file=source,
            )
        self.whole = kinds == {"int"}
        self.connection = duckdb.connect(config={"memory_limit": memory_limit, "threads": 2})

    def batches(self, *, account: bool = False) -> Iterator[tuple[Any, NDArray[Any], NDArray[Any]]]:
        """Record batch, entitlement and claim as arrays, in the order of the files."""
        names = [self.entitlement, self.claim] + ([self.account] if account and self.account else [])
        scan = self.data.to_batches(columns=names, batch_size=BATCH, batch_readahead=2, fragment_readahead=1)
        kind = np.int64 if self.whole else np.float64
        for batch in scan:
            if batch.num_rows:
                columns = [
                    batch.column(name).to_numpy(zero_copy_only=False).astype(kind, copy=False) for name in names[:2]
                ]
                yield batch, columns[0], columns[1]

    def totals(self) -> Totals:
        """The first pass, with the values checked on the way."""
        held, asked = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (self.entitlement, self.claim))
        bad = " OR ".join(
            f"{column} IS NULL OR {column} < 0" + ("" if self.whole else f" OR NOT isfinite({column})")
            for column in (held, asked)
        )
        table = "read_parquet(?, filename = true, file_row_number = true)"
        wide = "HUGEINT" if self.whole else "DOUBLE"
        row = self.connection.execute(
            f"SELECT count(*), count(*) FILTER ({bad}), sum({held}::{wide}), "
            f"sum(greatest({asked}::{wide} - {held}, 0)), sum(greatest({held}::{wide} - {asked}, 0)) FROM {table}",
            [self.files],
        ).fetchone()
        count, wrong, entitlements, over, under = row or (0, 0, 0, 0, 0)
        if wrong:
            name, index, one, two = self.connection.execute(
                f"SELECT filename, file_row_number, {held}, {asked} FROM {table} WHERE {bad} LIMIT 1", [self.files]
            ).fetchone() or ("", 0, None, None)
            raise InstanceError(
                f"entitlement and claim must be finite and at least 0, not {one} and {two}", file=name, row=index + 1
            )
        if not count:
            raise InstanceError("no row: at least one is needed", file=self.source)
        if self.whole:
            return Totals(
                accounts=count,
                entitlement_total=int(entitlements),
                overage_total=int(over),
                slack_total=int(under),
                sign=(over > under) - (over < under),
            )
        return self._float_totals(count)

    def _float_totals(self, count: int) -> Totals:
        """Compensated sums of the batches; the sign of X - I exactly."""
        import math

        sums: list[tuple[float, float, float]] = []
        for _, entitlement, claim in self.batches():
            part = settlement.float_sums(entitlement, claim)
            sums.append(part)
        over, under, held = (math.fsum(column) for column in zip(*sums, strict=True))
        sign = settlement.clear_sign(over, under, held, count)
        if sign is None:
            difference = Fraction(0)
            for _, entitlement, claim in self.batches():
                difference += exact.exact_sum(claim) - Fraction(exact.exact_sum(entitlement))
            sign = (difference > 0) - (difference < 0)
        return Totals(accounts=count, entitlement_total=held, overage_total=over, slack_total=under, sign=sign)


def _allocator(reader: _Reader, totals: Totals, rounding: str) -> Callable[[Any, Any], NDArray[Any]]:
    """A function from a batch's columns to its payoffs; it remembers what earlier batches left."""
    if rounding == "none" or totals.sign <= 0:
        return lambda entitlement, claim: settle(entitlement, claim, totals=totals, rounding=rounding)[0]
    if totals.overage_total >= 2**61:
        raise InstanceError("total overage of 2**61 units or more cannot be streamed; settle it in memory", key="claim")
    deal = Deal(over=totals.overage_total, under=totals.slack_total)
    if rounding == "cumulative":

        def follow(entitlement: Any, claim: Any) -> NDArray[Any]:
            payoff = np.empty_like(claim)
            deal.cumulative(entitlement, claim, payoff, settlement.kernels("auto", totals.accounts))
            return payoff

        return follow
    return _largest_remainder(reader, deal)


def _largest_remainder(reader: _Reader, deal: Deal) -> Callable[[Any, Any], NDArray[Any]]:
    """Two more passes find the remainder from which a unit is added, and how many ties the earliest accounts win."""
    dealt, counts = 0, np.zeros(BUCKETS, dtype=np.int64)
    for _, entitlement, claim in reader.batches():
        floor, rest = deal.quotas(entitlement, claim)
        dealt += int(floor.sum())
        counts += np.bincount(deal.bucket(rest), minlength=BUCKETS)
    left = deal.under - dealt
    above = np.concatenate([np.cumsum(counts[::-1])[::-1], [0]])
    chosen = int(np.flatnonzero(above >= left)[-1])
    pool: Counter[int] = Counter()
    for _, entitlement, claim in reader.batches():
        rest = deal.quotas(entitlement, claim)[1]
        values, times = np.unique(rest[deal.bucket(rest) == chosen], return_counts=True)
        pool.update(dict(zip(values.tolist(), times.tolist(), strict=True)))
    needed, threshold = left - int(above[chosen + 1]) if left else 0, deal.over
    for value in sorted(pool, reverse=True) if left else ():
        threshold = value
        if needed <= pool[value]:
            break
        needed -= pool[value]
    ties = needed

    def follow(entitlement: Any, claim: Any) -> NDArray[Any]:
        nonlocal ties
        floor, rest = deal.quotas(entitlement, claim)
        payoff = np.minimum(claim, entitlement) + floor + (rest > threshold)
        equal = np.flatnonzero(rest == threshold)[:ties]
        payoff[equal] += 1
        ties -= len(equal)
        return payoff

    return follow


def _write(reader: _Reader, part: Path, allocate: Any, rows: int, progress: Progress | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    writer, done = None, 0
    try:
        for batch, entitlement, claim in reader.batches(account=True):
            payoff = pa.array(allocate(entitlement, claim))
            written = batch.append_column("payoff", payoff)
            if writer is None:
                writer = parquet.ParquetWriter(part, written.schema)
            writer.write_batch(written)
            done += len(claim)
            if progress is not None:
                progress(done, rows)
    finally:
        if writer is not None:
            writer.close()
