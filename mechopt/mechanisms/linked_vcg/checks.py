"""The properties of a settled horizon, each a Finding with its margin and what shows it.

Everything is taken afresh from the environment and the outcome's tables; the deviations are evaluated by linear
programs of their own. Source: zhu2021, Sections 2 to 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mechopt.finding import Finding
from mechopt.mechanisms.linked_vcg.deviations import best_deviation
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.generic_types import dependent_types
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.mechanisms.linked_vcg.potential import cheapest_transfer
from mechopt.mechanisms.linked_vcg.production import Production
from mechopt.outcome import Outcome
from mechopt.program import to_float

RELATIVE = 1e-9
AGENTS, DEVIATIONS, MOST = 4, 6, 60
PROGRAMS = 3000  # linear programs that a sampled check may take
SUBSETS = 3000


def check(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties that apply.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`, or from elsewhere; `tables.dates`, `tables.agents` and `guarantee` are read.

    Returns:
        efficiency, exhaustiveness, generic_types, unlinked_identity, limited_liability, linked_at_most_unlinked,
        incentive_compatibility and taken_off_is_least (sampled deviations) and, where it is not too dear,
        linked_at_least_cheapest (the audit of Theorem 1).
    """
    reports = to_float(retract(environment.endowments, environment.lower, environment.upper)[0])
    values = to_float(np.asarray(outcome.tables["dates"]["value"], dtype=object))
    scale = float(values.sum()) * float(environment.discount) ** (1 - len(values))
    return [
        _efficiency(environment, reports, values),
        _exhaustiveness(environment, outcome),
        _generic_types(environment),
        _unlinked_identity(environment, outcome, values, scale),
        _limited_liability(environment, outcome),
        _linked_at_most_unlinked(environment, outcome, scale),
        *_incentives(environment, outcome, reports, scale),
        *_cheapest(environment, outcome, scale),
    ]


def _efficiency(environment: Environment, reports: NDArray[np.float64], values: NDArray[np.float64]) -> Finding:
    solver = knapsack(environment)
    best = np.array([float(solver.float_amounts(reports[:, date].sum(axis=0))[1]) for date in range(len(values))])
    gap = np.abs(best - values)
    date = int(np.argmax(gap))
    return Finding(
        property="efficiency",
        margin=-float(gap[date]),
        tolerance=RELATIVE * float(best.max()),
        evidence="the value of each date against the knapsack solved again",
        witness={"date": environment.date_names[date], "value": float(values[date]), "best": float(best[date])},
    )


def _exhaustiveness(environment: Environment, outcome: Outcome) -> Finding:
    amounts = np.array([to_float(np.array(row, dtype=object)) for row in outcome.tables["dates"]["investment"]])
    stock = to_float(environment.stock)
    gap = np.abs(amounts @ to_float(environment.types) - stock) / stock  # resources may have very different units
    date, resource = np.unravel_index(int(np.argmax(gap)), gap.shape)
    return Finding(
        property="exhaustiveness",
        margin=-float(gap[date, resource]),
        tolerance=RELATIVE,
        evidence="efficient investment uses every resource entirely (Lemma 1); the margin is a share of the stock",
        witness={"date": environment.date_names[date], "resource": environment.resource_names[resource],
                 "stock": float(stock[resource])},
    )  # fmt: skip


def _generic_types(environment: Environment) -> Finding:
    """Condition 2 among the types that somebody can have, and what follows where it fails.

    A price plane with more types on it than resources that did occur is an InstanceError of `run`: who is served would
    depend on an arbitrary choice. So where there is an outcome, the condition can fail only at other prices.
    """
    possible = np.flatnonzero(knapsack(environment).possible)
    subset, every = dependent_types(environment.types[possible], largest=SUBSETS)
    if subset is not None:
        evidence = (
            "condition 2 fails, exactly, but at no price met here: this result is as it should be; where reports lead "
            "to such a price the model is refused, unless a requirement is changed slightly or equal types are merged"
        )
    elif every:
        evidence = "condition 2, exactly, over every set of types that somebody can have"
    else:
        evidence = (
            "condition 2 where it matters: exactly as many types as resources on each price plane that occurred; "
            f"there are more than {SUBSETS} sets of types to try"
        )
    return Finding(
        property="generic_types",
        margin=0 if subset is None else -1,
        tolerance=0,
        evidence=evidence,
        witness=None if subset is None else {
            "types_on_one_plane": [environment.type_names[possible[kind]] for kind in subset]
        },
    )  # fmt: skip


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


