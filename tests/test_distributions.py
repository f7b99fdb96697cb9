"""Type distributions: against quadrature, draws, exact rationals, and each other."""

from __future__ import annotations

import warnings
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import integrate, stats

from mechopt.distributions import (
    FAMILIES,
    Beta,
    Discrete,
    Distribution,
    Empirical,
    Exponential,
    Lognormal,
    Mixture,
    PiecewiseLinear,
    Power,
    TruncatedNormal,
    Uniform,
    from_table,
)
from mechopt.errors import InstanceError

SMOOTH: list[Distribution] = [
    Uniform(low=-1, high="5/2"),
    Power(p="1/2", low=1, high=4),
    Power(p=3),
    Beta(a=2, b=3, low=-2, high=6),
    Beta(a="1/2", b=4),
    TruncatedNormal(mu=1, sigma=2, low=0, high=5),
    TruncatedNormal(mu=0, sigma=1, low=6, high=9),
    TruncatedNormal(mu=3, sigma="1/2"),
    Lognormal(mu="1/4", sigma=1, low="1/2", high=8),
    Lognormal(mu=0, sigma="1/2"),
    Exponential(scale=2, low=1, high=7),
    Exponential(scale="1/3"),
    PiecewiseLinear(points=[0, 1, 2, 5], levels=[0, "1/4", "1/4", 1]),
    Mixture(components=[Uniform(high=2), Beta(a=3, b=3, low=1, high=5)], weights=["1/3", "2/3"]),
    Mixture(components=[Uniform(), Uniform(low=2, high=3)], weights=[0.25, 0.75]),
    Mixture(components=[Uniform(high=k) for k in range(1, 11)], weights=["1/10"] * 10),  # floats sum to less than 1
]
STEPPED: list[Distribution] = [
    Discrete(points=[-1, "1/2", 3], probs=["1/6", "1/3", "1/2"]),
    Discrete(points=[0, 1, 2], probs=[0.5, 0, 0.5]),
    Empirical(samples=[3, 1, 2, 2, 5, "7/2"]),
    Mixture(components=[Discrete(points=[0, 1], probs=[0.5, 0.5]), Empirical(samples=[1, 4])], weights=[0.5, 0.5]),
]
ATOMS_AND_DENSITY = Mixture(
    components=[Discrete(points=[0], probs=[1]), Uniform(high=4)], weights=["1/4", "3/4"]
)  # nobody half of the time, else anything
ALL = [*SMOOTH, *STEPPED, ATOMS_AND_DENSITY]
LEVELS = np.linspace(0, 1, 41)


def name(distribution: Distribution) -> str:
    return repr(distribution)[:60]


def finite_support(distribution: Distribution) -> tuple[float, float]:
    low, high = distribution.support
    return max(low, float(distribution.quantile(1e-15))), min(high, float(distribution.quantile(1 - 1e-15)))


def test_every_family_is_in_these_tests() -> None:
    assert {type(distribution) for distribution in ALL} == set(FAMILIES.values())


@pytest.mark.parametrize("distribution", ALL, ids=name)
def test_the_quantile_is_the_least_point_that_reaches_its_level(distribution: Distribution) -> None:
    levels = LEVELS[1:-1]
    points = distribution.quantile(levels)
    assert np.all(np.diff(points) >= 0)
    np.testing.assert_array_less(levels - 1e-12, distribution.cdf(points))
    below = points - 1e-6 * (1 + np.abs(points))
    assert np.all(distribution.cdf(below) < levels + 1e-12)
    low, high = distribution.support
    assert distribution.quantile(0.0) == low or distribution.support[0] == -np.inf
    assert distribution.quantile(1.0) == high
    assert np.isnan(distribution.quantile([-0.1, 1.1, np.nan])).all()


@pytest.mark.parametrize("distribution", ALL, ids=name)
def test_cdf_and_sf_sum_to_one_and_reach_their_ends(distribution: Distribution) -> None:
    low, high = finite_support(distribution)
    points = np.linspace(low - 1, high + 1, 200)
    np.testing.assert_allclose(distribution.cdf(points) + distribution.sf(points), 1, rtol=0, atol=1e-13)
    assert np.all(np.diff(distribution.cdf(points)) >= 0)
    assert distribution.cdf(-np.inf) == 0 == distribution.sf(np.inf)
    assert distribution.cdf(np.inf) == 1 == distribution.sf(-np.inf)
    assert np.isnan(distribution.cdf(np.nan))


