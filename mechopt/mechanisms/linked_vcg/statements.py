"""The statement an agent gets: what he used of his budget, at which prices, what he is paid and why.

In words and as tables. Source: zhu2021, Sections 4 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.certify import Certificate
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.linked import Linked, linked_at
from mechopt.mechanisms.linked_vcg.position import Position, find_agent, positions
from mechopt.mechanisms.linked_vcg.smallness import Reason, number, reasons
from mechopt.outcome import Outcome
from mechopt.program import to_float

SHOWN = 8  # reasons told in words; the table has all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statement:
    """What one agent is told.

    Attributes:
        agent: his name.
        summary: contribution, transfers with their bracket, how they were found, whether he takes prices as given.
        tables: "dates" (price, own payoff, what the others got, which property holds, certificate), "types" (budget
            used against its bounds), "projects" (reported, used, served, and the report that sets the transfer) and
            "reasons" (which property fails where, and by what), each as columns of equal length.
        words: all of it in sentences.
    """

    agent: str
    summary: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Sequence[Any]]]
    words: str

    def __str__(self) -> str:
        return self.words


def statement(
    environment: Environment, agent: int | str, *, outcome: Outcome | None = None, limits: Limits | None = None
) -> Statement:
    """One agent's statement.

    Args:
        environment: the instance.
        agent: name, or place from 0.
        outcome: of `run`; where it is given, the transfers stated are those settled there. The report that sets them
            is looked for afresh either way.
        limits: when to stop looking.

    Raises:
        InstanceError: there is no such agent, or the types are not generic where it matters.
    """
    place = find_agent(environment, agent)
    found = positions(environment, place)
    linked = linked_at(environment, place, found, limits=limits)
    failing = reasons(environment, found)
    summary = _summary(environment, place, found, linked, failing, outcome)
    tables = {
        "dates": _dates(found),
        "types": _types(environment, place, found),
        "projects": _projects(environment, place, found, linked),
        "reasons": {
            name: [getattr(reason, name) for reason in failing]
            for name in ("date", "property", "type", "least", "most", "limit", "words")
        },
    }
    words = "\n".join(_words(environment, place, found, linked, failing, summary))
    return Statement(agent=environment.agent_names[place], summary=summary, tables=tables, words=words)


def explain(environment: Environment, outcome: Outcome, agent: str) -> str:
    """Why an agent gets what he gets, in words.

    Raises:
        InstanceError: there is no such agent.
    """
    return statement(environment, agent, outcome=outcome).words


def _summary(
    environment: Environment,
    place: int,
    found: Sequence[Position],
    linked: Linked,
    failing: Sequence[Reason],
    outcome: Outcome | None,
) -> dict[str, Any]:
    beta = environment.discount
    given: dict[str, Any] = {
        "contribution": sum(beta**date * position.own for date, position in enumerate(found)),
        "unlinked_transfer": linked.unlinked,
        "linked_transfer": linked.high,
        "linked_low": linked.low,
        "linked_high": linked.high,
        "method": linked.method,
    }
    if outcome is not None:
        table = outcome.tables["agents"]
        given |= {name: table[name][place] for name in given if name in table}
    failed = {reason.property for reason in failing}
    return {**given, "price_invariant": "I" not in failed, "served_invariant": "II" not in failed}


def _dates(found: Sequence[Position]) -> dict[str, list[Any]]:
    return {
        "date": [position.name for position in found],
        "price": [
            [exact.as_float(price.low) for price in investment.price_range] if investment.unique_price else None
            for investment in (position.investment for position in found)
        ],
        "value": [position.investment.value for position in found],
        "own_payoff": [position.own for position in found],
        "left_to_others": [position.investment.value - position.own for position in found],
        "weight": [position.weight for position in found],
        "price_invariant": [bool(position.tested.price_invariant[0]) for position in found],
        "served_invariant": [bool(position.tested.served_invariant[0]) for position in found],
        "certificate": [
            "exact" if isinstance(position.investment.certificate, Certificate) else "residuals" for position in found
        ],
    }  # fmt: skip


def _types(environment: Environment, place: int, found: Sequence[Position]) -> dict[str, list[Any]]:
    dates = len(found)
    used = np.asarray(sum(position.report for position in found)) / dates
    served = np.asarray(sum(position.served for position in found)) / dates
    upper = environment.upper[place]
    return {
        "type": environment.type_names,
        "lower": environment.lower[place].tolist(),
        "average_reported": (environment.endowments[place].sum(axis=0) / dates).tolist(),
        "average_used": used.tolist(),
        "upper": upper.tolist(),
        "share_of_budget": [
            float(mine) / float(most) if most > 0 else None for mine, most in zip(used, upper, strict=True)
        ],
        "average_served": served.tolist(),
    }


def _projects(environment: Environment, place: int, found: Sequence[Position], linked: Linked) -> dict[str, list[Any]]:
    """A row a date and type of which he reported, used or could have used something."""
    reported = environment.endowments[place]
    used = np.array([position.report for position in found])
    served = np.array([position.served for position in found])
    rows = np.argwhere(np.asarray((reported > 0) | (used > 0) | (linked.reports > 0), dtype=bool)).tolist()
    return {
        "date": [found[date].name for date, _ in rows],
        "type": [environment.type_names[kind] for _, kind in rows],
        "reported": [reported[date, kind] for date, kind in rows],
        "used": [used[date, kind] for date, kind in rows],
        "served": [served[date, kind] for date, kind in rows],
        "least_left_to_others": [float(linked.reports[date, kind]) for date, kind in rows],
    }


def _words(
    environment: Environment,
    place: int,
    found: Sequence[Position],
    linked: Linked,
    failing: Sequence[Reason],
    summary: Mapping[str, Any],
) -> Iterator[str]:
    name, unit = environment.agent_names[place], f" {environment.units}" if environment.units else ""
    low, high = float(summary["linked_low"]), float(summary["linked_high"])
    yield f"Agent {name} receives {number(high)}{unit} at the end of date {found[-1].name}."
    yield (
        f"Own contribution: {number(summary['contribution'])}{unit} (value at the first date). The others' projects "
        f"were worth {number(summary['unlinked_transfer'])}{unit} at the end; the unlinked mechanism would pay all "
        "of that. The linked one takes off the least that any report within this agent's bounds would have left to the "
        f"others, {number(linked.left)}{unit}."
    )
    if summary["method"] == "price_taking":
        yield (
            "This agent takes prices as given: no report within the bounds changes a price, or whether a type is "
            "served. So the transfer is in closed form (Lemma 6): the whole budget of each type at the date where "
            "one more project would displace most, less what the projects served did displace."
        )
    elif high > low:
        yield (
            "This agent's reports can move prices or service. The search of all reports within the bounds was cut off; "
            f"the transfer is proven to lie between {number(low)} and {number(high)}, and the upper end is paid."
        )
    else:
        yield (
            "This agent's reports can move prices or service, so all reports within the bounds were searched; the "
            "transfer is proven."
        )
    yield from _budget_words(environment, place, found)
    yield from _price_words(environment, found)
    if failing:
        yield "Why this agent is not small:"
        yield from (f"  Property {reason.property}, {reason.words}." for reason in failing[:SHOWN])
        if len(failing) > SHOWN:
            yield f"  and {len(failing) - SHOWN} more reasons, in the table."
    proven = sum(isinstance(position.investment.certificate, Certificate) for position in found)
    yield f"Certificates: the investments of {proven} of {len(found)} dates are proven efficient, in rational numbers."


def _budget_words(environment: Environment, place: int, found: Sequence[Position]) -> Iterator[str]:
    dates = len(found)
    used = to_float(np.asarray(sum(position.report for position in found))) / dates
    reported = to_float(environment.endowments[place]).sum(axis=0) / dates
    low, high = to_float(environment.lower[place]), to_float(environment.upper[place])
    yield "Budget, average over the dates:"
    for kind, name in enumerate(environment.type_names):
        if high[kind] > 0:
            cut = ""
            if abs(reported[kind] - used[kind]) > 1e-9 * (reported[kind] + used[kind]):
                cut = f", retracted from {number(reported[kind])}"
            yield (
                f"  {name}: {number(used[kind])} of at least {number(low[kind])} and at most {number(high[kind])} "
                f"({used[kind] / high[kind]:.0%}){cut}"
            )


def _price_words(environment: Environment, found: Sequence[Position]) -> Iterator[str]:
    """Equal prices are told once; where they differ, the lowest and the highest."""
    unique = [position for position in found if position.investment.unique_price]
    if len(unique) < len(found):
        names = ", ".join(position.name for position in found if not position.investment.unique_price)
        yield f"Prices are not unique at date {names}; intervals are in the result's table of dates."
    if not unique:
        return
    yield "Prices, payoff per unit of resource:"
    for place, name in enumerate(environment.resource_names):
        prices = [exact.as_float(position.investment.price_range[place].low) for position in unique]
        least, most = min(prices), max(prices)
        at = unique[prices.index(most)].name
        change = f" to {number(most)} (at date {at})" if most > least else " at every date"
        yield f"  {name}: {number(least)}{change}"
