"""The designs side by side: incentives, balance, participation, deficits, variance, collusion, what each must know."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.mechanisms.borrowing.budget import moments
from mechopt.mechanisms.borrowing.conditional import welfare_given
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import Game, ex_post_nash, game
from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations
from mechopt.mechanisms.borrowing.transfers import balancing

INFORMATION = {
    "one_stage": "values; times once observed",
    "two_stage": "E[W*] under the belief",
    "feedback": "E[W*] under the belief; the budget so far",
    "pivot": "nothing",
    "pivot_balanced": "E[min(L1, L2)] under the belief",
    "minimum_variance": "E[W* | each report] under the belief",
}
KAPPA = Fraction(1, 2)
GRID = 6  # times a density piece in the table's deviation checks


def designs(environment: Environment, expectations: Expectations) -> dict[str, list[Any]]:
    """`tables.designs`: every design for two agents on this belief.

    Columns: design; incentive_compatible (every deviation on a grid); balance ("ex post", "ex ante", "no deficit",
    "none"); individually_rational (utility never below own payoff from going second, on the grid); largest_deficit
    (T1 + T2 at its worst on the grid); variance of T1 + T2 per round; collusion_drift (what both can take a round by
    reporting the top payoff of 1 for being first and shifting the rest along); information.
    """
    found = game(environment, grid=GRID)
    table: dict[str, list[Any]] = {
        name: []
        for name in ("design", "incentive_compatible", "balance", "individually_rational", "largest_deficit",
                     "variance", "collusion_drift", "information")
    }  # fmt: skip
    falling = all(environment.values[name].nonincreasing(Fraction(0), Fraction(2))
                  for agent in environment.agents for name, p in agent.beliefs if p)  # fmt: skip
    honest = bool(ex_post_nash(found, scope="all").holds)
    known = bool(ex_post_nash(found, scope="fixed", shares=(Fraction(0), Fraction(1))).holds)
    drift = shift_drift(expectations).value
    for design in INFORMATION:
        deficits, utilities = _on_grid(environment, expectations, design, found)
        balance = {"one_stage": "ex post", "pivot": "no deficit" if falling else "none"}.get(design, "ex ante")
        row = (
            design,
            known if design == "one_stage" else honest,
            balance,
            utilities >= 0,
            _show(max(deficits), environment),
            _show(_variance(expectations, design), environment),
            _show(Fraction(0) if design == "one_stage" else drift, environment),
            INFORMATION[design],
        )
        for column, item in zip(table.values(), row, strict=True):
            column.append(item)
    return table


def shift_drift(expectations: Expectations) -> Estimate:
    """What both take a round, beyond the truth, by adding 1 - v_j(t_j) to every second-stage report.

    For nonincreasing values it takes own information only, and it is an equilibrium: no order moves the shift.
    """
    return Estimate(value=Fraction(2)) - expectations.of(lambda part: part.apart)


def _variance(expectations: Expectations, design: str) -> Any:
    plain = {"pivot_balanced": "pivot", "feedback": "two_stage"}.get(design, design)
    variance = moments(expectations, plain)[0].value
    # B_r = (1 - kappa) B_{r-1} + X_r: the stationary variance of the BUDGET, where the others' grows with the rounds.
    return variance / (1 - (1 - KAPPA) ** 2) if design == "feedback" else variance


def _on_grid(environment: Environment, expectations: Expectations, design: str, found: Game) -> tuple[list[Any], Any]:
    """Sums of transfers at every profile of the grid, and the least utility less own payoff from going second."""
    deficits: list[Any] = []
    least: Any = None
    constant = balancing(expectations, "two_stage" if design == "feedback" else design.removesuffix("_balanced")).value
    given = _means(expectations, found) if design == "minimum_variance" else ([], [])
    for i in range(len(found.types[0])):
        for j in range(len(found.types[1])):
            best = Fraction(int(max(found.first[i, j], found.second[i, j]))) * found.unit
            own = Fraction(int(found.own[0][i])) * found.unit, Fraction(int(found.own[1][j])) * found.unit
            late = tuple(Fraction(int(found.late[a][i, j])) * found.unit for a in (0, 1))
            if design == "one_stage":
                utility = (Fraction(0), best)
            elif design in ("two_stage", "feedback"):
                utility = (best + constant, best + constant)
            elif design == "minimum_variance":
                utility = (best - given[1][j] + constant, best - given[0][i] + constant)
            else:
                extra = constant if design == "pivot_balanced" else 0
                utility = (best - own[1] + extra, best - own[0] + extra)
            deficits.append(utility[0] + utility[1] - best)
            gain = min(utility[0] - late[0], utility[1] - late[1])
            least = gain if least is None or gain < least else least
    return deficits, least


def _means(expectations: Expectations, found: Game) -> tuple[list[Any], list[Any]]:
    """E[W* | type] at every type of the grid, by agent."""
    values = expectations.environment.values
    means: list[list[Any]] = []
    for agent in (0, 1):
        types = found.types[agent]
        if expectations.exact:
            means.append([expectations.given(agent, values[name], time).value for name, time in types])
            continue
        rough = [welfare_given(expectations, agent, values[name], np.array([float(time)]))[0] for name, time in types]
        means.append([float(mean) for mean in rough])
    return means[0], means[1]


def _show(value: Any, environment: Environment) -> Any:
    return value if environment.arithmetic == "exact" else exact.as_float(value)
