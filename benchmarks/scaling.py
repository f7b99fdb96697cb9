"""Cost against size, as measured: writes docs/scaling.json and the tables of docs/scaling.md.

Every size is measured in a process of its own: CPU time (user + system, the less of two runs where one is short) from
the moment the input is there, and the peak memory of the whole process. What an engine costs a task is measured on a
local Dask cluster: CPU time of client, scheduler and workers less that of the tasks. Nothing here is asserted; a test
holds the page against the numbers.

    python benchmarks/scaling.py            measure everything (10 to 30 minutes) and write both files
    python benchmarks/scaling.py --again engine overage_stream      measure only these again
    python benchmarks/scaling.py --page     write the page again from the numbers that are there
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

DOCS = Path(__file__).resolve().parent.parent / "docs"
KINDS, RESOURCES, DATES = 10, 2, 4  # of the linked VCG instances
BATCH = 1_000_000  # accounts or cells written at a time
IDLE = 10  # seconds of an idle cluster
SHORT = 5.0  # CPU seconds of a run that is made twice
Work = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One thing that grows.

    Attributes:
        mechanism: its heading in the table.
        what: in words.
        unit: of a size.
        sizes: to measure.
        forecast: of the next factor of ten, in words, where growth so far says nothing.
        flat: memory is that of a batch, whatever the size.
        prepare: writes what is read from files; in a process of its own, so that its memory is not counted.
        work: what is measured, for a size and the folder of the files.
    """

    mechanism: str
    what: str
    unit: str
    sizes: tuple[int, ...]
    work: Callable[[int, Path], Work]
    prepare: Callable[[int, Path], object] | None = None
    forecast: str = ""
    flat: bool = False


def columns(n: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 10_000, n), rng.integers(0, 15_000, n)


def settle_in_memory(n: int, _folder: Path) -> Work:
    from mechopt.mechanisms.overage import settle

    entitlement, claim = columns(n)
    return lambda: settle(entitlement, claim, rounding="largest_remainder")


