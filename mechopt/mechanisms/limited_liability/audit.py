"""The books read again from an outcome's tables: regrets by their definitions, not by the recursions that made them.

Nothing here uses `online.py` or `paths.py`; of the engine only the choice among ties.
Source: chassang2021, eqs. (2)-(5), (14)-(16), Section 7, Appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.mechanisms.limited_liability import groups, whole
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.outcome import Outcome
from mechopt.program import to_float

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Books:
    """What the tables say, as floats in units of output, and what follows from the environment.

    Attributes:
        table: columns of `tables.periods`, each shape (periods,) or (periods, k).
        outputs: of each agent under each group's decision, shape (periods, groups, agents).
        values: stated, the same shape.
        decisions: a*(G), shape (periods, groups).
        bound: y_max.
    """

    table: dict[str, Array]
    outputs: Array
    values: Array
    decisions: NDArray[np.int64]
    bound: float

    @property
    def group(self) -> NDArray[np.int64]:
        """The group drawn, shape (periods,)."""
        return self.table["group"].astype(np.int64)


def read(environment: Environment, outcome: Outcome) -> Books:
    """The books of an outcome."""
    periods = outcome.tables["periods"]
    table = {
        name: to_float(np.array([row if np.ndim(row) == 0 else list(row) for row in column], dtype=object))
        for name, column in periods.items()
        if name not in ("period", "decision_name")
    }
    values, outputs = to_float(environment.values), to_float(environment.outputs)
    decisions = _decisions(environment, table)
    rows = np.arange(len(values))[:, None]
    return Books(
        table=table,
        outputs=outputs.transpose(0, 2, 1)[rows, decisions],
        values=values.transpose(0, 2, 1)[rows, decisions],
        decisions=decisions,
        bound=exact.as_float(environment.output_bound),
    )


def _decisions(environment: Environment, table: dict[str, Array]) -> NDArray[np.int64]:
    """a*(G) in the convention of the contract; `group_values` checks that they are best."""
    exactly = environment.arithmetic == "exact" or environment.ledger == "integer"
    values = whole.comparable(environment) if exactly else environment.values
    if environment.rules.variant == "bounded_values":
        values = values * table["lambda"].astype(np.int64)[:, :, None]
    return groups.decisions(values)


def group_values(values: Array, weights: Array, decisions: NDArray[np.int64]) -> tuple[Array, Array]:
    """The best value of each group, and that of the decisions given, shape (periods, groups)."""
    agents = values.shape[1]
    members = np.vstack([np.ones(agents), 1.0 - np.eye(agents)])
    scores = np.einsum("gi,ti,tia->tga", members, weights, values)
    return scores.max(axis=2), np.take_along_axis(scores, decisions[:, :, None], axis=2)[:, :, 0]


def marginal(books: Books) -> tuple[Array, Array]:
    """Y(I) - Y(mu), shape (periods,), and Y_{-i}(I\\i) - Y_{-i}(mu), shape (periods, agents)."""
    shares, outputs = books.table["probability"], books.outputs
    totals = outputs.sum(axis=2)
    others = totals[:, :, None] - outputs
    agents = outputs.shape[2]
    own = others[:, np.arange(1, agents + 1), np.arange(agents)]
    return totals[:, 0] - np.einsum("tg,tg->t", shares, totals), own - np.einsum("tg,tgi->ti", shares, others)


def estimated(environment: Environment, books: Books) -> tuple[Array, Array]:
    """The estimated counterparts of Appendix A.2: an output over the probability of seeing it."""
    shares, decisions, group = books.table["probability"], books.decisions, books.group
    rows = np.arange(len(group))
    if environment.rules.propensity == "action":
        same = decisions == decisions[rows, group][:, None]
    else:
        same = np.arange(shares.shape[1])[None, :] == group[:, None]
    seen = books.outputs[rows, group]
    chance = np.where(same, shares, 0.0).sum(axis=1)
    total = seen.sum(axis=1)
    others = total[:, None] - seen
    gap = np.where(same[:, 0], total / chance, 0.0) - total
    return gap, np.where(same[:, 1:], others / chance[:, None], 0.0) - others


def stated(books: Books) -> tuple[Array, Array]:
    """Externalities in weighted stated values (Appendix A.1), and each agent's own, shapes (periods, agents)."""
    weighted = books.values * books.table["lambda"][:, None, :]
    others = weighted.sum(axis=2)[:, :, None] - weighted
    agents = weighted.shape[2]
    return others[:, np.arange(1, agents + 1), np.arange(agents)] - others[:, 0], weighted[:, 0]


def faded_sum(steps: Array, discount: float) -> Array:
    """S_T = sum_t discount^(T-t) steps_t by doubling, axis 0: no recursion period by period."""
    result, width = steps.copy(), 1
    while width < len(steps):
        shifted = np.zeros_like(result)
        shifted[width:] = result[:-width] * discount**width
        result, width = result + shifted, 2 * width
    return result


def running_maximum(steps: Array, discount: float) -> Array:
    """max over T' <= T of sum_{t=T'}^T discount^(T-t) steps_t, by doubling over windows.

    A window of length w ending at T has the sum S^w_T and the best suffix B^w_T; two adjacent windows join as
    B = max(B_right, S_right + discount^w B_left).
    """
    best, total, width = steps.copy(), steps.copy(), 1
    while width < len(steps):
        earlier = np.full_like(best, -np.inf)
        earlier[width:] = best[:-width]
        total_earlier = np.zeros_like(total)
        total_earlier[width:] = total[:-width]
        factor = discount**width
        with np.errstate(invalid="ignore"):
            joined = total + factor * earlier
        best = np.maximum(best, np.where(np.isfinite(earlier), joined, -np.inf))
        total, width = total + factor * total_earlier, 2 * width
    return best


