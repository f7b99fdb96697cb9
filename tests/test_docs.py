"""Every example of the documentation is run: Python by doctest, commands by the command line, errors as printed."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from mechopt.cli import main

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[tuple[str, str]]:
    """Each `$ mechopt ...` line of a page's console blocks with the line below it, where that is an error."""
    found = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        lines = block.splitlines()
        for line, below in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith("$ mechopt "):
                command = line.removeprefix("$ mechopt ").split("  #")[0].strip()
                found.append((command, below if below.startswith("mechopt: ") else ""))
    return found


def test_there_are_pages_with_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_examples_are_as_printed(page: Path) -> None:
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.failed == 0


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_commands_run_one_after_another(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command, error in commands(page):
        status = main(command.split())
        printed = capsys.readouterr().err.strip()
        assert status == (2 if error else 0), (command, printed)
        if error:
            assert printed == error
