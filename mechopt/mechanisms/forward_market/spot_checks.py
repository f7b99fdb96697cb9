"""The properties of the spot market at the realised values. Source: liu2020, eq. (2) and Proposition 11."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.finding import Finding
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.spot import Spot, allocate, welfare
from mechopt.outcome import Outcome
from mechopt.program import to_float

Floats = NDArray[np.float64]
REPORTS, REPORTERS = 41, 12  # misreports an agent, and agents, that are tried


def column(outcome: Outcome, table: str, name: str) -> Floats:
    """A column of an outcome as floats."""
    return to_float(np.asarray(outcome.tables[table][name], dtype=object))


def spot_checks(market: Market, outcome: Outcome, tolerance: float) -> list[Finding]:
    """Efficiency, AGV balance and VCG incentives at the realised values; `tables.spot` is read."""
    values, allocation, vcg, agv = (
        column(outcome, "spot", name) for name in ("value", "allocation", "vcg_transfer", "agv_transfer")
    )
    # Weak duality: W <= price + sum k_i max(theta_i - price, 0) for any price, equal at the marginal value.
    best = min(float(price + market.demand @ np.maximum(values - price, 0.0)) for price in values)
    over = max(float(allocation.sum()) - 1.0, float((allocation - market.demand).max()), -float(allocation.min()))
    efficiency = Finding(
        property="spot_efficiency",
        margin=min(float(values @ allocation) - best, -over),
        tolerance=tolerance,
        evidence="welfare against a dual bound, and the allocation feasible",
        witness={"welfare": float(values @ allocation), "bound": best},
    )
    balance = Finding(
        property="agv_budget_balance",
        margin=-abs(float(agv.sum())),
        tolerance=tolerance,
        evidence="AGV transfers sum to 0 at the realised values (Proposition 11)",
        witness={"sum": float(agv.sum())},
    )
    return [efficiency, balance, _truth(market, values, allocation, vcg, outcome, tolerance)]


def _truth(
    market: Market, values: Floats, allocation: Floats, vcg: Floats, outcome: Outcome, tolerance: float
) -> Finding:
    """Ex-post gains of misreports under VCG: reports at and between all values."""
    spot = Spot(market=market, holding=column(outcome, "spot", "holding"))
    cuts = np.unique(np.concatenate([values, [market.low, market.high]]))
    reports = np.unique(np.concatenate([cuts, (cuts[1:] + cuts[:-1]) / 2]))
    every = reports.size <= REPORTS and values.size <= REPORTERS
    reports = reports[np.unique(np.linspace(0, reports.size - 1, REPORTS).astype(int))]
    best, witness = -np.inf, {}
    for agent in range(min(values.size, REPORTERS)):
        truth = values[agent] * allocation[agent] + vcg[agent]
        for report in reports.tolist():
            told: Any = values.copy()
            told[agent] = report
            gain = float(values[agent] * allocate(told, market.demand)[agent] + spot.vcg(told)[agent] - truth)
            if gain > best:
                best = gain
                witness = {"agent": market.environment.name[agent], "report": report, "gain": gain}
    surplus = float(-vcg.sum()) - float(spot.surplus(values))
    return Finding(
        property="vcg_incentive_compatibility",
        margin=-max(best, abs(surplus)),
        tolerance=tolerance + 1e-9 * float(abs(welfare(values, market.demand))),
        evidence=(
            "exhaustive: the reports that decide the allocation"
            if every
            else f"sampled: {reports.size} reports of {min(values.size, REPORTERS)} agents"
        )
        + "; transfers sum to equation (2)",
        witness=witness,
    )
