"""Why an agent does not take prices as given: which property fails at which date, and by what.

Source: zhu2021, Section 6.1, Properties I and II.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.position import Position
from mechopt.mechanisms.linked_vcg.price_taking import TOLERANCE, kink


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One way in which one property fails at one date.

    Attributes:
        date: its name.
        property: "I" (no report changes the price) or "II" (no report changes whether a type is served).
        type: the partly invested type that shows it; "" where the price is not unique at the truth already, or where
            who is served is not settled because the price is not.
        least: the smallest amount of it invested in that a report of his could lead to, projects.
        most: the largest.
        limit: what these should not reach or enclose: 0, all there is, or what is served before him.
        words: the same in a sentence.
    """

    date: str
    property: Literal["I", "II"]
    type: str
    least: Any
    most: Any
    limit: Any
    words: str


def reasons(environment: Environment, positions: Sequence[Position]) -> list[Reason]:
    """Why an agent is not small, date by date; nothing where he satisfies Properties I and II everywhere.

    Args:
        environment: for the names.
        positions: of the agent, from `positions`.
    """
    return [reason for position in positions for reason in _at_date(environment, position)]


def _at_date(environment: Environment, position: Position) -> Iterator[Reason]:
    investment = position.investment
    partial = investment.geometry.partial
    amount = investment.amount[partial]
    slack = kink(amount, 0 if position.report.dtype == object else TOLERANCE)
    if not investment.unique_price:
        yield Reason(
            date=position.name, property="I", type="", least=0, most=0, limit=0,
            words=f"date {position.name}: the price is not unique even at the reports made",
        )  # fmt: skip
    settled = True
    for place, kind in enumerate(partial.tolist()):
        name, least, most = environment.type_names[kind], position.least[place], position.most[place]
        high, before = position.high[kind], position.before[kind]
        supply = position.supply[place] + position.low[kind]

        def reason(which: Literal["I", "II"], limit: Any, words: str, of: tuple[str, Any, Any]) -> Reason:
            return Reason(
                date=position.name, property=which, type=of[0], least=of[1], most=of[2], limit=limit,
                words=f"date {position.name}: {words}",
            )  # fmt: skip

        of = (name, least, most)
        if not least > slack:
            yield reason(
                "I", 0,
                f"the amount invested in {name}, now {number(amount[place])}, could be driven to 0 by a report, "
                "and then another type would set the price", of,
            )  # fmt: skip
        if kind >= partial.size and not supply - most > slack:
            yield reason(
                "I", supply,
                f"the amount invested in {name}, now {number(amount[place])}, could be driven up to all there is "
                f"({number(supply)} besides the agent's own), and then another type would set the price", of,
            )  # fmt: skip
        if high > 0 and not most <= before + slack and not least >= before + high - slack:
            settled = False
            yield reason(
                "II", before,
                f"whether projects of type {name} are served depends on the report: {number(before)} come before, and "
                f"the amount invested could lie anywhere from {number(max(least, 0))} to "
                f"{number(min(most, supply + high))}", of,
            )  # fmt: skip
    if settled and not position.tested.served_invariant[0]:
        yield Reason(
            date=position.name, property="II", type="", least=0, most=0, limit=0,
            words=f"date {position.name}: where the price can change, so can who is served",
        )  # fmt: skip


def number(value: Any) -> str:
    """A number for a sentence."""
    plain = float(value)
    return f"{plain:,.6g}" if abs(plain) < 1e6 else f"{plain:,.0f}"
