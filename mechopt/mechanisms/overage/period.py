"""A settled period as the checks see it: totals taken afresh from entitlements and claims, and the settled columns."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.mechanisms.overage.clearing import as_exact, total
from mechopt.mechanisms.overage.environment import Environment
from mechopt.outcome import Outcome

FLOAT_TOLERANCE = 1e-12  # relative, where a check itself must calculate in floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Period:
    """What the checks share: exact inputs, the settled columns, and the error of one payoff."""

    environment: Environment
    entitlement: NDArray[Any]
    claim: NDArray[Any]
    overage: NDArray[Any]
    slack: NDArray[Any]
    overage_total: Any
    slack_total: Any
    column: dict[str, NDArray[Any]]
    rebate: NDArray[Any]
    error: float

    @property
    def alpha(self) -> int | Fraction:
        """The exponent that counts: 1 for the rules without one."""
        return self.environment.alpha if self.environment.rule in ("power", "capped_power") else 1

    @property
    def exact(self) -> bool:
        """True where the settlement is in whole units or fractions, so that nothing is rounded."""
        return self.column["payoff"].dtype.kind != "f"

    @property
    def shares(self) -> str:
        """A note that what is checked are the shares, where whole units are dealt out."""
        return "" if self.environment.rounding == "none" else "; of the shares, before they are rounded to whole units"

    def number(self, value: Any) -> Any:
        """A number in the arithmetic of the settlement."""
        return value if self.exact else float(value)

    def account(self, j: int, **numbers: Any) -> dict[str, Any]:
        """A witness: one account, by name and row, and numbers."""
        plain = {name: item(value) for name, value in numbers.items()}
        return {"account": self.environment.account[j], "row": int(j) + 1, **plain}


def period_of(environment: Environment, outcome: Outcome) -> Period:
    """The period of an environment and its settlement."""
    accounts = outcome.tables["accounts"]
    column = {name: np.asarray(accounts[name]) for name in ("coverage", "payoff", "residual")}
    entitlement, claim = as_exact(environment.entitlement), as_exact(environment.claim)
    difference = claim - entitlement
    overage, slack = np.maximum(difference, 0), np.maximum(-difference, 0)
    payoff = column["payoff"]
    return Period(
        environment=environment,
        entitlement=entitlement,
        claim=claim,
        overage=overage,
        slack=slack,
        overage_total=total(overage),
        slack_total=total(slack),
        column=column,
        rebate=np.asarray(accounts["rebate"]) if "rebate" in accounts else np.zeros_like(payoff),
        error=outcome.guarantee.error if payoff.dtype.kind == "f" else 0.0,
    )


def item(value: Any) -> Any:
    """A numpy scalar as a Python number."""
    return value.item() if hasattr(value, "item") else value


def sum_of(values: NDArray[Any]) -> Any:
    """Sum of a column, exact where the numbers are."""
    return exact.integer_sum(values) if values.dtype.kind in "iu" else total(values)


def worst_row(values: NDArray[Any]) -> int:
    """Row of the largest value, the first of equals."""
    return int(np.argmax(values))
