"""Which rounding keeps which property: computed by exhaustive search, with the smallest witness of each failure.

Every vector of whole overages up to a size and every whole slack up to their sum is rounded; nothing here is typed in.
The question is about X >= I: with less overage than slack every method covers it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import product

from mechopt.mechanisms.overage import rounding

Overage = tuple[int, ...]
Award = tuple[int, ...]
Deal = Callable[[Overage, int], Award]
Witness = str | None

METHODS = ("floor", "nearest", "largest_remainder", "cumulative", "jefferson", "webster", "adams")
LARGEST = 5  # units: v_j < 6
ACCOUNTS = 4  # with three, Webster never leaves the quota


def award(overage: Overage, slack: int, method: str) -> Award:
    """Whole units for whole overages.

    Args:
        overage: v_j >= 0, shape (accounts,).
        slack: I, 0 <= I <= sum of overage.
        method: a name in METHODS. "floor" and "nearest" (halves up) round each share by itself; the others are those of
            `rounding.apportion`.
    """
    total = sum(overage)
    if method not in ("floor", "nearest"):
        return tuple(rounding.apportion(overage, slack, method))
    if total == 0:
        return overage
    shift = Fraction(1, 2) if method == "nearest" else Fraction(0)
    return tuple((Fraction(v * slack, total) + shift).__floor__() for v in overage)


def periods(largest: int, accounts: int) -> Iterator[tuple[Overage, int]]:
    """Every (overage, slack) with up to `accounts` accounts, v_j <= `largest`, 0 <= I <= X, the smallest first."""
    vectors = [v for n in range(1, accounts + 1) for v in product(range(largest + 1), repeat=n) if sum(v)]
    for v in sorted(vectors, key=lambda v: (len(v), sum(v), v)):
        for slack in range(sum(v) + 1):
            yield v, slack


def _show(overage: Overage, slack: int, awards: Award) -> str:
    return f"v = {_tuple(overage)}, I = {slack}: {_tuple(awards)}"


def _tuple(values: Award) -> str:
    return "(" + ", ".join(map(str, values)) + ")"


def _budget(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """The awards add up to the slack."""
    awards = deal(v, slack)
    return None if sum(awards) == slack else _show(v, slack, awards)


def _bounded(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """Nobody gets more than the overage."""
    awards = deal(v, slack)
    return _show(v, slack, awards) if any(a > b for a, b in zip(awards, v, strict=True)) else None


def _quota(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """Every award is the share rounded down or up."""
    awards, total = deal(v, slack), sum(v)
    within = all(abs(Fraction(b * slack, total) - a) < 1 for a, b in zip(awards, v, strict=True))
    return None if within else _show(v, slack, awards)


def _order(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """A larger overage gets at least as much as a smaller one."""
    awards = deal(v, slack)
    pairs = [(b, a) for a, b in zip(awards, v, strict=True)]
    kept = all(a >= c for b, a in pairs for d, c in pairs if b > d)
    return None if kept else _show(v, slack, awards)


def _monotone_in_slack(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """One more unit of slack lowers nobody's award."""
    if slack == sum(v):
        return None
    before, after = deal(v, slack), deal(v, slack + 1)
    kept = all(a >= b for a, b in zip(after, before, strict=True))
    return None if kept else f"{_show(v, slack, before)}; I = {slack + 1}: {_tuple(after)}"


def _raised(v: Overage, largest: int) -> Iterator[tuple[int, Overage]]:
    """Each account's overage raised by one."""
    for j, own in enumerate(v):
        if own < largest:
            yield j, (*v[:j], own + 1, *v[j + 1 :])


def _monotone_in_own_claim(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """Claiming one unit more lowers nobody's own award."""
    before = deal(v, slack)
    for j, raised in _raised(v, largest):
        after = deal(raised, slack)
        if after[j] < before[j]:
            return f"{_show(v, slack, before)}; {_show(raised, slack, after)}"
    return None


def _rivals_never_gain(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """Claiming one unit more raises nobody else's award."""
    before = deal(v, slack)
    for j, raised in _raised(v, largest):
        after = deal(raised, slack)
        if any(a > b for i, (a, b) in enumerate(zip(after, before, strict=True)) if i != j):
            return f"{_show(v, slack, before)}; {_show(raised, slack, after)}"
    return None


def _merged(v: Overage) -> Iterator[tuple[int, Overage]]:
    """Each pair of neighbouring accounts made one; read the other way, one account split in two."""
    for j in range(len(v) - 1):
        if v[j] and v[j + 1]:
            yield j, (*v[:j], v[j] + v[j + 1], *v[j + 2 :])


def _split_proof(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """No account gains by splitting into two neighbouring ones."""
    apart = deal(v, slack)
    for j, merged in _merged(v):
        together = deal(merged, slack)
        if apart[j] + apart[j + 1] > together[j]:
            return f"{_show(merged, slack, together)}; split {_show(v, slack, apart)}"
    return None


def _merge_proof(deal: Deal, v: Overage, slack: int, largest: int) -> Witness:
    """No two neighbouring accounts gain by merging."""
    apart = deal(v, slack)
    for j, merged in _merged(v):
        together = deal(merged, slack)
        if apart[j] + apart[j + 1] < together[j]:
            return f"{_show(v, slack, apart)}; merged {_show(merged, slack, together)}"
    return None


PROPERTIES: dict[str, Callable[[Deal, Overage, int, int], Witness]] = {
    "budget": _budget,
    "claims_bounded": _bounded,
    "quota": _quota,
    "own_claim_monotone": _monotone_in_own_claim,
    "monotone_in_slack": _monotone_in_slack,
    "order_preserving": _order,
    "rivals_never_gain": _rivals_never_gain,
    "split_proof": _split_proof,
    "merge_proof": _merge_proof,
}


def rounding_properties(*, largest: int = LARGEST, accounts: int = ACCOUNTS) -> dict[str, list[str | bool | None]]:
    """The table of roundings and properties, by exhaustive search.

    Args:
        largest: the largest overage of an account, units.
        accounts: the largest number of accounts.

    Returns:
        Columns rounding, property, holds and witness, one row per pair. `holds` is for the range searched; the witness
        is the first failure in the order of accounts, total overage, overages and slack, None where there is none.
    """
    columns: dict[str, list[str | bool | None]] = {"rounding": [], "property": [], "holds": [], "witness": []}
    for method in METHODS:

        @cache
        def deal(overage: Overage, slack: int, method: str = method) -> Award:
            return award(overage, slack, method)

        for name, fails in PROPERTIES.items():
            found = (fails(deal, v, slack, largest) for v, slack in periods(largest, accounts))
            witness = next((text for text in found if text is not None), None)
            row: dict[str, str | bool | None] = {
                "rounding": method,
                "property": name,
                "holds": witness is None,
                "witness": witness,
            }
            for column, value in row.items():
                columns[column].append(value)
    return columns
