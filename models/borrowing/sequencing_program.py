"""Who uses the resource when, as three programs of one queue: time-indexed, positional, and a longest path.

Each maximises the sum of values at completion, max sum_j v_j(C_j), for any value functions. The time-indexed program
is tight and takes many jobs; the positional one is the textbook's, weak, and open for side constraints on places in
the line; the longest path has whole vertices, at the price of a node for every set of jobs.

All are independent of the engine, which uses dynamic programs and closed forms. Source: zheng2023, Section 12 (more
agents, release times); the formulations are the scheduling literature's (Sousa and Wolsey 1992; Lasserre and Queyranne
1992).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm
from typing import Any

import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.borrowing.environment import Environment, Queue
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.sequencing import best_order

LARGEST_PATH = 12  # jobs: 2^12 nodes
LARGEST = 200_000  # binaries


def queue_of(environment: Environment) -> Problem:
    """The environment's queue, with what these programs cannot say refused.

    Raises:
        InstanceError: no jobs, separations, idle time without a horizon, or a value that rises after a release.
    """
    queue = environment.sequence
    if not isinstance(queue, Queue) or not queue.jobs:
        raise InstanceError("this program puts jobs in order: a [sequence] with jobs is needed", key="sequence")
    if queue.separation:
        raise InstanceError("this program has no separations between jobs", key="sequence.separation")
    if queue.inserted_idle and queue.horizon is None:
        raise InstanceError("with inserted idle this program needs a horizon", key="sequence.horizon")
    problem = Problem(queue, dict(environment.values))
    if problem.released and not queue.inserted_idle:
        end = Environment.horizon(queue)
        for row, (job, function) in enumerate(zip(problem.jobs, problem.functions, strict=True), 1):
            low = job.duration + (0 if queue.since_release else job.release)
            if function.nonincreasing(low, end - (job.release if queue.since_release else 0)) is not True:
                raise InstanceError(
                    "rises with time: after a release this program would wait for it, which the queue does not allow; "
                    "set inserted_idle = true", key="sequence.jobs.value", row=row,
                )  # fmt: skip
    return problem


def _steps(problem: Problem) -> tuple[Fraction, int]:
    """The common step of durations and releases, and how many of them there are from the earliest release on."""
    points = [point for job in problem.jobs for point in (job.duration, job.release)]
    end = Environment.horizon(problem.queue)
    if problem.queue.inserted_idle and problem.queue.horizon is not None:
        end = problem.queue.horizon
    step = Fraction(1, lcm(*(point.denominator for point in [*points, end])))
    return step, int((end - problem.begin) / step)


def build_time_indexed(environment: Environment) -> pyo.ConcreteModel:
    """max sum v_j(s + p_j) x_js: each job starts once, and one job at most is at work in each step.

    Raises:
        InstanceError: see `queue_of`; or too many steps.
    """
    problem = queue_of(environment)
    step, steps = _steps(problem)
    length = [int(job.duration / step) for job in problem.jobs]
    ready = [int((job.release - problem.begin) / step) for job in problem.jobs]
    starts = [(j, s) for j in range(len(problem)) for s in range(ready[j], steps - length[j] + 1)]
    if len(starts) > LARGEST:
        raise InstanceError(f"{len(starts)} starts on a grid of {exact.show(step)} are too many", key="sequence.jobs")
    m = pyo.ConcreteModel(name="order, time-indexed")
    m.jobs, m.starts = pyo.RangeSet(0, len(problem) - 1), pyo.Set(initialize=starts, dimen=2)
    m.begins = pyo.Var(m.starts, within=pyo.Binary)  # x_js: job j begins with step s
    m.once = pyo.Constraint(  # sum_s x_js = 1
        m.jobs, rule=lambda m, j: pyo.quicksum(m.begins[j, s] for s in range(ready[j], steps - length[j] + 1)) == 1
    )

    def at_work(m: pyo.ConcreteModel, t: int) -> Any:  # sum_j sum_{t - p_j < s <= t} x_js
        busy = [(j, s) for j in m.jobs for s in range(max(ready[j], t - length[j] + 1), t + 1) if (j, s) in m.starts]
        if not busy:
            return pyo.Constraint.Skip
        total = pyo.quicksum(m.begins[at] for at in busy)
        return total == 1 if problem.plain else total <= 1  # nothing waits where all are ready

    m.one_at_a_time = pyo.Constraint(pyo.RangeSet(0, steps - 1), rule=at_work)
    m.instants = pyo.ConstraintList()  # a job that takes no time does not happen in the middle of another
    for j, s in starts:
        inside = [(k, t) for k, t in starts if t < s < t + length[k]] if length[j] == 0 else []
        if inside:
            m.instants.add(m.begins[j, s] + pyo.quicksum(m.begins[k, t] for k, t in inside) <= 1)
    m.welfare = pyo.Objective(
        expr=pyo.quicksum(_worth(problem, j, s + length[j], step) * m.begins[j, s] for j, s in starts),
        sense=pyo.maximize,
    )
    return m


def _worth(problem: Problem, job: int, end: int, step: Fraction) -> float:
    return exact.as_float(problem.worth(job, problem.begin + end * step))


def build_positional(environment: Environment) -> pyo.ConcreteModel:
    """max sum v_j(t) w_jkt, where w_jkt says that job j has place k in the line and is done after t steps.

    v_j(C_k) x_jk, the product of a place and its completion time, is linear in these.

    Raises:
        InstanceError: see `queue_of`; or too many places times steps.
    """
    problem = queue_of(environment)
    step, steps = _steps(problem)
    count = len(problem)
    if count * count * steps > LARGEST:
        raise InstanceError(f"{count} places of {count} jobs at {steps} times are too many", key="sequence.jobs")
    length = [int(job.duration / step) for job in problem.jobs]
    first = [int((job.release - problem.begin) / step) + length[j] for j, job in enumerate(problem.jobs)]
    m = pyo.ConcreteModel(name="order, positional")
    m.jobs, m.places = pyo.RangeSet(0, count - 1), pyo.RangeSet(1, count)
    ends = [(j, k, t) for j in range(count) for k in range(1, count + 1) for t in range(first[j], steps + 1)]
    m.ends = pyo.Set(initialize=ends, dimen=3)
    m.done = pyo.Var(m.ends, within=pyo.Binary)  # w_jkt

    def total(k: int, weight: Callable[[int, int], int]) -> Any:
        return pyo.quicksum(
            weight(j, t) * m.done[j, k, t] for j in range(count) for t in range(first[j], steps + 1)
        )  # fmt: skip

    m.each_job = pyo.Constraint(  # every job has one place
        m.jobs,
        rule=lambda m, j: pyo.quicksum(m.done[j, k, t] for k in m.places for t in range(first[j], steps + 1)) == 1,
    )
    m.each_place = pyo.Constraint(m.places, rule=lambda m, k: total(k, lambda j, t: 1) == 1)  # has one job

    def clock(m: pyo.ConcreteModel, k: int) -> Any:  # C_k = C_{k-1} + p of the job at place k; later with releases
        before = total(k - 1, lambda j, t: t) if k > 1 else 0
        now = total(k, lambda j, t: t - length[j])
        return now == before if problem.plain else now >= before

    m.clock = pyo.Constraint(m.places, rule=clock)
    m.welfare = pyo.Objective(
        expr=pyo.quicksum(_worth(problem, j, t, step) * m.done[j, k, t] for j, k, t in ends), sense=pyo.maximize
    )
    return m


def build_longest_path(environment: Environment) -> pyo.ConcreteModel:
    """max sum v_j(p(S + j)) y_Sj: a unit of flow from the empty set to that of all jobs; its vertices are orders.

    Raises:
        InstanceError: see `queue_of`; releases, idle time, or more than 12 jobs.
    """
    problem = queue_of(environment)
    count = len(problem)
    if not problem.plain:
        raise InstanceError("the longest path needs jobs that are ready together, and no idle time", key="sequence")
    if count > LARGEST_PATH:
        raise InstanceError(f"{count} jobs have 2^{count} sets; at most {LARGEST_PATH} jobs", key="sequence.jobs")
    whole = (1 << count) - 1
    time = [problem.begin + sum((problem.jobs[j].duration for j in range(count) if s >> j & 1), Fraction(0))
            for s in range(whole + 1)]  # fmt: skip
    arcs = [(s, j) for s in range(whole + 1) for j in range(count) if not s >> j & 1]
    m = pyo.ConcreteModel(name="order, longest path")
    m.arcs = pyo.Set(initialize=arcs, dimen=2)
    m.flow = pyo.Var(m.arcs, within=pyo.NonNegativeReals)  # y_Sj: job j follows the set S

    def conserve(m: pyo.ConcreteModel, s: int) -> Any:  # what leaves a set, less what comes in
        out = pyo.quicksum(m.flow[s, j] for j in range(count) if not s >> j & 1)
        into = pyo.quicksum(m.flow[s ^ (1 << j), j] for j in range(count) if s >> j & 1)
        return out - into == (1 if s == 0 else -1 if s == whole else 0)

    m.conservation = pyo.Constraint(pyo.RangeSet(0, whole), rule=conserve)
    m.welfare = pyo.Objective(
        expr=pyo.quicksum(
            exact.as_float(problem.worth(j, time[s | 1 << j])) * m.flow[s, j] for s, j in arcs
        ),
        sense=pyo.maximize,
    )  # fmt: skip
    return m


def _best(environment: Environment) -> float:
    """The engine's welfare, by whichever of its methods it chooses."""
    return exact.as_float(best_order(queue_of(environment)).welfare)


FORMULATIONS = (
    Formulation(
        name="time_indexed", title="the best order: each job begins once, one at a time", build=build_time_indexed,
        engine=_best,
    ),
    Formulation(
        name="positional", title="the best order: which job has which place in the line", build=build_positional,
        engine=_best,
    ),
    Formulation(
        name="longest_path", title="the best order: the longest path through the sets of jobs done",
        build=build_longest_path, engine=_best,
    ),
)  # fmt: skip
