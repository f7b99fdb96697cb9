"""Confidence and believable conjectures: identities, roots, and martingales that try to break them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.confidence import (
    Payoffs,
    believable,
    believable_by_agents,
    conjecture_of,
    delta_of,
    largest_delta,
    most_from,
    risk_of_agents,
)

TYPES, STOCK = np.array([[3.0, 0], [0, 2], [1, 0.5], [0.3, 1.1]]), np.array([7.0, 5.0])
RATIOS = st.floats(1e-6, 1.0)
AGENTS = st.integers(2, 10_000)


@given(ratio=RATIOS, agents=AGENTS, z=st.floats(1e-6, 0.4999))
def test_the_smaller_root_inverts_delta(ratio: float, agents: int, z: float) -> None:
    """delta(z) belongs to two conjectures, c(z) and c(1 - z); the smaller one is given."""
    delta = float(delta_of(z, tolerance=ratio, payoff_bound=1.0, agents=agents))
    found = believable(delta, tolerance=ratio, payoff_bound=1.0, agents=agents)
    assert found is not None
    smaller = float(conjecture_of(z, tolerance=ratio, payoff_bound=1.0))
    assert found <= smaller * (1 + 1e-6) + 1e-12
    if z < 0.49:
        assert found == pytest.approx(smaller, rel=1e-6)
    other = float(delta_of(1 - z, tolerance=ratio, payoff_bound=1.0, agents=agents))
    assert other == pytest.approx(delta, rel=1e-9)


@given(ratio=RATIOS, agents=AGENTS, share=st.floats(1e-9, 1.0))
def test_a_believable_conjecture_proves_itself_right(ratio: float, agents: int, share: float) -> None:
    """Lemma 5 for each agent and a union bound: N delta / (epsilon / D - c) <= c, in rationals."""
    delta = share * largest_delta(tolerance=ratio, payoff_bound=1.0, agents=agents) * (1 - 1e-9)
    found = believable(delta, tolerance=ratio, payoff_bound=1.0, agents=agents)
    assert found is not None
    left = agents * Fraction(delta) / (Fraction(ratio) - Fraction(found))
    assert left <= Fraction(found) * (1 + Fraction(1, 10**6))


def test_beyond_the_largest_delta_nothing_is_believable() -> None:
    top = largest_delta(tolerance=1.0, payoff_bound=10.0, agents=4)
    assert believable(top * 1.001, tolerance=1.0, payoff_bound=10.0, agents=4) is None
    assert believable(0.0, tolerance=1.0, payoff_bound=10.0, agents=4) == 0


def test_a_small_delta_of_z_does_not_mean_a_small_conjecture() -> None:
    """The remark after Proposition 2 as printed fails at z near 1."""
    options = {"tolerance": 0.5, "payoff_bound": 1.0}
    assert float(delta_of(0.999, agents=10, **options)) < 3e-5
    assert float(conjecture_of(0.999, **options)) > 0.49
    found = believable(float(delta_of(0.999, agents=10, **options)), agents=10, **options)
    assert found is not None
    assert found < 6e-4


def test_alone_there_is_nobody_to_conjecture_about() -> None:
    assert believable(0.01, tolerance=1.0, payoff_bound=4.0, agents=1) == pytest.approx(0.04)
    assert believable(0.3, tolerance=1.0, payoff_bound=4.0, agents=1) is None
    assert believable_by_agents([0.01], tolerance=1.0, payoff_bound=[4.0]) == pytest.approx(0.04)


@settings(deadline=None)
@given(
    bounds=st.lists(st.floats(0.5, 50), min_size=2, max_size=8), share=st.floats(1e-9, 1e-5),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_agents_own_root_is_least_and_proves_itself_right(bounds: list[float], share: float, seed: int) -> None:
    delta = np.random.default_rng(seed).uniform(0, share, len(bounds))
    found = believable_by_agents(delta, tolerance=1.0, payoff_bound=bounds)
    assert found is not None
    limit = 1 / np.array(bounds)
    assert float((delta / (limit - found)).sum()) <= found
    smaller = np.linspace(0, found * (1 - 1e-6), 50)
    assert np.all((delta / (limit - smaller[:, None])).sum(axis=1) > smaller)
    # With one bound for all and N equal probabilities it is the paper's.
    same = believable_by_agents(np.full(len(bounds), share), tolerance=1.0, payoff_bound=max(bounds))
    printed = believable(share, tolerance=1.0, payoff_bound=max(bounds), agents=len(bounds))
    assert (same is None) == (printed is None)
    assert same is None or same == pytest.approx(printed, rel=1e-6)
    # More is never believable with larger bounds.
    more = believable_by_agents(delta, tolerance=1.0, payoff_bound=np.array(bounds) * 1.5)
    assert more is None or more >= found
    assert believable_by_agents(np.full(len(bounds), 0.5), tolerance=1.0, payoff_bound=bounds) is None or found < 1


def test_a_random_walk_leaves_the_reasonable_region_no_more_often_than_the_conjecture() -> None:
    """Proposition 2 on the martingale P(leaves the bounds | so far) of a sum of fair coins, computed exactly."""
    dates, agents, tolerance, bound = 8, 3, 1.0, 4.0
    most = 7  # heads in the horizon that keep the bound
    ways = np.zeros((dates + 1, dates + 1))
    for heads in range(dates + 1):
        ways[dates, heads] = heads > most
    for date in range(dates - 1, -1, -1):
        for heads in range(date + 1):
            ways[date, heads] = (ways[date + 1, heads] + ways[date + 1, heads + 1]) / 2
    delta = ways[0, 0]
    c = believable_by_agents(np.full(agents, delta), tolerance=tolerance, payoff_bound=np.full(agents, bound))
    assert c is not None
    threshold = tolerance / bound - c
    # Probability that the martingale ever reaches the threshold, by dynamic programming over heads so far.
    hit = np.zeros((dates + 1, dates + 1))
    for date in range(dates, -1, -1):
        for heads in range(date + 1):
            later = 0.0 if date == dates else (hit[date + 1, heads] + hit[date + 1, heads + 1]) / 2
            hit[date, heads] = 1.0 if date > 0 and ways[date, heads] >= threshold else later
    everybody = 1 - (1 - hit[0, 0]) ** agents
    assert 0 < everybody <= c


def test_risks_turn_a_target_into_a_budget() -> None:
    bounds = np.array([2.0, 4.0, 5.0])
    risk = risk_of_agents(0.05, tolerance=1.0, payoff_bound=bounds)
    delta = 0.05 / risk.sum() * np.ones(3)
    found = believable_by_agents(delta, tolerance=1.0, payoff_bound=bounds)
    assert found == pytest.approx(0.05)
    with pytest.raises(InstanceError, match=r"design.tolerance.*too small for a conjecture of 0\.3.*above 1\.5"):
        risk_of_agents(0.3, tolerance=1.0, payoff_bound=bounds)


def test_no_resources_give_more_than_v_bar() -> None:
    types, stock = TYPES, STOCK
    most = most_from(stock, types)
    rng = np.random.default_rng(3)
    for _ in range(200):  # random feasible investments never beat it, and the best single type is below it
        mix = rng.random(len(types))
        scale = float(np.min(stock / (mix @ types)))
        assert mix.sum() * scale <= most
    assert max(float(np.min(stock / np.where(need > 0, need, 1e-12))) for need in types) <= most
    payoffs = Payoffs.of(stock, types)
    assert payoffs.stock == most
    assert np.all(payoffs.project >= 1)  # a project can always be replaced by one like it
    upper = np.array([[0.1] * len(types), [1e6] * len(types)])
    small, large = payoffs.bounds(upper, dates=3, discount=0.5)
    assert small == pytest.approx(0.5**-2 * 3 * 0.1 * (1 + payoffs.project).sum())
    assert large == payoffs.horizon(3, 0.5) == pytest.approx(0.5**-2 * 3 * most)
