"""Holdings and the money of the spot market: the paper's identities, exact values, and sampling."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from mechopt.distributions import Mixture, PiecewiseLinear, Power, Uniform
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.polynomial import exact_market
from mechopt.mechanisms.forward_market.spot import Spot, allocate, welfare, welfare_with

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_identities_of_the_notes(draw: Any, seed: int) -> None:
    """sum q = 1 at hat; sum pi + Pi = E W; pi' = hat; Pi(theta, r*) >= 0; interior r* beats other r <= k."""
    environment = draw(seed)
    market = Market(environment)
    common = market.common
    assert common.holding.sum() == pytest.approx(1, abs=1e-13)
    np.testing.assert_allclose(market.worst_off_types(common.holding), common.type, atol=1e-7 * market.high)
    assert market.surplus_at_common == pytest.approx(market.surplus(common.holding), abs=market.error + 1e-12)
    assert market.surplus_at_common > 0
    rng = np.random.default_rng(seed)
    for holding in (environment.endowments, rng.dirichlet(np.ones(environment.agents))):
        assert market.payoffs(holding).sum() + market.surplus(holding) == pytest.approx(market.welfare, abs=1e-11)
    agent, step = int(rng.integers(environment.agents)), 1e-5
    held = market.demand[agent] * float(rng.uniform(0.1, 0.9))
    slope = np.diff(market.payoff(agent, np.array([held - step, held + step])))[0] / (2 * step)
    span = market.worst_off_type(agent, np.array([held - step, held + step]))
    assert span[0] - 1e-6 <= slope <= span[1] + 1e-6
    profiles = np.array(list(product((market.low, common.type, market.high), repeat=environment.agents)))
    assert Spot(market=market, holding=common.holding).surplus(profiles).min() >= -1e-10


@pytest.mark.parametrize("seed", SEEDS)
def test_floats_against_fractions(draw: Any, seed: int) -> None:
    environment = draw(seed, exact=True)
    market, exact = Market(environment), exact_market(environment)
    assert exact is not None
    assert market.welfare == pytest.approx(float(exact.welfare), abs=market.error)
    np.testing.assert_allclose(market.rents, [float(rent) for rent in exact.rents], atol=market.error)
    assert market.common.type == pytest.approx(float(exact.common.low), abs=1e-12)
    surplus = exact.surplus(environment.endowment)
    assert surplus.high - surplus.low < Fraction(1, 10**20)
    assert market.surplus(environment.endowments) == pytest.approx(float(surplus.low), abs=market.error)
    assert market.surplus_at_common == pytest.approx(float(exact.surplus_at_common.low), abs=market.error)
    for agent in range(environment.agents):
        assert market.cornered[agent] == pytest.approx(float(exact.cornered(agent)), abs=market.error)


def test_two_partners_with_uniform_values(build: Any) -> None:
    """The oldest example: r* = (1/2, 1/2), hat = 1/2; one owner of everything costs the market 1/6."""
    environment = build([1, 1], [1, 0])
    exact = exact_market(environment)
    assert exact is not None
    assert exact.common.value == Fraction(1, 2)
    assert exact.surplus_at_common.value == Fraction(1, 12)
    assert exact.surplus(environment.endowment).value == Fraction(-1, 6)
    assert exact.welfare == Fraction(2, 3)


@pytest.mark.parametrize(
    ("demand", "cornered"),
    [("1/10", "1/9 + k/6"), ("1/3", "1/9 + k/6"), ("1/2", "1/3 - k/2"), ("2/3", "1/3 - k/2")],
)
def test_figure_1_in_closed_form(build: Any, demand: str, cornered: str) -> None:
    k = Fraction(demand)
    exact = exact_market(build([k, "2/3", "2/3"], [1, 0, 0]))
    assert exact is not None
    expected = Fraction(1, 9) + k / 6 if "1/9" in cornered else Fraction(1, 3) - k / 2
    assert exact.cornered(0) == expected == exact.surplus([Fraction(1), Fraction(0), Fraction(0)]).value
    if k == Fraction(1, 3):
        assert float(exact.surplus_at_common.low) == pytest.approx(85 / 162 - 14 * 7**0.5 / 81, abs=1e-15)


def test_the_crossing_of_figure_1(build: Any) -> None:
    """Interior and corner earn the same at the root of 2268k^4 - 4428k^3 + 3780k^2 - 1176k + 49 near 0.51355."""
    root = max(float(r.real) for r in np.roots([2268, -4428, 3780, -1176, 49]) if abs(r.imag) < 1e-9)
    market = Market(build([root, "2/3", "2/3"], [1, 0, 0]))
    assert market.surplus_at_common == pytest.approx(float(market.cornered[0]), abs=1e-12)


