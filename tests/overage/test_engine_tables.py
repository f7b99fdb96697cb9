"""A table settled on its engine has the integers of the settlement in memory, whatever the engine."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import engine_tables, settle, settle_table
from mechopt.mechanisms.overage.rounding import apportion
from mechopt.mechanisms.overage.totals import Totals

ibis = pytest.importorskip("ibis")
pa = pytest.importorskip("pyarrow")

ROUNDINGS = ["none", "cumulative", "largest_remainder"]
WHOLE = ROUNDINGS[1:]
TOPS = [1, 3, 1000, 2**31, 2**45, 2**53 + 1, 2**58]


def columns(entitlement: Any, claim: Any, shards: int = 3) -> Any:
    """An Arrow table whose rows stand in another order than their accounts, which run through shard by shard."""
    n = len(claim)
    table = pa.table({
        "account": pa.array(np.arange(n) * 2 + 5), "shard": pa.array([f"s{place * shards // n}" for place in range(n)]),
        "entitlement": pa.array(np.asarray(entitlement, dtype=np.int64)),
        "claim": pa.array(np.asarray(claim, dtype=np.int64)),
    })  # fmt: skip
    return table.take(np.random.default_rng(n).permutation(n))


def payoffs(settled: Any) -> list[Any]:
    frame = settled.to_pyarrow().sort_by("account")
    return list(frame["payoff"].to_pylist())


def draw(seed: int, n: int, top: int, factor: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2 * top, n, endpoint=True), rng.integers(0, factor * top, n, endpoint=True)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize(("top", "factor"), [(1, 5), (2, 1), (10**6, 5), (2**52 + 1, 7)])
def test_the_same_numbers_as_in_memory(rounding: str, top: int, factor: int) -> None:
    """Ties everywhere (top = 1), X below and above I, and quotas that doubles cannot hold."""
    entitlement, claim = draw(top, 200, top, factor)
    settled, totals = settle_table(ibis.memtable(columns(entitlement, claim)), rounding=rounding)
    expected, same = settle(entitlement, claim, rounding=rounding)
    assert totals == same
    assert payoffs(settled) == expected.tolist()
    assert settled.columns == ("account", "shard", "entitlement", "claim", "payoff")
    assert settled.schema()["payoff"].is_integer() == (rounding != "none")


@settings(max_examples=8, deadline=None)
@given(data=st.data(), held=st.sampled_from(TOPS), asked=st.sampled_from(TOPS), shard=st.sampled_from([None, "shard"]))
def test_whole_units_of_any_size_are_those_of_exact_quotas(
    data: st.DataObject, held: int, asked: int, shard: str | None
) -> None:
    """Against the plain rounding of fractions, which shares no line with the engine's."""
    n = data.draw(st.integers(1, 12))
    entitlement = data.draw(st.lists(st.integers(0, held), min_size=n, max_size=n))
    claim = data.draw(st.lists(st.integers(0, asked), min_size=n, max_size=n))
    table = ibis.memtable(columns(entitlement, claim))
    overage = [max(c - h, 0) for h, c in zip(entitlement, claim, strict=True)]
    slack = sum(max(h - c, 0) for h, c in zip(entitlement, claim, strict=True))
    for rounding in WHOLE:
        dealt = apportion(overage, min(sum(overage), slack), rounding)
        expected = [min(h, c) + units for h, c, units in zip(entitlement, claim, dealt, strict=True)]
        assert payoffs(settle_table(table, rounding=rounding, shard=shard)[0]) == expected


