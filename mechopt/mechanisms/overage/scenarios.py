"""How a period may end: scenarios of overage and slack, from a table of the document or drawn around its claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import distributions, exact
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.overage.clearing import as_float
from mechopt.mechanisms.overage.environment import Environment

LARGEST_DRAWS = 10**6
BLOCK = 2**22  # numbers drawn at a time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenarios:
    """Ends of a period with their probabilities, and what scarcity would be without each of the large accounts.

    Attributes:
        probability: pi > 0, adding up to 1, shape (scenarios,).
        overage: X, units, shape (scenarios,).
        slack: I, units, shape (scenarios,).
        scarcity_without: (V - I)+ / V without an account, shape (scenarios, accounts); one column with V = X, the
            limit of small accounts, where no account is given.
        accounts: the names of those columns.
    """

    probability: NDArray[np.float64]
    overage: NDArray[np.float64]
    slack: NDArray[np.float64]
    scarcity_without: NDArray[np.float64]
    accounts: list[str]

    @property
    def residual(self) -> NDArray[np.float64]:
        """(X - I)+, units, shape (scenarios,)."""
        return np.maximum(self.overage - self.slack, 0.0)

    @property
    def scarcity(self) -> NDArray[np.float64]:
        """Lambda, shape (scenarios,); 0 where there is no overage."""
        return np.divide(self.residual, self.overage, out=np.zeros_like(self.overage), where=self.overage > 0)

    def mean(self, values: NDArray[np.float64]) -> Any:
        """Expectation over the scenarios, along the first axis."""
        return self.probability @ values


def left_out(others: NDArray[np.float64], slack: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scarcity of V against I: (V - I)+ / V, and 1 where nobody else has overage or slack. Shapes as broadcast."""
    others, slack = np.broadcast_arrays(others, slack)
    found = np.divide(np.maximum(others - slack, 0.0), others, out=np.zeros(others.shape), where=others > 0)
    found[(others <= 0) & (slack <= 0)] = 1.0
    return found


def from_table(table: Any, document: Document, key: str) -> Scenarios:
    """Scenarios as a table of records with probability, overage and slack, and optionally own: the largest overage.

    Raises:
        InstanceError: names the row at fault.
    """
    named = isinstance(table, list) and any(isinstance(row, dict) and "own" in row for row in table)
    columns = ["probability", "overage", "slack", *(["own"] if named else [])]
    read = document.table(table, key, columns)
    values = {name: as_float(read.numbers(name, minimum=0)) for name in columns}
    for name, column in values.items():
        if not np.isfinite(column).all():
            raise read.error("is too large for floats", name, int((~np.isfinite(column)).argmax()))
    probability = read.numbers("probability", minimum=0).tolist()
    for row, value in enumerate(probability):
        if exact.parse(value) <= 0:
            raise read.error("must be above 0", "probability", row)
    if exact.total(probability) != 1:
        total = exact.show(exact.total(probability))
        raise document.error(f"the probabilities add up to {total}; they must add up to 1", f"{key}.probability")
    overage, slack = values["overage"], values["slack"]
    own = values["own"] if named else np.zeros_like(overage)
    above = np.flatnonzero(own > overage)
    if above.size:
        raise read.error("must be at most the overage of all accounts", "own", int(above[0]))
    return Scenarios(
        probability=values["probability"],
        overage=overage,
        slack=slack,
        scarcity_without=left_out(overage - own, slack)[:, None],
        accounts=["the largest account" if named else "small accounts"],
    )


def drawn(
    environment: Environment,
    document: Document,
    tables: tuple[Any, Any],
    *,
    key: str,
    draws: int,
    largest: int,
    seed: int,
) -> Scenarios:
    """Scenarios in which each claim is the document's times a factor of its own and a common factor.

    Args:
        environment: claims and entitlements.
        document: for messages.
        tables: the distributions of the own and of the common factor; None for 1.
        key: the table of the document, for messages.
        draws: how many scenarios, with equal probabilities.
        largest: for how many accounts, those with the largest claims, scarcity without them is kept.
        seed: of the draws.
    """
    if not 1 <= draws <= LARGEST_DRAWS:
        raise document.error(f"must be from 1 to {LARGEST_DRAWS:,}, not {draws}", f"{key}.draws")
    own, common = (
        None if table is None else _factor(table, document, f"{key}.{name}")
        for table, name in zip(tables, ("claims", "common"), strict=True)
    )
    held, asked = environment.in_floats()
    chosen = np.argsort(-asked, kind="stable")[:largest]
    generator = np.random.default_rng(seed)
    shared = np.ones(draws) if common is None else common.sample(generator, draws)
    overage, slack = np.empty(draws), np.empty(draws)
    without = np.empty((draws, len(chosen)))
    step = max(1, BLOCK // len(held))
    for start in range(0, draws, step):
        rows = slice(start, min(start + step, draws))
        count = rows.stop - start
        factor = np.ones((count, len(held))) if own is None else own.sample(generator, (count, len(held)))
        with np.errstate(over="ignore", invalid="ignore"):
            difference = asked * factor * shared[rows, None] - held
        if not np.isfinite(difference).all():
            raise document.error("draws claims that are too large for floats", key)
        over = np.maximum(difference, 0.0)
        overage[rows], slack[rows] = over.sum(axis=1), np.maximum(-difference, 0.0).sum(axis=1)
        mine, spare = over[:, chosen], np.maximum(-difference[:, chosen], 0.0)
        without[rows] = left_out(
            np.maximum(overage[rows, None] - mine, 0.0), np.maximum(slack[rows, None] - spare, 0.0)
        )
    return Scenarios(
        probability=np.full(draws, 1 / draws),
        overage=overage,
        slack=slack,
        scarcity_without=without,
        accounts=[environment.account[int(j)] for j in chosen],
    )


def _factor(table: Any, document: Document, key: str) -> distributions.Distribution:
    found = distributions.from_table(table, key, file=document.path)
    if found.support[0] < 0:
        raise InstanceError("a factor of claims cannot be below 0", file=document.path, key=key)
    return found
