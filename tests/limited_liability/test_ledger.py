"""The ledger of the limited-liability paper: every statement has an entry, and its verdict is the one on record."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt import catalog, claims
from mechopt.claims import coverage
from mechopt.claims.select import shelf
from mechopt.mechanisms.limited_liability.bounds import certified
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.record import trace
from mechopt.mechanisms.limited_liability.rules import Rules

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
    "Section 8 (positive externalities off the path)",
]
BEYOND = [
    "the longest step",
    "the rate of exploration",
    "a step of the estimated regrets",
    "decisions within a gap",
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
    marks = test_counterexamples_worked_out_by_hand_replay.pytestmark
    worked = {f"limited_liability.{case[0]}" for case in marks[0].args[1]}
    assert worked == set(REFUTED)


def test_a_true_instance_is_no_counterexample() -> None:
    fine = {"values": [THIRD, HALF], "epsilon": Fraction(1, 6)}  # the limit itself
    assert "holds" in claims.replay("limited_liability.proposition_3", fine)


def shared(name: str) -> Any:
    """What the ledger's files share."""
    return catalog.load(catalog.root("verification") / "limited_liability" / f"{name}.py")


def environment(rules: Rules, seed: int) -> Environment:
    """Six periods with three decisions; values that hardly ever tie, outputs in eighths, many of them 0 or 1."""
    generator = np.random.default_rng(seed)
    shape = (6, rules.agents, 3)
    values = [Fraction(int(k), 9973) for k in generator.integers(1, 9973, size=shape).ravel()]
    eighths = np.clip(generator.integers(-4, 13, size=shape), 0, 8).ravel().tolist()
    outputs = [Fraction(k, 8) for k in eighths]
    arrays = [np.array(numbers, dtype=object).reshape(shape) for numbers in (values, outputs)]
    return Environment(rules=rules, values=arrays[0], outputs=arrays[1], arithmetic="exact", seed=seed)


@pytest.mark.checkout
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("variant", ["baseline", "debt", "consistent", "discounted", "bounded_values", "without B"])
def test_the_ledgers_own_books_are_the_engines(variant: str, seed: int) -> None:
    """Written twice from the paper: the proofs use the ledger's books, the product the engine's."""
    books, bounded = shared("_books"), shared("_bounded")
    discount = Fraction(4, 5) if variant == "discounted" else None
    name: Any = {"debt": "baseline", "without B": "bounded_values"}.get(variant, variant)
    rules = Rules(
        variant=name,
        agents=2 + seed % 2,
        discount=discount,
        payment="debt" if variant == "debt" else "output",
        use_regret_b=variant != "without B",
    )
    given = environment(rules, seed)
    record = trace(given)
    transfer = record.vectors["transfer"].tolist()
    if name == "bounded_values":
        values, outputs = given.values.tolist(), given.outputs.tolist()
        entries = [{"values": v, "outputs": y} for v, y in zip(values, outputs, strict=True)]
        played = list(bounded.play(entries, use_b=rules.use_regret_b))
        assert [state["incentive"] for state in played] == transfer
        assert [state["value"] for state in played] == record.vectors["value"].tolist()
        assert [state["a"] for state in played] == record.vectors["held"].tolist()
        return
    rows = zip(given.outputs.tolist(), record.decisions.tolist(), strict=True)
    path = [[[agent[taken] for agent in period] for taken in chosen] for period, chosen in rows]
    if name == "baseline":
        found = list(books.play(path, debt_only=variant == "debt"))
        assert [own for _, own in found] == transfer
        assert [efficiency for efficiency, _ in found] == record.allocation.tolist()
        return
    states = list(books.consistent(path, 1 if discount is None else discount))
    assert [state["regrets"] for state in states] == transfer
    assert [state["efficiency"] for state in states] == record.allocation.tolist()
    assert [state["first"] for state in states] == record.vectors["first"].tolist()
    assert [state["second"] for state in states] == record.vectors["second"].tolist()


@pytest.mark.checkout
@pytest.mark.parametrize("agents", [1, 2, 3, 5, 10])
def test_the_certified_epsilon_is_the_one_proved(agents: int) -> None:
    """The engine's bound reaches 1/20 at the least horizon of Proposition 2's claim, and not a period earlier."""
    horizon = shared("proposition_2").least(agents)
    rules = Rules(variant="baseline", agents=agents)
    assert certified(rules, horizon).epsilon <= 0.05 + 1e-12
    assert certified(rules, horizon - 1).epsilon > 0.05


@pytest.mark.checkout
@pytest.mark.parametrize("agents", [1, 2, 4])
def test_the_engines_other_bounds_are_at_most_what_is_proved(agents: int) -> None:
    """Where a claim's simple form says that epsilon suffices, the engine certifies no more."""
    root, constant = 3000, agents**3 + 1
    consistent = (3 * constant**0.5 + 3 * (agents - 1)) / root + 2 / root**2
    assert certified(Rules(variant="consistent", agents=agents), root**2).epsilon == pytest.approx(consistent)
    discounted = Rules(variant="discounted", agents=agents, discount=1 - Fraction(1, root**2))
    simple = (5 * constant**0.5 + 5 * agents - 2) / root
    delta = 1 - 1 / root**2
    spread = (1 - delta) * (2 + 3 * delta) / (1 - delta**2) ** 0.5
    printed = spread * (constant**0.5 + agents - 1) + (1 - delta) * (1 + 2 * delta)
    assert certified(discounted, 1).epsilon == pytest.approx(printed)
    assert certified(discounted, 1).epsilon <= simple
    floor, slope = 0.25, 1 + 2 * (2 * agents - 1) * 4
    bounded = certified(Rules(variant="bounded_values", agents=agents), root**2, value_floor=floor)
    assert bounded.epsilon == pytest.approx((agents + 1) / root**2 + slope / root)
    exact, loose = (
        certified(Rules(variant="baseline", agents=agents), root**2, gap=gap, gap_factor=2).epsilon
        for gap in (0.0, 0.01)
    )
    assert loose == pytest.approx(exact + 0.02)
    explored = certified(Rules(variant="exploration", agents=agents), root**3)
    assert explored.epsilon <= (3 * constant**0.5 + 3 * agents * (agents + 1)) / root
