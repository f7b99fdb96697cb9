"""Best deviations: against statements on a grid, replayed, and below the certified epsilon."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import bounds, groups
from mechopt.mechanisms.limited_liability.deviation import best_deviation, reachable, replayed, truthful
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.mechanism import run
from mechopt.mechanisms.limited_liability.rules import Rules

Draw = Callable[..., Environment]
FORESEEN: list[dict[str, Any]] = [
    {"variant": "baseline"}, {"variant": "baseline", "payment": "debt"}, {"variant": "consistent"},
    {"variant": "discounted", "discount": "0.9"},
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_what_is_reachable_is_what_some_statement_brings_about(seed: int) -> None:
    """Statements of a grid reach nothing else, and each combination is brought about by its own statement."""
    rng = np.random.default_rng(seed)
    values = rng.random((3, 3))
    combinations, stated = reachable(values, 1, 1.0)
    found = {tuple(row) for row in combinations.tolist()}
    grid = np.array(list(itertools.product(np.linspace(0, 1, 15), repeat=3)))
    tried = np.repeat(values[None], len(grid), axis=0)
    tried[:, 1] = grid
    assert {tuple(row) for row in groups.decisions(tried).tolist()} <= found
    for combination, said in zip(combinations.tolist(), stated, strict=True):
        own = values.copy()
        own[1] = said
        totals = np.array(list(groups.without_each(own, 0)))
        for group, decision in enumerate(combination):
            assert totals[group, decision] >= totals[group].max() - 1e-9


@pytest.mark.parametrize("options", FORESEEN, ids=lambda options: "-".join(str(v) for v in options.values()))
def test_no_statement_on_a_grid_does_better(draw: Draw, options: dict[str, Any]) -> None:
    environment = draw(7, periods=3, agents=2, decisions=2, options=options)
    found = best_deviation(environment, 0)
    assert found.exact
    grid = [np.array(pair) for pair in itertools.product((0.0, 0.5, 1.0), repeat=2)]
    best = max(replayed(environment, 0, np.array(said)) for said in itertools.product(grid, repeat=3))
    assert found.payoff >= best - 1e-9
    assert found.payoff >= found.truth == truthful(environment, 0)


@pytest.mark.parametrize("options", FORESEEN, ids=lambda options: "-".join(str(v) for v in options.values()))
def test_the_path_found_is_replayed_and_stays_below_epsilon(draw: Draw, options: dict[str, Any]) -> None:
    for seed in range(3):
        environment = draw(seed, periods=5, agents=2, decisions=3, options=options)
        found = best_deviation(environment, 1)
        assert replayed(environment, 1, found.stated) == pytest.approx(found.payoff, abs=1e-9)
        assert 0 <= found.gain <= bounds.certified(environment.rules, 5).epsilon
        assert found.decisions.shape == (5, 3)


def test_a_beam_is_a_lower_bound_and_says_so(draw: Draw) -> None:
    environment = draw(2, periods=5, agents=2, decisions=3)
    whole = best_deviation(environment, 0)
    beam = best_deviation(environment, 0, most_states=20)
    assert whole.exact
    assert not beam.exact
    assert whole.truth - 1e-12 <= beam.payoff <= whole.payoff
    assert beam.states == 20 < whole.states


def test_constant_values_leave_nothing_to_gain() -> None:
    """The research notes: with constant values the best deviation over ten periods gains nothing."""
    values = np.array([[[0.4, 0.0], [0.0, 0.6]]] * 10)
    environment = Environment(rules=Rules(variant="baseline", agents=2), values=values, outputs=values)
    found = best_deviation(environment, 1)
    assert found.exact
    assert found.gain == pytest.approx(0, abs=1e-9)
    assert found.payoff == pytest.approx(replayed(environment, 1, found.stated), abs=1e-9)


def test_payoffs_of_the_truth_are_the_mean_over_draws(draw: Draw) -> None:
    environment = draw(3, periods=5, agents=2, decisions=2)
    periods = run(environment).tables["periods"]
    shares, due = np.asarray(periods["probability"]), np.asarray(periods["expected_transfer"])
    chosen = groups.decisions(environment.values)
    outputs = groups.taken(environment.outputs, chosen)[:, :, 0]
    assert truthful(environment, 0) == pytest.approx(float((shares * outputs).sum() - due[:, 0].sum()))


def test_variants_that_depend_on_the_draw_are_refused(draw: Draw) -> None:
    for variant in ("exploration", "bounded_values", "pivot", "strategic"):
        environment = draw(0, periods=2, options={"variant": variant})
        with pytest.raises(InstanceError, match="a best deviation is searched for baseline"):
            best_deviation(environment, 0)
    many = draw(0, periods=2, agents=4, decisions=12)
    with pytest.raises(InstanceError, match="too many to search"):
        best_deviation(replace(many), 0)
