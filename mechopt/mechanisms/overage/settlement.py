"""The fast path of the linear rule: many accounts, two passes over the columns, blocks that stay in the cache.

numpy is the default and the reference; `compiled.py` has the same passes for numba. Integer results are the same in
both, bit for bit, and the same as those of `rounding.py`. Source: lengyel2025, eq. (1).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import rounding as plain

Engine = Literal["auto", "numpy", "compiled"]
BLOCK = 16384  # elements; a handful of such buffers fits the second-level cache
WORTH_COMPILED = 4_000_000  # accounts from which loading numba (about a second) pays
BUCKETS = 65536
CLOSE_TO_ONE = 1 - 2.0**-50


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the first pass finds.

    Attributes:
        accounts: how many.
        entitlement_total: sum of L, units; an int for integer columns, else a compensated float.
        overage_total: X, units, likewise.
        slack_total: I, units, likewise.
        sign: the exact sign of X - I.
    """

    accounts: int
    entitlement_total: Any
    overage_total: Any
    slack_total: Any
    sign: int

    @property
    def claim_total(self) -> Any:
        """Sum of C, units."""
        return self.entitlement_total + self.overage_total - self.slack_total


def aggregate(entitlement: NDArray[Any], claim: NDArray[Any], *, engine: Engine = "auto") -> Totals:
    """The totals of one period: the first pass.

    Args:
        entitlement: L >= 0, units, shape (accounts,), int64 or float64.
        claim: C >= 0, units, shape (accounts,), of the same type.
        engine: "numpy", "compiled" (numba), or "auto": compiled where it is installed and pays.

    Raises:
        InstanceError: the columns differ in shape or type, or a total is not finite.
    """
    _check(entitlement, claim)
    if entitlement.dtype == np.int64:
        return _integer_totals(entitlement, claim)
    compiled = kernels(engine, len(claim))
    if compiled is not None:
        over, under, held = compiled.sums(entitlement, claim)
    else:
        over, under, held = float_sums(entitlement, claim)
    if not math.isfinite(over + under + 2 * held):
        raise InstanceError("entitlements and claims must be finite, and so must their totals", key="accounts")
    sign = clear_sign(over, under, held, len(claim))
    if sign is None:
        sign = exact.sign_of_difference(claim, entitlement, estimate=over - under)
    return Totals(accounts=len(claim), entitlement_total=held, overage_total=over, slack_total=under, sign=sign)


def clear_sign(over: float, under: float, held: float, n: int) -> int | None:
    """The sign of X - I where compensated sums settle it beyond rounding, else None."""
    # sum L + sum C <= 2 * sum L + X; reading decimals and summing pairwise moves it by a few ulps of that.
    margin = 128 * float(np.finfo(np.float64).eps) * (2 * held + over) + n * 5e-324
    return None if abs(over - under) <= margin else (1 if over > under else -1)


def settle(
    entitlement: NDArray[Any],
    claim: NDArray[Any],
    *,
    rounding: str = "none",
    totals: Totals | None = None,
    out: NDArray[Any] | None = None,
    engine: Engine = "auto",
) -> tuple[NDArray[Any], Totals]:
    """Payoffs of the linear rule.

    Args:
        entitlement: L >= 0, units, shape (accounts,), int64 or float64.
        claim: C >= 0, units, shape (accounts,), of the same type.
        rounding: "none" (float payoffs), or "cumulative" or "largest_remainder": int64 payoffs that add up to the unit.
        totals: of `aggregate`, where they are known already.
        out: where the payoffs go, float64 or int64, shape (accounts,).
        engine: as in `aggregate`.

    Returns:
        Payoffs, shape (accounts,), and the totals.

    Raises:
        InstanceError: whole units are asked for and the columns are not int64; wrong shapes; numba is missing.

    Source: lengyel2025, eq. (1).
    """
    if rounding not in ("none", "cumulative", "largest_remainder"):
        raise InstanceError(f"{rounding!r} has no fast path; use none, cumulative or largest_remainder", key="rounding")
    whole = rounding != "none"
    if whole and not (entitlement.dtype == claim.dtype == np.int64):
        raise InstanceError("whole units need int64 columns", key="rounding")
    totals = totals or aggregate(entitlement, claim, engine=engine)
    payoff = np.empty(len(claim), dtype=np.int64 if whole else np.float64) if out is None else out
    if totals.sign <= 0:
        np.copyto(payoff, claim)
        return payoff, totals
    if not whole:
        _settle_float(entitlement, claim, totals, payoff, kernels(engine, len(claim)))
    elif int(claim.max()) >= 2**52 or totals.overage_total >= 2**61:
        overage = np.maximum(claim - entitlement, 0)
        awards = plain.apportion(overage.tolist(), totals.slack_total, rounding)
        payoff[:] = np.minimum(claim, entitlement) + np.array(awards, dtype=np.int64)
    else:
        compiled = kernels(engine, len(claim))
        deal = Deal(over=totals.overage_total, under=totals.slack_total)
        if rounding == "cumulative":
            deal.cumulative(entitlement, claim, payoff, compiled)
        else:
            deal.largest_remainder(entitlement, claim, payoff, compiled)
    return payoff, totals


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Consecutive slices that cover range(n)."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


