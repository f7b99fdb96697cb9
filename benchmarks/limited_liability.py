"""The online mechanism against one pass over its inputs, its plain reference, cold solves and bare SQLite.

CPU time (user + system of this process; for the journal, which waits for the disk, wall time), candidates interleaved
in a shuffled order per round, the minimum of several. Only ratios of one run mean anything.

    python benchmarks/limited_liability.py            everything
    python benchmarks/limited_liability.py --quick    shorter paths, for a look

Every candidate of a size has the same inputs, drawn before: values and outputs of every agent, decision and period.
"memory pass" reads them once. "single, compiled" decides and settles one path, which is also what a path and step of a
compiled Monte Carlo costs; "Monte Carlo, numpy" does so for many paths in lockstep, without the extra. "Monte Carlo as
simulated" draws recorded periods, whose decisions are known, as `simulate` does for strategies that state the truth,
and counts drawing outputs too.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import sqlite3
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np

from mechopt.mechanisms.limited_liability import GroupProblems, Online, Paths, Rules, Single
from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator, commitment
from mechopt.mechanisms.limited_liability.allocator.journal import SCHEMA, Journal
from mechopt.mechanisms.limited_liability.allotment import Allotment
from mechopt.mechanisms.limited_liability.arithmetic import GRID, Floats, Ledger
from mechopt.mechanisms.limited_liability.comparison import BLOCK
from mechopt.mechanisms.limited_liability.paths import pick, under
from mechopt.mechanisms.limited_liability.play import Model, Play
from mechopt.mechanisms.limited_liability.single import SingleLedger, kernels
from mechopt.mechanisms.limited_liability.strategies import shipped
from mechopt.program import LinearProgram

SIZES = ((3, 4), (5, 6), (10, 20))
Candidate = Callable[[], Any]
Bar = tuple[str, float, str, float]


def interleaved(found: dict[str, Candidate], rounds: int, clock: Callable[[], float] = time.process_time) -> Any:
    """Least seconds of each candidate."""
    least = dict.fromkeys(found, float("inf"))
    order = list(found)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            started = clock()
            found[name]()
            least[name] = min(least[name], clock() - started)
    return least


# -- steps -----------------------------------------------------------------------------------------------------------


def reference(rules: Rules, inputs: tuple[Any, ...], numbers: Any) -> Any:
    """The protocol, one Python number after the other."""
    online = Online(rules, numbers)
    agents = range(rules.agents)
    for stated, produced, draw in zip(*inputs, strict=True):
        proposal = online.propose(stated)
        group = online.draw(proposal, draw)
        online.settle(proposal, group, [[produced[j][a] for j in agents] for a in proposal.decisions])
    return online


def lockstep(rules: Rules, values: Any, outputs: Any, draws: Any) -> Paths:
    """Many paths, [period][agent][decision][path]: paths side by side in memory."""
    state = Paths(rules, values.shape[-1])
    for stated, produced, draw in zip(np.moveaxis(values, -1, 1), np.moveaxis(outputs, -1, 1), draws, strict=True):
        proposal = state.propose(stated)
        state.settle(proposal, under(produced, proposal.decisions), pick(proposal.shares, draw))
    return state


def steps(agents: int, count: int, quick: bool) -> tuple[dict[str, Candidate], dict[str, int]]:
    """Candidates of one size and how many steps each makes."""
    rng = np.random.default_rng(2021)
    long = (4_000 if quick else 400_000) // (1 if agents < 10 else 4)
    paths, wide, short = BLOCK, (2 if quick else 8), (40 if quick else 400)
    rules = Rules(variant="baseline", agents=agents)
    shape = (agents, count)
    values, outputs, draws = rng.random((long, *shape)), rng.random((long, *shape)), rng.random(long)
    many: tuple[Any, ...] = (*(rng.random((wide, *shape, paths)) for _ in range(2)), rng.random((wide, paths)))
    lists: tuple[Any, ...] = (values[:short].tolist(), outputs[:short].tolist(), draws[:short].tolist())
    grid = rng.integers(0, GRID, short).tolist()
    whole: tuple[Any, ...] = (*(rng.integers(0, 1000, (short, *shape)).tolist() for _ in range(2)), grid)
    model = Model(values=values[:50], outputs=outputs[:50], bound=1.0, order="independent", success="drawn")
    truth = shipped(1)["truth"]

    def simulated() -> Any:
        play = Play(rules, model, truth, agent=0, periods=wide, paths=paths, seed=np.random.SeedSequence(1))
        return play.run()

    found: dict[str, Candidate] = {
        "memory pass": lambda: (values.sum(), outputs.sum()),
        "Monte Carlo, numpy": lambda: lockstep(rules, *many),
        "Monte Carlo as simulated": simulated,
        "reference, float": lambda: reference(rules, lists, Floats()),
        "reference, integer": lambda: reference(rules, whole, Ledger()),
    }
    made = {"memory pass": long, "Monte Carlo, numpy": wide * paths, "Monte Carlo as simulated": wide * paths,
            "reference, float": short, "reference, integer": short}  # fmt: skip
    if importlib.util.find_spec("numba"):
        module = kernels("compiled", long)
        assert module is not None
        found["single, compiled"] = lambda: Single(rules, module).run(values, outputs, draws)
        made["single, compiled"] = long
        agree(rules, values[:short], outputs[:short], draws[:short], module)
        words = kernels("compiled", long, "compiled_ledger")
        assert words is not None
        ledger, part = SingleLedger(rules, words), long // 4
        stated, produced = (np.rint(array[:part] * 1000).astype(np.int64) for array in (values, outputs))
        points: Any = rng.integers(0, GRID, part)
        found["single integer, compiled"] = lambda: ledger.run(stated, produced, points)
        made["single integer, compiled"] = part
        agree_in_integers(rules, stated[:short], produced[:short], points[:short], ledger)
    return found, made


def agree(rules: Rules, values: Any, outputs: Any, draws: Any, module: Any) -> None:
    """The three ways give the same regrets, to the last bit, before anything is timed."""
    plain = reference(rules, (values.tolist(), outputs.tolist(), draws.tolist()), Floats())
    fast = Single(rules, module)
    fast.run(values, outputs, draws)
    many = lockstep(rules, values[..., None], outputs[..., None], draws[:, None])
    if not (plain.transfer == fast.vectors[0].tolist() == many.transfer[0].tolist()):
        raise SystemExit("the paths disagree")


def agree_in_integers(rules: Rules, stated: Any, produced: Any, points: Any, ledger: SingleLedger) -> None:
    """Both ways give the same integers."""
    plain = reference(rules, (stated.tolist(), produced.tolist(), points.tolist()), Ledger())
    fast = ledger.run(stated, produced, points)
    if fast is None or plain.transfer != fast.vectors["transfer"][0].tolist():
        raise SystemExit("the integer paths disagree")


def step_bars(size: str, cost: dict[str, float]) -> list[Bar]:
    found: list[Bar] = []
    if "single, compiled" in cost:
        fast = cost["single, compiled"]
        found += [
            (f"{size}: single, compiled / memory pass", fast / cost["memory pass"], "<=", 3.0),
            (f"{size}: Monte Carlo, numpy / compiled", cost["Monte Carlo, numpy"] / fast, "<=", 1.5),
            (f"{size}: reference / single, compiled", cost["reference, float"] / fast, ">=", 40.0),
            (f"{size}: single integer, compiled / memory pass", cost["single integer, compiled"] / cost["memory pass"],
             "<=", 3.0),
            (f"{size}: reference / single integer, compiled",
             cost["reference, integer"] / cost["single integer, compiled"], ">=", 40.0),
        ]  # fmt: skip
    return found


# -- long simulations ------------------------------------------------------------------------------------------------


def horizons(quick: bool) -> list[Bar]:
    """1,000 replications of 10^5 periods: a part is measured, the rest extrapolated; memory at two horizons."""
    rng = np.random.default_rng(3)
    values = rng.random((100, 3, 4))
    model = Model(values=values, outputs=values, bound=1.0, order="independent", success="drawn")
    rules, truth = Rules(variant="consistent", agents=3), shipped(1)["truth"]

    def play(periods: int) -> float:
        started = time.process_time()
        Play(rules, model, truth, agent=0, periods=periods, paths=BLOCK, seed=np.random.SeedSequence(1)).run()
        return time.process_time() - started

    part = 100 if quick else 1_000
    seconds = min(play(part) for _ in range(2))
    whole = seconds * (10**5 / part) * (1_000 / BLOCK)
    print(f"1,000 replications of 10^5 periods: {whole / 60:.0f} CPU minutes, extrapolated from {BLOCK:,} of {part:,}")
    peaks = []
    for periods in (part // 10, part):
        tracemalloc.start()
        play(periods)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    print(f"peak memory at {part // 10:,} and {part:,} periods: {peaks[0] / 2**20:.2f} and {peaks[1] / 2**20:.2f} MiB")
    return [("memory at 10 times the horizon / memory", peaks[1] / peaks[0], "<=", 1.5)]


# -- decisions from a linear program ---------------------------------------------------------------------------------


def network(agents: int, each: int) -> Allotment:
    """Agents with several uses each: a budget of its own, and shared capacities."""
    rng = np.random.default_rng(4)
    columns = agents * each
    owner = np.repeat(np.arange(agents), each)
    shared = 12
    rows = np.zeros((agents + shared, columns))
    rows[owner, np.arange(columns)] = 1.0
    rows[agents:] = rng.random((shared, columns)) * (rng.random((shared, columns)) < 0.3)
    high = np.concatenate([np.full(agents, 1.5), rows[agents:].sum(axis=1) * 0.2])
    return Allotment(
        program=LinearProgram.from_dense(
            rows, sense="max", cost=np.zeros(columns), lower=np.zeros(columns), upper=np.ones(columns),
            row_lower=np.full(len(high), -np.inf), row_upper=high,
        ),
        owner=owner,
    )  # fmt: skip


def linear_programs(quick: bool) -> list[Bar]:
    """One period's n + 1 group problems, hot against cold."""
    agents = 20 if quick else 100
    allotment = network(agents, 5)
    values = np.random.default_rng(5).random((4, allotment.program.columns))
    hot, cold = GroupProblems(allotment), GroupProblems(allotment, hot=False)
    stated = [problems.decide(values[0]) for problems in (hot, cold)]
    worth = [found.stated.sum(axis=1) for found in stated]
    np.testing.assert_allclose(worth[0], worth[1], rtol=1e-7)
    period = iter(range(10**6))
    cost = interleaved(
        {"hot": lambda: hot.decide(values[next(period) % 4]), "cold": lambda: cold.decide(values[next(period) % 4])}, 3
    )
    print(f"decisions of {agents} agents: {cost['hot']:.2f} s hot, {cost['cold']:.2f} s cold, "
          f"{stated[0].solved} programs of {allotment.program.columns} columns")  # fmt: skip
    return [(f"{agents} agents by linear programs: cold / hot", cost["cold"] / cost["hot"], ">=", 3.0)]


