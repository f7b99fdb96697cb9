"""The manager's budget for queues whose types she does not know: against enumeration of every type and every order."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations, product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api, instance
from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.borrowing import cases as many
from mechopt.mechanisms.borrowing.document import from_document
from mechopt.mechanisms.borrowing.order_budget import Budget, OrderBudget

F = Fraction
VALUES: dict[str, Any] = {
    "line": {"kind": "polynomial", "coefficients": [9, -1]},
    "steep": {"kind": "polynomial", "coefficients": [12, -3]},
    "bent": {"kind": "polynomial", "coefficients": [8, 0, "-1/8"]},
    "step": {"kind": "pieces", "breaks": [3], "polynomials": [[7], [1]]},
}


def queue(beliefs: list[dict[str, Any]], release: bool = False, **changes: Any) -> dict[str, Any]:
    """A document whose jobs have the first type of their beliefs."""
    jobs = [
        {"name": f"job {k}", "value": next(iter(b["beliefs"])), "duration": b["time"]["points"][0],
         "release": k if release else 1}
        for k, b in enumerate(beliefs)
    ]  # fmt: skip
    named = [{"job": f"job {k}", **b} for k, b in enumerate(beliefs)]
    return {"mechanism": "borrowing", "arithmetic": "exact", "design": "two_stage", "values": VALUES,
            "sequence": {"jobs": jobs, "beliefs": named}, **changes}  # fmt: skip


@st.composite
def beliefs(draw: st.DrawFn, names: tuple[str, ...] = tuple(VALUES), most: int = 3) -> list[dict[str, Any]]:
    found = []
    for _ in range(draw(st.integers(1, most))):
        kinds = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        points = sorted(draw(st.sets(st.integers(0, 3), min_size=1, max_size=2)))
        share, chance = F(draw(st.integers(1, 3)), 4), F(draw(st.integers(1, 2)), 3)
        found.append({
            "beliefs": dict(zip(kinds, [share, 1 - share] if len(kinds) > 1 else [F(1)], strict=True)),
            "time": {"family": "discrete", "points": points, "probs": [chance, 1 - chance][: len(points)]
                     if len(points) > 1 else [1]},
        })  # fmt: skip
    return found


def best(types: list[tuple[str, Fraction]], release: list[Fraction]) -> Fraction:
    """W* over every order, straight from the definition."""
    functions = from_document(instance.read_document(queue([ONE]))).values
    found = []
    for order in permutations(range(len(types))):
        clock, worth = min(release, default=F(0)), F(0)
        for j in order:
            clock = max(clock, release[j]) + types[j][1]
            worth += functions[types[j][0]].at(clock)
        found.append(worth)
    return max(found)


ONE: dict[str, Any] = {"beliefs": {"line": 1}, "time": {"family": "discrete", "points": [1], "probs": [1]}}


def enumerate_budgets(given_: list[dict[str, Any]], releases: list[Fraction]) -> dict[str, tuple[Fraction, Fraction]]:
    """(mean, variance) of the sums of transfers, and the variance of W*'s n-way part, by every type and every order."""
    count = len(given_)
    types = [
        [(name, F(t), F(p) * F(q)) for name, p in b["beliefs"].items()
         for t, q in zip(b["time"]["points"], b["time"]["probs"], strict=True)]
        for b in given_
    ]  # fmt: skip
    chance: list[Fraction] = []
    sums: dict[str, list[Fraction]] = {"two_stage": [], "pivot": []}
    welfare: dict[tuple[int, ...], Fraction] = {}
    for at in product(*(range(len(kinds)) for kinds in types)):
        here = [types[k][place] for k, place in enumerate(at)]
        chance.append(prod((p for _, _, p in here), start=F(1)))
        whole = best([(name, t) for name, t, _ in here], releases)
        rest = [
            best([(n, t) for j, (n, t, _) in enumerate(here) if j != k], [r for j, r in enumerate(releases) if j != k])
            if count > 1 else F(0)
            for k in range(count)
        ]  # fmt: skip
        welfare[at] = whole
        sums["two_stage"].append((count - 1) * whole)
        sums["pivot"].append((count - 1) * whole - sum(rest))
    found = {}
    for design, values in sums.items():
        mean = sum((c * v for c, v in zip(chance, values, strict=True)), F(0))
        found[design] = mean, sum((c * (v - mean) ** 2 for c, v in zip(chance, values, strict=True)), F(0))
    left = dict(welfare)
    for k in range(count):  # less its mean over the type of one job after the other
        left = {
            at: value
            - sum((p * left[(*at[:k], other, *at[k + 1 :])] for other, (_, _, p) in enumerate(types[k])), F(0))
            for at, value in left.items()
        }
    second = sum((c * left[at] ** 2 for c, at in zip(chance, welfare, strict=True)), F(0))
    return {**found, "minimum_variance": (F(0), (count - 1) ** 2 * second)}


