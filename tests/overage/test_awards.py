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

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import (
    AWARD_RULES,
    all_awards,
    award,
    compare_rules,
    deviation_index,
    gini_index,
    lorenz_curve,
    lorenz_picture,
    path_of_awards,
    path_picture,
    schedule_of_awards,
    schedule_picture,
)
from mechopt.mechanisms.overage.awards.division import _fill_by_sorting, fill
from mechopt.mechanisms.overage.awards.plots import claims_pictures
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


@pytest.mark.parametrize("name", ["dominguez_thomson", "constrained_egalitarian"])
@given(
    claims=st.lists(st.fractions(0, 30, max_denominator=3), min_size=1, max_size=12).filter(any),
    part=st.sampled_from([1e-12, 0.3, 0.5, 0.75, 1 - 1e-9, 1 - 2**-52, 1 - 2**-53, 1.0]),
)
@settings(max_examples=100, deadline=None)
def test_totals_that_round_are_no_trap(name: str, claims: list[Fraction], part: float) -> None:
    """An estate a rounding error below the total, or below another sum of the same claims, is shared out like any."""
    column = np.array([float(c) for c in claims])
    estate = part * math.fsum(column)
    found = AWARD_RULES[name].award(estate, column)
    exact = [Fraction(c) for c in column.tolist()]
    exactly = award(name, min(Fraction(estate), sum(exact)), np.array(exact, dtype=object), arithmetic="exact")
    assert np.allclose(found, exactly.astype(float), rtol=1e-9, atol=1e-10)


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


def test_the_level_of_a_filling_is_common_to_all_who_are_not_full() -> None:
    rng = np.random.default_rng(0)
    cap, weight = rng.exponential(1.0, 1000), rng.uniform(0.5, 2.0, 1000)
    filled = fill(0.4 * cap.sum(), cap, weight)
    below = filled < cap * (1 - 1e-12)
    assert filled.sum() == pytest.approx(0.4 * cap.sum(), rel=1e-13)
    assert np.ptp((filled / weight)[below]) < 1e-12
    assert ((filled / weight)[~below] <= (filled / weight)[below].max() + 1e-12).all()


@given(
    claims=st.lists(st.integers(0, 40), min_size=1, max_size=8),
    part=st.integers(0, 24),
    seed=st.integers(0, 100),
)
@settings(max_examples=200, deadline=None)
def test_filling_with_and_without_a_sort_is_the_same(claims: list[int], part: int, seed: int) -> None:
    cap = np.array([Fraction(c) for c in claims], dtype=object)
    weight = np.array([Fraction(int(w)) for w in np.random.default_rng(seed).integers(1, 6, len(claims))], dtype=object)
    estate = Fraction(part * sum(claims), 24)
    assert fill(estate, cap, weight).tolist() == _fill_by_sorting(estate, cap, weight).tolist()


