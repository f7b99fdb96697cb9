"""Linked VCG in exact rationals, by brute force and independent of the engine: one date's knapsack.

Two ways that share no line: price vertices (`invest`), and for one resource filling the stock by hand (`fill`), which
the replays use.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mechopt.evidence import certified

Vector = tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Vertex:
    """A price p > 0 at which R independent types just earn their cost.

    Attributes:
        price: p.
        partial: those R types.
        full: the types with p . theta < 1.
        inverse: amounts of the partial types per unit of each resource, inverse[j][r].
    """

    price: Vector
    partial: tuple[int, ...]
    full: tuple[int, ...]
    inverse: tuple[Vector, ...]


def dot(left: Sequence[Any], right: Sequence[Any]) -> Any:
    """The inner product."""
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def inverse(rows: Sequence[Sequence[Any]]) -> list[list[Fraction]] | None:
    """The inverse of a small square matrix by elimination; None where it has none."""
    size = len(rows)
    work = [[Fraction(v) for v in row] + [Fraction(int(i == j)) for j in range(size)] for i, row in enumerate(rows)]
    for column in range(size):
        pivot = next((row for row in range(column, size) if work[row][column] != 0), None)
        if pivot is None:
            return None
        work[column], work[pivot] = work[pivot], work[column]
        work[column] = [value / work[column][column] for value in work[column]]
        for row in range(size):
            if row != column and work[row][column] != 0:
                factor = work[row][column]
                work[row] = [a - factor * b for a, b in zip(work[row], work[column], strict=True)]
    return [row[size:] for row in work]


@lru_cache(maxsize=4096)
def vertices(types: tuple[Vector, ...]) -> tuple[Vertex, ...]:
    """All price vertices p > 0 at which the plentiful first R types are not below the plane."""
    resources, found = len(types[0]), []
    for partial in itertools.combinations(range(len(types)), resources):
        inverted = inverse([types[kind] for kind in partial])
        if inverted is None:
            continue
        price = tuple(sum(row, Fraction(0)) for row in inverted)
        if min(price) <= 0 or any(dot(price, types[kind]) < 1 for kind in range(resources)):
            continue
        full = tuple(kind for kind, needs in enumerate(types) if dot(price, needs) < 1)
        found.append(Vertex(price, partial, full, tuple(zip(*inverted, strict=True))))
    return tuple(found)


def generic(types: Sequence[Sequence[Any]]) -> bool:
    """Condition 2 for prices with p_r theta_r(r) >= 1: exactly R types on the plane of every price vertex."""
    exact = freeze(types)
    resources = len(exact[0])
    return all(sum(dot(v.price, needs) == 1 for needs in exact) == resources for v in vertices(exact))


def condition_1(types: Sequence[Sequence[Any]]) -> bool:
    """Condition 1: more types than resources; type r <= R uses resource r and no other; every type uses something."""
    resources = len(types[0])
    own = all((types[r][s] > 0) == (r == s) for r in range(resources) for s in range(resources))
    return len(types) > resources and own and all(min(needs) >= 0 and max(needs) > 0 for needs in types)


def freeze(rows: Sequence[Sequence[Any]]) -> tuple[Vector, ...]:
    """Rows as tuples of Fractions."""
    return tuple(tuple(Fraction(value) for value in row) for row in rows)


def invest(
    stock: Sequence[Any], types: Sequence[Sequence[Any]], supply: Sequence[Any]
) -> tuple[list[Fraction], Vertex]:
    """The linear exhaustive investment by trying every price vertex; supply None is plenty.

    Returns:
        alpha, and a vertex that supports it.

    Raises:
        ValueError: there is none, which would contradict Lemma 1.
    """
    exact = freeze(types)
    for vertex in vertices(exact):
        left = [Fraction(q) - sum(supply[k] * exact[k][r] for k in vertex.full) for r, q in enumerate(stock)]
        amounts = [dot(row, left) for row in vertex.inverse]
        if all(
            amount >= 0 and (supply[kind] is None or amount <= supply[kind])
            for kind, amount in zip(vertex.partial, amounts, strict=True)
        ):
            alpha = [Fraction(supply[kind]) if kind in vertex.full else Fraction(0) for kind in range(len(exact))]
            for kind, amount in zip(vertex.partial, amounts, strict=True):
                alpha[kind] = amount
            return alpha, vertex
    raise ValueError("no linear exhaustive investment")


def fill(stock: Any, needs: Sequence[Any], reports: Sequence[Sequence[Any]]) -> tuple[list[list[Fraction]], Fraction]:
    """One resource, by hand: the least needy type first, within a type the last agent first, the principal last.

    Returns:
        Served projects [agent][type], and the principal's (type 1, of which she has plenty).
    """
    left = Fraction(stock)
    served = [[Fraction(0)] * len(needs) for _ in reports]
    for kind in sorted(range(len(needs)), key=lambda kind: needs[kind]):
        for agent in reversed(range(len(reports))):
            served[agent][kind] = min(Fraction(reports[agent][kind]), left / needs[kind])
            left -= served[agent][kind] * needs[kind]
        if kind == 0:
            return served, left / needs[0]
    return served, left / needs[0]


def worth(stock: Sequence[Any], types: Sequence[Sequence[Any]], supply: Sequence[Any]) -> Fraction:
    """v(q, mu) with no plenty of anything: what projects are worth on some resources, by a certified program."""
    rows = [(f"stock {r}", {str(i): n[r] for i, n in enumerate(types)}, "<=", q) for r, q in enumerate(stock)]
    bounds = {str(i): (0, most) for i, most in enumerate(supply)}
    found = certified.maximise(certified.program({str(i): 1 for i in range(len(types))}, rows, bounds=bounds))
    return found[0] if found is not None else Fraction(0)
