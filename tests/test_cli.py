"""The command line as the contract has it: what is printed where, exit statuses, files written."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import mechopt
from mechopt import catalog
from mechopt.cli import main

BALANCED = """
mechanism = "overage"
title = "three accounts"
arithmetic = "exact"
accounts = [
  { account = "a", entitlement = 10, claim = 11 },
  { account = "b", entitlement = 10, claim = 12 },
  { account = "c", entitlement = 10, claim = 7 },
]
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "three.toml"
    path.write_text(BALANCED)
    return path


def test_solve_json_prints_one_object_of_the_contract(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", str(model), "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert printed.err == ""
    assert {"mechopt", "mechanism", "title", "status", "guarantee", "summary", "tables", "checks", "provenance"} <= set(
        result
    )
    assert result["summary"]["region"] == "X=I"
    assert result["tables"]["accounts"]["payoff"] == [11, 12, 7]
    assert result["guarantee"]["kind"] == "exact"
    assert len(result["provenance"]["instance_sha256"]) == 64


def test_the_demo_year_is_exact_to_the_tonne(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "overage/eu_ets_2019", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    summary = result["summary"]
    assert summary["accounts"] == 11_011
    assert summary["entitlement_total"] == 752_869_312
    assert summary["claim_total"] == 1_598_421_964
    assert summary["overage_total"] == 948_900_808
    assert summary["slack_total"] == 103_348_156
    assert summary["payoff_total"] == sum(result["tables"]["accounts"]["payoff"]) == 752_869_312
    assert summary["identity_gap"] == 0
    assert result["guarantee"]["kind"] == "exact"


def test_out_writes_the_result_and_a_file_per_table(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"
    assert main(["solve", str(model), "--out", str(folder), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    result = json.loads((folder / "result.json").read_text())
    accounts = pl.read_csv(folder / "accounts.csv")
    assert accounts["account"].to_list() == result["tables"]["accounts"]["account"] == ["a", "b", "c"]


def test_check_returns_1_where_a_property_fails(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(model), "--json"]) == 0
    assert all(finding["holds"] for finding in json.loads(capsys.readouterr().out)["checks"])
    model.write_text(BALANCED + 'rule = "power"\nalpha = 2\n')
    assert main(["check", str(model), "--json"]) == 1
    failed = [finding for finding in json.loads(capsys.readouterr().out)["checks"] if not finding["holds"]]
    assert "budget_identity" in {finding["property"] for finding in failed}
    assert all(finding["witness"] for finding in failed)


def test_people_get_a_table_with_guarantee_and_rows(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", str(model)]) == 0
    shown = capsys.readouterr().out
    assert "exact" in shown
    assert "scarcity" in shown
    assert "three accounts" in shown


def test_report_is_one_page(model: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(model), "-o", str(page), "--quiet"]) == 0
    text = page.read_text()
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert "three accounts" in text


def test_new_writes_a_document_that_solves_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    assert main(["new", "overage", "-o", str(path)]) == 0
    assert main(["solve", str(path), "--json"]) == 0
    capsys.readouterr()
    path.write_text("precious")
    assert main(["new", "overage", "-o", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert path.read_text() == "precious"


def test_list_names_models_and_mechanisms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    shelves = json.loads(capsys.readouterr().out)
    assert "overage/eu_ets_2019" in shelves["models"]
    assert "overage/starter" not in shelves["models"]
    assert "overage/clearing_program" in shelves["programs"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sovle", "x"], "solve"),
        (["solve"], "MODEL"),
        (["solve", "overage/eu_ets_2091"], "eu_ets_2019"),
        (["solve", "missing.toml"], "no such file"),
        (["new", "overrage"], "overage"),
        (["solve", "x\0y"], "not a file name"),
        (["solve", "overage/eu_ets_2019", "--rows", "many"], "rows"),
    ],
)
def test_a_wrong_command_is_one_line_and_status_2(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    assert hint in printed.err


def test_an_output_that_cannot_be_written_is_status_2(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert main(["solve", str(model), "--out", str(blocked)]) == 2
    assert main(["report", str(model), "-o", str(tmp_path / "no" / "page.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(catalog.models()))
def test_every_shipped_model_solves_with_all_checks_holding(name: str) -> None:
    outcome = mechopt.check(name)
    assert outcome.checks
    assert [finding.property for finding in outcome.checks if not finding.holds] == []


def test_the_verbs_stay_functions_whatever_was_imported() -> None:
    """A submodule named like a verb would take its place as soon as it is imported."""
    import importlib
    import pkgutil

    names = {module.name for module in pkgutil.iter_modules(mechopt.__path__)}
    assert names.isdisjoint(mechopt.__all__)
    importlib.import_module("mechopt.solver")
    assert callable(mechopt.solve)
