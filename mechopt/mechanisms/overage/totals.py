"""The totals of one period: the first pass of a settlement, exact for integers and compensated for floats.

numpy is the default and the reference; `compiled.py` has the same passes for numba.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.dealing import BLOCK, blocks

Engine = Literal["auto", "numpy", "compiled"]
FLOAT_BLOCK = 32768  # elements; fewer buffers than whole units need
# Accounts from which loading numba (0.7 s of CPU time, measured) is earned back.
WORTH_COMPILED = {"float": 100_000_000, "whole": 20_000_000}
WORTH_LOADED = 100_000  # for whole units, where the kernels are loaded already: the integers are the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the first pass finds. Exact ints for integer columns, compensated sums for floats.

    Attributes:
        accounts: how many.
        entitlement_total: sum of L, units.
        claim_total: sum of C, units.
        overage_total: X, units.
        slack_total: I, units.
        sign: the exact sign of X - I; floats count as their shortest decimals.
    """

    accounts: int
    entitlement_total: Any
    claim_total: Any
    overage_total: Any
    slack_total: Any
    sign: int

    @classmethod
    def of_integers(cls, accounts: int, *, entitlement: int, overage: int, slack: int) -> Totals:
        """The totals of integer columns, of any size."""
        return cls(
            accounts=accounts,
            entitlement_total=entitlement,
            claim_total=entitlement + overage - slack,
            overage_total=overage,
            slack_total=slack,
            sign=(overage > slack) - (overage < slack),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatSums:
    """Compensated float sums before the sign is known; they add up over shards.

    Attributes:
        overage: terms of X.
        slack: terms of I.
        entitlement: terms of sum L.
        claim: terms of sum C.
    """

    overage: list[float]
    slack: list[float]
    entitlement: list[float]
    claim: list[float]

    def extend(self, other: FloatSums) -> None:
        """Add the terms of another shard."""
        self.overage.extend(other.overage)
        self.slack.extend(other.slack)
        self.entitlement.extend(other.entitlement)
        self.claim.extend(other.claim)

    def totals(self, accounts: int, difference: Callable[[], int]) -> Totals:
        """The totals.

        Args:
            accounts: how many.
            difference: called for the exact sign of X - I where the sums cannot settle it.
        """
        try:
            over, under, held, asked = map(math.fsum, (self.overage, self.slack, self.entitlement, self.claim))
        except (OverflowError, ValueError):
            over = under = held = asked = math.inf
        if not math.isfinite(over + under + held + asked):
            raise InstanceError("the totals of entitlements and claims must be finite", key="accounts")
        # What reading each float as a decimal (half an ulp) and summing within blocks can move, with room to spare.
        margin = 128 * float(np.finfo(np.float64).eps) * (held + asked) + accounts * 5e-324
        clear = abs(over - under) > margin
        return Totals(
            accounts=accounts,
            entitlement_total=held,
            claim_total=asked,
            overage_total=over,
            slack_total=under,
            sign=(1 if over > under else -1) if clear else difference(),
        )


def aggregate(
    entitlement: NDArray[Any], claim: NDArray[Any], *, engine: Engine = "auto", block: int | None = None
) -> Totals:
    """The totals of one period: the first pass.

    Args:
        entitlement: L >= 0, units, shape (accounts,), int64 or float64.
        claim: C >= 0, units, shape (accounts,), of the same type.
        engine: "numpy", "compiled" (numba), or "auto": compiled where it is installed and pays.
        block: elements worked on at a time, at most 2**20.

    Raises:
        InstanceError: the columns differ in shape or type, a value is negative or not finite, or numba is missing.
    """
    check_columns(entitlement, claim)
    whole = claim.dtype == np.int64
    compiled = kernels(engine, len(claim), whole=whole)
    if whole:
        return _integer_totals(entitlement, claim, compiled, block or BLOCK)
    sums = float_sums(entitlement, claim, compiled, block or FLOAT_BLOCK)
    return sums.totals(len(claim), lambda: exact.sign_of_difference(claim, entitlement))


def kernels(engine: Engine, n: int, *, whole: bool) -> ModuleType | None:
    """The numba kernels where they are asked for or pay."""
    name = "mechopt.mechanisms.overage.compiled"
    worth = WORTH_COMPILED["whole" if whole else "float"]
    if whole and name in sys.modules:
        worth = WORTH_LOADED
    if engine not in ("auto", "numpy", "compiled"):
        raise InstanceError(f"{engine!r} is none of auto, numpy and compiled", key="engine")
    if engine == "numpy" or (engine == "auto" and n < worth):
        return None
    if importlib.util.find_spec("numba") is None:
        if engine == "compiled":
            raise InstanceError("numba is not installed; pip install 'mechopt[compiled]' brings it", key="engine")
        return None
    try:
        return importlib.import_module(name)
    except (
        ImportError,
        RuntimeError,
    ) as error:  # unfit for this numpy, or no place for its cache
        if engine == "compiled":
            raise InstanceError(f"numba cannot be used: {error}", key="engine") from error
        return None


def float_sums(
    entitlement: NDArray[np.float64],
    claim: NDArray[np.float64],
    compiled: ModuleType | None = None,
    block: int = FLOAT_BLOCK,
) -> FloatSums:
    """Terms of the totals: pairwise within a block, to be added without further rounding.

    Raises:
        InstanceError: a value is negative or not finite.
    """
    if compiled is not None:
        *sums, low = compiled.sums(entitlement, claim)
        parts = [[float(term)] for term in sums]
    else:
        parts, low = _block_sums(entitlement, claim, block)
    if not (low >= 0 and math.isfinite(sum(parts[2]) + sum(parts[3]))):
        _refuse(entitlement, claim)
    return FloatSums(overage=parts[0], slack=parts[1], entitlement=parts[2], claim=parts[3])


def _block_sums(entitlement: Any, claim: Any, size: int) -> tuple[list[list[float]], float]:
    """Terms of X, I, sum L and sum C, and the least value."""
    difference, part, zero = np.empty(size), np.empty(size), np.zeros(size)
    over, under, held, low = [], [], [], 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # said in words by the caller
        for block in blocks(len(claim), size):
            lb, cb, length = entitlement[block], claim[block], block.stop - block.start
            d, p = difference[:length], part[:length]
            np.subtract(cb, lb, out=d)
            np.maximum(d, zero[:length], out=p)  # an array of zeros: several times faster than the number
            held.append(float(np.add.reduce(lb)))
            over.append(float(np.add.reduce(p)))
            under.append(float(np.add.reduce(np.subtract(p, d, out=d))))
            least = min(np.minimum.reduce(lb), np.minimum.reduce(cb))
            low = low if least >= low else float(least)
    return [over, under, held, [*held, *over, *(-term for term in under)]], low


def _integer_totals(entitlement: Any, claim: Any, compiled: ModuleType | None, size: int) -> Totals:
    """Exact totals, also beyond 64 bits."""
    if compiled is not None:
        *halves, low = map(int, compiled.integer_sums(entitlement, claim))
        if low < 0:
            _refuse(entitlement, claim)
        over, under, held = ((high << 32) + rest for high, rest in zip(halves[::2], halves[1::2], strict=True))
        return Totals.of_integers(len(claim), entitlement=held, overage=over, slack=under)
    over = under = held = 0
    for block in blocks(len(claim), size):
        lb, cb = entitlement[block], claim[block]
        largest = max(int(lb.view(np.uint64).max()), int(cb.view(np.uint64).max()))
        if largest >= 2**63:  # a sign bit
            _refuse(entitlement, claim)
        difference = cb - lb
        overage = np.maximum(difference, 0)
        add = np.add.reduce if largest * size < 2**63 else exact.integer_sum
        over += int(add(overage))
        under += int(add(np.subtract(overage, difference, out=difference)))
        held += int(add(lb))
    return Totals.of_integers(len(claim), entitlement=held, overage=over, slack=under)


def check_columns(entitlement: NDArray[Any], claim: NDArray[Any]) -> None:
    """Refuse columns of different shapes or types."""
    if entitlement.shape != claim.shape or claim.ndim != 1:
        raise InstanceError(
            f"entitlement and claim must be flat and of equal length, not {entitlement.shape} and {claim.shape}",
            key="accounts",
        )
    if entitlement.dtype != claim.dtype or claim.dtype not in (np.int64, np.float64):
        raise InstanceError(
            f"entitlement and claim must both be int64 or both be float64, not {entitlement.dtype} and {claim.dtype}",
            key="accounts",
        )


def _refuse(entitlement: NDArray[Any], claim: NDArray[Any]) -> None:
    """Name the first value that is negative or not finite; a total that overflows is left to the caller."""
    for name, column in (("entitlement", entitlement), ("claim", claim)):
        bad = ~((column >= 0) & np.isfinite(column))
        if bad.any():
            row = int(bad.argmax())
            raise InstanceError(f"must be finite and at least 0, not {column[row]}", key=name, row=row + 1)