# -- the journal -----------------------------------------------------------------------------------------------------


def bare(folder: str, rows: list[tuple[Any, ...]], name: str) -> Candidate:
    """The same rows, one transaction each, at the same durability, and nothing else."""
    counter = iter(range(10**6))

    def run() -> None:
        connection = sqlite3.connect(Path(folder) / f"{name}{next(counter)}", isolation_level="IMMEDIATE")
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(SCHEMA.split("CREATE TRIGGER", maxsplit=1)[0])
        for row in rows:
            with connection:
                connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.close()

    return run


def journal(quick: bool) -> list[Bar]:
    """Events a second: the journal alone, a whole allocator, and bare SQLite with the same rows.

    Waiting for the disk is most of it: many short rounds, since others who use the disk make some several times slower.
    """
    periods = 5 if quick else 20
    names = ["a", "b", "c"]
    table = {"agents": names, "decisions": ["x", "y", "z", "none"], "output_bound": 1000}
    rng = np.random.default_rng(6)
    stated = rng.integers(0, 1000, (periods, 3, 4)).tolist()
    sealed = [[commitment(row, "nonce") for row in period] for period in stated]
    with tempfile.TemporaryDirectory() as folder:
        counter = iter(range(10**6))

        def whole() -> Path:
            path = Path(folder) / f"allocator{next(counter)}"
            with Allocator.create(path, table, seed=b"0" * 32) as allocator:
                for values, digests in zip(stated, sealed, strict=True):
                    for name, digest in zip(names, digests, strict=True):
                        allocator.commit(name, digest)
                    for name, row in zip(names, values, strict=True):
                        allocator.report(name, row, "nonce")
                    allocator.decide()
                    allocator.observe({name: [500, 400, 300] for name in allocator.candidates})
                    allocator.settle()
            return path

        with sqlite3.connect(whole()) as connection:
            rows = connection.execute("SELECT seq, period, kind, body, previous, hash FROM event").fetchall()
        bodies = [(row[1], row[2], json.loads(row[3])) for row in rows]

        def chained() -> None:
            written = Journal.create(Path(folder) / f"journal{next(counter)}")
            for period, kind, body in bodies:
                written.append(period, kind, body)
            written.close()

        cost = interleaved({"bare": bare(folder, rows, "bare"), "journal": chained, "allocator": whole}, 15,
                           clock=time.perf_counter)  # fmt: skip
    rate = ", ".join(f"{name} {len(rows) / seconds:,.0f}" for name, seconds in cost.items())
    print(f"events a second at full durability, {len(rows)} events: {rate}")
    return [
        ("journal / bare SQLite, seconds an event", cost["journal"] / cost["bare"], "", 0.0),
        ("allocator / bare SQLite, seconds an event", cost["allocator"] / cost["bare"], "", 0.0),
    ]


