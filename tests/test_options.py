"""--seed, --exact, --tolerance, --workers and --executor on `solve`, `check` and `report`."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mechopt
from mechopt.cli import main
from mechopt.errors import InstanceError

DRAWN: dict[str, Any] = {
    "mechanism": "limited_liability",
    "variant": "baseline",
    "values": [[[1, 0], [0, 1]]] * 6,
    "outputs": [[[1, 0], [0, 1]]] * 6,
    "seed": 3,
}


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A model that draws whom to leave out."""
    path = tmp_path / "drawn.json"
    path.write_text(json.dumps(DRAWN))
    return path


def solved(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["solve", *words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert isinstance(result, dict)
    return result


def test_a_seed_takes_the_place_of_the_documents(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = solved(capsys, str(drawn))
    assert own["provenance"]["seed"] == 3
    assert solved(capsys, str(drawn), "--seed", "3")["tables"] == own["tables"]
    others = [solved(capsys, str(drawn), "--seed", str(seed)) for seed in range(10, 16)]
    assert [other["provenance"]["seed"] for other in others] == list(range(10, 16))
    assert any(other["tables"]["periods"]["group"] != own["tables"]["periods"]["group"] for other in others)
    again = mechopt.solve(DRAWN, seed=12).to_dict()
    assert again["tables"] == others[2]["tables"]
    loaded = mechopt.load(DRAWN)
    assert mechopt.solve(loaded, seed=12).to_dict()["tables"] == again["tables"]
    assert loaded.document.data["seed"] == 3


@pytest.mark.parametrize("verb", ["solve", "check", "report"])
@pytest.mark.parametrize("seed", ["-1", "x", str(2**70)])
def test_a_wrong_seed_is_refused(verb: str, seed: str, drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, str(drawn), "--seed", seed]) == 2
    printed = capsys.readouterr().err
    assert "seed" in printed
    assert len(printed.splitlines()) == 1


def test_a_tolerance_takes_the_place_of_each_checks_own(capsys: pytest.CaptureFixture[str]) -> None:
    name = "limited_liability/development_fund"
    own = mechopt.check(name)
    wide = mechopt.check(name, tolerance="1000000")
    assert {finding.tolerance for finding in wide.checks} == {1_000_000}
    assert [finding.margin for finding in wide.checks] == [finding.margin for finding in own.checks]
    assert all(finding.holds for finding in wide.checks)
    assert mechopt.check(name, tolerance="1/3").checks[0].tolerance == Fraction(1, 3)
    strict = mechopt.check(name, tolerance=0)
    assert [finding.holds for finding in strict.checks] == [finding.margin >= 0 for finding in own.checks]
    expected = 0 if all(finding.margin >= 0 for finding in own.checks) else 1
    assert main(["check", name, "--tolerance", "0", "--quiet"]) == expected
    capsys.readouterr()


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf", "much"])
def test_a_wrong_tolerance_is_refused(tolerance: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "overage/cap_and_share", f"--tolerance={tolerance}"]) == 2
    printed = capsys.readouterr().err
    assert "--tolerance" in printed
    assert len(printed.splitlines()) == 1


def test_workers_are_accepted_where_there_is_nothing_to_share(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "overage/cap_and_share", "--workers", "2", "--quiet"]) == 0
    assert main(["solve", "overage/cap_and_share", "--workers", "0"]) == 2
    assert "--workers" in capsys.readouterr().err
    with pytest.raises(InstanceError, match="--workers"):
        mechopt.solve("overage/cap_and_share", workers=0)


def test_an_unknown_executor_is_refused_by_solve_and_check(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("solve", "check"):
        assert main([verb, "overage/cap_and_share", "--executor", "spark://here"]) == 2
        assert "--executor" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [mechopt.solve, mechopt.check, mechopt.design, mechopt.simulate])
