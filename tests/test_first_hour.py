"""What a new user meets: the bare command, the self-test, a result in a notebook or a frame of another library."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mechopt
from mechopt import catalog, doctor, mechanisms
from mechopt.cli import main
from mechopt.errors import CatalogError, SolveError

DOCUMENT = {
    "mechanism": "overage",
    "title": "<three> & more",
    "arithmetic": "exact",
    "accounts": {"account": ["a", "b", "<c>"], "entitlement": [10, 10, 10], "claim": [11, 12, 7]},
}


def test_the_bare_command_names_every_mechanism(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in mechanisms.MECHANISMS)
    assert "Three things to try" in shown


def test_the_doctor_finds_a_healthy_installation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["status"] == "healthy"
    tests = result["tables"]["tests"]
    assert len(tests["test"]) >= 3 + len(mechanisms.MECHANISMS)
    assert not any("FAILED" in text for text in tests["result"])


def test_the_doctor_finds_what_is_ill(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> str:
        raise SolveError("no solver")

    monkeypatch.setattr(doctor, "_tests", lambda libraries: iter([("linear program", broken)]))
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "scipy" else "1")
    assert main(["doctor", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["status"] == "ill"
    assert result["summary"]["tests_failed"] == 2
    assert "no solver" in result["tables"]["tests"]["result"][0]


def test_a_notebook_shows_the_result_and_escapes_what_comes_from_files() -> None:
    text = mechopt.check(DOCUMENT)._repr_html_()
    HTMLParser().feed(text)
    assert "&lt;three&gt; &amp; more" in text
    assert "<c>" not in text
    assert "guarantee <b>exact</b>" in text
    assert "budget_identity" in text
    assert text.count("<tr>") == text.count("</tr>") > 10


def test_tables_go_to_other_libraries() -> None:
    pytest.importorskip("pyarrow")
    outcome = mechopt.solve(DOCUMENT)
    assert outcome.to_arrow("accounts").num_rows == 3
    pandas = pytest.importorskip("pandas")
    assert isinstance(outcome.to_pandas("accounts"), pandas.DataFrame)


def test_a_content_file_without_its_library_says_what_brings_it(tmp_path: Path) -> None:
    """`pip install mechopt` alone leaves Pyomo and CVXPY out."""
    path = tmp_path / "mine_program.py"
    path.write_text("import a_layer_that_is_not_there\n")
    with pytest.raises(CatalogError, match=r"needs a_layer_that_is_not_there, .* pip install 'mechopt\[all\]'"):
        catalog.load(path)
    path.write_text("import mechopt.a_module_that_is_not_there\n")
    with pytest.raises(CatalogError, match="ModuleNotFoundError"):
        catalog.load(path)