def test_the_corner_criterion_needs_the_low_end_of_the_support(build: Any) -> None:
    """k = (1, 1/2), F = (u^2, u) on [1, 2]: the paper's criterion picks agent 1, who earns -1/24; agent 2 earns 3/8."""
    laws = [Power(p=2, low=1, high=2), Power(p=1, low=1, high=2)]
    environment = build([1, "1/2"], [1, 0], laws, (1, 2))
    exact = exact_market(environment)
    assert exact is not None
    assert (exact.cornered(0), exact.cornered(1)) == (Fraction(-1, 24), Fraction(3, 8))
    curves = Market(environment).curves
    printed = [1 - float(curves.area[-1, 0]), 0.5 - float(curves.area[-1, 1])]
    assert printed[0] < printed[1]  # what the paper's criterion compares
    assert float(exact.surplus_at_common.low) == pytest.approx(0.5 - 5 * 5**0.5 / 24, abs=1e-15)


def test_a_gap_in_the_values_makes_an_interval_of_worst_off_types(build: Any) -> None:
    law = PiecewiseLinear(points=[0, "1/3", "2/3", 1], levels=[0, "1/2", "1/2", 1])
    common = Market(build([1, 1], [1, 0], [law, law])).common
    assert common.type == pytest.approx(1 / 3, abs=1e-9)
    assert common.highest == pytest.approx(2 / 3, abs=1e-9)
    assert common.holding.tolist() == [0.5, 0.5]


def test_with_a_gap_in_one_distribution_the_common_worst_off_type_is_used(build: Any) -> None:
    """q of agent 2 is flat between 0.3 and 0.6; its least worst-off type is 0.3, and Pi(theta, r*) >= 0 needs hat."""
    gap = Mixture(components=[Uniform(high="3/10"), Uniform(low="3/5")], weights=["1/2", "1/2"])
    market = Market(build(["14/25", "19/20"], [1, 0], [gap, Uniform()]))
    common = market.common
    assert market.worst_off_types(common.holding)[1] == pytest.approx(0.3, abs=1e-9)
    assert common.type > 0.31
    profiles = np.array(list(product((0, 0.3, common.type, 0.6, 1), repeat=2)))
    assert Spot(market=market, holding=common.holding.copy()).surplus(profiles).min() >= -1e-12


