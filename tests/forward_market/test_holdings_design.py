"""Holdings under limits, with little trade, and for uncertain states; the design verb."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt import api
from mechopt.distributions import Power
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market import holdings as choice
from mechopt.mechanisms.forward_market.anticipated import state_markets
from mechopt.mechanisms.forward_market.environment import State
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.second_best import second_best
from mechopt.mechanisms.forward_market.trade import least_trade
from mechopt.mechanisms.forward_market.uncertainty import best_holdings

UNIFORM = {"family": "uniform"}
DOCUMENT: dict[str, Any] = {
    "mechanism": "forward_market",
    "agents": [
        {"name": "a", "demand": "2/3", "endowment": 1, "distribution": UNIFORM},
        {"name": "b", "demand": "1/2", "endowment": 0, "distribution": {"family": "power", "p": 2}},
        {"name": "c", "demand": "2/5", "endowment": 0, "distribution": UNIFORM},
    ],
    "states": [
        {"state": "low", "probability": "1/4", "demand_factor": 1},
        {"state": "high", "probability": "3/4", "demand_factor": "5/4"},
    ],
}


def rivals(limits: choice.Limits, seed: int, count: int = 200) -> list[Any]:
    """Random holdings within limits that sum to 1."""
    rng = np.random.default_rng(seed)
    found: list[Any] = []
    while len(found) < count:
        held = np.clip(rng.dirichlet(np.full(limits.cap.size, 0.7)), limits.floor, limits.cap)
        rest = 1 - held.sum()
        room = limits.cap - held if rest > 0 else held - limits.floor
        held = held + rest * room / room.sum()
        if np.all(held <= limits.cap + 1e-12) and np.all(held >= limits.floor - 1e-12):
            found.append(held)
    return found


@pytest.mark.parametrize("seed", range(10))
def test_no_holdings_within_limits_earn_more(draw: Any, seed: int) -> None:
    """Corners included: all sets of agents above their demand are covered."""
    market, rng = Market(draw(seed)), np.random.default_rng(seed)
    count = market.demand.size
    cap = np.minimum(1.0, rng.uniform(0.3, 1.2, count) + 1.0 / count)
    limits = choice.Limits(floor=rng.uniform(0, 0.1, count), cap=cap)
    found = choice.best(market, limits)
    assert found.holding.sum() == pytest.approx(1, abs=1e-12)
    assert np.all(found.holding <= cap + 1e-12)
    assert np.all(found.holding >= limits.floor - 1e-12)
    assert found.surplus >= max(market.surplus(held) for held in rivals(limits, seed)) - 1e-10
    free = choice.best(market)
    assert free.surplus == pytest.approx(max(market.surplus_at_common, float(market.cornered.max())), abs=1e-10)
    assert choice.interior(market).holding == pytest.approx(market.common.holding, abs=1e-11)


def test_a_group_quota_binds_with_a_price_of_its_own(build: Any) -> None:
    market = Market(build(["1/4", "2/3", "2/3"], [1, 0, 0]))
    group = np.array([1, 2])
    limits = choice.Limits(floor=np.zeros(3), cap=np.ones(3), quotas=[choice.Quota(members=group, cap=0.77)])
    found = choice.interior(market, limits)
    assert found.holding == pytest.approx([0.23, 0.385, 0.385], abs=1e-12)
    for shift in (-0.05, 0.05):
        other = found.holding + np.array([0, shift, -shift])
        assert market.surplus(other) < found.surplus
    assert market.surplus(np.array([0.24, 0.38, 0.38])) < found.surplus < market.surplus_at_common


def test_least_trade_of_two_uniform_partners(build: Any) -> None:
    """From e = (1, 0) to the edge of the operating region: (1 - 1/sqrt 3)/2 changes hands."""
    found = least_trade(Market(build([1, 1], [1, 0])))
    assert found.volume == pytest.approx((1 - 3**-0.5) / 2, abs=1e-12)
    assert 0 <= found.surplus < 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_no_smaller_trade_reaches_the_surplus(draw: Any, seed: int) -> None:
    market = Market(draw(seed))
    start = market.environment.endowments
    found = least_trade(market)
    assert found.surplus >= 0
    if market.surplus(start) >= 0:
        assert found.volume == 0
        return
    for held in rivals(choice.Limits(floor=np.zeros(start.size), cap=market.demand), seed):
        # On the way from e to a rival, the first point that earns enough is no nearer (phi is concave below k).
        if market.surplus(held) >= 0:
            assert np.abs(held - start).sum() / 2 >= found.volume - 1e-9


def test_the_radius_of_two_uniform_partners(build: Any) -> None:
    """They operate from r = (1 - 1/sqrt 3)/2 on: 1/(2 sqrt 3) of the supply may change hands either way."""
    assert choice.radius(Market(build([1, 1], [1, 0]))) == pytest.approx(3**-0.5 / 2, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_no_trade_within_the_radius_stops_the_spot_market(draw: Any, seed: int) -> None:
    market, rng = Market(draw(seed)), np.random.default_rng(seed)
    held, size = market.common.holding, choice.radius(market)
    assert size > 0
    for _ in range(60):
        move = rng.dirichlet(np.full(held.size, 0.5)) - rng.dirichlet(np.full(held.size, 0.5))
        move *= size / max(np.abs(move).sum() / 2, 1e-12)
        assert np.all(held + move <= market.demand + 1e-9)
        assert np.all(held + move >= -1e-9)
        assert market.surplus(held + move) >= -1e-10


def test_impossible_wishes_are_refused(build: Any) -> None:
    market = Market(build(["2/3", "2/3"], [1, 0]))
    with pytest.raises(InstanceError, match=r"the caps leave 0.2 of the supply"):
        choice.interior(market, choice.Limits(floor=np.zeros(2), cap=np.array([0.4, 0.4])))
    with pytest.raises(InstanceError, match="floors sum to more"):
        choice.interior(market, choice.Limits(floor=np.array([0.6, 0.6]), cap=np.ones(2)))
    with pytest.raises(InstanceError, match="above its cap"):
        choice.Limits(floor=np.array([0.6, 0]), cap=np.array([0.5, 1]))
    quota = choice.Quota(members=np.array([0]))
    with pytest.raises(InstanceError, match="in two groups"):
        choice.Limits(floor=np.zeros(2), cap=np.ones(2), quotas=[quota, quota])
    with pytest.raises(InstanceError, match="the most is"):
        least_trade(market, 10.0)


@pytest.mark.parametrize("goal", ["mean", "worst"])
def test_cutting_planes_end_with_holdings_and_a_bound(goal: Any) -> None:
    environment = api.load(DOCUMENT).environment
    found = best_holdings(environment, goal)
    assert found.bound - found.value <= 1e-12  # polished by a scalar root, with a bound of its own
    assert found.programme == pytest.approx(found.value, abs=2e-8)
    markets = state_markets(environment)
    cap = np.min([market.demand for market in markets], axis=0)
    limits = choice.Limits(floor=np.zeros(3), cap=cap)
    for held in rivals(limits, 0, 100):
        earned = [market.surplus(held) for market in markets]
        reached = min(earned) if goal == "worst" else 0.25 * earned[0] + 0.75 * earned[1]
        assert reached <= found.bound + 1e-10
    if goal == "mean":  # a common marginal value supports them (Section 5.1)
        np.testing.assert_allclose(found.marginal, found.marginal[0], atol=1e-10)


def test_symmetric_agents_hold_equal_shares_whatever_the_state(build: Any) -> None:
    """Corollary 1: r* = 1/n lets the spot market operate in every state."""
    factors = (Fraction(1, 2), Fraction(1), Fraction(5, 4))
    states = [State(name=str(factor), probability=Fraction(1, 3), demand_factor=factor) for factor in factors]
    environment = build(["4/5", "4/5", "4/5"], [1, 0, 0], [Power(p=3)] * 3, states=states)
    for goal in ("mean", "worst"):
        found = best_holdings(environment, goal)
        np.testing.assert_allclose(found.holding, 1 / 3, atol=1e-12)
        assert min(found.surplus) > 0


def test_bilateral_trade_tends_to_nine_sixty_fourths(build: Any) -> None:
    """Myerson and Satterthwaite: the first best gains 1/6 and cannot be had; the second best gains 9/64."""
    environment = build([1, 1], [1, 0])
    found = [second_best(environment, environment.endowments, types=count) for count in (5, 10, 20)]
    gains = [one.welfare - 0.5 for one in found]
    assert gains == sorted(gains, reverse=True)
    assert 9 / 64 < gains[-1] < 0.147 < found[-1].first_best - 0.5 - 0.015
    for one in found:
        assert one.certificate.error <= 1e-9
        assert one.payment.mean(axis=1).sum() <= 1e-9  # received in total: no deficit
        assert np.all(np.diff(one.allocation, axis=1) >= -1e-9)
    assert np.abs(gains[-1] - 9 / 64) < np.abs(gains[0] - 9 / 64) / 2


def test_the_second_best_is_the_first_best_where_that_breaks_even(build: Any) -> None:
    environment = build(["1/2", "2/3", "2/3"], [1, 0, 0])
    market = Market(environment)
    assert market.surplus(environment.endowments) > 0
    found = second_best(environment, environment.endowments, types=6)
    assert found.welfare == pytest.approx(found.first_best, abs=1e-9)
    with pytest.raises(InstanceError, match="too many profiles"):
        second_best(environment, environment.endowments, types=60)


def test_the_second_best_of_the_design_table() -> None:
    outcome = api.design(DOCUMENT | {"design": {"goal": "second_best", "types": 5}})
    summary = outcome.summary
    assert summary["no_trade"] <= summary["welfare"] <= summary["first_best"] + 1e-9
    assert 0 <= summary["share_of_gains"] <= 1 + 1e-9
    outcome.to_json()


def test_bands_of_sampled_values_hold_the_estimate_and_narrow_with_more_samples() -> None:
    rng = np.random.default_rng(5)
    widths = []
    for count in (10, 160):
        observed = rng.beta(2, 3, count).round(4).tolist()
        law = {"family": "empirical", "samples": observed, "degree": 5}
        rows = [
            {"name": "a", "demand": "2/3", "endowment": 1, "distribution": law},
            {"name": "b", "demand": "2/3", "endowment": 0, "distribution": "other"},
        ]
        asked = {"mechanism": "forward_market", "agents": rows, "distributions": {"other": UNIFORM},
                 "design": {"goal": "bands", "resamples": 40}}  # fmt: skip
        outcome = api.design(asked, seed=1)
        table = outcome.tables["agents"]
        assert table["holding_low"][0] <= table["holding"][0] <= table["holding_high"][0]
        assert 0 <= outcome.summary["operates_at_holding"] <= 1
        assert api.design(asked, seed=1).summary == outcome.summary
        widths.append(table["holding_high"][0] - table["holding_low"][0])
    assert widths[1] < widths[0] / 2
    with pytest.raises(InstanceError, match="needs at least one agent"):
        api.design(DOCUMENT | {"design": {"goal": "bands"}})


GOALS = ["least_subsidy", "margin", "smooth", "smooth_squares", "surplus", "least_trade", "mean_state", "worst_state"]


@pytest.mark.parametrize("goal", GOALS)
def test_every_goal_of_the_design_table(goal: str) -> None:
    outcome = api.design(DOCUMENT | {"design": {"goal": goal}})
    outcome.to_json()
    assert all(finding.holds for finding in outcome.checks)
    table = outcome.tables["agents"]
    assert sum(table["holding"]) == pytest.approx(1, abs=1e-9)
    if goal in ("least_subsidy", "margin", "smooth", "smooth_squares"):
        assert outcome.guarantee.kind in ("certified", "bounded")
        assert outcome.summary["best_deviation_bound"] <= 1e-8
        assert sum(table["forward_payment"]) == pytest.approx(outcome.summary["subsidy"], abs=1e-9)
    else:
        assert outcome.summary["surplus"] >= -1e-12


def test_corners_caps_and_groups_by_name() -> None:
    table = {"goal": "surplus", "corners": True, "caps": {"a": 0.3}, "floors": {"c": "1/10"}}
    outcome = api.design(DOCUMENT | {"design": table})
    held = dict(zip(outcome.tables["agents"]["agent"], outcome.tables["agents"]["holding"], strict=True))
    assert held["a"] <= 0.3 + 1e-12
    assert held["c"] >= 0.1 - 1e-12
    grouped = api.design(DOCUMENT | {"design": {"goal": "surplus", "groups": [{"members": ["b", "c"], "cap": 0.4}]}})
    assert sum(list(grouped.tables["agents"]["holding"])[1:]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"goal": "rich"}, "design.goal"),
        ({"goal": "surplus", "caps": {"z": 1}}, "design.caps: 'z' is not an agent"),
        ({"goal": "surplus", "caps": {"a": 2}}, "design.caps.a: must be at most 1"),
        ({"goal": "surplus", "caps": {"a": -1}}, "design.caps.a: must be at least 0"),
        ({"goal": "surplus", "groups": [{"cap": 1}]}, r"design.groups \(row 1\): needs members"),
        ({"goal": "surplus", "groups": [{"members": ["a", "a"]}]}, "names an agent twice"),
        ({"goal": "margin", "subsidy": 0}, "design.subsidy.*the least is"),
        ({"goal": "least_trade", "surplus": 5}, "design.surplus.*the most is"),
        ({"aim": 1}, "unknown key 'aim'"),
        ({"goal": "least_trade", "caps": {"a": 0.3}}, "design.caps: has no effect on the goal"),
        ({"goal": "mean_state", "groups": [{"members": ["a"]}]}, "design.groups: has no effect.*it belongs to surplus"),
        ({"subsidy": 1}, "design.subsidy: has no effect.*margin, smooth, smooth_squares"),
    ],
)
def test_a_wrong_design_table_is_refused(table: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word) as caught:
        api.design(DOCUMENT | {"design": table})
    assert "\n" not in str(caught.value)


def test_states_are_needed_for_uncertainty() -> None:
    bare = {key: value for key, value in DOCUMENT.items() if key != "states"}
    with pytest.raises(InstanceError, match="states: is missing"):
        api.design(bare | {"design": {"goal": "worst_state"}})


@pytest.mark.parametrize("seed", range(8))
def test_every_answer_of_a_linear_program_is_polished_and_compared(draw: Any, seed: int) -> None:
    """States drawn so that none, one or two of them share the least surplus; limits that bind in some."""
    environment, rng = draw(seed), np.random.default_rng(seed)
    least, most = 1 / sum(environment.demand), 1 / max(environment.demand)
    factors = [
        least + (most - least) * Fraction(int(step), 10) for step in rng.choice(np.arange(2, 11), 3, replace=False)
    ]
    states = [State(name=str(place), probability=Fraction(1, 3), demand_factor=factor)
              for place, factor in enumerate(factors)]  # fmt: skip
    environment = replace(environment, states=states)
    limits = choice.Limits(floor=np.full(environment.agents, 0.01), cap=np.full(environment.agents, 0.97))
    for goal in ("mean", "worst"):
        found = best_holdings(environment, goal, limits)
        assert 0 <= found.bound - found.value <= 1e-9 * environment.high
        assert abs(found.value - found.programme) <= 1e-7 * environment.high
        earned = [market.surplus(found.holding) for market in state_markets(environment)]
        again = min(earned) if goal == "worst" else float(np.mean(earned))
        assert again == pytest.approx(found.value, abs=1e-12 * environment.high)
        generator = np.random.default_rng(seed)
        cap = np.min([limits.cap, *(market.demand for market in state_markets(environment))], axis=0)
        for _ in range(20):  # towards other holdings within the limits
            share = generator.random(environment.agents)
            held = found.holding + 0.3 * (np.clip(share * cap, limits.floor, cap) - found.holding)
            reached = [market.surplus(held + (1 - held.sum()) / held.size) for market in state_markets(environment)]
            if np.all(held + (1 - held.sum()) / held.size <= cap):
                assert (min(reached) if goal == "worst" else float(np.mean(reached))) <= found.bound + 1e-9
