"""What a caller gives beside a document: seed, processes, tolerance; each checked once, and refused by its name."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.errors import InstanceError

LARGEST_SEED = 2**63 - 1  # of documents too


def seed(value: Any) -> int:
    """The root of random streams.

    Raises:
        InstanceError: it is not a whole number from 0 to `LARGEST_SEED`.
    """
    number = _whole(value, "--seed")
    if not 0 <= number <= LARGEST_SEED:
        most = "at least 0" if number < 0 else f"at most {LARGEST_SEED}"
        raise InstanceError(f"{exact.show(value)} is not a seed; it must be {most}", key="--seed")
    return number


def workers(value: Any) -> int:
    """A number of processes.

    Raises:
        InstanceError: it is not a whole number of at least 1.
    """
    number = _whole(value, "--workers")
    if number < 1:
        raise InstanceError(f"{number} is not a number of processes; it must be at least 1", key="--workers")
    return number


def tolerance(value: Any) -> int | Fraction:
    """The largest violation that passes: a number, or text such as "0.005" or "1/200".

    Raises:
        InstanceError: it is not a finite number of at least 0.
    """
    try:
        allowed = exact.parse(value)
    except ValueError as error:
        raise InstanceError(str(error), key="--tolerance") from None
    if allowed < 0:
        raise InstanceError(f"{exact.show(allowed)} is below 0", key="--tolerance")
    return allowed


def _whole(value: Any, key: str) -> int:
    """An integer of any kind, numpy's too; truth values are none."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InstanceError(f"a whole number is needed, not {exact.show(value)}", key=key)
    return operator.index(value)
