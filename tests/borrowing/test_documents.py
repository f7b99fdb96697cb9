"""Documents: every spelling of a right one, one clear line for a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api, catalog, instance
from mechopt.errors import InstanceError, MechoptError
from mechopt.mechanisms.borrowing.document import from_document
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.values import from_callable, pieces, points, polynomial

Read = Callable[..., Environment]
Paper = Callable[..., dict[str, Any]]
F = Fraction


def test_pieces_are_left_closed_however_their_ends_are_given() -> None:
    parts = [[F(1)], [F(1, 2)], [F(0)]]
    ends = [F(0), F(1), F(3, 2), F(2)]
    for breaks in (ends, ends[:3], ends[1:3]):
        function = pieces("deadline", breaks, parts)
        assert [function.at(F(t)) for t in (0, 1, F(3, 2), 2)] == [1, F(1, 2), 0, 0]
        assert function.floats([0.5, 1.0, 1.25, 1.5]).tolist() == [1, 0.5, 0.5, 0]
    assert points("line", [(F(0), F(1)), (F(1), F(0)), (F(2), F(3))]).at(F(3, 2)) == F(3, 2)


def test_a_sum_of_floats_that_falls_short_of_a_break_has_reached_it() -> None:
    deadline = pieces("deadline", [F(4, 5)], [[F(1)], [F(0)]])
    assert 0.1 + 0.7 < 0.8
    assert deadline.floats([0.1 + 0.7, 0.8, 0.8 - 1e-9]).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "function", [lambda t: np.sin(9 * t), lambda t: 1 / (1 + 25 * (t - 1) ** 2), lambda t: np.exp(-t)]
)
def test_the_error_of_a_callable_holds_for_what_floats_say(function: Callable[[Any], Any]) -> None:
    """Powers of the time cancel for a steep function; between the times that were tried too."""
    found = from_callable("f", function)
    times = np.linspace(0, 2, 5001)
    assert np.abs(found.floats(times) - function(times)).max() <= found.error


@pytest.mark.parametrize(
    ("coefficients", "leaves"),
    [([1, -3, "3/2"], False), ([1, -4, 2], False), ([1, "-9/2", "9/4"], True), ([0, 1], True)],
)
def test_values_that_stay_inside_are_not_said_to_leave(paper: Paper, coefficients: list[Any], leaves: bool) -> None:
    """The second is -1 at its least; Bernstein coefficients of all three parabolas on [0, 2] are below -1."""
    agents = [{"beliefs": {"f": 1}, "time": {"family": "uniform"}}] * 2
    values = {"f": {"kind": "polynomial", "coefficients": coefficients}}
    warnings = api.solve(paper(values=values, agents=agents)).warnings
    assert any("f leave [-1, 1]" in line for line in warnings) == leaves


def test_shape_is_recognised() -> None:
    assert polynomial("f", [1, -1]).affine == (F(1), F(1))
    assert polynomial("f", [1, 0, -1]).affine is None
    assert polynomial("f", [1, 0, -1]).nonincreasing(F(0), F(2)) is True
    assert polynomial("f", [0, 1]).nonincreasing(F(0), F(2)) is False
    assert pieces("f", [F(1)], [[0], [1]]).nonincreasing(F(0), F(2)) is False
    low, high = polynomial("f", [0, 2, -1]).bounds(F(0), F(2))
    assert low <= 0
    assert high >= 1


def test_a_table_of_rounds_from_a_file(paper: Paper, tmp_path: Path) -> None:
    text = "v1,hours1,value_2,time_2,report_time_2\nf,0.25,g,1/2,1\ng,1,f,0,0\n"
    (tmp_path / "rounds.csv").write_text(text, encoding="utf-8")
    spec = {"file": str(tmp_path / "rounds.csv"), "columns": {"value_1": "v1", "time_1": "hours1"}}
    environment = from_document(instance.read_document(paper(rounds=spec)))
    assert environment.rounds is not None
    assert environment.rounds.time[0].tolist() == [F(1, 4), F(1, 2)]
    assert environment.rounds.report_time[0].tolist() == [F(1, 4), 1]
    assert environment.rounds.report_value[0].tolist() == ["f", "g"]


def test_the_design_may_be_a_table_for_the_design_verb(read: Read) -> None:
    assert read(design={"rule": "pivot"}).design == "pivot"


ROUND = {"value_1": "f", "time_1": "1/2", "value_2": "g", "time_2": "1/2"}
JOB = {"name": "a", "value": "f", "duration": 1}
UNIFORM = {"family": "uniform"}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"design": "one-stage"}, "design: 'one-stage' is not allowed; choose from one_stage, two_stage"),
        ({"values": {"f": {"kind": "polynom", "coefficients": [1]}}}, r"values\.f\.kind: 'polynom' is none of"),
        ({"values": {"f": {"kind": "polynomial"}}}, r"values\.f: coefficients is missing"),
        ({"values": {"f": {"kind": "polynomial", "coefficients": [1, "x"]}}}, r"coefficients\[2\]: 'x' is not"),
        ({"values": {"f": {"kind": "polynomial", "coefficients": []}}}, "must be a list of numbers"),
        ({"values": {"f": {"kind": "points", "points": [[0, 1], [1, 0]]}}}, r"values\.f: is known on \[0, 1\] only"),
        ({"values": {"f": {"kind": "points", "points": [[0, 1], [0, 0]]}}}, "times must increase"),
        ({"values": {"f": {"kind": "points", "points": [[0, 1, 2]]}}}, "each point is"),
        ({"values": {"f": {"kind": "pieces", "breaks": [0, 1, 1], "polynomials": [[1], [0]]}}}, "pieces overlap"),
        ({"values": {"f": {"kind": "pieces", "breaks": [1, "1/2"], "polynomials": [[1], [0], [2]]}}}, "overlap"),
        ({"values": {"f": {"kind": "pieces", "breaks": [0, 1], "polynomials": [[1]] * 4}}}, "2 breaks for 4 pieces"),
        ({"agents": [{"beliefs": {"f": "1/2", "g": "1/3"}, "time": UNIFORM}] * 2},
         r"agents\[1\]\.beliefs: probabilities sum to 5/6, not 1"),
        ({"agents": [{"beliefs": {"f": "3/2", "g": "-1/2"}, "time": UNIFORM}] * 2}, "probability of g is below 0"),
        ({"agents": [{"beliefs": {"h": 1}, "time": UNIFORM}] * 2}, "'h' is not in values"),
        ({"agents": [{"beliefs": {"f": 1}, "time": UNIFORM}]}, "1 agents; beliefs are for two"),
        ({"agents": [{"beliefs": {"f": 1}}] * 2}, r"agents\[1\]: time is missing"),
        ({"agents": [{"beliefs": {"f": 1}, "time": {"family": "uniform", "high": 2}}] * 2},
         r"agents\[1\]\.time\.high: reaches to 2, outside the support \[0, 1\]"),
        ({"agents": [{"beliefs": {"f": 1}, "time": {"family": "discrete", "points": [0, 1], "probs": [0.5, 0.4]}}] * 2},
         "time.probs"),
        ({"agents": [{"beliefs": {"f": 1}, "time": {"family": "discrete", "points": [-1], "probs": [1]}}] * 2},
         "outside the support"),
        ({"agents": None}, "agents: two agents are needed"),
        ({"rounds": [{**ROUND, "time_1": "3/2"}]}, r"rounds\.time_1 \(row 1\): times lie in \[0, 1\]; 1.5 does not"),
        ({"rounds": [ROUND, {**ROUND, "time_2": -1}]}, r"rounds\.time_2 \(row 2\)"),
        ({"rounds": [{**ROUND, "value_2": "h"}]}, r"rounds\.value_2 \(row 1\): 'h' is not in values"),
        ({"rounds": [{"value_1": "f"}]}, "time_1 is missing"),
        ({"rounds": [{**ROUND, "report_tme_1": 1}]}, "unknown key 'report_tme_1'"),
        ({"rounds": [{**ROUND, "report_value_1": "g"}], "design": "one_stage"}, "knows the values"),
        ({"constant": "some"}, "constant: 'some' is not a number"),
        ({"shares": ["1/2", "1/3"], "design": "one_stage"}, "shares: must sum to 1"),
        ({"fine": -1, "design": "one_stage"}, "fine: must be at least 0"),
        ({"fine": 3}, "fine: is for the design one_stage, not two_stage"),
        ({"shares": ["1/2", "1/2"]}, "shares: is for the design one_stage, not two_stage"),
        ({"constant": 1, "design": "one_stage"}, "constant: one_stage balances every time"),
        ({"design": "balanced"}, r"design: balanced is for a \[sequence\]"),
        ({"fine": 3, "design": "one_stage", "agents": [], "sequence": {"jobs": [JOB]}}, "fine: is for two agents"),
        ({"sequence": {"jobs": [JOB], "horizon": 4}}, "sequence.horizon: ends the search where inserted_idle"),
        ({"sequence": {"aircraft_landing": "a.txt", "method": "labels"}}, "sequence.method: is about jobs"),
        ({"surplus": 1}, "unknown key 'surplus'"),
        ({"sequence": {}}, "sequence: give either jobs or aircraft_landing"),
        ({"sequence": {"jobs": [{"name": "a", "value": "f", "duration": -1}]}}, r"duration.*row 1.*at least 0"),
        ({"sequence": {"jobs": [{"name": "a", "value": "x", "duration": 1}]}}, r"jobs\.value \(row 1\): 'x' is not"),
        ({"sequence": {"jobs": [{"name": "a", "value": "f", "duration": 1}] * 2}}, "occurs twice"),
        ({"sequence": {"aircraft_landing": "none.txt"}}, "none.txt.*there is no such file"),
        ({"sequence": {"jobs": [{"name": "a", "value": "f", "duration": 1}], "idle": True}}, "unknown key 'idle'"),
        ({"sequence": {"jobs": [{"name": "a", "value": "f", "duration": 1}], "inserted_idle": 2}}, "inserted_idle"),
    ],
)  # fmt: skip
def test_a_wrong_document_is_refused_with_one_clear_line(paper: Paper, changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word) as caught:
        api.solve(paper(**changes))
    assert "\n" not in str(caught.value)


def test_values_beyond_the_domain_of_a_sequence(paper: Paper) -> None:
    values = {"f": {"kind": "points", "points": [[0, 1], [2, 0]]}}
    jobs = [{"name": "a", "value": "f", "duration": 1}, {"name": "b", "value": "f", "duration": 2}]
    with pytest.raises(InstanceError, match=re.escape("values.f (row 1): is known on [0, 2] only")):
        api.load(paper(values=values, agents=None, sequence={"jobs": jobs}))


PLANE = "1 0\n0 5 6 9 1 1\n99999\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "too short"),
        ("2 10\n0 1 2 3 1 1\n0 5\n", "2 planes need 18 numbers"),
        ("1 0\n0 7 6 9 1 1\n0\n", r"plane \(row 1\): earliest 7, target 6 and latest 9 must not decrease"),
        ("1 0\n0 5 6 x 1 1\n0\n", r"'x' is not a number \(number 6 of the file\)"),
        ("1 0\n0 5 6 9 -1 1\n0\n", "at least 0"),
        ("2 0\n0 5 6 9 1 1\n0 -3\n0 5 6 9 1 1\n3 0\n", "a separation is at least 0"),
        ("0 0\n", "not a number of planes"),
        ("1.5 0\n", "not a number of planes"),
        ("1e9 0\n", "not a number of planes"),
        ("1 nan\n0 5 6 9 1 1\n0\n", "finite|not a number"),
        (
            "2 0\n0 1 2 3 1 1\n0 9\n0 1 2 3 1 1\n9 0\n",
            r"plane \(row 1\): its window \[1, 3\] leaves no room for plane 2, ",
        ),
    ],
)
def test_a_malformed_landing_file_is_refused_with_its_place(paper: Paper, tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "landing.txt").write_text(text, encoding="ascii")
    spec = {"aircraft_landing": str(tmp_path / "landing.txt")}
    with pytest.raises(InstanceError, match=word) as caught:
        api.load(paper(agents=None, values=None, sequence=spec))
    assert "landing.txt" in str(caught.value)


def test_windows_that_only_together_leave_no_room_are_refused(paper: Paper, tmp_path: Path) -> None:
    """Any two of these three planes can land."""
    plane, gaps = "0 1 2 4 1 1\n", ("0 3 3\n", "3 0 3\n", "3 3 0\n")
    (tmp_path / "landing.txt").write_text("3 0\n" + "".join(plane + gap for gap in gaps), encoding="ascii")
    spec = {"aircraft_landing": str(tmp_path / "landing.txt")}
    with pytest.raises(InstanceError, match=r"sequence.aircraft_landing: landing.txt: no landing times keep every"):
        api.solve(paper(agents=None, values=None, sequence=spec))


@pytest.mark.parametrize(
    ("horizon", "word"), [(1, "no schedule ends by 1; give a later horizon"), (-2, "-2 is before the first release")]
)
def test_a_horizon_that_is_too_early_is_refused(paper: Paper, horizon: int, word: str) -> None:
    jobs = [{"name": name, "value": "f", "duration": 1} for name in "ab"]
    with pytest.raises(InstanceError, match=f"sequence.horizon: {word}"):
        api.solve(paper(agents=None, sequence={"jobs": jobs, "inserted_idle": True, "horizon": horizon}))


def test_the_map_of_who_goes_first_lists_gains_exactly(paper: Paper) -> None:
    """In floats, the ties of two like agents came out as 1e-16."""
    from mechopt.mechanisms.borrowing.plots import pictures

    model = api.load(paper())
    numbers = pictures(model.environment, api.solve(model))[0].numbers
    ties = [gain for one, two, gain in zip(*numbers.values(), strict=True) if one == two]
    assert ties == [0.0] * 12


def test_shipped_models_and_the_starter_solve_and_report() -> None:
    shipped = [name for name in catalog.models() if name.startswith("borrowing/")]
    assert "borrowing/paper_example" in shipped
    for source in ("borrowing/paper_example", catalog.starter("borrowing")):
        outcome = api.check(source)
        assert all(finding.holds for finding in outcome.checks)
        assert api.report(source).startswith("<!")


SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.integers(-3, 3), st.sampled_from(["1/2", "x", "", True, None, 0.5, [], {}, [[0, 1], [2, 0]]])
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_changed_only_mechopt_errors_come_out(data: st.DataObject) -> None:
    from copy import deepcopy

    document: dict[str, Any] = {
        "mechanism": "borrowing", "design": "two_stage",
        "values": {"f": {"kind": "points", "points": [[0, 1], [2, 0]]}},
        "agents": [{"beliefs": {"f": 1}, "time": {"family": "uniform"}} for _ in range(2)],
        "rounds": [{"value_1": "f", "time_1": 0, "value_2": "f", "time_2": 1}],
        "sequence": {"jobs": [{"name": "a", "value": "f", "duration": 1}], "since_release": False, "method": "labels",
                     "beliefs": [{"job": "a", "beliefs": {"f": 1}, "time": {"family": "uniform"}}]},
    }  # fmt: skip
    changed = deepcopy(document)
    for _ in range(data.draw(st.integers(1, 2))):
        place: Any = changed
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
                place = place[key]
                continue
            place[key] = deepcopy(data.draw(SCALARS))  # the next change may reach into it
            break
    try:
        from_document(instance.read_document(changed))
    except MechoptError as error:
        lines = str(error).splitlines()
    else:
        lines = ["accepted"]
    assert len(lines) == 1
