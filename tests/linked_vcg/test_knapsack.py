"""The knapsack v(q, mu): value, investment and prices against other solvers and against its definition."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from mechopt import catalog
from mechopt.certify import Certificate
from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.generic_types import dependent_types
from mechopt.mechanisms.linked_vcg.knapsack import Knapsack
from mechopt.mechanisms.linked_vcg.market import Market
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, run, run_unlinked
from mechopt.mechanisms.linked_vcg.position import positions
from mechopt.mechanisms.linked_vcg.vertices import as_fractions

pytest.importorskip("pyomo.environ")
MODELS = catalog.root("models") / "linked_vcg"
program: Any = catalog.load(MODELS / "knapsack_program.py")

FIGURE_1A = np.array([[12.0, 0.0], [0.0, 10.0], [2.0, 1.0]])


@pytest.mark.parametrize("seed", range(40))
def test_value_investment_and_prices_agree_with_scipy_and_with_both_programs(draw: Any, seed: int) -> None:
    environment = draw(seed, dates=1, types=4 + seed % 5, resources=1 + seed % 3)
    total = environment.endowments[:, 0].sum(axis=0)
    found = knapsack(environment).invest(total)
    resources = environment.stock.size
    upper = [None if kind < resources else total[kind] for kind in range(total.size)]
    other = linprog(-np.ones(total.size), A_ub=environment.types.T, b_ub=environment.stock,
                    bounds=[(0, limit) for limit in upper], method="highs-ipm")  # fmt: skip
    assert found.value == pytest.approx(-other.fun, abs=1e-7)
    assert isinstance(found.certificate, Certificate)
    for solution in (program.solve_primal(environment, 0), program.solve_dual(environment, 0)):
        assert solution.value == pytest.approx(found.value, abs=1e-7)
        assert np.allclose(solution.investment, found.amount, atol=1e-6)  # Lemma 1: there is only one
        for price, interval in zip(solution.price, found.price_range, strict=True):
            assert float(interval.low) - 1e-6 <= price <= float(interval.high) + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_investment_is_exhaustive_and_linear_at_its_price(draw: Any, seed: int) -> None:
    """Lemma 1, from its definition and exactly, in rational arithmetic."""
    environment = draw(seed, dates=1, arithmetic="exact", digits=2)
    total = environment.endowments[:, 0].sum(axis=0)
    found = knapsack(environment).invest(total)
    assert (found.amount @ environment.types).tolist() == environment.stock.tolist()
    cost = environment.types @ found.geometry.price
    for kind, amount in enumerate(found.amount):
        plentiful = kind < environment.stock.size
        if cost[kind] < 1:
            assert not plentiful
            assert amount == total[kind]
        if cost[kind] > 1:
            assert amount == 0
    assert found.value == sum(found.amount)


def test_the_geometry_predicts_every_change_inside_its_limits(draw: Any) -> None:
    """With the vertex kept, alpha moves by -K x: the row of the GEMM that replaces a program per agent."""
    environment = draw(3, agents=6, types=7, dates=1)
    solver, reports = knapsack(environment), environment.endowments[:, 0]
    found = solver.invest(reports.sum(axis=0))
    step = np.zeros(7)
    full = np.flatnonzero(found.geometry.full)
    step[full] = -1e-4
    moved = solver.invest(reports.sum(axis=0) + step)
    assert moved.geometry is found.geometry
    expected = found.amount[found.geometry.partial] - found.geometry.displaced @ step
    assert np.allclose(moved.amount[found.geometry.partial], expected, atol=1e-12)


def test_prices_do_not_change_with_scale(draw: Any) -> None:
    """Corollary 1: prices depend on q and mu only up to a common factor."""
    environment = draw(4, dates=1, arithmetic="exact", digits=2)
    total = environment.endowments[:, 0].sum(axis=0)
    found = knapsack(environment).invest(total)
    scaled = Knapsack(environment.stock * 7, environment.types).invest(total * 7)
    assert scaled.geometry.price.tolist() == found.geometry.price.tolist()
    assert scaled.amount.tolist() == (7 * found.amount).tolist()


def test_figure_1a_by_hand() -> None:
    """One unit of type 3 leaves (22, 19) for types 1 and 2; nine units exhaust resource 1 first at (24, 20)."""
    solver = Knapsack(np.array([24.0, 20.0]), FIGURE_1A)
    one = solver.invest(np.array([0.0, 0.0, 1.0]))
    assert one.amount.tolist() == pytest.approx([22 / 12, 1.9, 1.0])
    assert one.geometry.price.tolist() == pytest.approx([1 / 12, 1 / 10])
    many = solver.invest(np.array([0.0, 0.0, 99.0]))
    assert many.amount.tolist() == pytest.approx([0.0, 0.8, 12.0])
    # Type 2 and type 3 are in use: p . (0, 10) = 1 and p . (2, 1) = 1.
    assert many.geometry.price.tolist() == pytest.approx([0.45, 0.1])


def test_prices_on_a_limit_are_an_interval() -> None:
    """Exactly twelve units of type 3 exhaust resource 1: p_1 can be anything between the two vertices' prices."""
    found = Knapsack(as_fractions(np.array([24.0, 20.0])), as_fractions(FIGURE_1A)).invest(
        as_fractions(np.array([0.0, 0.0, 12.0]))
    )
    assert not found.unique_price
    assert (found.price_range[0].low, found.price_range[0].high) == (Fraction(1, 12), Fraction(9, 20))
    assert (found.price_range[1].low, found.price_range[1].high) == (Fraction(1, 10), Fraction(1, 10))
    assert found.amount.tolist() == [0, Fraction(4, 5), 12]


