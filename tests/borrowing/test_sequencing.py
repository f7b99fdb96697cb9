"""The order: dynamic programs, the mixed-integer program and brute force agree; transfers by their definitions."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api
from mechopt.errors import CertificateError, InstanceError, SolveError
from mechopt.mechanisms.borrowing import (
    closed_forms,
    labels,
    longest_path,
    sequencing,
    subset_dp,
    time_indexed,
    values as value,
)
from mechopt.mechanisms.borrowing.environment import Job, Queue
from mechopt.mechanisms.borrowing.orders import Order, Problem
from mechopt.mechanisms.borrowing.sequencing import best_order, release_threshold
from mechopt.mechanisms.borrowing.values import ValueFunction

F = Fraction


def brute(problem: Problem) -> tuple[Fraction, int]:
    """The best welfare over every order, and how many orders attain it."""
    worth = [
        sum((problem.worth(j, end) for j, end in zip(order, problem.timed(order)[1], strict=True)), F(0))
        for order in permutations(range(len(problem)))
    ]
    return max(worth), worth.count(max(worth))


@st.composite
def functions(draw: st.DrawFn, name: str, falling: bool = False) -> ValueFunction:
    number = st.integers(0, 9).map(F)
    kind = draw(st.sampled_from(["affine", "quadratic", "line", "step"]))
    if kind == "affine":
        slope = draw(number) if falling else draw(st.integers(-5, 9).map(F))
        return value.polynomial(name, [draw(number), -slope])
    if kind == "quadratic":
        return value.polynomial(name, [draw(number), -draw(number), -draw(number) / 8])
    if kind == "line":
        heights = sorted((draw(number) for _ in range(4)), reverse=True)
        if not falling and draw(st.booleans()):
            heights = heights[::-1]
        return value.points(name, list(zip([F(0), F(4), F(9), F(60)], heights, strict=True)))
    heights = sorted((draw(number) for _ in range(3)), reverse=True)
    return value.pieces(name, [F(3), F(draw(st.integers(5, 12)))], [[h] for h in heights])


@st.composite
def problems(draw: st.DrawFn, released: bool = False, falling: bool = False, separated: bool = False) -> Problem:
    count = draw(st.integers(1, 6))
    values = {str(k): draw(functions(str(k), falling)) for k in range(count)}
    shared = draw(st.booleans())
    jobs = tuple(
        Job(
            name=f"job {k}", value=str(draw(st.integers(0, count - 1)) if shared else k),
            duration=F(draw(st.integers(0, 4)), draw(st.sampled_from([1, 2]))),
            release=F(draw(st.integers(0, 6))) if released else F(1),
        )
        for k in range(count)
    )  # fmt: skip
    gaps = tuple(tuple(F(draw(st.integers(0, 2))) for _ in range(count)) for _ in range(count)) if separated else ()
    return Problem(Queue(jobs=jobs, since_release=draw(st.booleans()), separation=gaps), values)


@settings(max_examples=80, deadline=None)
@given(problems())
def test_sets_labels_and_the_chosen_method_equal_every_order(problem: Problem) -> None:
    best, ways = brute(problem)
    order, table, scale = subset_dp.solve(problem, compiled=False)
    assert order.welfare == best
    assert order.optimal_orders == ways
    assert F(int(table[-1]), scale) == best
    assert labels.solve(problem).welfare == best
    chosen = best_order(problem)
    assert chosen.welfare == best
    assert chosen.guarantee.kind in ("exact", "certified")
    for quick in (closed_forms.smith, closed_forms.shortest_first, closed_forms.assignment):
        found = quick(problem)
        assert found is None or found.welfare == best
        if found is not None and found.optimal_orders is not None:
            assert found.optimal_orders == ways


@settings(max_examples=40, deadline=None)
@given(problems())
def test_the_longest_path_is_proven_and_equals_every_order(problem: Problem) -> None:
    order = longest_path.solve(problem)
    assert order.welfare == brute(problem)[0]
    assert order.guarantee.kind == "certified"


def test_prices_that_do_not_bound_every_arc_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from mechopt import solver

    honest = solver.solve
    monkeypatch.setattr(solver, "solve", lambda program: replace(honest(program), dual=0 * honest(program).dual))
    values = {"v": value.polynomial("v", [F(5), F(-1)])}
    with pytest.raises(CertificateError, match="do not bound"):
        longest_path.solve(Problem(Queue(jobs=(Job(name="a", value="v", duration=F(1)),)), values))


def test_a_queue_may_name_its_method() -> None:
    def utilities(table: Any) -> dict[str, Fraction]:
        return dict(zip(table["name"], table["utility"], strict=True))

    for method in ("longest_path", "time_indexed", "labels", "subset_dp", "smith"):
        found = api.solve({**document("pivot"), "sequence": {"jobs": JOBS, "method": method}})
        assert found.summary["method"] == method
        assert found.summary["welfare"] == api.solve(document("pivot")).summary["welfare"]
        assert utilities(found.tables["order"]) == utilities(api.solve(document("pivot")).tables["order"])
    with pytest.raises(InstanceError, match="choose from smith"):
        api.solve({**document("pivot"), "sequence": {"jobs": JOBS, "method": "luck"}})
    with pytest.raises(InstanceError, match=r"sequence\.method: assignment does not apply"):
        api.solve({**document("pivot"), "sequence": {"jobs": JOBS, "method": "assignment"}})


@settings(max_examples=30, deadline=None)
@given(problems(released=True, falling=True))
def test_the_time_indexed_program_equals_labels_and_every_order(problem: Problem) -> None:
    best, _ = brute(problem)
    assert labels.solve(problem).welfare == best
    order = time_indexed.solve(problem)
    assert order.welfare == best
    assert order.guarantee.kind in ("certified", "bounded")


@settings(max_examples=40, deadline=None)
@given(problems(falling=True))
def test_the_time_indexed_program_equals_sets(problem: Problem) -> None:
    assert time_indexed.solve(problem).welfare == subset_dp.solve(problem)[0].welfare


@settings(max_examples=60, deadline=None)
@given(st.one_of(problems(released=True), problems(released=True, separated=True), problems(separated=True)))
def test_labels_follow_releases_and_separations_of_any_values(problem: Problem) -> None:
    assert labels.solve(problem).welfare == brute(problem)[0]


def idle_brute(problem: Problem, horizon: int) -> Fraction:
    """Every order with every choice of whole starts: what an idle resource may gain, by recursion."""
    best: Fraction | None = None

    def place(left: frozenset[int], clock: int, worth: Fraction) -> None:
        nonlocal best
        if not left:
            best = worth if best is None or worth > best else best
        for job in left:
            length = int(problem.jobs[job].duration)
            for start in range(max(clock, int(problem.jobs[job].release)), horizon - length + 1):
                place(left - {job}, start + length, worth + problem.worth(job, F(start + length)))

    place(frozenset(range(len(problem))), 0, F(0))
    assert best is not None
    return best


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_inserted_idle_equals_every_whole_start(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 3))
    values = {str(k): data.draw(functions(str(k))) for k in range(count)}
    jobs = tuple(Job(name=str(k), value=str(k), duration=F(data.draw(st.integers(0, 3))),
                     release=F(data.draw(st.integers(0, 2)))) for k in range(count))  # fmt: skip
    problem = Problem(Queue(jobs=jobs, inserted_idle=True, horizon=F(12)), values)
    order = labels.solve_idle(problem)
    assert order.welfare == idle_brute(problem, 12)
    assert list(order.start) == sorted(order.start)


def test_idle_helps_where_a_value_rises() -> None:
    """One job worth 1 early and 2 from time 3: waiting doubles its value (only if waiting is allowed)."""
    rising = {"late": value.pieces("late", [F(3)], [[1], [2]])}
    jobs = (Job(name="a", value="late", duration=F(1)),)
    assert best_order(Problem(Queue(jobs=jobs), rising)).welfare == 1
    waiting = best_order(Problem(Queue(jobs=jobs, inserted_idle=True, horizon=F(5)), rising))
    assert waiting.welfare == 2
    assert list(waiting.completion) == [3]


def test_a_drop_beside_a_rise_is_no_exact_optimum_of_the_grid() -> None:
    """A must be done before 5 and cannot begin before 7/2; B gains until 4 and goes first, up to when A begins.

    On the grid of 1/2 that is 7/2 and 27/2 in all; between its points all of 14 comes as near as one likes.
    """
    values = {"a": value.pieces("a", [F(5)], [[10], [0]]),
              "b": value.points("b", [(F(0), F(0)), (F(4), F(4)), (F(5), F(-100)), (F(20), F(-200))])}  # fmt: skip
    jobs = (Job(name="a", value="a", duration=F(1), release=F(7, 2)), Job(name="b", value="b", duration=F(1)))
    problem = Problem(Queue(jobs=jobs, inserted_idle=True, horizon=F(10)), values)
    order = best_order(problem)
    begin = F(4) - F(1, 1000)
    better = problem.worth(1, begin) + problem.worth(0, begin + 1)
    assert order.welfare == F(27, 2) < better
    assert order.guarantee.kind == "approximate"
    assert order.welfare + F(order.guarantee.error) >= 14
    falling = {"a": values["a"], "b": value.polynomial("b", [F(4), F(0), F(-1)])}
    assert best_order(Problem(Queue(jobs=jobs, inserted_idle=True), falling)).guarantee.kind == "exact"


def test_a_schedule_is_not_held_against_orders_that_end_after_the_horizon() -> None:
    """The job is worth 3 from time 4 on, but all must be done by 3: b first, and it is done then."""
    values = {"late": {"kind": "pieces", "breaks": [4], "polynomials": [[0], [3]]},
              "soon": {"kind": "polynomial", "coefficients": [1, "-1/8"]}}  # fmt: skip
    rows = [("a", "late", 1, 1), ("b", "soon", 2, 0), ("c", "soon", 0, 3)]
    jobs = [dict(zip(("name", "value", "duration", "release"), row, strict=True)) for row in rows]
    queue = {"jobs": jobs, "inserted_idle": True, "horizon": 3}
    outcome = api.check({**document("two_stage"), "values": values, "sequence": queue})
    assert [f.property for f in outcome.checks if not f.holds] == []
    efficiency = next(f for f in outcome.checks if f.property == "efficiency")
    assert efficiency.evidence == "every order, without idle time and by the horizon"


@pytest.mark.parametrize(
    ("method", "queue"),
    [
        ("subset_dp", {"separation": ((F(0), F(1)), (F(2), F(0)))}),
        ("subset_dp", {"inserted_idle": True}),
        ("subset_dp", {"jobs": (Job(name="a", value="v", duration=F(2)),
                                Job(name="b", value="w", duration=F(1), release=F(1)))}),
        ("longest_path", {"inserted_idle": True}),
        ("labels", {"inserted_idle": True}),
        ("time_indexed", {"inserted_idle": True}),
        ("idle_grid", {}),
    ],
)  # fmt: skip
def test_a_method_is_refused_where_it_would_solve_another_queue(method: str, queue: dict[str, Any]) -> None:
    values = {"v": value.polynomial("v", [F(5), F(-1)]), "w": value.polynomial("w", [F(5), F(-3)])}
    jobs = (Job(name="a", value="v", duration=F(2)), Job(name="b", value="w", duration=F(1)))
    problem = Problem(Queue(**{"jobs": jobs, **queue}, method=method), values)
    with pytest.raises(InstanceError, match=f"{method} does not apply"):
        best_order(problem)
    with pytest.raises(SolveError, match=r"idle|separations"):
        sequencing.SOLVERS[method](problem)


def test_more_orders_than_64_bits_count_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"v": value.polynomial("v", [F(1)])}
    problem = Problem(Queue(jobs=tuple(Job(name=str(k), value="v", duration=F(k)) for k in range(4))), values)
    assert subset_dp.solve(problem)[0].optimal_orders == 24
    monkeypatch.setattr(subset_dp, "LARGEST_COUNT", 3)
    assert subset_dp.solve(problem)[0].optimal_orders is None


def test_the_time_indexed_program_refuses_to_wait_silently() -> None:
    rising = {"late": value.pieces("late", [F(3)], [[1], [2]]), "none": value.polynomial("none", [0])}
    jobs = (Job(name="a", value="late", duration=F(1)), Job(name="b", value="none", duration=F(1), release=F(4)))
    with pytest.raises(SolveError, match="inserted_idle"):
        time_indexed.solve(Problem(Queue(jobs=jobs), rising))


def test_a_schedule_that_is_not_worth_what_is_proven_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The basis proves one welfare; a point that stands for another order must not borrow its proof."""
    from dataclasses import replace

    from mechopt import solver

    values = {"a": value.polynomial("a", [F(5), F(-1)]), "b": value.polynomial("b", [F(5), F(-3)])}
    jobs = tuple(Job(name=name, value=name, duration=F(1)) for name in "ab")
    problem = Problem(Queue(jobs=jobs), values)
    assert time_indexed.solve(problem).welfare == 5 - 3 + 5 - 2
    honest = solver.solve
    columns = time_indexed.program(problem)[1]
    wrong = np.array([float(start == job) for job, start in columns])  # a first, then b
    monkeypatch.setattr(solver, "solve", lambda program, **rest: replace(honest(program, **rest), point=wrong))
    with pytest.raises(CertificateError, match="proves 5 at most"):
        time_indexed.solve(problem)


