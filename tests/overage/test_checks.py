"""The checks: they hold where the paper's rule has the property and fail, with the right witness, where not."""

from __future__ import annotations

import dataclasses
import json
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.finding import Finding
from mechopt.mechanisms.overage import checks, clearing
from mechopt.mechanisms.overage.checks import check
from mechopt.mechanisms.overage.clearing import as_exact, clear
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.mechanism import run
from mechopt.outcome import Outcome

PROPERTIES = [
    "budget_identity",
    "no_sucker_loss",
    "scarcity_budget_balance",
    "residual_balance",
    "claims_boundedness",
    "continuity_at_boundary",
    "own_claim_monotonicity",
]
REGIONS = {"X<I": ([10, 10, 10], [2, 13, 9]), "X=I": ([10, 10, 10], [7, 12, 11]), "X>I": ([10, 10, 10], [8, 19, 11])}


def period(entitlement: Any, claim: Any, **options: Any) -> Environment:
    return Environment(
        account=[f"account {j + 1}" for j in range(len(entitlement))],
        entitlement=np.array(entitlement),
        claim=np.array(claim),
        **({"arithmetic": "exact"} | options),
    )


def findings(environment: Environment, outcome: Outcome | None = None) -> dict[str, Finding]:
    found = check(environment, outcome or run(environment))
    assert [finding.property for finding in found] == PROPERTIES
    json.dumps(run(environment).with_checks(found).to_dict())  # every witness has a place in a result
    return {finding.property: finding for finding in found}


def failed(environment: Environment, outcome: Outcome | None = None) -> set[str]:
    return {name for name, finding in findings(environment, outcome).items() if not finding.holds}


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("rule", ["linear", "rebate", "capped_power"])
@pytest.mark.parametrize("options", [{}, {"arithmetic": "float"}, {"rounding": "cumulative"}], ids=str)
def test_well_posed_rules_keep_every_property(region: str, rule: str, options: dict[str, Any]) -> None:
    alpha = 2 if rule == "capped_power" else 1
    environment = period(*REGIONS[region], rule=rule, alpha=alpha, **options)
    found = findings(environment)
    assert run(environment).summary["region"] == region
    assert all(finding.holds for finding in found.values())
    if options != {"arithmetic": "float"}:
        assert all(finding.tolerance == 0 for finding in found.values() if "sampled" not in finding.evidence)


def test_float_checks_hold_on_random_periods() -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        n = int(rng.integers(1, 9))
        environment = period(rng.uniform(0, 9, n).round(3), rng.uniform(0, 12, n), arithmetic="float")
        assert failed(environment) == set()


def test_eq_4_fails_at_the_boundary_for_alpha_2() -> None:
    """The tie-break pays max(v, shared): 152/5 of 30, and account 2 gets more than its claim."""
    environment = period([10, 10, 10], [11, 12, 7], rule="power", alpha=2)
    found = findings(environment)
    budget = found["budget_identity"]
    assert budget.margin == -Fraction(2, 5)
    assert budget.witness is not None
    assert budget.witness["account"] == "account 2"
    assert (budget.witness["total"], budget.witness["required"]) == (Fraction(152, 5), 30)
    assert found["scarcity_budget_balance"].margin == -Fraction(2, 5)
    assert found["claims_boundedness"].margin == -Fraction(2, 5)
    assert found["continuity_at_boundary"].margin == -Fraction(2, 5)
    assert found["no_sucker_loss"].holds


def test_eq_4_gap_for_alpha_one_half() -> None:
    found = findings(period([10, 10, 10], [11, 14, 5], rule="power", alpha=Fraction(1, 2)))
    assert found["budget_identity"].margin == -Fraction(2, 3)


@pytest.mark.parametrize("tie", ["left", "right"])
def test_other_ties_balance_the_budget(tie: Any) -> None:
    assert "budget_identity" not in failed(period([10, 10, 10], [11, 12, 7], rule="power", alpha=2, tie=tie))


