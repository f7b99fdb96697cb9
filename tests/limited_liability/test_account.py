"""What the allocator's journal tells an agent and the operator: who is served without whom, and alarms."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator, commitment

AGENTS, DECISIONS = ["north", "south"], ["north", "south"]  # one resource: who gets it


def table(**more: Any) -> dict[str, Any]:
    return {"agents": AGENTS, "decisions": DECISIONS, "output_bound": 100} | more


def play(allocator: Allocator, stated: Sequence[int], produced: Sequence[int]) -> None:
    """One period: what each states for having the resource, and what each would produce with it."""
    rows = [[v if name == decision else 0 for decision in DECISIONS] for name, v in zip(AGENTS, stated, strict=True)]
    for name, row in zip(AGENTS, rows, strict=True):
        allocator.commit(name, commitment(row, name))
    for name, row in zip(AGENTS, rows, strict=True):
        allocator.report(name, row, name)
    allocator.decide()
    allocator.observe({d: [y if name == d else 0 for name, y in zip(AGENTS, produced, strict=True)]
                       for d in allocator.candidates})  # fmt: skip
    allocator.settle()


def test_a_statement_says_who_would_have_been_served_without_you(tmp_path: Path) -> None:
    with Allocator.create(tmp_path / "j", table()) as allocator:
        play(allocator, [60, 50], [70, 40])
        (north,), (south,) = allocator.statement("north"), allocator.statement("south")
    assert (north["decision"], north["decision_without_you"]) == ("north", "south")
    assert north["outputs_without_you"] == {"south": 40}
    assert north["debt_after"] == 40  # what its claim cost the other
    assert south["outputs_without_you"] == {"north": 70}
    assert south["debt_after"] == 0
    with Allocator.create(tmp_path / "k", table(variant="exploration")) as allocator:
        play(allocator, [60, 50], [70, 40])
        assert allocator.statement("north")[0]["outputs_without_you"] is None


def test_a_statement_under_appendix_a_1_is_about_stated_values(tmp_path: Path) -> None:
    """North states 90 and produces nothing: in debt it pays nothing, and once caught it has no weight."""
    with Allocator.create(tmp_path / "j", table(variant="bounded_values", use_regret_b=False)) as allocator:
        for _ in range(3):
            play(allocator, [90, 50], [0, 50])
        lines, status = allocator.statement("north"), allocator.status()
    assert [line["debt_before"] for line in lines] == [0, 50, 10]  # 50 a period for south, less 90 stated while in debt
    assert [line["probability_of_being_left_out"] for line in lines] == [0.0, 0.0, 1.0]
    assert [line["decision"] for line in lines] == ["north", "north", "south"]
    assert [line["why"] for line in lines] == [
        "no debt, nothing is due",
        *["in debt at stated values, so the output is paid"] * 2,
    ]
    assert status["debt"]["north"] == lines[-1]["debt_after"] == 10


@pytest.mark.parametrize("variant", ["baseline", "consistent", "bounded_values", "exploration"])
def test_alarms_ring_for_who_states_too_much(tmp_path: Path, variant: str) -> None:
    rng = random.Random(4)
    rung = {}
    for boast in (0, 40):
        with Allocator.create(tmp_path / f"j{boast}", table(variant=variant), seed=b"0" * 32) as allocator:
            assert allocator.alarms() == []
            for _ in range(150):
                chances = [rng.randrange(20, 60) for _ in AGENTS]
                produced = [100 * (rng.random() * 100 < chance) for chance in chances]
                play(allocator, [chances[0], chances[1] + boast], produced)
            found = allocator.alarms()
            rung[boast] = {(alarm["kind"], alarm["agent"]) for alarm in found if alarm["rings"]}
            assert {alarm["kind"] for alarm in found} >= {"calibration", "externality"}
            assert ("distrust" in {alarm["kind"] for alarm in found}) is (variant == "bounded_values")
            json.dumps(found, allow_nan=False)
    assert rung[0] == set()
    assert ("calibration", "south") in rung[40] or ("distrust", "south") in rung[40]


def test_reported_counterfactuals_are_labelled_unsafe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs are entered after the draw: nothing seals them, whatever a configuration says."""
    with Allocator.create(tmp_path / "a", table(variant="strategic")) as allocator:
        assert allocator.status()["unsafe"] is True
    with Allocator.create(tmp_path / "b", table(variant="strategic", counterfactuals="verified")) as allocator:
        assert allocator.status()["unsafe"] is False
    with pytest.raises(InstanceError, match="counterfactuals"):
        Allocator.create(tmp_path / "c", table(variant="strategic", counterfactuals="sealed"))
    assert main(["allocator", "alarms", str(tmp_path / "a")]) == 0
    assert json.loads(capsys.readouterr().out) == {"alarms": []}
