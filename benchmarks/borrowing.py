"""Borrowing at scale: constants of many pairs, checks of all deviations, orders, landings, and simulated rounds.

CPU time (user + system of this process), candidates in shuffled order, the least of several rounds: other processes
add to a time and never take from it. Only ratios of one run mean anything. What is too slow to run in full is run on a
sample and extrapolated, and says so.

    python benchmarks/borrowing.py              everything
    python benchmarks/borrowing.py --landing    only the aircraft landing table (the big-M programs take minutes)
    python benchmarks/borrowing.py --quick      everything but that table
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from bisect import bisect
from fractions import Fraction
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.timing import least
from mechopt import catalog, instance, solver
from mechopt.errors import SolveError
from mechopt.mechanisms.borrowing import (
    families,
    landing_program,
    many_rounds,
    paths,
    runway,
    subset_dp,
    time_indexed,
    values as value,
)
from mechopt.mechanisms.borrowing.document import from_document
from mechopt.mechanisms.borrowing.environment import Environment, Job, Queue
from mechopt.mechanisms.borrowing.equilibrium import SIGNS, Game, ex_post_nash, game
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.landing import read
from mechopt.mechanisms.borrowing.orders import Problem

F = Fraction


def affine_pairs(count: int = 1_000_000) -> None:
    """h and the variance of many affine pairs, against passes that numpy makes over the same arrays."""
    generator = np.random.default_rng(0)
    a, c = generator.uniform(0.5, 1.0, (2, count))
    b, d = generator.uniform(0.0, 1.0, (2, count))
    out, mine = (np.empty(count), np.empty(count)), (np.empty(count), np.empty(count))

    def one_pass() -> None:
        """Reads the four arrays once and writes the two results once, in as little arithmetic as numpy can."""
        np.add(a, c, out=out[0])
        np.add(b, d, out=out[1])

    taken = least({
        "pass": one_pass,
        "fresh": lambda: (a + c, b + d),
        "numpy": partial(families.affine, (a, b), (c, d), out=mine),
        "numpy, new arrays": partial(families.affine, (a, b), (c, d)),
        "compiled": partial(families.affine, (a, b), (c, d), compiled=True, out=mine),
        "compiled, new arrays": partial(families.affine, (a, b), (c, d), compiled=True),
    }, 25)  # fmt: skip
    plain, quick = families.affine((a, b), (c, d)), families.affine((a, b), (c, d), compiled=True)
    apart = max(np.abs(plain.constant - quick.constant).max(), np.abs(plain.variance - quick.variance).max())
    print(f"h and variance of {count:,} affine pairs; the pass is a + c and b + d into arrays that are there")
    print(f"  the pass {taken['pass'] * 1e3:.2f} ms; into new arrays {taken['fresh'] / taken['pass']:.2f} x")
    for name in ("numpy", "compiled"):
        print(f"  {name} {taken[name] / taken['pass']:.2f} x the pass into arrays that are there; into new arrays "
              f"{taken[f'{name}, new arrays'] / taken['fresh']:.2f} x the pass into new arrays")  # fmt: skip
    print(f"  the two differ by {apart:.0e}")


KNOTS = ["0", "1/2", "1", "3/2", "2"]


def piecewise_linear(count: int = 2_000) -> None:
    """A family of falling piecewise linear pairs, against scipy.integrate.dblquad and exact rationals."""
    from scipy.integrate import IntegrationWarning, dblquad

    generator = np.random.default_rng(1)
    heights = generator.integers(0, 33, (2, count, len(KNOTS)))
    one, two = (-np.sort(-h, axis=1) / 16.0 - 1.0 for h in heights)  # sixteenths: exact as floats
    family = families.PiecewiseLinear(KNOTS)
    knots = [float(F(t)) for t in KNOTS]

    def height(heights: list[float], t: float) -> float:
        k = bisect(knots, t, 1, len(knots) - 1)
        return heights[k - 1] + (heights[k] - heights[k - 1]) * (t - knots[k - 1]) / (knots[k] - knots[k - 1])

    def scipy(power: int, tolerance: float, sample: int) -> list[float]:
        found = []
        for pair in range(sample):
            v, w = one[pair].tolist(), two[pair].tolist()

            def welfare(y: float, x: float, v: list[float] = v, w: list[float] = w) -> float:
                return float(max(height(v, x) + height(w, x + y), height(w, y) + height(v, x + y)) ** power)

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", IntegrationWarning)  # it does not reach what is asked: the point
                found.append(dblquad(welfare, 0, 1, 0, 1, epsabs=tolerance, epsrel=tolerance)[0])
        return found

    times = least({"ours": partial(family.moments, one, two)}, 7)["ours"] / count
    found = family.moments(one, two)
    exactly = []
    for pair in range(200):
        functions = {
            name: value.points(name, [(F(t), F(float(h))) for t, h in zip(KNOTS, table[pair], strict=True)])
            for name, table in (("one", one), ("two", two))
        }
        exactly.append(Expectations(uniform(functions)))
    error = max(abs(float(F(float(found.constant[k])) + e.welfare.value / 2)) for k, e in enumerate(exactly))
    spread = max(abs(float(F(float(found.variance[k])) - (e.power(2).value - e.welfare.value**2)))
                 for k, e in enumerate(exactly))  # fmt: skip
    print(f"{count:,} pairs of piecewise linear functions with {len(KNOTS)} knots, h and variance")
    print(f"  errors of h {error:.0e} and of the variance {spread:.0e}, against fractions ({len(exactly)} pairs)")
    for tolerance, sample in ((1.49e-8, 4), (1e-12, 1)):
        start = time.process_time()
        mean, square = scipy(1, tolerance, sample), scipy(2, tolerance, sample)
        slow = (time.process_time() - start) / sample
        off = max(abs(float(F(-m / 2) + e.welfare.value / 2)) for m, e in zip(mean, exactly, strict=False))
        wide = max(abs(float(F(s) - F(m) ** 2 - (e.power(2).value - e.welfare.value**2)))
                   for m, s, e in zip(mean, square, exactly, strict=False))  # fmt: skip
        print(f"  dblquad asked for {tolerance:g}: {slow / times:,.0f} x ours a pair (from {sample}), errors of h "
              f"{off:.0e} and of the variance {wide:.0e}")  # fmt: skip


def uniform(functions: dict[str, Any]) -> Environment:
    """Two agents with known values and uniform times."""
    from mechopt.distributions import from_table
    from mechopt.mechanisms.borrowing.environment import Agent
    from mechopt.mechanisms.borrowing.times import from_distribution

    law = from_distribution(from_table({"family": "uniform"}, "time", support=(0, 1)))
    agents = [Agent(beliefs=((name, F(1)),), times=law) for name in functions]
    return Environment(design="two_stage", values=functions, agents=agents, arithmetic="exact")


def by_every_deviation(found: Game) -> int:
    """The least loss from a deviation in the two-stage mechanism, over every report of every type, in numpy."""
    sign, worst = found.sign, 0
    for agent in (0, 1):
        worth = {s: found.payoff(agent, s) + found.payoff(1 - agent, s) for s in SIGNS}
        table = np.stack([worth[s] for s in (-1, 0, 1)], axis=-1)  # [type of 1, type of 2, outcome]
        held = np.select([sign == s for s in SIGNS], [worth[s] for s in SIGNS])
        place = sign.astype(np.intp) + 1
        if agent == 0:  # [true type, type of 2, report]
            reached = np.take_along_axis(table, np.broadcast_to(place.T, (len(place), *place.T.shape)), axis=2)
        else:
            reached = np.take_along_axis(table, np.broadcast_to(place[:, None, :], (*place.shape, place.shape[1])), 2)
        worst = min(worst, int((held[:, :, None] - reached).min()))
    return worst


def deviations(times: int = 62) -> None:
    """Ex-post equilibrium on a grid of types, all deviations."""
    document = instance.read_document(str(catalog.models()["borrowing/paper_example"]))
    found = game(from_document(document), grid=times)
    taken = least({
        "ours": partial(ex_post_nash, found, scope="all"),
        "numpy": partial(by_every_deviation, found),
    }, 5)  # fmt: skip
    types = len(found.types[0])
    assert by_every_deviation(found) == 0
    assert ex_post_nash(found, scope="all").margin == 0
    print(f"ex-post check of {types} x {types} types, {2 * types**3:,} deviations: numpy over all of them "
          f"{taken['numpy'] / taken['ours']:.0f} x ours ({taken['ours'] * 1e3:.1f} ms)")  # fmt: skip


def queue(count: int, seed: int = 0) -> Problem:
    """Weighted tardiness, the hard case: value 0 until a due date, then falling at the job's own rate."""
    generator = np.random.default_rng(seed)
    length = generator.integers(2, 10, count)
    total = int(length.sum())
    values, jobs = {}, []
    for k in range(count):
        due, rate = F(int(generator.integers(1, total))), int(generator.integers(1, 10))
        end = F(2 * total)
        values[str(k)] = value.points(str(k), [(F(0), F(0)), (due, F(0)), (end, -rate * (end - due))])
        jobs.append(Job(name=str(k), value=str(k), duration=F(int(length[k]))))
    return Problem(Queue(jobs=tuple(jobs)), values)


