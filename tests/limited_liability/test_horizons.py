"""Certified epsilon: constants against brute force, horizons against their definition, bounds against simulations."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import bounds, horizons
from mechopt.mechanisms.limited_liability.groups import gaps
from mechopt.mechanisms.limited_liability.paths import Paths, pick
from mechopt.mechanisms.limited_liability.rules import Rules


def rules(variant: Any = "baseline", agents: int = 2, **more: Any) -> Rules:
    return Rules(variant=variant, agents=agents, **more)


@pytest.mark.parametrize("agents", [1, 2, 3])
def test_the_step_constant_is_the_largest_squared_step(agents: int) -> None:
    """|dR|^2 is convex in mu, outputs and who pays: vertices give the maximum, n^3 + 1."""
    largest = 0.0
    shape = (agents + 1, agents)
    for bits in itertools.product((0.0, 1.0), repeat=shape[0] * shape[1]):
        outputs = np.array(bits).reshape(shape)
        found = gaps(outputs)
        for group in range(agents + 1):
            for pays in itertools.product((0.0, 1.0), repeat=agents):
                transfer = found.externality[group] - np.array(pays) * outputs[group]
                largest = max(largest, found.allocation[group] ** 2 + float((transfer**2).sum()))
    assert largest == agents**3 + 1 == bounds.step_constant(rules(agents=agents))


@pytest.mark.parametrize(("agents", "periods"), [(2, 25_600), (3, 73_801), (5, 301_399), (10, 2_147_000)])
def test_horizons_of_section_four(agents: int, periods: int) -> None:
    """The research notes' calibration, epsilon = 0.05, to three digits."""
    found = horizons.horizon(rules(agents=agents), 0.05)
    assert found == pytest.approx(periods, rel=1e-3)
    assert found == math.ceil(((2 * math.sqrt(agents**3 + 1) + agents) / 0.05) ** 2 - 1e-6)
    printed = horizons.horizon(rules(agents=agents), 0.05, printed=True)
    assert printed is not None
    assert printed > found


def test_the_discount_of_section_seven() -> None:
    for agents, rest in ((2, 1.25e-5), (3, 3.8e-6), (5, 8.6e-7), (10, 1.2e-7)):
        found = horizons.patience(rules("discounted", agents, discount="0.9"), 0.05)
        assert found is not None
        assert float(found) == pytest.approx(rest, rel=0.02)


@settings(max_examples=60, deadline=None)
@given(
    variant=st.sampled_from(["baseline", "consistent", "bounded_values", "exploration"]),
    agents=st.integers(1, 12),
    exponent=st.integers(12, 48),
    epsilon=st.floats(0.05, 3),
)
def test_the_horizon_is_the_first_that_certifies(variant: Any, agents: int, exponent: int, epsilon: float) -> None:
    chosen = rules(variant, agents, exploration_exponent=Fraction(exponent, 60))
    found = horizons.horizon(chosen, epsilon, value_floor=0.2)
    assert found is not None

    def certified(periods: int) -> float:
        return bounds.certified(chosen, periods, value_floor=0.2).epsilon

    assert certified(found) <= epsilon
    assert found == 1 or certified(found - 1) > epsilon
    later = [certified(found * factor) for factor in (1, 2, 5, 10)]
    assert later == sorted(later, reverse=True)


def test_a_gap_of_the_decisions_costs_twice_itself() -> None:
    for variant in ("baseline", "consistent", "exploration"):
        exact_bound = bounds.certified(rules(variant), 1000).epsilon
        assert bounds.certified(rules(variant), 1000, gap=0.01).epsilon == pytest.approx(exact_bound + 0.02)
    assert bounds.certified(rules("bounded_values"), 1000, value_floor=0.5, gap=0.01).trivial


def test_bounds_scale_with_the_largest_output() -> None:
    for variant in ("baseline", "consistent", "bounded_values", "exploration", "discounted"):
        chosen = rules(variant, 3, discount="0.99")
        one = bounds.certified(chosen, 500, value_floor=0.25).epsilon
        assert bounds.certified(chosen, 500, output_bound=8, value_floor=2).epsilon == pytest.approx(8 * one)


def test_the_unsafe_variant_has_no_bound_but_the_largest_output() -> None:
    assert bounds.certified(rules("strategic"), 10**9, output_bound=3).epsilon == 3
    assert horizons.horizon(rules("strategic"), 0.05) is None
    sealed = rules("strategic", counterfactuals="sealed")
    assert bounds.certified(sealed, 100).epsilon == bounds.certified(rules(), 100).epsilon


def test_dropping_regret_b_shortens_the_horizon() -> None:
    with_b = horizons.horizon(rules("bounded_values"), 0.05, value_floor=0.25)
    without = horizons.horizon(rules("bounded_values", use_regret_b=False), 0.05, value_floor=0.25)
    assert with_b == pytest.approx(250_000, rel=0.02)
    assert without == pytest.approx(67_600, rel=0.02)


