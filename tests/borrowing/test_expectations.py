"""Constants and moments against independent recomputation: nested scipy quadrature, simulation, sums over atoms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import instance
from mechopt.mechanisms.borrowing import values as value
from mechopt.mechanisms.borrowing.budget import moments
from mechopt.mechanisms.borrowing.document import from_document
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.values import from_callable

Read = Callable[..., Environment]
F = Fraction
CURVED = {
    "f": {"kind": "polynomial", "coefficients": [1, 0, "-1/2"]},
    "g": {"kind": "polynomial", "coefficients": [1, 0, "-1/4"]},
}
PLATEAU = {"kind": "points", "points": [[0, 1], ["1/2", 1], [2, "-1/2"]]}
STEP = {"kind": "pieces", "breaks": [1], "polynomials": [[1], [0]]}


def one(kind: dict[str, Any], time: dict[str, Any]) -> dict[str, Any]:
    return {"values": {"f": kind}, "agents": [{"beliefs": {"f": 1}, "time": time}] * 2}


def test_the_papers_example(read: Read) -> None:
    """h = -25/96 (Lemma 1 prints -43/216) and the variance of Lemma 2, 545/2304; better designs vary less."""
    found = Expectations(read())
    assert found.exact
    assert found.balancing_constant.value == F(-25, 96)
    assert found.printed_constant.value == F(-25, 96)
    assert [m.value for m in moments(found, "two_stage") if m] == [F(545, 2304), F(185, 27648)]
    assert moments(found, "pivot")[0].value == F(71, 2304)
    assert moments(found, "minimum_variance")[0].value == F(139, 23040)
    assert moments(found, "one_stage")[0].value == 0


@pytest.mark.parametrize(
    ("document", "balanced", "printed", "tie"),
    [
        (one(PLATEAU, {"family": "uniform"}), F(-23, 32), F(-23, 48), F(1, 4)),
        # The sum of two times meets the deadline with probability 1/2, and then going second costs nothing.
        (one(STEP, {"family": "uniform"}), F(-3, 4), F(0), F(1)),
        (one({"kind": "polynomial", "coefficients": [1]}, {"family": "uniform"}), F(-1), F(0), F(1)),
        (
            one({"kind": "polynomial", "coefficients": [1, -1]},
                {"family": "discrete", "points": [0, 1], "probs": ["1/2", "1/2"]}),
            F(-3, 8), F(-1, 4), F(1, 2),
        ),
    ],
)  # fmt: skip
def test_ties_have_mass_and_equation_7_3_drops_them(
    read: Read, document: dict[str, Any], balanced: Fraction, printed: Fraction, tie: Fraction
) -> None:
    found = Expectations(read(**document))
    assert found.balancing_constant.value == balanced
    assert found.printed_constant.value == printed
    assert found.probability(0).value == tie
    assert found.welfare_on_ties.value == 2 * (printed - balanced)
    assert sum((found.probability(s).value for s in (-1, 0, 1)), F(0)) == 1


def test_a_curve_between_the_orders_is_followed(read: Read) -> None:
    """V = {1 - t^2/2, 1 - t^2/4}: h = -3/4 - sqrt(3)/128 and the variance 8579/61440 + sqrt(3)/160."""
    found = Expectations(read(values=CURVED))
    assert not found.exact
    assert found.balancing_constant.value == pytest.approx(-3 / 4 - sqrt(3) / 128, abs=1e-13)
    variance = moments(found, "two_stage")[0]
    assert variance.value == pytest.approx(8579 / 61440 + sqrt(3) / 160, abs=1e-13)
    assert abs(variance.value - 8579 / 61440 - sqrt(3) / 160) <= variance.error + 1e-15
    assert found.probability(1).value == pytest.approx(found.probability(-1).value, abs=1e-12)


TIMES: list[dict[str, Any]] = [
    {"family": "uniform", "low": "1/4"},
    {"family": "beta", "a": 2, "b": 3},
    {"family": "power", "p": 2},
    {"family": "piecewise_linear", "points": [0, "1/2", 1], "levels": [0, "3/4", 1]},
    {"family": "discrete", "points": [0, "1/3", 1], "probs": ["1/2", "1/4", "1/4"]},
    {"family": "mixture", "weights": ["1/2", "1/2"],
     "components": [{"family": "uniform"}, {"family": "discrete", "points": ["1/2"], "probs": [1]}]},
]  # fmt: skip
ROUGH = [{"family": "beta", "a": "3/2", "b": "5/2"}, {"family": "truncated_normal", "mu": "1/2", "sigma": "1/4"}]
KINDS = [
    {"kind": "polynomial", "coefficients": [1, "-1/2", "-1/8"]},
    {"kind": "polynomial", "coefficients": ["1/2", 1, "-1/2"]},
    PLATEAU,
    STEP,
    {"kind": "pieces", "breaks": [0, "3/4", 2], "polynomials": [[1, "-1/3"], ["1/2", 0, "-1/4"]]},
]


def environments(times: list[dict[str, Any]]) -> st.SearchStrategy[Environment]:
    def build(kinds: list[Any], laws: list[Any], weight: Fraction) -> Environment:
        data = {
            "mechanism": "borrowing",
            "values": {"f": kinds[0], "g": kinds[1]},
            "agents": [
                {"beliefs": {"f": str(weight), "g": str(1 - weight)}, "time": laws[0]},
                {"beliefs": {"g": 1}, "time": laws[1]},
            ],
        }
        return from_document(instance.read_document(data))

    kind, law = st.sampled_from(KINDS), st.sampled_from(times)
    return st.builds(
        build, st.lists(kind, min_size=2, max_size=2), st.lists(law, min_size=2, max_size=2),
        st.fractions(0, 1, max_denominator=5),
    )  # fmt: skip


def simulated(environment: Environment, size: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """W* and min(L1, L2) of independent rounds, from the definition."""
    generator = np.random.default_rng(5)
    t1, t2 = (agent.times.draw(generator, size) for agent in environment.agents)
    best, loss = np.empty(size), np.empty(size)
    pairs = environment.pairs
    which = generator.choice(len(pairs), size=size, p=[float(p) for _, _, p in pairs])
    for place, (one_, two_, _) in enumerate(pairs):
        at = which == place
        a, b, c, d = (
            one_.floats(t1[at]),
            two_.floats(t1[at] + t2[at]),
            two_.floats(t2[at]),
            one_.floats(t1[at] + t2[at]),
        )
        best[at] = np.maximum(a + b, c + d)
        loss[at] = np.minimum(a - d, c - b)
    return best, loss


@settings(max_examples=5, deadline=None)
@given(environments(TIMES + ROUGH))
def test_moments_agree_with_simulated_rounds(environment: Environment) -> None:
    found = Expectations(environment)
    size = 40_000
    best, loss = simulated(environment, size)
    for sample, design in ((best, "two_stage"), (loss, "pivot")):
        variance = moments(found, design)[0]
        spread = max(sample.std(), 1e-9)
        assert abs(float(variance.value) - sample.var()) < 12 * spread**2 / sqrt(size) + 1e-3 * spread + 1e-9
    assert abs(float(found.welfare.value) - best.mean()) < 6 * best.std() / sqrt(size) + 1e-9
    third = moments(found, "two_stage")[1]
    assert third is not None
    assert abs(float(third.value) - ((best - best.mean()) ** 3).mean()) < 40 * best.std() ** 3 / sqrt(size) + 1e-9
    least = moments(found, "minimum_variance")[0]
    assert -1e-7 <= float(least.value) <= float(moments(found, "two_stage")[0].value) + 1e-7
    assert float(least.value) <= float(moments(found, "pivot")[0].value) + 1e-7  # both are Groves rules


@settings(max_examples=20, deadline=None)
@given(environments([law for law in TIMES if law["family"] == "discrete"]))
def test_atoms_are_sums(environment: Environment) -> None:
    """On finite types every expectation is a finite sum, taken here from the definitions."""
    found = Expectations(environment)
    welfare, square, tie, kept = F(0), F(0), F(0), F(0)
    for one_, two_, p in environment.pairs:
        for (t1, q1), (t2, q2) in product(*(agent.times.atoms for agent in environment.agents)):
            orders = one_.at(t1) + two_.at(t1 + t2), two_.at(t2) + one_.at(t1 + t2)
            mass = p * q1 * q2
            welfare += mass * max(orders)
            square += mass * max(orders) ** 2
            tie += mass * (orders[0] == orders[1])
            kept += mass * max(orders) * (orders[0] != orders[1])
    assert found.welfare.value == welfare
    assert found.power(2).value == square
    assert found.probability(0).value == tie
    assert found.printed_constant.value == -kept / 2


def test_exact_and_numeric_paths_agree(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers where the exact path is switched off: curve-split quadrature and Gauss panels."""
    from mechopt.mechanisms.borrowing import expectations

    exact = Expectations(read(values={"f": PLATEAU, "g": KINDS[1]}))
    least, welfare = moments(exact, "minimum_variance")[0], exact.welfare
    assert not isinstance(welfare.value, float) or welfare.error < 1e-12
    monkeypatch.setattr(expectations, "_numeric", lambda part: True)
    rough = Expectations(read(values={"f": PLATEAU, "g": KINDS[1]}))
    assert rough.welfare.value == pytest.approx(float(welfare.value), abs=1e-12)
    assert moments(rough, "minimum_variance")[0].value == pytest.approx(float(least.value), abs=1e-6)


