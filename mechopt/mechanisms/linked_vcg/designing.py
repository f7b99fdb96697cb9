"""The verb `design`: dates and bounds for a confidence level, what they cost, and what else would. Source: zhu2021."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.linked_vcg.brackets import bracket
from mechopt.mechanisms.linked_vcg.confidence import believable, largest_delta
from mechopt.mechanisms.linked_vcg.design_table import Asked, read
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.laws import Laws
from mechopt.mechanisms.linked_vcg.mechanism import run
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.mechanisms.linked_vcg.planning import Aim, Plan, Scenario, plan
from mechopt.mechanisms.linked_vcg.widths import PROVEN
from mechopt.mechanisms.linked_vcg.windows import Windowed, windowed
from mechopt.outcome import Guarantee, Outcome
from mechopt.program import to_float

Progress = Callable[[int, int], object]
LEAST_DELTA = 1e-12  # for the windows of a plan whose bounds are all at the ends of the supports
MOST_WINDOWS = 12


def design(
    environment: Environment, document: Document, *, seed: int = 0, workers: int = 1, progress: Progress | None = None
) -> Outcome:
    """Dates and bounds that reach a confidence level at the least expected cost.

    Args:
        environment: stock, types, and reports that show prices, and, without distributions, what agents have.
        document: with the table [design], see `Table`.
        seed: nothing is drawn.
        workers: everything happens here.
        progress: called as progress(done, total).

    Returns:
        `tables.bounds` (a document can read it), `agents` (probability, payoff bound), `frontier` (cost by delta),
        `dates` (cost by number of dates linked), `windows` (cost of budgets that expire, and of caps at each date).
        Costs are in date-1 value, as the paper's C.

    Raises:
        InstanceError: names the key at fault.
    """
    del seed, workers
    asked = read(environment, document)
    laws = asked.laws
    scenario = Scenario.of(environment)
    steps = len(asked.dates) + len(asked.frontier) + 2
    report = progress or (lambda _done, _total: None)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        report(done, steps)

    report(0, steps)
    try:
        aim = _aim(asked, np.ones(len(laws.mean), dtype=np.intp))
        if asked.sides == "both":
            aim = replace(aim, sides=np.full(len(laws.mean), 2))
        plans, failed = [], []
        for dates in asked.dates:
            try:
                plans.append(plan(scenario, laws, dates, aim))
            except InstanceError as error:  # too many dates for the tolerance: others may do
                failed.append((dates, error))
            step()
        if not plans:
            raise failed[0][1]
        chosen = min(plans, key=lambda found: (found.expected.ratio, found.dates))
        if asked.sides == "auto":
            aim = replace(aim, sides=_sides(scenario, chosen))
            if aim.sides.max() > 1:
                chosen = plan(scenario, laws, chosen.dates, aim)
        step()
        frontier = []
        for delta in asked.frontier:
            frontier.append(plan(scenario, laws, chosen.dates, replace(aim, delta=delta, conjecture=None)))
            step()
        windows = _windows(scenario, laws, asked, chosen, aim)
    except InstanceError as error:
        raise error.at(file=document.path) from None
    step()
    left_out = [f"{dates} dates cannot reach the aim: {error.problem}" for dates, error in failed]
    return _outcome(scenario, laws, asked, chosen, (plans, frontier, windows), left_out)


def _aim(asked: Asked, sides: Any) -> Aim:
    return Aim(bound=asked.bound, delta=asked.delta, conjecture=asked.conjecture, tolerance=asked.tolerance,
               sides=sides)  # fmt: skip


def _sides(scenario: Scenario, chosen: Plan) -> Any:
    """2 where a lower bound can matter: several resources, and the agent does not take prices as given."""
    needed = ~chosen.takers & (scenario.types.shape[1] > 1)
    return np.where(needed, 2, 1)


def _outcome(
    scenario: Scenario,
    laws: Laws,
    asked: Asked,
    chosen: Plan,
    others: tuple[Sequence[Plan], Sequence[Plan], Sequence[Windowed]],
    left_out: list[str],
) -> Outcome:
    environment = scenario.environment
    plans, frontier, windows = others
    realised = _realised(scenario, asked, chosen)
    return Outcome(
        mechanism="linked_vcg", title="", status="designed",
        guarantee=_guarantee(asked, laws, chosen),
        summary=_summary(scenario, laws, asked, chosen, realised),
        tables={
            "bounds": _bounds(environment, laws, chosen),
            "agents": _agents(environment, chosen, realised),
            "frontier": {"delta": asked.frontier, **_rows(frontier)},
            "dates": _rows(plans),
            "windows": {
                "windows": [found.windows for found in windows],
                "dates_each": [chosen.dates // found.windows for found in windows],
                "cost": [found.cost for found in windows],
                "cost_with_caps": [found.capped for found in windows],
                "price_takers": [found.takers for found in windows],
                "price_takers_with_caps": [found.takers_capped for found in windows],
            },
        },
        warnings=[*left_out, *_warnings(asked, laws, chosen)],
        provenance={"solver": {"name": "multiplier of a separable convex program, with its dual bound"},
                    "tie_rule": "of equally cheap numbers of dates the smallest"},
    )  # fmt: skip


def _summary(
    scenario: Scenario, laws: Laws, asked: Asked, chosen: Plan, realised: dict[str, Any] | None
) -> dict[str, Any]:
    agents, delta = len(chosen.upper), float(chosen.delta.sum())
    summary: dict[str, Any] = {
        "dates": chosen.dates,
        "delta": delta,
        "bound": asked.bound,
        "agents_with_lower_bounds": int((chosen.lower > 0).any(axis=1).sum()),
        "width_cost": chosen.expected.width,
        "timing_cost": chosen.expected.timing,
        "cost": chosen.expected.cost,
        "surplus": chosen.expected.surplus,
        "cost_to_surplus": chosen.expected.ratio,
        "price_takers": float(chosen.takers.mean()),
        "bounds_at_end_of_support": int((chosen.widths.saturated & (laws.deviation.ravel() > 0)).sum()),
        "width_cost_gap": chosen.widths.gap,
        "largest_payoff": float(chosen.payoff_bound.max()),
    }
    if asked.tolerance is not None:
        limit = scenario.payoffs.horizon(chosen.dates, scenario.discount)
        summary["conjecture"] = chosen.conjecture
        summary["conjecture_as_printed"] = believable(
            delta, tolerance=asked.tolerance, payoff_bound=limit, agents=agents
        )
        summary["largest_delta_as_printed"] = (
            largest_delta(tolerance=asked.tolerance, payoff_bound=limit, agents=agents)
            if agents > 1
            else min(1.0, asked.tolerance / limit)
        )
    if realised is not None:
        summary |= {
            f"{name}_on_reports": float(realised[name].sum()) for name in ("unlinked", "linked_low", "linked_high")
        }
    return summary


def _realised(scenario: Scenario, asked: Asked, chosen: Plan) -> dict[str, Any] | None:
    """The transfers on the document's own reports, date-1 value; None where the plan links another number of dates."""
    dates = scenario.reports.shape[1]
    if chosen.dates != dates:
        return None
    bounded = replace(
        scenario.environment, endowments=scenario.reports, lower=chosen.lower, upper=chosen.upper,
        types=scenario.types, stock=to_float(scenario.environment.stock), discount=scenario.discount,
        arithmetic="float",
    )  # fmt: skip
    if asked.transfers == "computed":
        agents = run(bounded).tables["agents"]
        last = scenario.discount ** (dates - 1)
        return {
            "contribution": agents["contribution"],
            "unlinked": last * np.asarray(agents["unlinked_transfer"]),
            "linked_low": last * np.asarray(agents["linked_low"]),
            "linked_high": last * np.asarray(agents["linked_high"]),
        }
    reports, changed = retract(scenario.reports, chosen.lower, chosen.upper)
    if changed.any():
        scenario = Scenario.of(replace(bounded, endowments=reports))
    budget = dates * chosen.upper
    found = bracket(scenario.rewards(budget), budget, reports.sum(axis=1), discount=scenario.discount)
    return {
        "contribution": found.own,
        "unlinked": found.unlinked,
        "linked_low": found.linked_low,
        "linked_high": found.linked_high,
    }


