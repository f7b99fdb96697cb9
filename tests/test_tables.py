"""Tables: the same numbers from every kind of file, renamed and filtered, and errors that name the row of the file."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st

import mechopt
from mechopt import instance, tables
from mechopt.errors import InstanceError

NAMES = ["account", "entitlement", "claim"]
WHOLE = {"account": ["a", "b", "c"], "entitlement": [10, 5, 0], "claim": [12, 1, 2**62]}
TENTHS: dict[str, list[Any]] = {"account": ["a", "b", "c"], "entitlement": [0.1, 5.0, 0.0], "claim": [1e-3, 1.1, 1e22]}


def write(folder: Path, columns: Any, kind: str) -> object:
    """The table as a document's value; its file in the folder."""
    frame = pl.DataFrame(columns)
    path = folder / f"t.{kind}"
    records = frame.to_dicts()
    match kind:
        case "records":
            return records
        case "columns":
            return columns
        case "frame":
            return frame
        case "arrays":
            return {name: np.array(values) for name, values in columns.items()}
        case "text":
            return [{name: str(value) for name, value in record.items()} for record in records]
        case "csv":
            frame.write_csv(path)
        case "tsv":
            frame.write_csv(path, separator="\t")
        case "csv.gz":
            path.write_bytes(gzip.compress(frame.write_csv().encode()))
        case "parquet":
            frame.write_parquet(path)
        case "arrow":
            frame.write_ipc(path)
        case "feather":  # Arrow's stream format
            frame.write_ipc_stream(path)
        case "json":
            path.write_text(json.dumps(records))
    return {"file": path.name}


KINDS = ["records", "columns", "frame", "arrays", "text", "csv", "tsv", "csv.gz", "parquet", "arrow", "feather", "json"]


def fingerprint(folder: Path, accounts: object) -> str:
    if isinstance(accounts, dict) and "file" in accounts:
        path = folder / "model.json"
        path.write_text(json.dumps({"mechanism": "overage", "accounts": accounts}))
        return instance.fingerprint(mechopt.load(path).environment)
    return instance.fingerprint(mechopt.load({"mechanism": "overage", "accounts": accounts}).environment)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [WHOLE, TENTHS], ids=["whole", "tenths"])
def test_the_fingerprint_is_that_of_the_numbers(kind: str, columns: dict[str, list[Any]], tmp_path: Path) -> None:
    expected = fingerprint(tmp_path, columns)
    assert fingerprint(tmp_path, write(tmp_path, columns, kind)) == expected
    other = columns | {"claim": [columns["claim"][0] + 1, *columns["claim"][1:]]}
    assert fingerprint(tmp_path, write(tmp_path, other, kind)) != expected


def read(folder: Path, spec: object) -> tables.Table:
    return tables.read(spec, key="accounts", folder=folder, file="model.toml", columns=NAMES)


@pytest.mark.parametrize("kind", ["csv", "tsv", "csv.gz", "parquet", "arrow", "feather", "json"])
@pytest.mark.parametrize("year", [2019, "2019", Decimal("2019.0"), [2019], [2017, 2019]])
def test_columns_are_renamed_and_rows_filtered(kind: str, year: object, tmp_path: Path) -> None:
    raw = {"who": ["a", "b", "c"], "year": [2019, 2018, 2019], "free": [1, 2, 3], "claim": [4, -5, 6]}
    spec = write(tmp_path, raw, kind)
    assert isinstance(spec, dict)
    table = read(tmp_path, spec | {"columns": {"account": "who", "entitlement": "free"}, "where": {"year": year}})
    assert len(table) == 2
    assert table.names("account") == ["a", "c"]
    assert table.numbers("entitlement").tolist() == [1, 3]
    assert table.numbers("claim", minimum=0).tolist() == [4, 6]
    with pytest.raises(InstanceError) as refusal:
        table.numbers("claim", minimum=5)
    assert refusal.value.row == 1
    with pytest.raises(InstanceError) as refusal:
        table.numbers("entitlement", minimum=2)
    assert refusal.value.row == 1


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow", "json"])
def test_rows_in_errors_are_those_of_the_file(kind: str, tmp_path: Path) -> None:
    raw = {"account": ["a", "b", "c", "c"], "year": [1, 2, 2, 2], "entitlement": [1, 1, 1, 1], "claim": [-1, 1, 1, -1]}
    spec = write(tmp_path, raw, kind)
    assert isinstance(spec, dict)
    table = read(tmp_path, spec | {"where": {"year": 2}})
    with pytest.raises(InstanceError, match=r"t\.\w+: accounts\.claim \(row 4\)") as refusal:
        table.numbers("claim", minimum=0)
    assert refusal.value.row == 4
    with pytest.raises(InstanceError, match=r"row 4.*twice.*row 3"):
        table.names("account")


def test_truth_values_filter_alike(tmp_path: Path) -> None:
    raw = WHOLE | {"active": [True, False, True]}
    for kind in ("csv", "parquet", "json"):
        spec = write(tmp_path, raw, kind)
        assert isinstance(spec, dict)
        assert read(tmp_path, spec | {"where": {"active": True}}).names("account") == ["a", "c"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_dialects(separator: str, end: str, mark: str, tmp_path: Path) -> None:
    lines = [["account", " claim ", "entitlement"], ['"a"', " 1.50", "+2"], ["ü", "1/3", "1e2"]]
    text = mark + end.join(separator.join(line) for line in lines) + 3 * end
    (tmp_path / "t.csv").write_bytes(text.encode())
    table = read(tmp_path, "t.csv")
    assert table.names("account") == ["a", "ü"]
    assert table.numbers("claim").tolist() == [Fraction(3, 2), Fraction(1, 3)]
    assert table.numbers("entitlement").tolist() == [2, 100]


def test_a_name_that_looks_like_a_pattern_is_one_file(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        write(tmp_path, WHOLE, kind)
        (tmp_path / f"t.{kind}").rename(tmp_path / f"t[1]*.{kind}")
        assert read(tmp_path, f"t[1]*.{kind}").names("account") == ["a", "b", "c"]


@given(
    st.lists(st.one_of(st.integers(0, 2**70), st.floats(0, 1e18), st.fractions(0, 9, max_denominator=9)), min_size=1)
)
def test_numbers_keep_the_value_that_was_written(values: list[int | float | Fraction]) -> None:
    spec = {"account": list(range(len(values))), "entitlement": values, "claim": values}
    array = read(Path(), spec).numbers("claim")
    for found, value in zip(array.tolist(), values, strict=True):
        written = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
        assert (Fraction(repr(found)) if isinstance(found, float) else Fraction(found)) == written


def test_a_claim_at_its_bound_is_not_above_it() -> None:
    document = {
        "mechanism": "overage",
        "claim_bound": "0.1",
        "accounts": {"account": ["a"], "entitlement": np.array([1.5]), "claim": np.array([0.1])},
    }
    assert mechopt.load(document).environment.claim.tolist() == [0.1]
    with pytest.raises(InstanceError, match=r"row 1.*claim_bound"):
        mechopt.load(document | {"claim_bound": "0.0999999999999999999999"})
