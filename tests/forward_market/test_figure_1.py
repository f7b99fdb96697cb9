"""The picture of Figure 1 of the paper: its pieces, its kink and its crossing, against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import mechopt
from mechopt.mechanisms import forward_market


def test_the_curves_have_the_closed_form_pieces_and_the_crossing_is_the_root_of_their_difference() -> None:
    environment = mechopt.load("forward_market/figure_1").environment
    (found,) = (
        picture
        for picture in forward_market.pictures(environment, mechopt.solve("forward_market/figure_1"))
        if picture.title == "Interior and cornered holdings"
    )
    demand, interior, cornered = (np.array(found.numbers[name]) for name in ("demand", "interior", "cornered"))
    pieces = np.where(demand <= 1 / 3, 1 / 9 + demand / 6, 1 / 3 - demand / 2)
    np.testing.assert_allclose(cornered, pieces, atol=1e-12)
    (kink,) = np.flatnonzero(demand == 1 / 3)
    assert cornered[kink] == pytest.approx(1 / 6, abs=1e-13)
    assert interior[kink] == pytest.approx(85 / 162 - 14 * 7**0.5 / 81, abs=1e-12)
    roots = np.roots([2268, -4428, 3780, -1176, 49])
    (crossing,) = (root.real for root in roots if abs(root.imag) < 1e-9 and 1 / 3 < root.real < 2 / 3)
    assert f"cross at {crossing:.8g}." in found.caption
