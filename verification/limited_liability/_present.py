"""Backward-discounted sums, running maxima and present values, by their definitions; sequences end in zeros."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance


def sequence_given(instance: Instance) -> bool:
    """A sequence of marginal regrets (0 from its end on), and a discount in (0, 1)."""
    return len(instance["sequence"]) >= 1 and 0 < instance["discount"] < 1


def sums(instance: Instance) -> list[Any]:
    """S_1 to S_M with S_T = sum_{t <= T} delta^(T - t) D_t."""
    delta, terms = instance["discount"], instance["sequence"]
    return [sum(delta ** (last - t) * terms[t] for t in range(last + 1)) for last in range(len(terms))]


def maxima(instance: Instance) -> list[Any]:
    """R_1 to R_M with R_T the maximum over starts of the sum from the start to T."""
    delta, terms = instance["discount"], instance["sequence"]
    return [
        max(sum(delta ** (last - t) * terms[t] for t in range(start, last + 1)) for start in range(last + 1))
        for last in range(len(terms))
    ]


def present(instance: Instance) -> list[Any]:
    """P_1 to P_M with P_T = sum_{t >= T} delta^(t - T) D_t."""
    delta, terms = instance["discount"], instance["sequence"]
    return [sum(delta ** (t - first) * terms[t] for t in range(first, len(terms))) for first in range(len(terms))]


def two_sided(instance: Instance, factor: Any = None) -> bool:
    """sup |P| <= (1 + 2 delta) sup |S|."""
    constant = 1 + 2 * Fraction(instance["discount"]) if factor is None else factor
    return bool(max(map(abs, present(instance))) <= constant * max(map(abs, sums(instance))))


def one_sided(instance: Instance, factor: Any = None) -> bool:
    """sup P <= (1 + delta) sup R+."""
    constant = 1 + Fraction(instance["discount"]) if factor is None else factor
    return bool(max(present(instance)) <= constant * max(0, *maxima(instance)))


def asymmetric(instance: Instance, factor: Any = 1) -> bool:
    """sup P <= (1 + delta) sup S+ + delta sup S-."""
    delta = Fraction(instance["discount"])
    above, below = max(0, *sums(instance)), max(0, *(-value for value in sums(instance)))
    return bool(max(present(instance)) <= factor * (1 + delta) * above + delta * below)
