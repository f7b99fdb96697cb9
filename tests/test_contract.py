"""What users rely on: the keys that the documentation of results names, for every shipped model of every mechanism."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

import mechopt
from mechopt import catalog
from mechopt.outcome import Outcome

SUMMARY = {
    "overage": {
        "accounts", "entitlement_total", "claim_total", "overage_total", "slack_total", "scarcity", "unused",
        "payoff_total", "identity_gap", "region",
    },
    "linked_vcg": {
        "agents", "dates", "types", "resources", "surplus", "cost_unlinked", "cost_linked", "cost_to_surplus"
    },
    "borrowing": {
        "constant", "constant_as_printed", "drift_as_printed", "expected_welfare", "variance", "probability_first",
        "probability_second", "probability_tie",
    },
    "forward_market": {
        "worst_off_type", "surplus_at_endowment", "surplus_at_holding", "spot_operates_at_endowment",
        "expected_welfare", "forward_budget", "boundary_agent", "boundary_surplus", "best",
    },
    "limited_liability": {
        "periods", "agents", "decisions", "output_total", "output_efficient", "loss_per_period", "transfers_total",
        "epsilon_certified", "max_regret",
    },
}  # fmt: skip
TABLES = {
    "overage": {
        "accounts": {
            "account", "entitlement", "claim", "overage", "slack", "coverage", "payoff", "residual", "penalty"
        }
    },
    "linked_vcg": {
        "agents": {
            "agent", "contribution", "unlinked_transfer", "linked_transfer", "linked_low", "linked_high", "method",
            "price_invariant", "served_invariant",
        },
        "dates": {"date", "value"},
    },
    "borrowing": {},
    "forward_market": {
        "agents": {
            "agent", "demand", "endowment", "holding", "worst_off_type_at_endowment", "forward_payment", "fee",
            "rebate", "gain",
        }
    },
    "limited_liability": {
        "periods": {"period", "group", "decision", "paid", "expected_transfer", "regret_allocation", "regret_transfer"}
    },
}  # fmt: skip
RESULT = {"mechopt", "mechanism", "title", "status", "guarantee", "summary", "tables", "checks", "provenance"}
MODELS = list(catalog.models())


@functools.cache
def solved(model: str) -> Outcome:
    return mechopt.solve(model)


def is_sequence(model: str) -> bool:
    return model.startswith("borrowing/") and "sequence" in mechopt.load(model).document.data


@pytest.mark.parametrize("model", MODELS)
def test_a_result_is_one_json_object_with_the_keys_of_the_contract(model: str) -> None:
    result: dict[str, Any] = json.loads(solved(model).to_json())
    assert set(result) >= RESULT
    assert set(result["guarantee"]) == {"kind", "detail", "error"}
    assert len(result["provenance"]["instance_sha256"]) == 64
    for table in result["tables"].values():
        assert len({len(column) for column in table.values()}) <= 1


@pytest.mark.parametrize("model", MODELS)
def test_the_summary_has_the_names_of_the_contract(model: str) -> None:
    mechanism = model.split("/")[0]
    wanted = {"welfare"} if is_sequence(model) else SUMMARY[mechanism]
    found = set(solved(model).summary)
    if is_sequence(model) and "cost" in found:
        wanted = {"cost"}  # of a landing file
    assert wanted <= found, wanted - found


@pytest.mark.parametrize("model", MODELS)
def test_the_tables_have_the_names_of_the_contract(model: str) -> None:
    mechanism, tables = model.split("/")[0], solved(model).tables
    if is_sequence(model):
        assert {"position", "name", "start", "completion", "value"} <= set(tables["order"])
        return
    for name, wanted in TABLES[mechanism].items():
        columns = {column.split("[")[0] for column in tables[name]}
        missing = {column for column in wanted if not any(c == column or c.startswith(f"{column}_") for c in columns)}
        assert not missing, (name, missing)


@pytest.mark.parametrize("mechanism", SUMMARY)
def test_every_mechanism_has_a_starting_document_that_solves(mechanism: str) -> None:
    assert mechopt.solve(catalog.starter(mechanism)).summary