def regrets(environment: Environment, books: Books) -> dict[str, Array]:
    """Every regret of the variant by its definition, by column of `tables.periods`."""
    rules, table = environment.rules, books.table
    if rules.variant == "bounded_values":
        return _stated_regrets(books, use_b=rules.use_regret_b)
    if rules.variant == "exploration":
        gap, externality = estimated(environment, books)
        due = table["paid"]
    else:
        gap, externality = marginal(books)
        due = table["expected_transfer"]
    if not rules.smoothed:
        return {
            "regret_allocation": np.cumsum(gap, axis=0),
            "regret_transfer": np.cumsum(externality - due, axis=0),
        }
    fade = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
    counted = table["lambda"] * externality
    return {
        "regret_allocation": running_maximum(gap, fade),
        "regret_transfer": faded_sum(counted - due, fade),
        "regret_1": running_maximum(-counted, fade),
        "regret_2": running_maximum(externality - counted, fade),
    }


def _stated_regrets(books: Books, *, use_b: bool) -> dict[str, Array]:
    table = books.table
    external, own = stated(books)
    value = table["regret_value"]
    pays = np.vstack([np.zeros((1, value.shape[1])), value[:-1]]) > 0
    surplus = books.outputs[:, 0] - own
    found = {
        "regret_transfer": np.cumsum(external - table["paid"], axis=0),
        "regret_value": np.cumsum(external - np.where(pays, own, 0.0), axis=0),
        "regret_a": np.cumsum(np.where(pays, surplus, 0.0), axis=0),
    }
    return found | ({"regret_b": np.cumsum(np.where(pays, 0.0, surplus), axis=0)} if use_b else {})


def rule(environment: Environment, books: Books) -> Array:
    """mu by eqs. (8) and (21), with exploration where the variant has it, from the regrets in the table."""
    rules, table = environment.rules, books.table
    periods, groups_count = table["probability"].shape
    if rules.variant in ("pivot", "bounded_values"):
        return np.eye(groups_count)[[0] * periods]
    weight = pressures(environment, books)
    whole = weight.sum(axis=1, keepdims=True)
    found = np.where(whole > 0, weight / np.where(whole > 0, whole, 1.0), np.eye(groups_count)[0])
    if rules.variant == "exploration":
        rate = np.arange(1, periods + 1, dtype=np.float64)[:, None] ** -float(rules.exploration_exponent)
        found = (1 - rate) * found + rate / groups_count
    return np.asarray(found)


def weights(environment: Environment, books: Books) -> Array:
    """lambda by eq. (19), or 0 and 1 by Appendix A.1, from the regrets before, shape (periods, agents)."""
    table = books.table
    if environment.rules.smoothed:
        first, second = (np.maximum(before(table[name]), 0.0) for name in ("regret_1", "regret_2"))
        whole = first + second
        return np.asarray(np.where(whole > 0, second / np.where(whole > 0, whole, 1.0), 1.0))
    counts = before(table["regret_a"]) >= 0
    idle = before(table["regret_b"]) >= 0 if environment.rules.use_regret_b else True
    return np.where(before(table["regret_value"]) > 0, counts, idle).astype(np.float64)


def due(environment: Environment, books: Books) -> Array:
    """tau_i under each group's decision by eqs. (9) and (22), footnote 9, Appendix A or, for the pivot, Section 3.

    Returns:
        Shape (periods, groups, agents).
    """
    rules, outputs = environment.rules, books.outputs
    if rules.variant == "pivot":
        others = books.values.sum(axis=2)[:, :, None] - books.values
        agents = outputs.shape[2]
        external = others[:, np.arange(1, agents + 1), np.arange(agents)] - others[:, 0]
        return np.repeat(external[:, None, :], agents + 1, axis=1)
    debt = before(books.table["regret_value" if rules.variant == "bounded_values" else "regret_transfer"])[:, None, :]
    owed = outputs if rules.payment == "output" else np.minimum(outputs, debt)
    return np.where(debt > 0, owed, 0.0)


def pressures(environment: Environment, books: Books) -> Array:
    """What mu is proportional to, from the regrets of the period before, shape (periods, groups)."""
    table = books.table
    debts = np.maximum(before(table["regret_transfer"]), 0.0)
    if environment.rules.smoothed:
        debts = table["lambda"] * debts
    return np.column_stack([np.maximum(before(table["regret_allocation"]), 0.0), debts])


def excess(environment: Environment, books: Books) -> Array:
    """n y_max sum_a (w_a - S P_a)^+: what <R+, dR> can exceed 0 by under the probabilities used, shape (periods,)."""
    weight, shares = pressures(environment, books), books.table["probability"]
    lacking = weight - weight.sum(axis=1, keepdims=True) * shares
    groups_count = shares.shape[1]
    same = books.decisions[:, :, None] == books.decisions[:, None, :]
    by_decision = np.einsum("tgh,th->tg", same, lacking)
    first = ~np.tril(same, k=-1).any(axis=2)  # each decision once
    total: Array = (np.maximum(by_decision, 0.0) * first).sum(axis=1)
    return total * (groups_count - 1) * books.bound


def before(column: Any) -> Array:
    """A regret at the start of each period: what it was at the end of the one before."""
    rows = np.asarray(column, dtype=np.float64)
    return np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
