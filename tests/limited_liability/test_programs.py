"""The programs of models/limited_liability on random instances: the engine's optima, and what is out of their reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mechopt import api, catalog, formulation
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.deviation import best_deviation, replayed
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.mechanism import run
from mechopt.mechanisms.limited_liability.rules import Rules

pytest.importorskip("pyomo.environ")
pytest.importorskip("cvxpy")

Draw = Callable[..., Environment]


def optima(environment: Environment, name: str, **given: Any) -> tuple[float, float]:
    """The optimum of a program, and the engine's."""
    chosen, _ = formulation.choose("limited_liability", name)
    options = formulation.settings(chosen, given)
    found = formulation.optimum(chosen.build(environment, **options))
    assert chosen.engine is not None
    return found, float(chosen.engine(environment, **options))


def refused(environment: Environment, name: str, key: str, **given: Any) -> None:
    """Building the program ends with an error for that key."""
    chosen, _ = formulation.choose("limited_liability", name)
    with pytest.raises(InstanceError) as caught:
        chosen.build(environment, **formulation.settings(chosen, given))
    assert caught.value.key == key


@pytest.mark.parametrize("name", ["allotment_lp", "allotment_milp"])
@pytest.mark.parametrize("seed", range(3))
def test_groups_decide_as_the_programs_do(draw: Draw, name: str, seed: int) -> None:
    environment = draw(seed, periods=3, coarse=bool(seed % 2))
    for group in range(4):
        found, engine = optima(environment, name, period=3, group=group)
        assert found == pytest.approx(engine, abs=1e-7)


@pytest.mark.parametrize("name", ["allotment_lp", "allotment_milp"])
def test_networks_of_water_are_the_same_program(name: str) -> None:
    environment = api.load("limited_liability/canal_network").environment
    for group in (0, 1, 2):
        found, engine = optima(environment, name, period=2, group=group)
        assert found == pytest.approx(engine, rel=1e-6)
        assert found > 0


def test_whole_amounts_are_worth_at_most_divisible_ones() -> None:
    """Two indivisible projects of size 2 in a budget of 3: one whole, or one and a half."""
    document: dict[str, Any] = {
        "mechanism": "limited_liability", "variant": "baseline", "output_bound": 10,
        "values": [[3.0, 4.0]], "outputs": [[3.0, 4.0]],
        "program": {
            "columns": [{"column": "a", "agent": "a", "upper": 1}, {"column": "b", "agent": "b", "upper": 1}],
            "rows": [{"row": "budget", "sense": "<=", "limit": 3}],
            "entries": [{"row": "budget", "column": name, "coefficient": 2} for name in "ab"],
            "integer": ["a", "b"],
        },
    }  # fmt: skip
    environment = api.load(document).environment
    assert optima(environment, "allotment_milp") == pytest.approx((4.0, 4.0), abs=1e-6)
    assert optima(environment, "allotment_lp") == pytest.approx((5.5, 5.5), abs=1e-6)
    assert optima(environment, "allotment_milp", group=2) == pytest.approx((3.0, 3.0), abs=1e-6)


@pytest.mark.parametrize("options", [{"variant": "baseline"}, {"variant": "consistent"}, {"variant": "exploration"}])
def test_responses_are_those_of_the_engine(draw: Draw, options: dict[str, Any]) -> None:
    for seed in range(4):
        environment = draw(seed, periods=30, coarse=bool(seed % 2), options=options)
        found, engine = optima(environment, "projection_qp")
        assert found == pytest.approx(engine, abs=1e-5)
        for floor, cap in ((0.0, 1.0), (0.3, 0.2), (1.0, 1.0)):
            found, engine = optima(environment, "response_lp", floor=floor, cap=cap)
            assert found == pytest.approx(engine, abs=1e-5)
            if (floor, cap) == (0.0, 1.0):
                assert found == pytest.approx(0, abs=1e-5)  # Blackwell's own answer is within these limits


