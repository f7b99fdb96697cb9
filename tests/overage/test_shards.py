"""Files settled one by one are the one table they make, wherever each of them is settled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from mechopt import tasks, workers
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import parquet_reader, settle, settle_shards

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")


def write(folder: Path, entitlement: Any, claim: Any, cuts: list[int]) -> Path:
    folder.mkdir(exist_ok=True)
    edges = [0, *sorted(cuts), len(claim)]
    for number, (start, end) in enumerate(pairwise(edges)):
        frame = pl.DataFrame({"account": range(start, end), "entitlement": entitlement[start:end],
                              "claim": claim[start:end]}, schema=dict.fromkeys(("account", "entitlement", "claim"),
                                                                              pl.Int64))  # fmt: skip
        frame.write_parquet(folder / f"part-{number:03}.parquet")
    return folder


def read(folder: Path) -> Any:
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))])


@pytest.mark.parametrize("rounding", ["none", "cumulative"])
@pytest.mark.parametrize("top", [2, 1000, 2**40, 2**54])
@pytest.mark.parametrize("factor", [1, 5])
def test_the_numbers_of_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounding: str, top: int, factor: int
) -> None:
    monkeypatch.setattr(parquet_reader, "BATCH", 97)
    rng = np.random.default_rng(top + factor)
    entitlement, claim = rng.integers(0, 2 * top, 900), rng.integers(0, factor * top, 900)
    source, target = write(tmp_path / "in", entitlement, claim, [1, 250, 251, 700]), tmp_path / "out"
    target.mkdir()
    seen: list[tuple[int, int]] = []
    totals = settle_shards(source, target, rounding=rounding, progress=lambda *at: seen.append(at))
    expected, same = settle(entitlement, claim, rounding=rounding)
    frame = read(target)
    assert totals == same
    assert frame["payoff"].to_list() == expected.tolist()
    assert frame["account"].to_list() == list(range(900))
    assert sorted(path.name for path in target.iterdir()) == sorted(path.name for path in source.iterdir())
    assert seen[0] == (0, 10)
    assert seen[-1] == (10, 10)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), top=st.sampled_from([1, 3, 2**52 + 1, 2**62, 2**63 - 1]))
def test_cuts_anywhere_change_no_unit(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, top: int) -> None:
    folder = tmp_path_factory.mktemp("shards")
    n = data.draw(st.integers(1, 12))
    entitlement = np.array(data.draw(st.lists(st.integers(0, top), min_size=n, max_size=n)), dtype=np.int64)
    claim = np.array(data.draw(st.lists(st.integers(0, top), min_size=n, max_size=n)), dtype=np.int64)
    cuts = data.draw(st.lists(st.integers(1, n - 1), unique=True, max_size=4)) if n > 1 else []
    (folder / "out").mkdir()
    settle_shards(write(folder / "in", entitlement, claim, cuts), folder / "out", rounding="cumulative")
    expected, _ = settle(entitlement, claim, rounding="cumulative")
    assert read(folder / "out")["payoff"].to_list() == expected.tolist()


def test_the_tasks_go_to_the_workers_that_are_there(tmp_path: Path) -> None:
    sent: list[str] = []

    class Watched(ThreadPoolExecutor):
        def submit(self, *args: Any, **keywords: Any) -> Any:
            sent.append(args[1].__name__)
            return super().submit(*args, **keywords)

    source = write(tmp_path / "in", [3, 0, 2], [0, 5, 4], [1, 2])
    (tmp_path / "out").mkdir()
    with Watched(2) as executor:
        token = workers._CLUSTER.set(workers.Cluster(executor=executor, workers=2))
        try:
            settle_shards(source, tmp_path / "out", rounding="cumulative")
        finally:
            workers._CLUSTER.reset(token)
    assert sent == ["_totals"] * 3 + ["_settle"] * 3
    assert read(tmp_path / "out")["payoff"].sum() == 5


def test_what_cannot_be_settled_file_by_file_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "in", [3, 0], [0, -5], [1])
    (tmp_path / "out").mkdir()
    with pytest.raises(InstanceError, match="none or cumulative"):
        settle_shards(source, tmp_path / "out", rounding="largest_remainder")
    with pytest.raises(InstanceError, match=r"part-001\.parquet.*claim.*row 1.*-5"):
        settle_shards(source, tmp_path / "out")
    with pytest.raises(InstanceError, match="one of the files to read"):
        settle_shards(source, source)
    with pytest.raises(InstanceError, match="existing folder"):
        settle_shards(source, tmp_path / "nowhere")
    assert list((tmp_path / "out").iterdir()) == []
    pl.DataFrame({"account": [1], "entitlement": [0.5], "claim": [1.0]}).write_parquet(source / "part-001.parquet")
    with pytest.raises(InstanceError, match="settle_parquet takes doubles"):
        settle_shards(source, tmp_path / "out")


def test_empty_files_are_passed_over_and_nothing_else_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "in", [3, 0], [0, 5], [1, 1])
    (tmp_path / "out").mkdir()
    settle_shards(source, tmp_path / "out", rounding="cumulative")
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["part-000.parquet", "part-002.parquet"]
    assert read(tmp_path / "out")["payoff"].to_list() == [0, 3]
    with pytest.raises(InstanceError, match="no row"):
        settle_shards(source / "part-001.parquet", tmp_path / "out")


def test_ctrl_c_between_the_passes_says_so(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    source = write(tmp_path / "in", [3, 0], [0, 5], [1])
    (tmp_path / "out").mkdir()
    with pytest.raises(tasks.Interrupted):
        settle_shards(source, tmp_path / "out", progress=stop)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["part-000.parquet"]
