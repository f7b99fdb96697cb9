"""Rounds and equilibria: transfers from the definitions, every deviation by brute force, the paper's failures."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api, instance
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.collusion import extraction_drift
from mechopt.mechanisms.borrowing.comparison import shift_drift
from mechopt.mechanisms.borrowing.document import from_document
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.equilibrium import (
    Game,
    ex_post_nash,
    extraction_reports,
    game,
    shift_reports,
    swap_reports,
)  # fmt: skip
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.transfers import allocate, one_stage, payoffs, rule, worth

Read = Callable[..., Environment]
Paper = Callable[..., dict[str, Any]]
F = Fraction
COEFFICIENTS = st.lists(st.integers(-3, 3), min_size=1, max_size=3)
GRIDS = [F(0), F(1, 4), F(1, 2), F(1)]


def values(first: list[int], second: list[int]) -> dict[str, Any]:
    return {name: {"kind": "polynomial", "coefficients": c} for name, c in (("f", first), ("g", second))}


def test_the_tie_is_a_lottery_paid_at_its_expectation(paper: Paper) -> None:
    rounds = {"value_1": ["f", "f"], "time_1": ["1/2", "1/4"], "value_2": ["f", "g"], "time_2": ["1/2", "1/2"]}
    table = api.solve(paper(rounds=rounds)).tables["rounds"]
    assert table["first"] == ["lottery", 1]
    # Each second-stage report is the lottery's (1/2 + 0)/2; h = -25/96.
    assert table["transfer_1"][0] == F(1, 4) - F(25, 96)
    assert table["transfer_1"][1] == F(1, 2) - F(3, 8) - F(25, 96)
    assert table["transfer_2"][1] == F(3, 4) - F(25, 96)


@pytest.mark.parametrize("design", ["one_stage", "two_stage", "pivot", "minimum_variance"])
def test_every_design_settles_and_its_checks_hold(paper: Paper, design: str) -> None:
    rounds = [
        {"value_1": f, "time_1": t1, "value_2": g, "time_2": t2}
        for f, g in product("fg", repeat=2) for t1, t2 in (("1/3", "1/2"), ("1/2", "1/2"), (1, 0))
    ]  # fmt: skip
    outcome = api.check(paper(design=design, rounds=rounds))
    assert [finding.property for finding in outcome.checks if not finding.holds] == []
    sums = [a + b for a, b in zip(outcome.tables["rounds"]["transfer_1"], outcome.tables["rounds"]["transfer_2"],
                                  strict=True)]  # fmt: skip
    assert sums == list(outcome.tables["rounds"]["deficit"])
    if design == "one_stage":
        assert set(sums) == {F(0)}
    if design == "pivot":
        assert max(sums) <= 0


def test_the_pivot_promises_participation_and_no_deficit_at_every_type(paper: Paper) -> None:
    found = {f.property: f for f in api.check(paper(design="pivot")).checks}
    assert found["individual_rationality"].holds
    assert found["individual_rationality"].margin == 0  # on a tie of equal losses going second is as good
    assert found["no_deficit"].margin == F(1, 24)  # the least of min(L1, L2) on the grid: g at both smallest times
    charged = {f.property: f for f in api.check(paper(design="pivot", constant="-1/4")).checks}
    assert charged["individual_rationality"].margin == -F(1, 4)
    assert not charged["individual_rationality"].holds


@pytest.mark.parametrize("arithmetic", ["exact", "float"])
def test_large_values_are_checked_at_their_own_scale(paper: Paper, arithmetic: str) -> None:
    values = {"f": {"kind": "polynomial", "coefficients": ["10000000/3", "-7000000/3"]}}
    agents = [{"beliefs": {"f": 1}, "time": {"family": "uniform"}}] * 2
    rounds = [{"value_1": "f", "time_1": "1/7", "value_2": "f", "time_2": "1/11"}]
    checks = api.check(paper(values=values, agents=agents, rounds=rounds, arithmetic=arithmetic)).checks
    assert [f.property for f in checks if not f.holds] == []
    transfers = next(f for f in checks if f.property == "transfers")
    assert transfers.tolerance == 0 if arithmetic == "exact" else 0 < transfers.tolerance < 1e-3


def test_checks_fail_where_a_result_was_tampered_with(paper: Paper) -> None:
    from dataclasses import replace

    rounds = [{"value_1": "f", "time_1": "1/4", "value_2": "g", "time_2": "1/2"}]
    model = api.load(paper(rounds=rounds, constant="-43/216"))
    outcome = api.check(model)
    assert [f.property for f in outcome.checks if not f.holds] == ["budget_balance"]  # Lemma 1's constant loses money
    assert outcome.checks[-1].margin == -F(53, 432)
    from mechopt.mechanisms.borrowing.checks import check

    table = {**outcome.tables["rounds"], "first": [2], "utility_1": [F(0)]}
    wrong = replace(outcome, tables={**outcome.tables, "rounds": table})
    assert {"efficiency", "transfers"} <= {f.property for f in check(model.environment, wrong) if not f.holds}


def test_misreports_change_the_order_and_a_payoff_report_the_other_transfer(paper: Paper) -> None:
    honest = {"value_1": "f", "time_1": "1/4", "value_2": "g", "time_2": "1/2"}
    lying = {**honest, "report_time_1": 1, "report_value_1": "g", "report_payoff_2": "1/8"}
    table = api.solve(paper(rounds=[lying])).tables["rounds"]
    assert table["first"] == [2]
    assert table["transfer_1"][0] == F(1, 8) - F(25, 96)
    assert table["transfer_2"][0] == F(1, 4) - F(25, 96)  # the truth about being second at 3/4


def test_one_stage_shares_and_fine() -> None:
    payoff = (F(1, 2), F(1, 3))
    assert one_stage(payoff) == (-F(1, 2), F(1, 2))  # eq. (4.2)
    shared = one_stage(payoff, (F(1, 4), F(3, 4)))
    assert sum(shared) == 0
    assert shared[0] + payoff[0] == F(1, 4) * sum(payoff)
    assert one_stage(payoff, (), F(3), (True, False)) == (-F(1, 2) - 3, F(1, 2) + 3)


def brute(environment: Environment, found: Game, fixed: bool, shares: tuple[Fraction, Fraction] | None) -> Fraction:
    """The least loss from any deviation, from utilities written out."""
    least = None
    for (v1, t1), (v2, t2) in product(*found.types):
        truth = [(v1, t1), (v2, t2)]
        for agent in (0, 1):
            for lie in found.types[agent]:
                if fixed and lie[0] != truth[agent][0]:
                    continue
                said = [lie if a == agent else truth[a] for a in (0, 1)]
                utilities = []
                for report in (truth, said):
                    reported = (environment.values[report[0][0]], environment.values[report[1][0]])
                    share = allocate(*worth(*reported, report[0][1], report[1][1]))
                    u = payoffs(share, *worth(environment.values[v1], environment.values[v2], t1, t2))
                    utilities.append(shares[agent] * sum(u) if shares else sum(u))
                loss = utilities[0] - utilities[1]
                least = loss if least is None or loss < least else least
    assert least is not None
    return F(least)


@settings(max_examples=25, deadline=None)
@given(COEFFICIENTS, COEFFICIENTS, st.booleans(), st.booleans())
def test_deviations_by_outcomes_equal_all_deviations(
    first: list[int], second: list[int], fixed: bool, known: bool
) -> None:
    data = {"mechanism": "borrowing", "values": values(first, second),
            "agents": [{"beliefs": {"f": "1/2", "g": "1/2"}, "time": {"family": "uniform"}}] * 2}  # fmt: skip
    environment = from_document(instance.read_document(data))
    found = game(environment, times=GRIDS[1:])
    shares = (F(1, 3), F(2, 3)) if known else None
    finding = ex_post_nash(found, scope="fixed" if fixed else "all", shares=shares)
    assert finding.holds
    assert finding.margin == brute(environment, found, fixed, shares)


@pytest.mark.parametrize(
    "shares", [(F(1, 3), F(2, 3)), (F(-1, 6), F(7, 6)), (F(1123456789, 10**9), F(-123456789, 10**9))]
)
def test_deviations_under_shares_are_measured_in_units_of_value(read: Read, shares: tuple[F, F]) -> None:
    """An agent with a share below zero gains by the worse order; numerators times values leave 64 bits in the last."""
    values = {"f": {"kind": "polynomial", "coefficients": ["0.12345678901", "-1/2"]}}
    times = {"family": "discrete", "points": ["0.12345", "9/10"], "probs": ["1/2", "1/2"]}
    environment = read(values=values, agents=[{"beliefs": {"f": 1}, "time": times}] * 2)
    found = game(environment)
    finding = ex_post_nash(found, scope="fixed", shares=shares)
    assert finding.margin == brute(environment, found, True, shares)
    assert finding.holds == (min(shares) >= 0)


def test_definition_6_read_literally_fails(read: Read) -> None:
    """u_j held fixed under i's deviation: at v = 1 - t, t = (4/5, 1/5) a lie gains; the repaired reading holds."""
    found = game(read(agents=[{"beliefs": {"f": 1}, "time": {"family": "uniform"}}] * 2), times=["1/10", "1/5", "4/5"])
    assert ex_post_nash(found, scope="all").holds
    literal = ex_post_nash(found, scope="all", reading="literal")
    assert not literal.holds
    assert literal.witness is not None


