"""The report: one HTML page that needs nothing else, and the same result on the terminal."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from mechopt.finding import Finding
from mechopt.mechanisms import overage
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.schedule import limit, schedule
from mechopt.outcome import Guarantee, Outcome
from mechopt.picture import Picture
from mechopt.report import page, show, show_checks
from mechopt.report.text import word

HOSTILE = '<script>alert("x")</script>'
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Tags, links and text of a page; fails where tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "xlink:href")]
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def period(entitlement: Any, claim: Any, names: list[str] | None = None, **options: Any) -> Environment:
    def column(values: Any) -> NDArray[Any]:
        return values if isinstance(values, np.ndarray) else np.array(values, dtype=object)

    names = names or [f"a{j}" for j in range(len(claim))]
    return Environment(account=names, entitlement=column(entitlement), claim=column(claim), **options)


def read(environment: Environment) -> tuple[Outcome, list[Picture], Reader]:
    outcome = overage.run(environment)
    outcome = outcome.with_checks(overage.check(environment, outcome))
    pictures = overage.pictures(environment, outcome)
    text = page(outcome, pictures)
    assert text.startswith("<!doctype html>")
    reader = Reader()
    reader.feed(text)
    assert all(link.startswith("data:") for link in reader.links)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//|url\(|@import""", text)
    assert "script" not in reader.tags
    return outcome, pictures, reader


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(period([10, 10, 10], [14, 12, 7], arithmetic="exact"), id="fractions"),
        pytest.param(period([Fraction(1, 3), 1], [Fraction(1, 2), 1], arithmetic="exact"), id="nothing covered"),
        pytest.param(period(np.array([10.0, 10, 10]), np.array([14.5, 12, 7]), rule="power", alpha=2), id="alpha 2"),
        pytest.param(
            period([9, 9, 9], [11, 10, 6], rule="power", alpha=2, arithmetic="exact", units="$t$\n"), id="boundary"
        ),
        pytest.param(
            period([9.0, 9.0, 0.0], [11.0, 10.0, 1e9], rule="power", alpha=3, tie="left"), id="far above the overage"
        ),
        pytest.param(period(np.array([9, 9, 9]), np.array([14, 10, 6]), rule="capped_power", alpha=2), id="capped"),
        pytest.param(period(np.array([9, 9]), np.array([10, 1]), rule="rebate"), id="rebate"),
        pytest.param(period(np.array([5, 5]), np.array([5, 3])), id="nobody over"),
        pytest.param(period([5], [5]), id="nothing moves"),
        pytest.param(period([1], [4]), id="one account"),
    ],
)
def test_page_needs_no_network_and_holds_the_result(environment: Environment) -> None:
    outcome, pictures, reader = read(environment)
    assert [image["src"] for image in reader.images if image["alt"]] == reader.links
    assert len(pictures) == len(reader.images)
    for finding in outcome.checks:
        assert finding.property in reader.text
        assert finding.evidence in reader.text
    for warning in outcome.warnings:
        assert warning in reader.text
    for name in outcome.summary:
        assert name.replace("_", " ") in reader.text
    for picture in pictures:
        assert picture.title in reader.text
        assert "<svg" in picture.svg


def test_names_from_the_document_are_escaped_everywhere() -> None:
    environment = period([5, 5, 5], [9, 1, 8], [HOSTILE, "b", "c"], rule="power", alpha=2, units=HOSTILE)
    outcome, pictures, reader = read(environment)
    assert HOSTILE in reader.text
    text = page(outcome, pictures)
    assert HOSTILE not in text
    assert html.escape("<script>") in text


def test_warnings_and_failed_checks_are_shown_with_their_witness() -> None:
    outcome = Outcome(
        mechanism="overage",
        title="t",
        status="settled",
        guarantee=Guarantee(kind="exact", detail="d"),
        summary={},
        tables={},
        checks=[Finding(property="p", margin=-1, tolerance=0, evidence="e", witness={"account": "<b>[red]w"})],
        warnings=["<i>careful"],
    )
    text = page(outcome)
    assert "&lt;i&gt;careful" in text
    assert "&lt;b&gt;[red]w" in text
    assert "1 of 1 checks fail" in text
    buffer = io.StringIO()
    show_checks(outcome, Console(file=buffer, width=80))
    assert "FAILS" in buffer.getvalue()
    assert "<b>[red]w" in buffer.getvalue()


def test_pictures_where_nobody_is_over_or_nothing_moves() -> None:
    for claims, number in (([4, 5], 1), ([5, 5], 0)):
        environment = period([5, 5], claims)
        assert len(overage.pictures(environment, overage.run(environment))) == number


