"""The axiom matrix: known results of the literature, rules that break exactly one property, users' own rules."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mechopt import api
from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import AWARD_RULES, axiom_matrix
from mechopt.mechanisms.overage.awards.matrix import REFUTED, Search, cell
from mechopt.mechanisms.overage.awards.problem import Problem, Remembered, problems
from mechopt.mechanisms.overage.awards.relations import PROPERTIES
from mechopt.outcome import Outcome

SMALL = Search(claimants=3, largest=3)


@pytest.fixture(scope="module")
def matrix() -> Outcome:
    return axiom_matrix(search=SMALL)


def verdict(outcome: Outcome, rule: str, name: str) -> str:
    grid = outcome.tables["matrix"]
    return str(grid[rule][list(grid["property"]).index(name)])


def test_every_cell_is_there(matrix: Outcome) -> None:
    assert len(PROPERTIES) >= 20
    assert matrix.summary["cells"] == len(PROPERTIES) * len(AWARD_RULES) == len(matrix.tables["cells"]["rule"])
    assert "whole claims from 0 to 3" in matrix.guarantee.detail


# Thomson (2019), tables of chapters 4 to 9: what is known of the best-studied rules.
KNOWN_TO_HOLD = {
    "proportional": ["self_duality", "composition_down", "composition_up", "consistency",
                     "no_advantageous_reallocation", "merging_proofness", "splitting_proofness"],
    "constrained_equal_awards": ["no_sucker_loss", "invariance_under_truncation", "composition_down",
                                 "composition_up", "consistency", "conditional_full_compensation", "securement"],
    "constrained_equal_losses": ["exclusion", "minimal_rights_first", "composition_down", "composition_up",
                                 "consistency", "conditional_null_compensation"],
    "talmud": ["self_duality", "invariance_under_truncation", "minimal_rights_first", "consistency", "midpoint"],
    "random_arrival": ["self_duality", "invariance_under_truncation", "minimal_rights_first", "midpoint"],
    "adjusted_proportional": ["self_duality", "invariance_under_truncation", "minimal_rights_first"],
    "piniles": ["consistency", "progressivity", "midpoint"],
}  # fmt: skip
KNOWN_TO_FAIL = {
    "proportional": ["no_sucker_loss", "invariance_under_truncation", "minimal_rights_first", "securement"],
    "constrained_equal_awards": ["self_duality", "minimal_rights_first", "no_advantageous_reallocation"],
    "constrained_equal_losses": ["self_duality", "invariance_under_truncation", "no_sucker_loss"],
    "talmud": ["composition_down", "composition_up", "no_advantageous_reallocation"],
    "random_arrival": ["consistency", "composition_down", "composition_up"],
    "adjusted_proportional": ["consistency", "composition_down"],
    "constrained_egalitarian": ["super_modularity"],
}


@pytest.mark.parametrize("rule", KNOWN_TO_HOLD)
def test_what_is_known_to_hold_is_not_refuted(matrix: Outcome, rule: str) -> None:
    assert {name: verdict(matrix, rule, name) for name in KNOWN_TO_HOLD[rule]} == dict.fromkeys(
        KNOWN_TO_HOLD[rule], "holds"
    )


@pytest.mark.parametrize("rule", KNOWN_TO_FAIL)
def test_what_is_known_to_fail_is_refuted(matrix: Outcome, rule: str) -> None:
    assert {name: verdict(matrix, rule, name) for name in KNOWN_TO_FAIL[rule]} == dict.fromkeys(
        KNOWN_TO_FAIL[rule], "refuted"
    )


def test_a_witness_can_be_checked_by_hand() -> None:
    """The proportional rule pays a claim below the equal share of the estate in part only."""
    found = cell("proportional", Remembered(AWARD_RULES["proportional"].award), PROPERTIES["no_sucker_loss"], SMALL)
    assert found.verdict == REFUTED
    assert found.witness is not None
    claims, estate = found.witness["claims"], found.witness["estate"]
    position = found.witness["claimant"] - 1
    assert claims[position] <= estate / len(claims)
    assert found.witness["award"] == claims[position] * estate / sum(claims) != claims[position]


# Rules that are wrong on purpose: each property must be able to fail, and to fail on what it is about.
def _scaled(estate: Fraction, claim: np.ndarray) -> np.ndarray:
    return claim * Fraction(9, 10) * (estate / sum(claim)) if sum(claim) else claim


def _above(estate: Fraction, claim: np.ndarray) -> np.ndarray:
    result = claim * 0
    result[0] = estate
    return result


def _squares(estate: Fraction, claim: np.ndarray) -> np.ndarray:
    return claim**2 * (estate / sum(claim**2)) if sum(claim) else claim


def _jump(estate: Fraction, claim: np.ndarray) -> np.ndarray:
    name = "constrained_equal_awards" if 3 * estate < sum(claim) else "constrained_equal_losses"
    return AWARD_RULES[name].award(estate, claim)


def _unit(estate: Fraction, claim: np.ndarray) -> np.ndarray:
    name = "constrained_equal_awards" if estate <= 1 else "proportional"
    return AWARD_RULES[name].award(estate, claim)


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (_scaled, ["balance"]),
        (_above, ["claims_boundedness", "equal_treatment", "anonymity", "order_preservation_of_awards"]),
        (_squares, ["claims_boundedness", "order_preservation_of_losses", "own_claim_lipschitz"]),
        (_jump, ["continuity", "resource_monotonicity", "claim_monotonicity", "super_modularity"]),
        (_unit, ["homogeneity", "continuity", "self_duality"]),
    ],
)
def test_wrong_rules_are_caught(rule: object, names: list[str]) -> None:
    for name in names:
        found = cell("wrong", Remembered(rule), PROPERTIES[name], SMALL)  # type: ignore[arg-type]
        assert found.verdict == REFUTED, name


def test_problems_come_smallest_first_and_once() -> None:
    found = list(problems(2, 2))
    assert len(found) == len(set(found))
    assert found[0] == Problem(estate=Fraction(0), claims=(Fraction(1),))
    sizes = [len(problem.claims) for problem in found]
    assert sizes == sorted(sizes)
    assert all(0 <= problem.estate <= problem.total for problem in found)
    assert len(list(problems(2, 2, ordered=True))) > len(found)


MINE = """
from mechopt.mechanisms.overage import AwardRule
from mechopt.mechanisms.overage.awards.problem import Property


