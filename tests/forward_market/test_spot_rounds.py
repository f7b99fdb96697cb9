"""The simulate verb: means beside expectations, the same numbers whoever draws, interruption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mechopt import api
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market import rounds
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.spot import Spot, allocate, allocate_each

DOCUMENT: dict[str, Any] = {
    "mechanism": "forward_market",
    "support": [1, 3],
    "agents": [
        {"name": "a", "demand": 0.6, "endowment": 0.9, "distribution": {"family": "beta", "a": 2, "b": 1}},
        {"name": "b", "demand": 0.5, "endowment": 0.1, "distribution": {"family": "uniform"}},
        {"name": "c", "demand": 0.4, "endowment": 0, "distribution": {"family": "power", "p": 0.5}},
    ],
}


@pytest.mark.parametrize("holdings", ["common", "endowment"])
def test_means_meet_their_expectations(holdings: str) -> None:
    outcome = api.simulate(DOCUMENT | {"simulate": {"rounds": 20_000, "holdings": holdings}}, seed=3)
    summary, table = outcome.summary, outcome.tables["agents"]
    assert abs(summary["budget"] - summary["budget_expected"]) <= 5 * summary["budget_error"]
    assert summary["welfare"] == pytest.approx(summary["welfare_expected"], abs=0.03)
    assert summary["agv_imbalance"] < 1e-10
    error = np.asarray(table["gain_error"])
    assert np.all(np.abs(np.asarray(table["agv_gain"]) - table["agv_gain_expected"]) <= 5 * error)
    assert np.asarray(table["agv_gain_expected"]).sum() == pytest.approx(
        np.asarray(table["vcg_gain_expected"]).sum() + summary["budget_expected"]
    )
    assert (summary["rounds_with_deficit"] == 0) == (holdings == "common")  # Proposition 1, ex post


@pytest.mark.slow
def test_two_processes_draw_the_same_rounds() -> None:
    asked = DOCUMENT | {"simulate": {"rounds": 5000}}
    one, two = (api.simulate(asked, seed=1, workers=workers) for workers in (1, 2))
    assert one.summary == two.summary
    assert api.simulate(asked, seed=2).summary != one.summary


def test_an_interrupted_run_reports_what_is_finished() -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    outcome = api.simulate(DOCUMENT | {"simulate": {"rounds": 9000}}, progress=stop)
    assert outcome.status == "interrupted"
    assert outcome.summary["rounds"] == 2 * rounds.BLOCK


def test_a_wrong_table_is_refused() -> None:
    for table, word in (({"rounds": 1}, "rounds"), ({"rounds": 10, "holdings": "mine"}, "holdings"), ({"n": 1}, "n")):
        with pytest.raises(InstanceError, match=word):
            api.simulate(DOCUMENT | {"simulate": table})


def test_profiles_in_bulk_are_profiles_one_by_one() -> None:
    market = Market(api.load(DOCUMENT).environment)
    spot = Spot(market=market, holding=market.environment.endowments)
    values = np.random.default_rng(0).uniform(1, 3, (50, 3))
    np.testing.assert_allclose(allocate_each(values, market.demand), [allocate(row, market.demand) for row in values])
    np.testing.assert_allclose(spot.vcg_each(values), [spot.vcg(row) for row in values], atol=1e-13)
    np.testing.assert_allclose(spot.agv_each(values), [spot.agv(row) for row in values], atol=1e-13)
