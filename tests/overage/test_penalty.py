"""Residuals, their marginals, the collar and the game with a penalty, against brute force on rational grids."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.clearing import as_exact, clear
from mechopt.mechanisms.overage.penalty import (
    Scenario,
    collar_as_printed,
    collar_condition,
    cost_of_waiting,
    expected,
    marginal_residual,
    net_equilibrium,
    net_marginals,
    net_payoff,
    residual,
    scarcity_without,
    total_scarcity,
    waiting_equilibrium,
)

VALUES = [Fraction(k, 2) for k in range(7)]
POINTS = list(itertools.product(VALUES, repeat=3))
STEP = Fraction(1, 10**9)


@pytest.mark.parametrize("own", VALUES)
def test_residual_is_the_one_of_the_clearing(own: Fraction) -> None:
    for others, slack in itertools.product(VALUES, repeat=2):
        entitlement = as_exact(np.array([1, 2, 1 + slack], dtype=object))
        claim = as_exact(np.array([1 + own, 2 + others, 1], dtype=object))
        assert residual(own, others, slack) == clear(entitlement, claim).residual[0]


def test_marginal_residual_is_the_right_derivative() -> None:
    for own, others, slack in POINTS:
        quotient = (residual(own + STEP, others, slack) - residual(own, others, slack)) / STEP
        assert abs(marginal_residual(own, others, slack) - quotient) < 10 * STEP


def test_marginal_at_the_boundary_is_the_own_share_of_overage() -> None:
    assert marginal_residual(1, 1, 2) == Fraction(1, 2)  # where the scarcity factor is still 0
    assert total_scarcity(2, 2) == 0
    assert marginal_residual(0, 0, 0) == 1
    assert total_scarcity(0, 0) == 0
    assert marginal_residual(1.0, 1e300, 1e299) == pytest.approx(0.9)  # squares would overflow


def test_scarcity_without_the_account_is_the_first_marginal() -> None:
    for others, slack in itertools.product(VALUES, repeat=2):
        first = residual(STEP, others, slack) / STEP
        assert abs(scarcity_without(others, slack) - first) < 10 * STEP
    for own, others, slack in POINTS:
        if others >= slack and others > 0:
            gap = slack * own / (others * (own + others))
            assert total_scarcity(own + others, slack) - scarcity_without(others, slack) == gap


def scenarios(*rows: tuple[object, object, object, object]) -> list[Scenario]:
    return [Scenario(probability=p, others=v, slack=i, penalty=k) for p, v, i, k in rows]


def test_probabilities_have_to_add_up() -> None:
    assert expected([2, 6], scenarios((0.25, 1, 1, 1), (0.75, 1, 1, 1))) == 5
    for rows in ([(Fraction(1, 2), 1, 1, 1)], [(0, 1, 1, 1), (1, 1, 1, 1)], []):
        with pytest.raises(InstanceError, match="add up to 1"):
            expected([1] * len(rows), scenarios(*rows))


def test_the_printed_collar_does_not_stop_partial_waiting() -> None:
    # V = 0, I = 5, v = 10, kappa = p_bar = 1, p = 1/2: Lambda = 1/2 and every hypothesis of Corollary 11 holds.
    world = scenarios((1, 0, 5, 1))
    printed = collar_as_printed(Fraction(1, 2), 1, Fraction(1, 2), 10, world)
    assert printed.holds
    assert [cost_of_waiting(10, w, Fraction(1, 2), world) for w in (0, 5, 10)] == [5, Fraction(5, 2), 5]
    repaired = collar_condition(Fraction(1, 2), world)
    assert (repaired.holds, repaired.margin) == (False, Fraction(-1, 2))


@pytest.mark.parametrize(("price", "bound", "least", "binding"), [
    (Fraction(1, 2), 2, Fraction(1, 2), "penalty - price_bound"),
    (Fraction(1, 4), 1, Fraction(3, 4), "expected scarcity - least_scarcity"),
    (Fraction(3, 4), 1, Fraction(1, 2), "price_bound * least_scarcity - price"),
])  # fmt: skip
def test_each_hypothesis_of_the_printed_collar_counts(
    price: Fraction, bound: int, least: Fraction, binding: str
) -> None:
    finding = collar_as_printed(price, bound, least, 10, scenarios((1, 0, 5, 1)))
    assert not finding.holds
    assert finding.witness is not None
    assert finding.witness["binding"] == binding
    assert not collar_as_printed(0, 1, 0, 10, scenarios((1, 0, 5, 1))).holds  # lambda must be positive


def test_the_printed_collar_needs_the_penalty_in_every_scenario() -> None:
    half = Fraction(1, 2)
    finding = collar_as_printed(half, 2, half, 10, scenarios((half, 0, 5, 1), (half, 0, 5, 3)))
    assert finding.margin == -1
    assert finding.witness is not None
    assert finding.witness["binding"] == "penalty - price_bound"


def test_the_repaired_collar_is_necessary_and_sufficient() -> None:
    seen = set()
    half = Fraction(1, 2)
    for (v, i), (w, k) in itertools.product(itertools.product([0, 1, 3], repeat=2), repeat=2):
        world = scenarios((half, v, i, 1), (half, w, k, 2))
        for price in (Fraction(1, 4), half, Fraction(1)):
            finding = collar_condition(price, world)
            waits = [STEP, *(Fraction(n, 2) for n in range(1, 13))]
            cheapest = min(cost_of_waiting(6, wait, price, world) for wait in waits)
            assert (cheapest >= 6 * price) == finding.holds
            seen.add(finding.holds)
    assert seen == {True, False}
    assert collar_condition(0.1, scenarios((1.0, 3.0, 2.7, 1.0))).holds  # 1 - 0.9 rounds to less than 0.1


def test_waiting_beyond_the_need_is_refused() -> None:
    with pytest.raises(InstanceError, match="from 0 to the need"):
        cost_of_waiting(5, 6, 1, scenarios((1, 0, 1, 1)))


def test_waiting_goes_on_until_it_costs_the_price() -> None:
    waiting = waiting_equilibrium(1, 2, 5)
    assert waiting == 10
    for price, penalty, slack, fixed in [(1, 2, 5, 0), (1, 3, 4, 2), (Fraction(1, 2), 1, 3, 1)]:
        total = waiting_equilibrium(price, penalty, slack, fixed) + fixed
        assert penalty * total_scarcity(total, slack) == price
    assert waiting_equilibrium(1, 2, 5, 11) == 0
    with pytest.raises(InstanceError, match="below the penalty"):
        waiting_equilibrium(2, 2, 5)


def test_net_payoff_is_the_payoff_less_the_penalty_and_concave() -> None:
    half = Fraction(1, 2)
    for entitlement, others, slack in itertools.product([0, 1, 2], [0, 1, 3], [0, 1, 2]):
        held = as_exact(np.array([entitlement, 2, 1 + slack], dtype=object))
        for kappa in (Fraction(0), half, Fraction(2)):
            slopes = []
            for claim in VALUES:
                cleared = clear(held, as_exact(np.array([claim, 2 + others, 1], dtype=object)))
                net = net_payoff(entitlement, claim, others, slack, kappa)
                assert net == cleared.payoff[0] - kappa * cleared.residual[0]
                left, right = net_marginals(entitlement, claim, others, slack, kappa)
                after = (net_payoff(entitlement, claim + STEP, others, slack, kappa) - net) / STEP
                assert abs(after - right) < 30 * STEP
                if claim > 0:
                    before = (net - net_payoff(entitlement, claim - STEP, others, slack, kappa)) / STEP
                    assert abs(before - left) < 30 * STEP
                    slopes.append(left)
                slopes.append(right)
            assert slopes == sorted(slopes, reverse=True)


def test_with_a_penalty_claiming_the_entitlement_is_the_only_equilibrium() -> None:
    values = [Fraction(k, 2) for k in range(7)]
    for entitlement in [(1,), (1, 2), (2, 1, 1)]:
        for claim in itertools.product(values, repeat=len(entitlement)):
            assert net_equilibrium(entitlement, claim, 3, Fraction(1, 10)).holds == (claim == entitlement)
    finding = net_equilibrium([1, 2], [3, 3], 3, Fraction(1, 10))
    assert finding.witness == {"row": 1, "claim": 3, "better": "lower", "slope": Fraction(1, 10)}


def test_without_a_penalty_net_equilibria_are_nash_equilibria() -> None:
    from mechopt.mechanisms.overage.incentives import nash_equilibrium

    values = [Fraction(k, 2) for k in range(5)]
    seen = set()
    assert net_equilibrium([1, 4], [2, 2], 2, 0).holds  # covered claims at the bound cannot be raised
    for entitlement in [(1,), (1, 2), (2, 1), (1, 1, 1), (1, 4), (4, 1, 1)]:
        for claim in itertools.product(values, repeat=len(entitlement)):
            nash = nash_equilibrium(list(entitlement), np.array(claim, dtype=object), 2).holds
            assert net_equilibrium(entitlement, claim, 2, 0).holds == nash
            seen.add(nash)
    assert seen == {True, False}
