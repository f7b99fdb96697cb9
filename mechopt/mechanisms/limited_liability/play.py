"""Many paths of one strategy, period by period, with what is asked for kept and nothing else: memory does not grow
with the horizon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from mechopt.mechanisms.limited_liability import groups, lockstep
from mechopt.mechanisms.limited_liability.paths import Array, Open, Paths, mix, pick, under
from mechopt.mechanisms.limited_liability.rules import Rules
from mechopt.mechanisms.limited_liability.strategies import Strategy, View

POINTS = 60  # periods at which regrets are kept for the pictures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """Where values and outputs come from.

    Attributes:
        values: true values of recorded periods, shape (recorded, agents, decisions).
        outputs: true outputs, the same shape.
        bound: y_max.
        order: "independent" draws recorded periods at random; "recorded" runs through them again and again.
        success: "drawn" draws outputs 0 or y_max with the stated value as expectation (Assumption 1 holds exactly),
            "recorded" takes the recorded outputs.
    """

    values: Array
    outputs: Array
    bound: float
    order: Literal["independent", "recorded"]
    success: Literal["drawn", "recorded"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", side_by_side(self.values))
        object.__setattr__(self, "outputs", side_by_side(self.outputs))

    def draw(self, random: Generator, paths: int, period: int) -> tuple[NDArray[np.int64], Array]:
        """Recorded periods, shape (paths,), and outputs, shape (paths, agents, decisions), for one period."""
        recorded = len(self.values)
        if self.order == "independent":
            chosen = random.integers(0, recorded, size=paths)
        else:
            chosen = np.full(paths, (period - 1) % recorded)
        if self.success == "recorded":
            return chosen, recorded_at(self.outputs, chosen)
        likely = recorded_at(self.values, chosen)
        drawn = random.random((*self.values.shape[1:], paths)) * self.bound  # paths side by side, see `lockstep`
        produced: Array = np.multiply(np.moveaxis(drawn, -1, 0) < likely, self.bound, dtype=np.float64)
        return chosen, produced


def side_by_side(numbers: NDArray[Any]) -> NDArray[Any]:
    """The same numbers with the first axis, of periods, side by side in memory, so that `recorded_at` need not copy."""
    return np.moveaxis(lockstep.rows(numbers), -1, 0)


def recorded_at(numbers: NDArray[Any], chosen: NDArray[np.int64]) -> NDArray[Any]:
    """Numbers of recorded periods, [period] first, for each path, shape (paths, ...); paths side by side."""
    return np.moveaxis(np.moveaxis(numbers, 0, -1).take(chosen, axis=-1, mode="clip"), -1, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """What a block of paths adds up to; all arrays but `points`, `curve` and `largest` start with (paths,).

    Attributes:
        payoff: true output less payment over the horizon, shape (paths, agents).
        paid: shape (paths, agents).
        output: total, shape (paths,).
        efficient: total output had every decision been a*(I) at true values, shape (paths,).
        regret: largest regret R^I or R_i at any period, shape (paths,).
        left_out: mean mu(I\\i), shape (paths, agents).
        changed: share of periods whose decision was not a*(I) at stated values, shape (paths,).
        score: of draw-dependent reports, numerator and variance, shape (paths, agents) each.
        points: periods kept.
        curve: at those periods, R^I, the debts, mu(I\\i) and P(decision is not a*(I)), summed over the paths, shape
            (points, 2 + 2 agents). Leaving out an agent that would not have changed anything costs nothing.
        largest: of R^I and the debts at those periods, over the paths, shape (points,).
        loss_after: output lost after `watch`, shape (paths,).
    """

    payoff: Array
    paid: Array
    output: Array
    efficient: Array
    regret: Array
    left_out: Array
    changed: Array
    score: tuple[Array, Array]
    points: NDArray[np.int64]
    curve: Array
    largest: Array
    loss_after: Array


def checkpoints(periods: int, watch: int) -> NDArray[np.int64]:
    """Periods to keep, denser at the start and after `watch`."""
    early = np.geomspace(1, periods, min(periods, POINTS))
    late = watch + np.geomspace(1, max(periods - watch, 1), min(max(periods - watch, 1), POINTS))
    return np.unique(np.concatenate([early, late[late <= periods]]).round().astype(np.int64))


class Play:
    """One block of paths under one strategy.

    Args:
        rules: the variant.
        model: values and outputs.
        strategy: of the agent, or a coalition's.
        agent: who deviates.
        periods: N.
        paths: in this block.
        seed: of the block, fresh; strategies compared on equal seeds meet the same values, outputs and draws.
        watch: period after which losses are counted, or N.
        honoured: whether sealed reports above what is produced are kept out, as the proof of Proposition 3 supposes.
    """

    def __init__(
        self, rules: Rules, model: Model, strategy: Strategy, *, agent: int, periods: int, paths: int,
        seed: SeedSequence, watch: int | None = None, honoured: bool = True,
    ) -> None:  # fmt: skip
        self.rules, self.model, self.strategy, self.periods = rules, model, strategy, periods
        self.state = Paths(rules, paths)
        nature, own = seed.spawn(2)
        self.random = default_rng(nature)
        self.view = View(
            paths=self.state, last=None, agent=agent, periods=periods, bound=model.bound, random=default_rng(own)
        )
        self.watch = periods if watch is None else watch
        self.honoured = honoured
        self.chosen = side_by_side(groups.decisions(model.values))  # of truth, by recorded period
        shape = (paths, rules.agents)
        self.payoff, self.paid, self.left_out = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.excess, self.spread = np.zeros(shape), np.zeros(shape)
        self.output, self.efficient, self.loss_after = np.zeros(paths), np.zeros(paths), np.zeros(paths)
        self.regret, self.changed = np.zeros(paths), np.zeros(paths)

    def run(self, progress: Callable[[int], object] | None = None) -> Tally:
        """All periods; `progress` is called with each further hundredth that is done, but for the last."""
        points = checkpoints(self.periods, self.watch)
        keep = set(points.tolist())
        curve, largest, told = [], [], 0
        for period in range(1, self.periods + 1):
            proposal = self._period(period)
            if period in keep:
                other = proposal.decisions != proposal.decisions[:, :1]
                changed = (proposal.shares * other).sum(axis=1, keepdims=True)
                row = [self.state.allocation[:, None], self._debts(), proposal.shares[:, 1:], changed]
                every = np.concatenate(row, axis=1)
                curve.append(every.sum(axis=0))
                largest.append(every[:, : 1 + self.rules.agents].max())
            if progress is not None and told < (hundredths := 100 * period // self.periods) < 100:
                progress(told := hundredths)
        return Tally(
            payoff=self.payoff, paid=self.paid, output=self.output, efficient=self.efficient, regret=self.regret,
            left_out=self.left_out / self.periods, changed=self.changed / self.periods,
            score=(self.excess, self.spread), points=points, curve=np.stack(curve),
            largest=np.array(largest), loss_after=self.loss_after,
        )  # fmt: skip

    def _reported(self, proposal: Open, group: NDArray[np.intp], produced: Array) -> Array:
        """What is said about outputs: verified ones are true; sealed ones are fixed before the draw is known."""
        if not self.strategy.misreports_outputs or self.rules.counterfactuals == "verified":
            return produced
        if self.rules.counterfactuals == "sealed":
            group = pick(proposal.shares, self.view.random.random(self.state.paths))  # a guess is all there is
        reported = self.strategy.outputs(self.view, proposal, group, produced)
        # Who reports more than it has and must pay cannot, yet is credited: no bound allows for that.
        if self.honoured and (self.rules.counterfactuals == "sealed" or self.rules.realised_only):
            reported = np.minimum(reported, produced)
        return reported

    def _debts(self) -> Array:
        return self.state.value if self.rules.variant == "bounded_values" else self.state.transfer

    def _period(self, period: int) -> Open:
        state, strategy, view = self.state, self.strategy, self.view
        recorded, outputs = self.model.draw(self.random, state.paths, period)
        outputs = strategy.produce(view, outputs)
        draws = self.random.random(state.paths)
        true = recorded_at(self.model.values, recorded)
        stated = strategy.values(view, true)
        if stated is true and self.rules.variant not in ("pivot", "bounded_values"):
            proposal = state.propose_decisions(recorded_at(self.chosen, recorded))
        else:
            proposal = state.propose(stated)
        group = pick(proposal.shares, draws)
        produced = under(outputs, proposal.decisions)
        reported = self._reported(proposal, group, produced)
        view.last = step = state.settle(proposal, reported, group)
        taken = lockstep.drawn(produced.T, group).T
        # Paper: a report may exceed what was produced; here nobody pays more than there is (but in the benchmark).
        paid = step.paid if self.rules.variant == "pivot" else np.minimum(step.paid, taken)
        self._add(recorded, outputs, taken, paid)
        if period > self.watch:
            self.loss_after += self._efficient(recorded, outputs) - taken.sum(axis=1)
        self.changed += step.decision != proposal.decisions[:, 0]
        if strategy.misreports_outputs:
            mean = mix(proposal.shares, reported)
            self.excess += lockstep.drawn(lockstep.rows(reported.swapaxes(1, 2)), group).T - mean
            self.spread += mix(proposal.shares, (reported - mean[:, None, :]) ** 2)
        self.left_out += proposal.shares[:, 1:]
        self.regret = np.maximum(self.regret, np.maximum(state.allocation, state.transfer.max(axis=1)))
        return proposal

    def _add(self, recorded: NDArray[np.int64], outputs: Array, taken: Array, paid: Array) -> None:
        self.payoff += taken - paid
        self.paid += paid
        self.output += taken.sum(axis=1)
        self.efficient += self._efficient(recorded, outputs)

    def _efficient(self, recorded: NDArray[np.int64], outputs: Array) -> Array:
        """Total output under a*(I) at true values, shape (paths,)."""
        best = recorded_at(self.chosen[:, :1], recorded)
        total: Array = under(outputs, best)[:, 0].sum(axis=1)
        return total