def show(rows: list[Bar], costs: dict[str, dict[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("size", "candidate", "steps a second", "over the memory pass")
    for size, cost in costs.items():
        for name, seconds in sorted(cost.items(), key=lambda item: item[1]):
            table.add_row(size, name, f"{1 / seconds:,.0f}", f"{seconds / cost['memory pass']:.2f}")
    console.print(table)
    table = Table("ratio", "reached", "bar", "")
    for name, reached, direction, bar in rows:
        met = reached <= bar if direction == "<=" else reached >= bar
        judged = (f"{direction} {bar}", "met" if met else "MISSED") if direction else ("none", "")
        table.add_row(name, f"{reached:.2f}", *judged)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter paths")
    parser.add_argument("--rounds", type=int, default=7, help="of the steps")
    parser.add_argument("--json", type=Path, help="write the ratios here")
    options = parser.parse_args()
    rows: list[Bar] = []
    costs: dict[str, dict[str, float]] = {}
    if not importlib.util.find_spec("numba"):
        print("skipped: compiled, numba is not installed")
    for agents, count in SIZES:
        size = f"({agents}, {count})"
        found, made = steps(agents, count, options.quick)
        least = interleaved(found, options.rounds)
        costs[size] = {name: seconds / made[name] for name, seconds in least.items()}
        rows += step_bars(size, costs[size])
        del found
    rows += horizons(options.quick) + linear_programs(options.quick) + journal(options.quick)
    show(rows, costs)
    if options.json:
        report = {"seconds_per_step": costs, "bars": {n: {"reached": r, "bar": f"{d} {b}"} for n, r, d, b in rows}}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
