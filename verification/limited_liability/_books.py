"""The mechanisms' books in exact fractions, written from the paper and not from the engine.

Row 0 of `outputs` is the decision for the whole group I, row k the one for I without agent k; y_max = 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance

Numbers = Sequence[Any]


def positive(number: Any) -> Any:
    """max(number, 0)."""
    return max(number, 0)


def mixed(shares: Numbers, amounts: Numbers) -> Any:
    """The expectation of amounts per group."""
    return sum(share * amount for share, amount in zip(shares, amounts, strict=True))


def lottery(efficiency: Any, weights: Numbers) -> list[Fraction]:
    """Equations (8) and (21): the probabilities of I and of each I without i; I itself where no weight is positive."""
    parts = [positive(efficiency), *map(positive, weights)]
    total = sum(parts)
    return [Fraction(part) / total for part in parts] if total else [Fraction(1), *[Fraction(0)] * len(weights)]


def externalities(shares: Numbers, outputs: Sequence[Numbers]) -> list[Any]:
    """Y_-i(I without i) - Y_-i(mu) of each agent."""
    found = []
    for agent in range(len(outputs[0])):
        others = [sum(row) - row[agent] for row in outputs]
        found.append(others[agent + 1] - mixed(shares, others))
    return found


def loss(shares: Numbers, outputs: Sequence[Numbers]) -> Any:
    """Y(I) - Y(mu)."""
    totals = [sum(row) for row in outputs]
    return totals[0] - mixed(shares, totals)


def payments(regrets: Numbers, shares: Numbers, outputs: Sequence[Numbers], *, debt_only: bool = False) -> list[Any]:
    """Expected transfers by (9); with `debt_only` those of footnote 9: no more than the regret."""
    rows = list(zip(*outputs, strict=True))
    return [
        mixed(shares, [min(output, regret) if debt_only else output for output in own]) if regret > 0 else 0
        for regret, own in zip(regrets, rows, strict=True)
    ]


def step(instance: Instance, *, debt_only: bool = False) -> tuple[Any, list[Any]]:
    """Increments of the regrets (R^I, R_i) of the mechanism of Section 4, or of Section 6 with weights `smoothing`."""
    regrets, outputs = instance["regrets"], instance["outputs"]
    smoothing = instance.get("smoothing", [1] * len(regrets))
    shares = lottery(instance["efficiency"], [w * positive(r) for w, r in zip(smoothing, regrets, strict=True)])
    paid = payments(regrets, shares, outputs, debt_only=debt_only)
    caused = externalities(shares, outputs)
    return loss(shares, outputs), [w * x - t for w, x, t in zip(smoothing, caused, paid, strict=True)]


def inner(instance: Instance, *, debt_only: bool = False) -> Any:
    """<R+, dR>."""
    efficiency, own = step(instance, debt_only=debt_only)
    return positive(instance["efficiency"]) * efficiency + sum(
        positive(r) * d for r, d in zip(instance["regrets"], own, strict=True)
    )


def squares(efficiency: Any, own: Numbers) -> Any:
    """Squared length of a vector (R^I, R_i)."""
    return efficiency**2 + sum(number**2 for number in own)


def play(path: Sequence[Sequence[Numbers]], *, debt_only: bool = False) -> Iterator[tuple[Any, list[Any]]]:
    """Regrets (R^I, R_i) of Section 4 after each period of a path of outputs per group."""
    efficiency: Any = Fraction(0)
    own: list[Any] = [Fraction(0)] * len(path[0][0])
    for outputs in path:
        extra, more = step({"efficiency": efficiency, "regrets": own, "outputs": outputs}, debt_only=debt_only)
        efficiency, own = efficiency + extra, [r + d for r, d in zip(own, more, strict=True)]
        yield efficiency, own


def weight(first: Any, second: Any) -> Fraction:
    """Equation (19), and 1 where it is 0/0."""
    total = positive(first) + positive(second)
    return Fraction(positive(second)) / total if total else Fraction(1)


def consistent(path: Sequence[Sequence[Numbers]], discount: Any = 1) -> Iterator[dict[str, Any]]:
    """Regrets of Sections 6 and 7 after each period, by the recursions of running maxima and discounted sums."""
    agents = len(path[0][0])
    zero: list[Any] = [Fraction(0)] * agents
    state: dict[str, Any] = {"efficiency": Fraction(0), "regrets": zero, "first": zero, "second": zero, "paid": zero}
    for outputs in path:
        smoothing = [weight(a, b) for a, b in zip(state["first"], state["second"], strict=True)]
        known = {name: state[name] for name in ("efficiency", "regrets")}
        shares = lottery(
            known["efficiency"], [w * positive(r) for w, r in zip(smoothing, known["regrets"], strict=True)]
        )
        extra, more = step({**known, "smoothing": smoothing, "outputs": outputs})
        caused = externalities(shares, outputs)
        state = {
            "efficiency": discount * positive(known["efficiency"]) + extra,
            "regrets": [discount * r + d for r, d in zip(known["regrets"], more, strict=True)],
            "first": [
                discount * positive(a) - w * x for a, w, x in zip(state["first"], smoothing, caused, strict=True)
            ],
            "second": [
                discount * positive(b) + (1 - w) * x for b, w, x in zip(state["second"], smoothing, caused, strict=True)
            ],
            "smoothing": smoothing,
            "caused": caused,
            "loss": extra,
            "paid": payments(known["regrets"], shares, outputs),
        }
        yield state


def outputs_given(instance: Instance) -> bool:
    """At least one agent; outputs in [0, 1] under the decisions for I and for each I without an agent."""
    regrets, outputs = instance["regrets"], instance["outputs"]
    agents = len(regrets)
    square = agents >= 1 and len(outputs) == agents + 1 and all(len(row) == agents for row in outputs)
    return square and all(0 <= value <= 1 for row in outputs for value in row)


def smoothed(instance: Instance) -> bool:
    """Outputs as in Section 4, and a weight lambda in [0, 1] for each agent."""
    weights = instance["smoothing"]
    return (
        outputs_given(instance)
        and len(weights) == len(instance["regrets"])
        and all(0 <= value <= 1 for value in weights)
    )


def rows(agents: int, levels: Numbers = (0, 1)) -> Iterator[list[list[Any]]]:
    """All outputs of that many agents, each from the levels."""
    for flat in itertools.product(levels, repeat=agents * (agents + 1)):
        yield [list(flat[k * agents : (k + 1) * agents]) for k in range(agents + 1)]


class Steps:
    """All states with regrets from the levels and outputs 0 or 1; may be walked twice."""

    def __init__(self, agents: Sequence[int] = (1, 2), levels: Numbers = (-1, 0, 2), smoothing: Numbers = ()) -> None:
        self.agents, self.levels, self.smoothing = agents, levels, smoothing

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for agents in self.agents:
            for known in itertools.product(self.levels, repeat=agents + 1):
                for outputs in rows(agents):
                    instance = {"efficiency": known[0], "regrets": list(known[1:]), "outputs": outputs}
                    if not self.smoothing:
                        yield instance
                    for weights in itertools.product(self.smoothing, repeat=agents) if self.smoothing else ():
                        yield {**instance, "smoothing": list(weights)}

    def __str__(self) -> str:
        text = f"{' and '.join(map(str, self.agents))} agents, regrets in {self.levels}, outputs 0 or 1"
        return f"{text}, weights in {tuple(map(str, self.smoothing))}" if self.smoothing else text


class Paths:
    """All paths of a number of periods, outputs 0 or 1 per agent and group, thinned to every `every`-th."""

    def __init__(self, agents: int, periods: int, every: int = 1, **fixed: Any) -> None:
        self.agents, self.periods, self.every, self.fixed = agents, periods, every, fixed

    def __iter__(self) -> Iterator[dict[str, Any]]:
        single = list(rows(self.agents))
        for path in itertools.islice(itertools.product(single, repeat=self.periods), 0, None, self.every):
            yield {"path": list(path), **self.fixed}

    def __str__(self) -> str:
        thinned = f", every {self.every}th" if self.every > 1 else ""
        return f"paths of {self.periods} periods, {self.agents} agents, outputs 0 or 1{thinned}"


def path_given(instance: Instance) -> bool:
    """At least one period; outputs in [0, 1] under the decisions for I and for each I without an agent."""
    path = instance["path"]
    return len(path) >= 1 and all(
        outputs_given({"regrets": [0] * len(path[0][0]), "outputs": outputs}) for outputs in path
    )


EXAMPLE = {
    "efficiency": Fraction(1, 2),
    "regrets": [1, 2],
    "outputs": [[1, Fraction(1, 3)], [Fraction(1, 2), 1], [1, 1]],
}
PATH = {"path": [[[1, Fraction(1, 3)], [Fraction(1, 2), 1], [1, Fraction(1, 4)]]] * 2}


def long_enough(instance: Instance, factor: Any, extra: Any) -> bool:
    """(factor sqrt(n^3 + 1) + extra)^2 <= epsilon^2 N, decided in fractions."""
    constant = instance["agents"] ** 3 + 1
    left = Fraction(instance["epsilon"]) ** 2 * instance["periods"] - factor**2 * constant - extra**2
    return bool(left >= 0 and left**2 >= (2 * factor * extra) ** 2 * constant)