def test_the_conditional_mean_averages_to_the_welfare(read: Read) -> None:
    """E[W* | one report], by Gauss nodes over that report, has the mean E[W*]."""
    environment = read()
    found = Expectations(environment)
    nodes, weights = np.polynomial.legendre.leggauss(30)
    total = 0.0
    for name in ("f", "g"):
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            mean = found.given(1, environment.values[name], F((node + 1) / 2)).value
            total += float(mean) * weight / 4
    assert total == pytest.approx(25 / 48, abs=1e-5)


def test_a_callable_stands_for_itself(read: Read) -> None:
    """exp(-t) as a callable against scipy's nested quadrature of the kinked welfare."""
    from scipy.integrate import dblquad

    from mechopt.mechanisms.borrowing.environment import Agent, Environment

    function = from_callable("decay", lambda t: np.exp(-np.asarray(t)))
    assert 0 < function.error < 1e-13
    half = value.polynomial("half", [F(1, 2), F(-1, 4)])
    belief = read().agents[0].times
    agents = (Agent(beliefs=(("decay", F(1)),), times=belief), Agent(beliefs=(("half", F(1)),), times=belief))
    found = Expectations(Environment(design="two_stage", values={"decay": function, "half": half}, agents=agents))

    def welfare(y: float, x: float) -> float:
        return max(np.exp(-x) + 0.5 - (x + y) / 4, 0.5 - y / 4 + np.exp(-x - y))

    assert found.welfare.value == pytest.approx(dblquad(welfare, 0, 1, 0, 1, epsabs=1e-9)[0], abs=1e-7)
    assert found.welfare.error > 0