def budgets(document: dict[str, Any]) -> dict[str, Budget]:
    return {budget.design: budget for budget in OrderBudget(from_document(instance.read_document(document))).all}


@settings(max_examples=40, deadline=None)
@given(beliefs())
def test_moments_of_every_design_equal_enumeration(given_: list[dict[str, Any]]) -> None:
    found = budgets(queue(given_))
    for design, (mean, variance) in enumerate_budgets(given_, [F(1)] * len(given_)).items():
        assert (found[design].mean.value, found[design].variance.value) == (mean, variance)
        assert variance <= found[design].bound
    assert found["minimum_variance"].variance.value <= found["two_stage"].variance.value


@settings(max_examples=10, deadline=None)
@given(beliefs())
def test_queues_with_releases_are_solved_case_by_case(given_: list[dict[str, Any]]) -> None:
    found = budgets(queue(given_, release=True))
    for design, (mean, variance) in enumerate_budgets(given_, [F(k) for k in range(len(given_))]).items():
        assert (found[design].mean.value, found[design].variance.value) == (mean, variance)


@settings(max_examples=15, deadline=None)
@given(beliefs(names=("line", "steep"), most=4))
def test_affine_values_have_no_interaction_of_three_or_more(given_: list[dict[str, Any]]) -> None:
    """So the balanced rule exists: the least variance is 0."""
    found = budgets(queue(given_))
    assert ("balanced" in found) == (len(given_) >= 3)
    if len(given_) >= 3:
        assert found["minimum_variance"].variance.value == 0


def _times(points: list[int], probs: list[str]) -> dict[str, Any]:
    return {"family": "discrete", "points": points, "probs": probs}


TWO: list[dict[str, Any]] = [
    {"beliefs": {"bent": "1/2", "step": "1/2"}, "time": _times([1, 2], ["1/2", "1/2"])},
    {"beliefs": {"steep": "1/4", "step": "3/4"}, "time": _times([2, 3], ["1/3", "2/3"])},
    {"beliefs": {"line": 1}, "time": _times([1, 3], ["1/2", "1/2"])},
]


@pytest.mark.parametrize("design", ["two_stage", "pivot", "minimum_variance"])
def test_balanced_constants_give_an_expected_sum_of_zero_at_the_transfers_themselves(design: str) -> None:
    """The document is solved for every combination of types: transfers' mean and variance are those announced."""
    types = [
        [(name, F(t), F(p) * F(q)) for name, p in b["beliefs"].items()
         for t, q in zip(b["time"]["points"], b["time"]["probs"], strict=True)]
        for b in TWO
    ]  # fmt: skip
    mean = second = F(0)
    announced = set()
    for here in product(*types):
        document = queue(TWO, design=design, constant="balanced")
        for job, (name, time, _) in zip(document["sequence"]["jobs"], here, strict=True):
            job.update(value=name, duration=time)
        outcome = api.solve(document)
        chance = prod((p for _, _, p in here), start=F(1))
        total = sum(outcome.tables["order"]["transfer"], F(0))
        mean, second = mean + chance * total, second + chance * total**2
        announced.add((outcome.summary["budget_mean"], outcome.summary["budget_variance"]))
        assert outcome.guarantee.kind == "exact"
    assert announced == {(mean, second)}
    assert mean == 0


