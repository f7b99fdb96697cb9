"""What the last digits are worth: money in any unit, supports of any place, demands that hardly exceed the supply.

References are closed forms and sums over all sets in fractions.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from mechopt.distributions import Distribution, PiecewiseLinear, Power, Uniform
from mechopt.mechanisms.forward_market import leave_one_out, subsets, sums
from mechopt.mechanisms.forward_market.cautions import cautions
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.mechanism import run
from mechopt.mechanisms.forward_market.schedule import Programs
from mechopt.mechanisms.forward_market.settlement import balance_certificate
from mechopt.mechanisms.forward_market.smoothing import read
from mechopt.mechanisms.forward_market.solved import Solved

Build = Callable[..., Environment]


@st.composite
def close_demands(draw: Any) -> tuple[list[Fraction], list[float]]:
    """Few different demands whose multiples come very close to the supply, and probabilities of all sizes."""
    digits = 10 ** draw(st.sampled_from([6, 9, 12, 15]))
    share = Fraction(digits // draw(st.integers(2, 5)) + draw(st.integers(-2, 2)), digits)
    kinds = [share, 1 - share + Fraction(draw(st.integers(0, 2)), digits)]
    demand = draw(st.lists(st.sampled_from(kinds), min_size=2, max_size=6))
    chance = st.one_of(st.floats(0, 1, allow_subnormal=False), st.floats(1e-12, 1e-3), st.sampled_from([0.0, 1.0]))
    return demand, draw(st.lists(chance, min_size=len(demand), max_size=len(demand)))


@settings(max_examples=150, deadline=None)
@given(close_demands())
@example(([Fraction(1, 2)] * 6, [0.0, 0.0, 2.0**-8, 2.0**-14, 2.0**-24, 9e-296]))  # a product that underflows
def test_the_bound_of_listed_sums_holds_where_multiples_of_demands_all_but_exhaust_the_supply(
    problem: tuple[list[Fraction], list[float]],
) -> None:
    """1 - 3 k of 1e-10 was taken of two floats, and its 1e-16 was in no bound."""
    demand, below = problem
    found = sums.attainable(demand, largest=20_000)
    assert found is not None
    value, error, _ = leave_one_out.allocations(found, np.array([below]), np.arange(len(demand)))
    chances = [Fraction(chance) for chance in below]
    for agent in range(len(demand)):
        true = subsets.allocation(agent, chances, demand)
        assert abs(Fraction(float(value[0, agent])) - true) <= Fraction(float(error[0, agent]))


def test_a_listed_gap_is_one_rounding_of_the_exact_difference() -> None:
    """Demands are halves of odd multiples of 2^-70, beyond what 64 bits hold."""
    step = Fraction(1, 2**70)
    demand = [Fraction(1, 2) - step, Fraction(1, 2)]
    found = sums.attainable(demand, largest=100)
    assert found is not None
    assert not found.lattice
    assert {float(gap) for gap in found.gap[0]} == {1.0, float(demand[0]), 0.5, float(step)}


@pytest.mark.parametrize("scale", [Fraction(1, 10**12), Fraction(1, 1000), Fraction(10**9)])
def test_holdings_do_not_depend_on_the_unit_of_money(build: Build, scale: Fraction) -> None:
    """The root was sought to 1e-15 of money: with values up to 1e-9 to one part in a million."""
    demand, endowment = [Fraction(3, 4), Fraction(1, 2), Fraction(1, 3)], [1, 0, 0]

    def market(end: Fraction) -> Market:
        laws: list[Distribution] = [Power(p=2, low=0, high=end), Uniform(low=0, high=end), Power(p=3, low=0, high=end)]
        return Market(build(demand, endowment, laws, (0, end)))

    one, other = market(Fraction(1)), market(scale)
    np.testing.assert_allclose(other.common.holding, one.common.holding, atol=one.common.error + other.common.error)
    assert other.common.type == pytest.approx(one.common.type * float(scale), rel=1e-14)
    assert other.surplus_at_common == pytest.approx(one.surplus_at_common * float(scale), rel=1e-12)


@pytest.mark.parametrize("start", [0, 1000, 10**6, 10**9])
def test_holdings_sum_to_the_supply_wherever_the_support_lies(build: Build, start: int) -> None:
    """Floats next to each other are 1e-7 apart at 1e9: r* lies between what is allocated at two of them."""
    ends = {"low": start, "high": start + 1}
    laws: list[Distribution] = [Power(p=2, **ends), Uniform(**ends), Power(p=5, **ends)]
    demand = [Fraction(3, 4), Fraction(1, 2), Fraction(1, 3)]
    common = Market(build(demand, [1, 0, 0], laws, (start, start + 1))).common
    assert abs(common.holding.sum() - 1.0) <= 1e-15
    reference = Market(build(demand, [1, 0, 0], [Power(p=2), Uniform(), Power(p=5)])).common
    assert np.abs(common.holding - reference.holding).max() <= common.error + reference.error
    assert common.error <= 3e-14 + 30 * np.spacing(float(start))


def test_a_demand_that_is_surely_served_below_the_high_end_has_its_worst_off_type_there(build: Build) -> None:
    """The least type with q_i = k_i: beyond the end of the rival's values nobody is left to take anything."""
    half = Uniform(low=0, high="1/2")
    market = Market(build([1, 1], [1, 0], [Uniform(), half]))
    assert market.worst_off_types(np.array([1.0, 1.0])).tolist() == [0.5, 1.0]
    assert market.marginal_value(0, np.array([1.0]), side="left").tolist() == [0.5]
    # q_1 = 2 t: phi_1(1) = 1/4 - 1/2, whatever of the types above 1/2 is taken.
    assert market.outside(np.array([1.0, 0.0]))[0] == pytest.approx(-0.25, abs=1e-15)
    some = Market(build(["2/5", "2/5", "2/5"], [1, 0, 0], [Uniform(low=0, high=end) for end in ("1/4", "1/2", 1)]))
    # Two fit beside each other: nobody is in the way any more where the values of one of the two others end.
    assert some.curves.served[some.interim.class_of].tolist() == [0.5, 0.25, 0.25]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_served_is_where_the_definition_first_gives_the_whole_demand(build: Build, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 6))
    laws: list[Any] = [Uniform(low=0, high=Fraction(int(end), 4)) for end in rng.integers(1, 5, count)]
    laws[0] = Uniform(low=0, high=1)
    demand = [Fraction(int(part), 6) for part in rng.integers(2, 7, count)]
    if sum(demand) <= 1:
        demand[0] = Fraction(1)
    market = Market(build(demand, [1] + [0] * (count - 1), laws))
    served = market.interim.spread(market.curves.served)
    quarters = [Fraction(place, 4) for place in range(5)]
    for agent in range(count):
        full = [
            point
            for point in quarters
            if subsets.allocation(agent, [law.exact_cdf(point) for law in laws], demand) == demand[agent]
        ]
        assert float(served[agent]) == full[0]


