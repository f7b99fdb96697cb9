"""What r* survives: distributions and demands that are off, samples with bands, and kernels beside polynomials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import mechopt
from mechopt.distributions import Beta, Distribution, Mixture, TruncatedNormal
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.robustness import (
    Bands,
    Sets,
    demand_radius,
    distribution_radius,
    sampling_distance,
    smoothing_distance,
)
from mechopt.mechanisms.forward_market.smoothing import read, smooth

SEEDS = range(8)


def disturbed(law: Distribution, distance: Fraction, rng: np.random.Generator, ends: tuple[Any, Any]) -> Distribution:
    """Another distribution within the distance: some of it is replaced by a narrow or a lopsided one."""
    low, high = ends
    if rng.random() < 0.5:
        other: Distribution = Beta(a=int(rng.integers(1, 9)), b=int(rng.integers(1, 9)), low=low, high=high)
    else:
        middle = round(float(low) + float(high - low) * float(rng.random()), 4)
        other = TruncatedNormal(mu=middle, sigma=Fraction(high - low) / 50, low=low, high=high)
    return Mixture(components=(law, other), weights=(1 - distance, distance))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_distributions_within_the_distance_earn_less(draw: Any, seed: int) -> None:
    environment, rng = draw(seed), np.random.default_rng(seed)
    market = Market(environment)
    bands = Bands(market)
    for distance in (Fraction(1, 50), Fraction(1, 10), Fraction(3, 10)):
        least = bands.least(np.full(bands.held.size, float(distance)))
        for _ in range(6):
            laws = [disturbed(law, distance, rng, environment.support) for law in environment.distribution]
            true = Market(replace(environment, distribution=laws))
            assert true.surplus(market.common.holding) >= least - 1e-12 * market.high


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_distance_the_bound_is_the_surplus_but_for_the_cells(draw: Any, seed: int) -> None:
    market = Market(draw(seed))
    finer = [Bands(market, cells).least(np.zeros(market.interim.first.size)) for cells in (500, 4000)]
    missing = [market.surplus_at_common - bound for bound in finer]
    assert 0 <= missing[1] < missing[0] < 0.01 * market.high
    assert missing[1] == pytest.approx(missing[0] / 8, rel=0.05)  # first order, and on the safe side
    assert Bands(market).example(np.zeros(market.interim.first.size)) == pytest.approx(
        market.surplus_at_common, abs=1e-6 * market.high
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_radius_is_safe_and_an_example_fails_at_the_other_distance(draw: Any, seed: int) -> None:
    market = Market(draw(seed))
    found, bands = distribution_radius(market), Bands(market)
    assert 0 < found.safe <= found.failing
    assert bands.least(np.full(bands.held.size, found.safe)) >= 0
    if np.isfinite(found.failing):
        way = found.example[market.interim.first]
        assert bands.example(found.failing * way) < 0
        assert bands.example(0.99 * found.failing * way) > bands.example(found.failing * way)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_demands_within_the_share_earn_less(draw: Any, seed: int) -> None:
    environment, rng = draw(seed, agents=2 + seed % 3), np.random.default_rng(seed)
    market = Market(environment)
    sets = Sets(market)
    radius = demand_radius(market)
    assert sets.least(radius) >= 0
    assert sets.least(0.0) == pytest.approx(market.surplus_at_common, abs=2e-3 * market.high)
    for share in (radius, radius / 3, 0.02):
        least = sets.least(share)
        for _ in range(8):
            moves = rng.choice([-1.0, 1.0, float(rng.uniform(-1, 1))], environment.agents)
            demand = [min(Fraction(1), value * (1 + Fraction(share * move)))
                      for value, move in zip(environment.demand, moves.tolist(), strict=True)]  # fmt: skip
            if least > -np.inf and sum(demand) > 1:
                true = Market(replace(environment, demand=demand))
                assert true.surplus(market.common.holding) >= least - 1e-12 * market.high


def test_demands_without_scarcity_or_below_the_holdings_are_not_covered(build: Any) -> None:
    sets = Sets(Market(build(["3/5", "3/5"], [1, 0])))
    assert sets.least(0.16) > -np.inf
    assert sets.least(0.17) == -np.inf  # 2 * 0.6 * 0.83 < 1
    with pytest.raises(InstanceError, match="at most 12"):
        Sets(Market(build(["1/4"] * 13, [1] + [0] * 12)))


@settings(max_examples=25, deadline=None)
@given(
    samples=st.lists(st.integers(0, 1000), min_size=2, max_size=30),
    smoothing=st.sampled_from(["bernstein", "kernel"]),
    width=st.integers(1, 20),
)
def test_a_smoothed_sample_is_a_cdf_on_the_whole_support(samples: list[int], smoothing: str, width: int) -> None:
    key = "degree" if smoothing == "bernstein" else "bandwidth"
    values = [Fraction(value, 1000) for value in samples]
    law = smooth({"family": "empirical", "samples": values, "smoothing": smoothing, key: width if key == "degree"
                  else Fraction(width, 20)}, (0, 1))  # fmt: skip
    grid = np.linspace(0, 1, 101)
    cdf = law.cdf(grid)
    assert cdf[0] == pytest.approx(0, abs=1e-12)
    assert cdf[-1] == 1
    assert np.all(np.diff(cdf) > -1e-15)
    assert law.mean == pytest.approx(
        float(1 - np.trapezoid(law.cdf(np.linspace(0, 1, 20_001)), dx=1 / 20_000)), abs=1e-6
    )


def test_a_kernel_is_the_mean_of_normal_densities_cut_to_the_support() -> None:
    from scipy.stats import norm

    law = smooth({"family": "empirical", "samples": [0.2, 0.2, 0.7], "smoothing": "kernel", "bandwidth": 0.1}, (0, 1))

    def cut(x: float, mu: float) -> float:
        ends = norm.cdf([0.0, 1.0], mu, 0.1)
        return float((norm.cdf(x, mu, 0.1) - ends[0]) / (ends[1] - ends[0]))

    for x in (0.0, 0.15, 0.5, 0.9, 1.0):
        assert float(law.cdf(x)) == pytest.approx(2 / 3 * cut(x, 0.2) + 1 / 3 * cut(x, 0.7), abs=1e-14)
    many = np.random.default_rng(0).beta(3, 2, 500).round(4).tolist()
    rough = smooth({"family": "empirical", "samples": many, "smoothing": "kernel"}, (0, 1))
    middles = np.linspace(0.05, 0.95, 19)
    slopes = (law.cdf(middles + 1e-6) - law.cdf(middles - 1e-6)) / 2e-6
    assert law.pdf(middles) == pytest.approx(slopes, abs=1e-6)
    fine = np.linspace(0, 1, 20_001)
    assert law.variance == pytest.approx(float(np.trapezoid((fine - law.mean) ** 2 * law.pdf(fine), fine)), abs=1e-7)
    grid = np.linspace(0, 1, 101)
    assert np.abs(rough.cdf(grid) - Beta(a=3, b=2).cdf(grid)).max() < 0.06
    assert float(read({"samples": many, "smoothing": "kernel"}).width) == pytest.approx(
        0.9 * min(np.std(many), np.subtract(*np.quantile(many, [0.75, 0.25])) / 1.34) * 500**-0.2, rel=1e-4
    )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"smoothing": "spline"}, "smoothing.*must be"),
        ({"smoothing": ["kernel"]}, "smoothing.*must be"),
        ({"smoothing": "kernel", "degree": 3}, "degree.*belongs to"),
        ({"bandwidth": 0.1}, "bandwidth.*belongs to"),
        ({"smoothing": "kernel", "bandwidth": 0}, "bandwidth.*must be above 0"),
        ({"smoothing": "kernel", "bandwidth": "wide"}, "bandwidth"),
        ({"smoothing": "kernel", "samples": [0.5, 0.5]}, "bandwidth.*is needed"),
        ({"smoothing": "kernel", "samples": [0.5, 1.5]}, "outside the support"),
        ({"smoothing": "kernel", "samples": [place / 3000 for place in range(2500)]}, "2500 different values"),
        ({"smoothing": "kernel", "bandwidth": 2}, "bandwidth.*at most the width"),
        ({"breadth": 1}, "unknown key 'breadth'"),
    ],
)
def test_wrong_smoothing_names_the_key(keys: dict[str, Any], words: str) -> None:
    table = {"family": "empirical", "samples": [0.2, 0.4, 0.9], **keys}
    with pytest.raises(InstanceError, match=words) as caught:
        mechopt.solve(document(table))
    assert "\n" not in str(caught.value)


def document(law: Any, **extra: Any) -> dict[str, Any]:
    rows = [("a", "2/3", 1, law), ("b", "2/3", 0, "other"), ("c", "1/2", 0, law)]
    agents = [dict(zip(("name", "demand", "endowment", "distribution"), row, strict=True)) for row in rows]
    return {"mechanism": "forward_market", "agents": agents, "distributions": {"other": {"family": "uniform"}}, **extra}


def observations(count: int, seed: int = 5) -> Sequence[float]:
    found: list[float] = np.random.default_rng(seed).beta(2, 2, count).round(4).tolist()
    return found


@pytest.mark.parametrize("smoothing", ["bernstein", "kernel"])
def test_more_samples_let_the_market_operate_with_confidence(smoothing: str) -> None:
    found = []
    for count in (20, 1200):
        law = {"family": "empirical", "samples": observations(count), "smoothing": smoothing}
        outcome = mechopt.design(document(law, design={"goal": "robustness", "confidence": 0.9}))
        summary = outcome.summary
        assert 0 < summary["distribution_radius"] < 1
        assert 0 < summary["demand_radius"] < 1
        assert summary["surplus_with_confidence"] <= summary["surplus_at_holding"]
        assert outcome.tables["agents"]["samples"] == [count, None, count]
        assert outcome.tables["agents"]["distance"][1] == 0
        found.append(summary["surplus_with_confidence"])
        assert bool(outcome.warnings) is not summary["operates_with_confidence"]
    assert found[0] < 0 < found[1]


def test_the_band_covers_the_true_distribution_as_often_as_it_says() -> None:
    """100 samples of 60 values: the distance of the smoothed cdf from the truth stays within the band's."""
    grid, inside = np.linspace(0, 1, 401), 0
    for seed in range(100):
        values = observations(60, seed)
        table = {"family": "empirical", "samples": values, "smoothing": "bernstein"}
        market = Market(mechopt.load(document(table)).environment)
        moved = smoothing_distance(market, 0, read(table).values)
        law = market.environment.distribution[0]
        ordered = np.sort(values)
        by_hand = max(
            float(np.abs(law.cdf(grid) - np.searchsorted(ordered, grid, side="right") / 60).max()),
            float(np.abs(law.cdf(ordered) - np.searchsorted(ordered, ordered, side="left") / 60).max()),
        )
        assert moved >= by_hand - 1e-12
        band = sampling_distance(60, 1, 0.8, moved)
        inside += bool(np.abs(law.cdf(grid) - Beta(a=2, b=2).cdf(grid)).max() <= band)
    assert inside >= 80


