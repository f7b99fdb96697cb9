"""What accounts gain together under the linear rule, with and without side payments, in closed form.

A coalition's payoff depends on its total overage X_K and total slack I_K only; it rises in X_K and falls in I_K, so
claiming the bound is its best deviation whatever the others do. Source: lengyel2025, Theorem 5 and Appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import as_exact, clear, divide

Number = Any  # int or Fraction
LARGEST = 16  # accounts up to which all coalitions are gone through


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deviation:
    """What a coalition does instead, and what it gains.

    Attributes:
        members: rows, counted from 0.
        claim: the members' claims in the deviation, units, exact, shape (members,).
        before: their payoffs at the profile, units, shape (members,).
        after: their payoffs after the deviation, units, shape (members,).
    """

    members: tuple[int, ...]
    claim: NDArray[Any]
    before: NDArray[Any]
    after: NDArray[Any]

    @property
    def gain(self) -> Number:
        """What the coalition's total payoff gains; it may be negative."""
        return sum(self.after.tolist()) - sum(self.before.tolist())

    @property
    def side_payments(self) -> NDArray[Any]:
        """What each member receives from the others so that all gain the same; they add up to 0. Source: Remark 7."""
        share = divide(self.gain, len(self.members))
        payments: NDArray[Any] = self.before + share - self.after
        return payments


def coalition_payoff(entitlement: ArrayLike, claim: ArrayLike, members: Sequence[int]) -> Number:
    """The members' total payoff, units, exact.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C >= 0, units, shape (accounts,).
        members: rows, counted from 0.

    Source: lengyel2025, Appendix B: L(K) - I_K + X_K min(1, I / X).
    """
    held, asked, rows = _read(entitlement, claim, members)
    return _state(held, asked, rows).total


def best_deviation(entitlement: ArrayLike, claim: ArrayLike, members: Sequence[int], bound: Number) -> Deviation:
    """The deviation with the largest total payoff, for a coalition that can make side payments: all claim the bound.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C >= 0, units, shape (accounts,); the members' own only matter for what they have now.
        members: rows, counted from 0.
        bound: M >= 0, units.

    Source: lengyel2025, Appendix B; that it is the best against any claims of the others is not in the paper.
    """
    held, asked, rows = _read(entitlement, claim, members)
    return _deviation(held, asked, rows, np.full(len(rows), exact.parse(bound), dtype=object))


def best_deviation_without_payments(
    entitlement: ArrayLike, claim: ArrayLike, members: Sequence[int], bound: Number
) -> Deviation:
    """The deviation with the largest total payoff among those that leave no member worse off (no side payments).

    At a common coverage ratio rho a member who is to keep L + b with b > 0 must claim at least L + b / rho, one with
    less than L can give the rest as slack. Totals then satisfy rho X_K - I_K = J - rho V, with V and J the others'
    overage and slack: the smaller the ratio, the larger the gain, down to where a member meets the bound.

    Args, Returns: as in `best_deviation`. A gain of 0 means that the coalition cannot improve.

    Raises:
        InstanceError: a member claims more than the bound.

    Source: not in the paper.
    """
    held, asked, rows = _read(entitlement, claim, members)
    top, state = exact.parse(bound), _state(held, asked, rows)
    above = [j for j in rows if asked[j] > top]
    if above:
        raise InstanceError(f"must be at most {top}, not {asked[above[0]]}", key="claim", row=above[0] + 1)
    now = clear(held, asked).payoff[rows] - held[rows]
    room, forced = np.maximum(top - held[rows], 0), np.maximum(held[rows] - top, 0)
    others_overage, others_slack = state.overage - state.own_overage, state.slack - state.own_slack
    reach = others_overage + room.sum()
    ratio = divide(others_slack + forced.sum(), reach) if reach else 1
    floors = [divide(keep, space) for keep, space in zip(now.tolist(), room.tolist(), strict=True) if keep > 0]
    ratio = min(1, max([ratio, *floors]))
    lowest, highest = now, ratio * room - forced
    span = highest.sum() - lowest.sum()
    wanted = min(highest.sum(), others_slack - ratio * others_overage) - lowest.sum()
    step = divide(wanted, span) if span else 0
    level = lowest + step * (highest - lowest)
    asked_instead = [
        own + (divide(part, ratio) if part > 0 else part)
        for own, part in zip(held[rows].tolist(), level.tolist(), strict=True)
    ]
    return _deviation(held, asked, rows, as_exact(np.array(asked_instead, dtype=object)))


