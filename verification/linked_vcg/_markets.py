"""Small markets on which claims about the linked VCG mechanism are tried."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

HALF = Fraction(1, 2)
QUARTER = Fraction(1, 4)
FIFTH = Fraction(1, 5)
EIGHTH = Fraction(1, 8)


def markets(full: bool) -> list[dict[str, Any]]:
    """Small markets: one and two resources, up to three agents and two dates, reports at and inside their bounds."""
    shapes: list[tuple[list[Any], list[list[Any]], int, int, tuple[int, ...]]] = [
        ([3], [[2], [1]], 2, 2, (0, 2)),
        ([3], [[2], [1]], 3, 1, (0, 1, 2)),
        ([10], [[1], [HALF]], 2, 2, (0, 2)),
        ([4], [[3], [1], [2]], 2, 1, (0, 2)),
        ([4, 6], [[3, 0], [0, 4], [1, 1]], 2, 1, (0, 2, 5)),
        ([4, 6], [[3, 0], [0, 4], [1, 3], [2, 1]], 2, 1, (0, 2) if full else (1,)),
    ]
    found: list[dict[str, Any]] = []
    for stock, types, agents, dates, values in shapes:
        own = len(types) - len(stock)
        for choice in itertools.product(values, repeat=agents * dates * own):
            flat = iter(choice)
            reports = [[[Fraction(0)] * len(stock) + [Fraction(next(flat)) for _ in range(own)] for _ in range(dates)]
                       for _ in range(agents)]  # fmt: skip
            if len(found) % 3 == 1:
                reports[0][0][0] = Fraction(1)  # a project of the kind the principal has
            mean = [[sum(row[i] for row in rows) / dates for i in range(len(types))] for rows in reports]
            upper = [[m + HALF * ((n + i + len(found)) % 2) for i, m in enumerate(row)] for n, row in enumerate(mean)]
            lower = [[m / 2 if len(found) % 4 == 0 else Fraction(0) for m in row] for row in mean]
            found.append(
                {
                    **{"stock": stock, "types": types, "reports": reports, "lower": lower, "upper": upper},
                    **{"discount": Fraction(1, 1 + len(found) % 2), "agent": 1 + len(found) % agents},
                }
            )
    return [*edges(), *(found if full else found[::2])]


def edges() -> list[dict[str, Any]]:
    """Markets in which one step of the tests of Properties I and II decides.

    Agent 2's own type 2 moves the amount of type 3 across what is ahead of him; with all of his budget at one date, not
    with the average; with two resources, where one project does not take from another what that takes from it; and
    agents of ten and more do so whose place is far from where service ends. In the last he is small at one date only.
    """
    one: dict[str, Any] = {"stock": [3], "types": [[3], [1], [2]], "discount": 1, "agent": 2}
    two = [[3, 0], [0, 4], [1, 3 * QUARTER], [2, 1]]
    return [
        {
            **one,
            "reports": [[[0, 0, 1]], [[0, 1, HALF]], [[0, 0, 1]]],
            "lower": [[0, 0, 0]] * 3,
            "upper": [[0, 0, 1], [0, 2, HALF], [0, 0, 1]],
        },
        {
            **one,
            "reports": [[[0, 0, 2]] * 2, [[0, 1, QUARTER]] * 2, [[0, 0, HALF]] * 2],
            "lower": [[0, 0, 0]] * 3,
            "upper": [[0, 0, 2], [0, 1, QUARTER], [0, 0, HALF]],
        },
        {
            **{"stock": [10, 3], "types": two, "discount": 1, "agent": 2},
            "reports": [[[0, 0, 0, 3]], [[0, 0, 1, Fraction(1, 20)]], [[0, 0, 0, 2]]],
            "lower": [[0, 0, 0, 0]] * 3,
            "upper": [[0, 0, 0, 3], [0, 0, 3, Fraction(1, 20)], [0, 0, 0, 2]],
        },
        {
            **{**one, "agent": 7},
            "reports": [[[0, 0, FIFTH]]] * 6 + [[[0, 1, 0]]] + [[[0, 0, FIFTH]]] * 3,
            "lower": [[0, 0, 0]] * 10,
            "upper": [[0, 0, FIFTH]] * 6 + [[0, 2, Fraction(1, 20)]] + [[0, 0, FIFTH]] * 3,
        },
        {
            **{**one, "agent": 10},
            "reports": [[[0, 0, FIFTH]] * 2] * 9 + [[[0, 0, 0]] * 2] + [[[0, 0, FIFTH]] * 2] * 3,
            "lower": [[0, 0, 0]] * 13,
            "upper": [[0, 0, FIFTH]] * 9 + [[0, 1, Fraction(1, 20)]] + [[0, 0, FIFTH]] * 3,
        },
        {
            **{**one, "discount": HALF},
            "reports": [[[0, 0, 2]] * 2, [[0, 1, EIGHTH]] * 2, [[0, 0, 1], [0, 0, 0]]],
            "lower": [[0, 0, 0]] * 3,
            "upper": [[0, 0, 2], [0, 1, EIGHTH], [0, 0, HALF]],
        },
    ]
