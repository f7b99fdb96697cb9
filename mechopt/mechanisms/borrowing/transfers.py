"""Who goes first in a round and what each agent receives, under every design, in exact arithmetic.

A transfer is what the agent RECEIVES; so a sum above 0 is a deficit of the manager.
# Paper: "the manager's utility is the sum of T_i" (Section 3); here the sum is her deficit, because T_i > 0 is paid to
# the agent.
Source: zheng2023, eq. (4.1), (4.2), (7.1), (7.2); the better designs are in the Groves family of (7.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations
from mechopt.mechanisms.borrowing.values import ValueFunction

HALF = Fraction(1, 2)
TIE = (HALF, HALF)
Share = tuple[Fraction, Fraction]  # q: probabilities that agent 1 and agent 2 go first
Pair = tuple[Any, Any]


def worth(one: ValueFunction, two: ValueFunction, first: Fraction, second: Fraction) -> tuple[Pair, Pair]:
    """((v1(t1), v2(t2)), (v1(t1 + t2), v2(t1 + t2))): the four numbers that everything about two agents depends on."""
    total = first + second
    return (one.at(first), two.at(second)), (one.at(total), two.at(total))


def allocate(own: Pair, late: Pair) -> Share:
    """q, eq. (4.1) and (7.1): the efficient order at reported values, a fair lottery at an exact tie."""
    first, second = own[0] + late[1], own[1] + late[0]
    return (Fraction(1), Fraction(0)) if first > second else (Fraction(0), Fraction(1)) if first < second else TIE


def payoffs(share: Share, own: Pair, late: Pair) -> Pair:
    """What the order is worth to each agent; on a lottery, what it is expected to be."""
    if share == TIE:
        return (own[0] + late[0]) * HALF, (own[1] + late[1]) * HALF
    return (own[0], late[1]) if share[0] else (late[0], own[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A two-stage rule of the Groves family: T_i = u_j + charge_i(report of j) + constant_i.

    Attributes:
        name: the design.
        charge: of (agent 0 or 1, the other's reported value function, the other's reported time).
        constant: added to each agent's transfer.
    """

    name: str
    charge: Callable[[int, ValueFunction, Fraction], Any]
    constant: Pair

    def transfers(self, reports: tuple[ValueFunction, ValueFunction], times: Pair, reported: Pair) -> Pair:
        """(T_1, T_2) from first-stage reports and reported payoffs, eq. (7.2) for the two-stage design."""
        return tuple(
            reported[1 - agent] + self.charge(agent, reports[1 - agent], times[1 - agent]) + self.constant[agent]
            for agent in (0, 1)
        )


def one_stage(
    payoff: Pair,
    shares: tuple[Fraction, ...] = (),
    fine: Fraction | None = None,
    lies: tuple[bool, bool] = (False,) * 2,
) -> Pair:
    """(T_1, T_2) of the one-stage mechanism, where values are known and times are observed afterwards.

    Args:
        payoff: of the order that the reports led to, at the true times.
        shares: s, summing to 1: T_i = s_i W - v_i. The paper's rule is (0, 1): agent 1 pays out his whole payoff.
        fine: F; each agent pays F to the other for a report that differs from the time observed.
        lies: whether each agent's report differed.

    Source: eq. (4.2); the sharing rules answer Section 12's question for other mechanisms that are ex-post incentive
    compatible and ex-post budget balanced, the fine its question for truth as the only equilibrium.
    """
    keep = shares or (Fraction(0), Fraction(1))
    welfare = payoff[0] + payoff[1]
    forced = (fine or Fraction(0)) * (int(lies[1]) - int(lies[0]))
    return keep[0] * welfare - payoff[0] + forced, keep[1] * welfare - payoff[1] - forced


def rule(environment: Environment, expectations: Expectations, design: str | None = None) -> Rule:
    """The Groves rule of a design, with its constant.

    Raises:
        InstanceError: the design is not one of two agents in two stages.
    """
    name = design or environment.design
    if name == "two_stage":
        constant = used_constant(environment, expectations, expectations.balancing_constant)
        return Rule(name=name, charge=lambda agent, function, time: Fraction(0), constant=(constant, constant))
    if name == "pivot":
        constant = used_constant(environment, expectations, None)
        return Rule(name=name, charge=lambda agent, function, time: -function.at(time), constant=(constant, constant))
    if name == "minimum_variance":
        constant = used_constant(environment, expectations, expectations.welfare.times(HALF))
        return Rule(
            name=name,
            charge=lambda agent, function, time: -expectations.given(1 - agent, function, time).value,
            constant=(constant, constant),
        )
    raise InstanceError(f"{name!r} is not for two agents; choose two_stage, pivot or minimum_variance", key="design")


def balancing(expectations: Expectations, design: str) -> Estimate:
    """The constant, the same for both, with which the design's expected transfers sum to zero."""
    if design == "one_stage":
        return Estimate(value=Fraction(0))
    if design == "two_stage":
        return expectations.balancing_constant
    if design == "minimum_variance":
        return expectations.welfare.times(HALF)
    return expectations.loss_power(1).times(-HALF)


def used_constant(environment: Environment, expectations: Expectations, own: Estimate | None) -> Any:
    """The constant that the environment asks for, else the design's own (None: none)."""
    asked = environment.constant
    if asked == "printed":
        return expectations.printed_constant.value
    if asked == "balanced":
        return balancing(expectations, environment.design).value
    if asked is not None:
        return asked
    return own.value if own is not None else Fraction(0)
