"""Whole units as mixed-integer programs: F7. What each rounding method is the optimum of.

With quotas q = v I / X, largest remainders minimise sum |x - q|, Jefferson's method the largest x / v, Adams' method
the opposite: it maximises the smallest x / v; each subject to sum x = I and x whole. Independent of the engine's
closed forms; small instances only.

Source: Balinski and Young (1982), Fair Representation; lengyel2025, eq. (1) for the quotas.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Any

import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.overage import rounding
from mechopt.mechanisms.overage.environment import Environment


def problem_of(environment: Environment) -> tuple[list[int], int]:
    """Overages v > 0 and the slack I, counted in the largest unit that measures all amounts.

    Raises:
        InstanceError: nothing is short: with I >= X every method gives the overages.
    """
    environment.need_linear("this program")
    pairs = zip(environment.entitlement.tolist(), environment.claim.tolist(), strict=True)
    difference = [Fraction(exact.parse(claim)) - exact.parse(entitlement) for entitlement, claim in pairs]
    unit = lcm(*(d.denominator for d in difference))
    whole = [int(d * unit) for d in difference]
    over, slack = [d for d in whole if d > 0], -sum(d for d in whole if d < 0)
    if not slack < sum(over):
        raise InstanceError("nothing is short, and every method gives everybody the overage", key="accounts")
    return over, slack


def _model(over: list[int], slack: int, name: str) -> Any:
    m = pyo.ConcreteModel(name=name)
    m.accounts = pyo.RangeSet(0, len(over) - 1)
    m.units = pyo.Var(m.accounts, within=pyo.NonNegativeIntegers, bounds=lambda m, j: (0, over[j]))  # x_j <= v_j
    m.balance = pyo.Constraint(expr=pyo.quicksum(m.units[j] for j in m.accounts) == slack)  # sum x = I
    return m


def build_largest_remainder(environment: Environment) -> Any:
    """min sum |x - q|, as a Pyomo model."""
    over, slack = problem_of(environment)
    m = _model(over, slack, "largest remainders, F7")
    m.distance = pyo.Var(m.accounts, within=pyo.NonNegativeReals)
    quota = [over[j] * slack / sum(over) for j in range(len(over))]  # q_j
    m.above = pyo.Constraint(m.accounts, rule=lambda m, j: m.distance[j] >= m.units[j] - quota[j])
    m.below = pyo.Constraint(m.accounts, rule=lambda m, j: m.distance[j] >= quota[j] - m.units[j])
    m.total = pyo.Objective(expr=pyo.quicksum(m.distance[j] for j in m.accounts), sense=pyo.minimize)
    return m


def build_jefferson(environment: Environment) -> Any:
    """min max x / v, as a Pyomo model."""
    over, slack = problem_of(environment)
    m = _model(over, slack, "Jefferson, F7")
    m.ratio = pyo.Var(bounds=(0, 1))
    m.share = pyo.Constraint(m.accounts, rule=lambda m, j: m.units[j] <= m.ratio * over[j])
    m.largest = pyo.Objective(expr=m.ratio, sense=pyo.minimize)
    return m


def build_adams(environment: Environment) -> Any:
    """max min x / v, as a Pyomo model."""
    over, slack = problem_of(environment)
    m = _model(over, slack, "Adams, F7")
    m.ratio = pyo.Var(bounds=(0, 1))
    m.share = pyo.Constraint(m.accounts, rule=lambda m, j: m.units[j] >= m.ratio * over[j])
    m.smallest = pyo.Objective(expr=m.ratio, sense=pyo.maximize)
    return m


def _engine(method: str, worth: Any) -> Any:
    def optimum(environment: Environment) -> float:
        over, slack = problem_of(environment)
        units = rounding.apportion(over, slack, method)
        return float(worth(over, slack, units))

    return optimum


def _distance(over: list[int], slack: int, units: list[int]) -> Fraction:
    whole = sum(over)
    return sum((abs(x - Fraction(v * slack, whole)) for v, x in zip(over, units, strict=True)), Fraction(0))


def _largest_share(over: list[int], slack: int, units: list[int]) -> Fraction:
    return max(Fraction(x, v) for v, x in zip(over, units, strict=True))


def _smallest_share(over: list[int], slack: int, units: list[int]) -> Fraction:
    return min(Fraction(x, v) for v, x in zip(over, units, strict=True))


FORMULATIONS = (
    Formulation(
        name="largest_remainder_milp",
        title="F7: whole units closest to the quotas",
        build=build_largest_remainder,
        engine=_engine("largest_remainder", _distance),
    ),
    Formulation(
        name="jefferson_milp",
        title="F7: whole units with the smallest largest share",
        build=build_jefferson,
        engine=_engine("jefferson", _largest_share),
    ),
    Formulation(
        name="adams_milp",
        title="F7: whole units with the largest smallest share",
        build=build_adams,
        engine=_engine("adams", _smallest_share),
    ),
)
