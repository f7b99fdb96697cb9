"""The shrinker: few agents, small whole numbers, still a counterexample."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mechopt.evidence import Instance
from mechopt.evidence.shrink import cost, shrink


@pytest.mark.parametrize(
    ("witness", "violates", "smallest"),
    [
        ({"x": [Fraction(41, 3), 7, 22]}, lambda i: sum(i["x"]) >= 10, {"x": [10]}),
        ({"x": Fraction(355, 113)}, lambda i: 3 < i["x"] < 4, {"x": Fraction(7, 2)}),
        ({"x": -17}, lambda i: i["x"] ** 2 > 3, {"x": 2}),
        (
            {"a": [5, 9, 3], "b": [9, 5, 3]},
            lambda i: any(p < q for p, q in zip(i["a"], i["b"], strict=True)),
            {"a": [0], "b": [1]},
        ),
        ({"x": [8, 31, 4, 12]}, lambda i: len(i["x"]) > 2 and len(set(i["x"])) == len(i["x"]), {"x": [0, 1, 2]}),
        (
            {"rule": "max", "n": 12},
            lambda i: i["rule"] == "max" and i["n"] % 3 == 0 and i["n"] > 0,
            {"rule": "max", "n": 3},
        ),
    ],
)
def test_shrinker_reaches_the_smallest_witness(witness: Instance, violates: Any, smallest: Instance) -> None:
    """Few agents, small whole numbers; words stay as they are."""
    found = shrink(witness, violates)
    assert {key: sorted(v) if isinstance(v, list) else v for key, v in found.items()} == smallest


def power_payoffs(instance: Instance, claims: list[Any]) -> list[Any]:
    """The printed rule with alpha = 2, exact."""
    gaps = [claim - entitled for claim, entitled in zip(claims, instance["entitlement"], strict=True)]
    over, slack = [max(gap, 0) for gap in gaps], sum(max(-gap, 0) for gap in gaps)
    weight = sum(Fraction(v) ** 2 for v in over)
    if sum(over) < slack or not weight:
        return list(claims)
    shared = [slack * Fraction(v) ** 2 / weight for v in over]
    if sum(over) == slack:
        shared = [max(v, part) for v, part in zip(over, shared, strict=True)]
    return [min(c, e) + part for c, e, part in zip(claims, instance["entitlement"], shared, strict=True)]


def not_monotone(instance: Instance) -> bool:
    """Claiming more gives the first agent less."""
    first, *others = instance["claim"]
    if instance["raised"] <= first or min(*instance["entitlement"], *instance["claim"]) < 0:
        return False
    raised = power_payoffs(instance, [instance["raised"], *others])[0]
    return bool(raised < power_payoffs(instance, [first, *others])[0])


def test_shrinker_on_a_counterexample_to_monotonicity() -> None:
    """The first reading's counterexample (alpha = 2) comes down to single digits and stays a counterexample."""
    found = shrink({"entitlement": [10, 5, 10], "claim": [11, 7, 7], "raised": Fraction(111, 10)}, not_monotone)
    assert not_monotone(found)
    assert all(isinstance(value, int) and value < 10 for value in (*found["entitlement"], *found["claim"]))


def test_shrinker_survives_a_predicate_that_raises() -> None:
    """A candidate that the predicate cannot take is passed over."""
    assert shrink({"x": 8}, lambda i: 8 / i["x"] <= 2) == {"x": 4}


@settings(deadline=None)  # hundreds of tries each: on a busy machine more than the 200 ms that Hypothesis allows
@given(st.lists(st.fractions(-20, 20), min_size=1, max_size=4))
def test_shrinking_never_makes_it_worse(values: list[Fraction]) -> None:
    """The result violates as the witness did, and is at most as complicated."""
    target = sum(values)
    found = shrink({"x": values}, lambda instance: sum(instance["x"]) >= target, tries=300)
    assert sum(found["x"]) >= target
    assert cost(found) <= cost({"x": values})
