"""The mechanism: an environment in, transfers, prices and investments out. Source: zhu2021, Section 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.certify import Certificate
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.knapsack import Investment, Knapsack
from mechopt.mechanisms.linked_vcg.market import Market
from mechopt.mechanisms.linked_vcg.ordered import retract, serve
from mechopt.mechanisms.linked_vcg.settlement import Settlement
from mechopt.outcome import Guarantee, Outcome
from mechopt.tasks import Progress

ROUNDING = 1e-12  # relative to the sums behind a transfer: float sums over agents, types and dates


def run(environment: Environment, *, limits: Limits | None = None) -> Outcome:
    """The linked VCG mechanism, all in this process; arguments, result and errors as in `run_tasks`."""
    return run_tasks(environment, limits=limits)


def run_tasks(
    environment: Environment,
    *,
    limits: Limits | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Outcome:
    """The linked VCG mechanism, the agents who are not small on several processes.

    Args:
        environment: stock, types, reports and bounds.
        limits: when to stop searching for the transfer of an agent who is not small.
        workers: processes; the result does not depend on their number unless the limit of seconds is met.
        progress: called as progress(done, total) with the agents who are not small.

    Returns:
        `tables.dates` (prices, investment), `tables.agents` (contribution, both transfers, how they were found), and
        `tables.retracted` where reports were cut. A transfer is what the agent receives at the end of the last date.
        After Ctrl-C in the search its status is "interrupted", and who was not searched has a wide bracket.

    Raises:
        InstanceError: the types are not generic where it matters (condition 2).
        CertificateError: an investment could not be proven efficient.

    Source: zhu2021, Section 4, definition of the linked VCG mechanism; all results are for the retracted reports.
    """
    reports, changed = retract(environment.endowments, environment.lower, environment.upper)
    market = Market(
        knapsack(environment), environment.lower, environment.upper, dates=reports.shape[1],
        discount=environment.discount, limits=limits,
    )  # fmt: skip
    investments = market.allocate_all(reports, names=environment.date_names)
    settlement = market.settle(workers=workers, progress=progress)
    found = outcome_of(environment, environment.date_names, settlement, investments, changed, limits=limits)
    return replace(found, tables={**found.tables, **_retracted(environment, reports, changed)})


def outcome_of(
    terms: Environment,
    dates: Sequence[str],
    settlement: Settlement,
    investments: list[Investment],
    changed: NDArray[np.bool_],
    *,
    limits: Limits | None,
) -> Outcome:
    """The outcome of a market that is settled.

    Args:
        terms: all but the endowments, which are not looked at.
        dates: their names.
        settlement: of the market.
        investments: a date each.
        changed: whether the retraction changed anything; a row an agent.
        limits: of the search.
    """
    return Outcome(
        mechanism="linked_vcg",
        title="",
        status="interrupted" if settlement.interrupted else "settled",
        guarantee=_guarantee(terms, settlement, investments),
        summary=_summary(terms, settlement.contribution, settlement.unlinked, settlement.linked_high, investments),
        tables={"dates": _dates(terms, dates, investments), "agents": _agents(terms, settlement)},
        warnings=_warnings(dates, settlement, investments, changed),
        provenance=_provenance(terms, limits),
    )


def run_unlinked(environment: Environment) -> Outcome:
    """The unlinked VCG mechanism on the same retracted reports: the benchmark the paper compares with.

    Source: zhu2021, Section 4, definition of the unlinked VCG mechanism; no program is solved per agent, because
    what an agent leaves to the others is the date's value less his own.
    """
    reports, changed = retract(environment.endowments, environment.lower, environment.upper)
    solver = knapsack(environment)
    zero = Fraction(0) if environment.arithmetic == "exact" else 0.0
    contribution, unlinked = np.full(len(reports), zero), np.full(len(reports), zero)
    investments, beta, last = [], environment.discount, reports.shape[1] - 1
    for date, name in enumerate(environment.date_names):
        found = solver.invest_reports(reports[:, date], reports[:, date].sum(axis=0), date=name)
        own = serve(reports[:, date], found).own
        contribution = contribution + beta**date * own
        unlinked = unlinked + beta ** (date - last) * (found.value - own)
        investments.append(found)
    agents: dict[str, Any] = {
        "agent": environment.agent_names,
        "contribution": contribution,
        "unlinked_transfer": unlinked,
    }
    summary = _summary(environment, contribution, unlinked, None, investments)
    return Outcome(
        mechanism="linked_vcg",
        title="",
        status="settled",
        guarantee=_guarantee(environment, None, investments),
        summary=summary,
        tables={
            "dates": _dates(environment, environment.date_names, investments),
            "agents": agents,
            **_retracted(environment, reports, changed),
        },
        warnings=_warnings(environment.date_names, None, investments, changed),
        provenance=_provenance(environment, None),
    )


def knapsack(environment: Environment) -> Knapsack:
    """The knapsack of an environment."""
    possible = np.asarray((environment.upper > 0).any(axis=0), dtype=bool)
    return Knapsack(
        environment.stock, environment.types, type_names=environment.type_names,
        resource_names=environment.resource_names, possible=possible,
    )  # fmt: skip


def _summary(
    environment: Environment,
    contribution: NDArray[Any],
    unlinked: NDArray[Any],
    linked: NDArray[Any] | None,
    investments: list[Investment],
) -> dict[str, Any]:
    dates, beta = len(investments), environment.discount
    surplus = sum(beta**date * found.value for date, found in enumerate(investments))
    cost = (unlinked if linked is None else linked).sum()
    return {
        "agents": len(environment.upper),
        "dates": dates,
        "types": len(environment.types),
        "resources": environment.stock.size,
        "surplus": surplus,
        "surplus_of_agents": contribution.sum(),
        "cost_unlinked": unlinked.sum(),
        **({} if linked is None else {"cost_linked": linked.sum()}),
        # Source: Section 2: the cost to the principal is beta^(T-1) 1 W, the date-1 value of what she pays.
        "cost_to_surplus": beta ** (dates - 1) * cost / surplus,
    }


def _dates(environment: Environment, dates: Sequence[str], investments: list[Investment]) -> dict[str, list[Any]]:
    number = (lambda value: value) if environment.arithmetic == "exact" else exact.as_float
    table: dict[str, list[Any]] = {
        "date": list(dates),
        "value": [found.value for found in investments],
        "price": [
            [number(interval.low) for interval in found.price_range] if found.unique_price else None
            for found in investments
        ],
    }
    if not all(found.unique_price for found in investments):
        for name in ("low", "high"):
            table[f"price_{name}"] = [
                [number(getattr(interval, name)) for interval in found.price_range] for found in investments
            ]
    table["investment"] = [found.amount.tolist() for found in investments]
    return table


def _agents(environment: Environment, settlement: Settlement) -> dict[str, Any]:
    return {
        "agent": environment.agent_names,
        "contribution": settlement.contribution,
        "unlinked_transfer": settlement.unlinked,
        "linked_transfer": settlement.linked_high,
        "linked_low": settlement.linked_low,
        "linked_high": settlement.linked_high,
        "method": list(settlement.method),
        "price_invariant": settlement.price_invariant,
        "served_invariant": settlement.served_invariant,
    }


def _retracted(
    environment: Environment, reports: NDArray[Any], changed: NDArray[np.bool_]
) -> Mapping[str, dict[str, Any]]:
    """What the retraction changed, entry by entry; no table where it changed nothing."""
    if not changed.any():
        return {}
    agent, date, kind = np.nonzero(np.asarray(reports != environment.endowments, dtype=bool))
    return {
        "retracted": {
            "agent": np.array(environment.agent_names)[agent].tolist(),
            "date": np.array(environment.date_names)[date].tolist(),
            "type": np.array(environment.type_names)[kind].tolist(),
            "reported": environment.endowments[agent, date, kind].tolist(),
            "used": reports[agent, date, kind].tolist(),
        }
    }


def _guarantee(environment: Environment, settlement: Settlement | None, investments: list[Investment]) -> Guarantee:
    proven = all(isinstance(found.certificate, Certificate) for found in investments)
    worst = max(float(found.certificate.error) for found in investments)
    scale = sum(exact.as_float(found.value) for found in investments) * exact.as_float(environment.discount) ** (
        1 - len(investments)
    )
    width, searched = 0.0, 0
    if settlement is not None:
        width = float(np.max(np.asarray(settlement.linked_high - settlement.linked_low, dtype=np.float64)))
        searched = len(settlement.minima)
    if width > 0:
        return Guarantee(kind="bounded", detail="transfers lie in [linked_low, linked_high]; the upper end is paid",
                         error=width)  # fmt: skip
    if not proven:
        return Guarantee(kind="bounded", detail="investments proven by residuals, not exactly", error=worst)
    if environment.arithmetic == "exact" and not searched:
        return Guarantee(kind="exact", detail="investments, prices and transfers in rational arithmetic")
    detail = "investments and prices by exact certificate; transfers in floats"
    if searched:
        detail += f", {searched} of them by a search that covers every piece, in floats"
    return Guarantee(kind="certified", detail=detail, error=ROUNDING * scale + (1e-8 * scale if searched else 0.0))


def _warnings(
    dates: Sequence[str], settlement: Settlement | None, investments: list[Investment], changed: NDArray[np.bool_]
) -> list[str]:
    lines = []
    if changed.any():
        count = int(changed.any(axis=1).sum())
        lines.append(
            f"the reports of {count} agent{'s' if count > 1 else ''} left their bounds and were retracted; "
            "all results are for the retracted reports"
        )
    several = [name for name, found in zip(dates, investments, strict=True) if not found.unique_price]
    if several:
        lines.append(f"prices are not unique at date {', '.join(several[:10])}; intervals are given")
    if settlement is not None:
        open_ = int(np.sum(np.asarray(settlement.linked_high > settlement.linked_low, dtype=bool)))
        if settlement.interrupted:
            lines.append(f"interrupted before everybody was searched; {open_} transfers are only brackets")
        elif open_:
            lines.append(f"{open_} transfers are known only within a bracket; raise the limits to narrow it")
    return lines


def _provenance(environment: Environment, limits: Limits | None) -> dict[str, Any]:
    limits = limits or Limits()
    return {
        "arithmetic": environment.arithmetic,
        "tie_rule": "agents are served from the last to the first, the principal last",
        "solver": {
            "name": "HiGHS",
            "tolerance": 1e-9,
            "largest_pieces": limits.pieces,
            "seconds_per_agent": limits.seconds,
        },
    }
