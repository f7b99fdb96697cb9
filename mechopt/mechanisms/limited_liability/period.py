"""One period: what is proposed before the draw, what is settled after it, and the sums both rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.arithmetic import Arithmetic, Ledger, total
from mechopt.mechanisms.limited_liability.rules import Rules

Number = Any  # float, Fraction or int, by arithmetic


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proposal:
    """What is fixed before the draw.

    Attributes:
        period: t, from 1.
        decisions: a*(G) of each group, by index; equal numbers mean the same decision.
        shares: mu_t, a probability a group.
        weights: lambda_i, by agent; 1 where the variant has none.
        pays: whether the agent pays this period (it has debt).
        stated: stated value of each agent under each group's decision, [group][agent]; used by pivot and
            bounded_values only.
        shortfall: stated total value lost by the weights (bounded_values), (A.11) for G = I; else 0.
        limited: sum_a s_a of `response.respond` where limits bind; else 0.
    """

    period: int
    decisions: Sequence[int]
    shares: Sequence[Number]
    weights: Sequence[Number]
    pays: Sequence[bool]
    stated: Sequence[Sequence[Number]]
    shortfall: Number
    limited: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settlement:
    """What a period ends with.

    Attributes:
        group: the one drawn; 0 is everybody, i is everybody but agent i.
        paid: what each agent pays, the paper's tau_i(a_t).
        expected: tau_i(mu_t), as a regret; what was paid where only realised outputs are used.
    """

    group: int
    paid: Sequence[Number]
    expected: Sequence[Number]


def decide(values: Sequence[Sequence[Number]], weights: Sequence[Number], zero: Number) -> list[int]:
    """a*(G) for the groups I, I\\1, ..., I\\n: the first decision with the largest weighted sum of stated values.

    Args:
        values: stated, [agent][decision].
        weights: a factor an agent, 1 or lambda_i.
        zero: of the arithmetic.
    """
    chosen = []
    for left_out in range(-1, len(values)):
        best, best_sum = 0, None
        for decision in range(len(values[0])):
            value = zero
            for agent, row in enumerate(values):
                if agent != left_out:
                    value = value + weights[agent] * row[decision]
            if best_sum is None or value > best_sum:
                best, best_sum = decision, value
        chosen.append(best)
    return chosen


def discount(rules: Rules, numbers: Arithmetic) -> Number:
    """delta in an arithmetic; on the grid of the ledger rounded to the nearest.

    Raises:
        InstanceError: it is so close to 0 or 1 that the grid does not tell it from them.
    """
    if rules.discount is None:
        raise ValueError("there is no discount")
    if not isinstance(numbers, Ledger):
        return rules.discount * numbers.one
    fade = round(rules.discount * numbers.one)
    if not 0 < fade < numbers.one:
        raise InstanceError(
            f"{exact.show(rules.discount)} is {fade // numbers.one} on the grid of the integer ledger, 2^-32",
            key="discount",
        )
    return fade


def sums(rows: Sequence[Sequence[Number]]) -> tuple[list[Number], list[list[Number]]]:
    """Y(G) and Y_{-i}(G): totals over all agents and over all but one, in agent order."""
    everybody, others = [], []
    for row in rows:
        zero = 0 * row[0]
        everybody.append(total(row, zero))
        others.append(
            [total([output for j, output in enumerate(row) if j != left_out], zero) for left_out in range(len(row))]
        )
    return everybody, others
