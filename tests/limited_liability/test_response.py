"""The response rule: Blackwell's projection without limits, the least costly probabilities under limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import minimize

from mechopt import api
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.arithmetic import Floats
from mechopt.mechanisms.limited_liability.checks import check
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.mechanism import run
from mechopt.mechanisms.limited_liability.paths import Paths
from mechopt.mechanisms.limited_liability.response import Limits, project, respond, shortfall
from mechopt.mechanisms.limited_liability.rules import Rules

Draw = Callable[..., Environment]


@settings(max_examples=40, deadline=None)
@given(regret=st.lists(st.floats(-5, 5), min_size=2, max_size=5))
def test_the_rule_is_the_projection_on_the_negative_orthant(regret: list[float]) -> None:
    vector = np.array(regret)
    nearest = minimize(lambda z: float(((vector - z) ** 2).sum()), np.minimum(vector, -1.0), bounds=[(None, 0.0)] * len(
        regret), tol=1e-12)  # fmt: skip
    np.testing.assert_allclose(project(vector), nearest.x, atol=1e-4)
    away = vector - project(vector)
    if away.sum() > 1e-9:
        np.testing.assert_allclose(Floats().shares([max(value, 0.0) for value in regret]), away / away.sum())


weights = st.lists(st.floats(0, 10), min_size=3, max_size=5)


@settings(max_examples=60, deadline=None)
@given(weight=weights, floor=st.floats(0, 1), cap=st.floats(0, 1), seed=st.integers(0, 99))
def test_no_other_probabilities_within_the_limits_cost_less(
    weight: list[float], floor: float, cap: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    groups = len(weight)
    decisions = rng.integers(0, 3, groups).tolist()
    limits = Limits(participation_floor=floor, exclusion_caps=[cap] * (groups - 1))
    found = respond(weight, decisions, limits)
    assert found.shares.sum() == pytest.approx(1)
    assert limits.kept((found.shares + np.r_[1e-9, np.full(groups - 1, -1e-9)]).tolist())
    for _ in range(100):
        other = rng.dirichlet(np.full(groups, 0.5))
        other[1:] = np.minimum(other[1:], cap)
        other[0] = 1 - other[1:].sum()
        if other[0] < floor:
            other[1:] *= (1 - floor) / other[1:].sum()
            other[0] = floor
        assert found.shortfall <= shortfall(np.array(weight), decisions, other) + 1e-6 * max(1.0, sum(weight))


@pytest.mark.parametrize("unit", [1e-12, 1e-9, 1e9])
def test_the_unit_of_outputs_does_not_matter(unit: float) -> None:
    """A solver's tolerances are absolute; regrets of 1e-9 were once nothing to it."""
    weight, decisions = np.array([0.0, 0.0, 1.0, 3.0]), [0, 2, 2, 1]
    limits = Limits(participation_floor=0.25, exclusion_caps=[0.1, 0.3, 0.6])
    own, scaled = respond(weight.tolist(), decisions, limits), respond((weight * unit).tolist(), decisions, limits)
    assert own.shortfall == pytest.approx(1, abs=1e-6)  # a quarter of 4 goes to a decision with no weight
    assert scaled.shortfall / unit == pytest.approx(1, abs=1e-6)
    assert scaled.shares[0] == pytest.approx(0.25, abs=1e-6)


def test_limits_that_do_not_bind_cost_nothing_and_the_grand_group_is_preferred() -> None:
    found = respond([1.0, 2.0, 1.0], [0, 1, 0], Limits())
    assert found.shortfall == pytest.approx(0, abs=1e-8)
    assert found.shares == pytest.approx([0.5, 0.5, 0.0], abs=1e-8)  # 3 decides as everybody does: left out for nothing
    bound = respond([0.0, 2.0, 0.0], [0, 1, 0], Limits(participation_floor=0.25))
    assert bound.shares == pytest.approx([0.25, 0.75, 0.0], abs=1e-8)
    assert bound.shortfall == pytest.approx(0.5, abs=1e-8)


@pytest.mark.parametrize("variant", ["baseline", "strategic", "consistent", "discounted"])
def test_every_invariant_holds_with_what_the_limits_add(draw: Draw, variant: str) -> None:
    limits = Limits(participation_floor=0.3, exclusion_caps=[0.2, 0.0, 1.0])
    options = {"variant": variant, "limits": limits, "discount": "0.95", "counterfactuals": "verified"}
    environment = draw(3, periods=120, options=options)
    outcome = run(environment)
    findings = check(environment, outcome)
    assert [finding.property for finding in findings if not finding.holds] == []
    assert "response_limits" in [finding.property for finding in findings]
    shares = np.asarray(outcome.tables["periods"]["probability"])
    assert shares[:, 0].min() >= 0.3 - 1e-9
    assert shares[:, 2].max() == 0.0
    excess = np.asarray(outcome.tables["periods"]["response_excess"])
    assert excess.max() > 0
    assert outcome.summary["epsilon_certified"] == 1.0
    assert any("response_excess" in line for line in outcome.warnings)


def test_loose_limits_change_nothing(draw: Draw) -> None:
    plain = run(draw(4, periods=100))
    loose = run(draw(4, periods=100, options={"variant": "baseline", "limits": Limits()}))
    assert np.array_equal(plain.tables["periods"]["regret_transfer"], loose.tables["periods"]["regret_transfer"])
    assert not np.asarray(loose.tables["periods"]["response_excess"]).any()


def test_a_response_table_in_a_document() -> None:
    values = [[[0.8, 0.0], [0.0, 0.7]]] * 6
    document: dict[str, Any] = {
        "mechanism": "limited_liability", "variant": "consistent", "values": values, "outputs": values,
        "names": {"agents": ["north", "south"]},
        "response": {"participation_floor": "1/4", "exclusion_cap": 0.5, "protected": ["south"]},
    }  # fmt: skip
    environment = api.load(document).environment
    assert environment.rules.limits == Limits(participation_floor=0.25, exclusion_caps=(0.5, 0.0))
    assert all(finding.holds for finding in api.check(document).checks)
    for changes, word in (
        ({"response": {"protected": ["east"]}}, "response.protected: 'east' is none of north, south"),
        ({"response": {"participation_floor": 2}}, "response.participation_floor: must be a probability"),
        ({"response": {"exclusion_cap": -1}}, "response.exclusion_cap"),
        ({"response": {"floor": 1}}, "response"),
        ({"variant": "exploration"}, "response: limits have no meaning in the exploration variant"),
        ({"ledger": "integer", "output_unit": "0.1"}, "response: limits are solved in floats"),
    ):
        with pytest.raises(InstanceError, match=word):
            api.load({**document, **changes})


def test_many_paths_refuse_limits() -> None:
    with pytest.raises(InstanceError, match="many paths at once take no limits"):
        Paths(Rules(variant="baseline", agents=2, limits=Limits()), 3)
    with pytest.raises(InstanceError, match="1 caps for 2 agents"):
        Rules(variant="baseline", agents=2, limits=Limits(exclusion_caps=[0.5]))