@settings(max_examples=20, deadline=None)
@given(environments(TIMES), st.fractions(0, 1, max_denominator=12), st.integers(0, 1))
def test_the_conditional_mean_by_polynomials_is_that_by_lines(
    environment: Environment, time: Fraction, axis: int
) -> None:
    """E[W* | type]: pieces of polynomials in the own time against an integral along the other's, jumps included."""
    found = Expectations(environment)
    for name, probability in environment.agents[axis].beliefs:
        function = environment.values[name]
        quick = found._from_polynomials(axis, function, time)
        if not found.exact or not probability:
            assert quick is None
        elif quick is not None:
            found._polynomials[axis, name] = ({}, [])
            assert found.given(axis, function, time).value == quick.value


def test_newtons_balls_give_the_closed_form(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roots of degree two by the path of higher degrees: two irrational lines that meet in the corner."""
    from mechopt.mechanisms.borrowing.branches import Branches

    monkeypatch.setattr(Branches, "_explicit", lambda self, number, x, analytic: self._newton(number, x))
    found = Expectations(read(values=CURVED))
    assert found.welfare.proven
    assert abs(found.welfare.value - 3 / 2 - sqrt(3) / 64) <= found.welfare.error < 1e-12


BENT = st.lists(st.integers(-4, 4), min_size=3, max_size=5).filter(lambda c: bool(c[-1]))


@settings(max_examples=4, deadline=None)
@given(BENT, BENT.filter(lambda c: len(c) > 3), st.sampled_from([TIMES[1], TIMES[5], {"family": "uniform"}]))
def test_curves_of_any_degree_are_enclosed(first: list[int], second: list[int], law: dict[str, Any]) -> None:
    """Proven; and what midpoints of a fine grid say, which know nothing of curves or cuts."""
    data = {
        "mechanism": "borrowing",
        "values": {n: {"kind": "polynomial", "coefficients": c} for n, c in (("f", first), ("g", second))},
        "agents": [{"beliefs": {n: 1}, "time": law} for n in "fg"],
    }
    environment = from_document(instance.read_document(data))
    found = Expectations(environment)
    assert found.welfare.proven
    assert found.welfare.error < 1e-9
    assert found.probability(1).proven
    size = 400
    ((one_, two_, _),) = environment.pairs
    grids = [[(t, float(p)) for t, p in agent.times.atoms] for agent in environment.agents]
    for grid, agent in zip(grids, environment.agents, strict=True):
        for piece in agent.times.pieces:
            at = float(piece.low) + (np.arange(size) + 0.5) / size * float(piece.high - piece.low)
            grid += list(
                zip(at.tolist(), (piece.floats(at) * float(piece.high - piece.low) / size).tolist(), strict=True)
            )
    (t1, p1), (t2, p2) = (map(np.array, zip(*grid, strict=True)) for grid in grids)
    x, y = np.meshgrid(t1.astype(float), t2.astype(float), indexing="ij")
    best = np.maximum(one_.floats(x) + two_.floats(x + y), two_.floats(y) + one_.floats(x + y))
    mass = np.multiply.outer(p1, p2)
    scale = 1 + np.abs(best).max()
    assert abs(float((mass * best).sum()) - float(found.welfare.value)) < 1e-3 * scale
    assert abs(float((mass * best**2).sum()) - float(found.power(2).value)) < 1e-3 * scale**2


@pytest.mark.parametrize("power", [1, 3])
@pytest.mark.parametrize("both", [True, False])
def test_densities_by_incomplete_moments_enclose_the_exact_numbers(read: Read, power: int, both: bool) -> None:
    """A polynomial density taken for one that is none: the proven bound holds the rational number."""
    from dataclasses import replace

    from mechopt.distributions import Power
    from mechopt.mechanisms.borrowing.times import Piece, Times, from_distribution

    environment = read(agents=[{"beliefs": {n: 1}, "time": {"family": "uniform"}} for n in "fg"])
    law = Power(p=power, low=0, high=1)
    rough = Times(pieces=(Piece(low=F(0), high=F(1), density=None, mass=F(1), law=law),))
    agents = [list(environment.agents), list(environment.agents)]
    for place in (0, 1) if both else (1,):
        agents[0][place] = replace(environment.agents[place], times=from_distribution(law))
        agents[1][place] = replace(environment.agents[place], times=rough)
    known, found = (Expectations(replace(environment, agents=tuple(pair))) for pair in agents)
    assert known.exact
    for proven, truth in ((found.power(1), known.power(1)), (found.power(2), known.power(2)),
                          (found.probability(1), known.probability(1))):  # fmt: skip
        assert proven.proven
        assert abs(float(proven.value) - float(truth.value)) <= proven.error < 1e-11


@pytest.mark.parametrize(
    "law",
    [
        ROUGH[1],
        {"family": "exponential", "scale": "1/3", "low": 0, "high": 1},
        {"family": "power", "p": "3/2", "low": "1/4"},
        {"family": "mixture", "weights": ["1/3", "2/3"],
         "components": [ROUGH[1], {"family": "discrete", "points": ["1/3"], "probs": [1]}]},
    ],
)  # fmt: skip
def test_proven_bounds_hold_what_draws_say(read: Read, law: dict[str, Any]) -> None:
    environment = read(values=CURVED, agents=[{"beliefs": {"f": 1}, "time": law}, {"beliefs": {"g": 1}, "time": law}])
    found = Expectations(environment)
    best, loss = simulated(environment, 200_000)
    assert found.welfare.proven
    assert found.welfare.error < 1e-6
    assert abs(float(found.welfare.value) - best.mean()) < 6 * best.std() / sqrt(best.size)
    assert abs(float(found.loss_power(1).value) + loss.mean()) < 6 * loss.std() / sqrt(loss.size)


@pytest.mark.parametrize("low", [F(0), F(1, 4)])
def test_a_density_that_grows_without_end_at_its_end_is_enclosed(read: Read, low: Fraction) -> None:
    """Times low + (1 - low) s^2 with s uniform: against midpoints in s, where nothing is singular."""
    law = {"family": "power", "p": "1/2", "low": str(low)}
    environment = read(values=CURVED, agents=[{"beliefs": {"f": 1}, "time": law}, {"beliefs": {"g": 1}, "time": law}])
    found = Expectations(environment)
    t = float(low) + (1 - float(low)) * ((np.arange(1000) + 0.5) / 1000) ** 2
    x, y = np.meshgrid(t, t, indexing="ij")
    best = np.maximum(1 - x**2 / 2 + 1 - (x + y) ** 2 / 4, 1 - y**2 / 4 + 1 - (x + y) ** 2 / 2)
    for power in (1, 2):
        estimate = found.power(power)
        assert estimate.proven
        assert estimate.error < 1e-11
        assert abs(float(estimate.value) - float((best**power).mean())) < 1e-5
    # At a node that rounds to the end itself, the density is infinite.
    assert np.isfinite(environment.agents[0].times.pieces[0].floats(np.array([float(low), 1.0]))).all()


@pytest.mark.parametrize("design", ["two_stage", "minimum_variance"])
def test_bounds_are_proven_in_any_unit(paper: Callable[..., dict[str, Any]], design: str) -> None:
    """Cents instead of millions: the same model, the same proof, errors that grow with the numbers."""
    from mechopt import api

    scale = 10**8
    coefficients = {"f": [F(1), F(0), F(-1, 2)], "g": [F(1), F(0), F(-1, 4)]}
    large = {n: {"kind": "polynomial", "coefficients": [scale * c for c in row]} for n, row in coefficients.items()}
    found = [api.solve(paper(values=values, design=design)) for values in (CURVED, large)]
    assert [outcome.guarantee.kind for outcome in found] == ["bounded", "bounded"]
    small, grown = (float(outcome.summary["variance"]) for outcome in found)
    assert grown / scale**2 == pytest.approx(small, rel=1e-10)


@settings(max_examples=12, deadline=None)
@given(environments(TIMES), st.integers(0, 1))
def test_squared_means_are_enclosed(environment: Environment, axis: int) -> None:
    """E[E[W* | type]^2] in ball arithmetic: around the exact number, or what panels of Gauss nodes find."""
    from mechopt.mechanisms.borrowing import conditional, enclosed_means

    found = Expectations(environment)
    proven = enclosed_means.second_moment(found, axis)
    assert proven is not None
    assert proven.proven
    assert proven.error < 1e-8
    if found.exact:
        assert abs(float(proven.value) - float(found.second_moment_given(axis).value)) <= proven.error + 1e-15
    else:
        rough = conditional.second_moment_in_floats(found, axis)
        assert abs(float(proven.value) - rough.value) <= proven.error + 3 * rough.error + 1e-6


QUADRATIC = st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(-3, 3).filter(bool))


@settings(max_examples=8, deadline=None)
@given(QUADRATIC, QUADRATIC, st.sampled_from(TIMES))
def test_ball_arithmetic_encloses_what_quadrature_finds(
    first: tuple[int, ...], second: tuple[int, ...], law: dict[str, Any]
) -> None:
    """Two computations with nothing in common but the cuts."""
    from mechopt.mechanisms.borrowing.expectations import expectation

    data = {
        "mechanism": "borrowing",
        "values": {n: {"kind": "polynomial", "coefficients": list(c)} for n, c in (("f", first), ("g", second))},
        "agents": [{"beliefs": {n: 1}, "time": law} for n in "fg"],
    }
    found = Expectations(from_document(instance.read_document(data)))
    for _, _, _, parts in found.pairs:
        for polynomial in (lambda part: part.best, lambda part: part.best**2, lambda part: part.where(1)):
            proven = expectation(parts, polynomial)
            rough = expectation(parts, polynomial, prove=False)
            assert not proven.proven or proven.error < 1e-7
            assert abs(float(proven.value) - float(rough.value)) <= proven.error + rough.error + 1e-12


def test_the_guarantee_says_what_the_numbers_are_worth(paper: Callable[..., dict[str, Any]]) -> None:
    from mechopt import api

    assert api.solve(paper()).guarantee.kind == "exact"
    curved = api.solve(paper(values=CURVED)).guarantee
    assert curved.kind == "bounded"
    assert 0 < curved.error < 1e-12
    least = api.solve(paper(values=CURVED, design="minimum_variance")).guarantee
    assert least.kind == "bounded"
    assert 0 < least.error < 1e-11
    law = [{"beliefs": {"f": 1}, "time": ROUGH[1]}] * 2
    assert api.solve(paper(agents=law)).guarantee.kind == "bounded"
    rough = [{"beliefs": {"f": 1}, "time": ROUGH[0]}] * 2
    estimated = api.solve(paper(agents=rough)).guarantee
    assert estimated.kind == "approximate"
    assert "estimated" in estimated.detail


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.fractions(-9, 9, max_denominator=9)))
def test_bernstein_coefficients_bound_a_polynomial_on_the_unit_square(terms: dict[tuple[int, ...], F]) -> None:
    from mechopt.mechanisms.borrowing.enclosure import bernstein

    grid = [F(k, 6) for k in range(7)]
    values = [sum((c * x**i * y**j for (i, j), c in terms.items()), F(0)) for x in grid for y in grid]
    assert max(map(abs, values)) <= bernstein(terms) <= sum(map(abs, terms.values()), F(0))


def test_bernstein_coefficients_see_what_cancels() -> None:
    """630 x^4 (1 - x)^4, a beta density: at most 2.47, and its coefficients add up to 10,080 in size."""
    from math import comb

    from mechopt.mechanisms.borrowing.enclosure import bernstein

    assert bernstein({(4 + k,): F(630 * (-1) ** k * comb(4, k)) for k in range(5)}) == 9
