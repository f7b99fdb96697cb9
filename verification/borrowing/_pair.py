"""Two agents in exact rationals, independent of the engine: what the claims of this folder share.

Everything about one profile reduces to four numbers: what each agent gets first, v_i(t_i), and second, v_i(t1 + t2).
An allocation is agent 1's chance to be first: 1, 1/2 or 0. Instances are in the model's own terms: value functions
that are linear between their values at 0, 1/2, 1, 3/2, 2, and times.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance, smt

HALF = Fraction(1, 2)
ORDERS = (Fraction(1), HALF, Fraction(0))  # Omega, by agent 1's chance to be first
KNOTS = (0, 1, 2, 3, 4)  # in halves
GRID_TIMES = (0, HALF, 1)
SHAPES: dict[str, list[Any]] = {
    "1 - t": [1, HALF, 0, -HALF, -1],
    "(1 - t)/2": [HALF, Fraction(1, 4), 0, -Fraction(1, 4), -HALF],
    "0": [0, 0, 0, 0, 0],
    "1": [1, 1, 1, 1, 1],
    "t - 1": [-1, -HALF, 0, HALF, 1],
    "a deadline": [1, 1, -1, -1, -1],
    "a peak": [0, 1, 0, -1, 0],
}
EXAMPLE: dict[str, Any] = {"values": [SHAPES["1 - t"], SHAPES["(1 - t)/2"]], "time": [HALF, Fraction(3, 4)]}
RANGE = f"v1, v2 in {{{', '.join(SHAPES)}}}, times in {{0, 1/2, 1}}"


def functions(instance: Instance) -> bool:
    """Two value functions on [0, 2] with values in [-1, 1], and two times in [0, 1]."""
    values, time = instance["values"], instance["time"]
    shape = len(values) == len(time) == 2 and all(len(v) == len(KNOTS) for v in values)
    return shape and all(-1 <= x <= 1 for v in values for x in v) and all(0 <= t <= 1 for t in time)


def nonincreasing(instance: Instance) -> bool:
    """No value rises with time."""
    return all(a >= b for v in instance["values"] for a, b in itertools.pairwise(v))


def at(values: Sequence[Any], time: Any) -> Fraction:
    """v(time), linear between the knots."""
    place = 2 * Fraction(time)
    left = min(int(place), len(KNOTS) - 2)
    return Fraction(values[left]) + (place - left) * (Fraction(values[left + 1]) - Fraction(values[left]))


def places(values: Sequence[Sequence[Any]], one: Any, two: Any) -> tuple[list[Fraction], list[Fraction]]:
    """What each gets first, and what each gets second, at these times."""
    return [at(values[0], one), at(values[1], two)], [at(v, Fraction(one) + Fraction(two)) for v in values]


def payoffs(instance: Instance) -> tuple[list[Fraction], list[Fraction]]:
    """What each gets first, and what each gets second, at the true times."""
    return places(instance["values"], *instance["time"])


def by_hats(values: Sequence[Any], time: Any) -> Fraction:
    """The same by hat functions, for the independent checkers: every knot weighs 1 - 2 |time - knot|, if positive."""
    place = 2 * Fraction(time)
    return sum((Fraction(x) * max(Fraction(0), 1 - abs(place - k)) for k, x in enumerate(values)), Fraction(0))


def places_by_hats(instance: Instance) -> tuple[list[Fraction], list[Fraction]]:
    """What each gets first and second at the true times, for the independent checkers."""
    one, two = instance["time"]
    values = instance["values"]
    both = Fraction(one) + two
    return [by_hats(values[0], one), by_hats(values[1], two)], [by_hats(v, both) for v in values]


def welfare(first: Sequence[Any], second: Sequence[Any]) -> tuple[Any, Any]:
    """W1, with agent 1 first, and W2; of numbers or of Z3 terms."""
    return first[0] + second[1], first[1] + second[0]


def chance(first: Sequence[Any], second: Sequence[Any]) -> Fraction:
    """Equations (4.1) and (7.1): agent 1's chance to be first."""
    one, two = welfare(first, second)
    return HALF if one == two else Fraction(one > two)


def worth(share: Any, first: Sequence[Any], second: Sequence[Any]) -> tuple[Any, Any]:
    """What each agent's place is worth in expectation; of numbers or of Z3 terms."""
    return share * first[0] + (1 - share) * second[0], share * second[1] + (1 - share) * first[1]


def total(share: Any, first: Sequence[Any], second: Sequence[Any]) -> Any:
    """q . W."""
    one, two = welfare(first, second)
    return share * one + (1 - share) * two


def reported(instance: Instance, agent: int, shapes: Sequence[Sequence[Any]] = ()) -> Iterator[Fraction]:
    """Agent 1's chance for every report of an agent on the grid of halves, with each of some value functions."""
    values, time = instance["values"], instance["time"]
    for shape in shapes or [values[agent]]:
        told = [shape if i == agent else v for i, v in enumerate(values)]
        for report in GRID_TIMES:
            yield chance(*places(told, *[report if i == agent else t for i, t in enumerate(time)]))


def grid() -> list[dict[str, Any]]:
    """The grid described by RANGE."""
    return [
        {"values": [list(one), list(two)], "time": list(time)}
        for one, two in itertools.product(SHAPES.values(), repeat=2)
        for time in itertools.product(GRID_TIMES, repeat=2)
    ]


def terms() -> tuple[list[Any], list[Any], list[Any]]:
    """Z3 terms of what each gets first and second, and that they are in [-1, 1]."""
    import z3

    first, second = smt.vector("first", 2), smt.vector("second", 2)
    return first, second, [z3.And(x >= -1, x <= 1) for x in (*first, *second)]


def chosen(first: Sequence[Any], second: Sequence[Any], term: Callable[[Fraction], Any]) -> Any:
    """A Z3 term at the efficient order: term(1), term(1/2) or term(0)."""
    import z3

    one, two = welfare(first, second)
    return z3.If(one > two, term(ORDERS[0]), z3.If(one == two, term(HALF), term(ORDERS[2])))


def every(formula: Callable[[Fraction], Any], orders: Sequence[Fraction] = ORDERS) -> Any:
    """That a formula holds whatever the reports lead to."""
    import z3

    return z3.And(*map(formula, orders))


def lift(value: dict[str, Any]) -> dict[str, Any]:
    """Functions that have the four numbers at t = (1/2, 1)."""
    first, second = ([value.get(f"{name}[{i}]", Fraction(0)) for i in (0, 1)] for name in ("first", "second"))
    return {
        "values": [[0, first[0], 0, second[0], 0], [0, 0, first[1], second[1], 0]],
        "time": [HALF, 1],
    }


def engine(instance: Instance) -> tuple[Any, Any]:
    """The engine's allocation and what it is worth to each agent, at the true times."""
    from mechopt.mechanisms.borrowing import transfers
    from mechopt.mechanisms.borrowing.values import points

    knots = [Fraction(knot, 2) for knot in KNOTS]
    one, two = (points("v", list(zip(knots, map(Fraction, v), strict=True))) for v in instance["values"])
    own, late = transfers.worth(one, two, *(Fraction(time) for time in instance["time"]))
    share = transfers.allocate(own, late)
    return share, transfers.payoffs(share, own, late)
