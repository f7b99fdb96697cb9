"""The attack on reported counterfactual outputs: two agents, one resource, y = v, and agent 1 with the lower value.

Agent 1 states the value 1, so that it is served unless its debt leaves it out. It reports output 0 where it was served
(and pays nothing), and output 1 for being served where it was not: that is credited as an expected transfer, and
nobody ever pays it. Agent 2 is truthful.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.evidence import Instance

books = catalog.beside(__file__, "_books")


def two_values(instance: Instance) -> bool:
    """Two agents and one resource, outputs equal to values 0 < v_1 < v_2 < 1."""
    first, second = instance["values"]
    return bool(0 < first < second < 1)


def reported(values: Any, served: bool, *, sealed: bool = False) -> list[list[Any]]:
    """The outputs that the mechanism sees per group (I, I without 1, I without 2), after a draw.

    `served` says whether agent 1 was; with `sealed` its report is fixed before the draw, at its true value.
    """
    claim = values[0] if sealed else 0 if served else 1
    return [[claim, 0], [0, values[1]], [claim, 0]]


def tree(values: Any, periods: int, *, sealed: bool = False) -> Iterator[tuple[Any, ...]]:
    """Every history: probability, periods before, R^I, R_i, mu(I without 1), whether 1 was served, dR^I, dR_i."""
    states: list[tuple[Any, Any, list[Any]]] = [(Fraction(1), Fraction(0), [Fraction(0), Fraction(0)])]
    for period in range(periods):
        following = []
        for chance, efficiency, own in states:
            shares = books.lottery(efficiency, own)
            out = shares[1]  # agent 1 is left out exactly where the group is I without 1
            for served, probability in ((True, 1 - out), (False, out)):
                if probability:
                    outputs = reported(values, served, sealed=sealed)
                    extra, more = books.step({"efficiency": efficiency, "regrets": own, "outputs": outputs})
                    yield chance * probability, period, efficiency, own, out, served, extra, more
                    changed = [r + d for r, d in zip(own, more, strict=True)]
                    following.append((chance * probability, efficiency + extra, changed))
        states = following


def guaranteed(values: Any, quarter: Any, factor: Any = 1) -> Fraction:
    """What the attack gains a period over the truth, at least, with N = 9 quarter^4 periods or more."""
    first, second = map(Fraction, values)
    return first * (1 - second) - first / quarter - Fraction(factor) / quarter**2


def horizon(values: Any, epsilon: Any, factor: Any = 1) -> int | None:
    """A horizon from which on the attack gains more than epsilon a period; None where the bound never gets there."""
    if Fraction(values[0]) * (1 - Fraction(values[1])) <= epsilon:
        return None
    quarter = 1
    while guaranteed(values, quarter, factor) <= epsilon:
        quarter *= 2
    return 9 * quarter**4
