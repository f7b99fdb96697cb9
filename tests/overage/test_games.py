"""Best replies and equilibria of the four games, held against trying claims on a grid."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import equilibrium, excess_over_cap, game_payoffs, net_reply
from mechopt.mechanisms.overage.games import own_payoff_in_game

CASES: list[tuple[Any, Any]] = [
    ("settlement", 0), ("levy", 0), ("levy", Fraction(1, 3)), ("levy", 3), ("emissions", Fraction(1, 2)),
    ("emissions", 1), ("emissions", 2), ("claim_cost", Fraction(1, 4)), ("claim_cost", Fraction(9, 10)),
]  # fmt: skip


@pytest.mark.parametrize(("game", "rate"), CASES)
@given(held=st.integers(0, 6), bound=st.integers(0, 16), others=st.integers(0, 8), slack=st.integers(0, 8))
@settings(max_examples=80, deadline=None)
def test_the_reply_is_best_on_a_fine_grid_and_the_least_such(
    game: Any, rate: Any, held: int, bound: int, others: int, slack: int
) -> None:
    reply = net_reply(held, bound, others, slack, game, rate)
    assert 0 <= reply <= bound
    grid = [Fraction(k, 16) for k in range(16 * bound + 1)]
    payoffs = [float(own_payoff_in_game(held, claim, others, slack, game, rate)) for claim in grid]
    own = float(own_payoff_in_game(held, Fraction(reply), others, slack, game, rate))
    assert own >= max(payoffs) - 1e-12
    for claim, payoff in zip(grid, payoffs, strict=True):
        if claim < Fraction(reply) - Fraction(1, 10**9):
            assert payoff < own or (payoff == pytest.approx(own, abs=1e-12) and float(reply - claim) < 1e-6)


def test_the_payoffs_of_a_profile_are_those_of_each_account_against_the_rest() -> None:
    held, asked = [4, 3, 5], [6, 1, 7]
    over, under = [2, 0, 2], [0, 2, 0]
    for game, rate in CASES:
        together = game_payoffs(held, asked, game, rate)
        for j in range(3):
            alone = own_payoff_in_game(
                held[j],
                asked[j],
                sum(over) - over[j],
                sum(under) - under[j],
                game,
                rate,
            )
            assert together[j] == alone


def deviates(held: list[int], profile: tuple[int, ...], bound: int, game: Any, rate: Any) -> bool:
    """Whether an account gains by another whole or half claim."""
    before = game_payoffs(held, list(profile), game, rate)
    for j in range(len(held)):
        for step in range(2 * bound + 1):
            other = [Fraction(c) for c in profile]
            other[j] = Fraction(step, 2)
            if game_payoffs(held, np.array(other, dtype=object), game, rate)[j] > before[j]:
                return True
    return False


@pytest.mark.parametrize(("game", "rate"), CASES)
def test_the_box_holds_all_equilibria_in_whole_claims_and_nothing_else(game: Any, rate: Any) -> None:
    held, bound = [2, 1, 0], 3
    found = equilibrium(held, bound, game, rate)
    for profile in product(range(bound + 1), repeat=3):
        inside = all(low <= c <= high for low, c, high in zip(found.lowest, profile, found.highest, strict=True))
        assert inside is not deviates(held, profile, bound, game, rate), profile
        if inside:
            assert game_payoffs(held, list(profile), game, rate).tolist() == found.payoff.tolist()
    assert found.unique is (found.lowest.tolist() == found.highest.tolist())


def test_what_exceeds_the_cap() -> None:
    assert excess_over_cap([4, 4], [7, 3]) == 2
    assert excess_over_cap([4, 4], [3, 3]) == 0


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: equilibrium([4, 1], 3, "levy", 1), "at least every entitlement, 4"),
        (lambda: equilibrium([1, 1], 3, "claim_cost", 1), "below 1"),
        (lambda: equilibrium([1, 1], 3, "auction", 1), "choose from"),  # type: ignore[arg-type]
        (lambda: game_payoffs([1], [1], "levy", -1), "at least 0"),
        (lambda: game_payoffs([1], [1], "settlement", 1), "no rate"),
    ],
)
def test_bad_games_are_named(call: Any, word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        call()
