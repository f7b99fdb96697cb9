"""The mechanism on many paths in lockstep: vectorised over paths, every number as in `online.py` to the last bit.

Arrays start with the path, and lie in memory with the paths side by side, as `lockstep` works on them; inputs that lie
so are not copied. One `step` is one period of all paths; nothing of earlier periods is kept, so memory does not grow
with the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import groups, lockstep
from mechopt.mechanisms.limited_liability.arithmetic import Floats
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
        self._workspace = lockstep.Workspace()
        self._discount = float(rules.discount) if rules.variant == "discounted" and rules.discount else None

    # -- before the draw ---------------------------------------------------------------------------------------------

    def weights(self) -> Array:
        """lambda, shape (paths, agents)."""
        if self.rules.variant == "bounded_values":
            idle = self.idle >= 0 if self.rules.use_regret_b else np.ones_like(self.idle, dtype=bool)
            return np.where(self.value > 0, self.held >= 0, idle).astype(np.float64)
        if not self.rules.smoothed:
            return np.ones_like(self.transfer)
        above, whole = np.maximum(self.second, 0.0), np.maximum(self.first, 0.0)
        whole += above
        nothing = whole <= 0.0
        above[nothing] = whole[nothing] = 1.0
        above /= whole
        return above

    def shares(self, weights: Array) -> Array:
        """mu, shape (paths, groups)."""
        rules, groups_count = self.rules, self.rules.agents + 1
        if rules.variant in ("pivot", "bounded_values"):
            found = np.zeros((self.paths, groups_count))
            found[:, 0] = 1.0
            return found
        pressures = np.empty((groups_count, self.paths))
        np.maximum(self.allocation, 0.0, out=pressures[0])
        np.maximum(self.transfer.T, 0.0, out=pressures[1:])
        if rules.smoothed:
            pressures[1:] *= weights.T
        found = lockstep.proportional(pressures)
        if rules.variant == "exploration":
            rate = Floats().rate(self.period + 1, rules.exploration_exponent)
            found *= 1.0 - rate
            found += rate / groups_count
        return found.T

    def propose(self, values: Array) -> Open:
        """Decisions and probabilities for stated values, shape (paths, agents, decisions)."""
        weights = self.weights()
        rows = lockstep.rows(values)
        if self.rules.variant != "bounded_values":
            chosen = lockstep.decide(rows, self._workspace)
            stated = lockstep.under(rows, chosen).T if self.rules.variant == "pivot" else None
            return self.propose_decisions(chosen.T, weights=weights, stated=stated)
        chosen = lockstep.decide(rows * weights.T[:, None], self._workspace).T
        stated = lockstep.under(rows, chosen.T).T
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
        produced = lockstep.rows(outputs.swapaxes(1, 2))
        seen = lockstep.drawn(produced, group).T
        if self.rules.variant == "pivot":
            paid, expected = self._settle_pivot(proposal, outputs)
        elif self.rules.variant == "bounded_values":
            paid, expected = self._settle_bounded(proposal, seen)
        elif self.rules.variant == "exploration":
            paid, expected = self._settle_estimated(proposal, seen, group)
        else:
            paid, expected = self._settle_mixed(proposal, produced, seen)
        self.period += 1
        return Step(decisions=proposal.decisions, shares=proposal.shares, group=group, paid=paid, expected=expected)

    def _due(self, proposal: Open, outputs: Array) -> Array:
        """tau_i(a) for outputs of shape (paths, agents)."""
        due = outputs if self.rules.payment == "output" else np.minimum(outputs, self.transfer)
        return np.where(proposal.pays, due, 0.0)

    def _settle_mixed(self, proposal: Open, produced: Array, seen: Array) -> tuple[Array, Array]:
        due = produced if self.rules.payment == "output" else np.minimum(produced, self.transfer.T[:, None])
        shares = proposal.shares.T
        gap, externality = lockstep.mixed(shares, produced, self._workspace)
        expected = lockstep.mixture(np.multiply(due, shares, out=self._workspace.block("due", due.shape)))
        expected[~proposal.pays.T] = 0.0  # who pays nothing, pays nothing under any group
        paid = self._due(proposal, seen)
        if not self.rules.smoothed:
            self.allocation = lockstep.snap(self.allocation + gap)
            self.transfer = lockstep.snap(self.transfer + externality.T - expected.T)
            return paid, expected.T
        external, weights = externality.T, proposal.weights
        counted, ignored = weights * external, (1.0 - weights) * external
        self.allocation = lockstep.snap(self._faded(np.maximum(self.allocation, 0.0)) + gap)
        self.transfer = lockstep.snap(self._faded(self.transfer) + counted - expected.T)
        self.first = lockstep.snap(self._faded(np.maximum(self.first, 0.0)) - counted)
        self.second = lockstep.snap(self._faded(np.maximum(self.second, 0.0)) + ignored)
        return paid, expected.T

    def _faded(self, regret: Array) -> Array:
        return regret if self._discount is None else self._discount * regret

    def _settle_pivot(self, proposal: Open, outputs: Array) -> tuple[Array, Array]:
        stated = proposal.stated
        if stated is None:
            raise ValueError("the pivot variant needs the stated values of the groups' decisions")
        paid = groups.gaps(stated).externality[:, 0]
        self.transfer = lockstep.snap(self.transfer + groups.gaps(outputs).externality[:, 0] - paid)
        return paid, paid

    def _settle_bounded(self, proposal: Open, seen: Array) -> tuple[Array, Array]:
        if proposal.stated is None or proposal.shortfall is None:
            raise ValueError("the bounded_values variant needs the stated values of the groups' decisions")
        weighted = np.where(proposal.weights[:, None, :] > 0, proposal.stated, 0.0)
        external, own = groups.gaps(weighted).externality[:, 0], weighted[:, 0]
        pays = proposal.pays
        paid = np.where(pays, seen, 0.0)
        self.transfer = lockstep.snap(self.transfer + external - paid)
        self.value = lockstep.snap(self.value + external - np.where(pays, own, 0.0))
        surplus = seen - own
        self.held = np.where(pays, lockstep.snap(self.held + surplus), self.held)
        self.idle = np.where(pays, self.idle, lockstep.snap(self.idle + surplus))
        self.allocation = lockstep.snap(self.allocation + proposal.shortfall)
        return paid, paid

    def _settle_estimated(self, proposal: Open, seen: Array, group: NDArray[np.intp]) -> tuple[Array, Array]:
        shares, chosen = proposal.shares, proposal.decisions
        if self.rules.propensity == "action":
            same = chosen == np.take_along_axis(chosen, group[:, None], axis=1)
        else:
            same = np.arange(shares.shape[1])[None, :] == group[:, None]
        propensity = np.cumsum(np.where(same, shares, 0.0), axis=1)[:, -1:]
        estimates = np.where(same.T, (seen / propensity).T[:, None], 0.0)
        gap, external = lockstep.mixed(shares.T, estimates, self._workspace)
        externality = external.T
        paid = self._due(proposal, seen)
        self.transfer = lockstep.snap(self.transfer + externality - paid)
        self.allocation = lockstep.snap(self.allocation + gap)
        return paid, paid


def mix(shares: Array, amounts: Array) -> Array:
    """Sum of probability times amount over the groups, in their order: numpy's own sums may pair terms."""
    result: Any = 0.0
    for group in range(shares.shape[1]):
        share = shares[:, group] if amounts.ndim == 2 else shares[:, group, None]
        result = result + share * amounts[:, group]
    return np.asarray(result, dtype=np.float64)


def under(numbers: Array, chosen: NDArray[np.int64]) -> Array:
    """Each agent's number under each group's decision, (paths, groups, agents), for (paths, agents, decisions)."""
    return lockstep.under(lockstep.rows(numbers), chosen.T).T


def pick(shares: Array, draws: Array) -> NDArray[np.intp]:
    """The first group whose cumulated probability exceeds the draw; beyond the total, the last possible group.

    Args:
        shares: shape (paths, groups).
        draws: shape (paths,).
    """
    return lockstep.pick(shares.T, draws)
