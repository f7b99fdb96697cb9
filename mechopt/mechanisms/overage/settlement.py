"""The fast path of the linear rule: many accounts, two passes over the columns, blocks that stay in the cache.

numpy is the default and the reference; `compiled.py` has the same passes for numba, `dealing.py` the whole units.
Integer results are the same in all of them, bit for bit, and the same as those of `rounding.py`.
Source: lengyel2025, eq. (1).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.dealing import BLOCK, Deal, blocks
from mechopt.mechanisms.overage.totals import FLOAT_BLOCK, Engine, Totals, aggregate, check_columns, kernels

__all__ = ["ROUNDINGS", "Totals", "aggregate", "settle"]

ROUNDINGS = ("none", "cumulative", "largest_remainder")
CLOSE_TO_ONE = 1 - 2.0**-50


def settle(
    entitlement: NDArray[Any],
    claim: NDArray[Any],
    *,
    rounding: str = "none",
    totals: Totals | None = None,
    out: NDArray[Any] | None = None,
    engine: Engine = "auto",
    block: int | None = None,
) -> tuple[NDArray[Any], Totals]:
    """Payoffs of the linear rule.

    Args:
        entitlement: L >= 0, units, shape (accounts,), int64 or float64.
        claim: C >= 0, units, shape (accounts,), of the same type.
        rounding: "none" (float payoffs), or "cumulative" or "largest_remainder": int64 payoffs that add up to the unit.
            Accounts with overages of 2**52 units or more, or all where X is 2**61 or more, are dealt in Python ints:
            as exact, about a hundred times slower.
        totals: of `aggregate`, where they are known already.
        out: where the payoffs go, float64 or int64, shape (accounts,); apart from the inputs.
        engine: as in `aggregate`.
        block: as in `aggregate`.

    Returns:
        Payoffs, shape (accounts,), and the totals.

    Raises:
        InstanceError: as in `aggregate`; or whole units are asked for and the columns are not int64; `out` is unfit.

    Source: lengyel2025, eq. (1).
    """
    if rounding not in ROUNDINGS:
        raise InstanceError(f"{rounding!r} has no fast path; use {', '.join(ROUNDINGS)}", key="rounding")
    whole = rounding != "none"
    if whole and not (entitlement.dtype == claim.dtype == np.int64):
        raise InstanceError("whole units need int64 columns", key="rounding")
    check_columns(entitlement, claim)
    payoff = _room(out, np.dtype(np.int64 if whole else np.float64), entitlement, claim)
    if totals is None:
        totals = aggregate(entitlement, claim, engine=engine, block=block)
    elif totals.accounts < len(claim):
        raise InstanceError(f"totals of {totals.accounts} accounts do not fit {len(claim)}", key="totals")
    if totals.sign <= 0:
        np.copyto(payoff, claim)
        return payoff, totals
    compiled = kernels(engine, len(claim), whole=whole)
    if not whole:
        _settle_float(entitlement, claim, totals, payoff, compiled, block or FLOAT_BLOCK)
        return payoff, totals
    deal = Deal(over=totals.overage_total, under=totals.slack_total, kernels=compiled, block=block or BLOCK)
    if rounding == "cumulative":
        deal.cumulative(entitlement, claim, payoff)
    else:
        deal.largest_remainder(entitlement, claim, payoff)
    return payoff, totals


def _settle_float(
    entitlement: Any, claim: Any, totals: Totals, payoff: Any, compiled: ModuleType | None, size: int
) -> None:
    """min(C, L + (C - L) * I / X): for C <= L the second is the larger one, as the ratio is below 1."""
    ratio = float(totals.slack_total) / float(totals.overage_total)
    if ratio > CLOSE_TO_ONE or claim.dtype != np.float64:  # rounding could cut a cooperator by an ulp
        for block in blocks(len(claim), size):
            over = claim[block] > entitlement[block]
            shared = entitlement[block] + (claim[block] - entitlement[block]) * min(ratio, 1.0)
            payoff[block] = np.where(over, np.minimum(shared, claim[block]), claim[block])
    elif compiled is not None:
        compiled.payoffs(entitlement, claim, ratio, payoff)
    else:
        for block in blocks(len(claim), size):
            out = payoff[block]
            np.subtract(claim[block], entitlement[block], out=out)
            np.multiply(out, ratio, out=out)
            np.add(out, entitlement[block], out=out)
            np.minimum(out, claim[block], out=out)


def _room(out: NDArray[Any] | None, dtype: np.dtype[Any], *inputs: NDArray[Any]) -> NDArray[Any]:
    """Where the payoffs go."""
    if out is None:
        return np.empty(inputs[0].shape, dtype=dtype)
    if out.dtype != dtype or out.shape != inputs[0].shape or not out.flags.writeable:
        raise InstanceError(
            f"must be a writeable {dtype} array of shape {inputs[0].shape}, not {out.dtype} of {out.shape}", key="out"
        )
    if any(np.may_share_memory(out, column) for column in inputs):
        raise InstanceError("must not share memory with the inputs", key="out")
    return out
