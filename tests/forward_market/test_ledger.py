"""The ledger of the forward-market paper: every statement has an entry, and its verdict is the one on record."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechopt import catalog, claims
from mechopt.claims import coverage
from mechopt.claims.select import shelf

pytest.importorskip("z3")
pytest.importorskip("sympy")

LISTED = shelf(["forward_market"]).claims
LEDGER = {name: claim for name, claim in LISTED.items() if claim.not_checked_reason is None}
REFUTED = sorted(name for name, claim in LEDGER.items() if claim.expected == "refuted")

# Taken from the paper by hand, in its order.
STATEMENTS = [
    "Section 1 (market power)",
    "Section 1 (outside options and information rents)",
    "Lemma 1",
    "Equation (2)",
    "Footnote 7 (the worst-off type gets its holding)",
    "Footnote 7 (corrected)",
    "Footnote 7 (the displayed payment)",
    "Footnote 7 (the payment with its sign)",
    "Lemma 2",
    "Section 3 (a two-sided problem runs a deficit)",
    "Proposition 1",
    "Proposition 2",
    "Proposition 2 (types below 0)",
    "Section 4.2 (a positive surplus at r*)",
    "Section 4.2 (the payoff and its slope)",
    "Section 4.2 (uniform pricing)",
    "Proposition 3",
    "Proposition 3 (a tariff with single crossing exists)",
    "Proposition 4 (equilibrium)",
    "Proposition 4 (on all demands)",
    "Proposition 4 (prices in the support)",
    "Proposition 4 (budget balance)",
    "Proposition 4 (the forward market pays out)",
    "Corollary 1",
    "Proposition 5 (all states)",
    "Proposition 5 (budget balance)",
    "Section 5.1 (a positive profit in all states)",
    "Section 5.1 (a positive profit in scarce states)",
    "Proposition 6 (equilibrium)",
    "Proposition 6 (scarcity in every state)",
    "Proposition 6 (budget balance)",
    "Proposition 7",
    "Proposition 7 (a step of its proof: the same range)",
    "Proposition 7 (a step of its proof: strictly larger numbers)",
    "Proposition 7 (weakly larger numbers)",
    "Corollary 2",
    "Corollary 3",
    "Proposition 8",
    "Proposition 8 (a step of its proof: the weak hold more)",
    "Proposition 9",
    "Proposition 9 (a step of its proof: exhaustive cases)",
    "Proposition 9 (cases that are)",
    "Section 5.3 (r* is a local maximum)",
    "Section 5.3 (identical distributions: the smallest demand corners)",
    "Proposition 10",
    "Proposition 10 (what the others may hold)",
    "Proposition 10 (corrected)",
    "Figure 1 (the boundary solution)",
    "Figure 1 (the interior solution)",
    "Figure 1 (the crossing)",
    "Figure 1 (the explanation)",
    "Figure 1 (the worst-off type)",
    "Equation (6)",
    "Equation (7)",
    "Equation (8)",
    "Equation (9)",
    "Equation (10)",
    "Equation (11)",
    "Equation (12)",
    "Lemma A.1",
    "Lemma A.1 (corrected)",
    "Equation (15)",
    "Proposition 11",
    "Proposition 11 (the condition)",
    "Appendix B (v at the worst-off type)",
    "Appendix B (corrected)",
]
BEYOND = [
    "the converse of Proposition 1",
    "payoffs and surplus are the gains of trade",
    "no free lunch",
    "fees and a rebate",
    "own strength",
    "r* is the only maximiser",
    "fees without the rebate",
]
HALF = Fraction(1, 2)


def test_every_statement_of_the_paper_has_an_entry() -> None:
    titles = {claim.title for claim in LEDGER.values()}
    assert [statement for statement in STATEMENTS if statement not in titles] == []
    assert [name for name in BEYOND if f"Beyond the paper: {name}" not in titles] == []
    assert len(LEDGER) >= 60
    assert not shelf(["forward_market"]).broken


def test_only_definitions_have_no_evidence() -> None:
    left = {claim.title for name, claim in LISTED.items() if name not in LEDGER}
    assert left == {f"Equation ({number})" for number in (1, 3, 4, 5, 13, 14, 16)}
    assert all(LISTED[name].not_checked_reason != coverage.NOT_BUILT for name in LISTED)


def test_the_brute_force_of_the_ledger_and_the_engine_agree() -> None:
    """r*, worst-off types and the surplus: sets of agents in fractions here, the engine's own way there."""
    from mechopt.distributions import Power
    from mechopt.mechanisms.forward_market import Environment, Market

    market = catalog.beside(str(catalog.statement_lists()["forward_market"]), "_market")
    for instance in [one for one in market.markets() if market.scarce(one)][::37]:
        spot, held, low = market.Spot.of(instance), instance["holding"], instance["low"]
        engine = Market(
            Environment(
                name=[f"agent {i}" for i in spot.agents],
                demand=instance["demand"],
                endowment=held,
                distribution=[Power(p=p, low=low, high=low + 1) for p in instance["power"]],
                support=(Fraction(low), Fraction(low + 1)),
            )
        )
        floats = [float(r) for r in held]
        assert engine.surplus(floats) == pytest.approx(float(spot.surplus(held)[0]), abs=1e-9)
        assert engine.common.holding == pytest.approx([float(r) for r, _ in spot.star()], abs=1e-9)
        worst = [float(low + spot.worst(i, r)[0]) for i, r in enumerate(held)]
        assert engine.worst_off_types(floats) == pytest.approx(worst, abs=1e-9)


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
        # P = 1/2 + 2 y up to y = 1/10, then slope 1/100; the worst-off type is x itself.
        (
            "proposition_4_equilibrium",
            {
                **{"demand": [1, 1], "low": 0, "endowment": [Fraction(3, 5), Fraction(2, 5)]},
                **{"slope": 2, "beyond": Fraction(1, 100), "demanded": 1},
            },
            "he gains 171/5000",
        ),
        # Agent 1 sells 1/2 at 1/2 or more, the second half of it at 3/4 or more.
        ("proposition_4_budget_balance", {"demand": [1, 1], "low": 0, "endowment": [1, 0]}, "more than 1/8"),
        # Half of 1 = 2 k: nobody goes without.
        ("section_5_1_a_positive_profit_in_all_states", {"agents": 2, "k": HALF, "power": 1, "low": 0}, "not positive"),
        # States 2/5 and 1: pi' is 3/4 at 1/2, P(0) is 5/4; selling 1/10 gains 1/20 - 1/400.
        (
            "proposition_6_equilibrium",
            {"k": [Fraction(2, 5), 1], "low": 1, "owned": 1, "slope": 1, "demanded": Fraction(2, 5)},
            "gains 19/400",
        ),
        # r* = (3/4, 1/4), hats 1/10 and 9/10 at e: 11/200 + 81/200; Pi = 1/24 - 2/25.
        (
            "section_1_market_power",
            {"demand": [1, HALF], "low": 0, "endowment": [Fraction(11, 20), Fraction(9, 20)]},
            "sum to 23/50",
        ),
        # F = (u^2, u) on [1, 2]: bilateral trade from either side.
        ("proposition_10", {"demand": [1, HALF], "power": [2, 1], "low": 1}, "earns -1/24"),
        ("figure_1_the_explanation", {"k": Fraction(1, 3), "next": Fraction(2, 3)}, "rises"),
    ],
)
def test_counterexamples_worked_out_by_hand_replay(name: str, witness: dict[str, Any], shown: str) -> None:
    assert shown in claims.replay(f"forward_market.{name}", witness)


def test_a_true_instance_is_no_counterexample() -> None:
    # Three agents with demand 1/2: the others are served last and get nothing, 1 is more than 1/2.
    assert "holds" in claims.replay("forward_market.lemma_a_1", {"demand": [HALF, HALF, HALF]})
