"""An agent's statement: its numbers against the settled market, its witness against the knapsack, its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mechopt
from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.mechanisms import linked_vcg
from mechopt.mechanisms.linked_vcg.environment import Environment, Names
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.linked import linked_transfer
from mechopt.mechanisms.linked_vcg.mechanism import run
from mechopt.mechanisms.linked_vcg.position import positions
from mechopt.mechanisms.linked_vcg.smallness import reasons
from mechopt.mechanisms.linked_vcg.statements import statement

Draw = Callable[..., Environment]


@pytest.mark.parametrize("seed", range(12))
def test_one_agent_alone_gets_what_the_whole_market_gives_him(draw: Draw, seed: int) -> None:
    """Another way through the same definitions: no market, one agent's positions, and a witness that shows it."""
    environment = draw(seed, dates=1 + seed % 3, resources=1 + seed % 2, discount=[1.0, 0.8][seed % 2])
    table = run(environment).tables["agents"]
    for agent in range(4):
        found = linked_transfer(environment, agent)
        assert found.unlinked == pytest.approx(table["unlinked_transfer"][agent])
        assert found.high == pytest.approx(table["linked_transfer"][agent], abs=1e-7)
        assert found.low <= found.high
        assert found.method == table["method"][agent]
        # The witness keeps the bounds and leaves the others exactly what the transfer takes off.
        total = found.reports.sum(axis=0)
        dates = len(found.reports)
        assert np.all(total <= dates * environment.upper[agent] + 1e-9)
        assert np.all(total >= dates * environment.lower[agent] - 1e-9)
        moved = environment.endowments.copy()
        moved[agent] = found.reports
        there = run(Environment(stock=environment.stock, types=environment.types, endowments=moved,
                                lower=environment.lower * 0, upper=environment.upper + 1,
                                discount=environment.discount), limits=Limits(pieces=1))  # fmt: skip
        assert there.tables["agents"]["unlinked_transfer"][agent] == pytest.approx(found.left, abs=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_a_reason_is_given_exactly_where_a_property_fails(draw: Draw, seed: int) -> None:
    environment = draw(seed, dates=2, agents=6, digits=2 if seed % 2 else None)
    for agent in range(6):
        found = positions(environment, agent)
        given = {(reason.date, reason.property) for reason in reasons(environment, found)}
        failed = {(p.name, "I") for p in found if not p.tested.price_invariant[0]}
        failed |= {(p.name, "II") for p in found if not p.tested.served_invariant[0]}
        assert given == failed


def test_a_reason_can_be_followed_by_hand() -> None:
    """theta = (1, 1/2), q = 1: with two units of type 2 nothing is left for type 1, the type that sets the price."""
    environment = Environment(
        stock=np.array([1.0]), types=np.array([[1.0], [0.5]]), endowments=np.array([[[0.0, 0.5]]]),
        lower=np.zeros((1, 2)), upper=np.array([[0.0, 2.0]]), names=Names(types=["filler", "job"]),
    )  # fmt: skip
    (reason,) = reasons(environment, positions(environment, 0))
    assert (reason.property, reason.type, reason.least, reason.limit) == ("I", "filler", 0.0, 0)
    assert "amount invested in filler, now 0.75, could be driven to 0" in reason.words


def test_the_tables_add_up_to_the_transfers(draw: Draw) -> None:
    environment = draw(2, discount=0.9)
    outcome = run(environment)
    found = statement(environment, "3", outcome=outcome)
    dates, table = found.tables["dates"], outcome.tables["agents"]
    unlinked = sum(weight * left for weight, left in zip(dates["weight"], dates["left_to_others"], strict=True))
    assert unlinked == pytest.approx(table["unlinked_transfer"][2])
    assert found.summary["linked_transfer"] == table["linked_transfer"][2]
    projects = found.tables["projects"]
    assert sum(projects["served"]) == pytest.approx(sum(dates["own_payoff"]))
    assert all(served <= used + 1e-12 for served, used in zip(projects["served"], projects["used"], strict=True))
    types = found.tables["types"]
    for kind, share in enumerate(types["share_of_budget"]):
        assert share == pytest.approx(types["average_used"][kind] / environment.upper[2, kind])
    assert dates["certificate"] == ["exact"] * 3
    assert dates["price"] == outcome.tables["dates"]["price"]


def test_a_retraction_and_an_open_bracket_are_told() -> None:
    base = np.array([[[0.0, 2.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
    environment = Environment(stock=np.array([1.0]), types=np.array([[1.0], [0.5]]), endowments=base,
                              lower=np.zeros((2, 2)), upper=np.array([[0.0, 1.0], [0.0, 1.0]]))  # fmt: skip
    words = statement(environment, 0, limits=Limits(pieces=1)).words
    assert "retracted from 1.5" in words
    assert "cut off" in words
    assert "proven to lie between" in words
    whole = statement(environment, 0).words
    assert "the transfer is proven." in whole


def test_exact_arithmetic_reaches_the_statement(draw: Draw) -> None:
    environment = draw(1, arithmetic="exact", digits=1, agents=3, dates=2)
    found = statement(environment, 0, outcome=run(environment))
    assert found.summary["contribution"] == run(environment).tables["agents"]["contribution"][0]
    assert str(found) == found.words


def test_the_command_line_explains_an_agent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "linked_vcg/figure_1a", "--explain", "second"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Agent second receives")
    assert "Why this agent is not small:" in shown
    assert main(["solve", "linked_vcg/figure_1a", "--explain", "second", "--json"]) == 0
    whole: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert whole["explanation"] == shown.strip()
    assert "agents" in whole["tables"]
    assert main(["solve", "linked_vcg/figure_1a", "--explain", "secnd"]) == 2
    assert "there is no agent 'secnd'; did you mean second?" in capsys.readouterr().err


def test_a_mechanism_that_explains_nothing_says_who_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked_vcg, "__all__", [name for name in dir(linked_vcg) if name != "explain"])
    with pytest.raises(InstanceError, match="linked_vcg cannot explain"):
        mechopt.explain("linked_vcg/figure_1a", "second")


def test_no_submodule_hides_a_name_of_the_package() -> None:
    """Importing a submodule sets it on the package; were it called like a function, it would take its place."""
    import importlib
    import pkgutil

    modules = {module.name for module in pkgutil.iter_modules(linked_vcg.__path__)}
    for name in modules:
        importlib.import_module(f"{linked_vcg.__name__}.{name}")
    assert not modules & set(dir(linked_vcg))
    assert callable(linked_vcg.statement)


def test_prices_that_are_not_unique_are_intervals_all_the_way() -> None:
    """Figure 1a with exactly twelve units of type 3, which exhaust resource 1: p_1 is anything in [1/12, 9/20]."""
    environment = Environment(
        stock=np.array(["24", "20"], dtype=object), types=np.array([[12, 0], [0, 10], [2, 1]], dtype=object),
        endowments=np.array([[[0, 0, 12]]], dtype=object), lower=np.zeros((1, 3), dtype=object),
        upper=np.array([[0, 0, 12]], dtype=object), arithmetic="exact",
    )  # fmt: skip
    outcome = run(environment)
    dates = outcome.tables["dates"]
    assert list(dates["price"]) == [None]
    assert [str(value) for value in dates["price_low"][0]] == ["1/12", "1/10"]
    assert [str(value) for value in dates["price_high"][0]] == ["9/20", "1/10"]
    assert any("prices are not unique at date 1" in line for line in outcome.warnings)
    found = statement(environment, 0, outcome=outcome)
    assert found.tables["dates"]["price"] == [None]
    assert not found.summary["price_invariant"]
    assert "Prices are not unique at date 1" in found.words
    assert "the price is not unique even at the reports made" in found.words
