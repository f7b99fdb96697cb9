"""Linked transfers: against the report program, against hand-made instances, and the identities of the paper."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt import catalog
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.market import Market
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, run, run_unlinked
from mechopt.mechanisms.linked_vcg.price_taking import DateTest, examine
from mechopt.outcome import Outcome

pytest.importorskip("pyomo.environ")
Draw = Callable[..., Environment]
MODELS = catalog.root("models") / "linked_vcg"
report_program: Any = catalog.load(MODELS / "report_program.py")


def column(outcome: Outcome, name: str) -> np.ndarray:
    return np.asarray(outcome.tables["agents"][name])


def small(draw: Draw, seed: int, *, dates: int = 2) -> Environment:
    """Sizes and discounts of all kinds."""
    rng = np.random.default_rng(seed)
    resources = 1 + int(rng.integers(2))
    return draw(
        seed,
        agents=1 + int(rng.integers(4)),
        dates=1 + int(rng.integers(dates)),
        types=resources + 1 + int(rng.integers(dates)),
        resources=resources,
        discount=[1.0, 0.9, 0.5][int(rng.integers(3))],
    )


@pytest.mark.parametrize("block", range(10))
def test_linked_transfers_agree_with_the_report_program(draw: Draw, block: int) -> None:
    """210 random instances: the engine's minimum against one mixed-integer program with the follower's conditions."""
    for seed in range(21 * block, 21 * block + 21):
        environment = small(draw, seed, dates=3 if seed % 42 == 0 else 2)
        found = run(environment)
        agent = seed % len(environment.endowments)
        least = report_program.solve(environment, agent)
        expected = column(found, "unlinked_transfer")[agent] - least
        assert column(found, "linked_transfer")[agent] == pytest.approx(expected, abs=2e-7), (seed, agent)
        assert column(found, "linked_low")[agent] == column(found, "linked_high")[agent]


@pytest.mark.parametrize("seed", range(30))
def test_identities(draw: Draw, seed: int) -> None:
    environment = small(draw, seed)
    linked, unlinked = run(environment), run_unlinked(environment)
    values, dates = np.array(linked.tables["dates"]["value"]), environment.endowments.shape[1]
    beta = environment.discount
    own, transfer = column(linked, "contribution"), column(linked, "linked_transfer")
    # Own contribution and unlinked transfer together are everybody's value.
    money = float(beta ** (np.arange(dates) - dates + 1) @ values)
    assert np.allclose(own * beta ** (1 - dates) + column(linked, "unlinked_transfer"), money)
    # Two passes over all dates together, against the plain allocation date by date.
    for name in ("contribution", "unlinked_transfer"):
        assert np.allclose(column(linked, name), column(unlinked, name), rtol=1e-12, atol=1e-12)
    assert np.all(transfer >= 0)
    assert np.all(transfer <= column(linked, "unlinked_transfer") + 1e-9)
    # Lemma 6 (1), repaired: beta^(T-1) lW <= max S^n <= everything the budget could ever be worth.
    assert np.all(beta ** (dates - 1) * transfer <= (dates * environment.upper).sum(axis=1) + 1e-9)
    summary = linked.summary
    assert summary["surplus"] == pytest.approx(float(beta ** np.arange(dates) @ values))
    assert summary["cost_linked"] == pytest.approx(transfer.sum())
    assert summary["cost_to_surplus"] == pytest.approx(beta ** (dates - 1) * transfer.sum() / summary["surplus"])


@pytest.mark.parametrize("seed", range(12))
def test_exact_arithmetic_gives_the_same_in_rationals(draw: Draw, seed: int) -> None:
    parts: Any = {"digits": 2, "agents": 3, "dates": 2}
    floats, exact = run(draw(seed, **parts)), run(draw(seed, arithmetic="exact", **parts))
    for name in ("contribution", "unlinked_transfer", "linked_transfer"):
        assert np.allclose(column(floats, name), column(exact, name).astype(float), atol=1e-7)
    assert all(isinstance(value, Fraction) for value in column(exact, "unlinked_transfer"))
    closed = column(exact, "method") == "price_taking"
    assert all(isinstance(value, Fraction) for value in column(exact, "linked_transfer")[closed])
    if closed.all():
        assert exact.guarantee.kind == "exact"


def many_small_agents(arithmetic: str = "float") -> Environment:
    """Three hundred agents so small that most take prices as given."""
    rng = np.random.default_rng(7)
    types = np.array([[3.0, 0.0], [0.0, 2.5], [1.2, 0.7], [0.4, 1.1], [0.8, 0.95], [1.0, 0.3]])
    endowments = np.round(rng.uniform(0.5, 1.5, (300, 3, 6)), 3)
    average = np.round(endowments.mean(axis=1), 3)
    return Environment(
        stock=np.round(endowments.sum(axis=(0, 1)) / 3 @ types * [0.45, 0.56], 2), types=types, endowments=endowments,
        lower=0 * average, upper=average + 0.05, discount=0.9, arithmetic=arithmetic,  # type: ignore[arg-type]
    )  # fmt: skip


def test_small_agents_are_paid_by_the_closed_form_exactly() -> None:
    floats, exact = run(many_small_agents()), run(many_small_agents("exact"))
    closed = column(exact, "method") == "price_taking"
    assert closed.mean() > 0.5
    assert np.array_equal(closed, column(floats, "method") == "price_taking")
    assert np.array_equal(closed, column(exact, "price_invariant") & column(exact, "served_invariant"))
    assert np.allclose(column(floats, "linked_transfer")[closed],
                       column(exact, "linked_transfer")[closed].astype(float), atol=1e-10)  # fmt: skip


def test_the_closed_form_agrees_with_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same agents, every one of them sent to the pieces: Lemma 6 against the minimum itself."""
    from dataclasses import replace

    from mechopt.mechanisms.linked_vcg import market

    environment = many_small_agents()
    by_formula = run(environment)

    def one_by_one(sums: Any, investment: Any, bounds: Any, **options: Any) -> Any:
        everybody = np.arange(300)
        tested = examine(sums, everybody, investment, bounds, **options)
        tested = replace(tested, linear=tested.linear & (everybody % 30 != 0))
        return DateTest(always_from=np.full(2, 300), examined=everybody, tested=tested)

    monkeypatch.setattr(market, "test_date", one_by_one)
    by_search = run(environment)
    sent = (np.arange(300) % 30 == 0) & (column(by_formula, "method") == "price_taking")
    assert sent.sum() >= 5
    assert set(column(by_search, "method")[sent]) <= {"pieces", "milp"}
    assert np.allclose(column(by_formula, "linked_transfer"), column(by_search, "linked_transfer"), atol=1e-9)


