"""The mechanism of Appendix A.1 in exact fractions, written from the paper; y_max = 1."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance

Rows = Sequence[Sequence[Any]]


def best(rows: Rows, weights: Sequence[Any], without: int | None = None) -> int:
    """The first decision that maximises the weighted sum of values, of all agents or of all but one."""
    totals = [
        sum(w * row[a] for i, (w, row) in enumerate(zip(weights, rows, strict=True)) if i != without)
        for a in range(len(rows[0]))
    ]
    return totals.index(max(totals))


def start(agents: int) -> dict[str, list[Any]]:
    """All regrets 0."""
    return {name: [Fraction(0)] * agents for name in ("value", "a", "b", "incentive", "left_out")}


def weights(state: dict[str, list[Any]], *, use_b: bool = True) -> list[int]:
    """lambda of the next period; without R^B it is 1 wherever R^v <= 0."""
    return [
        int(a >= 0) if v > 0 else int(b >= 0 or not use_b)
        for v, a, b in zip(state["value"], state["a"], state["b"], strict=True)
    ]


def period(state: dict[str, list[Any]], values: Rows, outputs: Rows, *, use_b: bool = True) -> dict[str, list[Any]]:
    """The regrets after a period with stated values and outputs by agent and decision."""
    shares = weights(state, use_b=use_b)
    taken = best(values, shares)
    after = {name: list(numbers) for name, numbers in state.items()}
    for i, (row, share) in enumerate(zip(values, shares, strict=True)):
        alone = best(values, shares, i)
        caused = sum(
            w * (other[alone] - other[taken]) for j, (w, other) in enumerate(zip(shares, values, strict=True)) if j != i
        )
        due = int(state["value"][i] > 0)
        surprise = outputs[i][taken] - share * row[taken]
        after["value"][i] += caused - due * share * row[taken]
        after["incentive"][i] += caused - due * outputs[i][taken]
        after["a" if due else "b"][i] += surprise
        after["left_out"][i] += 1 - share
    return after


def play(path: Sequence[dict[str, Any]], *, use_b: bool = True) -> Iterator[dict[str, list[Any]]]:
    """The regrets after each period of a path."""
    state = start(len(path[0]["values"]))
    for entry in path:
        state = period(state, entry["values"], entry["outputs"], use_b=use_b)
        yield state


def path_given(instance: Instance) -> bool:
    """Stated values and outputs in [0, 1] by agent and decision, for at least one period."""
    path = instance["path"]
    rows = [row for entry in path for name in ("values", "outputs") for row in entry[name]]
    sizes = {(len(entry["values"]), len(entry["outputs"])) for entry in path}
    square = len(path) >= 1 and len(sizes) == 1 and len(set(sizes.pop())) == 1 and len({len(row) for row in rows}) == 1
    return square and all(0 <= number <= 1 for row in rows for number in row)


class Paths:
    """Paths of two agents and two decisions: values 1/4 or 1, outputs 0 or 1, thinned evenly."""

    def __init__(self, periods: int, count: int) -> None:
        self.periods, self.count = periods, count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        levels = (Fraction(1, 4), 1)
        single = [
            {"values": [list(v[:2]), list(v[2:])], "outputs": [[y[0]] * 2, [y[1]] * 2]}
            for v in itertools.product(levels, repeat=4)
            for y in itertools.product((0, 1), repeat=2)
        ]
        total = len(single) ** self.periods
        for place in range(0, total, max(1, total // self.count)):
            digits = [place // len(single) ** k % len(single) for k in range(self.periods)]
            yield {"path": [single[digit] for digit in digits]}

    def __str__(self) -> str:
        return (
            f"{self.count} paths of {self.periods} periods, two agents and decisions, values 1/4 or 1, outputs 0 or 1"
        )


def tree(values: Rows, periods: int, *, use_b: bool = True) -> list[tuple[Any, dict[str, list[Any]]]]:
    """(probability, regrets) after every history where values repeat and outputs are 0 or 1 with those means."""
    states = [(Fraction(1), start(len(values)))]
    for _ in range(periods):
        following = []
        for chance, state in states:
            taken = best(values, weights(state, use_b=use_b))
            for drawn in itertools.product((0, 1), repeat=len(values)):
                weight = chance
                for output, row in zip(drawn, values, strict=True):
                    weight = weight * (row[taken] if output else 1 - row[taken])
                if weight:
                    outputs = [[output] * len(values[0]) for output in drawn]
                    following.append((weight, period(state, values, outputs, use_b=use_b)))
        states = following
    return states


def expected(values: Rows, periods: int, name: str, agent: int = 0, *, use_b: bool = True) -> Fraction:
    """The expectation of an agent's regret (or of the periods it was left out) under truth."""
    return sum((chance * state[name][agent] for chance, state in tree(values, periods, use_b=use_b)), Fraction(0))


QUARTER = Fraction(1, 4)
PATH = {"path": [{"values": [[1, QUARTER], [QUARTER, Fraction(1, 2)]], "outputs": [[1, 1], [QUARTER, 1]]}] * 2}