def test_caps_in_geometric_progression_fall_back_on_the_sort() -> None:
    cap = 2.0 ** np.arange(200)
    estate = 0.5 * float(cap.sum())
    filled = fill(estate, cap, np.ones(200))
    assert np.allclose(filled, _fill_by_sorting(estate, cap, np.ones(200)))
    assert filled.sum() == pytest.approx(estate, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"rule": "talmut", "estate": 1, "claim": [1, 2]}, "did you mean talmud"),
        ({"rule": "talmud", "estate": 4, "claim": [1, 2]}, "between 0 and the total of claims, 3"),
        ({"rule": "talmud", "estate": -1, "claim": [1, 2]}, "at least 0"),
        ({"rule": "talmud", "estate": 1, "claim": [1, -2]}, "row 2"),
        ({"rule": "talmud", "estate": 1, "claim": [1, float("nan")]}, "not finite"),
        ({"rule": "talmud", "estate": 1, "claim": []}, "at least one claim"),
        ({"rule": "talmud", "estate": 1, "claim": [1], "weight": [1]}, "takes no weights"),
        ({"rule": "proportional", "estate": 1, "claim": [1, 1], "weight": [1]}, "1 weights for 2"),
        ({"rule": "proportional", "estate": 1, "claim": [1, 1], "weight": [1, 0]}, "above 0"),
    ],
)
def test_bad_problems_are_named(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        award(**arguments)


def test_too_many_totals_are_refused_and_not_awaited() -> None:
    claims = [2**k for k in range(40)]
    with pytest.raises(InstanceError, match="different totals"):
        award("random_arrival", 2**39, claims)
    with pytest.raises(InstanceError, match="different totals"):
        award("average_of_awards", 2**39, claims)


def test_many_whole_claims_are_no_obstacle_to_averages() -> None:
    claims = [k % 7 + 1 for k in range(120)]
    for name in ("random_arrival", "average_of_awards"):
        found = award(name, Fraction(sum(claims), 3), claims, arithmetic="exact").tolist()
        assert sum(found) == Fraction(sum(claims), 3)
        assert len(set(found)) == 7


def test_paths_schedules_and_indices() -> None:
    claims = np.array([100.0, 200.0, 300.0])
    estates, awards = path_of_awards("talmud", claims, points=13)
    assert np.allclose(awards.sum(axis=1), estates)
    schedule = schedule_of_awards("constrained_equal_awards", 300.0, claims, 0, [0, 50, 100, 400])
    assert np.allclose(schedule, [0, 50, 100, 100])
    assert np.allclose(lorenz_curve(np.array([1.0, 3.0])), [0, 0.25, 1])
    assert gini_index(np.array([1.0, 1.0, 1.0])) == pytest.approx(0)
    assert gini_index(np.array([0.0, 0.0, 1.0])) == pytest.approx(2 / 3)
    for estate in (60.0, 300.0, 500.0):
        assert deviation_index(award("proportional", estate, claims), claims) == pytest.approx(0, abs=1e-15)
        assert deviation_index(award("constrained_equal_awards", estate, claims), claims) < 0
        assert deviation_index(award("constrained_equal_losses", estate, claims), claims) > 0


@given(claims=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), name=st.sampled_from(sorted(AWARD_RULES)))
@settings(max_examples=60, deadline=None)
def test_a_path_ends_at_the_claims_however_their_total_is_rounded(claims: list[float], name: str) -> None:
    name = "talmud" if name in ("random_arrival", "average_of_awards") else name  # too many different totals
    estates, awards = path_of_awards(name, claims, points=3)
    assert np.allclose(awards[-1], claims, rtol=1e-12)
    assert np.allclose(schedule_of_awards(name, 2 * estates[-1], claims, 0, claims), claims, rtol=1e-12)


def test_pictures_of_claims_rules_draw_the_numbers_of_the_rules() -> None:
    claims = np.array([100.0, 200.0, 300.0])
    path = path_picture("talmud", claims, estate=200.0)
    assert path.numbers["estate"][-1] == 600
    assert path.numbers["3: claim 300"][-1] == 300
    schedule = schedule_picture("constrained_equal_awards", 300.0, claims, shown=[0], labels=["small"])
    assert list(schedule.numbers) == ["own claim", "1: small"]
    assert max(schedule.numbers["1: small"]) == pytest.approx(100)
    lorenz = lorenz_picture(200, claims)
    assert len(lorenz.numbers) == 1 + len(AWARD_RULES)
    assert lorenz.numbers["talmud"] == pytest.approx([0, 50 / 200, 125 / 200, 1])


@pytest.mark.parametrize("people", [1, 2, 9, 300])
def test_a_report_of_a_claims_rule_shows_paths_schedules_and_lorenz_curves(people: int) -> None:
    claims = np.random.default_rng(people).lognormal(2, 1, people)
    for rule, number in (("talmud", 3), ("random_arrival", 3 if people <= 8 else 1)):
        drawn = claims_pictures(rule, 0.4 * float(claims.sum()), claims, [f"a{k}" for k in range(people)])
        assert len(drawn) == (0 if people == 1 else number)
        assert all("<svg" in picture.svg for picture in drawn)


def test_equal_awards_lorenz_dominate_every_rule_and_losses_none() -> None:
    table = compare_rules(250, [100, 200, 300])
    dominated = dict(zip(table["rule"], table["dominates"], strict=True))
    assert set(dominated["constrained_equal_awards"].split(", ")) >= set(AWARD_RULES) - {
        "constrained_equal_awards", "alpha_min"
    }  # fmt: skip
    assert dominated["constrained_equal_losses"] == ""
    assert all(sum(table[str(k)][row] for k in (1, 2, 3)) == 250 for row in range(len(table["rule"])))


def test_a_million_claims_are_settled_in_floats() -> None:
    claims = np.random.default_rng(1).lognormal(0.0, 1.0, 100_000)
    estate = 0.37 * float(claims.sum())
    for name, awards in all_awards(
        estate, claims, rules=[n for n in AWARD_RULES if n not in ("random_arrival", "average_of_awards")]
    ).items():
        assert awards.sum() == pytest.approx(estate, rel=1e-10), name
        assert (awards >= 0).all(), name
        assert (awards <= claims * (1 + 1e-12)).all(), name
