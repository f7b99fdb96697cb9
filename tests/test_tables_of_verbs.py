"""`design` and `simulate`: how the commands hand a table to a mechanism, and what they do with the outcome."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import mechopt
from mechopt import api, instance, mechanisms
from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.outcome import Guarantee, Outcome

DOCUMENT = {
    "mechanism": "overage",
    "accounts": [{"account": "a", "entitlement": 1, "claim": 1}],
    "seed": 5,
}


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    rounds: int = 3
    level: float = 0.5


def simulate(environment: Any, document: Any, *, seed: int, workers: int, progress: Any) -> Outcome:
    table = document.section("simulate", Table)
    if progress is not None:
        progress(table.rounds, table.rounds)
    return Outcome(
        mechanism="overage",
        title="",
        status="interrupted" if table.rounds == 0 else "simulated",
        guarantee=Guarantee(kind="exact", detail="counted"),
        summary={"rounds": table.rounds, "level": table.level, "seed": seed, "workers": workers},
        tables={"rounds": {"round": list(range(table.rounds))}},
    )


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document whose mechanism can simulate."""
    real = mechanisms.get("overage")

    def read(given: instance.Document) -> Any:
        data = {key: value for key, value in given.data.items() if key != "simulate"}
        return real.from_document(instance.Document(data=data, path=given.path))

    mine = {"__all__": ["simulate"], "simulate": simulate, "from_document": read, "simulate_pictures": None}
    fake = SimpleNamespace(**{**vars(real), **mine})  # which pictures `real` has depends on what was used before
    monkeypatch.setattr(mechanisms, "get", lambda name, **_: fake)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(DOCUMENT | {"simulate": {"rounds": 4}}))
    return path


def test_the_table_and_the_documents_seed_reach_the_mechanism(document: Path) -> None:
    outcome = mechopt.simulate(document)
    assert outcome.summary == {"rounds": 4, "level": 0.5, "seed": 5, "workers": 1}
    assert outcome.title == "model"
    assert outcome.provenance["seed"] == 5
    assert mechopt.simulate(document, seed=6, workers=2).summary["seed"] == 6


def test_progress_is_passed_on(document: Path) -> None:
    seen: list[tuple[int, int]] = []
    mechopt.simulate(document, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 4)]


def test_out_writes_result_tables_and_report(
    document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert main(["simulate", str(document), "--out", str(folder), "--json", "--seed", "9"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"]["seed"] == 9
    assert {path.name for path in folder.iterdir()} == {"result.json", "rounds.csv", "report.html"}


def test_an_interrupted_run_shows_what_is_finished(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document.write_text(json.dumps(DOCUMENT | {"simulate": {"rounds": 0}}))
    assert main(["simulate", str(document)]) == 130
    assert "interrupted" in capsys.readouterr().out


def test_a_run_whose_workers_died_shows_what_is_finished(
    document: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 3: no result of the whole run, but what there is."""
    real = api.simulate
    monkeypatch.setattr(api, "simulate", lambda *args, **keys: replace(real(*args, **keys), status="incomplete"))
    assert main(["simulate", str(document)]) == 3
    assert "incomplete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"round": 3}, ["simulate", "unknown key 'round'", "did you mean rounds"]),
        ({"rounds": "x"}, ["simulate.rounds", "must be a whole number, not text"]),
        ([1], ["simulate", "must be a table"]),
    ],
)
def test_a_wrong_table_is_named(
    document: Path, table: Any, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    document.write_text(json.dumps(DOCUMENT | {"simulate": table}))
    assert main(["simulate", str(document)]) == 2
    printed = capsys.readouterr().err
    assert all(word in printed for word in ["model.json", *words]), printed
    assert len(printed.splitlines()) == 1


def test_other_errors_are_named(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(document), "--workers", "0"]) == 2
    assert "--workers" in capsys.readouterr().err
    with pytest.raises(InstanceError, match="--seed"):
        mechopt.simulate(document, seed=-1)
    assert main(["design", str(document)]) == 2
    assert "cannot design" in capsys.readouterr().err