@pytest.mark.parametrize("distribution", SMOOTH, ids=name)
def test_moments_and_cdf_are_the_integrals_of_the_density(distribution: Distribution) -> None:
    low, high = finite_support(distribution)
    corners = [low, *distribution.quantile(np.linspace(0.02, 0.98, 49)).tolist(), high]
    for part in (distribution, *getattr(distribution, "components", ())):  # the density may jump there
        corners += [end for end in (*part.support, *map(float, getattr(part, "points", ()))) if low < end < high]
    corners = sorted(set(corners))

    def integral(weight: Any, end: float = high) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", integrate.IntegrationWarning)
            return sum(
                integrate.quad(lambda x: weight(x) * float(distribution.pdf(x)), start, min(stop, end))[0]
                for start, stop in pairwise(corners)
                if start < end
            )

    assert integral(lambda x: 1.0) == pytest.approx(1, abs=1e-7)
    mean = integral(lambda x: x)
    assert distribution.mean == pytest.approx(mean, rel=1e-6, abs=1e-7)
    assert distribution.variance == pytest.approx(integral(lambda x: (x - mean) ** 2), rel=1e-5, abs=1e-9)
    middle = float(distribution.quantile(0.6))
    assert integral(lambda x: 1.0, middle) == pytest.approx(float(distribution.cdf(middle)), abs=1e-7)


@pytest.mark.parametrize("distribution", STEPPED, ids=name)
def test_moments_of_atoms_are_their_sums(distribution: Distribution) -> None:
    points, chances = np.array(distribution.atoms, dtype=float).T
    mean = points @ chances
    assert chances.sum() == pytest.approx(1)
    assert distribution.mean == pytest.approx(mean)
    assert distribution.variance == pytest.approx((points - mean) ** 2 @ chances)
    np.testing.assert_allclose(distribution.cdf(points), np.cumsum(chances))
    np.testing.assert_allclose(distribution.cdf(points - 1e-9), np.cumsum(chances) - chances, atol=1e-15)
    with pytest.raises(InstanceError, match="no density"):
        distribution.pdf(0.0)


@pytest.mark.parametrize("distribution", ALL, ids=name)
def test_draws_follow_the_distribution_and_repeat_with_the_seed(distribution: Distribution) -> None:
    drawn = distribution.sample(np.random.default_rng(7), 4000)
    assert np.array_equal(drawn, distribution.sample(np.random.default_rng(7), 4000))
    assert distribution.sample(np.random.default_rng(7), (3, 2)).shape == (3, 2)
    low, high = distribution.support
    assert low <= drawn.min()
    assert drawn.max() <= high
    # Kolmogorov's distance; with atoms it is smaller still, so its quantile remains a valid bound.
    points = np.unique(drawn)
    empirical = np.searchsorted(np.sort(drawn), points, side="right") / drawn.size
    assert np.abs(empirical - distribution.cdf(points)).max() < stats.kstwobign.ppf(1 - 1e-6) / np.sqrt(drawn.size)


@pytest.mark.parametrize("distribution", ALL, ids=name)
def test_exact_values_are_what_floats_approximate(distribution: Distribution) -> None:
    low, high = finite_support(distribution)
    checked = 0
    for share in range(21):
        point = Fraction(low).limit_denominator(64) + Fraction(share, 20) * Fraction(high - low).limit_denominator(64)
        exactly = distribution.exact_cdf(point)
        if exactly is not None:
            assert float(exactly) == pytest.approx(float(distribution.cdf(float(point))), abs=1e-12)
        level = Fraction(share, 20)
        quantile = distribution.exact_quantile(level)
        if quantile is not None:
            checked += 1
            assert float(quantile) == pytest.approx(float(distribution.quantile(share / 20)), abs=1e-9)
            reached = distribution.exact_cdf(quantile)
            assert reached is None or reached >= level
            if reached is not None and not distribution.atoms:
                assert reached == level
    first, second = distribution.exact_moment(1), distribution.exact_moment(2)
    if first is not None and second is not None:
        assert float(first) == pytest.approx(distribution.mean)
        assert float(second - first**2) == pytest.approx(distribution.variance)
    always = isinstance(distribution, Uniform | Discrete | Empirical | PiecewiseLinear)
    assert checked == 21 if always else distribution.exact_quantile(2) is None


