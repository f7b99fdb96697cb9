"""Settlement of Parquet files that do not fit into memory: aggregate, then allocate batch by batch with a carry.

The first pass is the one an SQL engine runs best (DuckDB, sums as 128-bit integers); the later ones read row batches in
order, allocate with the pieces of `dealing.py`, and write. The integers are those of the in-memory path.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.dealing import Deal, find_cut, histogram
from mechopt.mechanisms.overage.parquet_reader import Reader
from mechopt.mechanisms.overage.settlement import ROUNDINGS, Totals, settle
from mechopt.mechanisms.overage.totals import kernels as find_kernels

Progress = Callable[[int, int], None]
Allocate = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]


def settle_parquet(
    source: str | Path,
    target: str | Path,
    *,
    entitlement: str = "entitlement",
    claim: str = "claim",
    account: str | None = "account",
    rounding: str = "none",
    where: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    memory_limit: str = "1GB",
) -> Totals:
    """Settle a Parquet file of any size under the linear rule.

    Args:
        source: a Parquet file, a folder of them, or a pattern such as "year/*.parquet" (files in name order).
        target: the file to write: account (if there), entitlement, claim, payoff, in input order. It appears when it
            is complete, never half.
        entitlement: the column of L >= 0, units, integers or doubles.
        claim: the column of C >= 0, units, of the same kind.
        account: a column to carry along; the default one is left out where the source has none.
        rounding: "none", "cumulative" or "largest_remainder" (whole units, from integers). The last one reads the
            source once or twice more.
        where: keep the rows whose column has this value, or one of a list: {"year": 2019}.
        progress: called with (rows written, rows in all).
        memory_limit: for the engine of the first pass.

    Returns:
        The totals; with whole units the payoffs add up to sum L - max(I - X, 0) exactly.

    Raises:
        InstanceError: a file, column or value is wrong (file, column and row are named), or an extra is missing.

    Source: lengyel2025, eq. (1).
    """
    if rounding not in ROUNDINGS:
        raise InstanceError(f"{rounding!r} cannot be streamed; use {', '.join(ROUNDINGS)}", key="rounding")
    reader = Reader(str(source), entitlement, claim, account, where or {}, memory_limit)
    if rounding != "none" and not reader.whole:
        raise InstanceError("whole units need integer columns", file=source, key="rounding")
    target = Path(target)
    check_target(target, reader.files)
    totals = reader.totals()
    write(reader, target, _allocator(reader, totals, rounding), totals.accounts, progress)
    return totals


def check_target(target: Path, files: Sequence[str]) -> None:
    """Refuse to write where no file can be, or over one of those to read."""
    if not target.parent.is_dir() or target.is_dir():
        raise InstanceError("is no place for a file: a name in an existing folder is needed", file=target)
    if any(os.path.realpath(file) == os.path.realpath(target) for file in files):
        raise InstanceError("is one of the files to read; write to another name", file=target)


def write(reader: Reader, target: Path, allocate: Allocate, rows: int, progress: Progress | None) -> None:
    """The columns and their payoffs, to a file that appears when it is complete."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _write(reader, part, allocate, rows, progress)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _allocator(reader: Reader, totals: Totals, rounding: str) -> Allocate:
    """A function from a batch's columns to its payoffs; it remembers what earlier batches left."""
    if rounding == "none" or totals.sign <= 0:
        return share(totals, rounding)
    if rounding == "cumulative":
        return follow_prefixes(totals, 0)
    kernels = find_kernels("auto", totals.accounts, whole=True)
    return _largest_remainder(reader, Deal(over=totals.overage_total, under=totals.slack_total, kernels=kernels))


def share(totals: Totals, rounding: str) -> Allocate:
    """Payoffs that need the totals alone: doubles, or everybody's claim."""
    return lambda entitlement, claim: settle(entitlement, claim, totals=totals, rounding=rounding)[0]


def follow_prefixes(totals: Totals, carry: int) -> Allocate:
    """Payoffs under prefix floors, X > I, from the remainder that what comes before leaves."""
    kernels = find_kernels("auto", totals.accounts, whole=True)
    deal = Deal(over=totals.overage_total, under=totals.slack_total, kernels=kernels)
    deal.carry = carry

    def follow(entitlement: NDArray[Any], claim: NDArray[Any]) -> NDArray[Any]:
        payoff = np.empty_like(claim)
        deal.cumulative(entitlement, claim, payoff)
        return payoff

    return follow


def _largest_remainder(reader: Reader, deal: Deal) -> Allocate:
    """More passes find the remainder from which a unit is added, and how many ties the earliest accounts win."""

    def floors(entitlement: Any, claim: Any, counts: Any) -> tuple[int, NDArray[Any], NDArray[Any]]:
        payoff = np.empty_like(claim)
        rest: NDArray[Any] = np.empty(len(claim), dtype=deal.dtype)
        return deal.floors(entitlement, claim, payoff, rest, counts), payoff, rest

    def remainders() -> Iterator[NDArray[Any]]:
        scratch = histogram()
        return (floors(entitlement, claim, scratch)[2] for _, entitlement, claim in reader.batches())

    counts = histogram()
    dealt = sum(floors(entitlement, claim, counts)[0] for _, entitlement, claim in reader.batches())
    cut = find_cut(remainders, counts, deal.shift, deal.under - dealt)

    def follow(entitlement: NDArray[Any], claim: NDArray[Any]) -> NDArray[Any]:
        _, payoff, rest = floors(entitlement, claim, counts)
        cut.add(rest, payoff)
        return payoff

    return follow


def _write(reader: Reader, part: Path, allocate: Allocate, rows: int, progress: Progress | None) -> None:
    import pyarrow as pa

    writer, done = None, 0
    order = ([reader.account] if reader.account else []) + [reader.entitlement, reader.claim]
    try:
        for batch, entitlement, claim in reader.batches(account=True):
            written = batch.select(order).append_column("payoff", pa.array(allocate(entitlement, claim)))
            if writer is None:
                writer = reader.parquet.ParquetWriter(part, written.schema, use_dictionary=order[:-2] or False)
            writer.write_batch(written)
            done += len(claim)
            if progress is not None:
                progress(done, rows)
    finally:
        if writer is not None:
            writer.close()
    if done != rows:
        raise InstanceError("changed while it was read", file=reader.source)
