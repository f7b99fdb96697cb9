"""The mechanism on one environment: constants, rounds, the order. Source: zheng2023, Sections 4, 7, 10."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.mechanisms.borrowing.budget import moments
from mechopt.mechanisms.borrowing.collusion import as_rows, risk
from mechopt.mechanisms.borrowing.comparison import designs
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations
from mechopt.mechanisms.borrowing.regions import beyond
from mechopt.mechanisms.borrowing.rounds import settle
from mechopt.mechanisms.borrowing.settled_order import sequence
from mechopt.mechanisms.borrowing.transfers import balancing, used_constant
from mechopt.outcome import Guarantee, Outcome

WORTH = ("exact", "certified", "proven", "bounded", "approximate")  # best first


def run(environment: Environment) -> Outcome:
    """The mechanism that the environment's design names.

    Returns:
        For two agents `summary` with the exact constants and `tables.rounds`; for a sequence `tables.order` and the
        transfers. A transfer is what the agent receives.

    Raises:
        InstanceError: the design does not fit what is given.
        SolveError: the order could not be proven optimal.
    """
    summary: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    worth: list[Guarantee] = []
    warnings: list[str] = []
    provenance: dict[str, Any] = {"arithmetic": environment.arithmetic, "design": environment.design}
    if environment.agents:
        expectations = Expectations(environment)
        found, guarantee = constants(environment, expectations)
        summary |= found
        worth.append(guarantee)
        warnings += _warnings(environment, expectations)
        rounds = settle(environment, expectations)
        if rounds:
            tables["rounds"] = rounds
        tables["collusion"] = as_rows(risk(expectations), exactly=environment.arithmetic == "exact")
        tables["designs"] = designs(environment, expectations)
        provenance["tie_rule"] = "an exact tie is a fair lottery; transfers are paid at its expectation"
    if environment.sequence is not None:
        found, orders, guarantee, lines, rule = sequence(environment)
        summary |= found
        tables |= orders
        worth.append(guarantee)
        warnings += lines
        provenance["tie_rule_order" if environment.agents else "tie_rule"] = rule
    guarantee = max(worth, key=lambda g: WORTH.index(g.kind))
    return Outcome(
        mechanism="borrowing",
        title="",
        status="settled",
        guarantee=guarantee,
        summary=summary | {"guarantee": guarantee.kind},
        tables=tables,
        warnings=warnings,
        provenance=provenance,
    )


def constants(environment: Environment, expectations: Expectations) -> tuple[dict[str, Any], Guarantee]:
    """The summary of two agents, and what it is worth."""
    variance, third = moments(expectations, environment.design)
    constant = balancing(expectations, environment.design)
    named = {
        "constant": constant,
        "constant_as_printed": expectations.printed_constant,
        # With (7.3) as printed, expected transfers sum to E[W*] + 2 h, what is won on ties.
        "drift_as_printed": expectations.welfare_on_ties,
        "expected_welfare": expectations.welfare,
        "variance": variance,
        "third_moment": third,
        "probability_first": expectations.probability(1),
        "probability_second": expectations.probability(-1),
        "probability_tie": expectations.probability(0),
    }
    summary = {name: number(estimate, environment) for name, estimate in named.items() if estimate is not None}
    if environment.design != "one_stage":
        own = None if environment.design == "pivot" else constant
        summary["constant_used"] = number(Estimate(value=used_constant(environment, expectations, own)), environment)
    known = [estimate for estimate in named.values() if estimate is not None]
    error = max(estimate.error for estimate in known)
    return summary, _guarantee(expectations, error, environment, proven=all(e.proven for e in known))


def number(estimate: Estimate, environment: Environment) -> Any:
    """An estimate as the environment's arithmetic shows it."""
    value = estimate.value
    return value if environment.arithmetic == "exact" else exact.as_float(value)


def _guarantee(expectations: Expectations, error: float, environment: Environment, *, proven: bool) -> Guarantee:
    cells = sum(len(found) for _, _, _, found in expectations.pairs)
    if expectations.exact:
        rounded = environment.arithmetic == "float"
        detail = f"expectations in rational arithmetic over {cells} cells" + (", then rounded to floats" * rounded)
        return Guarantee(kind="exact", detail=detail, error=2.0**-52 if rounded else 0.0)
    reason = (
        f"{expectations.curved} of {cells} cells are cut by a curve" if expectations.curved else
        "a value function stands for a callable" if expectations.function_error else "a density is no polynomial"
    )  # fmt: skip
    if proven:
        return Guarantee(
            kind="bounded", detail=f"{reason}; enclosed by ball arithmetic between exact cuts", error=error
        )
    return Guarantee(kind="approximate", detail=f"{reason}; error estimated from two orders of curve-split quadrature",
                     error=error)  # fmt: skip


def _warnings(environment: Environment, expectations: Expectations) -> list[str]:
    lines = []
    for name in sorted({name for agent in environment.agents for name, p in agent.beliefs if p}):
        function = environment.values[name]
        if any(beyond(function, Fraction(0), Fraction(2), side, side) for side in (-1, 1)):
            lines.append(f"values of {name} leave [-1, 1], the paper's normalisation; nothing here relies on it")
    if expectations.welfare_on_ties.value != 0:
        lines.append(
            "ties have positive probability and eq. (7.3) drops them; `constant` balances the budget, "
            "`constant_as_printed` does not"
        )
    if environment.arithmetic == "exact" and not expectations.exact:
        lines.append("the expectations are not rational numbers; they are given in floats with an error")
    return lines
