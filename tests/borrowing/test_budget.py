"""The budget over rounds: formulas against simulation and against a lattice walk, alarms, feedback, pictures."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import random_walk as walk
from mechopt.mechanisms.borrowing.budget import limits, moments
from mechopt.mechanisms.borrowing.budget_plots import simulate_pictures
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.paths import deficits, draw

Read = Callable[..., Environment]
Paper = Callable[..., dict[str, Any]]
F = Fraction
VARIANCE = 545 / 2304


def test_the_papers_constant_ruins_the_manager() -> None:
    """With h = -43/216 (Lemma 1) the budget drifts by 53/432 a round: a deficit after 100 rounds is all but certain."""
    assert walk.exceedance(53 / 432, VARIANCE, 100, 0.0) == pytest.approx(0.9942, abs=1e-4)
    assert walk.exceedance(0.0, VARIANCE, 100, 0.0) == 0.5


def test_reserves_by_every_formula() -> None:
    """R = 100, 5 %: reflection 9.53, corrected 9.25, Hoeffding 36.7 for a range of 3."""
    assert walk.reserve_for(0.0, VARIANCE, 100, 0.05, corrected=False) == pytest.approx(9.5325, abs=1e-3)
    assert walk.reserve_for(0.0, VARIANCE, 100, 0.05) == pytest.approx(9.2491, abs=1e-3)
    assert walk.proven_reserve(0.0, 3.0, 100, 0.05) == pytest.approx(36.7, abs=0.05)
    assert walk.reserve_for(-1.0, 0.25, 100, 0.05) < walk.reserve_for(0.0, 0.25, 100, 0.05)
    with pytest.raises(InstanceError, match="between 0 and 1"):
        walk.reserve_for(0.0, 1.0, 10, 0.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 200), st.floats(0.3, 2.5), st.floats(-0.05, 0.05))
def test_ruin_of_a_gaussian_walk(rounds: int, barrier: float, drift: float) -> None:
    """Siegmund's correction is close to the simulated first passage of a normal walk."""
    generator = np.random.default_rng(rounds)
    reserve = barrier * sqrt(rounds)
    paths = np.cumsum(drift + generator.standard_normal((4000, rounds)), axis=1)
    ruined = float((paths.max(axis=1) > reserve).mean())
    assert walk.ruin(drift, 1.0, rounds, reserve) == pytest.approx(ruined, abs=0.035)


def test_reflection_is_exact_for_a_simple_walk() -> None:
    """P(max >= b) = P(S >= b) + P(S > b) for steps of +-1; the uncorrected formula is its normal limit."""
    rounds, barrier = 400, 30
    tail = sum(comb(rounds, k) for k in range(rounds + 1) if 2 * k - rounds >= barrier)
    beyond = sum(comb(rounds, k) for k in range(rounds + 1) if 2 * k - rounds > barrier)
    exactly = (tail + beyond) / 2**rounds
    assert walk.ruin(0.0, 1.0, rounds, barrier, corrected=False) == pytest.approx(exactly, abs=0.01)


@pytest.mark.parametrize("design", ["two_stage", "pivot", "minimum_variance"])
def test_simulated_rounds_have_the_beliefs_moments_and_stay_within_limits(read: Read, design: str) -> None:
    environment = read(design=design)
    found = Expectations(environment)
    generator = np.random.default_rng(11)
    which, times = draw(environment, generator, 60_000)
    sample = deficits(environment, found, which, times)
    assert sample.var() == pytest.approx(float(moments(found, design)[0].value), rel=0.03)
    low, high = limits(found, design)
    assert low <= sample.min()
    assert sample.max() <= high
    if design == "two_stage":
        assert (low, high) == (-1, 2)