def test_numbers_beyond_floats_are_printed_and_not_drawn() -> None:
    environment = period([5, 5], [9, 5], arithmetic="exact")
    outcome = overage.run(environment)
    huge = {name: [10**400, 0] for name in outcome.tables["accounts"]}
    outcome = replace(outcome, tables={"accounts": huge})
    assert overage.pictures(environment, outcome) == []
    assert "There is nothing to draw" in page(outcome, [])


def test_who_bears_what_counts_accounts() -> None:
    """200 accounts, one residual of 101 and 199 of 1: the top 1 percent, two accounts, bear 102 of 300."""
    environment = period([0] * 200, [101] + [1] * 199, arithmetic="exact")
    bears = overage.pictures(environment, overage.run(environment))[1]
    assert bears.numbers["accounts"] == [2, 20, 100]
    assert bears.numbers["residual (%)"][0] == 34


@pytest.mark.parametrize("kind", [np.int64, np.float64, object])
def test_many_accounts_of_every_number_type(kind: Any) -> None:
    generator = np.random.default_rng(1)
    entitlement, claim = (generator.integers(0, 10**6, 11_011).astype(kind) for _ in range(2))
    environment = period(entitlement, claim, rule="power", alpha=2)
    outcome = overage.run(environment)
    pictures = overage.pictures(environment, outcome)
    assert [picture.numbers["accounts" if "bears" in picture.title else ""][:1] for picture in pictures[:1]]
    text = page(outcome, pictures)
    assert "The first 50 of 11,011 rows" in text
    assert len(text) < 1_000_000


def test_schedule_jumps_at_the_boundary_under_the_power_rule_only() -> None:
    """Overages 1 and 3, alpha = 2: from too little slack the shares tend to v X / sum v^2 = 4/10 and 12/10."""
    overages = np.array([1.0, 3.0])
    power, right = ({"rule": "power", "alpha": 2, "tie": tie} for tie in ("max", "right"))
    assert limit(overages, power, 1, [0, 1]) == pytest.approx([0.4, 1.2])
    assert limit(overages, power, -1, [0, 1]) == pytest.approx([1, 1])
    assert limit(overages, power, 0, [0, 1]) == pytest.approx([1, 1.2])
    assert limit(overages, right, 0, [0, 1]) == pytest.approx([0.4, 1.2])
    for rule, alpha in (("linear", 1), ("capped_power", 2), ("rebate", 1)):
        sharing = {"rule": rule, "alpha": alpha, "tie": "max"}
        near = schedule(overages, sharing, np.array([4 - 1e-9, 4.0, 8.0]), [0, 1])
        assert near == pytest.approx(np.ones((3, 2)), abs=1e-8)
        assert limit(overages, sharing, 1, [0, 1]) == pytest.approx([1, 1])


def test_the_same_result_gives_the_same_page() -> None:
    environment = period([5, 5, 5], [9, 1, 8], rule="power", alpha=2)
    outcome = overage.run(environment)
    assert page(outcome, overage.pictures(environment, outcome)) == page(
        outcome, overage.pictures(environment, outcome)
    )


@pytest.mark.parametrize("width", [60, 80, 200])
def test_terminal_shows_first_rows_and_never_cuts_a_number(width: int) -> None:
    names = ["[bold]x", "\x1b[31mred", "a" * 90, *(f"n{j}" for j in range(30))]
    outcome = overage.run(period([10**12] * 33, [2 * 10**12] * 33, names, arithmetic="exact"))
    buffer = io.StringIO()
    show(outcome, Console(file=buffer, width=width), rows=5)
    shown = buffer.getvalue()
    assert "1,000,000,000,000" in shown
    assert "28 more rows" in shown
    assert "--out DIR writes all" in shown
    assert "[bold]x" in shown
    assert "\x1b" not in shown
    assert ("columns left out" in shown) == (width < 200)
    assert all(len(line) <= width for line in shown.splitlines())


def test_rows_0_leaves_the_tables_out() -> None:
    buffer = io.StringIO()
    show(overage.run(period([1], [4])), Console(file=buffer, width=80), rows=0)
    assert "scarcity" in buffer.getvalue()
    assert "writes all" not in buffer.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1598421964, "1,598,421,964"),
        (Fraction(-1, 3), "-1/3"),
        (Fraction(4, 2), "2"),
        (Fraction(10**20 + 1, 10**15), "≈ 100,000"),
        (0.5, "0.5"),
        (-0.0, "0"),
        (1e-9, "1e-09"),
        (None, "–"),
        (True, "yes"),
        (np.int64(1000), "1,000"),
        (Fraction(10**400 + 1, 10**399), "≈ 10"),
        (10**400, "about 2^1328"),
        ({"a": 1, "b": [1, 2]}, "a 1, b 1, 2"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_for_people(value: object, shown: str) -> None:
    assert word(value) == shown
