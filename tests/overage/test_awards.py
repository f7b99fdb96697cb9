"""The claims rules against their definitions, written down again here, and against each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.mechanisms.overage import (
    AWARD_RULES,
    award,
)
from mechopt.mechanisms.overage.clearing import CLAIMS_RULES

Vector = list[Fraction]
HALF = Fraction(1, 2)


def level(target: Fraction, total: Callable[[Fraction], Fraction], points: set[Fraction]) -> Fraction:
    """lambda with total(lambda) = target, for a total that is linear between points: the definitions' lambda."""
    ordered = sorted(points)
    for low, high in pairwise(ordered):
        a, b = total(low), total(high)
        if a <= target <= b or b <= target <= a:
            return low if a == b else low + (target - a) * (high - low) / (b - a)
    return ordered[-1]


def cea(estate: Fraction, d: Vector) -> Vector:
    lam = level(estate, lambda x: sum((min(x, c) for c in d), Fraction(0)), {Fraction(0), *d})
    return [min(lam, c) for c in d]


def cel(estate: Fraction, d: Vector) -> Vector:
    lam = level(estate, lambda x: sum((max(c - x, Fraction(0)) for c in d), Fraction(0)), {Fraction(0), *d})
    return [max(c - lam, Fraction(0)) for c in d]


def halves(estate: Fraction, d: Vector, below: Any, above: Any) -> Vector:
    half, whole = [c / 2 for c in d], sum(d, Fraction(0))
    if estate <= whole / 2:
        return list(below(estate, half))
    return [h + x for h, x in zip(half, above(estate - whole / 2, half), strict=True)]


def egalitarian(estate: Fraction, d: Vector) -> Vector:
    half = [c / 2 for c in d]
    if estate <= sum(half, Fraction(0)):
        return cea(estate, half)
    lam = level(
        estate,
        lambda x: sum((max(h, min(x, c)) for h, c in zip(half, d, strict=True)), Fraction(0)),
        {Fraction(0), *half, *d},
    )
    return [max(h, min(lam, c)) for h, c in zip(half, d, strict=True)]


def adjusted(estate: Fraction, d: Vector) -> Vector:
    whole = sum(d, Fraction(0))
    right = [max(Fraction(0), estate - (whole - c)) for c in d]
    rest = estate - sum(right, Fraction(0))
    cut = [min(c - r, rest) for c, r in zip(d, right, strict=True)]
    total = sum(cut, Fraction(0))
    return [r + (c * rest / total if total else 0) for r, c in zip(right, cut, strict=True)]


def overlap(estate: Fraction, d: Vector) -> Vector:
    """O'Neill (1982), unit by unit: the part of the estate below s is shared by those who claim it."""
    people = sorted(range(len(d)), key=lambda i: d[i])
    ordered = [d[i] for i in people]
    s = estate
    if estate > ordered[-1]:
        s = level(
            Fraction(0),
            lambda x: sum((max(c - x, Fraction(0)) for c in ordered), Fraction(0)) + x - estate,
            {Fraction(0), *ordered[:-1]},
        )
    awards, before = [Fraction(0)] * len(d), Fraction(0)
    for place, i in enumerate(people):
        step = min(d[i], s) - before
        for j in people[place:]:
            awards[j] += step / (len(d) - place)
        before = min(d[i], s)
        if estate > ordered[-1]:
            awards[i] += max(d[i] - s, Fraction(0))
    return awards


def arrival(estate: Fraction, d: Vector) -> Vector:
    awards = [Fraction(0)] * len(d)
    for order in permutations(range(len(d))):
        left = estate
        for i in order:
            taken = min(left, d[i])
            awards[i] += taken
            left -= taken
    return [x / math.factorial(len(d)) for x in awards]


def average(estate: Fraction, d: Vector) -> Vector:
    """The centre of gravity by inclusion and exclusion over corners: moments of uniform awards with total E."""
    live = [i for i, c in enumerate(d) if c > 0]
    if estate == sum(d, Fraction(0)):
        return list(d)
    if len(live) < 2 or estate == 0:
        return [estate if i in live else Fraction(0) for i in range(len(d))]

    def simplex(others: list[int], room: Fraction, power: int) -> Fraction:
        total = Fraction(0)
        for size in range(len(others) + 1):
            for chosen in combinations(others, size):
                left = room - sum((d[i] for i in chosen), Fraction(0))
                total += (-1) ** size * max(left, Fraction(0)) ** power
        return total

    n = len(live)
    volume = simplex(live, estate, n - 1)
    awards = [Fraction(0)] * len(d)
    for i in live:
        others = [j for j in live if j != i]
        # integral of x (E - x)^(n-2) over [0, d_i], with the others' corners cut off, by parts
        inner = simplex(others, estate, n) / n - simplex(others, estate - d[i], n) / n
        awards[i] = (inner - d[i] * simplex(others, estate - d[i], n - 1)) / volume
    return awards


def secured(estate: Fraction, d: Vector) -> list[Any]:
    """Dominguez and Thomson (2006), round by round in floats."""
    left, claims, awards = float(estate), [float(c) for c in d], [0.0] * len(d)
    for _ in range(600):
        given = [min(c, left) / len(d) for c in claims]
        awards = [x + g for x, g in zip(awards, given, strict=True)]
        claims = [c - g for c, g in zip(claims, given, strict=True)]
        left -= sum(given)
    return awards


