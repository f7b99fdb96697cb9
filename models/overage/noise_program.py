"""The largest coverage that true amounts within measurement errors may give: F11, as a geometric program.

max v I / (v + V) over boxes around the own overage v, the others' overage V and the slack I. It is monotone in each, so
the corner is the answer and the program confirms it; with constraints that couple the errors (say, a known total) the
corner is not feasible, and the program is needed.

Source: lengyel2025, eq. (1); the program is ours.
"""

from __future__ import annotations

import cvxpy as cp

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.overage.environment import Environment


def amounts(environment: Environment, account: int) -> tuple[float, float, float]:
    """v of one account (counted from 1), V of the others, and I, units.

    Raises:
        InstanceError: no such account, or one of the amounts is 0: a geometric program needs them positive.
    """
    environment.need_linear("this program")
    if not 1 <= account <= len(environment.account):
        raise InstanceError(f"must be from 1 to {len(environment.account)}, not {account}", key="account")
    pairs = zip(environment.entitlement.tolist(), environment.claim.tolist(), strict=True)
    difference = [exact.parse(claim) - exact.parse(entitlement) for entitlement, claim in pairs]
    own = difference[account - 1]
    others = sum(d for j, d in enumerate(difference) if d > 0 and j != account - 1)
    slack = -sum(d for d in difference if d < 0)
    if own <= 0 or others <= 0 or slack <= 0:
        raise InstanceError("needs overage of this account and of others, and slack", key="account")
    return exact.as_float(own), exact.as_float(others), exact.as_float(slack)


def _range(error: float) -> float:
    if not 0 <= error < 1:
        raise InstanceError(f"must be at least 0 and below 1, not {error:g}", key="error")
    return error


def build(environment: Environment, account: int, error: float) -> cp.Problem:
    """F11, maximising the coverage where slack is scarce, as a CVXPY problem in geometric form."""
    centre = amounts(environment, account)
    off = _range(error)
    own, others, slack = (cp.Variable(pos=True, name=name) for name in ("own", "others", "slack"))
    boxes = [
        constraint
        for variable, value in zip((own, others, slack), centre, strict=True)
        for constraint in (variable >= value * (1 - off), variable <= value * (1 + off))
    ]
    # max v I / (v + V) is the reciprocal of min 1/I + V/(v I), a posynomial.
    return cp.Problem(cp.Maximize(1 / (1 / slack + others / (own * slack))), boxes)


def _corner(environment: Environment, account: int, error: float) -> float:
    """The closed form: own overage and slack at their upper ends, the others' at its lower."""
    own, others, slack = amounts(environment, account)
    off = _range(error)
    own, others, slack = own * (1 + off), others * (1 - off), slack * (1 + off)
    return own * slack / (own + others)


FORMULATIONS = (
    Formulation(
        name="noise_gp",
        title="F11: the largest coverage within relative measurement errors, where slack is scarce",
        build=build,
        engine=_corner,
        options={"account": 4, "error": 0.05},
        tolerance=1e-5,
    ),
)
