"""Collar designs against other formulations of the same question, and what the design command reports."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linprog

import mechopt
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import collar, penalty
from mechopt.mechanisms.overage.calibration import collar_tail
from mechopt.mechanisms.overage.scenarios import Scenarios, left_out

BOUNDS = (10.0, 100.0)


def draw(seed: int, *, count: int = 12, accounts: int = 1) -> Scenarios:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(count))
    own = rng.exponential(3.0, (count, accounts))
    overage = own.sum(axis=1) + rng.exponential(10.0, count)
    slack = rng.exponential(8.0, count)
    return Scenarios(
        probability=probability,
        overage=overage,
        slack=slack,
        scarcity_without=left_out(overage[:, None] - own, slack[:, None]),
        accounts=[f"account {k}" for k in range(accounts)],
    )


def reachable(scenarios: Scenarios, share: float) -> float:
    """A price that the collar can meet."""
    return share * BOUNDS[1] * float(scenarios.mean(scenarios.scarcity_without).min())


@pytest.mark.parametrize("seed", range(30))
def test_scarcity_without_an_account_is_that_of_the_penalty_module(seed: int) -> None:
    rng = np.random.default_rng(seed)
    others, slack = rng.integers(0, 4, 50).astype(float), rng.integers(0, 4, 50).astype(float)
    expected = [penalty.scarcity_without(v, i) for v, i in zip(others, slack, strict=True)]
    assert np.allclose(left_out(others, slack), expected)


@pytest.mark.parametrize("seed", range(40))
def test_the_linear_program_and_the_knapsack_agree(seed: int) -> None:
    scenarios = draw(seed)
    price = reachable(scenarios, 0.3 + 0.02 * seed % 0.6)
    found, closed = collar.by_state(scenarios, price, BOUNDS), collar.greedy(scenarios, price, BOUNDS)
    assert found.penalty is not None
    assert closed is not None
    charge = scenarios.probability * scenarios.residual
    assert charge @ found.penalty == pytest.approx(charge @ closed, abs=1e-8)
    assert found.margin >= -1e-8
    assert found.error <= 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_no_design_by_state_charges_more_than_the_constant(seed: int) -> None:
    scenarios = draw(seed, accounts=3)
    price = reachable(scenarios, 0.7)
    fixed, varying = collar.constant(scenarios, price, BOUNDS), collar.by_state(scenarios, price, BOUNDS)
    assert fixed.penalty is not None
    assert varying.penalty is not None
    assert scenarios.mean(varying.penalty * scenarios.residual) <= scenarios.mean(
        fixed.penalty * scenarios.residual
    ) * (1 + 1e-9)
    for one in (fixed, varying):
        assert one.penalty is not None
        assert (scenarios.mean(one.penalty[:, None] * scenarios.scarcity_without) >= price - 1e-8).all()
        assert BOUNDS[0] - 1e-9 <= one.penalty.min() <= one.penalty.max() <= BOUNDS[1] + 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_the_least_tail_agrees_with_another_formulation(seed: int) -> None:
    """CVaR as the largest expectation over reweightings: a saddle point, solved from the other side in CVXPY."""
    cp = pytest.importorskip("cvxpy")
    scenarios = draw(seed)
    price, level = reachable(scenarios, 0.6), 0.8
    found = collar.conditional_value_at_risk(scenarios, price, BOUNDS, level)
    assert found.penalty is not None
    kappa = cp.Variable(scenarios.overage.size)
    u, eta = cp.Variable(scenarios.overage.size, nonneg=True), cp.Variable()
    problem = cp.Problem(
        cp.Minimize(eta + scenarios.probability @ u / (1 - level)),
        [
            u >= cp.multiply(kappa, scenarios.residual) - eta,
            (scenarios.probability * scenarios.scarcity_without[:, 0]) @ kappa >= price,
            kappa >= BOUNDS[0],
            kappa <= BOUNDS[1],
        ],
    )
    problem.solve(solver=cp.CLARABEL)
    mine = collar_tail(found.penalty * scenarios.residual, scenarios.probability, level)
    assert mine == pytest.approx(float(problem.value), rel=1e-6)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("distance", [0.0, 0.05, 0.4, 0.95])
def test_the_worst_mean_is_that_of_a_linear_program(seed: int, distance: float) -> None:
    scenarios = draw(seed, count=7)
    values, probability = scenarios.scarcity_without[:, 0], scenarios.probability
    n = probability.size
    # q = probability + up - down, sum up = sum down <= distance, q >= 0.
    solved = linprog(
        np.concatenate([values, -values]),
        A_ub=np.vstack([np.hstack([np.zeros(n), np.ones(n)]), np.hstack([-np.eye(n), np.eye(n)])]),
        b_ub=np.concatenate([[distance], probability]),
        A_eq=np.hstack([np.ones(n), -np.ones(n)])[None],
        b_eq=[0.0],
    )
    expected = probability @ values + solved.fun
    assert collar.worst_mean(probability, values, distance) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_the_chance_design_is_the_least_that_reaches_its_probability(seed: int, level: float) -> None:
    scenarios = draw(seed)
    free = (0.0, math.inf)
    found = collar.chance(scenarios, 5.0, free, level)
    column = scenarios.scarcity_without[:, 0]
    if found.penalty is None:
        assert scenarios.probability[column > 0].sum() < level
        return
    height = float(found.penalty[0])
    assert scenarios.probability[height * column >= 5.0 * (1 - 1e-12)].sum() >= level * (1 - 1e-9)
    assert scenarios.probability[0.999999 * height * column >= 5.0].sum() < level


def test_waiting_in_one_scenario_has_the_closed_form() -> None:
    scenarios = Scenarios(
        probability=np.array([1.0]),
        overage=np.array([2.0]),
        slack=np.array([5.0]),
        scarcity_without=np.array([[0.0]]),
        accounts=["small accounts"],
    )
    expected = float(penalty.waiting_equilibrium(1, 2, 5, 2))
    assert collar.waiting(scenarios, 1.0, 2.0) == pytest.approx(expected, abs=1e-9) == pytest.approx(8.0)
    assert collar.waiting(scenarios, 2.0, 2.0) == math.inf
    assert collar.waiting(scenarios, 1.0, 1e9) == pytest.approx(3.0, abs=1e-6)


def test_free_slack_defeats_every_collar() -> None:
    scenarios = Scenarios(
        probability=np.array([0.5, 0.5]),
        overage=np.array([1.0, 2.0]),
        slack=np.array([9.0, 9.0]),
        scarcity_without=np.zeros((2, 1)),
        accounts=["small accounts"],
    )
    for found in (
        collar.constant(scenarios, 1.0, BOUNDS),
        collar.by_state(scenarios, 1.0, BOUNDS),
        collar.conditional_value_at_risk(scenarios, 1.0, BOUNDS, 0.9),
        collar.robust(scenarios, 1.0, BOUNDS, 0.1),
        collar.chance(scenarios, 1.0, BOUNDS, 0.9),
    ):
        assert found.penalty is None, found.kind
        assert found.reason


def document(**design: Any) -> dict[str, Any]:
    return {
        "mechanism": "overage",
        "accounts": [
            {"account": "a", "entitlement": 10, "claim": 14},
            {"account": "b", "entitlement": 10, "claim": 8},
        ],
        "design": {
            "price": 1,
            "collar": [1, 3],
            "scenarios": [
                {"probability": "1/3", "overage": 4, "slack": 2},
                {"probability": "2/3", "overage": 8, "slack": 1},
            ],
        }
        | design,
    }


def test_the_command_reports_every_design() -> None:
    outcome = mechopt.design(document())
    table = outcome.tables["designs"]
    assert table["design"] == ["constant", "state_contingent", "cvar", "robust", "chance"]
    assert table["feasible"] == [True] * 5
    # E[scarcity] = (1/3)(1/2) + (2/3)(7/8) = 3/4, so the constant penalty is 1 / (3/4).
    assert table["penalty_low"][0] == pytest.approx(4 / 3)
    assert outcome.summary["expected_scarcity"] == pytest.approx(3 / 4)
    assert outcome.guarantee.kind in ("certified", "bounded")


def test_a_large_account_needs_a_higher_penalty() -> None:
    rows = [
        {"probability": "1/3", "overage": 4, "slack": 2, "own": 1},
        {"probability": "2/3", "overage": 8, "slack": 1, "own": 6},
    ]
    small, large = mechopt.design(document()), mechopt.design(document(scenarios=rows))
    assert large.tables["designs"]["penalty_low"][0] > small.tables["designs"]["penalty_low"][0]


@pytest.mark.parametrize(
    "more",
    [
        {"rule": "talmud"},
        {"pools": [{"account": "a", "pool": "p"}, {"account": "b", "pool": "p"}],
         "edges": [{"pool": "p", "account": "a"}]},
    ],
)  # fmt: skip
def test_the_collar_of_another_mechanism_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InstanceError, match="the collar"):
        mechopt.design(document() | more)


def test_drawn_scenarios_repeat_and_change_with_the_seed() -> None:
    drawn = {"scenarios": None, "claims": {"family": "uniform", "low": "1/2", "high": "3/2"}, "draws": 50}
    first, again, other = (mechopt.design(document(**drawn), seed=s) for s in (1, 1, 2))
    assert first.summary == again.summary != other.summary
    assert first.summary["scenarios"] == 50


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"collar": [3, 1]}, ["design.collar", "above"]),
        ({"collar": [1]}, ["design.collar", "two numbers"]),
        ({"price": -1}, ["design.price", "at least 0"]),
        ({"level": 1.0}, ["design.level"]),
        ({"distance": -0.1}, ["design.distance"]),
        ({"scenarios": None}, ["design.scenarios", "either"]),
        ({"designs": ["best"]}, ["design.designs"]),
        ({"prise": 3}, ["prise", "did you mean price"]),
        ({"scenarios": [{"probability": "1/2", "overage": 1, "slack": 1}]}, ["add up to 1"]),
        ({"scenarios": [{"probability": 0, "overage": 1, "slack": 1}]}, ["above 0"]),
        ({"scenarios": [{"probability": 1, "overage": 1, "slack": -1}]}, ["slack", "at least 0"]),
        ({"scenarios": [{"probability": 1, "overage": 1, "slack": 1, "own": 2}]}, ["own", "at most"]),
        ({"scenarios": None, "claims": {"family": "uniform", "low": -1, "high": 1}}, ["design.claims", "below 0"]),
        ({"scenarios": None, "claims": {"family": "uniform"}, "draws": 0}, ["design.draws"]),
    ],
)
def test_bad_tables_are_named(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InstanceError) as caught:
        mechopt.design(document(**change))
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_tail_design_of_many_scenarios_has_a_bound_where_no_basis_is_certified() -> None:
    """Charges are bounded by the largest residual; without that bound a rounded dual bounds nothing."""
    outcome = mechopt.design("overage/cluster_quota")
    table = dict(zip(outcome.tables["designs"]["design"], outcome.tables["designs"]["feasible"], strict=True))
    assert table["cvar"]
    assert outcome.guarantee.kind in ("certified", "bounded")
    assert outcome.guarantee.error < 1e-6


@given(
    weight=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    overage=st.lists(st.integers(1, 20), min_size=5, max_size=5),
    slack=st.lists(st.integers(0, 20), min_size=5, max_size=5),
    upper=st.integers(1, 120),
)
@settings(max_examples=100, deadline=None)
def test_an_upper_end_that_is_just_enough_is_enough(
    weight: list[int], overage: list[int], slack: list[int], upper: int
) -> None:
    """The price is the upper end times expected scarcity, exactly: rounding must not find every design infeasible."""
    mass = [Fraction(w, sum(weight)) for w in weight]
    expected = sum(p * Fraction(max(x - i, 0), x) for p, x, i in zip(mass, overage, slack, strict=False))
    rows = [{"probability": str(p), "overage": x, "slack": i} for p, x, i in zip(mass, overage, slack, strict=False)]
    outcome = mechopt.design(
        {
            "mechanism": "overage",
            "accounts": [{"account": "a", "entitlement": 1, "claim": 2}],
            "design": {"price": str(upper * expected), "collar": [0, upper], "scenarios": rows, "distance": 0},
        }
    )
    found = dict(zip(outcome.tables["designs"]["design"], outcome.tables["designs"]["penalty_high"], strict=True))
    assert found["constant"] == pytest.approx(upper if expected else 0)
    assert found["robust"] == pytest.approx(upper if expected else 0)
    assert abs(outcome.tables["designs"]["margin"][0]) <= 1e-12 * upper
