"""Claims rules as convex programs: F5. Whoever shares an estate by a program of this kind can add constraints to it.

Equal awards: min sum x**2. Equal losses: min sum (d - x)**2. The capped power family: max sum d**alpha log x. Each
subject to sum x = E and 0 <= x <= d, where d are the overages and E = min(X, I) is the slack that covers them.

Source: Thomson (2019), chapter 2; the capped family is ours, after lengyel2025, eq. (3).
"""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.overage import award
from mechopt.mechanisms.overage.clearing import CLAIMS_RULES, cover
from mechopt.mechanisms.overage.environment import Environment

EQUAL_AWARDS, EQUAL_LOSSES = "constrained_equal_awards", "constrained_equal_losses"


def problem_of(environment: Environment, rule: str) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Overages of the accounts that are over, units, the estate min(X, I), and the accounts' weights.

    Raises:
        InstanceError: nobody is over, nobody has slack, or the document is of another claims rule.
    """
    environment.need_one_pool("this program")
    if environment.rule in CLAIMS_RULES and environment.rule != rule:
        raise InstanceError(f"this program is of {rule}, not of {environment.rule}", key="rule")
    pairs = zip(environment.entitlement.tolist(), environment.claim.tolist(), strict=True)
    difference = [exact.parse(claim) - exact.parse(entitlement) for entitlement, claim in pairs]
    over = [d for d in difference if d > 0]
    estate = min(sum(over), -sum(d for d in difference if d < 0))
    if not over or estate <= 0:
        raise InstanceError("nothing is shared: the programs need overage and slack", key="accounts")
    weight = [1] * len(difference) if environment.weight is None else environment.weight.tolist()
    weights = np.array([exact.as_float(w) for w, d in zip(weight, difference, strict=True) if d > 0])
    return np.array([exact.as_float(d) for d in over]), exact.as_float(estate), weights


def _shared(claim: NDArray[np.float64], estate: float) -> tuple[cp.Variable, list[cp.Constraint]]:
    x = cp.Variable(len(claim), name="award")
    return x, [cp.sum(x) == estate, x >= 0, x <= claim]  # balance; 0 <= x <= d


def build_equal_awards(environment: Environment) -> cp.Problem:
    """min sum x**2 / w: awards as equal as the claims allow, per unit of weight."""
    claim, estate, weight = problem_of(environment, EQUAL_AWARDS)
    x, constraints = _shared(claim, estate)
    return cp.Problem(cp.Minimize(cp.sum_squares(cp.multiply(weight**-0.5, x))), constraints)


def build_equal_losses(environment: Environment) -> cp.Problem:
    """min sum (d - x)**2 / w: losses as equal as the claims allow, per unit of weight."""
    claim, estate, weight = problem_of(environment, EQUAL_LOSSES)
    x, constraints = _shared(claim, estate)
    return cp.Problem(cp.Minimize(cp.sum_squares(cp.multiply(weight**-0.5, claim - x))), constraints)


def build_capped_power(environment: Environment, alpha: float) -> cp.Problem:
    """max sum d**alpha log x: min(d, lambda d**alpha), weighted proportional fairness with caps."""
    claim, estate, _ = problem_of(environment, "capped_power")
    if not alpha > 0:
        raise InstanceError(f"must be above 0, not {alpha:g}", key="alpha")
    x, constraints = _shared(claim, estate)
    weight = (claim / claim.max()) ** alpha  # a common factor changes nothing, and does not overflow
    return cp.Problem(cp.Maximize(cp.sum(cp.multiply(weight, cp.log(x)))), constraints)


def _equal_awards(environment: Environment) -> float:
    claim, estate, weight = problem_of(environment, EQUAL_AWARDS)
    return float(np.sum(award(EQUAL_AWARDS, estate, claim, weight=weight) ** 2 / weight))


def _equal_losses(environment: Environment) -> float:
    claim, estate, weight = problem_of(environment, EQUAL_LOSSES)
    return float(np.sum((claim - award(EQUAL_LOSSES, estate, claim, weight=weight)) ** 2 / weight))


def _capped_power(environment: Environment, alpha: float) -> float:
    claim, estate, _ = problem_of(environment, "capped_power")
    whole = float(claim.sum())
    found = cover(claim, whole, estate, int(np.sign(whole - estate)), rule="capped_power", alpha=alpha)
    return float(np.sum((claim / claim.max()) ** alpha * np.log(found)))


FORMULATIONS = (
    Formulation(
        name="equal_awards_qp", title="F5: awards as equal as the claims allow", build=build_equal_awards,
        engine=_equal_awards, tolerance=1e-5,
    ),
    Formulation(
        name="equal_losses_qp", title="F5: losses as equal as the claims allow", build=build_equal_losses,
        engine=_equal_losses, tolerance=1e-5,
    ),
    Formulation(
        name="capped_power", title="F5: the capped power family by exponential cones", build=build_capped_power,
        engine=_capped_power, options={"alpha": 2.0}, tolerance=1e-5,
    ),
)  # fmt: skip