def one_resource(types: list[float], stock: float, endowments: Any, upper: Any, **options: Any) -> Environment:
    return Environment(
        stock=np.array([stock]), types=np.array(types)[:, None], endowments=np.array(endowments, dtype=float),
        lower=np.zeros(np.shape(upper)), upper=np.array(upper, dtype=float), **options,
    )  # fmt: skip


@pytest.mark.parametrize("own", [0.0, 0.25, 0.5, 1.0])
def test_one_agent_one_date_by_hand(own: float) -> None:
    """theta = (1, 1/2), q = 1: a project displaces half a unit of the principal's, so he is paid (1 - x)/2."""
    found = run(one_resource([1.0, 0.5], 1.0, [[[0.0, own]]], [[0.0, 1.0]]))
    assert column(found, "linked_transfer")[0] == pytest.approx((1 - own) / 2, abs=1e-12)


def test_a_discount_takes_the_transfer_above_the_largest_contribution() -> None:
    """Lemma 6 (1) as printed fails: theta = (1, 0.9), q = 10, T = 2, beta = 1/2, upper = 1, report 0: 3.6 > 2."""
    found = run(one_resource([1.0, 0.9], 10.0, [[[0.0, 0.0], [0.0, 0.0]]], [[0.0, 1.0]], discount=0.5))
    assert column(found, "linked_transfer")[0] == pytest.approx(3.6)


