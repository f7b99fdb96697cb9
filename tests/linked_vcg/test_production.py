"""Many reports in one batch against one report after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mechopt.mechanisms.linked_vcg.deviations import deviations
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.production import Production

Draw = Callable[..., Environment]


@pytest.mark.parametrize("seed", range(8))
def test_payoffs_of_many_reports_are_those_of_each(draw: Draw, seed: int) -> None:
    environment = draw(seed, types=4 + seed % 4, discount=[1.0, 0.8][seed % 2],
                       **({"digits": 2, "arithmetic": "exact"} if seed % 4 == 3 else {}))  # fmt: skip
    production = Production(environment, seed % 4)
    reports = np.array([report for _, report in deviations(environment, seed % 4, production.truth, count=24, seed=0)])
    own, left = production.payoffs(reports)
    for number, report in enumerate(reports):
        expected = production.payoff(report)
        assert own[number] == pytest.approx(expected[0], abs=1e-8)
        assert left[number] == pytest.approx(expected[1], abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_comparing_reports_solves_every_pair(draw: Draw, seed: int) -> None:
    environment = draw(seed, dates=2)
    production = Production(environment, 1)
    reports = production.truth * np.array([1.0, 0.5, 0.9])[:, None, None]
    gain, unlinked = production.compare(reports)
    for told in range(3):
        served = [production.served(date, reports[told, date]) for date in range(2)]
        assert unlinked[told] == pytest.approx(sum(left for _, left in served), abs=1e-8)
        for true in range(3):
            expected = 0.0
            for date, (projects, _) in enumerate(served):
                alone = production.served(date, reports[true, date])[0].sum()
                earned = projects.sum() if told == true else production.best(
                    projects @ environment.types, reports[true, date])  # fmt: skip
                expected += earned - alone
            assert gain[true, told] == pytest.approx(expected, abs=1e-8)


def test_the_knapsack_of_many_endowments_is_that_of_each(draw: Draw) -> None:
    environment = draw(2, agents=6, types=7)
    solver, endowments = knapsack(environment), environment.endowments.reshape(-1, 7)
    amounts, values = solver.float_amounts_of_many(endowments)
    for endowment, amount, value in zip(endowments, amounts, values, strict=True):
        one = knapsack(environment).float_amounts(endowment)
        assert np.allclose(amount, one[0], atol=1e-8)  # Lemma 1: there is only one
        assert value == pytest.approx(one[1], abs=1e-9)
