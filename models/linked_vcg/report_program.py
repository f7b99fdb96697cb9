"""The report that leaves least to the others, the minimum in the linked transfer, as one mixed-integer program.

The follower (the efficient investment at each date) is written by its optimality conditions: who is served is a ladder
of binaries, prices decide which. Nothing of the engine is used but the environment; this is what it is held against.
Small instances only: tens of binaries a date.

Source: zhu2021, Section 4, definition of the linked VCG mechanism, and Lemma 1; the formulation is ours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import SolutionStatus

from mechopt.errors import InstanceError, SolveError
from mechopt.formulation import Formulation
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import run
from mechopt.mechanisms.linked_vcg.ordered import retract


def build(environment: Environment, agent: int) -> Any:
    """min over one agent's reports of the unlinked transfer, as a Pyomo model.

    Args:
        environment: its reports must keep their bounds (retract first).
        agent: 0 for the first, who is served last.
    """
    types, stock = np.asarray(environment.types, dtype=float), np.asarray(environment.stock, dtype=float)
    reports = np.asarray(environment.endowments, dtype=float)
    _, dates, kinds = reports.shape
    resources = stock.size
    low, high = (dates * np.asarray(b[agent], dtype=float) for b in (environment.lower, environment.upper))
    with np.errstate(divide="ignore"):
        cap = np.where(types > 0, stock / types, np.inf).min(axis=1)  # no type can be invested in more than this
        least = 1 / types[:resources].diagonal()  # p_r >= 1/theta_r(r): the plentiful types earn no rent
        most = 1 / np.where(types > 0, types, np.inf).min(axis=0)  # p_r theta_i(r) <= 1 for a type in use
    before = reports[agent + 1 :].sum(axis=0)  # B: served before him, shape (dates, types)
    after = reports[:agent].sum(axis=0)  # C: served after him
    after[:, :resources] = np.inf  # with the principal
    box = high  # a single date may use up the whole budget

    m = pyo.ConcreteModel(name=f"least left to the others of agent {environment.agent_names[agent]}")
    m.T, m.I, m.R = (pyo.RangeSet(0, size - 1) for size in (dates, kinds, resources))

    def amount(limit: Any) -> Any:
        return pyo.Var(m.T, m.I, bounds=lambda m, t, i: (0, float(limit(t, i))))

    m.report = amount(lambda t, i: box[i])  # x
    m.first = amount(lambda t, i: min(before[t, i], cap[i]))  # b: projects served before his
    m.own = amount(lambda t, i: min(box[i], cap[i]))  # y
    m.later = amount(lambda t, i: min(after[t, i], cap[i]))  # c: served after his
    m.price = pyo.Var(m.T, m.R, bounds=lambda m, t, r: (float(least[r]), float(most[r])))
    for name in ("some", "first_done", "own_done", "all"):  # the ladder: each step only after the one before
        setattr(m, name, pyo.Var(m.T, m.I, within=pyo.Binary))

    def rule(expression: Any) -> Any:
        return pyo.Constraint(m.T, m.I, rule=expression)

    def cost(t: int, i: int) -> Any:
        return pyo.quicksum(m.price[t, r] * types[i, r] for r in m.R)

    m.ladder_1 = rule(lambda m, t, i: m.some[t, i] >= m.first_done[t, i])
    m.ladder_2 = rule(lambda m, t, i: m.first_done[t, i] >= m.own_done[t, i])
    m.ladder_3 = rule(lambda m, t, i: m.own_done[t, i] >= m.all[t, i])
    m.plenty = pyo.Constraint(m.T, m.R, rule=lambda m, t, r: m.all[t, r] == 0)  # the principal never runs out
    m.served_0 = rule(lambda m, t, i: m.first[t, i] <= min(before[t, i], cap[i]) * m.some[t, i])
    m.served_1 = rule(lambda m, t, i: m.first[t, i] >= before[t, i] * m.first_done[t, i])
    m.served_2 = rule(lambda m, t, i: m.own[t, i] <= min(box[i], cap[i]) * m.first_done[t, i])
    m.served_3 = rule(lambda m, t, i: m.own[t, i] <= m.report[t, i])
    m.served_4 = rule(lambda m, t, i: m.report[t, i] - m.own[t, i] <= box[i] * (1 - m.own_done[t, i]))
    m.served_5 = rule(lambda m, t, i: m.later[t, i] <= min(after[t, i], cap[i]) * m.own_done[t, i])
    m.served_6 = rule(
        lambda m, t, i: pyo.Constraint.Skip if i < resources else m.later[t, i] >= after[t, i] * m.all[t, i]
    )
    m.linear_below = rule(  # p . theta < 1: invested in entirely
        lambda m, t, i: 1 - cost(t, i) <= max(0.0, float(1 - least @ types[i])) * m.all[t, i]
    )
    m.linear_above = rule(  # p . theta > 1: not invested in
        lambda m, t, i: cost(t, i) - 1 <= max(0.0, float(most @ types[i] - 1)) * (1 - m.some[t, i])
    )
    m.exhaustive = pyo.Constraint(  # Lemma 1: sum_i alpha_i theta_i = q
        m.T,
        m.R,
        rule=lambda m, t, r: (
            pyo.quicksum((m.first[t, i] + m.own[t, i] + m.later[t, i]) * types[i, r] for i in m.I) == stock[r]
        ),
    )
    m.vertex = pyo.Constraint(  # valid cut: at a price vertex exactly R types are on the plane
        m.T, rule=lambda m, t: pyo.quicksum(m.some[t, i] - m.all[t, i] for i in m.I) == resources
    )
    m.average = pyo.Constraint(  # T lower <= sum_t x_t <= T upper
        m.I, rule=lambda m, i: pyo.inequality(float(low[i]), pyo.quicksum(m.report[t, i] for t in m.T), float(high[i]))
    )
    weight = [float(environment.discount) ** (t + 1 - dates) for t in range(dates)]
    m.left = pyo.Objective(  # uW^n: what everybody else gets, in money at the end of the last date
        expr=pyo.quicksum(weight[t] * (m.first[t, i] + m.later[t, i]) for t in m.T for i in m.I), sense=pyo.minimize
    )
    return m


def solve(environment: Environment, agent: int) -> float:
    """The least unlinked transfer over the agent's reports, by HiGHS.

    Raises:
        SolveError: no proven optimum.
    """
    m = build(environment, agent)
    solver = SolverFactory("highs")
    solver.config.rel_gap = 0.0
    solver.config.solver_options = {"mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9, "presolve": "off"}
    results = solver.solve(m, load_solutions=False, raise_exception_on_nonoptimal_result=False)
    if results.solution_status != SolutionStatus.optimal:
        raise SolveError(f"HiGHS ended {m.name} with {results.termination_condition}; try a smaller instance")
    results.solution_loader.load_vars()
    return float(pyo.value(m.left))


def _least(environment: Environment, agent: int) -> Any:
    """`build` for the retracted reports and agents counted from 1."""
    if not 1 <= agent <= len(environment.endowments):
        raise InstanceError(f"there is no agent {agent}; agents are 1 to {len(environment.endowments)}", key="agent")
    reports, _ = retract(environment.endowments, environment.lower, environment.upper)
    return build(replace(environment, endowments=reports), agent - 1)


def _engine(environment: Environment, agent: int) -> float:
    """What the engine takes off the unlinked transfer to get the linked one."""
    agents = run(environment).tables["agents"]
    return float(agents["unlinked_transfer"][agent - 1]) - float(agents["linked_transfer"][agent - 1])


FORMULATIONS = (
    Formulation(
        name="report",
        title="the report of one agent that leaves least to the others (small instances)",
        build=_least,
        engine=_engine,
        options={"agent": 1},
    ),
)