def sequences(count: int = 20) -> None:
    """Subset dynamic programming against a bare compiled loop over its states, and the time-indexed program."""
    import numba as nb

    problem = queue(count)
    distinct, place = subset_dp.lengths(problem)
    table, _ = subset_dp.whole_values(problem, distinct)

    @nb.njit  # type: ignore[untyped-decorator]  # numba publishes no types
    def bare(best: Any, place: Any, table: Any) -> Any:
        """F of every set and nothing else: no order is kept, no tie is counted."""
        for mask in range(1, best.size):
            found = np.int64(-(2**62))
            at = place[mask]
            for job in range(table.shape[0]):
                if mask >> job & 1:
                    value = best[mask ^ (1 << job)] + table[job, at]
                    if value > found:
                        found = value
            best[mask] = found
        return best[-1]

    best = np.zeros(1 << count, dtype=np.int64)
    taken = least({
        "bare": partial(bare, best, place, table),
        "ours": partial(subset_dp.solve, problem, compiled=True),
        "numpy": partial(subset_dp.solve, problem, compiled=False),
    }, 3)  # fmt: skip
    order = subset_dp.solve(problem, compiled=True)[0]
    assert bare(best, place, table) == order.welfare
    print(f"{count} jobs, {1 << count:,} sets: all of it (exact values, tables, ties counted, order) "
          f"{taken['ours'] / taken['bare']:.2f} x the bare compiled loop ({taken['bare']:.2f} s); numpy alone "
          f"{taken['numpy'] / taken['bare']:.1f} x")  # fmt: skip
    start = time.process_time()
    found = time_indexed.solve(problem)
    slow = time.process_time() - start
    assert found.welfare == order.welfare
    print(f"  time-indexed program, {len(distinct)} completion times: {slow:.1f} s, guarantee {found.guarantee.kind}, "
          f"gap {found.guarantee.error or 0:g}; the same welfare {float(found.welfare):g}")  # fmt: skip


