"""Rounds of two agents in words: who goes first and why, what is received, and the report at which the order turns."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from mechopt import exact
from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.planes import fraction, rational
from mechopt.mechanisms.borrowing.regions import UNSETTLED, parts, rational_roots
from mechopt.mechanisms.borrowing.times import Piece, Times, sure
from mechopt.mechanisms.borrowing.transfers import rule, worth
from mechopt.mechanisms.borrowing.values import ValueFunction
from mechopt.outcome import Outcome

LISTED = 4  # rounds
ANY = Times(pieces=(Piece(low=Fraction(0), high=Fraction(1), density=(Fraction(1),), mass=Fraction(1)),))


def find(environment: Environment, agent: str) -> int | None:
    """Which of two agents a word means: "1", "2", "agent 1", "agent 2", or a name."""
    for number, known in enumerate(environment.agents):
        if agent in (str(number + 1), f"agent {number + 1}") or (known.name and agent == known.name):
            return number
    return None


def rounds_in_words(environment: Environment, outcome: Outcome, agent: int) -> list[str]:
    """The first rounds of one agent, or what it is paid by where there are none."""
    rounds = environment.rounds
    name = environment.agents[agent].name or f"Agent {agent + 1}"
    if rounds is None or "rounds" not in outcome.tables:
        return [f"{name} has no rounds to settle yet. {_rule(environment, None)}"]
    expectations = Expectations(environment)
    lines = [f"{name}. {_rule(environment, expectations)}"]
    for row in range(min(len(rounds), LISTED)):
        lines += _round(environment, expectations, outcome.tables["rounds"], row, agent)
    if len(rounds) > LISTED:
        lines.append(f"... and {len(rounds) - LISTED} more rounds: see tables.rounds.")
    return lines


def _rule(environment: Environment, expectations: Expectations | None) -> str:
    if environment.design == "one_stage":
        return "Each gives up its payoff and receives its share of what both get, so that no lie about times pays."
    charge = {
        "two_stage": "",
        "pivot": ", less what the other would get alone",
        "minimum_variance": ", less the welfare that the other's report lets expect",
    }[environment.design]
    words = f"It receives what the other reports to have got{charge}"
    if expectations is None:
        return f"{words}, and a constant."
    constant = rule(environment, expectations).constant[0]
    return f"{words}, and the constant {word(constant)}."


def _round(environment: Environment, expectations: Expectations, table: Any, row: int, agent: int) -> list[str]:
    rounds = environment.rounds
    if rounds is None:
        return []
    said = [environment.values[name] for name in rounds.report_value[row]]
    times = list(rounds.report_time[row])
    own, late = worth(said[0], said[1], times[0], times[1])
    loss = [own[k] - late[k] for k in (0, 1)]
    first, mine, its = table["first"][row], loss[agent], loss[1 - agent]
    units = f" {environment.units}" if environment.units else ""
    reported = (
        f"Round {row + 1}: by reports, {said[agent].name} at {word(times[agent])} against {said[1 - agent].name} at "
        f"{word(times[1 - agent])}, being second costs it {word(mine)}{units} and the other {word(its)}{units}, so "
    )
    who = (
        "a fair lottery decides" if first == "lottery" else f"{'it' if first == agent + 1 else 'the other'} goes first"
    )
    paid, utility = table[f"transfer_{agent + 1}"][row], table[f"utility_{agent + 1}"][row]
    money = Fraction(exact.parse(paid))
    does = f"receives {word(money)}" if money > 0 else f"pays {word(-money)}" if money < 0 else "receives nothing"
    lines = [f"{reported}{who}. It {does}{units if money else ''} and is left with {word(utility)}{units}."]
    return [*lines, f"  {_turn(said, times, agent)}"]


def _turn(said: list[ValueFunction], times: list[Fraction], agent: int) -> str:
    """The nearest reports of its time at which somebody else would go first."""
    signs = order_by_time(said[0], said[1], times[1 - agent], agent)
    around = {sign for low, high, sign in signs if low <= times[agent] <= high}
    if len(around) > 1:
        return "Any other time it reported would decide the order."
    here = next((k for k, (low, high, _) in enumerate(signs) if low <= times[agent] <= high), None)
    found = []
    if here is not None:
        below = [high for low, high, sign in signs[:here] if sign != signs[here][2]]
        above = [low for low, high, sign in signs[here + 1 :] if sign != signs[here][2]]
        found = [f"below {word(high)}" for high in below[-1:]] + [f"above {word(low)}" for low in above[:1]]
    if not found:
        return "No time it could report would change the order."
    return f"A reported time {' or '.join(found)} would change the order."


def order_by_time(
    one: ValueFunction, two: ValueFunction, known: Fraction, agent: int
) -> list[tuple[Fraction, Fraction, int]]:
    """(from, to, sign) over the times 0 to 1 of one agent, the other's being known; sign 1: agent 1 goes first."""
    found: list[tuple[Fraction, Fraction, int]] = []
    laws = (ANY, sure(known)) if agent == 0 else (sure(known), ANY)
    for part in parts(one, two, laws):
        low, high = part.low[agent], part.high[agent]
        if part.sign != UNSETTLED:
            found.append((low, high, part.sign))
            continue
        name = planes.PLANE.names()[1 - agent]
        difference = planes.univariate((part.first - part.second).subs({name: rational(known)}), agent)
        _, near = rational_roots(difference, low, high)
        for a, b in pairwise([low, *near, high]):
            found.append((a, b, 1 if fraction(difference(rational((a + b) / 2))) > 0 else -1))
    return sorted(found)


def word(value: Any) -> str:
    """A number for people: whole or a short fraction as it is, others to six digits."""
    number = Fraction(exact.parse(value))
    if number.denominator == 1:
        return f"{int(number):,}"
    return str(number) if number.denominator <= 1000 else f"{float(number):,.6g}"
