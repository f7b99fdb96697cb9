"""Weights in documents: the weighted claims rules inside the mechanism, through every verb."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import mechopt
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import award, explain, netting_gain, splitting_gain
from mechopt.mechanisms.overage.clearing import RULES, WEIGHTED_RULES
from mechopt.mechanisms.overage.plots import pictures


def document(rule: str = "constrained_equal_awards", weights: Any = (1, 2, "1/2", 1), **keys: Any) -> dict[str, Any]:
    """Slack of 6 for overages of 5, 3 and 8."""
    return {
        "mechanism": "overage",
        "rule": rule,
        "weights": list(weights) if isinstance(weights, tuple) else weights,
        "arithmetic": "exact",
        "accounts": [
            {"account": name, "entitlement": 10, "claim": claim}
            for name, claim in zip("abcd", (4, 15, 13, 18), strict=True)
        ],
        **keys,
    }


def coverage(source: dict[str, Any]) -> list[Any]:
    return list(mechopt.solve(source).tables["accounts"]["coverage"])


def test_equal_awards_per_unit_of_weight() -> None:
    assert coverage(document()) == [0, Fraction(24, 7), Fraction(6, 7), Fraction(12, 7)]


@pytest.mark.parametrize("rule", WEIGHTED_RULES)
@given(
    weights=st.lists(st.fractions(Fraction(1, 9), 9, max_denominator=9), min_size=4, max_size=4),
    arithmetic=st.sampled_from(["exact", "float"]),
)
@settings(max_examples=30, deadline=None)
def test_the_document_gives_what_the_rule_gives(rule: str, weights: list[Fraction], arithmetic: str) -> None:
    """The accounts that are over claim the slack, with their own weights."""
    found = coverage(document(rule, [str(w) for w in weights], arithmetic=arithmetic))
    expected = award(rule, 6, [5, 3, 8], weight=np.array(weights[1:], dtype=object), arithmetic="exact")
    assert np.allclose(np.array(found, dtype=float), [0, *expected.astype(float)], atol=1e-12)
    assert arithmetic == "float" or found == [0, *expected]


@pytest.mark.parametrize("rule", WEIGHTED_RULES)
def test_equal_weights_are_none(rule: str) -> None:
    without = document(rule)
    del without["weights"]
    assert coverage(document(rule, (3, 3, 3, 3))) == coverage(without)


def test_without_weights_proportional_is_the_linear_rule() -> None:
    plain = document("proportional")
    del plain["weights"]
    assert coverage(plain) == coverage(plain | {"rule": "linear"})


def test_whole_units_follow_the_weighted_quotas() -> None:
    whole = document(rounding="largest_remainder", arithmetic="float")
    assert coverage(whole) == [0, 3, 1, 2]


def test_checks_pictures_explanation_and_simulation_know_the_weights() -> None:
    source = document() | {"simulate": {"periods": 3, "replications": 40}, "arithmetic": "float"}
    assert all(finding.holds for finding in mechopt.check(source).checks)
    model = mechopt.load(source)
    outcome = mechopt.solve(model)
    assert pictures(model.environment, outcome)
    assert "weighted constrained equal awards" in explain(model.environment, outcome, "b")
    equal = mechopt.simulate(source | {"weights": [1, 1, 1, 1]}, seed=3)
    # weights move coverage between accounts; the totals of a period stay
    assert mechopt.simulate(source, seed=3).tables["periods"] == equal.tables["periods"]


def test_regrouping_with_weights_is_refused() -> None:
    environment = mechopt.load(document()).environment
    with pytest.raises(InstanceError, match="weights"):
        netting_gain(environment, ["a", "b"])
    with pytest.raises(InstanceError, match="weights"):
        splitting_gain(environment, "b", 2)


@pytest.mark.parametrize("rule", sorted(set(RULES) - set(WEIGHTED_RULES)))
def test_rules_without_weights_say_which_take_them(rule: str) -> None:
    with pytest.raises(InstanceError, match="takes no weights; proportional") as caught:
        mechopt.solve(document(rule))
    assert caught.value.key == "weights"


@pytest.mark.parametrize(
    ("weights", "word"),
    [
        ((1, 2, 3), "3 weights for 4 accounts"),
        ((), "0 weights for 4 accounts"),
        ((1, 0, 1, 1), "row 2"),
        ((1, 1, -1, 1), "above 0"),
        ((1, 1, 1, "many"), "row 4"),
        ((1, 1, 1, float("nan")), "not finite|finite"),
        ((1, 1, 1, True), "row 4"),
        (3, "list of numbers"),
        ("1, 2, 3, 4", "list of numbers"),
        ({"b": 2}, "list of numbers"),
    ],
)
def test_bad_weights_are_named(weights: Any, word: str) -> None:
    with pytest.raises(InstanceError, match=word) as caught:
        mechopt.solve(document(weights=weights))
    assert "weights" in str(caught.value)


@given(
    weights=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8)
)
@settings(max_examples=80, deadline=None)
def test_whatever_the_weights_only_our_errors_come_out(weights: Any) -> None:
    if weights is None:
        return
    try:
        outcome = mechopt.solve(document(weights=weights))
    except InstanceError:
        return
    assert sum(outcome.tables["accounts"]["coverage"]) == 6


@pytest.mark.parametrize("rule", WEIGHTED_RULES)
@pytest.mark.parametrize("unit", ["1e-390", "1e390", 1e-320, 1e300])
def test_only_the_ratios_of_weights_matter(rule: str, unit: Any) -> None:
    """Weights that floats round to 0 or infinity are as good as others: they are scaled before they are rounded."""
    scaled = coverage(document(rule, (unit, unit, unit, unit), arithmetic="float"))
    assert scaled == coverage(document(rule, (1, 1, 1, 1), arithmetic="float"))
    assert award(rule, 6, [5, 3, 8], weight=[unit] * 3).tolist() == award(rule, 6, [5, 3, 8], weight=[1] * 3).tolist()


@pytest.mark.parametrize("rule", WEIGHTED_RULES)
@pytest.mark.parametrize("small", [1e-20, "1e-90", "1e-150"])
def test_ratios_that_floats_cannot_hold_are_refused(rule: str, small: Any) -> None:
    found = coverage(document(rule, (1, small, 1, small)))
    if small == "1e-150":
        with pytest.raises(InstanceError, match=r"10\^100 times"):
            coverage(document(rule, (1, small, 1, small), arithmetic="float"))
        assert pictures(mechopt.load(document(rule, (1, small, 1, small))).environment,
                        mechopt.solve(document(rule, (1, small, 1, small)))) == []  # fmt: skip
    else:
        rough = coverage(document(rule, (1, small, 1, small), arithmetic="float"))
        assert np.allclose(rough, [float(x) for x in found], rtol=1e-12, atol=1e-12)
