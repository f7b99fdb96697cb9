"""The ledger of the borrowing paper: every statement has an entry, and its verdict is the one on record."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechopt import claims
from mechopt.claims import coverage
from mechopt.claims.select import shelf

pytest.importorskip("z3")
pytest.importorskip("sympy")

LISTED = shelf(["borrowing"]).claims
LEDGER = {name: claim for name, claim in LISTED.items() if claim.not_checked_reason is None}
REFUTED = sorted(name for name, claim in LEDGER.items() if claim.expected == "refuted")

# Taken from the paper by hand, in its order: numbered statements, then what it says beside them.
STATEMENTS = [
    "Proposition 1 (ex-post incentive compatible)",
    "Proposition 1 (ex-post budget balanced)",
    "Proposition 2 (if)",
    "Proposition 2 (only if: items 1 and 2, for known values)",
    "Proposition 2 (only if: item 3, for known values)",
    "Proposition 2 (repaired: the best attainable order)",
    "Proposition 2 (for all value functions)",
    "Corollary 1 (for known values)",
    "Corollary 1 (repaired)",
    "Corollary 1 (for all value functions)",
    "Corollary 2",
    "Corollary 2 (a step of its proof)",
    "Proposition 3 (ex-post incentive compatible)",
    "Proposition 3 (ex-post incentive compatible, by the letter of Definition 6)",
    "Proposition 3 (ex-ante budget balanced)",
    "Proposition 3 (ex-ante budget balanced, with the ties)",
    "Proposition 4",
    "Proposition 5 (item 1 as printed)",
    "Proposition 5 (item 2 as printed)",
    "Proposition 5 (repaired: profile by profile)",
    "Corollary 3 (as printed)",
    "Corollary 3 (where 1 is in V)",
    "Corollary 3 (its proof)",
    "Equation (9.1)",
    "Definition 6 (truthful second-stage reports)",
    "Definition 6 (reports follow the order carried out)",
    "Definition 7",
    "Equation (7.3)",
    "Lemma 1 (h = -43/216)",
    "Lemma 1 (h = -25/96)",
    "Lemma 2",
    "Lemma 2 (a step of its proof)",
    "Proposition 6 (with h = -43/216)",
    "Proposition 6 (with h = -25/96)",
    "Section 1 (conditions for a unique truth)",
    "Section 1 (an untruthful equilibrium always exists)",
    "Footnote 2",
    "Section 2 (a second stage is needed)",
    "Section 3 (the manager's utility)",
    "Section 5 (reporting 0 under VCG)",
    "Section 5 (reporting 0 under VCG, falling values)",
    "Section 5 (equilibria where everything is known)",
    "Section 8 (positive values: the truth or the swap)",
    "Section 8 (positive values: the best interest)",
    "Section 8 (negative values)",
    "Section 8 (the deficit with constant values)",
    "Section 9 (the example is in the model)",
    "Section 10 (a deficit or surplus is likely)",
    "Section 11 (finite types: the constant)",
    "Section 11 (finite types: Proposition 2)",
    "Section 11 (functions that are not constant)",
    "Section 11 (tasks of equal known length)",
    "Section 12 (colluding gives the same utility)",
    "Section 12 (a deficit or surplus is inevitable)",
    "Section 12 (other balanced mechanisms exist)",
]
BEYOND = [
    "shift equilibria",
    "shifts from own information",
    "full extraction",
    "where -43/216 is right",
    "how often each equilibrium is preferred",
    "the pivot",
    "minimum variance",
    "a balanced rule for three or more agents",
    "scaled reports",
    "one stage for known affine values",
    "fines that make the truth unique",
    "a constant with feedback",
]
HALF = Fraction(1, 2)
PRINTED = Fraction(-43, 216)
EXAMPLE = {"value": [1, HALF], "slope": [1, HALF]}


def test_every_statement_of_the_paper_has_an_entry() -> None:
    titles = {claim.title for claim in LEDGER.values()}
    assert [statement for statement in STATEMENTS if statement not in titles] == []
    assert [name for name in BEYOND if f"Beyond the paper: {name}" not in titles] == []
    assert len(LEDGER) == len(STATEMENTS) + len(BEYOND)
    assert not shelf(["borrowing"]).broken


@pytest.mark.parametrize(
    ("name", "witness", "shown"),
    [
        # v1 = 1 - t, v2 = 0, m1 = id, m2(t) = (1 + t)/2: efficient off ties, but at t2 = 0 agent 1 is first for sure.
        (
            "proposition_2_only_if_item_3_for_known_values",
            {"value": [1, 0], "slope": [1, 0], "at_0": [0, HALF], "at_1": [1, 1]},
            "reported q = (1, 0)",
        ),
        # v1 = 0, v2 = 1 - t, m1 = 0: a lottery whatever agent 2 reports, while the efficient order has him first.
        (
            "proposition_2_only_if_items_1_and_2_for_known_values",
            {"value": [0, 1], "slope": [0, 1], "at_0": [0, 0], "at_1": [0, 1]},
            "reported q = (1/2, 1/2)",
        ),
        ("corollary_1_for_known_values", {"value": [1, 0], "slope": [1, 0], "k": HALF}, "agent 2 never gains"),
        (
            "corollary_2_a_step_of_its_proof",
            {"time": [Fraction(3, 5), HALF], "lie": Fraction(3, 10), "other": Fraction(1, 5)},
            "the truth gives 3/10 and the lie 2/5",
        ),
        (
            "proposition_3_ex_post_incentive_compatible_by_the_letter_of_definition_6",
            {"time": [Fraction(4, 5), Fraction(1, 5)], "lie": Fraction(1, 10)},
            "1 instead of 4/5",
        ),
        # Times 0 and 1, equally likely, v = 1 - t: -1/4 by (7.3), -3/8 with the ties.
        (
            "proposition_3_ex_ante_budget_balanced",
            {"value": [1], "slope": [1], "chance": [1], "time": [0, 1], "weight": [HALF, HALF]},
            "with the ties h = -3/8",
        ),
        ("proposition_5_item_1_as_printed", {"value": 1, "slope": 1, "time": [1, 1]}, "the condition holds here"),
        ("corollary_3_its_proof", {"constant": [0, 0]}, "not 1"),
        ("lemma_1_h_43_216", {**EXAMPLE, "h": PRINTED}, "E[T_1] = 53/864"),
        ("lemma_2_a_step_of_its_proof", {**EXAMPLE, "h": PRINTED}, "E[(T1 + T2)^2] = 23477/93312"),
        ("proposition_6_with_h_43_216", {**EXAMPLE, "h": PRINTED, "rounds": 100}, "E[B_100] = 1325/108"),
        # v1 = v2 = 1 - t on {0, 1/2, 1}, m1 = (0, 0, 1), m2 = id: an equilibrium that is not efficient at (1/2, 0).
        (
            "section_11_finite_types_proposition_2",
            {"report_1": [0, 0, 1], "report_2": [0, HALF, 1]},
            "t = (1/2, 0), reports (0, 0)",
        ),
        (
            "section_12_a_deficit_or_surplus_is_inevitable",
            {"rounds": 3, "size": 1, "kappa": HALF},
            "the budget's variance is 21/16",
        ),
    ],
)
def test_counterexamples_worked_out_by_hand_replay(name: str, witness: dict[str, Any], shown: str) -> None:
    assert shown in claims.replay(f"borrowing.{name}", witness)


def test_a_true_instance_is_no_counterexample() -> None:
    truthful = {"value": [1, 1], "slope": [1, 1], "at_0": [0, 0], "at_1": [1, 1]}
    for item in ("items_1_and_2", "item_3"):
        assert "holds" in claims.replay(f"borrowing.proposition_2_only_if_{item}_for_known_values", truthful)


def test_only_definitions_have_no_evidence() -> None:
    left = {claim.title for name, claim in LISTED.items() if name not in LEDGER}
    assert {title.split(" ")[0] for title in left} == {"Definition", "Equation"}
    assert all(LISTED[name].not_checked_reason != coverage.NOT_BUILT for name in LISTED)
