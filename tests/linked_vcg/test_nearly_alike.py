"""Types so nearly alike that a solver's tolerance takes one for another: the value barely changes, who is served does.

The yardstick is the same instance in rational arithmetic, and the exact knapsack for the amounts of any report.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, run
from mechopt.mechanisms.linked_vcg.production import Production
from mechopt.mechanisms.linked_vcg.vertices import as_fractions

SEEDS = range(40)


def nearly_alike(seed: int) -> dict[str, Any]:
    """Types of which the last ones lie within 1e-6 to 1e-16 of a plane through others, in resources of odd units."""
    rng = np.random.default_rng(seed)
    resources, agents, dates = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 3))
    unit = 10.0 ** rng.choice([-3, 0, 0, 3], resources)
    types = [np.round(rng.uniform(1, 4), 2) * unit[r] * (np.arange(resources) == r) for r in range(resources)]
    types += [np.round(rng.uniform(0.05, 2, resources), 2) * unit for _ in range(int(rng.integers(1, 3)))]
    for _ in range(2):
        weight = rng.dirichlet(np.ones(resources))
        mixed = weight @ np.array(types)[rng.choice(len(types), resources, replace=False)]
        types.append(mixed * (1 + rng.choice([-1, 1]) * 10.0 ** -rng.integers(6, 17)))
    endowments = np.round(rng.uniform(0, 2, (agents, dates, len(types))), 2)
    upper = endowments.mean(axis=1) * rng.choice([1.05, 1.5])
    return {
        "stock": np.round(rng.uniform(0.5, 5, resources), 3) * unit, "types": np.array(types), "endowments": endowments,
        "lower": 0 * upper, "upper": upper, "discount": float(rng.choice([1.0, 0.9])),
    }  # fmt: skip


def test_floats_and_rational_numbers_settle_alike() -> None:
    refused = 0
    for seed in SEEDS:
        given = nearly_alike(seed)
        try:
            found = run(Environment(**given))
        except InstanceError:  # exactly on a plane, in decimals: refused in both
            refused += 1
            with pytest.raises(InstanceError, match="lie on one plane"):
                run(_exact(given))
            continue
        exact = run(_exact(given))
        assert found.guarantee.kind in ("certified", "exact")
        for name in ("contribution", "unlinked_transfer", "linked_low", "linked_high"):
            expected = [float(value) for value in exact.tables["agents"][name]]
            assert np.asarray(found.tables["agents"][name]) == pytest.approx(expected, rel=1e-7, abs=1e-7), (seed, name)
    assert refused < 10


def test_who_is_served_is_what_the_exact_knapsack_says() -> None:
    """Amounts of any report, one by one and in a batch, whatever type the solver's tolerance would have taken."""
    compared = 0
    for seed in SEEDS:
        given = nearly_alike(seed)
        environment, truth = Environment(**given), Knapsack(as_fractions(given["stock"]), as_fractions(given["types"]))
        totals = given["endowments"].sum(axis=0) * np.linspace(0.2, 1.5, 4)[:, None, None]
        totals = totals.reshape(-1, totals.shape[-1])
        try:
            expected = np.array([[float(value) for value in truth.invest(total).amount] for total in totals])
        except InstanceError:
            continue
        solver = knapsack(environment)
        for amounts in (solver.float_amounts_of_many(totals)[0], [solver.float_amounts(total)[0] for total in totals]):
            assert np.asarray(amounts) == pytest.approx(expected, rel=1e-7, abs=1e-7), seed
        compared += len(totals)
        production = Production(environment, 0)
        own, left = production.served(0, production.truth[0])
        assert own.sum() + left == pytest.approx(float(truth.invest(given["endowments"][:, 0].sum(axis=0)).value))
    assert compared > 80


def test_a_plentiful_type_is_met_before_one_that_needs_barely_more() -> None:
    """In floats the price plane meets the last type, a few units in the last place dearer, before the first one."""
    endowments = np.array(
        [[0.1, 1.78, 1.99, 0.62, 0.28], [0.56, 0.75, 0.44, 1.57, 0.85], [1.35, 1.93, 0.5, 0.85, 1.39]]
    )
    given: dict[str, Any] = {
        "stock": np.array([2.366, 2.171]), "endowments": endowments[:, None], "discount": 1.0,
        "types": np.array([[2.94, 0.0], [0.0, 2.51], [0.18, 0.57], [0.6, 0.06], [2.9400000000000004, 1e-16]]),
        "lower": 0 * endowments, "upper": 2 * endowments,
    }  # fmt: skip
    found = run(Environment(**given)).tables["agents"]
    without = {
        name: value[..., :4] if name in ("endowments", "lower", "upper") else value for name, value in given.items()
    }
    expected = run(Environment(**{**without, "types": given["types"][:4]})).tables[
        "agents"
    ]  # nobody runs the last type
    assert found["method"] == ["pieces"] * 3
    for name in ("linked_low", "linked_high"):
        assert np.asarray(found[name]) == pytest.approx(np.asarray(expected[name]), rel=1e-9)


def _exact(given: dict[str, Any]) -> Environment:
    exact: dict[str, Any] = {name: as_fractions(value) for name, value in given.items() if name != "discount"}
    return Environment(**exact, discount=Fraction(str(given["discount"])), arithmetic="exact")
