"""Everything that can be wrong with an instance: refused with one clear line, or a behaviour that is told."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import mechopt
from mechopt.cli import main
from mechopt.errors import InstanceError, MechoptError
from mechopt.finding import Finding
from mechopt.mechanisms.linked_vcg import Environment, run
from mechopt.mechanisms.linked_vcg.checks import check
from mechopt.mechanisms.linked_vcg.environment import Names

ARRAYS: dict[str, Any] = {
    "stock": np.array([10.0, 8.0]),
    "types": np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 1.25]]),
    "endowments": np.array([[[0.0, 0.0, 1.0], [0.0, 1.0, 2.0]], [[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]]),
    "lower": np.zeros((2, 3)),
    "upper": np.array([[0.0, 0.5, 2.0], [0.5, 0.0, 2.0]]),
}


def environment(**changes: Any) -> Environment:
    return Environment(**{**ARRAYS, **changes})


def document(**changes: Any) -> dict[str, Any]:
    lists = {name: array.tolist() for name, array in ARRAYS.items()}
    return {"mechanism": "linked_vcg", **lists, **changes}


@pytest.mark.parametrize("arithmetic", ["float", "exact"])
@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("stock", [[10.0, 8.0]], "stock: needs 1 nested levels, not 2"),
        ("types", [3.0, 2.0], "types: needs 2 nested levels, not 1"),
        ("types", [[3.0], [2.0], [1.0]], r"types: has shape \(3, 1\), not \(3, 2\) \[type\]\[resource\]"),
        ("endowments", [[0.0, 1.0, 2.0]], "endowments: needs 3 nested levels, not 2"),
        ("lower", [[0.0, 0.0, 0.0]], r"lower: has shape \(1, 3\), not \(2, 3\) \[agent\]\[type\]"),
        ("upper", [[0.0, 0.0], [0.0, 0.0]], r"upper: has shape \(2, 2\)"),
        ("stock", [10.0, 0.0], r"stock: must be above 0, not 0"),
        ("stock", [-1.0, 8.0], r"stock: must be above 0"),
        ("types", [[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]], "type 3 uses nothing"),
        ("types", [[3.0, 0.0]], r"types: has shape \(1, 2\)"),
        ("lower", [[0.0, 0.0, 3.0], [0.0, 0.0, 0.0]], r"lower: 3.* is above upper = 2.* \(agent 1, type 3\)"),
    ],
)
def test_wrong_shapes_and_wrong_quantities(name: str, value: Any, word: str, arithmetic: str) -> None:
    with pytest.raises(InstanceError, match=word):
        environment(**{name: np.array(value)}, arithmetic=arithmetic)
    with pytest.raises(InstanceError, match=name):
        mechopt.load(document(**{name: value}, arithmetic=arithmetic))


@pytest.mark.parametrize("arithmetic", ["float", "exact"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["stock", "types", "endowments", "lower", "upper", "discount"])
def test_no_number_may_be_nan_or_infinite(name: str, bad: float, arithmetic: str) -> None:
    """In each array, at its last place; and as JSON would carry it, in text."""
    if name == "discount":
        value: Any = bad
    else:
        value = ARRAYS[name].copy()
        value[(-1,) * value.ndim] = bad
    with pytest.raises(InstanceError, match=rf"{name}.*(finite|number)") as caught:
        environment(**{name: value}, arithmetic=arithmetic)
    assert "\n" not in str(caught.value)
    listed = value if name == "discount" else value.tolist()
    with pytest.raises(InstanceError, match=rf"{name}.*finite"):
        mechopt.load(document(**{name: listed}, arithmetic=arithmetic))


@pytest.mark.parametrize(
    ("value", "word"),
    [("1e400", "must be at most 1e.100"), ("1e-400", "has a number so near to 0 that a float cannot hold it")],
)
@pytest.mark.parametrize("name", ["stock", "types", "endowments", "lower", "upper"])
def test_an_exact_number_that_no_float_holds_is_refused(name: str, value: str, word: str) -> None:
    """Searches, designs and simulations of exact instances use floats too, where it would be infinite or 0."""
    given = ARRAYS[name].astype(object)
    given[(-1,) * given.ndim] = Fraction(value)
    with pytest.raises(InstanceError, match=f"{name}: {word}"):
        environment(**{name: given}, arithmetic="exact")


@pytest.mark.parametrize("shape", [(0, 2, 3), (2, 0, 3), (2, 2, 0)])
def test_nobody_no_date_no_type(shape: tuple[int, int, int]) -> None:
    """N = 0 and T = 0 are no instances: there is nobody to pay, and no date to pay at."""
    agents, _, kinds = shape
    missing = ["agent", "date", "type"][shape.index(0)]
    with pytest.raises(InstanceError, match=f"endowments: at least one {missing} is needed"):
        environment(endowments=np.zeros(shape), lower=np.zeros((agents, kinds)), upper=np.zeros((agents, kinds)))


def test_nobody_and_no_date_in_a_document() -> None:
    empty: list[list[Any]] = [[], [[], []], [[[], []], [[], []]]]
    for endowments in empty:
        with pytest.raises(InstanceError, match="endowments"):
            mechopt.load(document(endowments=endowments))
    with pytest.raises(InstanceError, match="endowments"):
        mechopt.load(document(endowments={"agent": [], "date": [], "type": [], "quantity": []}))


def test_nobody_with_anything_still_settles() -> None:
    """Empty hands are a valid instance: the principal uses the whole stock herself, and nobody is paid."""
    outcome = run(environment(endowments=np.zeros((2, 2, 3)), upper=np.zeros((2, 3))))
    assert outcome.summary["surplus"] == pytest.approx(2 * (10 / 3 + 4))
    assert list(outcome.tables["agents"]["linked_transfer"]) == [0.0, 0.0]


def test_an_average_outside_its_interval_is_retracted_and_said_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Above: agent 1 reports 1 + 9 of type 3 where 4 are left for both dates. Below: agent 2 must average 2."""
    over = ARRAYS["endowments"].copy()
    over[0, 1, 2] = 9.0
    least = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    given = environment(endowments=over, lower=least,
                        names=Names(agents=["a", "b"], dates=["Mon", "Tue"], types=["x", "y", "z"]))  # fmt: skip
    outcome = run(given)
    assert outcome.warnings[0].startswith("the reports of 2 agents left their bounds and were retracted")
    table = outcome.tables["retracted"]
    rows = list(zip(*(table[name] for name in ("agent", "date", "type", "reported", "used")), strict=True))
    assert rows == [("a", "Tue", "z", 9.0, 3.0), ("b", "Tue", "z", 1.0, 2.0)]
    # The same as if the retracted reports had been made.
    kept = over.copy()
    kept[0, 1, 2], kept[1, 1, 2] = 3.0, 2.0
    inside = run(environment(endowments=kept, lower=least))
    assert "retracted" not in inside.tables
    assert not inside.warnings
    for name in ("contribution", "unlinked_transfer", "linked_transfer"):
        assert list(outcome.tables["agents"][name]) == list(inside.tables["agents"][name])
    path = tmp_path / "over.json"
    path.write_text(json.dumps(document(endowments=over.tolist(), lower=least.tolist())), encoding="utf-8")
    assert main(["solve", str(path)]) == 0
    assert "retracted" in capsys.readouterr().out


