"""Audits of statements: right ones pass, each kind of fault is found and named, whatever the file format."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
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


def test_a_statement_with_marks_is_read_as_stated(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A point that may mark thousands is refused here too; a comma needs to be stated."""
    path = tmp_path / "theirs.csv"
    accounts = mechopt.solve(model).to_polars("accounts").select("account", "payoff")
    names, right = accounts["account"].to_list(), [str(value) for value in accounts["payoff"]]
    path.write_text("account;payoff\n" + "".join(f"{name};1.200\n" for name in names))
    assert main(["audit", str(path), "--model", str(model)]) == 2
    assert 'may be thousands or decimals in a file with semicolons; say --thousands "."' in capsys.readouterr().err
    rows = zip(names, right, strict=True)
    path.write_text("account;payoff\n" + "".join(f"{name};{payoff},00\n" for name, payoff in rows))
    assert main(["audit", str(path), "--model", str(model)]) == 2
    assert '--decimal "," would read it' in capsys.readouterr().err
    assert main(["audit", str(path), "--model", str(model), "--decimal", ","]) == 0
    path = tmp_path / "theirs.parquet"
    accounts.write_parquet(path)
    capsys.readouterr()
    assert main(["audit", str(path), "--model", str(model), "--decimal", ","]) == 2
    assert "only a CSV file has marks" in capsys.readouterr().err


def test_decimals_of_a_json_statement_keep_their_value(model: Path, tmp_path: Path) -> None:
    accounts = mechopt.solve(model).to_polars("accounts").select("account", "payoff").to_dicts()
    told = [{"account": row["account"], "payoff": row["payoff"]} for row in accounts]
    text = json.dumps(told).replace(f": {told[0]['payoff']}}}", f": {told[0]['payoff']}.{'0' * 60}1}}", 1)
    assert text != json.dumps(told)
    (tmp_path / "theirs.json").write_text(text)
    outcome = mechopt.audit(model, tmp_path / "theirs.json")
    assert outcome.summary["lines_wrong"] == 1
    assert outcome.tables["wrong"]["difference"][0] == Fraction(1, 10**61)


def test_the_demo_year_is_audited(tmp_path: Path) -> None:
    path = tmp_path / "ets.csv"
    frame = mechopt.solve("overage/eu_ets_2019").to_polars("accounts").select("account", "payoff")
    frame.with_row_index("n").with_columns(
        payoff=pl.when(pl.col("n") == 5000).then(pl.col("payoff") + 1).otherwise(pl.col("payoff"))
    ).drop("n").write_csv(path)
    outcome = mechopt.audit("overage/eu_ets_2019", path)
    assert outcome.tables["wrong"]["line"] == [5001]
    assert outcome.tables["wrong"]["difference"] == [1]


def many(folder: Path, wrong: int) -> tuple[Path, Path]:
    """A model of 3,000 accounts and a statement of which the first lines are wrong by their number."""
    size = 3000
    accounts = pl.DataFrame(
        {"account": [f"n{k}" for k in range(size)], "entitlement": [10] * size, "claim": [9] * size}
    )
    accounts.write_parquet(folder / "accounts.parquet")
    document = {"mechanism": "overage", "rounding": "largest_remainder", "accounts": "accounts.parquet"}
    (folder / "many.json").write_text(json.dumps(document))
    said = accounts.select("account", payoff=pl.int_range(1, size + 1))
    said.with_columns(payoff=pl.when(pl.col("payoff") <= wrong).then(pl.col("payoff") + 9).otherwise(9)).write_csv(
        folder / "said.csv"
    )
    return folder / "many.json", folder / "said.csv"


@pytest.mark.parametrize("wrong", [0, 1, 999, 2500])
def test_every_wrong_line_is_counted_though_not_all_are_shown(wrong: int, tmp_path: Path) -> None:
    model, said = many(tmp_path, wrong)
    outcome = mechopt.audit(model, said)
    assert outcome.summary["lines_wrong"] == wrong
    assert outcome.tables["wrong"]["difference"] == list(range(1, min(wrong, 1000) + 1))


def test_numbers_at_the_end_of_64_bits_are_not_wrapped(tmp_path: Path) -> None:
    document = {"mechanism": "overage", "rounding": "largest_remainder", "accounts": ACCOUNTS}
    pl.DataFrame({"account": ["a", "b", "c"], "residual": [-(2**63), 0, 2**63 - 1]}).write_parquet(
        tmp_path / "said.parquet"
    )
    outcome = mechopt.audit(document, tmp_path / "said.parquet")
    computed = [int(value) for value in mechopt.solve(document).tables["accounts"]["residual"]]
    assert outcome.tables["wrong"]["difference"] == [-(2**63) - computed[0], 2**63 - 1 - computed[2]]


@pytest.mark.parametrize(("tolerance", "wrong"), [("0.1", 0), ("0.0999999999999999999", 2), ("0.3", 0), ("0.05", 2)])
def test_a_difference_of_exactly_the_tolerance_is_within_it(tmp_path: Path, tolerance: str, wrong: int) -> None:
    """In floats 11.3 - 11.2 is more than 0.1 and 0.3 - 0.2 less: the decimals as written decide."""
    accounts = [{"account": "a", "entitlement": 10, "claim": 11.2}, {"account": "b", "entitlement": 10, "claim": 0.2}]
    pl.DataFrame({"account": ["a", "b"], "payoff": [11.3, 0.3]}).write_parquet(tmp_path / "said.parquet")
    outcome = mechopt.audit(
        {"mechanism": "overage", "accounts": accounts}, tmp_path / "said.parquet", tolerance=tolerance
    )
    assert outcome.summary["lines_wrong"] == wrong
