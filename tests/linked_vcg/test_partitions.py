"""Reports in one folder a date give what they give in memory, and what is wrong in them is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg import Environment, partitions, run, run_parquet
from mechopt.mechanisms.linked_vcg.environment import Names

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

Draw = Callable[..., Environment]


def write(folder: Path, environment: Environment) -> Path:
    """One folder a date; rows shuffled over files, zeros left out."""
    rng = np.random.default_rng(0)
    for date, name in enumerate(environment.date_names):
        agent, kind = np.nonzero(environment.endowments[:, date])
        order = rng.permutation(len(agent))
        agent, kind = agent[order], kind[order]
        table = pa.table({
            "quantity": environment.endowments[agent, date, kind],
            "type": pa.array(np.array(environment.type_names)[kind]).dictionary_encode(),
            "agent": np.array(environment.agent_names)[agent],
            "remark": ["not read"] * len(agent),
        })  # fmt: skip
        place = folder / f"date={name}"
        place.mkdir(parents=True)
        for part in range(2):
            mine = pa.array(np.arange(len(agent)) % 2 == part)
            parquet.write_table(table.filter(mine), place / f"{part}.parquet")
    return folder


def streamed(folder: Path, environment: Environment, **options: Any) -> Any:
    return run_parquet(
        folder, stock=environment.stock, types=environment.types, lower=environment.lower, upper=environment.upper,
        discount=environment.discount, names=environment.names, **options,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_the_same_outcome_as_in_memory(draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Agents who are not small and reports that are retracted among them."""
    monkeypatch.setattr(partitions, "BATCH", 7)
    environment = draw(seed, dates=2, discount=0.9)
    if seed % 2:
        environment = replace(environment, names=Names(agents=("a", "b", "c", "principal")))
    seen: list[tuple[int, int]] = []
    found = streamed(write(tmp_path / "reports", environment), environment, progress=lambda *at: seen.append(at))
    expected = run(environment)
    assert found.status == expected.status == "settled"
    assert found.guarantee.kind == expected.guarantee.kind
    assert found.summary.keys() == expected.summary.keys()
    for name, value in expected.summary.items():
        assert found.summary[name] == pytest.approx(value, rel=1e-9)
    assert found.tables["dates"]["date"] == expected.tables["dates"]["date"]
    for table in ("dates", "agents"):
        assert found.tables[table].keys() == expected.tables[table].keys()
        for name in set(expected.tables[table]) & {"value", "contribution", "unlinked_transfer", "linked_transfer"}:
            one, other = (np.asarray(side.tables[table][name], dtype=float) for side in (found, expected))
            assert one == pytest.approx(other, rel=1e-9, abs=1e-9)
    assert found.tables["agents"]["method"] == expected.tables["agents"]["method"]
    assert [line for line in found.warnings if "retracted" in line] == [
        line for line in expected.warnings if "retracted" in line
    ]
    assert seen[-1] == (len(environment.date_names),) * 2


def test_dates_come_in_the_order_of_their_numbers_or_else_of_their_names(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / "numbers" / f"date={number}").mkdir(parents=True)
        (tmp_path / "days" / f"date=2026-01-{number + 1:02}%20%C3%A9").mkdir(parents=True)
    read = [partitions.Partitions(tmp_path / name, ["1"], ["1"]).dates for name in ("numbers", "days")]
    assert read == [[str(number) for number in range(12)], [f"2026-01-{day:02} é" for day in range(1, 13)]]


def rows(**columns: Any) -> Any:
    return pa.table({"agent": ["1", "2"], "type": ["1", "1"], "quantity": [0.5, 0.25], **columns})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (rows(agent=["1", "3"]), r"agent \(row 2\): '?3'? is not one of the 2 agents"),
        (rows(agent=[1, 3]), r"agent \(row 2\): 3 is not one of the 2 agents"),
        (rows(agent=["1", None]), r"agent \(row 2\): is empty"),
        (rows(agent=[1.0, 2.0]), "agent: must be names, not double"),
        (rows(type=["1", "x"]), r"type \(row 2\)"),
        (rows(agent=["1", "1"]), r"agent \(row 2\): this agent and type occur twice"),
        (rows(quantity=[0.5, -1.0]), r"quantity \(row 2\): must be finite and at least 0, not -1"),
        (rows(quantity=[0.5, float("inf")]), r"quantity \(row 2\)"),
        (rows(quantity=[0.5, None]), r"quantity \(row 2\).*empty"),
        (rows().drop_columns(["type"]), "column 'type' is missing"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, table: Any, message: str) -> None:
    (tmp_path / "date=1").mkdir()
    parquet.write_table(table, tmp_path / "date=1" / "part.parquet")
    with pytest.raises(InstanceError, match=rf"part\.parquet.*{message}"):
        run_parquet(tmp_path, stock=[1.0], types=[[1.0]], upper=[[1.0], [1.0]])


def test_a_cell_twice_in_two_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "date=1").mkdir()
    for name in ("a", "b"):
        parquet.write_table(rows(), tmp_path / "date=1" / f"{name}.parquet")
    with pytest.raises(InstanceError, match=r"b\.parquet.*row 1.*twice"):
        run_parquet(tmp_path, stock=[1.0], types=[[1.0]], upper=[[1.0], [1.0]])


def test_missing_files_and_extras_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terms: Any = {"stock": [1.0], "types": [[1.0]], "upper": [[1.0], [1.0]]}
    with pytest.raises(InstanceError, match="no folder date=NAME"):
        run_parquet(tmp_path, **terms)
    (tmp_path / "date=1").mkdir()
    with pytest.raises(InstanceError, match="no Parquet file"):
        run_parquet(tmp_path, **terms)
    (tmp_path / "date=1" / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InstanceError, match=r"bad\.parquet.*not readable"):
        run_parquet(tmp_path, **terms)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InstanceError, match=r"mechopt\[big\]"):
        run_parquet(tmp_path, **terms)


MEASURE = """
import resource, sys
import numpy as np
from mechopt.mechanisms.linked_vcg import run_parquet
from mechopt.mechanisms.linked_vcg.inner import Limits
agents, kinds = 100_000, 4
types = np.eye(kinds, 2) * 2.0
types[2:] = np.random.default_rng(0).uniform(0.2, 1.0, (kinds - 2, 2))
upper = np.full((agents, kinds), 0.65)
run_parquet(sys.argv[1], stock=np.full(2, 0.2 * agents * kinds), types=types, upper=upper,
            limits=Limits(pieces=1, seconds=0.01))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
def test_memory_does_not_grow_with_the_dates(tmp_path: Path) -> None:
    """Each date is 3 MiB of reports and 10 MiB of rows; twenty dates more take less than five of them."""
    rng = np.random.default_rng(1)
    agents, kinds, peaks = 100_000, 4, []
    for dates in (5, 25):
        folder = tmp_path / str(dates)
        for date in range(dates):
            (folder / f"date={date}").mkdir(parents=True)
            agent, kind = np.divmod(np.arange(agents * kinds), kinds)
            table = {"agent": agent + 1, "type": kind + 1, "quantity": rng.uniform(0, 1, agents * kinds)}
            parquet.write_table(pa.table(table), folder / f"date={date}" / "reports.parquet")
        done = subprocess.run([sys.executable, "-c", MEASURE, str(folder)], capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 5 * 13
