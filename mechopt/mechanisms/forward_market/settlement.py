"""The forward and the spot market together: who pays, who is paid, and that every budget adds up.

No tariff that keeps r* in equilibrium balances the forward market unless r* = e: C is convex with C'(0) = hat, so it
pays out sum C(e_i - r_i*) >= hat sum (e_i - r_i*) = 0. What makes the scheme feasible are flat participation fees, all
or nothing, that sum to what the forward market pays out, and the spot market's surplus handed back as a rebate. The
agents then gain E W - sum min(e_i, k_i) E theta_i >= 0 together, shared equally here.

# Paper: Proposition 4 claims a tariff that balances by itself; see `balance_certificate` for why there is none.
Source: liu2020, Section 4.2 and Proposition 4, repaired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market.anticipated import Prospect
from mechopt.mechanisms.forward_market.forward import Forward

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settlement:
    """Money RECEIVED by each agent, shape (agents,), and what it does for them.

    Attributes:
        forward_payment: C(e_i - r_i*); a buyer's is negative.
        fee: flat participation fee, negative where it is paid; sums to minus the forward payments.
        rebate: share of the spot market's expected surplus.
        payoff: pi_i(r_i*), from the spot market before the rebate.
        outside: min(e_i, k_i) E theta_i, from keeping the endowment with no market at all.
    """

    forward_payment: Floats
    fee: Floats
    rebate: Floats
    payoff: Floats
    outside: Floats

    @property
    def gain(self) -> Floats:
        """What the whole scheme adds to keeping the endowment."""
        return self.payoff + self.rebate + self.forward_payment + self.fee - self.outside


def settle(market: Prospect, forward: Forward) -> Settlement:
    """Fees and rebates that balance every budget and let all agents gain the same.

    Args:
        market: the spot market.
        forward: the forward market at r*.
    """
    paid = forward.payments()
    payoff, outside = market.payoffs(market.target), market.outside_payoffs
    rebate = np.full(paid.size, market.surplus_at_target / paid.size)
    before = payoff + rebate + paid - outside
    share = float((payoff + rebate - outside).sum()) / paid.size
    return Settlement(forward_payment=paid, fee=share - before, rebate=rebate, payoff=payoff, outside=outside)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BalanceCertificate:
    """Why no increasing tariff with r* in equilibrium balances the forward market: a Farkas certificate.

    Added up with multiplier 1 each, the rows  C(y_i) - hat y_i >= slack_i  (C is convex and lies above every A_j, whose
    slope at 0 is hat) and the balance  sum C(y_i) = 0  give  0 >= sum slack_i.

    Attributes:
        position: y_i = e_i - r_i*, shape (agents,); they sum to 0.
        slack: max(0, max_j A_j(y_i) - hat y_i) of each agent: lower bounds on C(y_i) - hat y_i. Without the 0 where
            all agents are at their limits, so that C may have another slope than hat at 0.
    """

    position: Floats
    slack: Floats

    @property
    def deficit(self) -> float:
        """No tariff pays out less than this on balance, money."""
        return max(0.0, float(self.slack.sum()))


def balance_certificate(market: Prospect) -> BalanceCertificate:
    """The certificate for one market; its deficit is 0 only where r* = e.

    Source: liu2020, Proposition 4 (budget balance), refuted.
    """
    target = market.target
    position = market.environment.endowments - target
    gain = np.full(position.size, -np.inf)
    for agent in market.representatives:
        held = float(target[agent])
        reach = (position >= -held - 1e-12) & (position <= 1 - held + 1e-12)
        if reach.any():
            demanded = np.clip(held + position[reach], 0.0, 1.0)
            here = market.payoff(agent, np.array([held]))
            gain[reach] = np.maximum(gain[reach], market.payoff(agent, demanded) - here)
    slack = gain - market.price * position
    if _supported(market):
        slack = np.maximum(slack, 0.0)
    return BalanceCertificate(position=position, slack=slack)


def _supported(market: Prospect) -> bool:
    """Whether every C >= A_i has a slope at 0 that is the common value: some agent is below all of his limits."""
    last, more = [], []
    for agent in market.representatives:
        held = market.target[agent : agent + 1]
        last.append(float(market.marginal_value(agent, held, side="left")[0]))
        more.append(float(market.marginal_value(agent, held, side="right")[0]))
    return min(last) <= max(more)


def no_free_lunch(market: Prospect, forward: Forward) -> float:
    """Pi_e - (forward budget + Pi_r*): at least 0 for every pricing under which r* is an equilibrium and e_i is free.

    If the spot market fails at e, forward and spot market together lose at least as much as running the VCG spot
    market at e right away: sum over agents of what they pay is at most pi_i(r_i*) - pi_i(e_i).

    Source: not in the paper.
    """
    at_endowment = market.surplus(market.environment.endowments)
    return at_endowment - (forward.budget() + market.surplus_at_target)
