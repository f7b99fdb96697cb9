"""The width program: its optimum against CVXPY, SciPy and brute force; what its probabilities promise, by drawing."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import catalog
from mechopt.distributions import Beta, Discrete
from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.widths import BOUNDS, Bound, Tails, Widths, _larger_root, cheapest_widths


def tails_of(rng: np.random.Generator, pairs: int, bound: Bound, *, ends: bool) -> Tails:
    spread = rng.uniform(0.2, 3, pairs)
    reach = spread * (rng.uniform(0.3, 0.9, pairs) if ends else np.inf)
    if bound == "bernstein":
        reach = spread * (rng.uniform(1, 4, pairs) if ends else 30)
    dates = int(rng.integers(2, 40)) + (100 if bound == "bernstein" and not ends else 0)
    return Tails(bound=bound, spread=spread, reach=reach, dates=dates, sides=rng.integers(1, 3, pairs).astype(float))


def check(found: Widths, weight: Any, tails: Tails, budget: float, risk: Any = 1.0) -> None:
    """Feasible as the constraint reads, and no cheaper than the dual bound allows."""
    assert float((risk * tails.of(found.width)).sum()) <= budget
    assert np.array_equal(tails.of(found.width), found.tail)
    assert found.cost == pytest.approx(float(weight @ found.width))
    assert found.bound <= found.cost * (1 + 1e-12)
    assert np.all(found.width <= tails.reach)


@pytest.mark.parametrize("seed", range(50))
def test_cvxpy_finds_the_same_optimum(seed: int) -> None:
    """Hoeffding's tail by its tangents (models/linked_vcg/width_program.py), 50 random instances."""
    pytest.importorskip("cvxpy")
    program = catalog.load(catalog.programs()["linked_vcg/width_program"])
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 15))
    given_ = program.Pairs(weight=rng.uniform(0.1, 3, size), spread=rng.uniform(0.2, 3, size),
                           dates=float(rng.integers(2, 40)))  # fmt: skip
    delta = float(10 ** rng.uniform(-7, -0.5))
    assert float(program.problem(given_, delta).value) == pytest.approx(program.optimum(given_, delta), rel=1e-8)


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("seed", range(12))
def test_scipy_finds_nothing_cheaper(seed: int, bound: Bound) -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 7))
    tails = tails_of(rng, size, bound, ends=False)
    weight, risk, budget = rng.uniform(0.1, 3, size), rng.uniform(0.5, 2, size), float(10 ** rng.uniform(-5, -1))
    found = cheapest_widths(weight, tails, budget=budget, risk=risk)
    check(found, weight, tails, budget, risk)
    assert not found.saturated.any()
    assert found.gap <= 1e-9 * found.cost
    other = minimize(
        lambda d: weight @ d, found.width * rng.uniform(1.0, 1.5, size), method="SLSQP", options={"ftol": 1e-13},
        constraints=[{"type": "ineq", "fun": lambda d: np.log(budget) - np.log((risk * tails.inside(d)).sum())}],
        bounds=[(low, None) for low in tails.least()],
    )  # fmt: skip
    kept = float((risk * tails.inside(other.x)).sum()) <= budget * (1 + 1e-6)
    assert not kept or other.fun >= found.cost * (1 - 1e-6)


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("seed", range(15))
def test_the_dual_bound_holds_against_every_choice_of_saturated_pairs(seed: int, bound: Bound) -> None:
    rng = np.random.default_rng(100 + seed)
    size = 5
    tails = tails_of(rng, size, bound, ends=True)
    weight, budget = rng.uniform(0.1, 3, size), float(10 ** rng.uniform(-5, -1))
    found = cheapest_widths(weight, tails, budget=budget)
    check(found, weight, tails, budget)
    best = np.inf
    for chosen in product([False, True], repeat=size):
        ends = np.array(chosen)
        cost = float(weight[ends] @ tails.reach[ends])
        if not ends.all():
            rest = tails.pick(~ends)
            if bound != "bernstein":  # whose reach is a parameter of the tail as well
                rest = Tails(bound=bound, spread=rest.spread, reach=np.full(rest.spread.size, np.inf),
                             dates=rest.dates, sides=rest.sides)  # fmt: skip
                cost += cheapest_widths(weight[~ends], rest, budget=budget).cost
            else:
                cost = np.inf
        best = min(best, cost)
    assert found.bound <= best + 1e-9
    assert bound == "bernstein" or found.cost >= best - 1e-9


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), bound=st.sampled_from(BOUNDS), factor=st.floats(1.1, 20))
def test_cost_falls_with_the_budget_and_scales(seed: int, bound: Any, factor: float) -> None:
    rng = np.random.default_rng(seed)
    tails = tails_of(rng, 6, bound, ends=False)
    weight, budget = rng.uniform(0.1, 3, 6), float(10 ** rng.uniform(-7, -2))
    found = cheapest_widths(weight, tails, budget=budget)
    assert cheapest_widths(weight, tails, budget=min(budget * factor, 0.4)).cost <= found.cost * (1 + 1e-9)
    scaled = Tails(bound=bound, spread=tails.spread * factor, reach=tails.reach * factor, dates=tails.dates,
                   sides=tails.sides)  # fmt: skip
    assert cheapest_widths(weight, scaled, budget=budget).cost == pytest.approx(factor * found.cost, rel=1e-7)
    assert cheapest_widths(weight * factor, tails, budget=budget).cost == pytest.approx(factor * found.cost, rel=1e-7)
    again = cheapest_widths(weight, tails, budget=budget * factor, risk=factor)
    assert again.cost == pytest.approx(found.cost, rel=1e-7)


