"""A finding: what a check of one property on one instance says, with its margin and its witness."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Number = int | float | Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A property checked on one instance.

    Attributes:
        property: the property's name.
        margin: distance to violation; negative where the property is violated.
        tolerance: the largest violation that rounding explains; 0 where the arithmetic was exact.
        evidence: how the margin was found, in one line.
        witness: what shows the margin: the account, the deviation, the two sides; None where nothing is to show.
    """

    property: str
    margin: Number
    tolerance: Number
    evidence: str
    witness: dict[str, Any] | None = None

    @builtins.property  # the field `property` hides the name
    def holds(self) -> bool:
        """True where the margin is at least -tolerance; NaN fails."""
        return bool(self.margin >= -self.tolerance)

    def to_dict(self) -> dict[str, Any]:
        """The finding as the contract prints it."""
        return {
            "property": self.property,
            "holds": self.holds,
            "margin": self.margin,
            "tolerance": self.tolerance,
            "evidence": self.evidence,
            "witness": self.witness,
        }
