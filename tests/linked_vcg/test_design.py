"""The verb design: levels that hold, costs that agree with the engine, a frontier that falls, tables refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import mechopt
from mechopt import catalog
from mechopt.cli import main
from mechopt.errors import InstanceError, MechoptError
from mechopt.instance import read_document
from mechopt.mechanisms import linked_vcg
from mechopt.mechanisms.linked_vcg.planning import expected_best
from mechopt.mechanisms.linked_vcg.windows import fill
from mechopt.outcome import Outcome

AGENTS, DATES = 30, 24
SKEWED = [
    {"type": "3", "family": "beta", "a": 1, "b": 3, "high": 4},
    {"type": "4", "family": "beta", "a": 1, "b": 4, "high": 5},
]


def document(**design: Any) -> dict[str, Any]:
    """Thirty agents with two types of projects, one resource short."""
    rng = np.random.default_rng(3)
    endowments = np.zeros((AGENTS, DATES, 4))
    endowments[:, :, 2] = np.round(4 * rng.beta(1, 3, (AGENTS, DATES)), 2)
    endowments[:, :, 3] = np.round(5 * rng.beta(1, 4, (AGENTS, DATES)), 2)
    return {
        "mechanism": "linked_vcg", "stock": [31, 40], "types": [[3, 0], [0, 3], [0.6, 0.9], [1.1, 0.7]],
        "endowments": endowments.tolist(), "upper": [[0, 0, 4, 5]] * AGENTS, "design": design,
    }  # fmt: skip


def run(**design: Any) -> Outcome:
    return mechopt.design(document(**design))


@pytest.fixture(scope="module")
def from_data() -> Outcome:
    return run(delta=0.1, transfers="bracketed")


def test_the_bounds_spend_exactly_the_probability_asked_for(from_data: Outcome) -> None:
    assert 0.0999 < from_data.summary["delta"] <= 0.1
    bounds, agents = from_data.tables["bounds"], from_data.tables["agents"]
    assert sum(bounds["delta"]) == pytest.approx(from_data.summary["delta"])
    assert sum(agents["delta"]) == pytest.approx(from_data.summary["delta"])
    assert set(bounds["type"]) == {"3", "4"}
    assert np.all(np.asarray(bounds["mean"]) <= bounds["upper"])
    assert from_data.guarantee.kind == "bounded"
    assert "independent" in from_data.guarantee.detail


def test_a_wrong_promise_would_be_caught_in_draws() -> None:
    """Bounds designed from distributions, against draws from them: the level holds, and the normal one is near it."""
    rng, draws = np.random.default_rng(1), 4000
    drawn = np.stack([4 * rng.beta(1, 3, (draws, AGENTS, DATES)).mean(axis=2),
                      5 * rng.beta(1, 4, (draws, AGENTS, DATES)).mean(axis=2)], axis=2)  # fmt: skip
    for bound, least, most in (("hoeffding", 0.0, 0.2), ("bernstein", 0.0, 0.2), ("normal", 0.1, 0.4)):
        found = run(delta=0.2, bound=bound, distributions=SKEWED, transfers="bracketed")
        upper = np.asarray(found.tables["bounds"]["upper"]).reshape(AGENTS, 2)
        left = float((drawn > upper).any(axis=(1, 2)).mean())
        assert least <= left <= most  # these laws are skewed, which the normal does not see: it makes no promise
        assert (found.guarantee.kind == "approximate") == (bound == "normal")


def test_computed_transfers_lie_in_the_brackets_and_are_those_of_a_document_with_these_bounds() -> None:
    short = document()
    short |= {"endowments": [agent[:4] for agent in short["endowments"][:12]], "upper": short["upper"][:12],
              "stock": [12, 16], "names": {"types": list("1234")}}  # fmt: skip
    options = {"delta": 0.4, "bound": "normal"}
    computed = mechopt.design({**short, "design": options})
    bracketed = mechopt.design({**short, "design": {**options, "transfers": "bracketed"}}).tables["agents"]
    exact = np.asarray(computed.tables["agents"]["linked_high"])
    assert np.all(np.asarray(bracketed["linked_low"]) <= exact + 1e-7)
    assert np.all(exact <= np.asarray(bracketed["linked_high"]) + 1e-7)
    bounds = computed.tables["bounds"]
    records = [
        {"agent": agent, "type": kind, "quantity": upper}
        for agent, kind, upper in zip(bounds["agent"], bounds["type"], bounds["upper"], strict=True)
    ]
    solved = mechopt.solve({**short, "upper": records})
    np.testing.assert_allclose(np.asarray(solved.tables["agents"]["linked_transfer"]), exact, rtol=1e-9, atol=1e-9)
    # The expectation over the document's own dates, as if prices were taken as given, is near what they cost.
    assert computed.summary["cost"] == pytest.approx(computed.summary["linked_high_on_reports"], rel=0.25)


def test_the_frontier_falls_and_its_timing_part_does_not_depend_on_delta(from_data: Outcome) -> None:
    table = {name: np.asarray(column) for name, column in from_data.tables["frontier"].items() if name != "conjecture"}
    assert np.all(np.diff(table["delta"]) > 0)
    assert np.all(np.diff(table["cost"]) <= 1e-9)
    assert table["cost"][0] > table["cost"][-1]
    np.testing.assert_allclose(table["timing_cost"], table["timing_cost"][0])
    np.testing.assert_allclose(table["width_cost"] + table["timing_cost"], table["cost"])


def test_more_dates_narrow_the_bounds_and_widen_the_choice_of_prices() -> None:
    found = run(delta=0.05, dates=[12, 24, 48], distributions=SKEWED, transfers="bracketed")
    table: Any = {name: np.asarray(column) for name, column in found.tables["dates"].items() if name != "conjecture"}
    per_date = table["width_cost"] / table["dates"]
    assert np.all(np.diff(per_date) < 0)
    assert np.all(np.diff(table["timing_cost"] / table["dates"]) >= -1e-12)
    assert found.summary["dates"] == table["dates"][np.argmin(table["cost_to_surplus"])]


def test_a_conjecture_is_reached_with_the_least_cost_that_allows_it() -> None:
    aim = {"conjecture": 0.02, "tolerance": 40, "transfers": "bracketed", "distributions": SKEWED}
    found = run(**aim)
    assert 0.0199 < found.summary["conjecture"] <= 0.02
    # A smaller delta for the same conjecture would be dearer, a larger one would not do.
    again = run(delta=found.summary["delta"], tolerance=40, transfers="bracketed", distributions=SKEWED)
    assert again.summary["cost"] <= found.summary["cost"] * (1 + 1e-9)
    agents = found.tables["agents"]
    limit = 40 / np.asarray(agents["payoff_bound"])
    assert float((np.asarray(agents["delta"]) / (limit - 0.02)).sum()) <= 0.02 * (1 + 1e-9)
    assert found.summary["largest_delta_as_printed"] < found.summary["delta"]
    assert found.summary["conjecture_as_printed"] is None


def test_one_agent_needs_no_conjecture_about_others() -> None:
    alone = document(conjecture=0.1, tolerance=5, distributions=SKEWED, transfers="bracketed")
    alone |= {"endowments": alone["endowments"][:1], "upper": alone["upper"][:1], "stock": [1, 1.5]}
    found = mechopt.design(alone)
    bound = found.tables["agents"]["payoff_bound"][0]
    assert found.summary["delta"] * bound / 5 == pytest.approx(found.summary["conjecture"])
    assert found.summary["conjecture"] <= 0.1


def test_lower_bounds_go_to_those_for_whom_they_can_matter() -> None:
    upper = run(sides="upper", transfers="bracketed")
    auto = run(sides="auto", transfers="bracketed")
    both = run(sides="both", transfers="bracketed")
    assert upper.summary["agents_with_lower_bounds"] == 0
    assert both.summary["agents_with_lower_bounds"] >= AGENTS - 2  # a wide one ends at 0
    matter = AGENTS - round(upper.summary["price_takers"] * AGENTS)
    assert matter > 0
    assert matter - 2 <= auto.summary["agents_with_lower_bounds"] <= matter
    assert upper.summary["width_cost"] <= auto.summary["width_cost"] <= both.summary["width_cost"]
    lower, mean = (np.asarray(both.tables["bounds"][name]) for name in ("lower", "mean"))
    assert np.all(lower < mean)
    assert lower.max() > 0
    one = document(sides="auto", transfers="bracketed")
    one |= {"stock": [31], "types": [[3], [0.6], [1.1]], "upper": [[0, 4, 5]] * AGENTS}
    one["endowments"] = [[date[1:] for date in agent] for agent in one["endowments"]]
    assert mechopt.design(one).summary["agents_with_lower_bounds"] == 0  # with one resource they never matter


def test_caps_never_cost_and_windows_lose_their_timing_part(from_data: Outcome) -> None:
    table: Any = from_data.tables["windows"]
    assert table["windows"] == [1, 2, 3, 4, 6, 8, 12]
    assert np.all(np.asarray(table["cost_with_caps"]) <= np.asarray(table["cost"]) + 1e-9)
    assert np.all(np.asarray(table["price_takers_with_caps"]) >= np.asarray(table["price_takers"]))
    single: Any = run(delta=0.1, windows=[24], transfers="bracketed").tables["windows"]
    assert single["cost"] == pytest.approx(single["cost_with_caps"])  # with one date each the bound is a cap


def test_the_best_of_several_dates_is_what_drawing_them_gives() -> None:
    rng = np.random.default_rng(0)
    rewards = rng.random((5, 2, 3))
    rewards[:, 1] = rewards[:, 0]
    for weights in (np.ones(4), np.array([1, 0.8, 0.64, 0.512])):
        exact = expected_best(rewards, weights)
        grid = np.stack(np.meshgrid(*[np.arange(5)] * 4, indexing="ij")).reshape(4, -1)
        drawn = (weights[:, None, None, None] * rewards[grid]).max(axis=0).mean(axis=0)
        np.testing.assert_allclose(exact, drawn, rtol=1e-12)


def test_a_budget_fills_the_best_dates_first() -> None:
    rewards = np.array([0.2, 0.9, 0.5])[:, None]
    assert fill(rewards, np.array([2.5]), np.array([1.0]))[0] == pytest.approx(0.9 + 0.5 + 0.5 * 0.2)
    assert fill(rewards, np.array([2.5]), np.array([2.5]))[0] == pytest.approx(2.5 * 0.9)


def test_pictures_show_the_tables(from_data: Outcome) -> None:
    environment = mechopt.load(document()).environment
    several = run(dates=[12, 24], transfers="bracketed")
    titles = [picture.title for picture in linked_vcg.design_pictures(environment, several)]
    assert titles[0] == "What confidence costs"
    assert "How many dates to link" in titles
    frontier = linked_vcg.design_pictures(environment, from_data)[0]
    assert frontier.numbers["delta"] == from_data.tables["frontier"]["delta"]
    assert "<svg" in frontier.svg


def test_the_command_writes_everything_and_draws_nothing_at_random(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document(delta=0.05, transfers="bracketed", frontier=["1/100", 0.1])))
    assert main(["design", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["status"] == "designed"
    assert result["tables"]["frontier"]["delta"] == [0.01, 0.1]
    assert result["tables"]["frontier"]["delta_kept"] == pytest.approx([0.01, 0.1], rel=1e-6)
    assert "What confidence costs" in (tmp_path / "out" / "report.html").read_text()
    first, second = (mechopt.design(path, seed=seed) for seed in (1, 2))
    assert first.to_dict()["tables"] == second.to_dict()["tables"]


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ({"delta": 0}, "design.delta", "above 0"),
        ({"delta": 0.7}, "design.delta", "at most 0.5"),
        ({"delta": "x"}, "design.delta", "not a number"),
        ({"delta": 0.1, "conjecture": 0.1}, "design", "not both"),
        ({"conjecture": 0.1}, "design.tolerance", "is missing"),
        ({"conjecture": 0.1, "tolerance": 0.001}, "design.tolerance", "too small"),
        ({"tolerance": -1}, "design.tolerance", "above 0"),
        ({"dates": []}, "design.dates", "whole numbers"),
        ({"dates": [0]}, "design.dates", "whole numbers"),
        ({"dates": [1.5]}, "design.dates", "whole number"),
        ({"bound": "chernoff"}, "design.bound", "chernoff"),
        ({"bound": "bernstein"}, "design.bound", "known variances"),
        ({"sides": "left"}, "design.sides", "left"),
        ({"headroom": 0.5}, "design.headroom", "at least 1"),
        ({"headroom": 1e200}, "design.headroom", "above 1e+100"),
        ({"headroom": 1.7e308}, "design.headroom", "above 1e+100"),
        ({"frontier": [0.9]}, "design.frontier[1]", "at most 0.5"),
        ({"frontier": 3}, "design.frontier", "list"),
        ({"windows": [5]}, "design.windows", "does not divide the 24 dates"),
        ({"deltas": 3}, "design", "did you mean delta"),
        ({"distributions": []}, "design.distributions", "list of tables"),
        ({"distributions": [{"type": "9", "family": "uniform"}]}, "design.distributions.type (row 1)", "no type '9'"),
        ({"distributions": [{"type": "3"}]}, "design.distributions.family (row 1)", "is missing"),
        ({"distributions": [{"family": "lognormal", "mu": 0, "sigma": 1}]}, "design.distributions (row 1)", "inf"),
        ({"distributions": [{"family": "uniform", "low": -1}]}, "design.distributions (row 1)", "from -1"),
        ({"distributions": [{"family": "uniform", "high": 1e200}]}, "design.distributions (row 1)", "at most 1e+100"),
        ({"distributions": [3]}, "design.distributions (row 1)", "table"),
        ({"transfers": "all"}, "design.transfers", "all"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused_by_name(table: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(InstanceError) as caught:
        run(**table)
    assert key in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.slow
def test_the_shipped_models_design() -> None:
    """Every shipped document with a [design] table, and the starting document, do what they say."""
    paths = [catalog.starter("linked_vcg"), *(path for name, path in catalog.models().items() if "linked_vcg/" in name)]
    designed = [path for path in paths if "design" in read_document(path).data]
    assert len(designed) >= 1
    for path in designed:
        outcome = mechopt.design(path)
        assert outcome.status == "designed"
        assert 0 < outcome.summary["delta"] <= 0.5


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 30), st.floats(), st.text(max_size=3), st.decimals(),
    st.lists(st.one_of(st.integers(-1, 12), st.floats(), st.text(max_size=2)), max_size=2),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    verb=st.sampled_from(["design", "simulate"]),
    keys=st.dictionaries(
        st.sampled_from(["delta", "conjecture", "tolerance", "dates", "bound", "sides", "headroom", "distributions",
                         "frontier", "windows", "agents", "replications", "exponent", "decay", "dates_factor"]),
        ANYTHING, max_size=3,
    ),
)  # fmt: skip
def test_nothing_but_a_mechopt_error_comes_out_of_a_table(verb: str, keys: dict[str, Any]) -> None:
    small = document()
    small |= {"endowments": [agent[:2] for agent in small["endowments"][:2]], "upper": small["upper"][:2],
              "stock": [2, 3], verb: {"transfers": "bracketed", **keys} if verb == "design" else keys}  # fmt: skip
    if verb == "simulate":
        small[verb] = {"agents": [2, 3], "replications": 1, **keys}
    try:
        outcome = getattr(mechopt, verb)(small)
    except MechoptError:
        return
    json.loads(outcome.to_json())
