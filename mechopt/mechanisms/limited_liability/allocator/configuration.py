"""What an allocator is set up with, as it stands in the first event of its journal."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

import msgspec

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.limited_liability.arithmetic import Ledger
from mechopt.mechanisms.limited_liability.online import Online
from mechopt.mechanisms.limited_liability.rules import Payment, Rules

NAME = "configuration"
Proposed = Literal["baseline", "strategic", "consistent", "discounted", "bounded_values", "exploration"]


class Configuration(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The set-up.

    Attributes:
        agents: distinct names, in the order of the mechanism.
        decisions: distinct names; a tie goes to the first.
        variant: of the mechanism; not "pivot".
        output_bound: y_max, in whole units: no value or output is larger.
        counterfactuals: strategic only: "verified" where outputs of decisions not taken are checked, "reported" where
            agents state them, which is unsafe: here they are entered after the draw, so that nothing seals them.
        payment, discount, exploration_exponent, use_regret_b: as in a model document.
        title: optional.
    """

    agents: list[str]
    decisions: list[str]
    output_bound: int
    variant: Proposed = "consistent"
    payment: Payment = "output"
    counterfactuals: Literal["reported", "verified"] = "reported"
    discount: Any = None
    exploration_exponent: Any = "1/3"
    use_regret_b: bool = True
    title: str = ""

    def rules(self) -> Rules:
        """The rules of the online mechanism.

        Raises:
            InstanceError: a name twice, no bound, or parameters that do not fit the variant.
        """
        for kind in ("agents", "decisions"):
            names = getattr(self, kind)
            if not names or not all(names):
                raise InstanceError("needs one or more names that are not empty", key=kind)
            if len(set(names)) < len(names):
                raise InstanceError("names must differ", key=kind)
        if self.output_bound < 1:
            raise InstanceError(f"must be at least 1, not {self.output_bound}", key="output_bound")
        return Rules(
            variant=self.variant,
            agents=len(self.agents),
            discount=_fraction(self.discount, "discount"),
            exploration_exponent=_fraction(self.exploration_exponent, "exploration_exponent") or Fraction(1, 3),
            payment=self.payment,
            use_regret_b=self.use_regret_b,
            counterfactuals=self.counterfactuals,
        )


def read(table: Mapping[str, Any]) -> Configuration:
    """A configuration from plain data.

    Raises:
        InstanceError: names the key at fault.
    """
    try:
        found = Document(data={NAME: table}, path=None).section(NAME, Configuration)
    except InstanceError as error:
        raise InstanceError(error.problem, key=str(error.key).removeprefix(f"{NAME}.")) from None
    Online(found.rules(), Ledger())  # refuses what the integer ledger cannot hold
    return found


def _fraction(value: Any, key: str) -> Fraction | None:
    if value is None:
        return None
    try:
        return Fraction(exact.parse(value))
    except ValueError as error:
        raise InstanceError(str(error), key=key) from None
