"""Statements, signs and snapshots: what agents are told, what an operator should look at, how a state is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mechopt import api
from mechopt.errors import InstanceError
from mechopt.mechanisms import limited_liability as package
from mechopt.mechanisms.limited_liability import signs
from mechopt.mechanisms.limited_liability.arithmetic import Fractions, Ledger
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.online import Online

Draw = Callable[..., Environment]


def test_a_statement_adds_up(draw: Draw, options: dict[str, Any]) -> None:
    environment = draw(3, periods=50, options=options)
    outcome = package.run(environment)
    agents = outcome.tables["agents"]
    for place in range(3):
        found = package.statement(environment, place, outcome=outcome)
        table = found.tables["periods"]
        assert sum(table["paid"]) == pytest.approx(agents["paid"][place])
        assert sum(table["output"]) == pytest.approx(agents["output"][place])
        assert found.summary["kept"] == pytest.approx(agents["payoff"][place])
        assert table["debt_before"][1:] == table["debt_after"][:-1]
        assert min(table["cost_to_others"]) >= -1e-12  # the others' own best is best for them
        for paid, debt in zip(table["paid"], table["debt_before"], strict=True):
            assert options["variant"] == "pivot" or debt > 0 or paid == 0
        assert found.words.splitlines()[0].startswith(f"Agent {place + 1} produced")
        assert str(found) == package.explain(environment, outcome, str(place + 1))


def test_a_statement_names_the_decision_without_the_agent() -> None:
    values = [[[0.9, 0.0], [0.0, 0.5]]] * 3
    document = {
        "mechanism": "limited_liability", "variant": "baseline", "values": values, "outputs": values,
        "names": {"agents": ["north", "south"], "decisions": ["road", "well"]}, "draws": [0, 0, 0],
    }  # fmt: skip
    environment = api.load(document).environment
    found = package.statement(environment, "north")
    assert found.tables["periods"]["without_you"] == ["well"] * 3
    assert found.tables["periods"]["cost_to_others"] == pytest.approx([0.5] * 3)
    assert "worth 0.5 more to the others" in found.words
    assert "cost the others nothing" in package.statement(environment, "south").words
    with pytest.raises(InstanceError, match="there is no agent 'east'; known are north, south"):
        package.statement(environment, "east")


def ringing(document: dict[str, Any]) -> set[tuple[str, str]]:
    environment = api.load(document).environment
    outcome = package.run(environment)
    return {(alarm.kind, alarm.agent) for alarm in package.alarms(environment, outcome) if alarm.rings}


def test_signs_ring_for_what_they_are_there_for_and_not_under_the_truth() -> None:
    rng = np.random.default_rng(1)
    values = np.round(rng.uniform(0.2, 0.8, (400, 2, 3)), 3)
    outputs = (rng.random(values.shape) < values).astype(float)
    honest = {"mechanism": "limited_liability", "variant": "consistent", "values": values, "outputs": outputs}
    assert ringing(honest) == set()
    boast = values.copy()
    boast[:, 1] = np.minimum(1.0, boast[:, 1] + 0.3)
    assert ringing({**honest, "values": boast}) == {("calibration", "2")}
    ring = values.copy()
    ring[::2, 0] = ring[1::2, 1] = 0.0
    assert ("rotation", "1 and 2") in ringing({**honest, "values": ring})
    lazy = {"values": boast, "outputs": outputs * np.array([1.0, 0.2])[None, :, None]}
    assert ("distrust", "2") in ringing({**honest, "variant": "bounded_values", **lazy})


def test_debts_that_grow_with_time_ring_and_those_of_the_bound_do_not() -> None:
    periods, rules = 400, package.Rules(variant="consistent", agents=2)
    share = np.tile([1.0, 0.0, 0.0], (periods, 1))
    calm = np.full((periods, 2), 0.5)
    time = np.arange(1.0, periods + 1)
    evidence = signs.Evidence(
        names=["north", "south"], rules=rules, bound=1.0, stated=calm, produced=calm, claims=calm, held=None,
        debts=np.column_stack([np.sqrt(time), 0.1 * time]), reported=None, shares=share,
        group=np.zeros(periods, dtype=np.int64),
    )  # fmt: skip
    assert {(a.kind, a.agent) for a in signs.look(evidence) if a.rings} == {("debt", "south")}
    (debt, _) = (a for a in signs.look(evidence) if a.kind == "debt")
    assert debt.level == pytest.approx(0.5 * 3 * np.sqrt(periods))  # sqrt((n^3 + 1) T) / 2


@pytest.mark.parametrize("arithmetic", [None, Fractions(), Ledger()])
def test_a_snapshot_goes_on_where_it_was_taken(draw: Draw, options: dict[str, Any], arithmetic: Any) -> None:
    environment = draw(6, periods=8, options=options)
    rules = environment.rules
    whole = Online(rules, arithmetic)
    convert: Any = {Fractions: lambda x: Fractions().one * round(x * 8) / 8, Ledger: lambda x: round(x * 8)}.get(
        type(arithmetic), float)  # fmt: skip

    def step(online: Online, period: int) -> None:
        values = [[convert(value) for value in row] for row in environment.values[period].tolist()]
        outputs = [[convert(value) for value in row] for row in environment.outputs[period].tolist()]
        proposal = online.propose(values)
        rows = [[outputs[agent][decision] for agent in range(3)] for decision in proposal.decisions]
        online.settle(proposal, 0, rows[0] if rules.realised_only else rows)

    for period in range(4):
        step(whole, period)
    copy = Online.restore(rules, whole.snapshot(), arithmetic)
    for period in range(4, 8):
        step(whole, period)
        step(copy, period)
    assert copy.snapshot() == whole.snapshot()
    with pytest.raises(ValueError, match="3 numbers for transfer, not 2"):
        Online.restore(package.Rules(variant="baseline", agents=2), whole.snapshot())
