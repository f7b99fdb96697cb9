"""The properties of an allocated horizon, each a Finding with its margin and the period that shows it.

Everything is read afresh from the environment and the outcome's tables by `audit.py`. Margins are the least over all
periods: an invariant holds at every one. Source: chassang2021, Sections 3 to 7, Appendix A.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mechopt.finding import Finding
from mechopt.mechanisms.limited_liability import attack, audit
from mechopt.mechanisms.limited_liability.allotment import Program
from mechopt.mechanisms.limited_liability.audit import Array, Books
from mechopt.mechanisms.limited_liability.bounds import step_constant
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.response import Limits
from mechopt.outcome import Outcome
from mechopt.program import to_float

RELATIVE = 1e-9
GRID_ERROR = 2.0**-31  # of a probability, integer ledger


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
        _limited_liability(environment, books),
        _nonnegative(books),
        *_definitions(environment, books),
        _money(environment, outcome, books),
    ]
    if environment.rules.variant in ("baseline", "strategic", "consistent", "discounted"):
        findings += _approachability(environment, books)
    findings += _ranges(environment, books)
    if environment.program is not None:
        findings.append(_feasible(environment, books, environment.program))
    if environment.rules.variant == "strategic":
        findings.append(_independence(environment, books))
    if environment.true_outputs is not None and environment.rules.variant != "pivot":
        findings.append(_honoured(environment, books))
    return findings


def tolerance(environment: Environment, books: Books) -> float:
    """What rounding explains: floats over the horizon, or the grid of the ledger and its floor divisions."""
    scale = books.bound * environment.rules.agents * len(books.group)
    if environment.ledger == "integer":
        return scale * (RELATIVE + GRID_ERROR * (environment.rules.agents + 1))
    return scale * RELATIVE


def _worst(
    name: str, margins: Array, allowed: float, evidence: str, environment: Environment, **more: Array
) -> Finding:
    """A finding for margins by period, or by period and agent."""
    place = np.unravel_index(int(np.argmin(margins)), margins.shape)
    witness: dict[str, Any] = {"period": environment.period_names[int(place[0])]}
    if margins.ndim == 2 and margins.shape[1] == environment.rules.agents:
        witness["agent"] = environment.agent_names[int(place[1])]
    witness |= {key: float(rows[place]) for key, rows in more.items()}
    return Finding(property=name, margin=float(margins[place]), tolerance=allowed, evidence=evidence, witness=witness)


def _decisions(environment: Environment, outcome: Outcome, books: Books) -> Finding:
    """The decision taken is the drawn group's best."""
    values = to_float(environment.values)
    weights = books.table["lambda"] if environment.rules.variant == "bounded_values" else np.ones(values.shape[:2])
    taken = np.asarray(outcome.tables["periods"]["decision"], dtype=np.int64)
    group = books.group
    best, got = audit.group_values(values, weights, np.repeat(taken[:, None], weights.shape[1] + 1, axis=1))
    rows = np.arange(len(group))
    return _worst(
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
    return _worst(
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
    return _worst(
        "probability_rule", np.minimum(margins, np.minimum(least, 0.0)), allowed,
        "probabilities against eqs. (8), (21) and Appendix A.2, from the regrets of the period before", environment,
    )  # fmt: skip


def _limits(environment: Environment, books: Books, limits: Limits) -> Finding:
    """Probabilities respect the operator's limits; what that costs is in `approachability`."""
    shares = books.table["probability"]
    room = np.minimum(shares[:, 0] - limits.participation_floor, (limits.caps(shares.shape[1] - 1) - shares[:, 1:])
                      .min(axis=1))  # fmt: skip
    whole = np.minimum(shares.min(axis=1), -np.abs(shares.sum(axis=1) - 1))
    return _worst("response_limits", np.minimum(room, whole), RELATIVE,
                  "participation floor and exclusion caps at every period", environment)  # fmt: skip


def _limited_liability(environment: Environment, books: Books) -> Finding:
    produced = environment.outputs if environment.true_outputs is None else environment.true_outputs
    rows = np.arange(len(books.group))
    decision = books.decisions[rows, books.group]
    output = to_float(produced).transpose(0, 2, 1)[rows, decision]
    paid = books.table["paid"]
    return _worst(
        "limited_liability", output - paid, RELATIVE * books.bound, "what is paid against what was produced",
        environment, paid=paid,
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
            _worst(
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
        evidence="output = payoff + payment by agent and in total, against tables.periods and the summary",
    )  # fmt: skip


def _approachability(environment: Environment, books: Books) -> list[Finding]:
    """(6) at every period, and what follows from it: |R+|^2 is at most the sum of squared steps, and at most C T."""
    rules, table = environment.rules, books.table
    gap, externality = audit.marginal(books)
    if rules.smoothed:
        externality = table["lambda"] * externality
    step = np.column_stack([gap, externality - table["expected_transfer"]])
    regret = np.column_stack([table["regret_allocation"], table["regret_transfer"]])
    earlier = np.maximum(audit.before(regret), 0.0)
    slack = np.full(len(step), rules.agents / 4 * books.bound**2 if rules.payment == "debt" else 0.0)
    if rules.limits is not None:
        slack = slack + audit.excess(environment, books)
    inner = slack - np.einsum("tk,tk->t", earlier, step)
    fade = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
    squared = (np.maximum(regret, 0.0) ** 2).sum(axis=1)
    steps = audit.faded_sum((step**2).sum(axis=1) + 2 * slack, fade**2)
    ones = audit.faded_sum(np.ones(len(squared)), fade**2)
    limit = step_constant(rules) * books.bound**2 * ones
    if rules.limits is not None:
        limit = limit + audit.faded_sum(2 * audit.excess(environment, books), fade**2)
    size = float(squared.max()) + float(steps.max())
    rounding = 1e-9 if environment.ledger == "float" else rules.agents**2 * 2.0**-30
    allowed = rounding * max(1.0, float(np.sqrt(squared.max())), size)
    return [
        _worst("approachability", inner, allowed, "<R+, dR> at most 0, eqs. (6) and (20), at every period"
               + ("; at most n y_max^2 / 4 under footnote 9" if rules.payment == "debt" else "")
               + ("; at most response_excess under limits" if rules.limits is not None else ""), environment),
        _worst("regret_growth", steps - squared, allowed * len(squared),
               "|R+|^2 against the sum of squared steps so far", environment, squared=squared, steps=steps),
        _worst("regret_bound", limit - squared, allowed * len(squared),
               f"|R+|^2 against C T y_max^2, C = {step_constant(rules):g} (the paper: {(rules.agents + 1) ** 3})",
               environment, squared=squared, bound=limit),
    ]  # fmt: skip


def _ranges(environment: Environment, books: Books) -> list[Finding]:
    """Ranges that hold pathwise, whatever is reported: (14), (15), (17); Lemma A.1."""
    rules, table, bound = environment.rules, books.table, books.bound
    agents, allowed = rules.agents, tolerance(environment, books)
    if rules.smoothed:
        fade = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
        root = np.sqrt(audit.faded_sum(np.ones(len(books.group)), fade**2))[:, None]
        limit = (agents - 1) * bound * root
        return [
            _worst("smoothing_bound", limit - np.hypot(np.maximum(table["regret_1"], 0), np.maximum(
                table["regret_2"], 0)), allowed, "(14), (15): R1+^2 + R2+^2 at most (n - 1)^2 T y_max^2", environment),
            _worst("transfer_regret_below", table["regret_transfer"] + bound + limit, allowed,
                   "(17): R_i at least -y_max - (n - 1) sqrt(T) y_max", environment),
        ]  # fmt: skip
    if rules.variant != "bounded_values":
        return []
    value, held = table["regret_value"], table["regret_a"]
    found = [
        _worst("value_regret_range", np.minimum(value + bound, (agents - 1) * bound - value), allowed,
               "(A.5): R^v in [-y_max, (n - 1) y_max]", environment),
        _worst("held_regret_below", held + bound, allowed, "(A.3): R^A at least -y_max", environment),
        _worst("transfer_regret_above", agents * bound - table["regret_transfer"], allowed,
               "(A.6): R^tau at most n y_max", environment),
    ]  # fmt: skip
    if rules.use_regret_b:
        found.append(_worst("idle_regret_below", table["regret_b"] + bound, allowed, "(A.4): R^B at least -y_max",
                            environment))  # fmt: skip
    return found


def _feasible(environment: Environment, books: Books, program: Program) -> Finding:
    """What is given is feasible, and no group's decision is further from its best than epsilon accounts for."""
    chosen = program.points[np.arange(len(books.group)), books.decisions[np.arange(len(books.group)), books.group]]
    margins = np.array([-program.allotment.program.violation(point) for point in chosen])
    return _worst("program_feasible", margins, 1e-7, "largest relative violation of a limit of the [program]; "
                     f"no group's value is more than {program.gap:.2g} below its bound", environment)  # fmt: skip


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
    true = environment.outputs if environment.true_outputs is None else environment.true_outputs
    rows = np.arange(len(books.group))
    decision = books.decisions[rows, books.group]
    reported, produced = (to_float(array).transpose(0, 2, 1)[rows, decision] for array in (environment.outputs, true))
    bounded = environment.rules.variant == "bounded_values"
    indebted = audit.before(books.table["regret_value" if bounded else "regret_transfer"]) > 0
    return _worst(
        "reports_honoured", np.where(indebted, produced - reported, 0.0), RELATIVE * books.bound,
        "what an agent in debt reported for the decision taken against what it produced", environment,
        reported=reported, produced=produced,
    )  # fmt: skip
