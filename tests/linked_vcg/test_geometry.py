"""The geometric algorithm of Section 6.2 against the engine's transfers, against brute force and by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.geometry import first_met, hit, linked_by_geometry
from mechopt.mechanisms.linked_vcg.geometry_plot import picture
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.mechanism import run
from mechopt.mechanisms.linked_vcg.plots import pictures
from mechopt.mechanisms.linked_vcg.position import positions


def small_agents(seed: int, *, agents: int = 40, discount: float = 1.0, resources: int = 2, dates: int = 3) -> Any:
    """Many agents with seasons of their own, so that prices change over the dates."""
    rng = np.random.default_rng(seed)
    kinds = resources + 3
    types = np.round(rng.uniform(0.2, 1.2, (kinds, resources)), 3)
    types[:resources] = np.diag(np.round(rng.uniform(2.0, 3.0, resources), 2))
    season = rng.uniform(0.5, 1.5, (1, dates, kinds))
    endowments = np.round(rng.uniform(0.0, 1.5, (agents, dates, kinds)) * season, 2)
    average = np.round(endowments.mean(axis=1), 2)
    use = endowments.sum(axis=(0, 1)) / dates @ types
    return Environment(
        stock=np.round(use * rng.uniform(0.3, 0.6, resources), 2), types=types, endowments=endowments,
        lower=0 * average, upper=average + 0.05, discount=discount,
    )  # fmt: skip


def settled(environment: Environment) -> Any:
    """Small agents' transfers do not need the search, so nearly none is made."""
    return run(environment, limits=Limits(pieces=1))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    discount=st.sampled_from([1.0, 0.9, 0.5]),
    resources=st.integers(1, 3),
    dates=st.integers(1, 4),
)
def test_rays_give_the_linked_transfer_of_every_small_agent(
    seed: int, discount: float, resources: int, dates: int
) -> None:
    """The engine sums max_t c_ti over types; here hyperplanes are met by rays, in rational numbers."""
    environment = small_agents(seed, agents=30, discount=discount, resources=resources, dates=dates)
    table = settled(environment).tables["agents"]
    for agent, method in enumerate(table["method"]):
        if method == "price_taking":
            found = linked_by_geometry(environment, agent)
            assert float(found.transfer) == pytest.approx(table["linked_transfer"][agent], abs=1e-10)


def test_the_agreement_is_not_about_few_agents_or_one_date() -> None:
    """The sample above would prove nothing if hardly anybody were small, or prices never changed."""
    compared, several = 0, set()
    for seed in range(8):
        environment = small_agents(seed)
        table = settled(environment).tables["agents"]
        for agent, method in enumerate(table["method"]):
            if method == "price_taking":
                compared += 1
                several |= set(linked_by_geometry(environment, agent).best)
    assert compared >= 60
    assert len(several) >= 4  # different dates, and ties


@pytest.mark.parametrize("discount", [1.0, 0.5])
def test_tau_is_the_best_date_of_the_paper(discount: float) -> None:
    """tau(theta_i) = argmax beta^(t-T) p_t . theta_i over the enclosing dates, its definition before the algorithm."""
    environment = small_agents(1, discount=discount)
    table = settled(environment).tables["agents"]
    agent = list(table["method"]).index("price_taking")
    found = linked_by_geometry(environment, agent)
    dates = len(found.price)
    for kind, best in enumerate(found.best):
        worth = {
            date: Fraction(discount) ** (date + 1 - dates)
            * sum(p * Fraction(str(need)) for p, need in zip(found.price[date], environment.types[kind], strict=True))
            for date in range(dates)
            if found.encloses[date, kind]
        }  # fmt: skip
        expected = tuple(date for date, value in worth.items() if value == max(worth.values()))
        assert best == (expected or tuple(range(dates)))


