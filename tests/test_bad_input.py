"""Bad input: status 2, one line on standard error that names the place, nothing on standard output, nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mechopt.cli import main

ROW = '{ account = "a", entitlement = 1, claim = 2 }'


def toml(accounts: str = f"[{ROW}]", extra: str = "", mechanism: str = 'mechanism = "overage"') -> str:
    return f"{mechanism}\n{extra}\naccounts = {accounts}\n"


def cell(column: str, value: str) -> str:
    cells = {"account": '"b"', "entitlement": "1", "claim": "2"} | {column: value}
    return toml(f"[{ROW}, {{ {', '.join(f'{name} = {text}' for name, text in cells.items())} }}]")


DOCUMENTS: dict[str, tuple[str, list[str]]] = {
    "empty": ("", ["mechanism", "missing"]),
    "not toml": ("accounts = [", ["cannot be parsed"]),
    "no mechanism": (toml(mechanism=""), ["mechanism"]),
    "unknown mechanism": (toml(mechanism='mechanism = "overrage"'), ["overrage", "overage"]),
    "mechanism is a number": (toml(mechanism="mechanism = 3"), ["mechanism"]),
    "unknown key": (toml(extra="alhpa = 2"), ["alhpa", "alpha"]),
    "repeated key": (toml(extra='title = "a"\ntitle = "b"'), ["cannot be parsed"]),
    "title is a number": (toml(extra="title = 3"), ["title", "str"]),
    "seed is text": (toml(extra='seed = "x"'), ["seed", "int"]),
    "seed is negative": (toml(extra="seed = -1"), ["seed"]),
    "unknown arithmetic": (toml(extra='arithmetic = "decimal"'), ["arithmetic", "exact"]),
    "unknown rule": (toml(extra='rule = "quadratic"'), ["rule", "capped_power"]),
    "unknown tie": (toml(extra='tie = "middle"'), ["tie", "left"]),
    "unknown rounding": (toml(extra='rounding = "up"'), ["rounding", "webster"]),
    "alpha zero": (toml(extra='rule = "power"\nalpha = 0'), ["alpha", "above 0"]),
    "alpha negative": (toml(extra='rule = "power"\nalpha = -1'), ["alpha", "above 0"]),
    "alpha text": (toml(extra='rule = "power"\nalpha = "two"'), ["alpha", "two"]),
    "alpha nan": (toml(extra='rule = "power"\nalpha = nan'), ["alpha", "finite"]),
    "alpha huge": (toml(extra='rule = "power"\nalpha = 1e9'), ["alpha", "1000"]),
    "alpha a list": (toml(extra='rule = "power"\nalpha = [1]'), ["alpha", "number"]),
    "alpha without a power rule": (toml(extra="alpha = 2"), ["alpha", "power"]),
    "penalty negative": (toml(extra="penalty = -5"), ["penalty", "at least 0"]),
    "penalty infinite": (toml(extra="penalty = inf"), ["penalty", "finite"]),
    "penalty true": (toml(extra="penalty = true"), ["penalty", "number"]),
    "bound below a claim": (toml(extra="claim_bound = 1"), ["accounts.claim", "row 1", "claim_bound"]),
    "bound negative": (toml(extra="claim_bound = -1"), ["claim_bound", "at least 0"]),
    "divisor with a power rule": (toml(extra='rule = "power"\nalpha = 2\nrounding = "adams"'), ["rounding", "adams"]),
    "accounts missing": ('mechanism = "overage"', ["accounts", "missing"]),
    "accounts empty": (toml("[]"), ["accounts", "at least one"]),
    "accounts a number": (toml("3"), ["accounts", "list"]),
    "accounts of numbers": (toml("[1, 2]"), ["accounts", "row 1", "record"]),
    "record without a claim": (toml('[{ account = "a", entitlement = 1 }]'), ["row 1", "claim", "missing"]),
    "record with an unknown key": (
        toml('[{ account = "a", entitlement = 1, claim = 1, clam = 2 }]'),
        ["row 1", "clam", "claim"],
    ),
    "columns of different lengths": (
        toml('{ account = ["a", "b"], entitlement = [1, 2], claim = [1] }'),
        ["accounts", "equal lengths"],
    ),
    "negative claim": (cell("claim", "-4"), ["accounts.claim", "row 2", "-4"]),
    "negative entitlement": (cell("entitlement", "-0.5"), ["accounts.entitlement", "row 2", "at least 0"]),
    "claim nan": (cell("claim", "nan"), ["accounts.claim", "row 2", "finite"]),
    "claim infinite": (cell("claim", "inf"), ["accounts.claim", "row 2", "finite"]),
    "claim true": (cell("claim", "true"), ["accounts.claim", "row 2", "number"]),
    "claim text": (cell("claim", '"much"'), ["accounts.claim", "row 2", "much"]),
    "claim empty text": (cell("claim", '""'), ["accounts.claim", "row 2", "empty"]),
    "claim a list": (cell("claim", "[1]"), ["accounts.claim", "row 2", "number"]),
    "claim a date": (cell("claim", "2019-01-01"), ["accounts.claim", "row 2", "number"]),
    "claim over zero": (cell("claim", '"1/0"'), ["accounts.claim", "row 2", "zero"]),
    "claim with two slashes": (cell("claim", '"1/2/3"'), ["accounts.claim", "row 2", "1/3"]),
    "claim beyond reason": (cell("claim", "1e999999"), ["accounts.claim", "row 2", "range"]),
    "claim beyond floats": (cell("claim", "1e330"), ["claim", "exact"]),
    "endless integer": (cell("claim", "9" * 5000), ["mine.toml"]),
    "account twice": (cell("account", '"a"'), ["accounts.account", "row 2", "twice", "row 1"]),
    "account empty": (cell("account", '" "'), ["accounts.account", "row 2", "name"]),
    "account a float": (cell("account", "1.5"), ["accounts.account", "row 2", "name"]),
    "part of a unit": (
        cell("claim", "1.5").replace("accounts", 'rounding = "webster"\naccounts', 1),
        ["accounts.claim", "row 2", "whole"],
    ),
    "irrational share": (
        toml(
            '{ account = ["a", "b", "c"], entitlement = [1, 1, 1], claim = [2, 3, 0] }',
            extra='rule = "power"\nalpha = "1/2"\narithmetic = "exact"',
        ),
        ["alpha", "irrational"],
    ),
    "tie that whole units cannot follow": (
        toml(
            '{ account = ["a", "b", "c"], entitlement = [10, 10, 10], claim = [11, 12, 7] }',
            extra='rule = "power"\nalpha = 2\nrounding = "cumulative"',
        ),
        ["tie", "left"],
    ),
    "file missing": (toml('{ file = "none.csv" }'), ["none.csv", "no such file"]),
    "file not text": (toml("{ file = 3 }"), ["accounts.file"]),
    "file of unknown kind": (toml('{ file = "mine.toml" }'), [".toml", ".csv"]),
    "file and an unknown key": (toml('{ file = "t.csv", sheet = 1 }'), ["sheet"]),
    "columns not a table": (toml('{ file = "t.csv", columns = ["a"] }'), ["accounts.columns"]),
    "columns of an unknown name": (toml('{ file = "t.csv", columns = { clam = "claim" } }'), ["clam", "claim"]),
    "columns that are not there": (toml('{ file = "t.csv", columns = { claim = "used" } }'), ["t.csv", "used"]),
    "where on an unknown column": (toml('{ file = "t.csv", where = { yaer = 1 } }'), ["t.csv", "yaer"]),
    "where that nothing passes": (toml('{ file = "t.csv", where = { claim = 99 } }'), ["t.csv", "no row", "99"]),
}

TABLES: dict[str, tuple[str, bytes | Callable[[Path], object], list[str]]] = {
    "empty csv": ("t.csv", b"", ["t.csv"]),
    "header only": ("t.csv", b"account,entitlement,claim\n", ["t.csv", "no row"]),
    "column missing": ("t.csv", b"account,entitlement\na,1\n", ["t.csv", "claim", "missing"]),
    "column twice": ("t.csv", b"account,entitlement,claim,claim\na,1,2,3\n", ["t.csv", "claim", "twice"]),
    "ragged": ("t.csv", b"account,entitlement,claim\na,1,2\nb,1,2,3,4\n", ["t.csv"]),
    "cell empty": ("t.csv", b"account,entitlement,claim\na,1,2\nb,,2\n", ["t.csv", "entitlement", "row 2", "empty"]),
    "cell text": ("t.csv", b"account,entitlement,claim\na,1,x\n", ["t.csv", "claim", "row 1", "x"]),
    "cell nan": ("t.csv", b"account,entitlement,claim\na,1,NaN\n", ["t.csv", "claim", "row 1", "finite"]),
    "cell negative": ("t.csv", b"account,entitlement,claim\na,1,1\nb,1,-1\n", ["t.csv", "claim", "row 2", "-1"]),
    "decimal comma": ("t.csv", b'account;entitlement;claim\na;1;"2,5"\n', ["t.csv", "claim", "row 1", "2,5"]),
    "latin-1": ("t.csv", "account,entitlement,claim\nMüller,1,2\n".encode("latin-1"), ["t.csv"]),
    "utf-16": ("t.csv", "account,entitlement,claim\na,1,2\n".encode("utf-16"), ["t.csv"]),
    "account twice": ("t.csv", b"account,entitlement,claim\na,1,2\na,1,2\n", ["t.csv", "account", "row 2", "twice"]),
    "a folder": ("t.csv", lambda path: path.mkdir(), ["t.csv", "folder"]),
    "not parquet": ("t.parquet", b"PAR1 this is not one", ["t.parquet", "parquet"]),
    "not arrow": ("t.arrow", b"ARROW1 this is not one", ["t.arrow", "arrow"]),
    "json that is not": ("t.json", b"[{", ["t.json"]),
    "json of a number": ("t.json", b"3", ["t.json", "records"]),
    "json nan": ("t.json", b'[{"account": "a", "entitlement": 1, "claim": NaN}]', ["t.json", "NaN"]),
    "json key twice": ("t.json", b'[{"account": "a", "account": "b", "entitlement": 1, "claim": 1}]', ["twice"]),
    "json null": ("t.json", b'[{"account": "a", "entitlement": null, "claim": 1}]', ["entitlement", "row 1", "empty"]),
    "parquet nan": (
        "t.parquet",
        lambda path: pl.DataFrame({"account": ["a"], "entitlement": [1.0], "claim": [float("nan")]}).write_parquet(
            path
        ),
        ["t.parquet", "claim", "row 1", "finite"],
    ),
    "parquet null": (
        "t.parquet",
        lambda path: pl.DataFrame({"account": ["a", "b"], "entitlement": [1, None], "claim": [1, 2]}).write_parquet(
            path
        ),
        ["t.parquet", "entitlement", "row 2", "empty"],
    ),
    "parquet of booleans": (
        "t.parquet",
        lambda path: pl.DataFrame({"account": ["a"], "entitlement": [True], "claim": [1]}).write_parquet(path),
        ["t.parquet", "entitlement", "row 1", "number"],
    ),
}


def refused(path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.parent.rglob("*"))
    assert main(["solve", str(path), "--out", str(path.parent / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    for word in words:
        assert word in printed.err
    assert "Traceback" not in printed.err
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("name", DOCUMENTS)
def test_malformed_document(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, words = DOCUMENTS[name]
    (tmp_path / "t.csv").write_text("account,entitlement,claim\na,1,2\n")
    path = tmp_path / "mine.toml"
    path.write_text(text)
    refused(path, words, capsys)


@pytest.mark.parametrize("name", TABLES)
def test_malformed_table(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, content, words = TABLES[name]
    if isinstance(content, bytes):
        (tmp_path / file).write_bytes(content)
    else:
        content(tmp_path / file)
    path = tmp_path / "mine.toml"
    path.write_text(toml(f'{{ file = "{file}" }}'))
    refused(path, words, capsys)


@pytest.mark.parametrize(
    ("file", "content", "word"),
    [
        ("mine.json", b"[]", "object"),
        ("mine.json", b'{"mechanism": "overage", "mechanism": "overage"}', "twice"),
        ("mine.json", b"[" * 100_000, "nested"),
        ("mine.json", b'{"mechanism": "overage", "accounts": Infinity}', "Infinity"),
        ("mine.toml", b'mechanism = "overage"\ntitle = "\xff"', "UTF-8"),
        ("mine.toml", b"a = " + b"[" * 100_000, "mine.toml"),
        ("mine.txt", b"mechanism = 1", ".toml"),
    ],
)
def test_malformed_file(
    file: str, content: bytes, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).write_bytes(content)
    refused(tmp_path / file, [file, word], capsys)


def test_a_folder_is_no_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").mkdir()
    refused(tmp_path / "mine.toml", ["folder"], capsys)


def test_rows_are_those_of_the_file_also_behind_a_filter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text("account,year,entitlement,claim\na,2018,1,1\nb,2019,1,1\nc,2018,1,1\nd,2019,1,-1\n")
    path = tmp_path / "mine.toml"
    path.write_text(toml('{ file = "t.csv", where = { year = 2019 } }'))
    refused(path, ["t.csv", "row 4"], capsys)


def test_json_documents_are_refused_like_toml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"mechanism": "overage", "accounts": [{"account": "a", "entitlement": 1, "claim": -1}]}))
    refused(path, ["mine.json", "accounts.claim", "row 1", "at least 0"], capsys)
