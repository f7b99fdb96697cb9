"""The programs of models/forward_market against the engine on 210 random instances, and what no optimum compares."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt import catalog, formulation
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.holdings import best
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.schedule import Programs
from mechopt.mechanisms.forward_market.tariff import Tariff

pytest.importorskip("pyomo.environ")
cp = pytest.importorskip("cvxpy")


def with_values(environment: Any, seed: int) -> Any:
    """Values on a lattice of the support, so that some are equal."""
    rng = np.random.default_rng(seed)
    low, high = environment.support
    steps = rng.integers(0, 9, environment.agents).tolist()
    return dataclasses.replace(environment, values=[low + (high - low) * Fraction(step, 8) for step in steps])


def agree(name: str, environment: Any, **options: Any) -> float:
    """Build, solve, hold against the engine; gives the optimum."""
    chosen, _ = formulation.choose("forward_market", name)
    given = formulation.settings(chosen, options)
    found = formulation.optimum(chosen.build(environment, **given))
    finding = formulation.compare(chosen, environment, given, found)
    assert finding is not None
    assert finding.holds, finding
    return found


@pytest.mark.parametrize("seed", range(50))
def test_the_efficient_allocation(draw: Any, seed: int) -> None:
    agree("allocation_lp", with_values(draw(seed), seed))


@pytest.mark.parametrize("seed", range(30))
def test_the_best_holdings_up_to_the_demands(draw: Any, seed: int) -> None:
    environment = draw(seed)
    agree("holdings", environment, cap=[1.0, 0.6][seed % 2] if environment.demands.clip(max=0.6).sum() > 1 else 1.0)


@pytest.mark.parametrize("seed", range(40))
def test_the_best_holdings_with_corners(draw: Any, seed: int) -> None:
    agree("corners_milp", draw(seed), cap=[1.0, 0.8][seed % 2] if draw(seed).agents > 2 else 1.0)


def test_some_of_these_instances_have_their_optimum_in_a_corner(draw: Any) -> None:
    cornered = [bool(best(Market(draw(seed))).corners) for seed in range(0, 40, 2)]
    assert 5 <= sum(cornered) < 20


@pytest.mark.parametrize("seed", range(40))
def test_the_tariff_that_pays_out_least(draw: Any, seed: int) -> None:
    agree("tariff_lp", draw(seed))


@pytest.mark.parametrize("seed", range(20))
def test_the_flattest_price_of_the_paper_s_family(draw: Any, seed: int) -> None:
    agree("family_qp", draw(seed))


@pytest.mark.parametrize("seed", range(8))
def test_the_smoothest_price_of_the_engine_is_that_of_the_quadratic_program(draw: Any, seed: int) -> None:
    agree("tariff_qp", draw(seed), generous=1.0 + seed % 4 / 4)


@pytest.mark.parametrize("seed", range(30))
def test_the_second_best(draw: Any, seed: int) -> None:
    environment = draw(seed, agents=2 + seed % 2)
    agree("second_best_lp", environment, types=3 + seed % 3, holdings=["endowment", "common"][seed // 2 % 2])


@pytest.mark.parametrize("seed", range(6))
def test_the_smoothest_tariff_keeps_its_promises_and_no_tariff_of_the_engine_is_smoother(draw: Any, seed: int) -> None:
    environment = draw(seed)
    market, programs = Market(environment), Programs(Market(environment))
    least = programs.least_subsidy().subsidy
    chosen, _ = formulation.choose("forward_market", "tariff_qp")
    program = chosen.build(environment, generous=1.5)
    optimum = formulation.optimum(program)
    (variable,) = program.variables()
    price = np.maximum.accumulate(np.asarray(variable.value)) * environment.high
    forward = Forward(market, Tariff(knots=programs.knots.tolist(), prices=price.tolist(), kind="block"))
    assert forward.nash_gap().gain <= 1e-6 * environment.high
    assert -forward.budget() <= 1.5 * least + 1e-6 * environment.high

    def roughness(prices: Any) -> float:
        apart = programs.knots[2:] - programs.knots[:-2]
        return float((np.diff(np.asarray(prices) / environment.high) ** 2 / apart).sum())

    assert roughness(price) == pytest.approx(optimum, rel=1e-4, abs=1e-7)
    for other in (programs.smoothest(1.5 * least + 1e-9), programs.least_subsidy()):
        assert optimum <= roughness(other.tariff.prices) + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_the_balance_that_proposition_4_asks_for_is_infeasible(draw: Any, seed: int) -> None:
    """The quadratic program with sum C(e_i - r_i*) <= 0 has no solution; without that row it has one."""
    environment = draw(seed)
    module = catalog.load(catalog.programs()["forward_market/tariff_program"])
    data = module.data_of(Market(environment))
    program = module.build_smooth(environment, 1.5)
    (price,) = program.variables()
    balanced = cp.Problem(program.objective, [*program.constraints, cp.sum(data.blocks[data.place] @ price) <= -1e-6])
    balanced.solve(solver=cp.CLARABEL)
    assert balanced.status in (cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE)


def test_the_cost_matrix_integrates_the_price(draw: Any) -> None:
    module = catalog.load(catalog.programs()["forward_market/tariff_program"])
    data = module.data_of(Market(draw(1)))
    price = np.linspace(1, 2, data.knot.size - 1)
    tariff = Tariff(knots=data.knot.tolist(), prices=price.tolist(), kind="block")
    np.testing.assert_allclose(data.blocks @ price, tariff.cost(data.knot), atol=1e-13)


def test_the_programs_own_sums_and_integrals_are_the_engine_s(draw: Any) -> None:
    module = catalog.load(catalog.programs()["forward_market/holdings_program"])
    for seed in range(6):
        environment = draw(seed)
        market, outside = Market(environment), module.Outside(environment)
        types = np.linspace(environment.low, environment.high, 23)
        found = market.interim.at(types)
        q, idle = outside.interim(types)
        np.testing.assert_allclose(q.T, market.interim.spread(found.value), atol=1e-13)
        np.testing.assert_allclose(idle, found.idle, atol=1e-13)
        some = types[np.arange(environment.agents) * 3 + 2]
        np.testing.assert_allclose(
            outside.integral(some), market.curves.integral(market.interim.class_of, some), atol=1e-7 * environment.high
        )


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("allocation_lp", {}, "values: the program allocates at realised values"),
        ("holdings", {"cap": 0.1}, "cap: the caps leave"),
        ("holdings", {"cap": 0.0}, "cap: must be above 0"),
        ("corners_milp", {"cap": 0.1}, "cap: the caps leave"),
        ("second_best_lp", {"types": 1}, "types: at least 2 types"),
        ("second_best_lp", {"types": 400}, "types: 400 types of 2 agents make too many"),
        ("second_best_lp", {"holdings": "none"}, 'holdings: must be "endowment" or "common"'),
        ("tariff_qp", {"generous": 0.5}, "generous: a subsidy below the least"),
    ],
)
def test_what_cannot_be_built_is_named(build: Any, name: str, options: Any, words: str) -> None:
    chosen, _ = formulation.choose("forward_market", name)
    with pytest.raises(InstanceError, match=words):
        chosen.build(build([1, "1/2"], [1, 0]), **formulation.settings(chosen, options))


def test_too_many_agents_are_refused(build: Any) -> None:
    crowd = build([Fraction(1, 6)] * 13, [Fraction(1, 13)] * 13)
    with pytest.raises(InstanceError, match="at most 12, not 13"):
        formulation.choose("forward_market", "holdings")[0].build(crowd, cap=1.0)