@settings(max_examples=25, deadline=None)
@given(COEFFICIENTS, COEFFICIENTS, st.integers(-4, 4), st.integers(-4, 4))
def test_shift_swap_and_extraction_are_equilibria(first: list[int], second: list[int], c1: int, c2: int) -> None:
    data = {"mechanism": "borrowing", "values": values(first, second),
            "agents": [{"beliefs": {"f": "1/2", "g": "1/2"}, "time": {"family": "uniform"}}] * 2}  # fmt: skip
    environment = from_document(instance.read_document(data))
    found = game(environment, times=GRIDS)
    top = max(max(abs(x) for x in environment.values[name].bounds(F(0), F(2))) for name in "fg")
    for reported in (shift_reports(found, (c1, c2)), swap_reports(found), extraction_reports(found, top)):
        assert ex_post_nash(found, scope="all", reported=reported).holds
    # A shift that the realised order can move is none: pay agent 2 for going first.
    tempting = shift_reports(found, (0, 0))
    bent = {**tempting[0], 1: tempting[0][1] - 2 * int(10 * top / found.unit + 1)}
    signs = set(found.sign.ravel().tolist())
    if signs == {-1, 0, 1}:
        assert not ex_post_nash(found, scope="all", reported=(bent, tempting[1])).holds


