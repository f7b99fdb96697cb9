"""The table [design] of a linked VCG document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from mechopt import exact
from mechopt.instance import Document
from mechopt.mechanisms.linked_vcg.environment import LARGEST, Environment
from mechopt.mechanisms.linked_vcg.laws import Laws, from_records, from_reports
from mechopt.mechanisms.linked_vcg.widths import Bound

FRONTIER = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
USUAL_DELTA = 0.05
LARGEST_DELTA = 0.5  # beyond, the tails are not convex, and nobody would call it confidence
MOST_DATES = 10_000


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [design].

    Attributes:
        delta: the largest probability that any agent's average leaves its bounds; 0.05 where nothing else is said.
        conjecture: in its place: what each agent should at most have to fear of the others; needs a tolerance.
        tolerance: epsilon, the payoff that nobody bothers about.
        dates: numbers of dates to link, of which the cheapest is chosen; the document's own by default.
        bound: on the tails of averages.
        sides: "upper" bounds only, "both", or "auto": lower ones only for agents for whom they can matter.
        headroom: endowments may exceed the largest observed by this factor.
        distributions: of one date's endowments, in place of the document's reports.
        frontier: the deltas of the cost frontier.
        windows: into how many budgets that expire the dates may be split.
        transfers: on the document's own reports under the new bounds: "computed", as `solve` does, or "bracketed"
            between closed forms, where there are many large agents.
    """

    delta: Any = None
    conjecture: Any = None
    tolerance: Any = None
    dates: list[int] | None = None
    bound: Literal["hoeffding", "bernstein", "normal"] = "hoeffding"
    sides: Literal["auto", "upper", "both"] = "upper"
    headroom: Any = 1
    distributions: Any = None
    frontier: Any = None
    windows: list[int] | None = None
    transfers: Literal["computed", "bracketed"] = "computed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A [design] table, read: see `Table`; `laws` is what is known of endowments."""

    delta: float | None
    conjecture: float | None
    tolerance: float | None
    dates: list[int]
    bound: Bound
    sides: str
    frontier: list[float]
    windows: list[int] | None
    transfers: str
    laws: Laws


def read(environment: Environment, document: Document) -> Asked:
    """The document's [design] table.

    Raises:
        InstanceError: names the key at fault.
    """
    table = document.section("design", Table)
    delta = _between(document, table.delta, "design.delta", LARGEST_DELTA)
    conjecture = _between(document, table.conjecture, "design.conjecture", 1.0)
    tolerance = None
    if table.tolerance is not None:
        tolerance = float(document.number(table.tolerance, "design.tolerance", positive=True))
    if delta is not None and conjecture is not None:
        raise document.error("give delta or conjecture, not both: one follows from the other", "design")
    if conjecture is not None and tolerance is None:
        raise document.error("is missing; a conjecture is believable only for a tolerance", "design.tolerance")
    dates = [environment.endowments.shape[1]] if table.dates is None else table.dates
    for key, counts in (("dates", dates), ("windows", [1] if table.windows is None else table.windows)):
        if not counts or not all(1 <= count <= MOST_DATES for count in counts):
            raise document.error(f"must be a list of whole numbers from 1 to {MOST_DATES}", f"design.{key}")
    uneven = [count for count in table.windows or [] if environment.endowments.shape[1] % count]
    if uneven:
        raise document.error(f"{uneven[0]} does not divide the {environment.endowments.shape[1]} dates",
                             "design.windows")  # fmt: skip
    deltas = list(FRONTIER) if table.frontier is None else table.frontier
    if not isinstance(deltas, list):
        raise document.error("must be a list of deltas", "design.frontier")
    levels = [
        _between(document, value, f"design.frontier[{place}]", LARGEST_DELTA) for place, value in enumerate(deltas, 1)
    ]
    headroom = float(document.number(table.headroom, "design.headroom", minimum=1))
    reached = max(1.0, exact.as_float(environment.endowments.max()))
    if not headroom <= LARGEST / reached:
        raise document.error(f"is so large that endowments could be above {LARGEST:g}", "design.headroom")
    return Asked(
        delta=USUAL_DELTA if delta is None and conjecture is None else delta,
        conjecture=conjecture, tolerance=tolerance,
        dates=sorted(set(dates)), bound=table.bound, sides=table.sides, windows=table.windows,
        transfers=table.transfers,
        frontier=sorted({level for level in levels if level is not None}),
        laws=from_reports(environment.endowments, headroom=headroom) if table.distributions is None
        else from_records(table.distributions, environment, document, "design.distributions"),
    )  # fmt: skip


def _between(document: Document, value: Any, key: str, most: float) -> float | None:
    if value is None:
        return None
    number = float(document.number(value, key, positive=True))
    if not number <= most:
        raise document.error(f"must be at most {most:g}, not {number:g}", key)
    return number