class Deal:
    """Whole units dealt out in proportion to overage, with the carry that lets shards follow each other.

    Exact in 64 bits for overages below 2**52 and X below 2**61: the quotient v * I / X is guessed in floats, and the
    remainder v * I - q * X, computed modulo 2**64, is small enough to be read off and to correct the guess.

    Attributes:
        over: X > I.
        under: I >= 0.
        carry: remainder of the prefix sum that earlier blocks left, in [0, X) ("cumulative" only).
    """

    def __init__(self, *, over: int, under: int) -> None:
        self.over, self.under, self.ratio = over, under, under / over
        self.carry = 0

    def quotas(self, entitlement: NDArray[np.int64], claim: NDArray[np.int64]) -> tuple[Any, Any]:
        """Floor and remainder of v * I / X, int64, shape (accounts,)."""
        overage = np.maximum(claim - entitlement, 0)
        floor = (overage * self.ratio).astype(np.int64)
        rest = overage * np.int64(self.under) - floor * np.int64(self.over)
        while rest.min() < 0:
            low = rest < 0
            floor -= low
            rest += low * np.int64(self.over)
        while rest.max() >= self.over:
            high = rest >= self.over
            floor += high
            rest -= high * np.int64(self.over)
        return floor, rest

    def cumulative(self, entitlement: Any, claim: Any, payoff: Any, compiled: ModuleType | None = None) -> None:
        """Payoffs under prefix floors; the carry goes on from block to block and from call to call."""
        if compiled is not None:
            self.carry = compiled.cumulative(entitlement, claim, self.over, self.under, self.carry, payoff)
            return
        for block in blocks(len(claim)):
            floor, rest = self.quotas(entitlement[block], claim[block])
            # Whole multiples of X in the running sum of remainders: guessed in floats, corrected modulo 2**64.
            upto = np.floor(np.cumsum(rest / self.over) + self.carry / self.over).astype(np.int64)
            left = np.cumsum(rest) + np.int64(self.carry) - upto * np.int64(self.over)
            upto += (left >= self.over).astype(np.int64) - (left < 0)
            floor[0] += upto[0]
            floor[1:] += np.diff(upto)
            np.minimum(claim[block], entitlement[block], out=payoff[block])
            payoff[block] += floor
            self.carry = int(left[-1]) % self.over

    def largest_remainder(self, entitlement: Any, claim: Any, payoff: Any, compiled: ModuleType | None = None) -> None:
        """Payoffs with the leftover units to the largest remainders, ties to the earlier account."""
        rest = np.empty(len(claim), dtype=np.int64)
        if compiled is not None:
            counts = np.zeros(BUCKETS, dtype=np.int64)
            dealt = compiled.floors(entitlement, claim, self.over, self.under, payoff, rest, counts)
        else:
            dealt, counts = 0, np.zeros(BUCKETS, dtype=np.int64)
            for block in blocks(len(claim)):
                floor, rest[block] = self.quotas(entitlement[block], claim[block])
                dealt += int(floor.sum())
                counts += np.bincount(self.bucket(rest[block]), minlength=BUCKETS)
                np.minimum(claim[block], entitlement[block], out=payoff[block])
                payoff[block] += floor
        left = self.under - dealt
        if left:
            self._extra(rest, counts, left, payoff)

    def bucket(self, rest: NDArray[np.int64]) -> NDArray[np.int64]:
        """A coarse, monotone image of the remainders in range(BUCKETS)."""
        return np.minimum((rest * (BUCKETS / self.over)).astype(np.int64), BUCKETS - 1)

    def _extra(self, rest: Any, counts: Any, left: int, payoff: Any) -> None:
        """One unit more for the `left` largest remainders."""
        above = np.concatenate([np.cumsum(counts[::-1])[::-1], [0]])  # in this bucket or a higher one
        chosen = int(np.flatnonzero(above >= left)[-1])
        pool = np.concatenate(
            [part[self.bucket(part) == chosen] for part in (rest[block] for block in blocks(len(rest)))]
        )
        rank = len(pool) - (left - int(above[chosen + 1]))
        threshold = int(np.partition(pool, rank)[rank])
        ties = left - int(above[chosen + 1]) - int((pool > threshold).sum())
        for block in blocks(len(rest)):
            part = rest[block]
            payoff[block] += part > threshold
            if ties:
                equal = np.flatnonzero(part == threshold)[:ties]
                payoff[block][equal] += 1
                ties -= len(equal)