def test_no_vertex_of_the_reports_leaves_less_to_the_others() -> None:
    """The report built from tau against every way to put each type's budget on one date (Lemma 6's maximum)."""
    environment = small_agents(5)
    table = settled(environment).tables["agents"]
    agent = list(table["method"]).index("price_taking")
    found = linked_by_geometry(environment, agent)
    here = positions(environment, agent)
    weight = np.array([float(position.weight) for position in here])
    cost = environment.types @ found.price.astype(float).T  # [type][date]
    gain = cost * found.encloses.T * weight
    truth = np.array([position.report for position in here]).T
    budget = 3 * environment.upper[agent]
    best = max(
        sum(gain[kind, date] * budget[kind] for kind, date in enumerate(dates))
        for dates in product(range(3), repeat=len(budget))
    )
    assert float(found.transfer) == pytest.approx(best - float((gain * truth).sum()), abs=1e-10)
    assert np.all(found.report.astype(float).sum(axis=0) <= budget + 1e-12)


def test_the_figure_4_example_by_hand() -> None:
    """Two lines that cross at (1/2, 1/2), as H_1 and H_4 do: left of the ray through the crossing the first is met."""
    price = np.array([[Fraction(1, 2), Fraction(3, 2)], [Fraction(3, 2), Fraction(1, 2)]])
    types = np.array([[Fraction(1, 10), Fraction(2, 10)], [Fraction(1, 10), Fraction(1, 10)],
                      [Fraction(2, 10), Fraction(1, 10)], [Fraction(2), Fraction(2)]])  # fmt: skip
    encloses = np.array([[True, True, True, False]] * 2)
    distance = hit(price, types, encloses)
    assert [first_met(distance[:, kind]) for kind in range(4)] == [(0,), (0, 1), (1,), (0, 1)]
    assert distance[0, 1] == 5
    # With a discount a later date counts less: its line moves out, and the tie goes to the first.
    later = hit(price, types, encloses, Fraction(1, 2))
    assert [first_met(later[:, kind]) for kind in range(3)] == [(0,), (0,), (0,)]
    assert later[1, 1] == 10


def test_equal_prices_tie_exactly_in_floats_too() -> None:
    """0.1-like needs: the same price at every date is one line, and every date is met first."""
    base = small_agents(2)
    same = replace(base, endowments=np.repeat(base.endowments[:, :1], 3, axis=1), upper=base.endowments[:, 0] + 0.05)
    table = settled(same).tables["agents"]
    agent = list(table["method"]).index("price_taking")
    found = linked_by_geometry(same, agent)
    assert set(found.best) == {(0, 1, 2)}


def test_an_agent_who_moves_prices_is_refused_with_the_date() -> None:
    environment = small_agents(0, agents=1)
    with pytest.raises(InstanceError, match=r"agent 1 does not take prices as given at date 1"):
        linked_by_geometry(environment, 0)
    with pytest.raises(InstanceError, match="there is no agent 'nobody'"):
        linked_by_geometry(environment, "nobody")
    with pytest.raises(InstanceError, match="there is no agent at place 7; places are 0 to 0"):
        linked_by_geometry(environment, 7)


@pytest.mark.parametrize("seed", range(6))
def test_a_position_says_of_one_agent_what_the_market_says_of_all(seed: int) -> None:
    environment = small_agents(seed, agents=10, resources=1 + seed % 3, dates=1 + seed % 3)
    table = settled(environment).tables["agents"]
    for agent in range(10):
        here = positions(environment, agent)
        assert all(p.tested.price_invariant[0] for p in here) == table["price_invariant"][agent]
        assert all(p.tested.served_invariant[0] for p in here) == table["served_invariant"][agent]
        assert all(p.linear for p in here) == (table["method"][agent] == "price_taking")
        own = sum(float(environment.discount) ** date * p.own for date, p in enumerate(here))
        assert own == pytest.approx(table["contribution"][agent])


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_the_picture_has_a_row_a_type_and_is_for_two_resources(discount: float) -> None:
    environment = small_agents(1, discount=discount)
    outcome = settled(environment)
    found = pictures(environment, outcome)
    assert len(found) == 3
    assert found[2].svg.lstrip().startswith("<?xml")
    assert found[2].numbers["type"] == environment.type_names
    assert any(found[2].numbers["met first at date"])
    one = small_agents(1, resources=1)
    table = settled(one).tables["agents"]
    assert len(pictures(one, settled(one))) == 2
    with pytest.raises(ValueError, match="two resources, not 1"):
        picture(one, linked_by_geometry(one, list(table["method"]).index("price_taking")))
