"""The mechanism on many paths in lockstep: vectorised over paths, every number as in `online.py` to the last bit.

One `step` is one period of all paths; nothing of earlier periods is kept, so memory does not grow with the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import groups
from mechopt.mechanisms.limited_liability.arithmetic import SNAP, Floats
from mechopt.mechanisms.limited_liability.rules import Rules

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One period of every path.

    Attributes:
        decisions: a*(G), shape (paths, groups).
        shares: mu, shape (paths, groups).
        group: the one drawn, shape (paths,).
        paid: tau_i(a_t) >= 0, shape (paths, agents).
        expected: tau_i(mu), shape (paths, agents).
    """

    decisions: NDArray[np.int64]
    shares: Array
    group: NDArray[np.intp]
    paid: Array
    expected: Array

    @property
    def decision(self) -> NDArray[np.int64]:
        """The decision taken, shape (paths,)."""
        return np.take_along_axis(self.decisions, self.group[:, None], axis=1)[:, 0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Open:
    """A period after the proposal: decisions, probabilities, lambda, and who pays; see `period.Proposal`."""

    decisions: NDArray[np.int64]
    shares: Array
    weights: Array
    pays: NDArray[np.bool_]
    stated: Array | None
    shortfall: Array | None


class Paths:
    """Paths of one mechanism.

    Args:
        rules: the variant and its parameters.
        paths: how many.

    Attributes:
        period: number of periods settled.
        allocation: R^I, shape (paths,).
        transfer, first, second, value, held, idle: as in `online.Online`, shape (paths, agents).
    """

    def __init__(self, rules: Rules, paths: int) -> None:
        if rules.limits is not None:
            raise InstanceError("many paths at once take no limits; use Online", key="response")
        self.rules, self.paths, self.period = rules, paths, 0
        self.allocation: Array = np.zeros(paths)
        shape = (paths, rules.agents)
        self.transfer, self.first, self.second = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.value, self.held, self.idle = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._discount = float(rules.discount) if rules.variant == "discounted" and rules.discount else None

    # -- before the draw ---------------------------------------------------------------------------------------------

    def weights(self) -> Array:
        """lambda, shape (paths, agents)."""
        if self.rules.variant == "bounded_values":
            idle = self.idle >= 0 if self.rules.use_regret_b else np.ones_like(self.idle, dtype=bool)
            return np.where(self.value > 0, self.held >= 0, idle).astype(np.float64)
        if not self.rules.smoothed:
            return np.ones_like(self.transfer)
        above, below = np.maximum(self.second, 0.0), np.maximum(self.first, 0.0)
        whole = above + below
        return np.divide(above, whole, out=np.ones_like(whole), where=whole > 0)

    def shares(self, weights: Array) -> Array:
        """mu, shape (paths, groups)."""
        rules, groups_count = self.rules, self.rules.agents + 1
        if rules.variant in ("pivot", "bounded_values"):
            found = np.zeros((self.paths, groups_count))
            found[:, 0] = 1.0
            return found
        debts = np.maximum(self.transfer, 0.0)
        if rules.smoothed:
            debts = weights * debts
        weight = np.concatenate([np.maximum(self.allocation, 0.0)[:, None], debts], axis=1)
        whole = np.cumsum(weight, axis=1)[:, -1:]
        found = np.zeros_like(weight)
        found[:, 0] = 1.0
        np.divide(weight, whole, out=found, where=whole > 0)
        if rules.variant == "exploration":
            rate = Floats().rate(self.period + 1, rules.exploration_exponent)
            found = (1.0 - rate) * found + rate / groups_count
        return found

    def propose(self, values: Array) -> Open:
        """Decisions and probabilities for stated values, shape (paths, agents, decisions)."""
        weights = self.weights()
        if self.rules.variant != "bounded_values":
            chosen = groups.decisions(values)
            stated = groups.taken(values, chosen) if self.rules.variant == "pivot" else None
            return self.propose_decisions(chosen, weights=weights, stated=stated)
        chosen = groups.decisions(values * weights[:, :, None])
        stated = groups.taken(values, chosen)
        everybody = next(groups.without_each(values, 1))
        shortfall = everybody.max(axis=1) - np.take_along_axis(everybody, chosen[:, :1], axis=1)[:, 0]
        return self.propose_decisions(chosen, weights=weights, stated=stated, shortfall=shortfall)

    def propose_decisions(
        self,
        chosen: NDArray[np.int64],
        *,
        weights: Array | None = None,
        stated: Array | None = None,
        shortfall: Array | None = None,
    ) -> Open:
        """The same where the groups' decisions are known, shape (paths, groups)."""
        weights = self.weights() if weights is None else weights
        debts = self.value if self.rules.variant == "bounded_values" else self.transfer
        return Open(
            decisions=chosen, shares=self.shares(weights), weights=weights, pays=debts > 0,
            stated=stated, shortfall=shortfall,
        )  # fmt: skip

    # -- the draw and after ------------------------------------------------------------------------------------------

    def settle(self, proposal: Open, outputs: Array, group: NDArray[np.intp]) -> Step:
        """One period.

        Args:
            proposal: of this period.
            outputs: under each group's decision, shape (paths, groups, agents). Appendix A uses the drawn group's row.
            group: drawn, shape (paths,).
        """
        seen = np.take_along_axis(outputs, group[:, None, None], axis=1)[:, 0]
        if self.rules.variant == "pivot":
            paid, expected = self._settle_pivot(proposal, outputs)
        elif self.rules.variant == "bounded_values":
            paid, expected = self._settle_bounded(proposal, seen)
        elif self.rules.variant == "exploration":
            paid, expected = self._settle_estimated(proposal, seen, group)
        else:
            paid, expected = self._settle_mixed(proposal, outputs, seen)
        self.period += 1
        return Step(decisions=proposal.decisions, shares=proposal.shares, group=group, paid=paid, expected=expected)

    def _due(self, proposal: Open, outputs: Array) -> Array:
        """tau_i(a) for outputs of shape (paths, agents) or (paths, groups, agents)."""
        pays, owed = proposal.pays, self.transfer
        if outputs.ndim == 3:
            pays, owed = pays[:, None, :], owed[:, None, :]
        due = outputs if self.rules.payment == "output" else np.minimum(outputs, owed)
        return np.where(pays, due, 0.0)

    def _settle_mixed(self, proposal: Open, outputs: Array, seen: Array) -> tuple[Array, Array]:
        gap, externality = groups.mixed_gaps(proposal.shares, outputs)
        expected = mix(proposal.shares, self._due(proposal, outputs))
        paid = self._due(proposal, seen)
        if not self.rules.smoothed:
            self.allocation = snap(self.allocation + gap)
            self.transfer = snap(self.transfer + externality - expected)
            return paid, expected
        counted, ignored = proposal.weights * externality, (1.0 - proposal.weights) * externality
        self.allocation = snap(self._faded(np.maximum(self.allocation, 0.0)) + gap)
        self.transfer = snap(self._faded(self.transfer) + counted - expected)
        self.first = snap(self._faded(np.maximum(self.first, 0.0)) - counted)
        self.second = snap(self._faded(np.maximum(self.second, 0.0)) + ignored)
        return paid, expected

    def _faded(self, regret: Array) -> Array:
        return regret if self._discount is None else self._discount * regret

    def _settle_pivot(self, proposal: Open, outputs: Array) -> tuple[Array, Array]:
        stated = proposal.stated
        if stated is None:
            raise ValueError("the pivot variant needs the stated values of the groups' decisions")
        paid = groups.gaps(stated).externality[:, 0]
        self.transfer = snap(self.transfer + groups.gaps(outputs).externality[:, 0] - paid)
        return paid, paid

    def _settle_bounded(self, proposal: Open, seen: Array) -> tuple[Array, Array]:
        if proposal.stated is None or proposal.shortfall is None:
            raise ValueError("the bounded_values variant needs the stated values of the groups' decisions")
        weighted = np.where(proposal.weights[:, None, :] > 0, proposal.stated, 0.0)
        external, own = groups.gaps(weighted).externality[:, 0], weighted[:, 0]
        pays = proposal.pays
        paid = np.where(pays, seen, 0.0)
        self.transfer = snap(self.transfer + external - paid)
        self.value = snap(self.value + external - np.where(pays, own, 0.0))
        surplus = seen - own
        self.held = np.where(pays, snap(self.held + surplus), self.held)
        self.idle = np.where(pays, self.idle, snap(self.idle + surplus))
        self.allocation = snap(self.allocation + proposal.shortfall)
        return paid, paid

    def _settle_estimated(self, proposal: Open, seen: Array, group: NDArray[np.intp]) -> tuple[Array, Array]:
        shares, chosen = proposal.shares, proposal.decisions
        if self.rules.propensity == "action":
            same = chosen == np.take_along_axis(chosen, group[:, None], axis=1)
        else:
            same = np.arange(shares.shape[1])[None, :] == group[:, None]
        propensity = np.cumsum(np.where(same, shares, 0.0), axis=1)[:, -1:]
        estimates = np.where(same[:, :, None], (seen / propensity)[:, None, :], 0.0)
        gap, externality = groups.mixed_gaps(shares, estimates)
        paid = self._due(proposal, seen)
        self.transfer = snap(self.transfer + externality - paid)
        self.allocation = snap(self.allocation + gap)
        return paid, paid


def mix(shares: Array, amounts: Array) -> Array:
    """Sum of probability times amount over the groups, in their order: numpy's own sums may pair terms."""
    result: Any = 0.0
    for group in range(shares.shape[1]):
        share = shares[:, group] if amounts.ndim == 2 else shares[:, group, None]
        result = result + share * amounts[:, group]
    return np.asarray(result, dtype=np.float64)


def snap(regret: Array) -> Array:
    """0 within 1e-12 of it: the rules are discontinuous there."""
    return np.where(np.abs(regret) <= SNAP, 0.0, regret)


def pick(shares: Array, draws: Array) -> NDArray[np.intp]:
    """The first group whose cumulated probability exceeds the draw; beyond the total, the last possible group."""
    beyond = np.cumsum(shares, axis=1) > draws[:, None]
    last = shares.shape[1] - 1 - np.argmax(shares[:, ::-1] > 0, axis=1)
    return np.where(beyond.any(axis=1), np.argmax(beyond, axis=1), last)