def test_types_on_one_plane_are_refused_where_it_matters() -> None:
    """Figure 1b: type (6, 5) is half of each single-resource type, so efficient use is not unique."""
    types = np.array([[12.0, 0.0], [0.0, 10.0], [6.0, 5.0]])
    with pytest.raises(InstanceError, match=r"types a, b, c lie on one plane.*condition 2"):
        Knapsack(np.array([24.0, 20.0]), types, type_names=["a", "b", "c"]).invest(np.array([0.0, 0.0, 1.0]))
    # Where nobody can have such a project, it does not matter.
    none = Knapsack(np.array([24.0, 20.0]), types, possible=np.array([True, True, False]))
    assert none.invest(np.zeros(3)).amount.tolist() == pytest.approx([2.0, 2.0, 0.0])


def test_condition_2_is_decided_exactly() -> None:
    assert dependent_types(FIGURE_1A) == (None, True)
    assert dependent_types(np.array([[12.0, 0.0], [0.0, 10.0], [6.0, 5.0]])) == ((0, 1, 2), True)
    # 0.1 + 0.2 = 0.3 in decimals: on the plane of (1, 0) and (0, 1), which floats would miss.
    assert dependent_types(np.array([[1.0, 0.0], [0.0, 0.3], [0.1, 0.27]])) == ((0, 1, 2), True)
    assert dependent_types(np.array([[1.0, 0.0], [0.0, 0.3], [0.1, 0.2701]])) == (None, True)
    assert dependent_types(np.array([[2.0], [1.0], [1.0]])) == ((1, 2), True)
    # Dependent, but only on a plane with a negative price: condition 2 does not mind.
    assert dependent_types(np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.5]])) == (None, True)
    assert dependent_types(np.ones((40, 3)), largest=10) == (None, False)


def test_two_types_alike_are_refused_where_one_is_partly_invested_in(draw: Any) -> None:
    refused = 0
    for seed in range(10):
        environment = draw(seed, dates=1, types=3, resources=1)
        types = np.vstack([environment.types, environment.types[2:3]])
        total = environment.endowments[:, 0].sum(axis=0)
        partial = 2 in knapsack(environment).invest(total).geometry.partial
        twins = Knapsack(environment.stock, types)
        if partial:
            refused += 1
            with pytest.raises(InstanceError, match="merge equal types"):
                twins.invest(np.append(total, 0.0))
        else:
            found = twins.invest(np.append(total, 0.0))
            assert found.geometry.full[2] == found.geometry.full[3]
    assert 0 < refused < 10


def test_an_investment_on_a_kink_up_to_rounding_is_proven_too(draw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Supply cut to just what is invested: the solver's basis is then off by the last digit about every other time."""
    from mechopt.mechanisms.linked_vcg import repair

    original, used = repair.repaired, 0

    def counted(*given: Any) -> Any:
        nonlocal used
        solution, found = original(*given)
        used += isinstance(found, Certificate)
        return solution, found

    monkeypatch.setattr("mechopt.mechanisms.linked_vcg.knapsack.repaired", counted)
    for seed in range(30):
        environment = draw(seed, dates=1, types=6, resources=2)
        solver, total = knapsack(environment), environment.endowments[:, 0].sum(axis=0)
        before = solver.invest(total)
        kink = before.geometry.partial[before.geometry.partial >= 2]
        for places in ((2, 3, 4, 5), kink):
            for step in (0.0, 1e-16, -1e-16, 3e-16):
                cut = total.copy()
                cut[list(places)] = np.minimum(total, before.amount)[list(places)] * (1 + step)
                found = knapsack(environment).invest(cut)
                assert isinstance(found.certificate, Certificate)
                assert found.value == pytest.approx(before.value, rel=1e-12)
                assert np.allclose(found.amount @ environment.types, environment.stock)
    assert used > 5


def test_a_kink_is_found_though_a_float_sum_misses_it() -> None:
    """theta = (1, 1/2), q = 0.15: projects of 0.1 and 0.2 use all of it, and any price from 1 to 2 will do."""
    reports = np.array([[[0.0, 0.1]], [[0.0, 0.2]]])
    assert reports.sum() > 0.3  # 0.30000000000000004: a little would be left over, and only 2 would do
    stock, types, upper = np.array([0.15]), np.array([[1.0], [0.5]]), np.array([[0.0, 1.0]] * 2)
    environment = Environment(stock=stock, types=types, endowments=reports, lower=0 * upper, upper=upper)
    today = Market(Knapsack(stock, types), 0 * upper, upper, dates=1).allocate(reports[:, 0]).investment
    for found in (run(environment), run_unlinked(environment)):
        dates = found.tables["dates"]
        assert (dates["price"], dates["price_low"], dates["price_high"]) == ([None], [[1.0]], [[2.0]])
    for investment in (today, positions(environment, 0)[0].investment):
        assert not investment.unique_price
        assert investment.amount.tolist() == [0.0, 0.3]
        assert investment.amount.dtype == np.float64
