"""What [design] goal = "robustness" reports: how wrong the data may be at r*. Source: not in the paper."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.instance import Document
from mechopt.mechanisms.forward_market.bands import samples_of
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.robustness import (
    ENUMERATED,
    Bands,
    demand_radius,
    distribution_radius,
    sampling_distance,
    smoothing_distance,
)
from mechopt.mechanisms.forward_market.smoothing import Samples
from mechopt.mechanisms.forward_market.wishes import Section
from mechopt.outcome import Guarantee, Outcome

Floats = NDArray[np.float64]


def trust(environment: Environment, document: Document, section: Section) -> Outcome:
    """Radii of r*, and what samples say with the confidence asked for.

    `distribution_radius`: whatever the true distributions within that sup-distance of all the given ones, the spot
    market at r* does not lose money on average; at `distribution_failing` an example does. `demand_radius`: the same
    for demands within that share of themselves. With samples: `surplus_with_confidence` is a lower bound on the surplus
    that holds with the confidence, taking the other agents' distributions as they are.
    """
    market = Market(environment)
    found = distribution_radius(market)
    summary: dict[str, Any] = {
        "goal": section.goal,
        "worst_off_type": market.common.type,
        "surplus_at_holding": market.surplus_at_common,
        "distribution_radius": found.safe,
        "distribution_failing": found.failing if np.isfinite(found.failing) else None,
    }
    if environment.agents <= ENUMERATED:
        summary["demand_radius"] = demand_radius(market)
    agents: dict[str, Any] = {
        "agent": list(environment.name),
        "holding": market.common.holding,
        "failing_direction": found.example,
    }
    observed = samples_of(document)
    if observed:
        distance = _distances(market, observed, section.confidence)
        agents |= {"samples": [len(observed[agent].values) if agent in observed else None
                               for agent in range(environment.agents)], "distance": distance}  # fmt: skip
        of_class = np.zeros(market.interim.count.size)
        np.maximum.at(of_class, market.interim.class_of, distance)
        least = Bands(market).least(of_class)
        summary |= {"confidence": section.confidence, "surplus_with_confidence": least,
                    "operates_with_confidence": bool(least >= 0)}  # fmt: skip
    return Outcome(
        mechanism="forward_market",
        title="",
        status="optimal",
        guarantee=Guarantee(
            kind="proven",
            detail="no data within the radii make the spot market at r* lose money on average: sums on the safe side "
            "over all of them; a failing distance is an example's",
            error=market.error,
        ),
        summary=summary,
        tables={"agents": agents},
        warnings=_warnings(environment, summary),
        provenance={"method": market.interim.method},
    )


def _distances(market: Market, observed: dict[int, Samples], confidence: float) -> Floats:
    """How far each agent's cdf may be from the truth: the band of the samples and what smoothing moved; else 0."""
    lists = len(set(observed.values()))
    found = np.zeros(market.demand.size)
    for agent, samples in observed.items():
        moved = smoothing_distance(market, agent, samples.values)
        found[agent] = sampling_distance(len(samples.values), lists, confidence, moved)
    return found


def _warnings(environment: Environment, summary: dict[str, Any]) -> list[str]:
    lines = []
    if environment.agents > ENUMERATED:
        lines.append(f"no radius of the demands: all sets of agents are gone through, at most {ENUMERATED} agents")
    if environment.anticipated:
        lines.append("the radii are those of r* at the document's demands, not of the mean over anticipated states")
    if summary.get("operates_with_confidence") is False:
        lines.append(
            f"so few samples cannot tell with a confidence of {summary['confidence']:g} that the spot market at r* "
            "pays for itself; it may still do so (the bound is for the worst distributions within the bands)"
        )
    return lines
