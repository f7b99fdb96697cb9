"""Closed-form brackets of transfers: against the engine, which searches where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.linked_vcg.brackets import bracket, date_rewards
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, run
from mechopt.mechanisms.linked_vcg.ordered import retract


@pytest.mark.parametrize("seed", range(24))
def test_the_bracket_holds_the_engines_transfer_and_is_it_for_price_takers(draw: Any, seed: int) -> None:
    agents, resources, dates = [3, 6, 12, 30][seed % 4], 1 + seed % 3, 1 + seed % 4
    environment = draw(seed, agents=agents, dates=dates, types=resources + 3, resources=resources,
                       discount=[1, 0.9][seed % 2])  # fmt: skip
    reports, _ = retract(environment.endowments, environment.lower, environment.upper)
    outcome = run(environment)
    solver, budget = knapsack(environment), dates * environment.upper
    found = bracket(
        [
            date_rewards(reports[:, date], budget, solver.invest(reports[:, date].sum(axis=0)), environment.types,
                         least=environment.lower if dates == 1 else None)
            for date in range(dates)
        ],
        budget, reports.sum(axis=1), discount=environment.discount,
    )  # fmt: skip
    last = environment.discount ** (dates - 1)
    table: dict[str, Any] = {name: np.asarray(column) for name, column in outcome.tables["agents"].items()}
    low, high = last * table["linked_low"], last * table["linked_high"]
    takers = table["method"] == "price_taking"
    assert np.array_equal(found.takers, takers)
    slack = 1e-7 * (1 + high)
    assert np.all(found.linked_low <= high + slack)
    assert np.all(found.linked_high >= low - slack)
    for values in (found.linked_low, found.linked_high, found.estimate):
        np.testing.assert_allclose(values[takers], high[takers], atol=1e-9)
    np.testing.assert_allclose(found.unlinked, last * table["unlinked_transfer"])
    np.testing.assert_allclose(found.own, table["contribution"])
    assert found.surplus == pytest.approx(float(outcome.summary["surplus"]))
    # No more than the corrected first part of Lemma 6 says.
    assert np.all(found.linked_high <= budget.sum(axis=1) + slack)


def test_width_and_timing_part_the_estimate(draw: Any) -> None:
    """With tight bounds only the prices' part is left; with one price only the width's."""
    environment = draw(4, agents=25, dates=3, types=5, resources=2)
    tight = replace(environment, upper=environment.endowments.mean(axis=1), lower=np.zeros_like(environment.lower))
    solver = knapsack(environment)

    def found(reports: Any, upper: Any) -> Any:
        budget = reports.shape[1] * upper
        dates = [
            date_rewards(reports[:, date], budget, solver.invest(reports[:, date].sum(axis=0)), environment.types)
            for date in range(reports.shape[1])
        ]
        return bracket(dates, budget, reports.sum(axis=1), discount=1.0)

    by_prices = found(tight.endowments, tight.upper)
    np.testing.assert_allclose(by_prices.width, 0, atol=1e-12)
    same = np.repeat(environment.endowments[:, :1], 3, axis=1)
    by_width = found(same, same.mean(axis=1) * 1.1)
    assert by_width.takers.sum() > 15
    np.testing.assert_allclose(by_width.timing[by_width.takers], 0, atol=1e-12)
    assert by_width.width.sum() > 0
