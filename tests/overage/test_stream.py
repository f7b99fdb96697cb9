"""Streaming gives what the in-memory path gives, and never leaves half a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import parquet_reader, settle, settle_parquet

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_reader, "BATCH", 97)


def write(path: Path, entitlement: object, claim: object) -> Path:
    pl.DataFrame({"entitlement": entitlement, "claim": claim}).with_row_index("account").write_parquet(
        path, row_group_size=211
    )
    return path


@pytest.mark.parametrize("rounding", ["none", "cumulative", "largest_remainder"])
@pytest.mark.parametrize("top", [2, 1000, 2**40])
@pytest.mark.parametrize("factor", [1, 2, 5])
def test_the_same_integers_as_in_memory(tmp_path: Path, rounding: str, top: int, factor: int) -> None:
    """Ties everywhere (top = 2), and X below and above I."""
    rng = np.random.default_rng(top + factor)
    entitlement, claim = rng.integers(0, 2 * top, 1500), rng.integers(0, factor * top, 1500)
    source = write(tmp_path / "in.parquet", entitlement, claim)
    target = tmp_path / "out.parquet"
    seen: list[tuple[int, int]] = []
    totals = settle_parquet(
        source, target, account="account", rounding=rounding, progress=lambda done, rows: seen.append((done, rows))
    )
    expected, same = settle(entitlement, claim, rounding=rounding)
    frame = pl.read_parquet(target)
    assert totals == same
    assert frame["payoff"].to_list() == expected.tolist()
    assert frame["account"].to_list() == list(range(1500))
    assert seen[-1] == (1500, 1500)
    assert not list(tmp_path.glob("*.part"))


def test_floats_and_several_files_in_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    entitlement, claim = rng.random(900), rng.random(900) * 1.5
    for part in range(3):
        rows = slice(300 * part, 300 * part + 300)
        write(tmp_path / f"p{part}.parquet", entitlement[rows], claim[rows])
    settle_parquet(str(tmp_path / "p*.parquet"), tmp_path / "out.parquet")
    payoff, _ = settle(entitlement, claim)
    assert np.allclose(pl.read_parquet(tmp_path / "out.parquet")["payoff"].to_numpy(), payoff, rtol=1e-14)


def test_a_tie_of_decimals_is_found_in_a_stream(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", [0.0] * 9 + [1.0], [0.1] * 8 + [0.2, 0.0])
    assert settle_parquet(source, tmp_path / "out.parquet").sign == 0


@pytest.mark.parametrize(
    ("entitlement", "claim", "options", "word"),
    [
        ([1, 2], [1, -2], {}, r"row 2"),
        ([1.0, 2.0], [float("nan"), 2.0], {}, r"row 1"),
        ([1, None], [1, 2], {}, r"row 2"),
        ([1, 2], [1, 2], {"claim": "clam"}, "clam"),
        ([1, 2], [1.0, 2.0], {}, "both"),
        ([1.0, 2.0], [1.0, 2.0], {"rounding": "cumulative"}, "integer columns"),
        ([1, 2], [1, 2], {"rounding": "webster"}, "streamed"),
    ],
)
def test_bad_columns_are_named_and_nothing_is_written(
    tmp_path: Path, entitlement: list[object], claim: list[object], options: dict[str, str], word: str
) -> None:
    source = write(tmp_path / "in.parquet", entitlement, claim)
    with pytest.raises(InstanceError, match=word):
        settle_parquet(source, tmp_path / "out.parquet", **options)  # type: ignore[arg-type]  # names by test case
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_an_interrupt_leaves_no_file(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", [10] * 500, [20] * 250 + [1] * 250)

    def stop(done: int, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settle_parquet(source, tmp_path / "out.parquet", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_missing_or_corrupt_file(tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="no such file"):
        settle_parquet(tmp_path / "none.parquet", tmp_path / "out.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InstanceError, match="Parquet"):
        settle_parquet(tmp_path / "bad.parquet", tmp_path / "out.parquet")
