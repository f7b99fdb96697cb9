"""The paper's programs: written from definitions, they have the engine's optima, and refuse what they cannot say."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from mechopt import api, formulation
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import labels, subset_dp, time_indexed, values as value
from mechopt.mechanisms.borrowing.environment import Environment, Job, Queue
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.sequencing import best_order
from mechopt.mechanisms.borrowing.values import ValueFunction

pytest.importorskip("pyomo.environ")
pytest.importorskip("cvxpy")

F = Fraction
PROGRAMS = {name: found for name, (found, _) in formulation.formulations("borrowing").items()}


def solved(name: str, environment: Environment, **options: Any) -> float:
    """The optimum of a program by its own layer."""
    chosen = formulation.settings(PROGRAMS[name], options)
    return formulation.optimum(PROGRAMS[name].build(environment, **chosen))


def function(generator: np.random.Generator, name: str, *, rising: bool) -> ValueFunction:
    """A random value function; one that never rises, unless told otherwise."""
    whole = [F(int(k)) for k in generator.integers(0, 10, 4)]
    kind = generator.integers(0, 4)
    if kind == 0:
        return value.polynomial(name, [whole[0], -whole[1] + (5 if rising else 0)])
    if kind == 1:
        return value.polynomial(name, [whole[0], -whole[1], -whole[2] / 8])
    heights = whole if rising else sorted(whole, reverse=True)
    if kind == 2:
        return value.points(name, list(zip([F(0), F(4), F(9), F(60)], heights, strict=True)))
    return value.pieces(name, [F(3), F(int(generator.integers(5, 12)))], [[h] for h in heights[:3]])


def queue(seed: int, *, released: bool = False, rising: bool = True, idle: bool = False) -> Environment:
    """A random queue of two to five jobs."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(2, 6)) if not idle else int(generator.integers(1, 4))
    values = {str(k): function(generator, str(k), rising=rising) for k in range(count)}
    jobs = tuple(
        Job(
            name=f"job {k}", value=str(generator.integers(0, count)),
            release=F(int(generator.integers(0, 6)) * released),
            duration=F(int(generator.integers(0 if k else 1, 5)), 1 if idle else int(generator.integers(1, 3))),
        )
        for k in range(count)
    )  # fmt: skip
    horizon = F(12) if idle else None
    since = bool(generator.integers(0, 2))
    return Environment(
        design="two_stage", values=values,
        sequence=Queue(jobs=jobs, since_release=since, inserted_idle=idle, horizon=horizon),
    )  # fmt: skip


def problem_of(environment: Environment) -> Problem:
    assert isinstance(environment.sequence, Queue)
    return Problem(environment.sequence, dict(environment.values))


def brute(problem: Problem) -> Fraction:
    """The best welfare over every order in which nothing waits but for releases."""
    return max(
        sum((problem.worth(j, end) for j, end in zip(order, problem.timed(order)[1], strict=True)), F(0))
        for order in permutations(range(len(problem)))
    )


@pytest.mark.parametrize("start", range(0, 140, 20))
def test_sets_programs_and_every_order_agree(start: int) -> None:
    """140 random queues whose values may rise, some of them with jobs that take no time."""
    for seed in range(start, start + 20):
        environment = queue(seed)
        problem = problem_of(environment)
        best = brute(problem)
        assert subset_dp.solve(problem, compiled=False)[0].welfare == best, seed
        assert labels.solve(problem).welfare == best, seed
        assert solved("time_indexed", environment) == pytest.approx(float(best), abs=1e-6), seed
        if seed % 4 == 0:
            assert solved("positional", environment) == pytest.approx(float(best), abs=1e-6), seed
            assert solved("longest_path", environment) == pytest.approx(float(best), abs=1e-6), seed


@pytest.mark.parametrize("start", range(200, 260, 20))
def test_labels_programs_and_every_order_agree_with_releases(start: int) -> None:
    """60 random queues with releases, whose values never rise."""
    for seed in range(start, start + 20):
        environment = queue(seed, released=True, rising=False)
        problem = problem_of(environment)
        best = brute(problem)
        assert labels.solve(problem).welfare == best, seed
        assert solved("time_indexed", environment) == pytest.approx(float(best), abs=1e-6), seed
        if seed % 4 == 0:
            assert solved("positional", environment) == pytest.approx(float(best), abs=1e-6), seed


def test_the_programs_may_wait_where_the_queue_may() -> None:
    """20 random queues with inserted idle: the engine's grid of times against both programs."""
    for seed in range(300, 320):
        environment = queue(seed, released=True, idle=True)
        best = float(best_order(problem_of(environment)).welfare)
        assert solved("time_indexed", environment) == pytest.approx(best, abs=1e-6), seed
        if seed % 4 == 0:
            assert solved("positional", environment) == pytest.approx(best, abs=1e-6), seed


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("groves_lp", {"grid": 3}),
        ("groves_lp", {"grid": 3, "objective": "cvar", "tail": 0.2}),
        ("detection_lp", {"grid": 3}),
        ("second_best_lp", {"grid": 3, "outside": "-2/3"}),
        ("least_variance_qp", {"grid": 6}),
        ("worst_equilibrium", {"points": 5}),
        ("worst_equilibrium", {"points": 4, "value_1": "f", "value_2": "g"}),
        ("worst_equilibrium", {"points": 3, "value_1": "g", "value_2": "f"}),
    ],
)
def test_designs_and_equilibria_have_the_engines_optimum(
    read: Callable[..., Environment], name: str, options: dict[str, Any]
) -> None:
    discrete = {"family": "discrete", "points": ["1/4", 1], "probs": ["1/2", "1/2"]}
    agents = [
        {"beliefs": {"f": "1/3", "g": "2/3"}, "time": {"family": "beta", "a": 2, "b": 1}},
        {"beliefs": {"f": "1/2", "g": "1/2"}, "time": discrete},
    ]
    program, environment = PROGRAMS[name], read(agents=agents)
    chosen = formulation.settings(program, options)
    found = formulation.compare(program, environment, chosen, formulation.optimum(program.build(environment, **chosen)))
    assert found is not None
    assert found.holds, found