FIGURE_1B = np.array([[12.0, 0.0], [0.0, 10.0], [6.0, 5.0]])


def generic(findings: list[Finding]) -> Finding:
    return next(finding for finding in findings if finding.property == "generic_types")


def test_types_that_are_not_generic_are_refused_at_a_price_that_occurs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figure 1b: half of each single-resource type is as good as the third."""
    path = tmp_path / "figure_1b.json"
    path.write_text(json.dumps(document(types=FIGURE_1B.tolist())), encoding="utf-8")
    assert main(["solve", str(path)]) == 2
    shown = capsys.readouterr().err
    assert re.search(r"figure_1b.json: types: types [123, ]+ lie on one plane at a price that occurs at date 1", shown)
    assert shown.count("\n") == 1


def test_types_that_are_not_generic_elsewhere_are_told_and_do_no_harm() -> None:
    """Types 4 and 5 are equal, but both below every price that occurs: all of both is used, whoever counts them."""
    types = np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 1.25], [0.1, 0.1], [0.1, 0.1]])
    one = np.concatenate([ARRAYS["endowments"], np.full((2, 2, 2), 0.5)], axis=2)
    most = np.concatenate([ARRAYS["upper"], np.full((2, 2), 0.5)], axis=1)
    twins = environment(types=types, endowments=one, upper=most, lower=np.zeros((2, 5)))
    outcome = run(twins)
    finding = generic(check(twins, outcome))
    assert not finding.holds
    assert finding.witness == {"types_on_one_plane": ["4", "5"]}
    assert "at no price met here" in finding.evidence
    merged = environment(types=types[:4], endowments=np.concatenate([one[:, :, :3], 2 * one[:, :, 3:4]], axis=2),
                         upper=np.concatenate([most[:, :3], 2 * most[:, 3:4]], axis=1),
                         lower=np.zeros((2, 4)))  # fmt: skip
    for name in ("contribution", "unlinked_transfer", "linked_transfer"):
        assert np.allclose(outcome.tables["agents"][name], run(merged).tables["agents"][name])
    assert generic(check(merged, run(merged))).holds


def test_types_that_nobody_can_have_need_not_be_generic() -> None:
    """Figure 1b again, but nobody may ever have the third type."""
    none = ARRAYS["endowments"] * [1, 1, 0]
    harmless = environment(types=FIGURE_1B, endowments=none, upper=ARRAYS["upper"] * [1, 1, 0])
    assert generic(check(harmless, run(harmless))).holds


NUMBERS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([0, -1, 1e308, 1e-308, "1/3", "x", None, True, [], float("nan"), float("inf")]),
    st.floats(0, 5, width=16),
)


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "stock": st.lists(NUMBERS, max_size=3),
            "types": st.lists(st.lists(NUMBERS, min_size=1, max_size=2), max_size=4),
            "endowments": st.lists(st.lists(st.lists(NUMBERS, max_size=3), max_size=2), max_size=2),
            "upper": st.lists(st.lists(NUMBERS, min_size=2, max_size=3), max_size=2),
            "lower": st.one_of(st.none(), st.lists(st.lists(NUMBERS, min_size=3, max_size=3), max_size=2)),
            "discount": NUMBERS,
            "arithmetic": st.sampled_from(["float", "exact", "decimal"]),
        },
    )
)
def test_whatever_is_written_is_solved_or_refused(changes: dict[str, Any]) -> None:
    problem = ""
    try:
        outcome = mechopt.solve(document(**changes))
    except MechoptError as error:
        problem = str(error)
    assert "\n" not in problem
    if problem:
        return
    assert outcome.guarantee.kind in ("exact", "certified", "bounded")
    json.loads(outcome.to_json())
