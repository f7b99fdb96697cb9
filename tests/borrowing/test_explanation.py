"""The words behind a settlement say what is true: places, payments, who is displaced, and where the order turns."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api, cli
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import values as value
from mechopt.mechanisms.borrowing.explained_rounds import order_by_time
from mechopt.mechanisms.borrowing.transfers import allocate, worth

F = Fraction
FUNCTIONS = [
    value.polynomial("line", [1, -1]),
    value.polynomial("rising", [0, F(1, 2)]),
    value.polynomial("cubic", [1, F(-1, 2), F(1, 3), F(-1, 4)]),
    value.points("kinked", [(F(0), F(1)), (F(1, 2), F(1, 2)), (F(2), F(-1))]),
    value.pieces("step", [F(3, 4)], [[1], [0]]),
]


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(FUNCTIONS),
    st.sampled_from(FUNCTIONS),
    st.fractions(0, 1, max_denominator=20),
    st.integers(0, 1),
    st.fractions(0, 1, max_denominator=97),
)
def test_the_order_along_one_time_is_that_of_the_rule(
    one: value.ValueFunction, two: value.ValueFunction, known: Fraction, agent: int, time: Fraction
) -> None:
    signs = order_by_time(one, two, known, agent)
    assert signs[0][0] == 0
    assert signs[-1][1] == 1
    share = allocate(*worth(one, two, *((time, known) if agent == 0 else (known, time))))
    inside = [sign for low, high, sign in signs if low < time < high]
    assert all(sign == int(share[0] - share[1]) for sign in inside)


def test_rounds_say_who_goes_first_and_where_the_order_turns(paper: Callable[..., dict[str, Any]]) -> None:
    rounds = [{"value_1": "f", "time_1": "3/4", "value_2": "g", "time_2": "1/4"},
              {"value_1": "f", "time_1": "1/2", "value_2": "f", "time_2": "1/2"}]  # fmt: skip
    words = api.explain(paper(rounds=rounds), "2")
    assert "being second costs it 3/8 and the other 1/4, so it goes first" in words
    assert "A reported time above 3/8 would change the order" in words
    assert "a fair lottery decides" in words
    assert "Any other time it reported would decide the order" in words
    assert "constant -25/96" in words
    named = paper(rounds=rounds)
    named["agents"] = [{**named["agents"][0], "name": "ferry"}, named["agents"][1]]
    assert api.explain(named, "ferry").startswith("ferry.")


@pytest.mark.parametrize("design", ["one_stage", "two_stage", "pivot", "minimum_variance"])
def test_every_design_has_words(paper: Callable[..., dict[str, Any]], design: str) -> None:
    assert "It receives" in api.explain(paper(design=design), "1") or design == "one_stage"
    assert "no rounds" in api.explain(paper(design=design), "agent 2")


@pytest.mark.checkout
def test_what_a_job_pays_under_the_pivot_is_what_the_others_lose() -> None:
    outcome = api.solve("borrowing/canal_passage")
    table = outcome.tables["order"]
    for name, paid in zip(table["name"], table["transfer"], strict=True):
        words = api.explain("borrowing/canal_passage", name, outcome=outcome)
        found = re.search(r"could have ([\d/,]+) k\$ more", words)
        assert (F(found[1].replace(",", "")) if found else 0) == -paid
        listed = [F(x) * (1 if kind == "loses" else -1) for kind, x in re.findall(r"(loses|gains) ([\d/]+) k", words)]
        if "more\n" not in words.split("displaces:")[-1] and found:
            assert sum(listed) == -paid


@pytest.mark.checkout
def test_planes_and_late_trucks_have_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["solve", "borrowing/runway_slots", "--explain", "3"]) == 0
    words = capsys.readouterr().out
    assert "8 before its target of 90" in words
    assert "could have 200 cost more" in words
    assert "leaves no" not in words
    assert "displaces" in api.explain("borrowing/border_inspection", "flowers")
    assert cli.main(["solve", "borrowing/runway_slots", "--explain", "21"]) == 2
    assert "no agent '21'" in capsys.readouterr().err


def test_nobody_is_refused_by_name(paper: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(InstanceError, match="no agent '3'"):
        api.explain(paper(), "3")


def test_one_job_alone() -> None:
    document = {
        "mechanism": "borrowing",
        "values": {"v": {"kind": "polynomial", "coefficients": [3, -1]}},
        "sequence": {"jobs": [{"name": "only", "value": "v", "duration": 1}]},
    }
    words = api.explain(document, "only")
    assert "goes 1st of 1" in words
    assert "Nobody else" in words
