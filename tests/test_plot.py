"""`plot()` of every result: the report's own pictures, as figures that carry their titles."""

from __future__ import annotations

import pickle

import pytest

import mechopt
from mechopt import catalog, mechanisms
from mechopt.errors import InstanceError
from mechopt.outcome import Outcome
from mechopt.report import page

QUICK = {
    "overage": "overage/cap_and_share",
    "linked_vcg": "linked_vcg/figure_1a",
    "borrowing": "borrowing/paper_example",
    "forward_market": "forward_market/figure_1",
    "limited_liability": "limited_liability/starter",
}
TABLES = [
    ("design", "borrowing/paper_example"),
    ("simulate", "borrowing/paper_example"),
    ("simulate", "forward_market/medical_equipment"),
    ("design", "limited_liability/starter"),
]


def look(outcome: Outcome) -> None:
    """Every picture of an outcome is a labelled figure, and the report's."""
    drawn = outcome.pictures()
    assert drawn
    assert outcome.plot(-1).axes[0].get_title() == drawn[-1].title
    for picture in drawn:
        assert picture.caption
        assert picture.alt
        assert picture.numbers
        axes = picture.figure.axes[0]
        assert axes.get_xlabel() or axes.get_ylabel() or not axes.axison, picture.title  # names need no label
    assert drawn[0]._repr_svg_() == drawn[0].svg, "drawn once: a layout moves when it is made again"
    assert page(outcome, drawn).count("data:image/svg+xml") == len(drawn)


@pytest.mark.parametrize("mechanism", mechanisms.MECHANISMS)
def test_a_solved_model_is_drawn(mechanism: str) -> None:
    look(mechopt.solve(str(catalog.starter(mechanism)) if QUICK[mechanism].endswith("starter") else QUICK[mechanism]))


@pytest.mark.parametrize(("verb", "name"), TABLES)
def test_a_design_and_a_simulation_are_drawn(verb: str, name: str) -> None:
    mechanism = name.partition("/")[0]
    source = str(catalog.starter(mechanism)) if name.endswith("starter") else name
    look(getattr(mechopt, verb)(source))


@pytest.mark.parametrize("mechanism", mechanisms.MECHANISMS)
def test_whatever_is_computed_has_its_pictures(mechanism: str) -> None:
    offered = vars(mechanisms.get(mechanism))["__all__"]
    assert "pictures" in offered
    assert all(f"{verb}_pictures" in offered for verb in ("design", "simulate") if verb in offered)


def test_a_picture_is_found_by_its_title_and_a_wrong_one_is_refused() -> None:
    outcome = mechopt.solve(QUICK["overage"])
    titles = [picture.title for picture in outcome.pictures()]
    assert outcome.plot(titles[-1]).axes[0].get_title() == titles[-1]
    with pytest.raises(InstanceError, match="1 'Who bears what'"):
        outcome.plot("no such picture")
    with pytest.raises(InstanceError, match="there is no picture 99"):
        outcome.plot(99)


def test_a_report_has_the_outcomes_own_pictures() -> None:
    outcome = mechopt.solve(QUICK["linked_vcg"])
    assert page(outcome).count("data:image/svg+xml") == len(outcome.pictures()) > 0


def test_an_outcome_travels_with_its_pictures() -> None:
    outcome = pickle.loads(pickle.dumps(mechopt.solve(QUICK["borrowing"])))
    assert outcome.plot().axes


def test_a_result_without_pictures_says_so() -> None:
    outcome = mechopt.solve(QUICK["overage"])
    bare = Outcome(
        mechanism="", title="", status="", guarantee=outcome.guarantee, summary={}, tables={},
    )  # fmt: skip
    assert bare.pictures() == ()
    with pytest.raises(InstanceError, match="there are none"):
        bare.plot()
