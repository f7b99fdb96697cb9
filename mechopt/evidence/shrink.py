"""Make a counterexample small: few agents, small whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance, Predicate, numbers

TRIES = 20_000


def shrink(witness: Instance, violates: Predicate, *, tries: int = TRIES) -> dict[str, Any]:
    """The smallest instance found that still violates the statement.

    Lists of equal length are the agents' entries and lose an agent together. Every step makes the instance simpler
    (fewer numbers, then smaller denominators, then smaller numbers), so it ends; the result is a local minimum.

    Args:
        witness: names to rationals, lists of rationals, nested lists, or words (which stay).
        violates: True on instances that violate the statement (hypotheses included); an exception counts as False.
        tries: how many instances to try at most.

    Returns:
        A counterexample, never less simple than the witness; the witness itself if nothing smaller violates.
    """
    best = {key: _plain(value) for key, value in witness.items()}
    left = tries
    while True:
        for candidate in _simpler(best):
            if left <= 0:
                return best
            if cost(candidate) >= cost(best):
                continue
            left -= 1
            if _safely(violates, candidate):
                best = candidate
                break
        else:
            return best


def cost(instance: Instance) -> tuple[int, int, Fraction, int, list[Fraction]]:
    """What makes an instance hard to follow, most important first; smaller is simpler."""
    values = [Fraction(value) for value in numbers(instance) if _rational(value)]
    return (
        len(values),
        sum(value.denominator - 1 for value in values),
        sum((abs(value) for value in values), Fraction(0)),
        sum(value < 0 for value in values),
        values,
    )


def _simpler(instance: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Candidates next to an instance, the boldest first."""
    yield from _without_agent(instance)
    yield from _rescaled(instance)
    places = list(_places(instance))
    for place in places:
        value = Fraction(_get(instance, place))
        for simpler in _smaller(value):
            yield _set(instance, {place: simpler})
    for first in range(len(places)):  # two numbers whose sum or difference matters move together
        for second in range(first + 1, len(places)):
            a, b = _get(instance, places[first]), _get(instance, places[second])
            for step_a, step_b in _pairs(Fraction(a), Fraction(b)):
                yield _set(instance, {places[first]: a - step_a, places[second]: b - step_b})
    yield from _all_down(instance, places)


def _without_agent(instance: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lengths = sorted({len(value) for value in instance.values() if isinstance(value, list)}, reverse=True)
    for length in lengths:
        for index in range(length):
            if length > 1:
                yield {
                    key: value[:index] + value[index + 1 :]
                    if isinstance(value, list) and len(value) == length
                    else value
                    for key, value in instance.items()
                }


def _rescaled(instance: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All numbers times the common denominator, divided by the common factor, or halved."""
    import math

    values = [Fraction(value) for value in numbers(instance) if _rational(value)]
    denominator = math.lcm(1, *(value.denominator for value in values))
    factor = math.gcd(*(int(value * denominator) for value in values)) or 1
    for scale in (Fraction(denominator, factor), Fraction(1, 2), Fraction(denominator)):
        if scale != 1:
            yield {key: _map(value, scale.__mul__) for key, value in instance.items()}


def _smaller(value: Fraction) -> Iterator[Fraction]:
    """Simpler numbers near a number: 0, 1, 2, whole neighbours, halves, and one less."""
    sign = -1 if value < 0 else 1
    size = abs(value)
    whole = size.numerator // size.denominator
    nearby: list[int | Fraction] = [0, 1, 2, whole // 2, whole, whole + 1, size / 2, size - 1]
    nearby += [size.limit_denominator(bound) for bound in (2, 3, 4, 6, 10, 100) if bound < size.denominator]
    for candidate in dict.fromkeys(Fraction(number) for number in nearby):
        if candidate >= 0 and candidate != size:
            yield sign * candidate
    if value < 0:
        yield -value


def _pairs(a: Fraction, b: Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    """Steps that keep the difference or the sum of two numbers."""
    for step in dict.fromkeys((min(a, b), min(a, b) / 2, Fraction(1), a - a.__floor__(), b - b.__floor__())):
        if step > 0:
            yield step, step
    for step in dict.fromkeys((a, Fraction(1), a - a.__floor__())):
        if step > 0:
            yield step, -step
            yield -step, step


def _all_down(instance: dict[str, Any], places: list[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Every positive number less by one step at once."""
    values = {place: Fraction(_get(instance, place)) for place in places}
    least = min((value for value in values.values() if value > 0), default=Fraction(0))
    for step in dict.fromkeys((least, least / 2, Fraction(1))):
        if step > 0:
            yield _set(instance, {place: value - step for place, value in values.items() if value >= step})


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all rational numbers of an instance."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index))
    elif _rational(value):
        yield path


def _get(instance: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        instance = instance[step]
    return instance


def _set(instance: dict[str, Any], changes: dict[tuple[Any, ...], Any]) -> dict[str, Any]:
    """A copy with the numbers at some paths changed."""
    result = {key: _map(value, lambda number: number) for key, value in instance.items()}
    for path, value in changes.items():
        _get(result, path[:-1])[path[-1]] = _plain(value)
    return result


def _map(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _map(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_map(item, change) for item in value]
    return _plain(change(Fraction(value))) if _rational(value) else value


def _plain(value: Any) -> Any:
    """Whole fractions as int, tuples as lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _rational(value: Any) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def _safely(violates: Predicate, instance: Instance) -> bool:
    """An instance that the predicate cannot take (too few agents, a division by 0) is no counterexample."""
    try:
        return bool(violates(instance))
    except Exception:
        return False