def _check(entitlement: NDArray[Any], claim: NDArray[Any]) -> None:
    if entitlement.shape != claim.shape or claim.ndim != 1:
        raise InstanceError(
            f"entitlement and claim must be flat and of equal length, not {entitlement.shape} and {claim.shape}",
            key="accounts",
        )
    if entitlement.dtype != claim.dtype or claim.dtype not in (np.int64, np.float64):
        raise InstanceError(
            f"entitlement and claim must both be int64 or both float64, not {entitlement.dtype} and {claim.dtype}",
            key="accounts",
        )


def kernels(engine: Engine, n: int) -> ModuleType | None:
    """The numba kernels where they are asked for or pay."""
    if engine == "numpy" or (engine == "auto" and n < WORTH_COMPILED):
        return None
    if importlib.util.find_spec("numba") is None:
        if engine == "compiled":
            raise InstanceError("numba is not installed; pip install 'mechopt[compiled]' brings it", key="engine")
        return None
    from mechopt.mechanisms.overage import compiled

    return compiled


def float_sums(entitlement: NDArray[np.float64], claim: NDArray[np.float64]) -> tuple[float, float, float]:
    """X, I and the sum of L: pairwise within a block, without further rounding across blocks."""
    difference, part = np.empty(BLOCK), np.empty(BLOCK)
    over, under, held = [], [], []
    for block in blocks(len(claim)):
        size = block.stop - block.start
        d, p = difference[:size], part[:size]
        np.subtract(claim[block], entitlement[block], out=d)
        held.append(entitlement[block].sum())
        over.append(np.maximum(d, 0.0, out=p).sum())
        under.append(np.minimum(d, 0.0, out=d).sum())
    try:
        return math.fsum(over), -math.fsum(under), math.fsum(held)
    except (OverflowError, ValueError):
        return math.inf, math.inf, math.inf


def _integer_totals(entitlement: NDArray[np.int64], claim: NDArray[np.int64]) -> Totals:
    """Exact totals, also beyond 64 bits."""
    over = under = held = 0
    largest = max(int(entitlement.max()), int(claim.max())) if len(claim) else 0
    narrow = largest * BLOCK < 2**62
    for block in blocks(len(claim)):
        difference = claim[block] - entitlement[block]
        for_over = np.maximum(difference, 0)
        sums = [
            int(column.sum()) if narrow else exact.integer_sum(column)
            for column in (for_over, for_over - difference, entitlement[block])
        ]
        over, under, held = over + sums[0], under + sums[1], held + sums[2]
    return Totals(
        accounts=len(claim),
        entitlement_total=held,
        overage_total=over,
        slack_total=under,
        sign=(over > under) - (over < under),
    )


def _settle_float(entitlement: Any, claim: Any, totals: Totals, payoff: Any, compiled: ModuleType | None) -> None:
    """min(C, L + (C - L) * I / X): for C <= L the second is the larger one, as the ratio is below 1."""
    ratio = float(totals.slack_total) / float(totals.overage_total)
    if ratio > CLOSE_TO_ONE or claim.dtype != np.float64:  # rounding could cut a cooperator by an ulp
        for block in blocks(len(claim)):
            over = claim[block] > entitlement[block]
            shared = entitlement[block] + (claim[block] - entitlement[block]) * min(ratio, 1.0)
            payoff[block] = np.where(over, np.minimum(shared, claim[block]), claim[block])
    elif compiled is not None:
        compiled.payoffs(entitlement, claim, ratio, payoff)
    else:
        for block in blocks(len(claim)):
            out = payoff[block]
            np.subtract(claim[block], entitlement[block], out=out)
            np.multiply(out, ratio, out=out)
            np.add(out, entitlement[block], out=out)
            np.minimum(out, claim[block], out=out)
