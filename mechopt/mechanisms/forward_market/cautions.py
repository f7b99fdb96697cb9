"""The warnings of a solved forward market."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mechopt.mechanisms.forward_market.anticipated import Anticipated
from mechopt.mechanisms.forward_market.solved import Solved

VAGUE = 1e-6  # of the support: beyond it the uncertainty of the common worst-off type is worth a line


def cautions(solved: Solved) -> Sequence[str]:
    """What a careful user must know about a result, a line each."""
    market, environment, lines = solved.prospect, solved.environment, []
    cornered = market.cornered
    paid_out = max(0.0, -solved.forward.budget())
    if np.abs(solved.certificate.position).max() > 1e-12:
        least = "the least" if environment.tariff is None and solved.few else "and the least is above 0"
        lines.append(
            f"the forward market pays out {paid_out:.6g} on balance, {least} of all increasing tariffs under which r* "
            f"is an equilibrium: none pays out less than {solved.certificate.deficit:.6g} by a Farkas certificate "
            "(the paper's Proposition 4 claims balance); fees make up for it"
        )
    if environment.tariff is not None:
        best = solved.forward.nash_gap()
        if best.gain > 1e-9 * market.high:
            lines.append(
                f"under this tariff r* is no equilibrium: {environment.name[best.agent]} gains {best.gain:.6g} by "
                f"demanding {best.demand:.6g}; payments are those at r*"
            )
    lines += _state_warnings(solved, market) if isinstance(market, Anticipated) else _common_warnings(solved)
    if solved.surplus_sign is None:
        lines.append("the surplus at the endowments is closer to 0 than its error; whether the spot market operates "
                     "there is not known")  # fmt: skip
    ordered = np.sort(cornered)[::-1]
    if ordered[0] - ordered[1] <= 2 * market.error:
        lines.append("several agents share the best corner; the first is named")
    if abs(market.surplus_at_target - ordered[0]) <= 2 * market.error:
        lines.append("interior and boundary holdings earn the same up to rounding")
    if environment.arithmetic == "exact" and solved.exact is None:
        why = "a mean over anticipated states" if environment.anticipated else "these distributions or that many agents"
        lines.append(f"no exact arithmetic for {why}: floats were used")
    return lines


def _common_warnings(solved: Solved) -> list[str]:
    common, lines = solved.market.common, []
    exactly = solved.environment.arithmetic == "exact" and solved.exact is not None
    if common.uncertainty > VAGUE * (solved.market.high - solved.market.low) and not exactly:
        lines.append(
            f"the common worst-off type is known to within {common.uncertainty:.2g} only: the allocations sum to 1, up "
            "to rounding, at many types; holdings and surpluses hardly depend on it"
        )
    if common.highest > common.type:
        lines.append(
            f"no type is likely between {common.type:.6g} and {common.highest:.6g}: every type there is a common "
            "worst-off type (the holdings are the same)"
        )
    return lines


def _state_warnings(solved: Solved, market: Anticipated) -> list[str]:
    environment, lines = solved.environment, []
    surplus = market.surpluses(market.target)
    short = [state.name for state, earned in zip(environment.states, surplus, strict=True) if earned < -market.error]
    if short:
        lines.append(
            f"at these holdings the spot market does not pay for itself in {', '.join(short)} (the least surplus is "
            f"{float(surplus.min()):.6g}); payoffs and rebates assume that it is run all the same and that the mean of "
            "its surplus is shared"
        )
    limited = [environment.name[agent] for agent in np.flatnonzero(market.at_limit).tolist()]
    if limited:
        lines.append(
            f"{', '.join(limited)} would hold more than can be used in some state, if that were worth as much: held "
            "at the least demand of the states"
        )
    if environment.values is not None:
        lines.append("the spot market at the realised values has the document's demands (a demand factor of 1)")
    return lines
