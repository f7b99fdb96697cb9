"""Settlement of many accounts against the memory floor, the obvious numpy lines, pandas and DuckDB.

CPU time (user + system of this process), one shuffled order per round, the least of them. Only ratios of one run mean
anything. The floor reads both columns twice and writes the payoffs once.

    python benchmarks/overage.py                    10^7 accounts in memory
    python benchmarks/overage.py --stream 100000000 and 10^8 from Parquet, with the peak memory of a process of its own
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np

from benchmarks.timing import Candidate, least
from mechopt.mechanisms.overage import settle, settle_parquet


def settle_only(*columns: Any, **options: Any) -> Any:
    """The payoffs alone."""
    return settle(*columns, **options)[0]


def naive(entitlement: Any, claim: Any) -> Any:
    """What one would write first."""
    overage, slack = np.maximum(claim - entitlement, 0), np.maximum(entitlement - claim, 0)
    over, under = overage.sum(), slack.sum()
    covered = overage if over <= under else overage * (under / over)
    return np.where(claim <= entitlement, claim, entitlement + covered)


def pandas_lines(entitlement: Any, claim: Any) -> Candidate:
    import pandas as pd

    frame = pd.DataFrame({"entitlement": entitlement, "claim": claim})

    def run() -> Any:
        overage = (frame.claim - frame.entitlement).clip(lower=0)
        slack = (frame.entitlement - frame.claim).clip(lower=0)
        share = min(1.0, slack.sum() / overage.sum())
        return frame.claim.where(frame.claim <= frame.entitlement, frame.entitlement + overage * share).to_numpy()

    return run


def duckdb_lines(entitlement: Any, claim: Any) -> Candidate:
    import duckdb
    import pandas as pd

    connection = duckdb.connect(config={"threads": 1})
    connection.register("frame", pd.DataFrame({"entitlement": entitlement, "claim": claim}))
    connection.execute("CREATE TABLE accounts AS SELECT * FROM frame")

    def run() -> Any:
        return connection.execute(
            "SELECT least(claim, entitlement + (claim - entitlement) * least(1, t.under / t.over)) AS payoff "
            "FROM accounts, (SELECT sum(greatest(claim - entitlement, 0)) AS over, "
            "sum(greatest(entitlement - claim, 0)) AS under FROM accounts) t"
        ).fetchnumpy()["payoff"]

    return run


def candidates(n: int) -> tuple[dict[str, Candidate], Any, Any]:
    rng = np.random.default_rng(2019)
    whole = [rng.integers(0, 10**6, n), rng.integers(0, 2 * 10**6, n)]
    floats = [column + 0.25 for column in whole]
    out, units = np.empty(n), np.empty(n, dtype=np.int64)

    def floor() -> None:
        floats[0].sum()
        floats[1].sum()
        np.add(floats[0], floats[1], out=out)

    found: dict[str, Candidate] = {
        "memory floor": floor,
        "obvious numpy lines": lambda: naive(*floats),
    }
    for library, lines in (("pandas", pandas_lines), ("duckdb", duckdb_lines)):
        if importlib.util.find_spec(library) and importlib.util.find_spec("pandas"):
            found[library] = lines(*floats)
        else:
            print(f"skipped: {library} is not installed")
    engines = ["numpy"] + (["compiled"] if importlib.util.find_spec("numba") else [])
    if len(engines) == 1:
        print("skipped: compiled, numba is not installed")
    for engine in engines:
        found[f"float, {engine}"] = partial(settle_only, *floats, engine=engine, out=out)
        for method in ("cumulative", "largest_remainder"):
            found[f"{method}, {engine}"] = partial(settle_only, *whole, rounding=method, engine=engine, out=units)
    return found, floats, whole


def agree(found: dict[str, Candidate], floats: Any, whole: Any) -> None:
    """Every candidate gives the same payoffs before anything is timed."""
    reference = naive(*floats)
    for name in ("pandas", "duckdb", "float, numpy", "float, compiled"):
        if name in found:
            np.testing.assert_allclose(found[name](), reference, rtol=1e-9)
    for method in ("cumulative", "largest_remainder"):
        results = [found[name]().copy() for name in found if name.startswith(method)]
        if any(not np.array_equal(results[0], other) for other in results):
            raise SystemExit(f"{method}: the engines disagree")
        if int(results[0].sum()) != int(whole[0].sum()):
            raise SystemExit(f"{method}: a unit was lost")


def bars(cost: dict[str, float]) -> list[tuple[str, float, str, float]]:
    """Name, ratio reached, direction, bar."""
    rows = []
    for engine, bar in (("numpy", 2.5), ("compiled", 1.3)):
        base = f"float, {engine}"
        if base not in cost:
            continue
        rows.append((f"{base} / memory floor", cost[base] / cost["memory floor"], "<=", bar))
        rows.append((f"cumulative / {base}", cost[f"cumulative, {engine}"] / cost[base], "<=", 5.0))
        rows.append((f"largest remainder / {base}", cost[f"largest_remainder, {engine}"] / cost[base], "<=", 10.0))
    for rival, bar in (("obvious numpy lines", 3.0), ("pandas", 4.0), ("duckdb", 4.0)):
        if rival in cost:
            rows.append((f"{rival} / float, numpy", cost[rival] / cost["float, numpy"], ">=", bar))
    return rows


def show(cost: dict[str, float], rows: list[tuple[str, float, str, float]], n: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{n:,} accounts, CPU time over the memory floor")
    table.add_column("candidate")
    table.add_column("ratio", justify="right")
    for name, seconds in sorted(cost.items(), key=lambda item: item[1]):
        table.add_row(name, f"{seconds / cost['memory floor']:.2f}")
    console = Console()
    console.print(table)
    table = Table(title="bars")
    for column in ("ratio", "reached", "bar", ""):
        table.add_column(column)
    for name, reached, direction, bar in rows:
        met = reached <= bar if direction == "<=" else reached >= bar
        table.add_row(name, f"{reached:.2f}", f"{direction} {bar}", "met" if met else "MISSED")
    console.print(table)


def stream(n: int) -> None:
    """Settle n accounts from Parquet in a process of its own and print its peak memory."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with tempfile.TemporaryDirectory() as folder:
        source, rng, step = Path(folder) / "in.parquet", np.random.default_rng(1), 1 << 21
        writer = None
        for start in range(0, n, step):
            size = min(step, n - start)
            batch = pa.record_batch(
                {"entitlement": rng.integers(0, 10**6, size), "claim": rng.integers(0, 2 * 10**6, size)}
            )
            writer = writer or parquet.ParquetWriter(source, batch.schema)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()
        for rounding in ("none", "cumulative", "largest_remainder"):
            command = [sys.executable, __file__, "--child", str(source), rounding]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


