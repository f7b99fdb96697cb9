"""The ledger of the overage paper: every statement has an entry, and its verdict is the one on record."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mechopt import claims
from mechopt.claims import coverage
from mechopt.claims.select import shelf

pytest.importorskip("z3")
pytest.importorskip("sympy")
pytest.importorskip("cvxpy")

LEDGER = shelf(["overage"]).claims
REFUTED = sorted(name for name, claim in LEDGER.items() if claim.expected == "refuted")

# Taken from the paper by hand, in its order.
STATEMENTS = [
    "Equation (1)",
    "Equation (2)",
    "Section 2 (no-sucker-loss)",
    "Section 2 (scarcity budget balance)",
    "Section 2 (costless claims)",
    "Section 2 (continuity at X = I)",
    "Section 2 (coverage bias)",
    "Section 2 (unique member)",
    "Remark 1 (i)",
    "Remark 1 (ii, the example)",
    "Remark 1 (ii, for every entitlement)",
    "Remark 1 (iii, demands can hurt)",
    "Remark 1 (iii, no analogue)",
    "Remark 1 (in contrast)",
    "Proposition 2 (all defect)",
    "Proposition 2 (all cooperate)",
    "Proposition 3 (nondecreasing)",
    "Proposition 3 (M is a best reply)",
    "Theorem 4",
    "Theorem 5",
    "Theorem 5 (coalition-proof)",
    "Remark 6",
    "Remark 7",
    "Equation (3)",
    "Equation (4)",
    "Equation (4) (first step of its derivation)",
    "Appendix A (monotonicity in own claim)",
    "Appendix A (derivative)",
    "Appendix A (M is a best reply)",
    "Appendix A (tie-break)",
    "Appendix A (alpha = 1 needs no tie-break)",
    "Theorem 8",
    "Appendix B",
    "Appendix B (Case 1)",
    "Appendix B (Case 2)",
    "Appendix C (bound below an entitlement)",
    "Appendix C (no bound)",
    "Proposition C (i)",
    "Proposition C (ii)",
    "Proposition C (continuity)",
    "Appendix D (residual overage)",
    "Proposition 9",
    "Proposition 9 (expectation)",
    "Proposition 9 (a step of its proof)",
    "Proposition 9 (derivative of the scarcity factor)",
    "Lemma 10",
    "Corollary 11 (expected penalty)",
    "Corollary 11 (forward purchase)",
]
BEYOND = [
    "Nash set",
    "strengthened Theorem 5",
    "rebate variant",
    "capped family",
    "no advantageous reallocation",
    "scarcity as a price",
]


def test_every_statement_of_the_paper_has_an_entry() -> None:
    titles = {claim.title for claim in LEDGER.values()}
    assert [statement for statement in STATEMENTS if statement not in titles] == []
    assert [name for name in BEYOND if f"Beyond the paper: {name}" not in titles] == []
    assert len(LEDGER) >= 25
    assert not shelf(["overage"]).broken


def test_every_numbered_statement_has_a_claim() -> None:
    about = {claim.label for claim in LEDGER.values() if claim.not_checked_reason is None}
    assert [statement.label for statement in coverage.statements("overage") if statement.label not in about] == []


@pytest.mark.parametrize(
    ("name", "witness", "shown"),
    [
        # 10 + 1, 10 + 12/5, 7 are 152/5 in all, against 30: worked out on paper.
        ("equation_4", {"entitlement": [10, 10, 10], "claim": [11, 12, 7], "alpha": 2}, "152/5"),
        (
            "appendix_a_monotonicity_in_own_claim",
            {"entitlement": [10, 5, 10], "claim": [11, 7, 7], "bound": Fraction(111, 10), "alpha": 2},
            "5573/521",
        ),
        (
            "beyond_the_paper_theorem_5_for_every_alpha",
            {"entitlement": [10, 10, 10, 19], "deviation": [5, 11, 13], "bound": 20, "alpha": 2},
            "331/11",
        ),
        ("appendix_c_bound_below_an_entitlement", {"entitlement": [1, 3], "bound": 2}, "payoffs 2, 2"),
        (
            "corollary_11_forward_purchase",
            {
                **{"others": [0], "slack": [5], "penalty": [1], "price_bound": 1, "least_scarcity": Fraction(1, 2)},
                **{"price": Fraction(1, 2), "need": 10, "waiting": 5},
            },
            "= 5/2",
        ),
    ],
)
def test_counterexamples_worked_out_by_hand_replay(name: str, witness: dict[str, object], shown: str) -> None:
    assert shown in claims.replay(f"overage.{name}", witness)


def test_a_true_instance_is_no_counterexample() -> None:
    fine = {"entitlement": [10, 10, 10], "claim": [11, 11, 8], "alpha": 2}  # equal overages: nothing is minted
    assert "holds" in claims.replay("overage.equation_4", fine)
