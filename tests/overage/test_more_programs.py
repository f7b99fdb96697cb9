"""Programs F5, F7, F10 and F11 against the engine on random periods: what `formulate --solve` compares, at scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mechopt import api
from mechopt.errors import InstanceError

pytest.importorskip("pyomo.environ")
pytest.importorskip("cvxpy")


def short_period(seed: int) -> dict[str, Any]:
    """Whole amounts; overage exceeds slack, and there is some of both."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 6))
    over = [int(units) for units in rng.integers(1, 12, count)]
    accounts = [{"account": str(k), "entitlement": 10, "claim": 10 + units} for k, units in enumerate(over)]
    spare = int(rng.integers(1, min(sum(over), 10)))
    accounts.append({"account": "giver", "entitlement": 10, "claim": 10 - spare})
    return {"mechanism": "overage", "accounts": accounts}


def gap(document: dict[str, Any], program: str, **options: Any) -> None:
    (finding,) = api.compare(document, program=program, **options).checks
    assert finding.holds, finding


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("program", ["equal_awards_qp", "equal_losses_qp", "clearing_lp", "clearing_qp"])
def test_convex_rules(seed: int, program: str) -> None:
    gap(short_period(seed), program)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_capped_family(seed: int, alpha: float) -> None:
    gap(short_period(seed), "capped_power", alpha=alpha)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("program", ["largest_remainder_milp", "jefferson_milp", "adams_milp"])
def test_whole_units(seed: int, program: str) -> None:
    gap(short_period(seed), program)


@pytest.mark.parametrize("seed", range(10))
def test_the_collar(seed: int) -> None:
    gap(short_period(seed), "collar_lp", price=0.5 + seed / 10, low=0.1, high=40.0, factors="0.8 0.95 1 1.3")


@pytest.mark.parametrize("seed", range(6))
def test_noise(seed: int) -> None:
    gap(short_period(seed), "noise_gp", account=1, error=0.03 * seed)


@pytest.mark.parametrize("program", ["clearing_lp", "clearing_qp", "coalition", "collar_lp", "noise_gp"])
def test_programs_of_the_linear_rule_refuse_another(program: str) -> None:
    with pytest.raises(InstanceError, match="linear rule"):
        api.compare(short_period(1) | {"rule": "talmud", "claim_bound": 30}, program=program)


@pytest.mark.parametrize("program", ["clearing_lp", "equal_awards_qp", "jefferson_milp"])
def test_programs_of_one_pool_refuse_a_network(program: str) -> None:
    with pytest.raises(InstanceError, match="not networks"):
        api.compare("overage/vintages_network", program=program)
