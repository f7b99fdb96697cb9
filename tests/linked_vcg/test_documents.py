"""Documents and environments: every spelling of a right one, one clear line for a wrong one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechopt import api, catalog, instance
from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.document import from_document
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.market import Market
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.ordered import retract


def document(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "mechanism": "linked_vcg",
        "stock": [10, 8],
        "types": [[3, 0], [0, 2], [1, 1.25]],
        "endowments": [[[0, 0, 1], [0, 1, 2]], [[1, 0, 2], [0, 0, 1]]],
        "lower": [[0, 0, 1], [0, 0, 1]],
        "upper": [[0, 0.5, 2], [0.5, 0, 2]],
    }
    given.update(changes)
    return {key: value for key, value in given.items() if value is not None}


def read(**changes: Any) -> Environment:
    return from_document(instance.read_document(document(**changes)))


def test_nested_lists_are_read_as_written() -> None:
    environment = read(discount=0.5)
    assert environment.endowments.shape == (2, 2, 3)
    assert environment.endowments[1, 0].tolist() == [1.0, 0.0, 2.0]
    assert environment.discount == 0.5
    assert environment.agent_names == ["1", "2"]
    assert not environment.endowments.flags.writeable


def test_exact_numbers_come_back_exactly() -> None:
    environment = read(arithmetic="exact", stock=["1/3", "0.1"], upper=[[0, "1/2", 2], ["1/2", 0, 2]])
    assert environment.stock.tolist() == [Fraction(1, 3), Fraction(1, 10)]
    assert environment.types[2].tolist() == [1, Fraction(5, 4)]
    result = api.solve(document(arithmetic="exact", upper=[[0, "1/2", 2], ["1/2", 0, 2]])).to_dict()
    for value in result["tables"]["agents"]["unlinked_transfer"]:
        Fraction(value)


def test_lower_may_be_left_out() -> None:
    assert read(lower=None).lower.tolist() == [[0.0] * 3] * 2


def test_long_tables_fill_in_zeros_and_name_things() -> None:
    records = [
        {"agent": "b", "date": 10, "type": "both", "quantity": 2},
        {"agent": "a", "date": 9, "type": "both", "quantity": "1/2"},
        {"agent": "a", "date": 10, "type": "own 2", "quantity": 1},
    ]
    bounds = [{"agent": name, "type": "both", "quantity": 3} for name in ("a", "b")]
    environment = read(endowments=records, upper=bounds, lower=None, names={"types": ["own 1", "own 2", "both"]})
    assert environment.agent_names == ["b", "a"]  # as they first occur
    assert environment.date_names == ["9", "10"]  # whole numbers in their order
    assert environment.endowments[1].tolist() == [[0, 0, 0.5], [0, 1, 0]]
    assert environment.upper.tolist() == [[0, 0, 3], [0, 0, 3]]


def test_tables_from_a_file_with_columns_renamed(tmp_path: Path) -> None:
    (tmp_path / "reports.csv").write_text("who;when;what;units\n2;1;3;1.5\n1;1;3;2\n", encoding="utf-8")
    spec = {"file": str(tmp_path / "reports.csv"),
            "columns": {"agent": "who", "date": "when", "type": "what", "quantity": "units"}}  # fmt: skip
    environment = read(endowments=spec, lower=None, upper=[[0, 0, 2], [0, 0, 2]])
    assert environment.endowments[:, 0, 2].tolist() == [2.0, 1.5]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"stock": [10, 0]}, "stock: must be above 0"),
        ({"stock": [10, "inf"]}, "stock"),
        ({"stock": [10]}, "types: has shape"),
        ({"types": [[3, 0], [0, 2], [0, 0]]}, "uses nothing"),
        ({"types": [[3, 1], [0, 2], [1, 1]]}, "condition 1"),
        ({"types": [[0, 3], [2, 0], [1, 1]]}, "condition 1"),
        ({"types": [[3, 0], [0, 2], [-1, 1]]}, "types: must be at least 0"),
        ({"types": [[3, 0], [0, 2], [1]]}, "equal lengths"),
        ({"lower": [[0, 0, 3], [0, 0, 1]]}, r"lower: 3.* is above upper = 2.* \(agent 1, type 3\)"),
        ({"upper": [[0, 0.5, 2]]}, "upper: has shape"),
        (
            {"endowments": [[[0, 0, 1]], [[1, 0, -2]]]},
            r"endowments: must be at least 0, not -2.0 \(at \[2\]\[1\]\[3\]\)",
        ),
        ({"endowments": [[[0, 0, float("nan")]], [[1, 0, 2]]]}, "finite"),
        ({"endowments": []}, "endowments"),
        ({"endowments": [[], []]}, "endowments"),
        ({"endowments": [[[0, 0, 1]], [[1, 0]]]}, "equal lengths"),
        ({"endowments": 3}, "endowments"),
        ({"discount": 0}, "discount: must be above 0 and at most 1"),
        ({"discount": 1.5}, "discount"),
        ({"discount": "much"}, "discount"),
        ({"names": {"agents": ["a", "a"]}}, "occurs twice"),
        ({"names": {"agents": ["a"]}}, "1 names for 2"),
        ({"names": {"people": ["a"]}}, "names"),
        ({"penalty": 1}, "unknown key 'penalty'"),
        ({"upper": None}, "upper"),
        ({"endowments": [{"agent": 1, "date": 1, "type": 7, "quantity": 1}]}, "'7' is not one of the 3 types"),
        ({"endowments": [{"agent": 1, "date": 1, "type": 3, "quantity": 1}] * 2}, "occurs twice"),
    ],
)
def test_a_wrong_document_is_refused_with_one_clear_line(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)


def test_the_shipped_models_and_the_starter_solve() -> None:
    shipped = [name for name in catalog.models() if name.startswith("linked_vcg/")]
    assert {"linked_vcg/figure_1a", "linked_vcg/talent_marketplace"} <= set(shipped)
    for source in ("linked_vcg/figure_1a", catalog.starter("linked_vcg")):
        outcome = api.check(source)
        assert outcome.guarantee.kind in ("exact", "certified")
        assert all(finding.holds for finding in outcome.checks)
        assert api.report(source).startswith("<!")
    environment = api.load("linked_vcg/talent_marketplace").environment
    assert environment.endowments.shape == (18, 12, 7)


def test_checks_fail_where_a_result_was_tampered_with() -> None:
    from dataclasses import replace

    from mechopt.mechanisms.linked_vcg.checks import check

    model = api.load(document())
    outcome = api.solve(model)
    agents: dict[str, Any] = dict(outcome.tables["agents"])
    agents["linked_transfer"] = np.asarray(agents["linked_transfer"]) - 100.0
    agents["unlinked_transfer"] = np.asarray(agents["unlinked_transfer"]) + 0.1
    dates: dict[str, Any] = dict(outcome.tables["dates"])
    dates["value"] = [value - 0.5 for value in dates["value"]]
    dates["investment"] = [[0.0] * 3 for _ in dates["value"]]
    findings = check(model.environment, replace(outcome, tables={"agents": agents, "dates": dates}))
    failed = {finding.property for finding in findings if not finding.holds}
    assert failed >= {"efficiency", "exhaustiveness", "unlinked_identity", "limited_liability"}


@pytest.mark.parametrize("seed", range(10))
def test_the_retraction_is_idempotent_adapted_and_keeps_what_fits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reports = np.round(rng.uniform(0, 2, (3, 4, 2)), 1)
    lower, upper = np.full((3, 2), 0.5), np.full((3, 2), 1.0)
    once, changed = retract(reports, lower, upper)
    average = once.mean(axis=1)
    assert np.all(average <= 1 + 1e-12)
    assert np.all(average >= 0.5 - 1e-12)
    assert not retract(once, lower, upper)[1].any()
    assert np.array_equal(np.any(once != reports, axis=1), changed)
    later = reports.copy()
    later[:, 2:] = rng.uniform(0, 2, (3, 2, 2))
    assert np.array_equal(retract(later, lower, upper)[0][:, :2], once[:, :2])  # only looks back


def test_a_sum_on_its_bound_is_not_cut_by_rounding() -> None:
    """0.1 three times against 3 * 0.1 = 0.30000000000000004 either way."""
    reports = np.full((1, 3, 1), 0.1)
    for bounds in (0.1, 0.3 / 3):
        assert not retract(reports, np.full((1, 1), bounds), np.full((1, 1), bounds))[1].any()


def test_a_market_refuses_what_it_cannot_allocate() -> None:
    environment = read()
    market = Market(knapsack(environment), environment.lower, environment.upper, dates=1)
    with pytest.raises(InstanceError, match="0 of 1 dates"):
        market.settle()
    with pytest.raises(InstanceError, match="shape"):
        market.allocate(np.zeros((3, 3)))
    with pytest.raises(InstanceError, match="finite"):
        market.allocate(np.full((2, 3), np.nan))
    market.allocate(environment.endowments[:, 0])
    with pytest.raises(InstanceError, match="all 1 dates"):
        market.allocate(environment.endowments[:, 1])