@pytest.mark.parametrize("seed", range(6))
def test_the_surplus_of_any_holdings_is_the_mean_of_equation_2(draw: Any, seed: int) -> None:
    environment = draw(seed)
    market, rng = Market(environment), np.random.default_rng(seed)
    draws = np.stack([law.sample(rng, 40_000) for law in environment.distribution], axis=-1)
    most = int(np.argmax(environment.endowments))
    corner = np.zeros(environment.agents)
    corner[most] = 1.0
    for holding in (environment.endowments, corner, market.common.holding):
        sampled = Spot(market=market, holding=holding).surplus(draws)
        assert sampled.mean() == pytest.approx(market.surplus(holding), abs=5 * sampled.std() / 200 + 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_agv_balances_and_pays_each_type_its_interim_transfer(draw: Any, seed: int) -> None:
    """Budget 0 at every profile; the mean transfer of a type is what incentives and the equal rebate say."""
    environment = draw(seed, agents=3)
    market, rng = Market(environment), np.random.default_rng(seed)
    holding = environment.endowments
    spot = Spot(market=market, holding=holding)
    draws = np.stack([law.sample(rng, 400) for law in environment.distribution], axis=-1)
    agent = int(rng.integers(3))
    draws[:, agent] = own = float(rng.uniform(market.low, market.high))
    received = np.array([spot.agv(row) for row in draws])
    assert np.abs(received.sum(axis=1)).max() < 1e-10
    kind = int(market.interim.class_of[agent])
    q = float(market.curves.value(kind, own))
    payoff = (
        spot.usable[agent] * spot.hat[agent]
        + float(market.curves.integral(kind, own) - market.curves.integral(kind, spot.hat[agent]))
        + market.surplus(holding) / 3
    )
    error = received[:, agent].std() / 20
    assert received[:, agent].mean() == pytest.approx(payoff - own * q, abs=5 * error + 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_vcg_pays_for_the_truth_and_its_surplus_is_equation_2(draw: Any, seed: int) -> None:
    environment = draw(seed)
    market, rng = Market(environment), np.random.default_rng(seed)
    spot = Spot(market=market, holding=rng.dirichlet(np.ones(environment.agents)))
    values = rng.uniform(market.low, market.high, environment.agents)
    received = spot.vcg(values)
    assert -received.sum() == pytest.approx(float(spot.surplus(values)), abs=1e-12)
    for agent in range(environment.agents):
        truth = values[agent] * allocate(values, market.demand)[agent] + received[agent]
        for report in rng.uniform(market.low, market.high, 5):
            told = values.copy()
            told[agent] = report
            assert values[agent] * allocate(told, market.demand)[agent] + spot.vcg(told)[agent] <= truth + 1e-12


def test_ties_share_pro_rata_and_do_not_move_welfare() -> None:
    demand = np.array([0.5, 0.75, 0.5])
    values = np.array([2.0, 1.0, 1.0])
    np.testing.assert_allclose(allocate(values, demand), [0.5, 0.3, 0.2])
    assert float(welfare(values, demand)) == pytest.approx(1.5)


@pytest.mark.parametrize("seed", range(30))
def test_welfare_with_one_value_replaced(seed: int) -> None:
    """One sort against one allocation an agent, ties and replaced values that tie included."""
    rng = np.random.default_rng(seed)
    agents = int(rng.integers(2, 9))
    values, replaced = rng.integers(0, 6, agents).astype(float), rng.integers(0, 6, agents).astype(float)
    demand = rng.integers(1, 8, agents) / 8
    expected = [welfare(np.where(np.arange(agents) == i, replaced[i], values), demand) for i in range(agents)]
    np.testing.assert_allclose(welfare_with(values, replaced, demand), expected, atol=1e-13)


def test_the_surplus_of_many_agents_is_the_sum_of_their_payments(build: Any) -> None:
    market = Market(build(["1/10"] * 25, [1, *([0] * 24)]))
    spot = Spot(market=market, holding=market.environment.endowments)
    values = np.random.default_rng(0).random((3, 25))
    np.testing.assert_allclose(spot.surplus(values), [-spot.vcg(row).sum() for row in values], atol=1e-12)
    np.testing.assert_allclose(spot.vcg_each(values), [spot.vcg(row) for row in values], atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_permutation_and_translation_change_nothing(draw: Any, seed: int) -> None:
    environment = draw(seed)
    market = Market(environment)
    order = np.random.default_rng(seed).permutation(environment.agents)
    from mechopt.mechanisms.forward_market.environment import Environment

    turned = Market(
        Environment(
            name=[environment.name[place] for place in order],
            demand=[environment.demand[place] for place in order],
            endowment=[environment.endowment[place] for place in order],
            distribution=[environment.distribution[place] for place in order],
            support=environment.support,
        )
    )
    np.testing.assert_allclose(turned.common.holding, market.common.holding[order], atol=1e-12)
    assert turned.surplus(turned.environment.endowments) == pytest.approx(
        market.surplus(environment.endowments), abs=1e-11
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_stronger_agent_holds_more(build: Any, seed: int) -> None:
    """Proposition 8, and more: whoever else takes part, better values or a larger demand raise one's own r_i*."""
    rng = np.random.default_rng(seed)
    demand = [Fraction(int(part), 12) for part in rng.integers(3, 10, 4)]
    powers = rng.integers(1, 6, 4).tolist()
    if sum(demand) <= 1:
        demand[0] = Fraction(1)

    def held(demand: list[Fraction], powers: list[int]) -> float:
        laws = [Power(p=power) for power in powers]
        return float(Market(build(demand, [1, 0, 0, 0], laws)).common.holding[1])

    before = held(demand, powers)
    assert held(demand, [powers[0], powers[1] + 2, *powers[2:]]) >= before - 1e-12
    assert held([demand[0], demand[1] + Fraction(1, 12), *demand[2:]], powers) >= before - 1e-12


def test_the_common_type_of_a_thousand_agents_takes_few_evaluations(build: Any) -> None:
    rng = np.random.default_rng(0)
    demand = [Fraction(int(part), 200) for part in rng.integers(1, 3, 1000)]
    laws = [Power(p=Fraction(int(part), 10)) for part in rng.integers(5, 30, 1000)]
    common = Market(build(demand, [1, *([0] * 999)], laws)).common
    assert common.evaluations <= 30
    assert common.holding.sum() == pytest.approx(1, abs=1e-11)
