"""Rounds of two agents settled from their reports: order, transfers, utilities and the manager's deficit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.transfers import allocate, one_stage, payoffs, rule, worth


def settle(environment: Environment, expectations: Expectations) -> dict[str, list[Any]]:
    """`tables.rounds`: what each agent receives, round by round.

    The order follows the reports, exactly; payoffs are the truth's; on a tie transfers are paid at the lottery's
    expectation. Reported payoffs are the true ones unless the rounds say otherwise.

    Raises:
        InstanceError: the one-stage mechanism knows values, so a report of one is a mistake.
    """
    rounds = environment.rounds
    if rounds is None:
        return {}
    groves = None if environment.design == "one_stage" else rule(environment, expectations)
    table: dict[str, list[Any]] = {
        name: [] for name in ("round", "first", "transfer_1", "transfer_2", "utility_1", "utility_2", "deficit")
    }
    for row in range(len(rounds)):
        truth = environment.values[rounds.value[row, 0]], environment.values[rounds.value[row, 1]]
        said = environment.values[rounds.report_value[row, 0]], environment.values[rounds.report_value[row, 1]]
        time, reported = tuple(rounds.time[row]), tuple(rounds.report_time[row])
        if groves is None and said != truth:
            raise InstanceError(
                "the one-stage mechanism knows the values; only times are reported", key="rounds.report_value",
                row=row + 1,
            )  # fmt: skip
        real = worth(*truth, *time)
        share = allocate(*(real if said == truth and reported == time else worth(*said, *reported)))
        payoff = payoffs(share, *real)
        second = tuple(payoff[a] if rounds.report_payoff[row, a] is None else rounds.report_payoff[row, a]
                       for a in (0, 1))  # fmt: skip
        if groves is None:
            lies = (reported[0] != time[0], reported[1] != time[1])
            paid = one_stage(payoff, environment.shares, environment.fine, lies)
        else:
            paid = groves.transfers(said, reported, (second[0], second[1]))
        first = "lottery" if share[0] == share[1] else 1 if share[0] else 2
        for name, item in zip(
            table,
            (row + 1, first, paid[0], paid[1], payoff[0] + paid[0], payoff[1] + paid[1], paid[0] + paid[1]),
            strict=True,
        ):
            table[name].append(item)
    if environment.arithmetic == "float":
        for name in list(table)[2:]:
            table[name] = [exact.as_float(item) for item in table[name]]
    return table


def total(table: dict[str, list[Any]], name: str) -> Any:
    """The sum of a column of numbers."""
    return sum(table[name], Fraction(0)) if table[name] and isinstance(table[name][0], Fraction) else sum(table[name])