def guaranteed(estate: Fraction, d: Vector) -> Vector:
    least = min(d)
    if estate <= least * len(d):
        return [estate / len(d)] * len(d)
    rest, total = estate - least * len(d), sum(d, Fraction(0)) - least * len(d)
    return [least + ((c - least) * rest / total if total else 0) for c in d]


DEFINITIONS: dict[str, Callable[[Fraction, Vector], list[Any]]] = {
    "proportional": lambda e, d: [c * e / sum(d) if sum(d) else c for c in d],
    "adjusted_proportional": adjusted,
    "constrained_equal_awards": cea,
    "constrained_equal_losses": cel,
    "constrained_egalitarian": egalitarian,
    "talmud": lambda e, d: halves(e, d, cea, cel),
    "reverse_talmud": lambda e, d: halves(e, d, cel, cea),
    "piniles": lambda e, d: halves(e, d, cea, cea),
    "minimal_overlap": overlap,
    "random_arrival": arrival,
    "dominguez_thomson": secured,
    "average_of_awards": average,
    "alpha_min": guaranteed,
}
PROBLEMS = st.lists(st.integers(0, 12), min_size=1, max_size=5).flatmap(
    lambda d: st.tuples(st.just(d), st.integers(0, 12).map(lambda k: Fraction(k * sum(d), 12)))
)


def test_every_rule_has_a_definition_here_and_a_place_in_the_mechanism() -> None:
    assert set(DEFINITIONS) == set(AWARD_RULES)
    assert set(CLAIMS_RULES) == set(AWARD_RULES)


@pytest.mark.parametrize("name", AWARD_RULES)
@given(problem=PROBLEMS)
@settings(max_examples=150, deadline=None)
def test_a_rule_is_its_definition_in_fractions_and_in_floats(name: str, problem: tuple[list[int], Fraction]) -> None:
    claims, estate = problem
    found = award(name, estate, claims, arithmetic="exact").tolist()
    expected = DEFINITIONS[name](estate, [Fraction(c) for c in claims])
    if name == "dominguez_thomson":
        assert np.allclose([float(x) for x in found], expected, atol=1e-9)
    else:
        assert found == expected
    assert sum(found) == estate
    assert np.allclose(award(name, estate, claims), [float(x) for x in found], atol=1e-12)


@pytest.mark.parametrize("name", AWARD_RULES)
def test_awards_follow_their_claims_whatever_the_order(name: str) -> None:
    claims, estate = np.array([7.0, 1.0, 4.0, 4.0, 0.0, 12.5]), 11.25
    order = np.array([3, 5, 0, 4, 1, 2])
    assert np.allclose(award(name, estate, claims)[order], award(name, estate, claims[order]), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", AWARD_RULES)
def test_ten_thousand_random_exact_problems(name: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(10_000):
        claims = [int(c) for c in rng.integers(0, 30, rng.integers(1, 6))]
        estate = Fraction(int(rng.integers(0, 25)) * sum(claims), 24)
        found = award(name, estate, claims, arithmetic="exact").tolist()
        expected = DEFINITIONS[name](estate, [Fraction(c) for c in claims])
        if name == "dominguez_thomson":
            assert np.allclose([float(x) for x in found], expected, atol=1e-9)
        else:
            assert found == expected, (claims, estate)


# The Talmud's own cases (Kethubot 93a) and the standard numbers of the literature for claims 100, 200, 300.
@pytest.mark.parametrize(("estate", "expected"), [(100, ["100/3"] * 3), (200, [50, 75, 75]), (300, [50, 100, 150])])
def test_the_three_cases_of_the_talmud(estate: int, expected: list[Any]) -> None:
    assert award("talmud", estate, [100, 200, 300], arithmetic="exact").tolist() == [Fraction(x) for x in expected]


@given(
    weight=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    claims=st.lists(st.integers(0, 12), min_size=3, max_size=3),
    part=st.integers(0, 12),
)
@settings(max_examples=150, deadline=None)
def test_weights_mean_copies(weight: list[int], claims: list[int], part: int) -> None:
    """Equal awards per unit of weight are what as many equal copies with a share of the claim each would get."""
    estate = Fraction(part * sum(claims), 12)
    copies: list[Any] = [Fraction(c, w) for c, w in zip(claims, weight, strict=True) for _ in range(w)]
    owner = [i for i, w in enumerate(weight) for _ in range(w)]
    for name in ("constrained_equal_awards", "constrained_equal_losses"):
        found = award(name, estate, claims, weight=weight, arithmetic="exact").tolist()
        apart = award(name, estate, copies, arithmetic="exact").tolist()
        assert found == [sum((x for x, o in zip(apart, owner, strict=True) if o == i), Fraction(0)) for i in range(3)]


def test_weighted_proportional_never_exceeds_the_claim() -> None:
    found = award("proportional", 10, [4, 10, 0], weight=[9, 1, 5], arithmetic="exact").tolist()
    assert found == [4, 6, 0]
