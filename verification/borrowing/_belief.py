"""Beliefs over affine value functions and discrete times in exact rationals, independent of the engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance

HALF = Fraction(1, 2)
EXAMPLE: dict[str, Any] = {
    **{"value": [1, HALF], "slope": [1, HALF], "chance": [Fraction(1, 3), Fraction(2, 3)]},
    **{"time": [0, HALF, 1], "weight": [HALF, Fraction(1, 4), Fraction(1, 4)]},
}
RANGE = "V of one or two of {1 - t, (1 - t)/2, 1, t - 1}, times in {0, 1/2, 1}, equally likely or 1/4 to 3/4"
SETS = ([(1, 1)], [(1, 0)], [(1, 1), (HALF, HALF)], [(1, 1), (-1, -1)], [(1, 1), (1, 0)])
Term = Callable[[Fraction, Fraction], Fraction]


def beliefs(instance: Instance) -> bool:
    """V of functions value - slope t in [-1, 1] on [0, 2], times in [0, 1], and probabilities of both."""
    value, slope = instance["value"], instance["slope"]
    inside = all(abs(a) <= 1 and abs(a - 2 * b) <= 1 for a, b in zip(value, slope, strict=True))
    times = all(0 <= t <= 1 for t in instance["time"])
    odds = [(instance["chance"], value), (instance["weight"], instance["time"])]
    apart = len(set(instance["time"])) == len(instance["time"]) and len(set(zip(value, slope, strict=True))) == len(
        value
    )
    return inside and times and apart and all(len(p) == len(x) and min(p) > 0 and sum(p) == 1 for p, x in odds)


def realisations(instance: Instance) -> Iterator[tuple[Fraction, list[Fraction], list[Fraction]]]:
    """Probability, what each gets first and what each gets second, for both agents' draws."""
    lines = list(zip(instance["value"], instance["slope"], instance["chance"], strict=True))
    times = list(zip(instance["time"], instance["weight"], strict=True))
    for (a, b, p), (c, d, q) in itertools.product(lines, repeat=2):
        for (s, x), (t, y) in itertools.product(times, repeat=2):
            one, two = Fraction(s), Fraction(t)
            yield (
                Fraction(p) * q * x * y,
                [a - b * one, c - d * two],
                [a - b * (one + two), c - d * (one + two)],
            )


def welfare(one: Fraction, two: Fraction) -> Fraction:
    """W* from W1 and W2."""
    return max(one, two)


def welfare_on_ties(one: Fraction, two: Fraction) -> Fraction:
    """W* where nobody is first for sure."""
    return one if one == two else Fraction(0)


def mean(instance: Instance, term: Term) -> Fraction:
    """The expectation of a function of (W1, W2)."""
    return sum((p * term(x[0] + y[1], x[1] + y[0]) for p, x, y in realisations(instance)), Fraction(0))


def printed(instance: Instance) -> Fraction:
    """h by (7.3)."""
    return -HALF * (mean(instance, welfare) - mean(instance, welfare_on_ties))


def discrete() -> list[dict[str, Any]]:
    """The grid described by RANGE."""
    found = []
    for lines in SETS:
        for time in ([HALF], [0, 1], [0, HALF, 1]):
            weights = [[Fraction(1, len(time))] * len(time)]
            weights += [[Fraction(1, 4), Fraction(3, 4)]] if len(time) == 2 else []
            for weight in weights:
                found.append(
                    {
                        **{"value": [a for a, _ in lines], "slope": [b for _, b in lines]},
                        **{"chance": [Fraction(1, len(lines))] * len(lines), "time": time, "weight": weight},
                    }
                )
    return found


def drift(instance: Instance) -> list[str]:
    """(7.3) and the drift, by loops over the sets A, B and the rest, written out; nothing where it balances."""
    parts = {"A": Fraction(0), "B": Fraction(0), "ties": Fraction(0)}
    kinds, times = range(len(instance["value"])), range(len(instance["time"]))
    for i, j, k, m in itertools.product(kinds, kinds, times, times):
        p = Fraction(instance["chance"][i]) * instance["chance"][j] * instance["weight"][k] * instance["weight"][m]
        t1, t2 = Fraction(instance["time"][k]), Fraction(instance["time"][m])
        apart = instance["value"][i] + instance["value"][j] - instance["slope"][i] * t1 - instance["slope"][j] * t2
        lost = [instance["slope"][i] * t2, instance["slope"][j] * t1]  # by being second
        name = "A" if lost[0] > lost[1] else "B" if lost[0] < lost[1] else "ties"
        parts[name] += p * (apart - min(lost))
    if parts["ties"] == 0:
        return []
    h = -(parts["A"] + parts["B"]) / 2
    return [
        f"E[W*; A] = {parts['A']}, E[W*; B] = {parts['B']}, E[W*; tie] = {parts['ties']}",
        f"(7.3) gives h = {h}; E[T1 + T2] = E[W*] + 2h = {sum(parts.values()) + 2 * h}, not 0",
        f"with the ties h = {-sum(parts.values()) / 2}",
    ]
