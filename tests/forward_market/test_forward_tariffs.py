"""Tariffs, deviations and budgets: the paper's propositions where they hold, exact counterexamples where not."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.certify import Certificate
from mechopt.distributions import Power
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market import smooth
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.schedule import Programs
from mechopt.mechanisms.forward_market.settlement import balance_certificate, no_free_lunch, settle
from mechopt.mechanisms.forward_market.tariff import Tariff

SEEDS = range(12)


@pytest.mark.parametrize("kind", ["linear", "block"])
def test_the_cost_is_the_integral_of_the_price(kind: Any) -> None:
    tariff = Tariff(knots=[-0.5, 0.1, 0.3, 0.8], prices=[1, 2, 2, 5][: 4 - (kind == "block")], kind=kind)
    places = np.linspace(-0.9, 1.0, 39)
    fine = np.linspace(0, 1, 40_001)
    for place in places:
        path = fine * place
        assert float(tariff.cost(place)) == pytest.approx(np.trapezoid(tariff.price(path), path), abs=2e-4)
    assert float(tariff.cost(0.0)) == 0.0
    slopes = np.diff(tariff.cost(places)) / np.diff(places)
    assert np.all(np.diff(slopes) >= -1e-12)  # convex


def test_proposition_4_fails_beyond_the_family_s_domain(build: Any) -> None:
    """k = 1, uniform, e = (3/5, 2/5): P = 1/2 + 2y near 0, slope 1/100 outside, is in the paper's family, and an agent
    gains exactly 171/5000 by demanding everything."""
    market = Market(build([1, 1], ["3/5", "2/5"]))
    forward = Forward(market, Tariff(knots=[-1, -0.1, 0.1, 1], prices=[0.3 - 0.009, 0.3, 0.7, 0.709]))
    y = np.linspace(-0.1, 0.1, 21)
    hat = market.worst_off_type(0, 0.5 + y)
    assert np.all((forward.tariff.price(y) - hat) * y >= 0)  # inside the envelopes
    found = forward.nash_gap()
    assert found.gain == pytest.approx(171 / 5000, abs=1e-12)
    assert found.demand in (0.0, 1.0)
    assert found.bound == pytest.approx(found.gain, abs=1e-9)
    gain = forward.gain(0, np.array([0.5])) - forward.tariff.cost(np.array([0.5]))
    assert gain[0] == pytest.approx(171 / 5000, abs=1e-12)
    assert forward.single_crossing().margin < 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bound_on_deviations_covers_a_fine_grid(draw: Any, seed: int) -> None:
    environment = draw(seed)
    market, rng = Market(environment), np.random.default_rng(seed)
    knots = np.sort(rng.uniform(-1, 1, 5)).tolist()
    prices = np.sort(rng.uniform(market.low, market.high, 5)).tolist()
    for tariff in (Tariff(knots=knots, prices=prices), Tariff(knots=knots, prices=prices[:4], kind="block")):
        forward = Forward(market, tariff)
        for found in forward.best_deviations():
            held = float(forward.holding[found.agent])
            y = np.linspace(-held, 1 - held, 2001)
            net = forward.gain(found.agent, y) - tariff.cost(y)
            assert net.max() <= found.bound + 1e-12
            assert found.gain >= net.max() - 1e-6 * market.high
            at = np.array([found.demand - held])
            again = float(forward.gain(found.agent, at)[0] - tariff.cost(at)[0])
            assert again == pytest.approx(found.gain, abs=1e-10)
            assert found.bound - found.gain <= 1e-9 * market.high


@pytest.mark.parametrize("seed", SEEDS)
def test_the_designed_tariff_keeps_r_star_in_equilibrium_and_costs_least(draw: Any, seed: int) -> None:
    """Nash over the whole action set; forward budget <= 0; forward plus spot <= Pi_e; all money adds up."""
    environment = draw(seed)
    market = Market(environment)
    design = Programs(market).least_subsidy()
    assert isinstance(design.certificate, Certificate) or design.gap <= 1e-8 * market.high
    forward = Forward(market, design.tariff)
    tolerance = 1e-9 * market.high
    assert max(found.bound for found in forward.best_deviations()) <= tolerance
    assert forward.budget() <= tolerance
    assert no_free_lunch(market, forward) >= -tolerance
    proof = balance_certificate(market)
    assert proof.position.sum() == pytest.approx(0, abs=1e-12)
    assert proof.deficit <= design.subsidy + tolerance
    settlement = settle(market, forward)
    assert (settlement.forward_payment + settlement.fee).sum() == pytest.approx(0, abs=1e-11)
    assert settlement.rebate.sum() == pytest.approx(market.surplus_at_common)
    assert settlement.gain.min() >= -tolerance
    assert settlement.gain.sum() == pytest.approx(market.welfare - settlement.outside.sum(), abs=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_increasing_tariff_balances(draw: Any, seed: int) -> None:
    """Any increasing P with P(0) = hat pays out on balance, whatever else it does (Proposition 4, budget, refuted)."""
    environment = draw(seed)
    market, rng = Market(environment), np.random.default_rng(seed)
    hat = market.common.type
    for _ in range(20):
        left, right = np.sort(rng.uniform(0, hat, 3)), np.sort(rng.uniform(hat, 2 * market.high, 3))
        knots = [*np.sort(rng.uniform(-1, 0, 3)), 0.0, *np.sort(rng.uniform(0, 1, 3))]
        forward = Forward(market, Tariff(knots=knots, prices=[*left, hat, *right]))
        assert forward.budget() <= 1e-12


def test_the_least_subsidy_of_one_owner_with_uniform_values(build: Any) -> None:
    """n = 2, e = (1, 0): C(1/2) + C(-1/2) is at least A(1/2) + A(-1/2) = 1/4."""
    market = Market(build([1, 1], [1, 0]))
    design = Programs(market).least_subsidy()
    assert design.subsidy == pytest.approx(0.25, abs=1e-11)  # polished: the solver alone keeps to some 1e-9
    assert design.optimum == pytest.approx(design.solved, abs=1e-8)
    assert balance_certificate(market).deficit == pytest.approx(0.25, abs=1e-12)
    # no free lunch is tight here: -1/4 + 1/12 = -1/6 = Pi_e
    forward = Forward(market, Programs(market).least_subsidy().tariff)
    assert no_free_lunch(market, forward) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_every_designed_tariff_has_a_finite_guarantee(draw: Any, seed: int) -> None:
    """Where the basis is no proof in rationals, floats still prove a small gap."""
    market = Market(draw(seed))
    programs = Programs(market)
    limit = programs.least_subsidy().subsidy * 1.3 + 1e-6 * market.high
    for found in (programs.smoothest(limit), programs.widest_margin(limit)):
        assert found.gap <= 1e-6
        assert max(one.bound for one in Forward(market, found.tariff).best_deviations()) <= 2e-9 * market.high


@pytest.mark.parametrize("seed", range(6))
def test_more_knots_do_not_lower_the_least_subsidy(draw: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any convex C its values at the knots make a block tariff that costs the same."""
    market = Market(draw(seed))
    coarse = Programs(market).least_subsidy().subsidy
    monkeypatch.setattr("mechopt.mechanisms.forward_market.schedule.GRID", 257)
    fine = Programs(market)
    assert fine.knots.size > 200
    assert fine.least_subsidy().subsidy == pytest.approx(coarse, abs=1e-7 * market.high)


