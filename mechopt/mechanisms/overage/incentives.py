"""What an account gains by claiming something else: own payoff, best replies, Nash equilibria.

All decisions (which region, which claim pays more) are taken in exact numbers: a float counts as its shortest decimal,
and results come back as floats where the columns are floats. Source: lengyel2025, Section 3 and Appendices A and C.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import Rule, Tie, as_exact, clear, divide

Number = Any  # int or Fraction; a float where a power is irrational and the columns are floats
FLOAT_TOLERANCE = 1e-12  # relative to the claim bound, where a power had to be taken in floats


def payoffs(
    entitlement: ArrayLike,
    claim: ArrayLike,
    *,
    rule: Rule = "linear",
    alpha: int | float | Fraction = 1,
    tie: Tie = "max",
) -> list[Number]:
    """The payoff of every account, exact: `clearing.clear` on plain lists.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C >= 0, units, shape (accounts,).
        rule, alpha, tie: as in `clearing.clear`.

    Source: lengyel2025, eqs. (1) and (3).
    """
    held, asked = (as_exact(np.array(column, dtype=object)) for column in (entitlement, claim))
    paid: list[Number] = clear(held, asked, rule=rule, alpha=alpha, tie=tie).payoff.tolist()
    return paid


def own_payoff(
    entitlement: ArrayLike,
    claim: ArrayLike,
    account: int,
    own: Number,
    *,
    rule: Rule = "linear",
    alpha: int | float | Fraction = 1,
    tie: Tie = "max",
) -> Number:
    """The payoff of one account if it claimed `own` while the others claim what they claim.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C >= 0, units, shape (accounts,).
        account: which, counted from 0.
        own: its claim instead, >= 0, units.
        rule, alpha, tie: as in `clearing.clear`.

    Returns:
        Its payoff, units; exact unless a column is of floats.

    Source: lengyel2025, eqs. (1) and (3).
    """
    held, asked = np.asarray(entitlement), np.array(claim)
    if "f" not in (held.dtype.kind, asked.dtype.kind):  # whole numbers have fractions for payoffs
        held, asked = as_exact(held), as_exact(asked)
    asked[account] = own
    return clear(held, asked, rule=rule, alpha=alpha, tie=tie).payoff[account]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facing:
    """What one account faces: all that its payoff depends on besides its own claim.

    Attributes:
        entitlement: L_j, units.
        others: V, the total overage of the others, units.
        weight: the others' total of (v / scale)**alpha; V where alpha is 1.
        scale: the unit of overage in the weights, > 0.
        slack: I, the total slack of the others, units.
        alpha: exponent of eq. (3); 1 is the linear rule.
        floats: True where an irrational power may be taken in floats, because the columns are floats.
    """

    entitlement: Number
    others: Number
    weight: Number
    scale: Number = 1
    slack: Number
    alpha: Number = 1
    floats: bool = False

    @property
    def boundary(self) -> Number:
        """y* = (I - V)+, the own overage at which X = I, units. Source: Appendix C."""
        return max(self.slack - self.others, 0)

    def own_weight(self, overage: Number) -> Number:
        """(y / scale)**alpha."""
        return _power(divide(overage, self.scale), self.alpha, self.floats)

    def payoff(self, claim: Number, *, tie: Tie = "max") -> Number:
        """The account's payoff from a claim, units. Source: lengyel2025, Appendix A ("Monotonicity in own claim")."""
        own, gap = claim - self.entitlement, claim - self.entitlement + self.others - self.slack
        if own <= 0 or gap < 0 or (gap == 0 and tie == "left"):
            return claim
        weight = self.own_weight(own)
        shared = self.slack * divide(weight, self.weight + weight)
        return self.entitlement + (max(own, shared) if gap == 0 and tie == "max" else shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """The best replies of one account.

    Attributes:
        intervals: disjoint closed intervals (low, high) of claims, ascending; none where the best payoff is approached
            but not reached (tie "right").
        payoff: the supremum of the payoff, units.
    """

    intervals: tuple[tuple[Number, Number], ...]
    payoff: Number

    def __contains__(self, claim: Number) -> bool:
        return any(low <= claim <= high for low, high in self.intervals)


def facing(entitlement: ArrayLike, claim: ArrayLike, account: int, *, alpha: int | float | Fraction = 1) -> Facing:
    """What one account faces at a profile of claims, in exact numbers.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C >= 0, units, shape (accounts,); the account's own does not matter.
        account: which, counted from 0.
        alpha: exponent of eq. (3).

    Raises:
        InstanceError: exact columns and a power that is irrational.
    """
    return _Profile(entitlement, claim, alpha).facing(account)


def best_replies(situation: Facing, bound: Number, *, tie: Tie = "max") -> Replies:
    """All claims in [0, bound] that give an account its largest payoff, in closed form.

    For alpha = 1 the bound is always among them. Otherwise it loses to the boundary claim L + y* exactly where
    0 < y* < m and y* * sum v**alpha > V * m**alpha, with m = bound - L.

    Args:
        situation: what the account faces, from `facing`.
        bound: M >= 0, units.
        tie: the branch of eq. (3) at X = I; no matter where alpha is 1.

    Source: lengyel2025, Appendix C for alpha = 1; for other exponents not in the paper (it says "M" for all).
    """
    entitlement, slack, others = situation.entitlement, situation.slack, situation.others
    room, boundary = bound - entitlement, situation.boundary
    top = ((bound, bound),)
    if room <= 0:
        return Replies(intervals=top, payoff=bound)
    if slack == 0:
        return Replies(intervals=((entitlement, bound),), payoff=entitlement)
    if others == 0:  # the only claimant takes all slack, whatever the exponent
        enough = entitlement + min(room, slack)
        return Replies(intervals=((enough, bound),), payoff=enough)
    at_bound = situation.payoff(bound, tie=tie)
    if situation.alpha == 1 or boundary == 0 or room < boundary:
        return Replies(intervals=top, payoff=at_bound)
    peak = entitlement + boundary
    if room == boundary:
        reached = at_bound >= peak
        return Replies(intervals=top if reached else (), payoff=at_bound if reached else peak)
    gap = boundary * situation.weight - others * situation.own_weight(room)
    if gap < 0 or (gap == 0 and tie == "right"):
        return Replies(intervals=top, payoff=at_bound)
    if tie == "right":
        return Replies(intervals=(), payoff=peak)
    return Replies(intervals=((peak, peak), *(top if gap == 0 else ())), payoff=peak)


def nash_equilibrium(
    entitlement: ArrayLike,
    claim: ArrayLike,
    bound: Number,
    *,
    alpha: int | float | Fraction = 1,
    tie: Tie = "max",
) -> Finding:
    """Whether no account gains by a claim of its own in [0, bound].

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C, 0 <= C <= bound, units, shape (accounts,).
        bound: M, units.
        alpha, tie: as in `clearing.clear`, rule "power"; alpha = 1 is the linear rule.

    Returns:
        The finding; its margin is minus the largest gain, its witness the account, the deviation and the gain.

    Raises:
        InstanceError: a claim is outside [0, bound], or a power is irrational in exact columns.

    Source: lengyel2025, Remark 6.
    """
    profile, bound = _Profile(entitlement, claim, alpha), exact.parse(bound)
    outside = [j for j, value in enumerate(profile.claim) if not 0 <= value <= bound]
    if outside:
        row = outside[0]
        raise InstanceError(f"must be from 0 to {bound}, not {profile.claim[row]}", key="claim", row=row + 1)
    margin, witness = None, {}
    for j, own in enumerate(profile.claim):
        situation = profile.facing(j)
        replies = best_replies(situation, bound, tie=tie)
        payoff = situation.payoff(own, tie=tie)
        if margin is None or payoff - replies.payoff < margin:
            margin = payoff - replies.payoff
            better = replies.intervals[-1][1] if replies.intervals else situation.entitlement + situation.boundary
            witness = {"row": j + 1, "claim": own, "payoff": payoff, "reply": better, "best_payoff": replies.payoff}
    return Finding(
        property="nash_equilibrium",
        margin=profile.number(margin),
        tolerance=FLOAT_TOLERANCE * float(bound) if isinstance(margin, float) else 0,
        evidence="payoff against the best reply in closed form, account by account",
        witness={name: value if name == "row" else profile.number(value) for name, value in witness.items()},
    )


def nash_set(entitlement: ArrayLike, bound: Number) -> tuple[NDArray[Any], NDArray[Any]]:
    """All Nash equilibria of the linear rule with claims in [0, bound]: a box.

    Where the bound is at least every entitlement these are the profiles with L <= C <= bound, and every payoff is L.
    Below that, accounts with more than the bound cannot use it all, and their slack makes the others claim as much as
    they can; a single other account needs no more than what covers it.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        bound: M >= 0, units.

    Returns:
        Lowest and highest claims, shape (accounts,) each.

    Source: not in the paper; Remark 6 says that C = L and C = M are equilibria.
    """
    column = np.asarray(entitlement)
    held, top = as_exact(column), exact.parse(bound)
    slack = np.maximum(held - top, 0).sum()
    upper = np.full(held.shape, top, dtype=object)
    if slack == 0:
        lower = held.copy()
    else:
        lower, claimants = upper.copy(), np.flatnonzero(held < top)
        if claimants.size == 1:
            own = held[claimants[0]]
            lower[claimants[0]] = own + min(top - own, slack)
    return (lower, upper) if column.dtype.kind != "f" else (lower.astype(float), upper.astype(float))


class _Profile:
    """A profile of claims with its totals, in exact numbers, so that each account's situation costs no pass."""

    def __init__(self, entitlement: ArrayLike, claim: ArrayLike, alpha: int | float | Fraction) -> None:
        columns = np.asarray(entitlement), np.asarray(claim)
        if columns[0].shape != columns[1].shape or columns[0].ndim != 1 or not columns[0].size:
            raise InstanceError("entitlement and claim need one equal length, at least 1", key="accounts")
        self.floats = any(column.dtype.kind == "f" for column in columns)
        self.alpha = exact.parse(alpha)
        self.entitlement, self.claim = (as_exact(column).tolist() for column in columns)
        gaps = [asked - held for held, asked in zip(self.entitlement, self.claim, strict=True)]
        self.overage, self.slack = [max(gap, 0) for gap in gaps], [max(-gap, 0) for gap in gaps]
        self.overage_total, self.slack_total = sum(self.overage), sum(self.slack)

    def facing(self, j: int) -> Facing:
        """What account j faces."""
        others, weight, scale = self.overage_total - self.overage[j], None, 1
        if self.alpha == 1:
            weight = others
        else:
            rivals = [value for i, value in enumerate(self.overage) if i != j and value > 0]
            scale = max(rivals, default=1)
            # Ratios, not the overages themselves: no overflow, and equal overages stay rational.
            weight = sum(_power(divide(value, scale), self.alpha, self.floats) for value in rivals)
        return Facing(
            entitlement=self.entitlement[j],
            others=others,
            weight=weight,
            scale=scale,
            slack=self.slack_total - self.slack[j],
            alpha=self.alpha,
            floats=self.floats,
        )

    def number(self, value: Number) -> Number:
        """A result in the arithmetic of the columns."""
        return float(value) if self.floats else value


def _power(base: Number, alpha: Number, floats: bool) -> Number:
    """base**alpha, exact where it is rational, in floats where those are allowed.

    Raises:
        InstanceError: it is irrational and floats are not allowed.
    """
    result = exact.power(base, alpha)
    if result is not None:
        return result
    if floats:
        return float(base) ** float(alpha)
    raise InstanceError(
        f"({base})**({alpha}) is irrational; exact columns need another alpha, or use floats", key="alpha"
    )