def test_a_longer_queue_by_three_methods() -> None:
    """14 jobs of mixed values: sets in numpy and compiled, and the time-indexed program."""
    pytest.importorskip("numba")
    generator = np.random.default_rng(3)
    values = {"step": value.pieces("step", [F(9)], [[F(8)], [F(1)]]), "line": value.polynomial("line", [F(20), F(-1)]),
              "bent": value.polynomial("bent", [F(15), F(-1, 2), F(-1, 100)])}  # fmt: skip
    names = list(values)
    jobs = tuple(Job(name=str(k), value=names[k % 3], duration=F(int(generator.integers(1, 5)))) for k in range(14))
    problem = Problem(Queue(jobs=jobs), values)
    plain, fast = (subset_dp.solve(problem, compiled=compiled) for compiled in (False, True))
    assert np.array_equal(plain[1], fast[1])
    assert plain[0] == fast[0]
    assert time_indexed.solve(problem).welfare == plain[0].welfare


JOBS: list[dict[str, Any]] = [
    {"name": "a", "value": "x", "duration": 2}, {"name": "b", "value": "y", "duration": 1},
    {"name": "c", "value": "x", "duration": "1/2"}, {"name": "d", "value": "z", "duration": 3},
]  # fmt: skip
VALUES = {name: {"kind": "polynomial", "coefficients": c} for name, c in
          (("x", [5, -1]), ("y", [4, "-1/2"]), ("z", [9, -2]))}  # fmt: skip


