"""Audits of statements: right ones pass, each kind of fault is found and named, whatever the file format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mechopt
from mechopt.cli import main

ACCOUNTS = [
    {"account": "a", "entitlement": 10, "claim": 14},
    {"account": "b", "entitlement": 10, "claim": 7},
    {"account": "c", "entitlement": 10, "claim": 12},
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"mechanism": "overage", "rounding": "largest_remainder", "accounts": ACCOUNTS}))
    return path


def statement(model: Path) -> pl.DataFrame:
    return mechopt.solve(model).to_polars("accounts").select("account", "payoff", "residual")


WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "csv": lambda frame, path: frame.write_csv(path),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "arrow": lambda frame, path: frame.write_ipc(path),
    "json": lambda frame, path: path.write_text(json.dumps(frame.to_dicts())),
}


@pytest.mark.parametrize("ending", WRITERS)
def test_the_mechanisms_own_statement_agrees_in_any_order(model: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"theirs.{ending}"
    WRITERS[ending](statement(model).reverse(), path)
    assert main(["audit", str(path), "--model", str(model), "--quiet"]) == 0
    outcome = mechopt.audit(model, path)
    assert outcome.status == "agrees"
    assert outcome.summary["lines"] == 3


def test_a_wrong_line_is_named_with_both_numbers(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "theirs.csv"
    statement(model).with_columns(
        payoff=pl.when(pl.col("account") == "c").then(pl.col("payoff") + 2).otherwise(pl.col("payoff"))
    ).write_csv(path)
    assert main(["audit", str(path), "--model", str(model), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    wrong = result["tables"]["wrong"]
    assert (wrong["line"], wrong["account"], wrong["column"], wrong["difference"]) == ([3], ["c"], ["payoff"], [2])
    assert result["summary"]["lines_wrong"] == 1
    failed = [check["property"] for check in result["checks"] if not check["holds"]]
    assert failed == ["payoff_as_computed"]


def test_missing_and_unknown_lines_fail(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    rows = statement(model).filter(pl.col("account") != "a")
    pl.concat([rows, pl.DataFrame({"account": ["z"], "payoff": [1], "residual": [0]})]).write_csv(path)
    outcome = mechopt.audit(model, path)
    assert outcome.tables["missing"]["account"] == ["a"]
    assert outcome.tables["unknown"]["account"] == ["z"]
    assert outcome.status == "differs"


def test_a_tolerance_forgives_rounding_and_nothing_more(tmp_path: Path) -> None:
    document = {"mechanism": "overage", "arithmetic": "exact", "accounts": ACCOUNTS}
    path = tmp_path / "theirs.csv"
    payoffs = mechopt.solve(document).tables["accounts"]["payoff"]
    pl.DataFrame({"account": ["a", "b", "c"], "payoff": [f"{float(p) + 0.004:.3f}" for p in payoffs]}).write_csv(path)
    assert mechopt.audit(document, path).status == "differs"
    assert mechopt.audit(document, path, tolerance="0.005").status == "agrees"
    assert mechopt.audit(document, path, tolerance="0.003").status == "differs"


def test_floats_are_held_to_the_results_own_error(tmp_path: Path) -> None:
    document = {"mechanism": "overage", "accounts": ACCOUNTS, "rule": "talmud"}
    path = tmp_path / "theirs.parquet"
    mechopt.solve(document).to_polars("accounts").select("account", "payoff").write_parquet(path)
    assert mechopt.audit(document, path).status == "agrees"
    pl.read_parquet(path).with_columns(pl.col("payoff") + 1e-6).write_parquet(path)
    assert mechopt.audit(document, path).status == "differs"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,payoff\na,1\n", ["column of names", "account"]),
        ("account,money\na,1\n", ["no column to check", "payoff"]),
        ("account,payoff\na,1\na,2\n", ["occurs twice", "row 1"]),
        ("account,payoff\na,x\nb,1\nc,1\n", ["payoff", "row 1"]),
        ("account,payoff\na,\nb,1\nc,1\n", ["payoff", "row 1"]),
    ],
)
def test_statements_that_cannot_be_read_are_named(
    model: Path, tmp_path: Path, text: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(text)
    assert main(["audit", str(path), "--model", str(model)]) == 2
    printed = capsys.readouterr().err
    assert all(word in printed for word in ["theirs.csv", *words]), printed
    assert main(["audit", str(tmp_path / "none.csv"), "--model", str(model)]) == 2


def test_the_demo_year_is_audited(tmp_path: Path) -> None:
    path = tmp_path / "ets.csv"
    frame = mechopt.solve("overage/eu_ets_2019").to_polars("accounts").select("account", "payoff")
    frame.with_row_index("n").with_columns(
        payoff=pl.when(pl.col("n") == 5000).then(pl.col("payoff") + 1).otherwise(pl.col("payoff"))
    ).drop("n").write_csv(path)
    outcome = mechopt.audit("overage/eu_ets_2019", path)
    assert outcome.tables["wrong"]["line"] == [5001]
    assert outcome.tables["wrong"]["difference"] == [1]
