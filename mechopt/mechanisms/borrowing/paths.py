"""Simulated rounds: times and values drawn from the belief, the round's deficit T_1 + T_2, and the budget's paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.borrowing.conditional import means_in_floats
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.values import NEAR

Floats = NDArray[np.float64]
Strategy = Literal["truth", "shift", "extraction"]
CACHED = 8192  # rounds whose arrays fit into a cache together
CHUNK = 20_000  # rounds whose conditional means are computed together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setup:
    """What a block of replications needs.

    Attributes:
        environment: two agents.
        rounds: of each replication.
        constant: what both constants add to a round's deficit.
        feedback: kappa, 0 for none.
        strategy: of both agents, in the second stage.
        checkpoints: rounds at which the budget is kept.
        allowance: k of the drift alarm, S_r = max(0, S_{r-1} + X_r - k).
    """

    environment: Environment
    rounds: int
    constant: float
    feedback: float
    strategy: Strategy
    checkpoints: NDArray[np.intp]
    allowance: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """What a block of replications leaves.

    Attributes:
        budget: B_r at the checkpoints, shape (replications, checkpoints).
        peak: the largest B_r up to each checkpoint, likewise, 0 at least.
        alarm: the largest S_r of the drift alarm, shape (replications,).
        total: sum and sum of squares of the rounds' deficits before feedback, and their number.
    """

    budget: Floats
    peak: Floats
    alarm: Floats
    total: tuple[float, float, int]


def draw(environment: Environment, generator: np.random.Generator, size: int) -> tuple[Any, Any]:
    """(values as numbers in the agents' beliefs, times), each a pair of arrays of shape (size,)."""
    which, times = [], []
    for agent in environment.agents:
        levels = np.cumsum([float(p) for _, p in agent.beliefs])[:-1]
        chosen = np.zeros(size, dtype=np.int8 if len(levels) < 100 else np.intp)
        if len(levels):
            level = generator.random(size)
            for limit in levels.tolist():
                np.add(chosen, level >= limit, out=chosen, casting="unsafe")
        which.append(chosen)
        times.append(agent.times.draw(generator, size))
    return (which[0], which[1]), (times[0], times[1])


def payoffs(environment: Environment, which: Any, times: Any) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """(v_i(t_i) by agent, v_i(t1 + t2) by agent) of drawn rounds."""
    total = times[0] + times[1]
    own, late = [], []
    for agent in (0, 1):
        beliefs = environment.agents[agent].beliefs
        mine, after = np.empty(total.shape), np.empty(total.shape)
        for place, (name, _) in enumerate(beliefs):
            at: Any = slice(None) if len(beliefs) == 1 else which[agent] == place
            function = environment.values[name]
            mine[at], after[at] = function.floats(times[agent][at]), function.floats(total[at])
        own.append(mine)
        late.append(after)
    return (own[0], own[1]), (late[0], late[1])


def deficits(
    environment: Environment, expectations: Expectations | None, which: Any, times: Any, strategy: Strategy = "truth"
) -> Floats:
    """T_1 + T_2 of drawn rounds, constants left out; expectations are needed for least variance, and made if None.

    "shift": each agent adds 1 - v_j(t_j) to his second-stage report; "extraction": both report 1 (the order is
    efficient, and any other would be answered by -1).
    """
    if strategy == "truth" and environment.design != "minimum_variance":
        lines = _lines(environment)
        if lines is not None:
            return _affine_deficits(lines, which, times, pivot=environment.design == "pivot")
    own, late = payoffs(environment, which, times)
    best = np.maximum(own[0] + late[1], own[1] + late[0])
    told = best
    if strategy == "shift":
        told = best + 2 - own[0] - own[1]
    elif strategy == "extraction":
        tie = np.abs(own[0] + late[1] - own[1] - late[0]) <= NEAR * (1 + np.abs(best))
        shifted = sum((own[a] + late[a]) / 2 + 1 - np.maximum(own[a], late[a]) for a in (0, 1))
        told = np.where(tie, shifted, 2.0)
    if environment.design == "pivot":
        return told - own[0] - own[1]
    if environment.design == "minimum_variance":
        expectations = expectations or Expectations(environment)
        for axis in (0, 1):
            told = told - _means(environment, expectations, axis, which[axis], times[axis])
    return np.asarray(told)


def _lines(environment: Environment) -> list[tuple[Floats, Floats]] | None:
    """(a, b) of a - b t for the beliefs of each agent, where every value function is affine."""
    found = []
    for agent in environment.agents:
        lines = [environment.values[name].affine for name, _ in agent.beliefs]
        if any(line is None for line in lines):
            return None
        found.append(tuple(np.array([float(line[k]) for line in lines if line is not None]) for k in (0, 1)))
    return [(a, b) for a, b in found]


def _affine_deficits(lines: list[tuple[Floats, Floats]], which: Any, times: Any, *, pivot: bool) -> Floats:
    """W* = v1(t1) + v2(t2) - min(b1 t2, b2 t1), block by block so that what is between stays in the cache."""
    result = np.empty(times[0].shape)
    for start in range(0, result.size, CACHED):
        at = slice(start, start + CACHED)
        t1, t2 = times[0][at], times[1][at]
        (a1, b1), (a2, b2) = ((a[chosen[at]], b[chosen[at]]) for (a, b), chosen in zip(lines, which, strict=True))
        out = np.minimum(b1 * t2, b2 * t1, out=result[at])
        np.negative(out, out=out)
        if not pivot:
            b1 *= t1
            b2 *= t2
            a1 += a2
            b1 += b2
            a1 -= b1
            out += a1
    return result


def _means(environment: Environment, expectations: Expectations, axis: int, which: Any, times: Floats) -> Floats:
    result = np.empty(times.shape)
    for place, (name, _) in enumerate(environment.agents[axis].beliefs):
        at = np.flatnonzero(which == place)
        for start in range(0, at.size, CHUNK):
            some = at[start : start + CHUNK]
            result[some] = means_in_floats(expectations, axis, name, times[some])
    return result


def play(item: tuple[Setup, int], generator: np.random.Generator) -> Block:
    """One block of replications: a task for `tasks.run`."""
    setup, replications = item
    environment = setup.environment
    size = replications * setup.rounds
    which, times = draw(environment, generator, size)
    moves = deficits(environment, None, which, times, setup.strategy).reshape(replications, setup.rounds)
    moves += setup.constant
    total = (float(moves.sum()), float(moves.ravel() @ moves.ravel()), moves.size)
    alarm = np.zeros(replications)
    level = np.zeros(replications)
    for r in range(setup.rounds):
        level = np.maximum(0.0, level + moves[:, r] - setup.allowance)
        np.maximum(alarm, level, out=alarm)
    if setup.feedback:
        budget = np.empty_like(moves)
        held = np.zeros(replications)
        for r in range(setup.rounds):
            held = (1 - setup.feedback) * held + moves[:, r]
            budget[:, r] = held
    else:
        budget = np.cumsum(moves, axis=1)
    peak = np.maximum(0.0, np.maximum.accumulate(budget, axis=1))
    kept = setup.checkpoints - 1
    return Block(budget=budget[:, kept], peak=peak[:, kept], alarm=alarm, total=total)