def test_scarce_slack_overpays_the_large_for_alpha_2() -> None:
    """v = (1, 3), I = 7/2: the second is covered by 63/20 > 3."""
    environment = period(np.array([10, 10, 10], object), np.array([11, 13, Fraction(13, 2)]), rule="power", alpha=2)
    bounded = findings(environment)["claims_boundedness"]
    assert bounded.margin == -(Fraction(63, 20) - 3)
    assert bounded.witness is not None
    assert (bounded.witness["account"], bounded.witness["coverage"]) == ("account 2", Fraction(63, 20))


def test_residuals_overcharge_for_alpha_one_half() -> None:
    """v = (1, 9), I = 9: residuals sum to 9/4, though X - I = 1."""
    environment = period([10, 10, 10], [11, 19, 1], rule="power", alpha=Fraction(1, 2))
    found = findings(environment)
    assert found["residual_balance"].margin == -(Fraction(9, 4) - 1)
    assert found["claims_boundedness"].witness is not None
    assert found["claims_boundedness"].witness["account"] == "account 1"
    assert found["scarcity_budget_balance"].holds


def test_monotonicity_fails_for_alpha_one_half() -> None:
    """Claiming 12 pays 12, claiming 49/4 pays 59/5."""
    environment = period([10, 10, 10], [11, 11, 7], rule="power", alpha=Fraction(1, 2))
    finding = findings(environment)["own_claim_monotonicity"]
    assert finding.witness == {
        "account": "account 1",
        "row": 1,
        "claim": 12,
        "payoff": 12,
        "larger_claim": Fraction(49, 4),
        "larger_claim_payoff": Fraction(59, 5),
    }
    assert (finding.margin, finding.tolerance) == (-Fraction(1, 5), 0)


@pytest.mark.parametrize("tie", ["max", "left", "right"])
def test_monotonicity_fails_for_alpha_2(tie: Any) -> None:
    """The payoff falls from y = 1 to 3 * 1 / (4 + 1) at the claim 11; claiming 111/10 pays 5573/521."""
    environment = period([10, 5, 10], [11, 7, 7], rule="power", alpha=2, tie=tie)
    finding = findings(environment)["own_claim_monotonicity"]
    assert finding.margin == -(1 - Fraction(3, 5))
    assert finding.witness is not None
    assert finding.witness["account"] == "account 1"
    assert finding.witness["larger_claim_payoff"] < finding.witness["payoff"]
    if tie != "right":
        assert (finding.witness["claim"], finding.witness["payoff"]) == (11, 11)
        assert (finding.witness["larger_claim"], finding.witness["larger_claim_payoff"]) == (
            Fraction(111, 10),
            Fraction(5573, 521),
        )


@pytest.mark.parametrize("alpha", [Fraction(1, 3), Fraction(1, 2), Fraction(3, 2), 2, 3, 12])
def test_the_closed_form_agrees_with_clearing_anew(alpha: Any) -> None:
    """On random periods the largest fall on a fine grid of claims is never above what the check reports."""
    rng = np.random.default_rng(7)
    seen = set()
    for _ in range(12):
        entitlement, claim = rng.integers(5, 15, 4), rng.integers(0, 20, 4)
        environment = period(entitlement, claim, rule="power", alpha=alpha, arithmetic="float")
        finding = findings(environment)["own_claim_monotonicity"]
        largest = 0.0
        for j in range(4):
            payoffs = []
            for own in np.arange(0, 40, 0.25):
                changed = claim.astype(float)
                changed[j] = own
                cleared = clear(entitlement.astype(float), changed, rule="power", alpha=alpha, tie="left")
                payoffs.append(float(cleared.payoff[j]))
            largest = max(largest, float(np.max(np.maximum.accumulate(payoffs) - payoffs)))
        assert largest <= max(-finding.margin, 0) + 1e-9
        seen.add(finding.holds)
        if finding.holds:
            assert largest < 1e-9
        else:
            assert finding.witness is not None
            assert finding.witness["larger_claim"] > finding.witness["claim"]
            assert finding.witness["larger_claim_payoff"] < finding.witness["payoff"]
    assert seen == {True, False}