@pytest.mark.parametrize("value", [1.5, "2", True, -1, np.float64(2)])
def test_seed_and_workers_are_whole_numbers_for_every_verb(verb: Callable[..., Any], value: object) -> None:
    """1.5 processes were one without a word, and a seed that `solve` refused was taken by `simulate`."""
    model = "overage/cap_and_share_collar"
    for key in ("seed", "workers"):
        with pytest.raises(InstanceError, match=f"--{key}"):
            verb(model, **{key: value})
    with pytest.raises(InstanceError, match="--seed"):
        verb(model, seed=2**63)


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    seed: Any = np.int64(12)
    assert mechopt.solve(DRAWN, seed=seed).to_dict()["tables"] == mechopt.solve(DRAWN, seed=12).to_dict()["tables"]


def test_an_option_of_a_program_is_not_cut_to_a_whole_number() -> None:
    """date=1.5 gave the program of date 1."""
    with pytest.raises(InstanceError, match=r"date = 1\.5 is not of type int"):
        mechopt.formulate("linked_vcg/figure_1a", "lp", program="knapsack", date=1.5)
    whole = mechopt.formulate("linked_vcg/figure_1a", "lp", program="knapsack", date=2.0)
    assert whole == mechopt.formulate("linked_vcg/figure_1a", "lp", program="knapsack", date="2")


def test_a_tier_that_there_is_not_is_refused() -> None:
    with pytest.raises(InstanceError, match="'slow' is none of quick, full"):
        mechopt.verify("overage.theorem_4", tier="slow")


@pytest.mark.parametrize("source", [None, 3, ["overage/cap_and_share"], b"overage/cap_and_share"])
def test_what_is_no_model_is_told_what_one_is(source: Any) -> None:
    with pytest.raises(InstanceError, match="a model is a path, the name of a shipped model or a dict"):
        mechopt.solve(source)


def test_a_key_that_is_no_text_is_named() -> None:
    document: dict[Any, Any] = {"mechanism": "overage", 3: 1}
    with pytest.raises(InstanceError, match="a key must be text"):
        mechopt.solve(document)


def test_an_unknown_table_of_a_result_is_named_and_the_known_ones_too() -> None:
    with pytest.raises(InstanceError, match="there is no table 'account'; there are accounts"):
        mechopt.solve("overage/cap_and_share").to_polars("account")


def test_completion_offers_the_verbs_before_they_are_used() -> None:
    assert set(mechopt.__all__) <= set(dir(mechopt))


def test_columns_of_any_frame_are_columns() -> None:
    accounts = {"account": ["a", "b"], "entitlement": [10, 10]}
    for claim in (pl.Series([7, 13]), np.array([7, 13]), (7, 13)):
        outcome = mechopt.solve({"mechanism": "overage", "accounts": {**accounts, "claim": claim}})
        assert outcome.summary["claim_total"] == 20


def test_exact_takes_the_place_of_the_documents_arithmetic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A third of 1 is no float: the market's price and value come back as fractions, and so do the checks."""
    path = tmp_path / "market.json"
    path.write_text(json.dumps({
        "mechanism": "linked_vcg", "arithmetic": "float", "stock": [1], "types": [[3], [0.5]],
        "endowments": [[[0, 0.5]]], "upper": [[0, 0.6]],
    }))  # fmt: skip
    usual, exact = solved(capsys, str(path)), solved(capsys, str(path), "--exact")
    assert usual["tables"]["dates"]["value"] == [0.75]
    assert usual["provenance"]["arithmetic"] == "float"
    assert exact["tables"]["dates"] == {
        "date": ["1"],
        "value": ["3/4"],
        "price": [["1/3"]],
        "investment": [["1/4", "1/2"]],
    }
    assert exact["guarantee"]["kind"] == "exact"
    assert mechopt.load(mechopt.load(path), exactly=True).environment.arithmetic == "exact"
    assert main(["check", str(path), "--exact", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["guarantee"]["kind"] == "exact"
