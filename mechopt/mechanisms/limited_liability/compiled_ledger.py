"""The integer ledger for numba: the same integers as `arithmetic.Ledger` in `online.py`, in words of 64 bits.

Regrets count 2^-32 of an output unit. Products and quotients of a probability and a regret need up to 94 bits and are
taken in two words. Nothing may overflow: `fits` bounds what goes in, and a path whose regrets leave `LIMIT` stops, so
that the caller goes on with Python's unbounded integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mechopt.mechanisms.limited_liability.compiled import (
    BOUNDED,
    ESTIMATED,
    FIRST,
    HELD,
    IDLE,
    PIVOT,
    SECOND,
    SMOOTHED,
    TRANSFER,
    VALUE,
    Options,
    Rows,
)  # fmt: skip
from mechopt.mechanisms.limited_liability.compiled_blocks import inlined, jit

BITS = 32
GRID = 1 << BITS  # as in `arithmetic.py`
LOW = GRID - 1
LIMIT = 1 << 60  # of the sum of all regrets' sizes and of one period's changes
LARGEST = 1 << 26  # of one period's outputs, and of values that enter the regrets, summed over agents
COMPARED = 1 << 60  # of values that are only compared


def fits(array: Any, limit: int) -> bool:
    """Whether no sum over agents exceeds the limit; integers >= 0, shape (periods, agents, decisions)."""
    return not array.size or int(array.max()) * array.shape[1] <= limit


@inlined
def _times(share: int, regret: int) -> int:
    """floor(share * regret / 2^32) for 0 <= share <= 2^32."""
    low = np.uint64(share) * np.uint64(regret & LOW)
    return int(share * (regret >> BITS) + np.int64(low >> np.uint64(BITS)))


@inlined
def _over(part: int, whole: int) -> int:
    """floor(part * 2^32 / whole) for 0 <= part <= whole, 0 < whole < 2^62.

    The quotient of floats is off by one at most; what is left over, exact in 64 bits that wrap, tells.
    """
    quotient = np.int64(float(part) / float(whole) * float(GRID))
    left = np.int64((np.uint64(part) << np.uint64(BITS)) - np.uint64(quotient) * np.uint64(whole))
    if left < 0:
        return int(quotient - 1)
    return int(quotient + 1 if left >= whole else quotient)


@inlined
def _estimate(output: int, chance: int, limit: int) -> int:
    """floor(output * 2^64 / chance) for 0 < chance <= 2^32; -1 where it is above the limit."""
    amount = output << BITS
    whole, rest = amount // chance, amount % chance
    if whole >= limit >> BITS:
        return -1
    return int((whole << BITS) + np.int64((np.uint64(rest) << np.uint64(BITS)) // np.uint64(chance)))


@inlined
def _due(output: int, regret: int, debt: bool) -> int:
    """The output, or at most the debt in whole units, rounded up."""
    if regret <= 0:
        return 0
    return int(min(output, (regret + LOW) >> BITS) if debt else output)


# -- before the draw -------------------------------------------------------------------------------------------------


@inlined
def _weigh(options: Options, vectors: Any, weights: Any, row: int) -> None:
    for agent in range(weights.shape[1]):
        weight = GRID
        if options.code == BOUNDED:
            if vectors[VALUE, agent] > 0:
                weight = GRID if vectors[HELD, agent] >= 0 else 0
            elif options.use_b:
                weight = GRID if vectors[IDLE, agent] >= 0 else 0
        elif options.code == SMOOTHED:
            above, below = max(vectors[SECOND, agent], 0), max(vectors[FIRST, agent], 0)
            if above + below > 0:
                weight = _over(above, above + below)
        weights[row, agent] = weight


@inlined
def _share(options: Options, rate: int, allocation: Any, vectors: Any, rows: Rows, row: int) -> None:
    """Rounded down; what is left falls to the grand group."""
    shares, agents = rows.shares, vectors.shape[1]
    whole = max(allocation[0], 0)
    for agent in range(agents):
        debt = max(vectors[TRANSFER, agent], 0)
        if options.code == SMOOTHED:
            debt = _times(rows.weights[row, agent], debt)
        shares[row, agent + 1] = debt
        whole += debt
    rest = GRID
    for group in range(1, agents + 1):
        share = 0
        if whole > 0 and options.code not in (PIVOT, BOUNDED):
            share = _over(shares[row, group], whole)
        if options.code == ESTIMATED:
            share = max(1, _times(share, GRID - rate) + rate // (agents + 1))
        shares[row, group] = share
        rest -= share
    shares[row, 0] = rest


@inlined
def _pick(shares: Any, row: int, draw: int) -> int:
    cumulated, passed = 0, 0
    for group in range(shares.shape[1]):
        cumulated += shares[row, group]
        passed += 1 if cumulated <= draw else 0
    return passed


@inlined
def _decide(options: Options, values: Any, period: int, weights: Any, row: int, totals: Any, chosen: Any) -> None:
    """a*(G), the first of the best; sums of integers are exact in any order. Appendix A.1 leaves some values out."""
    agents, count, everybody = values.shape[1], values.shape[2], options.code != BOUNDED
    for decision in range(count):
        totals[decision] = 0
        for agent in range(agents):
            totals[decision] += values[period, agent, decision] if everybody or weights[row, agent] > 0 else 0
    for group in range(agents + 1):
        place, best = 0, np.int64(-1)
        for decision in range(count):
            worth = totals[decision]
            if group > 0 and (everybody or weights[row, group - 1] > 0):
                worth -= values[period, group - 1, decision]
            place = decision if worth > best else place
            best = max(worth, best)
        chosen[group] = place


# -- after it --------------------------------------------------------------------------------------------------------


@inlined
def _mixed(
    options: Options, rows: Rows, row: int, group: int, outputs: Any, period: int, chosen: Any, total: Any,
    allocation: Any, vectors: Any,
) -> None:  # fmt: skip
    """Sections 4 to 7."""
    agents, shares, smoothed = vectors.shape[1], rows.shares, options.code == SMOOTHED
    gap, fade = 0, int(options.fade)
    for other in range(agents + 1):
        total[other] = 0
        for agent in range(agents):
            total[other] += outputs[period, agent, chosen[other]]
        gap += shares[row, other] * (total[0] - total[other])
    allocation[0] = (_times(fade, max(allocation[0], 0)) if smoothed else allocation[0]) + gap
    for agent in range(agents):
        owed = vectors[TRANSFER, agent]
        own = total[agent + 1] - outputs[period, agent, chosen[agent + 1]]
        external, due = 0, 0
        for other in range(agents + 1):
            output = outputs[period, agent, chosen[other]]
            external += shares[row, other] * (own - (total[other] - output))
            due += shares[row, other] * _due(output, owed, options.debt)
        rows.expected[row, agent] = due
        rows.paid[row, agent] = _due(outputs[period, agent, chosen[group]], owed, options.debt)
        if smoothed:
            counted = _times(rows.weights[row, agent], external)
            vectors[TRANSFER, agent] = _times(fade, owed) + counted - due
            vectors[FIRST, agent] = _times(fade, max(vectors[FIRST, agent], 0)) - counted
            vectors[SECOND, agent] = _times(fade, max(vectors[SECOND, agent], 0)) + (external - counted)
        else:
            vectors[TRANSFER, agent] = owed + external - due


@inlined
def _estimated(
    options: Options, rows: Rows, row: int, group: int, outputs: Any, period: int, chosen: Any, estimates: Any,
    allocation: Any, vectors: Any,
) -> bool:  # fmt: skip
    """Appendix A.2; False where an estimate does not fit."""
    agents = vectors.shape[1]
    chance, seen, estimated = 0, 0, 0
    for other in range(agents + 1):
        if (chosen[other] == chosen[group]) if options.by_action else (other == group):
            chance += rows.shares[row, other]
    for agent in range(agents):
        output = outputs[period, agent, chosen[group]]
        estimates[agent] = _estimate(output, chance, LIMIT // agents)
        if estimates[agent] < 0:
            return False
        seen += output
        estimated += estimates[agent]
    for agent in range(agents):
        output = outputs[period, agent, chosen[group]]
        rows.paid[row, agent] = paid = _due(output, vectors[TRANSFER, agent], options.debt)
        rows.expected[row, agent] = paid << BITS
        same = (chosen[agent + 1] == chosen[group]) if options.by_action else agent + 1 == group
        own = estimated - estimates[agent] if same else 0
        vectors[TRANSFER, agent] += own - ((seen - output) << BITS) - (paid << BITS)
    same = (chosen[0] == chosen[group]) if options.by_action else group == 0
    allocation[0] += (estimated if same else 0) - (seen << BITS)
    return True


@inlined
def _stated(
    options: Options, rows: Rows, row: int, group: int, values: Any, outputs: Any, period: int, chosen: Any,
    allocation: Any, vectors: Any,
) -> None:  # fmt: skip
    """Section 3 and Appendix A.1."""
    agents, count = values.shape[1], values.shape[2]
    for agent in range(agents):
        external, real = 0, 0
        for j in range(agents):
            if j != agent and rows.weights[row, j] > 0:
                external += values[period, j, chosen[agent + 1]] - values[period, j, chosen[0]]
            if j != agent:
                real += outputs[period, j, chosen[agent + 1]] - outputs[period, j, chosen[0]]
        if options.code == PIVOT:
            rows.paid[row, agent], rows.expected[row, agent] = external, external << BITS
            vectors[TRANSFER, agent] += (real - external) << BITS
            continue
        output, pays = outputs[period, agent, chosen[group]], vectors[VALUE, agent] > 0
        own = values[period, agent, chosen[0]] if rows.weights[row, agent] > 0 else 0
        paid = output if pays else 0
        rows.paid[row, agent], rows.expected[row, agent] = paid, paid << BITS
        vectors[TRANSFER, agent] += (external - paid) << BITS
        vectors[VALUE, agent] += (external - (own if pays else 0)) << BITS
        vectors[HELD if pays else IDLE, agent] += (output - own) << BITS
    if options.code == BOUNDED:
        best, taken = np.int64(0), np.int64(0)
        for decision in range(count):
            worth = values[period, :, decision].sum()
            best = max(best, worth)
            taken = worth if decision == chosen[0] else taken
        allocation[0] += (best - taken) << BITS


# -- the path --------------------------------------------------------------------------------------------------------


@jit
def path(
    options: Options, rates: Any, values: Any, outputs: Any, draws: Any, allocation: Any, vectors: Any, rows: Rows
) -> int:
    """Periods one after the other; returns how many fit into words, all of them as a rule.

    `options.fade` is delta on the grid; values, outputs, draws (grid points) and the state are int64.
    """
    periods, agents, count = values.shape
    totals, chosen = np.empty(count, np.int64), np.empty(agents + 1, np.int64)
    total, estimates = np.empty(agents + 1, np.int64), np.empty(agents, np.int64)
    every = rows.group.shape[0] == periods
    for period in range(periods):
        row = period if every else 0
        size = abs(allocation[0])
        for agent in range(agents):
            for kind in range(vectors.shape[0]):
                size = max(size, abs(vectors[kind, agent]))
        if size > LIMIT // (agents + 1):
            return period
        _weigh(options, vectors, rows.weights, row)
        _share(options, rates[period], allocation, vectors, rows, row)
        _decide(options, values, period, rows.weights, row, totals, chosen)
        group = rows.group[row] = _pick(rows.shares, row, draws[period])
        if options.code == ESTIMATED:
            if not _estimated(options, rows, row, group, outputs, period, chosen, estimates, allocation, vectors):
                return period
        elif options.code in (PIVOT, BOUNDED):
            _stated(options, rows, row, group, values, outputs, period, chosen, allocation, vectors)
        else:
            _mixed(options, rows, row, group, outputs, period, chosen, total, allocation, vectors)
        if every or period == periods - 1:
            rows.decisions[row] = chosen
            rows.allocation[row] = allocation[0]
            for position in range(rows.kept.shape[0]):
                rows.histories[row, position] = vectors[rows.kept[position]]
    return periods
