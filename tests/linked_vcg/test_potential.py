"""The cheapest-transfer audit: against linear programs of their own, by hand, and where Theorem 1 fails or holds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linprog

from mechopt.errors import CertificateError, InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import run
from mechopt.mechanisms.linked_vcg.potential import cheapest_transfer, longest_paths

Draw = Callable[..., Environment]


def least_by_program(gain: np.ndarray) -> np.ndarray:
    """min sum W, W_k - W_l >= gain_kl, W >= 0: the same transfers by an interior-point method."""
    size = len(gain)
    rows, right = [], []
    for true in range(size):
        for told in range(size):
            if true != told:
                row = np.zeros(size)
                row[told], row[true] = 1.0, -1.0
                rows.append(row)
                right.append(-gain[true, told])
    found = linprog(np.ones(size), A_ub=np.array(rows), b_ub=np.array(right), bounds=[(0, None)] * size,
                    method="highs-ipm")  # fmt: skip
    assert found.status == 0
    return np.asarray(found.x)


def own_production(environment: Environment, agent: int, told: np.ndarray, true: np.ndarray) -> float:
    """Money at the end of his own projects, from the definitions by scipy."""
    _, dates, kinds = environment.endowments.shape
    resources = environment.stock.size
    total = 0.0
    for date in range(dates):
        supply = environment.endowments[:, date].copy()
        supply[agent] = told[date]
        bounds = [(0, None if kind < resources else most) for kind, most in enumerate(supply.sum(axis=0))]
        amount = linprog(-np.ones(kinds), A_ub=environment.types.T, b_ub=environment.stock, bounds=bounds).x
        before = supply[agent + 1 :].sum(axis=0)
        served = np.minimum(told[date], np.maximum(amount - before, 0))
        alone = linprog(-np.ones(kinds), A_ub=environment.types.T, b_ub=served @ environment.types + 1e-12,
                        bounds=[(0, most) for most in true[date]])  # fmt: skip
        total += float(environment.discount) ** (date + 1 - dates) * -alone.fun
    return total


@pytest.mark.parametrize("seed", range(6))
def test_gains_and_potential_agree_with_programs_of_their_own(draw: Draw, seed: int) -> None:
    environment = draw(seed, agents=3, dates=1 + seed % 2, resources=1 + seed % 2, discount=[1.0, 0.7][seed % 2])
    agent = seed % 3
    found = cheapest_transfer(environment, agent, count=7)
    expected = np.array([[own_production(environment, agent, told, true) for told in found.reports]
                         for true in found.reports])  # fmt: skip
    assert np.allclose(found.gain, expected - np.diag(expected)[:, None], atol=1e-7)
    assert np.allclose(found.cheapest, least_by_program(found.gain), atol=1e-6)
    table = run(environment).tables["agents"]
    assert found.linked[0] == pytest.approx(table["linked_transfer"][agent], abs=1e-7)
    assert np.all(found.cheapest <= found.linked + 1e-7)  # the linked transfers keep every constraint themselves


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.integers(0, 10_000))
def test_longest_paths_are_the_least_solution(size: int, seed: int) -> None:
    """Random gains that somebody could have: true values minus what they cost, so that no cycle gains."""
    rng = np.random.default_rng(seed)
    value = rng.integers(0, 6, (size, size)).astype(float)
    implementable = value - value.max(axis=0)[None, :]
    gain = implementable - np.diag(implementable)[:, None]
    gain += rng.integers(-3, 3, size)[None, :] - rng.integers(0, 1, size)[:, None]
    np.fill_diagonal(gain, 0.0)
    try:
        found, chain = longest_paths(gain)
    except CertificateError:
        with pytest.raises(AssertionError):  # no solution at all
            least_by_program(gain)
        return
    assert np.allclose(found, least_by_program(gain), atol=1e-7)
    steps = sum(gain[true, told] for true, told in pairwise(chain))
    assert found[0] == pytest.approx(steps)  # the chain proves it: W(last) >= 0


def test_a_cycle_that_gains_is_an_error() -> None:
    with pytest.raises(CertificateError, match="cycle of misreports"):
        longest_paths(np.array([[0.0, 1.0], [-0.5, 0.0]]))


@pytest.mark.parametrize("own", [0.0, 0.25, 0.5])
def test_theorem_1_fails_where_all_his_projects_are_always_run(own: float) -> None:
    """theta = (1, 1/2), q = 1: nothing would do, and the linked transfer is (1 - x)/2, on any grid."""
    environment = Environment(
        stock=np.array([1.0]), types=np.array([[1.0], [0.5]]), endowments=np.array([[[0.0, own]]]),
        lower=np.zeros((1, 2)), upper=np.array([[0.0, 1.0]]),
    )  # fmt: skip
    grid = np.array([[[0.0, x]] for x in np.linspace(0, 1, 21)])
    found = cheapest_transfer(environment, 0, grid)
    assert found.cheapest.tolist() == [0.0] * 22
    assert found.linked == pytest.approx([(1 - own) / 2] + [(1 - x) / 2 for x in np.linspace(0, 1, 21)])
    assert found.chain == (0,)
    assert found.excess == pytest.approx((1 - own) / 2)


@pytest.mark.parametrize("own", [0.0, 0.25, 1.0])
def test_theorem_1_holds_where_idle_projects_of_the_marginal_type_wait(own: float) -> None:
    """What an over-report of type 2 brings him he puts to his idle type 3: the whole linked transfer is needed."""
    environment = Environment(
        stock=np.array([1.0]), types=np.array([[4.0], [0.5], [1.0]]),
        endowments=np.array([[[0.0, own, 10.0]], [[0.0, 0.0, 10.0]]]),
        lower=np.array([[0.0, 0.0, 10.0], [0.0, 0.0, 10.0]]), upper=np.array([[0.0, 1.0, 10.0], [0.0, 0.0, 10.0]]),
    )  # fmt: skip
    found = cheapest_transfer(environment, "1", np.array([[[0.0, 1.0, 10.0]]]))
    assert found.linked[0] == pytest.approx((1 - own) / 2)
    assert found.cheapest[0] == pytest.approx((1 - own) / 2)
    assert found.excess == pytest.approx(0.0, abs=1e-9)
    assert found.chain == ((0, 1) if own < 1 else (0,))


def test_more_reports_only_raise_the_bound(draw: Draw) -> None:
    environment = draw(8, dates=2)
    few, many = (cheapest_transfer(environment, 0, count=count) for count in (4, 16))
    assert np.allclose(few.reports, many.reports[:4])
    assert np.all(few.cheapest <= many.cheapest[:4] + 1e-9)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"reports": np.zeros((2, 2))}, r"shape \(2, 2\), not \(reports, 3, 5\)"),
        ({"reports": np.full((1, 3, 5), np.nan)}, "finite"),
        ({"reports": np.full((1, 3, 5), 99.0)}, "report 1 leaves the bounds of agent 1"),
        ({"count": 1}, "count: 1 is not enough"),
    ],
)
def test_reports_that_cannot_be_compared_are_refused(draw: Draw, changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        cheapest_transfer(draw(0), 0, **changes)
