"""How to answer regrets: the projection as a quadratic program, and probabilities under limits as a linear one.

F3: the point of the negative orthant nearest to the regrets, min |R - z|**2 over z <= 0. What is left, R - z, is R^+,
and Blackwell's rule (8) draws groups in proportion to it.

F4: an operator may have to hear everybody with some probability (`floor`) and leave nobody out too often (`cap`). The
probabilities that lose least are those with the least total shortfall,

    min sum_a s_a,   s_a >= w_a - S P_a,   P_a = sum over G with a*(G) = a of mu(G),   s >= 0,
    mu in the simplex,  mu(I) >= floor,  mu(I\\i) <= cap,

with the weights w_a = sum over G with a*(G) = a of R^+_G (lambda_i R_i^+ where externalities are smoothed) and their
sum S. Extend it with the limits of your own charter: protected agents, groups left out equally often.

Source: chassang2021, eqs. (7)-(8) and (20)-(21); the limits are ours, see `response.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.limited_liability import groups, mechanism
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.response import Limits, project, respond
from mechopt.mechanisms.limited_liability.whole import comparable
from mechopt.program import to_float

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Books:
    """Where the books stand when a period's probabilities are due.

    Attributes:
        regret: R^I and R_i at its beginning, shape (groups,).
        weight: what mu is proportional to, shape (groups,).
        decisions: a*(G), equal numbers mean the same decision, by group.
    """

    regret: Array
    weight: Array
    decisions: Sequence[int]


def books(environment: Environment, period: int) -> Books:
    """The books at the beginning of a period; 0 is the last one.

    Raises:
        InstanceError: there is no such period, or the variant draws no group in proportion to regrets.
    """
    rules = environment.rules
    if rules.variant in ("pivot", "bounded_values"):
        raise InstanceError(f"{rules.variant} always listens to everybody; no regret decides who", key="variant")
    count = len(environment.values)
    if not 0 <= period <= count:
        raise InstanceError(f"must be from 1 to {count}, or 0 for the last, not {period}", key="period")
    row = (period or count) - 1
    table = mechanism.run(environment).tables["periods"]
    agents = environment.values.shape[1]
    allocation, transfer = (to_float(np.asarray(table[f"regret_{kind}"])) for kind in ("allocation", "transfer"))
    regret = np.concatenate([allocation[row - 1 : row], transfer[row - 1]]) if row else np.zeros(agents + 1)
    factor = to_float(np.asarray(table["lambda"]))[row] if rules.smoothed else np.ones(agents)
    weight = np.maximum(regret, 0.0) * np.concatenate([[1.0], factor])
    return Books(regret=regret, weight=weight, decisions=groups.decisions(comparable(environment)[row]).tolist())


def build_projection(environment: Environment, period: int) -> cp.Problem:
    """F3: min |R - z|**2 over z <= 0, as a CVXPY problem."""
    regret = books(environment, period).regret
    z = cp.Variable(regret.size, name="nearest")
    return cp.Problem(cp.Minimize(cp.sum_squares(regret - z)), [z <= 0])


def build_response(environment: Environment, period: int, floor: float, cap: float) -> cp.Problem:
    """F4: the least total shortfall of probabilities within the limits, as a CVXPY problem."""
    state, limits = books(environment, period), _limits(environment, floor, cap)
    kinds = sorted(set(state.decisions))
    member = np.array([[float(decision == kind) for decision in state.decisions] for kind in kinds])  # a*(G) = a
    mu = cp.Variable(state.weight.size, nonneg=True, name="probability")
    short = cp.Variable(len(kinds), nonneg=True, name="shortfall")  # s_a
    constraints = [
        short >= member @ state.weight - state.weight.sum() * (member @ mu),  # s_a >= w_a - S P_a
        cp.sum(mu) == 1,
        mu[0] >= limits.participation_floor,
        mu[1:] <= limits.caps(state.weight.size - 1),
    ]
    return cp.Problem(cp.Minimize(cp.sum(short)), constraints)


def _limits(environment: Environment, floor: float, cap: float) -> Limits:
    return Limits(participation_floor=floor, exclusion_caps=[cap] * environment.values.shape[1])


def _projection(environment: Environment, period: int) -> float:
    regret = books(environment, period).regret
    return float(((regret - project(regret)) ** 2).sum())


def _response(environment: Environment, period: int, floor: float, cap: float) -> float:
    state = books(environment, period)
    return respond(state.weight.tolist(), state.decisions, _limits(environment, floor, cap)).shortfall


FORMULATIONS = (
    Formulation(
        name="projection_qp", title="F3: the point of the negative orthant nearest to the regrets",
        build=build_projection, engine=_projection, options={"period": 0}, tolerance=1e-5,
    ),
    Formulation(
        name="response_lp", title="F4: the probabilities that lose least within limits on who is heard",
        build=build_response, engine=_response, options={"period": 0, "floor": 0.25, "cap": 0.5}, tolerance=1e-5,
    ),
)  # fmt: skip