@pytest.mark.parametrize("bound", BOUNDS)
def test_slopes_are_derivatives_and_at_slope_inverts_them(bound: Bound) -> None:
    tails = tails_of(np.random.default_rng(5), 8, bound, ends=False)
    width = tails.least() + np.linspace(0.1, 1.5, 8) * tails.spread / tails.dates**0.5
    step = 1e-6 * width
    by_difference = (tails.inside(width - step) - tails.inside(width + step)) / (2 * step)
    np.testing.assert_allclose(tails.slope(width), by_difference, rtol=1e-5)
    np.testing.assert_allclose(tails.at_slope(tails.slope(width)), width, rtol=1e-7)
    # Convex from its start on.
    grid = tails.least() + np.linspace(0, 3, 60)[:, None] * tails.spread
    assert np.all(np.diff(tails.inside(grid), n=2, axis=0) >= -1e-12)


def test_the_root_is_that_of_lambert() -> None:
    from scipy.special import lambertw

    level = 1 + np.geomspace(1e-6, 600, 300)
    found = _larger_root(level)
    np.testing.assert_allclose(found, -lambertw(-np.exp(-level), -1).real, rtol=1e-8)
    near = np.concatenate([[1.0], 1 + np.geomspace(1e-15, 1e-6, 50), level])
    found = _larger_root(near)
    np.testing.assert_allclose(found - np.log(found), near, rtol=1e-12)


@pytest.mark.parametrize(("bound", "spread"), [("hoeffding", "range"), ("bernstein", "deviation")])
def test_proven_tails_are_never_exceeded_by_the_exact_law_of_the_average(bound: Bound, spread: str) -> None:
    """Averages of coins: the exact binomial tail at every width."""
    from scipy.stats import binom

    for chance in (0.1, 0.5, 0.8):
        coin = Discrete(points=[0, 1], probs=[round(1 - chance, 1), chance])
        for dates in (1, 3, 10, 40):
            tails = Tails(
                bound=bound, spread=np.array([1.0 if spread == "range" else coin.variance**0.5]),
                reach=np.array([1 - chance]), dates=dates, sides=np.ones(1),
            )  # fmt: skip
            for width in np.linspace(0.01, 1 - chance, 30):
                exact = binom.sf(np.floor(dates * (chance + width) + 1e-9), dates, chance)
                assert exact <= float(tails.of(np.array([width]))[0]) + 1e-12


