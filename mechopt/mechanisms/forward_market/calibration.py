"""What a designer asks for in [design]: a tariff, or holdings, with its worth. Source: liu2020, Sections 4 and 5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.certify import Certificate
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.holdings import Limits, Quota, best, interior, least_trade
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.mechanism import tariff_table
from mechopt.mechanisms.forward_market.schedule import Design, Programs
from mechopt.mechanisms.forward_market.second_best import second_best
from mechopt.mechanisms.forward_market.settlement import balance_certificate, no_free_lunch
from mechopt.mechanisms.forward_market.uncertainty import best_holdings
from mechopt.outcome import Guarantee, Outcome

Floats = NDArray[np.float64]
Goal = Literal[
    "least_subsidy", "margin", "smooth", "surplus", "least_trade", "mean_state", "worst_state", "second_best"
]
GENEROUS = 1.25  # times the least subsidy, where [design] names none


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [design].

    Attributes:
        goal: a tariff ("least_subsidy", "margin", "smooth") or holdings ("surplus", "least_trade", "mean_state",
            "worst_state"), or the spot market itself where the efficient one fails ("second_best").
        subsidy: money that the forward market may pay out on balance (margin, smooth).
        surplus: least surplus of the spot market (least_trade).
        caps: most that agents may hold, by name.
        floors: least, by name.
        groups: records of members, floor, cap (surplus).
        corners: whether holdings above the demands are allowed (surplus).
        types: of each agent (second_best).
        holdings: with which agents enter the spot market (second_best).
    """

    goal: Goal = "least_subsidy"
    subsidy: Any = None
    surplus: Any = 0
    caps: dict[str, Any] = msgspec.field(default_factory=dict)
    floors: dict[str, Any] = msgspec.field(default_factory=dict)
    groups: list[dict[str, Any]] = msgspec.field(default_factory=list)
    corners: bool = False
    types: Annotated[int, msgspec.Meta(ge=2, le=200)] = 8
    holdings: Literal["endowment", "common"] = "endowment"


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
        seed: not used: nothing is drawn.
        workers: not used: a single program.
        progress: called with 1, 1 at the end.

    Raises:
        InstanceError: the table is wrong, or nothing satisfies it.
    """
    section = document.section("design", Section)
    try:
        if section.goal in ("least_subsidy", "margin", "smooth"):
            outcome = _tariff(environment, document, section)
        elif section.goal == "second_best":
            outcome = _second_best(environment, section)
        else:
            outcome = _holdings(environment, document, section)
    except InstanceError as error:
        raise error.at(file=document.path) from None
    if progress is not None:
        progress(1, 1)
    return outcome


def _tariff(environment: Environment, document: Document, section: Section) -> Outcome:
    market = Market(environment)
    programs = Programs(market)
    found = programs.least_subsidy()
    if section.goal != "least_subsidy":
        limit = found.subsidy * GENEROUS
        if section.subsidy is not None:
            limit = exact.as_float(document.number(section.subsidy, "design.subsidy", minimum=0))
        found = programs.widest_margin(limit) if section.goal == "margin" else programs.smoothest(limit)
    forward = Forward(market, found.tariff)
    worst = max(forward.best_deviations(), key=lambda one: one.bound)
    crossing = forward.single_crossing()
    named = {"margin": {"margin": found.level}, "smooth": {"steepness": found.level}}.get(section.goal, {})
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
            "least_subsidy_of_any_tariff": balance_certificate(market).deficit,
            "no_free_lunch_slack": no_free_lunch(market, forward),
            "best_deviation_gain": worst.gain,
            "best_deviation_bound": worst.bound,
            "single_crossing_margin": crossing.margin,
            "worst_off_type": market.common.type,
        },
        tables={"tariff": tariff_table(found.tariff), "agents": agents},
        warnings=_tariff_warnings(market, found),
        provenance={"solver": {"name": "HiGHS", "tolerance": 1e-9}, "knots": len(found.tariff.knots)},
    )  # fmt: skip


def _tariff_warnings(market: Market, found: Design) -> list[str]:
    lines = []
    if found.subsidy > 1e-12 * market.high:
        lines.append(
            f"the forward market pays out {found.subsidy:.6g} on balance; `solve` shows the fees that make up for it"
        )
    if found.tariff.prices[0] < 0:
        lines.append("large sales have a price below 0: units sold are worth nothing there, and a margin is asked for")
    return lines


def _certified(found: Design) -> Guarantee:
    if isinstance(found.certificate, Certificate):
        return Guarantee(kind="certified", detail="optimal block tariff on these knots: basis checked in rationals; "
                         "no agent gains anywhere, between the knots too")  # fmt: skip
    return found.certificate.guarantee("block tariff on these knots")


def _holdings(environment: Environment, document: Document, section: Section) -> Outcome:
    market = Market(environment)
    limits = _limits(environment, document, section)
    endowment = environment.endowments
    summary: dict[str, Any] = {"goal": section.goal}
    tables: dict[str, dict[str, Any]] = {}
    warnings = []
    guarantee = Guarantee(kind="approximate", detail="a scalar root of the dual, exact to rounding; surplus by "
                          "polynomials with their truncation", error=market.error)  # fmt: skip
    if section.goal == "surplus":
        found = best(market, limits) if section.corners else interior(market, limits)
        holding = found.holding
        summary |= {"surplus": found.surplus, "price": None if np.isnan(found.price) else found.price,
                    "corners": [environment.name[agent] for agent in found.corners]}  # fmt: skip
        if not found.complete:
            warnings.append("of so many agents only sets of at most two corners were tried")
    elif section.goal == "least_trade":
        floor = exact.as_float(document.number(section.surplus, "design.surplus"))
        trade = least_trade(market, floor)
        holding = trade.holding
        summary |= {"surplus": trade.surplus, "volume": trade.volume}
    else:
        robust = best_holdings(environment, "mean" if section.goal == "mean_state" else "worst", limits)
        holding = robust.holding
        summary |= {"surplus": robust.value, "bound": robust.bound, "operates_in_every_state": min(robust.surplus) >= 0}
        tables["states"] = {
            "state": [state.name for state in environment.states],
            "probability": [float(state.probability) for state in environment.states],
            "surplus": list(robust.surplus),
        }
        if section.goal == "worst_state" and robust.bound < 0:
            warnings.append("no holdings below the demands let the spot market operate in every state (bound below 0)")
        guarantee = Guarantee(kind="bounded", detail="cutting planes: value and bound meet",
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
                   tables=tables, warnings=warnings, provenance={"method": market.interim.method})  # fmt: skip


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
        warnings=["types are the midpoints of equally likely cells: the continuous market gains somewhat less"],
        provenance={"solver": {"name": "HiGHS", "tolerance": 1e-9}, "types": section.types},
    )


def _limits(environment: Environment, document: Document, section: Section) -> Limits:
    floor, cap = np.zeros(environment.agents), np.ones(environment.agents)
    for key, target, given in (("floors", floor, section.floors), ("caps", cap, section.caps)):
        for name, value in given.items():
            place = _agent(environment, document, name, f"design.{key}")
            target[place] = _share(document, value, f"design.{key}.{name}")
    quotas = []
    for row, record in enumerate(section.groups, 1):
        key = f"design.groups (row {row})"
        unknown = set(record) - {"members", "floor", "cap"}
        members = record.get("members")
        if unknown or not isinstance(members, list) or not members:
            raise document.error("needs members (a list of agents), and may have floor and cap", key)
        places = np.array([_agent(environment, document, name, key) for name in members], dtype=np.intp)
        if len(set(places.tolist())) < places.size:
            raise document.error("names an agent twice", key)
        quotas.append(Quota(members=places, floor=_share(document, record.get("floor", 0), f"{key}.floor"),
                            cap=_share(document, record.get("cap", 1), f"{key}.cap")))  # fmt: skip
    return Limits(floor=floor, cap=cap, quotas=quotas)


def _agent(environment: Environment, document: Document, name: object, key: str) -> int:
    if name not in environment.name:
        raise document.error(f"{exact.show(name)} is not an agent", key)
    return list(environment.name).index(str(name))


def _share(document: Document, value: object, key: str) -> float:
    found = document.number(value, key, minimum=0)
    if found > 1:
        raise document.error(f"must be at most 1, the supply, not {exact.show(found)}", key)
    return exact.as_float(found)
