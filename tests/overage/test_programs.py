"""The clearing programs F1 and F2 agree with the engine's closed form."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt import catalog, instance
from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.overage.environment import Environment, from_document
from mechopt.mechanisms.overage.mechanism import run

pyo = pytest.importorskip("pyomo.environ")
pytest.importorskip("cvxpy")

MODELS = catalog.root("models") / "overage"
TOLERANCE = 1e-7  # relative to the largest coverage: what HiGHS promises, and Clarabel away from X = I
AT_BOUNDARY = 1e-5  # at X = I the multiplier and its constraint vanish together: an interior point is off by sqrt(gap)


program = catalog.load(MODELS / "clearing_program.py")


def period(entitlement: Any, claim: Any, **options: Any) -> Environment:
    return Environment(
        account=[str(j) for j in range(len(entitlement))],
        entitlement=np.asarray(entitlement),
        claim=np.asarray(claim),
        **options,
    )


def agree(environment: Environment) -> None:
    engine = run(environment)
    coverage = engine.tables["accounts"]["coverage"]
    scale = max(1.0, float(np.max(np.asarray(coverage, dtype=float), initial=0)))
    over, under = float(engine.summary["overage_total"]), float(engine.summary["slack_total"])
    tolerance = AT_BOUNDARY if engine.summary["region"] == "X=I" else TOLERANCE
    lp, qp = program.solve_lp(environment), program.solve_qp(environment)
    for solution in (lp, qp):
        np.testing.assert_allclose(solution.coverage, np.asarray(coverage, dtype=float), rtol=0, atol=tolerance * scale)
    scarcity = float(engine.summary["scarcity"])
    assert qp.scarcity == pytest.approx(scarcity, abs=tolerance)
    assert lp.objective == pytest.approx(min(1.0, under / over) if over else 1.0, abs=tolerance)
    value = max(over - under, 0) ** 2 / (2 * over) if over else 0.0
    assert qp.objective == pytest.approx(value, abs=tolerance * max(1.0, value))
    if engine.summary["region"] == "X>I" and under > 0:
        assert lp.slack_price == pytest.approx(1 / over, rel=1e-6)


@pytest.mark.parametrize("region", ["X<I", "X=I", "X>I"])
@pytest.mark.parametrize("seed", range(5))
def test_engine_and_programs_agree_in_every_region(region: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(region), ord(region[1])])
    n = int(rng.integers(2, 12))
    entitlement = rng.integers(10, 40, n)
    claim = entitlement + rng.integers(-8, 9, n)
    # One more account moves the balance to where it is wanted.
    gap = int(claim.sum() - entitlement.sum())
    shift = {"X<I": -abs(gap) - 3, "X=I": -gap, "X>I": abs(gap) + 3}[region]
    entitlement = np.append(entitlement, 200)
    claim = np.append(claim, 200 + shift)
    environment = period(entitlement, claim)
    assert run(environment).summary["region"] == region
    agree(environment)


@pytest.mark.parametrize(
    ("entitlement", "claim"),
    [([5, 5], [5, 5]), ([5, 5], [4, 3]), ([5, 5], [8, 6]), ([5], [9]), ([0.1, 0.2, 0.3], [0.3, 0.1, 0.25])],
    ids=["all cooperate", "only slack", "no slack", "one account", "decimals"],
)
def test_programs_agree_at_the_edges(entitlement: list[float], claim: list[float]) -> None:
    agree(period(entitlement, claim))


@pytest.mark.parametrize("name", ["starter", "cap_and_share"])
def test_programs_agree_on_the_shipped_models(name: str) -> None:
    agree(from_document(instance.read_document(MODELS / f"{name}.toml")))


def test_whole_units_are_within_one_unit_of_the_program() -> None:
    """Jefferson's method is here within a unit of the shares that it rounds, and gives out as many."""
    environment = from_document(instance.read_document(MODELS / "cluster_quota.toml"))
    whole = np.asarray(run(environment).tables["accounts"]["coverage"], dtype=float)
    shares = program.solve_lp(environment).coverage
    assert np.abs(whole - shares).max() <= 1
    assert whole.sum() == pytest.approx(shares.sum())


def test_the_scarcity_factor_is_minus_the_shadow_price_of_slack() -> None:
    """A little more slack changes the optimum by -Lambda per unit."""
    qp = [program.solve_qp(period([10, 10], [10 - slack, 22])) for slack in (4, 4.001)]
    assert (qp[1].objective - qp[0].objective) / 0.001 == pytest.approx(qp[0].slack_price, abs=1e-4)
    assert qp[0].scarcity == pytest.approx(Fraction(8, 12), abs=1e-8)


def test_an_unsolvable_extension_is_a_solve_error(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = period([10, 10], [6, 22])
    build_lp, build_qp = program.build_lp, program.build_qp

    def lp(environment: Environment) -> Any:
        model = build_lp(environment)
        model.side = pyo.Constraint(expr=model.coverage[1] >= 5)
        return model

    def qp(environment: Environment) -> Any:
        import cvxpy as cp

        built = build_qp(environment)
        problem = cp.Problem(
            built.problem.objective, [*built.problem.constraints, built.coverage[1] >= 5, built.coverage >= 0]
        )
        return program.QuadraticProgram(problem=problem, coverage=built.coverage, slack=built.slack)

    monkeypatch.setattr(program, "build_lp", lp)
    monkeypatch.setattr(program, "build_qp", qp)
    with pytest.raises(SolveError, match="F1"):
        program.solve_lp(environment)
    with pytest.raises(SolveError, match="F2"):
        program.solve_qp(environment)


def test_power_rules_are_refused() -> None:
    with pytest.raises(InstanceError, match="linear"):
        program.build_lp(period([10, 10], [6, 22], rule="power", alpha=2))


def test_2019_is_settled_to_the_tonne() -> None:
    """11,011 installations; claims exceed entitlements, so the slack is used up and payoffs add to entitlements."""
    environment = from_document(instance.read_document(MODELS / "eu_ets_2019.toml"))
    outcome = run(environment)
    assert outcome.summary["accounts"] == 11_011
    assert outcome.summary["entitlement_total"] == 752_869_312
    assert outcome.summary["claim_total"] == 1_598_421_964
    assert outcome.summary["overage_total"] == 948_900_808
    assert outcome.summary["slack_total"] == 103_348_156
    assert outcome.summary["identity_gap"] == 0
    accounts = {name: [int(value) for value in outcome.tables["accounts"][name]] for name in ("payoff", "residual")}
    assert sum(accounts["payoff"]) == 752_869_312
    assert sum(accounts["residual"]) == 948_900_808 - 103_348_156
