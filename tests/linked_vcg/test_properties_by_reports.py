"""Properties I and II as the result states them, against prices and service at many reports of the agent's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, run
from mechopt.mechanisms.linked_vcg.vertices import as_fractions

Draw = Callable[..., Environment]


def test_no_property_is_stated_that_some_report_breaks(draw: Draw) -> None:
    """In rational numbers; where I is denied, some report shows it. II may hold where it is not shown, without I."""
    stated = {"I": 0, "II": 0}
    for seed in range(16):
        resources = 1 + seed % 2
        drawn = draw(seed, agents=3, dates=1 + seed % 3, types=resources + 2, resources=resources, digits=1)
        environment = _exact(drawn, tight=seed % 4 == 0)
        try:
            found = run(environment).tables["agents"]
        except InstanceError:
            continue
        for agent in range(3):
            prices, service = _at_reports(environment, agent, np.random.default_rng(seed))
            price, served = found["price_invariant"][agent], found["served_invariant"][agent]
            assert price == all(len(at) == 1 and None not in at for at in prices)
            constant = all(len(states) <= 1 and "in part" not in states for states in service)
            if served:
                assert constant
            elif price:
                assert not constant
            stated["I"] += price
            stated["II"] += served
    assert min(stated.values()) > 5


def _exact(drawn: Environment, *, tight: bool) -> Environment:
    bounds = as_fractions(drawn.endowments).mean(axis=1)
    return Environment(
        stock=as_fractions(drawn.stock), types=as_fractions(drawn.types), endowments=as_fractions(drawn.endowments),
        lower=bounds * 0, upper=bounds * (Fraction(21, 20) if tight else Fraction(3, 2)), arithmetic="exact",
    )  # fmt: skip


def _at_reports(
    environment: Environment, agent: int, rng: np.random.Generator
) -> tuple[list[set[Any]], list[set[str]]]:
    """The prices met at each date (None where they are not unique), and how each date's types are served."""
    solver, (_, dates, kinds) = knapsack(environment), environment.endowments.shape
    prices: list[set[Any]] = [set() for _ in range(dates)]
    service: list[set[str]] = [set() for _ in range(dates * kinds)]
    least = environment.lower[agent] * (dates == 1)  # with more dates, the others take up the slack
    for date in range(dates):
        today = environment.endowments[:, date]
        before = today[agent + 1 :].sum(axis=0)
        for report in [today[agent], *_reports(least, environment.upper[agent] * dates, rng)]:
            price, amount = _invest(solver, today.sum(axis=0) - today[agent] + report)
            prices[date].add(price)
            for kind in np.flatnonzero(report > 0).tolist():
                left = amount[kind] - before[kind]
                state = "entirely" if left >= report[kind] else "not" if left <= 0 else "in part"
                service[date * kinds + kind].add(state)
    return prices, service


def _reports(low: Any, high: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Every corner of a box, and some points inside."""
    for corner in np.ndindex(*(2,) * low.size):
        yield np.where(np.array(corner, dtype=bool), high, low)
    for _ in range(8):
        yield low + (high - low) * as_fractions(rng.integers(0, 9, low.size)) / 8


def _invest(solver: Knapsack, total: Any) -> tuple[Any, Any]:
    found = solver.invest(total)
    return (tuple(one.low for one in found.price_range) if found.unique_price else None), found.amount
