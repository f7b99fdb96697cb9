"""The best an agent could do under Appendix A.1, knowing everything, among statements on a grid: exact search.

What an agent states enters its own regrets there, so that states differ by every statement, and no finite search covers
all of them; on a grid states meet again, and the better payoff is kept. Everything is in fractions, by the plain
protocol. Source: chassang2021, Proposition A.1.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.arithmetic import Fractions
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.online import Online
from mechopt.mechanisms.limited_liability.rules import Rules

MOST_STEPS = 50_000  # periods that are settled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridDeviation:
    """The best sequence of statements.

    Attributes:
        payoff: output less payment, total of the horizon.
        truth: the same under the truth.
        stated: what to state, [period][decision].
    """

    payoff: Fraction
    truth: Fraction
    stated: list[list[Fraction]]


def grid_deviation(environment: Environment, agent: int, steps: int) -> GridDeviation:
    """The best statements that are multiples of y_max / steps, against the others as recorded.

    Args:
        environment: values are the others' statements and the agent's true values; outputs are foreseen. The variant
            is taken to be bounded_values, whatever it says.
        agent: its position.
        steps: of the grid, at least 1.

    Raises:
        InstanceError: there is no grid, or too much to search.
    """
    if steps < 1:
        raise InstanceError(f"{steps} is no grid; the search needs at least 1 step", key="steps")
    rules, bound = bounded(environment), Fraction(exact.parse(environment.output_bound))
    values, outputs = fractions(environment.values), fractions(environment.outputs)
    grid = [bound * step / steps for step in range(steps + 1)]
    settled = 0
    reached: dict[Any, tuple[Fraction, dict[str, Any], list[list[Fraction]]]] = {
        (): (Fraction(0), Online(rules, Fractions()).snapshot(), [])
    }
    for table, produced in zip(values, outputs, strict=True):
        after: dict[Any, tuple[Fraction, dict[str, Any], list[list[Fraction]]]] = {}
        settled += len(reached) * len(grid) ** len(table[0])
        if settled > MOST_STEPS:
            raise InstanceError(f"more than {MOST_STEPS} periods to settle; take fewer, or a coarser grid", key="steps")
        for (payoff, snapshot, said), stated in itertools.product(
            reached.values(), itertools.product(grid, repeat=len(table[0]))
        ):
            online = Online.restore(rules, snapshot, Fractions())
            total = payoff + play(online, table, produced, agent, stated)
            key = tuple(online.value), tuple(online.held), tuple(online.idle)
            if key not in after or after[key][0] < total:
                after[key] = total, online.snapshot(), [*said, list(stated)]
        reached = after
    best = max(reached.values(), key=lambda state: state[0])
    return GridDeviation(
        payoff=best[0], truth=replayed(environment, agent, [table[agent] for table in values]), stated=best[2]
    )


def replayed(environment: Environment, agent: int, stated: list[list[Fraction]]) -> Fraction:
    """Output less payment of an agent that states these values, [period][decision], under Appendix A.1."""
    online, total = Online(bounded(environment), Fractions()), Fraction(0)
    for table, produced, said in zip(
        fractions(environment.values), fractions(environment.outputs), stated, strict=True
    ):
        total += play(online, table, produced, agent, said)
    return total


def play(online: Online, table: list[list[Any]], produced: list[list[Any]], agent: int, stated: Any) -> Fraction:
    """One period, in which an agent states something else; its payoff."""
    proposal = online.propose([list(stated) if j == agent else row for j, row in enumerate(table)])
    outputs = [row[proposal.decisions[0]] for row in produced]
    return Fraction(outputs[agent] - online.settle(proposal, 0, outputs).paid[agent])


def bounded(environment: Environment) -> Rules:
    """The rules of Appendix A.1, with or without R^B as the document says."""
    return replace(environment.rules, variant="bounded_values", payment="output", discount=None, limits=None)


def fractions(array: NDArray[np.float64]) -> list[list[list[Fraction]]]:
    """[period][agent][decision], floats as their shortest decimals."""
    return [[[Fraction(exact.parse(value)) for value in row] for row in period] for period in array.tolist()]
