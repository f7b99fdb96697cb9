"""What a group would decide: a*(m|G) as a linear and as a mixed-integer program. F1 and F2.

max of the stated value of the members of G over what can be decided. With a finite set of decisions that is a choice
of one of them (as a linear program: of probabilities, whose best point can be taken to be a single decision); with a
[program], of the amounts that its rows allow. F1 ignores that some amounts are whole and then bounds F2.

Extend them with side constraints of your own: least amounts, things that exclude each other, a reserve.

Source: chassang2021, Section 2, a*(m|G); the groups I and I\\i of Section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from mechopt import solver
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.limited_liability import groups
from mechopt.mechanisms.limited_liability.allotment import GroupProblems
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.program import LinearProgram, MixedIntegerProgram, to_float


def place(environment: Environment, period: int, group: int) -> tuple[int, list[int]]:
    """The row of a period, and the members of a group: 0 is everybody, i everybody but agent i.

    Raises:
        InstanceError: there is no such period or group.
    """
    periods, agents, _ = environment.values.shape
    if not 1 <= period <= periods:
        raise InstanceError(f"must be from 1 to {periods}, not {period}", key="period")
    if not 0 <= group <= agents:
        raise InstanceError(f"must be from 0 (everybody) to {agents} (everybody but agent {agents})", key="group")
    return period - 1, [agent for agent in range(agents) if agent != group - 1]


def build_lp(environment: Environment, period: int, group: int) -> pyo.ConcreteModel:
    """F1: the best decision of a group, divisible, as a Pyomo model."""
    return _build(environment, period, group, whole=False)


def build_milp(environment: Environment, period: int, group: int) -> pyo.ConcreteModel:
    """F2: the same with decisions, and amounts that are whole, as integers."""
    return _build(environment, period, group, whole=True)


def _build(environment: Environment, period: int, group: int, *, whole: bool) -> pyo.ConcreteModel:
    row, members = place(environment, period, group)
    name = f"a*(m|G), period {period}, group {group}, {'F2' if whole else 'F1'}"
    if environment.program is not None:
        return _amounts(environment, row, members, name, whole=whole)
    stated = to_float(environment.values)[row]
    m = pyo.ConcreteModel(name=name)
    m.decisions = pyo.RangeSet(0, stated.shape[1] - 1)
    m.members = pyo.Set(initialize=members)
    m.stated = pyo.Param(  # m_i(a)
        m.members, m.decisions, initialize=lambda m, i, a: float(stated[i, a])
    )
    m.taken = pyo.Var(m.decisions, within=pyo.Binary if whole else pyo.UnitInterval)  # x_a
    m.one_decision = pyo.Constraint(expr=pyo.quicksum(m.taken[a] for a in m.decisions) == 1)
    m.value = pyo.Objective(  # max sum_{i in G} m_i(a) x_a
        expr=pyo.quicksum(m.stated[i, a] * m.taken[a] for i in m.members for a in m.decisions), sense=pyo.maximize
    )
    return m


def _amounts(environment: Environment, row: int, members: list[int], name: str, *, whole: bool) -> pyo.ConcreteModel:
    """The same over the feasible set of a [program]: who gets how much of what."""
    source = _source(environment)
    program, worth = source.allotment.program, _worth(environment, row, members)
    lower, upper = to_float(program.lower), to_float(program.upper)
    low, high = to_float(program.row_lower), to_float(program.row_upper)
    matrix = np.zeros((program.rows, program.columns))
    for column in range(program.columns):
        entries = slice(program.start[column], program.start[column + 1])
        matrix[program.index[entries], column] = to_float(program.value)[entries]
    integer = program.integer if whole and isinstance(program, MixedIntegerProgram) else np.zeros(program.columns, bool)
    m = pyo.ConcreteModel(name=name)
    m.columns, m.rows = pyo.RangeSet(0, program.columns - 1), pyo.RangeSet(0, program.rows - 1)
    m.amount = pyo.Var(
        m.columns,
        within=lambda m, k: pyo.Integers if integer[k] else pyo.Reals,
        bounds=lambda m, k: (_side(lower[k]), _side(upper[k])),
    )
    m.within = pyo.Constraint(  # capacities, budgets, balances of a network
        m.rows,
        rule=lambda m, r: pyo.inequality(
            _side(low[r]),
            pyo.quicksum(float(matrix[r, k]) * m.amount[k] for k in np.flatnonzero(matrix[r]).tolist()),
            _side(high[r]),
        ),
    )
    m.value = pyo.Objective(expr=pyo.quicksum(float(worth[k]) * m.amount[k] for k in m.columns), sense=pyo.maximize)
    return m


def _side(limit: Any) -> float | None:
    return float(limit) if np.isfinite(limit) else None


def _source(environment: Environment) -> Any:
    if environment.program is None:
        raise InstanceError("decisions are a finite set here", key="program")
    return environment.program


def _worth(environment: Environment, row: int, members: list[int]) -> NDArray[np.float64]:
    """Stated value per unit of each column to the group, shape (columns,)."""
    source = _source(environment)
    return np.where(np.isin(source.allotment.owner, members), source.values[row], 0.0)


def _engine_lp(environment: Environment, period: int, group: int) -> float:
    """The engine's: the first best decision; the linear program of a [program] by the engine's own solver."""
    row, members = place(environment, period, group)
    if environment.program is None:
        return _first_best(environment, row, members, group)
    program = environment.program.allotment.program
    names = ("sense", "lower", "upper", "row_lower", "row_upper", "start", "index", "value")
    relaxed = LinearProgram(cost=_worth(environment, row, members), **{name: getattr(program, name) for name in names})
    return solver.solve(relaxed).objective


def _engine_milp(environment: Environment, period: int, group: int) -> float:
    """The engine's: the group problems of the allotment, with their skip rule and hot starts."""
    row, members = place(environment, period, group)
    if environment.program is None:
        return _first_best(environment, row, members, group)
    found = GroupProblems(environment.program.allotment, options=solver.Options(absolute_gap=1e-9)).decide(
        np.asarray(environment.program.values[row], dtype=np.float64)
    )
    return float(found.stated[group][members].sum())


def _first_best(environment: Environment, row: int, members: list[int], group: int) -> float:
    stated = to_float(environment.values)[row]
    decision = int(groups.decisions(stated)[group])
    return float(stated[members, decision].sum())


FORMULATIONS = (
    Formulation(
        name="allotment_lp", title="F1: what a group would decide, divisible", build=build_lp, engine=_engine_lp,
        options={"period": 1, "group": 0},
    ),
    Formulation(
        name="allotment_milp", title="F2: what a group would decide, whole", build=build_milp, engine=_engine_milp,
        options={"period": 1, "group": 0},
    ),
)  # fmt: skip
