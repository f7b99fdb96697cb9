"""Settlement of a table where it lives: DuckDB, Spark or another engine of Ibis aggregates and allocates.

No row comes here, only totals do. The integers are those of `settlement.settle`, on every engine: quotas are guessed in
doubles and corrected in decimals of 38 digits, which all of them have. Source: lengyel2025, eq. (1).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.dealing import BITS
from mechopt.mechanisms.overage.settlement import ROUNDINGS
from mechopt.mechanisms.overage.totals import Totals

WIDE = "decimal(38, 0)"
LARGEST_TOTAL = 2**62  # X below it: products X * I fit 38 digits, remainders 64 bits
OVERAGE, FLOOR, REST, UPTO, BEFORE = (f"__mechopt_{name}" for name in ("overage", "floor", "rest", "upto", "before"))


def settle_table(
    table: Any,
    *,
    entitlement: str = "entitlement",
    claim: str = "claim",
    order_by: str = "account",
    shard: str | None = None,
    rounding: str = "none",
) -> tuple[Any, Totals]:
    """Settle a table under the linear rule, on the engine that holds it.

    Args:
        table: an Ibis table of any engine; or a Parquet file, a folder or a pattern of them, which an embedded DuckDB
            reads.
        entitlement: the column of L >= 0, units, integers of at most 63 bits.
        claim: the column of C >= 0, units, likewise.
        order_by: a column that says which account is earlier, for ties and prefix sums; whole units need it, without
            empty or repeated values.
        shard: a column of few values whose order comes before `order_by`, such as a partition: prefix sums then run
            inside each shard, and engines of many machines are not held up by one.
        rounding: "none" (payoffs as doubles), "cumulative" or "largest_remainder" (whole units).

    Returns:
        The columns of the table and `payoff`, as an Ibis table that is computed where and when it is used
        (`.to_parquet(...)`, `connection.create_table(...)`, `.execute()`); and the totals. The table must not change
        in between.

    Raises:
        InstanceError: a column or value is wrong, the overage is 2**62 units or more where whole units are asked for
            (`settle_parquet` has no such limit), or the extra is missing.

    Source: lengyel2025, eq. (1).
    """
    if rounding not in ROUNDINGS:
        raise InstanceError(f"{rounding!r} cannot be dealt by an engine; use {', '.join(ROUNDINGS)}", key="rounding")
    table = _opened(table)
    whole = rounding != "none"
    order = [name for name in (shard, order_by) if name is not None] if whole else []
    _check_columns(table, entitlement, claim, order)
    totals = _totals(table, entitlement, claim)
    if order:
        _check_order(table, order)
    held, asked = table[entitlement].cast("int64"), table[claim].cast("int64")
    if totals.sign <= 0:
        return table.mutate(payoff=asked if whole else asked.cast("float64")), totals
    if not whole:
        return table.mutate(payoff=_shares(held, asked, totals)), totals
    if totals.overage_total >= LARGEST_TOTAL:
        raise InstanceError(
            f"the overage is {totals.overage_total} units; an engine's decimals are exact below 2**62. "
            "settle_parquet has no such limit", key="rounding",
        )  # fmt: skip
    prepared = table.mutate(**{OVERAGE: (asked - held).clip(lower=0)})
    dealt = _cumulative(prepared, totals, order) if rounding == "cumulative" else _largest(prepared, totals, order)
    least = _least(dealt[claim].cast("int64"), dealt[entitlement].cast("int64"))
    settled = dealt.mutate(payoff=least + dealt[FLOOR])
    return settled.select(*table.columns, "payoff"), totals


def _opened(source: Any) -> Any:
    """The table itself, or the files as a table of an embedded DuckDB."""
    try:
        import duckdb
        import ibis
    except ImportError as error:
        raise InstanceError(
            f"{error.name} is not installed; pip install 'mechopt[engines]' brings it", key="settle_table"
        ) from None
    if isinstance(source, ibis.Table):
        return source
    if not isinstance(source, str | Path):
        raise InstanceError("an Ibis table or the name of Parquet files is needed", key="table")
    name = os.path.join(source, "**", "*.parquet") if os.path.isdir(source) else str(source)
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET enable_progress_bar = false")  # a library prints nothing
    try:
        return connection.read_parquet(name)
    except duckdb.Error as error:
        raise InstanceError(f"is not readable as Parquet: {str(error).splitlines()[0]}", file=source) from None


def _check_columns(table: Any, entitlement: str, claim: str, order: Sequence[str]) -> None:
    schema = table.schema()
    for name in (entitlement, claim, *order):
        if name not in schema:
            raise InstanceError(f"column {name!r} is missing{nearest(name, list(schema))}", key="table")
    for name in (entitlement, claim):
        kind = schema[name]
        if not kind.is_integer() or str(kind.copy(nullable=True)) == "uint64":
            raise InstanceError(f"must be integers of at most 63 bits, not {kind}", key=name)
    if entitlement == claim:
        raise InstanceError("entitlement and claim must be two columns", key=claim)
    taken = [name for name in schema if name.casefold() == "payoff" or name.casefold().startswith("__mechopt_")]
    if taken:
        raise InstanceError("is the name of a result; rename the column", key=taken[0])


def _only_row(expression: Any) -> dict[str, Any]:
    row: dict[str, Any] = expression.to_pyarrow().to_pylist()[0]
    return row


def _totals(table: Any, entitlement: str, claim: str) -> Totals:
    """The first pass, with the values checked on the way."""
    held, asked = table[entitlement].cast(WIDE), table[claim].cast(WIDE)  # a difference fits whatever is in there
    good = ((held >= 0) & (asked >= 0)).fill_null(False)
    found = _only_row(table.aggregate(
        rows=table.count(), good=good.sum(), held=held.sum(),
        over=(asked - held).clip(lower=0).sum(), under=(held - asked).clip(lower=0).sum(),
    ))  # fmt: skip
    if not found["rows"]:
        raise InstanceError("no row: at least one is needed", key="table")
    if found["good"] < found["rows"]:
        worst = _only_row(table.filter(~good).limit(1))
        raise InstanceError(
            f"{found['rows'] - found['good']} rows have an empty or negative entitlement or claim, such as "
            f"{exact.show(str(worst), 120)}", key="table",
        )  # fmt: skip
    return Totals.of_integers(
        int(found["rows"]), entitlement=int(found["held"]), overage=int(found["over"]), slack=int(found["under"])
    )


def _check_order(table: Any, order: Sequence[str]) -> None:
    """Refuse an order that leaves open which of two accounts comes first: engines would each choose their own."""
    empty = table[order[0]].isnull()
    for name in order[1:]:
        empty |= table[name].isnull()
    if int(_only_row(table.aggregate(n=empty.sum()))["n"] or 0):
        raise InstanceError("has empty values; each account needs its place", key=order[-1])
    counts = table.group_by(list(order)).aggregate(__mechopt_rows=table.count())
    repeated = counts.filter(counts["__mechopt_rows"] > 1).limit(1).to_pyarrow().to_pylist()
    if repeated:
        value = ", ".join(exact.show(str(repeated[0][name])) for name in order)
        raise InstanceError(f"{value} occurs twice; each account needs its place", key=order[-1])


def _shares(held: Any, asked: Any, totals: Totals) -> Any:
    """min(C, L + (C - L) * I / X) in doubles, with the ratio that `settle` takes."""
    import ibis

    ratio = min(float(totals.slack_total) / float(totals.overage_total), 1.0)
    shared = held.cast("float64") + (asked - held).cast("float64") * ratio
    return ibis.ifelse(asked > held, _least(shared, asked.cast("float64")), asked.cast("float64"))


def _least(one: Any, other: Any) -> Any:
    import ibis

    return ibis.ifelse(one < other, one, other)


def _divided(table: Any, column: str, totals: Totals) -> Any:
    """The table with floor and remainder of column * I / X, for a column of decimals in [0, X]."""
    import ibis

    under, over = (ibis.literal(value, type=WIDE) for value in (totals.slack_total, totals.overage_total))
    size, ratio = float(totals.overage_total), float(totals.slack_total) / float(totals.overage_total)
    wide = table[column].cast(WIDE)
    guess = (table[column].cast("float64") * ratio).floor().cast("int64")
    table = table.mutate(**{FLOOR: guess, REST: wide * under - guess.cast(WIDE) * over})
    # The guess is off by at most some thousand, and what that is off by is off by at most one.
    more = (table[REST].cast("float64") / size).floor().cast("int64")
    table = table.mutate(**{FLOOR: table[FLOOR] + more, REST: table[REST] - more.cast(WIDE) * over})
    zero = ibis.literal(0, type=WIDE)
    step = ibis.ifelse(table[REST] >= over, 1, ibis.ifelse(table[REST] < zero, -1, 0)).cast("int64")
    return table.mutate(**{FLOOR: table[FLOOR] + step, REST: (table[REST] - step.cast(WIDE) * over).cast("int64")})


def _running(table: Any, value: str, order: Sequence[str]) -> Any:
    """The table with the sum of a column up to and with each row, in the order of shards and rows."""
    import ibis

    *shards, last = order
    if not shards:
        window = ibis.cumulative_window(order_by=[last])
        return table.mutate(**{UPTO: table[value].cast(WIDE).sum().over(window)})
    shard = shards[0]
    inside = ibis.cumulative_window(group_by=[shard], order_by=[last])
    parts = table.group_by(shard).aggregate(**{BEFORE: table[value].cast(WIDE).sum()})
    upto = parts[BEFORE].sum().over(ibis.cumulative_window(order_by=[shard]))
    before = parts.select(**{f"{BEFORE}_shard": parts[shard], BEFORE: (upto - parts[BEFORE]).cast(WIDE)})
    summed = table.mutate(**{UPTO: table[value].cast(WIDE).sum().over(inside)})
    joined = summed.join(before, summed[shard] == before[f"{BEFORE}_shard"])
    return joined.mutate(**{UPTO: (joined[UPTO] + joined[BEFORE]).cast(WIDE)})


def _cumulative(table: Any, totals: Totals, order: Sequence[str]) -> Any:
    """Differences of the floors of prefix sums."""
    table = _running(table, OVERAGE, order)
    table = table.mutate(**{BEFORE: (table[UPTO] - table[OVERAGE].cast(WIDE)).cast(WIDE)})
    before = _divided(table, BEFORE, totals)
    table = before.rename(__mechopt_dealt=FLOOR).drop(REST)
    table = _divided(table, UPTO, totals)
    return table.mutate(**{FLOOR: table[FLOOR] - table["__mechopt_dealt"]})


def _largest(table: Any, totals: Totals, order: Sequence[str]) -> Any:
    """Floors of the quotas, and the units left over to the largest remainders, ties to the earlier account."""
    import ibis

    table = _divided(table, OVERAGE, totals)
    left = totals.slack_total - int(_only_row(table.aggregate(n=table[FLOOR].cast(WIDE).sum()))["n"])
    if not left:
        return table
    cut, ties, equal = _cut(table, totals.overage_total, left)
    if ties == equal:
        return table.mutate(**{FLOOR: table[FLOOR] + ibis.ifelse(table[REST] >= cut, 1, 0).cast("int64")})
    table = table.mutate(__mechopt_tie=ibis.ifelse(table[REST] == cut, 1, 0).cast("int64"))
    table = _running(table, "__mechopt_tie", order)
    wins = (table[REST] > cut) | ((table[REST] == cut) & (table[UPTO] <= ibis.literal(ties, type=WIDE)))
    return table.mutate(**{FLOOR: table[FLOOR] + ibis.ifelse(wins, 1, 0).cast("int64")})


def _cut(table: Any, over: int, left: int) -> tuple[int, int, int]:
    """The `left`-th largest remainder, how many equal to it still get a unit, and how many are equal to it.

    By histograms of ever lower bits, without a sort: each is one aggregation on the engine, of 2**BITS groups.
    """
    low, shift, width = 0, max(over.bit_length() - BITS, 0), over.bit_length()
    while True:
        inside = table.filter((table[REST] >= low) & (table[REST] < low + (1 << width)))
        bucket = (inside[REST] - low) >> shift
        rows = inside.group_by(__mechopt_bucket=bucket).aggregate(__mechopt_rows=inside.count()).to_pyarrow()
        counts = {row["__mechopt_bucket"]: row["__mechopt_rows"] for row in rows.to_pylist()}
        chosen, left = _rank(counts, left)
        low += chosen << shift
        if shift == 0:
            return low, left, counts[chosen]
        width, shift = shift, max(shift - BITS, 0)


def _rank(counts: Mapping[int, int], left: int) -> tuple[int, int]:
    """The bucket of the `left`-th largest value, and its rank from above in there."""
    for bucket in sorted(counts, reverse=True):
        if counts[bucket] >= left:
            return bucket, left
        left -= counts[bucket]
    raise InstanceError("changed while it was settled", key="table")