def _bounds(environment: Environment, laws: Laws, chosen: Plan) -> dict[str, Any]:
    """One row a pair that can have projects at all."""
    agent, kind = np.nonzero(laws.high > 0)
    pair = agent * laws.mean.shape[1] + kind
    agents, kinds = environment.agent_names, environment.type_names
    return {
        "agent": [agents[place] for place in agent],
        "type": [kinds[place] for place in kind],
        "mean": laws.mean[agent, kind],
        "lower": chosen.lower[agent, kind],
        "upper": chosen.upper[agent, kind],
        "delta": chosen.widths.tail[pair],
    }


def _agents(environment: Environment, chosen: Plan, realised: dict[str, Any] | None) -> dict[str, Any]:
    table: dict[str, Any] = {
        "agent": environment.agent_names,
        "delta": chosen.delta,
        "payoff_bound": chosen.payoff_bound,
        "price_taker": chosen.takers,
    }
    if realised is not None:
        table |= realised
    return table


def _rows(plans: Sequence[Plan]) -> dict[str, Any]:
    return {
        "dates": [found.dates for found in plans],
        "delta_kept": [float(found.delta.sum()) for found in plans],
        "conjecture": [found.conjecture for found in plans],
        "width_cost": [found.expected.width for found in plans],
        "timing_cost": [found.expected.timing for found in plans],
        "cost": [found.expected.cost for found in plans],
        "cost_to_surplus": [found.expected.ratio for found in plans],
        "price_takers": [float(found.takers.mean()) for found in plans],
    }