@pytest.mark.parametrize("short", [1e-14, 5e-13, 2e-12])
def test_the_surplus_of_holdings_just_below_a_demand_is_not_that_of_the_demand(build: Build, short: float) -> None:
    """Two uniform values, k = 1: Pi = 1/3 - (r_1^2 + r_2^2) / 2. Holdings within 1e-12 of k_i counted as k_i."""
    market = Market(build([1, 1], [1, 0]))
    held = np.array([1.0 - short, short])
    one, other = (Fraction(float(part)) for part in held)
    true = Fraction(1, 3) - (one * one + other * other) / 2
    assert abs(Fraction(market.surplus(held)) - true) <= Fraction(market.error)


@pytest.mark.parametrize("excess", [Fraction(1, 10**6), Fraction(1, 10**10), Fraction(1, 10**13), Fraction(1, 10**17)])
def test_a_demand_that_hardly_exceeds_the_supply_is_no_gap_between_values(build: Build, excess: Fraction) -> None:
    """q_1 = 1/2 - excess (1 - t), q_2 = 1/2 + excess t: the common type is 1/2, and floats may not tell."""
    environment = build([Fraction(1, 2), Fraction(1, 2) + excess], [1, 0])
    common = Market(environment).common
    assert common.highest == common.type
    assert abs(common.type - 0.5) <= common.uncertainty
    half = Fraction(1, 2) - excess / 2
    for held, true in zip(common.holding.tolist(), (half, 1 - half), strict=True):
        assert abs(Fraction(held) - true) <= Fraction(common.error)
    warned = [line for line in cautions(Solved(environment=environment)) if "known to" in line]
    assert bool(warned) == bool(excess < Fraction(1, 10**8))
    assert not [line for line in cautions(Solved(environment=environment)) if "no type is likely" in line]
    if warned:  # rational arithmetic knows better
        exactly = build(environment.demand, [1, 0], arithmetic="exact")
        assert not [line for line in cautions(Solved(environment=exactly)) if "known to" in line]


