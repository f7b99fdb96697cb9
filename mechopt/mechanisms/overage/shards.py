"""Settlement of a period in many Parquet files, a task each: on processes of this machine or on a cluster.

Each file is read twice, by whoever is free: once for its totals, once to allocate. The remainder that earlier files
leave to a file follows from their totals, so that nobody waits for a neighbour. Source: lengyel2025, eq. (1).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mechopt import tasks
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.parquet_reader import Reader, files_of
from mechopt.mechanisms.overage.stream import check_target, follow_prefixes, share, write
from mechopt.mechanisms.overage.totals import Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What to read, for a task elsewhere; as in `settle_parquet`."""

    entitlement: str
    claim: str
    account: str | None
    memory_limit: str

    def reader(self, file: str) -> Reader:
        """The reader of one file."""
        return Reader(file, self.entitlement, self.claim, self.account, {}, self.memory_limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One file of the second pass.

    Attributes:
        columns: to read.
        source: the file.
        target: where its payoffs go.
        accounts: how many it had in the first pass.
        totals: of all files.
        carry: remainder of the prefix sum that earlier files leave, in [0, X); None where payoffs are doubles.
    """

    columns: Columns
    source: str
    target: str
    accounts: int
    totals: Totals
    carry: int | None


def settle_shards(
    source: str | Path,
    folder: str | Path,
    *,
    entitlement: str = "entitlement",
    claim: str = "claim",
    account: str | None = "account",
    rounding: str = "none",
    workers: int = 1,
    progress: tasks.Progress | None = None,
    memory_limit: str = "1GB",
) -> Totals:
    """Settle many Parquet files as one period under the linear rule, each file by a task of its own.

    Args:
        source: a folder of Parquet files, or a pattern; in name order they are one table. Workers elsewhere must see
            it under the same name.
        folder: one that is there: each file that has rows is written to it, with its name, as by `settle_parquet`.
        entitlement: the column of L >= 0, units, integers.
        claim: the column of C >= 0, units, integers.
        account: a column to carry along.
        rounding: "none" or "cumulative": the integers of `settle`. Largest remainders need all files at once, see
            `settle_parquet` and `settle_table`.
        workers: processes; inside `tasks.cluster` that cluster is used.
        progress: called as progress(done, total), a file read or written each.
        memory_limit: of each task, for the engine of its first pass.

    Returns:
        The totals of all files.

    Raises:
        InstanceError: a file, column or value is wrong.
        Interrupted: on Ctrl-C; files that are written stay, whole.

    Source: lengyel2025, eq. (1).
    """
    if rounding not in ("none", "cumulative"):
        raise InstanceError(f"{rounding!r} cannot be dealt file by file; use none or cumulative", key="rounding")
    files = files_of(str(source))
    targets = [Path(folder) / os.path.basename(file) for file in files]
    if len(set(targets)) < len(targets):
        raise InstanceError("two files have one name; they would be written to one place", file=source)
    for target in targets:
        check_target(target, files)
    columns = Columns(entitlement=entitlement, claim=claim, account=account, memory_limit=memory_limit)
    report = progress or (lambda _done, _total: None)
    with tasks.pool(min(workers, len(files))) as executor:
        parts = tasks.run(
            _totals, [(columns, file) for file in files], executor=executor,
            progress=lambda done, total: report(done, 2 * total),
        )  # fmt: skip
        totals = Totals.of_integers(
            sum(part.accounts for part in parts), entitlement=sum(part.entitlement_total for part in parts),
            overage=sum(part.overage_total for part in parts), slack=sum(part.slack_total for part in parts),
        )  # fmt: skip
        if not totals.accounts:
            raise InstanceError("no row: at least one is needed", file=source)
        shards, before = [], 0
        for file, target, part in zip(files, targets, parts, strict=True):
            carry = before * totals.slack_total % totals.overage_total if totals.sign > 0 else 0
            shards.append(Shard(columns=columns, source=file, target=str(target), accounts=part.accounts, totals=totals,
                                carry=None if rounding == "none" else carry))  # fmt: skip
            before += part.overage_total
        shards = [shard for shard in shards if shard.accounts]
        tasks.run(
            _settle,
            shards,
            executor=executor,
            progress=lambda done, total: report(len(files) + done, len(files) + total),
        )
    return totals


def _totals(item: tuple[Columns, str]) -> Totals:
    """The first pass of one file."""
    reader = item[0].reader(item[1])
    if not reader.whole:
        raise InstanceError("integers are needed; settle_parquet takes doubles", file=item[1])
    if not reader.parquet.read_metadata(item[1]).num_rows:  # an engine of many machines writes such files too
        return Totals.of_integers(0, entitlement=0, overage=0, slack=0)
    return reader.totals()


def _settle(shard: Shard) -> None:
    """The second pass of one file."""
    rounding = "none" if shard.carry is None else "cumulative"
    allocate = share(shard.totals, rounding)
    if shard.carry is not None and shard.totals.sign > 0:
        allocate = follow_prefixes(shard.totals, shard.carry)
    write(shard.columns.reader(shard.source), Path(shard.target), allocate, shard.accounts, None)
