"""The searches of one settlement: an agent each, independent, here or on other processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mechopt import tasks
from mechopt.mechanisms.linked_vcg.inner import Limits, Minimum, least_left_to_others, unsearched
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.pieces import Date, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Search:
    """What `least_left_to_others` needs of one agent.

    Attributes:
        dates: his view of each date searched.
        charge: cost of a project reported at any of them, payoff, shape (types,).
        budget: least and largest sum of the reports over them, shape (types,) each.
    """

    dates: Sequence[Date]
    charge: Floats
    budget: tuple[Floats, Floats]


def search_all(
    knapsack: Knapsack,
    searches: Sequence[Search],
    *,
    limits: Limits | None = None,
    workers: int = 1,
    progress: tasks.Progress | None = None,
) -> tuple[list[Minimum], bool]:
    """What each agent can leave to the others at least, in the order of the searches.

    Returns:
        The brackets, and whether Ctrl-C ended the work: what was not searched then is bracketed without a search.
    """
    found: dict[int, Minimum] = {}
    if not searches:
        return [], False
    try:
        with tasks.pool(min(workers, len(searches))) as executor:
            tasks.run(
                partial(_search, knapsack, limits), searches, executor=executor, progress=progress, finished=found
            )
    except tasks.Interrupted:
        rest = [found[k] if k in found else unsearched(knapsack, one.dates, one.charge)
                for k, one in enumerate(searches)]  # fmt: skip
        return rest, True
    return [found[k] for k in range(len(searches))], False


def _search(knapsack: Knapsack, limits: Limits | None, search: Search) -> Minimum:
    return least_left_to_others(knapsack, search.dates, search.charge, search.budget, limits=limits)
