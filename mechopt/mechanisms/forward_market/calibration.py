"""What a designer asks for in [design]: a tariff, or holdings, with its worth. Source: liu2020, Sections 4 and 5."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.certify import Certificate
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.instance import Document
from mechopt.mechanisms.forward_market import smooth
from mechopt.mechanisms.forward_market.anticipated import Prospect, prospect_of
from mechopt.mechanisms.forward_market.bands import bootstrap, samples_of
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.holdings import best, interior
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.mechanism import tariff_table
from mechopt.mechanisms.forward_market.polish import polished
from mechopt.mechanisms.forward_market.schedule import Design, Programs
from mechopt.mechanisms.forward_market.second_best import second_best
from mechopt.mechanisms.forward_market.settlement import balance_certificate, no_free_lunch
from mechopt.mechanisms.forward_market.trade import Trade, least_trade
from mechopt.mechanisms.forward_market.trust import trust
from mechopt.mechanisms.forward_market.uncertainty import best_holdings
from mechopt.mechanisms.forward_market.wishes import Section, limits, read
from mechopt.outcome import Guarantee, Outcome

Floats = NDArray[np.float64]
TARIFFS = ("least_subsidy", "margin", "smooth", "smooth_squares")
AT_THE_DOCUMENTS_DEMANDS = ("surplus", "least_trade", "second_best", "bands")  # "robustness" says so itself
EXACTLY = "the vertex of the optimal basis in rational arithmetic"
GENEROUS = 1.25  # times the least subsidy, where [design] names none


def design(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """The tariff or the holdings that the document's [design] table asks for.

    Args:
        environment: the instance.
        document: with [design].
        seed: of the resamples (bands).
        workers: processes (bands).
        progress: called as progress(done, total).

    Raises:
        InstanceError: the table is wrong, or nothing satisfies it.
    """
    section = read(document)
    try:
        if section.goal in TARIFFS:
            outcome = _tariff(environment, document, section)
        elif section.goal == "second_best":
            outcome = _second_best(environment, section)
        elif section.goal == "bands":
            outcome = _bands(environment, document, section, seed, workers, progress)
        elif section.goal == "robustness":
            outcome = trust(environment, document, section)
        else:
            outcome = _holdings(environment, document, section)
    except InstanceError as error:
        raise error.at(file=document.path) from None
    if environment.anticipated and section.goal in AT_THE_DOCUMENTS_DEMANDS:
        line = (
            f'"{section.goal}" is for the document\'s demands (a factor of 1), not for the mean over anticipated states'
        )
        outcome = replace(outcome, warnings=[*outcome.warnings, line])
    if progress is not None and section.goal != "bands":
        progress(1, 1)
    return outcome


def _tariff(environment: Environment, document: Document, section: Section) -> Outcome:
    market = prospect_of(environment)
    programs = Programs(market)
    found = programs.least_subsidy()
    if section.goal != "least_subsidy":
        limit = found.subsidy * GENEROUS
        if section.subsidy is not None:
            limit = exact.as_float(document.number(section.subsidy, "design.subsidy", minimum=0))
        methods: dict[str, Callable[[float], Design]] = {
            "margin": programs.widest_margin,
            "smooth": programs.smoothest,
            "smooth_squares": partial(smooth.design, programs),
        }
        found = methods[section.goal](limit)
    forward = Forward(market, found.tariff)
    worst = max(forward.best_deviations(), key=lambda one: one.bound)
    crossing = forward.single_crossing()
    named = {
        "margin": {"margin": found.level},
        "smooth": {"steepness": found.level},
        "smooth_squares": {"rises": found.level},
    }.get(section.goal, {})
    agents: dict[str, Any] = {
        "agent": list(environment.name),
        "endowment": environment.endowments,
        "holding": forward.holding,
        "forward_payment": forward.payments(),
    }
    return Outcome(
        mechanism="forward_market",
        title="",
        status="optimal",
        guarantee=_certified(found),
        summary={
            "goal": section.goal,
            "subsidy": found.subsidy,
            **named,
            "subsidy_lower_bound": balance_certificate(market).deficit,
            "no_free_lunch_slack": no_free_lunch(market, forward),
            "best_deviation_gain": worst.gain,
            "best_deviation_bound": worst.bound,
            "single_crossing_margin": crossing.margin,
            "worst_off_type": market.price,
        },
        tables={"tariff": tariff_table(found.tariff), "agents": agents},
        checks=_checks(found, market.high),
        warnings=_tariff_warnings(market, found),
        provenance={"solver": {"name": "HiGHS", "tolerance": 1e-9}, "knots": len(found.tariff.knots)},
    )  # fmt: skip


def _tariff_warnings(market: Prospect, found: Design) -> list[str]:
    lines = []
    if found.subsidy > 1e-12 * market.high:
        lines.append(
            f"the forward market pays out {found.subsidy:.6g} on balance; `solve` shows the fees that make up for it"
        )
    if found.tariff.prices[0] < 0:
        lines.append("large sales have a price below 0: units sold are worth nothing there, and a margin is asked for")
    return lines


def _checks(found: Design, high: float) -> list[Finding]:
    if found.certificate is None:  # squares of prices in units of the high end
        return polished(
            found.solved, found.optimum, found.gap, 1.0, "least squares on the tight constraints", left=1e-6
        )
    return polished(found.solved, found.optimum, found.gap, high, EXACTLY)


def _certified(found: Design) -> Guarantee:
    if isinstance(found.certificate, Certificate):
        return Guarantee(kind="certified", detail="optimal block tariff on these knots: basis checked in rationals; "
                         "no agent gains anywhere, between the knots too")  # fmt: skip
    if found.certificate is None:
        return Guarantee(
            kind="bounded",
            detail="smoothest block tariff on these knots: squared rises of the price against a bound by multipliers, "
            "in units of the high end; no agent gains anywhere",
            error=found.gap,
        )
    return found.certificate.guarantee("block tariff on these knots")


def _holdings(environment: Environment, document: Document, section: Section) -> Outcome:
    market = Market(environment)
    allowed = limits(environment, document, section)
    endowment = environment.endowments
    summary: dict[str, Any] = {"goal": section.goal}
    tables: dict[str, dict[str, Any]] = {}
    warnings: list[str] = []
    checks: list[Finding] = []
    guarantee = Guarantee(kind="approximate", detail="a scalar root of the dual, exact to rounding; surplus by "
                          "polynomials with their truncation", error=market.error)  # fmt: skip
    if section.goal == "surplus":
        found = best(market, allowed) if section.corners else interior(market, allowed)
        holding = found.holding
        summary |= {"surplus": found.surplus, "price": None if np.isnan(found.price) else found.price,
                    "corners": [environment.name[agent] for agent in found.corners]}  # fmt: skip
        if not found.complete:
            warnings.append("of so many agents only sets of at most two corners were tried")
    elif section.goal == "least_trade":
        trade, warnings = _traded(market, document, section)
        holding = trade.holding
        summary |= {"surplus": trade.surplus, "volume": trade.volume}
    else:
        robust = best_holdings(environment, "mean" if section.goal == "mean_state" else "worst", allowed)
        holding = robust.holding
        operates = bool(min(robust.surplus) >= -market.error)
        summary |= {"surplus": robust.value, "bound": robust.bound, "operates_in_every_state": operates}
        tables["states"] = {
            "state": [state.name for state in environment.states],
            "probability": [float(state.probability) for state in environment.states],
            "surplus": list(robust.surplus),
        }
        if section.goal == "worst_state" and robust.bound < -market.error:
            warnings.append("no holdings below the demands let the spot market operate in every state (bound below 0)")
        checks = polished(robust.programme, robust.value, robust.bound - robust.value, market.high,
                          "a scalar root, with the tangents at it as bound,")  # fmt: skip
        guarantee = Guarantee(kind="bounded", detail="a scalar root, bounded by its own tangents",
                              error=robust.bound - robust.value + market.error)  # fmt: skip
    tables = {
        "agents": {
            "agent": list(environment.name),
            "demand": market.demand,
            "endowment": endowment,
            "holding": holding,
            "bought": holding - endowment,
            "worst_off_type": market.worst_off_types(holding),
        },
        **tables,
    }
    summary |= {"surplus_at_endowment": market.surplus(endowment), "surplus_at_common": market.surplus_at_common,
                "traded": float(np.abs(holding - endowment).sum()) / 2}  # fmt: skip
    return Outcome(mechanism="forward_market", title="", status="optimal", guarantee=guarantee, summary=summary,
                   tables=tables, checks=checks, warnings=warnings,
                   provenance={"method": market.interim.method})  # fmt: skip


def _traded(market: Market, document: Document, section: Section) -> tuple[Trade, list[str]]:
    """The least trade, and what it leaves out."""
    floor = exact.as_float(document.number(section.surplus, "design.surplus"))
    found, lines = least_trade(market, floor, corners=section.corners), []
    if not section.corners and found.volume and np.any(market.environment.endowments > market.demand):
        lines.append(
            "who owns more than he can use sells the rest; with corners = true he may keep it, and less may be enough"
        )
    if not found.complete:
        lines.append("many agents own more than they can use: not every set of them was tried as keeping it")
    return found, lines


def _second_best(environment: Environment, section: Section) -> Outcome:
    market = Market(environment)
    holding = environment.endowments if section.holdings == "endowment" else market.common.holding
    found = second_best(environment, holding, types=section.types)
    outside = float(np.minimum(holding, market.demand) @ found.types.mean(axis=1))
    certificate = found.certificate
    return Outcome(
        mechanism="forward_market",
        title="",
        status="optimal",
        guarantee=certificate.guarantee(f"the program over {section.types} types an agent"),
        summary={
            "goal": section.goal,
            "welfare": found.welfare,
            "first_best": found.first_best,
            "no_trade": outside,
            "share_of_gains": (found.welfare - outside) / (found.first_best - outside)
            if found.first_best > outside
            else 1.0,
            "surplus_of_first_best": market.surplus(holding),
        },
        tables={
            "types": {
                "agent": [name for name in environment.name for _ in range(section.types)],
                "type": found.types.ravel().tolist(),
                "allocation": found.allocation.ravel().tolist(),
                "transfer": found.payment.ravel().tolist(),
            }
        },
        checks=polished(found.solved, found.welfare, certificate.error * market.high, market.high, EXACTLY),
        warnings=["types are the midpoints of equally likely cells: the continuous market gains somewhat less"],
        provenance={"solver": {"name": "HiGHS", "tolerance": 1e-9}, "types": section.types},
    )


def _bands(
    environment: Environment,
    document: Document,
    section: Section,
    seed: int,
    workers: int,
    progress: Callable[[int, int], object] | None,
) -> Outcome:
    samples = samples_of(document)
    if not samples:
        raise InstanceError(
            'needs at least one agent in the document whose distribution is { family = "empirical", samples = [...] }',
            key="agents.distribution",
        )
    found = bootstrap(environment, samples, resamples=section.resamples, seed=seed, workers=workers, progress=progress)
    common = Market(environment).common
    low, middle, high = np.quantile(found.holding, (0.05, 0.5, 0.95), axis=0)
    agents: dict[str, Any] = {
        "agent": list(environment.name),
        "endowment": environment.endowments,
        "holding": common.holding,
        "holding_low": low,
        "holding_median": middle,
        "holding_high": high,
    }
    return Outcome(
        mechanism="forward_market",
        title="",
        status="optimal",
        guarantee=Guarantee(
            kind="approximate",
            detail="bootstrap: quantiles over resamples; the widest band of a holding",
            error=float((high - low).max()),
        ),
        summary={
            "goal": section.goal,
            "resamples": section.resamples,
            "agents_with_samples": len(samples),
            "worst_off_type": common.type,
            "worst_off_type_low": float(np.quantile(found.type, 0.05)),
            "worst_off_type_high": float(np.quantile(found.type, 0.95)),
            "operates_at_holding": float((found.surplus >= 0).mean()),
            "least_surplus_at_holding": float(found.surplus.min()),
        },
        tables={"agents": agents},
        provenance={"levels": [0.05, 0.5, 0.95]},
    )
