"""Penalty collars that make waiting no cheaper than buying forward: constant, by state, risk-averse, robust.

A collar is right for an account if the first unit it leaves to the clearing costs at least the forward price:
E[kappa * scarcity without the account] >= p. That is what Corollary 11 needs; as printed, with the scarcity of all
accounts, it covers whole positions only (see `penalty.collar_condition`).

Source: lengyel2025, Section 4 and Appendix D; the designs are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import certify, solver
from mechopt.errors import SolveError
from mechopt.mechanisms.overage.scenarios import Scenarios, left_out
from mechopt.program import LinearProgram

INCENTIVE = "forward price of"
ROUNDING = 1e-12  # relative: a penalty this little above the collar's end may be the end itself


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collar:
    """One design.

    Attributes:
        kind: its name.
        penalty: kappa in each scenario, money per unit, shape (scenarios,); None where no collar does it.
        margin: least of E[kappa * scarcity without the account] - p over the accounts, under the design's own measure.
        error: bound on the error of the objective, money; 0 for closed forms.
        reason: in words: what binds, or why there is none.
    """

    kind: str
    penalty: NDArray[np.float64] | None
    margin: float
    error: float = 0.0
    reason: str = ""


def constant(scenarios: Scenarios, price: float, bounds: tuple[float, float]) -> Collar:
    """The least constant penalty: p / E[scarcity without the account] of the account that needs most."""
    expected = scenarios.mean(scenarios.scarcity_without)
    return _constant("constant", scenarios, expected, price, bounds, "in expectation")


def chance(scenarios: Scenarios, price: float, bounds: tuple[float, float], level: float) -> Collar:
    """The least constant penalty with kappa * scarcity >= p in scenarios of at least this probability together."""
    reached = []
    for column in scenarios.scarcity_without.T:
        order = np.argsort(-column, kind="stable")
        enough = np.searchsorted(np.cumsum(scenarios.probability[order]), level * (1 - 1e-12))
        reached.append(column[order[min(int(enough), len(order) - 1)]])
    return _constant("chance", scenarios, np.array(reached), price, bounds, f"with probability {level:g}")


def robust(scenarios: Scenarios, price: float, bounds: tuple[float, float], distance: float) -> Collar:
    """The least constant penalty that holds for every probability within a total-variation distance of the given."""
    worst = np.array([worst_mean(scenarios.probability, column, distance) for column in scenarios.scarcity_without.T])
    return _constant("robust", scenarios, worst, price, bounds, f"within total variation {distance:g}")


def worst_mean(probability: NDArray[np.float64], values: NDArray[np.float64], distance: float) -> float:
    """The least expectation within a total-variation distance: the top mass is moved to the least value."""
    order = np.argsort(-values, kind="stable")
    mass, ordered = probability[order], values[order]
    moved = np.clip(distance - (np.cumsum(mass) - mass), 0.0, mass)
    return float((mass - moved) @ ordered + moved.sum() * ordered[-1])  # a sum, so that nothing cancels below 0


def _constant(
    kind: str,
    scenarios: Scenarios,
    expected: NDArray[np.float64],
    price: float,
    bounds: tuple[float, float],
    how: str,
) -> Collar:
    worst = int(np.argmin(expected))
    least = float(expected[worst])
    account = scenarios.accounts[worst]
    needed = price / least if least > 0 else math.inf
    if price == 0:
        needed = bounds[0]
    barely = bounds[1] < needed <= bounds[1] * (1 + ROUNDING)
    if barely:
        needed = bounds[1]
    if not math.isfinite(needed) or needed > bounds[1]:
        why = (
            f"scarcity without {account} is 0 {how}: free slack is expected, and no penalty makes waiting dear"
            if least == 0
            else f"{needed:.6g} would be needed for {account} {how}; the collar ends at {bounds[1]:g}"
        )
        return Collar(kind=kind, penalty=None, margin=bounds[1] * least - price, reason=why)
    penalty = max(bounds[0], needed)
    why = f"{account} needs it {how}" if needed > bounds[0] else "the lower end of the collar is enough"
    return Collar(
        kind=kind,
        penalty=np.full(scenarios.overage.size, penalty),
        margin=penalty * least - price if needed <= bounds[0] or barely else 0.0,
        reason=f"{why}; the upper end is just enough, to within rounding" if barely else why,
    )


def by_state(scenarios: Scenarios, price: float, bounds: tuple[float, float]) -> Collar:
    """The penalty by scenario that charges least in expectation: a linear program, certified.

    Minimise E[kappa (X - I)+] subject to E[kappa * scarcity without j] >= p for each account j.
    """
    program = _program(scenarios, price, bounds, cost=scenarios.probability * scenarios.residual)
    return _solved("state_contingent", scenarios, price, program)


def conditional_value_at_risk(scenarios: Scenarios, price: float, bounds: tuple[float, float], level: float) -> Collar:
    """The penalty by scenario whose charges are least in the worst (1 - level) part of the scenarios, on average.

    Minimise eta + E[u] / (1 - level), u >= kappa (X - I)+ - eta, u >= 0 (Rockafellar and Uryasev, 2000).
    """
    count, accounts = scenarios.overage.size, len(scenarios.accounts)
    places = np.arange(count)
    rows = [accounts + places] * 3
    columns = [places, count + places, np.full(count, 2 * count)]
    values = [-scenarios.residual, np.ones(count), np.ones(count)]  # u - kappa R + eta >= 0
    program = _program(
        scenarios,
        price,
        bounds,
        cost=np.concatenate([np.zeros(count), scenarios.probability / (1 - level), [1.0]]),
        more=(np.concatenate(rows), np.concatenate(columns), np.concatenate(values)),
        names=[f"charge in scenario {k}" for k in range(1, count + 1)],
    )  # eta >= 0 too: charges are not negative, so their quantile is not either
    return _solved("cvar", scenarios, price, program)


def greedy(scenarios: Scenarios, price: float, bounds: tuple[float, float]) -> NDArray[np.float64] | None:
    """The state-contingent design for one account in closed form: a fractional knapsack, by charge per incentive.

    The penalty rises from the lower to the upper end where (X - I)+ / scarcity is smallest first: in scenarios with
    little overage, not in those with much. None where even the upper end everywhere is not enough.
    """
    gain = scenarios.probability * scenarios.scarcity_without[:, 0]
    low, high = bounds
    missing = price - low * gain.sum()
    penalty = np.full(gain.size, float(low))
    useful = np.flatnonzero(gain > 0)
    ratio = scenarios.residual[useful] * scenarios.probability[useful] / gain[useful]
    for place in useful[np.argsort(ratio, kind="stable")]:
        if missing <= 0:
            break
        rise = min(high - low, missing / gain[place])
        penalty[place] += rise
        missing -= rise * gain[place]
    return None if missing > 1e-12 * max(1.0, price) else penalty


def _program(
    scenarios: Scenarios,
    price: float,
    bounds: tuple[float, float],
    *,
    cost: NDArray[np.float64],
    more: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None,
    names: Sequence[str] = (),
) -> LinearProgram:
    """Penalties between the ends of the collar, and one incentive constraint for each account.

    Args:
        scenarios, price, bounds: as above.
        cost: of the penalties and of what variables there are more, those from 0 to the largest charge.
        more: row, column and value of further constraints, each >= 0.
        names: of those.
    """
    count, accounts, extra = scenarios.overage.size, len(scenarios.accounts), cost.size - scenarios.overage.size
    incentive = (scenarios.probability[:, None] * scenarios.scarcity_without).T
    row, column = np.nonzero(incentive)
    # No charge is larger, so no charge above a quantile is: ends that leave a bound where signs of duals are rounded.
    largest_charge = bounds[1] * float(scenarios.residual.max())
    entries = [(row, column, incentive[row, column]), *([more] if more else [])]
    return LinearProgram.from_triplets(
        *(np.concatenate(parts) for parts in zip(*entries, strict=True)),
        sense="min",
        cost=cost,
        lower=np.concatenate([np.full(count, bounds[0]), np.zeros(extra)]),
        upper=np.concatenate([np.full(count, bounds[1]), np.full(extra, largest_charge)]),
        row_lower=np.concatenate([np.full(accounts, price), np.zeros(len(names))]),
        row_upper=np.full(accounts + len(names), np.inf),
        row_names=[*(f"{INCENTIVE} {name}" for name in scenarios.accounts), *names],
    )


def _solved(kind: str, scenarios: Scenarios, price: float, program: LinearProgram) -> Collar:
    try:
        solution = solver.solve(program)
    except solver.InfeasibleError as error:
        short = [name.removeprefix(f"{INCENTIVE} ") for name in error.conflict if name.startswith(INCENTIVE)]
        who = ", ".join(short) or "some account"
        most = scenarios.mean(program.upper[0] * scenarios.scarcity_without)
        return Collar(
            kind=kind,
            penalty=None,
            margin=float(most.min() - price),
            reason=f"even the upper end of the collar in every scenario is not enough for {who}",
        )
    proof = certify.certify(program, solution)
    if not math.isfinite(proof.error):
        raise SolveError(f"the {kind} collar could not be certified; rescale the units")
    penalty = solution.point[: scenarios.overage.size]
    margin = float((scenarios.mean(penalty[:, None] * scenarios.scarcity_without)).min() - price)
    return Collar(kind=kind, penalty=penalty, margin=margin, error=float(proof.error), reason="least charges")


def waiting(scenarios: Scenarios, price: float, penalty: float) -> float:
    """Units that many small accounts leave to the clearing in equilibrium, on top of the scenarios' overage.

    More waiting makes slack scarcer until E[kappa * scarcity] = p. 0 where waiting is dear from the first unit on,
    infinite where the penalty is not above the price.

    Args:
        scenarios: overage that is there anyway, and slack.
        price: p > 0, money per unit.
        penalty: kappa, constant.
    """
    from scipy.optimize import brentq

    def excess(units: float) -> float:
        return float(penalty * scenarios.mean(left_out(scenarios.overage + units, scenarios.slack)) - price)

    if excess(0.0) >= 0:
        return 0.0
    if penalty <= price:
        return math.inf
    top = max(1.0, float(scenarios.slack.max()))
    while excess(top) < 0:
        top *= 2
    return float(brentq(excess, 0.0, top, xtol=1e-12 * top, rtol=1e-14))