def test_which_values_are_rational() -> None:
    assert Power(p=2).exact_quantile(Fraction(1, 4)) == Fraction(1, 2)
    assert Power(p=2).exact_quantile(Fraction(1, 2)) is None
    assert Power(p="1/2", high=4).exact_cdf(1) == Fraction(1, 2)
    assert Beta(a=2, b=3).exact_cdf(Fraction(1, 2)) == Fraction(11, 16)
    assert Beta(a=2, b="5/2").exact_cdf(Fraction(1, 2)) is None
    assert Beta(a=1, b=2).exact_quantile(Fraction(3, 4)) == Fraction(1, 2)
    assert Beta(a=2, b="5/2").exact_moment(1) == Fraction(4, 9)
    assert TruncatedNormal(mu=0, sigma=1, low=0, high=1).exact_cdf(2) == 1
    assert Mixture(components=[Uniform(), Uniform(high=2)], weights=["1/2", "1/2"]).exact_cdf(1) == Fraction(3, 4)
    assert ATOMS_AND_DENSITY.exact_cdf(0) == Fraction(1, 4)
    assert ATOMS_AND_DENSITY.atoms == ((Fraction(0), Fraction(1, 4)),)


@pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4])
def test_tails_keep_their_digits(level: float) -> None:
    for distribution in (Beta(a=2, b=3), Power(p=3), TruncatedNormal(mu=0, sigma=1, low=-9, high=9), Uniform()):
        high = distribution.support[1]
        point = high - (high - distribution.support[0]) * level
        rest = float(distribution.sf(point))
        by_quadrature = integrate.quad(lambda x: float(distribution.pdf(x)), point, high)[0]  # noqa: B023
        assert rest == pytest.approx(by_quadrature, rel=1e-3)
        assert rest > 0


@settings(deadline=None, max_examples=60)
@given(
    a=st.integers(1, 6), b=st.integers(1, 6), low=st.fractions(-5, 5, max_denominator=9),
    width=st.fractions(Fraction(1, 9), 9, max_denominator=9), share=st.fractions(0, 1, max_denominator=12),
)  # fmt: skip
def test_beta_with_whole_parameters_is_an_order_statistic(
    a: int, b: int, low: Fraction, width: Fraction, share: Fraction
) -> None:
    beta = Beta(a=a, b=b, low=low, high=low + width)
    exactly = beta.exact_cdf(low + share * width)
    assert exactly is not None
    # At least a of a + b - 1 uniform draws are below the share.
    assert float(exactly) == pytest.approx(float(stats.binom.sf(a - 1, a + b - 1, float(share))), abs=1e-12)
    assert float(beta.cdf(float(low + share * width))) == pytest.approx(float(exactly), abs=1e-9)


def test_numbers_of_any_spelling_mean_the_same() -> None:
    tables: list[dict[str, Any]] = [
        {"family": "beta", "a": 2, "b": "1/4", "high": 0.5},
        {"family": "beta", "a": "2", "b": Decimal("0.25"), "low": 0, "high": "1/2"},
    ]
    first, second = (from_table(table, "time") for table in tables)
    assert first == second == Beta(a=2, b=Fraction(1, 4), high=Fraction(1, 2))
    assert hash(first) == hash(second)


def test_the_support_elsewhere_in_the_document_is_the_default() -> None:
    support = (Fraction(2), Fraction(9, 2))
    for family, keys in (("uniform", {}), ("power", {"p": 2}), ("truncated_normal", {"mu": 3, "sigma": 1})):
        assert from_table({"family": family, **keys}, "key", support=support).ends == support
    inner = from_table({"family": "uniform", "low": 3}, "key", support=support)
    assert inner.ends == (Fraction(3), support[1])
    mixed = from_table(
        {"family": "mixture", "components": [{"family": "uniform"}, {"family": "empirical", "samples": [3]}],
         "weights": [0.5, 0.5]}, "key", support=support,
    )  # fmt: skip
    assert mixed.ends == support
    with pytest.raises(InstanceError, match=r"key.*reaches to 5, outside the support \[2, 4\.5\]"):
        from_table({"family": "empirical", "samples": [3, 5]}, "key", support=support)