def test_proposition_2_fails_for_fixed_values(read: Read) -> None:
    """v1 = 1 - t, v2 = 0: m2(t) = (1 + t)/2 is an equilibrium, but at t2 = 0, a tie, agent 1 goes first."""
    data = {"f": {"kind": "polynomial", "coefficients": [1, -1]}, "z": {"kind": "polynomial", "coefficients": [0]}}
    agents = [{"beliefs": {name: 1}, "time": {"family": "uniform"}} for name in "fz"]
    found = game(read(values=data, agents=agents), times=[F(k, 4) for k in range(5)])
    lie = [2, 2, 3, 3, 4]  # reports that round (1 + t)/2 to the grid
    finding = ex_post_nash(found, scope="fixed", strategies=(list(range(5)), lie), shares=(F(0), F(1)))
    assert finding.holds
    assert found.sign[2, 0] == 0  # the truth is a tie there ...
    assert found.sign[2, lie[0]] == 1  # ... and the reports are not


def test_collusion_pays_in_the_papers_example(read: Read) -> None:
    found = Expectations(read())
    assert shift_drift(found).value == F(5, 4)
    assert extraction_drift(found).value == F(71, 48)


def test_the_pivot_and_minimum_variance_charges(read: Read) -> None:
    environment = read()
    found = Expectations(environment)
    f = environment.values["f"]
    assert rule(environment, found, "pivot").charge(0, f, F(1, 4)) == -F(3, 4)
    # E[W* | 2 has f, t] = f(t) + 3/8 - m_f(t) with m_f = 3t/4 - 5t^2/16, agent 1's mean value being 3/8.
    t = F(1, 3)
    assert rule(environment, found, "minimum_variance").charge(0, f, t) == -(
        1 - t + F(3, 8) - 3 * t / 4 + 5 * t * t / 16
    )
    with pytest.raises(InstanceError, match="balanced"):
        rule(environment, found, "balanced")
