"""The properties of a settled horizon, each a Finding with its margin and what shows it.

Everything is taken afresh from the environment and the outcome's tables; the deviations are evaluated by linear
programs of their own. Source: zhu2021, Sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mechopt.finding import Finding
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.knapsack import dependent_types
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.outcome import Outcome
from mechopt.program import LinearProgram, to_float
from mechopt.solver import Sequence as Hot

RELATIVE = 1e-9
AGENTS, DEVIATIONS = 4, 6
SUBSETS = 3000


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`, or from elsewhere; `tables.dates`, `tables.agents` and `guarantee` are read.

    Returns:
        efficiency, exhaustiveness, generic_types, unlinked_identity, limited_liability, linked_at_most_unlinked and
        incentive_compatibility (sampled deviations).
    """
    reports = to_float(retract(environment.endowments, environment.lower, environment.upper)[0])
    values = to_float(np.asarray(outcome.tables["dates"]["value"], dtype=object))
    scale = max(1.0, float(values.sum()) * float(environment.discount) ** (1 - len(values)))
    return [
        _efficiency(environment, reports, values),
        _exhaustiveness(environment, outcome),
        _generic_types(environment),
        _unlinked_identity(environment, outcome, values, scale),
        _limited_liability(environment, outcome),
        _linked_at_most_unlinked(environment, outcome, scale),
        _incentives(environment, outcome, reports, scale),
    ]


def _efficiency(environment: Environment, reports: NDArray[np.float64], values: NDArray[np.float64]) -> Finding:
    solver = knapsack(environment)
    best = np.array([float(solver.float_amounts(reports[:, date].sum(axis=0))[1]) for date in range(len(values))])
    gap = np.abs(best - values)
    date = int(np.argmax(gap))
    return Finding(
        property="efficiency",
        margin=-float(gap[date]),
        tolerance=RELATIVE * max(1.0, float(best.max())),
        evidence="the value of each date against the knapsack solved again",
        witness={"date": environment.date_names[date], "value": float(values[date]), "best": float(best[date])},
    )


def _exhaustiveness(environment: Environment, outcome: Outcome) -> Finding:
    amounts = np.array([to_float(np.array(row, dtype=object)) for row in outcome.tables["dates"]["investment"]])
    stock = to_float(environment.stock)
    gap = np.abs(amounts @ to_float(environment.types) - stock)
    date, resource = np.unravel_index(int(np.argmax(gap)), gap.shape)
    return Finding(
        property="exhaustiveness",
        margin=-float(gap[date, resource]),
        tolerance=RELATIVE * max(1.0, float(stock.max())),
        evidence="efficient investment uses every resource entirely (Lemma 1)",
        witness={"date": environment.date_names[date], "resource": environment.resource_names[resource],
                 "stock": float(stock[resource])},
    )  # fmt: skip


def _generic_types(environment: Environment) -> Finding:
    """Condition 2; where it fails only at prices that do not occur, nothing follows for this instance."""
    subset, every = dependent_types(environment.types, largest=SUBSETS)
    evidence = "condition 2, exactly, over every set of types" if every else (
        f"condition 2 where it matters: exactly as many types as resources on each price plane that occurred; "
        f"there are more than {SUBSETS} sets of types to try"
    )  # fmt: skip
    return Finding(
        property="generic_types",
        margin=0 if subset is None else -1,
        tolerance=0,
        evidence=evidence,
        witness=None if subset is None else {"types_on_one_plane": [environment.type_names[kind] for kind in subset]},
    )


def _columns(outcome: Outcome, *names: str) -> list[NDArray[np.float64]]:
    return [to_float(np.asarray(outcome.tables["agents"][name], dtype=object)) for name in names]


def _unlinked_identity(
    environment: Environment, outcome: Outcome, values: NDArray[np.float64], scale: float
) -> Finding:
    contribution, unlinked = _columns(outcome, "contribution", "unlinked_transfer")
    beta, last = float(environment.discount), len(values) - 1
    everything = float(beta ** (np.arange(last + 1) - last) @ values)
    gap = np.abs(contribution * beta**-last + unlinked - everything)
    agent = int(np.argmax(gap))
    return Finding(
        property="unlinked_identity",
        margin=-float(gap[agent]),
        tolerance=RELATIVE * scale,
        evidence="own contribution plus unlinked transfer is everybody's value, for every agent",
        witness={"agent": environment.agent_names[agent], "own": float(contribution[agent]),
                 "unlinked_transfer": float(unlinked[agent]), "value": everything},
    )  # fmt: skip


