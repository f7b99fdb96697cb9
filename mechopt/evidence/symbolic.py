"""Proofs by SymPy: identities and sign conditions, case by case."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, TypeVar

from mechopt.evidence import Control, Evidence, Instance

C = TypeVar("C")
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)


def sign_patterns(size: int, signs: tuple[int, ...] = (-1, 1)) -> Iterator[tuple[int, ...]]:
    """Every vector of signs of the given length: the cases of an identity with positive parts."""
    return itertools.product(signs, repeat=size)


def positive(names: str) -> Any:
    """Positive real symbols: one, or a tuple for names separated by spaces."""
    import sympy

    return sympy.symbols(names, positive=True)


def identity(
    sides: Callable[[C], tuple[Any, Any]],
    *,
    cases: Iterable[C],
    control: tuple[str, Callable[[C], tuple[Any, Any]]],
    range: str,
    complete: bool,
    lift: Callable[[C, dict[str, Fraction]], Instance] | None = None,
    given: Callable[[C], Iterable[Any]] | None = None,
) -> Evidence:
    """Show that left equals right in every case, as expressions in the case's symbols.

    Args:
        sides: the two sides in a case, SymPy expressions free of Piecewise, Max and Min.
        cases: the cases, which together cover the range.
        control: what was broken, and the broken sides: the same code must find a case and values where they differ.
        range: what the cases and symbols cover.
        complete: True where that is the whole statement as read.
        lift: turns a case and the values of its symbols into an instance in the claim's own terms; by default the
            values themselves.
        given: conditions on the symbols of a case (relations) that its examples and counterexamples must satisfy.

    Returns:
        Evidence that holds, does not hold (with a case and values), or is undecided.
    """
    return _decide(_identical, sides, list(cases), control, range, complete, lift, given, "identities by SymPy")


def nonnegative(
    term: Callable[[C], Any],
    *,
    cases: Iterable[C],
    control: tuple[str, Callable[[C], Any]],
    range: str,
    complete: bool,
    lift: Callable[[C, dict[str, Fraction]], Instance] | None = None,
    given: Callable[[C], Iterable[Any]] | None = None,
) -> Evidence:
    """Show that a rational term in positive symbols is nonnegative: no coefficient of its reduced form is negative.

    Args as in `identity`, with the term in place of the two sides. Write a region such as X > I by symbols that are
    positive in it (X = I + gap).
    """
    return _decide(
        _nonnegative, term, list(cases), control, range, complete, lift, given, "coefficients of one sign, by SymPy"
    )


def _decide(
    test: Callable[[Any], tuple[bool | None, Callable[[dict[Any, Any]], bool]]],
    statement: Callable[[C], Any],
    cases: list[C],
    control: tuple[str, Callable[[C], Any]],
    range: str,
    complete: bool,
    lift: Callable[[C, dict[str, Fraction]], Instance] | None,
    given: Callable[[C], Iterable[Any]] | None,
    detail: str,
) -> Evidence:
    instance = _first(cases, lambda case: _values(statement(case), case, given, lambda point: True), lift)
    holds, witness = _over_cases(test, statement, cases, lift, given)
    refuted, counter = _over_cases(test, control[1], cases, lift, given)
    return Evidence(
        kind="symbolic",
        holds=holds,
        range=range,
        complete=complete,
        control=Control(text=control[0], refuted=refuted is False, witness=counter),
        instance=instance,
        witness=witness,
        detail=f"{len(cases)} case{'s' * (len(cases) != 1)}; {detail}",
    )


def _over_cases(
    test: Callable[[Any], tuple[bool | None, Callable[[dict[Any, Any]], bool]]],
    statement: Callable[[C], Any],
    cases: list[C],
    lift: Callable[[C, dict[str, Fraction]], Instance] | None,
    given: Callable[[C], Iterable[Any]] | None,
) -> tuple[bool | None, Instance | None]:
    """(True, None), (False, witness) or (None, None): over all cases, stopping at the first refutation."""
    decided = True
    for case in cases:
        term = statement(case)
        answer, fails = test(term)
        if answer:
            continue
        values = _values(term, case, given, fails)
        if values is not None:
            return False, _instance(case, values, lift)
        decided = False
    return (True if decided else None), None


def _identical(sides: tuple[Any, Any]) -> tuple[bool | None, Callable[[dict[Any, Any]], bool]]:
    import sympy

    difference = sympy.sympify(sides[0]) - sympy.sympify(sides[1])
    reduced = sympy.cancel(sympy.together(difference))
    if reduced != 0:
        reduced = sympy.simplify(reduced)
    return reduced == 0, lambda point: bool(sympy.simplify(difference.subs(point)) != 0)


def _nonnegative(term: Any) -> tuple[bool | None, Callable[[dict[Any, Any]], bool]]:
    import sympy

    expression = sympy.sympify(term)
    numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(expression)))
    symbols = sorted(expression.free_symbols, key=str)
    fails = lambda point: bool(expression.subs(point) < 0)  # noqa: E731  # a closure, named for the pair
    if not symbols:
        return bool(expression >= 0), fails
    if not all(symbol.is_positive for symbol in symbols):
        return None, fails
    signs = {
        bool(coefficient > 0)
        for part in (numerator, denominator)
        for coefficient in sympy.Poly(part, *symbols).coeffs()
        if coefficient != 0
    }
    return (True if len(signs) < 2 else None), fails


def _values(
    term: Any, case: C, given: Callable[[C], Iterable[Any]] | None, wanted: Callable[[dict[Any, Any]], bool]
) -> dict[str, Fraction] | None:
    """Values of the symbols that meet the conditions and are wanted, from a short fixed list of tries."""
    import sympy

    parts = term if isinstance(term, tuple) else (term,)
    conditions = list(given(case)) if given is not None else []
    symbols = sorted(set().union(*(sympy.sympify(part).free_symbols for part in (*parts, *conditions))), key=str)
    for point in _points(symbols):
        if all(bool(condition.subs(point)) for condition in conditions) and wanted(point):
            return {str(symbol): Fraction(int(value.p), int(value.q)) for symbol, value in point.items()}
    return None


def _points(symbols: list[Any]) -> Iterator[dict[Any, Any]]:
    """Small distinct numbers in several orders and scales; reproducible."""
    import random

    import sympy

    generator = random.Random(0)
    for attempt in range(60):
        numbers = [sympy.Rational(prime) for prime in PRIMES[: max(len(symbols), 3 + attempt // 4)]]
        if attempt:
            generator.shuffle(numbers)
        if attempt % 3 == 2:
            numbers = [1 / number for number in numbers]
        if attempt % 3 == 1:
            numbers = [number / 6 if index % 2 else number for index, number in enumerate(numbers)]
        chosen = [numbers[index % len(numbers)] for index, _ in enumerate(symbols)]
        point = dict(zip(symbols, chosen, strict=True))
        if attempt % 2:
            point = {s: -v if not s.is_positive and generator.random() < 0.5 else v for s, v in point.items()}
        yield point


def _first(
    cases: list[C],
    find: Callable[[C], dict[str, Fraction] | None],
    lift: Callable[[C, dict[str, Fraction]], Instance] | None,
) -> Instance | None:
    """The example of the case with the most symbols among the first and last few: the least degenerate one."""
    best: tuple[C, dict[str, Fraction]] | None = None
    middle = len(cases) // 2
    for case in [*cases[middle : middle + 4], *cases[:2], *cases[-2:]]:
        values = find(case)
        if values and (best is None or len(values) > len(best[1])):
            best = case, values
    return None if best is None else _instance(best[0], best[1], lift)


def _instance(case: C, values: dict[str, Fraction], lift: Any) -> Instance:
    if lift is None:
        return {"case": str(case), **values}
    instance: Instance = lift(case, values)
    return instance