def document(design: str, jobs: list[dict[str, Any]] | None = None, **rest: Any) -> dict[str, Any]:
    return {"mechanism": "borrowing", "arithmetic": "exact", "design": design, "values": VALUES,
            "sequence": {"jobs": jobs or JOBS}, **rest}  # fmt: skip


@pytest.mark.parametrize("design", ["one_stage", "two_stage", "pivot", "balanced"])
def test_transfers_of_every_design(design: str) -> None:
    outcome = api.check(document(design))
    assert [f.property for f in outcome.checks if not f.holds] == []
    table, welfare = outcome.tables["order"], outcome.summary["welfare"]
    assert sum(table["value"], F(0)) == welfare
    assert sum(table["transfer"], F(0)) == outcome.summary["deficit"]
    if design in ("one_stage", "balanced"):
        assert outcome.summary["deficit"] == 0
    if design == "two_stage":
        assert set(table["utility"]) == {welfare}
    if design == "pivot":
        assert max(table["transfer"]) <= 0  # values never rise: being there hurts the others or does not


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=3, max_size=4), st.integers(0, 3),
       st.integers(0, 6), st.integers(1, 5))  # fmt: skip
def test_no_lie_pays_under_the_balanced_rule(
    types: list[tuple[int, int]], liar: int, slope: int, duration: int
) -> None:
    """Utility at the true values of the order that reports lead to, second-stage reports being of realised payoffs."""
    liar %= len(types)

    def settle(reports: list[tuple[int, int]]) -> Fraction:
        def queue(kinds: list[tuple[int, int]]) -> Problem:
            values = {str(k): value.polynomial(str(k), [F(10), F(-b)]) for k, (b, _) in enumerate(kinds)}
            jobs = tuple(Job(name=str(k), value=str(k), duration=F(t)) for k, (_, t) in enumerate(kinds))
            return Problem(Queue(jobs=jobs), values)

        said, truth = queue(reports), queue(types)
        order = best_order(said).sequence
        realised = [F(0)] * len(types)
        for j, end in zip(order, truth.timed(order)[1], strict=True):
            realised[j] = truth.worth(j, end)
        return realised[liar] + sequencing._balanced(realised, said)[liar]

    lie = list(types)
    lie[liar] = (slope, duration)
    assert settle(types) >= settle(lie)