def test_simulate_agrees_with_itself_and_with_the_formulas(paper: Paper) -> None:
    document = paper(simulate={"rounds": 60, "replications": 3000})
    outcome = api.simulate(document, seed=4)
    again = api.simulate(document, seed=4)
    assert outcome.summary == again.summary
    summary = outcome.summary
    assert summary["mean"] == 0
    assert summary["variance_simulated"] == pytest.approx(VARIANCE, rel=0.02)
    assert summary["band_coverage_simulated"] == pytest.approx(0.95, abs=0.02)
    assert summary["ruin_probability"] == pytest.approx(0.05, abs=1e-9)
    assert summary["ruin_probability_simulated"] == pytest.approx(0.05, abs=0.02)
    assert summary["reserve_simulated"] <= outcome.tables["reserve"]["proven"][-1]
    pictures = simulate_pictures(api.load(document).environment, outcome)
    assert [picture.title for picture in pictures] == [
        "The budget over the rounds",
        "The reserve for a number of rounds",
    ]


DEADLINE = {"f": {"kind": "pieces", "breaks": ["4/5"], "polynomials": [[1], ["1/5"]]},
            "g": {"kind": "pieces", "breaks": ["4/5"], "polynomials": [["7/10"], ["-1/10"]]}}  # fmt: skip


@pytest.mark.parametrize("strategy", ["truth", "shift", "extraction"])
def test_sums_of_times_meet_a_deadline_as_they_do_in_fractions(paper: Paper, strategy: str) -> None:
    """1/10 + 7/10 is late at 4/5, though floats fall short of it; both agents lose 4/5 by being second, or nothing."""
    times = {"family": "discrete", "points": ["1/10", "7/10"], "probs": ["1/2", "1/2"]}
    agents = [{"beliefs": {name: 1}, "time": times} for name in "fg"]
    document = paper(values=DEADLINE, agents=agents)
    outcome = api.simulate({**document, "simulate": {"rounds": 10, "replications": 3000, "strategy": strategy}}, seed=1)
    summary = outcome.summary
    figures = api.solve(document).tables["collusion"]
    drift = dict(zip(figures["figure"], figures["value"], strict=True)).get(f"{strategy}, a round", 0)
    assert abs(summary["mean_simulated"] - float(drift)) < 6 * (summary["variance_simulated"] / 30_000) ** 0.5
    if strategy == "truth":
        assert summary["variance_simulated"] == pytest.approx(summary["variance"], rel=0.05)


def test_collusion_sets_off_the_alarm(paper: Paper) -> None:
    """The shift drifts by 5/4 a round, the extraction by 71/48; both pass the threshold that the truth keeps to."""
    for strategy, drift in (("shift", 5 / 4), ("extraction", 71 / 48)):
        table = {"rounds": 40, "replications": 500, "strategy": strategy}
        outcome = api.simulate(paper(simulate=table), seed=2)
        assert outcome.summary["mean_simulated"] == pytest.approx(drift, abs=0.03)
        assert outcome.summary["ruin_probability_simulated"] == 1
    truth = api.simulate(paper(simulate={"rounds": 40, "replications": 500}), seed=2)
    assert truth.summary["alarm_threshold"] < outcome.summary["alarm_threshold"] / 2


def test_feedback_bounds_the_variance_for_good(paper: Paper) -> None:
    table = {"rounds": 50, "replications": 4000, "feedback": "1/2"}
    summary = api.simulate(paper(simulate=table), seed=3).summary
    assert summary["stationary_variance"] == pytest.approx(VARIANCE / 0.75)
    assert summary["budget_variance_simulated"] == pytest.approx(VARIANCE / 0.75, rel=0.08)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"simulate": {"rounds": 0}}, "simulate.rounds"),
        ({"simulate": {"replications": 1}}, "simulate.replications"),
        ({"simulate": {"level": 2}}, "simulate.level"),
        ({"simulate": {"reserve": -1}}, "simulate.reserve"),
        ({"simulate": {"feedback": 2}}, "simulate.feedback"),
        ({"simulate": {"strategy": "bluff"}}, "simulate.strategy"),
        ({"simulate": {"round": 3}}, "unknown key 'round'"),
        ({"simulate": {"rounds": 10**9}}, "at most"),
        ({"simulate": {}, "design": "one_stage"}, "nothing to simulate"),
    ],
)
def test_a_wrong_simulation_is_refused(paper: Paper, changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        api.simulate(paper(**changes))
