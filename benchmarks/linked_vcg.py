"""Linked VCG at scale: all transfers against one pass over the endowments, hot HiGHS and Pyomo, and a careful user.

CPU time (user + system of this process), candidates in shuffled order, the least of many rounds: other processes add
to a time and never take from it. Only ratios of one run mean anything. What is too slow to run in full is run on a
sample and extrapolated, and says so.

    python benchmarks/linked_vcg.py             all but the streamed market and the growth of cost
    python benchmarks/linked_vcg.py --stream    also 10^5 agents, 50 dates, 100 types, date by date
    python benchmarks/linked_vcg.py --growth    also how cost grows, drawn to docs/pictures/
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.timing import cpu, least
from mechopt.batch_simplex import solve_batch
from mechopt.certify import certify
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.inner import least_left_to_others
from mechopt.mechanisms.linked_vcg.knapsack import Investment, Knapsack
from mechopt.mechanisms.linked_vcg.linked import linked_transfer
from mechopt.mechanisms.linked_vcg.market import Market
from mechopt.mechanisms.linked_vcg.ordered import serve
from mechopt.program import LinearProgram
from mechopt.solver import Sequence, solve


def needs(rng: np.random.Generator, kinds: int, resources: int) -> Any:
    types = rng.uniform(0.2, 1.0, (kinds, resources))
    types[:resources] = np.diag(rng.uniform(2.0, 3.0, resources))
    return types


class Instance:
    """Many agents with endowments around one half, a stock for two fifths of what they would use."""

    def __init__(self, agents: int, dates: int, kinds: int, resources: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.types = needs(rng, kinds, resources)
        self.endowments = rng.uniform(0.0, 1.0, (agents, dates, kinds))
        self.stock = self.endowments[:, 0].sum(axis=0) @ self.types * 0.4
        self.lower, self.upper = np.zeros((agents, kinds)), np.full((agents, kinds), 0.65)
        self.dates = dates
        self.known: list[Investment] = []

    def settle(self, *, search: bool = True) -> Any:
        """All transfers; without the search, only what the closed form gives."""
        market = Market(Knapsack(self.stock, self.types), self.lower, self.upper, dates=self.dates)
        market.allocate_all(self.endowments)
        return market.settle() if search else market

    def invest(self, totals: Any) -> list[Investment]:
        """The aggregate programs of all dates, certified."""
        solver = Knapsack(self.stock, self.types)
        return [solver.invest(total) for total in totals]

    def hot(self, sample: int) -> None:
        """One hot raw HiGHS program per agent and date (the others' value), for some of them."""
        import highspy

        resources, kinds = self.stock.size, len(self.types)
        total = self.endowments[:, 0].sum(axis=0)
        program = Knapsack(self.stock, self.types).program
        highs = highspy.Highs.__mro__[1]()
        highs.setOptionValue("output_flag", False)
        zero, every = np.zeros(kinds), np.arange(kinds, dtype=np.int32)
        highs.passModel(kinds, resources, program.value.size, 1, -1, 0.0, program.cost, zero, np.full(kinds, np.inf),
                        np.full(resources, -np.inf), self.stock, program.start, program.index, program.value,
                        np.zeros(kinds, np.int32))  # fmt: skip
        for agent in range(sample):
            upper = total - self.endowments[agent, 0]
            upper[:resources] = np.inf
            highs.changeColsBounds(kinds, every, zero, upper)
            highs.run()
            highs.getObjectiveValue()

    def pyomo(self, upper: Any) -> float:
        """One aggregate program in Pyomo, built and solved."""
        import pyomo.environ as pyo
        from pyomo.contrib.solver.common.factory import SolverFactory

        m = pyo.ConcreteModel()
        kinds, resources = range(len(self.types)), range(self.stock.size)
        m.x = pyo.Var(kinds, bounds=lambda m, i: (0, None if i < self.stock.size else float(upper[i])))
        m.stock = pyo.Constraint(resources, rule=lambda m, r: sum(self.types[i, r] * m.x[i] for i in kinds)
                                 <= float(self.stock[r]))  # fmt: skip
        m.value = pyo.Objective(expr=sum(m.x[i] for i in kinds), sense=pyo.maximize)
        SolverFactory("highs").solve(m)
        return float(pyo.value(m.value))

    def careful(self) -> None:
        """The aggregate programs in Pyomo, then served projects and unlinked transfers in numpy; no linked ones."""
        totals = self.endowments.sum(axis=0)
        solver = Knapsack(self.stock, self.types)
        found = [solver.invest(total) for total in totals] if not self.known else self.known
        self.known = found
        for date in range(self.dates):
            self.pyomo(totals[date])
            serve(self.endowments[:, date], found[date])


def many_agents() -> None:
    instance = Instance(10_000, 20, 50, 4)
    count, sample = 10_000 * 20, 500
    taken = least({
        "one pass": lambda: instance.endowments.sum(axis=0),
        "ours": instance.settle,
        "hot": lambda: instance.hot(sample),
        "pyomo": lambda: [instance.pyomo(instance.endowments[:, 0].sum(axis=0)) for _ in range(5)],
        "careful": instance.careful,
    })  # fmt: skip
    taken["hot"] *= count / sample
    taken["pyomo"] *= count / 5
    settled = instance.settle()
    closed = np.mean([method == "price_taking" for method in settled.method])
    print("10,000 agents, 20 dates, 50 types, 4 resources: all linked transfers, every optimum certified exactly")
    print(
        f"  ours {taken['ours'] * 1e3:.0f} ms = {taken['ours'] / taken['one pass']:.1f} x one sum over the endowments"
    )
    print(f"  one hot raw HiGHS program per agent and date (from {sample}): {taken['hot'] / taken['ours']:,.0f} x ours")
    print(f"  one Pyomo program per agent and date (from 5): {taken['pyomo'] / taken['ours']:,.0f} x ours")
    ratio = taken["careful"] / taken["ours"]
    print(f"  {instance.dates} Pyomo programs, and numpy for unlinked transfers only: {ratio:.1f} x ours")
    print(f"  closed form: {closed:.2%} of the agents")


def agents_that_are_not_small() -> None:
    instance = Instance(2_000, 12, 20, 4, seed=1)
    market = instance.settle(search=False)
    searched = sorted({int(agent) for kept in market._kept for agent in kept.searched})
    totals = instance.endowments.sum(axis=0)

    def aggregate() -> None:
        solver = Knapsack(instance.stock, instance.types)
        for total in totals:
            solver.float_amounts(total)

    base = min(cpu(aggregate)[0] for _ in range(9))
    times, open_ = [], 0
    for agent in searched[:: max(1, len(searched) // 40)]:
        dates = [date for date, kept in enumerate(market._kept) if agent in kept.searched]
        start = time.process_time()
        search = market._search(agent, dates)
        minimum = least_left_to_others(market.knapsack, search.dates, search.charge, search.budget)
        low, high = market._transfer(agent, dates, search, minimum)
        times.append(time.process_time() - start)
        open_ += high > low
    if times:
        print(f"2,000 agents, 12 dates, 20 types, 4 resources: {len(searched)} agents do not take prices as given")
        middle, most = statistics.median(times) / base, max(times) / base
        print(f"  search of {len(times)} of them, against the 12 aggregate programs ({base * 1e3:.1f} ms): "
              f"median {middle:.0f} x, largest {most:.0f} x; {open_} left in a bracket")  # fmt: skip


def agents_with_hundreds_of_pieces() -> None:
    """Agents who move every date's price: six dates, twelve types, bounds that bind all dates."""
    widths, taken = [], []
    for seed in (0, 1, 3):
        rng = np.random.default_rng(seed)
        types = np.maximum(rng.uniform(0.2, 1.0, (12, 2)), 0.1)
        types[:2] = np.diag(rng.uniform(1.5, 3.0, 2))
        reports = rng.uniform(0.0, 1.0, (4, 6, 12)) * (rng.random((4, 6, 12)) < 0.7)
        average = reports.mean(axis=1)
        environment = Environment(stock=reports.sum(axis=(0, 1)) @ types * rng.uniform(0.2, 0.7, 2) / 6, types=types,
                                  endowments=reports, lower=average * 0.7,
                                  upper=average * rng.uniform(1.0, 2.0) + 0.001)  # fmt: skip
        for agent in (0, 3):
            start = time.process_time()
            found = linked_transfer(environment, agent)
            taken.append(time.process_time() - start)
            widths.append((found.high - found.low) / found.high)
    print(f"4 agents, 6 dates, 12 types, 2 resources, none of them small: widths of the brackets of {len(taken)} "
          f"agents {', '.join(f'{width:.2%}' for width in widths)} of the transfer; CPU seconds each "
          f"{', '.join(f'{seconds:.1f}' for seconds in taken)}")  # fmt: skip


def programs_and_certificates() -> None:
    rng = np.random.default_rng(0)
    kinds, resources, count = 100, 5, 1000
    matrix, upper = rng.uniform(0.1, 1.0, (resources, kinds)), rng.uniform(0.0, 1.0, kinds)
    stock = matrix @ upper * 0.4
    program = LinearProgram.from_dense(matrix, sense="max", cost=np.ones(kinds), lower=0.0, upper=upper,
                                       row_lower=np.full(resources, -np.inf), row_upper=stock)  # fmt: skip
    for name, uppers, stocks in (
        ("20 types change a little", np.where(rng.random((count, kinds)) < 0.2, upper * 0.995, upper),
         np.tile(stock, (count, 1))),
        ("everything redrawn", upper * rng.uniform(0.5, 1.5, (count, kinds)),
         stock * rng.uniform(0.8, 1.2, (count, resources))),
    ):  # fmt: skip
        taken = least({
            "ours": partial(_ours, program, uppers, stocks),
            "batch": partial(solve_batch, program, upper=uppers, row_upper=stocks),
            "raw": partial(_raw, program, uppers, stocks),
        })  # fmt: skip
        found = solve_batch(program, upper=uppers, row_upper=stocks)
        print(f"1,000 programs, 5 rows, 100 columns, {name}: one by one {taken['ours'] / taken['raw']:.2f} x raw hot "
              f"HiGHS; batch {taken['raw'] / taken['batch']:.1f} times as fast as raw, {found.steps.mean():.1f} pivots "
              f"each, {np.sum(found.solved == 0)} of them settled by the batch")  # fmt: skip
    for rows, columns in ((20, 2000), (2000, 20)):
        matrix, upper = rng.uniform(0.1, 1.0, (rows, columns)), rng.uniform(0.0, 1.0, columns)
        big = LinearProgram.from_dense(matrix, sense="max", cost=rng.uniform(0.5, 1.0, columns), lower=0.0, upper=upper,
                                       row_lower=np.full(rows, -np.inf),
                                       row_upper=matrix @ upper * rng.uniform(0.3, 0.5, rows))  # fmt: skip
        solution = solve(big)
        taken = least({"solve": partial(solve, big), "certify": partial(certify, big, solution)})
        print(f"exact certificate, {rows} x {columns}: {taken['certify'] / taken['solve']:.2f} x the float solve")


def _ours(program: LinearProgram, uppers: Any, stocks: Any) -> None:
    sequence = Sequence(program)
    for upper, stock in zip(uppers, stocks, strict=True):
        sequence.solve(upper=upper, row_upper=stock)


def _raw(program: LinearProgram, uppers: Any, stocks: Any) -> None:
    import highspy

    highs, size, rows = highspy.Highs.__mro__[1](), program.columns, program.rows
    highs.setOptionValue("output_flag", False)
    zero, none = np.zeros(size), np.full(rows, -np.inf)
    every, all_rows = np.arange(size, dtype=np.int32), np.arange(rows, dtype=np.int32)
    highs.passModel(size, rows, program.value.size, 1, -1, 0.0, program.cost, zero, program.upper, none,
                    program.row_upper, program.start, program.index, program.value,
                    np.zeros(size, np.int32))  # fmt: skip
    for upper, stock in zip(uppers, stocks, strict=True):
        highs.changeColsBounds(size, every, zero, upper)
        highs.changeRowsBounds(rows, all_rows, none, stock)
        highs.run()
        highs.getObjectiveValue()


def stream() -> None:
    agents, dates, kinds, resources = 100_000, 50, 100, 5
    rng = np.random.default_rng(0)
    types, upper = needs(rng, kinds, resources), np.full((agents, kinds), 0.65)
    drawn = [rng.uniform(0.0, 1.0, (agents, kinds)) for _ in range(3)]  # dates take turns: drawing is not what is timed
    lower, stock = 0 * upper, drawn[0].sum(axis=0) @ types * 0.4
    ours, one = np.full((3, dates + 1), np.inf), np.full((3, dates), np.inf)
    for turn in range(3):
        market = Market(Knapsack(stock, types), lower, upper, dates=dates)
        for date in range(dates):  # side by side, so that both meet the same neighbours
            one[turn, date] = cpu(partial(drawn[date % 3].sum, axis=0))[0]
            ours[turn, date] = cpu(partial(market.allocate, drawn[date % 3]))[0]
        ours[turn, dates] = cpu(market.settle)[0]
        del market
    taken, passes = ours.min(axis=0).sum(), one.min(axis=0).sum()
    alone = ", ".join(f"{ratio:.1f}" for ratio in ours.sum(axis=1) / one.sum(axis=1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{agents:,} agents, {dates} dates, {kinds} types, {resources} resources, retracted: {taken:.1f} s = "
          f"{taken / passes:.1f} x one sum a date ({alone} x in each turn alone); "
          f"peak memory of the process {peak:.2f} GiB")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stream", action="store_true", help="also 10^5 agents, date by date")
    parser.add_argument("--growth", action="store_true", help="also how cost grows, drawn to docs/pictures/")
    options = parser.parse_args()
    if options.stream:
        stream()
    programs_and_certificates()
    many_agents()
    agents_that_are_not_small()
    agents_with_hundreds_of_pieces()
    if options.growth:
        from benchmarks.linked_vcg_growth import growth

        growth()


if __name__ == "__main__":
    main()
