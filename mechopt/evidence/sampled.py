"""Random search for a counterexample: it can refute, it cannot prove."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from mechopt.evidence import Control, Evidence, Instance, Predicate, Property, generic, holds_at, satisfied

Draw = Callable[[random.Random], Instance]


def search(
    statement: Property,
    draw: Draw | Any,
    *,
    control: tuple[str, Property],
    range: str,
    hypotheses: Sequence[Predicate] = (),
    count: int = 1000,
    seed: int = 0,
) -> Evidence:
    """Look for a counterexample among random instances.

    Args:
        statement: a function of an instance to bool or Finding.
        draw: gives an instance from a `random.Random`; or a Hypothesis strategy.
        control: what was broken, and the broken statement: the same search must refute it.
        range: where the instances come from.
        hypotheses: instances that fail one of them do not count.
        count: how many instances to try.
        seed: of the search; the same seed gives the same instances.

    Returns:
        Evidence that does not hold (with a counterexample), or that holds as far as the samples go.
    """
    find = _by_drawing if _is_draw(draw) else _by_hypothesis
    met, example, witness = find(statement, draw, tuple(hypotheses), count, seed)
    _, _, counter = find(control[1], draw, tuple(hypotheses), count, seed)
    return Evidence(
        kind="sampled",
        holds=witness is None,
        range=f"{range}: {met:,} samples, seed {seed}",
        control=Control(text=control[0], refuted=counter is not None, witness=counter),
        instance=example,
        witness=witness,
        detail="no counterexample found; that is no proof" if witness is None else "a counterexample was drawn",
        violates=lambda instance: not holds_at(statement, instance),
    )


def rational(generator: random.Random, low: int, high: int, denominators: Sequence[int] = (1, 1, 2, 3, 4)) -> Fraction:
    """A rational from low to high with a small denominator, often at an end: the places where things break."""
    denominator = generator.choice(list(denominators))
    if generator.random() < 0.1:
        return Fraction(generator.choice((low, high)))
    return Fraction(generator.randint(low * denominator, high * denominator), denominator)


def _is_draw(draw: Any) -> bool:
    """A plain function; a Hypothesis strategy is an object with examples."""
    return callable(draw) and not hasattr(draw, "example")


def _by_drawing(
    statement: Property, draw: Draw, hypotheses: tuple[Predicate, ...], count: int, seed: int
) -> tuple[int, Instance | None, Instance | None]:
    """Instances that met the hypotheses, an example of these, the first counterexample."""
    generator = random.Random(seed)
    met, example = 0, None
    for _ in [None] * count:
        instance = draw(generator)
        if not satisfied(hypotheses, instance):
            continue
        met += 1
        if example is None or (not generic(example) and generic(instance)):
            example = instance
        if not holds_at(statement, instance):
            return met, example, instance
    return met, example, None


def _by_hypothesis(
    statement: Property, strategy: Any, hypotheses: tuple[Predicate, ...], count: int, seed: int
) -> tuple[int, Instance | None, Instance | None]:
    """The same by Hypothesis, whose generator is fond of corner cases."""
    from hypothesis import HealthCheck, Phase, Verbosity, find, settings
    from hypothesis.errors import NoSuchExample

    from mechopt.evidence.shrink import cost

    seen: list[Instance] = []
    met = 0

    def violated(instance: Instance) -> bool:
        nonlocal met
        if not satisfied(hypotheses, instance):
            return False
        met += 1
        if len(seen) < 50:
            seen.append(instance)
        return not holds_at(statement, instance)

    options = settings(
        max_examples=count,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        phases=[Phase.generate],  # the ledger shrinks, many times faster on fractions
        suppress_health_check=list(HealthCheck),
    )
    try:
        witness = find(strategy, violated, settings=options, random=random.Random(seed))
    except NoSuchExample:
        witness = None
    ordered = sorted(seen, key=lambda instance: (not generic(instance), cost(instance)))
    return met, ordered[0] if ordered else None, witness