def _incentives(
    environment: Environment, outcome: Outcome, reports: NDArray[np.float64], scale: float
) -> list[Finding]:
    """Ex-post gains of some reports of some agents, and whether one leaves less to the others than is taken off."""
    contribution, unlinked, linked = _columns(outcome, "contribution", "unlinked_transfer", "linked_transfer")
    dates = reports.shape[1]
    end = float(environment.discount) ** (1 - dates)
    agents = _picked(len(reports))
    count = min(MOST, max(DEVIATIONS, PROGRAMS // (2 * dates * len(agents))))
    found = [
        best_deviation(
            environment, agent, count=count, production=Production(environment, agent, reports),
            truth=float(contribution[agent] * end + unlinked[agent]),
        )
        for agent in agents
    ]  # fmt: skip
    best = max(found, key=lambda deviation: deviation.gain)
    tried = {kind: sum(deviation.tried[kind] for deviation in found) for kind in best.tried}
    told = ", ".join(f"{number} {name}" for number, name in zip(
        tried.values(), ("corners of the bounds", "reports inside", "reports outside"), strict=True))  # fmt: skip
    # What is taken off must be the least of all reports; a sample can show that it is not.
    room = [one.least_left - (unlinked[agent] - linked[agent]) for agent, one in zip(agents, found, strict=True)]
    tight = int(np.argmin(room))
    return [
        Finding(
            property="incentive_compatibility",
            margin=-best.gain,
            tolerance=RELATIVE * scale,
            evidence=f"sampled: {told}, of {len(agents)} agents, the others telling the truth",
            witness={"agent": best.agent, "gain": best.gain, "kind": best.kind, "report": best.report.tolist()},
        ),
        Finding(
            property="taken_off_is_least",
            margin=float(room[tight]),
            tolerance=RELATIVE * scale,
            evidence="sampled: no report tried leaves the others less than the linked transfer takes off",
            witness={"agent": found[tight].agent, "least_left": found[tight].least_left,
                     "taken_off": float(unlinked[agents[tight]] - linked[agents[tight]])},
        ),
    ]  # fmt: skip


def _picked(count: int) -> list[int]:
    """Some agents, spread over the order in which they are served."""
    return [int(agent) for agent in np.unique(np.linspace(0, count - 1, AGENTS).astype(int))]


def _cheapest(environment: Environment, outcome: Outcome, scale: float) -> list[Finding]:
    """The linked transfer against the longest-path potential; left out where a useful sample would cost too much."""
    unlinked, linked = _columns(outcome, "unlinked_transfer", "linked_transfer")
    dates = environment.endowments.shape[1]
    agents = _picked(len(linked))
    count = min(12, int((PROGRAMS / (dates * len(agents))) ** 0.5))
    if count < 3:
        return []
    found = [
        cheapest_transfer(environment, agent, count=count, taken_off=float(unlinked[agent] - linked[agent]))
        for agent in agents
    ]
    room = [linked[agent] - one.cheapest[0] for agent, one in zip(agents, found, strict=True)]
    tight = int(np.argmin(room))
    return [
        Finding(
            property="linked_at_least_cheapest",
            margin=float(room[tight]),
            tolerance=RELATIVE * scale,
            evidence=f"longest path over {count} reports of {len(agents)} agents: no efficient ex-post mechanism with "
            "this allocation pays less than `proven`; that the linked transfer is the cheapest (Theorem 1) is false in "
            "general, so a margin above 0 is no fault",
            witness={"agent": [one.agent for one in found], "linked_transfer": linked[agents].tolist(),
                     "proven": [float(one.cheapest[0]) for one in found]},
        )
    ]  # fmt: skip
