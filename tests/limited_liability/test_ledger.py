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


def test_nothing_is_without_an_expectation_or_hypotheses() -> None:
    assert not shelf(["limited_liability"]).broken
    assert len(LEDGER) >= 28
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
        ("proposition_3", {"values": [Fraction(1, 3), Fraction(1, 2)], "epsilon": Fraction(1, 7)}, "at least 1/6"),
        # 1/2 (1 - 1/2) / 2: half of the output above the debt is kept, with probability mu(I) = 2/3
        (
            "footnote_9_condition_6",
            {"efficiency": 1, "regrets": [Fraction(1, 2)], "outputs": [[1], [0]]},
            "<R+, dR> = 1/6",
        ),
        ("footnote_8_every_history", {"efficiency": 0, "regrets": [0, 0]}, "first period"),
        ("equation_17_a_step_of_its_proof", {"payments": [1, 0, 1]}, "1 is paid in period 3"),
    ],
)
def test_counterexamples_worked_out_by_hand_replay(name: str, witness: dict[str, Any], shown: str) -> None:
    assert shown in claims.replay(f"limited_liability.{name}", witness)


def test_a_true_instance_is_no_counterexample() -> None:
    fine = {"values": [Fraction(1, 3), Fraction(1, 2)], "epsilon": Fraction(1, 6)}  # the limit itself
    assert "holds" in claims.replay("limited_liability.proposition_3", fine)


def test_only_definitions_and_assumptions_have_no_evidence() -> None:
    left = {claim.title for name, claim in LISTED.items() if name not in LEDGER}
    assert all(LISTED[name].not_checked_reason for name in LISTED if name not in LEDGER)
    assert {"Equation (1)", "Equation (2)", "Equation (3)", "Definition 1", "Definition 2"} <= left
    assert coverage.statements("limited_liability")
