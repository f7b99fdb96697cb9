"""Talmud, constrained equal awards and losses against coopgame-py and the textbook's formulas, exactly and in floats.

python benchmarks/peers/claims_rules.py
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers.room import Table, peer, ratio, side_by_side
from benchmarks.timing import Candidate
from mechopt.mechanisms.overage import award

RULES = ("constrained_equal_awards", "constrained_equal_losses", "talmud")
PROBLEMS = 10_000
SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
EXACT_SIZES = (10, 100, 1_000, 10_000)
OURS, COOPGAME, TEXTBOOK = "mechopt", "coopgame-py", "textbook formula"
Numbers = Sequence[Fraction]


def equal_level(estate: Fraction, claims: Numbers) -> Fraction:
    """The lambda with sum min(claim, lambda) = estate, from the smallest claim on."""
    left, ordered = estate, sorted(claims)
    for place, claim in enumerate(ordered):
        share = left / (len(ordered) - place)
        if share <= claim:
            return share
        left -= claim
    return ordered[-1]


def equal_loss(estate: Fraction, claims: Numbers) -> Fraction:
    """The lambda with sum max(claim - lambda, 0) = estate, from the largest claim on."""
    total, ordered = Fraction(0), [*sorted(claims, reverse=True), Fraction(0)]
    for count, claim in enumerate(ordered[:-1], 1):
        total += claim
        loss = (total - estate) / count
        if ordered[count] <= loss:
            return loss
    return loss


def textbook(rule: str, estate: Fraction, claims: Numbers) -> list[Fraction]:
    """The definitions, in fractions."""
    if rule == "constrained_equal_awards":
        level = equal_level(estate, claims)
        return [min(claim, level) for claim in claims]
    if rule == "constrained_equal_losses":
        loss = equal_loss(estate, claims)
        return [max(claim - loss, Fraction(0)) for claim in claims]
    half = [claim / 2 for claim in claims]
    if estate <= sum(half):
        return textbook("constrained_equal_awards", estate, half)
    rest = textbook("constrained_equal_losses", estate - sum(half), half)
    return [part + more for part, more in zip(half, rest, strict=True)]


def bisection(rule: str, estate: float, claim: Any) -> Any:
    """The definitions in floats, lambda by bisection."""
    if rule == "talmud":
        half = claim / 2
        if estate <= half.sum():
            return bisection("constrained_equal_awards", estate, half)
        return half + bisection("constrained_equal_losses", estate - half.sum(), half)
    awards = rule == "constrained_equal_awards"
    low, high = 0.0, float(claim.max())
    for _ in range(60):
        middle = (low + high) / 2
        given = np.minimum(claim, middle).sum() if awards else np.maximum(claim - middle, 0).sum()
        low, high = (middle, high) if (given < estate) == awards else (low, middle)
    return np.minimum(claim, high) if awards else np.maximum(claim - high, 0)


def problems(count: int) -> list[tuple[Fraction, Any]]:
    """Random exact problems with equal claims, zero claims, mixed denominators, and estates at every border."""
    draw = random.Random(2026)
    found = []
    for _ in range(count):
        most, parts = draw.choice([3, 20, 10**6]), draw.choice([1, 1, 2, 7, 60])
        claims = [Fraction(draw.randint(0, most), draw.randint(1, parts)) for _ in range(draw.randint(1, 9))]
        total = sum(claims, Fraction(0))
        share = draw.choice([Fraction(0), Fraction(1, 2), Fraction(1), Fraction(draw.randint(0, 10**4), 10**4)])
        found.append((share * total, claims))
    return found


def correctness() -> Table:
    """10,000 exact problems, each by three independent programs."""
    table = Table(
        title=f"Claims rules: {PROBLEMS:,} random exact problems",
        about="Problems on which another program's awards differ from mechopt's in any digit.",
        head=["rule", TEXTBOOK, COOPGAME],
    )
    given = problems(PROBLEMS)
    try:
        module = peer("coopgame")
    except ImportError as error:
        table.skipped.append(f"{COOPGAME}: {error}")
        module = None
    for rule in RULES:
        differ, other = 0, 0
        for estate, claims in given:
            ours = award(rule, estate, claims, arithmetic="exact").tolist()
            differ += ours != textbook(rule, estate, claims)
            other += module is not None and ours != getattr(module, rule)(estate, claims, exact=True)
        table.rows.append([rule, str(differ), "-" if module is None else str(other)])
        if differ:
            raise SystemExit(f"{rule}: mechopt and the textbook's formula disagree on {differ} problems")
    return table


def speed(exact: bool, rounds: int = 5) -> Table:
    """CPU time from ten claimants on, relative to mechopt's."""
    sizes = EXACT_SIZES if exact else SIZES
    table = Table(
        title=f"Claims rules in {'fractions' if exact else 'floats'}: time at n = {sizes[0]} to {sizes[-1]:,}",
        about="CPU time, mechopt's checked `award` = 1. coopgame-py gets and returns lists, the others arrays"
        + (" of fractions." if exact else "."),
        head=["rule, program", *(f"{size:,}" for size in sizes)],
    )
    cells: dict[str, list[str]] = {}
    generator = np.random.default_rng(1)
    for size in sizes:
        claim = generator.lognormal(0.0, 1.0, size).round(3)
        fractions = [Fraction(round(value * 1000), 1000) for value in claim.tolist()]
        for rule in RULES:
            candidates = exactly(rule, fractions) if exact else in_floats(rule, claim)
            taken, skipped = side_by_side(candidates, rounds=rounds)
            table.skipped = sorted({*table.skipped, *skipped})
            for name in candidates:
                if name != OURS and name in taken:
                    quotient = taken[name] / taken[OURS]
                    cells.setdefault(f"{rule}, {name}", []).append(ratio(quotient))
                    if rule == "talmud" and size in (sizes[0], sizes[-1]):
                        task = f"Talmud rule in {'fractions' if exact else 'floats'}, {size:,} claimants"
                        table.headlines.append([task, name, ratio(quotient)])
    table.rows = [[name, *row] for name, row in sorted(cells.items())]
    return table


def exactly(rule: str, claims: Any) -> dict[str, Candidate]:
    estate = sum(claims, Fraction(0)) * Fraction(3, 5)
    return {
        OURS: partial(award, rule, estate, claims, arithmetic="exact"),
        COOPGAME: lambda: getattr(peer("coopgame"), rule)(estate, claims, exact=True),
        TEXTBOOK: partial(textbook, rule, estate, claims),
    }


def in_floats(rule: str, claim: Any) -> dict[str, Candidate]:
    estate, listed = 0.6 * float(claim.sum()), claim.tolist()
    run: Callable[..., Any] = partial(award, rule, estate, claim)
    return {
        OURS: run,
        COOPGAME: lambda: getattr(peer("coopgame"), rule)(estate, listed),
        TEXTBOOK: partial(bisection, rule, estate, claim),
    }


def tables() -> list[Table]:
    return [correctness(), speed(exact=False), speed(exact=True)]
