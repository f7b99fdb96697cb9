"""One path of the mechanism for numba: an optional extra. Every float is that of `online.py` to the last bit.

Sums that are kept run in the same order and without fast-math flags. A sum without agent i is put back after i was
added, so that the inner loops run over agents side by side; groups of probability 0 are skipped, since adding 0 changes
no bit.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

SNAP = 1e-12  # as in `arithmetic.py`
CLOSE = 1e-14  # of the largest total and for each agent; a sum of n values >= 0 is off by at most n 2^-53 of itself
TRANSFER, FIRST, SECOND, VALUE, HELD, IDLE = range(6)  # rows of `vectors`, in the order of `record.VECTORS`
PIVOT, PLAIN, SMOOTHED, BOUNDED, ESTIMATED = range(5)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]  # numba publishes no types
def _settled(regret: float) -> float:
    return 0.0 if abs(regret) <= SNAP else regret


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _first_best(sums: Any) -> int:
    best = 0
    for decision in range(1, sums.shape[0]):
        if sums[decision] > sums[best]:
            best = decision
    return best


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _close_call(values: Any, weights: Any, left_out: int, sums: Any) -> int:
    """a*(I\\i) by sums in agent order."""
    sums[:] = 0.0
    for agent in range(values.shape[0]):
        if agent != left_out:
            for decision in range(values.shape[1]):
                sums[decision] += weights[agent] * values[agent, decision]
    return int(_first_best(sums))


# Flags for finite numbers only, which let maxima run side by side: here they change no number, the results are indices.
@nb.njit(cache=True, fastmath={"nnan", "nsz"})  # type: ignore[untyped-decorator]
def _decide(values: Any, weights: Any, decisions: Any, total: Any, sums: Any) -> None:
    """a*(G), the first of the best by sums in agent order.

    Totals less the agent's own differ from such sums by rounding, far less than `CLOSE` of the largest total; they
    decide where the best is ahead by more, and only close calls are summed again.
    """
    agents, count = values.shape
    for decision in range(count):
        total[decision] = 0.0
    for agent in range(agents):
        weight = weights[agent]
        for decision in range(count):
            total[decision] += weight * values[agent, decision]
    decisions[0] = _first_best(total)
    near = CLOSE * agents * abs(total[decisions[0]])
    for left_out in range(agents):
        weight, best = weights[left_out], -np.inf
        for decision in range(count):
            left = total[decision] - weight * values[left_out, decision]
            if left > best:
                best = left
        limit, found, place = best - near, 0, 0
        for decision in range(count):
            hit = 1 if total[decision] - weight * values[left_out, decision] >= limit else 0
            found += hit
            place += decision * hit
        decisions[left_out + 1] = place if found == 1 else _close_call(values, weights, left_out, sums)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _others(row: Any, without: Any) -> float:
    """Y_{-i} of one group for every i, into `without`; returns Y."""
    agents = row.shape[0]
    total = 0.0
    without[:] = 0.0
    for j in range(agents):
        output = row[j]
        total += output
        kept = without[j]
        for agent in range(agents):
            without[agent] += output
        without[j] = kept
    return total


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _total_without(row: Any, left_out: int) -> float:
    total = 0.0
    for j in range(row.shape[0]):
        if j != left_out:
            total += row[j]
    return total


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _weigh(code: int, use_b: bool, vectors: Any, weights: Any) -> None:
    for agent in range(weights.shape[0]):
        weights[agent] = 1.0
        if code == BOUNDED:
            if vectors[VALUE, agent] > 0.0:
                weights[agent] = 1.0 if vectors[HELD, agent] >= 0.0 else 0.0
            elif use_b:
                weights[agent] = 1.0 if vectors[IDLE, agent] >= 0.0 else 0.0
        elif code == SMOOTHED:
            above, below = max(vectors[SECOND, agent], 0.0), max(vectors[FIRST, agent], 0.0)
            if above + below > 0.0:
                weights[agent] = above / (above + below)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _share(code: int, rate: float, allocation: float, vectors: Any, weights: Any, shares: Any) -> None:
    agents = weights.shape[0]
    shares[:] = 0.0
    shares[0] = 1.0
    if code in (PIVOT, BOUNDED):
        return
    whole = max(allocation, 0.0)
    for agent in range(agents):
        debt = max(vectors[TRANSFER, agent], 0.0)
        whole += weights[agent] * debt if code == SMOOTHED else debt
    if whole > 0.0:
        shares[0] = max(allocation, 0.0) / whole
        for agent in range(agents):
            debt = max(vectors[TRANSFER, agent], 0.0)
            shares[agent + 1] = (weights[agent] * debt if code == SMOOTHED else debt) / whole
    if code == ESTIMATED:
        each = rate / (agents + 1)
        for group in range(agents + 1):
            shares[group] = (1.0 - rate) * shares[group] + each


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _pick(shares: Any, draw: float) -> int:
    cumulated, last = 0.0, 0
    for group in range(shares.shape[0]):
        cumulated += shares[group]
        if shares[group] > 0.0:
            last = group
            if cumulated > draw:
                return group
    return last


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _due(output: float, regret: float, debt: bool) -> float:
    if regret <= 0.0:
        return 0.0
    return min(output, regret) if debt else output


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _mixed(
    code: int, debt: bool, faded: bool, discount: float, shares: Any, group: int, table: Any, weights: Any,
    allocation: Any, vectors: Any, expected: Any, paid: Any, own: Any, without: Any, external: Any,
) -> None:  # fmt: skip
    """Sections 4 to 7."""
    agents, groups = table.shape
    grand = 0.0
    own[:] = 0.0
    for j in range(agents):  # Y_{-i}(I\\i) for every i side by side, each in agent order
        grand += table[j, 0]
        kept = own[j]
        for agent in range(agents):
            own[agent] += table[j, agent + 1]
        own[j] = kept
    for agent in range(agents):
        expected[agent] = 0.0
        external[agent] = 0.0
        paid[agent] = _due(table[agent, group], vectors[TRANSFER, agent], debt)
    gap = 0.0
    for other in range(groups):
        share = shares[other]
        if share == 0.0:
            continue
        total = _others(table[:, other], without)
        gap += share * (grand - total)
        for agent in range(agents):
            external[agent] += share * (own[agent] - without[agent])
            expected[agent] += share * _due(table[agent, other], vectors[TRANSFER, agent], debt)
    if code == PLAIN:
        allocation[0] = _settled(allocation[0] + gap)
        for agent in range(agents):
            vectors[TRANSFER, agent] = _settled(vectors[TRANSFER, agent] + external[agent] - expected[agent])
        return
    fade = discount if faded else 1.0
    allocation[0] = _settled(fade * max(allocation[0], 0.0) + gap)
    for agent in range(agents):
        counted, ignored = weights[agent] * external[agent], (1.0 - weights[agent]) * external[agent]
        vectors[TRANSFER, agent] = _settled(fade * vectors[TRANSFER, agent] + counted - expected[agent])
        vectors[FIRST, agent] = _settled(fade * max(vectors[FIRST, agent], 0.0) - counted)
        vectors[SECOND, agent] = _settled(fade * max(vectors[SECOND, agent], 0.0) + ignored)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _estimated(
    debt: bool, by_action: bool, shares: Any, group: int, decisions: Any, seen: Any, allocation: Any, vectors: Any,
    paid: Any, estimate: Any, without: Any,
) -> None:  # fmt: skip
    """Appendix A.2."""
    agents = seen.shape[0]
    chance = 0.0
    for other in range(agents + 1):
        if (decisions[other] == decisions[group]) if by_action else (other == group):
            chance += shares[other]
    for agent in range(agents):
        paid[agent] = _due(seen[agent], vectors[TRANSFER, agent], debt)
        estimate[agent] = seen[agent] / chance
    total = _others(estimate, without)
    same_grand = (decisions[0] == decisions[group]) if by_action else group == 0
    gap = 0.0
    for other in range(agents + 1):
        same = (decisions[other] == decisions[group]) if by_action else other == group
        gap += shares[other] * ((total if same_grand else 0.0) - (total if same else 0.0))
    for agent in range(agents):
        same_own = (decisions[agent + 1] == decisions[group]) if by_action else agent + 1 == group
        base = without[agent] if same_own else 0.0
        external = 0.0
        for other in range(agents + 1):
            same = (decisions[other] == decisions[group]) if by_action else other == group
            external += shares[other] * (base - (without[agent] if same else 0.0))
        vectors[TRANSFER, agent] = _settled(vectors[TRANSFER, agent] + external - paid[agent])
    allocation[0] = _settled(allocation[0] + gap)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _stated(
    code: int, values: Any, decisions: Any, weights: Any, seen: Any, table: Any, stated: Any, allocation: Any,
    vectors: Any, paid: Any, prefix: Any, sums: Any,
) -> None:  # fmt: skip
    """Section 3 and Appendix A.1, where stated values enter the payments or the regrets."""
    agents, count = values.shape
    for other in range(agents + 1):
        for agent in range(agents):
            stated[other, agent] = values[agent, decisions[other]] if weights[agent] > 0.0 else 0.0
    for agent in range(agents):
        external = _total_without(stated[agent + 1], agent) - _total_without(stated[0], agent)
        if code == PIVOT:
            paid[agent] = external
            real = _total_without(table[:, agent + 1], agent) - _total_without(table[:, 0], agent)
            vectors[TRANSFER, agent] = _settled(vectors[TRANSFER, agent] + real - external)
            continue
        pays = vectors[VALUE, agent] > 0.0
        paid[agent] = seen[agent] if pays else 0.0
        own = stated[0, agent]
        vectors[TRANSFER, agent] = _settled(vectors[TRANSFER, agent] + external - paid[agent])
        vectors[VALUE, agent] = _settled(vectors[VALUE, agent] + external - (own if pays else 0.0))
        surplus = seen[agent] - own
        row = HELD if pays else IDLE
        vectors[row, agent] = _settled(vectors[row, agent] + surplus)
    if code == BOUNDED:
        sums[:] = 0.0
        for agent in range(agents):
            for decision in range(count):
                sums[decision] += values[agent, decision]
        allocation[0] = _settled(allocation[0] + (sums.max() - sums[decisions[0]]))


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def path(
    code: int, debt: bool, by_action: bool, use_b: bool, faded: bool, discount: float, rates: Any, values: Any,
    outputs: Any, draws: Any, allocation: Any, vectors: Any, kept: Any, decisions: Any, drawn: Any, shares: Any,
    weights: Any, expected: Any, paid: Any, allocations: Any, histories: Any,
) -> None:  # fmt: skip
    """Periods one after the other, from and to the state in `allocation` (1,) and `vectors` (6, agents).

    What is recorded has one row a period, or a single row that is overwritten; `kept` are the rows of `vectors` that
    `histories` takes.
    """
    periods, agents, count = values.shape
    table, stated = np.empty((agents, agents + 1)), np.empty((agents + 1, agents))
    seen, own, without, external = np.empty(agents), np.empty(agents), np.empty(agents), np.empty(agents)
    prefix, sums = np.empty(count), np.empty(count)
    ones = np.ones(agents)
    every = decisions.shape[0] == periods
    for period in range(periods):
        row = period if every else 0
        _weigh(code, use_b, vectors, weights[row])
        _share(code, rates[period], allocation[0], vectors, weights[row], shares[row])
        _decide(values[period], weights[row] if code == BOUNDED else ones, decisions[row], prefix, sums)
        group = _pick(shares[row], draws[period])
        drawn[row] = group
        if code in (BOUNDED, ESTIMATED):
            for agent in range(agents):
                seen[agent] = outputs[period, agent, decisions[row, group]]
        else:
            for agent in range(agents):
                for other in range(agents + 1):
                    table[agent, other] = outputs[period, agent, decisions[row, other]]
        if code in (PLAIN, SMOOTHED):
            _mixed(code, debt, faded, discount, shares[row], group, table, weights[row], allocation, vectors,
                   expected[row], paid[row], own, without, external)  # fmt: skip
        elif code == ESTIMATED:
            _estimated(debt, by_action, shares[row], group, decisions[row], seen, allocation, vectors, paid[row], own,
                       without)  # fmt: skip
        else:
            _stated(code, values[period], decisions[row], weights[row], seen, table, stated, allocation, vectors,
                    paid[row], prefix, sums)  # fmt: skip
        if code not in (PLAIN, SMOOTHED):
            expected[row] = paid[row]
        allocations[row] = allocation[0]
        for place in range(kept.shape[0]):
            histories[row, place] = vectors[kept[place]]