def corrupted(outcome: Outcome, column: str, row: int, change: Any) -> Outcome:
    accounts: dict[str, Any] = dict(outcome.tables["accounts"])
    values = np.array(accounts[column])
    values[row] += change
    accounts[column] = values
    return dataclasses.replace(outcome, tables={**outcome.tables, "accounts": accounts})


@pytest.mark.parametrize("options", [{}, {"arithmetic": "float"}, {"rounding": "adams"}], ids=str)
@pytest.mark.parametrize(
    ("column", "row", "change", "expected"),
    [
        ("payoff", 0, -1, {"budget_identity", "scarcity_budget_balance", "no_sucker_loss"}),
        ("payoff", 1, -1, {"budget_identity", "scarcity_budget_balance"}),
        ("payoff", 2, 1, {"budget_identity", "scarcity_budget_balance", "claims_boundedness"}),
        ("coverage", 2, 1, {"claims_boundedness"}),
        ("residual", 1, 1, {"residual_balance"}),
    ],
)
def test_a_corrupted_settlement_fails_the_right_check(
    options: dict[str, Any], column: str, row: int, change: int, expected: set[str]
) -> None:
    """Overages (9, 1) and slack 2: account 3 ends above its claim with one unit more, whatever the rounding."""
    environment = period(*REGIONS["X>I"], **options)
    outcome = corrupted(run(environment), column, row, change)
    found = findings(environment, outcome)
    assert {name for name, finding in found.items() if not finding.holds} == expected
    if "no_sucker_loss" in expected:
        assert found["no_sucker_loss"].witness is not None
        assert found["no_sucker_loss"].witness["account"] == "account 1"


def test_a_lost_tonne_is_found_among_eleven_thousand_accounts_within_a_second() -> None:
    """Every rule that applies, on a period of the size of the EU emissions trading system."""
    rng = np.random.default_rng(1)
    entitlement = rng.integers(0, 1_000_000, 11_011)
    claim = (entitlement * rng.uniform(0.6, 1.3, 11_011)).astype(np.int64)
    options: list[dict[str, Any]] = [
        {"rounding": "largest_remainder"},
        {"arithmetic": "float"},
        {"arithmetic": "float", "rule": "power", "alpha": 2},
    ]
    for option in options:
        environment = period(entitlement, claim, **option)
        outcome = run(environment)
        start = time.process_time()
        found = check(environment, outcome)
        assert time.process_time() - start < 1  # about 0.1 s
        if "rule" not in option:
            assert all(finding.holds for finding in found)
        if "rounding" in option:
            tampered = corrupted(outcome, "payoff", 5000, -1)
            assert not check(environment, tampered)[0].holds


def test_numbers_beyond_64_bits() -> None:
    big = 10**30
    environment = period(as_exact(np.array([big, big], object)), as_exact(np.array([big - 7, big + 9], object)))
    assert failed(environment) == set()


def test_everybody_cooperates_and_a_single_account() -> None:
    assert failed(period([5, 5], [5, 4])) == set()
    assert failed(period([5], [9], rule="power", alpha=2)) == set()


@pytest.mark.parametrize("rule", ["linear", "capped_power", "rebate"])
def test_continuity_is_computed_for_every_rule(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that forgets a tenth of the slack as soon as X > I jumps, whatever its name promises."""
    options = {"rule": rule, "alpha": 2} if rule == "capped_power" else {"rule": rule}
    environment = period(*REGIONS["X>I"], arithmetic="exact", **options)
    outcome = run(environment)
    assert next(f for f in check(environment, outcome) if f.property == "continuity_at_boundary").holds
    true_cover = clearing.cover
    monkeypatch.setattr(checks, "cover", lambda *columns, **rest: true_cover(*columns, **rest) * Fraction(9, 10))
    jumped = next(f for f in check(environment, outcome) if f.property == "continuity_at_boundary")
    assert not jumped.holds
    assert jumped.witness is not None
    assert jumped.margin == -jumped.witness["jump"] == Fraction(-9, 10)
