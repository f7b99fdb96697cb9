"""Running the ledger: files, names, processes, interruptions."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mechopt import claims, tasks
from mechopt.claims import Record
from mechopt.errors import CatalogError, InstanceError

HEAD = """
from mechopt.claims import Control, Evidence, claim

def sound(kind="symbolic", **rest):
    given = dict(holds=True, range="all", complete=True, instance={"x": 1}, control=Control(text="c", refuted=True))
    return Evidence(kind=kind, **{**given, **rest})
"""
TWO = (
    HEAD
    + """
@claim(label="Lemma A.1", statement="S", reading="R", expected="proved")
def first():
    yield sound()

@claim(label="Proposition 2", part="budget balance", statement="S", reading="R", rests_on=["mine.lemma_a_1"])
def second():
    yield sound("exhaustive", complete=False)

@claim(label="Proposition 2", part="in time", statement="S", reading="R", tier="full")
def third(run):
    yield sound(range=f"{run.tier} {run.seed}")
"""
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of claims."""

    def file(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return file


def test_file_of_the_users_own(write: Callable[..., Path]) -> None:
    """Ids come from the file and the labels; the full tier runs where it is asked for."""
    path = write(TWO)
    ledger = claims.verify(path)
    assert [record.id for record in ledger.records] == [
        "mine.lemma_a_1",
        "mine.proposition_2_budget_balance",
        "mine.proposition_2_in_time",
    ]
    assert [record.verdict for record in ledger.records] == ["proved", "proved_in_range", "not_checked"]
    assert ledger.records[2].skipped
    assert ledger.exit_status == 0
    assert claims.verify(path, tier="full", seed=7)["mine.proposition_2_in_time"].range == "full 7"


def test_edited_file_is_read_again(write: Callable[..., Path]) -> None:
    """As in a notebook: the session goes on, the file changes."""
    assert len(claims.verify(write(TWO)).records) == 3
    edited = claims.verify(write(TWO.replace("Lemma A.1", "Lemma B.12")))
    assert edited.records[0].id == "mine.lemma_b_12"


def test_edited_shared_file_is_read_again(write: Callable[..., Path]) -> None:
    """What a file of claims shares with its neighbours counts as a part of it."""
    shares = "from mechopt import catalog\nshared = catalog.beside(__file__)\n" + TWO.replace('"S"', "shared.TEXT")
    write("TEXT = 'one'\n", "_shared.py")
    assert claims.verify(write(shares)).records[0].statement == "one"
    write("TEXT = 'another'\n", "_shared.py")
    assert claims.verify(write(shares)).records[0].statement == "another"


def test_one_claim_of_a_file(write: Callable[..., Path]) -> None:
    """path::label picks one; what it rests on is run with it, and not listed."""
    path = write(TWO)
    ledger = claims.verify(f"{path}::Proposition 2 (budget balance)")
    assert [record.id for record in ledger.records] == ["mine.proposition_2_budget_balance"]
    assert ledger.records[0].rests_on == {"mine.lemma_a_1": "proved"}


def test_other_processes_give_the_same_ledger(write: Callable[..., Path]) -> None:
    """Claims are named, not sent; the order is that of the file."""
    path = write(TWO)
    seen: list[tuple[int, int, str]] = []
    ledger = claims.verify(path, tier="full", workers=2, progress=lambda *step: seen.append(step))
    here = claims.verify(path, tier="full")
    assert [(record.id, record.verdict) for record in ledger.records] == [
        (record.id, record.verdict) for record in here.records
    ]
    assert seen[-1][:2] == (3, 3)


def test_interrupted_run_keeps_what_is_finished(write: Callable[..., Path]) -> None:
    """Ctrl-C in the second claim leaves the first one's verdict."""
    path = write(
        TWO + "\n@claim(label='Lemma 3', statement='S', reading='R')\ndef stop():\n    raise KeyboardInterrupt\n"
    )
    ledger = claims.verify(path)
    assert ledger.interrupted
    assert ledger["mine.lemma_a_1"].verdict == "proved"
    assert ledger["mine.lemma_3"].skipped
    assert ledger.exit_status == 1
    assert ledger.to_dict()["interrupted"] is True


def test_interruption_in_the_midst_of_z3_is_no_error(write: Callable[..., Path]) -> None:
    """Ctrl-C while ctypes converts an argument comes out as an ArgumentError."""
    raised = "    import ctypes\n    raise ctypes.ArgumentError('argument 1: KeyboardInterrupt: ')\n"
    path = write(TWO + f"\n@claim(label='Lemma 3', statement='S', reading='R')\ndef stop():\n{raised}")
    ledger = claims.verify(path)
    assert ledger.interrupted
    assert ledger.counts["errors"] == 0
    assert ledger["mine.lemma_3"].skipped
    broken = claims.verify(write(path.read_text().replace("KeyboardInterrupt", "wrong type")))
    assert not broken.interrupted
    assert broken.counts["errors"] == 1


def test_process_that_dies_is_an_error_on_its_claim(write: Callable[..., Path]) -> None:
    """A killed worker does not take the run with it."""
    text = TWO + "\n@claim(label='Lemma 3', statement='S', reading='R')\ndef die():\n    import os\n    os._exit(1)\n"
    ledger = claims.verify(write(text), workers=2)
    assert "died" in (ledger["mine.lemma_3"].error or "")
    assert ledger["mine.lemma_a_1"].verdict == "proved"


def test_changed_verdict_fails_the_run(write: Callable[..., Path]) -> None:
    """The exit status is what a build looks at."""
    assert claims.verify(write(TWO.replace('expected="proved"', 'expected="refuted"'))).exit_status == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = 1\n", "no claims"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("def broken(:\n", "SyntaxError"),
        (TWO.replace("Lemma A.1", "Proposition 2 (in time)"), "two claims have the id mine.proposition_2_in_time"),
        (TWO.replace("def second", "def first"), "overwritten"),
        (TWO.replace('expected="proved"', 'expected="true"'), "none of proved"),
        (TWO.replace('tier="full"', 'paper="euclid"'), "none of lengyel2025"),
    ],
)
def test_broken_files_are_named(write: Callable[..., Path], text: str, word: str) -> None:
    """One line that names the file and the problem."""
    with pytest.raises(CatalogError, match=word) as caught:
        claims.verify(write(text))
    assert "mine.py" in str(caught.value)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("what", "word"),
    [
        ("overage.equation_22", "overage.equation_2"),
        ("Equation (3.7)", "no claim, mechanism or file"),
        ("overige", "overage"),
        ("no/such/file.py", "not a Python file"),
    ],
)
def test_unknown_names(what: str, word: str) -> None:
    """An unknown name is refused, with the nearest ones."""
    with pytest.raises(CatalogError, match=word):
        claims.verify(what)


