"""Numbers as spreadsheets write them: with marks of thousands and decimals that the document states, never guessed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, strategies as st

import mechopt
from mechopt.errors import InstanceError
from mechopt.numerals import THOUSANDS, Numerals

MARKS = [(d, t) for d in (".", ",") for t in ("", *THOUSANDS) if d != t]


def written(whole: int, decimals: str, decimal: str, thousands: str) -> str:
    """A number as a spreadsheet shows it."""
    grouped = f"{abs(whole):,}".replace(",", thousands)
    return ("-" if whole < 0 else "") + grouped + (decimal + decimals if decimals else "")


@given(st.integers(-(10**15), 10**15), st.text("0123456789", max_size=6), st.sampled_from(MARKS))
def test_what_a_spreadsheet_writes_is_read_exactly(whole: int, decimals: str, marks: tuple[str, str]) -> None:
    decimal, thousands = marks
    value = Fraction(f"{whole}.{decimals or 0}")
    numerals = Numerals(decimal=decimal, thousands=thousands, stated=True)
    assert numerals.parse(written(whole, decimals, decimal, thousands)) == value


@given(st.text("0123456789.,' +-e/_", max_size=9), st.sampled_from(MARKS))
def test_only_numbers_in_the_stated_marks_are_read(text: str, marks: tuple[str, str]) -> None:
    numerals = Numerals(decimal=marks[0], thousands=marks[1], stated=True)
    try:
        value = numerals.parse(text)
    except ValueError:
        return
    plain = text.replace(marks[1], "") if marks[1] else text
    if "/" not in text:
        assert value == Fraction(plain.replace(marks[0], ".").strip())
    if marks[1] and marks[1] in text:
        first, *groups = text.strip().partition(marks[0])[0].split(marks[1])
        assert 1 <= len(first.lstrip("+-")) <= 3
        assert all(len(group) == 3 for group in groups)


def period(folder: Path, text: str, extra: str = "") -> mechopt.Outcome:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    entry = f'accounts = {{ file = "t.csv"{extra} }}'
    (folder / "m.toml").write_text(f'mechanism = "overage"\n{entry}\n', encoding="utf-8")
    return mechopt.solve(folder / "m.toml")


COMMAS = 'account,entitlement,claim\na,"1,200","1,050.5"\nb,"2,500","3,100"\n'
POINTS = "account;entitlement;claim\na;1.200;1.050,5\nb;2.500;3.100\n"
SPACES = "account;entitlement;claim\na;1\u202f200;1\u00a0050,5\nb;2 500;3 100\n"


@pytest.mark.parametrize(
    ("text", "extra", "advice"),
    [
        (COMMAS, ', thousands = ","', 'thousands = ","'),
        (POINTS, ', thousands = "."', 'thousands = "."'),
        (POINTS, ', thousands = ".", decimal = ","', 'decimal = ","'),
        (SPACES, ', thousands = " ", decimal = ","', 'thousands = " "'),
    ],
)
def test_a_file_with_marks_is_settled_once_they_are_stated(text: str, extra: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="beside file") as refusal:
        period(tmp_path, text)
    assert advice in str(refusal.value)
    assert period(tmp_path, text, extra).summary["claim_total"] == 4150.5


def test_a_point_that_may_mark_thousands_is_not_read_as_a_decimal(tmp_path: Path) -> None:
    text = "account;entitlement;claim\na;1200;1.050\nb;2500;3.100\n"
    with pytest.raises(InstanceError, match=r"claim \(row 1\).*1\.050.*may be thousands or decimals"):
        period(tmp_path, text)
    assert period(tmp_path, text, ', thousands = "."').summary["claim_total"] == 4150
    assert period(tmp_path, text, ', decimal = "."').summary["claim_total"] == 4.15
    # A shorter decimal shows what the point is; so do commas between the cells.
    assert period(tmp_path, text.replace("3.100", "3.1")).summary["claim_total"] == 4.15
    assert period(tmp_path, text.replace(";", ",")).summary["claim_total"] == 4.15


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        (', thousands = "x"', "accounts.thousands: must be one of"),
        (", decimal = 1", "accounts.decimal: must be one of"),
        (', thousands = ",", decimal = ","', "cannot be the mark of thousands and of decimals"),
        (', thousand = ","', "did you mean thousands"),
    ],
)
def test_marks_that_are_none_are_refused(extra: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match=problem):
        period(tmp_path, COMMAS, extra)


def test_marks_for_a_file_that_is_no_text_are_refused(tmp_path: Path) -> None:
    """They would change nothing, and whoever wrote them expects that they do."""
    pl.DataFrame({"account": ["a"], "entitlement": [1], "claim": [2]}).write_parquet(tmp_path / "t.parquet")
    for marks, named in ((', decimal = ","', "decimal"), (', thousands = ","', "thousands")):
        entry = f'mechanism = "overage"\naccounts = {{ file = "t.parquet"{marks} }}\n'
        (tmp_path / "m.toml").write_text(entry)
        with pytest.raises(InstanceError, match=rf"m\.toml: accounts: {named}: only a CSV file has marks"):
            mechopt.solve(tmp_path / "m.toml")


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    """As spreadsheets leave them behind, at the end or between the others."""
    (tmp_path / "t.csv").write_text("account,,entitlement,claim,,\na,x,10,7,,\nb,,10,13,y,\n")
    (tmp_path / "m.toml").write_text('mechanism = "overage"\naccounts = "t.csv"\n')
    assert mechopt.solve(tmp_path / "m.toml").summary["claim_total"] == 20


def test_a_comma_in_a_column_name_does_not_split_a_file_of_semicolons(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("account;free, t;emitted, t\na;10;7\nb;10;13\n")
    columns = '{ entitlement = "free, t", claim = "emitted, t" }'
    entry = f'mechanism = "overage"\naccounts = {{ file = "t.csv", columns = {columns} }}\n'
    (tmp_path / "m.toml").write_text(entry)
    assert mechopt.solve(tmp_path / "m.toml").summary["claim_total"] == 20


def test_a_spreadsheet_file_says_how_to_save_it(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    (tmp_path / "m.toml").write_text('mechanism = "overage"\naccounts = "t.xlsx"\n')
    with pytest.raises(InstanceError, match="save the sheet as CSV UTF-8"):
        mechopt.solve(tmp_path / "m.toml")
