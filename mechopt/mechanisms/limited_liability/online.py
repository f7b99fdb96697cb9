"""The mechanism as an online protocol: propose, draw, settle. The plain reference that every kernel is held against.

A period goes: agents state values -> `propose` (decision of each group, probabilities) -> a number in [0, 1) picks a
group -> outputs are observed -> `settle` (payments, regrets). Everything is a plain loop over agents and groups, in
the conventions of the contract: groups I, I\\1, ..., I\\n; sums in agent order; a tie goes to the smallest decision.
Payments are the paper's tau >= 0, what an agent pays. Source: chassang2021, Sections 3 to 7 and Appendix A.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from mechopt.mechanisms.limited_liability.arithmetic import Arithmetic, Floats, total
from mechopt.mechanisms.limited_liability.period import Number, Proposal, Settlement, decide, discount, sums
from mechopt.mechanisms.limited_liability.response import respond
from mechopt.mechanisms.limited_liability.rules import Rules

STATE = ("transfer", "first", "second", "value", "held", "idle")


class Online:
    """One mechanism at work, period by period.

    Args:
        rules: the variant and its parameters.
        arithmetic: floats by default.

    Attributes:
        period: number of periods settled.
        allocation: R^I.
        transfer: R_i^tau, positive where the agent is in debt.
        first: R_{1,i}, eq. (14); second: R_{2,i}, eq. (15); smoothed variants.
        value: R_i^v; held: R_i^A; idle: R_i^B; Appendix A.1.
    """

    def __init__(self, rules: Rules, arithmetic: Arithmetic | None = None) -> None:
        self.rules = rules
        self.arithmetic: Arithmetic = arithmetic or Floats()
        zero = self.arithmetic.zero
        self.period = 0
        self.allocation: Number = zero
        self.transfer, self.first, self.second, self.value, self.held, self.idle = (
            [zero] * rules.agents for _ in range(6)
        )
        self._discount: Number = None
        if rules.discount is not None and rules.variant == "discounted":
            self._discount = discount(rules, self.arithmetic)

    def snapshot(self) -> dict[str, Any]:
        """The whole state between two periods, as plain numbers: a cache for those who keep a journal."""
        return {"period": self.period, "allocation": self.allocation} | {
            name: list(getattr(self, name)) for name in STATE
        }

    @classmethod
    def restore(cls, rules: Rules, snapshot: Mapping[str, Any], arithmetic: Arithmetic | None = None) -> Self:
        """A mechanism that goes on from a snapshot.

        Raises:
            ValueError: the snapshot is not of as many agents.
        """
        online = cls(rules, arithmetic)
        online.period, online.allocation = int(snapshot["period"]), snapshot["allocation"]
        for name in STATE:
            kept = list(snapshot[name])
            if len(kept) != rules.agents:
                raise ValueError(f"the snapshot has {len(kept)} numbers for {name}, not {rules.agents}")
            setattr(online, name, kept)
        return online

    @property
    def debts(self) -> list[Number]:
        """What decides who pays: R_i^tau, or R_i^v in Appendix A.1; an agent with a positive one is in debt."""
        return self.value if self.rules.variant == "bounded_values" else self.transfer

    # -- before the draw ---------------------------------------------------------------------------------------------

    def weights(self) -> list[Number]:
        """lambda_i for the coming period: eq. (19), or 0 and 1 in Appendix A.1; 1 where the paper's ratio is 0/0."""
        numbers = self.arithmetic
        if self.rules.variant == "bounded_values":
            return [numbers.one if self._counts(agent) else numbers.zero for agent in range(self.rules.agents)]
        if not self.rules.smoothed:
            return [numbers.one] * self.rules.agents
        return [
            numbers.ratio(max(second, numbers.zero), max(first, numbers.zero))
            if max(first, second) > 0
            else numbers.one
            for first, second in zip(self.first, self.second, strict=True)
        ]

    def _counts(self, agent: int) -> bool:
        """Whether an agent's values count, Appendix A.1."""
        if self.value[agent] > 0:
            return bool(self.held[agent] >= 0)
        # Paper: also excluded where R^B < 0; the proof does not need it (use_regret_b = false).
        return not self.rules.use_regret_b or bool(self.idle[agent] >= 0)

    def shares(self) -> list[Number]:
        """mu for the coming period: eq. (8), (21), or with exploration, Appendix A.2."""
        numbers, rules = self.arithmetic, self.rules
        zero = numbers.zero
        if rules.variant in ("pivot", "bounded_values"):
            return [numbers.one] + [zero] * rules.agents
        mixture = numbers.shares(self._pressures())
        if rules.variant == "exploration":
            rate = numbers.rate(self.period + 1, rules.exploration_exponent)
            mixture = numbers.explore(mixture, rate)
        return mixture

    def _pressures(self) -> list[Number]:
        """What mu is proportional to: R^I+ and R_i+, or lambda_i R_i+."""
        numbers = self.arithmetic
        debts = [max(debt, numbers.zero) for debt in self.transfer]
        if self.rules.smoothed:
            debts = [numbers.times(weight, debt) for weight, debt in zip(self.weights(), debts, strict=True)]
        return [max(self.allocation, numbers.zero), *debts]

    def propose(self, values: Sequence[Sequence[Number]]) -> Proposal:
        """The proposal for stated values [agent][decision] of a finite set of decisions."""
        numbers = self.arithmetic
        bounded = self.rules.variant == "bounded_values"
        weights = [int(not bounded or weight > 0) for weight in self.weights()]
        decisions = decide(values, weights, 0 * values[0][0])
        stated = [[row[decision] for row in values] for decision in decisions]
        shortfall = numbers.zero
        if bounded:
            best = decide(values, [1] * len(values), 0 * values[0][0])[0]
            gap = total([row[best] for row in values], 0) - total([row[decisions[0]] for row in values], 0)
            shortfall = numbers.lift(gap)
        return self.propose_decisions(decisions, stated=stated, shortfall=shortfall)

    def propose_decisions(
        self, decisions: Sequence[int], *, stated: Sequence[Sequence[Number]] = (), shortfall: Number = 0
    ) -> Proposal:
        """The proposal where somebody else (an optimisation model) has found the groups' decisions.

        Args:
            decisions: a number for the decision of each group; equal numbers mean the same decision.
            stated: value of each agent under each group's decision, [group][agent]; for pivot and bounded_values.
            shortfall: as in `Proposal`.
        """
        shares, limited = self.shares(), 0.0
        limits = self.rules.limits
        if limits is not None and not limits.kept(shares):
            found = respond(self._pressures(), decisions, limits)
            shares, limited = found.shares.tolist(), found.shortfall
        return Proposal(
            period=self.period + 1,
            decisions=tuple(decisions),
            shares=shares,
            limited=limited,
            weights=self.weights(),
            pays=[bool(debt > 0) for debt in self.debts],
            stated=stated,
            shortfall=shortfall,
        )

    def draw(self, proposal: Proposal, number: Number) -> int:
        """The group that a number in [0, 1), or a grid point of the ledger, picks."""
        return self.arithmetic.pick(proposal.shares, number)

    # -- after the draw ----------------------------------------------------------------------------------------------

    def settle(self, proposal: Proposal, group: int, outputs: Sequence[Any]) -> Settlement:
        """Payments and regrets once outputs are known.

        Args:
            proposal: of this period.
            group: the one drawn.
            outputs: of each agent under each group's decision, [group][agent]; in Appendix A under the decision
                taken, [agent].

        Raises:
            ValueError: the proposal is not the one of this period.
        """
        if proposal.period != self.period + 1:
            raise ValueError(f"the proposal is for period {proposal.period}, but period {self.period + 1} is open")
        if self.rules.variant == "pivot":
            settlement = self._settle_pivot(proposal, group, outputs)
        elif self.rules.variant == "bounded_values":
            settlement = self._settle_bounded(proposal, group, outputs)
        elif self.rules.variant == "exploration":
            settlement = self._settle_estimated(proposal, group, outputs)
        else:
            settlement = self._settle_mixed(proposal, group, outputs)
        self.period += 1
        return settlement

    def _due(self, proposal: Proposal, agent: int, output: Number) -> Number:
        """tau_i(a): eq. (9) and (22), or at most the debt, footnote 9."""
        if not proposal.pays[agent]:
            return 0 * output
        return output if self.rules.payment == "output" else min(output, self.arithmetic.owed(self.transfer[agent]))

    def _settle_mixed(self, proposal: Proposal, group: int, outputs: Sequence[Sequence[Number]]) -> Settlement:
        """Sections 4 to 7: all groups' outputs count."""
        numbers, shares = self.arithmetic, proposal.shares
        everybody, others = sums(outputs)
        gap = numbers.mix(shares, [everybody[0] - other for other in everybody])
        expected, externality = [], []
        for agent in range(self.rules.agents):
            without = others[agent + 1][agent]
            externality.append(numbers.mix(shares, [without - other[agent] for other in others]))
            expected.append(numbers.mix(shares, [self._due(proposal, agent, row[agent]) for row in outputs]))
        paid = [self._due(proposal, agent, output) for agent, output in enumerate(outputs[group])]
        if self.rules.smoothed:
            self._smooth(proposal, gap, externality, expected)
        else:
            self.allocation = numbers.settle(self.allocation + gap)
            for agent, external in enumerate(externality):
                self.transfer[agent] = numbers.settle(self.transfer[agent] + external - expected[agent])
        return Settlement(group=group, paid=paid, expected=expected)

    def _smooth(self, proposal: Proposal, gap: Number, externality: Sequence[Number], due: Sequence[Number]) -> None:
        """Running maxima and smoothed externalities, recursions in the proofs of Proposition 4 and Lemma B.6."""
        numbers = self.arithmetic
        zero = numbers.zero
        self.allocation = numbers.settle(self._faded(max(self.allocation, zero)) + gap)
        for agent, external in enumerate(externality):
            counted, ignored = numbers.split(proposal.weights[agent], external)
            self.transfer[agent] = numbers.settle(self._faded(self.transfer[agent]) + counted - due[agent])
            self.first[agent] = numbers.settle(self._faded(max(self.first[agent], zero)) - counted)
            self.second[agent] = numbers.settle(self._faded(max(self.second[agent], zero)) + ignored)

    def _faded(self, regret: Number) -> Number:
        return regret if self._discount is None else self.arithmetic.times(self._discount, regret)

    def _settle_pivot(self, proposal: Proposal, group: int, outputs: Sequence[Sequence[Number]]) -> Settlement:
        """Section 3: the reported externality is paid whatever was produced."""
        numbers = self.arithmetic
        _, stated = sums(proposal.stated)
        _, others = sums(outputs)
        paid = [stated[agent + 1][agent] - stated[0][agent] for agent in range(self.rules.agents)]
        expected = [numbers.lift(due) for due in paid]
        for agent, due in enumerate(expected):
            external = numbers.lift(others[agent + 1][agent] - others[0][agent])
            self.transfer[agent] = numbers.settle(self.transfer[agent] + external - due)
        return Settlement(group=group, paid=paid, expected=expected)

    def _settle_bounded(self, proposal: Proposal, group: int, outputs: Sequence[Number]) -> Settlement:
        """Appendix A.1: externalities in stated values, outputs of the decision taken."""
        numbers = self.arithmetic
        counts = [weight > 0 for weight in proposal.weights]
        weighted = [
            [value if count else 0 * value for value, count in zip(row, counts, strict=True)] for row in proposal.stated
        ]
        _, others = sums(weighted)
        paid, expected = [], []
        for agent, output in enumerate(outputs):
            external = numbers.lift(others[agent + 1][agent] - others[0][agent])
            own, pays = numbers.lift(weighted[0][agent]), proposal.pays[agent]
            paid.append(output if pays else 0 * output)
            expected.append(numbers.lift(paid[agent]))
            self.transfer[agent] = numbers.settle(self.transfer[agent] + external - expected[agent])
            self.value[agent] = numbers.settle(self.value[agent] + external - (own if pays else numbers.zero))
            surplus = numbers.lift(output) - own
            if pays:
                self.held[agent] = numbers.settle(self.held[agent] + surplus)
            else:
                self.idle[agent] = numbers.settle(self.idle[agent] + surplus)
        self.allocation = numbers.settle(self.allocation + proposal.shortfall)
        return Settlement(group=group, paid=paid, expected=expected)

    def _settle_estimated(self, proposal: Proposal, group: int, outputs: Sequence[Number]) -> Settlement:
        """Appendix A.2: outputs of the decision taken, divided by the probability of taking it."""
        numbers, shares = self.arithmetic, proposal.shares
        by_action = self.rules.propensity == "action"
        seen = [
            proposal.decisions[other] == proposal.decisions[group] if by_action else other == group
            for other in range(len(shares))
        ]
        propensity = total([share for share, same in zip(shares, seen, strict=True) if same], numbers.zero)
        estimate = [numbers.estimate(output, propensity) for output in outputs]
        everybody, others = sums([estimate if same else [0 * output for output in estimate] for same in seen])
        realised, realised_others = sums([outputs])
        gap = numbers.estimated_gap(shares, everybody[0], everybody, realised[0])
        paid = [self._due(proposal, agent, output) for agent, output in enumerate(outputs)]
        for agent, due in enumerate(paid):
            external = numbers.estimated_gap(
                shares, others[agent + 1][agent], [row[agent] for row in others], realised_others[0][agent]
            )
            self.transfer[agent] = numbers.settle(self.transfer[agent] + external - numbers.lift(due))
        self.allocation = numbers.settle(self.allocation + gap)
        return Settlement(group=group, paid=paid, expected=[numbers.lift(due) for due in paid])
