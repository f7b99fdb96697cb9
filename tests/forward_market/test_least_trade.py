"""The least trade against a grid of all holdings, above the demands too."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api
from mechopt.distributions import Power
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.trade import least_trade

STEPS = 40


def on_a_grid(market: Market, surplus: float, corners: bool) -> float:
    """The least trade among holdings of 40ths of the supply that earn the surplus; infinite where none do."""
    if market.surplus(market.environment.endowments) >= surplus:
        return 0.0
    agents, best = market.demand.size, np.inf
    for units in product(range(STEPS + 1), repeat=agents - 1):
        if sum(units) > STEPS:
            continue
        held = np.array([*units, STEPS - sum(units)]) / STEPS
        volume = float(np.abs(held - market.environment.endowments).sum()) / 2
        if (corners or np.all(held <= market.demand)) and volume < best and market.surplus(held) >= surplus:
            best = volume
    return best


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), corners=st.booleans())
def test_no_holdings_of_a_grid_are_reached_with_less_trade(draw: Any, seed: int, corners: bool) -> None:
    """Who owns more than he can use was made to sell the rest, even where a little trade of others is enough."""
    rng = np.random.default_rng(seed)
    environment = draw(seed, agents=3)
    market = Market(environment)
    surplus = float(rng.choice([0.0, 0.3, 0.9])) * market.surplus_at_common
    least = on_a_grid(market, surplus, corners)
    try:
        found = least_trade(market, surplus, corners=corners)
    except InstanceError:
        assert least == np.inf
        return
    assert found.volume <= least + 1e-9
    assert found.surplus >= surplus - market.error
    assert abs(found.holding.sum() - 1.0) <= 1e-14
    assert found.holding.min() >= 0
    assert corners or not found.volume or np.all(found.holding <= market.demand + 1e-15)
    assert found.volume == pytest.approx(np.abs(found.holding - environment.endowments).sum() / 2, abs=1e-15)


def test_who_owns_more_than_he_can_use_may_keep_it(build: Any) -> None:
    """Agent 1 owns 3/5 and can use 1/2. All others' sales to him earn more, he need not sell 1/10 first."""
    market = Market(build(["1/2", "9/10", "9/10"], ["3/5", "2/5", 0]))
    now = market.surplus(market.environment.endowments)
    found = least_trade(market, now + 1e-4, corners=True)
    assert 0 < found.volume < 0.01
    assert found.holding[0] > 0.6
    below = least_trade(market, now + 1e-4)
    assert below.volume >= 0.1
    assert below.holding[0] <= 0.5


def test_a_design_says_that_corners_may_need_less_trade() -> None:
    document = dict(api.load("forward_market/emission_permits").document.data)
    below = api.design({**document, "design": {"goal": "least_trade"}})
    above = api.design({**document, "design": {"goal": "least_trade", "corners": True}})
    assert [line for line in below.warnings if "corners = true" in line]
    assert not [line for line in above.warnings if "corners" in line]
    assert above.summary["volume"] < below.summary["volume"] / 10


def test_the_price_of_trade_is_what_a_unit_more_adds(build: Any) -> None:
    """It was the reciprocal."""
    market = Market(build(["9/10", "4/5", "2/3"], [1, 0, 0], [Power(p=2), Power(p=1), Power(p=3)]))
    one, other = (least_trade(market, surplus) for surplus in (0.0, 1e-5))
    assert other.volume > one.volume
    assert (other.surplus - one.surplus) / (other.volume - one.volume) == pytest.approx(one.price, rel=1e-3)


def test_values_far_from_0_do_not_cost_the_surplus_asked_for(build: Any) -> None:
    market = Market(build(["3/5"] * 4, ["1/2", 0, 0, "1/2"], support=(1000, 1001)))
    found = least_trade(market, 0.5 * market.surplus_at_common)
    assert found.surplus >= 0.5 * market.surplus_at_common - market.error


def design(**wish: Any) -> Any:
    uniform = {"family": "uniform"}
    agents = [{"name": name, "demand": "3/5", "endowment": "1/4", "distribution": uniform} for name in "abcd"]
    return api.design({"mechanism": "forward_market", "agents": agents, "design": {"goal": "surplus", **wish}})


def test_floors_of_groups_that_need_more_than_the_supply_are_refused() -> None:
    """They were taken, and not kept."""
    groups = [{"members": ["a", "b"], "floor": "9/20"}, {"members": ["c", "d"], "floor": "3/5"}]
    with pytest.raises(InstanceError, match=r"floors of groups and of others sum to more than the supply: 1\.05"):
        design(groups=groups)
    with pytest.raises(InstanceError, match="floors of groups and of others"):
        design(groups=groups[:1], floors={"c": "3/10", "d": "3/10"})


def test_corners_and_groups_together_are_refused() -> None:
    """The corners were left out without a word where the interior holdings kept the quotas."""
    with pytest.raises(InstanceError, match="cannot be combined"):
        design(corners=True, groups=[{"members": ["a", "b"], "cap": "3/5"}])
