"""Which program `formulate` takes where none is named: one of the document's own rule, or none."""

from __future__ import annotations

from typing import Any

import pytest

from mechopt import api
from mechopt.errors import InstanceError


def document(**keys: Any) -> dict[str, Any]:
    claims = [4, 15, 13, 18]
    accounts = [{"account": f"a{k}", "entitlement": 10, "claim": claim} for k, claim in enumerate(claims)]
    return {"mechanism": "overage", "accounts": accounts, **keys}


@pytest.mark.parametrize(
    ("keys", "name", "optimum"),
    [
        ({}, "clearing_lp", 6 / 16),
        ({"rule": "constrained_equal_awards"}, "equal_awards_qp", 3 * 2.0**2),
        ({"rule": "constrained_equal_awards", "weights": [1, 2, "1/2", 1]}, "equal_awards_qp", 6.0**2 / 3.5),
        ({"rule": "constrained_equal_losses", "weights": [1, 1, 1, 5]}, "equal_losses_qp", None),
    ],
)
def test_the_program_is_of_the_rule_of_the_document(keys: dict[str, Any], name: str, optimum: float | None) -> None:
    outcome = api.compare(document(**keys))
    assert outcome.summary["program"] == name
    assert all(finding.holds for finding in outcome.checks)
    if optimum is not None:
        assert outcome.summary["optimum"] == pytest.approx(optimum, rel=1e-5)


@pytest.mark.parametrize("rule", ["talmud", "piniles", "random_arrival"])
def test_a_rule_without_a_program_gets_no_other_ones(rule: str) -> None:
    with pytest.raises(InstanceError, match="none of the programs"):
        api.compare(document(rule=rule))
