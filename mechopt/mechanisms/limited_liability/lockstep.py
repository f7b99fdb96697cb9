"""What many paths do in one period, in plain numpy with paths side by side in memory: the last axis is always the path.

Sums run in agent and group order, one row after the other, number by number as in `online.py`, so that both agree to
the last bit. Everything is a few operations on large blocks: a call of numpy costs as much as a thousand numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.limited_liability.arithmetic import SNAP

CLOSE = 1e-14  # of the largest total and for each agent; a sum of n values >= 0 is off by at most n 2^-53 of itself
MANY = 8  # agents; sums in agent order of fewer cost no more than looking for near ties
Array = NDArray[np.float64]


class Workspace:
    """Memory that is used again every period: new blocks of this size cost more than what is done with them."""

    def __init__(self) -> None:
        self._blocks: dict[str, NDArray[Any]] = {}

    def block(self, name: str, shape: tuple[int, ...], kind: Any = np.float64) -> NDArray[Any]:
        """An array of that shape, with whatever was left in it."""
        found = self._blocks.get(name)
        if found is None or found.shape != shape or found.dtype != kind:
            found = self._blocks[name] = np.empty(shape, kind)
        return found


def leave_each_out(rows: Array, found: Array) -> None:
    """The total over all agents into `found[0]`, over all but agent 1, ..., n into the next, in agent order.

    Args:
        rows: shape (agents, ...).
        found: shape (agents + 1, ...).
    """
    total = found[0]
    total[...] = 0.0
    for agent, row in enumerate(rows):  # sums over those before an agent go on without it
        found[agent + 1] = total
        total += row
        if agent:
            found[1 : agent + 1] += row


def decide(values: Array, workspace: Workspace) -> NDArray[np.int64]:
    """a*(G): the first decision with the largest total stated value in agent order, shape (groups, paths).

    Sums in agent order are many where agents are. Totals less the agent's own differ from them by rounding, far less
    than `CLOSE` of the largest total: where one decision is ahead of all others by more, it is the one, and only the
    other paths are decided `in_order`; all of them where values are so coarse that many paths have ties.

    Args:
        values: stated, >= 0, shape (agents, decisions, paths).
        workspace: of the caller.
    """
    agents, count, paths = values.shape
    if agents < MANY:
        return in_order(values, workspace)
    kind, block = np.min_scalar_type(count), (count, paths)
    total, rest = workspace.block("total", block), workspace.block("rest", block)
    ahead, numbered = workspace.block("ahead", block, np.bool_), workspace.block("numbered", block, kind)
    number, ones = np.arange(count, dtype=kind)[:, None], ahead.view(np.uint8)
    place, unclear = np.empty((agents + 1, paths), kind), np.zeros(paths, np.bool_)
    np.add.reduce(values, axis=0, out=total)
    best: Array = np.maximum.reduce(total, axis=0)
    near = CLOSE * agents * best
    worth = total
    for group in range(agents + 1):
        if group:
            worth = np.subtract(total, values[group - 1], out=rest)
            np.maximum.reduce(worth, axis=0, out=best)
        best -= near
        np.greater_equal(worth, best, out=ahead)
        unclear |= np.add.reduce(ones, axis=0, dtype=kind) != 1
        if 4 * np.count_nonzero(unclear) > paths:
            return in_order(values, workspace)
        np.multiply(ones, number, out=numbered)
        np.add.reduce(numbered, axis=0, dtype=kind, out=place[group])  # of one decision only, or it is decided again
    chosen = place.astype(np.int64)
    if unclear.any():
        chosen[:, unclear] = in_order(np.ascontiguousarray(values[:, :, unclear]), Workspace())
    return chosen


def in_order(values: Array, workspace: Workspace) -> NDArray[np.int64]:
    """The same by sums in agent order for every path: the plain version."""
    agents, count, paths = values.shape
    worth = workspace.block("worth", (agents + 1, count, paths))
    leave_each_out(values, worth)
    kind, shape = np.min_scalar_type(count), (agents + 1, paths)
    place, number, ahead = np.zeros(shape, kind), np.empty(shape, kind), np.empty(shape, np.bool_)
    best = worth[:, 0]
    for decision in range(1, count):
        np.greater(worth[:, decision], best, out=ahead)
        np.multiply(ahead, kind.type(decision), out=number)
        np.maximum(place, number, out=place)  # later decisions have larger numbers
        np.maximum(best, worth[:, decision], out=best)
    return place.astype(np.int64)


def under(numbers: Array, chosen: NDArray[np.int64]) -> Array:
    """Each agent's number under each group's decision, shape (agents, groups, paths).

    Args:
        numbers: shape (agents, decisions, paths).
        chosen: shape (groups, paths).
    """
    agents, _, paths = numbers.shape
    index = chosen * paths
    index += np.arange(paths)
    found = np.empty((agents, *chosen.shape))
    flat = numbers.reshape(agents, -1)
    for agent in range(agents):
        flat[agent].take(index, out=found[agent], mode="clip")  # clipping nothing: "raise" would copy first
    return found


def drawn(produced: Array, group: NDArray[np.intp]) -> Array:
    """Outputs under the drawn group's decision, shape (agents, paths).

    Args:
        produced: shape (agents, groups, paths).
        group: shape (paths,).
    """
    return under(produced, group[None])[:, 0]


def mixed(shares: Array, produced: Array, workspace: Workspace) -> tuple[Array, Array]:
    """Y(I) - Y(mu), shape (paths,), and Y_{-i}(I\\i) - Y_{-i}(mu), shape (agents, paths).

    Differences are taken before they are mixed, in group order.

    Args:
        shares: mu, shape (groups, paths).
        produced: shape (agents, groups, paths).
        workspace: of the caller, who gets parts of it back.
    """
    sums = workspace.block("sums", (len(shares), *shares.shape))
    leave_each_out(produced, sums)
    for left_out, row in enumerate(sums):
        own = row[left_out].copy()
        np.subtract(own, row, out=row)
    sums *= shares
    found = mixture(sums)
    return found[0], found[1:]


def mixture(terms: Array) -> Array:
    """The sum over groups in their order, shape (..., paths), for terms of shape (..., groups, paths)."""
    if terms.shape[-1] > 1:  # row by row, since paths lie side by side; of a single path numpy would pair terms
        return np.asarray(np.add.reduce(terms, axis=-2))
    return np.asarray(np.add.accumulate(terms, axis=-2)[..., -1, :])


def proportional(pressures: Array) -> Array:
    """mu, shape (groups, paths): in proportion to weights >= 0 of that shape, all to the first where all are 0."""
    whole = pressures[0].copy()
    for row in pressures[1:]:
        whole += row
    nobody = whole <= 0.0
    whole[nobody] = 1.0
    found: Array = pressures / whole
    found[0, nobody] = 1.0
    return found


def pick(shares: Array, draws: Array) -> NDArray[np.intp]:
    """The first group whose cumulated probability exceeds the draw; beyond the total, the last possible group.

    Args:
        shares: shape (groups, paths).
        draws: shape (paths,).
    """
    kind = np.min_scalar_type(len(shares))
    cumulated, passed, last = np.zeros_like(draws), np.zeros(draws.shape, kind), np.zeros(draws.shape, kind)
    for group, share in enumerate(shares):
        cumulated += share
        passed += cumulated <= draws
        np.maximum(last, (share > 0) * kind.type(group), out=last)
    return np.minimum(passed, last).astype(np.intp)


def snap(regret: Array) -> Array:
    """The same array with 0 where a regret is within 1e-12 of it: the rules are discontinuous there."""
    regret[np.abs(regret) <= SNAP] = 0.0
    return regret


def rows(array: NDArray[Any]) -> NDArray[Any]:
    """Paths first, as everybody else has them, turned to paths last; a copy only where they lie differently."""
    return np.ascontiguousarray(np.moveaxis(array, 0, -1))