@pytest.mark.parametrize("bound", BOUNDS)
def test_drawn_averages_keep_their_bounds_with_the_promised_probability(bound: Bound) -> None:
    """Monte Carlo of the whole event, all pairs at once: proven bounds are safe, the normal one is near its level."""
    rng, pairs, dates, delta, draws = np.random.default_rng(11), 6, 24, 0.1, 20_000
    laws = [Beta(a=a, b=b, high=3) for a, b in zip([2, 2, 3, 4, 1, 5], [3, 5, 3, 2, 1, 5], strict=True)]
    mean = np.array([law.mean for law in laws])
    deviation = np.array([law.variance**0.5 for law in laws])
    tails = Tails(
        bound=bound, spread=np.full(pairs, 3.0) if bound == "hoeffding" else deviation, reach=3 - mean, dates=dates,
        sides=np.ones(pairs),
    )  # fmt: skip
    found = cheapest_widths(rng.uniform(0.5, 2, pairs), tails, budget=delta)
    average = np.stack([law.sample(rng, (draws, dates)).mean(axis=1) for law in laws], axis=1)
    left = float((average > mean + found.width).any(axis=1).mean())
    error = 4 * (delta / draws) ** 0.5
    assert left <= delta + error
    if bound == "normal":
        assert left >= delta / 2


def test_a_mean_estimated_on_past_dates_widens_the_bounds_as_it_must() -> None:
    """The difference of two averages, past and future, in draws: within delta with 1 / (1/T + 1/H), not with T."""
    rng, past, dates, delta, draws = np.random.default_rng(2), 6, 12, 0.05, 40_000
    coin = Discrete(points=[0, 1], probs=[0.5, 0.5])
    before = coin.sample(rng, (draws, past)).mean(axis=1)
    after = coin.sample(rng, (draws, dates)).mean(axis=1)

    def left(effective: float) -> float:
        tails = Tails(bound="hoeffding", spread=np.ones(1), reach=np.full(1, np.inf), dates=effective, sides=np.ones(1))
        width = cheapest_widths(np.ones(1), tails, budget=delta).width[0]
        return float((after - before > width).mean())

    assert left(1 / (1 / dates + 1 / past)) <= delta
    assert left(dates) > delta


def test_what_costs_nothing_or_never_varies_takes_no_probability() -> None:
    tails = Tails(bound="hoeffding", spread=np.array([1.0, 1.0, 0.0]), reach=np.array([0.5, 0.5, 0.0]), dates=100,
                  sides=np.ones(3))  # fmt: skip
    found = cheapest_widths(np.array([0.0, 1.0, 1.0]), tails, budget=0.05)
    assert found.width[0] == 0.5
    assert found.width[2] == 0
    assert found.saturated.tolist() == [True, False, True]
    assert found.tail[1] == pytest.approx(0.05)
    nothing = cheapest_widths(np.zeros(3), tails, budget=0.05)
    assert nothing.cost == nothing.bound == 0


def test_a_confidence_beyond_all_tails_ends_at_the_supports() -> None:
    tails = Tails(bound="hoeffding", spread=np.array([1.0, 2.0]), reach=np.array([0.5, 0.25]), dates=2,
                  sides=np.ones(2))  # fmt: skip
    found = cheapest_widths(np.ones(2), tails, budget=1e-12)
    assert found.width.tolist() == [0.5, 0.25]
    assert found.gap < 1e-9
    with pytest.raises(InstanceError, match=r"design.delta.*above 0"):
        cheapest_widths(np.ones(2), tails, budget=0.0)


def test_the_program_is_written_with_nothing_before_it() -> None:
    """HiGHS greets on standard output whenever CVXPY makes one: not into a file that a solver is to read."""
    pytest.importorskip("cvxpy")
    import subprocess
    import sys

    command = [sys.executable, "-m", "mechopt", "formulate", str(catalog.starter("linked_vcg")), "--program", "widths"]
    done = subprocess.run([*command, "--to", "lp"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("\\ File written by HiGHS")
    assert "tail" in done.stdout
