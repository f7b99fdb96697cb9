"""The properties of a settled order, from the instance and the table alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.finding import Finding
from mechopt.mechanisms.borrowing import labels
from mechopt.mechanisms.borrowing.cases import welfares
from mechopt.mechanisms.borrowing.environment import Environment, Queue
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.mechanisms.borrowing.landing_program import cost_of_order, solve_big_m
from mechopt.mechanisms.borrowing.order_budget import OrderBudget, balancing_constant
from mechopt.mechanisms.borrowing.order_types import index
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.sequencing import best_order
from mechopt.outcome import Outcome

EVERY = 7  # jobs of which every order is tried
EVERY_PLANE = 10  # planes whose big-M program takes a second or so
ROUNDING = 1e-9


def check_order(environment: Environment, outcome: Outcome) -> list[Finding]:
    """Feasibility and efficiency of the order, and the identity of its transfers."""
    table = outcome.tables["order"]
    values = [Fraction(exact.parse(v)) for v in table["value"]]
    if isinstance(environment.sequence, Landing):
        found = [
            _landing(environment, environment.sequence, table),
            _cheapest(environment, environment.sequence, table, values),
        ]
    elif isinstance(environment.sequence, Queue):
        problem = Problem(environment.sequence, dict(environment.values))
        found = [_feasible(environment, problem, table), _efficient(environment, problem, table, values)]
    else:
        return []
    return [*found, _transfers(environment, table, values)]


def _tolerance(environment: Environment, size: Fraction | int = 0) -> float:
    """Nothing where the table holds exact numbers, else what rounding explains."""
    return 0.0 if environment.arithmetic == "exact" else ROUNDING * (1 + abs(float(size)))


def _numbers(column: Sequence[Any]) -> list[Fraction]:
    return [Fraction(exact.parse(item)) for item in column]


def _feasible(environment: Environment, problem: Problem, table: Any) -> Finding:
    """No job before its release, none before the one ahead is done and the separation has passed."""
    number = {job.name: place for place, job in enumerate(problem.jobs)}
    places = [number[name] for name in table["name"]]
    slack, witness = Fraction(0), None
    clock, before = problem.begin, -1
    for place, start, end in zip(places, _numbers(table["start"]), _numbers(table["completion"]), strict=True):
        job = problem.jobs[place]
        gap = problem.queue.separation[before][place] if problem.queue.separation and before >= 0 else Fraction(0)
        room = min(start - job.release, start - clock - gap, -abs(end - start - job.duration))
        if room < slack:
            slack, witness = room, {"job": job.name, "start": str(start), "completion": str(end)}
        clock, before = end, place
    complete = sorted(places) == list(range(len(problem)))
    margin = Fraction(-1) if not complete else slack
    return Finding(property="feasibility", margin=margin, tolerance=_tolerance(environment), witness=witness,
                   evidence="every job once, after its release, after the job before it")  # fmt: skip


def _neighbours(sequence: list[int]) -> Iterator[list[int]]:
    """Every order that comes from moving one job, or from swapping two."""
    count = len(sequence)
    for i in range(count):
        rest = sequence[:i] + sequence[i + 1 :]
        for j in range(count):
            yield [*rest[:j], sequence[i], *rest[j:]]
    for i in range(count):
        for j in range(i + 1, count):
            swapped = list(sequence)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            yield swapped


def _efficient(environment: Environment, problem: Problem, table: Any, values: list[Fraction]) -> Finding:
    """Against every order of a short queue; against every move and swap of a long one (which can refute only)."""
    number = {job.name: place for place, job in enumerate(problem.jobs)}
    sequence = [number[name] for name in table["name"]]
    short, welfare = len(problem) <= EVERY, sum(values, Fraction(0))
    others: Iterator[Sequence[int]] = iter(permutations(range(len(problem)))) if short else _neighbours(sequence)
    worst, witness = Fraction(0), None
    horizon = problem.queue.horizon
    for other in others:
        ends = problem.timed(other)[1]
        if horizon is not None and ends and ends[-1] > horizon:
            continue
        worth = sum((problem.worth(j, end) for j, end in zip(other, ends, strict=True)), Fraction(0))
        if welfare - worth < worst:
            worst, witness = welfare - worth, {"better_order": [problem.jobs[j].name for j in other]}
    evidence = "every order" if short else "every order that moves one job or swaps two (necessary, not sufficient)"
    if problem.queue.inserted_idle:
        evidence += ", without idle time" + (" and by the horizon" if horizon is not None else "")
    return Finding(property="efficiency", margin=worst, tolerance=_tolerance(environment, welfare),
                   evidence=evidence, witness=witness)  # fmt: skip


def _cheapest(environment: Environment, landing: Landing, table: Any, values: list[Fraction]) -> Finding:
    """Against the textbook program for few planes; else against every move and swap, each at its own best times."""
    cost = -sum(values, Fraction(0))
    worst, witness = Fraction(0), None
    if len(landing.planes) <= EVERY_PLANE:
        found = solve_big_m(landing)
        worst = min(worst, found.total - cost)
        if worst:
            witness = {"cheaper_order": [i + 1 for i in found.sequence]}
        evidence = f"the big-M program, within {found.guarantee.error:.0e} by HiGHS's bound"
    else:
        sequence = [int(name) - 1 for name in table["name"]]
        for other in _neighbours(sequence):
            least = cost_of_order(landing, other)
            if least is not None and least - cost < worst:
                worst, witness = least - cost, {"cheaper_order": [i + 1 for i in other]}
        evidence = "every order that moves one plane or swaps two, at its best times (necessary, not sufficient)"
    return Finding(property="efficiency", margin=worst, tolerance=_tolerance(environment, cost), evidence=evidence,
                   witness=witness)  # fmt: skip


def _landing(environment: Environment, landing: Landing, table: Any) -> Finding:
    """Windows, every pair's separation, and the cost of each plane."""
    places = [int(name) - 1 for name in table["name"]]
    times, values = _numbers(table["start"]), _numbers(table["value"])
    slack, witness = Fraction(0), None
    for k, (i, t) in enumerate(zip(places, times, strict=True)):
        plane = landing.planes[i]
        rooms = [t - plane.earliest, plane.latest - t, -abs(values[k] + plane.cost(t))]
        rooms += [u - t - landing.separation[i][j] for j, u in zip(places[k + 1 :], times[k + 1 :], strict=True)]
        if min(rooms) < slack:
            slack, witness = min(rooms), {"plane": i + 1, "time": str(t)}
    margin = slack if sorted(places) == list(range(len(landing.planes))) else Fraction(-1)
    return Finding(property="feasibility", margin=margin, tolerance=_tolerance(environment), witness=witness,
                   evidence="windows, separations of every pair and costs, recomputed")  # fmt: skip


