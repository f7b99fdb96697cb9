"""Coverage: every numbered statement of a paper is in the ledger, and every label in the ledger is the paper's."""

import re
from pathlib import Path

import pytest

from mechopt import catalog, claims
from mechopt.claims import coverage
from mechopt.claims.select import shelf
from mechopt.cli import main
from mechopt.errors import CatalogError
from mechopt.paper import PAPERS

NUMBERED = re.compile(
    r"(Theorem|Proposition|Lemma|Corollary|Remark|Definition|Assumption|Figure) ([A-Z]|([A-Z]\.)?\d+)"
    r"|Equation \(([A-Z]\.)?\d+(\.\d+)?\)"
)
ONE = """
from mechopt.claims import Control, Evidence, claim

@claim(paper="lengyel2025", label="{label}", part="in part", statement="S", reading="R")
def one():
    return Evidence(
        kind="symbolic", holds=True, range="all", instance={{"x": 1}}, control=Control(text="c", refuted=True)
    )
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A verification/ of one mechanism: two numbered statements, and a claim about the first."""
    folder = tmp_path / "overage"
    folder.mkdir()
    (folder / "theorem_1.py").write_text(ONE.format(label="Theorem 1"))
    (folder / "_shared.py").write_text("VALUE = 1\n")
    (folder / "statements.toml").write_text(
        'statements = [{ label = "Theorem 1", says = "A." }, { label = "Lemma 2", says = "B.", reason = "too deep" }]'
    )
    monkeypatch.setattr(catalog, "root", lambda shelf: tmp_path)
    return folder


def test_every_paper_has_its_statements_listed() -> None:
    assert set(catalog.statement_lists()) == set(PAPERS)
    for mechanism in PAPERS:
        listed = coverage.statements(mechanism)
        assert len(listed) > 10
        assert [s.label for s in listed if not NUMBERED.fullmatch(s.label)] == []
        assert all(statement.says and statement.reason for statement in listed)


@pytest.mark.parametrize("mechanism", PAPERS)
def test_every_label_is_the_papers_or_marked_as_ours(mechanism: str) -> None:
    """A label that is neither in the list nor of an unnumbered passage begins with "Beyond the paper: "."""
    found = shelf([mechanism])
    assert [claim.title for claim in coverage.unlisted(mechanism, found.claims.values())] == []


@pytest.mark.parametrize("mechanism", PAPERS)
def test_every_numbered_statement_is_in_the_ledger(mechanism: str) -> None:
    """With a claim, or as one that is not checked, with the reason."""
    found = shelf([mechanism]).claims.values()
    assert {statement.label for statement in coverage.statements(mechanism)} <= {claim.label for claim in found}
    without = [claim for claim in found if claim.expected == "not_checked"]
    assert all(claim.not_checked_reason for claim in without)
    assert {claim.file.suffix for claim in without if claim.file} <= {".toml", ".py"}


def test_a_statement_without_a_claim_is_not_checked(library: Path) -> None:
    """A part in brackets belongs to its statement; the folder's shared code is no claim file."""
    ledger = claims.verify("overage")
    assert [(record.title, record.verdict, record.reason) for record in ledger.records] == [
        ("Theorem 1 (in part)", "proved_in_range", ""),
        ("Lemma 2", "not_checked", "too deep"),
    ]
    assert ledger.exit_status == 0
    covered = ledger.to_dict()["coverage"]["lengyel2025"]
    assert (covered["statements"], covered["checked"], covered["claims"], covered["not_checked"]) == (2, 1, 1, 1)
    assert covered["unchecked"] == ["Lemma 2"]
    assert claims.verify("overage.lemma_2").numbered == {"overage": ("Lemma 2",)}
    assert claims.verify("Lemma 2", workers=2)["overage.lemma_2"].expected == "not_checked"


def test_a_claim_takes_the_place_of_the_listed_statement(library: Path) -> None:
    (library / "lemma_2.py").write_text(ONE.format(label="Lemma 2"))
    ledger = claims.verify()
    assert [record.verdict for record in ledger.records] == ["proved_in_range"] * 2
    assert ledger.coverage["lengyel2025"]["checked"] == 2


def test_a_folder_without_claims_is_listed_all_the_same(library: Path) -> None:
    (library.parent / "borrowing").mkdir()
    (library.parent / "borrowing" / "statements.toml").write_text('statements = [{ label = "Lemma 1", says = "C." }]')
    (record,) = claims.verify("borrowing").records
    assert (record.id, record.paper, record.reason) == ("borrowing.lemma_1", "zheng2023", coverage.NOT_BUILT)


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("Theorem 1", True),
        ("Theorem 44", False),
        ("theorem 1", False),
        ("Section 2.1", True),
        ("Section", False),
        ("Beyond the paper: Nash set", True),
        ("Beyond", False),
    ],
)
def test_unlisted_labels_are_seen(library: Path, label: str, known: bool) -> None:
    (library / "theorem_1.py").write_text(ONE.format(label=label))
    found = coverage.unlisted("overage", shelf(["overage"]).claims.values())
    assert [claim.label for claim in found] == ([] if known else [label])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("statements = [{ label = 'Lemma 1' }]", "says"),
        ("statements = [{ label = 'Lemma 1', says = 'A', note = 'B' }]", "note"),
        ("statements = [{ label = 'Lemma 1', says = 'A' }, { label = 'Lemma 1', says = 'B' }]", "twice: Lemma 1"),
        ("statements = [", "statements.toml"),
    ],
)
def test_a_wrong_list_is_an_error_that_names_the_file(library: Path, text: str, word: str) -> None:
    (library / "statements.toml").write_text(text)
    with pytest.raises(CatalogError, match=word):
        claims.verify("overage")


@pytest.mark.parametrize("mechanism", PAPERS)
def test_shipped_claims_say_what_is_expected_of_them(mechanism: str) -> None:
    """A verdict on record; a refuted one can be replayed and names what is true instead; the rest has hypotheses."""
    found = shelf([mechanism])
    assert not found.broken
    for claim in found.claims.values():
        assert claim.expected is not None, claim.id
        assert claim.expected == "not_checked" or claim.hypotheses, claim.id
        if claim.expected == "refuted":
            assert claim.replay is not None, claim.id
            assert claim.repaired_by is not None, claim.id
            assert found.claims[claim.repaired_by].expected in ("proved", "proved_in_range"), claim.id


def test_the_page_shows_coverage_and_reasons(library: Path, tmp_path: Path) -> None:
    """`mechopt report verification`: how many numbered statements are checked, and why the others are not."""
    page = tmp_path / "ledger.html"
    assert main(["report", "verification", "-o", str(page), "--workers", "2", "--quiet"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "1 of 2" in text
    assert "too deep" in text
    assert 'href="#overage.lemma_2"' in text


def test_the_table_shows_coverage_and_reasons(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "overage"]) == 0
    shown = capsys.readouterr().out
    assert "Lengyel (2025): 1 of 2 numbered statements checked" in shown
    assert "too deep" in shown