def _windows(scenario: Scenario, laws: Laws, asked: Asked, chosen: Plan, aim: Aim) -> list[Windowed]:
    """Splits of the document's own dates; none where the plan links another number of dates."""
    dates = scenario.reports.shape[1]
    if chosen.dates != dates:
        return []
    counts = asked.windows or [count for count in range(1, min(dates, MOST_WINDOWS) + 1) if dates % count == 0]
    return [windowed(scenario, laws, aim, max(float(chosen.delta.sum()), LEAST_DELTA), count) for count in counts]


def _guarantee(asked: Asked, laws: Laws, chosen: Plan) -> Guarantee:
    """What the level and the widths are worth; the expected cost is named an estimate in the same line."""
    widths = "widths cheapest by a dual bound for the stated worth of each project; expected costs are estimates"
    if asked.bound not in PROVEN:
        return Guarantee(kind="approximate", error=chosen.widths.gap,
                         detail=f"delta by the central limit theorem, not proven; {widths}")  # fmt: skip
    support = "the supports of what was observed" if laws.observed else "the given distributions"
    return Guarantee(
        kind="bounded", error=chosen.widths.gap,
        detail=f"delta proven by {asked.bound} for dates that are independent with the same mean, within {support}; "
        f"{widths}",
    )  # fmt: skip


def _warnings(asked: Asked, laws: Laws, chosen: Plan) -> list[str]:
    lines = []
    if laws.observed:
        lines.append(
            f"means and supports come from the {laws.observed} dates of the document; the level counts the error of "
            "the means, but holds only while endowments stay within those supports (headroom widens them)"
        )
    if float(chosen.takers.mean()) < 1:
        share = 1 - float(chosen.takers.mean())
        lines.append(f"{share:.1%} of the agents do not take prices as given at every date; their part of the expected "
                     "cost is as if they did")  # fmt: skip
    if asked.sides == "upper" and float(chosen.takers.mean()) < 1 and chosen.upper.shape[1] > 0:
        lines.append('where there are several resources, lower bounds can save a little for them: sides = "auto"')
    if asked.tolerance is not None and chosen.conjecture is None:
        lines.append("no conjecture below 1 is believable at this delta: aim at a conjecture instead, link fewer "
                     "dates, or raise the tolerance")  # fmt: skip
    return lines