def write_accounts(n: int, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    writer = None
    for start in range(0, n, BATCH):
        entitlement, claim = columns(min(BATCH, n - start), seed=start)
        table = pa.table({"account": np.arange(start, start + len(claim)), "shard": np.full(len(claim), start // BATCH),
                          "entitlement": entitlement, "claim": claim})  # fmt: skip
        writer = writer or parquet.ParquetWriter(folder / "accounts.parquet", table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def settle_stream(n: int, folder: Path) -> Work:
    from mechopt.mechanisms.overage import settle_parquet

    return lambda: settle_parquet(folder / "accounts.parquet", folder / "settled.parquet", rounding="cumulative")


def settle_engine(n: int, folder: Path) -> Work:
    from mechopt.mechanisms.overage import settle_table

    def work() -> None:
        settled, _ = settle_table(folder / "accounts.parquet", shard="shard", rounding="cumulative")
        settled.to_parquet(folder / "settled.parquet")

    return work


def write_shards(n: int, folder: Path) -> None:
    import polars as pl

    (folder / "in").mkdir()
    (folder / "out").mkdir()
    for number, start in enumerate(range(0, n, BATCH)):
        entitlement, claim = columns(min(BATCH, n - start), seed=start)
        frame = pl.DataFrame(
            {"account": np.arange(start, start + len(claim)), "entitlement": entitlement, "claim": claim}
        )
        frame.write_parquet(folder / "in" / f"part-{number:05}.parquet")


def settle_in_shards(n: int, folder: Path) -> Work:
    from mechopt.mechanisms.overage import settle_shards

    return lambda: settle_shards(folder / "in", folder / "out", rounding="cumulative")


def terms(agents: int) -> dict[str, Any]:
    """Stock for two fifths of what the reports, uniform on [0, 1], would use."""
    types = np.random.default_rng(0).uniform(0.2, 1.0, (KINDS, RESOURCES))
    types[:RESOURCES] = np.eye(RESOURCES) * 2.5
    return {"types": types, "stock": 0.2 * agents * types.sum(axis=0), "upper": np.full((agents, KINDS), 0.65)}


def linked_in_memory(agents: int, _folder: Path) -> Work:
    from mechopt.mechanisms.linked_vcg import Environment, run

    reports = np.random.default_rng(1).uniform(0, 1, (agents, DATES, KINDS))
    environment = Environment(endowments=reports, lower=np.zeros((agents, KINDS)), **terms(agents))
    return lambda: run(environment)


def write_reports(agents: int, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    block = BATCH // KINDS
    for date in range(1, DATES + 1):
        place = folder / "reports" / f"date={date}"
        place.mkdir(parents=True)
        writer = None
        for start in range(0, agents, block):
            agent, kind = np.divmod(np.arange(start * KINDS, min(agents, start + block) * KINDS), KINDS)
            quantity = np.random.default_rng([date, start]).uniform(0, 1, len(agent))
            table = pa.table({"agent": agent + 1, "type": kind + 1, "quantity": quantity})
            writer = writer or parquet.ParquetWriter(place / "reports.parquet", table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()


def linked_stream(agents: int, folder: Path) -> Work:
    from mechopt.mechanisms.linked_vcg import run_parquet

    given = terms(agents)
    return lambda: run_parquet(folder / "reports", **given)


def changed(model: str, **tables: Any) -> Any:
    """A shipped model with other tables."""
    import mechopt

    loaded = mechopt.load(model)
    return replace(loaded, document=replace(loaded.document, data={**loaded.document.data, **tables}))


def rounds_of_borrowing(rounds: int, _folder: Path) -> Work:
    import mechopt

    model = changed("borrowing/paper_example", simulate={"rounds": 100, "replications": rounds // 100})
    return lambda: mechopt.simulate(model, seed=1)


def order_of_jobs(jobs: int, _folder: Path) -> Work:
    import mechopt

    rng = np.random.default_rng(jobs)
    values = {f"v{k}": {"kind": "points", "points": [[0, int(rng.integers(20, 90))], [20 * jobs, 0]]} for k in range(4)}
    listed = [{"name": f"j{k}", "value": f"v{k % 4}", "duration": int(rng.integers(1, 6)),
               "release": int(rng.integers(0, jobs))} for k in range(jobs)]  # fmt: skip
    document = {"mechanism": "borrowing", "design": "pivot", "values": values, "sequence": {"jobs": listed}}
    model = mechopt.load(document)
    return lambda: mechopt.solve(model)


def forward_agents(agents: int, _folder: Path) -> Work:
    import mechopt

    rng = np.random.default_rng(agents)
    demand = rng.integers(1, max(2, 400 // agents) + 1, agents)
    listed = [{"name": f"a{k}", "demand": f"{min(int(demand[k]), 100)}/100", "endowment": f"1/{agents}",
               "distribution": {"family": "uniform"}} for k in range(agents)]  # fmt: skip
    model = mechopt.load({"mechanism": "forward_market", "support": [0, 1], "agents": listed})
    return lambda: mechopt.solve(model)


def replications(count: int, _folder: Path) -> Work:
    import mechopt

    table = {"periods": 200, "replications": count, "strategies": ["truth", "overclaim"]}
    model = changed("limited_liability/development_fund", simulate=table)
    return lambda: mechopt.simulate(model, seed=1)


SERIES = {
    "overage_memory": Series(
        mechanism="overage", what="whole units by largest remainder, in memory (`settle`)", unit="accounts",
        sizes=(100_000, 1_000_000, 10_000_000), work=settle_in_memory,
    ),
    "overage_stream": Series(
        mechanism="overage", what="whole units by prefix floors, Parquet to Parquet (`settle_parquet`)",
        unit="accounts", sizes=(100_000, 1_000_000, 10_000_000), work=settle_stream, prepare=write_accounts, flat=True,
    ),
    "overage_engine": Series(
        mechanism="overage", what="the same on DuckDB, in shards of 10^6 (`settle_table`)", unit="accounts",
        sizes=(100_000, 1_000_000), work=settle_engine, prepare=write_accounts,
    ),
    "overage_shards": Series(
        mechanism="overage", what="the same in files of 10^6, a task each, here one after another (`settle_shards`)",
        unit="accounts", sizes=(1_000_000, 10_000_000), work=settle_in_shards, prepare=write_shards, flat=True,
    ),
    "linked_memory": Series(
        mechanism="linked_vcg", what=f"{DATES} dates, {KINDS} types, in memory (`run`)", unit="agents",
        sizes=(10_000, 100_000, 1_000_000), work=linked_in_memory,
    ),
    "linked_stream": Series(
        mechanism="linked_vcg", what=f"{DATES} dates, {KINDS} types, from Parquet by date (`run_parquet`)",
        unit="agents", sizes=(10_000, 100_000, 1_000_000), work=linked_stream, prepare=write_reports,
    ),
    "borrowing_rounds": Series(
        mechanism="borrowing", what="simulated rounds of the paper's example, 100 a replication", unit="rounds",
        sizes=(100_000, 1_000_000, 10_000_000), work=rounds_of_borrowing,
    ),
    "borrowing_jobs": Series(
        mechanism="borrowing", what="an order with releases, proven optimal, and its transfers", unit="jobs",
        sizes=(5, 10, 20), work=order_of_jobs, forecast="up to twice as much for each job",
    ),
    "forward_agents": Series(
        mechanism="forward_market", what="agents with demands on a lattice of 100, all results of `solve`",
        unit="agents", sizes=(10, 100, 1000), work=forward_agents,
    ),
    "liability_replications": Series(
        mechanism="limited_liability", what="the development fund, 200 periods, the truth and one strategy",
        unit="replications", sizes=(256, 2560, 25_600), work=replications,
    ),
}  # fmt: skip


def child(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout


def measure(name: str, size: int, folder: Path) -> dict[str, float]:
    work = SERIES[name].work(size, folder)
    started = time.process_time()
    work()
    seconds = time.process_time() - started
    return {"cpu_seconds": seconds, "peak_mib": peak()}


def peak() -> float:
    """Peak memory of this process, MiB; ru_maxrss would count the parent's, from before this program was started."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measured_series(names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        series = SERIES[name]
        found[name] = {"mechanism": series.mechanism, "what": series.what, "unit": series.unit,
                       "forecast": series.forecast, "flat": series.flat, "rows": []}  # fmt: skip
        for size in series.sizes:
            with tempfile.TemporaryDirectory() as folder:
                if series.prepare is not None:
                    child("--prepare", name, str(size), folder)
                runs = [json.loads(child("--measure", name, str(size), folder))]
                if runs[0]["cpu_seconds"] < SHORT:
                    runs.append(json.loads(child("--measure", name, str(size), folder)))
            row = {"size": size, **{key: min(run[key] for run in runs) for key in runs[0]}}
            print(name, row, flush=True)
            found[name]["rows"].append(row)
    return found


def nap(seconds: float) -> float:
    """A task that waits, so that other work on the machine does not stretch it: its CPU time."""
    cpu = time.thread_time()
    time.sleep(seconds)
    return time.thread_time() - cpu


def measured_engine() -> dict[str, float]:
    """What Dask costs, idle, a message, and beside tasks of 1, 10 and 100 ms in chunks as they are by default."""
    from distributed import Client, LocalCluster

    from mechopt import tasks

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        with tasks.cluster(address.replace("tcp", "dask")), tasks.pool(1) as executor, Client(address) as client:

            def cost(work: Work) -> tuple[float, float]:
                """CPU and wall time of client, scheduler (in this process) and workers."""
                before, started = time.process_time() + sum(client.run(time.process_time).values()), time.perf_counter()
                work()
                wall = time.perf_counter() - started
                return time.process_time() + sum(client.run(time.process_time).values()) - before, wall

            tasks.run(nap, [0.0] * 200, executor=executor)  # what is imported once is no cost of a task
            cpu, wall = cost(lambda: time.sleep(IDLE))
            found = {"idle": cpu / wall}
            cpu, wall = cost(lambda: tasks.run(nap, [0.0] * 1000, executor=executor, chunk=1))
            found["seconds_a_message"] = (cpu - found["idle"] * wall) / 1000
            for milliseconds, count in ((1, 20_000), (10, 2000), (100, 200)):
                took: list[float] = []
                items = [milliseconds / 1000] * count
                cpu, wall = cost(lambda items=items, took=took: took.extend(tasks.run(nap, items, executor=executor)))  # type: ignore[misc]
                found[f"share_{milliseconds}_ms"] = (cpu - found["idle"] * wall - sum(took)) / sum(items)
    print(found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--again", nargs="+", metavar="NAME", choices=["engine", *SERIES], help="measure only these")
    parser.add_argument("--prepare", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        name, size, folder = options.prepare
        prepare = SERIES[name].prepare
        if prepare is not None:
            prepare(int(size), Path(folder))
        return
    if options.measure:
        name, size, folder = options.measure
        print(json.dumps(measure(name, int(size), Path(folder))))
        return
    from benchmarks.scaling_page import write

    file = DOCS / "scaling.json"
    if options.again:
        found = json.loads(file.read_text(encoding="utf-8"))
        if "engine" in options.again:
            found["engine"] = measured_engine()
        found["series"] |= measured_series([name for name in options.again if name != "engine"])
    elif not options.page:
        import mechopt

        load = os.getloadavg()[0]
        found = {"mechopt": mechopt.__version__, "cores": os.cpu_count(), "load": load, "engine": measured_engine(),
                 "series": measured_series(list(SERIES))}  # fmt: skip
    if not options.page:
        file.write_text(json.dumps(rounded(found), indent=1) + "\n", encoding="utf-8")
    write(DOCS / "scaling.md", json.loads(file.read_text(encoding="utf-8")))


def rounded(value: Any) -> Any:
    """Three digits: more is noise."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, float) and value and math.isfinite(value):
        return float(f"{value:.3g}")
    return value


if __name__ == "__main__":
    main()
