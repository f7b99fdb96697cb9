"""The best an agent could do, knowing everything: exact search over a short horizon, a lower bound over a longer one.

In Sections 4 to 7 the regrets do not depend on the draw, so that a sequence of group decisions fixes the whole path.
What an agent states matters only through the decisions of the groups it is in; which combinations it can bring about is
a system of difference constraints m(a) - m(d) <= c, solved by shortest paths. States that are equal are merged and keep
the better payoff. The result over the horizon is the true gain against the epsilon that is certified.

Source: chassang2021, epsilon-Nash equilibrium of Propositions 2 and 4; an agent with foresight bounds every strategy.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import groups
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.paths import Array, Paths
from mechopt.program import to_float

FORESEEABLE = ("baseline", "consistent", "discounted")  # where the regrets do not depend on the draw
STATE = ("transfer", "first", "second")
MOST_STATES = 20_000
MOST_COMBINATIONS = 20_000
MERGED = 9  # decimals at which states count as equal
FEASIBLE = 1e-12  # a cycle of constraints that rounding makes this negative is none
MARGIN = 1e-9  # by which a decision must beat those before it; a tie goes to the smallest index


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deviation:
    """The best deviation found.

    Attributes:
        agent: its position.
        payoff: expected over the draws, total of the horizon, discounted where the variant is.
        truth: the same under the truth.
        gain: (payoff - truth) a period (times 1 - delta where discounted): the epsilon that this instance needs.
        exact: whether every state was kept; else the payoff is a lower bound.
        stated: what to state, shape (periods, decisions).
        decisions: a*(G) along the path, shape (periods, groups).
        states: most states kept at the end of a period.
    """

    agent: int
    payoff: float
    truth: float
    gain: float
    exact: bool
    stated: Array
    decisions: NDArray[np.int64]
    states: int


def best_deviation(environment: Environment, agent: int, *, most_states: int = MOST_STATES) -> Deviation:
    """The best sequence of statements of one agent against the others as recorded.

    Args:
        environment: values are the others' statements and the agent's true values; outputs are foreseen.
        agent: its position.
        most_states: kept at the end of a period; the best, where there are more.

    Raises:
        InstanceError: the regrets of the variant depend on the draw, or there are too many combinations of decisions.
    """
    rules = environment.rules
    if rules.variant not in FORESEEABLE or rules.limits is not None:
        raise InstanceError(f"a best deviation is searched for {', '.join(FORESEEABLE)} without limits", key="variant")
    if environment.program is not None:
        raise InstanceError("a misreport would change every optimum of the [program]", key="program")
    values, outputs = to_float(environment.values), to_float(environment.outputs)
    count, _, decisions = values.shape
    if decisions**rules.agents > MOST_COMBINATIONS:
        raise InstanceError(f"{decisions} decisions of {rules.agents} groups are too many to search", key="values")
    delta = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
    nodes = _Nodes(rules.agents)
    trail: list[tuple[NDArray[np.int64], NDArray[np.int64], Array]] = []  # parent, combination, statements
    largest, exact = 1, True
    for period in range(count):
        combinations, stated = reachable(values[period], agent, float(environment.output_bound))
        paths, gain, parent, choice = _expand(environment, nodes, combinations, outputs[period], agent)
        payoff = nodes.payoff[parent] + delta**period * gain
        kept = _merge(paths, payoff)
        if kept.size > most_states:
            kept, exact = kept[np.argsort(-payoff[kept], kind="stable")[:most_states]], False
        nodes = _Nodes.of(paths, kept, payoff)
        largest = max(largest, kept.size)
        trail.append((parent[kept], combinations[choice[kept]], stated[choice[kept]]))
    best = int(np.argmax(nodes.payoff))
    total, truth = float(nodes.payoff[best]), truthful(environment, agent)
    said, chosen = [], []
    for parents, combinations, stated in reversed(trail):
        said.append(stated[best])
        chosen.append(combinations[best])
        best = int(parents[best])
    scale = (1 - delta) if delta < 1 else 1 / count
    return Deviation(
        agent=agent, payoff=total, truth=truth, gain=(total - truth) * scale, exact=exact,
        stated=np.array(said[::-1]), decisions=np.array(chosen[::-1]), states=largest,
    )  # fmt: skip


def truthful(environment: Environment, agent: int) -> float:
    """Expected payoff of the horizon where everybody states the recorded values."""
    return replayed(environment, agent, to_float(environment.values)[:, agent])


def replayed(environment: Environment, agent: int, stated: Array) -> float:
    """Expected payoff of an agent that states these values, shape (periods, decisions)."""
    rules = environment.rules
    values, outputs = to_float(environment.values).copy(), to_float(environment.outputs)
    values[:, agent] = stated
    delta = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
    paths, total = Paths(rules, 1), 0.0
    for period in range(len(values)):
        proposal = paths.propose(values[period : period + 1])
        produced = groups.taken(outputs[period : period + 1], proposal.decisions)
        step = paths.settle(proposal, produced, np.zeros(1, dtype=np.intp))
        total += delta**period * float((step.shares[0] * produced[0, :, agent]).sum() - step.expected[0, agent])
    return total


def reachable(values: Array, agent: int, bound: float) -> tuple[NDArray[np.int64], Array]:
    """Combinations of group decisions that an agent can bring about, and what to state for each.

    Args:
        values: stated by the others, shape (agents, decisions); the agent's own row is not used.
        agent: its position.
        bound: y_max; statements lie in [0, y_max].

    Returns:
        Decisions of all groups, shape (combinations, groups), and statements, shape (combinations, decisions).
    """
    agents, count = values.shape
    others = values.copy()
    others[agent] = 0.0
    base = np.array(list(groups.without_each(others, 0)))  # (groups, decisions): what the group has without the agent
    with_agent = [group for group in range(agents + 1) if group != agent + 1]
    fixed = int(np.argmax(base[agent + 1]))
    tuples = np.array(list(itertools.product(range(count), repeat=agents)), dtype=np.int64)
    limits = [base[group][tuples[:, place]][:, None] - base[group][None, :] for place, group in enumerate(with_agent)]
    weak = _distances(tuples, limits, bound, strict=False)
    possible = (np.diagonal(weak, axis1=1, axis2=2) >= -FEASIBLE).all(axis=1)
    tuples, weak = tuples[possible], weak[possible]
    clear = _distances(tuples, [limit[possible] for limit in limits], bound, strict=True)
    inside: NDArray[np.bool_] = np.all(np.diagonal(clear, axis1=1, axis2=2) >= -FEASIBLE, axis=1)
    distance = np.where(inside[:, None, None], clear, weak)  # off the ties where that is possible
    decisions = np.empty((len(tuples), agents + 1), dtype=np.int64)
    decisions[:, with_agent] = tuples
    decisions[:, agent + 1] = fixed
    stated = (distance[:, count, :count] - distance[:, :count, count]) / 2  # between the largest and the least
    return decisions, np.clip(stated, 0.0, bound)


def _distances(tuples: NDArray[np.int64], limits: list[Array], bound: float, *, strict: bool) -> Array:
    """Shortest paths of the difference constraints, shape (combinations, decisions + 1, decisions + 1).

    Entry [u, a] bounds m(a) - m(u); the last node is the number 0, so that 0 <= m <= y_max.
    """
    count = limits[0].shape[1]
    distance = np.full((len(tuples), count + 1, count + 1), np.inf)
    distance[:, count, :count] = bound
    distance[:, :count, count] = 0.0
    rows = np.arange(len(tuples))
    for place, limit in enumerate(limits):
        chosen = tuples[:, place]
        other = np.arange(count)[None, :] != chosen[:, None]
        beaten = other if strict else np.arange(count)[None, :] < chosen[:, None]
        limit = limit - MARGIN * beaten
        distance[rows, chosen, :count] = np.minimum(distance[rows, chosen, :count], limit)
    for middle in range(count + 1):
        through = distance[:, :, middle, None] + distance[:, middle, None, :]
        distance = np.minimum(distance, through)
    return distance


class _Nodes:
    """States at the end of a period with the best payoff that leads there."""

    def __init__(self, agents: int) -> None:
        self.allocation: Array = np.zeros(1)
        self.rows: dict[str, Array] = {name: np.zeros((1, agents)) for name in STATE}
        self.payoff: Array = np.zeros(1)

    @classmethod
    def of(cls, paths: Paths, kept: NDArray[np.int64], payoff: Array) -> _Nodes:
        nodes = cls(paths.rules.agents)
        nodes.allocation, nodes.payoff = paths.allocation[kept], payoff[kept]
        nodes.rows = {name: getattr(paths, name)[kept] for name in STATE}
        return nodes


def _expand(
    environment: Environment, nodes: _Nodes, combinations: NDArray[np.int64], outputs: Array, agent: int
) -> tuple[Paths, Array, NDArray[np.int64], NDArray[np.int64]]:
    """Every state under every combination: the paths, the period's expected payoff, and where each came from."""
    states = nodes.payoff.size
    parent = np.repeat(np.arange(states), len(combinations))
    choice = np.tile(np.arange(len(combinations)), states)
    paths = Paths(environment.rules, parent.size)
    paths.allocation = nodes.allocation[parent]
    for name, rows in nodes.rows.items():
        setattr(paths, name, rows[parent])
    chosen = combinations[choice]
    proposal = paths.propose_decisions(chosen)
    produced = np.ascontiguousarray(outputs.T[chosen])  # (paths, groups, agents)
    step = paths.settle(proposal, produced, np.zeros(parent.size, dtype=np.intp))
    gain = (step.shares * produced[:, :, agent]).sum(axis=1) - step.expected[:, agent]
    return paths, gain, parent, choice


def _merge(paths: Paths, payoff: Array) -> NDArray[np.int64]:
    """For each distinct state the path with the best payoff."""
    key: Any = np.column_stack([paths.allocation, *(getattr(paths, name) for name in STATE)]).round(MERGED) + 0.0
    order = np.argsort(-payoff, kind="stable")
    _, first = np.unique(key[order], axis=0, return_index=True)
    return np.sort(order[first])
