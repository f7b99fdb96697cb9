"""The properties of a settled order, from the instance and the table alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

from mechopt import exact
from mechopt.finding import Finding
from mechopt.mechanisms.borrowing import labels
from mechopt.mechanisms.borrowing.environment import Environment, Queue
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.sequencing import best_order
from mechopt.outcome import Outcome

EVERY = 7  # jobs of which every order is tried
ROUNDING = 1e-9


def check_order(environment: Environment, outcome: Outcome) -> list[Finding]:
    """Feasibility and efficiency of the order, and the identity of its transfers."""
    table = outcome.tables["order"]
    values = [Fraction(exact.parse(v)) for v in table["value"]]
    if isinstance(environment.sequence, Landing):
        found = [_landing(environment.sequence, table)]
    elif isinstance(environment.sequence, Queue):
        problem = Problem(environment.sequence, dict(environment.values))
        found = [_feasible(problem, table), _efficient(problem, table, sum(values, Fraction(0)))]
    else:
        return []
    return [*found, _transfers(environment, table, values)]


def _numbers(column: Sequence[Any]) -> list[Fraction]:
    return [Fraction(exact.parse(item)) for item in column]


def _feasible(problem: Problem, table: Any) -> Finding:
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
    return Finding(property="feasibility", margin=margin, tolerance=ROUNDING, witness=witness,
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


def _efficient(problem: Problem, table: Any, welfare: Fraction) -> Finding:
    """Against every order of a short queue; against every move and swap of a long one (which can refute only)."""
    number = {job.name: place for place, job in enumerate(problem.jobs)}
    sequence = [number[name] for name in table["name"]]
    short = len(problem) <= EVERY
    others: Iterator[Sequence[int]] = iter(permutations(range(len(problem)))) if short else _neighbours(sequence)
    worst, witness = Fraction(0), None
    for other in others:
        worth = sum((problem.worth(j, end) for j, end in zip(other, problem.timed(other)[1], strict=True)), Fraction(0))
        if welfare - worth < worst:
            worst, witness = welfare - worth, {"better_order": [problem.jobs[j].name for j in other]}
    evidence = "every order" if short else "every order that moves one job or swaps two (necessary, not sufficient)"
    return Finding(property="efficiency", margin=worst, tolerance=ROUNDING * (1 + abs(float(welfare))),
                   evidence=evidence, witness=witness)  # fmt: skip


def _landing(landing: Landing, table: Any) -> Finding:
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
    return Finding(property="feasibility", margin=margin, tolerance=ROUNDING, witness=witness,
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
    """What the design promises about transfers: a sum of zero, or everybody's utility, or that nobody is paid."""
    paid, welfare = _numbers(table["transfer"]), sum(values, Fraction(0))
    constant = environment.constant if isinstance(environment.constant, int | Fraction) else Fraction(0)
    utility = [v + t for v, t in zip(values, paid, strict=True)]

    def without() -> list[Fraction]:
        return _others(environment, table)

    promises: dict[str, tuple[str, Callable[[], Fraction]]] = {
        "one_stage": ("budget_balance", lambda: -abs(sum(paid, Fraction(0)))),
        "balanced": ("budget_balance", lambda: -abs(sum(paid, Fraction(0)))),
        "two_stage": ("transfers", lambda: -max((abs(u - welfare - constant) for u in utility), default=Fraction(0))),
        "pivot": ("transfers", lambda: -max(
            (abs(u - welfare - constant + rest) for u, rest in zip(utility, without(), strict=True)),
            default=Fraction(0))),
    }  # fmt: skip
    name, margin = promises.get(environment.design, promises["two_stage"])
    evidence = {
        "one_stage": "transfers sum to zero", "balanced": "transfers sum to zero",
        "two_stage": "everybody's utility is the welfare plus the constant",
        "pivot": "everybody's utility is the welfare less what the others could have",
    }[environment.design]  # fmt: skip
    return Finding(property=name, margin=margin(), tolerance=ROUNDING * (1 + abs(float(welfare))), evidence=evidence)
