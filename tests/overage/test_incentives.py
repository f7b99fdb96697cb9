"""Best replies, Nash equilibria and coalition deviations in closed form, against brute force on rational grids."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.clearing import as_exact, clear
from mechopt.mechanisms.overage.coalitions import (
    best_deviation,
    best_deviation_without_payments,
    coalition_payoff,
    strong_equilibrium,
)
from mechopt.mechanisms.overage.incentives import best_replies, facing, nash_equilibrium, nash_set, own_payoff

EXPONENTS = [1, 2, 3, Fraction(1, 2)]
TIES = ["max", "left", "right"]
SQUARES = [Fraction(k, 2) ** 2 for k in range(8)]  # overages whose square roots are rational


def column(values: Any) -> Any:
    return as_exact(np.array(list(values), dtype=object))


def profiles(count: int, *, seed: int = 0, squares: bool = False) -> list[tuple[list[Any], list[Any], Fraction]]:
    """Random entitlements, claims and bounds, often on the boundary X = I or at equal numbers."""
    generator, found = random.Random(seed), []
    for _ in range(count):
        n = generator.randint(1, 4)
        entitlement = [Fraction(generator.randint(0, 8), generator.choice([1, 2])) for _ in range(n)]
        steps = SQUARES if squares else [Fraction(k, 2) for k in range(13)]
        claim = [max(e + generator.choice([1, -1]) * generator.choice(steps), Fraction(0)) for e in entitlement]
        bound = max(claim) + generator.choice([0, 0, 1, 3])
        found.append((entitlement, claim, Fraction(bound)))
    return found


def grid(bound: Fraction, *more: Fraction) -> list[Fraction]:
    return sorted({Fraction(k) * bound / 12 for k in range(13)} | {x for x in more if 0 <= x <= bound})


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("alpha", EXPONENTS)
def test_payoff_in_closed_form_is_what_the_clearing_pays(alpha: Any, tie: Any) -> None:
    for entitlement, claim, bound in profiles(60, squares=True):
        held, asked = column(entitlement), column(claim)
        for j, own in enumerate(entitlement):
            try:
                situation = facing(held, asked, j, alpha=alpha)
                tries = [own + s for s in SQUARES if own + s <= bound] + [own / 2, own + situation.boundary]
                closed = [situation.payoff(c, tie=tie) for c in tries]
                cleared = [own_payoff(held, asked, j, c, rule="power", alpha=alpha, tie=tie) for c in tries]
            except InstanceError:  # a ratio of overages without a rational root
                continue
            assert closed == cleared


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("alpha", [1, 2, 3])
def test_best_replies_are_the_best_claims_of_a_grid_and_no_other(alpha: Any, tie: Any) -> None:
    several = 0
    for entitlement, claim, bound in profiles(150, seed=1):
        held, asked = column(entitlement), column(claim)
        for j in range(len(claim)):
            situation = facing(held, asked, j, alpha=alpha)
            replies = best_replies(situation, bound, tie=tie)
            near = situation.entitlement + situation.boundary
            ends = [end for interval in replies.intervals for end in interval]
            several += len(set(ends)) > 1
            for own in grid(bound, near, near - Fraction(1, 1000), near + Fraction(1, 1000), *ends):
                payoff = own_payoff(held, asked, j, own, rule="power", alpha=alpha, tie=tie)
                assert payoff <= replies.payoff
                assert (payoff == replies.payoff) == (own in replies), (entitlement, claim, bound, j, own)
            if not replies.intervals:  # approached, not reached
                close = own_payoff(held, asked, j, near - Fraction(1, 10**6), rule="power", alpha=alpha, tie=tie)
                assert tie == "right"
                assert 0 < replies.payoff - close <= Fraction(1, 10**6)
    assert several > 20


def test_the_bound_loses_where_the_criterion_says() -> None:
    # alpha = 2, L = (10, 5, 10), C = (., 7, 7): V = 2, I = 3, y* = 1, and 1 * 4 > 2 * m**2 exactly for m < sqrt 2.
    held, asked = column([10, 5, 10]), column([10, 7, 7])
    situation = facing(held, asked, 0, alpha=2)
    assert best_replies(situation, Fraction(113, 10)).intervals == ((11, 11),)
    assert best_replies(situation, Fraction(115, 10)).intervals == ((Fraction(115, 10),) * 2,)
    # One rival with overage 1 and alpha = 1/2: y* = 2, a tie where 2 * 1 = 1 * sqrt(m), at m = 4.
    tied = facing(column([10, 10, 10]), column([10, 11, 7]), 0, alpha=Fraction(1, 2))
    assert best_replies(tied, 14).intervals == ((12, 12), (14, 14))
    assert best_replies(tied, 14, tie="right").intervals == ((14, 14),)
    assert best_replies(tied, 14).payoff == 12
    assert best_replies(tied, Fraction(49, 4), tie="right").intervals == ()


def test_linear_best_replies_by_case() -> None:
    held = column([10, 10, 10])
    assert best_replies(facing(held, column([0, 12, 12]), 0), 15).intervals == ((10, 15),)  # nobody has slack
    assert best_replies(facing(held, column([0, 10, 7]), 0), 15).intervals == ((13, 15),)  # alone with 3 of slack
    assert best_replies(facing(held, column([0, 10, 7]), 0), 12).intervals == ((12, 12),)
    assert best_replies(facing(held, column([0, 11, 7]), 0), 15).intervals == ((15, 15),)
    assert best_replies(facing(held, column([0, 11, 7]), 0), 8).intervals == ((8, 8),)  # the bound is below L


def test_floats_count_as_decimals_and_irrational_powers_are_taken_in_floats() -> None:
    exact = facing([0.1, 0.1, 0.1], [0.1, 0.3, 0.0], 0)
    assert (exact.others, exact.slack) == (Fraction(1, 5), Fraction(1, 10))
    situation = facing([10.0, 10.0, 10.0, 10.0], [10.0, 11.0, 12.0, 4.0], 0, alpha=1.5)
    share = 6 * 5**1.5 / (1 + 2**1.5 + 5**1.5)
    assert best_replies(situation, 15).payoff == pytest.approx(10 + share)
    with pytest.raises(InstanceError, match="irrational"):
        facing(column([10, 10, 10]), column([10, 11, 12]), 0, alpha=Fraction(1, 2))
    assert own_payoff(np.array([10, 10]), np.array([8, 11]), 1, Fraction(21, 2)) == Fraction(21, 2)
    assert own_payoff([10, 10], [8, 11], 1, 13) == 12
    assert own_payoff([10, 10, 10], [8, 11, 11], 2, 12) == Fraction(34, 3)  # whole columns stay exact
    assert own_payoff(np.array([10.0, 10.0]), np.array([8.0, 11.0]), 1, 14.0) == 12.0


@pytest.mark.parametrize("alpha", [1, 2])
def test_nash_is_no_gain_on_a_grid(alpha: Any) -> None:
    seen = set()
    for entitlement, claim, bound in profiles(200, seed=2):
        held, asked = column(entitlement), column(claim)
        finding = nash_equilibrium(held, asked, bound, alpha=alpha)
        now = clear(held, asked, rule="power", alpha=alpha).payoff
        gain = max(
            own_payoff(held, asked, j, own, rule="power", alpha=alpha) - now[j]
            for j in range(len(claim))
            for own in grid(bound, entitlement[j], entitlement[j] + facing(held, asked, j).boundary)
        )
        assert finding.margin == -gain
        assert finding.witness is not None
        j = finding.witness["row"] - 1
        better = own_payoff(held, asked, j, finding.witness["reply"], rule="power", alpha=alpha)
        assert better == finding.witness["best_payoff"] == now[j] + gain or gain == 0
        seen.add(finding.holds)
    assert seen == {True, False}


def test_nash_set_is_exactly_the_equilibria_whatever_the_bound() -> None:
    values = [Fraction(k, 2) for k in range(7)]
    single = 0
    for n in (1, 2, 3):
        for entitlement in itertools.product(values[::2], repeat=n):
            for bound in (Fraction(1), Fraction(2), Fraction(3)):
                lower, upper = nash_set(column(entitlement), bound)
                single += any(e < low < bound for e, low in zip(entitlement, lower, strict=True))
                for claim in itertools.product([c for c in values[:: 1 if n < 3 else 2] if c <= bound], repeat=n):
                    inside = all(a <= c <= b for a, c, b in zip(lower, claim, upper, strict=True))
                    assert nash_equilibrium(column(entitlement), column(claim), bound).holds == inside
    assert single > 0  # the case of a single account below the bound occurs


def test_nash_set_in_floats_and_claims_beyond_the_bound() -> None:
    lower, upper = nash_set([1.0, 3.0], 2.5)
    assert (lower.tolist(), upper.tolist()) == ([1.5, 2.5], [2.5, 2.5])
    finding = nash_equilibrium([1.0, 3.0], [1.0, 2.5], 2.5)
    assert (finding.margin, finding.holds) == (-0.5, False)
    with pytest.raises(InstanceError, match=r"row 2.*from 0 to 2, not 3"):
        nash_equilibrium([1, 3], [1, 3], 2)
    with pytest.raises(InstanceError, match="equal length"):
        nash_equilibrium([1, 3], [1], 2)


def coalitions(n: int) -> list[list[int]]:
    return [list(rows) for size in range(1, n + 1) for rows in itertools.combinations(range(n), size)]


def deviations(held: Any, asked: Any, rows: list[int], values: list[Fraction]) -> Any:
    for choice in itertools.product(values, repeat=len(rows)):
        changed = asked.copy()
        changed[rows] = list(choice)
        yield clear(held, changed).payoff[rows]


def test_coalition_payoff_is_the_sum_of_payoffs() -> None:
    for entitlement, claim, _ in profiles(100, seed=3):
        held, asked = column(entitlement), column(claim)
        payoff = clear(held, asked).payoff
        for rows in coalitions(len(claim)):
            assert coalition_payoff(held, asked, rows) == sum(payoff[rows])


def test_best_deviation_beats_every_deviation_of_a_grid() -> None:
    for entitlement, claim, bound in profiles(30, seed=4):
        held, asked = column(entitlement), column(claim)
        values = [Fraction(k) * bound / 4 for k in range(5)]
        for rows in coalitions(len(claim)):
            found = best_deviation(held, asked, rows, bound)
            assert sum(found.after) >= max(sum(after) for after in deviations(held, asked, rows, values))
            assert sum(found.side_payments) == 0
            settled = found.after + found.side_payments - found.before
            assert set(settled) == {Fraction(found.gain) / len(rows)}


def test_without_payments_the_deviation_hurts_nobody_and_beats_the_grid() -> None:
    gains, constrained = 0, 0
    for entitlement, claim, bound in profiles(40, seed=5):
        held, asked = column(entitlement), column(claim)
        values = sorted({Fraction(0), bound / 2, bound} | {x for x in entitlement if x <= bound})
        for rows in coalitions(len(claim)):
            found = best_deviation_without_payments(held, asked, rows, bound)
            assert all(found.after >= found.before)
            assert all(0 <= c <= bound for c in found.claim)
            total = sum(found.before)
            best = max(
                (sum(after) - total for after in deviations(held, asked, rows, values) if all(after >= found.before)),
                default=0,
            )
            assert found.gain >= max(best, 0)
            assert found.gain <= best_deviation(held, asked, rows, bound).gain
            gains += found.gain > 0
            constrained += 0 < found.gain < best_deviation(held, asked, rows, bound).gain
    assert gains > 30
    assert constrained > 5


def test_the_largest_claims_are_strong_and_others_are_not() -> None:
    held = column([10, 10, 10])
    assert strong_equilibrium(held, column([20, 20, 20]), 20).margin == 0
    assert strong_equilibrium(held, held, 20).holds  # C = L is a Nash profile, and strong
    finding = strong_equilibrium(held, column([7, 11, 12]), 20)
    assert finding.witness == {"rows": [1], "claims": [20], "gain": 3}
    together = strong_equilibrium(held, column([7, 7, 7]), 11)  # the bound is so tight that all must move to gain most
    assert together.witness == {"rows": [1, 2, 3], "claims": [11, 11, 11], "gain": 9}
    alone = strong_equilibrium(held, column([7, 11, 12]), 20, side_payments=False)
    assert (alone.property, alone.margin) == ("strong_equilibrium_without_payments", -3)


def test_coalition_input_is_refused_with_the_reason() -> None:
    with pytest.raises(InstanceError, match="rows 0 to 1"):
        coalition_payoff([1, 1], [1, 1], [2])
    with pytest.raises(InstanceError, match="rows 0 to 1"):
        coalition_payoff([1, 1], [1, 1], [])
    with pytest.raises(InstanceError, match="too many coalitions"):
        strong_equilibrium([1] * 17, [1] * 17, 2)
    with pytest.raises(InstanceError, match=r"row 2.*at most 2, not 3"):
        best_deviation_without_payments([1, 1], [1, 3], [1], 2)
