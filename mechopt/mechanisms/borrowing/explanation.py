"""Why an agent has its place and receives what it does, in words: who is displaced, what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import runway
from mechopt.mechanisms.borrowing.environment import Environment, Queue
from mechopt.mechanisms.borrowing.explained_rounds import find, rounds_in_words, word
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.mechanisms.borrowing.landing_program import cost_of_order
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.sequencing import best_order
from mechopt.mechanisms.borrowing.settled_order import leave_out
from mechopt.outcome import Outcome

LISTED = 5  # of those displaced


def explain(environment: Environment, outcome: Outcome, agent: str) -> str:
    """A job's, a plane's or one of two agents' settlement in words.

    Args:
        environment: the instance.
        outcome: its settlement.
        agent: a job's name, a plane's number, or one of two agents ("1", "2", or its name).

    Raises:
        InstanceError: there is no such agent, or it has nothing to explain.
    """
    table = outcome.tables.get("order")
    place = None if table is None else _place(table["name"], agent)
    number = find(environment, agent)
    if place is None and number is None:
        known = [*(table["name"] if table else ()), *(a.name or str(k) for k, a in enumerate(environment.agents, 1))]
        raise InstanceError(f"there is no agent {exact.show(agent)}{nearest(agent, known)}", key="agents")
    lines: list[str] = []
    if number is not None and (place is None or environment.rounds is not None):
        lines += rounds_in_words(environment, outcome, number)
    if place is not None and table is not None:
        sequence = environment.sequence
        lines += (
            _plane(environment, sequence, table, place) if isinstance(sequence, Landing)
            else _job(environment, table, place)
        )  # fmt: skip
    return "\n".join(lines)


def _place(names: Sequence[Any], agent: str) -> int | None:
    listed = [str(name) for name in names]
    return listed.index(agent) if agent in listed else None


def _column(table: Any, name: str) -> list[Fraction]:
    return [Fraction(exact.parse(item)) for item in table[name]]


def _job(environment: Environment, table: Any, place: int) -> list[str]:
    queue = environment.sequence
    if not isinstance(queue, Queue):
        return []
    problem = Problem(queue, dict(environment.values))
    number = {job.name: k for k, job in enumerate(problem.jobs)}
    sequence = [number[name] for name in table["name"]]
    ends = _column(table, "completion") if queue.inserted_idle else problem.timed(sequence)[1]
    served = [(end, problem.worth(j, end)) for j, end in zip(sequence, ends, strict=True)]
    job, units = problem.jobs[sequence[place]], _units(environment)
    end, value = served[place]
    lines = [f"{job.name} goes {_ordinal(place + 1)} of {len(sequence)}: it begins at {word(end - job.duration)}, is "
             f"done at {word(end)}, and that is worth {word(value)}{units} to it."]  # fmt: skip
    lines += _moves(problem, sequence, place, sum((worth for _, worth in served), Fraction(0)), units)
    lines += _displaced_jobs(problem, sequence, place, served, units)
    return [*lines, *_transfer(environment, table, place, units)]


def _moves(problem: Problem, sequence: list[int], place: int, welfare: Fraction, units: str) -> list[str]:
    """What it would cost all together to move it past a neighbour, everybody else in the same order."""
    if problem.queue.inserted_idle:
        return []
    lines = []
    for step, where in ((-1, "before"), (1, "after")):
        other = place + step
        if not 0 <= other < len(sequence):
            continue
        swapped = list(sequence)
        swapped[place], swapped[other] = swapped[other], swapped[place]
        worth = sum((problem.worth(j, t) for j, t in zip(swapped, problem.timed(swapped)[1], strict=True)), Fraction(0))
        name = problem.jobs[sequence[other]].name
        lost = welfare - worth
        if lost > 0:
            lines.append(f"One place {'earlier' if step < 0 else 'later'}, {where} {name}, all together would lose "
                         f"{word(lost)}{units}; a report that makes it gain more than that by the move would change "
                         "the order.")  # fmt: skip
        else:
            lines.append(f"One place {'earlier' if step < 0 else 'later'}, {where} {name}, is as good: the tie rule "
                         "decides.")  # fmt: skip
    return lines


def _displaced_jobs(
    problem: Problem, sequence: list[int], place: int, served: list[tuple[Fraction, Fraction]], units: str
) -> list[str]:
    """Who would be done at another time without the job; served: (completion, value) in the order."""
    leaving = sequence[place]
    name = problem.jobs[leaving].name
    if len(sequence) == 1:
        return ["Nobody else wants the resource."]
    rest = problem.without(leaving)
    order = best_order(rest)
    names = [rest.jobs[k].name for k in order.sequence]
    without = dict(zip(names, zip(order.completion, order.value, strict=True), strict=True))
    others = {problem.jobs[j].name: now for j, now in zip(sequence, served, strict=True) if j != leaving}
    moved = [(other, now, worth - without[other][1], without[other][0]) for other, (now, worth) in others.items()
             if now != without[other][0]]  # fmt: skip
    lost = order.welfare - sum((worth for _, worth in others.values()), Fraction(0))
    return _displaced(name, moved, lost, units, "is done")


def _displaced(name: str, moved: list[tuple[Any, Fraction, Fraction, Fraction]], lost: Fraction, units: str,
               verb: str) -> list[str]:  # fmt: skip
    """Who would be served at another time without it: (name, time now, value gained by its presence, time without)."""
    if not moved:
        return [f"Without {name} nobody would be served at another time: it displaces no one."]
    lines = [f"Without {name} the others could have {word(lost)}{units} more. It displaces:"]
    for other, now, gain, alone in sorted(moved, key=lambda row: row[2])[:LISTED]:
        change = f"loses {word(-gain)}" if gain < 0 else f"gains {word(gain)}" if gain > 0 else "loses nothing"
        lines.append(
            f"  {other}, which {verb} at {word(now)} in place of {word(alone)} and {change}{units if gain else ''}"
        )
    if len(moved) > LISTED:
        lines.append(f"  and {len(moved) - LISTED} more")
    return lines


def _plane(environment: Environment, landing: Landing, table: Any, place: int) -> list[str]:
    sequence = [int(name) - 1 for name in table["name"]]
    i, units = sequence[place], _units(environment)
    times, values = _column(table, "start"), _column(table, "value")
    plane = landing.planes[i]
    gap = times[place] - plane.target
    when = "on its target" if not gap else f"{word(abs(gap))} {'after' if gap > 0 else 'before'} its target"
    lines = [f"Plane {i + 1} lands {_ordinal(place + 1)} of {len(sequence)}, at {word(times[place])}, {when} of "
             f"{word(plane.target)}; that costs it {word(-values[place])}{units}."]  # fmt: skip
    cost = -sum(values, Fraction(0))
    for step, where in ((-1, "earlier"), (1, "later")):
        if 0 <= place + step < len(sequence):
            swapped = list(sequence)
            swapped[place], swapped[place + step] = swapped[place + step], swapped[place]
            least = cost_of_order(landing, swapped)
            other = sequence[place + step] + 1
            lines.append(
                f"One place {where}, exchanged with plane {other}, no times keep every window and separation."
                if least is None else
                f"One place {where}, exchanged with plane {other}, all would cost {word(least - cost)}{units} more."
            )  # fmt: skip
    if len(sequence) > 1:
        rest = leave_out(landing, i)
        alone = runway.solve(rest)
        keep = [k for k in range(len(sequence)) if k != i]
        without = {keep[k] + 1: (t, -c) for k, t, c in zip(alone.sequence, alone.time, alone.cost, strict=True)}
        now = {k + 1: (t, v) for k, t, v in zip(sequence, times, values, strict=True) if k != i}
        moved = [(f"plane {k}", t, v - without[k][1], without[k][0]) for k, (t, v) in now.items() if t != without[k][0]]
        lost = -alone.total - sum((v for _, v in now.values()), Fraction(0))
        lines += _displaced(f"plane {i + 1}", moved, lost, units, "lands")
    return [*lines, *_transfer(environment, table, place, units)]


def _transfer(environment: Environment, table: Any, place: int, units: str) -> list[str]:
    """What it receives, and from which rule."""
    paid, utility = _column(table, "transfer")[place], _column(table, "utility")[place]
    welfare = sum(_column(table, "value"), Fraction(0))
    others = word(welfare - _column(table, "value")[place])
    reason = {
        "one_stage": f"its share of the welfare, {word(welfare)}, less its own value",
        "two_stage": f"what the others get, {others}",
        "pivot": f"what the others get, {others}, less what they could have without it",
        "balanced": f"what the others get, {others}, less what their reports alone say, so that transfers sum to zero",
        "minimum_variance": f"what the others get, {others}, less the welfare that their reports let expect",
    }[environment.design]
    if environment.constant is not None and environment.design not in ("one_stage", "balanced"):
        reason += ", and the constant"
    does = f"receives {word(paid)}" if paid > 0 else f"pays {word(-paid)}" if paid < 0 else "receives and pays nothing"
    return [f"It {does}{units if paid else ''}: {reason}. That leaves it {word(utility)}{units}."]


def _units(environment: Environment) -> str:
    return f" {environment.units}" if environment.units else ""


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