PUBLISHED = {1: 700, 2: 1480, 3: 820, 4: 2520, 5: 3100}


def landings(limit: float) -> None:
    """OR-Library airland1 to airland5 against the textbook big-M program solved by the same HiGHS."""
    folder = catalog.models()["borrowing/runway_slots"].parent
    print("aircraft landing: planes, least cost, seconds of CPU, and the textbook big-M program by the same HiGHS")
    for number, published in PUBLISHED.items():
        landing = read(folder / f"airland{number}.txt")
        taken = least({"ours": partial(runway.solve, landing)}, 3)["ours"]
        found = runway.solve(landing)
        assert found.total == published
        start, wall = time.process_time(), time.perf_counter()
        try:
            other = landing_program.solve_big_m(landing, options=solver.Options(time_limit=limit))
            assert other.total == published
            ended = ""
        except SolveError:
            ended = f" (stopped after {time.perf_counter() - wall:.0f} s, unproven)"
        slow = time.process_time() - start
        ratio = f"{'at least ' if ended else ''}{slow / taken:.1f}"
        print(f"  airland{number}: {len(landing.planes)} planes, {int(found.total)} ({found.guarantee.kind}), "
              f"{taken:.3f} s; big-M {slow:.2f} s = {ratio} x ours{ended}")  # fmt: skip


def rounds(count: int = 1_000_000) -> None:
    """Simulated rounds of the paper's example against numpy drawing the same random numbers."""
    document = instance.read_document(str(catalog.models()["borrowing/paper_example"]))
    environment = from_document(document)
    expectations = Expectations(environment)
    setup = paths.Setup(
        environment=environment, rounds=100, constant=2 * float(expectations.balancing_constant.value), feedback=0.0,
        strategy="truth", checkpoints=np.arange(1, 101), allowance=0.0,
    )  # fmt: skip

    def draws() -> None:
        """Two values and two times a round."""
        generator = np.random.default_rng(0)
        for _ in range(4):
            generator.random(count)

    def ours() -> None:
        generator = np.random.default_rng(0)
        for _ in range(count // many_rounds.BLOCK_ROUNDS):  # in blocks, as `mechopt simulate` does
            paths.play((setup, many_rounds.BLOCK_ROUNDS // setup.rounds), generator)

    def deficits() -> None:
        which, times = paths.draw(environment, np.random.default_rng(0), count)
        paths.deficits(environment, expectations, which, times)

    taken = least({"draws": draws, "ours": ours, "deficits": deficits}, 9)
    first, whole = taken["deficits"] / taken["draws"], taken["ours"] / taken["draws"]
    print(f"{count:,} rounds of the paper's example: deficits {first:.1f} x, with budgets, peaks and the drift alarm "
          f"{whole:.1f} x numpy drawing the same numbers ({taken['draws'] * 1e3:.0f} ms)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landing", action="store_true", help="only the aircraft landing table")
    parser.add_argument("--quick", action="store_true", help="everything but the aircraft landing table")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for each big-M program")
    options = parser.parse_args()
    if not options.landing:
        affine_pairs()
        piecewise_linear()
        deviations()
        sequences()
        rounds()
    if not options.quick:
        landings(options.limit)


if __name__ == "__main__":
    main()
