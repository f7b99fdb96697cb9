"""Every example of the documentation is run: Python by doctest, commands by the command line, errors as printed."""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import shlex
from pathlib import Path

import pytest

from mechopt.claims.select import shelf
from mechopt.cli import main

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GENERATED = {"ledger", "reference", "_build", "_site"}  # made by `make docs`
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.relative_to(DOCS).parts[0] not in GENERATED)
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```\w+ ([\w -]+\.\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)  # ```toml mine.toml
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def name(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


def write_files(page: Path, folder: Path) -> None:
    """The files that a page shows, each a fence with a file name behind its language."""
    for file, text in FILE.findall(page.read_text(encoding="utf-8")):
        (folder / file).write_text(text, encoding="utf-8")


def commands(page: Path) -> list[tuple[str, int, str]]:
    """Each `$ mechopt ...` line of a page's console blocks, the exit status it has, and what is printed below it."""
    found = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            if line.startswith("mechopt "):
                command, _, remark = line.removeprefix("mechopt ").partition("  #")
                stated = re.search(r"exit status (\d)", remark)
                status = int(stated[1]) if stated else 2 if printed.startswith("mechopt: ") else 0
                found.append((command.strip(), status, printed))
    return found


def test_there_are_pages_with_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) >= 10
    assert {page.parent.name for page in PAGES} >= {"docs", "how-to", "concepts"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_examples_are_as_printed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    write_files(page, tmp_path)
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.failed == 0


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name)
def test_commands_run_one_after_another(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stands below a command is what it prints; three dots stand for anything, as in doctests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    write_files(page, tmp_path)
    alike = doctest.OutputChecker().check_output
    for command, expected, shown in commands(page):
        status = main(shlex.split(command))
        printed = capsys.readouterr()
        assert status == expected, (command, printed.err)
        if shown:
            text = printed.err or printed.out
            assert alike(shown, text, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE), (command, text)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_to_files(page: Path) -> None:
    """Read on a code forge, a link is a path; only pages that `make docs` makes are not there."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target).resolve()
        if file.is_relative_to(DOCS) and file.relative_to(DOCS).parts[0] in GENERATED:
            continue
        assert file.exists(), target


KEPT = DOCS / "counterexamples.json"
COUNTEREXAMPLES = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}  # the wheel has no docs/


def test_every_refuted_statement_has_a_counterexample_on_its_page() -> None:
    claims = shelf().claims.values()
    refuted = {claim.id for claim in claims if claim.expected == "refuted" and claim.tier != "full"}
    assert set(COUNTEREXAMPLES) == refuted, "run `make counterexamples`"


@pytest.mark.parametrize("claim", COUNTEREXAMPLES)
def test_a_counterexample_on_a_page_is_rebuilt_by_its_python(claim: str) -> None:
    kept = COUNTEREXAMPLES[claim]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(kept["python"], {})
    assert printed.getvalue().strip() == kept["steps"].strip()
