"""The audit: it passes on what the mechanism did, and notices what was changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.limited_liability import audit
from mechopt.mechanisms.limited_liability.checks import check
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.mechanism import run
from mechopt.mechanisms.limited_liability.online import Online
from mechopt.mechanisms.limited_liability.period import Proposal
from mechopt.mechanisms.limited_liability.rules import Rules
from mechopt.outcome import Outcome

Draw = Callable[..., Environment]


def failed(environment: Environment, outcome: Outcome) -> set[str]:
    return {finding.property for finding in check(environment, outcome) if not finding.holds}


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("arithmetic", ["float", "integer", "exact"])
def test_every_invariant_holds_at_every_period(
    draw: Draw, options: dict[str, Any], arithmetic: str, coarse: bool
) -> None:
    for seed in range(2):
        base = draw(seed, periods=6 if arithmetic == "exact" else 120, coarse=coarse, options=options)
        how: dict[str, Any] = {"arithmetic": "exact"} if arithmetic == "exact" else {}
        if arithmetic == "integer":
            how = {"ledger": "integer", "output_unit": "0.01"}
        environment = Environment(
            rules=base.rules, values=np.round(base.values, 2), outputs=np.round(base.outputs, 2), seed=seed, **how
        )
        # The pivot benchmark ignores limited liability; that is what it is there to show.
        allowed = {"limited_liability"} if options["variant"] == "pivot" else set()
        assert failed(environment, run(environment)) <= allowed


def test_the_pivot_benchmark_breaks_limited_liability(draw: Draw) -> None:
    environment = draw(0, options={"variant": "pivot"}, coarse=True)
    assert "limited_liability" in failed(environment, run(environment))


@pytest.mark.parametrize(
    ("column", "change", "noticed"),
    [
        ("paid", 0.3, {"identity_of_money"}),
        ("regret_transfer", 0.2, {"regret_transfer_definition"}),
        ("regret_allocation", 0.2, {"regret_allocation_definition"}),
        ("expected_transfer", 0.1, {"regret_transfer_definition"}),
        ("probability", 0.1, {"probability_rule"}),
        ("regret_1", 0.1, {"regret_1_definition"}),
        ("lambda", -0.2, {"regret_2_definition"}),
    ],
)
def test_a_changed_number_is_noticed(draw: Draw, column: str, change: float, noticed: set[str]) -> None:
    environment = draw(2, periods=60, options={"variant": "consistent"})
    outcome = run(environment)
    tables: dict[str, Any] = dict(outcome.tables)
    periods: dict[str, Any] = dict(outcome.tables["periods"])
    rows = np.array(periods[column])
    rows[30] += change
    changed = replace(outcome, tables=tables | {"periods": periods | {column: rows}})
    assert failed(environment, changed) >= noticed


def test_another_group_or_decision_is_noticed(draw: Draw) -> None:
    environment = draw(2, periods=60)
    outcome = run(environment)
    tables: dict[str, Any] = dict(outcome.tables)
    periods: dict[str, Any] = dict(outcome.tables["periods"])
    for column, noticed in (("group", "draw"), ("decision", "group_efficiency")):
        rows = np.array(periods[column])
        rows[0] = (rows[0] + 1) % 4
        changed = replace(outcome, tables=tables | {"periods": periods | {column: rows}})
        assert noticed in failed(environment, changed)


def wrong_weights(online: Online) -> list[float]:
    return [1.0] * online.rules.agents


def wrong_payment(online: Online, proposal: Proposal, agent: int, output: float) -> float:
    return output / 2 if proposal.pays[agent] else 0.0


@pytest.mark.parametrize(
    ("method", "wrong", "variant", "noticed"),
    [
        ("weights", wrong_weights, "consistent", "lambda_rule"),
        ("weights", wrong_weights, "bounded_values", "lambda_rule"),
        ("_due", wrong_payment, "baseline", "payment_rule"),
        ("_due", wrong_payment, "exploration", "payment_rule"),
    ],
)
def test_a_mechanism_that_breaks_one_rule_is_noticed(
    draw: Draw, monkeypatch: pytest.MonkeyPatch, method: str, wrong: Any, variant: str, noticed: str
) -> None:
    """Its books are consistent: every regret is what its weights and payments come to."""
    environment = draw(2, periods=60, options={"variant": variant})
    assert failed(environment, run(environment)) == set()
    monkeypatch.setattr(Online, method, wrong)
    found = failed(environment, run(environment))
    assert noticed in found
    assert not any(name.endswith("_definition") for name in found)


def test_payments_that_were_not_made_are_noticed_though_all_sums_agree(draw: Draw) -> None:
    environment = draw(2, periods=60, options={"variant": "baseline"})
    outcome = run(environment)
    tables: dict[str, Any] = {name: dict(table) for name, table in outcome.tables.items()}
    agents = tables["agents"]
    tables["periods"]["paid"] = 0 * np.array(tables["periods"]["paid"])
    agents |= {"payoff": agents["output"], "paid": 0 * agents["paid"], "transfer": 0 * agents["paid"]}
    changed = replace(outcome, tables=tables, summary={**outcome.summary, "transfers_total": 0.0})
    assert failed(environment, changed) == {"payment_rule"}


def test_outputs_that_were_not_there_are_noticed_though_all_sums_agree(draw: Draw) -> None:
    environment = draw(2, periods=60, options={"variant": "baseline"})
    outcome = run(environment)
    tables: dict[str, Any] = {name: dict(table) for name, table in outcome.tables.items()}
    for column in ("output", "payoff"):
        tables["agents"][column] = np.array(tables["agents"][column]) + 1
    more = {name: outcome.summary[name] + environment.rules.agents for name in ("output_total", "output_efficient")}
    assert failed(environment, replace(outcome, tables=tables, summary={**outcome.summary, **more})) == {
        "identity_of_money"
    }


@pytest.mark.parametrize("discount", [1.0, 0.9, 0.5])
def test_running_maxima_and_faded_sums_by_brute_force(discount: float) -> None:
    steps = np.random.default_rng(0).normal(size=(37, 2))
    for end in range(len(steps)):
        powers = discount ** np.arange(end, -1, -1)[:, None]
        terms = steps[: end + 1] * powers
        suffixes = np.cumsum(terms[::-1], axis=0)
        np.testing.assert_allclose(audit.running_maximum(steps, discount)[end], suffixes.max(axis=0), atol=1e-12)
        np.testing.assert_allclose(audit.faded_sum(steps, discount)[end], terms.sum(axis=0), atol=1e-12)


def test_payments_are_limited_by_what_was_truly_produced(draw: Draw) -> None:
    base = draw(3, periods=80, options={"variant": "strategic"})
    environment = Environment(
        rules=base.rules, values=base.values, outputs=base.outputs, true_outputs=base.outputs / 2, seed=3
    )
    outcome = run(environment)
    assert "limited_liability" not in failed(environment, outcome)
    output = np.asarray(outcome.tables["agents"]["output"])
    paid = np.asarray(outcome.tables["agents"]["paid"])
    assert (paid <= output + 1e-9).all()
    assert outcome.summary["output_total"] == pytest.approx(output.sum())


def test_rounding_is_estimated_and_said(draw: Draw) -> None:
    """Where outputs follow values the last digit is amplified to everything within some thousand periods."""
    rng = np.random.default_rng(3)
    values = rng.random((2500, 3, 3)) * np.eye(3)
    environment = Environment(rules=Rules(variant="consistent", agents=3), values=values, outputs=values, seed=1)
    outcome = run(environment)
    assert outcome.guarantee.kind == "approximate"
    assert outcome.guarantee.error > 1e-6
    assert any("chaotic" in line for line in outcome.warnings)
    assert failed(environment, outcome) == set()  # each step is right, whatever the digits
    assert run(draw(1, periods=30)).guarantee.error < 1e-9


def test_true_outputs_change_payoffs_and_nothing_that_the_mechanism_does(draw: Draw, options: dict[str, Any]) -> None:
    base = draw(5, periods=60, options=options)
    plain = run(base)
    told = Environment(
        rules=base.rules, values=base.values, outputs=base.outputs, true_values=base.values,
        true_outputs=np.maximum(base.outputs, 0.5), seed=5,
    )  # fmt: skip
    other = run(told)
    for column in plain.tables["periods"]:
        assert np.array_equal(plain.tables["periods"][column], other.tables["periods"][column]), column
    assert other.summary["output_total"] >= plain.summary["output_total"]
    assert "reports_honoured" not in failed(told, other)
    assert "reports_honoured" not in failed(base, plain)


def test_a_report_that_cannot_be_paid_is_pointed_out(draw: Draw) -> None:
    for variant in ("strategic", "exploration", "bounded_values"):
        base = draw(5, periods=80, options={"variant": variant})
        environment = Environment(
            rules=base.rules, values=base.values, outputs=base.outputs, true_outputs=base.outputs / 4, seed=5
        )
        outcome = run(environment)
        assert "reports_honoured" in failed(environment, outcome)
        assert any("could not pay" in line for line in outcome.warnings)


@pytest.mark.parametrize("ledger", ["float", "integer"])
@pytest.mark.parametrize(("payment", "honoured"), [("output", False), ("debt", True)])
def test_a_report_above_the_truth_is_honoured_where_the_debt_can_be_paid(
    payment: Any, honoured: bool, ledger: Any
) -> None:
    """Agent 1 owes 0.25, reports 1 and has 0.5: enough for the debt, not for the whole report."""
    values = np.array([[[1.0, 0.0], [0.0, 0.75]], [[1.0, 0.0], [0.0, 0.0]]])
    outputs = np.array([[[1.0, 0.0], [0.0, 0.25]], [[1.0, 1.0], [0.0, 0.0]]])
    rules = Rules(variant="strategic", agents=2, payment=payment, counterfactuals="verified")
    environment = Environment(
        rules=rules, values=values, outputs=outputs, true_outputs=np.minimum(outputs, 0.5), draws=np.array([0.0, 0.0]),
        ledger=ledger, output_unit="0.25",
    )  # fmt: skip
    outcome = run(environment)
    assert ("reports_honoured" not in failed(environment, outcome)) is honoured
    assert any("could not pay" in line for line in outcome.warnings) is not honoured


@pytest.mark.parametrize(("draw_of_2", "said"), [(0.5, True), (0.5 - 1e-14, True), (0.4, False), (0.0, False)])
def test_a_draw_on_the_border_of_two_groups_is_said(draw_of_2: float, said: bool) -> None:
    """Both agents owe 1/2 after the first period: each is left out with probability 1/2 in the second."""
    values = np.array([[[1.0, 0.0, 0.9], [0.0, 1.0, 0.9]]] * 2)
    outputs = np.array([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]] * 2)
    rules = Rules(variant="baseline", agents=2)
    environment = Environment(rules=rules, values=values, outputs=outputs, draws=np.array([0.0, draw_of_2]))
    outcome = run(environment)
    np.testing.assert_array_equal(outcome.tables["periods"]["probability"][1], [0.0, 0.5, 0.5])
    assert any("1 draws lie on the border" in line for line in outcome.warnings) is said