def test_three_equal_agents_are_paid_alike() -> None:
    """theta = (1, 0.5, 3): the paper's N makes the first and the last owner fail Property II; they are no different."""
    mine = [[[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]] * 3
    found = run(one_resource([1.0, 0.5, 3.0], 10.0, mine, [[1.2, 1.2, 1.2]] * 3))
    assert len(set(np.round(column(found, "linked_transfer"), 9).tolist())) == 1
    assert column(found, "served_invariant").all()


@pytest.mark.parametrize(("total", "reached"), [(8, True), (11, False), (6, False)])
def test_the_minimum_solves_subset_sum(total: int, reached: bool) -> None:
    """theta = (4, 1, 1/2, 2), one reported type: 3/4 Q is reached just where some of {2, 3, 5, 7} sum to Q."""
    sizes = [2, 3, 5, 7]
    stock = 100.0
    dates = len(sizes)
    lower_agent = [[0.0, size / 2, 0.0, size / 4] for size in sizes]
    target = [[0.0, 0.0, 0.0, 0.0]] * dates
    higher_agent = [[0.0, 0.0, (stock - size) / 0.5, 0.0] for size in sizes]
    most = np.max([lower_agent, target, higher_agent], axis=1) + 1.0
    most[1] = [0.0, total / dates, 0.0, 0.0]
    found = run(one_resource([4.0, 1.0, 0.5, 2.0], stock, [lower_agent, target, higher_agent], most))
    paid = column(found, "linked_transfer")[1]
    assert bool(paid == pytest.approx(0.75 * total, abs=1e-6)) is reached
    assert paid <= 0.75 * total + 1e-6


@pytest.mark.parametrize("seed", range(15))
def test_one_date_with_a_fixed_average_pays_nothing(draw: Draw, seed: int) -> None:
    base = draw(seed, dates=1, lower=1.0)
    fixed = Environment(stock=base.stock, types=base.types, endowments=base.endowments,
                        lower=base.endowments[:, 0], upper=base.endowments[:, 0])  # fmt: skip
    assert np.allclose(column(run(fixed), "linked_transfer"), 0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_a_wider_interval_never_pays_less(draw: Draw, seed: int) -> None:
    narrow = small(draw, seed)
    wide = Environment(stock=narrow.stock, types=narrow.types, endowments=narrow.endowments, lower=narrow.lower * 0.5,
                       upper=narrow.upper * 1.5, discount=narrow.discount)  # fmt: skip
    assert np.all(column(run(wide), "linked_transfer") >= column(run(narrow), "linked_transfer") - 1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_everything_scales_with_the_instance(draw: Draw, seed: int) -> None:
    base = small(draw, seed)
    doubled = Environment(stock=base.stock * 2, types=base.types, endowments=base.endowments * 2, lower=base.lower * 2,
                          upper=base.upper * 2, discount=base.discount)  # fmt: skip
    once, twice = run(base), run(doubled)
    for name in ("contribution", "unlinked_transfer", "linked_transfer"):
        assert np.allclose(column(twice, name), 2 * column(once, name), atol=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_an_agent_split_in_two_neighbours_earns_the_same_together(draw: Draw, seed: int) -> None:
    base = draw(seed, agents=3)
    halves: Any = {name: np.concatenate([getattr(base, name)[:1] / 2] * 2 + [getattr(base, name)[1:]])
              for name in ("endowments", "lower", "upper")}  # fmt: skip
    split = run(Environment(stock=base.stock, types=base.types, **halves))
    whole = run(base)
    assert column(split, "contribution")[:2].sum() == pytest.approx(column(whole, "contribution")[0])
    assert np.allclose(column(split, "contribution")[2:], column(whole, "contribution")[1:])
    assert np.allclose(column(split, "linked_transfer")[2:], column(whole, "linked_transfer")[1:], atol=1e-7)


def test_the_order_of_types_does_not_matter(draw: Draw) -> None:
    base = draw(5, types=6)
    order = np.array([0, 1, 5, 3, 2, 4])
    moved = Environment(stock=base.stock, types=base.types[order], endowments=base.endowments[:, :, order],
                        lower=base.lower[:, order], upper=base.upper[:, order])  # fmt: skip
    assert np.allclose(column(run(base), "linked_transfer"), column(run(moved), "linked_transfer"), atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_the_market_date_by_date_gives_the_same_as_the_whole(draw: Draw, seed: int) -> None:
    """`allocate` looks back only; reports outside the bounds are cut on the way, as the retraction does."""
    base = draw(seed, agents=3, dates=3)
    environment = Environment(stock=base.stock, types=base.types, endowments=base.endowments * 1.2, lower=base.lower,
                              upper=base.endowments.mean(axis=1), discount=0.9)  # fmt: skip
    whole = run(environment)
    market = Market(knapsack(environment), environment.lower, environment.upper, dates=3, discount=0.9)
    used = np.array([market.allocate(environment.endowments[:, date]).reports for date in range(3)])
    settled = market.settle()
    assert np.allclose(settled.linked_high, column(whole, "linked_transfer"), atol=1e-8)
    assert np.allclose(settled.contribution, column(whole, "contribution"))
    assert np.all(used.sum(axis=0) <= 3 * environment.upper + 1e-12)
    assert "retracted" in whole.tables
    assert "retracted" in whole.warnings[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_search_cut_off_still_gives_a_valid_bracket(draw: Draw, seed: int) -> None:
    environment = draw(seed)
    full, cut = run(environment), run(environment, limits=Limits(pieces=1))
    assert np.all(column(cut, "linked_low") <= column(full, "linked_transfer") + 1e-8)
    assert np.all(column(cut, "linked_high") >= column(full, "linked_transfer") - 1e-8)
    assert np.array_equal(column(cut, "linked_transfer"), column(cut, "linked_high"))
    if np.any(column(cut, "linked_low") < column(cut, "linked_high")):
        assert cut.guarantee.kind == "bounded"
        assert cut.guarantee.error > 0
        assert any("bracket" in line for line in cut.warnings)


@pytest.mark.parametrize("seed", range(6))
def test_projects_served_fit_the_stock_and_the_reports(draw: Draw, seed: int) -> None:
    environment = draw(seed)
    market = Market(knapsack(environment), environment.lower, environment.upper, dates=3)
    for date in range(3):
        found = market.allocate(environment.endowments[:, date])
        projects = found.projects()
        assert np.all(projects >= 0)
        assert np.all(projects <= found.reports + 1e-12)
        assert np.all(projects.sum(axis=0) @ environment.types <= environment.stock + 1e-9)
        assert np.allclose(projects.sum(axis=1), found.served.own)
        # The last agent is served first: his projects at least as entirely as anybody's.
        share = projects / np.where(found.reports > 0, found.reports, np.nan)
        both = np.isfinite(share[-1]) & np.isfinite(share[0])
        assert np.all(share[-1][both] >= share[0][both] - 1e-9)
