"""The properties of an outcome, each a Finding with its margin. Source: zheng2023, Propositions 1 and 3."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.finding import Finding
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import ex_post_nash, game
from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations
from mechopt.mechanisms.borrowing.order_checks import check_order
from mechopt.mechanisms.borrowing.transfers import rule
from mechopt.outcome import Outcome

ROUNDING = 1e-12
GRID = 6  # times a density piece


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`, or from elsewhere; `tables.rounds` and `tables.order` are read.

    Returns:
        For two agents: efficiency and transfers of the rounds, incentive compatibility on a grid, budget balance and,
        for the pivot design, no deficit (in expectation; at every type of a grid too where values never rise) and
        participation (nobody is worse off than going second for nothing). For a sequence see `check_order`.
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
        if environment.design == "pivot":
            found.append(_participation(environment, expectations))
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
    return Finding(property="efficiency", margin=0 - worst, tolerance=0, witness=witness,
                   evidence="both orders of every round, compared exactly")  # fmt: skip


def _identity(environment: Environment, expectations: Expectations, outcome: Outcome) -> Finding:
    """Where both told the truth, utility is W* plus what the other's report alone decides; one-stage: s_i W."""
    rounds, table = environment.rounds, outcome.tables["rounds"]
    worst: Any = 0
    size = 0.0
    witness = None
    exactly = environment.arithmetic == "exact" and (environment.design != "minimum_variance" or expectations.exact)
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
            given = table[f"utility_{agent + 1}"][row]
            size = max(size, abs(exact.as_float(expected)))
            gap = _apart(expected, given, exactly=exactly)
            if gap > worst:
                worst, witness = gap, {"round": row + 1, "agent": agent + 1, "utility": exact.as_float(expected)}
    tolerance = 0.0 if exactly and isinstance(worst, int | Fraction) else ROUNDING * (1 + size)
    return Finding(property="transfers", margin=0 - worst, tolerance=tolerance, witness=witness,
                   evidence="truthful utility is the efficient welfare plus a term of the other's report")  # fmt: skip


def _balance(environment: Environment, expectations: Expectations, outcome: Outcome) -> Finding:
    """Ex post for the one-stage mechanism; ex ante, ties included, for the others; no deficit for the pivot design."""
    if environment.design == "one_stage":
        deficits = outcome.tables["rounds"]["deficit"] if environment.rounds is not None else [0]
        exactly = environment.arithmetic == "exact"
        worst = max((_apart(0, deficit, exactly=exactly) for deficit in deficits), default=0)
        return Finding(property="budget_balance", margin=0 - worst, tolerance=0 if exactly else ROUNDING,
                       evidence="transfers of every round sum to zero (Definition 3)")  # fmt: skip
    groves = rule(environment, expectations)
    paid = groves.constant[0] + groves.constant[1]
    if environment.design == "pivot" and environment.constant is None:
        loss = expectations.loss_power(1).times(-1)
        margin, evidence = loss.value, "expected payments min(L1, L2) of both agents together"
        if all(function.nonincreasing(Fraction(0), Fraction(2)) for pair in environment.pairs for function in pair[:2]):
            found = game(environment, grid=GRID)
            losses = found.own[0][:, None] - found.late[0], found.own[1][None, :] - found.late[1]
            least = Fraction(int(np.minimum(*losses).min())) * found.unit
            margin, evidence = min(margin, least), f"{evidence}, and at every pair of types of a grid"
        return Finding(property="no_deficit", margin=margin, tolerance=loss.error, evidence=evidence)
    drift: Estimate = (
        expectations.welfare if environment.design == "two_stage"
        else expectations.loss_power(1) if environment.design == "pivot"
        else expectations.welfare.times(-1)
    )  # fmt: skip
    total = drift.value + paid
    return Finding(property="budget_balance", margin=-abs(total), tolerance=drift.error and 4 * drift.error + ROUNDING,
                   evidence="expected transfers of a round sum to zero, ties included (Definition 5)",
                   witness={"expected_deficit": exact.as_float(total)})  # fmt: skip


def _participation(environment: Environment, expectations: Expectations) -> Finding:
    """Under the pivot W* - v_j(t_j) + constant is at least v_i(t1 + t2), the payoff of going second: on a grid."""
    found = game(environment, grid=GRID)
    constant = rule(environment, expectations).constant[0]
    best = np.maximum(found.first, found.second)
    worst: Any = None
    witness = None
    for agent in (0, 1):
        other = found.own[1][None, :] if agent == 0 else found.own[0][:, None]
        gain = best - other - found.late[agent]
        at = np.unravel_index(int(gain.argmin()), gain.shape)
        margin = Fraction(int(gain[at])) * found.unit + constant
        if worst is None or margin < worst:
            types = [f"{name} at {time}" for name, time in (found.types[0][int(at[0])], found.types[1][int(at[1])])]
            worst, witness = margin, {"agent": agent + 1, "types": types}
    return Finding(property="individual_rationality", margin=worst, tolerance=0, witness=witness,
                   evidence="utility less the payoff of going second for nothing, at all types of a grid")  # fmt: skip


def _apart(expected: Any, given: Any, *, exactly: bool) -> Any:
    """The difference of two numbers, exactly where both are exact."""
    if exactly and isinstance(expected, int | Fraction):
        return abs(Fraction(expected) - Fraction(exact.parse(given)))
    return abs(exact.as_float(expected) - exact.as_float(given))
