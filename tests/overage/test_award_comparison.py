"""Claims rules side by side: paths, schedules, indices, Lorenz curves, and their pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.mechanisms.overage import (
    AWARD_RULES,
    award,
    compare_rules,
    deviation_index,
    gini_index,
    lorenz_curve,
    lorenz_picture,
    path_of_awards,
    path_picture,
    schedule_of_awards,
    schedule_picture,
)
from mechopt.mechanisms.overage.awards.plots import claims_pictures


def test_paths_schedules_and_indices() -> None:
    claims = np.array([100.0, 200.0, 300.0])
    estates, awards = path_of_awards("talmud", claims, points=13)
    assert np.allclose(awards.sum(axis=1), estates)
    schedule = schedule_of_awards("constrained_equal_awards", 300.0, claims, 0, [0, 50, 100, 400])
    assert np.allclose(schedule, [0, 50, 100, 100])
    assert np.allclose(lorenz_curve(np.array([1.0, 3.0])), [0, 0.25, 1])
    assert gini_index(np.array([1.0, 1.0, 1.0])) == pytest.approx(0)
    assert gini_index(np.array([0.0, 0.0, 1.0])) == pytest.approx(2 / 3)
    for estate in (60.0, 300.0, 500.0):
        assert deviation_index(award("proportional", estate, claims), claims) == pytest.approx(0, abs=1e-15)
        assert deviation_index(award("constrained_equal_awards", estate, claims), claims) < 0
        assert deviation_index(award("constrained_equal_losses", estate, claims), claims) > 0


@given(claims=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), name=st.sampled_from(sorted(AWARD_RULES)))
@settings(max_examples=60, deadline=None)
def test_a_path_ends_at_the_claims_however_their_total_is_rounded(claims: list[float], name: str) -> None:
    name = "talmud" if name in ("random_arrival", "average_of_awards") else name  # too many different totals
    estates, awards = path_of_awards(name, claims, points=3)
    assert np.allclose(awards[-1], claims, rtol=1e-12)
    assert np.allclose(schedule_of_awards(name, 2 * estates[-1], claims, 0, claims), claims, rtol=1e-12)


def test_pictures_of_claims_rules_draw_the_numbers_of_the_rules() -> None:
    claims = np.array([100.0, 200.0, 300.0])
    path = path_picture("talmud", claims, estate=200.0)
    assert path.numbers["estate"][-1] == 600
    assert path.numbers["3: claim 300"][-1] == 300
    schedule = schedule_picture("constrained_equal_awards", 300.0, claims, shown=[0], labels=["small"])
    assert list(schedule.numbers) == ["own claim", "1: small"]
    assert max(schedule.numbers["1: small"]) == pytest.approx(100)
    lorenz = lorenz_picture(200, claims)
    assert len(lorenz.numbers) == 1 + len(AWARD_RULES)
    assert lorenz.numbers["talmud"] == pytest.approx([0, 50 / 200, 125 / 200, 1])


@pytest.mark.parametrize("people", [1, 2, 9, 300])
def test_a_report_of_a_claims_rule_shows_paths_schedules_and_lorenz_curves(people: int) -> None:
    claims = np.random.default_rng(people).lognormal(2, 1, people)
    for rule, number in (("talmud", 3), ("random_arrival", 3 if people <= 8 else 1)):
        drawn = claims_pictures(rule, 0.4 * float(claims.sum()), claims, [f"a{k}" for k in range(people)])
        assert len(drawn) == (0 if people == 1 else number)
        assert all("<svg" in picture.svg for picture in drawn)


def test_equal_awards_lorenz_dominate_every_rule_and_losses_none() -> None:
    table = compare_rules(250, [100, 200, 300])
    dominated = dict(zip(table["rule"], table["dominates"], strict=True))
    assert set(dominated["constrained_equal_awards"].split(", ")) >= set(AWARD_RULES) - {
        "constrained_equal_awards", "alpha_min"
    }  # fmt: skip
    assert dominated["constrained_equal_losses"] == ""
    assert all(sum(table[str(k)][row] for k in (1, 2, 3)) == 250 for row in range(len(table["rule"])))