def peak_memory() -> int:
    """Bytes of this process at its largest.

    Linux hands the peak of the starting process down to `ru_maxrss`; /proc starts afresh.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def child(source: str, rounding: str) -> None:
    started = time.perf_counter()
    totals = settle_parquet(source, source + ".out", rounding=rounding)
    peak = peak_memory() / 2**30
    print(
        f"streamed {totals.accounts:,} accounts, {rounding}: {time.perf_counter() - started:.0f} s, "
        f"peak {peak:.2f} GiB (bar: 6 GiB, {'met' if peak <= 6 else 'MISSED'})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10**7, help="accounts in memory")
    parser.add_argument("--rounds", type=int, default=5, help="of all candidates, in shuffled order")
    parser.add_argument("--stream", type=int, default=0, help="accounts to stream from Parquet")
    parser.add_argument("--json", type=Path, help="write the ratios here")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(*options.child)
    found, floats, whole = candidates(options.n)
    agree(found, floats, whole)
    cost = least(found, options.rounds)
    rows = bars(cost)
    show(cost, rows, options.n)
    if options.json:
        found_bars = {name: {"reached": reached, "bar": f"{sign} {bar}"} for name, reached, sign, bar in rows}
        over_floor = {name: seconds / cost["memory floor"] for name, seconds in cost.items()}
        report = {"accounts": options.n, "over_floor": over_floor, "bars": found_bars}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.stream:
        stream(options.stream)
    return None


if __name__ == "__main__":
    main()
