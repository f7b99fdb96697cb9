"""Streaming gives what the in-memory path gives, and never leaves half a file."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import dealing, parquet_reader, settle, settle_parquet

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

ROUNDINGS = ["none", "cumulative", "largest_remainder"]
TOPS = [1, 3, 10**6, 2**45, 2**52 + 1, 2**58, 2**62, 2**63 - 1]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_reader, "BATCH", 97)


def write(path: Path, entitlement: Any, claim: Any, **more: Any) -> Path:
    frame = pl.DataFrame({"claim": claim, "entitlement": entitlement, **more}, strict=False)
    frame.with_row_index("account").write_parquet(path, row_group_size=211)
    return path


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("top", [2, 1000, 2**40, 2**54])
@pytest.mark.parametrize("factor", [1, 2, 5])
def test_the_same_integers_as_in_memory(tmp_path: Path, rounding: str, top: int, factor: int) -> None:
    """Ties everywhere (top = 2), X below and above I, and numbers too large for 64-bit arithmetic."""
    rng = np.random.default_rng(top + factor)
    entitlement, claim = rng.integers(0, 2 * top, 1500), rng.integers(0, factor * top, 1500)
    source, target = write(tmp_path / "in.parquet", entitlement, claim), tmp_path / "out.parquet"
    seen: list[tuple[int, int]] = []
    totals = settle_parquet(source, target, rounding=rounding, progress=lambda done, rows: seen.append((done, rows)))
    expected, same = settle(entitlement, claim, rounding=rounding)
    frame = pl.read_parquet(target)
    assert totals == same
    assert frame.columns == ["account", "entitlement", "claim", "payoff"]
    assert frame["payoff"].to_list() == expected.tolist()
    assert frame["account"].to_list() == list(range(1500))
    assert frame["claim"].to_list() == claim.tolist()
    assert seen[-1] == (1500, 1500)
    assert {path.name for path in tmp_path.iterdir()} == {"in.parquet", "out.parquet"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), held=st.sampled_from(TOPS), asked=st.sampled_from(TOPS), batch=st.integers(1, 9))
def test_integers_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject, held: int, asked: int, batch: int
) -> None:
    """Where totals exceed 64 bits as well, and where remainders have to be told apart to the last bit."""
    monkeypatch.setattr(parquet_reader, "BATCH", batch)
    monkeypatch.setattr(dealing, "ROOM", 2)
    n = data.draw(st.integers(1, 20))
    entitlement = np.array(data.draw(st.lists(st.integers(0, held), min_size=n, max_size=n)), dtype=np.int64)
    claim = np.array(data.draw(st.lists(st.integers(0, asked), min_size=n, max_size=n)), dtype=np.int64)
    source, target = write(tmp_path / "in.parquet", entitlement, claim), tmp_path / "out.parquet"
    for rounding in ROUNDINGS:
        totals = settle_parquet(source, target, rounding=rounding)
        expected, same = settle(entitlement, claim, rounding=rounding)
        assert totals == same
        assert pl.read_parquet(target)["payoff"].to_list() == expected.tolist()


@pytest.mark.parametrize("given_as", ["pattern", "folder"])
def test_floats_and_several_files_in_order(tmp_path: Path, given_as: str) -> None:
    rng = np.random.default_rng(1)
    entitlement, claim = rng.random(900), rng.random(900) * 1.5
    folder = tmp_path / "year [2019]"
    folder.mkdir()
    for part in range(3):
        rows = slice(300 * part, 300 * part + 300)
        write(folder / f"p{part}.parquet", entitlement[rows], claim[rows])
    source = folder if given_as == "folder" else tmp_path / "year*" / "p?.parquet"
    totals = settle_parquet(source, tmp_path / "out.parquet")
    payoff, same = settle(entitlement, claim)
    assert totals.sign == same.sign
    assert np.isclose(totals.slack_total, same.slack_total, rtol=1e-15)
    assert np.allclose(pl.read_parquet(tmp_path / "out.parquet")["payoff"].to_numpy(), payoff, rtol=1e-14)


def test_a_tie_of_decimals_is_found_in_a_stream(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", [0.0] * 9 + [1.0], [0.1] * 8 + [0.2, 0.0])
    assert settle_parquet(source, tmp_path / "out.parquet").sign == 0


@pytest.mark.parametrize("where", [{"year": 2019}, {"year": "2019", "kind": ["a", "b"]}, {"year": [2019, 2018]}])
def test_only_the_rows_that_pass_the_filter(tmp_path: Path, where: dict[str, Any]) -> None:
    rng = np.random.default_rng(4)
    entitlement, claim, year = rng.integers(0, 9, 600), rng.integers(0, 20, 600), rng.integers(2017, 2021, 600)
    kind = rng.choice(["a", "b", "c"], 600)
    claim_as_read = np.where(year == 2017, -1, claim)  # wrong, but not among the rows asked for
    source = write(tmp_path / "in.parquet", entitlement, claim_as_read, year=year, kind=kind)
    totals = settle_parquet(source, tmp_path / "out.parquet", rounding="largest_remainder", where=where)
    keep = np.isin(year, [2019, 2018] if isinstance(where["year"], list) else [2019])
    keep &= np.isin(kind, where.get("kind", ["a", "b", "c"]))
    payoff, same = settle(entitlement[keep], claim[keep], rounding="largest_remainder")
    assert totals == same
    frame = pl.read_parquet(tmp_path / "out.parquet")
    assert frame["payoff"].to_list() == payoff.tolist()
    assert frame["account"].to_list() == np.flatnonzero(keep).tolist()


def test_names_and_kinds_of_columns(tmp_path: Path) -> None:
    """Small integers beside large ones, names with quotes, text as account, none at all."""
    frame = pl.DataFrame({'the "L"': [5, 0, 1], "asked": [1, 9, 1], "name": ["x", "y", None]})
    frame = frame.with_columns(pl.col("asked").cast(pl.UInt16))
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    frame.write_parquet(source)
    settle_parquet(source, target, entitlement='the "L"', claim="asked", account="name", rounding="cumulative")
    assert pl.read_parquet(target).to_dict(as_series=False) == {
        "name": ["x", "y", None],
        'the "L"': [5, 0, 1],
        "asked": [1, 9, 1],
        "payoff": [1, 4, 1],
    }
    settle_parquet(source, target, entitlement='the "L"', claim="asked")
    assert pl.read_parquet(target).columns == ['the "L"', "asked", "payoff"]


@pytest.mark.parametrize(
    ("entitlement", "claim", "options", "word"),
    [
        ([1, 2], [1, -2], {}, r"in\.parquet: claim \(row 2\).*>= 0, not -2"),
        ([1.0, 2.0], [float("nan"), 2.0], {}, r"claim \(row 1\).*finite.*nan"),
        ([float("inf"), 2.0], [1.0, 2.0], {}, r"entitlement \(row 1\).*inf"),
        ([1.0, -2.0], [1.0, 2.0], {}, r"entitlement \(row 2\)"),
        ([0.0, 0.0], [1e308, 1e308], {}, "totals"),
        ([1, None], [1, 2], {}, r"entitlement \(row 2\).*empty"),
        ([1.0, None], [1.0, 2.0], {}, r"entitlement \(row 2\).*empty"),
        ([1, 2] * 200 + [-1], [1, 2] * 200 + [1], {}, r"row 401"),
        ([1, 2], [1, 2], {"claim": "clam"}, "clam"),
        ([1, 2], [1, 2], {"account": "acount"}, "acount"),
        ([1, 2], [1, 2], {"claim": "entitlement"}, "must differ"),
        ([1, 2], [1.0, 2.0], {}, "both"),
        (["1", "2"], [1, 2], {}, "both"),
        ([1.0, 2.0], [1.0, 2.0], {"rounding": "cumulative"}, "integer columns"),
        ([1, 2], [1, 2], {"rounding": "webster"}, "streamed"),
        ([1, 2], [1, 2], {"where": {"year": 2019}}, "year"),
        ([1, 2], [1, 2], {"where": {"claim": "many"}}, r"where\.claim"),
        ([1, 2], [1, 2], {"where": {"claim": []}}, r"where\.claim"),
        ([1, 2], [1, 2], {"where": {"claim": 7}}, "no row passes"),
        ([1.0, 2.0], [1.0, 2.0], {"where": {"claim": 7}}, "no row passes"),
    ],
)
def test_bad_columns_are_named_and_nothing_is_written(
    tmp_path: Path, entitlement: Any, claim: Any, options: dict[str, Any], word: str
) -> None:
    source = write(tmp_path / "in.parquet", entitlement, claim)
    with pytest.raises(InstanceError, match=word):
        settle_parquet(source, tmp_path / "out.parquet", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_an_interrupt_leaves_no_file(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", [10] * 500, [20] * 250 + [1] * 250)

    def stop(done: int, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settle_parquet(source, tmp_path / "out.parquet", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    target = tmp_path / "out" / "out.parquet"
    target.parent.mkdir()
    with pytest.raises(InstanceError, match="no such file"):
        settle_parquet(tmp_path / "none.parquet", target)
    with pytest.raises(InstanceError, match=r"no file \*.parquet"):
        settle_parquet(tmp_path, target)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InstanceError, match=r"bad\.parquet.*not readable as Parquet"):
        settle_parquet(tmp_path / "bad.parquet", target)
    write(tmp_path / "empty.parquet", np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    with pytest.raises(InstanceError, match="at least one"):
        settle_parquet(tmp_path / "empty.parquet", target)
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize("kind", [int, float])
def test_damage_within_a_file(tmp_path: Path, kind: type) -> None:
    """The footer is sound, a page is not."""
    rng = np.random.default_rng(0)
    source = write(
        tmp_path / "in.parquet", rng.integers(0, 2**50, 600) * kind(1), rng.integers(0, 2**50, 600) * kind(1)
    )
    data = bytearray(source.read_bytes())
    data[30 : len(data) // 2] = bytes(len(data) // 2 - 30)
    source.write_bytes(data)
    with pytest.raises(InstanceError, match="not readable"):
        settle_parquet(source, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("more", [-1, 1])
def test_a_file_that_changes_between_the_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    source = write(tmp_path / "in.parquet", [10] * 300, [20] * 300)
    before = parquet_reader.Reader.totals
    monkeypatch.setattr(
        parquet_reader.Reader,
        "totals",
        lambda reader: dataclasses.replace(before(reader), accounts=300 + more),
    )
    with pytest.raises(InstanceError, match="changed while it was read"):
        settle_parquet(source, tmp_path / "out.parquet", rounding="cumulative")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", [1], [1])
    for target, word in (
        (source, "one of the files to read"),
        (tmp_path / "in" / ".." / "in.parquet", "no place|one of"),
        (tmp_path, "no place"),
        (tmp_path / "missing" / "out.parquet", "no place"),
    ):
        with pytest.raises(InstanceError, match=word):
            settle_parquet(source, target)
    assert pl.read_parquet(source).columns == ["account", "claim", "entitlement"]


def test_files_whose_columns_differ(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [1], [1])
    write(tmp_path / "b.parquet", [1.0], [1.0])
    with pytest.raises(InstanceError, match=r"b\.parquet.*other types"):
        settle_parquet(tmp_path, tmp_path / "out")
    pl.DataFrame({"entitlement": [1], "account": [1]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InstanceError, match=r"b\.parquet.*'claim' is missing"):
        settle_parquet(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("library", ["duckdb", "pyarrow.parquet"])
def test_a_missing_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InstanceError, match=r"pip install 'mechopt\[big\]'"):
        settle_parquet(tmp_path / "in.parquet", tmp_path / "out.parquet")


CHILD = """
import sys
from mechopt.mechanisms.overage import settle_parquet
settle_parquet(*sys.argv[1:3], rounding=sys.argv[3])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from /proc")
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, rounding: str) -> None:
    """2 * 10**7 accounts in a single row group: 480 MB of columns and payoffs, settled within 1.5 GiB."""
    rng, n = np.random.default_rng(0), 2 * 10**7
    frame = pl.DataFrame({"entitlement": rng.integers(0, 10**6, n), "claim": rng.integers(0, 2 * 10**6, n)})
    frame.write_parquet(tmp_path / "in.parquet", row_group_size=n)
    command = [sys.executable, "-c", CHILD, str(tmp_path / "in.parquet"), str(tmp_path / "out.parquet"), rounding]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert peak < 1.5 * 2**20  # KiB
    if rounding != "none":
        assert (
            pl.scan_parquet(tmp_path / "out.parquet").select("payoff").sum().collect().item()
            == frame["entitlement"].sum()
        )
