"""A certificate for other bounds, against the certificate made from nothing."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.certify import Certificate, certify, certify_basis
from mechopt.errors import CertificateError
from mechopt.program import LinearProgram
from mechopt.recertify import Recertifier
from mechopt.solver import solve

FIELDS = ("column_side", "row_side", "reduced_sign", "dual_sign")


def knapsack(seed: int, *, exact: bool = False) -> LinearProgram:
    """A maximum or minimum whose rows are all tight, with few digits so that limits are met."""
    rng = np.random.default_rng(seed)
    matrix, upper = rng.integers(1, 9, (2, 6)) / 4, rng.integers(0, 9, 6) / 2
    upper[:2] = np.inf
    matrix[:, :2] = np.eye(2)
    values: Any = {"upper": upper, "row_upper": matrix[:, 2:] @ upper[2:] * 0.5 + 0.25}
    if exact:
        values = {name: np.array([Fraction(v).limit_denominator(10) if np.isfinite(v) else v for v in array],
                                 dtype=object) for name, array in values.items()}  # fmt: skip
    least = seed % 2 == 1
    sign = -1.0 if least else 1.0
    return LinearProgram.from_dense(
        matrix, sense="min" if least else "max", cost=sign * rng.integers(4, 9, 6) / 4, lower=0.0,
        row_lower=values["row_upper"] if seed % 3 == 0 else np.full(2, -np.inf), offset=Fraction(1, 3), **values,
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 400), exact=st.booleans(), change=st.lists(st.integers(0, 12), min_size=4, max_size=4),
       low=st.integers(0, 2))  # fmt: skip
def test_other_bounds_are_certified_as_from_nothing(seed: int, exact: bool, change: list[int], low: int) -> None:
    program = knapsack(seed, exact=exact)
    certificate = certify(program, solve(program))
    assert isinstance(certificate, Certificate)
    try:
        again = Recertifier(certificate)
    except CertificateError:
        assert np.any(certificate.basis.rows == 1)
        return
    part: Any = Fraction(1, 2) if exact else 0.5
    upper = program.upper.copy()
    upper[2:] = np.array(change) * part
    lower = np.minimum(np.full(6, low * part), upper)
    moved = program.bounded(lower=lower, upper=upper)
    try:
        expected = certify_basis(moved, again.basis)
    except CertificateError:
        with pytest.raises(CertificateError):
            again.certify(moved)
        return
    found = again.certify(moved)
    assert found.objective == expected.objective
    assert found.basic_value == expected.basic_value
    assert found.dual.tolist() == expected.dual.tolist()
    assert found.point.tolist() == expected.point.tolist()
    for name in FIELDS:
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name


def test_another_program_is_refused() -> None:
    program = knapsack(2)
    certificate = certify(program, solve(program))
    assert isinstance(certificate, Certificate)
    with pytest.raises(CertificateError, match="another"):
        Recertifier(certificate).certify(knapsack(4))


def test_bounds_are_checked_where_only_they_change() -> None:
    program = knapsack(2)
    moved = program.bounded(upper=np.ones(6))
    assert moved.value is program.value
    assert moved.upper.tolist() == [1.0] * 6
    assert not moved.upper.flags.writeable
    for bad in (np.full(6, np.nan), np.full(6, -np.inf), np.ones(5)):
        with pytest.raises(ValueError, match="upper"):
            program.bounded(upper=bad)
