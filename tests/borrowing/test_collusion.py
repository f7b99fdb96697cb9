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
