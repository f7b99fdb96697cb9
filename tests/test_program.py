"""Programs as arrays: shapes, names, exact numbers, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.program import LinearProgram, MixedIntegerProgram


def program(**changes: Any) -> LinearProgram:
    given: dict[str, Any] = {
        "matrix": [[1.0, 2.0], [0.0, 3.0]],
        "sense": "max",
        "cost": [1.0, 1.0],
        "lower": 0.0,
        "upper": np.inf,
        "row_lower": -np.inf,
        "row_upper": [4.0, 3.0],
    }
    given.update(changes)
    if np.ndim(given["row_lower"]) == 0:
        given["row_lower"] = np.full(2, given["row_lower"])
    return LinearProgram.from_dense(given.pop("matrix"), **given)


def test_dense_and_triplets_give_the_same_columns() -> None:
    dense = program()
    sparse = LinearProgram.from_triplets(
        [1, 0, 0],
        [1, 1, 0],
        [3.0, 2.0, 1.0],
        sense="max",
        cost=[1.0, 1.0],
        lower=0.0,
        upper=np.inf,
        row_lower=[-np.inf, -np.inf],
        row_upper=[4.0, 3.0],
    )
    for name in ("start", "index", "value"):
        assert getattr(dense, name).tolist() == getattr(sparse, name).tolist()
    assert dense.start.tolist() == [0, 1, 3]
    assert dense.index.tolist() == [0, 0, 1]


def test_activity_objective_and_violation_follow_the_definition() -> None:
    lp = program(offset=10.0)
    point = np.array([1.0, 2.0])
    assert lp.activity(point).tolist() == [5.0, 6.0]
    assert lp.objective(point) == 13.0
    # Row 0 is over by 1 of 4, row 1 by 3 of 3.
    assert lp.violation(point) == 1.0
    assert lp.violation(np.array([0.0, 0.0])) == 0.0
    assert lp.violation(np.array([-0.5, 0.0])) == 0.5
    assert np.isnan(lp.violation(np.array([np.nan, 0.0])))


def test_exact_numbers_stay_exact() -> None:
    third = Fraction(1, 3)
    lp = program(matrix=np.array([[third, 2], [0, 3]], dtype=object), cost=np.array([third, 1], dtype=object))
    point = np.array([Fraction(3), Fraction(1, 7)], dtype=object)
    assert lp.activity(point).tolist() == [Fraction(9, 7), Fraction(3, 7)]
    assert lp.objective(point) == Fraction(8, 7)


def test_arrays_are_read_only() -> None:
    lp = program()
    for name in ("cost", "value", "lower", "upper", "row_lower", "row_upper", "start", "index"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(lp, name)[...] = 0


def test_names_are_the_models_own_or_numbered() -> None:
    assert program().row_name(1) == "row 1"
    assert program(row_names=["stock of gpu", "stock of cpu"]).row_name(0) == "stock of gpu"
    assert program().column_name(0) == "column 0"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sense": "maximise"}, "sense"),
        ({"cost": [1.0, np.nan]}, "cost must be finite"),
        ({"matrix": [[1.0, np.inf], [0.0, 1.0]]}, "value must be finite"),
        ({"upper": [np.nan, 1.0]}, "NaN"),
        ({"lower": np.inf}, "inf"),
        ({"row_upper": [1.0, 2.0, 3.0]}, "row_upper"),
        ({"row_names": ["one"]}, "row_names"),
        ({"offset": np.nan}, "not finite"),
        ({"matrix": [1.0, 2.0]}, "dimensions"),
    ],
)
def test_wrong_data_are_refused_by_name(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        program(**changes)


def test_an_entry_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        LinearProgram.from_triplets(
            [0, 0], [0, 0], [1.0, 1.0], sense="min", cost=[1.0], lower=0.0, upper=1.0, row_lower=[0.0], row_upper=[1.0]
        )


def test_whole_variables_are_marked() -> None:
    mip = MixedIntegerProgram.from_dense(
        [[1.0, 2.0]],
        sense="max",
        cost=[1.0, 1.0],
        lower=0.0,
        upper=1.0,
        row_lower=[-np.inf],
        row_upper=[2.5],
        integer=[True, False],
    )
    assert mip.integer.tolist() == [True, False]
    assert mip.rows == 1