def test_designs_that_need_beliefs_are_refused() -> None:
    with pytest.raises(InstanceError, match="needs beliefs"):
        api.solve(document("minimum_variance"))
    with pytest.raises(InstanceError, match="needs beliefs"):
        api.solve(document("two_stage", constant="balanced"))
    with pytest.raises(InstanceError, match="three or more"):
        api.solve(document("balanced", JOBS[:2]))
    with pytest.raises(InstanceError, match="2 shares for 4 jobs"):
        api.solve(document("one_stage", shares=["1/2", "1/2"]))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 9), st.integers(1, 4), st.integers(0, 16))
def test_hold_the_officers_exactly_up_to_the_threshold(b1: int, t1: int, b2: int, t2: int, quarter: int) -> None:
    late = F(quarter, 4)
    values = {"1": value.polynomial("1", [F(0), F(-b1)]), "2": value.polynomial("2", [F(0), F(-b2)])}
    jobs = (Job(name="1", value="1", duration=F(t1)), Job(name="2", value="2", duration=F(t2), release=late))
    held = late + t2 + t1
    hold = -b2 * (late + t2) - b1 * held
    go = -b1 * t1 - b2 * (max(F(t1), late) + t2)
    threshold = release_threshold((F(b1), F(t1)), (F(b2), F(t2)))
    assert threshold is not None
    if late <= t1 and late != threshold:
        assert (hold > go) == (late < threshold)
    order = best_order(Problem(Queue(jobs=jobs, inserted_idle=True, horizon=F(20)), values))
    assert order.welfare == max(hold, go)