def test_one_third_balances_the_rates_of_exploration() -> None:
    """max(1 - a, (1 + a)/2) is least at 1/3; constants move the best exponent a little at a finite horizon."""
    best = horizons.best_exponent(rules("exploration", 2), 0.01)
    assert abs(float(best) - 1 / 3) < 0.15
    slope = [
        math.log(bounds.certified(rules("exploration", 2), periods).epsilon) for periods in (10**12, 10**15)
    ]  # fmt: skip
    assert (slope[1] - slope[0]) / math.log(1000) == pytest.approx(-1 / 3, abs=0.01)


@pytest.mark.parametrize("payment", ["output", "debt"])
def test_estimated_regrets_stay_below_their_bounds(payment: Any) -> None:
    """E|R+| and E R_i^- of Appendix A.2 on paths where exploration costs much: one resource, two agents."""
    chosen = rules("exploration", 2, payment=payment)
    paths = Paths(chosen, 400)
    rng = np.random.default_rng(0)
    for period in range(1, 201):
        values = np.zeros((400, 2, 2))
        values[:, 0, 0], values[:, 1, 1] = rng.random(400), rng.random(400)
        proposal = paths.propose(values)
        group = pick(proposal.shares, rng.random(400))
        outputs = np.take_along_axis(values, proposal.decisions[:, None, :], axis=2).transpose(0, 2, 1)
        paths.settle(proposal, outputs, group)
        if period in (10, 50, 200):
            above, below = bounds.exploration_regrets(chosen, period)
            plus = np.maximum(np.column_stack([paths.allocation, paths.transfer]), 0)
            assert math.sqrt(float((plus**2).sum(axis=1).mean())) <= above
            assert float(np.maximum(-paths.transfer, 0).mean(axis=0).max()) <= below


def test_abel_summation_bounds_present_values() -> None:
    """P_T = (1 - d^2) sum d^s S_{T+s} - d S_{T-1}, hence sup P <= (1 + d) sup S+ + d sup S-; here for finite ends."""
    rng = np.random.default_rng(1)
    for discount in (0.5, 0.9, 0.99):
        steps = rng.uniform(-1, 1, 400)
        sums = np.zeros(401)
        for period, step in enumerate(steps):
            sums[period + 1] = discount * sums[period] + step
        far = np.concatenate([sums, discount ** np.arange(1, 5000) * sums[-1]])  # no steps after the end
        for start in range(400):
            present = float((discount ** np.arange(400 - start) * steps[start:]).sum())
            tail = far[start + 1 :]
            abel = (1 - discount**2) * float((discount ** np.arange(tail.size) * tail).sum()) - discount * sums[start]
            assert present == pytest.approx(abel, abs=1e-9)
            above, below = max(0.0, sums.max()), max(0.0, -sums.min())
            assert present <= (1 + discount) * above + discount * below + 1e-9


def document(**table: Any) -> dict[str, Any]:
    values = [[[0.5, 0.2], [0.1, 0.6]]]
    return {
        "mechanism": "limited_liability", "variant": "baseline", "values": values, "outputs": values, "design": table,
    }  # fmt: skip


def test_the_design_table() -> None:
    outcome = api.design(document(epsilon="0.1", estimate_periods=60, replications=4))
    table = outcome.tables["variants"]
    assert outcome.guarantee.kind == "proven"
    for place, variant in enumerate(table["variant"]):
        if variant == "strategic":
            assert table["horizon"][place] is None
            continue
        assert table["epsilon_certified"][place] <= 0.1
        assert (table["horizon"][place] is None) == (variant == "discounted")
        assert table["estimate_gain"][place] <= 0.1 + 3 * table["estimate_gain_error"][place]
    assert any("strategic" in line for line in outcome.warnings)
    sealed = api.design({**document(epsilon="0.1", variants=["strategic"]), "counterfactuals": "verified"})
    assert sealed.summary["shortest_horizon"] == horizons.horizon(rules(), 0.1)


@pytest.mark.parametrize(("variant", "said"), [("baseline", True), ("exploration", True), ("bounded_values", False)])
def test_an_epsilon_of_the_integer_ledger_says_what_it_leaves_out(variant: str, said: bool) -> None:
    """Rounded probabilities are not those of the proof; Appendix A.1 has none to round."""
    whole = {"mechanism": "limited_liability", "variant": variant, "values": [[[1, 0]]], "outputs": [[[1, 0]]]}
    for ledger in ("float", "integer"):
        detail = api.solve({**whole, "ledger": ledger}).provenance["epsilon"]["detail"]
        assert ("grid of 2^-32 not counted" in detail) is (said and ledger == "integer")


def test_a_wanted_epsilon_that_promises_nothing_is_named() -> None:
    asked = {"epsilon": "1", "variants": ["baseline"]}
    assert any("promises nothing" in line for line in api.design(document(**asked)).warnings)
    assert not api.design(document(**asked | {"epsilon": "0.99"})).warnings


@pytest.mark.parametrize("table", [{"epsilon": 0}, {"epsilon": "x"}, {"gap": -1}, {"variants": ["vcg"]}, {"eps": 1}])
def test_a_wrong_design_table_is_refused_by_key(table: dict[str, Any]) -> None:
    with pytest.raises(InstanceError, match="design"):
        api.design(document(**table))


def test_a_debt_payment_adds_half_an_agent_to_the_constant() -> None:
    assert bounds.step_constant(replace(rules(), payment="debt")) == 2**3 + 1 + 1