def test_at_the_common_holdings_nothing_is_traded(build: Any) -> None:
    market = Market(build([1, 1], ["1/2", "1/2"]))
    assert balance_certificate(market).deficit == 0
    forward = Forward(market, Programs(market).least_subsidy().tariff)
    assert forward.payments().tolist() == [0.0, 0.0]


def test_a_uniform_price_supports_nothing(build: Any) -> None:
    """pi_i is strictly convex at r*: at any one price somebody prefers another demand (Section 4.2)."""
    market = Market(build(["2/3", "2/3", "1/2"], [1, 0, 0]))
    for price in (0.2, market.common.type, 0.8):
        forward = Forward(market, Tariff(knots=[-1, 1], prices=[price, price]))
        assert forward.nash_gap().gain > 1e-3


def test_without_the_rebate_the_scheme_can_fail(build: Any) -> None:
    """n = 2, k = 1, F = (u^10, u), e = (1, 0): before the rebate the agents lose 0.01097 together."""
    market = Market(build([1, 1], [1, 0], [Power(p=10), Power(p=1)]))
    settlement = settle(market, Forward(market, Programs(market).least_subsidy().tariff))
    before = float((settlement.gain - settlement.rebate).sum())
    assert before == pytest.approx(1 / 132 - market.surplus_at_common, abs=1e-12)
    assert before < -0.0109
    assert settlement.gain.min() >= 0


