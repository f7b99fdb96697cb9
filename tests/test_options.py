"""--seed, --tolerance, --workers and --executor on `solve`, `check` and `report`."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import mechopt
from mechopt.cli import main
from mechopt.errors import InstanceError

DRAWN: dict[str, Any] = {
    "mechanism": "limited_liability",
    "variant": "baseline",
    "values": [[[1, 0], [0, 1]]] * 6,
    "outputs": [[[1, 0], [0, 1]]] * 6,
    "seed": 3,
}


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A model that draws whom to leave out."""
    path = tmp_path / "drawn.json"
    path.write_text(json.dumps(DRAWN))
    return path


def solved(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["solve", *words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert isinstance(result, dict)
    return result


def test_a_seed_takes_the_place_of_the_documents(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = solved(capsys, str(drawn))
    assert own["provenance"]["seed"] == 3
    assert solved(capsys, str(drawn), "--seed", "3")["tables"] == own["tables"]
    others = [solved(capsys, str(drawn), "--seed", str(seed)) for seed in range(10, 16)]
    assert [other["provenance"]["seed"] for other in others] == list(range(10, 16))
    assert any(other["tables"]["periods"]["group"] != own["tables"]["periods"]["group"] for other in others)
    again = mechopt.solve(DRAWN, seed=12).to_dict()
    assert again["tables"] == others[2]["tables"]
    loaded = mechopt.load(DRAWN)
    assert mechopt.solve(loaded, seed=12).to_dict()["tables"] == again["tables"]
    assert loaded.document.data["seed"] == 3


@pytest.mark.parametrize("verb", ["solve", "check", "report"])
@pytest.mark.parametrize("seed", ["-1", "x", str(2**70)])
def test_a_wrong_seed_is_refused(verb: str, seed: str, drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, str(drawn), "--seed", seed]) == 2
    printed = capsys.readouterr().err
    assert "seed" in printed
    assert len(printed.splitlines()) == 1


def test_a_tolerance_takes_the_place_of_each_checks_own(capsys: pytest.CaptureFixture[str]) -> None:
    name = "limited_liability/development_fund"
    own = mechopt.check(name)
    wide = mechopt.check(name, tolerance="1000000")
    assert {finding.tolerance for finding in wide.checks} == {1_000_000}
    assert [finding.margin for finding in wide.checks] == [finding.margin for finding in own.checks]
    assert all(finding.holds for finding in wide.checks)
    assert mechopt.check(name, tolerance="1/3").checks[0].tolerance == Fraction(1, 3)
    strict = mechopt.check(name, tolerance=0)
    assert [finding.holds for finding in strict.checks] == [finding.margin >= 0 for finding in own.checks]
    expected = 0 if all(finding.margin >= 0 for finding in own.checks) else 1
    assert main(["check", name, "--tolerance", "0", "--quiet"]) == expected
    capsys.readouterr()


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf", "much"])
def test_a_wrong_tolerance_is_refused(tolerance: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "overage/cap_and_share", f"--tolerance={tolerance}"]) == 2
    printed = capsys.readouterr().err
    assert "--tolerance" in printed
    assert len(printed.splitlines()) == 1


def test_workers_are_accepted_where_there_is_nothing_to_share(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "overage/cap_and_share", "--workers", "2", "--quiet"]) == 0
    assert main(["solve", "overage/cap_and_share", "--workers", "0"]) == 2
    assert "--workers" in capsys.readouterr().err
    with pytest.raises(InstanceError, match="--workers"):
        mechopt.solve("overage/cap_and_share", workers=0)


def test_an_unknown_executor_is_refused_by_solve_and_check(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("solve", "check"):
        assert main([verb, "overage/cap_and_share", "--executor", "spark://here"]) == 2
        assert "--executor" in capsys.readouterr().err
