"""Malformed documents and tables: exit status 2, one line that names the place, no traceback, nothing printed."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mechopt.cli import main

Maker = Callable[[Path], Path]
HEAD = 'mechanism = "overage"\n'
GOOD = 'accounts = [{ account = "a", entitlement = 1, claim = 2 }, { account = "b", entitlement = 3, claim = 1 }]\n'
DIGITS = "9" * 5000


def toml(text: str, *, head: str = HEAD) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / "model.toml"
        path.write_text(head + text, encoding="utf-8")
        return path

    return make


def document(content: str | bytes, name: str) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def table(content: str | bytes, name: str = "t.csv", extra: str = "") -> Maker:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return toml(f'accounts = {{ file = "{name}"{extra} }}\n')(folder)

    return make


def cell(entitlement: str = "1", claim: str = "2", account: str = '"b"') -> str:
    return (
        'accounts = [{ account = "a", entitlement = 1, claim = 2 }, '
        f"{{ account = {account}, entitlement = {entitlement}, claim = {claim} }}]\n"
    )


def parquet(folder: Path) -> bytes:
    path = folder / "whole.parquet"
    pl.DataFrame({"account": ["a"], "entitlement": [1], "claim": [2]}).write_parquet(path)
    return path.read_bytes()


def broken_parquet(folder: Path) -> Path:
    content = parquet(folder)
    return table(content[:40] + content[60:], "t.parquet")(folder)


def truncated_gzip(folder: Path) -> Path:
    content = gzip.compress(b"account,entitlement,claim\n" + b"a,1,2\n" * 999)
    return table(content[: len(content) // 2], "t.csv.gz")(folder)


def nan_parquet(folder: Path) -> Path:
    frame = pl.DataFrame({"account": ["a", "b"], "entitlement": [1.0, 2.0], "claim": [2.0, float("nan")]})
    frame.write_parquet(folder / "t.parquet")
    return toml('accounts = "t.parquet"\n')(folder)


def truths_parquet(folder: Path) -> Path:
    pl.DataFrame({"account": ["a"], "entitlement": [True], "claim": [1]}).write_parquet(folder / "t.parquet")
    return toml('accounts = "t.parquet"\n')(folder)


def null_arrow(folder: Path) -> Path:
    pl.DataFrame({"account": ["a", "b"], "entitlement": [1, None], "claim": [2, 3]}).write_ipc(folder / "t.arrow")
    return toml('accounts = "t.arrow"\n')(folder)


def date_parquet(folder: Path) -> Path:
    frame = pl.DataFrame({"account": ["a"], "entitlement": [1], "claim": ["2019-01-01"]})
    frame.with_columns(pl.col("claim").str.to_date()).write_parquet(folder / "t.parquet")
    return toml('accounts = "t.parquet"\n')(folder)


def folder_as_document(folder: Path) -> Path:
    (folder / "model.toml").mkdir()
    return folder / "model.toml"


def folder_as_table(folder: Path) -> Path:
    (folder / "t.csv").mkdir()
    return toml('accounts = "t.csv"\n')(folder)


COLUMNS = "account,entitlement,claim\n"
# What the line must contain: the file, the key, the row where there is one, and a word that says what is wrong.
CASES: dict[str, tuple[Maker, list[str]]] = {
    # The document itself.
    "no document": (lambda folder: folder / "none.toml", ["none.toml", "no such file"]),
    "folder as document": (folder_as_document, ["model.toml", "folder"]),
    "unknown suffix": (document("a = 1", "model.yaml"), ["model.yaml", ".toml"]),
    "empty toml": (document("", "model.toml"), ["model.toml", "mechanism", "missing"]),
    "empty json": (document("", "model.json"), ["model.json", "parsed"]),
    "toml syntax": (toml("accounts = [\n"), ["model.toml", "parsed", "end of document"]),
    "toml key twice": (toml(GOOD + GOOD), ["model.toml", "parsed"]),
    "json syntax": (document('{"mechanism": ', "model.json"), ["model.json", "parsed", "line 1"]),
    "json list": (document("[1]", "model.json"), ["model.json", "object"]),
    "json key twice": (
        document('{"mechanism": "overage", "mechanism": "x"}', "m.json"),
        ["m.json", "mechanism", "twice"],
    ),
    "json nan": (document('{"mechanism": "overage", "alpha": NaN}', "m.json"), ["m.json", "NaN"]),
    "json infinity": (document('{"mechanism": "overage", "alpha": -Infinity}', "m.json"), ["m.json", "Infinity"]),
    "json deep": (document("[" * 100_000 + "]" * 100_000, "m.json"), ["m.json", "deep"]),
    "json deep object": (document('{"a":' * 200 + "1" + "}" * 200, "m.json"), ["m.json", "deep"]),
    "json 5000 digits": (document('{"alpha": ' + DIGITS + "}", "m.json"), ["m.json", "digits"]),
    "json exponent": (document('{"alpha": 1e99999999999999999999}', "m.json"), ["m.json", "out of range"]),
    "json surrogate": (
        document('{"mechanism": "overage", "title": "\\ud800"}', "m.json"),
        ["m.json", "title", "Unicode"],
    ),
    "toml deep": (toml("alpha = " + "[" * 5000 + "]" * 5000), ["model.toml", "deep"]),
    "toml deep dots": (toml("alpha." + "a." * 3000 + "a = 1\n" + GOOD), ["model.toml", "alpha", "deep"]),
    "toml 5000 digits": (toml(f"alpha = {DIGITS}\n" + GOOD), ["model.toml", "digits"]),
    "toml hexadecimal": (toml(f"alpha = 0x{DIGITS}\n" + GOOD), ["model.toml", "alpha", "digits"]),
    "toml exponent": (toml("alpha = 1e99999999999999999999\n" + GOOD), ["model.toml", "out of range"]),
    "latin-1": (document('title = "é"'.encode("latin-1"), "model.toml"), ["model.toml", "UTF-8"]),
    "utf-16": (document((HEAD + GOOD).encode("utf-16"), "model.toml"), ["model.toml", "UTF-8"]),
    "binary": (document(bytes(range(256)), "model.json"), ["model.json", "UTF-8"]),
    "nul byte": (toml("\0"), ["model.toml", "parsed"]),
    # Its keys.
    "no mechanism": (toml(GOOD, head=""), ["model.toml", "mechanism", "missing", "overage"]),
    "unknown mechanism": (toml(GOOD, head='mechanism = "overrage"\n'), ["model.toml", "mechanism", "overage"]),
    "mechanism a number": (toml(GOOD, head="mechanism = 5\n"), ["model.toml", "mechanism", "5"]),
    "mechanism a list": (toml(GOOD, head="mechanism = [1]\n"), ["model.toml", "mechanism", "[1]"]),
    "no accounts": (toml(""), ["model.toml", "accounts", "missing"]),
    "unknown key": (toml("alhpa = 1\n" + GOOD), ["model.toml", "alhpa", "alpha"]),
    "title a number": (toml("title = 5\n" + GOOD), ["model.toml", "title: must be text, not a whole number"]),
    "seed a fraction": (
        toml("seed = 1.5\n" + GOOD),
        ["model.toml", "seed: must be a whole number, not a number with a decimal point"],
    ),
    "seed negative": (toml("seed = -1\n" + GOOD), ["model.toml", "seed: must be a whole number >= 0"]),
    "arithmetic": (toml('arithmetic = "decimal"\n' + GOOD), ["model.toml", "arithmetic", "exact"]),
    "rule": (toml('rule = "liner"\n' + GOOD), ["model.toml", "rule", "liner", "linear"]),
    "tie": (toml('tie = "middle"\n' + GOOD), ["model.toml", "tie", "left"]),
    "rounding": (toml('rounding = "hamilton"\n' + GOOD), ["model.toml", "rounding", "largest_remainder"]),
    "alpha zero": (toml('rule = "power"\nalpha = 0\n' + GOOD), ["model.toml", "alpha", "above 0"]),
    "alpha negative": (toml('rule = "power"\nalpha = -2.5\n' + GOOD), ["model.toml", "alpha", "above 0", "-2.5"]),
    "alpha huge": (toml('rule = "power"\nalpha = 1e9\n' + GOOD), ["model.toml", "alpha", "1000"]),
    "alpha text": (toml('rule = "power"\nalpha = "two"\n' + GOOD), ["model.toml", "alpha", "two"]),
    "alpha nan": (toml('rule = "power"\nalpha = nan\n' + GOOD), ["model.toml", "alpha", "finite"]),
    "alpha a truth": (toml('rule = "power"\nalpha = true\n' + GOOD), ["model.toml", "alpha", "number"]),
    "alpha by zero": (toml('rule = "power"\nalpha = "1/0"\n' + GOOD), ["model.toml", "alpha", "zero"]),
    "alpha without rule": (toml("alpha = 2\n" + GOOD), ["model.toml", "alpha", "power"]),
    "penalty negative": (toml("penalty = -1\n" + GOOD), ["model.toml", "penalty", "at least 0"]),
    "penalty infinite": (toml("penalty = inf\n" + GOOD), ["model.toml", "penalty", "finite"]),
    "penalty a list": (toml("penalty = [1]\n" + GOOD), ["model.toml", "penalty", "number"]),
    "bound negative": (toml("claim_bound = -1\n" + GOOD), ["model.toml", "claim_bound", "at least 0"]),
    "bound a date": (toml("claim_bound = 2019-01-01\n" + GOOD), ["model.toml", "claim_bound", "number"]),
    "rounding and power": (
        toml('rule = "power"\nalpha = 2\nrounding = "adams"\n' + GOOD),
        ["model.toml", "rounding", "largest_remainder"],
    ),
    # Inline records.
    "accounts a number": (toml("accounts = 5\n"), ["model.toml", "accounts", "records", "5"]),
    "accounts empty": (toml("accounts = []\n"), ["model.toml", "accounts", "no row"]),
    "accounts empty columns": (
        toml("accounts = { account = [], entitlement = [], claim = [] }\n"),
        ["model.toml", "accounts", "no row"],
    ),
    "accounts of numbers": (toml("accounts = [1, 2]\n"), ["model.toml", "accounts", "row 1", "record"]),
    "columns unequal": (
        toml('accounts = { account = ["a"], entitlement = [1, 2], claim = [1] }\n'),
        ["model.toml", "accounts", "equal lengths", "entitlement has 2"],
    ),
    "column a number": (
        toml('accounts = { account = ["a"], entitlement = 1, claim = [1] }\n'),
        ["model.toml", "accounts.entitlement", "list"],
    ),
    "column missing": (toml('accounts = { account = ["a"], claim = [1] }\n'), ["model.toml", "entitlement", "missing"]),
    "record key unknown": (
        toml('accounts = [{ account = "a", entitlement = 1, claims = 2 }]\n'),
        ["model.toml", "accounts", "row 1", "claims", "did you mean claim"],
    ),
    "record key missing": (
        toml('accounts = [{ account = "a", entitlement = 1 }]\n'),
        ["model.toml", "accounts", "row 1", "claim", "missing"],
    ),
    "account twice": (toml(cell(account='"a"')), ["model.toml", "accounts.account", "row 2", "twice", "row 1"]),
    "account empty": (toml(cell(account='" "')), ["model.toml", "accounts.account", "row 2", "name"]),
    "account a fraction": (toml(cell(account="1.5")), ["model.toml", "accounts.account", "row 2", "1.5"]),
    "account a truth": (toml(cell(account="true")), ["model.toml", "accounts.account", "row 2", "True"]),
    "entitlement negative": (toml(cell("-1")), ["model.toml", "accounts.entitlement", "row 2", "at least 0", "-1"]),
    "claim negative": (toml(cell(claim='"-1/3"')), ["model.toml", "accounts.claim", "row 2", "at least 0", "-1/3"]),
    "claim nan": (toml(cell(claim="nan")), ["model.toml", "accounts.claim", "row 2", "finite"]),
    "claim infinite": (toml(cell(claim="inf")), ["model.toml", "accounts.claim", "row 2", "finite"]),
    "claim text": (toml(cell(claim='"many"')), ["model.toml", "accounts.claim", "row 2", "many", "number"]),
    "claim a list": (toml(cell(claim="[1]")), ["model.toml", "accounts.claim", "row 2", "number"]),
    "claim a table": (toml(cell(claim="{ a = 1 }")), ["model.toml", "accounts.claim", "row 2", "number"]),
    "claim empty": (toml(cell(claim='""')), ["model.toml", "accounts.claim", "row 2", "empty"]),
    "claim fraction of three": (toml(cell(claim='"1/2/3"')), ["model.toml", "accounts.claim", "row 2", "1/2/3"]),
    "claim long text": (toml(cell(claim=f'"{DIGITS}"')), ["model.toml", "accounts.claim", "row 2", "digits"]),
    "claim exponent": (toml(cell(claim='"1e999"')), ["model.toml", "accounts.claim", "row 2", "out of range"]),
    "claim null": (
        document('{"mechanism": "overage", "accounts": [{"account": "a", "entitlement": 1, "claim": null}]}', "m.json"),
        ["m.json", "accounts.claim", "row 1", "empty"],
    ),
    "total beyond floats": (toml(cell(claim="1e308", entitlement="1e308")), ["model.toml", "too large", "exact"]),
    "claim above bound": (
        toml("claim_bound = 2\n" + cell(claim="2.5")),
        ["model.toml", "accounts.claim", "row 2", "claim_bound", "2.5"],
    ),
    "fraction to be rounded": (
        toml('rounding = "webster"\n' + cell(claim="2.5")),
        ["model.toml", "accounts.claim", "row 2", "whole"],
    ),
    "irrational share": (
        toml('rule = "power"\nalpha = "1/2"\narithmetic = "exact"\n' + cell(entitlement="1", claim="4")),
        ["model.toml", "alpha", "irrational"],
    ),
    "tie that whole units cannot follow": (
        toml(
            'rule = "power"\nalpha = 2\nrounding = "cumulative"\n'
            'accounts = { account = ["a", "b", "c"], entitlement = [10, 10, 10], claim = [11, 12, 7] }\n'
        ),
        ["model.toml", "tie", "left"],
    ),
    # Tables in files.
    "no table": (toml('accounts = "none.csv"\n'), ["none.csv", "accounts", "no such file"]),
    "folder as table": (folder_as_table, ["t.csv", "accounts", "folder"]),
    "table of unknown kind": (table("a", "t.xlsx"), ["t.xlsx", "accounts", ".parquet"]),
    "table name empty": (toml('accounts = { file = "" }\n'), ["model.toml", "accounts.file", "file name"]),
    "table name a number": (toml("accounts = { file = 5 }\n"), ["model.toml", "accounts.file", "file name"]),
    "table name too long": (toml(f'accounts = "{"x" * 5000}.csv"\n'), ["accounts", "cannot be opened"]),
    "table key unknown": (table(COLUMNS, extra=", wher = {}"), ["model.toml", "accounts", "wher", "where"]),
    "csv empty": (table(""), ["t.csv", "accounts", "empty"]),
    "csv blank": (table("\n\n\n"), ["t.csv", "accounts", "header"]),
    "csv header only": (table(COLUMNS), ["t.csv", "accounts", "no row"]),
    "csv blank rows only": (table(COLUMNS + "\n\n"), ["t.csv", "accounts", "no row"]),
    "csv header twice": (table("account,claim,claim\na,1,2\n"), ["t.csv", "accounts", "claim", "twice"]),
    "csv column missing": (table("account,entitlement,claims\na,1,2\n"), ["t.csv", "accounts", "claim", "missing"]),
    "csv row too long": (table(COLUMNS + "a,1,2\nb,1,2,3\n"), ["t.csv", "accounts", "row 2", "4 cells"]),
    "csv row too short": (table(COLUMNS + "a,1,2\nb,1\n"), ["t.csv", "accounts.claim", "row 2", "empty"]),
    "csv blank row": (table(COLUMNS + "a,1,2\n\nb,1,2\n"), ["t.csv", "row 2", "empty"]),
    "csv text": (table(COLUMNS + "a,1,2\nb,1,x\n"), ["t.csv", "accounts.claim", "row 2", "x"]),
    "csv comma decimals": (
        table("account;entitlement;claim\na;1,5;2\n"),
        ["t.csv", "accounts.entitlement", "row 1", "1,5"],
    ),
    "csv nan": (table(COLUMNS + "a,1,NaN\n"), ["t.csv", "accounts.claim", "row 1", "finite"]),
    "csv negative": (table(COLUMNS + "a,1,2\nb,-1,2\n"), ["t.csv", "accounts.entitlement", "row 2", "at least 0"]),
    "csv account twice": (table(COLUMNS + "a,1,2\na,1,2\n"), ["t.csv", "accounts.account", "row 2", "twice"]),
    "csv quote open": (table(COLUMNS + 'a,1,2\n"b,1,2\n'), ["t.csv", "accounts"]),
    "csv latin-1": (table((COLUMNS + "é,1,2\n").encode("latin-1")), ["t.csv", "accounts", "UTF-8"]),
    "csv utf-16": (table((COLUMNS + "a,1,2\n").encode("utf-16")), ["t.csv", "accounts", "UTF-8"]),
    "csv row after filter": (
        table(
            "account,entitlement,claim,year\na,1,2,2018\nb,1,2,2019\nc,1,-3,2019\n", extra=", where = { year = 2019 }"
        ),
        ["t.csv", "accounts.claim", "row 3", "-3"],
    ),
    "filter without rows": (
        table("account,entitlement,claim,year\na,1,2,2018\n", extra=", where = { year = 2019 }"),
        ["t.csv", "accounts", "no row", "year = 2019"],
    ),
    "filter on no column": (table(COLUMNS + "a,1,2\n", extra=", where = { yaer = 1 }"), ["t.csv", "accounts", "yaer"]),
    "filter a number": (table(COLUMNS + "a,1,2\n", extra=", where = 5"), ["model.toml", "accounts.where", "table"]),
    "columns a list": (
        table(COLUMNS + "a,1,2\n", extra=", columns = [1]"),
        ["model.toml", "accounts.columns", "table"],
    ),
    "columns unknown": (
        table(COLUMNS + "a,1,2\n", extra=', columns = { clam = "claim" }'),
        ["model.toml", "accounts.columns", "clam"],
    ),
    "columns to no column": (
        table(COLUMNS + "a,1,2\n", extra=', columns = { claim = "emission" }'),
        ["t.csv", "accounts", "emission", "missing"],
    ),
    "columns to a number": (table(COLUMNS + "a,1,2\n", extra=", columns = { claim = 5 }"), ["accounts", "5"]),
    "gzip of nothing": (table("plain text", "t.csv.gz"), ["t.csv.gz", "accounts", "csv.gz"]),
    "gzip truncated": (truncated_gzip, ["t.csv.gz", "accounts", "csv.gz"]),
    "parquet empty": (table("", "t.parquet"), ["t.parquet", "accounts", "parquet"]),
    "parquet of text": (table("PAR1 not parquet PAR1", "t.parquet"), ["t.parquet", "accounts", "parquet"]),
    "parquet damaged": (broken_parquet, ["t.parquet", "accounts", "parquet"]),
    "parquet nan": (nan_parquet, ["t.parquet", "accounts.claim", "row 2", "finite"]),
    "parquet dates": (date_parquet, ["t.parquet", "accounts.claim", "row 1", "number"]),
    "parquet truths": (truths_parquet, ["t.parquet", "accounts.entitlement", "row 1", "number"]),
    "arrow empty": (table("", "t.arrow"), ["t.arrow", "accounts", "arrow"]),
    "arrow damaged": (table(b"ARROW1\0\0" + bytes(100) + b"ARROW1", "t.feather"), ["t.feather", "accounts"]),
    "arrow null": (null_arrow, ["t.arrow", "accounts.entitlement", "row 2", "empty"]),
    "json table empty": (table("[]", "t.json"), ["t.json", "accounts", "records"]),
    "json table a number": (table("5", "t.json"), ["t.json", "accounts", "records"]),
    "json table mixed": (table('[{"account": "a"}, 5]', "t.json"), ["t.json", "accounts", "records"]),
    "json table unequal": (
        table('{"account": ["a"], "entitlement": [1, 2], "claim": [1]}', "t.json"),
        ["t.json", "accounts", "equal"],
    ),
    "json table cell missing": (
        table(
            json.dumps([{"account": "a", "entitlement": 1, "claim": 1}, {"account": "b", "entitlement": 1}]), "t.json"
        ),
        ["t.json", "accounts.claim", "row 2", "empty"],
    ),
    "json table nan": (table('[{"account": "a", "entitlement": 1, "claim": NaN}]', "t.json"), ["t.json", "NaN"]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_line(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make, words = CASES[name]
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    status = main(["solve", str(path), "--json", "--out", str(tmp_path / "out")])
    out, err = capfd.readouterr()
    assert status == 2, err
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert "Traceback" not in err
    assert re.search(r"\w+Error:", err) is None  # names of Python's exceptions tell a user nothing
    assert len(err) < 1500 or "too long" in name
    for word in words:
        assert word in err, (word, err)
    assert sorted(tmp_path.rglob("*")) == before  # nothing is written


def test_there_are_at_least_sixty_cases() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize(
    "arguments",
    [
        ["solve"],
        ["slove", "x"],
        ["solve", "x", "--colour"],
        ["solve", "a\0b"],
        ["solve", "x" * 5000],
        ["check", "none.toml"],
    ],
)
def test_a_wrong_command_is_refused_in_one_line(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
