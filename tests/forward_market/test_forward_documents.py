"""Documents: every spelling of a right one, one clear line for a wrong one; the shipped models solve and check."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api, catalog, instance
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.checks import check
from mechopt.mechanisms.forward_market.document import from_document
from mechopt.mechanisms.forward_market.environment import Environment

UNIFORM = {"family": "uniform"}


def document(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "mechanism": "forward_market",
        "support": [0, 1],
        "agents": [
            {"name": "a", "demand": 1, "endowment": "3/5", "distribution": UNIFORM},
            {"name": "b", "demand": 0.5, "endowment": 0.4, "distribution": {"family": "power", "p": 2}},
        ],
    }
    given.update(changes)
    return {key: value for key, value in given.items() if value is not None}


def agents(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = document()["agents"]
    return [row | change for row, change in zip(rows, [*changes, *([{}] * 2)], strict=False)]


def read(**changes: Any) -> Environment:
    return from_document(instance.read_document(document(**changes)))


def test_numbers_are_read_exactly() -> None:
    environment = read(arithmetic="exact")
    assert environment.demand == (Fraction(1), Fraction(1, 2))
    assert environment.endowment == (Fraction(3, 5), Fraction(2, 5))


def test_distributions_by_name_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "agents.csv").write_text("who;demand;endowment;law\nx;1;0.25;low\ny;1;0.75;high\n", encoding="utf-8")
    spec = {"file": str(tmp_path / "agents.csv"), "columns": {"name": "who", "distribution": "law"}}
    environment = read(agents=spec, distributions={"low": {"family": "beta", "a": 1, "b": 2}, "high": UNIFORM})
    assert environment.name == ("x", "y")
    assert environment.distribution[0].mean == pytest.approx(1 / 3)


def test_samples_are_smoothed_into_a_density_above_zero() -> None:
    law = {"family": "empirical", "samples": [0.1, 0.2, 0.2, 0.9], "degree": 4}
    found = read(agents=agents({"distribution": law})).distribution[0]
    # A Bernstein polynomial through the empirical cdf 3/4, 3/4, 3/4, 1 at 1/4, 1/2, 3/4, 1.
    u = Fraction(1, 2)
    terms = [(1, Fraction(3, 4)), (2, Fraction(3, 4)), (3, Fraction(3, 4)), (4, Fraction(1))]
    binomial = {1: 4, 2: 6, 3: 4, 4: 1}
    assert found.exact_cdf(u) == sum(level * binomial[k] * u**4 for k, level in terms)
    assert np.all(found.pdf(np.linspace(0.05, 0.95, 19)) > 0)


def test_the_contract_s_keys_are_there() -> None:
    outcome = api.solve(document(values=[0.2, 0.9], states=[{"state": "s", "probability": 1, "demand_factor": 0.9}]))
    assert {
        "worst_off_type", "surplus_at_endowment", "surplus_at_holding", "spot_operates_at_endowment",
        "expected_welfare", "forward_budget", "boundary_agent", "boundary_surplus", "best",
    } <= set(outcome.summary)  # fmt: skip
    assert {
        "agent", "demand", "endowment", "holding", "worst_off_type_at_endowment", "forward_payment", "fee", "rebate",
        "gain",
    } <= set(outcome.tables["agents"])  # fmt: skip
    assert {"agent", "value", "allocation", "vcg_transfer", "agv_transfer"} <= set(outcome.tables["spot"])
    assert set(outcome.tables) == {"agents", "tariff", "spot", "states", "interim"}
    outcome.to_json()


def test_exact_arithmetic_gives_fractions_where_there_are_some() -> None:
    rows = [{"name": name, "demand": 1, "endowment": e, "distribution": UNIFORM} for name, e in (("a", 1), ("b", 0))]
    outcome = api.solve(document(agents=rows, arithmetic="exact"))
    assert outcome.summary["surplus_at_endowment"] == Fraction(-1, 6)
    assert outcome.summary["worst_off_type"] == Fraction(1, 2)
    assert outcome.guarantee.kind == "bounded"
    assert outcome.tables["agents"]["holding"] == [Fraction(1, 2), Fraction(1, 2)]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"agents": agents({"demand": 0})}, r"agents.demand \(row 1\).*above 0 and at most 1"),
        ({"agents": agents({"demand": "3/2"})}, r"agents.demand \(row 1\).*not 1.5"),
        ({"agents": agents({}, {"demand": -1})}, r"agents.demand \(row 2\)"),
        ({"agents": agents({"demand": 0.5})}, "no scarcity: the demands sum to 1,"),
        ({"agents": agents({"endowment": 0.7})}, r"endowments must sum to 1.*not to 1.1"),
        (
            {"agents": agents({"endowment": 1.4}, {"endowment": -0.4})},
            r"agents.endowment \(row 2\): must be at least 0",
        ),
        ({"agents": agents({"name": "b"})}, "occurs twice"),
        ({"agents": document()["agents"][:1]}, "at least two agents"),
        ({"agents": []}, "agents"),
        ({"agents": agents({"extra": 1})}, "unknown key 'extra'"),
        ({"support": [-1, 1]}, "support: must start at 0 or above, not at -1"),
        ({"support": [1, 1]}, "low below high"),
        ({"support": [0]}, r"must be \[low, high\]"),
        ({"support": ["a", 1]}, "support"),
        ({"agents": agents({"distribution": {"family": "gauss"}})}, "agents.distribution.family.*no family 'gauss'"),
        ({"agents": agents({"distribution": {"family": "power", "p": -1}})}, r"agents.distribution.p \(row 1\)"),
        ({"agents": agents({"distribution": {"family": "uniform", "high": 2}})}, "outside the support"),
        (
            {"agents": agents({"distribution": {"family": "discrete", "points": [0, 1], "probs": [0.5, 0.5]}})},
            r"agents.distribution \(row 1\).*positive probability",
        ),
        ({"agents": agents({"distribution": "usual"})}, "'usual' is not in distributions"),
        ({"agents": agents({"distribution": {"family": "empirical"}})}, "samples.*is missing"),
        ({"agents": agents({"distribution": {"family": "empirical", "samples": [2]}})}, "outside the support"),
        (
            {"agents": agents({"distribution": {"family": "empirical", "samples": [0.5], "degree": 0}})},
            "degree.*from 1 to 200",
        ),
        ({"values": [0.5]}, "1 values for 2 agents"),
        ({"values": [0.5, 2]}, "outside the support"),
        ({"values": {"a": 0.5}}, "'b' is missing"),
        ({"values": {"a": 0.5, "b": 0.5, "c": 1}}, "'c' is not an agent"),
        ({"tariff": {"y": [0, 1], "p": [0.6, 0.4]}}, "tariff.p.*must be increasing"),
        ({"tariff": {"y": [0, 1], "p": [0.4, 0.6], "kind": "steep"}}, "tariff.kind"),
        ({"tariff": [1]}, "tariff"),
        ({"states": [{"state": "s", "probability": 0.5, "demand_factor": 1}]}, "probabilities must sum to 1"),
        ({"states": [{"state": "s", "probability": 1, "demand_factor": 1.2}]}, r"demands must stay in \(0, 1\]"),
        ({"holdings": [1]}, "unknown key 'holdings'"),
        ({"agents": None}, "agents: is missing"),
    ],
)
def test_a_wrong_document_is_refused_with_one_clear_line(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from(["1/3", "1e400", "inf", "uniform", 10**400])
)  # fmt: skip
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["support", "agents", "distributions", "states", "tariff", "values", "arithmetic", "units", "x"])
columns = st.sampled_from(["name", "demand", "endowment", "distribution", "x"])
laws = st.dictionaries(st.sampled_from(["family", "low", "high", "p", "a", "b", "samples", "degree", "mu"]), anything)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.dictionaries(keys, anything, max_size=2), record=st.dictionaries(columns, anything | laws, max_size=2)
)
def test_whatever_is_fed_is_read_or_explained(changes: dict[str, Any], record: dict[str, Any]) -> None:
    refusal: InstanceError | None = None
    try:
        environment = read(**({"agents": agents(record)} | changes))
    except InstanceError as error:
        refusal = error
    if refusal is None:
        assert environment.agents >= 2
    else:
        assert len(str(refusal).splitlines()) == 1


@pytest.mark.parametrize("name", ["figure_1", "emission_permits", "medical_equipment", "starter"])
def test_the_shipped_models_solve_and_every_check_holds(name: str) -> None:
    source = catalog.starter("forward_market") if name == "starter" else f"forward_market/{name}"
    outcome = api.check(source)
    assert [finding.property for finding in outcome.checks if not finding.holds] == []
    table = outcome.tables["agents"]
    assert sum(table["forward_payment"]) + sum(table["fee"]) == pytest.approx(0, abs=1e-9)
    assert sum(table["rebate"]) == pytest.approx(float(outcome.summary["surplus_at_holding"]))
    assert min(table["gain"]) > 0


def test_the_report_draws_every_picture() -> None:
    page = api.report("forward_market/figure_1")
    for title in ("Interim allocations", "Forward tariff", "Who pays whom", "Spot surplus", "Interior and cornered"):
        assert title in page


@pytest.mark.slow
def test_the_electricity_model_off_any_lattice() -> None:
    outcome = api.check("forward_market/electricity")
    assert outcome.provenance["method"] == "halves"
    assert all(finding.holds for finding in outcome.checks)


def test_checks_fail_where_a_result_was_tampered_with() -> None:
    from dataclasses import replace

    model = api.load(document(values=[0.2, 0.9]))
    outcome = api.solve(model)
    table: dict[str, Any] = dict(outcome.tables["agents"])
    table["holding"] = np.asarray(table["holding"]) + np.array([0.01, -0.005])
    table["fee"] = np.asarray(table["fee"]) - 1.0
    spot: dict[str, Any] = dict(outcome.tables["spot"])
    spot["allocation"] = np.array([0.5, 0.5])[::-1] * 0.9
    spot["agv_transfer"] = np.array([0.1, 0.2])
    spot["vcg_transfer"] = np.asarray(spot["vcg_transfer"]) + np.array([0.5, -0.1])
    summary = dict(outcome.summary) | {"surplus_at_holding": 0.01, "forward_budget": 0.1}
    broken = replace(outcome, tables={"agents": table, "spot": spot}, summary=summary)
    failed = {finding.property for finding in check(model.environment, broken) if not finding.holds}
    assert failed == {
        "common_worst_off_type", "holdings_exhaust_supply", "spot_surplus_ex_post", "expected_surplus",
        "largest_surplus", "forward_budget_never_positive", "budgets_add_up", "ex_ante_individual_rationality",
        "least_subsidy", "spot_efficiency", "agv_budget_balance", "vcg_incentive_compatibility",
    }  # fmt: skip


def test_a_tariff_that_fails_is_reported_and_fails_the_check() -> None:
    outcome = api.check(document(tariff={"y": [-1, 1], "p": [0.5, 0.5]}))
    assert any("no equilibrium" in line for line in outcome.warnings)
    assert [finding.property for finding in outcome.checks if not finding.holds] == ["forward_nash_equilibrium"]
    assert "no_free_lunch" not in {finding.property for finding in outcome.checks}  # its proof needs the equilibrium


@pytest.mark.slow
def test_a_hundred_different_agents_are_checked() -> None:
    """Knots as close as 1e-7, where slopes lose digits: what is paid out is still the linear program's optimum."""
    rng = np.random.default_rng(1)
    rows = [
        {"name": str(place), "demand": f"{int(rng.integers(1, 20))}/100", "endowment": "1/100",
         "distribution": {"family": "beta", "a": 1 + place % 9, "b": 1 + place // 12}}
        for place in range(100)
    ]  # fmt: skip
    outcome = api.check({"mechanism": "forward_market", "agents": rows})
    assert all(finding.holds for finding in outcome.checks)
    assert "least_subsidy" in {finding.property for finding in outcome.checks}
