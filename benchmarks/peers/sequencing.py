"""Orders on one resource with a proof of optimality: mechopt against OR-Tools CP-SAT, in a process of its own.

Aircraft landing (OR-Library's airland1 to airland5, and instances drawn like them) and total weighted tardiness.
CP-SAT runs with one worker and with eight, as its manual asks for, on as many processors as there are.

    python benchmarks/peers/run.py --only sequencing
"""

from __future__ import annotations

import random
from fractions import Fraction
from functools import partial
from typing import Any

from benchmarks.peers.room import Apart, Table, peer, ratio, side_by_side
from mechopt import catalog
from mechopt.mechanisms.borrowing import landing, runway, sequencing, values
from mechopt.mechanisms.borrowing.environment import Job, Queue
from mechopt.mechanisms.borrowing.landing import Landing, Plane
from mechopt.mechanisms.borrowing.orders import Problem

LIMIT = 60.0  # seconds of the clock for each attempt of CP-SAT
WORKERS = (1, 8)
PLANES, JOBS = (20, 30, 35), (10, 15, 20)
CLASSES = ((3, 8, 15), (10, 3, 8), (15, 8, 8))  # separations after a plane of each class, about as OR-Library's are
Found = tuple[float, bool]  # the least cost, and whether it was proven


def drawn(planes: int, seed: int) -> Landing:
    """Planes in three classes, targets as close together as in airland8: about one in five minutes."""
    rng = random.Random(seed)
    kinds = [rng.randrange(3) for _ in range(planes)]
    found, target = [], 100
    for kind in kinds:
        target += rng.randint(0, 10)
        cost = Fraction((10, 30, 20)[kind])
        window = [Fraction(t) for t in (target - 100, target - rng.randint(5, 30), target, target + 150)]
        found.append(Plane(appearance=window[0], earliest=window[1], target=window[2], latest=window[3],
                           early_cost=cost, late_cost=cost))  # fmt: skip
    separation = tuple(tuple(Fraction(CLASSES[a][b]) for b in kinds) for a in kinds)
    return Landing(planes=tuple(found), separation=separation)


def landings() -> dict[str, Landing]:
    folder = catalog.models()["borrowing/runway_slots"].parent
    found = {f"airland{k}": landing.read(folder / f"airland{k}.txt") for k in range(1, 6)}
    return found | {f"like airland, {planes} planes": drawn(planes, planes) for planes in PLANES}


def tardy(count: int, seed: int) -> list[tuple[int, int, int]]:
    """(duration, due, weight): durations up to 100, weights up to 10, due dates as in OR-Library's wt40."""
    rng = random.Random(seed)
    lengths = [rng.randint(1, 100) for _ in range(count)]
    total = sum(lengths)
    return [(p, max(0, rng.randint(int(total * 0.2), int(total * 0.6))), rng.randint(1, 10)) for p in lengths]


def queue(jobs: list[tuple[int, int, int]]) -> Problem:
    """The same for mechopt: a value of 0 until the due date, then falling by the weight."""
    end, functions, listed = Fraction(2 * sum(p for p, _, _ in jobs)), {}, []
    for k, (duration, due, weight) in enumerate(jobs):
        name, late = str(k), Fraction(due)
        functions[name] = values.points(name, [(Fraction(0), Fraction(0)), (late, Fraction(0)),
                                               (end, -weight * (end - late))])  # fmt: skip
        listed.append(Job(name=name, value=name, duration=Fraction(duration)))
    return Problem(Queue(jobs=tuple(listed)), functions)


def order(jobs: list[tuple[int, int, int]]) -> Found:
    found = sequencing.best_order(queue(jobs))
    return float(-found.welfare), found.guarantee.kind in ("exact", "certified")


def land(instance: Landing) -> Found:
    found = runway.solve(instance)
    return float(found.total), found.guarantee.kind in ("exact", "certified")


def cp_sat(model: Any, workers: int) -> Found:
    sat = peer("ortools.sat.python.cp_model")
    solver = sat.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_time_in_seconds = workers, LIMIT
    status = solver.solve(model)
    return float(solver.objective_value), bool(status == sat.OPTIMAL)


