"""Explanations say what the tables say, for buyers, sellers, states, and what would change."""

from __future__ import annotations

import re
from typing import Any

import pytest

import mechopt
from mechopt.errors import InstanceError


def percent(value: float) -> str:
    return f"{100 * value:.4g}%"


@pytest.mark.parametrize("model", ["forward_market/emission_permits", "forward_market/figure_1"])
def test_an_explanation_repeats_the_tables(model: str) -> None:
    outcome = mechopt.solve(model)
    table = outcome.tables["agents"]
    for place, name in enumerate(table["agent"]):
        words = mechopt.explain(model, name, outcome=outcome)
        row = {key: float(column[place]) for key, column in table.items() if key != "agent"}
        traded = row["holding"] - row["endowment"]
        assert f"hold {percent(row['holding'])}" in words
        assert f"{'buys' if traded > 0 else 'sells'} {percent(abs(traded))}" in words
        assert f"worth {row['outside_payoff']:,.5g}; spot market" in words
        assert f"{row['gain']:,.5g} more. Fees" in words
        assert f"{'receives' if row['forward_payment'] > 0 else 'pays'} {abs(row['forward_payment']):,.5g}" in words
        assert ("pays a fee" in words) is (row["fee"] < 0)
        assert f"be {row['worst_off_type_at_endowment']:,.5g} (its worst-off type)" in words
        assert "spot market allocates" in words or "spot" not in outcome.tables


def test_what_would_change_it_is_what_another_document_gives() -> None:
    data = dict(mechopt.load("forward_market/emission_permits").document.data)
    words = mechopt.explain(data, "aviation")
    assert "endowments would earn the same." in mechopt.explain(data, "steel")  # which has more than it can use
    changed: list[dict[str, Any]] = [dict(agent) for agent in data["agents"]]
    changed[4]["demand"] = 0.165
    again = mechopt.solve({**data, "agents": changed}).tables["agents"]["holding"][4]
    assert f"If it could use 16.5%, it would hold {percent(float(again))}." in words
    moved: list[dict[str, Any]] = [dict(agent) for agent in data["agents"]]
    moved[4]["endowment"], moved[0]["endowment"] = 0.11, 0.29
    before, after = (mechopt.solve({**data, "agents": rows}).summary["surplus_at_endowment"]
                     for rows in (data["agents"], moved))  # fmt: skip
    said = re.search(r"would earn (\S+) (more|less)", words)
    assert said is not None
    assert float(said[1]) == pytest.approx(abs(after - before), rel=1e-3)
    assert (said[2] == "more") is (after > before)


def test_anticipated_states_limits_and_idle_endowments_are_said() -> None:
    data = {**dict(mechopt.load("forward_market/emission_permits").document.data), "anticipated": True}
    words = mechopt.explain(data, "power")
    assert "Before the state is known one unit more is worth 57.05 to every agent" in words
    assert "mean worst-off type" in words
    owner = mechopt.explain({
        "mechanism": "forward_market",
        "agents": [
            {"name": "owner", "demand": 0.6, "endowment": 1, "distribution": {"family": "uniform"}},
            {"name": "other", "demand": 0.6, "endowment": 0, "distribution": {"family": "uniform"}},
        ],
    }, "owner")  # fmt: skip
    assert (
        "owns 100% of the supply, 40% more than it can use" in owner or "owns 100%, 40% more than it can use" in owner
    )
    with pytest.raises(InstanceError, match="no agent 'steal'; did you mean steel"):
        mechopt.explain(data, "steal")


def test_a_tariff_that_keeps_nothing_in_equilibrium_is_said_to() -> None:
    data = {
        **dict(mechopt.load("forward_market/emission_permits").document.data),
        "tariff": {"y": [-1, 1], "p": [0, 1]},
    }
    assert "the holdings are no equilibrium" in mechopt.explain(data, "power")