def test_what_the_projection_leaves_is_what_groups_are_drawn_by(draw: Draw) -> None:
    environment = draw(5, periods=40)
    program = formulation.choose("limited_liability", "projection_qp")[0].build(environment, period=40)
    formulation.optimum(program)
    table = run(environment).tables["periods"]
    regret = np.r_[table["regret_allocation"][38], table["regret_transfer"][38]]
    away = regret - program.variables()[0].value
    assert away.sum() > 0.1
    np.testing.assert_allclose(away / away.sum(), table["probability"][39], atol=1e-4)


@pytest.mark.parametrize("agents", [1, 2, 3])
def test_the_adversary_reaches_the_sharp_constant(draw: Draw, agents: int) -> None:
    environment = draw(0, periods=1, agents=agents, output_bound=2)
    found, engine = optima(environment, "adversary_milp")
    assert found == pytest.approx(engine, abs=1e-6)
    assert found == pytest.approx(4 * (agents**3 + 1), abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"variant": "baseline"}, {"variant": "baseline", "payment": "debt"}, {"variant": "consistent"},
        {"variant": "discounted", "discount": "0.9"},
    ],
    ids=lambda options: "-".join(str(v) for v in options.values()),
)  # fmt: skip
def test_no_statement_beats_the_forward_search(draw: Draw, options: dict[str, Any]) -> None:
    for seed in range(3):
        environment = draw(seed, periods=4, agents=2, decisions=2, options=options)
        found, engine = optima(environment, "best_deviation_milp", agent=2, periods=4)
        assert found == pytest.approx(engine, abs=1e-6)
    environment = draw(9, periods=2, agents=3, decisions=2, options=options)
    found, engine = optima(environment, "best_deviation_milp", agent=3, periods=2)
    assert found == pytest.approx(engine, abs=1e-6)


def test_the_statements_of_the_program_earn_its_optimum(draw: Draw) -> None:
    """Off ties, that is where the search finds statements that decide strictly."""
    environment = draw(4, periods=3, agents=2, decisions=3)
    program = formulation.choose("limited_liability", "best_deviation_milp")[0].build(environment, agent=1, periods=3)
    found = formulation.optimum(program)
    stated = np.array([[program.stated[t, a].value for a in range(3)] for t in range(3)])
    assert replayed(environment, 0, stated) <= found + 1e-6
    assert replayed(environment, 0, best_deviation(environment, 0).stated) == pytest.approx(found, abs=1e-6)


def test_what_the_programs_cannot_do_is_said(draw: Draw) -> None:
    environment = draw(0, periods=3, agents=2, decisions=3)
    refused(environment, "allotment_lp", "period", period=4)
    refused(environment, "allotment_milp", "group", group=3)
    refused(environment, "projection_qp", "period", period=4)
    refused(environment, "best_deviation_milp", "agent", agent=3)
    refused(environment, "best_deviation_milp", "periods", periods=4)
    refused(replace(environment, rules=Rules(variant="pivot", agents=2)), "projection_qp", "variant")
    refused(replace(environment, rules=Rules(variant="exploration", agents=2)), "best_deviation_milp", "variant")
    refused(replace(environment, rules=Rules(variant="bounded_values", agents=2)), "adversary_milp", "variant")
    refused(replace(environment, rules=Rules(variant="baseline", agents=2, payment="debt")), "adversary_milp",
            "payment")  # fmt: skip
    refused(draw(0, periods=1, agents=6), "adversary_milp", "values")
    refused(draw(0, periods=3, agents=3, decisions=4), "best_deviation_milp", "periods")


@pytest.mark.parametrize("name", ["best_deviation_milp", "bounded_deviation_milp"])
def test_deviations_are_not_searched_among_the_optima_of_a_program(name: str) -> None:
    """A misreport would change them."""
    refused(api.load("limited_liability/canal_network").environment, name, "program", periods=1)


def test_every_program_has_the_engines_optimum_beside_it() -> None:
    known = formulation.formulations("limited_liability")
    assert set(known) >= {
        "allotment_lp", "allotment_milp", "projection_qp", "response_lp", "adversary_milp", "best_deviation_milp",
    }  # fmt: skip
    for name in known:
        outcome = api.compare(catalog.starter("limited_liability"), program=name)
        assert all(finding.holds for finding in outcome.checks), name
