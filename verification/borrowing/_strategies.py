"""Affine values and affine strategies in the one-stage mechanism: ex-post Nash equilibria decided exactly on [0, 1]^2.

With v_i = value_i - slope_i t, agent 1 is first at reports (a, b) iff slope_1 b > slope_2 a. All that matters is the
signs of five affine functions of the times; they are constant on the faces of an arrangement of lines, and every face
is seen.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from mechopt.evidence import Instance

Line = tuple[Fraction, Fraction, Fraction]  # constant, of t1, of t2
Point = tuple[Fraction, Fraction]
ZERO, ONE = Fraction(0), Fraction(1)
SQUARE: tuple[Line, ...] = ((ZERO, ONE, ZERO), (-ONE, ONE, ZERO), (ZERO, ZERO, ONE), (-ONE, ZERO, ONE))


def affine(instance: Instance) -> bool:
    """v_i = value_i - slope_i t in [-1, 1] on [0, 2]; reports are linear between those at 0 and at 1."""
    names = ("value", "slope", "at_0", "at_1")
    if any(len(instance[name]) != 2 for name in names):
        return False
    values = zip(instance["value"], instance["slope"], strict=True)
    inside = all(abs(a) <= 1 and abs(a - 2 * b) <= 1 for a, b in values)
    return inside and all(0 <= r <= 1 for r in (*instance["at_0"], *instance["at_1"]))


def report(instance: Instance, agent: int, time: Any) -> Fraction:
    """m_i(time)."""
    low, high = Fraction(instance["at_0"][agent]), Fraction(instance["at_1"][agent])
    return low + (high - low) * Fraction(time)


def sign(value: Any) -> int:
    """1, 0 or -1."""
    return (value > 0) - (value < 0)


def difference(instance: Instance, one: Any, two: Any) -> Fraction:
    """W1 - W2 at two times."""
    return Fraction(instance["slope"][0] * Fraction(two) - instance["slope"][1] * Fraction(one))


def attainable(instance: Instance, one: Any) -> set[int]:
    """The orders that agent 2's reports in [0, 1] can bring about against a report of agent 1."""
    ends = sorted(difference(instance, one, two) for two in (0, 1))
    signs = {sign(end) for end in ends}
    return signs | {0} if ends[0] < 0 < ends[1] else signs


def best(instance: Instance, one: Any, two: Any) -> bool:
    """Whether agent 2's report is a best response at these times (agent 1 is indifferent between all reports)."""
    gap = difference(instance, one, two)
    told = sign(difference(instance, report(instance, 0, one), report(instance, 1, two)))
    return all(order * gap <= told * gap for order in attainable(instance, report(instance, 0, one)))


def points(instance: Instance) -> Iterator[Point]:
    """A point of every face of the square of times, cut where the true, reported or attainable order changes."""
    slope, low = instance["slope"], [Fraction(x) for x in instance["at_0"]]
    rise = [Fraction(x) - y for x, y in zip(instance["at_1"], low, strict=True)]
    one, two = Fraction(slope[0]), Fraction(slope[1])
    cuts: list[Line] = [
        (Fraction(0), -two, one),
        (one * low[1] - two * low[0], -two * rise[0], one * rise[1]),
        (-two * low[0], -two * rise[0], Fraction(0)),
        (one - two * low[0], -two * rise[0], Fraction(0)),
    ]
    return iter(faces(tuple(line for line in dict.fromkeys(cuts) if line[1] or line[2])))


@cache
def faces(cuts: tuple[Line, ...]) -> tuple[Point, ...]:
    """Averages of one, two and three corners: every corner, edge and cell contains one of them."""
    corners: set[Point] = set()
    for left, right in itertools.combinations((*cuts, *SQUARE), 2):
        by = left[1] * right[2] - left[2] * right[1]
        if by:
            x, y = (left[2] * right[0] - left[0] * right[2]) / by, (left[0] * right[1] - left[1] * right[0]) / by
            if 0 <= x <= 1 and 0 <= y <= 1:
                corners.add((x, y))
    found: dict[Point, None] = {}
    for size in (1, 2, 3):
        for some in itertools.combinations(sorted(corners), size):
            middle = sum((x for x, _ in some), ZERO) / size, sum((y for _, y in some), ZERO) / size
            found[middle] = None
    return tuple(found)


