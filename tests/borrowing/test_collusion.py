"""Untruthful equilibria by enumeration, by program and by brute force; what agents could agree on."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mechopt import instance
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.collusion import risk
from mechopt.mechanisms.borrowing.document import from_document
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import Game, ex_post_nash, game
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.worst_equilibrium import by_program, enumerate_all

Read = Callable[..., Environment]
F = Fraction
SHARES = (F(0), F(1))


def known(first: list[Any], second: list[Any], times: list[Fraction]) -> Game:
    data = {
        "mechanism": "borrowing",
        "values": {n: {"kind": "polynomial", "coefficients": c} for n, c in (("f", first), ("g", second))},
        "agents": [{"beliefs": {n: 1}, "time": {"family": "uniform"}} for n in "fg"],
    }
    return game(from_document(instance.read_document(data)), times=times)


def lost(found: Game, strategies: tuple[tuple[int, ...], tuple[int, ...]]) -> Fraction:
    """Expected loss of a pair of strategies, from the definition."""
    total = F(0)
    for s, t in product(range(len(strategies[0])), range(len(strategies[1]))):
        sign = int(found.sign[strategies[0][s], strategies[1][t]])
        gap = 2 * max(found.first[s, t], found.second[s, t]) - found.welfare(sign)[s, t]
        total += F(int(gap), 2) * found.unit * found.probability[0][s] * found.probability[1][t]
    return total


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=3), st.lists(st.integers(-3, 3), min_size=1, max_size=3))
def test_every_pair_of_strategies_on_three_times(first: list[int], second: list[int]) -> None:
    found = known(first, second, [F(0), F(1, 2), F(1)])
    strategies = list(product(range(3), repeat=3))
    equilibria = [
        (one, two) for one, two in product(strategies, strategies)
        if ex_post_nash(found, scope="fixed", strategies=(one, two), shares=SHARES).holds
    ]  # fmt: skip
    worst = enumerate_all(found)
    assert worst.count == len(equilibria)
    assert worst.loss == max(lost(found, pair) for pair in equilibria)
    assert worst.strategies in equilibria
    assert lost(found, worst.strategies) == worst.loss
    program = by_program(found)
    assert program.loss == worst.loss
    assert program.strategies in equilibria


@pytest.mark.parametrize(("points", "total"), [(5, F(1, 4)), (7, F(1, 6)), (9, F(1, 8))])
def test_item_2_of_proposition_2_fails_on_every_uniform_grid(points: int, total: Fraction) -> None:
    """v1 = v2 = 1 - t, known: an untruthful equilibrium loses 1/(n - 1) in total over the n^2 pairs."""
    found = known([1, -1], [1, -1], [F(k, points - 1) for k in range(points)])
    assert by_program(found).loss * points**2 == total
    if points == 5:
        worst = enumerate_all(found)
        assert worst.loss * points**2 == total
        assert worst.count is not None
        assert worst.count > 1


def test_too_many_types_are_refused() -> None:
    with pytest.raises(InstanceError, match="too many to enumerate"):
        enumerate_all(known([1, -1], [1, -1], [F(k, 9) for k in range(9)]))


def test_who_prefers_the_swap(read: Read) -> None:
    """In the paper's V: both prefer Proposition 4's equilibrium with probability 1/6, the truth with 2/3."""
    found = risk(Expectations(read()))
    assert found.exactly
    assert (found.both_prefer_swap, found.both_prefer_truth, found.split) == (F(1, 6), F(2, 3), F(1, 6))
    assert found.negative == ("f", "g")
    assert found.constant == ()


def test_where_curves_part_the_preferences_frequencies_do(read: Read) -> None:
    curved = {"f": {"kind": "polynomial", "coefficients": [1, 0, "-1/2"]},
              "g": {"kind": "polynomial", "coefficients": ["1/4"]}}  # fmt: skip
    found = risk(Expectations(read(values=curved)))
    assert not found.exactly
    assert found.constant == ("g",)
    assert 0 < found.error < 0.01
    assert found.both_prefer_swap + found.both_prefer_truth + found.split == pytest.approx(1)


FINITE = st.lists(st.sampled_from([F(k, 10) for k in range(11)]), min_size=1, max_size=3, unique=True)
ANY_VALUES = st.one_of(
    st.lists(st.integers(-3, 3), min_size=1, max_size=3).map(lambda c: {"kind": "polynomial", "coefficients": c}),
    st.lists(st.integers(-2, 2), min_size=3, max_size=3).map(
        lambda h: {"kind": "pieces", "breaks": ["3/10", "4/5"], "polynomials": [[F(x, 2)] for x in h]}
    ),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(ANY_VALUES, ANY_VALUES, FINITE, FINITE, st.booleans())
def test_on_finite_types_the_figures_are_sums(f: Any, g: Any, one: list[F], two: list[F], mixed: bool) -> None:
    """From the definitions, atom by atom; and exact beside a density, which values in steps cut along lines."""

    def law(times: list[Fraction]) -> dict[str, Any]:
        return {"family": "discrete", "points": sorted(times), "probs": [F(1, len(times))] * len(times)}

    mixture = {"family": "mixture", "weights": ["1/2", "1/2"], "components": [law(one), {"family": "uniform"}]}
    data = {
        "mechanism": "borrowing", "values": {"f": f, "g": g},
        "agents": [{"beliefs": {"f": 1}, "time": mixture if mixed else law(one)},
                   {"beliefs": {"f": "1/3", "g": "2/3"}, "time": law(two)}],
    }  # fmt: skip
    environment = from_document(instance.read_document(data))
    found = risk(Expectations(environment))
    if mixed:
        assert not found.exactly or found.both_prefer_swap + found.both_prefer_truth + found.split == 1
        return
    swap = truth = extraction = F(0)
    for a, b, p in environment.pairs:
        for s, t in product(one, two):
            mass = p / len(one) / len(two)
            own, late = (a.at(s), b.at(t)), (a.at(s + t), b.at(s + t))
            sums = [own[k] + late[k] for k in (0, 1)]
            swap += mass * (max(sums) < 0)
            truth += mass * (min(sums) > 0)
            orders = own[0] + late[1], own[1] + late[0]
            told = 2 if orders[0] != orders[1] else sum(sums[k] / 2 + 1 - max(own[k], late[k]) for k in (0, 1))
            extraction += mass * (told - max(orders))
    assert found.exactly
    assert (found.both_prefer_swap, found.both_prefer_truth) == (swap, truth)
    assert found.extraction_drift.value == extraction


def test_the_extraction_takes_less_on_ties_as_it_is_played(read: Read) -> None:
    """Two equal agents who need 1/2 or 1: half the rounds are ties, where the loss from being second is 1/2 or 1."""
    half = {"family": "discrete", "points": ["1/2", 1], "probs": ["1/2", "1/2"]}
    found = risk(Expectations(read(agents=[{"beliefs": {"f": 1}, "time": half}] * 2)))
    assert found.extraction_drift.value == F(7, 4)


def test_a_frequency_does_not_take_a_zero_for_a_sign(read: Read) -> None:
    """v = 1/10 - t/3 at 1/10 and 1/10: the sum of both payoffs is zero, and in floats a little more."""
    values = {"f": {"kind": "polynomial", "coefficients": ["1/10", "-1/3"]}}
    times = {"family": "discrete", "points": ["1/10", "1/5"], "probs": ["1/2", "1/2"]}
    rough = {"family": "mixture", "weights": ["9/10", "1/10"],
             "components": [times, {"family": "truncated_normal", "mu": 0, "sigma": "1/20"}]}  # fmt: skip
    agents = [{"beliefs": {"f": 1}, "time": law} for law in (rough, times)]
    exactly = risk(Expectations(read(values=values, agents=[{"beliefs": {"f": 1}, "time": times}] * 2)))
    assert exactly.both_prefer_truth == F(3, 4)
    found = risk(Expectations(read(values=values, agents=agents)))
    assert not found.exactly
    # With the first time at an atom the truth is preferred in 3/4 of the cases, else at most always.
    assert found.both_prefer_truth < 0.9 * 0.75 + 0.1 + 5 * found.error


def test_negative_somewhere_is_what_it_says(read: Read) -> None:
    """1 - 3 t + 3 t^2 / 2 is never below -1/2, though its Bernstein coefficient on [0, 2] is -2."""
    from mechopt.mechanisms.borrowing.regions import beyond
    from mechopt.mechanisms.borrowing.values import from_callable, polynomial

    function = polynomial("f", [F(1), F(-3), F(3, 2)])
    assert function.bounds(F(0), F(2))[0] == -2
    assert not beyond(function, F(0), F(2), F(-1, 2), -1)
    assert beyond(function, F(0), F(2), F(-499, 1000), -1)
    assert not beyond(function, F(0), F(2), 1, 1)
    wave = from_callable("wave", lambda t: [float(x) ** 2 - 1 for x in t])
    assert beyond(wave, F(0), F(2), 0, -1)
    assert not beyond(wave, F(0), F(2), -1, -1)


@settings(max_examples=60, deadline=None)
@given(ANY_VALUES, st.integers(-5, 5), st.sampled_from([-1, 1]))
def test_beyond_a_limit_is_decided_exactly(f: Any, limit: int, side: int) -> None:
    from mechopt.mechanisms.borrowing.regions import beyond

    agents = [{"beliefs": {"f": 1}, "time": {"family": "uniform"}}] * 2
    data = {"mechanism": "borrowing", "values": {"f": f}, "agents": agents}
    function = from_document(instance.read_document(data)).values["f"]
    seen = max(side * (function.at(F(k, 240)) - limit) for k in range(481))
    found = beyond(function, F(0), F(2), limit, side)
    assert found or seen <= 0
    # The extremum of a quadratic with integers up to 3 lies at k/6, so on the grid of 1/240.
    assert found == (seen > 0)