def cp_land(instance: Landing, workers: int) -> Found:
    """Times, and for every pair which lands first."""
    model, planes = peer("ortools.sat.python.cp_model").CpModel(), instance.planes
    time = [model.new_int_var(int(p.earliest), int(p.latest), "") for p in planes]
    cost = 0
    for at, p in zip(time, planes, strict=True):
        early = model.new_int_var(0, int(p.target - p.earliest), "")
        late = model.new_int_var(0, int(p.latest - p.target), "")
        model.add(at == int(p.target) - early + late)
        cost += int(p.early_cost) * early + int(p.late_cost) * late
    for i in range(len(planes)):
        for j in range(i):
            first = model.new_bool_var("")
            model.add(time[i] + int(instance.separation[i][j]) <= time[j]).only_enforce_if(first)
            model.add(time[j] + int(instance.separation[j][i]) <= time[i]).only_enforce_if(~first)
    model.minimize(cost)
    return cp_sat(model, workers)


def cp_order(jobs: list[tuple[int, int, int]], workers: int) -> Found:
    """Intervals that do not overlap, and tardiness."""
    model, cost = peer("ortools.sat.python.cp_model").CpModel(), 0
    total, intervals = sum(p for p, _, _ in jobs), []
    for duration, due, weight in jobs:
        start = model.new_int_var(0, total - duration, "")
        late = model.new_int_var(0, max(0, total - due), "")
        model.add(late >= start + duration - due)
        intervals.append(model.new_fixed_size_interval_var(start, duration, ""))
        cost += weight * late
    model.add_no_overlap(intervals)
    model.minimize(cost)
    return cp_sat(model, workers)


def row(table: Table, name: str, ours: Any, theirs: Any) -> None:
    """One instance by everybody; the optimum must be the same wherever it is proven."""
    found: dict[str, Found] = {}
    runs = {"mechopt": ours} | {
        f"CP-SAT, {w} worker{'s'[: w > 1]}": Apart(partial(theirs, workers=w), once=True) for w in WORKERS
    }
    taken, skipped = side_by_side(runs, rounds=1, check=found.__setitem__)
    table.skipped = sorted({*table.skipped, *skipped})
    for other, (cost, proven) in found.items():
        if proven and abs(cost - found["mechopt"][0]) > 1e-6 * (1 + abs(cost)):
            raise SystemExit(f"{name}: {other} proves {cost:g}, mechopt {found['mechopt'][0]:g}")
    cells = [name, f"{found['mechopt'][0]:g}" + ("" if found["mechopt"][1] else " (unproven)")]
    for other in list(runs)[1:]:
        if other in taken:
            quotient = ratio(taken[other] / taken["mechopt"])
            cells.append(quotient if found[other][1] else f"over {quotient}, unproven")
        else:
            cells.append("-")
    table.rows.append(cells)
    if cells[-1] != "-" and name in ("airland2", "airland5", f"{JOBS[-2]} jobs", f"{JOBS[-1]} jobs"):
        table.headlines.append([f"{table.title} with proof: {name}", "OR-Tools CP-SAT, 8 workers", cells[-1]])


def tables() -> list[Table]:
    about = (f"CPU time until the order is proven, mechopt's = 1; CP-SAT was stopped after {LIMIT:g} s by the clock. "
             "Optima agree wherever both are proven.")  # fmt: skip
    head = ["instance", "least cost", *(f"CP-SAT, {w} worker{'s'[: w > 1]}" for w in WORKERS)]
    planes = Table(title="Aircraft landing", about=about, head=head)
    for name, instance in landings().items():
        row(planes, name, partial(land, instance), partial(cp_land, instance))
    queues = Table(title="Weighted tardiness", about=about, head=head)
    for count in JOBS:
        jobs = tardy(count, count)
        row(queues, f"{count} jobs", partial(order, jobs), partial(cp_order, jobs))
    return [planes, queues]
