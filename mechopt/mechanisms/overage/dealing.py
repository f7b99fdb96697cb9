"""Whole units dealt out in proportion to overage, block by block: the pieces that memory and streams share.

A period in shards is dealt like one in memory: `Deal` carries the running remainder from block to block, and `find_cut`
needs the remainders in passes, never at once. Everything is exact; a block whose numbers are too large for 64-bit
arithmetic is computed in Python ints, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact

BLOCK = 16384  # elements; a handful of such buffers fits the second-level cache
BITS = 14  # of a remainder told apart by one histogram
ROOM = 1 << 22  # remainders collected to pick one by rank
LARGEST_OVERAGE = 2**52  # below: v * I / X is guessed in floats to within one unit
LARGEST_TOTAL = 2**61  # below: a remainder with a guess that is off by two fits int64


def blocks(n: int, size: int) -> Iterator[slice]:
    """Consecutive slices that cover range(n)."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


class Deal:
    """The quotas v * I / X of one period with X > I, and the carry that lets shards follow each other.

    Attributes:
        over: X, units.
        under: I, units, 0 <= I < X.
        carry: remainder of the prefix sum that earlier blocks left, in [0, X) (`cumulative` only).
        shift: low bits of a remainder that the first histogram leaves out.
    """

    def __init__(self, *, over: int, under: int, kernels: ModuleType | None = None, block: int = BLOCK) -> None:
        self.over, self.under, self.ratio, self.block = over, under, under / over, block
        self.narrow = over < LARGEST_TOTAL
        self.kernels = kernels if self.narrow else None
        self.carry = 0
        self.shift = max(over.bit_length() - BITS, 0)

    @property
    def dtype(self) -> type:
        """The type that holds a remainder: int64, or Python ints where X does not fit."""
        return np.int64 if self.narrow else object

    def quotas(self, entitlement: NDArray[np.int64], claim: NDArray[np.int64]) -> tuple[Any, Any]:
        """Floor (int64) and remainder of v * I / X, shape (accounts,).

        The floor is guessed in floats; v * I - floor * X, computed modulo 2**64, is small enough to be read off and
        corrects the guess.
        """
        overage = np.maximum(claim - entitlement, 0)
        if not overage.size:
            return overage, overage.astype(self.dtype)
        if not self.narrow or int(overage.max()) >= LARGEST_OVERAGE:
            product = overage.astype(object) * self.under
            quotient = product // self.over
            return quotient.astype(np.int64), (product - quotient * self.over).astype(self.dtype)
        over = np.int64(self.over)
        floor = (overage * self.ratio).astype(np.int64)
        rest = overage * np.int64(self.under) - floor * over
        while rest.min() < 0:
            low = rest < 0
            floor -= low
            rest += low * over
        while rest.max() >= over:
            high = rest >= over
            floor += high
            rest -= high * over
        return floor, rest

    def cumulative(self, entitlement: NDArray[np.int64], claim: NDArray[np.int64], payoff: NDArray[np.int64]) -> None:
        """Payoffs under prefix floors; the carry goes on from block to block and from call to call."""
        if self.kernels is not None:
            carry = self.kernels.cumulative(entitlement, claim, self.over, self.under, self.carry, payoff)
            if carry >= 0:
                self.carry = int(carry)
                return
        for block in blocks(len(claim), self.block):
            floor, rest = self.quotas(entitlement[block], claim[block])
            upto = self._whole_multiples(rest)
            floor[0] += upto[0]
            floor[1:] += np.diff(upto)
            np.minimum(claim[block], entitlement[block], out=payoff[block])
            payoff[block] += floor

    def _whole_multiples(self, rest: NDArray[Any]) -> NDArray[np.int64]:
        """How often X goes into the carry and the remainders so far; keeps the new carry."""
        if self.over * (len(rest) + 1) < 2**63 or not self.narrow:  # nothing can wrap
            running = np.cumsum(rest) + self.carry
            self.carry = int(running[-1]) % self.over
            return (running // self.over).astype(np.int64)
        # Guessed in floats (a block holds few enough terms to be off by one at most), corrected modulo 2**64.
        over, share = np.int64(self.over), 1 / self.over
        upto = (np.cumsum(rest * share) + self.carry * share).astype(np.int64)
        left = np.cumsum(rest) + np.int64(self.carry) - upto * over
        upto += (left >= over).astype(np.int64) - (left < 0)
        self.carry = int(left[-1]) % self.over
        return upto

    def floors(self, entitlement: Any, claim: Any, payoff: Any, rest: Any, counts: NDArray[np.int64]) -> int:
        """Payoffs with floored quotas, and what is needed to deal the rest.

        Args:
            entitlement: L, units, shape (accounts,).
            claim: C, units, shape (accounts,).
            payoff: where min(C, L) + floor goes, shape (accounts,).
            rest: where the remainders go, of `dtype`, shape (accounts,).
            counts: the histogram of `rest >> shift`, added to, shape (2**BITS,).

        Returns:
            Units dealt.
        """
        if self.kernels is not None:
            seen = np.zeros_like(counts)
            dealt = int(self.kernels.floors(entitlement, claim, self.over, self.under, self.shift, payoff, rest, seen))
            if dealt >= 0:
                counts += seen
                return dealt
        dealt = 0
        for block in blocks(len(claim), self.block):
            floor, left = self.quotas(entitlement[block], claim[block])
            rest[block] = left
            counts += np.bincount((left >> self.shift).astype(np.int64), minlength=len(counts))
            # The floors add up to I at most; where that exceeds 64 bits, so may a block of them.
            dealt += int(floor.sum()) if self.under < 2**63 else exact.integer_sum(floor)
            np.minimum(claim[block], entitlement[block], out=payoff[block])
            payoff[block] += floor
        return dealt

    def largest_remainder(self, entitlement: Any, claim: Any, payoff: Any) -> None:
        """Payoffs of a whole period, leftover units to the largest remainders, ties to the earlier account."""
        rest: NDArray[Any] = np.empty(len(claim), dtype=self.dtype)
        counts = histogram()
        left = self.under - self.floors(entitlement, claim, payoff, rest, counts)
        cut = find_cut(lambda: (rest[block] for block in blocks(len(rest), self.block)), counts, self.shift, left)
        for block in blocks(len(rest), self.block):
            cut.add(rest[block], payoff[block])


def histogram() -> NDArray[np.int64]:
    """An empty histogram of remainders."""
    return np.zeros(1 << BITS, dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class Cut:
    """Which remainders get one unit more.

    Attributes:
        threshold: every larger remainder does; None where no unit is left.
        ties: how many of those equal to it still do, the earlier account first.
    """

    threshold: int | None
    ties: int

    def add(self, rest: NDArray[Any], payoff: NDArray[np.int64]) -> None:
        """Add the units of one block; blocks come in input order."""
        if self.threshold is None:
            return
        payoff += (rest > self.threshold).astype(np.int64)
        if self.ties:
            equal = np.flatnonzero(rest == self.threshold)[: self.ties]
            payoff[equal] += 1
            self.ties -= len(equal)


def find_cut(
    parts: Callable[[], Iterable[NDArray[Any]]],
    counts: NDArray[np.int64],
    shift: int,
    left: int,
    *,
    room: int | None = None,
) -> Cut:
    """The `left`-th largest remainder, by histograms of ever lower bits, without a sort.

    Args:
        parts: gives all remainders again, in blocks; called once per pass.
        counts: histogram of `remainder >> shift`.
        shift: low bits that it leaves out.
        left: units to deal out, fewer than there are remainders.
        room: how many remainders may be collected at once; ROOM where it is not said.
    """
    if not left:
        return Cut(threshold=None, ties=0)
    low, needed = 0, left
    while True:
        above = np.cumsum(counts[::-1])[::-1]  # in this bucket or a higher one
        chosen = int(np.flatnonzero(above >= needed)[-1])
        held = int(counts[chosen])
        needed -= int(above[chosen]) - held
        low += chosen << shift
        if shift == 0:
            return Cut(threshold=low, ties=needed)
        inside = (part[(part >= low) & (part < low + (1 << shift))] for part in parts())
        if held <= (ROOM if room is None else room):
            pool = np.concatenate(list(inside))
            rank = held - needed
            threshold = int(np.sort(pool)[rank] if pool.dtype == object else np.partition(pool, rank)[rank])
            return Cut(threshold=threshold, ties=needed - int((pool > threshold).sum()))
        finer = max(shift - BITS, 0)
        counts = histogram()
        for part in inside:
            counts += np.bincount(((part - low) >> finer).astype(np.int64), minlength=len(counts))
        shift = finer
