"""Values far from 0, in small units of money or with gaps between them; limits that leave one choice."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt import api
from mechopt.certify import Certificate
from mechopt.distributions import Beta, Distribution, Power
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.schedule import Programs
from mechopt.mechanisms.forward_market.uncertainty import best_holdings

Build = Callable[..., Environment]


def environment(build: Build, start: int, excess: Fraction) -> Environment:
    """Four agents with values in [start, start + 1] whose demands exceed the supply by a share."""
    ends = {"low": start, "high": start + 1}
    laws: list[Distribution] = [Beta(a=2, b=1, **ends), Beta(a=1, b=2, **ends), Beta(a=3, b=2, **ends),
                                Power(p=5, **ends)]  # fmt: skip
    demand = [Fraction(part) * (1 + excess) for part in ("7/100", "28/100", "7/100", "58/100")]
    return build(demand, [0, 0, 0, 1], laws, (start, start + 1))


@pytest.mark.parametrize("excess", [Fraction(1, 10), Fraction(1, 1000), Fraction(1, 10**6), Fraction(1, 10**7)])
@pytest.mark.parametrize("start", [1000, 10**4])
def test_the_tariff_pays_out_what_its_program_found(build: Build, start: int, excess: Fraction) -> None:
    """Rows beside 0 were within the solver's tolerance: a price there could be anything, and less was paid out."""
    market = Market(environment(build, start, excess))
    found = Programs(market).least_subsidy()
    digits = 1e-9 if isinstance(found.certificate, Certificate) else 1e-8  # of the high end
    assert abs(found.subsidy - found.optimum) <= digits * market.high
    deviation = max(one.bound for one in Forward(market, found.tariff).best_deviations())
    assert deviation <= 1e-9 * market.high
    assert np.all(np.diff(found.tariff.prices) >= 0)


@pytest.mark.parametrize("excess", [Fraction(1, 10), Fraction(1, 1000)])
def test_the_least_subsidy_does_not_depend_on_where_values_start(build: Build, excess: Fraction) -> None:
    """Prices start at 0: where the cheapest tariff has none below the values, all prices move with them."""
    least = [Programs(Market(environment(build, start, excess))).least_subsidy().subsidy for start in (1, 1000)]
    assert least[1] == pytest.approx(least[0], abs=1e-6)


@pytest.mark.parametrize("goal", ["mean", "worst"])
def test_holdings_for_uncertain_states_do_not_depend_on_the_unit_of_money(goal: Any) -> None:
    """The cutting planes were in money: with values up to 1e-10 the solver's tolerance was larger than the surplus."""
    found = []
    for scale in (1, Fraction(1, 10**10)):
        laws = [{"family": "uniform"}, {"family": "power", "p": 2}, {"family": "uniform"}]
        agents = [
            {"name": name, "demand": demand, "endowment": owned, "distribution": law}
            for name, demand, owned, law in zip("abc", ("2/3", "1/2", "2/5"), (1, 0, 0), laws, strict=True)
        ]
        states = [
            {"state": name, "probability": "1/2", "demand_factor": factor}
            for name, factor in (("low", "4/5"), ("high", "5/4"))
        ]
        document = {"mechanism": "forward_market", "support": [0, str(scale)], "agents": agents, "states": states}
        robust = best_holdings(api.load(document).environment, goal)
        assert robust.bound - robust.value <= 1e-12 * float(scale)
        found.append(robust.value / float(scale))
    assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_a_holding_at_a_gap_between_values_has_the_common_marginal_value() -> None:
    """Where no type is likely the worst-off type jumps: the common value may lie between its ends."""
    gap = {"family": "piecewise_linear", "points": [0, "3/10", "7/10", 1], "levels": [0, "1/2", "1/2", 1]}
    agents = [
        {"name": name, "demand": 1, "endowment": owned, "distribution": law}
        for name, owned, law in (("a", 1, gap), ("b", 0, gap), ("c", 0, {"family": "power", "p": 2}))
    ]
    states = [
        {"state": name, "probability": "1/2", "demand_factor": factor} for name, factor in (("low", "3/5"), ("high", 1))
    ]
    document = {"mechanism": "forward_market", "agents": agents, "states": states, "anticipated": True}
    findings = {found.property: found for found in api.check(document).checks}
    assert findings["common_marginal_value"].holds


def test_floors_that_are_caps_leave_one_choice_and_floors_above_demands_are_named() -> None:
    """The first was a division by 0, the second spoke of caps that sum to 1.6."""
    agents = [{"name": name, "demand": "2/3", "endowment": owned, "distribution": {"family": "uniform"}}
              for name, owned in (("a", 1), ("b", 0), ("c", 0))]  # fmt: skip
    states = [
        {"state": name, "probability": "1/2", "demand_factor": factor} for name, factor in (("x", 1), ("y", "9/10"))
    ]
    document: dict[str, Any] = {"mechanism": "forward_market", "agents": agents, "states": states}
    shares = {"a": "2/5", "b": "3/10", "c": "3/10"}
    found = api.design({**document, "design": {"goal": "worst_state", "floors": shares, "caps": shares}})
    assert found.tables["agents"]["holding"] == pytest.approx([0.4, 0.3, 0.3])
    assert found.summary["operates_in_every_state"] is True
    with pytest.raises(InstanceError, match=r"the floor of a, 0\.65, is above its cap and its demand in"):
        api.design({**document, "design": {"goal": "mean_state", "floors": {"a": "13/20"}}})
    with pytest.raises(InstanceError, match=r"the floors sum to more than the supply: 1\.1"):
        api.design({**document, "design": {"goal": "mean_state", "floors": {"a": "11/20", "b": "11/20"}}})


@pytest.mark.parametrize("goal", ["surplus", "least_trade", "second_best"])
def test_goals_of_one_market_say_that_anticipated_states_are_left_out(goal: str) -> None:
    agents = [{"name": name, "demand": "2/3", "endowment": owned, "distribution": {"family": "uniform"}}
              for name, owned in (("a", 1), ("b", 0))]  # fmt: skip
    states = [{"state": "x", "probability": 1, "demand_factor": 1}]
    document = {"mechanism": "forward_market", "agents": agents, "states": states, "design": {"goal": goal}}
    assert not [line for line in api.design(document).warnings if "anticipated" in line]
    assert [line for line in api.design({**document, "anticipated": True}).warnings if "anticipated" in line]


def test_one_anticipated_state_has_the_price_of_the_market_where_a_worst_off_type_jumps() -> None:
    """q_1 is 1/2 between 3/10 and 7/10, q_2(t) = t: both hold 1/2 at 1/2. The price was the mean of 3/10 and 1/2."""
    gap = {"family": "piecewise_linear", "points": [0, "3/10", "7/10", 1], "levels": [0, "1/2", "1/2", 1]}
    agents = [{"name": name, "demand": 1, "endowment": owned, "distribution": law}
              for name, owned, law in (("a", 1, {"family": "uniform"}), ("b", 0, gap))]  # fmt: skip
    states = [{"state": "x", "probability": 1, "demand_factor": 1}]
    document = {"mechanism": "forward_market", "agents": agents, "states": states}
    for anticipated in (False, True):
        found = api.solve({**document, "anticipated": anticipated})
        assert found.summary["worst_off_type"] == pytest.approx(0.5, abs=1e-12)
        assert all(check.holds for check in api.check({**document, "anticipated": anticipated}).checks)
