"""Untruthful equilibria of the one-stage mechanism on a grid of times: how many there are, and how bad the worst is.

Values are known and fixed. With shares (0, 1) agent 1 is indifferent, so a pair of strategies is an equilibrium where
agent 2's report is best for every pair of true times. Source: zheng2023, Section 5; refutes item 1 to 3 of
Proposition 2 for fixed values where the worst loss is above 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import solver
from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.borrowing.equilibrium import Game
from mechopt.outcome import Guarantee
from mechopt.program import MixedIntegerProgram

LARGEST_ENUMERATION = 5  # types of agent 1: 5^5 strategies
LARGEST_PROGRAM = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The equilibrium with the largest expected loss of welfare.

    Attributes:
        loss: expected W* less the welfare of the reports' order, over the grid's probabilities.
        strategies: the number of the type reported for each type, by agent.
        count: how many equilibria there are, where they were counted.
        guarantee: what the loss is worth.
    """

    loss: Fraction
    strategies: tuple[tuple[int, ...], tuple[int, ...]]
    count: int | None
    guarantee: Guarantee


def _tables(found: Game) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """(best[s, t, r, q]: report q is best for agent 2 at true types s, t and report r of agent 1; loss[s, t, r, q])."""
    for agent in (0, 1):
        if len({name for name, _ in found.types[agent]}) > 1:
            raise InstanceError("values must be known: one value function an agent", key="agents.beliefs")
    worth = np.stack([found.welfare(sign) for sign in (-1, 0, 1)], axis=-1)  # twice the welfare, [s, t, outcome]
    outcome = found.sign.astype(int) + 1  # [r, q]
    reached = worth[:, :, outcome]  # [s, t, r, q]
    best = reached == reached.max(axis=3, keepdims=True)
    weight = np.array([[p * q for q in found.probability[1]] for p in found.probability[0]], dtype=object)
    top = worth.max(axis=-1)[:, :, None, None]
    loss = (top - reached).astype(object) * (weight * Fraction(1, 2) * found.unit)[:, :, None, None]
    return best, loss


def enumerate_all(found: Game) -> Worst:
    """Every equilibrium, by going through agent 1's strategies.

    Raises:
        InstanceError: too many types, or several value functions an agent.
    """
    ones, _twos = found.sign.shape
    if ones > LARGEST_ENUMERATION:
        raise InstanceError(f"{ones} types are too many to enumerate (at most {LARGEST_ENUMERATION})", key="grid")
    best, loss = _tables(found)
    count, worst = 0, None
    places = np.arange(ones)
    for strategy in product(range(ones), repeat=ones):
        # best[s, t, m1(s), q] for all s: what agent 2 of each type may report.
        allowed = np.asarray(best[places, :, list(strategy), :]).all(axis=0)
        ways = prod(int(n) for n in allowed.sum(axis=1))
        if not ways:
            continue
        count += ways
        total = loss[places, :, list(strategy), :].sum(axis=0)
        # Of the reports allowed to each type, the one that loses most.
        masked = np.where(allowed, total, np.array(Fraction(-1), dtype=object))
        answer = tuple(int(q) for q in masked.argmax(axis=1))
        lost = sum((total[t, q] for t, q in enumerate(answer)), Fraction(0))
        if worst is None or lost > worst[0]:
            worst = (lost, (tuple(strategy), answer))
    if worst is None:
        raise InstanceError("there is no equilibrium on this grid, not even the truth", key="grid")
    guarantee = Guarantee(kind="exact", detail=f"all {ones**ones} strategies of agent 1, compared exactly")
    return Worst(loss=worst[0], strategies=worst[1], count=count, guarantee=guarantee)


def by_program(found: Game) -> Worst:
    """The worst equilibrium by a mixed-integer program.

    Binaries x[s, r], y[t, q], one report a type; x[s, r] + sum of y[t, q] over q not best at (s, t, r) <= 1; losses
    are counted by z[s, t, r, q] <= x[s, r], y[t, q]. The equilibrium found is checked, its loss recomputed exactly.

    Raises:
        InstanceError: too many types, or several value functions an agent.
        SolveError: HiGHS gave up.
    """
    ones, twos = found.sign.shape
    if max(ones, twos) > LARGEST_PROGRAM:
        raise InstanceError(f"{max(ones, twos)} types are too many (at most {LARGEST_PROGRAM})", key="grid")
    best, loss = _tables(found)
    solution = solver.solve(_program(best, loss))
    chosen = solution.point > 0.5
    one = tuple(int(r) for r in chosen[: ones * ones].reshape(ones, ones).argmax(axis=1))
    two = tuple(int(q) for q in chosen[ones * ones : ones * ones + twos * twos].reshape(twos, twos).argmax(axis=1))
    pairs = [(s, t) for s in range(ones) for t in range(twos)]
    if not all(best[s, t, one[s], two[t]] for s, t in pairs):
        raise SolveError("the strategies that HiGHS found are no equilibrium in exact numbers")
    lost = sum((loss[s, t, one[s], two[t]] for s, t in pairs), Fraction(0))
    gap = max(abs(solution.bound - float(lost)), 1e-9)
    guarantee = Guarantee(kind="bounded", detail="the equilibrium is checked exactly; no worse one, by the bound of "
                          "HiGHS's branch and bound", error=gap)  # fmt: skip
    return Worst(loss=lost, strategies=(one, two), count=None, guarantee=guarantee)


def _program(best: NDArray[np.bool_], loss: NDArray[Any]) -> MixedIntegerProgram:
    ones, twos = best.shape[:2]
    x = np.arange(ones * ones).reshape(ones, ones)
    y = ones * ones + np.arange(twos * twos).reshape(twos, twos)
    lossy = [(s, t, r, q) for s, t, r, q in product(range(ones), range(twos), range(ones), range(twos))
             if best[s, t, r, q] and loss[s, t, r, q]]  # fmt: skip
    size = ones * ones + twos * twos + len(lossy)
    rows: list[tuple[list[int], list[float], float, float]] = []
    rows += [(list(row), [1.0] * len(row), 1.0, 1.0) for row in (*x.tolist(), *y.tolist())]
    for s, t, r in product(range(ones), range(twos), range(ones)):
        wrong = np.flatnonzero(~best[s, t, r])
        if wrong.size:
            rows.append(([int(x[s, r]), *y[t, wrong].tolist()], [1.0] * (1 + wrong.size), -np.inf, 1.0))
    for place, (s, t, r, q) in enumerate(lossy, ones * ones + twos * twos):
        for limit in (int(x[s, r]), int(y[t, q])):
            rows.append(([place, limit], [1.0, -1.0], -np.inf, 0.0))
    cost = np.zeros(size)
    cost[ones * ones + twos * twos :] = [float(loss[at]) for at in lossy]
    return MixedIntegerProgram.from_triplets(
        np.concatenate([[k] * len(columns) for k, (columns, _, _, _) in enumerate(rows)]),
        np.concatenate([columns for columns, _, _, _ in rows]),
        np.concatenate([values for _, values, _, _ in rows]),
        sense="max", cost=cost, lower=np.zeros(size), upper=np.ones(size),
        row_lower=np.array([low for _, _, low, _ in rows]), row_upper=np.array([high for _, _, _, high in rows]),
        integer=np.arange(size) < ones * ones + twos * twos,
    )  # fmt: skip
