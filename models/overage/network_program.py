"""Clearing on a network as a quadratic program: F6. Its multipliers are scarcity factors, one for each account.

min sum_j (x_j - v_j)**2 / (2 v_j), x_j the flows to j, within the slack of the pools and the limits of the edges. Its
optimum is the lexicographic max-min of the covered shares x_j / v_j, which the engine computes by linear programs; with
one pool it is F2 of `clearing_program`. Extend it with side constraints of your own.

Source: lengyel2025, eq. (1); the network is not in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError, SolveError
from mechopt.formulation import Formulation
from mechopt.mechanisms.overage import run
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.network import Edge, Network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkProgram:
    """F6 and its parts, by name.

    Attributes:
        problem: the CVXPY problem.
        flow: f, its variable, one for each edge.
        coverage: x, the flows to each account, shape (accounts,).
        slack: the constraint whose multipliers are the scarcity prices of the pools.
    """

    problem: cp.Problem
    flow: cp.Variable
    coverage: cp.Expression
    slack: cp.Constraint


def network_of(environment: Environment) -> Network:
    """The document's network, else one pool that all may use."""
    if environment.network is not None:
        return environment.network
    environment.need_linear("this program")
    accounts = range(len(environment.account))
    return Network(
        pool=("all",), home=tuple(0 for _ in accounts), edges=tuple(Edge(pool=0, account=j) for j in accounts)
    )


def amounts(environment: Environment) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """v_j and s_j, subtracted exactly, then rounded once; units, shape (accounts,) each."""
    pairs = zip(environment.entitlement.tolist(), environment.claim.tolist(), strict=True)
    difference = [exact.parse(claim) - exact.parse(entitlement) for entitlement, claim in pairs]
    over = np.array([exact.as_float(max(d, 0)) for d in difference])
    return over, np.array([exact.as_float(max(-d, 0)) for d in difference])


def build(environment: Environment) -> NetworkProgram:
    """F6 as a CVXPY problem.

    Raises:
        InstanceError: nobody may draw on any pool, or nobody has overage: there is nothing to clear.
    """
    network = network_of(environment)
    over, under = amounts(environment)
    edges = [edge for edge in network.edges if over[edge.account] > 0]
    if not edges:
        raise InstanceError("no account with overage may draw on a pool; there is nothing to clear", key="edges")
    to_account = np.zeros((len(over), len(edges)))
    from_pool = np.zeros((len(network.pool), len(edges)))
    for e, edge in enumerate(edges):
        to_account[edge.account, e] = from_pool[edge.pool, e] = 1
    supply = np.zeros(len(network.pool))
    np.add.at(supply, list(network.home), under)  # S_p = sum of the slack of those at home in p
    most = np.array([over[edge.account] if edge.most is None else float(edge.most) for edge in edges])
    flow = cp.Variable(len(edges), name="flow")
    coverage = to_account @ flow  # x_j = sum_p f_pj
    needy = np.flatnonzero(over > 0)
    distance = cp.sum(cp.multiply(1 / (2 * over[needy]), cp.square(coverage[needy] - over[needy])))
    slack = from_pool @ flow <= supply  # sum_j f_pj <= S_p  [scarcity price of the pool]
    constraints = [
        slack,
        flow >= np.array([float(edge.least) for edge in edges]),
        flow <= most,
        coverage[needy] <= over[needy],  # nobody gets more than the overage
    ]
    return NetworkProgram(
        problem=cp.Problem(cp.Minimize(distance), constraints), flow=flow, coverage=coverage, slack=slack
    )


def solve(environment: Environment) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coverage, shape (accounts,), and scarcity prices of the pools, shape (pools,), by Clarabel.

    Raises:
        SolveError: no proven optimum.
    """
    program = build(environment)
    try:
        program.problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    except cp.SolverError as error:
        raise SolveError(f"Clarabel failed on F6: {error}; rescale the units") from None
    if program.problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise SolveError(f"Clarabel ended F6 with {program.problem.status}; check the constraints added to it")
    return np.asarray(program.coverage.value), np.asarray(program.slack.dual_value)


def _problem(environment: Environment) -> cp.Problem:
    return build(environment).problem


def _distance(environment: Environment) -> float:
    """The engine's optimum: half the sum of r_j**2 / v_j over its residuals."""
    accounts = run(environment).tables["accounts"]
    pairs = zip(accounts["overage"], accounts["residual"], strict=True)
    return sum(float(r) ** 2 / (2 * float(v)) for v, r in pairs if v > 0)


FORMULATIONS = (
    Formulation(
        name="network_qp",
        title="F6: covered parts closest to the overages, within pools and edges",
        build=_problem,
        engine=_distance,
        tolerance=1e-5,
    ),
)
