"""What measurement errors and account structures do to a settlement: intervals, jump risk, netting, splitting, review.

Source: lengyel2025, Section 4 (review triggers) and Appendix A (jumps); the intervals and audits are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import as_exact, clear, divide, total
from mechopt.mechanisms.overage.environment import Environment

Number = Any  # int or Fraction


def payoff_intervals(environment: Environment, error: ArrayLike) -> dict[str, list[Any]]:
    """Payoffs that the true claims may give, where each measured claim is off by at most an error.

    A payoff of the linear rule rises in the own claim and never rises in another's, so its least and largest values
    are at two corners, for each account. Exact.

    Args:
        environment: rule "linear", without rounding.
        error: largest error of each claim, >= 0, units, shape (accounts,) or a number for all.

    Returns:
        Columns account, claim_low, claim_high, payoff_low, payoff_high.

    Raises:
        InstanceError: another rule, or a negative error.
    """
    environment.need_one_pool("the interval")
    if environment.rule != "linear" or environment.rounding != "none":
        raise InstanceError("intervals are proven for the linear rule without rounding", key="rule")
    held, asked = as_exact(environment.entitlement), as_exact(environment.claim)
    off = np.array([exact.parse(value) for value in np.broadcast_to(np.asarray(error, dtype=object), asked.shape)],
                   dtype=object)  # fmt: skip
    if (off < 0).any():
        row = int(np.flatnonzero(off < 0)[0])
        raise InstanceError(f"must be at least 0, not {exact.show(off[row])}", key="error", row=row + 1)
    low, high = np.maximum(asked - off, 0), asked + off
    return {
        "account": list(environment.account),
        "claim_low": low.tolist(),
        "claim_high": high.tolist(),
        "payoff_low": _corner(held, low, high),
        "payoff_high": _corner(held, high, low),
    }


def _corner(held: NDArray[Any], own: NDArray[Any], others: NDArray[Any]) -> list[Any]:
    """Each account's payoff with its own claim at one end and all others' at the other, in one pass."""
    over, under = np.maximum(others - held, 0), np.maximum(held - others, 0)
    mine, spare = np.maximum(own - held, 0), np.maximum(held - own, 0)
    overage, slack = total(over) - over + mine, total(under) - under + spare
    found = []
    for h, c, v, x, i in zip(held, own, mine, overage, slack, strict=True):
        found.append(c if v == 0 or x <= i else h + v * divide(Fraction(i), Fraction(x)))
    return found


def jump_risk(environment: Environment, error: Number) -> Finding:
    """Whether claims within a measurement error of the reported ones lie on both sides of X = I, where a rule may jump.

    Under a continuous rule that is harmless. Under rule "power" with alpha other than 1 a payoff then depends on which
    side the error falls; the margin is minus the largest jump in units at the reported overages. Where these are equal
    they do not jump, but unequal ones within the error may, by little where the error is small.

    Args:
        environment: the period.
        error: by how much all claims together may be off, >= 0, units.

    Raises:
        InstanceError: a negative error.
    """
    error = exact.parse(error)
    if error < 0:
        raise InstanceError(f"must be at least 0, not {exact.show(error)}", key="error")
    held, asked = as_exact(environment.entitlement), as_exact(environment.claim)
    distance = abs(sum(asked.tolist()) - sum(held.tolist()))
    evidence = f"|X - I| = {exact.show(distance)} against the error of {exact.show(error)}"
    name = "no_jump_within_the_error"
    if environment.rule != "power" or environment.alpha == 1:
        return Finding(property=name, margin=0, tolerance=0, evidence=evidence + "; the rule is continuous")
    if distance > error:
        return Finding(property=name, margin=0, tolerance=0, evidence=evidence + "; one side for all true claims")
    overage = np.maximum(asked - held, 0).astype(np.float64)
    if not overage.any():
        return Finding(property=name, margin=0, tolerance=0, evidence=evidence + "; nobody is over")
    weight = (overage / overage.max()) ** float(environment.alpha)
    jump = np.abs(weight / weight.sum() * overage.sum() - overage)
    worst = int(jump.argmax())
    return Finding(
        property=name,
        margin=-float(jump[worst]),
        tolerance=1e-12 * float(overage.sum()),
        evidence=evidence + "; both sides are possible; the jump is that at the reported overages",
        witness={"account": environment.account[worst], "jump": float(jump[worst])},
    )


def netting_gain(environment: Environment, members: Sequence[str]) -> Number:
    """What an owner of several accounts would gain by holding them as one: slack then covers its own overage first.

    Exact, for the environment's rule, before rounding. Positive where the owner holds both slack and overage: accounts
    of one owner should be netted by rule, or owners will do it themselves.

    Args:
        environment: the period.
        members: the owner's accounts.
    """
    environment.need_one_pool("netting")
    environment.need_equal_weights("netting")
    rows = _rows(environment, members)
    keep = [j for j in range(len(environment.account)) if j not in rows]
    held, asked = as_exact(environment.entitlement), as_exact(environment.claim)
    before = _payoffs(environment, held, asked)
    together = [np.append(column[keep], column[rows].sum()) for column in (held, asked)]
    return _payoffs(environment, *together)[-1] - before[rows].sum()


def splitting_gain(environment: Environment, account: str, parts: int) -> Number:
    """What an account would gain by splitting into equal parts. Exact, before rounding; 0 under the linear rule.

    Args:
        environment: the period.
        account: its name.
        parts: how many, at least 2.
    """
    if parts < 2:
        raise InstanceError(f"must be at least 2, not {parts}", key="parts")
    environment.need_one_pool("splitting")
    environment.need_equal_weights("splitting")
    (row,) = _rows(environment, [account])
    held, asked = as_exact(environment.entitlement), as_exact(environment.claim)
    before = _payoffs(environment, held, asked)[row]
    apart = []
    for column in (held, asked):
        piece = np.array([Fraction(column[row]) / parts] * parts, dtype=object)
        apart.append(np.concatenate([np.delete(column, row), piece]))
    return _payoffs(environment, *apart)[-parts:].sum() - before


def _payoffs(environment: Environment, held: NDArray[Any], asked: NDArray[Any]) -> NDArray[Any]:
    return clear(held, asked, **environment.sharing).payoff


def _rows(environment: Environment, members: Sequence[str]) -> list[int]:
    place = {name: row for row, name in enumerate(environment.account)}
    for name in members:
        if name not in place:
            raise InstanceError(f"there is no account {name!r}", key="members")
    if not members or len(set(members)) < len(members):
        raise InstanceError("needs one or more different accounts", key="members")
    return [place[name] for name in members]


REVIEWED: dict[str, Callable[[Number, Number], Number]] = {
    "overage": lambda over, under: over,
    "slack": lambda over, under: under,
    "scarcity": lambda over, under: divide(Fraction(max(over - under, 0)), Fraction(over)) if over else 0,
    "shortage": lambda over, under: max(over - under, 0),
}


def review(environment: Environment, limits: Mapping[str, tuple[Any, Any]]) -> list[Finding]:
    """Review triggers: whether X, I, scarcity and shortage lie within stated tolerances. Exact.

    Args:
        environment: the period.
        limits: for some of overage, slack, scarcity and shortage the least and largest value that need no review;
            None for an open end.

    Returns:
        A finding each; its margin is the distance to the nearer limit, negative where a review is due.

    Raises:
        InstanceError: an unknown name, or a lower limit above the upper one.

    Source: lengyel2025, Section 4 (risk and governance, iii).
    """
    held, asked = as_exact(environment.entitlement), as_exact(environment.claim)
    over, under = (sum(np.maximum(d, 0).tolist()) for d in (asked - held, held - asked))
    found = []
    for name, ends in limits.items():
        if name not in REVIEWED:
            raise InstanceError(f"there is no {name!r}; there are {', '.join(REVIEWED)}", key="limits")
        low, high = (None if end is None else exact.parse(end) for end in ends)
        if low is not None and high is not None and low > high:
            raise InstanceError(f"the lower limit {exact.show(low)} is above the upper one", key=f"limits.{name}")
        value = REVIEWED[name](over, under)
        room = [*([] if low is None else [value - low]), *([] if high is None else [high - value])]
        found.append(
            Finding(
                property=f"{name}_within_limits",
                margin=min(room, default=0),
                tolerance=0,
                evidence=f"{name} = {exact.show(value)}, limits {low} to {high}",
                witness={name: value},
            )
        )
    return found
