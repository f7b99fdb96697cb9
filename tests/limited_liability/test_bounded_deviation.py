"""Best deviations under Appendix A.1: the program against the search on a grid, and replayed by the protocol."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt import formulation
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import bounds
from mechopt.mechanisms.limited_liability.bounded_deviation import bounded, grid_deviation, replayed
from mechopt.mechanisms.limited_liability.environment import Environment

pytest.importorskip("pyomo.environ")

Draw = Callable[..., Environment]


def instance(
    draw: Draw, seed: int, periods: int, *, use_b: bool = True, outputs_as_stated: bool = False
) -> Environment:
    """Two agents, two decisions, eighths: no regret comes near 0 without being 0."""
    options = {"variant": "bounded_values", "use_regret_b": use_b}
    base = draw(seed, periods=periods, agents=2, decisions=2, options=options)
    values = np.maximum(np.round(base.values * 8), 1) / 8
    outputs = values if outputs_as_stated else np.round(base.outputs * 8) / 8
    return Environment(rules=base.rules, values=values, outputs=outputs)


def solved(environment: Environment, **options: int) -> tuple[float, Any]:
    program = formulation.choose("limited_liability", "bounded_deviation_milp")[0].build(environment, **options)
    return formulation.optimum(program), program


@pytest.mark.parametrize("use_b", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_the_program_finds_what_the_search_finds(draw: Draw, seed: int, use_b: bool) -> None:
    environment = instance(draw, seed, 3, use_b=use_b, outputs_as_stated=bool(seed % 2))
    for agent in (1, 2):
        found, _ = solved(environment, agent=agent, periods=3, steps=4)
        search = grid_deviation(environment, agent - 1, 4)
        assert found == pytest.approx(float(search.payoff), abs=1e-6)
        assert replayed(environment, agent - 1, search.stated) == search.payoff


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_statements_off_the_grid_earn_at_least_as_much_and_are_replayed(draw: Draw, seed: int) -> None:
    environment = instance(draw, seed, 3)
    found, program = solved(environment, agent=1, periods=3, steps=0)
    assert found >= float(grid_deviation(environment, 0, 4).payoff) - 1e-6
    assert found >= float(grid_deviation(environment, 0, 8).truth) - 1e-6
    stated = [[Fraction(min(max(program.stated[t, a].value, 0.0), 1.0)) for a in range(2)] for t in range(3)]
    assert float(replayed(environment, 0, stated)) == pytest.approx(found, abs=1e-5)


def test_no_deviation_gains_more_than_is_certified(draw: Draw) -> None:
    for seed in range(3):
        environment = instance(draw, seed, 3, outputs_as_stated=True)
        search = grid_deviation(environment, 0, 4)
        certified = bounds.certified(bounded(environment), 3, value_floor=0.125).epsilon
        assert search.truth <= search.payoff
        assert float(search.payoff - search.truth) / 3 <= certified


def test_what_is_out_of_reach_is_said(draw: Draw) -> None:
    environment = instance(draw, 0, 3)
    for key, options in (
        ("agent", {"agent": 3, "periods": 2, "steps": 2}),
        ("periods", {"agent": 1, "periods": 4, "steps": 2}),
        ("steps", {"agent": 1, "periods": 2, "steps": -1}),
    ):
        with pytest.raises(InstanceError) as caught:
            solved(environment, **options)
        assert caught.value.key == key
    with pytest.raises(InstanceError, match="no grid"):
        grid_deviation(environment, 0, 0)
    with pytest.raises(InstanceError, match="coarser grid"):
        grid_deviation(environment, 0, 300)
    with pytest.raises(InstanceError, match="at most 200"):
        solved(draw(0, periods=40, agents=3, decisions=3), agent=1, periods=40, steps=0)