def test_shipped_claim_by_every_name() -> None:
    """Id, label and file name mean the same claim."""
    from mechopt.claims.select import select

    for name in ("overage.equation_2", "overage/equation_2"):
        assert "overage.equation_2" in select([name])[0]
    assert "overage.equation_2" in select(["Equation (2)"])[0]
    assert "overage.equation_2" in select(["lengyel2025"])[0]
    assert "overage.equation_2" in select(["overage"])[0]


def test_equation_2_is_proved_with_controls() -> None:
    """The example that claim files are written after."""
    ledger = claims.verify("overage.equation_2")
    (record,) = ledger.records
    assert record.verdict == "proved"
    assert {evidence.kind for evidence in record.evidence} == {"symbolic", "smt", "exhaustive"}
    assert all(evidence.control is not None and evidence.control.refuted for evidence in record.evidence)
    printed = ledger.to_dict()
    assert printed["counts"]["proved"] == 1
    keys = {"id", "paper", "label", "statement", "reading", "verdict", "range", "expected", "evidence", "witness"}
    assert keys | {"repaired_by"} <= set(printed["claims"][0])
    assert {"kind", "holds", "range", "seconds"} <= set(printed["claims"][0]["evidence"][0])


def test_broken_shipped_file_is_an_error_on_its_name(
    monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]
) -> None:
    """The rest of the ledger still runs."""
    good, bad = write(TWO, "good.py"), write("1 / 0\n", "bad.py")
    monkeypatch.setattr("mechopt.catalog.claim_files", lambda: {"overage/bad": bad, "overage/good": good})
    text = good.read_text().replace("mine.", "good.")
    good.write_text(text)
    ledger = claims.verify()
    assert ledger["overage.bad"].error is not None
    assert ledger["good.lemma_a_1"].verdict == "proved"
    assert ledger.exit_status == 1


def test_repair_that_does_not_exist_is_an_error(write: Callable[..., Path]) -> None:
    """A refuted claim must not point into the void."""
    path = write(TWO.replace('expected="proved"', 'repaired_by="overage.no_such_claim"'))
    assert "no such claim" in (claims.verify(path)["mine.lemma_a_1"].error or "")


REFUTED = (
    HEAD
    + """
from fractions import Fraction

@claim(
    label="Sum below ten",
    statement="sum < 10",
    reading="For all lists.",
    document=lambda i: {"mechanism": "m", "rows": [{"x": x} for x in i["x"]]},
    replay=lambda i: f"total {sum(i['x'])}" if sum(i["x"]) >= 10 else None,
    expected="refuted",
)
def small():
    yield sound("smt", holds=False, witness={"x": [Fraction(21, 4), Fraction(11, 2), 0, Fraction(1, 3)]})
"""
)


def test_witness_rebuilds_in_python(write: Callable[..., Path]) -> None:
    """The program printed with a witness runs as it is and confirms it; so does `replay`."""
    path = write(REFUTED)
    witness = claims.verify(path)["mine.sum_below_ten"].witness
    assert witness is not None
    assert witness.instance == {"x": [10]}
    done = subprocess.run(
        [sys.executable, "-c", witness.python],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.strip() == "total 10"
    assert witness.document == 'mechanism = "m"\nrows = [\n  { x = 10 },\n]\n'
    assert claims.replay(f"{path}::mine.sum_below_ten", {"x": [1]}) == "Sum below ten holds at this instance"


def test_explain_shows_everything(write: Callable[..., Path]) -> None:
    """Statement, reading, evidence, control and witness are all there."""
    (record,) = claims.verify(write(REFUTED)).records
    shown = claims.explain(record)
    for word in ("refuted", "sum < 10", "For all lists.", "control", "x = (10)", "total 10", "claims.replay"):
        assert word in shown


def test_claims_import_is_light() -> None:
    """Listing claims must not pay for the provers."""
    heavy = {"numpy", "sympy", "z3", "highspy", "hypothesis"}
    code = f"import sys, mechopt.claims; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "[]"


def test_run_reports_interruption_once(monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]) -> None:
    """An interruption between two claims is no error of either."""

    def stop(*_: Any, finished: dict[int, Record], **__: Any) -> None:
        raise tasks.Interrupted(finished, 2)

    monkeypatch.setattr("mechopt.tasks.run", stop)
    ledger = claims.verify(write(TWO))
    assert ledger.interrupted
    assert all(record.error is None and record.skipped for record in ledger.records)


@pytest.mark.parametrize(("options", "word"), [({"workers": 0}, "--workers"), ({"seed": -1}, "--seed")])
def test_wrong_options_are_refused(options: dict[str, int], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        claims.verify("overage.theorem_4", **options)  # type: ignore[arg-type]  # one of the two