def strong_equilibrium(
    entitlement: ArrayLike, claim: ArrayLike, bound: Number, *, side_payments: bool = True
) -> Finding:
    """Whether no coalition can make all its members at least as well off and one better off.

    With side payments this is so exactly where no coalition's total payoff can rise (Remark 7).

    Args:
        entitlement: L >= 0, units, shape (accounts,), at most 16 accounts.
        claim: C, 0 <= C <= bound, units, shape (accounts,).
        bound: M, units.
        side_payments: whether members can pay each other.

    Returns:
        The finding; its margin is minus the largest gain of a coalition, its witness the coalition and its claims.

    Raises:
        InstanceError: too many accounts to go through all coalitions.

    Source: lengyel2025, Theorem 5 and Remark 7.
    """
    n = len(np.asarray(claim))
    if n > LARGEST:
        raise InstanceError(f"{n} accounts have too many coalitions; at most {LARGEST}", key="accounts")
    search = best_deviation if side_payments else best_deviation_without_payments
    best: Deviation | None = None
    for code in range(1, 2**n):
        found = search(entitlement, claim, [j for j in range(n) if code >> j & 1], bound)
        if best is None or found.gain > best.gain:
            best = found
    if best is None:
        raise InstanceError("no account", key="accounts")
    return Finding(
        property="strong_equilibrium" if side_payments else "strong_equilibrium_without_payments",
        margin=0 - best.gain,
        tolerance=0,
        evidence=f"the best deviation of each of {2**n - 1} coalitions, in closed form",
        witness={"rows": [j + 1 for j in best.members], "claims": best.claim.tolist(), "gain": best.gain},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """Totals of all accounts and of a coalition, units."""

    entitlement: Number
    overage: Number
    slack: Number
    own_overage: Number
    own_slack: Number

    @property
    def total(self) -> Number:
        """The coalition's payoff."""
        scarce = self.overage > self.slack
        ratio = divide(self.slack, self.overage) if scarce else 1
        return self.entitlement - self.own_slack + ratio * self.own_overage


def _state(held: NDArray[Any], asked: NDArray[Any], rows: list[int]) -> _State:
    overage, slack = np.maximum(asked - held, 0), np.maximum(held - asked, 0)
    return _State(
        entitlement=held[rows].sum(),
        overage=overage.sum(),
        slack=slack.sum(),
        own_overage=overage[rows].sum(),
        own_slack=slack[rows].sum(),
    )


def _read(
    entitlement: ArrayLike, claim: ArrayLike, members: Sequence[int]
) -> tuple[NDArray[Any], NDArray[Any], list[int]]:
    held, asked = as_exact(np.asarray(entitlement)), as_exact(np.asarray(claim))
    rows = sorted(set(members))
    if not rows or rows[0] < 0 or rows[-1] >= len(held):
        raise InstanceError(f"choose at least one of the rows 0 to {len(held) - 1}, not {list(members)}", key="members")
    return held, asked, rows


def _deviation(held: NDArray[Any], asked: NDArray[Any], rows: list[int], instead: NDArray[Any]) -> Deviation:
    changed = asked.copy()
    changed[rows] = instead
    return Deviation(
        members=tuple(rows),
        claim=instead,
        before=clear(held, asked).payoff[rows],
        after=clear(held, changed).payoff[rows],
    )