def first_come(estate, claim):
    result, left = claim.copy(), estate
    for position, asked in enumerate(claim):
        result[position] = min(asked, left)
        left -= result[position]
    return result


def nobody_empty(rule, problem):
    awards = rule(problem.estate, problem.claims)
    if problem.estate > 0 and any(x == 0 < d for x, d in zip(awards, problem.claims)):
        yield {"awards": awards}


RULES = [AwardRule(name="first_come", title="first come", award=first_come)]
PROPERTIES = [Property(name="nobody_empty", statement="Whoever claims gets something.", violations=nobody_empty)]
"""


def test_users_add_a_row_and_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(MINE)
    chosen = ["first_come", "proportional", "--property", "nobody_empty", "--property", "anonymity"]
    assert main(["axioms", *chosen, "--plugin", str(plugin), "--claimants", "2", "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    assert tables["matrix"]["first_come"] == ["refuted", "refuted"]
    assert tables["matrix"]["proportional"] == ["holds", "proved"]
    assert tables["cells"]["property"][0] == "nobody_empty"
    assert tables["cells"]["witness"][0] == "estate 1/2, claims (1, 1), awards (1/2, 0)"


def test_a_rule_that_looks_at_names_is_tried_in_every_order(tmp_path: Path) -> None:
    """The last comes first: with ascending claims that excludes small ones and orders awards, with others not."""
    plugin = tmp_path / "mine.py"
    plugin.write_text(MINE.replace("in enumerate(claim):", "in reversed(list(enumerate(claim))):"))
    found = axiom_matrix(
        rules=["first_come"],
        properties=["exclusion", "order_preservation_of_awards", "resource_monotonicity"],
        search=Search(claimants=2, plugin=str(plugin)),
    )
    assert found.tables["matrix"]["first_come"] == ["refuted", "refuted", "holds"]
    assert found.tables["cells"]["witness"][0] == (
        "estate 1/2, claims (2, 1), claimant 2, award 1/2, claim 1, equal loss 5/4"
    )


def test_the_command_writes_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "axioms"
    assert main(["axioms", "talmud", "--claimants", "2", "--out", str(folder), "--quiet"]) == 0
    assert {path.name for path in folder.iterdir()} == {
        "result.json", "matrix.csv", "cells.csv", "properties.csv", "report.html"
    }  # fmt: skip
    assert "<svg" in (folder / "report.html").read_text() or "svg+xml" in (folder / "report.html").read_text()


def test_the_matrix_is_a_report_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small one here: the command itself asks for all of it."""
    monkeypatch.setattr(api, "axioms", partial(api.axioms, rules=["talmud"], claimants=1))
    assert main(["report", "axioms", "-o", str(tmp_path / "matrix.html"), "--quiet"]) == 0
    text = (tmp_path / "matrix.html").read_text()
    assert "The axiom matrix of the claims rules" in text
    assert "Rules and properties" in text
    assert "consistency" in text


def test_processes_find_the_same() -> None:
    alone = axiom_matrix(rules=["talmud", "piniles"], search=Search(claimants=2))
    spread = axiom_matrix(rules=["talmud", "piniles"], search=Search(claimants=2), workers=2)
    assert alone.tables == spread.tables


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["talmut"], "did you mean talmud"),
        (["--property", "consistent"], "consistency"),
        (["--claimants", "9"], "from 1 to 5"),
        (["--plugin", "missing.py"], "missing.py"),
    ],
)
def test_bad_commands_are_named(arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["axioms", *arguments]) == 2
    assert word in capsys.readouterr().err


def test_a_rule_that_fails_is_named_with_the_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "fails.py"
    plugin.write_text(MINE.replace("left = claim.copy(), estate", "left = claim / (estate - 1), estate"))
    assert main(["axioms", "first_come", "--property", "balance", "--plugin", str(plugin), "--claimants", "1"]) == 2
    error = capsys.readouterr().err
    assert "balance of first_come cannot be computed near estate 1, claims (1): ZeroDivisionError" in error
    assert "Traceback" not in error


def test_a_plugin_of_nothing_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("RULES = []\n")
    with pytest.raises(InstanceError, match="neither RULES nor PROPERTIES"):
        axiom_matrix(search=Search(plugin=str(empty)))