@pytest.mark.parametrize(
    ("table", "where", "words"),
    [
        ("uniform", "time", "must be a table"),
        ({"a": 2}, "time.family", "is missing; choose from uniform"),
        ({"family": "betta", "a": 2}, "time.family", "did you mean beta"),
        ({"family": ["beta"]}, "time.family", "there is no family"),
        ({"family": "beta", "a": 2}, "time.b", "is missing"),
        ({"family": "uniform", "hihg": 2}, "time", "unknown key 'hihg'; did you mean high"),
        ({"family": "uniform", "low": 1}, "time.high", "must be above low = 1, not 1"),
        ({"family": "uniform", "low": "x"}, "time.low", "'x' is not a number"),
        ({"family": "uniform", "low": float("nan")}, "time.low", "not finite"),
        ({"family": "uniform", "high": True}, "time.high", "not a number"),
        ({"family": "power", "p": 0}, "time.p", "must be above 0"),
        ({"family": "beta", "a": -1, "b": 2}, "time.a", "must be above 0"),
        ({"family": "truncated_normal", "mu": 0, "sigma": 0}, "time.sigma", "must be above 0"),
        ({"family": "truncated_normal", "mu": 0, "sigma": 1, "low": 2, "high": 1}, "time.high", "above low = 2"),
        ({"family": "lognormal", "mu": 0, "sigma": 1, "low": -1}, "time.low", "at least 0"),
        ({"family": "lognormal", "mu": 999, "sigma": 1}, "time.low", "too large"),
        ({"family": "exponential", "scale": 1, "high": -1}, "time.high", "above low = 0"),
        ({"family": "discrete", "points": [1, 1], "probs": [0.5, 0.5]}, "time.points[2]", "must increase: 1 follows 1"),
        ({"family": "discrete", "points": [1, 2], "probs": [0.5, 0.4]}, "time.probs", "must sum to 1, not 0.9"),
        ({"family": "discrete", "points": [1, 2], "probs": [1.5, -0.5]}, "time.probs[2]", "at least 0"),
        ({"family": "discrete", "points": [1, 2], "probs": [1]}, "time.probs", "needs 2 numbers, not 1"),
        ({"family": "empirical", "samples": []}, "time.samples", "at least one"),
        ({"family": "empirical", "samples": [1, None]}, "time.samples[2]", "not a number"),
        ({"family": "piecewise_linear", "points": [0, 1], "levels": [0, 0.5]}, "time.levels", "end with 1"),
        ({"family": "piecewise_linear", "points": [0, 1, 2, 3], "levels": [0, 0.7, 0.5, 1]}, "time.levels[3]", "falls"),
        ({"family": "piecewise_linear", "points": [0, 1, 2], "levels": [0, 0, 1]}, "time.levels", "must rise"),
        ({"family": "piecewise_linear", "points": [0], "levels": [0]}, "time.levels", "at least 2"),
        ({"family": "mixture", "components": [], "weights": []}, "time.components", "at least one"),
        ({"family": "mixture", "components": [{"family": "power"}], "weights": [1]}, "time.components[1].p", "missing"),
        ({"family": "mixture", "components": [{"family": "uniform"}], "weights": [0]}, "time.weights", "sum to 1"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused_by_name(table: Any, where: str, words: str) -> None:
    with pytest.raises(InstanceError) as caught:
        from_table(table, "time", file="model.toml", row=3)
    message = str(caught.value)
    assert message.startswith(f"model.toml: {where} (row 3): ")
    assert words in message


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=3), st.decimals(),
    st.lists(st.one_of(st.integers(-2, 2), st.floats(), st.text(max_size=2)), max_size=3),
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    family=st.sampled_from([*FAMILIES, "other"]),
    keys=st.dictionaries(
        st.sampled_from(["low", "high", "p", "a", "b", "mu", "sigma", "scale", "points", "probs", "levels",
                         "samples", "components", "weights", "more"]),
        VALUES, max_size=5,
    ),
)  # fmt: skip
def test_nothing_but_an_instance_error_comes_out(family: str, keys: dict[str, Any]) -> None:
    try:
        found = from_table({"family": family, **keys}, "time")
    except InstanceError:
        return
    assert np.isfinite([found.mean, found.variance]).all()
    assert found.variance >= 0
    assert float(found.cdf(found.quantile(0.5))) >= 0.5 - 1e-9
