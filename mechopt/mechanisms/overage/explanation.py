"""Why an account gets what it gets, in words: who is short, what covers it, what would change it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.clearing import CLAIMS_RULES, as_exact, clear
from mechopt.mechanisms.overage.environment import Environment
from mechopt.outcome import Outcome


def explain(environment: Environment, outcome: Outcome, agent: str) -> str:
    """An account's settlement in words.

    Args:
        environment: the period.
        outcome: its settlement.
        agent: the account's name.

    Raises:
        InstanceError: there is no such account.
    """
    if agent not in environment.account:
        from mechopt.catalog import nearest

        raise InstanceError(f"there is no account {agent!r}{nearest(agent, environment.account)}", key="accounts")
    j = environment.account.index(agent)
    row = {name: column[j] for name, column in outcome.tables["accounts"].items()}
    units = f" {environment.units}" if environment.units else ""
    lines = [f"{agent} is entitled to {_word(row['entitlement'])}{units} and claims {_word(row['claim'])}."]
    if _exact(row["overage"]) == 0:
        lines += _below(row, outcome, units)
    else:
        lines += _above(environment, row, outcome, units)
        if environment.network is None:
            lines.append(_one_more(environment, j, row, units))
    return "\n".join(lines)


def _below(row: dict[str, Any], outcome: Outcome, units: str) -> list[str]:
    lines = [
        f"It claims no more than its entitlement, so it gets its claim, {_word(row['payoff'])}, whatever others do."
    ]
    if _exact(row["slack"]) > 0:
        lines.append(f"It leaves {_word(row['slack'])}{units} of slack, which cover the others' overage.")
    if "rebate" in row and _exact(row["rebate"]) > 0:
        lines.append(f"Of that, {_word(row['rebate'])} were not needed and come back to it.")
    return lines


def _above(environment: Environment, row: dict[str, Any], outcome: Outcome, units: str) -> list[str]:
    summary = outcome.summary
    lines = [f"It is over by {_word(row['overage'])}{units}; {_word(row['coverage'])} of it are covered, "
             f"so it gets {_word(row['payoff'])}."]  # fmt: skip
    over, under = _word(summary["overage_total"]), _word(summary["slack_total"])
    if environment.network is not None:
        pools = [
            f"{_word(flow)} from {pool}"
            for pool, account, flow in zip(*outcome.tables["flows"].values(), strict=True)
            if account == row["account"] and _exact(flow) > 0
        ]
        lines.append("Covered by " + (", ".join(pools) or "nothing: it may draw on no pool with slack") + ".")
        if _exact(row["residual"]) > 0:
            lines.append(
                f"It was settled in round {row['stage']} of the max-min: the pools it may draw on are used up by "
                "accounts with no larger share."
            )
    elif summary["region"] == "X>I":
        how = _how(environment)
        lines.append(
            f"All accounts together are over by {over} and leave {under} of slack, so slack is short: it is {how}."
        )
    else:
        lines.append(f"All accounts together are over by {over} and leave {under} of slack: there is enough for all.")
    if _exact(row["residual"]) > 0:
        penalty = f", at a penalty of {_word(row['penalty'])}" if environment.penalty else ""
        lines.append(f"{_word(row['residual'])} stay uncovered{penalty}.")
    if environment.rounding != "none":
        lines.append(
            f"Whole units are dealt out by {environment.rounding.replace('_', ' ')}; ties go to the earlier account."
        )
    return lines


def _how(environment: Environment) -> str:
    if environment.rule in ("linear", "rebate"):
        return "shared in proportion to overage"
    if environment.rule in CLAIMS_RULES:
        weighted = "" if environment.weight is None else "weighted "
        return f"shared by the {weighted}{environment.rule.replace('_', ' ')} rule"
    capped = ", nobody above the overage" if environment.rule == "capped_power" else ""
    return f"shared in proportion to overage to the power {exact.show(environment.alpha)}{capped}"


def _one_more(environment: Environment, j: int, row: dict[str, Any], units: str) -> str:
    """What a claim of one unit less or more would give, all else equal, without rounding."""
    held, asked = as_exact(environment.entitlement), as_exact(environment.claim)
    try:
        now = _paid(environment, held, asked, j)
        found = []
        for step in (-1, 1):
            other = asked.copy()
            other[j] = max(asked[j] + step, 0)
            found.append(_paid(environment, held, other, j) - now)
    except InstanceError:
        return "What another claim would give cannot be written as a fraction here; solve with that claim to see it."
    less, more = (_word(abs(change)) for change in found)
    sign = "" if found[1] >= 0 else "a loss of "
    return (
        f"Claiming one unit less would cost it {less}, one more would bring {sign}{more} "
        "(all else equal, before rounding and penalty)."
    )


def _paid(environment: Environment, held: Any, asked: Any, j: int) -> Any:
    cleared = clear(held, asked, **environment.sharing)
    return Fraction(cleared.payoff[j])


def _exact(value: Any) -> int | Fraction:
    return exact.parse(value.item() if hasattr(value, "item") else value)


def _word(value: Any) -> str:
    """A number for people: whole numbers and simple fractions as they are, others to six digits."""
    number = _exact(value)
    if isinstance(number, int):
        return f"{number:,}"
    if number.denominator <= 1000:
        return str(number)
    return f"{exact.as_float(number):,.6g}"
