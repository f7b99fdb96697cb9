"""The ledger for people: the table, the page, and the worked example of the documentation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from mechopt import claims
from mechopt.claims import Control, Evidence, Ledger, Record, claim
from mechopt.claims.examine import examine
from mechopt.evidence import Run
from mechopt.report import ledger as pages

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "equal_awards_claims.py"
pytestmark = pytest.mark.checkout  # the example lives in docs/
HOSTILE = "<script>alert(1)</script> [bold]x[/bold]"


@pytest.fixture(scope="module")
def example() -> Ledger:
    """The documentation's example, run."""
    return claims.verify(EXAMPLE)


def made(label: str, **rest: Any) -> Record:
    """The record of a claim with one sound piece of evidence."""
    evidence = Evidence(
        kind="smt",
        holds=True,
        range=HOSTILE,
        complete=True,
        instance={"x": 1},
        control=Control(text=HOSTILE, refuted=True, witness={"x": 2}),
    )
    return examine(claim(label=label, statement=HOSTILE, reading=HOSTILE, **rest)(lambda: evidence), Run())


@pytest.fixture
def mixed() -> Ledger:
    """One claim of each kind, with text that must not become markup."""
    records = (
        made("Theorem 1", paper="lengyel2025", expected="proved"),
        made("Theorem 2", paper="lengyel2025", expected="refuted", repaired_by="overage.theorem_1"),
        claims_error(),
        Record.of(claims.unchecked(label="Remark 3", statement="S", reason=HOSTILE), reason=HOSTILE),
    )
    return Ledger(records=records, tier="quick", seed=0, provenance={"python": "3"})


def claims_error() -> Record:
    """A claim that crashed."""

    def gather() -> Iterator[Evidence]:
        raise ValueError(HOSTILE)
        yield

    return examine(claim(label="Lemma 9", statement="S", reading="R")(gather), Run())


def printed(ledger: Ledger, width: int) -> str:
    """What the terminal shows."""
    from rich.console import Console

    out = StringIO()
    Console(file=out, width=width).print(pages.table(ledger))
    return out.getvalue()


class Page(HTMLParser):
    """Collects ids, links, tags and text, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input", "br", "link", "img"):
            self.open.append(tag)
        self.tags.append(tag)
        given = dict(attrs)
        self.ids += [str(given["id"])] if "id" in given else []
        self.links += [str(given[name]) for name in ("href", "src") if name in given]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


def read(text: str) -> Page:
    """The page, parsed."""
    page = Page()
    page.feed(text)
    assert page.open == []
    return page


def test_the_documented_example_gives_the_documented_counterexample(example: Ledger) -> None:
    """The verdicts on record, and the very witness and steps that the page prints."""
    assert example.exit_status == 0
    witness = example["equal_awards_claims.splitting"].witness
    assert witness is not None
    document = (Path(__file__).parents[1] / "docs" / "verify-your-own.md").read_text(encoding="utf-8")
    for line in witness.steps.splitlines():
        assert f"  {line}\n" in document
    assert witness.instance == {"claims": [2, 1], "estate": 1, "part": 1}
    assert "claims = (2, 1)\nestate = 1\npart = 1\n" in document


@pytest.mark.parametrize("width", [80, 140])
def test_table_shows_verdicts_and_what_changed(mixed: Ledger, width: int) -> None:
    """Marks and words, not colours alone; brackets stay as they are; the totals name what is not on record."""
    shown = printed(mixed, width)
    assert "✓ proved" in shown
    assert "! error" in shown
    assert "[bold]" in shown
    assert "not as on record" in shown
    assert "claims.lemma_9" in shown
    assert max(map(len, shown.splitlines())) <= width


def test_page_is_well_formed_and_needs_no_network(mixed: Ledger) -> None:
    """No outside address, every inside link has its target, nothing from a claim becomes markup."""
    text = pages.html(mixed)
    page = read(text)
    assert not re.search(r"https?://|//cdn", text)
    assert "width=device-width" in text
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link.startswith("#")
        assert link[1:] in page.ids
    assert page.tags.count("script") == 1
    assert "<script>alert" not in text
    assert HOSTILE in page.text


def test_page_has_every_statement_with_its_parts(example: Ledger) -> None:
    """Statement, reading, hypotheses, evidence with control, counterexample with its Python."""
    page = read(pages.html(example))
    for record in example.records:
        assert record.id in page.ids
        for part in (record.statement, record.reading, *record.hypotheses):
            assert part in page.text
        for piece in record.evidence:
            assert piece.range in page.text
            assert piece.control is not None
            assert piece.control.text in page.text
        if record.witness:
            assert record.witness.steps in page.text
            assert record.witness.python in page.text


def test_page_leads_from_a_refuted_statement_to_its_repair_and_back(mixed: Ledger) -> None:
    """The repaired statement stands beside it, and says what it repairs."""
    page = read(pages.html(mixed))
    assert "What is true instead" in page.text
    assert "This repairs" in page.text


def test_page_shows_coverage_and_interruption(mixed: Ledger) -> None:
    """How much of each paper is checked; a run cut short says so."""
    assert "Efficient Defection" in read(pages.html(mixed)).text
    cut = Ledger(records=mixed.records, tier="quick", seed=0, provenance={}, interrupted=True)
    assert "interrupted" in read(pages.html(cut)).text
    assert "interrupted" in printed(cut, 100)


def test_explanation_fits_the_terminal(example: Ledger) -> None:
    """Eighty columns, but for a path in the Python."""
    for record in example.records:
        for line in claims.explain(record).splitlines():
            assert len(line) <= 80 or "claims.replay" in line