def test_no_lie_pays_under_the_minimum_variance_design() -> None:
    """Each reports any of its types; utility at the truth of the order that the report leads to."""
    types = [[(name, F(t)) for name in b["beliefs"] for t in b["time"]["points"]] for b in TWO]
    functions = from_document(instance.read_document(queue(TWO))).values

    def settle(reports: tuple[tuple[str, Fraction], ...], truth: list[tuple[str, Fraction]], agent: int) -> Fraction:
        document = queue(TWO, design="minimum_variance")
        for job, (name, time) in zip(document["sequence"]["jobs"], reports, strict=True):
            job.update(value=name, duration=time)
        table = api.solve(document).tables["order"]
        order = [int(name.split()[1]) for name in table["name"]]
        charge = table["utility"][order.index(agent)] - sum(table["value"], F(0))  # h_i, of the others' reports
        clock, payoffs = F(1), F(0)
        for j in order:
            clock += truth[j][1]
            payoffs += functions[truth[j][0]].at(clock)
        return payoffs + charge

    truth = [("step", F(2)), ("steep", F(3)), ("line", F(1))]
    for agent in range(3):
        honest = settle(tuple(truth), truth, agent)
        for lie in types[agent]:
            assert settle((*truth[:agent], lie, *truth[agent + 1 :]), truth, agent) <= honest


def test_checks_of_the_minimum_variance_design_hold_and_can_fail() -> None:
    from dataclasses import replace

    from mechopt.mechanisms.borrowing.checks import check

    model = api.load(queue(TWO, design="minimum_variance", constant="balanced"))
    outcome = api.solve(model)
    assert [f.property for f in check(model.environment, outcome) if not f.holds] == []
    table = outcome.tables["order"]
    wrong = {**table, "transfer": [table["transfer"][0] + F(1, 10**12), *table["transfer"][1:]]}
    assert "transfers" in {f.property for f in check(model.environment, replace(outcome, tables={"order": wrong}))
                           if not f.holds}  # fmt: skip


def test_simulated_budgets_are_near_the_exact_ones_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    exactly = budgets(queue(TWO))
    monkeypatch.setattr("mechopt.mechanisms.borrowing.order_types.LARGEST_COMBINATIONS", 1)
    found = budgets(queue(TWO))
    for design in ("two_stage", "pivot", "minimum_variance"):
        simulated, known = found[design], exactly[design]
        assert not simulated.variance.proven
        assert simulated.variance.error > 0
        assert abs(simulated.variance.value - float(known.variance.value)) < 5 * simulated.variance.error
        assert abs(simulated.mean.value - float(known.mean.value)) <= 5 * simulated.mean.error
    outcome = api.solve(queue(TWO, seed=3))
    assert outcome.guarantee.kind == "approximate"
    assert "seed 3" in outcome.guarantee.detail
    assert outcome.summary["budget_variance_standard_error"] > 0


def test_drawn_durations_meet_a_deadline_as_they_do_in_fractions(monkeypatch: pytest.MonkeyPatch) -> None:
    """1/10 + 7/10 is late at 4/5, though floats fall short of it."""
    document = {
        "mechanism": "borrowing", "values": {"v": {"kind": "pieces", "breaks": ["4/5"], "polynomials": [[1], [0]]}},
        "sequence": {
            "jobs": [{"name": name, "value": "v", "duration": "1/10"} for name in "ab"],
            "beliefs": [{"job": name, "time": {"family": "discrete", "points": ["1/10", "7/10"],
                                               "probs": ["1/2", "1/2"]}} for name in "ab"],
        },
    }  # fmt: skip
    exactly = budgets(document)["two_stage"].mean.value
    assert exactly == F(5, 4)
    monkeypatch.setattr("mechopt.mechanisms.borrowing.order_types.LARGEST_COMBINATIONS", 1)
    drawn = budgets(document)["two_stage"].mean
    assert 0 < abs(drawn.value - float(exactly)) < 5 * drawn.error