def test_the_division_is_exact_next_to_whole_quotients() -> None:
    """Where v * I / X is a whole number, or one part in X beside it, and doubles are thousands of units off."""
    over, under = 2**62 - 57, 2**61 + 12345
    exact = [0, 1, over, over - 1, over // 3, 2**61, over * 7 // 11]
    table = ibis.memtable(pa.table({"v": pa.array(exact)}))
    totals = Totals.of_integers(7, entitlement=over, overage=over, slack=under)
    found = engine_tables._divided(table, "v", totals).to_pyarrow().to_pylist()
    for row in found:
        quota = Fraction(row["v"] * under, over)
        assert row[engine_tables.FLOOR] == quota.__floor__()
        assert row[engine_tables.REST] == row["v"] * under % over


def test_parquet_files_are_read_by_an_embedded_engine(tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    entitlement, claim = draw(1, 300, 50, 5)
    table = columns(entitlement, claim)
    for part in range(3):
        folder = tmp_path / "period" / f"part={part}"
        folder.mkdir(parents=True)
        parquet.write_table(table.slice(100 * part, 100), folder / "rows.parquet")
    settled, _ = settle_table(tmp_path / "period", rounding="largest_remainder")
    expected = settle(entitlement, claim, rounding="largest_remainder")[0].tolist()
    assert payoffs(settled) == expected
    settled.to_parquet(tmp_path / "settled.parquet")
    assert parquet.read_table(tmp_path / "settled.parquet").sort_by("account")["payoff"].to_pylist() == expected
    with pytest.raises(InstanceError, match=r"nothing\.parquet.*Parquet"):
        settle_table(tmp_path / "nothing.parquet")


def test_totals_beyond_64_bits_are_exact_and_whole_units_of_them_refused() -> None:
    entitlement, claim = [0, 0, 0, 2**62], [2**63 - 1, 2**63 - 1, 2**63 - 1, 0]
    table = ibis.memtable(columns(entitlement, claim))
    totals = settle_table(table)[1]
    assert (totals.overage_total, totals.slack_total) == (3 * (2**63 - 1), 2**62)
    for rounding in WHOLE:
        with pytest.raises(InstanceError, match="settle_parquet has no such limit"):
            settle_table(table, rounding=rounding)


def rows(**columns: Any) -> Any:
    return ibis.memtable(pa.table({"account": [1, 2], "entitlement": [1, 2], "claim": [3, 0], **columns}))


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ({"claim": [3, -1]}, {}, "1 rows have an empty or negative"),
        ({"claim": [None, 1]}, {}, "empty or negative"),
        ({"claim": [-(2**63), 1], "entitlement": [2**63 - 1, 1]}, {}, "empty or negative"),
        ({"claim": [0.5, 1.0]}, {}, "must be integers"),
        ({"claim": [True, False]}, {}, "must be integers"),
        ({"claim": pa.array([1, 2], pa.uint64())}, {}, "must be integers"),
        ({"account": ["a", "a"]}, {"rounding": "cumulative"}, "occurs twice"),
        ({"account": ["a", None]}, {"rounding": "cumulative"}, "empty"),
        ({"shard": [None, 1]}, {"rounding": "cumulative", "shard": "shard"}, "empty"),
        ({}, {"rounding": "cumulative", "order_by": "acount"}, "account"),
        ({}, {"claim": "entitlement"}, "two columns"),
        ({}, {"rounding": "webster"}, "largest_remainder"),
        ({"Payoff": [1, 1]}, {}, "rename"),
        ({"__mechopt_rest": [1, 1]}, {}, "rename"),
    ],
)
def test_wrong_tables_are_refused(table: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InstanceError, match=message):
        settle_table(rows(**table), **options)


def test_an_empty_table_and_no_table_are_refused() -> None:
    with pytest.raises(InstanceError, match="no row"):
        settle_table(rows().filter(ibis.literal(False)))
    with pytest.raises(InstanceError, match="Ibis table"):
        settle_table({"claim": [1]})


def test_repeated_accounts_in_different_shards_are_two_accounts() -> None:
    table = rows(account=["a", "a"], shard=[1, 2])
    assert settle_table(table, shard="shard", rounding="cumulative")[0].count().to_pyarrow().as_py() == 2


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(InstanceError, match=r"mechopt\[engines\]"):
        settle_table("accounts.parquet")


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """An Ibis connection to a local Spark session; skipped by name where something is missing."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed; pip install --group spark brings it")
    if shutil.which("java") is None:
        pytest.skip("there is no Java, which Spark needs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Spark's own
        from pyspark.sql import SparkSession

        session = (
            SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "4").config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
        )  # fmt: skip
        session.sparkContext.setLogLevel("OFF")
        yield ibis.pyspark.connect(session)
        session.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Spark and of pandas under it
@pytest.mark.parametrize(("top", "n"), [(1, 300), (10**6, 300), (2**56, 20)])
@pytest.mark.parametrize("shard", [None, "shard"])
def test_spark_has_the_same_integers(spark: Any, tmp_path: Path, top: int, n: int, shard: str | None) -> None:
    import pyarrow.parquet as parquet

    entitlement, claim = draw(7, n, top, 5)
    table = columns(entitlement, claim)
    parquet.write_table(table, tmp_path / "period.parquet")
    there = spark.read_parquet(str(tmp_path / "period.parquet"))
    for rounding in ROUNDINGS:
        settled, totals = settle_table(there, rounding=rounding, shard=shard)
        here, same = settle_table(ibis.memtable(table), rounding=rounding, shard=shard)
        assert totals == same
        assert payoffs(settled) == payoffs(here) == settle(entitlement, claim, rounding=rounding)[0].tolist()
