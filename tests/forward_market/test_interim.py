"""Interim allocations: every method against the sum over all sets, in floats and in fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from mechopt.distributions import Beta, PiecewiseLinear, Power, Uniform
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market import bracket, halves, leave_one_out, subsets, sums
from mechopt.mechanisms.forward_market.curves import Curves
from mechopt.mechanisms.forward_market.interim import Interim, Method
from mechopt.mechanisms.forward_market.polynomial import _at, exact_market

ROUNDING = 4e-15  # of the reference itself


@st.composite
def problems(draw: Any) -> tuple[list[Fraction], np.ndarray[Any, Any]]:
    """Demands on a lattice and probabilities F_j at a few types, with zeros and ones among them."""
    lattice = draw(st.integers(1, 30))
    units = draw(st.lists(st.integers(1, lattice), min_size=1, max_size=7))
    chance = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-9, 1 - 1e-9]), st.floats(0, 1, allow_subnormal=False))
    below = draw(st.lists(st.lists(chance, min_size=len(units), max_size=len(units)), min_size=1, max_size=3))
    return [Fraction(part, lattice) for part in units], np.array(below)


def brute(below: Any, demand: Any) -> Any:
    floats = np.array([float(value) for value in demand])
    return np.array([subsets.allocations(row, floats) for row in below])


@settings(max_examples=120, deadline=None)
@given(problems())
@example(([Fraction(1), Fraction(1)], np.array([[0.0, 0.0], [1.0, 1.0]])))
@example(([Fraction(1, 2)] * 2, np.array([[2e-215, 2e-215]])))  # a product that underflows, divided by it
@example(([Fraction(1, 30)] * 7, np.array([[1e-9] * 7])))
def test_lattice_lists_and_halves_agree_with_all_sets(problem: tuple[list[Fraction], Any]) -> None:
    demand, below = problem
    reference, everybody = brute(below, demand), np.arange(len(demand))
    found = sums.attainable(demand, largest=1000)
    assert found is not None
    listed = _as_list(demand)
    value, error, idle = leave_one_out.allocations(found, below, everybody)
    assert np.all(np.abs(value - reference) <= error + ROUNDING)
    assert error.max() <= 1e-13
    again, bound, same_idle = leave_one_out.allocations(listed, below, everybody)
    assert np.all(np.abs(again - reference) <= bound + ROUNDING)
    np.testing.assert_allclose(same_idle, idle, atol=ROUNDING)
    floats = np.array([float(value) for value in demand])
    third, limit, third_idle = halves.allocations(halves.prepare(floats), below)
    assert np.all(np.abs(third - reference) <= limit + ROUNDING)
    np.testing.assert_allclose(third_idle, idle, atol=1e-14)


def _as_list(demand: list[Fraction]) -> sums.Sums:
    """The sums as a list although the lattice is small."""
    distinct = sorted(set(demand))
    place = {value: index for index, value in enumerate(distinct)}
    kind = np.array([place[value] for value in demand])
    lattice = int(np.lcm.reduce([value.denominator for value in distinct]))
    units = [int(value * lattice) for value in distinct]
    collected = sums._collect(units, np.bincount(kind).tolist(), lattice, 10_000)
    assert collected is not None
    return sums._listed(kind, distinct, units, lattice, collected)


@settings(max_examples=60, deadline=None)
@given(
    demand=st.lists(st.floats(0.02, 1.0), min_size=2, max_size=7),
    steps=st.sampled_from([7, 50, 400]),
    data=st.data(),
)
def test_the_bracket_encloses_the_sum_over_all_sets(demand: list[float], steps: int, data: st.DataObject) -> None:
    row = st.lists(st.floats(0, 1), min_size=len(demand), max_size=len(demand))
    below = np.array(data.draw(st.lists(row, min_size=1, max_size=2)))
    floats = np.array(demand)
    value, error, _ = bracket.allocations(bracket.prepare(floats, steps), below, np.arange(floats.size))
    assert np.all(np.abs(value - brute(below, floats)) <= error + ROUNDING)


def test_the_bracket_narrows_with_the_square_of_the_step() -> None:
    rng = np.random.default_rng(3)
    demand, below = rng.uniform(0.02, 0.2, 30), rng.uniform(0.2, 0.8, (3, 30))
    width = [
        float(bracket.allocations(bracket.prepare(demand, steps), below, np.arange(30))[1].max())
        for steps in (250, 1000, 4000)
    ]
    assert width[1] < width[0] / 8
    assert width[2] < width[1] / 8


@pytest.mark.parametrize("method", ["sums", "halves", "bracket"])
def test_methods_agree_on_a_market_of_thirty(method: Method) -> None:
    rng = np.random.default_rng(1)
    demand = [Fraction(int(part), 60) for part in rng.integers(1, 12, 30)]
    laws = [Power(p=Fraction(int(part), 2)) for part in rng.integers(1, 6, 30)]
    types = np.linspace(0, 1, 9)
    found, other = Interim(demand, laws, method=method).at(types), Interim(demand, laws).at(types)
    assert np.all(np.abs(found.value - other.value) <= found.error + other.error)


def test_the_compiled_passes_agree_with_numpy() -> None:
    """Series, flagged entries, types at both ends; and without numba the engine says what to install."""
    pytest.importorskip("numba")
    rng = np.random.default_rng(2)
    for agents, lattice, most in ((2, 1, 1), (7, 12, 9), (40, 60, 4), (90, 100, 3)):
        demand = [Fraction(int(part), lattice) for part in rng.integers(1, most + 1, agents)]
        laws = [Power(p=Fraction(int(part), 4)) for part in rng.integers(2, 12, agents)]
        types = np.array([0.0, 1e-12, 0.01, 0.2, 0.5, 0.9, 1.0])
        plain = Interim(demand, laws, method="sums", engine="numpy").at(types)
        fast = Interim(demand, laws, method="sums", engine="compiled").at(types)
        assert np.all(np.abs(plain.value - fast.value) <= plain.error + fast.error + ROUNDING)
        np.testing.assert_allclose(fast.idle, plain.idle, atol=1e-14)
        assert fast.error.max() <= max(1e-13, 4 * 1.2e-16 * (3 * agents + lattice + 8))


def test_without_numba_the_compiled_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InstanceError, match=r"pip install 'mechopt\[compiled\]'"):
        Interim([Fraction(1), Fraction(1)], [Uniform(), Uniform()], method="sums", engine="compiled")
    assert not Interim([Fraction(1)] * 2, [Uniform()] * 2, method="sums").compiled


def test_flagged_entries_are_left_out_by_divide_and_conquer() -> None:
    """At low types a is near 1 and the series explodes; the answer must not."""
    demand = [Fraction(1, 20)] * 21
    below = np.full((1, 21), 0.01)
    found = sums.attainable(demand, largest=1000)
    assert found is not None
    columns = np.ascontiguousarray(below.T)
    shortfall = found.shortfall(leave_one_out.distribution(found, columns, range(21)))
    _, error = leave_one_out.series(found, columns, shortfall, np.arange(21))
    assert error.min() > 1e-12
    value, bound, _ = leave_one_out.allocations(found, below, np.arange(21))
    assert bound.max() < 1e-15
    # Of the 20 others, Binomial(20, 0.99) want 1/20 each: one more is served unless all 20 come first.
    assert value[0, 0] == pytest.approx((1 - 0.99**20) / 20, rel=1e-13)


@pytest.mark.parametrize("seed", range(12))
def test_polynomials_are_the_sum_over_all_sets_in_fractions(draw: Any, seed: int) -> None:
    environment = draw(seed, exact=True)
    market = exact_market(environment)
    assert market is not None
    low, high = environment.support
    for u in (Fraction(0), Fraction(1, 7), Fraction(2, 3), Fraction(1)):
        below = [law.exact_cdf(low + (high - low) * u) for law in environment.distribution]
        for agent in range(environment.agents):
            assert _at(market.allocation[agent], u) == subsets.allocation(agent, below, environment.demand)


def test_identical_agents_form_one_class() -> None:
    law = Beta(a=2, b=3)
    interim = Interim([Fraction(1, 3), Fraction(1, 2), Fraction(1, 3), Fraction(1, 3)], [law, law, law, Uniform()])
    assert interim.class_of.tolist() == [0, 1, 0, 2]
    assert interim.count.tolist() == [2, 1, 1]
    value = interim.at(0.4).value[0]
    assert interim.spread(value)[[0, 2]].tolist() == [value[0], value[0]]


@pytest.mark.parametrize("seed", range(6))
def test_curves_follow_the_allocations_and_their_inverse(draw: Any, seed: int) -> None:
    environment = draw(seed)
    interim = Interim(environment.demand, environment.distribution)
    curves = Curves(interim, environment.low, environment.high)
    types = np.linspace(environment.low, environment.high, 101)[1:-1]
    value = interim.at(types).value
    for kind in range(value.shape[1]):
        assert np.abs(curves.value(kind, types) - value[:, kind]).max() <= max(1e-11, float(curves.error[kind]))
        back = curves.value(kind, curves.inverse(kind, value[:, kind]))
        np.testing.assert_allclose(back, value[:, kind], atol=1e-11)
        total = float(curves.integral(kind, environment.high))
        fine = np.linspace(environment.low, environment.high, 4001)
        assert total == pytest.approx(np.trapezoid(interim.at(fine).value[:, kind], fine), rel=1e-4)
    assert curves.area_error.max() < 1e-10


def test_kinks_of_a_histogram_are_panel_edges() -> None:
    law = PiecewiseLinear(points=[0, "1/3", 1], levels=[0, "1/2", 1])
    interim = Interim([Fraction(1), Fraction(1)], [law, law])
    curves = Curves(interim, 0.0, 1.0, [1 / 3])
    # q = F: the integral of F is 1 minus the mean.
    assert float(curves.integral(0, 1.0)) == pytest.approx(1 - law.mean, abs=1e-15)
    assert interim.evaluations < 100
