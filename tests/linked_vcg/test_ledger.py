"""The ledger of the linked VCG paper: every statement has an entry, and its verdict is the one on record."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechopt import claims
from mechopt.claims import coverage
from mechopt.claims.select import shelf

pytest.importorskip("z3")
pytest.importorskip("sympy")

LISTED = shelf(["linked_vcg"]).claims
LEDGER = {name: claim for name, claim in LISTED.items() if claim.not_checked_reason is None}
REFUTED = sorted(name for name, claim in LEDGER.items() if claim.expected == "refuted")

# Taken from the paper by hand, in its order: numbered statements, then what it says beside them.
STATEMENTS = [
    "Figure 1 (1a)",
    "Figure 1 (1b)",
    "Lemma 1",
    "Corollary 1",
    "Lemma 2 (unique prices)",
    "Lemma 2 (locally constant)",
    "Lemma 2 (dense)",
    "Lemma 2 (a step of its proof: neighbours)",
    "Lemma 2 (a step of its proof: density)",
    "Lemma 3",
    "Lemma 3 (concave)",
    "Proposition 1",
    "Proposition 1 (not strategy-proof)",
    "Proposition 1 (huge reports)",
    "Theorem 1 (efficient ex-post)",
    "Theorem 1 (cheapest)",
    "Lemma 4",
    "Lemma 4 (a step of its proof)",
    "Figure 3",
    "Figure 3 (the threshold moves to the left)",
    "Proposition 2",
    "Proposition 2 (one agent)",
    "Lemma 5",
    "Lemma 6 (bound)",
    "Lemma 6 (formula)",
    "Corollary 2",
    "Corollary 2 (a step of its proof)",
    "Theorem 2",
    "Theorem 2 (a step of its proof: N*[k])",
    "Theorem 2 (a step of its proof: k^kappa dates)",
    "Footnote 2",
    "Footnote 3",
    "Property II",
    "Assumption 1 (requires ergodicity)",
    "Assumption 1 (iid with two moments)",
    "Section 1 (the unlinked ratio)",
    "Section 1 (a transfer is at most the largest contribution)",
    "Section 2 (condition 1 is needed)",
    "Section 4 (the index N)",
    "Section 4 (ord-A)",
    "Section 4 (the retraction)",
    "Section 4 (any efficient allocation)",
    "Section 4 (ord-A is weakly cheaper than p-ord-A)",
    "Section 4 (ord-A and p-ord-A are not ordered)",
    "Section 4 (savings vanish for wide intervals)",
    "Section 5 (v-bar is finite)",
    "Section 5 (payoffs)",
    "Section 5 (linked payoffs are below unlinked ones)",
    "Section 5 (the truth is within epsilon)",
    "Section 5 (small delta means small c)",
    "Section 5 (the event is a subset)",
    "Section 6.1 (a small effect leaves prices alone)",
    "Section 6.2 (the whole budget at the best date)",
    "Section 6.2 (the algorithm)",
    "Section 6.2 (enclosed types lie on or below)",
]
BEYOND = [
    "cheapest transfer for an allocation",
    "what Property II says",
    "computing a transfer is NP-hard",
    "a larger report never helps the others",
    "for one resource lower bounds do not matter",
]
HALF = Fraction(1, 2)


def test_every_statement_of_the_paper_has_an_entry() -> None:
    titles = {claim.title for claim in LEDGER.values()}
    assert [statement for statement in STATEMENTS if statement not in titles] == []
    assert [name for name in BEYOND if f"Beyond the paper: {name}" not in titles] == []
    assert len(LEDGER) >= 60
    assert not shelf(["linked_vcg"]).broken


def test_only_definitions_drawings_and_what_is_open_have_no_evidence() -> None:
    left = {claim.title for name, claim in LISTED.items() if name not in LEDGER}
    drawn = {"Equation (1)", "Equation (2)", "Equation (3)", "Equation (4)", "Figure 2", "Figure 4"}
    assert left == drawn | {"Theorem 2 (positive rates and a larger kappa)"}  # which is open
    assert all(LISTED[name].not_checked_reason != coverage.NOT_BUILT for name in LISTED)


@pytest.mark.parametrize(
    ("name", "witness", "shown"),
    [
        # theta = (1, 1/2), q = 1, a quarter of a type-2 project: uW = 1 - 1/8, least 1/2.
        (
            "theorem_1_cheapest",
            {"stock": 1, "needs": [1, HALF], "endowment": [0, Fraction(1, 4)], "upper": [0, 1]},
            "pays at least 3/8",
        ),
        (
            "lemma_4",
            {"stock": 1, "needs": [1, HALF], "endowment": [0, 0], "other": [0, 1], "upper": [0, 1]},
            "W - uW is -1 at one and -1/2 at the other",
        ),
        # d_1 = 2, p theta = 9/10, two projects: 18/5 against at most 2.
        (
            "lemma_6_bound",
            {
                **{"stock": 10, "needs": [1, Fraction(9, 10)], "reports": [[0, 0], [0, 0]], "upper": [0, 1]},
                "discount": HALF,
            },
            "at least 18/5",
        ),
        (
            "section_4_ord_a_is_weakly_cheaper_than_p_ord_a",
            {"stock": 10, "needs": [1, HALF], "endowment": [0, 0], "upper": [1, 0]},
            "the agent is paid at least 1",
        ),
        (
            "corollary_2_a_step_of_its_proof",
            {"reports": [0, 2], "ahead": [0, 100], "stock": 10, "lower": 1, "upper": 1},
            "lW is at least 2",
        ),
        # The block of 20, and on either side of it one agent who finds less left than his bound.
        ("theorem_2_a_step_of_its_proof_n_k", {"agents": 40}, "22 of 40 agents fail it"),
        (
            "section_5_small_delta_means_small_c",
            {"ratio": HALF, "agents": 10, "bound": Fraction(1, 4)},
            "no delta-bar will do",
        ),
    ],
)
def test_counterexamples_worked_out_by_hand_replay(name: str, witness: dict[str, Any], shown: str) -> None:
    assert shown in claims.replay(f"linked_vcg.{name}", witness)


def test_a_true_instance_is_no_counterexample() -> None:
    fine = {"stock": 1, "needs": [1, HALF], "endowment": [0, 1], "upper": [0, 1]}  # at his bound he is paid nothing
    assert "holds" in claims.replay("linked_vcg.theorem_1_cheapest", fine)


def test_the_counterexample_of_theorem_1_is_a_model_document() -> None:
    """It can be solved as it is, and pays what the replay says."""
    import mechopt

    claim = LEDGER["linked_vcg.theorem_1_cheapest"]
    assert claim.document is not None
    document = claim.document({"stock": 1, "needs": [1, HALF], "endowment": [0, Fraction(1, 4)], "upper": [0, 1]})
    outcome = mechopt.solve({**document, "types": [["1"], ["1/2"]], "endowments": [[["0", "1/4"]]]})
    assert outcome.tables["agents"]["linked_transfer"][0] == Fraction(3, 8)
