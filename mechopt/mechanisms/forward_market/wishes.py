"""The [design] table of a forward market: what a designer may wish for, and the limits on holdings it names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from mechopt import exact
from mechopt.instance import Document
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.holdings import Limits, Quota

Goal = Literal[
    "least_subsidy",
    "margin",
    "smooth",
    "smooth_squares",
    "surplus",
    "least_trade",
    "mean_state",
    "worst_state",
    "second_best",
    "bands",
    "robustness",
]


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [design].

    Attributes:
        goal: a tariff ("least_subsidy", "margin", "smooth", "smooth_squares") or holdings ("surplus", "least_trade",
            "mean_state", "worst_state"), or the spot market itself where the efficient one fails ("second_best"), or
            how far samples determine the holdings ("bands"), or how wrong distributions and demands may be before the
            spot market at r* could lose money ("robustness").
        subsidy: money that the forward market may pay out on balance (margin, smooth, smooth_squares).
        surplus: least surplus of the spot market (least_trade).
        caps: most that agents may hold, by name.
        floors: least, by name.
        groups: records of members, floor, cap (surplus).
        corners: whether holdings above the demands are allowed (surplus, least_trade).
        types: of each agent (second_best).
        holdings: with which agents enter the spot market (second_best).
        resamples: of the observed values (bands).
        confidence: of what is said about the true distributions behind samples (robustness).
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
    resamples: Annotated[int, msgspec.Meta(ge=2, le=100_000)] = 200
    confidence: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.95


READS: dict[str, frozenset[Goal]] = {
    "subsidy": frozenset({"margin", "smooth", "smooth_squares"}),
    "surplus": frozenset({"least_trade"}),
    "caps": frozenset({"surplus", "mean_state", "worst_state"}),
    "floors": frozenset({"surplus", "mean_state", "worst_state"}),
    "groups": frozenset({"surplus"}),
    "corners": frozenset({"surplus", "least_trade"}),
    "types": frozenset({"second_best"}),
    "holdings": frozenset({"second_best"}),
    "resamples": frozenset({"bands"}),
    "confidence": frozenset({"robustness"}),
}


def read(document: Document) -> Section:
    """The [design] table; every key in it has an effect on the goal.

    Raises:
        InstanceError: the table is wrong, or has a key that its goal does not read.
    """
    section = document.section("design", Section)
    for key in document.data.get("design") or {}:
        goals = READS.get(key)
        if goals is not None and section.goal not in goals:
            raise document.error(
                f'has no effect on the goal "{section.goal}"; it belongs to {", ".join(sorted(goals))}', f"design.{key}"
            )
    return section


def limits(environment: Environment, document: Document, section: Section) -> Limits:
    """Caps, floors and quotas by the agents' names.

    Raises:
        InstanceError: a name is no agent's, or a share is outside [0, 1].
    """
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
