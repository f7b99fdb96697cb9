"""The properties of an allocated horizon, each a Finding with its margin and the period that shows it.

Everything is read afresh from the environment and the outcome's tables by `audit.py`. Margins are the least over all
periods: an invariant holds at every one. Source: chassang2021, Sections 3 to 7, Appendix A.
"""

from __future__ import annotations

import numpy as np

from mechopt import exact
from mechopt.finding import Finding
from mechopt.mechanisms.limited_liability import attack, audit, invariants
from mechopt.mechanisms.limited_liability.allotment import Program
from mechopt.mechanisms.limited_liability.audit import Array, Books
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.findings import GRID_ERROR, RELATIVE, tolerance, worst
from mechopt.mechanisms.limited_liability.response import Limits
from mechopt.outcome import Outcome
from mechopt.program import to_float


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`, or from elsewhere; `tables.periods`, `tables.agents` and `summary` are read.
    """
    books = audit.read(environment, outcome)
    findings = [
        _decisions(environment, outcome, books),
        _draw(environment, books),
        _rule(environment, books),
        *_weights(environment, books),
        _payments(environment, books),
        _limited_liability(environment, books),
        _nonnegative(books),
        *_definitions(environment, books),
        _money(environment, outcome, books),
    ]
    if environment.rules.variant in ("baseline", "strategic", "consistent", "discounted"):
        findings += invariants.approachability(environment, books)
    findings += invariants.ranges(environment, books)
    if environment.program is not None:
        findings += _optimal(environment, environment.program)
    if environment.rules.variant == "strategic":
        findings.append(_independence(environment, books))
    if environment.true_outputs is not None and environment.rules.variant != "pivot":
        findings.append(_honoured(environment, books))
    return findings


def _decisions(environment: Environment, outcome: Outcome, books: Books) -> Finding:
    """The decision taken is the drawn group's best."""
    values = to_float(environment.values)
    weights = books.table["lambda"] if environment.rules.variant == "bounded_values" else np.ones(values.shape[:2])
    taken = np.asarray(outcome.tables["periods"]["decision"], dtype=np.int64)
    group = books.group
    best, got = audit.group_values(values, weights, np.repeat(taken[:, None], weights.shape[1] + 1, axis=1))
    rows = np.arange(len(group))
    return worst(
        "group_efficiency", got[rows, group] - best[rows, group], RELATIVE * books.bound * weights.shape[1],
        "the stated value of the decision taken against the drawn group's best", environment,
        best=best[rows, group],
    )  # fmt: skip


def _draw(environment: Environment, books: Books) -> Finding:
    """The group drawn is the first whose cumulated probability exceeds the draw."""
    cumulated = np.cumsum(books.table["probability"], axis=1)
    draws = to_float(np.asarray(environment.draws))
    rows = np.arange(len(draws))
    above = cumulated[rows, books.group] - draws
    below = draws - np.where(books.group > 0, cumulated[rows, np.maximum(books.group - 1, 0)], 0.0)
    return worst(
        "draw", np.minimum(above, below), 4 * GRID_ERROR if environment.ledger == "integer" else 1e-12,
        "the draw lies in the drawn group's part of [0, 1)", environment, draw=draws,
    )  # fmt: skip


def _rule(environment: Environment, books: Books) -> Finding:
    limits = environment.rules.limits
    if limits is not None:
        return _limits(environment, books, limits)
    wanted = audit.rule(environment, books)
    shares = books.table["probability"]
    margins = -np.abs(wanted - shares).max(axis=1)
    least = np.minimum(shares.min(axis=1), -np.abs(shares.sum(axis=1) - 1))
    allowed = RELATIVE if environment.ledger == "float" else GRID_ERROR * (environment.rules.agents + 1)
    return worst(
        "probability_rule", np.minimum(margins, np.minimum(least, 0.0)), allowed,
        "probabilities against eqs. (8), (21) and Appendix A.2, from the regrets of the period before", environment,
    )  # fmt: skip


def _weights(environment: Environment, books: Books) -> list[Finding]:
    if not environment.rules.smoothed and environment.rules.variant != "bounded_values":
        return []
    allowed = RELATIVE if environment.ledger == "float" else GRID_ERROR
    margins = -np.abs(audit.weights(environment, books) - books.table["lambda"])
    evidence = "lambda against eq. (19) or Appendix A.1, from the regrets of the period before"
    return [worst("lambda_rule", margins, allowed, evidence, environment)]


def _payments(environment: Environment, books: Books) -> Finding:
    """Who is in debt pays, and nobody else; what is expected is the mean of that over the groups."""
    rules, table = environment.rules, books.table
    due = audit.due(environment, books)
    paid = due[np.arange(len(books.group)), books.group]
    expected = paid if rules.realised_only else np.einsum("tg,tgi->ti", table["probability"], due)
    if environment.true_outputs is not None and rules.variant != "pivot":
        paid = np.minimum(paid, _produced(environment, books))
    told = np.maximum(np.abs(paid - table["paid"]), np.abs(expected - table["expected_transfer"]))
    allowed = RELATIVE * books.bound * rules.agents
    if environment.ledger == "integer" and rules.payment == "debt":  # which rounds a debt up to whole units
        allowed += exact.as_float(environment.output_unit)
    return worst(
        "payment_rule", -told, allowed,
        "payments, realised and expected, against eqs. (9), (22), footnote 9 and Appendix A", environment,
        due=paid, paid=table["paid"],
    )  # fmt: skip


def _produced(environment: Environment, books: Books) -> Array:
    """What each agent truly produced under the decision taken, shape (periods, agents)."""
    produced = environment.outputs if environment.true_outputs is None else environment.true_outputs
    rows = np.arange(len(books.group))
    return to_float(produced).transpose(0, 2, 1)[rows, books.decisions[rows, books.group]]


def _limits(environment: Environment, books: Books, limits: Limits) -> Finding:
    """Probabilities respect the operator's limits; what that costs is in `approachability`."""
    shares = books.table["probability"]
    room = np.minimum(shares[:, 0] - limits.participation_floor, (limits.caps(shares.shape[1] - 1) - shares[:, 1:])
                      .min(axis=1))  # fmt: skip
    whole = np.minimum(shares.min(axis=1), -np.abs(shares.sum(axis=1) - 1))
    return worst("response_limits", np.minimum(room, whole), RELATIVE,
                  "participation floor and exclusion caps at every period", environment)  # fmt: skip


def _limited_liability(environment: Environment, books: Books) -> Finding:
    paid = books.table["paid"]
    return worst(
        "limited_liability", _produced(environment, books) - paid, RELATIVE * books.bound,
        "what is paid against what was produced", environment, paid=paid,
    )  # fmt: skip


def _nonnegative(books: Books) -> Finding:
    paid = books.table["paid"]
    place = np.unravel_index(int(np.argmin(paid)), paid.shape)
    return Finding(
        property="no_subsidy", margin=float(paid[place]), tolerance=RELATIVE * books.bound,
        evidence="nobody is paid: every payment is at least 0",
    )  # fmt: skip


def _definitions(environment: Environment, books: Books) -> list[Finding]:
    found = audit.regrets(environment, books)
    allowed = tolerance(environment, books)
    findings = []
    for name, defined in found.items():
        told = books.table[name]
        findings.append(
            worst(
                f"{name}_definition", -np.abs(told - defined), allowed,
                "the column against its definition, from probabilities, outputs and payments", environment,
                told=told, defined=defined,
            )
        )  # fmt: skip
    return findings


def _money(environment: Environment, outcome: Outcome, books: Books) -> Finding:
    """Payoffs and payments add up to outputs, agent by agent and in total."""
    table = {name: to_float(np.asarray(column, dtype=object)) for name, column in outcome.tables["agents"].items()
             if name != "agent"}  # fmt: skip
    summary = outcome.summary
    gaps = [
        np.abs(_produced(environment, books).sum(axis=0) - table["output"]).max(),
        np.abs(table["output"] - table["paid"] - table["payoff"]).max(),
        np.abs(books.table["paid"].sum(axis=0) - table["paid"]).max(),
        np.abs(table["paid"] + table["transfer"]).max(),
        abs(float(table["output"].sum()) - float(summary["output_total"])),
        abs(float(table["paid"].sum()) - float(summary["transfers_total"])),
        abs(float(summary["output_efficient"]) - float(summary["output_total"])
            - len(books.group) * float(summary["loss_per_period"])),
    ]  # fmt: skip
    return Finding(
        property="identity_of_money", margin=-float(max(gaps)), tolerance=tolerance(environment, books),
        evidence="output = payoff + payment by agent and in total, against the environment, tables.periods and the "
        "summary",
    )  # fmt: skip


def _optimal(environment: Environment, program: Program) -> list[Finding]:
    """What each group would decide is feasible, and no further from its best than epsilon accounts for."""
    model, owner = program.allotment.program, program.allotment.owner
    periods, groups = program.bound.shape
    broken = np.array([max(model.violation(point) for point in points) for points in program.points])
    worth = program.values[:, None, :] * program.points
    members = (owner >= 0) & (owner != np.arange(-1, groups - 1)[:, None])  # column by group
    missing = program.bound - np.where(members, worth, 0.0).sum(axis=2)
    return [
        worst("program_feasible", -broken, 1e-7, "largest relative violation of a limit of the [program], by any "
              "group's decision", environment),
        worst("program_optimal", (program.gap - missing).min(axis=1), RELATIVE * max(1.0, float(program.bound.max())),
              f"no group's value is more than the gap of {program.gap:.2g} below its proven bound, {periods} periods",
              environment),
    ]  # fmt: skip


def _independence(environment: Environment, books: Books) -> Finding:
    """Reported outputs do not depend on the draw: what the proof of Proposition 3 needs and does not say."""
    scores = attack.dependence(books.outputs, books.table["probability"], books.group)
    worst = max(scores, key=lambda found: abs(found.score))
    return Finding(
        property="reports_independent_of_the_draw", margin=attack.ALARM - abs(worst.score), tolerance=0.0,
        evidence=f"reports for the decision taken against their expectation, alarm at {attack.ALARM:g} standard "
        "deviations",
        witness={"agent": environment.agent_names[worst.agent], "score": worst.score, "excess_per_period": worst.excess,
                 "chance": worst.chance},
    )  # fmt: skip


def _honoured(environment: Environment, books: Books) -> Finding:
    """Nobody had to pay more than it produced: a report that cannot be honoured was credited all the same."""
    due = audit.due(environment, books)[np.arange(len(books.group)), books.group]
    produced = _produced(environment, books)
    return worst(
        "reports_honoured", produced - due, RELATIVE * books.bound,
        "what was due from an agent by its report for the decision taken against what it produced", environment,
        due=due, produced=produced,
    )  # fmt: skip