def _limited_liability(environment: Environment, outcome: Outcome) -> Finding:
    (linked,) = _columns(outcome, "linked_transfer")
    agent = int(np.argmin(linked))
    return Finding(
        property="limited_liability",
        margin=float(linked[agent]),
        tolerance=0,
        evidence="the smallest linked transfer",
        witness={"agent": environment.agent_names[agent], "linked_transfer": float(linked[agent])},
    )


def _linked_at_most_unlinked(environment: Environment, outcome: Outcome, scale: float) -> Finding:
    linked, unlinked = _columns(outcome, "linked_transfer", "unlinked_transfer")
    agent = int(np.argmin(unlinked - linked))
    return Finding(
        property="linked_at_most_unlinked",
        margin=float(unlinked[agent] - linked[agent]),
        tolerance=RELATIVE * scale,
        evidence="the least of a sum of payoffs is at least 0",
        witness={"agent": environment.agent_names[agent], "linked_transfer": float(linked[agent]),
                 "unlinked_transfer": float(unlinked[agent])},
    )  # fmt: skip


def _incentives(environment: Environment, outcome: Outcome, reports: NDArray[np.float64], scale: float) -> Finding:
    """Ex-post gains of sampled reports, inside and outside the bounds; what is subtracted does not depend on them."""
    contribution, unlinked = _columns(outcome, "contribution", "unlinked_transfer")
    last = reports.shape[1] - 1
    payoff = _Payoff(environment, reports)
    rng = np.random.default_rng(0)  # which reports are tried, nothing else
    agents = np.unique(np.linspace(0, len(reports) - 1, AGENTS).astype(int)).tolist()
    best, witness, tried = -np.inf, None, 0
    for agent in agents:
        truth = contribution[agent] + float(environment.discount) ** last * unlinked[agent]
        for report in _deviations(environment, reports[agent], agent, rng):
            gain = payoff.of(agent, report) - truth
            tried += 1
            if gain > best:
                best = gain
                witness = {"agent": environment.agent_names[agent], "gain": gain, "report": report.tolist()}
    return Finding(
        property="incentive_compatibility",
        margin=-float(best),
        tolerance=RELATIVE * scale,
        evidence=f"sampled: {tried} reports of {len(agents)} agents, the others telling the truth",
        witness=witness,
    )


def _deviations(
    environment: Environment, truth: NDArray[np.float64], agent: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Nothing, too much, the whole budget at one date a type, the truth shuffled over dates, and noise."""
    dates, kinds = truth.shape
    budget = dates * to_float(environment.upper[agent])
    yield np.zeros_like(truth)
    yield truth * 3 + budget / dates
    for _ in range(DEVIATIONS - 4):
        corner = np.zeros_like(truth)
        corner[rng.integers(0, dates, kinds), np.arange(kinds)] = budget
        yield corner
    yield truth[rng.permutation(dates)]
    yield truth * rng.uniform(0.0, 2.0, truth.shape)


class _Payoff:
    """An agent's payoff before the part of his transfer that does not depend on his report, date-1 value."""

    def __init__(self, environment: Environment, reports: NDArray[np.float64]) -> None:
        self.environment, self.reports = environment, reports
        self.types, self.stock = to_float(environment.types), to_float(environment.stock)
        self.solver = knapsack(environment)
        self.alone = Hot(
            LinearProgram.from_dense(
                self.types.T,
                sense="max",
                cost=np.ones(len(self.types)),
                lower=0.0,
                upper=0.0,
                row_lower=np.full(self.stock.size, -np.inf),
                row_upper=self.stock,
            )
        )

    def of(self, agent: int, report: NDArray[np.float64]) -> float:
        """Own projects on the resources allocated, plus beta^(T-1) times the unlinked transfer."""
        environment = self.environment
        bounds = (to_float(environment.lower[[agent]]), to_float(environment.upper[[agent]]))
        used = retract(report[None], *bounds)[0][0]
        total = 0.0
        for date in range(len(report)):
            others = self.reports[:, date].sum(axis=0) - self.reports[agent, date]
            before = self.reports[agent + 1 :, date].sum(axis=0)
            amount, value = self.solver.float_amounts(others + used[date])
            served = np.minimum(used[date], np.maximum(amount - before, 0.0))
            own = self.alone.solve(upper=self.reports[agent, date], row_upper=served @ self.types).objective
            total += float(environment.discount) ** date * (own + value - float(served.sum()))
        return total
