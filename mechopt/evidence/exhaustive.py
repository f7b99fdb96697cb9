"""Every instance of a finite grid of rationals, in exact arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from mechopt.evidence import Control, Evidence, Instance, Predicate, Property, generic, holds_at, satisfied, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All instances with the given values, from few agents to many and from the first values to the last.

    Attributes:
        agents: the numbers of agents.
        each: per name, the values that each agent's entry takes; such a name becomes a list with one entry per agent.
        scalars: per name, the values of a single number or word.
    """

    agents: Sequence[int] = (1,)
    each: dict[str, Sequence[Any]] = field(default_factory=dict)
    scalars: dict[str, Sequence[Any]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for size in self.agents:
            vectors = [itertools.product(values, repeat=size) for values in self.each.values()]
            for point in itertools.product(*vectors, *self.scalars.values()):
                split = len(self.each)
                yield {
                    **dict(zip(self.each, map(list, point[:split]), strict=True)),
                    **dict(zip(self.scalars, point[split:], strict=True)),
                }

    def __len__(self) -> int:
        single = math.prod(len(values) for values in self.scalars.values())
        per_agent = math.prod(len(values) for values in self.each.values())
        return sum(single * per_agent**size for size in self.agents)

    def __str__(self) -> str:
        parts = [f"{name} in {_set(values)}" for name, values in (*self.each.items(), *self.scalars.items())]
        if self.each:
            parts.append(f"{', '.join(map(str, self.agents))} agent{'s' * (tuple(self.agents) != (1,))}")
        return "; ".join(parts)


def steps(low: int, high: int, denominator: int = 1) -> list[int | Fraction]:
    """The multiples of 1/denominator from low to high, both included."""
    values = [Fraction(low * denominator + k, denominator) for k in range((high - low) * denominator + 1)]
    return [value.numerator if value.denominator == 1 else value for value in values]


def check(
    statement: Property,
    *,
    grid: Iterable[Instance],
    control: tuple[str, Property],
    hypotheses: Sequence[Predicate] = (),
    range: str | None = None,
    complete: bool = False,
) -> Evidence:
    """Check a statement at every instance of a grid that satisfies the hypotheses.

    Args:
        statement: a function of an instance to bool or Finding.
        grid: the instances: a `Grid`, or any iterable that can be walked twice.
        control: what was broken, and the broken statement: the same walk must find a counterexample to it.
        hypotheses: instances that fail one of them are passed over.
        range: what is covered; a Grid prints itself.
        complete: True only where the statement as read is about these instances and no others.

    Returns:
        Evidence with the range and the numbers of instances; the first counterexample where there is one.
    """
    instances, met, example, witness = _walk(statement, grid, hypotheses)
    _, _, _, counter = _walk(control[1], grid, hypotheses)
    counted = f"{met:,} instances meet the hypotheses, of {instances:,}" if hypotheses else f"{met:,} instances"
    return Evidence(
        kind="exhaustive",
        holds=witness is None,
        range=f"{grid if range is None else range}: {counted}",
        complete=complete,
        control=Control(text=control[0], refuted=counter is not None, witness=counter),
        instance=example,
        witness=witness,
        detail="every instance of the grid, in the arithmetic of its numbers",
        violates=lambda instance: not holds_at(statement, instance),
    )


def _walk(
    statement: Property, grid: Iterable[Instance], hypotheses: Sequence[Predicate]
) -> tuple[int, int, Instance | None, Instance | None]:
    """Instances seen, instances that meet the hypotheses, an example of these, the first counterexample."""
    seen = met = 0
    example: Instance | None = None
    for instance in grid:
        seen += 1
        if not satisfied(list(hypotheses), instance):
            continue
        met += 1
        if example is None or (not generic(example) and generic(instance)):
            example = instance
        if not holds_at(statement, instance):
            return seen, met, example, instance
    return seen, met, example, None


def _set(values: Sequence[Any]) -> str:
    shown = [value if isinstance(value, str) else text(value) for value in values]
    if len(shown) > 8:
        shown = [*shown[:3], "...", *shown[-2:]]
    return "{" + ", ".join(shown) + "}"
