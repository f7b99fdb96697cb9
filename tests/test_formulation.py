"""Every program that a mechanism lists builds, exports, and has the engine's optimum; what is wrong is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mechopt
from mechopt import api, catalog, formulation, mechanisms
from mechopt.cli import main
from mechopt.errors import InstanceError

pytest.importorskip("pyomo.environ")
pytest.importorskip("cvxpy")

PROGRAMS = [(mechanism, name) for mechanism in mechanisms.MECHANISMS for name in formulation.formulations(mechanism)]


@pytest.mark.parametrize(("mechanism", "name"), PROGRAMS, ids=lambda value: value)
def test_the_program_of_the_starting_document_has_the_engines_optimum(mechanism: str, name: str) -> None:
    outcome = api.compare(catalog.starter(mechanism), program=name)
    assert outcome.guarantee.kind == "approximate"
    for finding in outcome.checks:
        assert finding.holds, finding


@pytest.mark.parametrize("mechanism", mechanisms.MECHANISMS)
def test_every_program_file_lists_its_formulations(mechanism: str) -> None:
    files = {path for name, path in catalog.programs().items() if name.startswith(f"{mechanism}/")}
    assert files == {path for _, path in formulation.formulations(mechanism).values()}


def test_some_program_is_compared_with_the_engine() -> None:
    assert sum(choice.engine is not None for m, n in PROGRAMS for choice in [formulation.choose(m, n)[0]]) >= 3


def test_lp_and_mps_files_have_the_same_optimum_as_the_program(tmp_path: Path) -> None:
    import highspy

    found = api.compare("linked_vcg/figure_1a", program="knapsack", date=2).summary["optimum"]
    for ending in ("lp", "mps"):
        path = tmp_path / f"knapsack.{ending}"
        chosen = ["--program", "knapsack", "--set", "date=2", "--to", ending, "-o", str(path), "--quiet"]
        assert main(["formulate", "linked_vcg/figure_1a", *chosen]) == 0
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.readModel(str(path))
        highs.run()
        sign = 1 if ending == "lp" else -1 if highs.getLp().sense_ == highspy.ObjSense.kMinimize else 1
        assert sign * highs.getObjectiveValue() == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize(("to", "program"), [("pyomo", "clearing_lp"), ("cvxpy", "clearing_qp")])
def test_a_script_runs_by_itself(tmp_path: Path, to: str, program: str) -> None:
    path = tmp_path / "mine.py"
    assert main(["formulate", "overage/starter", "--to", to, "-o", str(path)]) == 2  # a starter is no shipped model
    chosen = ["--program", program, "--to", to, "-o", str(path), "--quiet"]
    assert main(["formulate", "overage/cap_and_share", *chosen]) == 0
    assert program.split("_")[1] in path.read_text()
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "coverage" in done.stdout  # the variable, with its value


def test_built_programs_are_of_the_layer_asked_for() -> None:
    assert type(mechopt.formulate("overage/cap_and_share", "pyomo")).__module__.startswith("pyomo")
    assert type(mechopt.formulate("overage/cap_and_share", "cvxpy")).__module__.startswith("cvxpy")


def test_a_wrong_engine_is_seen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    right, path = formulation.choose("overage", "clearing_lp")
    wrong = formulation.Formulation(name="wrong", title="t", build=right.build, engine=lambda environment: 0.9)
    monkeypatch.setattr(formulation, "formulations", lambda mechanism: {"wrong": (wrong, path)})
    assert main(["formulate", "overage/cap_and_share", "--solve", "--json"]) == 1
    checks: list[Any] = json.loads(capsys.readouterr().out)["checks"]
    assert [check["holds"] for check in checks] == [False]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--program", "clearing"], "did you mean"),
        (["--set", "date=1"], "has no option 'date'"),
        (["--set", "date"], "name=value"),
        (["--to", "ampl"], "lp, mps, pyomo, cvxpy"),
        (["--program", "clearing_lp", "--to", "cvxpy"], "not written in cvxpy"),
    ],
)
def test_bad_commands_end_with_2_and_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["formulate", "overage/cap_and_share", *arguments]) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert len(printed.err.splitlines()) == 1
    assert printed.out == ""


def test_a_value_of_the_wrong_type_is_named() -> None:
    with pytest.raises(InstanceError, match="not of type int"):
        mechopt.formulate("linked_vcg/figure_1a", program="knapsack", date="second")
    with pytest.raises(InstanceError, match="dates are 1 to"):
        mechopt.formulate("linked_vcg/figure_1a", program="knapsack", date=9)
