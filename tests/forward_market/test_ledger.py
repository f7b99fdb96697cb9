"""The ledger of the forward-market paper: every statement has an entry, and its verdict is the one on record."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechopt import claims
from mechopt.claims.select import shelf

pytest.importorskip("z3")
pytest.importorskip("sympy")

LISTED = shelf(["forward_market"]).claims
LEDGER = {name: claim for name, claim in LISTED.items() if claim.not_checked_reason is None}
REFUTED = sorted(name for name, claim in LEDGER.items() if claim.expected == "refuted")

# Taken from the paper by hand, in its order: numbered statements, then what it says beside them.
STATEMENTS = [
    "Lemma 1",
    "Equation (2)",
    "Lemma 2",
    "Proposition 1",
    "Proposition 2",
    "Proposition 2 (types below 0)",
    "Equation (6)",
    "Equation (7)",
    "Equation (8)",
    "Equation (10)",
    "Equation (11)",
    "Equation (12)",
    "Lemma A.1",
    "Lemma A.1 (corrected)",
    "Equation (15)",
    "Footnote 7 (the worst-off type gets its holding)",
    "Footnote 7 (corrected)",
    "Footnote 7 (the displayed payment)",
    "Footnote 7 (the payment with its sign)",
    "Section 3 (a two-sided problem runs a deficit)",
    "Section 4.2 (a positive surplus at r*)",
]
BEYOND: list[str] = []
HALF = Fraction(1, 2)


def test_every_statement_of_the_paper_has_an_entry() -> None:
    titles = {claim.title for claim in LEDGER.values()}
    assert [statement for statement in STATEMENTS if statement not in titles] == []
    assert [name for name in BEYOND if f"Beyond the paper: {name}" not in titles] == []
    assert not shelf(["forward_market"]).broken


def test_nothing_is_without_an_expectation_or_hypotheses() -> None:
    assert all(claim.expected in ("proved", "refuted") for claim in LEDGER.values())
    assert all(claim.proof or claim.expected == "refuted" for claim in LEDGER.values())
    assert all(claim.hypotheses for claim in LEDGER.values())


@pytest.fixture(scope="module")
def ledger() -> claims.Ledger:
    """The whole ledger of the paper, run once."""
    return claims.verify("forward_market")


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
        # 1 is left of agent 2, who is served last and gets nothing; agent 1 can use 1.
        ("lemma_a_1", {"demand": [1, 1]}, "1 is left"),
        # F(0) = 3/4 on [-3, 1].
        (
            "proposition_2_types_below_0",
            {
                **{"demand": [1, 1], "low": -3, "width": 4, "holding": [HALF, HALF]},
                "other": [Fraction(1, 4), Fraction(3, 4)],
            },
            "probability 3/4",
        ),
    ],
)
def test_counterexamples_worked_out_by_hand_replay(name: str, witness: dict[str, Any], shown: str) -> None:
    assert shown in claims.replay(f"forward_market.{name}", witness)


def test_a_true_instance_is_no_counterexample() -> None:
    # Three agents with demand 1/2: the others are served last and get nothing, 1 is more than 1/2.
    assert "holds" in claims.replay("forward_market.lemma_a_1", {"demand": [HALF, HALF, HALF]})