def test_a_gap_between_values_is_an_interval_with_its_exact_ends(build: Build) -> None:
    """F flat from 3/10 to 7/10 at 1/2: q_1 + q_2 = 2 F = 1 there."""
    gap = PiecewiseLinear(points=[0, "3/10", "7/10", 1], levels=[0, "1/2", "1/2", 1])
    common = Market(build([1, 1], [1, 0], [gap, gap])).common
    assert [common.type, common.highest] == pytest.approx([0.3, 0.7], abs=1e-15)
    np.testing.assert_allclose(common.holding, 0.5, atol=common.error)


def test_blocks_of_small_prices_stay_apart(build: Build) -> None:
    """Prices within 1e-9 of money were one block: all of them, where values are up to 1e-9."""
    demand, small = ["3/4", "1/2", "1/3"], Fraction(1, 10**10)
    table = run(build(demand, [1, 0, 0])).tables["tariff"]
    again = run(build(demand, [1, 0, 0], support=(0, small))).tables["tariff"]
    assert len(again["price"]) == len(table["price"]) > 2
    np.testing.assert_allclose(
        np.array(again["price"]), np.array(table["price"]) * float(small), atol=1e-7 * float(small)
    )


def test_a_bandwidth_is_found_in_every_unit_of_money() -> None:
    values = ["2/10", "3/10", "4/10", "7/10"]
    one = read({"samples": values, "smoothing": "kernel"}).width
    small = [Fraction(value) / 10**14 for value in values]
    assert float(read({"samples": small, "smoothing": "kernel"}).width * 10**14) == pytest.approx(float(one), rel=1e-5)


@pytest.mark.parametrize("excess", [Fraction(1, 10**9), Fraction(1, 10**11)])
def test_a_gain_that_bends_close_to_0_still_has_its_price(build: Build, excess: Fraction) -> None:
    """r_i* is so close to k_i that both were one knot: a price of 0 for what is bought looked like an equilibrium."""
    laws: list[Distribution] = [Uniform(), Uniform(), Power(p=2)]
    endowment = ["1/2", "1/2", 0]

    demand = [Fraction(part) * (1 + excess) for part in ("8/25", "8/25", "9/25")]
    market = Market(build(demand, endowment, laws))
    subsidy, deficit = Programs(market).least_subsidy().subsidy, balance_certificate(market).deficit
    assert subsidy >= deficit > 0.1
    # The mean marginal value between r_1* and k_1, by the exact reference, is 49/72; closer than 1e-12 counts as k_1.
    assert subsidy == pytest.approx(0.36 * 49 / 72, abs=1e-4 if excess > Fraction(1, 10**10) else 0.03)
    assert subsidy >= 0.36 * 49 / 72 - 1e-5


def test_a_probability_too_small_to_divide_by_is_no_warning() -> None:
    """1 / F overflows below 1e-308; the agent is left out by divide and conquer then."""
    demand = [Fraction(1, 2)] * 40
    found = sums.attainable(demand, largest=20_000)
    assert found is not None
    value, error, _ = leave_one_out.allocations(found, np.array([[5e-324] + [0.9] * 39]), np.arange(40))
    assert np.isfinite(value).all()
    assert error.max() <= 1e-13