def test_continuous_durations_are_simulated_and_repeatable() -> None:
    """Affine values with uniform durations: Var of 2 W* by its closed form, from draws of numpy alone."""
    uniform = {"family": "uniform", "low": 1, "high": 2}
    document = {**queue([ONE] * 3), "arithmetic": "float"}
    document["sequence"]["beliefs"] = [{"job": f"job {k}", "time": uniform} for k in range(3)]
    found = budgets(document)
    assert found["two_stage"].variance.value == budgets(document)["two_stage"].variance.value
    draws = np.random.default_rng(8).uniform(1, 2, (200_000, 3))
    ends = 1 + np.cumsum(np.sort(draws, axis=1), axis=1)
    reference = float(np.var(2 * (9 - ends).sum(axis=1)))
    assert abs(found["two_stage"].variance.value - reference) < 6 * found["two_stage"].variance.error
    assert found["minimum_variance"].variance.value == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**31))
def test_affine_welfare_by_pairs_equals_the_program_over_sets(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    known = [ONE] * count
    environment = from_document(instance.read_document(queue(known)))
    types = OrderBudget(environment).types
    functions = tuple(environment.values[name] for name in ("line", "steep"))
    drawn = many.Cases(problem=types.problem, functions=functions, which=generator.integers(0, 2, (count, 50)),
                       duration=generator.integers(0, 3, (count, 50)).astype(float), step=None)  # fmt: skip
    one, two = many.by_pairs(drawn), many.by_sets(drawn)
    assert np.allclose(one.all_jobs, two.all_jobs)
    assert np.allclose(one.without, two.without)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([{"job": "nobody"}], "none of the jobs"),
        ([{"job": "job 0"}, {"job": "job 0"}], "twice"),
        ([{"job": "job 0", "beliefs": {"line": "1/2"}}], "sum to 0.5, not 1"),
        ([{"job": "job 0", "beliefs": {"other": 1}}], "not in values"),
        ([{"job": "job 0", "hours": 1}], "unknown key"),
        ([{"beliefs": {"line": 1}}], "job is missing"),
        ([{"job": "job 0", "time": {"family": "uniform", "low": -1, "high": 1}}], "at least 0"),
        ([{"job": "job 0", "time": {"family": "normal"}}], "family"),
        ({"job": "job 0"}, "array"),
    ],
)
def test_wrong_beliefs_are_refused_by_name(change: Any, words: str) -> None:
    document = queue([ONE] * 2)
    document["sequence"]["beliefs"] = change
    with pytest.raises(InstanceError, match=words) as caught:
        api.solve(document)
    assert "sequence.beliefs" in str(caught.value)


def test_values_that_floats_do_not_hold_are_refused() -> None:
    document = queue([ONE] * 2)
    document["values"] = {"line": {"kind": "polynomial", "coefficients": [0, "1e200"]}}
    uniform = {"family": "uniform", "low": 1, "high": 2}
    document["sequence"]["beliefs"] = [{"job": f"job {k}", "time": uniform} for k in range(2)]
    with pytest.raises(SolveError, match="too large"):
        api.solve(document)


def test_a_type_that_was_not_thought_possible_is_refused() -> None:
    document = queue(TWO, design="minimum_variance")
    document["sequence"]["jobs"][0]["duration"] = 3
    with pytest.raises(InstanceError, match="none of the types"):
        api.solve(document)