def equilibrium(instance: Instance) -> bool:
    """The strategies are an ex-post Nash equilibrium for these values, at all times."""
    return all(best(instance, one, two) for one, two in points(instance))


def by_utilities(instance: Instance, one: Any, two: Any) -> tuple[int, int, list[str]]:
    """Independently, from the printed utilities: 2 if agent 2 gains by another report, else 1 if q is not (4.1).

    Then the sign of W1 - W2, and lines that say what is reported and what agent 2 gets.
    """
    a, b = ([Fraction(x) for x in instance[name]] for name in ("value", "slope"))
    t1, t2 = Fraction(one), Fraction(two)
    m1, m2 = (low + (high - low) * t for low, high, t in zip(instance["at_0"], instance["at_1"], (t1, t2), strict=True))

    def value(agent: int, time: Fraction) -> Fraction:
        return a[agent] - b[agent] * time

    def share(r1: Fraction, r2: Fraction) -> Fraction:
        gap = value(0, r1) + value(1, r1 + r2) - value(1, r2) - value(0, r1 + r2)
        return Fraction(1, 2) if gap == 0 else Fraction(gap > 0)

    def utility(q: Fraction) -> Fraction:
        own = q * value(1, t1 + t2) + (1 - q) * value(1, t2)
        return own + q * value(0, t1) + (1 - q) * value(0, t1 + t2)

    here = share(m1, m2)
    others = {share(m1, Fraction(r, 12)) for r in range(13)}
    gains = [q for q in others if utility(q) > utility(here)]
    true = share(t1, t2)
    lines = [
        f"t = ({t1}, {t2}), reports ({m1}, {m2}): W1 = {utility(Fraction(1))}, W2 = {utility(Fraction(0))}",
        f"efficient q = ({true}, {1 - true}), reported q = ({here}, {1 - here}), agent 2 gets {utility(here)}",
    ]
    return (2 if gains else 1 if here != true else 0), int(2 * true - 1), lines


def mismatch(instance: Instance, wanted: tuple[int, ...]) -> list[str]:
    """Lines on the first profile where the true order has a sign in `wanted` and the reported one differs.

    Empty where there is none, or where agent 2 gains by another report at some profile of a grid of twelfths.
    """
    grid = [Fraction(k, 12) for k in range(13)]
    found: list[str] = []
    for one, two in itertools.product(grid, repeat=2):
        verdict, order, lines = by_utilities(instance, one, two)
        if verdict == 2:
            return []
        if verdict == 1 and not found and order in wanted:
            found = [*lines, "at no profile of times in twelfths does agent 2 gain by another report in twelfths"]
    return found


def told(instance: Instance, wanted: Sequence[int]) -> bool:
    """Where the true order has a sign in `wanted`, the reported one is the same."""
    return all(
        sign(difference(instance, one, two))
        == sign(difference(instance, report(instance, 0, one), report(instance, 1, two)))
        for one, two in points(instance)
        if sign(difference(instance, one, two)) in wanted
    )


def grid() -> list[dict[str, Any]]:
    """Values 0, 1 - t, (1 - t)/2 and t - 1, reports at 0 and at 1 in {0, 1/2, 1}."""
    half = Fraction(1, 2)
    lines = ((0, 0), (1, 1), (half, half), (-1, -1))
    ends = list(itertools.product((0, half, 1), repeat=2))
    return [
        {"value": [a, c], "slope": [b, d], "at_0": [r[0], s[0]], "at_1": [r[1], s[1]]}
        for (a, b), (c, d) in itertools.product(lines, repeat=2)
        for r, s in itertools.product(ends, repeat=2)
    ]


RANGE = "v1, v2 in {0, 1 - t, (1 - t)/2, t - 1}, each report linear between one at 0 and one at 1, in {0, 1/2, 1}"
EXAMPLE: dict[str, Any] = {
    "value": [1, Fraction(1, 2)], "slope": [1, Fraction(1, 2)], "at_0": [0, 0], "at_1": [Fraction(1, 2), Fraction(1, 2)]
}  # fmt: skip
