"""Proofs of the axiom matrix: what they start from is what the code does, and what is false is never proved."""

from __future__ import annotations

import importlib.util
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api, catalog
from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import AWARD_RULES, axiom_matrix
from mechopt.mechanisms.overage.awards.matrix import Search
from mechopt.mechanisms.overage.awards.problem import Problem, Remembered, problems
from mechopt.mechanisms.overage.awards.relations import PROPERTIES
from mechopt.mechanisms.overage.awards.schedules import dual

PROVER = catalog.load(catalog.root("verification") / "overage" / "_axiom_proofs.py")
PARAMETRIC = [name for name, rule in AWARD_RULES.items() if rule.schedule is not None]
SMALL = Search(claimants=2, largest=3, prove=True)


@pytest.mark.parametrize("name", AWARD_RULES)
def test_the_code_gives_what_the_formulas_say(name: str) -> None:
    code = Remembered(AWARD_RULES[name].award)
    assert all(PROVER.agrees(AWARD_RULES[name], code, problem) for problem in problems(3, 2))


@pytest.mark.parametrize("name", PARAMETRIC)
@given(claims=st.lists(st.fractions(0, 9, max_denominator=6), min_size=1, max_size=6), part=st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_awards_lie_on_the_schedule(name: str, claims: list[Fraction], part: int) -> None:
    if any(claims):
        problem = Problem(estate=sum(claims, Fraction(0)) * part / 12, claims=tuple(claims))
        assert PROVER.agrees(AWARD_RULES[name], Remembered(AWARD_RULES[name].award), problem)


def test_other_awards_do_not_lie_on_it() -> None:
    losses, awards = AWARD_RULES["constrained_equal_losses"], AWARD_RULES["constrained_equal_awards"]
    problem = Problem(estate=Fraction(1), claims=(Fraction(1), Fraction(2)))
    assert PROVER.agrees(losses, Remembered(losses.award), problem)
    assert not PROVER.agrees(losses, Remembered(awards.award), problem)


def test_the_dual_of_the_dual_is_the_schedule() -> None:
    for name in PARAMETRIC:
        schedule = AWARD_RULES[name].schedule
        assert schedule is not None
        for stage, again in zip(schedule.stages, dual(dual(schedule)).stages, strict=True):
            low, high = Fraction(stage.lowest(Fraction(4))), Fraction(stage.highest(Fraction(4)))
            assert (again.lowest(4), again.highest(4)) == (low, high)
            for claim in (Fraction(1), Fraction(3)):
                for level in (low, (low + high) / 3, high):
                    assert again.award(claim, level, min, max) == stage.award(claim, level, min, max)


@pytest.mark.parametrize("name", ["proportional", "talmud", "random_arrival", "dominguez_thomson", "alpha_min"])
def test_what_is_refuted_is_not_proved_and_the_rest_is(name: str) -> None:
    """The control of all controls: the prover is put to every false cell too."""
    refuted = _refuted(name)
    proved = {prop for prop in PROPERTIES if PROVER.prove(AWARD_RULES[name], prop) is not None}
    assert not proved & refuted
    open_cells = {"dominguez_thomson": {"linked_monotonicity"}, "alpha_min": {"continuity"}}.get(name, set())
    assert proved | refuted == set(PROPERTIES) - open_cells


@pytest.mark.slow
@pytest.mark.parametrize("name", AWARD_RULES)
def test_nothing_refuted_is_proved(name: str) -> None:
    assert not {prop for prop in _refuted(name) if PROVER.prove(AWARD_RULES[name], prop) is not None}


def _refuted(name: str) -> set[str]:
    cells = axiom_matrix(rules=[name], search=Search(claimants=3, largest=4)).tables["cells"]
    return {prop for prop, verdict in zip(cells["property"], cells["verdict"], strict=True) if verdict == "refuted"}


def test_each_proof_is_of_a_property_and_has_queries() -> None:
    for rule in AWARD_RULES.values():
        table = PROVER.proofs(rule)
        assert set(table) <= set(PROPERTIES)
        assert all(proof.queries and proof.argument for proof in table.values())


def test_the_labels_say_how_far_a_proof_goes() -> None:
    outcome = axiom_matrix(
        rules=["talmud", "minimal_overlap", "dominguez_thomson", "average_of_awards"],
        properties=["consistency", "continuity", "linked_monotonicity"],
        search=SMALL,
    )
    grid = outcome.tables["matrix"]
    assert grid["talmud"] == ["proved", "proved", "proved"]
    assert grid["minimal_overlap"][1:] == ["n <= 3", "n <= 3"]
    assert grid["average_of_awards"][1:] == ["n <= 2", "n <= 2"]
    assert grid["dominguez_thomson"][1:] == ["proved", "holds"]
    assert outcome.summary["proved for n <= 3"] == 2
    for verdict, proof in zip(outcome.tables["cells"]["verdict"], outcome.tables["cells"]["proof"], strict=True):
        assert verdict.startswith("proved") == ("queries without a solution" in proof)


MINE = """
from mechopt.mechanisms.overage import AWARD_RULES, AwardRule
from mechopt.mechanisms.overage.awards.division import constrained_equal_awards, fill
from mechopt.mechanisms.overage.awards.problem import Property
from mechopt.mechanisms.overage.awards.schedules import TALMUD, Schedule, Stage

third = Stage(award=lambda d, t, smaller, larger: smaller(d / 3, t), lowest=lambda b: 0, highest=lambda b: b / 3)
rest = Stage(award=lambda d, t, smaller, larger: d / 3 + d * t, lowest=lambda b: 0, highest=lambda b: {top})


def thirds(estate, claim):
    if not sum(claim):
        return claim
    low = claim / 3
    first = min(estate, sum(low))
    return constrained_equal_awards(first, low) + (claim - low) * ((estate - first) / (sum(claim) - sum(low)))


def first_gets_it(rule, problem):
    return iter(())


RULES = [
    AwardRule(name="thirds", title="thirds", award=thirds, schedule=Schedule(stages=(third, rest))),
    AwardRule(name="random_arrival", title="not ours", award=constrained_equal_awards),
]
PROPERTIES = [Property(name="balance", statement="nothing at all", violations=first_gets_it)]
"""


def _with_plugin(tmp_path: Path, top: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    plugin = tmp_path / f"mine_{len(top)}.py"
    plugin.write_text(MINE.replace("{top}", top))
    chosen = ["thirds", "random_arrival", "--property", "balance", "--property", "consistency"]
    status = main(["axioms", *chosen, "--plugin", str(plugin), "--claimants", "2", "--largest", "2", "--json"])
    return status, capsys.readouterr()


def test_a_rule_of_the_users_own_is_proved_by_its_schedule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But another rule or property under one of our names is not proved by our proofs."""
    status, captured = _with_plugin(tmp_path, "1 - 1 / (b - b + 3)", capsys)
    assert status == 0, captured.err
    grid = json.loads(captured.out)["tables"]["matrix"]
    assert grid["thirds"] == ["holds", "proved"]
    assert grid["random_arrival"] == ["holds", "holds"]


def test_a_schedule_that_the_code_does_not_follow_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, captured = _with_plugin(tmp_path, "(b - b + 1) / 3", capsys)
    assert status == 2
    assert "schedule" in captured.err
    assert "thirds" in captured.err


def test_without_z3_nothing_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    outcome = api.axioms(rules=["proportional"], properties=["balance"], claimants=1)
    assert outcome.tables["matrix"]["proportional"] == ["holds"]
    with pytest.raises(InstanceError, match="need Z3"):
        api.axioms(rules=["proportional"], properties=["balance"], prove=True)
