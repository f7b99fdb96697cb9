"""The properties of an outcome, each a Finding with its margin. Source: zheng2023, Propositions 1 and 3."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.finding import Finding
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import ex_post_nash, game
from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations
from mechopt.mechanisms.borrowing.order_checks import check_order
from mechopt.mechanisms.borrowing.transfers import rule
from mechopt.outcome import Outcome

ROUNDING = 1e-12


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`, or from elsewhere; `tables.rounds` and `tables.order` are read.

    Returns:
        For two agents: efficiency and transfers of the rounds, incentive compatibility on a grid, budget balance and,
        for the pivot design with values that never rise, no deficit and participation.
    """
    found: list[Finding] = []
    if environment.agents:
        expectations = Expectations(environment)
        if environment.rounds is not None:
            found += [_efficiency(environment, outcome), _identity(environment, expectations, outcome)]
        shares = environment.shares or (Fraction(0), Fraction(1))
        one_stage = environment.design == "one_stage"
        found.append(
            ex_post_nash(game(environment), scope="fixed" if one_stage else "all",
                         shares=(shares[0], shares[1]) if one_stage else None)
        )  # fmt: skip
        found.append(_balance(environment, expectations, outcome))
    if environment.sequence is not None:
        found += check_order(environment, outcome)
    return found


def _worth(environment: Environment, row: int, reported: bool) -> tuple[Fraction, Fraction]:
    """W1 and W2 of a round, at the truth or at the reports, straight from the definition."""
    rounds = environment.rounds
    if rounds is None:
        return Fraction(0), Fraction(0)
    names, times = (rounds.report_value, rounds.report_time) if reported else (rounds.value, rounds.time)
    one, two = (environment.values[name] for name in names[row])
    first, second = times[row]
    return (one.at(first) + two.at(first + second), two.at(second) + one.at(first + second))


def _efficiency(environment: Environment, outcome: Outcome) -> Finding:
    """The order of every round maximises reported welfare; a lottery only at an exact tie."""
    worst, witness = Fraction(0), None
    for row, first in enumerate(outcome.tables["rounds"]["first"]):
        one, two = _worth(environment, row, reported=True)
        lost = abs(one - two) if first == "lottery" else max(one, two) - (one if first == 1 else two)
        if lost > worst:
            worst, witness = lost, {"round": row + 1, "welfare_first": str(one), "welfare_second": str(two)}
    return Finding(property="efficiency", margin=-worst, tolerance=0, witness=witness,
                   evidence="both orders of every round, compared exactly")  # fmt: skip


def _identity(environment: Environment, expectations: Expectations, outcome: Outcome) -> Finding:
    """Where both told the truth, utility is W* plus what the other's report alone decides; one-stage: s_i W."""
    rounds, table = environment.rounds, outcome.tables["rounds"]
    worst, witness = 0.0, None
    groves = None if environment.design == "one_stage" else rule(environment, expectations)
    for row in range(0 if rounds is None else len(rounds)):
        if rounds is None or any(rounds.report_payoff[row, a] is not None for a in (0, 1)):
            continue
        if any(rounds.report_value[row] != rounds.value[row]) or any(rounds.report_time[row] != rounds.time[row]):
            continue
        best = max(_worth(environment, row, reported=False))
        for agent in (0, 1):
            other = environment.values[rounds.value[row, 1 - agent]]
            expected: Any = (environment.shares or (Fraction(0), Fraction(1)))[agent] * best
            if groves is not None:
                expected = best + groves.charge(agent, other, rounds.time[row, 1 - agent]) + groves.constant[agent]
            gap = abs(exact.as_float(expected) - exact.as_float(table[f"utility_{agent + 1}"][row]))
            if gap > worst:
                worst, witness = gap, {"round": row + 1, "agent": agent + 1, "utility": exact.as_float(expected)}
    return Finding(property="transfers", margin=0.0 - worst, tolerance=ROUNDING * (1 + abs(worst)), witness=witness,
                   evidence="truthful utility is the efficient welfare plus a term of the other's report")  # fmt: skip


def _balance(environment: Environment, expectations: Expectations, outcome: Outcome) -> Finding:
    """Ex post for the one-stage mechanism; ex ante, ties included, for the others; no deficit for the pivot design."""
    if environment.design == "one_stage":
        deficits = outcome.tables["rounds"]["deficit"] if environment.rounds is not None else [0]
        worst = max(abs(exact.as_float(deficit)) for deficit in deficits)
        return Finding(property="budget_balance", margin=0.0 - worst, tolerance=ROUNDING,
                       evidence="transfers of every round sum to zero (Definition 3)")  # fmt: skip
    groves = rule(environment, expectations)
    paid = groves.constant[0] + groves.constant[1]
    if environment.design == "pivot" and environment.constant is None:
        loss = expectations.loss_power(1).times(-1)
        return Finding(property="no_deficit", margin=loss.value, tolerance=max(loss.error, 0.0),
                       evidence="expected payments min(L1, L2) of both agents together")  # fmt: skip
    drift: Estimate = (
        expectations.welfare if environment.design == "two_stage"
        else expectations.loss_power(1) if environment.design == "pivot"
        else expectations.welfare.times(-1)
    )  # fmt: skip
    total = drift.value + paid
    return Finding(property="budget_balance", margin=-abs(total), tolerance=drift.error and 4 * drift.error + ROUNDING,
                   evidence="expected transfers of a round sum to zero, ties included (Definition 5)",
                   witness={"expected_deficit": exact.as_float(total)})  # fmt: skip