def test_bands_of_kernels_and_of_samples_in_a_table_file(tmp_path: Any) -> None:
    """The resamples are smoothed as the document says; agents may stand in a file."""
    (tmp_path / "agents.csv").write_text("name,demand,endowment,distribution\na,0.7,1,bids\nb,0.6,0,other\n")
    given = {
        "mechanism": "forward_market",
        "agents": {"file": str(tmp_path / "agents.csv")},
        "distributions": {
            "bids": {"family": "empirical", "samples": observations(30), "smoothing": "kernel"},
            "other": {"family": "uniform"},
        },
        "design": {"goal": "bands", "resamples": 10},
    }
    outcome = mechopt.design(given, seed=2)
    table = outcome.tables["agents"]
    assert table["holding_low"][0] < table["holding_high"][0]
    assert outcome.summary["agents_with_samples"] == 1


def test_robustness_of_many_agents_has_no_radius_of_demands(build: Any) -> None:
    laws = [{"family": "beta", "a": 1 + place % 3, "b": 2} for place in range(14)]
    rows = [{"name": str(place), "demand": "1/8", "endowment": "1/14", "distribution": law}
            for place, law in enumerate(laws)]  # fmt: skip
    outcome = mechopt.design({"mechanism": "forward_market", "agents": rows, "design": {"goal": "robustness"}})
    assert "demand_radius" not in outcome.summary
    assert any("at most 12" in line for line in outcome.warnings)
    assert outcome.guarantee.kind == "proven"