def test_a_wider_margin_costs_more_and_keeps_deviations_away(build: Any) -> None:
    market = Market(build(["2/3", "1/2", "2/5"], [1, 0, 0]))
    programs = Programs(market)
    least = programs.least_subsidy()
    wide = programs.widest_margin(least.subsidy * 1.5)
    assert wide.level > 0.01
    assert wide.subsidy <= least.subsidy * 1.5 + 1e-8
    forward = Forward(market, wide.tariff)
    for agent in range(3):
        y = np.linspace(-forward.holding[agent], 1 - forward.holding[agent], 500)
        slack = wide.tariff.cost(y) - forward.gain(agent, y) - wide.level * y**2
        assert slack.min() >= -1e-8
    with pytest.raises(InstanceError, match="the least is"):
        programs.widest_margin(least.subsidy / 2)


def test_a_smoother_tariff_rises_more_gently_for_more_money(build: Any) -> None:
    market = Market(build(["2/3", "1/2", "2/5"], [1, 0, 0]))
    programs = Programs(market)
    least = programs.least_subsidy()
    levels = [programs.smoothest(least.subsidy * factor).level for factor in (1.1, 1.5, 3.0)]
    assert levels == sorted(levels, reverse=True)
    found = programs.smoothest(least.subsidy * 1.5)
    assert max(one.bound for one in Forward(market, found.tariff).best_deviations()) <= 1e-8
    prices, widths = np.array(found.tariff.prices), np.diff(found.tariff.knots)
    rises = np.diff(prices) / ((widths[1:] + widths[:-1]) / 2)
    assert rises.max() <= found.level * (1 + 1e-5)
    assert rises.max() < max(np.diff(least.tariff.prices) / ((widths[1:] + widths[:-1]) / 2))


@pytest.mark.parametrize(
    ("knots", "prices", "kind", "word"),
    [
        ([0, 1], [0.6, 0.4], "linear", r"tariff.p \(row 2\): must be increasing: 0.4 follows 0.6"),
        ([0, 0], [0.4, 0.6], "linear", "tariff.y.*must be increasing"),
        ([0], [0.4], "linear", "at least 2 knots"),
        ([0, 1], [0.4], "linear", "1 prices for 2 knots"),
        ([0, 1], [0.4, 0.5], "block", "needs 1"),
        ([0, float("nan")], [0.4, 0.5], "linear", "finite"),
    ],
)
def test_a_wrong_tariff_is_refused(knots: Any, prices: Any, kind: Any, word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        Tariff(knots=knots, prices=prices, kind=kind)


def test_many_classes_use_convex_bounds_instead_of_kinks(build: Any) -> None:
    laws = [Power(p=Fraction(number, 40)) for number in range(40, 105)]
    market = Market(build([Fraction(1, 30)] * 65, [1, *([0] * 64)], laws))
    forward = Forward(market, Programs(market).least_subsidy().tariff)
    assert max(found.bound for found in forward.best_deviations()) <= 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_the_smoothest_tariff_is_proven_against_any_other(draw: Any, seed: int) -> None:
    """Its squared rises against the steepness and margin designs, a mix of them, and its own proven bound."""
    environment = draw(seed)
    programs = Programs(Market(environment))
    limit = 1.3 * programs.least_subsidy().subsidy + 1e-3 * environment.high
    design, found = smooth.design(programs, limit), smooth.smoothest(programs, limit)
    assert 0 <= found.rises - found.bound <= 1e-5
    assert abs(found.solved - found.rises) <= 1e-6
    assert design.subsidy <= limit + 1e-8 * environment.high
    forward = Forward(programs.market, design.tariff)
    assert max(one.bound for one in forward.best_deviations()) <= 1e-9 * environment.high

    def rises(prices: Any) -> float:
        apart = programs.knots[2:] - programs.knots[:-2]
        return float((np.diff(np.asarray(prices) / environment.high) ** 2 / apart).sum())

    assert rises(design.tariff.prices) == pytest.approx(found.rises, rel=1e-5, abs=1e-7)
    others = [np.array(programs.smoothest(limit).tariff.prices), np.array(programs.least_subsidy().tariff.prices)]
    for share in (0.0, 0.3, 1.0):
        assert rises(share * others[0] + (1 - share) * others[1]) >= found.bound - 1e-9
    with pytest.raises(InstanceError, match="the least is"):
        smooth.design(programs, -1.0)