def _others(environment: Environment, table: Any) -> list[Fraction]:
    """W*_{-i} in the order of the table, by another method than the settlement's wherever there is one."""
    from mechopt.mechanisms.borrowing import runway
    from mechopt.mechanisms.borrowing.settled_order import cost_without

    if isinstance(environment.sequence, Landing):
        return [-cost_without(environment.sequence, int(name) - 1, runway.solve) for name in table["name"]]
    if not isinstance(environment.sequence, Queue):
        return []
    problem = Problem(environment.sequence, dict(environment.values))
    number = {job.name: place for place, job in enumerate(problem.jobs)}
    result = []
    for name in table["name"]:
        rest = problem.without(number[name])
        small = len(rest) <= labels.LARGEST and not rest.queue.inserted_idle
        result.append((labels.solve(rest) if small else best_order(rest)).welfare if len(rest) else Fraction(0))
    return result


def _transfers(environment: Environment, table: Any, values: list[Fraction]) -> Finding:
    """What the design promises about transfers: a sum of zero, or everybody's utility."""
    paid, welfare = _numbers(table["transfer"]), sum(values, Fraction(0))
    utility = [v + t for v, t in zip(values, paid, strict=True)]
    tolerance = _tolerance(environment, welfare)
    if environment.design in ("one_stage", "balanced"):
        return Finding(property="budget_balance", margin=-abs(sum(paid, Fraction(0))), tolerance=tolerance,
                       evidence="transfers sum to zero")  # fmt: skip
    charge, evidence = [Fraction(0)] * len(paid), "everybody's utility is the welfare plus the constant"
    if environment.design == "pivot":
        charge = [-rest for rest in _others(environment, table)]
        evidence = "everybody's utility is the welfare less what the others could have"
    if environment.design == "minimum_variance" and isinstance(environment.sequence, Queue):
        charge = _mean_charges(environment, table["name"])
        evidence = "everybody's utility is the welfare plus means of it over types, by inclusion and exclusion"
    asked = environment.constant
    if isinstance(asked, int | Fraction):
        constant = Fraction(asked)
    else:
        known = OrderBudget(environment) if asked == "balanced" else None
        constant = Fraction(balancing_constant(environment, known) or 0)
        tolerance = max(tolerance, ROUNDING * (1 + abs(float(constant))) if known and not known.exact else 0.0)
    margin = -max((abs(u - welfare - c - constant) for u, c in zip(utility, charge, strict=True)), default=Fraction(0))
    return Finding(property="transfers", margin=margin, tolerance=tolerance, evidence=evidence)


def _mean_charges(environment: Environment, names: Sequence[str]) -> list[Fraction]:
    """h_i of the minimum-variance design by inclusion and exclusion, in the order of the names.

    -(n - 1) sum over sets A of the jobs before i, of (-1)^|A| E[W* | types of all but i and A].
    """
    known = OrderBudget(environment)
    types = known.types.each
    place = {job.name: number for number, job in enumerate(known.queue.jobs)}
    at = [index(types, number, job.value, job.duration) for number, job in enumerate(known.queue.jobs)]
    cases = known.types.combinations()
    tensor = welfares(cases)
    grid = np.indices([len(found) for found in types]).reshape(len(types), -1)
    probability = [
        np.array([p for _, _, p in found], dtype=object)[row] for found, row in zip(types, grid, strict=True)
    ]

    def given(free: set[int]) -> Fraction:
        """E[W* | everybody's type but those of the free jobs]."""
        fixed = [number for number in range(len(types)) if number not in free]
        rows = np.all([grid[number] == at[number] for number in fixed], axis=0) if fixed else slice(None)
        weight = np.array([Fraction(1)], dtype=object)
        for number in free:
            weight = weight * probability[number][rows]
        return Fraction((weight * tensor.all_jobs[rows].astype(object)).sum()) / tensor.scale

    found = []
    for job in (place[name] for name in names):
        sets = (set(chosen) for size in range(job + 1) for chosen in combinations(range(job), size))
        found.append(
            -(known.jobs - 1) * sum((given({job, *chosen}) * (-1) ** len(chosen) for chosen in sets), Fraction(0))
        )
    return found
