"""One path of the mechanism for numba: an optional extra. Every float is that of `online.py` to the last bit.

Sums that are kept run in the same order and without fast-math flags. What does not depend on regrets is found for a
block of periods at once, see `compiled_blocks`; what is left is a chain of sums and divisions, each of which waits for
the one before. Choices between two numbers are written so that they need no branch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mechopt.mechanisms.limited_liability.compiled_blocks import decide, inlined, jit, length, tabulate

SNAP = 1e-12  # as in `arithmetic.py`
TRANSFER, FIRST, SECOND, VALUE, HELD, IDLE = range(6)  # rows of `vectors`, in the order of `record.VECTORS`
PIVOT, PLAIN, SMOOTHED, BOUNDED, ESTIMATED = range(5)


class Options(NamedTuple):
    """Which mechanism: `code` as above, payment = "debt", propensity = "action", use_regret_b, delta or 1."""

    code: int
    debt: bool
    by_action: bool
    use_b: bool
    fade: float


class Rows(NamedTuple):
    """What is recorded, as in `record.Record`: one row a period, or a single row for the last.

    `kept` are the rows of `vectors` that `histories` (rows, kept, agents) takes.
    """

    decisions: Any
    group: Any
    shares: Any
    weights: Any
    expected: Any
    paid: Any
    allocation: Any
    histories: Any
    kept: Any


@inlined
def _settled(regret: float) -> float:
    return 0.0 if abs(regret) <= SNAP else regret


@inlined
def _plus(regret: float) -> float:
    return regret if regret > 0.0 else 0.0


@inlined
def _due(output: float, regret: float, debt: bool) -> float:
    due = min(output, regret) if debt else output
    return due if regret > 0.0 else 0.0


# -- before the draw -------------------------------------------------------------------------------------------------


@inlined
def _weigh(options: Options, vectors: Any, weights: Any, row: int) -> None:
    """lambda."""
    for agent in range(weights.shape[1]):
        weight = 1.0
        if options.code == BOUNDED:
            if vectors[VALUE, agent] > 0.0:
                weight = 1.0 if vectors[HELD, agent] >= 0.0 else 0.0
            elif options.use_b:
                weight = 1.0 if vectors[IDLE, agent] >= 0.0 else 0.0
        elif options.code == SMOOTHED:
            above, below = _plus(vectors[SECOND, agent]), _plus(vectors[FIRST, agent])
            if above + below > 0.0:
                weight = above / (above + below)
        weights[row, agent] = weight


@inlined
def _share(options: Options, rate: float, allocation: Any, vectors: Any, rows: Rows, row: int) -> None:
    """mu."""
    shares = rows.shares
    agents = vectors.shape[1]
    if options.code in (PIVOT, BOUNDED):
        shares[row] = 0.0
        shares[row, 0] = 1.0
        return
    shares[row, 0] = whole = _plus(allocation[0])
    for agent in range(agents):
        shares[row, agent + 1] = debt = rows.weights[row, agent] * _plus(vectors[TRANSFER, agent])
        whole += debt
    divisor = whole if whole > 0.0 else 1.0
    for group in range(agents + 1):
        shares[row, group] /= divisor
    shares[row, 0] = shares[row, 0] if whole > 0.0 else 1.0
    if options.code == ESTIMATED:
        each = rate / (agents + 1)
        for group in range(agents + 1):
            shares[row, group] = (1.0 - rate) * shares[row, group] + each


@inlined
def _pick(shares: Any, row: int, draw: float) -> int:
    """The first group whose cumulated probability exceeds the draw; beyond the total, the last possible group."""
    cumulated, last, passed = 0.0, 0, 0
    for group in range(shares.shape[1]):
        cumulated += shares[row, group]
        passed += 1 if cumulated <= draw else 0
        last = group if shares[row, group] > 0.0 else last
    return min(passed, last)


# -- after it --------------------------------------------------------------------------------------------------------


@inlined
def _mixed(
    options: Options, rows: Rows, row: int, group: int, produced: Any, total: Any, without: Any, place: int, size: int,
    active: Any, allocation: Any, vectors: Any,
) -> None:  # fmt: skip
    """Sections 4 to 7: period `place` of a block of `size`, tabulated."""
    shares, smoothed, fade = rows.shares, options.code == SMOOTHED, options.fade
    gap, heard = 0.0, 0
    for other in range(shares.shape[1]):
        active[heard] = other  # those that have a chance: adding 0 for the others would change no bit
        heard += 1 if shares[row, other] > 0.0 else 0
        gap += shares[row, other] * (total[place] - total[other * size + place])
    allocation[0] = _settled((fade * _plus(allocation[0]) if smoothed else allocation[0]) + gap)
    for agent in range(vectors.shape[1]):
        owed, own = vectors[TRANSFER, agent], without[agent, (agent + 1) * size + place]
        external, due = 0.0, 0.0
        for position in range(heard):
            share, at = shares[row, active[position]], active[position] * np.uintp(size) + np.uintp(place)
            external += share * (own - without[agent, at])
            due += share * (min(produced[agent, at], owed) if options.debt else produced[agent, at])
        due = due if owed > 0.0 else 0.0
        rows.expected[row, agent] = due
        rows.paid[row, agent] = _due(produced[agent, group * size + place], owed, options.debt)
        if smoothed:
            weight = rows.weights[row, agent]
            counted, ignored = weight * external, (1.0 - weight) * external
            vectors[TRANSFER, agent] = _settled(fade * owed + counted - due)
            vectors[FIRST, agent] = _settled(fade * _plus(vectors[FIRST, agent]) - counted)
            vectors[SECOND, agent] = _settled(fade * _plus(vectors[SECOND, agent]) + ignored)
        else:
            vectors[TRANSFER, agent] = _settled(owed + external - due)


@inlined
def _total_without(amounts: Any, left_out: int) -> float:
    total = 0.0
    for j in range(amounts.shape[0]):
        if j != left_out:
            total += amounts[j]
    return total


@jit
def _estimated(
    options: Options, rows: Rows, row: int, group: int, chosen: Any, seen: Any, same: Any, allocation: Any, vectors: Any
) -> None:
    """Appendix A.2."""
    agents, shares = seen.shape[0], rows.shares
    chance = 0.0
    for other in range(agents + 1):
        same[other] = (chosen[other] == chosen[group]) if options.by_action else (other == group)
        chance += shares[row, other] if same[other] else 0.0
    for agent in range(agents):
        rows.paid[row, agent] = _due(seen[agent], vectors[TRANSFER, agent], options.debt)
        seen[agent] /= chance
    total, gap = _total_without(seen, -1), 0.0
    for other in range(agents + 1):
        gap += shares[row, other] * ((total if same[0] else 0.0) - (total if same[other] else 0.0))
    for agent in range(agents):
        estimate, external = _total_without(seen, agent), 0.0
        own = estimate if same[agent + 1] else 0.0
        for other in range(agents + 1):
            external += shares[row, other] * (own - (estimate if same[other] else 0.0))
        vectors[TRANSFER, agent] = _settled(vectors[TRANSFER, agent] + external - rows.paid[row, agent])
    allocation[0] = _settled(allocation[0] + gap)


@jit
def _stated(
    options: Options, rows: Rows, row: int, values: Any, outputs: Any, chosen: Any, seen: Any, allocation: Any,
    vectors: Any,
) -> None:  # fmt: skip
    """Section 3 and Appendix A.1, where stated values enter the payments or the regrets."""
    agents, grand = values.shape[0], chosen[0]
    counted = np.empty_like(values)
    for agent in range(agents):
        counted[agent] = values[agent] if rows.weights[row, agent] > 0.0 else 0.0 * values[agent]
    for agent in range(agents):
        best = chosen[agent + 1]
        external = _total_without(counted[:, best], agent) - _total_without(counted[:, grand], agent)
        if options.code == PIVOT:
            real = _total_without(outputs[:, best], agent) - _total_without(outputs[:, grand], agent)
            rows.paid[row, agent] = external
            vectors[TRANSFER, agent] = _settled(vectors[TRANSFER, agent] + real - external)
            continue
        pays, own = vectors[VALUE, agent] > 0.0, counted[agent, grand]
        rows.paid[row, agent] = paid = seen[agent] if pays else 0.0
        vectors[TRANSFER, agent] = _settled(vectors[TRANSFER, agent] + external - paid)
        vectors[VALUE, agent] = _settled(vectors[VALUE, agent] + external - (own if pays else 0.0))
        kind = HELD if pays else IDLE
        vectors[kind, agent] = _settled(vectors[kind, agent] + (seen[agent] - own))
    if options.code == BOUNDED:
        sums = np.zeros(values.shape[1])
        for agent in range(agents):
            sums += values[agent]
        allocation[0] = _settled(allocation[0] + (sums.max() - sums[grand]))


# -- the path --------------------------------------------------------------------------------------------------------


@inlined
def _keep(rows: Rows, row: int, chosen: Any, first: int, allocation: Any, vectors: Any) -> None:
    """Write down a period that is recorded, beside what is written anyway."""
    for group in range(rows.decisions.shape[1]):
        rows.decisions[row, group] = chosen[first + group]
    rows.allocation[row] = allocation[0]
    for position in range(rows.kept.shape[0]):
        for agent in range(vectors.shape[1]):
            rows.histories[row, position, agent] = vectors[rows.kept[position], agent]


@jit
def _mixtures(
    options: Options, outputs: Any, values: Any, draws: Any, allocation: Any, vectors: Any, rows: Rows
) -> None:
    """Sections 4 to 7."""
    periods, agents, count = values.shape
    block, groups = length(agents), agents + 1
    totals, rivals, chosen = np.empty(count), np.empty(count, np.uintp), np.empty(block * groups, np.int64)
    produced, without = np.empty((agents, block * groups)), np.empty((agents, block * groups))
    total, active = np.empty(block * groups), np.empty(groups, np.uintp)
    every = rows.group.shape[0] == periods
    for start in range(0, periods, block):
        size = min(block, periods - start)
        decide(values, start, size, totals, rivals, chosen)
        tabulate(outputs, start, size, chosen, produced, total, without)
        for now in range(size):
            row = start + now if every else 0
            _weigh(options, vectors, rows.weights, row)
            _share(options, 0.0, allocation, vectors, rows, row)
            group = rows.group[row] = _pick(rows.shares, row, draws[start + now])
            _mixed(options, rows, row, group, produced, total, without, now, size, active, allocation, vectors)
            if every or start + now == periods - 1:
                _keep(rows, row, chosen, now * groups, allocation, vectors)


@jit
def path(
    options: Options, rates: Any, values: Any, outputs: Any, draws: Any, allocation: Any, vectors: Any, rows: Rows
) -> None:
    """Periods one after the other, from and to the state in `allocation` (1,) and `vectors` (6, agents)."""
    if options.code in (PLAIN, SMOOTHED):
        _mixtures(options, outputs, values, draws, allocation, vectors, rows)
        return
    periods, agents, count = values.shape
    totals, rivals, chosen = np.empty(count), np.empty(count, np.uintp), np.empty(agents + 1, np.int64)
    seen, same, counted = np.empty(agents), np.empty(agents + 1, np.bool_), np.empty((1, agents, count))
    every = rows.group.shape[0] == periods
    for period in range(periods):
        row = period if every else 0
        _weigh(options, vectors, rows.weights, row)
        _share(options, rates[period], allocation, vectors, rows, row)
        for agent in range(agents):  # Appendix A.1 decides by weights that regrets give; others weigh 1
            for decision in range(count):
                counted[0, agent, decision] = rows.weights[row, agent] * values[period, agent, decision]
        decide(counted, 0, 1, totals, rivals, chosen)
        group = rows.group[row] = _pick(rows.shares, row, draws[period])
        for agent in range(agents):
            seen[agent] = outputs[period, agent, chosen[group]]
        if options.code == ESTIMATED:
            _estimated(options, rows, row, group, chosen, seen, same, allocation, vectors)
        else:
            _stated(options, rows, row, values[period], outputs[period], chosen, seen, allocation, vectors)
        rows.expected[row] = rows.paid[row]
        if every or period == periods - 1:
            _keep(rows, row, chosen, 0, allocation, vectors)