def test_a_positive_loss_refutes_that_equilibria_are_efficient(read: Callable[..., Environment]) -> None:
    """Equal known values that fall: on five times an equilibrium of fixed values still loses welfare."""
    assert solved("worst_equilibrium", read(), points=5) > 1e-3


@pytest.mark.checkout
@pytest.mark.parametrize(
    ("model", "name"),
    [("borrowing/canal_passage", "time_indexed"), ("borrowing/canal_passage", "longest_path"),
     ("borrowing/cluster_jobs", "time_indexed"), ("borrowing/border_inspection", "time_indexed"),
     ("borrowing/border_inspection", "positional"), ("borrowing/paper_example", "least_variance_qp")],
)  # fmt: skip
def test_shipped_models_have_the_engines_optimum(model: str, name: str) -> None:
    (finding,) = api.compare(model, program=name).checks
    assert finding.holds, finding


GAPS = tuple(tuple(F(1) for _ in range(2)) for _ in range(2))
JOBS = (Job(name="a", value="v", duration=F(1)), Job(name="b", value="v", duration=F(1), release=F(2)))
UP, DOWN = ({"v": value.polynomial("v", [F(1), F(slope)])} for slope in (1, -1))


@pytest.mark.parametrize(
    ("name", "values", "sequence", "words"),
    [
        ("time_indexed", DOWN, Queue(jobs=JOBS, separation=GAPS), "no separations"),
        ("time_indexed", DOWN, Queue(jobs=JOBS, inserted_idle=True), "needs a horizon"),
        ("positional", UP, Queue(jobs=JOBS), "rises with time"),
        ("longest_path", DOWN, Queue(jobs=JOBS), "ready together"),
        ("longest_path", DOWN, Queue(jobs=JOBS[:1] * 13), "13 jobs"),
        ("groves_lp", DOWN, Queue(jobs=JOBS), "two agents"),
        ("worst_equilibrium", DOWN, Queue(jobs=JOBS), "two agents"),
    ],
)
def test_what_a_program_cannot_say_is_refused(
    name: str, values: dict[str, ValueFunction], sequence: Queue, words: str
) -> None:
    environment = Environment(design="two_stage", values=values, sequence=sequence)
    program = PROGRAMS[name]
    chosen = formulation.settings(program, {})
    for call in (program.build, program.engine):
        assert call is not None
        if (name, call) == ("longest_path", program.engine):
            continue  # the engine has other methods for these
        with pytest.raises(InstanceError, match=words):
            call(environment, **chosen)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("time_indexed", {}, "a \\[sequence\\] with jobs is needed"),
        ("groves_lp", {"objective": "mean"}, "neither"),
        ("groves_lp", {"tail": 1.5, "objective": "cvar"}, "between 0 and 1"),
        ("detection_lp", {"grid": 0}, "at least 1"),
        ("detection_lp", {"grid": 40}, "types are too many"),
        ("second_best_lp", {"outside": "lots"}, "outside"),
        ("worst_equilibrium", {"points": 1}, "from 2 to 9"),
        ("worst_equilibrium", {"value_1": "nobody"}, "'nobody' is not in values"),
    ],
)
def test_wrong_options_are_named(
    read: Callable[..., Environment], name: str, options: dict[str, Any], words: str
) -> None:
    program = PROGRAMS[name]
    with pytest.raises(InstanceError, match=words):
        program.build(read(), **formulation.settings(program, options))


def test_branch_and_bound_leaves_no_gap_between_whole_numbers() -> None:
    """Weighted tardiness of 12 jobs, whose relaxation is fractional: the bound is nearer than the next whole number."""
    kinds = set()
    for seed in range(6):
        generator = np.random.default_rng(seed)
        lengths = generator.integers(2, 10, 12)
        end = 2 * int(lengths.sum())
        values, jobs = {}, []
        for k, length in enumerate(lengths.tolist()):
            due, rate = int(generator.integers(1, end // 2)), int(generator.integers(1, 10))
            name = str(k)
            values[name] = value.points(name, [(F(0), F(0)), (F(due), F(0)), (F(end), F(-rate * (end - due)))])
            jobs.append(Job(name=name, value=name, duration=F(length)))
        problem = Problem(Queue(jobs=tuple(jobs)), values)
        order = time_indexed.solve(problem)
        assert order.welfare == subset_dp.solve(problem, compiled=False)[0].welfare
        kinds.add((order.guarantee.kind, order.guarantee.error or 0.0))
    assert kinds <= {("bounded", 0.0), ("certified", 0.0)}
    assert ("bounded", 0.0) in kinds


@pytest.mark.checkout
def test_the_first_program_that_is_for_the_model_is_taken() -> None:
    assert api.compare("borrowing/canal_passage").summary["program"] == "time_indexed"
    assert api.compare("borrowing/paper_example").summary["program"] == "groves_lp"
    with pytest.raises(InstanceError, match="none of the programs of borrowing is for this model"):
        api.compare("borrowing/runway_slots")
