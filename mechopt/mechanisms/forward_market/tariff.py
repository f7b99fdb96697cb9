"""The forward market's price schedule: the price P(y) of the marginal unit at an aggregate position y.

An agent who demands x pays the integral of P(z - e_i + X_-i) over z from e_i to x. When all others demand r*, that is
C(x - r_i*) - C(e_i - r_i*) with C(y) the integral of P from 0 to y. Source: liu2020, Section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt.errors import InstanceError

Kind = Literal["linear", "block"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tariff:
    """A price schedule that never falls.

    Attributes:
        knots: y, units of supply, strictly increasing.
        prices: "linear": P at each knot, straight lines between; "block": P on each interval between knots, one less.
            Beyond the first and the last knot the price stays as it is there.
        kind: "linear" or "block".
    """

    knots: Sequence[float]
    prices: Sequence[float]
    kind: Kind = "linear"

    def __post_init__(self) -> None:
        for name in ("knots", "prices"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        needed = len(self.knots) - (self.kind == "block")
        if len(self.knots) < 2:
            raise InstanceError(f"needs at least 2 knots, not {len(self.knots)}", key="tariff.y")
        if len(self.prices) != needed:
            raise InstanceError(
                f"has {len(self.prices)} prices for {len(self.knots)} knots; a {self.kind} tariff needs {needed}",
                key="tariff.p",
            )
        if not np.isfinite([*self.knots, *self.prices]).all():
            raise InstanceError("must be finite", key="tariff")
        for key, row, strict in (("tariff.y", self.knots, True), ("tariff.p", self.prices, False)):
            for place in range(1, len(row)):
                if row[place] < row[place - 1] or (strict and row[place] == row[place - 1]):
                    raise InstanceError(
                        f"must be increasing: {row[place]:g} follows {row[place - 1]:g}", key=key, row=place + 1
                    )

    @property
    def bends(self) -> Floats:
        """Where P may have a kink or a step."""
        return np.array(self.knots)

    def price(self, position: ArrayLike, *, side: Literal["left", "right"] = "right") -> Floats:
        """P(y); at a step, the price of the next ("right") or of the last ("left") unit."""
        place = np.asarray(position, dtype=np.float64)
        if self.kind == "linear":
            return np.asarray(np.interp(place, self.knots, self.prices))
        block = np.searchsorted(np.array(self.knots), place, side=side) - 1
        return np.array(self.prices)[np.clip(block, 0, len(self.prices) - 1)]

    def cost(self, position: ArrayLike) -> Floats:
        """C(y), the integral of P from 0 to y; convex, because P never falls."""
        place = np.asarray(position, dtype=np.float64)
        return self._from_first(place) - self._from_first(np.zeros(()))

    def _from_first(self, place: Floats) -> Floats:
        """The integral of P from the first knot."""
        knots, total = np.array(self.knots), self._totals
        block = np.clip(np.searchsorted(knots, place, side="right") - 1, 0, knots.size - 2)
        inside = np.clip(place, knots[0], knots[-1])
        step = inside - knots[block]
        if self.kind == "block":
            within = np.array(self.prices)[block] * step
        else:
            first, last = np.array(self.prices)[block], np.array(self.prices)[block + 1]
            within = first * step + (last - first) / (knots[block + 1] - knots[block]) * step**2 / 2
        outside = (place - inside) * np.where(place < inside, self.prices[0], self.prices[-1])
        return total[block] + within + outside

    @cached_property
    def _totals(self) -> Floats:
        width, price = np.diff(self.knots), np.array(self.prices)
        mean = price if self.kind == "block" else (price[1:] + price[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(width * mean)])
