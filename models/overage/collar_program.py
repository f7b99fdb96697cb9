"""The state-contingent penalty collar as a linear program: F10. Add constraints that a regulator has: steps, ceilings.

min E[kappa (X - I)+] subject to E[kappa Lambda] >= p and the ends of the collar, over scenarios of the period in which
all claims are multiplied by the same factor.

Source: lengyel2025, Section 4 and Corollary 11; the program is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.overage import collar
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.scenarios import Scenarios, left_out


def scenarios_of(environment: Environment, factors: str) -> Scenarios:
    """Equally likely scenarios, one for each factor ("0.9 1 1.2"); accounts are small."""
    environment.need_linear("this program")
    try:
        values = [exact.as_float(exact.parse(word)) for word in factors.split()]
    except ValueError as error:
        raise InstanceError(f"{error}; factors are numbers with blanks between", key="factors") from None
    if not values or min(values) < 0:
        raise InstanceError("one or more factors of at least 0 are needed", key="factors")
    held, asked = (
        np.array([exact.as_float(exact.parse(v)) for v in column.tolist()])
        for column in (environment.entitlement, environment.claim)
    )
    difference = np.outer(values, asked) - held
    overage, slack = np.maximum(difference, 0).sum(axis=1), np.maximum(-difference, 0).sum(axis=1)
    return Scenarios(
        probability=np.full(len(values), 1 / len(values)),
        overage=overage,
        slack=slack,
        scarcity_without=left_out(overage, slack)[:, None],
        accounts=["small accounts"],
    )


def build(environment: Environment, price: float, low: float, high: float, factors: str) -> Any:
    """F10 as a Pyomo model."""
    found = scenarios_of(environment, factors)
    m = pyo.ConcreteModel(name="state-contingent collar, F10")
    m.scenarios = pyo.RangeSet(0, found.overage.size - 1)
    m.penalty = pyo.Var(m.scenarios, bounds=(low, high))  # kappa_w in the collar
    m.incentive = pyo.Constraint(  # E[kappa Lambda] >= p
        expr=pyo.quicksum(
            float(found.probability[w] * found.scarcity_without[w, 0]) * m.penalty[w] for w in m.scenarios
        )
        >= price
    )
    m.charge = pyo.Objective(  # min E[kappa (X - I)+]
        expr=pyo.quicksum(float(found.probability[w] * found.residual[w]) * m.penalty[w] for w in m.scenarios),
        sense=pyo.minimize,
    )
    return m


def _charge(environment: Environment, price: float, low: float, high: float, factors: str) -> float:
    """The engine's closed form: a fractional knapsack."""
    found = scenarios_of(environment, factors)
    penalty = collar.greedy(found, price, (low, high))
    if penalty is None:
        raise InstanceError(f"no collar up to {high:g} reaches the price of {price:g}", key="high")
    return float(found.mean(penalty * found.residual))


FORMULATIONS = (
    Formulation(
        name="collar_lp",
        title="F10: the penalty by state that charges least and makes waiting no cheaper",
        build=build,
        engine=_charge,
        options={"price": 1.0, "low": 0.0, "high": 10.0, "factors": "0.9 1 1.2"},
    ),
)
