"""The ledger of the limited-liability paper: every statement has an entry, and its verdict is the one on record."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechopt import claims
from mechopt.claims import coverage
from mechopt.claims.select import shelf

pytest.importorskip("z3")
pytest.importorskip("sympy")

LISTED = shelf(["limited_liability"]).claims
LEDGER = {name: claim for name, claim in LISTED.items() if claim.not_checked_reason is None}
REFUTED = sorted(name for name, claim in LEDGER.items() if claim.expected == "refuted")

# Taken from the paper by hand: numbered statements in its order, then what it says beside them.
STATEMENTS = [
    "Proposition 1",
    "Equation (4)",
    "Equation (5)",
    "Equation (6)",
    "Equation (7)",
    "Equation (8)",
    "Equation (9)",
    "Proposition 2 (payoffs and regrets)",
    "Proposition 2",
    "Equation (10) (a step of its proof)",
    "Equation (10) (private values)",
    "Equation (10)",
    "Equation (11)",
    "Equation (12)",
    "Equation (13)",
    "Proposition 3",
    "Proposition 3 (reports independent of the draw)",
    "Equation (14)",
    "Equation (15)",
    "Equation (17)",
    "Equation (17) (a step of its proof)",
    "Equation (17) (the last payment)",
    "Equation (18)",
    "Equation (19)",
    "Equation (19) (every history)",
    "Equation (19) (any weight where it is 0/0)",
    "Equation (20)",
    "Equation (21)",
    "Equation (22)",
    "Proposition 4 (a step of its proof: running maxima)",
    "Proposition 4",
    "Proposition 5",
    "Lemma A.1 (what its bounds depend on)",
    "Lemma A.1",
    "Equation (A.3)",
    "Equation (A.4)",
    "Equation (A.5)",
    "Equation (A.6)",
    "Equation (A.7)",
    "Equation (A.8)",
    "Equation (A.9)",
    "Equation (A.10)",
    "Lemma A.2",
    "Equation (A.11)",
    "Equation (A.12)",
    "Proposition A.1",
    "Lemma A.3 (a step of its proof)",
    "Lemma A.3",
    "Equation (A.13)",
    "Equation (A.14)",
    "Equation (A.15)",
    "Proposition A.2 (a step of its proof)",
    "Proposition A.2",
    "Equation (B.16)",
    "Equation (B.17)",
    "Equation (B.18)",
    "Equation (B.19)",
    "Lemma B.4 (a step of its proof: the first term)",
    "Lemma B.4 (its hypothesis can be met)",
    "Lemma B.4 (no constant will do)",
    "Lemma B.4 (for a given family)",
    "Equation (B.21)",
    "Lemma B.5 (its hypothesis can be met)",
    "Lemma B.5 (for a given family)",
    "Lemma B.6",
    "Section 6 (large positive externality)",
    "Footnote 8 (every history)",
    "Footnote 8 (no regret positive)",
    "Footnote 9 (condition (6))",
    "Footnote 9 (a larger constant)",
    "Appendix A (estimated outputs)",
    "Section 3 (positive surplus)",
    "Section 3 (bid rotation)",
    "Section 5 (what draw-dependent reports earn)",
    "Section 6 (the adjustment of Section 5)",
    "Appendix A (Assumption A.1 is needed)",
    "Section 8 (the pivot is unique)",
    "Section 8 (the pivot is unique under Assumption A.1)",
    "Section 8 (charges up to the floor)",
]
BEYOND = [
    "the longest step",
    "the rate of exploration",
    "the constant 1 + 2 delta",
    "without the regret B",
]
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def test_every_statement_of_the_paper_has_an_entry() -> None:
    titles = {claim.title for claim in LEDGER.values()}
    assert [statement for statement in STATEMENTS if statement not in titles] == []
    assert [name for name in BEYOND if f"Beyond the paper: {name}" not in titles] == []
    assert not shelf(["limited_liability"]).broken


def test_only_definitions_and_assumptions_have_no_evidence() -> None:
    left = {claim.title for name, claim in LISTED.items() if name not in LEDGER}
    equations = {f"Equation ({number})" for number in ("1", "2", "3", "16", "A.1", "A.2", "B.20")}
    assert left == equations | {"Definition 1", "Definition 2", "Assumption 1", "Assumption A.1"}
    assert all(LISTED[name].not_checked_reason != coverage.NOT_BUILT for name in LISTED)


def test_nothing_is_without_an_expectation_or_hypotheses() -> None:
    assert len(LEDGER) >= 80
    assert all(claim.expected in ("proved", "refuted") for claim in LEDGER.values())
    assert all(claim.proof or claim.expected == "refuted" for claim in LEDGER.values())
    assert all(claim.hypotheses for claim in LEDGER.values())


@pytest.fixture(scope="module")
def ledger() -> claims.Ledger:
    """The whole ledger of the paper, run once."""
    return claims.verify("limited_liability")


@pytest.mark.parametrize("name", sorted(LEDGER))
def test_the_verdict_is_the_one_on_record(ledger: claims.Ledger, name: str) -> None:
    record = ledger[name]
    assert record.error is None
    assert record.verdict == record.expected, record.reason
    assert all(piece.control is not None and piece.control.refuted for piece in record.evidence)
    if record.verdict == "refuted":
        assert record.witness is not None
        assert record.witness.steps
    else:
        assert all(piece.holds and piece.instance for piece in record.evidence)


@pytest.mark.parametrize("name", REFUTED)
def test_a_refuted_statement_has_a_replay_and_a_proved_repair(name: str) -> None:
    claim = LEDGER[name]
    assert claim.replay is not None
    assert claim.repaired_by is not None
    assert LEDGER[claim.repaired_by].expected == "proved"


@pytest.mark.parametrize(
    ("name", "witness", "shown"),
    [
        # v_1 (1 - v_2) = 1/6 > 1/7
        ("proposition_3", {"values": [THIRD, HALF], "epsilon": Fraction(1, 7)}, "at least 1/6"),
        ("section_6_the_adjustment_of_section_5", {"values": [THIRD, HALF], "epsilon": Fraction(1, 7)}, "1/6"),
        # with mu(I) = 2/3 the output 1 is there, and half of it is above the debt: 1/2 * 2/3 * 1/2
        ("footnote_9_condition_6", {"efficiency": 1, "regrets": [HALF], "outputs": [[1], [0]]}, "<R+, dR> = 1/6"),
        ("footnote_8_every_history", {"efficiency": 0, "regrets": [0, 0]}, "first period"),
        ("equation_10_a_step_of_its_proof", {"values": [[1, HALF], [1, 1]]}, "which is not > 0"),
        ("equation_17_a_step_of_its_proof", {"payments": [1, 0, 1]}, "1 is paid in period 3"),
        ("equation_19_every_history", {"first": -1, "second": 0}, "0/0"),
        (
            "section_8_the_pivot_is_unique_under_assumption_a_1",
            {"others": [1, 2], "floor": 1, "charge": HALF},
            "1/2 more",
        ),
        # 1 + 3/4 + 9/16 = 37/16 > 2
        ("lemma_b_4_its_hypothesis_can_be_met", {"bound": 1, "constant": 1}, "S_3 = 37/16 > 2"),
        ("lemma_b_5_its_hypothesis_can_be_met", {"bound": 1, "constant": 1}, "S_3 = 37/16 > 2"),
        # 15/16 + (15/16)^2 + (15/16)^3 = 10815/4096
        ("lemma_a_1_what_its_bounds_depend_on", {"value": Fraction(1, 16), "periods": 4}, "10815/4096 > T/2 = 2"),
        # the debt of 1 is paid from 0, and the agent's own output without it is not counted: -1
        (
            "lemma_a_3_a_step_of_its_proof",
            {"efficiency": 0, "regrets": [1], "outputs": [[0], [1]]},
            "that of outputs: -1",
        ),
        (
            "proposition_a_2_a_step_of_its_proof",
            {"outputs": [[1, 1], [HALF, HALF], [1, 1]], "drawn": 1},
            "true regret of agent 1: -1/3 < 0; estimated: 1 > 0",
        ),
    ],
)
def test_counterexamples_worked_out_by_hand_replay(name: str, witness: dict[str, Any], shown: str) -> None:
    assert shown in claims.replay(f"limited_liability.{name}", witness)


def test_every_refuted_claim_has_a_counterexample_worked_out_by_hand() -> None:
    marks = test_counterexamples_worked_out_by_hand_replay.pytestmark  # type: ignore[attr-defined]
    worked = {f"limited_liability.{case[0]}" for case in marks[0].args[1]}
    assert worked == set(REFUTED)


def test_a_true_instance_is_no_counterexample() -> None:
    fine = {"values": [THIRD, HALF], "epsilon": Fraction(1, 6)}  # the limit itself
    assert "holds" in claims.replay("limited_liability.proposition_3", fine)
