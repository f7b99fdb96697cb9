"""Anticipated states: the mean over them by brute force, holdings with one marginal value, equilibrium, money."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import mechopt
from mechopt.distributions import Power, Uniform
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market import subsets
from mechopt.mechanisms.forward_market.anticipated import Anticipated, common_value, room
from mechopt.mechanisms.forward_market.environment import Environment, State
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.schedule import Programs
from mechopt.mechanisms.forward_market.settlement import balance_certificate, no_free_lunch, settle
from mechopt.mechanisms.forward_market.tariff import Tariff
from mechopt.mechanisms.forward_market.uncertainty import best_holdings

Floats = np.ndarray[Any, np.dtype[np.float64]]
SEEDS = range(10)


def with_states(environment: Environment, *states: tuple[Any, Any]) -> Environment:
    """Chances and demand factors."""
    rows = [
        State(name=f"state {place}", probability=Fraction(chance), demand_factor=Fraction(factor))
        for place, (chance, factor) in enumerate(states)
    ]
    return replace(environment, states=rows, anticipated=True)


def scarce(environment: Environment, seed: int) -> Environment:
    """Two or three states; in all of them the demands exceed the supply, by little in the first."""
    rng = np.random.default_rng(seed)
    low, high = 1 / sum(environment.demand), 1 / max(environment.demand)
    first = low + (high - low) * Fraction(1, 5)
    factors = [first, Fraction(1), low + (high - low) * Fraction(int(rng.integers(2, 6)), 5)][: 2 + seed % 2]
    weights = rng.integers(1, 5, len(factors)).tolist()
    return with_states(environment, *((Fraction(w, sum(weights)), f) for w, f in zip(weights, factors, strict=True)))


def worth(environment: Environment, agent: int, holdings: Floats, *, points: int = 2001) -> Floats:
    """Mean over the states of pi_i, up to a constant: the least over a fine grid of types of area under q less t r."""
    types = np.linspace(environment.low, environment.high, points)
    below = np.array([law.cdf(types) for law in environment.distribution]).T
    total = np.zeros(holdings.size)
    for state in environment.states:
        demand = [float(value) for value in environment.in_state(state)]
        q = np.array([subsets.allocation(agent, row, demand) for row in below.tolist()])
        area = np.concatenate([[0.0], np.cumsum((q[1:] + q[:-1]) / 2 * np.diff(types))])
        usable = np.minimum(holdings, demand[agent])
        total -= float(state.probability) * (area[:, None] - types[:, None] * usable).min(axis=0)
    return total


@pytest.mark.parametrize("seed", range(4))
def test_the_mean_payoff_is_that_of_a_sum_over_sets_and_a_grid_of_types(draw: Any, seed: int) -> None:
    environment = scarce(draw(seed, agents=3), seed)
    prospect = Anticipated(environment)
    holdings = np.linspace(0.0, 1.0, 41)
    for agent in range(3):
        brute = worth(environment, agent, holdings)
        ours = prospect.payoff(agent, holdings)
        assert np.abs((ours - ours[0]) - (brute - brute[0])).max() <= 3e-6 * prospect.high


@pytest.mark.parametrize("seed", SEEDS)
def test_the_marginal_value_is_the_slope_of_the_payoff_on_either_side(draw: Any, seed: int) -> None:
    environment = scarce(draw(seed), seed)
    prospect = Anticipated(environment)
    step = 1e-7
    for agent in prospect.representatives:
        limits = np.array([limit for limit, _ in prospect.limits(agent)])
        points = np.unique(np.concatenate([np.linspace(0.011, 0.987, 23), limits[limits < 1 - step]]))
        for side, to in (("left", -step), ("right", step)):
            slope = (prospect.payoff(agent, points + to) - prospect.payoff(agent, points)) / to
            ours = prospect.marginal_value(agent, points, side=side)  # type: ignore[arg-type]  # one of two literals
            # Convex in between: the slope of the chord is between those at its ends.
            other = prospect.marginal_value(agent, points + to, side="right" if side == "left" else "left")
            low, high = (other, ours) if side == "left" else (ours, other)
            assert np.all((slope >= low - 1e-6 * prospect.high) & (slope <= high + 1e-6 * prospect.high))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_holdings_have_one_marginal_value_and_earn_most_on_average(draw: Any, seed: int) -> None:
    """The root against cutting planes, and the value of every agent below his limits."""
    environment = scarce(draw(seed), seed)
    prospect = Anticipated(environment)
    held, most = prospect.target, room(prospect.markets)
    assert held.sum() == pytest.approx(1, abs=1e-13)
    assert np.all(held <= most + 1e-15)
    value = prospect.worst_off_types(held)
    assert np.all(value <= prospect.price + 1e-9 * prospect.high)
    free = ~prospect.at_limit
    assert np.abs(value[free] - prospect.price).max(initial=0.0) <= 1e-9 * prospect.high
    cuts = best_holdings(environment, "mean")
    assert prospect.surplus_at_target == pytest.approx(cuts.value, abs=2e-8 * prospect.high)
    assert prospect.surplus_at_target <= cuts.bound + 1e-9 * prospect.high


def test_one_state_is_the_market_itself(draw: Any) -> None:
    from mechopt.mechanisms.forward_market.market import Market

    for seed in SEEDS:
        environment = with_states(draw(seed), (1, 1))
        prospect, market = Anticipated(environment), Market(environment)
        assert prospect.target == pytest.approx(market.common.holding, abs=1e-11)
        assert prospect.price == pytest.approx(market.common.type, abs=1e-10 * market.high)
        assert prospect.surplus_at_target == pytest.approx(market.surplus_at_common, abs=1e-12 * market.high)
        ours, theirs = Programs(prospect).least_subsidy(), Programs(market).least_subsidy()
        assert ours.subsidy == pytest.approx(theirs.subsidy, abs=1e-7 * market.high)


@pytest.mark.parametrize("agents", [2, 3, 4])
def test_identical_agents_hold_equal_shares_and_every_state_operates(build: Any, agents: int) -> None:
    """Section 5.1 and Corollary 1, P(0) being the mean of the states' common worst-off types."""
    law = Power(p=2, low=1, high=3)
    endowment = [1] + [0] * (agents - 1)
    base = build([Fraction(3, 4)] * agents, endowment, [law] * agents, (1, 3))
    prospect = Anticipated(with_states(base, ("1/4", "4/5"), ("3/4", "4/3")))
    assert prospect.target == pytest.approx(np.full(agents, 1 / agents), abs=1e-13)
    hats = [market.common.type for market in prospect.markets]
    assert prospect.price == pytest.approx(0.25 * hats[0] + 0.75 * hats[1], abs=1e-11)
    assert prospect.surpluses(prospect.target).min() > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_designed_tariff_makes_them_an_equilibrium_by_brute_force(draw: Any, seed: int) -> None:
    """A grid of demands against payoffs from sums over all sets; every budget of the settlement."""
    environment = scarce(draw(seed, agents=2 + seed % 2), seed)
    prospect = Anticipated(environment)
    forward = Forward(prospect, Programs(prospect).least_subsidy().tariff)
    tolerance = 1e-9 * prospect.high
    assert max(found.bound for found in forward.best_deviations()) <= tolerance
    demands = np.linspace(0.0, 1.0, 201)
    for agent in prospect.representatives:
        held = prospect.target[agent]
        value = worth(environment, agent, np.append(demands, held))
        gain = value[:-1] - value[-1] - forward.tariff.cost(demands - held)
        assert gain.max() <= 2e-6 * prospect.high
    proof = balance_certificate(prospect)
    assert 0 <= proof.deficit <= -forward.budget() + tolerance
    assert no_free_lunch(prospect, forward) >= -tolerance
    settled = settle(prospect, forward)
    assert (settled.forward_payment + settled.fee).sum() == pytest.approx(0, abs=1e-11 * prospect.high)
    assert settled.gain.sum() == pytest.approx(prospect.welfare - prospect.outside_payoffs.sum(), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_on_deviations_covers_a_fine_grid_of_any_tariff(draw: Any, seed: int) -> None:
    """Prices at random, so that deviations pay, also across the demands of the states."""
    prospect = Anticipated(scarce(draw(seed), seed))
    rng = np.random.default_rng(seed)
    tariff = Tariff(knots=np.sort(rng.uniform(-1, 1, 5)).tolist(),
                    prices=np.sort(rng.uniform(prospect.low, prospect.high, 5)).tolist())  # fmt: skip
    for found in Forward(prospect, tariff).best_deviations():
        held = float(prospect.target[found.agent])
        y = np.linspace(-held, 1 - held, 4001)
        net = prospect.payoff(found.agent, held + y) - prospect.payoff(found.agent, np.array([held])) - tariff.cost(y)
        assert net.max() <= found.bound + 1e-12 * prospect.high
        assert found.bound - found.gain <= 1e-9 * prospect.high


def test_proposition_6_s_price_fails_where_a_state_is_not_scarce(build: Any) -> None:
    """U[1, 2], k in {2/5, 1}: the true marginal value at 1/2 is 3/4, the paper's P(0) is 5/4, and an agent gains."""
    environment = with_states(build([1, 1], ["3/5", "2/5"], [Uniform(low=1, high=2)] * 2, (1, 2)),
                              ("1/2", "2/5"), ("1/2", 1))  # fmt: skip
    prospect = Anticipated(environment)
    assert prospect.target == pytest.approx([0.5, 0.5])
    assert prospect.price == pytest.approx(3 / 4, abs=1e-12)
    printed = Forward(prospect, Tariff(knots=[-0.5, 0.5], prices=[5 / 4 - 1, 5 / 4 + 1]))
    assert printed.nash_gap().gain == pytest.approx(17 / 400, abs=1e-12)
    repaired = Forward(prospect, Programs(prospect).least_subsidy().tariff)
    assert max(found.bound for found in repaired.best_deviations()) <= 1e-9


def test_no_common_value_is_refused_where_supply_is_left_over_for_agents_who_differ(build: Any) -> None:
    environment = with_states(build([1, "1/2"], [1, 0], [Uniform(low=1, high=2)] * 2, (1, 2)),
                              ("1/2", "1/2"), ("1/2", 1))  # fmt: skip
    with pytest.raises(InstanceError, match="one marginal value"):
        _ = Anticipated(environment).target


def test_at_a_limit_the_last_unit_is_worth_less_and_the_tariff_still_holds(build: Any) -> None:
    """A rare state with small demands: who wants most holds all that he can use in it."""
    environment = with_states(
        build([1, "1/2", "1/2"], ["1/3"] * 3, [Power(p=9), Power(p="1/4"), Power(p="1/4")]),
        ("1/20", "3/5"),
        ("19/20", 1),
    )
    prospect = Anticipated(environment)
    assert prospect.at_limit.tolist() == [True, False, False]
    assert prospect.worst_off_types(prospect.target)[0] < prospect.price - 1e-3
    forward = Forward(prospect, Programs(prospect).least_subsidy().tariff)
    assert max(found.bound for found in forward.best_deviations()) <= 1e-9
    assert balance_certificate(prospect).deficit <= -forward.budget() + 1e-9
    outcome = mechopt.mechanisms.get("forward_market").run(environment)
    assert any("least demand of the states" in line for line in outcome.warnings)


@pytest.mark.parametrize("weights", [[0.2, 0.8], [1.0, 0.0], [3.0, 1.0]])
def test_the_root_does_not_need_weights_that_sum_to_one(draw: Any, weights: list[float]) -> None:
    prospect = Anticipated(scarce(draw(2), 2))
    agents, most = prospect.environment.agents, room(prospect.markets)
    held, value = common_value(prospect.markets[:2], np.array(weights), np.zeros(agents), most)
    again, half = common_value(prospect.markets[:2], np.array(weights) / 2, np.zeros(agents), most)
    assert held == pytest.approx(again, abs=1e-12)
    assert value == pytest.approx(2 * half, abs=1e-10 * prospect.high)


def _document(**extra: Any) -> dict[str, Any]:
    agents = [
        {"name": name, "demand": demand, "endowment": owned, "distribution": {"family": "uniform"}}
        for name, demand, owned in (("a", "3/4", 1), ("b", "1/2", 0), ("c", "1/2", 0))
    ]
    states = [
        {"state": "slack", "probability": "1/3", "demand_factor": "4/5"},
        {"state": "tight", "probability": "2/3", "demand_factor": "5/4"},
    ]
    return {"mechanism": "forward_market", "agents": agents, "states": states, **extra}


def test_solve_and_check_an_anticipated_document() -> None:
    document = _document(anticipated=True, values=[0.2, 0.5, 0.9], arithmetic="exact")
    outcome = mechopt.solve(document)
    surplus = np.array(outcome.tables["states"]["surplus_at_holding"])
    assert float(np.array([1 / 3, 2 / 3]) @ surplus) == pytest.approx(outcome.summary["surplus_at_holding"])
    assert all(finding.holds for finding in mechopt.check(document).checks)
    assert any("no exact arithmetic for a mean" in line for line in outcome.warnings)
    surprise = mechopt.solve(_document())
    assert surprise.summary["worst_off_type"] != pytest.approx(outcome.summary["worst_off_type"], abs=1e-3)


@pytest.mark.parametrize(
    "change", [("agents", "holding"), ("summary", "worst_off_type"), ("states", "surplus_at_holding")]
)
def test_a_falsified_result_is_found_out(change: tuple[str, str]) -> None:
    document = _document(anticipated=True)
    model = mechopt.load(document)
    outcome = mechopt.solve(model)
    table, name = change
    if table == "summary":
        outcome = replace(outcome, summary={**outcome.summary, name: float(outcome.summary[name]) + 0.01})
    else:
        values = np.array(outcome.tables[table][name], dtype=np.float64)
        values += np.array([0.02, -0.02, 0.0])[: values.size]
        outcome = replace(outcome, tables={**outcome.tables, table: {**outcome.tables[table], name: values.tolist()}})
    findings = mechopt.mechanisms.get("forward_market").check(model.environment, outcome)
    assert not all(finding.holds for finding in findings)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"states": None}, "needs states of the world to anticipate"), ({"anticipated": "yes"}, "anticipated")],
)
def test_bad_input_names_the_key(change: dict[str, Any], words: str) -> None:
    document = {**_document(anticipated=True), **change}
    document = {key: value for key, value in document.items() if value is not None}
    with pytest.raises(InstanceError, match=words):
        mechopt.load(document)


def test_pictures_of_anticipated_states_are_drawn() -> None:
    model = mechopt.load(_document(anticipated=True))
    outcome = mechopt.solve(model)
    found = mechopt.mechanisms.get("forward_market").pictures(model.environment, outcome)
    assert "Mean marginal values over the states, and holdings" in [picture.title for picture in found]
    assert len(found) == 4


@pytest.mark.parametrize("holdings", ["common", "endowment"])
def test_simulated_rounds_draw_a_state_and_agree_with_the_means(holdings: str) -> None:
    document = _document(anticipated=True, simulate={"rounds": 20_000, "holdings": holdings})
    found = mechopt.simulate(document, seed=4)
    summary, table = found.summary, found.tables["agents"]
    assert abs(summary["budget"] - summary["budget_expected"]) <= 5 * summary["budget_error"]
    assert summary["welfare"] == pytest.approx(summary["welfare_expected"], abs=0.01)
    for name in ("vcg_gain", "agv_gain"):
        gap = np.abs(np.array(table[name]) - np.array(table[f"{name}_expected"]))
        assert np.all(gap <= 5 * np.array(table["gain_error"]) + 0.005)
    assert summary["agv_imbalance"] <= 1e-12