def test_a_tampered_order_fails_its_checks() -> None:
    from dataclasses import replace

    from mechopt.mechanisms.borrowing.checks import check

    model = api.load(document("two_stage"))
    outcome = api.solve(model)
    table = {name: list(reversed(column)) for name, column in outcome.tables["order"].items()}
    wrong = replace(outcome, tables={"order": table})
    assert "feasibility" in {f.property for f in check(model.environment, wrong) if not f.holds}
    slow = [F(1, 1000) + v for v in outcome.tables["order"]["value"]]
    wrong = replace(outcome, tables={"order": {**outcome.tables["order"], "value": slow}})
    assert "transfers" in {f.property for f in check(model.environment, wrong) if not f.holds}


def test_too_much_is_refused_and_says_so() -> None:
    jobs = tuple(Job(name=str(k), value="v", duration=F(k + 1), release=F(0)) for k in range(23))
    bent = {"v": value.polynomial("v", [F(1), F(0), F(-1)])}
    with pytest.raises(SolveError, match="at most 22"):
        subset_dp.solve(Problem(Queue(jobs=jobs), bent))
    gaps = tuple(tuple(F(1) for _ in jobs) for _ in jobs)
    with pytest.raises(SolveError, match="at most 12"):
        labels.solve(Problem(Queue(jobs=jobs, separation=gaps), bent))


def test_orders_hold_every_job_once() -> None:
    problem = Problem(Queue(jobs=(Job(name="a", value="v", duration=F(1)),)), {"v": value.polynomial("v", [F(1)])})
    assert isinstance(best_order(problem), Order)
    with pytest.raises(SolveError, match="every job once"):
        problem.order([0, 0], "test", best_order(problem).guarantee)


def test_a_job_that_takes_no_time_and_does_not_mind_waiting_ties_with_everybody() -> None:
    values = {"flat": value.polynomial("flat", [F(1)]), "falls": value.polynomial("falls", [F(1), F(-1)])}
    jobs = (Job(name="a", value="flat", duration=F(0)), Job(name="b", value="falls", duration=F(1)))
    order = closed_forms.smith(Problem(Queue(jobs=jobs), values))
    assert order is not None
    assert order.optimal_orders is None  # two orders are equally good; Smith's rule does not count them
